//! Properties of minima of random networks: value, bound and status against sampled points, brute force, rays, and any
//! multipliers at all.
#![cfg(feature = "highs")]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;

use std::cell::Cell;
use std::sync::Arc;

use icnn::certificate::{Minorant, Multipliers};
use icnn::domain::Domain;
use icnn::ir::program::{NodeId, Op, Program};
use icnn::solve::Proof;
use icnn::{Limits, Method, Solution, Status};
use networks::{Case, Ficnn, Points, Problem, Sides, magnitude};
use proptest::prelude::*;

families! {
    minima_on_boxes: 150, Sides::Finite;
    minima_anywhere: 150, Sides::Any;
    brute_force_agrees: 150, Sides::Finite;
    any_multipliers_give_a_bound: 150, Sides::Any;
    contradictory_rows_are_infeasible: 60, Sides::Any;
}

/// The lower bound is computed in f64 without bounding the rounding: at most about 100·10 operations on numbers of this
/// size, and at infinite sides slopes up to 1e-9 of the largest count as zero.
const BOUND: f64 = 1e-9;

/// A domain without infinite sides always has a minimum.
fn minima_on_boxes<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    for method in [Method::Lp, Method::Ipm] {
        let found = case.instance.minimize(&case.domain, method).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
        optimal_holds(case, &found)?;
    }
    Ok(())
}

fn minima_anywhere<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    for method in [Method::Lp, Method::Ipm] {
        let found = case.instance.minimize(&case.domain, method).unwrap();
        match found.status {
            Status::Optimal => optimal_holds(case, &found)?,
            Status::Unbounded => unbounded_holds(case, &found)?,
            _ => prop_assert!(false, "{:?}", found),
        }
    }
    Ok(())
}

/// The value is f(y), y is in the domain, the gap is closed, and no sampled point lies below the bound.
fn optimal_holds<P: Problem>(case: &Case<P>, found: &Solution) -> Result<(), TestCaseError> {
    let (y, value, bound) = (found.y.as_ref().unwrap(), found.value.unwrap(), found.lower_bound.unwrap());
    prop_assert_eq!(value, in_folded(case, y), "not the value at y");
    // Points of an LP satisfy rows up to the tolerance of the solver; boxes are met exactly.
    let boxed = Domain::new_box(case.domain.lower().to_vec(), case.domain.upper().to_vec()).unwrap();
    prop_assert_eq!(boxed.violation(y), 0.0);
    prop_assert!(case.domain.violation(y) <= 1e-6, "violation {}", case.domain.violation(y));
    // The library measures the gap against the numbers of its minorant, which these exceed up to the part of the rows, and
    // forgives what rounding leaves of slopes that cancel, times the sides of the box.
    let side = |v: f64| if v.is_finite() { v.abs() } else { 0.0 };
    let sides = case.domain.lower().iter().zip(case.domain.upper());
    let reach: Vec<f64> = sides.zip(y).map(|((l, u), y)| y.abs().max(side(*l)).max(side(*u))).collect();
    let size = magnitude(&case.instance, &reach);
    // Measured from the upper end of an enclosure of the value, where the proof is rigorous.
    let (gap, plain) = (found.gap.unwrap(), (value - bound).max(0.0));
    prop_assert!(gap == plain || found.proof == Proof::Rigorous && gap >= plain && gap - plain <= 1e-11 * size);
    prop_assert!(value - bound <= 2.0 * Limits::default().gap * size, "value {value}, bound {bound}, size {size}");
    let mut points = case.points();
    for k in 0..60 {
        let v = match k % 3 {
            0 | 1 => points.anywhere(),
            _ => points.near(y, [1.0, 1e-2, 1e-4][k % 9 / 3]),
        };
        let (f, size) = (case.reference(&v), magnitude(&case.instance, &v).max(size));
        // Points leave rows by up to 1e-13, where slopes are 100 at most.
        prop_assert!(bound <= f + BOUND * size + 1e-11, "bound {bound}, but f({v:?}) = {f}");
    }
    Ok(())
}

