//! Operators that pick or place numbers by index. They work on any element type.

use ndarray::{ArrayD, Axis, Dimension, IxDyn, Slice};

use super::Tensor;
use super::call::{Call, axes, axis};
use super::element::{Element, owned, reshaped, with_kind};
use super::error::{OpError, invalid, shapes};

/// A part of some axes, in steps; attributes before opset 10.
pub(super) fn slice(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let rank = call.input(0)?.shape().len();
    let required = |list: Option<Vec<i64>>, what: &str| list.ok_or_else(|| invalid(format!("Slice without {what}")));
    let starts = required(call.list_since(10, 1, "starts")?, "starts")?;
    let ends = required(call.list_since(10, 2, "ends")?, "ends")?;
    let along = call.list_since(10, 3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = if call.opset >= 10 { call.list(4)? } else { None }.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), along.len(), steps.len()] != [starts.len(); 3] {
        return Err(invalid(format!(
            "Slice with {} starts, {} ends, {} axes and {} steps",
            starts.len(),
            ends.len(),
            along.len(),
            steps.len()
        )));
    }
    axes(&along, rank)?;
    with_kind!(call.input(0)?, T => {
        let mut view = call.array::<T>(0)?.view();
        for i in 0..starts.len() {
            let a = Axis(axis(along[i], rank)?);
            view.slice_axis_inplace(a, part(starts[i], ends[i], steps[i], view.len_of(a))?);
        }
        Ok(vec![T::tensor(owned(&view))])
    })
}

/// The part of an axis of `extent` that start, end and step mean.
fn part(start: i64, end: i64, step: i64, extent: usize) -> Result<Slice, OpError> {
    if step == 0 {
        return Err(invalid("Slice with step 0"));
    }
    let n = extent as i64;
    let from_front = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let step = step.clamp(-n.max(1), n.max(1));
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (start, end) = (from_front(start).clamp(low.max(0), high.max(0)), from_front(end).clamp(low, high.max(low)));
    // The places are start, start + step, …, on this side of end.
    let count = if step > 0 { (end - start + step - 1) / step } else { (start - end - step - 1) / -step };
    if count <= 0 || n == 0 {
        return Ok(Slice::new(0, Some(0), 1));
    }
    let last = start + (count - 1) * step;
    let (first, last) = (start.min(last), start.max(last));
    Ok(Slice::new(first as isize, Some(last as isize + 1), step as isize))
}

/// The place that an index, counted from the end when negative, means.
fn place(index: i64, extent: usize) -> Result<usize, OpError> {
    let from_front = if index < 0 { index.checked_add(extent as i64) } else { Some(index) };
    match from_front.map(usize::try_from) {
        Some(Ok(i)) if i < extent => Ok(i),
        _ => Err(invalid(format!("index {index} of an axis of extent {extent}"))),
    }
}

/// The slices of an axis that the indices name.
pub(super) fn gather(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", 0)?, shape.len())?;
    let indices = call.array::<i64>(1)?;
    let to = [&shape[..along], indices.shape(), &shape[along + 1..]].concat();
    call.permit(&to)?;
    let places = indices.iter().map(|i| place(*i, shape[along])).collect::<Result<Vec<_>, _>>()?;
    with_kind!(call.input(0)?, T => {
        Ok(vec![T::tensor(reshaped(&call.array::<T>(0)?.select(Axis(along), &places), &to))])
    })
}

/// For each index, the number at its place but with the axis taken from the index.
pub(super) fn gather_elements(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", 0)?, shape.len())?;
    let indices = call.array::<i64>(1)?;
    let beyond = |a: usize| a != along && indices.shape()[a] > shape[a];
    if indices.ndim() != shape.len() || (0..shape.len()).any(beyond) {
        return Err(shapes("GatherElements", shape, indices.shape()));
    }
    call.permit(indices.shape())?;
    with_kind!(call.input(0)?, T => {
        let data = call.array::<T>(0)?;
        let mut result = ArrayD::from_elem(indices.raw_dim(), T::ZERO);
        for (at, index) in indices.indexed_iter() {
            let mut from = at.clone();
            from[along] = place(*index, shape[along])?;
            result[at] = data[from];
        }
        Ok(vec![T::tensor(result)])
    })
}

