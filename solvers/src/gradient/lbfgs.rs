//! Projected limited-memory BFGS on boxes.
//!
//! Written here because no crate fits. What is wanted: a box; a run that counts evaluations and may end the search at any of
//! them; trial points where f has no value; line searches for the kinks of relu networks; no panic, no C. The L-BFGS of
//! `argmin` and `liblbfgs` knows no box; `lbfgsb` wraps C; `lbfgsb-rs-pure` takes a closure that can neither fail nor
//! stop the search, and keeps the line search of L-BFGS-B, which is for smooth functions.

use std::collections::VecDeque;
use std::sync::Arc;

use super::descend::Kinks;
use super::search::{Flow, Search, difference, rounding, search, stalled, steepness};
use crate::SolverError;
use crate::oracle::{Cut, dot};
use crate::run::{End, Run};

/// Pairs of steps and changes of the gradient.
const MEMORY: usize = 10;
/// Armijo's share of the first-order decrease.
const SHARE: f64 = 1e-4;
/// Share of the slope that a weak Wolfe step leaves.
const WOLFE: f64 = 0.9;
/// Trials of one line search; where f has kinks the bundle takes over sooner.
const TRIALS: (u32, u32) = (30, 10);

/// y ← P(y − tHg), H the limited-memory BFGS matrix on the coordinates that are free: not at an end of the box towards which
/// −g points (Bertsekas' two-metric projection). t by bisection and doubling until Armijo's and the weak Wolfe condition
/// hold, the pair that suits functions with kinks (Lewis and Overton).
///
/// Where the line search fails or gains little of the certified gap, it takes bundle steps (`descend`).
///
/// Errors: [`SolverError::Refused`] for simplices, where the projection undoes the scaling by H; those of f at the start.
pub fn lbfgs(run: &mut Run<'_>) -> Result<End, SolverError> {
    if !run.region().simplices().is_empty() {
        let count = run.region().simplices().len();
        let reason = format!("it takes boxes only, and the set has {count} simplices; spectral takes them");
        return Err(SolverError::Refused { reason });
    }
    search(run, steps)
}

/// A step and the change of the gradient over it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
}

fn steps(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let mut kinks = Kinks::new(&cut);
    let (metric, radius) = (search.metric(&cut.point), search.radius());
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    loop {
        let slow = kinks.slow(search, cut.value);
        let next = match slow {
            true => None,
            false => {
                let free = free(search, &cut);
                let direction = direction(&cut.gradient, &free, &pairs, &metric, radius);
                line_search(search, &cut, &direction)?
            }
        };
        let next = match next {
            Some(next) => next,
            None if !slow && !pairs.is_empty() && search.run.is_smooth() => {
                pairs.clear();
                continue;
            }
            None => match kinks.descend(search, &cut)? {
                Some(next) => next,
                None => return stalled("neither gradients nor their combinations lead to a lower value"),
            },
        };
        let pair =
            Pair { step: difference(&next.point, &cut.point), change: difference(&next.gradient, &cut.gradient) };
        let curvature = dot(&pair.step, &pair.change);
        if curvature > 1e-12 * (dot(&pair.step, &pair.step) * dot(&pair.change, &pair.change)).sqrt() {
            pairs.push_back(pair);
            if pairs.len() > MEMORY {
                pairs.pop_front();
            }
        }
        cut = next;
    }
}

/// 1 for coordinates that may move downhill, 0 for those that are held by an end of the box.
fn free(search: &Search<'_, '_>, cut: &Cut) -> Vec<f64> {
    let ends = search.region().lower().iter().zip(search.region().upper());
    let held = |((y, g), (l, u)): ((&f64, &f64), (&f64, &f64))| (*y <= *l && *g >= 0.0) || (*y >= *u && *g <= 0.0);
    cut.point.iter().zip(&cut.gradient).zip(ends).map(|all| if held(all) { 0.0 } else { 1.0 }).collect()
}

/// −Hg on the free coordinates, by the two-loop recursion.
fn direction(gradient: &[f64], free: &[f64], pairs: &VecDeque<Pair>, metric: &[f64], radius: f64) -> Vec<f64> {
    let masked = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(free).map(|((a, b), f)| a * b * f).sum::<f64>();
    let mut q: Vec<f64> = gradient.iter().zip(free).map(|(g, f)| -g * f).collect();
    let mut shares = vec![0.0; pairs.len()];
    let usable = |pair: &Pair| {
        masked(&pair.step, &pair.change)
            > 1e-12 * masked(&pair.change, &pair.change).sqrt() * masked(&pair.step, &pair.step).sqrt()
    };
    let used: Vec<usize> = (0..pairs.len()).filter(|i| usable(&pairs[*i])).collect();
    for i in used.iter().rev() {
        let pair = &pairs[*i];
        shares[*i] = masked(&pair.step, &q) / masked(&pair.step, &pair.change);
        q.iter_mut().zip(&pair.change).zip(free).for_each(|((q, c), f)| *q -= shares[*i] * c * f);
    }
    let size = match used.last() {
        Some(i) => {
            let Pair { step, change } = &pairs[*i];
            let scaled: Vec<f64> = change.iter().zip(metric).map(|(c, d)| c * d).collect();
            masked(step, change) / masked(change, &scaled)
        }
        None => {
            let rest: Vec<f64> = gradient.iter().zip(free).map(|(g, f)| g * f).collect();
            0.5 * radius / steepness(metric, &rest).max(1e-300)
        }
    };
    q.iter_mut().zip(metric).for_each(|(q, d)| *q *= size * d);
    for i in used {
        let pair = &pairs[i];
        let back = masked(&pair.change, &q) / masked(&pair.step, &pair.change);
        q.iter_mut().zip(&pair.step).zip(free).for_each(|((q, s), f)| *q += (shares[i] - back) * s * f);
    }
    q
}

/// The next point by bisection between steps that are too long (Armijo) and too short (weak Wolfe).
fn line_search(search: &mut Search<'_, '_>, cut: &Arc<Cut>, direction: &[f64]) -> Flow<Option<Arc<Cut>>> {
    if direction.iter().any(|d| !d.is_finite()) || dot(&cut.gradient, direction) >= 0.0 {
        return Ok(None);
    }
    let (mut short, mut long, mut t) = (0.0, f64::INFINITY, 1.0);
    let mut found: Option<Arc<Cut>> = None;
    for _ in 0..if search.run.is_smooth() { TRIALS.0 } else { TRIALS.1 } {
        let y = search.moved(&cut.point, t, direction);
        let step = difference(&y, &cut.point);
        let slope = dot(&cut.gradient, &step);
        if y == cut.point || slope >= 0.0 && found.is_none() && t < 1e-8 {
            break;
        }
        let next = search.evaluate(&y)?;
        match next {
            Some(next) if slope < 0.0 && next.value <= cut.value + SHARE * slope + rounding(cut) => {
                let wolfe = dot(&next.gradient, &step) >= WOLFE * slope;
                // Further out the box may leave nothing to gain.
                let blocked = search.moved(&cut.point, 2.0 * t, direction) == y;
                short = t;
                let better = found.as_ref().is_none_or(|found| next.value <= found.value);
                if better {
                    found = Some(next);
                }
                if wolfe || blocked || !better {
                    break;
                }
            }
            Some(_) => long = t,
            None => long = t,
        }
        t = if long.is_finite() { 0.5 * (short + long) } else { 2.0 * t };
    }
    Ok(found)
}
