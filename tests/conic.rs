//! `--method conic` on networks small enough to know the answer, and on the models that come as files.
#![cfg(all(feature = "clarabel", feature = "highs"))]

use std::sync::Arc;

use icnn::domain::Domain;
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::lower::conic;
use icnn::objective::Objective;
use icnn::solve::batch::Session;
use icnn::solve::{Limits, Method, Solution, Status};

fn at(text: &str) -> Instance {
    let program: Program = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
    Arc::new(program).at(&[]).unwrap()
}

fn solved(f: &Instance, domain: &Domain) -> Solution {
    let found = f.minimize(domain, Method::Conic).unwrap();
    let (value, bound) = (found.value.unwrap_or(f64::NAN), found.lower_bound.unwrap_or(f64::NAN));
    assert_eq!(found.status, Status::Optimal, "{found:?}");
    assert!(bound <= value + 1e-12 * value.abs().max(1.0), "bound {bound} above value {value}");
    found
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} differs from {expected}");
}

/// Each unit plus a slope that pulls against it, with the minimiser known in closed form: f = g(y) − s·y on a box that holds
/// the point where g′ = s.
#[test]
fn each_unit_is_least_where_its_slope_is_met() {
    let cases: &[(&str, f64, (f64, f64), f64)] = &[
        ("softplus n0 1", 0.25, (-5.0, 5.0), (0.25f64 / 0.75).ln()),
        ("softplus n0 10", 0.75, (-5.0, 5.0), 3f64.ln() / 10.0),
        ("elu n0 0.5", 0.125, (-4.0, 4.0), 0.25f64.ln()),
        ("elu n0 1", 0.5, (-4.0, 4.0), 0.5f64.ln()),
        ("elu n0 2", 0.5, (-4.0, 0.0), 0.25f64.ln()),
        ("celu n0 2", 0.5, (-4.0, 4.0), 2.0 * 0.5f64.ln()),
        ("exp n0", 2.0, (-3.0, 3.0), 2f64.ln()),
        ("entropy n0", 0.5, (0.0, 3.0), (-0.5f64).exp()),
        ("power n0 2", 1.0, (-2.0, 2.0), 0.5),
        ("power n0 4", 4.0, (-2.0, 2.0), 1.0),
        ("power n0 1.5", 1.5, (0.0, 4.0), 1.0),
        ("power n0 3", 0.75, (0.0, 4.0), 0.5),
        ("power n0 -1", -0.25, (0.5, 8.0), 2.0),
        ("power n0 -2", 2.0, (-8.0, -0.25), -1.0),
    ];
    for (unit, slope, (low, high), expected) in cases {
        let f = at(&format!("y 1\nn1 = {unit}\nn2 = scale n0 [{}]\nn3 = sum n1 n2\noutput n3", -slope));
        let found = solved(&f, &Domain::cube(1, *low, *high).unwrap());
        let y = found.y.unwrap()[0];
        assert!((y - expected).abs() < 1e-3, "{unit}: y = {y}, not {expected}");
        let least = f.forward(&[*expected]).unwrap().value();
        close(found.value.unwrap(), least, 1e-7 * least.abs().max(1.0));
    }
}

#[test]
fn concave_units_with_a_negative_weight() {
    // y − log y is least at 1, y/2 − √y likewise
    for (unit, slope, least) in [("log n0", 1.0, 1.0), ("power n0 0.5", 0.5, -0.5)] {
        let f =
            at(&format!("y 1\nn1 = {unit}\nn2 = scale n1 [-1]\nn3 = scale n0 [{slope}]\nn4 = sum n2 n3\noutput n4"));
        let found = solved(&f, &Domain::cube(1, 0.1, 9.0).unwrap());
        close(found.value.unwrap(), least, 1e-7);
    }
}

