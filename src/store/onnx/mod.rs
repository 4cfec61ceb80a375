//! [`write()`]: a [`Program`] as an ONNX file in double precision.
//!
//! Each node is a row [1, n] made of standard operators; the steps of the x-path are written as they were read, except that a
//! cast to a narrower float becomes one to double. What reads the file computes the same numbers in the same order wherever an
//! operator for that exists; softplus with β ≠ 1 is the exception, as β is a factor and a divisor of its own there.
//!
//! Deliberately absent: batches (a program is about one row), sparse matrices (they are written as gathers and sums).

mod context;
mod file;
mod groups;
mod linear;
mod units;

use std::cell::RefCell;

use prost::Message;

use crate::ir::linear::LinearMap;
use crate::ir::program::{GroupKind, NodeId, Op, ParamId, ParamSource, Program};
use crate::load::error::LoadError;
use file::File;

/// The version of the operator set of a network without x-path; with one, that of its steps.
const OPSET: i64 = 17;
/// The largest file that the format permits, in bytes.
const LARGEST_FILE: usize = i32::MAX as usize;

/// What cannot be written, and why.
type Written<T = String> = Result<T, String>;

/// The bytes of an ONNX file that computes the program: inputs as the program has them, one output `f` of extents [1, 1].
///
/// # Errors
/// [`LoadError::Part`] naming a node or step that has no form in ONNX (an attribute that is no 32-bit float, an operator that the
/// operator set of the steps lacks, a convolution with an uneven end), or a file beyond 2 GiB.
pub fn write(program: &Program) -> Result<Vec<u8>, LoadError> {
    let at = |part: String| move |reason: String| LoadError::Part { part, reason };
    let context = program.context();
    let opset = if context.steps.is_empty() { OPSET } else { context.opset };
    let inputs = context.inputs.iter().map(|i| i.name.as_str()).chain([program.decision_name()]);
    let mut file = File::new(opset, inputs.map(str::to_string).collect());
    file.input(program.decision_name(), program.decision_shape());
    for input in &context.inputs {
        file.input(&input.name, &input.shape);
    }
    for (k, step) in context.steps.iter().enumerate() {
        let part = format!("step {k} '{}' ({})", step.node.name, step.node.op);
        context::step(&mut file, program, k).map_err(at(part))?;
    }
    let writer = Writer { program, params: RefCell::new(vec![None; program.params().len()]) };
    let mut values: Vec<String> = Vec::with_capacity(program.nodes().len());
    for (k, node) in program.nodes().iter().enumerate() {
        file.origin = if node.name.is_empty() || k == 0 { format!("n{k}") } else { format!("n{k} {}", node.name) };
        let value = writer.node(&mut file, k, &values).map_err(at(program.describe(NodeId(k as u32))))?;
        values.push(value);
    }
    let model = file.finish(values.pop().unwrap_or_default());
    let size = model.encoded_len();
    if size > LARGEST_FILE {
        return Err(LoadError::Part {
            part: "the file".into(),
            reason: format!("it would have {size} bytes, the format permits {LARGEST_FILE}"),
        });
    }
    Ok(model.encode_to_vec())
}

/// A program with the names its parameters have in the file, as far as they have been written.
struct Writer<'a> {
    program: &'a Program,
    params: RefCell<Vec<Option<String>>>,
}

impl Writer<'_> {
    /// A parameter as a row [1, n], stored or the value of a step; it is written where it is first used.
    fn param(&self, file: &mut File, id: ParamId) -> String {
        if let Some(known) = &self.params.borrow()[id.index()] {
            return known.clone();
        }
        let param = &self.program.params()[id.index()];
        let row = match &param.source {
            ParamSource::Constant(values) => file.floats(&[1, param.len], values),
            ParamSource::Context { value, .. } => {
                let value = context::name(file, self.program, *value);
                file.reshaped(&value, &[1, param.len])
            }
        };
        self.params.borrow_mut()[id.index()] = Some(row.clone());
        row
    }

    /// A row times a parameter.
    fn times(&self, file: &mut File, row: &str, by: ParamId) -> String {
        let by = self.param(file, by);
        file.op("Mul", &[row, &by])
    }

    /// The entries of a stored parameter.
    fn constant(&self, id: ParamId) -> Option<&[f64]> {
        match &self.program.params()[id.index()].source {
            ParamSource::Constant(v) => Some(v),
            ParamSource::Context { .. } => None,
        }
    }

    /// The value of node `k` as a row; `values` are those before it.
    fn node(&self, file: &mut File, k: usize, values: &[String]) -> Written {
        let nodes = self.program.nodes();
        let node = &nodes[k];
        let of = |id: NodeId| values[id.index()].as_str();
        Ok(match &node.op {
            Op::Decision => file.reshaped(&file.input_name(self.program.decision_name()), &[1, node.len]),
            Op::Param(p) => self.param(file, *p),
            Op::Linear { input, map } => match map {
                LinearMap::Gather { index, .. } => file.gather(of(*input), index),
                LinearMap::Sparse(m) => groups::sparse(file, of(*input), m),
                LinearMap::Dense { .. } => linear::dense(self, file, of(*input), map)?,
                LinearMap::Convolution { weight, geometry } => {
                    linear::convolution(self, file, of(*input), *weight, geometry)?
                }
            },
            Op::Scale { input, by } => self.times(file, of(*input), *by),
            Op::Sum(inputs) if inputs.len() == 1 => of(inputs[0]).to_string(),
            Op::Sum(inputs) => {
                let inputs: Vec<&str> = inputs.iter().map(|i| of(*i)).collect();
                file.op("Sum", &inputs)
            }
            Op::Concat(inputs) => {
                let inputs: Vec<&str> = inputs.iter().map(|i| of(*i)).collect();
                file.concat(&inputs)
            }
            Op::Unit { input, unit } => units::unit(self, file, of(*input), unit)?,
            Op::Group { input, kind, groups: all } => {
                let members: Vec<&[usize]> = (0..all.len()).map(|g| all.group(g)).collect();
                let reduction = match kind {
                    GroupKind::Max => "ReduceMax",
                    GroupKind::LogSumExp => "ReduceLogSumExp",
                    GroupKind::Norm => "ReduceL2",
                };
                groups::reduced(file, of(*input), &members, None, reduction)
            }
            Op::Quadratic { input, matrix } => linear::quadratic(file, of(*input), matrix)?,
            Op::Product(a, b) => file.op("Mul", &[of(*a), of(*b)]),
            Op::Quotient(a, b) => file.op("Div", &[of(*a), of(*b)]),
            Op::Select { test, strict, then, otherwise } => {
                let zero = file.floats(&[1, 1], &[0.0]);
                let holds = if *strict {
                    file.op("Greater", &[of(*test), &zero])
                } else {
                    let below = file.op("Less", &[of(*test), &zero]);
                    file.op("Not", &[&below])
                };
                file.op("Where", &[&holds, of(*then), of(*otherwise)])
            }
        })
    }
}
