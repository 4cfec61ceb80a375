//! Random FICNNs (eq. 2 of the paper) of kinds R and U.

use icnn::network::{Ficnn, FicnnLayer};
use nalgebra::{DMatrix, DVector};

use super::{Family, Kind};

/// Points of the box over which means are taken.
const SAMPLES: usize = 256;

/// W^y ~ 1.5·N(0, 1)/√p and W^z ~ |N(0, 1)|/√fan-in, all f32 numbers. Kind R: biases centre the pre-activations over the box, up to half
/// a standard deviation; kind U: biases are 0.1·N(0, 1). The output's W^y cancels the mean gradient over the box up to 0.3
/// of its length, so that the minimiser is not a corner.
pub fn ficnn(family: &Family, kind: Kind) -> Ficnn {
    let mut random = Random(family.seed);
    let p = family.decisions;
    let (low, high) = family.ends;
    let ys: Vec<Vec<f64>> =
        (0..SAMPLES).map(|_| (0..p).map(|_| low + (high - low) * random.uniform()).collect()).collect();
    let y = DMatrix::from_fn(p, SAMPLES, |j, k| ys[k][j]);
    let mut z: Option<DMatrix<f64>> = None;
    let mut layers: Vec<FicnnLayer> = vec![];
    let mut active: Vec<DMatrix<f64>> = vec![];
    for width in family.hidden {
        let fan_in = z.as_ref().map_or(0, DMatrix::nrows);
        let wy = random.normals(*width, p, 1.5 / (p as f64).sqrt());
        let wz = (fan_in > 0).then(|| random.normals(*width, fan_in, 1.0 / (fan_in as f64).sqrt()).abs());
        let mut a = &wy * &y;
        if let (Some(wz), Some(z)) = (&wz, &z) {
            a += wz * z;
        }
        let b = DVector::from_fn(*width, |i, _| {
            let mean = a.row(i).mean();
            round(match kind {
                Kind::Unbalanced => 0.1 * random.normal(),
                _ => 0.5 * a.row(i).variance().sqrt() * random.normal() - mean,
            })
        });
        a.column_iter_mut().for_each(|mut a| a += &b);
        active.push(a.map(|t| f64::from(u8::from(t > 0.0))));
        z = Some(a.map(|t| t.max(0.0)));
        layers.push(FicnnLayer { wz, wy, b });
    }
    let last = family.hidden.last().map_or(0, |n| *n);
    let wz = random.normals(1, last, 1.0 / (last as f64).sqrt()).abs();
    let mean = mean_gradient(&layers, &active, &wz);
    let noise = 0.3 * mean.norm() / (p as f64).sqrt();
    let wy = DMatrix::from_fn(1, p, |_, j| round(noise * random.normal() - mean[j]));
    layers.push(FicnnLayer { wz: Some(wz), wy, b: DVector::zeros(1) });
    Ficnn { layers }
}

/// The gradient of Σ wz·z, averaged over the samples; `active` says of each layer where z > 0.
fn mean_gradient(layers: &[FicnnLayer], active: &[DMatrix<f64>], wz: &DMatrix<f64>) -> DVector<f64> {
    let p = layers.first().map_or(0, |l| l.wy.ncols());
    let mut sum = DVector::zeros(p);
    let mut u = DMatrix::from_fn(wz.ncols(), SAMPLES, |i, _| wz[i]);
    for (layer, active) in layers.iter().zip(active).rev() {
        u.component_mul_assign(active);
        sum += (layer.wy.transpose() * &u).column_sum();
        if let Some(wz) = &layer.wz {
            u = wz.transpose() * u;
        }
    }
    sum / SAMPLES as f64
}

/// To f32, as a model file stores it.
fn round(v: f64) -> f64 {
    f64::from(v as f32)
}

/// SplitMix64, and Box and Muller's normal numbers.
pub struct Random(pub u64);

impl Random {
    /// In (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn normals(&mut self, rows: usize, columns: usize, scale: f64) -> DMatrix<f64> {
        DMatrix::from_row_iterator(rows, columns, (0..rows * columns).map(|_| round(scale * self.normal())))
    }
}
