//! The rigorous tier: values and bounds in f64 whose rounding errors are bounded.
//!
//! [`value`] encloses f at a point, [`lower_bound`] is below the minimum, whatever multipliers it is given. Both are one pass
//! over the network in which every number has a radius: midpoint m and radius r go through a linear map as W·m and
//! |W|·(r + γ|m|), in one sweep over the weights. A slope in f64 *defines* an affine minorant in exact arithmetic, so
//! multipliers are feasible whatever was rounded on the way, and only the minorant's coefficients need radii.
//!
//! What has no rule gives no bound: −∞, and the caller keeps the bound of [`Minorant`](super::Minorant), whose rounding is
//! not bounded. That are units without an enclosure (sigmoid, tanh and their like where they are convex), networks proven
//! convex by Hessian bounds only, and coordinates without bounds, where a slope would have to vanish exactly.

mod average;
mod balls;
mod compensated;
mod entropy;
mod functions;
mod laid_out;
mod least;
mod linear;
mod minorant;
mod support;
mod value;

pub use average::averaged;
pub use entropy::{Entropic, entropic_lower_bound, entropic_value};
pub(crate) use laid_out::{Worth, worth, worth_of};
pub use least::lower_bound;
pub use value::value;

use super::multipliers::Multipliers;

/// Multipliers behind a lower bound, in f64. Slopes are what counts: the multiplier of a unit is its slope times the weight
/// with which it enters f, taken as real numbers, so it is feasible whatever was rounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Dual {
    /// Slopes of the units of f.
    pub f: Multipliers,
    /// For each learned constraint h ≤ c: μ ≥ 0 and the slopes of the units of h; `None` where μ is 0.
    pub levels: Vec<(f64, Option<Multipliers>)>,
    /// ν, one per row of the domain: ≥ 0 acts on the lower side, ≤ 0 on the upper side.
    pub rows: Vec<f64>,
}
