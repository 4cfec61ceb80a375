//! Malformed tables of every format: exit 2, one message that names file, row and column, little memory; and Parquet files with
//! random damage: never a panic, a hang or an abort.
#![cfg(all(target_os = "linux", feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/npy.rs"]
mod npy;
#[path = "common/refusal.rs"]
mod refusal;

use std::fs;
use std::path::{Path, PathBuf};

use npy::npy;
use refusal::{Case, MEMORY, fault, icnn};

/// A network with 4 decisions.
const PICNN: &str = "tests/models/jax_picnn.onnx";

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").into()
}

/// `icnn eval --at` on a file.
fn at(what: &'static str, path: &Path, names: &[&'static str]) -> Case {
    let args = ["eval", PICNN, "--context", "0.5", "--at"].map(String::from);
    Case { what, args: [args.as_slice(), &[text(path)]].concat(), redirect: "", names: names.to_vec() }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, contents).expect("a temporary file");
        path
    }
}

fn expect_refusals(cases: &[Case]) {
    let mut faults = vec![];
    for case in cases {
        let ran = icnn(case, MEMORY);
        println!("{:>4} ms  {}: {}", ran.time.as_millis(), case.what, ran.err.lines().next().unwrap_or_default());
        faults.extend(fault(case, &ran));
    }
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Files that other programs wrote and that hold something else than rows of four numbers.
#[test]
fn parquet_files_of_something_else_are_refused() {
    let case = |name: &'static str, names: &[&'static str]| at(name, &fixture(name), &[&[name], names].concat());
    expect_refusals(&[
        case("bad-null.parquet", &["row 1, column \"b\" is null"]),
        case("bad-null-entry.parquet", &["row 1, column \"e\", entry 2 is null"]),
        case("bad-null-list.parquet", &["row 1, column \"e\" is an empty list or null"]),
        case("bad-empty-list.parquet", &["row 1, column \"e\" is an empty list or null"]),
        case("bad-ragged.parquet", &["row 1, column \"e\" has 3 entries, row 0 has 4"]),
        case("bad-structure.parquet", &["column \"s\"", "structures"]),
        case("bad-thin-structure.parquet", &["column \"s\"", "structures"]),
        case("bad-map.parquet", &["column \"m\"", "structures"]),
        case("bad-text.parquet", &["column \"name\"", "text"]),
        case("bad-bytes.parquet", &["column \"blob\"", "bytes"]),
        case("bad-decimal.parquet", &["column \"price\"", "decimals"]),
        case("bad-date.parquet", &["column \"day\"", "times"]),
        case("bad-time.parquet", &["column \"when\"", "times"]),
        case("bad-no-rows.parquet", &["no numbers"]),
        case("bad-no-columns.parquet", &["no numbers"]),
        case("bad-nan.parquet", &["row 3, column 2 (\"c\") is NaN"]),
        case("bad-infinite.parquet", &["row 2, column 3 (\"d\") is inf"]),
        case("bad-width.parquet", &["row 0 has 3 numbers", "takes 4"]),
        case("bad-packed.parquet", &["column \"d\"", "a file of this size may hold"]),
        case("bad-gzip.parquet", &["column \"a\"", "GZIP", "snappy, zstd"]),
    ]);
}

