//! What is not convex is never called proven, and the clear cases are refuted by a chord that `icnn eval` confirms; what is
//! convex in an unusual form is proven, and random chords agree.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;

use std::fs;
use std::process::Command;

use onnx::*;
use serde_json::{Value, json};

/// A network, the box it is asked about, and what the answer must be.
struct Case {
    what: String,
    model: ModelBuilder,
    bounds: Option<(f64, f64)>,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Proven,
    Refuted,
    /// Refuted or unknown.
    NotProven,
    Concave,
}

fn case(what: &str, answer: Answer, model: ModelBuilder) -> Case {
    Case { what: what.into(), model, bounds: None, answer }
}

impl Case {
    fn on(mut self, lower: f64, upper: f64) -> Case {
        self.bounds = Some((lower, upper));
        self
    }
}

/// Runs `icnn`; exit code, stdout.
fn icnn(args: &[String]) -> (i32, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_icnn")).args(args).output().expect("icnn runs");
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(err.is_empty(), "icnn {args:?}: {err}");
    (done.status.code().expect("an exit code"), String::from_utf8(done.stdout).expect("UTF-8"))
}

/// The files of one case.
struct Files(tempfile::TempDir);

impl Files {
    fn new(case: &Case) -> Files {
        let files = Files(tempfile::tempdir().expect("a temporary folder"));
        files.write("net.onnx", case.model.bytes());
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").into()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), contents).expect("a temporary file");
        self.path(name)
    }

    fn check(&self, case: &Case, json: bool) -> (i32, String) {
        let mut args = vec!["check".to_string(), self.path("net.onnx")];
        if let Some((l, u)) = case.bounds {
            args.extend(["--lower".into(), l.to_string(), "--upper".into(), u.to_string()]);
        }
        args.extend(json.then(|| "--json".to_string()));
        icnn(&args)
    }

    /// f at each point.
    fn values(&self, points: &Value, context: &Value) -> Vec<f64> {
        let at = self.write("at.json", points.to_string());
        let mut args = vec!["eval".into(), self.path("net.onnx"), "--json".into(), "--at".into(), at];
        if context.is_array() {
            args.extend(["--context".into(), self.write("x.json", json!([context]).to_string())]);
        }
        let (code, out) = icnn(&args);
        assert_eq!(code, 0, "{out}");
        let line = |l: &str| serde_json::from_str::<Value>(l).expect("JSON")["value"].as_f64().expect("a value");
        out.lines().map(line).collect()
    }
}

