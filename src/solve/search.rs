//! `Search`: the best point and the best bound so far, each recomputed from the network.

use std::sync::Arc;
use std::time::Instant;

use icnn_solvers::LpOutcome;

use super::duals::Duals;
use super::newton;
use super::{Limits, Proof, Solution, Status, Work};
use crate::certificate::tangent::polished;
use crate::certificate::{Lagrangian, Minorant, Multipliers, rigorous};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::interval::sum_up;
use crate::ir::program::NodeId;
use crate::lower::quadratic::added_weights;
use crate::lower::{Conic, Linear};

/// Largest relative violation of the domain that a returned point may have.
pub(crate) const FEASIBLE: f64 = 1e-6;

/// A gap below this share of the numbers that are added up is rounding, the solver's included.
pub(crate) const ROUNDING: f64 = 1e-12;

/// A gap beyond this share of the numbers that are added up is worth Newton's method.
pub(super) const ACCURATE: f64 = 1e-11;

/// Slopes that cancel leave a residue, which counts times the side of the box, but no more than this: beyond, it is a gap.
const REACH: f64 = 1e3;

/// A point of the domain.
struct Best {
    y: Vec<f64>,
    /// f there, by a forward pass.
    value: f64,
    /// The upper end of an enclosure of f there, where there is one.
    upper: Option<f64>,
}

/// A lower bound and what made it.
struct Bound {
    value: f64,
    lagrangian: Lagrangian,
    dual: rigorous::Dual,
    /// The size of the numbers that are added up.
    size: f64,
}

/// What is known so far of min f over the domain.
pub(super) struct Search<'a> {
    pub(super) instance: &'a Instance,
    pub(super) domain: &'a Domain,
    pub(super) linear: &'a Linear,
    limits: &'a Limits,
    best: Option<Best>,
    /// The best bound whose rounding is bounded, and the best one whose rounding is not: the second counts only where there
    /// is none of the first.
    rigorous: Option<Bound>,
    plain: Option<Bound>,
    /// The gap that rounding alone can leave.
    rounding: f64,
    scale: f64,
    /// The cones next to the linear program, and their multipliers in the outcome that is looked at.
    pub(super) cones: Option<(&'a Conic, Vec<f64>)>,
    /// The share of the numbers that are added up below which a gap is rounding.
    pub(super) accuracy: f64,
    /// When the search began.
    begun: Instant,
    /// Whether a limit ended a solve.
    pub(super) limited: bool,
    /// Who is asked first, for messages.
    pub(super) solver: &'static str,
    /// What the second method said, if it was asked.
    pub(super) second_words: Option<String>,
    pub(super) work: Work,
}

