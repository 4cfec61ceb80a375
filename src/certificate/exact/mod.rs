//! The exact tier: an optimum as rational numbers, and what proves it.
//!
//! A [`Proof`] is a point y ∈ Y and multipliers λ, all rational. f(y), and the lower bound that λ makes, are computed
//! without rounding from the weights of the instance; where they are equal, both are the minimum. Whoever found the numbers
//! need not be trusted.

use dashu_int::IBig;
use dashu_int::UBig;
use dashu_ratio::RBig;

/// Rational numbers over one positive denominator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rationals {
    /// Numerators.
    pub numerators: Vec<IBig>,
    /// The denominator, above 0.
    pub denominator: UBig,
}

/// How one unit, or one maximum, takes part in the minorant. Its *weight* is the multiplier with which it enters f: the
/// adjoint that the backward pass brings to it (`cap` in the literature on duals).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// A unit: the line of this piece (index into [`Lines::pieces`](crate::ir::lines::Lines::pieces)). A maximum: the member
    /// at this place of its group. The pre-activation gets slope × weight.
    Piece(u32),
    /// A unit at the breakpoint between the pieces `left` and `left + 1`: the pre-activation gets `multiplier`, which lies
    /// between the weight times the one slope and times the other.
    Break {
        /// The piece on the left.
        left: u32,
        /// Numerator over [`Dual::denominator`].
        multiplier: IBig,
    },
    /// A maximum with several largest members: (place in the group, numerator over [`Dual::denominator`]), none negative,
    /// together the weight.
    Shares(Vec<(u32, IBig)>),
}

/// Multipliers behind an exact lower bound, all over one denominator.
///
/// With μ ≥ 0 for each learned constraint h ≤ c and ν for each row, f(y) ≥ f(y) + Σ μ·(h(y) − c) on Y; f and each μ·h are
/// replaced by affine minorants, ν takes its share of their gradient, and what is left is bounded over the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dual {
    /// Above 0.
    pub denominator: UBig,
    /// For f, then for each learned constraint: for every node of its program one entry per element of a unit, one per
    /// group of a maximum, none otherwise. The output of a learned constraint has weight μ.
    pub functions: Vec<Vec<Vec<Support>>>,
    /// μ, numerators, one per learned constraint.
    pub levels: Vec<IBig>,
    /// ν, numerators, one per row of the domain: ≥ 0 acts on the lower side, ≤ 0 on the upper side.
    pub rows: Vec<IBig>,
}

/// An optimum with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The minimiser.
    pub y: Rationals,
    /// What proves that no point is better.
    pub dual: Dual,
    /// f(y), the minimum.
    pub value: RBig,
}
