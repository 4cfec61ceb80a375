//! A small primal–dual interior-point method for the model that a set of cuts makes of f:
//!
//! min over y in the region of  maxᵢ (hᵢ + gᵢᵀy) + φ(y),  φ one of [`Term`].
//!
//! Its multipliers λ (≥ 0, sum 1) are the best convex combination of the cuts. The Newton systems have one row for each cut
//! and each simplex: the cost of a step is m²p/2 + m³/6 multiplications for m cuts. Nothing here is trusted: a combination
//! is worth what [`Run::offer`](crate::run::Run::offer) computes from it.
//!
//! `iterate` takes the steps, `systems` solves their linear systems.

mod iterate;
mod systems;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use iterate::Iterate;

use crate::oracle::Cut;
use crate::region::Region;

/// Sides that are longer count as unbounded: their squares would overflow.
const ENDLESS: f64 = 1e100;

/// What is added to the maximum of the cuts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Term {
    /// Nothing: a linear program.
    Nothing,
    /// −τH(y): paper eq. 9.
    Entropy(f64),
    /// κσ/2·‖v‖², v the distance from the reference point in units of the sides, σ the size of the slopes in these units.
    Proximal(f64),
}

/// The solution.
pub(super) struct Model {
    /// λ, one for each cut; not exactly of sum 1.
    pub weights: Vec<f64>,
    /// The minimiser, in the region up to rounding.
    pub y: Vec<f64>,
    /// maxᵢ (hᵢ + gᵢᵀy) there, minus the value of the reference cut.
    pub rise: f64,
}

/// Lengths of the sides: what a step in each coordinate is measured by. 0 where l = u; on an unbounded side the distance
/// that the cuts cover, or 1.
pub(super) fn sides(region: &Region, centre: &[f64], cuts: &[Arc<Cut>]) -> Vec<f64> {
    let mut sides = vec![0.0; region.dimension()];
    for j in region.boxed() {
        let width = region.upper()[j] - region.lower()[j];
        sides[j] = if width < ENDLESS {
            width
        } else {
            let far = cuts.iter().fold(0.0f64, |m, cut| m.max((cut.point[j] - centre[j]).abs()));
            if far > 0.0 && far.is_finite() { far } else { centre[j].abs().max(1.0) }
        };
    }
    for simplex in region.simplices() {
        simplex.members.iter().for_each(|j| sides[*j] = simplex.total);
    }
    sides
}

/// One coordinate that can move: v = (y − reference)/side between `lower` and `upper`.
struct Coordinate {
    index: usize,
    side: f64,
    lower: f64,
    upper: f64,
    simplex: Option<usize>,
}

/// Solves the model in at most `effort` Newton steps. `reference` is a cut at a point of the region; sizes and rounding are
/// relative to it. `None` if there is nothing to move or nothing but zero slopes, and if numbers overflow.
pub(super) fn solve(cuts: &[Arc<Cut>], region: &Region, reference: &Cut, term: Term, effort: u32) -> Option<Model> {
    let centre = &reference.point;
    let sides = sides(region, centre, cuts);
    let coordinates = coordinates(region, centre, &sides);
    let steepest =
        |cut: &Arc<Cut>| coordinates.iter().fold(0.0f64, |m, c| m.max((cut.gradient[c.index] * c.side).abs()));
    let scale = cuts.iter().map(steepest).fold(0.0, f64::max);
    if coordinates.is_empty() || !(scale > 0.0 && scale.is_finite()) {
        return None;
    }
    let mut rows: Vec<Vec<f64>> =
        cuts.iter().map(|cut| coordinates.iter().map(|c| cut.gradient[c.index] * c.side / scale).collect()).collect();
    let heights: Vec<f64> = cuts.iter().map(|cut| rise(cut, reference) / scale).collect();
    let mut targets = vec![];
    for (k, simplex) in region.simplices().iter().enumerate() {
        let sum: f64 = simplex.members.iter().map(|j| centre[*j]).sum();
        rows.push(coordinates.iter().map(|c| if c.simplex == Some(k) { 1.0 } else { 0.0 }).collect());
        targets.push((simplex.total - sum) / simplex.total);
    }
    if heights.iter().any(|h| !h.is_finite()) {
        return None;
    }
    let mut iterate = Iterate::new(&coordinates, &rows, &heights, targets, term, scale);
    for _ in 0..effort {
        if iterate.converged() || iterate.step().is_none() {
            break;
        }
    }
    let mut y = centre.clone();
    coordinates.iter().zip(&iterate.v).for_each(|(c, v)| y[c.index] += c.side * v);
    region.project(&mut y);
    let rise =
        cuts.iter().map(|cut| cut.value - reference.value + slope_over(cut, &y)).fold(f64::NEG_INFINITY, f64::max);
    let finite = iterate.lambda.iter().chain(&y).all(|v| v.is_finite());
    finite.then_some(Model { weights: iterate.lambda, y, rise })
}

/// gᵀ(y − point)
fn slope_over(cut: &Cut, y: &[f64]) -> f64 {
    cut.gradient.iter().zip(y).zip(&cut.point).map(|((g, y), p)| g * (y - p)).sum()
}

/// What a cut is at the point of another, minus the value of the other: −(its linearisation error).
pub(super) fn rise(cut: &Cut, reference: &Cut) -> f64 {
    cut.value - reference.value + slope_over(cut, &reference.point)
}

fn coordinates(region: &Region, centre: &[f64], sides: &[f64]) -> Vec<Coordinate> {
    let mut simplex = vec![None; region.dimension()];
    for (k, s) in region.simplices().iter().enumerate() {
        s.members.iter().for_each(|j| simplex[*j] = Some(k));
    }
    let all = (0..region.dimension()).filter(|j| sides[*j] > 0.0);
    all.map(|j| {
        let (lower, upper) =
            if simplex[j].is_some() { (0.0, f64::INFINITY) } else { (region.lower()[j], region.upper()[j]) };
        let (side, relative) = (sides[j], |end: f64| (end - centre[j]) / sides[j]);
        Coordinate { index: j, side, lower: relative(lower), upper: relative(upper), simplex: simplex[j] }
    })
    .collect()
}
