//! The x-path of a program that was stored: each step runs once more on a sample, so that extents and ranges are computed
//! here as they are for a graph, and nothing the file could claim of them is believed.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::lowering::{Lowering, Value};
use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::context::{ContextArgument, ContextInput, ContextProgram, ContextStep, ContextValue, ContextValues};
use crate::ir::interval::Interval;
use crate::tensor::Tensor;

/// An x-path whose values are known by their length and range.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The x-path.
    pub context: ContextProgram,
    inputs: Vec<Value>,
    steps: Vec<Vec<Value>>,
}

impl Replayed {
    /// Number of entries of a value, and an interval that holds them for every context.
    pub fn value(&self, value: ContextValue) -> Option<(usize, Interval)> {
        match find(&self.inputs, &self.steps, value)? {
            Value::Context { shape, range, .. } => Some((shape.iter().product(), *range)),
            _ => None,
        }
    }
}

fn find<'a>(inputs: &'a [Value], steps: &'a [Vec<Value>], value: ContextValue) -> Option<&'a Value> {
    match value {
        ContextValue::Input(i) => inputs.get(i),
        ContextValue::Step { step, output } => steps.get(step)?.get(output),
    }
}

/// Runs the steps on a sample. No tensor may have more than `limit` entries, all together not more than `budget` bytes.
pub(crate) fn replay(
    inputs: Vec<ContextInput>,
    steps: Vec<ContextStep>,
    opset: i64,
    limit: usize,
    budget: usize,
) -> Result<Replayed, Error> {
    let mut builder = Builder::new("y", &[1]);
    let context = builder.context_mut();
    (context.opset, context.limit, context.inputs) = (opset, limit, inputs.clone());
    let samples = inputs.iter().map(|i| Tensor::Float(ArrayD::from_elem(IxDyn(&i.shape), 0.5))).collect();
    let inputs: Vec<Value> = inputs
        .into_iter()
        .enumerate()
        .map(|(k, i)| Value::Context { value: ContextValue::Input(k), shape: i.shape, range: Interval::ENTIRE })
        .collect();
    let mut lowering = Lowering::new(builder, HashMap::new(), ContextValues::start(samples), opset, limit, None);
    let mut done: Vec<Vec<Value>> = Vec::with_capacity(steps.len());
    let mut memory = 0usize;
    for step in steps {
        let ContextStep { node, arguments } = step;
        let (name, op) = (node.name.clone(), node.op.clone());
        let wrong = |reason: String| Error::Unsupported { node: name.clone(), op: op.clone(), reason };
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(match argument {
                None => None,
                Some(ContextArgument::Constant(t)) => Some(Value::Known(Arc::clone(&t))),
                Some(ContextArgument::Value(v)) => {
                    let value = find(&inputs, &done, v).cloned();
                    Some(value.ok_or_else(|| wrong(format!("it reads {v:?}, before it are {} steps", done.len())))?)
                }
            });
        }
        let outputs = lowering.context_step(node, &values).map_err(wrong)?;
        memory = outputs.iter().fold(memory, |n, v| n.saturating_add(8 * v.shape().iter().product::<usize>()));
        if memory > budget {
            return Err(wrong(format!("with it the x-path takes {memory} bytes of memory, {budget} are permitted")));
        }
        done.push(outputs);
    }
    let context = std::mem::take(lowering.builder.context_mut());
    Ok(Replayed { context, inputs, steps: done })
}
