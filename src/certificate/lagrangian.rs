//! [`Lagrangian`]: one affine function below f on all of Y, from minorants of f and of the domain's learned constraints.
//!
//! With μ ≥ 0 for h(y) ≤ c, every y ∈ Y has f(y) ≥ f(y) + Σ μ·(h(y) − c), and each function on the right lies above its
//! minorant. What is left is bounded over the box and the rows by [`Minorant::bound`].

use super::minorant::Minorant;
use crate::domain::Domain;

/// f(y) ≥ `minorant`(y) on Y, with the multipliers that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lagrangian {
    /// rᵀy + c
    pub minorant: Minorant,
    /// One multiplier for each row of the domain: ≥ 0 acts on the lower side, ≤ 0 on the upper side.
    pub rows: Vec<f64>,
    /// One multiplier ≥ 0 for each learned constraint.
    pub levels: Vec<f64>,
}

impl Lagrangian {
    /// From a minorant of f, and a multiplier and a minorant for each learned constraint. A negative multiplier, and one
    /// without a minorant, counts as 0; so does one of a row without the side it acts on.
    pub fn new(domain: &Domain, f: Minorant, levels: Vec<(f64, Option<Minorant>)>, rows: &[f64]) -> Lagrangian {
        let mut minorant = f;
        let mut kept = vec![];
        for (level, (mu, h)) in domain.sublevels().iter().zip(levels) {
            let mu = if mu > 0.0 && mu.is_finite() { mu } else { 0.0 };
            let Some(h) = h.filter(|_| mu > 0.0) else {
                kept.push(0.0);
                continue;
            };
            minorant.constant += mu * (h.constant - level.at_most);
            minorant.gradient.iter_mut().zip(&h.gradient).for_each(|(r, s)| *r += mu * s);
            kept.push(mu);
        }
        let rows = domain.rows().iter().zip(rows).map(|(row, nu)| {
            let side = if *nu > 0.0 { row.lower } else { row.upper };
            if nu.is_finite() && side.is_finite() { *nu } else { 0.0 }
        });
        Lagrangian { rows: rows.collect(), levels: kept, minorant }
    }

    /// A lower bound on min over Y of f; see [`Minorant::bound`].
    pub fn bound(&self, domain: &Domain, y: &[f64], scale: f64) -> f64 {
        self.minorant.bound(domain, &self.rows, y, scale)
    }

    /// What is left of the gradient when the rows have taken their share (length p): positive entries act on the lower
    /// bounds of their coordinates, negative ones on the upper bounds.
    pub fn reduced_costs(&self, domain: &Domain) -> Vec<f64> {
        let mut reduced = self.minorant.gradient.clone();
        for (row, nu) in domain.rows().iter().zip(&self.rows).filter(|(_, nu)| **nu != 0.0) {
            row.coefficients.iter().for_each(|(j, c)| reduced[*j] -= nu * c);
        }
        reduced
    }
}
