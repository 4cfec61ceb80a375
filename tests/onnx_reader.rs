//! Reading ONNX files and running them: every exported network agrees with its framework, malformed files are refused in
//! words, and no bytes make the reader panic.
#![cfg(feature = "onnx")]

#[path = "common/onnx.rs"]
mod onnx;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use icnn::load::error::LoadError;
use icnn::load::graph::Graph;
use icnn::load::onnx::{parse, read};
use icnn::tensor::{Tensor, evaluate};
use ndarray::{ArrayD, IxDyn};
use onnx::*;

/// How many numbers a result may have in these tests.
const LIMIT: usize = 1 << 20;

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

/// Runs a whole graph on concrete inputs; all values by name.
fn run(graph: &Graph, inputs: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, String> {
    let mut values = graph.initializers.clone();
    values.extend(inputs.clone());
    for node in &graph.nodes {
        let given: Vec<Option<&Tensor>> = node.inputs.iter().map(|i| i.as_ref().and_then(|n| values.get(n))).collect();
        let outputs = evaluate(node, &given, graph.opset, LIMIT).map_err(|e| format!("{}: {e}", node.name))?;
        values.extend(node.outputs.iter().cloned().zip(outputs));
    }
    Ok(values)
}

/// The arrays of an uncompressed `.npz` with f32 entries: a chain of local zip headers, each before one `.npy`.
fn npz(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let number = |at: usize, n: usize| (0..n).rev().fold(0usize, |v, i| v << 8 | bytes[at + i] as usize);
    let mut arrays = BTreeMap::new();
    let mut at = 0;
    while bytes[at..].starts_with(b"PK\x03\x04") {
        assert_eq!(number(at + 8, 2), 0, "{} is compressed", path.display());
        let (name_len, extra_len) = (number(at + 26, 2), number(at + 28, 2));
        let name = String::from_utf8_lossy(&bytes[at + 30..at + 30 + name_len]).into_owned();
        let npy = at + 30 + name_len + extra_len;
        assert!(bytes[npy..].starts_with(b"\x93NUMPY"));
        let header_len = number(npy + 8, 2);
        let header = String::from_utf8_lossy(&bytes[npy + 10..npy + 10 + header_len]).into_owned();
        assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
        let inside = header.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
        let shape: Vec<usize> = inside.split(',').filter_map(|d| d.trim().parse().ok()).collect();
        let start = npy + 10 + header_len;
        let count: usize = shape.iter().product();
        let floats =
            bytes[start..start + 4 * count].as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b)));
        let array = ArrayD::from_shape_vec(IxDyn(&shape), floats.collect()).unwrap();
        arrays.insert(name.trim_end_matches(".npy").to_string(), Tensor::Float(array));
        at = start + 4 * count;
    }
    arrays
}

/// The largest difference of two float tensors of one shape, relative to the larger of 1 and the second's norm.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (found.as_float().unwrap(), expected.as_float().unwrap());
    let scale = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f64::max)
}

#[test]
fn every_network_agrees_with_its_framework() {
    for path in networks() {
        let graph = read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let stem = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_string();
        let arrays = npz(&path.with_file_name(format!("{stem}.io.npz")));
        let inputs: BTreeMap<String, Tensor> =
            graph.inputs.iter().map(|i| (i.name.clone(), arrays[&i.name].clone())).collect();
        let values = run(&graph, &inputs).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let worst = difference(&values[&graph.outputs[0].name], &arrays["f"]);
        println!("{stem} opset {} ({} nodes): {worst:.1e}", graph.opset, graph.nodes.len());
        assert!(worst < 1e-5, "{}: {worst:e}", path.display());
    }
}
