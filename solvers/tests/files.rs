//! Programs written to MPS and LP files and read by HiGHS: the same matrix, the same optimum.
#![cfg(feature = "highs")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Kind, program};
use icnn_solvers::highs::{Highs, read};
use icnn_solvers::{LinearProgram, LpOptions, Status, lp_format, mps};
use proptest::prelude::*;
use sprs::{CsMat, TriMat};

type Writer = fn(&LinearProgram, &mut Vec<u8>) -> std::io::Result<()>;

/// Both formats, with their endings.
const FORMATS: [(&str, Writer); 2] = [("mps", mps::write), ("lp", lp_format::write)];

/// The text of a file, and what HiGHS reads in it.
fn through(ending: &str, write: Writer, lp: &LinearProgram) -> (String, LinearProgram) {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let mut bytes = vec![];
    write(lp, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path: PathBuf = std::env::temp_dir().join(format!("icnn-files-{}-{number}.{ending}", std::process::id()));
    fs::write(&path, &text).unwrap();
    let found = read(&path);
    fs::remove_file(&path).unwrap();
    let lp = found.unwrap_or_else(|e| panic!("{e}\n{text}"));
    (text, lp)
}

/// A row's coefficients, lower and upper bound.
type Row = (Vec<(usize, f64)>, f64, f64);

/// The rows that the file has: without the free ones; in the LP format ranges twice.
fn rows_of(lp: &LinearProgram, split: bool) -> Vec<Row> {
    let mut rows = vec![];
    for (i, row) in lp.matrix.outer_iterator().enumerate() {
        let entries: Vec<(usize, f64)> = row.iter().map(|(j, &a)| (j, a)).filter(|(_, a)| *a != 0.0).collect();
        let (lower, upper) = (lp.row_lower[i], lp.row_upper[i]);
        if split && lower.is_finite() && upper.is_finite() && lower != upper {
            rows.push((entries.clone(), lower, f64::INFINITY));
            rows.push((entries, f64::NEG_INFINITY, upper));
        } else if lower.is_finite() || upper.is_finite() {
            rows.push((entries, lower, upper));
        }
    }
    rows
}

fn optimum(lp: &LinearProgram) -> (Status, f64) {
    let found = Highs::new(lp).unwrap().solve(&LpOptions::default(), None).unwrap();
    (found.status, found.objective)
}

/// Names as users give them: with blanks, signs, words of the formats, numbers, nothing at all, and each other's.
fn ugly() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,2}",
        "[ -~]{0,6}",
        "\\PC{0,4}",
        prop::sample::select(vec![
            "",
            "e5",
            "1e9",
            "inf",
            "-inf",
            "nan",
            "infinite",
            "free",
            "End",
            "st",
            "s.t.",
            "subject",
            "to",
            "obj",
            "a b",
            "a_b",
            "r0",
            "x0",
            "*",
            "\\",
            "$",
            "x\ny",
            "RHS",
            "BND",
            "max",
            "bounds",
            "sos1",
            "x:",
            "a_b_2",
            "0x1p3",
            ".5",
            "ünïcode",
        ])
        .prop_map(String::from),
    ]
}

fn named(kind: Kind) -> impl Strategy<Value = LinearProgram> {
    program(kind).prop_flat_map(|lp| {
        let names = |count| prop::collection::vec(ugly(), count);
        (names(lp.columns()), names(lp.rows()), any::<bool>()).prop_map(move |(columns, rows, thirds)| {
            let mut lp = LinearProgram { column_names: columns, row_names: rows, ..lp.clone() };
            if thirds {
                // Numbers that need all their digits.
                lp.offset /= 3.0;
                lp.objective.iter_mut().for_each(|c| *c /= 3.0);
            }
            lp
        })
    })
}

