//! [`Qr`]: an orthogonal factorisation of a set of vectors that gains and loses members.

use crate::dense::{add, add_rows, dot, vectorised};

/// Length, relative to its own, below which what is left of a vector counts as 0: it depends on the others.
const DEPENDENT: f64 = 1e-10;

/// N = J₁R for q vectors of length p, the columns of N; J = [J₁ J₂] is orthogonal, R upper triangular.
#[derive(Debug)]
pub struct Qr {
    p: usize,
    q: usize,
    /// The columns of J, one after the other.
    basis: Vec<f64>,
    /// The columns of R, p entries each.
    triangle: Vec<f64>,
    scratch: Vec<f64>,
    reflector: Vec<f64>,
}

impl Qr {
    /// Of no vectors, in dimension p.
    pub fn new(p: usize) -> Qr {
        let mut qr = Qr {
            p,
            q: 0,
            basis: vec![0.0; p * p],
            triangle: vec![0.0; p * p],
            scratch: vec![0.0; p],
            reflector: vec![0.0; p],
        };
        qr.clear();
        qr
    }

    /// Forgets all vectors.
    pub fn clear(&mut self) {
        self.q = 0;
        self.basis.fill(0.0);
        (0..self.p).for_each(|i| self.basis[i * self.p + i] = 1.0);
    }

    /// q
    pub fn len(&self) -> usize {
        self.q
    }

    /// Jᵀ·vector from column `from` on, in the scratch space.
    fn coordinates(&mut self, vector: &[f64], from: usize) {
        let (p, basis, scratch) = (self.p, &self.basis, &mut self.scratch);
        vectorised(
            #[inline(always)]
            || {
                for k in from..p {
                    scratch[k] = dot(&basis[k * p..(k + 1) * p], vector);
                }
            },
        );
    }

    /// out = Jᵀ·vector (p).
    pub fn transposed(&mut self, vector: &[f64], out: &mut [f64]) {
        self.coordinates(vector, 0);
        out.copy_from_slice(&self.scratch);
    }

    /// out += Σ cₖ·(column k of J), for the columns from `from` on.
    pub fn add_columns(&self, from: usize, c: &[f64], out: &mut [f64]) {
        vectorised(
            #[inline(always)]
            || add_rows(c, &self.basis[from * self.p..], self.p, out),
        );
    }

    /// Appends a vector; false, and nothing changed, if it depends on the others.
    pub fn push(&mut self, vector: &[f64]) -> bool {
        let (p, q) = (self.p, self.q);
        if q >= p {
            return false;
        }
        self.coordinates(vector, 0);
        let rest = &self.scratch[q..];
        let length = dot(rest, rest).sqrt();
        if length.is_nan() || length <= DEPENDENT * dot(vector, vector).sqrt() {
            return false;
        }
        // A reflection of the columns from q on turns what is left onto the first of them.
        let pivot = if rest[0] > 0.0 { -length } else { length };
        let v = &mut self.reflector[..p - q];
        v.copy_from_slice(rest);
        v[0] -= pivot;
        let scale = 2.0 / dot(v, v);
        self.scratch[q] = pivot;
        self.triangle[q * p..q * p + q + 1].copy_from_slice(&self.scratch[..=q]);
        self.scratch.fill(0.0);
        vectorised(
            #[inline(always)]
            || {
                add_rows(v, &self.basis[q * p..], p, &mut self.scratch);
                for (v, column) in v.iter().zip(self.basis[q * p..].chunks_exact_mut(p)) {
                    add(-scale * v, &self.scratch, column);
                }
            },
        );
        self.q += 1;
        true
    }

    /// Removes vector i; those after it move up by one.
    pub fn remove(&mut self, i: usize) {
        let p = self.p;
        self.triangle.copy_within((i + 1) * p..self.q * p, i * p);
        self.q -= 1;
        for k in i..self.q {
            let (a, b) = (self.triangle[k * p + k], self.triangle[k * p + k + 1]);
            let length = a.hypot(b);
            let (c, s) = if length > 0.0 { (a / length, b / length) } else { (1.0, 0.0) };
            for m in k..self.q {
                let (x, y) = (self.triangle[m * p + k], self.triangle[m * p + k + 1]);
                self.triangle[m * p + k] = c * x + s * y;
                self.triangle[m * p + k + 1] = c * y - s * x;
            }
            let (one, other) = self.basis[k * p..(k + 2) * p].split_at_mut(p);
            vectorised(
                #[inline(always)]
                || {
                    for (x, y) in one.iter_mut().zip(other) {
                        (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
                    }
                },
            );
        }
    }

    /// Solves R x = b in place (q entries).
    pub fn solve(&self, b: &mut [f64]) {
        for k in (0..self.q).rev() {
            let column = &self.triangle[k * self.p..k * self.p + k + 1];
            b[k] /= column[k];
            let x = b[k];
            add(-x, &column[..k], &mut b[..k]);
        }
    }

    /// Solves Rᵀx = b in place (q entries).
    pub fn solve_transposed(&self, b: &mut [f64]) {
        for k in 0..self.q {
            let column = &self.triangle[k * self.p..k * self.p + k + 1];
            b[k] = (b[k] - dot(&column[..k], &b[..k])) / column[k];
        }
    }
}
