//! Domains, given coordinates, terms and projections on the command line, against answers computed by hand.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;
#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/run.rs"]
mod run;

use std::path::Path;

use icnn::domain::file::DomainFile;
use icnn::{Domain, Method, Network};
use programs::Folder;
use run::icnn;
use serde_json::Value;

/// f(y) = |y0 − 2| + 2|y1 − 1| + 3|y2 + 1|, least at (2, 1, −1).
const F: &str = "y 3\nn1 = param [-2, -1, 1]\nn2 = sum n0 n1\nn3 = abs n2\nn4 = dense n3 [[1, 2, 3]]\noutput n4";

/// The lines of a run that ends with 0.
fn lines(args: &[&str]) -> Vec<Value> {
    let ran = icnn(&[args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
    ran.json()
}

fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or_else(|| panic!("no {key} in {line}"))
}

fn point(line: &Value) -> Vec<f64> {
    line["y"].as_array().expect("a point").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6, "{what}: {found}, not {expected}");
}

/// Values of `--json`, each certified, against those expected.
fn assert_values(lines: &[Value], expected: &[f64], what: &str) {
    assert_eq!(lines.len(), expected.len(), "{what}");
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(line["status"], "optimal", "{what}: {line}");
        assert_near(number(line, "value"), *expected, what);
        assert_near(number(line, "lower_bound"), *expected, what);
    }
}

#[test]
fn each_part_of_a_domain() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    folder.program("sizes.json", "y 3\nn1 = abs n0\nn2 = dense n1 [[1, 1, 1]]\noutput n2");
    let cases = [
        ("\"lower\": [3, null, 0]", 4.0, Some([3.0, 1.0, 0.0])),
        ("\"upper\": 0.5", 2.5, Some([0.5, 0.5, -1.0])),
        ("\"fixed\": {\"1\": 3}", 4.0, Some([2.0, 3.0, -1.0])),
        ("\"fixed\": [null, null, 0]", 3.0, Some([2.0, 1.0, 0.0])),
        ("\"rows\": [{\"coefficients\": {\"0\": 1, \"1\": 1}, \"upper\": 1}]", 2.0, Some([0.0, 1.0, -1.0])),
        ("\"rows\": [{\"coefficients\": [2, 0, -1], \"equals\": 7, \"name\": \"a\"}]", 1.0, Some([3.0, 1.0, -1.0])),
        ("\"sums\": [{\"of\": \"all\", \"equals\": 3}]", 1.0, Some([3.0, 1.0, -1.0])),
        ("\"sums\": [{\"of\": [0, 2], \"lower\": 2, \"upper\": 9}]", 1.0, Some([3.0, 1.0, -1.0])),
        ("\"simplices\": [{\"of\": \"all\"}]", 5.0, Some([0.0, 1.0, 0.0])),
        ("\"simplices\": [{\"of\": [0, 1], \"total\": 4}]", 1.0, Some([3.0, 1.0, -1.0])),
        ("\"networks\": [{\"model\": \"sizes.json\", \"at_most\": 2}]", 2.0, Some([0.0, 1.0, -1.0])),
        (
            "\"lower\": {\"2\": -0.5}, \"fixed\": {\"1\": 0.5}, \"rows\": [{\"coefficients\": {\"0\": 1, \"2\": 1}, \
             \"upper\": 1.25}], \"networks\": [{\"model\": \"sizes.json\", \"at_most\": 2.5}]",
            3.0,
            Some([1.5, 0.5, -0.5]),
        ),
    ];
    let network = Network::load(&model).unwrap();
    for (part, value, y) in cases {
        let file = folder.file("domain.json", format!("{{\"version\": 1, {part}}}"));
        let found = lines(&["solve", &model, "--lower", "-4", "--upper", "4", "--domain", &file]);
        assert_values(&found, &[value], part);
        if let Some(y) = y {
            point(&found[0]).iter().zip(y).for_each(|(found, y)| assert_near(*found, y, part));
        }
        // The library says the same.
        let domain = DomainFile::read(Path::new(&file), Domain::cube(3, -4.0, 4.0).unwrap()).unwrap();
        let domain = domain.fixed().expect("no context").clone();
        let solution = network.given(&[]).unwrap().minimize(&domain, Method::Lp).unwrap();
        assert_eq!(solution.value, Some(number(&found[0], "value")), "{part}");
        assert_eq!(solution.y, Some(point(&found[0])), "{part}");
    }
}

