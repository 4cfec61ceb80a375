//! Better duals of a quadratic program: an active-set method leaves slopes of 1e-6 or so on columns that no bound holds, and
//! each costs that slope times the side of its box. Any point and any multipliers give a bound, so take those nearby whose
//! slopes vanish.

use icnn_solvers::{LinearProgram, LpOutcome};
use nalgebra::{DMatrix, DVector};

use crate::certificate::tangent::FARTHEST;

/// Larger systems are left alone: they are dense.
const LARGEST: usize = 400;

/// Singular values below this share of the largest one count as zero.
const RANK: f64 = 1e-10;

/// A tangent point and multipliers near those of `outcome` that leave no slope on the columns between their bounds, as far as
/// a shift of the point and of the multipliers that are not 0 can do that (least squares). `None` where there is nothing to
/// shift, or too much.
pub(super) fn polished(lp: &LinearProgram, outcome: &LpOutcome) -> Option<LpOutcome> {
    let q = lp.quadratic.as_ref()?;
    let (x, y) = (&outcome.primal, &outcome.row_dual);
    if x.len() != lp.columns() || y.len() != lp.rows() {
        return None;
    }
    let near = |v: f64, side: f64| side.is_finite() && (v - side).abs() <= 1e-7 * side.abs().max(1.0);
    let free: Vec<usize> =
        (0..x.len()).filter(|j| !near(x[*j], lp.column_lower[*j]) && !near(x[*j], lp.column_upper[*j])).collect();
    let curved: Vec<usize> = free.iter().copied().filter(|j| q.get(*j, *j).is_some_and(|v| *v > 0.0)).collect();
    let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let active: Vec<usize> = (0..y.len()).filter(|i| y[*i].abs() > 1e-9 * largest).collect();
    let unknowns = curved.len() + active.len();
    if free.is_empty() || unknowns == 0 || free.len() > LARGEST || unknowns > LARGEST {
        return None;
    }
    // Slopes c + Qx − Aᵀy move by Q·δx − Aᵀ·δy.
    let mut place = vec![usize::MAX; x.len()];
    free.iter().enumerate().for_each(|(k, j)| place[*j] = k);
    let mut system = DMatrix::zeros(free.len(), unknowns);
    for (k, j) in curved.iter().enumerate() {
        let column = q.outer_view(*j)?;
        column.iter().filter(|(i, _)| place[*i] != usize::MAX).for_each(|(i, v)| system[(place[i], k)] = *v);
    }
    for (k, i) in active.iter().enumerate() {
        let row = lp.matrix.outer_view(*i)?;
        for (j, a) in row.iter().filter(|(j, _)| place[*j] != usize::MAX) {
            system[(place[j], curved.len() + k)] = -a;
        }
    }
    let svd = system.try_svd(true, true, f64::EPSILON, 1000)?;
    let cutoff = RANK * svd.singular_values.max();
    let mut out = outcome.clone();
    // A second step removes what rounding left of the first.
    for _ in 0..2 {
        let slopes = slopes(lp, q, &out);
        let wanted = DVector::from_iterator(free.len(), free.iter().map(|j| -slopes[*j]));
        let step = svd.solve(&wanted, cutoff).ok()?;
        curved.iter().zip(step.iter()).for_each(|(j, d)| out.primal[*j] += d);
        active.iter().zip(step.iter().skip(curved.len())).for_each(|(i, d)| out.row_dual[*i] += d);
    }
    out.column_dual = slopes(lp, q, &out);
    let close = out.primal.iter().zip(x).all(|(v, x)| (v - x).abs() <= FARTHEST * x.abs().max(1.0));
    let finite = out.primal.iter().chain(&out.row_dual).chain(&out.column_dual).all(|v| v.is_finite());
    (close && finite).then_some(out)
}

/// c + Qx − Aᵀy
fn slopes(lp: &LinearProgram, q: &sprs::CsMat<f64>, at: &LpOutcome) -> Vec<f64> {
    let mut out = lp.reduced_costs(&at.row_dual);
    for (v, (i, j)) in q.iter() {
        out[i] += v * at.primal[j];
    }
    out
}
