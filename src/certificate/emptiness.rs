//! Emptiness: multipliers ν of the domain's rows prove that no point satisfies them together with the box, when
//! Σ νᵢ·(side of row i) exceeds the largest value that Σ νᵢ·(row i) takes on the box. (Farkas; a network's own rows can
//! always be satisfied and take no part.)

use crate::domain::Domain;

/// Sums of terms below this share of their size count as zero: they are left by rounding.
const ROUNDING: f64 = 1e-11;

/// Whether the multipliers `nu` (≥ 0 acts on the lower side, ≤ 0 on the upper side) prove that the domain is empty.
pub fn proves_empty(domain: &Domain, nu: &[f64]) -> bool {
    if nu.len() != domain.rows().len() || nu.iter().any(|n| !n.is_finite()) {
        return false;
    }
    let p = domain.dimension();
    let (mut slope, mut slope_size) = (vec![0.0; p], vec![0.0; p]);
    let (mut surplus, mut size) = (0.0, 0.0f64);
    // Any multipliers will do: those that are a solver's noise are better left out.
    let noise = ROUNDING * nu.iter().fold(0.0, |m: f64, n| m.max(n.abs()));
    for (row, nu) in domain.rows().iter().zip(nu) {
        let side = if *nu > 0.0 { row.lower } else { row.upper };
        if nu.abs() <= noise || side.is_infinite() {
            continue;
        }
        surplus += nu * side;
        size += (nu * side).abs();
        for (j, c) in &row.coefficients {
            slope[*j] += nu * c;
            slope_size[*j] += (nu * c).abs();
        }
    }
    for j in (0..p).filter(|j| slope[*j].abs() > ROUNDING * slope_size[*j]) {
        let side = if slope[j] > 0.0 { domain.upper()[j] } else { domain.lower()[j] };
        surplus -= slope[j] * side;
        size += (slope[j] * side).abs();
    }
    surplus.is_finite() && surplus > ROUNDING * size
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
        assert!(proves_empty(&domain, &[-3.0, 1.0]));
        assert!(!proves_empty(&domain, &[-3.0, 1.1]));
        assert!(!proves_empty(&domain, &[3.0, -1.0]), "each multiplier acts on the other side, which is infinite");
        let domain = domain.with_row("any", &[(0, 1.0)], 5.0, inf).unwrap();
        assert!(proves_empty(&domain, &[-3.0, 1.0, 1e-16]));
    }

    #[test]
    fn a_point_is_not_empty() {
        let domain = Domain::cube(1, 0.1, 0.1).unwrap().with_row("the same", &[(0, 3.0)], 0.3, 0.3).unwrap();
        for nu in [-1.0, 1.0] {
            assert!(!proves_empty(&domain, &[nu]), "3·0.1 differs from 0.3 by rounding only");
        }
    }
}
