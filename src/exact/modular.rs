//! Matrices modulo a prime: rank, pivots and inverse.

use dashu_int::IBig;

/// Primes 2⁶¹ − c. A matrix that is regular is so modulo all but a few primes.
const PRIMES: [u64; 4] = [1, 31, 45, 229];

/// Arithmetic modulo 2⁶¹ − c.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    c: u64,
}

impl Field {
    /// The `k`-th field of a short list.
    pub fn new(k: usize) -> Option<Field> {
        PRIMES.get(k).map(|c| Field { c: *c })
    }

    pub fn prime(self) -> u64 {
        (1 << 61) - self.c
    }

    pub fn reduce(self, v: u128) -> u64 {
        let low = |v: u128| v & ((1 << 61) - 1);
        let c = u128::from(self.c);
        // 2⁶¹ ≡ c, twice: 2¹²⁸ → below 2⁷⁶ → below 2⁶¹ + 2²³.
        let v = low(v) + (v >> 61) * c;
        let v = (low(v) + (v >> 61) * c) as u64;
        if v >= self.prime() { v - self.prime() } else { v }
    }

    pub fn times(self, a: u64, b: u64) -> u64 {
        self.reduce(u128::from(a) * u128::from(b))
    }

    pub fn minus(self, a: u64, b: u64) -> u64 {
        if a >= b { a - b } else { a + self.prime() - b }
    }

    pub fn of(self, v: &IBig) -> u64 {
        let (sign, words) = v.as_sign_words();
        let size = words.iter().rev().fold(0, |r, w| self.shifted(r, u128::from(*w), dashu_int::Word::BITS));
        if sign == dashu_int::Sign::Negative { self.minus(0, size) } else { size }
    }

    /// r·2^bits + word
    fn shifted(self, r: u64, word: u128, bits: u32) -> u64 {
        self.reduce((u128::from(r) << bits) + word)
    }

    fn inverse(self, a: u64) -> u64 {
        let (mut power, mut base, mut left) = (1, a, self.prime() - 2);
        while left > 0 {
            if left & 1 == 1 {
                power = self.times(power, base);
            }
            base = self.times(base, base);
            left >>= 1;
        }
        power
    }

    /// Σ aₖ·bₖ
    pub fn dot(self, a: &[u64], b: &[u64]) -> u64 {
        let part = |(a, b): (&[u64], &[u64])| {
            // 32 products below 2¹²².
            self.reduce(a.iter().zip(b).map(|(a, b)| u128::from(*a) * u128::from(*b)).sum())
        };
        self.reduce(a.chunks(32).zip(b.chunks(32)).map(part).map(u128::from).sum())
    }

    /// Row − factor · other, entry by entry.
    fn subtract(self, row: &mut [u64], factor: u64, other: &[u64]) {
        let factor = self.minus(0, factor);
        let entries = row.iter_mut().zip(other).filter(|(_, o)| **o != 0);
        entries.for_each(|(r, o)| *r = self.reduce(u128::from(*r) + u128::from(factor) * u128::from(*o)));
    }

    /// A largest set of independent rows, the first ones first, and as many columns in which they stay independent. The
    /// columns are tried in order, too.
    pub fn independent(self, rows: impl Iterator<Item = Vec<u64>>) -> (Vec<usize>, Vec<usize>) {
        let mut kept: Vec<(usize, Vec<u64>)> = vec![];
        let mut chosen = vec![];
        for (i, mut row) in rows.enumerate() {
            for (pivot, other) in &kept {
                if row[*pivot] != 0 {
                    let factor = row[*pivot];
                    self.subtract(&mut row, factor, other);
                }
            }
            if let Some(pivot) = row.iter().position(|v| *v != 0) {
                let inverse = self.inverse(row[pivot]);
                row.iter_mut().for_each(|v| *v = self.times(*v, inverse));
                kept.push((pivot, row));
                chosen.push(i);
            }
        }
        let mut pivots: Vec<usize> = kept.into_iter().map(|(pivot, _)| pivot).collect();
        pivots.sort_unstable();
        (chosen, pivots)
    }

    /// The inverse, row by row; `None` if the matrix is singular modulo the prime.
    pub fn inverted(self, mut a: Vec<Vec<u64>>) -> Option<Vec<Vec<u64>>> {
        let n = a.len();
        for (i, row) in a.iter_mut().enumerate() {
            row.extend((0..n).map(|j| u64::from(i == j)));
        }
        for k in 0..n {
            let pivot = (k..n).find(|i| a[*i][k] != 0)?;
            a.swap(k, pivot);
            let inverse = self.inverse(a[k][k]);
            a[k].iter_mut().for_each(|v| *v = self.times(*v, inverse));
            let row = a[k].clone();
            for (i, other) in a.iter_mut().enumerate() {
                if i != k && other[k] != 0 {
                    let factor = other[k];
                    self.subtract(&mut other[k..], factor, &row[k..]);
                }
            }
        }
        Some(a.into_iter().map(|row| row[n..].to_vec()).collect())
    }
}
