//! Newton's method, and polishing by it: from a point near the minimum, Newton's method; a step is the least point of the quadratic model over box and
//! rows ([`Model`]). First-order methods and interior points leave slopes of 1e-8 or so on free coordinates, each of
//! which costs the bound that slope times the side of the box; Newton's method leaves rounding.
//!
//! Nothing is believed: the point and the multipliers are candidates like any others.

use icnn_solvers::run::{End, Run, RunLimits};
use icnn_solvers::{SolverError, gradient};
use nalgebra::DMatrix;

use super::step::{Model, NEAR, Step};
use crate::domain::Domain;
use crate::ir::instance::Instance;

/// Where the first-order method hands over: this relative gap, or so many passes.
const START_GAP: f64 = 1e-3;
const START_PASSES: u64 = 60;

/// Most Newton steps.
const STEPS: usize = 30;

/// More free coordinates than this are left alone: the system is dense.
const LARGEST: usize = 600;

/// What polishing found.
#[derive(Debug, Clone)]
pub(super) struct Polished {
    /// A point of the box.
    pub y: Vec<f64>,
    /// ν, one per row of the domain.
    pub rows: Vec<f64>,
    /// Hessians that were made, a forward and a backward pass each, and more.
    pub steps: u32,
}

/// What Newton's method starts from: a few passes of a first-order method that projects on box or simplices.
///
/// Errors: those of that method.
pub(super) fn approach(run: &mut Run<'_>) -> Result<End, SolverError> {
    if run.region().simplices().is_empty() { gradient::lbfgs(run) } else { gradient::spectral(run) }
}

/// The limits of [`approach`], within those of the whole.
pub(super) fn start_limits(limits: RunLimits) -> RunLimits {
    let passes = limits.passes.map_or(START_PASSES, |most| most.min(START_PASSES));
    RunLimits { gap: limits.gap.max(START_GAP), passes: Some(passes), ..limits }
}

/// A point near `y` where the slopes that are left vanish, as far as Newton's method gets there; `None` where there is
/// nothing to gain, or no Hessian. `stop` is asked before each step.
pub(super) fn polished(instance: &Instance, domain: &Domain, y: &[f64], stop: &dyn Fn() -> bool) -> Option<Polished> {
    if !domain.sublevels().is_empty() {
        return None;
    }
    let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
    let mut y = domain.clip(y);
    let mut rows = vec![0.0; domain.rows().len()];
    let (mut steps, mut worse) = (0, 0);
    for k in 0..STEPS {
        if stop() {
            break;
        }
        let mut trace = instance.forward(&y).ok()?;
        let mut gradient = instance.gradient(&trace);
        // Without multipliers of the rows the slopes do not tell what is held.
        let guess = k == 0 && !rows.is_empty();
        let held = held(domain, &y, &gradient, &rows, guess);
        let at = |j: usize| match (held[j], domain.lower()[j], domain.upper()[j]) {
            (false, ..) => y[j],
            (true, l, _) if near(y[j], l) => l,
            (true, _, u) => u,
        };
        let onto: Vec<f64> = (0..y.len()).map(at).collect();
        if onto != y {
            y = onto;
            trace = instance.forward(&y).ok()?;
            gradient = instance.gradient(&trace);
        }
        let free: Vec<usize> = (0..y.len()).filter(|j| !held[*j]).collect();
        if free.len() > LARGEST {
            return None;
        }
        let hessian = definite(instance.hessian(&trace, &free)?, &free, &gradient);
        steps += 1;
        let model = Model { domain, y: &y, gradient: &gradient, free: &free, hessian: &hessian };
        let Some(Step { step, rows: multipliers, rise }) = model.least() else { break };
        rows = multipliers;
        let left = residual(domain, &y, &gradient, &rows);
        let improved = best.as_ref().is_none_or(|(least, ..)| left < *least);
        if improved {
            best = Some((left, y.clone(), rows.clone()));
        }
        worse = if improved { 0 } else { worse + 1 };
        if left == 0.0 || worse == 8 || !left.is_finite() {
            break;
        }
        let reached = |length: f64| {
            let mut next = y.clone();
            free.iter().zip(&step).for_each(|(j, d)| next[*j] += length * d);
            domain.clip(&next)
        };
        let next = reached(damping(instance, trace.value() + rise, &reached));
        if next == y {
            break;
        }
        y = next;
    }
    best.map(|(_, y, rows)| Polished { y, rows, steps })
}

/// The Hessian of the free coordinates, with a share of its size on the diagonal: in flat directions a step is long enough to
/// reach a side of the box, or as long as rounding makes it.
fn definite(hessian: Vec<f64>, free: &[usize], gradient: &[f64]) -> DMatrix<f64> {
    let n = free.len();
    let mut hessian = DMatrix::from_row_slice(n, n, &hessian);
    let largest = (0..n).map(|i| hessian[(i, i)].abs()).fold(0.0f64, f64::max);
    let steepest = free.iter().map(|j| gradient[*j].abs()).fold(0.0f64, f64::max);
    let shift = (1e-13 * largest).max(1e-9 * steepest).max(f64::MIN_POSITIVE);
    (0..n).for_each(|i| hessian[(i, i)] += shift);
    hessian
}

/// gⱼ less what the rows take.
fn slope_left(domain: &Domain, gradient: &[f64], rows: &[f64], j: usize) -> f64 {
    let taken = domain.rows().iter().zip(rows).filter(|(_, nu)| **nu != 0.0);
    let of_row = |(row, nu): (&crate::domain::Row, &f64)| -> f64 {
        row.coefficients.iter().filter(|(k, _)| *k == j).map(|(_, c)| nu * c).sum()
    };
    gradient[j] - taken.map(of_row).sum::<f64>()
}

fn near(v: f64, side: f64) -> bool {
    side.is_finite() && (v - side).abs() <= NEAR * side.abs().max(1.0)
}

/// Which coordinates stand at a side that their slope pushes them to; at any side where that is a `guess`.
fn held(domain: &Domain, y: &[f64], gradient: &[f64], rows: &[f64], guess: bool) -> Vec<bool> {
    (0..y.len())
        .map(|j| {
            let (l, u) = (domain.lower()[j], domain.upper()[j]);
            let r = slope_left(domain, gradient, rows, j);
            l == u || (near(y[j], l) && (guess || r > 0.0)) || (near(y[j], u) && (guess || r < 0.0))
        })
        .collect()
}

/// What the slopes cost: Σ |r|·(the way to the side that the slope pushes to, at most 1).
fn residual(domain: &Domain, y: &[f64], gradient: &[f64], rows: &[f64]) -> f64 {
    let of = |j: usize| {
        let r = slope_left(domain, gradient, rows, j);
        let way = if r > 0.0 { y[j] - domain.lower()[j] } else { domain.upper()[j] - y[j] };
        if r == 0.0 { 0.0 } else { r.abs() * way.min(1.0) }
    };
    (0..y.len()).map(of).sum()
}

/// The longest of 1, ½, ¼, … after which f has not risen by more than rounding.
fn damping(instance: &Instance, value: f64, reached: &dyn Fn(f64) -> Vec<f64>) -> f64 {
    let mut length = 1.0;
    for _ in 0..30 {
        let there = instance.forward(&reached(length)).map_or(f64::INFINITY, |trace| trace.value());
        if there <= value + 1e-13 * value.abs() {
            break;
        }
        length *= 0.5;
    }
    length
}