/// The value at y of the program that was solved, where the fixed coordinates are constants.
fn in_folded<P: Problem>(case: &Case<P>, y: &[f64]) -> f64 {
    let folded = case.instance.fold_fixed(case.domain.intervals()).unwrap();
    folded.as_ref().unwrap_or(&case.instance).forward(y).unwrap().value()
}

/// Along the ray the domain goes on for ever and f falls, at every step as fast as at first or faster than nothing.
fn unbounded_holds<P: Problem>(case: &Case<P>, found: &Solution) -> Result<(), TestCaseError> {
    let ray = found.ray.as_ref().unwrap();
    prop_assert_eq!((&found.y, found.value, found.lower_bound), (&None, None, None));
    let (domain, at) =
        (&case.domain, |t: f64| -> Vec<f64> { case.anchor.iter().zip(ray).map(|(a, d)| a + t * d).collect() });
    for (j, d) in ray.iter().enumerate() {
        prop_assert!(*d <= 0.0 || domain.upper()[j] == f64::INFINITY, "y[{j}] has an upper side");
        prop_assert!(*d >= 0.0 || domain.lower()[j] == f64::NEG_INFINITY, "y[{j}] has a lower side");
    }
    for row in domain.rows() {
        let rate = row.activity(ray);
        prop_assert!(row.upper.is_infinite() || rate <= 1e-9, "'{}' grows by {rate}", row.name);
        prop_assert!(row.lower.is_infinite() || rate >= -1e-9, "'{}' falls by {}", row.name, -rate);
    }
    // Convex, and from some step on affine with a negative slope: falling from 1e4 to 1e5 by as much as nine times the
    // slope that is left at 1e6.
    let f = |t: f64| case.reference(&at(t));
    let (slope, size) = ((f(2e6) - f(1e6)) / 1e6, magnitude(&case.instance, &at(2e6)));
    prop_assert!(slope < 0.0, "slope {slope} far along the ray {ray:?}");
    prop_assert!(f(1e6) <= f(1e5) + 0.9 * 1e6 * slope + 1e-12 * size, "f does not go on falling");
    Ok(())
}

