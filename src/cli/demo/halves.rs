//! The right halves of handwritten digits from their left halves, a context.

use std::path::Path;
use std::time::Instant;

use icnn::{Domain, Method, Network, Solution, Status};

use super::picture::{Picture, SIDE};
use super::{mean_error, require_convex};
use crate::cli::input::{Rows, Source};
use crate::cli::{Stop, code, output};

/// Rows solved.
const ROWS: usize = 20;

/// Proves, solves, prints, draws.
pub fn run(folder: &Path, picture: &Path) -> Result<u8, Stop> {
    let begun = Instant::now();
    let network = Network::load(folder.join("digits.onnx"))?;
    let (p, q) = (network.decisions(), network.context_len());
    let rows = |file: &str, width| Rows::read(&Source::File(folder.join(file)), width, "demo:");
    let (given, truth) = (rows("test-context.npy", q)?, rows("test-truth.npy", p)?);
    if p != q || p != SIDE * SIDE / 2 {
        return Err(Stop::input(format!("the network should take 32 + 32 pixels, it takes {q} and {p}")));
    }
    let domain = Domain::cube(p, 0.0, 1.0)?;

    require_convex("digits.onnx", &network, &domain)?;
    output::line(&format!(
        "proven: f(x, y) is convex in y, {p} pixels in [0, 1], for every x ({} nodes)\n",
        network.program().nodes().len()
    ))?;
    output::line("row  status   value         lower bound   gap      ms     error  linear program")?;
    let mut solved = vec![];
    for row in 0..ROWS.min(given.len()).min(truth.len()) {
        let solution = network.given(given.row(row))?.minimize(&domain, Method::Lp)?;
        let error = solution.y.as_ref().map(|y| mean_error(y, truth.row(row)));
        output::line(&table_row(row, &solution, error))?;
        solved.push((solution, error));
    }
    let optimal = solved.iter().filter(|(s, _)| s.status == Status::Optimal).count();
    let worst = solved.iter().filter_map(|(s, _)| s.gap).fold(0.0, f64::max);
    let errors: Vec<f64> = solved.iter().filter_map(|(_, e)| *e).collect();
    let error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    let seconds: f64 = solved.iter().map(|(s, _)| s.seconds).sum();
    output::line(&format!(
        "\n{optimal} of {} rows solved to the exact minimum, largest gap {worst:.1e}; {:.1} ms a row, {:.2} s in all;\n\
         mean absolute error to the true pixels {error:.3}",
        solved.len(),
        1e3 * seconds / solved.len().max(1) as f64,
        begun.elapsed().as_secs_f64(),
    ))?;

    let digits: Vec<[Vec<Option<f64>>; 3]> = solved
        .iter()
        .enumerate()
        .filter_map(|(row, (solution, _))| {
            let left = given.row(row);
            let y = solution.y.as_ref()?;
            Some([digit(left, None), digit(left, Some(y)), digit(left, Some(truth.row(row)))])
        })
        .collect();
    Picture::of(&digits).write(picture)?;
    Ok(if optimal == solved.len() { code::SUCCESS } else { code::NEGATIVE })
}

fn table_row(row: usize, s: &Solution, error: Option<f64>) -> String {
    let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.9}"));
    let status = format!("{:?}", s.status).to_lowercase();
    let gap = s.gap.map_or("-".into(), |g| format!("{g:.0e}"));
    let error = error.map_or("-".into(), |e| format!("{e:.3}"));
    format!(
        "{row:<4} {status:<8} {:<13} {:<13} {gap:<8} {:<6.1} {error:<6} {} rows, {} columns, {} nonzeros",
        number(s.value),
        number(s.lower_bound),
        1e3 * s.seconds,
        s.work.rows,
        s.work.columns,
        s.work.nonzeros
    )
}

/// The pixels of a digit from its halves, row by row; `None` where nothing is known.
fn digit(left: &[f64], right: Option<&[f64]>) -> Vec<Option<f64>> {
    let half = SIDE / 2;
    (0..SIDE * SIDE)
        .map(|k| match (k / SIDE, k % SIDE) {
            (i, j) if j < half => Some(left[i * half + j]),
            (i, j) => right.map(|r| r[i * half + j - half]),
        })
        .collect()
}
