//! Reading ONNX files and running them: every exported network agrees with its framework, malformed files are refused in
//! words, and no bytes make the reader panic.
#![cfg(feature = "onnx")]

#[path = "common/npz.rs"]
mod npz;
#[path = "common/onnx.rs"]
mod onnx;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use icnn::load::error::LoadError;
use icnn::load::graph::Graph;
use icnn::load::onnx::{parse, read};
use icnn::tensor::{Tensor, evaluate};
use ndarray::{ArrayD, IxDyn};
use npz::npz;
use onnx::*;

/// How many numbers a result may have in these tests.
const LIMIT: usize = 1 << 20;

/// The exported networks, if this checkout has them beside it.
fn networks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    let Ok(entries) = folder.read_dir() else {
        println!("skipped: no exported networks at {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    files
}

/// Runs a whole graph on concrete inputs; all values by name.
fn run(graph: &Graph, inputs: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, String> {
    let mut values = graph.initializers.clone();
    values.extend(inputs.clone());
    for node in &graph.nodes {
        let given: Vec<Option<&Tensor>> = node.inputs.iter().map(|i| i.as_ref().and_then(|n| values.get(n))).collect();
        let outputs = evaluate(node, &given, graph.opset, LIMIT).map_err(|e| format!("{}: {e}", node.name))?;
        values.extend(node.outputs.iter().cloned().zip(outputs));
    }
    Ok(values)
}

/// The largest difference of two float tensors of one shape, relative to the larger of 1 and the second's norm.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (found.as_float().unwrap(), expected.as_float().unwrap());
    let scale = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f64::max)
}

#[test]
fn every_network_agrees_with_its_framework() {
    for path in networks() {
        let graph = read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let stem = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_string();
        let arrays = npz(&path.with_file_name(format!("{stem}.io.npz")));
        let inputs: BTreeMap<String, Tensor> =
            graph.inputs.iter().map(|i| (i.name.clone(), arrays[&i.name].clone())).collect();
        let values = run(&graph, &inputs).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let worst = difference(&values[&graph.outputs[0].name], &arrays["f"]);
        println!("{stem} opset {} ({} nodes): {worst:.1e}", graph.opset, graph.nodes.len());
        assert!(worst < 1e-5, "{}: {worst:e}", path.display());
    }
}

/// A small network with every kind of storage: weights, constants, axes, a function.
fn small() -> ModelBuilder {
    let mut builder = ModelBuilder::new(13)
        .input("y", &[Some(2), Some(3)])
        .initializer("w", &[3, 2], &[1.0, -2.0, 3.0, -4.0, 5.0, -6.0])
        .integers("axes", &[1], &[1])
        .node("Constant", &[], &["c"], vec![tensor("value", tensor_f32("", &[2], &[0.5, 0.25]))])
        .node("Gemm", &["y", "w", "c"], &["a"], vec![float("alpha", 2.0)])
        .node("Softplus", &["a"], &["s"], vec![])
        .node("Twice", &["s"], &["t"], vec![])
        .node("ReduceSum", &["t", "axes"], &["f"], vec![int("keepdims", 0)])
        .output("f");
    builder.graph().node[3].domain = Some("local".into());
    builder.model.functions.push(FunctionProto {
        name: Some("Twice".into()),
        domain: Some("local".into()),
        input: vec!["v".into()],
        output: vec!["r".into()],
        node: vec![node("Add", &["v", "v"], &["r"], vec![])],
        ..Default::default()
    });
    builder
}

/// The graph of a builder.
fn graph(builder: &ModelBuilder) -> Graph {
    parse(&builder.bytes(), None).unwrap_or_else(|e| panic!("{e}"))
}

/// What the reader says against a builder.
fn refusal(builder: &ModelBuilder) -> String {
    match parse(&builder.bytes(), None) {
        Ok(_) => panic!("the model was accepted"),
        Err(e) => e.to_string(),
    }
}

/// A graph `f = Relu(y)` at opset 13.
fn relu() -> ModelBuilder {
    ModelBuilder::new(13).input("y", &[Some(2)]).node("Relu", &["y"], &["f"], vec![]).output("f")
}

