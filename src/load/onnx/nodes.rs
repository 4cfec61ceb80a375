//! [`node`]: one operation, its attributes typed and everything without meaning for inference refused.

use std::collections::BTreeMap;

use ndarray::{Array1, arr0};

use super::external::External;
use super::proto::{AttributeProto, NodeProto, attribute_type as kind};
use super::weights;
use crate::load::error::LoadError;
use crate::load::graph::{Attribute, Node};
use crate::tensor::Tensor;

/// How messages call a node.
pub(super) fn named(node: &Node) -> String {
    format!("node '{}' ({})", node.name, node.op)
}

/// The error that `reason` makes of `node`.
fn fail(node: &Node, reason: impl Into<String>) -> LoadError {
    LoadError::Node { node: node.name.clone(), op: node.op.clone(), reason: reason.into() }
}

/// An operation of the default domain (others have been inlined or refused), already named.
///
/// # Errors
/// No operator, no output, an attribute given twice, holding NaN, or of a kind not supported.
pub(super) fn node(proto: NodeProto, opset: i64, external: &mut External) -> Result<Node, LoadError> {
    let optional = |name: String| (!name.is_empty()).then_some(name);
    let mut node = Node {
        name: proto.name.unwrap_or_default(),
        op: proto.op_type.unwrap_or_default(),
        inputs: proto.input.into_iter().map(optional).collect(),
        outputs: proto.output,
        attributes: BTreeMap::new(),
    };
    if node.op.is_empty() {
        return Err(fail(&node, "it names no operator"));
    }
    if node.outputs.iter().all(String::is_empty) {
        return Err(fail(&node, "it has no output"));
    }
    for proto in proto.attribute {
        let name = proto.name().to_string();
        let value = attribute(&node, &name, proto, opset, external)?;
        if node.attributes.insert(name.clone(), value).is_some() {
            return Err(fail(&node, format!("attribute '{name}' is given twice")));
        }
    }
    Ok(node)
}

/// The typed value of an attribute.
fn attribute(
    node: &Node,
    name: &str,
    proto: AttributeProto,
    opset: i64,
    external: &mut External,
) -> Result<Attribute, LoadError> {
    let unsupported = |what: &str| fail(node, format!("attribute '{name}' is {what}, which is not supported"));
    if proto.g.is_some() || !proto.graphs.is_empty() {
        return Err(unsupported("a graph"));
    }
    if proto.sparse_tensor.is_some() {
        return Err(unsupported("a sparse tensor"));
    }
    if let Some(outer) = &proto.ref_attr_name
        && !outer.is_empty()
    {
        return Err(fail(node, format!("attribute '{name}' refers to '{outer}' of a function it is not in")));
    }
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| fail(node, format!("attribute '{name}' is not UTF-8 text")))
    };
    let number = |v: f32| {
        if v.is_nan() { Err(fail(node, format!("attribute '{name}' is NaN"))) } else { Ok(f64::from(v)) }
    };
    Ok(match attribute_kind(&proto) {
        kind::FLOAT => Attribute::Float(number(proto.f())?),
        kind::INT => Attribute::Int(proto.i()),
        kind::STRING => Attribute::String(text(proto.s.unwrap_or_default())?),
        kind::TENSOR => {
            let tensor = proto.t.ok_or_else(|| fail(node, format!("attribute '{name}' holds no tensor")))?;
            Attribute::Tensor(weights::tensor(&format!("{}.{name}", node.name), *tensor, external)?)
        }
        kind::FLOATS => Attribute::Floats(proto.floats.into_iter().map(number).collect::<Result<_, _>>()?),
        kind::INTS => Attribute::Ints(proto.ints),
        kind::STRINGS => Attribute::Strings(proto.strings.into_iter().map(text).collect::<Result<_, _>>()?),
        other => {
            return Err(fail(node, format!("attribute '{name}' is of kind {other}, not supported at opset {opset}")));
        }
    })
}

/// The declared kind; files older than the `type` field are read by which field is filled.
fn attribute_kind(proto: &AttributeProto) -> i32 {
    match proto.r#type() {
        0 if proto.f.is_some() => kind::FLOAT,
        0 if proto.i.is_some() => kind::INT,
        0 if proto.s.is_some() => kind::STRING,
        0 if proto.t.is_some() => kind::TENSOR,
        0 if !proto.floats.is_empty() => kind::FLOATS,
        0 if !proto.strings.is_empty() => kind::STRINGS,
        0 => kind::INTS,
        declared => declared,
    }
}

/// The name and value a `Constant` node defines; its value is taken out of it.
pub(super) fn constant(node: &mut Node) -> Result<(String, Tensor), LoadError> {
    if node.outputs.len() != 1 || !node.inputs.is_empty() || node.attributes.len() != 1 {
        return Err(fail(
            node,
            format!(
                "a constant has 0 inputs, 1 attribute and 1 output, this one {}, {} and {}",
                node.inputs.len(),
                node.attributes.len(),
                node.outputs.len()
            ),
        ));
    }
    let (name, value) = node.attributes.pop_first().expect("its one attribute");
    let value = match (name.as_str(), value) {
        ("value", Attribute::Tensor(t)) => t,
        ("value_float", Attribute::Float(v)) => Tensor::Float(arr0(v).into_dyn()),
        ("value_floats", Attribute::Floats(v)) => Tensor::Float(Array1::from(v).into_dyn()),
        ("value_int", Attribute::Int(v)) => Tensor::Int(arr0(v).into_dyn()),
        ("value_ints", Attribute::Ints(v)) => Tensor::Int(Array1::from(v).into_dyn()),
        _ => return Err(fail(node, format!("a constant given by '{name}' is not supported"))),
    };
    Ok((node.outputs[0].clone(), value))
}

/// Refuses batch normalisation and dropout that were exported in training mode.
pub(super) fn refuse_training(node: &Node, opset: i64, known: &BTreeMap<String, Tensor>) -> Result<(), LoadError> {
    let training = match node.op.as_str() {
        "BatchNormalization" if opset >= 14 => node.int("training_mode", 0) != 0,
        "BatchNormalization" => node.outputs.iter().skip(1).any(|o| !o.is_empty()),
        "Dropout" => match node.inputs.get(2).and_then(Option::as_ref).and_then(|name| known.get(name)) {
            Some(Tensor::Bool(flag)) => flag.iter().any(|f| *f),
            _ => false,
        },
        _ => false,
    };
    if training {
        return Err(fail(node, "it is in training mode; call `model.eval()` before exporting"));
    }
    Ok(())
}
