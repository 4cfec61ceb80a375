//! Many contexts: throughput of the library on one thread and two, and the program on a long stream of contexts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use icnn::solve::batch::Session;
use icnn::{Limits, Network, Status};
use serde::Serialize;

use crate::families::{Failure, Family, Kind, folder};
use crate::measure::{ASKED, OURS};
use crate::process::{Ran, heard, run};
use crate::stream::Contexts;
use crate::table::quantile;

/// Contexts of a batch, and how often it is solved on each number of threads.
const CONTEXTS: usize = 1000;
const TURNS: usize = 5;

/// What two threads have to be worth.
const LEAST_GAIN: f64 = 1.8;

/// Rounds of the whole process, of which the fastest count.
const ROUNDS: usize = 101;

/// A batch in one process.
#[derive(Debug, Serialize)]
pub struct Batch {
    family: &'static str,
    contexts: usize,
    /// The least seconds on one thread and on two.
    seconds: [f64; 2],
    /// The median over the turns of seconds on one thread over those on two.
    gain: f64,
    met: bool,
    /// Whether all contexts were solved.
    pub passed: bool,
}

/// The batch of a trained family.
///
/// Errors: those of the solves.
pub fn batch(family: &'static Family) -> Result<Batch, Failure> {
    let (network, _) = family.network(Kind::Trained)?;
    let mut contexts = Contexts::of(family)?;
    let rows: Vec<Vec<f64>> = (0..CONTEXTS).map(|_| contexts.draw()).collect();
    let session = Session::new(family.domain()?, OURS, Limits { gap: ASKED, ..Limits::default() });
    let pool = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [pool(1)?, pool(2)?];
    let (mut times, mut passed) = ([vec![], vec![]], true);
    for _ in 0..TURNS {
        for (pool, times) in pools.iter().zip(&mut times) {
            let clock = Instant::now();
            let answers = pool.install(|| session.minimize_all(&network, &rows));
            times.push(clock.elapsed().as_secs_f64());
            passed &= answers.iter().all(|a| a.as_ref().is_ok_and(|a| a.status == Status::Optimal));
        }
    }
    let least = |times: &[f64]| quantile(times.iter().copied(), 0.0);
    let gain = quantile(times[0].iter().zip(&times[1]).map(|(one, two)| one / two), 0.5);
    let seconds = [least(&times[0]), least(&times[1])];
    Ok(Batch { family: family.name, contexts: CONTEXTS, seconds, gain, met: gain >= LEAST_GAIN, passed })
}

impl Batch {
    /// In words.
    pub fn line(&self) -> String {
        let [one, two] = self.seconds.map(|s| self.contexts as f64 / s);
        let met = if self.met { "met" } else { "NOT met" };
        let failed = if self.passed { "" } else { "  FAILED" };
        format!(
            "{:8} {} contexts: {one:.0}/s on one thread, {two:.0}/s on two: {:.2}x (≥ {LEAST_GAIN}x: {met}){failed}",
            self.family, self.contexts, self.gain
        )
    }
}

/// The program on long tables.
#[derive(Debug, Serialize)]
pub struct Table {
    contexts: usize,
    seconds: f64,
    megabytes: f64,
    /// The table itself.
    file_megabytes: f64,
}

/// `icnn solve` on tables of contexts of a trained family, each ten times as long as the one before: up to `most` of them.
///
/// Errors: no room for the tables; a process that does not end well.
pub fn tables(family: &'static Family, most: usize, options: &[&str]) -> Result<Vec<Table>, Failure> {
    let place = tempfile::tempdir()?;
    let mut lengths: Vec<usize> = std::iter::successors(Some(most), |n| Some(n / 10)).take(3).collect();
    lengths.reverse();
    let table = |n: usize| {
        let file = place.path().join("contexts.npy");
        write(&mut Contexts::of(family)?, n, &file)?;
        let file_megabytes = file.metadata()?.len() as f64 / f64::from(1 << 20);
        let Ran { seconds, megabytes, .. } = run(solve(Path::new(PROGRAM), family, &file).args(options), false)?;
        Ok(Table { contexts: n, seconds, megabytes, file_megabytes })
    };
    lengths.into_iter().filter(|n| *n > 0).map(table).collect()
}

impl Table {
    /// In words.
    pub fn line(&self) -> String {
        format!(
            "{:7} contexts in a file of {:6.1} MB: {:7.2} s, {:6.0}/s, {:6.1} MB at most",
            self.contexts,
            self.file_megabytes,
            self.seconds,
            self.contexts as f64 / self.seconds,
            self.megabytes
        )
    }
}

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_icnn");

