//! Conic programs by [Clarabel](https://clarabel.org), an interior-point method: [`solve_conic`] for a [`ConicProgram`](crate::ConicProgram),
//! [`solve`] for a [`LinearProgram`], which becomes one first.
//!
//! Clarabel minimises ½ xᵀPx + qᵀx subject to A x + s = b with s in a cone, which is what a [`ConicProgram`](crate::ConicProgram) says.
//!
//! What Clarabel does to a problem, and what is done about it here:
//!
//! | Clarabel                                     | here                                                           |
//! |----------------------------------------------|----------------------------------------------------------------|
//! | reads bounds of magnitude ≥ 1e20 as absent   | finite ones are refused                                        |
//! | has tolerances that are in part absolute     | costs are divided by a power of two so that max \|c\|, \|Q\| ∈ [1, 2) |
//! | ends with less accuracy than it was asked for | [`Status::Failed`], with its words, its point and its multipliers |
//! | stops after 200 iterations                   | so it does here, and has failed then; a limit given replaces it |
//! | panics on programs without rows and columns  | those are not handed over                                      |
//! | looks at the clock between iterations only   | a time limit is met up to one iteration                        |
//! | takes exponential and power cones of three rows, second-order cones of any number | so does [`Cone`](crate::Cone) |

mod conic;

use std::time::{Duration, Instant};

pub use conic::{ConicOutcome, solve_conic};

use crate::prepare::check_bounds;
use crate::sides::conic;
use crate::{LinearProgram, LpOptions, LpOutcome, SolverError, Status};

/// Finite bounds of at least this magnitude are refused.
pub const LARGEST_BOUND: f64 = 1e20;

/// Solves a program, linear or convex quadratic, by one thread and without output.
///
/// Of the options, both tolerances and both limits count; the method is always interior point without crossover, so there is
/// no basis, and points and multipliers are as accurate as the tolerances, not exact vertices. The tolerances are relative to
/// the numbers of the program. That Q is positive semidefinite is taken for granted.
///
/// | Clarabel                            | here                                                      |
/// |-------------------------------------|-----------------------------------------------------------|
/// | `Solved`                            | [`Status::Optimal`]                                       |
/// | `PrimalInfeasible`                  | [`Status::Infeasible`], with a Farkas vector              |
/// | `DualInfeasible`                    | [`Status::InfeasibleOrUnbounded`], with a ray: whether there is a feasible point it does not say |
/// | `MaxIterations`, `MaxTime`          | [`Status::IterationLimit`], [`Status::TimeLimit`]         |
/// | `CallbackTerminated`                | [`Status::Interrupted`]                                   |
/// | `Almost…`, `InsufficientProgress`, `NumericalError` | [`Status::Failed`]                        |
///
/// # Errors
/// What [`LinearProgram::validate`] and [`LpOptions::validate`] find; [`SolverError::TooLarge`] for bounds that Clarabel
/// takes for infinite; [`SolverError::Call`] if it refuses.
///
/// ```
/// use icnn_solvers::{LinearProgram, LpOptions, Status, clarabel};
///
/// // minimise x² − 4x  subject to  x ≤ 1
/// let mut lp = LinearProgram::new(1);
/// lp.objective = vec![-4.0];
/// lp.quadratic = Some(sprs::CsMat::new((1, 1), vec![0, 1], vec![0], vec![2.0]));
/// lp.column_upper = vec![1.0];
/// let outcome = clarabel::solve(&lp, &LpOptions::default())?;
/// assert_eq!(outcome.status, Status::Optimal);
/// assert!((outcome.objective - -3.0).abs() < 1e-6 && (outcome.column_dual[0] - -2.0).abs() < 1e-6);
/// # Ok::<(), icnn_solvers::SolverError>(())
/// ```
pub fn solve(lp: &LinearProgram, options: &LpOptions) -> Result<LpOutcome, SolverError> {
    lp.validate()?;
    options.validate()?;
    check_bounds(LARGEST_BOUND, &lp.column_lower, &lp.column_upper, |j| lp.describe_column(j))?;
    check_bounds(LARGEST_BOUND, &lp.row_lower, &lp.row_upper, |i| lp.describe_row(i))?;
    let clock = Instant::now();
    if options.time_limit == Some(Duration::ZERO) {
        return Ok(LpOutcome::empty(Status::TimeLimit, "no time left to call Clarabel"));
    }
    let (program, sides) = conic(lp);
    if lp.columns() == 0 && sides.is_empty() {
        return Ok(LpOutcome {
            objective: lp.offset,
            row_dual: vec![0.0; lp.rows()],
            ..LpOutcome::empty(Status::Optimal, "empty")
        });
    }
    let said = conic::run(&program, options)?;
    let mut outcome = LpOutcome::empty(said.status, said.detail);
    outcome.iterations = said.iterations;
    outcome.ray = said.ray;
    outcome.farkas = said.certificate.map(|z| sides.multipliers(&z).0);
    if !said.primal.is_empty() {
        (outcome.row_dual, outcome.column_dual) = sides.multipliers(&said.dual);
        (outcome.objective, outcome.primal) = (lp.value(&said.primal), said.primal);
    }
    outcome.seconds = clock.elapsed().as_secs_f64();
    Ok(outcome)
}
