//! A step: Mehrotra's predictor and corrector, then Gondzio's corrections, all with the same factor.

use super::Interior;
use crate::dense::{add, add_rows, dot, products, vectorised};

/// The part of the way to the nearest side that a step goes at most.
const WAY: f64 = 0.995;

/// The curvature of a coordinate without ends, as a part of what units give it.
const CURVED: f64 = 1e-8;

/// Further corrections; how much longer a step they aim at, and the products that they leave alone, as parts of t.
const CORRECTIONS: usize = 3;
const LONGER: f64 = 0.2;
const NEAR: (f64, f64) = (0.1, 10.0);

/// A correction counts if it makes the lengths of a step, which are at most 1, that much longer.
const GAINED: f64 = 0.02;

/// Changes of y, of what stays above 0, and of the multipliers; how far each can go.
pub(super) struct Step {
    pub y: Vec<f64>,
    room: Vec<f64>,
    multipliers: Vec<f64>,
    pub primal: f64,
    dual: f64,
}

/// How far the equations are off at a point: those of the weights (k), of the slopes (p) and of the rows (k).
struct Off {
    weights: Vec<f64>,
    slopes: Vec<f64>,
    rows: Vec<f64>,
}

impl Interior {
    /// The next step; `None` where numbers do not allow it.
    pub(super) fn step(&mut self) -> Option<Step> {
        let (p, k) = (self.y.len(), self.net.units);
        self.steps += 1;
        let ratios: Vec<f64> = self.room.iter().zip(&self.multipliers).map(|(x, m)| x / m).collect();
        let mut loose = vec![0.0; p];
        for ((j, _), ratio) in self.ends.iter().zip(&ratios[2 * k..]) {
            loose[*j] += 1.0 / ratio;
        }
        // A coordinate without ends is held back a little, in proportion to what units bend it.
        if loose.contains(&0.0) {
            for i in 0..k {
                let bent = CURVED / (ratios[i] + ratios[k + i]);
                let free = loose.iter_mut().zip(self.net.row(i)).zip(self.lower.iter().zip(&self.upper));
                let free = free.filter(|(_, (l, u))| !(l.is_finite() || u.is_finite()));
                free.for_each(|((t, r), _)| *t += bent * r * r);
            }
        }
        loose.iter_mut().for_each(|t| *t = 1.0 / t.max(f64::MIN_POSITIVE));
        if !self.system.factorise(&self.net, &ratios[..k], &ratios[k..2 * k], &loose) {
            return None;
        }
        let t = self.barrier();
        let mut c: Vec<f64> = self.room.iter().zip(&self.multipliers).map(|(x, m)| x * m).collect();
        let off = self.off();
        let step = self.direction(&loose, &off, &c);
        let after = self.products(&step, 1.0).iter().sum::<f64>() / c.len().max(1) as f64;
        let centred = t * (after / t).clamp(0.0, 1.0).powi(3);
        for ((c, x), m) in c.iter_mut().zip(&step.room).zip(&step.multipliers) {
            *c += x * m - centred;
        }
        let mut step = self.direction(&loose, &off, &c);
        for _ in 0..CORRECTIONS {
            if step.primal.min(step.dual) > 0.9 {
                break;
            }
            let mut further = c.clone();
            let products = self.products(&step, 1.0 + LONGER / step.primal.min(step.dual).max(LONGER));
            for (c, v) in further.iter_mut().zip(&products) {
                let wanted = v.max(NEAR.0 * centred).min(NEAR.1 * centred) - v;
                *c -= wanted.max(-NEAR.1 * centred);
            }
            let next = self.direction(&loose, &off, &further);
            let gained = next.primal + next.dual - step.primal - step.dual;
            if gained.is_nan() || gained < GAINED {
                break;
            }
            (step, c) = (next, further);
        }
        let numbers = step.y.iter().chain(&step.room).chain(&step.multipliers);
        numbers.copied().all(f64::is_finite).then_some(step)
    }

    /// Goes the part `primal` (at most that of the step) of the way in y, and as far as it can in the multipliers.
    pub(super) fn go(&mut self, step: &Step, primal: f64) {
        add(primal, &step.y, &mut self.y);
        add(primal, &step.room, &mut self.room);
        add(step.dual, &step.multipliers, &mut self.multipliers);
    }

