//! The shape of a certificate file, as serde reads and writes it; docs/certificates.md describes it for readers.

use serde::{Deserialize, Serialize};

use super::hex::Hex;
use crate::load::program_json::Number;
use crate::load::program_json::problem::Problem;

/// What every file of the format begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub format: Option<String>,
    pub version: Option<u64>,
}

/// A whole file: one entry for each row of a run that has a proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The name of the format.
    pub format: String,
    /// Its version.
    pub version: u64,
    /// The proofs.
    pub rows: Vec<Row>,
}

/// One minimisation and its proof; it can be checked without the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was minimised, where it comes from, and over which set.
    pub problem: Problem,
    /// SHA-256 of the folded program as `icnn convert` writes it with this problem, hexadecimal.
    pub network: String,
    /// The proof.
    pub proof: Proof,
}

/// A proof, by tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Proof {
    /// f(y) is the minimum, as a rational number.
    Exact(Exact),
    /// f(y) ≤ value, and f ≥ lower_bound on the set, all numbers being f64.
    Rigorous(Rigorous),
}

/// Rational numbers over one denominator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// p integers.
    pub numerators: Vec<Hex>,
    /// Above 0.
    pub denominator: Hex,
}

/// How one element takes part in the bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Support {
    /// This piece of a unit, this member of a maximum.
    Piece(u32),
    /// Between this piece and the next, with this multiplier.
    Break(u32, Hex),
    /// Shares of members of a maximum.
    Shares(Vec<(u32, Hex)>),
}

/// Multipliers over one denominator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multipliers {
    /// Above 0.
    pub denominator: Hex,
    /// For f, then for each learned constraint, for every node: one entry an element.
    pub functions: Vec<Vec<Vec<Support>>>,
    /// One per learned constraint.
    pub levels: Vec<Hex>,
    /// One per row.
    pub rows: Vec<Hex>,
}

/// The rational optimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// The minimiser.
    pub y: Point,
    /// What proves that no point is better.
    pub multipliers: Multipliers,
    /// f(y): numerator and denominator, in lowest terms.
    pub value: (Hex, Hex),
    /// The bound of the multipliers, the same number.
    pub lower_bound: (Hex, Hex),
}

/// Bounds in f64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rigorous {
    /// A point.
    pub y: Vec<Number>,
    /// What proves the lower bound.
    pub multipliers: Slopes,
    /// y violates no side of the set by more; 0 where it lies in it.
    pub violation: Number,
    /// f(y) is not above.
    pub value: Number,
    /// f is not below anywhere on the set.
    pub lower_bound: Number,
}

/// How one element takes part in a bound in f64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Slope {
    /// The slope of a unit.
    Of(Number),
    /// The weights of the members of a maximum.
    Weights(Vec<Number>),
}

/// Multipliers in f64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slopes {
    /// For f, then for each learned constraint with a multiplier above 0, for every node one entry an element.
    pub functions: Vec<Option<Vec<Vec<Slope>>>>,
    /// One per learned constraint.
    pub levels: Vec<Number>,
    /// One per row.
    pub rows: Vec<Number>,
}
