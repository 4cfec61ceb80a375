//! Exact proof that the box and the rows of a domain have no point in common (Farkas): rational multipliers ν of the rows whose
//! sum Σ νᵢ·sideᵢ is above everything that Σ νᵢ·rowᵢ reaches in the box.

use dashu_int::UBig;
use dashu_int::{IBig, Sign};
use dashu_ratio::RBig;

use super::dyadic::{Dyadic, joined};
use super::lift::{Side, System};
use super::modular::Field;
use crate::certificate::exact::Rationals;
use crate::domain::Domain;

/// Multipliers of the rows, ≥ 0 on the lower side and ≤ 0 on the upper side, which prove that no point satisfies the box and the
/// rows. Learned constraints take no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emptiness {
    /// One for each row of the domain.
    pub rows: Rationals,
}

impl Emptiness {
    /// The proof by these multipliers, if it holds.
    pub(super) fn of(domain: &Domain, rows: &[RBig]) -> Option<Emptiness> {
        let mut denominator = UBig::ONE;
        for v in rows {
            denominator *= (v * RBig::from(denominator.clone())).denominator().clone();
        }
        let whole = RBig::from(denominator.clone());
        let numerators = rows.iter().map(|v| (v * &whole).numerator().clone()).collect();
        let proof = Emptiness { rows: Rationals { numerators, denominator } };
        verify(domain, &proof).then_some(proof)
    }
}

/// A slope below this share of the numbers that cancel in it is meant to be 0.
const CANCELLED: f64 = 1e-9;

/// Whether the proof holds, computed without rounding. False for multipliers that do not fit the domain.
pub fn verify(domain: &Domain, proof: &Emptiness) -> bool {
    let numerators = &proof.rows.numerators;
    if numerators.len() != domain.rows().len() || proof.rows.denominator.is_zero() {
        return false;
    }
    let rows: Vec<Dyadic> = numerators.iter().map(|n| Dyadic { n: n.clone(), e: 0 }).collect();
    margin(domain, &rows).is_some_and(|m| !m.is_zero() && m.n.sign() == Sign::Positive)
}

/// Σ νᵢ·sideᵢ − max over the box of Σ νᵢ·rowᵢ; `None` where a side is missing or the maximum is infinite.
fn margin(domain: &Domain, rows: &[Dyadic]) -> Option<Dyadic> {
    let mut slopes = vec![Dyadic::ZERO; domain.dimension()];
    let mut margin = Dyadic::ZERO;
    let negative = |v: &Dyadic| v.n.sign() == Sign::Negative;
    for (row, nu) in domain.rows().iter().zip(rows).filter(|(_, nu)| !nu.is_zero()) {
        let side = if negative(nu) { row.upper } else { row.lower };
        if !side.is_finite() {
            return None;
        }
        margin = margin.plus(&nu.times(&Dyadic::of(side)));
        for (j, c) in &row.coefficients {
            slopes[*j] = slopes[*j].plus(&nu.times(&Dyadic::of(*c)));
        }
    }
    for (j, r) in slopes.iter().enumerate().filter(|(_, r)| !r.is_zero()) {
        let side = if negative(r) { domain.lower()[j] } else { domain.upper()[j] };
        if !side.is_finite() {
            return None;
        }
        margin = margin.minus(&r.times(&Dyadic::of(side)));
    }
    Some(margin)
}

/// A proof from multipliers in f64 (one for each row): they are taken as they are, or, if that does not do, moved so that slopes
/// which all but vanish do vanish.
pub fn emptiness(domain: &Domain, rows: &[f64]) -> Option<Emptiness> {
    if rows.len() != domain.rows().len() || rows.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let largest = rows.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let kept: Vec<f64> = rows.iter().map(|v| if v.abs() > 1e-12 * largest { *v } else { 0.0 }).collect();
    let as_given: Vec<Dyadic> = kept.iter().map(|v| Dyadic::of(*v)).collect();
    [Some(as_given), moved(domain, &kept)].into_iter().flatten().find_map(|rows| {
        let (numerators, denominator) = joined(&rows, &dashu_int::UBig::ONE);
        let proof = Emptiness { rows: Rationals { numerators, denominator } };
        verify(domain, &proof).then_some(proof)
    })
}

