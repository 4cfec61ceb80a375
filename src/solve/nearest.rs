//! [`nearest`]: the point of a polytope nearest to another point, from linear programs over the polytope (Wolfe, *Finding the
//! nearest point in a polytope*, 1976).
//!
//! A face of minimisers is thin: as a quadratic program it has multipliers as large as 1 over the slope of f, and with them
//! its gap. Linear programs find vertices, which are exact, and x·(x − v) at the vertex v that is least along x bounds
//! ‖x − nearest‖².

use nalgebra::{DMatrix, DVector};

/// Weights below this count as 0.
const GONE: f64 = 1e-12;

/// Entries below this share of the largest one count as 0.
const UNSEEN: f64 = 1e-9;

/// Singular values below this share of the largest one count as zero.
const RANK: f64 = 1e-12;

/// The nearest point to 0 that was found, and a bound on the square of its distance to the nearest one there is.
///
/// `least` minimises a linear function over the polytope: a vertex, and a number that the function does not go below; `None` ends
/// the search. `start` is a point of the polytope. At most `rounds` are made, fewer if the bound falls below `enough`.
pub(super) fn nearest<E>(
    start: Vec<f64>,
    rounds: usize,
    enough: f64,
    mut least: impl FnMut(&[f64]) -> Result<Option<(Vec<f64>, f64)>, E>,
) -> Result<(Vec<f64>, f64), E> {
    let mut x = DVector::from_vec(start);
    // A convex combination of few points that makes up x.
    let (mut points, mut weights) = (vec![x.clone()], vec![1.0]);
    let mut best = (x.clone(), f64::INFINITY);
    for _ in 0..rounds {
        let Some((vertex, bound)) = least(x.as_slice())? else { break };
        let apart = (x.dot(&x) - bound).max(0.0);
        if apart < best.1 {
            best = (x.clone(), apart);
        }
        let vertex = DVector::from_vec(vertex);
        if apart <= enough || points.contains(&vertex) {
            break;
        }
        points.push(vertex);
        weights.push(0.0);
        // Towards the nearest point of the affine hull, dropping points whose weight reaches 0 on the way.
        while let Some(wanted) = affine(&points) {
            let step = |(w, a): (&f64, &f64)| if *a < GONE { w / (w - a).max(f64::MIN_POSITIVE) } else { 1.0 };
            let share = weights.iter().zip(&wanted).map(step).fold(1.0f64, f64::min);
            weights.iter_mut().zip(&wanted).for_each(|(w, a)| *w += share * (a - *w));
            if share >= 1.0 {
                break;
            }
            let kept: Vec<usize> = (0..weights.len()).filter(|k| weights[*k] > GONE).collect();
            if kept.is_empty() || kept.len() == weights.len() {
                break;
            }
            points = kept.iter().map(|k| points[*k].clone()).collect();
            weights = kept.iter().map(|k| weights[*k]).collect();
        }
        let total: f64 = weights.iter().sum();
        x = points.iter().zip(&weights).map(|(p, w)| p * (w / total)).sum();
        // A linear program does not see such entries beside the others, and its bound would lose them over the whole box.
        let least = UNSEEN * x.amax();
        x.iter_mut().filter(|x| x.abs() <= least).for_each(|x| *x = 0.0);
    }
    Ok((best.0.as_slice().to_vec(), best.1))
}

/// Weights that sum up to 1 of the point of least norm in the affine hull.
fn affine(points: &[DVector<f64>]) -> Option<Vec<f64>> {
    let (first, others) = points.split_first()?;
    if others.is_empty() {
        return Some(vec![1.0]);
    }
    // By differences: they may be small beside the points themselves.
    let edges: Vec<DVector<f64>> = others.iter().map(|p| p - first).collect();
    let svd = DMatrix::from_columns(&edges).try_svd(true, true, f64::EPSILON, 1000)?;
    let cutoff = RANK * svd.singular_values.max();
    let weights = svd.solve(&-first, cutoff).ok()?;
    Some([1.0 - weights.sum()].into_iter().chain(weights.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Least = Result<Option<(Vec<f64>, f64)>, ()>;

    /// The vertex that is least along a direction.
    fn over(vertices: &[[f64; 3]]) -> impl FnMut(&[f64]) -> Least + '_ {
        |d| {
            let along = |v: &[f64; 3]| v.iter().zip(d).map(|(v, d)| v * d).sum::<f64>();
            let least = vertices.iter().min_by(|a, b| along(a).total_cmp(&along(b)));
            Ok(least.map(|v| (v.to_vec(), along(v))))
        }
    }

    #[test]
    fn nearest_points_of_small_polytopes() {
        let close = |vertices: &[[f64; 3]], expected: [f64; 3]| {
            for start in vertices {
                let (x, apart) = nearest(start.to_vec(), 100, 1e-20, over(vertices)).expect("no error");
                let distance = x.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                assert!(distance <= apart + 1e-24 && apart < 1e-14, "{x:?}, {expected:?}, {apart}");
            }
        };
        close(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [1.0 / 3.0; 3]);
        close(&[[1.0, 1.0, 2.0], [1.0, -1.0, 2.0]], [1.0, 0.0, 2.0]);
        close(&[[-1.0, -1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0]], [0.0; 3]);
        close(&[[1.0, 0.0, 0.0], [1.0 + 1e-6, 1e-6, 0.0], [1.0, 0.0, 1e-7]], [1.0, 0.0, 0.0]);
        close(&[[2.0, 5.0, 1.0]], [2.0, 5.0, 1.0]);
    }
}
