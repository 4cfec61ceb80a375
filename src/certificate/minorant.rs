//! [`Minorant`]: f(y) ≥ rᵀy + c on the domain, from one slope per unit.
//!
//! For a convex unit used with a nonnegative total weight, any slope between its smallest and its largest one gives a line
//! below it; a concave unit used with a nonpositive total weight is the mirror image. A log-sum-exp lies above each mixture of
//! its entries plus the entropy of the mixture, a norm above each linear function of norm ≤ 1, a convex quadratic form above
//! its tangent at any point. A subgradient, the duals of a linear or conic program and any mixture of them are all this
//! object.

use super::multipliers::Multipliers;
use super::support::supporting_line;
use crate::domain::Domain;
use crate::ir::adjoint::Adjoints;
use crate::ir::bounds::Bounds;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::psd::{Definiteness, definiteness};

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
                        let line = supporting_line(scalars.get(i), on[i], *a, slopes[i])?;
                        target[i] += a * line.slope;
                        constant += a * line.intercept;
                    }
                }
                Op::Group { input, kind, groups } => {
                    let weights = multipliers.of(id);
                    let target = adjoints.vector(*input);
                    for (g, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        if *a < 0.0 {
                            return None;
                        }
                        let group = groups.group(g);
                        let (shares, share) = of_group(*kind, bounds, *input, group, &weights[groups.range(g)]);
                        group.iter().zip(&shares).for_each(|(i, w)| target[*i] += a * w);
                        constant += a * share;
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
                Op::Product(left, right) => {
                    for (i, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        // An interval that is a point is the value.
                        let (p, q) = (bounds.of(*left)[i], bounds.of(*right)[i]);
                        let (factor, other) = match (p.is_point(), q.is_point()) {
                            (true, _) => (p.lower, *right),
                            (_, true) => (q.lower, *left),
                            _ => return None,
                        };
                        adjoints.add_entry(other, i, a * factor);
                    }
                }
                Op::Quotient(top, bottom) => {
                    for (i, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let divisor = Some(bounds.of(*bottom)[i]).filter(|q| q.is_point())?.lower;
                        adjoints.add_entry(*top, i, a / divisor);
                    }
                }
                Op::Select { test, strict, then, otherwise } => {
                    for (i, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let t = bounds.of(*test)[i];
                        let chosen = if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                            *then
                        } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                            *otherwise
                        } else {
                            return None;
                        };
                        adjoints.add_entry(chosen, i, *a);
                    }
                }
                affine => constant += adjoints.through_affine(instance, affine, &adjoint),
            }
        }
        let gradient = adjoints.into_decision();
        let finite = constant.is_finite() && gradient.iter().all(|r| r.is_finite());
        finite.then_some(Minorant { gradient, constant })
    }

    /// The tangent at the point y of `trace`: f(y) + ∇f(y)ᵀ(· − y). It is a minorant if f is proven convex, also where the
    /// proof is one by bounds on the Hessian, for which units have no slopes of their own. `None` where it is not finite.
    pub fn tangent(instance: &Instance, trace: &Trace) -> Option<Minorant> {
        let gradient = instance.gradient(trace);
        let y = trace.of(NodeId(0));
        let constant = trace.value() - gradient.iter().zip(y).map(|(g, v)| g * v).sum::<f64>();
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

/// Weights of a group's members and a constant: Σ wₖtₖ + constant lies below the group's value wherever its entries are in
/// their bounds.
fn of_group(kind: GroupKind, bounds: &Bounds, input: NodeId, group: &[usize], given: &[f64]) -> (Vec<f64>, f64) {
    let alive = match kind {
        GroupKind::Max => bounds.alive(input, group),
        _ => (0..group.len()).collect(),
    };
    // NaN counts as 0; the cap keeps infinite weights from making their shares NaN.
    let weight = |k: usize| given[k].clamp(-1e100, 1e100);
    let mut weights = vec![0.0; group.len()];
    if kind == GroupKind::Norm {
        // Of entries that are never negative the weights must not be either: those entries may be convex.
        let may_fall = |k: usize| bounds.of(input)[group[k]].lower < 0.0;
        for k in alive.into_iter().filter(|k| !given[*k].is_nan()) {
            weights[k] = if may_fall(k) { weight(k) } else { weight(k).max(0.0) };
        }
        let size = weights.iter().fold(0.0f64, |m, w| m.max(w.abs()));
        let norm = if size > 0.0 { size * weights.iter().map(|w| (w / size).powi(2)).sum::<f64>().sqrt() } else { 0.0 };
        if norm > 1.0 {
            weights.iter_mut().for_each(|w| *w /= norm);
        }
        return (weights, 0.0);
    }
    let positive = |k: usize| if given[k] > 0.0 { weight(k) } else { 0.0 };
    let total: f64 = alive.iter().map(|k| positive(*k)).sum();
    for k in &alive {
        weights[*k] = if total > 0.0 { positive(*k) / total } else { 1.0 / alive.len() as f64 };
    }
    let entropy = match kind {
        GroupKind::LogSumExp => -weights.iter().filter(|w| **w > 0.0).map(|w| w * w.ln()).sum::<f64>(),
        _ => 0.0,
    };
    (weights, entropy)
}
