//! Reading a network file: one format a file, those of other tools each ending in the same [`graph::Graph`]; this crate's
//! own holds a whole program. [`mod@file`] chooses by the file's name.
//!
//! A reader judges the file (sizes, names, order, versions) and nothing else: whether the network is convex, and in
//! which of its inputs, is asked later. Every failure is a [`error::LoadError`] that names the object at fault.

pub(crate) mod bytes;
pub mod error;
pub mod file;
pub mod graph;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod program_json;
#[cfg(feature = "safetensors")]
pub mod safetensors;
