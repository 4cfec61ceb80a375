//! Tables of numbers through the program: every format into every other, and the files that pandas, pyarrow and polars write.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use npy::{bits, npy};
use proptest::prelude::*;
use serde_json::Value;

const FORMATS: [&str; 4] = ["npy", "csv", "parquet", "json"];
const PICNN: &str = "tests/models/jax_picnn.onnx";

/// Exit code, stdout and stderr.
fn icnn(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icnn"));
    let done = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("icnn runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// A folder for files of one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), contents).expect("a temporary file");
        self.path(name)
    }

    /// Converts a file of this folder, or of the repository, to one of this folder.
    fn convert(&self, from: impl AsRef<Path>, to: &str) -> PathBuf {
        let (from, to) = (self.0.path().join(from), self.path(to));
        let ran = icnn(&["convert", text(&from), text(&to), "--force"]);
        assert_eq!(ran, (Some(0), String::new(), String::new()), "{}", from.display());
        to
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name)
}

fn array(shape: &str, values: &[f64]) -> Vec<u8> {
    npy("<f8", shape, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())
}

/// Numbers that formats like to lose.
fn hard_numbers() -> Vec<f64> {
    let extremes = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON, 5e-324, -5e-324, 0.0, -0.0, 1e22, 1e23];
    let others = [0.1, 1.0 / 3.0, 9_007_199_254_740_993.0, -123_456_789.123_456_78, f64::INFINITY, f64::NEG_INFINITY];
    [extremes.as_slice(), &others].concat()
}

#[test]
fn every_format_into_every_other_bit_for_bit() {
    let folder = Folder::new();
    folder.file("a.npy", array("(4, 4)", &hard_numbers()));
    let expected = bits(&fs::read(folder.path("a.npy")).expect("a file"));
    for from in FORMATS {
        folder.convert("a.npy", &format!("one.{from}"));
        for to in FORMATS {
            folder.convert(format!("one.{from}"), &format!("two.{to}"));
            let back = folder.convert(format!("two.{to}"), "back.npy");
            assert_eq!(bits(&fs::read(back).expect("a file")), expected, "npy → {from} → {to} → npy");
        }
    }
}

#[test]
fn nan_goes_where_it_can_be_written() {
    let folder = Folder::new();
    folder.file("nan.npy", array("(2, 2)", &[1.0, 2.0, 3.0, f64::NAN]));
    for format in ["csv", "parquet"] {
        let back = folder.convert(folder.convert("nan.npy", &format!("nan.{format}")), "back.npy");
        let (shape, numbers) = bits(&fs::read(back).expect("a file"));
        assert!(shape == "(2, 2)" && f64::from_bits(numbers[3]).is_nan() && numbers[2] == 3f64.to_bits());
    }
    let (code, _, err) = icnn(&["convert", text(&folder.path("nan.npy")), text(&folder.path("nan.json"))]);
    assert!(code == Some(2) && err.contains("nan.npy: row 1, column 1 is NaN"), "{err}");
    assert!(!folder.path("nan.json").exists());
}

#[test]
fn lists_and_single_numbers_keep_their_layout_where_the_format_has_it() {
    let folder = Folder::new();
    folder.file("list.npy", array("(3,)", &[1.0, 2.5, -3.0]));
    let list = folder.convert("list.npy", "list.json");
    assert_eq!(fs::read_to_string(&list).expect("text"), "[1.0, 2.5, -3.0]\n");
    assert_eq!(bits(&fs::read(folder.convert(list, "back.npy")).expect("a file")).0, "(3,)");
    let column = folder.convert("list.npy", "list.csv");
    assert_eq!(fs::read_to_string(&column).expect("text"), "1.0\n2.5\n-3.0\n");
    assert_eq!(bits(&fs::read(folder.convert(column, "back.npy")).expect("a file")).0, "(3, 1)");
    folder.file("one.json", "7");
    let (code, _, err) = icnn(&["convert", text(&folder.path("one.json")), text(&folder.path("one.csv"))]);
    assert!(code == Some(2) && err.contains("one.json: a single number"), "{err}");
    assert_eq!(bits(&fs::read(folder.convert("one.json", "one.npy")).expect("a file")).0, "()");
}

#[test]
fn names_of_columns_survive_between_csv_and_parquet() {
    let folder = Folder::new();
    let header = "age,\"height, in m\",y[0],\"a \"\"b\"\"\"\n1.0,2.0,3.0,4.0\n";
    folder.file("a.csv", header);
    folder.convert("a.csv", "a.parquet");
    folder.convert("a.parquet", "b.parquet");
    assert_eq!(fs::read_to_string(folder.convert("b.parquet", "b.csv")).expect("text"), header);
    // Columns that are merely counted would read as a row.
    let counted = fs::read_to_string(folder.convert(fixture("pandas-counted.parquet"), "c.csv")).expect("text");
    assert_eq!(counted.lines().next(), Some("0.0,1.5,-2.0,3.0"));
    let list =
        fs::read_to_string(folder.convert(fixture("pyarrow-number-list-number.parquet"), "l.csv")).expect("text");
    assert_eq!(list.lines().next(), Some("a,e[0],e[1],d"));
    let made_up = folder.convert("b.csv", "n.npy");
    let made_up = folder.convert(folder.convert(made_up, "n.parquet"), "n.csv");
    assert!(fs::read_to_string(made_up).expect("text").starts_with("c0,c1,c2,c3\n"));
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = Folder::new();
    folder.file("a.json", "[[1, 2]]");
    let old = folder.file("b.csv", "old");
    let args = ["convert", text(&folder.path("a.json")), text(&old)].map(String::from);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, _, err) = icnn(&args);
    assert!(code == Some(2) && err.contains("b.csv exists; --force"), "{err}");
    assert_eq!(fs::read_to_string(&old).expect("text"), "old");
    assert_eq!(icnn(&[args.as_slice(), &["--force"]].concat()).0, Some(0));
    assert_eq!(fs::read_to_string(&old).expect("text"), "1.0,2.0\n");
    // In place, and nothing is left beside it.
    folder.convert("b.csv", "b.csv");
    assert_eq!(fs::read_dir(folder.0.path()).expect("a folder").count(), 2);
}

