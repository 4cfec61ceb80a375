//! The Newton steps of the interior-point method.

use super::systems::{factorise, substitute};
use super::{Coordinate, Term};
use crate::dense::dot;

/// Rounds of iterative refinement of a Newton step.
const REFINEMENTS: u32 = 2;

/// Added to the curvature of each coordinate, in units where slopes are at most 1: keeps the systems regular where y is far
/// from the ends. It makes steps shorter, and no solution wrong.
const DAMPING: f64 = 1e-8;

/// The iterate: v, t, and the multipliers of cuts and equations (`lambda`, `nu`), of lower and of upper ends.
pub(super) struct Iterate<'a> {
    coordinates: &'a [Coordinate],
    /// Slopes of the cuts, then rows of the simplices.
    rows: &'a [Vec<f64>],
    heights: &'a [f64],
    targets: Vec<f64>,
    /// φ in scaled units: (τ/σ, κ).
    entropy: f64,
    proximal: f64,
    pub v: Vec<f64>,
    t: f64,
    /// λ of the cuts.
    pub lambda: Vec<f64>,
    nu: Vec<f64>,
    below: Vec<f64>,
    above: Vec<f64>,
}

/// A direction, of the parts of an [`Iterate`] and of the slacks of the cuts.
struct Direction {
    v: Vec<f64>,
    t: f64,
    slack: Vec<f64>,
    lambda: Vec<f64>,
    nu: Vec<f64>,
    below: Vec<f64>,
    above: Vec<f64>,
}

