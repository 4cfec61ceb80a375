//! Exact minimisation through HiGHS: solve, recover, certify; on a failed check solve again, colder and tighter, a quadratic
//! program by Clarabel in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use icnn_solvers::highs::Highs;
use icnn_solvers::{Algorithm, Basis, LpOptions, LpOutcome, Status as LpStatus};

use super::cuts;
use super::promote::Hint;
use super::search::Search;
use super::{Engine, Goal, Limits, Method, Solution};
use crate::domain::Domain;
use crate::error::Error;
use crate::exact::Pattern;
use crate::ir::instance::Instance;
use crate::lower::{Linear, linear};

/// A solved reference program: a basis to start others from.
#[derive(Debug)]
pub(super) struct Start {
    linear: Linear,
    basis: Basis,
}

/// Solves a reference context for its basis.
pub(super) fn start(instance: &Instance, domain: &Domain, limits: &Limits) -> Result<Option<Start>, Error> {
    let linear = linear(instance, domain)?;
    let outcome = Highs::new(&linear.lp)?.solve(&options(Method::Lp, 0, limits, Instant::now()), None)?;
    let solved = outcome.status == LpStatus::Optimal && linear.lp.quadratic.is_none();
    Ok(outcome.basis.filter(|_| solved).map(|basis| Start { linear, basis }))
}

/// min f over `domain`.
pub(super) fn minimize(
    instance: &Instance,
    domain: &Domain,
    method: Method,
    limits: &Limits,
    start: Option<&Start>,
) -> Result<Solution, Error> {
    let begun = Instant::now();
    let linear = linear(instance, domain)?;
    if linear.lp.quadratic.is_some() && method != Method::Lp {
        let reason = format!("{} takes no quadratic objective, lp does", method.name());
        return Err(Error::Method { method: method.name(), reason });
    }
    if cuts::applies(&linear)
        && let Some(found) = cuts::minimize(instance, domain, &linear, limits)?
    {
        return Ok(Solution { seconds: begun.elapsed().as_secs_f64(), method: method.name(), ..found });
    }
    let mut search = Search::new(instance, domain, &linear, limits);
    let warm = start.and_then(|s| linear.transfer_basis(&s.linear, &s.basis));
    let mut highs = Highs::new(&linear.lp)?;
    search.work.rows = linear.lp.rows();
    search.work.columns = linear.lp.columns();
    search.work.nonzeros = linear.lp.matrix.nnz();

    // Warm if there is a start, then cold, then cold with the tightest tolerances; the first closed gap ends it. What HiGHS
    // leaves open of a quadratic program goes to a second method once.
    let mut last = None;
    for attempt in usize::from(warm.is_none())..3 {
        let asked = options(method, attempt.saturating_sub(1), limits, begun);
        let basis = warm.as_ref().filter(|_| attempt == 0);
        if attempt > 0 && search.work.solves > 0 {
            highs = Highs::new(&linear.lp)?;
        }
        let outcome = highs.solve(&asked, basis)?;
        search.work.solves += 1;
        search.work.iterations += outcome.iterations;
        tracing::debug!(attempt, status = ?outcome.status, iterations = outcome.iterations, seconds = outcome.seconds, "HiGHS");
        let limited = matches!(outcome.status, LpStatus::TimeLimit | LpStatus::IterationLimit | LpStatus::Interrupted);
        search.limited |= limited;
        let mut end = match linear.lp.quadratic {
            Some(_) => search.quadratic(&outcome, &asked)?,
            None => search.linear(&outcome)?,
        };
        let open = end.is_none() && !search.closed() && !limited && !out_of_time(limits, begun);
        if open && linear.lp.quadratic.is_some() && search.second_words.is_none() {
            end = search.second_method(&options(method, 1, limits, begun))?;
        }
        if let Some(end) = end {
            return Ok(Solution { seconds: begun.elapsed().as_secs_f64(), method: method.name(), ..end });
        }
        last = Some(outcome);
        if search.closed() || limited || method == Method::Pdlp || out_of_time(limits, begun) {
            break;
        }
        tracing::debug!(attempt, gap = search.gap(), "the recomputed gap is open; solving again");
    }
    let hint = last.as_ref().map(|outcome| hint(instance, domain, &linear, limits, outcome)).transpose()?.flatten();
    let found = search.finish(last.as_ref())?;
    Ok(Solution { seconds: begun.elapsed().as_secs_f64(), method: method.name(), hint, ..found })
}

/// What the last basis says of the optimum, for the exact tier.
fn hint(
    instance: &Instance,
    domain: &Domain,
    linear: &Linear,
    limits: &Limits,
    outcome: &LpOutcome,
) -> Result<Option<Arc<Hint>>, Error> {
    let Some(basis) = outcome.basis.as_ref().filter(|_| limits.proof != Goal::Rigorous) else { return Ok(None) };
    let pattern = Pattern::of_basis(linear, basis, &outcome.primal, instance, domain)?;
    Ok(pattern.map(|pattern| Arc::new(Hint { pattern, bounds: linear.bounds.clone() })))
}

fn out_of_time(limits: &Limits, begun: Instant) -> bool {
    limits.time.is_some_and(|t| begun.elapsed() >= t)
}

fn options(method: Method, tightened: usize, limits: &Limits, begun: Instant) -> LpOptions {
    let tight = tightened > 0;
    // A first-order method pays for every digit: ask for those that the gap needs.
    let tolerance = match method {
        _ if tight => 1e-10,
        Method::Pdlp => (0.1 * limits.gap).clamp(1e-10, 1e-4),
        _ => 1e-7,
    };
    LpOptions {
        algorithm: match method.row().engine {
            Engine::Linear(algorithm) => algorithm,
            _ => Algorithm::Simplex,
        },
        time_limit: limits.time.map(|t| t.saturating_sub(begun.elapsed()).max(Duration::from_millis(1))),
        iteration_limit: limits.iterations,
        primal_tolerance: tolerance,
        dual_tolerance: tolerance,
        presolve: !tight,
        interrupt: limits.interrupt.clone(),
        ..LpOptions::default()
    }
}
