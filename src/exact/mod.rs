//! The finder of exact optima: from a guess which kinks and sides hold the minimum to a rational point with rational
//! multipliers, for [`certificate::exact`](crate::certificate::exact) to check.
//!
//! Weights are binary floating-point numbers, so the minimum of a piecewise-linear network is a rational number at a rational
//! point. A pattern (`pattern`) turns kinks into equations (`reduce`), p-adic lifting solves them and their transpose
//! (`lift`), and the result becomes a proof (`assemble`). Nothing here is trusted.

mod assemble;
pub mod cost;
mod dyadic;
pub mod empty;
pub mod ladder;
mod lift;
mod local;
mod modular;
pub(crate) mod pattern;
mod planes;
pub mod ray;
mod reduce;
mod rows;
mod simplex;
mod solve;

use std::fmt;
use std::sync::Arc;

use dashu_ratio::RBig;

use crate::certificate::exact::Proof;
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
pub use pattern::Pattern;

/// Why a pattern gives no proof.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The problem has no exact form here: the node and the reason.
    Form(String),
    /// The pattern contradicts itself.
    Pattern,
    /// The equations have no unique solution.
    Singular,
    /// No point satisfies the box and the rows, by these multipliers of the rows (in f64).
    Empty(Vec<f64>),
    /// No point satisfies the box and the rows, by these multipliers of the rows, computed without rounding.
    Contradicted(Vec<RBig>),
    /// A limit struck.
    Stopped,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Form(reason) => write!(f, "{reason}"),
            Failure::Pattern => write!(f, "the pattern of kinks contradicts itself"),
            Failure::Singular => write!(f, "the equations of the kinks have no unique solution"),
            Failure::Empty(_) | Failure::Contradicted(_) => write!(f, "the domain is empty"),
            Failure::Stopped => write!(f, "a limit struck"),
        }
    }
}

/// The proof that follows from a pattern, unchecked. `bounds`: the intervals of f, then of each learned constraint.
pub fn from_pattern(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    pattern: &Pattern,
    stopped: &dyn Fn() -> bool,
) -> Result<Proof, Failure> {
    let vertex = solve::solve(instance, domain, bounds, pattern, stopped)?;
    assemble::assemble(instance, domain, pattern, &vertex).ok_or(Failure::Pattern)
}
