//! Convolutions in one and two dimensions with strides, dilations, padding and groups, the scale and shift of a batch norm
//! in inference form, relu, average pooling; the reference is loops over channels, rows and columns.

use icnn::ir::builder::Builder;
use icnn::ir::linear::{Convolution, LinearMap};
use icnn::ir::program::Program;
use icnn::ir::unit::Unit;
use nalgebra::DVector;
use sprs::TriMat;

use super::{Draw, Problem};

/// A picture: channels, each of height × width numbers. One-dimensional signals have height 1.
type Extents = (usize, usize, usize);

#[derive(Debug)]
struct Layer {
    from: Extents,
    /// Extents after the convolution.
    to: Extents,
    groups: usize,
    kernel: (usize, usize),
    stride: usize,
    dilation: usize,
    pad: (usize, usize),
    /// [output channel][input channel of its group][kernel row][kernel column]
    weight: Vec<f64>,
    scale: Vec<f64>,
    shift: Vec<f64>,
    /// Side of the pooled squares, 1 for none.
    pool: (usize, usize),
}

/// f(y) = wᵀz + cᵀy with z the last layer's output, w ≥ 0.
#[derive(Debug)]
pub struct ConvNet {
    layers: Vec<Layer>,
    head: Vec<f64>,
    linear: Vec<f64>,
}

fn len((channels, height, width): Extents) -> usize {
    channels * height * width
}

impl Layer {
    fn draw(d: &mut Draw, from: Extents, first: bool) -> Layer {
        let (channels, height, width) = from;
        let groups = if channels % 2 == 0 && d.chance(30) { 2 } else { 1 };
        let out_channels = groups * (1 + d.below(2));
        let (stride, dilation) = (1 + d.below(2), 1 + d.below(2));
        let mut side = |extent: usize| {
            let kernel = 1 + d.below(2.min(extent));
            let pad = if extent > 1 { d.below(2) } else { 0 };
            let reach = (kernel - 1) * dilation + 1;
            // A window that does not fit gives way to one of a single entry.
            if reach > extent + 2 * pad {
                (1, 0, (extent - 1) / stride + 1)
            } else {
                (kernel, pad, (extent + 2 * pad - reach) / stride + 1)
            }
        };
        let (rows, columns) = (side(height), side(width));
        let to = (out_channels, rows.2, columns.2);
        let halves = |extent: usize| if extent.is_multiple_of(2) { 2 } else { 1 };
        let weights = out_channels * channels / groups * rows.0 * columns.0;
        let (weight, scale) = match first {
            true => (d.matrix(weights, 1), d.matrix(out_channels, 1)),
            false => (d.nonnegative(weights, 1), d.matrix(out_channels, 1).abs()),
        };
        Layer {
            from,
            to,
            groups,
            kernel: (rows.0, columns.0),
            stride,
            dilation,
            pad: (rows.1, columns.1),
            weight: weight.as_slice().to_vec(),
            scale: scale.as_slice().to_vec(),
            shift: d.biases(out_channels).as_slice().to_vec(),
            pool: if d.chance(40) { (halves(to.1), halves(to.2)) } else { (1, 1) },
        }
    }

    fn pooled(&self) -> Extents {
        (self.to.0, self.to.1 / self.pool.0, self.to.2 / self.pool.1)
    }

    fn apply(&self, v: &[f64]) -> Vec<f64> {
        let (channels, height, width) = self.from;
        let (inputs, outputs) = (channels / self.groups, self.to.0 / self.groups);
        let mut z = vec![0.0; len(self.to)];
        for c in 0..self.to.0 {
            for row in 0..self.to.1 {
                for column in 0..self.to.2 {
                    let mut sum = 0.0;
                    for k in 0..inputs {
                        for i in 0..self.kernel.0 {
                            for j in 0..self.kernel.1 {
                                let y = (row * self.stride + i * self.dilation) as isize - self.pad.0 as isize;
                                let x = (column * self.stride + j * self.dilation) as isize - self.pad.1 as isize;
                                if y < 0 || x < 0 || y as usize >= height || x as usize >= width {
                                    continue;
                                }
                                let channel = c / outputs * inputs + k;
                                let weight = self.weight[((c * inputs + k) * self.kernel.0 + i) * self.kernel.1 + j];
                                sum += weight * v[(channel * height + y as usize) * width + x as usize];
                            }
                        }
                    }
                    let a = self.scale[c] * sum + self.shift[c];
                    z[(c * self.to.1 + row) * self.to.2 + column] = if a > 0.0 { a } else { 0.0 };
                }
            }
        }
        let (channels, height, width) = self.pooled();
        let mut pooled = vec![0.0; len(self.pooled())];
        for c in 0..channels {
            for row in 0..height {
                for column in 0..width {
                    let mut sum = 0.0;
                    for i in 0..self.pool.0 {
                        for j in 0..self.pool.1 {
                            sum += z[(c * self.to.1 + row * self.pool.0 + i) * self.to.2 + column * self.pool.1 + j];
                        }
                    }
                    pooled[(c * height + row) * width + column] = sum / (self.pool.0 * self.pool.1) as f64;
                }
            }
        }
        pooled
    }

