//! [`OptimalFace`]: all minimisers of f over Y, between which a solver chooses by accident: the range of each coordinate, and a
//! choice that does not depend on how the minimum was found.
//!
//! The face is taken as F = {y ∈ Y : f(y) ≤ value + δ}, δ the gap of the answer or, where that is less, [`SLACK`] of the
//! numbers that make up the value ([`SLACK_OF_CONES`] for smooth units): a learned constraint on f itself. Every minimiser lies in F; what else lies in F has a
//! value within δ of the minimum, but may be as far away as δ over the slope of f. What is said of F is proven, what is said of
//! the minimisers is so up to this δ.
//!
//! ```
//! use std::sync::Arc;
//! use icnn::{Domain, Limits, ir::program::Program, solve::face::{Choice, OptimalFace}};
//!
//! // max(|y0| − 1, 0) + |y1|: least wherever −1 ≤ y0 ≤ 1 and y1 = 0.
//! let f: Program = "y 2\nn1 = gather n0 [0]\nn2 = abs n1\nn3 = param [-1]\nn4 = sum n2 n3\nn5 = relu n4
//!     n6 = gather n0 [1]\nn7 = abs n6\nn8 = sum n5 n7\noutput n8".parse()?;
//! let f = Arc::new(f).at(&[])?;
//! let face = OptimalFace::new(&f, &Domain::cube(2, -3.0, 3.0)?, &Limits::default())?.unwrap();
//! let ranges = face.ranges()?;
//! assert!(ranges[0].outer[0] <= -1.0 && ranges[0].outer[1] >= 1.0);
//! assert!((ranges[0].inner[0] + 1.0).abs() < 1e-6 && ranges[1].outer[1] < 1e-6);
//! let first = face.choose(Choice::Lexicographic)?.unwrap();
//! assert!((first[0] + 1.0).abs() < 1e-6 && first[1].abs() < 1e-6);
//! # Ok::<(), icnn::Error>(())
//! ```

use serde::Serialize;

use super::nearest::nearest;
use super::{Limits, Method, Proof, Solution, Status};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::lower::linear;
use crate::objective::{Norm, Objective, distance};

/// δ as a share of the numbers that make up the value, where the gap is smaller than that.
pub const SLACK: f64 = 1e-12;

/// The same for smooth units, as a share of how much f varies near 0: interior points need room inside of a constraint.
pub const SLACK_OF_CONES: f64 = 1e-8;

/// Coordinates that differ by no more than this, relative to max(1, |yⱼ|), count as the same.
pub const SAME: f64 = 1e-6;

/// By how much a coordinate may lie above its least value while later ones are chosen, relative to max(1, |yⱼ|): the
/// face's own width where f is steep.
const GIVE: f64 = 1e-7;

/// How far the value of a chosen point may lie above the level, as a share of the numbers that make up the value: solvers
/// keep a constraint to their tolerance.
const ALLOWED: f64 = 2e-8;

/// Largest gap of a squared distance, relative to max(1, its value): its root is how far the point may be from the nearest.
const SQUARE_GAP: f64 = 1e-13;

/// How one point of the face is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The least y₀, of those points the least y₁, and so on, each up to a share of 1e-7.
    Lexicographic,
    /// The nearest point to 0, or to the box's centre where 0 is outside of the box.
    MinNorm,
}

/// What the value of f may be off by, as a share of the numbers that it is made of.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The choices with their names on the command line.
pub const CHOICES: &[(&str, Choice)] = &[("lexicographic", Choice::Lexicographic), ("min-norm", Choice::MinNorm)];

/// The range of one coordinate on the face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// Every minimiser has the coordinate in here. An end may be infinite (`null` in JSON).
    pub outer: [f64; 2],
    /// Points of the face have been found at both ends.
    pub inner: [f64; 2],
}

impl Range {
    /// Whether two points of the face are known that differ in the coordinate.
    pub fn moves(&self) -> bool {
        !same(self.inner)
    }

