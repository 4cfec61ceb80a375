//! What both problems share: choose the kinks that are near, solve the program in which only they are left, certify the answer with the
//! whole network, and add the kinks at which the two differ.

use super::program::Row;
use super::reduced::Reduced;
use crate::SolverError;
use crate::dense::add;
use crate::run::{End, Run};

/// Random directions by which the distance of a kink is estimated.
const DIRECTIONS: usize = 4;

/// Most numbers that the rows of free units may take.
const ROOM: usize = 1 << 25;

/// State of the rounds.
pub(super) struct Rounds<'r, 'a> {
    pub run: &'r mut Run<'a>,
    /// Multiplications of one forward and one backward pass.
    pass: f64,
    /// Pre-activations at the last point that was looked at (m).
    pub pre: Vec<f64>,
    /// The state of each unit: its share while it is frozen.
    pub shares: Vec<f64>,
    /// Whether it is left free.
    is_free: Vec<bool>,
    /// The free units, increasing.
    pub free: Vec<usize>,
    /// The slope of the last minorant (p).
    pub slope: Vec<f64>,
    weights: Vec<f64>,
    /// f and the pre-activations of the units that were free in the last round, these left out.
    output: Row,
    rows: Vec<(usize, Row)>,
}

impl<'r, 'a> Rounds<'r, 'a> {
    /// All units frozen where they are at `y`: one forward and one backward pass.
    ///
    /// Errors: [`SolverError::Refused`] where the function shows no kinks; those of the oracle.
    pub fn new(run: &'r mut Run<'a>, y: &[f64]) -> Result<Self, SolverError> {
        let kinks = run.kinks()?;
        let (m, before) = (kinks.units(), kinks.multiplications());
        let mut rounds = Rounds {
            run,
            pass: 1.0,
            pre: vec![0.0; m],
            shares: vec![0.0; m],
            is_free: vec![false; m],
            free: vec![],
            slope: vec![0.0; y.len()],
            weights: vec![0.0; m],
            output: Row::default(),
            rows: vec![],
        };
        rounds.look(y)?;
        for (share, a) in rounds.shares.iter_mut().zip(&rounds.pre) {
            *share = if *a > 0.0 { 1.0 } else { 0.0 };
        }
        let shares = rounds.shares.clone();
        let constant = rounds.certify(y, &shares)?;
        rounds.output =
            Row { slope: rounds.slope.clone(), weights: rounds.weights.clone(), constant, level: rounds.units() };
        rounds.pass = ((rounds.run.kinks()?.multiplications() - before) as f64).max(1.0);
        Ok(rounds)
    }

    /// m
    pub fn units(&self) -> usize {
        self.pre.len()
    }

    /// f(y) and all pre-activations.
    pub fn look(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        let value = self.run.kinks()?.forward(y, &mut self.pre)?;
        self.run.count(1, 0);
        self.run.consider(y, value);
        Ok(value)
    }

    /// Offers the minorant that belongs to `shares` (m). Returns its constant.
    pub fn certify(&mut self, y: &[f64], shares: &[f64]) -> Result<f64, SolverError> {
        let constant = self.run.kinks()?.backward(shares, &mut self.slope, &mut self.weights);
        self.run.count(0, 1);
        self.run.offer_minorant(constant, &self.slope, y, shares);
        Ok(constant)
    }