impl<'a> Search<'a> {
    pub fn new(instance: &'a Instance, domain: &'a Domain, linear: &'a Linear, limits: &'a Limits) -> Search<'a> {
        Search {
            instance,
            domain,
            linear,
            limits,
            best: None,
            rigorous: None,
            plain: None,
            rounding: 0.0,
            scale: 0.0,
            cones: None,
            accuracy: ROUNDING,
            begun: Instant::now(),
            limited: false,
            solver: "HiGHS",
            second_words: None,
            work: Work::default(),
        }
    }

    /// Takes the point and the duals of an outcome, whatever its status, and recomputes what they are worth.
    pub fn candidate(&mut self, outcome: &LpOutcome) -> Result<(), Error> {
        let y = match self.linear.decisions_of(&outcome.primal) {
            Some(y) => self.domain.clip(&y),
            // Without a point: the corner or the middle of the box nearest to 0.
            None => self.domain.clip(&vec![0.0; self.domain.dimension()]),
        };
        let trace = self.instance.forward(&y)?;
        self.work.forward += 1;
        let upper = self.upper(&y);
        let subgradient = Multipliers::subgradient(self.instance, &trace);
        let zeros = vec![0.0; self.linear.lp.rows()];
        let (row_dual, column_dual) = (&outcome.row_dual, &outcome.column_dual);
        let slopes = self.slopes(0, self.instance, row_dual, column_dual, subgradient.clone());
        let rows = if row_dual.len() == zeros.len() { row_dual } else { &zeros };
        for (chosen, rows) in [(slopes, rows), (subgradient, &zeros)] {
            let Some(reduced) = self.offer(&chosen, rows, column_dual, &y) else { continue };
            if let Some(polished) = self.polished(&chosen, &y, &reduced) {
                self.offer(&polished, rows, column_dual, &y);
            }
            if !self.closed_at(trace.value(), upper) {
                self.rounding = rounding(self.instance, self.domain, &trace, &y, self.accuracy);
            }
            if self.closed_at(trace.value(), upper) {
                break;
            }
        }
        if !self.closed_at(trace.value(), upper) {
            self.refine(outcome, &y);
        }
        self.consider(y, trace.value(), upper);
        Ok(())
    }

    /// The upper end of an enclosure of f(y), where there is one.
    fn upper(&mut self, y: &[f64]) -> Option<f64> {
        self.work.forward += 1;
        rigorous::value(self.instance, y).map(|f| f.upper).filter(|v| v.is_finite())
    }

    /// Takes a point if it lies in the domain and is better.
    fn consider(&mut self, y: Vec<f64>, value: f64, upper: Option<f64>) {
        let feasible = self.domain.violation(&y) <= FEASIBLE;
        if feasible && self.best.as_ref().is_none_or(|best| value < best.value) {
            self.best = Some(Best { y, value, upper });
        }
    }

    /// `start` with the slopes that the multipliers choose.
    fn slopes(&self, function: usize, of: &Instance, rows: &[f64], costs: &[f64], start: Multipliers) -> Multipliers {
        match &self.cones {
            Some((conic, cones)) => conic.slopes(function, of, (rows, costs, cones), start),
            None => self.linear.slopes(function, of, rows, costs, start),
        }
    }

    /// Of a quadratic program: a point near that of `outcome`, and the bound of its tangent and of multipliers nearby.
    fn refine(&mut self, outcome: &LpOutcome, y: &[f64]) {
        if self.cones.as_ref().is_some_and(|(conic, _)| !conic.cones.is_empty()) {
            return;
        }
        let Some(better) = super::polish::polished(&self.linear.lp, outcome) else { return };
        let Some(point) = self.linear.decisions_of(&better.primal) else { return };
        let Ok(trace) = self.instance.forward(&point) else { return };
        self.work.forward += 1;
        if self.domain.clip(&point) == point {
            let upper = self.upper(&point);
            self.consider(point, trace.value(), upper);
        }
        let start = Multipliers::subgradient(self.instance, &trace);
        let slopes = self.slopes(0, self.instance, &better.row_dual, &better.column_dual, start);
        self.offer(&slopes, &better.row_dual, &better.column_dual, y);
    }

    /// Takes the lower bounds that slopes of f, row multipliers of the program and reduced costs make; returns the reduced
    /// costs they leave.
    fn offer(&mut self, f: &Multipliers, rows: &[f64], costs: &[f64], y: &[f64]) -> Option<Vec<f64>> {
        self.work.backward += 1;
        let minorant = Minorant::new(self.instance, &self.linear.bounds[0], f)?;
        let levels = self.level_slopes(rows, costs, y);
        let minorants = self.minorants(&levels);
        let rows = &rows[..self.domain.rows().len()];
        let lagrangian = Lagrangian::new(self.domain, minorant, minorants, rows);
        let reduced = lagrangian.reduced_costs(self.domain);
        self.take_bound(lagrangian, rigorous::Dual { f: f.clone(), levels, rows: rows.to_vec() }, y);
        Some(reduced)
    }

    /// For each learned constraint its multiplier and a minorant, from row multipliers and reduced costs of the program;
    /// slopes that they leave open are those at y.
    pub fn levels(&mut self, rows: &[f64], costs: &[f64], y: &[f64]) -> Vec<(f64, Option<Minorant>)> {
        let slopes = self.level_slopes(rows, costs, y);
        self.minorants(&slopes)
    }

    fn level_slopes(&mut self, rows: &[f64], costs: &[f64], y: &[f64]) -> Vec<(f64, Option<Multipliers>)> {
        let mut out = vec![];
        for (k, level) in self.domain.sublevels().iter().enumerate() {
            // The row says h ≤ c: its multiplier acts on the upper side, so it is negative.
            let mu = -rows[self.linear.level_rows[k].1];
            let h = &level.function;
            if mu.is_nan() || mu <= 0.0 {
                out.push((mu, None));
                continue;
            }
            self.work.forward += 1;
            let slopes = h.forward(y).ok().map(|trace| {
                let start = Multipliers::subgradient(h, &trace);
                self.slopes(k + 1, h, rows, costs, start)
            });
            out.push((mu, slopes));
        }
        out
    }

    fn minorants(&mut self, slopes: &[(f64, Option<Multipliers>)]) -> Vec<(f64, Option<Minorant>)> {
        let of_level = |(k, (mu, slopes)): (usize, &(f64, Option<Multipliers>))| {
            let slopes = slopes.as_ref();
            self.work.backward += u32::from(slopes.is_some());
            let h = &self.domain.sublevels()[k].function;
            (*mu, slopes.and_then(|slopes| Minorant::new(h, &self.linear.bounds[k + 1], slopes)))
        };
        slopes.iter().enumerate().map(of_level).collect()
    }

    fn polished(&self, chosen: &Multipliers, y: &[f64], reduced: &[f64]) -> Option<Multipliers> {
        self.linear.lp.quadratic.as_ref()?;
        let all = added_weights(self.instance);
        let weight = |id: NodeId| all[id.index()].as_ref().map(|w| w[0]);
        polished(self.instance, self.domain, chosen, &weight, y, reduced)
    }

    fn take_bound(&mut self, lagrangian: Lagrangian, dual: rigorous::Dual, y: &[f64]) {
        self.scale = self.scale.max(lagrangian.minorant.gradient.iter().fold(0.0, |m: f64, r| m.max(r.abs())));
        let scale = self.scale.max(self.slope_scale());
        let plain = lagrangian.bound(self.domain, y, scale);
        self.work.backward += 1;
        let proven = rigorous::lower_bound(self.instance, self.domain, &self.linear.bounds, &dual);
        let size = lagrangian.minorant.size(y);
        let better = |value: f64, than: &Option<Bound>| {
            value.is_finite() && than.as_ref().is_none_or(|bound| value > bound.value)
        };
        if better(plain, &self.plain) {
            let (lagrangian, dual) = (lagrangian.clone(), dual.clone());
            self.plain = Some(Bound { value: plain, lagrangian, dual, size });
        }
        if better(proven, &self.rigorous) {
            self.rigorous = Some(Bound { value: proven, lagrangian, dual, size });
        }
    }

    /// The bound to go by at a point whose value has this upper end, and the value to compare it with.
    fn at(&self, value: f64, upper: Option<f64>) -> (Option<&Bound>, f64, Proof) {
        match (&self.rigorous, upper) {
            (Some(bound), Some(upper)) => (Some(bound), upper, Proof::Rigorous),
            _ => (self.plain.as_ref(), value, Proof::F64),
        }
    }

    /// The size of slopes of f near 0: what a slope of rounding size is compared with. Needed on unbounded domains only.
    pub fn slope_scale(&mut self) -> f64 {
        if self.domain.is_bounded() {
            return 0.0;
        }
        self.slopes_of(self.instance)
    }

    /// The size of slopes of a function of the decisions, at two corners far away.
    pub fn slopes_of(&self, function: &Instance) -> f64 {
        let corner = |c: f64| self.domain.clip(&vec![c; self.domain.dimension()]);
        let mut largest = 0.0f64;
        for y in [corner(1e3), corner(-1e3)] {
            if let Ok(trace) = function.forward(&y) {
                largest = function.gradient(&trace).iter().fold(largest, |m, g| m.max(g.abs()));
            }
        }
        largest
    }

    /// Whether a point of the domain is known.
    pub fn has_point(&self) -> bool {
        self.best.is_some()
    }

    pub fn gap(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |best| {
            let (bound, value, _) = self.at(best.value, best.upper);
            value - bound.map_or(f64::NEG_INFINITY, |b| b.value)
        })
    }

    fn closed_at(&self, value: f64, upper: Option<f64>) -> bool {
        let (Some(bound), above, _) = self.at(value, upper) else { return false };
        above - bound.value <= (self.limits.gap * bound.size.max(value.abs())).max(self.rounding)
    }

    pub fn closed(&self) -> bool {
        self.best.as_ref().is_some_and(|best| self.closed_at(best.value, best.upper))
    }

    /// Newton's method from the best point, where the gap is open beyond what it leaves.
    fn newton(&mut self) {
        let Some(best) = &self.best else { return };
        let (bound, above, _) = self.at(best.value, best.upper);
        let small = |b: &Bound| above - b.value <= ACCURATE * best.value.abs().max(b.size);
        if bound.is_some_and(small) {
            return;
        }
        let Some(found) = newton::polished(self.instance, self.domain, &best.y, &|| self.limits.strikes(self.begun))
        else {
            return;
        };
        let Ok(trace) = self.instance.forward(&found.y) else { return };
        self.work.forward += found.steps + 1;
        self.work.backward += found.steps;
        let mut rows = vec![0.0; self.linear.lp.rows()];
        rows[..found.rows.len()].copy_from_slice(&found.rows);
        let slopes = Multipliers::subgradient(self.instance, &trace);
        let costs = vec![0.0; self.linear.lp.columns()];
        self.offer(&slopes, &rows, &costs, &found.y);
        let upper = self.upper(&found.y);
        self.consider(found.y, trace.value(), upper);
    }

    /// A solution without point and bound.
    pub fn empty(&self, status: Status) -> Solution {
        Solution { work: self.work, ..Solution::empty(status) }
    }

    pub fn finish(mut self, last: Option<&LpOutcome>) -> Result<Solution, Error> {
        // A limit that strikes ends the work.
        if !self.limited {
            self.newton();
        }
        if !self.closed()
            && let Some(trace) = self.best.as_ref().and_then(|best| self.instance.forward(&best.y).ok())
        {
            let y = self.best.as_ref().map_or(&[][..], |best| &best.y);
            let magnitude = self.instance.magnitude(&trace, &reach(self.domain, y));
            self.rounding = if magnitude.is_finite() { self.rounding.max(self.accuracy * magnitude) } else { 0.0 };
        }
        let closed = self.closed();
        let status = if closed { Status::Optimal } else { Status::Stopped };
        let message = (!closed).then(|| {
            let words = last.map_or(String::new(), |o| format!("; {} reports: {}", self.solver, o.detail));
            let second =
                self.second_words.as_ref().map_or(String::new(), |words| format!("; Clarabel reports: {words}"));
            format!("the recomputed gap is {:.3e}{words}{second}", self.gap())
        });
        let none = (f64::INFINITY, Some(f64::INFINITY));
        let (value, upper) = self.best.as_ref().map_or(none, |best| (best.value, best.upper));
        let (bound, above, proof) = self.at(value, upper);
        let lower_bound = bound.map(|b| b.value);
        let duals = bound.map(|b| Duals::new(self.domain, &b.lagrangian));
        let dual = bound.map(|b| Arc::new(b.dual.clone()));
        let gap = lower_bound.filter(|_| self.best.is_some()).map(|b| match proof {
            Proof::F64 => (above - b).max(0.0),
            _ => sum_up(above, -b).max(0.0),
        });
        let (y, value) = self.best.as_ref().map(|best| (best.y.clone(), best.value)).unzip();
        Ok(Solution { y, value, lower_bound, gap, proof, duals, dual, message, ..self.empty(status) })
    }
}

/// The `share` of the numbers that are added up on the way to f(y), where that is finite: a gap below it is rounding.
pub(super) fn rounding(instance: &Instance, domain: &Domain, trace: &Trace, y: &[f64], share: f64) -> f64 {
    let magnitude = instance.magnitude(trace, &reach(domain, y));
    if magnitude.is_finite() { share * magnitude } else { 0.0 }
}

/// |y|, and the sides of the box where they are farther from 0 (but not beyond [`REACH`]).
pub(crate) fn reach(domain: &Domain, y: &[f64]) -> Vec<f64> {
    let size = |side: f64| if side.is_finite() { side.abs().min(REACH) } else { 0.0 };
    let sides = domain.intervals().iter();
    sides.zip(y).map(|(i, y)| y.abs().max(size(i.lower)).max(size(i.upper))).collect()
}
