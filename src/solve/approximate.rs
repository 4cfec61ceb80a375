//! The chain of methods that call f instead of taking it apart: prove → oracle → run → certify.

use std::time::Instant;

use icnn_solvers::SolverError;
use icnn_solvers::oracle::dot;
use icnn_solvers::run::{End, Run, RunLimits, RunOutcome, Watch};

use super::duals::Duals;
use super::{Limits, Method, Proof, Solution, Status, Work, search};
use crate::certificate::{Lagrangian, Minorant, entropic};
use crate::check::{prove, require_convex};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::lower::oracle::NetworkOracle;
use crate::lower::region::{SimpleSet, region};

/// What is asked of a method.
pub(super) struct Task<'a, 'w> {
    pub method: Method,
    pub limits: &'a Limits,
    /// τ of the entropic problem.
    pub tau: Option<f64>,
    /// Whether the bundle's answer is checked by Clarabel.
    pub check: bool,
    /// Where to start; the middle of the domain if not given.
    pub start: Option<&'a [f64]>,
    pub watch: Option<&'a mut Watch<'w>>,
}

/// min f over `domain`, or min f − τH.
pub(super) fn minimize(
    instance: &Instance,
    domain: &Domain,
    run: fn(&mut Run<'_>) -> Result<End, SolverError>,
    task: Task<'_, '_>,
) -> Result<Solution, Error> {
    let begun = Instant::now();
    let method = task.method.name();
    domain.check_dimension(instance.decisions())?;
    let (bounds, proof) = prove(instance, domain);
    require_convex(instance, &proof)?;
    let set = region(domain, method)?;
    if task.tau.is_some() && !set.region.is_bounded() {
        let reason = "the entropic problem needs bounds on both sides of every coordinate".into();
        return Err(Error::Method { method, reason });
    }
    let mut oracle = NetworkOracle::new(instance, &bounds);
    if task.method == Method::ActiveSet {
        oracle = oracle.with_kinks(&bounds);
    }
    let limits = RunLimits {
        // What is recomputed differs in its last digits.
        gap: 0.99 * task.limits.gap,
        time: task.limits.time,
        passes: task.limits.passes,
        interrupt: task.limits.interrupt.clone(),
    };
    let mut prepared = Run::new(&mut oracle, &set.region, task.tau, limits)?;
    if let Some(y) = task.start {
        prepared = prepared.starting_at(y);
    }
    if let Some(watch) = task.watch {
        prepared = prepared.watched(watch);
    }
    let outcome = prepared.with(run).map_err(|error| match error {
        SolverError::Refused { reason } => Error::Method { method, reason },
        other => other.into(),
    })?;
    let checked = task.check.then(|| checked(&set, task.tau, &outcome)).transpose()?;
    let of_shares = |shares: &[f64], trace: &Trace| {
        oracle.multipliers(shares, trace).and_then(|multipliers| Minorant::new(instance, &bounds, &multipliers))
    };
    let solution = certified(instance, domain, &set, task.tau, task.limits, outcome, of_shares)?;
    let message = match (solution.message.clone(), checked) {
        (Some(end), Some(checked)) => Some(format!("{end}; {checked}")),
        (end, checked) => end.or(checked),
    };
    Ok(Solution { method, message, seconds: begun.elapsed().as_secs_f64(), ..solution })
}

/// The answer with value and bound recomputed: f by a forward pass, the bound from the combination of cuts, or by a backward
/// pass with the slopes that a method which sees kinks found (`of_shares`).
fn certified(
    instance: &Instance,
    domain: &Domain,
    set: &SimpleSet,
    tau: Option<f64>,
    limits: &Limits,
    outcome: RunOutcome,
    of_shares: impl FnOnce(&[f64], &Trace) -> Option<Minorant>,
) -> Result<Solution, Error> {
    let passes = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let mut work = Work {
        iterations: outcome.trace.len() as u64,
        forward: passes(outcome.forward),
        backward: passes(outcome.backward),
        cuts: outcome.mixture.len(),
        ..Work::default()
    };
    let Some(y) = outcome.y.map(|y| domain.clip(&y)) else {
        return Ok(Solution { work, message: Some(words(&outcome.end)), ..Solution::empty(Status::Stopped) });
    };
    let trace = instance.forward(&y)?;
    work.forward += 1;
    let f = trace.value();
    let value = tau.map_or(f, |tau| f - tau * set.region.entropy(&y));
    let mut minorant = Minorant { gradient: vec![0.0; y.len()], constant: 0.0 };
    for (weight, cut) in &outcome.mixture {
        minorant.constant += weight * (cut.value - dot(&cut.gradient, &cut.point));
        minorant.gradient.iter_mut().zip(&cut.gradient).for_each(|(r, g)| *r += weight * g);
    }
    if !outcome.shares.is_empty()
        && let Some(better) = of_shares(&outcome.shares, &trace)
    {
        minorant = better;
    }
    let size = minorant.size(&y).max(value.abs());
    let (mut lower_bound, mut duals) = (None, None);
    if !outcome.mixture.is_empty() {
        let bound = match tau {
            Some(tau) => {
                let simplices: Vec<(&[usize], f64)> =
                    set.region.simplices().iter().map(|s| (s.members.as_slice(), s.total)).collect();
                entropic::bound(&minorant, domain.lower(), domain.upper(), &simplices, tau)
            }
            None => {
                let rows = set.multipliers(&minorant.gradient);
                let lagrangian = Lagrangian::new(domain, minorant, vec![], &rows);
                let bound = lagrangian.bound(domain, &y, outcome.largest_slope);
                duals = bound.is_finite().then(|| Duals::new(domain, &lagrangian));
                bound
            }
        };
        lower_bound = bound.is_finite().then_some(bound);
    }
    let magnitude = instance.magnitude(&trace, &search::reach(domain, &y));
    let rounding = if magnitude.is_finite() { search::ROUNDING * magnitude } else { 0.0 };
    let closed = lower_bound.is_some_and(|bound| value - bound <= (limits.gap * size).max(rounding));
    let gap = lower_bound.map(|bound| (value - bound).max(0.0));
    Ok(Solution {
        y: Some(y),
        value: Some(value),
        f: tau.map(|_| f),
        entropy: tau,
        lower_bound,
        gap,
        duals,
        work,
        proof: Proof::F64,
        trace: outcome.trace,
        message: (!closed).then(|| words(&outcome.end)),
        ..Solution::empty(if closed { Status::Optimal } else { Status::Stopped })
    })
}

/// What Clarabel says about the cuts behind the bound.
#[cfg(feature = "highs")]
fn checked(set: &SimpleSet, tau: Option<f64>, outcome: &RunOutcome) -> Result<String, Error> {
    let found = icnn_solvers::bundle_entropy::check::verify(&set.region, tau, outcome)?;
    let (lower, upper) = found.between;
    let width = upper - lower;
    let master = found.master.map_or(String::new(), |d| format!(", the optimum here {d:.1e} off"));
    let bound = outcome.lower_bound;
    Ok(format!(
        "checked by Clarabel: its optimum over {} cuts is {upper:.9} to {width:.1e}, the bound {bound:.9}{master}",
        found.cuts
    ))
}

#[cfg(not(feature = "highs"))]
fn checked(_: &SimpleSet, _: Option<f64>, _: &RunOutcome) -> Result<String, Error> {
    Err(Error::MissingFeature("highs"))
}

fn words(end: &End) -> String {
    match end {
        End::Closed => "the recomputed gap is wider than the method's own".into(),
        End::Passes => "the limit on passes is reached".into(),
        End::Time => "the time limit is reached".into(),
        End::Caller => "stopped by the caller".into(),
        End::Stalled(reason) => reason.clone(),
    }
}
