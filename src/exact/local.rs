//! The program near a point: units far from their kinks are frozen on their piece, which leaves a relaxation (freezing replaces
//! each of them by one of its supporting lines), and what is left is a small linear program in the displacement d,
//! y = y₀ + σ·d, over the open units and the coordinates. Its right-hand sides are computed exactly at y₀ before they are
//! rounded, so its basis is right where that of the whole program, known to a tolerance of 1e-7, is not (iterative refinement).

use std::sync::Arc;

use icnn_solvers::highs::Highs;
use icnn_solvers::{BasisStatus, LinearProgram, LpOptions, Status};
use sprs::CsMat;

use super::Failure;
use super::dyadic::Dyadic;
use super::pattern::{Pattern, Place, Role, Side, functions};
use super::planes::{Digits, Planes, Sum};
use super::reduce::{Reduced, Tie, lines, reduce};
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::ir::scalar::Scalar;

/// Displacements beyond this, times σ, are for the next round.
const TRUST: f64 = 1024.0;

/// Most open units: their program is dense.
const MOST_OPEN: usize = 4000;

/// What a local program says.
#[derive(Debug)]
pub struct Local {
    /// The pattern of its basis, with its point.
    pub pattern: Pattern,
    /// Whether the optimum is farther away than it may go.
    pub at_trust: bool,
}

