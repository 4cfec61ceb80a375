//! `icnn convert`: a file in one format becomes a file in another. What FROM is decides what can become of it.

mod models;
mod write;

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use icnn::load::file::Format;

use super::model::Model;
use super::{Stop, code};

/// Arguments of `icnn convert`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  icnn convert net.onnx net.json\n  icnn convert net.safetensors net.onnx --description roles.json\n\n\
    A .json program is read back exactly; an .onnx file is written in double precision."
)]
pub struct Args {
    #[command(flatten)]
    from: Model,
    /// The file to write: .json or .onnx.
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Write over TO if it exists.
    #[arg(long)]
    force: bool,
}

/// Whether two paths lead to one existing file.
fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Converts one file.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let description = args.from.description.clone().unwrap_or_else(|| args.from.model.with_extension("json"));
    for read in [&args.from.model, &description] {
        if same_file(read, &args.to)
            && (read == &args.from.model || Format::of(&args.from.model) == Format::Safetensors)
        {
            return Err(Stop::input(format!("{} is what is converted; write to another file", args.to.display())));
        }
    }
    if !args.force && args.to.symlink_metadata().is_ok() {
        return Err(Stop::input(format!("{} exists; --force writes over it", args.to.display())));
    }
    let bytes = models::converted(&args.from, &args.to)?;
    write::whole(&args.to, &bytes, args.force)?;
    Ok(code::SUCCESS)
}
