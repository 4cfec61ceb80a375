//! Where the method is: forward passes in place of what steps have added up, and Newton steps onto the kinks that are held.

use super::{ActiveSet, Constraint};

/// A held unit's distance from its kink that is corrected at the end, and one that is rounding for others.
const OFF_KINK: f64 = 1e-12;
const ROUNDING: f64 = 1e-10;

/// Newton steps onto the kinks that are held at the start.
const NEWTON_STEPS: usize = 8;

/// Units that may change their share in such a step for the gradients of held units to follow; where they are more, what is held says little.
const FLIPPED: usize = 24;

impl ActiveSet<'_> {
    /// Moves y onto the kinks that are held from the start, and lets those go that it does not get to. On the way gradients bend where other
    /// units change their share, and ends of coordinates that leave the box are held, in place of a kink if need be.
    pub(super) fn settle(&mut self) {
        for _ in 0..NEWTON_STEPS {
            let before = self.sweep.shares.all().to_vec();
            let (off, wrong) = self.refresh();
            if wrong {
                self.follow(&before);
            }
            if off <= OFF_KINK {
                return;
            }
            self.newton_step();
            self.keep_inside();
        }
        if self.refresh().0 <= ROUNDING {
            return;
        }
        for c in (0..self.working.len()).rev() {
            if let Constraint::Kink(i) = self.working[c]
                && self.values[i].abs() > ROUNDING
            {
                self.let_go(c);
            }
        }
        self.refresh();
    }

    /// A forward pass in place of the pre-activations that steps have added up. Returns the largest distance of a held unit from
    /// its kink, and whether the share of another unit was wrong by more than rounding.
    pub(super) fn refresh(&mut self) -> (f64, bool) {
        self.layout.forward(&self.y, &mut self.sweep.pre);
        let (mut off, mut wrong) = (0.0f64, false);
        for i in 0..self.net.units {
            let a = self.sweep.pre[i];
            if self.sweep.holds(i) {
                off = off.max(a.abs());
                self.values[i] = a;
                self.sweep.pre[i] = 0.0;
            } else if (a > 0.0) != (self.sweep.shares.of(i) > 0.5) {
                if a.abs() <= ROUNDING {
                    self.sweep.pre[i] = 0.0;
                } else {
                    self.sweep.shares.flip(i);
                    wrong = true;
                }
            }
        }
        (off, wrong)
    }

    /// Moves y onto the kinks that are held, by a Newton step. Whether all shares are right there.
    pub(super) fn restore(&mut self) -> bool {
        let (off, wrong) = self.refresh();
        if off <= OFF_KINK || wrong {
            return !wrong;
        }
        self.correct();
        !self.refresh().1
    }

    /// Bends the gradients of held units where others have changed their share from what it was `before` (k).
    fn follow(&mut self, before: &[f64]) {
        let flipped: Vec<usize> = (0..self.net.units).filter(|i| self.sweep.shares.of(*i) != before[*i]).collect();
        if flipped.len() <= FLIPPED {
            flipped.into_iter().for_each(|i| self.bend_at(i));
        }
    }

    /// Holds the ends that y has gone beyond. Where as much is held as coordinates can move, the kink is let go whose place says most about the
    /// coordinate.
    fn keep_inside(&mut self) {
        let p = self.net.decisions;
        for j in (0..p).filter(|j| !self.at_end[*j]).collect::<Vec<_>>() {
            let end = match self.y[j] {
                y if y < self.lower[j] - ROUNDING => Constraint::Lower(j),
                y if y > self.upper[j] + ROUNDING => Constraint::Upper(j),
                _ => continue,
            };
            if self.hold(end) {
                continue;
            }
            let q = self.qr.len();
            self.direction.fill(0.0);
            self.direction[j] = 1.0;
            self.qr.transposed_within(&self.direction, &mut self.projected);
            self.qr.solve(&mut self.projected);
            let says = |place: &usize| match self.working[*place] {
                Constraint::Kink(_) => (self.projected[*place] * self.lengths[self.slots[*place]]).abs(),
                _ => 0.0,
            };
            if let Some(place) = (0..q).max_by(|a, b| says(a).total_cmp(&says(b))).filter(|place| says(place) > 0.0) {
                self.let_go(place);
                self.hold(end);
            }
        }
        self.clamp();
    }

    fn clamp(&mut self) {
        self.y.iter_mut().zip(self.lower.iter().zip(self.upper)).for_each(|(y, (l, u))| *y = y.max(*l).min(*u));
    }

    /// A Newton step onto the kinks that are held, inside the box.
    fn correct(&mut self) {
        self.newton_step();
        self.clamp();
    }

    /// A Newton step onto the kinks that are held, from distances that [`refresh`](Self::refresh) left in `values`.
    fn newton_step(&mut self) {
        let q = self.qr.len();
        for (c, constraint) in self.working.iter().enumerate() {
            self.projected[c] = if let Constraint::Kink(i) = constraint { -self.values[*i] } else { 0.0 };
        }
        self.qr.solve_transposed(&mut self.projected[..q]);
        self.qr.add_columns(0, &self.projected[..q], &mut self.y);
    }
}
