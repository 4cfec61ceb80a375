//! Linear maps of [`Balls`]: one sweep over the weights for midpoints and radii.
//!
//! With n products a sum, a computed midpoint is off by at most γₙ·Σ|w||m| (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, §3.1; in any order of additions, fused or not), so the radius is |W|·(rad + γₙ|mid|), with an allowance for
//! its own rounding and for underflows. Of large matrices the norms of rows and columns stand for |W|, by Cauchy and Schwarz:
//! they are computed once for a program, and the sweep is that of the oracle.

use super::balls::{Balls, TINY, plus_up, times_up};
use crate::ir::instance::Instance;
use crate::ir::interval::gamma;
use crate::ir::linear::LinearMap;
use crate::lower::oracle::sizes::{Laid, Matrices, Matrix, NARROW, Pair, Sums, size_up};

/// Matrices with more entries than this are read once, for the midpoints; the radii come from norms.
const LARGE: usize = 1 << 9;

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
            let (by_rows, by_columns) = match matrices.find(*weight, height, width) {
                Some(laid) if w.len() > LARGE => return by_norms(laid, straight, (from, to), v, len),
                Some(laid) => {
                    let (rows, columns) = laid.matrices(straight);
                    (Some(rows), Some(columns))
                }
                None if straight => (Some(Matrix::Double(w)), None),
                None => (None, Some(Matrix::Double(w))),
            };
            product(by_rows, by_columns, (from, to), v, len)
        }
        _ => by_entry(map, weights, turned, v, len),
    }
}

/// |row|·e ≤ ‖row‖·‖e‖: wider radii, for the price of the midpoints alone.
fn by_norms(laid: Laid<'_>, straight: bool, (from, to): (usize, usize), v: &Balls, len: usize) -> Balls {
    let mut out = Balls::zeros(len);
    let norms = laid.norms(straight);
    for block in 0..len / to.max(1) {
        let part = Part::new(&v.mid[block * from..][..from], &v.rad[block * from..][..from], from);
        if part.is_zero() {
            continue;
        }
        let (mid, rad) = (&mut out.mid[block * to..][..to], &mut out.rad[block * to..][..to]);
        laid.add_product(straight, part.mid, mid);
        let size = size_up(&part.error);
        let (by_rows, _) = laid.matrices(straight);
        for (i, (mid, rad)) in mid.iter().zip(rad).enumerate() {
            // What is added up from nothing stays exact.
            if norms[i] != 0.0 && (*mid != 0.0 || part.touches(|k| by_rows.at(i * from + k))) {
                *rad = plus_up(times_up(norms[i], size), 4.0 * from as f64 * TINY);
            }
        }
    }
    out
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
        // Two roundings, and a product that may vanish.
        let up = |m: &f64, r: &f64| (r + g * m.abs()) * (1.0 + 4.0 * f64::EPSILON) + 2.0 * TINY;
        let of = |(m, r): (&f64, &f64)| if *m == 0.0 && *r == 0.0 { 0.0 } else { up(m, r) };
        let error = mid.iter().zip(rad).map(of).collect();
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
