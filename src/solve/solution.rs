//! [`Solution`]: the answer, with what is proven of it.

use serde::Serialize;

use super::duals::Duals;
use crate::certificate::Farkas;

/// How the minimisation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The recomputed gap is within the tolerance.
    Optimal,
    /// The domain is empty.
    Infeasible,
    /// f is unbounded below on the domain.
    Unbounded,
    /// A limit struck, or no method closed the gap; value, bound and gap are still true.
    Stopped,
}

/// How the lower bound is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// One backward pass with admissible multipliers in f64; rounding is not bounded.
    F64,
}

/// What the answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Solver iterations, all solves together.
    pub iterations: u64,
    /// How often the solver was started.
    pub solves: u32,
    /// Forward passes.
    pub forward: u32,
    /// Backward passes.
    pub backward: u32,
    /// Rows of the linear program.
    pub rows: usize,
    /// Columns of the linear program.
    pub columns: usize,
    /// Nonzero coefficients of the linear program.
    pub nonzeros: usize,
}

/// The answer for one context.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// How it ended.
    pub status: Status,
    /// The method that was asked for.
    pub method: &'static str,
    /// The best point found, inside the domain (length p). `None` when infeasible or unbounded.
    pub y: Option<Vec<f64>>,
    /// f at `y`, by a forward pass.
    pub value: Option<f64>,
    /// A number that f does not go below on the domain; −∞ is `None`.
    pub lower_bound: Option<f64>,
    /// value − lower_bound.
    pub gap: Option<f64>,
    /// How far the lower bound can be trusted.
    pub proof: Proof,
    /// Wall-clock seconds, everything included.
    pub seconds: f64,
    /// Work counted.
    pub work: Work,
    /// When unbounded: a direction along which f falls for ever (length p).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<Vec<f64>>,
    /// When infeasible: the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub farkas: Option<Farkas>,
    /// The multipliers behind the lower bound.
    #[serde(skip)]
    pub duals: Option<Duals>,
    /// What a reader should know: why it stopped, which constraints conflict, along which ray.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
