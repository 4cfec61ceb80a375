//! Steps of a Newton step: towards the maximum of the quadratic model for the cuts that may have weight, until one of them loses it.

use super::face::Newton;

/// Pivots of a factor below this part of their diagonal are rounding: the cuts are affinely dependent there. The step along
/// such a direction is as long as the simplex allows if the model rises along it, which drops one of the cuts.
const DEPENDENT: f64 = 1e-13;

impl Newton {
    /// Curvature along two exchanges of weight with the reference.
    fn reduced(&self, a: usize, b: usize) -> f64 {
        let (of_a, of_r) = (self.members.row(a), self.members.row(self.reference));
        of_a[b] - of_a[self.reference] - of_r[b] + of_r[self.reference]
    }

    /// Makes the active member of largest weight the reference, and factors anew.
    pub(super) fn refer(&mut self) {
        let heavier = |a: &usize, b: &usize| self.weight[self.active[*a]].total_cmp(&self.weight[self.active[*b]]);
        let Some(at) = (0..self.active.len()).max_by(heavier) else { return };
        self.reference = self.active.swap_remove(at);
        let mut scale = std::mem::take(&mut self.scale);
        scale.clear();
        scale.extend(self.active.iter().map(|a| self.reduced(*a, *a)));
        self.scale = scale;
        let largest = self.scale.iter().copied().fold(0.0, f64::max);
        let steepest = self.slope[..self.members.len()].iter().fold(0.0, |m: f64, s| m.max(s.abs()));
        self.floor = DEPENDENT * largest.max(steepest) + f64::MIN_POSITIVE;
        self.scale.iter_mut().for_each(|of| *of = 1.0 / (of.max(0.0) + self.floor).sqrt());

        let (members, active, scale) = (&self.members, &self.active, &self.scale);
        let of_r = members.row(self.reference);
        let own = of_r[self.reference];
        let fill = |i: usize, row: &mut [f64]| {
            let (of_a, times) = (members.row(active[i]), scale[i]);
            let shift = own - of_a[self.reference];
            for ((to, b), scale) in row.iter_mut().zip(&active[i..]).zip(&scale[i..]) {
                *to = (of_a[*b] - of_r[*b] + shift) * times * scale;
            }
            row[0] = 1.0 + DEPENDENT;
        };
        self.factor.of(active.len(), DEPENDENT, fill);
    }

    pub(super) fn activate(&mut self, a: usize) {
        let scale = 1.0 / (self.reduced(a, a).max(0.0) + self.floor).sqrt();
        let (of_a, of_r) = (self.members.row(a), self.members.row(self.reference));
        let shift = of_r[self.reference] - of_a[self.reference];
        let others =
            self.active.iter().zip(&self.scale).map(|(b, other)| (of_a[*b] - of_r[*b] + shift) * scale * other);
        self.factor.append(others, 1.0 + DEPENDENT, DEPENDENT);
        self.active.push(a);
        self.scale.push(scale);
    }

    /// A step towards the maximum over the face of the active members: all the way (true), or until a weight is 0, whose
    /// member is dropped (false). `only_last`: the slopes of all but the last are equal, up to rounding.
    pub(super) fn climb(&mut self, only_last: bool) -> bool {
        let level = self.slope[self.reference];
        self.right.clear();
        self.right.extend(self.active.iter().zip(&self.scale).map(|(a, scale)| (self.slope[*a] - level) * scale));
        match only_last {
            true => self.factor.solve_for_last(&mut self.right),
            false => self.factor.solve(&mut self.right),
        }
        self.right.iter_mut().zip(&self.scale).for_each(|(r, s)| *r *= s);

        // The reference comes last for the while.
        self.right.push(-self.right.iter().sum::<f64>());
        self.active.push(self.reference);
        let (mut length, mut blocking) = (1.0, None);
        for (k, (a, d)) in self.active.iter().zip(&self.right).enumerate() {
            if *d < 0.0 && self.weight[*a] < -d * length {
                (length, blocking) = (self.weight[*a] / -d, Some(k));
            }
        }
        for (a, d) in self.active.iter().zip(&mut self.right) {
            self.weight[*a] = (self.weight[*a] + length * *d).max(0.0);
            *d *= -length;
        }
        self.members.add_curvature(&self.active, &self.right, &mut self.slope);
        self.active.pop();
        match blocking {
            Some(k) if k < self.active.len() => {
                let dropped = self.active.remove(k);
                self.scale.remove(k);
                self.factor.remove(k);
                self.weight[dropped] = 0.0;
            }
            Some(_) => {
                self.weight[self.reference] = 0.0;
                self.refer();
            }
            None => {}
        }
        blocking.is_none()
    }
}
