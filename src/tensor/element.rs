//! [`Element`]: the three element types, so that operators which only move numbers are written once.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use super::Tensor;

/// A type of tensor element.
pub(super) trait Element: Copy + PartialOrd + 'static {
    /// The zero that padding uses.
    const ZERO: Self;
    /// The array inside a tensor of this kind.
    fn array(tensor: &Tensor) -> Option<&ArrayD<Self>>;
    /// A tensor of this kind.
    fn tensor(array: ArrayD<Self>) -> Tensor;
    /// `a + b`; meaningless for booleans, which have none.
    fn plus(a: Self, b: Self) -> Option<Self>;
    /// `a · b`.
    fn times(a: Self, b: Self) -> Option<Self>;
}

impl Element for f64 {
    const ZERO: f64 = 0.0;
    fn array(tensor: &Tensor) -> Option<&ArrayD<f64>> {
        tensor.as_float()
    }
    fn tensor(array: ArrayD<f64>) -> Tensor {
        Tensor::Float(array)
    }
    fn plus(a: f64, b: f64) -> Option<f64> {
        Some(a + b)
    }
    fn times(a: f64, b: f64) -> Option<f64> {
        Some(a * b)
    }
}

impl Element for i64 {
    const ZERO: i64 = 0;
    fn array(tensor: &Tensor) -> Option<&ArrayD<i64>> {
        tensor.as_int()
    }
    fn tensor(array: ArrayD<i64>) -> Tensor {
        Tensor::Int(array)
    }
    fn plus(a: i64, b: i64) -> Option<i64> {
        Some(a.wrapping_add(b))
    }
    fn times(a: i64, b: i64) -> Option<i64> {
        Some(a.wrapping_mul(b))
    }
}

impl Element for bool {
    const ZERO: bool = false;
    fn array(tensor: &Tensor) -> Option<&ArrayD<bool>> {
        tensor.as_bool()
    }
    fn tensor(array: ArrayD<bool>) -> Tensor {
        Tensor::Bool(array)
    }
    fn plus(_: bool, _: bool) -> Option<bool> {
        None
    }
    fn times(_: bool, _: bool) -> Option<bool> {
        None
    }
}

/// Evaluates `$body` with `$T` standing for the element type of `$tensor`.
macro_rules! with_kind {
    ($tensor:expr, $T:ident => $body:expr) => {
        match $tensor {
            $crate::tensor::Tensor::Float(_) => {
                type $T = f64;
                $body
            }
            $crate::tensor::Tensor::Int(_) => {
                type $T = i64;
                $body
            }
            $crate::tensor::Tensor::Bool(_) => {
                type $T = bool;
                $body
            }
        }
    };
}
pub(super) use with_kind;

/// A copy in row-major order.
pub(super) fn owned<T: Clone, S: Data<Elem = T>, D: Dimension>(array: &ArrayBase<S, D>) -> ArrayD<T> {
    // Not `to_owned`: ndarray keeps the strides of empty views, and asserts on them.
    reshaped(array, array.shape())
}

/// The same numbers, in row-major order, in another shape of as many elements.
pub(super) fn reshaped<T: Clone, S: Data<Elem = T>, D: Dimension>(
    array: &ArrayBase<S, D>,
    shape: &[usize],
) -> ArrayD<T> {
    let values = array.iter().cloned().collect();
    ArrayD::from_shape_vec(IxDyn(shape), values).expect("the caller counted the elements")
}
