//! One Newton step of the master: the quadratic model of D, maximised over the whole simplex by an active-set method.

use super::entropic::Minimum;
use super::master::Master;
use crate::dense::{Factor, add, dot};

/// Pivots of a factor below this part of their diagonal are rounding: the cuts are affinely dependent there. The step along
/// such a direction is as long as the simplex allows if the model rises along it, which drops one of the cuts.
const DEPENDENT: f64 = 1e-13;

/// The quadratic model of D at λ on the cuts that it needs, and where it is largest.
#[derive(Debug, Default)]
pub struct Newton {
    /// Cuts that the model has met, the support of λ first.
    members: Vec<usize>,
    /// What R consists of.
    roots: Vec<f64>,
    /// R(gᵢ − Gᵀλ) for each member: H = rows·rowsᵀ.
    rows: Vec<f64>,
    /// H, its lower triangle row by row.
    hessian: Vec<f64>,
    /// λᵢ and the weight now, for each member.
    from: Vec<f64>,
    weight: Vec<f64>,
    /// Members that may have weight, but for the reference; in the order of the factor.
    active: Vec<usize>,
    /// A member of large weight, which is eliminated: it has what the others leave of 1.
    reference: usize,
    /// Of H reduced to the active members and scaled to a unit diagonal.
    factor: Factor,
    /// What is added to diagonal entries before they are scaled: the size of their rounding.
    floor: f64,
    /// For each active member.
    scale: Vec<f64>,
    right: Vec<f64>,
    /// Slope of the model for each member.
    slope: Vec<f64>,
    centred: Vec<f64>,
    step: Vec<f64>,
}

/// λ and what is known there.
pub struct Here<'a> {
    pub lambda: &'a [f64],
    /// Gᵀλ
    pub mixed: &'a [f64],
    pub minimum: &'a Minimum,
    /// cᵢ − max c: the cuts at y(λ), the gradient of D up to a constant.
    pub below: &'a [f64],
    /// The gap of the master.
    pub gap: f64,
}

impl Newton {
    /// Moves `target` to the maximum over the simplex of the model (c − max c)ᵀd − ½ dᵀHd, d = target − λ, up to a part of the
    /// master's gap.
    pub fn maximise(&mut self, master: &Master, here: &Here<'_>, target: &mut [f64]) {
        self.members.clear();
        self.rows.clear();
        here.minimum.roots(master.tau, &master.shape, &mut self.roots);
        self.hessian.clear();
        self.from.clear();
        self.weight.clear();
        (0..master.cuts()).filter(|i| here.lambda[*i] > 0.0).for_each(|i| {
            self.join(i, master, here);
        });
        let top = (0..master.cuts()).max_by(|a, b| here.below[*a].total_cmp(&here.below[*b]));
        if let Some(i) = top.filter(|i| here.lambda[*i] <= 0.0) {
            self.join(i, master, here);
        }
        self.active = (0..self.members.len()).collect();
        self.refer(here);
        let most = 4 * self.members.len() + 40;
        for _ in 0..most {
            if self.climb(here) {
                let Some(i) = self.entering(master, here) else { break };
                let member = self.members.iter().position(|m| *m == i);
                let member = member.unwrap_or_else(|| self.join(i, master, here));
                self.activate(member);
            }
        }
        target.fill(0.0);
        self.members.iter().zip(&self.weight).for_each(|(i, w)| target[*i] = *w);
    }

    /// Adds a cut to the members, with its row of H.
    fn join(&mut self, i: usize, master: &Master, here: &Here<'_>) -> usize {
        let n = here.mixed.len();
        self.centred.clear();
        self.centred.extend(master.gradient(i).iter().zip(here.mixed).map(|(g, m)| g - m));
        here.minimum.root(&self.centred, &self.roots, &master.shape, &mut self.rows);
        let a = self.members.len();
        let new = &self.rows[a * n..];
        self.hessian.extend((0..=a).map(|b| dot(new, &self.rows[b * n..(b + 1) * n])));
        self.members.push(i);
        self.from.push(here.lambda[i]);
        self.weight.push(here.lambda[i]);
        a
    }

    fn curvature(&self, a: usize, b: usize) -> f64 {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        self.hessian[high * (high + 1) / 2 + low]
    }

    /// Curvature along two exchanges of weight with the reference.
    fn reduced(&self, a: usize, b: usize) -> f64 {
        let r = self.reference;
        self.curvature(a, b) - self.curvature(a, r) - self.curvature(b, r) + self.curvature(r, r)
    }

