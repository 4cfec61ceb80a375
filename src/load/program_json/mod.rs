//! Programs as JSON text: this crate's own model format. Docs: docs/formats.md.
//!
//! A program is read back exactly: the same nodes in the same order, every number bit for bit. A file is not believed: sizes
//! and indices are checked before anything uses them, what it may make is bounded by what it stores, and whatever a proof
//! relies on beyond the weights (the ranges of x-path values) is computed, not read.

mod context;
mod number;
mod ops;
pub mod problem;
mod read;
mod schema;
mod write;

pub use number::Number;
pub use read::{parse, read};
pub use write::{write, write_problem};

/// What a file of the format calls itself.
pub const FORMAT: &str = "icnn-program";
/// The version that is written and read.
pub const VERSION: u64 = 1;
