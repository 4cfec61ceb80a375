//! What an answer claims, multiplied out by the test: point, bound and duals of an optimum, a Farkas vector, a ray.

use icnn::certificate::Farkas;
use icnn::domain::Domain;
use icnn::ir::instance::Instance;
use icnn::solve::duals::{Dual, Side};
use icnn::{Limits, Solution, Status};
use proptest::prelude::*;

use super::Walk;
use crate::networks::{Points, magnitude};

/// Bounds are computed in f64 without bounding the rounding: some hundred operations on numbers of this size; and at infinite
/// sides slopes up to 1e-9 of the largest count as zero.
const BOUND: f64 = 1e-9;

/// The violation a returned point may have, relative to max(1, |side|).
pub const FEASIBLE: f64 = 1e-6;

/// A minimisation under test: f, over a domain that holds an anchor, with random numbers.
pub struct Asked<'a> {
    pub f: &'a Instance,
    pub domain: &'a Domain,
    pub anchor: &'a [f64],
    pub seed: u64,
    /// The size of the numbers that are added up on the way to f(y).
    pub size: &'a dyn Fn(&[f64]) -> f64,
}

fn value(f: &Instance, y: &[f64]) -> f64 {
    f.forward(y).expect("a finite value").value()
}

/// y meets each part by itself: the box exactly, rows and learned constraints up to [`FEASIBLE`].
pub fn feasible(domain: &Domain, y: &[f64]) -> Result<(), TestCaseError> {
    for (j, v) in y.iter().enumerate() {
        prop_assert!(domain.lower()[j] <= *v && *v <= domain.upper()[j], "y[{j}] = {v} outside its box");
    }
    for row in domain.rows() {
        let at: f64 = row.coefficients.iter().map(|(j, c)| c * y[*j]).sum();
        let (below, above) = (FEASIBLE * row.lower.abs().max(1.0), FEASIBLE * row.upper.abs().max(1.0));
        prop_assert!(row.lower.is_infinite() || at >= row.lower - below, "'{}': {at} below {}", row.name, row.lower);
        prop_assert!(row.upper.is_infinite() || at <= row.upper + above, "'{}': {at} above {}", row.name, row.upper);
    }
    for level in domain.sublevels() {
        let (h, c) = (value(&level.function, y), level.at_most);
        prop_assert!(h <= c + FEASIBLE * c.abs().max(1.0), "'{}': {h} above {c}", level.name);
    }
    prop_assert!(domain.violation(y) <= FEASIBLE);
    Ok(())
}

/// The point is feasible and has the value, the gap is closed, bound and duals hold at random points.
pub fn optimum(asked: &Asked, found: &Solution) -> Result<(), TestCaseError> {
    let Asked { f, domain, anchor, seed, size } = asked;
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    let (y, v, bound) = (found.y.as_ref().unwrap(), found.value.unwrap(), found.lower_bound.unwrap());
    feasible(domain, y)?;
    let folded = f.fold_fixed(domain.intervals()).unwrap();
    prop_assert_eq!(v, value(folded.as_ref().unwrap_or(f), y), "not the value at y");
    // Measured from the upper end of an enclosure of the value, where the proof is rigorous.
    let (gap, plain) = (found.gap.unwrap(), (v - bound).max(0.0));
    prop_assert!(gap >= plain && gap - plain <= 1e-9 * v.abs().max(1.0), "gap {gap}, value and bound {plain} apart");
    let side = |v: f64| if v.is_finite() { v.abs() } else { 0.0 };
    let reach: Vec<f64> =
        domain.intervals().iter().zip(y).map(|(i, y)| y.abs().max(side(i.lower)).max(side(i.upper))).collect();
    let duals = found.duals.as_ref().unwrap();
    let pull: f64 = (domain.sublevels().iter().zip(&duals.constraints))
        .map(|(l, d)| d.multiplier.abs() * (magnitude(&l.function, &reach) + l.at_most.abs()))
        .sum();
    let most = 2.0 * Limits::default().gap * (size(&reach) + pull);
    prop_assert!(v - bound <= most, "value {v}, bound {bound}, more than {most} apart");
    signs(domain, found)?;
    let mut walk = Walk::new(domain, anchor, *seed);
    let mut points = Points::new(domain, anchor, *seed);
    below(asked, found, y)?;
    for k in 0..60 {
        let point = match k % 3 {
            0 | 1 => walk.next(),
            // Outside Y as well: the Lagrangian does not mind.
            _ => {
                let spread = |(i, y): (&icnn::ir::interval::Interval, &f64)| {
                    let scale = [1.0, 5.0, 0.01][k / 3 % 3];
                    (y + scale * (2.0 * points.unit() - 1.0)).max(i.lower).min(i.upper)
                };
                domain.intervals().iter().zip(y).map(spread).collect()
            }
        };
        below(asked, found, &point)?;
    }
    Ok(())
}