    /// Makes the active member of largest weight the reference, and factors anew.
    fn refer(&mut self, here: &Here<'_>) {
        let heavier = |a: &usize, b: &usize| self.weight[self.active[*a]].total_cmp(&self.weight[self.active[*b]]);
        let Some(at) = (0..self.active.len()).max_by(heavier) else { return };
        self.reference = self.active.swap_remove(at);
        let largest = self.active.iter().map(|a| self.reduced(*a, *a)).fold(0.0, f64::max);
        let steepest = self.members.iter().map(|i| here.below[*i].abs()).fold(0.0, f64::max);
        self.floor = DEPENDENT * largest.max(steepest) + f64::MIN_POSITIVE;
        self.factor.clear();
        self.scale.clear();
        std::mem::take(&mut self.active).into_iter().for_each(|a| self.activate(a));
    }

    fn activate(&mut self, a: usize) {
        let scale = 1.0 / (self.reduced(a, a).max(0.0) + self.floor).sqrt();
        let others = self.active.iter().zip(&self.scale).map(|(b, other)| self.reduced(a, *b) * scale * other);
        let row = others.chain([1.0 + DEPENDENT]).collect();
        self.factor.append(row, DEPENDENT);
        self.active.push(a);
        self.scale.push(scale);
    }

    /// A step towards the maximum over the face of the active members: all the way (true), or until a weight is 0, whose
    /// member is dropped (false).
    fn climb(&mut self, here: &Here<'_>) -> bool {
        let n = here.mixed.len();
        self.bend(n);
        self.slope.clear();
        let rows = (0..self.members.len()).map(|a| &self.rows[a * n..(a + 1) * n]);
        self.slope.extend(self.members.iter().zip(rows).map(|(i, row)| here.below[*i] - dot(row, &self.step)));
        let level = self.slope[self.reference];
        self.right.clear();
        self.right.extend(self.active.iter().zip(&self.scale).map(|(a, scale)| (self.slope[*a] - level) * scale));
        self.factor.solve(&mut self.right);
        self.right.iter_mut().zip(&self.scale).for_each(|(r, s)| *r *= s);

        let back = -self.right.iter().sum::<f64>();
        let all = self.active.iter().zip(&self.right).map(|(a, d)| (*a, *d)).chain([(self.reference, back)]);
        let (mut length, mut blocking) = (1.0, None);
        for (k, (a, d)) in all.enumerate() {
            if d < 0.0 && self.weight[a] < -d * length {
                (length, blocking) = (self.weight[a] / -d, Some(k));
            }
        }
        for (a, d) in self.active.iter().zip(&self.right) {
            self.weight[*a] = (self.weight[*a] + length * d).max(0.0);
        }
        self.weight[self.reference] = (self.weight[self.reference] + length * back).max(0.0);
        match blocking {
            Some(k) if k < self.active.len() => {
                let dropped = self.active.remove(k);
                self.scale.remove(k);
                self.factor.remove(k);
                self.weight[dropped] = 0.0;
            }
            Some(_) => {
                self.weight[self.reference] = 0.0;
                self.refer(here);
            }
            None => {}
        }
        blocking.is_none()
    }

    /// The step so far, as R(Gᵀd).
    fn bend(&mut self, n: usize) {
        self.step.clear();
        self.step.resize(n, 0.0);
        for (a, (w, from)) in self.weight.iter().zip(&self.from).enumerate().filter(|(_, (w, from))| w != from) {
            add(w - from, &self.rows[a * n..(a + 1) * n], &mut self.step);
        }
    }

    /// The cut whose model slope exceeds that of the active ones most, if by enough to matter.
    fn entering(&mut self, master: &Master, here: &Here<'_>) -> Option<usize> {
        let n = here.mixed.len();
        self.bend(n);
        here.minimum.root_transposed(&mut self.step, &self.roots, &master.shape);
        // The same constant, (Gᵀλ)ᵀstep, is missing on both sides.
        let slope = |i: usize| here.below[i] - dot(master.gradient(i), &self.step);
        let all = self.active.iter().chain([&self.reference]);
        let level = all.map(|a| slope(self.members[*a])).fold(f64::NEG_INFINITY, f64::max);
        let inactive = |i: &usize| !self.active.iter().chain([&self.reference]).any(|a| self.members[*a] == *i);
        let best = (0..master.cuts()).filter(inactive).map(|i| (slope(i), i)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(slope, _)| *slope > level + 0.05 * here.gap).map(|(_, i)| i)
    }
}
