//! Clarabel against HiGHS, and every outcome checked by multiplication.
#![cfg(all(feature = "clarabel", feature = "highs"))]

mod common;

use std::cell::Cell;
use std::time::Duration;

use common::{Kind, large, program};
use icnn_solvers::highs::Highs;
use icnn_solvers::{LinearProgram, LpOptions, LpOutcome, SolverError, Status, clarabel};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const TOLERANCE: f64 = 1e-6;
const INF: f64 = f64::INFINITY;

fn solve(lp: &LinearProgram) -> LpOutcome {
    let options = LpOptions { primal_tolerance: 1e-9, dual_tolerance: 1e-9, ..LpOptions::default() };
    clarabel::solve(lp, &options).unwrap()
}

fn highs(lp: &LinearProgram) -> LpOutcome {
    Highs::new(lp).unwrap().solve(&LpOptions::default(), None).unwrap()
}

/// The program with the convex term ½ Σ (fᵀ(x − t))² for each row f of `factors`, which leaves the offset out.
fn with_squares(mut lp: LinearProgram, factors: &[Vec<f64>], t: &[f64]) -> LinearProgram {
    let n = lp.columns();
    let mut q = sprs::TriMat::new((n, n));
    for f in factors {
        let at: f64 = f.iter().zip(t).map(|(f, t)| f * t).sum();
        for i in 0..n {
            (0..n).filter(|j| f[i] * f[*j] != 0.0).for_each(|j| q.add_triplet(i, j, f[i] * f[j]));
            lp.objective[i] -= f[i] * at;
        }
    }
    lp.quadratic = Some(q.to_csr());
    lp
}

/// Random convex quadratic programs in a box: interior-point methods stall where the set of optima is unbounded.
fn quadratic(kind: Kind) -> impl Strategy<Value = LinearProgram> {
    let factors = prop::collection::vec(prop::collection::vec((-4i32..=4).prop_map(f64::from), 9), 1..4);
    (program(kind), factors, prop::collection::vec((-4i32..=4).prop_map(f64::from), 9)).prop_map(
        |(mut lp, factors, t)| {
            // The linear programs are feasible within ±32.
            lp.column_lower.iter_mut().for_each(|lower| *lower = lower.max(-100.0));
            lp.column_upper.iter_mut().for_each(|upper| *upper = upper.min(100.0));
            with_squares(lp, &factors, &t)
        },
    )
}

/// c + Qx − Aᵀy
fn slopes(lp: &LinearProgram, outcome: &LpOutcome) -> Vec<f64> {
    let mut slopes = lp.reduced_costs(&outcome.row_dual);
    for (q, (i, j)) in lp.quadratic.iter().flat_map(|q| q.iter()) {
        slopes[i] += q * outcome.primal[j];
    }
    slopes
}

