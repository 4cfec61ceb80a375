//! Explanations with known answers: derivatives in closed form, conflicts and rays.
#![cfg(feature = "highs")]

#[path = "common/conflict.rs"]
mod conflict;

use std::sync::Arc;

use conflict::is_smallest;
use icnn::explain::{Explanation, Kind, Options, Sensitivity, Way, context_sensitivity, explain, kinks};
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::network::{Picnn, PicnnLayer};
use icnn::objective::Objective;
use icnn::{Domain, Limits, Method, Network, Status};
use nalgebra::{DMatrix, DVector};

const INF: f64 = f64::INFINITY;

fn function(text: &str) -> Instance {
    Arc::new(text.parse::<Program>().expect("a program")).at(&[]).expect("no context")
}

fn explained(f: &Instance, domain: &Domain) -> Explanation {
    explain(f, domain, &Options::default()).expect("an explanation")
}

fn by_name<'a>(all: &'a [Sensitivity], name: &str) -> &'a Sensitivity {
    let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
    all.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("{name} is not among {names:?}"))
}

/// Left and right derivative, within 1e-9.
fn sides(all: &[Sensitivity], name: &str, left: Option<f64>, right: Option<f64>) {
    let s = by_name(all, name);
    let close = |found: Option<f64>, known: Option<f64>| match (found, known) {
        (Some(f), Some(k)) => (f - k).abs() <= 1e-9,
        (f, k) => f == k,
    };
    assert!(close(s.left, left) && close(s.right, right), "{s:?}, expected {left:?} and {right:?}");
    let kind = match (left, right) {
        (None, None) => Kind::Undefined,
        (Some(l), Some(r)) if l == r => Kind::TwoSided,
        _ => Kind::OneSided,
    };
    assert_eq!(s.kind, kind, "{s:?}");
    assert_eq!(s.derivative.is_some(), kind == Kind::TwoSided);
}

const ABS: &str = "y 1\nn1 = abs n0\noutput n1";
const TILTED: &str = "y 1\nn1 = abs n0\nn2 = dense n0 [[0.5]]\nn3 = sum n1 n2\noutput n3";
const ABS_SUM: &str = "y 2\nn1 = abs n0\nn2 = dense n1 [[1, 1]]\noutput n2";

#[test]
fn a_bound_through_a_kink_has_two_derivatives() {
    let found = explained(&function(TILTED), &Domain::cube(1, 0.0, 2.0).unwrap());
    let optimum = found.optimum.unwrap();
    sides(&optimum.sensitivity, "y[0] ≥ 0", Some(0.0), Some(1.5));
    sides(&optimum.sensitivity, "y[0] ≤ 2", Some(0.0), Some(0.0));
    assert_eq!(optimum.coordinates.at_lower, 1);
    // The box decides the unit, so it is no kink there; without the box it is one.
    assert_eq!((optimum.kinks.nodes[0].decided, optimum.kinks.at_kink), (1, 0));
    let open = explained(&function(TILTED), &Domain::cube(1, -2.0, 2.0).unwrap()).optimum.unwrap();
    assert_eq!((open.kinks.at_kink, open.kinks.list[0].breakpoint), (1, Some(0.0)));
    assert!(open.active.is_empty() && open.sensitivity.iter().all(|s| s.derivative == Some(0.0)));
}

#[test]
fn a_bound_beyond_which_a_unit_begins() {
    // −y + 3·relu(y − 1) on [0, 1]: on the box the unit is 0, beyond it costs more than is gained.
    let f = function(
        "y 1\nn1 = param [-1]\nn2 = sum n0 n1\nn3 = relu n2\nn4 = dense n3 [[3]]\nn5 = dense n0 [[-1]]\nn6 = sum n4 n5\noutput n6",
    );
    let found = explained(&f, &Domain::cube(1, 0.0, 1.0).unwrap()).optimum.unwrap();
    sides(&found.sensitivity, "y[0] ≤ 1", Some(-1.0), Some(0.0));
    assert_eq!(by_name(&found.sensitivity, "y[0] ≤ 1").method, Way::Face);
}

