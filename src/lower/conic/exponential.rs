//! Units of the exponential cone {(a, b, c): b·e^{a/b} ≤ c}: softplus, exp, log, entropy.
//!
//! | unit              | cones                                                                    |
//! |-------------------|--------------------------------------------------------------------------|
//! | z ≥ softplus_β(a) | (β(a − z), 1, v), (−βz, 1, w), v + w ≤ 1                                  |
//! | z ≥ e^{ka}        | (ka − m, 1, w), z = e^m·w, with m the end of a's interval nearest to 0    |
//! | z ≤ log a         | (z, 1, a)                                                                |
//! | z ≥ a log a       | (−z, a, 1)                                                               |

use icnn_solvers::Cone;

use super::{Cones, Expression, Formulation, Part};
use crate::ir::interval::Interval;

/// Largest |m|: e^m stays far from the ends of f64.
const LARGEST_SHIFT: f64 = 300.0;

impl Cones<'_, '_> {
    pub(super) fn softplus(&mut self, beta: f64, a: &Expression) -> Formulation {
        let (z, v, w) = (self.column('z'), self.column('v'), self.column('w'));
        let one = Expression::number(1.0);
        let above = a.plus(&z.times(-1.0)).times(beta);
        let first = self.push(Cone::Exponential, vec![above, one.clone(), v.clone()]);
        let second = self.push(Cone::Exponential, vec![z.times(-beta), one.clone(), w.clone()]);
        self.push(Cone::Nonnegative(1), vec![one.plus(&v.times(-1.0)).plus(&w.times(-1.0))]);
        let height = vec![(first, -beta), (second, -beta)];
        let part = Part { weight: 1.0, height, argument: vec![(first, beta)] };
        Formulation { value: z, fixed: 0.0, parts: vec![part] }
    }

    /// e^{ka}
    pub(super) fn exp(&mut self, k: f64, on: Interval, a: &Expression) -> Formulation {
        let nearest = 0.0f64.max(on.lower).min(on.upper);
        let shift = (k * nearest).clamp(-LARGEST_SHIFT, LARGEST_SHIFT);
        let w = self.column('w');
        let exponent = a.times(k).plus(&Expression::number(-shift));
        let first = self.push(Cone::Exponential, vec![exponent, Expression::number(1.0), w.clone()]);
        let part = Part { weight: shift.exp(), height: vec![(first + 2, 1.0)], argument: vec![(first, k)] };
        Formulation { value: w.times(shift.exp()), fixed: 0.0, parts: vec![part] }
    }

    pub(super) fn log(&mut self, a: &Expression) -> Formulation {
        let z = self.column('z');
        let first = self.push(Cone::Exponential, vec![z.clone(), Expression::number(1.0), a.clone()]);
        let part = Part { weight: 1.0, height: vec![(first, 1.0)], argument: vec![(first + 2, 1.0)] };
        Formulation { value: z, fixed: 0.0, parts: vec![part] }
    }

    pub(super) fn entropy(&mut self, a: &Expression) -> Formulation {
        let z = self.column('z');
        let first = self.push(Cone::Exponential, vec![z.times(-1.0), a.clone(), Expression::number(1.0)]);
        let part = Part { weight: 1.0, height: vec![(first, -1.0)], argument: vec![(first + 1, 1.0)] };
        Formulation { value: z, fixed: 0.0, parts: vec![part] }
    }
}
