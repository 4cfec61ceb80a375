//! The linear system of a step, in the multipliers of the units' rows alone.
//!
//! K = (I − C) diag(e₂) (I − C)ᵀ + diag(e₁) + R diag(d) Rᵀ, k×k. Values, slacks and coordinates are eliminated by their diagonals, so that K is positive
//! definite however deep the program is. For p decisions it takes about k²p/2 + k³/3 multiplications.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};

use crate::dense::{dot, dots, vectorised};
use crate::kinks::reduced::Reduced;

/// A pivot below this part of its diagonal entry is rounding: it is raised to the other part.
const PIVOT: (f64, f64) = (1e-15, 1e-13);

/// The matrix K and its Cholesky factor.
pub(super) struct System {
    k: usize,
    p: usize,
    /// R√d, by rows.
    scaled: Vec<f64>,
    /// (I − C)√e₂, by rows.
    inner: Vec<f64>,
    /// K, scaled to a diagonal of 1, then its factor, k×k by columns.
    factor: Vec<f64>,
    /// The scales: 1/√Kᵢᵢ.
    scales: Vec<f64>,
    memory: MemBuffer,
}

impl System {
    /// Room for k units and p decisions.
    pub fn new(k: usize, p: usize) -> System {
        let (scaled, inner, factor, scales) = (vec![], vec![], vec![], vec![]);
        let memory = MemBuffer::new(StackReq::EMPTY);
        let mut system = System { k, p, scaled, inner, factor, scales, memory };
        system.resize(k, p);
        system
    }

    /// Room for k units and p decisions in the memory that there is.
    pub fn resize(&mut self, k: usize, p: usize) {
        (self.k, self.p) = (k, p);
        for (numbers, count) in [(&mut self.scaled, k * p), (&mut self.inner, k * k), (&mut self.factor, k * k)] {
            // What they held is of no use, and units come in a few at a time.
            if numbers.capacity() < count {
                *numbers = Vec::with_capacity(2 * count);
            }
            numbers.resize(count, 0.0);
        }
        self.memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(k, Par::Seq, Default::default()));
    }

    /// Forms and factorises K for `e1`, `e2` (k) and `d` (p), all at least 0. False if K is no positive definite matrix of numbers.
    pub fn factorise(&mut self, net: &Reduced, e1: &[f64], e2: &[f64], d: &[f64]) -> bool {
        let (k, p) = (self.k, self.p);
        let roots: Vec<f64> = d.iter().map(|d| d.sqrt()).collect();
        vectorised(
            #[inline(always)]
            || {
                for (out, row) in self.scaled.chunks_exact_mut(p.max(1)).zip(net.rows.chunks_exact(p.max(1))) {
                    out.iter_mut().zip(row).zip(&roots).for_each(|((o, r), d)| *o = r * d);
                }
            },
        );
        let roots: Vec<f64> = e2.iter().map(|e| e.sqrt()).collect();
        let nested = (0..k).any(|i| net.reach[i] > 0);
        let lower = BlockStructure::TriangularLower;
        let rows = MatRef::from_row_major_slice(&self.scaled, k, p);
        let all = BlockStructure::Rectangular;
        let mut factor = MatMut::from_column_major_slice_mut(&mut self.factor, k, k);
        matmul(factor.as_mut(), lower, Accum::Replace, rows, all, rows.transpose(), all, 1.0, Par::Seq);
        if nested {
            vectorised(
                #[inline(always)]
                || {
                    for i in 0..k {
                        let (row, reach) = (&mut self.inner[i * k..(i + 1) * k], net.reach[i]);
                        row.iter_mut().zip(&roots).zip(net.inputs(i)).for_each(|((o, e), c)| *o = -c * e);
                        row[reach..].fill(0.0);
                        row[i] = roots[i];
                    }
                },
            );
            let inner = MatRef::from_row_major_slice(&self.inner, k, k);
            let upper = BlockStructure::TriangularUpper;
            matmul(factor.as_mut(), lower, Accum::Add, inner, lower, inner.transpose(), upper, 1.0, Par::Seq);
        }
        self.scales.clear();
        for i in 0..k {
            let entry = factor[(i, i)] + e1[i] + if nested { 0.0 } else { e2[i] };
            self.scales.push(1.0 / entry.sqrt());
        }
        if !self.scales.iter().all(|s| *s > 0.0 && s.is_finite()) {
            return false;
        }
        for (i, column) in self.factor.chunks_exact_mut(k.max(1)).enumerate() {
            let scale = self.scales[i];
            column[i..].iter_mut().zip(&self.scales[i..]).for_each(|(entry, s)| *entry *= s * scale);
            column[i] = 1.0;
        }
        let (least, raised) = PIVOT;
        let raise = LltRegularization { dynamic_regularization_delta: raised, dynamic_regularization_epsilon: least };
        let stack = MemStack::new(&mut self.memory);
        let factor = MatMut::from_column_major_slice_mut(&mut self.factor, k, k);
        cholesky_in_place(factor, raise, Par::Seq, stack, Default::default()).is_ok()
    }

    /// Solves K x = b in place (k).
    pub fn solve(&self, b: &mut [f64]) {
        let (k, factor, scales) = (self.k, &self.factor, &self.scales);
        vectorised(
            #[inline(always)]
            || {
                b.iter_mut().zip(scales).for_each(|(b, s)| *b *= s);
                forward(factor, k, b);
                backward(factor, k, b);
                b.iter_mut().zip(scales).for_each(|(b, s)| *b *= s);
            },
        );
    }
}

/// Solves L x = b in place for a lower triangular L, k×k by columns: four of them at a time, for one load and one store of b.
#[inline(always)]
fn forward(lower: &[f64], k: usize, b: &mut [f64]) {
    let column = |j: usize| &lower[j * k..(j + 1) * k];
    for begin in (0..k).step_by(4) {
        let end = (begin + 4).min(k);
        for j in begin..end {
            b[j] /= column(j)[j];
            for i in j + 1..end {
                b[i] -= b[j] * column(j)[i];
            }
        }
        if end < k {
            let (known, rest) = b.split_at_mut(end);
            let x = &known[begin..];
            let [c0, c1, c2, c3] = [0, 1, 2, 3].map(|j| &column(begin + j)[end..][..rest.len()]);
            for (i, b) in rest.iter_mut().enumerate() {
                *b -= (x[0] * c0[i] + x[1] * c1[i]) + (x[2] * c2[i] + x[3] * c3[i]);
            }
        }
    }
}

/// Solves Lᵀx = b in place.
#[inline(always)]
fn backward(lower: &[f64], k: usize, b: &mut [f64]) {
    let column = |j: usize| &lower[j * k..(j + 1) * k];
    for begin in (0..k).step_by(4).rev() {
        let end = (begin + 4).min(k);
        if end < k {
            let sums = dots([0, 1, 2, 3].map(|j| &column(begin + j)[end..]), &b[end..]);
            b[begin..end].iter_mut().zip(sums).for_each(|(b, sum)| *b -= sum);
        }
        for j in (begin..end).rev() {
            b[j] = (b[j] - dot(&column(j)[j + 1..end], &b[j + 1..end])) / column(j)[j];
        }
    }
}