#[test]
fn a_small_model_is_read_and_run() {
    let graph = graph(&small());
    assert_eq!(graph.opset, 13);
    assert_eq!(graph.stored_elements, 6 + 1 + 2);
    let names: Vec<&str> = graph.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["Gemm_1", "Softplus_2", "Twice_3#1/Add_0", "ReduceSum_4"]);
    let y = Tensor::Float(ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![1.0, 0.0, -1.0]).unwrap());
    let values = run(&graph, &BTreeMap::from([("y".to_string(), y)])).unwrap();
    // 2 (1 - 5) + 0.5 and 2 (-2 + 6) + 0.25.
    let softplus = |v: f64| (1.0 + v.exp()).ln();
    let expected = 2.0 * (softplus(-7.5) + softplus(8.25));
    assert!((values["f"].as_float().unwrap()[[0]] - expected).abs() < 1e-12);
}

#[test]
fn weights_listed_as_inputs_are_no_inputs() {
    let builder = relu().initializer("w", &[1], &[1.0]).input("w", &[Some(1)]);
    let inputs: Vec<String> = graph(&builder).inputs.into_iter().map(|i| i.name).collect();
    assert_eq!(inputs, ["y"]);
}

#[test]
fn nodes_are_sorted_and_cycles_named() {
    let shuffled = ModelBuilder::new(13)
        .input("y", &[None])
        .node("Exp", &["a"], &["f"], vec![])
        .node("Relu", &["y"], &["a"], vec![])
        .output("f");
    let order: Vec<String> = graph(&shuffled).nodes.into_iter().map(|n| n.op).collect();
    assert_eq!(order, ["Relu", "Exp"]);
    let cyclic = ModelBuilder::new(13)
        .node("Exp", &["b"], &["f"], vec![])
        .node("Relu", &["b"], &["a"], vec![])
        .node("Neg", &["a"], &["b"], vec![])
        .output("f");
    assert_eq!(refusal(&cyclic), "graph: node 'Neg_2' (Neg) depends on its own output");
}

#[test]
fn names_are_defined_once_and_before_use() {
    let twice = relu().node("Exp", &["y"], &["f"], vec![]);
    assert_eq!(refusal(&twice), "graph: 'f' is defined twice: by node 'Exp_1' (Exp) and by node 'Relu_0' (Relu)");
    let shadowed = relu().initializer("f", &[1], &[0.0]);
    assert_eq!(refusal(&shadowed), "graph: 'f' is defined twice: by node 'Relu_0' (Relu) and by an input or constant");
    let never = relu().node("Exp", &["q"], &["e"], vec![]);
    assert_eq!(refusal(&never), "graph: 'q' is read by node 'Exp_1' (Exp) and never defined");
    assert_eq!(refusal(&relu().output("g")), "graph: output 'g' is never defined");
    let mut no_output = relu();
    no_output.graph().output.clear();
    assert_eq!(refusal(&no_output), "graph: it declares no output");
}

#[test]
fn opsets_outside_the_range_are_refused_with_both_numbers() {
    let mut builder = relu();
    builder.model.opset_import[0].version = Some(8);
    assert_eq!(refusal(&builder), "the model uses opset 8, this reader knows opsets 9 to 23");
    builder.model.opset_import[0].version = Some(24);
    assert!(refusal(&builder).contains("24"));
    builder.model.opset_import.clear();
    assert_eq!(refusal(&builder), "not a readable model: 0 versions of the default operator set, 1 is needed");
}

