//! Polishing: from a point near the minimum, Newton's method on the coordinates that no side of the box holds, with the rows
//! that hold as equations. First-order methods and interior points leave slopes of 1e-8 or so on free coordinates, each of
//! which costs the bound that slope times the side of the box; Newton's method leaves rounding.
//!
//! Nothing is believed: the point and the multipliers are candidates like any others.

use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;
use crate::ir::instance::Instance;

/// Most Newton steps.
const STEPS: usize = 30;

/// More free coordinates than this are left alone: the system is dense.
const LARGEST: usize = 600;

/// A coordinate this near to a side, relative to its size, may be held by it.
const NEAR: f64 = 1e-7;

/// What polishing found.
#[derive(Debug, Clone)]
pub(super) struct Polished {
    /// A point of the box.
    pub y: Vec<f64>,
    /// ν, one per row of the domain.
    pub rows: Vec<f64>,
    /// Hessians that were made, a forward and a backward pass each, and more.
    pub steps: u32,
}

/// A point near `y` where the slopes that are left vanish, as far as Newton's method gets there; `None` where there is
/// nothing to gain, or no Hessian. `stop` is asked before each step.
pub(super) fn polished(instance: &Instance, domain: &Domain, y: &[f64], stop: &dyn Fn() -> bool) -> Option<Polished> {
    if !domain.sublevels().is_empty() {
        return None;
    }
    let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
    let mut y = domain.clip(y);
    let mut rows = vec![0.0; domain.rows().len()];
    // Rows whose multiplier had the wrong sign.
    let mut dropped = vec![false; rows.len()];
    let mut steps = 0;
    let mut worse = 0;
    for k in 0..STEPS {
        if stop() {
            break;
        }
        let trace = instance.forward(&y).ok()?;
        let gradient = instance.gradient(&trace);
        // Without multipliers of the rows the slopes do not tell what is held.
        let guess = k == 0 && !rows.is_empty();
        let held = held(domain, &y, &gradient, &rows, guess);
        let free: Vec<usize> = (0..y.len()).filter(|j| !held[*j]).collect();
        if free.len() > LARGEST {
            return None;
        }
        let active = active(domain, &y, &dropped);
        let hessian = instance.hessian(&trace, &free)?;
        steps += 1;
        let (step, multipliers) = solve(domain, &y, &gradient, &free, &active, hessian)?;
        rows = multipliers;
        for (k, row) in domain.rows().iter().enumerate().filter(|(_, row)| row.lower < row.upper) {
            let side = if rows[k] > 0.0 { row.lower } else { row.upper };
            if rows[k] != 0.0 && !active.contains(&(k, side)) {
                (rows[k], dropped[k]) = (0.0, true);
            }
        }
        let left = residual(domain, &y, &gradient, &rows);
        let improved = best.as_ref().is_none_or(|(least, ..)| left < *least);
        if improved {
            best = Some((left, y.clone(), rows.clone()));
        }
        worse = if improved { 0 } else { worse + 1 };
        if left == 0.0 || worse == 8 || !left.is_finite() {
            break;
        }
        let mut next = y.clone();
        for j in (0..y.len()).filter(|j| held[*j]) {
            let (l, u) = (domain.lower()[j], domain.upper()[j]);
            next[j] = if near(y[j], l) { l } else { u };
        }
        let reached = |length: f64| {
            let mut next = next.clone();
            free.iter().zip(&step).for_each(|(j, d)| next[*j] += length * d);
            domain.clip(&next)
        };
        // On the way back to a row f may rise.
        let length = if active.is_empty() { damping(instance, trace.value(), &reached) } else { 1.0 };
        let next = reached(length);
        if next == y {
            break;
        }
        y = next;
    }
    best.map(|(_, y, rows)| Polished { y, rows, steps })
}

/// gⱼ less what the rows take.
fn slope_left(domain: &Domain, gradient: &[f64], rows: &[f64], j: usize) -> f64 {
    let taken = domain.rows().iter().zip(rows).filter(|(_, nu)| **nu != 0.0);
    let of_row = |(row, nu): (&crate::domain::Row, &f64)| -> f64 {
        row.coefficients.iter().filter(|(k, _)| *k == j).map(|(_, c)| nu * c).sum()
    };
    gradient[j] - taken.map(of_row).sum::<f64>()
}

fn near(v: f64, side: f64) -> bool {
    side.is_finite() && (v - side).abs() <= NEAR * side.abs().max(1.0)
}

