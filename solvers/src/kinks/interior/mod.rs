//! A primal-dual interior-point method for reduced programs: min qᵀy + wᵀz + c over z ≥ Ry + Cz + r, z ≥ 0, l ≤ y ≤ u.
//!
//! With slacks s = z − (Ry + Cz + r) and multipliers λ of the units' rows, μ of z ≥ 0 and ρ of the ends, the central path is
//! λs = μz = ρ·(distance of the end) = t. Every point near it has shares λ/(λ + μ), which give a true minorant wherever the method stops.
//!
//! | module   | what                                                                                        |
//! |----------|---------------------------------------------------------------------------------------------|
//! | `start`  | a point near the path; more units and coordinates on the way                                |
//! | `step`   | Mehrotra's predictor and corrector, and Gondzio's further corrections                       |
//! | `system` | the linear system of a step                                                                 |
//! | `vertex` | from a point inside to the kinks and ends that hold                                         |
//! | `rounds` | the whole network around it                                                                 |

mod rounds;
mod start;
mod step;
mod system;
mod vertex;

pub(super) use rounds::minimise;

use self::system::System;
use super::reduced::Reduced;
use crate::dense::dot;

/// A point inside, with multipliers. Every unit has a way to the output.
pub(super) struct Interior {
    net: Reduced,
    /// p
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// The finite ends: a coordinate each, 1 for its lower end and −1 for its upper one.
    ends: Vec<(usize, f64)>,
    /// p
    pub y: Vec<f64>,
    /// What stays above 0: slacks (k), values z (k), distances of the ends.
    room: Vec<f64>,
    /// Its multipliers: λ, μ, ρ.
    multipliers: Vec<f64>,
    system: System,
    /// Linear systems solved so far.
    pub steps: usize,
}

impl Interior {
    /// z (k)
    fn z(&self) -> &[f64] {
        &self.room[self.net.units..2 * self.net.units]
    }

    /// The sum of all products of a multiplier and what it belongs to: the duality gap, where the equations hold.
    pub fn complementarity(&self) -> f64 {
        dot(&self.room, &self.multipliers)
    }

    /// t: the mean of all products.
    pub fn barrier(&self) -> f64 {
        self.complementarity() / self.room.len().max(1) as f64
    }

    /// λ/(λ + μ) of every unit.
    pub fn shares(&self) -> Vec<f64> {
        let (lambda, rest) = self.multipliers.split_at(self.net.units);
        lambda.iter().zip(rest).map(|(l, m)| if l + m > 0.0 { (l / (l + m)).clamp(0.0, 1.0) } else { 0.0 }).collect()
    }

    /// f at `y` less the least value in the box of the minorant that belongs to `shares`.
    pub fn gap_of(&self, y: &[f64], shares: &[f64]) -> f64 {
        let k = self.net.units;
        let (mut pre, mut values, mut slope) = (vec![0.0; k], vec![0.0; k], vec![0.0; y.len()]);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `layers` layers of units in p decisions, each reading all before; integers make for many ties.
    fn program(p: usize, width: usize, layers: usize, integer: bool, seed: u64) -> Reduced {
        let mut random = seed;
        let mut uniform = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1u64 << 53) as f64
        };
        let k = width * layers;
        let mut net = Reduced { decisions: p, units: k, below: vec![0.0; k * k], ..Reduced::default() };
        let shaped = |v: f64| if integer { (3.0 * v).round() } else { v };
        for i in 0..k {
            net.rows.extend((0..p).map(|_| shaped(2.0 * uniform() - 1.0)));
            net.constants.push(shaped(uniform() - 0.5));
            net.reach.push(i / width * width);
            (0..i / width * width).for_each(|j| net.below[i * k + j] = shaped(uniform()) / k as f64);
            net.weights.push(shaped(uniform()));
        }
        net.linear = (0..p).map(|_| shaped((k as f64).sqrt() * (uniform() - 0.5))).collect();
        net
    }

    #[test]
    fn the_vertex_closes_the_gap_and_every_point_on_the_way_has_a_true_bound() {
        for (p, width, layers) in [(1, 3, 1), (3, 4, 2), (8, 12, 3), (20, 30, 1), (40, 30, 2)] {
            for seed in 0..6 {
                let net = program(p, width, layers, false, 100 * seed + p as u64);
                let sides = (vec![-1.0; p], vec![if seed % 2 == 0 { 1.0 } else { 0.25 }; p]);
                let y = vec![0.0; p];
                let mut inside = Interior::new(net.clone(), sides, &y, 0.1);
                let size = inside.complementarity();
                let mut gap = f64::INFINITY;
                for _ in 0..40 {
                    let step = inside.step().expect("numbers");
                    inside.go(&step, step.primal);
                    assert!(
                        inside.gap_of(&inside.y, &inside.shares())
                            <= (1.0 + 1e-9) * inside.complementarity() + 1e-12 * size
                    );
                    gap = inside.vertex().gap;
                    assert!(gap >= -1e-12 * size, "a bound above a value: {gap}");
                    if gap <= 1e-13 * size {
                        break;
                    }
                }
                assert!(gap <= 1e-13 * size, "p {p}, {layers} layers, seed {seed}: {gap} after {} steps", inside.steps);
            }
        }
    }

    #[test]
    fn points_inside_get_near_the_minimum_where_kinks_meet() {
        for seed in 0..10 {
            let mut net = program(6, 10, 2, true, seed);
            // Units without a way to the output have no place here.
            net.weights.iter_mut().for_each(|w| *w += 1.0);
            let mut inside = Interior::new(net, (vec![-1.0; 6], vec![1.0; 6]), &[0.0; 6], 1.0);
            let size = inside.complementarity();
            for _ in 0..40 {
                match inside.step() {
                    Some(step) if inside.complementarity() > 1e-10 * size => inside.go(&step, step.primal),
                    _ => break,
                }
            }
            let gap = inside.gap_of(&inside.y, &inside.shares());
            assert!(gap.abs() <= 1e-8 * size, "seed {seed}: {gap} of {size}");
        }
    }

    #[test]
    fn coordinates_without_ends() {
        // |y₀ − 1| + |y₁ + 2| + |y₀ + y₁| ≥ 1, at y₀ between 1 and 2 with y₁ = −y₀, among others.
        let net = Reduced {
            decisions: 2,
            units: 3,
            rows: vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            below: vec![0.0; 9],
            reach: vec![0; 3],
            constants: vec![-1.0, 2.0, 0.0],
            linear: vec![-2.0, -2.0],
            weights: vec![2.0; 3],
            constant: -1.0,
        };
        let ends = (vec![f64::NEG_INFINITY; 2], vec![f64::INFINITY; 2]);
        let mut inside = Interior::new(net, ends, &[7.0, 3.0], 1.0);
        for _ in 0..40 {
            let step = inside.step().expect("numbers");
            inside.go(&step, step.primal);
            if inside.complementarity() < 1e-9 {
                break;
            }
        }
        let f = |y: &[f64]| (y[0] - 1.0).abs() + (y[1] + 2.0).abs() + (y[0] + y[1]).abs();
        assert!((f(&inside.y) - 1.0).abs() < 1e-6, "{:?}", inside.y);
        assert!(inside.vertex().gap <= 1e-12, "{}", inside.vertex().gap);
    }
}
