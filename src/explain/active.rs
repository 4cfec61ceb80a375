//! [`Active`]: the sides of the domain that an optimum stands at, and how hard it pushes against them.

use serde::Serialize;

use super::part::Part;
use crate::domain::Domain;
use crate::error::Error;
use crate::solve::Solution;

/// A value within this share of max(1, |side|, its terms) stands at the side.
const NEAR: f64 = 1e-7;

/// Multipliers below this share of the largest one are 0.
const ZERO: f64 = 1e-9;

/// One side that the optimum stands at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Active {
    /// The side: `y[3] ≥ 0`, `'budget' ≤ 4`.
    pub name: String,
    /// bound, fixed, row or constraint.
    pub of: &'static str,
    /// Its multiplier in the proof of the lower bound: ≥ 0 on a lower side, ≤ 0 on an upper one. `None` for fixed
    /// coordinates, which are no variables, and where no bound is proven.
    pub multiplier: Option<f64>,
    /// Whether that multiplier is not 0: without this side the proof would not hold. A side that is not strict is touched
    /// without need.
    pub strict: bool,
}

/// Where the coordinates stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Coordinates {
    /// At their lower bound only.
    pub at_lower: usize,
    /// At their upper bound only.
    pub at_upper: usize,
    /// Both bounds are equal.
    pub fixed: usize,
    /// At neither bound.
    pub inside: usize,
}

/// The sides that the point of a solution stands at.
///
/// Errors: a learned constraint that cannot be evaluated there.
pub(super) fn active(domain: &Domain, solution: &Solution, y: &[f64]) -> Result<Vec<Active>, Error> {
    let duals = solution.duals.as_ref();
    let all = duals.iter().flat_map(|d| d.rows.iter().chain(&d.constraints).chain(&d.bounds));
    let zero = ZERO * all.fold(0.0f64, |m, d| m.max(d.multiplier.abs()));
    let mut out = vec![];
    for part in Part::all(domain, true) {
        let (value, size) = match part {
            Part::Lower(j) | Part::Upper(j) | Part::Fixed(j) => (y[j], 1.0f64),
            Part::RowLower(i) | Part::RowUpper(i) | Part::Equation(i) => {
                let row = &domain.rows()[i];
                let terms = row.coefficients.iter().map(|(j, c)| (c * y[*j]).abs());
                (row.activity(y), terms.fold(1.0, f64::max))
            }
            Part::Level(k) => (domain.sublevels()[k].function.forward(y)?.value(), 1.0),
        };
        let side = part.at(domain);
        if (value - side).abs() > NEAR * size.max(side.abs()) {
            continue;
        }
        let multiplier = duals.and_then(|d| match part {
            Part::Lower(j) => Some(d.bounds[j].multiplier.max(0.0)),
            Part::Upper(j) => Some(d.bounds[j].multiplier.min(0.0)),
            Part::Fixed(_) => None,
            Part::RowLower(i) => Some(d.rows[i].multiplier.max(0.0)),
            Part::RowUpper(i) => Some(d.rows[i].multiplier.min(0.0)),
            Part::Equation(i) => Some(d.rows[i].multiplier),
            Part::Level(k) => Some(d.constraints[k].multiplier),
        });
        let multiplier = multiplier.map(|m| if m.abs() > zero { m } else { 0.0 });
        let strict = multiplier.is_some_and(|m| m != 0.0);
        out.push(Active { name: part.name(domain), of: part.kind(), multiplier, strict });
    }
    Ok(out)
}

/// Counts the coordinates of y by where they stand.
pub(super) fn coordinates(domain: &Domain, y: &[f64]) -> Coordinates {
    let mut count = Coordinates::default();
    let at = |v: f64, side: f64| side.is_finite() && (v - side).abs() <= NEAR * side.abs().max(1.0);
    for (v, (l, u)) in y.iter().zip(domain.lower().iter().zip(domain.upper())) {
        match () {
            () if l == u => count.fixed += 1,
            () if at(*v, *l) => count.at_lower += 1,
            () if at(*v, *u) => count.at_upper += 1,
            () => count.inside += 1,
        }
    }
    count
}
