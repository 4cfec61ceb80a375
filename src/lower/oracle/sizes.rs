//! Products of a matrix with a vector and of its absolute values with another one, in one sweep: what bounds on rounding errors
//! need. Kernels as in [`kernels`](super::kernels), two sums for each weight.

use icnn_solvers::dense::vectorised;
use pulp::{Arch, Simd, WithSimd};

use super::kernels::{Nonzeros, Weights, accumulate_rows, add_products};
use super::plan::{Layouts, Plan};
use super::sums::Entry;
use crate::ir::interval::gamma;
use crate::ir::program::{NodeId, Op, ParamId, Program};
use crate::ir::psd::{Definiteness, definiteness};

/// Products with fewer rows than this are taken row by row.
pub(crate) const NARROW: usize = 8;

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

    /// What the matrix of a quadratic form is.
    pub fn definiteness(&self, program: &Program, id: NodeId) -> Definiteness {
        let of = |op: &Op| match op {
            Op::Quadratic { matrix, .. } => Some(definiteness(matrix)),
            _ => None,
        };
        let all = self.0.definite.get_or_init(|| program.nodes().iter().map(|node| of(&node.op)).collect());
        all.get(id.index()).copied().flatten().unwrap_or(Definiteness::Unknown)
    }

    /// A matrix with so many rows and columns; `None` where its entries depend on the context.
    pub fn find(&self, weight: ParamId, rows: usize, columns: usize) -> Option<Laid<'_>> {
        let fits = |m: &&super::plan::Stored| (m.weight, m.rows, m.columns) == (weight, rows, columns);
        let layouts = self.0.matrices.iter().find(fits)?.constant.as_deref()?;
        Some(Laid { layouts, rows, columns })
    }
}

/// A matrix as the oracle keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Laid<'a> {
    layouts: &'a Layouts,
    rows: usize,
    columns: usize,
}

impl<'a> Laid<'a> {
    /// The matrix (or, unless `straight`, its transpose) by rows, and by columns.
    pub fn matrices(&self, straight: bool) -> (Matrix<'a>, Matrix<'a>) {
        let (rows, columns) = ((&self.layouts.by_rows).into(), (&self.layouts.by_columns).into());
        if straight { (rows, columns) } else { (columns, rows) }
    }

    /// out += M·v, or Mᵀ·v unless `straight`.
    pub fn add_product(&self, straight: bool, v: &[f64], out: &mut [f64]) {
        let (by_rows, by_columns) = match straight {
            true => (&self.layouts.by_rows, &self.layouts.by_columns),
            false => (&self.layouts.by_columns, &self.layouts.by_rows),
        };
        if out.len() < NARROW {
            return add_products(Arch::new(), by_rows, v, out);
        }
        accumulate_rows(Arch::new(), by_columns, v, out, &mut Nonzeros::with_room(v.len()));
    }

    /// Upper bounds on the Euclidean norms of the rows of M, or of Mᵀ unless `straight`.
    pub fn norms(&self, straight: bool) -> &'a [f64] {
        let norms = self.layouts.norms(self.rows, self.columns);
        if straight { &norms.rows } else { &norms.columns }
    }
}

/// What is known of the size of a matrix.
#[derive(Debug)]
pub(super) struct Norms {
    /// Upper bounds on the Euclidean norms of rows and of columns.
    pub rows: Vec<f64>,
    pub columns: Vec<f64>,
    /// Whether no entry is negative.
    pub nonnegative: bool,
}

impl Layouts {
    /// Made when first asked for; the matrix has so many rows and columns.
    pub fn norms(&self, rows: usize, columns: usize) -> &Norms {
        self.norms.get_or_init(|| Norms {
            nonnegative: match &self.by_rows {
                Weights::Single(w) => is_nonnegative(w),
                Weights::Double(w) => is_nonnegative(w),
            },
            rows: lengths(&self.by_rows, rows, columns),
            columns: lengths(&self.by_columns, columns, rows),
        })
    }
}

/// Upper bounds on the norms of so many rows of this width.
fn lengths(matrix: &Weights, count: usize, width: usize) -> Vec<f64> {
    let row = |i: usize| i * width..(i + 1) * width;
    vectorised(
        #[inline(always)]
        || match matrix {
            Weights::Single(w) => (0..count).map(|i| size_up(&w[row(i)])).collect(),
            Weights::Double(w) => (0..count).map(|i| size_up(&w[row(i)])).collect(),
        },
    )
}

/// Whether no entry is negative.
fn is_nonnegative<W: Entry>(w: &[W]) -> bool {
    vectorised(
        #[inline(always)]
        || w.chunks(256).all(|w| w.iter().fold(true, |all, w| all & (w.wide() >= 0.0))),
    )
}

/// An upper bound on the Euclidean norm of v.
#[inline(always)]
pub(crate) fn size_up<W: Entry>(v: &[W]) -> f64 {
    let (parts, rest) = v.as_chunks::<8>();
    let mut sums = [0.0f64; 8];
    parts.iter().for_each(|part| (0..8).for_each(|k| sums[k] += part[k].wide() * part[k].wide()));
    let sum = sums.iter().sum::<f64>() + rest.iter().map(|v| v.wide() * v.wide()).sum::<f64>();
    // Squares that vanish, below 1e-307, add up to nothing beside this.
    if (1e-280..1e280).contains(&sum) {
        return (sum * (1.0 + 4.0 * gamma(v.len() + 4))).sqrt() * (1.0 + 4.0 * f64::EPSILON);
    }
    norm_up(v.iter().map(|v| v.wide()))
}

/// An upper bound on √Σ v²; 0 only where all are 0.
fn norm_up(entries: impl Iterator<Item = f64> + Clone) -> f64 {
    let (largest, count) = entries.clone().fold((0.0f64, 0usize), |(m, n), v| (m.max(v.abs()), n + 1));
    if largest == 0.0 {
        return 0.0;
    }
    // Squares that leave the range of f64, and squares that vanish beside none that do not, are left aside.
    if !(1e-140..1e140).contains(&largest) {
        return (largest * count as f64).next_up();
    }
    let sum: f64 = entries.map(|v| v * v).sum();
    // Terms below 1e-300 add up to nothing beside the largest square, 1e-280 or more.
    (sum * (1.0 + 4.0 * gamma(count + 4))).sqrt() * (1.0 + 4.0 * f64::EPSILON)
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
    // A loop, as a function of a whole array may be a call of its own, without vectors.
    let zero = simd.splat_f64s(0.0);
    let (mut rows, mut m, mut e, mut ms, mut es) = ([w; K], [0.0; K], [0.0; K], [zero; K], [zero; K]);
    for k in 0..K {
        let i = index[k];
        rows[k] = &w[i * width..(i + 1) * width];
        (m[k], e[k]) = (v.value[i], v.size[i]);
        (ms[k], es[k]) = (simd.splat_f64s(m[k]), simd.splat_f64s(e[k]));
    }
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
