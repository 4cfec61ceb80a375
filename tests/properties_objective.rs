//! Properties of objectives that are put together: sums of networks, prices and quadratic terms over domains made of any
//! parts, and distances to sets that a network describes.
#![cfg(feature = "highs")]

#[path = "common/networks.rs"]
mod networks;

#[macro_use]
#[path = "common/domains.rs"]
mod domains;

#[path = "common/objectives.rs"]
mod objectives;

use std::cell::Cell;
use std::sync::Arc;

use clarabel::solver::SolverStatus;
use domains::holds::{self, Asked};
use domains::{Parts, Walk};
use icnn::domain::Domain;
use icnn::ir::program::Program;
use icnn::lower::linear;
use icnn::objective::{NORMS, Norm, Objective, distance};
use icnn::{Error, Method, Status};
use networks::{Case, Points, Problem, Sides, magnitude};
use objectives::{Terms, second_opinion, semidefinite, sparse};
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

families_on! {
    sums_of_networks: 60, Sides::Any;
    quadratic_minima: 400, Sides::Any;
    quadratic_minima_on_finite_domains: 80, Sides::Finite;
    unbounded_quadratic_programs_have_a_ray: 60, Sides::Any;
    infeasible_quadratic_programs_have_a_farkas_vector: 40, Sides::Any;
    nearest_points: 30, Sides::Finite;
}

each_family!(a_second_solver_agrees);

/// The value at y is the sum of the terms at y.
fn adds_up(terms: &Terms, y: &[f64], value: f64) -> Result<(), TestCaseError> {
    let (sum, size) = (terms.value(y), terms.size(y));
    prop_assert!((value - sum).abs() <= 1e-13 * size.max(1e-300) * 10.0, "{value}, term by term {sum} at {y:?}");
    Ok(())
}

/// Optimum or ray, and it holds; the value is the sum of the terms.
fn answer_holds<P: Problem>(case: &Case<P>, terms: &Terms) -> Result<(), TestCaseError> {
    let f = terms.build();
    let size = |y: &[f64]| terms.size(y);
    let asked = Asked { f: &f, domain: &case.domain, anchor: &case.anchor, seed: case.seed, size: &size };
    let mut walk = Walk::new(&case.domain, &case.anchor, case.seed);
    for _ in 0..10 {
        let y = walk.next();
        adds_up(terms, &y, f.forward(&y).unwrap().value())?;
    }
    let found = f.minimize(&case.domain, Method::Lp).map_err(|e| TestCaseError::fail(format!("{e}\n{terms:?}")))?;
    let held = match found.status {
        Status::Unbounded => holds::ray(&asked, &found),
        _ => holds::optimum(&asked, &found),
    };
    held.map_err(|e| TestCaseError::fail(format!("{e}\n{terms:?}")))?;
    match (&found.y, found.value) {
        (Some(y), Some(value)) => adds_up(terms, y, value),
        _ => Ok(()),
    }
}

fn sums_of_networks<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    answer_holds(case, &Terms::draw(&mut domains::drawn_by(case.seed), &case.instance, false))
}

/// Every minimum is certified, beside infinite sides too, where HiGHS' active-set method fails on a few programs or calls them
/// unbounded when they are not.
fn quadratic_minima<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    answer_holds(case, &Terms::draw(&mut domains::drawn_by(case.seed), &case.instance, true))
}

fn quadratic_minima_on_finite_domains<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    quadratic_minima(case)
}

/// What the multipliers make of the tolerances of two solvers.
fn price(found: &icnn::Solution) -> f64 {
    found.duals.as_ref().map_or(0.0, |duals| {
        duals.rows.iter().chain(&duals.constraints).chain(&duals.bounds).map(|d| d.multiplier.abs()).sum()
    })
}

/// The lowered quadratic program by an interior-point method.
fn a_second_solver_agrees<P: Problem>() {
    let (compared, skipped) = (Cell::new(0), Cell::new(0));
    domains::run::<P>(60, Sides::Finite, |case| {
        let terms = Terms::draw(&mut domains::drawn_by(case.seed), &case.instance, true);
        let f = terms.build();
        let found = f.minimize(&case.domain, Method::Lp).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal, "{:?}\n{:?}", found, terms);
        let (status, value) = second_opinion(&linear(&f, &case.domain).unwrap().lp);
        if status != SolverStatus::Solved {
            // It stalls on some domains without an interior.
            skipped.set(skipped.get() + 1);
            return Ok(());
        }
        compared.set(compared.get() + 1);
        let slack = 1e-6 * (1.0 + terms.size(found.y.as_ref().unwrap()) + price(&found));
        prop_assert!((value - found.value.unwrap()).abs() <= slack, "{value}, slack {slack}, {found:?}\n{terms:?}");
        Ok(())
    });
    println!("compared {}, skipped {}", compared.get(), skipped.get());
    assert!(compared.get() >= 4 * skipped.get(), "compared {}, skipped {}", compared.get(), skipped.get());
}

