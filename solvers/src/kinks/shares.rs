//! [`Shares`]: what part of their pre-activation units pass on, and a list of those that pass on anything, by blocks of a [`Layout`](super::layout::Layout).

/// The shares of units, and the units whose share is not 0.
#[derive(Debug, Clone)]
pub struct Shares {
    /// The share of each unit.
    of: Vec<f64>,
    /// The units whose share is not 0: those of each block from the block's beginning on, in no order; and how many these are.
    active: Vec<usize>,
    counts: Vec<usize>,
    /// The place of each unit in that list, if it is there.
    places: Vec<usize>,
    /// For each unit its block; where the blocks begin.
    blocks: Vec<usize>,
    begins: Vec<usize>,
}

impl Shares {
    /// All 0: of units in blocks that end at `ends`, in vectors of `size`.
    pub fn new(ends: &[usize], size: usize) -> Shares {
        let mut shares = Shares {
            of: vec![0.0; size],
            active: vec![0; size],
            counts: vec![0; ends.len()],
            places: vec![0; size],
            blocks: vec![0; size],
            begins: Vec::with_capacity(ends.len()),
        };
        let mut begin = 0;
        for (block, end) in ends.iter().enumerate() {
            shares.begins.push(begin);
            shares.blocks[begin..*end].fill(block);
            begin = *end;
        }
        shares
    }

    /// The share of each unit, in a vector with zeros behind them.
    #[inline(always)]
    pub fn all(&self) -> &[f64] {
        &self.of
    }

    /// The share of unit i.
    #[inline(always)]
    pub fn of(&self, i: usize) -> f64 {
        self.of[i]
    }

    /// The units of a block whose share is not 0.
    #[inline(always)]
    pub fn active(&self, block: usize) -> &[usize] {
        &self.active[self.begins[block]..][..self.counts[block]]
    }

    /// Gives unit i a share.
    pub fn set(&mut self, i: usize, share: f64) {
        let (was, is) = (self.of[i] != 0.0, share != 0.0);
        self.of[i] = share;
        if was == is {
            return;
        }
        let (block, begin) = (self.blocks[i], self.begins[self.blocks[i]]);
        if is {
            let place = begin + self.counts[block];
            (self.active[place], self.places[i]) = (i, place);
            self.counts[block] += 1;
        } else {
            self.counts[block] -= 1;
            let (place, last) = (self.places[i], self.active[begin + self.counts[block]]);
            (self.active[place], self.places[last]) = (last, place);
        }
    }

    /// The unit passes on all if it passed on nothing, and the other way round.
    pub fn flip(&mut self, i: usize) {
        self.set(i, 1.0 - self.of[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_what_is_not_0() {
        let ends = [3, 3, 8];
        let (mut shares, mut random) = (Shares::new(&ends, 8), 1u64);
        for _ in 0..200 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shares.set((random >> 33) as usize % 8, [0.0, 0.5, 1.0][(random >> 40) as usize % 3]);
            let mut begin = 0;
            for (block, end) in ends.iter().enumerate() {
                let mut active = shares.active(block).to_vec();
                active.sort_unstable();
                let wanted: Vec<usize> = (begin..*end).filter(|i| shares.of(*i) != 0.0).collect();
                assert_eq!(active, wanted);
                begin = *end;
            }
        }
    }
}
