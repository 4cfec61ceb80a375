//! The test oracle: what its strategies make is convex, known minimisers are minimisers, the judge is right.
#![cfg(all(feature = "testing", feature = "highs"))]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dashu_ratio::RBig;
use icnn::check::{prove, require_convex};
use icnn::ir::instance::Instance;
use icnn::ir::linear::LinearMap;
use icnn::ir::lines::Line;
use icnn::ir::program::{NodeId, Op, ParamSource, Program};
use icnn::ir::scalar::Scalar;
use icnn::ir::unit::Unit;
use icnn::testing::{
    FAMILIES, Family, Features, Known, Minimum, Numbers, Problem, Ranges, Sizes, assert_argmin, known_minimisers,
    networks, suboptimality,
};
use icnn::{Domain, Limits, Method};
use proptest::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn proven(f: &Instance, domain: &Domain) -> bool {
    let (_, proof) = prove(f, domain);
    require_convex(f, &proof).is_ok()
}

/// Features for every kind of minimum that a family can have.
fn kinds(family: Family) -> Vec<Features> {
    let alone = Features::default();
    let mut all = vec![
        alone.clone(),
        Features { faces: 2, ..alone.clone() },
        Features { flat: 2, ..alone.clone() },
        Features { condition: 12, ..alone.clone() },
    ];
    if family.is_piecewise_linear() {
        all.push(Features { degenerate: 3, ..alone });
    }
    all
}

/// f(y) in rational numbers, of piecewise-linear and quadratic networks.
fn exactly(f: &Instance, y: &[RBig]) -> RBig {
    let number = |v: f64| RBig::try_from(v).expect("a finite number");
    let mut values: Vec<Vec<RBig>> = vec![];
    for node in f.program().nodes() {
        let v = |id: &NodeId| &values[id.index()];
        let out = match &node.op {
            Op::Decision => y.to_vec(),
            Op::Param(p) => f.known(*p).expect("given").iter().map(|v| number(*v)).collect(),
            Op::Linear { input, map } => {
                let mut out = vec![RBig::ZERO; node.len];
                let weights = if matches!(map, LinearMap::Gather { .. }) { None } else { f.weights(map) };
                map.visit(weights, |i, j, w| {
                    if w != 0.0 {
                        out[i] += number(w) * &v(input)[j];
                    }
                });
                out
            }
            Op::Scale { input, by } => {
                let of = |(i, t): (usize, &RBig)| number(f.entry(*by, i).expect("given")) * t;
                v(input).iter().enumerate().map(of).collect()
            }
            Op::Sum(inputs) => (0..node.len).map(|i| inputs.iter().fold(RBig::ZERO, |s, id| s + &v(id)[i])).collect(),
            Op::Concat(inputs) => inputs.iter().flat_map(|id| v(id).clone()).collect(),
            Op::Group { input, groups, .. } => {
                let largest = |g: usize| groups.group(g).iter().map(|i| v(input)[*i].clone()).max().expect("a member");
                (0..node.len).map(largest).collect()
            }
            Op::Unit { input, unit } => {
                let of = |(i, t): (usize, &RBig)| match f.scalar(unit, i) {
                    // A convex function is the largest of its lines.
                    Scalar::Lines(lines) => {
                        let line = |l: &Line| number(l.slope) * t + number(l.intercept);
                        lines.pieces().iter().map(line).max().expect("a piece")
                    }
                    Scalar::Smooth(Unit::Power(2.0)) => t * t,
                    other => panic!("{other:?}"),
                };
                v(input).iter().enumerate().map(of).collect()
            }
            other => panic!("{other:?}"),
        };
        values.push(out);
    }
    values.pop().expect("an output").swap_remove(0)
}

fn rational(y: &[f64]) -> Vec<RBig> {
    y.iter().map(|v| RBig::try_from(*v).expect("a finite number")).collect()
}

/// Whether values are rational numbers.
fn is_rational(family: Family) -> bool {
    family.is_piecewise_linear() || family == Family::Quadratic
}