    /// Whether the coordinate is proven to be the same at all minimisers.
    pub fn settled(&self) -> bool {
        same(self.outer)
    }
}

/// Whether the ends are so close that they count as the same.
fn same([low, high]: [f64; 2]) -> bool {
    let size = low.abs().max(high.abs()).max(1.0);
    size.is_finite() && high - low <= SAME * size
}

/// All minimisers, up to δ.
#[derive(Debug, Clone)]
pub struct OptimalFace {
    f: Instance,
    /// Y with f ≤ value + δ.
    domain: Domain,
    method: Method,
    limits: Limits,
    y: Vec<f64>,
    value: f64,
    /// Of the numbers that make up the value.
    size: f64,
    slack: f64,
}

/// How far f rises above `value` at three points of the box near 0.
fn variation(f: &Instance, domain: &Domain, value: f64) -> f64 {
    let at = |v: f64| f.forward(&domain.clip(&vec![v; domain.dimension()])).map_or(0.0, |trace| trace.value() - value);
    [-1.0, 0.0, 1.0].map(at).into_iter().fold(0.0, f64::max)
}

impl OptimalFace {
    /// The face of min f over `domain`; `None` where there is no minimum, or a limit struck. It is found anew, by `lp`, or by
    /// `conic` where f has smooth units, so that it is the same whichever method was asked before.
    ///
    /// Errors: as for [`Instance::minimize_with`].
    pub fn new(f: &Instance, domain: &Domain, limits: &Limits) -> Result<Option<OptimalFace>, Error> {
        let solution = match f.minimize_with(domain, Method::Lp, limits) {
            Err(Error::Lowering { .. }) => f.minimize_with(domain, Method::Conic, limits)?,
            found => found?,
        };
        let (Status::Optimal, Some(y), Some(value)) = (solution.status, solution.y, solution.value) else {
            return Ok(None);
        };
        let at_most = |slack: f64| domain.clone().with_at_most("optimal value", f, value + slack)?.folded();
        // A square is no constraint of a linear program, although it may be its objective.
        let nothing = Objective::empty(y.len()).with_linear(&vec![0.0; y.len()])?.build()?;
        let method = match linear(&nothing, &at_most(0.0)?) {
            Err(Error::Lowering { .. }) => Method::Conic,
            lowered => lowered.map(|_| Method::Lp)?,
        };
        let magnitude = f.magnitude(&f.forward(&y)?, &y.iter().map(|v| v.abs()).collect::<Vec<_>>()).max(value.abs());
        let share = match method {
            Method::Conic => SLACK_OF_CONES * variation(f, domain, value).max(magnitude),
            _ => SLACK * magnitude,
        };
        let size = if magnitude.is_finite() { magnitude } else { 0.0 };
        let slack = solution.gap.unwrap_or(0.0).max(if share.is_finite() { share } else { 0.0 });
        let domain = at_most(slack)?;
        Ok(Some(OptimalFace { f: f.clone(), domain, method, limits: limits.clone(), y, value, size, slack }))
    }

    /// δ: values up to this much above the one found count as least.
    pub fn slack(&self) -> f64 {
        self.slack
    }

    /// The range of each coordinate: two programs a coordinate that the box does not fix.
    ///
    /// Errors: as for [`Instance::minimize_with`].
    pub fn ranges(&self) -> Result<Vec<Range>, Error> {
        (0..self.y.len()).map(|j| self.range(j)).collect()
    }

