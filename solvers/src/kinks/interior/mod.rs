//! A primal-dual interior-point method for reduced programs: min qᵀy + wᵀz + c over z ≥ Ry + Cz + r, z ≥ 0, l ≤ y ≤ u.
//!
//! Mehrotra's predictor and corrector, from a point near the central path. With slacks s = z − (Ry + Cz + r) and multipliers λ of the units' rows, μ of
//! z ≥ 0 and ρ of the ends, the path is λs = μz = ρ·(distance of the end) = t. Every point of it has shares λ/(λ + μ), which
//! give a true minorant wherever the method stops: a unit's weight is λ + μ = w + Cᵀλ. `system` holds the linear algebra, `vertex` goes from a
//! point inside to the kinks that hold.

mod rounds;
mod system;
mod vertex;

pub(super) use rounds::minimise;

use self::system::System;
use super::reduced::Reduced;
use crate::dense::{add, dot, vectorised};

/// The part of the way to the nearest side that a step goes at most.
const WAY: f64 = 0.995;

/// Least curvature of a coordinate, relative to the largest one.
const CURVED: f64 = 1e-12;

/// A point inside, with multipliers.
pub(super) struct Interior<'a> {
    net: &'a Reduced,
    lower: &'a [f64],
    upper: &'a [f64],
    /// p
    pub y: Vec<f64>,
    /// Values and slacks (k each).
    z: Vec<f64>,
    s: Vec<f64>,
    /// Multipliers of the units' rows and of z ≥ 0 (k each).
    lambda: Vec<f64>,
    mu: Vec<f64>,
    /// Multipliers of the ends (p each); 0 where there is none.
    low: Vec<f64>,
    high: Vec<f64>,
    system: System,
    /// Linear systems solved so far.
    pub steps: usize,
}