/// In exact arithmetic: f(y0) is the stored value, and no neighbour of y0 in the box is better, in any of `directions`.
fn is_a_minimum(known: &Known, directions: &[Vec<f64>]) {
    let (f, domain) = (&known.problem.instance, &known.problem.domain);
    let at = exactly(f, &rational(&known.y));
    assert_eq!(at, RBig::try_from(known.value[0]).unwrap());
    assert_eq!(known.value[0], known.value[1]);
    for direction in directions {
        // So short a step meets no other kink, unless one is as near.
        let moved: Vec<f64> = known.y.iter().zip(direction).map(|(y, d)| y + d / 2f64.powi(44)).collect();
        let moved = domain.clip(&moved);
        assert!(exactly(f, &rational(&moved)) >= at, "{known:?}\n{direction:?}");
    }
}

/// Along each axis, both ways, and a few others.
fn directions(p: usize) -> Vec<Vec<f64>> {
    let axis = |j: usize, s: f64| (0..p).map(|k| if k == j { s } else { 0.0 }).collect::<Vec<f64>>();
    let other = |k: usize| (0..p).map(|j| [1.0, -2.0, 0.5, -1.0, 3.0][(j * (k + 1) + k) % 5]).collect();
    (0..p).flat_map(|j| [axis(j, 1.0), axis(j, -1.0)]).chain((0..5).map(other)).collect()
}

#[test]
fn every_network_is_proven_convex() {
    for (name, family) in FAMILIES {
        let convex = |p: Problem| {
            prop_assert!(proven(&p.instance, &p.domain));
            prop_assert!(proven(&p.network.program().for_any_context(), &p.domain), "for every context");
            Ok(())
        };
        runner(200).run(&networks(*family, &Ranges::default()), convex).unwrap_or_else(|e| panic!("{name}: {e}"));
        for features in kinds(*family) {
            let convex = |k: Known| {
                prop_assert!(proven(&k.problem.instance, &k.problem.domain));
                Ok(())
            };
            let known = known_minimisers(*family, &Ranges::default(), &features);
            runner(50).run(&known, convex).unwrap_or_else(|e| panic!("{name} {features:?}: {e}"));
        }
    }
}

#[test]
fn shrinking_keeps_convexity_and_makes_networks_small_and_simple() {
    for (name, family) in FAMILIES {
        let mut runner = runner(1);
        let strategy = networks(*family, &Ranges { decisions: 1..=5, layers: 1..=3, ..Ranges::default() });
        for _ in 0..10 {
            let mut tree = strategy.new_tree(&mut runner).unwrap();
            let mut steps = 0;
            // A test that always fails.
            loop {
                let now = tree.current();
                assert!(proven(&now.instance, &now.domain), "{name} after {steps} steps: {now:?}");
                if !tree.simplify() {
                    break;
                }
                steps += 1;
            }
            let least = tree.current();
            let units = least.network.program().nodes().iter().filter(|n| matches!(n.op, Op::Unit { .. })).count();
            assert_eq!((least.decisions(), steps > 0), (1, true), "{name}");
            assert!(units <= 3, "{name}: {least:?}");
            let weights = least.network.program().params().iter().filter_map(|p| match &p.source {
                ParamSource::Constant(v) => Some(v.clone()),
                ParamSource::Context { .. } => None,
            });
            let simple = |v: f64| [0.0, 0.25, 0.5, 1.0].contains(&v);
            assert!(weights.flat_map(|v| v.to_vec()).all(simple), "{name}: {least:?}");
        }
    }
}

#[test]
fn a_failing_case_shrinks_to_a_convex_one_that_fails() {
    let fails = |p: &Problem| p.instance.forward(p.domain.upper()).unwrap().value() > 3.0;
    let last = Cell::new(None);
    let ran = runner(1000).run(&networks(Family::Skips, &Ranges::default()), |p| {
        let failed = fails(&p);
        last.set(Some((proven(&p.instance, &p.domain), p.decisions())));
        if failed { Err(TestCaseError::fail("too large")) } else { Ok(()) }
    });
    let Err(TestError::Fail(_, least)) = ran else { panic!("{ran:?}") };
    assert!(fails(&least) && proven(&least.instance, &least.domain) && least.decisions() <= 2, "{least:?}");
    assert!(last.take().is_some_and(|(convex, _)| convex));
}

