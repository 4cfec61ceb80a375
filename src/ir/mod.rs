//! The intermediate representation: a [`program::Program`] is a function of the decision y, in pieces whose convexity can be proven.
//!
//! | file | what |
//! |---|---|
//! | `program` | nodes, parameters, the flat list |
//! | `builder`, `operations`, `finish` | making a program node by node |
//! | `linear`, `unit`, `scalar`, `lines` | what nodes are made of |
//! | `context` | the x-path |
//! | `instance` | a program at one x |
//! | `entries` | numbers stored once |
//! | `derived` | what a later stage makes of a program once |
//! | `fold` | constants where the box fixes coordinates |
//! | `forward`, `adjoint` | value and gradient |
//! | `magnitude` | the size of what is added up |
//! | `interval`, `bounds` | enclosures over the box |
//! | `elementary`, `enclose` | enclosures of exp, log and of units made from them |
//! | `curvature`, `convexity`, `explain`, `psd`, `second_order` | the proof |
//! | `text`, `parse` | the printed form |
//! | `sizes` | whether an operation from a file fits |

pub mod adjoint;
pub mod bounds;
pub mod builder;
pub mod context;
pub mod convexity;
pub mod curvature;
mod derived;
pub mod elementary;
pub(crate) mod enclose;
pub mod entries;
mod explain;
pub(crate) mod finish;
pub mod fold;
pub mod forward;
pub mod hessian;
pub mod instance;
pub mod interval;
pub mod linear;
pub mod lines;
pub mod magnitude;
mod operations;
pub mod parse;
pub mod program;
pub mod psd;
pub mod scalar;
pub mod second_order;
pub(crate) mod sizes;
pub mod text;
pub mod unit;
