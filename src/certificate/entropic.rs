//! Lower bounds for f − τH (paper eqs. 6, 7): an affine minorant of f, and the entropic minimum of it in closed form.

use super::minorant::Minorant;
use crate::ir::scalar::softplus;

/// min over the set of rᵀy + c − τH(y). The set is the box of `lower` and `upper` for coordinates outside of `simplices`,
/// and for each of those (members, total) the simplex yⱼ ≥ 0, Σ yⱼ = total.
///
/// Over a side [l, u] it is r·l − τ·log(1 + e^{−r(u − l)/τ}), over a simplex −τ·log Σ e^{−rⱼ·total/τ}.
pub fn bound(minorant: &Minorant, lower: &[f64], upper: &[f64], simplices: &[(&[usize], f64)], tau: f64) -> f64 {
    let r = &minorant.gradient;
    let mut boxed = vec![true; r.len()];
    let mut bound = minorant.constant;
    for (members, total) in simplices {
        let exponents = members.iter().map(|j| -r[*j] * total / tau);
        let largest = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
        bound -= tau * (largest + exponents.map(|e| (e - largest).exp()).sum::<f64>().ln());
        members.iter().for_each(|j| boxed[*j] = false);
    }
    for (j, r) in r.iter().enumerate().filter(|(j, _)| boxed[*j]) {
        let width = upper[j] - lower[j];
        bound += r * lower[j];
        if width > 0.0 {
            bound -= tau * softplus(-r * width / tau);
        }
    }
    if bound.is_nan() { f64::NEG_INFINITY } else { bound }
}
