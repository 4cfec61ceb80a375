//! What `icnn solve` prints: a line a row, in order, and how the run ended.

use std::io::IsTerminal;

use icnn::certificate::Farkas;
use icnn::solve::duals::{Duals, Side};
use icnn::solve::{Proof, Work};
use icnn::{Domain, Error, Solution, Status};
use icnn_solvers::run::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Args;
use super::certificate::{Certificate, Entered};
use super::face::Face;
use crate::cli::answers::{Answer as Entry, Answers};
use crate::cli::problem::Problem;
use crate::cli::{Stop, code, output};

/// One line of `--json`. Maximising, the bound is an upper one.
#[derive(Debug, Serialize)]
struct Line<'a> {
    row: usize,
    status: &'a Status,
    method: &'static str,
    y: &'a Option<Vec<f64>>,
    value: Option<f64>,
    /// f alone, where other terms make up the value with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<f64>,
    /// τ, where f − τH was minimised.
    #[serde(skip_serializing_if = "Option::is_none")]
    entropy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_bound: Option<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_bound: Option<Option<f64>>,
    gap: Option<f64>,
    proof: Proof,
    seconds: f64,
    work: &'a Work,
    #[serde(skip_serializing_if = "Option::is_none")]
    ray: &'a Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    farkas: &'a Option<Farkas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duals: Option<&'a Duals>,
    #[serde(flatten)]
    face: Option<&'a Face>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a [Progress]>,
}

/// The answer of one row, with what else was asked for.
pub struct Solved {
    pub solution: Box<Solution>,
    /// f alone, where other terms are minimised with it.
    pub f: Option<f64>,
    /// The optimal face.
    pub face: Option<Face>,
    /// The entry of a certificate.
    pub proof: Option<Entered>,
}

/// What came out of one row.
pub enum Answer {
    Solved(Solved),
    /// Fails at this row.
    Failed(String),
    /// The network itself does not allow it, most likely at every row.
    Refused(Error),
}

impl From<Result<Solved, Error>> for Answer {
    fn from(result: Result<Solved, Error>) -> Answer {
        match result {
            Ok(solved) => Answer::Solved(solved),
            Err(
                e @ (Error::NotProven { .. }
                | Error::Concave
                | Error::Lowering { .. }
                | Error::MissingFeature(_)
                | Error::Method { .. }
                | Error::Objective(_)
                | Error::Domain(_)),
            ) => Answer::Refused(e),
            Err(e) => Answer::Failed(e.to_string()),
        }
    }
}

/// Prints rows in order and remembers how the run went.
pub struct Report<'a> {
    args: &'a Args,
    problem: &'a Problem,
    bar: Option<ProgressBar>,
    answers: Option<Answers>,
    certificate: Option<Certificate>,
    /// Rows refused before any other answer came; when all are, that is said once.
    refused: Vec<(usize, Error)>,
    others: bool,
    failed: bool,
    stopped: bool,
    unbounded: bool,
}

