//! [`Face`]: the optimal multipliers of a program at an optimal point, described without listing them, and the exact
//! directional derivatives of the optimal value that they give.
//!
//! At an optimal x of min c₀ᵀx + ½xᵀQx over rows and bounds, the multipliers are those λ with Aᵀλ = g (g = c₀ + Qx) whose signs fit
//! the sides that x stands at: complementary slackness makes this set the same for every optimal x. Moving sides by d
//! changes the optimal value at the rate v′(d) = max dᵀλ over it. By duality that is a small linear program in a change Δ
//! of x: min gᵀΔ with aᵢᵀΔ ≥ dᵢ for sides that x stands at from above, ≤ dᵢ from below, nothing for the others.
//! If those sides are linearly independent, λ is unique and v′(d) = dᵀλ without a further program.

use icnn_solvers::highs::Highs;
use icnn_solvers::{Basis, BasisStatus, LinearProgram, LpOptions, Status};

use crate::error::Error;

/// A row or column within this share of the numbers it adds up counts as standing at its side.
const NEAR: f64 = 1e-7;

/// The same for quadratic programs, whose solver is less exact.
const NEAR_QUADRATIC: f64 = 1e-6;

/// Multipliers that leave more than this share of the costs unexplained do not belong to the point.
const UNEXPLAINED: f64 = 1e-6;

/// Which sides a row or column stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Neither,
    Lower,
    Upper,
    Both,
}

/// A row or a column of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Row(usize),
    Column(usize),
}

/// The rate at which the optimal value changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rate {
    Finite(f64),
    /// However small the change, no point is left.
    Empty,
    /// The solver gave no answer.
    Unknown,
}

/// The set of optimal multipliers.
pub(super) struct Face {
    highs: Highs,
    rows: Vec<Held>,
    columns: Vec<Held>,
    /// Multipliers of rows and of columns.
    multipliers: (Vec<f64>, Vec<f64>),
    basis: Option<Basis>,
    /// Whether they are the only ones.
    pub unique: bool,
    /// Largest share of a cost that the multipliers leave unexplained, absolute.
    pub residue: f64,
}

impl Face {
    /// The face of `lp` at its optimal point x (n). `None` if the solver's multipliers do not fit x.
    pub fn new(lp: &LinearProgram, x: &[f64]) -> Result<Option<Face>, Error> {
        let near = if lp.quadratic.is_some() { NEAR_QUADRATIC } else { NEAR };
        let options = LpOptions { primal_tolerance: 1e-9, dual_tolerance: 1e-9, ..LpOptions::default() };
        let outcome = Highs::new(lp)?.solve(&options, None)?;
        let fits = outcome.row_dual.len() == lp.rows() && x.len() == lp.columns();
        if outcome.status != Status::Optimal || !fits {
            return Ok(None);
        }
        let mut rows = vec![Held::Neither; lp.rows()];
        for (i, row) in lp.matrix.outer_iterator().enumerate() {
            let (sum, size) = row.iter().fold((0.0, 1.0f64), |(s, m), (j, a)| (s + a * x[j], m.max((a * x[j]).abs())));
            rows[i] = held(sum, lp.row_lower[i], lp.row_upper[i], near * size);
        }
        let columns: Vec<Held> = (0..x.len())
            .map(|j| held(x[j], lp.column_lower[j], lp.column_upper[j], near * x[j].abs().max(1.0)))
            .collect();

        // g, then what the multipliers of fitting sign explain of it.
        let mut costs = lp.objective.clone();
        lp.quadratic.iter().flat_map(|q| q.iter()).for_each(|(q, (i, j))| costs[i] += q * x[j]);
        let scale = costs.iter().fold(1.0f64, |m, c| m.max(c.abs()));
        let row_dual: Vec<f64> = rows.iter().zip(&outcome.row_dual).map(|(h, y)| h.fitting(*y)).collect();
        let mut rest = costs.clone();
        for (row, y) in lp.matrix.outer_iterator().zip(&row_dual).filter(|(_, y)| **y != 0.0) {
            row.iter().for_each(|(j, a)| rest[j] -= y * a);
        }
        let column_dual: Vec<f64> = columns.iter().zip(&rest).map(|(h, r)| h.fitting(*r)).collect();
        let mut residue = 0.0f64;
        for (j, (r, d)) in rest.iter().zip(&column_dual).enumerate() {
            // With the residue taken out, these multipliers are exactly optimal for the program in Δ.
            costs[j] -= r - d;
            residue = residue.max((r - d).abs());
        }
        if residue.is_nan() || residue > UNEXPLAINED * scale {
            return Ok(None);
        }
        let cone = LinearProgram {
            objective: costs,
            quadratic: None,
            offset: 0.0,
            column_lower: columns.iter().map(|h| h.sides(0.0).0).collect(),
            column_upper: columns.iter().map(|h| h.sides(0.0).1).collect(),
            row_lower: rows.iter().map(|h| h.sides(0.0).0).collect(),
            row_upper: rows.iter().map(|h| h.sides(0.0).1).collect(),
            matrix: lp.matrix.clone(),
            column_names: vec![],
            row_names: vec![],
        };
        let mut highs = Highs::new(&cone)?;
        let outcome = highs.solve(&Face::options(), None)?;
        let basis = outcome.basis.filter(|_| outcome.status == Status::Optimal);
        let independent = |basis: &Basis| {
            let free = |(h, s): (&Held, &BasisStatus)| *h == Held::Neither || *s != BasisStatus::Basic;
            rows.iter().zip(&basis.rows).all(free) && columns.iter().zip(&basis.columns).all(free)
        };
        let unique = basis.as_ref().is_some_and(independent);
        let multipliers = if unique { (outcome.row_dual, outcome.column_dual) } else { (row_dual, column_dual) };
        Ok(Some(Face { highs, rows, columns, multipliers, basis, unique, residue }))
    }

