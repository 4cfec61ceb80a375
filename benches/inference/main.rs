//! `make bench-inference`: exact inference next to one pass over the network, to HiGHS and to the paper's approximate inference.
//!
//! `cargo bench … --bench inference -- [families|profile|again|degenerate|examples|warm|batch|stream N|growth] [NAME]… [--full]`;
//! docs/performance.md says what is measured. Exit code 1 if a certified gap is too wide or a value contradicts HiGHS; never because of a time.

mod batch;
mod degenerate;
mod examples;
#[path = "../families/mod.rs"]
mod families;
mod growth;
mod measure;
#[path = "../overhead/family.rs"]
#[allow(dead_code)]
mod onnx_file;
mod peer;
mod plot;
mod process;
mod profile;
mod stream;
mod table;
mod targets;
mod warm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use families::{FAMILIES, Failure, Family, Kind};
use measure::Case;
use serde_json::{Map, Value, json};
use table::{Row, Set};
use warm::Walk;

/// The parts, in the order in which they run; those of `NAMED` only if they are named.
const PARTS: [&str; 9] =
    ["families", "profile", "again", "degenerate", "examples", "warm", "batch", "stream", "growth"];
const NAMED: [&str; 2] = ["again", "growth"];

/// Seconds for which instances are solved again and again.
const AGAIN: f64 = 2.0;

/// Instances of each family and kind: of small families, and of those with more than 50 decisions.
const SMALL: usize = 10;
const LARGE: usize = 3;

/// Rows of the longest table that is streamed, unless another number is given.
const STREAMED: usize = 10_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["serve"] => peer::serve().map(|()| true),
        words => run(words),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("inference: a gap is too wide, or a value contradicts another");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("inference: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the parts that are named (all but those of `NAMED`, if none is) for the families and examples that are named (all, likewise). Returns whether
/// all gaps are closed and no values contradict each other.
fn run(words: &[&str]) -> Result<bool, Failure> {
    let full = words.contains(&"--full");
    let parts: Vec<&str> = words.iter().copied().filter(|word| PARTS.contains(word)).collect();
    let number = words.iter().find_map(|word| word.parse::<usize>().ok());
    let names: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !PARTS.contains(word) && !word.starts_with("--") && word.parse::<usize>().is_err())
        .collect();
    let known = |name: &&&str| {
        Family::named(name).is_some() || examples::NAMES.contains(name) || ["p", "width", "depth"].contains(name)
    };
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(format!("'{name}' is no part, family, example or size that grows").into());
    }
    if let Some(option) = words.iter().find(|word| word.starts_with("--") && **word != "--full") {
        return Err(format!("{option} is no option; --full is one").into());
    }
    let part = |name: &str| parts.contains(&name) || parts.is_empty() && !NAMED.contains(&name);
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let trained = || FAMILIES.iter().filter(|f| f.trained && wanted(f.name));
    let mut report = Report::default();
    if part("families") {
        println!("{}", Row::heading());
        for family in FAMILIES.iter().filter(|f| wanted(f.name)) {
            for kind in [Kind::Random, Kind::Unbalanced, Kind::Trained] {
                if kind != Kind::Trained || family.trained {
                    report.row("families", set(family, kind, full)?)?;
                }
            }
        }
    }
    if part("profile") {
        println!("\n{}", profile::heading());
        for family in trained() {
            for kind in [Kind::Random, Kind::Trained] {
                // Tens of seconds a solve.
                if family.decisions < 1000 || kind == Kind::Trained {
                    let profile = profile::of(family, kind)?;
                    println!("{}", profile.line());
                    report.add("profile", &profile, true)?;
                }
            }
        }
    }
    if part("again") {
        for family in trained() {
            for kind in [Kind::Random, Kind::Trained] {
                let ratios = profile::again(family, kind, SMALL, AGAIN)?;
                let all: String = ratios.iter().map(|r| format!(" {r:.1}")).collect();
                println!("{:8} {:4} least GE of each instance:{all}", family.name, kind.letter());
            }
        }
    }
    if part("degenerate") {
        println!("\n{}", Row::heading());
        degenerate::sets(wanted)?.into_iter().try_for_each(|set| report.row("degenerate", set))?;
    }
    if part("examples") {
        println!("\n{}", Row::heading());
        examples::sets(wanted)?.into_iter().try_for_each(|set| report.row("examples", set))?;
    }
    if part("warm") {
        println!("\n{}", Walk::heading());
        for family in trained().filter(|f| f.decisions < 1000) {
            for walk in warm::walks(family)? {
                println!("{}", walk.line());
                report.add("warm", &walk, walk.passed)?;
            }
        }
    }
    if part("batch") {
        println!();
        for family in trained().filter(|f| ["rl6", "rl17", "mpc24"].contains(&f.name)) {
            let batch = batch::batch(family)?;
            println!("{}", batch.line());
            report.add("batch", &batch, batch.passed)?;
        }
        for family in trained().filter(|f| f.name == "rl17") {
            let whole = batch::whole(family)?;
            println!("{}", whole.line());
            report.add("whole", &whole, true)?;
        }
    }
    if part("stream") {
        println!();
        for family in trained().filter(|f| f.name == "rl17") {
            for table in batch::tables(family, number.unwrap_or(STREAMED), &["--stream"])? {
                println!("{}", table.line());
                report.add("stream", &table, true)?;
            }
        }
    }
    if part("growth") {
        println!("\n{}", Row::heading());
        for series in growth::series(names.first().copied(), |row| println!("{}", row.line()))? {
            println!("{}", series.line());
            let file = root().join(format!("docs/growth-{}.svg", series.grows));
            std::fs::write(file, series.picture())?;
            let passed = series.rows.iter().all(|row| row.passed);
            report.add("growth", &series, passed)?;
        }
    }
    report.write()
}

