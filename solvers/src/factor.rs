//! [`Factor`]: Cholesky factors of symmetric matrices that gain and lose rows.

use crate::dense::{dot, vectorised};
use crate::elementwise::LANES;
use crate::triangular::{backward, first, forward, rotate, scale, subtract};

/// U with UᵀU = M, upper triangular.
#[derive(Debug, Default)]
pub struct Factor {
    /// By rows, `stride` apart, a multiple of [`LANES`] so that loops over them have no remainder. What is left of the diagonal and right of the last column is 0.
    upper: Vec<f64>,
    stride: usize,
    /// 1 over the diagonal.
    inverse: Vec<f64>,
    /// A right-hand side, padded.
    padded: Vec<f64>,
}

impl Factor {
    /// Number of rows.
    pub fn size(&self) -> usize {
        self.inverse.len()
    }

    /// Of the matrix whose row i is written by `fill`, from its diagonal entry on. A pivot below `least` is raised to it.
    pub fn of(&mut self, size: usize, least: f64, mut fill: impl FnMut(usize, &mut [f64])) {
        self.inverse.clear();
        self.reserve(size);
        self.inverse.resize(size, 0.0);
        let (stride, upper, inverse) = (self.stride, self.upper.as_mut_slice(), self.inverse.as_mut_slice());
        upper[..size * stride].fill(0.0);
        (0..size).for_each(|i| fill(i, &mut upper[i * stride + i..i * stride + size]));
        let end = size.next_multiple_of(LANES);
        // What is moved in does not have to be looked up again after each store.
        vectorised(
            #[inline(always)]
            move || {
                for j in 0..size {
                    let (above, below) = upper.split_at_mut((j + 1) * stride);
                    let row = &mut above[j * stride..j * stride + end];
                    // Rows above reached a little too far to the left.
                    row[..j].fill(0.0);
                    let one_over = 1.0 / row[j].max(least).sqrt();
                    inverse[j] = one_over;
                    scale(one_over, &mut row[first(j)..]);
                    for i in j + 1..size {
                        subtract(row[i], &row[first(i)..], &mut below[(i - j - 1) * stride..][first(i)..end]);
                    }
                }
            },
        );
    }

    /// Appends a row of the matrix: what is left of its `diagonal` entry, and that.
    pub fn append(&mut self, row: impl Iterator<Item = f64>, diagonal: f64, least: f64) {
        let m = self.size();
        if m + 1 > self.stride {
            self.widen(2 * (m + 1));
        }
        self.padded.clear();
        self.padded.extend(row);
        let stride = self.stride;
        self.padded.resize(stride, 0.0);
        let column = &mut self.padded[..m.next_multiple_of(LANES)];
        let square = vectorised(
            #[inline(always)]
            || {
                forward(&self.upper, stride, &self.inverse, column);
                dot(column, column)
            },
        );
        let pivot = (diagonal - square).max(least).sqrt();
        column[..m].iter().enumerate().for_each(|(j, v)| self.upper[j * stride + m] = *v);
        self.upper[m * stride..(m + 1) * stride].fill(0.0);
        self.upper[m * stride + m] = pivot;
        self.inverse.push(1.0 / pivot);
    }

    /// Removes row and column k; plane rotations restore the triangle.
    pub fn remove(&mut self, k: usize) {
        let (m, stride, upper) = (self.size(), self.stride, &mut self.upper);
        let end = m.next_multiple_of(LANES);
        for i in 0..m {
            // Diagonal entries of later rows come to be left of the diagonal.
            let row = &mut upper[i * stride..i * stride + m];
            let to = if i <= k { k } else { i - 1 };
            row.copy_within(to + 1.., to);
            row[m - 1] = 0.0;
        }
        vectorised(
            #[inline(always)]
            || {
                for j in k..m - 1 {
                    let (above, below) = upper.split_at_mut((j + 1) * stride);
                    let (row, next) = (&mut above[j * stride..j * stride + end], &mut below[..end]);
                    let (a, b) = (row[j], next[j]);
                    let inverse = 1.0 / (a * a + b * b).sqrt();
                    self.inverse[j] = inverse;
                    rotate(a * inverse, b * inverse, &mut row[first(j)..], &mut next[first(j)..]);
                    next[j] = 0.0;
                }
            },
        );
        self.inverse.pop();
    }

