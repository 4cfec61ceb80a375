//! The bundle entropy method (paper §5, eqs. 8–13): cutting planes for f, the entropy kept exactly.
mod cuts;
mod dense;
mod entropic;
mod face;
mod frame;
pub mod master;

use crate::SolverError;
use crate::run::{End, Run};
use cuts::Bundle;

/// f − τH.
pub fn bundle_entropy(run: &mut Run<'_>) -> Result<End, SolverError> {
    let tau = run.tau().unwrap_or(1.0);
    let mut bundle = Bundle::new(run.region(), tau);
    let mut y = run.start();
    let (mut model, mut tolerance, mut stale) = (f64::NEG_INFINITY, f64::INFINITY, 0);
    loop {
        let cut = run.evaluate(&y)?;
        let news = cut.value - model;
        bundle.prune();
        bundle.add(cut);
        let solved = bundle.solve(tolerance);
        run.offer(&bundle.mixture());
        if let Some(end) = run.stop() {
            return Ok(end);
        }
        let gap = run.gap();
        if news <= 4.0 * f64::EPSILON * solved.size {
            stale += 1
        } else {
            stale = 0
        };
        if stale > 3 {
            return Ok(End::Stalled(format!("gap {gap:e}")));
        }
        tolerance = if news <= solved.gap { 0.1 * tolerance } else { 0.03 * gap };
        model = solved.model;
        y = bundle.point(&solved);
    }
}
