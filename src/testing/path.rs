//! [`Path`]: the x-path of a PICNN (paper eq. 3): gates on z, factors on y, shifts.

use nalgebra::{DMatrix, DVector};

use super::family::Sizes;
use super::layers::{Drawing, place};

/// W u + b
type Affine = (DMatrix<f64>, DVector<f64>);

/// Entries of u behind the first layer.
const WIDTH: usize = 3;
/// Most nonzero entries of a row of the matrices on u.
const FEW: usize = 4;

/// What u does in one layer.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// Gates on z; `None` in the first layer.
    pub z: Option<Affine>,
    /// Factors on y.
    pub y: Affine,
    /// The matrix of the shift; its bias is that of the layer.
    pub u: DMatrix<f64>,
    /// The next u; `None` in the last layer.
    pub next: Option<Affine>,
}

/// The gates of all layers, that of the output last.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub gates: Vec<Gate>,
}

/// What a layer does at one x.
#[derive(Debug)]
pub(super) struct Opened {
    pub z: Option<Vec<f64>>,
    pub y: Vec<f64>,
    pub shift: Vec<f64>,
}

fn at((w, b): &Affine, u: &DVector<f64>) -> DVector<f64> {
    w * u + b
}

/// A coarse number cut to a multiple of `unit`: gates multiply, so their digits add up from layer to layer.
fn few_digits(d: &Drawing, v: f64, unit: f64) -> f64 {
    if d.coarse { (v / unit).trunc() * unit } else { v }
}

impl Path {
    pub fn draw(d: &Drawing, sizes: &Sizes) -> Path {
        let (p, depth) = (sizes.decisions, sizes.hidden.len());
        let mut from = sizes.context;
        let mut gates = vec![];
        for i in 0..=depth {
            // Few entries to a row: the path of a wide context stays of the size of its entries.
            let matrix = |what: usize, rows: usize| {
                let step = from.div_ceil(FEW);
                DMatrix::from_fn(rows, from, |r, c| match (r + c) % step {
                    0 => few_digits(d, d.weight(&[place::PATH, i, what, r, c]) / 2.0, 1.0),
                    _ => 0.0,
                })
            };
            let bias = |what: usize, n: usize| {
                let drawn = |r: usize| d.weight(&[place::PATH, i, what, r, sizes.context, place::BIAS]);
                DVector::from_fn(n, |r, _| few_digits(d, drawn(r), 0.5))
            };
            let y = if i == depth {
                (DMatrix::zeros(p, from), DVector::from_element(p, 1.0))
            } else {
                let (w, b) = (matrix(0, p), bias(0, p));
                // Columns of W^y that repeat each other need the same factor.
                let source = |j: usize| d.column(j).0;
                (
                    DMatrix::from_fn(p, from, |j, c| w[(source(j), c)]),
                    DVector::from_fn(p, |j, _| b[source(j)] + if b[source(j)] < 0.0 { -1.0 } else { 1.0 }),
                )
            };
            // The first units pass in every context.
            let z = (i > 0).then(|| {
                let n = sizes.hidden[i - 1];
                let (w, b) = (matrix(1, n), bias(1, n));
                (w, b.map(|v| v.abs() + 0.5))
            });
            let rows = sizes.hidden.get(i).copied().unwrap_or(1);
            let next = (i < depth).then(|| (matrix(3, WIDTH), bias(3, WIDTH)));
            gates.push(Gate { z, y, u: matrix(2, rows), next });
            from = WIDTH;
        }
        Path { gates }
    }

    /// What each layer does at x.
    pub fn at(&self, x: &[f64]) -> Vec<Opened> {
        let mut u = DVector::from_column_slice(x);
        let mut out = vec![];
        for gate in &self.gates {
            out.push(Opened {
                z: gate.z.as_ref().map(|z| at(z, &u).iter().map(|v| v.max(0.0)).collect()),
                y: at(&gate.y, &u).as_slice().to_vec(),
                shift: (&gate.u * &u).as_slice().to_vec(),
            });
            if let Some(next) = &gate.next {
                u = at(next, &u).map(|v| v.max(0.0));
            }
        }
        out
    }

    /// Opens, at x, the gate of entry `r` of the z that layer `i` reads, and the factors on y of the first layer, where they
    /// are closed.
    pub fn open(&mut self, x: &[f64], closed: impl Fn(usize, usize) -> bool) {
        let now = self.at(x);
        for (i, (gate, now)) in self.gates.iter_mut().zip(&now).enumerate() {
            if let (Some((w, b)), Some(values)) = (&mut gate.z, &now.z) {
                for r in (0..values.len()).filter(|r| values[*r] <= 0.0 && closed(i, *r)) {
                    w.row_mut(r).fill(0.0);
                    b[r] = 0.5;
                }
            }
            for j in (0..now.y.len()).filter(|j| now.y[*j] == 0.0) {
                gate.y.1[j] += 0.5;
            }
        }
    }
}