    fn range(&self, j: usize) -> Result<Range, Error> {
        let Interval { lower, upper } = self.domain.intervals()[j];
        let mut range = Range { outer: [lower, upper], inner: [self.y[j]; 2] };
        if self.domain.lower()[j] == self.domain.upper()[j] {
            range.outer = range.inner;
            return Ok(range);
        }
        for (end, sign) in [(0, 1.0), (1, -1.0)] {
            let found = self.extreme(&self.domain, j, sign)?;
            if let Some(y) = found.y.and_then(|y| self.within(y)) {
                range.inner[end] = sign * (sign * y[j]).min(sign * range.inner[end]);
            }
            if let Some(bound) = found.lower_bound {
                range.outer[end] = sign * bound.max(sign * range.outer[end]);
            }
            // What is attained is possible, whatever rounding says.
            range.outer[end] = sign * (sign * range.outer[end]).min(sign * range.inner[end]);
        }
        Ok(range)
    }

    /// min ±yⱼ over `domain`.
    fn extreme(&self, domain: &Domain, j: usize, sign: f64) -> Result<Solution, Error> {
        let mut c = vec![0.0; self.y.len()];
        c[j] = sign;
        Objective::empty(c.len()).with_linear(&c)?.build()?.minimize_with(domain, self.method, &self.limits)
    }

    /// The point, moved towards the known minimiser as far as the level needs; `None` where f has no value.
    fn within(&self, y: Vec<f64>) -> Option<Vec<f64>> {
        // A value is rounded as well; a point that only rounding lifts above the level stays.
        let level = self.value + self.slack + ROUNDING * self.size;
        let mut y = y;
        let mut rounding = f64::EPSILON;
        for _ in 0..20 {
            let value = self.f.forward(&y).ok()?.value();
            if value <= level {
                return Some(y);
            }
            // By convexity this share of the way is low enough, but for rounding, which gets a little more each time.
            rounding *= 8.0;
            let keep = (self.slack / (value - self.value)).clamp(0.0, 1.0) * (1.0 - rounding.min(1.0));
            y.iter_mut().zip(&self.y).for_each(|(v, known)| *v = known + keep * (*v - known));
        }
        None
    }

    /// Whether there is one minimiser (up to [`SAME`]), or more than one with values within δ; `None` where the ranges that are
    /// proven and those that are attained leave it open.
    pub fn unique(ranges: &[Range]) -> Option<bool> {
        if ranges.iter().all(Range::settled) {
            return Some(true);
        }
        ranges.iter().any(Range::moves).then_some(false)
    }

    /// The chosen point of the face; `None` where there is none (the face is unbounded that way) or it was not found.
    ///
    /// Errors: as for [`Instance::minimize_with`].
    pub fn choose(&self, choice: Choice) -> Result<Option<Vec<f64>>, Error> {
        let found = match choice {
            Choice::Lexicographic => self.first()?,
            Choice::MinNorm => self.nearest()?,
        };
        let Some(y) = found else { return Ok(None) };
        // Moved into the face to the last digit it could lose its place: a solver's tolerance is allowed for.
        let value = self.f.forward(&y)?.value();
        let least = value <= self.value + self.slack + ALLOWED * self.size
            && self.domain.without_sublevels().violation(&y) <= SAME;
        Ok(least.then_some(y))
    }

    fn first(&self) -> Result<Option<Vec<f64>>, Error> {
        let mut domain = self.domain.clone();
        let mut y = self.y.clone();
        for j in 0..y.len() {
            if domain.lower()[j] == domain.upper()[j] {
                continue;
            }
            let found = self.extreme(&domain, j, 1.0)?;
            let (Status::Optimal, Some(point)) = (found.status, found.y) else { return Ok(None) };
            let least = point[j];
            y = point;
            let most = least + GIVE * least.abs().max(1.0);
            if most < domain.upper()[j] {
                domain = domain.with_bounds(j, f64::NEG_INFINITY, most)?;
            }
        }
        Ok(Some(y))
    }

