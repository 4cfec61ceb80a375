//! `icnn convert`: a network or a table of numbers in another format. What FROM is decides what can become of it.

mod models;
mod tables;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use icnn::load::file::Format;

use super::input::table::Format as TableFormat;
use super::model::Model;
use super::problem::Given;
use super::write::{Pending, failed};
use super::{Stop, code};

/// Arguments of `icnn convert`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  icnn convert net.onnx net.json\n  icnn convert net.safetensors net.onnx --description roles.json\n  \
    icnn convert rows.npy rows.parquet\n  icnn convert net.onnx folded.json --context rows.npy --row 3 --lower 0 --upper 1\n\n\
    Networks become .json, which is read back exactly, or .onnx in double precision. Tables: .json, .npy, .csv and .parquet; \
    numbers keep every bit, names of columns are kept between csv and parquet.\n\
    With a context, a set or further terms, given as to solve, what is written is the function of y alone that solve \
    minimises at that row, with its set: the program that a certificate is about (docs/certificates.md)."
)]
pub struct Args {
    #[command(flatten)]
    from: Model,
    /// The file to write; its extension says how.
    #[arg(value_name = "TO")]
    to: PathBuf,
    #[command(flatten)]
    given: Given,
    /// Fold this row of the run, counted from 0.
    #[arg(long, value_name = "K", default_value = "0")]
    row: usize,
    /// Fold -f, as `solve --maximize` does.
    #[arg(long)]
    maximize: bool,
    /// Write the network of this learned constraint of --domain instead, folded.
    #[arg(long, value_name = "NAME")]
    level: Option<String>,
    /// Write over TO if it exists.
    #[arg(long)]
    force: bool,
}

/// Converts one file.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let (from, to) = (&args.from.model, &args.to);
    let described = Format::of(from) == Format::Safetensors;
    let description = args.from.description.clone().unwrap_or_else(|| from.with_extension("json"));
    let table = is_table(from, to);
    if !table && (same_file(from, to) || (described && same_file(&description, to))) {
        return Err(Stop::input(format!("{} is what is converted; write to another file", to.display())));
    }
    if !args.force && to.symlink_metadata().is_ok() {
        return Err(Stop::input(format!("{} exists; --force writes over it", to.display())));
    }
    let fold = args.given.any() || args.maximize || args.level.is_some();
    if table {
        if fold {
            return Err(Stop::input(format!("{}: a table has neither context nor set", from.display())));
        }
        return tables::convert(from, to);
    }
    let bytes = match fold {
        true => models::folded(args, to)?,
        false => models::converted(&args.from, to)?,
    };
    let mut out = Pending::create(to)?;
    std::io::Write::write_all(&mut out, &bytes).map_err(|e| failed(to, &e.to_string()))?;
    out.finish()?;
    Ok(code::SUCCESS)
}

/// Whether a table is to be converted: by the extensions, and where FROM is .json by its first character; a table is a list or
/// a number, a program an object.
fn is_table(from: &Path, to: &Path) -> bool {
    match TableFormat::of(from) {
        None => {
            let model = from.extension().is_some_and(|e| e == "onnx" || e == "safetensors");
            !model && TableFormat::of(to).is_some_and(|format| format != TableFormat::Json)
        }
        Some(TableFormat::Json) => {
            let mut start = [0u8; 512];
            let read = File::open(from).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
            start[..read].iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{')
        }
        Some(_) => true,
    }
}

/// Whether two paths lead to one existing file.
fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
