//! Nesterov's accelerated projected gradient method, in the form of Beck and Teboulle (FISTA), with backtracking and the
//! adaptive restart of O'Donoghue and Candès.

use super::search::{Flow, Search, difference, downhill, rounding, search, stalled, steepness};
use crate::SolverError;
use crate::oracle::dot;
use crate::run::{End, Run};

/// y₊ = P(z − Dg(z)/L), z₊ = P(y₊ + (θ − 1)/θ₊·(y₊ − y)). D: the squares of the region's sides. L is doubled until the
/// quadratic of curvature L is above f at y₊, and shrinks by a tenth from step to step. Momentum ends where it points
/// uphill. The extrapolation is projected: f need not be convex, nor defined, outside of the region.
///
/// Errors: [`SolverError::Refused`] for an f that is not smooth; those of f at the start.
pub fn accelerated(run: &mut Run<'_>) -> Result<End, SolverError> {
    if !run.is_smooth() {
        let reason = "acceleration needs a smooth function, and f has kinks; spectral, lbfgs and polyak take it".into();
        return Err(SolverError::Refused { reason });
    }
    search(run, steps)
}

fn steps(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut z = search.first()?;
    let (metric, radius) = (search.metric(&z.point), search.radius());
    let mut y = z.point.clone();
    let mut theta = 1.0f64;
    let mut curvature = steepness(&metric, &z.gradient) / radius;
    if curvature == 0.0 {
        return stalled("the slope is zero");
    }
    let steepest = curvature * 1e30;
    loop {
        let next = loop {
            let next = search.moved(&z.point, 1.0 / curvature, &downhill(&metric, &z.gradient));
            let step = difference(&next, &z.point);
            if step.iter().all(|s| *s == 0.0) {
                break next;
            }
            let length: f64 = step.iter().zip(&metric).filter(|(_, d)| **d > 0.0).map(|(s, d)| s * s / d).sum();
            let above = z.value + dot(&z.gradient, &step) + 0.5 * curvature * length;
            if search.value(&next)? <= above + rounding(&z) {
                break next;
            }
            curvature *= 2.0;
            if curvature > steepest {
                return stalled("no curvature is large enough for the slopes of f");
            }
        };
        let moved = difference(&next, &y);
        let uphill = dot(&difference(&z.point, &next), &scaled(&moved, &metric)) > 0.0;
        let still = next == z.point;
        let grown = if uphill { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * theta * theta).sqrt()) };
        let share = if uphill { 0.0 } else { (theta - 1.0) / grown };
        let mut ahead = search.moved(&next, share, &moved);
        if ahead == z.point && still {
            return stalled("the gradient step is below rounding");
        }
        z = loop {
            match search.evaluate(&ahead)? {
                Some(cut) => break cut,
                None if ahead == next => return stalled("f has a value but no finite slope where a step leads"),
                None => ahead.clone_from(&next),
            }
        };
        (y, theta) = (next, grown);
        curvature *= 0.9;
    }
}

/// D⁻¹a, 0 where D is.
fn scaled(a: &[f64], metric: &[f64]) -> Vec<f64> {
    a.iter().zip(metric).map(|(a, d)| if *d > 0.0 { a / d } else { 0.0 }).collect()
}