#[test]
fn groups_norms_and_forms_inside_units() {
    // log(eᵃ + eᵇ) with a + b = 0 is least at 0
    let f = at("y 1\nn1 = dense n0 [[1], [-1]]\nn2 = logsumexp n1 [0, 1]\noutput n2");
    close(solved(&f, &Domain::cube(1, -3.0, 4.0).unwrap()).value.unwrap(), 2f64.ln(), 1e-7);
    // The nearest point of the line to (3, 4) in the Euclidean norm, not squared
    let f = at("y 2\nn1 = param [-3, -4]\nn2 = sum n0 n1\nn3 = norm n2 [0, 1]\noutput n3");
    let line = Domain::cube(2, -9.0, 9.0).unwrap().with_row("line", &[(0, 1.0), (1, 1.0)], 0.0, 0.0).unwrap();
    close(solved(&f, &line).value.unwrap(), 7.0 / 2f64.sqrt(), 1e-6);
    // relu(yᵀMy − 1) − y₀: the form inside a unit
    let f =
        at("y 2\nn1 = quadratic n0 2x2 [0 0 2, 0 1 1, 1 0 1, 1 1 2]\nn2 = param [-1]\nn3 = sum n1 n2\nn4 = relu n3\n\
                n5 = dense n0 [[-1, 0]]\nn6 = sum n4 n5\noutput n6");
    // On the boundary yᵀMy = 1 with M = [[2, 1], [1, 2]] the largest y₀ is (M⁻¹)₀₀^½ = (2/3)^½.
    close(solved(&f, &Domain::cube(2, -3.0, 3.0).unwrap()).value.unwrap(), -(2f64 / 3.0).sqrt(), 1e-6);
}

#[test]
fn smooth_learned_constraints() {
    let disk = at("y 2\nn1 = norm n0 [0, 1]\noutput n1");
    let ellipse = at("y 2\nn1 = quadratic n0 2x2 [0 0 1, 1 1 1]\noutput n1");
    let soft = at("y 2\nn1 = logsumexp n0 [0, 1]\noutput n1");
    let f = at("y 2\nn1 = dense n0 [[-3, -4]]\noutput n1");
    for (h, level, least) in [(&disk, 2.0, -10.0), (&ellipse, 4.0, -10.0)] {
        let domain = Domain::cube(2, -5.0, 5.0).unwrap().with_at_most("h", h, level).unwrap();
        let found = solved(&f, &domain);
        close(found.value.unwrap(), least, 1e-5);
        assert!(found.lower_bound.unwrap() <= least + 1e-9);
        assert!(domain.violation(&found.y.unwrap()) <= 1e-6);
    }
    // −3a − 4b with eᵃ + eᵇ ≤ 1: a = log 3/7, b = log 4/7
    let domain = Domain::cube(2, -9.0, 9.0).unwrap().with_at_most("h", &soft, 0.0).unwrap();
    let least = -3.0 * (3f64 / 7.0).ln() - 4.0 * (4f64 / 7.0).ln();
    close(solved(&f, &domain).value.unwrap(), least, 1e-5);
}

#[test]
fn empty_domains_are_proven_empty() {
    let f = at("y 2\nn1 = softplus n0 1\nn2 = dense n1 [[1, 1]]\noutput n2");
    let disk = at("y 2\nn1 = norm n0 [0, 1]\noutput n1");
    let row = Domain::cube(2, -5.0, 5.0).unwrap().with_row("far", &[(0, 1.0), (1, 1.0)], 6.0, f64::INFINITY).unwrap();
    assert_eq!(f.minimize(&row, Method::Conic).unwrap().status, Status::Optimal);
    let both = row.with_at_most("disk", &disk, 2.0).unwrap();
    let found = f.minimize(&both, Method::Conic).unwrap();
    assert_eq!(found.status, Status::Infeasible, "{found:?}");
    let proof = found.farkas.unwrap();
    assert!(proof.surplus > 0.0 && proof.constraints[0] > 0.0);
}

#[test]
fn rays_of_smooth_networks() {
    // softplus(y₀) − 2y₀ falls for ever, softplus(y₀) − y₀/2 does not
    let f = |s: f64| at(&format!("y 1\nn1 = softplus n0 1\nn2 = scale n0 [{s}]\nn3 = sum n1 n2\noutput n3"));
    let found = f(-2.0).minimize(&Domain::everything(1), Method::Conic).unwrap();
    assert_eq!(found.status, Status::Unbounded, "{found:?}");
    assert!(found.ray.unwrap()[0] > 0.0);
    close(solved(&f(-0.5), &Domain::everything(1)).value.unwrap(), 2f64.ln(), 1e-7);
}

