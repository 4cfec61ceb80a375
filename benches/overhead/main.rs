//! `make bench`: what `icnn solve` costs beyond HiGHS, in time and in memory.
//!
//! For each family a network is written to a file, and two processes take turns: `icnn solve` on that file, and HiGHS
//! alone on the linear program that the file leads to, with the same options. docs/benchmarks.md says what is counted.

#[path = "../families/mod.rs"]
mod families;
mod family;
mod role;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use families::Failure;
use family::{MEASURED, Measured};
use role::{Alone, Stages};
use serde::{Deserialize, Serialize};

/// What is required: whole time and peak memory of `icnn solve`, in units of HiGHS alone.
const LARGEST_TIME: f64 = 1.10;
const LARGEST_MEMORY: f64 = 1.5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["--role", "alone", lp] => role::alone(Path::new(lp)).and_then(|r| print(&r)),
        ["--role", "stages", model, lower, upper, lp] => stages(model, lower, upper, lp).and_then(|r| print(&r)),
        // `cargo bench` adds the flag --bench.
        names => compare(&names.iter().copied().filter(|n| !n.starts_with('-')).collect::<Vec<_>>()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overhead: {error}");
            ExitCode::FAILURE
        }
    }
}

fn stages(model: &str, lower: &str, upper: &str, lp: &str) -> Result<Stages, Failure> {
    role::stages(Path::new(model), (lower.parse()?, upper.parse()?), Path::new(lp))
}

fn print(report: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}

/// One process seen from outside.
struct Run {
    seconds: f64,
    /// Largest resident memory in kB that was seen while it ran.
    peak: u64,
    stdout: Vec<u8>,
}

/// What `icnn solve --json` prints, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    status: String,
    value: f64,
    work: Work,
}

#[derive(Deserialize)]
struct Work {
    iterations: u64,
    solves: u32,
}

/// All figures of one family: medians of the repetitions, and the repetitions.
#[derive(Serialize)]
struct Row {
    family: &'static str,
    size: String,
    rows: usize,
    columns: usize,
    nonzeros: usize,
    iterations: u64,
    /// The process without reading the program.
    highs_seconds: f64,
    /// The calls alone.
    highs_pass_seconds: f64,
    highs_run_seconds: f64,
    icnn_seconds: f64,
    time_ratio: f64,
    /// Of the shortest repetition on each side: what least depends on who else uses the machine.
    time_ratio_of_least: f64,
    /// To the calls alone, as if HiGHS needed no process.
    time_ratio_to_calls: f64,
    load_seconds: f64,
    proof_seconds: f64,
    lower_seconds: f64,
    certificate_seconds: f64,
    highs_megabytes: f64,
    icnn_megabytes: f64,
    memory_ratio: f64,
    highs_repetitions: Vec<f64>,
    icnn_repetitions: Vec<f64>,
}

/// Measures the families named (all, if none is), prints the table and writes the JSON file.
fn compare(names: &[&str]) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    println!(
        "seconds and MB are of whole processes; pass, run, load, proof, lower and cert. are milliseconds of their parts"
    );
    println!("{}", line(COLUMNS.map(|(title, _)| title.to_string())));
    let mut rows = vec![];
    for family in MEASURED.iter().filter(|m| names.is_empty() || names.contains(&m.family.name)) {
        let row = measure(family, folder.path())?;
        println!("{}", row.line());
        rows.push(row);
    }
    let met = rows.iter().all(|r| r.time_ratio <= LARGEST_TIME && r.memory_ratio <= LARGEST_MEMORY);
    let verdict = if met { "met" } else { "NOT met" };
    println!("required: time ≤ {LARGEST_TIME:.2}×, memory ≤ {LARGEST_MEMORY:.2}× HiGHS alone: {verdict}");
    let file = output()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let report = serde_json::json!({ "cores": cores, "met": met, "families": rows });
    std::fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")?;
    Ok(())
}

/// `bench/overhead.json` in cargo's target folder.
fn output() -> Result<PathBuf, Failure> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?;
    std::fs::create_dir_all(target.join("bench"))?;
    Ok(target.join("bench/overhead.json"))
}

