//! The term −τH(y) of the entropic problem (paper eqs. 6, 7): over a box the binary entropies of the coordinates scaled to
//! [0, 1], over a simplex the entropy of its shares.

use super::Objective;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::builder::{Builder, Built};
use crate::ir::program::NodeId;
use crate::ir::unit::Unit;
use crate::lower::region::region;

/// −τH(y) as τ·Σ t·log t over shares t ≥ 0.
#[derive(Debug, Clone)]
pub(super) struct Entropy {
    tau: f64,
    shares: Vec<Share>,
}

/// t = factor·(sign·yⱼ + shift)
#[derive(Debug, Clone, Copy)]
struct Share {
    coordinate: usize,
    sign: f64,
    shift: f64,
    factor: f64,
}

impl Objective {
    /// Adds −τH(y) = τ·Σ (u log u + (1 − u) log(1 − u)) of the coordinates scaled to [0, 1] by the box, and for each simplex
    /// of the domain τ·Σ (y/T) log(y/T): the H of [`Region::entropy`](icnn_solvers::region::Region::entropy). Fixed
    /// coordinates contribute nothing.
    ///
    /// Errors: τ that is not above 0; another dimension; a coordinate without both bounds; a row that is no simplex, and a
    /// learned constraint.
    pub fn with_entropy(mut self, tau: f64, domain: &Domain) -> Result<Objective, Error> {
        if !(tau > 0.0 && tau.is_finite()) {
            return Err(Error::Objective(format!("the weight of the entropy is {tau}; it has to be above 0")));
        }
        domain.check_dimension(self.decisions)?;
        let region = region(domain, "conic")?.region;
        let mut shares = vec![];
        for j in region.boxed() {
            let (l, u) = (region.lower()[j], region.upper()[j]);
            if l == u {
                continue;
            }
            let factor = 1.0 / (u - l);
            if !(l.is_finite() && u.is_finite() && factor > 0.0 && factor.is_finite()) {
                let reason = format!("the entropy needs two bounds of every coordinate, y[{j}] lies in [{l}, {u}]");
                return Err(Error::Objective(reason));
            }
            shares.push(Share { coordinate: j, sign: 1.0, shift: -l, factor });
            shares.push(Share { coordinate: j, sign: -1.0, shift: u, factor });
        }
        for simplex in region.simplices() {
            let share = |j: &usize| Share { coordinate: *j, sign: 1.0, shift: 0.0, factor: 1.0 / simplex.total };
            shares.extend(simplex.members.iter().map(share));
        }
        self.entropy.push(Entropy { tau, shares });
        Ok(self)
    }
}

impl Entropy {
    /// The term; `None` where every coordinate is fixed. The shift comes before the factor: then t is exactly 0 at a bound
    /// and never below.
    pub fn term(&self, b: &mut Builder) -> Built<Option<NodeId>> {
        if self.shares.is_empty() {
            return Ok(None);
        }
        let column = |of: fn(&Share) -> f64| self.shares.iter().map(of).collect::<Vec<f64>>();
        let sign = b.constant("sign", column(|s| s.sign));
        let shift = b.constant("shift", column(|s| s.shift));
        let factor = b.constant("factor", column(|s| s.factor));
        let tau = b.constant("tau", vec![self.tau; self.shares.len()]);
        let y = b.decision();
        let y = b.gather(y, self.shares.iter().map(|s| s.coordinate).collect::<Vec<usize>>())?;
        let signed = b.scale(y, sign)?;
        let shift = b.vector(shift);
        let distance = b.sum(&[signed, shift])?;
        let t = b.scale(distance, factor)?;
        let parts = b.unit(t, Unit::Entropy)?;
        Ok(Some(b.dense(parts, tau, 1)?))
    }
}
