//! Arithmetic, comparisons and elementwise functions of values that depend on y.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::rearrange::{broadcast_shape, known};
use super::recognise;
use crate::ir::program::NodeId;
use crate::ir::unit::Unit;
use crate::load::graph::Node;
use crate::tensor::Tensor;

type Operand<'a> = &'a Value;

pub(super) fn arithmetic(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let operands: Vec<Operand> = a.iter().flatten().collect();
    let shapes: Vec<&[usize]> = operands.iter().map(|v| v.shape()).collect();
    let shape = broadcast_shape(&shapes, l.limit)?;
    let result = match (node.op.as_str(), operands.as_slice()) {
        ("Neg", [t]) => {
            let t = l.node_of(t, &shape)?;
            l.builder.scale_by(t, -1.0)
        }
        ("Add" | "Sum", all) => {
            let terms = nodes(l, all, &shape)?;
            recognise::sum(l, &terms)
        }
        ("Mean", all) => {
            let terms = nodes(l, all, &shape)?;
            let sum = l.builder.sum(&terms)?;
            l.builder.scale_by(sum, 1.0 / all.len() as f64)
        }
        ("Sub", [p, q]) => {
            let terms = difference(l, p, q, &shape)?;
            recognise::sum(l, &terms)
        }
        ("Mul", [p, q]) => multiply(l, p, q, &shape),
        ("Div", [p, q]) => divide(l, p, q, &shape),
        ("Max", all) => extreme(l, all, &shape, 1.0),
        ("Min", all) => extreme(l, all, &shape, -1.0),
        ("Pow", [t, p]) => power(l, t, p, &shape),
        (op, all) => Err(format!("{op} with {} inputs", all.len())),
    }?;
    Ok(Value::Decision { node: result, shape })
}

fn nodes(l: &mut Lowering, operands: &[Operand], shape: &[usize]) -> Lowered<Vec<NodeId>> {
    operands.iter().map(|v| l.node_of(v, shape)).collect()
}

/// The terms of p − q.
fn difference(l: &mut Lowering, p: Operand, q: Operand, shape: &[usize]) -> Lowered<Vec<NodeId>> {
    let p = l.node_of(p, shape)?;
    let q = match q.known() {
        Some(values) => {
            let negated = known(values.iter().map(|v| -v).collect(), q.shape())?;
            l.node_of(&negated, shape)?
        }
        None => {
            let q = l.node_of(q, shape)?;
            l.builder.scale_by(q, -1.0)?
        }
    };
    Ok(vec![p, q])
}

fn multiply(l: &mut Lowering, p: Operand, q: Operand, shape: &[usize]) -> Lowered<NodeId> {
    match (p.is_decision(), q.is_decision()) {
        (true, true) => {
            let (p, q) = (l.node_of(p, shape)?, l.node_of(q, shape)?);
            l.builder.product(p, q)
        }
        (true, false) => scaled(l, p, q, shape),
        _ => scaled(l, q, p, shape),
    }
}

/// t times a factor that does not depend on y.
fn scaled(l: &mut Lowering, t: Operand, factor: Operand, shape: &[usize]) -> Lowered<NodeId> {
    let t = l.node_of(t, shape)?;
    let by = match factor.uniform() {
        Some(c) => l.builder.constant("", vec![c]),
        None if factor.shape().iter().product::<usize>() == 1 => l.param(factor)?,
        None => l.broadcast_param(factor, shape)?,
    };
    l.builder.scale(t, by)
}

fn divide(l: &mut Lowering, p: Operand, q: Operand, shape: &[usize]) -> Lowered<NodeId> {
    match (p.is_decision(), q.is_decision()) {
        (true, false) => {
            let reciprocal = match q {
                Value::Known(_) => {
                    let values = q.known().unwrap_or_default();
                    if let Some(i) = values.iter().position(|v| *v == 0.0) {
                        return Err(format!("entry {i} of the divisor is 0"));
                    }
                    known(values.iter().map(|v| 1.0 / v).collect(), q.shape())?
                }
                context => l.context_op("Reciprocal", &[Some(context.clone())])?,
            };
            scaled(l, p, &reciprocal, shape)
        }
        (false, true) => {
            let t = l.node_of(q, shape)?;
            let inverse = l.builder.unit(t, Unit::Power(-1.0))?;
            scaled(l, &Value::Decision { node: inverse, shape: shape.to_vec() }, p, shape)
        }
        _ => {
            let (p, q) = (l.node_of(p, shape)?, l.node_of(q, shape)?);
            l.builder.quotient(p, q)
        }
    }
}

