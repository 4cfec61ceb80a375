//! Model formats through the program itself: `convert`, and files that are malformed or hostile. Exit 2, one message that names
//! the part at fault and the numbers, little memory, no hang.
#![cfg(all(target_os = "linux", feature = "cli", feature = "onnx", feature = "safetensors"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Megabytes of address space, and seconds, that every case must do with.
const LIMITS: &str = "ulimit -v 250000 && ulimit -t 60 && exec \"$@\"";

fn icnn(args: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", LIMITS, "sh", env!("CARGO_BIN_EXE_icnn")])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("sh runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A safetensors file of f32 tensors whose entries are all 0.5.
fn weights(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let (mut header, mut at) = (vec![], 0);
    for (name, shape) in tensors {
        let end = at + 4 * shape.iter().product::<usize>();
        header.push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{at},{end}]}}"#));
        at = end;
    }
    let header = format!("{{{}}}", header.join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(std::iter::repeat_n(0.5f32.to_le_bytes(), at / 4).flatten());
    bytes
}

const LAYERS: [(&str, &[usize]); 5] = [
    ("Wy.0.weight", &[8, 4]),
    ("Wy.0.bias", &[8]),
    ("Wy.1.weight", &[1, 4]),
    ("Wy.1.bias", &[1]),
    ("Wz.0.weight", &[1, 8]),
];

/// The layers with one tensor of another shape, or without it.
fn changed(name: &str, shape: Option<&'static [usize]>) -> Vec<u8> {
    let kept = LAYERS.iter().filter_map(|(n, s)| if *n == name { shape.map(|s| (*n, s)) } else { Some((*n, *s)) });
    weights(&kept.collect::<Vec<_>>())
}

fn described(fields: &str) -> String {
    format!(r#"{{"format": "icnn-layers", "version": 1, {fields}}}"#)
}

/// A JSON program of two decisions, with the given parameters and further nodes.
fn program(params: &str, nodes: &str) -> String {
    format!(
        r#"{{"format": "icnn-program", "version": 1, "decision": {{"name": "y", "shape": [2]}},
        "context": {{"opset": 17, "inputs": [], "steps": []}}, "params": [{params}],
        "nodes": [{{"op": "y", "shape": [2]}}, {nodes}]}}"#
    )
}

/// A JSON program f(x, y) = a context parameter, from one step.
fn stepped(step: &str) -> String {
    format!(
        r#"{{"format": "icnn-program", "version": 1, "decision": {{"name": "y", "shape": [2]}},
        "context": {{"opset": 17, "inputs": [{{"name": "x", "shape": [1, 3]}}], "steps": [{step}]}},
        "params": [{{"name": "p", "context": {{"step": [0, 0]}}}}],
        "nodes": [{{"op": "y", "shape": [2]}}, {{"op": {{"param": 0}}, "shape": [1]}}]}}"#
    )
}