    fn nearest(&self) -> Result<Option<Vec<f64>>, Error> {
        let sides = || self.domain.lower().iter().zip(self.domain.upper());
        let outside = sides().any(|(l, u)| *l > 0.0 || *u < 0.0);
        let centre = |(l, u): (&f64, &f64)| match (l.is_finite() && u.is_finite(), outside) {
            (true, true) => l / 2.0 + u / 2.0,
            _ => 0.0f64.clamp(*l, *u),
        };
        let target: Vec<f64> = sides().map(centre).collect();
        let limits = Limits { gap: SQUARE_GAP, ..self.limits.clone() };
        let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let from: Vec<f64> = self.y.iter().zip(&target).map(|(y, t)| y - t).collect();
        let (y, apart) = if self.method == Method::Conic {
            let found = distance(Norm::L2, &target)?.minimize_with(&self.domain, self.method, &limits)?;
            let (Some(y), Some(gap)) = (found.y, found.gap) else { return Ok(None) };
            // The square grows by at least ‖y − nearest‖².
            (y, gap)
        } else {
            // The nearest point is no farther than the known one: a face without end gets one.
            let mut domain = self.domain.clone();
            let radius = size(&from).sqrt() * (1.0 + SAME);
            for (j, t) in target.iter().enumerate() {
                let (low, high) = (domain.lower()[j].max(t - radius), domain.upper()[j].min(t + radius));
                domain = domain.with_bounds(j, low.min(high), high)?;
            }
            let rounds = 10 * target.len() + 20;
            let (x, apart) = nearest(from, rounds, SQUARE_GAP * size(&self.y).max(1.0), |x| {
                let along = Objective::empty(x.len()).with_linear(x)?.build()?;
                let found = along.minimize_with(&domain, self.method, &limits)?;
                let relative = |y: Vec<f64>| y.iter().zip(&target).map(|(y, t)| y - t).collect::<Vec<f64>>();
                let shift: f64 = x.iter().zip(&target).map(|(x, t)| x * t).sum();
                Ok::<_, Error>(found.y.map(relative).zip(found.lower_bound.map(|b| b - shift)))
            })?;
            (x.iter().zip(&target).map(|(x, t)| x + t).collect(), apart)
        };
        tracing::debug!(apart, "squared distance to the nearest point of the optimal face, at most");
        // The face is δ thick, which the bounds of the linear programs show.
        let thick = |y: &[f64]| 4.0 * self.slack * size(y).sqrt().max(1.0);
        Ok(Some(self.domain.clip(&y)).filter(|y| apart <= SAME * SAME * size(y).max(1.0) + thick(y)))
    }
}

impl Solution {
    /// The same answer at another point of the optimal face: y, value and gap are those of `y`, the bound stays. If the gap
    /// is then beyond `gap` (relative, as in [`Limits`]), the answer is no longer called optimal.
    ///
    /// Errors: a point at which f has no value.
    pub fn moved_to(mut self, f: &Instance, y: Vec<f64>, gap: f64) -> Result<Solution, Error> {
        if self.y.as_ref() == Some(&y) {
            return Ok(self);
        }
        let trace = f.forward(&y)?;
        let mut value = trace.value();
        let size = f.magnitude(&trace, &y.iter().map(|v| v.abs()).collect::<Vec<_>>()).max(value.abs());
        if self.proof != Proof::F64 {
            // The rational optimum is another point; here f is enclosed.
            value = f.bounds(&y.iter().map(|v| Interval::point(*v)).collect::<Vec<_>>()).output().upper;
            self.proof = Proof::Rigorous;
            self.exact = None;
        }
        let before = self.gap.unwrap_or(f64::INFINITY);
        self.gap = self.lower_bound.map(|bound| (value - bound).max(0.0));
        if self.gap.is_none_or(|now| now > before.max(gap * size)) {
            self.status = Status::Stopped;
            let what = format!("at the chosen point the gap is {:.3e}", self.gap.unwrap_or(f64::INFINITY));
            self.message = Some(self.message.map_or(what.clone(), |message| format!("{message}; {what}")));
        }
        (self.y, self.value) = (Some(y), Some(value));
        Ok(self)
    }
}
