//! Lower bounds from slopes of smooth units: true whatever the slopes are, and tight for those at the point.

#[path = "common/networks.rs"]
mod networks;

use std::sync::Arc;

use icnn::certificate::{Minorant, Multipliers};
use icnn::ir::builder::Builder;
use icnn::ir::interval::Interval;
use icnn::ir::lines::Lines;
use icnn::ir::program::{Op, Program};
use icnn::ir::unit::{Term, Unit};
use networks::{Case, Points, Problem, Sides, SmoothNet};
use proptest::prelude::*;

/// f is computed twice and the minorant once, each with rounding errors of some dozens of operations on numbers of this size.
fn size<P: Problem>(case: &Case<P>, y: &[f64]) -> f64 {
    let trace = case.instance.forward(y).unwrap();
    let sizes: Vec<f64> = y.iter().map(|v| v.abs()).collect();
    case.instance.magnitude(&trace, &sizes).max(1.0)
}

#[test]
fn the_program_is_the_function() {
    networks::run::<SmoothNet>(200, Sides::Finite, |case| {
        let mut points = case.points();
        for _ in 0..10 {
            let y = points.anywhere();
            let (f, naive) = (case.value(&y), case.reference(&y));
            prop_assert!((f - naive).abs() <= 1e-12 * size(case, &y), "{f} and {naive} at {y:?}");
        }
        let (_, proof) = icnn::check::prove(&case.instance, &case.domain);
        prop_assert!(proof.by_composition().is_convex());
        Ok(())
    });
}

#[test]
fn slopes_at_a_point_give_a_tangent_there() {
    networks::run::<SmoothNet>(200, Sides::Finite, |case| {
        let bounds = case.instance.bounds(case.domain.intervals());
        let mut points = case.points();
        for _ in 0..5 {
            let y = points.anywhere();
            let trace = case.instance.forward(&y).unwrap();
            if size(case, &y) > 1e60 {
                continue; // Slopes are cut off at 1e100.
            }
            let chosen = Multipliers::subgradient(&case.instance, &trace);
            let minorant = Minorant::new(&case.instance, &bounds, &chosen);
            prop_assert!(minorant.is_some(), "no minorant at {y:?}");
            let minorant = minorant.unwrap();
            let (found, f) = (minorant.at(&y), trace.value());
            let scale = size(case, &y) + minorant.size(&y);
            prop_assert!((found - f).abs() <= 1e-12 * scale, "{found} is not f({y:?}) = {f}");
            for _ in 0..20 {
                let v = points.anywhere();
                let scale = size(case, &v) + minorant.size(&v);
                prop_assert!(minorant.at(&v) <= case.value(&v) + 1e-12 * scale, "above f at {v:?}");
            }
        }
        Ok(())
    });
}

/// Whatever numbers a solver delivers as multipliers, what is made of them bounds f from below.
#[test]
fn any_multipliers_give_a_bound() {
    networks::run::<SmoothNet>(300, Sides::Any, |case| {
        let instance = &case.instance;
        let bounds = instance.bounds(case.domain.intervals());
        let mut points = case.points();
        let garbage = |points: &mut Points| match points.random() % 10 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => 1e300,
            4 => 1e-12,
            _ => 3.0 * points.unit() - 1.0,
        };
        let mut made = 0;
        for _ in 0..5 {
            let y = points.near(&case.anchor, 1.0);
            let Ok(trace) = instance.forward(&y) else { continue };
            let mut chosen = Multipliers::subgradient(instance, &trace);
            for node in instance.program().nodes() {
                for id in node.op.inputs() {
                    let node = instance.program().node(id);
                    match &node.op {
                        Op::Unit { .. } => (0..node.len).for_each(|i| chosen.set_slope(id, i, garbage(&mut points))),
                        Op::Group { groups, .. } => {
                            let weights: Vec<f64> = groups.members().iter().map(|_| garbage(&mut points)).collect();
                            chosen.set_weights(id, 0, &weights);
                        }
                        _ => {}
                    }
                }
            }
            // Lines whose numbers leave f64 are no minorant; sums of huge numbers say nothing here.
            let Some(minorant) = Minorant::new(instance, &bounds, &chosen) else { continue };
            made += 1;
            for _ in 0..20 {
                let v = points.anywhere();
                let Ok(trace) = instance.forward(&v) else { continue };
                let scale = size(case, &v) + minorant.size(&v);
                let f = trace.value();
                prop_assert!(minorant.at(&v) <= f + 1e-11 * scale, "{minorant:?} above f({v:?}) = {f}, {chosen:?}");
            }
        }
        prop_assert!(made > 0, "no minorant at all");
        Ok(())
    });
}