/// Golden-section search on a convex function of one variable.
fn least(low: f64, high: f64, f: &mut dyn FnMut(f64) -> f64) -> f64 {
    let share = (5f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (low, high);
    let (mut s, mut t) = (b - share * (b - a), a + share * (b - a));
    let (mut fs, mut ft) = (f(s), f(t));
    let mut best = f(low).min(f(high)).min(fs).min(ft);
    for _ in 0..70 {
        if fs <= ft {
            (b, t, ft) = (t, s, fs);
            s = b - share * (b - a);
            fs = f(s);
        } else {
            (a, s, fs) = (s, t, ft);
            t = a + share * (b - a);
            ft = f(t);
        }
        best = best.min(fs).min(ft);
    }
    best
}

/// Rows of a domain in the plane as a·y ≤ b, the box included.
fn half_planes(domain: &Domain) -> Vec<([f64; 2], f64)> {
    let mut all = vec![];
    for j in 0..2 {
        let unit = if j == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        all.push((unit, domain.upper()[j]));
        all.push((unit.map(|c: f64| -c), -domain.lower()[j]));
    }
    for row in domain.rows() {
        let mut c = [0.0; 2];
        row.coefficients.iter().for_each(|(j, v)| c[*j] = *v);
        all.push((c, row.upper));
        all.push((c.map(|v| -v), -row.lower));
    }
    all.into_iter().filter(|(_, b)| b.is_finite()).collect()
}

/// min f by nested searches along y₁ and y₀ with the naive reference; for p ≤ 2 and finite boxes.
fn brute(domain: &Domain, f: &dyn Fn(&[f64]) -> f64) -> f64 {
    let planes = match domain.dimension() {
        1 => {
            let (mut low, mut high) = (domain.lower()[0], domain.upper()[0]);
            for row in domain.rows().iter().filter(|r| r.coefficients[0].1 != 0.0) {
                let ends = [row.lower / row.coefficients[0].1, row.upper / row.coefficients[0].1];
                low = low.max(ends[0].min(ends[1]));
                high = high.min(ends[0].max(ends[1]));
            }
            return least(low.min(high), high.max(low), &mut |t| f(&[t]));
        }
        _ => half_planes(domain),
    };
    // The range of y₀ over the polygon: that of its corners.
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (i, (a, s)) in planes.iter().enumerate() {
        for (b, t) in &planes[..i] {
            let det = a[0] * b[1] - a[1] * b[0];
            if det.abs() > 1e-9 {
                let corner = [(s * b[1] - t * a[1]) / det, (a[0] * t - b[0] * s) / det];
                if planes.iter().all(|(c, u)| c[0] * corner[0] + c[1] * corner[1] <= u + 1e-9) {
                    (low, high) = (low.min(corner[0]), high.max(corner[0]));
                }
            }
        }
    }
    least(low, high, &mut |first| {
        let (mut below, mut above) = (f64::NEG_INFINITY, f64::INFINITY);
        for (c, u) in planes.iter().filter(|(c, _)| c[1].abs() > 1e-9) {
            let end = (u - c[0] * first) / c[1];
            if c[1] > 0.0 { above = above.min(end) } else { below = below.max(end) }
        }
        // On an equation the two ends are one point, up to rounding.
        least(below.min(above), above.max(below), &mut |second| f(&[first, second]))
    })
}

/// On small problems a search that knows nothing but the reference finds no lower value, and the same one.
fn brute_force_agrees<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    // Coordinates beyond the second are held at the anchor.
    let (mut lower, mut upper) = (case.domain.lower().to_vec(), case.domain.upper().to_vec());
    for j in 2..lower.len() {
        (lower[j], upper[j]) = (case.anchor[j], case.anchor[j]);
    }
    let free = lower.len().min(2);
    let (mut domain, mut small) = (
        Domain::new_box(lower.clone(), upper.clone()).unwrap(),
        Domain::new_box(lower[..free].to_vec(), upper[..free].to_vec()).unwrap(),
    );
    for row in case.domain.rows() {
        domain = domain.with_row(&row.name, &row.coefficients, row.lower, row.upper).unwrap();
        let held: f64 = row.coefficients[free..].iter().map(|(j, c)| c * case.anchor[*j]).sum();
        small = small.with_row(&row.name, &row.coefficients[..free], row.lower - held, row.upper - held).unwrap();
    }
    let found = case.instance.minimize(&domain, Method::Lp).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    let full = |y: &[f64]| [y, &case.anchor[free..]].concat();
    let best = brute(&small, &|y| case.reference(&full(y)));
    let (value, size) = (found.value.unwrap(), magnitude(&case.instance, found.y.as_ref().unwrap()).max(1.0));
    // Both may leave rows by 1e-9 (the search) and 1e-7 (the solver), times slopes of the network's size.
    prop_assert!((value - best).abs() <= 1e-6 * size, "value {value}, by search {best}");
    Ok(())
}

