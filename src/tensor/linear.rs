//! Products of matrices.

use ndarray::{ArrayD, ArrayView2, Ix2, IxDyn};

use super::Tensor;
use super::broadcast;
use super::call::Call;
use super::element::{owned, reshaped};
use super::error::{OpError, shapes};

/// `α A B + β C`, with `A` and `B` transposed on demand.
pub(super) fn gemm(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (a, b) = (call.floats(0)?, call.floats(1)?);
    let bad = || shapes("Gemm", a.shape(), b.shape());
    let view = |m: &ArrayD<f64>, transposed: bool| -> Result<ndarray::Array2<f64>, OpError> {
        let m: ArrayView2<f64> = m.view().into_dimensionality::<Ix2>().map_err(|_| bad())?;
        Ok(if transposed { m.t().to_owned() } else { m.to_owned() })
    };
    let (left, right) = (view(a, call.flag("transA", false)?)?, view(b, call.flag("transB", false)?)?);
    if left.ncols() != right.nrows() {
        return Err(bad());
    }
    let to = [left.nrows(), right.ncols()];
    call.permit(&to)?;
    let mut product = left.dot(&right);
    product *= call.float("alpha", 1.0)?;
    let beta = call.float("beta", 1.0)?;
    if let Some(c) = call.optional_array::<f64>(2)?
        && beta != 0.0
    {
        let c = broadcast::view(c, &to).map_err(|_| shapes("Gemm C", &to, c.shape()))?;
        let c = c.into_dimensionality::<Ix2>().map_err(|_| bad())?;
        product.zip_mut_with(&c, |p, c| *p += beta * c);
    }
    Ok(vec![Tensor::Float(owned(&product))])
}

/// The matrix product over the last two axes, the axes before them broadcasting; a vector is a row on the left and a
/// column on the right.
pub(super) fn matmul(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let bad = || shapes("MatMul", a.shape(), b.shape());
    let (row, column) = (a.shape().len() == 1, b.shape().len() == 1);
    if a.shape().is_empty() || b.shape().is_empty() {
        return Err(bad());
    }
    let left = if row { vec![1, a.shape()[0]] } else { a.shape().to_vec() };
    let right = if column { vec![b.shape()[0], 1] } else { b.shape().to_vec() };
    let (batch_a, matrix_a) = left.split_at(left.len() - 2);
    let (batch_b, matrix_b) = right.split_at(right.len() - 2);
    if matrix_a[1] != matrix_b[0] {
        return Err(bad());
    }
    let batch = broadcast::shape(batch_a, batch_b).map_err(|_| bad())?;
    let (m, k, n) = (matrix_a[0], matrix_a[1], matrix_b[1]);
    let mut to = [&batch[..], &[m, n]].concat();
    call.permit(&to)?;
    // Which matrix of each operand every matrix of the result is made of.
    let of = |batches: &[usize]| -> Result<Vec<usize>, OpError> {
        let positions: Vec<usize> = (0..batches.iter().product()).collect();
        let positions = ArrayD::from_shape_vec(IxDyn(batches), positions).map_err(|_| bad())?;
        Ok(broadcast::view(&positions, &batch)?.iter().copied().collect())
    };
    let pairs: Vec<(usize, usize)> = of(batch_a)?.into_iter().zip(of(batch_b)?).collect();
    if column {
        to.pop();
    }
    if row {
        to.remove(to.len() - 1 - usize::from(!column));
    }
    let tensor = match (a, b) {
        (Tensor::Int(a), Tensor::Int(b)) => {
            let (a, b) = (flat(a), flat(b));
            let mut values = vec![0i64; pairs.len() * m * n];
            for (p, (i, j)) in pairs.iter().enumerate() {
                for (r, t) in (0..m).flat_map(|r| (0..k).map(move |t| (r, t))) {
                    for c in 0..n {
                        let term = a[(i * m + r) * k + t].wrapping_mul(b[(j * k + t) * n + c]);
                        let value = &mut values[(p * m + r) * n + c];
                        *value = value.wrapping_add(term);
                    }
                }
            }
            Tensor::Int(ArrayD::from_shape_vec(IxDyn(&to), values).map_err(|_| bad())?)
        }
        _ => {
            let (a, b) = (call.floats(0)?, call.floats(1)?);
            Tensor::Float(reshaped(&products(a, b, &pairs, [m, k, n])?, &to))
        }
    };
    Ok(vec![tensor])
}

/// The numbers in row-major order.
fn flat<T: Copy>(array: &ArrayD<T>) -> Vec<T> {
    array.iter().copied().collect()
}

/// For each pair `(i, j)` the product of the `i`-th `m × k` matrix of `a` with the `j`-th `k × n` matrix of `b`:
/// an array `[pairs, m, n]`.
pub(super) fn products(
    a: &ArrayD<f64>,
    b: &ArrayD<f64>,
    pairs: &[(usize, usize)],
    [m, k, n]: [usize; 3],
) -> Result<ArrayD<f64>, OpError> {
    let bad = |_| shapes("matrix product", a.shape(), b.shape());
    let (left, right) = (a.as_standard_layout(), b.as_standard_layout());
    let (left, right) = (left.as_slice().unwrap_or(&[]), right.as_slice().unwrap_or(&[]));
    let mut values = vec![0.0; pairs.len() * m * n];
    if !values.is_empty() && k > 0 {
        // One right matrix for all left ones, in order: a single tall product.
        let tall = pairs.iter().enumerate().all(|(p, pair)| *pair == (p, 0));
        let (steps, m) = if tall { (vec![(0, 0)], pairs.len() * m) } else { (pairs.to_vec(), m) };
        for (chunk, (i, j)) in values.chunks_exact_mut(m * n).zip(steps) {
            let x = ArrayView2::from_shape((m, k), &left[i * m * k..][..m * k]).map_err(bad)?;
            let y = ArrayView2::from_shape((k, n), &right[j * k * n..][..k * n]).map_err(bad)?;
            let mut z = ndarray::ArrayViewMut2::from_shape((m, n), chunk).map_err(bad)?;
            ndarray::linalg::general_mat_mul(1.0, &x, &y, 0.0, &mut z);
        }
    }
    ArrayD::from_shape_vec(IxDyn(&[pairs.len(), m, n]), values).map_err(bad)
}
