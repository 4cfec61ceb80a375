//! Graph → [`Program`]: constants are folded, what depends on x alone becomes the x-path, and what depends on y becomes
//! nodes of the IR.

mod activation;
mod einsum;
mod elementwise;
mod lowering;
mod matrix;
mod ranges;
mod rearrange;
mod recognise;
mod reduce;
pub(crate) mod replay;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::context::{ContextInput, ContextValue, ContextValues};
use crate::ir::interval::Interval;
use crate::ir::program::{NodeId, Program};
use crate::load::graph::{Dim, Graph, ValueInfo};
use crate::tensor::Tensor;
use lowering::{Lowering, Value};

/// Which input is the decision and which output is minimised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Name of the decision input; by default the one called `y`, or the only one.
    pub decision: Option<String>,
    /// Component of the output: `K`, `NAME` or `NAME:K`; by default the output's only entry.
    pub output: Option<String>,
}

/// A network as a function of y with all its output components.
#[derive(Debug, Clone)]
pub struct Outputs {
    builder: Builder,
    components: Vec<(String, NodeId, usize)>,
}

impl From<&Program> for Outputs {
    /// The single output of a finished program.
    fn from(program: &Program) -> Outputs {
        Outputs { builder: Builder::from_program(program), components: vec![("f".into(), program.output(), 0)] }
    }
}

impl Outputs {
    /// How many components there are, over all outputs.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether the network has no output that depends on y.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// The name of component `k`: `f` or `f[3]`.
    pub fn name(&self, k: usize) -> &str {
        &self.components[k].0
    }

    /// The program of component `k`.
    pub fn program(&self, k: usize) -> Result<Program, Error> {
        let Some((_, node, element)) = self.components.get(k) else {
            return Err(Error::Choice(format!("there is no output component {k}; the network has {}", self.len())));
        };
        let mut builder = self.builder.clone();
        builder.origin = String::new();
        let output = builder.gather(*node, vec![*element]).map_err(Error::Choice)?;
        builder.finish(output).map_err(Error::Choice)
    }

    /// The index of the component that `choice` names; without one the network must have a single component.
    pub fn find(&self, choice: Option<&str>) -> Result<usize, Error> {
        let Some(wanted) = choice else {
            return if self.len() == 1 {
                Ok(0)
            } else {
                let names = summary(&self.components);
                Err(Error::Choice(format!(
                    "the network has {} output components ({names}); choose one with --output K",
                    self.len()
                )))
            };
        };
        if let Ok(k) = wanted.parse::<usize>() {
            return if k < self.len() {
                Ok(k)
            } else {
                Err(Error::Choice(format!(
                    "--output {k}: the network has {} output components, numbered from 0",
                    self.len()
                )))
            };
        }
        let indexed = wanted.rsplit_once(':').map(|(name, k)| format!("{name}[{k}]"));
        self.components.iter().position(|(name, ..)| name == wanted || Some(name) == indexed.as_ref()).ok_or_else(
            || Error::Choice(format!("--output {wanted}: no such output; there are {}", summary(&self.components))),
        )
    }
}

fn summary(components: &[(String, NodeId, usize)]) -> String {
    let names: Vec<&str> = components.iter().map(|c| c.0.as_str()).collect();
    if names.len() <= 6 {
        names.join(", ")
    } else {
        format!("{}, …, {}", names[..3].join(", "), names[names.len() - 1])
    }
}

/// Builds the program of the chosen output component.
pub fn build(graph: Graph, choice: &Choice) -> Result<Program, Error> {
    let outputs = build_outputs(graph, choice.decision.as_deref())?;
    outputs.program(outputs.find(choice.output.as_deref())?)
}

