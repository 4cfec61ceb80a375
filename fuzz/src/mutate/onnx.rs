//! ONNX → ONNX: operators, wires, attributes, weights and extents of a decoded model change.

use icnn::load::onnx::proto::*;
use prost::Message;

use super::Random;

/// Names of attributes that operators look at.
const ATTRIBUTES: [&str; 36] = [
    "allowzero",
    "alpha",
    "approximate",
    "axes",
    "axis",
    "batch_dims",
    "beta",
    "ceil_mode",
    "count_include_pad",
    "detect_negative",
    "epsilon",
    "equation",
    "exclusive",
    "gamma",
    "group",
    "keepdims",
    "kernel_shape",
    "largest",
    "max",
    "min",
    "mode",
    "noop_with_empty_axes",
    "num_groups",
    "num_outputs",
    "output_shape",
    "p",
    "pads",
    "perm",
    "reverse",
    "split",
    "starts",
    "ends",
    "strides",
    "dilations",
    "to",
    "value",
];
/// Texts that attributes hold.
const TEXTS: [&str; 8] = ["", "ij,jk->ik", "bi,ij->bj", "SAME_UPPER", "VALID", "edge", "reflect", "tanh"];
/// Element types.
const TYPES: [i32; 9] = [1, 2, 6, 7, 9, 10, 11, 13, 16];
/// Numbers of f32 weights.
const NUMBERS: [f32; 12] = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e30, -1e30, 1e-40, f32::MAX, f32::INFINITY, f32::NAN];
/// Extents and axes.
const INTEGERS: [i64; 14] = [0, 1, 2, 3, 4, 5, -1, -2, 7, 64, 1 << 31, 1 << 40, i64::MAX, i64::MIN];

/// Another model; `None` where `bytes` are none, or where bytes are to be changed for once.
pub fn model(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    if random.one_in(8) {
        return None;
    }
    let mut model = ModelProto::decode(bytes).ok()?;
    for _ in 0..1 + random.below(3) {
        if random.one_in(40) {
            let version = model.opset_import.first_mut()?.version.get_or_insert(17);
            *version = 9 + random.below(16) as i64;
        }
        let functions = model.functions.len();
        if functions > 0 && random.one_in(4) {
            let function = &mut model.functions[random.below(functions)];
            nodes(&mut function.node, &mut vec![], &mut random);
        }
        graph(model.graph.as_mut()?, &mut random);
    }
    Some(model.encode_to_vec())
}

fn graph(graph: &mut GraphProto, random: &mut Random) {
    let mut names: Vec<String> = graph.initializer.iter().filter_map(|t| t.name.clone()).collect();
    names.extend(graph.input.iter().filter_map(|i| i.name.clone()));
    match random.below(10) {
        0 => {
            let k = random.below(graph.initializer.len());
            if let Some(t) = graph.initializer.get_mut(k) {
                weight(t, random);
            }
        }
        1 => {
            let name = format!("w{}", random.below(100));
            graph.initializer.push(small(name, random));
        }
        2 => {
            let k = random.below(graph.input.len());
            if let Some(input) = graph.input.get_mut(k) {
                extent(input, random);
            }
        }
        3 => {
            let k = random.below(graph.output.len());
            let produced: Vec<String> = graph.node.iter().flat_map(|n| n.output.clone()).collect();
            if let (Some(output), Some(name)) = (graph.output.get_mut(k), random.of(&produced)) {
                output.name = Some(name.clone());
            }
        }
        _ => nodes(&mut graph.node, &mut names, random),
    }
}

/// One change in a list of operations; `names` are what they may read beside each other's results.
fn nodes(nodes: &mut Vec<NodeProto>, names: &mut Vec<String>, random: &mut Random) {
    names.extend(nodes.iter().flat_map(|n| n.output.iter().cloned()));
    let k = random.below(nodes.len());
    let name = random.of(names).cloned().unwrap_or_default();
    let op = || icnn::tensor::operators().map(String::from).collect::<Vec<_>>();
    match random.below(9) {
        // An operation between a value and all that read it.
        0 | 1 => {
            let made = format!("v{}", random.below(1000));
            for input in nodes.iter_mut().flat_map(|n| &mut n.input).filter(|i| **i == name) {
                input.clone_from(&made);
            }
            let mut input = vec![name];
            if random.one_in(2) {
                input.extend(random.of(names).cloned());
            }
            let op_type = random.of(&op()).cloned();
            nodes.insert(k, NodeProto { input, output: vec![made], op_type, ..Default::default() });
        }
        2 if nodes.len() > 1 => drop(nodes.remove(k)),
        which => {
            let Some(node) = nodes.get_mut(k) else { return };
            match which {
                2 | 3 => node.op_type = random.of(&op()).cloned(),
                4 => {
                    let i = random.below(node.input.len());
                    if let Some(input) = node.input.get_mut(i) {
                        *input = name;
                    }
                }
                5 => node.input.push(name),
                6 => drop(node.input.pop()),
                7 if !node.attribute.is_empty() => {
                    let a = random.below(node.attribute.len());
                    if random.one_in(3) {
                        node.attribute.remove(a);
                    } else {
                        let name = node.attribute[a].name.clone().unwrap_or_default();
                        node.attribute[a] = attribute(name, random);
                    }
                }
                _ => {
                    let name = ATTRIBUTES[random.below(ATTRIBUTES.len())].to_string();
                    node.attribute.push(attribute(name, random));
                }
            }
        }
    }
}

