//! The dual master (paper eq. 13 and the line before it): the best lower bound that a set of cuts gives, over their convex
//! combinations.

use super::entropic::{Minimum, slope_along};
use super::face::{Here, Newton};
use super::frame::Shape;
use crate::dense::{add, add_rows, dot, products, vectorised};
use crate::elementwise::{LANES, block, sum};

/// Newton steps before the master is given up; most take one to three.
const STEPS: usize = 200;

/// By which part of itself D's curvature may have changed since it was computed: at the first step of a master, where half a step is progress
/// enough, at the next two, and at others, so that Newton's method ends as fast as it does.
const CHANGED: [f64; 4] = [0.3, 0.03, 0.03, 0.0];

/// How far from 1 the weights may add up to.
const SUM: f64 = 1e-15;

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
    let mut at = Solved::default();
    newton.forget();
    solve_into(master, lambda, tolerance, &mut Search::default(), newton, &mut at);
    at
}

/// What the steps of a master write to.
#[derive(Debug, Default)]
pub struct Search {
    /// Gᵀλ, and its change along a step (n).
    mixed: Vec<f64>,
    along: Vec<f64>,
    /// The cuts at the minimiser, and where a step goes (k).
    below: Vec<f64>,
    target: Vec<f64>,
}

/// As [`solve`], without allocation. `newton` has to be new, or from this master when it had fewer cuts.
pub fn solve_into(
    master: &Master,
    lambda: &mut [f64],
    tolerance: f64,
    search: &mut Search,
    newton: &mut Newton,
    at: &mut Solved,
) {
    let (k, n) = (master.cuts(), master.linear.len());
    let Search { mixed, along, below, target } = search;
    [&mut *mixed, along, &mut at.slope].into_iter().for_each(|of| of.resize(n, 0.0));
    [&mut *below, target].into_iter().for_each(|of| of.resize(k, 0.0));
    let (mut least, mut idle) = (f64::INFINITY, 0);
    for steps in 0.. {
        let total: f64 = lambda.iter().sum();
        if (total - 1.0).abs() > SUM {
            lambda.iter_mut().for_each(|l| *l /= total);
        }
        if steps % 4 == 0 {
            mix(lambda, master, mixed);
        }
        at.slope.iter_mut().zip(&*mixed).zip(&master.linear).for_each(|((s, m), q)| *s = m + q);
        at.minimum.at(&at.slope, master.tau, &master.shape);
        let constant = dot(&master.constants, lambda);
        at.bound = constant + at.minimum.value;
        at.model = cuts_at(master, &at.minimum.u, below);
        at.gap = -dot(below, lambda);
        at.steps = steps;
        at.size = constant.abs() + size(&at.slope, &at.minimum.u);

        idle = if at.gap < 0.7 * least { 0 } else { idle + 1 };
        least = least.min(at.gap);
        let done = at.gap <= tolerance.max(at.rounding()) || idle > IDLE && at.gap <= 1e4 * at.rounding();
        if done || steps >= STEPS || !at.gap.is_finite() {
            return;
        }

        let here = Here { lambda, mixed, minimum: &at.minimum, below, gap: at.gap };
        newton.maximise(master, &here, CHANGED[steps.min(3)], target);
        target.iter_mut().zip(&*lambda).for_each(|(t, l)| *t -= l);
        newton.along(master, along);
        let length = ascend(dot(below, target), &at.slope, along, &at.minimum.u, master);
        for (l, d) in lambda.iter_mut().zip(&*target) {
            // A weight that the model sends to 0 ends there exactly.
            *l = if length == 1.0 && *d == -*l { 0.0 } else { (*l + length * d).max(0.0) };
        }
        add(length, along, mixed);
    }
}

/// Σ |sⱼuⱼ|
fn size(slope: &[f64], u: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            for (s, u) in slope.chunks(LANES).zip(u.chunks(LANES)) {
                let (s, u) = (block(s, 0.0), block(u, 0.0));
                (0..LANES).for_each(|l| sums[l] += (s[l] * u[l]).abs());
            }
            sum(&sums)
        },
    )
}

/// `mixed` becomes Gᵀweights.
fn mix(weights: &[f64], master: &Master, mixed: &mut [f64]) {
    mixed.fill(0.0);
    vectorised(
        #[inline(always)]
        || add_rows(weights, &master.gradients, mixed.len(), mixed),
    );
}

/// `below` becomes c − max c, c = h + G u; returns max c.
fn cuts_at(master: &Master, u: &[f64], below: &mut [f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            products(&master.gradients, u, below);
            let mut most = f64::NEG_INFINITY;
            for (c, h) in below.iter_mut().zip(&master.constants) {
                *c += h;
                most = most.max(*c);
            }
            below.iter_mut().for_each(|c| *c -= most);
            most
        },
    )
}

/// The step t in (0, 1] that maximises D(λ + t·d), by its derivative, which is `rise` at 0; `u` is the minimiser there.
fn ascend(rise: f64, slope: &[f64], along: &[f64], u: &[f64], master: &Master) -> f64 {
    let start = dot(u, along);
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