#[test]
fn tensors_must_hold_what_their_dims_say() {
    let with = |tensor: TensorProto| refusal(&relu().tensor(tensor));
    let mut short = tensor_f32("fc1.weight", &[8, 4], &[0.0; 24]);
    assert_eq!(with(short.clone()), "tensor 'fc1.weight': dims [8, 4] need 128 bytes of f32, raw_data has 96");
    short.raw_data = None;
    short.float_data = vec![0.0; 24];
    assert_eq!(with(short), "tensor 'fc1.weight': dims [8, 4] need 32 numbers of f32, float_data has 24");
    assert_eq!(with(tensor_f32("w", &[2, -1], &[])), "tensor 'w': dims [2, -1] have -1 at axis 1");
    assert_eq!(with(tensor_f32("w", &[0], &[])), "tensor 'w': dims [0] have 0 at axis 0");
    assert!(with(tensor_f32("w", &[i64::MAX, i64::MAX], &[])).contains("too large"));
    assert!(with(tensor_f32("w", &[1 << 40], &[])).contains("raw_data has 0"));
    assert_eq!(with(tensor_f32("w", &[3], &[0.0, 1.0, f32::NAN])), "tensor 'w': element 2 is NaN");
    assert_eq!(with(raw("w", &[1], data_type::STRING, vec![0])), "tensor 'w': element type 8 is not supported");
    assert_eq!(
        with(raw("w", &[1], data_type::UINT64, vec![255; 8])),
        "tensor 'w': 18446744073709551615 is beyond the i64 range"
    );
    // Infinities are legitimate bounds and masks, and so is an empty list of axes.
    graph(&relu().initializer("bound", &[], &[f32::INFINITY]).integers("axes", &[0], &[]));
}

