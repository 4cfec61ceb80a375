//! [`Lowering`]: the state of Graph → Program, and the dispatch of one operation.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::{activation, einsum, elementwise, matrix, ranges, rearrange, recognise, reduce, window};
use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::context::{ContextArgument, ContextStep, ContextValue, ContextValues};
use crate::ir::entries::Entries;
use crate::ir::interval::Interval;
use crate::ir::program::{NodeId, ParamId, ParamSource};
use crate::load::graph::Node;
use crate::tensor::{Tensor, evaluate, first};

/// What a name of the graph stands for.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A constant.
    Known(Arc<Tensor>),
    /// Depends on x alone.
    Context { value: ContextValue, shape: Vec<usize>, range: Interval },
    /// Depends on y.
    Decision { node: NodeId, shape: Vec<usize> },
    /// A truth value that depends on y: test > 0, or test ≥ 0 where not strict.
    Condition { test: NodeId, strict: bool, shape: Vec<usize> },
}

impl Value {
    pub fn shape(&self) -> &[usize] {
        match self {
            Value::Known(t) => t.shape(),
            Value::Context { shape, .. } | Value::Decision { shape, .. } | Value::Condition { shape, .. } => shape,
        }
    }

    pub fn is_decision(&self) -> bool {
        matches!(self, Value::Decision { .. } | Value::Condition { .. })
    }

    /// The entries of a constant, flat.
    pub fn known(&self) -> Option<Entries> {
        match self {
            Value::Known(t) => Some(Entries::of(t)),
            _ => None,
        }
    }

    /// The number that all entries of a constant share.
    pub fn uniform(&self) -> Option<f64> {
        let values = self.known()?;
        let first = *values.first()?;
        values.iter().all(|v| *v == first).then_some(first)
    }
}

/// Arguments of an operation; `None` for an optional one left out.
pub(super) type Arguments<'a> = &'a [Option<Value>];

/// The result of lowering one operation, or why it cannot be.
pub(super) type Lowered<T = Value> = Result<T, String>;

pub(super) struct Lowering {
    pub builder: Builder,
    pub opset: i64,
    pub limit: usize,
    /// Batch size baked into the file, now 1.
    pub baked: Option<usize>,
    /// Bytes of folded constants and samples, and how many bytes all together may be.
    constants: usize,
    budget: usize,
    environment: HashMap<String, Value>,
    samples: ContextValues,
    params: HashMap<usize, (Arc<Tensor>, ParamId)>,
    context_params: Vec<(ContextValue, ParamId)>,
}

impl Lowering {
    pub fn new(
        builder: Builder,
        environment: HashMap<String, Value>,
        samples: ContextValues,
        opset: i64,
        limit: usize,
        baked: Option<usize>,
    ) -> Lowering {
        let (params, context_params) = (HashMap::new(), vec![]);
        let budget = usize::MAX;
        Lowering { builder, opset, limit, baked, constants: 0, budget, environment, samples, params, context_params }
    }

    /// Refuses what takes more than `budget` bytes.
    pub fn within(self, budget: usize) -> Lowering {
        Lowering { budget, ..self }
    }

    pub fn into_builder(self) -> Builder {
        self.builder
    }

