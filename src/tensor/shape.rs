//! Operators that change a tensor's shape and move none or all of its numbers. They work on any element type, so the
//! same code applied to the positions 0, 1, 2, … tells where every number goes.

use ndarray::{ArrayD, Axis, IxDyn, concatenate};

use super::Tensor;
use super::broadcast;
use super::call::{Call, axes, axis};
use super::element::{Element, owned, reshaped, with_kind};
use super::error::{OpError, invalid, shapes};

/// Input 0 in another shape of as many numbers.
fn reshape_to(call: &Call, shape: &[usize]) -> Result<Vec<Tensor>, OpError> {
    let input = call.input(0)?;
    call.permit(shape)?;
    if shape.iter().product::<usize>() != input.len() {
        return Err(shapes("reshaping", input.shape(), shape));
    }
    with_kind!(input, T => Ok(vec![T::tensor(reshaped(call.array::<T>(0)?, shape))]))
}

/// Identity, and Dropout's first output.
pub(super) fn identity(call: &Call) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![call.input(0)?.clone()])
}

/// Dropout for inference.
pub(super) fn dropout(call: &Call) -> Result<Vec<Tensor>, OpError> {
    if call.opset >= 12 && call.scalar::<bool>(2)? == Some(true) {
        return Err(invalid("Dropout in training mode; call `model.eval()` before exporting"));
    }
    let input = call.input(0)?;
    let mut outputs = vec![input.clone()];
    if call.wants(1) {
        outputs.push(Tensor::Bool(ArrayD::from_elem(IxDyn(input.shape()), true)));
    }
    Ok(outputs)
}

/// The given shape, where 0 keeps an extent and -1 is what remains.
pub(super) fn reshape(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let input = call.input(0)?;
    let wanted = call.list(1)?.ok_or(OpError::MissingInput { index: 1, given: call.inputs.len() })?;
    let keep_zero = call.flag("allowzero", false)?;
    let bad = || invalid(format!("reshaping {:?} to {wanted:?}", input.shape()));
    let mut shape = Vec::with_capacity(wanted.len().min(64));
    let mut rest = None;
    for (i, &d) in wanted.iter().enumerate() {
        shape.push(match d {
            0 if !keep_zero => *input.shape().get(i).ok_or_else(bad)?,
            -1 if rest.is_none() => {
                rest = Some(i);
                1
            }
            d => usize::try_from(d).map_err(|_| bad())?,
        });
    }
    call.permit(&shape)?;
    if let Some(i) = rest {
        let others: usize = shape.iter().product();
        if others == 0 || !input.len().is_multiple_of(others) {
            return Err(bad());
        }
        shape[i] = input.len() / others;
    }
    reshape_to(call, &shape)
}

/// Two axes: those before `axis` and those from it on.
pub(super) fn flatten(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let at = call.int("axis", 1)?;
    let at = if at == shape.len() as i64 { shape.len() } else { axis(at, shape.len())? };
    let (rows, columns) = shape.split_at(at);
    reshape_to(call, &[rows.iter().product(), columns.iter().product()])
}

/// Without the listed axes of extent one, or without all such axes.
pub(super) fn squeeze(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let drop = match call.list_since(13, 1, "axes")? {
        Some(list) => axes(&list, shape.len())?,
        None => shape.iter().map(|d| *d == 1).collect(),
    };
    if let Some(i) = (0..shape.len()).find(|i| drop[*i] && shape[*i] != 1) {
        return Err(invalid(format!("squeezing axis {i} of {shape:?}, whose extent is {}", shape[i])));
    }
    let kept: Vec<usize> = (0..shape.len()).filter(|i| !drop[*i]).map(|i| shape[i]).collect();
    reshape_to(call, &kept)
}

/// With axes of extent one at the listed places of the result.
pub(super) fn unsqueeze(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let list = call.list_since(13, 1, "axes")?.ok_or_else(|| invalid("Unsqueeze without axes"))?;
    call.permit(&vec![1; shape.len() + list.len()])?;
    let new = axes(&list, shape.len() + list.len())?;
    let mut old = shape.iter();
    let shape: Vec<usize> = new.iter().map(|n| if *n { 1 } else { *old.next().unwrap_or(&1) }).collect();
    reshape_to(call, &shape)
}

/// The axes in another order, reversed by default.
pub(super) fn transpose(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let rank = call.input(0)?.shape().len();
    let order: Vec<usize> = match call.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(list) => {
            if list.len() != rank {
                return Err(invalid(format!("perm {list:?} of a tensor with {rank} axes")));
            }
            axes(&list, rank)?;
            list.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?
        }
    };
    with_kind!(call.input(0)?, T => {
        Ok(vec![T::tensor(owned(&call.array::<T>(0)?.view().permuted_axes(IxDyn(&order))))])
    })
}

/// The shape as a list, or the part between `start` and `end`.
pub(super) fn shape(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let rank = shape.len() as i64;
    let bound = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
    let (start, end) = (bound(call.int("start", 0)?), bound(call.int("end", rank)?));
    let part: Vec<i64> = shape[start..end.max(start)].iter().map(|d| *d as i64).collect();
    Ok(vec![Tensor::Int(ndarray::Array1::from(part).into_dyn())])
}

/// The number of elements.
pub(super) fn size(call: &Call) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![Tensor::Int(ndarray::arr0(call.input(0)?.len() as i64).into_dyn())])
}

