//! [`LinearProgram`]: minimise cᵀx + c₀, or ½xᵀQx + cᵀx + c₀, subject to row and column bounds, with names, printable.

use std::borrow::Cow;

use sprs::{CsMat, CsVec};

use crate::SolverError;

/// A linear program in row form:
/// minimise `objective`ᵀ·x + `offset` subject to `row_lower` ≤ A x ≤ `row_upper`, `column_lower` ≤ x ≤ `column_upper`.
/// Absent bounds are infinities. With `quadratic` it is a convex quadratic program: ½ xᵀQx is added to the objective.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProgram {
    /// Cost of each column (n).
    pub objective: Vec<f64>,
    /// Q, n × n, symmetric (both triangles stored) and positive semidefinite, compressed by rows.
    pub quadratic: Option<CsMat<f64>>,
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

impl LinearProgram {
    /// A program with `columns` free columns of cost zero, no rows and no names.
    pub fn new(columns: usize) -> Self {
        LinearProgram {
            objective: vec![0.0; columns],
            quadratic: None,
            offset: 0.0,
            column_lower: vec![f64::NEG_INFINITY; columns],
            column_upper: vec![f64::INFINITY; columns],
            row_lower: Vec::new(),
            row_upper: Vec::new(),
            matrix: CsMat::zero((0, columns)),
            column_names: Vec::new(),
            row_names: Vec::new(),
        }
    }

    /// Appends the unnamed row `lower` ≤ Σ a_j x_j ≤ `upper`, given as (j, a_j) in any order.
    ///
    /// For small programs: building the arrays at once is faster.
    ///
    /// # Panics
    /// If a column index is out of range or appears twice.
    pub fn add_row(&mut self, lower: f64, upper: f64, entries: &[(usize, f64)]) {
        let (columns, values) = entries.iter().copied().unzip();
        let row = CsVec::new_from_unsorted(self.matrix.cols(), columns, values)
            .unwrap_or_else(|(_, _, error)| panic!("row {}: {error}", self.matrix.rows()));
        self.matrix = std::mem::replace(&mut self.matrix, CsMat::zero((0, 0))).append_outer_csvec(row.view());
        self.row_lower.push(lower);
        self.row_upper.push(upper);
    }

    /// Number of rows, m.
    pub fn rows(&self) -> usize {
        self.matrix.rows()
    }

    /// Number of columns, n.
    pub fn columns(&self) -> usize {
        self.matrix.cols()
    }

