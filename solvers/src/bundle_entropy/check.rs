//! The master as a conic program, by Clarabel: what the master of this module is checked against.
//!
//! minimise t + qᵀu + τ Σ v   subject to   t ≥ h + G u,   u in the set, and in exponential cones
//! v_j ≥ u_j log u_j for each coordinate, v′_j ≥ (1 − u_j) log(1 − u_j) for those of the box.
//!
//! By duality its minimum is max D, and the multipliers of the first rows are λ.

use std::ops::Range;

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultSettings, DefaultSolver, ExponentialConeT, IPSolver, NonnegativeConeT, SupportedConeT, ZeroConeT,
};

use super::Minimum;
use super::face::Newton;
use super::frame::Frame;
use super::master::{self, Master};
use crate::SolverError;
use crate::dense::{add, dot};
use crate::oracle::Cut;
use crate::region::Region;
use crate::run::RunOutcome;

/// What Clarabel finds for a master. Value and bound are recomputed from its answer, not its own.
#[derive(Debug, Clone)]
pub struct Conic {
    /// max(h + G u) + qᵀu − τH(u): at least the optimum.
    pub value: f64,
    /// D(λ): at most the optimum.
    pub bound: f64,
    /// The weights of the cuts (k), made feasible.
    pub lambda: Vec<f64>,
    /// The minimiser of the model (n), moved into the set.
    pub u: Vec<f64>,
    /// Clarabel's word.
    pub status: String,
    /// Iterations of the last attempt.
    pub iterations: u32,
}

/// Tolerances that are tried one after the other: Clarabel's progress breaks down at some where it does not at others.
const TOLERANCES: [f64; 5] = [1e-10, 1e-11, 1e-9, 1e-12, 1e-8];

