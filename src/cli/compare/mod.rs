//! `icnn compare`: chosen methods on the same rows, side by side.

mod faults;
mod lines;
mod page;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use icnn::compare::summary::{Compared, MethodSummary, summary};
use icnn::compare::{Question, advice, best, entry, judge};
use icnn::solve::METHODS;
use icnn::{Error, Limits, Method};

use super::input::{Rows, Source};
use super::model::Model;
use super::problem::{Given, Problem};
use super::write::Pending;
use super::{Stop, code, output};

/// Rows that are compared unless --rows says which.
const ROWS: usize = 5;

/// Arguments of `icnn compare`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn compare net.onnx --context rows.npy --lower 0 --upper 1 --rows 0..10 --report net.html\n\n\
    Methods run one after the other, each row cold. One that does not take the network or the domain is listed with the \
    reason. Answers that contradict each other (a lower bound above a value, a value that is not f(y), a point outside of \
    the domain, an open gap called optimal) are a fault of the program: exit code 1, and a folder with everything that \
    reproduces it. See docs/compare.md."
)]
pub struct Args {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    given: Given,
    /// The methods, separated by commas [default: all but auto, which is made of them].
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = method)]
    methods: Vec<Method>,
    /// Rows A to B - 1, or one row A [default: the first 5].
    #[arg(long, value_name = "A..B", value_parser = range)]
    rows: Option<(usize, usize)>,
    /// Minimise f(y) − TAU·H(y), H the entropy of the box (scaled to [0,1]) or of simplices: another problem.
    #[arg(long, value_name = "TAU", allow_negative_numbers = true, value_parser = positive)]
    entropy: Option<f64>,
    /// Largest relative gap of an answer that is called optimal.
    #[arg(long, value_name = "GAP", allow_negative_numbers = true, default_value = "1e-7", value_parser = positive)]
    gap: f64,
    /// Seconds for each method and row.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value = "10", value_parser = positive)]
    time_limit: f64,
    /// Passes over the network for each method and row, forward and backward added up, for methods that call f.
    #[arg(long, value_name = "N")]
    pass_limit: Option<u64>,
    /// Iterations of the solver for each method and row.
    #[arg(long, value_name = "N")]
    iteration_limit: Option<u64>,
    /// Start here, for methods that call f.
    #[arg(long, value_name = "FILE|N", allow_hyphen_values = true)]
    start: Option<Source>,
    /// One JSON object a row and method, with its trace, and a last one with the summary.
    #[arg(long)]
    json: bool,
    /// Write a page with tables and figures; it needs no network, and replaces the file when the run is complete.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Where answers that contradict each other are written [default: ./icnn-fault-N]; the folder must not exist.
    #[arg(long, value_name = "DIR")]
    faults: Option<PathBuf>,
}

fn method(name: &str) -> Result<Method, String> {
    let names: Vec<&str> = METHODS.iter().map(|m| m.name).collect();
    let found = METHODS.iter().find(|m| m.name == name.trim());
    found.map(|m| m.method).ok_or_else(|| format!("the methods are {}", names.join(", ")))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v > 0.0 && v.is_finite() => Ok(v),
        _ => Err("a positive number is expected".into()),
    }
}

fn range(text: &str) -> Result<(usize, usize), String> {
    let wrong = || "rows A..B, A below B, are expected, or one row A".to_string();
    let number = |text: &str| text.parse::<usize>().map_err(|_| wrong());
    let (first, end) = match text.split_once("..") {
        Some((a, b)) => (number(a)?, number(b)?),
        None => (number(text)?, number(text)?.checked_add(1).ok_or_else(wrong)?),
    };
    if first < end { Ok((first, end)) } else { Err(wrong()) }
}

/// All that came out of a run.
struct Comparison<'a> {
    args: &'a Args,
    problem: &'a Problem,
    rows: Vec<Compared>,
    methods: Vec<MethodSummary>,
    advice: Vec<String>,
    /// (row, what is wrong)
    faults: Vec<(usize, judge::Fault)>,
    /// Rows that could not be asked about, and why.
    failed: Vec<(usize, String)>,
}

