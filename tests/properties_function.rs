//! Properties of random networks as functions: value, gradient, convexity and its proof, intervals, printed form.

#[macro_use]
#[path = "common/networks.rs"]
mod networks;

use std::cell::Cell;
use std::sync::Arc;

use icnn::check::{SearchEffort, Verdict, check, prove};
use icnn::ir::builder::Builder;
use icnn::ir::linear::LinearMap;
use icnn::ir::program::{NodeId, Program};
use icnn::ir::unit::Unit;
use networks::{Case, Ficnn, Problem, Sides, magnitude};
use proptest::prelude::*;

/// Relative to [`magnitude`]: no network here adds more than 100 numbers in a row or is deeper than ten operations, so both
/// ways of computing a value are within 100·10·ε of the true one.
const ROUNDING: f64 = 1e-12;

families! {
    the_value_is_the_reference: 250, Sides::Any;
    gradients_are_subgradients: 250, Sides::Any;
    chords_lie_above_and_the_proof_knows: 250, Sides::Any;
    intervals_hold_the_values: 150, Sides::Any;
    printed_programs_parse_back: 150, Sides::Any;
    fixed_coordinates_fold: 150, Sides::Any;
}

fn the_value_is_the_reference<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut points = case.points();
    for _ in 0..10 {
        let y = points.anywhere();
        let (found, expected) = (case.value(&y), case.reference(&y));
        let allowed = ROUNDING * magnitude(&case.instance, &y);
        prop_assert!((found - expected).abs() <= allowed, "f({y:?}) = {found}, by the reference {expected}");
    }
    Ok(())
}

/// At every point f(v) ≥ f(y) + gᵀ(v − y), and each gⱼ lies between the difference quotients on the left and on the right:
/// for a convex function that is so at kinks as well, and says g = ∇f where the two quotients agree.
fn gradients_are_subgradients<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut points = case.points();
    for _ in 0..5 {
        let y = points.anywhere();
        let trace = case.instance.forward(&y).unwrap();
        let g = case.instance.gradient(&trace);
        for _ in 0..5 {
            let v = points.anywhere();
            let line = trace.value() + g.iter().zip(v.iter().zip(&y)).map(|(g, (v, y))| g * (v - y)).sum::<f64>();
            let allowed = ROUNDING * (magnitude(&case.instance, &v) + 2.0 * magnitude(&case.instance, &y));
            prop_assert!(
                case.value(&v) >= line - allowed,
                "f({v:?}) = {} lies below the tangent at {y:?}: {line}",
                case.value(&v)
            );
        }
        for j in 0..y.len() {
            let step = 1.0 / 1024.0;
            let (mut left, mut right) = (y.clone(), y.clone());
            left[j] -= step;
            right[j] += step;
            let quotients = ((trace.value() - case.value(&left)) / step, (case.value(&right) - trace.value()) / step);
            let allowed =
                2.0 * ROUNDING / step * magnitude(&case.instance, &right).max(magnitude(&case.instance, &left));
            prop_assert!(
                quotients.0 - allowed <= g[j] && g[j] <= quotients.1 + allowed,
                "slope {} in y[{j}] at {y:?}, difference quotients {quotients:?}",
                g[j]
            );
        }
    }
    Ok(())
}

/// By how much f(θu + (1 − θ)v) exceeds its chord beyond rounding.
fn excess(f: &dyn Fn(&[f64]) -> f64, size: &dyn Fn(&[f64]) -> f64, u: &[f64], v: &[f64], theta: f64) -> f64 {
    let between: Vec<f64> = u.iter().zip(v).map(|(u, v)| theta * u + (1.0 - theta) * v).collect();
    f(&between) - theta * f(u) - (1.0 - theta) * f(v) - ROUNDING * (size(u) + size(v) + size(&between))
}

fn chords_lie_above_and_the_proof_knows<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut points = case.points();
    for _ in 0..10 {
        let (u, v) = (points.anywhere(), points.anywhere());
        let theta = points.unit();
        let over = excess(&|y| case.reference(y), &|y| magnitude(&case.instance, y), &u, &v, theta);
        prop_assert!(over <= 0.0, "f lies {over} above its chord between {u:?} and {v:?} at {theta}");
    }
    for (which, instance) in [("given", &case.instance), ("any context", &case.program.for_any_context())] {
        let (_, proof) = prove(instance, &case.domain);
        prop_assert!(proof.output().is_convex(), "{which}: {:?}", proof.failure());
    }
    Ok(())
}

