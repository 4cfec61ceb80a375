//! Models: any that can be read becomes a JSON program or an ONNX file.

use std::path::Path;

use icnn::Error;
use icnn::certificate::file::level_text;
use icnn::ir::program::Program;
use icnn::load::program_json;

use super::super::Stop;
use super::super::model::Model;
use super::super::problem::Problem;
use super::Args;

/// The bytes of the file `to` with the chosen output of the network.
pub fn converted(from: &Model, to: &Path) -> Result<Vec<u8>, Stop> {
    let write: fn(&Program) -> Result<Vec<u8>, Error> = match to.extension().and_then(|e| e.to_str()) {
        Some("json") => |program| Ok(program_json::write(program)?.into_bytes()),
        Some("onnx") => onnx,
        _ => {
            return Err(Stop::input(format!("{}: a model is written as .json or .onnx", to.display())));
        }
    };
    let network = from.network()?;
    Ok(write(network.program())?)
}

/// The bytes of what is minimised at one row, or of a learned constraint of its set, with everything folded.
pub fn folded(args: &Args, to: &Path) -> Result<Vec<u8>, Stop> {
    if to.extension().and_then(|e| e.to_str()) != Some("json") {
        return Err(Stop::input(format!("{}: a folded network is written as .json", to.display())));
    }
    let network = args.from.network()?;
    let network = if args.maximize { network.negated() } else { network };
    let problem = Problem::read(network, &args.given)?;
    problem.expect_row(args.row)?;
    let folded = problem.folded(args.row, &args.from.stated(args.maximize)?)?;
    let Some(name) = &args.level else { return Ok(folded.text.into_bytes()) };
    let levels = folded.domain.sublevels();
    match levels.iter().find(|l| &l.name == name) {
        Some(level) => Ok(level_text(&level.function)?.into_bytes()),
        None => {
            let names: Vec<&str> = levels.iter().map(|l| l.name.as_str()).collect();
            Err(Stop::input(format!("--level {name}: the set has the learned constraints [{}]", names.join(", "))))
        }
    }
}

#[cfg(feature = "onnx")]
fn onnx(program: &Program) -> Result<Vec<u8>, Error> {
    Ok(icnn::store::onnx::write(program)?)
}

#[cfg(not(feature = "onnx"))]
fn onnx(_program: &Program) -> Result<Vec<u8>, Error> {
    Err(Error::MissingFeature("onnx"))
}
