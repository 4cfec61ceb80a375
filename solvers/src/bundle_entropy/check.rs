//! The master as a conic program, by Clarabel: what the master of this module is checked against.
//!
//! minimise t + qᵀu + τ Σ v   subject to   t ≥ h + G u,   u in the set, and in exponential cones
//! v_j ≥ u_j log u_j for each coordinate, v′_j ≥ (1 − u_j) log(1 − u_j) for those of the box.
//!
//! By duality its minimum is max D, and the multipliers of the first rows are λ.

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultSettings, DefaultSolver, ExponentialConeT, IPSolver, NonnegativeConeT, SupportedConeT, ZeroConeT,
};

use super::Minimum;
use super::dense::{add, dot};
use super::master::Master;
use crate::SolverError;

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

/// Solves the master by Clarabel, one thread, no output, until value and bound are within `width` of each other; what comes
/// nearest to that otherwise.
///
/// Errors: [`SolverError::Call`] if Clarabel refuses the problem.
pub fn solve_master(master: &Master, width: f64) -> Result<Conic, SolverError> {
    let mut best: Option<Conic> = None;
    // Tolerances are partly absolute, so the unit of the costs matters: τ, or the largest slope, or in between.
    let steepest = (master.gradients.iter().chain(&master.linear)).fold(master.tau, |m, g| m.max(g.abs()));
    let units = [master.tau, (master.tau * steepest).sqrt(), steepest];
    for (unit, tolerance) in TOLERANCES.iter().flat_map(|tolerance| units.map(|unit| (unit, *tolerance))) {
        let found = attempt(master, unit, tolerance)?;
        let done = found.value - found.bound <= width;
        if best.as_ref().is_none_or(|best| !(best.value - best.bound <= found.value - found.bound)) {
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
    let columns = 1 + 2 * n + boxed;
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
    for j in 0..n {
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

/// D(λ) at weights ≥ 0 that add up to 1: a lower bound of the master's maximum, whoever found them.
pub fn bound(master: &Master, lambda: &[f64]) -> f64 {
    let mut slope = master.linear.clone();
    lambda.iter().enumerate().for_each(|(i, l)| add(*l, master.gradient(i), &mut slope));
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