#[test]
fn malformed_weights_and_descriptions_are_refused_in_words() {
    let good = weights(&LAYERS);
    let preset = described(r#""preset": "ficnn""#);
    let mut huge_header = good.clone();
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let far = String::from_utf8_lossy(&good[8..]).replacen("[0,128]", "[0,999999999999]", 1).into_bytes();
    let far = [&(far.iter().position(|b| *b == 0).unwrap_or(far.len()) as u64).to_le_bytes()[..], &far].concat();
    let deep = format!(r#"{{"format": "icnn-layers", "version": 1, "ignore": {}"#, "[".repeat(200_000));
    let nan = {
        let mut bytes = good.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, String, Vec<&str>)> = vec![
        ("an empty file", vec![], preset.clone(), vec!["safetensors"]),
        ("a truncated file", good[..good.len() - 40].to_vec(), preset.clone(), vec!["safetensors"]),
        ("a huge header", huge_header, preset.clone(), vec!["safetensors"]),
        ("an offset beyond the end", far, preset.clone(), vec!["safetensors"]),
        ("NaN", nan, preset.clone(), vec!["Wz.0.weight", "layer 1", "element 7 is NaN"]),
        (
            "a z map too wide",
            changed("Wz.0.weight", Some(&[1, 9])),
            preset.clone(),
            vec!["Wz.0.weight", "layer 1", "wz", "[1, 9]", "[1, 8]"],
        ),
        (
            "a y map too wide",
            changed("Wy.1.weight", Some(&[1, 5])),
            preset.clone(),
            vec!["Wy.1.weight", "layer 1", "[1, 5]", "[1, 4]"],
        ),
        (
            "a bias too long",
            changed("Wy.0.bias", Some(&[9])),
            preset.clone(),
            vec!["Wy.0.bias", "layer 0", "role b", "[9]", "[8]"],
        ),
        (
            "a vector as matrix",
            changed("Wy.0.weight", Some(&[32])),
            preset.clone(),
            vec!["Wy.0.weight", "[32]", "2 axes"],
        ),
        ("no z map", changed("Wz.0.weight", None), preset.clone(), vec!["layer 1", "wz"]),
        (
            "the other layout",
            good.clone(),
            described(r#""preset": "ficnn", "layout": "in,out""#),
            vec!["Wy.0.bias", "[8]", "[4]"],
        ),
        (
            "tensors in no role",
            good.clone(),
            described(r#""kind": "ficnn", "layers": 1, "roles": {"wy": "Wy.{i}.weight", "b": "Wy.{i}.bias"}"#),
            vec!["3 of 5 tensors", "'Wz.0.weight' [1, 8]", "ignore"],
        ),
        (
            "a list with a wrong name",
            good.clone(),
            described(r#""kind": "ficnn", "roles": {"wy": ["Wy.0.weight", "Wy.7.weight"]}"#),
            vec!["Wy.7.weight", "layer 1, role wy", "no such tensor"],
        ),
        (
            "a list too short",
            good.clone(),
            described(r#""preset": "ficnn", "layers": 2, "roles": {"b": ["Wy.0.bias"]}"#),
            vec!["role b", "1 tensors", "2 layers"],
        ),
        (
            "layers beyond the file",
            good.clone(),
            described(r#""preset": "ficnn", "layers": 4000000000"#),
            vec!["4000000000 layers", "5 tensors"],
        ),
        ("an unknown role", good.clone(), described(r#""preset": "ficnn", "roles": {"ww": "a"}"#), vec!["role \"ww\""]),
        ("an unknown preset", good.clone(), described(r#""preset": "icnn9""#), vec!["icnn9", "dense-icnn"]),
        (
            "an unknown field",
            good.clone(),
            described(r#""preset": "ficnn", "activations": "relu""#),
            vec!["activations", "line 1"],
        ),
        (
            "an unknown function",
            good.clone(),
            described(r#""preset": "ficnn", "activation": "rleu""#),
            vec!["a function"],
        ),
        (
            "softplus of slope 0",
            good.clone(),
            described(r#""preset": "ficnn", "positivity": {"softplus": 0}"#),
            vec!["Softplus", "positive"],
        ),
        (
            "another version",
            good.clone(),
            r#"{"format": "icnn-layers", "version": 2, "preset": "ficnn"}"#.into(),
            vec!["version 2", "version 1"],
        ),
        ("no kind", good.clone(), described(r#""layers": 2"#), vec!["kind"]),
        ("deep nesting", good.clone(), deep, vec!["description"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut faults = vec![];
    for (what, weights, description, says) in &cases {
        let path = folder.path().join("net.safetensors");
        fs::write(&path, weights).unwrap();
        fs::write(path.with_extension("json"), description).unwrap();
        faults.extend(fault(what, &path, says));
    }
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn malformed_programs_are_refused_in_words() {
    let w = r#"{"name": "W", "values": [1, 2, 3, 4, 5]}"#;
    let dense = |rows: &str, columns: &str, repeat: &str| {
        format!(
            r#"{{"op": {{"dense": {{"input": 0, "weight": 0, "rows": {rows}, "columns": {columns}, "repeat": {repeat}, "transposed": false}}}}, "shape": [1]}}"#
        )
    };
    let conv = |kernel: &str, pads: &str| {
        format!(
            r#"{{"op": {{"conv": {{"input": 0, "weight": 0, "geometry": {{"input_channels": 1, "output_channels": 1, "groups": 1, "input": [2], "output": [1], "kernel": [{kernel}], "strides": [1], "dilations": [1], "pads": [{pads}]}}}}}}, "shape": [1]}}"#
        )
    };
    let unit = |f: &str| format!(r#"{{"op": {{"unit": {{"input": 0, "function": {f}}}}}, "shape": [2]}}"#);
    let sparse = |body: &str| format!(r#"{{"op": {{"sparse": {{"input": 0, "matrix": {body}}}}}, "shape": [1]}}"#);
    let nested = |depth: usize| {
        let open = r#"{"combination": [{"weight": 0, "inner": 1, "function": "#;
        unit(&format!("{}\"relu\"{}", open.repeat(depth), "}]}".repeat(depth)))
    };
    // Each node twice as long as the one before it: a billion billion entries in sixty lines.
    let doubling: Vec<String> =
        (0..60).map(|k| format!(r#"{{"op": {{"concat": [{k}, {k}]}}, "shape": [{}]}}"#, 4u64 << k)).collect();
    let huge = r#"{"op": "Expand", "name": "big", "arguments": [{"input": 0}, {"constant": {"int": {"shape": [2], "values": [4000000000000, 3]}}}]}"#;
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("no JSON", "{".into(), vec!["JSON"]),
        ("a table", "[[1, 2]]".into(), vec!["JSON"]),
        ("no format", "{}".into(), vec!["icnn-program"]),
        ("a description", described(r#""preset": "ficnn""#), vec!["icnn-layers", "safetensors"]),
        (
            "a later version",
            program("", &unit("\"relu\"")).replace("\"version\": 1", "\"version\": 9"),
            vec!["version 9", "version 1"],
        ),
        ("truncated", program(w, &dense("1", "5", "1"))[..300].to_string(), vec!["line"]),
        (
            "deep nesting",
            format!("{{\"format\": \"icnn-program\", \"version\": 1, \"nodes\": {}", "[".repeat(300_000)),
            vec!["line"],
        ),
        ("nested functions", program(r#"{"name": "c", "values": [1]}"#, &nested(5000)), vec!["recursion limit"]),
        ("W too wide", program(w, &dense("1", "5", "1")), vec!["node 1 (dense)", "5 columns", "2 entries"]),
        ("W of another size", program(w, &dense("2", "2", "1")), vec!["node 1 (dense)", "2×2", "5 entries"]),
        (
            "sizes that overflow",
            program(w, &dense("9223372036854775808", "2", "1")),
            vec!["node 1 (dense)", "5 entries"],
        ),
        (
            "repeated too often",
            program(w, &dense("5", "1", "18446744073709551615")),
            vec!["node 1 (dense)", "18446744073709551615", "2 entries"],
        ),
        ("negative sizes", program(w, &dense("-1", "2", "1")), vec!["line"]),
        ("no such parameter", program("", &dense("1", "2", "1")), vec!["node 1 (dense)", "parameter 0", "there are 0"]),
        (
            "a later node",
            program("", r#"{"op": {"sum": [1, 0]}, "shape": [2]}"#),
            vec!["node 1 (sum)", "reads node 1", "before it are 1"],
        ),
        ("two decisions", program("", r#"{"op": "y", "shape": [2]}"#), vec!["node 1 (y)", "node 0"]),
        (
            "a shape that is not its own",
            program("", &unit("\"relu\"").replace("[2]", "[3]")),
            vec!["node 1 (relu)", "[3]", "it has 2"],
        ),
        ("an output of two entries", program("", &unit("\"relu\"")), vec!["node 1", "2 entries", "1 is needed"]),
        (
            "an entry out of range",
            program("", r#"{"op": {"gather": {"input": 0, "index": [2]}}, "shape": [1]}"#),
            vec!["node 1 (gather)", "entry 2", "2 entries"],
        ),
        (
            "an empty group",
            program("", r#"{"op": {"max": {"input": 0, "groups": [[0], []]}}, "shape": [2]}"#),
            vec!["node 1 (max)", "group 1"],
        ),
        (
            "a jump",
            program("", &unit(r#"{"lines": {"breaks": [1], "pieces": [[0, 0], [1, 0]]}}"#)),
            vec!["node 1 (unit)", "jumps from 0 to 1"],
        ),
        (
            "clip to nothing",
            program("", &unit(r#"{"clip": {"lower": 2, "upper": 1}}"#)),
            vec!["node 1 (clip)", "[2, 1]"],
        ),
        (
            "softplus of slope -1",
            program("", &unit(r#"{"softplus": {"beta": -1}}"#)),
            vec!["node 1 (softplus)", "beta = -1"],
        ),
        (
            "a guard too low",
            program("", &unit(r#"{"softplus": {"beta": 1, "switch": 0.5}}"#)),
            vec!["node 1 (softplus)", "0.5"],
        ),
        (
            "an infinite weight",
            program(r#"{"name": "W", "values": [1, "-inf"]}"#, &dense("1", "2", "1")),
            vec!["parameter 0 'W'", "entry 1 is -inf"],
        ),
        ("a number beyond f64", program(r#"{"name": "W", "values": [1e400]}"#, &dense("1", "2", "1")), vec!["line"]),
        ("two sources", program(r#"{"name": "W"}"#, &dense("1", "2", "1")), vec!["parameter 0 'W'", "values"]),
        (
            "a matrix of the wrong size",
            program("", &sparse(r#"{"size": [1, 3], "starts": [0, 1], "columns": [2], "values": [1]}"#)),
            vec!["node 1 (sparse)", "3 columns", "2 entries"],
        ),
        (
            "starts that fall",
            program("", &sparse(r#"{"size": [2, 2], "starts": [0, 2, 1], "columns": [0], "values": [1]}"#)),
            vec!["node 1 (sparse)", "starts"],
        ),
        (
            "a matrix of huge size",
            program("", &sparse(r#"{"size": [18446744073709551615, 2], "starts": [0], "columns": [], "values": []}"#)),
            vec!["node 1 (sparse)", "18446744073709551615"],
        ),
        ("a kernel of another size", program(w, &conv("2", "0")), vec!["node 1 (conv)", "[2]", "5 entries"]),
        (
            "huge pads",
            program(w, &conv("5", "18446744073709551615")),
            vec!["node 1 (conv)", "pads", "18446744073709551615"],
        ),
        ("an explosion", program("", &doubling.join(",")), vec!["node 21 (concat)", "4194304", "2097152"]),
        ("an unknown operation", program("", r#"{"op": {"integral": 0}, "shape": [1]}"#), vec!["integral"]),
        (
            "an unknown field",
            program("", &unit("\"relu\"").replace("\"shape\"", "\"range\": [0, 1], \"shape\"")),
            vec!["range"],
        ),
        (
            "a step before its input",
            stepped(r#"{"op": "Relu", "name": "r", "arguments": [{"step": [0, 0]}]}"#),
            vec!["'r' (Relu)", "0 steps"],
        ),
        ("an unknown step", stepped(r#"{"op": "Loop", "name": "l", "arguments": [{"input": 0}]}"#), vec!["'l' (Loop)"]),
        (
            "a step of another length",
            stepped(r#"{"op": "Relu", "name": "r", "arguments": [{"input": 0}]}"#),
            vec!["node 1 (param)", "1 entries", "it has 3"],
        ),
        ("a huge step", stepped(huge), vec!["'big' (Expand)"]),
        (
            "a constant of another size",
            stepped(
                r#"{"op": "Add", "name": "a", "arguments": [{"input": 0}, {"constant": {"float": {"shape": [4], "values": [1]}}}]}"#,
            ),
            vec!["step 0 'a' (Add)", "[4]", "1 values"],
        ),
        (
            "another operator set",
            stepped(r#"{"op": "Relu", "name": "r", "arguments": [{"input": 0}]}"#).replace("17", "99"),
            vec!["opset 99", "23"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut faults = vec![];
    for (what, text, says) in &cases {
        let path = folder.path().join("net.json");
        fs::write(&path, text).unwrap();
        faults.extend(fault(what, &path, says));
    }
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// What is wrong with how the program refuses a file, if anything.
fn fault(what: &str, path: &Path, says: &[&str]) -> Option<String> {
    let ran = icnn(&["check", path.to_str().unwrap()]);
    let err = text(&ran.stderr);
    let one = err.starts_with("icnn: ") && err.matches("icnn: ").count() == 1 && err.len() < 1000;
    let missing = says.iter().find(|s| !err.contains(**s));
    if ran.status.code() == Some(2) && ran.stdout.is_empty() && one && missing.is_none() {
        println!("{what}: {}", err.trim_end());
        return None;
    }
    let brief: String = err.chars().take(400).collect();
    Some(format!("{what}: exit {:?}, missing {missing:?}: {brief}", ran.status.code()))
}

#[test]
fn convert_writes_what_other_commands_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    fs::write(at("net.safetensors"), weights(&LAYERS)).unwrap();
    fs::write(at("roles.json"), described(r#""preset": "ficnn""#)).unwrap();
    let roles = at("roles.json");
    let run = |args: &[&str]| {
        let ran = icnn(args);
        assert_eq!(ran.status.code(), Some(0), "{args:?}: {}", text(&ran.stderr));
        text(&ran.stdout)
    };
    run(&["convert", &at("net.safetensors"), &at("net.onnx"), "--description", &roles]);
    run(&["convert", &at("net.onnx"), &at("net.json")]);
    run(&["convert", &at("net.json"), &at("again.json")]);
    assert_eq!(fs::read(at("net.json")).unwrap(), fs::read(at("again.json")).unwrap());
    let eval = |args: &[&str]| run(&[&["eval"], args, &["--at", "0.25", "--json"]].concat());
    let first = eval(&[&at("net.safetensors"), "--description", &roles]);
    assert!(first.contains("\"value\":"), "{first}");
    assert_eq!(eval(&[&at("net.onnx")]), first);
    assert_eq!(eval(&[&at("net.json")]), first);

    // What exists stays, unless asked; nothing else is left in the folder.
    let refused = icnn(&["convert", &at("net.onnx"), &at("net.json")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("net.json exists"), "{}", text(&refused.stderr));
    run(&["convert", &at("net.onnx"), &at("net.json"), "--force"]);
    let mut files: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");

    for (args, says) in [
        (vec!["convert", &at("net.onnx"), &at("net.txt")], "net.txt: a model is written as .json or .onnx"),
        (vec!["convert", &at("net.onnx"), "/nonexistent/net.json"], "cannot be written"),
        (vec!["check", &at("net.json"), "--y", "z"], "fixed, here 'y'"),
        (vec!["check", &at("net.json"), "--description", &roles], "--description"),
        (vec!["eval", &at("net.json"), "--at", "1", "--output", "3"], "--output 3: a JSON program has a single output"),
        (vec!["dump", &at("net.json"), "--stage", "graph"], "a program, not a graph"),
        (vec!["check", &at("net.safetensors")], "its format is \"icnn-program\""),
        (vec!["convert", &at("net.safetensors"), &at("net.json"), "--force"], "net.json is what is converted"),
    ] {
        let ran = icnn(&args);
        let err = text(&ran.stderr);
        assert!(ran.status.code() == Some(2) && err.contains(says), "{args:?}: {err}");
    }
}
