//! Model formats against each other: what one reader makes of a network, every other one makes of the same network.
#![cfg(all(feature = "onnx", feature = "safetensors"))]

#[path = "common/networks.rs"]
mod networks;
#[path = "common/npz.rs"]
mod npz;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use icnn::build::{Choice, build, build_outputs};
use icnn::check::{Check, SearchEffort, Verdict, check};
use icnn::domain::Domain;
use icnn::ir::entries::Entries;
use icnn::ir::program::{ParamSource, Program};
use icnn::load::{onnx, program_json, safetensors};
use icnn::store;
use networks::{Case, Problem};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Numbers in (−1, 1), always the same ones.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn row(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// Every ONNX file that tests and examples have.
fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests/models"), root.join("../shared/onnx")];
    folders.extend(["digits", "diabetes", "classifier"].map(|n| root.join("examples").join(n)));
    let mut models = vec![];
    for folder in folders.iter().filter(|f| f.exists()) {
        let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        models.extend(files.filter(|p| p.extension().is_some_and(|e| e == "onnx")));
    }
    models.sort();
    assert!(models.len() >= 14);
    models
}

/// The first and the last output component: networks with many have them alike.
fn programs(path: &Path) -> Vec<Program> {
    let graph = onnx::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let outputs = build_outputs(graph, None).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut chosen = vec![0, outputs.len() - 1];
    chosen.dedup();
    chosen.into_iter().map(|k| outputs.program(k).unwrap()).collect()
}

/// The value at a point, or the message where there is none.
fn value(program: &Arc<Program>, x: &[f64], y: &[f64]) -> Result<f64, String> {
    let instance = program.at(x).map_err(|e| e.to_string())?;
    Ok(instance.forward(y).map_err(|e| e.to_string())?.value())
}

fn verdict(program: &Arc<Program>, domain: &Domain) -> Check {
    let x = vec![0.3; program.context_len()];
    let samples = vec![(x.clone(), program.at(&x).unwrap())];
    check(&program.for_any_context(), &samples, domain, SearchEffort::default()).unwrap()
}

fn round_trip(program: &Program) -> Program {
    let text = program_json::write(program).unwrap();
    let back = program_json::parse(text.as_bytes()).unwrap();
    assert_eq!(
        program_json::write(&back).unwrap(),
        text,
        "the text of a program that was read is the text it came from"
    );
    back
}

/// Whether two programs are the same, part by part; limits and ranges are computed from the file that is read. Those of a
/// program built by hand may be wider.
fn same(p: &Program, q: &Program, by_hand: bool) {
    assert_eq!(p.nodes().len(), q.nodes().len());
    for (k, (a, b)) in p.nodes().iter().zip(q.nodes()).enumerate() {
        assert!(a.op == b.op && a.len == b.len && a.shape == b.shape && a.name == b.name, "node {k}: {a:?}\n{b:?}");
    }
    assert_eq!(p.params().len(), q.params().len());
    for (a, b) in p.params().iter().zip(q.params()) {
        assert_eq!((&a.name, a.len), (&b.name, b.len));
        match (&a.source, &b.source) {
            (ParamSource::Constant(v), ParamSource::Constant(w)) => {
                assert!(v.iter().zip(w.iter()).all(|(v, w)| v.to_bits() == w.to_bits()), "'{}'", a.name);
            }
            (ParamSource::Context { value: v, range: r }, ParamSource::Context { value: w, range: s }) => {
                let inside = r.lower <= s.lower && s.upper <= r.upper;
                assert!(v == w && (r == s || by_hand && inside), "'{}': {v:?} in {r}, {w:?} in {s}", a.name);
            }
            _ => panic!("'{}' has another source", a.name),
        }
    }
    assert_eq!((p.decision_name(), p.decision_shape()), (q.decision_name(), q.decision_shape()));
    assert_eq!(p.context().inputs, q.context().inputs);
    assert_eq!(p.context().steps.len(), q.context().steps.len());
}

