//! [`Dyadic`]: n·2ᵉ, which every f64 is, and vectors of them with one exponent.
//!
//! The passes over a network multiply by weights and never divide: with the denominator of y, or of the multipliers, kept
//! apart, all numbers they meet are of this form.

use std::cmp::Ordering;

use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};
use dashu_ratio::RBig;

use super::{NotVerified, refused};

/// The most bits a number may have: larger ones come from exponents that no network has.
const MOST_BITS: i64 = 1 << 22;

/// n·2ᵉ
#[derive(Debug, Clone)]
pub(super) struct Dyadic {
    /// n
    pub n: IBig,
    /// e
    pub e: i64,
}

/// Mantissa and exponent of a finite number: v = m·2ᵉ, m odd or 0.
pub(super) fn parts(v: f64) -> (i64, i64) {
    let bits = v.to_bits();
    let (field, fraction) = ((bits >> 52 & 0x7ff) as i64, (bits & ((1 << 52) - 1)) as i64);
    let (m, e) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
    if m == 0 {
        return (0, 0);
    }
    let zeros = m.trailing_zeros();
    let m = m >> zeros;
    (if v < 0.0 { -m } else { m }, e + i64::from(zeros))
}

impl Dyadic {
    pub fn zero() -> Dyadic {
        Dyadic { n: IBig::ZERO, e: 0 }
    }

    /// A finite number, exactly.
    pub fn of(v: f64) -> Dyadic {
        let (m, e) = parts(v);
        Dyadic { n: IBig::from(m), e }
    }

    pub fn whole(n: IBig) -> Dyadic {
        Dyadic { n, e: 0 }
    }

    pub fn is_zero(&self) -> bool {
        self.n.is_zero()
    }

    pub fn is_negative(&self) -> bool {
        self.n.sign() == Sign::Negative
    }

    /// The product with a finite number.
    pub fn times(&self, v: f64) -> Dyadic {
        let (m, e) = parts(v);
        Dyadic { n: &self.n * m, e: self.e + e }
    }

    pub fn times_whole(&self, n: &IBig) -> Dyadic {
        Dyadic { n: &self.n * n, e: self.e }
    }

    pub fn negated(&self) -> Dyadic {
        Dyadic { n: -&self.n, e: self.e }
    }

    pub fn plus(&self, other: &Dyadic) -> Result<Dyadic, NotVerified> {
        if self.is_zero() {
            return Ok(other.clone());
        }
        if other.is_zero() {
            return Ok(self.clone());
        }
        let e = self.e.min(other.e);
        Ok(Dyadic { n: shifted(&self.n, self.e - e)? + shifted(&other.n, other.e - e)?, e })
    }

    pub fn minus(&self, other: &Dyadic) -> Result<Dyadic, NotVerified> {
        self.plus(&other.negated())
    }

    pub fn compare(&self, other: &Dyadic) -> Result<Ordering, NotVerified> {
        let difference = self.minus(other)?;
        Ok(if difference.is_zero() {
            Ordering::Equal
        } else if difference.is_negative() {
            Ordering::Less
        } else {
            Ordering::Greater
        })
    }

    /// The number divided by `denominator` > 0.
    pub fn over(&self, denominator: &UBig) -> Result<RBig, NotVerified> {
        let (n, d) = if self.e >= 0 {
            (shifted(&self.n, self.e)?, denominator.clone())
        } else {
            (self.n.clone(), UBig::try_from(shifted(&IBig::from(denominator.clone()), -self.e)?).unwrap_or(UBig::ONE))
        };
        Ok(RBig::from_parts(n, d))
    }
}

/// n·2^by for by ≥ 0.
fn shifted(n: &IBig, by: i64) -> Result<IBig, NotVerified> {
    if n.is_zero() || by == 0 {
        return Ok(n.clone());
    }
    if by + n.bit_len() as i64 > MOST_BITS {
        return refused(format!("a number of {} bits; {MOST_BITS} are permitted", by + n.bit_len() as i64));
    }
    Ok(n << by as usize)
}

/// Numbers with one exponent.
#[derive(Debug, Clone)]
pub(super) struct Vector {
    /// Numerators.
    pub n: Vec<IBig>,
    /// The exponent.
    pub e: i64,
}

impl Vector {
    pub fn zeros(len: usize) -> Vector {
        Vector { n: vec![IBig::ZERO; len], e: 0 }
    }

    pub fn of(numbers: &[Dyadic]) -> Result<Vector, NotVerified> {
        let e = numbers.iter().filter(|d| !d.is_zero()).map(|d| d.e).min().unwrap_or(0);
        let n = numbers.iter().map(|d| shifted(&d.n, d.e - e)).collect::<Result<_, _>>()?;
        Ok(Vector { n, e })
    }

    /// Entry i.
    pub fn at(&self, i: usize) -> Dyadic {
        Dyadic { n: self.n[i].clone(), e: self.e }
    }

    pub fn is_zero(&self) -> bool {
        self.n.iter().all(IBig::is_zero)
    }

    /// The largest number of bits of a numerator.
    pub fn bits(&self) -> usize {
        self.n.iter().map(BitTest::bit_len).max().unwrap_or(0)
    }

    /// The same numbers with an exponent that is no larger.
    fn lowered(mut self, e: i64) -> Result<Vector, NotVerified> {
        if self.e > e {
            for n in self.n.iter_mut().filter(|n| !n.is_zero()) {
                *n = shifted(n, self.e - e)?;
            }
        }
        self.e = e;
        Ok(self)
    }

    pub fn plus(self, other: Vector) -> Result<Vector, NotVerified> {
        if self.is_zero() {
            return Ok(other);
        }
        if other.is_zero() {
            return Ok(self);
        }
        let e = self.e.min(other.e);
        let (mut sum, other) = (self.lowered(e)?, other.lowered(e)?);
        sum.n.iter_mut().zip(other.n).for_each(|(s, o)| *s += o);
        Ok(sum)
    }

    pub fn concatenated(parts: Vec<Vector>) -> Result<Vector, NotVerified> {
        let e = parts.iter().filter(|v| !v.is_zero()).map(|v| v.e).min().unwrap_or(0);
        let mut n = vec![];
        for part in parts {
            n.extend(if part.is_zero() { part.n } else { part.lowered(e)?.n });
        }
        Ok(Vector { n, e })
    }

    /// Without the powers of two that all entries share.
    pub fn trimmed(mut self) -> Vector {
        let zeros = self.n.iter().filter_map(IBig::trailing_zeros).min().unwrap_or(0);
        if zeros > 0 {
            self.n.iter_mut().for_each(|n| *n >>= zeros);
            self.e += zeros as i64;
        }
        self
    }
}
