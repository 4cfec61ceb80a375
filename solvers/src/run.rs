//! [`Run`]: what every method that calls an [`Oracle`] shares. It evaluates, keeps the incumbent and the best lower bound,
//! counts, traces, and says when to stop. A method asks for values and offers convex combinations of the cuts it met; each
//! combination is an affine minorant of f, and its minimum over the region is a lower bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::dense::{add, add_both, vectorised};
use crate::kinks::Kinks;
use crate::oracle::{Cut, Oracle, dot};
use crate::region::Region;
use crate::{Interrupt, SolverError};

/// When to stop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunLimits {
    /// The gap is closed at `gap` times the size of the numbers that make up the value.
    pub gap: f64,
    /// Wall-clock limit.
    pub time: Option<Duration>,
    /// Most passes, forward and backward ones added up.
    pub passes: Option<u64>,
    /// A switch by which another thread stops the run.
    pub interrupt: Option<Interrupt>,
}

/// A gap below this part of the largest slope, times the farthest sides, is rounding.
const ROUNDING: f64 = 1e-14;

/// A moment of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Forward passes so far.
    pub forward: u64,
    /// Backward passes so far.
    pub backward: u64,
    /// Seconds since the start.
    pub seconds: f64,
    /// The least value so far.
    pub value: f64,
    /// The best lower bound so far; −∞ for none.
    pub lower_bound: f64,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// The gap is closed.
    Closed,
    /// The limit on passes.
    Passes,
    /// The limit on time.
    Time,
    /// The caller's callback said so.
    Caller,
    /// The method cannot do better, for this reason.
    Stalled(String),
}

/// What a run on one function tells a run on a similar one of the same form, as at a context near by. It speeds that run up if it fits; the answer
/// is proven either way. Units go by their [names](Kinks::name); names that a function does not know are passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hint {
    /// The minimiser (p).
    pub y: Vec<f64>,
    /// The units that were left free, increasing.
    pub free: Vec<u64>,
    /// The units that were held at their kink, increasing, and whether they count as active for the gradients of those above them.
    pub held: Vec<(u64, bool)>,
    /// Whether each unit was active there (m); empty where that is not known.
    pub active: Vec<bool>,
}

/// A convex combination of cuts: weights ≥ 0 that add up to 1.
pub type Mixture = Vec<(f64, Arc<Cut>)>;

/// What is called at every step, with the progress and the incumbent; false stops the run.
pub type Watch<'a> = dyn FnMut(&Progress, &[f64]) -> bool + 'a;

/// One minimisation of f, or of f − τH, over a region.
pub struct Run<'a> {
    oracle: &'a mut dyn Oracle,
    region: &'a Region,
    tau: Option<f64>,
    limits: RunLimits,
    start: Option<Vec<f64>>,
    hint: Option<&'a Hint>,
    left: Option<Hint>,
    watch: Option<&'a mut Watch<'a>>,
    begun: Instant,
    best: Option<(Vec<f64>, f64)>,
    bound: f64,
    mixture: Mixture,
    /// Constant and slope of the affine minorant that gives the bound.
    minorant: (f64, Vec<f64>),
    /// Where it was offered as it is, the point that it belongs to: the cut in the mixture is made at the end.
    point: Option<Vec<f64>>,
    /// The slope of one that is offered.
    scratch: Vec<f64>,
    largest_slope: f64,
    forward: u64,
    backward: u64,
    /// Parts of passes that are not counted yet.
    parts: f64,
    inner: Inner,
    /// The shares of kinks behind the bound, where it comes from a minorant; empty where it comes from cuts.
    shares: Vec<f64>,
    trace: Vec<Progress>,
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// The incumbent, a point of the region; `None` if f was never evaluated.
    pub y: Option<Vec<f64>>,
    /// What was minimised, there.
    pub value: f64,
    /// The best lower bound; −∞ for none.
    pub lower_bound: f64,
    /// The combination of cuts that gives it; empty for none.
    pub mixture: Mixture,
    /// Where the function shows its kinks and the bound comes from their shares: those shares; empty otherwise.
    pub shares: Vec<f64>,
    /// The largest entry of a subgradient that was met: what a slope of rounding size is compared with on unbounded sides.
    pub largest_slope: f64,
    /// Why it ended.
    pub end: End,
    /// What a run on a similar function can start from; methods that hold no kinks leave none.
    pub hint: Option<Hint>,
    /// One entry a step.
    pub trace: Vec<Progress>,
    /// Forward passes.
    pub forward: u64,
    /// Backward passes.
    pub backward: u64,
    /// What a method that holds kinks did beside passes.
    pub inner: Inner,
}

/// The reduced programs of a method that holds kinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inner {
    /// How many there were.
    pub rounds: u64,
    /// The most units that were left free in one.
    pub units: usize,
    /// Steps of the active set and of the interior point, all programs together.
    pub steps: u64,
}