/// The witness is what it claims to be, told by `icnn eval` alone: f above its chord by more than the stated error, on
/// points of the box.
fn confirm(case: &Case, files: &Files, witness: &Value) -> f64 {
    let what = &case.what;
    let list = |key: &str| -> Vec<f64> {
        witness[key].as_array().expect(key).iter().map(|v| v.as_f64().expect("a number")).collect()
    };
    let (u, v, point) = (list("u"), list("v"), list("point"));
    assert_eq!(witness["theta"], 0.5, "{what}");
    for j in 0..u.len() {
        assert_eq!(point[j], 0.5 * u[j] + 0.5 * v[j], "{what}: y[{j}] of the middle");
        if let Some((l, r)) = case.bounds {
            assert!(u[j].min(v[j]) >= l && u[j].max(v[j]) <= r, "{what}: y[{j}] is outside the box");
        }
    }
    let f = files.values(&json!([u, v, point]), &witness["context"]);
    let violation = f[2] - 0.5 * (f[0] + f[1]);
    let error = witness["error"].as_f64().expect("an error");
    assert!(error >= 0.0 && violation > error, "{what}: {violation:e} is not more than {error:e}");
    assert_eq!((f[0], f[1], f[2]), (number(&witness["f_u"]), number(&witness["f_v"]), number(&witness["f_point"])));
    violation
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// The largest amount by which f lies above its chord at the middle of random chords, relative to the values.
fn jensen(case: &Case, files: &Files, width: usize, context: &Value) -> f64 {
    let (l, u) = case.bounds.unwrap_or((-3.0, 3.0));
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        l + (u - l) * (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut points = vec![];
    for k in 0..60 {
        let p: Vec<f64> = (0..width).map(|_| uniform()).collect();
        let far: Vec<f64> = (0..width).map(|_| uniform()).collect();
        let step = [1.0, 0.1, 0.01][k % 3];
        let q: Vec<f64> = p.iter().zip(&far).map(|(a, b)| a + step * (b - a)).collect();
        let m: Vec<f64> = p.iter().zip(&q).map(|(a, b)| 0.5 * (a + b)).collect();
        points.extend([p, q, m]);
    }
    let values = files.values(&json!(points), context);
    let above = values.chunks(3).map(|f| (f[2] - 0.5 * (f[0] + f[1])) / (1.0 + f[0].abs() + f[1].abs()));
    above.fold(f64::NEG_INFINITY, f64::max)
}

fn run(cases: Vec<Case>) {
    let mut faults = vec![];
    println!("{:<46} {:>8}  violation or reason", "", "");
    for case in &cases {
        let files = Files::new(case);
        let (code, out) = files.check(case, true);
        let line: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{}: {e}: {out}", case.what));
        let (verdict, reason) = (line["verdict"].as_str().expect("a verdict"), line["reason"].as_str().expect("one"));
        let expected = match case.answer {
            Answer::Proven => verdict == "proven",
            Answer::Refuted => verdict == "refuted",
            Answer::NotProven | Answer::Concave => verdict != "proven",
        };
        assert_eq!(code, i32::from(verdict != "proven"), "{}", case.what);
        if !expected {
            faults.push(format!("{}: {verdict}: {reason}", case.what));
        }
        let input = |name: &str| {
            let inputs = &case.model.model.graph.as_ref().expect("a graph").input;
            inputs.iter().find(|i| i.name() == name).map(extents)
        };
        let short: String = reason.chars().take(150).collect();
        match verdict {
            "refuted" => {
                let violation = confirm(case, &files, &line["witness"]);
                println!("{:<46} refuted  {violation:.3e}", case.what);
            }
            "proven" => {
                let context = input("x").map_or(Value::Null, |q| json!(vec![0.4; q]));
                let above = jensen(case, &files, input("y").expect("y"), &context);
                if above > 1e-12 {
                    faults.push(format!("{}: called proven, but a chord lies {above:e} below it", case.what));
                }
                println!("{:<46} proven   {short}", case.what);
            }
            _ => println!("{:<46} {verdict}  {short}", case.what),
        }
        if case.answer == Answer::Concave {
            let (_, text) = files.check(case, false);
            if !text.contains("concave") || !text.contains("--maximize") {
                faults.push(format!("{}: not called concave: {text}", case.what));
            }
        }
    }
    println!("{} networks", cases.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn extents(input: &ValueInfoProto) -> usize {
    let shape = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref());
    shape.expect("a shape").dim.iter().map(|d| d.dim_value.unwrap_or(1) as usize).product()
}

/// Numbers of both signs.
fn signed(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % 2001) as f32 / 1000.0 - 1.0
        })
        .collect()
}

/// Numbers ≥ 0.05.
fn positive(n: usize, seed: u64) -> Vec<f32> {
    signed(n, seed).into_iter().map(|v| v.abs() / 2.0 + 0.05).collect()
}

/// The common part of the networks of one piece: y has 3 entries, of which
/// - `t` is affine (4), `p` is affine and > 0 for y ≥ 0,
/// - `c` is convex and takes both signs (4), `z` = relu(c),
/// - f is the sum of `h`, which the pieces define.
fn pieces(pieces: Vec<NodeProto>) -> ModelBuilder {
    let numbers = [("zero", 0.0), ("half", 0.5), ("one", 1.0), ("two", 2.0), ("fifth", 0.2), ("twenty", 20.0)];
    let b = vec![int("transB", 1)];
    let mut model = ModelBuilder::new(20)
        .input("y", &[None, Some(3)])
        .initializer("W", &[4, 3], &signed(12, 1))
        .initializer("b", &[4], &[0.1, -0.2, 0.3, -0.1])
        .initializer("P", &[4, 3], &positive(12, 2))
        .initializer("Z", &[4, 4], &positive(16, 3))
        .initializer("V", &[4, 3], &signed(12, 4))
        .initializer("d", &[4], &[-0.5; 4])
        .initializer("ones", &[4], &[1.0; 4])
        .node("Gemm", &["y", "W", "b"], &["t"], b.clone())
        .node("Gemm", &["y", "P", "ones"], &["p"], b.clone())
        .node("Relu", &["t"], &["r"], vec![])
        .node("Gemm", &["r", "Z", "d"], &["c1"], b.clone())
        .node("Gemm", &["y", "V"], &["c2"], b)
        .node("Add", &["c1", "c2"], &["c"], vec![])
        .node("Relu", &["c"], &["z"], vec![]);
    for (name, value) in numbers {
        model = model.initializer(name, &[], &[value]);
    }
    model.graph().node.extend(pieces);
    model.node("ReduceSum", &["h"], &["f"], vec![int("keepdims", 0)]).output("f")
}