#[test]
fn damaged_parquet_files_are_refused() {
    let folder = Folder::new();
    let good = fs::read(fixture("pyarrow-mixed-snappy.parquet")).expect("a file");
    let footer = |footer: &[u8]| [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat();
    let end = good.len();
    let length = |length: u32| [&good[..end - 8], &length.to_le_bytes(), b"PAR1"].concat();
    // A million groups, each inside the one before.
    let deep: Vec<u8> = [0x48, 1, b'g', 0x15, 2, 0].repeat(1_000_000);
    let deep = [&[0x29, 0xfc, 0xc0, 0x84, 0x3d], deep.as_slice(), &[0]].concat();
    let case = |what: &'static str, bytes: &[u8], names: &[&'static str]| {
        let path = folder.file(&format!("{}.parquet", what.replace([' ', ','], "-")), bytes);
        at(what, &path, &[&[".parquet: "], names].concat())
    };
    expect_refusals(&[
        case("an empty file", &[], &["not a Parquet file"]),
        case("an archive", b"PK\x03\x04 and something behind it", &["not a Parquet file"]),
        case("an encrypted file", &[&good[..end - 4], b"PARE"].concat(), &["encrypted"]),
        case("cut by one byte", &good[..end - 1], &["cut short"]),
        case("cut in the middle", &good[..end / 2], &["cut short"]),
        case("the middle cut out", &[&good[..100], &good[end - 200..]].concat(), &["footer should be"]),
        case("a footer of 4 GB", &length(u32::MAX), &["4294967295 bytes"]),
        case("a footer of no bytes", &length(0), &["footer"]),
        case(
            "a schema of 2 billion columns",
            &footer(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0]),
            &["2147483647 elements"],
        ),
        case("columns a million deep", &footer(&deep), &["nested deeper than 16"]),
        case("structures a million deep", &footer(&[0x1c].repeat(1_000_000)), &["nested deeper than 16"]),
        case(
            "2 billion children",
            &footer(&[0x29, 0x1c, 0x55, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
            &["lacks its children"],
        ),
        case("pages of zeros", &[&good[..4], &vec![0; end - 4 - 900], &good[end - 900..]].concat(), &["column \"a\""]),
    ]);
}

#[test]
fn malformed_csv_npy_and_json_are_refused() {
    let folder = Folder::new();
    let case = |name: &'static str, bytes: &[u8], names: &[&'static str]| {
        at(name, &folder.file(name, bytes), &[&[name], names].concat())
    };
    let numbers = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    expect_refusals(&[
        case("word.csv", b"a,b,c,d\n1,2,3,4\n1,2,three,4\n", &["line 3, column 3 (\"c\"): \"three\" is not a number"]),
        case("word-without-header.csv", b"1,2,3,4\n1,two,3,4\n", &["line 2, column 2: \"two\""]),
        case("empty-cell.csv", b"a,b,c,d\n1,2,,4\n", &["line 2, column 3 (\"c\") is empty"]),
        case("nan.csv", b"a,b,c,d\n1,2,nan,4\n", &["row 0, column 2 (\"c\") is NaN"]),
        case("ragged.csv", b"1,2,3,4\n1,2,3\n", &["row 1 has 3 numbers"]),
        case("header-only.csv", b"a,b,c,d\n", &["no numbers"]),
        case("bytes.csv", b"1,2,3,\xff\xfe\n", &["UTF-8"]),
        case("null.json", b"[[1,2,3,4],[1,2,null,4]]", &["row 1, column 2: null"]),
        case("text.json", b"[[1,2,3,4],[1,2,3,\"x\"]]", &["row 1, column 3", "\"x\""]),
        case("object.json", b"[[1,2,3,{}]]", &["row 0, column 3", "object"]),
        case("ragged.json", b"[[1,2,3,4],[1,2]]", &["row 1 has 2 numbers"]),
        case("cut.json", b"[[1,2,3,4],[1,", &["not JSON", "line 1"]),
        case("none.json", b"[]", &["no numbers"]),
        case("large.json", b"[[1,2,3,1e999]]", &["not JSON"]),
        case(
            "nan.npy",
            &npy("<f8", "(2, 4)", &numbers(&[0.0, 1.0, 2.0, 3.0, 0.0, f64::NAN, 2.0, 3.0])),
            &["row 1, column 1 is NaN"],
        ),
        case("cut.npy", &npy("<f8", "(2, 4)", &[0; 60]), &["needs 64 bytes, the file holds 60"]),
        case("width.npy", &npy("<f8", "(2, 3)", &[0; 48]), &["row 0 has 3 numbers"]),
        case("none.npy", &npy("<f8", "(0, 4)", &[]), &["no numbers"]),
    ]);
}

