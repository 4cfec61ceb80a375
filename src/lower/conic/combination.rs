//! Sums of functions of one argument, and the piecewise-linear ones among them.

use icnn_solvers::Cone;

use super::{Cones, Expression, Formulation, Part};
use crate::ir::interval::Interval;
use crate::ir::lines::Line;
use crate::ir::scalar::Scalar;

impl Cones<'_, '_> {
    /// Σ cₖ·gₖ(sₖ·a): each term on its own, since each is convex (or each concave).
    pub(super) fn combination(
        &mut self,
        terms: &[(f64, f64, Scalar)],
        on: Interval,
        a: &Expression,
    ) -> Result<Formulation, String> {
        let mut sum = Formulation { value: Expression::number(0.0), fixed: 0.0, parts: vec![] };
        for (c, s, g) in terms.iter().filter(|(c, ..)| *c != 0.0) {
            let term = self.unit(g, on.scale(*s), &a.times(*s))?;
            sum.value = sum.value.plus(&term.value.times(*c));
            sum.fixed += c * s * term.fixed;
            // Rows hold s·a: their slopes are those along the inner argument.
            sum.parts.extend(term.parts.into_iter().map(|part| Part { weight: c * s * part.weight, ..part }));
        }
        Ok(sum)
    }

    /// A piecewise-linear function, convex or concave.
    pub(super) fn pieces(&mut self, pieces: &[Line], a: &Expression) -> Result<Formulation, String> {
        if let [only] = pieces {
            return Ok(Formulation::affine(a, only.slope, only.intercept));
        }
        if pieces.windows(2).all(|w| w[0].slope <= w[1].slope) {
            Ok(self.above(pieces, a, 1.0))
        } else if pieces.windows(2).all(|w| w[0].slope >= w[1].slope) {
            Ok(self.above(pieces, a, -1.0))
        } else {
            Err("its pieces are neither convex nor concave".into())
        }
    }

    /// A column above all pieces (`sign` 1), or below them (−1).
    pub(super) fn above(&mut self, pieces: &[Line], a: &Expression, sign: f64) -> Formulation {
        let z = self.column('z');
        let over = |p: &Line| {
            let piece = a.times(-p.slope).plus(&Expression::number(-p.intercept));
            z.plus(&piece).times(sign)
        };
        let rows: Vec<Expression> = pieces.iter().map(over).collect();
        let first = self.push(Cone::Nonnegative(rows.len()), rows);
        let height = (0..pieces.len()).map(|k| (first + k, sign)).collect();
        let argument = pieces.iter().enumerate().map(|(k, p)| (first + k, -sign * p.slope)).collect();
        Formulation { value: z, fixed: 0.0, parts: vec![Part { weight: 1.0, height, argument }] }
    }
}
