//! [`Entries`]: numbers that are stored once and shared.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::tensor::Tensor;

/// The entries of a parameter in row-major order. Long ones that a file stores stay in the tensor that they were read into.
#[derive(Clone)]
pub struct Entries(Kept);

#[derive(Clone)]
enum Kept {
    Alone(Arc<[f64]>),
    /// A tensor of floats, row by row.
    In(Arc<Tensor>),
}

/// So many are shared with their tensor: fewer are copied sooner than they are found there again and again.
const MANY: usize = 1 << 12;

/// The floats of a tensor, where it has such and they lie row by row.
fn floats(tensor: &Tensor) -> Option<&[f64]> {
    tensor.as_float()?.as_slice()
}

impl Entries {
    /// Those of a tensor of any kind, as f64; many floats are shared with it.
    pub fn of(tensor: &Arc<Tensor>) -> Entries {
        match floats(tensor) {
            Some(entries) if entries.len() >= MANY => Entries(Kept::In(tensor.clone())),
            _ => Entries::copied(tensor),
        }
    }

    /// The same, shared with nobody.
    pub fn copied(tensor: &Tensor) -> Entries {
        match tensor {
            // The length of the slice is known, which saves copies.
            Tensor::Float(a) => a.as_slice().map_or_else(|| a.iter().copied().collect(), Entries::from),
            Tensor::Int(a) => a.iter().map(|v| *v as f64).collect(),
            Tensor::Bool(a) => a.iter().map(|v| f64::from(u8::from(*v))).collect(),
        }
    }
}

impl Deref for Entries {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        match &self.0 {
            Kept::Alone(values) => values,
            Kept::In(tensor) => floats(tensor).unwrap_or_default(),
        }
    }
}

impl<T: Into<Arc<[f64]>>> From<T> for Entries {
    fn from(values: T) -> Entries {
        Entries(Kept::Alone(values.into()))
    }
}

impl FromIterator<f64> for Entries {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Entries {
        Entries(Kept::Alone(values.into_iter().collect()))
    }
}

impl Default for Entries {
    fn default() -> Entries {
        Entries(Kept::Alone(Arc::default()))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
