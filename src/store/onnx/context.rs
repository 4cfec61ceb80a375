//! The x-path: steps written back as they were read.

use super::Written;
use super::file::{File, attribute, float, float_tensor, int, ints, stored, string};
use crate::ir::context::{ContextArgument, ContextValue};
use crate::ir::program::{ParamSource, Program};
use crate::load::graph::Attribute;
use crate::load::onnx::proto::{AttributeProto, NodeProto, TensorProto, attribute_type, data_type};
use crate::tensor::Tensor;

/// Data types that a cast to becomes one to double: float, float16, bfloat16.
const NARROW: [i64; 3] = [1, 10, 16];

/// What a value of the x-path is called in the file.
pub(super) fn name(file: &File, program: &Program, value: ContextValue) -> String {
    match value {
        ContextValue::Input(k) => file.input_name(&program.context().inputs[k].name),
        ContextValue::Step { step, output } => format!("{}x{step}_{output}", file.reserved()),
    }
}

/// Writes step `k`.
pub(super) fn step(file: &mut File, program: &Program, k: usize) -> Written<()> {
    let step = &program.context().steps[k];
    let mut input = vec![];
    for argument in &step.arguments {
        input.push(match argument {
            None => String::new(),
            Some(ContextArgument::Value(value)) => name(file, program, *value),
            Some(ContextArgument::Constant(t)) => file.tensor(tensor(t)),
        });
    }
    let outputs =
        (0..outputs(program, k)).map(|output| name(file, program, ContextValue::Step { step: k, output })).collect();
    let mut attributes = vec![];
    for (name, value) in &step.node.attributes {
        attributes.push(match value {
            Attribute::Int(to) if step.node.op == "Cast" && name == "to" && NARROW.contains(to) => {
                int(name, data_type::DOUBLE.into())
            }
            value => attribute_of(name, value)?,
        });
    }
    file.node(NodeProto {
        input,
        output: outputs,
        name: Some(step.node.name.clone()),
        op_type: Some(step.node.op.clone()),
        attribute: attributes,
        ..NodeProto::default()
    });
    Ok(())
}

/// How many outputs a step needs: those the file named, and those that something reads.
fn outputs(program: &Program, k: usize) -> usize {
    let context = program.context();
    let of = |value: &ContextValue| match value {
        ContextValue::Step { step, output } if *step == k => output + 1,
        _ => 1,
    };
    let arguments = context.steps.iter().flat_map(|s| s.arguments.iter().flatten()).map(|a| match a {
        ContextArgument::Value(value) => of(value),
        ContextArgument::Constant(_) => 1,
    });
    let params = program.params().iter().map(|p| match &p.source {
        ParamSource::Context { value, .. } => of(value),
        ParamSource::Constant(_) => 1,
    });
    arguments.chain(params).fold(context.steps[k].node.outputs.len().max(1), usize::max)
}

fn tensor(t: &Tensor) -> TensorProto {
    match t {
        Tensor::Float(a) => float_tensor(a.shape(), a.iter().copied()),
        Tensor::Int(a) => stored(a.shape(), data_type::INT64, a.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Tensor::Bool(a) => stored(a.shape(), data_type::BOOL, a.iter().map(|v| u8::from(*v)).collect()),
    }
}

fn attribute_of(name: &str, value: &Attribute) -> Written<AttributeProto> {
    let narrow = |v: f64| {
        float(name, v).ok_or_else(|| format!("attribute '{name}' is {v:?}, which is no 32-bit float as ONNX has them"))
    };
    Ok(match value {
        Attribute::Int(v) => int(name, *v),
        Attribute::Float(v) => narrow(*v)?,
        Attribute::String(v) => string(name, v),
        Attribute::Ints(v) => ints(name, v),
        Attribute::Tensor(t) => {
            AttributeProto { t: Some(Box::new(tensor(t))), ..attribute(name, attribute_type::TENSOR) }
        }
        Attribute::Floats(all) => {
            let floats = all.iter().map(|v| Ok(narrow(*v)?.f())).collect::<Written<Vec<f32>>>()?;
            AttributeProto { floats, ..attribute(name, attribute_type::FLOATS) }
        }
        Attribute::Strings(all) => {
            let strings = all.iter().map(|s| s.as_bytes().to_vec()).collect();
            AttributeProto { strings, ..attribute(name, attribute_type::STRINGS) }
        }
    })
}