fn same(lp: &LinearProgram) -> Result<(), TestCaseError> {
    for (ending, write) in FORMATS {
        let (text, back) = through(ending, write, lp);
        prop_assert!(back.quadratic.is_none());
        prop_assert_eq!(&back.objective, &lp.objective, "{}", text);
        prop_assert_eq!(back.offset, lp.offset, "{}", text);
        prop_assert_eq!(&back.column_lower, &lp.column_lower, "{}", text);
        prop_assert_eq!(&back.column_upper, &lp.column_upper, "{}", text);
        prop_assert_eq!(rows_of(&back, false), rows_of(lp, ending == "lp"), "{}", text);
        let ((expected, value), (status, found)) = (optimum(lp), optimum(&back));
        prop_assert_eq!(status, expected, "{}", text);
        if status == Status::Optimal {
            prop_assert!((found - value).abs() <= 1e-9 * value.abs().max(1.0), "{found} is not {value}\n{text}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn highs_reads_the_program_that_was_written(lp in named(Kind::Bounded)) {
        same(&lp)?;
    }

    #[test]
    fn a_program_without_optimum_stays_so(lp in prop_oneof![named(Kind::Infeasible), named(Kind::Unbounded)]) {
        same(&lp)?;
    }
}

#[test]
fn every_kind_of_bound_and_row_survives() {
    const INF: f64 = f64::INFINITY;
    let mut lp = LinearProgram::new(8);
    let bounds =
        [(-INF, INF), (0.0, INF), (-INF, -2.0), (1.5, 1.5), (-3.0, -1.0), (0.0, 0.0), (-1e-300, 1e19), (0.0, 0.1)];
    lp.column_lower = bounds.map(|b| b.0).to_vec();
    lp.column_upper = bounds.map(|b| b.1).to_vec();
    lp.objective = vec![0.0, 1.0 / 3.0, 0.0, -1e-9, 2.0, 0.0, 1e14, -0.0];
    lp.offset = -0.1;
    lp.add_row(-INF, INF, &[(0, 1.0), (1, 1.0)]);
    lp.add_row(-1.0, INF, &[]);
    lp.add_row(0.1, 0.3, &[(0, 1.0), (7, 0.1)]);
    lp.add_row(-5.0, 1e-17, &[(0, -1.0)]);
    lp.add_row(2.0, 2.0, &[(0, 1e-11), (4, -1.0 / 3.0)]);
    lp.add_row(-INF, 0.0, &[(2, 1.0), (3, 0.1)]);
    for (ending, write) in FORMATS {
        let (text, back) = through(ending, write, &lp);
        assert_eq!((&back.objective, back.offset), (&lp.objective, lp.offset), "{text}");
        assert_eq!((&back.column_lower, &back.column_upper), (&lp.column_lower, &lp.column_upper), "{text}");
        let (found, expected) = (rows_of(&back, false), rows_of(&lp, ending == "lp"));
        assert_eq!(found.len(), expected.len(), "{text}");
        for ((a, low, high), (b, lower, upper)) in found.iter().zip(&expected) {
            assert_eq!((a, low), (b, lower), "{text}");
            // A range −5 … 1e-17 has no width in f64 that gives its upper end back.
            assert!(high == upper || (high - upper).abs() <= 1e-15, "{high} is not {upper}\n{text}");
        }
        assert!(text.contains("1 rows without bounds are left out"), "{text}");
    }
}

#[test]
fn a_quadratic_objective_is_read_back() {
    let mut lp = LinearProgram::new(3);
    lp.objective = vec![1.0, 0.0, -1.0];
    lp.offset = 2.0;
    lp.add_row(1.0, f64::INFINITY, &[(0, 1.0), (2, 1.0)]);
    let mut q = TriMat::new((3, 3));
    for (i, j, v) in [(0, 0, 2.0), (0, 1, -0.5), (1, 0, -0.5), (1, 1, 1.0 / 3.0), (2, 2, 4.0)] {
        q.add_triplet(i, j, v);
    }
    let q: CsMat<f64> = q.to_csr();
    lp.quadratic = Some(q.clone());
    for (ending, write) in FORMATS {
        let (text, back) = through(ending, write, &lp);
        assert_eq!(back.quadratic.map(|q| q.to_dense()), Some(q.to_dense()), "{text}");
        assert_eq!((&back.objective, back.offset), (&lp.objective, lp.offset), "{text}");
    }
}

#[test]
fn long_rows_are_broken_into_short_lines() {
    let mut lp = LinearProgram::new(300);
    lp.column_names = (0..300).map(|j| "x".repeat(j)).collect();
    let entries: Vec<(usize, f64)> = (0..300).map(|j| (j, 1.0 + j as f64)).collect();
    lp.add_row(1.0, 2.0, &entries);
    for (ending, write) in FORMATS {
        let (text, back) = through(ending, write, &lp);
        assert!(text.lines().all(|line| line.len() <= 510), "{ending}");
        assert_eq!(rows_of(&back, false), rows_of(&lp, ending == "lp"));
    }
}

#[test]
fn a_file_that_is_no_program_is_an_error() {
    for (name, text) in
        [("a.lp", "Minimize\n obj: x\nSubject To\n c: x >=\nEnd\n"), ("a.mps", "ROWS\n Q f\n"), ("a.txt", "")]
    {
        let path = std::env::temp_dir().join(format!("icnn-files-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        let found = read(&path);
        fs::remove_file(&path).unwrap();
        assert!(found.is_err(), "{name}: {found:?}");
    }
}
