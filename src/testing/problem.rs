//! [`Problem`]: a random network in a context, over a box.

use std::fmt;

use super::family::{Activation, Family, Sizes};
use super::layers::{Drawing, Layers, place};
use super::numbers::Numbers;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::network::Network;

/// A network, a context and a box. The network is convex in y whatever was drawn, by the signs of its weights.
#[derive(Clone)]
pub struct Problem {
    /// The kind of network.
    pub family: Family,
    /// f(x, y)
    pub network: Network,
    /// x, empty but for [`Family::Picnn`].
    pub context: Vec<f64>,
    /// f at x, a function of y.
    pub instance: Instance,
    /// The box Y, bounded.
    pub domain: Domain,
}

impl Problem {
    /// A random network over a random box around 0. Weights are multiples of 1/512 times powers of two that keep the values
    /// of wide layers near 1: all of them are 32-bit floats as well.
    ///
    /// Errors: sizes out of range.
    pub fn random(family: Family, sizes: &Sizes, numbers: &Numbers) -> Result<Problem, Error> {
        sizes.check(family)?;
        let p = sizes.decisions;
        let drawing = Drawing { numbers, coarse: false, rank: p };
        let units: Vec<Activation> = (0..sizes.hidden.len()).map(|i| unit(family, i)).collect();
        let layers = Layers::draw(family, sizes, &units, &drawing);
        let side = |s: usize| (0..p).map(move |j| 0.5 + numbers.fine(&[place::BOX, s, j]).abs());
        let domain = Domain::new_box(side(0).map(|v| -v).collect(), side(1).collect())?;
        Problem::of(&layers, context(sizes, |place| numbers.fine(place)), domain)
    }

    pub(super) fn of(layers: &Layers, context: Vec<f64>, domain: Domain) -> Result<Problem, Error> {
        let network = Network::from(layers.program()?);
        let instance = network.given(&context)?;
        Ok(Problem { family: layers.family, network, context, instance, domain })
    }

    /// p
    pub fn decisions(&self) -> usize {
        self.network.decisions()
    }
}

/// The unit of layer `i`: squares take affine arguments only.
fn unit(family: Family, i: usize) -> Activation {
    match family.activation() {
        Activation::Square if i > 0 => Activation::Relu,
        unit => unit,
    }
}

/// x, by `number` of a place.
pub(super) fn context(sizes: &Sizes, number: impl Fn(&[usize]) -> f64) -> Vec<f64> {
    (0..sizes.context).map(|k| number(&[place::CONTEXT, k])).collect()
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, program) = (self.family.name(), self.network.program());
        let (lower, upper) = (self.domain.lower(), self.domain.upper());
        write!(f, "{name} network\n{program:#}x {:?}\nlower {lower:?}\nupper {upper:?}", self.context)
    }
}
