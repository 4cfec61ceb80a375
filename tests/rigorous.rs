//! The rigorous tier: enclosures hold the real number, and no lower bound exceeds what f is in exact arithmetic at a point of
//! the domain, whatever the multipliers are.

#[path = "common/networks.rs"]
mod networks;
#[path = "common/reference.rs"]
mod reference;

use std::cell::Cell;
use std::sync::Arc;

use icnn::certificate::rigorous::{self, Dual};
use icnn::certificate::{Minorant, Multipliers};
use icnn::ir::bounds::Bounds;
use icnn::ir::builder::Builder;
use icnn::ir::instance::Instance;
use icnn::ir::program::{NodeId, Program};
use icnn::ir::unit::Unit;
use icnn::solve::Proof;
use icnn::solve::batch::Session;
use icnn::{Domain, Limits, Method, Status};
use networks::{Case, ConvNet, Ficnn, Picnn, Points, Problem, Sides, SkipNet, SmoothNet, UnitNet};
use proptest::prelude::*;
use reference::{Real, exactly, value};

/// The box of a case, whose points can be told apart from others without rounding.
fn boxed<P: Problem>(case: &Case<P>) -> Domain {
    Domain::new_box(case.domain.lower().to_vec(), case.domain.upper().to_vec()).expect("a box")
}

/// All nodes that another one reads, and the output.
fn ids(instance: &Instance) -> Vec<NodeId> {
    let program = instance.program();
    let mut all: Vec<NodeId> = program.nodes().iter().flat_map(|node| node.op.inputs()).collect();
    all.push(program.output());
    all.sort();
    all.dedup();
    all
}

/// The slopes at a point, with noise of this size, and now and then a number that is none.
fn noisy(instance: &Instance, slopes: &Multipliers, points: &mut Points<'_>, size: f64, garbage: f64) -> Multipliers {
    let mut out = slopes.clone();
    for id in ids(instance) {
        for i in 0..slopes.of(id).len() {
            let kind = points.unit();
            let slope = match kind {
                k if k < 0.25 * garbage => f64::NAN,
                k if k < 0.5 * garbage => f64::INFINITY,
                k if k < 0.75 * garbage => f64::NEG_INFINITY,
                k if k < garbage => 1e300 * (points.unit() - 0.5),
                _ => slopes.of(id)[i] + size * (2.0 * points.unit() - 1.0),
            };
            out.set_slope(id, i, slope);
        }
    }
    out
}

fn bound(instance: &Instance, domain: &Domain, bounds: &Bounds, f: Multipliers) -> f64 {
    let dual = Dual { f, levels: vec![], rows: vec![0.0; domain.rows().len()] };
    rigorous::lower_bound(instance, domain, &[bounds], &dual)
}

/// How far a bound is above f; exact.
fn excess(bound: f64, f: &Real) -> Option<f64> {
    (bound.is_finite() && exactly(bound) > *f).then(|| (exactly(bound) - f).to_f64().value())
}

/// Takes one case through slopes of all kinds; counts bounds that are finite, and the violations of the plain bound.
fn holds<P: Problem>(
    case: &Case<P>,
    method: Option<Method>,
    finite: &Cell<u32>,
    plain: &Cell<u32>,
) -> Result<(), TestCaseError> {
    let (instance, domain) = (&case.instance, boxed(case));
    let bounds = instance.bounds(domain.intervals());
    let mut points = Points::new(&domain, &case.anchor, case.seed);
    let mut tried = vec![domain.clip(&case.anchor), domain.clip(&points.anywhere())];
    let mut starts = vec![];
    if let Some(method) = method {
        let found = instance.minimize(&domain, method).expect("a solution");
        if let (Some(y), Some(lower), Some(gap)) = (&found.y, found.lower_bound, found.gap) {
            prop_assert_eq!(found.proof, Proof::Rigorous);
            let f = value(instance, y).expect("a reference");
            prop_assert!(f <= exactly(lower) + exactly(gap), "f above lower bound and gap");
            prop_assert_eq!(excess(lower, &f), None);
            tried.push(y.clone());
            // Where coordinates are fixed, the slopes are those of the folded network.
            let dual = found.dual.expect("slopes");
            let folded = domain.intervals().iter().any(|side| side.is_point());
            starts.extend((!folded).then(|| dual.f.clone()));
        }
    }
    for y in tried.clone() {
        let Ok(trace) = instance.forward(&y) else { continue };
        starts.push(Multipliers::subgradient(instance, &trace));
    }
    let truth: Vec<(Vec<f64>, Real)> = tried.into_iter().filter_map(|y| value(instance, &y).map(|f| (y, f))).collect();
    for (y, f) in &truth {
        if let Some(enclosed) = rigorous::value(instance, y) {
            prop_assert!(exactly(enclosed.lower) <= *f && *f <= exactly(enclosed.upper), "{enclosed:?} at {y:?}");
        }
    }
    for start in &starts {
        for (size, garbage) in [(0.0, 0.0), (1e-15, 0.0), (1e-9, 0.0), (0.1, 0.0), (3.0, 0.05), (0.0, 0.5)] {
            let slopes = noisy(instance, start, &mut points, size, garbage);
            let lower = bound(instance, &domain, &bounds, slopes.clone());
            finite.set(finite.get() + u32::from(lower.is_finite()));
            for (y, f) in &truth {
                prop_assert_eq!(excess(lower, f), None, "noise {}, garbage {}, at {:?}", size, garbage, y);
            }
            let Some(minorant) = Minorant::new(instance, &bounds, &slopes) else { continue };
            let lower = minorant.bound(&domain, &[], &truth[0].0, 0.0);
            plain.set(plain.get() + u32::from(truth.iter().any(|(_, f)| excess(lower, f).is_some())));
        }
    }
    Ok(())
}

