//! Methods that see kinks.
mod active_set;
mod descent;
mod entropic;
mod linear;
mod program;
mod qr;
mod reduced;
mod rounds;
mod sweep;

pub use program::{Kinks, Row};
pub use reduced::Reduced;

use crate::SolverError;
use crate::run::{End, Run};

/// Minimises f − τH, or f, over a box by holding kinks.
///
/// Errors: those of the oracle; [`SolverError::Refused`] for a function that shows no kinks, and for simplices.
pub fn active_set(run: &mut Run<'_>) -> Result<End, SolverError> {
    run.kinks()?;
    if !run.region().simplices().is_empty() {
        let count = run.region().simplices().len();
        let reason = format!("it takes boxes only, and the set has {count} simplices; bundle takes them");
        return Err(SolverError::Refused { reason });
    }
    match run.tau() {
        Some(tau) => entropic::entropic(run, tau),
        None => linear::linear(run),
    }
}