/// Each dual is named after its part, has the sign of the side it acts on, and stands where that side is.
fn signs(domain: &Domain, found: &Solution) -> Result<(), TestCaseError> {
    let duals = found.duals.as_ref().unwrap();
    let one = |d: &Dual, name: &str, lower: f64, upper: f64| {
        prop_assert_eq!(&d.name, name);
        let (side, at) = match d.multiplier {
            m if m > 0.0 => (Side::Lower, lower),
            m if m < 0.0 => (Side::Upper, upper),
            _ => (Side::Neither, f64::INFINITY),
        };
        prop_assert_eq!(d.side, side);
        prop_assert_eq!(d.at, Some(at).filter(|v| v.is_finite()));
        Ok(())
    };
    prop_assert_eq!(duals.rows.len(), domain.rows().len());
    prop_assert_eq!(duals.constraints.len(), domain.sublevels().len());
    prop_assert_eq!(duals.bounds.len(), domain.dimension());
    for (d, row) in duals.rows.iter().zip(domain.rows()) {
        one(d, &row.name, row.lower, row.upper)?;
        prop_assert!(d.side == Side::Neither || d.at.is_some(), "{d:?} acts on an infinite side");
    }
    for (d, level) in duals.constraints.iter().zip(domain.sublevels()) {
        prop_assert!(d.multiplier <= 0.0, "{d:?}");
        one(d, &level.name, f64::NEG_INFINITY, level.at_most)?;
    }
    for (j, (d, i)) in duals.bounds.iter().zip(domain.intervals()).enumerate() {
        let name = format!("y[{j}]");
        match i.is_point() {
            true => prop_assert_eq!((&d.name, d.side, d.at), (&name, Side::Fixed, Some(i.lower))),
            false => one(d, &name, i.lower, i.upper)?,
        }
    }
    Ok(())
}

/// The Lagrangian inequality, multiplied out at any point of the domain's intervals, feasible or not:
/// f(v) + Σ μ·(h(v) − c) ≥ bound + Σ ν·(row·v − side) + Σ r·(v − side).
/// At feasible points it says more than f(v) ≥ bound; at y it and the closed gap say that bound and duals belong together.
pub fn below(asked: &Asked, found: &Solution, point: &[f64]) -> Result<(), TestCaseError> {
    let (duals, y, bound) = (found.duals.as_ref().unwrap(), found.y.as_ref().unwrap(), found.lower_bound.unwrap());
    let f = value(asked.f, point);
    let (mut left, mut right, mut size) = (f, bound, (asked.size)(point) + (asked.size)(y));
    for (d, level) in duals.constraints.iter().zip(asked.domain.sublevels()) {
        let (mu, h) = (-d.multiplier, value(&level.function, point));
        left += mu * (h - level.at_most);
        size += mu * (magnitude(&level.function, point) + level.at_most.abs());
    }
    for (d, row) in duals.rows.iter().zip(asked.domain.rows()) {
        let Some(side) = d.at else { continue };
        right += d.multiplier * (row.activity(point) - side);
        let terms: f64 = row.coefficients.iter().map(|(j, c)| (c * point[*j]).abs()).sum();
        size += d.multiplier.abs() * (terms + side.abs());
    }
    for (j, d) in duals.bounds.iter().enumerate() {
        // Beside an infinite side the bound counts a slope of rounding size at y.
        let side = d.at.unwrap_or(y[j]);
        right += d.multiplier * (point[j] - side);
        size += d.multiplier.abs() * (point[j].abs() + side.abs());
    }
    prop_assert!(right <= left + BOUND * size, "{right} above {left} at {point:?}, size {size}\n{found:?}");
    // A feasible point by itself, its violation priced.
    let price: f64 = duals.rows.iter().chain(&duals.constraints).map(|d| d.multiplier.abs()).sum();
    let outside = asked.domain.violation(point);
    if outside <= 1e-9 {
        let scale = asked.domain.rows().iter().map(|r| r.lower.abs().min(r.upper.abs()));
        let scale = scale.chain(asked.domain.sublevels().iter().map(|l| l.at_most.abs())).fold(1.0, f64::max);
        let slack = BOUND * size + price * outside * scale;
        prop_assert!(bound <= f + slack, "bound {bound}, but f({point:?}) = {f}\n{found:?}");
    }
    Ok(())
}

