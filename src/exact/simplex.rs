//! The simplex method without rounding, for small programs that no tolerance gets right: coefficients of 1e-16 next to 1 are
//! dropped by a solver in f64, and still decide where the minimum is.
//!
//! A dense tableau writes the basic variables as combinations of the others. Bounds are repaired first, then the objective falls;
//! both choose by the smallest index (Bland), so that neither cycles. It starts at a basis that is nearly right.

use dashu_int::IBig;
use dashu_ratio::RBig;
use icnn_solvers::{Basis, BasisStatus};

use super::Failure;

/// Most entries of a tableau.
pub const LARGEST: usize = 20_000;

/// Most pivots.
const MOST_PIVOTS: usize = 2000;

/// Lower and upper bound, `None` where there is none.
pub type Interval = (Option<RBig>, Option<RBig>);

/// min objective·x, with x and rows·x in their intervals.
#[derive(Debug, Default)]
pub struct Program {
    /// Of each column.
    pub columns: Vec<Interval>,
    /// (column, coefficient) and the interval of each row.
    pub rows: Vec<(Vec<(usize, RBig)>, Interval)>,
    /// (column, coefficient); of a column that is named twice they add up.
    pub objective: Vec<(usize, RBig)>,
}

/// An optimal basis with the values of the columns. `hint`: where to start; any statuses will do.
pub fn solve(program: &Program, hint: &Basis, stopped: &dyn Fn() -> bool) -> Result<(Basis, Vec<RBig>), Failure> {
    let (n, m) = (program.columns.len(), program.rows.len());
    if n.saturating_mul(m + 1) > LARGEST {
        return Err(Failure::Form(format!("a tableau of {m} rows and {n} columns is too large")));
    }
    let mut tableau = Tableau::new(program);
    tableau.enter(hint, stopped)?;
    for _ in 0..MOST_PIVOTS {
        if stopped() {
            return Err(Failure::Stopped);
        }
        if tableau.repair()? || tableau.improve()? {
            continue;
        }
        return Ok((tableau.basis(n), tableau.values[..n].to_vec()));
    }
    Err(Failure::Form(format!("{MOST_PIVOTS} pivots did not end")))
}

fn positive(v: &RBig) -> bool {
    *v.numerator() > IBig::ZERO
}

/// basic = rows · others. Columns are variables 0..n, rows the variables after them; the last row is the objective.
struct Tableau {
    basic: Vec<usize>,
    others: Vec<usize>,
    rows: Vec<Vec<RBig>>,
    values: Vec<RBig>,
    bounds: Vec<Interval>,
}

impl Tableau {
    /// With all rows basic.
    fn new(program: &Program) -> Tableau {
        let (n, m) = (program.columns.len(), program.rows.len());
        let dense = |entries: &[(usize, RBig)]| {
            let mut row = vec![RBig::ZERO; n];
            entries.iter().for_each(|(j, v)| row[*j] += v);
            row
        };
        let objective = std::iter::once(dense(&program.objective));
        Tableau {
            basic: (n..n + m).collect(),
            others: (0..n).collect(),
            rows: program.rows.iter().map(|(entries, _)| dense(entries)).chain(objective).collect(),
            values: vec![RBig::ZERO; n + m],
            bounds: program.columns.iter().chain(program.rows.iter().map(|(_, side)| side)).cloned().collect(),
        }
    }

    /// Takes over a basis, as far as its columns are independent, and puts the other variables on their sides.
    fn enter(&mut self, hint: &Basis, stopped: &dyn Fn() -> bool) -> Result<(), Failure> {
        let n = self.others.len();
        let status = |v: usize| if v < n { hint.columns.get(v) } else { hint.rows.get(v - n) };
        let wanted = |v: usize| status(v) == Some(&BasisStatus::Basic);
        for column in (0..n).filter(|j| wanted(*j)) {
            if stopped() {
                return Err(Failure::Stopped);
            }
            let Some(place) = self.others.iter().position(|v| *v == column) else { continue };
            let leaves = |i: &usize| !wanted(self.basic[*i]) && !self.rows[*i][place].is_zero();
            if let Some(row) = (0..self.basic.len()).find(leaves) {
                self.pivot(row, place);
            }
        }
        for v in &self.others {
            self.values[*v] = match &self.bounds[*v] {
                (_, Some(upper)) if status(*v) == Some(&BasisStatus::Upper) => upper.clone(),
                (Some(side), _) | (None, Some(side)) => side.clone(),
                (None, None) => RBig::ZERO,
            };
        }
        self.evaluate();
        Ok(())
    }

