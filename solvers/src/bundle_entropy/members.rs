//! [`Members`]: the curvature of D along the cuts that a Newton step needs.

use super::entropic::Minimum;
use super::face::Here;
use super::master::Master;
use crate::dense::{add_rows, products, vectorised};

/// H for some of the cuts.
#[derive(Debug, Default)]
pub struct Members {
    /// Which cuts, in the order in which they joined (m).
    pub cuts: Vec<usize>,
    /// What R consists of.
    pub roots: Vec<f64>,
    /// R(gᵢ − Gᵀλ) for each member: H = rows·rowsᵀ (m×n).
    pub rows: Vec<f64>,
    /// H by rows, `stride` apart.
    curvature: Vec<f64>,
    stride: usize,
}

impl Members {
    /// m
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// H, row a (m).
    #[inline(always)]
    pub fn row(&self, a: usize) -> &[f64] {
        &self.curvature[a * self.stride..][..self.cuts.len()]
    }

    /// No members, at this λ.
    pub fn begin(&mut self, master: &Master, here: &Here<'_>) {
        self.cuts.clear();
        self.rows.clear();
        here.minimum.roots(master.tau, &master.shape, &mut self.roots);
    }

    /// Makes rows and H for the cuts that are listed.
    pub fn fill(&mut self, master: &Master, here: &Here<'_>) {
        let m = self.cuts.len();
        self.reserve(m);
        for k in 0..m {
            self.centre(self.cuts[k], master, here.mixed, here.minimum);
        }
        let (n, stride, rows, curvature) = (here.mixed.len(), self.stride, &self.rows, &mut self.curvature);
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
    pub fn join(&mut self, i: usize, master: &Master, here: &Here<'_>) {
        let (a, n) = (self.cuts.len(), here.mixed.len());
        self.cuts.push(i);
        if a + 1 > self.stride {
            let (before, stride) = (std::mem::take(&mut self.curvature), self.stride);
            self.reserve(2 * a + 1);
            (0..a).for_each(|b| self.curvature[b * self.stride..][..a].copy_from_slice(&before[b * stride..][..a]));
        }
        self.centre(i, master, here.mixed, here.minimum);
        let (stride, rows) = (self.stride, &self.rows);
        let (before, new) = self.curvature.split_at_mut(a * stride);
        vectorised(
            #[inline(always)]
            || products(rows, &rows[a * n..], &mut new[..=a]),
        );
        (0..a).for_each(|b| before[b * stride + a] = new[b]);
    }

    /// `slope` += H·change (m each).
    pub fn add_curvature(&self, change: &[f64], slope: &mut [f64]) {
        vectorised(
            #[inline(always)]
            || add_rows(change, &self.curvature, self.stride, slope),
        );
    }

    /// Appends the row of a cut.
    fn centre(&mut self, i: usize, master: &Master, mixed: &[f64], minimum: &Minimum) {
        let begin = self.rows.len();
        self.rows.extend(master.gradient(i).iter().zip(mixed).map(|(g, m)| g - m));
        minimum.root(&mut self.rows[begin..], &self.roots, &master.shape);
    }

    /// Room for so many members; H is lost.
    fn reserve(&mut self, m: usize) {
        if m > self.stride {
            self.stride = (m + m / 4 + 4).next_multiple_of(8);
            self.curvature.clear();
            self.curvature.resize(self.stride * self.stride, 0.0);
        }
    }
}