/// Whatever numbers a solver delivers as multipliers, what is made of them bounds f from below.
fn any_multipliers_give_a_bound<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let instance = &case.instance;
    let bounds = instance.bounds(case.domain.intervals());
    let mut points = case.points();
    let garbage = |points: &mut Points| match points.random() % 8 {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => 1e300,
        _ => 4.0 * points.unit() - 2.0,
    };
    for _ in 0..5 {
        let y = points.anywhere();
        let trace = instance.forward(&y).unwrap();
        let mut chosen = Multipliers::subgradient(instance, &trace);
        for node in instance.program().nodes() {
            for id in node.op.inputs() {
                spoil(&mut chosen, id, instance.program().node(id), &mut || garbage(&mut points));
            }
        }
        let multipliers: Vec<f64> = case.domain.rows().iter().map(|_| garbage(&mut points)).collect();
        let minorant = Minorant::new(instance, &bounds, &chosen);
        prop_assert!(minorant.is_some(), "no minorant from {chosen:?}");
        let minorant = minorant.unwrap();
        let bound = minorant.bound(&case.domain, &multipliers, &y, 0.0);
        for _ in 0..20 {
            let v = points.anywhere();
            let (f, size) = (case.reference(&v), magnitude(instance, &v));
            prop_assert!(minorant.at(&v) <= f + 1e-12 * size, "{minorant:?} above f({v:?}) = {f}, from {chosen:?}");
            // Row multipliers of any size are legal, and round in proportion.
            let rows: f64 = case
                .domain
                .rows()
                .iter()
                .zip(&multipliers)
                .filter(|(_, nu)| nu.is_finite())
                .map(|(r, nu)| nu.abs() * r.coefficients.iter().map(|(j, c)| (c * v[*j]).abs()).sum::<f64>())
                .sum();
            prop_assert!(bound <= f + 1e-12 * (size + rows), "bound {bound} above f({v:?}) = {f}, from {chosen:?}");
        }
    }
    Ok(())
}

fn spoil(chosen: &mut Multipliers, id: NodeId, node: &icnn::ir::program::Node, garbage: &mut dyn FnMut() -> f64) {
    match &node.op {
        Op::Unit { .. } => (0..node.len).for_each(|i| chosen.set_slope(id, i, garbage())),
        Op::Group { groups, .. } => {
            for g in 0..groups.len() {
                let weights: Vec<f64> = groups.group(g).iter().map(|_| garbage()).collect();
                chosen.set_weights(id, groups.range(g).start, &weights);
            }
        }
        _ => {}
    }
}

/// Two rows that exclude each other: infeasible, whatever the network, and the message names them.
fn contradictory_rows_are_infeasible<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.anchor.len();
    let mut points = case.points();
    let c: Vec<(usize, f64)> = (0..p).map(|j| (j, 1.0 + points.unit())).collect();
    let at: f64 = c.iter().map(|(j, c)| c * case.anchor[*j]).sum();
    let apart = [1.0, 1e-3][points.random() as usize % 2];
    let domain = case.domain.clone();
    let domain = domain.with_row("at most", &c, f64::NEG_INFINITY, at - apart / 2.0).unwrap();
    let domain = domain.with_row("at least", &c, at + apart / 2.0, f64::INFINITY).unwrap();
    for method in [Method::Lp, Method::Ipm] {
        let found = case.instance.minimize(&domain, method).unwrap();
        prop_assert_eq!(&found.status, &Status::Infeasible, "{:?}", found);
        prop_assert_eq!((&found.y, found.value, found.lower_bound), (&None, None, None));
        prop_assert!(found.message.as_ref().unwrap().contains("'at"), "{:?}", found.message);
    }
    Ok(())
}

/// A program over a domain, solved.
fn solved(program: &str, domain: &Domain, method: Method) -> Solution {
    let program: Program = program.parse().unwrap();
    Arc::new(program).at(&[]).unwrap().minimize(domain, method).unwrap()
}

// Failures that the properties above found, smallest first.

#[test]
fn a_maximum_decided_over_the_box_has_one_slope() {
    // The two arguments tie at 0, where the first one's slope gives a bound of −1.5.
    let program = "y 1\nn1 = dense n0 [[-1.5], [0.25]]\nn2 = max n1 [0, 1]\noutput n2";
    let found = solved(program, &Domain::cube(1, 0.0, 1.0).unwrap(), Method::Lp);
    assert_eq!((found.status, found.value, found.lower_bound), (Status::Optimal, Some(0.0), Some(0.0)));
}

#[test]
fn a_gap_of_rounding_size_is_closed() {
    // The slopes of the minorant cancel to 1e-18, and so do value and bound: no gap is small relative to them.
    let program = "y 2
n1 = dense n0 [[-0, 0.49175155720270197], [0.44904306166623803, 0.04471018526205185]]
n2 = relu n1
n3 = dense n0 [[-0.00014046095851061744, -0.00014046095851061744]]
n4 = dense n2 [[1.2803983004271557, 0.8083682829285107]]
n5 = sum n3 n4
output n5";
    let domain = Domain::new_box(vec![0.0, -0.25], vec![1.0, 1.0]).unwrap();
    let found = solved(program, &domain, Method::Lp);
    assert_eq!((&found.status, found.value), (&Status::Optimal, Some(0.0)), "{found:?}");
    assert!(found.lower_bound.unwrap() <= 0.0);
}

