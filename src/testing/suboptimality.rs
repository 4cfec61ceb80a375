//! How far a point is from the minimum, as an interval: [`suboptimality`], [`assert_argmin`], and [`Minimum`] for many points.
//!
//! f(y) is enclosed by an interval pass at y. min f is at least the lower bound of a [`Solution`], which comes from multipliers,
//! and at most the enclosed value at a point that is proven to lie in the set: the solver's point, one near it, or one inside a
//! slightly smaller set. Where no such point is found (equations that share all their coordinates), the lower end is that of a
//! point of the set, 0, or −∞.

use super::inside::{inside, nearby, tightened};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::solve::{FEASIBLE, Limits, Method, Solution, Status};

/// min f over Y, enclosed.
#[derive(Debug, Clone)]
pub struct Minimum {
    f: Instance,
    domain: Domain,
    /// At least this; −∞ where nothing is known, or f is unbounded below.
    pub lower: f64,
    /// At most this; +∞ where no point of Y is known, −∞ where f is unbounded below.
    pub upper: f64,
    /// What the solver said.
    pub solution: Solution,
}

/// Encloses f(y) − min f over `domain`: the first number is a lower bound, the second an upper bound. The interval of a point
/// of the set starts at 0 at least; outside the set f may be less than its minimum on it.
///
/// ```
/// use std::sync::Arc;
/// use icnn::{Domain, ir::program::Program, testing::suboptimality};
///
/// # #[cfg(feature = "highs")] {
/// let f: Program = "y 1\nn1 = abs n0\noutput n1".parse()?;
/// let f = Arc::new(f).at(&[])?;
/// let [at_least, at_most] = suboptimality(&f, &Domain::cube(1, -1.0, 1.0)?, &[0.25])?;
/// assert!(at_least <= 0.25 && 0.25 <= at_most && at_most - at_least < 1e-9);
/// # }
/// # Ok::<(), icnn::Error>(())
/// ```
///
/// Errors: a point or a set that does not fit, a network that is not proven convex on the set, an empty set, a build without
/// a solver.
pub fn suboptimality(f: &Instance, domain: &Domain, y: &[f64]) -> Result<[f64; 2], Error> {
    // What is wrong with the point is found before anything is solved.
    value(f, y)?;
    Minimum::of(f, domain, &Limits::default())?.suboptimality(y)
}

/// Panics unless y is proven to be a minimiser of f over `domain` within `tol`·max(1, |min f|). A point that violates the set by more than
/// 10⁻⁶ (relative to max(1, |bound|)) is none. The message has the certified suboptimality and the point.
///
/// Panics as well where [`suboptimality`] fails.
#[track_caller]
pub fn assert_argmin(f: &Instance, domain: &Domain, y: &[f64], tol: f64) {
    if let Err(reason) = checked(f, domain, y, tol) {
        panic!("{reason}\n  y = {y:?}");
    }
}

fn checked(f: &Instance, domain: &Domain, y: &[f64], tol: f64) -> Result<(), String> {
    value(f, y).map_err(|e| format!("y cannot be judged: {e}"))?;
    let minimum = Minimum::of(f, domain, &Limits::default()).map_err(|e| format!("y cannot be judged: {e}"))?;
    let violation = domain.violation(y);
    if violation > FEASIBLE || violation.is_nan() {
        return Err(format!("y is not in the set: it violates it by {violation:e}, at most {FEASIBLE:e} is allowed"));
    }
    let [lower, upper] = minimum.suboptimality(y).map_err(|e| format!("y cannot be judged: {e}"))?;
    let allowed = minimum.allowed(tol);
    let span = format!("f(y) − min f is between {lower:e} and {upper:e}, tol allows {allowed:e}");
    match minimum.verdict([lower, upper], tol) {
        Verdict::Optimal => Ok(()),
        Verdict::Suboptimal => Err(format!("y is no minimiser: {span}")),
        Verdict::Undecided => Err(format!("y is not proven to be a minimiser: {span}")),
    }
}

