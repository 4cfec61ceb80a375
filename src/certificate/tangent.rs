//! Better tangent points for quadratic forms of y: a solver's point leaves a slope of the size of its error, which on an
//! unbounded coordinate is fatal and elsewhere costs that slope times the side of the box. Any tangent point gives a bound,
//! so take the one whose slope vanishes on all coordinates that no bound holds.

use nalgebra::{DMatrix, DVector};

use super::multipliers::Multipliers;
use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};

/// More free coordinates than this are left alone: the linear system is dense.
const LARGEST: usize = 2000;

/// A shift beyond this share of max(1, |yⱼ|) is not a solver's error but a form that is nearly singular; tangents from far
/// away are sums of large numbers that cancel, and say nothing.
pub(crate) const FARTHEST: f64 = 1e-3;

/// `multipliers` with new tangent points for the quadratic forms of the decision itself. `y` is the point they have now,
/// `reduced` the reduced costs that it leaves, `weights` the weight of each node's entries in f. `None` if there is no such
/// form, or no better point.
pub fn polished(
    instance: &Instance,
    domain: &Domain,
    multipliers: &Multipliers,
    weights: &dyn Fn(NodeId) -> Option<f64>,
    y: &[f64],
    reduced: &[f64],
) -> Option<Multipliers> {
    let forms: Vec<(NodeId, f64, &sprs::CsMat<f64>)> = (instance.program().nodes().iter().enumerate())
        .filter_map(|(k, node)| match &node.op {
            Op::Quadratic { input, matrix } if input.index() == 0 => {
                let id = NodeId(k as u32);
                Some((id, weights(id)?, matrix.as_ref()))
            }
            _ => None,
        })
        .collect();
    let near = |v: f64, side: f64| side.is_finite() && (v - side).abs() <= 1e-7 * side.abs().max(1.0);
    let mut curved = vec![false; y.len()];
    for (_, w, m) in &forms {
        m.iter().filter(|(v, (i, j))| i == j && w * **v > 0.0).for_each(|(_, (i, _))| curved[i] = true);
    }
    let free: Vec<usize> = (0..y.len())
        .filter(|j| curved[*j] && !near(y[*j], domain.lower()[*j]) && !near(y[*j], domain.upper()[*j]))
        .collect();
    if forms.is_empty() || free.is_empty() || free.len() > LARGEST {
        return None;
    }
    // The slope at y + δ is reduced + H·δ.
    let mut place = vec![usize::MAX; y.len()];
    free.iter().enumerate().for_each(|(k, j)| place[*j] = k);
    let mut hessian = DMatrix::zeros(free.len(), free.len());
    for (_, w, m) in &forms {
        for (v, (i, j)) in m.iter().filter(|(_, (i, j))| place[*i] != usize::MAX && place[*j] != usize::MAX) {
            hessian[(place[i], place[j])] += w * v;
            hessian[(place[j], place[i])] += w * v;
        }
    }
    let slope = DVector::from_iterator(free.len(), free.iter().map(|j| -reduced[*j]));
    let step = hessian.cholesky()?.solve(&slope);
    let mut point = y.to_vec();
    free.iter().zip(step.iter()).for_each(|(j, d)| point[*j] += d);
    if !point.iter().zip(y).all(|(v, y)| (v - y).abs() <= FARTHEST * y.abs().max(1.0)) {
        return None;
    }
    let mut out = multipliers.clone();
    forms.iter().for_each(|(id, ..)| out.set_point(*id, &point));
    Some(out)
}