impl<'a> Report<'a> {
    pub fn new(
        args: &'a Args,
        problem: &'a Problem,
        answers: Option<Answers>,
        certificate: Option<Certificate>,
    ) -> Report<'a> {
        let rows = problem.len();
        let bar = (rows > 1 && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left");
            ProgressBar::new(rows as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let (failed, stopped, unbounded) = (false, false, false);
        Report { args, problem, bar, answers, certificate, refused: vec![], others: false, failed, stopped, unbounded }
    }

    pub fn take(&mut self, row: usize, answer: Answer) -> Result<(), Stop> {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        match answer {
            Answer::Refused(error) if !self.others => {
                self.refused.push((row, error));
                return Ok(());
            }
            _ => self.others = true,
        }
        for (row, error) in std::mem::take(&mut self.refused) {
            self.error(row, &self.explain(&error))?;
        }
        match answer {
            Answer::Solved(solved) => {
                self.solved(row, &solved)?;
                match (&mut self.certificate, solved.proof) {
                    (Some(certificate), Some(Ok(entry))) => certificate.put(entry),
                    (Some(_), Some(Err(reason))) => {
                        self.failed = true;
                        self.above_bar(|| output::remark(&format!("row {row}: no certificate: {reason}")))
                    }
                    _ => Ok(()),
                }
            }
            Answer::Failed(message) => self.error(row, &message),
            Answer::Refused(error) => self.error(row, &self.explain(&error)),
        }
    }

    pub fn finish(self) -> Result<u8, Stop> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if let Some((_, error)) = self.refused.first() {
            let message = match (self.refused.len(), self.explain(error)) {
                (1, message) => message,
                (n, message) => format!("{message}\n  (so it is, or much the same, at all {n} context rows)"),
            };
            return Err(match error {
                Error::NotProven { .. } | Error::Concave => Stop::negative(message),
                _ => Stop::input(message),
            });
        }
        if let Some(answers) = self.answers {
            answers.finish()?;
        }
        if let Some(certificate) = self.certificate {
            certificate.finish()?;
        }
        if self.unbounded && self.args.given.set.open() {
            eprintln!("icnn: the box is open; --lower and --upper bound y");
        }
        Ok(match (self.stopped, self.failed) {
            (true, _) => code::STOPPED,
            (false, true) => code::NEGATIVE,
            (false, false) => code::SUCCESS,
        })
    }

    fn solved(&mut self, row: usize, solved: &Solved) -> Result<(), Stop> {
        let solution = &*solved.solution;
        match solution.status {
            Status::Optimal => {}
            Status::Stopped => self.stopped = true,
            Status::Infeasible => self.failed = true,
            Status::Unbounded => (self.failed, self.unbounded) = (true, true),
        }
        let line = Line { face: solved.face.as_ref(), ..Self::line(self.args, row, solution, solved.f) };
        let status = format!("{:?}", line.status).to_lowercase();
        let entry = Entry {
            row,
            status: &status,
            value: line.value,
            bound: line.lower_bound.or(line.upper_bound).flatten(),
            gap: line.gap,
            y: line.y.as_deref(),
            message: line.message.as_deref(),
        };
        self.answers.as_mut().map_or(Ok(()), |answers| answers.put(&entry, &line))?;
        self.above_bar(|| if self.args.json { output::json(&line) } else { output::line(&self.text(&line)) })
    }

    fn error(&mut self, row: usize, message: &str) -> Result<(), Stop> {
        self.failed = true;
        let entry = Entry { row, status: "error", message: Some(message), ..Entry::default() };
        let object = output::RowError { row, error: message };
        self.answers.as_mut().map_or(Ok(()), |answers| answers.put(&entry, &object))?;
        self.above_bar(|| output::row_error(row, message, self.args.json))
    }

