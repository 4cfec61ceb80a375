//! What an exact proof will cost, before it is tried: from sizes alone, so that the same problem always gets the same answer. The
//! constants are those of benches/exact on one machine; a factor of two either way does no harm.

use super::pattern::{Pattern, Place, Role, functions};
use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::linear::LinearMap;
use crate::ir::program::Op;

/// Seconds that the exact tier takes for a pattern, roughly: the rows of the kinks, lifting, and the check.
pub fn predicted(instance: &Instance, domain: &Domain, pattern: &Pattern) -> f64 {
    let free = pattern.coordinates.iter().filter(|place| **place == Place::Free).count();
    // Bits of a coefficient of a kink's row at most, and, from measurements, of the denominator for each equation.
    let (mut weights, mut bits, mut of_equation) = (0.0, 0.0f64, 40.0f64);
    let mut kinks = pattern.rows.iter().flatten().count();
    for (function, roles) in functions(instance, domain).into_iter().zip(&pattern.functions) {
        let mut of_function = 0.0;
        for node in function.program().nodes() {
            match &node.op {
                Op::Linear { map, .. } => {
                    weights += entries(map) as f64;
                    let single = |v: &f64| f64::from(*v as f32) == *v;
                    let short = function.weights(map).is_none_or(|w| w.iter().take(64).all(single));
                    of_function += if short { 45.0 } else { 75.0 };
                    of_equation = if short { of_equation } else { 77.0 };
                }
                Op::Scale { .. } => (of_function, of_equation) = (of_function + 53.0, 77.0),
                _ => {}
            }
        }
        bits = bits.max(of_function);
        kinks += roles.iter().flatten().filter(|role| !matches!(role, Role::Piece(_))).count();
    }
    let k = free.min(kinks.max(1)) as f64;
    let words = (k * of_equation / 64.0).max(1.0);
    // As many digits as numerators and denominator have words together, two systems, each with a product with A and its inverse.
    let lifting = 2.0 * 2.0 * words * k * k * (bits / 64.0 + 2.0) * 1e-9;
    let check = 2.0 * weights * words * 1e-9;
    let reduction = weights * (bits / 22.0).powi(2) * (k * 0.02 + 1.0) * 0.5e-9;
    2e-4 + lifting + check + reduction
}

/// Seconds that the simplex method took for so many iterations, roughly; what any program costs comes first.
pub fn of_simplex(iterations: u64, nonzeros: usize) -> f64 {
    6e-4 + nonzeros as f64 * (5e-8 + 2.5e-9 * iterations as f64)
}

/// Coefficients of a map.
fn entries(map: &LinearMap) -> usize {
    match map {
        LinearMap::Dense { rows, columns, repeat, .. } => rows * columns * repeat,
        LinearMap::Sparse(m) => m.nnz(),
        LinearMap::Convolution { geometry: g, .. } => {
            let taps: usize = g.kernel.iter().product();
            map.output_len() * taps * (g.input_channels / g.groups.max(1))
        }
        LinearMap::Gather { .. } => map.output_len(),
    }
}
