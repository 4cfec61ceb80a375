//! [`Shares`]: what part of their pre-activation units pass on, and a list of those that pass on anything, by blocks of a [`Layout`](super::layout::Layout).

use super::room::Room;

/// The shares of units and which of them are held at their kink, and lists of those whose share is not 0.
#[derive(Debug, Clone)]
pub struct Shares {
    /// The share of each unit.
    of: Room,
    /// 0 for the units that are held, 1 for others.
    moves: Room,
    /// The units whose share is not 0: those of each block from the block's beginning on, first those that move, then those that are held.
    active: Vec<usize>,
    /// For each block where the units that move end in that list, and where all do.
    ends: Vec<(usize, usize)>,
    /// The place of each unit in the list, if it is there.
    places: Vec<usize>,
    /// For each unit its block; where the blocks begin.
    blocks: Vec<usize>,
    begins: Vec<usize>,
}

impl Shares {
    /// All 0, and none held: of units in blocks that end at `ends`, in vectors of `size`.
    pub fn new(ends: &[usize], size: usize) -> Shares {
        let mut blocks = vec![0; size];
        let mut begin = 0;
        let mut begins = Vec::with_capacity(ends.len());
        for (block, end) in ends.iter().enumerate() {
            begins.push(begin);
            blocks[begin..*end].fill(block);
            begin = *end;
        }
        let mut moves = Room::zeros(size);
        moves.fill(1.0);
        let ends = begins.iter().map(|begin| (*begin, *begin)).collect();
        Shares { of: Room::zeros(size), moves, active: vec![0; size], ends, places: vec![0; size], blocks, begins }
    }

    /// The share of each unit, in a vector with zeros behind them.
    #[inline(always)]
    pub fn all(&self) -> &[f64] {
        &self.of
    }

    /// 0 for the units that are held, 1 for others.
    #[inline(always)]
    pub fn moves(&self) -> &[f64] {
        &self.moves
    }

    /// The share of unit i.
    #[inline(always)]
    pub fn of(&self, i: usize) -> f64 {
        self.of[i]
    }

    /// Whether unit i is held.
    #[inline(always)]
    pub fn holds(&self, i: usize) -> bool {
        self.moves[i] == 0.0
    }

    /// The units of a block whose share is not 0.
    #[inline(always)]
    pub fn active(&self, block: usize) -> &[usize] {
        &self.active[self.begins[block]..self.ends[block].1]
    }

    /// Those of them that move.
    #[inline(always)]
    pub fn moving(&self, block: usize) -> &[usize] {
        &self.active[self.begins[block]..self.ends[block].0]
    }

    /// Gives the first units these shares, where none has one yet and none is held.
    pub fn begin(&mut self, shares: impl Iterator<Item = f64>) {
        for (i, share) in shares.enumerate() {
            self.of[i] = share;
            // Listed without a branch: which are 0 is unpredictable.
            let end = &mut self.ends[self.blocks[i]];
            (self.active[end.0], self.places[i]) = (i, end.0);
            let listed = usize::from(share != 0.0);
            *end = (end.0 + listed, end.1 + listed);
        }
    }

    /// Gives unit i a share.
    pub fn set(&mut self, i: usize, share: f64) {
        self.change(i, share, self.moves[i]);
    }

    /// The unit passes on all if it passed on nothing, and the other way round.
    pub fn flip(&mut self, i: usize) {
        self.set(i, 1.0 - self.of[i]);
    }

    /// Holds unit i at its kink, or lets it move.
    pub fn hold(&mut self, i: usize, held: bool) {
        self.change(i, self.of[i], if held { 0.0 } else { 1.0 });
    }

    /// Out of the list, and in again where the unit belongs.
    fn change(&mut self, i: usize, share: f64, moves: f64) {
        let (was_listed, moved) = (self.of[i] != 0.0, self.moves[i] != 0.0);
        (self.of[i], self.moves[i]) = (share, moves);
        if was_listed == (share != 0.0) && moved == (moves != 0.0) {
            return;
        }
        let block = self.blocks[i];
        let (mut moving, mut all) = self.ends[block];
        if was_listed {
            let mut place = self.places[i];
            if moved {
                moving -= 1;
                self.put(self.active[moving], place);
                place = moving;
            }
            all -= 1;
            if place < all {
                self.put(self.active[all], place);
            }
        }
        if share != 0.0 {
            let mut place = all;
            all += 1;
            if moves != 0.0 {
                if moving < place {
                    self.put(self.active[moving], place);
                }
                place = moving;
                moving += 1;
            }
            self.put(i, place);
        }
        self.ends[block] = (moving, all);
    }

    fn put(&mut self, i: usize, place: usize) {
        (self.active[place], self.places[i]) = (i, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_what_is_not_0() {
        let ends = [3, 3, 8];
        let (mut shares, mut random) = (Shares::new(&ends, 8), 1u64);
        shares.begin([0.0, 1.0, 0.5, 0.0, 1.0, 0.0, 0.0, 1.0].into_iter());
        for _ in 0..200 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let i = (random >> 33) as usize % 8;
            match (random >> 40) as usize % 5 {
                0 => shares.hold(i, true),
                1 => shares.hold(i, false),
                n => shares.set(i, [0.0, 0.5, 1.0][n - 2]),
            }
            let mut begin = 0;
            for (block, end) in ends.iter().enumerate() {
                let sorted = |units: &[usize]| {
                    let mut units = units.to_vec();
                    units.sort_unstable();
                    units
                };
                let wanted: Vec<usize> = (begin..*end).filter(|i| shares.of(*i) != 0.0).collect();
                assert_eq!(sorted(shares.active(block)), wanted);
                let wanted: Vec<usize> = wanted.into_iter().filter(|i| !shares.holds(*i)).collect();
                assert_eq!(sorted(shares.moving(block)), wanted);
                begin = *end;
            }
        }
    }
}
