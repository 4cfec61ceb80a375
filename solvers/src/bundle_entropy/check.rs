//! The master as a conic program, by Clarabel: what the master of this module is checked against.
//!
//! minimise t + qᵀu + τ Σ v   subject to   t ≥ h + G u,   u in the set, and in exponential cones
//! v_j ≥ u_j log u_j for each coordinate, v′_j ≥ (1 − u_j) log(1 − u_j) for those of the box.
//!
//! By duality its minimum is max D, and the multipliers of the first rows are λ.

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultSettings, DefaultSolver, ExponentialConeT, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use super::dense::dot;
use super::master::Master;
use crate::SolverError;

/// What Clarabel says of a master.
#[derive(Debug, Clone)]
pub struct Conic {
    /// Its minimum, from the primal side.
    pub value: f64,
    /// Its minimum, from the dual side.
    pub dual_value: f64,
    /// The weights of the cuts (k), ≥ 0, adding up to 1 but for Clarabel's tolerance.
    pub lambda: Vec<f64>,
    /// The minimiser of the model (n).
    pub u: Vec<f64>,
    /// Whether Clarabel met all of its tolerances, and its words.
    pub solved: bool,
    /// Its words.
    pub status: String,
    /// Iterations.
    pub iterations: u32,
}

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

/// Solves the master by Clarabel to tolerances of `tolerance`, relative to the numbers of the problem: one thread, no output.
///
/// Errors: [`SolverError::Call`] if Clarabel refuses the problem.
pub fn solve_master(master: &Master, tolerance: f64) -> Result<Conic, SolverError> {
    let (k, n, boxed) = (master.cuts(), master.linear.len(), master.shape.boxed);
    // Costs and cuts are divided by one size, their constants taken from the largest one: tolerances are partly absolute.
    let offset = master.constants.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale = (master.gradients.iter().chain(&master.linear)).fold(master.tau, |m, g| m.max(g.abs()));
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
    let back = |value: f64| value * scale + offset;
    Ok(Conic {
        value: back(said.obj_val),
        dual_value: back(said.obj_val_dual),
        lambda: said.z[first..first + k].to_vec(),
        u: said.x[u(0)..u(n)].to_vec(),
        solved: said.status == SolverStatus::Solved,
        status: format!("{:?}", said.status),
        iterations: said.iterations,
    })
}

/// D(λ) for weights that are first made feasible: clipped at 0 and divided by their sum. A lower bound of the master's maximum,
/// whoever found the weights.
pub fn dual_value(master: &Master, lambda: &[f64]) -> f64 {
    let total: f64 = lambda.iter().map(|l| l.max(0.0)).sum();
    let mut slope = master.linear.clone();
    for (i, l) in lambda.iter().enumerate().filter(|(_, l)| **l > 0.0) {
        super::dense::add(l / total, master.gradient(i), &mut slope);
    }
    let weights: Vec<f64> = lambda.iter().map(|l| l.max(0.0) / total).collect();
    let mut minimum = super::Minimum::default();
    minimum.at(&slope, master.tau, &master.shape);
    dot(&master.constants, &weights) + minimum.value
}
