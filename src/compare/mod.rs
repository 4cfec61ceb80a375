//! Several methods on the same problem, and what their answers say about each other.
//!
//! ```
//! use icnn::compare::{Question, entry, judge};
//! use icnn::{Domain, Limits, ir::program::Program, solve::METHODS};
//!
//! // f(y) = |y0 − 0.3|
//! let f: Program = "y 1\nn1 = param [-0.3]\nn2 = sum n0 n1\nn3 = abs n2\noutput n3".parse()?;
//! let f = std::sync::Arc::new(f).at(&[])?;
//! let domain = Domain::cube(1, 0.0, 1.0)?;
//! let question = Question::new(&f, &domain, None)?;
//! let limits = Limits { passes: Some(100), ..Limits::default() };
//! let entries: Vec<_> = METHODS.iter().map(|m| entry(&question, m.method, &limits, None)).collect();
//! assert!(judge::faults(&question, limits.gap, &entries).is_empty());
//! # Ok::<(), icnn::Error>(())
//! ```
//!
//! | file | what |
//! |---|---|
//! | `judge.rs` | contradictions that no two true answers can have |
//! | `summary.rs` | medians and extremes over rows |
//! | `advice.rs` | what to use, from measured numbers |
//! | `slices.rs` | f along lines and over the plane |
//! | `units.rs` | where the units stand |
//! | `reproducer.rs` | a row as files that `icnn solve` reads |

pub mod advice;
pub mod judge;
pub mod reproducer;
pub mod slices;
pub mod summary;
#[cfg(feature = "highs")]
pub mod units;

use std::panic::{AssertUnwindSafe, catch_unwind};

use icnn_solvers::run::Progress;

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::lower::region::{SimpleSet, region};
use crate::solve::batch::Session;
use crate::solve::{Engine, Limits, Method, ROUNDING, Solution, Status, reach};

/// What all methods are asked: min f, or min f − τH, over a set.
#[derive(Debug)]
pub struct Question<'a> {
    /// f, all terms included, at one context.
    pub objective: &'a Instance,
    /// The set Y.
    pub domain: &'a Domain,
    /// τ of the entropic problem.
    pub tau: Option<f64>,
    /// Where H is defined.
    set: Option<SimpleSet>,
}

/// The minimised function at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// What is minimised.
    pub value: f64,
    /// f alone.
    pub f: f64,
    /// The size of all numbers that are added up on the way.
    pub magnitude: f64,
    /// The size of the numbers that make up the linearisation of f: what a relative gap is measured against.
    pub size: f64,
    /// Σ |∂f/∂yⱼ|
    pub slope: f64,
}

impl Value {
    /// A difference that rounding alone can make.
    pub fn rounding(&self) -> f64 {
        if self.magnitude.is_finite() { ROUNDING * self.magnitude.max(self.value.abs()) } else { f64::INFINITY }
    }
}

impl<'a> Question<'a> {
    /// Errors: a domain of another dimension; with τ, a domain that has no entropy (bounded boxes and simplices have one).
    pub fn new(objective: &'a Instance, domain: &'a Domain, tau: Option<f64>) -> Result<Question<'a>, Error> {
        domain.check_dimension(objective.decisions())?;
        let set = tau.map(|_| region(domain, "entropy")).transpose()?;
        if set.as_ref().is_some_and(|set| !set.region.is_bounded()) {
            let reason = "the entropic problem needs bounds on both sides of every coordinate".into();
            return Err(Error::Method { method: "entropy", reason });
        }
        Ok(Question { objective, domain, tau, set })
    }

    /// What is minimised, at y. Errors: those of a forward pass.
    pub fn at(&self, y: &[f64]) -> Result<f64, Error> {
        let f = self.objective.forward(y)?.value();
        Ok(self.minimised(f, y))
    }

    /// The same with what there is to know about its numbers.
    pub fn value(&self, y: &[f64]) -> Result<Value, Error> {
        let trace = self.objective.forward(y)?;
        let f = trace.value();
        let gradient = self.objective.gradient(&trace);
        let (linear, size) = gradient.iter().zip(y).fold((0.0, 0.0), |(l, s), (g, v)| (l + g * v, s + f64::abs(g * v)));
        let value = self.minimised(f, y);
        Ok(Value {
            value,
            f,
            magnitude: self.objective.magnitude(&trace, &reach(self.domain, y)) + (f - value).abs(),
            size: (size + f64::abs(f - linear)).max(f.abs()),
            slope: gradient.iter().map(|g| g.abs()).sum(),
        })
    }

    fn minimised(&self, f: f64, y: &[f64]) -> f64 {
        match (&self.set, self.tau) {
            (Some(set), Some(tau)) => f - tau * set.region.entropy(y),
            _ => f,
        }
    }

    /// What is minimised, in a formula.
    pub fn formula(&self) -> String {
        self.tau.map_or("min f(y)".into(), |tau| format!("min f(y) − {tau}·H(y)"))
    }
}