/// Changes of everything.
struct Step {
    y: Vec<f64>,
    z: Vec<f64>,
    s: Vec<f64>,
    lambda: Vec<f64>,
    mu: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl<'a> Interior<'a> {
    /// Near the point of the path that belongs to `t`, from `y` (p). Every unit must have a way to the output.
    pub fn new(net: &'a Reduced, (lower, upper): (&'a [f64], &'a [f64]), y: &[f64], t: f64) -> Interior<'a> {
        let (p, k) = (net.decisions, net.units);
        let zeros = |n: usize| vec![0.0; n];
        let mut at = Interior {
            net,
            lower,
            upper,
            y: y.to_vec(),
            z: zeros(k),
            s: zeros(k),
            lambda: zeros(k),
            mu: zeros(k),
            low: zeros(p),
            high: zeros(p),
            system: System::new(k, p),
            steps: 0,
        };
        let (mut slope, mut weights, mut pre) = (zeros(p), zeros(k), zeros(k));
        net.forward(&at.y, &mut pre, &mut at.z);
        let shares: Vec<f64> = pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect();
        net.backward(&shares, &mut slope, &mut weights);
        for j in 0..p {
            let (l, u) = (lower[j], upper[j]);
            let room = if u - l < f64::INFINITY { 0.5 * (u - l) } else { f64::INFINITY };
            let away = (t / (slope[j].abs() + t / room.min(1.0))).min(room);
            at.y[j] = at.y[j].max(l + away).min(u - away);
        }
        // Where weight·z·s = t·(z + s): the centre of a unit with this weight and pre-activation.
        let typical = weights.iter().sum::<f64>() / k.max(1) as f64;
        for i in 0..k {
            let a = net.constants[i] + dot(net.row(i), &at.y) + dot(net.inputs(i), &at.z[..net.reach[i]]);
            let scaled = t / weights[i].max(1e-3 * typical);
            let root = a.hypot(2.0 * scaled);
            let least = if a > 0.0 { 2.0 * scaled * scaled / (root + a) } else { 0.5 * (root - a) };
            let more = if a > 0.0 { 0.5 * (root + a) } else { 2.0 * scaled * scaled / (root - a) };
            (at.s[i], at.z[i]) = (scaled + least, scaled + more);
        }
        let Interior { z, s, lambda, mu, .. } = &mut at;
        let share = |i: usize, weight: f64| {
            let share = z[i] / (z[i] + s[i]);
            (lambda[i], mu[i]) = (share * weight, s[i] / (z[i] + s[i]) * weight);
            share
        };
        net.backward_with(share, &mut slope, &mut weights);
        for j in 0..p {
            let (g, below, above) = (slope[j], at.y[j] - lower[j], upper[j] - at.y[j]);
            let root = g.hypot(2.0 * t / (below * above).sqrt());
            (at.low[j], at.high[j]) = match (below < f64::INFINITY, above < f64::INFINITY) {
                (true, true) => (0.5 * (root + g).max(t / below), 0.5 * (root - g).max(t / above)),
                (true, false) => (g.max(t / below), 0.0),
                (false, true) => (0.0, (-g).max(t / above)),
                (false, false) => (0.0, 0.0),
            };
        }
        at
    }

    /// The sum of all products of a multiplier and what it belongs to: the duality gap, where rows hold.
    pub fn complementarity(&self) -> f64 {
        let mut sum = dot(&self.lambda, &self.s) + dot(&self.mu, &self.z);
        for j in 0..self.y.len() {
            if self.low[j] > 0.0 {
                sum += self.low[j] * (self.y[j] - self.lower[j]);
            }
            if self.high[j] > 0.0 {
                sum += self.high[j] * (self.upper[j] - self.y[j]);
            }
        }
        sum
    }

    /// How many products there are.
    fn products(&self) -> usize {
        let ends = self.low.iter().chain(&self.high).filter(|m| **m > 0.0).count();
        2 * self.z.len() + ends
    }

    /// t: the mean of all products.
    pub fn barrier(&self) -> f64 {
        self.complementarity() / self.products().max(1) as f64
    }

    /// The size of an objective's slope: what units can add to that of a coordinate.
    fn steepness(&self) -> f64 {
        let (k, p) = (self.z.len(), self.y.len());
        let squares: f64 = (0..k).map(|i| (self.lambda[i] + self.mu[i]).powi(2) * dot(self.net.row(i), self.net.row(i))).sum();
        (squares / p.max(1) as f64).sqrt().max(f64::MIN_POSITIVE)
    }

    /// λ/(λ + μ) of every unit.
    pub fn shares(&self) -> Vec<f64> {
        self.lambda.iter().zip(&self.mu).map(|(l, m)| (l / (l + m)).clamp(0.0, 1.0)).collect()
    }

    /// f at `y` less the least value in the box of the minorant that belongs to `shares`.
    pub fn gap_of(&self, y: &[f64], shares: &[f64]) -> f64 {
        let (mut pre, mut values, mut slope) = (vec![0.0; self.z.len()], vec![0.0; self.z.len()], vec![0.0; y.len()]);
        let mut gap = self.net.forward(y, &mut pre, &mut values);
        gap -= self.net.backward(shares, &mut slope, &mut pre);
        let largest = slope.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for (j, g) in slope.iter().enumerate() {
            let end = if *g > 0.0 { self.lower[j] } else { self.upper[j] };
            // A slope of rounding size leads nowhere on an unbounded side.
            gap -= g * if end.is_finite() || g.abs() > 1e-9 * largest { end } else { y[j] };
        }
        gap
    }

    /// One predictor and corrector. False, and nothing changed, where numbers do not allow it.
    pub fn step(&mut self) -> bool {
        let (p, k) = (self.y.len(), self.z.len());
        self.steps += 1;
        let e1: Vec<f64> = self.s.iter().zip(&self.lambda).map(|(s, l)| s / l).collect();
        let e2: Vec<f64> = self.z.iter().zip(&self.mu).map(|(z, m)| z / m).collect();
        let mut theta: Vec<f64> = (0..p).map(|j| self.curvature(j)).collect();
        let least = CURVED * theta.iter().fold(f64::MIN_POSITIVE, |m, t| m.max(*t));
        theta.iter_mut().for_each(|t| *t = 1.0 / t.max(least));
        if !self.system.factorise(self.net, &e1, &e2, &theta) {
            return false;
        }
        let t = self.barrier();
        let (below, above): (Vec<f64>, Vec<f64>) =
            (0..p).map(|j| (self.y[j] - self.lower[j], self.upper[j] - self.y[j])).unzip();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>();
        let (mut c1, mut c2) = (product(&self.s, &self.lambda), product(&self.z, &self.mu));
        let ends = |m: &[f64], room: &[f64]| {
            m.iter().zip(room).map(|(m, r)| if *m > 0.0 { m * r } else { 0.0 }).collect::<Vec<f64>>()
        };
        let (mut c3, mut c4) = (ends(&self.low, &below), ends(&self.high, &above));
        let step = self.direction(&theta, (&c1, &c2), (&c3, &c4));
        let (primal, dual) = self.lengths(&step);
        let after = self.complementarity_after(&step, primal, dual) / self.products().max(1) as f64;
        let centred = t * (after / t).clamp(0.0, 1.0).powi(3);
        for i in 0..k {
            c1[i] += step.s[i] * step.lambda[i] - centred;
            c2[i] += step.z[i] * step.mu[i] - centred;
        }
        for j in 0..p {
            if self.low[j] > 0.0 {
                c3[j] += step.y[j] * step.low[j] - centred;
            }
            if self.high[j] > 0.0 {
                c4[j] += -step.y[j] * step.high[j] - centred;
            }
        }
        let step = self.direction(&theta, (&c1, &c2), (&c3, &c4));
        let (primal, dual) = self.lengths(&step);
        let numbers = step.y.iter().chain(&step.lambda).chain(&step.z).chain(&step.s).chain(&step.mu);
        if !numbers.chain(&step.low).chain(&step.high).all(|v| v.is_finite()) {
            return false;
        }
        let (primal, dual) = ((WAY * primal).min(1.0), (WAY * dual).min(1.0));
        add(primal, &step.y, &mut self.y);
        add(primal, &step.z, &mut self.z);
        add(primal, &step.s, &mut self.s);
        add(dual, &step.lambda, &mut self.lambda);
        add(dual, &step.mu, &mut self.mu);
        add(dual, &step.low, &mut self.low);
        add(dual, &step.high, &mut self.high);
        true
    }

    /// ρ/(distance) of both ends: the barrier's curvature in a coordinate.
    fn curvature(&self, j: usize) -> f64 {
        let part = |m: f64, room: f64| if m > 0.0 { m / room } else { 0.0 };
        part(self.low[j], self.y[j] - self.lower[j]) + part(self.high[j], self.upper[j] - self.y[j])
    }

    /// The Newton step that takes rows to where they hold, and products by −c: s·λ by c1, z·μ by c2, those of ends by c3 and c4. `room` is 1/curvature.
    fn direction(&mut self, room: &[f64], (c1, c2): (&[f64], &[f64]), (c3, c4): (&[f64], &[f64])) -> Step {
        let net = self.net;
        let (p, k) = (self.y.len(), self.z.len());
        // Residuals: of the weights, of the slopes, of the rows.
        let (mut weight_off, mut slope_off) = (net.weights.clone(), net.linear.clone());
        let mut row_off = vec![0.0; k];
        vectorised(|| {
            for i in 0..k {
                add(self.lambda[i], net.row(i), &mut slope_off);
                add(self.lambda[i], net.inputs(i), &mut weight_off[..net.reach[i]]);
                let pre = net.constants[i] + dot(net.row(i), &self.y) + dot(net.inputs(i), &self.z[..net.reach[i]]);
                row_off[i] = self.s[i] - (self.z[i] - pre);
            }
        });
        for i in 0..k {
            weight_off[i] -= self.lambda[i] + self.mu[i];
        }
        let by = |c: f64, room: f64| if c != 0.0 { c / room } else { 0.0 };
        let mut right_y = vec![0.0; p];
        for j in 0..p {
            slope_off[j] += self.high[j] - self.low[j];
            let ends = by(c4[j], self.upper[j] - self.y[j]) - by(c3[j], self.y[j] - self.lower[j]);
            right_y[j] = (ends - slope_off[j]) * room[j];
        }
        let free_z: Vec<f64> = (0..k).map(|i| -(c2[i] + self.z[i] * weight_off[i]) / self.mu[i]).collect();
        let mut lambda: Vec<f64> = vec![0.0; k];
        vectorised(|| {
            for i in 0..k {
                let inner = free_z[i] - dot(net.inputs(i), &free_z[..net.reach[i]]);
                lambda[i] = dot(net.row(i), &right_y) + row_off[i] - c1[i] / self.lambda[i] - inner;
            }
        });
        self.system.solve(&mut lambda);
        // From the multipliers back to everything else.
        let (mut pulled, mut mu) = (vec![0.0; p], vec![0.0; k]);
        vectorised(|| {
            for i in 0..k {
                add(lambda[i], net.row(i), &mut pulled);
                add(lambda[i], net.inputs(i), &mut mu[..net.reach[i]]);
            }
        });
        let y: Vec<f64> = (0..p).map(|j| right_y[j] - room[j] * pulled[j]).collect();
        let (mut z, mut s) = (vec![0.0; k], vec![0.0; k]);
        for i in 0..k {
            mu[i] += weight_off[i] - lambda[i];
            z[i] = -(c2[i] + self.z[i] * mu[i]) / self.mu[i];
            s[i] = -(c1[i] + self.s[i] * lambda[i]) / self.lambda[i];
        }
        let (mut low, mut high) = (vec![0.0; p], vec![0.0; p]);
        for j in 0..p {
            if self.low[j] > 0.0 {
                low[j] = -(c3[j] + self.low[j] * y[j]) / (self.y[j] - self.lower[j]);
            }
            if self.high[j] > 0.0 {
                high[j] = -(c4[j] - self.high[j] * y[j]) / (self.upper[j] - self.y[j]);
            }
        }
        Step { y, z, s, lambda, mu, low, high }
    }

    /// How far the step can go before something gets to its end: points, and multipliers.
    fn lengths(&self, step: &Step) -> (f64, f64) {
        let ratio = |m: f64, v: f64, d: f64| if d < 0.0 { m.min(-v / d) } else { m };
        let (mut primal, mut dual) = (f64::INFINITY, f64::INFINITY);
        for i in 0..self.z.len() {
            primal = ratio(ratio(primal, self.z[i], step.z[i]), self.s[i], step.s[i]);
            dual = ratio(ratio(dual, self.lambda[i], step.lambda[i]), self.mu[i], step.mu[i]);
        }
        for j in 0..self.y.len() {
            primal = ratio(primal, self.y[j] - self.lower[j], step.y[j]);
            primal = ratio(primal, self.upper[j] - self.y[j], -step.y[j]);
            dual = ratio(ratio(dual, self.low[j], step.low[j]), self.high[j], step.high[j]);
        }
        (primal.max(0.0), dual.max(0.0))
    }

    fn complementarity_after(&self, step: &Step, primal: f64, dual: f64) -> f64 {
        let (a, b) = (primal.min(1.0), dual.min(1.0));
        let mut sum = 0.0;
        for i in 0..self.z.len() {
            sum += (self.s[i] + a * step.s[i]) * (self.lambda[i] + b * step.lambda[i]);
            sum += (self.z[i] + a * step.z[i]) * (self.mu[i] + b * step.mu[i]);
        }
        for j in 0..self.y.len() {
            if self.low[j] > 0.0 {
                sum += (self.y[j] - self.lower[j] + a * step.y[j]) * (self.low[j] + b * step.low[j]);
            }
            if self.high[j] > 0.0 {
                sum += (self.upper[j] - self.y[j] - a * step.y[j]) * (self.high[j] + b * step.high[j]);
            }
        }
        sum
    }
}
