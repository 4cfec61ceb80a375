//! What every solver here needs of a program before it sees it: bounds that it can tell from infinite ones, costs near 1.

use sprs::CsMat;

use crate::SolverError;

/// Refuses bounds that are NaN, crossed, infinite the wrong way, or finite but of magnitude `limit` or more.
pub(crate) fn check_bounds(
    limit: f64,
    lower: &[f64],
    upper: &[f64],
    describe: impl Fn(usize) -> String,
) -> Result<(), SolverError> {
    for (i, (&lower, &upper)) in lower.iter().zip(upper).enumerate() {
        crate::linear_program::bounds(lower, upper, || describe(i))?;
        for (side, value) in [("lower", lower), ("upper", upper)] {
            if value.is_finite() && value.abs() >= limit {
                let what = format!("{side} bound of {}", describe(i));
                return Err(SolverError::TooLarge { what, value, limit });
            }
        }
    }
    Ok(())
}

/// [`exponent_of`] the costs and the quadratic term together.
pub(crate) fn exponent_of_objective(costs: &[f64], quadratic: Option<&CsMat<f64>>) -> i32 {
    exponent_of(&[largest_entry(costs), quadratic.map_or(0.0, |q| largest_entry(q.data()))])
}

/// The power of two e with max |c| ∈ [2ᵉ, 2ᵉ⁺¹), within ±1000; 0 if all costs are zero.
pub(crate) fn exponent_of(costs: &[f64]) -> i32 {
    let largest = largest_entry(costs);
    if largest == 0.0 {
        return 0;
    }
    // The exponent bits: exact, where a logarithm could round up. A subnormal number counts as 2⁻¹⁰²³.
    let exponent = (largest.to_bits() >> 52) as i32 - 1023;
    exponent.clamp(-1000, 1000)
}

/// The costs divided by two to the power `exponent`.
pub(crate) fn scaled_costs(costs: &[f64], exponent: i32) -> Vec<f64> {
    let factor = 2f64.powi(-exponent);
    costs.iter().map(|cost| cost * factor).collect()
}

/// The largest magnitude of an array.
fn largest_entry(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
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
