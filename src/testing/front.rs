//! [`Front`]: the layers of a convolutional network before those that see y: convolution, relu, max pooling, convolution
//! without negative weights, relu.

use std::sync::Arc;

use super::layers::{Drawing, place};
use crate::error::Error;
use crate::ir::builder::{Builder, Built};
use crate::ir::linear::{Convolution, LinearMap};
use crate::ir::program::{GroupKind, Groups, NodeId};
use crate::ir::unit::Unit;

/// Channels behind each convolution.
const CHANNELS: usize = 2;

/// The convolutions and the windows between them.
#[derive(Debug, Clone)]
pub(super) struct Front {
    /// Row-major, picture entries × decisions, where the picture is not y itself.
    select: Option<Vec<f64>>,
    first: Stage,
    windows: Groups,
    second: Stage,
}

/// A convolution with a bias a channel.
#[derive(Debug, Clone)]
struct Stage {
    weight: Vec<f64>,
    bias: Vec<f64>,
    geometry: Arc<Convolution>,
}

impl Stage {
    /// From channels × height × width with a kernel of at most `kernel` rows and columns.
    fn draw(d: &Drawing, k: usize, from: (usize, usize, usize), kernel: usize) -> Stage {
        let (channels, height, width) = from;
        let kernel = [kernel.min(height), kernel.min(width)];
        let output = vec![height - kernel[0] + 1, width - kernel[1] + 1];
        let of = |v: f64| if k == 0 { v } else { v.abs().min(1.0) };
        let weights = CHANNELS * channels * kernel[0] * kernel[1];
        Stage {
            weight: (0..weights).map(|e| of(d.weight(&[place::FRONT, k, place::WZ, e]))).collect(),
            bias: (0..CHANNELS).map(|c| d.weight(&[place::FRONT, k, place::BIAS, c])).collect(),
            geometry: Arc::new(Convolution {
                input_channels: channels,
                output_channels: CHANNELS,
                groups: 1,
                input: vec![height, width],
                output,
                kernel: kernel.to_vec(),
                strides: vec![1, 1],
                dilations: vec![1, 1],
                pads: vec![0, 0],
            }),
        }
    }

    fn to(&self) -> (usize, usize, usize) {
        (CHANNELS, self.geometry.output[0], self.geometry.output[1])
    }

    fn build(&self, b: &mut Builder, input: NodeId) -> Built {
        let weight = b.constant("kernel", self.weight.clone());
        let a = b.linear(input, LinearMap::Convolution { weight, geometry: self.geometry.clone() })?;
        let (_, height, width) = self.to();
        let bias = self.bias.iter().flat_map(|v| vec![*v; height * width]).collect();
        let bias = b.constant_vector("bias", bias);
        let a = b.sum(&[a, bias])?;
        b.unit(a, Unit::Relu)
    }
}

/// Windows of 2 × 2 entries of each channel (less where a side is 1); a last odd row or column is left out.
fn windows((channels, height, width): (usize, usize, usize)) -> ((usize, usize, usize), Groups) {
    let (tall, wide) = (height.min(2), width.min(2));
    let to = (channels, height / tall, width / wide);
    let entry = move |c: usize, i: usize, j: usize| (c * height + i) * width + j;
    let of = move |c: usize, i: usize, j: usize| {
        (0..tall)
            .flat_map(|a| (0..wide).map(move |b| (a, b)))
            .map(|(a, b)| entry(c, tall * i + a, wide * j + b))
            .collect()
    };
    let places = (0..channels).flat_map(|c| (0..to.1).flat_map(move |i| (0..to.2).map(move |j| (c, i, j))));
    (to, Groups::new(places.map(|(c, i, j)| of(c, i, j)).collect::<Vec<Vec<usize>>>()))
}

impl Front {
    pub fn draw(d: &Drawing, decisions: usize) -> Front {
        let entries = d.rank.min(decisions);
        // The squarest picture.
        let height = (1..=entries.isqrt()).rev().find(|h| entries.is_multiple_of(*h)).unwrap_or(1);
        let select = (entries < decisions).then(|| {
            let mut matrix = vec![0.0; entries * decisions];
            for j in 0..decisions {
                let (column, sign) = d.column(j);
                matrix[column * decisions + j] = sign;
            }
            matrix
        });
        let first = Stage::draw(d, 0, (1, height, entries / height), 3);
        let (pooled, windows) = windows(first.to());
        Front { select, first, windows, second: Stage::draw(d, 1, pooled, 2) }
    }

    /// Entries of the result.
    pub fn outputs(&self) -> usize {
        let (channels, height, width) = self.second.to();
        channels * height * width
    }

    pub fn build(&self, b: &mut Builder, y: NodeId) -> Built {
        b.origin = "picture".into();
        let picture = match &self.select {
            Some(matrix) => {
                let rows = matrix.len() / b.len(y);
                let weight = b.constant("select", matrix.clone());
                b.dense(y, weight, rows)?
            }
            None => y,
        };
        b.origin = "convolution 0".into();
        let z = self.first.build(b, picture)?;
        b.origin = "pooling".into();
        let z = b.group(z, GroupKind::Max, self.windows.clone())?;
        b.origin = "convolution 1".into();
        self.second.build(b, z)
    }

    /// The values at y.
    pub fn at(&self, y: &[f64]) -> Result<Vec<f64>, Error> {
        let mut b = Builder::new("y", &[y.len()]);
        let decision = b.decision();
        let built = self.build(&mut b, decision).and_then(|z| {
            let one = b.constant("", vec![1.0; b.len(z)]);
            let sum = b.dense(z, one, 1)?;
            b.finish(sum)
        });
        let instance = Arc::new(built.map_err(Error::Choice)?).at(&[])?;
        let trace = instance.forward(y)?;
        let output = instance.program().node(instance.program().output());
        Ok(output.op.inputs().first().map_or(vec![], |z| trace.of(*z).to_vec()))
    }
}
