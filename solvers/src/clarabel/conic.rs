//! [`solve_conic`]: a [`ConicProgram`] by Clarabel.

use std::time::{Duration, Instant};

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultSettings, DefaultSolution, DefaultSolver, ExponentialConeT, IPSolver, NonnegativeConeT, PowerConeT,
    SecondOrderConeT, SolverStatus, SupportedConeT, ZeroConeT,
};

use super::LARGEST_BOUND;
use crate::prepare::{exponent_of_objective, scaled_costs};
use crate::{Cone, ConicProgram, LpOptions, SolverError, Status};

/// Iterations without a limit given: an interior-point method needs some dozens, or gets nowhere.
const ITERATIONS: u32 = 200;

/// What Clarabel returned for: minimise ½xᵀPx + qᵀx + q₀ subject to A x + s = b, s ∈ K. A vector that it did not give is
/// empty.
#[derive(Debug, Clone, PartialEq)]
pub struct ConicOutcome {
    /// How the solve ended, without loss: see [`solve`](super::solve).
    pub status: Status,
    /// Clarabel's own words for it.
    pub detail: String,
    /// x (n): optimal if the status is, else the last iterate, not necessarily feasible.
    pub primal: Vec<f64>,
    /// s (m), in K.
    pub slack: Vec<f64>,
    /// z (m), in the dual cone: Px + q + Aᵀz ≈ 0. The objective changes by −zᵢ for each unit of bᵢ.
    pub dual: Vec<f64>,
    /// ½xᵀPx + qᵀx + q₀ at `primal`; NaN without a point.
    pub objective: f64,
    /// For [`InfeasibleOrUnbounded`](Status::InfeasibleOrUnbounded): a direction d (n) with qᵀd < 0, Pd ≈ 0 and −A d ∈ K.
    /// Not checked.
    pub ray: Option<Vec<f64>>,
    /// For [`Infeasible`](Status::Infeasible): z (m) in the dual cone with Aᵀz ≈ 0 and bᵀz < 0, which no x allows. Not
    /// checked.
    pub certificate: Option<Vec<f64>>,
    /// Interior-point iterations.
    pub iterations: u64,
    /// Wall-clock seconds of the call.
    pub seconds: f64,
}

impl ConicOutcome {
    fn empty(status: Status, detail: &str) -> ConicOutcome {
        ConicOutcome {
            status,
            detail: detail.into(),
            primal: vec![],
            slack: vec![],
            dual: vec![],
            objective: f64::NAN,
            ray: None,
            certificate: None,
            iterations: 0,
            seconds: 0.0,
        }
    }
}

/// Solves a conic program by one thread and without output. Options, tolerances and statuses are those of
/// [`solve`](super::solve); that P is positive semidefinite is taken for granted.
///
/// # Errors
/// What [`ConicProgram::validate`] and [`LpOptions::validate`] find; [`SolverError::TooLarge`] for an entry of b that
/// Clarabel takes for infinite; [`SolverError::Call`] if it refuses.
///
/// ```
/// use icnn_solvers::{Cone, ConicProgram, LpOptions, Status, clarabel::solve_conic};
///
/// // minimise w − 2x  subject to  w ≥ eˣ: x = log 2
/// let mut program = ConicProgram::new(2);
/// program.objective = vec![-2.0, 1.0];
/// program.push(Cone::Exponential, &[(vec![(0, 1.0)], 0.0), (vec![], 1.0), (vec![(1, 1.0)], 0.0)]);
/// let outcome = solve_conic(&program, &LpOptions::default())?;
/// assert_eq!(outcome.status, Status::Optimal);
/// assert!((outcome.objective - (2.0 - 2.0 * 2f64.ln())).abs() < 1e-6);
/// // The objective is flat there: its last digits say less of x.
/// assert!((outcome.primal[0] - 2f64.ln()).abs() < 1e-3);
/// # Ok::<(), icnn_solvers::SolverError>(())
/// ```
pub fn solve_conic(program: &ConicProgram, options: &LpOptions) -> Result<ConicOutcome, SolverError> {
    program.validate()?;
    options.validate()?;
    if let Some(i) = program.rhs.iter().position(|b| b.abs() >= LARGEST_BOUND) {
        let what = format!("right side of row {i}");
        return Err(SolverError::TooLarge { what, value: program.rhs[i], limit: LARGEST_BOUND });
    }
    if options.time_limit == Some(Duration::ZERO) {
        return Ok(ConicOutcome::empty(Status::TimeLimit, "no time left to call Clarabel"));
    }
    if program.columns() == 0 && program.rows() == 0 {
        return Ok(ConicOutcome { objective: program.offset, ..ConicOutcome::empty(Status::Optimal, "empty") });
    }
    run(program, options)
}

