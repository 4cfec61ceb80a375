//! Concrete tensors and the ONNX operators on them: constant folding and the x-path are evaluated here.
//!
//! [`evaluate`] is the whole interface; its table says which function implements which operator, one file a family.
//! [`geometry`] is shared with whoever treats convolutions structurally. Nothing here knows of convexity. Every
//! floating-point type is f64 inside: a cast to a narrower float changes nothing.
//!
//! Deliberately absent: recurrent, quantised, sequence and control-flow operators, and indices of poolings.

mod arithmetic;
mod broadcast;
mod call;
mod compare;
mod convolution;
mod create;
pub mod defaults;
mod einsum;
mod element;
mod elementwise;
mod error;
pub mod geometry;
mod linear;
mod normalization;
mod pad;
mod pooling;
mod reduce;
mod select;
mod shape;
#[cfg(test)]
mod tests;

use icnn_solvers::logistic::{sigmoid, softplus};
use ndarray::ArrayD;

pub use self::error::OpError;

use self::call::Call;
use self::element::owned;
use crate::load::graph::Node;

/// The largest number of axes a tensor may have.
pub const MAX_RANK: usize = 32;

/// The place of the first number that is `bad`, where next to none are: a thousand at a time, without looking at each answer.
pub(crate) fn first(values: &[f64], bad: impl Fn(f64) -> bool) -> Option<usize> {
    let any = |chunk: &[f64]| chunk.iter().fold(false, |any, v| any | bad(*v));
    values.chunks(1024).any(any).then(|| values.iter().position(|v| bad(*v)))?
}

/// A value of an ONNX graph. All floating types are widened to f64, all integer types to i64.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Any floating type.
    Float(ArrayD<f64>),
    /// Any integer type.
    Int(ArrayD<i64>),
    /// Booleans.
    Bool(ArrayD<bool>),
}

