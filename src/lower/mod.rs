//! Lowerings: an [`Instance`](crate::ir::instance::Instance) over a domain as a problem for a solver. Each lowering returns
//! what reads the solver's answer back, for the primal and for the dual.

pub mod affine;
mod builder;
pub mod conic;
mod epigraph;
pub mod linear;
pub mod names;
pub mod needed;
pub mod oracle;
pub(crate) mod quadratic;
pub mod recover;
pub mod region;

pub use conic::{Conic, conic};
pub use linear::{Linear, linear};