#[test]
fn conversions_that_cannot_be_are_refused() {
    let folder = Folder::new();
    let convert = |what: &'static str, from: &Path, to: &str, names: &[&'static str]| {
        let args = ["convert".into(), text(from), text(&folder.0.path().join(to))];
        Case { what, args: args.to_vec(), redirect: "", names: names.to_vec() }
    };
    let ragged = folder.file("ragged.json", "[[1,2],[3,4],[5]]");
    let header = folder.file("header.csv", "a,b,c\n1,2\n");
    let blank = folder.file("blank.csv", "a,b\n1,\n");
    let good = folder.file("good.json", "[[1,2]]");
    expect_refusals(&[
        convert("ragged rows", &ragged, "a.npy", &["ragged.json: row 2 has 1 numbers, row 0 has 2"]),
        convert(
            "a header of another width",
            &header,
            "a.parquet",
            &["header.csv: its header names 3 columns, row 0 has 2"],
        ),
        convert("an empty cell", &blank, "a.parquet", &["blank.csv: line 2, column 2 (\"b\") is empty"]),
        convert("to a format nobody knows", &good, "a.xlsx", &["a.xlsx: not a", ".parquet"]),
        convert("from a format nobody knows", &folder.0.path().join("a.xlsx"), "a.csv", &["a.xlsx: not a"]),
        convert("from a file that is not there", &folder.0.path().join("no.csv"), "a.csv", &["no.csv", "No such file"]),
        convert("into a folder that is not there", &good, "no/a.csv", &["a.csv: cannot be written", "No such file"]),
    ]);
    assert_eq!(fs::read_dir(folder.0.path()).expect("a folder").count(), 4);
}

/// A reproducible sequence of numbers (xorshift).
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % below as u64) as usize
}

#[test]
fn random_damage_never_panics() {
    let folder = Folder::new();
    let bases = ["pyarrow-mixed-snappy", "pyarrow-mixed-zstd", "pyarrow-mixed-v2-pages", "pyarrow-delta-and-split"];
    let bases = [
        bases.as_slice(),
        &["pyarrow-dictionary", "pyarrow-list", "polars", "polars-array", "polars-constant-100000-rows"],
    ];
    let mut state = 0x1c99_5eed_u64;
    let (mut refused, mut read) = (0, 0);
    for base in bases.concat() {
        let good = fs::read(fixture(&format!("{base}.parquet"))).expect("a file");
        for round in 0..120 {
            let mut bytes = good.clone();
            for _ in 0..=random(&mut state, 3) {
                // Footers are most of a small file: every other round spares them.
                let reach = if round % 2 == 0 { bytes.len() } else { bytes.len() / 3 };
                let place = random(&mut state, reach);
                match random(&mut state, 5) {
                    0 => bytes[place] ^= 1 << random(&mut state, 8),
                    1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random(&mut state, 5)],
                    2 => bytes[place] = random(&mut state, 256) as u8,
                    3 => {
                        bytes.remove(place);
                    }
                    _ => bytes.insert(place, random(&mut state, 256) as u8),
                }
            }
            let from = folder.file("damaged.parquet", &bytes);
            let to = folder.0.path().join("out.npy");
            let args = ["convert".into(), text(&from), text(&to), "--force".into()].to_vec();
            let ran = icnn(&Case { what: "damage", args, redirect: "", names: vec![] }, MEMORY);
            let kept = || {
                let path = std::env::temp_dir().join("icnn-damaged.parquet");
                fs::write(&path, &bytes).expect("a file");
                format!("{base}, round {round}: {:?} {} (kept as {})", ran.code, ran.err, path.display())
            };
            assert!(
                matches!(ran.code, Some(0 | 2)) && !ran.err.contains("panicked") && ran.out.is_empty(),
                "{}",
                kept()
            );
            assert!(ran.code == Some(0) || ran.err.contains("damaged.parquet: "), "{}", kept());
            if ran.code == Some(0) { read += 1 } else { refused += 1 }
        }
    }
    println!("{refused} refused, {read} read");
    assert!(refused > 200 && read > 20, "{refused} refused, {read} read");
}
