//! Mutations that keep the structure of a file, so that most of what is tried gets past its decoder.

pub mod certificate;
pub mod json;
pub mod onnx;

/// Everything is left to libFuzzer.
pub fn none(_: &[u8], _: u32) -> Option<Vec<u8>> {
    None
}

/// A description before a zero byte: its JSON changes, the weights behind it stay.
pub fn description(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let end = bytes.iter().position(|b| *b == 0)?;
    let mut out = json::text(&bytes[..end], seed)?;
    out.extend_from_slice(&bytes[end..]);
    Some(out)
}

/// splitmix64.
pub struct Random(u64);

impl Random {
    /// From a seed of libFuzzer's.
    pub fn new(seed: u32) -> Random {
        Random(u64::from(seed) << 20 | 0x5bd1)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }

    /// Whether one in `n` comes up.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of several; `None` of none.
    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }
}
