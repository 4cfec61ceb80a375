//! Models: any that can be read becomes a JSON program or an ONNX file.

use std::path::Path;

use icnn::Error;
use icnn::ir::program::Program;
use icnn::load::program_json;

use super::super::Stop;
use super::super::model::Model;

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

#[cfg(feature = "onnx")]
fn onnx(program: &Program) -> Result<Vec<u8>, Error> {
    Ok(icnn::store::onnx::write(program)?)
}

#[cfg(not(feature = "onnx"))]
fn onnx(_program: &Program) -> Result<Vec<u8>, Error> {
    Err(Error::MissingFeature("onnx"))
}
