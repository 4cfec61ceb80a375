//! `--stream`: the rows are a trajectory. Each is read, solved from the solution before it, and written, before the file is read any
//! further than a few rows ahead.
//!
//! Every [`BLOCK`]th row starts anew, so that blocks can be solved on several threads and answers do not depend on their number.

use std::panic::{AssertUnwindSafe, catch_unwind};

use icnn::Solution;
use icnn::solve::batch::Session;

use super::report::{Answer, Report, Solved};
use super::{Args, face};
use crate::cli::input::stream::RowStream;
use crate::cli::problem::Problem;
use crate::cli::{Stop, rows};

/// Rows from one start without a previous solution to the next.
const BLOCK: usize = 64;

/// Rows that follow each other.
struct Block {
    first: usize,
    rows: Vec<Vec<f64>>,
}

/// Solves the rows of `stream`; `session` has the domain, if it is the same at all rows.
pub fn run(
    args: &Args,
    problem: &Problem,
    session: &Session,
    mut stream: RowStream,
    mut report: Report<'_>,
) -> Result<u8, Stop> {
    let solved = |x: &[f64], previous: Option<&Solution>| {
        let solved = || {
            let f = problem.network.given(x)?;
            let objective = problem.objective_of(&f, 0, x)?;
            let other = match problem.common_domain() {
                Some(_) => None,
                None => Some(session.over(problem.domain_at(0, x)?)),
            };
            let session = other.as_ref().unwrap_or(session);
            let solution = match previous {
                Some(previous) => session.minimize_from(&objective, previous)?,
                None => session.minimize(&objective)?,
            };
            let (solution, face) = face::of(args, solution, &objective, session)?;
            let value = match (&solution.y, problem.is_plain()) {
                (Some(y), false) => Some(f.forward(y)?.value()),
                _ => None,
            };
            Ok(Solved { solution: Box::new(solution), f: value, face, proof: None })
        };
        let panicked = |_| Answer::Failed("internal error".into());
        catch_unwind(AssertUnwindSafe(|| solved().into())).unwrap_or_else(panicked)
    };
    let mut take = |row: usize, answer: Answer| {
        // What the network does not allow at the first row it does not at any other.
        let ends = row == 0 && matches!(answer, Answer::Refused(_));
        report.take(row, answer).map(|()| ends)
    };

    let threads = args.threads.map(usize::from);
    let threads = threads.unwrap_or_else(|| if stream.is_live() { 1 } else { rows::cores() });
    if threads == 1 {
        let (mut row, mut last) = (0, None);
        while let Some(x) = stream.next()? {
            let previous = last.take().filter(|_| row % BLOCK != 0);
            let answer = solved(&x, previous.as_ref());
            if let Answer::Solved(of) = &answer {
                last = Some(of.solution.as_ref().clone());
            }
            if take(row, answer)? {
                break;
            }
            row += 1;
        }
        return report.finish();
    }
    let (mut row, mut broken) = (0, None);
    let next = || {
        let mut block = Block { first: row, rows: vec![] };
        while block.rows.len() < BLOCK && broken.is_none() {
            match stream.next() {
                Ok(Some(x)) => block.rows.push(x),
                Ok(None) => break,
                Err(stop) => broken = Some(stop),
            }
        }
        row += block.rows.len();
        (!block.rows.is_empty()).then_some(block)
    };
    let work = |block: Block| {
        let mut answers: Vec<Answer> = Vec::with_capacity(block.rows.len());
        for x in &block.rows {
            let previous = match answers.last() {
                Some(Answer::Solved(of)) => Some(of.solution.as_ref()),
                _ => None,
            };
            answers.push(solved(x, previous));
        }
        (block.first, answers)
    };
    rows::of_stream(next, threads, work, |(first, answers)| {
        for (row, answer) in (first..).zip(answers) {
            if take(row, answer)? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    match broken {
        Some(stop) => {
            report.finish()?;
            Err(stop)
        }
        None => report.finish(),
    }
}