#[test]
fn rows_with_closed_forms() {
    // |y0| + |y1| with y0 + y1 ≥ b: the optimum is max(b, 0).
    let domain = |b: f64| Domain::cube(2, -4.0, 4.0).unwrap().with_sum("sum", &[0, 1], b, INF).unwrap();
    for (b, left, right) in [(1.0, 1.0, 1.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)] {
        let found = explained(&function(ABS_SUM), &domain(b)).optimum.unwrap();
        sides(&found.sensitivity, &format!("'sum' ≥ {b}"), Some(left), Some(right));
    }
    // An equation y0 + y1 = b: |b|.
    for (b, left, right) in [(1.0, 1.0, 1.0), (0.0, -1.0, 1.0), (-2.0, -1.0, -1.0)] {
        let domain = Domain::cube(2, -4.0, 4.0).unwrap().with_sum("sum", &[0, 1], b, b).unwrap();
        let found = explained(&function(ABS_SUM), &domain).optimum.unwrap();
        sides(&found.sensitivity, &format!("'sum' = {b}"), Some(left), Some(right));
    }
}

#[test]
fn the_same_row_twice_is_felt_from_one_side_only() {
    let f = function("y 1\nn1 = dense n0 [[2]]\noutput n1");
    let domain = Domain::everything(1).with_row("a", &[(0, 1.0)], 1.0, INF).unwrap();
    let single = explained(&f, &domain).optimum.unwrap();
    sides(&single.sensitivity, "'a' ≥ 1", Some(2.0), Some(2.0));
    assert_eq!(by_name(&single.sensitivity, "'a' ≥ 1").method, Way::Multiplier);
    let twice = explained(&f, &domain.with_row("b", &[(0, 1.0)], 1.0, INF).unwrap()).optimum.unwrap();
    for name in ["'a' ≥ 1", "'b' ≥ 1"] {
        sides(&twice.sensitivity, name, Some(0.0), Some(2.0));
    }
    // One multiplier of the proof takes all, or both share it.
    let sum: f64 = twice.active.iter().filter_map(|a| a.multiplier).sum();
    assert!((sum - 2.0).abs() <= 1e-9);
    assert_eq!(twice.active.len(), 2);
}

#[test]
fn where_no_point_is_left_only_one_derivative_is() {
    // y = 1 as a row and as a bound: the row cannot fall.
    let domain = Domain::new_box(vec![1.0], vec![3.0]).unwrap().with_equation("one", &[(0, 1.0)], 1.0).unwrap();
    let found = explained(&function(ABS), &domain).optimum.unwrap();
    sides(&found.sensitivity, "'one' = 1", None, Some(1.0));
    let note = by_name(&found.sensitivity, "'one' = 1").note.as_ref().unwrap();
    assert!(note.contains("no point is left"), "{note}");
    sides(&found.sensitivity, "y[0] ≥ 1", Some(0.0), None);
}

#[test]
fn levels_of_learned_constraints() {
    // y with |y| ≤ c: −c.
    let f = function("y 1\nn1 = dense n0 [[1]]\noutput n1");
    let domain = |c: f64| Domain::cube(1, -3.0, 3.0).unwrap().with_at_most("h", &function(ABS), c).unwrap();
    let found = explained(&f, &domain(1.0)).optimum.unwrap();
    sides(&found.sensitivity, "'h' ≤ 1", Some(-1.0), Some(-1.0));
    assert!(found.active.iter().any(|a| a.of == "constraint" && a.strict));
    // At the least level there is: −c for c ≥ 0, nothing for c < 0.
    let least = explained(&f, &domain(0.0)).optimum.unwrap();
    sides(&least.sensitivity, "'h' ≤ 0", None, Some(-1.0));
    // At the box's end the level stops mattering.
    let ends = explained(&f, &domain(3.0)).optimum.unwrap();
    sides(&ends.sensitivity, "'h' ≤ 3", Some(-1.0), Some(0.0));
    sides(&ends.sensitivity, "y[0] ≥ -3", Some(0.0), Some(1.0));
}

