//! Operators against values computed by hand, and against hostile shapes and attributes.

mod convolution;
mod elementwise;
mod hostile;
mod linear;
mod reduce;
mod shape;

use std::collections::BTreeMap;

use ndarray::{ArrayD, IxDyn};

use super::{OpError, Tensor, evaluate};
use crate::load::graph::{Attribute, Node};

/// How many numbers a result may have in these tests.
const LIMIT: usize = 10_000;

/// A node with `outputs` outputs.
fn node(op: &str, attributes: &[(&str, Attribute)], outputs: usize) -> Node {
    Node {
        name: op.into(),
        op: op.into(),
        inputs: Vec::new(),
        outputs: (0..outputs).map(|i| format!("out{i}")).collect(),
        attributes: attributes.iter().map(|(n, a)| (n.to_string(), a.clone())).collect::<BTreeMap<_, _>>(),
    }
}

/// All outputs of a node.
fn many(
    op: &str,
    attributes: &[(&str, Attribute)],
    inputs: &[&Tensor],
    opset: i64,
    outputs: usize,
) -> Result<Vec<Tensor>, OpError> {
    let inputs: Vec<Option<&Tensor>> = inputs.iter().map(|t| Some(*t)).collect();
    evaluate(&node(op, attributes, outputs), &inputs, opset, LIMIT)
}

/// The first output of a node that has one.
fn one(op: &str, attributes: &[(&str, Attribute)], inputs: &[&Tensor], opset: i64) -> Tensor {
    many(op, attributes, inputs, opset, 1).unwrap_or_else(|e| panic!("{op}: {e}")).swap_remove(0)
}

/// A float tensor.
fn f(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::Float(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
}

/// An integer tensor.
fn i(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::Int(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
}

/// A boolean tensor.
fn b(shape: &[usize], values: &[bool]) -> Tensor {
    Tensor::Bool(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
}

/// The numbers 0, 1, 2, … in a shape.
fn iota(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    f(shape, &(0..count).map(|v| v as f64).collect::<Vec<_>>())
}

/// An attribute that is an integer.
fn int(v: i64) -> Attribute {
    Attribute::Int(v)
}

/// An attribute that is a list.
fn ints(v: &[i64]) -> Attribute {
    Attribute::Ints(v.to_vec())
}

/// An attribute that is text.
fn text(v: &str) -> Attribute {
    Attribute::String(v.into())
}

/// Asserts equal shapes, and values equal to 1e-12.
fn close(found: Tensor, expected: Tensor) {
    assert_eq!(found.shape(), expected.shape());
    let near = |a: &f64, b: &f64| a == b || (a - b).abs() <= 1e-12 * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
    match (&found, &expected) {
        (Tensor::Float(a), Tensor::Float(b)) if a.iter().zip(b).all(|(a, b)| near(a, b)) => {}
        _ => assert_eq!(found, expected),
    }
}
