//! min f − τH where the kinks that are held stay held: Newton's method in their multipliers alone.
//!
//! With the held kinks at 0 and every other unit in its state f is affine, and the entropic minimum of f + Σ νᵢaᵢ is known in
//! closed form, yⱼ = lⱼ + wⱼ σ(−rⱼwⱼ/τ) with slope r. What is left is a smooth concave function of ν, one variable for each held kink; its
//! gradient is a(y), its Hessian −N D⁻¹ Nᵀ with the gradients N of the kinks and D⁻¹ = diag wⱼ²uⱼ(1 − uⱼ)/τ.

use super::active_set::{ActiveSet, Constraint};
use super::reduced::Reduced;
use crate::dense::{add, dot, products, vectorised};
use crate::factor::Factor;
use crate::logistic::sigmoid;

/// Newton steps.
const STEPS: usize = 12;

/// The part of the gap asked for that distances from held kinks may add.
const OFF_KINK: f64 = 0.1;

/// A pivot below this part of the largest diagonal entry is raised to it.
const PIVOT: f64 = 1e-13;

/// A box and the weight of its entropy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entropy<'a> {
    /// p
    pub lower: &'a [f64],
    /// p, all positive.
    pub width: &'a [f64],
    pub tau: f64,
}

impl Entropy<'_> {
    /// The minimiser of slopeᵀy − τH(y) at coordinate `j`, and the inverse of the curvature of −τH there.
    fn at(&self, j: usize, slope: f64) -> (f64, f64) {
        let (l, w) = (self.lower[j], self.width[j]);
        let t = -slope * w / self.tau;
        let (u, v) = (sigmoid(t), sigmoid(-t));
        (if t > 0.0 { l + w - w * v } else { l + w * u }, w * w * u * v / self.tau)
    }
}

/// The shares that belong to the entropic minimum over the kinks that `found` holds, from its multipliers on, up to a part of `gap`; `None` where Newton's method
/// gets no nearer to the kinks. Ends of coordinates that `found` holds are those of its steps: the entropy keeps coordinates off the
/// ends of the box by itself.
pub(super) fn polish(net: &Reduced, entropy: Entropy, found: &ActiveSet, gap: f64) -> Option<Vec<f64>> {
    let kink = |c: &Constraint| if let Constraint::Kink(i) = c { Some(*i) } else { None };
    let kinks: Vec<usize> = found.working.iter().filter_map(kink).collect();
    let (p, q, reference) = (net.decisions, kinks.len(), found.reference());
    if p == 0 {
        return None;
    }
    let (mut slope, mut weights) = (vec![0.0; p], vec![0.0; net.units]);
    // ν of the quadratic model, and the affine function that is left without it.
    net.backward(&found.shares, &mut slope, &mut weights);
    let mut nu: Vec<f64> = kinks.iter().map(|i| (found.shares[*i] - reference[*i]) * weights[*i]).collect();
    net.backward(reference, &mut slope, &mut weights);
    let close = OFF_KINK * gap / kinks.iter().map(|i| weights[*i]).sum::<f64>();
    let (mut rows, mut constants) = (vec![0.0; q * p], vec![0.0; q]);
    for ((row, constant), i) in rows.chunks_exact_mut(p).zip(&mut constants).zip(&kinks) {
        *constant = net.gradient(*i, reference, row, &mut weights);
    }
    let (mut r, mut y, mut spread) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
    let (mut off, mut scaled) = (vec![0.0; q], vec![0.0; q * p]);
    let (mut least, mut best) = (f64::INFINITY, nu.clone());
    let mut factor = Factor::default();
    for _ in 0..STEPS {
        r.copy_from_slice(&slope);
        rows.chunks_exact(p).zip(&nu).for_each(|(row, nu)| add(*nu, row, &mut r));
        for j in 0..p {
            (y[j], spread[j]) = entropy.at(j, r[j]);
        }
        let mut distance = 0.0f64;
        for ((off, row), constant) in off.iter_mut().zip(rows.chunks_exact(p)).zip(&constants) {
            *off = dot(row, &y) + constant;
            distance = distance.max(off.abs());
        }
        if distance.is_nan() || distance >= 0.5 * least {
            break;
        }
        least = distance;
        best.copy_from_slice(&nu);
        if distance <= close {
            break;
        }
        let spread = &spread;
        vectorised(
            #[inline(always)]
            || {
                for (to, row) in scaled.chunks_exact_mut(p).zip(rows.chunks_exact(p)) {
                    to.iter_mut().zip(row).zip(spread).for_each(|((s, n), d)| *s = n * d);
                }
            },
        );
        let largest = (0..q).map(|a| dot(&scaled[a * p..][..p], &rows[a * p..][..p])).fold(0.0, f64::max);
        let fill = |a: usize, row: &mut [f64]| {
            vectorised(
                #[inline(always)]
                || products(&rows[a * p..], &scaled[a * p..][..p], row),
            )
        };
        factor.of(q, PIVOT * largest, fill);
        factor.solve(&mut off);
        add(1.0, &off, &mut nu);
    }
    if least == f64::INFINITY {
        return None;
    }
    // From the units above down: which share of its weight is each multiplier?
    let mut of = vec![f64::NAN; net.units];
    kinks.iter().zip(&best).for_each(|(i, nu)| of[*i] = *nu);
    let mut shares = reference.to_vec();
    let share = |i: usize, weight: f64| {
        if !of[i].is_nan() && weight > 0.0 {
            shares[i] = ((reference[i] * weight + of[i]) / weight).clamp(0.0, 1.0);
        }
        shares[i]
    };
    net.backward_with(share, &mut r, &mut weights);
    Some(shares)
}
