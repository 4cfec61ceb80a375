//! elu and celu: t for t ≥ 0, α(e^{kt} − 1) below, with k = 1 for elu and k = 1/α for celu.
//!
//! Where a may have either sign, the unit is the least r + α(w − 1) with w ≥ e^{ks}, r ≥ a − s, r ≥ 0, s ≤ 0: the argument is
//! split into its negative part s and its positive part r, and because the slope of α·e^{ks} is at most 1 on s ≤ 0, no other
//! split is cheaper. Where a ≤ 0, it is α(w − 1) with w ≥ e^{ka}; where a ≥ 0, it is a.

use icnn_solvers::Cone;

use super::{Cones, Expression, Formulation, Part};
use crate::ir::interval::Interval;
use crate::ir::lines::Line;

impl Cones<'_, '_> {
    pub(super) fn rectified(&mut self, alpha: f64, k: f64, on: Interval, a: &Expression) -> Formulation {
        if on.lower >= 0.0 {
            return Formulation::affine(a, 1.0, 0.0);
        }
        if alpha == 0.0 {
            let flat = Line { slope: 0.0, intercept: 0.0 };
            return self.above(&[flat, Line { slope: 1.0, intercept: 0.0 }], a, 1.0);
        }
        if on.upper <= 0.0 {
            let mut made = self.exp(k, on, a);
            made.value = made.value.times(alpha).plus(&Expression::number(-alpha));
            made.parts.iter_mut().for_each(|part| part.weight *= alpha);
            return made;
        }
        let (r, s, w) = (self.column('r'), self.column('s'), self.column('w'));
        self.push(Cone::Exponential, vec![s.times(k), Expression::number(1.0), w.clone()]);
        let split = r.plus(&s).plus(&a.times(-1.0));
        let first = self.push(Cone::Nonnegative(3), vec![split, r.clone(), s.times(-1.0)]);
        let height = vec![(first, 1.0), (first + 1, 1.0)];
        let part = Part { weight: 1.0, height, argument: vec![(first, -1.0)] };
        let value = r.plus(&w.times(alpha)).plus(&Expression::number(-alpha));
        Formulation { value, fixed: 0.0, parts: vec![part] }
    }
}
