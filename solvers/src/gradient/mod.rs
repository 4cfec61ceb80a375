//! Gradient methods (paper eq. 5 and its relatives), each a function from a [`Run`] to its [`End`].

mod subgradient;

pub use subgradient::subgradient;
