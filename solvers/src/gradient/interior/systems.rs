//! Dense symmetric systems, by Cholesky's factorisation.

use crate::dense::dot;

/// The Cholesky factor of the lower triangle, in place; a pivot that rounding has eaten leaves its unknown at 0.
pub(super) fn factorise(matrix: &mut [f64], n: usize) {
    let largest = (0..n).fold(0.0f64, |m, i| m.max(matrix[i * n + i]));
    for i in 0..n {
        for k in 0..=i {
            let (row, other) = (&matrix[i * n..i * n + k], &matrix[k * n..k * n + k]);
            let rest = matrix[i * n + k] - dot(row, other);
            matrix[i * n + k] = if k < i {
                rest / matrix[k * n + k]
            } else if rest > 1e-30 * largest {
                rest.sqrt()
            } else {
                1e100
            };
        }
    }
}

/// The solution of L·Lᵀx = b.
pub(super) fn substitute(factor: &[f64], n: usize, mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..n {
        b[i] = (b[i] - dot(&factor[i * n..i * n + i], &b[..i])) / factor[i * n + i];
    }
    for i in (0..n).rev() {
        b[i] /= factor[i * n + i];
        let solved = b[i];
        (0..i).for_each(|k| b[k] -= solved * factor[i * n + k]);
    }
    b
}
