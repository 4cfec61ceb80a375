//! A [`LinearProgram`] as a [`ConicProgram`], and the multipliers of the one from those of the other.
//!
//! A row or column whose bounds are equal becomes one equation (s = 0); any other becomes one inequality (s ≥ 0) for each
//! side that it has: a·x + s = upper, −a·x + s = −lower. The multiplier z of a side is −z in the signs of
//! [`LpOutcome`](crate::LpOutcome) for an equation or an upper side, and z for a lower one.

use sprs::CsMat;

use crate::{Cone, ConicProgram, LinearProgram};

/// A row or a column.
#[derive(Debug, Clone, Copy)]
enum Part {
    Row(usize),
    Column(usize),
}

/// One line of A x + s = b: `sign`·(activity of the part) + s = `sign`·`bound`.
#[derive(Debug, Clone, Copy)]
struct Side {
    part: Part,
    sign: f64,
    bound: f64,
}

/// What the lines of the conic program stand for: equations first, then inequalities.
#[derive(Debug, Clone)]
pub struct Sides {
    sides: Vec<Side>,
    rows: usize,
    columns: usize,
}

/// The program with one line for each side of its rows and columns.
pub fn conic(lp: &LinearProgram) -> (ConicProgram, Sides) {
    let rows = lp.row_lower.iter().zip(&lp.row_upper).enumerate().map(|(i, bounds)| (Part::Row(i), bounds));
    let columns = lp.column_lower.iter().zip(&lp.column_upper).enumerate().map(|(j, bounds)| (Part::Column(j), bounds));
    let (mut sides, mut inequalities) = (vec![], vec![]);
    for (part, (&lower, &upper)) in rows.chain(columns) {
        if lower == upper {
            sides.push(Side { part, sign: 1.0, bound: upper });
            continue;
        }
        for (sign, bound) in [(1.0, upper), (-1.0, lower)] {
            if bound.is_finite() {
                inequalities.push(Side { part, sign, bound });
            }
        }
    }
    let all = [Cone::Zero(sides.len()), Cone::Nonnegative(inequalities.len())];
    sides.append(&mut inequalities);
    let (mut starts, mut indices, mut values) = (vec![0], vec![], vec![]);
    for side in &sides {
        match side.part {
            Part::Row(i) => {
                for (j, a) in lp.matrix.outer_view(i).iter().flat_map(|row| row.iter()) {
                    indices.push(j);
                    values.push(side.sign * a);
                }
            }
            Part::Column(j) => {
                indices.push(j);
                values.push(side.sign);
            }
        }
        starts.push(indices.len());
    }
    let matrix = CsMat::new((sides.len(), lp.columns()), starts, indices, values);
    let program = ConicProgram {
        quadratic: lp.quadratic.clone(),
        objective: lp.objective.clone(),
        offset: lp.offset,
        matrix,
        rhs: sides.iter().map(|side| side.sign * side.bound).collect(),
        cones: all.into_iter().filter(|cone| cone.dimension() > 0).collect(),
        column_names: lp.column_names.clone(),
        cone_names: vec![],
    };
    (program, Sides { sides, rows: lp.rows(), columns: lp.columns() })
}

impl Sides {
    /// Number of lines.
    pub fn len(&self) -> usize {
        self.sides.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sides.is_empty()
    }

    /// The multipliers of rows and of columns, in the signs of [`LpOutcome`](crate::LpOutcome), from those of the first
    /// lines.
    pub fn multipliers(&self, z: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut rows, mut columns) = (vec![0.0; self.rows], vec![0.0; self.columns]);
        for (side, z) in self.sides.iter().zip(z) {
            match side.part {
                Part::Row(i) => rows[i] -= side.sign * z,
                Part::Column(j) => columns[j] -= side.sign * z,
            }
        }
        (rows, columns)
    }
}
