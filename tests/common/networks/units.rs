//! Every piecewise-linear unit, written as program text: leaky, prelu, abs, clips, pieces, max pooling, maxout, and the
//! concave min(t, c) with a negative weight.

use nalgebra::DVector;

use super::Draw;
use super::layered::{self, Layered};

/// The unit of a layer; those marked † need an affine argument, and appear in the first layer only.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
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

/// z ↦ g(W^z z + W^y y + b) with a unit of its own in each layer; f = wᵀz + cᵀy.
pub type UnitNet = Layered<Kind>;

impl layered::Kind for Kind {
    const DEEPEST: usize = usize::MAX;
    const WEIGHT: f64 = 1.0;

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
            // There is no second half of one.
            7 if width == 1 => Kind::Relu,
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