/// The same for a program that is known to be well formed and not empty.
pub(super) fn run(program: &ConicProgram, options: &LpOptions) -> Result<ConicOutcome, SolverError> {
    let clock = Instant::now();
    let exponent = exponent_of_objective(&program.objective, program.quadratic.as_ref());
    let costs = scaled_costs(&program.objective, exponent);
    let (p, a) = (upper_triangle(program, exponent), by_columns(program));
    let mut solver = DefaultSolver::new(&p, &costs, &a, &program.rhs, &cones(program), settings(options))
        .map_err(|error| SolverError::Call { solver: "Clarabel", call: "new".into(), returned: error.to_string() })?;
    if let Some(interrupt) = options.interrupt.clone() {
        solver.set_termination_callback(move |_: &_| interrupt.is_stopped());
    }
    solver.solve();

    let mut outcome = read(program, exponent, &solver.solution);
    if outcome.status == Status::IterationLimit && options.iteration_limit.is_none() {
        outcome.status = Status::Failed;
        outcome.detail = format!("no end after {ITERATIONS} iterations");
    }
    outcome.seconds = clock.elapsed().as_secs_f64();
    tracing::debug!(status = ?outcome.status, iterations = outcome.iterations, "Clarabel: {}", outcome.detail);
    Ok(outcome)
}

fn cones(program: &ConicProgram) -> Vec<SupportedConeT<f64>> {
    let cone = |cone: &Cone| match *cone {
        Cone::Zero(n) => ZeroConeT(n),
        Cone::Nonnegative(n) => NonnegativeConeT(n),
        Cone::SecondOrder(n) => SecondOrderConeT(n),
        Cone::Exponential => ExponentialConeT(),
        Cone::Power(alpha) => PowerConeT(alpha),
    };
    program.cones.iter().filter(|c| c.dimension() > 0).map(cone).collect()
}

/// A, compressed by columns.
fn by_columns(program: &ConicProgram) -> CscMatrix<f64> {
    let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
    for (v, (i, j)) in program.matrix.iter() {
        rows.push(i);
        columns.push(j);
        values.push(*v);
    }
    CscMatrix::new_from_triplets(program.rows(), program.columns(), rows, columns, values)
}

/// The upper triangle of P divided by two to the power `exponent`, compressed by columns.
fn upper_triangle(program: &ConicProgram, exponent: i32) -> CscMatrix<f64> {
    let factor = 2f64.powi(-exponent);
    let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
    for (q, (i, j)) in program.quadratic.iter().flat_map(|q| q.iter()).filter(|(_, (i, j))| i <= j) {
        rows.push(i);
        columns.push(j);
        values.push(q * factor);
    }
    CscMatrix::new_from_triplets(program.columns(), program.columns(), rows, columns, values)
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

/// What Clarabel says, in the units of the program.
fn read(program: &ConicProgram, exponent: i32, said: &DefaultSolution<f64>) -> ConicOutcome {
    let (status, detail) = translate(said.status);
    let mut outcome = ConicOutcome::empty(status, detail);
    outcome.iterations = u64::from(said.iterations);
    if !said.x.iter().chain(&said.z).all(|v| v.is_finite()) {
        return outcome;
    }
    // A certificate stands in the place of the point and the multipliers. Its length is its own: no scaling back.
    match said.status {
        SolverStatus::PrimalInfeasible => outcome.certificate = Some(said.z.clone()),
        SolverStatus::DualInfeasible => outcome.ray = Some(said.x.clone()),
        SolverStatus::AlmostPrimalInfeasible | SolverStatus::AlmostDualInfeasible => {}
        _ => {
            outcome.dual = scaled_costs(&said.z, -exponent);
            outcome.objective = program.value(&said.x);
            outcome.primal = said.x.clone();
            outcome.slack = said.s.clone();
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