impl<'a> Iterate<'a> {
    pub fn new(
        coordinates: &'a [Coordinate],
        rows: &'a [Vec<f64>],
        heights: &'a [f64],
        targets: Vec<f64>,
        term: Term,
        scale: f64,
    ) -> Iterate<'a> {
        let m = heights.len();
        let members = |k: usize| coordinates.iter().filter(|c| c.simplex == Some(k)).count() as f64;
        let start = |c: &Coordinate| match (c.lower.is_finite(), c.upper.is_finite(), c.simplex) {
            (_, _, Some(k)) => c.lower + 1.0 / members(k),
            (true, true, _) => 0.5 * (c.lower + c.upper),
            (true, false, _) => c.lower.max(-1.0) + 1.0,
            (false, true, _) => c.upper.min(1.0) - 1.0,
            _ => 0.0,
        };
        let v: Vec<f64> = coordinates.iter().map(start).collect();
        let t = (0..m).map(|i| heights[i] + dot(&rows[i], &v)).fold(f64::NEG_INFINITY, f64::max) + 1.0;
        let side = |finite: bool| if finite { 1.0 / m as f64 } else { 0.0 };
        Iterate {
            below: coordinates.iter().map(|c| side(c.lower.is_finite())).collect(),
            above: coordinates.iter().map(|c| side(c.upper.is_finite())).collect(),
            entropy: if let Term::Entropy(tau) = term { tau / scale } else { 0.0 },
            proximal: if let Term::Proximal(kappa) = term { kappa } else { 0.0 },
            nu: vec![0.0; targets.len()],
            lambda: vec![1.0 / m as f64; m],
            coordinates,
            rows,
            heights,
            targets,
            v,
            t,
        }
    }

    fn slack(&self) -> Vec<f64> {
        self.heights.iter().zip(self.rows).map(|(h, g)| self.t - h - dot(g, &self.v)).collect()
    }

    /// ∇φ and its diagonal Hessian.
    fn term(&self, j: usize) -> (f64, f64) {
        let c = &self.coordinates[j];
        let mut out = (self.proximal * self.v[j], self.proximal);
        if self.entropy > 0.0 {
            let below = self.v[j] - c.lower;
            out.0 += self.entropy * (below.ln() + if c.simplex.is_some() { 1.0 } else { 0.0 });
            out.1 += self.entropy / below;
            if c.simplex.is_none() {
                out.0 -= self.entropy * (c.upper - self.v[j]).ln();
                out.1 += self.entropy / (c.upper - self.v[j]);
            }
        }
        out
    }

    /// ∇φ + Gᵀλ + Eᵀν, without the multipliers of the ends.
    fn slope(&self) -> Vec<f64> {
        let mut slope: Vec<f64> = (0..self.v.len()).map(|j| self.term(j).0).collect();
        for (weight, row) in self.lambda.iter().chain(&self.nu).zip(self.rows) {
            slope.iter_mut().zip(row).for_each(|(s, g)| *s += weight * g);
        }
        slope
    }

    /// The mean of the complementarity products.
    fn complementarity(&self, slack: &[f64]) -> f64 {
        let (mut sum, mut count) = (dot(slack, &self.lambda), slack.len() as f64);
        for (j, c) in self.coordinates.iter().enumerate() {
            for (multiplier, room) in [(self.below[j], self.v[j] - c.lower), (self.above[j], c.upper - self.v[j])] {
                if room.is_finite() {
                    sum += multiplier * room;
                    count += 1.0;
                }
            }
        }
        sum / count
    }

    pub fn converged(&self) -> bool {
        let slack = self.slack();
        let total = self.complementarity(&slack) * (slack.len() + 2 * self.v.len()) as f64;
        let residual = self.slope().into_iter().enumerate().map(|(j, s)| (s - self.below[j] + self.above[j]).abs());
        total <= 1e-12
            && residual.fold(0.0, f64::max) <= 1e-12
            && (self.lambda.iter().sum::<f64>() - 1.0).abs() <= 1e-10
    }

    /// One predictor–corrector step (Mehrotra); `None` when it cannot be taken.
    pub fn step(&mut self) -> Option<()> {
        let (slack, p, m) = (self.slack(), self.v.len(), self.heights.len());
        let (slope, mu) = (self.slope(), self.complementarity(&slack));
        let room = |j: usize| (self.v[j] - self.coordinates[j].lower, self.coordinates[j].upper - self.v[j]);
        let curvature: Vec<f64> =
            (0..p).map(|j| DAMPING + self.term(j).1 + self.below[j] / room(j).0 + self.above[j] / room(j).1).collect();
        let scaled: Vec<Vec<f64>> =
            self.rows.iter().map(|row| row.iter().zip(&curvature).map(|(g, d)| g / d).collect()).collect();
        let n = self.rows.len();
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for k in 0..=i {
                matrix[i * n + k] = dot(&self.rows[i], &scaled[k]);
            }
            if i < m {
                matrix[i * n + i] += slack[i] / self.lambda[i];
            }
        }
        factorise(&mut matrix, n);
        let mut ones = vec![0.0; n];
        ones[..m].fill(1.0);
        let ones = substitute(&matrix, n, ones);
        let lack = 1.0 - self.lambda.iter().sum::<f64>();
        let equations: Vec<f64> = (m..n).map(|i| self.targets[i - m] - dot(&self.rows[i], &self.v)).collect();
        let infinite = |r: f64, x: f64| if r.is_finite() { x / r } else { 0.0 };
        // D·v + Bᵀx = q,  B·v − t − (S/Λ)x = w (−t and S/Λ for cuts only),  Σx = lack (over cuts).
        let solved = |q: &[f64], w: &[f64], lack: f64| -> (Vec<f64>, Vec<f64>, f64) {
            let mut x = substitute(&matrix, n, (0..n).map(|i| dot(&scaled[i], q) - w[i]).collect());
            let t = (x[..m].iter().sum::<f64>() - lack) / ones[..m].iter().sum::<f64>();
            x.iter_mut().zip(&ones).for_each(|(x, one)| *x -= t * one);
            let mut v: Vec<f64> = q.iter().zip(&curvature).map(|(q, d)| q / d).collect();
            for (x, row) in x.iter().zip(&scaled) {
                v.iter_mut().zip(row).for_each(|(v, g)| *v -= x * g);
            }
            (v, x, t)
        };
        // The same, its residuals solved for again: D is tiny where y is far from the ends, which costs digits.
        let refined = |q: &[f64], w: &[f64]| -> (Vec<f64>, Vec<f64>, f64) {
            let (mut v, mut x, mut t) = solved(q, w, lack);
            for _ in 0..REFINEMENTS {
                let mut left: Vec<f64> = (0..p).map(|j| q[j] - curvature[j] * v[j]).collect();
                for (x, row) in x.iter().zip(self.rows) {
                    left.iter_mut().zip(row).for_each(|(q, g)| *q -= x * g);
                }
                let cut = |i: usize| if i < m { t + slack[i] / self.lambda[i] * x[i] } else { 0.0 };
                let below: Vec<f64> = (0..n).map(|i| w[i] - dot(&self.rows[i], &v) + cut(i)).collect();
                let more = solved(&left, &below, lack - x[..m].iter().sum::<f64>());
                v.iter_mut().zip(&more.0).for_each(|(v, d)| *v += d);
                x.iter_mut().zip(&more.1).for_each(|(x, d)| *x += d);
                t += more.2;
            }
            (v, x, t)
        };
        // `goal`: what the products of slack and multiplier are to become, for cuts, lower and upper ends.
        let direction = |goal: (&[f64], &[f64], &[f64])| -> Direction {
            let q: Vec<f64> =
                (0..p).map(|j| -slope[j] + infinite(room(j).0, goal.1[j]) - infinite(room(j).1, goal.2[j])).collect();
            let w: Vec<f64> =
                (0..n).map(|i| if i < m { slack[i] - goal.0[i] / self.lambda[i] } else { equations[i - m] }).collect();
            let (v, mut x, t) = refined(&q, &w);
            let below = |j: usize| infinite(room(j).0, goal.1[j] - self.below[j] * v[j]) - self.below[j];
            let above = |j: usize| infinite(room(j).1, goal.2[j] + self.above[j] * v[j]) - self.above[j];
            Direction {
                slack: (0..m).map(|i| t - dot(&self.rows[i], &v)).collect(),
                below: (0..p).map(below).collect(),
                above: (0..p).map(above).collect(),
                nu: x.split_off(m),
                lambda: x,
                t,
                v,
            }
        };
        let predicted = direction((&vec![0.0; m], &vec![0.0; p], &vec![0.0; p]));
        let reach = self.reach(&slack, &predicted);
        let after = {
            let moved = Moved { iterate: self, direction: &predicted, slack: &slack, step: reach };
            moved.complementarity()
        };
        let centred = mu * (after / mu).clamp(0.0, 1.0).powi(3).max(1e-6);
        let goal = |a: f64, b: f64| centred - a * b;
        let cuts: Vec<f64> = (0..m).map(|i| goal(predicted.slack[i], predicted.lambda[i])).collect();
        let below: Vec<f64> = (0..p).map(|j| goal(predicted.v[j], predicted.below[j])).collect();
        let above: Vec<f64> = (0..p).map(|j| goal(-predicted.v[j], predicted.above[j])).collect();
        let mut chosen = direction((&cuts, &below, &above));
        let mut step = (0.99 * self.reach(&slack, &chosen)).min(1.0);
        if step < 0.1 {
            // The second-order terms mislead far from the central path.
            let all = |n: usize| vec![0.3 * mu; n];
            chosen = direction((&all(m), &all(p), &all(p)));
            step = (0.99 * self.reach(&slack, &chosen)).min(1.0);
        }
        // An equation that held stops holding where rounding has taken over.
        let drift = (m..n).any(|i| dot(&self.rows[i], &chosen.v).abs() > 1e-9 + 2.0 * equations[i - m].abs());
        let finite = !drift && chosen.t.is_finite() && chosen.v.iter().chain(&chosen.lambda).all(|d| d.is_finite());
        if !finite || step < 1e-10 {
            return None;
        }
        let advance = |x: &mut [f64], d: &[f64]| x.iter_mut().zip(d).for_each(|(x, d)| *x += step * d);
        advance(&mut self.v, &chosen.v);
        advance(&mut self.lambda, &chosen.lambda);
        advance(&mut self.nu, &chosen.nu);
        advance(&mut self.below, &chosen.below);
        advance(&mut self.above, &chosen.above);
        self.t += step * chosen.t;
        // Rounding may put what is tiny on the wrong side.
        let room = self.slack().into_iter().fold(f64::INFINITY, f64::min);
        if room <= 0.0 {
            self.t += 1e-16 - room;
        }
        self.lambda.iter_mut().for_each(|l| *l = l.max(1e-300));
        let inside = self.coordinates.iter().zip(&self.v).all(|(c, v)| *v > c.lower && *v < c.upper);
        inside.then_some(())
    }

    /// The largest step ≤ 1/0.99 that keeps slacks, room and multipliers at 0 or above.
    fn reach(&self, slack: &[f64], d: &Direction) -> f64 {
        let limit = |reach: f64, x: f64, d: f64| if d < 0.0 { reach.min(-x / d) } else { reach };
        let mut reach = 1.0 / 0.99;
        for ((s, ds), (l, dl)) in slack.iter().zip(&d.slack).zip(self.lambda.iter().zip(&d.lambda)) {
            reach = limit(limit(reach, *s, *ds), *l, *dl);
        }
        for (j, c) in self.coordinates.iter().enumerate() {
            reach = limit(limit(reach, self.v[j] - c.lower, d.v[j]), c.upper - self.v[j], -d.v[j]);
            if c.lower.is_finite() {
                reach = limit(reach, self.below[j], d.below[j]);
            }
            if c.upper.is_finite() {
                reach = limit(reach, self.above[j], d.above[j]);
            }
        }
        reach
    }
}

/// An iterate after a step, for its complementarity.
struct Moved<'a, 'b> {
    iterate: &'a Iterate<'b>,
    direction: &'a Direction,
    slack: &'a [f64],
    step: f64,
}

impl Moved<'_, '_> {
    fn complementarity(&self) -> f64 {
        let (at, d, step) = (self.iterate, self.direction, self.step);
        let product = |x: f64, dx: f64, z: f64, dz: f64| (x + step * dx) * (z + step * dz);
        let (mut sum, mut count) = (0.0, self.slack.len() as f64);
        for i in 0..self.slack.len() {
            sum += product(self.slack[i], d.slack[i], at.lambda[i], d.lambda[i]);
        }
        for (j, c) in at.coordinates.iter().enumerate() {
            if c.lower.is_finite() {
                sum += product(at.v[j] - c.lower, d.v[j], at.below[j], d.below[j]);
                count += 1.0;
            }
            if c.upper.is_finite() {
                sum += product(c.upper - at.v[j], -d.v[j], at.above[j], d.above[j]);
                count += 1.0;
            }
        }
        sum / count
    }
}
