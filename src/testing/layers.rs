//! [`Layers`]: what every family is made of, z ↦ g(W^z h + W^y y + b), f = w·h + c·y with W^z ≥ 0 and w ≥ 0.

use nalgebra::DMatrix;

use super::family::{Activation, Family, Sizes};
use super::front::Front;
use super::numbers::Numbers;
use super::path::Path;
use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::program::Program;
use crate::network::{Picnn, PicnnLayer};

/// How weights are drawn.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    pub numbers: &'a Numbers,
    /// Multiples of 1/4, few to a row of W^z, so that f is computed without rounding; otherwise multiples of 1/512 times
    /// powers of two that keep the values of wide layers near 1.
    pub coarse: bool,
    /// Columns of each W^y that are drawn; the others repeat them up to sign, so that f is constant along a plane.
    pub rank: usize,
}

/// Places of numbers, see [`Numbers`].
pub(super) mod place {
    pub const WY: usize = 0;
    pub const WZ: usize = 1;
    pub const BIAS: usize = 2;
    pub const SIGN: usize = 3;
    pub const KEEP: usize = 4;
    pub const FRONT: usize = 5;
    pub const PATH: usize = 6;
    pub const CONTEXT: usize = 7;
    pub const BOX: usize = 8;
    pub const POINT: usize = 9;
    pub const ANCHOR: usize = 10;
    pub const SLOPE: usize = 11;
    pub const FACE: usize = 12;
}

/// Nonzero entries of a row of W^z, about, where weights are coarse.
const FEW: usize = 8;

impl Drawing<'_> {
    /// A weight of any sign.
    pub fn weight(&self, place: &[usize]) -> f64 {
        if self.coarse { self.numbers.coarse(place) } else { self.numbers.fine(place) }
    }

    /// The drawn column that column `j` of a W^y repeats, and with which sign.
    pub fn column(&self, j: usize) -> (usize, f64) {
        if j < self.rank {
            return (j, 1.0);
        }
        (j % self.rank, if self.numbers.below(2, &[place::SIGN, j]) == 0 { 1.0 } else { -1.0 })
    }

    /// W^y of layer `i`.
    pub fn wy(&self, i: usize, rows: usize, decisions: usize) -> DMatrix<f64> {
        let scale = if self.coarse { 1.0 } else { halved(decisions.isqrt()) };
        DMatrix::from_fn(rows, decisions, |r, j| {
            let (column, sign) = self.column(j);
            sign * scale * self.weight(&[place::WY, i, r, column])
        })
    }

    /// W^z of layer `i`, nowhere negative.
    pub fn wz(&self, i: usize, rows: usize, columns: usize) -> DMatrix<f64> {
        let scale = halved(columns);
        DMatrix::from_fn(rows, columns, |r, c| {
            let size = self.weight(&[place::WZ, i, r, c]).abs();
            match self.coarse {
                false => scale * size,
                true if columns > FEW && self.numbers.below(columns.min(512), &[place::KEEP, i, r, c]) >= FEW => 0.0,
                true => size.min(1.0),
            }
        })
    }

    /// Biases of layer `i`.
    pub fn biases(&self, i: usize, n: usize) -> Vec<f64> {
        (0..n).map(|r| self.weight(&[place::BIAS, i, r])).collect()
    }
}

/// The largest power of two that is at most 1/n, for n ≥ 1.
fn halved(n: usize) -> f64 {
    1.0 / n.max(1).next_power_of_two() as f64
}

/// One layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Rows × entries of h; `None` where there is no h yet.
    pub wz: Option<DMatrix<f64>>,
    pub wy: DMatrix<f64>,
    pub b: Vec<f64>,
    pub unit: Activation,
}

/// A network with all its weights.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub family: Family,
    pub decisions: usize,
    pub front: Option<Front>,
    pub layers: Vec<Layer>,
    /// w
    pub head: Vec<f64>,
    /// c
    pub linear: Vec<f64>,
    /// What x does, in a PICNN.
    pub path: Option<Path>,
}

