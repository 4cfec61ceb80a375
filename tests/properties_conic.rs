//! Method conic on random networks: the linear program's optimum where that exists, a closed gap and nothing lower where the
//! units are smooth, and the entropic problem.
#![cfg(all(feature = "clarabel", feature = "highs"))]

#[path = "common/networks.rs"]
mod networks;

use std::path::Path;

use icnn::domain::Domain;
use icnn::solve::batch::Session;
use icnn::{Limits, Method, Network, Status};
use networks::{Case, ConvNet, Ficnn, Picnn, Problem, Sides, SkipNet, SmoothNet, UnitNet};
use proptest::prelude::*;

fn size<P: Problem>(case: &Case<P>, y: &[f64]) -> f64 {
    let trace = case.instance.forward(y).unwrap();
    let sizes: Vec<f64> = y.iter().map(|v| v.abs()).collect();
    case.instance.magnitude(&trace, &sizes).max(1.0)
}

/// On piecewise-linear networks both methods solve the same program: their values agree (as far as points that leave rows by
/// a solver's tolerance do), and the bound is not above the exact minimum.
fn conic_is_the_linear_program<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let exact = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    let found = case.instance.minimize(&case.domain, Method::Conic).unwrap();
    prop_assert_eq!(&found.status, &exact.status, "{:?}\n{:?}", found, exact);
    let (Some(y), Some(value), Some(least)) = (&found.y, found.value, exact.value) else { return Ok(()) };
    let size = size(case, y);
    prop_assert!((value - least).abs() <= 1e-7 * size, "conic {value}, lp {least}");
    prop_assert!(found.lower_bound.unwrap() <= least + 1e-9 * size);
    Ok(())
}

#[test]
fn conic_is_the_linear_program_of_ficnn() {
    networks::run::<Ficnn>(100, Sides::Finite, conic_is_the_linear_program);
}

#[test]
fn conic_is_the_linear_program_of_picnn() {
    networks::run::<Picnn>(100, Sides::Finite, conic_is_the_linear_program);
}

#[test]
fn conic_is_the_linear_program_of_convolutions() {
    networks::run::<ConvNet>(60, Sides::Finite, conic_is_the_linear_program);
}

#[test]
fn conic_is_the_linear_program_of_units() {
    networks::run::<UnitNet>(100, Sides::Finite, conic_is_the_linear_program);
}

#[test]
fn conic_is_the_linear_program_of_skips() {
    networks::run::<SkipNet>(60, Sides::Finite, conic_is_the_linear_program);
}

/// The shared models that a linear program holds, without context, over [−1, 1]^p.
#[test]
fn conic_is_the_linear_program_on_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    let Ok(files) = std::fs::read_dir(&folder) else { return };
    let mut tried = 0;
    for file in files.map(|f| f.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".ts.onnx") || !name.starts_with("a_") {
            continue;
        }
        let network = Network::load(&file).unwrap();
        let domain = Domain::cube(network.decisions(), -1.0, 1.0).unwrap();
        let instance = network.given(&[]).unwrap();
        let found = instance.minimize(&domain, Method::Conic).unwrap();
        assert_eq!(found.status, Status::Optimal, "{name}: {found:?}");
        tried += 1;
        if let Ok(exact) = instance.minimize(&domain, Method::Lp) {
            let (value, least) = (found.value.unwrap(), exact.value.unwrap());
            assert!((value - least).abs() <= 1e-7 * least.abs().max(1.0), "{name}: conic {value}, lp {least}");
        }
    }
    assert!(tried > 3);
}

/// Optimal, the gap closed, no sampled point below the bound, and a descent from the answer finds nothing lower.
fn smooth_minima<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = case.instance.minimize(&case.domain, Method::Conic).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    let (y, value, bound) = (found.y.unwrap(), found.value.unwrap(), found.lower_bound.unwrap());
    let at = size(case, &y);
    prop_assert!(case.domain.violation(&y) <= 1e-6, "violation {}", case.domain.violation(&y));
    prop_assert!((value - case.value(&y)).abs() <= 1e-12 * at);
    prop_assert!(value - bound <= 1e-7 * at * 10.0, "gap {}", value - bound);
    let mut points = case.points();
    let mut least = f64::INFINITY;
    for k in 0..60 {
        let radius = [0.3, 1e-2, 1e-4][k % 3];
        let v = if k < 30 { points.anywhere() } else { points.near(&y, radius) };
        let (f, size) = (case.value(&v), size(case, &v));
        prop_assert!(bound <= f + 1e-11 * size, "bound {bound} above f({v:?}) = {f}");
        least = least.min(f);
    }
    prop_assert!(value <= least + 1e-6 * at, "{value} at {y:?}, but {least} was found");
    Ok(())
}

#[test]
fn smooth_minima_are_certified() {
    networks::run::<SmoothNet>(150, Sides::Finite, smooth_minima);
}

/// min f ≤ f(y_τ) ≤ min f + τ·p·log 2, and the entropic value lies that far below.
#[test]
fn the_entropic_minimiser_is_nearly_one_of_f() {
    networks::run::<SmoothNet>(60, Sides::Finite, |case| {
        let tau = 0.25;
        let domain = case.domain.without_sublevels();
        if !domain.rows().is_empty() {
            return Ok(());
        }
        let plain = case.instance.minimize(&domain, Method::Conic).unwrap();
        let session = Session::new(domain.clone(), Method::Conic, Limits::default()).with_entropy(tau).unwrap();
        let found = session.minimize(&case.instance).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
        let (y, f, value, bound) =
            (found.y.unwrap(), found.f.unwrap(), found.value.unwrap(), found.lower_bound.unwrap());
        let (least, at) = (plain.value.unwrap(), 1e-6 * size(case, &y));
        let p = domain.lower().iter().zip(domain.upper()).filter(|(l, u)| l < u).count() as f64;
        let most = tau * p * 2f64.ln();
        prop_assert!(plain.lower_bound.unwrap() <= f + at && f <= least + most + at, "f {f}, min f {least}");
        prop_assert!(value <= least + at && value >= least - most - at, "value {value}, min f {least}");
        let region = icnn::lower::region::region(&domain, "test").unwrap().region;
        let mut points = case.points();
        for k in 0..40 {
            let v = if k < 20 { points.anywhere() } else { points.near(&y, 1e-2) };
            let f = case.value(&v) - tau * region.entropy(&v);
            prop_assert!(bound <= f + 1e-11 * size(case, &v), "bound {bound} above {f} at {v:?}");
        }
        Ok(())
    });
}
