//! Poolings. Maximum and mean over a box are taken one axis at a time.

use ndarray::{ArrayD, Axis, IxDyn};

use super::Tensor;
use super::arithmetic::larger;
use super::call::Call;
use super::error::{OpError, invalid};
use super::geometry::{Window, numbers};
use super::reduce::rows;

/// The window of a pooling node.
fn window(call: &Call, input: &[usize]) -> Result<Window, OpError> {
    if input.len() < 3 {
        return Err(invalid(format!("pooling of shape {input:?}, at least 3 axes are needed")));
    }
    let spatial = &input[2..];
    if call.ints("kernel_shape")?.is_none() {
        return Err(invalid("pooling without kernel_shape"));
    }
    let kernel = numbers(call.node, "kernel_shape", 1, &vec![1; spatial.len()])?;
    call.flag("ceil_mode", false)?;
    Window::from_node(call.node, spatial, &kernel)
}

/// Every output along each axis is `f` of the inputs its taps read and of the output's place.
fn pool(
    call: &Call,
    window: &Window,
    f: impl Fn(usize, usize, &mut dyn Iterator<Item = f64>) -> f64,
) -> Result<Vec<Tensor>, OpError> {
    let mut array = call.floats(0)?.clone();
    for axis in 0..window.kernel.len() {
        let mut shape = array.shape().to_vec();
        shape[axis + 2] = window.output[axis];
        call.permit(&shape)?;
        let mut pooled = ArrayD::zeros(IxDyn(&shape));
        let along = Axis(axis + 2);
        for (lane, mut out) in array.lanes(along).into_iter().zip(pooled.lanes_mut(along)) {
            for (o, value) in out.iter_mut().enumerate() {
                let at = |t| lane[o * window.strides[axis] + t * window.dilations[axis] - window.pads_begin[axis]];
                *value = f(axis, o, &mut window.taps(axis, o).map(at));
            }
        }
        array = pooled;
    }
    Ok(vec![Tensor::Float(array)])
}

/// The largest number under the window; padding never wins.
pub(super) fn max_pool(call: &Call) -> Result<Vec<Tensor>, OpError> {
    if call.wants(1) {
        return Err(invalid("MaxPool with indices is not supported"));
    }
    let window = window(call, call.floats(0)?.shape())?;
    pool(call, &window, |_, _, taps| taps.fold(f64::NEG_INFINITY, larger))
}

/// The mean of the numbers under the window; padding counts as zeros with `count_include_pad`.
pub(super) fn average_pool(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let window = window(call, call.floats(0)?.shape())?;
    let include = call.flag("count_include_pad", false)?;
    pool(call, &window, |axis, o, taps| {
        let (sum, read) = taps.fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
        // Taps beyond the padding after the input, which rounding up makes, count never.
        let end = window.input[axis] + window.pads_begin[axis] + window.pads_end[axis];
        let room = end.saturating_sub(o * window.strides[axis]).div_ceil(window.dilations[axis]);
        let count = if include { room.min(window.kernel[axis]) } else { read };
        sum / count.max(1) as f64
    })
}

/// `f` over all spatial axes.
pub(super) fn global(call: &Call, f: fn(&[f64]) -> f64) -> Result<Vec<Tensor>, OpError> {
    let x = call.floats(0)?;
    if x.ndim() < 3 || x.is_empty() {
        return Err(invalid(format!("pooling of shape {:?}, at least 3 nonempty axes are needed", x.shape())));
    }
    let mask: Vec<bool> = (0..x.ndim()).map(|a| a >= 2).collect();
    Ok(vec![Tensor::Float(rows(x, &mask, true, f))])
}