fn measure(measured: &Measured, folder: &Path) -> Result<Row, Failure> {
    let family = &measured.family;
    let itself = std::env::current_exe()?;
    let (model, lp) = (folder.join(format!("{}.onnx", family.name)), folder.join(format!("{}.lp", family.name)));
    std::fs::write(&model, measured.onnx())?;
    let (lower, upper) = (family.ends.0.to_string(), family.ends.1.to_string());

    let mut stages = Command::new(&itself);
    stages.args(["--role", "stages"]).arg(&model).args([&lower, &upper]).arg(&lp);
    let times: Vec<Stages> =
        (0..3).map(|_| Ok(serde_json::from_slice(&run(&mut stages)?.stdout)?)).collect::<Result<_, Failure>>()?;

    let mut highs = Command::new(&itself);
    highs.args(["--role", "alone"]).arg(&lp);
    let mut icnn = Command::new(env!("CARGO_BIN_EXE_icnn"));
    icnn.arg("solve").arg(&model).args(["--lower", &lower, "--upper", &upper, "--json", "--proof", "rigorous"]);
    let (mut alone, mut whole): (Vec<(f64, Alone)>, Vec<Run>) = (vec![], vec![]);
    for k in 0..measured.repetitions {
        // Whoever comes second finds the processor warmer; they take turns in that as well.
        for first in [k % 2 == 0, k % 2 != 0] {
            if first {
                let run = run(&mut highs)?;
                let report: Alone = serde_json::from_slice(&run.stdout)?;
                alone.push((run.seconds - report.read, report));
            } else {
                whole.push(run(&mut icnn)?);
            }
        }
    }
    same_work(&alone[0].1, &serde_json::from_slice(&whole[0].stdout)?)?;

    let pairs = || alone.iter().zip(&whole);
    let size = &times[0];
    let megabytes = |kilobytes: u64| kilobytes as f64 / 1024.0;
    Ok(Row {
        family: family.name,
        size: family.size(),
        rows: size.rows,
        columns: size.columns,
        nonzeros: size.nonzeros,
        iterations: alone[0].1.iterations,
        highs_seconds: median(alone.iter().map(|a| a.0)),
        highs_pass_seconds: median(alone.iter().map(|a| a.1.pass)),
        highs_run_seconds: median(alone.iter().map(|a| a.1.run)),
        icnn_seconds: median(whole.iter().map(|w| w.seconds)),
        time_ratio: median(pairs().map(|(a, w)| w.seconds / a.0)),
        time_ratio_of_least: least(whole.iter().map(|w| w.seconds)) / least(alone.iter().map(|a| a.0)),
        time_ratio_to_calls: median(pairs().map(|(a, w)| w.seconds / (a.1.pass + a.1.run))),
        load_seconds: median(times.iter().map(|t| t.load)),
        proof_seconds: median(times.iter().map(|t| t.proof)),
        lower_seconds: median(times.iter().map(|t| t.lower)),
        certificate_seconds: median(times.iter().map(|t| t.certificate)),
        highs_megabytes: median(alone.iter().map(|a| megabytes(a.1.peak))),
        icnn_megabytes: median(whole.iter().map(|w| megabytes(w.peak))),
        memory_ratio: median(pairs().map(|(a, w)| w.peak as f64 / a.1.peak as f64)),
        highs_repetitions: alone.iter().map(|a| a.0).collect(),
        icnn_repetitions: whole.iter().map(|w| w.seconds).collect(),
    })
}

/// Both sides must have solved the same program, once, with the same steps.
fn same_work(alone: &Alone, answer: &Answer) -> Result<(), Failure> {
    let close = (alone.objective - answer.value).abs() <= 1e-6 * alone.objective.abs().max(1.0);
    if answer.status == "optimal" && answer.work.solves == 1 && answer.work.iterations == alone.iterations && close {
        return Ok(());
    }
    let ours = format!("{} {} after {} iterations", answer.status, answer.value, answer.work.iterations);
    Err(format!("not the same work: icnn {ours}, HiGHS {} after {}", alone.objective, alone.iterations).into())
}

/// Runs a process to its end. Its memory is read from the kernel's files once a millisecond; the high-water mark there
/// only ever rises, so what is missed is growth in the last millisecond.
fn run(command: &mut Command) -> Result<Run, Failure> {
    let clock = Instant::now();
    let child = command.stdout(Stdio::piped()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    let (output, seconds, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = role::peak(&status).unwrap_or(0).max(peak);
                std::thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let output = child.wait_with_output();
        let seconds = clock.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (output, seconds, watch.join().unwrap_or(0))
    });
    let output = output?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(Run { seconds, peak, stdout: output.stdout })
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The columns of the table: title and width.
const COLUMNS: [(&str, usize); 19] = [
    ("family", 7),
    ("p; hidden", 15),
    ("rows", 5),
    ("columns", 7),
    ("nonzeros", 8),
    ("HiGHS s", 7),
    ("icnn s", 7),
    ("ratio", 5),
    ("least", 5),
    ("pass", 5),
    ("run", 7),
    ("ratio", 5),
    ("load", 5),
    ("proof", 5),
    ("lower", 5),
    ("cert.", 5),
    ("HiGHS MB", 8),
    ("icnn MB", 7),
    ("ratio", 5),
];

/// A line of cells, the first two flush left.
fn line(cells: [String; COLUMNS.len()]) -> String {
    let cell = |(k, (text, (_, width))): (usize, (String, (&str, usize)))| match k {
        0 | 1 => format!("{text:width$}"),
        _ => format!("{text:>width$}"),
    };
    cells.into_iter().zip(COLUMNS).enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_string()
}

impl Row {
    fn line(&self) -> String {
        let (seconds, ms) = (|s: f64| format!("{s:.3}"), |s: f64| format!("{:.1}", s * 1e3));
        let (ratio, megabytes) = (|r: f64| format!("{r:.2}"), |m: f64| format!("{m:.1}"));
        line([
            self.family.into(),
            self.size.clone(),
            self.rows.to_string(),
            self.columns.to_string(),
            self.nonzeros.to_string(),
            seconds(self.highs_seconds),
            seconds(self.icnn_seconds),
            ratio(self.time_ratio),
            ratio(self.time_ratio_of_least),
            ms(self.highs_pass_seconds),
            ms(self.highs_run_seconds),
            ratio(self.time_ratio_to_calls),
            ms(self.load_seconds),
            ms(self.proof_seconds),
            ms(self.lower_seconds),
            ms(self.certificate_seconds),
            megabytes(self.highs_megabytes),
            megabytes(self.icnn_megabytes),
            ratio(self.memory_ratio),
        ])
    }
}
