//! The exact tier: an optimum as rational numbers, and what proves it.
//!
//! A [`Proof`] is a point y ∈ Y and multipliers λ, all rational. f(y), and the lower bound that λ makes, are computed
//! without rounding from the weights of the instance; where they are equal, both are the minimum. Whoever found the numbers
//! need not be trusted.
//!
//! [`value`] is f(y), [`bound`] what the multipliers prove, [`verify`] both and the rest. What is computed: the function of
//! real numbers that the weights of the instance are, with every weight the rational number that its bits say. Operations
//! with a value that is rational at rational points have a place here: linear maps, piecewise-linear units (the largest of
//! their lines, or the smallest where they are concave), maxima, and products one side of which does not depend on y.
//! Whatever else the output uses is refused.

mod backward;
mod dyadic;
mod forward;
mod lines;
mod products;
mod repair;
mod set;
#[cfg(test)]
mod tests;
mod units;

use dashu_int::IBig;
use dashu_int::UBig;
use dashu_ratio::RBig;

use self::backward::{Minorant, Rule};
use self::dyadic::Dyadic;
pub use self::repair::admissible;
use crate::certificate::rigorous;
use crate::domain::Domain;
use crate::ir::instance::Instance;

/// Why a proof, or a part of it, was not verified: the node, the element and the numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotVerified(pub String);

fn refused<T>(reason: impl Into<String>) -> Result<T, NotVerified> {
    Err(NotVerified(reason.into()))
}

/// Rational numbers over one positive denominator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rationals {
    /// Numerators.
    pub numerators: Vec<IBig>,
    /// The denominator, above 0.
    pub denominator: UBig,
}

/// How one unit, or one maximum, takes part in the minorant. Its *weight* is the multiplier with which it enters f: the
/// adjoint that the backward pass brings to it (`cap` in the literature on duals).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// A unit: the line of this piece (index into [`Lines::pieces`](crate::ir::lines::Lines::pieces)). A maximum: the member
    /// at this place of its group. The pre-activation gets slope × weight.
    Piece(u32),
    /// A unit at the breakpoint between the pieces `left` and `left + 1`: the pre-activation gets `multiplier`, which lies
    /// between the weight times the one slope and times the other.
    Break {
        /// The piece on the left.
        left: u32,
        /// Numerator over [`Dual::denominator`].
        multiplier: IBig,
    },
    /// A maximum with several largest members: (place in the group, numerator over [`Dual::denominator`]), none negative,
    /// together the weight.
    Shares(Vec<(u32, IBig)>),
}

/// Multipliers behind an exact lower bound, all over one denominator.
///
/// With μ ≥ 0 for each learned constraint h ≤ c and ν for each row, f(y) ≥ f(y) + Σ μ·(h(y) − c) on Y; f and each μ·h are
/// replaced by affine minorants, ν takes its share of their gradient, and what is left is bounded over the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dual {
    /// Above 0.
    pub denominator: UBig,
    /// For f, then for each learned constraint: for every node of its program one entry per element of a unit, one per
    /// group of a maximum, none otherwise. The output of a learned constraint has weight μ.
    pub functions: Vec<Vec<Vec<Support>>>,
    /// μ, numerators, one per learned constraint.
    pub levels: Vec<IBig>,
    /// ν, numerators, one per row of the domain: ≥ 0 acts on the lower side, ≤ 0 on the upper side.
    pub rows: Vec<IBig>,
}

/// An optimum with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The minimiser.
    pub y: Rationals,
    /// What proves that no point is better.
    pub dual: Dual,
    /// f(y), the minimum.
    pub value: RBig,
}

impl Rationals {
    /// Numbers that are finite, exactly; `None` if one is not.
    pub fn of(numbers: &[f64]) -> Option<Rationals> {
        if numbers.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let parts: Vec<(i64, i64)> = numbers.iter().map(|v| dyadic::parts(*v)).collect();
        let least = parts.iter().map(|(_, e)| *e).min().unwrap_or(0).min(0);
        let numerators = parts.iter().map(|(m, e)| IBig::from(*m) << (e - least) as usize).collect();
        Some(Rationals { numerators, denominator: UBig::ONE << (-least) as usize })
    }
}

/// f(y), without rounding.
///
/// # Errors
/// Another number of entries; an operation that has no exact value here.
pub fn value(instance: &Instance, y: &Rationals) -> Result<RBig, NotVerified> {
    forward::value(instance, y)
}