    /// Name of row `i`; `r<i>` if the rows have no names.
    pub fn row_name(&self, i: usize) -> Cow<'_, str> {
        self.row_names.get(i).map_or_else(|| Cow::Owned(format!("r{i}")), |name| Cow::Borrowed(name.as_str()))
    }

    /// Name of column `j`; `x<j>` if the columns have no names.
    pub fn column_name(&self, j: usize) -> Cow<'_, str> {
        self.column_names.get(j).map_or_else(|| Cow::Owned(format!("x{j}")), |name| Cow::Borrowed(name.as_str()))
    }

    /// A x (m), for a point x (n).
    ///
    /// # Panics
    /// If `x` does not have n entries.
    pub fn row_activity(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.columns(), "point: length and columns differ");
        let activity = |row: sprs::CsVecView<'_, f64>| row.iter().map(|(j, a)| a * x[j]).sum();
        self.matrix.outer_iterator().map(activity).collect()
    }

    /// ½ xᵀQx + cᵀx + c₀, for a point x (n).
    ///
    /// # Panics
    /// If `x` does not have n entries.
    pub fn value(&self, x: &[f64]) -> f64 {
        assert_eq!(x.len(), self.columns(), "point: length and columns differ");
        let quadratic = self.quadratic.iter().flat_map(|q| q.iter()).map(|(q, (i, j))| 0.5 * q * x[i] * x[j]);
        self.offset + self.objective.iter().zip(x).map(|(c, x)| c * x).sum::<f64>() + quadratic.sum::<f64>()
    }

    /// The largest violation of any row or column bound at x (n), absolute; 0 at a feasible point, NaN if x has a NaN.
    ///
    /// # Panics
    /// If `x` does not have n entries.
    pub fn residuals(&self, x: &[f64]) -> f64 {
        let outside = |value: f64, lower: f64, upper: f64| (lower - value).max(value - upper);
        let activity = self.row_activity(x);
        let rows = activity.iter().zip(self.row_lower.iter().zip(&self.row_upper));
        let columns = x.iter().zip(self.column_lower.iter().zip(&self.column_upper));
        rows.chain(columns).fold(0.0, |worst: f64, (&value, (&lower, &upper))| {
            if value.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(outside(value, lower, upper)) }
        })
    }

    /// Checks that the arrays fit together and that every number is usable.
    ///
    /// # Errors
    /// - [`SolverError::Storage`] if the matrix is compressed by columns,
    /// - [`SolverError::Size`] if an array has another length than the matrix asks for,
    /// - [`SolverError::Number`] for a cost, offset or coefficient that is not finite, a bound that is NaN, a lower
    ///   bound of +∞ or an upper bound of −∞,
    /// - [`SolverError::Asymmetric`] for a quadratic term whose triangles differ,
    /// - [`SolverError::Bounds`] for a lower bound above its upper bound.
    pub fn validate(&self) -> Result<(), SolverError> {
        let (m, n) = (self.rows(), self.columns());
        if !self.matrix.is_csr() {
            return Err(SolverError::Storage { rows: m, columns: n });
        }
        let named = |names: &Vec<String>, size| if names.is_empty() { size } else { names.len() };
        let sizes = [
            ("objective", self.objective.len(), n),
            ("column_lower", self.column_lower.len(), n),
            ("column_upper", self.column_upper.len(), n),
            ("row_lower", self.row_lower.len(), m),
            ("row_upper", self.row_upper.len(), m),
            ("column_names", named(&self.column_names, n), n),
            ("row_names", named(&self.row_names, m), m),
        ];
        for (what, found, expected) in sizes {
            if found != expected {
                return Err(SolverError::Size { what: what.into(), found, expected });
            }
        }
        finite(self.offset, || "objective offset".into())?;
        for (j, &cost) in self.objective.iter().enumerate() {
            finite(cost, || format!("cost of {}", self.describe_column(j)))?;
        }
        if let Some(q) = &self.quadratic {
            self.validate_quadratic(q)?;
        }
        for j in 0..n {
            bounds(self.column_lower[j], self.column_upper[j], || self.describe_column(j))?;
        }
        for i in 0..m {
            bounds(self.row_lower[i], self.row_upper[i], || self.describe_row(i))?;
        }
        if self.matrix.data().iter().all(|a| a.is_finite()) {
            return Ok(());
        }
        for (i, row) in self.matrix.outer_iterator().enumerate() {
            for (j, &a) in row.iter() {
                finite(a, || self.describe_entry(i, j))?;
            }
        }
        Ok(())
    }

    fn validate_quadratic(&self, q: &CsMat<f64>) -> Result<(), SolverError> {
        let n = self.columns();
        if !q.is_csr() {
            return Err(SolverError::Storage { rows: q.rows(), columns: q.cols() });
        }
        for (what, found) in [("rows of the quadratic term", q.rows()), ("columns of the quadratic term", q.cols())] {
            if found != n {
                return Err(SolverError::Size { what: what.into(), found, expected: n });
            }
        }
        for (value, (i, j)) in q.iter() {
            let (above, below) = (*value, q.get(j, i).copied().unwrap_or(0.0));
            finite(above, || format!("quadratic term of {}, {}", self.describe_column(i), self.describe_column(j)))?;
            if above != below {
                return Err(SolverError::Asymmetric { row: i, column: j, above, below });
            }
        }
        Ok(())
    }

    /// `column 3 (y_3)`, for errors.
    pub(crate) fn describe_column(&self, j: usize) -> String {
        format!("column {j} ({})", self.column_name(j))
    }

    /// `row 3 (relu_3)`, for errors.
    pub(crate) fn describe_row(&self, i: usize) -> String {
        format!("row {i} ({})", self.row_name(i))
    }

    /// `coefficient of row 3 (relu_3), column 5 (y_5)`, for errors.
    pub(crate) fn describe_entry(&self, i: usize, j: usize) -> String {
        format!("coefficient of {}, {}", self.describe_row(i), self.describe_column(j))
    }
}

/// Refuses NaN and infinities.
fn finite(value: f64, what: impl FnOnce() -> String) -> Result<(), SolverError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(SolverError::Number { what: what(), value, expected: "a finite number" })
}

/// Refuses bounds that are NaN, at the wrong infinity or crossed.
pub(crate) fn bounds(lower: f64, upper: f64, what: impl FnOnce() -> String) -> Result<(), SolverError> {
    if lower.is_nan() || lower == f64::INFINITY {
        let expected = "a finite number or -inf";
        return Err(SolverError::Number { what: format!("lower bound of {}", what()), value: lower, expected });
    }
    if upper.is_nan() || upper == f64::NEG_INFINITY {
        let expected = "a finite number or inf";
        return Err(SolverError::Number { what: format!("upper bound of {}", what()), value: upper, expected });
    }
    if lower > upper {
        return Err(SolverError::Bounds { what: what(), lower, upper });
    }
    Ok(())
}
