//! The chain of methods that call f instead of taking it apart: prove → oracle → run → certify.

use std::sync::Arc;
use std::time::Instant;

use icnn_solvers::SolverError;
use icnn_solvers::oracle::dot;
use icnn_solvers::run::{End, Hint as Start, Run, RunLimits, RunOutcome, Watch};

use super::auto::is_piecewise_linear;
use super::duals::Duals;
use super::newton;
use super::promote::Hint;
use super::{Goal, Limits, Method, Proof, Solution, Status, Work, search};
use crate::certificate::rigorous::{self, Entropic, Worth};
use crate::certificate::{Lagrangian, Minorant, Multipliers, entropic};
use crate::check::{prove, require_convex};
use crate::domain::Domain;
use crate::error::Error;
use crate::exact::Pattern;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::interval::sum_up;
use crate::ir::program::Op;
use crate::ir::unit::Unit;
use crate::lower::oracle::{NetworkOracle, is_smooth};
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
    /// What a solve of a similar function left, for the method that holds kinks.
    pub from: Option<&'a Start>,
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
    let (bounds, everywhere) = grounds(instance, domain, task.method)?;
    let set = region(domain, method)?;
    if task.tau.is_some() && !set.region.is_bounded() {
        let reason = "the entropic problem needs bounds on both sides of every coordinate".into();
        return Err(Error::Method { method, reason });
    }
    let mut oracle = NetworkOracle::new(instance, &bounds);
    if task.method == Method::ActiveSet {
        oracle = if everywhere { oracle.with_all_kinks() } else { oracle.with_kinks(&bounds) };
    }
    let limits = RunLimits {
        // What is recomputed differs in its last digits.
        gap: 0.99 * task.limits.gap,
        time: task.limits.time,
        passes: task.limits.passes,
        interrupt: task.limits.interrupt.clone(),
    };
    let is_newton = task.method == Method::Newton;
    let limits = if is_newton { newton::start_limits(limits) } else { limits };
    let mut prepared = Run::new(&mut oracle, &set.region, task.tau, limits)?;
    if let Some(y) = task.start {
        prepared = prepared.starting_at(y);
    }
    if let Some(from) = task.from {
        prepared = prepared.hinted(from);
    }
    if let Some(watch) = task.watch {
        prepared = prepared.watched(watch);
    }
    let mut outcome = prepared.with(run).map_err(|error| match error {
        SolverError::Refused { reason } => Error::Method { method, reason },
        other => other.into(),
    })?;
    let within = |most: u64| outcome.forward + outcome.backward < most;
    if is_newton && outcome.end == End::Passes && task.limits.passes.is_none_or(within) {
        outcome.end = End::Stalled("Newton's method does not get nearer".into());
    }
    let checked = task.check.then(|| checked(&set, task.tau, &outcome)).transpose()?;
    let slopes = (!outcome.shares.is_empty()).then(|| oracle.multipliers(&outcome.shares)).flatten();
    // What the last passes of a method that sees kinks are worth; they were at the answer, as a rule.
    let known = outcome.y.as_ref().filter(|_| slopes.is_some()).and_then(|y| {
        let (value, minorant) = oracle.enclosed(&domain.clip(y), &outcome.shares)?;
        rigorous::worth_of(domain, value, minorant)
    });
    let (set, limits) = (&set, task.limits);
    let problem = Problem { instance, domain, bounds: &bounds, set, tau: task.tau, limits, begun };
    let holds_kinks = !outcome.shares.is_empty();
    let left = outcome.hint.take().map(Arc::new);
    let mut solution = certified(&problem, outcome, slopes, known)?;
    if holds_kinks && task.tau.is_none() && limits.proof != Goal::Rigorous {
        solution.hint = hint(instance, domain, &bounds, &solution)?;
    }
    let message = match (solution.message.clone(), checked) {
        (Some(end), Some(checked)) => Some(format!("{end}; {checked}")),
        (end, checked) => end.or(checked),
    };
    Ok(Solution { method, message, left, seconds: begun.elapsed().as_secs_f64(), ..solution })
}

