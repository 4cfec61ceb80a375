//! [`Oracle`]: a convex function that is known by its values and subgradients only, and [`Cut`], what one call tells.

use crate::SolverError;
use crate::kinks::Kinks;

/// A convex function f: Rⁿ → R.
pub trait Oracle {
    /// n
    fn dimension(&self) -> usize;

    /// f(y); `gradient` (length n) becomes a subgradient at y. The same y gives the same answer, to the last bit.
    ///
    /// Errors: f has no finite value or subgradient there.
    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError>;

    /// f(y) alone. Errors as for [`value_and_gradient`](Self::value_and_gradient).
    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError>;

    /// Whether f is differentiable everywhere.
    fn is_smooth(&self) -> bool {
        false
    }

    /// f as a program of kinks. Errors: why it is none.
    fn kinks(&mut self) -> Result<&mut dyn Kinks, String> {
        Err("it is known by values and subgradients only".into())
    }
}

/// The affine minorant of f that one call of an oracle gives: f(·) ≥ `value` + `gradient`ᵀ(· − `point`).
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Where f was evaluated.
    pub point: Vec<f64>,
    /// f there.
    pub value: f64,
    /// A subgradient there.
    pub gradient: Vec<f64>,
}

impl Cut {
    /// h = f(yᵢ) − gᵢᵀyᵢ, the value of the cut at 0 (paper, below eq. 8).
    pub fn constant(&self) -> f64 {
        self.value - crate::dense::dot(&self.gradient, &self.point)
    }
}

/// aᵀb
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
