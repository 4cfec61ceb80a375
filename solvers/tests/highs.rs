//! HiGHS against known answers: every outcome is checked by multiplication.
#![cfg(feature = "highs")]

mod common;

use std::time::Duration;

use common::{Kind, large, program};
use icnn_solvers::{
    Algorithm, BasisStatus, Interrupt, LinearProgram, LpOptions, LpOutcome, SolverError, Status, highs::Highs,
};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-6;

fn solve(lp: &LinearProgram, options: &LpOptions) -> LpOutcome {
    Highs::new(lp).unwrap().solve(options, None).unwrap()
}

fn with(algorithm: Algorithm, presolve: bool) -> LpOptions {
    LpOptions { algorithm, presolve, ..LpOptions::default() }
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

/// Primal and dual feasibility, complementary slackness, signs and d = c − Aᵀy, all recomputed.
fn check_optimal(lp: &LinearProgram, outcome: &LpOutcome, tolerance: f64) {
    assert_eq!(outcome.status, Status::Optimal, "{outcome:?}\n{lp}");
    assert!(lp.residuals(&outcome.primal) <= tolerance, "{lp}\n{outcome:?}");
    assert!(close(lp.value(&outcome.primal), outcome.objective, tolerance), "{lp}\n{outcome:?}");
    let reduced = lp.reduced_costs(&outcome.row_dual);
    for (d, said) in reduced.iter().zip(&outcome.column_dual) {
        assert!(close(*d, *said, tolerance), "{lp}\n{outcome:?}");
    }
    let activity = lp.row_activity(&outcome.primal);
    let complementary = |value: f64, multiplier: f64, lower: f64, upper: f64| {
        let active = if multiplier > 0.0 { lower } else { upper };
        let slack = if multiplier.abs() <= tolerance { 0.0 } else { multiplier * (value - active) };
        assert!(slack.abs() <= 20.0 * tolerance * (1.0 + value.abs()), "slack {slack}\n{lp}\n{outcome:?}");
    };
    for (i, &activity) in activity.iter().enumerate() {
        complementary(activity, outcome.row_dual[i], lp.row_lower[i], lp.row_upper[i]);
    }
    for (j, &reduced) in reduced.iter().enumerate() {
        complementary(outcome.primal[j], reduced, lp.column_lower[j], lp.column_upper[j]);
    }
}

/// The vector with entries that are rounding error set to zero.
fn snapped(vector: &[f64]) -> Vec<f64> {
    let largest = vector.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
    vector.iter().map(|&v| if v.abs() <= 1e-12 * largest { 0.0 } else { v }).collect()
}

/// The Farkas gap, forgiving the rounding errors that Aᵀy carries in free columns, but not more.
fn farkas_gap(lp: &LinearProgram, farkas: &[f64]) -> f64 {
    let mut boxed = lp.clone();
    boxed.column_lower.iter_mut().for_each(|lower| *lower = lower.max(-1e6));
    boxed.column_upper.iter_mut().for_each(|upper| *upper = upper.min(1e6));
    boxed.farkas_gap(&snapped(farkas))
}

/// Whether the interior-point and first-order methods may be tried: see [`SolverError::FreeRow`].
fn has_free_row(lp: &LinearProgram) -> bool {
    lp.row_lower.iter().zip(&lp.row_upper).any(|(lower, upper)| lower.is_infinite() && upper.is_infinite())
}

/// The methods that accept the program.
fn methods(lp: &LinearProgram) -> &'static [Algorithm] {
    if has_free_row(lp) { &[Algorithm::Simplex] } else { &[Algorithm::Simplex, Algorithm::Ipm, Algorithm::Pdlp] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn optima_agree_and_their_duals_prove_them(lp in program(Kind::Bounded)) {
        let simplex = solve(&lp, &with(Algorithm::Simplex, false));
        check_optimal(&lp, &simplex, TOLERANCE);
        for &algorithm in methods(&lp) {
            for presolve in [true, false] {
                let options = LpOptions { iteration_limit: Some(100_000), ..with(algorithm, presolve) };
                let other = solve(&lp, &options);
                if algorithm != Algorithm::Pdlp {
                    check_optimal(&lp, &other, TOLERANCE);
                    prop_assert!(close(simplex.objective, other.objective, 1e-7), "{lp}\n{simplex:?}\n{other:?}");
                } else if !matches!(other.status, Status::IterationLimit | Status::Failed) {
                    prop_assert_eq!(other.status, Status::Optimal, "{:?}\n{}", other, lp);
                    prop_assert!(close(simplex.objective, other.objective, 1e-4), "{lp}\n{simplex:?}\n{other:?}");
                }
            }
        }
    }

    #[test]
    fn own_basis_is_a_perfect_start(lp in program(Kind::Bounded)) {
        let mut highs = Highs::new(&lp).unwrap();
        let options = LpOptions::default();
        let cold = highs.solve(&options, None).unwrap();
        let basis = cold.basis.clone().unwrap();
        prop_assert_eq!(basis.basic(), lp.rows());
        let warm = highs.solve(&options, Some(&basis)).unwrap();
        check_optimal(&lp, &warm, TOLERANCE);
        prop_assert!(close(cold.objective, warm.objective, 1e-7));
        prop_assert!(warm.iterations <= 1, "{} iterations\n{lp}", warm.iterations);
        let again = highs.solve(&options, None).unwrap();
        prop_assert_eq!((again.primal, again.row_dual, again.iterations), (cold.primal, cold.row_dual, cold.iterations));
    }

    #[test]
    fn infeasible_programs_come_with_a_farkas_vector(lp in program(Kind::Infeasible)) {
        for &algorithm in methods(&lp).iter().take(2) {
            for presolve in [true, false] {
                let options = with(algorithm, presolve);
                let outcome = solve(&lp, &options);
                prop_assert_eq!(outcome.status, Status::Infeasible, "{:?} {:?}\n{}", options, outcome, lp);
                let farkas = outcome.farkas.expect("a Farkas vector");
                prop_assert!(farkas_gap(&lp, &farkas) > 1e-6, "{lp}\n{farkas:?}");
            }
        }
    }

    #[test]
    fn unbounded_programs_come_with_a_ray(lp in program(Kind::Unbounded)) {
        for &algorithm in methods(&lp).iter().take(2) {
            for presolve in [true, false] {
                let options = with(algorithm, presolve);
                let outcome = solve(&lp, &options);
                prop_assert_eq!(outcome.status, Status::Unbounded, "{:?} {:?}\n{}", options, outcome, lp);
                let ray = outcome.ray.expect("a ray");
                let size = ray.iter().fold(0.0, |size: f64, r| size.max(r.abs()));
                let descent = lp.ray_descent(&ray, 1e-9 * size);
                prop_assert!(descent.is_some_and(|descent| descent > 1e-9 * size), "{descent:?} {ray:?}\n{lp}");
            }
        }
    }

    #[test]
    fn costs_of_any_size_give_the_same_vertex(lp in program(Kind::Bounded), power in -300i32..300) {
        let reference = solve(&lp, &LpOptions::default());
        let factor = 2f64.powi(power);
        let mut scaled = lp.clone();
        scaled.objective.iter_mut().for_each(|cost| *cost *= factor);
        scaled.offset = 0.0;
        let outcome = solve(&scaled, &LpOptions::default());
        prop_assert_eq!(&outcome.primal, &reference.primal);
        let duals: Vec<f64> = reference.row_dual.iter().map(|dual| dual * factor).collect();
        prop_assert_eq!(outcome.row_dual, duals);
    }
}

/// HiGHS' interior point stops with an error here, and presolve is not there to help.
#[test]
fn infeasible_by_interior_point_without_presolve() {
    let mut lp = LinearProgram::new(2);
    lp.column_lower[1] = 2.25;
    lp.add_row(7.25, f64::INFINITY, &[(0, 0.25), (1, 2.5)]);
    lp.add_row(2.0, f64::INFINITY, &[(0, 1.0), (1, 0.5)]);
    lp.add_row(f64::NEG_INFINITY, 1.0, &[(0, 1.0), (1, 0.5)]);
    let outcome = solve(&lp, &with(Algorithm::Ipm, false));
    assert_eq!(outcome.status, Status::Infeasible, "{}", outcome.detail);
    assert!(lp.farkas_gap(&outcome.farkas.unwrap()) > 0.0);
}

/// HiGHS' dual simplex ends with the status "unknown" here.
#[test]
fn infeasible_by_simplex_without_presolve() {
    let (inf, mut lp) = (f64::INFINITY, LinearProgram::new(7));
    lp.objective = vec![7.5, 0.0, 70.0, 22.5, 130.0, 12.0, 0.0];
    lp.column_upper[0] = 0.5;
    lp.column_lower[1] = 0.0;
    lp.add_row(0.0, inf, &[(4, 4.0), (5, 1.0)]);
    lp.add_row(6.75, inf, &[(2, -5.5), (4, -7.5), (6, -1.0)]);
    lp.add_row(-0.25, inf, &[(2, -0.25), (3, -0.5)]);
    lp.add_row(-inf, 0.0, &[(4, -6.0), (5, -1.0)]);
    lp.add_row(0.0, inf, &[(0, 1.5), (2, 14.0), (3, 4.5), (4, 16.0)]);
    lp.add_row(0.0, inf, &[(0, -4.0), (2, 1.0), (5, -6.0)]);
    lp.add_row(2.0, inf, &[(0, 1.0), (6, 0.5)]);
    lp.add_row(-inf, 1.0, &[(0, 1.0), (6, 0.5)]);
    for presolve in [false, true] {
        let outcome = solve(&lp, &with(Algorithm::Simplex, presolve));
        assert_eq!(outcome.status, Status::Infeasible, "{}", outcome.detail);
        assert!(farkas_gap(&lp, &outcome.farkas.unwrap()) > 1e-6);
    }
}

#[test]
fn without_rows_or_without_columns() {
    let mut boxed = LinearProgram::new(2);
    boxed.objective = vec![1.0, -1.0];
    boxed.offset = 5.0;
    boxed.column_lower = vec![-1.0, -2.0];
    boxed.column_upper = vec![1.0, 2.0];
    let outcome = solve(&boxed, &LpOptions::default());
    check_optimal(&boxed, &outcome, 0.0);
    assert_eq!((outcome.objective, outcome.row_dual.len()), (2.0, 0));
    let basis = outcome.basis.unwrap();
    assert_eq!(basis.columns, [BasisStatus::Lower, BasisStatus::Upper]);
    Highs::new(&boxed).unwrap().solve(&LpOptions::default(), Some(&basis)).unwrap();

    boxed.column_upper[1] = f64::INFINITY;
    let outcome = solve(&boxed, &LpOptions::default());
    assert_eq!(outcome.status, Status::Unbounded);
    assert!(boxed.ray_descent(&outcome.ray.unwrap(), 0.0).unwrap() > 0.0);

    let mut empty = LinearProgram::new(0);
    empty.offset = 3.0;
    let outcome = solve(&empty, &LpOptions::default());
    assert_eq!((outcome.status, outcome.objective, outcome.primal), (Status::Optimal, 3.0, vec![]));
    empty.add_row(1.0, 2.0, &[]);
    let outcome = solve(&empty, &LpOptions::default());
    assert_eq!(outcome.status, Status::Infeasible);
    assert!(empty.farkas_gap(&outcome.farkas.unwrap()) > 0.0);
}

#[test]
fn stopped_early_is_never_optimal() {
    let lp = large(20, 60);
    for algorithm in [Algorithm::Simplex, Algorithm::Ipm, Algorithm::Pdlp] {
        for limit in [0, 1] {
            let options = LpOptions { iteration_limit: Some(limit), ..with(algorithm, false) };
            let outcome = solve(&lp, &options);
            assert_eq!(outcome.status, Status::IterationLimit, "{algorithm:?} {limit} {outcome:?}");
        }
        let options = LpOptions { time_limit: Some(Duration::ZERO), ..with(algorithm, true) };
        assert_eq!(solve(&lp, &options).status, Status::TimeLimit);
    }
    let lp = large(150, 600);
    for (algorithm, presolve) in [(Algorithm::Simplex, true), (Algorithm::Simplex, false), (Algorithm::Ipm, true)] {
        let options = LpOptions { time_limit: Some(Duration::from_millis(5)), ..with(algorithm, presolve) };
        let outcome = solve(&lp, &options);
        assert_eq!(outcome.status, Status::TimeLimit, "{algorithm:?} {}", outcome.detail);
        assert!(outcome.seconds < 5.0);
    }
}

#[test]
fn a_loaded_model_takes_new_numbers() {
    let mut lp = large(5, 12);
    let mut highs = Highs::new(&lp).unwrap();
    let options = LpOptions::default();
    let first = highs.solve(&options, None).unwrap();

    lp.objective.iter_mut().for_each(|cost| *cost *= 1e6);
    lp.objective[0] += 3e6;
    lp.offset = 1.0;
    highs.set_objective(&lp.objective, lp.offset).unwrap();
    lp.column_upper[1] = 0.25;
    highs.set_column_bounds(&lp.column_lower, &lp.column_upper).unwrap();
    lp.row_lower[2] += 0.5;
    highs.set_row_bounds(&lp.row_lower, &lp.row_upper).unwrap();

    let second = highs.solve(&options, first.basis.as_ref()).unwrap();
    let fresh = solve(&lp, &options);
    check_optimal(&lp, &fresh, 1e-6);
    assert!(close(second.objective, fresh.objective, 1e-9));
    assert!(!close(second.objective, first.objective, 1e-3));
}

#[test]
fn what_highs_would_misread_is_refused() {
    let mut lp = large(2, 2);
    lp.column_upper[1] = 1e20;
    let error = Highs::new(&lp).unwrap_err();
    let text = "upper bound of column 1 (x1): |100000000000000000000| is not below 100000000000000000000, \
                which the solver takes for infinity";
    assert_eq!(error.to_string(), text);

    let mut lp = large(2, 2);
    lp.matrix.data_mut()[1] = -2e15;
    assert!(matches!(Highs::new(&lp), Err(SolverError::TooLarge { what, value: -2e15, limit: 1e15 })
        if what == "coefficient of row 0 (r0), column 1 (x1)"));

    let mut lp = large(2, 2);
    lp.matrix.data_mut()[0] = 1e-12;
    lp.matrix.data_mut()[1] = 2e-12;
    assert_eq!(Highs::new(&lp).unwrap().dropped(), 1);
}

#[test]
fn small_coefficients_count() {
    // minimise x  subject to  1e-11·x ≥ 1e-9: with HiGHS' usual 1e-9 the row would be empty.
    let mut lp = LinearProgram::new(1);
    lp.objective = vec![1.0];
    lp.add_row(1e-3, f64::INFINITY, &[(0, 1e-11)]);
    let outcome = solve(&lp, &LpOptions::default());
    assert_eq!(outcome.status, Status::Optimal);
    assert!(close(outcome.objective, 1e8, 1e-3), "{outcome:?}");
}

#[test]
fn a_start_that_does_not_fit_is_refused() {
    let lp = large(2, 2);
    let mut highs = Highs::new(&lp).unwrap();
    let mut basis = highs.solve(&LpOptions::default(), None).unwrap().basis.unwrap();
    let nonbasic = basis.columns.iter().position(|&status| status != BasisStatus::Basic).unwrap();
    basis.columns[nonbasic] = BasisStatus::Basic;
    let error = highs.solve(&LpOptions::default(), Some(&basis)).unwrap_err();
    assert_eq!(error, SolverError::Basis { found: 3, expected: 2 });
    basis.rows.pop();
    let error = highs.solve(&LpOptions::default(), Some(&basis)).unwrap_err();
    assert_eq!(error.to_string(), "basis rows: has length 1, expected 2");
}

#[test]
fn several_threads_at_once_give_the_same_answers() {
    let lp = large(10, 40);
    let reference = solve(&lp, &LpOptions::default());
    let mut moved = Highs::new(&lp).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(solve(&lp, &LpOptions::default()).primal, reference.primal));
        }
        let primal = &reference.primal;
        scope.spawn(move || assert_eq!(&moved.solve(&LpOptions::default(), None).unwrap().primal, primal));
    });
}

