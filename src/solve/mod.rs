//! The whole chain in one place: prove → lower → solve → certify.
//!
//! Status, value, bound and gap are recomputed from the network at the point the solver returned; nothing the solver says
//! about its own answer is believed.

mod approximate;
mod auto;
pub mod batch;
#[cfg(feature = "clarabel")]
mod conic;
#[cfg(feature = "highs")]
mod cuts;
pub mod duals;
#[cfg(feature = "clarabel")]
mod ends;
#[cfg(feature = "highs")]
pub mod face;
mod fixed;
#[cfg_attr(not(feature = "clarabel"), allow(dead_code))]
mod interrupt;
#[cfg(feature = "highs")]
mod linear;
mod methods;
#[cfg(feature = "highs")]
mod nearest;
mod newton;
#[cfg_attr(not(feature = "clarabel"), allow(dead_code))]
mod polish;
pub mod promote;
#[cfg(feature = "highs")]
mod quadratic;
#[cfg(feature = "highs")]
mod reduced;
#[cfg_attr(not(feature = "clarabel"), allow(dead_code))]
mod search;
mod solution;
mod step;

use std::time::Duration;

pub use methods::{Engine, METHODS, Method, MethodRow};
pub(crate) use search::{FEASIBLE, ROUNDING, reach};
pub use solution::{Proof, Solution, Status, Work};

pub use icnn_solvers::Interrupt;
pub use icnn_solvers::run::{Progress, Watch};

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;

/// What an answer is to be proven by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    /// A bound in f64 whose rounding is bounded.
    #[default]
    Rigorous,
    /// The minimum as a rational number where that costs little beside the solve, by sizes and iterations; a rigorous bound
    /// elsewhere. What `icnn solve` asks for unless told otherwise.
    Cheap,
    /// The minimum as a rational number, whatever it costs within the limits.
    Exact,
}

/// When to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// An answer is optimal when value − lower bound ≤ `gap` times the size of the numbers that make up the value, or when
    /// the difference is of rounding size: 1e-12 of all the numbers that are added up on the way to it (1e-10 for `conic`,
    /// whose answers are no vertices).
    pub gap: f64,
    /// Wall-clock limit for one row.
    pub time: Option<Duration>,
    /// Most iterations of the solver for one row, for methods that solve a program: pivots, interior-point or first-order iterations.
    pub iterations: Option<u64>,
    /// Most passes over the network for one row, forward and backward ones added up, for methods that call f.
    pub passes: Option<u64>,
    /// A switch by which another thread stops a solve.
    pub interrupt: Option<Interrupt>,
    /// What an answer is to be proven by.
    pub proof: Goal,
}

impl Limits {
    /// Whether a limit on time or the switch says stop, for work begun then.
    fn strikes(&self, begun: std::time::Instant) -> bool {
        self.time.is_some_and(|most| begun.elapsed() >= most)
            || self.interrupt.as_ref().is_some_and(Interrupt::is_stopped)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { gap: 1e-7, time: None, iterations: None, passes: None, interrupt: None, proof: Goal::default() }
    }
}

impl Instance {
    /// min f over `domain`.
    ///
    /// Errors: see [`minimize_with`](Instance::minimize_with).
    pub fn minimize(&self, domain: &Domain, method: Method) -> Result<Solution, Error> {
        self.minimize_with(domain, method, &Limits::default())
    }

    /// min f over `domain`, within `limits`.
    ///
    /// Errors: a domain of the wrong dimension; a network that is not proven convex on it; a node the method cannot
    /// represent; a value that leaves the range of f64. A limit that strikes is no error but the status
    /// [`Status::Stopped`].
    pub fn minimize_with(&self, domain: &Domain, method: Method, limits: &Limits) -> Result<Solution, Error> {
        batch::Session::new(domain.clone(), method, limits.clone()).minimize(self)
    }
}
