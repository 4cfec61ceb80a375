//! [`SolverError`]: what is wrong with a problem, an option or a call, naming the object and the numbers.

use thiserror::Error;

/// Why a problem could not be handed to a solver, or what the solver refused.
///
/// A problem that is well posed but has no optimum is not an error: see [`Status`](crate::Status).
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SolverError {
    /// Two sizes that must agree do not.
    #[error("{what}: has length {found}, expected {expected}")]
    Size {
        /// The array.
        what: String,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },

    /// The matrix is stored by columns; everything here reads it by rows.
    #[error("matrix ({rows} × {columns}): stored by columns, expected by rows")]
    Storage {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },

    /// A number that must be finite is not, or a bound is NaN.
    #[error("{what}: is {value}, expected {expected}")]
    Number {
        /// Where the number stands, by name and index.
        what: String,
        /// The number.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },

    /// A lower bound above its upper bound.
    #[error("{what}: lower bound {lower} exceeds upper bound {upper}")]
    Bounds {
        /// The row or column, by name and index.
        what: String,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },

    /// A number whose magnitude the solver would silently read as infinite.
    #[error("{what}: |{value}| is not below {limit}, which the solver takes for infinity")]
    TooLarge {
        /// Where the number stands, by name and index.
        what: String,
        /// The number.
        value: f64,
        /// The smallest magnitude that is refused.
        limit: f64,
    },

    /// More rows, columns or entries than the solver can count.
    #[error("{what}: {found} exceed the solver's limit of {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The most that the solver accepts.
        limit: usize,
    },

    /// A quadratic term that is not symmetric.
    #[error("quadratic term: entry ({row}, {column}) is {above}, entry ({column}, {row}) is {below}")]
    Asymmetric {
        /// Row of the entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        above: f64,
        /// Its mirror image.
        below: f64,
    },

    /// A quadratic term, given to a method for linear programs.
    #[error("the objective has a quadratic term, which {method} does not take")]
    Quadratic {
        /// The method.
        method: &'static str,
    },

    /// A starting basis whose basic variables do not number the rows.
    #[error("basis: {found} basic variables, expected one for each of the {expected} rows")]
    Basis {
        /// Basic variables in the basis.
        found: usize,
        /// Rows of the program.
        expected: usize,
    },

    /// A row without bounds, given to a method that goes wrong on it.
    #[error("row {row}: has no bounds; only simplex gives right answers for such rows")]
    FreeRow {
        /// Index of the row.
        row: usize,
    },

    /// An option outside its range.
    #[error("option {name}: is {value}, expected {expected}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// The value asked for.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },

    /// The function to be minimised has no value at a point that the method asks for.
    #[error("{reason}")]
    Oracle {
        /// What the function says.
        reason: String,
    },

    /// Two methods contradict each other beyond what gap and tolerances allow: one of them is wrong.
    #[error("{what}: {ours} here, between {lower} and {upper} by {solver}; at most {allowed:.1e} apart is allowed")]
    Contradiction {
        /// The number.
        what: &'static str,
        /// What was found here.
        ours: f64,
        /// The other solver.
        solver: &'static str,
        /// Its interval.
        lower: f64,
        /// Its interval.
        upper: f64,
        /// How far outside the number may be.
        allowed: f64,
    },

    /// A method that does not take the function or the set.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },

    /// A call into the solver's library reported an error.
    #[error("{solver}: {call} returned {returned}")]
    Call {
        /// The solver.
        solver: &'static str,
        /// The function called, with its main argument.
        call: String,
        /// What it returned.
        returned: String,
    },
}
