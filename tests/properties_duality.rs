//! Properties of the lowered linear programs: duals by multiplication, Farkas vectors, and three solvers that agree.
#![cfg(feature = "highs")]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;

use std::cell::Cell;

use good_lp::{WithTimeLimit, variable::UnsolvedProblem};
use icnn::certificate::{Minorant, Multipliers};

use icnn::lower::linear;
use icnn_solvers::highs::Highs;
use icnn_solvers::{Algorithm, LinearProgram, LpOptions, LpOutcome, Status};
use networks::{Case, ConvNet, Ficnn, Picnn, Problem, Sides, SkipNet, UnitNet, magnitude};
use proptest::prelude::*;

families! {
    duals_hold_when_multiplied_out: 200, Sides::Any;
    farkas_vectors_hold_when_multiplied_out: 60, Sides::Finite;
}

fn solve(lp: &LinearProgram, algorithm: Algorithm) -> LpOutcome {
    Highs::new(lp).unwrap().solve(&LpOptions { algorithm, ..LpOptions::default() }, None).unwrap()
}

/// The tolerance of HiGHS, 1e-7 before scaling, with room for unscaling; numbers here are of size 1 to 100.
const SOLVER: f64 = 1e-6;

/// Dual feasibility, complementary slackness and equal objectives, from the program's own numbers; and the slopes read
/// from the duals give, by a backward pass through the network, the same bound as the duals by LP duality.
fn duals_hold_when_multiplied_out<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let lowered = linear(&case.instance, &case.domain).unwrap();
    let lp = &lowered.lp;
    let outcome = solve(lp, Algorithm::Simplex);
    if outcome.status == Status::Unbounded {
        let ray = outcome.ray.as_ref().unwrap();
        let largest = ray.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let descent = lp.ray_descent(ray, 1e-9 * largest);
        prop_assert!(descent.is_some_and(|d| d > 0.0), "descent {descent:?} along {ray:?}\n{lp}");
        return Ok(());
    }
    prop_assert_eq!(outcome.status, Status::Optimal, "{}", outcome.detail);
    prop_assert!(lp.residuals(&outcome.primal) <= SOLVER);
    let (x, y) = (&outcome.primal, &outcome.row_dual);
    // d = c − Aᵀy and the activities, element by element.
    let (mut d, mut activity) = (lp.objective.clone(), vec![0.0; lp.rows()]);
    for (a, (i, j)) in lp.matrix.iter() {
        d[j] -= a * y[i];
        activity[i] += a * x[j];
    }
    let size = 1.0 + lp.objective.iter().chain(y).fold(0.0, |m: f64, v| m.max(v.abs()));
    let sides = |value: f64, multiplier: f64, lower: f64, upper: f64| {
        // A multiplier needs its side to exist and to be met.
        let (push, side) = (multiplier.abs(), if multiplier > 0.0 { lower } else { upper });
        push <= SOLVER * size || (push * (value - side)).abs() <= SOLVER * size * (1.0 + side.abs())
    };
    for (i, multiplier) in y.iter().enumerate() {
        let holds = sides(activity[i], *multiplier, lp.row_lower[i], lp.row_upper[i]);
        prop_assert!(holds, "row {i}: multiplier {multiplier}, activity {}\n{lp}", activity[i]);
    }
    for (j, reduced) in d.iter().enumerate() {
        prop_assert!((reduced - outcome.column_dual[j]).abs() <= 1e-9 * size, "reduced cost {reduced} of column {j}");
        let holds = sides(x[j], *reduced, lp.column_lower[j], lp.column_upper[j]);
        prop_assert!(holds, "column {j}: reduced cost {reduced}, value {}\n{lp}", x[j]);
    }
    // An epigraph column's rows and bound share out the weight with which the output uses it.
    for e in &lowered.epigraphs {
        let own = e.first_row..e.first_row + e.rows.len();
        let convex = own.clone().all(|i| lp.row_lower[i].is_finite());
        let sign = if convex { 1.0 } else { -1.0 };
        let shares: Vec<f64> = own.clone().map(|i| sign * y[i]).chain(e.bound.map(|_| sign * d[e.column])).collect();
        prop_assert!(shares.iter().all(|s| *s >= -SOLVER * size), "shares {shares:?} of column {}", e.column);
        let others = lp.matrix.iter().filter(|(_, (i, j))| *j == e.column && !own.contains(i));
        let weight = lp.objective[e.column] - others.map(|(a, (i, _))| a * y[i]).sum::<f64>();
        let total: f64 = shares.iter().sum();
        prop_assert!((total - sign * weight).abs() <= SOLVER * size, "shares {shares:?} of weight {weight}");
    }
    minorant_meets_the_duals(case, &lowered, &outcome)
}

fn minorant_meets_the_duals<P: Problem>(
    case: &Case<P>,
    lowered: &icnn::lower::Linear,
    outcome: &LpOutcome,
) -> Result<(), TestCaseError> {
    let point = case.domain.clip(&lowered.decisions_of(&outcome.primal).unwrap());
    let trace = case.instance.forward(&point).unwrap();
    let start = Multipliers::subgradient(&case.instance, &trace);
    let multipliers = lowered.slopes(0, &case.instance, &outcome.row_dual, &outcome.column_dual, start);
    let minorant = Minorant::new(&case.instance, &lowered.bounds[0], &multipliers).unwrap();
    let rows = &outcome.row_dual[..case.domain.rows().len()];
    let size = magnitude(&case.instance, &point) + 1.0;
    // 1e3: where a side is infinite, slopes of the solver's tolerance count as zero.
    let bound = minorant.bound(&case.domain, rows, &point, 1e3 * size);
    let (value, objective) = (trace.value(), outcome.objective);
    prop_assert!((value - objective).abs() <= SOLVER * size, "value {value}, objective {objective}");
    prop_assert!((value - bound).abs() <= SOLVER * size, "value {value}, bound {bound} by {minorant:?}");
    Ok(())
}

