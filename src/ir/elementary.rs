//! Enclosures of eᵗ, eᵗ − 1, log t and log(1 + t) that depend on no mathematical library: argument reduction and Taylor
//! polynomials in f64, whose errors are bounded here.
//!
//! With u = 2⁻⁵³: reduced arguments are off by at most u·|r| + 2⁻⁷⁴ (the subtraction of k·`LN2_HIGH` is exact: the constant
//! has 33 bits, and by Sterbenz's lemma), the truncated tails are below 10⁻¹⁸, Horner's rule adds at most 3u for the
//! exponential and 5u for the logarithm. `ACCURACY` is 16u.

use super::interval::{Interval, sum_down, sum_up};

/// Bound on the relative error of each approximation before it is widened.
const ACCURACY: f64 = 8.0 * f64::EPSILON;

/// log 2 to 33 bits, and the rest to 53 bits.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// 1/n! from n = 14 down to 1.
const INVERSE_FACTORIALS: [f64; 14] = [
    1.0 / 87_178_291_200.0,
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
    1.0,
];

/// 1/(2n + 1) from n = 12 down to 0.
const INVERSE_ODD: [f64; 13] = [
    1.0 / 25.0,
    1.0 / 23.0,
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
    1.0,
];

/// (eʳ − 1)/r for |r| ≤ 0.35.
fn slope_of_exp(r: f64) -> f64 {
    INVERSE_FACTORIALS.iter().fold(0.0, |sum, c| sum * r + c)
}

/// 2^k for −1022 ≤ k ≤ 1023.
fn power_of_two(k: i32) -> f64 {
    f64::from_bits(((1023 + k) as u64) << 52)
}

/// e^t; [0, 2⁻¹⁰⁷⁴] and [MAX, ∞] beyond the range of f64.
pub fn exp(t: f64) -> Interval {
    if t.is_nan() {
        return Interval::NONNEGATIVE;
    }
    if t >= 709.79 {
        return Interval::new(f64::MAX, f64::INFINITY);
    }
    if t <= -745.2 {
        return Interval::new(0.0, f64::from_bits(1));
    }
    if t == 0.0 {
        return Interval::point(1.0);
    }
    let k = (t * std::f64::consts::LOG2_E).round();
    let r = (t - k * LN2_HIGH) - k * LN2_LOW;
    let v = 1.0 + r * slope_of_exp(r);
    // In two steps: neither leaves the range before the result does; only a subnormal result is rounded.
    let k = k as i32;
    let v = v * power_of_two(k / 2) * power_of_two(k - k / 2);
    let i = Interval::new(v.min(f64::MAX), v).widened(ACCURACY);
    Interval::new(i.lower.max(0.0), i.upper)
}

/// e^t − 1.
pub fn exp_m1(t: f64) -> Interval {
    if t == 0.0 {
        return Interval::point(0.0);
    }
    if t.abs() <= 0.34 {
        return Interval::point(t * slope_of_exp(t)).widened(ACCURACY);
    }
    let e = exp(t).plus(Interval::point(-1.0));
    Interval::new(e.lower.max(-1.0), e.upper)
}

/// 2·artanh(s) = log((1 + s)/(1 − s)) for |s| ≤ 0.2.
fn twice_artanh(s: f64) -> f64 {
    let z = s * s;
    2.0 * (s * INVERSE_ODD.iter().fold(0.0, |sum, c| sum * z + c))
}

