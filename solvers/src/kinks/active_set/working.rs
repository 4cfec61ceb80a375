//! What is held: constraints come and go, and the gradients of held units bend where units below them go over to the other share.

use super::{ActiveSet, Constraint};
use crate::dense::{add, dot};

impl ActiveSet<'_> {
    /// Adds a constraint; false if its gradient depends on those of the others.
    pub(super) fn hold(&mut self, constraint: Constraint) -> bool {
        let (p, k) = self.layout.size;
        // There is a place more than constraints that can be held.
        let slot = self.unused[self.unused.len() - 1];
        let (row, uses) = (&mut self.rows[slot * p..(slot + 1) * p], &mut self.uses[slot * k..(slot + 1) * k]);
        match constraint {
            Constraint::Kink(i) => self.layout.gradient(i, &self.sweep.shares, row, uses),
            Constraint::Lower(j) | Constraint::Upper(j) => {
                row.fill(0.0);
                row[j] = 1.0;
                uses.fill(0.0);
            }
        }
        if !self.qr.push(row) {
            return false;
        }
        self.lengths[slot] = dot(row, row).sqrt() + f64::MIN_POSITIVE;
        self.unused.pop();
        self.slots.push(slot);
        self.working.push(constraint);
        match constraint {
            Constraint::Kink(i) => {
                self.sweep.shares.hold(i, true);
                self.sweep.pre[i] = 0.0;
            }
            Constraint::Lower(j) | Constraint::Upper(j) => self.at_end[j] = true,
        }
        true
    }

    pub(super) fn let_go(&mut self, place: usize) {
        match self.working.remove(place) {
            Constraint::Kink(i) => self.sweep.shares.hold(i, false),
            Constraint::Lower(j) | Constraint::Upper(j) => self.at_end[j] = false,
        }
        self.qr.remove(place);
        self.unused.push(self.slots.remove(place));
    }

    /// Lets constraint `place` go, whose unit goes over to the other share: gradients of held units above it change with it.
    pub(super) fn let_go_across(&mut self, place: usize, unit: usize) {
        self.sweep.shares.flip(unit);
        self.bend(unit, self.slots[place]);
        let place = self.working.iter().position(|c| *c == Constraint::Kink(unit));
        if let Some(place) = place {
            self.let_go(place);
        }
    }

    /// Corrects the gradients of held units above `unit`, which has gone over to the other share: each changes by a multiple of the unit's own, which
    /// is in the place `slot`.
    fn bend(&mut self, unit: usize, slot: usize) {
        let (p, k) = self.layout.size;
        let change = 2.0 * self.sweep.shares.of(unit) - 1.0;
        let mut bent = false;
        for (c, slot) in self.projected.iter_mut().zip(&self.slots) {
            *c = change * self.uses[slot * k + unit];
            bent |= *c != 0.0;
        }
        if !bent {
            return;
        }
        self.own.0.copy_from_slice(&self.rows[slot * p..(slot + 1) * p]);
        self.own.1.copy_from_slice(&self.uses[slot * k..(slot + 1) * k]);
        self.qr.update(&self.own.0, &self.projected);
        for (c, slot) in self.projected.iter().zip(&self.slots).filter(|(c, _)| **c != 0.0) {
            let row = &mut self.rows[slot * p..(slot + 1) * p];
            add(*c, &self.own.0, row);
            self.lengths[*slot] = dot(row, row).sqrt() + f64::MIN_POSITIVE;
            add(*c, &self.own.1[..unit], &mut self.uses[slot * k..slot * k + unit]);
        }
        for place in (0..self.working.len()).rev() {
            if self.qr.depends(place, self.lengths[self.slots[place]]) {
                self.let_go(place);
            }
        }
    }

    /// Corrects the gradients of held units above `unit`, which is not held and has gone over to the other share.
    pub(super) fn bend_at(&mut self, unit: usize) {
        let (p, k) = self.layout.size;
        let slot = self.unused[self.unused.len() - 1];
        let (row, uses) = (&mut self.rows[slot * p..(slot + 1) * p], &mut self.uses[slot * k..(slot + 1) * k]);
        self.layout.gradient(unit, &self.sweep.shares, row, uses);
        self.bend(unit, slot);
    }
}
