//! Exact solution of square integer systems by p-adic lifting (Dixon 1982): one inverse modulo a prime serves A x = b and
//! Aᵀ x = b; each step gives the next digit of x in base p from a product with the inverse and one with A. From enough digits
//! follow numerators and a common denominator, which the residual confirms.

use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};

use super::modular::Field;

/// A random residue is about as long as the modulus, and so are numerator and denominator of a random fraction that is equal to
/// it; what is shorter by so many bits is no accident.
const SLACK: usize = 128;

/// A regular integer matrix, ready to be solved with.
#[derive(Debug)]
pub struct System {
    n: usize,
    field: Field,
    inverse: Vec<Vec<u64>>,
    /// A and Aᵀ row by row: the lowest words of all entries of the row, then the next ones, in two's complement.
    matrices: [Vec<u64>; 2],
    words: usize,
    /// Bits that bound the determinant (Hadamard).
    determinant: usize,
}

/// x = numerators / denominator.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotients {
    pub numerators: Vec<IBig>,
    /// Above 0.
    pub denominator: UBig,
}

/// Which of the two systems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Side {
    /// A x = b
    Plain,
    /// Aᵀ x = b
    Transposed,
}

impl System {
    /// Of a square matrix, row by row. `None` if it is singular.
    pub fn new(rows: &[Vec<IBig>]) -> Option<System> {
        let n = rows.len();
        let bits = rows.iter().flatten().map(|v| v.bit_len()).max().unwrap_or(0);
        let words = bits / 64 + 1;
        let modulo = |field: Field| rows.iter().map(|row| row.iter().map(|v| field.of(v)).collect()).collect();
        let (field, inverse) =
            (0..).map_while(Field::new).find_map(|field| Some((field, field.inverted(modulo(field))?)))?;
        let entries: Vec<Vec<u64>> = rows.iter().flatten().map(|v| complement(v, words)).collect();
        let stored = |at: &dyn Fn(usize, usize) -> usize| {
            let place = |i: usize, w: usize| (0..n).map(move |j| (at(i, j), w));
            (0..n).flat_map(|i| (0..words).flat_map(move |w| place(i, w))).map(|(e, w)| entries[e][w]).collect()
        };
        let matrices = [stored(&|i, j| i * n + j), stored(&|i, j| j * n + i)];
        // Each row's length is below √n times its largest entry.
        let half = n.max(1).ilog2() as usize / 2 + 1;
        let longest = |row: &Vec<IBig>| row.iter().map(|v| v.bit_len()).max().unwrap_or(0);
        let determinant = rows.iter().map(|row| longest(row) + half).sum();
        Some(System { n, field, inverse, matrices, words, determinant })
    }

    /// The exact solution; `None` if `stopped`.
    pub fn solve(&self, side: Side, b: &[IBig], stopped: &dyn Fn() -> bool) -> Option<Quotients> {
        let n = self.n;
        let size = b.iter().map(|v| v.bit_len()).max().unwrap_or(0);
        if size == 0 {
            return Some(Quotients { numerators: vec![IBig::ZERO; n], denominator: UBig::ONE });
        }
        // Residuals stay below max(|b|, n·|A|·p); one word more for the sign and one for what is added up.
        let words = (size / 64 + 1).max(self.words + 1) + 2;
        let mut residual: Vec<u64> = b.iter().flat_map(|v| complement(v, words)).collect();
        let prime = self.field.prime();
        let inverse = odd_inverse(prime);
        let mut digits: Vec<Vec<u64>> = vec![];
        // Numerators and denominator have no more bits than this together (Cramer's rule).
        let enough = (2 * self.determinant + size + n.ilog2() as usize + 8 + SLACK) / 60 + 2;
        let mut next = 8;
        loop {
            while digits.len() < next.min(enough) {
                if digits.len().is_multiple_of(16) && stopped() {
                    return None;
                }
                let digit = self.digit(side, &residual, words);
                self.advance(side, &mut residual, words, &digit, inverse);
                digits.push(digit);
            }
            if let Some(found) = reconstructed(&digits, n, prime) {
                return Some(found);
            }
            if digits.len() == enough {
                return None;
            }
            next = next * 3 / 2;
        }
    }

    /// A⁻¹·residual modulo the prime.
    fn digit(&self, side: Side, residual: &[u64], words: usize) -> Vec<u64> {
        let field = self.field;
        let reduced: Vec<u64> = residual.chunks(words).map(|v| remainder(field, v)).collect();
        match side {
            Side::Plain => self.inverse.iter().map(|row| field.dot(row, &reduced)).collect(),
            Side::Transposed => {
                let mut sums = vec![0u128; self.n];
                for (k, (row, factor)) in self.inverse.iter().zip(&reduced).enumerate() {
                    sums.iter_mut().zip(row).for_each(|(s, v)| *s += u128::from(*v) * u128::from(*factor));
                    if k % 32 == 31 {
                        sums.iter_mut().for_each(|s| *s = u128::from(field.reduce(*s)));
                    }
                }
                sums.into_iter().map(|s| field.reduce(s)).collect()
            }
        }
    }

