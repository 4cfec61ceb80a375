//! The minimised function along coordinates through a point, and over the plane where there are two of them.

use super::Question;
use crate::domain::Domain;
use crate::ir::interval::Interval;
use crate::solve::FEASIBLE;

/// Most evaluations spent on choosing coordinates.
const BUDGET: usize = 4000;
/// Most multiplications spent on that, counted as one for each weight and evaluation: some seconds.
const WORK: usize = 4_000_000_000;
/// Most samples of a slice, and along each side of a grid.
const SAMPLES: usize = 81;

/// Evaluations that large networks leave time for.
fn budget(question: &Question<'_>) -> usize {
    let weights: usize = question.objective.program().params().iter().map(|p| p.len).sum();
    (WORK / weights.max(1)).clamp(40, BUDGET)
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The coordinate's value.
    pub at: f64,
    /// What is minimised there; `None` where that has no value.
    pub value: Option<f64>,
    /// Whether the point belongs to the domain.
    pub inside: bool,
}

/// The function along one coordinate through y.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// j
    pub coordinate: usize,
    /// yⱼ
    pub at: f64,
    /// Whether the other members of the coordinate's simplex shrink and grow with it; otherwise all others stay.
    pub on_simplex: bool,
    /// From left to right; yⱼ is one of them.
    pub samples: Vec<Sample>,
}

/// A line through y: the points at which coordinate `j` takes the values of an interval.
struct Line<'a> {
    j: usize,
    range: Interval,
    y: &'a [f64],
    /// The members of the simplex that j belongs to, and its total.
    simplex: Option<(Vec<usize>, f64)>,
}

impl Line<'_> {
    fn point(&self, at: f64) -> Vec<f64> {
        let mut y = self.y.to_vec();
        y[self.j] = at;
        if let Some((members, total)) = &self.simplex {
            let rest = total - self.y[self.j];
            let others = members.iter().filter(|k| **k != self.j);
            for k in others {
                // The others keep their proportions; from a corner they share alike.
                let share = if rest > 0.0 { self.y[*k] / rest } else { 1.0 / (members.len() - 1) as f64 };
                y[*k] = share * (total - at);
            }
        }
        y
    }
}

/// Slices through y (a point of the domain) along the coordinates in which the function varies most, at most `most` of them.
pub fn slices(question: &Question<'_>, y: &[f64], most: usize) -> Vec<Slice> {
    let free: Vec<usize> = (0..y.len()).filter(|j| !question.domain.intervals()[*j].is_point()).collect();
    let budget = budget(question);
    let each = (budget / free.len().max(1)).clamp(2, 9);
    // With very many coordinates an even share of them is looked at.
    let stride = (2 * free.len()).div_ceil(budget).max(1);
    let mut ranked: Vec<(f64, usize)> = free
        .iter()
        .step_by(stride)
        .map(|j| {
            let line = line(question.domain, y, *j);
            let values = ticks(line.range, each).into_iter().filter_map(|at| question.at(&line.point(at)).ok());
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            (high - low, *j)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let samples = (budget / (4 * most.max(1))).clamp(11, SAMPLES);
    ranked.into_iter().take(most).map(|(_, j)| slice(question, y, j, samples)).collect()
}

fn slice(question: &Question<'_>, y: &[f64], j: usize, samples: usize) -> Slice {
    let line = line(question.domain, y, j);
    let mut at = ticks(line.range, samples);
    at.push(y[j]);
    at.sort_by(f64::total_cmp);
    at.dedup();
    let sample = |at: f64| {
        let point = if at == y[j] { y.to_vec() } else { line.point(at) };
        let inside = question.domain.violation(&point) <= FEASIBLE;
        Sample { at, value: question.at(&point).ok(), inside }
    };
    let samples = at.into_iter().map(sample).collect();
    Slice { coordinate: j, at: y[j], on_simplex: line.simplex.is_some(), samples }
}

fn line<'a>(domain: &Domain, y: &'a [f64], j: usize) -> Line<'a> {
    let of_simplex = domain.rows().iter().find(|row| {
        row.lower == row.upper
            && row.coefficients.len() > 1
            && row.coefficients.iter().any(|(k, _)| *k == j)
            && row.coefficients.iter().all(|(k, c)| *c == 1.0 && domain.lower()[*k] == 0.0)
    });
    let simplex = of_simplex.map(|row| (row.coefficients.iter().map(|(k, _)| *k).collect(), row.lower));
    Line { j, range: window(domain.intervals()[j], y[j]), y, simplex }
}

/// The interval, or a piece of it around v where it has no end.
pub fn window(interval: Interval, v: f64) -> Interval {
    let reach = v.abs().max(1.0);
    let lower = if interval.lower.is_finite() { interval.lower } else { v.min(interval.upper) - reach };
    let upper = if interval.upper.is_finite() { interval.upper } else { v.max(interval.lower) + reach };
    Interval::new(lower, upper)
}

fn ticks(range: Interval, n: usize) -> Vec<f64> {
    let step = |k: usize| k as f64 / (n - 1) as f64;
    (0..n).map(|k| range.lower * (1.0 - step(k)) + range.upper * step(k)).collect()
}

/// The function on a grid of the plane, for p = 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Values of `y[0]`, from left to right.
    pub across: Vec<f64>,
    /// Values of `y[1]`, from low to high.
    pub up: Vec<f64>,
    /// Row by row of `y[1]`; NaN where there is no value.
    pub values: Vec<f64>,
    /// Whether the point belongs to the domain.
    pub inside: Vec<bool>,
}

/// Values around y, at most 81 × 81; `None` unless p = 2. On an unbounded side the window holds `points` too.
pub fn grid(question: &Question<'_>, y: &[f64], points: &[[f64; 2]]) -> Option<Grid> {
    let [_, _] = y else { return None };
    let n = (2 * budget(question)).isqrt().clamp(21, SAMPLES);
    let side = |j: usize| {
        let interval = question.domain.intervals()[j];
        points.iter().fold(window(interval, y[j]), |w, p| w.hull(window(interval, p[j])))
    };
    let (across, up) = (ticks(side(0), n), ticks(side(1), n));
    let mut grid = Grid { across, up, values: vec![], inside: vec![] };
    for b in &grid.up {
        for a in &grid.across {
            let point = [*a, *b];
            grid.values.push(question.at(&point).unwrap_or(f64::NAN));
            grid.inside.push(question.domain.violation(&point) <= FEASIBLE);
        }
    }
    Some(grid)
}
