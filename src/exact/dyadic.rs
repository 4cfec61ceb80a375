//! Numbers n·2^e: what sums and products of floating-point numbers are, and, over a common denominator, all else here.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::planes::parts;

/// n·2^e
#[derive(Debug, Clone, PartialEq)]
pub struct Dyadic {
    pub n: IBig,
    pub e: i64,
}

impl Dyadic {
    pub const ZERO: Dyadic = Dyadic { n: IBig::ZERO, e: 0 };

    /// Of a finite number.
    pub fn of(v: f64) -> Dyadic {
        parts(v).map_or(Dyadic::ZERO, |(n, e)| Dyadic { n: n.into(), e: e.into() })
    }

    pub fn is_zero(&self) -> bool {
        self.n.is_zero()
    }

    pub fn plus(&self, other: &Dyadic) -> Dyadic {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let e = self.e.min(other.e);
        Dyadic { n: self.over(e) + other.over(e), e }
    }

    pub fn times(&self, other: &Dyadic) -> Dyadic {
        Dyadic { n: &self.n * &other.n, e: self.e + other.e }
    }

    pub fn minus(&self, other: &Dyadic) -> Dyadic {
        self.plus(&Dyadic { n: -&other.n, e: other.e })
    }

    /// The number over 2^e, for an e that is not above its own (that of 0 is any).
    pub fn over(&self, e: i64) -> IBig {
        if self.is_zero() { IBig::ZERO } else { &self.n << (self.e - e) as usize }
    }

    /// The number itself.
    pub fn rational(&self) -> RBig {
        match self.e {
            e if e >= 0 => RBig::from(self.over(0)),
            e => RBig::from_parts(self.n.clone(), UBig::ONE << e.unsigned_abs() as usize),
        }
    }

    /// The same with an odd n.
    pub fn shortened(&self) -> Dyadic {
        match self.n.trailing_zeros() {
            None => Dyadic::ZERO,
            Some(zeros) => Dyadic { n: &self.n >> zeros, e: self.e + zeros as i64 },
        }
    }
}

/// Numbers over `denominator` as integers over one denominator.
pub fn joined(numbers: &[Dyadic], denominator: &UBig) -> (Vec<IBig>, UBig) {
    let low = numbers.iter().filter(|v| !v.is_zero()).map(|v| v.e).min().unwrap_or(0).min(0);
    (numbers.iter().map(|v| v.over(low)).collect(), denominator << (-low) as usize)
}