    /// residual ← (residual − A·digit) / p
    fn advance(&self, side: Side, residual: &mut [u64], words: usize, digit: &[u64], inverse: u64) {
        let matrix = &self.matrices[usize::from(side == Side::Transposed)];
        let stride = self.n * self.words;
        let mut product = vec![0u64; words];
        for (r, row) in residual.chunks_mut(words).zip(matrix.chunks(stride.max(1))) {
            product.fill(0);
            let mut carry = [0u64; 3];
            for (place, entries) in product.iter_mut().zip(row.chunks(self.n)) {
                let sum = dot_product(entries, digit, carry);
                *place = sum[0];
                carry = [sum[1], sum[2], 0];
            }
            // What stands for a negative entry is 2^(64·words) more than it.
            let negative = row[stride - self.n..].iter().zip(digit).filter(|(top, _)| **top >> 63 == 1);
            let excess: u128 = negative.map(|(_, x)| u128::from(*x)).sum();
            let rest = (u128::from(carry[1]) << 64 | u128::from(carry[0])).wrapping_sub(excess);
            let sign = if rest >> 127 == 1 { u64::MAX } else { 0 };
            for (k, place) in product[self.words..].iter_mut().enumerate() {
                *place = [rest as u64, (rest >> 64) as u64].get(k).copied().unwrap_or(sign);
            }
            subtract(r, &product);
            divide_exactly(r, self.field.prime(), inverse);
        }
    }
}

/// Σ aₖ·xₖ + start, three words.
fn dot_product(a: &[u64], x: &[u64], start: [u64; 3]) -> [u64; 3] {
    let mut low = u128::from(start[1]) << 64 | u128::from(start[0]);
    let mut high = start[2];
    for (a, x) in a.iter().zip(x) {
        let (sum, overflow) = low.overflowing_add(u128::from(*a) * u128::from(*x));
        low = sum;
        high += u64::from(overflow);
    }
    [low as u64, (low >> 64) as u64, high]
}

/// r ← r − s in two's complement.
fn subtract(r: &mut [u64], s: &[u64]) {
    let mut borrow = false;
    for (w, s) in r.iter_mut().zip(s) {
        let (difference, below) = w.overflowing_sub(*s);
        let (difference, again) = difference.overflowing_sub(u64::from(borrow));
        (*w, borrow) = (difference, below || again);
    }
}

/// Two's complement in so many words.
fn complement(v: &IBig, words: usize) -> Vec<u64> {
    let mut out: Vec<u64> = vec![0; words];
    let bytes = v.clone().into_parts().1.to_le_bytes();
    for (w, chunk) in out.iter_mut().zip(bytes.chunks(8)) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        *w = u64::from_le_bytes(word);
    }
    if v.sign() == Sign::Negative {
        let mut carry = true;
        for w in &mut out {
            let (negated, overflow) = (!*w).overflowing_add(u64::from(carry));
            (*w, carry) = (negated, overflow);
        }
    }
    out
}

/// r ← r / d for an odd d that divides it; `inverse` is that of d modulo 2⁶⁴.
fn divide_exactly(r: &mut [u64], d: u64, inverse: u64) {
    let mut borrow = 0u64;
    for w in r {
        let (difference, below) = w.overflowing_sub(borrow);
        let quotient = difference.wrapping_mul(inverse);
        *w = quotient;
        borrow = ((u128::from(quotient) * u128::from(d)) >> 64) as u64 + u64::from(below);
    }
}

/// The inverse of an odd number modulo 2⁶⁴ (Newton).
fn odd_inverse(d: u64) -> u64 {
    (0..6).fold(d, |x, _| x.wrapping_mul(2u64.wrapping_sub(d.wrapping_mul(x))))
}

/// A number in two's complement modulo the prime.
fn remainder(field: Field, v: &[u64]) -> u64 {
    let size = v.iter().rev().fold(0, |r, w| field.reduce((u128::from(r) << 64) + u128::from(*w)));
    let negative = v.last().is_some_and(|top| top >> 63 == 1);
    if !negative {
        return size;
    }
    let power = v.iter().fold(1, |r, _| field.reduce(u128::from(r) << 64));
    field.minus(size, power)
}

