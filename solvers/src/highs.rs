//! [`Highs`]: linear programs by [HiGHS](https://highs.dev), compiled in.
//!
//! What HiGHS does to a problem, and what is done about it here:
//!
//! | HiGHS                                             | here                                                 |
//! |---------------------------------------------------|------------------------------------------------------|
//! | reads bounds of magnitude ≥ 1e20 as absent        | finite ones are refused                              |
//! | refuses coefficients of magnitude ≥ 1e15          | refused first, naming row and column                 |
//! | drops coefficients of magnitude ≤ 1e-9            | ≤ 1e-12, the least it allows; [`Highs::dropped`] counts |
//! | calls anything optimal when costs are tiny: its tolerances are absolute | costs are divided by a power of two so that max \|c\| ∈ [1, 2); multipliers and objective are multiplied back, exactly |
//! | may say "infeasible or unbounded", and has no rays after presolve | solves again by simplex, without presolve |
//! | has no rays for programs without coefficients     | solved by simplex, with one trivial row and column more, unseen |
//! | fails on free rows, or calls infeasible programs optimal, unless by simplex | free rows are refused unless for simplex |
//! | adds 1e-7·‖x‖² to a quadratic objective           | asked not to; only if it fails so, with it           |
//! | may go round in circles on a quadratic objective   | a limit of its own, then with it                     |
//! | calls wrong points of a quadratic objective optimal, with multipliers of 0 | nothing: recompute the gap    |
//! | shares its threads within a process               | one thread, always; fixed seed; no output            |
//!
//! Instances are independent: several threads may each solve their own at the same time, and the
//! results do not depend on it.

#[cfg(feature = "testing")]
pub mod lies;
mod load;
mod quadratic;
mod raw;
mod read;
mod words;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use highs_sys as sys;

use crate::prepare::{exponent_of, exponent_of_objective, scaled_costs};
use crate::{Algorithm, Basis, Interrupt, LinearProgram, LpOptions, LpOutcome, SolverError, Status};
use load::{Coefficients, check_bounds, check_coefficients, check_length, check_sizes, free_row, padded};
use quadratic::pass_quadratic;
use raw::{Arrays, Model, Value};
#[doc(hidden)]
pub use raw::{LARGE_PAGE, large_pages};
pub use read::read;
use words::{basis_from_highs, basis_to_highs, translate};

/// Coefficients up to this magnitude are dropped by HiGHS.
pub const SMALLEST_COEFFICIENT: f64 = 1e-12;
/// Coefficients of at least this magnitude are refused.
pub const LARGEST_COEFFICIENT: f64 = 1e15;
/// Finite bounds of at least this magnitude are refused.
pub const LARGEST_BOUND: f64 = 1e20;

/// A linear program loaded into HiGHS.
///
/// Holds its own copy of the program (12 bytes a matrix entry, and working memory while it
/// solves) and refers to nothing outside, so the [`LinearProgram`] may be dropped before solving.
#[derive(Debug)]
pub struct Highs {
    model: Model,
    columns: usize,
    rows: usize,
    /// One row and one column more inside than outside.
    padded: bool,
    /// The first row without bounds.
    free_row: Option<usize>,
    offset: f64,
    /// The costs inside HiGHS are the true ones divided by two to this power.
    exponent: i32,
    dropped: usize,
    quadratic: bool,
}

impl Highs {
    /// Loads a program.
    ///
    /// # Errors
    /// What [`LinearProgram::validate`] finds; [`SolverError::TooLarge`] for coefficients and bounds
    /// that HiGHS takes for infinite; [`SolverError::TooMany`] for 2³¹ − 1 or more rows, columns or
    /// entries; [`SolverError::Call`] if HiGHS refuses.
    pub fn new(lp: &LinearProgram) -> Result<Self, SolverError> {
        lp.validate()?;
        check_sizes(lp)?;
        check_bounds(&lp.column_lower, &lp.column_upper, |j| lp.describe_column(j))?;
        check_bounds(&lp.row_lower, &lp.row_upper, |i| lp.describe_row(i))?;
        let Coefficients { kept, dropped } = check_coefficients(lp)?;

        // HiGHS has no rays for a program without coefficients: one row 0 ≤ 1·0 ≤ 0 gives it one.
        let padded = kept == 0;
        let pad = |array| load::padded(array, padded);
        let exponent = exponent_of_objective(&lp.objective, lp.quadratic.as_ref());
        let costs = scaled_costs(&lp.objective, exponent);
        let as_i32 = |&index: &usize| index as i32;
        let mut start: Vec<i32> = lp.matrix.proper_indptr()[..lp.rows()].iter().map(as_i32).collect();
        let mut index: Vec<i32> = lp.matrix.indices().iter().map(as_i32).collect();
        let mut value = Cow::Borrowed(lp.matrix.data());
        if padded {
            start.push(index.len() as i32);
            index.push(lp.columns() as i32);
            value.to_mut().push(1.0);
        }
        let mut model = Model::new(
            &FIXED_OPTIONS,
            &Arrays {
                columns: [&pad(&costs), &pad(&lp.column_lower), &pad(&lp.column_upper)],
                rows: [&pad(&lp.row_lower), &pad(&lp.row_upper)],
                start: &start,
                index: &index,
                value: &value,
            },
        )?;
        if let Some(q) = &lp.quadratic {
            pass_quadratic(&mut model, q, exponent, padded)?;
        }
        Ok(Highs {
            model,
            columns: lp.columns(),
            rows: lp.rows(),
            padded,
            free_row: free_row(&lp.row_lower, &lp.row_upper),
            offset: lp.offset,
            exponent,
            dropped,
            quadratic: lp.quadratic.is_some(),
        })
    }

