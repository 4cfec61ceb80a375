//! Products of a matrix with a vector and of its absolute values with another one, in one sweep: what bounds on rounding errors
//! need. Kernels as in [`kernels`](super::kernels), two sums for each weight.

use pulp::{Arch, Simd, WithSimd};

use super::kernels::{Entry, Weights};
use super::plan::Plan;
use crate::ir::program::{ParamId, Program};

/// A vector, and the vector that goes with the absolute values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub value: &'a [f64],
    pub size: &'a [f64],
}

/// The same, to be added to.
#[derive(Debug)]
pub(crate) struct Sums<'a> {
    pub value: &'a mut [f64],
    pub size: &'a mut [f64],
}

/// The entries of a matrix, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Matrix<'a> {
    Single(&'a [f32]),
    Double(&'a [f64]),
}

impl<'a> From<&'a Weights> for Matrix<'a> {
    fn from(weights: &'a Weights) -> Matrix<'a> {
        match weights {
            Weights::Single(w) => Matrix::Single(w),
            Weights::Double(w) => Matrix::Double(w),
        }
    }
}

impl Matrix<'_> {
    /// The entry at a place.
    pub fn at(&self, k: usize) -> f64 {
        match self {
            Matrix::Single(w) => f64::from(w[k]),
            Matrix::Double(w) => w[k],
        }
    }

    /// For each row: sums.value += row·v.value, sums.size += |row|·v.size.
    pub fn add_products(&self, v: Pair<'_>, sums: Sums<'_>) {
        match self {
            Matrix::Single(w) => Arch::new().dispatch(Products { w, v, sums }),
            Matrix::Double(w) => Arch::new().dispatch(Products { w, v, sums }),
        }
    }

    /// sums.value += Σᵢ v.valueᵢ·rowᵢ, sums.size += Σᵢ v.sizeᵢ·|rowᵢ|, over the i whose size is not 0; the value of others is 0.
    pub fn add_rows(&self, v: Pair<'_>, sums: Sums<'_>) {
        match self {
            Matrix::Single(w) => Arch::new().dispatch(Rows { w, v, sums }),
            Matrix::Double(w) => Arch::new().dispatch(Rows { w, v, sums }),
        }
    }
}

/// The dense weights of a program as its oracle keeps them: by rows and by columns, in f32 where that is exact.
#[derive(Debug)]
pub(crate) struct Matrices(std::sync::Arc<Plan>);

impl Matrices {
    pub fn of(program: &Program) -> Matrices {
        Matrices(program.derived.get(|| Plan::new(program)))
    }

    /// A matrix by rows, and by columns; `None` where its entries depend on the context.
    pub fn find(&self, weight: ParamId, rows: usize, columns: usize) -> Option<(Matrix<'_>, Matrix<'_>)> {
        let fits = |m: &&super::plan::Stored| (m.weight, m.rows, m.columns) == (weight, rows, columns);
        let layouts = self.0.matrices.iter().find(fits)?.constant.as_ref()?;
        Some(((&layouts.by_rows).into(), (&layouts.by_columns).into()))
    }
}

struct Products<'a, W> {
    w: &'a [W],
    v: Pair<'a>,
    sums: Sums<'a>,
}

impl<W: Entry> WithSimd for Products<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Products { w, v, sums } = self;
        let width = v.value.len();
        let ((values, _), (sizes, _)) = (S::as_simd_f64s(v.value), S::as_simd_f64s(v.size));
        let done = values.len() * S::F64_LANES;
        for (row, (value, size)) in w.chunks_exact(width.max(1)).zip(sums.value.iter_mut().zip(sums.size)) {
            let (mut a, mut b) = ([simd.splat_f64s(0.0); 2], [simd.splat_f64s(0.0); 2]);
            for (k, (v, e)) in values.iter().zip(sizes).enumerate() {
                let w = W::vector(simd, row, k);
                a[k % 2] = simd.mul_add_e_f64s(w, *v, a[k % 2]);
                b[k % 2] = simd.mul_add_e_f64s(simd.abs_f64s(w), *e, b[k % 2]);
            }
            let (mut rest, mut rest_size) = (0.0, 0.0);
            for (w, (v, e)) in row[done..].iter().zip(v.value[done..].iter().zip(&v.size[done..])) {
                rest += w.wide() * v;
                rest_size += w.wide().abs() * e;
            }
            *value += simd.reduce_sum_f64s(simd.add_f64s(a[0], a[1])) + rest;
            *size += simd.reduce_sum_f64s(simd.add_f64s(b[0], b[1])) + rest_size;
        }
    }
}

struct Rows<'a, W> {
    w: &'a [W],
    v: Pair<'a>,
    sums: Sums<'a>,
}

impl<W: Entry> WithSimd for Rows<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { w, v, sums } = self;
        let used: Vec<usize> = (0..v.size.len()).filter(|i| v.size[*i] != 0.0).collect();
        let (fours, rest) = used.as_chunks::<4>();
        for four in fours {
            add_rows::<S, W, 4>(simd, w, v, *four, sums.value, sums.size);
        }
        for one in rest {
            add_rows::<S, W, 1>(simd, w, v, [*one], sums.value, sums.size);
        }
    }
}

#[inline(always)]
fn add_rows<S: Simd, W: Entry, const K: usize>(
    simd: S,
    w: &[W],
    v: Pair<'_>,
    index: [usize; K],
    value: &mut [f64],
    size: &mut [f64],
) {
    let width = value.len();
    let rows = index.map(|i| &w[i * width..(i + 1) * width]);
    let (m, e) = (index.map(|i| v.value[i]), index.map(|i| v.size[i]));
    let (ms, es) = (m.map(|v| simd.splat_f64s(v)), e.map(|v| simd.splat_f64s(v)));
    let ((values, value_tail), (sizes, size_tail)) = (S::as_mut_simd_f64s(value), S::as_mut_simd_f64s(size));
    for (l, (value, size)) in values.iter_mut().zip(sizes).enumerate() {
        let (mut a, mut b) = (*value, *size);
        for k in 0..K {
            let w = W::vector(simd, rows[k], l);
            a = simd.mul_add_e_f64s(ms[k], w, a);
            b = simd.mul_add_e_f64s(es[k], simd.abs_f64s(w), b);
        }
        (*value, *size) = (a, b);
    }
    let done = width - value_tail.len();
    for (l, (value, size)) in value_tail.iter_mut().zip(size_tail).enumerate() {
        for k in 0..K {
            let w = rows[k][done + l].wide();
            *value += m[k] * w;
            *size += e[k] * w.abs();
        }
    }
}
