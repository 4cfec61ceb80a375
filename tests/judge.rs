//! `icnn generate` and `icnn judge` end to end, and the committed answers of outside solvers.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;
#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::fs;

use programs::Folder;
use run::icnn;
use serde_json::{Value, json};

/// f(y) = |y0| + 2|y1|, least at 0.
const F: &str = "y 2\nn1 = abs n0\nn2 = dense n1 [[1, 2]]\noutput n2";

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Verdicts of a run with `--json`.
fn verdicts(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|l| l["verdict"].as_str().unwrap()).collect()
}

#[test]
fn what_is_generated_is_judged_optimal_and_what_is_moved_is_not() {
    let folder = Folder::new();
    let families = "ficnn,picnn,convolution,skips,max,leaky,softplus,elu,celu,quadratic";
    for kind in ["random", "known", "flat", "ill-conditioned"] {
        let to = folder.at(kind);
        let sizes = ["--decisions", "4", "--hidden", "9,5", "--seed", "3", "--count", "2"];
        let ran = icnn(&[&["generate", &to, "--family", families, "--kind", kind, "--json"][..], &sizes].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let made = ran.json();
        assert_eq!(made.len(), 20);
        for line in &made {
            let (files, answer) = (&line["files"], &line["answer"]);
            assert_eq!(&read(files["answer"].as_str().unwrap()), answer);
            let [low, high] = [0, 1].map(|k| answer["suboptimality"][k].as_f64().unwrap());
            let size = answer["value"][0].as_f64().unwrap().abs().max(1.0);
            assert!(low <= 0.0 && high >= 0.0 && high < 1e-6 * size, "{line}");
            assert_eq!(answer["constructed"], kind != "random");
            let y = answer["y"].as_array().unwrap();
            // The first point is the answer, the second one lies in another corner of the box.
            let set = read(files["domain"].as_str().unwrap());
            let points = json!([y, set["upper"]]);
            let points = folder.file("points.json", points.to_string());
            let mut args = vec!["judge", files["model"].as_str().unwrap(), "--answers", &points, "--json", "--domain"];
            args.push(files["domain"].as_str().unwrap());
            if let Some(context) = files["context"].as_str() {
                args.extend(["--context", context]);
            }
            let ran = icnn(&args);
            let lines = ran.json();
            assert_eq!(lines[0]["verdict"], "optimal", "{}", ran.out);
            let value = [0, 1].map(|k| answer["value"][k].as_f64().unwrap());
            assert!(value[0] <= value[1]);
            assert!((lines[0]["value"].as_f64().unwrap() - value[0]).abs() <= 1e-9 * value[0].abs().max(1.0));
            // Flat or not, a random corner is worse, unless it is the minimiser.
            assert!(lines[1]["verdict"] == "suboptimal" || kind == "random" || kind == "flat", "{}", ran.out);
            assert_eq!(ran.code, i32::from(lines[1]["verdict"] != "optimal"), "{}", ran.out);
        }
    }
    let degenerate =
        icnn(&["generate", &folder.at("d"), "--kind", "degenerate", "--by", "5", "--faces", "2", "--json"]);
    let answer = &degenerate.json()[0]["answer"];
    assert!(answer["kinks"].as_u64().unwrap() >= 13, "{answer}");
}

#[test]
fn a_run_of_generate_can_be_repeated_and_overwrites_nothing() {
    let folder = Folder::new();
    let (one, other) = (folder.at("one"), folder.at("other"));
    let all = ["--family", "picnn,max", "--decisions", "3", "--hidden", "6", "--context", "2"];
    let generate = |to: &str, more: &[&str]| icnn(&[&["generate", to][..], &all, more].concat());
    assert_eq!(generate(&one, &["--count", "3"]).code, 0);
    assert_eq!(generate(&other, &["--count", "3"]).code, 0);
    let files = |of: &str| -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(of).unwrap().map(|e| e.unwrap());
        entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
    };
    let before = files(&one);
    assert_eq!(before, files(&other));
    assert_eq!(before.len(), 3 * 4 + 3 * 3);
    // One more, with two that are there.
    let ran = generate(&one, &["--seed", "1", "--count", "3"]);
    assert!(ran.code == 2 && ran.err.contains("picnn-known-1.onnx exists; --force"), "{}", ran.err);
    assert_eq!(before, files(&one));
    assert_eq!(generate(&one, &["--seed", "2", "--force"]).code, 0);
    assert_eq!(before, files(&one), "the network of a seed is the same in every run");
}

