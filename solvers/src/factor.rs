//! [`Factor`]: Cholesky factors of symmetric matrices that gain and lose rows.

use crate::dense::{add, dot, vectorised};

/// U with UᵀU = M, upper triangular.
#[derive(Debug, Default)]
pub struct Factor {
    /// By rows, `stride` apart; what is left of the diagonal means nothing.
    upper: Vec<f64>,
    stride: usize,
    /// 1 over the diagonal.
    inverse: Vec<f64>,
    /// A column on its way to its rows.
    column: Vec<f64>,
}

impl Factor {
    /// Number of rows.
    pub fn size(&self) -> usize {
        self.inverse.len()
    }

    /// Of the matrix whose row i is written by `fill`, from its diagonal entry on. A pivot below `least` is raised to it.
    pub fn of(&mut self, size: usize, least: f64, mut fill: impl FnMut(usize, &mut [f64])) {
        self.reserve(size);
        let (stride, upper, inverse) = (self.stride, &mut self.upper, &mut self.inverse);
        inverse.clear();
        inverse.resize(size, 0.0);
        (0..size).for_each(|i| fill(i, &mut upper[i * stride + i..i * stride + size]));
        vectorised(
            #[inline(always)]
            || {
                for j in 0..size {
                    let (above, below) = upper.split_at_mut((j + 1) * stride);
                    let row = &mut above[j * stride + j..j * stride + size];
                    let one_over = 1.0 / row[0].max(least).sqrt();
                    inverse[j] = one_over;
                    row.iter_mut().for_each(|v| *v *= one_over);
                    for (i, v) in row.iter().enumerate().skip(1) {
                        let at = (i - 1) * stride + j + i;
                        add(-v, &row[i..], &mut below[at..at + row.len() - i]);
                    }
                }
            },
        );
    }

    /// Appends a row of the matrix, up to and with its diagonal entry.
    pub fn append(&mut self, row: impl Iterator<Item = f64>, least: f64) {
        let m = self.size();
        self.column.clear();
        self.column.extend(row);
        if m + 1 > self.stride {
            self.widen(2 * (m + 1));
        }
        let (stride, upper, column) = (self.stride, &mut self.upper, &mut self.column);
        let (front, last) = column.split_at_mut(m);
        vectorised(
            #[inline(always)]
            || {
                forward(upper, stride, &self.inverse, front);
                last[0] -= dot(front, front);
            },
        );
        let pivot = last[0].max(least).sqrt();
        front.iter().enumerate().for_each(|(j, v)| upper[j * stride + m] = *v);
        upper[m * stride + m] = pivot;
        self.inverse.push(1.0 / pivot);
    }

    /// Removes row and column k; plane rotations restore the triangle.
    pub fn remove(&mut self, k: usize) {
        let (m, stride, upper) = (self.size(), self.stride, &mut self.upper);
        (0..m).for_each(|i| upper.copy_within(i * stride + k.max(i) + 1..i * stride + m, i * stride + k.max(i)));
        // Rows after k keep an entry left of the diagonal, which is lost by that shift: it is 1/`inverse`.
        vectorised(
            #[inline(always)]
            || {
                for j in k..m - 1 {
                    let (above, below) = upper.split_at_mut((j + 1) * stride);
                    let (row, next) = (&mut above[j * stride + j..j * stride + m - 1], &mut below[j + 1..m]);
                    // Row j + 1 begins with its diagonal entry, which now belongs to column j.
                    let (a, b) = (row[0], 1.0 / self.inverse[j + 1]);
                    let length = (a * a + b * b).sqrt();
                    let (c, s) = (a / length, b / length);
                    row[0] = length;
                    self.inverse[j] = 1.0 / length;
                    for (x, y) in row[1..].iter_mut().zip(next) {
                        (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
                    }
                }
            },
        );
        self.inverse.pop();
    }

    /// Solves M x = b in place.
    pub fn solve(&self, b: &mut [f64]) {
        let stride = self.stride;
        vectorised(
            #[inline(always)]
            || {
                forward(&self.upper, stride, &self.inverse, b);
                for i in (0..b.len()).rev() {
                    let (head, tail) = b.split_at_mut(i + 1);
                    let row = &self.upper[i * stride + i + 1..][..tail.len()];
                    head[i] = (head[i] - dot(row, tail)) * self.inverse[i];
                }
            },
        );
    }

    /// Room for so many rows; what is there is lost.
    fn reserve(&mut self, size: usize) {
        if size > self.stride {
            self.stride = (size + size / 4).next_multiple_of(8);
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

/// Solves Uᵀx = b in place.
#[inline(always)]
fn forward(upper: &[f64], stride: usize, inverse: &[f64], b: &mut [f64]) {
    for j in 0..b.len() {
        let (head, tail) = b.split_at_mut(j + 1);
        head[j] *= inverse[j];
        add(-head[j], &upper[j * stride + j + 1..][..tail.len()], tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        if i == j { 9.0 } else { ((i * 7 + j * 7) % 5) as f64 / 2.0 }
    }

    fn check(factor: &Factor, kept: &[usize]) {
        let right: Vec<f64> = (0..kept.len()).map(|i| 1.0 + i as f64).collect();
        let mut x = right.clone();
        factor.solve(&mut x);
        for (i, b) in kept.iter().zip(&right) {
            let product: f64 = kept.iter().zip(&x).map(|(j, x)| entry(*i, *j) * x).sum();
            assert!((product - b).abs() < 1e-12, "{product} {b} of {kept:?}");
        }
    }

    #[test]
    fn a_factor_that_gained_and_lost_rows_solves_the_system_that_is_left() {
        for first in [0, 5, 9] {
            let mut kept: Vec<usize> = (0..9).collect();
            let mut factor = Factor::default();
            factor.of(first, 1e-13, |i, row| row.iter_mut().enumerate().for_each(|(j, v)| *v = entry(i, i + j)));
            (first..9).for_each(|i| factor.append((0..=i).map(|j| entry(i, j)), 1e-13));
            check(&factor, &kept);
            for k in [3, 0, 6, 2] {
                kept.remove(k);
                factor.remove(k);
                check(&factor, &kept);
            }
            (9..20).for_each(|i| {
                kept.push(i);
                factor.append(kept.iter().map(|j| entry(i, *j)), 1e-13);
            });
            check(&factor, &kept);
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
