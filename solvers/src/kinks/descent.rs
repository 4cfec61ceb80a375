//! A start for the active-set method: projected L-BFGS with backtracking. The relative error that it leaves, about 1e-2, is enough to tell which kinks
//! are near.

use std::collections::VecDeque;

use super::rounds::{Kept, Rounds};
use crate::SolverError;
use crate::dense::{add, dot};
use crate::run::End;

/// Pairs of steps and changes of the gradient.
const MEMORY: usize = 8;

/// Armijo's share of the decrease, the factor of a step that misses it, and the steps tried.
const SHARE: f64 = 1e-4;
const SHORTER: f64 = 0.4;
const TRIALS: usize = 6;

/// Failed line searches, each followed by a steepest-descent step, after which it ends.
const FAILURES: usize = 3;

/// How far a search has got.
pub(super) struct Found {
    /// The best point.
    pub y: Vec<f64>,
    /// What was seen there.
    pub kept: Kept,
    /// Why the run is over, if it is.
    pub end: Option<End>,
}

/// From `start`: one forward pass an evaluation, and one backward where it is better, to single precision but for the first, at most as many as
/// `evaluations` says for so many coordinates that move. If it `learns`, it is known afterwards how fast pre-activations change. All units are left with the shares of the best point.
///
/// Errors: those of the oracle.
pub(super) fn descend(
    rounds: &mut Rounds<'_, '_>,
    start: Vec<f64>,
    evaluations: impl Fn(usize) -> usize,
    learns: bool,
) -> Result<Found, SolverError> {
    let (lower, upper) = (rounds.run.region().lower(), rounds.run.region().upper());
    let p = lower.len();
    let sides: Vec<f64> =
        (lower.iter().zip(upper)).map(|(l, u)| if (u - l).is_finite() { u - l } else { 2.0 }).collect();
    let radius = 0.15 * dot(&sides, &sides).sqrt();
    let (mut at, mut next) = (start, vec![0.0; p]);
    let mut kept = rounds.kept();
    let mut value = rounds.begin_at(&at)?;
    rounds.keep(value, &mut kept);
    let (mut used, mut failures) = (1, 0);
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::with_capacity(MEMORY + 1);
    let (mut direction, mut free) = (vec![0.0; p], vec![true; p]);
    let end = loop {
        if let Some(end) = rounds.run.stop() {
            break Some(end);
        }
        for j in 0..p {
            let (y, g) = (at[j], kept.slope[j]);
            free[j] = !(y <= lower[j] && g >= 0.0 || y >= upper[j] && g <= 0.0);
            direction[j] = if free[j] { -g } else { 0.0 };
        }
        let steepness = dot(&direction, &direction).sqrt();
        let most = evaluations(free.iter().filter(|free| **free).count());
        if steepness == 0.0 || used >= most || failures > FAILURES {
            break None;
        }
        // The two loops of L-BFGS.
        let mut shares = [0.0; MEMORY];
        for (share, (step, change)) in shares.iter_mut().zip(&pairs).rev() {
            *share = dot(step, &direction) / dot(step, change);
            add(-*share, change, &mut direction);
        }
        let scale = pairs.back().map_or(radius / steepness, |(step, change)| dot(step, change) / dot(change, change));
        direction.iter_mut().for_each(|d| *d *= scale);
        for (share, (step, change)) in shares.iter().zip(&pairs) {
            add(share - dot(change, &direction) / dot(step, change), step, &mut direction);
        }
        (0..p).filter(|j| !free[*j]).for_each(|j| direction[j] = 0.0);
        let slope = dot(&direction, &kept.slope);
        let (mut t, mut found) = (1.0, false);
        for _ in 0..if slope < 0.0 { TRIALS } else { 0 } {
            go(&at, t, &direction, (lower, upper), &mut next);
            let step: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
            let there = rounds.look_from(&next, &step, (None, value), |pre| pre.copy_from_slice(&kept.pre))?;
            used += 1;
            if learns {
                rounds.learn(&kept, dot(&step, &step).sqrt());
            }
            if there <= value + SHARE * t * slope {
                rounds.slope_there()?;
                let change: Vec<f64> = rounds.slope.iter().zip(&kept.slope).map(|(a, b)| a - b).collect();
                if dot(&step, &change) > 1e-10 * (dot(&step, &step) * dot(&change, &change)).sqrt() {
                    if pairs.len() == MEMORY {
                        pairs.pop_front();
                    }
                    pairs.push_back((step, change));
                }
                std::mem::swap(&mut at, &mut next);
                rounds.keep(there, &mut kept);
                (value, found) = (there, true);
                break;
            }
            t *= SHORTER;
            if used >= most {
                break;
            }
        }
        if !found {
            pairs.clear();
            failures += 1;
        }
    };
    Ok(Found { y: at, kept, end })
}

/// `next` = `at` + t·`direction`, moved into the box (p each).
pub(super) fn go(at: &[f64], t: f64, direction: &[f64], (lower, upper): (&[f64], &[f64]), next: &mut [f64]) {
    for j in 0..next.len() {
        next[j] = (at[j] + t * direction[j]).max(lower[j]).min(upper[j]);
    }
}
