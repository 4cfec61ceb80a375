//! What is held at a point from which no direction leads down: its multipliers, what to let go, and the gap that is left.

use super::{ActiveSet, Constraint};
use crate::dense::add;

/// A constraint to let go: how much its multiplier is out of range, in units of the gradient, its place, and on which side it leaves.
pub(super) struct Release {
    violation: f64,
    place: usize,
    side: f64,
    across: bool,
}

impl ActiveSet<'_> {
    /// The shares that come nearest to a proof where the method ended without one.
    pub(super) fn finish_shares(&mut self) {
        self.layout.backward(&self.sweep.shares, &mut self.gradient, &mut self.weights);
        add(self.curvature, &self.y, &mut self.gradient);
        self.qr.transposed_within(&self.gradient, &mut self.projected);
        self.judge(1.0);
    }

    /// Multipliers, from the units above down, and the shares that go with them; `projected` has the gradient's coordinates in the span of what is
    /// held. What to let go, if anything.
    pub(super) fn judge(&mut self, least: f64) -> Option<Release> {
        let nu = &mut self.projected;
        nu[..self.qr.len()].iter_mut().for_each(|v| *v = -*v);
        self.qr.solve(nu);
        let mut worst: Option<Release> = None;
        let mut consider = |violation: f64, place: usize, side: f64, across: bool| {
            if violation > worst.as_ref().map_or(least, |w| w.violation) {
                worst = Some(Release { violation, place, side, across });
            }
        };
        for (place, constraint) in self.working.iter().enumerate() {
            match constraint {
                Constraint::Kink(i) => self.values[*i] = place as f64,
                Constraint::Lower(_) => consider(nu[place], place, 1.0, false),
                Constraint::Upper(_) => consider(-nu[place], place, -1.0, false),
            }
        }
        let (reference, places) = (self.sweep.shares.all(), &self.values);
        let (slots, lengths) = (&self.slots, &self.lengths);
        let choose = |i: usize, weight: f64| {
            let (place, reference) = (places[i] as usize, reference[i]);
            let multiplier = reference * weight + nu[place];
            let length = lengths[slots[place]];
            if multiplier < 0.0 {
                consider(-multiplier * length, place, -1.0, reference != 0.0);
            } else if multiplier > weight {
                consider((multiplier - weight) * length, place, 1.0, reference != 1.0);
            }
            if weight > 0.0 { (multiplier / weight).clamp(0.0, 1.0) } else { reference }
        };
        self.shares.copy_from_slice(reference);
        self.layout.weigh(self.sweep.shares.moves(), &mut self.shares, choose, &mut self.weights);
        self.direction.fill(0.0);
        worst
    }

    /// What is minimised at y, less the least value of the minorant that belongs to the shares and weights that [`judge`](Self::judge) found.
    pub(super) fn gap(&mut self) -> f64 {
        let p = self.net.decisions;
        let mut gap = self.layout.forward(&self.y, &mut self.values);
        gap -= self.layout.minorant(&self.shares, &self.weights, &mut self.projected);
        let slope = &self.projected[..p];
        for (j, r) in slope.iter().enumerate() {
            let (y, c) = (self.y[j], self.curvature);
            let least = if c > 0.0 {
                -r / c
            } else if *r > 0.0 {
                self.lower[j]
            } else {
                self.upper[j]
            };
            let at = if *r == 0.0 { y } else { least.max(self.lower[j]).min(self.upper[j]) };
            gap += 0.5 * c * (y - at) * (y + at) - r * at;
        }
        gap
    }

    /// Lets a constraint go; the direction becomes the one that leaves it and keeps the others.
    pub(super) fn release(&mut self, release: &Release) {
        let p = self.layout.size.0;
        let slot = self.slots[release.place];
        self.gradient.copy_from_slice(&self.rows[slot * p..(slot + 1) * p]);
        match self.working[release.place] {
            Constraint::Kink(i) if release.across => self.let_go_across(release.place, i),
            _ => self.let_go(release.place),
        }
        let held = self.qr.len();
        self.qr.transposed(&self.gradient, held, &mut self.projected);
        self.qr.add_columns(held, &self.projected[held..self.net.decisions], &mut self.direction);
        self.direction.iter_mut().for_each(|d| *d *= release.side);
    }
}