fn family<P: Problem>(cases: u32, method: Option<Method>) -> (u32, u32) {
    let (finite, plain) = (Cell::new(0), Cell::new(0));
    networks::run::<P>(cases, Sides::Finite, |case| holds(case, method, &finite, &plain));
    println!("{cases} networks: {} bounds, of the plain ones {} are too high", finite.get(), plain.get());
    (finite.get(), plain.get())
}

#[test]
fn no_bound_of_a_piecewise_linear_network_is_too_high() {
    let exact = Some(if cfg!(feature = "highs") { Method::Lp } else { Method::ActiveSet });
    // Units that are convex between their bounds only have no kinks to hold.
    let any_unit = exact.filter(|method| *method == Method::Lp);
    let all = [
        family::<Ficnn>(2500, exact),
        family::<Picnn>(2000, exact),
        family::<ConvNet>(1000, exact),
        family::<UnitNet>(2000, any_unit),
        family::<SkipNet>(1500, exact),
    ];
    assert!(all.iter().all(|(finite, _)| *finite > 5000), "{all:?}");
    // Why the tier exists: the same slopes, the same pass, without radii.
    assert!(all.iter().map(|(_, plain)| plain).sum::<u32>() > 0, "plain bounds are never too high: {all:?}");
}

#[test]
fn no_bound_of_a_smooth_network_is_too_high() {
    let (finite, plain) = family::<SmoothNet>(1200, None);
    assert!(finite > 2000 && plain > 0, "{finite}, {plain}");
}

#[test]
fn no_bound_of_a_method_that_calls_f_is_too_high() {
    for method in [Method::Bundle, Method::Spectral] {
        family::<Ficnn>(40, Some(method));
        family::<Picnn>(40, Some(method));
    }
}

/// Its last passes are enclosed as they stand, from norms of rows and columns.
#[test]
fn no_bound_of_a_method_that_holds_kinks_is_too_high() {
    family::<Ficnn>(400, Some(Method::ActiveSet));
    family::<Picnn>(400, Some(Method::ActiveSet));
    family::<SkipNet>(200, Some(Method::ActiveSet));
    let mut proven = 0;
    for seed in 0..400 {
        let (p, span, widest) = (1 + seed as usize % 5, [0, 3, 30, 100][seed as usize % 4], [4, 40][seed as usize % 2]);
        let domain = Domain::cube(p, -1.0, 1.0).expect("a box");
        let anchor = vec![0.0; p];
        let mut points = Points::new(&domain, &anchor, seed);
        let instance = hostile(&mut points, p, span, widest);
        let Ok(found) = instance.minimize(&domain, Method::ActiveSet) else { continue };
        let (Some(y), Some(lower), Some(gap)) = (found.y, found.lower_bound, found.gap) else { continue };
        if found.proof != Proof::Rigorous {
            continue;
        }
        proven += 1;
        let f = value(&instance, &y).expect("a reference");
        assert!(f <= exactly(lower) + exactly(gap), "{seed}: f above lower bound and gap");
        for y in [y, points.anywhere(), points.anywhere()] {
            assert_eq!(excess(lower, &value(&instance, &y).expect("a reference")), None, "{seed} at {y:?}");
        }
    }
    assert!(proven > 200, "{proven}");
}