    fn options() -> LpOptions {
        LpOptions { primal_tolerance: 1e-9, dual_tolerance: 1e-9, presolve: false, ..LpOptions::default() }
    }

    fn held(&self, place: Place) -> Held {
        match place {
            Place::Row(i) => self.rows[i],
            Place::Column(j) => self.columns[j],
        }
    }

    /// Whether the optimal point stands at the lower (`lower`) or upper side there.
    pub fn stands(&self, place: Place, lower: bool) -> bool {
        match self.held(place) {
            Held::Neither => false,
            Held::Lower => lower,
            Held::Upper => !lower,
            Held::Both => true,
        }
    }

    /// One optimal multiplier: the only one, if they are unique.
    pub fn multiplier(&self, place: Place) -> f64 {
        match place {
            Place::Row(i) => self.multipliers.0[i],
            Place::Column(j) => self.multipliers.1[j],
        }
    }

    /// v′ when the sides of `place` that the optimal point stands at move at speed `speed`.
    pub fn rate(&mut self, place: Place, speed: f64) -> Result<Rate, Error> {
        let sides = |all: &[Held], moved: Option<usize>| -> (Vec<f64>, Vec<f64>) {
            all.iter().enumerate().map(|(k, h)| h.sides(if Some(k) == moved { speed } else { 0.0 })).unzip()
        };
        let (row, column) = match place {
            Place::Row(i) => (Some(i), None),
            Place::Column(j) => (None, Some(j)),
        };
        let (lower, upper) = sides(&self.rows, row);
        self.highs.set_row_bounds(&lower, &upper)?;
        let (lower, upper) = sides(&self.columns, column);
        self.highs.set_column_bounds(&lower, &upper)?;
        let outcome = self.highs.solve(&Face::options(), self.basis.as_ref())?;
        Ok(match outcome.status {
            Status::Optimal => Rate::Finite(outcome.objective),
            Status::Infeasible => Rate::Empty,
            _ => Rate::Unknown,
        })
    }
}

fn held(value: f64, lower: f64, upper: f64, near: f64) -> Held {
    let at = |side: f64| side.is_finite() && (value - side).abs() <= near.max(NEAR * side.abs());
    match (at(lower), at(upper)) {
        (false, false) => Held::Neither,
        (true, false) => Held::Lower,
        (false, true) => Held::Upper,
        (true, true) => Held::Both,
    }
}

impl Held {
    /// The part of a multiplier that has the sign of the side.
    fn fitting(self, multiplier: f64) -> f64 {
        match self {
            Held::Neither => 0.0,
            Held::Lower => multiplier.max(0.0),
            Held::Upper => multiplier.min(0.0),
            Held::Both => multiplier,
        }
    }

    /// What a change may be when the side moves at speed `d`.
    fn sides(self, d: f64) -> (f64, f64) {
        match self {
            Held::Neither => (f64::NEG_INFINITY, f64::INFINITY),
            Held::Lower => (d, f64::INFINITY),
            Held::Upper => (f64::NEG_INFINITY, d),
            Held::Both => (d, d),
        }
    }
}
