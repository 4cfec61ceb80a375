//! What a program must satisfy before HiGHS sees it.

use std::borrow::Cow;

use crate::{LinearProgram, SolverError};

use super::{LARGEST_BOUND, LARGEST_COEFFICIENT, SMALLEST_COEFFICIENT};

/// Refuses what HiGHS cannot count: it has 32-bit indices.
pub(super) fn check_sizes(lp: &LinearProgram) -> Result<(), SolverError> {
    let limit = i32::MAX as usize - 1;
    for (what, found) in [("columns", lp.columns()), ("rows", lp.rows()), ("coefficients", lp.matrix.nnz())] {
        if found > limit {
            return Err(SolverError::TooMany { what, found, limit });
        }
    }
    Ok(())
}

/// Refuses an array of the wrong length.
pub(super) fn check_length(what: &str, found: usize, expected: usize) -> Result<(), SolverError> {
    if found == expected {
        return Ok(());
    }
    Err(SolverError::Size { what: what.into(), found, expected })
}

/// Refuses bounds that are NaN, crossed, infinite the wrong way or finite but infinite to HiGHS.
pub(super) fn check_bounds(
    lower: &[f64],
    upper: &[f64],
    describe: impl Fn(usize) -> String,
) -> Result<(), SolverError> {
    crate::prepare::check_bounds(LARGEST_BOUND, lower, upper, describe)
}

/// What becomes of the coefficients that are not zero.
pub(super) struct Coefficients {
    pub kept: usize,
    pub dropped: usize,
}

/// Refuses coefficients that HiGHS takes for infinite; counts those it keeps and those it takes for zero.
pub(super) fn check_coefficients(lp: &LinearProgram) -> Result<Coefficients, SolverError> {
    let values = lp.matrix.data();
    if values.iter().any(|value| value.abs() >= LARGEST_COEFFICIENT) {
        for (i, row) in lp.matrix.outer_iterator().enumerate() {
            if let Some((j, &value)) = row.iter().find(|(_, value)| value.abs() >= LARGEST_COEFFICIENT) {
                return Err(SolverError::TooLarge { what: lp.describe_entry(i, j), value, limit: LARGEST_COEFFICIENT });
            }
        }
    }
    let kept = values.iter().filter(|value| value.abs() > SMALLEST_COEFFICIENT).count();
    let dropped = values.iter().filter(|value| **value != 0.0).count() - kept;
    if dropped > 0 {
        tracing::debug!(dropped, "HiGHS takes coefficients of magnitude ≤ {SMALLEST_COEFFICIENT:e} for zero");
    }
    Ok(Coefficients { kept, dropped })
}

/// The array, with one zero more if `pad`.
pub(super) fn padded(array: &[f64], pad: bool) -> Cow<'_, [f64]> {
    let mut array = Cow::Borrowed(array);
    if pad {
        array.to_mut().push(0.0);
    }
    array
}

/// The first row without bounds.
pub(super) fn free_row(lower: &[f64], upper: &[f64]) -> Option<usize> {
    lower.iter().zip(upper).position(|(&lower, &upper)| lower == f64::NEG_INFINITY && upper == f64::INFINITY)
}
