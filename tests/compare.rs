//! `icnn compare`: the table, JSON, refusals, rows; the judge on forged answers, and its reproducers.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/run.rs"]
mod run;

use std::fs;
use std::sync::Arc;

use icnn::compare::judge::{Fault, Kind, faults};
use icnn::compare::reproducer::Reproducer;
use icnn::compare::{Entry, Outcome, Question, best, entry};
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::objective::Objective;
use icnn::solve::{METHODS, MethodRow};
use icnn::{Domain, Limits, Method, Network, Solution, Status};
use programs::Folder;
use run::icnn;
use serde_json::Value;

const DIGITS: [&str; 9] = [
    "compare",
    "examples/digits/digits.onnx",
    "--context",
    "examples/digits/test-context.npy",
    "--lower",
    "0",
    "--upper",
    "1",
    "--pass-limit=300",
];
const SOFTPLUS: &str = "tests/models/jax_softplus.onnx";

fn digits(more: &[&str]) -> run::Ran {
    icnn(&[&DIGITS, more].concat())
}

/// Those that a comparison asks: all but the portfolio, which is made of the others.
fn methods() -> &'static [MethodRow] {
    &METHODS[1..]
}

fn names() -> Vec<&'static str> {
    methods().iter().map(|m| m.name).collect()
}

