//! Where the method starts, and how units and coordinates come in on the way.

use super::Interior;
use super::system::System;
use crate::dense::dot;
use crate::kinks::reduced::Reduced;

/// The least weight that a unit is placed by, as a part of the mean.
const LEAST_WEIGHT: f64 = 1e-3;

/// Where the units and coordinates of a larger program were before.
pub(super) struct Place {
    /// For each unit its number in the smaller program, or the share at which it was frozen.
    pub units: Vec<Result<usize, f64>>,
    /// For each coordinate its number there.
    pub coordinates: Vec<Option<usize>>,
}

impl Interior {
    /// Near the point of the path that belongs to `t`, from `y` (p).
    pub fn new(net: Reduced, (lower, upper): (Vec<f64>, Vec<f64>), y: &[f64], t: f64) -> Interior {
        let (p, k) = (net.decisions, net.units);
        let mut at = Interior {
            system: System::new(k, p),
            ends: ends(&lower, &upper),
            lower,
            upper,
            y: y.to_vec(),
            room: vec![0.0; 2 * k],
            multipliers: vec![0.0; 2 * k],
            steps: 0,
            net,
        };
        let (mut slope, mut weights, mut pre) = (vec![0.0; p], vec![0.0; k], vec![0.0; k]);
        at.net.forward(y, &mut pre, &mut at.room[k..]);
        let shares: Vec<f64> = pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect();
        at.net.backward(&shares, &mut slope, &mut weights);
        (0..p).for_each(|j| at.y[j] = inside(at.y[j], (at.lower[j], at.upper[j]), slope[j], t));
        let least = LEAST_WEIGHT * weights.iter().sum::<f64>() / k.max(1) as f64;
        for (i, weight) in weights.iter().enumerate() {
            let below = &at.room[k..k + at.net.reach[i]];
            let a = at.net.constants[i] + dot(at.net.row(i), &at.y) + dot(at.net.inputs(i), below);
            (at.room[i], at.room[k + i]) = centre(a, t / weight.max(least));
        }
        let (room, multipliers) = (&at.room, &mut at.multipliers);
        let share = |i: usize, weight: f64| {
            let share = room[k + i] / (room[i] + room[k + i]);
            (multipliers[i], multipliers[k + i]) = (share * weight, room[i] / (room[i] + room[k + i]) * weight);
            share
        };
        at.net.backward_with(share, &mut slope, &mut weights);
        at.add_ends(&slope, t, |_| None);
        at
    }

    /// The distances of ends and their multipliers, which `known` tells of some.
    fn add_ends(&mut self, slope: &[f64], t: f64, known: impl Fn((usize, f64)) -> Option<(f64, f64)>) {
        let k = self.net.units;
        self.room.truncate(2 * k);
        self.multipliers.truncate(2 * k);
        for (j, side) in self.ends.iter().copied() {
            let (below, above) = (self.y[j] - self.lower[j], self.upper[j] - self.y[j]);
            let room = if side > 0.0 { below } else { above };
            let outward = side * slope[j];
            // The two multipliers of a coordinate differ by its slope.
            let both = if below.max(above) < f64::INFINITY { 2.0 * t / (below * above).sqrt() } else { 0.0 };
            let multiplier = (0.5 * (outward.hypot(both) + outward)).max(t / room);
            let (room, multiplier) = known((j, side)).unwrap_or((room, multiplier));
            self.room.push(room);
            self.multipliers.push(multiplier);
        }
    }