#[test]
fn a_gap_of_rounding_size_is_closed_beside_an_infinite_side() {
    let program = "y 1\nn1 = dense n0 [[0.4374142460272101], [-1.8323652197714988]]
n2 = dense n1 [[1, 0.9265963690115944]]\nn3 = relu n2\nn4 = dense n3 [[1.5873125345400727]]
n5 = dense n0 [[0.5064523912936176]]\nn6 = sum n4 n5\noutput n6";
    let domain = Domain::new_box(vec![f64::NEG_INFINITY], vec![1.0]).unwrap();
    let found = solved(program, &domain, Method::Lp);
    assert_eq!((&found.status, found.value), (&Status::Optimal, Some(0.0)), "{found:?}");
}

#[test]
fn infeasible_rows_beside_an_infinite_side_are_explained() {
    let (inf, c) = (f64::INFINITY, [(0, 1.1234567), (1, 1.7654321), (2, 1.3579)]);
    let domain = Domain::new_box(vec![-2.0, 0.0, -inf], vec![-2.0, inf, 1.0]).unwrap();
    let domain = domain.with_row("at most", &c, -inf, -2.7).unwrap();
    let domain = domain.with_row("at least", &c, -1.7, inf).unwrap();
    for method in [Method::Lp, Method::Ipm] {
        let found = solved("y 3\nn1 = dense n0 [[1, 1, 1]]\nn2 = relu n1\noutput n2", &domain, method);
        assert_eq!(found.status, Status::Infeasible, "{found:?}");
        assert!(found.message.unwrap().contains("'at most'"));
    }
}

/// Unboundedness is found exactly where there is a direction along which f falls for ever: on all of R², where every
/// direction can be tried.
#[test]
fn unbounded_in_the_plane_is_found_exactly() {
    let (bounded, unbounded) = (Cell::new(0), Cell::new(0));
    networks::run::<Ficnn>(400, Sides::Any, |case| {
        let p = case.anchor.len();
        if p > 2 {
            return Ok(());
        }
        // lim (f(t·d) − f(0))/t is positively homogeneous, convex and piecewise linear in d: its sign on a fine circle.
        let far = |d: &[f64]| {
            let at = |t: f64| d.iter().map(|d| t * d).collect::<Vec<f64>>();
            (case.reference(&at(2e9)) - case.reference(&at(1e9))) / 1e9
        };
        let turns: Vec<Vec<f64>> = match p {
            1 => vec![vec![1.0], vec![-1.0]],
            _ => (0..3600)
                .map(|k| (k as f64 * std::f64::consts::TAU / 3600.0).sin_cos())
                .map(|(s, c)| vec![c, s])
                .collect(),
        };
        let steepest = turns.iter().map(|d| far(d)).fold(f64::INFINITY, f64::min);
        let found = case.instance.minimize(&Domain::everything(p), Method::Lp).unwrap();
        // Slopes too close to 0 for the circle's fineness are not judged.
        if steepest < -0.02 {
            prop_assert_eq!(&found.status, &Status::Unbounded, "slope {}: {:?}", steepest, found);
            unbounded.set(unbounded.get() + 1);
        } else if steepest > -1e-6 && p == 1 || steepest > 0.02 {
            prop_assert_eq!(&found.status, &Status::Optimal, "slope {}: {:?}", steepest, found);
            bounded.set(bounded.get() + 1);
        }
        Ok(())
    });
    println!("bounded {}, unbounded {}", bounded.get(), unbounded.get());
    assert!(bounded.get() >= 20 && unbounded.get() >= 20, "{} and {}", bounded.get(), unbounded.get());
}
