//! Quadratic programs, which HiGHS' active-set method leaves open now and then: a proof that there is no optimum, or the point
//! and the multipliers of a second method, recomputed like those of the first.

use icnn_solvers::{LpOptions, LpOutcome, Status as LpStatus, clarabel};

use super::Solution;
use super::search::Search;
use crate::error::Error;

impl Search<'_> {
    /// Takes HiGHS' outcome of a quadratic program. Its word is neither needed nor enough for a program without an optimum:
    /// regularised, an unbounded one has an optimum far away.
    pub fn quadratic(&mut self, outcome: &LpOutcome, options: &LpOptions) -> Result<Option<Solution>, Error> {
        let solved = outcome.status == LpStatus::Optimal;
        if solved {
            self.candidate(outcome)?;
        }
        if self.closed() {
            return Ok(None);
        }
        let end = self.end_of_quadratic(options)?;
        if end.is_none() && !solved {
            self.candidate(outcome)?;
        }
        Ok(end)
    }

    /// Asks Clarabel, whatever its status: interior points do not go round in circles, and infinite sides do not matter to them.
    pub fn second_method(&mut self, options: &LpOptions) -> Result<Option<Solution>, Error> {
        let mut outcome = clarabel::solve(&self.linear.lp, options)?;
        if outcome.status == LpStatus::InfeasibleOrUnbounded && self.has_point() {
            outcome.status = LpStatus::Unbounded;
        }
        self.work.solves += 1;
        self.work.iterations += outcome.iterations;
        let end = self.proven_end(&outcome);
        if end.is_none() && !outcome.primal.is_empty() {
            // Where f has no value the point is none; what is known already stays.
            let taken = self.candidate(&outcome);
            tracing::debug!(status = ?outcome.status, gap = self.gap(), ?taken, "Clarabel");
        }
        self.second_words = Some(outcome.detail);
        Ok(end)
    }
}
