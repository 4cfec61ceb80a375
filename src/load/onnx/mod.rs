//! Reading ONNX files into a [`Graph`].
//!
//! The file is decoded with messages declared by hand ([`proto`]), model-local functions are inlined, `Constant` nodes
//! become initializers, and nodes are put in an order in which each follows its inputs. Bytes are never trusted: no
//! input makes the reader panic, recurse without bound, or allocate more than a small multiple of the file's size.
//!
//! Deliberately absent: graphs inside nodes (`If`, `Loop`, `Scan`), sparse tensors, sequences, strings, operators of
//! other domains, training-mode nodes. Each is refused by name.

mod external;
mod inline;
mod nodes;
mod order;
pub mod proto;
mod weights;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

use self::external::External;
use self::proto::{GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto};
use super::bytes;
use super::error::LoadError;
use super::graph::{Attribute, Dim, Graph, ValueInfo};
use crate::tensor::Tensor;

/// The lowest version of the default operator set that is read.
pub const LOWEST_OPSET: i64 = 9;
/// The highest version of the default operator set that is read.
pub const HIGHEST_OPSET: i64 = 23;
/// The largest size of a protobuf message, and so of an ONNX file.
const LARGEST_FILE: u64 = i32::MAX as u64;

/// Reads the ONNX file at `path`; external weights are looked for in its folder.
///
/// # Errors
/// See [`LoadError`]: an unreadable or oversized file, or anything [`parse`] refuses.
pub fn read(path: &Path) -> Result<Graph, LoadError> {
    parsed(bytes::whole(path, LARGEST_FILE)?.into(), path.parent())
}

/// Reads an ONNX model from memory; `folder` is where external weights may be, if anywhere.
///
/// # Errors
/// See [`LoadError`]: bytes that are no ONNX model, an operator set outside 9–23, inconsistent tensors, names defined
/// twice or never, cycles, nodes of other domains or in training mode.
pub fn parse(bytes: &[u8], folder: Option<&Path>) -> Result<Graph, LoadError> {
    parsed(Bytes::copy_from_slice(bytes), folder)
}

/// The same with bytes that tensors can share until they are numbers.
fn parsed(bytes: Bytes, folder: Option<&Path>) -> Result<Graph, LoadError> {
    let malformed = |reason: String| LoadError::Malformed { reason };
    let size = bytes.len();
    wire::check(&bytes)?;
    let model = ModelProto::decode(bytes).map_err(|e| malformed(e.to_string()))?;
    let opsets: BTreeSet<i64> = default_opsets(&model.opset_import).collect();
    let opset = match opsets.first() {
        Some(opset) if opsets.len() == 1 => *opset,
        _ => return Err(malformed(format!("{} versions of the default operator set, 1 is needed", opsets.len()))),
    };
    if !(LOWEST_OPSET..=HIGHEST_OPSET).contains(&opset) {
        return Err(LoadError::Opset { found: opset, lowest: LOWEST_OPSET, highest: HIGHEST_OPSET });
    }
    let mut proto = model.graph.ok_or_else(|| malformed("the file holds no graph".into()))?;
    proto.node = inline::inline(std::mem::take(&mut proto.node), &model.functions, opset, size)?;
    graph(proto, opset, External::new(folder))
}

/// The versions given for the default operator set.
fn default_opsets(imports: &[OperatorSetIdProto]) -> impl Iterator<Item = i64> {
    imports.iter().filter(|o| is_default(o.domain())).map(OperatorSetIdProto::version)
}

