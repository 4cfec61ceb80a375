//! Missing pixels of handwritten digits, the given ones fixed, by every method, next to the truth and to the pixel mean.

use std::path::Path;

use icnn::{Domain, Limits, Method, Network, Solution, Status};

use super::picture::{Picture, SIDE};
use super::{mean_error, require_convex};
use crate::cli::input::{Rows, Source};
use crate::cli::{Stop, code, output};

/// What `pdlp` is asked for: a first-order method pays for every digit.
const APPROXIMATE: f64 = 1e-4;

/// The methods compared: those that take the network as a linear program.
const METHODS: [Method; 3] = [Method::Lp, Method::Ipm, Method::Pdlp];

/// A row by every method.
struct Row {
    missing: usize,
    /// In the order of [`METHODS`].
    solutions: Vec<Solution>,
    /// Mean absolute error over the missing pixels, of the first method and of the pixel mean.
    errors: [f64; 2],
}

/// Proves, solves, compares, prints, draws.
pub fn run(folder: &Path, picture: &Path) -> Result<u8, Stop> {
    let network = Network::load(folder.join("imputation.onnx"))?;
    let p = network.decisions();
    let source = |file: &str| Source::File(folder.join(file));
    let fixed = Rows::read_with_gaps(&source("test-fix.json"), p, "demo:")?;
    let truth = Rows::read(&source("test-truth.npy"), p, "demo:")?;
    let mean = Rows::read(&source("pixel-mean.json"), p, "demo:")?;
    if p != SIDE * SIDE || network.context_len() != 0 {
        let q = network.context_len();
        return Err(Stop::input(format!("the network should take 64 pixels and no context, it takes {p} and {q}")));
    }
    if fixed.len() != truth.len() {
        let (n, m) = (fixed.len(), truth.len());
        return Err(Stop::input(format!("test-fix.json has {n} rows and test-truth.npy {m}")));
    }
    let domain = Domain::cube(p, 0.0, 1.0)?;
    require_convex("imputation.onnx", &network, &domain)?;
    output::line(&format!(
        "proven: f(y) is convex in all {p} pixels in [0, 1], whichever are missing ({} nodes)\n",
        network.program().nodes().len()
    ))?;
    output::line(&heading())?;

    let mut rows = vec![];
    for k in 0..fixed.len() {
        let row = solve(&network, &domain, fixed.row(k), truth.row(k), mean.row(0))?;
        output::line(&table_row(k, &row))?;
        rows.push(row);
    }
    let agreeing = rows.iter().filter(|row| agree(&row.solutions)).count();
    let optimal = rows.iter().filter(|row| row.solutions.iter().all(|s| s.status == Status::Optimal)).count();
    output::line(&summary(&rows, optimal, agreeing))?;

    let digits: Vec<[Vec<Option<f64>>; 3]> = rows
        .iter()
        .enumerate()
        .filter_map(|(k, row)| {
            let known = |v: &[f64]| v.iter().map(|v| Some(*v)).collect();
            let given = fixed.row(k).iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect();
            Some([given, known(row.solutions[0].y.as_ref()?), known(truth.row(k))])
        })
        .collect();
    Picture::of(&digits).write(picture)?;
    Ok(if optimal == rows.len() && agreeing == rows.len() { code::SUCCESS } else { code::NEGATIVE })
}

fn solve(network: &Network, cube: &Domain, fixed: &[f64], truth: &[f64], mean: &[f64]) -> Result<Row, Stop> {
    let given = fixed.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(j, v)| (j, *v));
    let domain = cube.clone().with_all_fixed(given)?;
    let f = network.given(&[])?;
    let solutions = METHODS
        .iter()
        .map(|method| {
            let gap = if *method == Method::Pdlp { APPROXIMATE } else { Limits::default().gap };
            f.minimize_with(&domain, *method, &Limits { gap, ..Limits::default() })
        })
        .collect::<Result<Vec<Solution>, _>>()?;
    let at_missing =
        |v: &[f64]| -> Vec<f64> { v.iter().zip(fixed).filter(|(_, g)| g.is_nan()).map(|(v, _)| *v).collect() };
    let truth = at_missing(truth);
    let completed = solutions[0].y.as_ref().map_or(f64::NAN, |y| mean_error(&at_missing(y), &truth));
    let errors = [completed, mean_error(&at_missing(mean), &truth)];
    Ok(Row { missing: truth.len(), solutions, errors })
}

/// Whether no method's lower bound is above another's value. The values add up a hundred numbers or so: what rounding may do
/// is allowed for.
fn agree(solutions: &[Solution]) -> bool {
    let highest = solutions.iter().filter_map(|s| s.lower_bound).fold(f64::NEG_INFINITY, f64::max);
    let least = solutions.iter().filter_map(|s| s.value).fold(f64::INFINITY, f64::min);
    solutions.iter().all(|s| s.value.is_some()) && highest <= least + 1e-9 * least.abs().max(1.0)
}

fn heading() -> String {
    let methods: String = METHODS.iter().map(|m| format!("  {:<16}", format!("{}: gap, ms", m.name()))).collect();
    format!("row  missing  value        {methods}  error  pixel mean's")
}

fn table_row(k: usize, row: &Row) -> String {
    let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.9}"));
    let methods: String = row
        .solutions
        .iter()
        .map(|s| {
            let mark = if s.status == Status::Optimal { "" } else { "!" };
            let gap = s.gap.map_or("-".into(), |g| format!("{g:.0e}"));
            format!("  {:<16}", format!("{gap}{mark}, {:.1}", 1e3 * s.seconds))
        })
        .collect();
    let [error, baseline] = row.errors;
    format!("{k:<4} {:<8} {:<13}{methods}  {error:.3}  {baseline:.3}", row.missing, number(row.solutions[0].value))
}

fn summary(rows: &[Row], optimal: usize, agreeing: usize) -> String {
    let missing: f64 = rows.iter().map(|r| r.missing as f64).sum();
    // Over all missing pixels, not over rows: a row with few of them weighs less.
    let error = |k: usize| rows.iter().map(|r| r.errors[k] * r.missing as f64).sum::<f64>() / missing.max(1.0);
    format!(
        "\n{optimal} of {n} rows optimal by every method (pdlp to {APPROXIMATE:.0e}); on {agreeing} no bound of one is above a value \
         of another\nmean absolute error to the true pixels {:.3}, of the pixel mean {:.3}",
        error(0),
        error(1),
        n = rows.len(),
    )
}