/// A coordinate that is free, that no quadratic term holds, and that has its price.
fn unbounded_quadratic_programs_have_a_ray<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.anchor.len();
    let j = case.seed as usize % p;
    let mut d = domains::drawn_by(case.seed);
    let mut terms = Terms::draw(&mut d, &case.instance, true);
    for (q, _) in &mut terms.quadratic {
        q.row_mut(j).fill(0.0);
        q.column_mut(j).fill(0.0);
    }
    let mut parts = Parts::of(&case.domain);
    parts.rows.retain(|row| row.coefficients.iter().all(|(k, c)| *k != j || *c == 0.0));
    parts.levels.clear();
    (parts.lower[j], parts.upper[j]) = if d.chance(50) { (case.anchor[j], INF) } else { (-INF, INF) };
    let h = domains::level(&mut d, p, &[j]);
    let at = h.forward(&case.anchor).unwrap().value();
    let domain = parts.domain().unwrap().with_at_most("beside", &h, at + 0.5).unwrap();
    let far = |t: f64| {
        let mut y = case.anchor.clone();
        y[j] += t;
        terms.value(&y)
    };
    terms.linear[j] -= ((far(2e6) - far(1e6)) / 1e6).abs() + 0.5;
    let (f, size) = (terms.build(), |y: &[f64]| terms.size(y));
    let asked = Asked { f: &f, domain: &domain, anchor: &case.anchor, seed: case.seed, size: &size };
    holds::ray(&asked, &f.minimize(&domain, Method::Lp).unwrap())
        .map_err(|e| TestCaseError::fail(format!("{e}\n{terms:?}\n{domain:?}")))
}

fn infeasible_quadratic_programs_have_a_farkas_vector<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.anchor.len();
    let mut d = domains::drawn_by(case.seed);
    let margin = [1.0, 1e-2, 1e-4][d.below(3)];
    let h = domains::level(&mut d, p, &[]);
    let terms = Terms::draw(&mut d, &case.instance, true);
    let c: Vec<(usize, f64)> = (0..p).map(|j| (j, 1.0 + j as f64 / 4.0)).collect();
    let at: f64 = c.iter().map(|(j, c)| c * case.anchor[*j]).sum();
    let least = h.minimize(&case.domain, Method::Lp).unwrap().lower_bound;
    let domain = match least.filter(|_| d.chance(50)) {
        Some(least) => case.domain.clone().with_at_most("low", &h, least - margin * (1.0 + least.abs())).unwrap(),
        None => {
            let domain = case.domain.clone().with_row("at most", &c, -INF, at - margin / 2.0).unwrap();
            domain.with_row("at least", &c, at + margin / 2.0, INF).unwrap()
        }
    };
    let found = terms.build().minimize(&domain, Method::Lp).unwrap();
    holds::emptiness(&domain, &case.anchor, case.seed, &found)
        .map_err(|e| TestCaseError::fail(format!("{e}\n{terms:?}\n{domain:?}")))
}

/// ‖y − t‖, or for L2 its square.
fn far(norm: Norm, y: &[f64], t: &[f64]) -> f64 {
    let apart = y.iter().zip(t).map(|(y, t)| (y - t).abs());
    match norm {
        Norm::L1 => apart.sum(),
        Norm::L2 => apart.map(|v| v * v).sum(),
        Norm::Linf => apart.fold(0.0, f64::max),
    }
}

/// The point of a domain, cut by f(y) ≤ c, that is nearest to another one: feasible, and everything nearer is not.
fn nearest_points<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut d = domains::drawn_by(case.seed);
    let (p, at) = (case.anchor.len(), case.value(&case.anchor));
    let slack = [0.0, 0.5, 3.0][d.below(3)];
    let domain = case.domain.clone().with_at_most("f", &case.instance, at + slack).unwrap();
    let target: Vec<f64> = case.anchor.iter().map(|a| a + 2.0 * d.number()).collect();
    for (name, norm) in NORMS {
        let f = distance(*norm, &target).unwrap();
        let size = |y: &[f64]| match norm {
            Norm::L2 => y.iter().zip(&target).map(|(y, t)| (y.abs() + t.abs()).powi(2)).sum(),
            _ => magnitude(&f, y),
        };
        let found = f.minimize(&domain, Method::Lp).unwrap();
        let asked = Asked { f: &f, domain: &domain, anchor: &case.anchor, seed: case.seed, size: &size };
        holds::optimum(&asked, &found).map_err(|e| TestCaseError::fail(format!("{name} from {target:?}: {e}")))?;
        let (y, value, bound) = (found.y.as_ref().unwrap(), found.value.unwrap(), found.lower_bound.unwrap());
        prop_assert!((value - far(*norm, y, &target)).abs() <= 1e-12 * size(y).max(1.0), "{name}: {value} at {y:?}");
        prop_assert!(case.value(y) <= at + slack + 1e-6 * (at + slack).abs().max(1.0));
        let mut points = Points::new(&domain, &case.anchor, case.seed);
        for _ in 0..40 {
            let share = points.unit();
            let v: Vec<f64> = (0..p)
                .map(|j| {
                    target[j]
                        + share * (y[j] - target[j])
                        + (1.0 - share) * (y[j] - target[j]).abs() * (2.0 * points.unit() - 1.0)
                })
                .collect();
            let nearer = far(*norm, &v, &target) < bound - 1e-9 * size(y).max(1.0);
            prop_assert!(!nearer || domain.violation(&v) > 0.0, "{name}: {v:?} is nearer than {y:?}");
        }
    }
    Ok(())
}

