//! [`solve`]: a [`LinearProgram`] by [Clarabel](https://clarabel.org), an interior-point method for conic programs.
//!
//! Clarabel minimises ½ xᵀPx + qᵀx subject to A x + s = b with s in a cone. A row or column whose bounds are equal becomes
//! one equation (s = 0); any other becomes one inequality (s ≥ 0) for each side that it has: a·x + s = upper, −a·x + s = −lower.
//! The multiplier z of a side is −z in the signs of [`LpOutcome`] for an equation or an upper side, and z for a lower one.
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

use std::time::{Duration, Instant};

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultSettings, DefaultSolution, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use crate::prepare::{check_bounds, exponent_of_objective, scaled_costs};
use crate::{LinearProgram, LpOptions, LpOutcome, SolverError, Status};

/// Finite bounds of at least this magnitude are refused.
pub const LARGEST_BOUND: f64 = 1e20;

/// Iterations without a limit given: an interior-point method needs some dozens, or gets nowhere.
const ITERATIONS: u32 = 200;

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
    let sides = sides(lp);
    if lp.columns() == 0 && sides.is_empty() {
        return Ok(LpOutcome {
            objective: lp.offset,
            row_dual: vec![0.0; lp.rows()],
            ..LpOutcome::empty(Status::Optimal, "empty")
        });
    }
    let exponent = exponent_of_objective(lp);
    let costs = scaled_costs(&lp.objective, exponent);
    let (a, b) = constraints(lp, &sides);
    let mut solver =
        DefaultSolver::new(&upper_triangle(lp, exponent), &costs, &a, &b, &cones(&sides), settings(options)).map_err(
            |error| SolverError::Call { solver: "Clarabel", call: "new".into(), returned: error.to_string() },
        )?;
    solver.solve();

    let mut outcome = read(lp, &sides, exponent, &solver.solution);
    if outcome.status == Status::IterationLimit && options.iteration_limit.is_none() {
        outcome.status = Status::Failed;
        outcome.detail = format!("no end after {ITERATIONS} iterations");
    }
    outcome.seconds = clock.elapsed().as_secs_f64();
    tracing::debug!(status = ?outcome.status, iterations = outcome.iterations, "Clarabel: {}", outcome.detail);
    Ok(outcome)
}

/// A row or a column.
#[derive(Clone, Copy)]
enum Part {
    Row(usize),
    Column(usize),
}

/// One line of A x + s = b: `sign`·(activity of the part) + s = `sign`·`bound`.
struct Side {
    part: Part,
    sign: f64,
    bound: f64,
    equation: bool,
}

/// The lines, equations first.
fn sides(lp: &LinearProgram) -> Vec<Side> {
    let rows = lp.row_lower.iter().zip(&lp.row_upper).enumerate().map(|(i, bounds)| (Part::Row(i), bounds));
    let columns = lp.column_lower.iter().zip(&lp.column_upper).enumerate().map(|(j, bounds)| (Part::Column(j), bounds));
    let (mut equations, mut inequalities) = (vec![], vec![]);
    for (part, (&lower, &upper)) in rows.chain(columns) {
        if lower == upper {
            equations.push(Side { part, sign: 1.0, bound: upper, equation: true });
            continue;
        }
        for (sign, bound) in [(1.0, upper), (-1.0, lower)] {
            if bound.is_finite() {
                inequalities.push(Side { part, sign, bound, equation: false });
            }
        }
    }
    equations.append(&mut inequalities);
    equations
}

fn cones(sides: &[Side]) -> Vec<SupportedConeT<f64>> {
    let equations = sides.iter().filter(|side| side.equation).count();
    let all = [ZeroConeT(equations), NonnegativeConeT(sides.len() - equations)];
    all.into_iter().filter(|cone| !matches!(cone, ZeroConeT(0) | NonnegativeConeT(0))).collect()
}

