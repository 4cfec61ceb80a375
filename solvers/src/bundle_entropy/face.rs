//! One Newton step of the master: the quadratic model of D, maximised over the whole simplex by an active-set method. Which cuts may have weight is
//! decided here, `climb` finds the maximum for them.

use super::entropic::Minimum;
use super::master::Master;
use super::members::Members;
use crate::dense::{add_rows_of, dot, dots, vectorised};
use crate::factor::Factor;

/// The reference has at least this part of the largest weight.
const LIGHT: f64 = 0.1;

/// The quadratic model of D at λ, times τ, on the cuts that it needs, and where it is largest.
#[derive(Debug, Default)]
pub struct Newton {
    /// Cuts that the model has met, the support of λ first.
    pub(super) members: Members,
    /// λᵢ and the weight now, for each member.
    from: Vec<f64>,
    pub(super) weight: Vec<f64>,
    /// Slope of τ times the model for each member, padded.
    pub(super) slope: Vec<f64>,
    /// The other cuts.
    others: Vec<usize>,
    /// Members that may have weight, but for the reference; in the order of the factor.
    pub(super) active: Vec<usize>,
    /// For each cut, whether it has been met among others.
    met: Vec<bool>,
    /// A member of large weight, which is eliminated: it has what the others leave of 1.
    pub(super) reference: usize,
    /// Of τH reduced to the active members and scaled to a unit diagonal.
    pub(super) factor: Factor,
    /// What is added to diagonal entries before they are scaled: the size of their rounding.
    pub(super) floor: f64,
    /// For each active member.
    pub(super) scale: Vec<f64>,
    pub(super) right: Vec<f64>,
    /// For each member, then for each coordinate.
    change: Vec<f64>,
    step: Vec<f64>,
}

/// λ and what is known there.
pub struct Here<'a> {
    pub lambda: &'a [f64],
    /// Gᵀλ
    pub mixed: &'a [f64],
    pub minimum: &'a Minimum,
    /// cᵢ − max c: the cuts at y(λ), the gradient of D up to a constant.
    pub below: &'a [f64],
    /// The gap of the master.
    pub gap: f64,
}

impl Newton {
    /// Moves `target` to the maximum over the simplex of the model (c − max c)ᵀd − ½ dᵀHd, d = target − λ, up to a part of the
    /// master's gap. H may be that of an earlier step if D's curvature has changed by at most a part of `most` since.
    pub fn maximise(&mut self, master: &Master, here: &Here<'_>, most: f64, target: &mut [f64]) {
        let room = 2 * (self.active.len() + 1) + 16;
        if self.members.len() <= room && self.members.fits(here.minimum, &master.shape, most) {
            self.go_on(master, here);
        } else {
            self.begin(master, here);
        }
        let mut at_top = false;
        for _ in 0..4 * self.members.len() + 40 {
            at_top = self.climb(at_top);
            if at_top {
                let Some(member) = self.entering(master, here) else { break };
                self.activate(member);
            }
        }
        target.fill(0.0);
        self.members.cuts.iter().zip(&self.weight).for_each(|(i, w)| target[*i] = *w);
    }

    /// The change of Gᵀλ along the step from λ to the last target.
    pub fn along(&mut self, master: &Master, along: &mut [f64]) {
        self.change.clear();
        self.change.extend(self.weight.iter().zip(&self.from).map(|(w, from)| w - from));
        along.fill(0.0);
        vectorised(
            #[inline(always)]
            || add_rows_of(&self.members.cuts, &self.change, &master.gradients, along.len(), along),
        );
    }

    /// Nothing of earlier steps is known any more.
    pub fn forget(&mut self) {
        self.members.cuts.clear();
    }

    /// Cuts that are not to be kept are gone, the others move up.
    pub fn renumber(&mut self, keep: &[bool]) {
        if self.members.cuts.iter().any(|i| !keep[*i]) {
            self.forget();
        }
        for i in &mut self.members.cuts {
            *i = keep[..*i].iter().filter(|keep| **keep).count();
        }
    }

