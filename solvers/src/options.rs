//! [`LpOptions`]: how to solve a linear program.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Interrupt, SolverError};

/// The method used on a linear program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Dual simplex: a vertex, a basis, exact complementarity; starts from a basis if given one.
    #[default]
    Simplex,
    /// Interior point; refuses rows without bounds; followed by crossover to a vertex unless [`LpOptions::crossover`] is off.
    Ipm,
    /// First-order primal-dual gradient: low memory, low accuracy, no basis. Only for programs known to have an
    /// optimum: on others HiGHS' implementation has been seen to call an infeasible program optimal, and to loop for
    /// ever, its limits unread.
    Pdlp,
}

/// Options for one solve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LpOptions {
    /// Method. Default: [`Algorithm::Simplex`].
    pub algorithm: Algorithm,
    /// Wall-clock limit of the whole call, second solves for rays included. Default: none.
    pub time_limit: Option<Duration>,
    /// Most iterations of each phase (simplex, interior point or first-order). Default: none.
    /// Crossover has no limit of its own; use `time_limit`.
    pub iteration_limit: Option<u64>,
    /// Largest violation of a row or column bound, absolute; at least 1e-10. Default: 1e-7.
    pub primal_tolerance: f64,
    /// Largest reduced cost of the wrong sign, absolute, measured after the costs are scaled to
    /// max |c| ∈ [1, 2); at least 1e-10. Default: 1e-7.
    pub dual_tolerance: f64,
    /// Simplify the problem first. Skipped by the solver when it starts from a basis. Default: true.
    pub presolve: bool,
    /// After the interior point, move to a vertex with a basis. Default: true.
    pub crossover: bool,
    /// Ends the solve with [`Status::Interrupted`](crate::Status::Interrupted) once it is switched on: within an iteration
    /// or so by simplex and interior point, not before the end by HiGHS' first-order and quadratic methods. Default: none.
    #[serde(skip)]
    pub interrupt: Option<Interrupt>,
}

impl Default for LpOptions {
    fn default() -> Self {
        LpOptions {
            algorithm: Algorithm::default(),
            time_limit: None,
            iteration_limit: None,
            primal_tolerance: 1e-7,
            dual_tolerance: 1e-7,
            presolve: true,
            crossover: true,
            interrupt: None,
        }
    }
}

impl LpOptions {
    /// The smallest tolerance a solver here accepts.
    pub const SMALLEST_TOLERANCE: f64 = 1e-10;

    /// Checks the ranges of the tolerances.
    ///
    /// # Errors
    /// [`SolverError::Option`] for a tolerance that is NaN, infinite or below
    /// [`SMALLEST_TOLERANCE`](Self::SMALLEST_TOLERANCE).
    pub fn validate(&self) -> Result<(), SolverError> {
        let tolerances = [("primal_tolerance", self.primal_tolerance), ("dual_tolerance", self.dual_tolerance)];
        for (name, value) in tolerances {
            if !(value.is_finite() && value >= Self::SMALLEST_TOLERANCE) {
                let expected = "a finite number of at least 1e-10";
                return Err(SolverError::Option { name, value, expected });
            }
        }
        Ok(())
    }
}
