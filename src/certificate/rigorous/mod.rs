//! The rigorous tier: bounds in f64 whose rounding errors are bounded.

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
