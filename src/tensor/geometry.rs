//! [`Window`]: where a kernel lands as it slides over the spatial axes, for convolutions and poolings alike.

use std::ops::Range;

use super::error::{OpError, invalid};
use crate::load::graph::{Attribute, Node};

/// The largest extent, stride, dilation or pad: beyond it, sums of products could overflow.
const LARGEST: i64 = 1 << 31;

/// The sliding of a kernel over spatial axes. One entry an axis in every field, the batch and channel axes apart.
///
/// Tap `t` of output `o` reads input `o · stride + t · dilation − pad_begin`; outside the input it reads the padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Extents of the input.
    pub input: Vec<usize>,
    /// Extents of the kernel, in taps.
    pub kernel: Vec<usize>,
    /// Steps between outputs.
    pub strides: Vec<usize>,
    /// Steps between taps.
    pub dilations: Vec<usize>,
    /// Padding before the input.
    pub pads_begin: Vec<usize>,
    /// Padding after the input.
    pub pads_end: Vec<usize>,
    /// Extents of the output.
    pub output: Vec<usize>,
}

/// Consecutive outputs along the last axis that one tap serves: output `output + i` reads input `input + i · step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The tap, counted in row-major order.
    pub tap: usize,
    /// The first output, counted in row-major order.
    pub output: usize,
    /// The input it reads, counted in row-major order.
    pub input: usize,
    /// How many outputs.
    pub len: usize,
    /// The distance of the inputs they read: the last stride.
    pub step: usize,
}

impl Window {
    /// The window of a `Conv`, `MaxPool` or `AveragePool` over `input`, from its attributes `strides`, `dilations`, `pads`,
    /// `auto_pad` and `ceil_mode`.
    ///
    /// # Errors
    /// An attribute with another number of axes, a stride, dilation or kernel extent of zero, negative pads, a kernel that
    /// spans more than the padded input.
    pub fn from_node(node: &Node, input: &[usize], kernel: &[usize]) -> Result<Window, OpError> {
        let rank = input.len();
        if rank == 0 || kernel.len() != rank {
            return Err(invalid(format!("a kernel with {} axes over {rank} spatial axes", kernel.len())));
        }
        let strides = numbers(node, "strides", 1, &vec![1; rank])?;
        let dilations = numbers(node, "dilations", 1, &vec![1; rank])?;
        let pads = numbers(node, "pads", 0, &vec![0; 2 * rank])?;
        let ceil = node.int("ceil_mode", 0) != 0;
        let mut window = Window {
            input: input.to_vec(),
            kernel: kernel.to_vec(),
            strides,
            dilations,
            pads_begin: pads[..rank].to_vec(),
            pads_end: pads[rank..].to_vec(),
            output: vec![0; rank],
        };
        for axis in 0..rank {
            if let Some(extent) =
                [input[axis], kernel[axis]].into_iter().find(|e| *e as u64 > LARGEST as u64 || *e == 0)
            {
                return Err(invalid(format!(
                    "extent {extent} at spatial axis {axis} (kernel {kernel:?} over {input:?})"
                )));
            }
            window.settle(axis, auto_pad(node)?, ceil)?;
        }
        Ok(window)
    }

    /// How many places the taps span along an axis: `dilation · (kernel − 1) + 1`.
    pub fn span(&self, axis: usize) -> usize {
        self.dilations[axis].saturating_mul(self.kernel[axis] - 1).saturating_add(1)
    }

    /// Sets the pads that `auto` asks for and the output extent of an axis.
    fn settle(&mut self, axis: usize, auto: AutoPad, ceil: bool) -> Result<(), OpError> {
        let (input, stride, span) = (self.input[axis], self.strides[axis], self.span(axis));
        match auto {
            AutoPad::Explicit => {}
            AutoPad::None => (self.pads_begin[axis], self.pads_end[axis]) = (0, 0),
            AutoPad::Upper | AutoPad::Lower => {
                let output = input.div_ceil(stride);
                let total = ((output - 1) * stride).saturating_add(span).saturating_sub(input);
                let (less, more) = (total / 2, total - total / 2);
                (self.pads_begin[axis], self.pads_end[axis]) =
                    if auto == AutoPad::Upper { (less, more) } else { (more, less) };
                self.output[axis] = output;
                return Ok(());
            }
        }
        let padded = input + self.pads_begin[axis] + self.pads_end[axis];
        let room = padded.checked_sub(span).ok_or_else(|| {
            invalid(format!("the kernel spans {span} at spatial axis {axis}, the padded input has {padded}"))
        })?;
        self.output[axis] = room / stride + 1;
        // Rounding up may add a window, if it starts before the padding after the input.
        if ceil && room % stride != 0 && self.output[axis] * stride < input + self.pads_begin[axis] {
            self.output[axis] += 1;
        }
        Ok(())
    }

