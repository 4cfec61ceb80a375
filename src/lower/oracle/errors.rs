//! What rounding can have done to a pass of the oracle: each number with a radius.
//!
//! fl(s + Σ wᵢvᵢ), of n products, is off by at most γₙ·(|s| + Σ|wᵢ||vᵢ|) (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1; in any
//! order, fused or not). With radii e of v that is γₙ|s| + |w|·(e + γₙ|v|), and for |w| stands its norm, by Cauchy and Schwarz: so the
//! weights are read once, for the numbers themselves.

use std::sync::Arc;

use icnn_solvers::dense::vectorised;

use super::pass::{Numbers, Workspace, at, at_mut};
use super::plan::{Action, Term, input};
use super::units::UnitKernel;
use crate::certificate::Multipliers;
use crate::ir::bounds::Bounds;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::interval::gamma;

/// Covers the rounding of a radius itself: fewer than a hundred operations, of numbers that are not negative.
pub(crate) const UP: f64 = 1.0 + 1e-13;

/// More than all underflows of a sum take away.
pub(crate) const UNDERFLOW: f64 = 1e-300;

/// f(y) ≥ rᵀy + c on the domain, as computed, with radii.
#[derive(Debug)]
pub(crate) struct Affine {
    /// r (p), and its radii.
    pub slope: Vec<f64>,
    pub slope_off: Vec<f64>,
    pub constant: f64,
    pub constant_off: f64,
}

/// f(y) as computed.
#[derive(Debug)]
pub(crate) struct Value {
    pub value: f64,
    /// How far off it is at most.
    pub off: f64,
    /// The largest sum on the last step to it.
    pub size: f64,
}

/// `None` where a step has no rule here or numbers leave f64.
pub(crate) fn value(instance: &Instance, y: &[f64]) -> Option<Value> {
    let (numbers, mut work) = prepared(instance)?;
    let numbers = numbers.as_ref().as_ref()?;
    // What would hold adjoints holds radii.
    let Workspace { values, adjoints: radii, scratch } = &mut work;
    let (mut size, mut errors) = (0.0f64, vec![]);
    for step in &numbers.plan.steps {
        let ((before, rest), (off, off_rest)) = (values.split_at_mut(step.out.at), radii.split_at_mut(step.out.at));
        let (out, out_off) = (&mut rest[..step.out.len], &mut off_rest[..step.out.len]);
        match &step.action {
            Action::Decision => out.copy_from_slice(y),
            Action::Affine(terms) => {
                size = 0.0;
                for term in terms {
                    numbers.widen(term, false, (before, off), (&*out, &mut *out_off), &mut errors);
                    numbers.add_term(term, before, out, 1, scratch);
                    size = if let [sum] = out { sum.abs().max(size) } else { size };
                }
            }
            Action::Concat(inputs) => {
                let mut from = 0;
                for span in inputs {
                    out[from..from + span.len].copy_from_slice(at(before, *span, 1));
                    out_off[from..from + span.len].copy_from_slice(at(off, *span, 1));
                    from += span.len;
                }
            }
            Action::Unit { input, unit } => {
                let (left, right) = hinge(numbers.unit(*unit))?;
                let most = left.abs().max(right.abs());
                let units = out.iter_mut().zip(out_off).zip(at(before, *input, 1)).zip(at(off, *input, 1));
                vectorised(
                    #[inline(always)]
                    || {
                        for (((out, out_off), v), off) in units {
                            *out = if *v > 0.0 { right * v } else { left * v };
                            // Flat where the number cannot be positive.
                            let flat = left == 0.0 && *v + *off < 0.0;
                            *out_off =
                                if flat { 0.0 } else { (most * off + f64::EPSILON * out.abs()) * UP + UNDERFLOW };
                        }
                    },
                );
            }
            _ => return None,
        }
    }
    let last = numbers.plan.size.checked_sub(1)?;
    let (value, off) = (values[last], radii[last]);
    (value.is_finite() && off.is_finite()).then_some(Value { value, off, size })
}

/// The values of all steps at y as the oracle computes them: where a pre-activation is 0 up to rounding, its sign is the one that was
/// met there. Of nodes that are only ever summed up there are none. `None` where numbers leave f64.
pub(crate) fn trace(instance: &Instance, y: &[f64]) -> Option<Trace> {
    let (numbers, mut work) = prepared(instance)?;
    let numbers = numbers.as_ref().as_ref()?;
    if y.len() != instance.decisions() || !numbers.forward(&mut work, y, 1) {
        return None;
    }
    let mut values = vec![vec![]; instance.program().nodes().len()];
    for step in &numbers.plan.steps {
        values[step.node.index()] = at(&work.values, step.out, 1).to_vec();
    }
    Some(Trace::from_values(values))
}

