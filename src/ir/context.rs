//! [`ContextProgram`]: the x-path. Any operations at all; evaluated once per context row, it leaves scales and biases behind.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::entries::Entries;
use crate::error::Error;
use crate::load::graph::Node;
use crate::tensor::{Tensor, evaluate};

/// A value of the x-path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextValue {
    /// A context input.
    Input(usize),
    /// An output of a step.
    Step {
        /// Which step.
        step: usize,
        /// Which of its outputs.
        output: usize,
    },
}

/// An argument of a step.
#[derive(Debug, Clone)]
pub enum ContextArgument {
    /// A constant of the file.
    Constant(Arc<Tensor>),
    /// Another value of the x-path.
    Value(ContextValue),
}

/// One operation of the x-path.
#[derive(Debug, Clone)]
pub struct ContextStep {
    /// The file's operation.
    pub node: Node,
    /// Its arguments; `None` for an optional one left out.
    pub arguments: Vec<Option<ContextArgument>>,
}

/// A context input.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextInput {
    /// Name in the file.
    pub name: String,
    /// Extents for one row, batch axis included.
    pub shape: Vec<usize>,
}

/// The x-path of a network.
#[derive(Debug, Clone, Default)]
pub struct ContextProgram {
    /// Inputs, in the order in which a context row lists them.
    pub inputs: Vec<ContextInput>,
    /// Operations, each after its arguments.
    pub steps: Vec<ContextStep>,
    /// Version of the operator set.
    pub opset: i64,
    /// Most entries any tensor may have.
    pub limit: usize,
}

/// The x-path evaluated at one row.
#[derive(Debug)]
pub struct ContextValues {
    inputs: Vec<Tensor>,
    steps: Vec<Vec<Tensor>>,
}

impl ContextProgram {
    /// Width of a context row: the entries of all inputs, one input after the other.
    pub fn len(&self) -> usize {
        self.inputs.iter().map(|i| i.shape.iter().product::<usize>()).sum()
    }

    /// Whether the network has no context.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Evaluates all steps at the row `x`. The row must have [`len`](Self::len) finite entries.
    pub fn evaluate(&self, x: &[f64]) -> Result<ContextValues, Error> {
        if x.len() != self.len() {
            let names: Vec<String> = self.inputs.iter().map(|i| format!("'{}' {:?}", i.name, i.shape)).collect();
            let takes =
                if names.is_empty() { "no context".into() } else { format!("{} ({})", self.len(), names.join(", ")) };
            return Err(Error::Context(format!("a row has {} entries, the network takes {takes}", x.len())));
        }
        if let Some(i) = x.iter().position(|v| !v.is_finite()) {
            return Err(Error::Context(format!("entry {i} is {}", x[i])));
        }
        let mut rest = x;
        let mut values = ContextValues { inputs: vec![], steps: Vec::with_capacity(self.steps.len()) };
        for input in &self.inputs {
            let (head, tail) = rest.split_at(input.shape.iter().product());
            rest = tail;
            let array = ArrayD::from_shape_vec(IxDyn(&input.shape), head.to_vec())
                .map_err(|e| Error::Context(format!("input '{}': {e}", input.name)))?;
            values.inputs.push(Tensor::Float(array));
        }
        for step in &self.steps {
            let outputs = self.run(step, &values)?;
            values.steps.push(outputs);
        }
        Ok(values)
    }

    /// Evaluates one step from the values before it.
    pub(crate) fn run(&self, step: &ContextStep, values: &ContextValues) -> Result<Vec<Tensor>, Error> {
        let arguments: Vec<Option<&Tensor>> = step
            .arguments
            .iter()
            .map(|a| match a {
                None => None,
                Some(ContextArgument::Constant(t)) => Some(t.as_ref()),
                Some(ContextArgument::Value(v)) => values.tensor(*v),
            })
            .collect();
        evaluate(&step.node, &arguments, self.opset, self.limit).map_err(|e| Error::Unsupported {
            node: step.node.name.clone(),
            op: step.node.op.clone(),
            reason: e.to_string(),
        })
    }
}

impl ContextValues {
    /// Values of an x-path without steps yet.
    pub(crate) fn start(inputs: Vec<Tensor>) -> ContextValues {
        ContextValues { inputs, steps: vec![] }
    }

    pub(crate) fn push(&mut self, outputs: Vec<Tensor>) {
        self.steps.push(outputs);
    }

    /// The tensor behind a value.
    pub fn tensor(&self, value: ContextValue) -> Option<&Tensor> {
        match value {
            ContextValue::Input(i) => self.inputs.get(i),
            ContextValue::Step { step, output } => self.steps.get(step).and_then(|s| s.get(output)),
        }
    }

    /// A value as a flat vector of `len` entries.
    pub fn get(&self, value: ContextValue, name: &str, len: usize) -> Result<Entries, Error> {
        let tensor = self.tensor(value).ok_or_else(|| Error::Context(format!("'{name}' has no value")))?;
        let flat = Entries::copied(tensor);
        if flat.len() != len {
            return Err(Error::Context(format!("'{name}' has {} entries, {len} were expected", flat.len())));
        }
        Ok(flat)
    }
}
