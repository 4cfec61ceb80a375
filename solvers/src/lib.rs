//! Linear programs and the solvers behind `icnn`. Knows nothing of networks.
//!
//! | module                 | what                                                                   | feature    |
//! |------------------------|------------------------------------------------------------------------|------------|
//! | `linear_program`       | [`LinearProgram`]: the problem, and its checks                         |            |
//! | `conic_program`, [`sides`] | [`ConicProgram`], [`Cone`]: the problem with cones; a linear program as one |   |
//! | `text`                 | its `Display`                                                          |            |
//! | [`mps`], [`lp_format`] | the program as a file for other solvers; `file_names`: names in it     |            |
//! | `duality`              | reduced costs, dual bounds, rays and Farkas vectors, by multiplication |            |
//! | `options`, `interrupt` | [`LpOptions`], [`Algorithm`]; [`Interrupt`], which stops a solve        |            |
//! | [`oracle`], [`region`] | convex functions known by value and subgradient, and sets with closed-form projections |  |
//! | [`run`]                | what all methods share that call an oracle: incumbent, bound, limits, trace |           |
//! | [`logistic`], `dense`  | softplus and sigmoid without overflow; dot products and Cholesky factors |          |
//! | [`gradient`]           | gradient methods                                                       |            |
//! | [`bundle_entropy`]     | cutting planes with the entropy kept exactly (paper §5)                |            |
//! | [`kinks`]              | programs of kinks, and the active-set method on them                   |            |
//! | `outcome`              | [`LpOutcome`], [`Status`], [`Basis`]                                   |            |
//! | `prepare`              | checks and scaling that the solvers share                              |            |
//! | `error`                | [`SolverError`]                                                        |            |
//! | [`highs`]              | HiGHS: simplex, interior point, first order; the only `unsafe`         | `highs`    |
//! | `highs::lies`          | HiGHS made to say what is not true, for tests                          | `testing`  |
//! | [`clarabel`]           | Clarabel: interior point, written in Rust; quadratic and conic programs as well | `clarabel` |
//! | [`good_lp`]            | any solver that the good_lp crate knows                                | `good_lp`  |
//!
//! ```
//! # #[cfg(feature = "highs")] {
//! use icnn_solvers::{LinearProgram, LpOptions, Status, highs::Highs};
//!
//! // minimise x + 2y  subject to  x + y ≥ 1,  x, y ≥ 0
//! let mut lp = LinearProgram::new(2);
//! lp.objective = vec![1.0, 2.0];
//! lp.column_lower = vec![0.0, 0.0];
//! lp.add_row(1.0, f64::INFINITY, &[(0, 1.0), (1, 1.0)]);
//!
//! let outcome = Highs::new(&lp)?.solve(&LpOptions::default(), None)?;
//! assert_eq!(outcome.status, Status::Optimal);
//! assert_eq!(outcome.primal, [1.0, 0.0]);
//! assert_eq!(outcome.row_dual, [1.0]);
//! assert_eq!(outcome.column_dual, [0.0, 1.0]); // c − Aᵀ·row_dual
//! assert_eq!(lp.dual_objective(&outcome.row_dual), outcome.objective);
//! # }
//! # Ok::<(), icnn_solvers::SolverError>(())
//! ```
//!
//! Deliberately absent: integer variables, maximisation (negate the costs), modelling sugar, and
//! any belief in a status. [`Status::Optimal`] is a claim; whoever needs a proof recomputes the gap.

pub mod bundle_entropy;
#[cfg(feature = "clarabel")]
pub mod clarabel;
mod conic_program;
pub mod dense;
mod duality;
mod elementwise;
mod error;
mod factor;
mod file_names;
#[cfg(feature = "good_lp")]
pub mod good_lp;
pub mod gradient;
#[cfg(feature = "highs")]
pub mod highs;
mod interrupt;
pub mod kinks;
mod linear_program;
pub mod logistic;
pub mod lp_format;
pub mod mps;
mod options;
pub mod oracle;
mod outcome;
#[cfg(any(feature = "highs", feature = "clarabel"))]
mod prepare;
pub mod region;
mod rough;
pub mod run;
pub mod sides;
mod text;
mod triangular;

pub use conic_program::{Cone, ConicProgram};
pub use error::SolverError;
pub use interrupt::Interrupt;
pub use linear_program::LinearProgram;
pub use options::{Algorithm, LpOptions};
pub use outcome::{Basis, BasisStatus, LpOutcome, Status};