    /// The outputs along `axis` whose tap `tap` reads the input, not the padding.
    pub fn outputs(&self, axis: usize, tap: usize) -> Range<usize> {
        let (at, begin, stride) = (tap * self.dilations[axis], self.pads_begin[axis], self.strides[axis]);
        let first = begin.saturating_sub(at).div_ceil(stride);
        let end = (begin + self.input[axis]).saturating_sub(at).div_ceil(stride).min(self.output[axis]);
        first.min(end)..end
    }

    /// The taps along `axis` with which output `output` reads the input, not the padding.
    pub fn taps(&self, axis: usize, output: usize) -> Range<usize> {
        let (at, begin, dilation) = (output * self.strides[axis], self.pads_begin[axis], self.dilations[axis]);
        let first = begin.saturating_sub(at).div_ceil(dilation);
        let end = (begin + self.input[axis]).saturating_sub(at).div_ceil(dilation).min(self.kernel[axis]);
        first.min(end)..end
    }

    /// Calls `f` with every [`Run`]: together they are all pairs of an output and an input that some tap joins, by tap and
    /// then by output.
    pub fn runs(&self, mut f: impl FnMut(Run)) {
        let rank = self.kernel.len();
        let last = rank - 1;
        for tap in 0..self.kernel.iter().product() {
            let taps = places(tap, &self.kernel);
            let ranges: Vec<Range<usize>> = (0..rank).map(|a| self.outputs(a, taps[a])).collect();
            let extents: Vec<usize> = ranges[..last].iter().map(ExactSizeIterator::len).collect();
            let len = ranges[last].len();
            if len == 0 {
                continue;
            }
            for row in 0..extents.iter().product() {
                let row = places(row, &extents);
                let (mut output, mut input) = (0, 0);
                for a in 0..rank {
                    let o = ranges[a].start + row.get(a).copied().unwrap_or(0);
                    let i = o * self.strides[a] + taps[a] * self.dilations[a] - self.pads_begin[a];
                    output = output * self.output[a] + o;
                    input = input * self.input[a] + i;
                }
                f(Run { tap, output, input, len, step: self.strides[last] });
            }
        }
    }
}

/// The row-major position `flat` as one index an axis.
fn places(mut flat: usize, extents: &[usize]) -> Vec<usize> {
    let mut indices = vec![0; extents.len()];
    for (index, extent) in indices.iter_mut().zip(extents).rev() {
        *index = flat % extent;
        flat /= extent;
    }
    indices
}

/// The attribute `auto_pad`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// The pads given.
    Explicit,
    /// No padding.
    None,
    /// As many outputs as input places a stride, an odd pad at the end.
    Upper,
    /// As many outputs as input places a stride, an odd pad at the beginning.
    Lower,
}

/// The attribute `auto_pad` of a node.
pub(super) fn auto_pad(node: &Node) -> Result<AutoPad, OpError> {
    let mode = match node.attributes.get("auto_pad") {
        None => "NOTSET",
        Some(Attribute::String(mode)) => mode,
        Some(_) => return Err(invalid("attribute 'auto_pad' is not text")),
    };
    match mode {
        "NOTSET" | "" => Ok(AutoPad::Explicit),
        "VALID" => Ok(AutoPad::None),
        "SAME_UPPER" => Ok(AutoPad::Upper),
        "SAME_LOWER" => Ok(AutoPad::Lower),
        other => Err(invalid(format!("auto_pad '{other}'"))),
    }
}

/// An attribute with as many numbers as its default, each from `least` on.
pub(super) fn numbers(node: &Node, name: &str, least: i64, default: &[usize]) -> Result<Vec<usize>, OpError> {
    let list = match node.attributes.get(name) {
        None => return Ok(default.to_vec()),
        Some(Attribute::Ints(list)) => list,
        Some(_) => return Err(invalid(format!("attribute '{name}' is not a list of integers"))),
    };
    // An empty list is what some exporters write for a default.
    if list.is_empty() {
        return Ok(default.to_vec());
    }
    if list.len() != default.len() || list.iter().any(|v| !(least..=LARGEST).contains(v)) {
        return Err(invalid(format!("{name} {list:?}, {} numbers from {least} on are needed", default.len())));
    }
    Ok(list.iter().map(|v| *v as usize).collect())
}
