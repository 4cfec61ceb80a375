//! Values and slopes of units, enclosed over intervals of their arguments.
//!
//! Pieces of a piecewise-linear unit need not meet exactly where they should: a convex unit is the largest of its pieces, a
//! concave one the least.

use crate::ir::elementary::{exp_of, ln, sigmoid, tanh};
use crate::ir::enclose::{divided, power, range_of_unit};
use crate::ir::interval::{Interval, sum_down, sum_up};
use crate::ir::lines::{Line, Lines};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// An interval that holds g(t) for every t in `on`; `None` where g has no enclosure here.
pub(super) fn value(g: &Scalar, on: Interval) -> Option<Interval> {
    let found = match g {
        Scalar::Lines(lines) => value_of_lines(lines, on),
        Scalar::Combination(parts) => {
            let mut sum = Interval::point(0.0);
            for (c, s, g) in parts {
                sum = sum.plus(value(g, on.scale(*s))?.scale(*c));
            }
            sum
        }
        Scalar::Unknown => return None,
        Scalar::Smooth(unit) => range_of_unit(unit, on)?,
    };
    (!found.lower.is_nan() && !found.upper.is_nan()).then_some(found)
}

/// slope·t + intercept
fn at(line: Line, t: Interval) -> Interval {
    let product = t.scale(line.slope);
    if line.intercept == 0.0 { product } else { product.plus(Interval::point(line.intercept)) }
}

fn value_of_lines(lines: &Lines, on: Interval) -> Interval {
    let pieces = lines.pieces();
    let all = || pieces.iter().map(|piece| at(*piece, on));
    let behaviour = lines.behaviour(Interval::ENTIRE);
    let together = |of: fn(f64, f64) -> f64| {
        all().reduce(|a, b| Interval { lower: of(a.lower, b.lower), upper: of(a.upper, b.upper) })
    };
    let found = if behaviour.convex {
        together(f64::max)
    } else if behaviour.concave {
        together(f64::min)
    } else {
        let ends = std::iter::once(f64::NEG_INFINITY).chain(lines.breaks().iter().copied());
        let starts = lines.breaks().iter().copied().chain([f64::INFINITY]);
        let meets = |(_, (left, right)): &(&Line, (f64, f64))| *left <= on.upper && on.lower <= *right;
        pieces
            .iter()
            .zip(ends.zip(starts))
            .filter(meets)
            .map(|(piece, (left, right))| at(*piece, Interval::new(on.lower.max(left), on.upper.min(right))))
            .reduce(Interval::hull)
    };
    found.unwrap_or(Interval::ENTIRE)
}

/// An interval that holds every slope of g at t, both one-sided ones at a kink.
pub(super) fn slope(g: &Scalar, t: f64) -> Option<Interval> {
    let found = match g {
        Scalar::Lines(lines) => {
            let pieces = lines.pieces();
            let left = lines.breaks().iter().take_while(|b| **b < t).count();
            let right = lines.breaks().iter().take_while(|b| **b <= t).count();
            let slopes = pieces[left..=right].iter().map(|p| Interval::point(p.slope));
            slopes.reduce(Interval::hull)?
        }
        Scalar::Combination(parts) => {
            let mut sum = Interval::point(0.0);
            for (c, s, g) in parts {
                let inner = Interval::point(t).scale(*s);
                let found = match inner.is_point() {
                    true => slope(g, inner.lower)?,
                    // The slope of a convex or concave function is monotone.
                    false if one_bend(g) => slope(g, inner.lower)?.hull(slope(g, inner.upper)?),
                    false => return None,
                };
                sum = sum.plus(found.scale(*s).scale(*c));
            }
            sum
        }
        Scalar::Unknown => return None,
        Scalar::Smooth(unit) => match unit {
            Unit::Softplus { beta, .. } if *beta > 0.0 => {
                let t = Interval::point(t).scale(*beta);
                Interval::new(sigmoid(t.lower).lower, sigmoid(t.upper).upper)
            }
            Unit::Elu { alpha } if *alpha >= 0.0 => match t {
                t if t > 0.0 => Interval::point(1.0),
                0.0 => Interval::new(alpha.min(1.0), alpha.max(1.0)),
                t => exp_of(Interval::point(t)).scale(*alpha),
            },
            Unit::Celu { alpha } if *alpha > 0.0 => match t {
                t if t >= 0.0 => Interval::point(1.0),
                t => exp_of(divided(Interval::point(t), *alpha)?),
            },
            Unit::Exp => exp_of(Interval::point(t)),
            Unit::Sigmoid => {
                let s = sigmoid(t);
                s.product(Interval::point(1.0).plus(s.scale(-1.0)))
            }
            Unit::Tanh => {
                let s = tanh(t);
                Interval::point(1.0).plus(s.product(s).scale(-1.0))
            }
            Unit::Log if t > 0.0 => Interval::new((1.0 / t).next_down(), (1.0 / t).next_up()),
            Unit::Entropy if t > 0.0 => ln(t).plus(Interval::point(1.0)),
            Unit::Power(2.0) => Interval::point(2.0 * t),
            Unit::Power(p) if *p >= 2.0 || t > 0.0 => {
                // An exponent that is rounded belongs to another function.
                let exponent = Some(sum_down(*p, -1.0)).filter(|e| *e == sum_up(*p, -1.0))?;
                power(Interval::point(t), exponent)?.scale(*p)
            }
            _ => return None,
        },
    };
    (!found.lower.is_nan() && !found.upper.is_nan()).then_some(found)
}

/// Whether the slope of g is monotone, so that its ends enclose it.
fn one_bend(g: &Scalar) -> bool {
    let behaviour = g.behaviour(Interval::ENTIRE);
    behaviour.convex || behaviour.concave
}