/// A shape given as integers.
pub(super) fn extents(list: &[i64]) -> Result<Vec<usize>, OpError> {
    let extent = |d: &i64| usize::try_from(*d).map_err(|_| invalid(format!("{d} in the shape {list:?}")));
    list.iter().map(extent).collect()
}

/// Broadcast with the given shape, in both directions.
pub(super) fn expand(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let wanted = extents(&call.list(1)?.ok_or(OpError::MissingInput { index: 1, given: call.inputs.len() })?)?;
    let to = broadcast::shape(call.input(0)?.shape(), &wanted)?;
    call.permit(&to)?;
    with_kind!(call.input(0)?, T => Ok(vec![T::tensor(owned(&broadcast::view(call.array::<T>(0)?, &to)?))]))
}

/// Each axis repeated as often as input 1 says.
pub(super) fn tile(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let times = extents(&call.list(1)?.ok_or(OpError::MissingInput { index: 1, given: call.inputs.len() })?)?;
    if times.len() != shape.len() {
        return Err(shapes("Tile repeats", shape, &times));
    }
    let too_large = || OpError::TooLarge { shape: times.clone(), limit: call.limit };
    let to: Vec<usize> =
        shape.iter().zip(&times).map(|(d, t)| d.checked_mul(*t).ok_or_else(too_large)).collect::<Result<_, _>>()?;
    call.permit(&to)?;
    if to.contains(&0) {
        return with_kind!(call.input(0)?, T => Ok(vec![T::tensor(ArrayD::from_elem(IxDyn(&to), T::ZERO))]));
    }
    // [d0, d1] → [1, d0, 1, d1] → [t0, d0, t1, d1] → [t0·d0, t1·d1]
    let apart: Vec<usize> = shape.iter().flat_map(|d| [1, *d]).collect();
    let tiled: Vec<usize> = shape.iter().zip(&times).flat_map(|(d, t)| [*t, *d]).collect();
    with_kind!(call.input(0)?, T => {
        let spread = reshaped(call.array::<T>(0)?, &apart);
        Ok(vec![T::tensor(reshaped(&owned(&broadcast::view(&spread, &tiled)?), &to))])
    })
}

/// Tensors of one kind, one after the other along an axis.
pub(super) fn concat(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let first = call.input(0)?;
    let rank = first.shape().len();
    let along = axis(call.int("axis", 0)?, rank)?;
    let mut total = first.shape().to_vec();
    for index in 1..call.inputs.len() {
        let other = call.input(index)?.shape();
        let differ = |i: usize| i != along && other[i] != total[i];
        if other.len() != rank || (0..rank).any(differ) {
            return Err(shapes("Concat", first.shape(), other));
        }
        total[along] = total[along].saturating_add(other[along]);
    }
    call.permit(&total)?;
    with_kind!(first, T => {
        let arrays = (0..call.inputs.len()).map(|i| Ok(call.array::<T>(i)?.view())).collect::<Result<Vec<_>, OpError>>()?;
        let joined = concatenate(Axis(along), &arrays).map_err(|e| invalid(e.to_string()))?;
        Ok(vec![T::tensor(owned(&joined))])
    })
}

/// Parts of the given extents along an axis, or parts of equal extent.
pub(super) fn split(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", 0)?, shape.len())?;
    let extent = shape[along];
    let count = call.node.outputs.len();
    let parts = match call.list_since(13, 1, "split")? {
        Some(list) => extents(&list)?,
        None => {
            let asked = if call.opset >= 18 { call.int("num_outputs", count as i64)? } else { count as i64 };
            if asked != count as i64 || count == 0 {
                return Err(invalid(format!("Split into {asked} parts with {count} outputs")));
            }
            let part = extent.div_ceil(count);
            if call.opset < 18 && part * count != extent {
                return Err(invalid(format!("Split of extent {extent} into {count} equal parts")));
            }
            (0..count).map(|i| extent.saturating_sub(i * part).min(part)).collect()
        }
    };
    let total = parts.iter().try_fold(0usize, |n, p| n.checked_add(*p));
    if total != Some(extent) || parts.len() != count {
        return Err(invalid(format!("Split of extent {extent} into {parts:?} with {count} outputs")));
    }
    with_kind!(call.input(0)?, T => {
        let mut rest = call.array::<T>(0)?.view();
        let mut outputs = Vec::with_capacity(count);
        for part in parts {
            let (head, tail) = rest.split_at(Axis(along), part);
            outputs.push(T::tensor(owned(&head)));
            rest = tail;
        }
        Ok(outputs)
    })
}

/// The diagonal and what is above it (`upper`), or below it, of the last two axes; the rest is zero.
pub(super) fn trilu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let upper = call.flag("upper", true)?;
    let offset = call.scalar::<i64>(1)?.unwrap_or(0);
    let rank = call.input(0)?.shape().len();
    if rank < 2 {
        return Err(invalid(format!("Trilu of a tensor with {rank} axes, at least 2 are needed")));
    }
    with_kind!(call.input(0)?, T => {
        let mut array = call.array::<T>(0)?.clone();
        for (index, value) in array.indexed_iter_mut() {
            let above = index[rank - 1] as i64 - index[rank - 2] as i64;
            let keep = if upper { above >= offset } else { above <= offset };
            if !keep {
                *value = T::ZERO;
            }
        }
        Ok(vec![T::tensor(array)])
    })
}
