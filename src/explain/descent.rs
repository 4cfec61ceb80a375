//! [`Descent`]: why an objective has no minimum: the direction along which it falls for ever, and what would stop it.

use serde::Serialize;

use crate::certificate::recession::limit_slope;
use crate::ir::instance::Instance;
use crate::solve::Solution;

/// A direction in which f falls for ever and the domain does not end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Descent {
    /// The direction (length p), largest entry 1.
    pub ray: Vec<f64>,
    /// What f changes for each step along it, in the limit; negative.
    pub slope: f64,
    /// The coordinates that move, largest first. A bound on any one of them stops this ray, though there may be others.
    pub moves: Vec<Move>,
}

/// A coordinate of a ray.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// j
    pub coordinate: usize,
    /// Its entry in the ray.
    pub speed: f64,
    /// The bound that would stop it: `a lower bound of y[3]`.
    pub missing: String,
}

/// The ray of a solution, read. `None` if it is bounded.
pub(super) fn descent(instance: &Instance, solution: &Solution) -> Option<Descent> {
    let ray = solution.ray.clone()?;
    let mut moves: Vec<Move> = (ray.iter().enumerate())
        .filter(|(_, v)| **v != 0.0)
        .map(|(j, v)| {
            let side = if *v < 0.0 { "a lower" } else { "an upper" };
            Move { coordinate: j, speed: *v, missing: format!("{side} bound of y[{j}]") }
        })
        .collect();
    moves.sort_by(|a, b| b.speed.abs().total_cmp(&a.speed.abs()));
    Some(Descent { slope: limit_slope(instance, &ray)?, ray, moves })
}
