//! Networks as JAX and Keras write them (tests/models, made by its make.py), and the example networks: compiled values
//! agree with the framework's, and all are proven convex.
#![cfg(feature = "onnx")]

use std::path::Path;
use std::sync::Arc;

use icnn::build::build_outputs;
use icnn::domain::Domain;
use icnn::ir::program::Program;
use serde_json::Value;

/// One program per output component, the input names, and the name of the output.
fn programs(path: &Path) -> (Vec<Arc<Program>>, Vec<String>, String) {
    let graph = icnn::load::onnx::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let inputs = graph.inputs.iter().map(|i| i.name.clone()).collect();
    let output = graph.outputs[0].name.clone();
    let outputs = build_outputs(graph, None).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    ((0..outputs.len()).map(|k| Arc::new(outputs.program(k).unwrap())).collect(), inputs, output)
}

fn flat(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(entries) => entries.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn rows(v: &Value) -> Vec<Vec<f64>> {
    v.as_array().unwrap().iter().map(flat).collect()
}

/// Model and reference values of every network here.
fn cases() -> Vec<(std::path::PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = vec![];
    for entry in std::fs::read_dir(root.join("tests/models")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let text = std::fs::read_to_string(path.with_extension("json")).unwrap();
            cases.push((path, serde_json::from_str(&text).unwrap()));
        }
    }
    for name in ["digits", "diabetes", "classifier", "plan", "imputation", "detector"] {
        let folder = root.join("examples").join(name);
        let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        cases.push((folder.join(format!("{name}.onnx")), serde_json::from_str(&text).unwrap()));
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(cases.len() >= 16);
    cases
}

#[test]
fn compiled_networks_agree_with_their_framework() {
    for (path, expected) in cases() {
        let (programs, inputs, output) = programs(&path);
        let y = rows(&expected["y"]);
        let x = if inputs.iter().any(|n| n == "x") { rows(&expected["x"]) } else { vec![vec![]; y.len()] };
        let f = rows(&expected[&output]);
        for (k, program) in programs.iter().enumerate() {
            for row in 0..y.len().min(f.len()) {
                let value = program.at(&x[row]).unwrap().forward(&y[row]).unwrap().value();
                let error = (value - f[row][k]).abs() / f[row][k].abs().max(1.0);
                assert!(error <= 1e-5, "{}: output {k}, row {row}: {value} against {}", path.display(), f[row][k]);
            }
        }
    }
}

#[test]
fn all_are_proven_convex() {
    for (path, _) in cases() {
        for (k, program) in programs(&path).0.iter().enumerate() {
            let domain = Domain::everything(program.decisions());
            let (_, proof) = icnn::check::prove(&program.for_any_context(), &domain);
            let failure = proof.failure().map(|f| program.describe(f.node) + ": " + &f.reason);
            assert!(proof.output().is_convex(), "{} output {k}: {failure:?}", path.display());
        }
    }
}
