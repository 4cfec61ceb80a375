//! Points that are proven to lie in a set, for upper bounds of a minimum: floating-point numbers where they satisfy every part
//! in exact arithmetic, otherwise a box that is certain to hold a point of the set.

use dashu_ratio::RBig;

use crate::domain::{Domain, Row};
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;

/// By how much rows and learned constraints are tightened, relative to max(1, |bound|), to find a point inside.
const TIGHTENED: f64 = 1e-9;

fn exact(v: f64) -> Option<RBig> {
    RBig::try_from(v).ok()
}

/// Σ cⱼ·yⱼ without rounding; `None` for numbers that are not finite.
fn activity(row: &Row, y: &[f64]) -> Option<RBig> {
    let term = |sum: RBig, (j, c): &(usize, f64)| Some(sum + exact(*c)? * exact(y[*j])?);
    row.coefficients.iter().try_fold(RBig::ZERO, term)
}

/// The end of a row that y violates, if it does.
fn violated(row: &Row, activity: &RBig) -> Option<RBig> {
    let below = exact(row.lower).filter(|l| activity < l);
    below.or_else(|| exact(row.upper).filter(|u| activity > u))
}

/// Whether h ≤ c on all of a box, by an interval pass.
fn below(h: &Instance, at: &[Interval], c: f64) -> bool {
    h.bounds(at).output().upper <= c
}

/// Whether y is proven to lie in the set: box and rows in exact arithmetic, learned constraints by an interval pass.
pub(super) fn inside(domain: &Domain, y: &[f64]) -> bool {
    let at: Vec<Interval> = y.iter().map(|v| Interval::point(*v)).collect();
    y.iter().zip(domain.lower().iter().zip(domain.upper())).all(|(v, (l, u))| l <= v && v <= u)
        && domain.rows().iter().all(|row| activity(row, y).is_some_and(|a| violated(row, &a).is_none()))
        && domain.sublevels().iter().all(|h| below(&h.function, &at, h.at_most))
}

/// A box around y that holds a point of the set. For each row that y violates, a coordinate that no other row has and that
/// lies strictly inside its bounds takes up the difference: of a simplex, any one that is above 0.
pub(super) fn nearby(domain: &Domain, y: &[f64]) -> Option<Vec<Interval>> {
    let (lower, upper) = (domain.lower(), domain.upper());
    let mut at: Vec<Interval> = y.iter().map(|v| Interval::point(*v)).collect();
    let mut rows = vec![0usize; y.len()];
    let named = domain.rows().iter().flat_map(|row| &row.coefficients).filter(|(_, c)| *c != 0.0);
    named.for_each(|(j, _)| rows[*j] += 1);
    for row in domain.rows() {
        let activity = activity(row, y)?;
        let Some(end) = violated(row, &activity) else { continue };
        let alone = |(j, c): &&(usize, f64)| rows[*j] == 1 && *c != 0.0 && lower[*j] < y[*j] && y[*j] < upper[*j];
        let (j, c) = row.coefficients.iter().find(alone)?;
        let moved = exact(y[*j])? + (end - activity) / exact(*c)?;
        let near = moved.to_f64().value();
        at[*j] = Interval::new(near.next_down(), near.next_up());
    }
    let in_box = at.iter().zip(lower.iter().zip(upper)).all(|(i, (l, u))| *l <= i.lower && i.upper <= *u);
    let in_levels = domain.sublevels().iter().all(|h| below(&h.function, &at, h.at_most));
    (in_box && in_levels).then_some(at)
}

/// The set with its inequalities moved inward by a little; `None` where there is nothing to move.
pub(super) fn tightened(domain: &Domain) -> Option<Domain> {
    let margin = |v: f64| TIGHTENED * v.abs().max(1.0);
    if domain.rows().is_empty() && domain.sublevels().is_empty() {
        return None;
    }
    let mut inner = Domain::new_box(domain.lower().to_vec(), domain.upper().to_vec()).ok()?;
    for row in domain.rows() {
        let (lower, upper) = (row.lower + margin(row.lower), row.upper - margin(row.upper));
        let ends = if lower <= upper { (lower, upper) } else { (row.lower, row.upper) };
        inner = inner.with_row(&row.name, &row.coefficients, ends.0, ends.1).ok()?;
    }
    for h in domain.sublevels() {
        inner = inner.with_at_most(&h.name, &h.function, h.at_most - margin(h.at_most)).ok()?;
    }
    Some(inner)
}
