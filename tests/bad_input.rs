//! Malformed models, contexts, points and boxes through the program itself: exit 2, one clear message that names the object
//! and the numbers, nothing on stdout, no panic, no hang, little memory.
#![cfg(all(target_os = "linux", feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;
#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/refusal.rs"]
mod refusal;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use npy::npy;
use onnx::*;
use refusal::{Case, MEMORY, fault, icnn};

/// The least address space, in steps of 5 MB, in which the answer is the same.
fn least_memory(case: &Case) -> usize {
    let (mut fails, mut works) = (0, MEMORY / 5);
    while works - fails > 1 {
        let middle = (fails + works) / 2;
        if fault(case, &icnn(case, middle * 5)).is_none() { works = middle } else { fails = middle }
    }
    works * 5
}

#[test]
fn bad_input_is_refused_in_words() {
    let table = Table::new();
    let cases: Vec<Case> = [
        table.unreadable(),
        table.tensors(),
        table.beyond_memory(),
        table.external(),
        table.shapes(),
        table.graphs(),
        table.operators(),
        table.choices(),
        table.boxes(),
        table.rows(),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(cases.len() >= 45);
    let mut faults = vec![];
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    println!("{:>8} {:>7}  case: message", "time", "memory");
    for case in &cases {
        let ran = icnn(case, MEMORY);
        let memory = match fault(case, &ran) {
            Some(fault) => {
                faults.push(fault);
                MEMORY
            }
            None => least_memory(case),
        };
        let message: String = ran.err.lines().next().unwrap_or_default().chars().take(110).collect();
        println!("{:>5} ms {memory:>4} MB  {}: {message}", ran.time.as_millis(), case.what);
        slowest = slowest.max(ran.time);
        largest = largest.max(memory);
    }
    println!("{} cases, slowest {slowest:?}, largest {largest} MB of address space", cases.len());
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Long is not malformed: a chain is followed without recursion, in time that grows with its length.
#[test]
fn a_chain_of_100_000_operations_is_no_problem() {
    let table = Table::new();
    let chain = |start: &str, op: &str| {
        let mut model = network().input("x", &[None, Some(3)]);
        for k in 0..100_000 {
            let before = if k == 0 { start.to_string() } else { format!("c{k}") };
            let (inputs, slope) = match op {
                "Add" => (vec![before.as_str(), "y"], vec![]),
                "LeakyRelu" => (vec![before.as_str()], vec![float("alpha", 0.999)]),
                _ => (vec![before.as_str()], vec![]),
            };
            model = model.node(op, &inputs, &[&format!("c{}", k + 1)], slope);
        }
        model.graph().output.clear();
        model.graph().initializer[0] =
            tensor_f32("fc1.weight", &[3, 3], &[0.5, -1.0, 2.0, 1.5, 0.0, -0.5, 1.0, 1.0, 1.0]);
        model.node("Add", &["c100000", "a"], &["g"], vec![]).node("ReduceMax", &["g"], &["all"], vec![]).output("all")
    };
    for (what, start, op) in [
        ("units one after the other", "z", "LeakyRelu"),
        ("a sum term by term", "z", "Add"),
        ("the x-path", "x", "Tanh"),
    ] {
        table.file("chain.onnx", chain(start, op).bytes());
        for command in [["check", "chain.onnx"].as_slice(), &["eval", "chain.onnx", "--at", "0.5", "--context", "0.1"]]
        {
            let ran = icnn(&table.command(what, command, &[]), 4000);
            println!("{what}: icnn {} in {:?}: {:.100}{:.100}", command[0], ran.time, ran.out.trim(), ran.err.trim());
            assert_eq!(ran.code, Some(0), "{what}: {}", ran.err);
        }
    }
}

/// The files of the table.
struct Table(tempfile::TempDir);

/// relu of y·w summed; y has 3 entries.
fn network() -> ModelBuilder {
    let weight: Vec<f32> = (0..12).map(|k| k as f32 - 5.5).collect();
    ModelBuilder::new(13)
        .input("y", &[None, Some(3)])
        .initializer("fc1.weight", &[4, 3], &weight)
        .node("Gemm", &["y", "fc1.weight"], &["a"], vec![int("transB", 1)])
        .node("Relu", &["a"], &["z"], vec![])
        .node("ReduceSum", &["z"], &["f"], vec![int("keepdims", 0)])
        .output("f")
}

/// y of the given extents and one operation on it.
fn single(dims: &[i64], op: &str, others: &[&str], attributes: Vec<AttributeProto>) -> ModelBuilder {
    let dims: Vec<Option<i64>> = dims.iter().map(|d| Some(*d)).collect();
    let inputs: Vec<&str> = ["y"].iter().chain(others).copied().collect();
    ModelBuilder::new(13).input("y", &dims).node(op, &inputs, &["f"], attributes).output("f")
}

/// The network with a second input x that shifts y.
fn with_context() -> ModelBuilder {
    let mut model = network().input("x", &[None, Some(3)]).node("Add", &["y", "x"], &["shifted"], vec![]);
    model.graph().node[0].input[0] = "shifted".into();
    model
}

impl Table {
    fn new() -> Table {
        let table = Table(tempfile::tempdir().expect("a temporary folder"));
        table.file("good.onnx", network().bytes());
        table.file("context.onnx", with_context().bytes());
        table
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), contents).expect("a temporary file");
        self.path(name).to_str().expect("UTF-8").into()
    }

    /// `icnn` with the given arguments; those that name a file of the table stand for its path.
    fn command(&self, what: &'static str, args: &[&str], names: &[&'static str]) -> Case {
        let place = |a: &&str| match self.path(a) {
            path if !a.is_empty() && path.exists() => path.to_str().expect("UTF-8").to_string(),
            _ => a.to_string(),
        };
        Case { what, args: args.iter().map(place).collect(), redirect: "", names: names.to_vec() }
    }

    /// `icnn check` on the bytes of a file.
    fn bytes(&self, what: &'static str, bytes: impl AsRef<[u8]>, names: &[&'static str]) -> Case {
        let path = self.file(&format!("{}.onnx", what.replace([' ', '/', ','], "-")), bytes);
        Case { what, args: vec!["check".into(), path], redirect: "", names: names.to_vec() }
    }

    /// `icnn check` on a model.
    fn model(&self, what: &'static str, model: &ModelBuilder, names: &[&'static str]) -> Case {
        self.bytes(what, model.bytes(), names)
    }

    fn unreadable(&self) -> Vec<Case> {
        let good = network().bytes();
        let cut = |n: usize| &good[..good.len() * n / 10];
        let mut state = 1u64;
        let noise: Vec<u8> = (0..10_000)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 56) as u8
            })
            .collect();
        let mut full =
            self.command("stdout on a full device", &["check", "good.onnx"], &["cannot write", "No space left"]);
        full.redirect = ">/dev/full";
        vec![
            self.bytes("an empty file", "", &["not a readable model"]),
            self.bytes("cut after 1/10", cut(1), &["not a readable model"]),
            self.bytes("cut in the middle", cut(5), &["not a readable model"]),
            self.bytes("cut near the end", cut(9), &["not a readable model"]),
            self.bytes("cut by one byte", &good[..good.len() - 1], &["not a readable model"]),
            self.bytes("random bytes", noise, &["not a readable model"]),
            self.bytes("a text", "this is not a network\n".repeat(100), &["not a readable model"]),
            self.bytes("an archive", b"PK\x03\x04\x14\x00\x08\x08\x00\x00", &["not a readable model"]),
            self.bytes("a length beyond the file", [0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f], &["not a readable model"]),
            self.command("a missing file", &["check", "nowhere/net.onnx"], &["nowhere/net.onnx", "No such file"]),
            self.command("a folder", &["check", "examples"], &["examples", "not a regular file"]),
            self.command("a device", &["check", "/dev/zero"], &["/dev/zero", "not a regular file"]),
            full,
        ]
    }

    fn tensors(&self) -> Vec<Case> {
        let weight = |dims: &[i64], count: usize| network().initializer("w", dims, &vec![1.0; count]);
        let mut both = network();
        both.graph().initializer[0].float_data = vec![0.0; 12];
        let mut nan = network();
        overwrite(&mut nan.graph().initializer[0], 28, &f32::NAN.to_le_bytes());
        let mut infinite = network();
        overwrite(&mut infinite.graph().initializer[0], 20, &f32::INFINITY.to_le_bytes());
        let named = "'fc1.weight'";
        vec![
            self.model("raw_data too short", &weight(&[4, 3], 11), &["'w'", "[4, 3]", "48 bytes", "44"]),
            self.model("raw_data too long", &weight(&[4, 3], 13), &["'w'", "48 bytes", "52"]),
            self.model("raw_data and float_data", &both, &[named, "both raw_data and float_data"]),
            self.model("dims whose product overflows", &weight(&[1 << 40, 1 << 40], 1), &["'w'", "too large"]),
            self.model("negative dims", &weight(&[-4, 3], 12), &["'w'", "-4 at axis 0"]),
            self.model("33 dims", &weight(&[1; 33], 1), &["'w'", "33 dimensions", "32"]),
            self.model("huge dims with tiny data", &weight(&[1_000_000_000, 3], 1), &["'w'", "12000000000 bytes", "4"]),
            self.model("text as weights", &network().tensor(raw("w", &[1], 8, vec![0])), &["'w'", "element type 8"]),
            self.model("a NaN weight", &nan, &[named, "element 7 is NaN"]),
            self.model("an infinite weight", &infinite, &["'Gemm_0'", "entry 5", "inf"]),
            self.model(
                "a NaN attribute",
                &single(&[1, 2], "LeakyRelu", &[], vec![float("alpha", f32::NAN)]),
                &["'LeakyRelu_0'", "'alpha' is NaN"],
            ),
        ]
    }

    fn beyond_memory(&self) -> Vec<Case> {
        let sized = |op: &str, extents: &[i64]| {
            single(&[1, 3], op, &["n"], vec![]).integers("n", &[extents.len() as i64], extents)
        };
        let huge = 1_000_000_000;
        let fill = network().integers("n", &[2], &[huge, huge]).node("ConstantOfShape", &["n"], &["c"], vec![]);
        let range = network()
            .integers("from", &[], &[0])
            .integers("to", &[], &[i64::MAX])
            .integers("by", &[], &[1])
            .node("Range", &["from", "to", "by"], &["c"], vec![]);
        let wide = single(&[1, huge], "Relu", &[], vec![]);
        let context = with_context().input("w", &[Some(huge)]);
        let padded = single(&[1, 1, 4, 4], "Conv", &["k"], vec![ints("pads", &[huge; 4])]).initializer(
            "k",
            &[1, 1, 2, 2],
            &[1.0; 4],
        );
        let pool = single(
            &[1, 1, 400, 400],
            "MaxPool",
            &[],
            vec![ints("kernel_shape", &[399, 399]), ints("pads", &[398, 398, 398, 398])],
        );
        let outer = single(&[2000, 1], "MatMul", &["w"], vec![]).initializer("w", &[1, 2000], &[1.0; 2000]);
        // Each operation makes no more than one may, all of them together too much.
        let mut doubled = ModelBuilder::new(13).input("y", &[Some(1), Some(1)]).output("c40");
        let mut long = ModelBuilder::new(13).input("y", &[Some(1), Some(1_000_000)]).output("c1000");
        for k in 0..1000 {
            let before = if k == 0 { "y".to_string() } else { format!("c{k}") };
            let slope = vec![float("alpha", 0.1 + k as f32 / 2000.0)];
            long = long.node("LeakyRelu", &[&before], &[&format!("c{}", k + 1)], slope);
        }
        let mut filled = network();
        let mut spread = network();
        for k in 0..40 {
            let before = if k == 0 { "y".to_string() } else { format!("c{k}") };
            doubled = doubled.node("Concat", &[&before, &before], &[&format!("c{}", k + 1)], vec![int("axis", 1)]);
            filled = filled.integers(&format!("n{k}"), &[2], &[1000 + k, 2000]).node(
                "ConstantOfShape",
                &[&format!("n{k}")],
                &[&format!("c{k}")],
                vec![],
            );
            spread = spread.integers(&format!("n{k}"), &[3], &[600_000 + k, 1, 3]).node(
                "Expand",
                &["y", &format!("n{k}")],
                &[&format!("c{k}")],
                vec![],
            );
        }
        vec![
            self.model("ConstantOfShape of 10^18", &fill, &["'ConstantOfShape_3'", "1000000000, 1000000000"]),
            self.model("Expand to 10^9", &sized("Expand", &[huge, 3]), &["'Expand_0'", "1000000000, 3"]),
            self.model("Tile 10^9 times", &sized("Tile", &[huge, huge]), &["'Tile_0'"]),
            self.model("Pad by 10^9", &sized("Pad", &[0, huge, 0, huge]), &["'Pad_0'", "2000000003"]),
            self.model("Range to 2^63", &range, &["'Range_3'"]),
            self.model("y of 10^9 entries", &wide, &["'y'", "1000000000"]),
            self.model("a context of 10^9 entries", &context, &["'w'", "1000000000"]),
            self.model("Conv padded by 10^9", &padded, &["'Conv_0'", "2000000003"]),
            self.model("MaxPool of 10^10 entries", &pool, &["'MaxPool_0'", "159201 entries"]),
            self.model("an outer product", &outer, &["'f'", "4000000"]),
            self.model("doubled 40 times", &doubled, &["'Concat_"]),
            self.model("40 large constants", &filled, &["'ConstantOfShape_"]),
            self.model("40 large copies of y", &spread, &["'Expand_"]),
            self.model("1000 operations on a wide y", &long, &["'LeakyRelu_"]),
        ]
    }

    fn external(&self) -> Vec<Case> {
        self.file("w.data", [0u8; 48]);
        let model = |location: &str, offset: &str, length: &str| {
            let entry = |k: &str, v: &str| StringStringEntryProto { key: Some(k.into()), value: Some(v.into()) };
            let mut model = network();
            let weight = &mut model.graph().initializer[0];
            weight.raw_data = None;
            weight.data_location = Some(1);
            weight.external_data = vec![entry("location", location), entry("offset", offset), entry("length", length)];
            model
        };
        std::os::unix::fs::symlink("/etc/passwd", self.path("link.data")).expect("a link");
        let named = "'fc1.weight'";
        let leaves = [named, "leaves the model's folder"];
        vec![
            self.model("external data missing", &model("absent.data", "0", "48"), &["absent.data", "No such file"]),
            self.model("external data above", &model("../w.data", "0", "48"), &leaves),
            self.model("external data by way of above", &model("a/../../w.data", "0", "48"), &leaves),
            self.model("external data at an absolute path", &model("/etc/passwd", "0", "48"), &leaves),
            self.model("external data behind a link", &model("link.data", "0", "48"), &leaves),
            self.model("external data beyond the end", &model("w.data", "8", "48"), &[named, "8", "48", "48 bytes"]),
            self.model("external data of another length", &model("w.data", "0", "40"), &[named, "48 bytes", "40"]),
            self.model("external offset that is no number", &model("w.data", "-8", "48"), &[named, "'-8'"]),
            self.model("external data in a folder", &model(".", "0", "48"), &[named, "not a regular file"]),
        ]
    }

    fn shapes(&self) -> Vec<Case> {
        let image = |op: &str, kernel: &[i64], attributes| {
            let count = kernel.iter().product::<i64>() as usize;
            single(&[1, 4, 5, 5], op, &["k"], attributes).initializer("k", kernel, &vec![1.0; count])
        };
        let mut gemm = network();
        gemm.graph().node[0].attribute.clear();
        let channels = |n: usize| {
            let v = vec![1.0; n];
            let all = ["scale", "bias", "mean", "variance"];
            let model = single(&[1, 4, 5, 5], "BatchNormalization", &all, vec![]);
            all.iter().fold(model, |m, name| m.initializer(name, &[n as i64], &v))
        };
        let mut negative = channels(4);
        negative.graph().initializer[3] = tensor_f32("variance", &[4], &[1.0, 1.0, -2.0, 1.0]);
        let with = |op: &str, dims: &[i64], attributes| {
            single(&[1, 3], op, &["w"], attributes).initializer(
                "w",
                dims,
                &vec![1.0; dims.iter().product::<i64>() as usize],
            )
        };
        let pool = single(&[1, 4, 5, 5], "MaxPool", &[], vec![ints("kernel_shape", &[6, 6])]);
        let reshaped = single(&[1, 3], "Reshape", &["n"], vec![]).integers("n", &[2], &[2, 2]);
        let sliced = single(&[1, 3], "Gather", &["n"], vec![int("axis", 1)]).integers("n", &[1], &[3]);
        vec![
            self.model("Gemm of another width", &gemm, &["'Gemm_0'", "3 columns", "4 rows"]),
            self.model(
                "MatMul of another width",
                &with("MatMul", &[4, 2], vec![]),
                &["'MatMul_0'", "3 columns", "4 rows"],
            ),
            self.model(
                "Conv with other channels",
                &image("Conv", &[2, 3, 2, 2], vec![]),
                &["'Conv_0'", "[2, 3, 2, 2]", "4"],
            ),
            self.model("Conv with another rank", &image("Conv", &[2, 4, 2], vec![]), &["'Conv_0'", "[2, 4, 2]"]),
            self.model(
                "Conv in 0 groups",
                &image("Conv", &[2, 4, 2, 2], vec![int("group", 0)]),
                &["'Conv_0'", "group"],
            ),
            self.model(
                "Conv in -1 groups",
                &image("Conv", &[2, 4, 2, 2], vec![int("group", -1)]),
                &["'Conv_0'", "group"],
            ),
            self.model("Conv larger than its input", &image("Conv", &[2, 4, 6, 6], vec![]), &["'Conv_0'", "6", "5"]),
            self.model(
                "Conv with stride 0",
                &image("Conv", &[2, 4, 2, 2], vec![ints("strides", &[0, 1])]),
                &["'Conv_0'", "stride"],
            ),
            self.model("MaxPool larger than its input", &pool, &["'MaxPool_0'", "6", "5"]),
            self.model(
                "Concat of unlike extents",
                &with("Concat", &[2, 3], vec![int("axis", 1)]),
                &["'Concat_0'", "[1, 3]", "[2, 3]"],
            ),
            self.model("Concat along axis 5", &with("Concat", &[1, 3], vec![int("axis", 5)]), &["'Concat_0'", "5"]),
            self.model("Add that does not broadcast", &with("Add", &[1, 2], vec![]), &["'Add_0'", "[1, 3]", "[1, 2]"]),
            self.model("Reshape to another size", &reshaped, &["'Reshape_0'", "[1, 3]", "[2, 2]"]),
            self.model("Gather beyond the end", &sliced, &["'Gather_0'", "3"]),
            self.model("batch norm of other channels", &channels(3), &["'BatchNormalization_0'", "3", "4 channels"]),
            self.model("batch norm of negative variance", &negative, &["'BatchNormalization_0'", "channel 2", "-2"]),
        ]
    }

    fn graphs(&self) -> Vec<Case> {
        let cycle = network().node("Add", &["p", "y"], &["q"], vec![]).node("Relu", &["q"], &["p"], vec![]);
        let twice = network().node("Relu", &["y"], &["z"], vec![]);
        let undefined = network().node("Relu", &["ghost"], &["g"], vec![]);
        let mut no_output = network();
        no_output.graph().output.clear();
        let mut no_input = network();
        no_input.graph().input.clear();
        no_input = no_input.initializer("y", &[1, 3], &[0.0; 3]);
        let mut old = network();
        old.model.opset_import[0].version = Some(8);
        let mut new = network();
        new.model.opset_import[0].version = Some(99);
        let mut empty = network();
        empty.model.graph = None;
        let mut sequence = network();
        sequence.graph().input[0].r#type = Some(TypeProto { sequence_type: Some(vec![]), ..Default::default() });
        let open = ModelBuilder::new(13).input("y", &[None, None]).node("Relu", &["y"], &["f"], vec![]).output("f");
        let mut shapeless = network();
        shapeless.graph().input[0] = value_info("y", None);
        let zero = single(&[1, 0], "Relu", &[], vec![]);
        // A function that calls itself, and a graph in an attribute of a node of a graph, 5000 deep.
        let mut call = node("Again", &["v"], &["r"], vec![]);
        call.domain = Some("local".into());
        let mut endless = network();
        endless.graph().node.push(NodeProto { input: vec!["y".into()], output: vec!["e".into()], ..call.clone() });
        endless.model.functions.push(FunctionProto {
            name: Some("Again".into()),
            domain: Some("local".into()),
            input: vec!["v".into()],
            output: vec!["r".into()],
            node: vec![call],
            ..Default::default()
        });
        let mut nested: Vec<u8> = vec![];
        for _ in 0..5000 {
            nested = field(1, field(5, field(6, nested)));
        }
        let nested = [network().bytes(), field(7, nested)].concat();
        let terse = [network().bytes(), field(7, [0x0a, 0x00].repeat(2 << 20))].concat();
        vec![
            self.model("a cycle", &cycle, &["depends on its own output", "'Add_3'"]),
            self.model("a name defined twice", &twice, &["'z' is defined twice", "'Relu_3'", "'Relu_1'"]),
            self.model("a name never defined", &undefined, &["'ghost'", "'Relu_3'", "never defined"]),
            self.model("no output", &no_output, &["no output"]),
            self.model("an output never defined", &network().output("g"), &["output 'g' is never defined"]),
            self.model("no input", &no_input, &["no input"]),
            self.model("no graph", &empty, &["no graph"]),
            self.model("opset 8", &old, &["opset 8", "9 to 23"]),
            self.model("opset 99", &new, &["opset 99", "9 to 23"]),
            self.model("a sequence as input", &sequence, &["'y'", "not a dense tensor"]),
            self.model("an open axis", &open, &["'y'", "axis 1"]),
            self.model("an input without shape", &shapeless, &["'y'", "no shape"]),
            self.model("an input without entries", &zero, &["'y'", "[1, 0]"]),
            self.model("a function that calls itself", &endless, &["functions", "32 deep"]),
            self.bytes("graphs nested 5000 deep", nested, &["icnn: "]),
            self.bytes("two million empty nodes", terse, &["bytes of memory"]),
        ]
    }

    fn operators(&self) -> Vec<Case> {
        let normal = |opset: i64, outputs: &[&str], attributes| {
            let all = ["scale", "bias", "mean", "variance"];
            let inputs: Vec<&str> = ["y"].iter().chain(&all).copied().collect();
            let model = ModelBuilder::new(opset).input("y", &[Some(1), Some(1)]);
            let model = model.node("BatchNormalization", &inputs, outputs, attributes).output("f");
            all.iter().fold(model, |m, name| m.initializer(name, &[1], &[1.0]))
        };
        let mut dropout = single(&[1, 2], "Dropout", &["", "training"], vec![]);
        dropout = dropout.tensor(raw("training", &[], data_type::BOOL, vec![1]));
        let branch = AttributeProto { g: Some(vec![]), ..attribute("then_branch", 5) };
        let mut other = network().node("FusedMatMul", &["y", "y"], &["g"], vec![]);
        other.graph().node[3].domain = Some("com.microsoft".into());
        let unknown_on_x = with_context().node("NonMaxSuppression", &["x"], &["g"], vec![]);
        // No file holds NaN, but an operator on its numbers may make one.
        let mut undefined = with_context().initializer("half", &[1], &[0.5]);
        undefined = undefined.node("Acosh", &["half"], &["c"], vec![]).node("Mul", &["x", "c"], &["scaled"], vec![]);
        undefined.graph().node[3].input[1] = "scaled".into();
        vec![
            self.model("a constant of the x-path that is NaN", &undefined, &["'Mul_5'", "entry 0", "NaN"]),
            self.model(
                "an operator unknown on the y-path",
                &network().node("Bernoulli", &["z"], &["g"], vec![]),
                &["'Bernoulli_3'"],
            ),
            self.model("an operator unknown on the x-path", &unknown_on_x, &["'NonMaxSuppression_4'"]),
            self.model("an operator of another domain", &other, &["'FusedMatMul_3'", "com.microsoft"]),
            self.model(
                "batch norm in training, opset 15",
                &normal(15, &["f"], vec![int("training_mode", 1)]),
                &["'BatchNormalization_0'", "training mode", "model.eval()"],
            ),
            self.model(
                "batch norm in training, opset 9",
                &normal(9, &["f", "m", "v"], vec![]),
                &["'BatchNormalization_0'", "training mode"],
            ),
            self.model("dropout in training", &dropout, &["'Dropout_0'", "training mode", "model.eval()"]),
            self.model("If", &single(&[1], "If", &[], vec![branch.clone()]), &["'If_0'", "'then_branch'"]),
            self.model(
                "Loop",
                &single(&[1], "Loop", &[], vec![AttributeProto { name: Some("body".into()), ..branch }]),
                &["'Loop_0'", "'body'"],
            ),
            self.model("a node without operator", &single(&[1], "", &[], vec![]), &["no operator"]),
            self.model("Relu without input", &network().node("Relu", &[], &["g"], vec![]), &["'Relu_3'", "input"]),
            self.model(
                "a division by 0",
                &single(&[1, 2], "Div", &["w"], vec![]).initializer("w", &[2], &[1.0, 0.0]),
                &["'Div_0'", "entry 1", "0"],
            ),
        ]
    }

    fn choices(&self) -> Vec<Case> {
        let mut three = with_context().input("v", &[None, Some(3)]);
        three.graph().input[0].name = Some("b".into());
        three.graph().node[3].input[0] = "b".into();
        self.file("three.onnx", three.bytes());
        let vector = single(&[1, 3], "Relu", &[], vec![]);
        self.file("vector.onnx", vector.bytes());
        let c = |what, args: &[&str], names: &[&'static str]| self.command(what, args, names);
        vec![
            c("--y that is no input", &["check", "context.onnx", "--y", "w"], &["--y w", "'y', 'x'"]),
            c("several inputs, none called y", &["check", "three.onnx"], &["3 inputs", "--y NAME", "'b', 'x', 'v'"]),
            c(
                "--output out of range",
                &["check", "vector.onnx", "--output", "3"],
                &["--output 3", "3 output components"],
            ),
            c("--output negative", &["check", "vector.onnx", "--output", "-1"], &["--output -1", "f[0]"]),
            c("--output of another name", &["check", "vector.onnx", "--output", "g"], &["--output g", "f[0]"]),
            c(
                "several outputs to solve",
                &["solve", "vector.onnx", "--lower", "0"],
                &["3 output components", "--output K"],
            ),
            c("an unknown method", &["solve", "good.onnx", "--method", "magic"], &["magic", "lp"]),
            c("a negative gap", &["solve", "good.onnx", "--gap", "-1"], &["-1", "--gap", "positive"]),
            c("a gap that is NaN", &["solve", "good.onnx", "--gap", "nan"], &["nan", "--gap"]),
            c("an unknown option", &["solve", "good.onnx", "--fast"], &["--fast"]),
            c("no command", &["good.onnx"], &["good.onnx"]),
        ]
    }

    fn boxes(&self) -> Vec<Case> {
        self.file("four.json", "[1, 2, 3, 4]");
        self.file("nan.npy", npy("<f8", "(3,)", &[0.0, f64::NAN, 0.0].map(f64::to_le_bytes).concat()));
        self.file("low.csv", "0,2,0\n");
        self.file("two.csv", "0,0,0\n1,1,1\n");
        self.file("null.json", "[null, {}, 1]");
        let solve = |what, args: &[&str], names: &[&'static str]| {
            self.command(what, &[&["solve", "good.onnx"], args].concat(), names)
        };
        vec![
            solve("lower above upper", &["--lower", "1", "--upper", "-1"], &["y[0]", "1", "-1"]),
            solve("one lower above upper", &["--lower", "low.csv", "--upper", "1"], &["y[1]", "2", "1"]),
            solve("four lower ends for three", &["--lower", "four.json", "--upper", "9"], &["four.json", "4", "3"]),
            solve("two rows of bounds", &["--lower", "two.csv"], &["two.csv", "2 rows", "3 numbers"]),
            solve("a bound that is NaN", &["--lower", "nan"], &["--lower", "NaN"]),
            solve("a bound in a file that is NaN", &["--lower", "nan.npy"], &["nan.npy", "coordinate 1", "NaN"]),
            solve("a bound that is an object", &["--upper", "null.json"], &["null.json", "entry 1", "object"]),
            solve("lower +inf", &["--lower", "inf"], &["y[0]", "inf"]),
            solve("upper -inf", &["--upper", "-inf"], &["y[0]", "-inf"]),
            solve("a missing bound file", &["--lower", "absent.json"], &["absent.json", "No such file"]),
            solve("a bound file of unknown kind", &["--lower", "low.txt"], &["low.txt", "neither a number nor"]),
            solve("a bound without value", &["--lower"], &["--lower"]),
        ]
    }

    fn rows(&self) -> Vec<Case> {
        self.file("narrow.json", "[[1,2,3],[1,2]]");
        self.file("ragged.json", "[[1,2,3],[1,2,3,4],[1]]");
        self.file("word.csv", "a,b,c\n1,2,3\n1,two,3\n");
        self.file("empty.csv", "");
        self.file("empty.json", "");
        self.file("rows.npy", npy("<f8", "(2, 3)", &[0; 48]));
        self.file("three.npy", npy("<f8", "(3, 3)", &[0; 72]));
        self.file(
            "nan-x.npy",
            npy("<f8", "(2, 3)", &[0.0, 0.0, 0.0, 0.0, 0.0, f64::NAN].map(f64::to_le_bytes).concat()),
        );
        self.file("short.npy", npy("<f8", "(1000000000, 3)", &[0; 24]));
        self.file("beyond.npy", npy("<f8", "(9999999999, 9999999999)", &[]));
        self.file("text.npy", npy("<U4", "(3,)", &[0; 48]));
        self.file("complex.npy", npy("<c16", "(3,)", &[0; 48]));
        self.file("object.npy", npy("|O", "(3,)", &[0; 24]));
        self.file("header.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}");
        self.file("magic.npy", b"NUMPY");
        self.file("huge-header.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{");
        self.file("deep.json", "[".repeat(200_000));
        let solve = |what, context: &str, names: &[&'static str]| {
            self.command(what, &["solve", "context.onnx", "--lower", "0", "--upper", "1", "--context", context], names)
        };
        let c = |what, args: &[&str], names: &[&'static str]| self.command(what, args, names);
        vec![
            c("a context missing", &["solve", "context.onnx"], &["context of 3 numbers", "'x' [1, 3]", "--context"]),
            c("a context too many", &["solve", "good.onnx", "--context", "1"], &["--context", "no context"]),
            solve("a row too short", "narrow.json", &["row 1 has 2 numbers", "3"]),
            solve("ragged rows", "ragged.json", &["row 1 has 4 numbers", "3"]),
            solve("a word among numbers", "word.csv", &["line 3", "column 2", "two"]),
            solve("an empty csv", "empty.csv", &["no numbers"]),
            solve("an empty json", "empty.json", &["not JSON"]),
            solve("NaN in a context", "nan-x.npy", &["row 1", "column 2", "NaN"]),
            solve("an infinite context", "inf", &["row 0", "column 0", "inf"]),
            solve("npy with less than it promises", "short.npy", &["24000000000 bytes", "24"]),
            solve("npy whose size overflows", "beyond.npy", &["9999999999", "beyond memory"]),
            solve("npy of text", "text.npy", &["'<U4'"]),
            solve("npy of complex numbers", "complex.npy", &["'<c16'"]),
            solve("npy of objects", "object.npy", &["'|O'"]),
            solve("npy with a header cut short", "header.npy", &["fortran_order"]),
            solve("npy with a header beyond the file", "huge-header.npy", &["4294967295 bytes"]),
            solve("npy without its magic", "magic.npy", &["not an NPY file"]),
            solve("json nested 200000 deep", "deep.json", &["not JSON"]),
            solve("a context file of unknown kind", "x.feather", &["x.feather", "neither a number nor"]),
            c("eval without --at", &["eval", "good.onnx"], &["--at"]),
            c(
                "--at of another width",
                &["eval", "good.onnx", "--at", "four.json"],
                &["four.json", "row 0 has 4 numbers", "3"],
            ),
            c(
                "--at of 3 rows for 2 contexts",
                &["eval", "context.onnx", "--at", "three.npy", "--context", "rows.npy"],
                &["3 rows", "2"],
            ),
            c("--at that is infinite", &["eval", "good.onnx", "--at", "-inf"], &["--at", "-inf"]),
            c("--at that is missing", &["eval", "good.onnx", "--at", "absent.csv"], &["absent.csv", "No such file"]),
        ]
    }
}
