//! Exact minimisation through HiGHS: solve, recover, certify; on a failed check solve again, colder and tighter.

use std::time::{Duration, Instant};

use icnn_solvers::highs::Highs;
use icnn_solvers::{Algorithm, Basis, LpOptions, LpOutcome, Status as LpStatus};

use super::{Limits, Method, Proof, Solution, Status, Work};
use crate::certificate::emptiness::proves_empty;
use crate::certificate::recession::{limit_slope, recession_direction};
use crate::certificate::{Minorant, Multipliers};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::lower::{Linear, linear};

/// A solved reference program: a basis to start others from.
#[derive(Debug)]
pub(super) struct Start {
    linear: Linear,
    basis: Basis,
}

/// Largest relative violation of the domain that a returned point may have.
const FEASIBLE: f64 = 1e-6;

/// A gap below this share of the numbers that are added up is rounding, the solver's included.
const ROUNDING: f64 = 1e-12;

/// Slopes that cancel leave a residue, which counts times the side of the box, but no more than this: beyond, it is a gap.
const REACH: f64 = 1e3;

/// Solves a reference context for its basis.
pub(super) fn start(instance: &Instance, domain: &Domain, limits: &Limits) -> Result<Option<Start>, Error> {
    let linear = linear(instance, domain)?;
    let outcome = Highs::new(&linear.lp)?.solve(&options(Method::Lp, 0, limits, Instant::now()), None)?;
    let solved = outcome.status == LpStatus::Optimal;
    Ok(outcome.basis.filter(|_| solved).map(|basis| Start { linear, basis }))
}

/// min f over `domain`.
pub(super) fn minimize(
    instance: &Instance,
    domain: &Domain,
    method: Method,
    limits: &Limits,
    start: Option<&Start>,
) -> Result<Solution, Error> {
    let begun = Instant::now();
    let linear = linear(instance, domain)?;
    let mut search = Search::new(instance, domain, &linear, limits);
    let warm = start.and_then(|s| linear.transfer_basis(&s.linear, &s.basis));
    let mut highs = Highs::new(&linear.lp)?;
    search.work.rows = linear.lp.rows();
    search.work.columns = linear.lp.columns();
    search.work.nonzeros = linear.lp.matrix.nnz();

    // Warm if there is a start, then cold, then cold with the tightest tolerances; the first closed gap ends it.
    let mut last = None;
    for attempt in usize::from(warm.is_none())..3 {
        let options = options(method, attempt.saturating_sub(1), limits, begun);
        let basis = warm.as_ref().filter(|_| attempt == 0);
        if attempt > 0 && search.work.solves > 0 {
            highs = Highs::new(&linear.lp)?;
        }
        let outcome = highs.solve(&options, basis)?;
        search.work.solves += 1;
        search.work.iterations += outcome.iterations;
        tracing::debug!(attempt, status = ?outcome.status, iterations = outcome.iterations, seconds = outcome.seconds, "HiGHS");
        if let Some(end) = search.proven_end(&outcome) {
            return Ok(Solution { seconds: begun.elapsed().as_secs_f64(), method: method.name(), ..end });
        }
        search.candidate(&outcome)?;
        let limited = matches!(outcome.status, LpStatus::TimeLimit | LpStatus::IterationLimit | LpStatus::Interrupted);
        let closed = search.closed();
        last = Some(outcome);
        if closed || limited || method == Method::Pdlp || out_of_time(limits, begun) {
            break;
        }
        tracing::debug!(attempt, gap = search.gap(), "the recomputed gap is open; solving again");
    }
    Ok(Solution { seconds: begun.elapsed().as_secs_f64(), method: method.name(), ..search.finish(last.as_ref())? })
}

fn out_of_time(limits: &Limits, begun: Instant) -> bool {
    limits.time.is_some_and(|t| begun.elapsed() >= t)
}

