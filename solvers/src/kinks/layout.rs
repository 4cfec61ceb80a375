//! [`Layout`]: a reduced program by blocks of units that do not depend on each other, and by columns as well as by rows, so that every pass is a
//! sum of long vectors.

use super::reduced::Reduced;
use super::room::Room;
use super::shares::Shares;
use crate::dense::{LANES, add_all_rows, add_nonzero_rows, add_rows_at, padded, product};

/// The passes that steps of the active-set method are made of. Vectors of p and of k entries have zeros behind them, up to whole vectors of the
/// processor: P and K entries.
#[derive(Debug)]
pub struct Layout<'a> {
    net: &'a Reduced,
    /// P and K.
    pub size: (usize, usize),
    /// Where the blocks end: the units of a block depend on those of earlier blocks alone.
    pub ends: Vec<usize>,
    /// For each unit the end of its block.
    pub block_ends: Vec<usize>,
    /// r, q and w (K, P and K)
    constants: Room,
    linear: Room,
    pub weights: Room,
    /// R by rows, P entries each, and by columns, K entries each.
    rows: Room,
    columns: Room,
    /// C by columns, of the units that others depend on, from unit `first` on: the whole vector in which the first block ends.
    above: Room,
    first: usize,
    scratch: Room,
    /// Units of a block that are held.
    held: Vec<usize>,
}

