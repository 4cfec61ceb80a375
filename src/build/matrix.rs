//! Gemm, MatMul, batch norm, and any other linear operation by its columns.

use ndarray::{ArrayD, IxDyn};
use sprs::CsMat;

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::rearrange::known;
use super::reduce::summing;
use crate::ir::entries::Entries;
use crate::ir::linear::LinearMap;
use crate::ir::program::{Groups, NodeId};
use crate::load::graph::Node;
use crate::tensor::{Tensor, defaults};

/// α·A·B + β·C with optional transposes.
pub(super) fn gemm(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let (Some(Some(left)), Some(Some(right))) = (a.first(), a.get(1)) else { return Err("it needs two inputs".into()) };
    let (left, right) = (left.clone(), right.clone());
    let (trans_a, trans_b) = (node.int("transA", 0) != 0, node.int("transB", 0) != 0);
    let mut product = if left.is_decision() || right.is_decision() {
        multiply(l, left, trans_a, right, trans_b)?
    } else {
        // Only the addend depends on y.
        let factors = Node { inputs: node.inputs[..2].to_vec(), ..node.clone() };
        l.fixed(factors, &a[..2])?
    };
    if let Value::Decision { node: inner, shape } = &product {
        let scaled = l.builder.scale_by(*inner, node.float("alpha", 1.0))?;
        product = Value::Decision { node: scaled, shape: shape.clone() };
    }
    let beta = node.float("beta", 1.0);
    let Some(Some(addend)) = a.get(2).filter(|_| beta != 0.0) else { return Ok(product) };
    let shape = product.shape().to_vec();
    let (product, addend) = (l.node_of(&product, &shape)?, l.node_of(addend, &shape)?);
    let addend = l.builder.scale_by(addend, beta)?;
    let node = l.builder.sum(&[product, addend])?;
    Ok(Value::Decision { node, shape })
}

pub(super) fn matmul(l: &mut Lowering, a: Arguments) -> Lowered {
    let (Some(Some(left)), Some(Some(right))) = (a.first(), a.get(1)) else { return Err("it needs two inputs".into()) };
    multiply(l, left.clone(), false, right.clone(), false)
}

/// A·B where at least one factor depends on y; two-dimensional weights are applied to every row of a stack.
fn multiply(l: &mut Lowering, left: Value, trans_left: bool, right: Value, trans_right: bool) -> Lowered {
    let (ls, rs) = (left.shape().to_vec(), right.shape().to_vec());
    let mismatch = |k: usize, m: usize| format!("extents {ls:?} and {rs:?}: {k} columns meet {m} rows");
    if left.is_decision() && right.is_decision() {
        return bilinear(l, &left, trans_left, &right, trans_right);
    }
    if left.is_decision() {
        // out[…, m] = Σ_k t[…, k]·W[k, m]
        let left = if trans_left { transposed(l, &left)? } else { left };
        let ls = left.shape().to_vec();
        let weight_shape = squeezed(&rs)?;
        let (k, m) = match (weight_shape.as_slice(), trans_right) {
            ([k], _) => (*k, 1),
            ([k, m], false) => (*k, *m),
            ([m, k], true) => (*k, *m),
            _ => return Err(format!("a weight of extents {rs:?}; two axes are supported")),
        };
        let last = ls.last().copied().ok_or("a scalar cannot be multiplied by a matrix")?;
        if last != k {
            return Err(mismatch(last, k));
        }
        let Value::Decision { node: t, .. } = left else { return Err("a truth value in a product".into()) };
        let weight = l.param(&right)?;
        let repeat = l.builder.len(t) / k;
        let node = l.builder.linear(
            t,
            LinearMap::Dense {
                weight,
                rows: m,
                columns: k,
                repeat,
                transposed: !trans_right && weight_shape.len() == 2,
            },
        )?;
        let mut shape = ls[..ls.len() - 1].to_vec();
        if weight_shape.len() == 2 {
            shape.push(m);
        }
        return Ok(Value::Decision { node, shape });
    }
    // out = W·t: turn it round, out ᵀ = tᵀ·Wᵀ.
    if rs.len() == 1 {
        let product = multiply(l, right, false, left, !trans_left)?;
        return Ok(product);
    }
    let weight_rank = squeezed(&ls)?.len();
    let right = if trans_right { right } else { transposed(l, &right)? };
    let product = multiply(l, right, false, left, if weight_rank == 2 { !trans_left } else { trans_left })?;
    if weight_rank == 1 { Ok(product) } else { transposed(l, &product) }
}