    /// The same point in a program with more units or coordinates, `place` telling where they were; y (p) has those of the new coordinates. What is new is
    /// put near the path; the equations that it enters are off until the next steps.
    pub(super) fn grown(
        mut self,
        net: Reduced,
        (lower, upper): (Vec<f64>, Vec<f64>),
        y: Vec<f64>,
        place: &Place,
    ) -> Interior {
        let (p, k, old) = (net.decisions, net.units, self.net.units);
        let t = self.barrier();
        self.system.resize(k, p);
        let mut at = Interior {
            system: self.system,
            ends: ends(&lower, &upper),
            lower,
            upper,
            y,
            room: vec![0.0; 2 * k],
            multipliers: vec![0.0; 2 * k],
            steps: self.steps,
            net,
        };
        let (room, multipliers) = (&self.room, &self.multipliers);
        let (mut slope, mut weights) = (at.net.linear.clone(), at.net.weights.clone());
        for i in (0..k).rev() {
            let lambda = match place.units[i] {
                Ok(n) => multipliers[n],
                Err(share) => share * weights[i],
            };
            crate::dense::add(lambda, at.net.row(i), &mut slope);
            crate::dense::add(lambda, at.net.inputs(i), &mut weights[..at.net.reach[i]]);
        }
        for (j, known) in place.coordinates.iter().enumerate() {
            match known {
                Some(n) => at.y[j] = self.y[*n],
                None => at.y[j] = inside(at.y[j], (at.lower[j], at.upper[j]), slope[j], t),
            }
        }
        let least = LEAST_WEIGHT * weights.iter().sum::<f64>() / k.max(1) as f64;
        let mut values = vec![0.0; k];
        for i in 0..k {
            match place.units[i] {
                Ok(n) => {
                    (at.room[i], at.room[k + i]) = (room[n], room[old + n]);
                    (at.multipliers[i], at.multipliers[k + i]) = (multipliers[n], multipliers[old + n]);
                    values[i] = at.room[k + i];
                }
                Err(share) => {
                    let a = at.net.constants[i]
                        + dot(at.net.row(i), &at.y)
                        + dot(at.net.inputs(i), &values[..at.net.reach[i]]);
                    let (s, z) = centre(a, t / weights[i].max(least));
                    (at.room[i], at.room[k + i]) = (s, z);
                    let weight = weights[i].max(least);
                    (at.multipliers[i], at.multipliers[k + i]) = (z / (s + z) * weight, s / (s + z) * weight);
                    // Units above have seen it frozen.
                    values[i] = share * a;
                }
            }
        }
        let before = &self.ends;
        let known = |(j, side): (usize, f64)| {
            let n = place.coordinates[j]?;
            let e = before.binary_search_by(|(i, s)| side.total_cmp(s).then(i.cmp(&n))).ok()?;
            Some((room[2 * old + e], multipliers[2 * old + e]))
        };
        at.add_ends(&slope, t, known);
        at.restore();
        at
    }

    /// Lets all equations hold again, from the inputs up and from the output down: products s·z, shares, and products of a coordinate's multipliers
    /// stay what they are.
    fn restore(&mut self) {
        let (p, k) = (self.net.decisions, self.net.units);
        for i in 0..k {
            let a = self.net.constants[i]
                + dot(self.net.row(i), &self.y)
                + dot(self.net.inputs(i), &self.room[k..k + self.net.reach[i]]);
            let square = self.room[i] * self.room[k + i];
            let more = 0.5 * (a.abs() + a.hypot(2.0 * square.sqrt()));
            let less = square / more;
            (self.room[i], self.room[k + i]) = if a > 0.0 { (less, more) } else { (more, less) };
        }
        let (mut slope, mut weights) = (vec![0.0; p], vec![0.0; k]);
        let shares = self.shares();
        let multipliers = &mut self.multipliers;
        let share = |i: usize, weight: f64| {
            (multipliers[i], multipliers[k + i]) = (shares[i] * weight, (1.0 - shares[i]).max(1e-16) * weight);
            shares[i]
        };
        self.net.backward_with(share, &mut slope, &mut weights);
        let mut squares = vec![1.0; p];
        let mut both = vec![0; p];
        for ((j, _), e) in self.ends.iter().zip(2 * k..) {
            squares[*j] *= self.multipliers[e];
            both[*j] += 1;
        }
        for ((j, side), e) in self.ends.iter().zip(2 * k..) {
            let outward = side * slope[*j];
            if both[*j] == 2 {
                let more = 0.5 * (outward.abs() + outward.hypot(2.0 * squares[*j].sqrt()));
                self.multipliers[e] = if outward > 0.0 { more } else { squares[*j] / more };
            } else if outward > 0.0 {
                self.multipliers[e] = outward;
            }
        }
    }
}

fn ends(lower: &[f64], upper: &[f64]) -> Vec<(usize, f64)> {
    let of = |v: &[f64], side: f64| {
        v.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(j, _)| (j, side)).collect::<Vec<_>>()
    };
    [of(lower, 1.0), of(upper, -1.0)].concat()
}

/// Moves a coordinate away from its ends, as far as its slope lets the path keep from them.
fn inside(y: f64, (lower, upper): (f64, f64), slope: f64, t: f64) -> f64 {
    let half = if upper - lower < f64::INFINITY { 0.5 * (upper - lower) } else { f64::INFINITY };
    let away = (t / (slope.abs() + t / half.min(1.0))).min(half);
    y.max(lower + away).min(upper - away)
}

/// Slack and value of a unit with pre-activation a on the path, where weight·s·z = t·(s + z): `scaled` is t/weight.
fn centre(a: f64, scaled: f64) -> (f64, f64) {
    let root = a.hypot(2.0 * scaled);
    let (less, more) = (2.0 * scaled * scaled / (root + a.abs()), 0.5 * (root + a.abs()));
    if a > 0.0 { (scaled + less, scaled + more) } else { (scaled + more, scaled + less) }
}
