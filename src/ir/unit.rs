//! [`Unit`]: the elementwise functions of the IR.

use std::sync::Arc;

use super::lines::Lines;
use super::program::ParamId;
use super::scalar::Scalar;

/// An elementwise function t ↦ g(t).
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    /// max(t, 0)
    Relu,
    /// t for t ≥ 0, γt below; γ has length 1 or one entry per element (leaky relu, prelu).
    Leaky(ParamId),
    /// |t|
    Abs,
    /// min(max(t, lower), upper); either end may be infinite.
    Clip {
        /// Lower end, −∞ for none.
        lower: f64,
        /// Upper end, +∞ for none.
        upper: f64,
    },
    /// Any continuous piecewise-linear function.
    Lines(Arc<Lines>),
    /// Σₖ cₖ·gₖ(t): functions of one argument that were written as a sum, for example a prelu as relu(t) − α·relu(−t).
    Combination(Vec<Term>),
    /// log(1 + e^{βt})/β. `switch`: the file replaces it by t where βt exceeds this number.
    Softplus {
        /// β > 0
        beta: f64,
        /// Threshold of the exporter's overflow guard.
        switch: Option<f64>,
    },
    /// t for t ≥ 0, α(eᵗ − 1) below.
    Elu {
        /// α
        alpha: f64,
    },
    /// t for t ≥ 0, α(e^{t/α} − 1) below.
    Celu {
        /// α > 0
        alpha: f64,
    },
    /// t^p
    Power(f64),
    /// eᵗ
    Exp,
    /// log t
    Log,
    /// t·log t, 0 at 0
    Entropy,
    /// 1/(1 + e^{−t})
    Sigmoid,
    /// tanh t
    Tanh,
    /// The error function.
    Erf,
    /// sin t
    Sin,
    /// cos t
    Cos,
    /// arctan t
    Atan,
    /// t/(1 + |t|)
    Softsign,
    /// ⌊t⌋
    Floor,
    /// ⌈t⌉
    Ceil,
    /// t rounded to the nearest integer, ties to even
    Round,
    /// −1, 0 or 1
    Sign,
}

/// One term c·g(s·t) of a [`Unit::Combination`].
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// c, length 1 or one entry per element.
    pub weight: ParamId,
    /// s, a plain number.
    pub inner: f64,
    /// g
    pub unit: Unit,
}

impl Unit {
    /// The name used in listings and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Unit::Relu => "relu",
            Unit::Leaky(_) => "leaky",
            Unit::Abs => "abs",
            Unit::Clip { .. } => "clip",
            Unit::Lines(_) => "lines",
            Unit::Combination(_) => "combination",
            Unit::Softplus { .. } => "softplus",
            Unit::Elu { .. } => "elu",
            Unit::Celu { .. } => "celu",
            Unit::Power(_) => "power",
            Unit::Exp => "exp",
            Unit::Log => "log",
            Unit::Entropy => "entropy",
            Unit::Sigmoid => "sigmoid",
            Unit::Tanh => "tanh",
            Unit::Erf => "erf",
            Unit::Sin => "sin",
            Unit::Cos => "cos",
            Unit::Atan => "atan",
            Unit::Softsign => "softsign",
            Unit::Floor => "floor",
            Unit::Ceil => "ceil",
            Unit::Round => "round",
            Unit::Sign => "sign",
        }
    }

    /// Whether elements may have functions of their own (through parameters with one entry per element).
    pub fn params(&self) -> Vec<ParamId> {
        match self {
            Unit::Leaky(p) => vec![*p],
            Unit::Combination(terms) => {
                terms.iter().flat_map(|t| std::iter::once(t.weight).chain(t.unit.params())).collect()
            }
            _ => vec![],
        }
    }

    /// The function of element `i`; `value(p, i)` gives a parameter's entry, or `None` where it is not known.
    pub fn scalar(&self, i: usize, value: &dyn Fn(ParamId, usize) -> Option<f64>) -> Scalar {
        match self {
            Unit::Relu => Scalar::Lines(Lines::relu()),
            Unit::Leaky(p) => match value(*p, i) {
                Some(slope) => Scalar::Lines(Arc::new(Lines::hinge(0.0, slope, 1.0))),
                None => Scalar::Unknown,
            },
            Unit::Abs => Scalar::Lines(Arc::new(Lines::hinge(0.0, -1.0, 1.0))),
            Unit::Clip { lower, upper } => Scalar::Lines(Arc::new(Lines::clip(*lower, *upper))),
            Unit::Lines(lines) => Scalar::Lines(lines.clone()),
            Unit::Combination(terms) => {
                let parts: Option<Vec<(f64, f64, Scalar)>> = terms
                    .iter()
                    .map(|t| match t.unit.scalar(i, value) {
                        Scalar::Unknown => None,
                        scalar => Some((value(t.weight, i)?, t.inner, scalar)),
                    })
                    .collect();
                match parts {
                    None => Scalar::Unknown,
                    Some(parts) => {
                        let lines: Option<Vec<Lines>> = parts
                            .iter()
                            .map(|(c, s, scalar)| match scalar {
                                Scalar::Lines(l) => Some(l.of_scaled_argument(*s).scaled(*c)),
                                _ => None,
                            })
                            .collect();
                        match lines {
                            Some(lines) => Scalar::Lines(Arc::new(Lines::sum(&lines))),
                            None => Scalar::Combination(parts),
                        }
                    }
                }
            }
            Unit::Power(p) if *p == 1.0 => Scalar::Lines(Arc::new(Lines::line(1.0, 0.0))),
            smooth => Scalar::Smooth(smooth.clone()),
        }
    }
}
