//! The exact minimum of an input convex neural network over its convex inputs, with a proof.
//!
//! A model file becomes a [`load::graph::Graph`], that a [`ir::program::Program`] whose convexity can be proven, that at a
//! context x an [`ir::instance::Instance`], that over a [`Domain`] a linear program, and its answer a [`Solution`] whose value
//! and bound are recomputed from the network.
//!
//! | module | what |
//! |---|---|
//! | [`network`] | [`Network`], and the networks of the paper built by hand |
//! | [`load`] | model file → graph, or a whole program |
//! | [`store`] | program → file |
//! | [`tensor`] | operators on concrete tensors |
//! | [`build`] | graph → program |
//! | [`ir`] | the program, its values, intervals and convexity proof |
//! | [`domain`] | the set Y |
//! | [`objective`] | networks, prices and distances as one function |
//! | [`check`], [`refute`] | verdicts and counterexamples |
//! | [`lower`] | program → linear program, and the answer back |
//! | [`certificate`] | lower bounds and rays that trust no solver |
//! | [`solve`] | the whole chain |
//! | [`compare`] | several methods on one problem, and a judge over their answers |
//! | `embed` | a network inside a model of your own (cargo feature `embed`) |
//! | `testing` | networks with known minimisers, and a judge, for the tests of other programs (cargo feature `testing`) |
//! | `explain` | why an optimum is where it is, why there is none, and what would move it |
//!
//! ```
//! use icnn::{Domain, Method, ir::program::Program};
//!
//! // f(y) = |y0 − 2 y1 + 1| + max(y0, 0)
//! let program: Program = "
//!     y 2
//!     n1 = dense n0 [[1, -2]]
//!     n2 = param [1]
//!     n3 = sum n1 n2
//!     n4 = abs n3
//!     n5 = gather n0 [0]
//!     n6 = relu n5
//!     n7 = sum n4 n6
//!     output n7".parse()?;
//! let network = icnn::Network::from(program);
//! # #[cfg(feature = "highs")] {
//! let solution = network.given(&[])?.minimize(&Domain::cube(2, -1.0, 1.0)?, Method::Lp)?;
//! assert_eq!(solution.value, Some(0.0));
//! assert_eq!(solution.lower_bound, Some(0.0));
//! # }
//! # Ok::<(), icnn::Error>(())
//! ```

pub mod build;
pub mod certificate;
pub mod check;
pub mod compare;
pub mod domain;
#[cfg(feature = "embed")]
pub mod embed;
pub mod error;
pub mod exact;
#[cfg(feature = "highs")]
pub mod explain;
pub mod ir;
pub mod load;
mod loose;
pub mod lower;
pub mod network;
pub mod objective;
pub mod refute;
pub mod solve;
pub mod store;
pub mod tensor;
#[cfg(any(feature = "testing", feature = "cli"))]
pub mod testing;

pub use domain::Domain;
pub use error::Error;
pub use network::Network;
pub use solve::{Limits, Method, Solution, Status};

/// The program on the front page is a test.
#[cfg(all(doctest, feature = "highs", feature = "onnx"))]
#[doc = include_str!("../README.md")]
struct Readme;
