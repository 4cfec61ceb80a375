//! Dense kernels: dot products with independent accumulators, and Cholesky factors by rows.

use pulp::{Arch, Simd, WithSimd};

/// Accumulators of [`dot`]: enough to fill two vector registers and hide the latency of an addition.
const LANES: usize = 8;

/// Calls `f` compiled for the processor at hand (the baseline on x86-64 is SSE2): for loops that the compiler turns into vectors by
/// itself. What `f` calls has to be inlined into it, and `f` itself, which takes `#[inline(always)]` on a closure of more than a line. Sums are the same on every processor.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    struct Call<F>(F);
    impl<F: FnOnce() -> R, R> WithSimd for Call<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            self.0()
        }
    }
    Arch::new().dispatch(Call(f))
}

/// aᵀb, in an order that does not depend on anything but the length.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[4]) + (sums[1] + sums[5]) + (sums[2] + sums[6]) + (sums[3] + sums[7]) + tail
}

/// y += a·x
#[inline(always)]
pub fn add(a: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// out += Σₖ cₖ·(row k of `rows`); rows are `stride` apart, and as much of them is read as `out` has entries. What is 0 costs nothing.
#[inline(always)]
pub fn add_rows(c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    let width = out.len();
    // Four rows at a time: one load and one store of `out` for four products.
    let (mut waiting, mut count) = ([0; 4], 0);
    for k in 0..c.len() {
        if c[k] == 0.0 {
            continue;
        }
        waiting[count] = k;
        count += 1;
        if count == 4 {
            count = 0;
            let [i0, i1, i2, i3] = waiting;
            let (f0, f1, f2, f3) = (c[i0], c[i1], c[i2], c[i3]);
            let (r0, r1) = (&rows[i0 * stride..][..width], &rows[i1 * stride..][..width]);
            let (r2, r3) = (&rows[i2 * stride..][..width], &rows[i3 * stride..][..width]);
            for j in 0..width {
                out[j] += (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j]);
            }
        }
    }
    for k in waiting.into_iter().take(count) {
        let (factor, row) = (c[k], &rows[k * stride..][..width]);
        for j in 0..width {
            out[j] += factor * row[j];
        }
    }
}

/// The Cholesky factor L of a symmetric matrix that gains and loses rows.
#[derive(Debug, Default)]
pub struct Factor {
    /// Row i has i + 1 entries.
    rows: Vec<Vec<f64>>,
}

impl Factor {
    /// Of the empty matrix.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Appends a row of the matrix, up to and with its diagonal entry. A pivot below `least` is raised to it.
    pub fn append(&mut self, mut row: Vec<f64>, least: f64) {
        let m = self.rows.len();
        for (j, other) in self.rows.iter().enumerate() {
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        row[m] = (row[m] - dot(&row[..m], &row[..m])).max(least).sqrt();
        self.rows.push(row);
    }

    /// Removes row and column k; plane rotations restore the triangle.
    pub fn remove(&mut self, k: usize) {
        self.rows.remove(k);
        for j in k..self.rows.len() {
            let (row, below) = self.rows[j..].split_at_mut(1);
            let row = &mut row[0];
            let (a, b) = (row[j], row[j + 1]);
            let length = a.hypot(b);
            let (c, s) = (a / length, b / length);
            row.truncate(j + 1);
            row[j] = length;
            for other in below {
                let (x, y) = (other[j], other[j + 1]);
                other[j] = c * x + s * y;
                other[j + 1] = c * y - s * x;
            }
        }
    }

    /// Solves L Lᵀ x = b in place.
    pub fn solve(&self, b: &mut [f64]) {
        for (i, row) in self.rows.iter().enumerate() {
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
        for (i, row) in self.rows.iter().enumerate().rev() {
            b[i] /= row[i];
            let x = b[i];
            add(-x, &row[..i], &mut b[..i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_that_lost_rows_solves_the_smaller_system() {
        let entry = |i: usize, j: usize| if i == j { 9.0 } else { ((i * 7 + j * 7) % 5) as f64 / 2.0 };
        let mut kept: Vec<usize> = (0..9).collect();
        let mut factor = Factor::default();
        kept.iter().for_each(|i| factor.append((0..=*i).map(|j| entry(*i, j)).collect(), 1e-13));
        for k in [3, 0, 6] {
            kept.remove(k);
            factor.remove(k);
            let right: Vec<f64> = (0..kept.len()).map(|i| 1.0 + i as f64).collect();
            let mut x = right.clone();
            factor.solve(&mut x);
            for (i, b) in kept.iter().zip(&right) {
                let product: f64 = kept.iter().zip(&x).map(|(j, x)| entry(*i, *j) * x).sum();
                assert!((product - b).abs() < 1e-12, "{product} {b}");
            }
        }
    }
}