/// z ↦ relu(W^z z + W^y y + b) with numbers ±m·2^e of wildly different size, f = wᵀz + cᵀy.
fn hostile(points: &mut Points<'_>, p: usize, span: i32, widest: usize) -> Instance {
    let number = |points: &mut Points<'_>| {
        let exponent = ((2.0 * points.unit() - 1.0) * f64::from(span)) as i32;
        let size = match points.random() % 12 {
            0 => 0.0,
            1 => f64::from_bits(1 + points.random() % 5),
            _ => (1.0 + points.unit()) * 2f64.powi(exponent),
        };
        if points.random().is_multiple_of(2) { size } else { -size }
    };
    let numbers = |points: &mut Points<'_>, n: usize, sign: bool| -> Vec<f64> {
        (0..n).map(|_| number(points)).map(|v| if sign { v.abs() } else { v }).collect()
    };
    let mut b = Builder::new("y", &[1, p]);
    let (y, mut z) = (b.decision(), None);
    for _ in 0..1 + points.random() % 3 {
        let width = widest - points.random() as usize % 4;
        let wy = b.constant("wy", numbers(points, width * p, false));
        let mut parts = vec![b.dense(y, wy, width).expect("it fits")];
        if let Some((z, from)) = z {
            let wz = b.constant("wz", numbers(points, width * from, true));
            parts.push(b.dense(z, wz, width).expect("it fits"));
        }
        parts.push(b.constant_vector("b", numbers(points, width, false)));
        let a = b.sum(&parts).expect("it fits");
        z = Some((b.unit(a, Unit::Relu).expect("it fits"), width));
    }
    let (z, from) = z.expect("a layer");
    let (head, linear) = (b.constant("w", numbers(points, from, true)), b.constant("c", numbers(points, p, false)));
    let parts = [b.dense(z, head, 1).expect("it fits"), b.dense(y, linear, 1).expect("it fits")];
    let output = b.sum(&parts).expect("it fits");
    Arc::new(b.finish(output).expect("one output")).at(&[]).expect("no context")
}

#[test]
fn numbers_of_wildly_different_size_do_not_matter() {
    let (mut finite, mut tight) = (0, 0);
    for seed in 0..3000 {
        let span = [0, 3, 30, 100, 490][seed as usize % 5];
        let p = 1 + seed as usize % 3;
        let domain = Domain::cube(p, -1.0, 1.0).expect("a box");
        let anchor = vec![0.0; p];
        let mut points = Points::new(&domain, &anchor, seed);
        let instance = hostile(&mut points, p, span, 4);
        let bounds = instance.bounds(domain.intervals());
        let tried: Vec<Vec<f64>> = (0..4).map(|k| if k == 0 { anchor.clone() } else { points.anywhere() }).collect();
        for y in &tried {
            let f = value(&instance, y).expect("a reference");
            if let Some(enclosed) = rigorous::value(&instance, y) {
                assert!(exactly(enclosed.lower) <= f && f <= exactly(enclosed.upper), "{seed}: {enclosed:?} at {y:?}");
            }
            for start in &tried {
                let Ok(trace) = instance.forward(start) else { continue };
                let slopes = Multipliers::subgradient(&instance, &trace);
                for (size, garbage) in [(0.0, 0.0), (0.3, 0.1)] {
                    let lower =
                        bound(&instance, &domain, &bounds, noisy(&instance, &slopes, &mut points, size, garbage));
                    assert_eq!(excess(lower, &f), None, "{seed} at {y:?}");
                    finite += u32::from(lower.is_finite());
                    tight += u32::from(lower.is_finite() && (f.clone() - exactly(lower)).to_f64().value() < 1e-9);
                }
            }
        }
    }
    assert!(finite > 50_000 && tight > 500, "{finite}, {tight}");
}

#[test]
fn radii_of_large_matrices_hold() {
    for seed in 0..60 {
        let (p, span) = (80, [0, 3, 40, 150][seed as usize % 4]);
        let domain = Domain::cube(p, -1.0, 1.0).expect("a box");
        let anchor = vec![0.0; p];
        let mut points = Points::new(&domain, &anchor, seed);
        let instance = hostile(&mut points, p, span, 90);
        let bounds = instance.bounds(domain.intervals());
        let tried = [points.anywhere(), points.anywhere()];
        for (y, start) in tried.iter().flat_map(|y| tried.iter().map(move |start| (y, start))) {
            let f = value(&instance, y).expect("a reference");
            if let Some(enclosed) = rigorous::value(&instance, y) {
                assert!(exactly(enclosed.lower) <= f && f <= exactly(enclosed.upper), "{seed}: {enclosed:?}");
            }
            let Ok(trace) = instance.forward(start) else { continue };
            let slopes = Multipliers::subgradient(&instance, &trace);
            let lower = bound(&instance, &domain, &bounds, slopes);
            assert_eq!(excess(lower, &f), None, "{seed}");
        }
    }
}

