//! `icnn eval`: value and gradient, for any network that loads, convex or not.

use clap::Args as ClapArgs;
use icnn::{Error, Network};
use serde::Serialize;

use super::input::{Rows, Source, context};
use super::model::Model;
use super::{Stop, code, output, rows};

/// Arguments of `icnn eval`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn eval net.onnx --at points.npy --json\n\n\
    A line holds the row, f and the p entries of its gradient in y. One row of --at is used with every row of --context \
    and the other way round. Where f has a kink the gradient is that of one of the pieces that meet.\n\n\
    Files: exactly as many numbers as one row takes are one row; otherwise rows lie along the first axis.")]
pub struct Args {
    #[command(flatten)]
    model: Model,
    /// Points y: a number for all coordinates, or a .json, .npy, .csv or .parquet file with one point a row.
    #[arg(long, value_name = "Y", allow_hyphen_values = true)]
    at: Source,
    /// Context rows: a number for all entries, or a file. Several context inputs lie one after the other.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    context: Option<Source>,
    /// One JSON object a line: row, value, gradient.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Line {
    row: usize,
    value: f64,
    gradient: Vec<f64>,
}

/// Evaluates all rows; a row that fails does not end the run.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let network = args.model.network()?;
    let at = Rows::read(&args.at, network.decisions(), "--at")?;
    let context = context(args.context.as_ref(), &network)?;
    let (n, m) = (at.len(), context.len());
    let count = rows::common([("--at", n), ("--context", m)])?;
    let mut exit = code::SUCCESS;
    let work = |row: usize| line(&network, row, at.row(row % n), context.row(row % m)).map_err(|e| e.to_string());
    let panicked = |_| Err("internal error".to_string());
    rows::in_order(count, None, work, panicked, |row, answer| match answer {
        Ok(line) if args.json => output::json(&line),
        Ok(line) => {
            let gradient: Vec<String> = line.gradient.iter().map(f64::to_string).collect();
            output::line(&format!("{row} {} {}", line.value, gradient.join(" ")))
        }
        Err(e) => {
            exit = code::NEGATIVE;
            output::row_error(row, &e, args.json)
        }
    })?;
    Ok(exit)
}

fn line(network: &Network, row: usize, y: &[f64], x: &[f64]) -> Result<Line, Error> {
    let instance = network.given(x)?;
    let trace = instance.forward(y)?;
    Ok(Line { row, value: trace.value(), gradient: instance.gradient(&trace) })
}
