//! [`Call`]: one evaluation of an operator, and how operators read their inputs and attributes.

use ndarray::ArrayD;

use super::element::Element;
use super::error::{OpError, invalid};
use super::{MAX_RANK, Tensor};
use crate::load::graph::{Attribute, Node};

/// A node with its concrete inputs.
pub(super) struct Call<'a> {
    /// The operation and its attributes.
    pub node: &'a Node,
    /// The inputs; `None` for one left out.
    pub inputs: &'a [Option<&'a Tensor>],
    /// The version of the operator set.
    pub opset: i64,
    /// How many numbers a result may have.
    pub limit: usize,
}

impl<'a> Call<'a> {
    /// Input `index`, if given.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    /// Input `index`, which must be given.
    pub fn input(&self, index: usize) -> Result<&'a Tensor, OpError> {
        self.optional(index).ok_or(OpError::MissingInput { index, given: self.inputs.len() })
    }

    /// Input `index` as an array of `T`.
    pub fn array<T: Element>(&self, index: usize) -> Result<&'a ArrayD<T>, OpError> {
        let input = self.input(index)?;
        let expected = T::tensor(ArrayD::from_elem(vec![1], T::ZERO)).kind();
        T::array(input).ok_or(OpError::Kind { index, found: input.kind(), expected })
    }

    /// Input `index` as an array of `T`, if given.
    pub fn optional_array<T: Element>(&self, index: usize) -> Result<Option<&'a ArrayD<T>>, OpError> {
        self.optional(index).map(|_| self.array(index)).transpose()
    }

    /// Input `index` as floats.
    pub fn floats(&self, index: usize) -> Result<&'a ArrayD<f64>, OpError> {
        self.array(index)
    }

    /// The only number of input `index`, if given.
    pub fn scalar<T: Element>(&self, index: usize) -> Result<Option<T>, OpError> {
        let Some(array) = self.optional_array::<T>(index)? else { return Ok(None) };
        match (array.len(), array.first()) {
            (1, Some(v)) => Ok(Some(*v)),
            (n, _) => Err(invalid(format!("input {index} should be 1 number, it has {n}"))),
        }
    }

    /// The list of integers at input `index`, if given.
    pub fn list(&self, index: usize) -> Result<Option<Vec<i64>>, OpError> {
        let Some(array) = self.optional_array::<i64>(index)? else { return Ok(None) };
        if array.ndim() > 1 {
            return Err(invalid(format!("input {index} should be a list, its shape is {:?}", array.shape())));
        }
        Ok(Some(array.iter().copied().collect()))
    }

    /// A list that was the attribute `name` before opset `since` and is input `index` from there on.
    pub fn list_since(&self, since: i64, index: usize, name: &str) -> Result<Option<Vec<i64>>, OpError> {
        if self.opset >= since { self.list(index) } else { self.ints(name) }
    }

    /// The integer attribute `name`.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, OpError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Int(v)) => Ok(*v),
            Some(_) => Err(invalid(format!("attribute '{name}' is not an integer"))),
        }
    }

    /// The attribute `name` read as 0 or 1.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, OpError> {
        Ok(self.int(name, default.into())? != 0)
    }

    /// The float attribute `name`.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, OpError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Float(v)) => Ok(*v),
            Some(_) => Err(invalid(format!("attribute '{name}' is not a number"))),
        }
    }

    /// The integer-list attribute `name`.
    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, OpError> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(v)) => Ok(Some(v.clone())),
            Some(_) => Err(invalid(format!("attribute '{name}' is not a list of integers"))),
        }
    }

    /// The text attribute `name`.
    pub fn text(&self, name: &str, default: &'static str) -> Result<&'a str, OpError> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::String(v)) => Ok(v),
            Some(_) => Err(invalid(format!("attribute '{name}' is not text"))),
        }
    }

    /// How many outputs the node names; only they are computed.
    pub fn wants(&self, output: usize) -> bool {
        self.node.outputs.get(output).is_some_and(|name| !name.is_empty())
    }

    /// Refuses a result of `shape` when it has too many axes or numbers.
    pub fn permit(&self, shape: &[usize]) -> Result<(), OpError> {
        permit(shape, self.limit)
    }
}

/// Refuses `shape` when it has more than [`MAX_RANK`] axes, or more than `limit` numbers. Empty axes count as one, so that
/// no product of the others can overflow.
pub(super) fn permit(shape: &[usize], limit: usize) -> Result<(), OpError> {
    let numbers = shape.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1)));
    if shape.len() <= MAX_RANK && numbers.is_some_and(|n| n <= limit.max(1)) {
        return Ok(());
    }
    Err(OpError::TooLarge { shape: shape.to_vec(), limit })
}

/// The axis that `axis` means in `rank` axes, where -1 is the last.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, OpError> {
    let from_front = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    match from_front.map(usize::try_from) {
        Some(Ok(a)) if a < rank => Ok(a),
        _ => Err(invalid(format!("axis {axis} of a tensor with {rank} axes"))),
    }
}

/// The axes that a list means, each once, marked in a mask of `rank` axes.
pub(super) fn axes(list: &[i64], rank: usize) -> Result<Vec<bool>, OpError> {
    let mut mask = vec![false; rank];
    for &a in list {
        let a = axis(a, rank)?;
        if std::mem::replace(&mut mask[a], true) {
            return Err(invalid(format!("axis {a} is listed twice in {list:?}")));
        }
    }
    Ok(mask)
}
