//! The exact minimum of an input convex neural network over its convex inputs, with a proof.

pub mod build;
pub mod error;
pub mod ir;
pub mod load;
pub mod tensor;

pub use error::Error;
pub mod certificate;
pub mod check;
pub mod domain;
pub mod lower;
pub mod refute;

pub use domain::Domain;
pub mod network;
pub mod solve;

pub use network::Network;
pub use solve::{Limits, Method, Solution, Status};
