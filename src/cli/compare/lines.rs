//! What `icnn compare` prints: a table a row or one for all, or JSON.

use icnn::compare::advice::duration;
use icnn::compare::judge::Fault;
use icnn::compare::summary::{Compared, MethodSummary, Spread};
use icnn::compare::{Entry, Outcome, best, best_bound};
use icnn::solve::{Proof, Work};
use icnn_solvers::run::Progress;
use serde::Serialize;

use super::table::{aligned, count, small, value};
use super::{Args, Comparison};
use crate::cli::problem::Problem;
use crate::cli::{Stop, output};

/// One line of `--json`: a method at a row.
#[derive(Debug, Serialize)]
struct Line<'a> {
    row: usize,
    method: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    answer: Option<Answer<'a>>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    y: &'a Option<Vec<f64>>,
    value: Option<f64>,
    /// f alone, where something else is minimised.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<f64>,
    /// τ of the entropic problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    entropy: Option<f64>,
    lower_bound: Option<f64>,
    gap: Option<f64>,
    distance: Option<f64>,
    proof: Proof,
    seconds: f64,
    work: &'a Work,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    trace: &'a [Progress],
}

/// The last line of `--json`.
#[derive(Debug, Serialize)]
struct End<'a> {
    summary: Summary<'a>,
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    /// `min f(y)`, or with the entropy.
    problem: String,
    rows: Vec<usize>,
    gap: f64,
    methods: &'a [MethodSummary],
    /// For each row the method whose y the others are measured against, and the largest lower bound.
    best: Vec<Best>,
    advice: &'a [String],
    faults: Vec<RowFault<'a>>,
}

#[derive(Debug, Serialize)]
struct Best {
    row: usize,
    method: Option<&'static str>,
    value: Option<f64>,
    lower_bound: Option<f64>,
}

#[derive(Debug, Serialize)]
struct RowFault<'a> {
    row: usize,
    #[serde(flatten)]
    fault: &'a Fault,
}

/// Prints a row as soon as it is there.
pub fn row(args: &Args, problem: &Problem, compared: &Compared, faults: &[Fault]) -> Result<(), Stop> {
    if args.json {
        return compared.entries.iter().try_for_each(|entry| output::json(&line(compared, entry)));
    }
    let one = problem.len() == 1 || args.rows.is_some_and(|(a, b)| b - a == 1);
    let p = problem.network.decisions();
    let n = compared.entries.len();
    let methods = format!("{n} method{}", if n == 1 { "" } else { "s" });
    let contradict = if faults.is_empty() { "" } else { ", answers that contradict each other" };
    let decisions = if p == 1 { "decision" } else { "decisions" };
    output::line(&format!("row {}: {} over {p} {decisions}, {methods}{contradict}", compared.row, formula(args)))?;
    output::line(&of_row(compared))?;
    if one { Ok(()) } else { output::line("") }
}

/// Prints what is about all rows.
pub fn end(done: &Comparison<'_>) -> Result<(), Stop> {
    if done.args.json {
        let best = |row: &Compared| {
            let entry = best(&row.entries).map(|k| &row.entries[k]);
            Best {
                row: row.row,
                method: entry.map(|e| e.method.name()),
                value: entry.and_then(|e| e.solution()?.value),
                lower_bound: best_bound(&row.entries),
            }
        };
        let summary = Summary {
            problem: formula(done.args),
            rows: done.rows.iter().map(|row| row.row).collect(),
            gap: done.args.gap,
            methods: &done.methods,
            best: done.rows.iter().map(best).collect(),
            advice: &done.advice,
            faults: done.faults.iter().map(|(row, fault)| RowFault { row: *row, fault }).collect(),
        };
        return output::json(&End { summary });
    }
    if done.rows.len() > 1 {
        output::line(&format!("{} rows: median / worst", done.rows.len()))?;
        output::line(&of_all(&done.methods, done.rows.len()))?;
    }
    for (reason, methods) in reasons(&done.methods) {
        output::line(&format!("{}: {reason}", methods.join(", ")))?;
    }
    done.advice.iter().try_for_each(|line| output::line(line))?;
    done.faults.iter().try_for_each(|(row, fault)| output::line(&format!("FAULT row {row}: {}", fault.message)))
}

/// What is minimised.
pub fn formula(args: &Args) -> String {
    args.entropy.map_or("min f(y)".into(), |tau| format!("min f(y) − {tau}·H(y)"))
}

/// Why methods did not take part, each reason once.
pub fn reasons(methods: &[MethodSummary]) -> Vec<(&str, Vec<&'static str>)> {
    let mut all: Vec<(&str, Vec<&'static str>)> = vec![];
    for method in methods {
        let Some(reason) = method.reason.as_deref() else { continue };
        match all.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(method.method),
            None => all.push((reason, vec![method.method])),
        }
    }
    all
}

fn line<'a>(compared: &'a Compared, entry: &'a Entry) -> Line<'a> {
    let reason = match &entry.outcome {
        Outcome::Refused(reason) | Outcome::Failed(reason) => Some(reason.as_str()),
        _ => None,
    };
    let answer = entry.solution().map(|s| Answer {
        y: &s.y,
        value: s.value,
        f: s.f,
        entropy: s.entropy,
        lower_bound: s.lower_bound,
        gap: s.gap,
        distance: compared.distance(s),
        proof: s.proof,
        seconds: s.seconds,
        work: &s.work,
        message: s.message.as_deref(),
        trace: &s.trace,
    });
    Line { row: compared.row, method: entry.method.name(), status: entry.status(), reason, answer }
}

fn of_row(compared: &Compared) -> String {
    let head = ["method", "status", "value", "gap", "distance", "forward", "backward", "iterations", "time"];
    let or = |v: Option<f64>, form: fn(f64) -> String| v.map_or("–".to_string(), form);
    let rows: Vec<Vec<String>> = compared
        .entries
        .iter()
        .map(|entry| {
            let mut cells = vec![entry.method.name().to_string(), entry.status().to_string()];
            if let Some(s) = entry.solution() {
                cells.extend([or(s.value, value), or(s.gap, small), or(compared.distance(s), small)]);
                let work = [u64::from(s.work.forward), u64::from(s.work.backward), s.work.iterations];
                cells.extend(work.map(|n| n.to_string()));
                cells.push(duration(s.seconds));
            }
            cells
        })
        .collect();
    aligned(&head, &rows)
}

fn of_all(methods: &[MethodSummary], n: usize) -> String {
    let head = ["method", "optimal", "value", "gap", "distance", "forward", "backward", "iterations", "time"];
    let pair = |spread: Option<Spread>, form: fn(f64) -> String| {
        spread.map_or("–".to_string(), |s| format!("{} / {}", form(s.median), form(s.worst)))
    };
    let rows: Vec<Vec<String>> = methods
        .iter()
        .map(|m| {
            if m.reason.is_some() {
                return vec![m.method.to_string(), "no answer".to_string()];
            }
            vec![
                m.method.to_string(),
                format!("{} of {n}", m.optimal),
                pair(m.value, value),
                pair(m.gap, small),
                pair(m.distance, small),
                pair(m.forward, count),
                pair(m.backward, count),
                pair(m.iterations, count),
                pair(m.seconds, duration),
            ]
        })
        .collect();
    aligned(&head, &rows)
}