fn options(method: Method, tightened: usize, limits: &Limits, begun: Instant) -> LpOptions {
    let tight = tightened > 0;
    // A first-order method pays for every digit: ask for those that the gap needs.
    let tolerance = match method {
        _ if tight => 1e-10,
        Method::Pdlp => (0.1 * limits.gap).clamp(1e-10, 1e-4),
        _ => 1e-7,
    };
    LpOptions {
        algorithm: match method {
            Method::Lp => Algorithm::Simplex,
            Method::Ipm => Algorithm::Ipm,
            Method::Pdlp => Algorithm::Pdlp,
        },
        time_limit: limits.time.map(|t| t.saturating_sub(begun.elapsed()).max(Duration::from_millis(1))),
        iteration_limit: limits.iterations,
        primal_tolerance: tolerance,
        dual_tolerance: tolerance,
        presolve: !tight,
        ..LpOptions::default()
    }
}

/// The best point and the best bound so far.
struct Search<'a> {
    instance: &'a Instance,
    domain: &'a Domain,
    linear: &'a Linear,
    limits: &'a Limits,
    best: Option<(Vec<f64>, f64)>,
    bound: f64,
    size: f64,
    /// The gap that rounding alone can leave.
    rounding: f64,
    scale: f64,
    work: Work,
}