/// What came of a method.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An answer.
    Solved(Box<Solution>),
    /// It does not take this network, this domain or this problem.
    Refused(String),
    /// It ended in an error.
    Failed(String),
    /// It panicked, which is a fault of the program.
    Panicked,
}

/// One method's share of a comparison.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The method.
    pub method: Method,
    /// What came of it.
    pub outcome: Outcome,
    /// The incumbents on the way, of a function of two decisions.
    pub iterates: Vec<[f64; 2]>,
}

impl Entry {
    /// The answer, if there is one.
    pub fn solution(&self) -> Option<&Solution> {
        match &self.outcome {
            Outcome::Solved(solution) => Some(solution),
            _ => None,
        }
    }

    /// Status, or what stands in its place.
    pub fn status(&self) -> &'static str {
        match &self.outcome {
            Outcome::Solved(solution) => match solution.status {
                Status::Optimal => "optimal",
                Status::Infeasible => "infeasible",
                Status::Unbounded => "unbounded",
                Status::Stopped => "stopped",
            },
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
            Outcome::Panicked => "panicked",
        }
    }

    /// Whether the gap is closed.
    pub fn is_optimal(&self) -> bool {
        self.solution().is_some_and(|s| s.status == Status::Optimal)
    }
}

/// Runs one method, alone on the machine as far as this process goes. Nothing it does ends the comparison.
pub fn entry(question: &Question<'_>, method: Method, limits: &Limits, start: Option<&[f64]>) -> Entry {
    let mut iterates: Vec<[f64; 2]> = vec![];
    let solved = catch_unwind(AssertUnwindSafe(|| {
        let mut session = Session::new(question.domain.clone(), method, limits.clone());
        if let Some(tau) = question.tau {
            session = session.with_entropy(tau)?;
        }
        if question.objective.decisions() != 2 {
            return session.minimize_watched(question.objective, start, None);
        }
        let mut watch = |_: &Progress, y: &[f64]| {
            if let [a, b] = y
                && iterates.last() != Some(&[*a, *b])
                && iterates.len() < MOST_ITERATES
            {
                iterates.push([*a, *b]);
            }
            true
        };
        session.minimize_watched(question.objective, start, Some(&mut watch))
    }));
    // The step that closes the gap is not watched.
    if let Ok(Ok(solution)) = &solved
        && let Some([a, b]) = solution.y.as_deref()
        && !solution.trace.is_empty()
        && iterates.last() != Some(&[*a, *b])
    {
        iterates.push([*a, *b]);
    }
    let outcome = match solved {
        Ok(Ok(solution)) => Outcome::Solved(Box::new(solution)),
        Ok(Err(error)) => match error {
            Error::Solver(_) | Error::NotFinite { .. } => Outcome::Failed(error.to_string()),
            Error::Method { reason, .. } => Outcome::Refused(reason),
            _ => Outcome::Refused(error.to_string()),
        },
        Err(_) => Outcome::Panicked,
    };
    Entry { method, outcome, iterates }
}

/// Most incumbents that are kept.
const MOST_ITERATES: usize = 100_000;

/// The entry whose y the others are measured against: of those that closed the gap one of a method that takes f apart (linear
/// and conic programs find vertices and centres to the last digit), otherwise any; of these the one with the smallest gap.
/// `None` where nobody has a point and a bound.
pub fn best(entries: &[Entry]) -> Option<usize> {
    let rank = |entry: &Entry| {
        let solution = entry.solution()?;
        solution.y.as_ref()?;
        let gap = solution.gap.filter(|gap| gap.is_finite())?;
        let takes_apart = !matches!(entry.method.row().engine, Engine::Oracle(_));
        let class = match (entry.is_optimal(), takes_apart) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
        Some((class, gap))
    };
    let ranked = entries.iter().enumerate().filter_map(|(k, e)| Some((k, rank(e)?)));
    ranked.min_by(|(_, (c, g)), (_, (d, h))| c.cmp(d).then(g.total_cmp(h))).map(|(k, _)| k)
}

/// The largest lower bound anybody found.
pub fn best_bound(entries: &[Entry]) -> Option<f64> {
    let bounds = entries.iter().filter_map(|e| e.solution()?.lower_bound);
    bounds.filter(|b| b.is_finite()).reduce(f64::max)
}

/// ‖y − z‖₂
pub fn distance(y: &[f64], z: &[f64]) -> f64 {
    y.iter().zip(z).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
