//! Gradient methods (paper eq. 5 and its relatives), each a function from a [`Run`](crate::run::Run) to its
//! [`End`](crate::run::End).
//!
//! | method          | step                                                                | for                          |
//! |-----------------|---------------------------------------------------------------------|------------------------------|
//! | [`subgradient`] | projected subgradients, steps like 1/√k                             | any f; a few digits          |
//! | [`polyak`]      | Polyak steps to a level between bound and best value                | any f; a few digits          |
//! | [`momentum`]    | heavy ball, the rate adapted                                        | any f; a few digits          |
//! | [`paper_gd`]    | the 30 iterations of the paper                                      | comparison with the paper    |
//! | [`spectral`]    | Barzilai–Borwein steps, line search that is not monotone            | box and simplices            |
//! | [`accelerated`] | accelerated projected gradients with restarts                       | smooth f only                |
//! | [`lbfgs`]       | projected limited-memory BFGS                                       | boxes                        |
//!
//! All of them keep the cuts they meet and offer the best convex combination of them (`bound`, `interior`), after 12 passes and
//! then each time the passes have grown by a third. Steps are measured in units of the sides of the region. Without a
//! limit on passes they end by themselves after 10 000. They are deterministic. Where f is not finite at a trial point the
//! step is shortened; at the start it is an error.

mod accelerated;
mod bound;
mod descend;
mod interior;
mod lbfgs;
mod momentum;
mod paper;
mod polyak;
mod search;
mod spectral;
mod subgradient;

pub use accelerated::accelerated;
pub use lbfgs::lbfgs;
pub use momentum::momentum;
pub use paper::paper_gd;
pub use polyak::polyak;
pub use spectral::spectral;
pub use subgradient::subgradient;
