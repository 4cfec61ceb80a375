//! Contradictions between answers: what no two true ones can have, whatever their accuracy.
//!
//! A method that stopped early is not at fault: its value and bound are true. At fault is a bound above a value, a value
//! that is not f(y), a point outside of Y, an "optimal" with an open gap, and two statuses that exclude each other.

use serde::Serialize;

use super::{Entry, Outcome, Question, Value};
use crate::domain::{Domain, Row};
use crate::solve::{FEASIBLE, Solution, Status};

/// Largest violation of a point that contradicts a proof of emptiness.
const INSIDE: f64 = 1e-9;

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The value is not that of the minimised function at y.
    Value,
    /// y is no point of the domain.
    Outside,
    /// The gap is not value − lower bound.
    Gap,
    /// "Optimal", but the gap is open.
    NotClosed,
    /// A lower bound above a value.
    Bound,
    /// Two statuses that exclude each other.
    Status,
    /// Another problem was solved than the one that was asked for.
    Problem,
    /// A panic.
    Panic,
}

/// A fault of the program, not of its input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// What kind.
    pub kind: Kind,
    /// The methods it is about; of two, at least one is wrong.
    pub methods: Vec<&'static str>,
    /// What is wrong, with both numbers.
    pub message: String,
}

/// All faults of the answers to one question. `gap` is the relative gap that was asked for.
pub fn faults(question: &Question<'_>, gap: f64, entries: &[Entry]) -> Vec<Fault> {
    let mut faults = vec![];
    let mut points: Vec<(&'static str, &Solution, Value)> = vec![];
    for entry in entries {
        let name = entry.method.name();
        if let Outcome::Panicked = entry.outcome {
            let message = format!("{name} panicked");
            faults.push(Fault { kind: Kind::Panic, methods: vec![name], message });
        }
        let Some(solution) = entry.solution() else { continue };
        let mut found = |kind, message| faults.push(Fault { kind, methods: vec![name], message });
        if let Some(value) = alone(question, gap, name, solution, &mut found) {
            points.push((name, solution, value));
        }
    }
    let answers: Vec<(&'static str, &Solution)> =
        entries.iter().filter_map(|e| Some((e.method.name(), e.solution()?))).collect();
    for (a, bounding) in &answers {
        for (b, holder, value) in points.iter().filter(|(b, ..)| b != a) {
            let (Some(bound), Some(y)) = (bounding.lower_bound, holder.y.as_deref()) else { continue };
            let allowed = value.rounding() + slack(question.domain, bounding, y, value);
            if bound - value.value > allowed {
                let message = format!(
                    "the lower bound of {a} is {bound:?}, the value of {b} {:?}: {:.3e} below it, rounding explains {allowed:.1e}",
                    value.value,
                    bound - value.value
                );
                faults.push(Fault { kind: Kind::Bound, methods: vec![a, b], message });
            }
        }
        for (b, other) in &answers {
            if let Some(message) = exclusion(question.domain, (a, bounding), (b, other)) {
                let methods = if a == b { vec![*a] } else { vec![*a, *b] };
                faults.push(Fault { kind: Kind::Status, methods, message });
            }
        }
    }
    faults
}

/// Checks one answer by itself; returns what is minimised at its point, if that can be computed and is a point of Y.
fn alone(
    question: &Question<'_>,
    gap: f64,
    name: &str,
    solution: &Solution,
    found: &mut impl FnMut(Kind, String),
) -> Option<Value> {
    if solution.entropy != question.tau {
        let (asked, solved) = (question.formula(), solution.entropy);
        found(Kind::Problem, format!("{name} was asked for {asked}, its answer says τ = {solved:?}"));
    }
    let optimal = solution.status == Status::Optimal;
    let (Some(y), Some(claimed)) = (solution.y.as_deref(), solution.value) else {
        if optimal {
            found(Kind::NotClosed, format!("{name} says optimal without a point and its value"));
        }
        return None;
    };
    if let Some(message) = outside(question.domain, y) {
        found(Kind::Outside, format!("{name}: {message}"));
        return None;
    }
    let value = match question.value(y) {
        Ok(value) => value,
        Err(e) => {
            found(Kind::Value, format!("{name}: its point cannot be evaluated: {e}"));
            return None;
        }
    };
    let rounding = value.rounding();
    let wrong = |claimed: f64, true_: f64| claimed.is_nan() || (claimed - true_).abs() > rounding;
    if wrong(claimed, value.value) {
        found(Kind::Value, format!("{name} says {claimed:?} for the value at its y, which is {:?}", value.value));
    }
    if let Some(f) = solution.f.filter(|f| wrong(*f, value.f)) {
        found(Kind::Value, format!("{name} says {f:?} for f at its y, which is {:?}", value.f));
    }
    let bound = solution.lower_bound;
    if let Some(bound) =
        bound.filter(|b| b.is_nan() || b - value.value > rounding + slack(question.domain, solution, y, &value))
    {
        found(Kind::Bound, format!("the lower bound of {name} is {bound:?}, above its own value {:?}", value.value));
    }
    let open = bound.map_or(f64::INFINITY, |b| value.value - b);
    if let Some(claimed) = solution.gap.filter(|g| g.is_nan() || (g - open.max(0.0)).abs() > rounding) {
        found(Kind::Gap, format!("{name} says {claimed:?} for its gap, value − lower bound is {open:?}"));
    }
    // The gap is relative to the linearisation that the bound comes from, which is not known here. It is near the one at y, or
    // made of other slopes at kinks and then within the magnitude: twice the larger one is room for both.
    let closed = (2.0 * gap * value.magnitude.max(value.size).max(value.value.abs())).max(rounding);
    if optimal && (open.is_nan() || open > closed) {
        found(Kind::NotClosed, format!("{name} says optimal, its gap is {open:.3e}, at most {closed:.3e} is closed"));
    }
    Some(value)
}

/// Why y is no point of the domain: it has to lie in the box exactly, and satisfy everything else within [`FEASIBLE`].
fn outside(domain: &Domain, y: &[f64]) -> Option<String> {
    let (found, expected) = (y.len(), domain.dimension());
    if found != expected {
        return Some(format!("its y has {found} entries, there are {expected} decisions"));
    }
    let sides = y.iter().zip(domain.lower().iter().zip(domain.upper())).enumerate();
    for (j, (v, (l, u))) in sides {
        if !(v.is_finite() && l <= v && v <= u) {
            return Some(format!("y[{j}] is {v:?}, its box is [{l}, {u}]"));
        }
    }
    let violation = domain.violation(y);
    (violation.is_nan() || violation > FEASIBLE)
        .then(|| format!("its y violates the domain by {violation:.3e}, {FEASIBLE:.0e} is allowed"))
}

/// By how much the value at a y that violates rows and learned constraints a little may lie below a true bound: the
/// multipliers of the bound times the violation. Without multipliers, the slopes of f times it.
fn slack(domain: &Domain, bounding: &Solution, y: &[f64], value: &Value) -> f64 {
    let beyond = |v: f64, row: (f64, f64)| (row.0 - v).max(v - row.1).max(0.0);
    let rows = domain.rows().iter().map(|r: &Row| beyond(r.activity(y), (r.lower, r.upper)));
    let levels = domain.sublevels().iter().map(|l| match l.function.forward(y) {
        Ok(trace) => beyond(trace.value(), (f64::NEG_INFINITY, l.at_most)),
        Err(_) => f64::INFINITY,
    });
    let violations: Vec<f64> = rows.chain(levels).collect();
    if violations.iter().all(|v| *v == 0.0) {
        return 0.0;
    }
    match &bounding.duals {
        Some(duals) => {
            let multipliers = duals.rows.iter().chain(&duals.constraints).map(|d| d.multiplier.abs());
            2.0 * multipliers.zip(&violations).filter(|(_, v)| **v > 0.0).map(|(m, v)| m * v).sum::<f64>()
        }
        None => violations.iter().sum::<f64>() * value.slope.max(1.0),
    }
}

/// Two answers that cannot both be true.
fn exclusion(domain: &Domain, a: (&str, &Solution), b: (&str, &Solution)) -> Option<String> {
    let ((a, first), (b, second)) = (a, b);
    match (&first.status, &second.status) {
        (Status::Infeasible, Status::Unbounded) => Some(format!("{a} says infeasible, {b} unbounded")),
        (Status::Infeasible, _) if second.y.as_ref().is_some_and(|y| domain.violation(y) <= INSIDE) => {
            Some(format!("{a} says infeasible, {b} has a point of the domain"))
        }
        (Status::Unbounded, _) if second.lower_bound.is_some() => {
            Some(format!("{a} says unbounded, {b} has a lower bound"))
        }
        _ => None,
    }
}
