//! [`LinearMap`]: the linear maps of the IR, kept in the structure the network has: dense, sparse, convolution, gather.
//!
//! A map does not own large weights: it refers to a parameter, which all contexts share.

use std::sync::Arc;

use sprs::CsMat;

use super::program::ParamId;

/// A linear map from a vector of `input_len` entries to one of `output_len`.
#[derive(Debug, Clone, PartialEq)]
pub enum LinearMap {
    /// `out[b·rows + i] = Σⱼ W[i, j]·in[b·columns + j]` for b < repeat.
    Dense {
        /// The matrix, row-major: rows × columns, or columns × rows when `transposed`.
        weight: ParamId,
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        columns: usize,
        /// How many vectors the matrix is applied to, side by side.
        repeat: usize,
        /// Whether the parameter holds Wᵀ.
        transposed: bool,
    },
    /// A constant sparse matrix, compressed by rows.
    Sparse(Arc<CsMat<f64>>),
    /// A convolution.
    Convolution {
        /// Kernel, [output channels, input channels / groups, kernel extents…].
        weight: ParamId,
        /// Extents and steps.
        geometry: Arc<Convolution>,
    },
    /// `out[i] = in[index[i]]`: slices, permutations, copies.
    Gather {
        /// For each output entry the input entry it copies.
        index: Arc<[usize]>,
        /// Length of the input.
        input_len: usize,
    },
}

/// The geometry of a convolution over any number of spatial axes (cross-correlation, as every framework has it).
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Input channels.
    pub input_channels: usize,
    /// Output channels.
    pub output_channels: usize,
    /// Channel groups.
    pub groups: usize,
    /// Input extents.
    pub input: Vec<usize>,
    /// Output extents.
    pub output: Vec<usize>,
    /// Kernel extents.
    pub kernel: Vec<usize>,
    /// Strides.
    pub strides: Vec<usize>,
    /// Dilations.
    pub dilations: Vec<usize>,
    /// Zero padding before the first entry of each axis.
    pub pads: Vec<usize>,
}

impl Convolution {
    /// Calls `f(row, column, weight index)` for every nonzero position of the matrix, rows ascending.
    fn visit(&self, mut f: impl FnMut(usize, usize, usize)) {
        let inputs: usize = self.input.iter().product();
        let outputs: usize = self.output.iter().product();
        let taps: usize = self.kernel.iter().product();
        let (per_group_in, per_group_out) = (self.input_channels / self.groups, self.output_channels / self.groups);
        // The (tap, input position) pairs of each output position are the same for all channels.
        let mut pairs: Vec<(usize, usize)> = Vec::with_capacity(taps);
        let reach: Vec<Vec<(usize, usize)>> = (0..outputs)
            .map(|o| {
                pairs.clear();
                for tap in 0..taps {
                    if let Some(i) = self.position(o, tap) {
                        pairs.push((tap, i));
                    }
                }
                pairs.clone()
            })
            .collect();
        for channel in 0..self.output_channels {
            let first_input = channel / per_group_out * per_group_in;
            for (o, pairs) in reach.iter().enumerate() {
                for k in 0..per_group_in {
                    for (tap, i) in pairs {
                        let weight = (channel * per_group_in + k) * taps + tap;
                        f(channel * outputs + o, (first_input + k) * inputs + i, weight);
                    }
                }
            }
        }
    }

    /// The input position that output position `o` reads with kernel tap `tap`, unless it is padding.
    fn position(&self, mut o: usize, mut tap: usize) -> Option<usize> {
        let mut position = 0;
        let mut stride = 1;
        for axis in (0..self.input.len()).rev() {
            let (oi, ti) = (o % self.output[axis], tap % self.kernel[axis]);
            o /= self.output[axis];
            tap /= self.kernel[axis];
            let at = (oi * self.strides[axis] + ti * self.dilations[axis]).checked_sub(self.pads[axis])?;
            if at >= self.input[axis] {
                return None;
            }
            position += at * stride;
            stride *= self.input[axis];
        }
        Some(position)
    }
}

impl LinearMap {
    /// The parameter that holds the weights, if the map does not carry them itself.
    pub fn param(&self) -> Option<ParamId> {
        match self {
            LinearMap::Dense { weight, .. } | LinearMap::Convolution { weight, .. } => Some(*weight),
            LinearMap::Sparse(_) | LinearMap::Gather { .. } => None,
        }
    }

    /// Length of the vectors the map takes.
    pub fn input_len(&self) -> usize {
        match self {
            LinearMap::Dense { columns, repeat, .. } => columns * repeat,
            LinearMap::Sparse(m) => m.cols(),
            LinearMap::Convolution { geometry: g, .. } => g.input_channels * g.input.iter().product::<usize>(),
            LinearMap::Gather { input_len, .. } => *input_len,
        }
    }