    /// Solves M x = b in place.
    pub fn solve(&mut self, b: &mut [f64]) {
        let (m, stride) = (self.size(), self.stride);
        self.padded.clear();
        self.padded.extend_from_slice(&b[..m]);
        self.padded.resize(m.next_multiple_of(LANES), 0.0);
        let x = &mut self.padded;
        vectorised(
            #[inline(always)]
            || {
                forward(&self.upper, stride, &self.inverse, x);
                backward(&self.upper, stride, &self.inverse, x);
            },
        );
        b.copy_from_slice(&self.padded[..m]);
    }

    /// Solves M x = b in place where all entries of b but the last are 0.
    pub fn solve_for_last(&mut self, b: &mut [f64]) {
        let (m, stride) = (self.size(), self.stride);
        let Some(last) = m.checked_sub(1) else { return };
        self.padded.clear();
        self.padded.resize(m.next_multiple_of(LANES), 0.0);
        self.padded[last] = b[last] * self.inverse[last];
        let x = &mut self.padded;
        vectorised(
            #[inline(always)]
            || backward(&self.upper, stride, &self.inverse, x),
        );
        b.copy_from_slice(&self.padded[..m]);
    }

    /// Room for so many rows; what is there is lost.
    fn reserve(&mut self, size: usize) {
        if size > self.stride {
            self.stride = (size + size / 4).next_multiple_of(LANES);
            self.upper.clear();
            self.upper.resize(self.stride * self.stride, 0.0);
        }
    }

    /// Room for so many rows.
    fn widen(&mut self, size: usize) {
        let (before, stride, m) = (std::mem::take(&mut self.upper), self.stride, self.size());
        self.reserve(size);
        (0..m).for_each(|i| self.upper[i * self.stride..][..m].copy_from_slice(&before[i * stride..][..m]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        if i == j { 9.0 } else { ((i * 7 + j * 7) % 5) as f64 / 2.0 }
    }

    fn check(factor: &mut Factor, kept: &[usize]) {
        let right: Vec<f64> = (0..kept.len()).map(|i| 1.0 + i as f64).collect();
        let mut x = right.clone();
        factor.solve(&mut x);
        for (i, b) in kept.iter().zip(&right) {
            let product: f64 = kept.iter().zip(&x).map(|(j, x)| entry(*i, *j) * x).sum();
            assert!((product - b).abs() < 1e-12, "{product} {b} of {kept:?}");
        }
        let mut right = vec![0.0; kept.len()];
        right.iter_mut().last().into_iter().for_each(|b| *b = 3.0);
        let mut x = right.clone();
        factor.solve(&mut right);
        factor.solve_for_last(&mut x);
        right.iter().zip(&x).for_each(|(a, b)| assert!((a - b).abs() < 1e-15, "{a} {b}"));
    }

    #[test]
    fn a_factor_that_gained_and_lost_rows_solves_the_system_that_is_left() {
        for first in [0, 5, 9] {
            let mut kept: Vec<usize> = (0..9).collect();
            let mut factor = Factor::default();
            factor.of(first, 1e-13, |i, row| row.iter_mut().enumerate().for_each(|(j, v)| *v = entry(i, i + j)));
            (first..9).for_each(|i| factor.append((0..i).map(|j| entry(i, j)), entry(i, i), 1e-13));
            check(&mut factor, &kept);
            for k in [3, 0, 6, 2] {
                kept.remove(k);
                factor.remove(k);
                check(&mut factor, &kept);
            }
            (9..20).for_each(|i| {
                factor.append(kept.iter().map(|j| entry(i, *j)), entry(i, i), 1e-13);
                kept.push(i);
            });
            check(&mut factor, &kept);
        }
    }

    #[test]
    fn pivots_of_dependent_rows_are_raised() {
        let mut factor = Factor::default();
        factor.of(2, 1e-13, |_, row| row.fill(1.0));
        let mut x = [1.0, 1.0];
        factor.solve(&mut x);
        assert!((x[0] + x[1] - 1.0).abs() < 1e-12);
    }
}
