//! The linear system of a step, in the multipliers of the units' rows alone.
//!
//! K = (I − C) diag(e₂) (I − C)ᵀ + diag(e₁) + R diag(d) Rᵀ, k×k. Values, slacks and coordinates are eliminated by their diagonals, so that K is positive
//! definite however deep the program is. For p decisions it takes about k²p/2 + k³/3 multiplications.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};

use crate::dense::vectorised;
use crate::kinks::reduced::Reduced;

/// A pivot below this part of the largest diagonal entry is raised to it.
const PIVOT: f64 = 1e-30;

/// The matrix K and its Cholesky factor.
pub(super) struct System {
    k: usize,
    p: usize,
    /// R√d, by rows.
    scaled: Vec<f64>,
    /// (I − C)√e₂, by rows.
    inner: Vec<f64>,
    /// K, then its factor, k×k by columns.
    factor: Vec<f64>,
    memory: MemBuffer,
}

impl System {
    /// Room for k units and p decisions.
    pub fn new(k: usize, p: usize) -> System {
        System {
            k,
            p,
            scaled: vec![0.0; k * p],
            inner: vec![0.0; k * k],
            factor: vec![0.0; k * k],
            memory: MemBuffer::new(cholesky_in_place_scratch::<f64>(k, Par::Seq, Default::default())),
        }
    }

    /// Room for k units and p decisions in the memory that there is.
    pub fn resize(&mut self, k: usize, p: usize) {
        (self.k, self.p) = (k, p);
        self.scaled.resize(k * p, 0.0);
        self.inner.resize(k * k, 0.0);
        self.factor.resize(k * k, 0.0);
        self.memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(k, Par::Seq, Default::default()));
    }

    /// Forms and factorises K for `e1`, `e2` (k) and `d` (p), all at least 0. False if K is no positive definite matrix of numbers.
    pub fn factorise(&mut self, net: &Reduced, e1: &[f64], e2: &[f64], d: &[f64]) -> bool {
        let (k, p) = (self.k, self.p);
        let roots: Vec<f64> = d.iter().map(|d| d.sqrt()).collect();
        vectorised(|| {
            for (out, row) in self.scaled.chunks_exact_mut(p.max(1)).zip(net.rows.chunks_exact(p.max(1))) {
                out.iter_mut().zip(row).zip(&roots).for_each(|((o, r), d)| *o = r * d);
            }
        });
        let roots: Vec<f64> = e2.iter().map(|e| e.sqrt()).collect();
        let nested = (0..k).any(|i| net.reach[i] > 0);
        let lower = BlockStructure::TriangularLower;
        let rows = MatRef::from_row_major_slice(&self.scaled, k, p);
        let all = BlockStructure::Rectangular;
        let mut factor = MatMut::from_column_major_slice_mut(&mut self.factor, k, k);
        matmul(factor.as_mut(), lower, Accum::Replace, rows, all, rows.transpose(), all, 1.0, Par::Seq);
        if nested {
            vectorised(|| {
                for i in 0..k {
                    let (row, reach) = (&mut self.inner[i * k..(i + 1) * k], net.reach[i]);
                    row.iter_mut().zip(&roots).zip(net.inputs(i)).for_each(|((o, e), c)| *o = -c * e);
                    row[reach..].fill(0.0);
                    row[i] = roots[i];
                }
            });
            let inner = MatRef::from_row_major_slice(&self.inner, k, k);
            let upper = BlockStructure::TriangularUpper;
            matmul(factor.as_mut(), lower, Accum::Add, inner, lower, inner.transpose(), upper, 1.0, Par::Seq);
        }
        let mut largest = 0.0f64;
        for i in 0..k {
            let entry = factor[(i, i)] + e1[i] + if nested { 0.0 } else { e2[i] };
            factor[(i, i)] = entry;
            largest = largest.max(entry);
        }
        if !(largest > 0.0 && largest.is_finite()) {
            return k == 0;
        }
        let least = PIVOT * largest;
        let raise = LltRegularization { dynamic_regularization_delta: least, dynamic_regularization_epsilon: least };
        let stack = MemStack::new(&mut self.memory);
        cholesky_in_place(factor, raise, Par::Seq, stack, Default::default()).is_ok()
    }

    /// Solves K x = b in place (k).
    pub fn solve(&mut self, b: &mut [f64]) {
        let stack = MemStack::new(&mut self.memory);
        let b = MatMut::from_column_major_slice_mut(b, self.k, 1);
        solve_in_place(MatRef::from_column_major_slice(&self.factor, self.k, self.k), b, Par::Seq, stack);
    }
}
