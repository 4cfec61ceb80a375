//! Conic programs: what is refused, and Clarabel on programs whose answers are known.
#![cfg(feature = "clarabel")]

use std::time::Duration;

use icnn_solvers::clarabel::{self, solve_conic};
use icnn_solvers::{Cone, ConicProgram, LinearProgram, LpOptions, SolverError, Status, sides};

/// z above one cone in x, least at the answer.
fn least(cone: Cone, costs: &[f64], rows: &[(Vec<(usize, f64)>, f64)]) -> Vec<f64> {
    let mut program = ConicProgram::new(costs.len());
    program.objective = costs.to_vec();
    program.push(cone, rows);
    let outcome = solve_conic(&program, &LpOptions::default()).unwrap();
    assert_eq!(outcome.status, Status::Optimal, "{}", outcome.detail);
    assert!(program.violation(&outcome.primal) < 1e-6);
    // Stationarity: q + Aᵀz = 0.
    let mut left = program.objective.clone();
    program.matrix.iter().for_each(|(a, (i, j))| left[j] += a * outcome.dual[i]);
    assert!(left.iter().all(|v| v.abs() < 1e-6), "{left:?}");
    outcome.primal
}

#[test]
fn each_cone_means_what_its_description_says() {
    // Values are exact to the tolerance, points where the objective is flat to its root.
    let close = |x: &[f64], expected: &[f64]| x.iter().zip(expected).all(|(x, e)| (x - e).abs() < 1e-3);
    // z ≥ ‖(x − 3, 4)‖
    let rows = [(vec![(1, 1.0)], 0.0), (vec![(0, 1.0)], -3.0), (vec![], 4.0)];
    assert!(close(&least(Cone::SecondOrder(3), &[0.0, 1.0], &rows)[1..], &[4.0]));
    // z ≥ eˣ less 2x
    let rows = [(vec![(0, 1.0)], 0.0), (vec![], 1.0), (vec![(1, 1.0)], 0.0)];
    assert!(close(&least(Cone::Exponential, &[-2.0, 1.0], &rows), &[2f64.ln(), 2.0]));
    // z ≥ |x|³ less 3x
    let rows = [(vec![(1, 1.0)], 0.0), (vec![], 1.0), (vec![(0, 1.0)], 0.0)];
    assert!(close(&least(Cone::Power(1.0 / 3.0), &[-3.0, 1.0], &rows), &[1.0, 1.0]));
    let inside = [
        (Cone::Exponential, [-1.0, 0.0, 0.0], 0.0),
        (Cone::Exponential, [0.0, 1.0, 1.0], 0.0),
        (Cone::Exponential, [0.0, 1.0, 0.5], 0.5),
        (Cone::Power(0.5), [4.0, 1.0, -2.0], 0.0),
        (Cone::Power(0.5), [4.0, 1.0, 3.0], 1.0),
        (Cone::SecondOrder(3), [5.0, 3.0, -4.0], 0.0),
        (Cone::Nonnegative(3), [1.0, -2.0, 0.0], 2.0),
        (Cone::Zero(3), [0.0, 0.0, -0.25], 0.25),
    ];
    for (cone, s, violation) in inside {
        assert_eq!(cone.violation(&s), violation, "{cone:?} {s:?}");
    }
}

