//! Values and bounds of common networks on boxes by passes of the oracle's plan, which allocate little. What this does not know, or not well
//! enough, is left to the passes over the IR.

use super::Dual;
use crate::certificate::{Minorant, Multipliers};
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::interval::{Interval, gamma, sum_down, sum_up};
use crate::lower::oracle::errors::{self, Affine, UNDERFLOW, UP, Value};

/// The widest radius that is good enough, relative to the numbers.
const NARROW: f64 = 1e-8;

/// [`value`](super::value()).
pub(super) fn value(instance: &Instance, y: &[f64]) -> Option<Interval> {
    let Value { value, off, size } = errors::value(instance, y)?;
    (off <= NARROW * size.max(value.abs())).then(|| Interval::new(sum_down(value, -off), sum_up(value, off)))
}

/// [`lower_bound`](super::lower_bound) where only sides of coordinates count.
pub(super) fn lower_bound(instance: &Instance, domain: &Domain, bounds: &Bounds, dual: &Dual) -> Option<f64> {
    if !dual.levels.is_empty() || dual.rows.iter().any(|nu| *nu != 0.0) || !is_boxed(domain) {
        return None;
    }
    least(&errors::minorant(instance, bounds, &dual.f)?, domain)
}

/// Whether every coordinate has two sides.
fn is_boxed(domain: &Domain) -> bool {
    domain.lower().iter().chain(domain.upper()).all(|side| side.is_finite())
}

/// A number below the least of an enclosed minorant over a bounded box.
fn least(f: &Affine, domain: &Domain) -> Option<f64> {
    let sides = domain.lower().iter().zip(domain.upper());
    let (mut least, mut size, mut off) = (0.0, 0.0, 0.0);
    for ((r, r_off), (l, u)) in f.slope.iter().zip(&f.slope_off).zip(sides) {
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

/// What a point and slopes of the units are worth.
#[derive(Debug)]
pub(crate) struct Worth {
    /// f(y) as computed, and a number above it.
    pub value: f64,
    pub upper: f64,
    /// A number below the least of f over the box.
    pub lower: f64,
    /// The minorant behind it, as computed.
    pub minorant: Minorant,
}

/// [`value`](super::value()) and [`lower_bound`](super::lower_bound) over a bounded box, with the numbers on the way to them.
pub(crate) fn worth(
    instance: &Instance,
    domain: &Domain,
    bounds: &Bounds,
    slopes: &Multipliers,
    y: &[f64],
) -> Option<Worth> {
    if !(instance.is_given() && y.len() == instance.decisions()) {
        return None;
    }
    worth_of(domain, errors::value(instance, y)?, errors::minorant(instance, bounds, slopes)?)
}

/// The same of a value and a minorant with radii.
pub(crate) fn worth_of(domain: &Domain, Value { value, off, size }: Value, f: Affine) -> Option<Worth> {
    if !is_boxed(domain) {
        return None;
    }
    let lower = least(&f, domain)?;
    let minorant = Minorant { gradient: f.slope, constant: f.constant };
    (off <= NARROW * size.max(value.abs())).then(|| Worth { value, upper: sum_up(value, off), lower, minorant })
}
