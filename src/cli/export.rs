//! `icnn export`: the linear program of `icnn solve` as a file that other solvers read.

use std::io;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use icnn::lower::linear;
use icnn_solvers::{LinearProgram, lp_format, mps};

use super::model::Model;
use super::problem::{Given, Problem};
use super::write::{Pending, failed};
use super::{Stop, code, output};

/// Arguments of `icnn export`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn export net.onnx --context rows.npy --row 3 --lower 0 --upper 1 --to net.mps\n\n\
    The program minimises f, its constant included: its optimum is the value that `icnn solve` proves. y0, y1, … are the \
    decisions, z4_2 the epigraph of entry 2 of node n4 of `icnn dump`, n4_2 its rows."
)]
pub struct Args {
    #[command(flatten)]
    model: Model,
    /// The file: its ending, .mps (free MPS) or .lp (CPLEX LP), is the format.
    #[arg(long, value_name = "FILE", value_parser = destination)]
    to: Destination,
    /// Overwrite the file.
    #[arg(long)]
    force: bool,
    /// The context row to export, from 0 [default: the only one, or row 0].
    #[arg(long, value_name = "K")]
    row: Option<usize>,
    #[command(flatten)]
    given: Given,
    /// For a network that is concave in y: the program minimises -f.
    #[arg(long)]
    maximize: bool,
}

/// Where to, and how.
#[derive(Debug, Clone)]
struct Destination {
    path: PathBuf,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Mps,
    Lp,
}

fn destination(text: &str) -> Result<Destination, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let format = match ending.as_deref() {
        Some("mps") => Format::Mps,
        Some("lp") => Format::Lp,
        _ => return Err("neither an .mps nor an .lp file".into()),
    };
    Ok(Destination { path, format })
}

/// Writes the program of one context row.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let Destination { path, format } = &args.to;
    let shown = path.display();
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(Stop::input(format!("{shown} exists; --force overwrites it")));
    }
    let network = args.model.network()?;
    let network = if args.maximize { network.negated() } else { network };
    let problem = Problem::read(network, &args.given)?;
    if args.maximize && !problem.is_plain() {
        return Err(Stop::input("--maximize takes no further terms; minimise −f with them instead"));
    }
    let rows = problem.len();
    let row = match args.row {
        Some(row) => {
            problem.expect_row(row)?;
            row
        }
        None => {
            if rows > 1 {
                eprintln!("icnn: {rows} rows; row 0 is exported, --row chooses another");
            }
            0
        }
    };
    let (instance, domain) = (problem.objective(row)?, problem.domain(row)?.folded()?);
    let folded = instance.fold_fixed(domain.intervals())?;
    let lp = linear(folded.as_ref().unwrap_or(&instance), &domain)?.named_lp();
    let mut out = Pending::create(path)?;
    write(&mut out, *format, &lp).map_err(|e| failed(path, &e.to_string()))?;
    out.finish()?;
    let (n, m, entries) = (lp.columns(), lp.rows(), lp.matrix.nnz());
    output::line(&format!("{shown}: {n} columns, {m} rows, {entries} coefficients"))?;
    Ok(code::SUCCESS)
}

fn write(out: &mut Pending, format: Format, lp: &LinearProgram) -> io::Result<()> {
    match format {
        Format::Mps => mps::write(lp, out),
        Format::Lp => lp_format::write(lp, out),
    }
}