fn at(text: &str) -> icnn::ir::instance::Instance {
    Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap()
}

#[test]
fn indefinite_forms_are_refused_with_a_reason() {
    let domain = Domain::cube(2, -1.0, 1.0).unwrap();
    let mut d = domains::drawn_by(7);
    for _ in 0..50 {
        let mut q = semidefinite(&mut d, 2);
        q[(1, 1)] = -0.5;
        let f = Objective::empty(2).with_quadratic(sparse(&q), &[1.0, 0.0]).unwrap().build().unwrap();
        let error = f.minimize(&domain, Method::Lp).unwrap_err();
        // −q is convex where it has no positive entry left.
        match &error {
            Error::NotProven { reason } => assert!(reason.contains("semidefinite"), "{reason}"),
            Error::Concave => assert!(q[(0, 0)] <= 0.0, "{q}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn constraints_that_have_no_place_are_refused_by_name() {
    let domain = Domain::cube(2, -1.0, 1.0).unwrap();
    let f = at("y 2\nn1 = gather n0 [0]\noutput n1");
    let refused = |h: &str, words: &[&str]| {
        let domain = domain.clone().with_at_most("the limit", &at(h), 0.5).unwrap();
        for method in [Method::Lp, Method::Ipm] {
            let error = f.minimize(&domain, method).unwrap_err().to_string();
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
    };
    refused("y 2\nn1 = dense n0 [[1, 1]]\nn2 = power n1 2\noutput n2", &["'the limit'", "n2", "constraint"]);
    refused("y 2\nn1 = quadratic n0 2x2 [0 0 1] [1 1 1]\noutput n1", &["'the limit'", "n1", "constraint"]);
    refused("y 2\nn1 = dense n0 [[1, 1]]\nn2 = exp n1\noutput n2", &["'the limit'", "n2", "exp"]);
    // Not convex, and concave.
    refused("y 2\nn1 = abs n0\nn2 = dense n1 [[1, -1]]\noutput n2", &["'the limit'", "not proven convex"]);
    refused("y 2\nn1 = abs n0\nn2 = dense n1 [[-1, -1]]\noutput n2", &["'the limit'", "concave"]);
}

// Failures that the properties above found, smallest first.

#[test]
fn an_unbounded_quadratic_program_that_looks_solved_has_a_ray() {
    // Regularised, HiGHS calls y₁ = 1.25e6 optimal.
    let f = Objective::empty(2).with_linear(&[0.0, -0.5]).unwrap().with_distance(&[1.0, 0.0], &[0.5, 0.0]).unwrap();
    let h = at("y 2\nn1 = dense n0 [[2, 0], [1, 0]]\nn2 = relu n1\nn3 = dense n2 [[2, 1]]\noutput n3");
    let domain = Domain::new_box(vec![0.0, -INF], vec![1.0, INF]).unwrap().with_at_most("beside", &h, 0.5).unwrap();
    let found = f.build().unwrap().minimize(&domain, Method::Lp).unwrap();
    assert_eq!(found.status, Status::Unbounded, "{found:?}");
    assert_eq!(found.ray, Some(vec![0.0, 1.0]));
}

#[test]
fn a_form_of_rank_one_keeps_its_bound_below_its_value() {
    // (y₀ + 1.5·y₁ − 1)² + (y₀ − y₁)/10: a tangent from far away is a sum of large numbers that cancel.
    let a = nalgebra::DMatrix::from_column_slice(2, 1, &[1.0, 1.5]);
    let f = Objective::empty(2).with_quadratic(sparse(&(&a * a.transpose())), &[1.0, 0.0]).unwrap();
    let f = f.with_linear(&[0.1, -0.1]).unwrap().build().unwrap();
    let domain = Domain::cube(2, -1.0, 1.0).unwrap().with_row("r", &[(0, 1.0), (1, 1.0)], -0.5, 0.3).unwrap();
    let found = f.minimize(&domain, Method::Lp).unwrap();
    let (value, bound) = (found.value.unwrap(), found.lower_bound.unwrap());
    assert_eq!(found.status, Status::Optimal, "{found:?}");
    assert!(bound <= value + 1e-12 && value - bound <= 1e-7, "{value}, {bound}");
}

/// Found by fuzzing: such a term had weights that were no numbers.
#[test]
fn a_target_that_overflows_is_refused() {
    let built = Objective::empty(2).with_distance(&[17.0, 1e300], &[-1e300, 1e300]).unwrap().build();
    assert!(built.is_err_and(|e| e.to_string().contains("leaves the range")));
}
