//! Exact minimisation through cones: prove → lower → Clarabel → recover → certify; on an open gap again, with tighter
//! tolerances. Nothing that Clarabel says of its own answer is believed: the value is a forward pass, the bound a minorant
//! from its multipliers.

use std::time::{Duration, Instant};

use icnn_solvers::clarabel::{ConicOutcome, solve_conic};
use icnn_solvers::sides::Sides;
use icnn_solvers::{ConicProgram, LpOptions, LpOutcome, Status as LpStatus};

use super::search::Search;
use super::{Limits, Method, Solution, Status};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::lower::{Conic, conic};
use crate::objective::Objective;

/// Tolerances asked for, one after the other.
const TOLERANCES: [f64; 2] = [1e-8, 1e-10];

/// A gap below this share of the numbers that are added up is as small as the accuracy of the multipliers, which belong to no
/// vertex: where f is 0 at its least point, there is no other measure.
const ACCURACY: f64 = 1e-10;

/// A coordinate this near to a side of the box, relative to max(1, |side|), is tried at the side as well.
const AT_SIDE: f64 = 1e-4;

/// min f over `domain`, or min f − τH.
pub(super) fn minimize(
    instance: &Instance,
    domain: &Domain,
    limits: &Limits,
    tau: Option<f64>,
) -> Result<Solution, Error> {
    let begun = Instant::now();
    let solution = match tau {
        None => plain(instance, domain, limits, begun)?,
        Some(tau) => {
            domain.check_dimension(instance.decisions())?;
            let (_, proof) = crate::check::prove(instance, domain);
            crate::check::require_convex(instance, &proof)?;
            let whole = Objective::of(instance).with_entropy(tau, domain)?.build()?;
            let found = plain(&whole, domain, limits, begun)?;
            let f = found.y.as_ref().map(|y| instance.forward(y).map(|trace| trace.value())).transpose()?;
            // The slopes are those of f − τH, another program.
            Solution { f, entropy: Some(tau), dual: None, ..found }
        }
    };
    Ok(Solution { method: Method::Conic.name(), seconds: begun.elapsed().as_secs_f64(), ..solution })
}

fn plain(instance: &Instance, domain: &Domain, limits: &Limits, begun: Instant) -> Result<Solution, Error> {
    let lowered = conic(instance, domain)?;
    let (program, sides) = lowered.program();
    let mut search = Search::new(instance, domain, &lowered.linear, limits);
    (search.solver, search.accuracy) = ("Clarabel", ACCURACY);
    search.work.rows = program.rows();
    search.work.columns = program.columns();
    search.work.nonzeros = program.matrix.nnz();
    let (mut last, mut failure) = (None, None);
    for tolerance in TOLERANCES {
        let options = options(tolerance, limits, begun);
        let said = solve_conic(&program, &options)?;
        search.work.solves += 1;
        search.work.iterations += said.iterations;
        let outcome = heard(&mut search, &lowered, &sides, &said);
        tracing::debug!(tolerance, status = ?said.status, iterations = said.iterations, "Clarabel");
        if let Some(end) = end(&mut search, &lowered, &program, &sides, &said, &options)? {
            return Ok(end);
        }
        let limited = matches!(said.status, LpStatus::TimeLimit | LpStatus::IterationLimit | LpStatus::Interrupted);
        search.limited |= limited;
        // Where f has no value the point is none; what is known already stays.
        failure = search.candidate(&outcome).err();
        if !search.closed()
            && let Some(moved) = at_sides(domain, &outcome)
        {
            failure = search.candidate(&moved).err();
        }
        last = Some(outcome);
        if search.closed() || limited || limits.time.is_some_and(|t| begun.elapsed() >= t) {
            break;
        }
        tracing::debug!(gap = search.gap(), "the recomputed gap is open; solving again");
    }
    match failure {
        Some(error) if !search.has_point() => {
            Ok(Solution { message: Some(error.to_string()), ..search.empty(Status::Stopped) })
        }
        _ => search.finish(last.as_ref()),
    }
}

/// What Clarabel said in the terms of the linear part; the multipliers of the cones are left with `search`.
fn heard<'a>(search: &mut Search<'a>, lowered: &'a Conic, sides: &Sides, said: &ConicOutcome) -> LpOutcome {
    let mut outcome = LpOutcome::empty(said.status, said.detail.clone());
    let z = said.certificate.as_ref().unwrap_or(&said.dual);
    search.cones = Some((lowered, z.get(sides.len()..).unwrap_or(&[]).to_vec()));
    if !said.primal.is_empty() {
        (outcome.row_dual, outcome.column_dual) = sides.multipliers(&said.dual);
        outcome.primal = said.primal.clone();
        outcome.objective = said.objective;
    }
    outcome
}

/// The outcome with coordinates that are all but at a side of the box moved there, which an interior point never is.
fn at_sides(domain: &Domain, outcome: &LpOutcome) -> Option<LpOutcome> {
    let mut moved = outcome.clone();
    for (v, (l, u)) in moved.primal.iter_mut().zip(domain.lower().iter().zip(domain.upper())) {
        let near = |side: f64| side.is_finite() && (*v - side).abs() <= AT_SIDE * side.abs().max(1.0);
        match (near(*l), near(*u)) {
            (true, _) => *v = *l,
            (_, true) => *v = *u,
            _ => {}
        }
    }
    (moved.primal != outcome.primal).then_some(moved)
}

/// A proven end without an optimum. Clarabel's ray says nothing of feasible points: if none is known, one is looked for.
fn end<'a>(
    search: &mut Search<'a>,
    lowered: &'a Conic,
    program: &ConicProgram,
    sides: &Sides,
    said: &ConicOutcome,
    options: &LpOptions,
) -> Result<Option<Solution>, Error> {
    if let Some(z) = &said.certificate {
        let (rows, columns) = sides.multipliers(z);
        return Ok(search.infeasible(&rows, &columns));
    }
    let Some(ray) = &said.ray else { return Ok(None) };
    let alone = ConicProgram { quadratic: None, objective: vec![0.0; program.columns()], ..program.clone() };
    let feasible = solve_conic(&alone, options)?;
    search.work.solves += 1;
    search.work.iterations += feasible.iterations;
    let outcome = heard(search, lowered, sides, &feasible);
    if let Some(z) = &feasible.certificate {
        let (rows, columns) = sides.multipliers(z);
        return Ok(search.infeasible(&rows, &columns));
    }
    let taken = search.candidate(&outcome);
    tracing::debug!(?taken, "a feasible point");
    Ok(if search.has_point() { search.unbounded(ray) } else { None })
}

fn options(tolerance: f64, limits: &Limits, begun: Instant) -> LpOptions {
    LpOptions {
        time_limit: limits.time.map(|t| t.saturating_sub(begun.elapsed()).max(Duration::from_millis(1))),
        iteration_limit: limits.iterations,
        primal_tolerance: tolerance,
        dual_tolerance: tolerance,
        interrupt: limits.interrupt.clone(),
        ..LpOptions::default()
    }
}
