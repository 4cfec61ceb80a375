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
/// definiteness", BIT 2006).
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
    if n > LARGEST {
        return Definiteness::Unknown;
    }
    // Twice the symmetric part, M + Mᵀ; the rounding of each sum is at most ε times its size.
    let mut sum = DMatrix::<f64>::zeros(n, n);
    for (v, (i, j)) in matrix.iter() {
        sum[(i, j)] += v;
        sum[(j, i)] += v;
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
        Definiteness::Positive
    } else if proves(-1.0) {
        Definiteness::Negative
    } else {
        Definiteness::Unknown
    }
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
}
