//! Reductions over axes, running sums, and where the largest number is.

use std::cmp::Ordering;

use ndarray::{ArrayD, Axis, IxDyn};

use super::Tensor;
use super::arithmetic::{larger, smaller};
use super::call::{Call, axes, axis};
use super::element::{Element, owned, with_kind};
use super::error::{OpError, invalid};

/// The axes a reduction goes over, as a mask. Without axes it goes over all of them, or over none with
/// `noop_with_empty_axes`: then nothing is added up, but ReduceSumSquare still squares.
fn reduced(call: &Call, axes_since: i64) -> Result<Vec<bool>, OpError> {
    let rank = call.input(0)?.shape().len();
    let list = call.list_since(axes_since, 1, "axes")?.unwrap_or_default();
    if !list.is_empty() {
        return axes(&list, rank);
    }
    let noop = call.opset >= axes_since && call.flag("noop_with_empty_axes", false)?;
    Ok(vec![!noop; rank])
}

/// `f` of every row that runs over the axes in `mask`.
pub(super) fn rows<T: Element, U>(array: &ArrayD<T>, mask: &[bool], keep: bool, f: impl Fn(&[T]) -> U) -> ArrayD<U> {
    let (inner, outer): (Vec<usize>, Vec<usize>) = (0..mask.len()).partition(|a| mask[*a]);
    let order = [outer, inner].concat();
    let flat = owned(&array.view().permuted_axes(IxDyn(&order)));
    let extent = |a: usize| array.shape()[a];
    let length: usize = (0..mask.len()).filter(|a| mask[*a]).map(extent).product();
    let count: usize = (0..mask.len()).filter(|a| !mask[*a]).map(extent).product();
    let values: Vec<T> = flat.into_iter().collect();
    let results = (0..count).map(|i| f(&values[i * length..][..length])).collect();
    let shape: Vec<usize> =
        (0..mask.len()).filter(|a| keep || !mask[*a]).map(|a| if mask[a] { 1 } else { extent(a) }).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), results).expect("one result a row")
}

/// A reduction of floats by `f` and of integers by `g`, if there is one. `axes_since` is the opset from which the axes are
/// an input.
pub(super) fn reduce(
    call: &Call,
    axes_since: i64,
    f: fn(&[f64]) -> f64,
    g: Option<fn(&[i64]) -> i64>,
) -> Result<Vec<Tensor>, OpError> {
    let keep = call.flag("keepdims", true)?;
    let mask = reduced(call, axes_since)?;
    if call.input(0)?.is_empty() && !matches!(call.node.op.as_str(), "ReduceSum" | "ReduceL1" | "ReduceSumSquare") {
        return Err(invalid(format!("{} of a tensor of shape {:?}", call.node.op, call.input(0)?.shape())));
    }
    match (call.input(0)?, g) {
        (Tensor::Int(a), Some(g)) => Ok(vec![Tensor::Int(rows(a, &mask, keep, g))]),
        _ => Ok(vec![Tensor::Float(rows(call.floats(0)?, &mask, keep, f))]),
    }
}

/// The sum of floats.
pub(super) fn sum(row: &[f64]) -> f64 {
    row.iter().sum()
}

/// The sum of integers, wrapping.
pub(super) fn sum_integers(row: &[i64]) -> i64 {
    row.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// The product of integers, wrapping.
pub(super) fn product_integers(row: &[i64]) -> i64 {
    row.iter().fold(1, |a, b| a.wrapping_mul(*b))
}

/// The mean of floats.
pub(super) fn mean(row: &[f64]) -> f64 {
    sum(row) / row.len() as f64
}

/// The mean of integers, towards zero.
pub(super) fn mean_integers(row: &[i64]) -> i64 {
    sum_integers(row).checked_div(row.len() as i64).unwrap_or(0)
}

/// The largest; NaN if any is.
pub(super) fn max(row: &[f64]) -> f64 {
    row.iter().copied().fold(f64::NEG_INFINITY, larger)
}

/// The smallest; NaN if any is.
pub(super) fn min(row: &[f64]) -> f64 {
    row.iter().copied().fold(f64::INFINITY, smaller)
}

/// The sum of squares.
pub(super) fn sum_square(row: &[f64]) -> f64 {
    row.iter().map(|v| v * v).sum()
}

/// The Euclidean norm, without overflow.
pub(super) fn norm(row: &[f64]) -> f64 {
    let scale = max(&row.iter().map(|v| v.abs()).collect::<Vec<_>>());
    if scale == 0.0 || !scale.is_finite() || row.is_empty() {
        return if row.is_empty() { 0.0 } else { scale };
    }
    let squares = sum_square(row);
    if squares.is_normal() {
        squares.sqrt()
    } else {
        scale * row.iter().map(|v| (v / scale).powi(2)).sum::<f64>().sqrt()
    }
}

/// `log Σ exp`, without overflow.
pub(super) fn log_sum_exp(row: &[f64]) -> f64 {
    let top = max(row);
    if !top.is_finite() {
        return top;
    }
    top + row.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

/// The place of the largest (or smallest) number along an axis, the first of several unless `select_last_index`.
pub(super) fn arg(call: &Call, largest: bool) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", 0)?, shape.len())?;
    let keep = call.flag("keepdims", true)?;
    let last = call.flag("select_last_index", false)?;
    if shape[along] == 0 {
        return Err(invalid(format!("{} over axis {along} of {shape:?}", call.node.op)));
    }
    let mask: Vec<bool> = (0..shape.len()).map(|a| a == along).collect();
    with_kind!(call.input(0)?, T => {
        let best = |row: &[T]| {
            let mut best = 0;
            for i in 1..row.len() {
                let order = row[i].partial_cmp(&row[best]);
                let better = if largest { order == Some(Ordering::Greater) } else { order == Some(Ordering::Less) };
                if better || (last && order == Some(Ordering::Equal)) {
                    best = i;
                }
            }
            best as i64
        };
        Ok(vec![Tensor::Int(rows(call.array::<T>(0)?, &mask, keep, best))])
    })
}

/// Running sums along an axis.
pub(super) fn cum_sum(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let missing = OpError::MissingInput { index: 1, given: call.inputs.len() };
    let along = axis(call.scalar::<i64>(1)?.ok_or(missing)?, call.input(0)?.shape().len())?;
    let (exclusive, reverse) = (call.flag("exclusive", false)?, call.flag("reverse", false)?);
    with_kind!(call.input(0)?, T => {
        let mut array = call.array::<T>(0)?.clone();
        for mut lane in array.lanes_mut(Axis(along)) {
            if reverse {
                lane.invert_axis(Axis(0));
            }
            let mut total = T::ZERO;
            for value in &mut lane {
                let next = T::plus(total, *value).ok_or_else(|| invalid("CumSum of boolean values"))?;
                *value = if exclusive { total } else { next };
                total = next;
            }
        }
        Ok(vec![T::tensor(array)])
    })
}
