//! [`Graph`]: a network as its exporter wrote it, free of the file format: typed tensors, named nodes in an order
//! in which every node follows its inputs.

use std::collections::BTreeMap;

use crate::tensor::Tensor;

/// One dimension of a declared shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// A fixed extent.
    Known(usize),
    /// A symbol such as `batch`, or nothing at all (the empty string).
    Symbol(String),
}

/// A graph input or output: its name and declared type.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueInfo {
    /// The name nodes refer to.
    pub name: String,
    /// The declared dimensions; `None` when the file declares no shape.
    pub dims: Option<Vec<Dim>>,
}

/// An attribute of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// `INT`
    Int(i64),
    /// `FLOAT`, widened exactly.
    Float(f64),
    /// `STRING`
    String(String),
    /// `TENSOR`
    Tensor(Tensor),
    /// `INTS`
    Ints(Vec<i64>),
    /// `FLOATS`, widened exactly.
    Floats(Vec<f64>),
    /// `STRINGS`
    Strings(Vec<String>),
}

/// One operation of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The exporter's name, or `"{op}_{index}"` where it gave none; used in messages only.
    pub name: String,
    /// The operator, for example `Gemm`.
    pub op: String,
    /// Input names; `None` for an optional input left out.
    pub inputs: Vec<Option<String>>,
    /// Output names; empty string for an output nobody reads.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl Node {
    /// The integer attribute `name`, or `default` where the node has none.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Int(v)) => *v,
            _ => default,
        }
    }

    /// The float attribute `name`, or `default` where the node has none.
    pub fn float(&self, name: &str, default: f64) -> f64 {
        match self.attributes.get(name) {
            Some(Attribute::Float(v)) => *v,
            _ => default,
        }
    }

    /// The integer-list attribute `name`.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(v)) => Some(v),
            _ => None,
        }
    }

    /// The string attribute `name`.
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name) {
            Some(Attribute::String(v)) => Some(v),
            _ => None,
        }
    }
}

/// A whole network file.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The version of the default operator set.
    pub opset: i64,
    /// Inputs that a caller must give (initializers listed as inputs are not among them).
    pub inputs: Vec<ValueInfo>,
    /// Declared outputs, in order.
    pub outputs: Vec<ValueInfo>,
    /// Weights by name. f32, f16 and bf16 entered f64 exactly.
    pub initializers: BTreeMap<String, Tensor>,
    /// Operations, each after everything it reads.
    pub nodes: Vec<Node>,
    /// How many numbers the file stores (all initializers and constants): the yardstick for what operations may make.
    pub stored_elements: usize,
}
