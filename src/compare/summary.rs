//! Medians and extremes of each method over the rows of a comparison.

use serde::Serialize;

use super::{Entry, Value, best, distance};
use crate::solve::{Method, Solution};

/// One row, with the answers of all methods in the order in which they were asked.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Which row, from 0.
    pub row: usize,
    /// The answers.
    pub entries: Vec<Entry>,
    /// The minimised function at the best of them.
    pub at_best: Option<Value>,
}

impl Compared {
    /// The best answer's point.
    pub fn best_y(&self) -> Option<&[f64]> {
        self.entries[best(&self.entries)?].solution()?.y.as_deref()
    }

    /// ‖y − y*‖₂ of an answer, y* the best one.
    pub fn distance(&self, solution: &Solution) -> Option<f64> {
        Some(distance(solution.y.as_deref()?, self.best_y()?))
    }

    /// What a relative gap is measured against.
    pub fn size(&self) -> f64 {
        self.at_best.map_or(1.0, |v| v.size.max(v.value.abs()))
    }
}

/// The middle one and the worst one of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The lower median.
    pub median: f64,
    /// The largest.
    pub worst: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let worst = *sorted.last()?;
        Some(Spread { median: sorted[(sorted.len() - 1) / 2], worst })
    }
}

/// A method over all rows. Numbers are about the rows that have them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodSummary {
    /// Its name.
    pub method: &'static str,
    /// Rows with an answer, of whatever status.
    pub answered: usize,
    /// Rows with a closed gap.
    pub optimal: usize,
    /// Why it did not take part, where it refused or failed every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is minimised, at its y.
    pub value: Option<Spread>,
    /// The certified gap; no bound on some row is no number.
    pub gap: Option<Spread>,
    /// ‖y − y*‖₂
    pub distance: Option<Spread>,
    /// Forward passes.
    pub forward: Option<Spread>,
    /// Backward passes.
    pub backward: Option<Spread>,
    /// Iterations.
    pub iterations: Option<Spread>,
    /// Seconds.
    pub seconds: Option<Spread>,
}

/// Every method over all rows, in the order of the first row.
pub fn summary(rows: &[Compared]) -> Vec<MethodSummary> {
    let Some(first) = rows.first() else { return vec![] };
    (0..first.entries.len()).map(|k| of_method(rows, k, first.entries[k].method)).collect()
}

fn of_method(rows: &[Compared], k: usize, method: Method) -> MethodSummary {
    let entries = || rows.iter().filter_map(move |row| Some((row, row.entries.get(k)?)));
    let answers = || entries().filter_map(|(row, e)| Some((row, e.solution()?)));
    let spread = |number: &dyn Fn(&Compared, &Solution) -> Option<f64>| {
        Spread::of(answers().filter_map(|(row, s)| number(row, s)))
    };
    let answered = answers().count();
    let reason = entries().find_map(|(_, e)| match &e.outcome {
        super::Outcome::Refused(reason) | super::Outcome::Failed(reason) => Some(reason.clone()),
        super::Outcome::Panicked => Some("it panicked".into()),
        super::Outcome::Solved(_) => None,
    });
    MethodSummary {
        method: method.name(),
        answered,
        optimal: entries().filter(|(_, e)| e.is_optimal()).count(),
        reason: reason.filter(|_| answered == 0),
        value: spread(&|_, s| s.value),
        // A row without a bound would make the median look better than it is.
        gap: spread(&|_, s| Some(s.gap.unwrap_or(f64::INFINITY))).filter(|g| g.median.is_finite()),
        distance: spread(&|row, s| row.distance(s)),
        forward: spread(&|_, s| Some(f64::from(s.work.forward))),
        backward: spread(&|_, s| Some(f64::from(s.work.backward))),
        iterations: spread(&|_, s| Some(s.work.iterations as f64)),
        seconds: spread(&|_, s| Some(s.seconds)),
    }
}
