//! A start for the active-set method: projected L-BFGS with backtracking. The relative error that it leaves, about 1e-2, is enough to tell which kinks
//! are near.

use std::collections::VecDeque;

use crate::SolverError;
use crate::dense::{add, dot};
use crate::run::{End, Run};

/// Pairs of steps and changes of the gradient.
const MEMORY: usize = 8;

/// Armijo's share of the decrease, the factor of a step that misses it, and the steps tried.
const SHARE: f64 = 1e-4;
const SHORTER: f64 = 0.4;
const TRIALS: usize = 6;

/// Failed line searches, each followed by a steepest-descent step, after which it ends.
const FAILURES: usize = 3;

/// `evaluations` at most, one forward and one backward pass each; the run keeps the best point. `None` if the run is not over.
///
/// Errors: those of the oracle.
pub(super) fn descend(run: &mut Run<'_>, evaluations: usize) -> Result<Option<End>, SolverError> {
    let (lower, upper) = (run.region().lower(), run.region().upper());
    let p = lower.len();
    let sides: Vec<f64> =
        (lower.iter().zip(upper)).map(|(l, u)| if (u - l).is_finite() { u - l } else { 2.0 }).collect();
    let radius = 0.15 * dot(&sides, &sides).sqrt();
    let start = run.start();
    let mut at = run.evaluate(&start)?;
    run.offer(&[(1.0, at.clone())]);
    let (mut used, mut failures) = (1, 0);
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let mut direction = vec![0.0; p];
    loop {
        if let Some(end) = run.stop() {
            return Ok(Some(end));
        }
        if used >= evaluations || failures > FAILURES {
            return Ok(None);
        }
        let moves = |j: usize| {
            let (y, g) = (at.point[j], at.gradient[j]);
            !(y <= lower[j] && g >= 0.0 || y >= upper[j] && g <= 0.0)
        };
        let free: Vec<bool> = (0..p).map(moves).collect();
        (0..p).for_each(|j| direction[j] = if free[j] { -at.gradient[j] } else { 0.0 });
        let steepness = dot(&direction, &direction).sqrt();
        if steepness == 0.0 {
            return Ok(None);
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
        let slope = dot(&direction, &at.gradient);
        let mut next = None;
        let mut t = 1.0;
        for _ in 0..if slope < 0.0 { TRIALS } else { 0 } {
            let moved = at.point.iter().zip(&direction).zip(lower.iter().zip(upper));
            let y: Vec<f64> = moved.map(|((y, d), (l, u))| (y + t * d).max(*l).min(*u)).collect();
            let cut = run.evaluate(&y)?;
            run.offer(&[(1.0, cut.clone())]);
            used += 1;
            if cut.value <= at.value + SHARE * t * slope {
                next = Some(cut);
                break;
            }
            t *= SHORTER;
            if used >= evaluations {
                break;
            }
        }
        match next {
            Some(next) => {
                let step: Vec<f64> = next.point.iter().zip(&at.point).map(|(a, b)| a - b).collect();
                let change: Vec<f64> = next.gradient.iter().zip(&at.gradient).map(|(a, b)| a - b).collect();
                if dot(&step, &change) > 1e-10 * (dot(&step, &step) * dot(&change, &change)).sqrt() {
                    pairs.push_back((step, change));
                    if pairs.len() > MEMORY {
                        pairs.pop_front();
                    }
                }
                at = next;
            }
            None => {
                pairs.clear();
                failures += 1;
            }
        }
    }
}