/// log t for t ≥ 0; −∞ at 0, everything for what has no logarithm.
pub fn ln(t: f64) -> Interval {
    if t.is_nan() || t < 0.0 {
        return Interval::ENTIRE;
    }
    if t == 0.0 || t == f64::INFINITY {
        let end = if t == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        return Interval { lower: end, upper: end };
    }
    if t == 1.0 {
        return Interval::point(0.0);
    }
    let (t, shift) = if t < f64::MIN_POSITIVE { (t * power_of_two(54), -54) } else { (t, 0) };
    let mut k = (t.to_bits() >> 52) as i32 - 1023;
    let mut m = f64::from_bits(t.to_bits() & ((1 << 52) - 1) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    let k = f64::from(k + shift);
    // m − 1 is exact.
    let v = k * LN2_HIGH + (k * LN2_LOW + twice_artanh((m - 1.0) / (m + 1.0)));
    Interval::point(v).widened(ACCURACY)
}

/// log(1 + t) for t ≥ −1.
pub fn ln_1p(t: f64) -> Interval {
    if t == 0.0 {
        return Interval::point(0.0);
    }
    if (-0.25..=0.5).contains(&t) {
        return Interval::point(twice_artanh(t / (2.0 + t))).widened(ACCURACY);
    }
    ln_of(Interval::new(sum_down(1.0, t), sum_up(1.0, t)))
}

/// The image of an interval under exp.
pub fn exp_of(t: Interval) -> Interval {
    Interval::new(exp(t.lower).lower, exp(t.upper).upper)
}

/// The image of an interval of positive numbers under log.
pub fn ln_of(t: Interval) -> Interval {
    Interval::new(ln(t.lower).lower, ln(t.upper).upper)
}

/// log(1 + e^t): convex, increasing, above max(t, 0).
pub fn softplus(t: f64) -> Interval {
    let e = exp(-t.abs());
    let rest = Interval::new(ln_1p(e.lower).lower.max(0.0), ln_1p(e.upper).upper);
    Interval::point(t.max(0.0)).plus(rest)
}

/// 1/(1 + e^{−t})
pub fn sigmoid(t: f64) -> Interval {
    let e = exp(-t.abs());
    let below = Interval::new((1.0 / sum_up(1.0, e.upper)).next_down(), (1.0 / sum_down(1.0, e.lower)).next_up());
    let i = if t >= 0.0 { below } else { e.product(below) };
    Interval::new(i.lower.max(0.0), i.upper.min(1.0))
}

/// tanh t = (e^{2t} − 1)/(e^{2t} + 1)
pub fn tanh(t: f64) -> Interval {
    if t == 0.0 || t.is_nan() {
        return if t == 0.0 { Interval::point(0.0) } else { Interval::new(-1.0, 1.0) };
    }
    let e = exp_m1(2.0 * t.abs().min(30.0));
    let lower = (e.lower / sum_up(e.lower, 2.0)).next_down().next_down().max(0.0);
    let upper = if t.abs() >= 30.0 { 1.0 } else { (e.upper / sum_down(e.upper, 2.0)).next_up().min(1.0) };
    if t > 0.0 { Interval::new(lower, upper) } else { Interval::new(-upper, -lower) }
}

/// t·log t for t ≥ 0, at a point.
pub fn xlogx(t: f64) -> Interval {
    if t == 0.0 || t == 1.0 { Interval::point(0.0) } else { Interval::point(t).product(ln(t)) }
}

/// An interval that holds t·log t for every t of an interval in [0, ∞).
pub fn xlogx_of(t: Interval) -> Interval {
    let (low, high) = (xlogx(t.lower), xlogx(t.upper));
    // Convex, least at 1/e with −1/e; 1/e lies between these numbers.
    let inside = t.lower <= 0.367_879_441_171_442_4 && t.upper >= 0.367_879_441_171_442_2;
    let least = if inside { -0.367_879_441_171_442_4 } else { low.lower.min(high.lower) };
    Interval::new(least, low.upper.max(high.upper))
}

/// log Σ exp over intervals.
pub fn log_sum_exp(members: &[Interval]) -> Interval {
    let end = |of: fn(&Interval) -> f64| {
        let top = members.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        if !top.is_finite() {
            return Interval { lower: top, upper: top };
        }
        let shifted = members.iter().map(|m| Interval::point(of(m)).plus(Interval::point(-top)));
        let sum = shifted.map(exp_of).fold(Interval::point(0.0), Interval::plus);
        Interval::point(top).plus(ln_of(sum))
    };
    Interval::new(end(|m| m.lower).lower, end(|m| m.upper).upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taylor series in integers: a number t·2^BITS is kept rounded down, the error is a few units.
    const BITS: usize = 400;

    fn fixed(t: f64) -> dashu_int::IBig {
        let r = dashu_ratio::RBig::try_from(t).expect("finite");
        (r * dashu_ratio::RBig::from(dashu_int::UBig::ONE << BITS)).trunc()
    }

    /// e^t for |t| ≤ 750.
    fn exp_fixed(t: &dashu_int::IBig) -> dashu_int::IBig {
        let one = dashu_int::IBig::ONE << BITS;
        // e^t = (e^{t/2^12})^{2^12}
        let small: dashu_int::IBig = t.clone() >> 12;
        let (mut term, mut sum) = (one.clone(), one.clone());
        for n in 1..60 {
            term = ((term * &small) >> BITS) / n;
            sum += &term;
        }
        (0..12).fold(sum, |e, _| (e.clone() * e) >> BITS)
    }

    fn close(found: Interval, truth: &dashu_int::IBig, what: &str) {
        let slack = dashu_int::IBig::ONE << (BITS / 3);
        let low = fixed(found.lower) - &slack;
        let high = fixed(found.upper) + &slack;
        assert!(low <= *truth && *truth <= high, "{what}: {found:?}");
        let width = found.upper - found.lower;
        assert!(width <= 64.0 * f64::EPSILON * found.upper.abs().max(found.lower.abs()) + 1e-300, "{what}: {found:?}");
    }

    fn points() -> impl Iterator<Item = f64> {
        let mut seed = 7u64;
        std::iter::repeat_with(move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let v = (seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            let scale = [1e-12, 1e-3, 0.3, 0.36, 1.0, 5.0, 40.0, 100.0][(seed % 8) as usize];
            v * scale
        })
    }

    #[test]
    fn exponentials_lie_in_their_enclosures() {
        let one = dashu_int::IBig::ONE << BITS;
        for t in points().take(3000).chain([0.34, -0.34, 0.35, std::f64::consts::LN_2, 1.0, -40.0]) {
            let truth = exp_fixed(&fixed(t));
            close(exp(t), &truth, &format!("exp({t})"));
            let relative = exp_m1(t);
            let truth = truth - &one;
            assert!(fixed(relative.lower) <= truth.clone() + 1 && truth - 1 <= fixed(relative.upper), "expm1({t})");
            assert!(relative.upper - relative.lower <= 2e-14 * relative.upper.abs(), "expm1({t}) = {relative:?}");
        }
    }

    #[test]
    fn logarithms_lie_in_their_enclosures() {
        // log is checked by what it inverts: exp of the ends lies on both sides of t, in fixed point.
        let slack = dashu_int::IBig::ONE << (BITS / 3);
        for v in points().take(3000) {
            for t in [v.abs() + 1e-12, 1.0 + v.abs().min(0.5) * 1e-6, (v * 0.5).exp()] {
                let i = ln(t);
                assert!(exp_fixed(&fixed(i.lower)) <= fixed(t) + &slack, "ln({t}) = {i:?}");
                assert!(exp_fixed(&fixed(i.upper)) >= fixed(t) - &slack, "ln({t}) = {i:?}");
                assert!(i.upper - i.lower <= 64.0 * f64::EPSILON * i.upper.abs(), "ln({t}) = {i:?}");
            }
            let t = v.max(-0.999);
            let (i, one) = (ln_1p(t), dashu_int::IBig::ONE << BITS);
            assert!(exp_fixed(&fixed(i.lower)) <= fixed(t) + &one + &slack, "ln_1p({t}) = {i:?}");
            assert!(exp_fixed(&fixed(i.upper)) >= fixed(t) + &one - &slack, "ln_1p({t}) = {i:?}");
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp(f64::NEG_INFINITY).lower, 0.0);
        assert_eq!(exp(710.0), Interval::new(f64::MAX, f64::INFINITY));
        assert!(exp(-745.0).contains(f64::from_bits(1)) && exp(-744.9).upper < 1e-320);
        assert!(exp(709.78).lower > 1.79e308);
        assert!(ln(f64::from_bits(1)).contains(-744.440_071_921_381_2));
        assert!(ln(f64::MAX).contains(709.782_712_893_384));
        assert_eq!(ln(1.0), Interval::point(0.0));
        assert!(softplus(-800.0).contains(0.0) && softplus(800.0).contains(800.0));
    }
}
