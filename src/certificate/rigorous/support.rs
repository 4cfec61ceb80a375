//! Supporting lines of units with enclosed intercepts: the slopes are those of [`support`](super::super::support), the
//! numbers behind them hold in exact arithmetic.

use super::functions::{slope as slope_of, value};
use crate::ir::elementary::{exp_of, ln, ln_of, xlogx, xlogx_of};
use crate::ir::enclose::divided;
use crate::ir::interval::{Interval, sum_down, sum_up};
use crate::ir::lines::Line;
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// Slopes beyond this magnitude are cut off.
const STEEPEST: f64 = 1e100;

/// How far beyond the slope at an end of the interval a line may lean, relative to max(1, |slope|).
const BEYOND: f64 = 1e-3;

/// Smallest slope at which a concave function that grows for ever is touched.
const FLATTEST: f64 = 1e-300;

/// Farthest point of an unbounded interval at which a function without closed form is touched.
const FARTHEST: f64 = 1e12;

/// A slope and an enclosure of the intercepts for which the line is below g on the interval `on` (`below`), or above it, as
/// near as possible to `slope`. The admissible intercept lies in the enclosure: from below its lower end will do, from above
/// its upper end. `None` where none is known.
pub(super) fn line(g: &Scalar, on: Interval, below: bool, slope: f64) -> Option<(f64, Interval)> {
    if let Scalar::Lines(lines) = g {
        return of_pieces(lines.on(on), below, slope);
    }
    if matches!(g, Scalar::Smooth(Unit::Elu { .. } | Unit::Celu { .. })) && on.lower >= 0.0 {
        return Some((1.0, Interval::point(0.0)));
    }
    let behaviour = g.behaviour(on);
    if !(if below { behaviour.convex } else { behaviour.concave }) {
        return None;
    }
    let least = if behaviour.nondecreasing { 0.0 } else { -STEEPEST };
    let most = if behaviour.nonincreasing { 0.0 } else { STEEPEST };
    let slope = if slope.is_nan() { 0.0 } else { slope.clamp(least.min(most), most.max(least)) };
    if let Some(found) = through_ends(g, on, below, slope, (least, most)) {
        return Some(found);
    }
    let found = match g {
        Scalar::Smooth(unit) => closed_form(unit, on, slope),
        _ => None,
    };
    let finite = |(s, i): &(f64, Interval)| s.is_finite() && i.lower.is_finite() && i.upper.is_finite();
    found.filter(finite).or_else(|| touching(g, on, below, slope)).filter(finite)
}

/// The line through an end of the interval, if g is steeper (less steep) there than the slope says: it leans away from g.
fn through_ends(
    g: &Scalar,
    on: Interval,
    below: bool,
    slope: f64,
    (least, most): (f64, f64),
) -> Option<(f64, Interval)> {
    // From below: the slope is at most that of a convex g at the lower end, at least that at the upper end.
    for (end, lower_end) in [(on.lower, true), (on.upper, false)] {
        if !end.is_finite() {
            continue;
        }
        let Some(there) = slope_of(g, end).filter(|s| s.lower.is_finite() && s.upper.is_finite()) else { continue };
        let slack = BEYOND * there.lower.abs().max(1.0);
        let leans = if lower_end == below { slope < there.upper } else { slope > there.lower };
        if !leans {
            continue;
        }
        let slope = match lower_end == below {
            true => slope.clamp(there.lower - slack, there.lower),
            false => slope.clamp(there.upper, there.upper + slack),
        };
        // Of a monotone function the slope at the end has its sign, whatever the enclosure says.
        let slope = slope.max(least).min(most);
        let intercept = value(g, Interval::point(end))?.plus(Interval::point(end).scale(-slope));
        return (intercept.lower.is_finite() && intercept.upper.is_finite()).then_some((slope, intercept));
    }
    None
}

/// For piecewise-linear functions: between two pieces, the mixture of both that has this slope.
fn of_pieces(pieces: &[Line], below: bool, slope: f64) -> Option<(f64, Interval)> {
    if let [only] = pieces {
        return Some((only.slope, Interval::point(only.intercept)));
    }
    let ordered = |w: &[Line]| if below { w[0].slope <= w[1].slope } else { w[0].slope >= w[1].slope };
    if !pieces.windows(2).all(ordered) {
        return None;
    }
    let ends = (pieces[0].slope, pieces[pieces.len() - 1].slope);
    let slope = if slope.is_nan() { ends.0 } else { slope.clamp(ends.0.min(ends.1), ends.0.max(ends.1)) };
    let between = |w: &&[Line]| (w[0].slope - slope) * (w[1].slope - slope) <= 0.0;
    let [left, right] = pieces.windows(2).find(between)? else { return None };
    if slope == left.slope || left.intercept == right.intercept {
        return Some((slope, Interval::point(left.intercept)));
    }
    if slope == right.slope {
        return Some((slope, Interval::point(right.intercept)));
    }
    // c = c₁ + (s − s₁)/(s₂ − s₁)·(c₂ − c₁), the share between 0 and 1.
    let minus = |a: f64, b: f64| Interval::new(sum_down(a, -b), sum_up(a, -b));
    let (part, whole) = (minus(slope, left.slope), minus(right.slope, left.slope));
    let (part, whole) = if whole.lower > 0.0 { (part, whole) } else { (part.scale(-1.0), whole.scale(-1.0)) };
    if whole.lower <= 0.0 {
        return None;
    }
    let share =
        Interval::new((part.lower / whole.upper).next_down().max(0.0), (part.upper / whole.lower).next_up().min(1.0));
    let rise = minus(right.intercept, left.intercept);
    Some((slope, Interval::point(left.intercept).plus(share.product(rise))))
}

