//! Comparisons, logic, and choosing by a condition.

use std::cmp::Ordering;

use ndarray::Zip;

use super::Tensor;
use super::broadcast::{self, view, zip};
use super::call::Call;
use super::element::{Element, with_kind};
use super::error::{OpError, invalid};

/// Whether each pair of numbers is in one of `wanted` orders; NaN is in none.
pub(super) fn compare(call: &Call, wanted: fn(Ordering) -> bool) -> Result<Vec<Tensor>, OpError> {
    let (left, right) = (call.input(0)?, call.input(1)?);
    let result = with_kind!(left, T => {
        let (a, b) = (call.array::<T>(0)?, call.array::<T>(1)?);
        zip(a, b, call.limit, |a, b| a.partial_cmp(b).is_some_and(wanted))?
    });
    if left.kind() != right.kind() {
        return Err(invalid(format!("comparison of {} and {} values", left.kind(), right.kind())));
    }
    Ok(vec![Tensor::Bool(result)])
}

/// And, Or, Xor.
pub(super) fn logic(call: &Call, f: fn(bool, bool) -> bool) -> Result<Vec<Tensor>, OpError> {
    let (a, b) = (call.array::<bool>(0)?, call.array::<bool>(1)?);
    Ok(vec![Tensor::Bool(zip(a, b, call.limit, |a, b| f(*a, *b))?)])
}

/// Not.
pub(super) fn not(call: &Call) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![Tensor::Bool(call.array::<bool>(0)?.mapv(|b| !b))])
}

/// A property of every float.
pub(super) fn is(call: &Call, f: impl Fn(f64) -> bool) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![Tensor::Bool(call.floats(0)?.mapv(f))])
}

/// Whether infinite, of the signs asked for.
pub(super) fn is_inf(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let negative = call.flag("detect_negative", true)?;
    let positive = call.flag("detect_positive", true)?;
    is(call, |x| (positive && x == f64::INFINITY) || (negative && x == f64::NEG_INFINITY))
}

/// Input 1 where the condition, input 0, holds, else input 2.
pub(super) fn choose(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let condition = call.array::<bool>(0)?;
    with_kind!(call.input(1)?, T => {
        let (yes, no) = (call.array::<T>(1)?, call.array::<T>(2)?);
        let to = broadcast::shape(&broadcast::shape(condition.shape(), yes.shape())?, no.shape())?;
        call.permit(&to)?;
        let zip = Zip::from(view(condition, &to)?).and(view(yes, &to)?).and(view(no, &to)?);
        Ok(vec![T::tensor(zip.map_collect(|c, y, n| if *c { *y } else { *n }))])
    })
}
