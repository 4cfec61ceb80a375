//! [`Pattern`]: which piece each unit is on, or between which two, and which sides of the domain hold y: all that makes the
//! optimum the solution of linear equations. Only a guess is needed: what comes of it is checked.

use std::sync::Arc;

use icnn_solvers::{Basis, BasisStatus};

use crate::certificate::Multipliers;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::lines::Lines;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;
use crate::lower::Linear;

/// A slope this near to that of a piece, in shares of the step to the next one, is that of the piece.
const SHARE: f64 = 1e-11;

/// A pre-activation this near to a breakpoint, relative to the largest of its node, may be at it.
const NEAR: f64 = 1e-10;

/// How one unit, or one maximum, takes part.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// A unit: on this piece.
    Piece(u32),
    /// A unit at the breakpoint between this piece and the next one.
    Tie(u32),
    /// A maximum: these members are the largest, by place in the group; at least one.
    Members(Vec<u32>),
    /// Left open: on one of these pieces, or one of these members; only a [`local`](super::local) program has it.
    Open(Vec<u32>),
}

/// What holds a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// Its lower bound.
    Lower,
    /// Its upper bound.
    Upper,
    /// Nothing but kinks and rows.
    Free,
    /// Nothing at all: it stays where it is.
    Idle,
}

/// Which side of a row holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Side {
    /// The lower one.
    Lower,
    /// The upper one.
    Upper,
}

/// The guess.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// A point nearby, in the box (length p).
    pub y: Vec<f64>,
    /// For f, then for each learned constraint: for each node one role per element of a unit, per group of a maximum.
    pub functions: Vec<Vec<Vec<Role>>>,
    /// For each coordinate.
    pub coordinates: Vec<Place>,
    /// For each row of the domain.
    pub rows: Vec<Option<Side>>,
    /// For each learned constraint whether it holds with equality.
    pub levels: Vec<bool>,
}

/// f and the learned constraints.
pub(crate) fn functions<'a>(instance: &'a Instance, domain: &'a Domain) -> Vec<&'a Instance> {
    std::iter::once(instance).chain(domain.sublevels().iter().map(|level| &level.function)).collect()
}

impl Pattern {
    /// Pieces by the values at y, sides by equality, no ties. `bounds`: of f, then of each learned constraint.
    ///
    /// Errors: a value that leaves the range of f64.
    pub fn at(y: &[f64], instance: &Instance, domain: &Domain, bounds: &[Arc<Bounds>]) -> Result<Pattern, Error> {
        let y = domain.clip(y);
        let mut all = vec![];
        for (function, bounds) in functions(instance, domain).into_iter().zip(bounds) {
            let trace = function.forward(&y)?;
            let nodes = function.program().nodes().iter().map(|node| match &node.op {
                Op::Unit { input, unit } => {
                    let scalars = function.scalars(unit, node.len);
                    let on = bounds.of(*input);
                    let role = |(i, t): (usize, &f64)| Role::Piece(piece(scalars.get(i), on[i], *t));
                    trace.of(*input).iter().enumerate().map(role).collect()
                }
                Op::Group { input, kind: GroupKind::Max, groups } => {
                    let t = trace.of(*input);
                    let first = |g: usize| {
                        let group = groups.group(g);
                        let alive = bounds.alive(*input, group);
                        let best = alive.iter().fold(alive[0], |b, k| if t[group[*k]] > t[group[b]] { *k } else { b });
                        Role::Members(vec![best as u32])
                    };
                    (0..node.len).map(first).collect()
                }
                _ => vec![],
            });
            all.push(nodes.collect());
        }
        let place = |(j, v): (usize, &f64)| match (*v == domain.lower()[j], *v == domain.upper()[j]) {
            (true, _) => Place::Lower,
            (_, true) => Place::Upper,
            _ => Place::Free,
        };
        Ok(Pattern {
            functions: all,
            coordinates: y.iter().enumerate().map(place).collect(),
            rows: vec![None; domain.rows().len()],
            levels: vec![false; domain.sublevels().len()],
            y,
        })
    }