#[test]
fn fixed_coordinates_move_too() {
    // |y0 − y1| + |y0|, y0 fixed at 0 : least at y1 = 0, value |y0|.
    let f = function(
        "y 2\nn1 = dense n0 [[1, -1]]\nn2 = abs n1\nn3 = gather n0 [0]\nn4 = abs n3\nn5 = sum n2 n4\noutput n5",
    );
    let domain = |v: f64| Domain::cube(2, -2.0, 2.0).unwrap().with_fixed(0, v).unwrap();
    let found = explained(&f, &domain(0.0)).optimum.unwrap();
    sides(&found.sensitivity, "y[0] = 0", Some(-1.0), Some(1.0));
    assert_eq!(found.coordinates.fixed, 1);
    sides(&explained(&f, &domain(1.5)).optimum.unwrap().sensitivity, "y[0] = 1.5", Some(1.0), Some(1.0));
    // y0·y1 is convex only where y0 is given: minima on both sides instead of multipliers. Least at y1 = ∓2: −2·|y0|.
    let product = function("y 2\nn1 = gather n0 [0]\nn2 = gather n0 [1]\nn3 = product n1 n2\noutput n3");
    let found = explained(&product, &domain(1.5)).optimum.unwrap();
    let s = by_name(&found.sensitivity, "y[0] = 1.5");
    assert_eq!((s.kind, s.method), (Kind::TwoSided, Way::Quotients));
    assert!((s.derivative.unwrap() + 2.0).abs() <= s.error.unwrap().max(1e-8), "{s:?}");
    let found = explained(&product, &domain(0.0)).optimum.unwrap();
    let s = by_name(&found.sensitivity, "y[0] = 0");
    assert_eq!(s.kind, Kind::OneSided);
    assert!((s.left.unwrap() - 2.0).abs() <= 1e-6 && (s.right.unwrap() + 2.0).abs() <= 1e-6, "{s:?}");
}

#[test]
fn many_minima_are_computed_only_where_asked_for() {
    // y0·y300 with 300 coordinates fixed: each derivative would cost minima of its own.
    let f = function("y 301\nn1 = gather n0 [0]\nn2 = gather n0 [300]\nn3 = product n1 n2\noutput n3");
    let fixed = (0..300).map(|j| (j, if j == 0 { 1.5 } else { 0.0 }));
    let domain = Domain::cube(301, -2.0, 2.0).unwrap().with_all_fixed(fixed).unwrap();
    let found = explained(&f, &domain).optimum.unwrap();
    let s = by_name(&found.sensitivity, "y[0] = 1.5");
    assert_eq!((s.kind, s.derivative), (Kind::Undefined, None));
    assert!(s.note.as_ref().is_some_and(|n| n.contains("300")), "{s:?}");
    let options = Options { wide: true, ..Options::default() };
    let found = explain(&f, &domain, &options).unwrap().optimum.unwrap();
    let s = by_name(&found.sensitivity, "y[0] = 1.5");
    assert!((s.derivative.unwrap() + 2.0).abs() <= s.error.unwrap().max(1e-8), "{s:?}");
}

