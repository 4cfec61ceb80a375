//! [`File`]: an ONNX model under construction.

use crate::load::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, attribute_type, data_type,
};

/// A model file; every value it makes has a name no input has.
pub(super) struct File {
    graph: GraphProto,
    pub opset: i64,
    inputs: Vec<String>,
    prefix: String,
    made: usize,
    /// Name given to the operations written next.
    pub origin: String,
}

/// The version of the file format that goes with an operator set.
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=18 => 8,
        19 | 20 => 9,
        21 | 22 => 10,
        _ => 11,
    }
}

impl File {
    /// A file whose inputs will have the given names.
    pub fn new(opset: i64, inputs: Vec<String>) -> File {
        let mut prefix = "v".to_string();
        while inputs.iter().any(|i| i.starts_with(&prefix)) {
            prefix.push('_');
        }
        let graph = GraphProto { name: Some("icnn".into()), ..GraphProto::default() };
        File { graph, opset, inputs, prefix, made: 0, origin: String::new() }
    }

    /// Declares an input.
    pub fn input(&mut self, name: &str, shape: &[usize]) {
        self.graph.input.push(value_info(&self.input_name(name), shape));
    }

    /// What an input is called; a name must not be empty.
    pub fn input_name(&self, name: &str) -> String {
        if name.is_empty() { "input".into() } else { name.into() }
    }

    /// A name no other value has.
    pub fn fresh(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// What names that are not numbered begin with, so that no other value has them.
    pub fn reserved(&self) -> &str {
        &self.prefix
    }

    /// Adds an operation as it is.
    pub fn node(&mut self, node: NodeProto) {
        self.graph.node.push(node);
    }

    /// An operation without attributes.
    pub fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.with(op, inputs, vec![])
    }

    /// An operation with one result.
    pub fn with(&mut self, op: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = self.fresh();
        let name = format!("{} {op} {output}", self.origin);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|i| i.to_string()).collect(),
            output: vec![output.clone()],
            name: Some(name),
            op_type: Some(op.into()),
            attribute,
            ..NodeProto::default()
        });
        output
    }

    /// Stored numbers, row-major.
    pub fn floats(&mut self, shape: &[usize], values: &[f64]) -> String {
        self.tensor(float_tensor(shape, values.iter().copied()))
    }

    /// A stored list of integers.
    pub fn integers(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(stored(&[values.len()], data_type::INT64, raw))
    }

    /// A stored tensor.
    pub fn tensor(&mut self, tensor: TensorProto) -> String {
        let name = self.fresh();
        self.graph.initializer.push(TensorProto { name: Some(name.clone()), ..tensor });
        name
    }

    /// The same entries with other extents.
    pub fn reshaped(&mut self, value: &str, shape: &[usize]) -> String {
        let extents: Vec<i64> = shape.iter().map(|d| *d as i64).collect();
        let extents = self.integers(&extents);
        self.op("Reshape", &[value, &extents])
    }

    /// Entries of a row.
    pub fn gather(&mut self, row: &str, index: &[usize]) -> String {
        let index: Vec<i64> = index.iter().map(|i| *i as i64).collect();
        let index = self.integers(&index);
        self.with("Gather", &[row, &index], vec![int("axis", 1)])
    }

    /// One row after the other.
    pub fn concat(&mut self, rows: &[&str]) -> String {
        self.with("Concat", rows, vec![int("axis", 1)])
    }

    /// A reduction of the last axis of a matrix; the axis is an attribute before opset 18, for a sum before 13.
    pub fn reduced(&mut self, op: &str, matrix: &str) -> String {
        let since = if op == "ReduceSum" { 13 } else { 18 };
        if self.opset < since {
            return self.with(op, &[matrix], vec![ints("axes", &[1]), int("keepdims", 0)]);
        }
        let axes = self.integers(&[1]);
        self.with(op, &[matrix, &axes], vec![int("keepdims", 0)])
    }

    /// The file, with the given value as its output.
    pub fn finish(mut self, value: String) -> ModelProto {
        let mut name = "f".to_string();
        while self.inputs.contains(&name) || name.starts_with(&self.prefix) {
            name.insert(0, 'f');
        }
        self.graph.node.push(NodeProto {
            input: vec![value],
            output: vec![name.clone()],
            name: Some("output".into()),
            op_type: Some("Identity".into()),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(&name, &[1, 1]));
        ModelProto {
            ir_version: Some(ir_version(self.opset)),
            producer_name: Some("icnn".into()),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(self.opset) }],
            functions: vec![],
        }
    }
}

/// A stored tensor of doubles.
pub(super) fn float_tensor(shape: &[usize], values: impl Iterator<Item = f64>) -> TensorProto {
    stored(shape, data_type::DOUBLE, values.flat_map(f64::to_le_bytes).collect())
}

/// A stored tensor from its bytes.
pub(super) fn stored(shape: &[usize], kind: i32, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: shape.iter().map(|d| *d as i64).collect(),
        data_type: Some(kind),
        raw_data: Some(raw.into()),
        ..TensorProto::default()
    }
}

/// An attribute of one kind without its value.
pub(super) fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind), ..AttributeProto::default() }
}

/// An integer attribute.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, attribute_type::INT) }
}

/// An attribute that is a list of integers.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, attribute_type::INTS) }
}

/// An attribute that is text.
pub(super) fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..attribute(name, attribute_type::STRING) }
}

/// A number attribute, if a 32-bit float holds it exactly.
pub(super) fn float(name: &str, value: f64) -> Option<AttributeProto> {
    let narrow = value as f32;
    (f64::from(narrow) == value).then(|| AttributeProto { f: Some(narrow), ..attribute(name, attribute_type::FLOAT) })
}

fn value_info(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = shape.iter().map(|d| DimensionProto { dim_value: Some(*d as i64), dim_param: None }).collect();
    let tensor = TensorTypeProto { elem_type: Some(data_type::DOUBLE), shape: Some(TensorShapeProto { dim }) };
    let declared = TypeProto { tensor_type: Some(tensor), ..TypeProto::default() };
    ValueInfoProto { name: Some(name.into()), r#type: Some(declared) }
}
