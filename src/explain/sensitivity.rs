//! [`Sensitivity`]: how the optimal value changes with one number of the problem.

use serde::Serialize;

use super::Options;
use super::face::{Face, Place, Rate};
use super::part::{Part, moved};
use super::quotient::{Minimum, Quotient, one_sided};
use super::relaxed::Relaxed;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::solve::batch::Session;
use crate::solve::{Limits, Method, Solution, Status};

/// Most derivatives of one kind that are computed by further minima unless asked for: each costs six to ten.
pub const WIDEST: usize = 256;

/// Two derivatives closer than this, relative to their size, are one.
const SAME: f64 = 1e-7;

/// Whether the optimal value has a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It has: left and right derivative agree.
    TwoSided,
    /// Left and right derivative differ, or only one of them exists.
    OneSided,
    /// Neither is known.
    Undefined,
}

/// How a derivative was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The optimum does not stand at this side: the derivative is 0.
    Slack,
    /// The optimal multipliers are unique, and this is one.
    Multiplier,
    /// A linear program over all optimal multipliers, one for each direction.
    Face,
    /// Difference quotients of further minima.
    Quotients,
}

/// The derivatives of the optimal value by one number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivity {
    /// The side, `y[3] ≥ 0`, or the entry, `x[3]`.
    pub name: String,
    /// bound, fixed, row, constraint or context.
    pub of: &'static str,
    /// The number as it is.
    pub at: f64,
    /// Whether the derivative exists.
    pub kind: Kind,
    /// The derivative, where left and right agree.
    pub derivative: Option<f64>,
    /// Change of the optimum for each unit by which the number grows, from the left: what it loses when the number falls.
    pub left: Option<f64>,
    /// The same from the right: what it gains when the number grows.
    pub right: Option<f64>,
    /// How it was found.
    pub method: Way,
    /// For difference quotients: the estimated error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Why a derivative is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Sensitivity {
    /// From both one-sided derivatives; `tolerance` is how far they may be apart and still agree.
    pub(super) fn new(name: String, of: &'static str, at: f64, sides: [Option<f64>; 2], tolerance: f64) -> Sensitivity {
        // Plus 0, so that −0 prints as 0.
        let [left, right] = sides.map(|v| v.filter(|v| v.is_finite()).map(|v| v + 0.0));
        let size = left.into_iter().chain(right).fold(1.0f64, |m, v| m.max(v.abs()));
        let kind = match (left, right) {
            (Some(l), Some(r)) if (r - l).abs() <= tolerance.max(SAME * size) => Kind::TwoSided,
            (None, None) => Kind::Undefined,
            _ => Kind::OneSided,
        };
        let middle = |(l, r): (f64, f64)| if l == r { l } else { 0.5 * l + 0.5 * r };
        let derivative = left.zip(right).map(middle).filter(|_| kind == Kind::TwoSided);
        Sensitivity { name, of, at, kind, derivative, left, right, method: Way::Slack, error: None, note: None }
    }

    fn noted(mut self, note: &str) -> Sensitivity {
        self.note = Some(match self.note {
            Some(before) => format!("{before}; {note}"),
            None => note.into(),
        });
        self
    }
}

/// The sensitivities to all sides of the domain at an optimal y: bounds, fixed coordinates, rows, levels.
///
/// Errors: a function that cannot be lowered or evaluated; a solver that cannot be run.
pub(super) fn of_domain(
    instance: &Instance,
    domain: &Domain,
    solution: &Solution,
    options: &Options,
) -> Result<Vec<Sensitivity>, Error> {
    let Some(y) = solution.y.as_ref() else { return Ok(vec![]) };
    let relaxed = Relaxed::new(instance, domain)?;
    let mut face = match relaxed.point(y)? {
        Some(x) => Face::new(&relaxed.lp, &x)?,
        None => None,
    };
    let parts = Part::all(domain, true);
    let fixed = parts.iter().filter(|p| matches!(p, Part::Fixed(_))).count();
    let mut all = vec![];
    for part in parts {
        let unknown =
            |note: &str| Sensitivity::new(part.name(domain), part.kind(), part.at(domain), [None; 2], 0.0).noted(note);
        all.push(match (part, &mut face) {
            (Part::Fixed(_), _) if !relaxed.fixed && fixed > WIDEST && !options.wide => {
                unknown(&format!("{fixed} fixed coordinates are more than {WIDEST} to compute minima for"))
            }
            (Part::Fixed(_), _) if !relaxed.fixed => by_quotients(instance, domain, part, solution, &options.limits)?,
            (_, Some(face)) => on_face(&relaxed, domain, part, face)?,
            (_, None) => unknown("the solver's multipliers do not fit the optimum"),
        });
    }
    Ok(all)
}