impl<'a> Search<'a> {
    fn new(instance: &'a Instance, domain: &'a Domain, linear: &'a Linear, limits: &'a Limits) -> Search<'a> {
        Search {
            instance,
            domain,
            linear,
            limits,
            best: None,
            bound: f64::NEG_INFINITY,
            size: 0.0,
            rounding: 0.0,
            scale: 0.0,
            work: Work::default(),
        }
    }

    /// Takes the point and the duals of an outcome, whatever its status, and recomputes what they are worth.
    fn candidate(&mut self, outcome: &LpOutcome) -> Result<(), Error> {
        let y = match self.linear.decisions_of(&outcome.primal) {
            Some(y) => self.domain.clip(&y),
            // Without a point: the corner or the middle of the box nearest to 0.
            None => self.domain.clip(&vec![0.0; self.domain.dimension()]),
        };
        let trace = self.instance.forward(&y)?;
        self.work.forward += 1;
        let subgradient = Multipliers::subgradient(self.instance, &trace, self.domain.rows().len());
        let program = self.instance.program();
        let groups = |node: NodeId, g: usize| match &program.node(node).op {
            Op::Group { groups, .. } => Some((groups.range(g).start, groups.range(g).len())),
            _ => None,
        };
        let multipliers = self.linear.multipliers(outcome, subgradient.clone(), &groups);
        for chosen in [multipliers, subgradient] {
            let Some(minorant) = Minorant::new(self.instance, &self.linear.bounds, &chosen) else { continue };
            self.work.backward += 1;
            self.scale = self.scale.max(minorant.gradient.iter().fold(0.0, |m: f64, r| m.max(r.abs())));
            let scale = self.scale.max(self.slope_scale());
            let bound = minorant.bound(self.domain, &chosen.rows, &y, scale);
            if bound > self.bound {
                self.bound = bound;
                self.size = minorant.size(&y);
            }
            if !self.closed_at(trace.value()) {
                let magnitude = self.instance.magnitude(&trace, &self.reach(&y));
                self.rounding = if magnitude.is_finite() { ROUNDING * magnitude } else { 0.0 };
            }
            if self.closed_at(trace.value()) {
                break;
            }
        }
        let feasible = self.domain.violation(&y) <= FEASIBLE;
        if feasible && self.best.as_ref().is_none_or(|(_, value)| trace.value() < *value) {
            self.best = Some((y, trace.value()));
        }
        Ok(())
    }

    /// The size of slopes of f near 0: what a slope of rounding size is compared with. Needed on unbounded boxes only.
    fn slope_scale(&mut self) -> f64 {
        if self.domain.intervals().iter().all(|i| i.lower.is_finite() && i.upper.is_finite()) {
            return 0.0;
        }
        let corner = |c: f64| self.domain.clip(&vec![c; self.domain.dimension()]);
        let mut largest = 0.0f64;
        for y in [corner(1e3), corner(-1e3)] {
            if let Ok(trace) = self.instance.forward(&y) {
                largest = self.instance.gradient(&trace).iter().fold(largest, |m, g| m.max(g.abs()));
            }
        }
        largest
    }

    fn gap(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |(_, value)| value - self.bound)
    }

    fn closed_at(&self, value: f64) -> bool {
        value - self.bound <= (self.limits.gap * self.size.max(value.abs())).max(self.rounding)
    }

    /// |y|, and the sides of the box where they are farther from 0 (but not beyond [`REACH`]).
    fn reach(&self, y: &[f64]) -> Vec<f64> {
        let size = |side: f64| if side.is_finite() { side.abs().min(REACH) } else { 0.0 };
        let sides = self.domain.lower().iter().zip(self.domain.upper());
        sides.zip(y).map(|((l, u), y)| y.abs().max(size(*l)).max(size(*u))).collect()
    }

    fn closed(&self) -> bool {
        self.best.as_ref().is_some_and(|(_, value)| self.closed_at(*value))
    }

    /// An unbounded or infeasible outcome whose ray or Farkas vector holds when multiplied out.
    fn proven_end(&mut self, outcome: &LpOutcome) -> Option<Solution> {
        match outcome.status {
            LpStatus::Unbounded => {
                let ray = self.linear.decisions_of(outcome.ray.as_ref()?)?;
                let direction = recession_direction(self.domain, &ray)?;
                let slope = limit_slope(self.instance, &direction)?;
                let scale = self.slope_scale();
                if slope.is_nan() || slope >= -1e-9 * scale {
                    return None;
                }
                let largest: Vec<String> = named_entries(&direction);
                let message =
                    format!("unbounded: the slope tends to {slope:.4e} along the ray ({})", largest.join(", "));
                Some(Solution { ray: Some(direction), message: Some(message), ..self.empty(Status::Unbounded) })
            }
            LpStatus::Infeasible => {
                let farkas = outcome.farkas.as_ref()?.get(..self.domain.rows().len())?;
                if !proves_empty(self.domain, farkas) {
                    return None;
                }
                let rows: Vec<String> = (self.linear.domain_rows.iter().zip(farkas))
                    .filter(|(_, nu)| **nu != 0.0)
                    .map(|(name, nu)| format!("'{name}' (multiplier {nu:.4e})"))
                    .collect();
                let message = format!("no point satisfies the box together with {}", rows.join(", "));
                Some(Solution { message: Some(message), ..self.empty(Status::Infeasible) })
            }
            _ => None,
        }
    }

    fn empty(&self, status: Status) -> Solution {
        Solution {
            status,
            method: "",
            y: None,
            value: None,
            lower_bound: None,
            gap: None,
            proof: Proof::F64,
            seconds: 0.0,
            work: self.work,
            ray: None,
            message: None,
        }
    }

    fn finish(self, last: Option<&LpOutcome>) -> Result<Solution, Error> {
        let closed = self.closed();
        let status = if closed { Status::Optimal } else { Status::Stopped };
        let message = (!closed).then(|| {
            let words = last.map_or(String::new(), |o| format!("; HiGHS reports: {}", o.detail));
            format!("the recomputed gap is {:.3e}{words}", self.gap())
        });
        let lower_bound = self.bound.is_finite().then_some(self.bound);
        let (y, value) = self.best.clone().unzip();
        let gap = value.zip(lower_bound).map(|(v, b)| (v - b).max(0.0));
        Ok(Solution { y, value, lower_bound, gap, message, ..self.empty(status) })
    }
}

/// The six largest entries of a direction, by name.
fn named_entries(d: &[f64]) -> Vec<String> {
    let mut order: Vec<usize> = (0..d.len()).filter(|j| d[*j] != 0.0).collect();
    order.sort_by(|a, b| d[*b].abs().total_cmp(&d[*a].abs()));
    let mut names: Vec<String> = order.iter().take(6).map(|j| format!("y[{j}]: {:.4}", d[*j])).collect();
    if order.len() > 6 {
        names.push("…".into());
    }
    names
}