/// The kinks and ends that are held, for the exact tier.
fn hint(
    instance: &Instance,
    domain: &Domain,
    bounds: &Arc<Bounds>,
    solution: &Solution,
) -> Result<Option<Arc<Hint>>, Error> {
    let (Some(y), Some(dual)) = (&solution.y, &solution.dual) else { return Ok(None) };
    let bounds = vec![bounds.clone()];
    let pattern = Pattern::of_slopes(y, &dual.f, instance, domain, &bounds)?;
    Ok(Some(Arc::new(Hint { pattern, bounds })))
}

/// Whether a method needs no intervals: one that holds kinks, where every kink is one of relu, leaky or abs and convexity is proven
/// without them. They stay unknown then, as they would cost more than its passes.
fn needs_no_intervals(instance: &Instance, method: Method) -> bool {
    let simple = |op: &Op| match op {
        Op::Unit { unit, .. } => matches!(unit, Unit::Relu | Unit::Leaky(_) | Unit::Abs),
        Op::Group { .. } | Op::Select { .. } => false,
        _ => true,
    };
    method == Method::ActiveSet && instance.program().nodes().iter().all(|node| simple(&node.op))
}

/// Intervals of all nodes over the domain; or those that say nothing, if that is enough to prove convexity and for the method, which is the
/// second thing that is returned.
///
/// Errors: f is not proven convex.
fn grounds(instance: &Instance, domain: &Domain, method: Method) -> Result<(Arc<Bounds>, bool), Error> {
    if needs_no_intervals(instance, method) {
        let everywhere = Bounds::unknown(instance);
        if instance.is_convex_everywhere() || instance.prove(&everywhere).output().is_convex() {
            return Ok((everywhere, true));
        }
    }
    let (bounds, proof) = prove(instance, domain);
    require_convex(instance, &proof)?;
    Ok((Arc::new(bounds), false))
}

/// What was asked, for the recomputation of the answer.
struct Problem<'a> {
    instance: &'a Instance,
    domain: &'a Domain,
    bounds: &'a Bounds,
    set: &'a SimpleSet,
    tau: Option<f64>,
    limits: &'a Limits,
    begun: Instant,
}

/// The answer of a method that saw the kinks, where enclosures of value and bound close the gap: nothing else is recomputed then. What
/// it is an answer for, the point and the slopes, is left out.
fn closed(problem: &Problem<'_>, y: &[f64], worth: Worth) -> Option<Solution> {
    let Problem { domain, limits, .. } = *problem;
    if problem.tau.is_some() || !domain.rows().is_empty() || !domain.sublevels().is_empty() {
        return None;
    }
    let Worth { value, upper, lower, minorant } = worth;
    let size = minorant.size(y).max(value.abs());
    let duals = Duals::new(domain, &Lagrangian::new(domain, minorant, vec![], &[]));
    (upper - lower <= limits.gap * size).then(|| Solution {
        value: Some(value),
        lower_bound: Some(lower),
        gap: Some(sum_up(upper, -lower).max(0.0)),
        duals: Some(duals),
        proof: Proof::Rigorous,
        ..Solution::empty(Status::Optimal)
    })
}

