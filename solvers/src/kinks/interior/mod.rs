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
