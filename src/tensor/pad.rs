//! Pad: numbers around a tensor, given, repeated or mirrored.

use ndarray::{ArrayD, Axis, IxDyn, arr0};

use super::Tensor;
use super::call::{Call, axes, axis};
use super::element::{Element, with_kind};
use super::error::{OpError, invalid};

/// The tensor with each axis padded, or cropped where pads are negative; pads are attributes before opset 11.
pub(super) fn pad(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let shape = call.input(0)?.shape();
    let rank = shape.len();
    let pads = call.list_since(11, 1, "pads")?.ok_or_else(|| invalid("Pad without pads"))?;
    let along: Vec<usize> = match if call.opset >= 18 { call.list(3)? } else { None } {
        Some(list) => {
            axes(&list, rank)?;
            list.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?
        }
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * along.len() {
        return Err(invalid(format!("{} pads for {} axes", pads.len(), along.len())));
    }
    let mode = call.text("mode", "constant")?;
    with_kind!(call.input(0)?, T => {
        let fill = if call.opset >= 11 {
            call.scalar::<T>(2)?.unwrap_or(T::ZERO)
        } else {
            let value = arr0(call.float("value", 0.0)?).into_dyn();
            T::array(&Tensor::Float(value)).and_then(|a| a.first().copied()).unwrap_or(T::ZERO)
        };
        let mut array = call.array::<T>(0)?.clone();
        for (i, &a) in along.iter().enumerate() {
            array = pad_axis(call, &array, a, [pads[i], pads[i + along.len()]], mode, fill)?;
        }
        Ok(vec![T::tensor(array)])
    })
}

/// Pads (or, with negative pads, crops) one axis.
fn pad_axis<T: Element>(
    call: &Call,
    array: &ArrayD<T>,
    along: usize,
    [before, after]: [i64; 2],
    mode: &str,
    fill: T,
) -> Result<ArrayD<T>, OpError> {
    let n = array.shape()[along] as i64;
    let extent = n.checked_add(before).and_then(|e| e.checked_add(after)).and_then(|e| usize::try_from(e).ok());
    let bad = || invalid(format!("pads {before} and {after} ({mode}) of extent {n}"));
    let mut shape = array.shape().to_vec();
    shape[along] = extent.ok_or_else(bad)?;
    call.permit(&shape)?;
    if n == 0 && mode != "constant" && shape[along] > 0 {
        return Err(bad());
    }
    // Where each place of the result reads from; outside the tensor when `None`.
    let source = |place: usize| -> Result<Option<usize>, OpError> {
        let i = place as i64 - before;
        let inside = match mode {
            _ if (0..n).contains(&i) => i,
            "constant" => return Ok(None),
            "edge" => i.clamp(0, n - 1),
            "wrap" => i.rem_euclid(n),
            "reflect" if n > 1 => {
                let period = 2 * (n - 1);
                let j = i.rem_euclid(period);
                j.min(period - j)
            }
            _ => return Err(bad()),
        };
        Ok(Some(inside as usize))
    };
    let mut result = ArrayD::from_elem(IxDyn(&shape), fill);
    for (place, mut slice) in result.axis_iter_mut(Axis(along)).enumerate() {
        if let Some(i) = source(place)? {
            slice.assign(&array.index_axis(Axis(along), i));
        }
    }
    Ok(result)
}