/// The minorant that slopes define, taken as exact numbers; `None` where a step has no rule here, a unit's weight may be negative,
/// or numbers leave f64. The slope of a unit that cannot be at its kink is that of its piece.
pub(crate) fn minorant(instance: &Instance, bounds: &Bounds, slopes: &Multipliers) -> Option<Affine> {
    if !slopes.fits(instance) {
        return None;
    }
    let (numbers, mut work) = prepared(instance)?;
    let numbers = numbers.as_ref().as_ref()?;
    let Workspace { values: radii, adjoints, scratch } = &mut work;
    let plan = &numbers.plan;
    let (mut positive, mut errors) = (vec![true; plan.steps.len()], vec![]);
    let (mut constant, mut constant_size, mut constant_off) = (0.0f64, 0.0, 0.0);
    *adjoints[..plan.size].last_mut()? = 1.0;
    for (k, step) in plan.steps.iter().enumerate().rev() {
        let ((before, rest), (off, off_rest)) = (adjoints.split_at_mut(step.out.at), radii.split_at_mut(step.out.at));
        let (above, above_off) = (&rest[..step.out.len], &off_rest[..step.out.len]);
        match &step.action {
            Action::Decision => {}
            Action::Affine(terms) => {
                for term in terms {
                    if let Term::Param(p) = term {
                        let b = numbers.param(*p);
                        let len = b.len().max(1);
                        for (a, a_off) in above.chunks_exact(len).zip(above_off.chunks_exact(len)) {
                            let (sum, size, off) = vectorised(
                                #[inline(always)]
                                || products(b, a, a_off),
                            );
                            constant += sum;
                            constant_size += size + constant.abs();
                            constant_off += off;
                        }
                        continue;
                    }
                    let to = input(term)?;
                    let (below, below_off) = (at_mut(before, to, 1), at_mut(off, to, 1));
                    numbers.widen(term, true, (above, above_off), (&*below, below_off), &mut errors);
                    numbers.add_term_adjoint(term, above, before, 1, scratch);
                    positive[to.step] &= positive[k] && numbers.is_nonnegative(term);
                }
            }
            Action::Concat(inputs) => {
                let mut from = 0;
                for span in inputs {
                    let here = from..from + span.len;
                    let entries = at_mut(before, *span, 1).iter_mut().zip(at_mut(off, *span, 1));
                    for ((b, b_off), (a, a_off)) in entries.zip(above[here.clone()].iter().zip(&above_off[here])) {
                        *b += a;
                        *b_off = (*b_off + a_off + f64::EPSILON * b.abs()) * UP;
                    }
                    positive[span.step] &= positive[k];
                    from += span.len;
                }
            }
            Action::Unit { input, unit } => {
                let (left, right) = hinge(numbers.unit(*unit))?;
                if !positive[k] || left > right {
                    return None;
                }
                let (wanted, on) = (slopes.of(step.node), bounds.of(step.reads));
                let below = at_mut(before, *input, 1).iter_mut().zip(at_mut(off, *input, 1));
                let entries = below.zip(above.iter().zip(above_off)).zip(wanted.iter().zip(on));
                vectorised(
                    #[inline(always)]
                    || {
                        for (((b, b_off), (a, a_off)), (wanted, on)) in entries {
                            // What is no number becomes the slope on the left.
                            let s = if *wanted >= left { wanted.min(right) } else { left };
                            let s = if on.upper <= 0.0 { left } else { s };
                            let s = if on.lower >= 0.0 { right } else { s };
                            let product = s * a;
                            *b += product;
                            let rounding = f64::EPSILON * (product.abs() + b.abs());
                            *b_off = (*b_off + s.abs() * a_off + rounding) * UP + UNDERFLOW;
                        }
                    },
                );
                positive[input.step] &= left >= 0.0;
            }
            _ => return None,
        }
    }
    let p = instance.decisions();
    let constant_off = (constant_off * (1.0 + gamma(plan.size)) + gamma(plan.size) * constant_size) * UP + UNDERFLOW;
    let (slope, slope_off) = (adjoints[..p].to_vec(), radii[..p].to_vec());
    let known = slope.iter().chain(&slope_off).all(|v| v.is_finite());
    (known && constant.is_finite() && constant_off.is_finite()).then_some(Affine {
        slope,
        slope_off,
        constant,
        constant_off,
    })
}

/// The numbers, which are there, and room for a point.
fn prepared(instance: &Instance) -> Option<(Arc<Option<Numbers>>, Workspace)> {
    let numbers = Numbers::of(instance);
    let plan = &numbers.as_ref().as_ref()?.plan;
    let first = plan.steps.first()?;
    if !(matches!(first.action, Action::Decision) && first.out.len == instance.decisions()) {
        return None;
    }
    let mut work = Workspace::default();
    work.reserve(plan, 1);
    Some((numbers, work))
}

/// The slopes of a unit of two pieces through the origin.
pub(super) fn hinge(unit: &UnitKernel) -> Option<(f64, f64)> {
    match unit {
        UnitKernel::Relu => Some((0.0, 1.0)),
        UnitKernel::Hinge { left, right } => Some((*left, *right)),
        UnitKernel::Other(_) => None,
    }
}

/// b·a, |b|·|a| and |b|·e.
#[inline(always)]
pub(super) fn products(b: &[f64], a: &[f64], e: &[f64]) -> (f64, f64, f64) {
    let (mut sum, mut size, mut off) = ([0.0f64; 8], [0.0f64; 8], [0.0f64; 8]);
    let ((bs, b), (a_s, a), (es, e)) = (b.as_chunks::<8>(), a.as_chunks::<8>(), e.as_chunks::<8>());
    // Loops, as closures that are not inlined run without vectors.
    for ((b, a), e) in bs.iter().zip(a_s).zip(es) {
        for k in 0..8 {
            sum[k] += b[k] * a[k];
            size[k] += (b[k] * a[k]).abs();
            off[k] += b[k].abs() * e[k];
        }
    }
    for ((b, a), e) in b.iter().zip(a).zip(e) {
        sum[0] += b * a;
        size[0] += (b * a).abs();
        off[0] += b.abs() * e;
    }
    (sum.iter().sum(), size.iter().sum(), off.iter().sum())
}
