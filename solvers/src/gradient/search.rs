//! [`Search`]: what the gradient methods share. It evaluates, keeps cuts, offers bounds from them, and ends the method from
//! inside through [`Halt`], so that main loops hold nothing but the method.

use std::sync::Arc;

use super::bound::{Bundle, best_combination};
use super::interior;
use crate::SolverError;
use crate::oracle::{Cut, dot};
use crate::region::Region;
use crate::run::{End, Run};

/// Passes after which a method ends by itself when the caller set no limit on them.
pub(super) const MOST_PASSES: u64 = 10_000;

/// Newton steps for one bound.
const EFFORT: u32 = 60;

/// The end of a method, or what failed.
pub(super) enum Halt {
    End(End),
    Error(SolverError),
}

pub(super) type Flow<T> = Result<T, Halt>;

/// A halt of the method's own, with the reason.
pub(super) fn stalled<T>(reason: &str) -> Flow<T> {
    Err(Halt::End(End::Stalled(reason.into())))
}

/// Runs a method that minimises f. Refuses the entropic problem.
pub(super) fn search<'a>(
    run: &mut Run<'a>,
    method: impl FnOnce(&mut Search<'_, 'a>) -> Flow<End>,
) -> Result<End, SolverError> {
    match run.tau() {
        Some(tau) => Err(SolverError::Refused { reason: format!("it minimises f alone, not f − {tau}·H") }),
        None => search_any(run, method),
    }
}

/// Runs a method. A method that ends by itself has its best combination of cuts offered first.
pub(super) fn search_any<'a>(
    run: &mut Run<'a>,
    method: impl FnOnce(&mut Search<'_, 'a>) -> Flow<End>,
) -> Result<End, SolverError> {
    let dimension = run.region().dimension();
    let mut search = Search { bundle: Bundle::new(dimension), best: None, passes: 0, tried: 0, next: 12, run };
    match method(&mut search) {
        Ok(end) | Err(Halt::End(end)) => {
            if let End::Stalled(_) = end {
                search.combine();
                if let Some(End::Closed) = search.run.stop() {
                    return Ok(End::Closed);
                }
            }
            Ok(end)
        }
        Err(Halt::Error(error)) => Err(error),
    }
}

/// A run with the cuts it met.
pub(super) struct Search<'r, 'a> {
    pub run: &'r mut Run<'a>,
    bundle: Bundle,
    best: Option<Arc<Cut>>,
    passes: u64,
    /// Evaluations, failed ones included.
    tried: u64,
    /// Passes at which the next bound is due.
    next: u64,
}

