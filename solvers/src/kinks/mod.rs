//! The active-set method for convex piecewise-linear functions that show their kinks, on boxes: min f, and min f − τH.
//!
//! Most units stand far from their kink at the minimum. Frozen where they are, they leave a function of few units that is below f
//! everywhere, whose minimum costs no passes over the whole network; one forward and one backward pass of it then give a value
//! and a bound, and tell which units were frozen wrongly.
//!
//! | module       | what                                                                                  |
//! |--------------|---------------------------------------------------------------------------------------|
//! | `program`    | [`Kinks`]: what a function has to tell                                                |
//! | `reduced`    | [`Reduced`]: the few units that are left, as dense matrices, and passes over them     |
//! | `free_rows`  | what it is made of: the pre-activations of free units as affine functions             |
//! | `nearest`    | how far kinks are from a point, roughly                                               |
//! | `rounds`     | which units are free; their program; what its answer is worth                         |
//! | `linear`     | min f: descend, then rounds                                                           |
//! | `descent`    | projected L-BFGS, the start                                                           |
//! | `smoothed`   | Newton's method for f from some way off, which ends it where coordinates are few      |
//! | `entropic`   | min f − τH: the bundle entropy method as the start, then Newton steps in rounds       |
//! | `polish`     | Newton's method for f − τH on the kinks that are held                                 |
//! | `active_set` | min f + κ/2·‖y‖² of a reduced program by holding kinks and ends                       |
//! | `layout`     | the passes of a reduced program that its steps are made of                            |
//! | `shares`     | what part of their value units pass on, and the list of those that pass on anything    |
//! | `sweep`      | its exact line search through kinks                                                   |
//! | `room`       | memory for all of these that is used again                                            |
//! | `interior`   | an interior-point method for reduced programs in which many kinks hold                |
//! | `qr`         | the gradients of what is held, orthogonalised                                         |
//!
//! Passes over the whole network are counted as such. Tangents and rows of free units are parts of passes: their multiplications with weights
//! divided by those of one forward and one backward pass. What is done with the reduced program is no pass.

mod active_set;
mod descent;
mod entropic;
mod free_rows;
mod interior;
mod layout;
mod linear;
mod nearest;
mod polish;
mod program;
mod qr;
mod reduced;
mod room;
mod rounds;
mod shares;
mod smoothed;
mod sweep;

pub use nearest::{DIRECTIONS, distances};
pub use program::{Kinks, Rows};
pub use reduced::Reduced;
pub use room::Room;

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
    let end = match run.tau() {
        Some(tau) => entropic::entropic(run, tau),
        None => linear::linear(run, linear::MANY),
    };
    run.leave_best();
    end
}

/// Minimises f over a box by the interior-point method on the units near their kink, however few coordinates move. Where it fails,
/// what it does not take and the answer are those of [`active_set`].
///
/// Errors: those of the oracle; [`SolverError::Refused`] for a function that shows no kinks, for simplices and for f − τH.
pub fn interior_point(run: &mut Run<'_>) -> Result<End, SolverError> {
    run.kinks()?;
    if run.tau().is_some() || !run.region().simplices().is_empty() {
        let reason = "the interior-point method minimises f alone, over a box".into();
        return Err(SolverError::Refused { reason });
    }
    let end = linear::linear(run, 0);
    run.leave_best();
    end
}
