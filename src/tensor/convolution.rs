//! Convolution and its transpose, over any number of spatial axes.

use ndarray::{ArrayD, IxDyn};

use super::Tensor;
use super::call::Call;
use super::error::{OpError, invalid, shapes};
use super::geometry::{AutoPad, Window, auto_pad, numbers};

/// The extents of a convolution's operands.
struct Sizes {
    batch: usize,
    /// Channels of the input, of the output, and of each in a group.
    inputs: usize,
    outputs: usize,
    groups: usize,
}

/// The numbers of an array in row-major order.
fn flat(array: &ArrayD<f64>) -> Vec<f64> {
    array.iter().copied().collect()
}

/// The output before any product: the bias of each channel.
fn biased(call: &Call, sizes: &Sizes, places: usize) -> Result<Vec<f64>, OpError> {
    let bias = call.optional_array::<f64>(2)?;
    if let Some(b) = bias
        && b.shape() != [sizes.outputs]
    {
        return Err(shapes("convolution bias", b.shape(), &[sizes.outputs]));
    }
    let bias = bias.map_or_else(|| vec![0.0; sizes.outputs], flat);
    let channel = |c: usize| std::iter::repeat_n(bias[c], places);
    Ok((0..sizes.batch).flat_map(|_| (0..sizes.outputs).flat_map(channel)).collect())
}

/// Refuses a `kernel_shape` other than the weight's, and operands that do not fit.
fn check<'a>(call: &Call<'a>) -> Result<(&'a ArrayD<f64>, &'a ArrayD<f64>, usize), OpError> {
    let (x, w) = (call.floats(0)?, call.floats(1)?);
    if x.ndim() < 3 || w.ndim() != x.ndim() {
        return Err(shapes("convolution", x.shape(), w.shape()));
    }
    if let Some(declared) = call.ints("kernel_shape")?
        && !declared.iter().map(|d| *d as u64).eq(w.shape()[2..].iter().map(|d| *d as u64))
    {
        return Err(invalid(format!("kernel_shape {declared:?}, the weight's is {:?}", &w.shape()[2..])));
    }
    let groups = usize::try_from(call.int("group", 1)?).unwrap_or(0);
    if groups == 0
        || groups > x.shape()[1]
        || !x.shape()[1].is_multiple_of(groups)
        || !w.shape()[0].is_multiple_of(groups)
    {
        return Err(invalid(format!("{groups} groups of shapes {:?} and {:?}", x.shape(), w.shape())));
    }
    Ok((x, w, groups))
}

/// `y[n, m, o] = b[m] + Σ w[m, c, t] x[n, c, o·stride + t·dilation − pad]` over the channels `c` of `m`'s group.
pub(super) fn conv(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (x, w, groups) = check(call)?;
    let (xs, ws) = (x.shape(), w.shape());
    if ws[1].checked_mul(groups) != Some(xs[1]) {
        return Err(shapes("Conv channels", xs, ws));
    }
    let sizes = Sizes { batch: xs[0], inputs: xs[1], outputs: ws[0], groups };
    let window = Window::from_node(call.node, &xs[2..], &ws[2..])?;
    let to = [&[sizes.batch, sizes.outputs], &window.output[..]].concat();
    call.permit(&to)?;
    let (x, w) = (flat(x), flat(w));
    let places = window.output.iter().product();
    let mut y = biased(call, &sizes, places)?;
    channels(&sizes, &window, |input, weight, output| {
        window.runs(|run| {
            let weight = w[weight + run.tap];
            let from = x[input + run.input..].iter().step_by(run.step);
            for (y, x) in y[output + run.output..][..run.len].iter_mut().zip(from) {
                *y += weight * x;
            }
        });
    });
    array(&to, y)
}

