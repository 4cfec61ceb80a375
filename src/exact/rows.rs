//! What a local program consists of: its columns, and its coefficients in f64 and without rounding.

use dashu_ratio::RBig;
use icnn_solvers::LinearProgram;
use sprs::CsMat;

use super::dyadic::Dyadic;
use super::planes::{Digits, Planes, Sum};
use super::reduce::{Reduced, Tie};
use crate::ir::program::NodeId;

/// (column, coefficient)
pub type Entries<T> = Vec<(usize, T)>;

/// An open unit: a column.
pub struct Column {
    pub function: usize,
    pub node: NodeId,
    pub element: usize,
    /// Its value at the point, any number near it.
    pub value: f64,
    /// Its unit of measure.
    pub exponent: i32,
    /// Its rows in the program: (row, piece or member).
    pub rows: Vec<(usize, u32)>,
}

/// A side, where there is one.
pub fn whole(v: f64) -> Option<RBig> {
    v.is_finite().then(|| Dyadic::of(v).rational())
}

/// The coefficients of a row of `of` times `factor`: of coordinates, then of open units.
pub fn exact_entries(
    of: &Reduced,
    function: usize,
    row: usize,
    columns: &[Column],
    p: usize,
    factor: &RBig,
) -> Entries<RBig> {
    let entry = |from: &Planes, at: usize| {
        let v = Dyadic { n: from.entry(row, at, from.exponent()), e: from.exponent() };
        v.rational() * factor
    };
    let first = columns.iter().position(|c| c.function == function).unwrap_or(0);
    let weights = of.weights.iter().flat_map(|(_, elements, w)| (0..elements.len()).map(move |at| (w, at)));
    let of_units = weights.enumerate().map(|(c, (from, at))| (p + first + c, entry(from, at)));
    let all = (0..p).map(|j| (j, entry(&of.gradient, j))).chain(of_units);
    all.filter(|(_, v)| !v.is_zero()).collect()
}

/// The rows of a function at a point, with the columns at their values.
pub fn at(of: &Reduced, y: &[f64], columns: &[Column], function: usize) -> Option<Planes> {
    let rows = of.gradient.rows;
    let mut sum = Sum::new(rows, 1);
    sum.add_column(0, &of.constant, 0, &Digits::of(1.0));
    let all: Vec<usize> = (0..y.len()).collect();
    sum.add_product(rows, &of.gradient, &all, &Planes::of(y.len(), 1, |i, _| y[i])?, 0);
    let mut values = columns.iter().filter(|c| c.function == function).map(|c| c.value);
    for (_, elements, weights) in &of.weights {
        for at in 0..elements.len() {
            sum.add_column(0, weights, at, &Digits::of(values.next()?));
        }
    }
    sum.finish()
}

/// The nearest f64 of v·2^exponent, as far as it has one.
pub fn scaled(v: &Dyadic, exponent: i32) -> f64 {
    let v = v.shortened();
    let size = dashu_int::ops::BitTest::bit_len(&v.n) as i64;
    let cut = (size - 64).max(0);
    let top = (&v.n >> cut as usize).to_f64().value();
    let exponent = (v.e + cut + i64::from(exponent)).clamp(-2000, 2000) as i32;
    // In two steps, so that a power beyond the range of f64 does not swallow the number.
    top * f64::from(exponent / 2).exp2() * f64::from(exponent - exponent / 2).exp2()
}

/// A local program in f64.
#[derive(Default)]
pub struct Rows {
    /// Bounds of each column.
    pub columns: Vec<(f64, f64)>,
    /// Coefficients, by column, and sides.
    pub rows: Vec<(Entries<f64>, f64, f64)>,
}

impl Rows {
    /// The unit of measure of each column: the size of its pre-activation's slopes, so that coefficients are near 1.
    pub fn measure(&mut self, reduced: &[Reduced], columns: &mut [Column]) {
        for column in columns {
            let of = &reduced[column.function];
            let tied = |t: &&Tie| t.node == column.node && t.element == column.element;
            let row = 1 + of.ties.iter().position(|t| tied(&t)).unwrap_or(0);
            let largest = (0..of.gradient.columns).fold(0.0f64, |m, j| m.max(of.gradient.approximate(row, j).abs()));
            column.exponent = if largest > 0.0 && largest.is_finite() { largest.log2().ceil() as i32 } else { 0 };
        }
    }

    /// The coefficients of a row: of displacements, then of open units.
    pub fn entries(&self, of: &Reduced, function: usize, row: usize, columns: &[Column], p: usize) -> Entries<f64> {
        let mut entries: Entries<f64> = (0..p).map(|j| (j, of.gradient.approximate(row, j))).collect();
        let first = columns.iter().position(|c| c.function == function).unwrap_or(0);
        let weights = of.weights.iter().flat_map(|(_, elements, w)| (0..elements.len()).map(move |at| (w, at)));
        for (c, (weights, at)) in weights.enumerate() {
            let v = weights.approximate(row, at) * f64::from(columns[first + c].exponent).exp2();
            entries.push((p + first + c, v));
        }
        entries.retain(|(_, v)| *v != 0.0);
        entries
    }

    pub fn push(&mut self, entries: Entries<f64>, lower: f64, upper: f64) -> usize {
        self.rows.push((entries, lower, upper));
        self.rows.len() - 1
    }

    pub fn finish(&self, objective: Entries<f64>) -> Option<LinearProgram> {
        let n = self.columns.len();
        let mut lp = LinearProgram::new(n);
        objective.into_iter().for_each(|(j, v)| lp.objective[j] += v);
        (lp.column_lower, lp.column_upper) = self.columns.iter().copied().unzip();
        let (mut starts, mut indices, mut data) = (vec![0], vec![], vec![]);
        for (entries, lower, upper) in &self.rows {
            let mut entries = entries.clone();
            entries.sort_unstable_by_key(|e| e.0);
            for (j, v) in entries {
                match indices.last() {
                    Some(last) if *last == j && indices.len() > *starts.last()? => *data.last_mut()? += v,
                    _ => {
                        indices.push(j);
                        data.push(v);
                    }
                }
            }
            starts.push(indices.len());
            lp.row_lower.push(*lower);
            lp.row_upper.push(*upper);
        }
        lp.matrix = CsMat::try_new((self.rows.len(), n), starts, indices, data).ok()?;
        Some(lp)
    }
}
