//! [`Interval`]: closed intervals with outward rounding, so that "≥ 0 over Y" is a fact about real numbers and not about
//! floating-point ones.

use std::fmt;

/// A closed interval `[lower, upper]`, possibly unbounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end; may be −∞.
    pub lower: f64,
    /// Upper end; may be +∞.
    pub upper: f64,
}

/// Bound on the relative error of a sum of `n` rounded products (Higham's γ with one spare operation).
pub fn gamma(n: usize) -> f64 {
    let nu = (n + 1) as f64 * (f64::EPSILON / 2.0);
    nu / (1.0 - nu) * (1.0 + 4.0 * f64::EPSILON)
}

fn is_power_of_two(w: f64) -> bool {
    w != 0.0 && w.is_normal() && w.to_bits() & ((1 << 52) - 1) == 0
}

impl Interval {
    /// The whole line.
    pub const ENTIRE: Interval = Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
    /// `[0, ∞)`.
    pub const NONNEGATIVE: Interval = Interval { lower: 0.0, upper: f64::INFINITY };

    /// `[lower, upper]`; an end that is not a number becomes infinite.
    pub fn new(lower: f64, upper: f64) -> Interval {
        Interval {
            lower: if lower.is_nan() { f64::NEG_INFINITY } else { lower },
            upper: if upper.is_nan() { f64::INFINITY } else { upper },
        }
    }

    /// The single point `v`.
    pub fn point(v: f64) -> Interval {
        Interval::new(v, v)
    }

    /// Whether the interval holds one number only.
    pub fn is_point(&self) -> bool {
        self.lower == self.upper
    }

    /// Whether `v` lies inside.
    pub fn contains(&self, v: f64) -> bool {
        self.lower <= v && v <= self.upper
    }

    /// The smallest interval holding both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval::new(self.lower.min(other.lower), self.upper.max(other.upper))
    }

    /// Widens each end by a relative error and one step, for functions computed by a mathematical library.
    pub fn widened(self, relative: f64) -> Interval {
        Interval::new(
            (self.lower - self.lower.abs() * relative).next_down(),
            (self.upper + self.upper.abs() * relative).next_up(),
        )
    }

    /// `w · self`, rounded outward; exact for powers of two and zero.
    pub fn scale(self, w: f64) -> Interval {
        if w == 0.0 {
            return Interval::point(0.0);
        }
        let (a, b) = if w > 0.0 { (self.lower, self.upper) } else { (self.upper, self.lower) };
        let (lower, upper) = (finite_down(w * a), finite_up(w * b));
        if is_power_of_two(w) && subnormal_free(lower) && subnormal_free(upper) {
            Interval::new(lower, upper)
        } else {
            Interval::new(step_down(lower), step_up(upper))
        }
    }

    /// The product of two intervals, rounded outward.
    pub fn product(self, other: Interval) -> Interval {
        let ends = [
            times(self.lower, other.lower),
            times(self.lower, other.upper),
            times(self.upper, other.lower),
            times(self.upper, other.upper),
        ];
        let lower = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let upper = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Interval::new(step_down(finite_down(lower)), step_up(finite_up(upper)))
    }

    /// The sum of two intervals, rounded outward; exact where one of them is zero.
    pub fn plus(self, other: Interval) -> Interval {
        Interval::new(sum_down(self.lower, other.lower), sum_up(self.upper, other.upper))
    }

    /// Image of a function that is nondecreasing on the interval; `f` may be off by `relative` (0: exact).
    pub fn increasing(self, relative: f64, f: impl Fn(f64) -> f64) -> Interval {
        let image = Interval::new(f(self.lower), f(self.upper));
        if relative == 0.0 { image } else { image.widened(relative) }
    }

    /// Image of a function that is nonincreasing on the interval; `f` may be off by `relative` (0: exact).
    pub fn decreasing(self, relative: f64, f: impl Fn(f64) -> f64) -> Interval {
        let image = Interval::new(f(self.upper), f(self.lower));
        if relative == 0.0 { image } else { image.widened(relative) }
    }
}

/// 0 · ∞ = 0: an end that is never reached, times nothing.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn subnormal_free(v: f64) -> bool {
    v == 0.0 || v.is_infinite() || v.is_normal()
}

fn finite_down(v: f64) -> f64 {
    if v == f64::INFINITY { f64::MAX } else { v }
}

fn finite_up(v: f64) -> f64 {
    if v == f64::NEG_INFINITY { f64::MIN } else { v }
}

fn step_down(v: f64) -> f64 {
    if v == 0.0 { v } else { v.next_down() }
}

