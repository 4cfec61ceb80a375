//! The program near a point: units far from their kinks are frozen on their piece, which leaves a relaxation (freezing replaces
//! each of them by one of its supporting lines), and what is left is a small linear program in the displacement d,
//! y = y₀ + σ·d, over the open units and the coordinates. Its right-hand sides are computed exactly at y₀ before they are
//! rounded, so its basis is right where that of the whole program, known to a tolerance of 1e-7, is not (iterative refinement).

use std::sync::Arc;

use dashu_ratio::RBig;
use icnn_solvers::{Basis, BasisStatus, LinearProgram, LpOptions, LpOutcome, Status};

use super::Failure;
use super::dyadic::Dyadic;
use super::pattern::{Pattern, Place, Role, Side, functions};
use super::planes::Planes;
use super::reduce::{Reduced, Tie, lines, reduce};
use super::rows::{Column, Rows, at, exact_entries, scaled, whole};
use super::simplex;
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

/// How a local program is solved.
pub struct Means<'a> {
    /// σ = 2^exponent.
    pub exponent: i32,
    /// By HiGHS with these, where the build has it.
    pub options: &'a LpOptions,
    /// After that without rounding, and without any limit on how far to go.
    pub exactly: bool,
    /// Whether to give up.
    pub stopped: &'a dyn Fn() -> bool,
}

/// Numbers in the tableau of a program without rounding.
pub fn size(open: &Pattern, domain: &Domain) -> usize {
    let roles = open.functions.iter().flatten().flatten();
    let members = roles.filter_map(|role| if let Role::Open(members) = role { Some(members.len()) } else { None });
    let (units, kinks) = members.fold((0, 0), |(units, kinks), of_unit| (units + 1, kinks + of_unit));
    (domain.dimension() + units) * (1 + kinks + domain.rows().len() + domain.sublevels().len())
}

/// Solves the local program of a pattern with open units.
pub fn solved(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    open: &Pattern,
    means: &Means,
) -> Result<Local, Failure> {
    let Means { exponent, options, exactly, .. } = *means;
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
    let mut exact = simplex::Program::default();
    let sigma = f64::from(exponent).exp2();
    for (j, y) in open.y.iter().enumerate() {
        let side = |v: f64| (v - y) / sigma;
        program.columns.push((side(domain.lower()[j]).max(-TRUST), side(domain.upper()[j]).min(TRUST)));
    }
    program.columns.extend(columns.iter().map(|_| (f64::NEG_INFINITY, f64::INFINITY)));
    program.measure(&reduced, &mut columns);

    let objective = program.entries(&reduced[0], 0, 0, &columns, p);
    if exactly {
        let sides = domain.lower().iter().zip(domain.upper()).map(|(lower, upper)| (whole(*lower), whole(*upper)));
        exact.columns = sides.chain(columns.iter().map(|_| (None, None))).collect();
        exact.objective = exact_entries(&reduced[0], 0, 0, &columns, p, &RBig::ONE);
    }
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
            if exactly {
                let slope = Dyadic::of(-slope);
                let constant =
                    Dyadic { n: of.constant.entry(row, 0, of.constant.exponent()), e: of.constant.exponent() };
                let right = Some(Dyadic::of(intercept).minus(&constant.times(&slope)).rational());
                let mut entries = exact_entries(of, k, row, &columns, p, &slope.rational());
                entries.push((p + c, RBig::ONE));
                exact.rows.push((entries, if convex { (right, None) } else { (None, right) }));
            }
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
        let entries = row.coefficients.iter().filter(|_| exactly).map(|(j, c)| (*j, Dyadic::of(*c).rational()));
        exact.rows.push((entries.collect(), (whole(row.lower), whole(row.upper))));
    }
    for (k, level) in domain.sublevels().iter().enumerate() {
        let values = &values[k + 1];
        let value = Dyadic { n: values.entry(0, 0, values.exponent()), e: values.exponent() };
        let right = scaled(&Dyadic::of(level.at_most).minus(&value), -exponent);
        let entries = program.entries(&reduced[k + 1], k + 1, 0, &columns, p);
        program.push(entries, f64::NEG_INFINITY, right);
        if exactly {
            let constant = &reduced[k + 1].constant;
            let constant = Dyadic { n: constant.entry(0, 0, constant.exponent()), e: constant.exponent() };
            let right = Dyadic::of(level.at_most).minus(&constant).rational();
            let entries = exact_entries(&reduced[k + 1], k + 1, 0, &columns, p, &RBig::ONE);
            exact.rows.push((entries, (None, Some(right))));
        }
    }

    let lp = program.finish(objective).ok_or_else(wide)?;
    let outcome = in_f64(&lp, options)?;
    tracing::debug!(open = columns.len(), status = ?outcome.status, iterations = outcome.iterations, "local program");
    if outcome.status == Status::Infeasible
        && !exactly
        && let Some(rows) = outcome.farkas.as_ref().and_then(|f| f.get(first..first + domain.rows().len()))
    {
        return Err(Failure::Empty(rows.to_vec()));
    }
    let (basis, primal) = match (outcome.status, outcome.basis) {
        (_, hint) if exactly => {
            let none = Basis { columns: vec![], rows: vec![] };
            let (basis, values) =
                simplex::solve(&exact, &hint.unwrap_or(none), means.stopped).map_err(|failure| match failure {
                    Failure::Contradicted(rows) => {
                        Failure::Contradicted(rows.into_iter().skip(first).take(domain.rows().len()).collect())
                    }
                    failure => failure,
                })?;
            let values: Vec<f64> = values.iter().map(|v| v.to_f64().value()).collect();
            (basis, values)
        }
        (Status::Optimal, Some(basis)) => (basis, outcome.primal),
        _ => return Err(Failure::Pattern),
    };

    let mut pattern = open.clone();
    let mut at_trust = false;
    for (j, v) in primal.iter().enumerate().take(p) {
        let (low, high) = program.columns[j];
        let moved = if exactly { *v } else { open.y[j] + sigma * v };
        let (lower, upper) = (domain.lower()[j], domain.upper()[j]);
        pattern.y[j] = moved.max(lower).min(upper);
        let trusted = |side: f64| !exactly && side.abs() == TRUST;
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

/// What HiGHS says of a program; nothing where the build lacks it.
#[cfg(feature = "highs")]
fn in_f64(lp: &LinearProgram, options: &LpOptions) -> Result<LpOutcome, Failure> {
    let mut highs = icnn_solvers::highs::Highs::new(lp).map_err(|e| Failure::Form(e.to_string()))?;
    highs.solve(options, None).map_err(|e| Failure::Form(e.to_string()))
}

#[cfg(not(feature = "highs"))]
fn in_f64(_: &LinearProgram, _: &LpOptions) -> Result<LpOutcome, Failure> {
    Ok(LpOutcome::empty(Status::Failed, "this build has no solver in f64"))
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
