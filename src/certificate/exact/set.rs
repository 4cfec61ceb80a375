//! The set Y: whether a rational point lies in it, and the least value of an affine function on its box and rows.

use dashu_int::UBig;
use dashu_ratio::RBig;

use super::backward::Minorant;
use super::dyadic::Dyadic;
use super::{NotVerified, Rationals, refused, upper_value, value};
use crate::domain::Domain;
use crate::ir::instance::Instance;

/// See [`super::contains`].
pub(super) fn contains(domain: &Domain, y: &Rationals) -> Result<(), NotVerified> {
    visit(domain, y, value, |what, found, side, bound, beyond| match beyond > RBig::ZERO {
        true => refused(format!("{what} ≈ {} is {side} {bound}", found.to_f64_fast())),
        false => Ok(()),
    })
}

/// See [`super::violation`].
pub(super) fn violation(domain: &Domain, y: &Rationals) -> Result<RBig, NotVerified> {
    let mut worst = RBig::ZERO;
    visit(domain, y, upper_value, |_, _, _, _, beyond| {
        if beyond > worst {
            worst = beyond;
        }
        Ok(())
    })?;
    Ok(worst)
}

/// Calls `each(what, its value, which side, the bound, by how much it is beyond)` for every finite side of the domain.
fn visit(
    domain: &Domain,
    y: &Rationals,
    of: fn(&Instance, &Rationals) -> Result<RBig, NotVerified>,
    mut each: impl FnMut(&str, &RBig, &str, f64, RBig) -> Result<(), NotVerified>,
) -> Result<(), NotVerified> {
    let p = domain.dimension();
    if y.numerators.len() != p {
        return refused(format!("y has {} entries, the domain {p} coordinates", y.numerators.len()));
    }
    if y.denominator.is_zero() {
        return refused("the denominator of y is 0");
    }
    let mut sides = |what: &str, v: &RBig, lower: f64, upper: f64| {
        if lower.is_finite() {
            each(what, v, "below", lower, Dyadic::of(lower).over(&UBig::ONE)? - v)?;
        }
        if upper.is_finite() {
            each(what, v, "above", upper, v - Dyadic::of(upper).over(&UBig::ONE)?)?;
        }
        Ok(())
    };
    let coordinate = |j: usize| Dyadic::whole(y.numerators[j].clone());
    for (j, (lower, upper)) in domain.lower().iter().zip(domain.upper()).enumerate() {
        sides(&format!("y[{j}]"), &coordinate(j).over(&y.denominator)?, *lower, *upper)?;
    }
    for row in domain.rows() {
        let mut activity = Dyadic::zero();
        for (j, c) in &row.coefficients {
            activity = activity.plus(&coordinate(*j).times(*c))?;
        }
        sides(&format!("row '{}'", row.name), &activity.over(&y.denominator)?, row.lower, row.upper)?;
    }
    for level in domain.sublevels() {
        let what = format!("constraint '{}'", level.name);
        let h = of(&level.function, y).map_err(|e| NotVerified(format!("{what}: {e}")))?;
        sides(&what, &h, f64::NEG_INFINITY, level.at_most)?;
    }
    Ok(())
}

/// The least value over the box of what is left of a minorant when the rows have taken their share, all over `denominator`.
pub(super) fn least(
    mut minorant: Minorant,
    domain: &Domain,
    rows: &[Dyadic],
    denominator: &UBig,
) -> Result<RBig, NotVerified> {
    for (row, nu) in domain.rows().iter().zip(rows).filter(|(_, nu)| !nu.is_zero()) {
        let (side, bound) = if nu.is_negative() { ("upper", row.upper) } else { ("lower", row.lower) };
        if !bound.is_finite() {
            return refused(format!("row '{}' has no {side} bound for its multiplier to act on", row.name));
        }
        minorant.constant = minorant.constant.plus(&nu.times(bound))?;
        for (j, c) in &row.coefficients {
            minorant.gradient[*j] = minorant.gradient[*j].minus(&nu.times(*c))?;
        }
    }
    for (j, r) in minorant.gradient.iter().enumerate().filter(|(_, r)| !r.is_zero()) {
        let (side, bound) = if r.is_negative() { ("upper", domain.upper()[j]) } else { ("lower", domain.lower()[j]) };
        if !bound.is_finite() {
            let r = r.over(denominator)?.to_f64_fast();
            return refused(format!("y[{j}] has no {side} bound, and its reduced cost ≈ {r} is not 0"));
        }
        minorant.constant = minorant.constant.plus(&r.times(bound))?;
    }
    minorant.constant_over(denominator)
}
