//! Residual, dense and passthrough connections.

use icnn::ir::builder::Builder;
use icnn::ir::program::Program;
use icnn::ir::unit::Unit;
use nalgebra::{DMatrix, DVector};

use super::{Draw, Problem};

/// relu(V h + W y + b), V ≥ 0.
#[derive(Debug)]
struct Hidden {
    v: DMatrix<f64>,
    w: DMatrix<f64>,
    b: DVector<f64>,
}

#[derive(Debug)]
enum Block {
    /// h ← h + U·hidden(h), U ≥ 0
    Residual { hidden: Hidden, u: DMatrix<f64> },
    /// h ← [h; hidden(h)]
    Dense { hidden: Hidden },
    /// h ← [h; y]
    Decision,
    /// h ← max(h, W y + b)
    Floor { w: DMatrix<f64>, b: DVector<f64> },
}

/// h₀ = W y + b, then blocks, then f = wᵀh with w ≥ 0.
#[derive(Debug)]
pub struct SkipNet {
    w: DMatrix<f64>,
    b: DVector<f64>,
    blocks: Vec<Block>,
    head: DMatrix<f64>,
}

impl Problem for SkipNet {
    fn draw(d: &mut Draw) -> SkipNet {
        let (p, first) = (1 + d.below(4), 1 + d.below(3));
        let (w, b) = (d.matrix(first, p), d.biases(first));
        let mut width = first;
        let hidden = |d: &mut Draw, from: usize| {
            let n = 1 + d.below(3);
            Hidden { v: d.nonnegative(n, from), w: d.matrix(n, p), b: d.biases(n) }
        };
        let mut blocks = vec![];
        for _ in 0..d.below(4) {
            blocks.push(match d.below(4) {
                0 => {
                    let hidden = hidden(d, width);
                    let u = d.nonnegative(width, hidden.b.len());
                    Block::Residual { hidden, u }
                }
                1 => {
                    let hidden = hidden(d, width);
                    width += hidden.b.len();
                    Block::Dense { hidden }
                }
                2 => {
                    width += p;
                    Block::Decision
                }
                _ => Block::Floor { w: d.matrix(width, p), b: d.biases(width) },
            });
        }
        SkipNet { w, b, blocks, head: d.nonnegative(1, width) }
    }

    fn reference(&self, _: &[f64], y: &[f64]) -> f64 {
        let y = DVector::from_column_slice(y);
        let relu = |h: &Hidden, v: &DVector<f64>| (&h.v * v + &h.w * &y + &h.b).map(|t| if t > 0.0 { t } else { 0.0 });
        let join =
            |a: &DVector<f64>, b: &DVector<f64>| DVector::from_iterator(a.len() + b.len(), a.iter().chain(b).copied());
        let mut h = &self.w * &y + &self.b;
        for block in &self.blocks {
            h = match block {
                Block::Residual { hidden, u } => &h + u * relu(hidden, &h),
                Block::Dense { hidden } => join(&h, &relu(hidden, &h)),
                Block::Decision => join(&h, &y),
                Block::Floor { w, b } => h.zip_map(&(w * &y + b), |s, t| if s > t { s } else { t }),
            };
        }
        (&self.head * h)[0]
    }

    fn compiled(&self) -> Program {
        let mut b = Builder::new("y", &[self.w.ncols()]);
        let y = b.decision();
        let matrix = |b: &mut Builder, m: &DMatrix<f64>, of| {
            let weight = b.constant("W", m.transpose().as_slice().to_vec());
            b.dense(of, weight, m.nrows()).expect("it fits")
        };
        let affine = |b: &mut Builder, w: &DMatrix<f64>, bias: &DVector<f64>| {
            let a = matrix(b, w, y);
            let bias = b.constant_vector("b", bias.as_slice().to_vec());
            b.sum(&[a, bias]).expect("it fits")
        };
        let hidden = |b: &mut Builder, hidden: &Hidden, h| {
            let (from_h, from_y) = (matrix(b, &hidden.v, h), affine(b, &hidden.w, &hidden.b));
            let a = b.sum(&[from_h, from_y]).expect("it fits");
            b.unit(a, Unit::Relu).expect("it fits")
        };
        let mut h = affine(&mut b, &self.w, &self.b);
        for block in &self.blocks {
            h = match block {
                Block::Residual { hidden: inner, u } => {
                    let z = hidden(&mut b, inner, h);
                    let z = matrix(&mut b, u, z);
                    b.sum(&[h, z])
                }
                Block::Dense { hidden: inner } => {
                    let z = hidden(&mut b, inner, h);
                    b.concat(&[h, z])
                }
                Block::Decision => b.concat(&[h, y]),
                Block::Floor { w, b: bias } => {
                    let floor = affine(&mut b, w, bias);
                    b.max(&[h, floor])
                }
            }
            .expect("it fits");
        }
        let output = matrix(&mut b, &self.head, h);
        b.finish(output).expect("one output")
    }
}