/// The size of everything that is added up in the optimality conditions.
fn size(lp: &LinearProgram, outcome: &LpOutcome) -> f64 {
    let numbers = outcome.primal.iter().chain(&outcome.row_dual).chain(&outcome.column_dual).chain(&lp.objective);
    1.0 + numbers.fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// Feasibility, d = c + Qx − Aᵀy, and every multiplier of the sign of the bound that it acts on, and 0 away from it.
fn check_optimal(lp: &LinearProgram, outcome: &LpOutcome) {
    let slack = 20.0 * TOLERANCE * size(lp, outcome).powi(2);
    assert!(lp.residuals(&outcome.primal) <= slack, "{lp}\n{outcome:?}");
    assert_eq!(outcome.objective, lp.value(&outcome.primal));
    for (d, said) in slopes(lp, outcome).iter().zip(&outcome.column_dual) {
        assert!((d - said).abs() <= slack, "{d}, said {said}\n{lp}\n{outcome:?}");
    }
    let check = |value: f64, multiplier: f64, lower: f64, upper: f64| {
        let bound = if multiplier > 0.0 { lower } else { upper };
        let complementary = multiplier == 0.0 || (multiplier * (value - bound)).abs() <= slack;
        assert!(complementary, "{multiplier} at {value} in {lower}..{upper}\n{lp}\n{outcome:?}");
    };
    for (i, value) in lp.row_activity(&outcome.primal).iter().enumerate() {
        check(*value, outcome.row_dual[i], lp.row_lower[i], lp.row_upper[i]);
    }
    for (j, value) in outcome.primal.iter().enumerate() {
        check(*value, outcome.column_dual[j], lp.column_lower[j], lp.column_upper[j]);
    }
}

/// Optimal, and of the value that HiGHS finds. HiGHS' active-set method calls wrong points of quadratic programs optimal, whose
/// multipliers do not belong to them; none is better.
fn agree(lp: &LinearProgram, outcome: &LpOutcome) -> Result<(), TestCaseError> {
    prop_assert_eq!(outcome.status, Status::Optimal, "{:?}\n{}", outcome, lp);
    check_optimal(lp, outcome);
    let other = highs(lp);
    let slack = TOLERANCE * size(lp, outcome).powi(2);
    if other.status == Status::Optimal {
        let apart = other.objective - outcome.objective;
        let belong = slopes(lp, &other).iter().zip(&other.column_dual).all(|(d, said)| (d - said).abs() <= slack);
        let below = if belong { -apart.abs() } else { apart };
        prop_assert!(below >= -slack, "{apart}\n{lp}\n{outcome:?}\n{other:?}");
    }
    prop_assert!(lp.quadratic.is_some() || other.status == Status::Optimal, "{other:?}\n{lp}");
    Ok(())
}

/// The Farkas gap inside ±1e4 in columns without bounds, where Aᵀy need not vanish exactly.
fn farkas_holds(lp: &LinearProgram, outcome: &LpOutcome) -> bool {
    let mut boxed = LinearProgram { quadratic: None, ..lp.clone() };
    boxed.column_lower.iter_mut().for_each(|lower| *lower = lower.max(-1e4));
    boxed.column_upper.iter_mut().for_each(|upper| *upper = upper.min(1e4));
    let farkas = outcome.farkas.as_ref().unwrap();
    let largest = farkas.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let kept: Vec<f64> = farkas.iter().map(|v| if v.abs() <= 1e-9 * largest { 0.0 } else { *v }).collect();
    boxed.farkas_gap(&kept) > 0.0
}

fn has_ray(lp: &LinearProgram, outcome: &LpOutcome) -> Result<(), TestCaseError> {
    prop_assert_eq!(outcome.status, Status::InfeasibleOrUnbounded, "{:?}\n{}", outcome, lp);
    let ray = outcome.ray.as_ref().unwrap();
    let largest = ray.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let descent = lp.ray_descent(ray, TOLERANCE * largest);
    prop_assert!(descent.is_some_and(|d| d > TOLERANCE * largest), "{descent:?}\n{outcome:?}\n{lp}");
    for row in lp.quadratic.iter().flat_map(|q| q.outer_iterator()) {
        let curved: f64 = row.iter().map(|(j, q)| q * ray[j]).sum();
        prop_assert!(curved.abs() <= 100.0 * TOLERANCE * largest, "{curved}\n{outcome:?}\n{lp}");
    }
    Ok(())
}

/// Runs `check` on the outcomes of many random programs, the same every time. An interior-point method may say that it failed where
/// a program has no interior, but seldom, and it may claim nothing then.
fn each(
    programs: impl Strategy<Value = LinearProgram>,
    check: fn(&LinearProgram, &LpOutcome) -> Result<(), TestCaseError>,
) {
    let cases = 1000;
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let failed = Cell::new(0);
    let run = runner.run(&programs, |lp| {
        let outcome = solve(&lp);
        if outcome.status == Status::Failed {
            failed.set(failed.get() + 1);
            prop_assert!(!outcome.detail.is_empty() && outcome.farkas.is_none() && outcome.ray.is_none());
            return Ok(());
        }
        check(&lp, &outcome)
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    println!("{} of {cases} failed", failed.get());
    assert!(50 * failed.get() <= cases, "{} of {cases} failed", failed.get());
}

#[test]
fn linear_optima_agree_and_their_multipliers_prove_them() {
    each(program(Kind::Bounded), |lp, outcome| {
        agree(lp, outcome)?;
        // Multipliers that are nearly 0 act on absent sides too: put those far away.
        let mut boxed = lp.clone();
        boxed.column_lower.iter_mut().chain(&mut boxed.row_lower).for_each(|lower| *lower = lower.max(-1e3));
        boxed.column_upper.iter_mut().chain(&mut boxed.row_upper).for_each(|upper| *upper = upper.min(1e3));
        let bound = boxed.dual_objective(&outcome.row_dual);
        prop_assert!(bound >= outcome.objective - 1e-4 * size(lp, outcome), "{bound}\n{outcome:?}\n{lp}");
        Ok(())
    });
}

#[test]
fn quadratic_optima_agree() {
    each(quadratic(Kind::Bounded), agree);
}

#[test]
fn infeasible_programs_have_a_farkas_vector() {
    fn holds(lp: &LinearProgram, outcome: &LpOutcome) -> Result<(), TestCaseError> {
        prop_assert_eq!(outcome.status, Status::Infeasible, "{:?}\n{}", outcome, lp);
        prop_assert!(farkas_holds(lp, outcome), "{outcome:?}\n{lp}");
        Ok(())
    }
    each(program(Kind::Infeasible), holds);
    each(quadratic(Kind::Infeasible), holds);
}

#[test]
fn unbounded_programs_have_a_ray() {
    each(program(Kind::Unbounded), has_ray);
    // The last column is the way down; a square of the others does not stop it.
    let curved = (program(Kind::Unbounded), prop::collection::vec(-4i32..=4, 9)).prop_map(|(lp, f)| {
        let mut f: Vec<f64> = f.into_iter().map(f64::from).collect();
        f[lp.columns() - 1] = 0.0;
        with_squares(lp, &[f], &[0.0; 9])
    });
    each(curved, has_ray);
}

#[test]
fn costs_of_any_size_give_the_same_point() {
    let mut lp = LinearProgram::new(2);
    lp.add_row(1.0, INF, &[(0, 1.0), (1, 1.0)]);
    lp.objective = vec![0.0, 1.0];
    let lp = with_squares(lp, &[vec![1.0, 0.0], vec![0.0, 1.0]], &[0.0; 2]);
    let plain = solve(&lp);
    assert!((plain.primal[0] - 1.0).abs() < TOLERANCE && plain.primal[1].abs() < TOLERANCE, "{plain:?}");
    assert!((plain.row_dual[0] - 1.0).abs() < TOLERANCE, "{plain:?}");
    for exponent in [-600, -40, 40, 600] {
        let factor = 2f64.powi(exponent);
        let mut scaled = lp.clone();
        scaled.objective.iter_mut().for_each(|c| *c *= factor);
        scaled.quadratic = scaled.quadratic.map(|q| q.map(|v| v * factor));
        let outcome = solve(&scaled);
        assert_eq!(outcome.primal, plain.primal);
        assert_eq!(outcome.row_dual[0], plain.row_dual[0] * factor);
    }
}

#[test]
fn programs_without_rows_or_columns_end_as_they_must() {
    let free = LinearProgram::new(2);
    assert_eq!(solve(&free).status, Status::Optimal);
    let bowl = with_squares(LinearProgram::new(2), &[vec![1.0, 0.0], vec![1.0, 2.0]], &[3.0, -1.0]);
    let outcome = solve(&bowl);
    assert_eq!(outcome.status, Status::Optimal, "{outcome:?}");
    check_optimal(&bowl, &outcome);
    assert!((outcome.primal[0] - 3.0).abs() < 1e-5 && (outcome.primal[1] + 1.0).abs() < 1e-5, "{outcome:?}");
    let slope = LinearProgram { objective: vec![1.0, 0.0], ..free };
    assert!(slope.ray_descent(&solve(&slope).ray.unwrap(), 0.0).unwrap() > 0.0);
    let nothing = LinearProgram { offset: 2.5, ..LinearProgram::new(0) };
    assert_eq!((solve(&nothing).status, solve(&nothing).objective), (Status::Optimal, 2.5));
    let mut impossible = nothing.clone();
    impossible.add_row(1.0, INF, &[]);
    assert!(!matches!(solve(&impossible).status, Status::Optimal | Status::Unbounded));
}

#[test]
fn limits_are_kept_and_named() {
    let lp = large(100, 200);
    assert_eq!(solve(&lp).status, Status::Optimal, "{}", solve(&lp).detail);
    let limited = |options: LpOptions| clarabel::solve(&lp, &options).unwrap();
    for limit in [0, 2] {
        let outcome = limited(LpOptions { iteration_limit: Some(limit), ..LpOptions::default() });
        assert_eq!(outcome.status, Status::IterationLimit, "{outcome:?}");
        assert!(outcome.iterations <= limit);
    }
    for limit in [Duration::ZERO, Duration::from_micros(1)] {
        let outcome = limited(LpOptions { time_limit: Some(limit), ..LpOptions::default() });
        assert_eq!(outcome.status, Status::TimeLimit, "{outcome:?}");
    }
}

#[test]
fn extreme_numbers_end_without_a_false_claim() {
    for size in [1e-300, 1e-20, 1e18, 1e150, 1e300] {
        let mut lp = LinearProgram::new(2);
        lp.objective = vec![1.0, size];
        lp.column_lower = vec![0.0, 0.0];
        lp.add_row(1.0, INF, &[(0, size), (1, 1.0)]);
        lp.quadratic = Some(sprs::CsMat::new((2, 2), vec![0, 1, 2], vec![0, 1], vec![size, size]));
        let outcome = solve(&lp);
        if outcome.status == Status::Optimal {
            assert!(lp.residuals(&outcome.primal) <= 1e-4, "{size:e}: {outcome:?}");
        }
        assert!(!matches!(outcome.status, Status::Infeasible | Status::Unbounded), "{size:e}: {outcome:?}");
    }
}

#[test]
fn what_it_would_misread_is_refused() {
    let mut lp = LinearProgram::new(1);
    lp.column_upper = vec![1e20];
    let error = clarabel::solve(&lp, &LpOptions::default()).unwrap_err();
    assert!(
        matches!(&error, SolverError::TooLarge { value, limit, .. } if *value == 1e20 && *limit == 1e20),
        "{error}"
    );
    lp.column_upper = vec![f64::NAN];
    assert!(matches!(clarabel::solve(&lp, &LpOptions::default()), Err(SolverError::Number { .. })));
    let options = LpOptions { dual_tolerance: 0.0, ..LpOptions::default() };
    assert!(matches!(clarabel::solve(&LinearProgram::new(1), &options), Err(SolverError::Option { .. })));
}