impl Tensor {
    /// The extents.
    pub fn shape(&self) -> &[usize] {
        match self {
            Tensor::Float(a) => a.shape(),
            Tensor::Int(a) => a.shape(),
            Tensor::Bool(a) => a.shape(),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Tensor::Float(a) => a.len(),
            Tensor::Int(a) => a.len(),
            Tensor::Bool(a) => a.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The array of a float tensor.
    pub fn as_float(&self) -> Option<&ArrayD<f64>> {
        match self {
            Tensor::Float(a) => Some(a),
            _ => None,
        }
    }

    /// The array of an integer tensor.
    pub fn as_int(&self) -> Option<&ArrayD<i64>> {
        match self {
            Tensor::Int(a) => Some(a),
            _ => None,
        }
    }

    /// The array of a boolean tensor.
    pub fn as_bool(&self) -> Option<&ArrayD<bool>> {
        match self {
            Tensor::Bool(a) => Some(a),
            _ => None,
        }
    }

    /// The kind of its elements, in a word: `float`, `integer` or `boolean`.
    pub fn kind(&self) -> &'static str {
        match self {
            Tensor::Float(_) => "float",
            Tensor::Int(_) => "integer",
            Tensor::Bool(_) => "boolean",
        }
    }
}

/// The outputs of `node`, in order, for concrete inputs.
///
/// `inputs` are the node's inputs in order, `None` for one left out; `opset` is the version of the default operator set;
/// `limit` is how many numbers any result may have, asked before it is allocated. Outputs are in row-major order. There
/// may be more of them than the node names, but never fewer.
///
/// # Errors
/// An unknown operator, inputs that are missing, of the wrong kind or of shapes that do not fit, a result beyond the limit.
pub fn evaluate(node: &Node, inputs: &[Option<&Tensor>], opset: i64, limit: usize) -> Result<Vec<Tensor>, OpError> {
    let unsupported = || OpError::Unsupported { op: node.op.clone(), opset };
    let (_, operator) = OPERATORS.iter().find(|(name, _)| *name == node.op).ok_or_else(unsupported)?;
    // Without numbers an array could have any extents, and what is made of them any size.
    for empty in inputs.iter().flatten().filter(|t| t.is_empty()) {
        call::permit(empty.shape(), limit)?;
    }
    let outputs = operator(&Call { node, inputs, opset, limit })?;
    if let Some(missing) = node.outputs.iter().skip(outputs.len()).find(|name| !name.is_empty()) {
        return Err(OpError::Invalid(format!("output '{missing}' of {} is not supported", node.op)));
    }
    for output in &outputs {
        call::permit(output.shape(), limit)?;
    }
    Ok(outputs.into_iter().map(in_order).collect())
}

/// The operators that [`evaluate`] knows.
pub fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// The tensor in row-major order.
fn in_order(tensor: Tensor) -> Tensor {
    match tensor {
        Tensor::Float(a) if !a.is_standard_layout() => Tensor::Float(owned(&a)),
        Tensor::Int(a) if !a.is_standard_layout() => Tensor::Int(owned(&a)),
        Tensor::Bool(a) if !a.is_standard_layout() => Tensor::Bool(owned(&a)),
        ordered => ordered,
    }
}

/// What implements an operator.
type Operator = fn(&Call) -> Result<Vec<Tensor>, OpError>;

/// The table of operators. A number beside a reduction is the opset from which its axes are an input.
#[rustfmt::skip]
const OPERATORS: &[(&str, Operator)] = {
    use elementwise::map;
    use reduce::reduce;
    &[
        // Functions of one number.
        ("Relu", elementwise::relu),
        ("LeakyRelu", elementwise::leaky_relu),
        ("PRelu", arithmetic::prelu),
        ("ThresholdedRelu", elementwise::thresholded_relu),
        ("Elu", elementwise::elu),
        ("Celu", elementwise::celu),
        ("Selu", elementwise::selu),
        ("Gelu", elementwise::gelu),
        ("Clip", elementwise::clip),
        ("HardSigmoid", elementwise::hard_sigmoid),
        ("HardSwish", |c| map(c, elementwise::hard_swish)),
        ("Softplus", |c| map(c, softplus)),
        ("Sigmoid", |c| map(c, sigmoid)),
        ("Mish", |c| map(c, |x| x * softplus(x).tanh())),
        ("Softsign", |c| map(c, |x| x / (1.0 + x.abs()))),
        ("Exp", |c| map(c, f64::exp)),
        ("Log", |c| map(c, f64::ln)),
        ("Sqrt", |c| map(c, f64::sqrt)),
        ("Reciprocal", |c| map(c, f64::recip)),
        ("Erf", |c| map(c, libm::erf)),
        ("Sin", |c| map(c, f64::sin)),
        ("Cos", |c| map(c, f64::cos)),
        ("Tan", |c| map(c, f64::tan)),
        ("Asin", |c| map(c, f64::asin)),
        ("Acos", |c| map(c, f64::acos)),
        ("Atan", |c| map(c, f64::atan)),
        ("Sinh", |c| map(c, f64::sinh)),
        ("Cosh", |c| map(c, f64::cosh)),
        ("Tanh", |c| map(c, f64::tanh)),
        ("Asinh", |c| map(c, f64::asinh)),
        ("Acosh", |c| map(c, f64::acosh)),
        ("Atanh", |c| map(c, f64::atanh)),
        ("Floor", |c| map(c, f64::floor)),
        ("Ceil", |c| map(c, f64::ceil)),
        ("Round", |c| map(c, f64::round_ties_even)),
        ("Abs", elementwise::abs),
        ("Neg", elementwise::neg),
        ("Sign", elementwise::sign),
        // Arithmetic.
        ("Add", |c| arithmetic::pair(c, |a, b| a + b, i64::wrapping_add)),
        ("Sub", |c| arithmetic::pair(c, |a, b| a - b, i64::wrapping_sub)),
        ("Mul", |c| arithmetic::pair(c, |a, b| a * b, i64::wrapping_mul)),
        ("Div", arithmetic::div),
        ("Mod", arithmetic::modulo),
        ("Pow", arithmetic::pow),
        ("Max", |c| Ok(vec![arithmetic::fold(c, arithmetic::larger, i64::max)?])),
        ("Min", |c| Ok(vec![arithmetic::fold(c, arithmetic::smaller, i64::min)?])),
        ("Sum", |c| Ok(vec![arithmetic::fold(c, |a, b| a + b, i64::wrapping_add)?])),
        ("Mean", arithmetic::mean),
        // Comparisons and logic.
        ("Equal", |c| compare::compare(c, std::cmp::Ordering::is_eq)),
        ("Greater", |c| compare::compare(c, std::cmp::Ordering::is_gt)),
        ("GreaterOrEqual", |c| compare::compare(c, std::cmp::Ordering::is_ge)),
        ("Less", |c| compare::compare(c, std::cmp::Ordering::is_lt)),
        ("LessOrEqual", |c| compare::compare(c, std::cmp::Ordering::is_le)),
        ("And", |c| compare::logic(c, |a, b| a & b)),
        ("Or", |c| compare::logic(c, |a, b| a | b)),
        ("Xor", |c| compare::logic(c, |a, b| a ^ b)),
        ("Not", compare::not),
        ("IsNaN", |c| compare::is(c, f64::is_nan)),
        ("IsInf", compare::is_inf),
        ("Where", compare::choose),
        // Shapes.
        ("Identity", shape::identity),
        ("Dropout", shape::dropout),
        ("Reshape", shape::reshape),
        ("Flatten", shape::flatten),
        ("Squeeze", shape::squeeze),
        ("Unsqueeze", shape::unsqueeze),
        ("Transpose", shape::transpose),
        ("Shape", shape::shape),
        ("Size", shape::size),
        ("Expand", shape::expand),
        ("Tile", shape::tile),
        ("Concat", shape::concat),
        ("Split", shape::split),
        ("Trilu", shape::trilu),
        ("Pad", pad::pad),
        // Indices.
        ("Slice", select::slice),
        ("Gather", select::gather),
        ("GatherElements", select::gather_elements),
        ("GatherND", select::gather_nd),
        ("ScatterND", select::scatter_nd),
        ("ScatterElements", select::scatter_elements),
        ("TopK", select::top_k),
        ("OneHot", select::one_hot),
        // New tensors and element types.
        ("Constant", create::constant),
        ("ConstantOfShape", create::constant_of_shape),
        ("Range", create::range),
        ("Cast", create::cast),
        ("CastLike", create::cast_like),
        // Reductions.
        ("ReduceSum", |c| reduce(c, 13, reduce::sum, Some(reduce::sum_integers))),
        ("ReduceMean", |c| reduce(c, 18, reduce::mean, Some(reduce::mean_integers))),
        ("ReduceProd", |c| reduce(c, 18, |row| row.iter().product(), Some(reduce::product_integers))),
        ("ReduceMax", |c| reduce(c, 18, reduce::max, Some(|row| row.iter().copied().max().unwrap_or(i64::MIN)))),
        ("ReduceMin", |c| reduce(c, 18, reduce::min, Some(|row| row.iter().copied().min().unwrap_or(i64::MAX)))),
        ("ReduceL1", |c| reduce(c, 18, |row| row.iter().map(|v| v.abs()).sum(), None)),
        ("ReduceL2", |c| reduce(c, 18, reduce::norm, None)),
        ("ReduceSumSquare", |c| reduce(c, 18, reduce::sum_square, None)),
        ("ReduceLogSum", |c| reduce(c, 18, |row| reduce::sum(row).ln(), None)),
        ("ReduceLogSumExp", |c| reduce(c, 18, reduce::log_sum_exp, None)),
        ("ArgMax", |c| reduce::arg(c, true)),
        ("ArgMin", |c| reduce::arg(c, false)),
        ("CumSum", reduce::cum_sum),
        ("Softmax", |c| normalization::softmax(c, false)),
        ("LogSoftmax", |c| normalization::softmax(c, true)),
        // Matrices.
        ("Gemm", linear::gemm),
        ("MatMul", linear::matmul),
        ("Einsum", einsum::einsum),
        // Convolutions and poolings.
        ("Conv", convolution::conv),
        ("ConvTranspose", convolution::conv_transpose),
        ("MaxPool", pooling::max_pool),
        ("AveragePool", pooling::average_pool),
        ("GlobalMaxPool", |c| pooling::global(c, reduce::max)),
        ("GlobalAveragePool", |c| pooling::global(c, reduce::mean)),
        // Normalisations.
        ("BatchNormalization", normalization::batch),
        ("LayerNormalization", normalization::layer),
        ("InstanceNormalization", normalization::instance),
        ("GroupNormalization", normalization::group),
        ("RMSNormalization", normalization::root_mean_square),
        ("LpNormalization", normalization::lp),
    ]
};