/// The slice of `shape` that one index vector names: its offset in numbers.
fn offset(index: &[i64], shape: &[usize]) -> Result<usize, OpError> {
    let mut at = 0;
    for (i, &extent) in index.iter().zip(shape) {
        at = at * extent + place(*i, extent)?;
    }
    Ok(at * shape[index.len()..].iter().product::<usize>())
}

/// For each vector of indices, the slice it names, below the first `batch_dims` axes.
pub(super) fn gather_nd(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let indices = call.array::<i64>(1)?;
    let bad = || shapes("GatherND", shape, indices.shape());
    let (&width, lead) = indices.shape().split_last().ok_or_else(bad)?;
    let batch = usize::try_from(call.int("batch_dims", 0)?).map_err(|_| bad())?;
    if batch > lead.len() || batch + width > shape.len() || lead[..batch] != shape[..batch] {
        return Err(bad());
    }
    let to = [lead, &shape[batch + width..]].concat();
    call.permit(&to)?;
    let len: usize = shape[batch + width..].iter().product();
    let per_batch: usize = shape[batch..].iter().product();
    let vectors: usize = lead.iter().product();
    let batches: usize = shape[..batch].iter().product();
    let per = vectors.checked_div(batches).unwrap_or(0);
    let list: Vec<i64> = indices.iter().copied().collect();
    with_kind!(call.input(0)?, T => {
        let data: Vec<T> = call.array::<T>(0)?.iter().copied().collect();
        let mut values = Vec::with_capacity(vectors * len);
        for v in 0..vectors {
            let from = v / per.max(1) * per_batch + offset(&list[v * width..][..width], &shape[batch..])?;
            values.extend_from_slice(&data[from..from + len]);
        }
        let array = ArrayD::from_shape_vec(IxDyn(&to), values).map_err(|_| bad())?;
        Ok(vec![T::tensor(array)])
    })
}

/// What a scattered number does to the one that is there.
fn combine<T: Element>(reduction: &str, old: T, new: T) -> Result<T, OpError> {
    let value = match reduction {
        "none" => Some(new),
        "add" => T::plus(old, new),
        "mul" => T::times(old, new),
        "max" => Some(if new > old { new } else { old }),
        "min" => Some(if new < old { new } else { old }),
        _ => None,
    };
    value.ok_or_else(|| invalid(format!("reduction '{reduction}'")))
}

/// Input 0 with the slices that the vectors of indices name replaced by, or combined with, the updates.
pub(super) fn scatter_nd(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let indices = call.array::<i64>(1)?;
    let bad = || shapes("ScatterND", shape, indices.shape());
    let (&width, lead) = indices.shape().split_last().ok_or_else(bad)?;
    if width > shape.len() {
        return Err(bad());
    }
    let expected = [lead, &shape[width..]].concat();
    if call.input(2)?.shape() != expected {
        return Err(shapes("ScatterND updates", call.input(2)?.shape(), &expected));
    }
    let reduction = call.text("reduction", "none")?;
    let len: usize = shape[width..].iter().product();
    let list: Vec<i64> = indices.iter().copied().collect();
    with_kind!(call.input(0)?, T => {
        let mut data: Vec<T> = call.array::<T>(0)?.iter().copied().collect();
        let updates: Vec<T> = call.array::<T>(2)?.iter().copied().collect();
        for v in 0..lead.iter().product() {
            let to = offset(&list[v * width..][..width], shape)?;
            for (old, new) in data[to..to + len].iter_mut().zip(&updates[v * len..]) {
                *old = combine(reduction, *old, *new)?;
            }
        }
        let array = ArrayD::from_shape_vec(IxDyn(shape), data).map_err(|_| bad())?;
        Ok(vec![T::tensor(array)])
    })
}

