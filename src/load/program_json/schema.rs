//! The JSON form of a program, as serde sees it: docs/formats.md describes it for readers. Indices point to earlier nodes,
//! parameters or steps. Ranges of parameters and the size limit of the x-path are no part of it: they are computed when a
//! file is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number::Number;

/// What every file of the format begins with.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The name of the format.
    pub format: Option<String>,
    /// Its version.
    pub version: Option<u64>,
}

/// A whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub format: String,
    pub version: u64,
    /// Of a folded program: what it was folded from. For readers of the file; the program does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<super::problem::Problem>,
    pub decision: Input,
    pub context: Context,
    pub params: Vec<Param>,
    pub nodes: Vec<Node>,
}

/// An input: name and extents for one row, batch axis included.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub name: String,
    pub shape: Vec<usize>,
}

/// The x-path.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    pub opset: i64,
    pub inputs: Vec<Input>,
    pub steps: Vec<Step>,
}

/// One operation of the x-path.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub op: String,
    pub name: String,
    pub arguments: Vec<Option<Argument>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// The names the file it came from has for what the step reads and makes; for listings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makes: Vec<String>,
}

/// What a step reads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Argument {
    Constant(Tensor),
    Input(usize),
    Step(usize, usize),
}

/// A value of the x-path: an input, or output k of a step.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Value {
    Input(usize),
    Step(usize, usize),
}

/// A tensor, row-major.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Tensor {
    Float { shape: Vec<usize>, values: Vec<Number> },
    Int { shape: Vec<usize>, values: Vec<i64> },
    Bool { shape: Vec<usize>, values: Vec<bool> },
}

/// An attribute of a step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Attribute {
    Int(i64),
    Float(Number),
    String(String),
    Tensor(Tensor),
    Ints(Vec<i64>),
    Floats(Vec<Number>),
    Strings(Vec<String>),
}

/// A parameter: stored values, or the entries of an x-path value.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Number>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
}

/// One node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    pub op: Op,
    pub shape: Vec<usize>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What a node computes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Op {
    Y,
    Param(u32),
    Dense { input: u32, weight: u32, rows: usize, columns: usize, repeat: usize, transposed: bool },
    Sparse { input: u32, matrix: Matrix },
    Conv { input: u32, weight: u32, geometry: Geometry },
    Gather { input: u32, index: Vec<usize> },
    Scale { input: u32, by: u32 },
    Sum(Vec<u32>),
    Concat(Vec<u32>),
    Unit { input: u32, function: Unit },
    Max { input: u32, groups: Vec<Vec<usize>> },
    LogSumExp { input: u32, groups: Vec<Vec<usize>> },
    Norm { input: u32, groups: Vec<Vec<usize>> },
    Quadratic { input: u32, matrix: Matrix },
    Product(u32, u32),
    Quotient(u32, u32),
    Select { test: u32, strict: bool, then: u32, otherwise: u32 },
}

/// A sparse matrix, compressed by rows: row r has `columns[starts[r]..starts[r + 1]]`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Rows and columns.
    pub size: (usize, usize),
    pub starts: Vec<usize>,
    pub columns: Vec<usize>,
    pub values: Vec<Number>,
}

/// The geometry of a convolution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Geometry {
    pub input_channels: usize,
    pub output_channels: usize,
    pub groups: usize,
    pub input: Vec<usize>,
    pub output: Vec<usize>,
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Vec<usize>,
}

/// An elementwise function.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Unit {
    Relu,
    Leaky(u32),
    Abs,
    Clip {
        lower: Number,
        upper: Number,
    },
    Lines {
        breaks: Vec<Number>,
        /// Slope and intercept of each piece.
        pieces: Vec<(Number, Number)>,
    },
    Combination(Vec<Term>),
    Softplus {
        beta: Number,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        switch: Option<Number>,
    },
    Elu(Number),
    Celu(Number),
    Power(Number),
    Exp,
    Log,
    Entropy,
    Sigmoid,
    Tanh,
    Erf,
    Sin,
    Cos,
    Atan,
    Softsign,
    Floor,
    Ceil,
    Round,
    Sign,
}

/// weight · function(inner · t)
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    pub weight: u32,
    pub inner: Number,
    pub function: Unit,
}