#[test]
fn every_method_has_a_line_and_the_advice_is_what_was_measured() {
    let ran = digits(&["--rows", "3"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("row 3: min f(y) over 32 decisions"), "{}", lines[0]);
    for column in ["status", "value", "gap", "distance", "forward", "backward", "iterations", "time"] {
        assert!(lines[1].contains(column), "{}", lines[1]);
    }
    for (name, line) in names().iter().zip(&lines[2..]) {
        assert_eq!(line.split_whitespace().next(), Some(*name), "{}", ran.out);
    }
    let lp = lines.iter().find(|l| l.starts_with("lp ")).expect("a line");
    assert!(lp.contains("optimal"), "{lp}");
    let advice = lines.iter().find(|l| l.starts_with("Use ")).expect("advice");
    let used = advice["Use ".len()..].split(':').next().expect("a name");
    let line = lines.iter().find(|l| l.split_whitespace().next() == Some(used)).expect("the line of that method");
    assert!(line.contains("optimal"), "{advice}: {line}");
}

#[test]
fn json_has_a_line_for_each_row_and_method_and_a_summary() {
    let ran = digits(&["--rows", "0..2", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines = ran.json();
    let (end, lines) = lines.split_last().expect("lines");
    assert_eq!(lines.len(), 2 * methods().len());
    let summary = &end["summary"];
    assert_eq!(summary["rows"], serde_json::json!([0, 1]));
    assert_eq!(summary["faults"], serde_json::json!([]));
    assert_eq!(summary["methods"].as_array().map(Vec::len), Some(methods().len()));
    for (k, line) in lines.iter().enumerate() {
        assert_eq!(
            (line["row"].as_u64(), &line["method"]),
            (Some((k / methods().len()) as u64), &Value::from(names()[k % methods().len()]))
        );
        if line["status"] == "refused" {
            assert!(line["reason"].is_string() && line["value"].is_null(), "{line}");
            continue;
        }
        let value = line["value"].as_f64().expect("a value");
        assert_eq!(line["y"].as_array().map(Vec::len), Some(32));
        let bound = summary["best"][k / methods().len()]["lower_bound"].as_f64().expect("a bound");
        // The best bound of anybody is below everybody's value.
        assert!(bound <= value + 1e-9, "{bound} > {value}: {line}");
        assert!(line["lower_bound"].as_f64().is_none_or(|own| own <= bound), "{line}");
        assert!(line["distance"].as_f64().expect("a distance") >= 0.0);
        let trace = line["trace"].as_array().expect("a trace");
        let calls_f = matches!(methods()[k % methods().len()].engine, icnn::solve::Engine::Oracle(_));
        assert_eq!(!trace.is_empty(), calls_f, "{line}");
        let passes = |p: &Value| p["forward"].as_u64().unwrap() + p["backward"].as_u64().unwrap();
        assert!(
            trace
                .windows(2)
                .all(|w| passes(&w[0]) <= passes(&w[1]) && w[0]["value"].as_f64() >= w[1]["value"].as_f64())
        );
    }
    for row in 0..2 {
        let of_row = || lines.iter().filter(move |l| l["row"] == row);
        assert!(of_row().any(|l| l["distance"] == 0.0), "nobody is at the best point");
    }
}

#[test]
fn of_several_rows_the_median_and_the_worst() {
    let ran = digits(&["--rows", "4..7", "--methods", "ipm,lp"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for head in ["row 4:", "row 5:", "row 6:", "3 rows: median / worst"] {
        assert!(ran.out.lines().any(|l| l.starts_with(head)), "{}", ran.out);
    }
    let last: Vec<&str> = ran.out.lines().filter(|l| l.contains("3 of 3")).collect();
    assert_eq!(last.iter().map(|l| l.split_whitespace().next().unwrap()).collect::<Vec<_>>(), ["ipm", "lp"]);

    let ran = digits(&["--methods", "lp", "--json"]);
    assert!(ran.err.contains("60 rows; the first 5 are compared"), "{}", ran.err);
    assert_eq!(ran.json().len(), 6);
}

#[test]
fn methods_that_refuse_are_listed_with_the_reason() {
    let ran = icnn(&["compare", SOFTPLUS, "--lower", "-1", "--upper", "1", "--json", "--pass-limit", "200"]);
    let lines = ran.json();
    let lp = lines.iter().find(|l| l["method"] == "lp").expect("lp");
    assert_eq!(lp["status"], "refused");
    assert!(lp["reason"].as_str().is_some_and(|r| r.contains("softplus")), "{lp}");
    let sub = lines.iter().find(|l| l["method"] == "subgradient").expect("subgradient");
    assert!(["stopped", "optimal"].contains(&sub["status"].as_str().unwrap()), "{sub}");
    let closed = lines.iter().any(|l| l["status"] == "optimal");
    assert_eq!(ran.code, if closed { 0 } else { 3 });

    // A set that no method projects onto leaves those that take the network apart.
    let folder = Folder::new();
    let rows = r#"{"version": 1, "rows": [{"name": "budget", "coefficients": {"0": 1, "1": 2}, "upper": 0.7}]}"#;
    let set = folder.file("domain.json", rows);
    let ran = digits(&["--rows", "0", "--domain", &set, "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in &ran.json()[..methods().len()] {
        let row = methods().iter().find(|m| line["method"] == m.name).expect("a method");
        let calls_f = matches!(row.engine, icnn::solve::Engine::Oracle(_));
        assert_eq!(line["status"] == "refused", calls_f, "{line}");
        assert!(!calls_f || line["reason"].as_str().is_some_and(|r| r.contains("'budget'")), "{line}");
    }
}

#[test]
fn a_network_that_is_not_convex_is_refused_by_all_with_exit_1() {
    let folder = Folder::new();
    // −|y|
    let model = folder.program("concave.json", "y 1\nn1 = abs n0\nn2 = dense n1 [[-1]]\noutput n2");
    let ran = icnn(&["compare", &model, "--lower", "-1", "--upper", "1"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("concave"), "{}", ran.out);
}

#[test]
fn the_entropic_problem_is_another_one_and_says_so() {
    let ran = digits(&["--rows", "1", "--entropy", "0.5", "--json"]);
    let lines = ran.json();
    let (end, lines) = lines.split_last().expect("lines");
    assert_eq!(end["summary"]["problem"], "min f(y) − 0.5·H(y)");
    for (line, row) in lines.iter().zip(methods()) {
        assert_eq!(line["status"] == "refused", !row.entropic, "{line}");
        if row.entropic {
            assert_eq!(line["entropy"], 0.5, "{line}");
            assert!(line["value"].as_f64() < line["f"].as_f64(), "{line}");
        } else {
            assert!(line["reason"].as_str().is_some_and(|r| r.contains("f alone")), "{line}");
        }
    }
    // Without an entropy there is no problem to compare on.
    let open = icnn(&["compare", SOFTPLUS, "--entropy", "1"]);
    assert_eq!(open.code, 2);
    assert!(open.err.contains("bounds on both sides"), "{}", open.err);
}

#[test]
fn wrong_options_are_named() {
    for (more, names) in [
        (["--methods", "lp,simplex"].as_slice(), ["simplex", "the methods are auto, lp, "]),
        (&["--rows", "3..3"], ["3..3", "A below B"]),
        (&["--rows", "58..61"], ["58..61", "60 rows"]),
        (&["--rows", "x"], ["'x'", "A..B"]),
        (&["--gap", "0"], ["--gap", "positive"]),
        (&["--start", "examples/digits/test-context.npy", "--context", "0.5"], ["--start", "60 rows"]),
        (&["--report", "no-such-folder/a.html"], ["no-such-folder", "cannot be written"]),
        (&["--faults", "src"], ["src", "exists"]),
    ] {
        let args: Vec<&str> = match more.contains(&"--context") {
            true => [&["compare", DIGITS[1]], more].concat(),
            false => [&DIGITS, more].concat(),
        };
        let ran = icnn(&args);
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.out);
        assert!(names.iter().all(|n| ran.err.contains(n)), "{more:?}: {}", ran.err);
    }
}

#[test]
fn solve_prints_the_trace_where_it_is_asked_for() {
    let solve =
        ["solve", SOFTPLUS, "--lower", "-1", "--upper", "1", "--method", "subgradient", "--pass-limit", "20", "--json"];
    let plain = icnn(&solve);
    assert!(plain.json()[0].get("trace").is_none());
    let traced = icnn(&[solve.as_slice(), &["--trace"]].concat());
    let line = &traced.json()[0];
    let trace = line["trace"].as_array().expect("a trace");
    assert_eq!(Some(trace.len() as u64), line["work"]["iterations"].as_u64());
    assert!(trace.iter().all(|p| p["forward"].is_u64() && p["seconds"].is_number() && p["value"].is_number()));
}

/// f(y) = |y0 − 0.3| + max(y1, 0) + (y0 + y1)/4
const PROGRAM: &str = "y 2
    n1 = param [-0.3, 0]
    n2 = sum n0 n1
    n3 = gather n2 [0]
    n4 = abs n3
    n5 = gather n2 [1]
    n6 = relu n5
    n7 = dense n0 [[0.25, 0.25]]
    n8 = sum n4 n6 n7
    output n8";

fn instance() -> Instance {
    let program: Program = PROGRAM.parse().expect("a program");
    Arc::new(program).at(&[]).expect("no context")
}

fn solved(question: &Question<'_>, method: Method) -> Entry {
    entry(question, method, &Limits { passes: Some(400), ..Limits::default() }, None)
}

fn forged(entry: &Entry, change: impl FnOnce(&mut Solution)) -> Entry {
    let mut solution = entry.solution().expect("an answer").clone();
    change(&mut solution);
    Entry { outcome: Outcome::Solved(Box::new(solution)), ..entry.clone() }
}

fn kinds(faults: &[Fault]) -> Vec<Kind> {
    faults.iter().map(|f| f.kind).collect()
}

#[test]
fn true_answers_are_no_fault_and_each_lie_is_one() {
    let (f, domain) = (instance(), Domain::cube(2, -1.0, 1.0).unwrap());
    let question = Question::new(&f, &domain, None).unwrap();
    let entries: Vec<Entry> = methods().iter().map(|m| solved(&question, m.method)).collect();
    assert_eq!(faults(&question, 1e-7, &entries), []);
    assert!(entries[best(&entries).unwrap()].is_optimal());
    let (lp, sub) = (solved(&question, Method::Lp), solved(&question, Method::Subgradient));
    let judged = |changed: Entry| kinds(&faults(&question, 1e-7, &[changed, sub.clone()]));

    assert_eq!(judged(forged(&lp, |s| s.value = s.value.map(|v| v + 1e-6))), [Kind::Value]);
    assert_eq!(judged(forged(&lp, |s| s.value = Some(f64::NAN))), [Kind::Value]);
    assert_eq!(judged(forged(&lp, |s| s.y = Some(vec![0.3, -1.0 - 1e-9]))), [Kind::Outside]);
    assert_eq!(judged(forged(&lp, |s| s.y = Some(vec![0.3]))), [Kind::Outside]);
    assert_eq!(judged(forged(&lp, |s| s.y = Some(vec![0.3, f64::NAN]))), [Kind::Outside]);
    assert_eq!(judged(forged(&lp, |s| s.gap = Some(1e-3))), [Kind::Gap]);
    assert_eq!(judged(forged(&lp, |s| s.entropy = Some(0.1))), [Kind::Problem]);
    assert_eq!(judged(forged(&lp, |s| s.y = None)), [Kind::NotClosed]);
    assert_eq!(judged(forged(&lp, |s| (s.lower_bound, s.gap) = (None, None))), [Kind::NotClosed]);
    let lower = |s: &mut Solution| {
        s.lower_bound = s.lower_bound.map(|b| b - 0.1);
        s.gap = s.value.zip(s.lower_bound).map(|(v, b)| v - b);
    };
    assert_eq!(judged(forged(&lp, lower)), [Kind::NotClosed]);
    // The same gap of an answer that does not claim to be optimal is true.
    let stopped = |s: &mut Solution| {
        lower(s);
        s.status = Status::Stopped;
    };
    assert_eq!(judged(forged(&lp, stopped)), []);
    // A bound above its own value, and above that of the other.
    let above = judged(forged(&lp, |s| s.lower_bound = s.value.map(|v| v + 0.5)));
    assert!(above.iter().filter(|k| **k == Kind::Bound).count() == 2, "{above:?}");
    // A worse point that claims to be optimal, with a bound to match: only the other method knows.
    let worse = forged(&lp, |s| {
        let y = vec![1.0, 1.0];
        let v = question.at(&y).unwrap();
        (s.y, s.value, s.lower_bound, s.gap) = (Some(y), Some(v), Some(v), Some(0.0));
    });
    let found = faults(&question, 1e-7, &[worse, sub.clone()]);
    assert_eq!(kinds(&found), [Kind::Bound]);
    assert_eq!(found[0].methods, ["lp", "subgradient"]);
    assert_eq!(judged(forged(&lp, |s| (s.status, s.y, s.value) = (Status::Infeasible, None, None))), [Kind::Status]);
    assert_eq!(
        judged(forged(&lp, |s| (s.status, s.y, s.value, s.lower_bound) = (Status::Unbounded, None, None, None))),
        [Kind::Status]
    );
    assert_eq!(judged(Entry { outcome: Outcome::Panicked, ..lp.clone() }), [Kind::Panic]);
    assert_eq!(judged(Entry { outcome: Outcome::Refused("no".into()), ..lp.clone() }), []);
}

#[test]
fn a_small_violation_of_a_row_explains_a_value_below_the_bound_and_no_more() {
    let f = instance();
    let domain = Domain::cube(2, -1.0, 1.0).unwrap().with_sum("total", &[0, 1], 0.8, f64::INFINITY).unwrap();
    let question = Question::new(&f, &domain, None).unwrap();
    let lp = solved(&question, Method::Lp);
    let y = lp.solution().unwrap().y.clone().unwrap();
    // Along the multiplier of the row: the value falls as fast as the bound allows, or more slowly.
    for (shift, allowed) in [(4e-7, true), (0.1, false)] {
        let moved: Vec<f64> = vec![y[0], y[1] - shift];
        let value = question.at(&moved).unwrap();
        let other = forged(&Entry { method: Method::Ipm, ..lp.clone() }, |s| {
            (s.status, s.y, s.value) = (Status::Stopped, Some(moved), Some(value));
            (s.lower_bound, s.gap) = (None, None);
        });
        let found = faults(&question, 1e-7, &[lp.clone(), other]);
        assert_eq!(found.is_empty(), allowed, "{shift}: {found:?}");
    }
}

/// Writes a reproducer and solves what it holds, in its folder.
fn reproduced(reproducer: &Reproducer<'_>, folder: &Folder) -> Value {
    let command = reproducer.write(folder.path()).expect("a reproducer");
    let readme = fs::read_to_string(folder.at("README.md")).unwrap();
    assert!(readme.contains(&command), "{readme}");
    assert!(reproducer.faults.iter().all(|f| readme.contains(&f.message)), "{readme}");
    let answers: Value = serde_json::from_slice(&fs::read(folder.at("answers.json")).unwrap()).expect("JSON");
    assert_eq!(answers["answers"].as_array().map(Vec::len), Some(reproducer.entries.len()));
    assert_eq!(answers["faults"].as_array().map(Vec::len), Some(reproducer.faults.len()));
    let run = |words: Vec<&str>| {
        let done =
            std::process::Command::new(env!("CARGO_BIN_EXE_icnn")).args(&words).current_dir(folder.path()).output();
        let done = done.expect("icnn runs");
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    // Without the lie, the command finds no fault.
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let (code, out, err) = run(words.clone());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let until = words.iter().position(|w| *w == "--methods").expect("methods");
    let mut solve: Vec<&str> = [&["solve"], &words[1..until], &["--method", "lp", "--json"]].concat();
    solve.retain(|w| !["--entropy"].contains(w));
    let (code, out, err) = run(solve);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    serde_json::from_str(out.trim()).expect("JSON")
}

#[test]
fn a_reproducer_is_read_by_solve_context_and_all() {
    let network = Network::load("examples/digits/digits.onnx").unwrap();
    let x: Vec<f64> = (0..32).map(|k| f64::from(k) / 40.0).collect();
    let f = network.given(&x).unwrap();
    let domain = Domain::cube(32, 0.0, 1.0)
        .unwrap()
        .with_simplex("shares", &[0, 1, 2], 1.0)
        .unwrap()
        .with_sum("light", &[8, 9, 10], 0.25, 2.5)
        .unwrap()
        .with_fixed(5, 0.5)
        .unwrap();
    let question = Question::new(&f, &domain, None).unwrap();
    let lp = solved(&question, Method::Lp);
    let true_value = lp.solution().unwrap().value.unwrap();
    let entries = [forged(&lp, |s| s.value = s.value.map(|v| v - 1.0))];
    let found = faults(&question, 1e-7, &entries);
    assert!(kinds(&found).contains(&Kind::Value), "{found:?}");
    let folder = Folder::new();
    let options = ["--gap 1e-7".to_string()];
    let reproducer = Reproducer {
        network: network.program(),
        context: &x,
        plain: true,
        question: &question,
        start: None,
        options: &options,
        entries: &entries,
        faults: &found,
    };
    let line = reproduced(&reproducer, &folder);
    assert!((line["value"].as_f64().unwrap() - true_value).abs() <= 1e-9, "{line}");
    let program = fs::read_to_string(folder.at("program.mps")).expect("program.mps");
    assert!(program.starts_with("NAME") && program.trim_end().ends_with("ENDATA"), "{}", &program[..200]);
}

#[test]
fn a_reproducer_with_terms_constraints_and_a_start() {
    let f = instance();
    let level: Program = "y 2\nn1 = abs n0\nn2 = dense n1 [[1, 1]]\noutput n2".parse().unwrap();
    let level = Arc::new(level).at(&[]).unwrap();
    let domain = Domain::new_box(vec![-1.0, f64::NEG_INFINITY], vec![f64::INFINITY, 2.0])
        .unwrap()
        .with_at_most("size", &level, 0.75)
        .unwrap();
    let objective = Objective::of(&f)
        .with_linear(&[0.5, -0.5])
        .and_then(|o| o.with_quadratic(sprs::CsMat::eye(2), &[0.9, 0.9]))
        .and_then(|o| o.build())
        .unwrap();
    let question = Question::new(&objective, &domain, None).unwrap();
    let lp = solved(&question, Method::Lp);
    assert!(lp.is_optimal(), "{lp:?}");
    let entries = [forged(&lp, |s| s.gap = Some(1.0))];
    let found = faults(&question, 1e-7, &entries);
    assert_eq!(kinds(&found), [Kind::Gap]);
    let folder = Folder::new();
    let reproducer = Reproducer {
        network: f.program(),
        context: &[],
        plain: false,
        question: &question,
        start: Some(&[0.1, 0.2]),
        options: &[],
        entries: &entries,
        faults: &found,
    };
    let line = reproduced(&reproducer, &folder);
    let value = lp.solution().unwrap().value.unwrap();
    assert!((line["value"].as_f64().unwrap() - value).abs() <= 1e-9, "{line}, {value}");
}