    fn build(&self, b: &mut Builder, input: icnn::ir::program::NodeId, flat: bool) -> icnn::ir::program::NodeId {
        let axes = |rows: usize, columns: usize| if flat { vec![columns] } else { vec![rows, columns] };
        let geometry = Convolution {
            input_channels: self.from.0,
            output_channels: self.to.0,
            groups: self.groups,
            input: axes(self.from.1, self.from.2),
            output: axes(self.to.1, self.to.2),
            kernel: axes(self.kernel.0, self.kernel.1),
            strides: axes(self.stride, self.stride),
            dilations: axes(self.dilation, self.dilation),
            pads: axes(self.pad.0, self.pad.1),
        };
        let weight = b.constant("kernel", self.weight.clone());
        let a = b.linear(input, LinearMap::Convolution { weight, geometry: geometry.into() }).expect("it fits");
        let spread = |v: &[f64]| v.iter().flat_map(|e| vec![*e; self.to.1 * self.to.2]).collect::<Vec<f64>>();
        let scale = b.constant("scale", spread(&self.scale));
        let scaled = b.scale(a, scale).expect("it fits");
        let shift = b.constant_vector("shift", spread(&self.shift));
        let shifted = b.sum(&[scaled, shift]).expect("it fits");
        let z = b.unit(shifted, Unit::Relu).expect("it fits");
        if self.pool == (1, 1) {
            return z;
        }
        let (channels, height, width) = self.pooled();
        let mut average = TriMat::new((len(self.pooled()), len(self.to)));
        for (o, (c, row, column)) in (0..channels)
            .flat_map(|c| (0..height).flat_map(move |row| (0..width).map(move |column| (c, row, column))))
            .enumerate()
        {
            for k in 0..self.pool.0 * self.pool.1 {
                let (i, j) = (row * self.pool.0 + k / self.pool.1, column * self.pool.1 + k % self.pool.1);
                average.add_triplet(o, (c * self.to.1 + i) * self.to.2 + j, 1.0 / (self.pool.0 * self.pool.1) as f64);
            }
        }
        b.sparse(z, average.to_csr()).expect("it fits")
    }
}

impl Problem for ConvNet {
    fn draw(d: &mut Draw) -> ConvNet {
        let height = if d.chance(50) { 2 + d.below(2) } else { 1 };
        let mut extents = (1 + d.below(2), height, 2 + d.below(3));
        let p = len(extents);
        let mut layers = vec![];
        for i in 0..1 + d.below(2) {
            layers.push(Layer::draw(d, extents, i == 0));
            extents = layers[i].pooled();
        }
        let head = d.nonnegative(1, len(extents));
        ConvNet { layers, head: head.as_slice().to_vec(), linear: d.matrix(1, p).as_slice().to_vec() }
    }

    fn reference(&self, _: &[f64], y: &[f64]) -> f64 {
        let z = self.layers.iter().fold(y.to_vec(), |v, layer| layer.apply(&v));
        let dot = |a: &[f64], b: &[f64]| DVector::from_column_slice(a).dot(&DVector::from_column_slice(b));
        dot(&self.head, &z) + dot(&self.linear, y)
    }

    fn compiled(&self) -> Program {
        let from = self.layers[0].from;
        let mut b = Builder::new("y", &[1, from.0, from.1, from.2]);
        let y = b.decision();
        // One-dimensional layers are built with one axis.
        let z = self.layers.iter().fold(y, |z, layer| layer.build(&mut b, z, from.1 == 1));
        let head = b.constant("head", self.head.clone());
        let head = b.dense(z, head, 1).expect("it fits");
        let linear = b.constant("linear", self.linear.clone());
        let linear = b.dense(y, linear, 1).expect("it fits");
        let output = b.sum(&[head, linear]).expect("it fits");
        b.finish(output).expect("one output")
    }
}
