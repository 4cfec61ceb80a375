//! From a point inside to a vertex: which kinks and ends hold there is read off the multipliers; what they say of y and of the shares is
//! solved for.
//!
//! With the other units in their state, the kinks T that hold have pre-activations N y + c, and the function the slope g + Nᵀλ. Newton steps of
//! least length, from the point inside, lead to N y + c = 0 and to a slope of 0 in the coordinates F that are at no end. Both take the factor of
//! N_F N_Fᵀ, so T and F need not be equally many: minima that are flat or degenerate have a nearest one too.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_solve::solve_unit_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::Interior;
use crate::dense::{add, dot};

/// The least distance of a kink that counts as far, as a part of what a pre-activation changes by in the box.
const PART: f64 = 1e-2;

/// Newton steps.
const STEPS: usize = 20;

/// What is added to the diagonal of N_F N_Fᵀ, as a part of its largest entry.
const DEPENDENT: f64 = 1e-14;

/// A point, shares of the units, and how far the value at the one is above the bound of the others.
pub(in crate::kinks) struct Vertex {
    /// p
    pub y: Vec<f64>,
    /// k
    pub shares: Vec<f64>,
    /// Value less bound.
    pub gap: f64,
}

impl Interior {
    /// The vertex that is near.
    pub fn vertex(&self) -> Vertex {
        let (net, k, p) = (&self.net, self.net.units, self.net.decisions);
        let (slack, z) = (&self.room[..k], self.z());
        let (lambda, mu) = (&self.multipliers[..k], &self.multipliers[k..2 * k]);
        let (mut ties, mut states) = (vec![], vec![0.0; k]);
        let spread = mean((0..k).map(|i| z[i] + slack[i]));
        let width = PART * self.width();
        for i in 0..k {
            let weight = lambda[i] + mu[i];
            let (share, rest) = (lambda[i] / weight, mu[i] / weight);
            states[i] = f64::from(u8::from(share > rest));
            let spread = spread.max(width * dot(net.row(i), net.row(i)).sqrt());
            if share * spread > slack[i] && rest * spread > z[i] {
                ties.push(i);
            }
        }
        ties.iter().for_each(|i| states[*i] = 0.0);
        let mut y = self.y.clone();
        let mut inner = vec![true; p];
        let steep = self.steepness();
        for ((j, side), e) in self.ends.iter().zip(2 * k..) {
            let width = self.upper[*j] - self.lower[*j];
            if self.multipliers[e] * if width < f64::INFINITY { width } else { 1.0 } > self.room[e] * steep {
                y[*j] = if *side > 0.0 { self.lower[*j] } else { self.upper[*j] };
                inner[*j] = false;
            }
        }
        let inner: Vec<usize> = (0..p).filter(|j| inner[*j]).collect();
        let mut shares = states.clone();
        if !ties.is_empty() && !inner.is_empty() {
            let (t, n) = (ties.len(), inner.len());
            let rows = self.gradients(&ties, &states, &inner);
            let system = Squares::new(MatRef::from_row_major_slice(&rows, t, n));
            let mut rest = vec![0.0; n];
            let (mut pre, mut values, mut off) = (vec![0.0; k], vec![0.0; k], vec![0.0; t]);
            let mut least = f64::INFINITY;
            for _ in 0..STEPS {
                self.linear_forward(&y, &states, &mut pre, &mut values);
                off.iter_mut().zip(&ties).for_each(|(o, i)| *o = -pre[*i]);
                if !nearer(&off, &mut least) {
                    break;
                }
                system.solve(&mut off);
                rest.fill(0.0);
                rows.chunks_exact(n).zip(&off).for_each(|(row, o)| add(*o, row, &mut rest));
                inner.iter().zip(&rest).for_each(|(j, r)| y[*j] += r);
            }
            // Slope of the function with the kinks' values at 0, and what multipliers of the kinks add to it.
            let mut slope = vec![0.0; p];
            net.backward(&states, &mut slope, &mut values);
            let mut lambda: Vec<f64> = ties.iter().map(|i| lambda[*i]).collect();
            let mut least = f64::INFINITY;
            for _ in 0..STEPS {
                inner.iter().zip(&mut rest).for_each(|(j, r)| *r = slope[*j]);
                rows.chunks_exact(n).zip(&lambda).for_each(|(row, l)| add(*l, row, &mut rest));
                off.iter_mut().zip(rows.chunks_exact(n)).for_each(|(o, row)| *o = -dot(row, &rest));
                if !nearer(&off, &mut least) {
                    break;
                }
                system.solve(&mut off);
                add(1.0, &off, &mut lambda);
            }
            let mut of = vec![f64::NAN; k];
            ties.iter().zip(&lambda).for_each(|(i, l)| of[*i] = *l);
            let share = |i: usize, weight: f64| {
                if !of[i].is_nan() {
                    shares[i] = if weight > 0.0 { (of[i] / weight).clamp(0.0, 1.0) } else { 0.0 };
                }
                shares[i]
            };
            net.backward_with(share, &mut slope, &mut values);
        }
        y.iter_mut().zip(self.lower.iter().zip(&self.upper)).for_each(|(y, (l, u))| *y = y.max(*l).min(*u));
        let gap = self.gap_of(&y, &shares);
        Vertex { y, shares, gap }
    }

