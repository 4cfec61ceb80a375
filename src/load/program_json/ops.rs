//! Operations from the file, their lists made into the IR's structures. Whether they fit is asked by [`crate::ir::sizes`].

use std::sync::Arc;

use sprs::CsMat;

use super::number::plain;
use super::schema;
use crate::ir::linear::{Convolution, LinearMap};
use crate::ir::lines::{Line, Lines};
use crate::ir::program::{GroupKind, Groups, NodeId, Op, ParamId};
use crate::ir::unit::{Term, Unit};

/// How many numbers an operation stores.
pub(super) fn stored(op: &schema::Op) -> usize {
    use schema::Op;
    match op {
        Op::Gather { index, .. } => index.len(),
        Op::Sparse { matrix, .. } | Op::Quadratic { matrix, .. } => matrix.values.len(),
        Op::Max { groups, .. } | Op::LogSumExp { groups, .. } | Op::Norm { groups, .. } => {
            groups.iter().map(Vec::len).sum()
        }
        _ => 0,
    }
}

/// What messages call an operation that is not yet one of the IR.
pub(super) fn name(op: &schema::Op) -> &'static str {
    use schema::Op;
    match op {
        Op::Y => "y",
        Op::Param(_) => "param",
        Op::Dense { .. } => "dense",
        Op::Sparse { .. } => "sparse",
        Op::Conv { .. } => "conv",
        Op::Gather { .. } => "gather",
        Op::Scale { .. } => "scale",
        Op::Sum(_) => "sum",
        Op::Concat(_) => "concat",
        Op::Unit { .. } => "unit",
        Op::Max { .. } => "max",
        Op::LogSumExp { .. } => "logsumexp",
        Op::Norm { .. } => "norm",
        Op::Quadratic { .. } => "quadratic",
        Op::Product(..) => "product",
        Op::Quotient(..) => "quotient",
        Op::Select { .. } => "select",
    }
}

/// The operation; `lens` are the lengths of the nodes before it.
pub(super) fn op(record: schema::Op, lens: &[usize]) -> Result<Op, String> {
    let before = |id: u32| match lens.get(id as usize) {
        Some(len) => Ok(*len),
        None => Err(format!("it reads node {id}, before it are {}", lens.len())),
    };
    let nodes = |ids: Vec<u32>| ids.into_iter().map(NodeId).collect::<Vec<_>>();
    let group = |input: u32, kind: GroupKind, groups: Vec<Vec<usize>>| Op::Group {
        input: NodeId(input),
        kind,
        groups: Arc::new(Groups::new(groups)),
    };
    Ok(match record {
        schema::Op::Y => Op::Decision,
        schema::Op::Param(p) => Op::Param(ParamId(p)),
        schema::Op::Dense { input, weight, rows, columns, repeat, transposed } => Op::Linear {
            input: NodeId(input),
            map: LinearMap::Dense { weight: ParamId(weight), rows, columns, repeat, transposed },
        },
        schema::Op::Sparse { input, matrix: m } => {
            Op::Linear { input: NodeId(input), map: LinearMap::Sparse(Arc::new(matrix(m)?)) }
        }
        schema::Op::Conv { input, weight, geometry: g } => {
            let geometry = Convolution {
                input_channels: g.input_channels,
                output_channels: g.output_channels,
                groups: g.groups,
                input: g.input,
                output: g.output,
                kernel: g.kernel,
                strides: g.strides,
                dilations: g.dilations,
                pads: g.pads,
            };
            let map = LinearMap::Convolution { weight: ParamId(weight), geometry: Arc::new(geometry) };
            Op::Linear { input: NodeId(input), map }
        }
        schema::Op::Gather { input, index } => {
            let map = LinearMap::Gather { index: index.into(), input_len: before(input)? };
            Op::Linear { input: NodeId(input), map }
        }
        schema::Op::Scale { input, by } => Op::Scale { input: NodeId(input), by: ParamId(by) },
        schema::Op::Sum(inputs) => Op::Sum(nodes(inputs)),
        schema::Op::Concat(inputs) => Op::Concat(nodes(inputs)),
        schema::Op::Unit { input, function } => Op::Unit { input: NodeId(input), unit: unit(function)? },
        schema::Op::Max { input, groups } => group(input, GroupKind::Max, groups),
        schema::Op::LogSumExp { input, groups } => group(input, GroupKind::LogSumExp, groups),
        schema::Op::Norm { input, groups } => group(input, GroupKind::Norm, groups),
        schema::Op::Quadratic { input, matrix: m } => {
            Op::Quadratic { input: NodeId(input), matrix: Arc::new(matrix(m)?) }
        }
        schema::Op::Product(a, b) => Op::Product(NodeId(a), NodeId(b)),
        schema::Op::Quotient(a, b) => Op::Quotient(NodeId(a), NodeId(b)),
        schema::Op::Select { test, strict, then, otherwise } => {
            Op::Select { test: NodeId(test), strict, then: NodeId(then), otherwise: NodeId(otherwise) }
        }
    })
}

