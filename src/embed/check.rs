//! [`Embedding::check`]: whether what the model calls f is what the network says, at the solution.

use good_lp::Solution;

use super::{Bound, BoundKind, EmbedError, Embedding};
use crate::error::Error;

/// What a solution is worth by a forward pass of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The inputs at the solution (p).
    pub y: Vec<f64>,
    /// f(y) by a forward pass.
    pub network: f64,
    /// The model's expression for f at the solution.
    pub model: f64,
    /// |model − network|
    pub gap: f64,
}

impl Embedding {
    /// Compares a solution with the network, within `tolerance` relative to max(1, |f|): the solver's own tolerance,
    /// multiplied by weights, stands in between; 1e-6 suits networks whose values are of the size of 1.
    ///
    /// Where an objective pushes f down, the model's f must be the network's; where f is bounded, the network's value must
    /// satisfy the bound, whatever the model's is.
    ///
    /// Errors: a tolerance that is negative or not finite; a solution without finite values; y outside the domain; f not tight; a bound that f(y) breaks.
    pub fn check(&self, solution: &impl Solution, tolerance: f64) -> Result<Checked, Error> {
        if !tolerance.is_finite() || tolerance < 0.0 {
            return Err(EmbedError::Tolerance(tolerance).into());
        }
        let y: Vec<f64> = self.rows.inputs.iter().map(|input| input.eval_with(solution)).collect();
        // Inputs that are not finite are refused here.
        let network = self.instance.forward(&y)?.value();
        let by = self.domain.violation(&y);
        let within = |difference: f64, size: f64| difference <= tolerance * size.abs().max(1.0);
        if !within(by, 1.0) {
            return Err(EmbedError::Outside { by }.into());
        }
        let model = self.rows.value.eval_with(solution);
        let gap = (model - network).abs();
        if self.tight && !within(gap, network) {
            return Err(EmbedError::NotTight { network, model }.into());
        }
        for Bound { kind, other } in &self.bounds {
            let bound = other.eval_with(solution);
            let (excess, constraint) = match kind {
                BoundKind::AtMost => (network - bound, "f(y) ≤ an expression"),
                BoundKind::AtLeast => (bound - network, "f(y) ≥ an expression"),
                BoundKind::Equal => ((network - bound).abs(), "f(y) = an expression"),
            };
            if !within(excess, network) {
                return Err(EmbedError::Violated { constraint, network, bound }.into());
            }
        }
        Ok(Checked { y, network, model, gap })
    }
}
