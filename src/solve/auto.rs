//! The portfolio `--method auto`: what the problem is decides which method is asked first, what came of it whether another one is.
//!
//! | problem | methods, one after the other |
//! |---|---|
//! | piecewise linear, bounded box | active set; linear programs of a few units; linear program; bundle |
//! | piecewise linear, rows, many units | linear programs of a few units; linear program; bundle |
//! | piecewise linear, anything else | linear program; active set; bundle |
//! | with smooth units or quadratic terms | Newton; cones; linear program (of quadratic terms); bundle |
//! | entropic, piecewise linear, box | active set; bundle; cones |
//! | entropic, anything else | bundle; cones |
//!
//! A method that refuses, or that this build lacks, is passed over. What a proven end or a closed gap says is the answer; of
//! several open ones the one with the smallest gap. A limit that strikes ends the work. A method that started from another solution
//! and left the gap open is asked again, without it, first of all.

use std::time::Instant;

use icnn_solvers::run::Progress;

use super::batch::{Asked, Session};
use super::{Goal, Limits, Method, Solution, Status, Work};
use crate::error::Error;
use crate::exact::pattern::functions;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Op};
use crate::ir::scalar::Scalar;

/// From so many units on the program of a few of them is solved sooner than the whole one.
const MANY: usize = 300;

/// The methods for a problem, in the order in which they are asked.
pub(super) fn methods(instance: &Instance, session: &Session) -> &'static [Method] {
    use Method::{ActiveSet, Bundle, Conic, Lp, Newton, ReducedLp};
    let (domain, tau) = (session.domain(), session.tau());
    let linear = functions(instance, domain).into_iter().all(is_piecewise_linear);
    let boxed = domain.rows().is_empty() && domain.sublevels().is_empty();
    match (tau, linear, boxed) {
        (None, true, true) if domain.is_bounded() => &[ActiveSet, ReducedLp, Lp, Bundle],
        // A basis of the whole program is what an exact proof starts from.
        (None, true, false) if units(instance) >= MANY && session.limits().proof != Goal::Exact => {
            &[ReducedLp, Lp, Bundle]
        }
        (None, true, _) => &[Lp, ActiveSet, Bundle],
        (None, false, _) => &[Newton, Conic, Lp, Bundle],
        (Some(_), true, true) => &[ActiveSet, Bundle, Conic],
        (Some(_), ..) => &[Bundle, Conic],
    }
}

/// Entries of units and maxima.
fn units(instance: &Instance) -> usize {
    let nodes = instance.program().nodes().iter();
    nodes.filter(|node| matches!(node.op, Op::Unit { .. } | Op::Group { .. })).map(|node| node.len).sum()
}

/// Whether every unit is made of lines and every group is a maximum.
pub(super) fn is_piecewise_linear(instance: &Instance) -> bool {
    instance.program().nodes().iter().all(|node| match &node.op {
        Op::Unit { unit, .. } => {
            let scalars = instance.scalars(unit, node.len);
            let count = if unit.params().is_empty() { node.len.min(1) } else { node.len };
            (0..count).all(|i| matches!(scalars.get(i), Scalar::Lines(_)))
        }
        Op::Group { kind, .. } => *kind == GroupKind::Max,
        Op::Quadratic { .. } => false,
        _ => true,
    })
}

/// min f over the domain of `session` by `methods`, one after the other.
pub(super) fn minimize(
    session: &Session,
    methods: &[Method],
    instance: &Instance,
    asked: Asked<'_, '_>,
) -> Result<Solution, Error> {
    let begun = Instant::now();
    let Asked { start, from, mut watch } = asked;
    let limits = session.limits();
    let (mut best, mut refusal, mut work) = (None::<Solution>, None, Work::default());
    let again =
        from.filter(|_| methods.first() == Some(&Method::ActiveSet)).map(|from| (Method::ActiveSet, Some(from)));
    for (method, from) in again.into_iter().chain(methods.iter().map(|method| (*method, None))) {
        let left = Limits { time: limits.time.map(|t| t.saturating_sub(begun.elapsed())), ..limits.clone() };
        let mut ended = false;
        let answer = match watch.as_deref_mut() {
            None => session.by(method, &left, instance, Asked { start, from, watch: None }),
            Some(watch) => {
                let mut passed_on = |progress: &Progress, y: &[f64]| {
                    ended |= !watch(progress, y);
                    !ended
                };
                session.by(method, &left, instance, Asked { start, from, watch: Some(&mut passed_on) })
            }
        };
        match answer {
            Ok(found) => {
                work = together(&work, &found.work);
                let done = found.status != Status::Stopped || ended || struck(limits, begun, &found);
                tracing::debug!(method = found.method, status = ?found.status, gap = found.gap, "auto");
                if found.status != Status::Stopped || best.as_ref().is_none_or(|best| is_better(&found, best)) {
                    best = Some(found);
                }
                if done {
                    break;
                }
            }
            Err(
                error @ (Error::Method { .. } | Error::Lowering { .. } | Error::MissingFeature(_) | Error::Solver(_)),
            ) => {
                tracing::debug!(method = method.name(), %error, "auto: not this one");
                refusal = Some(weightier(refusal, error));
            }
            Err(error) => return best.map_or(Err(error), |best| Ok(finished(best, work, begun))),
        }
    }
    match (best, refusal) {
        (Some(best), _) => Ok(finished(best, work, begun)),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::Method { method: Method::Auto.name(), reason: "no method was asked".into() }),
    }
}

fn finished(best: Solution, work: Work, begun: Instant) -> Solution {
    Solution { work, seconds: begun.elapsed().as_secs_f64(), ..best }
}

/// Whether a limit ended the work of a method that left the gap open.
fn struck(limits: &Limits, begun: Instant, found: &Solution) -> bool {
    let passes = u64::from(found.work.forward) + u64::from(found.work.backward);
    limits.strikes(begun)
        || limits.passes.is_some_and(|most| passes >= most)
        || limits.iterations.is_some_and(|most| found.work.solves > 0 && found.work.iterations >= most)
}

/// Whether an open answer says more than another one.
fn is_better(found: &Solution, than: &Solution) -> bool {
    let gap = |s: &Solution| s.gap.unwrap_or(f64::INFINITY);
    gap(found) < gap(than) || (gap(found) == gap(than) && found.y.is_some() && than.y.is_none())
}

/// Passes and solves added up; the sizes of the larger program.
fn together(a: &Work, b: &Work) -> Work {
    Work {
        iterations: a.iterations + b.iterations,
        solves: a.solves + b.solves,
        forward: a.forward.saturating_add(b.forward),
        backward: a.backward.saturating_add(b.backward),
        cuts: b.cuts,
        rounds: a.rounds + b.rounds,
        kinks: a.kinks.max(b.kinks),
        steps: a.steps + b.steps,
        rows: a.rows.max(b.rows),
        columns: a.columns.max(b.columns),
        nonzeros: a.nonzeros.max(b.nonzeros),
    }
}

/// Of two reasons why there is no answer the one that helps more: what the build lacks, then the last one.
fn weightier(one: Option<Error>, other: Error) -> Error {
    match one {
        Some(first @ Error::MissingFeature(_)) => first,
        _ => other,
    }
}