#[test]
fn what_has_no_cone_is_refused_by_name() {
    let domain = Domain::cube(1, -1.0, 0.0).unwrap();
    let f = at("y 1\nn1 = sigmoid n0\noutput n1");
    let error = conic(&f, &domain).unwrap_err().to_string();
    assert!(error.contains("n1 (sigmoid)") && error.contains("conic"), "{error}");
    // Convex by its Hessian alone: y² pays for −softplus.
    let f = at("y 1\nn1 = power n0 2\nn2 = softplus n0 1\nn3 = scale n2 [-1]\nn4 = sum n1 n3\noutput n4");
    let error = conic(&f, &domain).unwrap_err().to_string();
    assert!(error.contains("n4") && error.contains("Hessian"), "{error}");
}

#[test]
fn a_limit_that_strikes_is_stopped() {
    let f =
        at("y 2\nn1 = softplus n0 1\nn2 = dense n1 [[1, 1]]\nn3 = dense n0 [[-0.3, -0.7]]\nn4 = sum n2 n3\noutput n4");
    let limits = Limits { iterations: Some(2), ..Limits::default() };
    let found = f.minimize_with(&Domain::cube(2, -5.0, 5.0).unwrap(), Method::Conic, &limits).unwrap();
    assert_eq!(found.status, Status::Stopped, "{found:?}");
    assert!(found.lower_bound.unwrap() <= found.value.unwrap());
}

/// f(y) = cᵀy: the entropic minimiser is the sigmoid of −c/τ on a box, a softmax on a simplex (paper eq. 12).
#[test]
fn the_entropic_minimiser_is_a_sigmoid_or_a_softmax() {
    let c = [1.0, -0.5, 0.25, 3.0];
    let f = at(&format!("y 4\nn1 = dense n0 [{c:?}]\noutput n1"));
    for tau in [0.1, 1.0, 10.0] {
        let entropic = |domain: &Domain| {
            let session = Session::new(domain.clone(), Method::Conic, Limits::default()).with_entropy(tau).unwrap();
            let found = session.minimize(&f).unwrap();
            assert_eq!(found.status, Status::Optimal, "{found:?}");
            assert_eq!(found.entropy, Some(tau));
            let y = found.y.clone().unwrap();
            close(found.f.unwrap(), f.forward(&y).unwrap().value(), 0.0);
            let region = icnn::lower::region::region(domain, "test").unwrap().region;
            close(found.value.unwrap(), found.f.unwrap() - tau * region.entropy(&y), 1e-12 * (1.0 + tau));
            let mut exact = vec![0.0; 4];
            let least = region.entropic_minimum(&c, tau, &mut exact);
            close(found.value.unwrap(), least, 1e-6 * (1.0 + tau));
            assert!(found.lower_bound.unwrap() <= least + 1e-12 * (1.0 + tau));
            y.iter().zip(&exact).for_each(|(y, e)| close(*y, *e, 1e-3));
            y
        };
        let y = entropic(&Domain::cube(4, 0.0, 1.0).unwrap());
        y.iter().zip(&c).for_each(|(y, c)| close(*y, 1.0 / (1.0 + (c / tau).exp()), 1e-3));
        entropic(&Domain::new_box(vec![-1.0, 0.0, 2.0, 0.0], vec![1.0, 3.0, 2.0, 0.5]).unwrap());
        let all: Vec<(usize, f64)> = (0..4).map(|j| (j, 1.0)).collect();
        let simplex = Domain::cube(4, 0.0, 2.0).unwrap().with_row("sum", &all, 2.0, 2.0).unwrap();
        entropic(&simplex);
    }
}

#[test]
fn the_entropy_is_fine_at_the_boundary_and_needs_bounds() {
    let f = at("y 2\noutput n0".replace("output n0", "n1 = dense n0 [[1, 1]]\noutput n1").as_str());
    let domain = Domain::new_box(vec![0.1, -3.0], vec![0.7, -3.0]).unwrap();
    let whole = Objective::of(&f).with_entropy(2.0, &domain).unwrap().build().unwrap();
    for y in [[0.1, -3.0], [0.7, -3.0], [0.1f64.next_up(), -3.0]] {
        close(whole.forward(&y).unwrap().value(), y[0] + y[1], 1e-13);
    }
    let middle = whole.forward(&[0.4, -3.0]).unwrap().value();
    close(middle, 0.4 - 3.0 - 2.0 * 2f64.ln(), 1e-12);
    let half = Domain::new_box(vec![0.0, 0.0], vec![1.0, f64::INFINITY]).unwrap();
    let error = Objective::of(&f).with_entropy(1.0, &half).unwrap_err().to_string();
    assert!(error.contains("y[1]"), "{error}");
}