/// −g*(s) of the table in [`support`](super::super::support), and s moved to where g* is finite. That g is convex (concave)
/// on the interval is known; what is said here holds on all of the unit's domain, or as far as the interval says.
fn closed_form(unit: &Unit, on: Interval, slope: f64) -> Option<(f64, Interval)> {
    let negative = |i: Interval| i.scale(-1.0);
    let one_minus = |s: f64| Interval::new(sum_down(1.0, -s).max(0.0), sum_up(1.0, -s));
    Some(match unit {
        Unit::Softplus { beta, .. } if *beta > 0.0 => {
            let s = slope.clamp(0.0, 1.0);
            let entropy = xlogx(s).plus(xlogx_of(one_minus(s)));
            // The entropy of a share is not negative.
            let entropy = Interval::new(entropy.lower, entropy.upper.min(0.0));
            (s, divided(negative(entropy), *beta)?)
        }
        Unit::Elu { alpha } if *alpha > 0.0 && (*alpha <= 1.0 || on.upper <= 0.0) => {
            let s = if on.upper <= 0.0 { slope.max(0.0) } else { slope.clamp(0.0, 1.0) };
            if on.upper > 0.0 && s >= *alpha {
                (s, Interval::point(0.0))
            } else {
                // s − α − α·(s/α)·log(s/α)
                let ratio = divided(Interval::point(s), *alpha)?;
                (s, Interval::new(sum_down(s, -alpha), sum_up(s, -alpha)).plus(xlogx_of(ratio).scale(-alpha)))
            }
        }
        Unit::Elu { alpha: 0.0 } => (slope.clamp(0.0, 1.0), Interval::point(0.0)),
        Unit::Celu { alpha } if *alpha > 0.0 => {
            let s = slope.clamp(0.0, 1.0);
            let gap = Interval::new(sum_down(s, -1.0), sum_up(s, -1.0)).plus(negative(xlogx(s)));
            (s, Interval::new(gap.lower, gap.upper.min(0.0)).scale(*alpha))
        }
        Unit::Exp => {
            let s = slope.max(0.0);
            (s, Interval::point(s).plus(negative(xlogx(s))))
        }
        Unit::Log => {
            let s = slope.clamp(FLATTEST, STEEPEST);
            (s, Interval::point(-1.0).plus(negative(ln(s))))
        }
        Unit::Entropy => {
            let s = slope.clamp(-STEEPEST, 1.0 + STEEPEST.ln());
            (s, negative(exp_of(Interval::new(sum_down(s, -1.0), sum_up(s, -1.0)))))
        }
        Unit::Power(0.0) => (0.0, Interval::point(1.0)),
        Unit::Power(2.0) => {
            let square = Interval::point(slope).product(Interval::point(slope));
            (slope, square.scale(-0.25))
        }
        Unit::Power(p) => power_form(*p, on, slope)?,
        _ => return None,
    })
}

/// (1 − p)·|t|^p at |t| = (|s|/|p|)^{1/(p−1)}.
fn power_form(p: f64, on: Interval, slope: f64) -> Option<(f64, Interval)> {
    let even = p % 2.0 == 0.0;
    // Where t ≥ 0 the slope has the sign of p; a convex t^p of the other sign is touched at 0, or at infinity.
    let mirrored = on.lower < 0.0;
    if mirrored && !(p > 1.0 && (even || on.upper <= 0.0) && p == p.trunc()) {
        return None;
    }
    let root = p > 0.0 && p < 1.0;
    let s = if root { slope.clamp(FLATTEST, STEEPEST) } else { slope };
    if !mirrored && s * p.signum() <= 0.0 {
        return Some((if p > 1.0 { s } else { 0.0 }, Interval::point(0.0)));
    }
    if s == 0.0 {
        return Some((0.0, Interval::point(0.0)));
    }
    // log |t| = log(|s|/|p|)/(p − 1)
    let ratio = divided(Interval::point(s.abs()), p.abs())?;
    let exponent = Interval::new(sum_down(p, -1.0), sum_up(p, -1.0));
    if exponent.contains(0.0) || ratio.lower <= 0.0 {
        return None;
    }
    let inverse = Interval::new((1.0 / exponent.upper).next_down(), (1.0 / exponent.lower).next_up());
    let size = exp_of(ln_of(ratio).product(inverse).product(Interval::point(p)));
    let found = size.product(Interval::new(sum_down(1.0, -p), sum_up(1.0, -p)));
    // An odd power of negative numbers is the mirror image: its slopes are not negative either.
    let odd = mirrored && !even;
    if odd && s < 0.0 {
        return None;
    }
    Some((s, if odd { found.scale(-1.0) } else { found }))
}

