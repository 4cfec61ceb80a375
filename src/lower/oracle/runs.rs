//! [`Runs`]: a convolution as additions of stretches of one row of the input, scaled by one weight, to stretches of the output.

use crate::ir::linear::Convolution;

/// `len` output positions from `output` on read the input positions `input`, `input + step`, … with kernel tap `tap`.
#[derive(Debug, Clone, Copy)]
struct Run {
    tap: usize,
    output: usize,
    input: usize,
    len: usize,
}

/// The runs of one pair of channels; all pairs have the same.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// Distance of neighbouring input positions: the stride of the last axis.
    step: usize,
    taps: usize,
    inputs: usize,
    outputs: usize,
    output_channels: usize,
    inputs_of_group: usize,
    outputs_of_group: usize,
}

impl Runs {
    /// Those of a convolution.
    pub fn new(g: &Convolution) -> Runs {
        let taps: usize = g.kernel.iter().product();
        let outputs: usize = g.output.iter().product();
        let last = g.input.len().checked_sub(1);
        let (step, row) = last.map_or((1, 1), |last| (g.strides[last], g.output[last]));
        let mut runs = vec![];
        for tap in 0..taps {
            for output in (0..outputs).step_by(row.max(1)) {
                let Some(start) = row_start(g, output, tap) else { continue };
                let Some(last) = last else {
                    runs.push(Run { tap, output, input: start, len: 1 });
                    continue;
                };
                // Along the last axis: 0 ≤ o·step + offset − pad < extent.
                let offset = tap % g.kernel[last] * g.dilations[last];
                let (pad, extent) = (g.pads[last], g.input[last]);
                let from = pad.saturating_sub(offset).div_ceil(step.max(1));
                let to = (extent + pad).saturating_sub(offset).div_ceil(step.max(1)).min(row);
                if from < to {
                    let input = start + from * step + offset - pad;
                    runs.push(Run { tap, output: output + from, input, len: to - from });
                }
            }
        }
        Runs {
            runs,
            step: step.max(1),
            taps,
            inputs: g.input.iter().product(),
            outputs,
            output_channels: g.output_channels,
            inputs_of_group: g.input_channels / g.groups,
            outputs_of_group: g.output_channels / g.groups,
        }
    }

    /// Products of a weight and an entry in one application.
    pub fn multiplications(&self) -> u64 {
        let pair: usize = self.runs.iter().map(|run| run.len).sum();
        (self.output_channels * self.inputs_of_group * pair) as u64
    }

    /// Most products that are added up for one entry, of a product with A or with Aᵀ.
    pub fn terms(&self) -> usize {
        self.inputs_of_group.max(self.output_channels) * self.taps
    }

    /// Upper bounds, but for the rounding of sums, on the sums of the absolute values in a row of A and in a column: an entry of the
    /// input meets a tap of a channel once at most.
    pub fn sums(&self, weights: &[f64]) -> (f64, f64) {
        let pair = |channel: usize, k: usize| -> f64 {
            let first = (channel * self.inputs_of_group + k) * self.taps;
            weights[first..first + self.taps].iter().map(|w| w.abs()).sum()
        };
        let of_output = |channel: usize| (0..self.inputs_of_group).map(|k| pair(channel, k)).sum::<f64>();
        let of_input = |group: usize, k: usize| -> f64 {
            let first = group * self.outputs_of_group;
            (first..first + self.outputs_of_group).map(|channel| pair(channel, k)).sum()
        };
        let groups = self.output_channels / self.outputs_of_group.max(1);
        let inputs = (0..groups).flat_map(|g| (0..self.inputs_of_group).map(move |k| of_input(g, k)));
        ((0..self.output_channels).map(of_output).fold(0.0, f64::max), inputs.fold(0.0, f64::max))
    }

    /// Calls `f(weight, output position, input position, length)` for every run of every pair of channels.
    #[inline(always)]
    fn each(&self, weights: &[f64], mut f: impl FnMut(f64, usize, usize, usize)) {
        for channel in 0..self.output_channels {
            let group = channel / self.outputs_of_group * self.inputs_of_group;
            for k in 0..self.inputs_of_group {
                let first = (channel * self.inputs_of_group + k) * self.taps;
                let (output, input) = (channel * self.outputs, (group + k) * self.inputs);
                for run in &self.runs {
                    f(weights[first + run.tap], output + run.output, input + run.input, run.len);
                }
            }
        }
    }

    /// out += A·v
    #[inline(always)]
    pub fn apply(&self, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.each(weights, |w, o, i, len| {
            let out = &mut out[o..o + len];
            if self.step == 1 {
                out.iter_mut().zip(&v[i..i + len]).for_each(|(o, v)| *o += w * v);
            } else {
                out.iter_mut().zip(v[i..].iter().step_by(self.step)).for_each(|(o, v)| *o += w * v);
            }
        });
    }

    /// out += Aᵀ·v
    #[inline(always)]
    pub fn apply_transposed(&self, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.each(weights, |w, o, i, len| {
            let v = &v[o..o + len];
            if self.step == 1 {
                out[i..i + len].iter_mut().zip(v).for_each(|(o, v)| *o += w * v);
            } else {
                out[i..].iter_mut().step_by(self.step).zip(v).for_each(|(o, v)| *o += w * v);
            }
        });
    }
}

/// The first position of the input row that the output row from `output` on reads with `tap`, unless that row is padding.
fn row_start(g: &Convolution, output: usize, tap: usize) -> Option<usize> {
    let last = g.input.len().saturating_sub(1);
    let (mut output, mut tap) = (output, tap);
    let (mut position, mut stride) = (0, 1);
    for axis in (0..g.input.len()).rev() {
        let (o, t) = (output % g.output[axis], tap % g.kernel[axis]);
        output /= g.output[axis];
        tap /= g.kernel[axis];
        if axis != last {
            let at = (o * g.strides[axis] + t * g.dilations[axis]).checked_sub(g.pads[axis])?;
            if at >= g.input[axis] {
                return None;
            }
            position += at * stride;
        }
        stride *= g.input[axis];
    }
    Some(position)
}