#[test]
fn another_thread_stops_a_solve() {
    // Far more work than the other thread needs to start.
    let lp = large(300, 3000);
    for algorithm in [Algorithm::Simplex, Algorithm::Ipm] {
        let interrupt = Interrupt::new();
        let options = LpOptions { interrupt: Some(interrupt.clone()), ..with(algorithm, false) };
        let outcome = std::thread::scope(|scope| {
            let solve = scope.spawn(|| solve(&lp, &options));
            std::thread::sleep(Duration::from_millis(100));
            interrupt.stop();
            solve.join().unwrap()
        });
        assert_eq!(outcome.status, Status::Interrupted, "{algorithm:?} {}", outcome.detail);
        assert_eq!(solve(&lp, &options).status, Status::Interrupted, "it is on before the call");
    }
}

#[test]
fn a_switch_that_stays_off_changes_nothing() {
    let lp = large(20, 60);
    let with_switch = LpOptions { interrupt: Some(Interrupt::new()), ..LpOptions::default() };
    let (with, without) = (solve(&lp, &with_switch), solve(&lp, &LpOptions::default()));
    assert_eq!((with.status, with.primal), (without.status, without.primal));
    // The same model, first with a switch and then without one.
    let mut highs = Highs::new(&lp).unwrap();
    drop(highs.solve(&with_switch, None).unwrap());
    drop(with_switch);
    assert_eq!(highs.solve(&LpOptions::default(), None).unwrap().status, Status::Optimal);
}
