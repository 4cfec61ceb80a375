//! Linear maps of [`Balls`]: one sweep over the weights for midpoints and radii.
//!
//! With n products a sum, a computed midpoint is off by at most γₙ·Σ|w||m| (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, §3.1; in any order of additions, fused or not), so the radius is |W|·(rad + γₙ|mid|), with an allowance for
//! its own rounding and for underflows.

use pulp::{Arch, Simd, WithSimd};

use super::balls::{Balls, TINY, plus_up, times_up};
use crate::ir::instance::Instance;
use crate::ir::interval::gamma;
use crate::ir::linear::LinearMap;

/// W·v, or Wᵀ·v where `turned`.
pub(super) fn apply(instance: &Instance, map: &LinearMap, turned: bool, v: &Balls) -> Balls {
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
        (LinearMap::Dense { rows, columns, transposed, .. }, Some(w)) => {
            // As stored, the matrix is `height` × `width`.
            let (height, width) = if *transposed { (*columns, *rows) } else { (*rows, *columns) };
            // Of a product with the stored matrix each entry is a row times v; of one with its transpose a sum of rows.
            let by_rows = *transposed == turned;
            let (from, to) = if by_rows { (width, height) } else { (height, width) };
            let mut out = Balls::zeros(len);
            if from == 0 || to == 0 {
                return out;
            }
            for block in 0..len / to {
                let part = Part::new(&v.mid[block * from..][..from], &v.rad[block * from..][..from], from);
                if part.is_zero() {
                    continue;
                }
                let (mid, rad) = (&mut out.mid[block * to..][..to], &mut out.rad[block * to..][..to]);
                match by_rows {
                    true => Arch::new().dispatch(RowProducts { w, part: &part, mid: &mut *mid, rad: &mut *rad }),
                    false => Arch::new().dispatch(SumOfRows { w, part: &part, mid: &mut *mid, rad: &mut *rad }),
                }
                let touched = |i: usize| match by_rows {
                    true => part.touches(w[i * width..(i + 1) * width].iter()),
                    false => part.touches(w[i..].iter().step_by(width)),
                };
                part.finish(rad, touched);
            }
            out
        }
        _ => by_entry(map, weights, turned, v, len),
    }
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
    fn touches<'w>(&self, weights: impl Iterator<Item = &'w f64>) -> bool {
        weights.zip(&self.error).any(|(w, e)| *w != 0.0 && *e != 0.0)
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

/// For each row of `w`: mid += row·mid, rad += |row|·error.
struct RowProducts<'a> {
    w: &'a [f64],
    part: &'a Part<'a>,
    mid: &'a mut [f64],
    rad: &'a mut [f64],
}

impl WithSimd for RowProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (m, e) = (self.part.mid, self.part.error.as_slice());
        let width = m.len();
        let ((vm, tm), (ve, te)) = (S::as_simd_f64s(m), S::as_simd_f64s(e));
        for (row, (mid, rad)) in self.w.chunks_exact(width).zip(self.mid.iter_mut().zip(self.rad)) {
            let (vw, tw) = S::as_simd_f64s(row);
            let mut sums = [simd.splat_f64s(0.0); 2];
            let mut sizes = [simd.splat_f64s(0.0); 2];
            for (k, ((w, m), e)) in vw.iter().zip(vm).zip(ve).enumerate() {
                sums[k % 2] = simd.mul_add_e_f64s(*w, *m, sums[k % 2]);
                sizes[k % 2] = simd.mul_add_e_f64s(simd.abs_f64s(*w), *e, sizes[k % 2]);
            }
            let (mut a, mut b) = (0.0, 0.0);
            for ((w, m), e) in tw.iter().zip(tm).zip(te) {
                a += w * m;
                b += w.abs() * e;
            }
            *mid += simd.reduce_sum_f64s(simd.add_f64s(sums[0], sums[1])) + a;
            *rad += simd.reduce_sum_f64s(simd.add_f64s(sizes[0], sizes[1])) + b;
        }
    }
}

/// mid += Σᵢ midᵢ·rowᵢ, rad += Σᵢ errorᵢ·|rowᵢ|, over the entries that are not 0.
struct SumOfRows<'a> {
    w: &'a [f64],
    part: &'a Part<'a>,
    mid: &'a mut [f64],
    rad: &'a mut [f64],
}

impl WithSimd for SumOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.mid.len();
        let used: Vec<usize> = (0..self.part.mid.len()).filter(|i| self.part.error[*i] != 0.0).collect();
        let (fours, rest) = used.as_chunks::<4>();
        for four in fours {
            add_rows::<S, 4>(simd, self.w, width, self.part, *four, self.mid, self.rad);
        }
        for one in rest {
            add_rows::<S, 1>(simd, self.w, width, self.part, [*one], self.mid, self.rad);
        }
    }
}

#[inline(always)]
fn add_rows<S: Simd, const K: usize>(
    simd: S,
    w: &[f64],
    width: usize,
    part: &Part<'_>,
    index: [usize; K],
    mid: &mut [f64],
    rad: &mut [f64],
) {
    let rows = index.map(|i| S::as_simd_f64s(&w[i * width..(i + 1) * width]));
    let (m, e) = (index.map(|i| part.mid[i]), index.map(|i| part.error[i]));
    let (sm, se) = (m.map(|v| simd.splat_f64s(v)), e.map(|v| simd.splat_f64s(v)));
    let ((vm, tm), (ve, te)) = (S::as_mut_simd_f64s(mid), S::as_mut_simd_f64s(rad));
    for (l, (mid, rad)) in vm.iter_mut().zip(ve).enumerate() {
        let (mut a, mut b) = (*mid, *rad);
        for k in 0..K {
            let w = rows[k].0[l];
            a = simd.mul_add_e_f64s(sm[k], w, a);
            b = simd.mul_add_e_f64s(se[k], simd.abs_f64s(w), b);
        }
        (*mid, *rad) = (a, b);
    }
    for (l, (mid, rad)) in tm.iter_mut().zip(te).enumerate() {
        for k in 0..K {
            let w = rows[k].1[l];
            *mid += m[k] * w;
            *rad += e[k] * w.abs();
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