/// h is one operation.
fn one(op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> ModelBuilder {
    pieces(vec![node(op, inputs, &["h"], attributes)])
}

/// h is what the last of several operations without attributes makes.
fn several(steps: &[(&str, &[&str], &str)]) -> ModelBuilder {
    pieces(steps.iter().map(|(op, inputs, output)| node(op, inputs, &[output], vec![])).collect())
}

/// A FICNN with two hidden layers.
fn ficnn() -> ModelBuilder {
    let b = || vec![int("transB", 1)];
    ModelBuilder::new(17)
        .input("y", &[None, Some(3)])
        .initializer("Wy0", &[5, 3], &signed(15, 11))
        .initializer("b0", &[5], &signed(5, 12))
        .initializer("Wz1", &[4, 5], &positive(20, 13))
        .initializer("Wy1", &[4, 3], &signed(12, 14))
        .initializer("b1", &[4], &signed(4, 15))
        .initializer("Wz2", &[1, 4], &positive(4, 16))
        .initializer("Wy2", &[1, 3], &signed(3, 17))
        .node("Gemm", &["y", "Wy0", "b0"], &["a1"], b())
        .node("Relu", &["a1"], &["z1"], vec![])
        .node("Gemm", &["z1", "Wz1", "b1"], &["c2"], b())
        .node("Gemm", &["y", "Wy1"], &["d2"], b())
        .node("Add", &["c2", "d2"], &["a2"], vec![])
        .node("Relu", &["a2"], &["z2"], vec![])
        .node("Gemm", &["z2", "Wz2"], &["c3"], b())
        .node("Gemm", &["y", "Wy2"], &["d3"], b())
        .node("Add", &["c3", "d3"], &["f"], vec![])
        .output("f")
}

/// A PICNN with one gated layer: z ∘ relu(Wzu x + bz), y ∘ (Wyu x + by), Wu x.
fn picnn() -> ModelBuilder {
    let b = || vec![int("transB", 1)];
    ModelBuilder::new(17)
        .input("x", &[None, Some(2)])
        .input("y", &[None, Some(3)])
        .initializer("Wu0", &[4, 2], &signed(8, 21))
        .initializer("Wy0", &[4, 3], &signed(12, 22))
        .initializer("Wzu", &[4, 2], &signed(8, 23))
        .initializer("bz", &[4], &[0.1; 4])
        .initializer("Wz1", &[1, 4], &positive(4, 24))
        .initializer("Wyu", &[3, 2], &signed(6, 25))
        .initializer("Wy1", &[1, 3], &signed(3, 26))
        .node("Gemm", &["y", "Wy0"], &["ay"], b())
        .node("Gemm", &["x", "Wu0"], &["au"], b())
        .node("Add", &["ay", "au"], &["a1"], vec![])
        .node("Relu", &["a1"], &["z1"], vec![])
        .node("Gemm", &["x", "Wzu", "bz"], &["g"], b())
        .node("Relu", &["g"], &["gate"], vec![])
        .node("Mul", &["z1", "gate"], &["gated"], vec![])
        .node("Gemm", &["gated", "Wz1"], &["c2"], b())
        .node("Gemm", &["x", "Wyu"], &["s"], b())
        .node("Mul", &["y", "s"], &["ys"], vec![])
        .node("Gemm", &["ys", "Wy1"], &["d2"], b())
        .node("Add", &["c2", "d2"], &["f"], vec![])
        .output("f")
}

/// Convolution, batch norm, relu, convolution with weights ≥ 0, batch norm, relu, max pooling, mean.
fn convolutional() -> ModelBuilder {
    let norm = |k: usize| [format!("scale{k}"), format!("bias{k}"), format!("mean{k}"), format!("variance{k}")];
    let mut model = ModelBuilder::new(17)
        .input("y", &[None, Some(1), Some(4), Some(4)])
        .initializer("K0", &[2, 1, 2, 2], &signed(8, 31))
        .initializer("K1", &[2, 2, 2, 2], &positive(16, 32));
    for k in 0..2 {
        let [scale, bias, mean, variance] = norm(k);
        model = model
            .initializer(&scale, &[2], &positive(2, 33))
            .initializer(&bias, &[2], &[-0.1, 0.2])
            .initializer(&mean, &[2], &[0.3, 0.1])
            .initializer(&variance, &[2], &[0.8, 1.2]);
    }
    for (k, input) in ["y", "z0"].into_iter().enumerate() {
        let [scale, bias, mean, variance] = norm(k);
        let (a, n, z) = (format!("a{k}"), format!("n{k}"), format!("z{k}"));
        model = model
            .node("Conv", &[input, &format!("K{k}")], &[&a], vec![])
            .node("BatchNormalization", &[&a, &scale, &bias, &mean, &variance], &[&n], vec![])
            .node("Relu", &[&n], &[&z], vec![]);
    }
    model
        .node("MaxPool", &["z1"], &["pool"], vec![ints("kernel_shape", &[2, 2])])
        .node("ReduceMean", &["pool"], &["f"], vec![int("keepdims", 0)])
        .output("f")
}

/// The network with one number of one weight changed.
fn weight(mut model: ModelBuilder, name: &str, at: usize, value: f32) -> ModelBuilder {
    let stored = model.graph().initializer.iter_mut().find(|t| t.name() == name).expect("a weight");
    overwrite(stored, 4 * at, &value.to_le_bytes());
    model
}

/// The network with the operation that makes `output` replaced by another.
fn operation(mut model: ModelBuilder, output: &str, op: &str, attributes: Vec<AttributeProto>) -> ModelBuilder {
    let found = model.graph().node.iter_mut().find(|n| n.output[0] == output).expect("a node");
    (found.op_type, found.attribute) = (Some(op.into()), attributes);
    model
}

#[test]
fn one_change_to_a_convex_network_is_noticed() {
    use Answer::{NotProven, Proven, Refuted};
    let opset_20 = |mut model: ModelBuilder| {
        model.model.opset_import[0].version = Some(20);
        model
    };
    let mut cases = vec![
        case("FICNN", Proven, ficnn()),
        case("FICNN, one Wz = -1e-9", NotProven, weight(ficnn(), "Wz1", 7, -1e-9)),
        case("FICNN, one Wz = -1e-9 in a box", NotProven, weight(ficnn(), "Wz1", 7, -1e-9)).on(-1.0, 1.0),
        case("FICNN, one Wz = -1e-30", NotProven, weight(ficnn(), "Wz1", 7, -1e-30)),
        case("FICNN, one Wz = -0.3", Refuted, weight(ficnn(), "Wz1", 7, -0.3)),
        case("FICNN, one output weight = -0.3", Refuted, weight(ficnn(), "Wz2", 1, -0.3)),
        case("FICNN, one output weight = -1e-9", NotProven, weight(ficnn(), "Wz2", 1, -1e-9)),
        case("PICNN", Proven, picnn()),
        case("PICNN, one Wz = -0.3", Refuted, weight(picnn(), "Wz1", 1, -0.3)),
        case("PICNN, one Wz = -1e-9", NotProven, weight(picnn(), "Wz1", 1, -1e-9)),
        case("PICNN, gate without relu", Refuted, operation(picnn(), "gate", "Identity", vec![])),
        case("PICNN, gate by tanh", Refuted, operation(picnn(), "gate", "Tanh", vec![])),
        case("PICNN, gate by sigmoid", Proven, operation(picnn(), "gate", "Sigmoid", vec![])),
        case("PICNN, gate by softplus", Proven, operation(picnn(), "gate", "Softplus", vec![])),
        case("PICNN, gate by elu", Refuted, operation(picnn(), "gate", "Elu", vec![])),
        case("convolutional", Proven, convolutional()),
        case("convolutional, one kernel entry = -0.3", Refuted, weight(convolutional(), "K1", 3, -0.3)),
        case("convolutional, one kernel entry = -1e-9", NotProven, weight(convolutional(), "K1", 3, -1e-9)),
        case("first batch norm of any sign", Proven, weight(convolutional(), "scale0", 0, -0.5)),
        case("batch norm scale = -0.5 on convex", Refuted, weight(convolutional(), "scale1", 0, -0.5)),
        case("batch norm scale = -1e-9 on convex", NotProven, weight(convolutional(), "scale1", 1, -1e-9)),
        case(
            "mean pooling",
            Proven,
            operation(convolutional(), "pool", "AveragePool", vec![ints("kernel_shape", &[2, 2])]),
        ),
    ];
    let silent = || vec![];
    for (what, op, attributes) in [
        ("elu with alpha 2", "Elu", vec![float("alpha", 2.0)]),
        ("selu", "Selu", silent()),
        ("leaky relu with slope 1.5", "LeakyRelu", vec![float("alpha", 1.5)]),
        ("gelu", "Gelu", silent()),
        ("gelu by tanh", "Gelu", vec![string("approximate", "tanh")]),
        ("sigmoid", "Sigmoid", silent()),
        ("tanh", "Tanh", silent()),
        ("mish", "Mish", silent()),
        ("hard sigmoid", "HardSigmoid", silent()),
        ("hard swish", "HardSwish", silent()),
        ("softsign", "Softsign", silent()),
        ("thresholded relu", "ThresholdedRelu", vec![float("alpha", 0.5)]),
        ("error function", "Erf", silent()),
        ("sine", "Sin", silent()),
        ("arctan", "Atan", silent()),
        ("softmax", "Softmax", silent()),
    ] {
        for z in ["z1", "z2"] {
            let model = opset_20(operation(ficnn(), z, op, attributes.clone()));
            cases.push(case(&format!("{what} for {z}"), Refuted, model).on(-4.0, 4.0));
        }
    }
    for (what, op, alpha) in [("leaky with slope -0.2", "LeakyRelu", -0.2), ("elu with alpha -0.5", "Elu", -0.5)] {
        // Convex, but not monotone: only the layer on affine arguments may have it.
        cases.push(case(what, Refuted, operation(ficnn(), "z2", op, vec![float("alpha", alpha)])).on(-4.0, 4.0));
    }
    cases.push(case(
        "leaky with slope -0.2, of affine",
        Proven,
        operation(ficnn(), "z1", "LeakyRelu", vec![float("alpha", -0.2)]),
    ));
    for (what, op) in [("rounding", "Round"), ("floor", "Floor"), ("ceiling", "Ceil"), ("sign", "Sign")] {
        cases.push(case(what, Refuted, operation(ficnn(), "z2", op, vec![])).on(-4.0, 4.0));
    }
    run(cases);
}

#[test]
fn nonconvex_forms_are_not_proven() {
    use Answer::{Concave, NotProven, Refuted};
    let bounds = || vec![node("Clip", &["c", "zero", "one"], &["h"], vec![])];
    let quadratic = |matrix: [f32; 9]| {
        let mut model =
            pieces(vec![node("MatMul", &["y", "Q"], &["yq"], vec![]), node("Mul", &["yq", "y"], &["h"], vec![])]);
        model.graph().initializer.push(tensor_f32("Q", &[3, 3], &matrix));
        model
    };
    let einsum = {
        let equation = string("equation", "bi,ij,bj->b");
        let mut model = one("Einsum", &["y", "Q", "y"], vec![equation]);
        model.graph().initializer.push(tensor_f32("Q", &[3, 3], &[2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -0.5]));
        model
    };
    let mut slope = one("PRelu", &["c", "slope"], vec![]);
    slope.graph().initializer.push(tensor_f32("slope", &[4], &[0.2, 1.5, 0.1, 0.3]));
    run(vec![
        case("min instead of max", Refuted, several(&[("Min", &["z", "t"], "h")])),
        case("min of convex and constant", Refuted, several(&[("Min", &["c", "one"], "h")])),
        case("a relu subtracted", Refuted, several(&[("Sub", &["z", "r"], "h")])),
        case("a relu subtracted from affine", Concave, several(&[("Sub", &["t", "r"], "h")])),
        case("product of two branches", Refuted, several(&[("Mul", &["t", "c"], "h")])),
        case("product of y with itself shifted", NotProven, several(&[("Mul", &["t", "p"], "h")])).on(0.0, 1.0),
        case("indefinite quadratic form", Refuted, quadratic([1.0, 0.0, 0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 1.0])),
        case("indefinite quadratic form by einsum", Refuted, einsum),
        case(
            "semidefinite but for rounding",
            NotProven,
            quadratic([1.0, 1.0, 0.0, 1.0, 0.999_999, 0.0, 0.0, 0.0, 1.0]),
        ),
        case("clip with both ends", Refuted, pieces(bounds())),
        case("square root of affine", Concave, several(&[("Sqrt", &["p"], "h")])).on(0.0, 5.0),
        case("square root of convex", Refuted, several(&[("Add", &["z", "one"], "s"), ("Sqrt", &["s"], "h")]))
            .on(-5.0, 5.0),
        case("log of convex", Refuted, several(&[("Add", &["z", "one"], "s"), ("Log", &["s"], "h")])).on(-5.0, 5.0),
        case("log of affine", Concave, several(&[("Log", &["p"], "h")])).on(0.0, 5.0),
        case(
            "gelu in pieces",
            Refuted,
            several(&[
                ("Mul", &["t", "half"], "q"),
                ("Erf", &["q"], "e"),
                ("Add", &["e", "one"], "g"),
                ("Mul", &["t", "g"], "k"),
                ("Mul", &["k", "half"], "h"),
            ]),
        ),
        case("silu in pieces", Refuted, several(&[("Sigmoid", &["t"], "s"), ("Mul", &["t", "s"], "h")])),
        case("abs of convex of both signs", Refuted, several(&[("Abs", &["c"], "h")])),
        case("square of convex of both signs", Refuted, several(&[("Pow", &["c", "two"], "h")])),
        case("square by product, of both signs", Refuted, several(&[("Mul", &["c", "c"], "h")])),
        case("norm of convex of both signs", Refuted, one("ReduceL2", &["c"], vec![])),
        case("1/t across 0", NotProven, several(&[("Reciprocal", &["t"], "h")])).on(-1.0, 1.0),
        case("1/convex", Refuted, several(&[("Add", &["z", "one"], "s"), ("Reciprocal", &["s"], "h")])).on(-3.0, 3.0),
        case("quotient of two branches", Refuted, several(&[("Div", &["t", "p"], "h")])).on(0.0, 2.0),
        case("smallest of convex entries", Refuted, one("ReduceMin", &["c"], vec![])),
        case(
            "a choice that is not continuous",
            Refuted,
            several(&[("Greater", &["t", "zero"], "g"), ("Where", &["g", "one", "t"], "h")]),
        ),
        case(
            "a choice with slope 2 below",
            Refuted,
            several(&[("Mul", &["t", "two"], "k"), ("Greater", &["t", "zero"], "g"), ("Where", &["g", "t", "k"], "h")]),
        ),
        case(
            "softplus with its guard at 0",
            Refuted,
            several(&[("Softplus", &["t"], "s"), ("Greater", &["t", "zero"], "g"), ("Where", &["g", "t", "s"], "h")]),
        ),
        case("prelu with one slope 1.5", Refuted, slope),
        case(
            "prelu in pieces with slope 2",
            Refuted,
            several(&[
                ("Neg", &["c"], "n"),
                ("Relu", &["n"], "m"),
                ("Mul", &["two", "m"], "k"),
                ("Sub", &["z", "k"], "h"),
            ]),
        ),
        case("the negative of a network", Concave, several(&[("Neg", &["z"], "h")])),
        case(
            "the negative of log-sum-exp",
            Concave,
            several(&[("Exp", &["t"], "e"), ("ReduceSum", &["e"], "s"), ("Log", &["s"], "l"), ("Neg", &["l"], "h")]),
        ),
        case(
            "cube of convex",
            Refuted,
            pieces(vec![node("Mul", &["c", "c"], &["q"], vec![]), node("Mul", &["q", "c"], &["h"], vec![])]),
        ),
        case(
            "relu minus a smaller relu",
            Refuted,
            several(&[
                ("Sub", &["t", "half"], "s"),
                ("Relu", &["s"], "q"),
                ("Mul", &["q", "two"], "k"),
                ("Sub", &["r", "k"], "h"),
            ]),
        ),
        case("leaky relu of slope 1.5", Refuted, one("LeakyRelu", &["c"], vec![float("alpha", 1.5)])),
        case("exp of concave", Refuted, several(&[("Neg", &["z"], "n"), ("Exp", &["n"], "h")])),
        case(
            "square on a box that is too large",
            Refuted,
            several(&[("Max", &["p", "c2"], "m"), ("Mul", &["m", "m"], "h")]),
        )
        .on(-6.0, 6.0),
        case(
            "logit of log-sum-exp",
            Refuted,
            several(&[("Exp", &["c"], "e"), ("ReduceMean", &["e"], "s"), ("Neg", &["s"], "n"), ("Exp", &["n"], "h")]),
        )
        .on(-2.0, 2.0),
    ]);
}

#[test]
fn unusual_convex_forms_are_proven() {
    use Answer::Proven;
    let mut psd = one("Einsum", &["y", "Q", "y"], vec![string("equation", "bi,ij,bj->b")]);
    psd.graph().initializer.push(tensor_f32("Q", &[3, 3], &[2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0]));
    let mut slope = one("PRelu", &["c", "slope"], vec![]);
    slope.graph().initializer.push(tensor_f32("slope", &[4], &[0.2, 0.5, 0.0, 1.0]));
    let s = |what: &str, steps: &[(&str, &[&str], &str)]| case(what, Proven, several(steps));
    run(vec![
        s("abs of affine", &[("Abs", &["t"], "h")]),
        s("abs of convex that is not negative", &[("Abs", &["z"], "h")]),
        s("relu squared", &[("Pow", &["z", "two"], "h")]),
        s("relu times itself", &[("Mul", &["z", "z"], "h")]),
        s("square of affine", &[("Mul", &["t", "t"], "h")]),
        s("clip at the lower end", &[("Clip", &["c", "half"], "h")]),
        s("clip at the upper end, turned", &[("Clip", &["t", "", "half"], "m"), ("Neg", &["m"], "h")]),
        s(
            "minimum with a number, turned",
            &[("Min", &["t", "one"], "m"), ("Mul", &["m", "half"], "k"), ("Sub", &["z", "k"], "h")],
        ),
        s(
            "-min(-a, -b)",
            &[("Neg", &["c"], "m"), ("Neg", &["z"], "n"), ("Min", &["m", "n"], "k"), ("Neg", &["k"], "h")],
        ),
        s(
            "softplus with its guard",
            &[("Softplus", &["c"], "s"), ("Greater", &["c", "twenty"], "g"), ("Where", &["g", "c", "s"], "h")],
        ),
        s(
            "softplus with its guard, other way round",
            &[("Softplus", &["c"], "s"), ("LessOrEqual", &["c", "twenty"], "g"), ("Where", &["g", "s", "c"], "h")],
        ),
        s("leaky as a maximum", &[("Mul", &["c", "fifth"], "k"), ("Max", &["c", "k"], "h")]),
        s(
            "leaky as a choice",
            &[("Mul", &["c", "fifth"], "k"), ("Greater", &["c", "zero"], "g"), ("Where", &["g", "c", "k"], "h")],
        ),
        s(
            "leaky as a choice, other way round",
            &[("Mul", &["fifth", "c"], "k"), ("Less", &["c", "zero"], "g"), ("Where", &["g", "k", "c"], "h")],
        ),
        s(
            "prelu in pieces",
            &[("Neg", &["c"], "n"), ("Relu", &["n"], "m"), ("Mul", &["fifth", "m"], "k"), ("Sub", &["z", "k"], "h")],
        ),
        s(
            "elu in pieces",
            &[
                ("Exp", &["c"], "e"),
                ("Sub", &["e", "one"], "k"),
                ("Greater", &["c", "zero"], "g"),
                ("Where", &["g", "c", "k"], "h"),
            ],
        ),
        s("hinge of affine", &[("Sub", &["one", "t"], "k"), ("Max", &["k", "zero"], "h")]),
        s("hinge of concave", &[("Sub", &["one", "z"], "k"), ("Neg", &["k"], "n"), ("Max", &["n", "zero"], "h")]),
        s("relu by a mask", &[("Greater", &["c", "zero"], "g"), ("Where", &["g", "c", "zero"], "h")]),
        case("norm of affine", Proven, one("ReduceL2", &["t"], vec![])),
        case("norm of convex that is not negative", Proven, one("ReduceL2", &["z"], vec![])),
        s("norm in pieces", &[("ReduceSumSquare", &["t"], "q"), ("Sqrt", &["q"], "h")]),
        s("norm in more pieces", &[("Mul", &["t", "t"], "q"), ("ReduceSum", &["q"], "s"), ("Sqrt", &["s"], "h")]),
        case("sum of absolute values", Proven, one("ReduceL1", &["t"], vec![])),
        s("log-sum-exp in pieces", &[("Exp", &["c"], "e"), ("ReduceSum", &["e"], "s"), ("Log", &["s"], "h")]),
        case("log-sum-exp", Proven, one("ReduceLogSumExp", &["c"], vec![])),
        s("log(1 + exp)", &[("Exp", &["c"], "e"), ("Add", &["one", "e"], "s"), ("Log", &["s"], "h")]),
        s("cross entropy", &[("ReduceLogSumExp", &["t"], "l"), ("ReduceMean", &["t"], "m"), ("Sub", &["l", "m"], "h")]),
        case("largest entry", Proven, one("ReduceMax", &["c"], vec![])),
        case("celu", Proven, one("Celu", &["c"], vec![float("alpha", 2.0)])),
        case("elu with alpha 0.5", Proven, one("Elu", &["c"], vec![float("alpha", 0.5)])),
        case("prelu with slopes up to 1", Proven, slope),
        case("positive definite quadratic form", Proven, psd),
        s("exp of convex", &[("Exp", &["c"], "h")]).on(-2.0, 2.0),
        s("square on a box of one sign", &[("Max", &["p", "c2"], "m"), ("Mul", &["m", "m"], "h")]).on(0.0, 2.0),
        case("leaky of slope 1.5, decided by the box", Proven, one("LeakyRelu", &["p"], vec![float("alpha", 1.5)]))
            .on(0.0, 4.0),
        case(
            "sigmoid of what is negative",
            Proven,
            pieces(vec![node("Neg", &["p"], &["n"], vec![]), node("Sigmoid", &["n"], &["h"], vec![])]),
        )
        .on(0.0, 4.0),
        s("1/t", &[("Reciprocal", &["p"], "h")]).on(0.0, 4.0),
        s("2/t", &[("Div", &["two", "p"], "h")]).on(0.0, 4.0),
        s("t to the power -2", &[("Neg", &["two"], "e"), ("Pow", &["p", "e"], "h")]).on(0.0, 4.0),
        s("t to the power 1.5", &[("Add", &["one", "half"], "e"), ("Pow", &["p", "e"], "h")]).on(0.0, 4.0),
        s("t log t", &[("Log", &["p"], "l"), ("Mul", &["p", "l"], "h")]).on(0.0, 4.0),
        s("-log t", &[("Log", &["p"], "l"), ("Neg", &["l"], "h")]).on(0.0, 4.0),
        s("-sqrt t", &[("Sqrt", &["p"], "l"), ("Neg", &["l"], "h")]).on(0.0, 4.0),
        s("clip with both ends, one out of reach", &[("Clip", &["z", "zero", "twenty"], "h")]).on(-0.5, 0.5),
    ]);
}
