//! The step of Newton's method: the least point of the quadratic model over box and rows, by an active-set method.
//!
//! Model: gᵀd + ½dᵀHd over the free coordinates, y + d in the box and in the rows. From d = 0, sides and rows that a step
//! meets join the working set, those that a multiplier of the wrong sign pulls away from leave it (Nocedal and Wright,
//! *Numerical Optimization*, algorithm 16.3).

use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;

/// A coordinate or row this near to a side, relative to its size, may be held by it.
pub(super) const NEAR: f64 = 1e-7;

/// What is minimised: `hessian` is of the coordinates `free`, with what it takes to be definite.
pub(super) struct Model<'a> {
    pub domain: &'a Domain,
    pub y: &'a [f64],
    pub gradient: &'a [f64],
    pub free: &'a [usize],
    pub hessian: &'a DMatrix<f64>,
}

/// A step, and what holds it.
pub(super) struct Step {
    /// d, of the free coordinates.
    pub step: Vec<f64>,
    /// ν, one per row of the domain; of the sign that its side wants.
    pub rows: Vec<f64>,
    /// By how much f may rise on the way back to rows that y violates.
    pub rise: f64,
}

/// What holds while a step is taken.
struct Working {
    /// Of each free coordinate the side that it stands at: −1 or 1, 0 where it moves.
    sides: Vec<i8>,
    /// Rows, and the sides they stand at.
    rows: Vec<(usize, f64)>,
}