/// The numbers of a table, through JSON.
fn numbers(path: &Path) -> Value {
    let folder = Folder::new();
    let json = folder.convert(path, "out.json");
    serde_json::from_str(&fs::read_to_string(json).expect("text")).expect("JSON")
}

#[test]
fn files_of_pandas_pyarrow_and_polars_are_read() {
    let expected = numbers(&fixture("numbers.json"));
    let mut seen = 0;
    for entry in fs::read_dir(fixture("")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("UTF-8");
        if !name.ends_with(".parquet")
            || name.starts_with("bad-")
            || name.ends_with("-rows.parquet")
            || name.ends_with("-row.parquet")
        {
            continue;
        }
        assert_eq!(numbers(&path), expected, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 21);
    let half = numbers(&fixture("pyarrow-half-2-rows.parquet"));
    assert_eq!(half.as_array().map(Vec::as_slice), expected.as_array().map(|rows| &rows[..2]));
    let constant = numbers(&fixture("polars-constant-100000-rows.parquet"));
    let rows = constant.as_array().expect("rows");
    assert!(rows.len() == 100_000 && rows.iter().all(|row| *row == expected[0]));
}

#[test]
fn parquet_serves_as_points_contexts_and_bounds() {
    let folder = Folder::new();
    folder.file("y.json", "[[0.1, -0.2, 0.3, 0.4], [1, 1, 1, 1]]");
    folder.file("x.json", "[[0.5, 0.25, -1], [0, 1, 2]]");
    folder.file("low.json", "[-1, -2, -1, 0]");
    for name in ["y", "x", "low"] {
        folder.convert(format!("{name}.json"), &format!("{name}.parquet"));
    }
    let eval = |format: &str| {
        let [y, x] = ["y", "x"].map(|name| folder.path(&format!("{name}.{format}")));
        icnn(&["eval", PICNN, "--at", text(&y), "--context", text(&x)])
    };
    let evaluated = eval("parquet");
    assert!(evaluated.0 == Some(0) && evaluated.1.lines().count() == 2, "{}", evaluated.2);
    assert_eq!(evaluated, eval("json"));
    let solve = |format| {
        let path = |name: &str| folder.path(&format!("{name}.{format}"));
        let (x, low, found) = (path("x"), path("low"), folder.path("found.npy"));
        let args =
            ["solve", PICNN, "--context", text(&x), "--lower", text(&low), "--upper", "1", "--answers", text(&found)];
        assert_eq!(icnn(&args).0, Some(0));
        bits(&fs::read(&found).expect("a file"))
    };
    let found = solve("parquet");
    assert_eq!(found.0, "(2, 4)");
    assert_eq!(found, solve("json"));
}

#[test]
fn a_null_among_bounds_is_an_open_side() {
    let lower = fixture("null-bound-1-row.parquet");
    let solve = |upper: &str| {
        let bounds = ["--lower", text(&lower), "--upper", upper];
        icnn(&[["solve", PICNN, "--context", "0.5", "--json"].as_slice(), &bounds].concat())
    };
    let (code, out, err) = solve("1");
    assert_eq!(code, Some(1), "{err}");
    let line: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(line["status"], "unbounded");
    // Along the only side that is open.
    let ray: Vec<f64> = serde_json::from_value(line["ray"].clone()).expect("a ray");
    assert!(ray[0] == 0.0 && ray[1] == 0.0 && ray[2] < 0.0 && ray[3] == 0.0, "{ray:?}");
}

/// Any number but NaN, of any size.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>().prop_filter("a number", |v| !v.is_nan()), -1e3..1e3f64, (-9i32..9).prop_map(f64::from)]
}

fn any_rows() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1usize..6, 1usize..30)
        .prop_flat_map(|(width, rows)| (Just(width), prop::collection::vec(any_number(), width * rows)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read_is_the_identity((width, values) in any_rows()) {
        let folder = Folder::new();
        folder.file("a.npy", array(&format!("({}, {width})", values.len() / width), &values));
        let expected = bits(&fs::read(folder.path("a.npy")).expect("a file"));
        for chain in [["csv", "parquet", "json"], ["json", "csv", "parquet"], ["parquet", "json", "csv"]] {
            let last = chain.iter().fold(folder.path("a.npy"), |from, to| folder.convert(from, &format!("b.{to}")));
            let back = folder.convert(last, "back.npy");
            prop_assert_eq!(&bits(&fs::read(back).expect("a file")), &expected);
        }
    }
}
