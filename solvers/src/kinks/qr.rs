//! [`Qr`]: an orthogonal factorisation of a set of vectors that gains and loses members, and to which multiples of a vector are added.

use super::room::Room;
use crate::dense::{LANES, add, add_all_rows, all_products, dot, padded, product, vectorised};

/// Length, relative to its own, below which what is left of a vector counts as 0: it depends on the others.
const DEPENDENT: f64 = 1e-10;

/// N = J₁R for q vectors of length p, the columns of N; J = [J₁ J₂] is orthogonal, R upper triangular. Vectors have zeros behind them, up to whole
/// vectors of the processor.
#[derive(Debug)]
pub struct Qr {
    p: usize,
    q: usize,
    /// What vectors are filled up to: P.
    stride: usize,
    /// The columns of J, one after the other, P entries each.
    basis: Room,
    /// The rows of R, P entries each; 0 below the diagonal.
    triangle: Room,
    scratch: Room,
    reflector: Room,
}

impl Qr {
    /// Of no vectors, in dimension p.
    pub fn new(p: usize) -> Qr {
        let stride = padded(p);
        let mut basis = Room::zeros(p * stride);
        (0..p).for_each(|i| basis[i * stride + i] = 1.0);
        Qr {
            p,
            q: 0,
            stride,
            basis,
            triangle: Room::zeros(p * stride),
            scratch: Room::zeros(stride),
            reflector: Room::zeros(stride),
        }
    }

    /// q
    pub fn len(&self) -> usize {
        self.q
    }

    /// out = Jᵀ·vector (p), its entries from `from` on.
    pub fn transposed(&self, vector: &[f64], from: usize, out: &mut [f64]) {
        self.project(vector, (from, self.p), out);
    }

    /// out = J₁ᵀ·vector (q).
    pub fn transposed_within(&self, vector: &[f64], out: &mut [f64]) {
        self.project(vector, (0, self.q), out);
    }

    fn project(&self, vector: &[f64], (from, to): (usize, usize), out: &mut [f64]) {
        all_products(&self.basis[from * self.stride..], &vector[..self.stride], &mut out[from..to]);
    }

    /// out += Σ cₖ·(column k of J), for the columns from `from` on; p − `from` factors at most.
    pub fn add_columns(&self, from: usize, c: &[f64], out: &mut [f64]) {
        add_all_rows(c, &self.basis[from * self.stride..], self.stride, out);
    }

    /// Appends a vector; false, and nothing changed, if it depends on the others.
    pub fn push(&mut self, vector: &[f64]) -> bool {
        let (p, q) = (self.p, self.q);
        if q >= p {
            return false;
        }
        let mut at = std::mem::take(&mut self.scratch);
        self.transposed(vector, 0, &mut at);
        let length = dot(&at[q..p], &at[q..p]).sqrt();
        let is_new = length > DEPENDENT * dot(vector, vector).sqrt();
        if is_new {
            self.reflect(&mut at[q..p], length);
            (0..=q).for_each(|k| self.triangle[k * self.stride + q] = at[k]);
            self.q += 1;
        }
        self.scratch = at;
        is_new
    }

    /// Reflects the columns of J from q on, so that the vector with coordinates `at` in them, as long as `length` > 0, lies on the first of them.
    fn reflect(&mut self, at: &mut [f64], length: f64) {
        let stride = self.stride;
        let pivot = if at[0] > 0.0 { -length } else { length };
        at[0] -= pivot;
        let (columns, sum) = (&mut self.basis[self.q * stride..], &mut self.reflector);
        let scale = 2.0 / product(at, at);
        sum.fill(0.0);
        add_all_rows(at, columns, stride, sum);
        vectorised(
            #[inline(always)]
            || {
                for (v, column) in at.iter().zip(columns.chunks_exact_mut(stride)) {
                    add(-scale * v, sum, column);
                }
            },
        );
        at.fill(0.0);
        at[0] = pivot;
    }

