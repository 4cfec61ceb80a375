//! Lower bounds from the cuts that a gradient method meets: any convex combination of cuts is an affine minorant of f, and
//! its minimum over the region is a lower bound (the answer to the paper's remark that gradient descent has no way to
//! assess its accuracy). [`Bundle`] keeps the cuts that matter; [`best_combination`] finds the weights.

use std::sync::Arc;

use super::interior::{self, Term};
use crate::oracle::Cut;
use crate::region::Region;
use crate::run::Mixture;

/// Cuts, the most useful ones of those that were met: tight at the incumbent, or with weight in the last combination.
#[derive(Debug)]
pub(super) struct Bundle {
    cuts: Vec<Arc<Cut>>,
    /// Weights of the last combination, by cut.
    active: Vec<(f64, Arc<Cut>)>,
    most: usize,
}

impl Bundle {
    /// Keeps about 2p + 10 cuts, at least 50 and at most 200; for p above 200 fewer again, so that a model costs no more.
    pub fn new(dimension: usize) -> Bundle {
        let most = (2 * dimension + 10).min(40_000 / dimension.max(1)).clamp(50, 200);
        Bundle { cuts: vec![], active: vec![], most }
    }

    /// Adds a cut unless it is there; beyond half as many again as are to be kept, the least tight ones at `best` go.
    pub fn add(&mut self, cut: &Arc<Cut>, best: &Cut) {
        let same = |other: &Arc<Cut>| {
            other.gradient == cut.gradient && (other.point == cut.point || interior::rise(other, cut) == 0.0)
        };
        if self.cuts.iter().any(same) {
            return;
        }
        self.cuts.push(cut.clone());
        if self.cuts.len() <= self.most + self.most / 2 {
            return;
        }
        let newest = self.cuts.len() - 1;
        let mut order: Vec<(f64, usize)> = (self.cuts.iter().enumerate())
            .map(|(i, cut)| {
                let needed = i == newest || self.active.iter().any(|(w, a)| *w > 1e-6 && Arc::ptr_eq(a, cut));
                (if needed { f64::NEG_INFINITY } else { -interior::rise(cut, best) }, i)
            })
            .collect();
        // Of equally tight ones the newer stay.
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        order.truncate(self.most);
        order.sort_by_key(|(_, i)| *i);
        self.cuts = order.into_iter().map(|(_, i)| self.cuts[i].clone()).collect();
    }

    /// The cuts kept.
    pub fn cuts(&self) -> &[Arc<Cut>] {
        &self.cuts
    }

    /// Cuts that the last combination uses are kept.
    pub fn used(&mut self, mixture: &Mixture) {
        self.active.clone_from(mixture);
    }
}

/// The convex combination of `cuts` with the best lower bound: of f, or with τ of f − τH. `best` is a cut at a point of the
/// region, near the minimiser if one is known; `effort` bounds the Newton steps. One cut is its own combination.
pub(super) fn best_combination(
    cuts: &[Arc<Cut>],
    region: &Region,
    tau: Option<f64>,
    best: &Cut,
    effort: u32,
) -> Mixture {
    let term = tau.map_or(Term::Nothing, Term::Entropy);
    let weights = match interior::solve(cuts, region, best, term, effort) {
        Some(model) => model.weights,
        None => vec![1.0; cuts.len().min(1)],
    };
    weights.into_iter().zip(cuts).filter(|(w, _)| *w > 1e-16).map(|(w, cut)| (w, cut.clone())).collect()
}
