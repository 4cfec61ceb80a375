//! Reading safetensors files: tensors without a graph, whose roles a JSON description gives. Docs: docs/formats.md.
//!
//! The description makes a [`Graph`] of the operations an exporter would have written, so that folding, the x-path and the
//! proof are those of any other network. Nothing is guessed: a tensor that no role uses is an error.

mod description;
mod ficnn;
mod functions;
mod picnn;
mod presets;
mod roles;
mod sketch;
mod tensors;

use std::path::Path;

pub use description::{Description, Kind, Layout};
pub use presets::presets;

use super::bytes;
use super::error::LoadError;
use super::graph::Graph;
use roles::Roles;
use tensors::Tensors;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = i32::MAX as u64;
/// The largest description, in bytes.
const LARGEST_DESCRIPTION: u64 = 1 << 24;

/// Reads the safetensors file at `path`; `description` is the JSON file that describes it, by default the one of the same name
/// with the extension `json`.
///
/// # Errors
/// See [`LoadError`]: an unreadable or oversized file, or anything [`parse`] refuses.
pub fn read(path: &Path, description: Option<&Path>) -> Result<Graph, LoadError> {
    let weights = bytes::whole(path, LARGEST_FILE)?;
    let beside = path.with_extension("json");
    let text = bytes::whole(description.unwrap_or(&beside), LARGEST_DESCRIPTION).map_err(|e| match e {
        LoadError::Io { path, source } if description.is_none() => LoadError::Malformed {
            reason: format!(
                "a .safetensors file needs a description of its tensors, by default {} ({source}); docs/formats.md says how",
                path.display()
            ),
        },
        other => other,
    })?;
    parse(&weights, &text)
}

/// Reads a network from the bytes of a safetensors file and the text of its description.
///
/// # Errors
/// Bytes or text of another format, a preset that does not exist, a tensor that is missing, of another shape than its role
/// needs, of a type without fractions, with NaN, or in no role.
pub fn parse(weights: &[u8], description: &[u8]) -> Result<Graph, LoadError> {
    let description = Description::parse(description)?;
    let tensors = Tensors::parse(weights)?;
    let roles = Roles::new(&description, &tensors)?;
    let graph = match description.kind() {
        Kind::Ficnn => ficnn::graph(&description, &roles, &tensors)?,
        Kind::Picnn => picnn::graph(&description, &roles, &tensors)?,
    };
    tensors.all_used(&description.ignore)?;
    Ok(graph)
}
