//! Smooth units, mixed with piecewise-linear ones: softplus, elu, celu, exp, log-sum-exp, norms, squares and other powers,
//! t·log t.

use nalgebra::DVector;

use super::Draw;
use super::layered::{self, Layered};

/// The unit of a layer; those marked † need an affine argument, and appear in the first layer only.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
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

/// z ↦ g(W^z z + W^y y + b) with a unit of its own in each layer; f = wᵀz + cᵀy.
pub type SmoothNet = Layered<Kind>;

impl layered::Kind for Kind {
    const DEEPEST: usize = 2;
    const WEIGHT: f64 = 0.5;

    fn draw(d: &mut Draw, _: usize, first: bool) -> Kind {
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

    fn outputs(&self, width: usize) -> usize {
        match self {
            Kind::LogSumExp | Kind::Max | Kind::NormRelu | Kind::Norm => width.div_ceil(2),
            _ => width,
        }
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
