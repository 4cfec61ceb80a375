//! The dual master (paper eq. 13 and the line before it): the best lower bound that a set of cuts gives, over their convex
//! combinations.

use super::entropic::{Minimum, slope_along};
use super::face::{Here, Newton};
use super::frame::Shape;
use crate::dense::{add, dot};

/// Newton steps before the master is given up; most take one to three.
const STEPS: usize = 200;

/// Steps without progress after which what is left is rounding.
const IDLE: usize = 6;

/// max over λ ≥ 0, 1ᵀλ = 1 of D(λ) = hᵀλ + min over u of (q + Gᵀλ)ᵀu − τH(u), for k cuts in n coordinates.
///
/// D(λ) is a lower bound of f − τH at every feasible λ. Its gradient is c = h + G u(λ), the cuts at the minimiser, so that
/// max c − λᵀc is the gap of the master: the difference to the model max(h + G u) − τH(u) at u(λ).
#[derive(Debug, Clone)]
pub struct Master {
    /// G, k×n by rows.
    pub gradients: Vec<f64>,
    /// h (k)
    pub constants: Vec<f64>,
    /// q (n): a linear term besides the cuts.
    pub linear: Vec<f64>,
    /// τ > 0
    pub tau: f64,
    /// The set of u.
    pub shape: Shape,
}

/// Where the master ended.
#[derive(Debug, Clone, Default)]
pub struct Solved {
    /// D(λ)
    pub bound: f64,
    /// max c − λᵀc ≥ max D − D(λ)
    pub gap: f64,
    /// u(λ)
    pub minimum: Minimum,
    /// q + Gᵀλ
    pub slope: Vec<f64>,
    /// max c, the model of f at u(λ).
    pub model: f64,
    /// The size of the numbers that make up D: rounding is relative to it.
    pub size: f64,
    /// Newton steps.
    pub steps: usize,
}

impl Solved {
    /// Differences of this size are rounding.
    pub fn rounding(&self) -> f64 {
        4.0 * f64::EPSILON * self.size
    }
}

impl Master {
    /// k
    pub fn cuts(&self) -> usize {
        self.constants.len()
    }

    /// gᵢ (n)
    pub fn gradient(&self, i: usize) -> &[f64] {
        let n = self.linear.len();
        &self.gradients[i * n..(i + 1) * n]
    }
}

/// Maximises D from `lambda` (k, ≥ 0, not all 0), which becomes the maximiser, until the master's gap is at most `tolerance`
/// or of rounding size.
///
/// Newton's method: each step maximises the quadratic model of D over the simplex ([`Newton`]) and then D along the way
/// there. Where the model is far off (saturated sigmoids have no curvature), the step ends where D's own slope vanishes.
pub fn solve(master: &Master, lambda: &mut [f64], tolerance: f64, newton: &mut Newton) -> Solved {
    let (k, n) = (master.cuts(), master.linear.len());
    let mut at = Solved::default();
    let (mut mixed, mut along) = (vec![0.0; n], vec![0.0; n]);
    at.slope = vec![0.0; n];
    let (mut below, mut target) = (vec![0.0; k], vec![0.0; k]);
    let (mut least, mut idle) = (f64::INFINITY, 0);
    for steps in 0.. {
        let total: f64 = lambda.iter().sum();
        lambda.iter_mut().for_each(|l| *l /= total);
        mixed.fill(0.0);
        lambda.iter().enumerate().filter(|(_, l)| **l > 0.0).for_each(|(i, l)| add(*l, master.gradient(i), &mut mixed));
        at.slope.iter_mut().zip(&mixed).zip(&master.linear).for_each(|((s, m), q)| *s = m + q);
        at.minimum.at(&at.slope, master.tau, &master.shape);
        let constant = dot(&master.constants, lambda);
        at.bound = constant + at.minimum.value;
        below
            .iter_mut()
            .enumerate()
            .for_each(|(i, c)| *c = master.constants[i] + dot(master.gradient(i), &at.minimum.u));
        at.model = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        below.iter_mut().for_each(|c| *c -= at.model);
        at.gap = -dot(&below, lambda);
        at.steps = steps;
        at.size = constant.abs() + at.slope.iter().zip(&at.minimum.u).map(|(s, u)| (s * u).abs()).sum::<f64>();

        idle = if at.gap < 0.7 * least { 0 } else { idle + 1 };
        least = least.min(at.gap);
        let done = at.gap <= tolerance.max(at.rounding()) || idle > IDLE && at.gap <= 1e4 * at.rounding();
        if done || steps >= STEPS || !at.gap.is_finite() {
            return at;
        }

        let here = Here { lambda, mixed: &mixed, minimum: &at.minimum, below: &below, gap: at.gap };
        newton.maximise(master, &here, &mut target);
        target.iter_mut().zip(&*lambda).for_each(|(t, l)| *t -= l);
        along.fill(0.0);
        target
            .iter()
            .enumerate()
            .filter(|(_, d)| **d != 0.0)
            .for_each(|(i, d)| add(*d, master.gradient(i), &mut along));
        let length = ascend(dot(&below, &target), &at.slope, &along, master);
        for (l, d) in lambda.iter_mut().zip(&target) {
            // A weight that the model sends to 0 ends there exactly.
            *l = if length == 1.0 && *d == -*l { 0.0 } else { (*l + length * d).max(0.0) };
        }
    }
    at
}

/// The step t in (0, 1] that maximises D(λ + t·d), by its derivative, which is `rise` at 0.
fn ascend(rise: f64, slope: &[f64], along: &[f64], master: &Master) -> f64 {
    let start = slope_along(slope, along, 0.0, master.tau, &master.shape);
    let derivative = |t: f64| rise + (slope_along(slope, along, t, master.tau, &master.shape) - start);
    let (mut low, mut high) = ((0.0, rise), (1.0, derivative(1.0)));
    let enough = 0.1 * rise.abs();
    if high.1 >= -enough {
        return 1.0;
    }
    for _ in 0..60 {
        // Regula falsi that halves the end that stays (Illinois), so that both ends move.
        let t = low.0 + (high.0 - low.0) * (low.1 / (low.1 - high.1)).clamp(0.02, 0.98);
        let d = derivative(t);
        if d.abs() <= enough {
            return t;
        }
        if d > 0.0 {
            (low, high.1) = ((t, d), 0.5 * high.1);
        } else {
            (high, low.1) = ((t, d), 0.5 * low.1);
        }
    }
    if low.0 > 0.0 { low.0 } else { high.0 }
}
