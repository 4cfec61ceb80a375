//! Sums in single precision, for searches: twice as many numbers to a vector of the processor, and half of them to read.

use pulp::{Arch, Simd, WithSimd};

/// Rows whose products are taken are padded with zeros to a multiple of this length.
pub const BLOCK: usize = 16;

/// Rows that one tile of products is made of.
const TILE: usize = 4;

/// The products of `count` rows with each other, from the diagonal on: `out` has `count` entries for each row. Rows follow each other, and their length is
/// a multiple of [`BLOCK`].
pub fn products(rows: &[f32], count: usize, out: &mut [f64]) {
    Arch::new().dispatch(Products { rows, count, out });
}

struct Products<'a> {
    rows: &'a [f32],
    count: usize,
    out: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Products { rows, count, out } = self;
        let length = rows.len().checked_div(count).unwrap_or(0);
        for i in (0..count).step_by(TILE) {
            for j in (i..count).step_by(TILE) {
                // What there is too much at the end is the last row once more.
                let row = |k: usize| S::as_simd_f32s(&rows[k.min(count - 1) * length..][..length]).0;
                let right = [row(j), row(j + 1), row(j + 2), row(j + 3)];
                let mut sums = [[0.0; TILE]; TILE];
                // Sixteen sums are too many where there are sixteen registers.
                if S::F32_LANES == BLOCK {
                    add_tile::<S, 4>(simd, [row(i), row(i + 1), row(i + 2), row(i + 3)], right, &mut sums);
                } else {
                    add_tile::<S, 2>(simd, [row(i), row(i + 1)], right, &mut sums[..2]);
                    add_tile::<S, 2>(simd, [row(i + 2), row(i + 3)], right, &mut sums[2..]);
                }
                let used = TILE.min(count - j);
                for (k, sums) in sums.iter().enumerate().take(count - i) {
                    out[(i + k) * count + j..][..used].copy_from_slice(&sums[..used]);
                }
            }
        }
    }
}

/// The products of some rows with four others.
#[inline(always)]
fn add_tile<S: Simd, const R: usize>(
    simd: S,
    left: [&[S::f32s]; R],
    right: [&[S::f32s]; TILE],
    out: &mut [[f64; TILE]],
) {
    let vectors = right[0].len();
    let mut sums = [[simd.splat_f32s(0.0); TILE]; R];
    for at in 0..vectors {
        let right = [right[0][at], right[1][at], right[2][at], right[3][at]];
        for r in 0..R {
            let left = left[r][at];
            for k in 0..TILE {
                sums[r][k] = simd.mul_add_e_f32s(left, right[k], sums[r][k]);
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out += f64::from(simd.reduce_sum_f32s(*sum));
        }
    }
}

/// out += Σₖ cₖ·(row k of `rows`), each row as long as `out`.
#[inline(always)]
pub fn add_rows(c: &[f64], rows: &[f32], out: &mut [f64]) {
    let n = out.len();
    let (fours, rest) = c.as_chunks::<4>();
    for (k, four) in fours.iter().enumerate() {
        let rows = &rows[4 * k * n..][..4 * n];
        let (a, b, c, d) = (&rows[..n], &rows[n..2 * n], &rows[2 * n..3 * n], &rows[3 * n..]);
        let f = [four[0] as f32, four[1] as f32, four[2] as f32, four[3] as f32];
        for j in 0..n {
            out[j] += f64::from((f[0] * a[j] + f[1] * b[j]) + (f[2] * c[j] + f[3] * d[j]));
        }
    }
    for (k, c) in (4 * fours.len()..).zip(rest) {
        let (row, c) = (&rows[k * n..][..n], *c as f32);
        out.iter_mut().zip(row).for_each(|(o, r)| *o += f64::from(c * r));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::{add, dot, vectorised};

    #[test]
    fn sums_in_single_precision_are_those_in_double_but_for_its_rounding() {
        let number = |k: usize| (0.37 * k as f64).sin() as f32;
        for (m, n) in [(0, 16), (3, 32), (4, 16), (9, 400), (5, 0)] {
            let rows: Vec<f32> = (0..m * n).map(number).collect();
            let x: Vec<f32> = (0..n).map(|j| number(j + 1000)).collect();
            let wide = |v: &[f32]| v.iter().map(|t| f64::from(*t)).collect::<Vec<f64>>();
            let mut out = vec![f64::NAN; m * m];
            products(&rows, m, &mut out);
            for (i, j) in (0..m).flat_map(|i| (i..m).map(move |j| (i, j))) {
                let expected = dot(&wide(&rows[i * n..(i + 1) * n]), &wide(&rows[j * n..(j + 1) * n]));
                let found = out[i * m + j];
                assert!((found - expected).abs() <= 1e-6 * n as f64, "{i} and {j}: {found}, not {expected}");
            }
            let c: Vec<f64> = (0..m).map(|k| (k as f64).cos()).collect();
            let (mut out, mut expected) = (wide(&x), wide(&x));
            vectorised(|| add_rows(&c, &rows, &mut out));
            (0..m).for_each(|k| add(c[k], &wide(&rows[k * n..(k + 1) * n]), &mut expected));
            out.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() <= 1e-6 * m as f64, "{a} and {b}"));
        }
    }
}