#[test]
fn json_keeps_every_network_bit_for_bit() {
    let mut numbers = Numbers(1);
    for path in models() {
        for program in programs(&path) {
            let back = round_trip(&program);
            same(&program, &back, false);
            let (program, back) = (Arc::new(program), Arc::new(back));
            for _ in 0..5 {
                let (x, y) = (numbers.row(program.context_len()), numbers.row(program.decisions()));
                let (a, b) = (value(&program, &x, &y), value(&back, &x, &y));
                assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits), "{}", path.display());
            }
            let domain = Domain::cube(program.decisions(), -1.0, 1.0).unwrap();
            let (a, b) = (verdict(&program, &domain), verdict(&back, &domain));
            assert_eq!((a.verdict, a.reason), (b.verdict, b.reason), "{}", path.display());
        }
    }
}

#[test]
fn onnx_keeps_values_and_verdicts() {
    let mut numbers = Numbers(2);
    let (mut exact, mut all) = (0, 0);
    for path in models() {
        for program in programs(&path) {
            let bytes = store::onnx::write(&program).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let choice = Choice { decision: Some(program.decision_name().into()), output: None };
            let graph = onnx::parse(&bytes, None).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let back = Arc::new(build(graph, &choice).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
            let program = Arc::new(program);
            for _ in 0..5 {
                let (x, y) = (numbers.row(program.context_len()), numbers.row(program.decisions()));
                all += 1;
                match (value(&program, &x, &y), value(&back, &x, &y)) {
                    (Ok(a), Ok(b)) => {
                        exact += usize::from(a.to_bits() == b.to_bits());
                        assert!((a - b).abs() <= 1e-13 * a.abs().max(1.0), "{}: {a} and {b}", path.display());
                    }
                    (Err(_), Err(_)) => exact += 1,
                    (a, b) => panic!("{}: {a:?} and {b:?}", path.display()),
                }
            }
            let domain = Domain::cube(program.decisions(), -1.0, 1.0).unwrap();
            let (a, b) = (verdict(&program, &domain), verdict(&back, &domain));
            assert_eq!(a.verdict, b.verdict, "{}: {} but {}", path.display(), a.reason, b.reason);
        }
    }
    println!("{exact} of {all} values are equal bit for bit");
    assert!(exact * 10 >= all * 9, "{exact} of {all}");
}

/// Random networks of every family: exact in JSON, equal up to rounding in ONNX.
fn every_format<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let back = round_trip(&case.program);
    same(&case.program, &back, true);
    let back = Arc::new(back).at(&case.x).unwrap();
    let choice = Choice { decision: Some(case.program.decision_name().into()), output: None };
    let bytes = store::onnx::write(&case.program).unwrap();
    let other = Arc::new(build(onnx::parse(&bytes, None).unwrap(), &choice).unwrap());
    let other = other.at(&case.x).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let mut points = case.points();
    for _ in 0..4 {
        let y = points.anywhere();
        let value = case.value(&y);
        prop_assert_eq!(value.to_bits(), back.forward(&y).unwrap().value().to_bits());
        let size = networks::magnitude(&case.instance, &y).max(1.0);
        let written = other.forward(&y).unwrap().value();
        prop_assert!((value - written).abs() <= 1e-12 * size, "{} and {}", value, written);
    }
    Ok(())
}

families! {
    every_format: 60, Sides::Finite;
}

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/onnx");