/// Without biases f is least in 0 and 0 there: hundreds of kinks meet, and all sums of the bound cancel. The gap is as narrow as where values are not 0. What finds
/// the shares is a linear program.
#[test]
#[cfg(feature = "highs")]
fn a_minimum_of_zero_has_a_narrow_gap() {
    use icnn::network::{Ficnn, FicnnLayer};
    use nalgebra::{DMatrix, DVector};
    let (p, width) = (40, 400);
    let mut seed = 3u64;
    let mut number = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let first = DMatrix::from_fn(width, p, |_, _| 4.0 * number());
    let second = DMatrix::from_fn(width, p, |_, _| 4.0 * number());
    let between = DMatrix::from_fn(width, width, |_, _| number().abs());
    let last = DMatrix::from_fn(1, width, |_, _| number().abs());
    // The slope in which every unit has half a share is taken away, nearly: 0 is the only minimiser.
    let upper = 0.5 * &last;
    let slope = &upper * &second + 0.5 * &upper * &between * &first;
    let tilt = -slope + DMatrix::from_fn(1, p, |_, _| number());
    let layer = |wz, wy: DMatrix<f64>| FicnnLayer { wz, b: DVector::zeros(wy.nrows()), wy };
    let network = Ficnn { layers: vec![layer(None, first), layer(Some(between), second), layer(Some(last), tilt)] };
    let f = Arc::new(network.program().expect("a network")).at(&[]).expect("an instance");
    let domain = Domain::new_box(vec![-1.0; p], vec![1.0; p]).expect("a box");
    let found = f.minimize(&domain, Method::Auto).expect("an answer");
    assert_eq!((found.status, found.proof, found.value), (Status::Optimal, Proof::Rigorous, Some(0.0)));
    assert!(found.work.forward < 200, "{} forward passes", found.work.forward);
    let gap = found.gap.expect("a bound");
    assert!(gap <= 1e-9, "the sums are of a size of {:.0e}, the gap is {gap:.1e}", 200.0 * 400.0 * 4.0);
}

#[test]
fn rows_and_learned_constraints_take_any_multipliers() {
    // f = relu(y₀ − 3y₁ + 0.1) + 0.7·relu(y₂ − y₀) + 0.3y₁ on the simplex and y₀ ≤ ¾; h = relu(y₀ − ¼) + relu(y₂ − ¼) ≤ ¾.
    let build = |wy: Vec<f64>, b: Vec<f64>, w: Vec<f64>, c: Vec<f64>| {
        let mut builder = Builder::new("y", &[1, 3]);
        let (y, units) = (builder.decision(), b.len());
        let wy = builder.constant("wy", wy);
        let b = builder.constant_vector("b", b);
        let a = builder.dense(y, wy, units).expect("it fits");
        let a = builder.sum(&[a, b]).expect("it fits");
        let z = builder.unit(a, Unit::Relu).expect("it fits");
        let (w, c) = (builder.constant("w", w), builder.constant("c", c));
        let parts = [builder.dense(z, w, 1).expect("it fits"), builder.dense(y, c, 1).expect("it fits")];
        let output = builder.sum(&parts).expect("it fits");
        Arc::new(builder.finish(output).expect("one output")).at(&[]).expect("no context")
    };
    let f = build(vec![1.0, -3.0, 0.0, -1.0, 0.0, 1.0], vec![0.1, 0.0], vec![1.0, 0.7], vec![0.0, 0.3, 0.0]);
    let h = build(vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0], vec![-0.25, -0.25], vec![1.0, 1.0], vec![0.0; 3]);
    let domain = Domain::everything(3).with_simplex("whole", &[0, 1, 2], 1.0).expect("a simplex");
    let domain = domain.with_row("cap", &[(0, 1.0)], f64::NEG_INFINITY, 0.75).expect("a row");
    let domain = domain.with_at_most("h", &h, 0.75).expect("a constraint");
    let (f, h) = (f, &domain.sublevels()[0].function);
    let bounds = [f.bounds(domain.intervals()), h.bounds(domain.intervals())];
    // Dyadic points of the domain, exactly.
    let inside = [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.0, 0.5], [0.25, 0.5, 0.25]];
    let truth: Vec<Real> = inside.iter().map(|y| value(&f, y).expect("a reference")).collect();
    let mut points = Points::new(&domain, &inside[4], 5);
    let mut best = f64::NEG_INFINITY;
    for k in 0..6000 {
        let slopes = |of: &Instance, points: &mut Points<'_>| {
            let trace = of.forward(&inside[k % 5]).expect("a value");
            noisy(of, &Multipliers::subgradient(of, &trace), points, [0.0, 1.0][k % 2], 0.05)
        };
        let mut any = |size: f64| match points.random() % 20 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            _ => size * (2.0 * points.unit() - 1.0),
        };
        let (mu, rows) = (any(1.0), vec![any(1.0), any(1.0)]);
        let (of_f, of_h) = (slopes(&f, &mut points), slopes(h, &mut points));
        let dual = Dual { f: of_f, levels: vec![(mu, Some(of_h))], rows };
        let lower = rigorous::lower_bound(&f, &domain, &bounds, &dual);
        best = best.max(lower);
        truth.iter().for_each(|f| assert_eq!(excess(lower, f), None, "{dual:?}"));
    }
    assert!(best.is_finite());
    // No other method takes learned constraints.
    if cfg!(feature = "highs") {
        let found = f.minimize(&domain, Method::Lp).expect("a solution");
        assert_eq!((&found.status, found.proof), (&Status::Optimal, Proof::Rigorous));
        assert!(truth.iter().all(|f| excess(found.lower_bound.expect("a bound"), f).is_none()));
        assert!(best > found.lower_bound.expect("a bound") - 0.2, "{best}");
    }
}