#[test]
fn known_minimisers_are_minimisers_in_exact_arithmetic() {
    for (name, family) in FAMILIES.iter().filter(|f| is_rational(f.1)) {
        for features in kinds(*family) {
            let exact = |k: Known| {
                is_a_minimum(&k, &directions(k.y.len()));
                Ok(())
            };
            let known = known_minimisers(*family, &Ranges::default(), &features);
            runner(20).run(&known, exact).unwrap_or_else(|e| panic!("{name} {features:?}: {e}"));
        }
    }
    // As large as tests of solvers have them.
    for (seed, family) in
        [Family::Ficnn, Family::Picnn, Family::Max, Family::Skips, Family::Convolution].iter().enumerate()
    {
        let context = if *family == Family::Picnn { 5 } else { 0 };
        let sizes = Sizes { decisions: 30, context, hidden: vec![64, 64] };
        let known = Known::new(*family, &sizes, &Features::default(), &Numbers::Seeded(seed as u64)).unwrap();
        is_a_minimum(&known, &directions(30)[..12]);
    }
}

#[test]
fn the_set_of_minimisers_has_the_dimension_that_was_asked_for() {
    for (name, family) in FAMILIES.iter().filter(|f| is_rational(f.1)) {
        let context = usize::from(*family == Family::Picnn);
        let sizes = Sizes { decisions: 6, context, hidden: vec![8, 4] };
        for (flat, seed) in [(0, 1), (2, 2), (3, 3)] {
            let known = Known::new(*family, &sizes, &Features { flat, ..Features::default() }, &Numbers::Seeded(seed));
            let known = known.unwrap();
            let f = &known.problem.instance;
            let at = exactly(f, &rational(&known.y));
            let moved = |direction: &[f64]| {
                let y: Vec<f64> = known.y.iter().zip(direction).map(|(y, d)| y + d / 1024.0).collect();
                exactly(f, &rational(&y))
            };
            // Coordinate 6 − flat + k repeats coordinate k up to sign.
            let mut flats = 0;
            for k in 0..flat {
                let along = |sign: f64| {
                    let mut d = vec![0.0; 6];
                    (d[k], d[6 - flat + k]) = (1.0, sign);
                    moved(&d)
                };
                let (one, other) = (along(1.0), along(-1.0));
                assert!(one == at || other == at, "{name}: {known:?}");
                flats += usize::from(one == at) + usize::from(other == at);
            }
            assert_eq!(flats, flat, "{name}");
            for direction in directions(6).iter().take(2 * (6 - flat)) {
                assert!(moved(direction) > at, "{name}: {direction:?} {known:?}");
            }
        }
    }
}