/// The networks whose weights a description can express, and how.
#[rustfmt::skip]
const DESCRIBED: &[(&str, &str)] = &[
    ("a_ficnn_plain", r#""preset": "ficnn""#),
    ("a_ficnn_softplus", r#""preset": "ficnn", "positivity": "softplus""#),
    ("a_ficnn_clamp", r#""preset": "ficnn", "positivity": "clamp""#),
    ("a_ficnn_exp", r#""preset": "ficnn", "positivity": "exp""#),
    ("a_ficnn_relu", r#""preset": "ficnn", "positivity": "relu""#),
    ("a_ficnn_parametrize", r#""preset": "ficnn", "positivity": "softplus",
        "roles": {"wz": "Wz.{i-1}.parametrizations.weight.original"}"#),
    ("b_picnn_plain", r#""preset": "picnn""#),
    ("b_picnn_softplus", r#""preset": "picnn", "positivity": "softplus""#),
    ("e_catin_split", r#""preset": "picnn""#),
    ("f_softplus", r#""preset": "ficnn", "activation": "softplus""#),
    ("f_softplus_beta5", r#""preset": "ficnn", "activation": {"softplus": 5}"#),
    ("f_leaky", r#""preset": "ficnn", "activation": {"leaky_relu": 0.2}"#),
    ("f_leaky_sq", r#""preset": "ficnn", "activation": [{"leaky_relu": 0.2}, "square"]"#),
    ("f_relu_sq", r#""preset": "ficnn", "activation": ["relu", "square"]"#),
    ("f_celu_quad", r#""preset": "ficnn", "activation": "celu", "quadratic": 0.5"#),
    ("f_relu_quad", r#""kind": "ficnn", "quadratic": 0.5, "roles": {
        "wy": ["Wy.0.weight", "Wy.1.weight", "Wy.2.weight"], "b": "Wy.{i}.bias",
        "wz": {"first": null, "then": "Wz.{i-1}.weight", "last": "Wz.1.weight"}}"#),
];

fn rows(arrays: &std::collections::BTreeMap<String, icnn::tensor::Tensor>, name: &str) -> Vec<Vec<f64>> {
    let array = &arrays[name];
    let flat = Entries::copied(array);
    flat.chunks(flat.len() / array.shape()[0]).map(<[f64]>::to_vec).collect()
}

#[test]
fn described_weights_are_the_exported_networks() {
    if !Path::new(SHARED).exists() {
        println!("skipped: {SHARED} is not there");
        return;
    }
    for (name, fields) in DESCRIBED {
        let file = |end: &str| Path::new(SHARED).join(format!("{name}.{end}"));
        let description = format!(r#"{{"format": "icnn-layers", "version": 1, {fields}}}"#);
        let weights = std::fs::read(file("safetensors")).unwrap();
        let graph = safetensors::parse(&weights, description.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let described = Arc::new(build(graph, &Choice::default()).unwrap_or_else(|e| panic!("{name}: {e}")));
        let exported = Arc::new(build(onnx::read(&file("ts.onnx")).unwrap(), &Choice::default()).unwrap());
        let io = npz::npz(&file("io.npz"));
        let (y, f) = (rows(&io, "y"), rows(&io, "f"));
        for row in 0..y.len() {
            // One network takes context and decision in one input.
            let whole = y[row].clone();
            let (x, part) = match (described.context_len(), io.get("x")) {
                (0, _) => (vec![], whole.clone()),
                (_, Some(_)) => (rows(&io, "x")[row].clone(), whole.clone()),
                (q, None) => (whole[..q].to_vec(), whole[q..].to_vec()),
            };
            let a = value(&described, &x, &part).unwrap();
            let b = value(&exported, if io.contains_key("x") { &x } else { &[] }, &whole).unwrap();
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{name}, row {row}: {a}, exported {b}");
            assert!((a - f[row][0]).abs() <= 1e-5 * b.abs().max(1.0), "{name}, row {row}: {a}, torch {}", f[row][0]);
        }
        let wanted = if *name == "f_leaky_sq" { Verdict::Refuted } else { Verdict::Proven };
        let found = verdict(&described, &Domain::cube(described.decisions(), -20.0, 20.0).unwrap());
        assert_eq!(found.verdict, wanted, "{name}: {}", found.reason);
    }
}

#[test]
fn a_forged_range_is_not_believed() {
    // f(x, y) = gate(x)·|y| with a gate that may be negative: no text can make it proven.
    let text = |gate: &str| {
        format!(
            r#"{{"format": "icnn-program", "version": 1, "decision": {{"name": "y", "shape": [1, 1]}},
            "context": {{"opset": 17, "inputs": [{{"name": "x", "shape": [1, 1]}}], "steps": [
                {{"op": "{gate}", "name": "gate", "arguments": [{{"input": 0}}]}}]}},
            "params": [{{"name": "gate", "context": {{"step": [0, 0]}}}}],
            "nodes": [{{"op": "y", "shape": [1, 1]}}, {{"op": {{"unit": {{"input": 0, "function": "abs"}}}}, "shape": [1, 1]}},
                {{"op": {{"scale": {{"input": 1, "by": 0}}}}, "shape": [1, 1]}}]}}"#
        )
    };
    let verdict_of = |gate: &str| {
        let program = Arc::new(program_json::parse(text(gate).as_bytes()).unwrap());
        icnn::check::prove(&program.for_any_context(), &Domain::everything(1)).1.output().is_convex()
    };
    assert!(verdict_of("Relu") && verdict_of("Exp"));
    assert!(!verdict_of("Neg") && !verdict_of("Tanh") && !verdict_of("Sin"));
    let claimed =
        text("Neg").replace(r#""context": {"step": [0, 0]}"#, r#""context": {"step": [0, 0]}, "range": [0, "inf"]"#);
    let error = program_json::parse(claimed.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("unknown field `range`"), "{error}");
}

/// Texts that mutations start from: a program of y alone and one with an x-path, and one with every kind of node.
fn seeds() -> Vec<String> {
    let file = |name: &str| {
        let graph = onnx::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let outputs = build_outputs(graph, None).unwrap();
        program_json::write(&outputs.program(0).unwrap()).unwrap()
    };
    let all: Program = "
        y 4
        n1 = conv n0 1x[4] -> 1x[3] kernel [2] strides [1] dilations [1] pads [0] groups 1 [1, -2]
        n2 = sparse n1 2x3 [0 0 1.5, 1 2 -1]
        n3 = lines n2 -1 0 | 0.5 | 1 -1
        n4 = max n3 [0, 1] [1]
        n5 = softplus n4 2
        n6 = dense n5 [[1, 2], [0.5, 1]]
        n7 = clip n6 -1 2
        n8 = quadratic n0 4x4 [0 0 1, 1 1 2]
        n9 = gather n7 [0]
        n10 = sum n8 n9
        output n10"
        .parse()
        .unwrap();
    vec![program_json::write(&all).unwrap(), file("examples/diabetes/diabetes.onnx")]
}

/// Reads a text and, where it is a program, runs everything that trusts one.
fn survives(text: &[u8]) {
    let Ok(program) = program_json::parse(text) else { return };
    let program = Arc::new(program);
    let domain = Domain::cube(program.decisions(), -1.0, 1.0).unwrap();
    let _ = icnn::check::prove(&program.for_any_context(), &domain);
    if let Ok(instance) = program.at(&vec![0.25; program.context_len()]) {
        let _ = instance.forward(&vec![0.5; program.decisions()]).map(|t| instance.gradient(&t));
        let _ = icnn::lower::linear(&instance, &domain);
    }
    let _ = store::onnx::write(&program);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_programs_never_panic(
        seed in 0usize..2,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..4, any::<prop::sample::Index>(), 0usize..12), 1..4),
    ) {
        static SEEDS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(seeds);
        let mut text = SEEDS[seed].clone().into_bytes();
        const WORDS: [&str; 12] = ["0", "1", "7", "-1", "4294967295", "1e308", "\"inf\"", "null", "[]", "18446744073709551615", "true", "{}"];
        for (at, kind, to, word) in edits {
            // Numbers are what most errors hide in: most edits replace one.
            let at = at.index(text.len());
            match kind {
                0 | 1 => {
                    let digit = |b: &u8| b.is_ascii_digit();
                    let Some(start) = text[at..].iter().position(digit).map(|p| at + p) else { continue };
                    let len = text[start..].iter().take_while(|b| digit(b)).count();
                    text.splice(start..start + len, WORDS[word].bytes());
                }
                2 => {
                    text.remove(at);
                }
                _ => {
                    let b = text[to.index(text.len())];
                    text.insert(at, b);
                }
            }
        }
        survives(&text);
    }
}
