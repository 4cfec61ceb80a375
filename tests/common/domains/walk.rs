//! [`Walk`]: feasible points of any domain, by steps in random directions from a point that is known to be feasible
//! (hit and run). Equations and fixed coordinates are kept by projecting the direction.

use icnn::domain::Domain;
use nalgebra::{DMatrix, DVector};

use crate::networks::Points;

/// Points of a domain, one after the other.
pub struct Walk<'a> {
    domain: &'a Domain,
    anchor: Vec<f64>,
    at: Vec<f64>,
    random: Points<'a>,
    /// Orthonormal rows: directions that an equation or a fixed coordinate forbids.
    forbidden: DMatrix<f64>,
}

/// Longest step: how far a walk goes where nothing stops it.
const FARTHEST: f64 = 20.0;

/// By how much points may violate the domain: rounding only.
const ROUNDING: f64 = 1e-12;

impl<'a> Walk<'a> {
    pub fn new(domain: &'a Domain, anchor: &'a [f64], seed: u64) -> Walk<'a> {
        let p = anchor.len();
        let mut rows: Vec<DVector<f64>> = vec![];
        for j in (0..p).filter(|j| domain.lower()[*j] == domain.upper()[*j]) {
            rows.push(DVector::from_fn(p, |k, _| f64::from(u8::from(k == j))));
        }
        for row in domain.rows().iter().filter(|r| r.lower == r.upper) {
            let mut dense = DVector::zeros(p);
            row.coefficients.iter().for_each(|(j, c)| dense[*j] = *c);
            rows.push(dense);
        }
        // Gram-Schmidt, twice for the sake of rounding.
        let mut basis: Vec<DVector<f64>> = vec![];
        for row in rows {
            let size = row.norm();
            let mut rest = row;
            for _ in 0..2 {
                basis.iter().for_each(|b| rest -= b * b.dot(&rest));
            }
            if rest.norm() > 1e-9 * size.max(1e-300) {
                basis.push(rest.normalize());
            }
        }
        let forbidden = DMatrix::from_fn(basis.len(), p, |i, j| basis[i][j]);
        let random = Points::new(domain, anchor, seed);
        Walk { domain, anchor: anchor.to_vec(), at: anchor.to_vec(), random, forbidden }
    }

    /// The next point; the same as before where no step is possible.
    pub fn next(&mut self) -> Vec<f64> {
        if self.random.random().is_multiple_of(5) {
            self.at = self.anchor.clone();
        }
        let p = self.at.len();
        let one = self.random.random() as usize % (2 * p);
        let mut d = DVector::from_fn(p, |j, _| {
            let v = 2.0 * self.random.unit() - 1.0;
            // Every other direction is along one coordinate.
            if one < p { if one == j { v } else { 0.0 } } else { v }
        });
        for _ in 0..2 {
            d -= self.forbidden.transpose() * (&self.forbidden * &d);
        }
        if d.norm() < 1e-6 {
            return self.at.clone();
        }
        d.normalize_mut();
        let mut step = self.longest(d.as_slice());
        if !self.random.random().is_multiple_of(3) {
            step *= self.random.unit();
        }
        // Rounding at the sides is stepped back from.
        for _ in 0..3 {
            let to: Vec<f64> = self.at.iter().zip(d.iter()).map(|(a, d)| a + step * d).collect();
            let to = self.domain.clip(&to);
            if self.domain.violation(&to) <= ROUNDING {
                self.at = to;
                break;
            }
            step *= 0.999;
        }
        self.at.clone()
    }

    /// The longest step along d that stays inside, at most [`FARTHEST`].
    fn longest(&self, d: &[f64]) -> f64 {
        let mut most = FARTHEST;
        let mut side = |at: f64, rate: f64, lower: f64, upper: f64| {
            let room = if rate > 1e-12 { (upper - at) / rate } else { (lower - at) / rate };
            if rate.abs() > 1e-12 {
                most = most.min(room.max(0.0));
            }
        };
        for (j, rate) in d.iter().enumerate() {
            side(self.at[j], *rate, self.domain.lower()[j], self.domain.upper()[j]);
        }
        for row in self.domain.rows().iter().filter(|r| r.lower < r.upper) {
            side(row.activity(&self.at), row.activity(d), row.lower, row.upper);
        }
        for level in self.domain.sublevels() {
            let value = |t: f64| {
                let y: Vec<f64> = self.at.iter().zip(d).map(|(a, d)| a + t * d).collect();
                level.function.forward(&y).expect("finite").value()
            };
            if value(most) <= level.at_most {
                continue;
            }
            let (mut inside, mut outside) = (0.0, most);
            for _ in 0..50 {
                let middle = 0.5 * (inside + outside);
                if value(middle) <= level.at_most { inside = middle } else { outside = middle }
            }
            most = inside;
        }
        most
    }
}