    /// The products after a step `longer` times its lengths.
    fn products(&self, step: &Step, longer: f64) -> Vec<f64> {
        let (a, b) = ((longer * step.primal).min(1.0), (longer * step.dual).min(1.0));
        let room = self.room.iter().zip(&step.room).map(|(x, d)| x + a * d);
        room.zip(self.multipliers.iter().zip(&step.multipliers)).map(|(x, (m, d))| x * (m + b * d)).collect()
    }

    /// How far the equations are off.
    fn off(&self) -> Off {
        let net = &self.net;
        let k = net.units;
        let (slack, z) = (&self.room[..k], &self.room[k..2 * k]);
        let (lambda, mu) = (&self.multipliers[..k], &self.multipliers[k..2 * k]);
        let mut off = Off { weights: net.weights.clone(), slopes: net.linear.clone(), rows: vec![0.0; k] };
        vectorised(
            #[inline(always)]
            || {
                add_rows(lambda, &net.rows, self.y.len(), &mut off.slopes);
                products(&net.rows, &self.y, &mut off.rows);
                for i in 0..k {
                    add(lambda[i], net.inputs(i), &mut off.weights[..net.reach[i]]);
                    let a = net.constants[i] + off.rows[i] + dot(net.inputs(i), &z[..net.reach[i]]);
                    off.rows[i] = slack[i] - (z[i] - a);
                }
            },
        );
        off.weights.iter_mut().zip(lambda.iter().zip(mu)).for_each(|(w, (l, m))| *w -= l + m);
        off
    }

    /// The Newton step to where the equations hold, which are `off` now, that changes products by −c. `loose` is 1/curvature of each coordinate.
    fn direction(&mut self, loose: &[f64], off: &Off, c: &[f64]) -> Step {
        let net = &self.net;
        let (p, k) = (self.y.len(), net.units);
        let (slack, z) = (&self.room[..k], &self.room[k..2 * k]);
        let (lambda, mu) = (&self.multipliers[..k], &self.multipliers[k..2 * k]);
        let mut slope_off = off.slopes.clone();
        let values: Vec<f64> = (0..k).map(|i| -(c[k + i] + z[i] * off.weights[i]) / mu[i]).collect();
        let ends = self.ends.iter().zip(2 * k..);
        for ((j, side), e) in ends.clone() {
            slope_off[*j] += side * (c[e] / self.room[e] - self.multipliers[e]);
        }
        let mut y: Vec<f64> = slope_off.iter().zip(loose).map(|(s, l)| -s * l).collect();
        let mut right = vec![0.0; k];
        vectorised(
            #[inline(always)]
            || {
                products(&net.rows, &y, &mut right);
                for i in 0..k {
                    let inner = values[i] - dot(net.inputs(i), &values[..net.reach[i]]);
                    right[i] += off.rows[i] - c[i] / lambda[i] - inner;
                }
            },
        );
        self.system.solve(&mut right);
        // From the multipliers λ back to everything else.
        let (mut room, mut multipliers) = (vec![0.0; c.len()], vec![0.0; c.len()]);
        let (mut pulled, mut rest) = (vec![0.0; p], off.weights.clone());
        vectorised(
            #[inline(always)]
            || {
                add_rows(&right, &net.rows, p, &mut pulled);
                for i in 0..k {
                    add(right[i], net.inputs(i), &mut rest[..net.reach[i]]);
                    rest[i] -= right[i];
                }
            },
        );
        y.iter_mut().zip(&pulled).zip(loose).for_each(|((y, r), l)| *y -= r * l);
        for i in 0..k {
            (multipliers[i], multipliers[k + i]) = (right[i], rest[i]);
            room[i] = -(c[i] + slack[i] * right[i]) / lambda[i];
            room[k + i] = -(c[k + i] + z[i] * rest[i]) / mu[i];
        }
        for ((j, side), e) in ends {
            room[e] = side * y[*j];
            multipliers[e] = -(c[e] + self.multipliers[e] * room[e]) / self.room[e];
        }
        let length = |of: &[f64], by: &[f64]| {
            let most = of.iter().zip(by).fold(f64::INFINITY, |m, (x, d)| if *d < 0.0 { m.min(-x / d) } else { m });
            (WAY * most).clamp(0.0, 1.0)
        };
        let (primal, dual) = (length(&self.room, &room), length(&self.multipliers, &multipliers));
        Step { y, room, multipliers, primal, dual }
    }
}
