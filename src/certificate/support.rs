//! Supporting lines of units: below a convex function, above a concave one, with the admissible slope nearest to a given one.
//!
//! Fenchel–Young: a convex g lies above s·t − g*(s) for every slope s, and the line touches g where g′ = s. A slope that g does
//! not have on the interval belongs to a line through one of its ends; with a solver's multipliers of units that are at an end
//! it fits the rest better than the nearest slope that g has. Inside, −g*(s) is closed form, without cancellation:
//!
//! | g           | −g*(s)                       |
//! |-------------|------------------------------|
//! | softplus_β  | −(s log s + (1−s) log(1−s))/β |
//! | elu_α       | s − α − s log(s/α), 0 for s ≥ α |
//! | celu_α      | α(s − 1 − s log s), 0 for s ≥ 1 |
//! | exp         | s − s log s                  |
//! | log         | −1 − log s                   |
//! | t log t     | −e^{s−1}                     |
//! | t^p         | (1 − p)·\|t\|^p, \|t\| = (s/p)^{1/(p−1)} |
//!
//! Any other function is touched at a point found by bisection on its derivative.

use crate::ir::interval::Interval;
use crate::ir::lines::Line;
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// Slopes beyond this magnitude are cut off: their lines would be sums of infinities.
const STEEPEST: f64 = 1e100;

/// How far beyond the slope at an end of the interval a line may lean, relative to max(1, |slope|).
const BEYOND: f64 = 1e-3;

/// Smallest slope at which a concave function that grows for ever is touched.
const FLATTEST: f64 = 1e-300;

/// Farthest point of an unbounded interval at which a function without closed form is touched.
const FARTHEST: f64 = 1e12;

/// The line of slope nearest to `slope` that supports g on the interval `on`: from below if g is convex there and
/// `weight` > 0, from above if it is concave and `weight` < 0. `None` otherwise, and where the line leaves f64.
pub(super) fn supporting_line(g: &Scalar, on: Interval, weight: f64, slope: f64) -> Option<Line> {
    if let Scalar::Lines(lines) = g {
        return of_pieces(lines.on(on), weight, slope);
    }
    if matches!(g, Scalar::Smooth(Unit::Elu { .. } | Unit::Celu { .. })) && on.lower >= 0.0 {
        return Some(Line { slope: 1.0, intercept: 0.0 });
    }
    let behaviour = g.behaviour(on);
    if !(if weight > 0.0 { behaviour.convex } else { behaviour.concave }) {
        return None;
    }
    // The argument may be convex or concave where g is monotone: the slope must keep the sign that this needs.
    let least = if behaviour.nondecreasing { 0.0 } else { -STEEPEST };
    let most = if behaviour.nonincreasing { 0.0 } else { STEEPEST };
    let slope = if slope.is_nan() { 0.0 } else { slope.clamp(least.min(most), most.max(least)) };
    let sign = weight.signum();
    // Beyond the slope at an end, but no farther than a solver's error: numbers that are large and cancel say nothing.
    let through = |t: f64| {
        let end = g.derivative(t);
        let slack = BEYOND * end.abs().max(1.0);
        let slope = slope.clamp(end - slack, end + slack);
        Line { slope, intercept: g.value(t) - slope * t }
    };
    let line = if on.lower.is_finite() && sign * (slope - g.derivative(on.lower)) < 0.0 {
        through(on.lower)
    } else if on.upper.is_finite() && sign * (slope - g.derivative(on.upper)) > 0.0 {
        through(on.upper)
    } else {
        match g {
            Scalar::Smooth(unit) => {
                let finite = |line: &Line| line.slope.is_finite() && line.intercept.is_finite();
                closed_form(unit, on, slope).filter(finite).or_else(|| touching(g, on, sign, slope))
            }
            _ => touching(g, on, sign, slope),
        }?
    };
    (line.slope.is_finite() && line.intercept.is_finite()).then_some(line)
}