impl<'a> Run<'a> {
    /// A run that minimises f − τH(y) over `region`, or f alone without τ.
    ///
    /// Errors: an oracle of another dimension; τ that is not above 0, or on an unbounded region; a gap below 0.
    pub fn new(
        oracle: &'a mut dyn Oracle,
        region: &'a Region,
        tau: Option<f64>,
        limits: RunLimits,
    ) -> Result<Run<'a>, SolverError> {
        let (found, expected) = (oracle.dimension(), region.dimension());
        if found != expected {
            return Err(SolverError::Size { what: "the oracle".into(), found, expected });
        }
        if let Some(value) = tau.filter(|t| !(*t > 0.0 && t.is_finite() && region.is_bounded())) {
            return Err(SolverError::Option { name: "entropy", value, expected: "above 0, on a bounded region" });
        }
        if limits.gap.is_nan() || limits.gap < 0.0 {
            return Err(SolverError::Option { name: "gap", value: limits.gap, expected: "at least 0" });
        }
        Ok(Run {
            oracle,
            region,
            tau,
            limits,
            start: None,
            hint: None,
            left: None,
            watch: None,
            begun: Instant::now(),
            best: None,
            bound: f64::NEG_INFINITY,
            mixture: vec![],
            minorant: (0.0, vec![]),
            point: None,
            scratch: vec![],
            largest_slope: 0.0,
            forward: 0,
            parts: 0.0,
            inner: Inner::default(),
            shares: vec![],
            backward: 0,
            trace: vec![],
        })
    }

    /// Starts at a point (moved into the region) instead of the region's centre.
    pub fn starting_at(mut self, y: &[f64]) -> Run<'a> {
        self.start = Some(y.to_vec());
        self
    }

    /// Starts from what a run on a similar function left. Methods that hold no kinks do not look at it; a minimiser of another length
    /// is passed over.
    pub fn hinted(mut self, hint: &'a Hint) -> Run<'a> {
        self.hint = Some(hint).filter(|hint| hint.y.len() == self.region.dimension());
        self
    }

    /// Calls `watch` at every step.
    pub fn watched(mut self, watch: &'a mut Watch<'a>) -> Run<'a> {
        self.watch = Some(watch);
        self
    }

    /// Runs a method to its end.
    ///
    /// Errors: those of the oracle, and whatever the method refuses.
    pub fn with(
        mut self,
        method: impl FnOnce(&mut Run<'a>) -> Result<End, SolverError>,
    ) -> Result<RunOutcome, SolverError> {
        let end = method(&mut self)?;
        if let Some(point) = self.point.take() {
            let (constant, gradient) = self.minorant;
            let cut = Cut { value: constant + dot(&gradient, &point), point, gradient };
            self.mixture.push((1.0, Arc::new(cut)));
        }
        let (y, value) = self.best.map_or((None, f64::INFINITY), |(y, value)| (Some(y), value));
        Ok(RunOutcome {
            y,
            value,
            lower_bound: self.bound,
            mixture: self.mixture,
            shares: self.shares,
            largest_slope: self.largest_slope,
            end,
            hint: self.left,
            trace: self.trace,
            forward: self.forward,
            backward: self.backward,
            inner: self.inner,
        })
    }

    /// The set.
    pub fn region(&self) -> &'a Region {
        self.region
    }

    /// The temperature, if the entropic problem is to be solved.
    pub fn tau(&self) -> Option<f64> {
        self.tau
    }

    /// What was asked for.
    pub fn limits(&self) -> &RunLimits {
        &self.limits
    }

    /// Whether f is differentiable everywhere.
    pub fn is_smooth(&self) -> bool {
        self.oracle.is_smooth()
    }

    /// Where to start: a point of the region.
    pub fn start(&self) -> Vec<f64> {
        let mut y = self.start.clone().unwrap_or_else(|| self.region.centre());
        self.region.project(&mut y);
        y
    }

    /// f and a subgradient at a point of the region: one forward and one backward pass. The point becomes the incumbent if
    /// it is better. Value and gradient are those of f alone, without the entropy.
    pub fn evaluate(&mut self, y: &[f64]) -> Result<Arc<Cut>, SolverError> {
        let entropic = self.objective(y, 0.0);
        self.evaluate_at(y, entropic)
    }

    /// The same at a point where −τH is known to be `entropic`.
    pub(crate) fn evaluate_at(&mut self, y: &[f64], entropic: f64) -> Result<Arc<Cut>, SolverError> {
        let mut gradient = vec![0.0; y.len()];
        let value = self.oracle.value_and_gradient(y, &mut gradient)?;
        self.forward += 1;
        self.backward += 1;
        self.largest_slope = gradient.iter().fold(self.largest_slope, |m, g| m.max(g.abs()));
        self.take(y, value + entropic);
        Ok(Arc::new(Cut { point: y.to_vec(), value, gradient }))
    }

    /// f alone at a point of the region: one forward pass. It becomes the incumbent if it is better.
    pub fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        let value = self.oracle.value(y)?;
        self.forward += 1;
        self.consider(y, value);
        Ok(value)
    }

    /// What is minimised at a point where f is `value`: f − τH, or f.
    pub fn objective(&self, y: &[f64], value: f64) -> f64 {
        self.tau.map_or(value, |tau| value - tau * self.region.entropy(y))
    }

    /// What to start from, if a run on a similar function left it.
    pub(crate) fn hint(&self) -> Option<&'a Hint> {
        self.hint
    }

    /// Leaves a hint for runs on similar functions.
    pub(crate) fn leave(&mut self, hint: Hint) {
        self.left = Some(hint);
    }

    /// Leaves the incumbent alone as a hint, where nothing more is known.
    pub(crate) fn leave_best(&mut self) {
        if let (None, Some((y, _))) = (&self.left, &self.best) {
            self.left = Some(Hint { y: y.clone(), ..Hint::default() });
        }
    }

    /// f as a program of kinks. Errors: [`SolverError::Refused`] where it is none.
    pub(crate) fn kinks(&mut self) -> Result<&mut dyn Kinks, SolverError> {
        self.oracle.kinks().map_err(|reason| SolverError::Refused { reason })
    }

    /// Counts passes that a method made itself.
    pub(crate) fn count(&mut self, forward: u64, backward: u64) {
        self.forward += forward;
        self.backward += backward;
    }

    /// Counts steps on a reduced program of `units` free units, which is a new one or not.
    pub(crate) fn count_inner(&mut self, new: bool, units: usize, steps: usize) {
        self.inner.rounds += u64::from(new);
        self.inner.units = self.inner.units.max(units);
        self.inner.steps += steps as u64;
    }

    /// Counts parts of a forward and a backward pass.
    pub(crate) fn count_part(&mut self, parts: f64) {
        self.parts += parts;
        let whole = self.parts.floor();
        self.parts -= whole;
        self.count(whole as u64, whole as u64);
    }

    /// The slope of the minorant behind the bound (p); empty for none.
    pub(crate) fn slope(&self) -> &[f64] {
        &self.minorant.1
    }

    /// Offers the minorant f ≥ slopeᵀ· + constant that belongs to `shares` of the kinks. Returns its bound.
    pub(crate) fn offer_minorant(&mut self, constant: f64, slope: &[f64], y: &[f64], shares: &[f64]) -> f64 {
        self.largest_slope = slope.iter().fold(self.largest_slope, |m, g| m.max(g.abs()));
        let bound = self.least_of(constant, slope);
        if bound > self.bound {
            self.bound = bound;
            self.minorant.0 = constant;
            slope.clone_into(&mut self.minorant.1);
            shares.clone_into(&mut self.shares);
            y.clone_into(self.point.get_or_insert_default());
            self.mixture.clear();
        }
        bound
    }

    /// Whether time or the caller ends the run: what long computations between steps ask.
    pub(crate) fn is_over(&self) -> bool {
        self.limits.interrupt.as_ref().is_some_and(Interrupt::is_stopped)
            || self.limits.time.is_some_and(|most| self.begun.elapsed() >= most)
    }

    /// f is `value` at a point of the region, which becomes the incumbent if it is better.
    pub(crate) fn consider(&mut self, y: &[f64], value: f64) {
        let value = self.objective(y, value);
        self.take(y, value);
    }

    /// A point of the region where what is minimised is `value` becomes the incumbent if it is better.
    fn take(&mut self, y: &[f64], value: f64) {
        match &mut self.best {
            Some((at, best)) if value < *best => {
                y.clone_into(at);
                *best = value;
            }
            Some(_) => {}
            None => self.best = Some((y.to_vec(), value)),
        }
    }

    /// The incumbent and its value.
    pub fn best(&self) -> Option<(&[f64], f64)> {
        self.best.as_ref().map(|(y, value)| (y.as_slice(), *value))
    }

    /// The best lower bound so far.
    pub fn lower_bound(&self) -> f64 {
        self.bound
    }

    /// A combination of cuts gives a lower bound; it is kept if it is the best so far. Weights need not add up to 1: they
    /// are divided by their sum; those that are not above 0 are left out. Returns the bound.
    pub fn offer(&mut self, cuts: &[(f64, Arc<Cut>)]) -> f64 {
        self.offer_each(cuts.iter().map(|(w, cut)| (*w, cut.constant(), cut)))
    }

    /// As [`offer`](Self::offer), cuts with their constants; they are cloned only if the bound is kept.
    pub(crate) fn offer_each<'c>(&mut self, cuts: impl Iterator<Item = (f64, f64, &'c Arc<Cut>)>) -> f64 {
        let mut used = Vec::with_capacity(cuts.size_hint().1.unwrap_or(0));
        used.extend(cuts.filter(|(w, _, _)| *w > 0.0 && w.is_finite()));
        let total: f64 = used.iter().map(|(w, _, _)| w).sum();
        if !(total > 0.0 && total.is_finite()) {
            return f64::NEG_INFINITY;
        }
        let (mut slope, mut constant) = (std::mem::take(&mut self.scratch), 0.0);
        slope.clear();
        slope.resize(self.region.dimension(), 0.0);
        vectorised(
            #[inline(always)]
            || {
                let (pairs, last) = used.as_chunks::<2>();
                for [(v, c, one), (w, d, other)] in pairs {
                    constant += v / total * c + w / total * d;
                    add_both((v / total, &one.gradient), (w / total, &other.gradient), &mut slope);
                }
                for (w, of, cut) in last {
                    constant += w / total * of;
                    add(w / total, &cut.gradient, &mut slope);
                }
            },
        );
        let bound = self.least_of(constant, &slope);
        if bound > self.bound {
            self.bound = bound;
            self.minorant.0 = constant;
            std::mem::swap(&mut self.minorant.1, &mut slope);
            self.shares.clear();
            self.point = None;
            self.mixture.clear();
            self.mixture.extend(used.into_iter().map(|(w, _, cut)| (w / total, cut.clone())));
        }
        self.scratch = slope;
        bound
    }

    /// The least of what is minimised over the region if slopeᵀ· + constant is put in place of f.
    fn least_of(&self, constant: f64, slope: &[f64]) -> f64 {
        let Some(tau) = self.tau else {
            let centre;
            let y = match &self.best {
                Some((y, _)) => y,
                None => {
                    centre = self.region.centre();
                    &centre
                }
            };
            return constant + self.region.minimum(slope, y, 1e-9 * self.largest_slope);
        };
        constant + self.region.entropic_bound(slope, tau)
    }

    /// The size of the numbers that make up the value: what the relative gap is measured against.
    pub fn size(&self) -> f64 {
        let (constant, slope) = &self.minorant;
        self.best.as_ref().map_or(0.0, |(y, value)| {
            let sizes = slope.iter().zip(y).map(|(s, y)| (s * y).abs());
            value.abs().max(constant.abs() + sizes.sum::<f64>())
        })
    }

    /// A gap that is rounding however small the value: a part of the sums that slopes are made of, over the region. Where f is least in 0 and 0
    /// there, no gap is a part of the value's size.
    fn rounding(&self) -> f64 {
        ROUNDING * self.reach()
    }

    /// The largest slope times the farthest sides: how large the sums can become that slopes are made of.
    pub(crate) fn reach(&self) -> f64 {
        let sides = self.region.lower().iter().zip(self.region.upper()).map(|(l, u)| l.abs().max(u.abs()));
        self.largest_slope * sides.filter(|side| side.is_finite()).sum::<f64>()
    }

    /// The gap that was asked for.
    pub(crate) fn closed(&self) -> f64 {
        if self.limits.gap > 0.0 { self.limits.gap * self.size() + self.rounding() } else { 0.0 }
    }

    /// value − bound.
    pub fn gap(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |(_, value)| value - self.bound)
    }

    /// Records a step and says whether to stop, and why. Every method calls it once an iteration.
    pub fn stop(&mut self) -> Option<End> {
        let elapsed = self.begun.elapsed();
        let progress = Progress {
            forward: self.forward,
            backward: self.backward,
            seconds: elapsed.as_secs_f64(),
            value: self.best.as_ref().map_or(f64::INFINITY, |b| b.1),
            lower_bound: self.bound,
        };
        self.trace.push(progress);
        let y = self.best.as_ref().map_or(&[][..], |b| &b.0);
        if self.gap() <= self.closed() {
            return Some(End::Closed);
        }
        if let Some(watch) = &mut self.watch
            && !watch(&progress, y)
        {
            return Some(End::Caller);
        }
        if self.limits.interrupt.as_ref().is_some_and(Interrupt::is_stopped) {
            return Some(End::Caller);
        }
        if self.limits.passes.is_some_and(|most| self.forward + self.backward >= most) {
            return Some(End::Passes);
        }
        if self.limits.time.is_some_and(|most| elapsed >= most) {
            return Some(End::Time);
        }
        None
    }

    /// gᵀ(y − point) + value: a cut at a point.
    pub fn at(cut: &Cut, y: &[f64]) -> f64 {
        cut.value + dot(&cut.gradient, y) - dot(&cut.gradient, &cut.point)
    }
}
