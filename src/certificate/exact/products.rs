//! Products of matrices of f64 with vectors of large integers.
//!
//! This is where the time of a check goes: hundreds of thousands of products of an integer of some 12 000 bits with a weight
//! of one word. Every entry of the result is accumulated in place, in two's complement of a width that holds any sum of the
//! products; sign-extended to that width, factors are multiplied modulo a power of two, and no product is stored.

use dashu_int::{DoubleWord, IBig, Sign, Word};

use super::dyadic::{Vector, parts};
use super::{NotVerified, refused};
use crate::ir::linear::LinearMap;

const BITS: usize = Word::BITS as usize;

/// The most words a vector may take.
const MOST_WORDS: usize = 1 << 26;

/// A·v, or Aᵀ·v for the `adjoint`.
pub(super) fn product(
    map: &LinearMap,
    weights: Option<&[f64]>,
    v: &Vector,
    adjoint: bool,
) -> Result<Vector, NotVerified> {
    let (from, to) = if adjoint { (map.output_len(), map.input_len()) } else { (map.input_len(), map.output_len()) };
    // The smallest exponent of a weight, and the largest power of two in one.
    let (mut least, mut most) = (i64::MAX, i64::MIN);
    map.visit(weights, |_, _, w| {
        let (m, e) = parts(w);
        if m != 0 {
            least = least.min(e);
            most = most.max(e + i64::from(64 - m.unsigned_abs().leading_zeros()));
        }
    });
    if least > most || v.is_zero() {
        return Ok(Vector::zeros(to));
    }
    let bits = v.bits() + (most - least) as usize + (usize::BITS - from.leading_zeros()) as usize + 1;
    let width = bits.div_ceil(BITS);
    if width.saturating_mul(from.max(to)) > MOST_WORDS {
        return refused(format!("{} numbers of {bits} bits are more than {MOST_WORDS} words", from.max(to)));
    }
    let (mut source, mut sums) = (vec![0; from * width], vec![0; to * width]);
    source.chunks_exact_mut(width).zip(&v.n).for_each(|(words, n)| to_words(n, words));
    map.visit(weights, |i, j, w| {
        let (m, e) = parts(w);
        let (k, i) = if adjoint { (i, j) } else { (j, i) };
        if m == 0 || v.n[k].is_zero() {
            return;
        }
        let shift = (e - least) as usize;
        let (skip, rest) = (shift / BITS, shift % BITS);
        let words = &source[k * width..(k + 1) * width - skip];
        let sum = &mut sums[i * width + skip..(i + 1) * width];
        // Below 2^(53 + BITS): two words at most where a word has 64 bits, four where it has 32.
        let mut factor = u128::from(m.unsigned_abs()) << rest;
        let mut offset = 0;
        while factor != 0 && offset < sum.len() {
            let (digit, words) = (factor as Word, &words[..words.len() - offset]);
            if m > 0 {
                add_product(&mut sum[offset..], words, digit)
            } else {
                subtract_product(&mut sum[offset..], words, digit)
            }
            factor >>= BITS;
            offset += 1;
        }
    });
    let n = sums.chunks_exact_mut(width).map(from_words).collect();
    Ok(Vector { n, e: v.e + least }.trimmed())
}

/// sum += words·factor, modulo 2^(bits of sum).
fn add_product(sum: &mut [Word], words: &[Word], factor: Word) {
    let mut carry = 0;
    for (s, w) in sum.iter_mut().zip(words) {
        let t = DoubleWord::from(*w) * DoubleWord::from(factor) + DoubleWord::from(*s) + DoubleWord::from(carry);
        (*s, carry) = (t as Word, (t >> BITS) as Word);
    }
}

/// sum −= words·factor, modulo 2^(bits of sum).
fn subtract_product(sum: &mut [Word], words: &[Word], factor: Word) {
    let mut carry = 0;
    for (s, w) in sum.iter_mut().zip(words) {
        let t = DoubleWord::from(*w) * DoubleWord::from(factor) + DoubleWord::from(carry);
        let (difference, borrow) = s.overflowing_sub(t as Word);
        (*s, carry) = (difference, (t >> BITS) as Word + Word::from(borrow));
    }
}

/// n in two's complement, little-endian.
fn to_words(n: &IBig, out: &mut [Word]) {
    let (sign, words) = n.as_sign_words();
    out[..words.len()].copy_from_slice(words);
    if sign == Sign::Negative {
        negate(out);
    }
}

fn from_words(words: &mut [Word]) -> IBig {
    let negative = words.last().is_some_and(|w| w >> (BITS - 1) == 1);
    if negative {
        negate(words);
    }
    IBig::from_sign_words(if negative { Sign::Negative } else { Sign::Positive }, words)
}

fn negate(words: &mut [Word]) {
    let mut carry = true;
    for w in words {
        (*w, carry) = (!*w).overflowing_add(Word::from(carry));
    }
}
