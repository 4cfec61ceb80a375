//! Linear maps of [`Balls`]: one sweep over the weights for midpoints and radii.
//!
//! With n products a sum, a computed midpoint is off by at most γₙ·Σ|w||m| (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, §3.1; in any order of additions, fused or not), so the radius is |W|·(rad + γₙ|mid|), with an allowance for
//! its own rounding and for underflows.

use super::balls::{Balls, TINY, plus_up, times_up};
use crate::ir::instance::Instance;
use crate::ir::interval::gamma;
use crate::ir::linear::LinearMap;
use crate::lower::oracle::sizes::{Matrices, Matrix, Pair, Sums};

/// Products with fewer rows than this are taken row by row.
const NARROW: usize = 8;

/// W·v, or Wᵀ·v where `turned`.
pub(super) fn apply(instance: &Instance, matrices: &Matrices, map: &LinearMap, turned: bool, v: &Balls) -> Balls {
    let len = if turned { map.input_len() } else { map.output_len() };
    let weights = instance.weights(map);
    match (map, weights) {
        (LinearMap::Gather { index, .. }, _) => {
            if !turned {
                let pick = |of: &[f64]| index.iter().map(|j| of[*j]).collect();
                return Balls { mid: pick(&v.mid), rad: pick(&v.rad) };
            }
            let mut out = Balls::zeros(len);
            index.iter().enumerate().for_each(|(i, j)| out.add(*j, v.mid[i], v.rad[i]));
            out
        }
        (LinearMap::Dense { weight, rows, columns, transposed, .. }, Some(w)) => {
            // As stored, the matrix is `height` × `width`.
            let (height, width) = if *transposed { (*columns, *rows) } else { (*rows, *columns) };
            // Whether the product is with the matrix as stored, or with its transpose.
            let straight = *transposed == turned;
            let (from, to) = if straight { (width, height) } else { (height, width) };
            // Row by row the factor has rows as long as the argument, column by column as long as the result.
            let (by_rows, by_columns) = match (matrices.find(*weight, height, width), straight) {
                (Some((rows, columns)), true) => (Some(rows), Some(columns)),
                (Some((rows, columns)), false) => (Some(columns), Some(rows)),
                (None, true) => (Some(Matrix::Double(w)), None),
                (None, false) => (None, Some(Matrix::Double(w))),
            };
            product(by_rows, by_columns, (from, to), v, len)
        }
        _ => by_entry(map, weights, turned, v, len),
    }
}

fn product(
    by_rows: Option<Matrix<'_>>,
    by_columns: Option<Matrix<'_>>,
    (from, to): (usize, usize),
    v: &Balls,
    len: usize,
) -> Balls {
    let mut out = Balls::zeros(len);
    if from == 0 || to == 0 {
        return out;
    }
    for block in 0..len / to {
        let part = Part::new(&v.mid[block * from..][..from], &v.rad[block * from..][..from], from);
        if part.is_zero() {
            continue;
        }
        let pair = Pair { value: part.mid, size: &part.error };
        let (value, size) = (&mut out.mid[block * to..][..to], &mut out.rad[block * to..][..to]);
        match (by_rows, by_columns) {
            (Some(matrix), columns) if to < NARROW || columns.is_none() => {
                matrix.add_products(pair, Sums { value, size: &mut *size });
                part.finish(size, |i| part.touches(|k| matrix.at(i * from + k)));
            }
            (_, Some(matrix)) => {
                matrix.add_rows(pair, Sums { value, size: &mut *size });
                part.finish(size, |i| part.touches(|k| matrix.at(k * to + i)));
            }
            _ => {}
        }
    }
    out
}

/// A vector with what its rounding can cost: `error` = rad + γ|mid|.
struct Part<'a> {
    mid: &'a [f64],
    error: Vec<f64>,
    terms: usize,
}

impl<'a> Part<'a> {
    fn new(mid: &'a [f64], rad: &[f64], terms: usize) -> Part<'a> {
        let g = gamma(terms + 2);
        let error = mid.iter().zip(rad).map(|(m, r)| plus_up(*r, times_up(g, m.abs()))).collect();
        Part { mid, error, terms }
    }

    fn is_zero(&self) -> bool {
        self.error.iter().all(|e| *e == 0.0)
    }

    /// Whether a weight that is not 0 meets an entry that is not 0.
    fn touches(&self, weight: impl Fn(usize) -> f64) -> bool {
        (0..self.error.len()).any(|k| self.error[k] != 0.0 && weight(k) != 0.0)
    }

    /// Rounds sums of `terms` products up; one of 0 stays 0 if nothing was added at all.
    fn finish(&self, rad: &mut [f64], touched: impl Fn(usize) -> bool) {
        let factor = 1.0 + 2.0 * gamma(self.terms + 2);
        let underflow = 4.0 * self.terms as f64 * TINY;
        for (i, r) in rad.iter_mut().enumerate() {
            if *r != 0.0 || touched(i) {
                *r = plus_up((*r * factor).next_up(), underflow);
            }
        }
    }
}

/// Maps that are visited entry by entry.
fn by_entry(map: &LinearMap, weights: Option<&[f64]>, turned: bool, v: &Balls, len: usize) -> Balls {
    let mut counts = vec![0usize; len];
    map.visit(weights, |i, j, _| counts[if turned { j } else { i }] += 1);
    let terms = counts.into_iter().max().unwrap_or(0);
    let part = Part::new(&v.mid, &v.rad, terms);
    let mut out = Balls::zeros(len);
    let mut touched = vec![false; len];
    map.visit(weights, |i, j, w| {
        let (from, to) = if turned { (i, j) } else { (j, i) };
        out.mid[to] += w * part.mid[from];
        out.rad[to] += w.abs() * part.error[from];
        touched[to] |= w != 0.0 && part.error[from] != 0.0;
    });
    part.finish(&mut out.rad, |i| touched[i]);
    out
}
