//! Where the method is: forward passes in place of what steps have added up, and Newton steps onto the kinks that are held.

use super::{ActiveSet, Constraint};

/// A held unit's distance from its kink that is corrected at the end, and one that is rounding for others.
const OFF_KINK: f64 = 1e-12;
const ROUNDING: f64 = 1e-10;

/// Newton steps onto the kinks that are held at the start.
const NEWTON_STEPS: usize = 4;

impl ActiveSet<'_> {
    /// Moves y onto the kinks that are held from the start, and lets those go that it does not get to.
    pub(super) fn settle(&mut self) {
        for _ in 0..NEWTON_STEPS {
            if self.refresh().0 <= OFF_KINK {
                return;
            }
            self.correct();
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
            } else if (a > 0.0) != (self.sweep.shares[i] > 0.5) {
                if a.abs() <= ROUNDING {
                    self.sweep.pre[i] = 0.0;
                } else {
                    self.sweep.shares[i] = 1.0 - self.sweep.shares[i];
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

    /// A Newton step onto the kinks that are held, from distances that [`refresh`](Self::refresh) left in `values`.
    fn correct(&mut self) {
        let q = self.qr.len();
        for (c, constraint) in self.working.iter().enumerate() {
            self.projected[c] = if let Constraint::Kink(i) = constraint { -self.values[*i] } else { 0.0 };
        }
        self.qr.solve_transposed(&mut self.projected[..q]);
        self.qr.add_columns(0, &self.projected[..q], &mut self.y);
        self.y.iter_mut().zip(self.lower.iter().zip(self.upper)).for_each(|(y, (l, u))| *y = y.max(*l).min(*u));
    }
}
