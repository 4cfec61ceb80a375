//! The search for a counterexample to convexity: a chord of f that lies below f at its midpoint, by more than rounding.
//!
//! Two kinds of search. Across a kink: a unit with a total weight of the wrong sign makes f locally concave where its
//! pre-activation changes sign, so go there and take a short chord. Anywhere: random chords, then gradient ascent on the
//! violation. What is found is confirmed by enclosures of f, so a refutation is as solid as a proof.

use serde::Serialize;

use crate::check::SearchEffort;
use crate::domain::Domain;
use crate::ir::adjoint::Adjoints;
use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::program::{NodeId, Op};

/// f((u + v)/2) > (f(u) + f(v))/2: the midpoint is exact in floating point, and the values are enclosed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witness {
    /// One end of the chord.
    pub u: Vec<f64>,
    /// The other end.
    pub v: Vec<f64>,
    /// Weight of u; always 1/2 here.
    pub theta: f64,
    /// The point θu + (1 − θ)v.
    pub point: Vec<f64>,
    /// The context at which it happens, where the network has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Vec<f64>>,
    /// f(u)
    pub f_u: f64,
    /// f(v)
    pub f_v: f64,
    /// f(θu + (1 − θ)v)
    pub f_point: f64,
    /// θ·f(u) + (1 − θ)·f(v)
    pub chord: f64,
    /// f(θu + (1 − θ)v) − chord, as evaluated.
    pub violation: f64,
    /// Bound on the evaluation error of the violation; smaller than it.
    pub error: f64,
}