/// Compares; a method that refuses or fails does not end the run.
pub fn run(args: &Args) -> Result<u8, Stop> {
    // First of all: a folder that cannot be written to is not worth a run.
    let page = args.report.as_deref().map(Pending::create).transpose()?;
    if let Some(folder) = args.faults.as_ref().filter(|folder| folder.symlink_metadata().is_ok()) {
        return Err(Stop::input(format!("--faults {}: it exists", folder.display())));
    }
    let problem = Problem::read(args.model.network()?, &args.given)?;
    let rows = chosen(args, &problem)?;
    let start =
        args.start.as_ref().map(|source| Rows::read(source, problem.network.decisions(), "--start")).transpose()?;
    if let Some(start) = start.as_ref().filter(|start| start.len() != 1 && start.len() != problem.len()) {
        let (found, rows) = (start.len(), problem.len());
        return Err(Stop::input(format!("--start has {found} rows, there are {rows}; one row serves all")));
    }
    let start = |row: usize| start.as_ref().map(|start| start.row(if start.len() == 1 { 0 } else { row }));

    let mut done = Comparison {
        args,
        problem: &problem,
        rows: vec![],
        methods: vec![],
        advice: vec![],
        faults: vec![],
        failed: vec![],
    };
    let mut folders = faults::Folders::new(args);
    for row in rows {
        let (objective, domain) = match asked(&problem, row) {
            Ok(asked) => asked,
            Err(e) => {
                output::row_error(row, &e.to_string(), args.json)?;
                done.failed.push((row, e.to_string()));
                continue;
            }
        };
        let question = Question::new(&objective, &domain, args.entropy)?;
        let compared = compare(args, &question, row, start(row))?;
        let found = judge::faults(&question, args.gap, &compared.entries);
        if !found.is_empty() {
            folders.write(&problem, &question, &compared, start(row), &found)?;
        }
        lines::row(args, &problem, &compared, &found)?;
        done.faults.extend(found.into_iter().map(|fault| (row, fault)));
        done.rows.push(compared);
    }
    done.methods = summary(&done.rows);
    done.advice = advice::advice(&done.rows, &done.methods, args.gap);
    lines::end(&done)?;
    if let Some(page) = page {
        page::write(page, &done)?;
    }
    done.exit_code()
}

fn asked(problem: &Problem, row: usize) -> Result<(icnn::ir::instance::Instance, icnn::Domain), Error> {
    Ok((problem.objective(row)?, problem.domain(row)?))
}

/// The rows to compare.
fn chosen(args: &Args, problem: &Problem) -> Result<std::ops::Range<usize>, Stop> {
    let n = problem.len();
    match args.rows {
        Some((a, b)) if b <= n => Ok(a..b),
        Some((a, b)) => Err(Stop::input(format!("--rows {a}..{b}: there are {n} rows, counted from 0"))),
        None => {
            if n > ROWS {
                eprintln!("icnn: {n} rows; the first {ROWS} are compared, --rows chooses others");
            }
            Ok(0..n.min(ROWS))
        }
    }
}

fn compare(args: &Args, question: &Question<'_>, row: usize, start: Option<&[f64]>) -> Result<Compared, Stop> {
    let time = Duration::try_from_secs_f64(args.time_limit).map_err(|e| Stop::input(format!("--time-limit: {e}")))?;
    let (iterations, passes) = (args.iteration_limit, args.pass_limit);
    let limits = Limits { gap: args.gap, time: Some(time), iterations, passes, ..Limits::default() };
    let mut methods: Vec<Method> = match args.methods.is_empty() {
        // The portfolio is made of the others.
        true => METHODS.iter().map(|m| m.method).filter(|m| *m != Method::Auto).collect(),
        false => args.methods.clone(),
    };
    let mut seen = vec![];
    methods.retain(|m| {
        !seen.contains(m) && {
            seen.push(*m);
            true
        }
    });
    let entries: Vec<_> = methods
        .into_iter()
        .map(|method| {
            tracing::info!(row, method = method.name(), "runs");
            entry(question, method, &limits, start)
        })
        .collect();
    let y = best(&entries).and_then(|k| entries[k].solution()?.y.as_deref());
    let at_best = y.and_then(|y| question.value(y).ok());
    Ok(Compared { row, entries, at_best })
}

impl Comparison<'_> {
    /// Faults first; then rows without an answer; then rows where nobody closed the gap.
    fn exit_code(&self) -> Result<u8, Stop> {
        let refused = |m: &MethodSummary| m.answered == 0;
        if !self.faults.is_empty() {
            return Ok(code::NEGATIVE);
        }
        if !self.methods.is_empty() && self.methods.iter().all(refused) {
            return Ok(code::NEGATIVE);
        }
        let ended = |row: &Compared| {
            let negative = |s: &str| matches!(s, "infeasible" | "unbounded");
            row.entries.iter().any(|e| negative(e.status()))
        };
        Ok(match () {
            () if !self.failed.is_empty() || self.rows.iter().any(ended) => code::NEGATIVE,
            () if self.rows.iter().any(|row| !row.entries.iter().any(|e| e.is_optimal())) => code::STOPPED,
            () => code::SUCCESS,
        })
    }
}