    /// Makes the variable at `place` of the others basic instead of the one of `row`.
    fn pivot(&mut self, row: usize, place: usize) {
        let mut own = std::mem::take(&mut self.rows[row]);
        let pivot = std::mem::replace(&mut own[place], RBig::from(-1));
        own.iter_mut().filter(|v| !v.is_zero()).for_each(|v| *v = -&*v / &pivot);
        for (_, other) in self.rows.iter_mut().enumerate().filter(|(i, _)| *i != row) {
            let factor = std::mem::replace(&mut other[place], RBig::ZERO);
            if !factor.is_zero() {
                for (to, from) in other.iter_mut().zip(&own).filter(|(_, from)| !from.is_zero()) {
                    *to += from * &factor;
                }
            }
        }
        self.rows[row] = own;
        std::mem::swap(&mut self.basic[row], &mut self.others[place]);
    }

    /// The values of the basic variables.
    fn evaluate(&mut self) {
        for (row, basic) in self.rows.iter().zip(&self.basic) {
            let mut sum = RBig::ZERO;
            for (a, v) in row.iter().zip(&self.others).filter(|(a, _)| !a.is_zero()) {
                sum += a * &self.values[*v];
            }
            self.values[*basic] = sum;
        }
    }

    fn can_rise(&self, v: usize) -> bool {
        self.bounds[v].1.as_ref().is_none_or(|upper| self.values[v] < *upper)
    }

    fn can_fall(&self, v: usize) -> bool {
        self.bounds[v].0.as_ref().is_none_or(|lower| self.values[v] > *lower)
    }

    /// One step towards the bounds; `false` if all hold.
    fn repair(&mut self) -> Result<bool, Failure> {
        let outside = |v: usize| -> Option<(bool, &RBig)> {
            match &self.bounds[v] {
                (Some(lower), _) if self.values[v] < *lower => Some((true, lower)),
                (_, Some(upper)) if self.values[v] > *upper => Some((false, upper)),
                _ => None,
            }
        };
        let worst = (0..self.basic.len()).filter(|i| outside(self.basic[*i]).is_some()).min_by_key(|i| self.basic[*i]);
        let Some(row) = worst else { return Ok(false) };
        let leaving = self.basic[row];
        let Some((below, side)) = outside(leaving) else { return Ok(false) };
        let side = side.clone();
        let helps = |place: &usize| {
            let (a, v) = (&self.rows[row][*place], self.others[*place]);
            !a.is_zero() && if positive(a) == below { self.can_rise(v) } else { self.can_fall(v) }
        };
        let place = (0..self.others.len()).filter(helps).min_by_key(|place| self.others[*place]);
        let Some(place) = place else {
            // What the others allow at most is not enough: these multiples of rows contradict the sides.
            let n = self.others.len();
            let mut multipliers = vec![RBig::ZERO; self.values.len() - n];
            let own = std::iter::once((leaving, RBig::from(-1)));
            for (v, a) in own.chain(self.others.iter().copied().zip(self.rows[row].iter().cloned())) {
                if v >= n {
                    multipliers[v - n] = if below { -a } else { a };
                }
            }
            return Err(Failure::Contradicted(multipliers));
        };
        self.pivot(row, place);
        self.values[leaving] = side;
        self.evaluate();
        Ok(true)
    }

