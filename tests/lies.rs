//! HiGHS made to lie: wrong multipliers, points, bases, statuses, early stops, numbers that are none. What is reported must
//! stay true: the point lies in the domain, no lower bound exceeds f at a point of the domain in exact arithmetic, the gap is
//! not smaller than the true one, and "optimal", "infeasible" and "unbounded" are said only where they are so.

#![cfg(feature = "highs")]

#[path = "common/networks.rs"]
mod networks;
#[path = "common/reference.rs"]
mod reference;

use std::cell::Cell;

use icnn::solve::Proof;
use icnn::{Domain, Method, Solution, Status};
use icnn_solvers::highs::lies::{Lie, while_lying};
use networks::{Case, Ficnn, Picnn, Points, Problem, Sides, UnitNet};
use proptest::prelude::*;
use reference::{exactly, value};

fn lies(seed: u64) -> Vec<Lie> {
    let status = |status| Lie::Status(status);
    vec![
        Lie::Duals { size: 1e-9, seed },
        Lie::Duals { size: 1e-3, seed },
        Lie::Duals { size: 1e6, seed },
        Lie::Point { size: 1e-9, seed },
        Lie::Point { size: 1e-2, seed },
        Lie::Point { size: 1e9, seed },
        Lie::Turned,
        Lie::Reversed,
        Lie::Basis { by: 1 + seed as usize % 7 },
        Lie::Early { iterations: 0 },
        Lie::Early { iterations: 2 },
        status(icnn_solvers::Status::Infeasible),
        status(icnn_solvers::Status::Unbounded),
        status(icnn_solvers::Status::InfeasibleOrUnbounded),
        status(icnn_solvers::Status::Failed),
        status(icnn_solvers::Status::TimeLimit),
        Lie::NotFinite { every: 1 },
        Lie::NotFinite { every: 3 },
        Lie::Nothing,
        Lie::Objective,
    ]
}

/// What is said of min f over a domain that is not empty and on which f is bounded below, against the truth.
fn is_true<P: Problem>(
    case: &Case<P>,
    domain: &Domain,
    honest: &Solution,
    said: &Solution,
) -> Result<(), TestCaseError> {
    let (f, none) = (&case.instance, (&None, None));
    prop_assert!(matches!(said.status, Status::Optimal | Status::Stopped), "{:?}", said.status);
    prop_assert_eq!((&said.farkas, said.ray.as_ref()), none);
    let mut points = Points::new(domain, &case.anchor, case.seed);
    let mut tried = vec![domain.clip(&case.anchor), domain.clip(&points.anywhere())];
    tried.extend(honest.y.clone());
    tried.extend(said.y.clone());
    let lower = said.lower_bound.unwrap_or(f64::NEG_INFINITY);
    if said.proof == Proof::Rigorous {
        for y in &tried {
            let exact = value(f, y).expect("a reference");
            prop_assert!(exactly(lower) <= exact, "the bound {lower} exceeds f at {y:?}");
        }
    }
    if let Some(y) = &said.y {
        prop_assert!(domain.clip(y) == *y, "{y:?} is outside");
        prop_assert_eq!(said.value, Some(f.forward(y).expect("a value").value()));
        if let (Some(gap), Proof::Rigorous) = (said.gap, said.proof) {
            let exact = value(f, y).expect("a reference");
            prop_assert!(exact <= exactly(lower) + exactly(gap), "the gap {gap} is too small");
        }
    }
    if said.status == Status::Optimal {
        let (value, least) = (said.value.expect("a value"), honest.value.expect("a value"));
        let size = f.magnitude(
            &f.forward(said.y.as_ref().expect("a point")).expect("a value"),
            &[1e3].repeat(domain.dimension()),
        );
        prop_assert!((value - least).abs() <= 1e-6 * size.max(1.0), "{value} is called optimal, {least} is");
    }
    Ok(())
}

fn run<P: Problem>(cases: u32) -> (u32, u32) {
    let (optimal, stopped) = (Cell::new(0), Cell::new(0));
    networks::run::<P>(cases, Sides::Finite, |case| {
        let domain = Domain::new_box(case.domain.lower().to_vec(), case.domain.upper().to_vec()).expect("a box");
        let solve = || case.instance.minimize(&domain, Method::Lp).expect("a solution");
        let honest = solve();
        prop_assert_eq!((&honest.status, honest.proof), (&Status::Optimal, Proof::Rigorous), "{:?}", honest);
        is_true(case, &domain, &honest, &honest)?;
        for lie in lies(case.seed) {
            let said = while_lying(lie, solve);
            let count = if said.status == Status::Optimal { &optimal } else { &stopped };
            count.set(count.get() + 1);
            is_true(case, &domain, &honest, &said).map_err(|e| TestCaseError::fail(format!("{lie:?}: {e}")))?;
        }
        Ok(())
    });
    (optimal.get(), stopped.get())
}

#[test]
fn lies_about_a_minimum_change_nothing_that_is_proven() {
    let all = [run::<Ficnn>(60), run::<Picnn>(60), run::<UnitNet>(60)];
    // Some lies are harmless, others leave nothing to say but where it stopped.
    assert!(all.iter().all(|(optimal, stopped)| *optimal > 500 && *stopped > 20), "{all:?}");
}

#[test]
fn lies_about_an_empty_set_and_an_unbounded_one_make_neither_optimal() {
    networks::run::<Ficnn>(30, Sides::Finite, |case| {
        let p = case.domain.dimension();
        let all: Vec<(usize, f64)> = (0..p).map(|j| (j, 1.0)).collect();
        let empty = Domain::cube(p, 0.0, 1.0).expect("a box").with_row("far", &all, p as f64 + 1.0, f64::INFINITY);
        let (empty, everything) = (empty.expect("a row"), Domain::everything(p));
        let honest = case.instance.minimize(&everything, Method::Lp).expect("a solution");
        for lie in lies(case.seed) {
            let said = while_lying(lie, || case.instance.minimize(&empty, Method::Lp).expect("a solution"));
            prop_assert!(matches!(said.status, Status::Infeasible | Status::Stopped), "{lie:?}: {:?}", said.status);
            prop_assert!(said.y.is_none(), "{lie:?}: a point of the empty set");
            let said = while_lying(lie, || case.instance.minimize(&everything, Method::Lp));
            // A point far enough away has no value.
            let Ok(said) = said else { continue };
            match (&said.status, &honest.status) {
                (Status::Unbounded, found) => prop_assert_eq!(found, &Status::Unbounded, "{:?}", lie),
                (Status::Optimal, found) => prop_assert_eq!(found, &Status::Optimal, "{:?}", lie),
                (Status::Stopped, _) => {}
                (other, _) => prop_assert!(false, "{lie:?}: {other:?}"),
            }
        }
        Ok(())
    });
}