/// The multipliers nearest by for which slopes vanish that all but do so.
fn moved(domain: &Domain, rows: &[f64]) -> Option<Vec<Dyadic>> {
    let p = domain.dimension();
    let (mut slopes, mut sizes) = (vec![0.0; p], vec![0.0f64; p]);
    for (row, nu) in domain.rows().iter().zip(rows) {
        for (j, c) in &row.coefficients {
            slopes[*j] += nu * c;
            sizes[*j] = sizes[*j].max((nu * c).abs());
        }
    }
    let vanishing: Vec<usize> =
        (0..p).filter(|j| sizes[*j] > 0.0 && slopes[*j].abs() <= CANCELLED * sizes[*j]).collect();
    let mut used: Vec<usize> = (0..rows.len()).filter(|i| rows[*i] != 0.0).collect();
    used.sort_by(|a, b| rows[*b].abs().total_cmp(&rows[*a].abs()));
    let coefficient = |i: usize, j: usize| {
        let of_row = &domain.rows()[i].coefficients;
        Dyadic::of(of_row.iter().find(|(k, _)| *k == j).map_or(0.0, |(_, c)| *c))
    };
    // The largest multiplier stays: proofs can be scaled at will.
    let (first, others) = used.split_first()?;
    let equations = vanishing.iter().map(|j| {
        let left: Vec<Dyadic> = others.iter().map(|i| coefficient(*i, *j)).collect();
        (left, Dyadic::of(rows[*first]).times(&coefficient(*first, *j)))
    });
    let values: Vec<f64> = others.iter().map(|i| rows[*i]).collect();
    let (solved, whole) = nearby(&equations.collect::<Vec<_>>(), &values)?;
    let mut out = vec![Dyadic::ZERO; rows.len()];
    out[*first] = Dyadic::of(rows[*first]).times(&Dyadic { n: whole, e: 0 });
    others.iter().zip(solved).for_each(|(i, v)| out[*i] = v);
    Some(out)
}

/// Numbers near `values` for which every equation Σ leftₖ·vₖ + constant = 0 holds, all times the whole number that comes with
/// them; equations that contradict the earlier ones are left out.
pub(super) fn nearby(equations: &[(Vec<Dyadic>, Dyadic)], values: &[f64]) -> Option<(Vec<Dyadic>, IBig)> {
    let field = Field::new(0)?;
    let low = |row: &[Dyadic]| row.iter().filter(|v| !v.is_zero()).map(|v| v.e).min().unwrap_or(0);
    let scales: Vec<i64> = equations.iter().map(|(left, _)| low(left)).collect();
    let whole: Vec<Vec<IBig>> =
        equations.iter().zip(&scales).map(|((left, _), e)| left.iter().map(|v| v.over(*e)).collect()).collect();
    let (kept, pivots) = field.independent(whole.iter().map(|row| row.iter().map(|v| field.of(v)).collect()));
    let square: Vec<Vec<IBig>> = kept.iter().map(|i| pivots.iter().map(|k| whole[*i][*k].clone()).collect()).collect();
    let system = System::new(&square)?;
    let rest = |i: &usize| {
        let (left, constant) = &equations[*i];
        let others = (0..values.len()).filter(|k| !pivots.contains(k));
        let sum = others.fold(constant.clone(), |s, k| s.plus(&left[k].times(&Dyadic::of(values[k]))));
        Dyadic { n: -sum.n, e: sum.e - scales[*i] }.shortened()
    };
    let right: Vec<Dyadic> = kept.iter().map(rest).collect();
    let exponent = low(&right);
    let found = system.solve(Side::Plain, &right.iter().map(|v| v.over(exponent)).collect::<Vec<_>>(), &|| false)?;
    let whole = IBig::from(found.denominator);
    let mut out: Vec<Dyadic> =
        values.iter().map(|v| Dyadic::of(*v).times(&Dyadic { n: whole.clone(), e: 0 })).collect();
    pivots.iter().zip(found.numerators).for_each(|(k, n)| out[*k] = Dyadic { n, e: exponent });
    Some((out, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_misses_the_box_by_one_rounding_error() {
        let side = 0.1 + 0.2;
        let domain = Domain::cube(2, 0.0, 0.1).unwrap().with_row("r", &[(0, 1.0), (1, 2.0)], side, side).unwrap();
        let proof = emptiness(&domain, &[1.0]).expect("0.1 + 0.2 is above 3·0.1");
        assert!(verify(&domain, &proof));
        let wider = Domain::cube(2, 0.0, 0.11).unwrap().with_row("r", &[(0, 1.0), (1, 2.0)], side, side).unwrap();
        assert!(!verify(&wider, &proof) && emptiness(&wider, &[1.0]).is_none());
        assert!(!verify(&domain, &Emptiness { rows: Rationals { numerators: vec![], ..proof.rows } }));
    }

    #[test]
    fn multipliers_whose_slopes_have_to_cancel() {
        // Two rows that contradict each other on an unbounded coordinate, with coefficients that have no exact quotient.
        let domain = Domain::everything(1)
            .with_row("a", &[(0, 0.3)], 1.0, f64::INFINITY)
            .and_then(|d| d.with_row("b", &[(0, 0.7)], f64::NEG_INFINITY, 1.0))
            .unwrap();
        let proof = emptiness(&domain, &[1.0, -0.3 / 0.7]).expect("10/3 is above 10/7");
        assert!(verify(&domain, &proof));
    }
}