/// Extents without leading ones beyond two axes.
fn squeezed(shape: &[usize]) -> Lowered<Vec<usize>> {
    let extra = shape.len().saturating_sub(2);
    if shape[..extra].iter().any(|d| *d != 1) {
        return Err(format!("a stack of weights of extents {shape:?}; one matrix is supported"));
    }
    Ok(shape[extra..].to_vec())
}

/// The last two axes exchanged.
fn transposed(l: &mut Lowering, value: &Value) -> Lowered {
    let mut shape = value.shape().to_vec();
    let rank = shape.len();
    if rank < 2 {
        return Ok(value.clone());
    }
    let (rows, columns) = (shape[rank - 2], shape[rank - 1]);
    let t = l.node_of(value, &shape.clone())?;
    let index = (0..l.builder.len(t))
        .map(|i| {
            let (block, within) = (i / (rows * columns), i % (rows * columns));
            block * rows * columns + within % rows * columns + within / rows
        })
        .collect();
    let node = l.builder.gather(t, index)?;
    shape.swap(rank - 2, rank - 1);
    Ok(Value::Decision { node, shape })
}

/// A product of two matrices that both depend on y: entry by entry, then summed.
fn bilinear(l: &mut Lowering, left: &Value, trans_left: bool, right: &Value, trans_right: bool) -> Lowered {
    let left = if trans_left { transposed(l, left)? } else { left.clone() };
    let right = if trans_right { transposed(l, right)? } else { right.clone() };
    let (ls, rs) = (left.shape().to_vec(), right.shape().to_vec());
    let matrix = |s: &[usize], row: bool| match s {
        [k] if row => Some((1, *k)),
        [k] => Some((*k, 1)),
        [front @ .., m, k] if front.iter().all(|d| *d == 1) => Some((*m, *k)),
        _ => None,
    };
    let (Some((m, k)), Some((k2, n))) = (matrix(&ls, true), matrix(&rs, false)) else {
        return Err(format!("a product of stacks {ls:?} and {rs:?} that both depend on y"));
    };
    if k != k2 {
        return Err(format!("extents {ls:?} and {rs:?}: {k} columns meet {k2} rows"));
    }
    if m.saturating_mul(n).saturating_mul(k) > l.limit {
        return Err(format!("a product of {m}×{k} and {k}×{n} entries that both depend on y"));
    }
    let (a, b) = (l.node_of(&left, &ls)?, l.node_of(&right, &rs)?);
    let cells = || (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
    let a = l.builder.gather(a, cells().flat_map(|(i, _)| (0..k).map(move |q| i * k + q)).collect())?;
    let b = l.builder.gather(b, cells().flat_map(|(_, j)| (0..k).map(move |q| q * n + j)).collect())?;
    let product = l.builder.product(a, b)?;
    let groups = Groups::new((0..m * n).map(|c| (c * k..(c + 1) * k).collect()));
    let node = l.builder.sparse(product, summing(&groups, m * n * k, |_| 1.0))?;
    let mut shape: Vec<usize> = if ls.len() >= 2 { ls[..ls.len() - 1].to_vec() } else { vec![] };
    if rs.len() >= 2 {
        shape.push(n);
    }
    Ok(Value::Decision { node, shape })
}

/// Inference form: (t − mean)/√(variance + ε)·scale + bias, per channel.
pub(super) fn batch_norm(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    let numbers = |k: usize, what: &str| match a.get(k) {
        Some(Some(v)) => v.known().ok_or_else(|| format!("its {what} must be a constant")),
        _ => Err(format!("it has no {what}")),
    };
    let (scale, bias) = (numbers(1, "scale")?, numbers(2, "bias")?);
    let (mean, variance) = (numbers(3, "mean")?, numbers(4, "variance")?);
    let shape = value.shape().to_vec();
    let channels = if shape.len() < 2 { 1 } else { shape[1] };
    for (what, v) in [("scale", &scale), ("bias", &bias), ("mean", &mean), ("variance", &variance)] {
        if v.len() != channels {
            return Err(format!("its {what} has {} entries, its input has {channels} channels", v.len()));
        }
    }
    let epsilon = node.float("epsilon", defaults::EPSILON);
    if let Some(c) = variance.iter().position(|v| v.is_nan() || v + epsilon <= 0.0) {
        return Err(format!("channel {c}: variance {} plus epsilon {epsilon} is not positive", variance[c]));
    }
    let factors: Vec<f64> = (0..channels).map(|c| scale[c] / (variance[c] + epsilon).sqrt()).collect();
    let shifts: Vec<f64> = (0..channels).map(|c| bias[c] - mean[c] * factors[c]).collect();
    let mut channel_shape = vec![1; shape.len()];
    if shape.len() >= 2 {
        channel_shape[1] = channels;
    }
    let (factors, shifts) = (known(factors, &channel_shape)?, known(shifts, &channel_shape)?);
    let t = l.node_of(value, &shape)?;
    let factors = l.broadcast_param(&factors, &shape)?;
    let scaled = l.builder.scale(t, factors)?;
    let shifts = l.node_of(&shifts, &shape)?;
    let node = l.builder.sum(&[scaled, shifts])?;
    Ok(Value::Decision { node, shape })
}

/// Any operation that is affine in its one argument that depends on y, found by evaluating it at 0 and at unit vectors.
pub(super) fn by_columns(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let place = a.iter().position(|v| v.as_ref().is_some_and(Value::is_decision)).unwrap_or(0);
    let mut tensors: Vec<Option<Tensor>> = vec![];
    for (k, value) in a.iter().enumerate() {
        match value {
            Some(Value::Known(t)) => tensors.push(Some(t.as_ref().clone())),
            None => tensors.push(None),
            Some(_) if k == place => tensors.push(None),
            Some(_) => return Err("its other inputs must be constants".into()),
        }
    }
    let Some(Some(value)) = a.get(place) else { return Err("it has no input".into()) };
    let shape = value.shape().to_vec();
    let n: usize = shape.iter().product();
    let t: NodeId = l.node_of(value, &shape)?;
    let mut at = |j: Option<usize>| -> Lowered<(Vec<f64>, Vec<usize>)> {
        let mut unit = ArrayD::<f64>::zeros(IxDyn(&shape));
        if let (Some(j), Some(flat)) = (j, unit.as_slice_mut()) {
            flat[j] = 1.0;
        }
        tensors[place] = Some(Tensor::Float(unit));
        let references: Vec<Option<&Tensor>> = tensors.iter().map(Option::as_ref).collect();
        let out = l.fold_one(node, &references)?;
        Ok((Entries::copied(&out).to_vec(), out.shape().to_vec()))
    };
    let (offset, out_shape) = at(None)?;
    if n.saturating_mul(offset.len()) > l.limit || n > 1 << 14 {
        return Err(format!("{n} × {} entries are too many for an operation without a structured form", offset.len()));
    }
    let (mut starts, mut indices, mut data) = (vec![0], vec![], vec![]);
    for j in 0..n {
        for (i, v) in at(Some(j))?.0.iter().enumerate() {
            let c = v - offset[i];
            if c != 0.0 {
                indices.push(i);
                data.push(c);
            }
        }
        starts.push(indices.len());
    }
    let matrix = CsMat::new_csc((offset.len(), n), starts, indices, data).to_csr();
    let linear = l.builder.sparse(t, matrix)?;
    let offset = l.builder.constant_vector(&node.name, offset);
    let node = l.builder.sum(&[linear, offset])?;
    Ok(Value::Decision { node, shape: out_shape })
}
