//! `icnn convert`: a file in one format becomes a file in another. What FROM is decides what can become of it.

mod models;
mod write;

use std::path::PathBuf;

use clap::Args as ClapArgs;

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

/// Converts one file.
pub fn run(args: &Args) -> Result<u8, Stop> {
    if !args.force && args.to.symlink_metadata().is_ok() {
        return Err(Stop::input(format!("{} exists; --force writes over it", args.to.display())));
    }
    let bytes = models::converted(&args.from, &args.to)?;
    write::whole(&args.to, &bytes, args.force)?;
    Ok(code::SUCCESS)
}