    /// One step down; `false` at the minimum.
    fn improve(&mut self) -> Result<bool, Failure> {
        let slopes = &self.rows[self.basic.len()];
        let helps = |place: &usize| {
            let (d, v) = (&slopes[*place], self.others[*place]);
            !d.is_zero() && if positive(d) { self.can_fall(v) } else { self.can_rise(v) }
        };
        let Some(place) = (0..self.others.len()).filter(helps).min_by_key(|place| self.others[*place]) else {
            return Ok(false);
        };
        let (entering, rises) = (self.others[place], !positive(&slopes[place]));
        // (how far, variable, its row and the side it stops at)
        let mut first: Option<(RBig, usize, Option<usize>, RBig)> = None;
        let mut meets = |v: usize, row: Option<usize>, rate: RBig| {
            let side = if positive(&rate) { &self.bounds[v].1 } else { &self.bounds[v].0 };
            let Some(side) = side else { return };
            let far = (side - &self.values[v]) / rate;
            if first.as_ref().is_none_or(|(least, w, ..)| far < *least || (far == *least && v < *w)) {
                first = Some((far, v, row, side.clone()));
            }
        };
        let signed = |v: RBig| if rises { v } else { -v };
        meets(entering, None, signed(RBig::ONE));
        for (i, v) in self.basic.iter().enumerate().filter(|(i, _)| !self.rows[*i][place].is_zero()) {
            meets(*v, Some(i), signed(self.rows[i][place].clone()));
        }
        let (_, stops, row, side) = first.ok_or(Failure::Pattern)?;
        if let Some(row) = row {
            self.pivot(row, place);
        }
        self.values[stops] = side;
        self.evaluate();
        Ok(true)
    }

    fn basis(&self, n: usize) -> Basis {
        let mut all = vec![BasisStatus::Basic; self.values.len()];
        for v in &self.others {
            let on = |side: &Option<RBig>| side.as_ref() == Some(&self.values[*v]);
            all[*v] = match &self.bounds[*v] {
                (lower, _) if on(lower) => BasisStatus::Lower,
                (_, upper) if on(upper) => BasisStatus::Upper,
                _ => BasisStatus::Zero,
            };
        }
        let rows = all.split_off(n);
        Basis { columns: all, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(v: i64) -> RBig {
        RBig::from(v)
    }

    /// Coefficients that f64 solvers drop, from every starting basis of columns.
    #[test]
    fn tiny_coefficients_decide() {
        let tiny = RBig::try_from(2f64.powi(-60)).unwrap();
        // min −x − y, tiny·x + y ≤ 1, 0 ≤ x ≤ 2^61, 0 ≤ y: at x = 2^60, y = 0 and up to there all the same; beyond it nothing.
        let program = Program {
            columns: vec![(Some(whole(0)), Some(whole(1 << 61))), (Some(whole(0)), None)],
            rows: vec![(vec![(0, tiny), (1, whole(1))], (None, Some(whole(1))))],
            objective: vec![(0, whole(-1)), (1, whole(-1))],
        };
        let any = [BasisStatus::Basic, BasisStatus::Lower, BasisStatus::Upper];
        for x in any {
            for y in any {
                let hint = Basis { columns: vec![x, y], rows: vec![BasisStatus::Basic] };
                let (basis, values) = solve(&program, &hint, &|| false).unwrap();
                assert_eq!(values, [whole(1 << 60), whole(0)]);
                assert_eq!(basis.basic(), 1);
                assert_eq!(basis.columns[0], BasisStatus::Basic);
            }
        }
    }

    #[test]
    fn no_point_and_no_minimum() {
        let hint = Basis { columns: vec![BasisStatus::Lower], rows: vec![BasisStatus::Basic] };
        let mut program = Program {
            columns: vec![(Some(whole(0)), None)],
            rows: vec![(vec![(0, whole(1))], (None, Some(whole(-1))))],
            objective: vec![(0, whole(-1))],
        };
        assert_eq!(solve(&program, &hint, &|| false), Err(Failure::Contradicted(vec![whole(-1)])));
        program.rows[0].1 = (Some(whole(-1)), None);
        assert_eq!(solve(&program, &hint, &|| false), Err(Failure::Pattern));
        assert_eq!(solve(&program, &hint, &|| true), Err(Failure::Stopped));
    }
}
