//! The whole chain in one place: prove → lower → solve → certify.
//!
//! Status, value, bound and gap are recomputed from the network at the point the solver returned; nothing the solver says
//! about its own answer is believed.

pub mod batch;
#[cfg(feature = "highs")]
mod cuts;
pub mod duals;
#[cfg(feature = "highs")]
mod ends;
#[cfg(feature = "highs")]
mod linear;
#[cfg(feature = "highs")]
mod polish;
#[cfg(feature = "highs")]
mod quadratic;
#[cfg(feature = "highs")]
mod search;
mod solution;

use std::time::Duration;

pub use solution::{Proof, Solution, Status, Work};

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;

/// How to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The epigraph linear program by the simplex method of HiGHS.
    #[default]
    Lp,
    /// The same program by the interior-point method of HiGHS, with crossover.
    Ipm,
    /// The same program by the first-order method of HiGHS (PDLP): low memory, low accuracy.
    Pdlp,
}

/// The methods with their names on the command line, one row each.
pub const METHODS: &[(&str, Method, &str)] = &[
    ("lp", Method::Lp, "exact: epigraph linear program, simplex (HiGHS)"),
    ("ipm", Method::Ipm, "exact: the same program, interior point (HiGHS)"),
    ("pdlp", Method::Pdlp, "approximate: the same program, first order (HiGHS)"),
];

impl Method {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        METHODS.iter().find(|m| m.1 == self).map_or("?", |m| m.0)
    }
}

/// When to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// An answer is optimal when value − lower bound ≤ `gap` times the size of the numbers that make up the value, or when
    /// the difference is of rounding size: 1e-12 of all the numbers that are added up on the way to it.
    pub gap: f64,
    /// Wall-clock limit for one row.
    pub time: Option<Duration>,
    /// Most iterations of the solver for one row.
    pub iterations: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { gap: 1e-7, time: None, iterations: None }
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
