//! `icnn export`: HiGHS reads the file and finds the optimum that `icnn solve` proves; nothing is overwritten by accident.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/run.rs"]
mod run;

use std::fs;
use std::path::Path;

use icnn_solvers::highs::{Highs, read};
use icnn_solvers::{LpOptions, Status};
use onnx::ModelBuilder;
use run::parts as icnn;
use serde_json::Value;

/// How far optima may be apart, relative to max(1, |value|).
const LINEAR: f64 = 1e-9;
/// The same for quadratic programs, which HiGHS solves to its tolerance only: what `icnn solve` proves has a gap as large.
const QUADRATIC: f64 = 1e-7;

/// The optimum of a file, by HiGHS.
fn optimum(path: &Path, quadratic: bool) -> f64 {
    let lp = read(path).expect("a program");
    assert_eq!(lp.quadratic.is_some(), quadratic, "{}", path.display());
    let options = match quadratic {
        true => LpOptions::default(),
        false => LpOptions { primal_tolerance: 1e-10, dual_tolerance: 1e-10, ..LpOptions::default() },
    };
    let found = Highs::new(&lp).unwrap().solve(&options, None).unwrap();
    assert_eq!(found.status, Status::Optimal, "{}, quadratic: {quadratic}", path.display());
    found.objective
}

/// Exports in both formats what `solve` solves, and compares. `sign` is −1 for a maximum.
fn agrees(model: &[&str], row: usize, sign: f64) {
    agrees_within(model, row, sign, LINEAR);
}

