//! The inner loops, with the widest vectors the processor has (chosen at run time; the compiled baseline is SSE2 on x86-64).
//!
//! Sums are in f64, but for searches. A matrix whose entries are f32 numbers, as in most files, is kept in f32, which is exact and halves what
//! has to come from memory: the passes over one point are bound by that.

use icnn_solvers::dense::vectorised;
use pulp::{Arch, Simd, WithSimd};

use super::sums::{Number, Precise, Sum};

/// Zeros behind the entries, so that the last row of a matrix can be read in whole vectors. No vector is longer.
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

    /// All of them, and the padding, in single precision.
    pub fn rounded(&self) -> Vec<f32> {
        match self {
            Weights::Single(w) => w.clone(),
            Weights::Double(w) => vectorised(
                #[inline(always)]
                || w.iter().map(|w| *w as f32).collect(),
            ),
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

/// The nonzero entries of a vector: inactive units cost nothing.
#[derive(Debug, Default)]
pub(super) struct Nonzeros<N> {
    index: Vec<usize>,
    value: Vec<N>,
    count: usize,
}

impl<N: Number> Nonzeros<N> {
    /// Room for vectors of `len` entries.
    pub fn with_room(len: usize) -> Nonzeros<N> {
        Nonzeros { index: vec![0; len], value: vec![N::default(); len], count: 0 }
    }

    /// How many there were in the last vector.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Those of `v`, without a branch for each.
    fn fill(&mut self, v: &[N]) {
        let (index, value) = (&mut self.index[..v.len()], &mut self.value[..v.len()]);
        let mut count = 0;
        let mut take = |i: usize, t: N| {
            index[count] = i;
            value[count] = t;
            count += usize::from(t.bits() != 0);
        };
        let (chunks, rest) = v.as_chunks::<8>();
        for (k, chunk) in chunks.iter().enumerate() {
            // Single rows of a matrix are asked for by vectors of which one entry alone is not zero.
            if chunk.iter().fold(0, |any, t| any | t.bits()) != 0 {
                (0..8).for_each(|i| take(8 * k + i, chunk[i]));
            }
        }
        rest.iter().enumerate().for_each(|(i, t)| take(8 * chunks.len() + i, *t));
        self.count = count;
    }
}

/// out += Σᵢ vᵢ · (row i of `matrix`), over the nonzero vᵢ; rows have the length of `out`.
pub(super) fn accumulate_rows(arch: Arch, matrix: &Weights, v: &[f64], out: &mut [f64], nonzeros: &mut Nonzeros<f64>) {
    match matrix {
        Weights::Single(matrix) => accumulate::<Precise<f32>>(arch, matrix, v, out, nonzeros),
        Weights::Double(matrix) => accumulate::<Precise<f64>>(arch, matrix, v, out, nonzeros),
    }
}

/// The same for sums of some kind.
pub(super) fn accumulate<A: Sum>(
    arch: Arch,
    matrix: &[A::Entry],
    v: &[A::Number],
    out: &mut [A::Number],
    nonzeros: &mut Nonzeros<A::Number>,
) {
    nonzeros.fill(v);
    let (index, value) = (&nonzeros.index[..nonzeros.count], &nonzeros.value[..nonzeros.count]);
    arch.dispatch(AccumulateRows::<A> { matrix, index, value, out });
}

struct AccumulateRows<'a, A: Sum> {
    matrix: &'a [A::Entry],
    index: &'a [usize],
    value: &'a [A::Number],
    out: &'a mut [A::Number],
}

impl<A: Sum> WithSimd for AccumulateRows<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AccumulateRows { matrix, index, value, out } = self;
        let width = out.len();
        // The last vector of a row may reach into what follows, which is not kept.
        let whole = width.next_multiple_of(A::lanes::<S>());
        let row = |i: usize| &matrix[i * width..][..whole];
        // Eight rows at a time: one load and one store of `out` for eight products.
        let (eights, rest) = index.as_chunks::<8>();
        let (values, single) = value.as_chunks::<8>();
        for (i, c) in eights.iter().zip(values) {
            add_rows::<S, A, 8>(simd, picked(i, row), c, out);
        }
        let (twos, rest) = rest.as_chunks::<2>();
        let (values, single) = single.as_chunks::<2>();
        for (i, c) in twos.iter().zip(values) {
            add_rows::<S, A, 2>(simd, picked(i, row), c, out);
        }
        for (i, c) in rest.iter().zip(single) {
            add_rows::<S, A, 1>(simd, [row(*i)], &[*c], out);
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
fn add_rows<S: Simd, A: Sum, const K: usize>(
    simd: S,
    rows: [&[A::Entry]; K],
    c: &[A::Number; K],
    out: &mut [A::Number],
) {
    let whole = out.len().next_multiple_of(A::lanes::<S>());
    let (mut rows, mut factors) = (rows, [A::splat(simd, A::Number::default()); K]);
    for k in 0..K {
        (rows[k], factors[k]) = (&rows[k][..whole], A::splat(simd, c[k]));
    }
    let (out, tail) = A::split_mut::<S>(out);
    let last = out.len();
    for (i, o) in out.iter_mut().enumerate() {
        let mut sum = *o;
        for k in 0..K {
            sum = A::mul_add(simd, factors[k], A::entries(simd, rows[k], i), sum);
        }
        *o = sum;
    }
    if !tail.is_empty() {
        let mut sum = A::last(simd, tail);
        for k in 0..K {
            sum = A::mul_add(simd, factors[k], A::entries(simd, rows[k], last), sum);
        }
        A::store_last(simd, tail, sum);
    }
}

/// outᵢ += (row i of `matrix`)·v; rows have the length of `v`.
pub(super) fn add_products(arch: Arch, matrix: &Weights, v: &[f64], out: &mut [f64]) {
    match matrix {
        Weights::Single(matrix) => add_products_of::<Precise<f32>>(arch, matrix, v, out),
        Weights::Double(matrix) => add_products_of::<Precise<f64>>(arch, matrix, v, out),
    }
}

/// The same for sums of some kind.
pub(super) fn add_products_of<A: Sum>(arch: Arch, matrix: &[A::Entry], v: &[A::Number], out: &mut [A::Number]) {
    arch.dispatch(AddProducts::<A> { matrix, v, out });
}

struct AddProducts<'a, A: Sum> {
    matrix: &'a [A::Entry],
    v: &'a [A::Number],
    out: &'a mut [A::Number],
}

impl<A: Sum> WithSimd for AddProducts<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddProducts { matrix, v, out } = self;
        let whole = v.len().next_multiple_of(A::lanes::<S>());
        for (i, out) in out.iter_mut().enumerate() {
            add_product::<S, A>(simd, &matrix[i * v.len()..][..whole], v, out);
        }
    }
}

/// out += row·v; what is in the last vector of the row behind its end is multiplied with 0.
#[inline(always)]
fn add_product<S: Simd, A: Sum>(simd: S, row: &[A::Entry], v: &[A::Number], out: &mut A::Number) {
    let (v, tail) = A::split::<S>(v);
    let (fours, rest) = v.as_chunks::<4>();
    // Four running sums, so that the additions of one do not wait for those of another.
    let mut sums = [A::splat(simd, A::Number::default()); 4];
    for (i, v) in fours.iter().enumerate() {
        for k in 0..4 {
            sums[k] = A::mul_add(simd, v[k], A::entries(simd, row, 4 * i + k), sums[k]);
        }
    }
    for (i, v) in rest.iter().enumerate() {
        sums[i] = A::mul_add(simd, *v, A::entries(simd, row, 4 * fours.len() + i), sums[i]);
    }
    if !tail.is_empty() {
        sums[3] = A::mul_add(simd, A::last(simd, tail), A::entries(simd, row, v.len()), sums[3]);
    }
    A::add_total(simd, A::add(simd, A::add(simd, sums[0], sums[1]), A::add(simd, sums[2], sums[3])), out);
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
