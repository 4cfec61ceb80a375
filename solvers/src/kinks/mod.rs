//! Methods that see kinks.
mod program;
mod reduced;

pub use program::Kinks;
pub use reduced::{Reduced, ReducedOracle};