#[test]
fn bad_input_of_generate() {
    let folder = Folder::new();
    let to = folder.at("nets");
    for (args, parts) in [
        (&["--decisions", "0"][..], ["decisions: 0", "1 to 4096"]),
        (&["--hidden", "5000"], ["5000", "1 to 4096"]),
        (&["--family", "mlp"], ["mlp", "ficnn"]),
        (&["--kind", "hard"], ["hard", "ill-conditioned"]),
        (&["--kind", "known", "--by", "2"], ["--by 2", "known"]),
        (&["--kind", "random", "--faces", "2"], ["--faces 2", "random"]),
        (&["--kind", "flat", "--by", "8"], ["dimension 8", "8 decisions"]),
        (&["--kind", "degenerate", "--family", "elu"], ["elu", "no kinks"]),
        (&["--kind", "ill-conditioned", "--by", "41"], ["2^41", "2^40"]),
        (&["--faces", "9"], ["9 faces", "8 decisions"]),
        (&["--seed", "18446744073709551615", "--count", "2"], ["--seed 18446744073709551615", "1 more"]),
        (&["--count", "0"], ["0", "count"]),
    ] {
        let ran = icnn(&[&["generate", &to][..], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(parts.iter().all(|p| ran.err.contains(p)), "{args:?}: {}", ran.err);
    }
    let file = folder.file("file", "");
    let ran = icnn(&["generate", &file]);
    assert!(ran.code == 2 && ran.err.contains("cannot be written"), "{}", ran.err);
}

#[test]
fn a_verdict_for_every_row() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let points = folder.file(
        "points.json",
        "[[0, 0], [0.25, 0.5], [0, 2], [1e-9, 0], [0, null], [1, 2, 3], [], [\"inf\", 0], [0, 1.0000001]]",
    );
    let judge = ["judge", &model, "--lower", "-1", "--upper", "1", "--answers", &points];
    let ran = icnn(&[&judge[..], &["--json"]].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines = ran.json();
    let expected = [
        "optimal",
        "suboptimal",
        "infeasible",
        "optimal",
        "not a number",
        "wrong length",
        "wrong length",
        "not a number",
        "suboptimal",
    ];
    assert_eq!(verdicts(&lines), expected);
    let between = |line: &Value, v: f64| {
        let [low, high] = [0, 1].map(|k| line["suboptimality"][k].as_f64().unwrap());
        low <= v && v <= high && high - low < 1e-9
    };
    assert!(between(&lines[0], 0.0) && between(&lines[1], 1.25) && between(&lines[3], 1e-9), "{}", ran.out);
    assert_eq!((&lines[2]["violation"], &lines[0]["violation"]), (&json!(1.0), &json!(0.0)));
    assert!(lines[4]["message"].as_str().unwrap().contains("y[1] is NaN"));
    assert!(lines[5]["message"].as_str().unwrap().contains("3 entries, the network takes 2"));
    assert!(lines[8]["violation"].as_f64().unwrap() > 0.0);

    let strict = icnn(&[&judge[..], &["--json", "--feasible", "0", "--tol", "0.6"]].concat());
    assert_eq!(verdicts(&strict.json())[8], "infeasible");
    let loose = icnn(&[&judge[..], &["--json", "--tol", "2"]].concat());
    assert_eq!(verdicts(&loose.json())[1], "optimal");

    let text = icnn(&judge);
    for part in [
        "row 1 suboptimal by at least 1.250e0",
        "row 2 infeasible",
        "2 of 9 rows optimal within 1e-6",
        "2 wrong length",
    ] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
}

#[test]
fn answers_come_in_every_format_of_tables() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let json = folder.file("points.json", "[[0, 0], [0.25, 0.5], [0, 1]]");
    let csv = folder.file("points.csv", "a,b\n0,0\n0.25,0.5\n0,1\n");
    let (npy, parquet) = (folder.at("points.npy"), folder.at("points.parquet"));
    for to in [&npy, &parquet] {
        let ran = icnn(&["convert", &csv, to]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let judge = |file: &str| {
        let ran = icnn(&["judge", &model, "--lower", "-1", "--upper", "1", "--json", "--answers", file]);
        let verdicts: Vec<String> = verdicts(&ran.json()).into_iter().map(String::from).collect();
        (ran.code, verdicts)
    };
    let expected = (1, ["optimal", "suboptimal", "suboptimal"].map(String::from).to_vec());
    for file in [&json, &csv, &npy, &parquet] {
        assert_eq!(judge(file), expected, "{file}");
    }
    // Rows of different lengths, and an empty cell.
    let ragged = folder.file("ragged.csv", "0,0\n0\n,0\n");
    assert_eq!(judge(&ragged), (1, ["optimal", "wrong length", "not a number"].map(String::from).to_vec()));
    // Two numbers are one row.
    let flat = folder.file("flat.json", "[0, 0]");
    assert_eq!(judge(&flat), (0, vec!["optimal".to_string()]));
}

#[test]
fn rows_of_contexts_sets_and_terms() {
    let folder = Folder::new();
    let model = folder.sum_of_sizes("h.onnx", 2);
    let points = folder.file("points.json", "[[0, 0], [1, 0], [0, 0]]");
    let contexts = folder.file("x.json", "[[1], [2], [3]]");
    let ran = icnn(&["judge", &model, "--context", &contexts, "--answers", &points, "--json"]);
    assert_eq!(verdicts(&ran.json()), ["optimal", "suboptimal", "optimal"], "{}", ran.err);
    assert_eq!(ran.json()[2]["value"], json!(3.0));
    // Of |y0| + |y1| + x − 2·y0 on [−1, 1]² the minimiser is (1, 0).
    let terms = folder.file("c.json", "[-2, 0]");
    let box_and = ["--lower", "-1", "--upper", "1", "--linear", &terms];
    let args = [&["judge", &model, "--context", "0", "--answers", &points, "--json"][..], &box_and].concat();
    assert_eq!(verdicts(&icnn(&args).json()), ["suboptimal", "optimal", "suboptimal"]);
    // Given coordinates, row by row.
    let fix = folder.file("fix.json", "[[0.5, null], [null, 0.5], [null, null]]");
    let at = folder.file("at.json", "[[0.5, 0], [0.5, 0.5], [0, 0]]");
    let ran = icnn(&["judge", &model, "--context", "0", "--answers", &at, "--fix", &fix, "--json"]);
    assert_eq!(verdicts(&ran.json()), ["optimal", "suboptimal", "optimal"], "{}", ran.err);
    // A simplex is no box: what lies on it is judged all the same.
    let set = folder.file("set.json", r#"{"version": 1, "simplices": [{"of": "all", "total": 1}]}"#);
    let on = folder.file("on.json", "[[0.25, 0.75], [1, 1]]");
    let ran = icnn(&["judge", &model, "--context", "0", "--answers", &on, "--domain", &set, "--json"]);
    assert_eq!(verdicts(&ran.json()), ["optimal", "infeasible"], "{}", ran.out);
    // −f is concave: the point maximises it.
    let concave = folder.program("g.json", "y 1\nn1 = abs n0\nn2 = scale n1 [-1]\noutput n2");
    let zero = folder.file("zero.json", "[0, 0.5]");
    let ran = icnn(&["judge", &concave, "--maximize", "--answers", &zero, "--json", "--lower", "-1", "--upper", "1"]);
    let lines = ran.json();
    assert_eq!(verdicts(&lines), ["optimal", "suboptimal"], "{}", ran.err);
    assert_eq!(lines[1]["value"], json!(-0.5));
    assert!(lines[1]["lower_bound"].as_f64() <= lines[1]["upper_bound"].as_f64());
    // Without a minimum no point is one.
    let line = folder.program("line.json", "y 1\nn1 = scale n0 [2]\noutput n1");
    let ran = icnn(&["judge", &line, "--answers", &zero, "--json"]);
    assert!(ran.code == 1 && ran.json().iter().all(|l| l["verdict"] == "suboptimal"), "{}", ran.out);
    assert!(ran.json()[0]["message"].as_str().unwrap().contains("unbounded"));
}

#[test]
fn bad_input_of_judge() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let two = folder.file("two.json", "[[0, 0], [0, 0]]");
    let (text, none) = (folder.file("text.json", "[\"a\"]"), folder.file("none.json", "[]"));
    let contexts = folder.file("x.json", "[[1], [2], [3]]");
    let with_context = folder.sum_of_sizes("h.onnx", 2);
    let missing = folder.at("missing.npy");
    let other = folder.file("points.txt", "0 0");
    for (args, parts) in [
        (vec![&model[..], "--answers", &missing], ["--answers", "missing.npy"]),
        (vec![&model, "--answers", &text], ["text.json", "entry 0"]),
        (vec![&model, "--answers", &none], ["none.json", "no numbers"]),
        (vec![&model, "--answers", &other], ["points.txt", ".parquet"]),
        (vec![&model], ["--answers", "required"]),
        (vec![&with_context, "--answers", &two], ["context", "1 numbers a row"]),
        (vec![&with_context, "--context", &contexts, "--answers", &two], ["--context has 3 rows", "--answers 2"]),
        (vec![&model, "--answers", &two, "--tol", "-1"], ["--tol", "at least 0"]),
        (vec![&model, "--answers", &two, "--lower", "1", "--upper", "0"], ["lower bound 1", "upper bound 0"]),
    ] {
        let ran = icnn(&[&["judge"][..], &args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(parts.iter().all(|p| ran.err.contains(p)), "{args:?}: {}", ran.err);
    }
    // What is not convex has no proven minimum: every row says so.
    let wavy = folder.program("wavy.json", "y 2\nn1 = sin n0\nn2 = dense n1 [[1, 1]]\noutput n2");
    let ran = icnn(&["judge", &wavy, "--answers", &two, "--json"]);
    assert_eq!((ran.code, verdicts(&ran.json())), (1, vec!["error", "error"]));
}

#[test]
fn the_committed_answers_of_outside_solvers() {
    // Of L-BFGS-B, then of Adam: the verdict, and what is lost, at least and at most.
    let expected = [
        ("ficnn-known", [("suboptimal", 1.6e-3, 1.7e-3), ("optimal", 3e-6, 4e-6)]),
        ("ficnn-degenerate", [("optimal", 1e-8, 2e-8), ("suboptimal", 8e-6, 9e-6)]),
        ("convolution-known", [("suboptimal", 0.33, 0.34), ("optimal", 2.9e-6, 3.1e-6)]),
        ("softplus-known", [("optimal", 0.0, 1e-8), ("optimal", 0.0, 1e-8)]),
        ("picnn-known", [("suboptimal", 1.2, 1.3), ("suboptimal", 1.3e-5, 1.4e-5)]),
    ];
    for (name, verdicts) in expected {
        let at = |end: &str| format!("examples/judge/networks/{name}-0.{end}");
        let (model, domain, context) = (at("onnx"), at("domain.json"), at("context.json"));
        let answer = read(&format!("{}/{}", env!("CARGO_MANIFEST_DIR"), at("answer.json")));
        for (solver, (verdict, low, high)) in ["lbfgsb", "torch"].iter().zip(verdicts) {
            let answers = at(&format!("{solver}.npy"));
            let mut args = vec!["judge", &model, "--domain", &domain, "--answers", &answers, "--json"];
            if name.starts_with("picnn") {
                args.extend(["--context", &context]);
            }
            let ran = icnn(&args);
            assert_eq!(ran.code, i32::from(verdict != "optimal"), "{name} {solver}: {}{}", ran.out, ran.err);
            let line = &ran.json()[0];
            assert_eq!(line["verdict"], verdict, "{name} {solver}: {line}");
            let [lower, upper] = [0, 1].map(|k| line["suboptimality"][k].as_f64().unwrap());
            assert!(low <= lower && upper <= high, "{name} {solver}: {line}");
            // The minimum is known from the construction: the interval has to hold what the point really loses.
            let minimum = [0, 1].map(|k| answer["value"][k].as_f64().unwrap());
            let value = line["value"].as_f64().unwrap();
            assert!(
                lower <= value - minimum[0] + 1e-12 && value - minimum[1] - 1e-12 <= upper,
                "{name} {solver}: {line}"
            );
        }
    }
}