    /// Prints without tearing the progress bar.
    fn above_bar(&self, print: impl FnOnce() -> Result<(), Stop>) -> Result<(), Stop> {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// A refusal in terms of what was asked for.
    fn explain(&self, error: &Error) -> String {
        match error {
            Error::Concave if self.args.maximize => {
                "the network is convex in y, not concave: minimise it, without --maximize".into()
            }
            Error::NotProven { reason } if self.args.maximize => format!(
                "the network is not proven concave in y (−f is not proven convex): {reason}\n  a smaller box (--lower, --upper) can make a proof possible"
            ),
            other => other.to_string(),
        }
    }

    fn line<'s>(args: &Args, row: usize, s: &'s Solution, f: Option<f64>) -> Line<'s> {
        let (max, bound) = (args.maximize, s.lower_bound);
        // Plus 0, so that −0 prints as 0.
        let sign = |v: f64| if max { 0.0 - v } else { v };
        Line {
            row,
            status: &s.status,
            method: s.method,
            y: &s.y,
            value: s.value.map(sign),
            f: f.or(s.f.map(sign)),
            entropy: s.entropy,
            lower_bound: (!max).then_some(bound),
            upper_bound: max.then_some(bound.map(sign)),
            gap: s.gap,
            proof: s.proof,
            seconds: s.seconds,
            work: &s.work,
            ray: &s.ray,
            farkas: &s.farkas,
            duals: s.duals.as_ref().filter(|_| args.duals),
            face: None,
            message: &s.message,
            trace: args.trace.then_some(&s.trace),
        }
    }

    fn text(&self, line: &Line) -> String {
        let status = format!("{:?}", line.status).to_lowercase();
        let mut text = format!("row {} {status}", line.row);
        if let Some(tau) = line.entropy {
            let sign = if self.args.maximize { '+' } else { '−' };
            text.push_str(&format!(" (f {sign} {tau}·H)"));
        }
        if let Some(value) = line.value {
            text.push_str(&format!(" value {}", output::decimal(value)));
        }
        if let Some(f) = line.f {
            text.push_str(&format!(" f {}", output::decimal(f)));
        }
        for (name, bound) in [("lower", line.lower_bound), ("upper", line.upper_bound)] {
            if let Some(bound) = bound.flatten() {
                text.push_str(&format!(" {name} bound {}", output::decimal(bound)));
            }
        }
        if let Some(gap) = line.gap {
            text.push_str(&format!(" gap {gap:.1e}"));
        }
        text.push_str(&format!(" {:.3} s", line.seconds));
        if let Some(y) = line.y {
            let place = self.problem.sides(line.row).map_or_else(|_| output::brief(y), |sides| place(y, &sides));
            text.push_str(&format!(" y {place}"));
        }
        if let Some(message) = line.message {
            let of = if self.args.maximize { " (of −f)" } else { "" };
            text.push_str(&format!(" —{of} {message}"));
        }
        if let Some(face) = line.face {
            text.push_str(&face.text());
        }
        if let Some(duals) = line.duals {
            text.push_str(&multipliers(duals));
        }
        text
    }
}

/// The multipliers that are not 0, nor rounding errors beside the largest, one a line.
fn multipliers(duals: &Duals) -> String {
    let mut text = String::new();
    let kinds = [("row", &duals.rows), ("constraint", &duals.constraints), ("bound of", &duals.bounds)];
    let largest = kinds.iter().flat_map(|(_, all)| all.iter()).fold(0.0f64, |m, d| m.max(d.multiplier.abs()));
    let least = 1e-14 * largest;
    for (kind, all) in kinds {
        for dual in all.iter().filter(|d| d.multiplier.abs() > least) {
            if dual.side == Side::Fixed {
                continue;
            }
            let side = if dual.multiplier > 0.0 { "lower" } else { "upper" };
            let at = dual.at.map_or(String::new(), |at| format!(", {at:.6}"));
            let m = dual.multiplier;
            let size = if (1e-3..1e6).contains(&m.abs()) { format!("{m:.6}") } else { format!("{m:.6e}") };
            text.push_str(&format!("\n  {kind} {}: multiplier {size} on its {side} side{at}", dual.name));
        }
    }
    text
}

/// A point in words: its entries if they are few, otherwise how they lie in the box.
pub fn place(y: &[f64], domain: &Domain) -> String {
    if y.len() <= 8 {
        return output::brief(y);
    }
    let (lower, upper) = (domain.lower(), domain.upper());
    let count = |test: &dyn Fn(usize) -> bool| (0..y.len()).filter(|j| test(*j)).count();
    let fixed = count(&|j| lower[j] == upper[j]);
    let low = count(&|j| y[j] == lower[j] && y[j] != upper[j]);
    let high = count(&|j| y[j] == upper[j] && y[j] != lower[j]);
    let inside = y.len() - fixed - low - high;
    let given = if fixed == 0 { String::new() } else { format!(", {fixed} fixed") };
    format!("({} coordinates: {low} at their lower bound, {high} at their upper, {inside} between{given})", y.len())
}
