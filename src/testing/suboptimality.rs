//! How far a point is from the minimum, as an interval: [`suboptimality`], [`assert_argmin`], and [`Minimum`] for many points.
//!
//! f(y) is enclosed by an interval pass at y. min f is at least the lower bound of a [`Solution`], which comes from multipliers,
//! and at most the enclosed value at a point that is proven to lie in the set: in a box that is a comparison, with rows and
//! learned constraints it is exact arithmetic, at the solver's point or at one inside a slightly smaller set. Where no such
//! point is found (a set with equations has none in floating-point numbers, as a rule), the lower end is not positive.

use dashu_ratio::RBig;

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::solve::{FEASIBLE, Limits, Method, Solution, Status};

/// By how much rows and learned constraints are tightened, relative to max(1, |bound|), to find a point inside.
const TIGHTENED: f64 = 1e-9;

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
            upper = inside(domain, y).then(|| value(f, y)).transpose()?.map_or(f64::INFINITY, |v| v.upper);
        }
        if upper == f64::INFINITY
            && let Some(tightened) = tightened(domain)
            && let Ok(within) = solved(f, &tightened, limits)
            && let Some(y) = within.y.filter(|y| inside(domain, y))
        {
            upper = value(f, &y)?.upper;
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

/// The minimum by the method that fits.
fn solved(f: &Instance, domain: &Domain, limits: &Limits) -> Result<Solution, Error> {
    match f.minimize_with(domain, Method::Lp, limits) {
        Err(Error::Lowering { .. } | Error::MissingFeature(_)) => f.minimize_with(domain, Method::Conic, limits),
        answer => answer,
    }
}

/// An interval that holds the real number f(y). Errors: a point that does not fit, a value that leaves f64.
pub(super) fn value(f: &Instance, y: &[f64]) -> Result<Interval, Error> {
    f.forward(y)?;
    let at: Vec<Interval> = y.iter().map(|v| Interval::point(*v)).collect();
    Ok(f.bounds(&at).output())
}

/// Whether y is proven to lie in the set: rows in exact arithmetic, learned constraints by an interval pass.
fn inside(domain: &Domain, y: &[f64]) -> bool {
    let exact = |v: f64| RBig::try_from(v).ok();
    let row = |row: &crate::domain::Row| {
        let term = |sum: RBig, (j, c): &(usize, f64)| Some(sum + exact(*c)? * exact(y[*j])?);
        let Some(activity) = row.coefficients.iter().try_fold(RBig::ZERO, term) else { return false };
        exact(row.lower).is_none_or(|l| l <= activity) && exact(row.upper).is_none_or(|u| activity <= u)
    };
    y.iter().zip(domain.lower().iter().zip(domain.upper())).all(|(v, (l, u))| l <= v && v <= u)
        && domain.rows().iter().all(row)
        && domain.sublevels().iter().all(|h| value(&h.function, y).is_ok_and(|v| v.upper <= h.at_most))
}

/// The set with its inequalities moved inward by a little; `None` where there is nothing to move.
fn tightened(domain: &Domain) -> Option<Domain> {
    let margin = |v: f64| TIGHTENED * v.abs().max(1.0);
    if domain.rows().is_empty() && domain.sublevels().is_empty() {
        return None;
    }
    let mut inner = Domain::new_box(domain.lower().to_vec(), domain.upper().to_vec()).ok()?;
    for row in domain.rows() {
        let (lower, upper) = (row.lower + margin(row.lower), row.upper - margin(row.upper));
        let ends = if lower <= upper { (lower, upper) } else { (row.lower, row.upper) };
        inner = inner.with_row(&row.name, &row.coefficients, ends.0, ends.1).ok()?;
    }
    for h in domain.sublevels() {
        inner = inner.with_at_most(&h.name, &h.function, h.at_most - margin(h.at_most)).ok()?;
    }
    Some(inner)
}