/// What an enclosure says about a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// f(y) − min f is proven to be within the tolerance.
    Optimal,
    /// It is proven to be beyond.
    Suboptimal,
    /// Neither.
    Undecided,
}

impl Minimum {
    /// Minimises f: a linear program where that is possible, otherwise one with cones.
    ///
    /// Errors: as for [`Instance::minimize_with`]; an empty set.
    pub fn of(f: &Instance, domain: &Domain, limits: &Limits) -> Result<Minimum, Error> {
        let solution = solved(f, domain, limits)?;
        let (lower, mut upper) = match solution.status {
            Status::Infeasible => {
                let reason = solution.message.as_deref().unwrap_or("the solver found no point");
                return Err(Error::Domain(format!("it is empty: {reason}")));
            }
            Status::Unbounded => (f64::NEG_INFINITY, f64::NEG_INFINITY),
            Status::Optimal | Status::Stopped => (solution.lower_bound.unwrap_or(f64::NEG_INFINITY), f64::INFINITY),
        };
        if let Some(y) = &solution.y {
            upper = at_most(f, domain, y)?;
        }
        if upper == f64::INFINITY
            && let Some(tightened) = tightened(domain)
            && let Ok(within) = solved(f, &tightened, limits)
            && let Some(y) = within.y
        {
            upper = at_most(f, domain, &y)?;
        }
        Ok(Minimum { f: f.clone(), domain: domain.clone(), lower, upper, solution })
    }

    /// f
    pub fn function(&self) -> &Instance {
        &self.f
    }

    /// The set.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// f(y) lies between these two. Errors: a point that does not fit, a value that leaves f64.
    pub fn value(&self, y: &[f64]) -> Result<[f64; 2], Error> {
        value(&self.f, y).map(|v| [v.lower, v.upper])
    }

    /// f(y) − min f, as [`suboptimality`] has it.
    pub fn suboptimality(&self, y: &[f64]) -> Result<[f64; 2], Error> {
        let at = value(&self.f, y)?;
        // A difference that overflows is finite as a real number; one from −∞ is not.
        let lower = if self.upper == f64::NEG_INFINITY { f64::INFINITY } else { (at.lower - self.upper).next_down() };
        let upper = (at.upper - self.lower).next_up();
        if inside(&self.domain, y) {
            // No point of the set is below the minimum.
            return Ok([lower.max(0.0), upper.max(0.0)]);
        }
        Ok([lower, upper])
    }

    /// The suboptimality that a relative tolerance allows.
    pub fn allowed(&self, tol: f64) -> f64 {
        let size = [self.lower, self.upper].into_iter().find(|v| v.is_finite()).unwrap_or(0.0);
        tol * size.abs().max(1.0)
    }

    /// What an enclosure of the suboptimality says, for a relative tolerance.
    pub fn verdict(&self, [lower, upper]: [f64; 2], tol: f64) -> Verdict {
        let allowed = self.allowed(tol);
        if upper <= allowed {
            Verdict::Optimal
        } else if lower > allowed {
            Verdict::Suboptimal
        } else {
            Verdict::Undecided
        }
    }
}

/// What f is at most at some point of the set: at y, or near it; ∞ where neither is proven to be one.
fn at_most(f: &Instance, domain: &Domain, y: &[f64]) -> Result<f64, Error> {
    if inside(domain, y) {
        return Ok(value(f, y)?.upper);
    }
    Ok(nearby(domain, y).map_or(f64::INFINITY, |at| f.bounds(&at).output().upper))
}

/// The minimum by the method that fits.
fn solved(f: &Instance, domain: &Domain, limits: &Limits) -> Result<Solution, Error> {
    f.minimize_with(domain, Method::Auto, limits)
}

/// An interval that holds the real number f(y). Errors: a point that does not fit, a value that leaves f64.
pub(super) fn value(f: &Instance, y: &[f64]) -> Result<Interval, Error> {
    f.forward(y)?;
    let at: Vec<Interval> = y.iter().map(|v| Interval::point(*v)).collect();
    Ok(f.bounds(&at).output())
}
