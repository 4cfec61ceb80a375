//! Emptiness: multipliers of the domain's rows and learned constraints whose sum no point of the box can satisfy (Farkas).

use serde::Serialize;

use super::minorant::Minorant;
use crate::domain::Domain;

/// Sums of terms below this share of their size count as zero: they are left by rounding.
const ROUNDING: f64 = 1e-11;

/// A proof that no point of the domain exists. Every y ∈ Y has νᵢ·(side of row i − row i·y) ≤ 0 and μₖ·(hₖ(y) − cₖ) ≤ 0, and
/// hₖ lies above an affine minorant; added up, 0 ≥ `gradient`ᵀy + `constant` on Y. On the box that is at least `surplus` > 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Farkas {
    /// νᵢ, one per row: ≥ 0 acts on the lower side, ≤ 0 on the upper side.
    pub rows: Vec<f64>,
    /// μₖ ≥ 0, one per learned constraint.
    pub constraints: Vec<f64>,
    /// Gradient of the sum (length p).
    pub gradient: Vec<f64>,
    /// Constant of the sum.
    pub constant: f64,
    /// The least value of the sum on the box; positive by more than rounding.
    pub surplus: f64,
}

/// The proof that multipliers make: `nu` of the rows, and a multiplier and a minorant for each learned constraint. `None` if
/// they prove nothing.
///
/// `scale` is the size of the slopes that the learned constraints add, times their multipliers: where they cancel inside a
/// constraint, a residue of rounding size, compared with it, counts as zero beside an infinite side.
pub fn proves_empty(domain: &Domain, nu: &[f64], levels: &[(f64, Option<Minorant>)], scale: f64) -> Option<Farkas> {
    let multipliers = || nu.iter().chain(levels.iter().map(|(mu, _)| mu));
    let fits = nu.len() == domain.rows().len() && levels.len() == domain.sublevels().len();
    if !fits || multipliers().any(|n| !n.is_finite()) {
        return None;
    }
    let p = domain.dimension();
    // Any multipliers will do: those that are a solver's noise are better left out.
    let noise = ROUNDING * multipliers().fold(0.0, |m: f64, n| m.max(n.abs()));
    let (mut gradient, mut sizes) = (vec![0.0; p], vec![0.0; p]);
    let (mut constant, mut size) = (0.0, 0.0f64);
    let mut rows = vec![0.0; nu.len()];
    for (kept, (row, nu)) in rows.iter_mut().zip(domain.rows().iter().zip(nu)) {
        let side = if *nu > 0.0 { row.lower } else { row.upper };
        if nu.abs() <= noise || side.is_infinite() {
            continue;
        }
        *kept = *nu;
        constant += nu * side;
        size += (nu * side).abs();
        for (j, c) in &row.coefficients {
            gradient[*j] -= nu * c;
            sizes[*j] += (nu * c).abs();
        }
    }
    let mut constraints = vec![0.0; levels.len()];
    for (kept, (level, (mu, h))) in constraints.iter_mut().zip(domain.sublevels().iter().zip(levels)) {
        let Some(h) = h.as_ref().filter(|_| *mu > noise) else { continue };
        *kept = *mu;
        constant += mu * (h.constant - level.at_most);
        size += mu * (h.constant.abs() + level.at_most.abs());
        for (j, s) in h.gradient.iter().enumerate() {
            gradient[j] += mu * s;
            sizes[j] += (mu * s).abs();
        }
    }
    let mut surplus = constant;
    for j in 0..p {
        let side = if gradient[j] > 0.0 { domain.lower()[j] } else { domain.upper()[j] };
        let size_here = if side.is_finite() { sizes[j] } else { sizes[j].max(scale) };
        if gradient[j].abs() <= ROUNDING * size_here {
            gradient[j] = 0.0;
            continue;
        }
        surplus += gradient[j] * side;
        size += (gradient[j] * side).abs();
    }
    let proven = surplus.is_finite() && surplus > ROUNDING * size;
    proven.then_some(Farkas { rows, constraints, gradient, constant, surplus })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_beside_an_infinite_side_proves_as_well() {
        let inf = f64::INFINITY;
        let c = [(0, 0.1), (1, 0.7)];
        let domain = Domain::everything(2).with_row("at most", &c, -inf, 1.0).unwrap();
        let domain = domain.with_row("at least", &c.map(|(j, c)| (j, 3.0 * c)), 4.0, inf).unwrap();
        // 0.1·3 − 0.3 is not 0 in f64.
        assert!(proves_empty(&domain, &[-3.0, 1.0], &[], 0.0).is_some());
        assert!(proves_empty(&domain, &[-3.0, 1.1], &[], 0.0).is_none());
        assert!(
            proves_empty(&domain, &[3.0, -1.0], &[], 0.0).is_none(),
            "each multiplier acts on the other side, which is infinite"
        );
        let domain = domain.with_row("any", &[(0, 1.0)], 5.0, inf).unwrap();
        assert!(proves_empty(&domain, &[-3.0, 1.0, 1e-16], &[], 0.0).is_some());
    }

    #[test]
    fn a_point_is_not_empty() {
        let domain = Domain::cube(1, 0.1, 0.1).unwrap().with_row("the same", &[(0, 3.0)], 0.3, 0.3).unwrap();
        for nu in [-1.0, 1.0] {
            assert!(proves_empty(&domain, &[nu], &[], 0.0).is_none(), "3·0.1 differs from 0.3 by rounding only");
        }
    }
}
