//! What a program must satisfy before HiGHS sees it, and the scaling of its costs.

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
    for (i, (&lower, &upper)) in lower.iter().zip(upper).enumerate() {
        crate::linear_program::bounds(lower, upper, || describe(i))?;
        for (side, value) in [("lower", lower), ("upper", upper)] {
            if value.is_finite() && value.abs() >= LARGEST_BOUND {
                let what = format!("{side} bound of {}", describe(i));
                return Err(SolverError::TooLarge { what, value, limit: LARGEST_BOUND });
            }
        }
    }
    Ok(())
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

/// The power of two e with max |c| ∈ [2ᵉ, 2ᵉ⁺¹), within ±1000; 0 if all costs are zero.
pub(super) fn exponent_of(costs: &[f64]) -> i32 {
    let largest = costs.iter().fold(0.0, |largest: f64, cost| largest.max(cost.abs()));
    if largest == 0.0 {
        return 0;
    }
    // The exponent bits: exact, where a logarithm could round up. A subnormal number counts as 2⁻¹⁰²³.
    let exponent = (largest.to_bits() >> 52) as i32 - 1023;
    exponent.clamp(-1000, 1000)
}

/// The costs divided by two to the power `exponent`.
pub(super) fn scaled_costs(costs: &[f64], exponent: i32) -> Vec<f64> {
    let factor = 2f64.powi(-exponent);
    costs.iter().map(|cost| cost * factor).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_brings_the_largest_cost_into_one_to_two() {
        for cost in [1.0, 1.999, 2.0, -3.0, 0.1, 1e-30, 1e30, f64::MAX / 1e8, f64::MIN_POSITIVE * 1e8] {
            let exponent = exponent_of(&[0.0, cost]);
            let scaled = scaled_costs(&[cost], exponent)[0];
            assert!((1.0..2.0).contains(&scaled.abs()), "{cost} became {scaled}");
            assert_eq!(scaled * 2f64.powi(exponent), cost);
        }
        assert_eq!(exponent_of(&[0.0]), 0);
        assert!(scaled_costs(&[5e-324], exponent_of(&[5e-324]))[0] > 0.0);
    }
}