/// The number that f does not go below on the domain, by these multipliers, without rounding. Of the domain the box, the rows
/// and the learned constraints are used, nothing that is implied by them.
///
/// # Errors
/// Multipliers that are not admissible: in number, in sign, or beyond the slopes of their unit; a weight with the wrong sign
/// for its unit; a side that the domain does not have; an operation that has no exact form here.
pub fn bound(instance: &Instance, domain: &Domain, dual: &Dual) -> Result<RBig, NotVerified> {
    if dual.denominator.is_zero() {
        return refused("the denominator of the multipliers is 0");
    }
    let p = instance.decisions();
    let counts = [
        ("functions", dual.functions.len(), 1 + domain.sublevels().len()),
        ("multipliers of learned constraints", dual.levels.len(), domain.sublevels().len()),
        ("multipliers of rows", dual.rows.len(), domain.rows().len()),
        ("coordinates of the domain", domain.dimension(), p),
    ];
    for (what, found, expected) in counts {
        if found != expected {
            return refused(format!("{found} {what}, {expected} are needed"));
        }
    }
    let one = Dyadic::whole(IBig::from(dual.denominator.clone()));
    let mut total = backward::minorant(instance, &one, Rule::Exact(&dual.functions[0]))?;
    for (k, level) in domain.sublevels().iter().enumerate() {
        let (mu, supports) = (Dyadic::whole(dual.levels[k].clone()), &dual.functions[k + 1]);
        if supports.is_empty() && mu.is_zero() {
            continue;
        }
        let add = |total: &mut Minorant| total.add_level(&mu, level.at_most, &level.function, Rule::Exact(supports));
        add(&mut total).map_err(|e| NotVerified(format!("constraint '{}': {e}", level.name)))?;
    }
    let rows: Vec<Dyadic> = dual.rows.iter().map(|n| Dyadic::whole(n.clone())).collect();
    set::least(total, domain, &rows, &dual.denominator)
}

/// The number that f does not go below on the domain, by slopes in f64 taken as the numbers they are, without rounding. Of the
/// weights of a maximum the largest is replaced by what the others leave to 1.
///
/// # Errors
/// As for [`bound`].
pub fn bound_of_slopes(instance: &Instance, domain: &Domain, dual: &rigorous::Dual) -> Result<RBig, NotVerified> {
    let counts = [
        ("multipliers of learned constraints", dual.levels.len(), domain.sublevels().len()),
        ("multipliers of rows", dual.rows.len(), domain.rows().len()),
        ("coordinates of the domain", domain.dimension(), instance.decisions()),
    ];
    for (what, found, expected) in counts {
        if found != expected {
            return refused(format!("{found} {what}, {expected} are needed"));
        }
    }
    let numbers = dual.rows.iter().chain(dual.levels.iter().map(|(mu, _)| mu));
    if let Some(v) = numbers.into_iter().find(|v| !v.is_finite()) {
        return refused(format!("a multiplier of the domain is {v}"));
    }
    let total = lagrangian(instance, domain, dual)?;
    let rows: Vec<Dyadic> = dual.rows.iter().map(|v| Dyadic::of(*v)).collect();
    set::least(total, domain, &rows, &UBig::ONE)
}

/// The minorants of f and of the learned constraints added up; the rows have not taken their share.
fn lagrangian(instance: &Instance, domain: &Domain, dual: &rigorous::Dual) -> Result<Minorant, NotVerified> {
    let mut total = backward::minorant(instance, &Dyadic::of(1.0), Rule::Slopes(&dual.f))?;
    for (level, (mu, slopes)) in domain.sublevels().iter().zip(&dual.levels) {
        let Some(slopes) = slopes else {
            if *mu != 0.0 {
                return refused(format!("constraint '{}' has multiplier {mu} and no slopes", level.name));
            }
            continue;
        };
        total
            .add_level(&Dyadic::of(*mu), level.at_most, &level.function, Rule::Slopes(slopes))
            .map_err(|e| NotVerified(format!("constraint '{}': {e}", level.name)))?;
    }
    Ok(total)
}

/// Whether y lies in the domain.
///
/// # Errors
/// A side that y violates, with both numbers; a learned constraint that has no exact value here.
pub fn contains(domain: &Domain, y: &Rationals) -> Result<(), NotVerified> {
    set::contains(domain, y)
}

/// By how much y violates the box, a row or a learned constraint at most; 0 where it lies in the domain.
///
/// # Errors
/// Another number of entries; a learned constraint that has no value here.
pub fn violation(domain: &Domain, y: &Rationals) -> Result<RBig, NotVerified> {
    set::violation(domain, y)
}

/// A number that f(y) is not above: f(y) itself, where it is rational.
///
/// # Errors
/// As for [`value`].
pub fn upper_value(instance: &Instance, y: &Rationals) -> Result<RBig, NotVerified> {
    value(instance, y)
}

/// Checks that y lies in the domain, and that f(y), the lower bound of the multipliers and the claimed minimum are one number.
///
/// # Errors
/// What does not hold, and everything that [`value`], [`bound`] and [`contains`] refuse.
pub fn verify(instance: &Instance, domain: &Domain, proof: &Proof) -> Result<(), NotVerified> {
    contains(domain, &proof.y)?;
    let f = value(instance, &proof.y)?;
    let lower = bound(instance, domain, &proof.dual)?;
    if lower != f {
        let (f, lower) = (f.to_f64_fast(), lower.to_f64_fast());
        return refused(format!(
            "f(y) ≈ {f} is not the lower bound of the multipliers, {lower}: they differ by {}",
            f - lower
        ));
    }
    if proof.value != f {
        return refused(format!(
            "the claimed minimum ≈ {} is not f(y) ≈ {}",
            proof.value.to_f64_fast(),
            f.to_f64_fast()
        ));
    }
    Ok(())
}
