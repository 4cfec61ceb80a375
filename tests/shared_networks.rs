//! The 58 networks of ../shared/onnx: compiled, they agree with the framework that exported them, and the convex ones are
//! proven convex.
#![cfg(feature = "onnx")]

#[path = "common/npz.rs"]
mod npz;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use icnn::build::build_outputs;
use icnn::check::{SearchEffort, Verdict, check};
use icnn::domain::Domain;
use icnn::ir::program::Program;

fn folder() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn models() -> Vec<PathBuf> {
    let Some(folder) = folder() else { return vec![] };
    let mut models: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .collect();
    models.sort();
    assert_eq!(models.len(), 58);
    models
}

fn programs(path: &Path) -> Vec<Arc<Program>> {
    let graph = icnn::load::onnx::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let outputs = build_outputs(graph, None).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (0..outputs.len()).map(|k| Arc::new(outputs.program(k).unwrap())).collect()
}

/// One array of an `.io.npz`, as rows; a network without that input has empty rows.
fn rows(path: &Path, name: &str) -> Vec<Vec<f64>> {
    let Some(array) = npz::npz(path).remove(name) else { return vec![vec![]; 2] };
    let flat = icnn::ir::entries::Entries::copied(&array);
    flat.chunks(flat.len() / array.shape()[0]).map(<[f64]>::to_vec).collect()
}

fn stem(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_string()
}

#[test]
fn compiled_networks_agree_with_their_framework() {
    for path in models() {
        let io = path.with_file_name(format!("{}.io.npz", stem(&path)));
        let (x, y, f) = (rows(&io, "x"), rows(&io, "y"), rows(&io, "f"));
        for (k, program) in programs(&path).iter().enumerate() {
            for row in 0..y.len() {
                let instance = program.at(&x[row]).unwrap();
                let trace = instance.forward(&y[row]).unwrap();
                let expected = f[row][k];
                let error = (trace.value() - expected).abs() / expected.abs().max(1.0);
                assert!(
                    error <= 1e-5,
                    "{}: output {k}, row {row}: {} against {expected}",
                    path.display(),
                    trace.value()
                );
            }
        }
    }
}

/// Networks that are convex on the domain given, and why the others are not.
fn expected(stem: &str) -> (Verdict, f64, f64) {
    let inf = f64::INFINITY;
    match stem {
        // Trained nothing: the weights of the IOC networks have both signs.
        "d_ioc_mlp" | "d_ioc_allconv" | "d_ioc_dense" => (Verdict::Refuted, -1.0, 1.0),
        // leaky(t)² is not monotone; its argument in the second layer is convex and takes both signs.
        "f_leaky_sq" => (Verdict::Refuted, -20.0, 20.0),
        // y log y with y clamped to [1e-6, 1 − 1e-6]: the clamp is the identity inside.
        "h_negent" => (Verdict::Proven, 2e-6, 0.999998),
        _ => (Verdict::Proven, -inf, inf),
    }
}

#[test]
fn convex_networks_are_proven_and_others_are_not() {
    for path in models() {
        let (wanted, low, high) = expected(&stem(&path));
        for (k, program) in programs(&path).iter().enumerate() {
            let mut domain = Domain::cube(program.decisions(), low, high).unwrap();
            if stem(&path) == "e_catin_split" {
                // Context and decision in one input: convex in the last three coordinates, the others being fixed.
                let lower = [vec![0.3; 5], vec![low; 3]].concat();
                let upper = [vec![0.3; 5], vec![high; 3]].concat();
                domain = Domain::new_box(lower, upper).unwrap();
            }
            let open = program.for_any_context();
            let x = vec![0.3; program.context_len()];
            let samples = vec![(x.clone(), program.at(&x).unwrap())];
            let found = check(&open, &samples, &domain, SearchEffort::default()).unwrap();
            println!(
                "{} [{k}]: {:?}: {:.100}",
                path.file_name().unwrap().to_str().unwrap(),
                found.verdict,
                found.reason
            );
            assert_eq!(found.verdict, wanted, "{}: {}", path.display(), found.reason);
        }
    }
}
