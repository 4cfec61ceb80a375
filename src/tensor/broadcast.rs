//! Broadcasting: shapes are aligned at their last axes, and extents of one stretch.

use ndarray::{ArrayD, ArrayViewD, IxDyn, Zip};

use super::call::permit;
use super::error::{OpError, shapes};

/// The shape `left` and `right` broadcast to.
pub(super) fn shape(left: &[usize], right: &[usize]) -> Result<Vec<usize>, OpError> {
    let rank = left.len().max(right.len());
    let extent = |s: &[usize], axis: usize| (axis + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    let one = |axis| match (extent(left, axis), extent(right, axis)) {
        (a, b) if a == b || b == 1 => Ok(a),
        (1, b) => Ok(b),
        _ => Err(shapes("broadcasting", left, right)),
    };
    (0..rank).map(one).collect()
}

/// `array` seen in the larger `to`.
pub(super) fn view<'a, T>(array: &'a ArrayD<T>, to: &[usize]) -> Result<ArrayViewD<'a, T>, OpError> {
    array.broadcast(IxDyn(to)).ok_or_else(|| shapes("broadcasting", array.shape(), to))
}

/// `f` of two arrays, element by element.
pub(super) fn zip<A, B, C>(
    left: &ArrayD<A>,
    right: &ArrayD<B>,
    limit: usize,
    f: impl Fn(&A, &B) -> C,
) -> Result<ArrayD<C>, OpError> {
    let to = shape(left.shape(), right.shape())?;
    permit(&to, limit)?;
    Ok(Zip::from(view(left, &to)?).and(view(right, &to)?).map_collect(f))
}