/// Whether `domain` is the standard one.
fn is_default(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The graph of a model whose functions are inlined.
fn graph(proto: GraphProto, opset: i64, mut external: External) -> Result<Graph, LoadError> {
    let fail = |reason: String| LoadError::Graph { reason };
    if !proto.sparse_initializer.is_empty() {
        return Err(fail(format!("{} sparse initializers, which are not supported", proto.sparse_initializer.len())));
    }

    let mut initializers = BTreeMap::new();
    for tensor in proto.initializer {
        let name = tensor.name().to_string();
        if name.is_empty() {
            return Err(fail("an initializer without a name".into()));
        }
        let value = weights::tensor(&name, tensor, &mut external)?;
        if initializers.insert(name.clone(), value).is_some() {
            return Err(fail(format!("two initializers are called '{name}'")));
        }
    }
    let inputs: Vec<ValueInfo> = proto
        .input
        .iter()
        .filter(|i| !initializers.contains_key(i.name()))
        .map(value_info)
        .collect::<Result<_, _>>()?;
    let outputs: Vec<ValueInfo> = proto.output.iter().map(value_info).collect::<Result<_, _>>()?;
    if outputs.is_empty() {
        return Err(fail("it declares no output".into()));
    }

    let mut nodes = Vec::with_capacity(proto.node.len());
    let mut stored: usize = initializers.values().map(Tensor::len).sum();
    for node in proto.node {
        let mut node = nodes::node(node, opset, &mut external)?;
        if node.op == "Constant" {
            let (name, value) = nodes::constant(&mut node)?;
            stored += value.len();
            if initializers.insert(name.clone(), value).is_some() {
                return Err(fail(format!("'{name}' is defined twice: by {} and before it", nodes::named(&node))));
            }
        } else {
            stored += node.attributes.values().map(numbers).sum::<usize>();
            nodes.push(node);
        }
    }

    let mut defined: BTreeSet<&str> = initializers.keys().map(String::as_str).collect();
    for input in &inputs {
        if !defined.insert(&input.name) {
            return Err(fail(format!("'{}' is defined twice: it is an input and a constant or input", input.name)));
        }
    }
    let nodes = order::order(nodes, &defined)?;
    let produced: BTreeSet<&str> = nodes.iter().flat_map(|n| &n.outputs).map(String::as_str).collect();
    if let Some(o) = outputs.iter().find(|o| !defined.contains(o.name.as_str()) && !produced.contains(o.name.as_str()))
    {
        return Err(fail(format!("output '{}' is never defined", o.name)));
    }
    for node in &nodes {
        nodes::refuse_training(node, opset, &initializers)?;
    }
    Ok(Graph { opset, inputs, outputs, initializers, nodes, stored_elements: stored })
}

/// How many numbers an attribute stores as a tensor.
fn numbers(attribute: &Attribute) -> usize {
    match attribute {
        Attribute::Tensor(t) => t.len(),
        _ => 0,
    }
}

/// An input or output with its declared dimensions.
fn value_info(proto: &ValueInfoProto) -> Result<ValueInfo, LoadError> {
    let name = proto.name().to_string();
    let fail = |reason: String| LoadError::Graph { reason };
    if name.is_empty() {
        return Err(fail("an input or output without a name".into()));
    }
    let Some(declared) = &proto.r#type else { return Ok(ValueInfo { name, dims: None }) };
    let other = [&declared.sequence_type, &declared.map_type, &declared.sparse_tensor_type, &declared.optional_type];
    if other.iter().any(|t| t.is_some()) {
        return Err(fail(format!("'{name}' is not a dense tensor, which is all that is supported")));
    }
    let Some(shape) = declared.tensor_type.as_ref().and_then(|t| t.shape.as_ref()) else {
        return Ok(ValueInfo { name, dims: None });
    };
    let mut dims = Vec::with_capacity(shape.dim.len());
    for (axis, dim) in shape.dim.iter().enumerate() {
        dims.push(match dim.dim_value {
            Some(v) if v >= 0 => {
                Dim::Known(usize::try_from(v).map_err(|_| fail(format!("'{name}' has extent {v} at axis {axis}")))?)
            }
            // Some exporters write -1 for an extent they do not know.
            Some(-1) => Dim::Symbol(String::new()),
            Some(v) => return Err(fail(format!("'{name}' has extent {v} at axis {axis}"))),
            None => Dim::Symbol(dim.dim_param().to_string()),
        });
    }
    Ok(ValueInfo { name, dims: Some(dims) })
}