/// `pattern` with the units left open whose pre-activation is within `tolerance`·max(1, size) of a kink at the pattern's point, and
/// those that `also` has open. `size` is that of the numbers which make up the pre-activation, as far as the trace shows it.
pub fn opened(
    pattern: &Pattern,
    also: Option<&Pattern>,
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    tolerance: f64,
) -> Result<Pattern, Failure> {
    let mut out = pattern.clone();
    for (k, function) in functions(instance, domain).into_iter().enumerate() {
        let trace = function.forward(&pattern.y).map_err(|e| Failure::Form(e.to_string()))?;
        for (n, node) in function.program().nodes().iter().enumerate() {
            let roles = &mut out.functions[k][n];
            let before = |i: usize| also.is_some_and(|p| matches!(p.functions[k][n][i], Role::Open(_)));
            match &node.op {
                Op::Unit { input, unit } => {
                    let size = trace.of(*input).iter().fold(1.0f64, |m, t| m.max(t.abs()));
                    for (i, t) in trace.of(*input).iter().enumerate() {
                        let Scalar::Lines(lines) = function.scalar(unit, i) else { continue };
                        let range = lines.range_on(bounds[k].of(*input)[i]);
                        let breaks = &lines.breaks()[range.start..range.end - 1];
                        if !breaks.is_empty() && (before(i) || breaks.iter().any(|b| (t - b).abs() <= tolerance * size))
                        {
                            roles[i] = Role::Open(range.map(|k| k as u32).collect());
                        }
                    }
                }
                Op::Group { input, groups, .. } if !roles.is_empty() => {
                    let t = trace.of(*input);
                    let size = t.iter().fold(1.0f64, |m, t| m.max(t.abs()));
                    for (g, role) in roles.iter_mut().enumerate() {
                        let group = groups.group(g);
                        let alive = bounds[k].alive(*input, group);
                        let top = alive.iter().map(|m| t[group[*m]]).fold(f64::NEG_INFINITY, f64::max);
                        let old = match also.map(|p| &p.functions[k][n][g]) {
                            Some(Role::Open(members)) => members.as_slice(),
                            _ => &[],
                        };
                        let near = |m: &usize| t[group[*m]] >= top - tolerance * size || old.contains(&(*m as u32));
                        let members: Vec<u32> = alive.into_iter().filter(near).map(|m| m as u32).collect();
                        if members.len() > 1 {
                            *role = Role::Open(members);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    Ok(out)
}

/// An open unit: a column.
struct Column {
    function: usize,
    node: NodeId,
    element: usize,
    /// Its value at the point, any number near it.
    value: f64,
    /// Its unit of measure.
    exponent: i32,
    /// Its rows in the program: (row, piece or member).
    rows: Vec<(usize, u32)>,
}

/// Solves the local program of a pattern with open units. `exponent`: σ = 2^exponent.
pub fn solved(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    open: &Pattern,
    exponent: i32,
    options: &LpOptions,
) -> Result<Local, Failure> {
    let all = functions(instance, domain);
    let p = domain.dimension();
    let mut reduced: Vec<Reduced> = vec![];
    let mut columns: Vec<Column> = vec![];
    for (k, function) in all.iter().enumerate() {
        let of = reduce(function, &bounds[k], &open.functions[k]).map_err(Failure::Form)?;
        let trace = function.forward(&open.y).map_err(|e| Failure::Form(e.to_string()))?;
        for (node, elements, _) in &of.weights {
            for element in elements {
                let value = trace.of(*node)[*element];
                columns.push(Column { function: k, node: *node, element: *element, value, exponent: 0, rows: vec![] });
            }
        }
        reduced.push(of);
        if columns.len() > MOST_OPEN {
            return Err(Failure::Form(format!("{} units are near their kinks", columns.len())));
        }
    }
    let wide = || Failure::Form("numbers too far apart".into());
    let values: Vec<Planes> = reduced
        .iter()
        .enumerate()
        .map(|(k, of)| at(of, &open.y, &columns, k))
        .collect::<Option<_>>()
        .ok_or_else(wide)?;
    let mut program = Rows::default();
    let sigma = f64::from(exponent).exp2();
    for (j, y) in open.y.iter().enumerate() {
        let side = |v: f64| (v - y) / sigma;
        program.columns.push((side(domain.lower()[j]).max(-TRUST), side(domain.upper()[j]).min(TRUST)));
    }
    program.columns.extend(columns.iter().map(|_| (f64::NEG_INFINITY, f64::INFINITY)));
    program.measure(&reduced, &mut columns);

    let objective = program.entries(&reduced[0], 0, 0, &columns, p);
    for c in 0..columns.len() {
        let Column { function: k, node, element, value, exponent: unit, .. } = columns[c];
        let of = &reduced[k];
        let at = |tie: &Tie| 1 + of.ties.iter().position(|t| t == tie).unwrap_or(0);
        let Role::Open(members) = &open.functions[k][node.index()][element] else { return Err(Failure::Pattern) };
        for (m, key) in members.iter().enumerate() {
            let (row, slope, intercept) = match &all[k].program().node(node).op {
                Op::Unit { unit, .. } => {
                    let pieces = lines(all[k].scalar(unit, element)).map_err(Failure::Form)?;
                    let piece = pieces.get(*key as usize).ok_or(Failure::Pattern)?;
                    (at(&Tie { node, element, member: 0 }), piece.slope, piece.intercept)
                }
                _ => (at(&Tie { node, element, member: m }), 1.0, 0.0),
            };
            // ζ − slope·(row) ≥ (slope·(row at y₀) + intercept − value) / σ, all over the column's unit of measure.
            let value_there = Dyadic { n: values[k].entry(row, 0, values[k].exponent()), e: values[k].exponent() };
            let right = value_there.times(&Dyadic::of(slope)).plus(&Dyadic::of(intercept)).minus(&Dyadic::of(value));
            let right = scaled(&right, -exponent - unit);
            let mut entries = program.entries(of, k, row, &columns, p);
            let factor = -slope * f64::from(-unit).exp2();
            entries.iter_mut().for_each(|(_, v)| *v *= factor);
            entries.push((p + c, 1.0));
            let convex = is_convex(&all, k, node, element);
            let (lower, upper) = if convex { (right, f64::INFINITY) } else { (f64::NEG_INFINITY, right) };
            let row = program.push(entries, lower, upper);
            columns[c].rows.push((row, *key));
        }
    }
    let first = program.rows.len();
    for row in domain.rows() {
        let activity = row
            .coefficients
            .iter()
            .fold(Dyadic::ZERO, |s, (j, c)| s.plus(&Dyadic::of(*c).times(&Dyadic::of(open.y[*j]))));
        let side = |v: f64| {
            if v.is_finite() { scaled(&Dyadic::of(v).minus(&activity), -exponent) } else { v }
        };
        program.push(row.coefficients.clone(), side(row.lower), side(row.upper));
    }
    for (k, level) in domain.sublevels().iter().enumerate() {
        let values = &values[k + 1];
        let value = Dyadic { n: values.entry(0, 0, values.exponent()), e: values.exponent() };
        let right = scaled(&Dyadic::of(level.at_most).minus(&value), -exponent);
        let entries = program.entries(&reduced[k + 1], k + 1, 0, &columns, p);
        program.push(entries, f64::NEG_INFINITY, right);
    }

    let lp = program.finish(objective).ok_or_else(wide)?;
    let mut highs = Highs::new(&lp).map_err(|e| Failure::Form(e.to_string()))?;
    let outcome = highs.solve(options, None).map_err(|e| Failure::Form(e.to_string()))?;
    tracing::debug!(open = columns.len(), status = ?outcome.status, iterations = outcome.iterations, "local program");
    if outcome.status == Status::Infeasible
        && let Some(rows) = outcome.farkas.as_ref().and_then(|f| f.get(first..first + domain.rows().len()))
    {
        return Err(Failure::Empty(rows.to_vec()));
    }
    let (Status::Optimal, Some(basis)) = (outcome.status, outcome.basis.as_ref()) else { return Err(Failure::Pattern) };

    let mut pattern = open.clone();
    let mut at_trust = false;
    for j in 0..p {
        let (low, high) = program.columns[j];
        let v = outcome.primal[j];
        let moved = open.y[j] + sigma * v;
        let (lower, upper) = (domain.lower()[j], domain.upper()[j]);
        pattern.y[j] = moved.max(lower).min(upper);
        let trusted = |side: f64| side.abs() == TRUST;
        pattern.coordinates[j] = match basis.columns[j] {
            BasisStatus::Basic => Place::Free,
            BasisStatus::Lower if !trusted(low) => Place::Lower,
            BasisStatus::Upper if !trusted(high) => Place::Upper,
            _ if lower == upper => Place::Lower,
            _ => {
                at_trust = true;
                Place::Idle
            }
        };
    }
    for (i, row) in domain.rows().iter().enumerate() {
        pattern.rows[i] = match basis.rows[first + i] {
            BasisStatus::Basic => None,
            BasisStatus::Upper if row.upper.is_finite() => Some(Side::Upper),
            _ if row.lower.is_finite() => Some(Side::Lower),
            _ => Some(Side::Upper),
        };
    }
    let levels = first + domain.rows().len();
    for (k, level) in pattern.levels.iter_mut().enumerate() {
        *level = basis.rows[levels + k] != BasisStatus::Basic;
    }
    // Pieces by sign first, then those that bind.
    let by_sign = Pattern::at(&pattern.y, instance, domain, bounds).map_err(|e| Failure::Form(e.to_string()))?;
    for column in &columns {
        let binding: Vec<u32> =
            column.rows.iter().filter(|(row, _)| basis.rows[*row] != BasisStatus::Basic).map(|(_, key)| *key).collect();
        let (k, n, i) = (column.function, column.node.index(), column.element);
        let sign = by_sign.functions[k][n][i].clone();
        pattern.functions[k][n][i] = match (&all[k].program().node(column.node).op, binding.as_slice()) {
            (_, []) => sign,
            (Op::Unit { .. }, [only]) => Role::Piece(*only),
            (Op::Unit { .. }, [first, second]) if second - first == 1 => Role::Tie(*first),
            (Op::Unit { .. }, _) => sign,
            (_, members) => Role::Members(members.to_vec()),
        };
    }
    Ok(Local { pattern, at_trust })
}

/// Whether the unit lies above its pieces.
fn is_convex(all: &[&Instance], k: usize, node: NodeId, element: usize) -> bool {
    match &all[k].program().node(node).op {
        Op::Unit { unit, .. } => match all[k].scalar(unit, element) {
            Scalar::Lines(lines) => lines.pieces().windows(2).all(|w| w[0].slope <= w[1].slope),
            _ => true,
        },
        _ => true,
    }
}

/// The rows of a function at a point, with the columns at their values.
fn at(of: &Reduced, y: &[f64], columns: &[Column], function: usize) -> Option<Planes> {
    let rows = of.gradient.rows;
    let mut sum = Sum::new(rows, 1);
    sum.add_column(0, &of.constant, 0, &Digits::of(1.0));
    let all: Vec<usize> = (0..y.len()).collect();
    sum.add_product(rows, &of.gradient, &all, &Planes::of(y.len(), 1, |i, _| y[i])?, 0);
    let mut values = columns.iter().filter(|c| c.function == function).map(|c| c.value);
    for (_, elements, weights) in &of.weights {
        for at in 0..elements.len() {
            sum.add_column(0, weights, at, &Digits::of(values.next()?));
        }
    }
    sum.finish()
}

/// The nearest f64 of v·2^exponent, as far as it has one.
fn scaled(v: &Dyadic, exponent: i32) -> f64 {
    let v = v.shortened();
    let size = dashu_int::ops::BitTest::bit_len(&v.n) as i64;
    let cut = (size - 64).max(0);
    let top = (&v.n >> cut as usize).to_f64().value();
    let exponent = (v.e + cut + i64::from(exponent)).clamp(-2000, 2000) as i32;
    // In two steps, so that a power beyond the range of f64 does not swallow the number.
    top * f64::from(exponent / 2).exp2() * f64::from(exponent - exponent / 2).exp2()
}

#[derive(Default)]
struct Rows {
    columns: Vec<(f64, f64)>,
    rows: Vec<(Vec<(usize, f64)>, f64, f64)>,
}

impl Rows {
    /// The unit of measure of each column: the size of its pre-activation's slopes, so that coefficients are near 1.
    fn measure(&mut self, reduced: &[Reduced], columns: &mut [Column]) {
        for column in columns {
            let of = &reduced[column.function];
            let tied = |t: &&Tie| t.node == column.node && t.element == column.element;
            let row = 1 + of.ties.iter().position(|t| tied(&t)).unwrap_or(0);
            let largest = (0..of.gradient.columns).fold(0.0f64, |m, j| m.max(of.gradient.approximate(row, j).abs()));
            column.exponent = if largest > 0.0 && largest.is_finite() { largest.log2().ceil() as i32 } else { 0 };
        }
    }

    /// The coefficients of a row: of displacements, then of open units.
    fn entries(&self, of: &Reduced, function: usize, row: usize, columns: &[Column], p: usize) -> Vec<(usize, f64)> {
        let mut entries: Vec<(usize, f64)> = (0..p).map(|j| (j, of.gradient.approximate(row, j))).collect();
        let first = columns.iter().position(|c| c.function == function).unwrap_or(0);
        let weights = of.weights.iter().flat_map(|(_, elements, w)| (0..elements.len()).map(move |at| (w, at)));
        for (c, (weights, at)) in weights.enumerate() {
            let v = weights.approximate(row, at) * f64::from(columns[first + c].exponent).exp2();
            entries.push((p + first + c, v));
        }
        entries.retain(|(_, v)| *v != 0.0);
        entries
    }

    fn push(&mut self, entries: Vec<(usize, f64)>, lower: f64, upper: f64) -> usize {
        self.rows.push((entries, lower, upper));
        self.rows.len() - 1
    }

    fn finish(&self, objective: Vec<(usize, f64)>) -> Option<LinearProgram> {
        let n = self.columns.len();
        let mut lp = LinearProgram::new(n);
        objective.into_iter().for_each(|(j, v)| lp.objective[j] += v);
        (lp.column_lower, lp.column_upper) = self.columns.iter().copied().unzip();
        let (mut starts, mut indices, mut data) = (vec![0], vec![], vec![]);
        for (entries, lower, upper) in &self.rows {
            let mut entries = entries.clone();
            entries.sort_unstable_by_key(|e| e.0);
            for (j, v) in entries {
                match indices.last() {
                    Some(last) if *last == j && indices.len() > *starts.last()? => *data.last_mut()? += v,
                    _ => {
                        indices.push(j);
                        data.push(v);
                    }
                }
            }
            starts.push(indices.len());
            lp.row_lower.push(*lower);
            lp.row_upper.push(*upper);
        }
        lp.matrix = CsMat::try_new((self.rows.len(), n), starts, indices, data).ok()?;
        Some(lp)
    }
}