impl Layers {
    /// A random network whose hidden layers apply `units`.
    pub fn draw(family: Family, sizes: &Sizes, units: &[Activation], d: &Drawing) -> Layers {
        let p = sizes.decisions;
        let front = (family == Family::Convolution).then(|| Front::draw(d, p));
        let mut reads = front.as_ref().map_or(0, Front::outputs);
        let mut layers = vec![];
        for (i, (outputs, unit)) in sizes.hidden.iter().zip(units).enumerate() {
            let rows = unit.rows(*outputs);
            let wz = (reads > 0).then(|| d.wz(i, rows, reads));
            layers.push(Layer { wz, wy: d.wy(i, rows, p), b: d.biases(i, rows), unit: *unit });
            reads = if family == Family::Skips { reads + outputs } else { *outputs };
        }
        let last = sizes.hidden.len();
        let head = d.wz(last, 1, reads).as_slice().to_vec();
        let linear = d.wy(last, 1, p).as_slice().to_vec();
        let path = (family == Family::Picnn).then(|| Path::draw(d, sizes));
        Layers { family, decisions: p, front, layers, head, linear, path }
    }

    /// What layer `i` (or, behind the last, the output) reads of the layers before it, when their values are `z`.
    pub fn reads(&self, front: &[f64], z: &[Vec<f64>]) -> Vec<f64> {
        match (self.family, z.last()) {
            (Family::Skips, _) => z.concat(),
            (_, Some(last)) => last.clone(),
            (_, None) => front.to_vec(),
        }
    }

    /// The network as a program. Errors: a network too large to be put together.
    pub fn program(&self) -> Result<Program, Error> {
        match &self.path {
            Some(path) => self.with_context(path).program(),
            None => self.plain().map_err(Error::Choice),
        }
    }

    fn plain(&self) -> Result<Program, String> {
        let mut b = Builder::new("y", &[self.decisions]);
        let y = b.decision();
        let mut h = match &self.front {
            Some(front) => Some(front.build(&mut b, y)?),
            None => None,
        };
        for (i, layer) in self.layers.iter().enumerate() {
            b.origin = format!("layer {i}");
            let rows = layer.b.len();
            let wy = b.constant("Wy", row_major(&layer.wy));
            let mut terms = vec![b.dense(y, wy, rows)?];
            if let (Some(wz), Some(h)) = (&layer.wz, h) {
                let wz = b.constant("Wz", row_major(wz));
                terms.push(b.dense(h, wz, rows)?);
            }
            terms.push(b.constant_vector("b", layer.b.clone()));
            let a = b.sum(&terms)?;
            let z = layer.unit.node(&mut b, a)?;
            h = Some(match h.filter(|_| self.family == Family::Skips) {
                Some(h) => b.concat(&[h, z])?,
                None => z,
            });
        }
        b.origin = "output".into();
        let linear = b.constant("c", self.linear.clone());
        let mut terms = vec![b.dense(y, linear, 1)?];
        if let Some(h) = h {
            let head = b.constant("w", self.head.clone());
            terms.push(b.dense(h, head, 1)?);
        }
        let f = b.sum(&terms)?;
        b.finish(f)
    }

    fn with_context(&self, path: &Path) -> Picnn {
        let row = |v: &[f64]| DMatrix::from_row_slice(1, v.len(), v);
        let hidden = self.layers.iter().map(|l| (l.wz.clone(), l.wy.clone(), l.b.clone()));
        let output = (Some(row(&self.head)), row(&self.linear), vec![0.0]);
        let layers = hidden.chain([output]).zip(&path.gates).map(|((wz, wy, b), gate)| PicnnLayer {
            z: wz.zip(gate.z.clone()),
            wy,
            yu: gate.y.clone(),
            u: (gate.u.clone(), b.into()),
            next_u: gate.next.clone(),
        });
        Picnn { layers: layers.collect() }
    }
}

/// The entries of a matrix, row by row.
pub(super) fn row_major(m: &DMatrix<f64>) -> Vec<f64> {
    m.transpose().as_slice().to_vec()
}