    /// Length of the vectors the map returns.
    pub fn output_len(&self) -> usize {
        match self {
            LinearMap::Dense { rows, repeat, .. } => rows * repeat,
            LinearMap::Sparse(m) => m.rows(),
            LinearMap::Convolution { geometry: g, .. } => g.output_channels * g.output.iter().product::<usize>(),
            LinearMap::Gather { index, .. } => index.len(),
        }
    }

    /// How many weights the parameter must have.
    pub fn weight_len(&self) -> usize {
        match self {
            LinearMap::Dense { rows, columns, .. } => rows * columns,
            LinearMap::Convolution { geometry: g, .. } => {
                g.output_channels * (g.input_channels / g.groups) * g.kernel.iter().product::<usize>()
            }
            LinearMap::Sparse(_) | LinearMap::Gather { .. } => 0,
        }
    }

    /// Calls `f(row, column, coefficient)` for every structurally nonzero entry, rows ascending.
    ///
    /// `weights` are the parameter's values; `None` where they are not known, then every coefficient is given as 1.
    pub fn visit(&self, weights: Option<&[f64]>, mut f: impl FnMut(usize, usize, f64)) {
        let weight = |k: usize| weights.map_or(1.0, |w| w[k]);
        match self {
            LinearMap::Dense { rows, columns, repeat, transposed, .. } => {
                let (row_step, column_step) = if *transposed { (1, *rows) } else { (*columns, 1) };
                for b in 0..*repeat {
                    for i in 0..*rows {
                        for j in 0..*columns {
                            f(b * rows + i, b * columns + j, weight(i * row_step + j * column_step));
                        }
                    }
                }
            }
            LinearMap::Sparse(m) => {
                for (i, row) in m.outer_iterator().enumerate() {
                    for (j, v) in row.iter() {
                        f(i, j, *v);
                    }
                }
            }
            LinearMap::Convolution { geometry, .. } => geometry.visit(|i, j, k| f(i, j, weight(k))),
            LinearMap::Gather { index, .. } => {
                for (i, j) in index.iter().enumerate() {
                    f(i, *j, 1.0);
                }
            }
        }
    }

    /// A·v
    pub fn apply(&self, weights: Option<&[f64]>, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.output_len()];
        match (self, weights) {
            (LinearMap::Dense { rows, columns, transposed: false, .. }, Some(w)) => {
                for (out, v) in out.chunks_exact_mut(*rows).zip(v.chunks_exact(*columns)) {
                    for (o, row) in out.iter_mut().zip(w.chunks_exact(*columns)) {
                        *o = dot(row, v);
                    }
                }
            }
            (LinearMap::Dense { rows, columns, transposed: true, .. }, Some(w)) => {
                for (out, v) in out.chunks_exact_mut(*rows).zip(v.chunks_exact(*columns)) {
                    accumulate_rows(w, *rows, v, out);
                }
            }
            _ => self.visit(weights, |i, j, c| out[i] += c * v[j]),
        }
        out
    }

    /// Adds Aᵀ·v to `out`.
    pub fn add_adjoint(&self, weights: Option<&[f64]>, v: &[f64], out: &mut [f64]) {
        match (self, weights) {
            (LinearMap::Dense { rows, columns, transposed: false, .. }, Some(w)) => {
                for (v, out) in v.chunks_exact(*rows).zip(out.chunks_exact_mut(*columns)) {
                    accumulate_rows(w, *columns, v, out);
                }
            }
            (LinearMap::Dense { rows, columns, transposed: true, .. }, Some(w)) => {
                for (v, out) in v.chunks_exact(*rows).zip(out.chunks_exact_mut(*columns)) {
                    for (o, row) in out.iter_mut().zip(w.chunks_exact(*rows)) {
                        *o += dot(row, v);
                    }
                }
            }
            _ => self.visit(weights, |i, j, c| out[j] += c * v[i]),
        }
    }
}

/// Four running sums, so that the additions of one do not wait for those of another.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0f64; 4];
    let (ca, cb) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in ca.zip(cb) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

/// out += Σᵢ vᵢ · (row i of `w`), skipping zeros: inactive units cost nothing.
fn accumulate_rows(w: &[f64], width: usize, v: &[f64], out: &mut [f64]) {
    for (vi, row) in v.iter().zip(w.chunks_exact(width)) {
        if *vi != 0.0 {
            for (o, c) in out.iter_mut().zip(row) {
                *o += vi * c;
            }
        }
    }
}