impl Model<'_> {
    /// The least point of the model, or a point below d = 0 where that takes too many steps; `None` where a system has no
    /// solution.
    pub fn least(&self) -> Option<Step> {
        let (n, rows) = (self.free.len(), self.domain.rows());
        let mut d = DVector::zeros(n);
        let mut working = Working { sides: vec![0; n], rows: self.holding() };
        let mut multipliers = vec![0.0; rows.len()];
        let most = if n <= 60 { 3 * (n + rows.len()) + 10 } else { 60 };
        for _ in 0..most {
            let slope = DVector::from_fn(n, |k, _| self.gradient[self.free[k]]) + self.hessian * &d;
            let (step, found) = self.toward(&working, &d, &slope)?;
            multipliers = found;
            let (length, met) = self.longest(&working, &d, &step);
            d += length * &step;
            match met {
                Some(Met::Side(k, side)) => {
                    working.sides[k] = side;
                    let j = self.free[k];
                    let at = if side < 0 { self.domain.lower()[j] } else { self.domain.upper()[j] };
                    d[k] = at - self.y[j];
                }
                Some(Met::Row(k, side)) => working.rows.push((k, side)),
                None => {
                    let slope = DVector::from_fn(n, |k, _| self.gradient[self.free[k]]) + self.hessian * &d;
                    if !self.release(&mut working, &slope, &multipliers) {
                        break;
                    }
                }
            }
        }
        for (k, row) in rows.iter().enumerate().filter(|(_, row)| row.lower < row.upper) {
            let side = if multipliers[k] > 0.0 { row.lower } else { row.upper };
            if multipliers[k] != 0.0 && !working.rows.contains(&(k, side)) {
                multipliers[k] = 0.0;
            }
        }
        let off = |(k, side): &(usize, f64)| (multipliers[*k] * (side - rows[*k].activity(self.y))).abs();
        let rise = 2.0 * working.rows.iter().map(off).sum::<f64>();
        Some(Step { step: d.iter().copied().collect(), rows: multipliers, rise })
    }

    /// Rows that hold as equations at y, with the side.
    fn holding(&self) -> Vec<(usize, f64)> {
        let rows = self.domain.rows().iter().enumerate();
        rows.filter_map(|(k, row)| {
            let (at, size) = (row.activity(self.y), row.lower.abs().min(row.upper.abs()).max(1.0));
            let near = |side: f64| side.is_finite() && (at - side).abs() <= NEAR * size;
            [row.lower, row.upper].into_iter().find(|side| near(*side)).map(|side| (k, side))
        })
        .collect()
    }

    /// [H, −Aᵀ; A, 0]·(e, ν) = (−slope, side − A·(y + d)) over what moves: the way to the least point, and ν.
    fn toward(&self, working: &Working, d: &DVector<f64>, slope: &DVector<f64>) -> Option<(DVector<f64>, Vec<f64>)> {
        let moving: Vec<usize> = (0..self.free.len()).filter(|k| working.sides[*k] == 0).collect();
        let mut place = vec![usize::MAX; self.y.len()];
        moving.iter().enumerate().for_each(|(i, k)| place[self.free[*k]] = i);
        let mut there = self.y.to_vec();
        self.free.iter().zip(d.iter()).for_each(|(j, d)| there[*j] += d);
        let (n, m) = (moving.len(), working.rows.len());
        let mut step = DVector::zeros(self.free.len());
        let mut multipliers = vec![0.0; self.domain.rows().len()];
        if n + m == 0 {
            return Some((step, multipliers));
        }
        let mut system = DMatrix::zeros(n + m, n + m);
        let mut right = DVector::zeros(n + m);
        for (a, k) in moving.iter().enumerate() {
            right[a] = -slope[*k];
            moving.iter().enumerate().for_each(|(b, l)| system[(a, b)] = self.hessian[(*k, *l)]);
        }
        for (k, (row, side)) in working.rows.iter().enumerate() {
            let row = &self.domain.rows()[*row];
            // A row without a coordinate that moves says nothing.
            if !row.coefficients.iter().any(|(j, c)| place[*j] != usize::MAX && *c != 0.0) {
                system[(n + k, n + k)] = 1.0;
                continue;
            }
            for (j, c) in row.coefficients.iter().filter(|(j, _)| place[*j] != usize::MAX) {
                system[(n + k, place[*j])] = *c;
                system[(place[*j], n + k)] = -c;
            }
            right[n + k] = side - row.activity(&there);
        }
        let factor = if m == 0 { system.clone().cholesky() } else { None };
        let solution = match factor {
            Some(factor) => factor.solve(&right),
            None => system.full_piv_lu().solve(&right)?,
        };
        if solution.iter().any(|v| !v.is_finite()) {
            return None;
        }
        moving.iter().enumerate().for_each(|(i, k)| step[*k] = solution[i]);
        working.rows.iter().enumerate().for_each(|(k, (row, _))| multipliers[*row] = solution[n + k]);
        Some((step, multipliers))
    }

    /// How far the step goes, at most 1, before it meets a side or a row that does not hold yet.
    fn longest(&self, working: &Working, d: &DVector<f64>, step: &DVector<f64>) -> (f64, Option<Met>) {
        let (mut length, mut met) = (1.0, None);
        for (k, j) in self.free.iter().enumerate().filter(|(k, _)| working.sides[*k] == 0 && step[*k] != 0.0) {
            let side = if step[k] < 0.0 { self.domain.lower()[*j] } else { self.domain.upper()[*j] };
            let reach = ((side - self.y[*j] - d[k]) / step[k]).max(0.0);
            if reach < length {
                (length, met) = (reach, Some(Met::Side(k, if step[k] < 0.0 { -1 } else { 1 })));
            }
        }
        if self.domain.rows().len() > working.rows.len() {
            let (mut there, mut along) = (self.y.to_vec(), vec![0.0; self.y.len()]);
            for (k, j) in self.free.iter().enumerate() {
                (there[*j], along[*j]) = (there[*j] + d[k], step[k]);
            }
            for (k, row) in self.domain.rows().iter().enumerate() {
                if working.rows.iter().any(|(other, _)| *other == k) {
                    continue;
                }
                let (at, rate) = (row.activity(&there), row.activity(&along));
                let side = if rate < 0.0 { row.lower } else { row.upper };
                let reach = if rate == 0.0 { f64::INFINITY } else { ((side - at) / rate).max(0.0) };
                if reach < length {
                    (length, met) = (reach, Some(Met::Row(k, side)));
                }
            }
        }
        (length, met)
    }

    /// Lets go of the side or row whose multiplier has the wrong sign by most; whether there was one.
    fn release(&self, working: &mut Working, slope: &DVector<f64>, multipliers: &[f64]) -> bool {
        let mut left: Vec<f64> = vec![0.0; self.y.len()];
        self.free.iter().zip(slope.iter()).for_each(|(j, s)| left[*j] = *s);
        for (k, row) in self.domain.rows().iter().enumerate().filter(|(k, _)| multipliers[*k] != 0.0) {
            row.coefficients.iter().for_each(|(j, c)| left[*j] -= multipliers[k] * c);
        }
        let steepest = self.free.iter().fold(0.0f64, |m, j| m.max(self.gradient[*j].abs()));
        let (mut most, mut found) = (1e-15 * steepest, None);
        for (k, side) in working.sides.iter().enumerate().filter(|(_, side)| **side != 0) {
            let wrong = f64::from(*side) * left[self.free[k]];
            if wrong > most {
                (most, found) = (wrong, Some(Met::Side(k, *side)));
            }
        }
        for (k, side) in &working.rows {
            let row = &self.domain.rows()[*k];
            let wrong = if *side == row.lower { -multipliers[*k] } else { multipliers[*k] };
            if row.lower < row.upper && wrong > most {
                (most, found) = (wrong, Some(Met::Row(*k, *side)));
            }
        }
        match found {
            Some(Met::Side(k, _)) => working.sides[k] = 0,
            Some(Met::Row(k, side)) => working.rows.retain(|row| *row != (k, side)),
            None => return false,
        }
        true
    }
}

/// What a step meets.
enum Met {
    Side(usize, i8),
    Row(usize, f64),
}
