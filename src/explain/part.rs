//! [`Part`]: the pieces a domain consists of, each with a name, a number and a place in the linear program.

use crate::domain::{Domain, Row};
use crate::error::Error;

/// One side of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// yⱼ ≥ a
    Lower(usize),
    /// yⱼ ≤ b
    Upper(usize),
    /// yⱼ = a
    Fixed(usize),
    /// row i ≥ a
    RowLower(usize),
    /// row i ≤ b
    RowUpper(usize),
    /// row i = a
    Equation(usize),
    /// learned constraint k ≤ c
    Level(usize),
}

impl Part {
    /// Every side of the domain that is finite. `joined`: equal sides are one part, otherwise two.
    pub fn all(domain: &Domain, joined: bool) -> Vec<Part> {
        let mut parts = vec![];
        for (j, (l, u)) in domain.lower().iter().zip(domain.upper()).enumerate() {
            Part::sides(&mut parts, (*l, *u), joined, [Part::Lower(j), Part::Upper(j), Part::Fixed(j)]);
        }
        for (i, row) in domain.rows().iter().enumerate() {
            let kinds = [Part::RowLower(i), Part::RowUpper(i), Part::Equation(i)];
            Part::sides(&mut parts, (row.lower, row.upper), joined, kinds);
        }
        parts.extend((0..domain.sublevels().len()).map(Part::Level));
        parts
    }

    fn sides(parts: &mut Vec<Part>, (l, u): (f64, f64), joined: bool, [lower, upper, both]: [Part; 3]) {
        if joined && l == u {
            parts.push(both);
            return;
        }
        parts.extend(l.is_finite().then_some(lower));
        parts.extend(u.is_finite().then_some(upper));
    }

    /// What kind of part it is: bound, fixed, row or constraint.
    pub fn kind(self) -> &'static str {
        match self {
            Part::Lower(_) | Part::Upper(_) => "bound",
            Part::Fixed(_) => "fixed",
            Part::RowLower(_) | Part::RowUpper(_) | Part::Equation(_) => "row",
            Part::Level(_) => "constraint",
        }
    }

    /// Its number.
    pub fn at(self, domain: &Domain) -> f64 {
        match self {
            Part::Lower(j) | Part::Fixed(j) => domain.lower()[j],
            Part::Upper(j) => domain.upper()[j],
            Part::RowLower(i) | Part::Equation(i) => domain.rows()[i].lower,
            Part::RowUpper(i) => domain.rows()[i].upper,
            Part::Level(k) => domain.sublevels()[k].at_most,
        }
    }

    /// How a reader knows it: `y[3] ≥ 0`, `'budget' ≤ 4`.
    pub fn name(self, domain: &Domain) -> String {
        let sign = match self {
            Part::Lower(_) | Part::RowLower(_) => '≥',
            Part::Upper(_) | Part::RowUpper(_) | Part::Level(_) => '≤',
            Part::Fixed(_) | Part::Equation(_) => '=',
        };
        let what = match self {
            Part::Lower(j) | Part::Upper(j) | Part::Fixed(j) => format!("y[{j}]"),
            Part::RowLower(i) | Part::RowUpper(i) | Part::Equation(i) => format!("'{}'", domain.rows()[i].name),
            Part::Level(k) => format!("'{}'", domain.sublevels()[k].name),
        };
        format!("{what} {sign} {}", self.at(domain))
    }

    /// Whether it holds a value from below.
    pub(super) fn is_lower(self) -> bool {
        matches!(self, Part::Lower(_) | Part::RowLower(_))
    }
}

/// The domain that `parts` alone make, all else left open.
pub(super) fn only(domain: &Domain, parts: &[Part]) -> Result<Domain, Error> {
    let p = domain.dimension();
    let (mut lower, mut upper) = (vec![f64::NEG_INFINITY; p], vec![f64::INFINITY; p]);
    let open = |row: &Row| Row { lower: f64::NEG_INFINITY, upper: f64::INFINITY, ..row.clone() };
    let mut rows: Vec<Row> = domain.rows().iter().map(open).collect();
    let mut levels = vec![];
    for part in parts {
        let at = part.at(domain);
        match *part {
            Part::Lower(j) => lower[j] = at,
            Part::Upper(j) => upper[j] = at,
            Part::Fixed(j) => (lower[j], upper[j]) = (at, at),
            Part::RowLower(i) => rows[i].lower = at,
            Part::RowUpper(i) => rows[i].upper = at,
            Part::Equation(i) => (rows[i].lower, rows[i].upper) = (at, at),
            Part::Level(k) => levels.push(domain.sublevels()[k].clone()),
        }
    }
    rows.retain(|row| row.lower.is_finite() || row.upper.is_finite());
    Domain::of_parts(lower, upper, rows, levels)
}

/// The domain with the number of one part moved by `t`.
///
/// Errors: sides that cross.
pub(super) fn moved(domain: &Domain, part: Part, t: f64) -> Result<Domain, Error> {
    let (mut lower, mut upper) = (domain.lower().to_vec(), domain.upper().to_vec());
    let (mut rows, mut levels) = (domain.rows().to_vec(), domain.sublevels().to_vec());
    match part {
        Part::Lower(j) => lower[j] += t,
        Part::Upper(j) => upper[j] += t,
        Part::Fixed(j) => (lower[j], upper[j]) = (lower[j] + t, upper[j] + t),
        Part::RowLower(i) => rows[i].lower += t,
        Part::RowUpper(i) => rows[i].upper += t,
        Part::Equation(i) => (rows[i].lower, rows[i].upper) = (rows[i].lower + t, rows[i].upper + t),
        Part::Level(k) => levels[k].at_most += t,
    }
    if let Some(row) = rows.iter().find(|row| row.lower > row.upper) {
        let Row { name, lower, upper, .. } = row;
        return Err(Error::Domain(format!("row '{name}': lower bound {lower} is above upper bound {upper}")));
    }
    Domain::of_parts(lower, upper, rows, levels)
}

/// The domain with every finite side moved outward by `share` of max(1, |side|); fixed coordinates only if `fixed`.
pub(super) fn widened(domain: &Domain, share: f64, fixed: bool) -> Result<Domain, Error> {
    let by = |side: f64| share * side.abs().max(1.0);
    let ends = domain.lower().iter().zip(domain.upper());
    let (lower, upper) = ends.map(|(l, u)| if l == u && !fixed { (*l, *u) } else { (l - by(*l), u + by(*u)) }).unzip();
    let wider = |row: &Row| Row { lower: row.lower - by(row.lower), upper: row.upper + by(row.upper), ..row.clone() };
    Domain::of_parts(lower, upper, domain.rows().iter().map(wider).collect(), domain.sublevels().to_vec())
}
