//! The inner loops, with the widest vectors the processor has (chosen at run time; the compiled baseline is SSE2 on x86-64).
//!
//! All sums are in f64. A matrix whose entries are f32 numbers, as in most files, is kept in f32, which is exact and halves what
//! has to come from memory: the passes over one point are bound by that.

use icnn_solvers::dense::vectorised;
use pulp::{Arch, Simd, WithSimd};

/// Zeros behind the entries, so that the last row of a matrix can be read in whole vectors.
const PADDING: usize = 16;

/// Columns that are turned together.
const BLOCK: usize = 16;

/// The entries of a matrix, and [`PADDING`].
#[derive(Debug)]
pub(super) enum Weights {
    /// All of them are f32 numbers.
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Weights {
    /// From the entries row by row.
    pub fn new(w: &[f64]) -> Weights {
        if all_single(w) {
            Weights::Single(padded(w.len(), w.iter().map(|w| *w as f32)))
        } else {
            Weights::Double(padded(w.len(), w.iter().copied()))
        }
    }

    /// The transpose of a matrix with so many rows and columns.
    pub fn turned(&self, rows: usize, columns: usize) -> Weights {
        match self {
            Weights::Single(w) => Weights::Single(turned(w, rows, columns)),
            Weights::Double(w) => Weights::Double(turned(w, rows, columns)),
        }
    }

    /// out += row i, of the length of `out`.
    pub fn add_row(&self, i: usize, out: &mut [f64]) {
        let range = i * out.len()..(i + 1) * out.len();
        vectorised(
            #[inline(always)]
            || match self {
                Weights::Single(matrix) => out.iter_mut().zip(&matrix[range]).for_each(|(o, w)| *o += f64::from(*w)),
                Weights::Double(matrix) => out.iter_mut().zip(&matrix[range]).for_each(|(o, w)| *o += w),
            },
        );
    }
}

/// Whether all entries are f32 numbers.
fn all_single(w: &[f64]) -> bool {
    vectorised(
        #[inline(always)]
        || w.chunks(256).all(|w| w.iter().fold(true, |all, w| all & (f64::from(*w as f32) == *w))),
    )
}

/// `len` entries, and [`PADDING`].
fn padded<T: Clone + Default>(len: usize, entries: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::with_capacity(len + PADDING);
    all.extend(entries);
    all.resize(len + PADDING, T::default());
    all
}

/// The transpose, made from [`BLOCK`] columns at a time: whole cache lines are read, and few are written to at once.
fn turned<T: Copy + Default>(w: &[T], rows: usize, columns: usize) -> Vec<T> {
    let mut out = vec![T::default(); rows * columns + PADDING];
    for first in (0..columns).step_by(BLOCK) {
        let last = columns.min(first + BLOCK);
        for i in 0..rows {
            for (j, w) in (first..last).zip(&w[i * columns + first..i * columns + last]) {
                out[j * rows + i] = *w;
            }
        }
    }
    out
}

/// f32 or f64, read as f64.
pub(crate) trait Entry: Copy {
    fn wide(self) -> f64;

    /// The vectors of f64 in a row, converted, and what is left over.
    fn vector<S: Simd>(simd: S, row: &[Self], i: usize) -> S::f64s;
}

impl Entry for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn vector<S: Simd>(_: S, row: &[f32], i: usize) -> S::f64s {
        let mut wide = [0.0f64; 8];
        let part = &row[i * S::F64_LANES..(i + 1) * S::F64_LANES];
        for l in 0..S::F64_LANES {
            wide[l] = f64::from(part[l]);
        }
        S::as_simd_f64s(&wide).0[0]
    }
}

impl Entry for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn vector<S: Simd>(_: S, row: &[f64], i: usize) -> S::f64s {
        S::as_simd_f64s(row).0[i]
    }
}

/// The nonzero entries of a vector: inactive units cost nothing.
#[derive(Debug, Default)]
pub(super) struct Nonzeros {
    index: Vec<usize>,
    value: Vec<f64>,
    count: usize,
}

impl Nonzeros {
    /// Room for vectors of `len` entries.
    pub fn with_room(len: usize) -> Nonzeros {
        Nonzeros { index: vec![0; len], value: vec![0.0; len], count: 0 }
    }

    /// How many there were in the last vector.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Those of `v`, without a branch for each.
    fn fill(&mut self, v: &[f64]) {
        let (index, value) = (&mut self.index[..v.len()], &mut self.value[..v.len()]);
        let mut count = 0;
        let mut take = |i: usize, t: f64| {
            index[count] = i;
            value[count] = t;
            count += usize::from(t != 0.0);
        };
        let (chunks, rest) = v.as_chunks::<8>();
        for (k, chunk) in chunks.iter().enumerate() {
            // Single rows of a matrix are asked for by vectors of which one entry alone is not zero.
            if chunk.iter().fold(0, |any, t| any | t.to_bits()) << 1 != 0 {
                (0..8).for_each(|i| take(8 * k + i, chunk[i]));
            }
        }
        rest.iter().enumerate().for_each(|(i, t)| take(8 * chunks.len() + i, *t));
        self.count = count;
    }
}