    /// Lowers one operation and records what its outputs stand for.
    pub fn node(&mut self, node: &Node) -> Result<(), Error> {
        let wrong = |reason: String| Error::Unsupported { node: node.name.clone(), op: node.op.clone(), reason };
        let mut arguments = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            arguments.push(match name {
                None => None,
                Some(name) => match self.environment.get(name) {
                    Some(value) => Some(value.clone()),
                    None => return Err(wrong(format!("input '{name}' has no value"))),
                },
            });
        }
        self.rebatch(node, &mut arguments);
        self.builder.origin = node.name.clone();
        let outputs = self.dispatch(node, &arguments).map_err(wrong)?;
        let fixed = outputs.iter().filter(|v| !v.is_decision()).map(|v| v.shape().iter().product::<usize>());
        self.constants = self.constants.saturating_add(8 * fixed.sum::<usize>());
        let memory = self.constants.saturating_add(self.builder.memory());
        if memory > self.budget {
            return Err(wrong(format!(
                "with it the network takes {memory} bytes of memory; for what its file stores, {} are permitted",
                self.budget
            )));
        }
        for (name, value) in node.outputs.iter().zip(outputs) {
            if let Value::Decision { node, shape } = &value {
                self.builder.set_shape(*node, shape);
            }
            self.environment.insert(name.clone(), value);
        }
        Ok(())
    }

    fn dispatch(&mut self, node: &Node, arguments: Arguments) -> Lowered<Vec<Value>> {
        let first = || arguments.first().cloned().flatten().ok_or_else(|| "it has no input".to_string());
        match node.op.as_str() {
            "Identity" => return Ok(vec![first()?]),
            "Shape" | "Size" => {
                let shape = first()?.shape().to_vec();
                let stand_in = Tensor::Bool(ArrayD::from_shape_fn(IxDyn(&shape), |_| false));
                return self.fold(node, &[Some(&stand_in)]);
            }
            _ => {}
        }
        if arguments.iter().flatten().any(Value::is_decision) {
            return self.decision(node, arguments);
        }
        self.independent(node, arguments)
    }

    /// An operation none of whose arguments depends on y.
    fn independent(&mut self, node: &Node, arguments: Arguments) -> Lowered<Vec<Value>> {
        if arguments.iter().flatten().any(|a| matches!(a, Value::Context { .. })) {
            return self.context_step(node.clone(), arguments);
        }
        let tensors: Vec<Option<&Tensor>> = arguments
            .iter()
            .map(|a| match a {
                Some(Value::Known(t)) => Some(t.as_ref()),
                _ => None,
            })
            .collect();
        self.fold(node, &tensors)
    }

    /// The single result of an operation none of whose arguments depends on y.
    pub fn fixed(&mut self, node: Node, arguments: Arguments) -> Lowered {
        self.independent(&node, arguments)?.into_iter().next().ok_or_else(|| "no result".to_string())
    }

    /// The table of operations that may act on y.
    fn decision(&mut self, node: &Node, a: Arguments) -> Lowered<Vec<Value>> {
        let one = |v: Lowered| v.map(|v| vec![v]);
        match node.op.as_str() {
            "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Mean" | "Neg" | "Max" | "Min" | "Pow" => {
                one(elementwise::arithmetic(self, node, a))
            }
            "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "Equal" | "Not" => {
                one(elementwise::compare(self, node, a))
            }
            "Where" => one(recognise::choose(self, a)),
            "Cast" | "CastLike" => one(elementwise::cast(self, node, a)),
            "Relu" | "LeakyRelu" | "PRelu" | "Elu" | "Celu" | "Selu" | "Softplus" | "Exp" | "Log" | "Abs" | "Sqrt"
            | "Reciprocal" | "Sigmoid" | "Tanh" | "Erf" | "Sin" | "Cos" | "Atan" | "Softsign" | "Floor" | "Ceil"
            | "Round" | "Sign" | "Clip" | "HardSigmoid" | "HardSwish" | "Gelu" | "Mish" | "ThresholdedRelu" => {
                one(activation::unit(self, node, a))
            }
            "Reshape" | "Transpose" | "Slice" | "Gather" | "GatherElements" | "GatherND" | "Concat" | "Split"
            | "Squeeze" | "Unsqueeze" | "Expand" | "Flatten" | "Tile" | "Pad" => rearrange::rearrange(self, node, a),
            "Dropout" => Ok(vec![a[0].clone().ok_or("it has no input")?]),
            "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare" | "ReduceL1" | "ReduceL2"
            | "ReduceLogSumExp" | "ReduceLogSum" | "GlobalAveragePool" | "GlobalMaxPool" => {
                one(reduce::reduce(self, node, a))
            }
            "Softmax" | "LogSoftmax" => one(reduce::softmax(self, node, a)),
            "Gemm" => one(matrix::gemm(self, node, a)),
            "MatMul" => one(matrix::matmul(self, a)),
            "Einsum" => one(einsum::einsum(self, node, a)),
            "BatchNormalization" => one(matrix::batch_norm(self, node, a)),
            "Conv" => one(window::convolution(self, node, a)),
            "MaxPool" => one(window::max_pool(self, node, a)),
            "AveragePool" => one(window::average_pool(self, node, a)),
            "ConvTranspose" | "CumSum" => one(matrix::by_columns(self, node, a)),
            _ => {
                Err("this operator has no place in the IR when its input depends on y (it is fine on the x-path)"
                    .into())
            }
        }
    }

    /// Folds an operation on constants.
    pub fn fold(&self, node: &Node, tensors: &[Option<&Tensor>]) -> Lowered<Vec<Value>> {
        let outputs = evaluate(node, tensors, self.opset, self.limit).map_err(|e| e.to_string())?;
        Ok(outputs.into_iter().map(|t| Value::Known(Arc::new(t))).collect())
    }

    /// Folds an operation on constants to its single result.
    pub fn fold_one(&self, node: &Node, tensors: &[Option<&Tensor>]) -> Lowered<Tensor> {
        evaluate(node, tensors, self.opset, self.limit)
            .map_err(|e| e.to_string())?
            .into_iter()
            .next()
            .ok_or_else(|| "no result".to_string())
    }

    /// Adds a step to the x-path. Its extents are found by running it on a sample.
    pub fn context_step(&mut self, node: Node, arguments: Arguments) -> Lowered<Vec<Value>> {
        let wrapped = arguments
            .iter()
            .map(|a| match a {
                None => Ok(None),
                // A stored one has been read without; this one may have been computed.
                Some(Value::Known(t)) => match nan(t) {
                    Some(i) => Err(format!("entry {i} of a constant is NaN")),
                    None => Ok(Some(ContextArgument::Constant(t.clone()))),
                },
                Some(Value::Context { value, .. }) => Ok(Some(ContextArgument::Value(*value))),
                Some(_) => Err("an x-path operation cannot read a value that depends on y".to_string()),
            })
            .collect::<Lowered<Vec<_>>>()?;
        let range = ranges::range(&node, arguments);
        let step = ContextStep { node, arguments: wrapped };
        let context = self.builder.context_mut();
        let outputs = context.run(&step, &self.samples).map_err(|e| match e {
            Error::Unsupported { reason, .. } => reason,
            other => other.to_string(),
        })?;
        let k = context.steps.len();
        context.steps.push(step);
        let values = outputs
            .iter()
            .enumerate()
            .map(|(output, t)| Value::Context {
                value: ContextValue::Step { step: k, output },
                shape: t.shape().to_vec(),
                range,
            })
            .collect();
        self.samples.push(outputs);
        Ok(values)
    }

    /// Adds an x-path step that the file does not have, from an operator's name.
    pub fn context_op(&mut self, op: &str, arguments: Arguments) -> Lowered {
        let name = format!("{}_{}", self.builder.origin, op.to_lowercase());
        let node = Node { name, op: op.into(), inputs: vec![], outputs: vec![], attributes: Default::default() };
        self.context_step(node, arguments)?.into_iter().next().ok_or_else(|| "no result".to_string())
    }

    /// A value that does not depend on y as a parameter with its own extents.
    pub fn param(&mut self, value: &Value) -> Lowered<ParamId> {
        match value {
            Value::Known(t) => {
                let key = Arc::as_ptr(t) as usize;
                if let Some((_, id)) = self.params.get(&key) {
                    return Ok(*id);
                }
                let values = Entries::of(t);
                if let Some(i) = first(&values, |v| !v.is_finite()) {
                    return Err(format!("entry {i} of a constant is {}", values[i]));
                }
                let name = self.builder.origin.clone();
                let id = self.builder.constant(&name, values);
                self.params.insert(key, (t.clone(), id));
                Ok(id)
            }
            Value::Context { value, shape, range } => {
                if let Some((_, id)) = self.context_params.iter().find(|(v, _)| v == value) {
                    return Ok(*id);
                }
                let name = self.context_name(*value);
                let source = ParamSource::Context { value: *value, range: *range };
                let id = self.builder.param(&name, shape.iter().product(), source);
                self.context_params.push((*value, id));
                Ok(id)
            }
            _ => Err("a value that depends on y stands where only constants and context may".into()),
        }
    }

    /// The file's name for a value of the x-path.
    fn context_name(&mut self, value: ContextValue) -> String {
        let context = self.builder.context_mut();
        match value {
            ContextValue::Input(i) => context.inputs[i].name.clone(),
            ContextValue::Step { step, .. } => context.steps[step].node.name.clone(),
        }
    }

    /// A value of any kind as a node of extents `shape`, copied along broadcast axes.
    pub fn node_of(&mut self, value: &Value, shape: &[usize]) -> Lowered<NodeId> {
        match value {
            Value::Decision { node, shape: from } => {
                let index = rearrange::broadcast_index(from, shape)?;
                self.builder.gather(*node, index)
            }
            Value::Condition { .. } => Err("a truth value stands where numbers are needed".into()),
            _ => {
                let param = self.broadcast_param(value, shape)?;
                Ok(self.builder.vector(param))
            }
        }
    }

    /// A value that does not depend on y as a parameter of extents `shape`, copied along broadcast axes.
    pub fn broadcast_param(&mut self, value: &Value, shape: &[usize]) -> Lowered<ParamId> {
        if value.shape().iter().product::<usize>() == shape.iter().product::<usize>() {
            return self.param(value);
        }
        let index = rearrange::broadcast_index(value.shape(), shape)?;
        match value {
            Value::Known(t) => {
                let flat = Entries::of(t);
                let values: Vec<f64> = index.iter().map(|i| flat[*i]).collect();
                let array = ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|e| e.to_string())?;
                self.param(&Value::Known(Arc::new(Tensor::Float(array))))
            }
            context => {
                let extents = shape.iter().map(|d| *d as i64).collect::<Vec<_>>();
                let extents = ArrayD::from_shape_vec(IxDyn(&[shape.len()]), extents).map_err(|e| e.to_string())?;
                let extents = Value::Known(Arc::new(Tensor::Int(extents)));
                let expanded = self.context_op("Expand", &[Some(context.clone()), Some(extents)])?;
                self.param(&expanded)
            }
        }
    }

    /// Where the file has the batch size of its example baked into target extents, it now means 1.
    fn rebatch(&self, node: &Node, arguments: &mut [Option<Value>]) {
        let Some(batch) = self.baked else { return };
        if !matches!(node.op.as_str(), "Reshape" | "Expand") || arguments.len() < 2 {
            return;
        }
        if let Some(Value::Known(t)) = &arguments[1]
            && let Tensor::Int(extents) = t.as_ref()
            && extents.ndim() == 1
            && extents.first() == Some(&(batch as i64))
        {
            let mut extents = extents.clone();
            extents[0] = 1;
            arguments[1] = Some(Value::Known(Arc::new(Tensor::Int(extents))));
        }
    }

    /// The node behind a graph output, and its length.
    pub fn output(&mut self, name: &str) -> Result<(NodeId, usize), Error> {
        let value = self.environment.get(name).cloned();
        let wrong = |reason: String| Error::Choice(format!("output '{name}': {reason}"));
        self.builder.origin = String::new();
        match value {
            None => Err(wrong("it has no value".into())),
            Some(value) => {
                let shape = value.shape().to_vec();
                let node = self.node_of(&value, &shape).map_err(wrong)?;
                Ok((node, self.builder.len(node)))
            }
        }
    }
}

/// The first entry that is NaN.
fn nan(t: &Tensor) -> Option<usize> {
    t.as_float()?.iter().position(|v| v.is_nan())
}