/// The row or column of the program whose side a part is.
fn place(relaxed: &Relaxed, part: Part) -> Place {
    match part {
        Part::Lower(j) | Part::Upper(j) | Part::Fixed(j) => Place::Column(j),
        Part::RowLower(i) | Part::RowUpper(i) | Part::Equation(i) => Place::Row(i),
        Part::Level(k) => Place::Row(relaxed.linear.level_rows[k].1),
    }
}

fn on_face(relaxed: &Relaxed, domain: &Domain, part: Part, face: &mut Face) -> Result<Sensitivity, Error> {
    let place = place(relaxed, part);
    let (name, of, at) = (part.name(domain), part.kind(), part.at(domain));
    if !face.stands(place, part.is_lower()) {
        return Ok(Sensitivity::new(name, of, at, [Some(0.0); 2], 0.0));
    }
    let mut notes = vec![];
    let mut side = |up: bool, face: &mut Face| -> Result<Option<f64>, Error> {
        let way = if up { "upward" } else { "downward" };
        if !relaxed.may_move(part, up) {
            notes.push(format!("f is not proven convex when this side moves {way}"));
            return Ok(None);
        }
        if face.unique {
            return Ok(Some(face.multiplier(place)));
        }
        let sign = if up { 1.0 } else { -1.0 };
        Ok(match face.rate(place, sign)? {
            Rate::Finite(rate) => Some(sign * rate),
            Rate::Empty => {
                notes.push(format!("no point is left when it moves {way}"));
                None
            }
            Rate::Unknown => {
                notes.push(format!("the solver gave no answer for a move {way}"));
                None
            }
        })
    };
    let sides = [side(false, face)?, side(true, face)?];
    let mut found = Sensitivity::new(name, of, at, sides, 2.0 * face.residue);
    found.method = if face.unique { Way::Multiplier } else { Way::Face };
    Ok(notes.iter().fold(found, |s, note| s.noted(note)))
}

/// The minimum over a domain with the gap that is left; `None` if there is none, or if nothing is proven.
pub(super) fn minimum(instance: &Instance, domain: Domain, limits: &Limits) -> Result<Option<Minimum>, Error> {
    match Session::new(domain, Method::Lp, limits.clone()).minimize(instance) {
        Ok(solution) => Ok(known(&solution)),
        Err(Error::Solver(e)) => Err(Error::Solver(e)),
        Err(_) => Ok(None),
    }
}

/// Value and gap of an optimum.
pub(super) fn known(solution: &Solution) -> Option<Minimum> {
    let (value, gap) = (solution.value?, solution.gap?);
    (solution.status == Status::Optimal).then_some(Minimum { value, gap })
}

fn by_quotients(
    instance: &Instance,
    domain: &Domain,
    part: Part,
    solution: &Solution,
    limits: &Limits,
) -> Result<Sensitivity, Error> {
    let mut at = |t: f64| match moved(domain, part, t) {
        Ok(moved) => minimum(instance, moved, limits),
        Err(_) => Ok(None),
    };
    from_quotients(part.name(domain), part.kind(), part.at(domain), known(solution), &mut at)
}

/// Both derivatives of t ↦ `minimum(t)` at 0, where it is `here`.
pub(super) fn from_quotients(
    name: String,
    of: &'static str,
    at: f64,
    here: Option<Minimum>,
    minimum: &mut dyn FnMut(f64) -> Result<Option<Minimum>, Error>,
) -> Result<Sensitivity, Error> {
    let scale = at.abs().max(1.0);
    let mut sides: [Option<Quotient>; 2] = [None; 2];
    if let Some(here) = here {
        for (side, sign) in sides.iter_mut().zip([-1.0, 1.0]) {
            *side = one_sided(here, scale, sign, minimum)?;
        }
    }
    let errors = sides.iter().flatten().map(|q| q.error);
    let mut found = Sensitivity::new(name, of, at, sides.map(|q| q.map(|q| q.value)), errors.clone().sum());
    found.method = Way::Quotients;
    found.error = errors.reduce(f64::max);
    for (side, way) in sides.iter().zip(["downward", "upward"]) {
        if side.is_none() {
            found = found.noted(&format!("the quotients do not settle {way}"));
        }
    }
    Ok(found)
}
