//! Malformed domains, objectives, given coordinates and terms: exit 2, one message that names file, part and coordinate, little
//! memory; and a file of answers that is there already stays as it was.
#![cfg(all(target_os = "linux", feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/refusal.rs"]
mod refusal;

use std::fs;

use programs::Folder;
use refusal::{Case, MEMORY, Ran, fault, icnn};

/// f(y) = |y0| + |y1| + |y2|
const F: &str = "y 3\nn1 = abs n0\nn2 = dense n1 [[1.0, 1.0, 1.0]]\noutput n2";

/// The models of this file in a folder, and an answer of an earlier run.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.program("f.json", F);
    folder.program("two.json", "y 2\nn1 = abs n0\nn2 = dense n1 [[1.0, 1.0]]\noutput n2");
    folder.program("saddle.json", "y 3\nn1 = abs n0\nn2 = dense n1 [[1.0, -1.0, 0.0]]\noutput n2");
    folder.program("concave.json", "y 3\nn1 = abs n0\nn2 = dense n1 [[-1.0, -1.0, 0.0]]\noutput n2");
    folder.program("square.json", "y 3\nn1 = quadratic n0 3x3 [0 0 1, 1 1 1, 2 2 1]\noutput n1");
    folder.sum_of_sizes("context.onnx", 3);
    folder.file("kept.csv", "mine");
    folder
}

/// Runs every case; those of `icnn solve` write answers over an existing file.
fn expect_refusals(folder: &Folder, cases: &[Case]) {
    let files = folder.count();
    let mut faults = vec![];
    for case in cases {
        let ran = icnn(case, MEMORY);
        println!("{:>4} ms  {}: {}", ran.time.as_millis(), case.what, ran.err.lines().next().unwrap_or_default());
        faults.extend(fault(case, &ran));
        faults.extend(lost(folder, case, files));
    }
    assert!(faults.is_empty(), "{} faults in {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Whether the answers of an earlier run are gone, or something is left beside them.
fn lost(folder: &Folder, case: &Case, files: usize) -> Option<String> {
    let kept = fs::read_to_string(folder.at("kept.csv")).unwrap_or_default();
    match (kept.as_str(), folder.count()) {
        ("mine", count) if count == files => None,
        (_, count) => Some(format!("{}: kept.csv holds {kept:?}, {count} files instead of {files}", case.what)),
    }
}

/// `icnn solve` on `model` with further options; values that are files of the folder are named as `@name`.
fn solve(folder: &Folder, what: &'static str, model: &str, options: &[&str], names: &[&'static str]) -> Case {
    let model = folder.at(model);
    let mut args = vec!["solve".to_string(), model, "--answers".into(), folder.at("kept.csv")];
    args.extend(options.iter().map(|o| o.strip_prefix('@').map_or(o.to_string(), |name| folder.at(name))));
    Case { what, args, redirect: "", names: names.to_vec() }
}

/// A file of JSON given to an option of `icnn solve`, for f on [−1, 1]³: the message names the file, too.
fn written(folder: &Folder, option: &str, what: &'static str, json: &str, names: &[&'static str]) -> Case {
    let file = folder.file(&format!("{}.json", what.replace(' ', "-")), json);
    let options = ["--lower", "-1", "--upper", "1", option, &file];
    let case = solve(folder, what, "f.json", &options, names);
    // The name of the file is the name of the case.
    Case { names: [&[".json: "], names].concat(), ..case }
}

