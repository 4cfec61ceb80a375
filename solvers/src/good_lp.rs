//! [`solve`]: a [`LinearProgram`] through any solver of the [good_lp](https://docs.rs/good_lp) crate.
//!
//! good_lp says less than HiGHS does: no multipliers, no basis, no rays, and a time limit it also
//! uses for other limits. Only what it says is passed on.

use std::time::Instant;

use good_lp::{
    Expression, ProblemVariables, ResolutionError, Solution, SolutionStatus, Solver, SolverModel, Variable, variable,
};

use crate::{LinearProgram, LpOutcome, SolverError, Status};

/// Solves `lp` by a good_lp solver, for instance `good_lp::microlp`.
///
/// Fills status, detail, primal point and seconds of the outcome; the objective is recomputed from
/// the primal point. The status is
///
/// | good_lp                      | here                                         |
/// |------------------------------|----------------------------------------------|
/// | `Optimal`                    | [`Status::Optimal`]                          |
/// | `TimeLimit`, `GapLimit`      | [`Status::Interrupted`]: stopped early, by a limit good_lp cannot name |
/// | `Infeasible`                 | [`Status::InfeasibleOrUnbounded`]: some of its solvers use the word for both |
/// | `Unbounded`                  | [`Status::Unbounded`]                        |
/// | any other error              | [`Status::Failed`]                           |
///
/// # Errors
/// What [`LinearProgram::validate`] finds; [`SolverError::Quadratic`] for a quadratic term.
///
/// ```
/// use icnn_solvers::{LinearProgram, Status, good_lp};
///
/// let mut lp = LinearProgram::new(1);
/// lp.objective = vec![1.0];
/// lp.add_row(3.0, f64::INFINITY, &[(0, 2.0)]);
/// let outcome = good_lp::solve(&lp, ::good_lp::microlp)?;
/// assert_eq!((outcome.status, outcome.objective), (Status::Optimal, 1.5));
/// # Ok::<(), icnn_solvers::SolverError>(())
/// ```
pub fn solve<S: Solver>(lp: &LinearProgram, solver: S) -> Result<LpOutcome, SolverError>
where
    <S::Model as SolverModel>::Error: Into<ResolutionError>,
{
    lp.validate()?;
    if lp.quadratic.is_some() {
        return Err(SolverError::Quadratic { method: "good_lp" });
    }
    let started = Instant::now();
    let mut variables = ProblemVariables::new();
    let x: Vec<Variable> =
        (0..lp.columns()).map(|j| variables.add(variable().min(lp.column_lower[j]).max(lp.column_upper[j]))).collect();
    let objective: Expression = lp.objective.iter().zip(&x).map(|(&cost, &x)| cost * x).sum();
    let mut model = variables.minimise(objective).using(solver);
    for (i, row) in lp.matrix.outer_iterator().enumerate() {
        let (lower, upper) = (lp.row_lower[i], lp.row_upper[i]);
        let sum = || row.iter().map(|(j, &a)| a * x[j]).sum::<Expression>();
        if lower == upper {
            model.add_constraint(sum().eq(lower));
            continue;
        }
        if lower.is_finite() {
            model.add_constraint(sum().geq(lower));
        }
        if upper.is_finite() {
            model.add_constraint(sum().leq(upper));
        }
    }

    let mut outcome = match model.solve() {
        Ok(solution) => read(lp, &x, &solution),
        Err(error) => refusal(error.into()),
    };
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The outcome of a solve that has a point.
fn read(lp: &LinearProgram, x: &[Variable], solution: &impl Solution) -> LpOutcome {
    let said = solution.status();
    let status = match said {
        SolutionStatus::Optimal => Status::Optimal,
        SolutionStatus::TimeLimit | SolutionStatus::GapLimit => Status::Interrupted,
    };
    let primal: Vec<f64> = x.iter().map(|&x| solution.value(x)).collect();
    if primal.iter().any(|value| value.is_nan()) {
        return LpOutcome::empty(Status::Failed, "a NaN in the primal point");
    }
    let objective = lp.value(&primal);
    LpOutcome { primal, objective, ..LpOutcome::empty(status, format!("{said:?}")) }
}

/// The outcome of a solve that has none.
fn refusal(error: ResolutionError) -> LpOutcome {
    let status = match error {
        ResolutionError::Infeasible => Status::InfeasibleOrUnbounded,
        ResolutionError::Unbounded => Status::Unbounded,
        ResolutionError::Other(_) | ResolutionError::Str(_) => Status::Failed,
    };
    LpOutcome::empty(status, error.to_string())
}
