//! Reading an LP answer back: the decisions from the primal, one slope per unit from the duals, and a basis for another
//! context's program from this one's.

use std::collections::HashMap;

use icnn_solvers::{Basis, BasisStatus};

use super::linear::{Epigraph, Linear};
use crate::certificate::Multipliers;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};

impl Linear {
    /// The decisions of a primal point, or of a ray (length p); `None` where the solver gave no point.
    pub fn decisions_of(&self, primal: &[f64]) -> Option<Vec<f64>> {
        let y = primal.get(..self.decisions)?;
        y.iter().all(|v| v.is_finite()).then(|| y.to_vec())
    }

    /// Replaces the slopes in `start` by those that row multipliers and reduced costs of the program choose: the mean of the
    /// pieces' slopes, weighted by the multipliers of their rows. Where all multipliers of a unit vanish, `start` stays.
    /// `function` is 0 for f, k + 1 for the domain's learned constraint k, and `instance` that function.
    pub fn slopes(
        &self,
        function: usize,
        instance: &Instance,
        row_dual: &[f64],
        column_dual: &[f64],
        start: Multipliers,
    ) -> Multipliers {
        let mut out = start;
        if row_dual.len() != self.lp.rows() || column_dual.len() != self.lp.columns() {
            return out;
        }
        for e in self.epigraphs.iter().filter(|e| e.function == function) {
            let row_duals = row_dual[e.first_row..e.first_row + e.rows.len()].iter();
            let shares: Vec<(f64, f64)> = e
                .rows
                .iter()
                .zip(row_duals)
                .map(|(key, dual)| (*key, dual.abs()))
                .chain(e.bound.map(|key| (key, column_dual[e.column].abs())))
                .collect();
            let total: f64 = shares.iter().map(|s| s.1).sum();
            if !(total > 0.0 && total.is_finite()) {
                continue;
            }
            match &instance.program().node(e.node).op {
                Op::Group { groups, .. } => {
                    let members = groups.range(e.element);
                    let mut weights = vec![0.0; members.len()];
                    shares.iter().for_each(|(member, share)| weights[*member as usize] += share / total);
                    out.set_weights(e.node, members.start, &weights);
                }
                _ => {
                    let slope = shares.iter().map(|(slope, share)| slope * share).sum::<f64>() / total;
                    out.set_slope(e.node, e.element, slope);
                }
            }
        }
        out
    }

    /// A starting basis for this program from the basis of `other`, the same network at another context: units that both
    /// have keep their status, new ones start inactive.
    pub fn transfer_basis(&self, other: &Linear, basis: &Basis) -> Option<Basis> {
        if basis.columns.len() != other.lp.columns() || basis.rows.len() != other.lp.rows() {
            return None;
        }
        let levels = self.level_rows.len();
        if self.decisions != other.decisions
            || self.domain_rows.len() != other.domain_rows.len()
            || levels != other.level_rows.len()
        {
            return None;
        }
        let mut columns = vec![BasisStatus::Basic; self.lp.columns()];
        let mut rows = vec![BasisStatus::Basic; self.lp.rows()];
        columns[..self.decisions].copy_from_slice(&basis.columns[..self.decisions]);
        rows[..self.domain_rows.len()].copy_from_slice(&basis.rows[..self.domain_rows.len()]);
        for ((_, row), (_, old)) in self.level_rows.iter().zip(&other.level_rows) {
            rows[*row] = basis.rows[*old];
        }
        let key = |e: &Epigraph| (e.function, e.node, e.element);
        let old: HashMap<(usize, NodeId, usize), usize> =
            other.epigraphs.iter().enumerate().map(|(k, e)| (key(e), k)).collect();
        for e in &self.epigraphs {
            let same = old.get(&key(e)).map(|k| &other.epigraphs[*k]);
            match same.filter(|o| o.rows == e.rows && o.bound == e.bound) {
                Some(o) => {
                    columns[e.column] = basis.columns[o.column];
                    for k in 0..e.rows.len() {
                        rows[e.first_row + k] = basis.rows[o.first_row + k];
                    }
                }
                None if e.bound.is_some() => columns[e.column] = BasisStatus::Lower,
                None => rows[e.first_row] = BasisStatus::Lower,
            }
        }
        for d in &self.definitions {
            rows[d.row] = BasisStatus::Lower;
        }
        // With fewer rows than columns that were basic there is nothing to start from.
        balance(&mut rows, &columns).then_some(Basis { columns, rows })
    }
}

/// A basis has as many basic members as there are rows; slacks make up the difference. Whether they can.
fn balance(rows: &mut [BasisStatus], columns: &[BasisStatus]) -> bool {
    let basic = |s: &&BasisStatus| **s == BasisStatus::Basic;
    let count = rows.iter().filter(basic).count() + columns.iter().filter(basic).count();
    let (mut missing, mut spare) = (rows.len().saturating_sub(count), count.saturating_sub(rows.len()));
    for row in rows.iter_mut() {
        if missing > 0 && *row != BasisStatus::Basic {
            *row = BasisStatus::Basic;
            missing -= 1;
        } else if spare > 0 && *row == BasisStatus::Basic {
            *row = BasisStatus::Lower;
            spare -= 1;
        }
    }
    spare == 0
}
