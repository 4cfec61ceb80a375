//! Functions of groups: z ≥ log Σ e^{aₖ} becomes (aₖ − z, 1, vₖ) in the exponential cone and Σ vₖ ≤ 1; z ≥ ‖a‖ is the
//! second-order cone (z, a).

use icnn_solvers::Cone;

use super::{Cones, Expression, Reading};
use crate::error::Error;
use crate::ir::program::{GroupKind, NodeId};
use crate::lower::affine::AffineRows;
use crate::lower::builder::LpBuilder;

impl LpBuilder<'_> {
    /// Group `g` of a node, with these members, as cones.
    pub(in crate::lower) fn smooth_group(
        &mut self,
        id: NodeId,
        g: usize,
        input: NodeId,
        kind: GroupKind,
        group: &[usize],
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        let proven = self.proof.of(id)[g];
        if !proven.is_convex() {
            return Err(self.refuse(id, format!("entry {g} is {proven}, so its epigraph would not be tight")));
        }
        let members: Vec<Expression> =
            group.iter().map(|i| Expression::of(&self.expressions[input.index()], *i)).collect();
        let first = self.cones.len();
        let mut cones = Cones { build: self, columns: vec![] };
        let z = cones.column('z');
        let reading = match kind {
            GroupKind::LogSumExp => cones.log_sum_exp(&z, &members),
            _ => {
                let rows = std::iter::once(z.clone()).chain(members).collect::<Vec<_>>();
                let row = cones.push(Cone::SecondOrder(rows.len()), rows);
                Reading::Weights { height: vec![(row, 1.0)], members: (row + 1..row + 1 + group.len()).collect() }
            }
        };
        let columns = cones.columns;
        out.push(z.terms.iter().copied(), 0.0);
        self.remember(id, g, columns, first, reading);
        Ok(())
    }
}

impl Cones<'_, '_> {
    fn log_sum_exp(&mut self, z: &Expression, members: &[Expression]) -> Reading {
        let mut rest = Expression::number(1.0);
        let mut rows = vec![];
        for a in members {
            let v = self.column('v');
            rest = rest.plus(&v.times(-1.0));
            let exponent = a.plus(&z.times(-1.0));
            rows.push(self.push(Cone::Exponential, vec![exponent, Expression::number(1.0), v]));
        }
        self.push(Cone::Nonnegative(1), vec![rest]);
        Reading::Weights { height: rows.iter().map(|r| (*r, -1.0)).collect(), members: rows }
    }
}
