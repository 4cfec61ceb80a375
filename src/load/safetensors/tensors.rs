//! [`Tensors`]: the tensors of a safetensors file, with a record of which were asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use safetensors::{Dtype, SafeTensors};

use crate::load::error::LoadError;
use crate::tensor::{MAX_RANK, Tensor};

/// The tensors of a file.
pub(super) struct Tensors<'a> {
    file: SafeTensors<'a>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Tensors<'a> {
    /// The tensors in the bytes of a file.
    pub fn parse(bytes: &'a [u8]) -> Result<Tensors<'a>, LoadError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|e| LoadError::Malformed { reason: format!("no safetensors file: {e}") })?;
        Ok(Tensors { file, used: RefCell::default() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.file.len()
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// How many numbers the file stores.
    pub fn stored(&self) -> usize {
        let count = |s: &[usize]| s.iter().fold(1usize, |n, d| n.saturating_mul(*d));
        self.file.iter().map(|(_, t)| count(t.shape())).fold(0, usize::saturating_add)
    }

    /// The extents of a tensor; `what` says in messages what it is for.
    pub fn shape(&self, name: &str, what: &str) -> Result<Vec<usize>, LoadError> {
        match self.file.tensor(name) {
            Ok(t) => Ok(t.shape().to_vec()),
            Err(_) => Err(fail(name, format!("{what}: the file has no such tensor"))),
        }
    }

    /// The values of a tensor, which must have the given extents; `what` says in messages what it is for.
    pub fn get(&self, name: &str, what: &str, expected: &[usize]) -> Result<Tensor, LoadError> {
        let shape = self.shape(name, what)?;
        if shape != expected || shape.len() > MAX_RANK || shape.contains(&0) {
            return Err(fail(name, format!("{what}: shape {shape:?}, expected {expected:?}")));
        }
        let view = self.file.tensor(name).map_err(|e| fail(name, e.to_string()))?;
        let data = view.data();
        let values: Vec<f64> = match view.dtype() {
            Dtype::F64 => le::<8>(data, f64::from_le_bytes),
            Dtype::F32 => le::<4>(data, |b| f32::from_le_bytes(b).into()),
            Dtype::F16 => le::<2>(data, |b| f16::from_le_bytes(b).into()),
            Dtype::BF16 => le::<2>(data, |b| bf16::from_le_bytes(b).into()),
            other => return Err(fail(name, format!("{what}: type {other:?}, expected F64, F32, F16 or BF16"))),
        };
        if let Some(i) = values.iter().position(|v| v.is_nan()) {
            return Err(fail(name, format!("{what}: element {i} is NaN")));
        }
        let n = values.len();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|_| fail(name, format!("{what}: {n} values do not fill shape {shape:?}")))?;
        self.used.borrow_mut().insert(name.to_string());
        Ok(Tensor::Float(array))
    }

    /// Refuses tensors that nobody asked for, unless a pattern of `ignore` names them; a pattern may end in `*`.
    pub fn all_used(&self, ignore: &[String]) -> Result<(), LoadError> {
        let used = self.used.borrow();
        let matches = |pattern: &String, name: &str| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        };
        let mut left: Vec<String> = self
            .file
            .iter()
            .filter(|(name, _)| !used.contains(*name) && !ignore.iter().any(|p| matches(p, name)))
            .map(|(name, t)| format!("'{name}' {:?}", t.shape()))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        left.sort();
        let n = left.len();
        left.truncate(6);
        let more = if n > 6 { ", …" } else { "" };
        let reason = format!(
            "{n} of {} tensors are in no role: {}{more}; give them a role, or list them in \"ignore\"",
            self.len(),
            left.join(", ")
        );
        Err(LoadError::Malformed { reason })
    }
}

fn fail(name: &str, reason: String) -> LoadError {
    LoadError::Tensor { name: name.into(), reason }
}

/// Little-endian values of `N` bytes each.
fn le<const N: usize>(raw: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    raw.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}
