//! Values and bounds of common networks on boxes by passes of the oracle's plan, which allocate little. What this does not know, or not well
//! enough, is left to the passes over the IR.

use super::Dual;
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::interval::{Interval, gamma, sum_down, sum_up};
use crate::lower::oracle::errors::{self, UNDERFLOW, UP, Value};

/// The widest radius that is good enough, relative to the numbers.
const NARROW: f64 = 1e-8;

/// [`value`](super::value()).
pub(super) fn value(instance: &Instance, y: &[f64]) -> Option<Interval> {
    let Value { value, off, size } = errors::value(instance, y)?;
    (off <= NARROW * size.max(value.abs())).then(|| Interval::new(sum_down(value, -off), sum_up(value, off)))
}

/// [`lower_bound`](super::lower_bound) where only sides of coordinates count.
pub(super) fn lower_bound(instance: &Instance, domain: &Domain, bounds: &Bounds, dual: &Dual) -> Option<f64> {
    let sides = || domain.lower().iter().zip(domain.upper());
    if !dual.levels.is_empty()
        || dual.rows.iter().any(|nu| *nu != 0.0)
        || sides().any(|(l, u)| !(l.is_finite() && u.is_finite()))
    {
        return None;
    }
    let f = errors::minorant(instance, bounds, &dual.f)?;
    let (mut least, mut size, mut off) = (0.0, 0.0, 0.0);
    for ((r, r_off), (l, u)) in f.slope.iter().zip(&f.slope_off).zip(sides()) {
        // min(r·l, r·u) moves with r by no more than the larger side.
        let reach = l.abs().max(u.abs());
        least += r * if *r > 0.0 { l } else { u };
        size += r.abs() * reach;
        off += r_off * reach;
    }
    let bound = f.constant + least;
    let rounding = gamma(f.slope.len()) * (size + off) + f64::EPSILON * (f.constant.abs() + least.abs());
    let off = (f.constant_off + off + rounding) * UP + UNDERFLOW;
    (bound.is_finite() && off <= NARROW * (f.constant.abs() + least.abs())).then(|| sum_down(bound, -off))
}