#[test]
fn entropic_answers_are_enclosed() {
    networks::run::<Ficnn>(60, Sides::Finite, |case| {
        let domain = boxed(case);
        if (0..domain.dimension()).any(|j| domain.lower()[j] == domain.upper()[j]) {
            return Ok(());
        }
        let tau = 0.5;
        let session = Session::new(domain.clone(), Method::Bundle, Limits::default()).with_entropy(tau);
        let found = session.expect("entropy").minimize(&case.instance).expect("a solution");
        let (y, lower) = (found.y.as_ref().expect("a point"), found.lower_bound.expect("a bound"));
        prop_assert_eq!(found.proof, Proof::Rigorous);
        let bits = reference::FINE;
        let mut least = value(&case.instance, y).expect("a reference").with_precision(bits).value();
        for (j, v) in y.iter().enumerate() {
            let (l, u, v) = (
                reference::real(domain.lower()[j], bits),
                reference::real(domain.upper()[j], bits),
                reference::real(*v, bits),
            );
            for part in [&v - &l, &u - &v] {
                let share = part / (&u - &l);
                if share > reference::real(0.0, bits) {
                    least += reference::real(tau, bits) * &share * share.ln();
                }
            }
        }
        prop_assert!(reference::real(lower, bits) <= least, "{lower} above {least}");
        let above = reference::real(lower, bits) + reference::real(found.gap.expect("a gap"), bits);
        prop_assert!(least <= above, "the gap {:?} is too small", found.gap);
        Ok(())
    });
}

#[test]
fn units_lie_in_narrow_enclosures() {
    let any = [
        "softplus n0 1",
        "softplus n0 5",
        "elu n0 0.5",
        "celu n0 1.5",
        "exp n0",
        "sigmoid n0",
        "tanh n0",
        "power n0 3",
    ];
    let positive = ["log n0", "entropy n0", "power n0 0.5", "power n0 -1", "power n0 2.5"];
    let domain = Domain::cube(1, -40.0, 40.0).expect("a box");
    let mut points = Points::new(&domain, &[0.0], 3);
    for (k, unit) in any.iter().chain(&positive).enumerate() {
        let program = format!("y 1\nn1 = {unit}\noutput n1").parse::<Program>().expect("a program");
        let instance = Arc::new(program).at(&[]).expect("no context");
        for n in 0..400 {
            let size = [1e-9, 1e-3, 1.0, 40.0][n % 4];
            let t = size * (2.0 * points.unit() - 1.0);
            let t = if k < any.len() { t } else { t.abs() + 1e-12 };
            let (found, truth) = (rigorous::value(&instance, &[t]).expect("an enclosure"), value(&instance, &[t]));
            let truth = truth.expect("a reference");
            let (low, high) = (reference::real(found.lower, 300), reference::real(found.upper, 300));
            assert!(low <= truth && truth <= high, "{unit} at {t}: {found:?}");
            let width = found.upper - found.lower;
            assert!(width <= 1e-12 * found.upper.abs().max(1e-200), "{unit} at {t}: {found:?}");
        }
    }
}