/// The same within `tolerance`, which says of what kind the program is.
fn agrees_within(model: &[&str], row: usize, sign: f64, tolerance: f64) {
    let solved = icnn(&[&["solve", "--json"], model].concat());
    let line: Value = serde_json::from_str(solved.1.lines().nth(row).expect("a line for the row")).unwrap();
    assert_eq!(line["status"], "optimal", "{model:?}, row {row}: {}{line}", solved.2);
    let value = sign * line["value"].as_f64().expect("a value");
    let folder = tempfile::tempdir().unwrap();
    for name in ["net.mps", "net.lp"] {
        println!("{model:?}, row {row}, {name}");
        let path = folder.path().join(name);
        let (to, row) = (path.to_str().unwrap(), row.to_string());
        let chosen: &[&str] = if row == "0" { &[] } else { &["--row", &row] };
        let (code, out, err) = icnn(&[&["export", "--to", to], chosen, model].concat());
        assert_eq!(code, 0, "{model:?}: {err}");
        assert!(out.starts_with(to) && out.contains("columns"), "{out}");
        let found = optimum(&path, tolerance == QUADRATIC);
        assert!((found - value).abs() <= tolerance * value.abs().max(1.0), "{model:?}, {name}: {found} is not {value}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a temporary file is left");
}

const DIGITS: [&str; 7] =
    ["examples/digits/digits.onnx", "--context", "examples/digits/test-context.npy", "--lower", "0", "--upper", "1"];
const DIABETES: [&str; 5] = [
    "examples/diabetes/diabetes.onnx",
    "--lower",
    "examples/diabetes/lower.json",
    "--upper",
    "examples/diabetes/upper.json",
];

#[test]
fn digits() {
    agrees(&DIGITS, 0, 1.0);
    agrees(&DIGITS, 37, 1.0);
}

#[test]
fn diabetes() {
    agrees(&DIABETES, 0, 1.0);
}

#[test]
fn every_class_of_the_classifier() {
    for class in 0..10 {
        let class = class.to_string();
        agrees(&["examples/classifier/classifier.onnx", "--output", &class, "--lower", "0", "--upper", "1"], 0, 1.0);
    }
}

#[test]
fn plan() {
    let units: Value = serde_json::from_str(&fs::read_to_string("examples/plan/units.json").unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    let rows: Vec<&Value> = units.as_array().unwrap().iter().map(|unit| &unit["x"]).collect();
    fs::write(&path, serde_json::to_string(&rows).unwrap()).unwrap();
    let model = ["examples/plan/plan.onnx", "--lower", "0.25", "--upper", "4", "--context", path.to_str().unwrap()];
    for row in 0..rows.len() {
        agrees(&model, row, 1.0);
    }
}

#[test]
fn imputation_with_given_pixels() {
    let given = ["--fix", "examples/imputation/test-fix.json", "--lower", "0", "--upper", "1"];
    let model = [&["examples/imputation/imputation.onnx"], given.as_slice()].concat();
    for row in [0, 11, 29] {
        agrees(&model, row, 1.0);
    }
}

#[test]
fn detector() {
    agrees(&["examples/detector/detector.onnx", "--lower", "0", "--upper", "1"], 0, 1.0);
}

/// Rows, a sum, a simplex, a given coordinate and a learned constraint, all of which matter, around the diabetes network.
fn full_domain(folder: &Path) -> String {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/diabetes/diabetes.onnx");
    let domain = serde_json::json!({
        "version": 1,
        "fixed": {"9": 0.25},
        "simplices": [{"name": "shares", "of": [0, 1, 2], "total": 1}],
        "rows": [{"name": "pressure", "coefficients": {"3": 1, "4": 2}, "lower": -1, "upper": 1.5}],
        "sums": [{"name": "all", "of": "all", "upper": 3}],
        "networks": [{"name": "risk < 1", "model": model, "at_most": -0.1}],
    });
    let path = folder.join("domain.json");
    fs::write(&path, domain.to_string()).unwrap();
    path.to_str().unwrap().into()
}

#[test]
fn a_full_domain() {
    let folder = tempfile::tempdir().unwrap();
    let domain = full_domain(folder.path());
    let model = [&DIABETES[..], &["--domain", &domain]].concat();
    agrees(&model, 0, 1.0);
    let prices = folder.path().join("prices.json");
    fs::write(&prices, "[0, 0, -0.5, -0.05, 0, 0, 0, 0, -0.02, 0]").unwrap();
    let model = [&model[..], &["--linear", prices.to_str().unwrap()]].concat();
    agrees(&model, 0, 1.0);
    // The learned constraint holds the optimum back.
    let solved = icnn(&[&["solve", "--json", "--duals"], &model[..]].concat());
    let line: Value = serde_json::from_str(&solved.1).unwrap();
    let multiplier = line["duals"]["constraints"][0]["multiplier"].as_f64().unwrap();
    assert!(multiplier < -1e-3, "{multiplier}");
}

#[test]
fn quadratic_programs() {
    let folder = tempfile::tempdir().unwrap();
    let domain = full_domain(folder.path());
    let file = |name: &str, contents: Value| {
        let path = folder.path().join(name);
        fs::write(&path, contents.to_string()).unwrap();
        path.to_str().unwrap().to_string()
    };
    // Two on the diagonal, a half beside it: positive definite.
    let entry = |i: usize, j: usize| [2.0, 0.5, 0.0][i.abs_diff(j).min(2)];
    let rows: Vec<Vec<f64>> = (0..10).map(|i| (0..10).map(|j| entry(i, j)).collect()).collect();
    let form = file("form.json", serde_json::json!(rows));
    let target = file("target.json", serde_json::json!([0.5, -0.5, 1, 1, -1, 2, 0, 0.25, -2, 1]));
    let prices = file("prices.json", serde_json::json!([[0.1, 0, 0, -0.2, 0, 0, 0, 0, 0, 1]]));
    let full = [&DIABETES[..], &["--domain", &domain, "--linear", &prices, "--target", &target]].concat();
    agrees_within(&full, 0, 1.0, QUADRATIC);
    agrees_within(&[&full[..], &["--quadratic", &form]].concat(), 0, 1.0, QUADRATIC);
    agrees_within(&[&DIABETES[..], &["--quadratic", "0.01"]].concat(), 0, 1.0, QUADRATIC);
    let given = [&["examples/imputation/imputation.onnx", "--lower", "0", "--upper", "1"][..]].concat();
    let given = [&given[..], &["--fix", "examples/imputation/test-fix.json", "--target", "0.5", "--quadratic", "0.1"]];
    agrees_within(&given.concat(), 3, 1.0, QUADRATIC);
    agrees_within(&[&DIGITS[..], &["--target", "0.5"]].concat(), 5, 1.0, QUADRATIC);
}

#[test]
fn a_concave_network_is_exported_as_the_minimum_of_its_negative() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("concave.onnx");
    // f(y) = 3 − |y|
    let model = ModelBuilder::new(17)
        .input("y", &[Some(1), Some(1)])
        .initializer("three", &[1, 1], &[3.0])
        .node("Abs", &["y"], &["a"], vec![])
        .node("Sub", &["three", "a"], &["f"], vec![])
        .output("f");
    fs::write(&path, model.bytes()).unwrap();
    let path = path.to_str().unwrap();
    agrees(&[path, "--maximize", "--lower", "-1", "--upper", "1"], 0, -1.0);
    let to = folder.path().join("net.lp");
    let (code, _, err) = icnn(&["export", path, "--to", to.to_str().unwrap(), "--lower", "-1", "--upper", "1"]);
    assert!(code == 1 && err.contains("concave") && !to.exists(), "{err}");
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.lp");
    let to = path.to_str().unwrap();
    fs::write(&path, "mine").unwrap();
    let (code, out, err) = icnn(&[&["export", "--to", to], &DIABETES[..]].concat());
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("net.lp exists; --force overwrites it"), "{err}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let (code, _, err) = icnn(&[&["export", "--force", "--to", to], &DIABETES[..]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("Minimize"));
}

#[test]
fn bad_input_ends_with_2_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let cases: [(Vec<&str>, String, &str); 6] = [
        (DIABETES.to_vec(), inside("net.txt"), "neither an .mps nor an .lp file"),
        (DIABETES.to_vec(), inside("no/such/folder.lp"), "folder.lp: "),
        ([&DIGITS[..], &["--row", "60"]].concat(), inside("net.lp"), "--row 60: there are 60 rows, counted from 0"),
        ([&DIABETES[..], &["--row", "1"]].concat(), inside("net.lp"), "--row 1: there is 1 row, counted from 0"),
        (vec!["tests/models/jax_softplus.onnx"], inside("net.lp"), "piecewise linear"),
        (vec!["no-such.onnx"], inside("net.mps"), "no-such.onnx"),
    ];
    for (model, to, message) in cases {
        let (code, out, err) = icnn(&[&["export", "--to", &to], &model[..]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{model:?}: {err}");
        assert!(err.contains(message), "{model:?}: {err}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_row_taken_of_several_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.mps");
    let (code, _, err) = icnn(&[&["export", "--to", path.to_str().unwrap()], &DIGITS[..]].concat());
    assert_eq!(code, 0);
    assert!(err.contains("60 rows; row 0 is exported"), "{err}");
}