#[test]
fn every_element_type_enters_exactly() {
    let cases = [
        (data_type::DOUBLE, vec![0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f], 0.1),
        (data_type::FLOAT, vec![0xcd, 0xcc, 0xcc, 0x3d], f64::from(0.1f32)),
        (data_type::FLOAT16, vec![0x66, 0x2e], 0.099_975_585_937_5),
        (data_type::BFLOAT16, vec![0xcd, 0x3d], 0.100_097_656_25),
        (data_type::INT8, vec![0xff], -1.0),
        (data_type::UINT8, vec![0xff], 255.0),
        (data_type::INT16, vec![0xfe, 0xff], -2.0),
        (data_type::UINT16, vec![0xfe, 0xff], 65534.0),
        (data_type::INT32, vec![0xfd, 0xff, 0xff, 0xff], -3.0),
        (data_type::UINT32, vec![0xfd, 0xff, 0xff, 0xff], 4294967293.0),
        (data_type::INT64, vec![0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -4.0),
    ];
    for (kind, bytes, expected) in cases {
        let graph = graph(&relu().tensor(raw("w", &[1], kind, bytes)));
        match &graph.initializers["w"] {
            Tensor::Float(a) => assert_eq!(a[[0]], expected, "{kind}"),
            Tensor::Int(a) => assert_eq!(a[[0]] as f64, expected, "{kind}"),
            Tensor::Bool(_) => panic!("{kind}"),
        }
    }
    let half = TensorProto { raw_data: None, int32_data: vec![0x2e66], ..raw("w", &[1], data_type::FLOAT16, vec![]) };
    assert_eq!(graph(&relu().tensor(half)).initializers["w"].as_float().unwrap()[[0]], 0.099_975_585_937_5);
    let flags = graph(&relu().tensor(raw("w", &[2], data_type::BOOL, vec![0, 1])));
    assert_eq!(flags.initializers["w"].as_bool().unwrap().as_slice().unwrap(), [false, true]);
}

#[test]
fn what_inference_cannot_mean_is_refused_by_name() {
    let mut foreign = relu();
    foreign.graph().node[0].domain = Some("com.microsoft".into());
    assert_eq!(
        refusal(&foreign),
        "node 'Relu_0' (Relu): its domain 'com.microsoft' is neither the default one nor a function here"
    );
    let branch = AttributeProto { g: Some(vec![]), ..attribute("then_branch", attribute_type::GRAPH) };
    let control = relu().node("If", &["y"], &["i"], vec![branch]);
    assert_eq!(refusal(&control), "node 'If_1' (If): attribute 'then_branch' is a graph, which is not supported");
    let inputs = ["y", "y", "y", "y", "y"];
    let training = relu().node("BatchNormalization", &inputs, &["b"], vec![int("training_mode", 1)]);
    let training =
        ModelBuilder { model: ModelProto { opset_import: ModelBuilder::new(15).model.opset_import, ..training.model } };
    assert_eq!(
        refusal(&training),
        "node 'BatchNormalization_1' (BatchNormalization): it is in training mode; call `model.eval()` before exporting"
    );
    let dropout =
        relu().tensor(raw("flag", &[], data_type::BOOL, vec![1])).node("Dropout", &["y", "", "flag"], &["d"], vec![]);
    assert!(refusal(&dropout).contains("model.eval()"));
    let sparse =
        AttributeProto { sparse_tensor: Some(vec![]), ..attribute("sparse_value", attribute_type::SPARSE_TENSOR) };
    assert!(refusal(&relu().node("Constant", &[], &["c"], vec![sparse])).contains("sparse tensor"));
    let nan = relu().node("LeakyRelu", &["y"], &["l"], vec![float("alpha", f32::NAN)]);
    assert_eq!(refusal(&nan), "node 'LeakyRelu_1' (LeakyRelu): attribute 'alpha' is NaN");
}

#[test]
fn functions_may_call_functions_but_not_without_end() {
    let mut builder = small();
    // Thrice(v, gain) = Twice(v) + LeakyRelu(v, alpha = gain), its attribute coming from the call.
    let mut inner = node("Twice", &["v"], &["d"], vec![]);
    inner.domain = Some("local".into());
    let slope = AttributeProto { ref_attr_name: Some("gain".into()), ..attribute("alpha", attribute_type::FLOAT) };
    builder.model.functions.push(FunctionProto {
        name: Some("Thrice".into()),
        domain: Some("local".into()),
        input: vec!["v".into()],
        output: vec!["r".into(), "v".into()],
        attribute_proto: vec![float("gain", 0.5)],
        node: vec![inner, node("LeakyRelu", &["v"], &["l"], vec![slope]), node("Add", &["d", "l"], &["r"], vec![])],
        ..Default::default()
    });
    let mut call = node("Thrice", &["s"], &["t2", "same"], vec![]);
    call.domain = Some("local".into());
    builder.graph().node.push(call);
    let read = graph(&builder);
    let leaky = read.nodes.iter().find(|n| n.op == "LeakyRelu").unwrap();
    assert_eq!(leaky.float("alpha", 0.0), 0.5);
    assert!(read.nodes.iter().any(|n| n.op == "Identity" && n.outputs == ["same"]));

    // A function that calls itself twice would unfold to 2^32 nodes.
    let mut again = node("Twice", &["v"], &["r"], vec![]);
    again.domain = Some("local".into());
    let mut first = again.clone();
    first.output = vec!["other".into()];
    builder.model.functions[0].node = vec![first, again];
    assert!(refusal(&builder).contains("deep"), "{}", refusal(&builder));
    builder.model.functions[0].opset_import = ModelBuilder::new(12).model.opset_import;
    assert!(refusal(&builder).contains("the function uses opset 12, the model 13"));
}

#[test]
fn external_weights_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    std::fs::create_dir(&inside).unwrap();
    let values: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(inside.join("w.data"), &values).unwrap();
    std::fs::write(folder.path().join("outside.data"), &values).unwrap();
    let model = |location: &str, offset: &str, length: &str| {
        let entry = |k: &str, v: &str| StringStringEntryProto { key: Some(k.into()), value: Some(v.into()) };
        let external_data = vec![entry("location", location), entry("offset", offset), entry("length", length)];
        let stored = raw("w", &[2], data_type::FLOAT, vec![]);
        let bytes =
            relu().tensor(TensorProto { raw_data: None, data_location: Some(1), external_data, ..stored }).bytes();
        std::fs::write(inside.join("model.onnx"), bytes).unwrap();
        read(&inside.join("model.onnx"))
    };
    let graph = model("w.data", "4", "8").unwrap();
    assert_eq!(graph.initializers["w"].as_float().unwrap().as_slice().unwrap(), [2.0, 3.0]);
    let refused = |location: &str, offset: &str, length: &str| model(location, offset, length).unwrap_err().to_string();
    assert_eq!(
        refused("w.data", "8", "8"),
        "tensor 'w': external data at offset 8 of length 8 ends beyond 'w.data', which has 12 bytes"
    );
    assert!(refused("w.data", "18446744073709551615", "8").contains("ends beyond"));
    assert_eq!(refused("w.data", "0", "4"), "tensor 'w': its dims need 8 bytes, its external data has 4");
    assert!(refused("../outside.data", "0", "8").contains("leaves the model's folder"));
    let absolute = folder.path().join("outside.data");
    assert!(refused(absolute.to_str().unwrap(), "0", "8").contains("leaves the model's folder"));
    assert!(matches!(model("absent.data", "0", "8"), Err(LoadError::Io { .. })));
    assert!(refused(".", "0", "8").contains("not a regular file"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, inside.join("link.data")).unwrap();
        assert!(refused("link.data", "0", "8").contains("leaves the model's folder"));
    }
    assert!(matches!(read(&inside), Err(LoadError::Io { .. })));
}