/// The Farkas vector, multiplied out: below the weighted violations everywhere in the box, and positive there.
pub fn emptiness(domain: &Domain, inside: &[f64], seed: u64, found: &Solution) -> Result<(), TestCaseError> {
    prop_assert_eq!(&found.status, &Status::Infeasible, "{:?}", found);
    prop_assert_eq!((&found.y, found.value, found.lower_bound), (&None, None, None));
    let Farkas { rows, constraints, gradient, constant, surplus } = found.farkas.as_ref().unwrap();
    prop_assert_eq!((rows.len(), constraints.len()), (domain.rows().len(), domain.sublevels().len()));
    prop_assert!(constraints.iter().all(|mu| *mu >= 0.0), "{:?}", constraints);
    prop_assert!(*surplus > 0.0);
    // The least value over the box.
    let (mut least, mut size) = (*constant, constant.abs());
    for (j, g) in gradient.iter().enumerate().filter(|(_, g)| **g != 0.0) {
        let side = if *g > 0.0 { domain.lower()[j] } else { domain.upper()[j] };
        prop_assert!(side.is_finite(), "the sum has slope {g} along y[{j}], which is free there");
        least += g * side;
        size += (g * side).abs();
    }
    prop_assert!((least - surplus).abs() <= 1e-12 * size, "surplus {surplus}, multiplied out {least}");
    // The rows' share, exactly; with no learned constraint that is all.
    let (mut slope, mut rest, mut sizes) = (vec![0.0; gradient.len()], 0.0, vec![1e-12 * size; gradient.len()]);
    for (nu, row) in rows.iter().zip(domain.rows()).filter(|(nu, _)| **nu != 0.0) {
        let side = if *nu > 0.0 { row.lower } else { row.upper };
        prop_assert!(side.is_finite(), "'{}' has multiplier {nu} on an infinite side", row.name);
        rest += nu * side;
        row.coefficients.iter().for_each(|(j, c)| {
            slope[*j] -= nu * c;
            sizes[*j] += (nu * c).abs();
        });
    }
    if constraints.iter().all(|mu| *mu == 0.0) {
        prop_assert!((rest - constant).abs() <= 1e-12 * rest.abs().max(size));
        for j in 0..slope.len() {
            prop_assert!((slope[j] - gradient[j]).abs() <= 1e-10 * sizes[j], "{slope:?} and {gradient:?}");
        }
    }
    let mut points = Points::new(domain, inside, seed);
    for k in 0..60 {
        let spread = [1.0, 10.0, 0.1][k % 3];
        let v: Vec<f64> = inside.iter().map(|a| a + spread * (2.0 * points.unit() - 1.0)).collect();
        let v = domain.clip(&v);
        let (mut sum, mut size) = (0.0, size);
        for (nu, row) in rows.iter().zip(domain.rows()).filter(|(nu, _)| **nu != 0.0) {
            let side = if *nu > 0.0 { row.lower } else { row.upper };
            sum += nu * (side - row.activity(&v));
            size += nu.abs() * (side.abs() + row.coefficients.iter().map(|(j, c)| (c * v[*j]).abs()).sum::<f64>());
        }
        for (mu, level) in constraints.iter().zip(domain.sublevels()) {
            sum += mu * (value(&level.function, &v) - level.at_most);
            size += mu * (magnitude(&level.function, &v) + level.at_most.abs());
        }
        let line = constant + gradient.iter().zip(&v).map(|(g, v)| g * v).sum::<f64>();
        prop_assert!(line <= sum + 1e-10 * size, "{line} above {sum} at {v:?}\n{found:?}");
    }
    Ok(())
}

/// The ray is a direction of the box, the rows and each learned constraint, and f falls along it for ever.
pub fn ray(asked: &Asked, found: &Solution) -> Result<(), TestCaseError> {
    let Asked { f, domain, anchor, size, .. } = asked;
    prop_assert_eq!(&found.status, &Status::Unbounded, "{:?}", found);
    prop_assert_eq!((&found.y, found.value, found.lower_bound), (&None, None, None));
    let ray = found.ray.as_ref().unwrap();
    let largest = ray.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    prop_assert!(largest > 0.1 && largest.is_finite(), "{:?}", ray);
    for (j, d) in ray.iter().enumerate() {
        prop_assert!(*d <= 0.0 || domain.upper()[j] == f64::INFINITY, "y[{j}] has an upper side");
        prop_assert!(*d >= 0.0 || domain.lower()[j] == f64::NEG_INFINITY, "y[{j}] has a lower side");
    }
    for row in domain.rows() {
        let rate = row.activity(ray);
        prop_assert!(row.upper.is_infinite() || rate <= 1e-9, "'{}' grows by {rate}", row.name);
        prop_assert!(row.lower.is_infinite() || rate >= -1e-9, "'{}' falls by {}", row.name, -rate);
    }
    let at = |t: f64| -> Vec<f64> { anchor.iter().zip(ray).map(|(a, d)| a + t * d).collect() };
    for level in domain.sublevels() {
        for t in [1.0, 1e2, 1e4] {
            let (h, room) = (value(&level.function, &at(t)), 1e-9 * t + 1e-12 * magnitude(&level.function, &at(t)));
            prop_assert!(h <= level.at_most + room, "'{}' is {h} at step {t}", level.name);
        }
    }
    // Convex, and from some step on affine: falling from 1e5 to 1e6 nearly as fast as at last.
    let g = |t: f64| value(f, &at(t));
    let (slope, size) = ((g(2e6) - g(1e6)) / 1e6, size(&at(2e6)));
    prop_assert!(slope < 0.0, "slope {slope} far along the ray {ray:?}");
    prop_assert!(g(1e6) <= g(1e5) + 0.9 * 9e5 * slope + 1e-12 * size, "f does not go on falling");
    let message = found.message.as_ref().unwrap();
    let promised: f64 = message.split("tends to ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let error = (promised - slope).abs();
    prop_assert!(error <= 1e-3 * slope.abs() + 1e-12 * size / 1e6 * 1e3, "{message}, but {slope}");
    Ok(())
}
