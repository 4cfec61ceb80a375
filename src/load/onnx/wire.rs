//! What decoding a file would cost, told from its bytes alone and refused before anything is allocated.
//!
//! A protobuf message may be two bytes long and a hundred or more in memory, so a hostile file of empty messages could
//! exhaust memory. This walks the wire format without building anything.

use super::proto::*;
use crate::load::error::LoadError;
use crate::load::graph::{Attribute, Node};
use crate::tensor::Tensor;

/// How many bytes of memory a byte of the file may cost.
const MEMORY_PER_BYTE: usize = 64;
/// Memory that is always granted, so that no small model is refused for being terse.
const MEMORY_FREE: usize = 64 << 20;

/// The messages that can occur many times.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Small,
}

impl Kind {
    /// The kind of the message in field `field`, or `None` for a scalar, a string or an unread field.
    fn child(self, field: u64) -> Option<Kind> {
        Some(match (self, field) {
            (Kind::Model, 7) => Kind::Graph,
            (Kind::Model, 25) => Kind::Function,
            (Kind::Graph, 1) | (Kind::Function, 7) => Kind::Node,
            (Kind::Graph, 5) | (Kind::Attribute, 5) => Kind::Tensor,
            (Kind::Graph, 11 | 12) => Kind::Value,
            (Kind::Node, 5) | (Kind::Function, 11) => Kind::Attribute,
            (Kind::Value, 2) => Kind::Type,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::TensorType, 2) => Kind::Shape,
            (Kind::Model, 8) | (Kind::Function, 9) | (Kind::Tensor, 13) | (Kind::Shape, 1) => Kind::Small,
            _ => return None,
        })
    }

    /// Bytes of memory one such message takes, decoded and as part of a graph.
    fn memory(self) -> usize {
        match self {
            Kind::Model | Kind::Graph | Kind::Type | Kind::TensorType | Kind::Shape => 0,
            Kind::Function => size_of::<FunctionProto>(),
            Kind::Node => size_of::<NodeProto>() + size_of::<Node>(),
            // A small map has room for eleven entries.
            Kind::Attribute => size_of::<AttributeProto>() + 11 * (size_of::<String>() + size_of::<Attribute>()),
            Kind::Tensor => size_of::<TensorProto>() + size_of::<Tensor>(),
            Kind::Value => size_of::<ValueInfoProto>(),
            Kind::Small => size_of::<StringStringEntryProto>(),
        }
    }
}

/// Refuses a file that is no protobuf, or whose messages would take far more memory than the file has bytes.
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let malformed = |reason: String| LoadError::Malformed { reason };
    let memory = memory(bytes, Kind::Model).ok_or_else(|| malformed("the bytes are no protobuf message".into()))?;
    let limit = bytes.len().saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_FREE);
    if memory > limit {
        return Err(malformed(format!("decoding would take {memory} bytes of memory, the limit is {limit}")));
    }
    Ok(())
}

/// An upper estimate of the memory a message of `kind` takes; `None` for bytes that are no message. Recursion ends with
/// the kinds, seven deep at most.
fn memory(mut bytes: &[u8], kind: Kind) -> Option<usize> {
    let mut total = kind.memory();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let cost = match key & 7 {
            0 => {
                varint(&mut bytes)?;
                8
            }
            1 => take(&mut bytes, 8)?.len(),
            2 => {
                let len = varint(&mut bytes)?;
                let payload = take(&mut bytes, usize::try_from(len).ok()?)?;
                match kind.child(key >> 3) {
                    Some(child) => memory(payload, child)?,
                    None => size_of::<String>() + payload.len(),
                }
            }
            5 => take(&mut bytes, 4)?.len(),
            _ => return None,
        };
        total = total.saturating_add(cost);
    }
    Some(total)
}

/// Takes `len` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(len)?;
    *bytes = tail;
    Some(head)
}

/// Takes a base-128 integer off the front.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
