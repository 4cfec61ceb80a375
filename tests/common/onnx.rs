//! Writing ONNX models in tests, well formed or not.
#![allow(dead_code, unused_imports)]

pub use icnn::load::onnx::proto::*;
use prost::Message;

/// A model under construction. Public messages may be changed at will before [`ModelBuilder::bytes`].
#[derive(Clone, Default)]
pub struct ModelBuilder {
    pub model: ModelProto,
}

impl ModelBuilder {
    /// An empty graph with the given version of the default operator set.
    pub fn new(opset: i64) -> Self {
        let import = OperatorSetIdProto { domain: Some(String::new()), version: Some(opset) };
        let model = ModelProto {
            ir_version: Some(8),
            producer_name: Some("test".into()),
            graph: Some(GraphProto { name: Some("g".into()), ..Default::default() }),
            opset_import: vec![import],
            ..Default::default()
        };
        ModelBuilder { model }
    }

    /// The graph message.
    pub fn graph(&mut self) -> &mut GraphProto {
        self.model.graph.get_or_insert_default()
    }

    /// A float input; `None` is an unknown extent.
    pub fn input(mut self, name: &str, dims: &[Option<i64>]) -> Self {
        self.graph().input.push(value_info(name, Some(dims)));
        self
    }

    /// An output without a declared shape.
    pub fn output(mut self, name: &str) -> Self {
        self.graph().output.push(value_info(name, None));
        self
    }

    /// An f32 weight in `raw_data`.
    pub fn initializer(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph().initializer.push(tensor_f32(name, dims, values));
        self
    }

    /// An i64 weight in `raw_data`, for axes and shapes.
    pub fn integers(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        self.graph().initializer.push(tensor_i64(name, dims, values));
        self
    }

    /// Any stored tensor.
    pub fn tensor(mut self, tensor: TensorProto) -> Self {
        self.graph().initializer.push(tensor);
        self
    }

    /// A node without a name; an empty input is one left out.
    pub fn node(mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<AttributeProto>) -> Self {
        self.graph().node.push(node(op, inputs, outputs, attributes));
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        self.model.encode_to_vec()
    }
}

/// A node without a name.
pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    NodeProto {
        input: owned(inputs),
        output: owned(outputs),
        op_type: Some(op.into()),
        attribute,
        ..Default::default()
    }
}

/// A stored f32 tensor.
pub fn tensor_f32(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    raw(name, dims, data_type::FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// A stored i64 tensor.
pub fn tensor_i64(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    raw(name, dims, data_type::INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Changes the bytes at a place of a stored tensor.
pub fn overwrite(tensor: &mut TensorProto, at: usize, with: &[u8]) {
    let mut raw = tensor.raw_data.take().expect("raw data").to_vec();
    raw[at..at + with.len()].copy_from_slice(with);
    tensor.raw_data = Some(raw.into());
}

/// A stored tensor of any type, from its little-endian bytes.
pub fn raw(name: &str, dims: &[i64], kind: i32, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(kind),
        name: Some(name.into()),
        raw_data: Some(bytes.into()),
        ..Default::default()
    }
}

/// An attribute that is an integer.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, attribute_type::INT) }
}

/// An attribute that is a number.
pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, attribute_type::FLOAT) }
}

/// An attribute that is a list of integers.
pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, attribute_type::INTS) }
}

/// An attribute that is a list of numbers.
pub fn floats(name: &str, values: &[f32]) -> AttributeProto {
    AttributeProto { floats: values.to_vec(), ..attribute(name, attribute_type::FLOATS) }
}

/// An attribute that is text.
pub fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..attribute(name, attribute_type::STRING) }
}

/// An attribute that is a tensor.
pub fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(Box::new(value)), ..attribute(name, attribute_type::TENSOR) }
}

/// An attribute of one kind without its value.
pub fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind), ..Default::default() }
}

/// A float input or output.
pub fn value_info(name: &str, dims: Option<&[Option<i64>]>) -> ValueInfoProto {
    let dim = |d: &Option<i64>| DimensionProto { dim_value: *d, dim_param: None };
    let shape = dims.map(|dims| TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape };
    let declared = TypeProto { tensor_type: Some(tensor_type), ..Default::default() };
    ValueInfoProto { name: Some(name.into()), r#type: Some(declared) }
}

/// A field of a protobuf message with length `inner.len()`.
pub fn field(number: u8, inner: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut len = inner.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(inner);
    bytes
}