/// Instances of a family, as many as are worth it.
fn set(family: &Family, kind: Kind, full: bool) -> Result<Set, Failure> {
    let count = if family.decisions <= 50 { SMALL } else { LARGE };
    let cases = family.instances(kind, 1.0, count)?.into_iter().map(|instance| {
        let domain = family.domain()?;
        Ok(Case { instance, domain })
    });
    // Minutes each: HiGHS on a random network with 2048 decisions.
    let hopeless = family.decisions > 1000 && kind != Kind::Trained;
    Ok(Set {
        family: family.name.into(),
        kind: kind.letter().into(),
        cases: cases.collect::<Result<_, Failure>>()?,
        target: targets::cold(family.name, kind),
        highs_seconds: if hopeless && !full { 0.0 } else { 5.0 },
    })
}

/// What is written to the file.
#[derive(Default)]
struct Report {
    parts: Map<String, Value>,
    failed: bool,
}

impl Report {
    fn row(&mut self, part: &str, set: Set) -> Result<(), Failure> {
        let row = Row::of(set)?;
        println!("{}", row.line());
        self.add(part, &row, row.passed)
    }

    fn add(&mut self, part: &str, what: &impl serde::Serialize, passed: bool) -> Result<(), Failure> {
        let rows = self.parts.entry(part).or_insert_with(|| json!([]));
        rows.as_array_mut().ok_or("a part that is no list")?.push(serde_json::to_value(what)?);
        self.failed |= !passed;
        Ok(())
    }

    /// Writes `bench/inference.json` in cargo's target folder; parts that did not run stay as they are there. Returns whether all passed.
    fn write(self) -> Result<bool, Failure> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?.join("bench");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("inference.json");
        let old = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut all: Map<String, Value> = old.unwrap_or_default();
        all.extend(self.parts);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        all.insert("cores".into(), json!(cores));
        std::fs::write(&file, serde_json::to_string_pretty(&all)? + "\n")?;
        println!(
            "\nall figures: target/bench/inference.json; {}",
            if self.failed { "FAILED" } else { "all gaps closed" }
        );
        Ok(!self.failed)
    }
}

/// The folder of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
