//! The heavy-ball method, with a rate that adapts.

use super::search::{Flow, Search, difference, downhill, search, stalled, steepness};
use crate::SolverError;
use crate::run::{End, Run};

/// The share of the last step that is taken again.
const MOMENTUM: f64 = 0.9;

/// Steps without a better point after which the rate is lowered.
const PATIENCE: u32 = 12;

/// y ← P(y − αDg + β(y − y₋)), β = 0.9, D the squares of the region's sides. The rate α starts where the first step is as
/// long as the region is wide; it is halved after 12 steps without a better point (the method then starts again at the
/// best one, without momentum) and grows by 2 % with each better one.
///
/// Errors: those of f at the start.
pub fn momentum(run: &mut Run<'_>) -> Result<End, SolverError> {
    search(run, heavy_ball)
}

fn heavy_ball(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let mut best = cut.clone();
    let (metric, radius) = (search.metric(&cut.point), search.radius());
    let norm = steepness(&metric, &cut.gradient);
    if norm == 0.0 {
        return stalled("the slope is zero");
    }
    let mut rate = radius / norm;
    let least = rate * 1e-16;
    let mut last = vec![0.0; metric.len()];
    let mut waited = 0;
    while rate > least {
        let mut direction = downhill(&metric, &cut.gradient);
        direction.iter_mut().zip(&last).for_each(|(d, v)| *d = rate * *d + MOMENTUM * v);
        let y = search.moved(&cut.point, 1.0, &direction);
        let next = search.evaluate(&y)?;
        waited = match &next {
            Some(next) if next.value < best.value => 0,
            Some(_) => waited + 1,
            None => PATIENCE,
        };
        if waited >= PATIENCE {
            rate *= 0.5;
            (cut, waited) = (best.clone(), 0);
            last.fill(0.0);
        } else if let Some(next) = next {
            last = difference(&next.point, &cut.point);
            if waited == 0 {
                rate *= 1.02;
                best = next.clone();
            }
            cut = next;
        }
    }
    stalled("the rate is at 1e-16 of what it was, without a better point")
}