/// A file of empty messages would take a hundred times its size in memory.
#[test]
fn terse_files_cannot_exhaust_memory() {
    let nodes: Vec<u8> = [0x0a, 0x00].repeat(4 << 20);
    let bytes = field(7, nodes);
    let error = parse(&bytes, None).unwrap_err().to_string();
    assert!(error.contains("bytes of memory"), "{error}");
}

/// A reproducible sequence of numbers (xorshift).
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % below as u64) as usize
}

/// Reads a model and, if it is one, runs it; in vain is fine.
fn survive(bytes: &[u8]) -> bool {
    let Ok(graph) = parse(bytes, None) else { return false };
    let ones = |info: &icnn::load::graph::ValueInfo| {
        let dims = info.dims.iter().flatten().map(|d| match d {
            icnn::load::graph::Dim::Known(n) => (*n).min(8),
            icnn::load::graph::Dim::Symbol(_) => 2,
        });
        let shape: Vec<usize> = dims.take(4).collect();
        (info.name.clone(), Tensor::Float(ArrayD::from_elem(IxDyn(&shape), 1.0)))
    };
    run(&graph, &graph.inputs.iter().map(ones).collect()).is_ok()
}

#[test]
fn mutated_files_never_panic() {
    const ROUNDS: usize = 60_000;
    let mut models = vec![small().bytes()];
    for path in networks() {
        let bytes = std::fs::read(path).unwrap();
        if bytes.len() < 10_000 {
            models.push(bytes);
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut ran = 0;
    let started = Instant::now();
    for round in 0..ROUNDS {
        let mut bytes = models[if round % 2 == 0 { 0 } else { random(&mut state, models.len()) }].clone();
        for _ in 0..1 + random(&mut state, 2) {
            let at = random(&mut state, bytes.len());
            match random(&mut state, 6) {
                0 => bytes.truncate(at + 1),
                1 => bytes[at] ^= 1 << random(&mut state, 8),
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(&mut state, 5)],
                3 => bytes.insert(at, random(&mut state, 256) as u8),
                4 => {
                    bytes.remove(at);
                    bytes.push(0);
                }
                _ => {
                    let end = (at + 1 + random(&mut state, 64)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
        let before = Instant::now();
        ran += usize::from(survive(&bytes));
        assert!(before.elapsed() < Duration::from_secs(5), "round {round} took {:?}", before.elapsed());
    }
    println!("{ran} of {ROUNDS} mutated files ran, in {:?}", started.elapsed());
    assert!(ran > 1000);
}

/// Nesting is refused, not followed: attribute graphs are never decoded.
#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    // A chain of graph → node → attribute → graph, written from the inside out.
    let mut graph: Vec<u8> = Vec::new();
    for _ in 0..5000 {
        graph = field(1, field(5, field(6, graph)));
    }
    let mut bytes = relu().bytes();
    bytes.extend(field(7, graph));
    assert!(parse(&bytes, None).is_err());
}