#[test]
fn features_are_what_was_asked_for() {
    for (name, family) in FAMILIES {
        let context = if *family == Family::Picnn { 2 } else { 0 };
        let sizes = Sizes { decisions: 5, context, hidden: vec![12, 6] };
        let make = |features: &Features| Known::new(*family, &sizes, features, &Numbers::Seeded(9)).unwrap();
        let plain = make(&Features::default());
        let faces = make(&Features { faces: 3, ..Features::default() });
        let on_boundary = |k: &Known| {
            let domain = &k.problem.domain;
            (0..5).filter(|j| k.y[*j] == domain.lower()[*j] || k.y[*j] == domain.upper()[*j]).count()
        };
        assert_eq!((on_boundary(&plain), on_boundary(&faces)), (0, 3), "{name}");
        if family.is_piecewise_linear() {
            let degenerate = make(&Features { degenerate: 4, ..Features::default() });
            assert!(plain.kinks >= 5 && degenerate.kinks >= 9, "{name}: {} {}", plain.kinks, degenerate.kinks);
        } else {
            assert_eq!(plain.kinks, 0, "{name}");
        }
    }
    let message = |family: Family, sizes: Sizes, features: Features| {
        Known::new(family, &sizes, &features, &Numbers::Seeded(0)).unwrap_err().to_string()
    };
    let small = || Sizes::new(3, &[4]);
    for (text, parts) in [
        (message(Family::Elu, small(), Features { degenerate: 1, ..Features::default() }), ["1 degenerate", "elu"]),
        (message(Family::Max, small(), Features { faces: 4, ..Features::default() }), ["4 faces", "3 decisions"]),
        (message(Family::Max, small(), Features { flat: 3, ..Features::default() }), ["dimension 3", "3 decisions"]),
        (
            message(Family::Max, small(), Features { flat: 1, faces: 1, ..Features::default() }),
            ["1 faces", "dimension 1"],
        ),
        (message(Family::Max, Sizes::new(0, &[4]), Features::default()), ["decisions: 0", "1 to 4096"]),
        (message(Family::Max, Sizes::new(3, &[]), Features::default()), ["layers: 0", "1 to 8"]),
        (message(Family::Picnn, small(), Features::default()), ["context: 0", "1 to 4096"]),
        (message(Family::Max, Sizes { context: 2, ..small() }, Features::default()), ["context of 2", "max"]),
    ] {
        assert!(parts.iter().all(|p| text.contains(p)), "{text}");
    }
}

