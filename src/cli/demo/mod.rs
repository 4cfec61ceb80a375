//! `icnn demo`: handwritten digits completed exactly, as a table and as a picture.

mod halves;
mod imputation;
mod picture;

use std::path::PathBuf;

use clap::Args as ClapArgs;
use icnn::check::prove;
use icnn::{Domain, Network};

use super::Stop;

/// Arguments of `icnn demo`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  icnn demo examples/digits\n  icnn demo examples/imputation")]
pub struct Args {
    /// A folder with digits.onnx, test-context.npy and test-truth.npy (the right half from the left), or with imputation.onnx,
    /// test-fix.json, test-truth.npy and pixel-mean.json (missing pixels, by every method).
    #[arg(default_value = "examples/digits")]
    folder: PathBuf,
    /// Where the picture goes [default: demo-out/digits.png or demo-out/imputation.png].
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// Runs the demonstration that the folder holds.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let picture = |name: &str| args.picture.clone().unwrap_or_else(|| PathBuf::from("demo-out").join(name));
    if args.folder.join("test-fix.json").exists() {
        imputation::run(&args.folder, &picture("imputation.png"))
    } else {
        halves::run(&args.folder, &picture("digits.png"))
    }
}

/// Ends the run unless the network is proven convex in y, at every context.
fn require_convex(name: &str, network: &Network, domain: &Domain) -> Result<(), Stop> {
    let (_, proof) = prove(&network.program().for_any_context(), domain);
    match proof.output().is_convex() {
        true => Ok(()),
        false => Err(Stop::negative(format!("{name} is not proven convex in y"))),
    }
}

fn mean_error(y: &[f64], truth: &[f64]) -> f64 {
    y.iter().zip(truth).map(|(a, b)| (a - b).abs()).sum::<f64>() / y.len() as f64
}