/// By convexity alone: between two points where h(t) = ±(g(t) − s·t) falls and rises lies its least value, which is not
/// farther below h at the one than the slope there allows.
fn touching(g: &Scalar, on: Interval, below: bool, slope: f64) -> Option<(f64, Interval)> {
    let sign = if below { 1.0 } else { -1.0 };
    let s = Interval::point(slope);
    let rise = |t: f64| Some(slope_of(g, t)?.plus(s.scale(-1.0)).scale(sign));
    let near = touched(g, on, sign, slope)?;
    let mut reach = 1e-9 * near.abs().max(1.0);
    while reach <= 1e3 * near.abs().max(1.0) {
        let (left, right) = ((near - reach).max(on.lower), (near + reach).min(on.upper));
        let (falls, rises) = (rise(left), rise(right));
        let held = left == on.lower || falls.is_some_and(|f| f.upper <= 0.0);
        let held = held && (right == on.upper || rises.is_some_and(|r| r.lower >= 0.0));
        if held {
            let height =
                |t: f64| Some(value(g, Interval::point(t))?.plus(Interval::point(t).scale(-slope)).scale(sign));
            let width = sum_up(right, -left);
            let fall = Interval::new(0.0, width).product(Interval::new(falls?.lower.min(0.0), 0.0));
            let least = height(left)?.plus(fall).lower;
            return least.is_finite().then(|| (slope, Interval::point(sign * least)));
        }
        reach *= 16.0;
    }
    None
}

/// Where g has about this slope, by bisection.
fn touched(g: &Scalar, on: Interval, sign: f64, slope: f64) -> Option<f64> {
    let (mut low, mut high) = (on.lower.max(-FARTHEST), on.upper.min(FARTHEST));
    let excess = |t: f64| sign * (g.derivative(t) - slope);
    for _ in 0..200 {
        let middle = 0.5 * low + 0.5 * high;
        if middle <= low || middle >= high {
            break;
        }
        match excess(middle) {
            e if e < 0.0 => low = middle,
            e if e >= 0.0 => high = middle,
            _ => return None,
        }
    }
    (low <= high).then_some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_support_units() {
        let inf = f64::INFINITY;
        let cases: Vec<(Unit, Interval, bool)> = vec![
            (Unit::Softplus { beta: 1.0, switch: None }, Interval::ENTIRE, true),
            (Unit::Softplus { beta: 5.0, switch: None }, Interval::new(-1.0, 2.0), true),
            (Unit::Elu { alpha: 1.0 }, Interval::new(-4.0, 3.0), true),
            (Unit::Elu { alpha: 0.5 }, Interval::ENTIRE, true),
            (Unit::Elu { alpha: 2.0 }, Interval::new(-4.0, -0.5), true),
            (Unit::Celu { alpha: 1.5 }, Interval::ENTIRE, true),
            (Unit::Exp, Interval::new(-3.0, 3.0), true),
            (Unit::Log, Interval::new(0.0, inf), false),
            (Unit::Log, Interval::new(0.5, 3.0), false),
            (Unit::Entropy, Interval::new(0.0, 1.0), true),
            (Unit::Power(2.0), Interval::ENTIRE, true),
            (Unit::Power(3.0), Interval::new(0.0, 9.0), true),
            (Unit::Power(3.0), Interval::new(-9.0, 0.0), false),
            (Unit::Power(4.0), Interval::ENTIRE, true),
            (Unit::Power(1.5), Interval::new(0.0, inf), true),
            (Unit::Power(0.5), Interval::new(0.0, inf), false),
            (Unit::Power(-1.0), Interval::new(0.0, inf), true),
        ];
        let mut found = 0;
        for (unit, on, below) in cases {
            let g = Scalar::Smooth(unit.clone());
            for k in -60..=60 {
                let slope = f64::from(k) * 0.05;
                let Some((s, i)) = line(&g, on, below, slope) else { continue };
                found += 1;
                let c = if below { i.lower } else { i.upper };
                let mut nearest = f64::INFINITY;
                for n in -900..=900 {
                    let t = f64::from(n) * 0.01;
                    if !on.contains(t) || (matches!(unit, Unit::Log | Unit::Power(-1.0)) && t <= 0.0) {
                        continue;
                    }
                    let v = value(&g, Interval::point(t)).expect("a value");
                    let over = if below { v.upper - (s * t + c) } else { s * t + c - v.lower };
                    assert!(over >= -1e-13, "{unit:?} on {on}: slope {s} through {c} misses {v:?} at {t} by {over}");
                    nearest = nearest.min(over);
                }
                // Roots and logarithms are touched far away.
                let met = slope.abs() < 0.9 && below;
                assert!(!met || nearest < 0.6 || s != slope, "{unit:?} on {on}: slope {s} is {nearest} away");
            }
        }
        assert!(found > 1000, "{found}");
    }
}