fn intervals_hold_the_values<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let open = case.program.for_any_context();
    let bounds = [case.instance.bounds(case.domain.intervals()), open.bounds(case.domain.intervals())];
    let mut points = case.points();
    for _ in 0..10 {
        let y = points.anywhere();
        let trace = case.instance.forward(&y).unwrap();
        // Computed values are rounded; the intervals are about real numbers.
        let slack = ROUNDING * magnitude(&case.instance, &y);
        for k in 0..case.program.nodes().len() {
            let id = node(&case.program, k);
            for (i, value) in trace.of(id).iter().enumerate() {
                for on in bounds.iter().map(|b| b.of(id)[i]) {
                    let slack = slack.max(ROUNDING * value.abs());
                    prop_assert!(
                        on.lower - slack <= *value && *value <= on.upper + slack,
                        "{id} [{i}] = {value}, interval {on:?}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// The k-th node; ids come from the program itself.
fn node(program: &Program, k: usize) -> NodeId {
    let ids = program.nodes().iter().flat_map(|n| n.op.inputs()).chain([program.output()]);
    ids.into_iter().find(|id| id.index() == k).unwrap_or(program.output())
}

/// What `{:#}` prints is the same program; an x-path is printed for reading only, and refused.
fn printed_programs_parse_back<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let text = format!("{:#}", case.program);
    if case.program.context_len() > 0 {
        prop_assert!(text.parse::<Program>().is_err());
        return Ok(());
    }
    let parsed: Program = text.parse().map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
    prop_assert_eq!(format!("{parsed:#}"), text);
    let parsed = Arc::new(parsed).at(&[]).unwrap();
    let mut points = case.points();
    for _ in 0..5 {
        let y = points.anywhere();
        prop_assert_eq!(parsed.forward(&y).unwrap().value(), case.value(&y), "at {:?}", y);
    }
    Ok(())
}

/// Folding what the box fixes changes no value on the box.
fn fixed_coordinates_fold<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let fixed = case.domain.intervals().iter().any(|i| i.is_point());
    let folded = case.instance.fold_fixed(case.domain.intervals()).unwrap();
    prop_assert_eq!(fixed, folded.is_some());
    let Some(folded) = folded else { return Ok(()) };
    let text = format!("{:#}", folded.program());
    let parsed: Program = text.parse().map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
    let parsed = Arc::new(parsed).at(&[]).unwrap();
    prop_assert!(prove(&folded, &case.domain).1.output().is_convex());
    let mut points = case.points();
    for _ in 0..5 {
        let y = points.anywhere();
        let (found, expected) = (folded.forward(&y).unwrap().value(), case.value(&y));
        prop_assert!(
            (found - expected).abs() <= ROUNDING * magnitude(&case.instance, &y),
            "{found} for {expected} at {y:?}"
        );
        prop_assert_eq!(parsed.forward(&y).unwrap().value(), found);
    }
    Ok(())
}

/// One hidden weight of a FICNN turned negative: where a violated chord exists, nothing may be called proven, and wherever
/// something is called refuted, the witness is one.
#[test]
fn mutated_networks_are_never_proven_wrongly() {
    let (violated, refuted, proven) = (Cell::new(0), Cell::new(0), Cell::new(0));
    networks::run::<Ficnn>(300, Sides::Finite, |case| {
        let mut mutant = case.problem.clone();
        let mut points = case.points();
        let hidden = mutant.layers.len() - 1;
        if hidden == 0 {
            return Ok(());
        }
        let wz = mutant.layers[1 + points.random() as usize % hidden].wz.as_mut().expect("a hidden layer");
        let k = points.random() as usize % wz.len();
        wz[k] = -wz[k] - 0.5;
        let instance = Arc::new(mutant.compiled()).at(&[]).unwrap();
        let (f, size) = (|y: &[f64]| mutant.reference(&[], y), |y: &[f64]| magnitude(&instance, y));
        let worst = (0..200).map(|_| {
            let (u, v) = (points.anywhere(), points.anywhere());
            excess(&f, &size, &u, &v, points.unit())
        });
        let worst = worst.fold(f64::NEG_INFINITY, f64::max);
        let found = check(&instance, &[(vec![], instance.clone())], &case.domain, SearchEffort::default()).unwrap();
        if worst > 0.0 {
            violated.set(violated.get() + 1);
            prop_assert!(found.verdict != Verdict::Proven, "proven, and {worst} above a chord\n{:?}", found.reason);
        }
        if let Some(w) = &found.witness {
            refuted.set(refuted.get() + 1);
            let over = excess(&f, &|_| 0.0, &w.u, &w.v, w.theta);
            prop_assert!(over > 0.0, "no witness: {over}");
        }
        proven.set(proven.get() + usize::from(found.verdict == Verdict::Proven));
        Ok(())
    });
    let counts = (violated.get(), refuted.get(), proven.get());
    println!("violated, refuted, proven: {counts:?}");
    // The property is about violated chords, and about mutants that are convex on a box where the unit is decided.
    assert!(counts.0 >= 50 && counts.1 >= counts.0 && counts.2 >= 10, "{counts:?}");
}

proptest! {
    /// The curvature of a matrix times entries does not depend on how the matrix is stored.
    #[test]
    fn signs_of_rows_decide_curvature(weights in proptest::collection::vec(-1i8..=1, 12), relu: bool, flipped: bool) {
        let curvatures = |transposed: bool| {
            let (rows, columns) = (4, 3);
            let at = |k: usize| if transposed { k % rows * columns + k / rows } else { k };
            let stored: Vec<f64> = (0..12).map(|k| f64::from(weights[at(k)])).collect();
            let mut b = Builder::new("y", &[3]);
            let mut from = b.decision();
            if relu {
                from = b.unit(from, Unit::Relu).expect("fits");
            }
            if flipped {
                from = b.scale_by(from, -1.0).expect("fits");
            }
            let weight = b.constant("w", stored);
            let all = b.linear(from, LinearMap::Dense { weight, rows, columns, repeat: 1, transposed }).expect("fits");
            let ones = b.constant("ones", vec![1.0; rows]);
            let output = b.dense(all, ones, 1).expect("fits");
            let instance = Arc::new(b.finish(output).expect("finishes")).at(&[]).expect("no context");
            let (_, proof) = prove(&instance, &icnn::Domain::cube(3, -1.0, 1.0).expect("a box"));
            (proof.of(all).to_vec(), proof.output())
        };
        prop_assert_eq!(curvatures(false), curvatures(true));
    }
}
