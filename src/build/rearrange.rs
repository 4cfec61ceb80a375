//! Operations that only move entries: run on an array of indices, they become a gather.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::lowering::{Arguments, Lowered, Lowering, Value};
use crate::load::graph::Node;
use crate::tensor::Tensor;

/// The indices 0, 1, … as an array of extents `shape`, starting at `from`.
pub(super) fn index_tensor(shape: &[usize], from: usize) -> Lowered<Tensor> {
    let n: usize = shape.iter().product();
    let flat: Vec<i64> = (from..from + n).map(|i| i as i64).collect();
    ArrayD::from_shape_vec(IxDyn(shape), flat).map(Tensor::Int).map_err(|e| e.to_string())
}

/// Which arguments of an operation carry data rather than extents, indices or axes.
fn data_arguments(node: &Node, count: usize) -> Vec<usize> {
    match node.op.as_str() {
        "Concat" => (0..count).collect(),
        "Pad" => vec![0, 2],
        _ => vec![0],
    }
}

/// Reshape, Transpose, Slice, Gather, Concat, Split, …: any mixture of decisions, constants and context values.
pub(super) fn rearrange(lowering: &mut Lowering, node: &Node, arguments: Arguments) -> Lowered<Vec<Value>> {
    let data = data_arguments(node, arguments.len());
    let mut stand_ins: Vec<Option<Tensor>> = vec![None; arguments.len()];
    let mut parts = vec![];
    let mut total = 0;
    for (k, argument) in arguments.iter().enumerate() {
        match argument {
            Some(value) if data.contains(&k) => {
                let shape = value.shape().to_vec();
                stand_ins[k] = Some(index_tensor(&shape, total)?);
                let part = lowering.node_of(value, &shape)?;
                total += lowering.builder.len(part);
                parts.push(part);
            }
            Some(Value::Known(t)) => stand_ins[k] = Some(t.as_ref().clone()),
            Some(_) => return Err(format!("argument {k} must be a constant")),
            None => {}
        }
    }
    let mut opset = lowering.opset;
    if node.op == "Pad" {
        if opset < 11 {
            // The form in which pads and value are attributes cannot say which entry fills the padding.
            let pads = node.ints("pads").ok_or("it has no pads")?.to_vec();
            stand_ins.truncate(1);
            stand_ins.push(Some(Tensor::Int(ndarray::Array1::from(pads).into_dyn())));
            opset = 11;
        }
        stand_ins.resize(stand_ins.len().max(3), None);
        if stand_ins[2].is_none() && matches!(node.string("mode"), None | Some("constant")) {
            // The value that fills the padding is one more entry to gather.
            stand_ins[2] = Some(Tensor::Int(ArrayD::from_elem(IxDyn(&[]), total as i64)));
            parts.push(lowering.builder.constant_vector("padding", vec![node.float("value", 0.0)]));
        }
    }
    let tensors: Vec<Option<&Tensor>> = stand_ins.iter().map(Option::as_ref).collect();
    let moved = crate::tensor::evaluate(node, &tensors, opset, lowering.limit).map_err(|e| e.to_string())?;
    let all = lowering.builder.concat(&parts)?;
    moved
        .into_iter()
        .map(|tensor| {
            let Tensor::Int(index) = tensor else { return Err("a moved index is not an index".to_string()) };
            let shape = index.shape().to_vec();
            if index.is_empty() {
                return Err(format!("its result has shape {shape:?}, without entries"));
            }
            let flat: Vec<usize> = index.iter().map(|i| *i as usize).collect();
            let node = lowering.builder.gather(all, flat)?;
            Ok(Value::Decision { node, shape })
        })
        .collect()
}

/// For each entry of `to` the entry of `from` that broadcasting puts there.
pub(super) fn broadcast_index(from: &[usize], to: &[usize]) -> Lowered<Vec<usize>> {
    let n: usize = from.iter().product();
    if from == to || n == to.iter().product::<usize>() {
        return Ok((0..n).collect());
    }
    let Tensor::Int(index) = index_tensor(from, 0)? else { return Err("no index".into()) };
    match index.broadcast(IxDyn(to)) {
        Some(view) => Ok(view.iter().map(|i| *i as usize).collect()),
        None => Err(format!("extents {from:?} do not broadcast to {to:?}")),
    }
}

/// The extents that several operands broadcast to.
pub(super) fn broadcast_shape(shapes: &[&[usize]], limit: usize) -> Lowered<Vec<usize>> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut out = vec![1usize; rank];
    for shape in shapes {
        for (axis, d) in shape.iter().enumerate() {
            let o = &mut out[rank - shape.len() + axis];
            if *o == 1 {
                *o = *d;
            } else if *d != 1 && *d != *o {
                let all: Vec<String> = shapes.iter().map(|s| format!("{s:?}")).collect();
                return Err(format!("extents {} do not broadcast", all.join(" and ")));
            }
        }
    }
    match out.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) {
        Some(n) if n <= limit => Ok(out),
        _ => Err(format!("extents {out:?} are more than {limit} entries")),
    }
}

/// A constant value from numbers.
pub(super) fn known(values: Vec<f64>, shape: &[usize]) -> Lowered {
    let array = ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|e| e.to_string())?;
    Ok(Value::Known(Arc::new(Tensor::Float(array))))
}