    /// How many nonzero coefficients HiGHS ignores, being of magnitude ≤ [`SMALLEST_COEFFICIENT`].
    /// If any, HiGHS solves a neighbour of the program.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Replaces the costs (n) and the constant, for another solve.
    ///
    /// # Errors
    /// [`SolverError::Size`], [`SolverError::Number`] for what is not finite, [`SolverError::Call`],
    /// [`SolverError::Quadratic`] for a program with a quadratic term.
    pub fn set_objective(&mut self, costs: &[f64], offset: f64) -> Result<(), SolverError> {
        if self.quadratic {
            return Err(SolverError::Quadratic { method: "a change of costs" });
        }
        check_length("objective", costs.len(), self.columns)?;
        for (j, &value) in costs.iter().chain([&offset]).enumerate() {
            if !value.is_finite() {
                let what = if j < costs.len() { format!("cost of column {j}") } else { "objective offset".into() };
                return Err(SolverError::Number { what, value, expected: "a finite number" });
            }
        }
        self.exponent = exponent_of(costs);
        self.offset = offset;
        self.model.set_costs(&padded(&scaled_costs(costs, self.exponent), self.padded))
    }

    /// Replaces the column bounds (n each), for another solve.
    ///
    /// # Errors
    /// [`SolverError::Size`], [`SolverError::Number`], [`SolverError::Bounds`], [`SolverError::TooLarge`],
    /// [`SolverError::Call`].
    pub fn set_column_bounds(&mut self, lower: &[f64], upper: &[f64]) -> Result<(), SolverError> {
        check_length("column_lower", lower.len(), self.columns)?;
        check_length("column_upper", upper.len(), self.columns)?;
        check_bounds(lower, upper, |j| format!("column {j}"))?;
        self.model.set_column_bounds(&padded(lower, self.padded), &padded(upper, self.padded))
    }

    /// Replaces the row bounds (m each), for another solve.
    ///
    /// # Errors
    /// As for [`set_column_bounds`](Self::set_column_bounds).
    pub fn set_row_bounds(&mut self, lower: &[f64], upper: &[f64]) -> Result<(), SolverError> {
        check_length("row_lower", lower.len(), self.rows)?;
        check_length("row_upper", upper.len(), self.rows)?;
        check_bounds(lower, upper, |i| format!("row {i}"))?;
        self.free_row = free_row(lower, upper);
        self.model.set_row_bounds(&padded(lower, self.padded), &padded(upper, self.padded))
    }

    /// Solves the program: from `start` (simplex only; the other methods ignore it), or cold.
    ///
    /// Nothing carries over from an earlier solve: the same program, options and start give the same outcome, time
    /// limits aside. If HiGHS finds no optimum to exist, or fails (the first-order method excepted), it is asked again
    /// without presolve, by dual and then by primal simplex, within the same limits, until there is an answer; the
    /// detail of the outcome tells all of them.
    ///
    /// # Errors
    /// [`SolverError::Option`] for an option out of range, [`SolverError::Size`] and [`SolverError::Basis`] for a start
    /// that does not fit, [`SolverError::FreeRow`] for a row without bounds unless for simplex, [`SolverError::Call`]
    /// if HiGHS refuses, [`SolverError::Quadratic`] for a quadratic term unless for simplex, which then stands for
    /// HiGHS' active-set method: no start, no ray, no Farkas vector. A solve that goes wrong is no error but [`Status::Failed`].
    pub fn solve(&mut self, options: &LpOptions, start: Option<&Basis>) -> Result<LpOutcome, SolverError> {
        #[cfg(feature = "testing")]
        if let Some(lie) = lies::told_here() {
            let mut outcome = self.ask(&lie.asked(options), start)?;
            lie.tell(&mut outcome);
            return Ok(outcome);
        }
        self.ask(options, start)
    }

