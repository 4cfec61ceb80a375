//! `icnn judge`: how good the points of another solver are.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args as ClapArgs;
use icnn::solve::Proof;
use icnn::testing::{Minimum, Verdict};
use icnn::{Error, Limits, Status};
use serde::Serialize;

use super::input::table::{Layout, Table};
use super::model::Model;
use super::problem::{Given, Problem};
use super::{Stop, code, output, rows};

/// Arguments of `icnn judge`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn judge net.onnx --context rows.npy --lower 0 --upper 1 --answers theirs.npy --tol 1e-6\n\n\
    The suboptimality f(y) − min f is an interval: f(y) is enclosed, and min f bounded from both sides by a solve of its own \
    whose bounds are recomputed from the weights. A row is\n  \
    optimal       if the interval's upper end is within --tol\n  \
    suboptimal    if its lower end is beyond: at least so much is lost\n  \
    undecided     if --tol lies in between\n  \
    infeasible    if y violates the set by more than --feasible\n  \
    not a number, wrong length    if there is nothing to judge\n\
    Exit 0 if all rows are optimal, 1 if some are not."
)]
pub struct Args {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    given: Given,
    /// The points: a .json, .npy, .csv or .parquet file with one point a row; one row serves all contexts, and one context all rows.
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// What is called optimal: f(y) − min f ≤ TOL·max(1, |min f|).
    #[arg(long, value_name = "TOL", allow_negative_numbers = true, default_value = "1e-6", value_parser = tolerance)]
    tol: f64,
    /// Largest violation of the set, relative to max(1, |bound|).
    #[arg(long, value_name = "TOL", allow_negative_numbers = true, default_value = "1e-6", value_parser = tolerance)]
    feasible: f64,
    /// The points are meant to maximise f, which is concave in y.
    #[arg(long)]
    maximize: bool,
    /// Seconds for the solve of each row.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    time_limit: Option<Duration>,
    /// Rows judged at the same time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// One JSON object a line: row, verdict, suboptimality, violation, value, lower_bound, upper_bound, proof, seconds.
    #[arg(long)]
    json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v >= 0.0 && v.is_finite() => Ok(v),
        _ => Err("a number of at least 0 is expected".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|e| e.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// One line of `--json`. A number that is infinite or unknown is null.
#[derive(Debug, Clone, Default, Serialize)]
struct Line {
    row: usize,
    verdict: &'static str,
    /// f(y) − min f lies between these two.
    suboptimality: Option<[Option<f64>; 2]>,
    /// Of the set, relative to max(1, |bound|).
    violation: Option<f64>,
    /// f(y)
    value: Option<f64>,
    /// min f lies between these two.
    lower_bound: Option<f64>,
    upper_bound: Option<f64>,
    /// How far the bound of the solve can be trusted.
    proof: Option<Proof>,
    /// Of the solve.
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The points, whatever their lengths, one a row; NaN where a cell is empty.
struct Points {
    values: Vec<f64>,
    ends: Vec<usize>,
}

impl Points {
    /// Errors: a file that is no table, or holds nothing.
    fn read(path: &std::path::Path, p: usize) -> Result<Points, Stop> {
        let name = format!("--answers {}", path.display());
        let table = Table::read(path, Some(f64::NAN)).map_err(|e| Stop::input(format!("{name}: {e}")))?;
        let total = table.values.len();
        let widths = match table.layout {
            Layout::Flat if p == 1 => vec![1; total],
            Layout::Scalar | Layout::Flat => vec![total],
            // As everywhere: exactly p numbers in all are one row, whatever their shape.
            Layout::Rows(widths) if total == p && widths.windows(2).all(|w| w[0] == w[1]) => vec![total],
            Layout::Rows(widths) => widths,
        };
        if total == 0 {
            return Err(Stop::input(format!("{name}: it holds no numbers")));
        }
        let ends = widths.iter().scan(0, |end, w| {
            *end += w;
            Some(*end)
        });
        Ok(Points { ends: ends.collect(), values: table.values })
    }

    fn row(&self, i: usize) -> &[f64] {
        let i = if self.ends.len() == 1 { 0 } else { i };
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.values[start..self.ends[i]]
    }
}

/// Judges all rows; one that cannot be judged does not end the run.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let network = args.model.network()?;
    let p = network.decisions();
    let network = if args.maximize { network.negated() } else { network };
    let problem = Problem::read(network, &args.given)?;
    if args.maximize && !problem.is_plain() {
        return Err(Stop::input("--maximize takes no further terms"));
    }
    let points = Points::read(&args.answers, p)?;
    let context = if problem.network.context_len() > 0 { "--context" } else { "the problem" };
    let count = rows::common([(context, problem.len()), ("--answers", points.ends.len())])?;
    // One problem with many points is solved once.
    let only = OnceLock::new();
    let minimum = |row: usize| {
        let solve = || minimum(args, &problem, row).map_err(|e| e.to_string());
        if problem.len() > 1 { solve() } else { only.get_or_init(solve).clone() }
    };
    let judge = |row: usize| judged(args, row, p, points.row(row), &minimum);
    let panicked = |row: usize| failed(row, "internal error");
    let mut seen: Vec<Line> = vec![];
    rows::in_order(count, args.threads.map(usize::from), judge, panicked, |_, line| {
        if args.json {
            output::json(&line)?
        } else {
            output::line(&text(&line))?
        };
        seen.push(line);
        Ok(())
    })?;
    if !args.json && count > 1 {
        output::line(&summary(&seen, args.tol))?;
    }
    Ok(if seen.iter().all(|l| l.verdict == OPTIMAL) { code::SUCCESS } else { code::NEGATIVE })
}

const OPTIMAL: &str = "optimal";

fn failed(row: usize, message: &str) -> Line {
    Line { row, verdict: "error", message: Some(message.into()), ..Line::default() }
}

fn minimum(args: &Args, problem: &Problem, row: usize) -> Result<(Minimum, f64), Error> {
    let row = if problem.len() == 1 { 0 } else { row };
    let limits = Limits { time: args.time_limit, ..Limits::default() };
    let begun = std::time::Instant::now();
    let minimum = Minimum::of(&problem.objective(row)?, &problem.domain(row)?, &limits)?;
    Ok((minimum, begun.elapsed().as_secs_f64()))
}

fn judged(
    args: &Args,
    row: usize,
    p: usize,
    y: &[f64],
    minimum: &dyn Fn(usize) -> Result<(Minimum, f64), String>,
) -> Line {
    // What is no point is said without a solve.
    let nothing = |verdict, message: String| Line { row, verdict, message: Some(message), ..Line::default() };
    if y.len() != p {
        return nothing("wrong length", format!("y has {} entries, the network takes {p}", y.len()));
    }
    if let Some(j) = y.iter().position(|v| !v.is_finite()) {
        return nothing("not a number", format!("y[{j}] is {}", y[j]));
    }
    let (minimum, seconds) = match minimum(row) {
        Ok(minimum) => minimum,
        Err(message) => return failed(row, &message),
    };
    let value = match minimum.function().forward(y) {
        Ok(trace) => trace.value(),
        Err(e) => return nothing("not a number", e.to_string()),
    };
    let [lower, upper] = match minimum.suboptimality(y) {
        Ok(suboptimality) => suboptimality,
        Err(e) => return failed(row, &e.to_string()),
    };
    let violation = minimum.domain().violation(y);
    let verdict = match minimum.verdict([lower, upper], args.tol) {
        _ if violation.is_nan() || violation > args.feasible => "infeasible",
        Verdict::Optimal => OPTIMAL,
        Verdict::Suboptimal => "suboptimal",
        Verdict::Undecided => "undecided",
    };
    let finite = |v: f64| v.is_finite().then_some(v);
    // Plus 0, so that −0 prints as 0.
    let sign = |v: f64| if args.maximize { 0.0 - v } else { v };
    let bounds = [minimum.lower, minimum.upper].map(|v| finite(v).map(sign));
    let [lower_bound, upper_bound] = if args.maximize { [bounds[1], bounds[0]] } else { bounds };
    let message = match minimum.solution.status {
        Status::Unbounded => Some("f is unbounded below on the set".to_string()),
        Status::Stopped if verdict == "undecided" => minimum.solution.message.clone(),
        _ => None,
    };
    Line {
        row,
        verdict,
        suboptimality: Some([finite(lower), finite(upper)]),
        violation: finite(violation),
        value: Some(sign(value)),
        lower_bound,
        upper_bound,
        proof: Some(minimum.solution.proof),
        seconds: Some(seconds),
        message,
    }
}

fn text(line: &Line) -> String {
    let mut text = format!("row {} {}", line.row, line.verdict);
    if let Some([lower, upper]) = line.suboptimality {
        text.push_str(&match (line.verdict, lower, upper) {
            ("suboptimal", Some(lower), _) => format!(" by at least {lower:.3e}"),
            ("suboptimal", None, _) => String::new(),
            (_, _, Some(upper)) => format!(" within {upper:.1e}"),
            _ => String::new(),
        });
        if let (Some(lower), Some(upper)) = (lower, upper) {
            text.push_str(&format!(" [{lower:.3e}, {upper:.3e}]"));
        }
    }
    if let Some(value) = line.value {
        text.push_str(&format!(" value {}", output::decimal(value)));
    }
    if let Some(violation) = line.violation.filter(|v| *v > 0.0) {
        text.push_str(&format!(" violation {violation:.1e}"));
    }
    if let Some(message) = &line.message {
        text.push_str(&format!(" — {message}"));
    }
    text
}

/// How many rows of each verdict, and what is lost at the median and at the worst row that could be judged.
fn summary(lines: &[Line], tol: f64) -> String {
    let count = |verdict: &str| lines.iter().filter(|l| l.verdict == verdict).count();
    let verdicts = ["suboptimal", "undecided", "infeasible", "not a number", "wrong length", "error"];
    let others = verdicts.iter().filter(|v| count(v) > 0).map(|v| format!(", {} {v}", count(v)));
    let optimal = format!("{} of {} rows optimal within {tol:e}", count(OPTIMAL), lines.len());
    let mut losses: Vec<[f64; 2]> = vec![];
    for line in lines.iter().filter(|l| l.verdict != "infeasible") {
        if let Some([lower, upper]) = line.suboptimality {
            losses.push([lower.unwrap_or(f64::NEG_INFINITY), upper.unwrap_or(f64::INFINITY)]);
        }
    }
    losses.sort_by(|a, b| a[1].total_cmp(&b[1]));
    let place = |what: &str, k: usize| {
        let [lower, upper] = losses[k];
        format!("; {what} suboptimality [{lower:.1e}, {upper:.1e}]")
    };
    let places = match losses.len() {
        0 => String::new(),
        n => place("median", (n - 1) / 2) + &place("worst", n - 1),
    };
    optimal + &others.collect::<String>() + &places
}
