//! Convex quadratic objectives in HiGHS: its active-set method.

use std::time::Instant;

use sprs::CsMat;

use super::raw::{Model, Value};
use super::{DUAL_SIMPLEX, Highs};
use crate::{Algorithm, LpOptions, LpOutcome, SolverError, Status};

/// The regularisation that HiGHS adds unless told otherwise, and the most it allows.
const REGULARIZATION: f64 = 1e-7;

/// Hands over the lower triangle of Q divided by two to the power `exponent`; `padded`: there is a column more.
pub(super) fn pass_quadratic(
    model: &mut Model,
    q: &CsMat<f64>,
    exponent: i32,
    padded: bool,
) -> Result<(), SolverError> {
    let factor = 2f64.powi(-exponent);
    let (mut start, mut index, mut value) = (vec![], vec![], vec![]);
    // Q is symmetric: column j below the diagonal is row j to the right of it.
    for (j, row) in q.outer_iterator().enumerate() {
        start.push(index.len() as i32);
        for (i, v) in row.iter().filter(|(i, v)| *i >= j && **v != 0.0) {
            index.push(i as i32);
            value.push(v * factor);
        }
    }
    if padded {
        start.push(index.len() as i32);
    }
    model.pass_hessian(&start, &index, &value)
}

impl Highs {
    /// Solves a program with a quadratic term, plainly; if that fails or finds no end, regularised.
    pub(super) fn solve_quadratic(&mut self, options: &LpOptions, clock: Instant) -> Result<LpOutcome, SolverError> {
        match options.algorithm {
            Algorithm::Simplex => {}
            Algorithm::Ipm => return Err(SolverError::Quadratic { method: "the interior-point method" }),
            Algorithm::Pdlp => return Err(SolverError::Quadratic { method: "the first-order method" }),
        }
        // The method can go round in circles for ever: without a limit it gets one of its own.
        let own = 1000 + 20 * (self.columns + self.rows) as u64;
        let limited = LpOptions { iteration_limit: options.iteration_limit.or(Some(own)), ..options.clone() };
        let circles = |outcome: &mut LpOutcome| {
            if outcome.status == Status::IterationLimit && options.iteration_limit.is_none() {
                outcome.status = Status::Failed;
                outcome.detail = format!("no end after {own} iterations");
            }
        };
        self.model.set("qp_regularization_value", Value::Real(0.0))?;
        let mut outcome = self.attempt(&limited, DUAL_SIMPLEX, None, clock)?;
        circles(&mut outcome);
        if outcome.status == Status::Failed {
            self.model.set("qp_regularization_value", Value::Real(REGULARIZATION))?;
            let mut next = self.attempt(&limited, DUAL_SIMPLEX, None, clock)?;
            circles(&mut next);
            next.iterations += outcome.iterations;
            next.detail = format!("{}; regularised: {}", outcome.detail, next.detail);
            outcome = next;
        }
        outcome.seconds = clock.elapsed().as_secs_f64();
        Ok(outcome)
    }
}
