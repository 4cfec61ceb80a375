//! The program as its users meet it: exit codes, what goes to stdout and what to stderr, JSON, bad input.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/run.rs"]
mod run;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use onnx::ModelBuilder;
use run::icnn;
use serde_json::json;

const DIGITS: &str = "examples/digits/digits.onnx";
const CONTEXT: &str = "examples/digits/test-context.npy";
const DIABETES: &str = "examples/diabetes/diabetes.onnx";
const CLASSIFIER: &str = "examples/classifier/classifier.onnx";
const PICNN: &str = "tests/models/jax_picnn.onnx";
const SOFTPLUS: &str = "tests/models/jax_softplus.onnx";

/// A folder for one test's files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, contents).expect("a temporary file");
        path.to_str().expect("UTF-8").into()
    }
}

#[test]
fn check_says_proven_with_exit_0_and_lists_the_proof_on_stderr() {
    let ran = icnn(&["check", DIABETES]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("proven: "), "{}", ran.out);
    assert_eq!(ran.out.lines().count(), 1);

    let loud = icnn(&["check", DIABETES, "-v"]);
    assert_eq!(loud.out, ran.out);
    assert!(loud.err.contains("n1 = dense n0") && loud.err.contains("—"), "{}", loud.err);

    let all = icnn(&["check", CLASSIFIER, "--json"]);
    assert_eq!(all.code, 0);
    let lines = all.json();
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[3]["component"], "f[3]");
    assert!(lines.iter().all(|l| l["verdict"] == "proven" && l["reason"].is_string() && l["witness"].is_null()));

    let one = icnn(&["check", CLASSIFIER, "--json", "--output", "f:3"]);
    assert_eq!(one.json().len(), 1);
    let given = icnn(&["check", DIGITS, "--context", CONTEXT, "--lower", "0", "--upper", "1"]);
    assert_eq!(given.code, 0, "{}", given.out);
    assert!(given.out.contains("all 60 context rows"), "{}", given.out);
}

#[test]
fn a_refutation_is_confirmed_by_eval() {
    let Some(folder) = shared() else { return };
    let model = folder.join("d_ioc_mlp.ts.onnx");
    let model = model.to_str().expect("UTF-8");
    let ran = icnn(&["check", model, "--output", "0", "--json"]);
    assert_eq!(ran.code, 1);
    let line = &ran.json()[0];
    assert_eq!(line["verdict"], "refuted");
    let witness = &line["witness"];
    let points = json!([witness["u"], witness["v"], witness["point"]]);
    let files = Folder::new();
    let at = files.file("points.json", points.to_string());
    let evaluated = icnn(&["eval", model, "--output", "0", "--at", &at, "--json"]).json();
    let f = |k: usize| evaluated[k]["value"].as_f64().expect("a value");
    assert_eq!(f(0), witness["f_u"]);
    assert!(f(2) > 0.5 * f(0) + 0.5 * f(1));
    let text = icnn(&["check", model, "--output", "0"]);
    assert!(text.out.starts_with("refuted: ") && text.out.contains("f((u + v)/2)"), "{}", text.out);
    assert_eq!(text.code, 1);
}

#[test]
fn every_shared_network_gets_a_verdict() {
    let Some(folder) = shared() else { return };
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let ran = icnn(&["check", "--json", path.to_str().expect("UTF-8")]);
            let lines = ran.json();
            let proven = lines.iter().all(|l| l["verdict"] == "proven");
            assert_eq!(ran.code, i32::from(!proven), "{}: {}", path.display(), ran.err);
            assert!(!lines.is_empty() && ran.err.is_empty(), "{}: {}", path.display(), ran.err);
            for line in lines {
                assert_eq!(line["verdict"] == "refuted", line["witness"].is_object());
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 58);
}

fn shared() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

#[test]
fn eval_prints_value_and_gradient() {
    let files = Folder::new();
    let at = files.file("at.csv", "a,b,c,d\n0.1,-0.2,0.3,0.4\n1,1,1,1\n");
    let lines = icnn(&["eval", PICNN, "--at", &at, "--context", "0.5", "--json"]).json();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["row"], 1);
    assert_eq!(lines[1]["gradient"].as_array().map(Vec::len), Some(4));
    let text = icnn(&["eval", PICNN, "--at", "1", "--context", "0.5"]);
    let numbers: Vec<f64> = text.out.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    assert_eq!(numbers.len(), 6);
    assert_eq!(lines[1]["value"], numbers[1]);
    assert_eq!(icnn(&["eval", PICNN, "--at", "-1", "--context", "-0.5"]).code, 0);
}

