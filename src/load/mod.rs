//! Reading a network file: one format a file, each ending in the same [`graph::Graph`].
//!
//! A reader judges the file (sizes, names, order, versions) and nothing else: whether the network is convex, and in
//! which of its inputs, is asked later. Every failure is a [`error::LoadError`] that names the object at fault.

pub mod error;
pub mod graph;
#[cfg(feature = "onnx")]
pub mod onnx;
