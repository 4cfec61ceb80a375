//! `icnn export`: the linear program of `icnn solve` as a file that other solvers read.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use icnn::lower::linear;
use icnn_solvers::{LinearProgram, lp_format, mps};

use super::input::{Sides, Source, context};
use super::model::Model;
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
    /// Context rows: a number for all entries, or a .json, .npy or .csv file.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    context: Option<Source>,
    /// The context row to export, from 0 [default: the only one, or row 0].
    #[arg(long, value_name = "K")]
    row: Option<usize>,
    #[command(flatten)]
    sides: Sides,
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
    let domain = args.sides.domain(network.decisions())?;
    let rows = context(args.context.as_ref(), &network)?;
    let row = match args.row {
        Some(row) if row >= rows.len() => {
            return Err(Stop::input(format!("--row {row}: there are {} context rows, from 0", rows.len())));
        }
        Some(row) => row,
        None => {
            if rows.len() > 1 {
                eprintln!("icnn: {} context rows; row 0 is exported, --row chooses another", rows.len());
            }
            0
        }
    };
    let network = if args.maximize { network.negated() } else { network };
    let instance = network.given(rows.row(row))?;
    let folded = instance.fold_fixed(&domain.intervals())?;
    let lp = linear(folded.as_ref().unwrap_or(&instance), &domain)?.named_lp();
    write(path, *format, &lp).map_err(|e| Stop::input(format!("{shown}: {e}")))?;
    let (n, m, entries) = (lp.columns(), lp.rows(), lp.matrix.nnz());
    output::line(&format!("{shown}: {n} columns, {m} rows, {entries} coefficients"))?;
    Ok(code::SUCCESS)
}

/// Writes a file beside `path` and puts it in its place once it is complete, so that nobody reads half a program.
fn write(path: &Path, format: Format, lp: &LinearProgram) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let unfinished = path.with_file_name(name);
    let written = fill(&unfinished, format, lp).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // What could not be made need not be there to be removed.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn fill(path: &Path, format: Format, lp: &LinearProgram) -> io::Result<()> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
    match format {
        Format::Mps => mps::write(lp, None, &mut out)?,
        Format::Lp => lp_format::write(lp, None, &mut out)?,
    }
    out.flush()?;
    out.into_inner().map_err(|e| e.into_error())?.sync_all()
}
