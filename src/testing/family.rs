//! [`Family`]: the kinds of networks that are made, and [`Sizes`], how large.

use crate::error::Error;
use crate::ir::builder::{Builder, Built};
use crate::ir::program::NodeId;
use crate::ir::unit::Unit;

/// A kind of network, convex in y by its construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Fully input convex, relu (paper eq. 2).
    Ficnn,
    /// Partially input convex: convex in y, any function of a context x (paper eq. 3).
    Picnn,
    /// Convolution, max pooling, convolution, then layers that see y as well.
    Convolution,
    /// Each layer reads all layers before it, and so does the output (IOC).
    Skips,
    /// Units max(a, a′) of two pre-activations.
    Max,
    /// Leaky relu of slope 1/4.
    Leaky,
    /// log(1 + eᵗ)
    Softplus,
    /// ELU with α = 1.
    Elu,
    /// CELU with α = 1/2.
    Celu,
    /// Squares of affine functions in the first layer, relu behind it.
    Quadratic,
}

/// All families with their names on the command line.
pub const FAMILIES: &[(&str, Family)] = &[
    ("ficnn", Family::Ficnn),
    ("picnn", Family::Picnn),
    ("convolution", Family::Convolution),
    ("skips", Family::Skips),
    ("max", Family::Max),
    ("leaky", Family::Leaky),
    ("softplus", Family::Softplus),
    ("elu", Family::Elu),
    ("celu", Family::Celu),
    ("quadratic", Family::Quadratic),
];

impl Family {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        FAMILIES.iter().find(|f| f.1 == self).map_or("", |f| f.0)
    }

    /// Whether f is made of linear pieces.
    pub fn is_piecewise_linear(self) -> bool {
        !matches!(self, Family::Softplus | Family::Elu | Family::Celu | Family::Quadratic)
    }

    /// The unit that the family is named after.
    pub(super) fn activation(self) -> Activation {
        match self {
            Family::Max => Activation::Max,
            Family::Leaky => Activation::Leaky,
            Family::Softplus => Activation::Softplus,
            Family::Elu => Activation::Elu,
            Family::Celu => Activation::Celu,
            Family::Quadratic => Activation::Square,
            _ => Activation::Relu,
        }
    }
}

/// How large a network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// p, the number of decisions; 1 to 4096.
    pub decisions: usize,
    /// q, the width of the context, at least 1 for [`Family::Picnn`]; other families take none.
    pub context: usize,
    /// Units of each hidden layer, each 1 to 4096; 1 to 8 layers. (A convolutional network has two layers of two channels
    /// in front.)
    pub hidden: Vec<usize>,
}

/// Largest number of decisions, of context entries and of units in a layer.
const WIDEST: usize = 4096;
const DEEPEST: usize = 8;

impl Sizes {
    /// Sizes without a context.
    pub fn new(decisions: usize, hidden: &[usize]) -> Sizes {
        Sizes { decisions, context: 0, hidden: hidden.to_vec() }
    }

    /// Errors: a size out of range, with the range.
    pub(super) fn check(&self, family: Family) -> Result<(), Error> {
        let wrong = |what: &str, n: usize, from: usize, to: usize| {
            Err(Error::Choice(format!("{what}: {n}; it is {from} to {to}")))
        };
        let outside = |n: usize| !(1..=WIDEST).contains(&n);
        if outside(self.decisions) {
            return wrong("the number of decisions", self.decisions, 1, WIDEST);
        }
        match family {
            Family::Picnn if outside(self.context) => {
                return wrong("the width of the context", self.context, 1, WIDEST);
            }
            Family::Picnn => {}
            _ if self.context > 0 => {
                let (n, name) = (self.context, family.name());
                return Err(Error::Choice(format!("a context of {n}, but {name} networks take none; picnn does")));
            }
            _ => {}
        }
        if !(1..=DEEPEST).contains(&self.hidden.len()) {
            return wrong("the number of hidden layers", self.hidden.len(), 1, DEEPEST);
        }
        match self.hidden.iter().copied().find(|n| outside(*n)) {
            Some(n) => wrong("the units of a layer", n, 1, WIDEST),
            None => Ok(()),
        }
    }
}

/// What a layer applies to its pre-activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Relu,
    Leaky,
    /// Of rows i and i + n, for n outputs.
    Max,
    Softplus,
    Elu,
    Celu,
    /// Only of an affine function of y.
    Square,
}

impl Activation {
    /// Pre-activations of `outputs` units.
    pub fn rows(self, outputs: usize) -> usize {
        if self == Activation::Max { 2 * outputs } else { outputs }
    }

    /// Whether a supporting slope at 0 keeps y from moving to one side only, so that a kink needs a second unit on −t.
    pub fn one_sided(self) -> bool {
        matches!(self, Activation::Elu | Activation::Celu)
    }

    /// The values of the units.
    pub fn apply(self, a: &[f64]) -> Vec<f64> {
        let half = a.len() / 2;
        match self {
            Activation::Relu => a.iter().map(|t| t.max(0.0)).collect(),
            Activation::Leaky => a.iter().map(|t| t.max(0.25 * t)).collect(),
            Activation::Max => (0..half).map(|i| a[i].max(a[i + half])).collect(),
            Activation::Softplus => a.iter().map(|t| t.max(0.0) + (-t.abs()).exp().ln_1p()).collect(),
            Activation::Elu => a.iter().map(|t| if *t >= 0.0 { *t } else { t.exp_m1() }).collect(),
            Activation::Celu => a.iter().map(|t| if *t >= 0.0 { *t } else { (2.0 * t).exp_m1() / 2.0 }).collect(),
            Activation::Square => a.iter().map(|t| t * t).collect(),
        }
    }

    /// The node of the units.
    pub fn node(self, b: &mut Builder, a: NodeId) -> Built {
        match self {
            Activation::Relu => b.unit(a, Unit::Relu),
            Activation::Leaky => {
                let slope = b.constant("slope", vec![0.25]);
                b.unit(a, Unit::Leaky(slope))
            }
            Activation::Max => {
                let half = b.len(a) / 2;
                let groups = crate::ir::program::Groups::new((0..half).map(|i| vec![i, i + half]));
                b.group(a, crate::ir::program::GroupKind::Max, groups)
            }
            Activation::Softplus => b.unit(a, Unit::Softplus { beta: 1.0, switch: None }),
            Activation::Elu => b.unit(a, Unit::Elu { alpha: 1.0 }),
            Activation::Celu => b.unit(a, Unit::Celu { alpha: 0.5 }),
            Activation::Square => b.unit(a, Unit::Power(2.0)),
        }
    }
}