    /// From a point of the box and the slopes behind a bound: where a slope lies between those of two pieces the unit is at their
    /// breakpoint, and members of a maximum with a weight are its largest. Where these are fewer than the coordinates that
    /// nothing else holds, units within rounding of a breakpoint are at it as well. For a domain without rows and learned constraints.
    ///
    /// Errors: a value that leaves the range of f64.
    pub fn of_slopes(
        y: &[f64],
        slopes: &Multipliers,
        instance: &Instance,
        domain: &Domain,
        bounds: &[Arc<Bounds>],
    ) -> Result<Pattern, Error> {
        let mut pattern = Pattern::at(y, instance, domain, bounds)?;
        let mut held = 0;
        for (n, node) in instance.program().nodes().iter().enumerate() {
            let (id, roles) = (NodeId(n as u32), &mut pattern.functions[0][n]);
            match &node.op {
                Op::Unit { input, unit } => {
                    let scalars = instance.scalars(unit, node.len);
                    for (i, role) in roles.iter_mut().enumerate() {
                        let Scalar::Lines(lines) = scalars.get(i) else { continue };
                        let (range, slope) = (lines.range_on(bounds[0].of(*input)[i]), slopes.of(id)[i]);
                        *role = of_slope(lines, range, slope).unwrap_or(role.clone());
                        held += usize::from(matches!(role, Role::Tie(_)));
                    }
                }
                Op::Group { groups, .. } => {
                    for (g, role) in roles.iter_mut().enumerate() {
                        let weights = slopes.of(id)[groups.range(g)].iter().enumerate();
                        let with: Vec<u32> = weights.filter(|(_, w)| **w > SHARE).map(|(k, _)| k as u32).collect();
                        held += with.len().saturating_sub(1);
                        if !with.is_empty() {
                            *role = Role::Members(with);
                        }
                    }
                }
                _ => {}
            }
        }
        let free = pattern.coordinates.iter().filter(|place| **place == Place::Free).count();
        if held < free {
            pattern.hold_near(instance, bounds)?;
        }
        Ok(pattern)
    }

