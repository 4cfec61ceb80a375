//! The least value of enclosed affine functions over a domain.

use super::balls::{interval, plus_up, scaled, sum as add, times_up};
use super::minorant::Enclosed;
use super::{Dual, laid_out};
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;

/// A radius above this part of the numbers is worth a pass in twice the precision.
const WIDE: f64 = 1e-8;

/// A true lower bound on min f over `domain`, from any multipliers at all; −∞ where they prove nothing: a unit has no rule,
/// numbers leave f64, or a coordinate without a bound is left with a slope that is not exactly 0.
///
/// `bounds` are those of f and of each learned constraint over the domain's box, as [`Instance::bounds`] makes them from
/// [`Domain::intervals`].
pub fn lower_bound(
    instance: &Instance,
    domain: &Domain,
    bounds: &[impl std::borrow::Borrow<Bounds>],
    dual: &Dual,
) -> f64 {
    if bounds.len() != 1 + domain.sublevels().len() || dual.levels.len() != domain.sublevels().len() {
        return f64::NEG_INFINITY;
    }
    if let Some(found) = laid_out::lower_bound(instance, domain, bounds[0].borrow(), dual) {
        return found;
    }
    Enclosed::new(instance, bounds[0].borrow(), &dual.f)
        .and_then(|f| {
            if dual.rows.iter().all(|nu| *nu == 0.0) && dual.levels.is_empty() {
                let (mid, rad) = least_of_balls(&f, domain)?;
                let plain = interval(mid, rad).lower;
                if rad <= WIDE * (f.constant.0.abs() + mid.abs()) {
                    return Some(plain);
                }
                let careful = Enclosed::careful(instance, bounds[0].borrow(), &dual.f);
                let careful = careful.and_then(|f| least_of_balls(&f, domain));
                return Some(careful.map_or(plain, |(mid, rad)| interval(mid, rad).lower.max(plain)));
            }
            let (gradient, constant) = lagrangian(&f, domain, &bounds[1..], dual)?;
            Some(constant.plus(least_on_box(&gradient, domain)?).lower)
        })
        .filter(|bound| !bound.is_nan())
        .unwrap_or(f64::NEG_INFINITY)
}

/// f + Σ μ·(h − c) + Σ ν·(side − row): slopes and constant.
fn lagrangian(
    f: &Enclosed,
    domain: &Domain,
    bounds: &[impl std::borrow::Borrow<Bounds>],
    dual: &Dual,
) -> Option<(Vec<Interval>, Interval)> {
    let mut gradient: Vec<Interval> = (0..f.gradient.len()).map(|j| f.gradient.interval(j)).collect();
    let mut constant = f.constant();
    for ((level, bounds), (mu, slopes)) in domain.sublevels().iter().zip(bounds).zip(&dual.levels) {
        let Some(slopes) = slopes.as_ref().filter(|_| *mu > 0.0 && mu.is_finite()) else { continue };
        let h = Enclosed::new(&level.function, bounds.borrow(), slopes)?;
        let mu = Interval::point(*mu);
        constant = constant.plus(h.constant().plus(Interval::point(-level.at_most)).product(mu));
        for (j, r) in gradient.iter_mut().enumerate() {
            *r = r.plus(h.gradient.interval(j).product(mu));
        }
    }
    for (row, nu) in domain.rows().iter().zip(&dual.rows).filter(|(_, nu)| **nu != 0.0 && nu.is_finite()) {
        let side = if *nu > 0.0 { row.lower } else { row.upper };
        if side.is_infinite() {
            continue;
        }
        constant = constant.plus(Interval::point(side).product(Interval::point(*nu)));
        for (j, c) in &row.coefficients {
            gradient[*j] = gradient[*j].plus(Interval::point(*c).product(Interval::point(-nu)));
        }
    }
    Some((gradient, constant))
}

/// A ball around min rᵀy + c over the box; `None` where that is −∞ or may be. The same as [`least_on_box`], with less work a
/// coordinate.
fn least_of_balls(f: &Enclosed, domain: &Domain) -> Option<(f64, f64)> {
    let mut sum = f.constant;
    let sides = domain.lower().iter().zip(domain.upper());
    for ((m, r), (l, u)) in f.gradient.mid.iter().zip(&f.gradient.rad).zip(sides) {
        if *m == 0.0 && *r == 0.0 {
            continue;
        }
        // min(r·l, r·u) moves with r by no more than the larger side; by one side alone where the sign of r is known.
        let reach = if *m >= *r {
            l.abs()
        } else if -*m >= *r {
            u.abs()
        } else {
            l.abs().max(u.abs())
        };
        let (mid, rounding) = scaled(if *m > 0.0 { *l } else { *u }, (*m, 0.0));
        sum = add(sum, (mid, plus_up(times_up(reach, *r), rounding)));
    }
    let (mid, rad) = sum;
    (mid.is_finite() && rad.is_finite()).then_some(sum)
}

/// min Σ rⱼyⱼ over the box, enclosed; `None` where it is −∞ or may be.
fn least_on_box(gradient: &[Interval], domain: &Domain) -> Option<Interval> {
    let mut sum = Interval::point(0.0);
    for (r, on) in gradient.iter().zip(domain.intervals()).filter(|(r, _)| r.lower != 0.0 || r.upper != 0.0) {
        if !(r.lower.is_finite() && r.upper.is_finite()) {
            return None;
        }
        // r·y is least where y is lowest for r > 0, highest for r < 0.
        let mut least = Interval::point(f64::INFINITY);
        if r.upper > 0.0 {
            least = least_of(least, on.lower, Interval::new(r.lower.max(0.0), r.upper))?;
        }
        if r.lower < 0.0 {
            least = least_of(least, on.upper, Interval::new(r.lower, r.upper.min(0.0)))?;
        }
        sum = sum.plus(least);
    }
    Some(sum)
}

fn least_of(least: Interval, side: f64, r: Interval) -> Option<Interval> {
    let here = side.is_finite().then(|| r.product(Interval::point(side)))?;
    Some(Interval { lower: least.lower.min(here.lower), upper: least.upper.min(here.upper) })
}
