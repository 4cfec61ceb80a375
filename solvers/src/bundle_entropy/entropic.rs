//! min sᵀu − τH(u) over [0, 1]ⁿ × simplices: value, minimiser (paper eq. 12) and curvature, without overflow or cancellation.

use super::frame::Shape;
use crate::dense::{dot, vectorised};
use crate::elementwise::{self, LANES, block, exp, ln_1p, store, sum};

/// Φ(s) = min sᵀu − τH(u) and where it is attained.
#[derive(Debug, Clone, Default)]
pub struct Minimum {
    /// Φ(s) = −τ Σ log(1 + e^{−s_j/τ}) − τ Σ log Σ e^{−s_j/τ}
    pub value: f64,
    /// u(s) = ∇Φ(s) (n)
    pub u: Vec<f64>,
    /// 1 − u, exact where u is close to 1 (n).
    pub rest: Vec<f64>,
}

impl Minimum {
    /// The minimum for these slopes.
    pub fn at(&mut self, slope: &[f64], tau: f64, shape: &Shape) {
        self.u.resize(slope.len(), 0.0);
        self.rest.resize(slope.len(), 0.0);
        let of_box = &slope[..shape.boxed];
        self.value = -tau
            * vectorised(
                #[inline(always)]
                || {
                    let mut sums = [0.0; LANES];
                    let places = self.u.chunks_mut(LANES).zip(self.rest.chunks_mut(LANES));
                    for (slope, (to_u, to_rest)) in of_box.chunks(LANES).zip(places) {
                        let slope = block(slope, f64::MAX);
                        let (mut u, mut rest) = ([0.0; LANES], [0.0; LANES]);
                        for l in 0..LANES {
                            let t = -slope[l] / tau;
                            let e = exp(-t.abs());
                            let (near, far) = (1.0 / (1.0 + e), e / (1.0 + e));
                            (u[l], rest[l]) = if t >= 0.0 { (near, far) } else { (far, near) };
                            sums[l] += if t >= 0.0 { t } else { 0.0 } + ln_1p(e);
                        }
                        store(&u, to_u);
                        store(&rest, to_rest);
                    }
                    sum(&sums)
                },
            );
        for of in &shape.simplices {
            let least = slope[of.clone()].iter().copied().fold(f64::INFINITY, f64::min);
            let mut sum = 0.0;
            for (u, s) in self.u[of.clone()].iter_mut().zip(&slope[of.clone()]) {
                *u = (-(s - least) / tau).exp();
                sum += *u;
            }
            self.value += least - tau * sum.ln();
            for (u, rest) in self.u[of.clone()].iter_mut().zip(&mut self.rest[of.clone()]) {
                *rest = (sum - *u) / sum;
                *u /= sum;
            }
        }
    }

    /// The square roots that √τ·R consists of (n): √(u(1−u)) on the box, √u on a simplex.
    pub fn roots(&self, shape: &Shape, roots: &mut Vec<f64>) {
        roots.resize(self.u.len(), 0.0);
        let (of_box, on_simplices) = roots.split_at_mut(shape.boxed);
        let (boxed, others) = self.u.split_at(shape.boxed);
        let both = boxed.iter().zip(&self.rest);
        of_box.iter_mut().zip(both).for_each(|(root, (u, rest))| *root = (u * rest).sqrt());
        on_simplices.iter_mut().zip(others).for_each(|(root, u)| *root = u.sqrt());
    }

    /// R g in place, with RᵀR = −τ∇²Φ(s): (Rg)ᵀ(Rg′)/τ is the curvature along g and g′. On the box R = diag √(u(1−u));
    /// on a simplex it is √u·(g − uᵀg).
    pub fn root(&self, scaled: &mut [f64], roots: &[f64], shape: &Shape) {
        scaled[..shape.boxed].iter_mut().zip(roots).for_each(|(g, root)| *g *= root);
        for of in &shape.simplices {
            let mean = dot(&self.u[of.clone()], &scaled[of.clone()]);
            scaled[of.clone()].iter_mut().zip(&roots[of.clone()]).for_each(|(g, root)| *g = (*g - mean) * root);
        }
    }

