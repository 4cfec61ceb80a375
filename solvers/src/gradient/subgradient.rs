//! The projected subgradient method with steps that diminish like 1/√k.

use super::search::{Flow, Search, downhill, search, search_any, stalled, steepness};
use crate::SolverError;
use crate::run::{End, Run};

/// y ← P(y − αₖ·Dg/‖g‖), αₖ = R/√k, with D the squares of the region's sides, ‖g‖² = gᵀDg and R the distance from its
/// middle to a corner in units of the sides. Of g the part counts that does not point out of the region.
///
/// With τ, minimises f − τH by dual averaging: r ← (1 − θ)r + θg with θ = 2/(k + 2), y ← argmin rᵀy − τH(y). On a box that
/// is y = σ(−r/τ): a step of the logits, which never meets the boundary where H has no slope. The error is like
/// (slope·side)²/(τ·k).
///
/// Errors: those of f, where a step cannot be shortened: at the start.
pub fn subgradient(run: &mut Run<'_>) -> Result<End, SolverError> {
    match run.tau() {
        Some(tau) => search_any(run, |search| averaged(search, tau)),
        None => search(run, projected),
    }
}

fn projected(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let (metric, radius) = (search.metric(&cut.point), search.radius());
    let mut shorter = 1.0;
    for k in 1u64.. {
        let slope = search.inward(&cut);
        let norm = steepness(&metric, &slope);
        if norm == 0.0 {
            return stalled("the slope is zero");
        }
        let direction = downhill(&metric, &slope);
        let y = search.moved(&cut.point, shorter * radius / (k as f64).sqrt() / norm, &direction);
        match search.evaluate(&y)? {
            Some(next) => cut = next,
            None => shorter *= 0.5,
        }
    }
    stalled("no more steps")
}

fn averaged(search: &mut Search<'_, '_>, tau: f64) -> Flow<End> {
    let mut cut = search.first()?;
    let mut slope = vec![0.0; cut.point.len()];
    let mut y = cut.point.clone();
    for k in 0u64.. {
        let share = 2.0 / (k as f64 + 2.0);
        slope.iter_mut().zip(&cut.gradient).for_each(|(r, g)| *r += share * (g - *r));
        search.region().entropic_minimum(&slope, tau, &mut y);
        match search.evaluate(&y)? {
            Some(next) => cut = next,
            None => return stalled("f is not finite where the entropic step leads"),
        }
    }
    stalled("no more steps")
}
