//! Linear maps of [`Balls`] in twice the precision, entry by entry: for sums of which next to nothing is left.
//!
//! Products and sums are split into what is rounded and what rounding takes away, which is added up too (Ogita, Rump, Oishi, *Accurate sum and dot
//! product*, SIAM J. Sci. Comput. 26, 2005, proposition 5.5): fl(Σ wᵢvᵢ) is off by at most u|Σ wᵢvᵢ| + γₙ²·Σ|wᵢ||vᵢ|.

use super::balls::{Balls, TINY, UNIT, plus_up};
use crate::ir::instance::Instance;
use crate::ir::interval::gamma;
use crate::ir::linear::LinearMap;

/// W·v, or Wᵀ·v where `turned`.
pub(super) fn apply(instance: &Instance, map: &LinearMap, turned: bool, v: &Balls) -> Balls {
    let len = if turned { map.input_len() } else { map.output_len() };
    let mut sums = vec![Sum::default(); len];
    map.visit(instance.weights(map), |i, j, w| {
        let (from, to) = if turned { (i, j) } else { (j, i) };
        sums[to].add(w, v.mid[from], v.rad[from]);
    });
    let (mid, rad) = sums.into_iter().map(Sum::finish).unzip();
    Balls { mid, rad }
}

/// A sum of products, what rounding has taken away from it, and bounds on what is still lost.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
    /// Σ|w||m| and Σ|w|·rad
    size: f64,
    rad: f64,
    terms: usize,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, w: f64, m: f64, rad: f64) {
        if w == 0.0 || m == 0.0 && rad == 0.0 {
            return;
        }
        let product = w * m;
        let sum = self.sum + product;
        // What the sum took of the product (Knuth).
        let taken = sum - self.sum;
        let rest = (self.sum - (sum - taken)) + (product - taken);
        self.lost += rest + w.mul_add(m, -product);
        self.sum = sum;
        self.size += product.abs();
        self.rad += w.abs() * rad;
        self.terms += 1;
    }

    /// Midpoint and radius.
    fn finish(self) -> (f64, f64) {
        if self.terms == 0 {
            return (0.0, 0.0);
        }
        let mid = self.sum + self.lost;
        let g = gamma(2 * self.terms + 4);
        // |exact| ≤ |mid| + what is off; factors of 2 and 4 cover the rounding of these lines and of the sums in them.
        let rounding = 2.0 * UNIT * mid.abs() + 4.0 * g * g * self.size + 16.0 * self.terms as f64 * TINY;
        (mid, plus_up(self.rad * (1.0 + 2.0 * g), rounding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_that_cancel() {
        let mut random = 7u64;
        let mut whole = |bits: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> (64 - bits)) as i64 - (1 << (bits - 1))
        };
        for n in [1, 2, 3, 10, 1000] {
            let (mut sum, mut exact, mut size) = (Sum::default(), 0i128, 0i128);
            for k in 0..n {
                // The last product takes away most of what is there.
                let (w, m) =
                    if k + 1 < n || n == 1 { (whole(50), whole(50)) } else { (-((exact >> 60) as i64), 1 << 60) };
                sum.add(w as f64, m as f64, 0.0);
                exact += i128::from(w) * i128::from(m);
                size += (i128::from(w) * i128::from(m)).abs();
            }
            let (mid, rad) = sum.finish();
            // Both are whole numbers or have few bits below 1.
            let off = (exact - mid as i128).abs() as f64 - 1.0;
            assert!(off <= rad, "{n} terms: {mid} for {exact}, off by {off}, at most {rad}");
            assert!(rad <= 1e-15 * mid.abs() + 1e-24 * size as f64, "{n} terms: {rad} for {exact} of {size}");
        }
    }
}