    /// Removes vector i; those after it move up by one.
    pub fn remove(&mut self, i: usize) {
        let (stride, q) = (self.stride, self.q);
        for k in 0..q {
            let from = k * stride + (i + 1).max(k);
            self.triangle.copy_within(from..k * stride + q, from - 1);
        }
        self.q -= 1;
        self.straighten(i);
    }

    /// Adds cⱼ·`u` (p) to vector j, for all q of them. Vectors may depend on others then, see [`depends`](Self::depends).
    pub fn update(&mut self, u: &[f64], c: &[f64]) {
        let (p, q) = (self.p, self.q);
        if q == 0 {
            return;
        }
        let mut at = std::mem::take(&mut self.scratch);
        self.transposed(u, 0, &mut at);
        if q < p {
            let length = dot(&at[q..p], &at[q..p]).sqrt();
            if length > 0.0 {
                self.reflect(&mut at[q..p], length);
            }
            self.triangle[q * self.stride..q * self.stride + q].fill(0.0);
        }
        // u is turned onto the first column of J; R gets a diagonal below its own.
        vectorised(
            #[inline(always)]
            || {
                for k in (0..q.min(p - 1)).rev() {
                    let ends = (at[k], at[k + 1]);
                    at[k] = self.rotate(k, ends);
                }
            },
        );
        add(at[0], &c[..q], &mut self.triangle[..q]);
        self.scratch = at;
        self.straighten(0);
    }

    /// Whether vector k, of this length, depends on those before it.
    pub fn depends(&self, k: usize, length: f64) -> bool {
        let pivot = self.triangle[k * self.stride + k].abs();
        pivot.is_nan() || pivot <= DEPENDENT * length
    }

    /// Makes R triangular, which has a diagonal below its own from column `first` on.
    fn straighten(&mut self, first: usize) {
        let stride = self.stride;
        vectorised(
            #[inline(always)]
            || {
                for k in first..self.q.min(self.p - 1) {
                    let ends = (self.triangle[k * stride + k], self.triangle[(k + 1) * stride + k]);
                    self.rotate(k, ends);
                    self.triangle[(k + 1) * stride + k] = 0.0;
                }
            },
        );
    }

