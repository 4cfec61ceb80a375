//! Reductions over axes: sums and means are sparse maps, maxima and norms are groups.

use sprs::CsMat;

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::recognise;
use crate::ir::program::{GroupKind, Groups, NodeId};
use crate::ir::unit::Unit;
use crate::load::graph::Node;
use crate::tensor::Tensor;

/// Which axes are reduced, and whether they stay as extents of 1.
fn axes(node: &Node, a: Arguments, rank: usize) -> Lowered<(Vec<bool>, bool)> {
    if node.op.starts_with("Global") {
        return Ok(((0..rank).map(|axis| axis >= 2).collect(), true));
    }
    let listed: Option<Vec<i64>> = match a.get(1) {
        Some(Some(Value::Known(t))) => match t.as_ref() {
            Tensor::Int(v) => Some(v.iter().copied().collect()),
            _ => return Err("its axes are not integers".into()),
        },
        Some(Some(_)) => return Err("its axes must be a constant".into()),
        _ => node.ints("axes").map(<[i64]>::to_vec),
    };
    let mut reduced = vec![false; rank];
    match listed {
        Some(listed) if !listed.is_empty() => {
            for axis in listed {
                let at = if axis < 0 { axis + rank as i64 } else { axis };
                *usize::try_from(at)
                    .ok()
                    .and_then(|at| reduced.get_mut(at))
                    .ok_or_else(|| format!("axis {axis} of a value with {rank} axes"))? = true;
            }
        }
        _ if node.int("noop_with_empty_axes", 0) == 1 => {}
        _ => reduced.fill(true),
    }
    Ok((reduced, node.int("keepdims", 1) == 1))
}

/// For each entry of the result the entries it is reduced from, and the extents of the result.
fn groups(shape: &[usize], reduced: &[bool], keep: bool) -> (Groups, Vec<usize>) {
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !reduced[*a]).collect();
    let count: usize = kept.iter().map(|a| shape[*a]).product();
    let mut members: Vec<Vec<usize>> = vec![vec![]; count];
    for i in 0..shape.iter().product() {
        let (mut rest, mut index, mut step) = (i, 0, 1);
        for axis in (0..shape.len()).rev() {
            let at = rest % shape[axis];
            rest /= shape[axis];
            if !reduced[axis] {
                index += at * step;
                step *= shape[axis];
            }
        }
        members[index].push(i);
    }
    let out = if keep {
        (0..shape.len()).map(|a| if reduced[a] { 1 } else { shape[a] }).collect()
    } else {
        kept.iter().map(|a| shape[*a]).collect()
    };
    (Groups::new(members), out)
}

/// The map that sums each group with the given weight.
pub(super) fn summing(groups: &Groups, columns: usize, weight: impl Fn(usize) -> f64) -> CsMat<f64> {
    let starts: Vec<usize> = (0..groups.len()).map(|g| groups.range(g).start).chain([groups.members().len()]).collect();
    let mut indices = groups.members().to_vec();
    let data: Vec<f64> =
        (0..groups.len()).flat_map(|g| vec![weight(groups.group(g).len()); groups.group(g).len()]).collect();
    for g in 0..groups.len() {
        indices[groups.range(g)].sort_unstable();
    }
    CsMat::new((groups.len(), columns), starts, indices, data)
}

pub(super) fn reduce(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    let shape = value.shape().to_vec();
    let (reduced, keep) = axes(node, a, shape.len())?;
    let t = l.node_of(value, &shape)?;
    let (groups, out) = groups(&shape, &reduced, keep);
    let n = l.builder.len(t);
    let total = |l: &mut Lowering, t: NodeId| {
        let matrix = summing(&groups, n, |_| 1.0);
        l.builder.sparse(t, matrix)
    };
    let result = match node.op.as_str() {
        "ReduceSum" => total(l, t),
        "ReduceMean" | "GlobalAveragePool" => {
            let matrix = summing(&groups, n, |size| 1.0 / size as f64);
            l.builder.sparse(t, matrix)
        }
        "ReduceMax" | "GlobalMaxPool" => l.builder.group(t, GroupKind::Max, groups),
        "ReduceMin" => {
            let turned = l.builder.scale_by(t, -1.0)?;
            let largest = l.builder.group(turned, GroupKind::Max, groups)?;
            l.builder.scale_by(largest, -1.0)
        }
        "ReduceSumSquare" => {
            let square = l.builder.unit(t, Unit::Power(2.0))?;
            total(l, square)
        }
        "ReduceL1" => {
            let size = l.builder.unit(t, Unit::Abs)?;
            total(l, size)
        }
        "ReduceL2" => l.builder.group(t, GroupKind::Norm, groups),
        "ReduceLogSumExp" => l.builder.group(t, GroupKind::LogSumExp, groups),
        "ReduceLogSum" => {
            let sum = total(l, t)?;
            recognise::log(l, sum)
        }
        other => Err(format!("no rule for {other}")),
    }?;
    Ok(Value::Decision { node: result, shape: out })
}

/// Softmax as exp(t − logsumexp t), LogSoftmax as t − logsumexp t.
pub(super) fn softmax(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    let shape = value.shape().to_vec();
    let rank = shape.len() as i64;
    // Before opset 13 all axes from `axis` on are taken together.
    let axis = node.int("axis", if l.opset < 13 { 1 } else { -1 });
    let axis = if axis < 0 { axis + rank } else { axis };
    let reduced: Vec<bool> = (0..rank).map(|k| if l.opset < 13 { k >= axis } else { k == axis }).collect();
    let t = l.node_of(value, &shape)?;
    let (groups, out) = groups(&shape, &reduced, true);
    let total = l.builder.group(t, GroupKind::LogSumExp, groups)?;
    let total = l.node_of(&Value::Decision { node: total, shape: out }, &shape)?;
    let total = l.builder.scale_by(total, -1.0)?;
    let log = l.builder.sum(&[t, total])?;
    let result = if node.op == "Softmax" { l.builder.unit(log, Unit::Exp)? } else { log };
    Ok(Value::Decision { node: result, shape })
}
