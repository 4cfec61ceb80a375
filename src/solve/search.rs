//! `Search`: the best point and the best bound so far, each recomputed from the network.

use icnn_solvers::LpOutcome;

use super::duals::Duals;
use super::{Limits, Solution, Status, Work};
use crate::certificate::tangent::polished;
use crate::certificate::{Lagrangian, Minorant, Multipliers};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::program::NodeId;
use crate::lower::quadratic::added_weights;
use crate::lower::{Conic, Linear};

/// Largest relative violation of the domain that a returned point may have.
pub(crate) const FEASIBLE: f64 = 1e-6;

/// A gap below this share of the numbers that are added up is rounding, the solver's included.
pub(crate) const ROUNDING: f64 = 1e-12;

/// Slopes that cancel leave a residue, which counts times the side of the box, but no more than this: beyond, it is a gap.
const REACH: f64 = 1e3;

/// What is known so far of min f over the domain.
pub(super) struct Search<'a> {
    pub(super) instance: &'a Instance,
    pub(super) domain: &'a Domain,
    pub(super) linear: &'a Linear,
    limits: &'a Limits,
    best: Option<(Vec<f64>, f64)>,
    bound: f64,
    /// What made the bound.
    lagrangian: Option<Lagrangian>,
    size: f64,
    /// The gap that rounding alone can leave.
    rounding: f64,
    scale: f64,
    /// The cones next to the linear program, and their multipliers in the outcome that is looked at.
    pub(super) cones: Option<(&'a Conic, Vec<f64>)>,
    /// The share of the numbers that are added up below which a gap is rounding.
    pub(super) accuracy: f64,
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
            bound: f64::NEG_INFINITY,
            lagrangian: None,
            size: 0.0,
            rounding: 0.0,
            scale: 0.0,
            cones: None,
            accuracy: ROUNDING,
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
        let subgradient = Multipliers::subgradient(self.instance, &trace);
        let zeros = vec![0.0; self.linear.lp.rows()];
        let (row_dual, column_dual) = (&outcome.row_dual, &outcome.column_dual);
        let slopes = self.slopes(0, self.instance, row_dual, column_dual, subgradient.clone());
        let rows = if row_dual.len() == zeros.len() { row_dual } else { &zeros };
        for (chosen, rows) in [(slopes, rows), (subgradient, &zeros)] {
            let Some(lagrangian) = self.lagrangian(&chosen, rows, column_dual, &y) else { continue };
            let reduced = lagrangian.reduced_costs(self.domain);
            self.take_bound(lagrangian, &y);
            if let Some(polished) = self.polished(&chosen, &y, &reduced)
                && let Some(lagrangian) = self.lagrangian(&polished, rows, column_dual, &y)
            {
                self.take_bound(lagrangian, &y);
            }
            if !self.closed_at(trace.value()) {
                let magnitude = self.instance.magnitude(&trace, &reach(self.domain, &y));
                self.rounding = if magnitude.is_finite() { self.accuracy * magnitude } else { 0.0 };
            }
            if self.closed_at(trace.value()) {
                break;
            }
        }
        if !self.closed_at(trace.value()) {
            self.refine(outcome, &y);
        }
        let feasible = self.domain.violation(&y) <= FEASIBLE;
        if feasible && self.best.as_ref().is_none_or(|(_, value)| trace.value() < *value) {
            self.best = Some((y, trace.value()));
        }
        Ok(())
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
        let inside = self.domain.clip(&point) == point && self.domain.violation(&point) <= FEASIBLE;
        if inside && self.best.as_ref().is_none_or(|(_, value)| trace.value() < *value) {
            self.best = Some((point, trace.value()));
        }
        let start = Multipliers::subgradient(self.instance, &trace);
        let slopes = self.slopes(0, self.instance, &better.row_dual, &better.column_dual, start);
        if let Some(lagrangian) = self.lagrangian(&slopes, &better.row_dual, &better.column_dual, y) {
            self.take_bound(lagrangian, y);
        }
    }

    /// The affine function below f on Y that slopes of f, row multipliers of the program and reduced costs make.
    fn lagrangian(&mut self, f: &Multipliers, rows: &[f64], costs: &[f64], y: &[f64]) -> Option<Lagrangian> {
        self.work.backward += 1;
        let minorant = Minorant::new(self.instance, &self.linear.bounds[0], f)?;
        let levels = self.levels(rows, costs, y);
        Some(Lagrangian::new(self.domain, minorant, levels, &rows[..self.domain.rows().len()]))
    }

    /// For each learned constraint its multiplier and a minorant, from row multipliers and reduced costs of the program;
    /// slopes that they leave open are those at y.
    pub fn levels(&mut self, rows: &[f64], costs: &[f64], y: &[f64]) -> Vec<(f64, Option<Minorant>)> {
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
            self.work.backward += 1;
            let minorant = h.forward(y).ok().and_then(|trace| {
                let start = Multipliers::subgradient(h, &trace);
                let slopes = self.slopes(k + 1, h, rows, costs, start);
                Minorant::new(h, &self.linear.bounds[k + 1], &slopes)
            });
            out.push((mu, minorant));
        }
        out
    }

    fn polished(&self, chosen: &Multipliers, y: &[f64], reduced: &[f64]) -> Option<Multipliers> {
        self.linear.lp.quadratic.as_ref()?;
        let all = added_weights(self.instance);
        let weight = |id: NodeId| all[id.index()].as_ref().map(|w| w[0]);
        polished(self.instance, self.domain, chosen, &weight, y, reduced)
    }

    fn take_bound(&mut self, lagrangian: Lagrangian, y: &[f64]) {
        self.scale = self.scale.max(lagrangian.minorant.gradient.iter().fold(0.0, |m: f64, r| m.max(r.abs())));
        let scale = self.scale.max(self.slope_scale());
        let bound = lagrangian.bound(self.domain, y, scale);
        if bound > self.bound {
            self.bound = bound;
            self.size = lagrangian.minorant.size(y);
            self.lagrangian = Some(lagrangian);
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
        self.best.as_ref().map_or(f64::INFINITY, |(_, value)| value - self.bound)
    }

    fn closed_at(&self, value: f64) -> bool {
        value - self.bound <= (self.limits.gap * self.size.max(value.abs())).max(self.rounding)
    }

    pub fn closed(&self) -> bool {
        self.best.as_ref().is_some_and(|(_, value)| self.closed_at(*value))
    }

    /// A solution without point and bound.
    pub fn empty(&self, status: Status) -> Solution {
        Solution { work: self.work, ..Solution::empty(status) }
    }

    pub fn finish(self, last: Option<&LpOutcome>) -> Result<Solution, Error> {
        let closed = self.closed();
        let status = if closed { Status::Optimal } else { Status::Stopped };
        let message = (!closed).then(|| {
            let words = last.map_or(String::new(), |o| format!("; {} reports: {}", self.solver, o.detail));
            let second =
                self.second_words.as_ref().map_or(String::new(), |words| format!("; Clarabel reports: {words}"));
            format!("the recomputed gap is {:.3e}{words}{second}", self.gap())
        });
        let lower_bound = self.bound.is_finite().then_some(self.bound);
        let duals = self.lagrangian.as_ref().filter(|_| lower_bound.is_some()).map(|l| Duals::new(self.domain, l));
        let (y, value) = self.best.clone().unzip();
        let gap = value.zip(lower_bound).map(|(v, b)| (v - b).max(0.0));
        Ok(Solution { y, value, lower_bound, gap, duals, message, ..self.empty(status) })
    }
}

/// |y|, and the sides of the box where they are farther from 0 (but not beyond [`REACH`]).
pub(crate) fn reach(domain: &Domain, y: &[f64]) -> Vec<f64> {
    let size = |side: f64| if side.is_finite() { side.abs().min(REACH) } else { 0.0 };
    let sides = domain.intervals().iter();
    sides.zip(y).map(|(i, y)| y.abs().max(size(i.lower)).max(size(i.upper))).collect()
}
