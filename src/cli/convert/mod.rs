//! `icnn convert`: the same contents in another format.

mod tables;

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::Stop;

/// Arguments of `icnn convert`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn convert rows.npy rows.parquet\n\n\
    Tables: .json, .npy, .csv and .parquet. Numbers keep every bit; names of columns are kept between csv and parquet.")]
pub struct Args {
    /// The file to read.
    from: PathBuf,
    /// The file to write; its extension says how.
    to: PathBuf,
    /// Replace TO if it is there.
    #[arg(long)]
    force: bool,
}

/// Converts one file.
pub fn run(args: &Args) -> Result<u8, Stop> {
    tables::convert(&args.from, &args.to, args.force)
}
