//! Rigorous definiteness of a symmetric matrix.

use std::fmt;

use nalgebra::DMatrix;
use sprs::CsMat;

use super::interval::gamma;

/// What is proven of tᵀMt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definiteness {
    /// tᵀMt ≥ 0 for all t.
    Positive,
    /// tᵀMt ≤ 0 for all t.
    Negative,
    /// Neither is proven.
    Unknown,
}

impl fmt::Display for Definiteness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Definiteness::Positive => "positive semidefinite",
            Definiteness::Negative => "negative semidefinite",
            Definiteness::Unknown => "neither proven positive nor negative semidefinite",
        })
    }
}

/// Largest side for which the cubic proof is attempted; beyond it only diagonal matrices are decided.
const LARGEST: usize = 2000;

/// Proves the sign of tᵀMt, or gives up. Sound whatever the rounding: a floating-point Cholesky factorisation that runs to
/// completion on M − s·I proves M ⪰ 0 once s exceeds its backward error γ·trace (Rump, "Verification of positive
/// definiteness", BIT 2006). Singular matrices are decided in exact integers, where those stay small; rows and columns of
/// zeros are left out.
pub fn definiteness(matrix: &CsMat<f64>) -> Definiteness {
    let n = matrix.rows();
    if matrix.iter().all(|(v, (i, j))| i == j || *v == 0.0) {
        let diagonal = || matrix.iter().filter(|(v, _)| **v != 0.0).map(|(v, _)| *v);
        return if diagonal().all(|v| v > 0.0) {
            Definiteness::Positive
        } else if diagonal().all(|v| v < 0.0) {
            Definiteness::Negative
        } else {
            Definiteness::Unknown
        };
    }
    let mut place = vec![usize::MAX; n];
    let mut used = 0;
    for (_, (i, j)) in matrix.iter().filter(|(v, _)| **v != 0.0) {
        for k in [i, j] {
            if place[k] == usize::MAX {
                place[k] = used;
                used += 1;
            }
        }
    }
    let n = used;
    if n > LARGEST {
        return Definiteness::Unknown;
    }
    let entries: Vec<(f64, usize, usize)> =
        matrix.iter().filter(|(v, _)| **v != 0.0).map(|(v, (i, j))| (*v, place[i], place[j])).collect();
    // Twice the symmetric part, M + Mᵀ; the rounding of each sum is at most ε times its size.
    let mut sum = DMatrix::<f64>::zeros(n, n);
    for (v, i, j) in &entries {
        sum[(*i, *j)] += v;
        sum[(*j, *i)] += v;
    }
    let largest = sum.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let proves = |sign: f64| {
        let mut shifted = &sum * sign;
        let trace: f64 = shifted.diagonal().iter().map(|v| v.abs()).sum();
        let shift = 2.0 * (gamma(n + 4) * trace + n as f64 * f64::EPSILON * largest) + f64::MIN_POSITIVE;
        for i in 0..n {
            shifted[(i, i)] -= shift;
        }
        shifted.cholesky().is_some()
    };
    if proves(1.0) {
        return Definiteness::Positive;
    }
    if proves(-1.0) {
        return Definiteness::Negative;
    }
    match integers(n, &entries) {
        Some(sum) if exactly_semidefinite(sum.clone(), n) => Definiteness::Positive,
        Some(sum) if exactly_semidefinite(sum.iter().map(|v| -v).collect(), n) => Definiteness::Negative,
        _ => Definiteness::Unknown,
    }
}

/// Entries and their sums have fewer bits than this, so that what an elimination multiplies starts small.
const BITS: i32 = 96;

