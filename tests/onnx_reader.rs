//! Reading ONNX files and running them.
#![cfg(feature = "onnx")]

#[path = "common/onnx.rs"]
mod onnx;

use std::path::{Path, PathBuf};

use icnn::load::onnx::read;

/// The exported networks, if this checkout has them beside it.
fn networks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    let Ok(entries) = folder.read_dir() else {
        println!("skipped: no exported networks at {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    files
}

#[test]
fn every_network_is_read() {
    for path in networks() {
        let graph = read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let ops: std::collections::BTreeSet<&str> = graph.nodes.iter().map(|n| n.op.as_str()).collect();
        println!("{} opset {} {:?}", path.file_name().unwrap().display(), graph.opset, ops);
    }
}