    /// Rᵀt, in place.
    pub fn root_transposed(&self, t: &mut [f64], roots: &[f64], shape: &Shape) {
        t.iter_mut().zip(roots).for_each(|(t, root)| *t *= root);
        for of in &shape.simplices {
            let u = &self.u[of.clone()];
            let sum: f64 = t[of.clone()].iter().sum();
            t[of.clone()].iter_mut().zip(u).for_each(|(t, u)| *t -= u * sum);
        }
    }
}

/// d/dt Φ(s + t·r) = u(s + t·r)ᵀr.
pub fn slope_along(s: &[f64], r: &[f64], t: f64, tau: f64, shape: &Shape) -> f64 {
    let mut sum = 0.0;
    let of_box = &s[..shape.boxed];
    sum += vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            for (s, r) in of_box.chunks(LANES).zip(r.chunks(LANES)) {
                let (s, r) = (block(s, 0.0), block(&r[..s.len()], 0.0));
                for l in 0..LANES {
                    let t = -(s[l] + t * r[l]) / tau;
                    let e = exp(-t.abs());
                    sums[l] += r[l] * if t >= 0.0 { 1.0 } else { e } / (1.0 + e);
                }
            }
            elementwise::sum(&sums)
        },
    );
    for of in &shape.simplices {
        let (s, r) = (&s[of.clone()], &r[of.clone()]);
        let least = s.iter().zip(r).map(|(s, r)| s + t * r).fold(f64::INFINITY, f64::min);
        let (mut total, mut along) = (0.0, 0.0);
        for (s, r) in s.iter().zip(r) {
            let weight = (-(s + t * r - least) / tau).exp();
            total += weight;
            along += weight * r;
        }
        sum += along / total;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::{Region, Simplex};

    const SLOPE: [f64; 6] = [0.3, -2.0, 300.0, 1.1, -0.4, 0.2];
    const ALONG: [f64; 6] = [1.0, -0.5, 0.1, 2.0, 0.7, -1.3];

    fn shape() -> Shape {
        Shape { boxed: 3, simplices: [3..5, 5..6].to_vec() }
    }

    fn at(slope: &[f64]) -> Minimum {
        let mut minimum = Minimum::default();
        minimum.at(slope, 0.5, &shape());
        minimum
    }

    #[test]
    fn it_is_the_entropic_minimum_of_the_region() {
        let simplex = |members| Simplex { members, total: 1.0 };
        let simplices = vec![simplex(vec![3, 4]), simplex(vec![5])];
        let region = Region::new(vec![0.0; 6], vec![1.0; 6], simplices).unwrap();
        let (found, mut y) = (at(&SLOPE), vec![0.0; 6]);
        let value = region.entropic_minimum(&SLOPE, 0.5, &mut y);
        assert!((found.value - value).abs() < 1e-14);
        for ((u, rest), y) in found.u.iter().zip(&found.rest).zip(&y) {
            assert!((u - y).abs() < 1e-15 && (u + rest - 1.0).abs() < 1e-15);
        }
        // Close to either end, the distance to it, e^{−600}, is not lost.
        assert!(found.u[2] > 0.0 && at(&[0.0, 0.0, -300.0, 0.0, 0.0, 0.0]).rest[2] > 1e-300);
    }

    #[test]
    fn slope_and_curvature_are_derivatives() {
        let moved = |t: f64| SLOPE.iter().zip(&ALONG).map(|(s, r)| s + t * r).collect::<Vec<_>>();
        let slope = |t: f64| slope_along(&SLOPE, &ALONG, t, 0.5, &shape());
        let h = 1e-5;
        assert!((slope(0.2) - dot(&at(&moved(0.2)).u, &ALONG)).abs() < 1e-14);
        assert!((slope(0.2) - (at(&moved(0.2 + h)).value - at(&moved(0.2 - h)).value) / (2.0 * h)).abs() < 1e-8);
        let here = at(&SLOPE);
        let (mut scaled, mut roots) = (ALONG.to_vec(), vec![]);
        here.roots(&shape(), &mut roots);
        here.root(&mut scaled, &roots, &shape());
        assert!((dot(&scaled, &scaled) / 0.5 + (slope(h) - slope(-h)) / (2.0 * h)).abs() < 1e-8);
        here.root_transposed(&mut scaled, &roots, &shape());
        assert!((dot(&scaled, &ALONG) / 0.5 + (slope(h) - slope(-h)) / (2.0 * h)).abs() < 1e-8);
    }
}