#[test]
fn known_minima_agree_with_the_solvers() {
    for (name, family) in FAMILIES {
        let method = if family.is_piecewise_linear() { Method::Lp } else { Method::Conic };
        for features in kinds(*family) {
            let agree = |k: Known| {
                let found = k.problem.instance.minimize(&k.problem.domain, method)?;
                let (value, bound) = (found.value.unwrap(), found.lower_bound.unwrap());
                let scale = 1.0f64.max(value.abs());
                prop_assert!(value >= k.value[0] - 1e-12 * scale, "{value} is below the minimum {:?}", k.value);
                prop_assert!(value - k.value[1] <= 1e-6 * scale, "{value} is above the minimum {:?}", k.value);
                prop_assert!(bound <= k.value[1] + 1e-12 * scale, "the bound {bound} is above {:?}", k.value);
                Ok(())
            };
            let known = known_minimisers(*family, &Ranges::default(), &features);
            runner(20).run(&known, agree).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn suboptimality_holds_the_true_one() {
    for (name, family) in FAMILIES {
        let right = |k: Known| {
            let (f, domain) = (&k.problem.instance, &k.problem.domain);
            let minimum = Minimum::of(f, domain, &Limits::default())?;
            let [lower, upper] = minimum.suboptimality(&k.y)?;
            prop_assert!(lower <= 0.0 && (0.0..1e-6).contains(&upper), "at the minimiser: {lower} {upper}");
            for direction in directions(k.y.len()) {
                let moved: Vec<f64> = k.y.iter().zip(&direction).map(|(y, d)| y + d / 8.0).collect();
                let moved = domain.clip(&moved);
                let [lower, upper] = minimum.suboptimality(&moved)?;
                prop_assert!(moved == k.y || lower > 0.0, "{lower} at {moved:?}");
                if is_rational(*family) {
                    let above = exactly(f, &rational(&moved)) - exactly(f, &rational(&k.y));
                    let [lower, upper] = [lower, upper].map(|v| RBig::try_from(v).unwrap());
                    // Rounding errors of a bound in f64 are its own affair.
                    prop_assert!(lower <= above && above <= upper + RBig::try_from(1e-12)?, "{above} at {moved:?}");
                }
            }
            Ok(())
        };
        let known = known_minimisers(*family, &Ranges::default(), &Features::default());
        runner(20).run(&known, right).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

fn panic_of(run: impl FnOnce()) -> Option<String> {
    let caught = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(caught.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn assert_argmin_passes_minimisers_and_says_how_far_others_are() {
    let f: Program = "y 2\nn1 = abs n0\nn2 = dense n1 [[1, 2]]\noutput n2".parse().unwrap();
    let f = Arc::new(f).at(&[]).unwrap();
    let square = Domain::cube(2, -1.0, 1.0).unwrap();
    let message = |domain: &Domain, y: &[f64], tol: f64| panic_of(|| assert_argmin(&f, domain, y, tol));
    assert_eq!(message(&square, &[0.0, 0.0], 1e-9), None);
    assert_eq!(message(&square, &[0.25, 0.0], 0.3), None);
    let text = message(&square, &[0.25, 0.5], 1e-6).unwrap();
    for part in ["no minimiser", "1.24999", "1.25000", "1e-6", "y = [0.25, 0.5]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = message(&square, &[1.5, 0.0], 10.0).unwrap();
    assert!(text.contains("not in the set") && text.contains("5e-1") && text.contains("[1.5, 0.0]"), "{text}");
    let text = message(&square, &[0.0], 1.0).unwrap();
    assert!(text.contains("1 entries") && text.contains("takes 2"), "{text}");
    let text = message(&square, &[f64::NAN, 0.0], 1.0).unwrap();
    assert!(text.contains("y[0] is NaN"), "{text}");
    // On a set with rows the reference point is one that satisfies them exactly.
    let cut = square.clone().with_row("sum", &[(0, 1.0), (1, 1.0)], 0.3, f64::INFINITY).unwrap();
    assert_eq!(message(&cut, &[0.3, 0.0], 1e-6), None);
    let [lower, upper] = suboptimality(&f, &cut, &[0.0, 0.3]).unwrap();
    assert!(lower <= 0.3 + 1e-15 && upper >= 0.3 - 1e-15 && upper - lower < 1e-5, "{lower} {upper}");
    // Of a simplex no floating-point number is a point, as a rule; one near the solver's is proven to exist.
    let simplex = Domain::everything(2).with_simplex("shares", &[0, 1], 0.7).unwrap();
    let simplex = simplex.with_bounds(1, 0.1, 1.0).unwrap();
    let [lower, upper] = suboptimality(&f, &simplex, &[0.4, 0.3]).unwrap();
    assert!(0.2 - 1e-9 < lower && lower <= upper && upper < 0.2 + 1e-9, "{lower} {upper}");
    assert_eq!(message(&simplex, &[0.6, 0.1], 1e-9), None);
    // Outside the set there may be less than the minimum.
    let [lower, upper] = suboptimality(&f, &cut, &[0.0, 0.0]).unwrap();
    assert!(lower <= upper && upper < -0.29999, "{lower} {upper}");
    let empty = square.with_row("none", &[(0, 1.0)], 2.0, 3.0).unwrap();
    assert!(suboptimality(&f, &empty, &[0.0, 0.0]).unwrap_err().to_string().contains("empty"));
    let line: Program = "y 1\nn1 = scale n0 [2]\noutput n1".parse().unwrap();
    let line = Arc::new(line).at(&[]).unwrap();
    let all = suboptimality(&line, &Domain::everything(1), &[0.0]).unwrap();
    assert_eq!(all, [f64::INFINITY; 2], "unbounded below");
}

#[test]
fn a_seed_makes_the_same_network_again() {
    let sizes = Sizes::new(4, &[6, 5]);
    let listing = |seed: u64| {
        let known = Known::new(Family::Leaky, &sizes, &Features::default(), &Numbers::Seeded(seed)).unwrap();
        format!("{:?}", known.problem)
    };
    assert_eq!(listing(3), listing(3));
    assert_ne!(listing(3), listing(4));
    let random = |seed: u64| format!("{:?}", Problem::random(Family::Elu, &sizes, &Numbers::Seeded(seed)).unwrap());
    assert_eq!(random(3), random(3));
    assert_ne!(random(3), random(4));
}
