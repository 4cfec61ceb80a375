//! The projected subgradient method with steps that diminish like 1/√k.

use crate::SolverError;
use crate::oracle::dot;
use crate::run::{End, Run};

/// Cuts kept for the lower bound.
const KEPT: usize = 64;

/// y ← P(y − αₖ·g/‖g‖), αₖ = R/√k with R the distance from the start to the farthest corner (1 on an unbounded region).
///
/// The lower bound is that of the average of the cuts met, weighted by their steps: the average that the method's
/// convergence proof is about.
pub fn subgradient(run: &mut Run<'_>) -> Result<End, SolverError> {
    let mut y = run.start();
    let radius = 1.0;
    let mut kept = vec![];
    for k in 1.. {
        let cut = run.evaluate(&y)?;
        let norm = dot(&cut.gradient, &cut.gradient).sqrt();
        let step = radius / f64::from(k).sqrt();
        kept.push((if norm > 0.0 { step / norm } else { 1e300 }, cut.clone()));
        if kept.len() > KEPT {
            kept.remove(0);
        }
        run.offer(&kept);
        run.offer(&[(1.0, cut.clone())]);
        if let Some(end) = run.stop() {
            return Ok(end);
        }
        y.iter_mut().zip(&cut.gradient).for_each(|(y, g)| *y -= step / norm * g);
        run.region().project(&mut y);
    }
    Ok(End::Stalled("no more steps".into()))
}
