//! [`Balls`]: vectors of real numbers, each known as a midpoint in f64 and a radius that is rounded up.

use crate::ir::interval::{Interval, sum_down, sum_up};

/// The smallest positive number: what an underflow can lose.
pub(super) const TINY: f64 = f64::from_bits(1);

/// 2⁻⁵³: half a unit in the last place of 1.
pub(super) const UNIT: f64 = f64::EPSILON / 2.0;

/// Real numbers xᵢ with |xᵢ − midᵢ| ≤ radᵢ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Balls {
    pub mid: Vec<f64>,
    pub rad: Vec<f64>,
}

impl Balls {
    /// Numbers that are exactly known.
    pub fn exact(mid: Vec<f64>) -> Balls {
        let rad = vec![0.0; mid.len()];
        Balls { mid, rad }
    }

    pub fn zeros(len: usize) -> Balls {
        Balls::exact(vec![0.0; len])
    }

    pub fn len(&self) -> usize {
        self.mid.len()
    }

    /// The smallest interval around entry `i`.
    pub fn interval(&self, i: usize) -> Interval {
        interval(self.mid[i], self.rad[i])
    }

    pub fn set(&mut self, i: usize, on: Interval) {
        (self.mid[i], self.rad[i]) = ball(on);
    }

    /// Adds m ± r to entry `i`.
    #[inline(always)]
    pub fn add(&mut self, i: usize, m: f64, r: f64) {
        (self.mid[i], self.rad[i]) = sum((self.mid[i], self.rad[i]), (m, r));
    }

    /// Adds a vector.
    pub fn add_all(&mut self, other: &Balls) {
        let into = self.mid.iter_mut().zip(&mut self.rad);
        for ((mid, rad), (m, r)) in into.zip(other.mid.iter().zip(&other.rad)) {
            (*mid, *rad) = sum((*mid, *rad), (*m, *r));
        }
    }

    pub fn is_finite(&self) -> bool {
        self.mid.iter().chain(&self.rad).all(|v| v.is_finite())
    }
}

/// [mid − rad, mid + rad], rounded outward.
pub(super) fn interval(mid: f64, rad: f64) -> Interval {
    Interval::new(sum_down(mid, -rad), sum_up(mid, rad))
}

/// A ball around an interval; of infinite radius where the interval is unbounded.
pub(super) fn ball(on: Interval) -> (f64, f64) {
    if on.is_point() {
        return (on.lower, 0.0);
    }
    if !(on.lower.is_finite() && on.upper.is_finite()) {
        return (0.0, f64::INFINITY);
    }
    let mid = 0.5 * on.lower + 0.5 * on.upper;
    (mid, sum_up(on.upper, -mid).max(sum_up(mid, -on.lower)))
}

/// More than two roundings take away: x·(1 − u)³·UP ≥ x for what does not underflow, and UP·x ≥ x for what does.
const UP: f64 = 1.0 + 2.0 * f64::EPSILON;

/// An upper bound on a·b for a, b ≥ 0; without branches, for loops over vectors.
#[inline(always)]
pub(super) fn times_up(a: f64, b: f64) -> f64 {
    let up = a * b * UP + TINY;
    if a == 0.0 || b == 0.0 { 0.0 } else { up }
}

/// An upper bound on a + b for a, b ≥ 0. A sum does not underflow.
#[inline(always)]
pub(super) fn plus_up(a: f64, b: f64) -> f64 {
    (a + b) * UP
}

/// The sum of two balls.
#[inline(always)]
pub(super) fn sum((a, ra): (f64, f64), (b, rb): (f64, f64)) -> (f64, f64) {
    let mid = a + b;
    // Nothing is rounded where one of them is 0. A sum below 2⁻¹⁰²² is exact.
    let rounding = if a == 0.0 || b == 0.0 { 0.0 } else { UNIT * mid.abs() };
    (mid, (ra + rb + rounding) * UP)
}

/// c times a ball.
#[inline(always)]
pub(super) fn scaled(c: f64, (a, ra): (f64, f64)) -> (f64, f64) {
    let mid = c * a;
    // Nothing is rounded where c or a is 0, nor by ±1.
    let rounding = if a == 0.0 || c == 0.0 || c.abs() == 1.0 { 0.0 } else { UNIT * mid.abs() * UP + 2.0 * TINY };
    (mid, plus_up(times_up(c.abs(), ra), rounding))
}

/// The product of two balls.
pub(super) fn product((a, ra): (f64, f64), (b, rb): (f64, f64)) -> (f64, f64) {
    let (mid, rounding) = scaled(a, (b, 0.0));
    let cross = plus_up(times_up(a.abs(), rb), times_up(ra, plus_up(b.abs(), rb)));
    (mid, plus_up(cross, rounding))
}
