//! Projections by cutting planes: min of a strictly convex quadratic over learned constraints h(y) ≤ c.
//!
//! HiGHS' active-set method is sure of programs in y alone, whose quadratic term is positive definite. With the epigraph columns
//! of h, which it does not curve, it now and then fails, and is less exact: to a point of {h ≤ c} itself it has been seen to
//! find a distance of 6e-8, an interior-point method one of 8e-6, because only the square is minimised. So h enters as
//! half-spaces: at each minimiser that violates a constraint, the minorant of h there becomes a row. h has finitely many pieces,
//! and in practice a handful of rows is enough. Every row holds on all of {h ≤ c}, so the lower bound over the rows holds there
//! too.

use std::sync::Arc;
use std::time::Instant;

use super::duals::{Dual, Side};
use super::{Limits, Method, Proof, Solution, Status, Work};
use crate::certificate::{Minorant, Multipliers, rigorous};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::sum_up;
use crate::lower::Linear;

/// Most rounds before the whole program is tried instead.
const ROUNDS: usize = 64;

/// Largest violation of a constraint, relative to max(1, |c|), that needs no further cut.
const SATISFIED: f64 = 1e-9;

/// Whether f is a sum of qⱼ·(yⱼ − tⱼ)², every qⱼ > 0, and there are learned constraints.
pub(super) fn applies(linear: &Linear) -> bool {
    let Some(q) = &linear.lp.quadratic else { return false };
    let of_f = linear.epigraphs.iter().any(|e| e.function == 0) || linear.definitions.iter().any(|d| d.function == 0);
    let diagonal = q.iter().all(|(v, (i, j))| i == j && *v > 0.0);
    !linear.level_rows.is_empty() && !of_f && diagonal && q.nnz() == linear.decisions
}

/// min f over `domain`, or `None` where the cuts do not get there.
///
/// Errors: a value that leaves the range of f64.
pub(super) fn minimize(
    instance: &Instance,
    domain: &Domain,
    linear: &Linear,
    limits: &Limits,
) -> Result<Option<Solution>, Error> {
    let begun = Instant::now();
    let mut relaxed = domain.without_sublevels();
    let mut cut_of: Vec<usize> = vec![];
    let mut points: Vec<Vec<f64>> = vec![];
    let mut work = Work::default();
    for _ in 0..ROUNDS {
        let left = limits.time.map(|t| t.saturating_sub(begun.elapsed()));
        if left.is_some_and(|t| t.is_zero()) {
            return Ok(None);
        }
        let inner = Limits { time: left, ..limits.clone() };
        let solution = super::linear::minimize(instance, &relaxed, Method::Lp, &inner, None)?;
        add(&mut work, &solution.work);
        let (Status::Optimal, Some(y)) = (&solution.status, &solution.y) else { return Ok(None) };
        let mut satisfied = true;
        for (k, level) in domain.sublevels().iter().enumerate() {
            let trace = level.function.forward(y)?;
            work.forward += 1;
            if trace.value() - level.at_most <= SATISFIED * level.at_most.abs().max(1.0) {
                continue;
            }
            satisfied = false;
            work.backward += 1;
            let slopes = Multipliers::subgradient(&level.function, &trace);
            let Some(cut) = Minorant::new(&level.function, &linear.bounds[k + 1], &slopes) else { return Ok(None) };
            let row: Vec<(usize, f64)> = cut.gradient.iter().copied().enumerate().filter(|(_, v)| *v != 0.0).collect();
            // Intervals stay those of the domain: multipliers of coordinates are to act on its sides.
            if relaxed.add_row(&level.name, &level.name, &row, f64::NEG_INFINITY, level.at_most - cut.constant).is_err()
            {
                return Ok(None);
            }
            cut_of.push(k);
            points.push(y.clone());
        }
        if satisfied {
            tracing::debug!(cuts = cut_of.len(), "cutting planes");
            let own = in_terms_of(domain, &cut_of, Solution { work, ..solution });
            return Ok(Some(proven(instance, domain, linear, &cut_of, &points, own)));
        }
    }
    Ok(None)
}

/// The multiplier of a learned constraint is the sum of its cuts'.
fn in_terms_of(domain: &Domain, cut_of: &[usize], mut solution: Solution) -> Solution {
    if let Some(duals) = &mut solution.duals {
        let cuts = duals.rows.split_off(domain.rows().len());
        let constraint = |(k, level): (usize, &crate::domain::Sublevel)| {
            let own = cuts.iter().zip(cut_of).filter(|(_, of)| **of == k);
            let multiplier = own.map(|(cut, _)| cut.multiplier).sum::<f64>() + 0.0;
            let side = Side::of(multiplier);
            let at = (side != Side::Neither).then_some(level.at_most);
            Dual { name: level.name.clone(), multiplier, side, at }
        };
        duals.constraints = domain.sublevels().iter().enumerate().map(constraint).collect();
    }
    solution
}

/// The bound and the gap from the multipliers of the domain itself: coefficients of cuts are rounded, so what is proven with
/// them as rows is not proven over the domain.
fn proven(
    instance: &Instance,
    domain: &Domain,
    linear: &Linear,
    cut_of: &[usize],
    points: &[Vec<f64>],
    solution: Solution,
) -> Solution {
    let relaxed = solution.dual.clone();
    let plain = Solution { proof: Proof::F64, dual: None, ..solution };
    let (Some(y), Some(relaxed)) = (&plain.y, relaxed) else { return plain };
    let (rows, cuts) = relaxed.rows.split_at(domain.rows().len().min(relaxed.rows.len()));
    let levels = domain.sublevels().iter().enumerate().map(|(k, level)| {
        let own = || cut_of.iter().zip(points).zip(cuts).filter(|((of, _), nu)| **of == k && **nu < 0.0);
        let mu = own().map(|(_, nu)| -nu).sum::<f64>();
        (mu, rigorous::averaged(&level.function, own().map(|((_, y), nu)| (-nu, y.as_slice()))))
    });
    let dual = rigorous::Dual { f: relaxed.f.clone(), levels: levels.collect(), rows: rows.to_vec() };
    let lower = rigorous::lower_bound(instance, domain, &linear.bounds, &dual);
    let upper = rigorous::value(instance, y).map(|f| f.upper).filter(|v| v.is_finite() && lower.is_finite());
    match upper {
        Some(upper) => Solution {
            lower_bound: Some(lower),
            gap: Some(sum_up(upper, -lower).max(0.0)),
            proof: Proof::Rigorous,
            dual: Some(Arc::new(dual)),
            ..plain
        },
        None => plain,
    }
}

/// Counts add up, sizes are those of the last program.
fn add(work: &mut Work, round: &Work) {
    *work = Work {
        iterations: work.iterations + round.iterations,
        solves: work.solves + round.solves,
        forward: work.forward + round.forward,
        backward: work.backward + round.backward,
        ..*round
    };
}
