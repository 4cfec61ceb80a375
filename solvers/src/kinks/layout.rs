//! [`Layout`]: a reduced program by blocks of units that do not depend on each other, and by columns as well as by rows, so that every pass is a
//! sum of long vectors.

use super::reduced::Reduced;
use crate::dense::{add_rows, dot, vectorised};

/// The passes that steps of the active-set method are made of.
#[derive(Debug)]
pub struct Layout<'a> {
    net: &'a Reduced,
    /// Where the blocks end: the units of a block depend on those of earlier blocks alone.
    pub ends: Vec<usize>,
    /// For each unit the end of its block.
    pub after: Vec<usize>,
    /// R by columns, k entries each.
    columns: Vec<f64>,
    /// C by columns, k entries each.
    above: Vec<f64>,
    scratch: Vec<f64>,
}

impl<'a> Layout<'a> {
    /// Of `net`, which has to be in order: each unit's reach ends at or before the unit.
    pub fn new(net: &'a Reduced) -> Layout<'a> {
        let (p, k) = (net.decisions, net.units);
        let (mut ends, mut begin) = (vec![], 0);
        for i in 0..k {
            if net.reach[i] > begin {
                ends.push(i);
                begin = i;
            }
        }
        ends.push(k);
        let mut after = vec![0; k];
        let mut begin = 0;
        for end in &ends {
            after[begin..*end].fill(*end);
            begin = *end;
        }
        let mut layout =
            Layout { net, ends, after, columns: vec![0.0; p * k], above: vec![0.0; k * k], scratch: vec![0.0; k] };
        for i in 0..k {
            let columns = layout.columns.chunks_exact_mut(k).zip(net.row(i));
            columns.for_each(|(column, v)| column[i] = *v);
            let above = layout.above.chunks_exact_mut(k).zip(net.inputs(i));
            above.for_each(|(column, v)| column[i] = *v);
        }
        layout
    }

    /// C, column i: with what weight the value of unit i enters every unit.
    #[inline(always)]
    pub fn column(&self, i: usize) -> &[f64] {
        &self.above[i * self.net.units..(i + 1) * self.net.units]
    }

    /// `out[end..]` += Σ of the columns of C of the units `begin..end`, with their `values`.
    #[inline(always)]
    pub fn raise(&self, begin: usize, end: usize, values: &[f64], out: &mut [f64]) {
        let k = self.net.units;
        if end < k {
            add_rows(&values[begin..end], &self.above[begin * k + end..], k, &mut out[end..]);
        }
    }

    /// The pre-activations at y.
    pub fn forward(&mut self, y: &[f64], pre: &mut [f64]) {
        let mut values = std::mem::take(&mut self.scratch);
        pre.copy_from_slice(&self.net.constants);
        vectorised(
            #[inline(always)]
            || {
                add_rows(y, &self.columns, self.net.units, pre);
                let mut begin = 0;
                for end in self.ends.iter().copied() {
                    for i in begin..end {
                        values[i] = if pre[i] > 0.0 { pre[i] } else { 0.0 };
                    }
                    self.raise(begin, end, &values, pre);
                    begin = end;
                }
            },
        );
        self.scratch = values;
    }

    /// The slope of f along `d`; `rates` becomes that of the pre-activations. `moves` is 0 for units that stay at their kink and
    /// 1 for others.
    pub fn tangent(&mut self, shares: &[f64], moves: &[f64], d: &[f64], rates: &mut [f64]) -> f64 {
        let mut values = std::mem::take(&mut self.scratch);
        let slope = vectorised(
            #[inline(always)]
            || {
                rates.fill(0.0);
                add_rows(d, &self.columns, self.net.units, rates);
                let mut begin = 0;
                for end in self.ends.iter().copied() {
                    for i in begin..end {
                        rates[i] *= moves[i];
                        values[i] = rates[i] * shares[i];
                    }
                    self.raise(begin, end, &values, rates);
                    begin = end;
                }
                dot(&self.net.linear, d) + dot(&self.net.weights, &values)
            },
        );
        self.scratch = values;
        slope
    }

    /// The slope (p) of the minorant that belongs to `shares`, and the `weights` (k) of the units.
    pub fn backward(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        let mut multipliers = std::mem::take(&mut self.scratch);
        slope.copy_from_slice(&self.net.linear);
        weights.copy_from_slice(&self.net.weights);
        vectorised(
            #[inline(always)]
            || {
                self.lower(self.net.units, shares, weights, &mut multipliers);
                add_rows(&multipliers, &self.net.rows, self.net.decisions, slope);
            },
        );
        self.scratch = multipliers;
    }

    /// Passes `weights` of the units before `top` down: those of lower units are completed, `multipliers` (of the units before `top`)
    /// become weight·share.
    #[inline(always)]
    fn lower(&self, top: usize, shares: &[f64], weights: &mut [f64], multipliers: &mut [f64]) {
        let k = self.net.units;
        let blocks = self.ends.partition_point(|end| *end <= top);
        for b in (0..blocks).rev() {
            let (begin, end) = (if b == 0 { 0 } else { self.ends[b - 1] }, self.ends[b]);
            for i in begin..end {
                multipliers[i] = weights[i] * shares[i];
            }
            if begin > 0 {
                add_rows(&multipliers[begin..end], &self.net.below[begin * k..], k, &mut weights[..begin]);
            }
        }
    }

    /// The weights of the units where shares are chosen when the weight is known: `share(i, weight)`.
    pub fn weigh(&mut self, mut share: impl FnMut(usize, f64) -> f64, weights: &mut [f64]) {
        let k = self.net.units;
        let mut multipliers = std::mem::take(&mut self.scratch);
        weights.copy_from_slice(&self.net.weights);
        for b in (0..self.ends.len()).rev() {
            let (begin, end) = (if b == 0 { 0 } else { self.ends[b - 1] }, self.ends[b]);
            for i in begin..end {
                multipliers[i] = weights[i] * share(i, weights[i]);
            }
            if begin > 0 {
                vectorised(
                    #[inline(always)]
                    || {
                        add_rows(&multipliers[begin..end], &self.net.below[begin * k..], k, &mut weights[..begin]);
                    },
                );
            }
        }
        self.scratch = multipliers;
    }

    /// The slope (p) of a unit's pre-activation where the units below it have `shares`, and the weights with which the values of
    /// those enter (k; 0 for all others).
    pub fn gradient(&mut self, i: usize, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        let reach = self.net.reach[i];
        slope.copy_from_slice(self.net.row(i));
        weights.fill(0.0);
        weights[..reach].copy_from_slice(self.net.inputs(i));
        if reach == 0 {
            return;
        }
        let mut multipliers = std::mem::take(&mut self.scratch);
        // The blocks that reach into the unit's inputs.
        let top = self.after[reach - 1];
        vectorised(
            #[inline(always)]
            || {
                self.lower(top, shares, weights, &mut multipliers);
                add_rows(&multipliers[..top], &self.net.rows, self.net.decisions, slope);
            },
        );
        self.scratch = multipliers;
    }
}