/// The maximum (sign = 1) or minimum (sign = −1) of several operands.
pub(super) fn extreme(l: &mut Lowering, operands: &[Operand], shape: &[usize], sign: f64) -> Lowered<NodeId> {
    if let [p, q] = operands {
        for (t, c) in [(p, q), (q, p)] {
            if let Some(c) = c.uniform() {
                let t = l.node_of(t, shape)?;
                return clip(l, t, if sign > 0.0 { (c, f64::INFINITY) } else { (f64::NEG_INFINITY, c) });
            }
        }
    }
    let mut terms = nodes(l, operands, shape)?;
    terms.dedup();
    if sign < 0.0 {
        for t in &mut terms {
            *t = l.builder.scale_by(*t, -1.0)?;
        }
    }
    let largest = l.builder.max(&terms)?;
    if sign < 0.0 { l.builder.scale_by(largest, -1.0) } else { Ok(largest) }
}

/// min(max(t, lower), upper), in its simplest form.
pub(super) fn clip(l: &mut Lowering, t: NodeId, (lower, upper): (f64, f64)) -> Lowered<NodeId> {
    if lower.is_nan() || upper.is_nan() || lower > upper {
        return Err(format!("clip to [{lower}, {upper}]"));
    }
    // Exporters write "no bound" as the largest finite number of the type.
    let largest = f64::from(f32::MAX);
    let lower = if lower <= -largest { f64::NEG_INFINITY } else { lower };
    let upper = if upper >= largest { f64::INFINITY } else { upper };
    match (lower, upper) {
        (f64::NEG_INFINITY, f64::INFINITY) => Ok(t),
        (0.0, f64::INFINITY) => l.builder.unit(t, Unit::Relu),
        _ if lower == f64::INFINITY || upper == f64::NEG_INFINITY => Err(format!("clip to [{lower}, {upper}]")),
        _ => l.builder.unit(t, Unit::Clip { lower, upper }),
    }
}

fn power(l: &mut Lowering, base: Operand, exponent: Operand, shape: &[usize]) -> Lowered<NodeId> {
    match (exponent.uniform(), base.uniform()) {
        (Some(p), _) => {
            let t = l.node_of(base, shape)?;
            match p {
                1.0 => Ok(t),
                _ if p.is_finite() => l.builder.unit(t, Unit::Power(p)),
                _ => Err(format!("exponent {p}")),
            }
        }
        (None, Some(b)) if b > 0.0 => {
            let t = l.node_of(exponent, shape)?;
            let t = l.builder.scale_by(t, b.ln())?;
            l.builder.unit(t, Unit::Exp)
        }
        _ => Err("a power is supported with one constant exponent, or one positive constant base".into()),
    }
}

/// Greater, Less, … as the sign of a difference; Not as the sign of its negative.
pub(super) fn compare(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let operands: Vec<Operand> = a.iter().flatten().collect();
    if let ("Not", [Value::Condition { test, strict, shape }]) = (node.op.as_str(), operands.as_slice()) {
        let test = l.builder.scale_by(*test, -1.0)?;
        return Ok(Value::Condition { test, strict: !strict, shape: shape.clone() });
    }
    let [p, q] = operands.as_slice() else { return Err(format!("{} with {} inputs", node.op, operands.len())) };
    let shape = broadcast_shape(&[p.shape(), q.shape()], l.limit)?;
    if node.op == "Equal" {
        // t = t is how exporters ask whether t is a number; on the y-path it always is.
        let (p, q) = (l.node_of(p, &shape)?, l.node_of(q, &shape)?);
        if p != q {
            return Err("an equality of two different values that depend on y".into());
        }
        return Ok(Value::Known(Arc::new(Tensor::Bool(ArrayD::from_elem(IxDyn(&shape), true)))));
    }
    let strict = matches!(node.op.as_str(), "Greater" | "Less");
    let (large, small) = if node.op.starts_with("Greater") { (p, q) } else { (q, p) };
    let terms = difference(l, large, small, &shape)?;
    let test = l.builder.sum(&terms)?;
    Ok(Value::Condition { test, strict, shape })
}

pub(super) fn cast(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(value) = a.first().cloned().flatten() else { return Err("it has no input".into()) };
    // FLOAT, FLOAT16, DOUBLE, BFLOAT16; a CastLike on the y-path follows a weight, which is one of these.
    let to = node.int("to", 1);
    if !matches!(to, 1 | 10 | 11 | 16) {
        return Err(format!("a cast of a value that depends on y to data type {to}, which is not a floating type"));
    }
    match value {
        Value::Condition { test, strict, shape } => {
            let n = l.builder.len(test);
            let one = l.builder.constant_vector("", vec![1.0; n]);
            let zero = l.builder.constant_vector("", vec![0.0; n]);
            let node = l.builder.select(test, strict, one, zero)?;
            Ok(Value::Decision { node, shape })
        }
        other => Ok(other),
    }
}
