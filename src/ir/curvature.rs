//! [`Curvature`]: what is known of one entry as a function of y, and the algebra of disciplined convex programming.

use std::fmt;

/// A set of bits: which of "depends on y", "may fail to be concave", "may fail to be convex" apply.
///
/// A sum takes the union; a factor of −1 swaps the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curvature(u8);

const DEPENDS: u8 = 1;
const NOT_CONCAVE: u8 = 2;
const NOT_CONVEX: u8 = 4;

impl Curvature {
    /// The same for all y.
    pub const CONSTANT: Curvature = Curvature(0);
    /// Affine in y.
    pub const AFFINE: Curvature = Curvature(DEPENDS);
    /// Convex in y.
    pub const CONVEX: Curvature = Curvature(DEPENDS | NOT_CONCAVE);
    /// Concave in y.
    pub const CONCAVE: Curvature = Curvature(DEPENDS | NOT_CONVEX);
    /// Neither is proven.
    pub const UNKNOWN: Curvature = Curvature(DEPENDS | NOT_CONCAVE | NOT_CONVEX);

    /// Known to be convex (constants and affine functions are).
    pub fn is_convex(self) -> bool {
        self.0 & NOT_CONVEX == 0
    }

    /// Known to be concave (constants and affine functions are).
    pub fn is_concave(self) -> bool {
        self.0 & NOT_CONCAVE == 0
    }

    /// Known to be affine (constants are).
    pub fn is_affine(self) -> bool {
        self.is_convex() && self.is_concave()
    }

    /// Does not depend on y.
    pub fn is_constant(self) -> bool {
        self.0 & DEPENDS == 0
    }

    /// Of the sum of two functions.
    pub fn plus(self, other: Curvature) -> Curvature {
        Curvature(self.0 | other.0)
    }

    /// Of the negated function.
    pub fn negated(self) -> Curvature {
        let swapped = (self.0 & NOT_CONCAVE) << 1 | (self.0 & NOT_CONVEX) >> 1;
        Curvature(self.0 & DEPENDS | swapped)
    }

    /// Of w times the function, where w lies in [lower, upper].
    pub fn times(self, lower: f64, upper: f64) -> Curvature {
        if lower == 0.0 && upper == 0.0 {
            Curvature::CONSTANT
        } else if lower >= 0.0 {
            self
        } else if upper <= 0.0 {
            self.negated()
        } else {
            self.plus(self.negated())
        }
    }

    /// From which of the two properties are proven.
    pub fn of(convex: bool, concave: bool) -> Curvature {
        Curvature(DEPENDS | if concave { 0 } else { NOT_CONCAVE } | if convex { 0 } else { NOT_CONVEX })
    }
}

impl fmt::Display for Curvature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_constant(), self.is_convex(), self.is_concave()) {
            (true, ..) => "constant",
            (_, true, true) => "affine",
            (_, true, false) => "convex",
            (_, false, true) => "concave",
            _ => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algebra() {
        assert_eq!(Curvature::CONVEX.negated(), Curvature::CONCAVE);
        assert_eq!(Curvature::CONVEX.plus(Curvature::AFFINE), Curvature::CONVEX);
        assert_eq!(Curvature::CONVEX.plus(Curvature::CONCAVE), Curvature::UNKNOWN);
        assert_eq!(Curvature::CONVEX.times(-1.0, 1.0), Curvature::UNKNOWN);
        assert_eq!(Curvature::AFFINE.times(-1.0, 1.0), Curvature::AFFINE);
        assert_eq!(Curvature::UNKNOWN.times(0.0, 0.0), Curvature::CONSTANT);
    }
}
