//! Normalisations, all in their form for inference, softmax among them.

use ndarray::{Array1, ArrayD, Axis, IxDyn, Zip};

use super::Tensor;
use super::broadcast::{self, zip};
use super::call::{Call, axis};
use super::defaults::EPSILON;
use super::element::reshaped;
use super::error::{OpError, invalid, shapes};
use super::reduce::{log_sum_exp, mean, norm, rows};

/// A list of one number a channel (axis 1), seen with the rank of `x`.
fn per_channel(call: &Call, index: usize, x: &ArrayD<f64>) -> Result<ArrayD<f64>, OpError> {
    let list = call.floats(index)?;
    if x.ndim() < 2 || list.shape() != [x.shape()[1]] {
        return Err(shapes("one number a channel", x.shape(), list.shape()));
    }
    let mut shape = vec![1; x.ndim()];
    shape[1] = list.len();
    Ok(reshaped(list, &shape))
}

/// `(x − mean) / √(var + ε) · scale + bias`, channel by channel, with the stored mean and variance.
pub(super) fn batch(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let training = if call.opset >= 14 { call.flag("training_mode", false)? } else { call.wants(1) };
    if training {
        return Err(invalid("BatchNormalization in training mode; call `model.eval()` before exporting"));
    }
    let x = call.floats(0)?;
    let epsilon = call.float("epsilon", EPSILON)?;
    let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|index| per_channel(call, index, x));
    let deviation = variance?.mapv(|v| (v + epsilon).sqrt());
    Ok(vec![Tensor::Float((x - &mean?) / &deviation * &scale? + &bias?)])
}

/// `(x − mean) / √(var + ε)` over the axes in `mask`, and the mean and `1 / √(var + ε)` themselves.
fn standardised(x: &ArrayD<f64>, mask: &[bool], epsilon: f64) -> [ArrayD<f64>; 3] {
    let centre = rows(x, mask, true, mean);
    let shifted = x - &centre;
    let inverse = rows(&shifted, mask, true, |row: &[f64]| {
        1.0 / (row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64 + epsilon).sqrt()
    });
    [shifted * &inverse, centre, inverse]
}

/// `x · scale + bias`, both broadcasting to `x`.
fn scaled(call: &Call, x: ArrayD<f64>, scale: usize, bias: usize) -> Result<ArrayD<f64>, OpError> {
    let mut y = x;
    for (index, add) in [(scale, false), (bias, true)] {
        if let Some(other) = call.optional_array::<f64>(index)? {
            if broadcast::shape(y.shape(), other.shape())? != y.shape() {
                return Err(shapes("normalisation scale", y.shape(), other.shape()));
            }
            y = zip(&y, other, call.limit, |a, b| if add { a + b } else { a * b })?;
        }
    }
    Ok(y)
}

/// Over the axes from `axis` on, sample by sample.
pub(super) fn layer(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let from = axis(call.int("axis", -1)?, x.ndim())?;
    let mask: Vec<bool> = (0..x.ndim()).map(|a| a >= from).collect();
    let [y, centre, inverse] = standardised(x, &mask, call.float("epsilon", EPSILON)?);
    call.floats(1)?;
    Ok(vec![Tensor::Float(scaled(call, y, 1, 2)?), Tensor::Float(centre), Tensor::Float(inverse)])
}

/// `x / √(mean x² + ε) · scale` over the axes from `axis` on.
pub(super) fn root_mean_square(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let from = axis(call.int("axis", -1)?, x.ndim())?;
    let epsilon = call.float("epsilon", EPSILON)?;
    let mask: Vec<bool> = (0..x.ndim()).map(|a| a >= from).collect();
    let root = rows(x, &mask, true, |row: &[f64]| {
        (row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64 + epsilon).sqrt()
    });
    call.floats(1)?;
    Ok(vec![Tensor::Float(scaled(call, x / &root, 1, usize::MAX)?)])
}

/// Over the spatial axes, channel by channel.
pub(super) fn instance(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let (scale, bias) = (per_channel(call, 1, x)?, per_channel(call, 2, x)?);
    let mask: Vec<bool> = (0..x.ndim()).map(|a| a >= 2).collect();
    let [y, ..] = standardised(x, &mask, call.float("epsilon", EPSILON)?);
    Ok(vec![Tensor::Float(y * &scale + &bias)])
}

/// Over groups of channels and the spatial axes; scale and bias are one a group before opset 21, one a channel from there.
pub(super) fn group(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let groups = usize::try_from(call.int("num_groups", 0)?).unwrap_or(0);
    if x.ndim() < 2 || groups == 0 || groups > x.shape()[1] || !x.shape()[1].is_multiple_of(groups) {
        return Err(invalid(format!("{groups} groups of the channels of shape {:?}", x.shape())));
    }
    let rest = x.len().checked_div(x.shape()[0] * groups).unwrap_or(0);
    let grouped = reshaped(x, &[x.shape()[0], groups, rest]);
    let [mut y, ..] = standardised(&grouped, &[false, false, true], call.float("epsilon", EPSILON)?);
    if call.opset < 21 {
        let (scale, bias) = (per_channel(call, 1, &y)?, per_channel(call, 2, &y)?);
        y = y * &scale + &bias;
        return Ok(vec![Tensor::Float(reshaped(&y, x.shape()))]);
    }
    let (scale, bias) = (per_channel(call, 1, x)?, per_channel(call, 2, x)?);
    Ok(vec![Tensor::Float(reshaped(&y, x.shape()) * &scale + &bias)])
}

/// Divided by the 1- or 2-norm along an axis; zeros stay zeros.
pub(super) fn lp(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let along = axis(call.int("axis", -1)?, x.ndim())?;
    let length: fn(&[f64]) -> f64 = match call.int("p", 2)? {
        1 => |row| row.iter().map(|v| v.abs()).sum(),
        2 => norm,
        other => return Err(invalid(format!("LpNormalization with p = {other}, 1 and 2 are known"))),
    };
    let mask: Vec<bool> = (0..x.ndim()).map(|a| Axis(a) == Axis(along)).collect();
    let lengths = rows(x, &mask, true, length);
    let lengths = lengths.broadcast(IxDyn(x.shape())).ok_or_else(|| shapes("norms", lengths.shape(), x.shape()))?;
    Ok(vec![Tensor::Float(Zip::from(x).and(lengths).map_collect(|v, n| if *n == 0.0 { 0.0 } else { v / n }))])
}

/// Softmax, or its logarithm: over one axis from opset 13 on, before it over all axes from one on.
pub(super) fn softmax(call: &Call, logarithm: bool) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    let one_axis = call.opset >= 13;
    let along = axis(call.int("axis", if one_axis { -1 } else { 1 })?, x.ndim())?;
    let flat;
    let (x, lanes) = if one_axis {
        (x, along)
    } else {
        let (rows, columns) = x.shape().split_at(along);
        flat = reshaped(x, &[rows.iter().product(), columns.iter().product()]);
        (&flat, 1)
    };
    let mut y = x.clone();
    for mut lane in y.lanes_mut(Axis(lanes)) {
        let row: Array1<f64> = lane.to_owned();
        let total = log_sum_exp(&row.to_vec());
        lane.mapv_inplace(|v| if logarithm { v - total } else { (v - total).exp() });
    }
    Ok(vec![Tensor::Float(reshaped(&y, call.input(0)?.shape()))])
}