fn matrix(m: schema::Matrix) -> Result<CsMat<f64>, String> {
    let (starts, columns, values) = (m.starts.len(), m.columns.len(), m.values.len());
    if m.size.0.checked_add(1) != Some(starts) {
        return Err(format!("{} rows need one more start, there are {starts}", m.size.0));
    }
    if columns != values {
        return Err(format!("{columns} columns and {values} values"));
    }
    if m.starts.first() != Some(&0) || m.starts.last() != Some(&columns) || m.starts.windows(2).any(|w| w[0] > w[1]) {
        return Err(format!("its starts do not rise from 0 to {columns}"));
    }
    if let Some(bad) = m.columns.iter().find(|c| **c >= m.size.1) {
        return Err(format!("column {bad} of a matrix with {}", m.size.1));
    }
    let values = plain(m.values);
    if let Some(v) = values.iter().find(|v| !v.is_finite()) {
        return Err(format!("a matrix with the entry {v}"));
    }
    CsMat::try_new(m.size, m.starts, m.columns, values).map_err(|(_, _, _, e)| format!("its matrix: {e}"))
}

fn unit(record: schema::Unit) -> Result<Unit, String> {
    Ok(match record {
        schema::Unit::Relu => Unit::Relu,
        schema::Unit::Leaky(p) => Unit::Leaky(ParamId(p)),
        schema::Unit::Abs => Unit::Abs,
        schema::Unit::Clip { lower, upper } => Unit::Clip { lower: lower.0, upper: upper.0 },
        schema::Unit::Lines { breaks, pieces } => {
            let pieces = pieces.into_iter().map(|(s, i)| Line { slope: s.0, intercept: i.0 }).collect();
            Unit::Lines(Arc::new(Lines::new(plain(breaks), pieces)?))
        }
        schema::Unit::Combination(terms) => {
            let mut all = Vec::with_capacity(terms.len());
            for t in terms {
                all.push(Term { weight: ParamId(t.weight), inner: t.inner.0, unit: unit(t.function)? });
            }
            Unit::Combination(all)
        }
        schema::Unit::Softplus { beta, switch } => Unit::Softplus { beta: beta.0, switch: switch.map(|s| s.0) },
        schema::Unit::Elu(alpha) => Unit::Elu { alpha: alpha.0 },
        schema::Unit::Celu(alpha) => Unit::Celu { alpha: alpha.0 },
        schema::Unit::Power(p) => Unit::Power(p.0),
        schema::Unit::Exp => Unit::Exp,
        schema::Unit::Log => Unit::Log,
        schema::Unit::Entropy => Unit::Entropy,
        schema::Unit::Sigmoid => Unit::Sigmoid,
        schema::Unit::Tanh => Unit::Tanh,
        schema::Unit::Erf => Unit::Erf,
        schema::Unit::Sin => Unit::Sin,
        schema::Unit::Cos => Unit::Cos,
        schema::Unit::Atan => Unit::Atan,
        schema::Unit::Softsign => Unit::Softsign,
        schema::Unit::Floor => Unit::Floor,
        schema::Unit::Ceil => Unit::Ceil,
        schema::Unit::Round => Unit::Round,
        schema::Unit::Sign => Unit::Sign,
    })
}
