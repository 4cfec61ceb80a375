//! `icnn project`: the nearest point at which f is at most c.

use std::time::Instant;

use clap::Args as ClapArgs;
use icnn::objective::{NORMS, Norm, distance};
use icnn::solve::Work;
use icnn::{Domain, Error, Limits, Method, Network, Solution, Status};
use serde::Serialize;

use super::input::{Rows, Source, context};
use super::model::Model;
use super::problem::Set;
use super::{Stop, code, output, rows};

/// Arguments of `icnn project`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn project detector.onnx --point images.npy --at-most 0 --norm l2 --lower 0 --upper 1 --json\n\n\
    The distance is exact: its lower bound holds for every y in the set with f(y) ≤ c. Of a classifier that decides by the \
    sign of f − c it is the robustness radius of a point with f > c: no smaller change of the point flips the decision.\n\
    One row of --point is used with every row of --context and the other way round."
)]
pub struct Args {
    #[command(flatten)]
    model: Model,
    /// The points to start from: a number for all coordinates, or a .json, .npy, .csv or .parquet file with one point a row.
    #[arg(long, value_name = "Y", allow_hyphen_values = true)]
    point: Source,
    /// The level c.
    #[arg(long, value_name = "C", allow_hyphen_values = true)]
    at_most: f64,
    /// How distance is measured: l1, l2 or linf.
    #[arg(long, value_name = "NORM", default_value = "l2", value_parser = norm)]
    norm: Norm,
    /// Context rows: a number for all entries, or a .json, .npy, .csv or .parquet file.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    context: Option<Source>,
    #[command(flatten)]
    set: Set,
    /// Rows solved at the same time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// One JSON object a line: row, status, y, distance, distance_lower_bound, f, f_at_point, seconds, work.
    #[arg(long)]
    json: bool,
}

fn norm(name: &str) -> Result<Norm, String> {
    let names: Vec<&str> = NORMS.iter().map(|n| n.0).collect();
    NORMS.iter().find(|n| n.0 == name).map(|n| n.1).ok_or_else(|| format!("the norms are {}", names.join(", ")))
}

#[derive(Debug, Serialize)]
struct Line {
    row: usize,
    status: Status,
    y: Option<Vec<f64>>,
    distance: Option<f64>,
    distance_lower_bound: Option<f64>,
    f: Option<f64>,
    f_at_point: f64,
    seconds: f64,
    work: Work,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Projects every row; a row that fails does not end the run.
pub fn run(args: &Args) -> Result<u8, Stop> {
    if !args.at_most.is_finite() {
        return Err(Stop::input(format!("--at-most is {}", args.at_most)));
    }
    let network = args.model.network()?;
    let points = Rows::read(&args.point, network.decisions(), "--point")?;
    let contexts = context(args.context.as_ref(), &network)?;
    let (n, m) = (points.len(), contexts.len());
    let count = rows::common([("--point", n), ("--context", m)])?;
    let set = args.set.read(network.decisions())?;
    let mut exit = code::SUCCESS;
    let work = |row: usize| {
        let x = contexts.row(row % m);
        let domain = set.at(x).map_err(|e| e.to_string())?;
        project(args, &network, x, points.row(row % n), domain, row).map_err(|e| e.to_string())
    };
    let panicked = |_| Err("internal error".to_string());
    rows::in_order(count, args.threads.map(usize::from), work, panicked, |row, line| match line {
        Ok(line) => {
            exit = exit.max(match line.status {
                Status::Optimal => code::SUCCESS,
                Status::Stopped => code::STOPPED,
                Status::Infeasible | Status::Unbounded => code::NEGATIVE,
            });
            if args.json { output::json(&line) } else { output::line(&text(&line)) }
        }
        Err(message) => {
            exit = exit.max(code::NEGATIVE);
            output::row_error(row, &message, args.json)
        }
    })?;
    Ok(exit)
}

fn project(
    args: &Args,
    network: &Network,
    x: &[f64],
    point: &[f64],
    domain: Domain,
    row: usize,
) -> Result<Line, Error> {
    let f = network.given(x)?;
    let f_at_point = f.forward(point)?.value();
    let started = Instant::now();
    let domain = domain.with_at_most("f", &f, args.at_most)?;
    if domain.violation(point) == 0.0 {
        // A point of the set is its own projection, whatever tolerance a solver has.
        return Ok(Line {
            row,
            f: Some(f_at_point),
            status: Status::Optimal,
            y: Some(point.to_vec()),
            distance: Some(0.0),
            distance_lower_bound: Some(0.0),
            f_at_point,
            seconds: started.elapsed().as_secs_f64(),
            work: Work { forward: 2, ..Work::default() },
            message: None,
        });
    }
    let solution: Solution = distance(args.norm, point)?.minimize_with(&domain, Method::Lp, &Limits::default())?;
    // The square is what was minimised.
    let root = |v: f64| if args.norm == Norm::L2 { v.max(0.0).sqrt() } else { v.max(0.0) };
    Ok(Line {
        row,
        f: solution.y.as_ref().map(|y| f.forward(y).map(|trace| trace.value())).transpose()?,
        status: solution.status,
        y: solution.y,
        distance: solution.value.map(root),
        distance_lower_bound: solution.lower_bound.map(root),
        f_at_point,
        seconds: solution.seconds,
        work: solution.work,
        message: solution.message,
    })
}

fn text(line: &Line) -> String {
    let decimal = output::decimal;
    let mut text = format!("row {} {}", line.row, format!("{:?}", line.status).to_lowercase());
    if let (Some(distance), Some(bound)) = (line.distance, line.distance_lower_bound) {
        text.push_str(&format!(" distance {} lower bound {}", decimal(distance), decimal(bound)));
    }
    if let Some(f) = line.f {
        text.push_str(&format!(" f {} (at the point {})", decimal(f), decimal(line.f_at_point)));
    }
    text.push_str(&format!(" {:.3} s", line.seconds));
    if let Some(y) = &line.y {
        text.push_str(&format!(" y {}", output::brief(y)));
    }
    if let Some(message) = &line.message {
        text.push_str(&format!(" — {message}"));
    }
    text
}