impl<'a> Layout<'a> {
    /// Of `net`, which has to be in order: each unit's reach ends at or before the unit.
    pub fn new(net: &'a Reduced) -> Layout<'a> {
        let (p, k) = (net.decisions, net.units);
        let size = (padded(p), padded(k));
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
        // Nothing above the units of the last block depends on them, and those of the first depend on none.
        let (first, last) = (ends[0] / LANES * LANES, if ends.len() > 1 { ends[ends.len() - 2] } else { 0 });
        let mut layout = Layout {
            net,
            size,
            ends,
            block_ends: after,
            constants: Room::filled(&net.constants, size.1),
            linear: Room::filled(&net.linear, size.0),
            weights: Room::filled(&net.weights, size.1),
            rows: Room::zeros(k * size.0),
            columns: Room::zeros(p * size.1),
            above: Room::zeros(last * (size.1 - first)),
            first,
            scratch: Room::zeros(size.1),
            held: vec![0; size.1],
        };
        for i in 0..k {
            layout.rows[i * size.0..i * size.0 + p].copy_from_slice(net.row(i));
            let columns = layout.columns.chunks_exact_mut(size.1).zip(net.row(i));
            columns.for_each(|(column, v)| column[i] = *v);
            if i >= first {
                let above = layout.above.chunks_exact_mut(size.1 - first).zip(net.inputs(i));
                above.for_each(|(column, v)| column[i - first] = *v);
            }
        }
        layout
    }

    /// C, column i, its entries from `begin` on, the end of unit i's block or later: with what weight the value of unit i enters those units.
    #[inline(always)]
    pub fn column(&self, i: usize, begin: usize) -> &[f64] {
        let stride = self.size.1 - self.first;
        &self.above[i * stride + begin - self.first..(i + 1) * stride]
    }

    /// `out` += Σ of the columns of C of the units `begin..end`, a block, with their `values`.
    pub fn raise(&self, begin: usize, end: usize, values: &[f64], out: &mut [f64]) {
        if end < self.net.units {
            let (first, stride, columns) = self.after(end);
            add_nonzero_rows(&values[begin..end], &columns[begin * stride..], stride, &mut out[first..]);
        }
    }

    /// Where a whole vector begins at or before `end`, the end of a block; how far columns of C are apart, and these from there on: in them units
    /// of the block itself have zeros.
    fn after(&self, end: usize) -> (usize, usize, &[f64]) {
        let first = end / LANES * LANES;
        (first, self.size.1 - self.first, &self.above[first - self.first..])
    }

    /// f(y), and the pre-activations there.
    pub fn forward(&mut self, y: &[f64], pre: &mut [f64]) -> f64 {
        let mut values = std::mem::take(&mut self.scratch);
        pre.copy_from_slice(&self.constants);
        add_all_rows(&y[..self.net.decisions], &self.columns, self.size.1, pre);
        let mut begin = 0;
        for end in self.ends.iter().copied() {
            let block = values[begin..end].iter_mut().zip(&pre[begin..end]);
            block.for_each(|(value, a)| *value = if *a > 0.0 { *a } else { 0.0 });
            self.raise(begin, end, &values, pre);
            begin = end;
        }
        let value = self.net.constant + product(&self.linear, y) + product(&self.weights, &values);
        self.scratch = values;
        value
    }

    /// The slope of f along `d`; `rates` becomes that of the pre-activations, which is 0 for units that are held.
    pub fn tangent(&mut self, shares: &Shares, d: &[f64], rates: &mut [f64]) -> f64 {
        let mut values = std::mem::take(&mut self.scratch);
        rates.fill(0.0);
        add_all_rows(&d[..self.net.decisions], &self.columns, self.size.1, rates);
        let mut begin = 0;
        for (b, end) in self.ends.iter().copied().enumerate() {
            let block = values[begin..end].iter_mut().zip(&mut rates[begin..end]);
            let known = shares.moves()[begin..end].iter().zip(&shares.all()[begin..end]);
            for ((value, rate), (moves, share)) in block.zip(known) {
                *rate *= moves;
                *value = *rate * share;
            }
            if end < self.net.units {
                let (first, stride, columns) = self.after(end);
                add_rows_at(shares.moving(b), &values, columns, stride, &mut rates[first..]);
            }
            begin = end;
        }
        let slope = product(&self.linear, d) + product(&self.weights, &values);
        self.scratch = values;
        slope
    }

    /// The slope (P) of the minorant that belongs to `shares`, and the `weights` (K) of the units.
    pub fn backward(&mut self, shares: &Shares, slope: &mut [f64], weights: &mut [f64]) {
        slope.copy_from_slice(&self.linear);
        weights.copy_from_slice(&self.weights);
        self.lower(self.net.units, shares, weights, slope);
    }

    /// Passes `weights` of the units before `top` down: those of lower units are completed, and `slope` += Σ weight·share·(row of R) over these units.
    fn lower(&mut self, top: usize, shares: &Shares, weights: &mut [f64], slope: &mut [f64]) {
        let (k, multipliers) = (self.net.units, &mut self.scratch);
        let blocks = self.ends.partition_point(|end| *end <= top);
        for b in (0..blocks).rev() {
            let (begin, end) = (if b == 0 { 0 } else { self.ends[b - 1] }, self.ends[b]);
            let block = multipliers[begin..end].iter_mut().zip(&weights[begin..end]);
            let block = block.zip(&shares.all()[begin..end]);
            block.for_each(|((multiplier, weight), share)| *multiplier = weight * share);
            let active = shares.active(b);
            add_rows_at(active, multipliers, &self.rows, self.size.0, slope);
            if begin > 0 {
                // Units of the block itself have zeros in these rows.
                let width = padded(begin).min(k);
                add_rows_at(active, multipliers, &self.net.below, k, &mut weights[..width]);
            }
        }
    }

    /// The weights of the units where the `shares` of those that are held are chosen when the weight is known: `choose(i, weight)`.
    pub fn weigh(
        &mut self,
        moves: &[f64],
        shares: &mut [f64],
        mut choose: impl FnMut(usize, f64) -> f64,
        weights: &mut [f64],
    ) {
        let (k, multipliers, held) = (self.net.units, &mut self.scratch, &mut self.held);
        weights.copy_from_slice(&self.weights);
        for b in (0..self.ends.len()).rev() {
            let (begin, end) = (if b == 0 { 0 } else { self.ends[b - 1] }, self.ends[b]);
            // Which units are held is unpredictable: they are listed without a branch.
            let mut count = 0;
            for (i, moves) in (begin..end).zip(&moves[begin..end]) {
                held[count] = i;
                count += usize::from(*moves == 0.0);
            }
            for i in &held[..count] {
                shares[*i] = choose(*i, weights[*i]);
            }
            if begin > 0 {
                let block = multipliers[begin..end].iter_mut().zip(&weights[begin..end]).zip(&shares[begin..end]);
                block.for_each(|((multiplier, weight), share)| *multiplier = weight * share);
                let width = padded(begin).min(k);
                add_nonzero_rows(&multipliers[begin..end], &self.net.below[begin * k..], k, &mut weights[..width]);
            }
        }
    }

    /// The minorant that belongs to `shares`, which [`weigh`](Self::weigh) left with these `weights`: its slope (P); the constant is returned.
    pub fn minorant(&mut self, shares: &[f64], weights: &[f64], slope: &mut [f64]) -> f64 {
        let multipliers = &mut self.scratch;
        slope.copy_from_slice(&self.linear);
        let all = multipliers.iter_mut().zip(weights).zip(shares);
        all.for_each(|((multiplier, weight), share)| *multiplier = weight * share);
        add_nonzero_rows(&multipliers[..self.net.units], &self.rows, self.size.0, slope);
        self.net.constant + product(multipliers, &self.constants)
    }

    /// The slope (P) of a unit's pre-activation where the units below it have `shares`, and the weights with which the values of
    /// those enter (K; 0 for all others).
    pub fn gradient(&mut self, i: usize, shares: &Shares, slope: &mut [f64], weights: &mut [f64]) {
        let reach = self.net.reach[i];
        slope.copy_from_slice(&self.rows[i * self.size.0..(i + 1) * self.size.0]);
        weights[reach..].fill(0.0);
        weights[..reach].copy_from_slice(self.net.inputs(i));
        if reach > 0 {
            // The blocks that reach into the unit's inputs.
            self.lower(self.block_ends[reach - 1], shares, weights, slope);
        }
    }
}