/// Numerators over one denominator, from digits in base p: entry by entry, the denominator so far is tried first. The numbers
/// have to be shorter than the digits that are known by [`SLACK`].
fn reconstructed(digits: &[Vec<u64>], n: usize, prime: u64) -> Option<Quotients> {
    let powers = powers(prime, digits.len());
    let modulus = powers.last()?.clone();
    let room = modulus.bit_len().checked_sub(SLACK)?;
    let mut denominator = UBig::ONE;
    let mut residues = vec![];
    for i in 0..n {
        let value = joined(&digits.iter().map(|d| d[i]).collect::<Vec<_>>(), &powers);
        let mut numerator = centred(&value * &denominator % &modulus, &modulus);
        if numerator.bit_len() + denominator.bit_len() > room {
            let scaled = (&value * &denominator) % &modulus;
            let (_, factor) = rational(scaled, &modulus, room, denominator.bit_len())?;
            denominator *= factor;
            numerator = centred(&value * &denominator % &modulus, &modulus);
            if numerator.bit_len() + denominator.bit_len() > room {
                return None;
            }
        }
        residues.push((value, denominator.clone(), numerator));
    }
    let numerators = residues
        .into_iter()
        .map(|(_, d, numerator)| if d == denominator { numerator } else { numerator * IBig::from(&denominator / &d) });
    Some(Quotients { numerators: numerators.collect(), denominator })
}

/// p^(2^k) up to above half of `count`, then p^count.
fn powers(prime: u64, count: usize) -> Vec<UBig> {
    let mut powers = vec![UBig::from(prime)];
    while 1usize << powers.len() < count {
        let last = &powers[powers.len() - 1];
        powers.push(last * last);
    }
    powers.push(UBig::from(prime).pow(count));
    powers
}

/// Σ dₖ·pᵏ by halves.
fn joined(digits: &[u64], powers: &[UBig]) -> UBig {
    if digits.len() <= 1 {
        return UBig::from(digits.first().copied().unwrap_or(0));
    }
    let level = (digits.len() - 1).ilog2() as usize;
    let (low, high) = digits.split_at(1 << level);
    joined(low, powers) + joined(high, powers) * &powers[level]
}

/// The representative nearest to 0.
fn centred(v: UBig, modulus: &UBig) -> IBig {
    if &v + &v > *modulus { IBig::from(v) - IBig::from(modulus.clone()) } else { IBig::from(v) }
}

/// numerator/denominator ≡ v modulo `modulus`, by Euclid's algorithm stopped where the two are shortest together: `known` bits
/// of denominator are in v already.
fn rational(v: UBig, modulus: &UBig, room: usize, known: usize) -> Option<(IBig, UBig)> {
    let (mut older, mut newer) = (modulus.clone(), v);
    let (mut s, mut t) = (UBig::ZERO, UBig::ONE);
    let mut positive = true;
    while !newer.is_zero() {
        if newer.bit_len() + t.bit_len() + known <= room {
            let numerator = IBig::from_parts(if positive { Sign::Positive } else { Sign::Negative }, newer);
            return Some((numerator, t));
        }
        let quotient = &older / &newer;
        let rest = older - &quotient * &newer;
        (older, newer) = (newer, rest);
        let next = s + quotient * &t;
        (s, t) = (t, next);
        positive = !positive;
    }
    (t.bit_len() + known <= room).then_some((IBig::ZERO, t))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seed: u64) -> impl FnMut(u32) -> IBig {
        let mut state = seed;
        move |bits| {
            let mut v = IBig::ZERO;
            for _ in 0..bits.div_ceil(30) {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                v = (v << 30) + IBig::from((state >> 34) as i64);
            }
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            if state >> 63 == 1 { -v } else { v }
        }
    }

    #[test]
    fn solutions_satisfy_their_systems() {
        for (n, bits) in [(1, 30), (2, 60), (3, 300), (7, 64), (25, 150)] {
            let mut draw = numbers(n as u64 + 17);
            let a: Vec<Vec<IBig>> = (0..n).map(|_| (0..n).map(|_| draw(bits)).collect()).collect();
            let b: Vec<IBig> = (0..n).map(|k| draw(40 + 600 * (k as u32 % 2))).collect();
            let system = System::new(&a).unwrap();
            for side in [Side::Plain, Side::Transposed] {
                let x = system.solve(side, &b, &|| false).unwrap();
                let d = IBig::from(x.denominator.clone());
                for i in 0..n {
                    let entry = |j: usize| if side == Side::Plain { &a[i][j] } else { &a[j][i] };
                    let sum = (0..n).fold(IBig::ZERO, |s, j| s + entry(j) * &x.numerators[j]);
                    assert_eq!(sum, &b[i] * &d, "n {n}, {side:?}");
                }
            }
        }
    }

    #[test]
    fn small_solutions_and_singular_matrices() {
        let of = |rows: &[&[i64]]| -> Vec<Vec<IBig>> {
            rows.iter().map(|r| r.iter().map(|v| IBig::from(*v)).collect()).collect()
        };
        let system = System::new(&of(&[&[2, 0], &[0, -4]])).unwrap();
        let x = system.solve(Side::Plain, &[IBig::from(1), IBig::from(1)], &|| false).unwrap();
        assert_eq!((x.numerators, x.denominator), (vec![IBig::from(2), IBig::from(-1)], UBig::from(4u8)));
        assert!(System::new(&of(&[&[1, 2], &[2, 4]])).is_none());
        assert!(System::new(&[]).unwrap().solve(Side::Plain, &[], &|| false).is_some());
    }
}
