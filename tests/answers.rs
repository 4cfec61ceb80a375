//! `icnn solve --answers FILE`: the same answers as `--json`, in every format; a file that is complete or not touched.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;
#[path = "common/onnx.rs"]
mod onnx;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use npy::bits;
use onnx::ModelBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

const PICNN: &str = "tests/models/jax_picnn.onnx";
const SOFTPLUS: &str = "tests/models/jax_softplus.onnx";
const DIGITS: &str = "examples/digits/digits.onnx";
const CONTEXT: &str = "examples/digits/test-context.npy";

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icnn"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Exit code, stdout and stderr.
fn icnn(args: &[&str]) -> (Option<i32>, String, String) {
    let done = command(args).output().expect("icnn runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What `--json` prints with the given options, and the file that `--answers` wrote in the same run.
fn run(folder: &Folder, options: &[&str], format: &str) -> (Vec<Value>, PathBuf) {
    let file = folder.path(&format!("answers.{format}"));
    let (_, out, err) = icnn(&[&["solve", "--json", "--answers", text(&file)], options].concat());
    assert!(!err.contains("panicked") && !err.contains("answers."), "{err}");
    (out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), file)
}

/// A row of a table of answers in the words of `--json`: numbers or null.
fn expected(line: &Value, decisions: usize, bound: &str) -> Vec<Value> {
    let failed = line.get("error").is_some();
    let mut row = vec![line["row"].clone(), if failed { json!("error") } else { line["status"].clone() }];
    row.extend(["value", bound, "gap"].map(|key| line.get(key).cloned().unwrap_or_default()));
    row.extend((0..decisions).map(|j| line["y"].get(j).cloned().unwrap_or_default()));
    row.push(line.get("message").or(line.get("error")).cloned().unwrap_or_default());
    row
}

fn from_csv(file: &Path) -> (Vec<String>, Vec<Vec<Value>>) {
    let mut reader = csv::Reader::from_path(file).expect("a file");
    let names: Vec<String> = reader.headers().expect("names").iter().map(String::from).collect();
    let cell = |(name, text): (&String, &str)| match (name.as_str(), text) {
        (_, "") => Value::Null,
        ("status" | "message", text) => json!(text),
        ("row", number) => json!(number.parse::<usize>().expect("a number")),
        (_, number) => json!(number.parse::<f64>().expect("a number")),
    };
    let rows = reader.records().map(|r| names.iter().zip(&r.expect("a row")).map(cell).collect()).collect();
    (names, rows)
}

fn from_parquet(file: &Path) -> (Vec<String>, Vec<Vec<Value>>) {
    let reader = SerializedFileReader::new(fs::File::open(file).expect("a file")).expect("Parquet");
    let columns = reader.metadata().file_metadata().schema_descr().columns().iter();
    let names = columns.map(|c| c.name().to_string()).collect();
    let cell = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Str(text) => json!(text),
        Field::Long(n) => json!(n),
        Field::Double(v) => json!(v),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).expect("rows");
    let rows = rows.map(|row| row.expect("a row").get_column_iter().map(|(_, field)| cell(field)).collect());
    (names, rows.collect())
}

/// Every format against the lines of `--json`.
fn agree(options: &[&str], decisions: usize, bound: &str) -> Vec<Value> {
    let folder = Folder::new();
    let (lines, file) = run(&folder, options, "json");
    let stored: Vec<Value> = serde_json::from_str(&fs::read_to_string(file).expect("text")).expect("JSON");
    assert_eq!(stored, lines);

    let mut names = ["row", "status", "value", bound, "gap"].map(String::from).to_vec();
    names.extend((0..decisions).map(|j| format!("y{j}")).chain(["message".to_string()]));
    for (format, read) in [("csv", from_csv as fn(&Path) -> _), ("parquet", from_parquet)] {
        let (lines, file) = run(&folder, options, format);
        let rows: Vec<Vec<Value>> = lines.iter().map(|line| expected(line, decisions, bound)).collect();
        assert_eq!(read(&file), (names.clone(), rows), "{format}");
    }

    let (lines, file) = run(&folder, options, "npy");
    let (shape, numbers) = bits(&fs::read(file).expect("a file"));
    assert_eq!(shape, format!("({}, {decisions})", lines.len()));
    for (line, y) in lines.iter().zip(numbers.chunks(decisions)) {
        for (j, v) in y.iter().map(|b| f64::from_bits(*b)).enumerate() {
            match line["y"].get(j) {
                Some(entry) => assert_eq!(entry.as_f64().map(f64::to_bits), Some(v.to_bits())),
                None => assert!(v.is_nan()),
            }
        }
    }
    assert_eq!(folder.names(), ["answers.csv", "answers.json", "answers.npy", "answers.parquet"]);
    lines
}

#[test]
fn all_formats_agree_with_json() {
    let lines = agree(&[DIGITS, "--context", CONTEXT, "--lower", "0", "--upper", "1"], 32, "lower_bound");
    assert!(lines.len() == 60 && lines.iter().all(|line| line["status"] == "optimal"));
}

