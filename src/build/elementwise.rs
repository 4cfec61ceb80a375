//! Arithmetic, comparisons and elementwise functions of values that depend on y.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::rearrange::{broadcast_shape, known};
use super::recognise;
use crate::ir::program::NodeId;
use crate::ir::unit::Unit;
use crate::load::graph::Node;
use crate::tensor::{Tensor, defaults};

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
fn extreme(l: &mut Lowering, operands: &[Operand], shape: &[usize], sign: f64) -> Lowered<NodeId> {
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

pub(super) fn unit(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    if !value.is_decision() {
        return Err("its first input must be the one that depends on y".into());
    }
    let shape = value.shape().to_vec();
    let t = l.node_of(value, &shape)?;
    let result = match node.op.as_str() {
        "Relu" => l.builder.unit(t, Unit::Relu),
        "LeakyRelu" => {
            let slope = l.builder.constant("alpha", vec![node.float("alpha", defaults::LEAKY_RELU_ALPHA)]);
            l.builder.unit(t, Unit::Leaky(slope))
        }
        "PRelu" => {
            let Some(Some(slope)) = a.get(1) else { return Err("it has no slope".into()) };
            let slope = match slope.uniform() {
                Some(s) => l.builder.constant("slope", vec![s]),
                None => l.broadcast_param(slope, &shape)?,
            };
            l.builder.unit(t, Unit::Leaky(slope))
        }
        "Elu" => l.builder.unit(t, Unit::Elu { alpha: node.float("alpha", 1.0) }),
        "Celu" => match node.float("alpha", 1.0) {
            alpha if alpha > 0.0 => l.builder.unit(t, Unit::Celu { alpha }),
            alpha => Err(format!("alpha = {alpha}, it must be positive")),
        },
        "Selu" => {
            let gamma = node.float("gamma", defaults::SELU_GAMMA);
            let elu = l.builder.unit(t, Unit::Elu { alpha: node.float("alpha", defaults::SELU_ALPHA) })?;
            l.builder.scale_by(elu, gamma)
        }
        "Softplus" => l.builder.unit(t, Unit::Softplus { beta: 1.0, switch: None }),
        "Exp" => l.builder.unit(t, Unit::Exp),
        "Log" => recognise::log(l, t),
        "Sqrt" => recognise::sqrt(l, t),
        "Abs" => l.builder.unit(t, Unit::Abs),
        "Reciprocal" => l.builder.unit(t, Unit::Power(-1.0)),
        "Sigmoid" => l.builder.unit(t, Unit::Sigmoid),
        "Tanh" => l.builder.unit(t, Unit::Tanh),
        "Erf" => l.builder.unit(t, Unit::Erf),
        "Sin" => l.builder.unit(t, Unit::Sin),
        "Cos" => l.builder.unit(t, Unit::Cos),
        "Atan" => l.builder.unit(t, Unit::Atan),
        "Softsign" => l.builder.unit(t, Unit::Softsign),
        "Floor" => l.builder.unit(t, Unit::Floor),
        "Ceil" => l.builder.unit(t, Unit::Ceil),
        "Round" => l.builder.unit(t, Unit::Round),
        "Sign" => l.builder.unit(t, Unit::Sign),
        "Clip" => clip_node(l, node, a, t, &shape),
        "HardSigmoid" => hard_sigmoid(l, t, node.float("alpha", defaults::HARD_SIGMOID_ALPHA), node.float("beta", 0.5)),
        "HardSwish" => {
            let gate = hard_sigmoid(l, t, 1.0 / 6.0, 0.5)?;
            l.builder.product(t, gate)
        }
        "Swish" => {
            let scaled = l.builder.scale_by(t, node.float("alpha", 1.0))?;
            let gate = l.builder.unit(scaled, Unit::Sigmoid)?;
            l.builder.product(t, gate)
        }
        "Mish" => {
            let soft = l.builder.unit(t, Unit::Softplus { beta: 1.0, switch: None })?;
            let gate = l.builder.unit(soft, Unit::Tanh)?;
            l.builder.product(t, gate)
        }
        "Gelu" => gelu(l, t, node.string("approximate") == Some("tanh")),
        "ThresholdedRelu" => {
            let n = l.builder.len(t);
            let threshold = l.builder.constant_vector("alpha", vec![-node.float("alpha", 1.0); n]);
            let test = l.builder.sum(&[t, threshold])?;
            let zero = l.builder.constant_vector("", vec![0.0; n]);
            l.builder.select(test, true, t, zero)
        }
        other => Err(format!("no rule for {other}")),
    }?;
    Ok(Value::Decision { node: result, shape })
}

fn clip_node(l: &mut Lowering, node: &Node, a: Arguments, t: NodeId, shape: &[usize]) -> Lowered<NodeId> {
    let bound = |k: usize, name: &str, default: f64| match a.get(k) {
        Some(Some(value)) => match value.uniform() {
            Some(v) => Ok(v),
            None => Err(value.clone()),
        },
        _ => Ok(node.float(name, default)),
    };
    match (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY)) {
        (Ok(lower), Ok(upper)) => clip(l, t, (lower, upper)),
        (lower, upper) => {
            // A bound that depends on the context: a maximum and a minimum of vectors.
            let value = Value::Decision { node: t, shape: shape.to_vec() };
            let raised = match lower {
                Err(lower) => extreme(l, &[&value, &lower], shape, 1.0)?,
                Ok(lower) => clip(l, t, (lower, f64::INFINITY))?,
            };
            let value = Value::Decision { node: raised, shape: shape.to_vec() };
            match upper {
                Err(upper) => extreme(l, &[&value, &upper], shape, -1.0),
                Ok(upper) => clip(l, raised, (f64::NEG_INFINITY, upper)),
            }
        }
    }
}

/// clip(αt + β, 0, 1)
fn hard_sigmoid(l: &mut Lowering, t: NodeId, alpha: f64, beta: f64) -> Lowered<NodeId> {
    let n = l.builder.len(t);
    let scaled = l.builder.scale_by(t, alpha)?;
    let shift = l.builder.constant_vector("beta", vec![beta; n]);
    let shifted = l.builder.sum(&[scaled, shift])?;
    l.builder.unit(shifted, Unit::Clip { lower: 0.0, upper: 1.0 })
}

fn gelu(l: &mut Lowering, t: NodeId, approximate: bool) -> Lowered<NodeId> {
    let n = l.builder.len(t);
    let gate = if approximate {
        let cube = l.builder.unit(t, Unit::Power(3.0))?;
        let cube = l.builder.scale_by(cube, 0.044_715)?;
        let inner = l.builder.sum(&[t, cube])?;
        let inner = l.builder.scale_by(inner, (2.0 / std::f64::consts::PI).sqrt())?;
        l.builder.unit(inner, Unit::Tanh)?
    } else {
        let inner = l.builder.scale_by(t, std::f64::consts::FRAC_1_SQRT_2)?;
        l.builder.unit(inner, Unit::Erf)?
    };
    let one = l.builder.constant_vector("", vec![1.0; n]);
    let gate = l.builder.sum(&[gate, one])?;
    let product = l.builder.product(t, gate)?;
    l.builder.scale_by(product, 0.5)
}
