//! The projected subgradient method with Polyak's steps.

use super::search::{Flow, Search, downhill, search, stalled, steepness};
use crate::SolverError;
use crate::run::{End, Run};

/// How far a slope that turns against the last one is turned back: 1 makes them orthogonal.
const DEFLECTION: f64 = 1.5;

/// y ← P(y − (f(y) − target)·Dg/‖g‖²), D the squares of the region's sides, ‖g‖² = gᵀDg. Of g the part counts that does
/// not point out of the region; one that turns against the last is deflected by it, which shortens zigzags and keeps what is
/// known of Polyak's steps (Camerini, Fratta and Maffioli).
///
/// The target is a level below the best value, `best − δ`, but not below the certified lower bound: the minimum itself is
/// not known. δ starts at what the first slopes promise over the region. An improvement of δ/2 makes it half as large
/// again; after a path without one, at first as long as the region is wide, δ is halved, and the method goes on from the best
/// point.
///
/// Errors: those of f at the start.
pub fn polyak(run: &mut Run<'_>) -> Result<End, SolverError> {
    search(run, levels)
}

fn levels(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let mut best = cut.clone();
    let (metric, radius) = (search.metric(&cut.point), search.radius());
    let mut delta = 0.5 * radius * steepness(&metric, &cut.gradient);
    let (mut record, mut path, mut allowed) = (best.value, 0.0, radius);
    let mut last = vec![0.0; metric.len()];
    loop {
        let target = (best.value - delta).max(search.run.lower_bound());
        let mut slope = search.inward(&cut);
        let turned: f64 = metric.iter().zip(&slope).zip(&last).map(|((d, a), b)| d * a * b).sum();
        if turned < 0.0 {
            let share = -DEFLECTION * turned / steepness(&metric, &last).powi(2);
            slope.iter_mut().zip(&last).for_each(|(s, l)| *s += share * l);
        }
        let norm = steepness(&metric, &slope);
        if norm == 0.0 {
            return stalled("the slope is zero");
        }
        let step = (cut.value - target) / norm;
        let y = search.moved(&cut.point, step / norm, &downhill(&metric, &slope));
        path += step;
        last = slope;
        let finite = match search.evaluate(&y)? {
            Some(next) => {
                cut = next;
                if cut.value < best.value {
                    best = cut.clone();
                }
                true
            }
            None => false,
        };
        if best.value <= record - 0.5 * delta {
            delta *= 1.5;
            allowed = (allowed * 1.25).min(radius);
            (record, path) = (best.value, 0.0);
        } else if path > allowed || step <= 0.0 || !finite {
            delta *= 0.5;
            // A smaller region is searched at each level, but not in proportion: the path is a zigzag.
            allowed = (allowed * 0.8).max(1e-9 * radius);
            (record, path, cut) = (best.value, 0.0, best.clone());
            last.fill(0.0);
            if delta <= f64::EPSILON * best.value.abs() * 0.1 || delta < 1e-300 {
                return stalled("the levels meet: what they promise is below rounding");
            }
        }
    }
}
