//! [`tensor`]: a stored tensor becomes a [`Tensor`], exactly.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};

use super::external::External;
use super::proto::{TensorProto, data_type as ty};
use crate::load::error::LoadError;
use crate::tensor::{MAX_RANK, Tensor, first};

/// Name and size in bytes of an element type this reader knows.
fn element(data_type: i32) -> Option<(&'static str, usize)> {
    Some(match data_type {
        ty::DOUBLE => ("f64", 8),
        ty::FLOAT => ("f32", 4),
        ty::FLOAT16 => ("f16", 2),
        ty::BFLOAT16 => ("bf16", 2),
        ty::INT8 => ("i8", 1),
        ty::INT16 => ("i16", 2),
        ty::INT32 => ("i32", 4),
        ty::INT64 => ("i64", 8),
        ty::UINT8 => ("u8", 1),
        ty::UINT16 => ("u16", 2),
        ty::UINT32 => ("u32", 4),
        ty::UINT64 => ("u64", 8),
        ty::BOOL => ("bool", 1),
        _ => return None,
    })
}

/// The values of `proto`: floating types widened to f64, integers to i64, both exactly.
///
/// # Errors
/// An element type other than f64, f32, f16, bf16, i8 to i64, u8 to u64 and bool; dims that are negative, zero (but an
/// empty list of integers is legitimate, as a shape or as axes) or disagree with the amount of data; a u64
/// above the i64 range; NaN. Infinities pass: as bounds and masks they are legitimate.
pub(super) fn tensor(name: &str, proto: TensorProto, external: &mut External) -> Result<Tensor, LoadError> {
    let fail = |reason: String| LoadError::Tensor { name: name.into(), reason };
    let kind = proto.data_type();
    let (type_name, size) = element(kind).ok_or_else(|| fail(format!("element type {kind} is not supported")))?;
    let dims = &proto.dims;
    if dims.len() > MAX_RANK {
        return Err(fail(format!("{} dimensions, at most {MAX_RANK} are supported", dims.len())));
    }
    let float = matches!(kind, ty::DOUBLE | ty::FLOAT | ty::FLOAT16 | ty::BFLOAT16);
    let smallest = if float || dims.len() > 1 { 1 } else { 0 };
    if let Some(axis) = dims.iter().position(|d| *d < smallest) {
        return Err(fail(format!("dims {dims:?} have {} at axis {axis}", dims[axis])));
    }
    let shape: Vec<usize> = dims.iter().map(|d| usize::try_from(*d).unwrap_or(usize::MAX)).collect();
    let bytes = shape.iter().try_fold(size, |n, d| n.checked_mul(*d));
    let bytes = bytes.ok_or_else(|| fail(format!("dims {dims:?} are too large")))?;
    let count = bytes / size;

    let raw = if proto.data_location() == 1 {
        Some(external.read(name, &proto.external_data, bytes as u64)?.into())
    } else {
        proto.raw_data
    };
    let typed = typed_field(kind);
    let (field, stored) = match typed {
        Typed::Float => ("float_data", proto.float_data.len()),
        Typed::Double => ("double_data", proto.double_data.len()),
        Typed::Int32 => ("int32_data", proto.int32_data.len()),
        Typed::Int64 => ("int64_data", proto.int64_data.len()),
        Typed::UInt64 => ("uint64_data", proto.uint64_data.len()),
    };
    let raw = raw.filter(|r| !r.is_empty() || stored == 0);
    match &raw {
        Some(_) if stored > 0 => return Err(fail(format!("it has both raw_data and {field}"))),
        Some(r) if r.len() != bytes => {
            return Err(fail(format!("dims {dims:?} need {bytes} bytes of {type_name}, raw_data has {}", r.len())));
        }
        None if stored != count => {
            return Err(fail(format!("dims {dims:?} need {count} numbers of {type_name}, {field} has {stored}")));
        }
        _ => {}
    }

    let array = |n: usize| fail(format!("dims {dims:?} do not hold {n} numbers"));
    let bad_unsigned = |v: u64| fail(format!("{v} is beyond the i64 range"));
    let tensor = if float {
        let values: Vec<f64> = match (raw, kind) {
            (Some(r), ty::DOUBLE) => le::<8, _>(&r, f64::from_le_bytes),
            (Some(r), ty::FLOAT) => le::<4, _>(&r, |b| f32::from_le_bytes(b).into()),
            (Some(r), ty::FLOAT16) => le::<2, _>(&r, |b| f16::from_le_bytes(b).into()),
            (Some(r), _) => le::<2, _>(&r, |b| bf16::from_le_bytes(b).into()),
            (None, ty::DOUBLE) => proto.double_data,
            (None, ty::FLOAT) => proto.float_data.into_iter().map(f64::from).collect(),
            (None, ty::FLOAT16) => proto.int32_data.into_iter().map(|b| f16::from_bits(b as u16).into()).collect(),
            (None, _) => proto.int32_data.into_iter().map(|b| bf16::from_bits(b as u16).into()).collect(),
        };
        if let Some(i) = first(&values, f64::is_nan) {
            return Err(fail(format!("element {i} is NaN")));
        }
        Tensor::Float(ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|_| array(count))?)
    } else if kind == ty::BOOL {
        let values = match raw {
            Some(r) => r.into_iter().map(|b| b != 0).collect(),
            None => proto.int32_data.into_iter().map(|b| b != 0).collect(),
        };
        Tensor::Bool(ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|_| array(count))?)
    } else {
        let signed = |v: u64| i64::try_from(v).map_err(|_| bad_unsigned(v));
        let values: Vec<i64> = match (raw, kind) {
            (Some(r), ty::INT8) => le::<1, _>(&r, |b| i8::from_le_bytes(b).into()),
            (Some(r), ty::INT16) => le::<2, _>(&r, |b| i16::from_le_bytes(b).into()),
            (Some(r), ty::INT32) => le::<4, _>(&r, |b| i32::from_le_bytes(b).into()),
            (Some(r), ty::INT64) => le::<8, _>(&r, i64::from_le_bytes),
            (Some(r), ty::UINT8) => le::<1, _>(&r, |b| b[0].into()),
            (Some(r), ty::UINT16) => le::<2, _>(&r, |b| u16::from_le_bytes(b).into()),
            (Some(r), ty::UINT32) => le::<4, _>(&r, |b| u32::from_le_bytes(b).into()),
            (Some(r), _) => le::<8, _>(&r, u64::from_le_bytes).into_iter().map(signed).collect::<Result<_, _>>()?,
            (None, ty::INT64) => proto.int64_data,
            (None, ty::UINT32 | ty::UINT64) => proto.uint64_data.into_iter().map(signed).collect::<Result<_, _>>()?,
            (None, _) => proto.int32_data.into_iter().map(i64::from).collect(),
        };
        Tensor::Int(ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|_| array(count))?)
    };
    Ok(tensor)
}

/// The typed field that holds an element type when `raw_data` does not.
enum Typed {
    Float,
    Double,
    Int32,
    Int64,
    UInt64,
}

fn typed_field(kind: i32) -> Typed {
    match kind {
        ty::FLOAT => Typed::Float,
        ty::DOUBLE => Typed::Double,
        ty::INT64 => Typed::Int64,
        ty::UINT32 | ty::UINT64 => Typed::UInt64,
        _ => Typed::Int32,
    }
}

/// Little-endian values of `N` bytes each.
fn le<const N: usize, T>(raw: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}