/// For an empty domain: Σ yᵢ·(side of row i) + Σ dⱼ·(side of column j) > 0 with d = −Aᵀy, multiplied out here.
fn farkas_vectors_hold_when_multiplied_out<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let c: Vec<(usize, f64)> = (0..case.anchor.len()).map(|j| (j, 1.0 + j as f64 / 4.0)).collect();
    let most: f64 = c.iter().map(|(j, c)| c * case.domain.upper()[*j]).sum();
    let domain = case.domain.clone().with_row("beyond the box", &c, most + 0.5, f64::INFINITY).unwrap();
    let lp = linear(&case.instance, &domain).unwrap().lp;
    for algorithm in [Algorithm::Simplex, Algorithm::Ipm] {
        let outcome = solve(&lp, algorithm);
        prop_assert_eq!(outcome.status, Status::Infeasible, "{:?}: {}", algorithm, outcome.detail);
        // Any vector may prove it; the solver leaves noise of 1e-14 on rows that take no part.
        let mut y = outcome.farkas.clone().expect("a Farkas vector");
        let largest = y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        y.iter_mut().filter(|v| v.abs() <= 1e-10 * largest).for_each(|v| *v = 0.0);
        let (mut d, mut size) = (vec![0.0; lp.columns()], vec![0.0f64; lp.columns()]);
        for (a, (i, j)) in lp.matrix.iter() {
            d[j] -= a * y[i];
            size[j] += (a * y[i]).abs();
        }
        let side = |m: f64, lower: f64, upper: f64| if m > 0.0 { lower } else { upper };
        let rows = (0..lp.rows()).filter(|i| y[*i] != 0.0).map(|i| y[i] * side(y[i], lp.row_lower[i], lp.row_upper[i]));
        // What cancels up to rounding is zero, else an absent bound would make the sum −∞.
        let columns = (0..lp.columns()).filter(|j| d[*j].abs() > 1e-12 * size[*j]);
        let columns = columns.map(|j| d[j] * side(d[j], lp.column_lower[j], lp.column_upper[j]));
        let surplus = rows.chain(columns).sum::<f64>();
        prop_assert!(surplus >= 1e-6 * largest, "{algorithm:?}: surplus {surplus} from {y:?}\n{lp}");
    }
    Ok(())
}

/// microlp, a simplex method in Rust, through good_lp. None where it gives up: it cycles on some degenerate programs.
fn microlp(lp: &LinearProgram) -> Option<LpOutcome> {
    let limited = |problem: UnsolvedProblem| good_lp::microlp(problem).with_time_limit(0.2);
    let outcome = icnn_solvers::good_lp::solve(lp, limited).unwrap();
    let gave_up = outcome.status == Status::Failed && outcome.detail.contains("Time limit");
    (!gave_up).then_some(outcome)
}

fn three_solvers_agree<P: Problem>() {
    let (compared, skipped) = (Cell::new(0), Cell::new(0));
    networks::run::<P>(120, Sides::Finite, |case| {
        let lowered = linear(&case.instance, &case.domain).unwrap();
        let mut lp = lowered.lp.clone();
        let simplex = solve(&lp, Algorithm::Simplex);
        let size = 1.0 + magnitude(&case.instance, &lowered.decisions_of(&simplex.primal).unwrap());
        let ipm = solve(&lp, Algorithm::Ipm);
        for outcome in [&simplex, &ipm] {
            prop_assert_eq!(outcome.status, Status::Optimal, "{}", outcome.detail);
            prop_assert!(
                (outcome.objective - simplex.objective).abs() <= 1e-7 * size,
                "{outcome:?}\n{simplex:?}\n{lp}"
            );
        }
        // microlp calls some programs with free columns unbounded: give every column its interval.
        for e in &lowered.epigraphs {
            let on = lowered.bounds[0].of(e.node)[e.element];
            lp.column_lower[e.column] = lp.column_lower[e.column].max(on.lower - 1.0);
            lp.column_upper[e.column] = lp.column_upper[e.column].min(on.upper + 1.0);
        }
        match microlp(&lp) {
            None => skipped.set(skipped.get() + 1),
            Some(outcome) => {
                compared.set(compared.get() + 1);
                prop_assert_eq!(outcome.status, Status::Optimal, "{}\n{}", outcome.detail, lp);
                prop_assert!(lp.residuals(&outcome.primal) <= SOLVER * size);
                prop_assert!(
                    (outcome.objective - simplex.objective).abs() <= 1e-7 * size,
                    "{outcome:?}\n{simplex:?}\n{lp}"
                );
            }
        }
        Ok(())
    });
    println!("compared {}, skipped {}", compared.get(), skipped.get());
    assert!(compared.get() >= 4 * skipped.get(), "compared {}, skipped {}", compared.get(), skipped.get());
}

#[test]
fn three_solvers_agree_on_ficnn() {
    three_solvers_agree::<Ficnn>();
}

#[test]
fn three_solvers_agree_on_picnn() {
    three_solvers_agree::<Picnn>();
}

#[test]
fn three_solvers_agree_on_convolution() {
    three_solvers_agree::<ConvNet>();
}

#[test]
fn three_solvers_agree_on_units() {
    three_solvers_agree::<UnitNet>();
}

#[test]
fn three_solvers_agree_on_skips() {
    three_solvers_agree::<SkipNet>();
}
