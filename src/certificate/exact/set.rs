//! The set Y: whether a rational point lies in it, and the least value of an affine function on its box and rows.

use std::cmp::Ordering;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::backward::Minorant;
use super::dyadic::Dyadic;
use super::{NotVerified, Rationals, refused, value};
use crate::domain::Domain;

/// See [`super::contains`].
pub(super) fn contains(domain: &Domain, y: &Rationals) -> Result<(), NotVerified> {
    let p = domain.dimension();
    if y.numerators.len() != p {
        return refused(format!("y has {} entries, the domain {p} coordinates", y.numerators.len()));
    }
    if y.denominator.is_zero() {
        return refused("the denominator of y is 0");
    }
    let one = IBig::from(y.denominator.clone());
    let inside = |what: &dyn Fn() -> String, v: &Dyadic, lower: f64, upper: f64| {
        for (side, bound, wrong) in [("below", lower, Ordering::Less), ("above", upper, Ordering::Greater)] {
            if bound.is_finite() && v.compare(&Dyadic::of(bound).times_whole(&one))? == wrong {
                let found = v.over(&y.denominator)?.to_f64_fast();
                return refused(format!("{} ≈ {found} is {side} {bound}", what()));
            }
        }
        Ok(())
    };
    let coordinate = |j: usize| Dyadic::whole(y.numerators[j].clone());
    for (j, (lower, upper)) in domain.lower().iter().zip(domain.upper()).enumerate() {
        inside(&|| format!("y[{j}]"), &coordinate(j), *lower, *upper)?;
    }
    for row in domain.rows() {
        let mut activity = Dyadic::zero();
        for (j, c) in &row.coefficients {
            activity = activity.plus(&coordinate(*j).times(*c))?;
        }
        inside(&|| format!("row '{}'", row.name), &activity, row.lower, row.upper)?;
    }
    for level in domain.sublevels() {
        let named = |e: NotVerified| NotVerified(format!("constraint '{}': {e}", level.name));
        let h = value(&level.function, y).map_err(named)?;
        if h > Dyadic::of(level.at_most).over(&UBig::ONE)? {
            return refused(format!("constraint '{}' ≈ {} is above {}", level.name, h.to_f64_fast(), level.at_most));
        }
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
