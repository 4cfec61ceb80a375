//! From an answer in f64 to the exact one: the last link of the chain. What a method found is a guess which kinks and sides hold
//! the minimum; the rational point and the multipliers that follow are checked without rounding, and only what passes replaces
//! the answer.

use std::sync::Arc;
use std::time::Instant;

use dashu_ratio::RBig;

use super::{Goal, Limits, Proof, Solution, Status};
use crate::certificate::exact;
use crate::check::prove;
use crate::domain::Domain;
use crate::exact::Pattern;
use crate::exact::cost;
use crate::exact::empty::emptiness;
use crate::exact::ladder::{Unproven, climbed};
use crate::exact::pattern::functions;
use crate::exact::ray::ray;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;

/// An exact proof is cheap if it takes no larger share of the linear program's time, where one was solved.
const CHEAP: f64 = 0.2;

/// One that takes no more seconds is cheap anyway.
const MOMENT: f64 = 1e-3;

/// What a method leaves behind for the exact tier.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Which kinks and sides hold.
    pub pattern: Pattern,
    /// The intervals that the pattern's pieces belong to: of f, then of each learned constraint.
    pub bounds: Vec<Arc<Bounds>>,
}

/// The exact answer in place of `solution`, if one can be proven; otherwise `solution`, with a word why not where an exact one
/// was asked for.
pub(super) fn promoted(instance: &Instance, domain: &Domain, limits: &Limits, solution: Solution) -> Solution {
    let wanted = limits.proof == Goal::Exact;
    if limits.proof != Goal::Rigorous {
        match solution.status {
            Status::Infeasible => return empty(domain, solution),
            Status::Unbounded => return unbounded(instance, domain, solution),
            _ => {}
        }
    }
    let open = matches!(solution.status, Status::Optimal | Status::Stopped) && solution.entropy.is_none();
    if limits.proof == Goal::Rigorous || !open || solution.proof == Proof::Exact {
        return solution;
    }
    let begun = Instant::now();
    match proven(instance, domain, limits, &solution) {
        Ok(proof) => {
            let seconds = solution.seconds + begun.elapsed().as_secs_f64();
            Solution { seconds, hint: None, ..exactly(solution, proof) }
        }
        Err(Unproven { reason, emptiness }) => {
            tracing::debug!(reason, "no exact proof");
            let message = match (&solution.message, wanted) {
                (None, true) => Some(format!("not proven exactly: {reason}")),
                (Some(words), true) => Some(format!("{words}; not proven exactly: {reason}")),
                (words, false) => words.clone(),
            };
            let exact_emptiness = emptiness.map(Arc::new);
            Solution {
                message,
                exact_emptiness,
                hint: None,
                seconds: solution.seconds + begun.elapsed().as_secs_f64(),
                ..solution
            }
        }
    }
}

/// With exact multipliers of the rows, where they alone make the domain empty.
fn empty(domain: &Domain, solution: Solution) -> Solution {
    let rows = solution.farkas.as_ref().filter(|f| f.constraints.iter().all(|mu| *mu == 0.0)).map(|f| f.rows.clone());
    match rows.and_then(|rows| emptiness(domain, &rows)) {
        Some(found) => Solution { proof: Proof::Exact, exact_emptiness: Some(Arc::new(found)), ..solution },
        None => solution,
    }
}

/// With an exact ray.
fn unbounded(instance: &Instance, domain: &Domain, solution: Solution) -> Solution {
    match solution.ray.as_ref().and_then(|d| ray(instance, domain, d)) {
        Some(found) => Solution { proof: Proof::Exact, exact_ray: Some(Arc::new(found)), ..solution },
        None => solution,
    }
}

fn proven(
    instance: &Instance,
    domain: &Domain,
    limits: &Limits,
    solution: &Solution,
) -> Result<exact::Proof, Unproven> {
    let begun = Instant::now();
    let y = solution.y.as_ref().ok_or("there is no point to start from".to_string())?;
    let cheap = limits.proof == Goal::Cheap;
    if cheap {
        let hint = solution.hint.as_ref().ok_or("the method leaves no basis".to_string())?;
        let solved = solution.work.nonzeros > 0;
        let lp = if solved { cost::of_simplex(solution.work.iterations, solution.work.nonzeros) } else { 0.0 };
        let (exact, most) = (cost::predicted(instance, domain, &hint.pattern), MOMENT.max(CHEAP * lp));
        if exact > most {
            return Err(format!("it would take about {exact:.1e} s, more than {most:.1e} s").into());
        }
    }
    let bounds = match &solution.hint {
        Some(hint) => hint.bounds.clone(),
        None => functions(instance, domain).into_iter().map(|f| Arc::new(prove(f, domain).0)).collect(),
    };
    let stopped = || {
        limits.time.is_some_and(|t| begun.elapsed().as_secs_f64() + solution.seconds >= t.as_secs_f64())
            || limits.interrupt.as_ref().is_some_and(|i| i.is_stopped())
    };
    let pattern = solution.hint.as_ref().map(|hint| &hint.pattern);
    climbed(instance, domain, &bounds, pattern, (!cheap).then_some(y.as_slice()), &stopped)
}

/// `solution` with the numbers of a proof that was checked.
fn exactly(solution: Solution, proof: exact::Proof) -> Solution {
    let denominator = &proof.y.denominator;
    let y = proof.y.numerators.iter().map(|n| nearest(&RBig::from_parts(n.clone(), denominator.clone()))).collect();
    Solution {
        status: Status::Optimal,
        y: Some(y),
        value: Some(nearest(&proof.value)),
        lower_bound: Some(below(&proof.value)),
        gap: Some(0.0),
        proof: Proof::Exact,
        exact: Some(Arc::new(proof)),
        message: None,
        ..solution
    }
}

fn nearest(v: &RBig) -> f64 {
    v.to_f64().value()
}

/// The largest f64 that is not above.
fn below(v: &RBig) -> f64 {
    let near = nearest(v);
    match RBig::try_from(near) {
        Ok(rounded) if rounded > *v => near.next_down(),
        _ => near,
    }
}