#[test]
fn rows_without_an_answer_are_there() {
    let folder = Folder::new();
    // The second context overflows, the others have a ray.
    let context = folder.path("x.json");
    fs::write(&context, "[[0.5, 0.5, 0.5], [1e308, 1e308, -1e308], [-1, 0, 1]]").expect("a file");
    let lines = agree(&[PICNN, "--context", text(&context)], 4, "lower_bound");
    assert!(lines[0]["status"] == "unbounded" && lines[0]["message"].is_string(), "{}", lines[0]);
    assert!(lines[1]["error"].is_string(), "{}", lines[1]);
    assert_eq!(lines[2]["row"], 2);
}

#[test]
fn of_a_maximum_the_bound_is_an_upper_one() {
    let folder = Folder::new();
    // −|y0| − |y1|
    let model = ModelBuilder::new(13)
        .input("y", &[None, Some(2)])
        .node("Abs", &["y"], &["a"], vec![])
        .node("ReduceSum", &["a"], &["s"], vec![onnx::int("keepdims", 0)])
        .node("Neg", &["s"], &["f"], vec![])
        .output("f");
    let path = folder.path("concave.onnx");
    fs::write(&path, model.bytes()).expect("a file");
    let lines = agree(&[text(&path), "--maximize", "--lower=-1", "--upper", "1"], 2, "upper_bound");
    assert!(lines[0]["upper_bound"] == json!(0.0) && lines[0]["status"] == "optimal", "{}", lines[0]);
}

#[test]
fn answers_are_points_again() {
    let folder = Folder::new();
    // The minimum as a rational number, rounded, is not what f64 makes of f at its rounded point.
    let options = [PICNN, "--context", "0.25", "--lower=-1", "--upper", "1", "--proof", "rigorous"];
    let (lines, file) = run(&folder, &options, "npy");
    let (code, out, _) = icnn(&["eval", PICNN, "--context", "0.25", "--at", text(&file), "--json"]);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &value["value"]), (Some(0), &lines[0]["value"]));
}

#[test]
fn stdout_is_the_same_with_and_without_a_file() {
    let folder = Folder::new();
    let options = ["solve", PICNN, "--context", "0.25", "--lower=-1", "--upper", "1"];
    let plain = icnn(&options);
    let file = folder.path("a.csv");
    let both = icnn(&[options.as_slice(), &["--answers", text(&file)]].concat());
    let steady = |out: &str| out.split_whitespace().filter(|w| w.parse::<f64>().is_err()).collect::<Vec<_>>().join(" ");
    assert_eq!((plain.0, steady(&plain.1)), (both.0, steady(&both.1)));
    assert!(both.1.starts_with("row 0 optimal value") && both.2.is_empty());
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_solved() {
    let folder = Folder::new();
    let solve = |file: &Path| icnn(&["solve", "no-such-model.onnx", "--answers", text(file)]);
    for (file, words) in [
        (folder.path("nowhere/a.csv"), ["a.csv: cannot be written", "No such file"]),
        (folder.path("a.xlsx"), ["a.xlsx", ".json, .npy, .csv or .parquet"]),
        (folder.0.path().with_extension("csv").join("a.npy"), ["a.npy: cannot be written", "No such file"]),
    ] {
        let (code, out, err) = solve(&file);
        assert!(code == Some(2) && out.is_empty() && words.iter().all(|w| err.contains(w)), "{err}");
    }
    fs::create_dir(folder.path("folder.csv")).expect("a folder");
    let (code, _, err) = solve(&folder.path("folder.csv"));
    assert!(code == Some(2) && err.contains("folder.csv: cannot be written: it is a folder"), "{err}");
}

#[test]
fn a_run_without_answers_leaves_the_old_file() {
    let folder = Folder::new();
    for format in ["json", "csv", "npy", "parquet"] {
        let file = folder.path(&format!("old.{format}"));
        fs::write(&file, "old").expect("a file");
        for model in [SOFTPLUS, "no-such-model.onnx"] {
            let (code, out, _) =
                icnn(&["solve", model, "--method", "lp", "--lower", "0", "--upper", "1", "--answers", text(&file)]);
            assert!(code == Some(2) && out.is_empty(), "{model}: {code:?}");
            assert_eq!(fs::read_to_string(&file).expect("text"), "old", "{model}, {format}");
        }
    }
    assert_eq!(folder.names(), ["old.csv", "old.json", "old.npy", "old.parquet"]);
}

#[test]
fn a_run_that_is_killed_leaves_the_old_file() {
    let folder = Folder::new();
    let file = folder.path("old.csv");
    fs::write(&file, "old").expect("a file");
    let args = ["solve", DIGITS, "--context", CONTEXT, "--lower", "0", "--upper", "1", "--threads", "1"];
    let mut child = command(&[args.as_slice(), &["--answers", text(&file)]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .expect("icnn runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    child.kill().expect("it can be stopped");
    child.wait().expect("it ends");
    assert!(line.starts_with("row 0 "), "{line}");
    assert_eq!(fs::read_to_string(&file).expect("text"), "old");
}
