//! The spectral projected gradient method of Birgin, Martínez and Raydan (SPG2): Barzilai–Borwein steps, and the line search
//! of Grippo, Lampariello and Lucidi, which is not monotone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::descend::Kinks;
use super::search::{Flow, Search, difference, downhill, rounding, search, stalled, steepness};
use crate::SolverError;
use crate::oracle::{Cut, dot};
use crate::run::{End, Run};

/// Values that the line search compares with.
const MEMORY: usize = 10;
/// Armijo's share of the first-order decrease.
const SHARE: f64 = 1e-4;
/// Trials of one line search; where f has kinks the bundle takes over sooner.
const TRIALS: (u32, u32) = (30, 10);

/// d = P(y − αDg) − y, y ← y + td. D: the squares of the region's sides; α = sᵀD⁻¹s / sᵀΔg from the last step s; t by
/// interpolation until f(y + td) is below the largest of the last ten values by Armijo's share.
///
/// At a kink of f, where the search fails or gains little of the certified gap, it takes bundle steps (`descend`).
///
/// Errors: those of f at the start.
pub fn spectral(run: &mut Run<'_>) -> Result<End, SolverError> {
    search(run, steps)
}

fn steps(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let mut kinks = Kinks::new(&cut);
    let (metric, radius) = (search.metric(&cut.point), search.radius());
    let mut values = VecDeque::from([cut.value]);
    let first = |slope: &[f64]| radius / steepness(&metric, slope).max(1e-300);
    let mut alpha = first(&search.inward(&cut));
    loop {
        let next = match kinks.slow(search, search.best().map_or(cut.value, |best| best.value)) {
            true => None,
            false => line_search(search, &cut, alpha, &metric, &values)?,
        };
        let next = match next {
            Some(next) => next,
            None => {
                let centre = search.best().unwrap_or(&cut).clone();
                values.clear();
                match kinks.descend(search, &centre)? {
                    Some(next) => next,
                    None => return stalled("neither gradients nor their combinations lead to a lower value"),
                }
            }
        };
        values.push_back(next.value);
        if values.len() > MEMORY {
            values.pop_front();
        }
        let scale = first(&search.inward(&next));
        let (step, change) = (difference(&next.point, &cut.point), difference(&next.gradient, &cut.gradient));
        let curvature = dot(&step, &change);
        let length: f64 = step.iter().zip(&metric).filter(|(_, d)| **d > 0.0).map(|(s, d)| s * s / d).sum();
        // Without curvature f is linear as far as it is known: steps may grow.
        alpha = if curvature > 0.0 { length / curvature } else { (100.0 * alpha).max(scale) };
        let bounds = (1e-12 * scale, 1e12 * scale);
        alpha = if alpha.is_finite() { alpha.max(bounds.0).min(bounds.1) } else { scale };
        cut = next;
    }
}

/// The next point, or `None` if no step along the projected gradient is accepted.
fn line_search(
    search: &mut Search<'_, '_>,
    cut: &Arc<Cut>,
    alpha: f64,
    metric: &[f64],
    values: &VecDeque<f64>,
) -> Flow<Option<Arc<Cut>>> {
    let target = search.moved(&cut.point, alpha, &downhill(metric, &cut.gradient));
    let direction = difference(&target, &cut.point);
    let slope = dot(&cut.gradient, &direction);
    if slope >= 0.0 {
        return Ok(None);
    }
    let reference = values.iter().copied().fold(cut.value, f64::max) + rounding(cut);
    let mut t = 1.0;
    for _ in 0..if search.run.is_smooth() { TRIALS.0 } else { TRIALS.1 } {
        let y = search.moved(&cut.point, t, &direction);
        if y == cut.point {
            break;
        }
        match search.evaluate(&y)? {
            Some(next) if next.value <= reference + SHARE * t * slope => return Ok(Some(next)),
            Some(next) => {
                let quadratic = -0.5 * slope * t * t / (next.value - cut.value - t * slope);
                t = if quadratic >= 0.1 * t && quadratic <= 0.5 * t { quadratic } else { 0.5 * t };
            }
            None => t *= 0.1,
        }
    }
    Ok(None)
}
