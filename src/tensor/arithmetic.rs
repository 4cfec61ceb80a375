//! Arithmetic of two or more tensors, with broadcasting.

use ndarray::ArrayD;

use super::Tensor;
use super::broadcast::{self, zip};
use super::call::Call;
use super::error::{OpError, invalid, shapes};

/// `f` of two float tensors or `g` of two integer tensors.
fn binary(
    call: &Call,
    left: &Tensor,
    right: &Tensor,
    f: impl Fn(f64, f64) -> f64,
    g: impl Fn(i64, i64) -> i64,
) -> Result<Tensor, OpError> {
    match (left, right) {
        (Tensor::Float(a), Tensor::Float(b)) => Ok(Tensor::Float(zip(a, b, call.limit, |a, b| f(*a, *b))?)),
        (Tensor::Int(a), Tensor::Int(b)) => Ok(Tensor::Int(zip(a, b, call.limit, |a, b| g(*a, *b))?)),
        _ => Err(invalid(format!("arithmetic of {} and {} values", left.kind(), right.kind()))),
    }
}

/// Add, Sub, Mul.
pub(super) fn pair(call: &Call, f: fn(f64, f64) -> f64, g: fn(i64, i64) -> i64) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![binary(call, call.input(0)?, call.input(1)?, f, g)?])
}

/// Max, Min, Sum: any number of tensors, one after the other.
pub(super) fn fold(call: &Call, f: fn(f64, f64) -> f64, g: fn(i64, i64) -> i64) -> Result<Tensor, OpError> {
    let mut total = call.input(0)?.clone();
    for index in 1..call.inputs.len() {
        total = binary(call, &total, call.input(index)?, f, g)?;
    }
    Ok(total)
}

/// The larger of two; NaN if either is.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two; NaN if either is.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

/// The mean of any number of tensors.
pub(super) fn mean(call: &Call) -> Result<Vec<Tensor>, OpError> {
    call.floats(0)?;
    let count = call.inputs.len() as f64;
    match fold(call, |a, b| a + b, i64::wrapping_add)? {
        Tensor::Float(sum) => Ok(vec![Tensor::Float(sum / count)]),
        other => Ok(vec![other]),
    }
}

/// Refuses integer divisors of zero.
fn refuse_zero(divisor: &Tensor) -> Result<(), OpError> {
    match divisor {
        Tensor::Int(b) if b.iter().any(|b| *b == 0) => Err(invalid("integer division by zero")),
        _ => Ok(()),
    }
}

/// Division, towards zero for integers.
pub(super) fn div(call: &Call) -> Result<Vec<Tensor>, OpError> {
    refuse_zero(call.input(1)?)?;
    pair(call, |a, b| a / b, i64::wrapping_div)
}

/// The remainder: with `fmod` it has the sign of the dividend, else of the divisor.
pub(super) fn modulo(call: &Call) -> Result<Vec<Tensor>, OpError> {
    refuse_zero(call.input(1)?)?;
    let fmod = call.flag("fmod", false)?;
    if !fmod && matches!(call.input(0)?, Tensor::Float(_)) {
        return Err(invalid("Mod of floats needs fmod=1"));
    }
    let divisor_sign = |a: i64, b: i64| {
        let r = a.wrapping_rem(b);
        if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
    };
    pair(call, |a, b| a % b, if fmod { i64::wrapping_rem } else { divisor_sign })
}

/// `a ^ b` of two numbers; squares and square roots are correctly rounded.
fn power(a: f64, b: f64) -> f64 {
    if b == 2.0 {
        a * a
    } else if b == 0.5 && a >= 0.0 {
        a.sqrt()
    } else {
        a.powf(b)
    }
}

/// `a ^ b`; the result is of the base's kind.
pub(super) fn pow(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (base, exponent) = (call.input(0)?, call.input(1)?);
    let limit = call.limit;
    let tensor = match (base, exponent) {
        (Tensor::Float(a), Tensor::Float(b)) => Tensor::Float(zip(a, b, limit, |a, b| power(*a, *b))?),
        (Tensor::Float(a), Tensor::Int(b)) => Tensor::Float(zip(a, b, limit, |a, b| power(*a, *b as f64))?),
        (Tensor::Int(a), Tensor::Float(b)) => Tensor::Int(zip(a, b, limit, |a, b| power(*a as f64, *b) as i64)?),
        (Tensor::Int(a), Tensor::Int(b)) => {
            if let Some(b) = b.iter().find(|b| u32::try_from(**b).is_err()) {
                return Err(invalid(format!("integers to the power of {b}")));
            }
            Tensor::Int(zip(a, b, limit, |a, b| a.wrapping_pow(*b as u32))?)
        }
        _ => return Err(invalid(format!("Pow of {} and {} values", base.kind(), exponent.kind()))),
    };
    Ok(vec![tensor])
}

/// `x` where positive, `slope · x` where negative; the slope broadcasts to `x`.
pub(super) fn prelu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (x, slope): (&ArrayD<f64>, _) = (call.floats(0)?, call.floats(1)?);
    if broadcast::shape(x.shape(), slope.shape())? != x.shape() {
        return Err(shapes("PRelu slope", x.shape(), slope.shape()));
    }
    Ok(vec![Tensor::Float(zip(x, slope, call.limit, |x, s| if *x < 0.0 { s * x } else { *x })?)])
}
