//! z ≥ tᵀMt inside a unit or a constraint: with M + Mᵀ = 2BᵀB it is the second-order cone (z + 1, z − 1, 2Bt).

use icnn_solvers::Cone;
use nalgebra::{DMatrix, SymmetricEigen};
use sprs::CsMat;

use super::{Cones, Expression, Reading};
use crate::error::Error;
use crate::ir::program::NodeId;
use crate::lower::affine::AffineRows;
use crate::lower::builder::LpBuilder;

/// Forms of more entries than this are refused unless they are diagonal: their factorisation is dense.
const LARGEST: usize = 600;

/// Eigenvalues below this share of the largest one count as zero. The form gets smaller by that; its bound is computed
/// from the original.
const RANK: f64 = 1e-14;

impl LpBuilder<'_> {
    /// The form tᵀMt as a cone.
    pub(in crate::lower) fn form_in_cone(
        &mut self,
        id: NodeId,
        input: NodeId,
        matrix: &CsMat<f64>,
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        let proven = self.proof.of(id)[0];
        if !proven.is_convex() {
            return Err(self.refuse(id, format!("it is {proven}, so its epigraph would not be tight")));
        }
        let factor = factor(matrix).map_err(|reason| self.refuse(id, reason))?;
        self.define(input);
        let t = &self.expressions[input.index()];
        let first = self.cones.len();
        let mut image = vec![];
        for row in &factor {
            let mut sum = Expression::number(0.0);
            row.iter().for_each(|(i, b)| sum = sum.plus(&Expression::of(t, *i).times(2.0 * b)));
            image.push(sum);
        }
        let mut cones = Cones { build: self, columns: vec![] };
        let z = cones.column('z');
        let (up, down) = (z.plus(&Expression::number(1.0)), z.plus(&Expression::number(-1.0)));
        let rows: Vec<Expression> = [up, down].into_iter().chain(image).collect();
        let row = cones.push(Cone::SecondOrder(rows.len()), rows);
        let columns = cones.columns;
        let inverse = |row: &Vec<(usize, f64)>| {
            let square: f64 = row.iter().map(|(_, b)| b * b).sum();
            row.iter().map(|(i, b)| (*i, b / square)).collect()
        };
        let rows = (row + 2..row + 2 + factor.len()).collect();
        let reading = Reading::Point { height: [row, row + 1], rows, directions: factor.iter().map(inverse).collect() };
        out.push(z.terms.iter().copied(), 0.0);
        self.remember(id, 0, columns, first, reading);
        Ok(())
    }
}

/// Orthogonal rows of B with BᵀB the symmetric part of M.
fn factor(matrix: &CsMat<f64>) -> Result<Vec<Vec<(usize, f64)>>, String> {
    let n = matrix.rows();
    if matrix.iter().all(|(_, (i, j))| i == j) {
        let entries = matrix.iter().filter(|(v, _)| **v > 0.0);
        return Ok(entries.map(|(v, (i, _))| vec![(i, v.sqrt())]).collect());
    }
    if n > LARGEST {
        return Err(format!("a form of {n} entries is too large to be factored; {LARGEST} is the most"));
    }
    let mut dense: DMatrix<f64> = DMatrix::zeros(n, n);
    for (v, (i, j)) in matrix.iter() {
        dense[(i, j)] += 0.5 * v;
        dense[(j, i)] += 0.5 * v;
    }
    let eigen = SymmetricEigen::try_new(dense, f64::EPSILON, 10_000).ok_or("its eigenvalues were not found")?;
    let largest = eigen.eigenvalues.iter().fold(0.0f64, |m, v| m.max(*v));
    let kept = eigen.eigenvalues.iter().enumerate().filter(|(_, v)| **v > RANK * largest);
    let row = |(k, v): (usize, &f64)| {
        eigen.eigenvectors.column(k).iter().map(|e: &f64| e * v.sqrt()).enumerate().filter(|(_, e)| *e != 0.0).collect()
    };
    Ok(kept.map(row).collect())
}
