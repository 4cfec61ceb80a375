//! Elementwise functions by the names the file gives them.

use super::elementwise::{clip, extreme};
use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::recognise;
use crate::ir::program::NodeId;
use crate::ir::unit::Unit;
use crate::load::graph::Node;
use crate::tensor::defaults;

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