#[test]
fn quadratic_objectives() {
    // (y − 2)² with y ≤ b: slope 2(b − 2) at the bound, 0 where the bound is not reached or just reached.
    let nothing = Objective::empty(1).with_distance(&[1.0], &[2.0]).unwrap().build().unwrap();
    for (b, slope) in [(1.0, -2.0), (2.0, 0.0), (3.0, 0.0)] {
        let found = explained(&nothing, &Domain::new_box(vec![-5.0], vec![b]).unwrap()).optimum.unwrap();
        let s = by_name(&found.sensitivity, &format!("y[0] ≤ {b}"));
        assert_eq!(s.kind, Kind::TwoSided, "{s:?}");
        assert!((s.derivative.unwrap() - slope).abs() <= 1e-6, "{s:?}");
    }
    // |y| + (y − 1)² with y ≥ 1/2 beside y ≥ 1/2 as a row: the minimum itself is 1/2, nothing is felt.
    let f = Objective::of(&function(ABS)).with_distance(&[1.0], &[1.0]).unwrap().build().unwrap();
    for b in [0.5, 0.75] {
        let slope = 1.0 + 2.0 * (b - 1.0);
        let domain = Domain::new_box(vec![b], vec![4.0]).unwrap().with_row("r", &[(0, 1.0)], b, INF).unwrap();
        let found = explained(&f, &domain).optimum.unwrap();
        for name in [format!("y[0] ≥ {b}"), format!("'r' ≥ {b}")] {
            let s = by_name(&found.sensitivity, &name);
            assert!(s.left.unwrap().abs() <= 1e-6 && (s.right.unwrap() - slope).abs() <= 1e-6, "{s:?}");
        }
    }
}

/// x·y + 2x on [−1, 1]: −|x| + 2x.
fn gated() -> Network {
    let (one, zero) = (DMatrix::from_element(1, 1, 1.0), DVector::zeros(1));
    let layer =
        PicnnLayer { z: None, wy: one.clone(), yu: (one.clone(), zero.clone()), u: (2.0 * one, zero), next_u: None };
    Network::from(Picnn { layers: vec![layer] }.program().expect("widths fit"))
}

#[test]
fn context_entries_with_closed_forms() {
    let network = gated();
    let domain = Domain::cube(1, -1.0, 1.0).unwrap();
    for (x, left, right) in [(0.0, 3.0, 1.0), (0.75, 1.0, 1.0), (-2.0, 3.0, 3.0)] {
        let solution = network.given(&[x]).unwrap().minimize(&domain, Method::Lp).unwrap();
        let at = |x: &[f64]| Ok((network.given(x)?, domain.clone()));
        let found = context_sensitivity(&[x], &solution, &Limits::default(), at).unwrap();
        let s = &found[0];
        assert_eq!((s.name.as_str(), s.of, s.method), ("x[0]", "context", Way::Quotients));
        assert_eq!(s.kind, if left == right { Kind::TwoSided } else { Kind::OneSided });
        let error = s.error.unwrap();
        assert!(error <= 1e-6, "{s:?}");
        assert!((s.left.unwrap() - left).abs() <= error.max(1e-9), "{s:?}");
        assert!((s.right.unwrap() - right).abs() <= error.max(1e-9), "{s:?}");
    }
    // A learned constraint that depends on x: y ≥ x as (x − y) ≤ 0; the optimum of y is x.
    let f = function("y 1\nn1 = dense n0 [[1]]\noutput n1");
    let at = |x: &[f64]| {
        let h: Program =
            format!("y 1\nn1 = dense n0 [[-1]]\nn2 = param [{}]\nn3 = sum n1 n2\noutput n3", x[0]).parse()?;
        Ok((f.clone(), Domain::cube(1, -5.0, 5.0)?.with_at_most("above", &Arc::new(h).at(&[])?, 0.0)?))
    };
    let (objective, domain) = at(&[0.25]).unwrap();
    let solution = objective.minimize(&domain, Method::Lp).unwrap();
    let found = context_sensitivity(&[0.25], &solution, &Limits::default(), at).unwrap();
    assert!((found[0].derivative.unwrap() - 1.0).abs() <= 1e-8, "{:?}", found[0]);
}

fn names(found: &Explanation) -> Vec<&str> {
    found.conflict.as_ref().expect("a conflict").members.iter().map(|m| m.name.as_str()).collect()
}

