//! [`Problem`]: where a folded program comes from, and the set that belongs to it: the part of a file that makes it the whole
//! statement of one minimisation.

use serde::{Deserialize, Deserializer, Serialize};

use super::number::Number;

/// What a program was folded from, and over which set it is to be minimised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The model.
    pub model: Model,
    /// Which row of the run, from 0.
    pub row: u64,
    /// The context row, as it was given.
    pub context: Vec<Number>,
    /// The coordinates that the box fixes, with their values: what depends on them alone was folded as well.
    pub fixed: Vec<(usize, Number)>,
    /// What the program is.
    pub function: Function,
    /// The set.
    pub set: Set,
}

/// The model file, and which function of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// File name, without folders.
    pub name: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// The decision input that was chosen by name.
    #[serde(deserialize_with = "present")]
    pub y: Option<String>,
    /// The output component that was chosen.
    #[serde(deserialize_with = "present")]
    pub output: Option<String>,
    /// Whether the program is −f: a maximum was asked for.
    pub negated: bool,
}

/// What was minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// The network alone.
    Network,
    /// The network and further terms; the program is their sum.
    Sum,
}

/// Box, rows, learned constraints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Lower ends of the box.
    pub lower: Vec<Number>,
    /// Upper ends of the box.
    pub upper: Vec<Number>,
    /// lower ≤ Σ cⱼyⱼ ≤ upper
    pub rows: Vec<Row>,
    /// h(y) ≤ at_most
    pub levels: Vec<Level>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// (j, cⱼ)
    pub coefficients: Vec<(usize, Number)>,
    /// Lower end.
    pub lower: Number,
    /// Upper end.
    pub upper: Number,
}

/// A learned constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its name.
    pub name: String,
    /// SHA-256 of the JSON text of its network, folded, hexadecimal.
    pub network: String,
    /// The level.
    pub at_most: Number,
}

/// A field that may be null but has to be there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}
