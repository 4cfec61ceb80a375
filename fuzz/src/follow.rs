//! What a command does after loading, without a solver: prove, evaluate, lower, write. What is claimed on the way is held
//! against what is evaluated: intervals hold values, and what is proven convex lies below its chords.

use std::sync::Arc;

use icnn::Domain;
use icnn::build::{Choice, build};
use icnn::certificate::minorant::Minorant;
use icnn::certificate::multipliers::Multipliers;
use icnn::check::prove;
use icnn::ir::convexity::Proof;
use icnn::ir::instance::Instance;
use icnn::ir::interval::Interval;
use icnn::ir::program::Program;
use icnn::load::graph::Graph;
use icnn::load::{onnx, program_json};
use icnn::lower::oracle::NetworkOracle;
use icnn::lower::region::region;

use crate::targets::programs;

/// Larger programs are built but not followed further, so that runs stay short.
const LARGEST: usize = 1 << 10;

/// Longer programs are not written as ONNX.
const WRITTEN: usize = 40;

/// A graph from a model file.
pub fn graph(graph: Graph) -> bool {
    let programs = programs(graph);
    let any = !programs.is_empty();
    programs.into_iter().for_each(program);
    any
}

/// A program, at a context and for all of them.
pub fn program(program: Program) {
    let nodes: usize = program.nodes().iter().map(|n| n.len).sum();
    let stored: usize = program.params().iter().map(|p| p.len).sum();
    if nodes.saturating_add(stored).saturating_add(program.context_len()) > LARGEST {
        return;
    }
    let program = Arc::new(program);
    let Ok(domain) = Domain::cube(program.decisions(), -1.0, 1.0) else { return };
    let open = program.for_any_context();
    let (bounds, proof) = prove(&open, &domain);
    let _ = open.program().listing(&bounds, &proof, true);
    if let Ok(given) = program.at(&vec![0.5; program.context_len()]) {
        over(&given, &domain);
    }
    // What is proven for all contexts holds at any.
    if program.context_len() > 0
        && let Ok(given) = program.at(&vec![-1.0; program.context_len()])
    {
        below_chords(&given, &proof, &domain);
    }
}

/// A program that was read: written and read again it is the same text.
pub fn written_and_read(program: &Program) {
    let text = program_json::write(program).expect("what was read can be written");
    let again = program_json::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(program_json::write(&again).expect("and written again"), text);
}

/// A convex f as an ONNX file: what is written can be read, and has the same values.
fn stored_and_loaded(f: &Instance, points: &[Vec<f64>]) {
    let Ok(bytes) = icnn::store::onnx::write(f.program()) else { return };
    let graph = onnx::parse(&bytes, None).expect("what was written can be read");
    // It may make more of fewer numbers than a file may: that is no fault of what was written.
    let Ok(again) = build(graph, &Choice::default()) else { return };
    let Ok(again) = Arc::new(again).at(&vec![0.5; f.program().context_len()]) else { return };
    for y in points {
        let (Ok(one), Ok(other)) = (f.forward(y), again.forward(y)) else { continue };
        let size = f.magnitude(&one, &y.iter().map(|v| v.abs()).collect::<Vec<_>>());
        let apart = (one.value() - other.value()).abs();
        assert!(!size.is_finite() || apart <= 1e-9 * size, "{} became {}", one.value(), other.value());
    }
}

/// f over a set.
pub fn over(f: &Instance, domain: &Domain) {
    let (bounds, proof) = prove(f, domain);
    let points = points(domain);
    for y in &points {
        let Ok(trace) = f.forward(y) else { continue };
        let at_point = f.bounds(&y.iter().map(|v| Interval::point(*v)).collect::<Vec<_>>()).output();
        let value = trace.value();
        let slack = 1e-12 * f.magnitude(&trace, &y.iter().map(|v| v.abs()).collect::<Vec<_>>());
        // A value that overflows on the way says nothing.
        if slack.is_finite() {
            let (low, high) = (at_point.lower - slack, at_point.upper + slack);
            assert!(low <= value && value <= high, "f = {value} at {y:?}, which is enclosed by {at_point:?}");
            let all = bounds.output();
            assert!(all.lower - slack <= value && value <= all.upper + slack, "f = {value} at {y:?}, bounds {all:?}");
        }
        let gradient = f.gradient(&trace);
        assert_eq!(gradient.len(), f.decisions());
        if proof.output().is_convex()
            && let Some(minorant) = Minorant::new(f, &bounds, &Multipliers::subgradient(f, &trace))
        {
            let _ = minorant.bound(domain, &vec![0.0; domain.rows().len()], y, slack);
        }
        let _ = domain.violation(y);
    }
    below_chords(f, &proof, domain);
    let mut oracle = NetworkOracle::new(f, &bounds);
    let (mut values, mut gradients) = (vec![0.0; points.len()], vec![0.0; points.len() * f.decisions()]);
    let _ = oracle.values_and_gradients(&points.concat(), &mut values, &mut gradients);
    let _ = region(domain, "fuzz");
    if let Ok(lowered) = icnn::lower::linear(f, domain) {
        let _ = lowered.named_lp();
    }
    // What is not convex may jump, and a jump follow from the last digit.
    if f.program().nodes().len() <= WRITTEN && proof.output().is_convex() {
        stored_and_loaded(f, &points);
    }
    let _ = domain.clone().folded();
}

/// Points that the intervals of the set hold: what is proven is so for those.
fn points(domain: &Domain) -> Vec<Vec<f64>> {
    let p = domain.dimension();
    let raw = [vec![0.0; p], (0..p).map(|j| 0.75 - (j % 5) as f64 / 2.0).collect(), vec![-1.0; p]];
    let inside = |y: &Vec<f64>| domain.intervals().iter().zip(y).all(|(i, v)| i.contains(*v));
    raw.iter().map(|y| domain.clip(y)).filter(inside).collect()
}

/// What is proven convex has no chord below it, by enclosures of all three values.
fn below_chords(f: &Instance, proof: &Proof, domain: &Domain) {
    if !proof.output().is_convex() {
        return;
    }
    let points = points(domain);
    let value = |y: &[f64]| f.bounds(&y.iter().map(|v| Interval::point(*v)).collect::<Vec<_>>()).output();
    for (u, v) in points.iter().enumerate().flat_map(|(k, u)| points[..k].iter().map(move |v| (u, v))) {
        let sums: Vec<f64> = u.iter().zip(v).map(|(a, b)| a + b).collect();
        let exact = u.iter().zip(v).zip(&sums).all(|((a, b), s)| s - a == *b && s - b == *a && s.is_finite());
        let middle: Vec<f64> = sums.iter().map(|s| s / 2.0).collect();
        if !exact || f.forward(u).is_err() || f.forward(v).is_err() || f.forward(&middle).is_err() {
            continue;
        }
        let chord = value(u).upper / 2.0 + value(v).upper / 2.0;
        let lowest = value(&middle).lower;
        let slack = 4.0 * f64::EPSILON * (chord.abs() + f64::MIN_POSITIVE);
        assert!(
            lowest <= chord + slack,
            "proven convex, but f ≥ {lowest} between {u:?} and {v:?}, whose chord is {chord}"
        );
    }
}
