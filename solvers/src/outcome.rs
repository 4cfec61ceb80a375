//! [`LpOutcome`]: what a solver says about a linear program, translated without loss.

use serde::{Deserialize, Serialize};

/// How a solve ended. Anything stopped early is never [`Optimal`](Status::Optimal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The solver claims optimality within its tolerances. A claim, not a proof.
    Optimal,
    /// No point satisfies all bounds.
    Infeasible,
    /// There are feasible points of arbitrarily low objective.
    Unbounded,
    /// One of the two, and the solver did not find out which.
    InfeasibleOrUnbounded,
    /// Stopped by the iteration limit.
    IterationLimit,
    /// Stopped by the time limit.
    TimeLimit,
    /// Stopped from outside.
    Interrupted,
    /// Ended in any other way; [`LpOutcome::detail`] has the solver's words.
    Failed,
}

/// Where a column, or the activity of a row, stands in a basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BasisStatus {
    /// Nonbasic at its lower bound.
    Lower,
    /// Basic.
    Basic,
    /// Nonbasic at its upper bound.
    Upper,
    /// Nonbasic and free, at zero.
    Zero,
    /// Nonbasic, at an unspecified bound.
    Nonbasic,
}

/// A simplex basis of a program with n columns and m rows; m of the n + m statuses are
/// [`Basic`](BasisStatus::Basic).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Status of each column (n).
    pub columns: Vec<BasisStatus>,
    /// Status of each row (m).
    pub rows: Vec<BasisStatus>,
}

impl Basis {
    /// Number of basic columns and rows together.
    pub fn basic(&self) -> usize {
        let basic = |status: &&BasisStatus| **status == BasisStatus::Basic;
        self.columns.iter().filter(basic).count() + self.rows.iter().filter(basic).count()
    }
}

/// What a solver returned for: minimise cᵀx + c₀ subject to `row_lower` ≤ A x ≤ `row_upper`,
/// `column_lower` ≤ x ≤ `column_upper`, with n columns and m rows.
///
/// # Signs
///
/// With row duals y and reduced costs d = c − Aᵀy (minimisation):
///
/// | multiplier | positive when                   | negative when                   | zero when           |
/// |------------|---------------------------------|---------------------------------|---------------------|
/// | y_i        | A_i x is at its **lower** bound | A_i x is at its **upper** bound | strictly in between |
/// | d_j        | x_j is at its **lower** bound   | x_j is at its **upper** bound   | strictly in between |
///
/// so that y_i is the change of the optimum per unit of the active bound of row i, and
/// Σ y_i·(active bound of row i) + Σ d_j·(active bound of column j) + c₀ is the dual objective
/// ([`LinearProgram::dual_objective`](crate::LinearProgram::dual_objective)).
///
/// A vector the solver did not give is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct LpOutcome {
    /// How the solve ended.
    pub status: Status,
    /// The solver's own words for the status.
    pub detail: String,
    /// Point (n): optimal if the status is, else the last iterate, not necessarily feasible.
    pub primal: Vec<f64>,
    /// Row multipliers y (m).
    pub row_dual: Vec<f64>,
    /// Reduced costs d as the solver reports them (n).
    pub column_dual: Vec<f64>,
    /// cᵀx + c₀ at `primal` as the solver reports it; NaN without a primal point.
    pub objective: f64,
    /// Final basis, if the method has one.
    pub basis: Option<Basis>,
    /// For [`Unbounded`](Status::Unbounded): a direction r (n) with cᵀr < 0 along which every
    /// feasible point stays feasible. Not checked; see
    /// [`LinearProgram::ray_descent`](crate::LinearProgram::ray_descent).
    pub ray: Option<Vec<f64>>,
    /// For [`Infeasible`](Status::Infeasible): row multipliers y (m), signed as above, whose
    /// dual objective for zero costs is positive, which no feasible point allows. Not checked; see
    /// [`LinearProgram::farkas_gap`](crate::LinearProgram::farkas_gap).
    pub farkas: Option<Vec<f64>>,
    /// Iterations of all phases, crossover and second solves included.
    pub iterations: u64,
    /// Wall-clock seconds of the call.
    pub seconds: f64,
}

impl LpOutcome {
    /// An outcome with a status and nothing else.
    pub fn empty(status: Status, detail: impl Into<String>) -> Self {
        LpOutcome {
            status,
            detail: detail.into(),
            primal: Vec::new(),
            row_dual: Vec::new(),
            column_dual: Vec::new(),
            objective: f64::NAN,
            basis: None,
            ray: None,
            farkas: None,
            iterations: 0,
            seconds: 0.0,
        }
    }
}
