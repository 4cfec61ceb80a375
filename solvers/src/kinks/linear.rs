//! min f over a box: descend, free the kinks that are near, solve what is left exactly, certify, expand.
//!
//! A step of the active set takes time in p², and there are several for each coordinate: where many coordinates move, or steps
//! are too many, the interior-point method takes over.

use super::active_set::{Finish, Warm, solve};
use super::descent::descend;
use super::interior;
use super::rounds::{Rounds, nearest};
use crate::SolverError;
use crate::run::{End, Run};

/// Rounds.
const ROUNDS: usize = 60;

/// Steps of one round, for each coordinate and unit.
const STEPS: usize = 50;

/// Steps for each coordinate after which the interior-point method is tried, where at least so many coordinates move.
const PATIENCE: usize = 8;
const SEVERAL: usize = 48;

/// Coordinates that move from which on it comes first; a unit for each is free at its start, and this part more.
pub(super) const MANY: usize = 90;
const MORE: f64 = 0.2;

/// An outward slope beyond this part of the typical one holds a coordinate at its end.
const OUTWARD: f64 = 0.1;

/// Minimises f over a box; by the interior-point method at first where at least `many` coordinates move.
pub(super) fn linear(run: &mut Run<'_>, many: usize) -> Result<End, SolverError> {
    let p = run.region().dimension();
    if let Some(end) = descend(run, if p <= 24 { 12 } else { 35 })? {
        return Ok(end);
    }
    let mut y = run.best().map_or_else(|| run.start(), |(y, _)| y.to_vec());
    let (lower, upper) = (run.region().lower().to_vec(), run.region().upper().to_vec());
    let mut rounds = Rounds::new(run, &y)?;
    if let Some(end) = rounds.run.stop() {
        return Ok(end);
    }
    // Coordinates that an outward slope keeps at their end, and those without room.
    let typical = (crate::dense::dot(&rounds.slope, &rounds.slope) / p.max(1) as f64).sqrt();
    let outward =
        |j: usize, y: f64, slope: f64, least: f64| y <= lower[j] && slope > least || y >= upper[j] && slope < -least;
    let mut fixed: Vec<bool> =
        (0..p).map(|j| lower[j] == upper[j] || outward(j, y[j], rounds.slope[j], OUTWARD * typical)).collect();
    let scale: Vec<f64> = (0..p).map(|j| if fixed[j] { 0.0 } else { 1.0 }).collect();
    let moving = fixed.iter().filter(|fixed| !**fixed).count();
    let mut tried = moving >= many;
    let most = if tried { (((1.0 + MORE) * moving as f64) as usize).max(SEVERAL / 2) } else { rounds.units() };
    rounds.free_nearest(nearest(p, rounds.units()).min(most), &scale)?;
    if tried && let Some(end) = interior::minimise(&mut rounds, (&lower, &upper), &mut y, &mut fixed)? {
        return Ok(end);
    }
    let (mut held, mut reference) = (vec![], rounds.shares.clone());
    for _ in 0..ROUNDS {
        if !rounds.fits() {
            let (k, m) = (rounds.free.len(), rounds.units());
            return Ok(End::Stalled(format!("{k} of {m} kinks are too many to look at together")));
        }
        let moving: Vec<usize> = (0..p).filter(|j| !fixed[*j]).collect();
        let reduced = rounds.reduce()?.restricted(&moving, &y);
        let of = |v: &[f64]| moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
        let known = Warm {
            shares: rounds.free.iter().map(|i| reference[*i]).collect(),
            kinks: held.iter().filter_map(|i| rounds.free.binary_search(i).ok()).collect(),
        };
        let (low, high) = (of(&lower), of(&upper));
        let patient = tried || moving.len() < SEVERAL;
        let most = if patient { STEPS * (moving.len() + reduced.units) + 1000 } else { PATIENCE * moving.len() };
        let mut stop = || rounds.run.is_over();
        let (inner, finish) = solve(&reduced, (&low, &high), 0.0, &of(&y), &known, most, &mut stop);
        let next = inner.warm();
        rounds.free.iter().zip(&next.shares).for_each(|(i, share)| reference[*i] = *share);
        held = next.kinks.iter().map(|i| rounds.free[*i]).collect();
        moving.iter().zip(&inner.y).for_each(|(j, v)| y[*j] = *v);
        if let Some(end) = rounds.judge(&y, &inner.shares)? {
            return Ok(end);
        }
        if !patient && finish == Finish::Stuck {
            tried = true;
            if let Some(end) = interior::minimise(&mut rounds, (&lower, &upper), &mut y, &mut fixed)? {
                return Ok(end);
            }
        }
        let before = rounds.free.clone();
        let mut news = rounds.expand();
        // What was frozen wrongly starts where it is now.
        rounds
            .free
            .iter()
            .filter(|i| before.binary_search(i).is_err())
            .for_each(|i| reference[*i] = 1.0 - reference[*i]);
        for j in (0..p).filter(|j| lower[*j] < upper[*j]) {
            if fixed[j] && !outward(j, y[j], rounds.slope[j], 0.0) {
                fixed[j] = false;
                news += 1;
            }
        }
        if news == 0 {
            if finish != Finish::Optimal && rounds.free_all() {
                continue;
            }
            break;
        }
    }
    let gap = rounds.run.gap();
    Ok(End::Stalled(format!("the kinks that are held do not change any more: the gap stays at {gap:.1e}")))
}
