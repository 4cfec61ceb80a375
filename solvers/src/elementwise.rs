//! exp and log of many numbers at once. Nothing here branches or calls, so that the compiler makes vectors of it inside
//! [`vectorised`](crate::dense::vectorised).

/// Numbers that are worked on together.
pub use crate::dense::LANES;

/// Some of them.
pub type Block = [f64; LANES];

/// The first numbers of `from`, and `rest` in the places that are left.
#[inline(always)]
pub fn block(from: &[f64], rest: f64) -> Block {
    match from.first_chunk() {
        Some(full) => *full,
        None => {
            let mut some = [rest; LANES];
            some.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            some
        }
    }
}

/// As many numbers of a block as `to` has room for.
#[inline(always)]
pub fn store(from: &Block, to: &mut [f64]) {
    match to.first_chunk_mut() {
        Some(full) => *full = *from,
        None => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// The sum, in a fixed order.
#[inline(always)]
pub fn sum(of: &Block) -> f64 {
    (of[0] + of[4]) + (of[1] + of[5]) + (of[2] + of[6]) + (of[3] + of[7])
}

/// Where eˣ is still a normal number.
const LEAST: f64 = -708.0;

/// Added to a number below 2⁵¹ it leaves the nearest integer in the last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// log 2 in two parts, of which the first has trailing zeros: multiples below 2¹¹ are exact.
const LN_2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);

/// eˣ for x ≤ 0 up to two units in the last place; e⁻⁷⁰⁸ below.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = if x < LEAST { LEAST } else { x };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2.0) - k * LN_2.1;
    // The series of eʳ, |r| ≤ ½ log 2.
    let high = 1.0 / 39_916_800.0 + r * (1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0));
    let middle = 1.0 / 40_320.0 + r * (1.0 / 362_880.0 + r * (1.0 / 3_628_800.0 + r * high));
    let low = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5_040.0 + r * middle)));
    let power = 1.0 + (r + r * r * (0.5 + r * (1.0 / 6.0 + r * low)));
    power * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// log(1 + e) for 0 ≤ e ≤ 1, to a few units in the last place.
#[inline(always)]
pub fn ln_1p(e: f64) -> f64 {
    // 2 artanh(e/(2 + e)), at most 2 artanh(1/3).
    let s = e / (2.0 + e);
    let w = s * s;
    let (w2, w4) = (w * w, w * w * (w * w));
    let at = |k: f64| 1.0 / k + w * (1.0 / (k + 2.0));
    let four = |k: f64| at(k) + w2 * at(k + 4.0);
    2.0 * s * ((four(1.0) + w4 * four(9.0)) + w4 * w4 * (four(17.0) + w4 * four(25.0)))
}

/// x·log x for x ≥ 0, 0 at 0 and below, where rounding puts it. Close to the smallest normal numbers and below them it is only small.
#[inline(always)]
pub fn xlogx(x: f64) -> f64 {
    // x = 2ᵏ m with m between √½ and √2.
    const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits().wrapping_sub(HALF_ROOT);
    // k + 2048 is what is left of the bits when the sign's place is filled with a one that is never borrowed.
    let raised = bits.wrapping_add(1 << 63) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((raised << 52).wrapping_sub(1 << 63)));
    let k = f64::from_bits(raised | ROUND.to_bits()) - (ROUND + 2048.0);
    let s = (m - 1.0) / (m + 1.0);
    let w = s * s;
    let (w2, w4) = (w * w, w * w * (w * w));
    let at = |k: f64| 1.0 / k + w * (1.0 / (k + 2.0));
    let four = |k: f64| at(k) + w2 * at(k + 4.0);
    let ln_m = 2.0 * s * (four(1.0) + w4 * (four(9.0) + w4 * (1.0 / 17.0 + w * (1.0 / 19.0))));
    let ln = k * LN_2.0 + (ln_m + k * LN_2.1);
    if x <= 0.0 { 0.0 } else { x * ln }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, theirs: f64, x: f64) {
        assert!((ours - theirs).abs() <= 1e-15 * theirs.abs(), "at {x:e}: {ours:e} and {theirs:e}");
    }

    #[test]
    fn they_are_those_of_the_standard_library() {
        for i in 0..200_000 {
            let t = (i as f64 + 0.5) / 200_000.0;
            let x = -708.0 * t * t * t;
            close(exp(x), x.exp(), x);
            let e = t.powi(40);
            close(ln_1p(e), e.ln_1p(), e);
            close(ln_1p(t), t.ln_1p(), t);
            // Close to 1 the logarithm is small: compared is what the entropy adds up.
            let small = exp(-700.0 * t);
            close(xlogx(small), small * small.ln(), small);
            close(xlogx(t), t * t.ln(), t);
        }
        assert_eq!((exp(0.0), ln_1p(0.0)), (1.0, 0.0));
        close(ln_1p(1.0), 2f64.ln(), 1.0);
        assert_eq!((xlogx(0.0), xlogx(-0.0), xlogx(-1e-17), xlogx(1.0)), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn what_is_no_number_stays_so_and_nothing_overflows() {
        assert!(exp(f64::NAN).is_nan() && ln_1p(f64::NAN).is_nan() && xlogx(f64::NAN).is_nan());
        assert!(exp(f64::NEG_INFINITY) > 0.0 && exp(f64::NEG_INFINITY) < 1e-300);
        assert!(xlogx(f64::MIN_POSITIVE / 8.0).abs() < 1e-300);
    }

    #[test]
    fn blocks_are_padded() {
        let of = block(&[1.0, 2.0], 7.0);
        assert_eq!((of[1], of[2], sum(&of)), (2.0, 7.0, 45.0));
        let mut to = [0.0; 3];
        store(&of, &mut to);
        assert_eq!(to, [1.0, 2.0, 7.0]);
    }
}
