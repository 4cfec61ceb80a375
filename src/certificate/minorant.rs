//! [`Minorant`]: f(y) ≥ rᵀy + c on the domain, from one slope per unit.
//!
//! For a convex unit used with a nonnegative total weight, any slope between its smallest and its largest one gives a line
//! below it; a concave unit used with a nonpositive total weight is the mirror image. A convex quadratic form lies above its
//! tangent at any point. A subgradient (slopes 0 or 1), an LP dual solution and any mixture of the two are all this object.

use crate::domain::Domain;
use crate::ir::adjoint::Adjoints;
use crate::ir::bounds::Bounds;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::lines::Line;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::psd::{Definiteness, definiteness};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// Slopes of units, weights of maxima, and the points at which quadratic forms are replaced by their tangents. Any numbers
/// at all are accepted; they are moved to the nearest admissible ones.
#[derive(Debug, Clone)]
pub struct Multipliers {
    slopes: Vec<Vec<f64>>,
}

impl Multipliers {
    /// The subgradient at the point of `trace`: slopes by sign, maxima by their first largest entry.
    pub fn subgradient(instance: &Instance, trace: &Trace) -> Multipliers {
        let slopes = instance.program().nodes().iter().enumerate().map(|(k, node)| match &node.op {
            Op::Unit { input, unit } => {
                let scalars = instance.scalars(unit, node.len);
                trace.of(*input).iter().enumerate().map(|(i, t)| scalars.get(i).derivative(*t)).collect()
            }
            Op::Group { input, groups, .. } => {
                let (t, out) = (trace.of(*input), trace.of(NodeId(k as u32)));
                let mut weights = vec![0.0; groups.members().len()];
                for (g, largest) in out.iter().enumerate() {
                    let first = groups.group(g).iter().position(|i| t[*i] == *largest).unwrap_or(0);
                    weights[groups.range(g).start + first] = 1.0;
                }
                weights
            }
            Op::Quadratic { input, .. } => trace.of(*input).to_vec(),
            _ => vec![],
        });
        Multipliers { slopes: slopes.collect() }
    }

    /// Sets the slope of one unit.
    pub fn set_slope(&mut self, node: NodeId, element: usize, slope: f64) {
        self.slopes[node.index()][element] = slope;
    }

    /// Sets the weights of one group's members, in the order of the group.
    pub fn set_weights(&mut self, node: NodeId, first: usize, weights: &[f64]) {
        self.slopes[node.index()][first..first + weights.len()].copy_from_slice(weights);
    }

    /// Sets the tangent point of a quadratic form.
    pub fn set_point(&mut self, node: NodeId, point: &[f64]) {
        self.slopes[node.index()].copy_from_slice(point);
    }

    /// The slopes of a unit node, the member weights of a group node, or the tangent point of a quadratic form.
    pub fn of(&self, node: NodeId) -> &[f64] {
        &self.slopes[node.index()]
    }
}

/// f(y) ≥ `gradient`ᵀ·y + `constant` for all y in the domain whose bounds were used.
#[derive(Debug, Clone, PartialEq)]
pub struct Minorant {
    /// r, length p.
    pub gradient: Vec<f64>,
    /// c
    pub constant: f64,
}

