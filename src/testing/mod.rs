//! A test oracle for programs that minimise convex networks: networks to test with, some of them with a known minimiser, and a
//! judge that says how far from the minimum a point is, with bounds that trust no solver.
//!
//! How one tests a gradient descent of one's own (with the cargo feature `testing`):
//!
//! ```
//! # #[cfg(all(feature = "testing", feature = "highs"))] {
//! use icnn::testing::{Family, Features, Ranges, assert_argmin, known_minimisers};
//! use icnn::{Domain, ir::instance::Instance};
//! use proptest::prelude::*;
//! use proptest::test_runner::RngSeed;
//!
//! /// Projected subgradient steps of length 1/k: what is tested.
//! fn descend(f: &Instance, set: &Domain) -> Vec<f64> {
//!     let mut y = set.clip(&vec![0.0; f.decisions()]);
//!     let mut best = (f64::INFINITY, y.clone());
//!     for k in 1..=2000 {
//!         let trace = f.forward(&y).unwrap();
//!         if trace.value() < best.0 {
//!             best = (trace.value(), y.clone());
//!         }
//!         let g = f.gradient(&trace);
//!         let step = 1.0 / k as f64 / g.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
//!         y = set.clip(&y.iter().zip(&g).map(|(y, g)| y - step * g).collect::<Vec<f64>>());
//!     }
//!     best.1
//! }
//!
//! let networks = known_minimisers(Family::Ficnn, &Ranges { decisions: 1..=2, ..Ranges::default() }, &Features::default());
//! // The same networks in every run.
//! let config = ProptestConfig { cases: 16, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() };
//! proptest!(config, |(known in networks)| {
//!     let (f, set) = (&known.problem.instance, &known.problem.domain);
//!     assert_argmin(f, set, &known.y, 1e-9);       // true by construction
//!     assert_argmin(f, set, &descend(f, set), 0.1); // proven for this method on this network
//! });
//! # }
//! ```
//!
//! | what | where |
//! |---|---|
//! | random networks of each [`Family`] | [`Problem::random`], [`networks`] |
//! | networks with a known minimiser, degenerate, flat or ill-conditioned on request | [`Known::new`], [`known_minimisers`] |
//! | f(y) − min f as an interval, of one point or many | [`suboptimality`], [`Minimum`] |
//! | a panic unless a point is proven to be a minimiser | [`assert_argmin`] |
//!
//! Strategies need the cargo feature `testing`; the rest is what `icnn generate` and `icnn judge` run on as well.

mod exactly;
mod family;
mod front;
mod inside;
mod known;
mod layers;
mod numbers;
mod path;
mod problem;
#[cfg(feature = "testing")]
mod strategies;
mod suboptimality;

pub use family::{FAMILIES, Family, Sizes};
pub use known::{Features, Known};
pub use numbers::Numbers;
pub use problem::Problem;
#[cfg(feature = "testing")]
pub use strategies::{Ranges, known_minimisers, networks};
pub use suboptimality::{Minimum, Verdict, assert_argmin, suboptimality};
