//! Every piecewise-linear unit, written as program text: leaky, prelu, abs, clips, pieces, max pooling, maxout, and the
//! concave min(t, c) with a negative weight.

use std::fmt::Write;

use icnn::ir::program::Program;
use nalgebra::{DMatrix, DVector};

use super::paper::widths;
use super::{Draw, Problem};

/// The unit of a layer; those marked † need an affine argument, and appear in the first layer only.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Relu,
    Leaky(f64),
    Prelu(Vec<f64>),
    /// |t| †
    Abs,
    /// |max(t, 0)|: convex because the argument of |·| is known to be ≥ 0.
    AbsRelu,
    /// max(t, c)
    Hinge(f64),
    /// −min(t, c) †
    MinusCap(f64),
    /// Slopes s₀ < s₁ < s₂, s₀ < 0 in the first layer only, breaks t₀ < t₁, value 0 at t₀.
    Pieces {
        slopes: [f64; 3],
        breaks: [f64; 2],
    },
    /// The larger one of neighbours; a last odd entry stays alone.
    MaxPool,
    /// max(tᵢ, tᵢ₊ₙ) with n half the width.
    Maxout,
}

#[derive(Debug)]
struct Layer {
    wz: Option<DMatrix<f64>>,
    wy: DMatrix<f64>,
    b: DVector<f64>,
    kind: Kind,
}

/// z ↦ g(W^z z + W^y y + b) with a unit of its own in each layer; f = wᵀz + cᵀy.
#[derive(Debug)]
pub struct UnitNet {
    layers: Vec<Layer>,
    head: DMatrix<f64>,
    linear: DMatrix<f64>,
}

impl Kind {
    fn draw(d: &mut Draw, width: usize, first: bool) -> Kind {
        let slope = |d: &mut Draw| d.below(5) as f64 / 4.0;
        match d.below(if first { 10 } else { 8 }) {
            0 => Kind::Relu,
            1 => Kind::Leaky(slope(d)),
            2 => Kind::Prelu((0..width).map(|_| slope(d)).collect()),
            3 => Kind::AbsRelu,
            4 => Kind::Hinge(d.number()),
            5 => {
                let lowest = if first { slope(d) - 0.5 } else { slope(d) };
                let slopes = [lowest, lowest + slope(d) + 0.25, lowest + 2.0];
                let start = d.below(9) as f64 / 4.0 - 1.0;
                Kind::Pieces { slopes, breaks: [start, start + 0.25 + slope(d)] }
            }
            6 => Kind::MaxPool,
            7 => Kind::Maxout,
            8 => Kind::Abs,
            _ => Kind::MinusCap(d.number()),
        }
    }

    fn outputs(&self, width: usize) -> usize {
        match self {
            Kind::MaxPool => width.div_ceil(2),
            Kind::Maxout => width / 2,
            _ => width,
        }
    }

    fn apply(&self, a: &DVector<f64>) -> DVector<f64> {
        let larger = |s: f64, t: f64| if s > t { s } else { t };
        match self {
            Kind::Relu | Kind::AbsRelu => a.map(|t| larger(t, 0.0)),
            Kind::Leaky(slope) => a.map(|t| if t >= 0.0 { t } else { slope * t }),
            Kind::Prelu(slopes) => DVector::from_fn(a.len(), |i, _| if a[i] >= 0.0 { a[i] } else { slopes[i] * a[i] }),
            Kind::Abs => a.map(|t| if t < 0.0 { -t } else { t }),
            Kind::Hinge(c) => a.map(|t| larger(t, *c)),
            Kind::MinusCap(c) => a.map(|t| larger(-t, -c)),
            Kind::Pieces { slopes, breaks } => a.map(|t| {
                let left =
                    |t: f64| if t < breaks[0] { slopes[0] * (t - breaks[0]) } else { slopes[1] * (t - breaks[0]) };
                if t < breaks[1] { left(t) } else { left(breaks[1]) + slopes[2] * (t - breaks[1]) }
            }),
            Kind::MaxPool => DVector::from_fn(self.outputs(a.len()), |i, _| {
                if 2 * i + 1 < a.len() { larger(a[2 * i], a[2 * i + 1]) } else { a[2 * i] }
            }),
            Kind::Maxout => {
                let n = a.len() / 2;
                DVector::from_fn(n, |i, _| larger(a[i], a[i + n]))
            }
        }
    }

    /// The lines that compute it from node `t`; the last one is the result.
    fn lines(&self, t: usize, width: usize) -> Vec<String> {
        let groups = |members: &dyn Fn(usize) -> Vec<usize>| {
            let all: Vec<String> = (0..self.outputs(width)).map(|g| format!("{:?}", members(g))).collect();
            vec![format!("max n{t} {}", all.join(" "))]
        };
        match self {
            Kind::Relu => vec![format!("relu n{t}")],
            Kind::Leaky(slope) => vec![format!("leaky n{t} [{slope}]")],
            Kind::Prelu(slopes) => vec![format!("leaky n{t} {slopes:?}")],
            Kind::Abs => vec![format!("abs n{t}")],
            Kind::AbsRelu => vec![format!("relu n{t}"), format!("abs n{}", t + 1)],
            Kind::Hinge(c) => vec![format!("clip n{t} {c} inf")],
            Kind::MinusCap(c) => vec![format!("clip n{t} -inf {c}"), format!("scale n{} [-1]", t + 1)],
            Kind::Pieces { slopes, breaks } => {
                let first = -slopes[0] * breaks[0];
                let second = -slopes[1] * breaks[0];
                let third = second + (slopes[1] - slopes[2]) * breaks[1];
                vec![format!(
                    "lines n{t} {} {first} | {} | {} {second} | {} | {} {third}",
                    slopes[0], breaks[0], slopes[1], breaks[1], slopes[2]
                )]
            }
            Kind::MaxPool => groups(&|g| (2 * g..width.min(2 * g + 2)).collect()),
            Kind::Maxout => groups(&|g| vec![g, g + width / 2]),
        }
    }
}

impl Problem for UnitNet {
    fn draw(d: &mut Draw) -> UnitNet {
        let (p, mut widths) = (1 + d.below(4), widths(d));
        widths.pop();
        widths.push(1 + d.below(4));
        let mut layers = vec![];
        let mut from = None;
        for (i, width) in widths.into_iter().enumerate() {
            let mut kind = Kind::draw(d, width, i == 0);
            if width == 1 && kind == Kind::Maxout {
                kind = Kind::Relu;
            }
            let outputs = kind.outputs(width);
            let wz = from.map(|from| d.nonnegative(width, from));
            layers.push(Layer { wz, wy: d.matrix(width, p), b: d.biases(width), kind });
            from = Some(outputs);
        }
        let head = d.nonnegative(1, from.expect("a layer"));
        let linear = if d.chance(30) { DMatrix::zeros(1, p) } else { d.matrix(1, p) };
        UnitNet { layers, head, linear }
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