/// For the piecewise-linear functions with these pieces.
fn of_pieces(pieces: &[Line], weight: f64, slope: f64) -> Option<Line> {
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

/// The table above; `None` for other functions. That the function is convex or concave on the interval is known.
fn closed_form(unit: &Unit, on: Interval, slope: f64) -> Option<Line> {
    let g = Scalar::Smooth(unit.clone());
    let steep = |t: f64| g.derivative(t);
    // The slopes that g has on the interval; `limits` are those at −∞ and ∞.
    let into = |limits: (f64, f64)| {
        let left = if on.lower.is_finite() { steep(on.lower) } else { limits.0 };
        let right = if on.upper.is_finite() { steep(on.upper) } else { limits.1 };
        let (least, most) = (left.min(right), left.max(right));
        (least <= most).then(|| slope.clamp(least, most))
    };
    let (slope, intercept) = match unit {
        Unit::Softplus { beta, .. } => {
            let s = into((0.0, 1.0))?;
            (s, -(xlogx(s) + (1.0 - s) * (-s).ln_1p().max(f64::MIN)) / beta)
        }
        Unit::Elu { alpha } => {
            let s = into((0.0, 1.0))?;
            if *alpha == 0.0 || on.upper > 0.0 && s >= *alpha {
                (s, 0.0)
            } else {
                (s, s - alpha - alpha * xlogx(s / alpha))
            }
        }
        Unit::Celu { alpha } => {
            let s = into((0.0, 1.0))?;
            (s, if s >= 1.0 { 0.0 } else { alpha * (s - 1.0 - xlogx(s)) })
        }
        Unit::Exp => {
            let s = into((0.0, STEEPEST))?;
            (s, s - xlogx(s))
        }
        Unit::Log => {
            let s = into((f64::NAN, 0.0))?.clamp(FLATTEST, STEEPEST);
            (s, -1.0 - s.ln())
        }
        Unit::Entropy => {
            let s = into((f64::NAN, STEEPEST))?.clamp(-STEEPEST, 1.0 + STEEPEST.ln());
            (s, -(s - 1.0).exp())
        }
        Unit::Power(0.0) => (0.0, 1.0),
        Unit::Power(p) => {
            let end = |t: f64| if *p > 1.0 { t.signum() * STEEPEST } else { 0.0 };
            let s = into((end(-1.0), end(1.0)))?;
            let s = if *p > 0.0 && *p < 1.0 { s.clamp(FLATTEST, STEEPEST) } else { s };
            let size = (s / p).abs().powf(1.0 / (p - 1.0));
            // Odd powers of negative numbers are the mirror image.
            let sign = if p % 2.0 != 0.0 && on.upper <= 0.0 { -1.0 } else { 1.0 };
            (s, sign * (1.0 - p) * size.powf(*p))
        }
        _ => return None,
    };
    Some(Line { slope, intercept })
}

/// t·log t, 0 at 0.
fn xlogx(t: f64) -> f64 {
    if t == 0.0 { 0.0 } else { t * t.ln() }
}

/// The line through the point of the interval where sign·g, convex, has the slope nearest to sign·`slope`.
fn touching(g: &Scalar, on: Interval, sign: f64, slope: f64) -> Option<Line> {
    let through = |t: f64, slope: f64| Line { slope, intercept: g.value(t) - slope * t };
    let (mut low, mut high) = (on.lower.max(-FARTHEST), on.upper.min(FARTHEST));
    let excess = |t: f64| sign * (g.derivative(t) - slope);
    // Only on an unbounded interval is the slope not met; an infinite one at an end is beyond every finite one.
    if excess(low) >= 0.0 && g.derivative(low).is_finite() {
        return Some(through(low, g.derivative(low)));
    }
    if excess(high) <= 0.0 && g.derivative(high).is_finite() {
        return Some(through(high, g.derivative(high)));
    }
    loop {
        let middle = 0.5 * low + 0.5 * high;
        if middle <= low || middle >= high {
            // Neighbours: the slope lies between the one-sided slopes of a kink, or is met up to rounding.
            return Some(through(high, slope));
        }
        match excess(middle) {
            e if e < 0.0 => low = middle,
            e if e > 0.0 => high = middle,
            0.0 => return Some(through(middle, slope)),
            _ => return None,
        }
    }
}
