//! Ranges of smooth units that assume nothing of the mathematical library: every rounding error is bounded.

use super::elementary::{exp_m1, exp_of, ln, ln_of, sigmoid, softplus, tanh, xlogx_of};
use super::interval::Interval;
use super::unit::Unit;

/// Largest exponent that is multiplied out.
const LARGEST_EXPONENT: f64 = 64.0;

/// An interval that holds g(t) for every t in `on`, for units with a rule here; `None` for others, and where g is no real number.
pub fn range_of_unit(unit: &Unit, on: Interval) -> Option<Interval> {
    let increasing = |f: &dyn Fn(f64) -> Interval| Some(Interval::new(f(on.lower).lower, f(on.upper).upper));
    match unit {
        Unit::Softplus { beta, .. } if *beta > 0.0 => {
            let t = on.scale(*beta);
            divided(Interval::new(softplus(t.lower).lower, softplus(t.upper).upper), *beta)
        }
        Unit::Elu { alpha } if *alpha >= 0.0 => {
            increasing(&|t| if t >= 0.0 { Interval::point(t) } else { exp_m1(t).scale(*alpha) })
        }
        Unit::Celu { alpha } if *alpha > 0.0 => increasing(&|t| {
            let ratio = divided(Interval::point(t), *alpha).unwrap_or(Interval::ENTIRE);
            let below = Interval::new(exp_m1(ratio.lower).lower, exp_m1(ratio.upper).upper).scale(*alpha);
            if t >= 0.0 { Interval::point(t) } else { below }
        }),
        Unit::Exp => Some(exp_of(on)),
        Unit::Sigmoid => increasing(&sigmoid),
        Unit::Tanh => increasing(&tanh),
        Unit::Log if on.lower >= 0.0 => Some(ln_of(on)),
        Unit::Entropy if on.lower >= 0.0 => Some(xlogx_of(on)),
        Unit::Power(p) => power(on, *p),
        _ => None,
    }
}

/// An interval divided by a number above 0.
pub fn divided(i: Interval, by: f64) -> Option<Interval> {
    if by == 1.0 {
        return Some(i);
    }
    (by > 0.0 && by.is_finite()).then(|| {
        let (lower, upper) = (i.lower / by, i.upper / by);
        let exact = |v: f64| if v == 0.0 { 0.0 } else { v };
        Interval::new(
            if i.lower == 0.0 { exact(lower) } else { lower.next_down() },
            if i.upper == 0.0 { exact(upper) } else { upper.next_up() },
        )
    })
}

/// t^p over an interval on which it is a real number.
pub fn power(on: Interval, p: f64) -> Option<Interval> {
    if p == 0.0 {
        return Some(Interval::point(1.0));
    }
    if p == p.trunc() && p > 0.0 && p <= LARGEST_EXPONENT {
        let n = p as u32;
        let end = |t: f64| (1..n).fold(Interval::point(t), |v, _| v.product(Interval::point(t)));
        if n % 2 == 1 || on.lower >= 0.0 {
            return Some(Interval::new(end(on.lower).lower, end(on.upper).upper));
        }
        let (low, high) = (end(on.lower), end(on.upper));
        let least = if on.contains(0.0) { 0.0 } else { low.lower.min(high.lower).max(0.0) };
        return Some(Interval::new(least, low.upper.max(high.upper)));
    }
    if on.lower < 0.0 {
        return None;
    }
    // t^p = e^{p·log t}
    let end = |t: f64| match t {
        0.0 if p > 0.0 => Interval::point(0.0),
        0.0 => Interval { lower: f64::INFINITY, upper: f64::INFINITY },
        _ => exp_of(ln(t).scale(p)),
    };
    let (a, b) = (end(on.lower), end(on.upper));
    Some(if p > 0.0 { Interval::new(a.lower, b.upper) } else { Interval::new(b.lower, a.upper) })
}
