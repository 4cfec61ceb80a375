//! The x-path of a stored program: steps from the file, run once to know extents and ranges.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::number::plain;
use super::read::{at, entries};
use super::schema;
use crate::build::replay::{Replayed, replay};
use crate::error::Error;
use crate::ir::context::{ContextArgument, ContextInput, ContextStep, ContextValue};
use crate::load::graph::{Attribute, Node};
use crate::tensor::{MAX_RANK, Tensor};

/// The versions of the operator set that steps can be written in.
const OPSETS: std::ops::RangeInclusive<i64> = 9..=23;

/// How many numbers the steps store.
pub(super) fn stored(context: &schema::Context) -> usize {
    let tensor = |t: &schema::Tensor| match t {
        schema::Tensor::Float { values, .. } => values.len(),
        schema::Tensor::Int { values, .. } => values.len(),
        schema::Tensor::Bool { values, .. } => values.len(),
    };
    let step = |s: &schema::Step| -> usize {
        let constants = s.arguments.iter().flatten().map(|a| match a {
            schema::Argument::Constant(t) => tensor(t),
            _ => 0,
        });
        let attributes = s.attributes.values().map(|a| match a {
            schema::Attribute::Tensor(t) => tensor(t),
            _ => 0,
        });
        constants.chain(attributes).sum()
    };
    context.steps.iter().map(step).sum()
}

/// The x-path, run on a sample.
pub(super) fn context(file: schema::Context, limit: usize, budget: usize) -> Result<Replayed, Error> {
    if !file.steps.is_empty() && !OPSETS.contains(&file.opset) {
        let (low, high) = (OPSETS.start(), OPSETS.end());
        return Err(at("context", format!("opset {}; {low} to {high} are known", file.opset)));
    }
    let inputs = file.inputs.into_iter().map(|i| ContextInput { name: i.name, shape: i.shape }).collect();
    let mut steps = Vec::with_capacity(file.steps.len());
    for (k, record) in file.steps.into_iter().enumerate() {
        let part = format!("step {k} '{}' ({})", record.name, record.op);
        steps.push(step(record, limit).map_err(|reason| at(part, reason))?);
    }
    replay(inputs, steps, file.opset, limit, budget)
}

fn step(record: schema::Step, limit: usize) -> Result<ContextStep, String> {
    let mut arguments = Vec::with_capacity(record.arguments.len());
    for argument in record.arguments {
        arguments.push(match argument {
            None => None,
            Some(schema::Argument::Constant(t)) => Some(ContextArgument::Constant(Arc::new(tensor(t, limit)?))),
            Some(schema::Argument::Input(k)) => Some(ContextArgument::Value(ContextValue::Input(k))),
            Some(schema::Argument::Step(step, output)) => {
                Some(ContextArgument::Value(ContextValue::Step { step, output }))
            }
        });
    }
    let mut attributes = BTreeMap::new();
    for (name, value) in record.attributes {
        let value = attribute(value, limit).map_err(|reason| format!("attribute '{name}': {reason}"))?;
        attributes.insert(name, value);
    }
    let (inputs, outputs) = (record.reads, record.makes);
    Ok(ContextStep { node: Node { name: record.name, op: record.op, inputs, outputs, attributes }, arguments })
}

fn attribute(value: schema::Attribute, limit: usize) -> Result<Attribute, String> {
    Ok(match value {
        schema::Attribute::Int(v) => Attribute::Int(v),
        schema::Attribute::Float(v) => Attribute::Float(v.0),
        schema::Attribute::String(v) => Attribute::String(v),
        schema::Attribute::Tensor(v) => Attribute::Tensor(tensor(v, limit)?),
        schema::Attribute::Ints(v) => Attribute::Ints(v),
        schema::Attribute::Floats(v) => Attribute::Floats(plain(v)),
        schema::Attribute::Strings(v) => Attribute::Strings(v),
    })
}

fn tensor(record: schema::Tensor, limit: usize) -> Result<Tensor, String> {
    fn array<T>(shape: &[usize], values: Vec<T>, limit: usize) -> Result<ArrayD<T>, String> {
        if shape.len() > MAX_RANK {
            return Err(format!("a tensor with {} axes, {MAX_RANK} are supported", shape.len()));
        }
        let n = values.len();
        // An empty list is legitimate as a shape or as axes.
        let fits = if shape == [0] { n == 0 } else { entries(shape, limit)? == n };
        let wrong = || format!("a tensor of shape {shape:?} with {n} values");
        if !fits {
            return Err(wrong());
        }
        ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|_| wrong())
    }
    Ok(match record {
        schema::Tensor::Float { shape, values } => Tensor::Float(array(&shape, plain(values), limit)?),
        schema::Tensor::Int { shape, values } => Tensor::Int(array(&shape, values, limit)?),
        schema::Tensor::Bool { shape, values } => Tensor::Bool(array(&shape, values, limit)?),
    })
}