/// The transpose of a convolution: what `conv` reads, this writes.
pub(super) fn conv_transpose(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (x, w, groups) = check(call)?;
    let (xs, ws) = (x.shape(), w.shape());
    if ws[0] != xs[1] {
        return Err(shapes("ConvTranspose channels", xs, ws));
    }
    let outputs = ws[1].checked_mul(groups).ok_or_else(|| shapes("ConvTranspose channels", xs, ws))?;
    let sizes = Sizes { batch: xs[0], inputs: outputs, outputs: xs[1], groups };
    let window = transposed(call, &xs[2..], &ws[2..])?;
    let to = [&[sizes.batch, outputs], &window.input[..]].concat();
    call.permit(&to)?;
    let (x, w) = (flat(x), flat(w));
    let places = window.input.iter().product();
    let mut y = biased(call, &Sizes { outputs, ..sizes }, places)?;
    channels(&sizes, &window, |input, weight, output| {
        window.runs(|run| {
            let weight = w[weight + run.tap];
            let from = &x[output + run.output..][..run.len];
            for (y, x) in y[input + run.input..].iter_mut().step_by(run.step).zip(from) {
                *y += weight * x;
            }
        });
    });
    array(&to, y)
}

/// The window that a transposed convolution goes through backwards: its output is what the node reads.
fn transposed(call: &Call, reads: &[usize], kernel: &[usize]) -> Result<Window, OpError> {
    let rank = reads.len();
    let strides = numbers(call.node, "strides", 1, &vec![1; rank])?;
    let dilations = numbers(call.node, "dilations", 1, &vec![1; rank])?;
    let extra = numbers(call.node, "output_padding", 0, &vec![0; rank])?;
    let pads = numbers(call.node, "pads", 0, &vec![0; 2 * rank])?;
    let auto = auto_pad(call.node)?;
    let mut window = Window {
        input: vec![0; rank],
        kernel: kernel.to_vec(),
        strides,
        dilations,
        pads_begin: pads[..rank].to_vec(),
        pads_end: pads[rank..].to_vec(),
        output: reads.to_vec(),
    };
    if auto == AutoPad::None {
        (window.pads_begin, window.pads_end) = (vec![0; rank], vec![0; rank]);
    }
    let given =
        call.ints("output_shape")?.map(|_| numbers(call.node, "output_shape", 1, &vec![1; rank])).transpose()?;
    for a in 0..rank {
        let bad = || invalid(format!("kernel {kernel:?} over {reads:?} at spatial axis {a}"));
        if reads[a] == 0 || kernel[a] == 0 {
            return Err(bad());
        }
        let full = (reads[a] - 1).checked_mul(window.strides[a]).and_then(|n| n.checked_add(extra[a] + window.span(a)));
        let full = full.ok_or_else(bad)?;
        let same = matches!(auto, AutoPad::Upper | AutoPad::Lower);
        let wanted = match &given {
            Some(shape) => Some(shape[a]),
            None if same => Some(reads[a].checked_mul(window.strides[a]).ok_or_else(bad)?),
            None => None,
        };
        if let Some(wanted) = wanted {
            let total = full.checked_sub(wanted).ok_or_else(|| {
                invalid(format!("an output of {wanted} at spatial axis {a}, the kernel makes {full}"))
            })?;
            let (less, more) = (total / 2, total - total / 2);
            (window.pads_begin[a], window.pads_end[a]) =
                if auto == AutoPad::Upper { (less, more) } else { (more, less) };
        }
        let pads = window.pads_begin[a] + window.pads_end[a];
        let kept = full.checked_sub(pads).filter(|n| *n > 0);
        window.input[a] = kept.ok_or_else(|| invalid(format!("pads of {pads} leave nothing of {full}")))?;
    }
    Ok(window)
}

/// Calls `f` with the offsets of the input channel, the kernel and the output channel of every pair that a kernel joins.
fn channels(sizes: &Sizes, window: &Window, mut f: impl FnMut(usize, usize, usize)) {
    let product = |extents: &[usize]| extents.iter().product::<usize>();
    let (reads, taps, writes) = (product(&window.input), product(&window.kernel), product(&window.output));
    let (in_group, out_group) = (sizes.inputs / sizes.groups, sizes.outputs / sizes.groups);
    for n in 0..sizes.batch {
        for m in 0..sizes.outputs {
            for c in 0..in_group {
                let channel = n * sizes.inputs + m / out_group * in_group + c;
                f(channel * reads, (m * in_group + c) * taps, (n * sizes.outputs + m) * writes);
            }
        }
    }
}

/// A result of known shape.
fn array(shape: &[usize], values: Vec<f64>) -> Result<Vec<Tensor>, OpError> {
    let counted = values.len();
    let array = ArrayD::from_shape_vec(IxDyn(shape), values);
    Ok(vec![Tensor::Float(array.map_err(|_| invalid(format!("{counted} numbers in shape {shape:?}")))?)])
}