    /// [`solve`](Self::solve), by HiGHS.
    fn ask(&mut self, options: &LpOptions, start: Option<&Basis>) -> Result<LpOutcome, SolverError> {
        options.validate()?;
        let clock = Instant::now();
        let algorithm = if self.padded { Algorithm::Simplex } else { options.algorithm };
        if let (Algorithm::Ipm | Algorithm::Pdlp, Some(row)) = (algorithm, self.free_row) {
            return Err(SolverError::FreeRow { row });
        }
        if let Some(basis) = start {
            self.check_basis(basis)?;
        }
        if self.quadratic {
            return self.solve_quadratic(options, clock);
        }
        let asked = LpOptions { algorithm, ..options.clone() };
        let plain = LpOptions { algorithm: Algorithm::Simplex, presolve: false, ..options.clone() };

        let mut outcome = self.attempt(&asked, DUAL_SIMPLEX, start, clock)?;
        let mut doubtful = match outcome.status {
            Status::Infeasible | Status::Unbounded => asked != plain,
            Status::InfeasibleOrUnbounded => true,
            Status::Failed => algorithm != Algorithm::Pdlp,
            _ => false,
        };
        for strategy in [DUAL_SIMPLEX, PRIMAL_SIMPLEX] {
            if !doubtful || (asked == plain && start.is_none() && strategy == DUAL_SIMPLEX) {
                continue;
            }
            let mut next = self.attempt(&plain, strategy, None, clock)?;
            next.iterations += outcome.iterations;
            next.detail = format!("{}; asked again: {}", outcome.detail, next.detail);
            match next.status {
                Status::Optimal | Status::Infeasible | Status::Unbounded => (outcome, doubtful) = (next, false),
                _ => (outcome.iterations, outcome.detail) = (next.iterations, next.detail),
            }
        }
        self.find_ray(&mut outcome)?;
        outcome.seconds = clock.elapsed().as_secs_f64();
        Ok(outcome)
    }

    /// One call of HiGHS, forgetting everything but the program, from a basis (simplex only) or cold.
    fn attempt(
        &mut self,
        options: &LpOptions,
        strategy: i32,
        start: Option<&Basis>,
        clock: Instant,
    ) -> Result<LpOutcome, SolverError> {
        self.model.forget()?;
        self.set_options(options)?;
        self.model.interrupt_by(options.interrupt.as_ref())?;
        self.model.set("simplex_strategy", Value::Integer(strategy))?;
        if let (Some(basis), Algorithm::Simplex) = (start, options.algorithm) {
            self.set_basis(basis)?;
        }
        self.run(options, clock)
    }

    fn set_options(&mut self, options: &LpOptions) -> Result<(), SolverError> {
        let limit = options.iteration_limit.map_or(i32::MAX, |limit| i32::try_from(limit).unwrap_or(i32::MAX));
        let (primal, dual) = (options.primal_tolerance, options.dual_tolerance);
        let on = |flag| Value::Text(if flag { "on" } else { "off" });
        let method = match options.algorithm {
            Algorithm::Simplex if self.quadratic => "choose",
            Algorithm::Simplex => "simplex",
            Algorithm::Ipm => "ipx",
            Algorithm::Pdlp => "pdlp",
        };
        let values = [
            ("solver", Value::Text(method)),
            ("presolve", on(options.presolve)),
            ("run_crossover", on(options.crossover)),
            ("simplex_iteration_limit", Value::Integer(limit)),
            ("ipm_iteration_limit", Value::Integer(limit)),
            ("qp_iteration_limit", Value::Integer(limit)),
            ("pdlp_iteration_limit", Value::Integer(limit)),
            ("primal_feasibility_tolerance", Value::Real(primal)),
            ("primal_residual_tolerance", Value::Real(primal)),
            ("dual_feasibility_tolerance", Value::Real(dual)),
            ("dual_residual_tolerance", Value::Real(dual)),
            ("optimality_tolerance", Value::Real(dual)),
            ("pdlp_optimality_tolerance", Value::Real(dual)),
            ("ipm_optimality_tolerance", Value::Real(0.1 * dual.min(1e-7))),
        ];
        values.into_iter().try_for_each(|(name, value)| self.model.set(name, value))
    }

    /// Sets a basis that fits, the row or column that is ours included.
    fn set_basis(&mut self, basis: &Basis) -> Result<(), SolverError> {
        let mut columns = basis_to_highs(&basis.columns);
        let mut rows = basis_to_highs(&basis.rows);
        if self.padded {
            columns.push(sys::kHighsBasisStatusLower);
            rows.push(sys::kHighsBasisStatusBasic);
        }
        self.model.set_basis(&columns, &rows)
    }