/// out += Σᵢ vᵢ · (row i of `matrix`), over the nonzero vᵢ; rows have the length of `out`.
pub(super) fn accumulate_rows(arch: Arch, matrix: &Weights, v: &[f64], out: &mut [f64], nonzeros: &mut Nonzeros) {
    nonzeros.fill(v);
    let (index, value) = (&nonzeros.index[..nonzeros.count], &nonzeros.value[..nonzeros.count]);
    match matrix {
        Weights::Single(matrix) => arch.dispatch(AccumulateRows { matrix, index, value, out }),
        Weights::Double(matrix) => arch.dispatch(AccumulateRows { matrix, index, value, out }),
    }
}

struct AccumulateRows<'a, W> {
    matrix: &'a [W],
    index: &'a [usize],
    value: &'a [f64],
    out: &'a mut [f64],
}

impl<W: Entry> WithSimd for AccumulateRows<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AccumulateRows { matrix, index, value, out } = self;
        let width = out.len();
        let row = |i: usize| &matrix[i * width..(i + 1) * width];
        // Eight rows at a time: one load and one store of `out` for eight products.
        let (eights, rest) = index.as_chunks::<8>();
        let (values, single) = value.as_chunks::<8>();
        for (i, c) in eights.iter().zip(values) {
            add_rows::<S, W, 8>(simd, picked(i, row), c, out);
        }
        let (twos, rest) = rest.as_chunks::<2>();
        let (values, single) = single.as_chunks::<2>();
        for (i, c) in twos.iter().zip(values) {
            add_rows::<S, W, 2>(simd, picked(i, row), c, out);
        }
        for (i, c) in rest.iter().zip(single) {
            add_rows::<S, W, 1>(simd, [row(*i)], &[*c], out);
        }
    }
}

/// The rows at K places. A loop, as `map` of an array may be a call of its own.
#[inline(always)]
fn picked<'a, W, const K: usize>(places: &[usize; K], row: impl Fn(usize) -> &'a [W]) -> [&'a [W]; K] {
    let mut rows: [&[W]; K] = [&[]; K];
    for k in 0..K {
        rows[k] = row(places[k]);
    }
    rows
}

/// out += Σₖ cₖ·rowₖ
#[inline(always)]
fn add_rows<S: Simd, W: Entry, const K: usize>(simd: S, rows: [&[W]; K], c: &[f64; K], out: &mut [f64]) {
    let width = out.len();
    let (mut rows, mut factors) = (rows, [simd.splat_f64s(0.0); K]);
    for k in 0..K {
        (rows[k], factors[k]) = (&rows[k][..width], simd.splat_f64s(c[k]));
    }
    let (out, tail) = S::as_mut_simd_f64s(out);
    let done = width - tail.len();
    for (i, o) in out.iter_mut().enumerate() {
        let mut sum = *o;
        for k in 0..K {
            sum = simd.mul_add_e_f64s(factors[k], W::vector(simd, rows[k], i), sum);
        }
        *o = sum;
    }
    for (i, o) in tail.iter_mut().enumerate() {
        for k in 0..K {
            *o += c[k] * rows[k][done + i].wide();
        }
    }
}

/// outᵢ += (row i of `matrix`)·v; rows have the length of `v`.
pub(super) fn add_products(arch: Arch, matrix: &Weights, v: &[f64], out: &mut [f64]) {
    match matrix {
        Weights::Single(matrix) => arch.dispatch(AddProducts { matrix, v, out }),
        Weights::Double(matrix) => arch.dispatch(AddProducts { matrix, v, out }),
    }
}

struct AddProducts<'a, W> {
    matrix: &'a [W],
    v: &'a [f64],
    out: &'a mut [f64],
}

impl<W: Entry> WithSimd for AddProducts<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddProducts { matrix, v, out } = self;
        for (out, row) in out.iter_mut().zip(matrix.chunks_exact(v.len().max(1))) {
            *out += product(simd, row, v);
        }
    }
}

/// row·v
#[inline(always)]
fn product<S: Simd, W: Entry>(simd: S, row: &[W], v: &[f64]) -> f64 {
    let row = &row[..v.len()];
    let (v, tail) = S::as_simd_f64s(v);
    let done = row.len() - tail.len();
    let (fours, rest) = v.as_chunks::<4>();
    // Four running sums, so that the additions of one do not wait for those of another.
    let mut sums = [simd.splat_f64s(0.0); 4];
    for (i, v) in fours.iter().enumerate() {
        for k in 0..4 {
            sums[k] = simd.mul_add_e_f64s(v[k], W::vector(simd, row, 4 * i + k), sums[k]);
        }
    }
    for (i, v) in rest.iter().enumerate() {
        sums[i] = simd.mul_add_e_f64s(*v, W::vector(simd, row, 4 * fours.len() + i), sums[i]);
    }
    let sum = simd.add_f64s(simd.add_f64s(sums[0], sums[1]), simd.add_f64s(sums[2], sums[3]));
    simd.reduce_sum_f64s(sum) + tail.iter().zip(&row[done..]).map(|(v, w)| v * w.wide()).sum::<f64>()
}

/// Whether all entries are finite.
pub(super) fn all_finite(v: &[f64]) -> bool {
    vectorised(
        #[inline(always)]
        || {
            let (chunks, rest) = v.as_chunks::<16>();
            // 0·t is NaN exactly where t is not finite.
            let mut sums = [0.0; 16];
            for chunk in chunks {
                for (sum, t) in sums.iter_mut().zip(chunk) {
                    *sum += 0.0 * t;
                }
            }
            sums.iter().sum::<f64>() + rest.iter().map(|t| 0.0 * t).sum::<f64>() == 0.0
        },
    )
}