/// A, compressed by columns, and b.
fn constraints(lp: &LinearProgram, sides: &[Side]) -> (CscMatrix<f64>, Vec<f64>) {
    let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
    for (k, side) in sides.iter().enumerate() {
        let mut add = |j: usize, a: f64| {
            rows.push(k);
            columns.push(j);
            values.push(side.sign * a);
        };
        match side.part {
            Part::Row(i) => lp.matrix.outer_view(i).iter().flat_map(|row| row.iter()).for_each(|(j, a)| add(j, *a)),
            Part::Column(j) => add(j, 1.0),
        }
    }
    let b = sides.iter().map(|side| side.sign * side.bound).collect();
    (CscMatrix::new_from_triplets(sides.len(), lp.columns(), rows, columns, values), b)
}

/// The upper triangle of Q divided by two to the power `exponent`, compressed by columns.
fn upper_triangle(lp: &LinearProgram, exponent: i32) -> CscMatrix<f64> {
    let factor = 2f64.powi(-exponent);
    let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
    for (q, (i, j)) in lp.quadratic.iter().flat_map(|q| q.iter()).filter(|(_, (i, j))| i <= j) {
        rows.push(i);
        columns.push(j);
        values.push(q * factor);
    }
    CscMatrix::new_from_triplets(lp.columns(), lp.columns(), rows, columns, values)
}

fn settings(options: &LpOptions) -> DefaultSettings<f64> {
    let (primal, dual) = (options.primal_tolerance, options.dual_tolerance);
    DefaultSettings {
        verbose: false,
        max_threads: 1,
        max_iter: options.iteration_limit.map_or(ITERATIONS, |limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        time_limit: options.time_limit.map_or(f64::INFINITY, |limit| limit.as_secs_f64()),
        tol_feas: primal.min(dual),
        tol_gap_abs: dual,
        tol_gap_rel: dual,
        ..DefaultSettings::default()
    }
}

/// What Clarabel says, in the signs and units of the program.
fn read(lp: &LinearProgram, sides: &[Side], exponent: i32, said: &DefaultSolution<f64>) -> LpOutcome {
    let (status, detail) = translate(said.status);
    let mut outcome = LpOutcome::empty(status, detail);
    outcome.iterations = u64::from(said.iterations);
    if !said.x.iter().chain(&said.z).all(|v| v.is_finite()) {
        return outcome;
    }
    let (mut row_dual, mut column_dual) = (vec![0.0; lp.rows()], vec![0.0; lp.columns()]);
    for (side, z) in sides.iter().zip(&said.z) {
        match side.part {
            Part::Row(i) => row_dual[i] -= side.sign * z,
            Part::Column(j) => column_dual[j] -= side.sign * z,
        }
    }
    // A certificate stands in the place of the point and the multipliers. Its length is its own: no scaling back.
    match said.status {
        SolverStatus::PrimalInfeasible => outcome.farkas = Some(row_dual),
        SolverStatus::DualInfeasible => outcome.ray = Some(said.x.clone()),
        SolverStatus::AlmostPrimalInfeasible | SolverStatus::AlmostDualInfeasible => {}
        _ => {
            outcome.row_dual = scaled_costs(&row_dual, -exponent);
            outcome.column_dual = scaled_costs(&column_dual, -exponent);
            outcome.objective = lp.value(&said.x);
            outcome.primal = said.x.clone();
        }
    }
    outcome
}

/// The status, and Clarabel's meaning in words.
fn translate(status: SolverStatus) -> (Status, &'static str) {
    match status {
        SolverStatus::Solved => (Status::Optimal, "solved"),
        SolverStatus::PrimalInfeasible => (Status::Infeasible, "primal infeasible"),
        SolverStatus::DualInfeasible => (Status::InfeasibleOrUnbounded, "dual infeasible"),
        SolverStatus::MaxIterations => (Status::IterationLimit, "iteration limit"),
        SolverStatus::MaxTime => (Status::TimeLimit, "time limit"),
        SolverStatus::CallbackTerminated => (Status::Interrupted, "interrupted"),
        SolverStatus::AlmostSolved => (Status::Failed, "almost solved"),
        SolverStatus::AlmostPrimalInfeasible => (Status::Failed, "almost primal infeasible"),
        SolverStatus::AlmostDualInfeasible => (Status::Failed, "almost dual infeasible"),
        SolverStatus::InsufficientProgress => (Status::Failed, "insufficient progress"),
        SolverStatus::NumericalError => (Status::Failed, "numerical error"),
        SolverStatus::Unsolved => (Status::Failed, "not solved"),
    }
}