impl<'a> Search<'_, 'a> {
    pub fn region(&self) -> &'a Region {
        self.run.region()
    }

    /// f at the start. A start without a value is an error.
    pub fn first(&mut self) -> Flow<Arc<Cut>> {
        let y = self.run.start();
        match self.evaluate(&y)? {
            Some(cut) => Ok(cut),
            None => Err(Halt::Error(SolverError::Oracle { reason: "f has no finite value at the start".into() })),
        }
    }

    /// f and its subgradient at a point of the region; `None` where they are not finite. Offers bounds, and halts when the
    /// run is over.
    pub fn evaluate(&mut self, y: &[f64]) -> Flow<Option<Arc<Cut>>> {
        self.tried += 1;
        let cut = match self.run.evaluate(y) {
            Ok(cut) => cut,
            Err(error @ SolverError::Oracle { .. }) if self.best.is_some() => {
                if self.tried > MOST_PASSES.max(self.run.limits().passes.unwrap_or(0)) {
                    return stalled(&format!("{error}, again and again"));
                }
                self.check()?;
                return Ok(None);
            }
            Err(error) => return Err(Halt::Error(error)),
        };
        self.passes += 2;
        if !cut.value.is_finite() {
            return Ok(None);
        }
        let objective = |cut: &Cut| self.run.objective(&cut.point, cut.value);
        if self.best.as_ref().is_none_or(|best| objective(&cut) < objective(best)) {
            self.best = Some(cut.clone());
        }
        let best = self.best.clone().unwrap_or_else(|| cut.clone());
        self.bundle.add(&cut, &best);
        self.run.offer(&[(1.0, cut.clone())]);
        self.check()?;
        Ok(Some(cut))
    }

    /// f alone at a point of the region, infinite where it is not finite.
    pub fn value(&mut self, y: &[f64]) -> Flow<f64> {
        self.tried += 1;
        let value = match self.run.value(y) {
            Ok(value) => value,
            Err(SolverError::Oracle { .. }) if self.tried <= MOST_PASSES.max(self.run.limits().passes.unwrap_or(0)) => {
                f64::INFINITY
            }
            Err(error) => return Err(Halt::Error(error)),
        };
        self.passes += 1;
        self.check()?;
        Ok(value)
    }

    /// Records a step; computes the bound when it is due, and halts when the run is over.
    fn check(&mut self) -> Flow<()> {
        let most = self.run.limits().passes;
        if self.passes >= self.next || most.is_some_and(|most| self.passes >= most) {
            self.combine();
            self.next = self.passes + (self.passes / 3).max(10);
        }
        match self.run.stop() {
            Some(end) => Err(Halt::End(end)),
            None if most.is_none() && self.passes >= MOST_PASSES => {
                stalled(&format!("no gap closed in {} passes; a limit on passes allows more", self.passes))
            }
            None => Ok(()),
        }
    }

    /// Offers the best combination of the cuts that are kept.
    pub fn combine(&mut self) {
        let Some(best) = &self.best else { return };
        let mixture = best_combination(self.bundle.cuts(), self.run.region(), self.run.tau(), best, EFFORT);
        self.run.offer(&mixture);
        self.bundle.used(&mixture);
    }

    /// Evaluations so far.
    pub fn tried(&self) -> u64 {
        self.tried
    }

    /// The cuts kept.
    pub fn bundle(&mut self) -> &mut Bundle {
        &mut self.bundle
    }

    /// The cut at the best point met.
    pub fn best(&self) -> Option<&Arc<Cut>> {
        self.best.as_ref()
    }

    /// The squares of the sides of the region: the metric of steps. A simplex has one for all its members, so that
    /// Euclidean projections are projections in the metric. 0 for a fixed coordinate.
    pub fn metric(&self, from: &[f64]) -> Vec<f64> {
        interior::sides(self.region(), from, &[]).into_iter().map(|s| s * s).collect()
    }

    /// About the distance from the middle to a corner, in units of the sides.
    pub fn radius(&self) -> f64 {
        let sides = (self.region().boxed()).filter(|j| self.region().lower()[*j] < self.region().upper()[*j]).count();
        (sides as f64 / 4.0 + self.region().simplices().len() as f64).sqrt().max(0.5)
    }

    /// The gradient of a cut less what the region takes away from it at the cut's point: components that point out of the box,
    /// and on a simplex the common part. Still a subgradient of f on the region.
    pub fn inward(&self, cut: &Cut) -> Vec<f64> {
        let (region, y) = (self.region(), &cut.point);
        let mut slope = cut.gradient.clone();
        for j in region.boxed() {
            if y[j] <= region.lower()[j] && slope[j] > 0.0 || y[j] >= region.upper()[j] && slope[j] < 0.0 {
                slope[j] = 0.0;
            }
        }
        for simplex in region.simplices() {
            let mut moving = simplex.members.clone();
            let common = loop {
                let common = moving.iter().map(|j| slope[*j]).sum::<f64>() / moving.len() as f64;
                let before = moving.len();
                moving.retain(|j| y[*j] > 0.0 || slope[*j] <= common);
                if moving.len() == before || moving.is_empty() {
                    break common;
                }
            };
            for j in &simplex.members {
                slope[*j] = if moving.contains(j) { slope[*j] - common } else { 0.0 };
            }
        }
        slope
    }

    /// P(y + step·direction)
    pub fn moved(&self, y: &[f64], step: f64, direction: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = y.iter().zip(direction).map(|(y, d)| y + step * d).collect();
        self.region().project(&mut out);
        out
    }
}

/// −D·g for the metric D.
pub(super) fn downhill(metric: &[f64], gradient: &[f64]) -> Vec<f64> {
    metric.iter().zip(gradient).map(|(d, g)| -d * g).collect()
}

/// √(gᵀDg)
pub(super) fn steepness(metric: &[f64], gradient: &[f64]) -> f64 {
    metric.iter().zip(gradient).map(|(d, g)| d * g * g).sum::<f64>().sqrt()
}

/// a − b
pub(super) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// What rounding can do to a difference of values of f near `cut`.
pub(super) fn rounding(cut: &Cut) -> f64 {
    8.0 * f64::EPSILON * (cut.value.abs() + dot(&cut.gradient, &cut.point).abs())
}