    /// Counts the multiplications that `work` makes as a part of a pass.
    fn counted<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, SolverError>) -> Result<T, SolverError> {
        let before = self.run.kinks()?.multiplications();
        let done = work(self)?;
        let parts = (self.run.kinks()?.multiplications() - before) as f64 / self.pass;
        self.run.count_part(parts);
        Ok(done)
    }

    /// Leaves free the `count` units whose kinks are nearest to the last point, in steps along which coordinates move by `scale` (p).
    pub fn free_nearest(&mut self, count: usize, scale: &[f64]) -> Result<(), SolverError> {
        let m = self.units();
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        let mut normal = || {
            // A sum of four uniform numbers is normal enough.
            let mut sum = 0.0;
            for _ in 0..4 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                sum += (random >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            }
            sum
        };
        let directions: Vec<f64> =
            (0..DIRECTIONS).flat_map(|_| scale.iter().map(|s| s * normal()).collect::<Vec<_>>()).collect();
        let mut rates = vec![0.0; DIRECTIONS * m];
        let shares = self.shares.clone();
        self.counted(|rounds| {
            rounds.run.kinks()?.tangents(&shares, &directions, &mut rates);
            Ok(())
        })?;
        let mut distances: Vec<(f64, usize)> = (0..m)
            .map(|i| {
                let rate = (0..DIRECTIONS).map(|k| rates[k * m + i].powi(2)).sum::<f64>().sqrt();
                (self.pre[i].abs() / rate.max(f64::MIN_POSITIVE), i)
            })
            .collect();
        let count = count.min(m);
        if count < m {
            distances.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0));
        }
        distances[..count].iter().for_each(|(_, i)| self.is_free[*i] = true);
        self.list_free();
        Ok(())
    }

    /// Leaves all units free; false if that is no news, or too much.
    pub fn free_all(&mut self) -> bool {
        let news = self.free.len() < self.units();
        self.is_free.fill(true);
        self.list_free();
        news && self.fits()
    }

    /// Whether the program of the free units fits into the memory that it may take.
    pub fn fits(&self) -> bool {
        let row = self.units().saturating_add(self.slope.len());
        self.free.len().saturating_mul(row) <= ROOM
    }

    /// Frees the units whose state at the last point is not the one they are frozen in. Returns how many.
    pub fn expand(&mut self) -> usize {
        let before = self.free.len();
        for i in 0..self.units() {
            if !self.is_free[i] && (self.pre[i] > 0.0) != (self.shares[i] > 0.5) && self.pre[i] != 0.0 {
                self.is_free[i] = true;
            }
        }
        self.list_free();
        self.free.len() - before
    }

    /// How many frozen units are in another state at the last point.
    pub fn wrong(&self) -> usize {
        (0..self.units()).filter(|i| !self.is_free[*i] && (self.pre[*i] > 0.0) != (self.shares[*i] > 0.5)).count()
    }

    /// Frees the units whose state is another at the last point, or would be if pre-activations, which were `before` (m), changed once more by
    /// `ahead` times as much. Returns how many.
    pub fn expand_ahead(&mut self, before: &[f64], ahead: f64) -> usize {
        let free = self.free.len();
        for (i, (a, b)) in self.pre.iter().zip(before).enumerate() {
            let active = self.shares[i] > 0.5;
            self.is_free[i] |= (*a > 0.0) != active || (a + ahead * (a - b) > 0.0) != active;
        }
        self.list_free();
        self.free.len() - free
    }

    fn list_free(&mut self) {
        self.free.clear();
        self.free.extend((0..self.is_free.len()).filter(|i| self.is_free[*i]));
    }

    /// The program in which only the free units are left. Rows are kept from round to round; new units are taken out of them.
    pub fn reduce(&mut self) -> Result<Reduced, SolverError> {
        let known: Vec<usize> = self.rows.iter().map(|(i, _)| *i).collect();
        let new: Vec<usize> = self.free.iter().copied().filter(|i| known.binary_search(i).is_err()).collect();
        self.counted(|rounds| {
            let rows = rounds.run.kinks()?.rows(&rounds.shares, &known, &new);
            rounds.rows.extend(new.iter().copied().zip(rows));
            rounds.rows.sort_by_key(|(i, _)| *i);
            Ok(())
        })?;
        // From above: a unit's own row does not know yet that those below it are free.
        for unit in new.iter().rev().filter(|i| self.shares[**i] != 0.0) {
            let at = self.rows.partition_point(|(i, _)| i < unit);
            let (below, above) = self.rows.split_at_mut(at + 1);
            for (_, row) in above {
                without(row, *unit, self.shares[*unit], &below[at].1);
            }
            without(&mut self.output, *unit, self.shares[*unit], &below[at].1);
        }
        let k = self.free.len();
        let mut reduced = Reduced {
            decisions: self.slope.len(),
            units: k,
            below: vec![0.0; k * k],
            linear: self.output.slope.clone(),
            weights: self.free.iter().map(|i| self.output.weights[*i]).collect(),
            constant: self.output.constant,
            ..Reduced::default()
        };
        for (i, (_, row)) in self.rows.iter().enumerate() {
            let reach = self.free.partition_point(|unit| *unit < row.level);
            reduced.rows.extend(&row.slope);
            reduced.constants.push(row.constant);
            reduced.reach.push(reach);
            let entries = reduced.below[i * k..i * k + reach].iter_mut().zip(&self.free);
            entries.for_each(|(c, unit)| *c = row.weights[*unit]);
        }
        Ok(reduced)
    }

    /// What the answer of a round is worth: `y` and the shares of the free units, by one forward and one backward pass.
    pub fn judge(&mut self, y: &[f64], found: &[f64]) -> Result<Option<End>, SolverError> {
        self.look(y)?;
        let mut shares = self.shares.clone();
        self.free.iter().zip(found).for_each(|(i, share)| shares[*i] = *share);
        self.certify(y, &shares)?;
        Ok(self.run.stop())
    }
}

/// Takes what `unit` added through its share out of a row.
fn without(row: &mut Row, unit: usize, share: f64, of: &Row) {
    let factor = -share * row.weights[unit];
    if factor != 0.0 {
        row.constant += factor * of.constant;
        add(factor, &of.slope, &mut row.slope);
        add(factor, &of.weights[..of.level], &mut row.weights[..of.level]);
    }
}

/// Kinks that are left free at first, of `units`, in dimension p.
pub(super) fn nearest(p: usize, units: usize) -> usize {
    (if p <= 24 {
        (4 * p).max(24)
    } else if p <= 200 {
        2 * p
    } else {
        3 * p / 10
    })
    .min(units)
}