fn step_up(v: f64) -> f64 {
    if v == 0.0 { v } else { v.next_up() }
}

/// The rounding error of `a + b` (Knuth's two-sum).
fn sum_error(a: f64, b: f64) -> f64 {
    let s = a + b;
    let t = s - a;
    (a - (s - t)) + (b - t)
}

/// A lower bound on the real number a + b.
pub fn sum_down(a: f64, b: f64) -> f64 {
    let s = finite_down(a + b);
    if s.is_finite() && sum_error(a, b) < 0.0 { s.next_down() } else { s }
}

/// An upper bound on the real number a + b.
pub fn sum_up(a: f64, b: f64) -> f64 {
    let s = finite_up(a + b);
    if s.is_finite() && sum_error(a, b) > 0.0 { s.next_up() } else { s }
}

/// Encloses Σ wⱼ·[lⱼ, uⱼ], one term at a time; exact when every term is zero or there is a single power-of-two term.
#[derive(Debug, Clone, Copy, Default)]
pub struct DotEnclosure {
    lower: f64,
    upper: f64,
    lower_size: f64,
    upper_size: f64,
    terms: usize,
    exact: bool,
}

impl DotEnclosure {
    /// An empty sum.
    pub fn new() -> DotEnclosure {
        DotEnclosure { exact: true, ..DotEnclosure::default() }
    }

    /// Adds w · [lower, upper]; a zero weight adds nothing, whatever the interval.
    #[inline]
    pub fn add(&mut self, w: f64, lower: f64, upper: f64) {
        if w == 0.0 {
            return;
        }
        let (a, b) = if w > 0.0 { (w * lower, w * upper) } else { (w * upper, w * lower) };
        self.lower += a;
        self.upper += b;
        self.lower_size += a.abs();
        self.upper_size += b.abs();
        self.terms += 1;
        self.exact = self.terms == 1 && is_power_of_two(w);
    }

    /// The enclosure of the sum so far.
    pub fn finish(self) -> Interval {
        if self.exact {
            return Interval::new(finite_down(self.lower), finite_up(self.upper));
        }
        let g = gamma(self.terms);
        // The smallest subnormal per term covers underflow, but a sum of exact zeros stays zero.
        let tiny = self.terms as f64 * f64::from_bits(1);
        let allow = |size: f64| if size == 0.0 { 0.0 } else { g * size + tiny };
        let lower = finite_down(self.lower) - allow(self.lower_size);
        let upper = finite_up(self.upper) + allow(self.upper_size);
        Interval::new(
            if self.lower_size == 0.0 { lower } else { lower.next_down() },
            if self.upper_size == 0.0 { upper } else { upper.next_up() },
        )
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", Short(self.lower), Short(self.upper))
    }
}

/// A number in at most six significant digits, for messages and listings.
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        if v.is_infinite() {
            return f.write_str(if v > 0.0 { "inf" } else { "-inf" });
        }
        let plain = format!("{v}");
        if plain.len() <= 8 {
            return f.write_str(&plain);
        }
        if v.abs() >= 1e-4 && v.abs() < 1e6 {
            let digits = (5 - v.abs().log10().floor() as i32).max(0) as usize;
            let text = format!("{v:.digits$}");
            let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            f.write_str(text)
        } else {
            write!(f, "{v:.5e}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_exact_zeros_stays_zero() {
        let mut dot = DotEnclosure::new();
        for w in [0.1, 0.3, 2.0] {
            dot.add(w, 0.0, 1.0);
        }
        let i = dot.finish();
        assert_eq!(i.lower, 0.0);
        assert!(i.upper > 2.4);
    }

    #[test]
    fn rounding_goes_outward() {
        let mut dot = DotEnclosure::new();
        for _ in 0..10 {
            dot.add(0.1, 1.0, 1.0);
        }
        let i = dot.finish();
        assert!(i.lower < 1.0 && 1.0 < i.upper && i.upper - i.lower < 1e-14);
        let s = Interval::point(0.1).plus(Interval::point(0.2));
        assert!(s.lower <= 0.1 + 0.2 && s.upper >= 0.1 + 0.2);
        assert_eq!(Interval::new(-1.0, 2.0).scale(-2.0), Interval::new(-4.0, 2.0));
    }

    #[test]
    fn zero_times_infinity_is_zero() {
        assert_eq!(Interval::ENTIRE.scale(0.0), Interval::point(0.0));
        assert_eq!(Interval::ENTIRE.product(Interval::point(0.0)), Interval::point(0.0));
    }
}
