//! The reader of a file, chosen by its name: `.json` is this crate's own format, `.safetensors` has a description beside it,
//! everything else is ONNX.

use std::path::Path;

use super::error::LoadError;
use super::graph::Graph;
use super::program_json;
use crate::build::{Choice, Outputs, build, build_outputs};
use crate::error::Error;
use crate::ir::program::Program;

/// The formats of model files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An ONNX file.
    Onnx,
    /// Weights without a graph, described in JSON.
    Safetensors,
    /// A program of this crate.
    Json,
}

impl Format {
    /// The format that a file's extension stands for.
    pub fn of(path: &Path) -> Format {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("safetensors") => Format::Safetensors,
            Some("json") => Format::Json,
            _ => Format::Onnx,
        }
    }
}

/// The graph in an ONNX or safetensors file; `description` is where the latter's is, by default beside it.
///
/// # Errors
/// What the reader refuses; a JSON program, which has no graph; a description for a file that needs none.
pub fn graph(path: &Path, description: Option<&Path>) -> Result<Graph, Error> {
    match (Format::of(path), description) {
        (Format::Safetensors, description) => safetensors(path, description),
        (_, Some(_)) => Err(not_described(path)),
        (Format::Onnx, None) => onnx(path),
        (Format::Json, None) => {
            Err(LoadError::Malformed { reason: format!("{} holds a program, not a graph", path.display()) }.into())
        }
    }
}

/// The program in a model file.
///
/// # Errors
/// What the reader refuses; a choice the network does not have. A JSON program has one decision input and one output: a
/// choice of another is an error.
pub fn program(path: &Path, description: Option<&Path>, choice: &Choice) -> Result<Program, Error> {
    if Format::of(path) != Format::Json {
        return build(graph(path, description)?, choice);
    }
    let program = json(path, description, choice.decision.as_deref())?;
    match choice.output.as_deref() {
        None | Some("0") => Ok(program),
        Some(k) => {
            Err(Error::Choice(format!("--output {k}: a JSON program has a single output, 0; choose before converting")))
        }
    }
}

/// All output components of the network in a model file.
///
/// # Errors
/// As for [`program`].
pub fn outputs(path: &Path, description: Option<&Path>, decision: Option<&str>) -> Result<Outputs, Error> {
    match Format::of(path) {
        Format::Json => Ok(Outputs::from(&json(path, description, decision)?)),
        _ => build_outputs(graph(path, description)?, decision),
    }
}

fn json(path: &Path, description: Option<&Path>, decision: Option<&str>) -> Result<Program, Error> {
    if description.is_some() {
        return Err(not_described(path));
    }
    let program = program_json::read(path)?;
    match decision {
        Some(name) if name != program.decision_name() => Err(Error::Choice(format!(
            "--y {name}: the decision of a JSON program is fixed, here '{}'",
            program.decision_name()
        ))),
        _ => Ok(program),
    }
}

fn not_described(path: &Path) -> Error {
    Error::Choice(format!("--description: {} is not a safetensors file and needs none", path.display()))
}

#[cfg(feature = "onnx")]
fn onnx(path: &Path) -> Result<Graph, Error> {
    Ok(super::onnx::read(path)?)
}

#[cfg(not(feature = "onnx"))]
fn onnx(_path: &Path) -> Result<Graph, Error> {
    Err(Error::MissingFeature("onnx"))
}

#[cfg(feature = "safetensors")]
fn safetensors(path: &Path, description: Option<&Path>) -> Result<Graph, Error> {
    Ok(super::safetensors::read(path, description)?)
}

#[cfg(not(feature = "safetensors"))]
fn safetensors(_path: &Path, _description: Option<&Path>) -> Result<Graph, Error> {
    Err(Error::MissingFeature("safetensors"))
}
