//! The exact minimum of an input convex neural network over its convex inputs, with a proof.

pub mod build;
pub mod error;
pub mod ir;
pub mod load;
pub mod tensor;

pub use error::Error;
