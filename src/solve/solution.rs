//! [`Solution`]: the answer, with what is proven of it.

use std::sync::Arc;

use serde::Serialize;

use super::duals::Duals;
use super::promote::Hint;
use crate::certificate::{Farkas, exact, rigorous};
use crate::exact::empty::Emptiness;
use crate::exact::ray::Ray;
use icnn_solvers::run::{Hint as Start, Progress};

/// How the minimisation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The recomputed gap is within the tolerance.
    Optimal,
    /// The domain is empty.
    Infeasible,
    /// f is unbounded below on the domain.
    Unbounded,
    /// A limit struck, or no method closed the gap; value, bound and gap are still true.
    Stopped,
}

/// How the lower bound is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// One backward pass with admissible multipliers in f64; rounding is not bounded.
    F64,
    /// The same with every rounding error bounded: f does not go below the lower bound on the domain, and is not above
    /// the lower bound by more than the gap at the point.
    Rigorous,
    /// The minimum as a rational number, proven without rounding.
    Exact,
}

/// What the answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Solver iterations, all solves together.
    pub iterations: u64,
    /// How often the solver was started.
    pub solves: u32,
    /// Forward passes.
    pub forward: u32,
    /// Backward passes.
    pub backward: u32,
    /// Cuts whose combination is the lower bound of a method that calls f. A method that knows f by cuts alone has to meet
    /// them all before its gap can close, one pass each.
    pub cuts: usize,
    /// Reduced programs of a method that holds kinks.
    pub rounds: u64,
    /// The most units that were left free in one of them.
    pub kinks: usize,
    /// Steps on all of them together.
    pub steps: u64,
    /// Rows of the linear program.
    pub rows: usize,
    /// Columns of the linear program.
    pub columns: usize,
    /// Nonzero coefficients of the linear program.
    pub nonzeros: usize,
}

/// The answer for one context.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// How it ended.
    pub status: Status,
    /// The method that the answer is from: the one asked for, or with [`Method::Auto`](super::Method::Auto) the one that it chose.
    pub method: &'static str,
    /// The best point found, inside the domain (length p). `None` when infeasible or unbounded. Where `proof` is
    /// [`Proof::Exact`]: the rational minimiser, each coordinate rounded to the nearest f64.
    pub y: Option<Vec<f64>>,
    /// What was minimised, at `y`: f by a forward pass, less τH(y) where [`entropy`](Self::entropy) is τ. Where `proof` is
    /// [`Proof::Exact`]: the minimum, rounded to the nearest f64.
    pub value: Option<f64>,
    /// f alone at `y`, where something else was minimised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f: Option<f64>,
    /// τ, where the entropic problem was solved: min f − τH (paper eqs. 6, 7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// A number that the minimised function does not go below on the domain; −∞ is `None`. Where `proof` is
    /// [`Proof::Exact`]: the minimum, rounded down.
    pub lower_bound: Option<f64>,
    /// How far f (less τH) at `y` can be above `lower_bound`: value − lower_bound, and where the proof is rigorous the upper
    /// end of an enclosure of the value instead, which is no number that f64 would give for it. 0 where `proof` is
    /// [`Proof::Exact`].
    pub gap: Option<f64>,
    /// How far the lower bound can be trusted.
    pub proof: Proof,
    /// Wall-clock seconds, everything included.
    pub seconds: f64,
    /// Work counted.
    pub work: Work,
    /// When unbounded: a direction along which f falls for ever (length p).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<Vec<f64>>,
    /// When infeasible: the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub farkas: Option<Farkas>,
    /// The multipliers behind the lower bound.
    #[serde(skip)]
    pub duals: Option<Duals>,
    /// The slopes behind the lower bound; of any method, and what the proof of the exact tier starts from. `None` where
    /// they are not known, as where tangents of f as a whole made the bound.
    #[serde(skip)]
    pub dual: Option<Arc<rigorous::Dual>>,
    /// The rational optimum and its proof, where `proof` is [`Proof::Exact`].
    #[serde(skip)]
    pub exact: Option<Arc<exact::Proof>>,
    /// Multipliers of the rows that prove the domain to be empty, without rounding: when infeasible and `proof` is
    /// [`Proof::Exact`]; or beside an answer that satisfies the rows up to rounding, as no point does exactly.
    #[serde(skip)]
    pub exact_emptiness: Option<Arc<Emptiness>>,
    /// When unbounded: a direction and the slope there without rounding, where `proof` is [`Proof::Exact`].
    #[serde(skip)]
    pub exact_ray: Option<Arc<Ray>>,
    /// What the method leaves to the exact tier.
    #[serde(skip)]
    pub(super) hint: Option<Arc<Hint>>,
    /// What a solve of a similar function can start from ([`Session::minimize_from`](super::batch::Session::minimize_from)).
    #[serde(skip)]
    pub(super) left: Option<Arc<Start>>,
    /// What a reader should know: why it stopped, which constraints conflict, along which ray.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How value and bound came closer: one entry a step of a method that calls f.
    #[serde(skip)]
    pub trace: Vec<Progress>,
}

impl Solution {
    /// Neither point nor bound.
    pub(super) fn empty(status: Status) -> Solution {
        Solution {
            status,
            method: "",
            y: None,
            value: None,
            f: None,
            entropy: None,
            lower_bound: None,
            gap: None,
            proof: Proof::F64,
            seconds: 0.0,
            work: Work::default(),
            ray: None,
            farkas: None,
            duals: None,
            dual: None,
            exact: None,
            exact_emptiness: None,
            exact_ray: None,
            hint: None,
            left: None,
            message: None,
            trace: vec![],
        }
    }
}