    /// The support of λ and the highest cut.
    fn begin(&mut self, master: &Master, here: &Here<'_>) {
        self.others.clear();
        self.members.begin(master, here);
        let top = highest(here.below);
        for (i, l) in here.lambda.iter().enumerate() {
            if *l > 0.0 || i == top { self.members.cuts.push(i) } else { self.others.push(i) }
        }
        self.members.fill(master);
        self.start(master, here);
        self.active.clear();
        self.active.extend(0..self.members.len());
        self.refer();
    }

    /// The same with the members, and the factor, of the last step.
    fn go_on(&mut self, master: &Master, here: &Here<'_>) {
        self.met.clear();
        self.met.resize(master.cuts(), false);
        self.members.cuts.iter().for_each(|i| self.met[*i] = true);
        let top = highest(here.below);
        self.others.clear();
        for (i, (met, l)) in self.met.iter().zip(here.lambda).enumerate() {
            if *met {
                continue;
            }
            if *l > 0.0 || i == top { self.members.join(i, master) } else { self.others.push(i) }
        }
        self.start(master, here);
        // A light reference makes for large rounding errors.
        let largest = self.weight.iter().copied().fold(0.0, f64::max);
        if self.weight[self.reference] < LIGHT * largest {
            self.active.push(self.reference);
            self.refer();
        }
        self.met.fill(false);
        self.active.iter().chain([&self.reference]).for_each(|a| self.met[self.members.cuts[*a]] = true);
        for a in 0..self.members.len() {
            let i = self.members.cuts[a];
            if !self.met[i] && (here.lambda[i] > 0.0 || i == top) {
                self.activate(a);
            }
        }
    }

    /// Weights and slopes of the members at λ.
    fn start(&mut self, master: &Master, here: &Here<'_>) {
        let cuts = &self.members.cuts;
        self.from.clear();
        self.from.extend(cuts.iter().map(|i| here.lambda[*i]));
        self.weight.clone_from(&self.from);
        self.slope.clear();
        self.slope.extend(cuts.iter().map(|i| master.tau * here.below[*i]));
        self.slope.resize(self.members.padded(), 0.0);
    }

    /// The member whose slope exceeds that of the active ones most, if by enough to matter; a cut that becomes one for that, if need be.
    fn entering(&mut self, master: &Master, here: &Here<'_>) -> Option<usize> {
        let all = self.active.iter().chain([&self.reference]);
        let level = all.map(|a| self.slope[*a]).fold(f64::NEG_INFINITY, f64::max);
        let (mut most, mut member, mut other) = (level + 0.05 * master.tau * here.gap, None, None);
        self.change.clear();
        self.change.extend(self.weight.iter().zip(&self.from).map(|(w, from)| w - from));
        for (a, slope) in self.slope[..self.members.len()].iter().enumerate() {
            // The active ones are at the level or below.
            if *slope > most {
                (most, member) = (*slope, Some(a));
            }
        }
        if !self.others.is_empty() {
            let own = self.members.bend(&self.change, &master.shape, &mut self.step);
            let step = &self.step;
            let best = vectorised(
                #[inline(always)]
                || {
                    let mut best = (most, None);
                    let mut meet = |place: usize, product: f64| {
                        let slope = master.tau * here.below[self.others[place]] - (product - own);
                        if slope > best.0 {
                            best = (slope, Some(place));
                        }
                    };
                    let (fours, rest) = self.others.as_chunks::<4>();
                    for (k, [a, b, c, d]) in fours.iter().enumerate() {
                        let rows = [master.gradient(*a), master.gradient(*b), master.gradient(*c), master.gradient(*d)];
                        let products = dots(rows, step);
                        products.into_iter().enumerate().for_each(|(l, product)| meet(4 * k + l, product));
                    }
                    for (k, i) in rest.iter().enumerate() {
                        meet(4 * fours.len() + k, dot(master.gradient(*i), step));
                    }
                    best
                },
            );
            (most, other) = best;
        }
        if let Some(place) = other {
            let i = self.others.swap_remove(place);
            self.members.join(i, master);
            self.from.push(here.lambda[i]);
            self.weight.push(here.lambda[i]);
            let new = self.members.len() - 1;
            self.slope.resize(self.members.padded(), 0.0);
            self.slope[new] = most;
            return Some(new);
        }
        member
    }
}

/// The last of the largest, of cuts less the largest.
fn highest(below: &[f64]) -> usize {
    below.iter().rposition(|c| *c == 0.0).unwrap_or(0)
}