    /// Puts units and maxima of f within rounding of a breakpoint at it.
    fn hold_near(&mut self, instance: &Instance, bounds: &[Arc<Bounds>]) -> Result<(), Error> {
        let trace = instance.forward(&self.y)?;
        for (n, node) in instance.program().nodes().iter().enumerate() {
            let Some(input) = (match &node.op {
                Op::Unit { input, .. } | Op::Group { input, .. } => Some(*input),
                _ => None,
            }) else {
                continue;
            };
            let t = trace.of(input);
            let near = NEAR * t.iter().fold(1.0f64, |m, t| m.max(t.abs()));
            for (i, role) in self.functions[0][n].iter_mut().enumerate() {
                match (&node.op, &mut *role) {
                    (Op::Unit { unit, .. }, Role::Piece(_)) => {
                        let Scalar::Lines(lines) = instance.scalar(unit, i) else { continue };
                        let range = lines.range_on(bounds[0].of(input)[i]);
                        let mut breaks = (range.start..range.end - 1).map(|k| (k, lines.breaks()[k]));
                        if let Some((k, _)) = breaks.find(|(_, b)| (t[i] - b).abs() <= near) {
                            *role = Role::Tie(k as u32);
                        }
                    }
                    (Op::Group { groups, .. }, Role::Members(members)) => {
                        let group = groups.group(i);
                        let alive = bounds[0].alive(input, group);
                        let top = alive.iter().map(|m| t[group[*m]]).fold(f64::NEG_INFINITY, f64::max);
                        let more = alive.into_iter().filter(|m| t[group[*m]] >= top - near).map(|m| m as u32);
                        let more: Vec<u32> = more.filter(|m| !members.contains(m)).collect();
                        members.extend(more);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// From a basis of the epigraph program and the point that belongs to it. A member of an epigraph holds where its row is
    /// nonbasic, the constant one where the column is.
    ///
    /// `None`: a basis of another program. Errors: a value that leaves the range of f64.
    pub fn of_basis(
        linear: &Linear,
        basis: &Basis,
        primal: &[f64],
        instance: &Instance,
        domain: &Domain,
    ) -> Result<Option<Pattern>, Error> {
        let fits = basis.columns.len() == linear.lp.columns() && basis.rows.len() == linear.lp.rows();
        let Some(y) = linear.decisions_of(primal).filter(|_| fits && linear.lp.quadratic.is_none()) else {
            return Ok(None);
        };
        let mut pattern = Pattern::at(&y, instance, domain, &linear.bounds)?;
        let functions = functions(instance, domain);
        for e in &linear.epigraphs {
            let rows = e.rows.iter().enumerate().filter(|(k, _)| basis.rows[e.first_row + k] != BasisStatus::Basic);
            let bound = e.bound.filter(|_| basis.columns[e.column] != BasisStatus::Basic);
            let keys: Vec<f64> = rows.map(|(_, key)| *key).chain(bound).collect();
            let role = &mut pattern.functions[e.function][e.node.index()][e.element];
            match &functions[e.function].program().node(e.node).op {
                Op::Unit { input, unit } => {
                    let on = linear.bounds[e.function].of(*input)[e.element];
                    let scalar = functions[e.function].scalar(unit, e.element);
                    if let Scalar::Lines(lines) = &scalar {
                        *role = of_keys(lines, on, &keys).unwrap_or(role.clone());
                    }
                }
                _ if keys.is_empty() => {}
                _ => *role = Role::Members(keys.iter().map(|key| *key as u32).collect()),
            }
        }
        for (j, place) in pattern.coordinates.iter_mut().enumerate() {
            *place = match basis.columns[j] {
                BasisStatus::Lower => Place::Lower,
                BasisStatus::Upper => Place::Upper,
                BasisStatus::Basic => Place::Free,
                _ if *place == Place::Free => Place::Idle,
                _ => *place,
            };
        }
        for (i, row) in domain.rows().iter().enumerate() {
            pattern.rows[i] = side(basis.rows[i], row.lower, row.upper, row.activity(&pattern.y));
        }
        for ((_, row), level) in linear.level_rows.iter().zip(&mut pattern.levels) {
            *level = basis.rows[*row] != BasisStatus::Basic;
        }
        Ok(Some(pattern))
    }
}

/// The role of a unit with this slope: on a piece, or between two.
fn of_slope(lines: &Lines, range: std::ops::Range<usize>, slope: f64) -> Option<Role> {
    let at = |k: usize| lines.pieces()[k].slope;
    let between = |k: &usize| {
        let share = (slope - at(*k)) / (at(k + 1) - at(*k));
        (-SHARE..=1.0 + SHARE).contains(&share).then_some(share)
    };
    if range.len() == 1 {
        return Some(Role::Piece(range.start as u32));
    }
    let (k, share) = (range.start..range.end - 1).find_map(|k| between(&k).map(|share| (k, share)))?;
    Some(match share {
        share if share <= SHARE => Role::Piece(k as u32),
        share if share >= 1.0 - SHARE => Role::Piece(k as u32 + 1),
        _ => Role::Tie(k as u32),
    })
}

/// The side of a nonbasic row.
fn side(status: BasisStatus, lower: f64, upper: f64, activity: f64) -> Option<Side> {
    match status {
        BasisStatus::Basic => None,
        BasisStatus::Lower => Some(Side::Lower),
        BasisStatus::Upper => Some(Side::Upper),
        _ if (activity - lower).abs() <= (upper - activity).abs() => Some(Side::Lower),
        _ => Some(Side::Upper),
    }
}

/// The piece that holds at t, of those that the interval leaves.
pub(crate) fn piece(scalar: &Scalar, on: Interval, t: f64) -> u32 {
    let Scalar::Lines(lines) = scalar else { return 0 };
    let range = lines.range_on(on);
    lines.piece_at(t).clamp(range.start, range.end - 1) as u32
}

/// The role of a unit whose pieces of these slopes hold.
fn of_keys(lines: &Lines, on: Interval, keys: &[f64]) -> Option<Role> {
    let range = lines.range_on(on);
    let mut held: Vec<usize> = range.filter(|k| keys.contains(&lines.pieces()[*k].slope)).collect();
    held.dedup();
    match held.as_slice() {
        [] => None,
        [only] => Some(Role::Piece(*only as u32)),
        [first, second, ..] => (*second == first + 1).then_some(Role::Tie(*first as u32)),
    }
}

/// The node ids of a program, last first.
pub(crate) fn backwards(instance: &Instance) -> impl Iterator<Item = NodeId> {
    (0..instance.program().nodes().len()).rev().map(|k| NodeId(k as u32))
}
