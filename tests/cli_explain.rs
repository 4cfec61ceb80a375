//! `icnn explain` as its users meet it.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/run.rs"]
mod run;

use std::fs;

use run::parts as icnn;
use serde_json::Value;

const DIGITS: &str = "examples/digits/digits.onnx";
const CONTEXT: &str = "examples/digits/test-context.npy";
const DIABETES: &str = "examples/diabetes/diabetes.onnx";

fn json(args: &[&str]) -> (i32, Vec<Value>) {
    let (code, out, err) = icnn(&[args, &["--json"]].concat());
    assert_eq!(err, "");
    (code, out.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect())
}

const BOX: [&str; 4] = ["--lower", "0", "--upper", "1"];

#[test]
fn an_optimum_in_words_and_in_json() {
    let digit = [&["explain", DIGITS, "--context", CONTEXT, "--row", "2"], BOX.as_slice()].concat();
    let (code, text, _) = icnn(&digit);
    assert_eq!(code, 0);
    let head = text.lines().next().expect("a headline");
    assert!(head.starts_with("row 2 optimal: value "), "{head}");
    assert!(head.contains("units at their kink; ") && head.contains("of 32 coordinates at their bounds"), "{head}");
    assert!(text.contains("what a change of the context by +t does"), "{text}");

    let (code, lines) = json(&digit);
    assert_eq!((code, lines.len()), (0, 1));
    let line = &lines[0];
    assert_eq!((&line["row"], &line["status"]), (&Value::from(2), &Value::from("optimal")));
    let count = |key: &str| line[key].as_array().map_or(0, Vec::len);
    assert_eq!((count("sensitivity"), count("context"), count("y")), (64, 32, 32));
    let kinks = &line["kinks"];
    assert_eq!(kinks["at_kink"], Value::from(kinks["list"].as_array().expect("a list").len()));
    assert!(head.contains(&format!("{} of {} units", kinks["at_kink"], kinks["units"])), "{head}");
    let at = &line["coordinates"];
    let number = |v: &Value| v.as_u64().expect("a count");
    assert_eq!(["at_lower", "at_upper", "fixed", "inside"].iter().map(|k| number(&at[k])).sum::<u64>(), 32);
    for s in line["sensitivity"].as_array().expect("a list").iter().chain(line["context"].as_array().expect("a list")) {
        let kind = s["kind"].as_str().expect("a kind");
        assert!(["two-sided", "one-sided", "undefined"].contains(&kind), "{s}");
        assert_eq!(s["derivative"].is_number(), kind == "two-sided", "{s}");
        assert_eq!(s["error"].is_number(), s["method"] == "quotients", "{s}");
    }
    // The same minimum as solve finds.
    let solve = [&["solve", DIGITS, "--context", CONTEXT], BOX.as_slice()].concat();
    let (_, solved) = json(&solve);
    assert!((solved[2]["value"].as_f64().unwrap() - line["value"].as_f64().unwrap()).abs() <= 1e-6);

    let plain = [digit.as_slice(), &["--no-sensitivity"]].concat();
    let (_, lines) = json(&plain);
    assert_eq!((lines[0]["sensitivity"].as_array().map(Vec::len), lines[0].get("context")), (Some(0), None));
}

#[test]
fn all_rows_come_in_order() {
    let rows = [&["explain", DIGITS, "--context", CONTEXT, "--no-sensitivity"], BOX.as_slice()].concat();
    let (code, lines) = json(&rows);
    assert_eq!((code, lines.len()), (0, 60));
    assert!(lines.iter().enumerate().all(|(k, l)| l["row"] == k));
}

#[test]
fn no_point_and_no_minimum_exit_1() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("domain.json");
    let rows = r#"{"version": 1, "simplices": [{"name": "shares", "of": [0, 1, 2]}], "rows": [
        {"name": "budget", "coefficients": {"0": 1, "1": 1}, "lower": 0.7},
        {"name": "third", "coefficients": {"2": 1}, "lower": 0.5}]}"#;
    fs::write(&path, rows).expect("a temporary file");
    let path = path.to_str().expect("UTF-8");
    let (code, text, _) = icnn(&["explain", DIABETES, "--domain", path, "--lower", "0", "--upper", "1"]);
    assert_eq!(code, 1);
    for part in ["infeasible: 3 of", "'shares' ≤ 1", "'budget' ≥ 0.7", "'third' ≥ 0.5", "without it there is a point"]
    {
        assert!(text.contains(part), "{text}");
    }
    let (code, lines) = json(&["explain", DIABETES, "--domain", path]);
    assert_eq!(code, 1);
    assert_eq!(lines[0]["infeasible"]["minimal"], Value::from(true));
    assert_eq!(lines[0]["infeasible"]["members"].as_array().map(Vec::len), Some(3));

    let (code, text, _) = icnn(&["explain", DIABETES]);
    assert_eq!(code, 1);
    assert!(text.contains("unbounded") && text.contains("bound of y["), "{text}");
    let (_, lines) = json(&["explain", DIABETES]);
    assert!(lines[0]["unbounded"]["slope"].as_f64().expect("a slope") < 0.0);
}

#[test]
fn bad_input_exits_2() {
    for (args, part) in [
        (vec!["explain", DIGITS, "--context", "0.5", "--row", "1"], "--row 1: there is 1 row"),
        (vec!["explain", DIGITS, "--context", CONTEXT, "--row", "60"], "there are 60 rows"),
        (vec!["explain", DIGITS], "context"),
        (vec!["explain", DIABETES, "--lower", "2", "--upper", "1"], "2"),
        (vec!["explain", DIABETES, "--domain", "nowhere.json"], "nowhere.json"),
        (vec!["explain", "nowhere.onnx"], "nowhere.onnx"),
        (vec!["explain", DIABETES, "--row", "x"], "--row"),
        (vec!["explain", DIABETES, "--no-sensitivity", "--context-sensitivity"], "--no-sensitivity"),
    ] {
        let (code, out, err) = icnn(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
}

/// Every block of docs/explain.md that begins with a command shows what it prints.
#[test]
fn the_documentation_shows_what_is_printed() {
    let page = fs::read_to_string("docs/explain.md").expect("the page");
    let blocks: Vec<&str> = page.split("```text\n$ icnn ").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let (command, shown) = block.split_once('\n').expect("a command and what it prints");
        let (_, out, err) = icnn(&command.split_whitespace().collect::<Vec<_>>());
        assert_eq!((out.as_str(), err.as_str()), (shown, ""), "{command}");
    }
}