/// Which coordinates stand at a side that their slope pushes them to; at any side where that is a `guess`.
fn held(domain: &Domain, y: &[f64], gradient: &[f64], rows: &[f64], guess: bool) -> Vec<bool> {
    (0..y.len())
        .map(|j| {
            let (l, u) = (domain.lower()[j], domain.upper()[j]);
            let r = slope_left(domain, gradient, rows, j);
            l == u || (near(y[j], l) && (guess || r > 0.0)) || (near(y[j], u) && (guess || r < 0.0))
        })
        .collect()
}

/// Rows that hold as equations at y, with the side.
fn active(domain: &Domain, y: &[f64], dropped: &[bool]) -> Vec<(usize, f64)> {
    let rows = domain.rows().iter().enumerate().filter(|(k, _)| !dropped[*k]);
    rows.filter_map(|(k, row)| {
        let (at, size) = (row.activity(y), row.lower.abs().min(row.upper.abs()).max(1.0));
        let near = |side: f64| side.is_finite() && (at - side).abs() <= NEAR * size;
        if near(row.lower) {
            Some((k, row.lower))
        } else if near(row.upper) {
            Some((k, row.upper))
        } else {
            None
        }
    })
    .collect()
}

/// The Newton step on the free coordinates, and ν: [H, −Aᵀ; A, 0]·(d, ν) = (−g, side − A·y).
fn solve(
    domain: &Domain,
    y: &[f64],
    gradient: &[f64],
    free: &[usize],
    active: &[(usize, f64)],
    hessian: Vec<f64>,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let (n, m) = (free.len(), active.len());
    let mut rows = vec![0.0; domain.rows().len()];
    if n + m == 0 {
        return Some((vec![], rows));
    }
    let mut place = vec![usize::MAX; y.len()];
    free.iter().enumerate().for_each(|(k, j)| place[*j] = k);
    let hessian = DMatrix::from_row_slice(n, n, &hessian);
    let largest = (0..n).map(|i| hessian[(i, i)].abs()).fold(0.0f64, f64::max);
    // Flat directions: a step there is long enough to reach a side of the box, or as long as rounding makes it.
    let steepest = free.iter().map(|j| gradient[*j].abs()).fold(0.0f64, f64::max);
    let shift = (1e-13 * largest).max(1e-9 * steepest).max(f64::MIN_POSITIVE);
    let mut system = DMatrix::zeros(n + m, n + m);
    system.view_mut((0, 0), (n, n)).copy_from(&hessian);
    (0..n).for_each(|i| system[(i, i)] += shift);
    let mut right = DVector::zeros(n + m);
    free.iter().enumerate().for_each(|(k, j)| right[k] = -gradient[*j]);
    for (k, (row, side)) in active.iter().enumerate() {
        let row = &domain.rows()[*row];
        for (j, c) in row.coefficients.iter().filter(|(j, _)| place[*j] != usize::MAX) {
            system[(n + k, place[*j])] = *c;
            system[(place[*j], n + k)] = -c;
        }
        // A row without a free coordinate says nothing.
        if !row.coefficients.iter().any(|(j, c)| place[*j] != usize::MAX && *c != 0.0) {
            system[(n + k, n + k)] = 1.0;
        } else {
            right[n + k] = side - row.activity(y);
        }
    }
    let solution = match m {
        0 => match system.clone().cholesky() {
            Some(factor) => factor.solve(&right),
            None => system.full_piv_lu().solve(&right)?,
        },
        _ => system.full_piv_lu().solve(&right)?,
    };
    if solution.iter().any(|v| !v.is_finite()) {
        return None;
    }
    active.iter().enumerate().for_each(|(k, (row, _))| rows[*row] = solution[n + k]);
    Some((solution.iter().take(n).copied().collect(), rows))
}

/// What the slopes cost: Σ |r|·(the way to the side that the slope pushes to, at most 1).
fn residual(domain: &Domain, y: &[f64], gradient: &[f64], rows: &[f64]) -> f64 {
    let of = |j: usize| {
        let r = slope_left(domain, gradient, rows, j);
        let way = if r > 0.0 { y[j] - domain.lower()[j] } else { domain.upper()[j] - y[j] };
        if r == 0.0 { 0.0 } else { r.abs() * way.min(1.0) }
    };
    (0..y.len()).map(of).sum()
}

/// The longest of 1, ½, ¼, … after which f has not risen by more than rounding.
fn damping(instance: &Instance, value: f64, reached: &dyn Fn(f64) -> Vec<f64>) -> f64 {
    let mut length = 1.0;
    for _ in 0..30 {
        let there = instance.forward(&reached(length)).map_or(f64::INFINITY, |trace| trace.value());
        if there <= value + 1e-13 * value.abs() {
            break;
        }
        length *= 0.5;
    }
    length
}
