//! [`write`]: a program as JSON text, one node, parameter and step a line.

use std::fmt::Write;

use serde::Serialize;

use super::number::{Number, numbers};
use super::problem::Problem;
use super::{FORMAT, VERSION, schema};
use crate::ir::context::{ContextArgument, ContextStep, ContextValue};
use crate::ir::linear::LinearMap;
use crate::ir::program::{GroupKind, Node, Op, Param, ParamSource, Program};
use crate::ir::unit::Unit;
use crate::load::error::LoadError;
use crate::load::graph::Attribute;
use crate::tensor::Tensor;

/// The text of a program.
///
/// # Errors
/// A number that is NaN, which no program that was read holds.
pub fn write(program: &Program) -> Result<String, LoadError> {
    text(program, None)
}

/// The text of a folded program, with what it was folded from and the set that belongs to it.
///
/// # Errors
/// As for [`write()`].
pub fn write_problem(program: &Program, problem: &Problem) -> Result<String, LoadError> {
    text(program, Some(problem))
}

fn text(program: &Program, problem: Option<&Problem>) -> Result<String, LoadError> {
    let decision = schema::Input { name: program.decision_name().into(), shape: program.decision_shape().to_vec() };
    let context = program.context();
    let inputs: Vec<schema::Input> =
        context.inputs.iter().map(|i| schema::Input { name: i.name.clone(), shape: i.shape.clone() }).collect();
    let mut out = String::new();
    let _ = writeln!(out, "{{\"format\": \"{FORMAT}\", \"version\": {VERSION},");
    if let Some(problem) = problem {
        let _ = writeln!(out, "\"problem\": {},", json("problem", problem)?);
    }
    let _ = writeln!(out, "\"decision\": {},", json("decision", &decision)?);
    let _ = writeln!(out, "\"context\": {{\"opset\": {}, \"inputs\": {},", context.opset, json("inputs", &inputs)?);
    list(&mut out, "steps", &context.steps, step)?;
    out.push_str("},\n");
    list(&mut out, "params", program.params(), param)?;
    out.push_str(",\n");
    list(&mut out, "nodes", program.nodes(), node)?;
    out.push_str("}\n");
    Ok(out)
}

fn json<T: Serialize>(part: &str, value: &T) -> Result<String, LoadError> {
    serde_json::to_string(value).map_err(|e| LoadError::Part { part: part.into(), reason: e.to_string() })
}

/// `"name": [` and one entry a line.
fn list<T, S: Serialize>(out: &mut String, name: &str, all: &[T], form: fn(&T) -> S) -> Result<(), LoadError> {
    let _ = write!(out, "\"{name}\": [");
    for (k, entry) in all.iter().enumerate() {
        let text = json(&format!("{name} {k}"), &form(entry))?;
        let _ = write!(out, "{}\n  {text}", if k == 0 { "" } else { "," });
    }
    out.push_str(if all.is_empty() { "]" } else { "\n]" });
    Ok(())
}

fn step(step: &ContextStep) -> schema::Step {
    let argument = |a: &ContextArgument| match a {
        ContextArgument::Constant(t) => schema::Argument::Constant(tensor(t)),
        ContextArgument::Value(ContextValue::Input(k)) => schema::Argument::Input(*k),
        ContextArgument::Value(ContextValue::Step { step, output }) => schema::Argument::Step(*step, *output),
    };
    schema::Step {
        op: step.node.op.clone(),
        name: step.node.name.clone(),
        arguments: step.arguments.iter().map(|a| a.as_ref().map(argument)).collect(),
        attributes: step.node.attributes.iter().map(|(k, v)| (k.clone(), attribute(v))).collect(),
        reads: step.node.inputs.clone(),
        makes: step.node.outputs.clone(),
    }
}

fn attribute(value: &Attribute) -> schema::Attribute {
    match value {
        Attribute::Int(v) => schema::Attribute::Int(*v),
        Attribute::Float(v) => schema::Attribute::Float(Number(*v)),
        Attribute::String(v) => schema::Attribute::String(v.clone()),
        Attribute::Tensor(v) => schema::Attribute::Tensor(tensor(v)),
        Attribute::Ints(v) => schema::Attribute::Ints(v.clone()),
        Attribute::Floats(v) => schema::Attribute::Floats(numbers(v)),
        Attribute::Strings(v) => schema::Attribute::Strings(v.clone()),
    }
}

fn tensor(tensor: &Tensor) -> schema::Tensor {
    let shape = tensor.shape().to_vec();
    match tensor {
        Tensor::Float(a) => schema::Tensor::Float { shape, values: a.iter().copied().map(Number).collect() },
        Tensor::Int(a) => schema::Tensor::Int { shape, values: a.iter().copied().collect() },
        Tensor::Bool(a) => schema::Tensor::Bool { shape, values: a.iter().copied().collect() },
    }
}

fn param(param: &Param) -> schema::Param {
    let (values, context) = match &param.source {
        ParamSource::Constant(v) => (Some(numbers(v)), None),
        ParamSource::Context { value: ContextValue::Input(k), .. } => (None, Some(schema::Value::Input(*k))),
        ParamSource::Context { value: ContextValue::Step { step, output }, .. } => {
            (None, Some(schema::Value::Step(*step, *output)))
        }
    };
    schema::Param { name: param.name.clone(), values, context }
}

