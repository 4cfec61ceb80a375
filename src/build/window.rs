//! Convolution and pooling on the y-path: structured maps and groups from the window geometry.

use std::sync::Arc;

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::reduce::summing;
use crate::ir::linear::{Convolution, LinearMap};
use crate::ir::program::{GroupKind, Groups};
use crate::load::graph::Node;
use crate::tensor::geometry::Window;

/// Extents of a [1, channels, spatial…] value.
fn channels_first(value: &Value) -> Lowered<(usize, Vec<usize>)> {
    match value.shape() {
        [1, channels, spatial @ ..] if !spatial.is_empty() => Ok((*channels, spatial.to_vec())),
        other => Err(format!("extents {other:?}; it takes [1, channels, …]")),
    }
}

pub(super) fn convolution(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let (Some(Some(value)), Some(Some(weight))) = (a.first(), a.get(1)) else {
        return Err("it needs two inputs".into());
    };
    if weight.is_decision() {
        return Err("its kernel depends on y".into());
    }
    let (channels, spatial) = channels_first(value)?;
    let ws = weight.shape().to_vec();
    let groups = usize::try_from(node.int("group", 1)).ok().filter(|g| *g > 0).ok_or("its group is not positive")?;
    if ws.len() != spatial.len() + 2 || ws[1].checked_mul(groups) != Some(channels) || ws[0] % groups != 0 {
        return Err(format!("a kernel of extents {ws:?} in {groups} groups on {channels} channels of {spatial:?}"));
    }
    let window = Window::from_node(node, &spatial, &ws[2..]).map_err(|e| e.to_string())?;
    let geometry = Convolution {
        input_channels: channels,
        output_channels: ws[0],
        groups,
        input: spatial,
        output: window.output.clone(),
        kernel: window.kernel.clone(),
        strides: window.strides.clone(),
        dilations: window.dilations.clone(),
        pads: window.pads_begin.clone(),
    };
    let mut shape = vec![1, ws[0]];
    shape.extend(&window.output);
    if shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).is_none_or(|n| n > l.limit || n == 0) {
        return Err(format!("its result would have extents {shape:?}"));
    }
    let t = l.node_of(value, value.shape())?;
    let kernel = l.param(weight)?;
    let mut result = l.builder.linear(t, LinearMap::Convolution { weight: kernel, geometry: Arc::new(geometry) })?;
    if let Some(Some(bias)) = a.get(2) {
        let mut bias_shape = vec![1; shape.len()];
        bias_shape[1] = ws[0];
        if bias.shape() != [ws[0]] {
            return Err(format!("a bias of extents {:?} for {} channels", bias.shape(), ws[0]));
        }
        let bias = match bias {
            Value::Known(_) => super::rearrange::known(bias.known().unwrap_or_default().to_vec(), &bias_shape)?,
            _ => return Err("its bias must be a constant".into()),
        };
        let bias = l.node_of(&bias, &shape)?;
        result = l.builder.sum(&[result, bias])?;
    }
    Ok(Value::Decision { node: result, shape })
}

/// For every output entry, channel by channel, the input entries inside its window and the window's size with and without
/// padding.
struct Pool {
    groups: Groups,
    shape: Vec<usize>,
    sizes: Vec<usize>,
}

fn pool(l: &Lowering, node: &Node, value: &Value) -> Lowered<Pool> {
    let (channels, spatial) = channels_first(value)?;
    let kernel: Vec<usize> = node
        .ints("kernel_shape")
        .ok_or("it has no kernel_shape")?
        .iter()
        .map(|k| usize::try_from(*k).map_err(|_| format!("kernel extent {k}")))
        .collect::<Lowered<_>>()?;
    if kernel.len() != spatial.len() {
        return Err(format!("a kernel of {} axes on a value with {} spatial axes", kernel.len(), spatial.len()));
    }
    let w = Window::from_node(node, &spatial, &kernel).map_err(|e| e.to_string())?;
    let outputs: usize = w.output.iter().product();
    let taps: usize = kernel.iter().product();
    let work = outputs.checked_mul(taps).and_then(|n| n.checked_mul(channels));
    if work.is_none_or(|n| n > l.limit.saturating_mul(4)) {
        return Err(format!("{channels} channels of {outputs} windows of {taps} entries"));
    }
    let inputs: usize = spatial.iter().product();
    let mut windows: Vec<Vec<usize>> = Vec::with_capacity(outputs);
    let mut sizes = vec![];
    for o in 0..outputs {
        let mut members = vec![];
        let mut size = 0;
        for tap in 0..taps {
            let (mut at, mut padded, mut inside, mut step) = (0, true, true, 1);
            let (mut o, mut tap) = (o, tap);
            for axis in (0..spatial.len()).rev() {
                let (oi, ti) = (o % w.output[axis], tap % kernel[axis]);
                o /= w.output[axis];
                tap /= kernel[axis];
                let p = oi * w.strides[axis] + ti * w.dilations[axis];
                // Beyond the padded extent (ceil_mode) an entry does not count at all.
                padded &= p < w.pads_begin[axis] + spatial[axis] + w.pads_end[axis];
                inside &= p >= w.pads_begin[axis] && p < w.pads_begin[axis] + spatial[axis];
                at += p.wrapping_sub(w.pads_begin[axis]).wrapping_mul(step);
                step *= spatial[axis];
            }
            size += usize::from(padded);
            if inside {
                members.push(at);
            }
        }
        if members.is_empty() {
            return Err(format!("window {o} holds nothing but padding"));
        }
        windows.push(members);
        sizes.push(size);
    }
    let mut shape = vec![1, channels];
    shape.extend(&w.output);
    let all = (0..channels).flat_map(|c| windows.iter().map(move |m| m.iter().map(|i| c * inputs + i).collect()));
    Ok(Pool { groups: Groups::new(all), shape, sizes: sizes.repeat(channels) })
}

pub(super) fn max_pool(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    let pool = pool(l, node, value)?;
    let t = l.node_of(value, value.shape())?;
    let node = l.builder.group(t, GroupKind::Max, pool.groups)?;
    Ok(Value::Decision { node, shape: pool.shape })
}

pub(super) fn average_pool(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let Some(Some(value)) = a.first() else { return Err("it has no input".into()) };
    let pool = pool(l, node, value)?;
    let t = l.node_of(value, value.shape())?;
    let columns = l.builder.len(t);
    let count_padding = node.int("count_include_pad", 0) != 0;
    let matrix = if count_padding {
        let mut matrix = summing(&pool.groups, columns, |_| 1.0);
        let divisors: Vec<f64> =
            (0..pool.groups.len()).flat_map(|g| vec![pool.sizes[g] as f64; pool.groups.group(g).len()]).collect();
        matrix.data_mut().iter_mut().zip(divisors).for_each(|(v, d)| *v /= d);
        matrix
    } else {
        summing(&pool.groups, columns, |size| 1.0 / size as f64)
    };
    let node = l.builder.sparse(t, matrix)?;
    Ok(Value::Decision { node, shape: pool.shape })
}