/// The answer with value and bound recomputed: f by a forward pass, the bound from the combination of cuts, or by a backward
/// pass with the slopes that a method which sees kinks found.
fn certified(
    problem: &Problem<'_>,
    outcome: RunOutcome,
    slopes: Option<Multipliers>,
    known: Option<Worth>,
) -> Result<Solution, Error> {
    let Problem { instance, domain, bounds, set, tau, limits, begun } = *problem;
    let passes = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let mut work = Work {
        iterations: outcome.trace.len() as u64,
        forward: passes(outcome.forward),
        backward: passes(outcome.backward),
        cuts: outcome.mixture.len(),
        rounds: outcome.inner.rounds,
        kinks: outcome.inner.units,
        steps: outcome.inner.steps,
        ..Work::default()
    };
    let Some(mut y) = outcome.y.as_ref().map(|y| domain.clip(y)) else {
        return Ok(Solution { work, message: Some(words(&outcome.end)), ..Solution::empty(Status::Stopped) });
    };
    if let Some(f) = &slopes {
        let mut found = known.and_then(|known| closed(problem, &y, known));
        if found.is_none() {
            (work.forward, work.backward) = (work.forward + 1, work.backward + 1);
            found = rigorous::worth(instance, domain, bounds, f, &y).and_then(|worth| closed(problem, &y, worth));
        }
        if let Some(found) = found {
            let dual = slopes.map(|f| Arc::new(rigorous::Dual { f, levels: vec![], rows: vec![] }));
            return Ok(Solution { y: Some(y), dual, work, trace: outcome.trace, ..found });
        }
    }
    let mut trace = instance.forward(&y)?;
    work.forward += 1;
    let mut f = trace.value();
    let mut value = tau.map_or(f, |tau| f - tau * set.region.entropy(&y));
    let mut minorant = Minorant { gradient: vec![0.0; y.len()], constant: 0.0 };
    for (weight, cut) in &outcome.mixture {
        minorant.constant += weight * (cut.value - dot(&cut.gradient, &cut.point));
        minorant.gradient.iter_mut().zip(&cut.gradient).for_each(|(r, g)| *r += weight * g);
    }
    if let Some(better) = slopes.as_ref().and_then(|slopes| Minorant::new(instance, bounds, slopes)) {
        minorant = better;
    }
    let size = minorant.size(&y).max(value.abs());
    let (mut lower_bound, mut duals) = (None, None);
    let rows = set.multipliers(&minorant.gradient);
    if !outcome.mixture.is_empty() {
        let bound = match tau {
            Some(tau) => {
                let simplices: Vec<(&[usize], f64)> =
                    set.region.simplices().iter().map(|s| (s.members.as_slice(), s.total)).collect();
                entropic::bound(&minorant, domain.lower(), domain.upper(), &simplices, tau)
            }
            None => {
                let lagrangian = Lagrangian::new(domain, minorant, vec![], &rows);
                let bound = lagrangian.bound(domain, &y, outcome.largest_slope);
                duals = bound.is_finite().then(|| Duals::new(domain, &lagrangian));
                bound
            }
        };
        lower_bound = bound.is_finite().then_some(bound);
    }
    let (mut above, mut proof) = (value, Proof::F64);
    let points = outcome.mixture.iter().map(|(weight, cut)| (*weight, cut.point.as_slice()));
    let dual_of = |f: Multipliers, mut rows: Vec<f64>| {
        rows.resize(domain.rows().len(), 0.0);
        rigorous::Dual { f, levels: vec![], rows }
    };
    // Where kinks are all there is, Newton's method has nothing to add.
    let is_curved = slopes.is_none();
    let again = passes(if slopes.is_some() { 1 } else { outcome.mixture.len() as u64 + 1 });
    let mut dual = slopes.or_else(|| rigorous::averaged(instance, points)).map(|f| dual_of(f, rows));
    if let Some(dual) = &dual {
        (work.forward, work.backward) = (work.forward.saturating_add(again), work.backward.saturating_add(again));
        if let Some((lower, upper)) = between(instance, domain, &[bounds], tau, dual, &y) {
            (lower_bound, above, proof) = (Some(lower), upper, Proof::Rigorous);
        }
    }
    let is_open = |bound: Option<f64>, above: f64| bound.is_none_or(|bound| above - bound > search::ACCURATE * size);
    // At the end of an interval a cut may have the slope of a piece that lies outside: it supports a unit that is convex everywhere.
    if let Some(dual) = dual.as_ref().filter(|_| proof == Proof::Rigorous && is_open(lower_bound, above)) {
        let everywhere = Bounds::unknown(instance);
        if let Some((lower, _)) = between(instance, domain, &[&*everywhere], tau, dual, &y) {
            lower_bound = Some(lower_bound.map_or(lower, |bound| bound.max(lower)));
        }
    }
    // Where kinks are all there is the polish looks for them, which costs more than the run: only for the gap that was asked for.
    let has_kinks_alone = || is_piecewise_linear(instance) && !is_smooth(instance, bounds);
    let asked = |bound: Option<f64>| bound.is_none_or(|bound| above - bound > limits.gap * size);
    let open = is_open(lower_bound, above) && (asked(lower_bound) || !has_kinks_alone());
    // A limit that struck ends the work.
    let ended = matches!(outcome.end, End::Closed | End::Stalled(_));
    if tau.is_none()
        && is_curved
        && ended
        && open
        && let Some(found) = newton::polished(instance, domain, &y, &|| limits.strikes(begun))
        && let Ok(there) = instance.forward(&found.y)
    {
        work.forward = work.forward.saturating_add(found.steps + 1);
        work.backward = work.backward.saturating_add(found.steps);
        let own = dual_of(Multipliers::subgradient(instance, &there), found.rows);
        // The point and the slopes are taken by themselves: either may be better than what there is.
        let lower = rigorous::lower_bound(instance, domain, &[bounds], &own);
        let better = there.value() < value && domain.violation(&found.y) <= search::FEASIBLE;
        let kept = if better { &found.y } else { &y };
        let upper = rigorous::value(instance, kept).map(|i| i.upper).filter(|v| v.is_finite());
        let tighter = upper.is_some() && lower > lower_bound.unwrap_or(f64::NEG_INFINITY);
        // What goes with a bound whose rounding is not bounded is the forward value.
        let next = if tighter || proof == Proof::Rigorous { upper } else { Some(there.value()) };
        if (tighter || better)
            && let Some(next) = next
        {
            above = next;
            if tighter {
                (lower_bound, proof) = (Some(lower), Proof::Rigorous);
                duals = Minorant::new(instance, bounds, &own.f)
                    .map(|minorant| Duals::new(domain, &Lagrangian::new(domain, minorant, vec![], &own.rows)))
                    .or(duals);
                dual = Some(own);
            }
            if better {
                (y, value, f, trace) = (found.y, there.value(), there.value(), there);
            }
        }
    }
    let rounding = || search::rounding(instance, domain, &trace, &y, search::ROUNDING);
    let closed = lower_bound.is_some_and(|bound| above - bound <= limits.gap * size || above - bound <= rounding());
    let gap = lower_bound.map(|bound| match proof {
        Proof::F64 => (above - bound).max(0.0),
        _ => sum_up(above, -bound).max(0.0),
    });
    Ok(Solution {
        y: Some(y),
        value: Some(value),
        f: tau.map(|_| f),
        entropy: tau,
        lower_bound,
        gap,
        duals,
        dual: dual.map(Arc::new),
        work,
        proof,
        trace: outcome.trace,
        message: (!closed).then(|| words(&outcome.end)),
        ..Solution::empty(if closed { Status::Optimal } else { Status::Stopped })
    })
}

/// A true lower bound on min f over the domain (with τ on min f − τH), and the upper end of an enclosure of what is minimised,
/// at y; `None` where one of them is not known. `bounds`: those of f, then of each learned constraint.
pub(super) fn between(
    instance: &Instance,
    domain: &Domain,
    bounds: &[impl std::borrow::Borrow<Bounds>],
    tau: Option<f64>,
    dual: &rigorous::Dual,
    y: &[f64],
) -> Option<(f64, f64)> {
    let (lower, value) = match tau {
        None => (rigorous::lower_bound(instance, domain, bounds, dual), rigorous::value(instance, y)?),
        Some(tau) => {
            let set = region(domain, "").ok()?;
            let simplices: Vec<(&[usize], f64)> =
                set.region.simplices().iter().map(|s| (s.members.as_slice(), s.total)).collect();
            let set = Entropic { lower: domain.lower(), upper: domain.upper(), simplices: &simplices, tau };
            (
                rigorous::entropic_lower_bound(instance, bounds.first()?.borrow(), &set, &dual.f),
                rigorous::entropic_value(instance, &set, y)?,
            )
        }
    };
    (lower.is_finite() && value.upper.is_finite()).then_some((lower, value.upper))
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
