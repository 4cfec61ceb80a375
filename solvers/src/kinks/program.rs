//! [`Kinks`]: a convex piecewise-linear function that shows its kinks, as a *program of kinks*.
//!
//! Unit i, of m in topological order, has a pre-activation aᵢ(y), affine in y and in the values zₖ = max(aₖ, 0) of earlier
//! units, and f is affine in y and z. Relu, leaky and abs units have this form, and so do units of several pieces (a unit for
//! every kink) and maxima (max(s, t) = t + max(s − t, 0), one after the other). A *share* αᵢ in [0, 1] replaces zᵢ by αᵢaᵢ ≤ zᵢ.
//! f is convex: however the shares are chosen, the affine function that is left lies below f. The *weight* λᵢ ≥ 0 is what zᵢ is multiplied by on
//! its way to f under the shares of the units above it.

use super::room::Room;
use crate::SolverError;

/// Pre-activations as affine functions: slopeᵀy + Σ weightₖzₖ + constant, over the free units k; what weights the other units have is
/// known as well, but is part of the rest. One after the other, in vectors that grow together.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// p entries each.
    pub slopes: Room,
    /// As many entries each as its level says, those of the first units.
    pub weights: Room,
    /// The values at y = 0 and z = 0.
    pub constants: Room,
    /// All units with a weight come before this one.
    pub levels: Vec<usize>,
}

impl Rows {
    /// Slope, weights and constant of each, in dimension p.
    pub fn iter(&self, p: usize) -> impl Iterator<Item = (&[f64], &[f64], f64)> {
        let mut rest = self.weights.as_slice();
        self.levels.iter().zip(&self.constants).enumerate().map(move |(k, (level, constant))| {
            let (weights, after) = rest.split_at(*level);
            rest = after;
            (&self.slopes[k * p..(k + 1) * p], weights, *constant)
        })
    }
}

/// A convex piecewise-linear function f: Rᵖ → R as a program of kinks.
pub trait Kinks {
    /// m
    fn units(&self) -> usize;

    /// What unit i is called in all functions of the same form, as a network's units are at all contexts, wherever there are more or
    /// fewer units before it. Names increase with i.
    fn name(&self, i: usize) -> u64 {
        i as u64
    }

    /// f(y); `pre` (m) becomes the pre-activations. One forward pass.
    ///
    /// Errors: f has no finite value there.
    fn forward(&mut self, y: &[f64], pre: &mut [f64]) -> Result<f64, SolverError>;

    /// The constant c of the minorant f(y) ≥ rᵀy + c that belongs to `shares` (m, each in [0, 1]); `slope` (p) becomes r and
    /// `weights` (m) λ. One backward pass.
    fn backward(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64;

    /// The same to single precision, for searches: there is no constant, and so no minorant. A part of a backward pass at most, where the
    /// function has one.
    fn slope(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        self.backward(shares, slope, weights);
    }

    /// From the pre-activations `pre` (m) that there are at a point where all units have their `frozen` shares (0 or 1) those that the function has
    /// at the point a `step` (p) further; returns by how much f is larger there. To single precision, for searches. `None`, and nothing
    /// done, where that is no cheaper than a forward pass.
    fn bent(&mut self, _frozen: &[f64], _step: &[f64], _pre: &mut [f64]) -> Option<f64> {
        None
    }

    /// The rates at which pre-activations change along n directions (n×p) where the units have `shares`: `rates` (n×m), to single
    /// precision. One forward pass for each direction.
    fn tangents(&mut self, shares: &[f64], directions: &[f64], rates: &mut [f32]);

    /// Appends to `rows` the pre-activations of `wanted` (increasing) as affine functions of y, of the values of the `free` units (increasing),
    /// and of units below them through their `shares`. A part of a backward pass each.
    fn rows(&mut self, shares: &[f64], free: &[usize], wanted: &[usize], rows: &mut Rows);

    /// Multiplications with weights so far, by which parts of passes are counted.
    fn multiplications(&self) -> u64;
}