    /// Turns columns k and k + 1 of J, and the rows of R, so that coordinates `a` and `b` in them become (√(a² + b²), 0). Returns that length.
    #[inline(always)]
    fn rotate(&mut self, k: usize, (a, b): (f64, f64)) -> f64 {
        if b == 0.0 && a >= 0.0 {
            return a;
        }
        let length = length((a, b));
        let (c, s) = (a / length, b / length);
        let stride = self.stride;
        // Rows k and k + 1 of R are 0 before column k.
        let (from, to) = (k / LANES * LANES, padded(self.q));
        for (matrix, from, to) in [(&mut self.triangle, from, to), (&mut self.basis, 0, stride)] {
            let (above, below) = matrix[k * stride..(k + 2) * stride].split_at_mut(stride);
            for (x, y) in above[from..to].iter_mut().zip(&mut below[from..to]) {
                (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
            }
        }
        length
    }

    /// Solves R x = b in place (q entries; those behind them become 0).
    pub fn solve(&self, b: &mut [f64]) {
        let (stride, q) = (self.stride, self.q);
        b[q..].fill(0.0);
        vectorised(
            #[inline(always)]
            || {
                let (mut top, all) = (q, padded(q));
                while top > 0 {
                    let begin = (top - 1) / LANES * LANES;
                    let done = begin + LANES;
                    for k in begin..top {
                        let row = &self.triangle[k * stride..(k + 1) * stride];
                        b[k] -= dot(&row[done..all], &b[done..all]);
                    }
                    for k in (begin..top).rev() {
                        let x = b[k] * (1.0 / self.triangle[k * stride + k]);
                        b[k] = x;
                        for (i, b) in b[begin..k].iter_mut().enumerate() {
                            *b -= self.triangle[(begin + i) * stride + k] * x;
                        }
                    }
                    top = begin;
                }
            },
        );
    }

    /// Solves Rᵀx = b in place (q entries).
    pub fn solve_transposed(&self, b: &mut [f64]) {
        let (p, q) = (self.stride, self.q);
        vectorised(
            #[inline(always)]
            || {
                for k in 0..q {
                    let row = &self.triangle[k * p..k * p + q];
                    b[k] /= row[k];
                    let x = b[k];
                    add(-x, &row[k + 1..], &mut b[k + 1..q]);
                }
            },
        );
    }
}

/// √(a² + b²)
fn length((a, b): (f64, f64)) -> f64 {
    let square = a * a + b * b;
    if (1e-200..1e200).contains(&square) { square.sqrt() } else { a.hypot(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [−1, 1).
    fn numbers(n: usize, seed: &mut u64) -> Vec<f64> {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// J is orthogonal and J₁R the vectors.
    fn check(qr: &Qr, vectors: &[Vec<f64>], what: &str) {
        let (p, q) = (qr.p, qr.q);
        assert_eq!(q, vectors.len(), "{what}");
        for (i, one) in qr.basis.chunks_exact(qr.stride).enumerate() {
            for (j, other) in qr.basis.chunks_exact(qr.stride).enumerate() {
                let wanted = if i == j { 1.0 } else { 0.0 };
                assert!((dot(one, other) - wanted).abs() < 1e-12, "{what}: columns {i} and {j} of J");
            }
        }
        for (j, vector) in vectors.iter().enumerate() {
            let column: Vec<f64> = (0..p).map(|k| if k <= j { qr.triangle[k * qr.stride + j] } else { 0.0 }).collect();
            let mut sum = vec![0.0; qr.stride];
            qr.add_columns(0, &column, &mut sum);
            let off = sum.iter().zip(vector).fold(0.0f64, |m, (s, v)| m.max((s - v).abs()));
            assert!(off < 1e-12, "{what}: vector {j} is {off} off");
        }
    }

    #[test]
    fn vectors_come_and_go_and_change_together() {
        for p in [1, 2, 3, 7, 20] {
            let (mut seed, mut qr, mut vectors) = (p as u64, Qr::new(p), vec![]);
            for turn in 0..60 {
                let mut u = numbers(p, &mut seed);
                u.resize(padded(p), 0.0);
                match turn % 5 {
                    0 | 1 | 4 if vectors.len() < p => {
                        assert!(qr.push(&u));
                        vectors.push(u);
                    }
                    2 => {
                        let c = numbers(vectors.len(), &mut seed);
                        qr.update(&u, &c);
                        vectors.iter_mut().zip(&c).for_each(|(v, c)| add(*c, &u, v));
                    }
                    _ if !vectors.is_empty() => {
                        let i = (turn * 7) % vectors.len();
                        qr.remove(i);
                        vectors.remove(i);
                    }
                    _ => {}
                }
                check(&qr, &vectors, &format!("p {p}, turn {turn}"));
            }
        }
    }

    #[test]
    fn nothing_is_held_where_no_coordinate_moves() {
        let mut qr = Qr::new(0);
        assert!(!qr.push(&[]));
        qr.transposed(&[], 0, &mut []);
        qr.transposed_within(&[], &mut []);
        qr.add_columns(0, &[], &mut []);
        assert_eq!(qr.len(), 0);
    }

    #[test]
    fn what_depends_on_others_is_seen() {
        let mut qr = Qr::new(3);
        let filled = |a: f64, b: f64, c: f64| [a, b, c, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert!(qr.push(&filled(1.0, 2.0, 0.0)) && qr.push(&filled(0.0, 1.0, 1.0)));
        assert!(!qr.push(&filled(2.0, 5.0, 1.0)), "two of the first and one of the second");
        // The second becomes the first.
        qr.update(&filled(1.0, 1.0, -1.0), &[0.0, 1.0]);
        assert!(qr.depends(1, 5f64.sqrt()) && !qr.depends(0, 5f64.sqrt()));
        qr.remove(1);
        check(&qr, &[vec![1.0, 2.0, 0.0]], "the first is left");
    }
}