    /// A typical width of the box.
    fn width(&self) -> f64 {
        let widths = self.lower.iter().zip(&self.upper).map(|(l, u)| if u - l < f64::INFINITY { u - l } else { 1.0 });
        mean(widths)
    }

    /// The size of the objective's slope in a coordinate: what units can add to it.
    fn steepness(&self) -> f64 {
        let (k, p) = (self.net.units, self.net.decisions);
        let weight = |i: usize| self.multipliers[i] + self.multipliers[k + i];
        let squares: f64 = (0..k).map(|i| weight(i).powi(2) * dot(self.net.row(i), self.net.row(i))).sum();
        (squares / p.max(1) as f64).sqrt().max(f64::MIN_POSITIVE)
    }

    /// The slopes of the pre-activations of `ties` in the coordinates `inner`, where units have `states`: by rows.
    fn gradients(&self, ties: &[usize], states: &[f64], inner: &[usize]) -> Vec<f64> {
        let (net, n) = (&self.net, inner.len());
        // Units that are at 0 add nothing; only the others and the ties themselves matter.
        let used: Vec<usize> = (0..net.units).filter(|i| states[*i] > 0.0 || ties.binary_search(i).is_ok()).collect();
        let u = used.len();
        let mut rows: Vec<f64> = Vec::with_capacity(u * n);
        let mut inputs = vec![0.0; u * u];
        let mut nested = false;
        for (a, i) in used.iter().enumerate() {
            let row = net.row(*i);
            rows.extend(inner.iter().map(|j| row[*j]));
            let below = net.inputs(*i);
            for (b, m) in used[..a].iter().enumerate() {
                if *m < below.len() && states[*m] > 0.0 {
                    inputs[a * u + b] = -below[*m];
                    nested |= below[*m] != 0.0;
                }
            }
        }
        if nested {
            let triangle = MatRef::from_row_major_slice(&inputs, u, u);
            solve_unit_lower_triangular_in_place(triangle, MatMut::from_row_major_slice_mut(&mut rows, u, n), Par::Seq);
        }
        let mut out = Vec::with_capacity(ties.len() * n);
        for (a, i) in used.iter().enumerate() {
            if ties.binary_search(i).is_ok() {
                out.extend(&rows[a * n..(a + 1) * n]);
            }
        }
        out
    }

    /// Pre-activations where units have `states`, whatever the signs.
    fn linear_forward(&self, y: &[f64], states: &[f64], pre: &mut [f64], values: &mut [f64]) {
        let net = &self.net;
        for i in 0..net.units {
            pre[i] = net.constants[i] + dot(net.row(i), y) + dot(net.inputs(i), &values[..net.reach[i]]);
            values[i] = states[i] * pre[i];
        }
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = numbers.fold((0usize, 0.0), |(n, sum), v| (n + 1, sum + v));
    sum / count.max(1) as f64
}

/// Whether what is off has become much less, or was never looked at.
fn nearer(off: &[f64], least: &mut f64) -> bool {
    let size = off.iter().fold(0.0f64, |m, o| m.max(o.abs()));
    let much = size > 0.0 && size < 0.5 * *least;
    *least = size;
    much
}

/// The factor of N Nᵀ.
struct Squares {
    factor: Mat<f64>,
}

impl Squares {
    fn new(rows: MatRef<'_, f64>) -> Squares {
        let t = rows.nrows();
        let mut factor = Mat::zeros(t, t);
        let (lower, all) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        matmul(factor.as_mut(), lower, Accum::Replace, rows, all, rows.transpose(), all, 1.0, Par::Seq);
        let largest = (0..t).fold(f64::MIN_POSITIVE, |m, i| m.max(factor[(i, i)]));
        let least = DEPENDENT * largest;
        (0..t).for_each(|i| factor[(i, i)] += least);
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(t, Par::Seq, Default::default()));
        let raise = LltRegularization { dynamic_regularization_delta: least, dynamic_regularization_epsilon: least };
        let stack = MemStack::new(&mut memory);
        // Without a factor the solution is not a number, and the gap will say so.
        if cholesky_in_place(factor.as_mut(), raise, Par::Seq, stack, Default::default()).is_err() {
            factor.fill(f64::NAN);
        }
        Squares { factor }
    }

    fn solve(&self, b: &mut [f64]) {
        let t = b.len();
        let mut memory = MemBuffer::new(faer::dyn_stack::StackReq::EMPTY);
        let b = MatMut::from_column_major_slice_mut(b, t, 1);
        solve_in_place(self.factor.as_ref(), b, Par::Seq, MemStack::new(&mut memory));
    }
}