/// The columns t, u, v and v′, and the rows in the order in which the cones are listed.
#[derive(Default)]
struct Rows {
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    right: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

impl Rows {
    /// The row Σ values + s = right.
    fn add(&mut self, right: f64, entries: impl IntoIterator<Item = (usize, f64)>) {
        for (column, value) in entries.into_iter().filter(|(_, value)| *value != 0.0) {
            self.rows.push(self.right.len());
            self.columns.push(column);
            self.values.push(value);
        }
        self.right.push(right);
    }
}

/// Solves the master by Clarabel, one thread, no output, until value and bound are within `enough` of each other; what comes
/// nearest to that otherwise.
///
/// Errors: [`SolverError::Call`] if Clarabel refuses the problem.
pub fn solve_master(master: &Master, enough: f64) -> Result<Conic, SolverError> {
    let width = |conic: &Conic| match conic.value - conic.bound {
        width if width.is_nan() => f64::INFINITY,
        width => width,
    };
    let mut best: Option<Conic> = None;
    // Tolerances are partly absolute, so the unit of the costs matters: τ, or the largest slope, or in between.
    let steepest = (master.gradients.iter().chain(&master.linear)).fold(master.tau, |m, g| m.max(g.abs()));
    let (steepest, gentlest) = match (steepest > 0.0, master.tau > 0.0) {
        (true, true) => (steepest, master.tau),
        (true, false) => (steepest, steepest),
        _ => (1.0, 1.0),
    };
    let units = [gentlest, (gentlest * steepest).sqrt(), steepest];
    for (unit, tolerance) in TOLERANCES.iter().flat_map(|tolerance| units.map(|unit| (unit, *tolerance))) {
        let found = attempt(master, unit, tolerance)?;
        let done = width(&found) <= enough;
        if best.as_ref().is_none_or(|best| width(&found) < width(best)) {
            best = Some(found);
        }
        if done {
            break;
        }
    }
    best.ok_or_else(|| SolverError::Refused { reason: "no tolerance to try".into() })
}

fn attempt(master: &Master, scale: f64, tolerance: f64) -> Result<Conic, SolverError> {
    let (k, n, boxed) = (master.cuts(), master.linear.len(), master.shape.boxed);
    // The constants of the cuts are taken from the largest one.
    let offset = master.constants.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = if master.tau > 0.0 { 1 + 2 * n + boxed } else { 1 + n };
    let (t, u, v, rest) = (0, |j: usize| 1 + j, |j: usize| 1 + n + j, |j: usize| 1 + 2 * n + j);

    let mut all = Rows::default();
    for of in &master.shape.simplices {
        all.add(1.0, of.clone().map(|j| (u(j), 1.0)));
    }
    if !master.shape.simplices.is_empty() {
        all.cones.push(ZeroConeT(master.shape.simplices.len()));
    }
    for i in 0..k {
        let gradient = master.gradient(i).iter().enumerate().map(|(j, g)| (u(j), g / scale));
        all.add((offset - master.constants[i]) / scale, gradient.chain([(t, -1.0)]));
    }
    all.cones.push(NonnegativeConeT(k));
    // (−v, u, 1) with u·e^{−v/u} ≤ 1, which is v ≥ u log u; likewise for 1 − u.
    if master.tau == 0.0 {
        let bounds = (0..n).map(|j| (0.0, -1.0, j)).chain((0..boxed).map(|j| (1.0, 1.0, j)));
        bounds.for_each(|(right, sign, j)| all.add(right, [(u(j), sign)]));
        all.cones.push(NonnegativeConeT(n + boxed));
    }
    // Without entropy nothing holds v, and nothing needs it.
    for j in 0..if master.tau > 0.0 { n } else { 0 } {
        all.add(0.0, [(v(j), 1.0)]);
        all.add(0.0, [(u(j), -1.0)]);
        all.add(1.0, []);
        all.cones.push(ExponentialConeT());
        if j < boxed {
            all.add(0.0, [(rest(j), 1.0)]);
            all.add(1.0, [(u(j), 1.0)]);
            all.add(1.0, []);
            all.cones.push(ExponentialConeT());
        }
    }
    let mut costs = vec![1.0; columns];
    costs[u(0)..u(n)].iter_mut().zip(&master.linear).for_each(|(c, q)| *c = q / scale);
    costs[u(n)..].fill(master.tau / scale);
    let matrix = CscMatrix::new_from_triplets(all.right.len(), columns, all.rows, all.columns, all.values);
    let settings = DefaultSettings {
        verbose: false,
        max_threads: 1,
        tol_feas: tolerance,
        tol_gap_abs: tolerance,
        tol_gap_rel: tolerance,
        ..DefaultSettings::default()
    };
    let none = CscMatrix::<f64>::zeros((columns, columns));
    let mut solver = DefaultSolver::new(&none, &costs, &matrix, &all.right, &all.cones, settings)
        .map_err(|error| SolverError::Call { solver: "Clarabel", call: "new".into(), returned: error.to_string() })?;
    solver.solve();
    let said = &solver.solution;
    let first = master.shape.simplices.len();
    let lambda = feasible(&said.z[first..first + k]);
    let mut u: Vec<f64> = said.x[u(0)..u(n)].iter().map(|u| u.clamp(0.0, 1.0)).collect();
    for of in &master.shape.simplices {
        let inside = feasible(&u[of.clone()]);
        u[of.clone()].copy_from_slice(&inside);
    }
    Ok(Conic {
        value: value(master, &u),
        bound: bound(master, &lambda),
        lambda,
        u,
        status: format!("{:?}", said.status),
        iterations: said.iterations,
    })
}

/// Clipped at 0 and divided by the sum; all alike if nothing is left.
fn feasible(weights: &[f64]) -> Vec<f64> {
    let clipped: Vec<f64> = weights.iter().map(|w| if w.is_finite() { w.max(0.0) } else { 0.0 }).collect();
    let sum: f64 = clipped.iter().sum();
    match sum > 0.0 {
        true => clipped.iter().map(|w| w / sum).collect(),
        false => vec![1.0 / weights.len() as f64; weights.len()],
    }
}

/// What [`verify`] found.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Cuts behind the bound.
    pub cuts: usize,
    /// Clarabel's optimum over them is between these.
    pub between: (f64, f64),
    /// The distance of the optimum of the master here from that; `None` without τ.
    pub master: Option<f64>,
    /// Size of the numbers that make up the cuts.
    pub size: f64,
}

/// The undamped master of some cuts of f over a bounded region, τ = 0 for none.
///
/// Errors: [`SolverError::Refused`] for a region without finite widths.
pub fn master_of<'c>(
    region: &Region,
    tau: Option<f64>,
    cuts: impl IntoIterator<Item = &'c Cut>,
) -> Result<Master, SolverError> {
    let frame = Frame::new(region)?;
    let mut gradients = vec![];
    let constants = cuts.into_iter().map(|cut| frame.cut(cut, &mut gradients)).collect();
    let shape = frame.shape().clone();
    let linear = vec![0.0; shape.dimension()];
    Ok(Master { gradients, constants, linear, tau: tau.unwrap_or(0.0), shape })
}

