//! [`LinearProgram`]: minimise cᵀx + c₀ subject to row and column bounds, with names, printable.

use sprs::CsMat;

/// A linear program in row form:
/// minimise `objective`ᵀ·x + `offset` subject to `row_lower` ≤ A x ≤ `row_upper`, `column_lower` ≤ x ≤ `column_upper`.
/// Absent bounds are infinities.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProgram {
    /// Cost of each column (n).
    pub objective: Vec<f64>,
    /// Constant added to the objective.
    pub offset: f64,
    /// Lower bounds of the columns (n).
    pub column_lower: Vec<f64>,
    /// Upper bounds of the columns (n).
    pub column_upper: Vec<f64>,
    /// Lower bounds of the rows (m).
    pub row_lower: Vec<f64>,
    /// Upper bounds of the rows (m).
    pub row_upper: Vec<f64>,
    /// A, m × n, compressed by rows.
    pub matrix: CsMat<f64>,
    /// Names of the columns (n), or empty.
    pub column_names: Vec<String>,
    /// Names of the rows (m), or empty.
    pub row_names: Vec<String>,
}