#[test]
fn ends_without_an_optimum_come_with_a_vector() {
    // ‖x‖ ≤ 1 and x ≥ 2
    let mut program = ConicProgram::new(1);
    program.push(Cone::SecondOrder(2), &[(vec![], 1.0), (vec![(0, 1.0)], 0.0)]);
    program.push(Cone::Nonnegative(1), &[(vec![(0, 1.0)], -2.0)]);
    let outcome = solve_conic(&program, &LpOptions::default()).unwrap();
    assert_eq!(outcome.status, Status::Infeasible);
    let z = outcome.certificate.unwrap();
    let along: f64 = program.matrix.iter().map(|(a, (i, _))| a * z[i]).sum();
    let value: f64 = program.rhs.iter().zip(&z).map(|(b, z)| b * z).sum();
    assert!(along.abs() < 1e-6 * value.abs() && value < 0.0 && z[1].abs() <= z[0] + 1e-9);
    assert!(outcome.primal.is_empty() && outcome.dual.is_empty());
    // min −x with eᶻ ≤ x
    let mut program = ConicProgram::new(2);
    program.objective = vec![-1.0, 0.0];
    program.push(Cone::Exponential, &[(vec![(1, 1.0)], 0.0), (vec![], 1.0), (vec![(0, 1.0)], 0.0)]);
    let outcome = solve_conic(&program, &LpOptions::default()).unwrap();
    assert_eq!(outcome.status, Status::InfeasibleOrUnbounded);
    assert!(outcome.ray.unwrap()[0] > 0.0);
}

#[test]
fn limits_are_statuses() {
    let mut program = ConicProgram::new(2);
    program.objective = vec![-2.0, 1.0];
    program.push(Cone::Exponential, &[(vec![(0, 1.0)], 0.0), (vec![], 1.0), (vec![(1, 1.0)], 0.0)]);
    let status = |options: LpOptions| solve_conic(&program, &options).unwrap().status;
    assert_eq!(status(LpOptions { iteration_limit: Some(1), ..LpOptions::default() }), Status::IterationLimit);
    assert_eq!(status(LpOptions { time_limit: Some(Duration::ZERO), ..LpOptions::default() }), Status::TimeLimit);
}

#[test]
fn malformed_programs_are_refused() {
    let mut program = ConicProgram::new(1);
    program.push(Cone::Nonnegative(1), &[(vec![(0, 1.0)], 0.0)]);
    let refused = |change: &dyn Fn(&mut ConicProgram)| {
        let mut changed = program.clone();
        change(&mut changed);
        solve_conic(&changed, &LpOptions::default()).unwrap_err()
    };
    assert!(matches!(refused(&|p| p.cones.push(Cone::Exponential)), SolverError::Size { found: 4, expected: 1, .. }));
    assert!(matches!(refused(&|p| p.objective = vec![f64::NAN]), SolverError::Number { .. }));
    assert!(matches!(refused(&|p| p.rhs = vec![1e20]), SolverError::TooLarge { .. }));
    let power = |p: &mut ConicProgram| p.push(Cone::Power(1.0), &[(vec![], 1.0), (vec![], 1.0), (vec![], 1.0)]);
    assert!(matches!(refused(&power), SolverError::Number { .. }));
    let skew = sprs::CsMat::new((2, 2), vec![0, 1, 1], vec![1], vec![1.0]);
    let quadratic = |p: &mut ConicProgram| *p = ConicProgram { quadratic: Some(skew.clone()), ..ConicProgram::new(2) };
    assert!(matches!(refused(&quadratic), SolverError::Asymmetric { .. }));
    assert_eq!(solve_conic(&ConicProgram::new(0), &LpOptions::default()).unwrap().status, Status::Optimal);
}

/// A linear program and the conic one it becomes have the same value and multipliers.
#[test]
fn a_linear_program_is_a_conic_one() {
    let mut lp = LinearProgram::new(2);
    lp.objective = vec![1.0, -2.0];
    lp.column_lower = vec![-1.0, 0.0];
    lp.column_upper = vec![4.0, 3.0];
    lp.add_row(f64::NEG_INFINITY, 2.0, &[(0, -1.0), (1, 1.0)]);
    let (program, sides) = sides::conic(&lp);
    assert_eq!((program.rows(), sides.len()), (5, 5));
    let options = LpOptions::default();
    let (linear, conic) = (clarabel::solve(&lp, &options).unwrap(), solve_conic(&program, &options).unwrap());
    assert!((linear.objective - conic.objective).abs() < 1e-9);
    assert_eq!((linear.row_dual, linear.column_dual), sides.multipliers(&conic.dual));
}