fn node(node: &Node) -> schema::Node {
    schema::Node { op: op(&node.op), shape: node.shape.clone(), name: node.name.clone() }
}

fn op(op: &Op) -> schema::Op {
    match op {
        Op::Decision => schema::Op::Y,
        Op::Param(p) => schema::Op::Param(p.0),
        Op::Linear { input, map } => linear(input.0, map),
        Op::Scale { input, by } => schema::Op::Scale { input: input.0, by: by.0 },
        Op::Sum(inputs) => schema::Op::Sum(inputs.iter().map(|i| i.0).collect()),
        Op::Concat(inputs) => schema::Op::Concat(inputs.iter().map(|i| i.0).collect()),
        Op::Unit { input, unit: function } => schema::Op::Unit { input: input.0, function: unit(function) },
        Op::Group { input, kind, groups } => {
            let (input, groups) = (input.0, (0..groups.len()).map(|g| groups.group(g).to_vec()).collect());
            match kind {
                GroupKind::Max => schema::Op::Max { input, groups },
                GroupKind::LogSumExp => schema::Op::LogSumExp { input, groups },
                GroupKind::Norm => schema::Op::Norm { input, groups },
            }
        }
        Op::Quadratic { input, matrix: m } => schema::Op::Quadratic { input: input.0, matrix: matrix(m) },
        Op::Product(a, b) => schema::Op::Product(a.0, b.0),
        Op::Quotient(a, b) => schema::Op::Quotient(a.0, b.0),
        Op::Select { test, strict, then, otherwise } => {
            schema::Op::Select { test: test.0, strict: *strict, then: then.0, otherwise: otherwise.0 }
        }
    }
}

fn linear(input: u32, map: &LinearMap) -> schema::Op {
    match map {
        LinearMap::Dense { weight, rows, columns, repeat, transposed } => schema::Op::Dense {
            input,
            weight: weight.0,
            rows: *rows,
            columns: *columns,
            repeat: *repeat,
            transposed: *transposed,
        },
        LinearMap::Sparse(m) => schema::Op::Sparse { input, matrix: matrix(m) },
        LinearMap::Gather { index, .. } => schema::Op::Gather { input, index: index.to_vec() },
        LinearMap::Convolution { weight, geometry: g } => schema::Op::Conv {
            input,
            weight: weight.0,
            geometry: schema::Geometry {
                input_channels: g.input_channels,
                output_channels: g.output_channels,
                groups: g.groups,
                input: g.input.clone(),
                output: g.output.clone(),
                kernel: g.kernel.clone(),
                strides: g.strides.clone(),
                dilations: g.dilations.clone(),
                pads: g.pads.clone(),
            },
        },
    }
}

fn matrix(m: &sprs::CsMat<f64>) -> schema::Matrix {
    let by_rows = if m.is_csr() { m.clone() } else { m.to_csr() };
    schema::Matrix {
        size: (by_rows.rows(), by_rows.cols()),
        starts: by_rows.proper_indptr().to_vec(),
        columns: by_rows.indices().to_vec(),
        values: numbers(by_rows.data()),
    }
}

fn unit(unit_of: &Unit) -> schema::Unit {
    match unit_of {
        Unit::Relu => schema::Unit::Relu,
        Unit::Leaky(p) => schema::Unit::Leaky(p.0),
        Unit::Abs => schema::Unit::Abs,
        Unit::Clip { lower, upper } => schema::Unit::Clip { lower: Number(*lower), upper: Number(*upper) },
        Unit::Lines(lines) => schema::Unit::Lines {
            breaks: numbers(lines.breaks()),
            pieces: lines.pieces().iter().map(|p| (Number(p.slope), Number(p.intercept))).collect(),
        },
        Unit::Combination(terms) => schema::Unit::Combination(
            terms
                .iter()
                .map(|t| schema::Term { weight: t.weight.0, inner: Number(t.inner), function: unit(&t.unit) })
                .collect(),
        ),
        Unit::Softplus { beta, switch } => schema::Unit::Softplus { beta: Number(*beta), switch: switch.map(Number) },
        Unit::Elu { alpha } => schema::Unit::Elu(Number(*alpha)),
        Unit::Celu { alpha } => schema::Unit::Celu(Number(*alpha)),
        Unit::Power(p) => schema::Unit::Power(Number(*p)),
        Unit::Exp => schema::Unit::Exp,
        Unit::Log => schema::Unit::Log,
        Unit::Entropy => schema::Unit::Entropy,
        Unit::Sigmoid => schema::Unit::Sigmoid,
        Unit::Tanh => schema::Unit::Tanh,
        Unit::Erf => schema::Unit::Erf,
        Unit::Sin => schema::Unit::Sin,
        Unit::Cos => schema::Unit::Cos,
        Unit::Atan => schema::Unit::Atan,
        Unit::Softsign => schema::Unit::Softsign,
        Unit::Floor => schema::Unit::Floor,
        Unit::Ceil => schema::Unit::Ceil,
        Unit::Round => schema::Unit::Round,
        Unit::Sign => schema::Unit::Sign,
    }
}