/// The largest sum of the absolute values of a cut's constant and slopes.
pub fn size(master: &Master) -> f64 {
    let terms = |i: usize| master.constants[i].abs() + master.gradient(i).iter().map(|g| g.abs()).sum::<f64>();
    (0..master.cuts()).map(terms).fold(0.0, f64::max)
}

/// How far apart the two may be, relative to the numbers that make up the cuts.
const ALLOWED: f64 = 1e-8;

/// Checks an outcome of [`bundle_entropy`](super::bundle_entropy) against Clarabel. With the cuts behind its bound,
/// bound ≤ Clarabel's optimum ≤ value has to hold; and the master of these cuts, solved here, has to have that optimum.
///
/// Errors: [`SolverError::Contradiction`] for what does not hold by more than 1e-8 of the size of the numbers;
/// [`SolverError::Refused`] for an outcome without a bound, and where Clarabel gets nowhere.
pub fn verify(region: &Region, tau: Option<f64>, outcome: &RunOutcome) -> Result<Verified, SolverError> {
    let refuse = |reason: String| SolverError::Refused { reason };
    let cuts = outcome.mixture.len();
    if cuts == 0 {
        return Err(refuse("there is no bound to check".into()));
    }
    let master = master_of(region, tau, outcome.mixture.iter().map(|(_, cut)| cut.as_ref()))?;
    let size = size(&master).max(outcome.value.abs());
    let conic = solve_master(&master, 0.1 * ALLOWED * size)?;
    let width = conic.value - conic.bound;
    if width.is_nan() || width > 1e-6 * size {
        return Err(refuse(format!(
            "Clarabel ends with {} and a gap of {width:.1e}: nothing is checked",
            conic.status
        )));
    }
    let allowed = ALLOWED * size;
    let holds = |what, ours: f64, below: f64, above: f64| match ours - above <= allowed && below - ours <= allowed {
        true => Ok(()),
        false => {
            let (lower, upper) = (conic.bound, conic.value);
            Err(SolverError::Contradiction { what, ours, solver: "Clarabel", lower, upper, allowed })
        }
    };
    holds("the lower bound", outcome.lower_bound, f64::NEG_INFINITY, conic.value)?;
    holds("the value", outcome.value, conic.bound, f64::INFINITY)?;
    let mut distance = None;
    if tau.is_some() {
        let mut lambda: Vec<f64> = outcome.mixture.iter().map(|(weight, _)| *weight).collect();
        let ours = master::solve(&master, &mut lambda, 0.0, &mut Newton::default()).bound;
        holds("the optimum of the master", ours, conic.bound, conic.value)?;
        distance = Some((ours - conic.value).max(conic.bound - ours).max(0.0));
    }
    Ok(Verified { cuts, between: (conic.bound, conic.value), master: distance, size })
}

/// D(λ) at weights ≥ 0 that add up to 1: a lower bound of the master's maximum, whoever found them.
pub fn bound(master: &Master, lambda: &[f64]) -> f64 {
    let mut slope = master.linear.clone();
    lambda.iter().enumerate().for_each(|(i, l)| add(*l, master.gradient(i), &mut slope));
    if master.tau == 0.0 {
        let of_box: f64 = slope[..master.shape.boxed].iter().map(|s| s.min(0.0)).sum();
        let least = |of: &Range<usize>| slope[of.clone()].iter().copied().fold(f64::INFINITY, f64::min);
        return dot(&master.constants, lambda) + of_box + master.shape.simplices.iter().map(least).sum::<f64>();
    }
    let mut minimum = Minimum::default();
    minimum.at(&slope, master.tau, &master.shape);
    dot(&master.constants, lambda) + minimum.value
}

/// The model max(h + G u) + qᵀu − τH(u) at a point of the set: an upper bound of the master's maximum.
pub fn value(master: &Master, u: &[f64]) -> f64 {
    let cuts = (0..master.cuts()).map(|i| master.constants[i] + dot(master.gradient(i), u));
    let xlogx = |t: f64| if t > 0.0 { t * t.ln() } else { 0.0 };
    let negative_entropy: f64 =
        u.iter().map(|u| xlogx(*u)).sum::<f64>() + u[..master.shape.boxed].iter().map(|u| xlogx(1.0 - u)).sum::<f64>();
    cuts.fold(f64::NEG_INFINITY, f64::max) + dot(&master.linear, u) + master.tau * negative_entropy
}
