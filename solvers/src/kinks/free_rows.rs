//! [`FreeRows`]: f and the pre-activations of the units that are left free as affine functions, kept from round to round, and the program
//! that they make.

use super::program::Rows;
use super::reduced::Reduced;
use super::room::Room;
use crate::dense::{add, dot, vectorised};

/// f and the free units' pre-activations as functions of y and of the values of these units; the others have their shares.
#[derive(Debug, Default)]
pub(super) struct FreeRows {
    /// Of f: its slope (p), the weights of all units (m), and its value at y = 0 and z = 0.
    slope: Room,
    weights: Room,
    constant: f64,
    /// Of the units, in the order in which they came.
    pub rows: Rows,
    /// Where the weights of each row begin, and where they end.
    starts: Vec<usize>,
    /// The units, increasing, and the places of their rows.
    places: Vec<(usize, usize)>,
    scratch: Vec<(usize, f64)>,
}

impl FreeRows {
    /// Where no unit is free: f is its minorant.
    pub fn begin(&mut self, slope: &[f64], weights: &[f64], constant: f64) {
        self.slope = Room::filled(slope, slope.len());
        self.weights = Room::filled(weights, weights.len());
        self.constant = constant;
        self.clear();
    }

    /// Leaves no unit free any more.
    pub fn clear(&mut self) {
        let Rows { slopes, weights, constants, levels } = &mut self.rows;
        slopes.clear();
        weights.clear();
        constants.clear();
        levels.clear();
        self.starts.clear();
        self.places.clear();
    }

    /// Room for so many rows, where there are none yet.
    pub fn reserve(&mut self, count: usize) {
        let (p, m) = (self.slope.len(), self.weights.len());
        let Rows { slopes, weights, constants, .. } = &mut self.rows;
        for (numbers, each) in [(slopes, p), (weights, m), (constants, 1)] {
            if numbers.capacity() == 0 {
                *numbers = Room::for_numbers(count * each);
            }
        }
    }

    /// Of `free` (increasing) the units that have no row yet.
    pub fn missing(&self, free: &[usize]) -> Vec<usize> {
        let mut known = self.places.iter().map(|(i, _)| *i).peekable();
        let is_new = |i: &usize| {
            while known.next_if(|k| k < i).is_some() {}
            known.peek() != Some(i)
        };
        free.iter().copied().filter(is_new).collect()
    }

    /// The units and the slopes of their rows.
    pub fn slopes(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let p = self.slope.len();
        self.places.iter().map(move |(i, place)| (*i, &self.rows.slopes[place * p..(place + 1) * p]))
    }

    /// Takes out of f and of the rows that were there what the `new` units, whose rows have been appended, added through their `shares` (m).
    /// Every path down to y or to a unit that stays is taken out once: at the last new unit on it, with that unit's weight as it was.
    pub fn admit(&mut self, new: &[usize], shares: &[f64]) {
        let (p, old) = (self.slope.len(), self.places.len());
        let mut begin = self.starts.last().copied().unwrap_or(0);
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        for level in &self.rows.levels[old..] {
            begin += level;
            self.starts.push(begin);
        }
        let active: Vec<(usize, f64)> =
            new.iter().map(|i| shares[*i]).enumerate().filter(|(_, share)| *share != 0.0).collect();
        let Rows { slopes, weights, constants, levels } = &mut self.rows;
        let (slopes, new_slopes) = slopes.split_at_mut(old * p);
        let (weights, new_weights) = weights.split_at_mut(self.starts[old]);
        let (constants, new_constants) = constants.split_at_mut(old);
        let (levels, new_levels) = levels.split_at(old);
        let new_starts = &self.starts[old..];
        let factors = &mut self.scratch;
        let mut without = |slope: &mut [f64], weights: &mut [f64], constant: &mut f64, level: usize| {
            let below = active.iter().take_while(|(n, _)| new[*n] < level);
            factors.clear();
            factors
                .extend(below.map(|(n, share)| (*n, -share * weights[new[*n]])).filter(|(_, factor)| *factor != 0.0));
            if factors.is_empty() {
                return;
            }
            vectorised(
                #[inline(always)]
                || {
                    for (n, factor) in factors.iter() {
                        let begin = new_starts[*n] - new_starts[0];
                        let level = new_levels[*n];
                        *constant += factor * new_constants[*n];
                        add(*factor, &new_slopes[n * p..(n + 1) * p], slope);
                        add(*factor, &new_weights[begin..begin + level], &mut weights[..level]);
                    }
                },
            );
        };
        without(&mut self.slope, &mut self.weights, &mut self.constant, usize::MAX);
        for (place, level) in levels.iter().enumerate() {
            let range = self.starts[place]..self.starts[place + 1];
            without(&mut slopes[place * p..(place + 1) * p], &mut weights[range], &mut constants[place], *level);
        }
        self.places.extend(new.iter().copied().zip(old..));
        if old > 0 {
            self.places.sort_unstable();
        }
    }

    /// The program of the units, as a function of the coordinates `moving`, the others staying where they are in `y` (p).
    pub fn reduced(&self, moving: &[usize], y: &[f64]) -> Reduced {
        let (k, p) = (self.places.len(), moving.len());
        let all = p == y.len();
        let mut fixed = y.to_vec();
        moving.iter().for_each(|j| fixed[*j] = 0.0);
        let rest = |slope: &[f64], constant: f64| constant + if all { 0.0 } else { dot(slope, &fixed) };
        let mut reduced = Reduced {
            decisions: p,
            units: k,
            rows: Vec::with_capacity(k * p),
            below: vec![0.0; k * k],
            reach: Vec::with_capacity(k),
            constants: Vec::with_capacity(k),
            linear: moving.iter().map(|j| self.slope[*j]).collect(),
            weights: self.places.iter().map(|(i, _)| self.weights[*i]).collect(),
            constant: rest(&self.slope, self.constant),
        };
        let mut reach = 0;
        for (row, (unit, place)) in self.places.iter().enumerate() {
            let slope = &self.rows.slopes[place * y.len()..(place + 1) * y.len()];
            match all {
                true => reduced.rows.extend_from_slice(slope),
                false => reduced.rows.extend(moving.iter().map(|j| slope[*j])),
            }
            reduced.constants.push(rest(slope, self.rows.constants[*place]));
            // Levels are increasing as units are.
            let level = self.rows.levels[*place].min(*unit);
            while reach < row && self.places[reach].0 < level {
                reach += 1;
            }
            reduced.reach.push(reach);
            let weights = &self.rows.weights[self.starts[*place]..];
            let entries = reduced.below[row * k..row * k + reach].iter_mut().zip(&self.places);
            entries.for_each(|(c, (unit, _))| *c = weights[*unit]);
        }
        reduced
    }
}
