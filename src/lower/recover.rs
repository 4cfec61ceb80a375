//! Reading an LP answer back: the decisions from the primal, one slope per unit from the duals, and a basis for another
//! context's program from this one's.

use std::collections::HashMap;

use icnn_solvers::{Basis, BasisStatus, LpOutcome};

use super::linear::Linear;
use crate::certificate::Multipliers;
use crate::ir::program::NodeId;

impl Linear {
    /// The decisions of a primal point, or of a ray (length p); `None` where the solver gave no point.
    pub fn decisions_of(&self, primal: &[f64]) -> Option<Vec<f64>> {
        let y = primal.get(..self.decisions)?;
        y.iter().all(|v| v.is_finite()).then(|| y.to_vec())
    }

    /// Replaces the slopes in `start` by those the LP duals choose: the mean of the pieces' slopes, weighted by the
    /// multipliers of their rows. Where all multipliers of a unit vanish, `start` stays.
    pub fn multipliers(
        &self,
        outcome: &LpOutcome,
        start: Multipliers,
        groups: &dyn Fn(NodeId, usize) -> Option<(usize, usize)>,
    ) -> Multipliers {
        let mut out = start;
        if outcome.row_dual.len() != self.lp.rows() || outcome.column_dual.len() != self.lp.columns() {
            return out;
        }
        out.rows.copy_from_slice(&outcome.row_dual[..self.domain_rows.len()]);
        for e in &self.epigraphs {
            let row_duals = outcome.row_dual[e.first_row..e.first_row + e.rows.len()].iter();
            let shares: Vec<(f64, f64)> = e
                .rows
                .iter()
                .zip(row_duals)
                .map(|(key, dual)| (*key, dual.abs()))
                .chain(e.bound.map(|key| (key, outcome.column_dual[e.column].abs())))
                .collect();
            let total: f64 = shares.iter().map(|s| s.1).sum();
            if !(total > 0.0 && total.is_finite()) {
                continue;
            }
            match groups(e.node, e.element) {
                None => {
                    let slope = shares.iter().map(|(slope, share)| slope * share).sum::<f64>() / total;
                    out.set_slope(e.node, e.element, slope);
                }
                Some((first, len)) => {
                    let mut weights = vec![0.0; len];
                    shares.iter().for_each(|(member, share)| weights[*member as usize] += share / total);
                    out.set_weights(e.node, first, &weights);
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
        if self.decisions != other.decisions || self.domain_rows.len() != other.domain_rows.len() {
            return None;
        }
        let mut columns = vec![BasisStatus::Basic; self.lp.columns()];
        let mut rows = vec![BasisStatus::Basic; self.lp.rows()];
        columns[..self.decisions].copy_from_slice(&basis.columns[..self.decisions]);
        rows[..self.domain_rows.len()].copy_from_slice(&basis.rows[..self.domain_rows.len()]);
        let old: HashMap<(NodeId, usize), usize> =
            other.epigraphs.iter().enumerate().map(|(k, e)| ((e.node, e.element), k)).collect();
        for e in &self.epigraphs {
            let same = old.get(&(e.node, e.element)).map(|k| &other.epigraphs[*k]);
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
