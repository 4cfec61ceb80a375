//! Concrete tensors and the ONNX operators on them: constant folding and the x-path are evaluated here.
//!
//! Nothing here knows of convexity. Every floating-point type is f64 inside.

use ndarray::ArrayD;

/// The largest number of axes a tensor may have.
pub const MAX_RANK: usize = 32;

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
}