#[test]
fn a_row_that_overflows_does_not_lose_the_others() {
    let files = Folder::new();
    let at = files.file("at.json", "[[0,0,0,0],[1e308,1e308,1e308,1e308],[1,1,1,1]]");
    let ran = icnn(&["eval", PICNN, "--at", &at, "--context", "1e2", "--json"]);
    let lines = ran.json();
    assert_eq!((ran.code, lines.len()), (1, 3));
    assert!(lines[1]["error"].is_string() && lines[1]["row"] == 1);
    assert!(lines[2]["value"].is_f64());
    let text = icnn(&["eval", PICNN, "--at", &at, "--context", "1e2"]);
    assert_eq!((text.code, text.out.lines().count()), (1, 2));
    assert!(text.err.starts_with("icnn: row 1: "), "{}", text.err);
}

#[test]
fn solve_prints_the_keys_of_the_format() {
    let ran = icnn(&["solve", DIGITS, "--context", "0.5", "--lower", "0", "--upper", "1", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let object = &ran.json()[0];
    let mut keys: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    let wanted = ["gap", "lower_bound", "method", "proof", "row", "seconds", "status", "value", "work", "y"];
    assert_eq!(keys, wanted);
    assert_eq!((&object["status"], &object["method"]), (&json!("optimal"), &json!("active-set")));

    let files = Folder::new();
    let at = files.file("y.json", object["y"].to_string());
    let evaluated = icnn(&["eval", DIGITS, "--at", &at, "--context", "0.5", "--json"]).json();
    // The same function at the same point; the sums of the certificate's pass are in another order.
    let value = |object: &serde_json::Value| object["value"].as_f64().expect("a number");
    let (found, evaluated) = (value(object), value(&evaluated[0]));
    assert!((found - evaluated).abs() <= 4.0 * f64::EPSILON * evaluated.abs(), "{found} {evaluated}");
}

#[test]
fn neither_order_nor_threads_change_an_answer() {
    let solve = |context: &str, threads: &str| {
        let options = ["--lower", "0", "--upper", "1", "--json", "--threads", threads];
        let ran = icnn(&[&["solve", DIGITS, "--context", context], options.as_slice()].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let mut rows = ran.json();
        for (k, row) in rows.iter_mut().enumerate() {
            assert_eq!(row["row"], k);
            let row = row.as_object_mut().expect("an object");
            row.retain(|key, _| key != "seconds" && key != "row");
        }
        rows
    };
    // 60 digits, and 60 contexts so much alike that they are solved from a common start.
    let digits = fs::read(CONTEXT).expect("the digits");
    let row = |k: usize| -> Vec<f64> {
        let numbers = digits[digits.len() - 60 * 128 + k * 128..][..128].chunks_exact(4);
        numbers.map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect()
    };
    let alike = |k: usize| row(7).iter().enumerate().map(|(j, v)| v + 1e-3 * ((k * 31 + j * 17) % 13) as f64).collect();
    let sets: [Vec<Vec<f64>>; 2] = [(0..60).map(row).collect(), (0..60).map(alike).collect()];
    let files = Folder::new();
    for set in sets {
        let forward = files.file("forward.json", json!(set).to_string());
        let backward = files.file("backward.json", json!(set.iter().rev().collect::<Vec<_>>()).to_string());
        let one = solve(&forward, "1");
        assert_eq!(one.len(), 60);
        assert_eq!(one, solve(&forward, "7"));
        let mut reversed = solve(&backward, "3");
        reversed.reverse();
        assert_eq!(one, reversed);
    }
}

#[test]
fn endings_that_are_not_optimal() {
    let open = icnn(&["solve", DIABETES, "--json"]);
    let line = &open.json()[0];
    assert_eq!((open.code, &line["status"]), (1, &json!("unbounded")));
    assert!(line["ray"].is_array() && line["message"].is_string() && line["value"].is_null());
    assert!(open.err.contains("--lower and --upper"), "{}", open.err);

    for limit in [&["--pass-limit", "3"][..], &["--method", "lp", "--iteration-limit", "3"]] {
        let options = ["--context", "0.5", "--lower", "0", "--upper", "1", "--json"];
        let limited = icnn(&[&["solve", DIGITS], options.as_slice(), limit].concat());
        assert_eq!((limited.code, &limited.json()[0]["status"]), (3, &json!("stopped")));
    }

    let convex = icnn(&["solve", DIABETES, "--lower", "-1", "--upper", "1", "--maximize"]);
    assert_eq!((convex.code, convex.out.as_str()), (1, ""));
    assert!(convex.err.contains("without --maximize"), "{}", convex.err);

    let smooth = icnn(&["solve", SOFTPLUS, "--lower", "-1", "--upper", "1", "--method", "lp"]);
    assert_eq!((smooth.code, smooth.out.as_str()), (2, ""));
    assert!(smooth.err.contains("softplus"), "{}", smooth.err);
}

#[test]
fn a_concave_network_is_maximised() {
    let files = Folder::new();
    // f(y) = 3 − |y|
    let model = ModelBuilder::new(17)
        .input("y", &[Some(1), Some(1)])
        .initializer("three", &[1, 1], &[3.0])
        .node("Abs", &["y"], &["a"], vec![])
        .node("Sub", &["three", "a"], &["f"], vec![])
        .output("f");
    let model = files.file("concave.onnx", model.bytes());
    let checked = icnn(&["check", &model]);
    assert_eq!(checked.code, 1);
    assert!(checked.out.contains("--maximize"), "{}", checked.out);
    let minimised = icnn(&["solve", &model, "--lower", "-1", "--upper", "2"]);
    assert_eq!((minimised.code, minimised.out.as_str()), (1, ""));
    assert!(minimised.err.contains("--maximize"), "{}", minimised.err);

    let ran = icnn(&["solve", &model, "--lower", "-1", "--upper", "2", "--maximize", "--json"]);
    let line = &ran.json()[0];
    assert_eq!((ran.code, &line["value"], &line["upper_bound"]), (0, &json!(3.0), &json!(3.0)));
    assert_eq!(line["y"], json!([0.0]));
    assert!(line["gap"] == 0.0 && line.get("lower_bound").is_none(), "{line}");
}

#[test]
fn convexity_may_depend_on_the_row() {
    let files = Folder::new();
    // f(x, y) = x·|y|
    let model = ModelBuilder::new(17)
        .input("x", &[Some(1), Some(1)])
        .input("y", &[Some(1), Some(1)])
        .node("Abs", &["y"], &["a"], vec![])
        .node("Mul", &["x", "a"], &["f"], vec![])
        .output("f");
    let model = files.file("sign.onnx", model.bytes());
    let solve = |rows: &str| {
        let context = files.file("rows.json", rows);
        icnn(&["solve", &model, "--context", &context, "--lower", "1", "--upper", "2", "--json", "--threads", "2"])
    };
    // On [1, 2] |y| is y, so every row is affine there; on [-1, 2] only x ≥ 0 is convex.
    assert_eq!(solve("[1, -1]").code, 0);
    let wider = |rows: &str| {
        let context = files.file("rows.json", rows);
        icnn(&["solve", &model, "--context", &context, "--lower", "-1", "--upper", "2", "--json"])
    };
    let mixed = wider("[-1, -2, 1, -3, 2]");
    let lines = mixed.json();
    assert_eq!((mixed.code, lines.len()), (1, 5));
    for (row, line) in lines.iter().enumerate() {
        assert_eq!(line["row"], row);
        assert_eq!(line["error"].is_string(), [0, 1, 3].contains(&row), "{line}");
    }
    let never = wider("[-1, -2]");
    assert_eq!((never.code, never.out.as_str()), (1, ""));
    assert!(never.err.contains("all 2 context rows"), "{}", never.err);

    assert_eq!(icnn(&["check", &model, "--lower", "1"]).code, 0);
    let check = |rows: &str| {
        let context = files.file("rows.json", rows);
        icnn(&["check", &model, "--context", &context, "--json"])
    };
    assert_eq!(check("[1, 0, 2]").code, 0);
    let refuted = check("[1, -1, 2]");
    assert_eq!((refuted.code, &refuted.json()[0]["verdict"]), (1, &json!("refuted")));
    assert_eq!(refuted.json()[0]["witness"]["context"], json!([-1.0]));
    assert_eq!(icnn(&["check", &model, "--json"]).json()[0]["verdict"], "refuted");
}

#[test]
fn dump_prints_each_stage() {
    let graph = icnn(&["dump", PICNN, "--stage", "graph"]);
    assert!(graph.out.contains("input x [B, 3]") && graph.out.contains("Gemm"), "{}", graph.out);
    let program = icnn(&["dump", PICNN]);
    assert!(program.out.starts_with("y 4") && program.out.contains("convex"), "{}", program.out);
    let at = icnn(&["dump", PICNN, "--context", "0.5"]);
    assert!(at.out.contains("# '"), "{}", at.out);
    let lp = icnn(&["dump", PICNN, "--stage", "lp", "--context", "0.5", "--lower", "-1", "--upper", "1"]);
    assert!(lp.out.starts_with("minimize\n") && lp.out.contains("-1 <= y0 <= 1"), "{}", lp.out);
    for ran in [graph, program, at, lp] {
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    }
}

#[test]
fn the_demo_draws_a_picture() {
    let files = Folder::new();
    let picture = files.0.path().join("new/digits.png");
    let ran = icnn(&["demo", "--picture", picture.to_str().expect("UTF-8")]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("20 of 20 rows"), "{}", ran.out);
    assert!(fs::read(picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")));
}

#[test]
fn the_demo_of_missing_pixels_compares_all_methods() {
    let files = Folder::new();
    let picture = files.0.path().join("imputation.png");
    let ran = icnn(&["demo", "examples/imputation", "--picture", picture.to_str().expect("UTF-8")]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("30 of 30 rows optimal") && ran.out.contains("on 30 no bound"), "{}", ran.out);
    assert!(fs::read(picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")));

    let fixed = files.file("test-fix.json", "[[null, 0.5]]");
    let folder = Path::new(&fixed).parent().and_then(Path::to_str).expect("UTF-8");
    refused(&["demo", folder], &["imputation.onnx"]);
}

#[test]
fn a_reader_that_leaves_is_no_error_message() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_icnn"))
        // More lines than a pipe holds, so that the program is still writing when its reader leaves.
        .args(["eval", CLASSIFIER, "--output", "3", "--at", "examples/classifier/test-images.npy"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("icnn starts");
    let mut first = String::new();
    let mut reader = BufReader::with_capacity(16, child.stdout.take().expect("stdout"));
    reader.read_line(&mut first).expect("a line");
    drop(reader);
    let done = child.wait_with_output().expect("icnn ends");
    assert!(first.starts_with("0 "), "{first}");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert_eq!(done.status.code(), Some(141));
}

#[test]
fn bounds_come_as_numbers_and_files_and_may_be_infinite() {
    let files = Folder::new();
    let value = |lower: &str, upper: &str| {
        let options = ["--context", "0.5", "--lower", lower, "--upper", upper, "--json"];
        let ran = icnn(&[&["solve", PICNN], options.as_slice()].concat());
        (ran.code, ran.json()[0]["value"].clone())
    };
    let json = files.file("l.json", "[-1, -1, -1, -1]");
    let csv = files.file("u.csv", "y0,y1,y2,y3\n1,1,1,1\n");
    assert_eq!(value("-1", "1"), value(&json, &csv));
    let open = files.file("open.json", r#"[null, "-inf", null, -1]"#);
    let blank = files.file("blank.csv", "1,,inf,1");
    assert_eq!(value(&open, &blank), value("-inf", "inf").clone());
}

/// Arguments, and what the one message has to name.
type Bad<'a> = (&'a [&'a str], &'a [&'a str]);

#[test]
fn bad_input_is_one_clear_message_and_exit_2() {
    let files = Folder::new();
    let bytes = |header: &str, data: &[u8]| {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
    };
    let npy = |name: &str, descr: &str, shape: &str, data: &[u8]| {
        files.file(name, bytes(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"), data))
    };
    let nan: Vec<u8> = [0.0, 1.0, f64::NAN].iter().flat_map(|v| v.to_le_bytes()).collect();
    let narrow = files.file("narrow.json", "[[1,2,3],[1,2]]");
    let wide = files.file("wide.csv", "1,2,3,4\n");
    let flat = files.file("flat.json", "[1,2,3,4,5,6]");
    let empty = files.file("empty.json", "[]");
    let nothing = files.file("nothing.csv", "");
    let null = files.file("null.json", "[[1,2,3],[1,null,3]]");
    let hole = files.file("hole.csv", "a,b,c\n1,2,3\n1,,3\n");
    let word = files.file("word.csv", "1,2,3\n1,two,3\n");
    let object = files.file("object.json", r#"{"x": [1,2,3]}"#);
    let broken = files.file("broken.json", "[1,2");
    let python = files.file("python.json", "[1,NaN,3]");
    let deep = files.file("deep.json", "[".repeat(100_000));
    let nan = npy("nan.npy", "<f8", "(1, 3)", &nan);
    let cut = npy("cut.npy", "<f4", "(2, 3)", &[0; 20]);
    let huge = npy("huge.npy", "<f8", "(1000000000, 3)", &[0; 24]);
    let beyond = npy("beyond.npy", "<f8", "(99999999999, 99999999999)", &[]);
    let complex = npy("complex.npy", "<c16", "(3,)", &[0; 48]);
    let pickle = npy("pickle.npy", "|O", "(3,)", &[0; 24]);
    let none = npy("none.npy", "<f8", "(0, 3)", &[]);
    let header = files.file("header.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{");
    let zip = files.file("zip.npy", b"PK\x03\x04");
    let long = files.file("long.json", "[0,0,0,0,0]");
    let rows = files.file("rows.json", "[[0,0,0,0],[0,0,0,0]]");
    let two = files.file("two.json", "[[0,0,0],[0,0,0]]");
    let three = files.file("three.json", "[[0,0,0,0],[0,0,0,0],[0,0,0,0]]");
    let garbage = files.file("garbage.onnx", "not a network");

    let contexts: &[(&str, &[&str])] = &[
        (&narrow, &["row 1", "2", "3"]),
        (&wide, &["row 0", "4", "3"]),
        (&flat, &["6", "3"]),
        (&empty, &["no numbers"]),
        (&nothing, &["no numbers"]),
        (&none, &["no numbers"]),
        (&null, &["row 1", "column 1", "null"]),
        (&hole, &["line 3", "column 2", "empty"]),
        (&word, &["line 2", "column 2", "two"]),
        (&object, &["object"]),
        (&broken, &["not JSON"]),
        (&python, &["not JSON"]),
        (&deep, &["not JSON"]),
        (&nan, &["row 0", "column 2", "NaN"]),
        (&cut, &["24 bytes", "20"]),
        (&huge, &["24000000000 bytes", "24"]),
        (&beyond, &["beyond memory"]),
        (&complex, &["<c16"]),
        (&pickle, &["|O"]),
        (&header, &["4294967295"]),
        (&zip, &["not an NPY file"]),
        ("missing.npy", &["missing.npy", "No such file"]),
        ("nan", &["--context", "NaN"]),
        ("inf", &["row 0", "column 0", "inf"]),
        ("rows.txt", &["rows.txt", "neither a number nor"]),
    ];
    for (context, names) in contexts {
        refused(&["solve", PICNN, "--lower", "0", "--upper", "1", "--context", context], names);
    }
    let others: &[Bad] = &[
        (&["solve", PICNN], &["context of 3", "'x'"]),
        (&["eval", PICNN, "--at", "0"], &["context of 3"]),
        (&["solve", DIABETES, "--context", "1"], &["no context"]),
        (&["solve", DIABETES, "--lower", "1", "--upper", "-1"], &["y[0]", "1", "-1"]),
        (&["solve", DIABETES, "--lower", "inf"], &["y[0]", "inf"]),
        (&["solve", DIABETES, "--lower", &long], &["5", "10"]),
        (&["solve", PICNN, "--context", "1", "--lower", &rows], &["2 rows"]),
        (&["solve", PICNN, "--context", "1", "--lower", &nan], &["3", "4"]),
        (&["check", PICNN, "--upper", &word], &["line 2", "two"]),
        (&["check", PICNN, "--y", "z"], &["--y z", "'x'", "'y'"]),
        (&["check", PICNN, "--output", "1"], &["--output 1", "1 output"]),
        (&["eval", CLASSIFIER, "--at", "0"], &["10 output components", "f[0]"]),
        (&["eval", CLASSIFIER, "--at", "0", "--output", "g:1"], &["g:1", "f[0]"]),
        (&["eval", PICNN, "--context", &two, "--at", &three], &["3 rows", "2"]),
        (&["eval", PICNN, "--context", "0", "--at", &two], &["row 0", "3", "4"]),
        (&["check", "missing.onnx"], &["missing.onnx"]),
        (&["check", &garbage], &["not a readable model"]),
        (&["check", "examples"], &["examples"]),
        (&["solve", DIABETES, "--method", "magic"], &["magic", "auto, lp, ipm, pdlp"]),
        (&["solve", DIABETES, "--gap", "-1"], &["positive"]),
        (&["solve", DIABETES, "--time-limit", "1e400"], &["positive"]),
        (&["solve", DIABETES, "--time-limit", "-1"], &["positive"]),
        (&["solve", DIABETES, "--threads", "0"], &["--threads"]),
        (&["solve"], &["MODEL"]),
        (&["fly"], &["fly"]),
        (&["demo", "examples/classifier"], &["digits.onnx"]),
    ];
    for (args, names) in others {
        refused(args, names);
    }
}

fn refused(args: &[&str], names: &[&str]) {
    let ran = icnn(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "icnn {args:?}: {}", ran.err);
    assert!(ran.err.starts_with("icnn: ") && ran.err.matches("icnn: ").count() == 1, "icnn {args:?}: {}", ran.err);
    for name in names {
        assert!(ran.err.contains(name), "icnn {args:?} does not say {name}: {}", ran.err);
    }
}
