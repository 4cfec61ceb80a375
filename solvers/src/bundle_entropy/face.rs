//! One Newton step of the master: the quadratic model of D, maximised over the whole simplex by an active-set method.

use super::dense::{add, cholesky, dot, solve_factored};
use super::entropic::Minimum;
use super::master::Master;

/// Pivots of a factor below this part of their diagonal are rounding: the cuts are affinely dependent there. The step along
/// such a direction is as long as the simplex allows if the model rises along it, which drops one of the cuts.
const DEPENDENT: f64 = 1e-13;

/// The quadratic model of D at λ on the cuts that it needs, and where it is largest.
#[derive(Debug, Default)]
pub struct Newton {
    /// Cuts that the model has met, the support of λ first.
    members: Vec<usize>,
    /// R(gᵢ − Gᵀλ) for each member: H = rows·rowsᵀ.
    rows: Vec<f64>,
    /// H, its lower triangle row by row.
    hessian: Vec<f64>,
    /// λᵢ and the weight now, for each member.
    from: Vec<f64>,
    weight: Vec<f64>,
    /// Members that may have weight.
    active: Vec<usize>,
    /// Slope of the model for each member.
    slope: Vec<f64>,
    centred: Vec<f64>,
    step: Vec<f64>,
    factor: Vec<f64>,
    right: Vec<f64>,
    scale: Vec<f64>,
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
        self.hessian.clear();
        self.from.clear();
        self.weight.clear();
        self.active.clear();
        (0..master.cuts()).filter(|i| here.lambda[*i] > 0.0).for_each(|i| self.join(i, master, here));
        let top = (0..master.cuts()).max_by(|a, b| here.below[*a].total_cmp(&here.below[*b]));
        top.filter(|i| here.lambda[*i] <= 0.0).into_iter().for_each(|i| self.join(i, master, here));
        let most = 4 * self.members.len() + 40;
        for _ in 0..most {
            if self.to_face_maximum(here) {
                match self.entering(master, here) {
                    Some(i) => match self.members.iter().position(|m| *m == i) {
                        Some(a) => self.active.push(a),
                        None => self.join(i, master, here),
                    },
                    None => break,
                }
            }
        }
        target.fill(0.0);
        self.members.iter().zip(&self.weight).for_each(|(i, w)| target[*i] = *w);
    }

    fn join(&mut self, i: usize, master: &Master, here: &Here<'_>) {
        let n = here.mixed.len();
        self.centred.clear();
        self.centred.extend(master.gradient(i).iter().zip(here.mixed).map(|(g, m)| g - m));
        here.minimum.root(&self.centred, master.tau, &master.shape, &mut self.rows);
        let a = self.members.len();
        let new = &self.rows[a * n..];
        self.hessian.extend((0..=a).map(|b| dot(new, &self.rows[b * n..(b + 1) * n])));
        self.active.push(a);
        self.members.push(i);
        self.from.push(here.lambda[i]);
        self.weight.push(here.lambda[i]);
    }

    fn curvature(&self, a: usize, b: usize) -> f64 {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        self.hessian[high * (high + 1) / 2 + low]
    }

    /// A step towards the maximum over the face of the active members: all the way (true), or until a weight is 0, whose
    /// member is dropped (false).
    fn to_face_maximum(&mut self, here: &Here<'_>) -> bool {
        let Some(at) = (0..self.active.len()).max_by(|a, b| {
            let weight = |k: &usize| self.weight[self.active[*k]];
            weight(a).total_cmp(&weight(b))
        }) else {
            return true;
        };
        // One weight, the largest, is eliminated: it is 1 less the others.
        let reference = self.active.swap_remove(at);
        let m = self.active.len();
        self.slope.clear();
        for a in 0..self.members.len() {
            let bend: f64 =
                (0..self.members.len()).map(|b| self.curvature(a, b) * (self.weight[b] - self.from[b])).sum();
            self.slope.push(here.below[self.members[a]] - bend);
        }
        let corner = self.curvature(reference, reference);
        self.right.clear();
        self.right.extend(self.active.iter().map(|a| self.slope[*a] - self.slope[reference]));
        let diagonal = |a: usize| self.curvature(a, a) - 2.0 * self.curvature(a, reference) + corner;
        let diagonals: Vec<f64> = self.active.iter().map(|a| diagonal(*a)).collect();
        let largest = diagonals.iter().copied().fold(0.0, f64::max);
        let steepest = self.right.iter().fold(0.0f64, |m, r| m.max(r.abs()));
        let floor = DEPENDENT * largest.max(steepest) + f64::MIN_POSITIVE;
        self.scale.clear();
        self.scale.extend(diagonals.iter().map(|d| 1.0 / (d.max(0.0) + floor).sqrt()));
        let mut factor = std::mem::take(&mut self.factor);
        factor.clear();
        factor.resize(m * m, 0.0);
        for (x, a) in self.active.iter().enumerate() {
            for (y, b) in self.active[..x].iter().enumerate() {
                let reduced =
                    self.curvature(*a, *b) - self.curvature(*a, reference) - self.curvature(*b, reference) + corner;
                factor[x * m + y] = reduced * self.scale[x] * self.scale[y];
            }
            factor[x * m + x] = 1.0 + DEPENDENT;
        }
        cholesky(&mut factor, m, DEPENDENT);
        self.right.iter_mut().zip(&self.scale).for_each(|(r, s)| *r *= s);
        solve_factored(&factor, m, &mut self.right);
        self.factor = factor;
        self.right.iter_mut().zip(&self.scale).for_each(|(r, s)| *r *= s);

        let back = -self.right.iter().sum::<f64>();
        let (mut length, mut blocking) = (1.0, None);
        for (k, (a, d)) in
            self.active.iter().zip(&self.right).map(|(a, d)| (*a, *d)).chain([(reference, back)]).enumerate()
        {
            if d < 0.0 && self.weight[a] < -d * length {
                (length, blocking) = (self.weight[a] / -d, Some(k));
            }
        }
        for (a, d) in self.active.iter().zip(&self.right) {
            self.weight[*a] = (self.weight[*a] + length * d).max(0.0);
        }
        self.weight[reference] = (self.weight[reference] + length * back).max(0.0);
        self.active.push(reference);
        match blocking {
            Some(k) => {
                let dropped = self.active.swap_remove(k);
                self.weight[dropped] = 0.0;
                false
            }
            None => true,
        }
    }

    /// The cut whose model slope exceeds that of the active ones most, if by enough to matter.
    fn entering(&mut self, master: &Master, here: &Here<'_>) -> Option<usize> {
        let n = here.mixed.len();
        self.step.clear();
        self.step.resize(n, 0.0);
        for (a, (w, from)) in self.weight.iter().zip(&self.from).enumerate() {
            if w != from {
                add(w - from, &self.rows[a * n..(a + 1) * n], &mut self.step);
            }
        }
        here.minimum.root_transposed(&mut self.step, master.tau, &master.shape);
        // The same constant, (Gᵀλ)ᵀstep, is missing on both sides.
        let slope = |i: usize| here.below[i] - dot(master.gradient(i), &self.step);
        let level = self.active.iter().map(|a| slope(self.members[*a])).fold(f64::NEG_INFINITY, f64::max);
        let inactive = |i: &usize| !self.active.iter().any(|a| self.members[*a] == *i);
        let best = (0..master.cuts()).filter(inactive).map(|i| (slope(i), i)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(slope, _)| *slope > level + 0.05 * here.gap).map(|(_, i)| i)
    }
}