/// Input 0 with numbers replaced by, or combined with, the updates, the axis taken from the index.
pub(super) fn scatter_elements(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", 0)?, shape.len())?;
    let indices = call.array::<i64>(1)?;
    let beyond = |a: usize| a != along && indices.shape()[a] > shape[a];
    if indices.ndim() != shape.len() || (0..shape.len()).any(beyond) || call.input(2)?.shape() != indices.shape() {
        return Err(shapes("ScatterElements", shape, indices.shape()));
    }
    let reduction = call.text("reduction", "none")?;
    with_kind!(call.input(0)?, T => {
        let mut data = call.array::<T>(0)?.clone();
        let updates = call.array::<T>(2)?;
        for (at, index) in indices.indexed_iter() {
            let mut to = at.clone();
            to[along] = place(*index, shape[along])?;
            let old = &mut data[to];
            *old = combine(reduction, *old, updates[at])?;
        }
        Ok(vec![T::tensor(data)])
    })
}

/// The `k` largest (or smallest) numbers along an axis, in order, and where they were.
pub(super) fn top_k(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let along = axis(call.int("axis", -1)?, shape.len())?;
    let k = if call.opset >= 10 { call.scalar::<i64>(1)? } else { Some(call.int("k", -1)?) };
    let k = k.and_then(|k| usize::try_from(k).ok()).filter(|k| *k <= shape[along]);
    let k = k.ok_or_else(|| invalid(format!("TopK of an axis of extent {}", shape[along])))?;
    let largest = call.flag("largest", true)?;
    let mut to = shape.to_vec();
    to[along] = k;
    with_kind!(call.input(0)?, T => {
        let data = call.array::<T>(0)?;
        let mut values = ArrayD::from_elem(IxDyn(&to), T::ZERO);
        let mut places = ArrayD::from_elem(IxDyn(&to), 0i64);
        let lanes = values.lanes_mut(Axis(along)).into_iter().zip(places.lanes_mut(Axis(along)));
        for (lane, (mut value, mut at)) in data.lanes(Axis(along)).into_iter().zip(lanes) {
            let mut order: Vec<usize> = (0..lane.len()).collect();
            if lane.iter().any(|v| v.partial_cmp(v).is_none()) {
                return Err(invalid("TopK of NaN"));
            }
            order.sort_by(|i, j| {
                let ascending = lane[*i].partial_cmp(&lane[*j]).unwrap_or(std::cmp::Ordering::Equal);
                if largest { ascending.reverse() } else { ascending }
            });
            for (rank, from) in order.into_iter().take(k).enumerate() {
                value[rank] = lane[from];
                at[rank] = from as i64;
            }
        }
        Ok(vec![T::tensor(values), Tensor::Int(places)])
    })
}

/// A new axis that holds `values[1]` at the index and `values[0]` elsewhere.
pub(super) fn one_hot(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let indices: ArrayD<i64> = match call.input(0)? {
        Tensor::Float(a) => a.mapv(|v| v as i64),
        _ => call.array::<i64>(0)?.clone(),
    };
    let depth = match call.input(1)? {
        Tensor::Float(_) => call.scalar::<f64>(1)?.map(|d| d as i64),
        _ => call.scalar::<i64>(1)?,
    };
    let depth = depth.and_then(|d| usize::try_from(d).ok()).ok_or_else(|| invalid("OneHot with a negative depth"))?;
    let along = axis(call.int("axis", -1)?, indices.ndim() + 1)?;
    let mut to = indices.shape().to_vec();
    to.insert(along, depth);
    call.permit(&to)?;
    with_kind!(call.input(2)?, T => {
        let values = call.array::<T>(2)?;
        if values.shape() != [2] {
            return Err(shapes("OneHot values", values.shape(), &[2]));
        }
        let mut result = ArrayD::from_elem(IxDyn(&to), values[[0]]);
        for (at, index) in indices.indexed_iter() {
            // An index outside the depth makes no entry hot.
            if let Ok(hot) = place(*index, depth) {
                let mut full = at.slice().to_vec();
                full.insert(along, hot);
                result[IxDyn(&full)] = values[[1]];
            }
        }
        Ok(vec![T::tensor(result)])
    })
}