impl Minorant {
    /// The backward pass. `None` where no minorant exists: a total weight has the wrong sign for its unit, or the unit has
    /// no slope rule here.
    pub fn new(instance: &Instance, bounds: &Bounds, multipliers: &Multipliers) -> Option<Minorant> {
        let mut adjoints = Adjoints::new(instance);
        let mut constant = 0.0;
        while let Some((id, adjoint)) = adjoints.next() {
            let node = instance.program().node(id);
            match &node.op {
                Op::Unit { input, unit } => {
                    let scalars = instance.scalars(unit, node.len);
                    let on = bounds.of(*input);
                    let slopes = multipliers.of(id);
                    let target = adjoints.vector(*input);
                    for (i, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let line = match scalars.get(i) {
                            Scalar::Lines(lines) => supporting_line(lines.on(on[i]), *a, slopes[i])?,
                            // t² ≥ s·t − s²/4 for every s.
                            Scalar::Smooth(Unit::Power(2.0)) if *a > 0.0 && slopes[i].is_finite() => {
                                Line { slope: slopes[i], intercept: -0.25 * slopes[i] * slopes[i] }
                            }
                            _ => return None,
                        };
                        target[i] += a * line.slope;
                        constant += a * line.intercept;
                    }
                }
                Op::Group { input, kind: GroupKind::Max, groups } => {
                    let weights = multipliers.of(id);
                    let target = adjoints.vector(*input);
                    for (g, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        if *a < 0.0 {
                            return None;
                        }
                        let (group, given) = (groups.group(g), &weights[groups.range(g)]);
                        let alive = bounds.alive(*input, group);
                        // NaN counts as 0; the cap keeps infinite weights from making their shares NaN.
                        let weight = |k: usize| if given[k] > 0.0 { given[k].min(1e300) } else { 0.0 };
                        let total: f64 = alive.iter().map(|k| weight(*k)).sum();
                        for k in &alive {
                            let share = if total > 0.0 { weight(*k) / total } else { 1.0 / alive.len() as f64 };
                            target[group[*k]] += a * share;
                        }
                    }
                }
                Op::Quadratic { input, matrix } => {
                    let (a, point) = (adjoint[0], multipliers.of(id));
                    if a == 0.0 {
                        continue;
                    }
                    if a < 0.0 || definiteness(matrix) != Definiteness::Positive {
                        return None;
                    }
                    // tᵀMt ≥ pᵀ(M + Mᵀ)t − pᵀMp for every p.
                    let target = adjoints.vector(*input);
                    for (m, (i, j)) in matrix.iter() {
                        target[i] += a * m * point[j];
                        target[j] += a * m * point[i];
                        constant -= a * m * point[i] * point[j];
                    }
                }
                Op::Group { .. } | Op::Product(..) | Op::Quotient(..) | Op::Select { .. } => {
                    return None;
                }
                affine => constant += adjoints.through_affine(instance, affine, &adjoint),
            }
        }
        let gradient = adjoints.into_decision();
        let finite = constant.is_finite() && gradient.iter().all(|r| r.is_finite());
        finite.then_some(Minorant { gradient, constant })
    }

    /// rᵀy + c
    pub fn at(&self, y: &[f64]) -> f64 {
        self.constant + self.gradient.iter().zip(y).map(|(r, v)| r * v).sum::<f64>()
    }

    /// The size of the numbers that make up the value at y: what a relative gap is measured against.
    pub fn size(&self, y: &[f64]) -> f64 {
        self.constant.abs() + self.gradient.iter().zip(y).map(|(r, v)| (r * v).abs()).sum::<f64>()
    }

    /// A lower bound on min over Y of f, from the row multipliers `rows`; −∞ where the minorant is unbounded below on Y.
    ///
    /// Where a coordinate has no implied bound, r must vanish in that direction, which rounding prevents: an entry at most
    /// 1e-9·`scale` counts as zero there and contributes its value at `y`.
    pub fn bound(&self, domain: &Domain, rows: &[f64], y: &[f64], scale: f64) -> f64 {
        let mut reduced = self.gradient.clone();
        let mut bound = self.constant;
        for (row, nu) in domain.rows().iter().zip(rows) {
            let side = if *nu > 0.0 { row.lower } else { row.upper };
            if *nu == 0.0 || !nu.is_finite() || side.is_infinite() {
                continue;
            }
            bound += nu * side;
            row.coefficients.iter().for_each(|(j, c)| reduced[*j] -= nu * c);
        }
        for (j, r) in reduced.iter().enumerate().filter(|(_, r)| **r != 0.0) {
            let side = if *r > 0.0 { domain.intervals()[j].lower } else { domain.intervals()[j].upper };
            bound += match side.is_finite() {
                true => r * side,
                false if r.abs() <= 1e-9 * scale => r * y[j],
                false => return f64::NEG_INFINITY,
            };
        }
        if bound.is_nan() { f64::NEG_INFINITY } else { bound }
    }
}

/// The line of slope nearest to `slope` that supports the function with these pieces: from below when it is convex and
/// `weight` > 0, from above when it is concave and `weight` < 0.
fn supporting_line(pieces: &[Line], weight: f64, slope: f64) -> Option<Line> {
    if let [only] = pieces {
        return Some(*only);
    }
    let ordered = if weight > 0.0 {
        pieces.windows(2).all(|w| w[0].slope <= w[1].slope)
    } else {
        pieces.windows(2).all(|w| w[0].slope >= w[1].slope)
    };
    if !ordered {
        return None;
    }
    let ends = (pieces[0].slope, pieces[pieces.len() - 1].slope);
    let slope = if slope.is_nan() { ends.0 } else { slope.clamp(ends.0.min(ends.1), ends.0.max(ends.1)) };
    let between = |w: &&[Line]| (w[0].slope - slope) * (w[1].slope - slope) <= 0.0;
    let pair = pieces.windows(2).find(between)?;
    // At the breakpoint both pieces agree; a line of slope between theirs through that point supports the function.
    let share =
        if pair[1].slope == pair[0].slope { 0.0 } else { (slope - pair[0].slope) / (pair[1].slope - pair[0].slope) };
    Some(Line { slope, intercept: (1.0 - share) * pair[0].intercept + share * pair[1].intercept })
}