#[test]
fn conflicts_are_as_small_as_they_can_be() {
    let f = function("y 3\nn1 = dense n0 [[1, 1, 1]]\noutput n1");
    // Shares of 1, of which the first two take 0.7 and the third one 0.5; two more rows have no part in it.
    let domain = Domain::cube(3, 0.0, 1.0).unwrap().with_simplex("shares", &[0, 1, 2], 1.0).unwrap();
    let domain = domain.with_sum("other", &[0, 1, 2], -5.0, 5.0).unwrap();
    let domain = domain.with_sum("two", &[0, 1], 0.7, INF).unwrap().with_sum("third", &[2], 0.5, INF).unwrap();
    let domain = domain.with_row("more", &[(0, 1.0), (2, -1.0)], -INF, 0.9).unwrap();
    let found = explained(&f, &domain);
    assert_eq!((found.solution.status.clone(), found.optimum.is_none()), (Status::Infeasible, true));
    assert_eq!(names(&found), ["'shares' ≤ 1", "'two' ≥ 0.7", "'third' ≥ 0.5"]);
    is_smallest(&domain, &found);

    // Nonnegativity of the simplex against one row.
    let domain = Domain::everything(2).with_simplex("s", &[0, 1], 1.0).unwrap();
    let domain = domain.with_row("far", &[(0, 1.0)], 2.0, INF).unwrap();
    let found = explained(&function(ABS_SUM), &domain);
    assert_eq!(names(&found), ["y[1] ≥ 0", "'s' ≤ 1", "'far' ≥ 2"]);
    is_smallest(&domain, &found);

    // A learned constraint against a bound, and one that is empty by itself.
    let y = function("y 1\nn1 = dense n0 [[1]]\noutput n1");
    let domain = Domain::cube(1, 2.0, 3.0).unwrap().with_at_most("h", &function(ABS), 1.0).unwrap();
    let found = explained(&y, &domain);
    assert_eq!(names(&found), ["y[0] ≥ 2", "'h' ≤ 1"]);
    is_smallest(&domain, &found);
    let domain = Domain::cube(1, 2.0, 3.0).unwrap().with_at_most("h", &function(ABS), -1.0).unwrap();
    let found = explained(&y, &domain);
    assert_eq!(names(&found), ["'h' ≤ -1"]);
    is_smallest(&domain, &found);
}

#[test]
fn a_ray_names_the_bounds_that_would_stop_it() {
    let f = function("y 2\nn1 = dense n0 [[1, -2]]\noutput n1");
    let found = explained(&f, &Domain::new_box(vec![0.0, 0.0], vec![1.0, INF]).unwrap());
    assert_eq!(found.solution.status, Status::Unbounded);
    let descent = found.descent.unwrap();
    assert_eq!((descent.ray.as_slice(), descent.slope), ([0.0, 1.0].as_slice(), -2.0));
    assert_eq!(descent.moves.len(), 1);
    assert_eq!(descent.moves[0].missing, "an upper bound of y[1]");
    // The bound it asks for helps.
    let stopped = explained(&f, &Domain::new_box(vec![0.0, 0.0], vec![1.0, 4.0]).unwrap());
    assert_eq!(stopped.solution.value, Some(-8.0));
}

#[test]
fn a_maximum_is_at_its_kink_where_members_tie() {
    // max(y0, y1, −3): on [0, 1]² least at 0, where two members tie and the third one is ruled out.
    let f = function("y 2\nn1 = param [-3]\nn2 = concat n0 n1\nn3 = max n2 [0, 1, 2]\noutput n3");
    let found = kinks(&f, &Domain::cube(2, -1.0, 1.0).unwrap(), &[0.25, 0.25]).unwrap();
    assert_eq!((found.units, found.at_kink, found.list[0].ties.as_slice()), (1, 1, [0, 1].as_slice()));
    let apart = kinks(&f, &Domain::cube(2, -1.0, 1.0).unwrap(), &[0.25, 0.5]).unwrap();
    assert_eq!((apart.at_kink, apart.nodes[0].active), (0, 1));
}
