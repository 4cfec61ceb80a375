//! [`Conflict`]: why a domain is empty: sides that no point satisfies together, as few as it takes.
//!
//! The Farkas proof of emptiness names sides; each of them is taken away in turn. If what is left is still proven empty,
//! it is gone for good, and so is everything the new proof does not use; if a point satisfies what is left, the side is
//! needed, and the point shows it.

use serde::Serialize;

use super::part::{Part, only};
use crate::certificate::Farkas;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::objective::Objective;
use crate::solve::batch::Session;
use crate::solve::{Limits, Method, Solution, Status};

/// More sides than this are listed without taking them away one by one.
const LARGEST: usize = 2000;

/// Sides that contradict each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// The sides.
    pub members: Vec<Member>,
    /// Whether every member is shown to be needed.
    pub minimal: bool,
    /// The proof that no point satisfies the members: its multipliers belong to the rows and constraints of the members, in
    /// their order.
    pub proof: Farkas,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// The side: `y[3] ≥ 0`, `'budget' ≤ 4`.
    pub name: String,
    /// bound, row or constraint.
    pub of: &'static str,
    /// A point that satisfies all other members: this one is needed. `None` if that is not known.
    pub without: Option<Vec<f64>>,
    /// Which side it is.
    #[serde(skip)]
    pub part: Part,
}

/// What is known of a set of sides.
enum Verdict {
    Empty(Box<Farkas>),
    Point(Vec<f64>),
    Unknown,
}

/// A conflict in a domain that `farkas` proves empty. `None` if no set of its sides could be proven empty again.
///
/// Errors: a solver that cannot be run.
pub fn conflict(domain: &Domain, farkas: &Farkas, limits: &Limits) -> Result<Option<Conflict>, Error> {
    let nothing = Objective::empty(domain.dimension()).build()?;
    let judge = |parts: &[Part]| judge(&nothing, domain, parts, limits);
    let everything = Part::all(domain, false);
    let mut members = used(&everything, farkas);
    let mut proof = match judge(&members)? {
        Verdict::Empty(proof) => proof,
        _ => {
            // The proof needed something it gave no multiplier: start from all sides.
            members = everything;
            match judge(&members)? {
                Verdict::Empty(proof) => proof,
                _ => return Ok(None),
            }
        }
    };
    let mut shown: Vec<(Part, Option<Vec<f64>>)> = vec![];
    while members.len() <= LARGEST
        && let Some(part) = members.iter().copied().find(|m| shown.iter().all(|(s, _)| s != m))
    {
        let rest: Vec<Part> = members.iter().copied().filter(|m| *m != part).collect();
        match judge(&rest)? {
            Verdict::Empty(smaller) => {
                let fewer = used(&rest, &smaller);
                (members, proof) = (rest, smaller);
                // Bounds without a multiplier may still have helped a learned constraint to its minorant: ask again.
                if fewer.len() < members.len()
                    && let Verdict::Empty(smallest) = judge(&fewer)?
                {
                    (members, proof) = (fewer, smallest);
                }
                // A needed side stays needed: the points that show it satisfy whatever is left of the others.
            }
            Verdict::Point(y) => shown.push((part, Some(y))),
            Verdict::Unknown => shown.push((part, None)),
        }
    }
    let point = |part: Part| shown.iter().find(|(s, _)| *s == part).and_then(|(_, y)| y.clone());
    let members: Vec<Member> = members
        .into_iter()
        .map(|part| Member { name: part.name(domain), of: part.kind(), without: point(part), part })
        .collect();
    Ok(Some(Conflict { minimal: members.iter().all(|m| m.without.is_some()), members, proof: *proof }))
}

/// Whether some point satisfies the sides `parts` of the domain.
fn judge(nothing: &Instance, domain: &Domain, parts: &[Part], limits: &Limits) -> Result<Verdict, Error> {
    let session = Session::new(only(domain, parts)?, Method::Lp, limits.clone());
    Ok(match session.minimize(nothing) {
        Ok(Solution { status: Status::Infeasible, farkas: Some(proof), .. }) => Verdict::Empty(Box::new(proof)),
        Ok(Solution { y: Some(y), .. }) => Verdict::Point(y),
        Err(Error::Solver(e)) => return Err(Error::Solver(e)),
        // Without a bound a learned constraint may no longer be proven convex.
        Ok(_) | Err(_) => Verdict::Unknown,
    })
}

/// The sides among `parts` (ascending) that have a multiplier in a proof about the domain they make.
fn used(parts: &[Part], farkas: &Farkas) -> Vec<Part> {
    let row = |part: &Part| match part {
        Part::RowLower(i) | Part::RowUpper(i) | Part::Equation(i) => Some(*i),
        _ => None,
    };
    let mut rows: Vec<usize> = parts.iter().filter_map(row).collect();
    rows.sort_unstable();
    rows.dedup();
    let levels: Vec<Part> = parts.iter().copied().filter(|p| matches!(p, Part::Level(_))).collect();
    let of_row = |i: usize| rows.binary_search(&i).ok().and_then(|k| farkas.rows.get(k)).copied().unwrap_or(0.0);
    let of_level = |part: &Part| levels.iter().position(|l| l == part).and_then(|k| farkas.constraints.get(k));
    let slope = |j: usize| farkas.gradient.get(j).copied().unwrap_or(0.0);
    let needed = |part: &Part| match *part {
        Part::Lower(j) => slope(j) > 0.0,
        Part::Upper(j) => slope(j) < 0.0,
        Part::Fixed(j) => slope(j) != 0.0,
        Part::RowLower(i) => of_row(i) > 0.0,
        Part::RowUpper(i) => of_row(i) < 0.0,
        Part::Equation(i) => of_row(i) != 0.0,
        Part::Level(_) => of_level(part).is_some_and(|mu| *mu > 0.0),
    };
    parts.iter().copied().filter(needed).collect()
}
