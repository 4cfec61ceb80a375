//! Operators that make a tensor from little, or change its element type.

use ndarray::{Array1, ArrayD, IxDyn, arr0};

use super::Tensor;
use super::call::Call;
use super::element::{Element, with_kind};
use super::error::{OpError, invalid};
use super::shape::extents;
use crate::load::graph::Attribute;

/// The value an attribute holds.
pub(super) fn constant(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let attributes = &call.node.attributes;
    let value = match attributes.first_key_value().filter(|_| attributes.len() == 1) {
        Some((_, Attribute::Tensor(t))) => t.clone(),
        Some((_, Attribute::Float(v))) => Tensor::Float(arr0(*v).into_dyn()),
        Some((_, Attribute::Floats(v))) => Tensor::Float(Array1::from(v.clone()).into_dyn()),
        Some((_, Attribute::Int(v))) => Tensor::Int(arr0(*v).into_dyn()),
        Some((_, Attribute::Ints(v))) => Tensor::Int(Array1::from(v.clone()).into_dyn()),
        _ => return Err(invalid(format!("a constant with {} attributes, 1 numeric one is needed", attributes.len()))),
    };
    call.permit(value.shape())?;
    Ok(vec![value])
}

/// One number everywhere, 0 by default.
pub(super) fn constant_of_shape(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let list = call.list(0)?.ok_or(OpError::MissingInput { index: 0, given: call.inputs.len() })?;
    let shape = extents(&list)?;
    call.permit(&shape)?;
    let zero = Tensor::Float(arr0(0.0).into_dyn());
    let value = match call.node.attributes.get("value") {
        None => &zero,
        Some(Attribute::Tensor(t)) if t.len() == 1 => t,
        Some(_) => return Err(invalid("ConstantOfShape whose value is not 1 number")),
    };
    with_kind!(value, T => {
        let fill = T::array(value).and_then(|a| a.first().copied()).unwrap_or(T::ZERO);
        Ok(vec![T::tensor(ArrayD::from_elem(IxDyn(&shape), fill))])
    })
}

/// From a start, in steps, up to but without a limit.
pub(super) fn range(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let missing = |index| OpError::MissingInput { index, given: call.inputs.len() };
    let count = |steps: f64| -> Result<usize, OpError> {
        let n = steps.ceil().max(0.0);
        if n > call.limit as f64 {
            return Err(invalid(format!("Range of {n} numbers, the limit is {}", call.limit)));
        }
        Ok(n as usize)
    };
    if let Tensor::Int(_) = call.input(0)? {
        let mut values = [0i64; 3];
        for (index, v) in values.iter_mut().enumerate() {
            *v = call.scalar(index)?.ok_or_else(|| missing(index))?;
        }
        let [start, end, step] = values;
        if step == 0 {
            return Err(invalid("Range with step 0"));
        }
        let (span, width) = (i128::from(end) - i128::from(start), i128::from(step));
        // Towards zero, plus one where steps do not divide the span.
        let steps = if (span > 0) == (width > 0) { span / width + i128::from(span % width != 0) } else { 0 };
        let n = count(steps as f64)?;
        let list = (0..n as i64).map(|i| start.wrapping_add(i.wrapping_mul(step)));
        return Ok(vec![Tensor::Int(Array1::from_iter(list).into_dyn())]);
    }
    let mut values = [0f64; 3];
    for (index, v) in values.iter_mut().enumerate() {
        *v = call.scalar(index)?.ok_or_else(|| missing(index))?;
    }
    let [start, end, step] = values;
    if step == 0.0 {
        return Err(invalid("Range with step 0"));
    }
    let n = count((end - start) / step)?;
    Ok(vec![Tensor::Float(Array1::from_iter((0..n).map(|i| start + i as f64 * step)).into_dyn())])
}

/// Another element type. Casts between floating types change nothing: everything is f64 inside.
pub(super) fn cast(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let input = call.input(0)?;
    // Element types as the format numbers them.
    let narrow: fn(i64) -> i64 = match call.int("to", 0)? {
        1 | 10 | 11 | 16 => return Ok(vec![to_float(input)]),
        9 => return Ok(vec![to_bool(input)]),
        7 => |v| v,
        2 => |v| i64::from(v as u8),
        3 => |v| i64::from(v as i8),
        4 => |v| i64::from(v as u16),
        5 => |v| i64::from(v as i16),
        6 => |v| i64::from(v as i32),
        12 => |v| i64::from(v as u32),
        13 => |v| v,
        other => return Err(invalid(format!("Cast to element type {other}"))),
    };
    Ok(vec![to_int(input, narrow)])
}

/// The element type of input 1, as far as it is told apart here.
pub(super) fn cast_like(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let input = call.input(0)?;
    Ok(vec![match call.input(1)? {
        Tensor::Float(_) => to_float(input),
        Tensor::Int(_) => to_int(input, |v| v),
        Tensor::Bool(_) => to_bool(input),
    }])
}

fn to_float(tensor: &Tensor) -> Tensor {
    Tensor::Float(match tensor {
        Tensor::Float(a) => a.clone(),
        Tensor::Int(a) => a.mapv(|v| v as f64),
        Tensor::Bool(a) => a.mapv(|v| f64::from(u8::from(v))),
    })
}

fn to_int(tensor: &Tensor, narrow: fn(i64) -> i64) -> Tensor {
    Tensor::Int(match tensor {
        Tensor::Float(a) => a.mapv(|v| narrow(v as i64)),
        Tensor::Int(a) => a.mapv(narrow),
        Tensor::Bool(a) => a.mapv(i64::from),
    })
}

fn to_bool(tensor: &Tensor) -> Tensor {
    Tensor::Bool(match tensor {
        Tensor::Float(a) => a.mapv(|v| v != 0.0),
        Tensor::Int(a) => a.mapv(|v| v != 0),
        Tensor::Bool(a) => a.clone(),
    })
}