/// M + Mᵀ times a power of two, in integers; `None` where they would be too large.
fn integers(n: usize, entries: &[(f64, usize, usize)]) -> Option<Vec<i128>> {
    // v = mantissa·2^exponent, the mantissa odd.
    let parts = |v: f64| {
        let bits = v.abs().to_bits();
        let (field, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
        let (mantissa, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        let zeros = mantissa.trailing_zeros() as i32;
        let odd = i128::from(mantissa >> zeros);
        (if v < 0.0 { -odd } else { odd }, exponent + zeros)
    };
    if entries.iter().any(|(v, ..)| !v.is_finite()) {
        return None;
    }
    let least = entries.iter().map(|(v, ..)| parts(*v).1).min()?;
    let mut sum = vec![0i128; n * n];
    for &(v, i, j) in entries {
        let (mantissa, exponent) = parts(v);
        if exponent - least + 53 > BITS {
            return None;
        }
        let whole = mantissa << (exponent - least);
        sum[i * n + j] = sum[i * n + j].checked_add(whole)?;
        sum[j * n + i] = sum[j * n + i].checked_add(whole)?;
    }
    Some(sum)
}

/// Whether a symmetric matrix of integers (row by row) is proven positive semidefinite: elimination without fractions
/// (Bareiss), each pivot a positive entry of the diagonal; what is left without one has to be 0. A number that outgrows
/// 128 bits ends it unproven.
fn exactly_semidefinite(mut m: Vec<i128>, n: usize) -> bool {
    let mut left: Vec<usize> = (0..n).collect();
    let mut previous = 1i128;
    while let Some(at) = left.iter().position(|k| m[k * n + k] > 0) {
        let k = left.swap_remove(at);
        let pivot = m[k * n + k];
        for (i, j) in left.iter().flat_map(|i| left.iter().map(move |j| (*i, *j))) {
            let scaled = m[i * n + j].checked_mul(pivot);
            let taken = m[i * n + k].checked_mul(m[k * n + j]);
            match scaled.zip(taken).and_then(|(s, t)| s.checked_sub(t)) {
                Some(v) => m[i * n + j] = v / previous,
                None => return false,
            }
        }
        previous = pivot;
    }
    left.iter().all(|i| left.iter().all(|j| m[i * n + j] == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(rows: &[&[f64]]) -> CsMat<f64> {
        let mut m = sprs::TriMat::new((rows.len(), rows.len()));
        for (i, row) in rows.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                m.add_triplet(i, j, *v);
            }
        }
        m.to_csr()
    }

    #[test]
    fn signs() {
        assert_eq!(definiteness(&dense(&[&[2.0, 1.0], &[0.5, 1.0]])), Definiteness::Positive);
        assert_eq!(definiteness(&dense(&[&[-2.0, 1.0], &[0.5, -1.0]])), Definiteness::Negative);
        assert_eq!(definiteness(&dense(&[&[1.0, 2.0], &[2.0, 1.0]])), Definiteness::Unknown);
        assert_eq!(definiteness(&dense(&[&[1.0, 0.0], &[0.0, -1e-300]])), Definiteness::Unknown);
    }

    #[test]
    fn singular_matrices() {
        let outer = |a: &[f64], sign: f64| {
            let rows: Vec<Vec<f64>> = a.iter().map(|s| a.iter().map(|t| sign * s * t).collect()).collect();
            dense(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        assert_eq!(definiteness(&outer(&[1.0, 1.0], 1.0)), Definiteness::Positive);
        assert_eq!(definiteness(&outer(&[0.5, -3.0, 0.0, 1.25], 1.0)), Definiteness::Positive);
        assert_eq!(definiteness(&outer(&[0.5, -3.0, 0.0, 1.25], -1.0)), Definiteness::Negative);
        // A definite block beside zeros.
        let block = dense(&[&[2.3, 0.0, 1.1], &[0.0, 0.0, 0.0], &[1.1, 0.0, 0.9]]);
        assert_eq!(definiteness(&block), Definiteness::Positive);
        // The last bit decides: an eigenvalue is −2⁻⁵³ or so.
        let almost = 1.0 - f64::EPSILON;
        assert_eq!(definiteness(&dense(&[&[1.0, 1.0], &[1.0, almost]])), Definiteness::Unknown);
        assert_eq!(definiteness(&dense(&[&[0.0, 1.0], &[1.0, 1.0]])), Definiteness::Unknown);
        assert_eq!(definiteness(&dense(&[&[1.0, 1.0], &[1.0, 1e-300]])), Definiteness::Unknown);
    }
}