/// Each unit alone, on intervals of every kind: the line of any slope lies below (above, where the unit is concave), and the
/// line of the slope at a point touches there.
#[test]
fn lines_of_single_units() {
    let inf = f64::INFINITY;
    type Intervals<'a> = &'a [(f64, f64)];
    let cases: &[(&str, f64, Intervals<'_>)] = &[
        ("softplus n0 3", 1.0, &[(-inf, inf), (-2.0, 3.0), (5.0, inf), (-inf, -4.0), (-60.0, 60.0)]),
        ("elu n0 0.7", 1.0, &[(-inf, inf), (-2.0, 3.0), (0.5, inf), (-inf, -0.5), (-3.0, 0.0)]),
        ("elu n0 2.5", 1.0, &[(-3.0, 0.0), (-inf, -1.0), (0.0, 4.0)]),
        ("elu n0 -2.5", -1.0, &[(-3.0, 0.0), (-inf, -1.0)]),
        ("celu n0 2.5", 1.0, &[(-inf, inf), (-9.0, 3.0), (-inf, -0.5)]),
        ("exp n0", 1.0, &[(-inf, inf), (-2.0, 3.0), (2.0, inf)]),
        ("log n0", -1.0, &[(0.25, inf), (0.5, 3.0), (2.0, 80.0)]),
        ("entropy n0", 1.0, &[(0.0, 1.0), (0.0, inf), (0.5, 3.0)]),
        ("power n0 2", 1.0, &[(-inf, inf), (-2.0, 3.0), (1.0, 2.0)]),
        ("power n0 4", 1.0, &[(-inf, inf), (-2.0, 3.0), (-3.0, -2.0)]),
        ("power n0 3", 1.0, &[(0.0, inf), (1.0, 3.0)]),
        ("power n0 3", -1.0, &[(-3.0, 0.0), (-4.0, -1.0)]),
        ("power n0 1.5", 1.0, &[(0.0, inf), (1.0, 3.0)]),
        ("power n0 0.5", -1.0, &[(0.25, inf), (1.0, 3.0)]),
        ("power n0 -1", 1.0, &[(0.25, inf), (1.0, 3.0)]),
        ("power n0 -2", 1.0, &[(0.25, inf), (-3.0, -0.5)]),
        ("power n0 -3", -1.0, &[(-3.0, -0.5)]),
        ("sigmoid n0", 1.0, &[(-5.0, 0.0), (-inf, -1.0)]),
        ("tanh n0", -1.0, &[(0.0, 5.0), (0.5, inf)]),
        // softplus(2t) + e^{−t}/2 + 3·max(t − 1, 0), as one function of t
        ("combination", 1.0, &[(-2.0, 3.0), (-4.0, 0.5), (-inf, 2.0)]),
    ];
    for (unit, weight, intervals) in cases {
        let program = match *unit {
            "combination" => combination(),
            unit => format!("y 1\nn1 = {unit}\nn2 = scale n1 [{}]\noutput n2", 0.75 * weight).parse().unwrap(),
        };
        let f = Arc::new(program).at(&[]).unwrap();
        let id = f.program().nodes()[2].op.inputs()[0];
        for (low, high) in *intervals {
            let bounds = f.bounds(&[Interval::new(*low, *high)]);
            let (l, u) = (low.max(-30.0), high.min(30.0));
            let at = |share: f64| l + share * (u - l);
            let slopes = [-1e9, -5.0, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.01, 0.2, 0.5, 0.9, 1.0, 1.7, 4.0, 1e9];
            for k in 0..=40 {
                let t = at(f64::from(k) / 40.0);
                let trace = f.forward(&[t]).unwrap();
                let here = Multipliers::subgradient(&f, &trace);
                let line =
                    Minorant::new(&f, &bounds, &here).unwrap_or_else(|| panic!("{unit} on [{low}, {high}] at {t}"));
                let rounding = 1e-13 * (line.size(&[t]) + trace.value().abs() + 1.0);
                if here.of(id)[0].is_finite() {
                    assert!(
                        (line.at(&[t]) - trace.value()).abs() <= rounding,
                        "{unit} on [{low}, {high}] at {t}: {line:?}"
                    );
                }
                for s in slopes {
                    let mut chosen = here.clone();
                    chosen.set_slope(id, 0, s);
                    let line =
                        Minorant::new(&f, &bounds, &chosen).unwrap_or_else(|| panic!("{unit}: no line of slope {s}"));
                    let rounding = 1e-13 * (line.size(&[t]) + trace.value().abs() + 1.0);
                    assert!(
                        line.at(&[t]) <= trace.value() + rounding,
                        "{unit} on [{low}, {high}]: slope {s} gives {line:?} above {} at {t}",
                        trace.value()
                    );
                }
            }
        }
    }
}

fn combination() -> Program {
    let mut b = Builder::new("y", &[1]);
    let weights = [1.0, 0.5, 3.0].map(|w| b.constant("", vec![w]));
    let hinge = Lines::clip(1.0, f64::INFINITY);
    let units =
        [(2.0, Unit::Softplus { beta: 1.0, switch: None }), (-1.0, Unit::Exp), (1.0, Unit::Lines(Arc::new(hinge)))];
    let terms = weights.into_iter().zip(units).map(|(weight, (inner, unit))| Term { weight, inner, unit });
    let y = b.decision();
    let sum = b.unit(y, Unit::Combination(terms.collect())).unwrap();
    let one = b.constant("", vec![0.75]);
    let output = b.scale(sum, one).unwrap();
    b.finish(output).unwrap()
}

/// y² + sin y is convex by bounds on its Hessian only: units have no slopes of their own, but f lies above its tangents.
#[test]
fn a_network_proven_by_its_hessian_lies_above_its_tangents() {
    let text = "y 2\nn1 = power n0 2\nn2 = sin n0\nn3 = sum n1 n2\nn4 = dense n3 [[1, 2]]\noutput n4";
    let f = Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap();
    let domain = icnn::Domain::cube(2, -3.0, 3.0).unwrap();
    let (bounds, proof) = icnn::check::prove(&f, &domain);
    assert!(proof.output().is_convex() && !proof.by_composition().is_convex());
    let grid = || (0..=12).flat_map(|i| (0..=12).map(move |j| [f64::from(i) / 2.0 - 3.0, f64::from(j) / 2.0 - 3.0]));
    for y in grid() {
        let trace = f.forward(&y).unwrap();
        assert!(Minorant::new(&f, &bounds, &Multipliers::subgradient(&f, &trace)).is_none());
        let tangent = Minorant::tangent(&f, &trace).unwrap();
        assert!((tangent.at(&y) - trace.value()).abs() < 1e-12);
        for v in grid() {
            assert!(tangent.at(&v) <= f.forward(&v).unwrap().value() + 1e-12, "{tangent:?} at {v:?}");
        }
    }
}
