//! Powers. z ≥ a² is the second-order cone (z + 1, z − 1, 2a); other exponents need the power cone
//! {(a, b, c): a^α·b^{1−α} ≥ |c|, a, b ≥ 0}.
//!
//! | unit                         | cone                        |
//! |------------------------------|-----------------------------|
//! | z ≥ \|a\|^p, p > 1           | (z, 1, a), α = 1/p          |
//! | z ≤ a^p, 0 < p < 1, a ≥ 0    | (a, 1, z), α = p            |
//! | z ≥ a^{−q}, q > 0, a > 0     | (z, a, 1), α = 1/(1 + q)    |

use icnn_solvers::Cone;

use super::{Cones, Expression, Formulation, Part};
use crate::ir::interval::Interval;

impl Cones<'_, '_> {
    pub(super) fn power(&mut self, p: f64, on: Interval, a: &Expression) -> Result<Formulation, String> {
        if p == 0.0 {
            return Ok(Formulation::affine(a, 0.0, 1.0));
        }
        if p == 1.0 {
            return Ok(Formulation::affine(a, 1.0, 0.0));
        }
        let even = p % 2.0 == 0.0;
        let one = Expression::number(1.0);
        let part = |height: Vec<(usize, f64)>, row: usize, coefficient: f64| Part {
            weight: 1.0,
            height,
            argument: vec![(row, coefficient)],
        };
        if p == 2.0 {
            let z = self.column('z');
            let (up, down) = (z.plus(&one), z.plus(&one.times(-1.0)));
            let first = self.push(Cone::SecondOrder(3), vec![up, down, a.times(2.0)]);
            let part = part(vec![(first, 1.0), (first + 1, 1.0)], first + 2, 2.0);
            return Ok(Formulation { value: z, fixed: 0.0, parts: vec![part] });
        }
        let z = self.column('z');
        let made = if p > 1.0 && (even || on.lower >= 0.0) {
            let first = self.push(Cone::Power(1.0 / p), vec![z.clone(), one, a.clone()]);
            part(vec![(first, 1.0)], first + 2, 1.0)
        } else if p > 0.0 && p < 1.0 && on.lower >= 0.0 {
            let first = self.push(Cone::Power(p), vec![a.clone(), one, z.clone()]);
            part(vec![(first + 2, 1.0)], first, 1.0)
        } else if p < 0.0 && (on.lower > 0.0 || even && on.upper < 0.0) {
            let sign = if on.lower > 0.0 { 1.0 } else { -1.0 };
            let first = self.push(Cone::Power(1.0 / (1.0 - p)), vec![z.clone(), a.times(sign), one]);
            part(vec![(first, 1.0)], first + 1, sign)
        } else {
            return Err(format!("the power {p} has no cone here on [{}, {}]", on.lower, on.upper));
        };
        Ok(Formulation { value: z, fixed: 0.0, parts: vec![made] })
    }
}
