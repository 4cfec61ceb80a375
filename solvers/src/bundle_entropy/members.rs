//! [`Members`]: the curvature of D along the cuts that a Newton step needs.

use super::entropic::Minimum;
use super::face::Here;
use super::frame::Shape;
use super::master::Master;
use crate::dense::{add_rows, add_rows_of, dot, products, vectorised};
use crate::elementwise::LANES;

/// Curvatures below this part of the largest hardly matter.
const NEGLIGIBLE: f64 = 1e-4;

/// τH for some of the cuts, at a minimiser u that need not be the last one.
#[derive(Debug, Default)]
pub struct Members {
    /// Which cuts, in the order in which they joined (m).
    pub cuts: Vec<usize>,
    /// Where H is that of D, and what R consists of there, without τ.
    minimum: Minimum,
    roots: Vec<f64>,
    /// Gᵀλ there (n).
    centre: Vec<f64>,
    /// R(gᵢ − Gᵀλ) for each member: τH = rows·rowsᵀ (m×n).
    rows: Vec<f64>,
    /// τH by rows, `stride` apart.
    curvature: Vec<f64>,
    stride: usize,
}

impl Members {
    /// m
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// τH, row a (m).
    #[inline(always)]
    pub fn row(&self, a: usize) -> &[f64] {
        &self.curvature[a * self.stride..][..self.cuts.len()]
    }

    /// Whether the curvature of −τH(u) on the way to D is still what it was, up to a part of `most`.
    pub fn fits(&self, minimum: &Minimum, shape: &Shape, most: f64) -> bool {
        if self.cuts.is_empty() || self.roots.len() != minimum.u.len() {
            return false;
        }
        let (boxed, others) = minimum.u.split_at(shape.boxed);
        let (of_box, on_simplices) = self.roots.split_at(shape.boxed);
        // What hardly bends may bend a little less or more.
        let little = NEGLIGIBLE * self.roots.iter().fold(0.0, |m: f64, root| m.max(root * root));
        let far = |bend: f64, root: &f64| (bend - root * root).abs() > most * (root * root + little);
        let far_box = boxed.iter().zip(&minimum.rest).zip(of_box).any(|((u, rest), root)| far(u * rest, root));
        !far_box && !others.iter().zip(on_simplices).any(|(u, root)| far(*u, root))
    }

    /// No members, at this λ.
    pub fn begin(&mut self, master: &Master, here: &Here<'_>) {
        self.cuts.clear();
        self.rows.clear();
        self.centre.clear();
        self.centre.extend(here.mixed);
        self.minimum.clone_from(here.minimum);
        self.minimum.roots(&master.shape, &mut self.roots);
    }

    /// Makes rows and H for the cuts that are listed.
    pub fn fill(&mut self, master: &Master) {
        let m = self.cuts.len();
        self.reserve(m);
        for k in 0..m {
            self.add_row(self.cuts[k], master);
        }
        let (n, stride, rows, curvature) = (self.centre.len(), self.stride, &self.rows, &mut self.curvature);
        vectorised(
            #[inline(always)]
            || {
                for a in 0..m {
                    let (before, from) = curvature.split_at_mut(a * stride);
                    products(&rows[a * n..], &rows[a * n..][..n], &mut from[a..m]);
                    (0..a).for_each(|b| from[b] = before[b * stride + a]);
                }
            },
        );
    }

    /// Adds a cut to the members.
    pub fn join(&mut self, i: usize, master: &Master) {
        let (a, n) = (self.cuts.len(), self.centre.len());
        self.cuts.push(i);
        if a + 1 > self.stride {
            let (before, stride) = (std::mem::take(&mut self.curvature), self.stride);
            self.reserve(2 * a + 1);
            (0..a).for_each(|b| self.curvature[b * self.stride..][..a].copy_from_slice(&before[b * stride..][..a]));
        }
        self.add_row(i, master);
        let (stride, rows) = (self.stride, &self.rows);
        let (before, new) = self.curvature.split_at_mut(a * stride);
        vectorised(
            #[inline(always)]
            || products(rows, &rows[a * n..], &mut new[..=a]),
        );
        (0..a).for_each(|b| before[b * stride + a] = new[b]);
    }

    /// `slope` += τH·change, where the members `of` change by `change` each. `slope` is as long as [`padded`](Self::padded) says.
    pub fn add_curvature(&self, of: &[usize], change: &[f64], slope: &mut [f64]) {
        vectorised(
            #[inline(always)]
            || {
                for (at, slope) in slope.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().enumerate() {
                    add_rows_of(of, change, &self.curvature[2 * LANES * at..], self.stride, slope);
                }
            },
        );
    }

    /// m in whole lanes.
    pub fn padded(&self) -> usize {
        self.cuts.len().next_multiple_of(2 * LANES)
    }

    /// `bent` (n) becomes RᵀR(Gᵀchange) for a change that adds up to 0: a cut's entry of τH·change is its gradient's product with that, less
    /// what is returned.
    pub fn bend(&self, change: &[f64], shape: &Shape, bent: &mut Vec<f64>) -> f64 {
        bent.clear();
        bent.resize(self.centre.len(), 0.0);
        vectorised(
            #[inline(always)]
            || add_rows(change, &self.rows, bent.len(), bent),
        );
        self.minimum.root_transposed(bent, &self.roots, shape);
        dot(&self.centre, bent)
    }

    /// Appends the row of a cut.
    fn add_row(&mut self, i: usize, master: &Master) {
        let begin = self.rows.len();
        self.rows.extend(master.gradient(i).iter().zip(&self.centre).map(|(g, m)| g - m));
        self.minimum.root(&mut self.rows[begin..], &self.roots, &master.shape);
    }

    /// Room for so many members; H is lost.
    fn reserve(&mut self, m: usize) {
        if m > self.stride {
            self.stride = (m + m / 4 + 4).next_multiple_of(2 * LANES);
            self.curvature.clear();
            self.curvature.resize(self.stride * self.stride, 0.0);
        }
    }
}
