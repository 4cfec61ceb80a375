//! Smooth units, mixed with piecewise-linear ones: softplus, elu, celu, exp, log-sum-exp, norms, squares and other powers,
//! t·log t.

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
    Softplus(f64),
    Elu(f64),
    Celu(f64),
    /// e^{t/4}
    Exp,
    /// log(e^{tᵢ} + e^{tᵢ₊₁}) of neighbours; a last odd entry stays alone.
    LogSumExp,
    Max,
    /// max(t, 0)²: convex because the argument of the square is known to be ≥ 0.
    SquareRelu,
    /// The norm of max(t, 0) of neighbours.
    NormRelu,
    /// (1 + max(t, 0))^1.5
    PowerRelu,
    /// The norm of neighbours †
    Norm,
    /// t² †
    Square,
    /// t⁴/16 †
    Fourth,
    /// (1 + max(t, 0))·log(1 + max(t, 0)): nondecreasing there.
    Entropy,
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
pub struct SmoothNet {
    layers: Vec<Layer>,
    head: DMatrix<f64>,
    linear: DMatrix<f64>,
}

impl Kind {
    fn draw(d: &mut Draw, first: bool) -> Kind {
        let half = |d: &mut Draw| (1 + d.below(4)) as f64 / 2.0;
        match d.below(if first { 15 } else { 12 }) {
            0 => Kind::Softplus(half(d)),
            1 => Kind::Elu(d.below(5) as f64 / 4.0),
            2 => Kind::Celu(half(d)),
            3 => Kind::Exp,
            4 => Kind::LogSumExp,
            5 => Kind::SquareRelu,
            6 => Kind::NormRelu,
            7 => Kind::PowerRelu,
            8 => Kind::Entropy,
            9 => Kind::Relu,
            10 => Kind::Leaky(d.below(5) as f64 / 4.0),
            11 => Kind::Max,
            12 => Kind::Norm,
            13 => Kind::Square,
            _ => Kind::Fourth,
        }
    }

    fn is_grouped(&self) -> bool {
        matches!(self, Kind::LogSumExp | Kind::Max | Kind::NormRelu | Kind::Norm)
    }

    fn outputs(&self, width: usize) -> usize {
        if self.is_grouped() { width.div_ceil(2) } else { width }
    }

    fn apply(&self, a: &DVector<f64>) -> DVector<f64> {
        let relu = |t: f64| if t > 0.0 { t } else { 0.0 };
        let pairs = |g: &dyn Fn(&[f64]) -> f64| {
            let chunks: Vec<f64> = a.as_slice().chunks(2).map(g).collect();
            DVector::from_vec(chunks)
        };
        match self {
            Kind::Relu => a.map(relu),
            Kind::Leaky(slope) => a.map(|t| if t >= 0.0 { t } else { slope * t }),
            Kind::Softplus(beta) => a.map(|t| if beta * t > 30.0 { t } else { (1.0 + (beta * t).exp()).ln() / beta }),
            Kind::Elu(alpha) => a.map(|t| if t >= 0.0 { t } else { alpha * (t.exp() - 1.0) }),
            Kind::Celu(alpha) => a.map(|t| if t >= 0.0 { t } else { alpha * ((t / alpha).exp() - 1.0) }),
            Kind::Exp => a.map(|t| (t / 4.0).exp()),
            Kind::LogSumExp => pairs(&|t| {
                let top = t.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v));
                top + t.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
            }),
            Kind::Max => pairs(&|t| t.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v))),
            Kind::SquareRelu => a.map(|t| relu(t) * relu(t)),
            Kind::NormRelu => pairs(&|t| t.iter().map(|v| relu(*v) * relu(*v)).sum::<f64>().sqrt()),
            Kind::PowerRelu => a.map(|t| (1.0 + relu(t)) * (1.0 + relu(t)).sqrt()),
            Kind::Entropy => a.map(|t| (1.0 + relu(t)) * (1.0 + relu(t)).ln()),
            Kind::Norm => pairs(&|t| t.iter().map(|v| v * v).sum::<f64>().sqrt()),
            Kind::Square => a.map(|t| t * t),
            Kind::Fourth => a.map(|t| (t / 2.0) * (t / 2.0) * (t / 2.0) * (t / 2.0)),
        }
    }

    /// The lines that compute it from node `t`; the last one is the result.
    fn lines(&self, t: usize, width: usize) -> Vec<String> {
        let groups = |name: &str, t: usize| {
            let all: Vec<String> = (0..width.div_ceil(2))
                .map(|g| format!("{:?}", (2 * g..width.min(2 * g + 2)).collect::<Vec<_>>()))
                .collect();
            format!("{name} n{t} {}", all.join(" "))
        };
        let ones = || format!("param {:?}", vec![1.0; width]);
        match self {
            Kind::Relu => vec![format!("relu n{t}")],
            Kind::Leaky(slope) => vec![format!("leaky n{t} [{slope}]")],
            Kind::Softplus(beta) => vec![format!("softplus n{t} {beta}")],
            Kind::Elu(alpha) => vec![format!("elu n{t} {alpha}")],
            Kind::Celu(alpha) => vec![format!("celu n{t} {alpha}")],
            Kind::Exp => vec![format!("scale n{t} [0.25]"), format!("exp n{}", t + 1)],
            Kind::LogSumExp => vec![groups("logsumexp", t)],
            Kind::Max => vec![groups("max", t)],
            Kind::SquareRelu => vec![format!("relu n{t}"), format!("power n{} 2", t + 1)],
            Kind::NormRelu => vec![format!("relu n{t}"), groups("norm", t + 1)],
            Kind::PowerRelu => vec![
                format!("relu n{t}"),
                ones(),
                format!("sum n{} n{}", t + 1, t + 2),
                format!("power n{} 1.5", t + 3),
            ],
            Kind::Entropy => {
                vec![format!("relu n{t}"), ones(), format!("sum n{} n{}", t + 1, t + 2), format!("entropy n{}", t + 3)]
            }
            Kind::Norm => vec![groups("norm", t)],
            Kind::Square => vec![format!("power n{t} 2")],
            Kind::Fourth => vec![format!("scale n{t} [0.5]"), format!("power n{} 4", t + 1)],
        }
    }
}

impl Problem for SmoothNet {
    fn draw(d: &mut Draw) -> SmoothNet {
        let (p, mut widths) = (1 + d.below(4), widths(d));
        widths.truncate(2);
        widths.pop();
        widths.push(1 + d.below(4));
        let mut layers = vec![];
        let mut from = None;
        for (i, width) in widths.into_iter().enumerate() {
            let kind = Kind::draw(d, i == 0);
            let outputs = kind.outputs(width);
            let wz = from.map(|from| 0.5 * d.nonnegative(width, from));
            layers.push(Layer { wz, wy: d.matrix(width, p), b: d.biases(width), kind });
            from = Some(outputs);
        }
        let head = d.nonnegative(1, from.expect("a layer"));
        let linear = if d.chance(30) { DMatrix::zeros(1, p) } else { d.matrix(1, p) };
        SmoothNet { layers, head, linear }
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