fn attribute(name: String, random: &mut Random) -> AttributeProto {
    let mut out = AttributeProto { name: Some(name), ..Default::default() };
    let kind = match random.below(8) {
        0 => {
            out.f = Some(NUMBERS[random.below(NUMBERS.len())]);
            attribute_type::FLOAT
        }
        1..=3 => {
            out.i = Some(INTEGERS[random.below(INTEGERS.len())]);
            attribute_type::INT
        }
        4 => {
            out.s = Some(TEXTS[random.below(TEXTS.len())].into());
            attribute_type::STRING
        }
        5 => {
            out.t = Some(Box::new(small(String::new(), random)));
            attribute_type::TENSOR
        }
        _ => {
            out.ints = (0..random.below(5)).map(|_| INTEGERS[random.below(INTEGERS.len())]).collect();
            attribute_type::INTS
        }
    };
    out.r#type = Some(kind);
    out
}

/// A tensor of at most two axes.
fn small(name: String, random: &mut Random) -> TensorProto {
    let dims: Vec<i64> = (0..random.below(3)).map(|_| 1 + random.below(4) as i64).collect();
    let n = dims.iter().product::<i64>() as usize;
    let mut out = TensorProto { dims, name: Some(name), ..Default::default() };
    if random.one_in(2) {
        out.data_type = Some(data_type::FLOAT);
        out.float_data = (0..n).map(|_| NUMBERS[random.below(NUMBERS.len())]).collect();
    } else {
        out.data_type = Some(data_type::INT64);
        out.int64_data = (0..n).map(|_| INTEGERS[random.below(INTEGERS.len())]).collect();
    }
    out
}

fn weight(t: &mut TensorProto, random: &mut Random) {
    match random.below(6) {
        0 => t.data_type = Some(TYPES[random.below(TYPES.len())]),
        1 => t.dims.reverse(),
        2 => t.dims = vec![t.dims.iter().fold(1, |n, d| d.wrapping_mul(n))],
        3 => {
            let k = random.below(t.dims.len() + 1);
            t.dims.insert(k, 1);
        }
        _ => {
            let value = NUMBERS[random.below(NUMBERS.len())];
            let mut bytes = t.raw_data.take().map(Vec::from);
            let k = random.below(bytes.as_ref().map_or(0, Vec::len) / 4);
            if let Some(chunk) = bytes.as_mut().and_then(|bytes| bytes.chunks_exact_mut(4).nth(k)) {
                chunk.copy_from_slice(&value.to_le_bytes());
            }
            t.raw_data = bytes.map(Into::into);
            let k = random.below(t.float_data.len());
            if let Some(v) = t.float_data.get_mut(k) {
                *v = value;
            }
            let k = random.below(t.int64_data.len());
            if let Some(v) = t.int64_data.get_mut(k) {
                *v = INTEGERS[random.below(INTEGERS.len())];
            }
        }
    }
}

fn extent(input: &mut ValueInfoProto, random: &mut Random) {
    let Some(shape) = input.r#type.as_mut().and_then(|t| t.tensor_type.as_mut()).and_then(|t| t.shape.as_mut()) else {
        return;
    };
    let k = random.below(shape.dim.len());
    match random.below(4) {
        0 => shape.dim.push(DimensionProto { dim_value: Some(1), dim_param: None }),
        1 if !shape.dim.is_empty() => drop(shape.dim.remove(k)),
        _ => {
            if let Some(dim) = shape.dim.get_mut(k) {
                dim.dim_value = Some(INTEGERS[random.below(INTEGERS.len())]);
            }
        }
    }
}