/// Builds the network as a function of its decision input, all output components together.
pub fn build_outputs(mut graph: Graph, decision: Option<&str>) -> Result<Outputs, Error> {
    let chosen = choose_decision(&graph, decision)?;
    let baked = baked_batch(&graph);
    let limit = element_limit(graph.stored_elements);
    let mut builder = Builder::new(&graph.inputs[chosen].name, &extents(&graph.inputs[chosen], baked, limit)?);
    let mut environment: HashMap<String, Value> = HashMap::new();
    let mut samples = vec![];
    for (k, input) in graph.inputs.iter().enumerate() {
        let shape = extents(input, baked, limit)?;
        let value = if k == chosen {
            Value::Decision { node: builder.decision(), shape }
        } else {
            let value = ContextValue::Input(samples.len());
            samples.push(Tensor::Float(ArrayD::from_elem(IxDyn(&shape), 0.5)));
            builder.context_mut().inputs.push(ContextInput { name: input.name.clone(), shape: shape.clone() });
            Value::Context { value, shape, range: Interval::ENTIRE }
        };
        environment.insert(input.name.clone(), value);
    }
    for (name, tensor) in std::mem::take(&mut graph.initializers) {
        environment.insert(name, Value::Known(Arc::new(tensor)));
    }
    builder.context_mut().opset = graph.opset;
    builder.context_mut().limit = limit;
    let mut lowering = Lowering::new(builder, environment, ContextValues::start(samples), graph.opset, limit, baked)
        .within(memory_budget(graph.stored_elements));
    for node in &graph.nodes {
        lowering.node(node)?;
    }
    let mut components = vec![];
    for output in &graph.outputs {
        let (node, len) = lowering.output(&output.name)?;
        if len > MOST_COMPONENTS {
            return Err(Error::Choice(format!(
                "output '{}' has {len} components, at most {MOST_COMPONENTS} are supported",
                output.name
            )));
        }
        for element in 0..len {
            let name = if len == 1 { output.name.clone() } else { format!("{}[{element}]", output.name) };
            components.push((name, node, element));
        }
    }
    Ok(Outputs { builder: lowering.into_builder(), components })
}

/// Numbers that any operation may make, and bytes that all of them may take: what a small network needs. Less for fuzzing, so
/// that no run takes long and a limit that is passed shows early.
const SMALL: (usize, usize) = if cfg!(fuzzing) { (1 << 11, 1 << 20) } else { (1 << 21, 96 << 20) };

/// No operation may make more than this many numbers: a few times what the file stores, or what a small network needs.
pub(crate) fn element_limit(stored: usize) -> usize {
    stored.saturating_mul(8).max(SMALL.0)
}

/// All operations together may not take more than this many bytes: many for each number the file stores, as a small kernel
/// makes large images, or what a small network needs.
pub(crate) fn memory_budget(stored: usize) -> usize {
    stored.saturating_mul(1024).saturating_add(SMALL.1)
}

/// An output may not have more entries than this.
const MOST_COMPONENTS: usize = 1 << 17;

fn choose_decision(graph: &Graph, wanted: Option<&str>) -> Result<usize, Error> {
    let names = || graph.inputs.iter().map(|i| format!("'{}'", i.name)).collect::<Vec<_>>().join(", ");
    let find = |name: &str| graph.inputs.iter().position(|i| i.name == name);
    match (wanted, graph.inputs.len()) {
        (_, 0) => Err(Error::Choice("the network has no input".into())),
        (Some(name), _) => {
            find(name).ok_or_else(|| Error::Choice(format!("--y {name}: no such input; the network has {}", names())))
        }
        (None, 1) => Ok(0),
        (None, n) => find("y").ok_or_else(|| {
            Error::Choice(format!(
                "which of the {n} inputs is the decision? choose with --y NAME; the network has {}",
                names()
            ))
        }),
    }
}

/// A batch size above 1 that the exporter baked into every input and output: each row is then a sample of its own.
fn baked_batch(graph: &Graph) -> Option<usize> {
    let leading = |v: &ValueInfo| match v.dims.as_deref() {
        Some([Dim::Known(b), _, ..]) if *b > 1 => Some(*b),
        _ => None,
    };
    let first = leading(graph.inputs.first()?)?;
    let output_leading = |v: &ValueInfo| match v.dims.as_deref() {
        Some([Dim::Known(b), ..]) => Some(*b),
        _ => None,
    };
    let all = graph.inputs.iter().all(|i| leading(i) == Some(first));
    (all && graph.outputs.iter().all(|o| output_leading(o) == Some(first))).then_some(first)
}

/// The extents of an input for one sample, with 1 to `limit` entries.
fn extents(input: &ValueInfo, baked: Option<usize>, limit: usize) -> Result<Vec<usize>, Error> {
    let Some(dims) = &input.dims else {
        return Err(Error::Choice(format!("input '{}' declares no shape; export it with fixed extents", input.name)));
    };
    let extent = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Known(_) if axis == 0 && baked.is_some() => Ok(1),
        Dim::Known(n) => Ok(*n),
        Dim::Symbol(_) if axis == 0 => Ok(1),
        Dim::Symbol(s) => Err(Error::Choice(format!(
            "input '{}': axis {axis} has no fixed extent ('{s}'); only the batch axis may be open",
            input.name
        ))),
    };
    let shape: Vec<usize> = dims.iter().enumerate().map(extent).collect::<Result<_, _>>()?;
    match shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) {
        Some(n) if (1..=limit).contains(&n) => Ok(shape),
        _ => {
            Err(Error::Choice(format!("input '{}' has shape {shape:?}, more than {limit} entries or none", input.name)))
        }
    }
}
