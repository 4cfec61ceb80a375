//! Quadratic programs on which HiGHS' active-set method fails or calls unbounded what is not: proximal steps. With
//! ½ρ‖x − centre‖² added the program has one optimum; from centre to centre these go to an optimum of the program itself.

use icnn_solvers::LinearProgram;
use sprs::TriMat;

/// ρ as a share of the largest entry of Q.
const WEIGHT: f64 = 1e-4;

/// Most steps.
pub(super) const STEPS: usize = 6;

/// `lp` with ½ρ‖x − `centre`‖² added, up to a constant.
pub(super) fn proximal(lp: &LinearProgram, centre: &[f64]) -> LinearProgram {
    let n = lp.columns();
    let mut q = TriMat::new((n, n));
    let mut largest = 0.0f64;
    for (v, (i, j)) in lp.quadratic.iter().flat_map(|q| q.iter()) {
        q.add_triplet(i, j, *v);
        largest = largest.max(v.abs());
    }
    let rho = WEIGHT * largest;
    let mut objective = lp.objective.clone();
    for (j, cost) in objective.iter_mut().enumerate() {
        q.add_triplet(j, j, rho);
        *cost -= rho * centre.get(j).copied().unwrap_or(0.0);
    }
    LinearProgram { objective, quadratic: Some(q.to_csr()), ..lp.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_has_the_value_and_slope_it_had() {
        let mut lp = LinearProgram::new(2);
        lp.objective = vec![1.0, -2.0];
        let mut q = TriMat::new((2, 2));
        q.add_triplet(0, 0, 4.0);
        lp.quadratic = Some(q.to_csr());
        let (centre, near) = ([0.5, 3.0], [0.5, 3.5]);
        let new = proximal(&lp, &centre);
        let rise = |lp: &LinearProgram| lp.value(&near) - lp.value(&centre);
        assert!((rise(&new) - rise(&lp) - 0.5 * 4e-4 * 0.25).abs() < 1e-12);
    }
}