/// `icnn solve` on a table of contexts.
fn solve(program: &Path, family: &Family, contexts: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("solve").arg(folder().join(format!("{}.onnx", family.name))).arg("--context").arg(contexts);
    let (lower, upper) = (family.ends.0.to_string(), family.ends.1.to_string());
    command.args(["--json", "--proof", "rigorous", "--method", OURS.name(), "--gap", &ASKED.to_string()]);
    command.args(["--lower", &lower, "--upper", &upper]);
    command
}

/// `n` contexts as an NPY file of f32, each drawn anew.
fn write(contexts: &mut Contexts, n: usize, file: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::new(File::create(file)?);
    for k in 0..n {
        let x = contexts.draw();
        if k == 0 {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {}), }}", x.len());
            let header = format!("{header:117}\n");
            out.write_all(b"\x93NUMPY\x01\x00")?;
            out.write_all(&(header.len() as u16).to_le_bytes())?;
            out.write_all(header.as_bytes())?;
        }
        let bytes: Vec<u8> = x.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

/// The whole program for one context, and what it is made of: the least of several runs.
#[derive(Debug, Serialize)]
pub struct Whole {
    family: &'static str,
    /// Seconds of `icnn solve`, of `icnn --version`, and of a process that does nothing, `true`.
    process: f64,
    version: f64,
    nothing: f64,
    /// Seconds in that process, which touches memory and code first: until it begins to read the model, reading it, and of the solve
    /// by its own account.
    start: f64,
    read: f64,
    solve: f64,
    /// Seconds of reading and of a solve in this process, which has done both before.
    read_again: f64,
    solve_again: f64,
}

/// One context of a trained family.
///
/// Errors: those of the solves; a process that does not end well.
pub fn whole(family: &'static Family) -> Result<Whole, Failure> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("context.npy");
    write(&mut Contexts::of(family)?, 1, &file)?;
    // A copy, as an installed one is: what a linker has just written is scattered in memory, and begins more slowly.
    let program = place.path().join("icnn");
    std::fs::copy(PROGRAM, &program)?;
    let model = folder().join(format!("{}.onnx", family.name));
    let x = Contexts::of(family)?.draw();
    let session = Session::new(family.domain()?, OURS, Limits { gap: ASKED, ..Limits::default() });
    let mut least = [f64::INFINITY; 8];
    for _ in 0..ROUNDS {
        let process = run(&mut solve(&program, family, &file), true)?;
        let answer: serde_json::Value = serde_json::from_slice(&process.output)?;
        let alone = answer["seconds"].as_f64().ok_or("icnn solve did not say how long it took")?;
        let version = run(Command::new(&program).arg("--version"), true)?;
        let nothing = run(&mut Command::new("true"), true)?;
        let [start, read] = heard(solve(&program, family, &file).arg("-v"), ["reading", "loaded"])?;
        let clock = Instant::now();
        let instance = Network::load(&model)?.given(&x)?;
        let read_again = clock.elapsed().as_secs_f64();
        session.minimize(&instance)?;
        let solve_again = clock.elapsed().as_secs_f64() - read_again;
        let seen = [process.seconds, version.seconds, nothing.seconds, start, read, alone, read_again, solve_again];
        for (least, seconds) in least.iter_mut().zip(seen) {
            *least = least.min(seconds);
        }
    }
    let [process, version, nothing, start, read, solve, read_again, solve_again] = least;
    // Of two moments, each as early as it was ever seen: a line that is noticed late takes nothing from what comes after it.
    let read = read - start;
    Ok(Whole { family: family.name, process, version, nothing, start, read, solve, read_again, solve_again })
}

impl Whole {
    /// In words.
    pub fn line(&self) -> String {
        let ms = |s: f64| format!("{:.2}", 1e3 * s);
        format!(
            "{:8} one context, ms: icnn solve {} = start {} + reading the model {} + solve {} + the rest {}\n         \
             a process that does nothing {}, icnn --version {}; in a process that goes on: reading {}, solve {}",
            self.family,
            ms(self.process),
            ms(self.start),
            ms(self.read),
            ms(self.solve),
            ms(self.process - self.start - self.read - self.solve),
            ms(self.nothing),
            ms(self.version),
            ms(self.read_again),
            ms(self.solve_again)
        )
    }
}