    fn check_basis(&self, basis: &Basis) -> Result<(), SolverError> {
        check_length("basis columns", basis.columns.len(), self.columns)?;
        check_length("basis rows", basis.rows.len(), self.rows)?;
        if basis.basic() != self.rows {
            return Err(SolverError::Basis { found: basis.basic(), expected: self.rows });
        }
        Ok(())
    }

    /// One call of HiGHS within what is left of the time limit, and everything it says, rays aside.
    fn run(&mut self, options: &LpOptions, clock: Instant) -> Result<LpOutcome, SolverError> {
        let left = options.time_limit.map(|limit| limit.saturating_sub(clock.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(LpOutcome::empty(Status::TimeLimit, "no time left to call HiGHS"));
        }
        if options.interrupt.as_ref().is_some_and(Interrupt::is_stopped) {
            return Ok(LpOutcome::empty(Status::Interrupted, "interrupted before HiGHS was called"));
        }
        self.model.set("time_limit", Value::Real(left.map_or(f64::INFINITY, |left| left.as_secs_f64())))?;
        let (returned, code) = self.model.run();
        let (status, detail) = translate(code);
        let mut outcome = LpOutcome::empty(status, detail);
        if let Err(error) = returned {
            outcome.status = Status::Failed;
            outcome.detail = format!("{error}; model status: {detail}");
        }
        self.read_solution(&mut outcome)?;
        tracing::debug!(status = ?outcome.status, iterations = outcome.iterations, "HiGHS: {detail}");
        Ok(outcome)
    }

    fn read_solution(&mut self, outcome: &mut LpOutcome) -> Result<(), SolverError> {
        let known = |name| self.model.info(name).is_some_and(|status| status != sys::SOLUTION_STATUS_NONE);
        let (has_primal, has_dual) = (known("primal_solution_status"), known("dual_solution_status"));
        let has_basis = self.model.info("basis_validity") == Some(sys::kHighsBasisValidityValid);
        outcome.iterations =
            ITERATION_COUNTS.iter().filter_map(|name| self.model.info(name)).map(|n| n.max(0) as u64).sum();

        if has_primal || has_dual {
            let scale = 2f64.powi(self.exponent);
            let [mut primal, mut reduced, mut multipliers] = self.model.solution()?;
            if has_primal {
                primal.truncate(self.columns);
                outcome.objective = self.model.objective() * scale + self.offset;
                outcome.primal = primal;
            }
            if has_dual {
                reduced.truncate(self.columns);
                multipliers.truncate(self.rows);
                reduced.iter_mut().chain(&mut multipliers).for_each(|dual| *dual *= scale);
                outcome.column_dual = reduced;
                outcome.row_dual = multipliers;
            }
        }
        if has_basis {
            let [columns, rows] = self.model.basis()?;
            outcome.basis = basis_from_highs(&columns[..self.columns], &rows[..self.rows]);
        }

        if outcome.status == Status::Optimal {
            let numbers = [&outcome.primal, &outcome.row_dual, &outcome.column_dual].into_iter().flatten();
            let complete = has_primal && has_dual && outcome.objective.is_finite();
            if !complete || numbers.clone().any(|number| !number.is_finite()) {
                outcome.status = Status::Failed;
                outcome.detail = "optimal, but without a finite primal and dual solution".into();
            }
        }
        Ok(())
    }

    /// Asks for the ray that goes with the status. None is given if HiGHS has none that is finite.
    fn find_ray(&mut self, outcome: &mut LpOutcome) -> Result<(), SolverError> {
        let finite = |ray: &Vec<f64>| ray.iter().all(|number| number.is_finite());
        match outcome.status {
            Status::Unbounded => {
                outcome.ray = self.model.primal_ray()?.filter(finite).map(|mut ray| {
                    ray.truncate(self.columns);
                    ray
                });
            }
            Status::Infeasible => {
                outcome.farkas = self.model.dual_ray()?.filter(finite).map(|mut ray| {
                    ray.truncate(self.rows);
                    ray
                });
            }
            _ => {}
        }
        Ok(())
    }
}

/// HiGHS' numbers of its simplex methods.
const DUAL_SIMPLEX: i32 = 1;
const PRIMAL_SIMPLEX: i32 = 4;

/// Options that never change.
const FIXED_OPTIONS: [(&str, Value<'static>); 6] = [
    ("output_flag", Value::Flag(false)),
    ("threads", Value::Integer(1)),
    ("parallel", Value::Text("off")),
    ("random_seed", Value::Integer(0)),
    ("small_matrix_value", Value::Real(SMALLEST_COEFFICIENT)),
    ("large_matrix_value", Value::Real(LARGEST_COEFFICIENT)),
];

/// The counters that add up to the iterations of a solve.
const ITERATION_COUNTS: [&str; 5] = [
    "simplex_iteration_count",
    "ipm_iteration_count",
    "crossover_iteration_count",
    "pdlp_iteration_count",
    "qp_iteration_count",
];
