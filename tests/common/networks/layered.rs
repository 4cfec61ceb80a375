//! Networks with a unit of its own in each layer, z ↦ g(W^z z + W^y y + b), f = wᵀz + cᵀy, written as program text.

use std::fmt::{Debug, Write};

use icnn::ir::program::Program;
use nalgebra::{DMatrix, DVector};

use super::paper::widths;
use super::{Draw, Problem};

/// The units that layers are drawn from.
pub trait Kind: Debug + Sized {
    /// Most layers.
    const DEEPEST: usize;
    /// Factor of W^z.
    const WEIGHT: f64;
    /// One for a layer of this width; an affine argument is certain in the first layer only.
    fn draw(d: &mut Draw, width: usize, first: bool) -> Self;
    /// The number of outputs for `width` arguments.
    fn outputs(&self, width: usize) -> usize;
    /// g, the naive way.
    fn apply(&self, a: &DVector<f64>) -> DVector<f64>;
    /// The lines that compute it from node `t`; the last one is the result.
    fn lines(&self, t: usize, width: usize) -> Vec<String>;
}

#[derive(Debug)]
struct Layer<K> {
    wz: Option<DMatrix<f64>>,
    wy: DMatrix<f64>,
    b: DVector<f64>,
    kind: K,
}

/// Such a network.
#[derive(Debug)]
pub struct Layered<K> {
    layers: Vec<Layer<K>>,
    head: DMatrix<f64>,
    linear: DMatrix<f64>,
}

impl<K: Kind> Problem for Layered<K> {
    fn draw(d: &mut Draw) -> Layered<K> {
        let (p, mut widths) = (1 + d.below(4), widths(d));
        widths.truncate(K::DEEPEST);
        widths.pop();
        widths.push(1 + d.below(4));
        let mut layers = vec![];
        let mut from = None;
        for (i, width) in widths.into_iter().enumerate() {
            let kind = K::draw(d, width, i == 0);
            let outputs = kind.outputs(width);
            let wz = from.map(|from| K::WEIGHT * d.nonnegative(width, from));
            layers.push(Layer { wz, wy: d.matrix(width, p), b: d.biases(width), kind });
            from = Some(outputs);
        }
        let head = d.nonnegative(1, from.expect("a layer"));
        let linear = if d.chance(30) { DMatrix::zeros(1, p) } else { d.matrix(1, p) };
        Layered { layers, head, linear }
    }

    fn reference(&self, _: &[f64], y: &[f64]) -> f64 {
        let y = DVector::from_column_slice(y);
        let mut z = DVector::zeros(0);
        for layer in &self.layers {
            let mut a = &layer.wy * &y + &layer.b;
            if let Some(wz) = &layer.wz {
                a += wz * &z;
            }
            z = layer.kind.apply(&a);
        }
        (&self.head * z + &self.linear * y)[0]
    }

    fn compiled(&self) -> Program {
        let mut text = format!("y {}\n", self.linear.ncols());
        let mut next = 1;
        let mut line = |operation: String| {
            writeln!(text, "n{next} = {operation}").expect("memory");
            next += 1;
            next - 1
        };
        let rows = |m: &DMatrix<f64>| {
            let rows: Vec<Vec<f64>> = m.row_iter().map(|r| r.iter().copied().collect()).collect();
            format!("{rows:?}")
        };
        let mut z = 0;
        for layer in &self.layers {
            let from_y = line(format!("dense n0 {}", rows(&layer.wy)));
            let b = line(format!("param {:?}", layer.b.as_slice()));
            let mut terms = format!("n{from_y} n{b}");
            if let Some(wz) = &layer.wz {
                let from_z = line(format!("dense n{z} {}", rows(wz)));
                write!(terms, " n{from_z}").expect("memory");
            }
            let a = line(format!("sum {terms}"));
            for operation in layer.kind.lines(a, layer.b.len()) {
                z = line(operation);
            }
        }
        let head = line(format!("dense n{z} {}", rows(&self.head)));
        let linear = line(format!("dense n0 {}", rows(&self.linear)));
        let output = line(format!("sum n{head} n{linear}"));
        writeln!(text, "output n{output}").expect("memory");
        text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"))
    }
}
