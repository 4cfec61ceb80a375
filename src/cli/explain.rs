//! `icnn explain`: why the minimum of a row is where it is, what would move it, or why there is none.

use clap::Args as ClapArgs;
use icnn::explain::{Explanation, Options, Sensitivity, WIDEST, context_sensitivity, explain};
use icnn::solve::Proof;
use icnn::{Error, Status};
use serde::Serialize;

use super::model::Model;
use super::problem::{Given, Problem};
use super::{Stop, code, output, rows};

mod text;

/// Arguments of `icnn explain`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn explain net.onnx --context rows.npy --row 3 --lower 0 --upper 1\n\n\
    An optimum: the units at their kink, the bounds and rows it stands at, and how the optimal value changes with each \
    bound, row, level and context entry. Where the derivative does not exist, the one to the left and the one to the \
    right are given.\n\
    No feasible point: a smallest set of bounds and rows that contradict each other. No minimum: the ray, and the bounds \
    that would stop it. See docs/explain.md.")]
pub struct Args {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    given: Given,
    /// Explain this row alone, counted from 0.
    #[arg(long, value_name = "K")]
    row: Option<usize>,
    /// Leave out all derivatives of the optimal value.
    #[arg(long, conflicts_with = "context_sensitivity")]
    no_sensitivity: bool,
    /// Derivatives by context entries (and by fixed coordinates in which f is not convex) even if there are more than 256:
    /// each costs six to ten solves.
    #[arg(long)]
    context_sensitivity: bool,
    /// Rows explained at the same time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// One JSON object a line, with everything.
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    row: usize,
    status: &'a Status,
    value: Option<f64>,
    lower_bound: Option<f64>,
    gap: Option<f64>,
    proof: Proof,
    y: &'a Option<Vec<f64>>,
    #[serde(flatten)]
    optimum: Option<&'a icnn::explain::Optimum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a [Sensitivity]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    infeasible: Option<&'a icnn::explain::Conflict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unbounded: Option<&'a icnn::explain::Descent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: &'a Option<String>,
}

/// An explained row.
struct Row {
    explanation: Explanation,
    /// Derivatives by context entries, where they were asked for.
    context: Option<Vec<Sensitivity>>,
    /// Entries of the context that were left out.
    left_out: usize,
}

/// Explains all rows, or one. A row that fails does not end the run, unless it is the only one.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let network = args.model.network()?;
    let problem = Problem::read(network, &args.given)?;
    let n = problem.len();
    args.row.map_or(Ok(()), |row| problem.expect_row(row))?;
    let first = args.row.unwrap_or(0);
    let count = if args.row.is_some() { 1 } else { n };
    let mut exit = code::SUCCESS;
    let work = |k: usize| Some(row(args, &problem, first + k));
    rows::in_order(
        count,
        args.threads.map(usize::from),
        work,
        |_| None,
        |k, answer| {
            let row = first + k;
            match answer {
                Some(Ok(found)) => {
                    exit = exit.max(match found.explanation.solution.status {
                        Status::Optimal => code::SUCCESS,
                        Status::Stopped => code::STOPPED,
                        Status::Infeasible | Status::Unbounded => code::NEGATIVE,
                    });
                    if args.json { output::json(&line(row, &found)) } else { output::line(&text::of(row, &found)) }
                }
                Some(Err(error)) if count == 1 => Err(error.into()),
                Some(Err(error)) => {
                    exit = exit.max(code::NEGATIVE);
                    output::row_error(row, &error.to_string(), args.json)
                }
                None => {
                    exit = exit.max(code::NEGATIVE);
                    output::row_error(row, "internal error", args.json)
                }
            }
        },
    )?;
    Ok(exit)
}

fn row(args: &Args, problem: &Problem, row: usize) -> Result<Row, Error> {
    let options = Options { sensitivity: !args.no_sensitivity, wide: args.context_sensitivity, ..Options::default() };
    let x = problem.context(row);
    let at = |x: &[f64]| Ok((problem.objective_at(row, x)?, problem.domain_at(row, x)?));
    let (objective, domain) = at(x)?;
    let explanation = explain(&objective, &domain, &options)?;
    let optimal = explanation.solution.status == Status::Optimal;
    let wanted = !args.no_sensitivity && optimal && !x.is_empty();
    let affordable = x.len() <= WIDEST || args.context_sensitivity;
    let context = match wanted && affordable {
        true => Some(context_sensitivity(x, &explanation.solution, &options.limits, at)?),
        false => None,
    };
    let left_out = if wanted && !affordable { x.len() } else { 0 };
    Ok(Row { explanation, context, left_out })
}

fn line(row: usize, found: &Row) -> Line<'_> {
    let Explanation { solution, optimum, conflict, descent } = &found.explanation;
    Line {
        row,
        status: &solution.status,
        value: solution.value,
        lower_bound: solution.lower_bound,
        gap: solution.gap,
        proof: solution.proof,
        y: &solution.y,
        optimum: optimum.as_ref(),
        context: found.context.as_deref(),
        infeasible: conflict.as_ref(),
        unbounded: descent.as_ref(),
        message: &solution.message,
    }
}