#[test]
fn domain_files() {
    let folder = folder();
    let case = |what, json: &str, names: &[&'static str]| written(&folder, "--domain", what, json, names);
    // What stands behind `"version": 1,`
    let part = |what, json: &str, names: &[&'static str]| case(what, &format!("{{\"version\": 1, {json}}}"), names);
    let cases = [
        case("empty", "", &["line 1 column 0"]),
        case("cut", "{\"version\": 1,\n \"rows\": [", &["line 2 column 10"]),
        case("text behind it", "{\"version\": 1} {}", &["trailing characters", "line 1 column 16"]),
        case("a list", "[]", &["an object with \"version\": 1"]),
        case("a number", "3", &["integer `3`", "an object with \"version\": 1"]),
        case("no version", "{}", &["`version`"]),
        case("another version", "{\"version\": 2}", &["version 2", "reads version 1"]),
        case("a version in words", "{\"version\": \"1\"}", &["string \"1\"", "line 1 column 15"]),
        part("an unknown field", "\"row\": []", &["unknown field `row`", "`rows`", "line 1 column 20"]),
        part("a field twice", "\"rows\": [], \"rows\": []", &["duplicate field `rows`"]),
        part("lower of another length", "\"lower\": [0, 0]", &["\"lower\" lists 2 numbers, there are 3 decisions"]),
        part("lower in words", "\"lower\": \"zero\"", &["\"lower\" is \"zero\", not a number"]),
        part("lower that is true", "\"lower\": true", &["\"lower\" is true"]),
        part("a text in lower", "\"lower\": [0, \"a\", 0]", &["\"lower\", y[1] is \"a\", not a number"]),
        part("an infinite lower bound", "\"lower\": {\"1\": \"inf\"}", &["\"lower\": y[1]: bounds inf and inf"]),
        part("lower of y3", "\"lower\": {\"3\": 0}", &["\"lower\" names y[3], there are 3 decisions"]),
        part("lower above the box", "\"lower\": {\"2\": 4}", &["\"lower\": y[2] should be at least 4", "[-1, 1]"]),
        part("upper below the box", "\"upper\": [null, -2, 1]", &["\"upper\": y[1] should be at most -2", "[-1, 1]"]),
        part("lower above upper", "\"lower\": 0.5, \"upper\": {\"2\": 0.25}", &["\"upper\": y[2]", "0.25", "[0.5, 1]"]),
        part("fixed outside the box", "\"fixed\": {\"2\": 1.5}", &["\"fixed\": y[2] should be 1.5", "[-1, 1]"]),
        part("fixed twice", "\"fixed\": {\"2\": 0, \"2\": 0}", &["\"fixed\" names y[2] twice"]),
        part("fixed to infinity", "\"fixed\": {\"0\": \"-inf\"}", &["\"fixed\": y[0]", "-inf"]),
        part("fixed to a text", "\"fixed\": {\"0\": \"half\"}", &["\"fixed\", y[0] is \"half\", not a number"]),
        part("one number fixed", "\"fixed\": 0", &["\"fixed\" is 0, neither an object"]),
        part("a negative coordinate", "\"fixed\": {\"-1\": 0}", &["\"fixed\": \"-1\" is not a coordinate"]),
        part("half a coordinate", "\"fixed\": {\"0.5\": 0}", &["\"0.5\" is not a coordinate"]),
        part("a coordinate by name", "\"fixed\": {\"age\": 0}", &["\"age\" is not a coordinate"]),
    ];
    expect_refusals(&folder, &cases);
}

#[test]
fn rows_sums_and_simplices() {
    let folder = folder();
    let case = |what, part: &str, entry: &str, names: &[&'static str]| {
        written(&folder, "--domain", what, &format!("{{\"version\": 1, \"{part}\": [{entry}]}}"), names)
    };
    let row = |what, ends: &str, names: &[&'static str]| {
        case(what, "rows", &format!("{{\"name\": \"a\", \"coefficients\": {{\"0\": 1}}{ends}}}"), names)
    };
    let coefficients = |what, list: &str, names: &[&'static str]| {
        case(what, "rows", &format!("{{\"name\": \"a\", \"upper\": 1, \"coefficients\": {list}}}"), names)
    };
    let sum = |what, of: &str, names: &[&'static str]| {
        case(what, "sums", &format!("{{\"name\": \"s\", \"upper\": 1, \"of\": {of}}}"), names)
    };
    let simplex = |what, of: &str, names: &[&'static str]| {
        case(what, "simplices", &format!("{{\"name\": \"s\", \"of\": {of}}}"), names)
    };
    let nameless = "{\"coefficients\": {\"0\": 1}, \"upper\": 1}, {\"coefficients\": {\"7\": 1}, \"upper\": 1}";
    let cases = [
        row("a row without ends", "", &["row 'a' has none of \"lower\", \"upper\" and \"equals\""]),
        row("ends that are null", ", \"lower\": null, \"upper\": null", &["row 'a' has none of"]),
        row("ends that are infinite", ", \"upper\": \"inf\"", &["row 'a' has neither a lower nor an upper bound"]),
        row("equals and upper", ", \"equals\": 1, \"upper\": 2", &["row 'a' has \"equals\" beside another end"]),
        row("ends the wrong way round", ", \"lower\": 2, \"upper\": 1.5", &["row 'a': lower bound 2", "bound 1.5"]),
        row("an end in words", ", \"upper\": \"one\"", &["row 'a': \"upper\" is \"one\", not a number"]),
        row("equal to infinity", ", \"equals\": \"inf\"", &["row 'a': bounds inf and inf"]),
        row("an unknown end", ", \"most\": 1", &["unknown field `most`", "`upper`"]),
        coefficients("two coefficients", "[1, 2]", &["row 'a' lists 2 numbers, there are 3 decisions"]),
        coefficients("a coefficient of y3", "{\"3\": 1}", &["row 'a' names y[3], there are 3 decisions"]),
        coefficients("coefficients repeated", "{\"1\": 1, \"1\": 2}", &["row 'a' names y[1] twice"]),
        coefficients("a text among coefficients", "{\"1\": \"x\"}", &["row 'a', y[1] is \"x\", not a number"]),
        coefficients("an infinite coefficient", "[0, 0, \"inf\"]", &["row 'a': the coefficient of y[2] is inf"]),
        coefficients("too large a coefficient", "[0, 0, 1e999]", &["number out of range", "line 1 column"]),
        coefficients("one coefficient for all", "2", &["row 'a' is 2, neither an object"]),
        case("no coefficients", "rows", "{\"name\": \"a\", \"upper\": 1}", &["`coefficients`", "line 1 column"]),
        case("rows of nothing", "rows", "null", &["null", "a row: an object with \"coefficients\""]),
        case("a row without name", "rows", nameless, &["row 1 names y[7], there are 3 decisions"]),
        sum("sum of some", "\"some\"", &["sum 's': \"of\" is \"some\"", "\"all\""]),
        sum("sum of y3", "[0, 3]", &["sum 's' names y[3], there are 3 decisions"]),
        sum("sum of minus one", "[0, -1]", &["sum 's': entry 1 of \"of\" is -1, not a coordinate"]),
        sum("sum of a half", "[0.5]", &["sum 's': entry 0 of \"of\" is 0.5, not a coordinate"]),
        sum("sum with repetition", "[2, 2]", &["sum 's' names y[2] twice"]),
        case("a sum without ends", "sums", "{\"of\": \"all\"}", &["sum 0 has none of \"lower\""]),
        simplex("an empty simplex", "[]", &["simplex 's' has no coordinates"]),
        simplex("a simplex with repetition", "[1, 1]", &["simplex 's' names y[1] twice"]),
        simplex("a simplex of y9", "[1, 9]", &["simplex 's' names y[9], there are 3 decisions"]),
        simplex("no simplex total", "[0], \"total\": 0", &["simplex 's': its total is 0"]),
        simplex("a negative total", "[0], \"total\": -0.5", &["simplex 's': its total is -0.5"]),
        simplex("a total in words", "[0], \"total\": \"all\"", &["simplex 's': \"total\" is \"all\""]),
    ];
    expect_refusals(&folder, &cases);
    let below = "{\"version\": 1, \"upper\": {\"1\": -0.5}, \"simplices\": [{\"of\": \"all\"}]}";
    let names = ["simplex 0: y[1] should be at least 0, its upper bound is -0.5"];
    expect_refusals(&folder, &[written(&folder, "--domain", "a simplex below 0", below, &names)]);
}

#[test]
fn learned_constraints() {
    let folder = folder();
    let case = |what, entry: &str, names: &[&'static str]| {
        let json = format!("{{\"version\": 1, \"networks\": [{{\"name\": \"h\", {entry}}}]}}");
        written(&folder, "--domain", what, &json, names)
    };
    let level = |what, at_most: &str, names: &[&'static str]| {
        case(what, &format!("\"model\": \"f.json\", \"at_most\": {at_most}"), names)
    };
    let given = |what, model: &str, context: &str, names: &[&'static str]| {
        case(what, &format!("\"model\": \"{model}\", \"at_most\": 1, \"context\": {context}"), names)
    };
    let cases = [
        case("no model", "\"at_most\": 1", &["`model`", "line 1 column"]),
        case(
            "a missing model",
            "\"model\": \"no.onnx\", \"at_most\": 1",
            &["constraint 'h'", "no.onnx", "No such file"],
        ),
        case("not a model", "\"model\": \"kept.csv\", \"at_most\": 1", &["constraint 'h'", "not a readable model"]),
        case("a folder as model", "\"model\": \".\", \"at_most\": 1", &["constraint 'h'", "not a regular file"]),
        case(
            "a constraint of two",
            "\"model\": \"two.json\", \"at_most\": 1",
            &["constraint 'h' is about 2 decisions, there are 3"],
        ),
        case(
            "an output that is not there",
            "\"model\": \"context.onnx\", \"at_most\": 1, \"output\": \"7\"",
            &["constraint 'h'", "output 7", "1 output component"],
        ),
        case(
            "a decision that is not there",
            "\"model\": \"context.onnx\", \"at_most\": 1, \"y\": \"z\"",
            &["constraint 'h'", "z", "no such input"],
        ),
        level("no level", "null", &["constraint 'h': \"at_most\" is null, not a number"]),
        level("an infinite level", "\"inf\"", &["constraint 'h': its level is inf"]),
        level("a level in words", "\"low\"", &["constraint 'h': \"at_most\" is \"low\", not a number"]),
        given("a context too many", "f.json", "[1]", &["constraint 'h'", "1 entries", "takes no context"]),
        given("a context too long", "context.onnx", "[1, 2]", &["constraint 'h'", "2 entries", "takes 1"]),
        given("no context", "context.onnx", "null", &["constraint 'h'", "0 entries", "takes 1"]),
        given("a context in words", "context.onnx", "[\"a\"]", &["constraint 'h': entry 0 of \"context\" is \"a\""]),
        given("a context by another word", "context.onnx", "\"rows\"", &["constraint 'h'", "\"rows\"", "\"row\""]),
        given("the row of a network without", "context.onnx", "\"row\"", &["constraint 'h'", "0 entries", "takes 1"]),
    ];
    expect_refusals(&folder, &cases);
    // That a constraint has no linear form is found when the program is made, so the file is not named.
    let mut square = given("a square", "square.json", "[]", &[]);
    square.names = vec!["constraint 'h'", "quadratic"];
    square.args.extend(["--method".into(), "lp".into()]);
    expect_refusals(&folder, &[square]);
}

/// A run that ends with 1 and one message, which says `names`; the answers of an earlier run stay.
fn expect_negative(folder: &Folder, case: &Case) {
    let files = folder.count();
    let Ran { code, out, err, .. } = icnn(case, MEMORY);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{}: {err}", case.what);
    assert!(err.starts_with("icnn: ") && err.matches("icnn: ").count() == 1, "{}: {err}", case.what);
    for name in &case.names {
        assert!(err.contains(name), "{}: the message does not say '{name}'\n{err}", case.what);
    }
    assert_eq!(lost(folder, case, files), None);
}

#[test]
fn what_is_not_convex_is_no_bad_input_but_refused_with_a_reason() {
    let folder = folder();
    folder.file("indefinite.json", "[[1, 2, 0], [2, 1, 0], [0, 0, 1]]");
    for (name, model) in [("saddle", "saddle.json"), ("concave", "concave.json")] {
        let json = format!(
            "{{\"version\": 1, \"networks\": [{{\"name\": \"{name}\", \"model\": \"{model}\", \"at_most\": 1}}]}}"
        );
        folder.file(&format!("{name}-domain.json"), json);
    }
    folder.file("minus.json", "{\"version\": 1, \"quadratic\": [0, -1, 0]}");
    let case = |what, options: &[&str], names: &[&'static str]| solve(&folder, what, "f.json", options, names);
    let cases = [
        case("a saddle below a level", &["--domain", "@saddle-domain.json"], &["constraint 'saddle'", "n2"]),
        case("a concave constraint", &["--domain", "@concave-domain.json"], &["constraint 'concave'", "concave"]),
        case("an indefinite form", &["--quadratic", "@indefinite.json"], &["the quadratic term", "semidefinite"]),
        case("a negative form", &["--quadratic", "-1"], &["the sum of all terms", "concave"]),
        case("a negative form in a file", &["--objective", "@minus.json"], &["the sum of all terms", "concave"]),
    ];
    cases.iter().for_each(|case| expect_negative(&folder, case));
}

#[test]
fn objective_files() {
    let folder = folder();
    let case = |what, json: &str, names: &[&'static str]| written(&folder, "--objective", what, json, names);
    let part = |what, json: &str, names: &[&'static str]| case(what, &format!("{{\"version\": 1, {json}}}"), names);
    let network = |what, entry: &str, names: &[&'static str]| {
        part(what, &format!("\"networks\": [{{\"name\": \"wear\", {entry}}}]"), names)
    };
    let cases = [
        case("cut", "{\"version\": 1,\n", &["line 2 column 0"]),
        case("a list", "[1]", &["an object with \"version\": 1"]),
        case("another version", "{\"version\": 3}", &["version 3", "reads version 1"]),
        part("an unknown field", "\"quadratics\": 1", &["unknown field `quadratics`", "`quadratic`"]),
        part("a negative weight", "\"weight\": -1", &["\"weight\" is -1; weights are at least 0"]),
        part("an infinite weight", "\"weight\": \"inf\"", &["\"weight\" is inf"]),
        part("a weight in words", "\"weight\": \"big\"", &["\"weight\" is \"big\", not a number"]),
        part("one price of three", "\"linear\": [1]", &["\"linear\" lists 1 numbers, there are 3 decisions"]),
        part("a price in words", "\"linear\": [0, \"a\", 0]", &["\"linear\", y[1] is \"a\", not a number"]),
        part("an infinite price", "\"linear\": {\"2\": \"inf\"}", &["\"linear\", y[2] is inf"]),
        part("a price of y3", "\"linear\": {\"3\": 1}", &["\"linear\" names y[3], there are 3 decisions"]),
        part("a short target", "\"target\": [1, 2]", &["\"target\" lists 2 numbers, there are 3 decisions"]),
        part("two rows of three", "\"quadratic\": [[1, 0, 0], [0, 1, 0]]", &["\"quadratic\" has 2 rows, there are 3"]),
        part(
            "a short row",
            "\"quadratic\": [[1, 0, 0], [0, 1], [0, 0, 1]]",
            &["\"quadratic\", row 1 lists 2 numbers, there are 3 decisions"],
        ),
        part("a row that is none", "\"quadratic\": [[1, 0, 0], 1, [0, 0, 1]]", &["\"quadratic\", row 1 is 1"]),
        part("a text in a row", "\"quadratic\": [[1, 0, 0], [0, 1, 0], [0, 0, \"x\"]]", &["row 2, y[2] is \"x\""]),
        part("an infinite diagonal", "\"quadratic\": [1, \"inf\", 1]", &["\"quadratic\", row 1, y[1] is inf"]),
        network("a missing network", "\"model\": \"no.onnx\"", &["network 'wear'", "no.onnx", "No such file"]),
        network("a network of two", "\"model\": \"two.json\"", &["network 'wear' is about 2 decisions, there are 3"]),
        network("a negative share", "\"model\": \"f.json\", \"weight\": -2", &["network 'wear': \"weight\" is -2"]),
        network("no context", "\"model\": \"context.onnx\"", &["network 'wear'", "0 entries", "takes 1"]),
        network(
            "another context",
            "\"model\": \"context.onnx\", \"context\": [1, 2]",
            &["network 'wear'", "2 entries", "takes 1"],
        ),
        network(
            "the row of a network without",
            "\"model\": \"context.onnx\", \"context\": \"row\"",
            &["network 'wear'", "0 entries", "takes 1"],
        ),
        part("a network without name", "\"networks\": [{\"model\": \"no.onnx\"}]", &["network 0: "]),
    ];
    expect_refusals(&folder, &cases);
}

#[test]
fn files_that_cannot_be_read_whole() {
    let folder = folder();
    let huge = fs::File::create(folder.at("huge.json")).expect("a file");
    huge.set_len(1 << 40).expect("a file with a hole");
    fs::create_dir(folder.at("folder.json")).expect("a folder");
    let mut cases = vec![];
    for (option, field) in [("--domain", "lower"), ("--objective", "linear")] {
        let deep = format!("{field}.json");
        folder.file(&deep, format!("{{\"version\": 1, \"{field}\": {}", "[".repeat(1_000_000)));
        let mut case = |what, file: &str, names: &[&'static str]| {
            cases.push(solve(&folder, what, "f.json", &[option, file], names));
        };
        case("nothing there", "@none.json", &["none.json", "No such file"]);
        case("a folder", "@folder.json", &["folder.json", "not a regular file"]);
        case("a device without end", "/dev/zero", &["/dev/zero", "not a regular file"]);
        case("a terabyte", "@huge.json", &["huge.json", "1099511627776 bytes", "67108864"]);
        case("a million lists", &format!("@{deep}"), &[".json: ", "recursion limit", "line 1 column"]);
    }
    expect_refusals(&folder, &cases);
}

#[test]
fn tables_beside_a_network() {
    let folder = folder();
    for (name, text) in [
        ("narrow.json", "[[1, 2]]"),
        ("three.json", "[[1, 2, 3], [1, 2, 3], [1, 2, 3]]"),
        ("contexts.json", "[[1], [2]]"),
        ("infinite.json", "[[null, \"inf\", null]]"),
        ("outside.json", "[[null, 0.5, 2.5]]"),
        ("both-outside.json", "[[0, 0, 3], [null, -7, 0]]"),
        ("nan.csv", "1,nan,3\n"),
        ("gap.csv", "1,,3\n"),
        ("two-rows.json", "[[1, 0, 0], [0, 1, 0]]"),
    ] {
        folder.file(name, text);
    }
    let f = |what, options: &[&str], names: &[&'static str]| solve(&folder, what, "f.json", options, names);
    let h = |what, options: &[&str], names: &[&'static str]| {
        solve(&folder, what, "context.onnx", &[&["--context", "@contexts.json"], options].concat(), names)
    };
    let project = |what, options: &[&str], names: &[&'static str]| {
        let mut case = solve(&folder, what, "context.onnx", options, names);
        // The program, then the model; it writes no file of answers.
        case.args[0] = "project".into();
        case.args.drain(2..4);
        case
    };
    let many = ["they must be as many, or one of them 1"];
    let rows = |names: &[&'static str]| [names, &many].concat();
    let cases = [
        f("a number given", &["--fix", "0.5"], &["--fix 0.5: a file is expected"]),
        f("two given of three", &["--fix", "@narrow.json"], &["narrow.json: row 0 has 2 numbers", "takes 3"]),
        f("infinity given", &["--fix", "@infinite.json"], &["infinite.json: row 0, column 1 is inf"]),
        h("given rows that do not match", &["--fix", "@three.json"], &rows(&["--context has 2 rows and --fix 3"])),
        f(
            "given outside upper",
            &["--fix", "@outside.json", "--lower", "0", "--upper", "2"],
            &["outside.json: row 0: y[2] should be 2.5, its box is [0, 2]"],
        ),
        f(
            "given outside in every row",
            &["--fix", "@both-outside.json", "--lower", "0", "--upper", "2"],
            &["both-outside.json: row 0: y[2] should be 3, its box is [0, 2]", "all 2"],
        ),
        f("two prices of three", &["--linear", "@narrow.json"], &["--linear", "narrow.json: row 0 has 2", "takes 3"]),
        f("a price that is NaN", &["--linear", "@nan.csv"], &["--linear", "nan.csv: row 0, column 1 is NaN"]),
        f("a price left out", &["--linear", "@gap.csv"], &["--linear", "gap.csv: line 1, column 2 is empty"]),
        f("an infinite price", &["--linear", "inf"], &["--linear inf: row 0, column 0 is inf"]),
        f("NaN as price", &["--linear", "nan"], &["--linear", "NaN"]),
        h("prices that do not match", &["--linear", "@three.json"], &rows(&["--context has 2 rows and --linear 3"])),
        f("two weights of three", &["--quadratic", "@narrow.json"], &["--quadratic", "row 0 has 2", "takes 3"]),
        f("two rows of a form", &["--quadratic", "@two-rows.json"], &["--quadratic has 2 rows", "or 3"]),
        f("a form that is NaN", &["--quadratic", "@nan.csv"], &["--quadratic", "row 0, column 1 is NaN"]),
        f("two targets of three", &["--target", "@narrow.json"], &["--target", "row 0 has 2", "takes 3"]),
        f("an infinite target", &["--target", "-inf"], &["--target -inf: row 0, column 0 is -inf"]),
        h("targets that do not match", &["--target", "@three.json"], &rows(&["--context has 2 rows and --target 3"])),
        f("a maximum of terms", &["--maximize", "--linear", "1"], &["--maximize takes no further terms"]),
        f("a maximum of a square", &["--maximize", "--quadratic", "1"], &["--maximize takes no further terms"]),
        f("ipm and a square", &["--method", "ipm", "--quadratic", "1"], &["ipm", "no quadratic objective", "lp does"]),
        f("pdlp and a square", &["--method", "pdlp", "--target", "1"], &["pdlp", "no quadratic objective", "lp does"]),
        project("a level that is NaN", &["--context", "0", "--point", "0", "--at-most", "nan"], &["--at-most is NaN"]),
        project(
            "a norm nobody knows",
            &["--context", "0", "--point", "0", "--at-most", "0", "--norm", "l3"],
            &["l3", "the norms are l1, l2, linf"],
        ),
        project(
            "a point of two",
            &["--context", "0", "--point", "@narrow.json", "--at-most", "0"],
            &["--point", "narrow.json: row 0 has 2 numbers", "takes 3"],
        ),
        project(
            "points that do not match",
            &["--context", "@contexts.json", "--point", "@three.json", "--at-most", "0"],
            &rows(&["--point has 3 rows and --context 2"]),
        ),
        project("no point", &["--context", "0", "--at-most", "0"], &["--point"]),
    ];
    expect_refusals(&folder, &cases);
}
