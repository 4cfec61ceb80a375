//! [`Numbers`]: where the weights of a random network come from. Each has a place of its own (layer, row, column), so that a
//! network with a unit less has the same weights elsewhere, and a failing case stays one while it shrinks.

/// The largest raw number; the smallest is its negative.
pub(super) const LARGEST: i32 = 1024;

/// Random integers, one for each place.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Computed from a seed.
    Seeded(u64),
    /// Looked up in a list, which a shrinking test makes smaller entry by entry; an empty one is all 0.
    Listed(Vec<i32>),
}

/// splitmix64
pub(super) fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Numbers {
    /// −1024 … 1024
    fn raw(&self, place: &[usize]) -> i32 {
        let key = |start: u64| place.iter().fold(start, |k, p| mixed(k ^ *p as u64));
        match self {
            Numbers::Seeded(seed) => (key(mixed(*seed)) >> 20) as i32 % (LARGEST + 1),
            Numbers::Listed(list) if list.is_empty() => 0,
            Numbers::Listed(list) => list[key(0) as usize % list.len()].clamp(-LARGEST, LARGEST),
        }
    }

    /// A multiple of 1/512 in [−2, 2].
    pub(super) fn fine(&self, place: &[usize]) -> f64 {
        f64::from(self.raw(place)) / 512.0
    }

    /// A multiple of 1/4 in [−2, 2].
    pub(super) fn coarse(&self, place: &[usize]) -> f64 {
        f64::from(self.raw(place) / 128) / 4.0
    }

    /// 0 … n − 1
    pub(super) fn below(&self, n: usize, place: &[usize]) -> usize {
        self.raw(place).unsigned_abs() as usize % n
    }
}
