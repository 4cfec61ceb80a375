//! One-sided derivatives of an optimal value by difference quotients of exact minima, each with an error estimate.
//!
//! The optimal value is piecewise smooth in a context entry. With quotients D(h) at h = 10⁻³, 10⁻⁴, … (times max(1, |x|)), one step
//! of Richardson's extrapolation removes the curvature; two extrapolated values that agree are believed, their difference
//! and what the gaps of the minima allow are the error. A kink between two steps makes them differ, and the next
//! step decides.

use crate::error::Error;

/// Step sizes, relative to max(1, |x|).
const STEPS: [f64; 5] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

/// Largest error of a derivative that is reported, relative to max(1, |derivative|).
const SETTLED: f64 = 1e-3;

/// A minimum with what its recomputed gap allows it to be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Minimum {
    pub value: f64,
    pub gap: f64,
}

/// A derivative with an estimate of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quotient {
    pub value: f64,
    pub error: f64,
}

/// The derivative at `at` towards the side of `sign` (±1). `minimum(t)` is the minimum with the entry moved by t; `None` where
/// there is none. `None` if the quotients do not settle.
pub(super) fn one_sided(
    at: Minimum,
    scale: f64,
    sign: f64,
    minimum: &mut dyn FnMut(f64) -> Result<Option<Minimum>, Error>,
) -> Result<Option<Quotient>, Error> {
    let mut last: Option<f64> = None;
    let mut extrapolated: Option<f64> = None;
    for step in STEPS {
        let h = sign * step * scale;
        let Some(there) = minimum(h)? else {
            (last, extrapolated) = (None, None);
            continue;
        };
        let quotient = (there.value - at.value) / h;
        let rounding = 4.0 * f64::EPSILON * (at.value.abs() + there.value.abs());
        let noise = (at.gap + there.gap + rounding) / h.abs();
        if let Some(before) = last {
            let value = quotient + (quotient - before) / 9.0;
            if let Some(previous) = extrapolated {
                let error = (value - previous).abs() + noise;
                if error <= SETTLED * value.abs().max(1.0) {
                    return Ok(Some(Quotient { value, error }));
                }
            }
            extrapolated = Some(value);
        }
        last = Some(quotient);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivative(f: impl Fn(f64) -> Option<f64>, sign: f64) -> Option<Quotient> {
        let exact = |value| Minimum { value, gap: 0.0 };
        let at = exact(f(0.0).expect("a value at 0"));
        one_sided(at, 1.0, sign, &mut |t| Ok(f(t).map(exact))).expect("no errors")
    }

    #[test]
    fn kinks_curvature_and_ends_of_the_domain() {
        let close = |q: Option<Quotient>, v: f64| {
            q.is_some_and(|q| (q.value - v).abs() <= q.error.max(1e-9) && q.error <= 1e-4)
        };
        assert!(close(derivative(|t| Some(t.abs() + t), 1.0), 2.0));
        assert!(close(derivative(|t| Some(t.abs() + t), -1.0), 0.0));
        assert!(close(derivative(|t| Some((3.0 * t).exp()), 1.0), 3.0));
        // A kink at 3·10⁻⁵ is passed by smaller steps.
        assert!(close(derivative(|t| Some((t - 3e-5).max(0.0)), 1.0), 0.0));
        assert!(close(derivative(|t| (t <= 0.0).then_some(5.0 * t), -1.0), 5.0));
        assert_eq!(derivative(|t| (t <= 0.0).then_some(5.0 * t), 1.0), None);
        assert_eq!(derivative(|t| Some(if t > 0.0 { 1.0 } else { 0.0 }), 1.0), None, "a jump");
        assert_eq!(derivative(|t| Some(t.abs().sqrt()), 1.0), None, "an infinite slope");
    }
}
