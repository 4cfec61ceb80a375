//! Quadratic programs, which HiGHS' active-set method leaves open now and then: a proof that there is no optimum, or the point
//! and the multipliers of a second method, recomputed like those of the first.

use icnn_solvers::highs::Highs;
use icnn_solvers::{LinearProgram, LpOptions, LpOutcome, Status as LpStatus, clarabel};

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

    /// The end of a quadratic program that was not solved. HiGHS gives no vectors for those, two linear programs do: the
    /// constraints alone, and the directions along which nothing but the linear part of f changes.
    fn end_of_quadratic(&mut self, options: &LpOptions) -> Result<Option<Solution>, Error> {
        let mut alone = LinearProgram { quadratic: None, ..self.linear.lp.clone() };
        alone.objective.fill(0.0);
        let outcome = self.solve(&alone, options)?;
        if outcome.status == LpStatus::Infeasible {
            return Ok(self.proven_end(&outcome));
        }
        let outcome = self.solve(&self.linear.lp.recession(), options)?;
        let falls = outcome.status == LpStatus::Optimal && outcome.objective < 0.0;
        Ok(if falls { self.unbounded(&outcome.primal) } else { None })
    }

    fn solve(&mut self, lp: &LinearProgram, options: &LpOptions) -> Result<LpOutcome, Error> {
        self.work.solves += 1;
        let outcome = Highs::new(lp)?.solve(options, None)?;
        self.work.iterations += outcome.iterations;
        Ok(outcome)
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