#[test]
fn given_coordinates_in_three_formats() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let nan = f64::NAN;
    let numbers = [nan, 3.0, nan, 0.0, nan, nan].iter().flat_map(|v: &f64| v.to_le_bytes()).collect::<Vec<u8>>();
    let files = [
        folder.file("fix.json", "[[null, 3, null], [0, null, null]]"),
        folder.file("fix.csv", "a,b,c\n,3,\n0,,\n"),
        folder.file("fix.npy", npy::npy("<f8", "(2, 3)", &numbers)),
    ];
    for file in files {
        let found = lines(&["solve", &model, "--fix", &file, "--lower", "-4", "--upper", "4"]);
        assert_values(&found, &[4.0, 2.0], &file);
        assert_eq!((point(&found[0])[1], point(&found[1])[0]), (3.0, 0.0), "{file}");
        // What is given needs no box, f being bounded below without one.
        assert_values(&lines(&["solve", &model, "--fix", &file]), &[4.0, 2.0], &file);
    }
}

#[test]
fn a_row_out_of_the_box_does_not_lose_the_others() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let fix = folder.file("fix.json", "[[null, 3, null], [9, null, null]]");
    let ran = icnn(&["solve", &model, "--fix", &fix, "--lower", "-4", "--upper", "4", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let found = ran.json();
    assert_near(number(&found[0], "value"), 4.0, "row 0");
    let error = found[1]["error"].as_str().expect("an error");
    assert!(error.contains("fix.json: row 1: y[0] should be 9, its box is [-4, 4]"), "{error}");
}

#[test]
fn tables_of_one_row_serve_all_rows() {
    let folder = Folder::new();
    // h(x, y) = Σ|yⱼ| + x
    let model = folder.sum_of_sizes("h.onnx", 3);
    let contexts = folder.file("x.json", "[[1], [2], [3]]");
    let fixes = folder.file("fixes.json", "[[1, null, null], [null, 2, null], [null, null, 3]]");
    let fix = folder.file("fix.json", "[null, null, 5]");
    let targets = folder.file("targets.json", "[[1, 0, 0], [2, 0, 0], [3, 0, 0]]");
    let prices = folder.file("prices.json", "[[0, 0, 0], [0, 0, 0.5], [0, 0, -0.5]]");
    let solve = |options: &[&str]| lines(&[&["solve", &model], options].concat());
    let both = solve(&["--context", &contexts, "--fix", &fixes]);
    assert_values(&both, &[2.0, 4.0, 6.0], "contexts and given coordinates");
    assert_values(&solve(&["--context", "10", "--fix", &fixes]), &[11.0, 12.0, 13.0], "one context");
    assert_values(&solve(&["--context", &contexts, "--fix", &fix]), &[6.0, 7.0, 8.0], "one row of given coordinates");
    // |v| + (v − t)² is least at t − 1/2, where it is t − 1/4.
    assert_values(&solve(&["--context", "10", "--target", &targets]), &[10.75, 11.75, 12.75], "targets");
    let all =
        solve(&["--context", &contexts, "--fix", &fix, "--target", &targets, "--quadratic", "1", "--linear", &prices]);
    assert_values(&all, &[31.75, 36.25, 33.25], "targets and prices, the third coordinate given");
    for (line, f) in all.iter().zip([6.5, 8.5, 10.5]) {
        assert_near(number(line, "f"), f, "f alone");
    }
}

#[test]
fn multipliers_by_name_and_sign() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    folder.program("sizes.json", "y 3\nn1 = abs n0\nn2 = dense n1 [[1, 1, 1]]\noutput n2");
    // y0 costs 1 a unit both ways; y1 wants to fall by half a unit and y2 to stay.
    let json = "{\"version\": 1, \"upper\": {\"1\": 0.5}, \"rows\": [{\"name\": \"budget\", \"coefficients\": \
                {\"0\": 2}, \"upper\": 1}, {\"name\": \"slack\", \"coefficients\": {\"0\": 1}, \"upper\": 4}], \
                \"sums\": [{\"of\": [2], \"lower\": 0}]}";
    let domain = folder.file("domain.json", json);
    let args = ["solve", &model, "--lower", "-4", "--upper", "4", "--domain", &domain, "--duals"];
    let found = &lines(&args)[0];
    assert_near(number(found, "value"), 1.5 + 1.0 + 3.0, "value");
    let dual = |list: &str, name: &str| {
        let all = found["duals"][list].as_array().expect("a list");
        all.iter().find(|d| d["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}")).clone()
    };
    // Moving 'budget' up by one moves y0 by a half; the bound of y1 is worth 2 a unit; 'sum 0' costs 3.
    for (list, name, multiplier, side, at) in [
        ("rows", "budget", -0.5, "upper", Some(1.0)),
        ("rows", "slack", 0.0, "neither", None),
        ("rows", "sum 0", 3.0, "lower", Some(0.0)),
        ("bounds", "y[1]", -2.0, "upper", Some(0.5)),
    ] {
        let found = dual(list, name);
        assert_near(number(&found, "multiplier"), multiplier, name);
        assert_eq!((found["side"].as_str(), found["at"].as_f64()), (Some(side), at), "{name}");
    }
    let text = icnn(&args).out;
    for line in [
        "\n  row budget: multiplier -0.500000 on its upper side, 1.000000\n",
        "\n  row sum 0: multiplier 3.000000 on its lower side, 0.000000\n",
        "\n  bound of y[1]: multiplier -2.000000 on its upper side, 0.500000\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains("slack"), "a multiplier that is 0 is printed:\n{text}");
    let level = "{\"version\": 1, \"networks\": [{\"name\": \"cap\", \"model\": \"sizes.json\", \"at_most\": 2}]}";
    let domain = folder.file("level.json", level);
    let found = &lines(&["solve", &model, "--domain", &domain, "--duals"])[0]["duals"]["constraints"][0];
    assert_near(number(found, "multiplier"), -1.0, "cap");
    assert_eq!((found["name"].as_str(), found["side"].as_str()), (Some("cap"), Some("upper")));
    assert_near(number(found, "at"), 2.0, "cap");
}

#[test]
fn networks_are_added_at_the_row_and_at_given_contexts() {
    let folder = Folder::new();
    folder.program("f.json", F);
    let model = folder.sum_of_sizes("h.onnx", 3);
    let contexts = folder.file("x.json", "[[1], [2]]");
    let networks = "\"networks\": [{\"model\": \"h.onnx\", \"weight\": 3, \"context\": \"row\"}, \
                    {\"model\": \"h.onnx\", \"context\": [10]}, {\"name\": \"f\", \"model\": \"f.json\"}]";
    let solve = |json: String| {
        let file = folder.file("objective.json", json);
        lines(&["solve", &model, "--context", &contexts, "--objective", &file, "--lower", "-4", "--upper", "4"])
    };
    // 5·h(x, y) + h(10, y) + f(y), least at 0: 5x + 10 + 7.
    let found = solve(format!("{{\"version\": 1, \"weight\": 2, {networks}}}"));
    assert_values(&found, &[22.0, 27.0], "a sum of networks");
    assert_eq!([number(&found[0], "f"), number(&found[1], "f")], [1.0, 2.0]);
    // With −8·y0, y0 goes to its bound 4: 24 + 2 − 32 instead of 2.
    let found = solve(format!("{{\"version\": 1, \"weight\": 2, {networks}, \"linear\": {{\"0\": -8}}}}"));
    assert_values(&found, &[14.0, 19.0], "a sum of networks and a price");
    // Of weight 0, the context row does not matter.
    let found = solve("{\"version\": 1, \"weight\": 0, \"networks\": [{\"model\": \"f.json\"}]}".into());
    assert_values(&found, &[0.0, 0.0], "f alone");
}

#[test]
fn learned_constraints_may_depend_on_the_row() {
    let folder = Folder::new();
    let model = folder.sum_of_sizes("h.onnx", 2);
    let contexts = folder.file("x.json", "[[1], [2], [6]]");
    let networks = "[{\"name\": \"cap\", \"model\": \"h.onnx\", \"context\": \"row\", \"at_most\": 5}]";
    let domain = folder.file("domain.json", format!("{{\"version\": 1, \"networks\": {networks}}}"));
    let prices = folder.file("prices.json", "[-2, 0]");
    let ran = icnn(&["solve", &model, "--context", &contexts, "--domain", &domain, "--linear", &prices, "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let found = ran.json();
    // Σ|yⱼ| + x − 2·y0 over Σ|yⱼ| ≤ 5 − x: y0 = 5 − x.
    assert_values(&found[..2], &[-3.0, -1.0], "feasible rows");
    assert_near(point(&found[0])[0], 4.0, "y0");
    assert_eq!(found[2]["status"], "infeasible");
    assert!(found[2]["farkas"]["constraints"][0].as_f64().expect("a multiplier") > 0.0, "{}", found[2]);
    assert!(found[2]["message"].as_str().expect("a message").contains("'cap'"), "{}", found[2]);
}

#[test]
fn an_empty_domain_is_proven_empty() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    let rows = "[{\"name\": \"most\", \"coefficients\": {\"0\": 1, \"1\": 1}, \"upper\": 1}, \
                {\"name\": \"free\", \"coefficients\": {\"2\": 1}, \"upper\": 1}, \
                {\"name\": \"least\", \"coefficients\": {\"0\": 1, \"1\": 1}, \"lower\": 2}]";
    let domain = folder.file("domain.json", format!("{{\"version\": 1, \"rows\": {rows}}}"));
    let ran = icnn(&["solve", &model, "--domain", &domain, "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let line = &ran.json()[0];
    assert_eq!((line["status"].as_str(), line["y"].is_null()), (Some("infeasible"), true));
    let farkas = &line["farkas"];
    let nu: Vec<f64> = farkas["rows"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(nu[0] < 0.0 && nu[1] == 0.0 && (nu[0] + nu[2]).abs() <= 1e-9 * nu[2], "{farkas}");
    assert_near(number(farkas, "surplus") / nu[2], 1.0, "2 − 1, in units of the multipliers");
    let text = icnn(&["solve", &model, "--domain", &domain]);
    assert_eq!(text.code, 1);
    assert!(["row 0 infeasible", "'most'", "'least'"].iter().all(|t| text.out.contains(t)), "{}", text.out);
    assert!(!text.out.contains("'free'"), "{}", text.out);
}

#[test]
fn a_function_without_minimum_comes_with_a_ray() {
    let folder = Folder::new();
    let model = folder.program("plane.json", "y 2\nn1 = dense n0 [[1, -1]]\noutput n1");
    let rows = "[{\"name\": \"a\", \"coefficients\": {\"1\": 1}, \"upper\": 3}]";
    let domain = folder.file("domain.json", format!("{{\"version\": 1, \"rows\": {rows}}}"));
    let ran = icnn(&["solve", &model, "--domain", &domain, "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let line = &ran.json()[0];
    assert_eq!(line["status"], "unbounded");
    let ray: Vec<f64> = line["ray"].as_array().expect("a ray").iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(ray[1] <= 0.0 && ray[0] - ray[1] < 0.0, "{ray:?} leaves the domain or does not descend");
    let text = icnn(&["solve", &model, "--domain", &domain]);
    assert!(text.code == 1 && text.out.starts_with("row 0 unbounded"), "{}", text.out);
    // One more row ends it.
    let rows = rows.replace(']', ", {\"coefficients\": {\"0\": 1}, \"lower\": -1}]");
    let domain = folder.file("domain.json", format!("{{\"version\": 1, \"rows\": {rows}}}"));
    assert_values(&lines(&["solve", &model, "--domain", &domain]), &[-4.0], "bounded by rows");
}

#[test]
fn proofs_use_what_rows_and_simplices_imply() {
    let folder = Folder::new();
    // |y1| − |y0|: convex where y0 has one sign.
    let model = folder.program("f.json", "y 2\nn1 = abs n0\nn2 = dense n1 [[-1, 1]]\noutput n2");
    let check = |options: &[&str]| icnn(&[&["check", &model], options].concat());
    let plain = check(&[]);
    assert!(plain.code == 1 && !plain.out.contains("proven:"), "{}", plain.out);
    for (part, bounds, value) in [
        ("\"simplices\": [{\"of\": \"all\"}]", ["-9", "9"], -1.0),
        // y0 ≥ 3 − y1 ≥ 1, at most 1.5.
        ("\"upper\": [1.5, 2], \"sums\": [{\"of\": \"all\", \"lower\": 3}]", ["-9", "9"], 0.0),
    ] {
        let domain = folder.file("domain.json", format!("{{\"version\": 1, {part}}}"));
        let options = ["--lower", bounds[0], "--upper", bounds[1]];
        assert_eq!(check(&options).code, 1, "provable on the box alone");
        let options = [options.as_slice(), &["--domain", &domain]].concat();
        let found = check(&options);
        assert!(found.code == 0 && found.out.starts_with("proven"), "{part}: {}{}", found.out, found.err);
        assert_values(&lines(&[&["solve", &model], options.as_slice()].concat()), &[value], part);
    }
}

#[test]
fn dump_prints_the_rows_of_a_domain_by_name() {
    let folder = Folder::new();
    let model = folder.program("f.json", F);
    folder.program("sizes.json", "y 3\nn1 = abs n0\nn2 = dense n1 [[1, 1, 1]]\noutput n2");
    let json = "{\"version\": 1, \"simplices\": [{\"name\": \"shares\", \"of\": [0, 1]}], \
                \"rows\": [{\"name\": \"budget\", \"coefficients\": {\"0\": 2, \"2\": -3.5}, \"upper\": 4}], \
                \"networks\": [{\"name\": \"cap\", \"model\": \"sizes.json\", \"at_most\": 2.5}]}";
    let domain = folder.file("domain.json", json);
    let ran = icnn(&["dump", &model, "--stage", "lp", "--domain", &domain]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in ["  shares: y0 + y1 = 1\n", "  budget: 2 y0 - 3.5 y2 <= 4\n", "  cap: ", " <= 2.5\n"] {
        assert!(ran.out.contains(line), "no {line:?} in\n{}", ran.out);
    }
    let program = icnn(&["dump", &model, "--domain", &domain]).out;
    assert!(program.starts_with("y 3") && program.contains("n3 = abs n2"), "{program}");
}

#[test]
fn projections_in_three_norms() {
    let folder = Folder::new();
    // f(y) = max(y0, y1) − 1
    let text = "y 2\nn1 = max n0 [0, 1]\nn2 = param [-1]\nn3 = sum n1 n2\noutput n3";
    let model = folder.program("f.json", text);
    let points = folder.file("points.json", "[[3, 2], [0.5, -7], [1, 1.5]]");
    let sum = "{\"version\": 1, \"sums\": [{\"of\": \"all\", \"upper\": 1}]}";
    let domain = folder.file("domain.json", sum);
    // In y0 ≤ 1, y1 ≤ 1; and with y0 + y1 ≤ 1 as well.
    for (norm, free, below) in [
        ("l1", [3.0, 0.0, 0.5], [4.0, 0.0, 1.5]),
        ("l2", [5f64.sqrt(), 0.0, 0.5], [8f64.sqrt(), 0.0, 1.125f64.sqrt()]),
        ("linf", [2.0, 0.0, 0.5], [2.0, 0.0, 0.75]),
    ] {
        let args = ["project", &model, "--point", &points, "--at-most", "0", "--norm", norm];
        for (options, expected) in [(vec![], free), (vec!["--domain", &domain], below)] {
            let found = lines(&[&args, options.as_slice()].concat());
            assert_eq!(found.len(), 3);
            for (line, (expected, at)) in found.iter().zip(expected.iter().zip([2.0, -0.5, 0.5])) {
                assert_eq!(line["status"], "optimal", "{norm}: {line}");
                assert_near(number(line, "distance"), *expected, norm);
                assert!(number(line, "distance_lower_bound") <= number(line, "distance"), "{norm}: {line}");
                assert_near(number(line, "distance_lower_bound"), *expected, norm);
                assert_eq!(number(line, "f_at_point"), at, "{norm}");
                assert!(number(line, "f") <= 1e-7, "{norm}: {line}");
            }
            assert_eq!(number(&found[1], "distance"), 0.0, "{norm}: a point of the set is its own projection");
        }
        let level = icnn(&[&args[..5], &["1", "--norm", norm]].concat());
        assert_eq!(level.code, 0, "{}", level.err);
    }
    let text = icnn(&["project", &model, "--point", "3", "--at-most", "0", "--norm", "linf"]).out;
    assert!(text.starts_with("row 0 optimal distance 2.000000000 lower bound 2.0000000"), "{text}");
    let none = icnn(&["project", &model, "--point", "3", "--at-most", "0", "--lower", "2"]);
    assert!(none.code == 1 && none.out.starts_with("row 0 infeasible"), "{}{}", none.out, none.err);
}