/// Searches for a violated chord of `instance` (whose context is given) inside the box of `domain`.
pub fn refute(instance: &Instance, domain: &Domain, effort: SearchEffort) -> Option<Witness> {
    let mut random = Random(effort.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let search = Search { instance, low: finite(domain.lower(), -1.0), high: finite(domain.upper(), 1.0), domain };
    // Large networks get fewer starts, by their size and not by the clock, so that the verdict does not depend on the machine.
    let size: usize = instance.program().params().iter().map(|p| p.len).sum::<usize>() + 1000;
    let affordable = (WORK / (6 * ASCENT * size)).max(3);
    for start in 0..effort.starts.min(affordable) {
        // Later starts look further out where the domain is unbounded.
        let reach = [1.0, 4.0, 16.0][start % 3];
        let y = search.point(&mut random, reach);
        let found = search.across_kinks(&y, &mut random).or_else(|| search.ascend(&y, &mut random, reach));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Steps of one ascent.
const ASCENT: usize = 60;

/// Multiplications that a search may take, roughly.
const WORK: usize = 6_000_000_000;

fn finite(ends: &[f64], default: f64) -> Vec<f64> {
    ends.iter().map(|v| if v.is_finite() { *v } else { default }).collect()
}

struct Search<'a> {
    instance: &'a Instance,
    low: Vec<f64>,
    high: Vec<f64>,
    domain: &'a Domain,
}

impl Search<'_> {
    fn point(&self, random: &mut Random, reach: f64) -> Vec<f64> {
        let y: Vec<f64> = (0..self.low.len())
            .map(|j| {
                let (l, u) = (self.low[j], self.high[j]);
                if self.domain.lower()[j].is_finite() && self.domain.upper()[j].is_finite() {
                    l + (u - l) * random.uniform()
                } else {
                    (l.max(-1e6) + u.min(1e6)) / 2.0 + reach * (2.0 * random.uniform() - 1.0)
                }
            })
            .collect();
        self.domain.clip(&y)
    }

    /// Units whose total weight in f has the wrong sign: step onto their kink, then across it by short chords.
    fn across_kinks(&self, y: &[f64], random: &mut Random) -> Option<Witness> {
        let trace = self.instance.forward(y).ok()?;
        let mut candidates = self.suspicious_units(&trace);
        for k in (1..candidates.len()).rev() {
            candidates.swap(k, random.below(k + 1));
        }
        for (node, element) in candidates.into_iter().take(12) {
            let mut at = y.to_vec();
            let mut direction = vec![];
            for _ in 0..8 {
                let trace = self.instance.forward(&at).ok()?;
                let (value, gradient) = (trace.of(node)[element], self.entry_gradient(&trace, node, element));
                let square: f64 = gradient.iter().map(|g| g * g).sum();
                if square == 0.0 || !square.is_finite() {
                    break;
                }
                direction = gradient.iter().map(|g| g / square.sqrt()).collect();
                let step: Vec<f64> = at.iter().zip(&gradient).map(|(a, g)| a - value * g / square).collect();
                at = self.domain.clip(&step);
            }
            if direction.is_empty() {
                continue;
            }
            let chords = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5].into_iter().filter_map(|length| {
                let half: Vec<f64> = direction.iter().map(|d| d * length).collect();
                self.confirm(&at, &half)
            });
            let widest = chords.max_by(|a, b| a.violation.total_cmp(&b.violation));
            if widest.is_some() {
                return widest;
            }
        }
        None
    }

    /// (argument node, entry) of units whose behaviour does not fit the sign of their total weight at this point.
    fn suspicious_units(&self, trace: &Trace) -> Vec<(NodeId, usize)> {
        let mut out = vec![];
        let mut adjoints = Adjoints::new(self.instance);
        while let Some((id, adjoint)) = adjoints.next() {
            let node = self.instance.program().node(id);
            match &node.op {
                Op::Unit { input, unit } => {
                    let scalars = self.instance.scalars(unit, node.len);
                    let t = trace.of(*input);
                    for (i, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let g = scalars.get(i).behaviour(Interval::ENTIRE);
                        if (*a < 0.0 && !g.concave) || (*a > 0.0 && !g.convex) {
                            out.push((*input, i));
                        }
                    }
                    adjoints.add(*input, |i| adjoint[i] * scalars.get(i).derivative(t[i]));
                }
                other => self.instance.gradient_step(&mut adjoints, trace, id, other, &adjoint),
            }
        }
        out
    }

    /// Gradient of one entry of a node.
    fn entry_gradient(&self, trace: &Trace, node: NodeId, element: usize) -> Vec<f64> {
        let mut adjoints = Adjoints::of_entry(self.instance, node, element);
        while let Some((id, adjoint)) = adjoints.next() {
            let op = &self.instance.program().node(id).op;
            self.instance.gradient_step(&mut adjoints, trace, id, op, &adjoint);
        }
        adjoints.into_decision()
    }

    /// Ascent on the violation of a chord m ± h of fixed length: its direction turns towards the most negative curvature,
    /// its middle moves to where that is worse.
    fn ascend(&self, y: &[f64], random: &mut Random, reach: f64) -> Option<Witness> {
        let p = y.len();
        let mut middle = y.to_vec();
        let length = [0.5, 0.1, 0.02][random.below(3)] * reach;
        let mut half: Vec<f64> = (0..p).map(|_| 2.0 * random.uniform() - 1.0).collect();
        let mut step = 0.5;
        for _ in 0..ASCENT {
            resize(&mut half, length)?;
            if let Some(witness) = self.confirm(&middle, &half) {
                return Some(witness);
            }
            let gradient = |sign: f64| {
                let end: Vec<f64> = middle.iter().zip(&half).map(|(m, h)| m + sign * h).collect();
                let trace = self.instance.forward(&self.domain.clip(&end)).ok()?;
                Some(self.instance.gradient(&trace))
            };
            let (g, g_u, g_v) = (gradient(0.0)?, gradient(1.0)?, gradient(-1.0)?);
            // V = f(m) − (f(m + h) + f(m − h))/2
            let mut up_middle: Vec<f64> = (0..p).map(|j| g[j] - (g_u[j] + g_v[j]) / 2.0).collect();
            let mut up_half: Vec<f64> = (0..p).map(|j| (g_v[j] - g_u[j]) / 2.0).collect();
            if resize(&mut up_half, step * length).is_none() && up_middle.iter().all(|v| *v == 0.0) {
                return None;
            }
            let _ = resize(&mut up_middle, step * reach);
            for j in 0..p {
                middle[j] += up_middle[j];
                half[j] += up_half[j];
            }
            middle = self.domain.clip(&middle);
            step *= 0.96;
        }
        None
    }

    /// Rounds the chord m ± h so that its midpoint is exact, moves it into the box, and compares enclosures.
    fn confirm(&self, middle: &[f64], half: &[f64]) -> Option<Witness> {
        let (mut u, mut v, mut point) = (vec![], vec![], vec![]);
        for j in 0..middle.len() {
            let (l, r) = (self.domain.lower()[j], self.domain.upper()[j]);
            let size = middle[j].abs().max(half[j].abs()).max(1e-3);
            let grid = 2.0f64.powi(size.log2().ceil() as i32 - 46);
            let snap = |t: f64| (t / grid).round() * grid;
            let m = snap(middle[j]).max(l).min(r);
            // A fixed coordinate, or a bound off the grid, keeps its value exactly.
            let room = (m - l).min(r - m).max(0.0);
            let h = if room.is_finite() { half[j].clamp(-room, room) } else { half[j] };
            let h = (h / grid).trunc() * grid;
            u.push(m + h);
            v.push(m - h);
            point.push(m);
            let exact =
                (m + h) - m == h && m - (m - h) == h && (m + h) <= r && (m + h) >= l && (m - h) <= r && (m - h) >= l;
            if !exact {
                let last = u.len() - 1;
                (u[last], v[last]) = (m, m);
            }
        }
        if u == v {
            return None;
        }
        let value = |y: &[f64]| self.instance.forward(y).ok().map(|t| t.value());
        let (f_u, f_v, f_point) = (value(&u)?, value(&v)?, value(&point)?);
        let chord = 0.5 * f_u + 0.5 * f_v;
        let violation = f_point - chord;
        if violation.is_nan() || violation <= 0.0 {
            return None;
        }
        let enclose = |y: &[f64]| {
            let at: Vec<Interval> = y.iter().map(|v| Interval::point(*v)).collect();
            self.instance.bounds(&at).output()
        };
        let (e_u, e_v, e_point) = (enclose(&u), enclose(&v), enclose(&point));
        let width = |e: Interval| e.upper - e.lower;
        let error = width(e_point) + 0.5 * (width(e_u) + width(e_v)) + 4.0 * f64::EPSILON * (f_u.abs() + f_v.abs());
        let certain =
            e_point.lower > (0.5 * e_u.upper + 0.5 * e_v.upper) + 2.0 * f64::EPSILON * (f_u.abs() + f_v.abs());
        (certain && violation > error).then_some(Witness {
            u,
            v,
            theta: 0.5,
            point,
            context: None,
            f_u,
            f_v,
            f_point,
            chord,
            violation,
            error,
        })
    }
}

/// Scales a vector to the given length; `None` (and no change) for a zero vector.
fn resize(v: &mut [f64], length: f64) -> Option<()> {
    let norm = v.iter().map(|e| e * e).sum::<f64>().sqrt();
    if norm == 0.0 || !norm.is_finite() {
        return None;
    }
    v.iter_mut().for_each(|e| *e *= length / norm);
    Some(())
}

/// xorshift64*: enough for a search, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
