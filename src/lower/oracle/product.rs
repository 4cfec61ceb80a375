//! Matrix products at many points. A block of the matrix is widened to f64 and laid out as the inner loop reads it, and stays in the
//! cache for all points (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008); units that are
//! zero at all points of a group cost nothing.

use std::marker::PhantomData;

use pulp::{Arch, Simd, WithSimd};

use super::kernels::{Entry, Weights};

/// Columns of A in a block.
const DEPTH: usize = 256;
/// Points that the inner loop takes together.
const GROUP: usize = 4;
/// So many points are too few to lay a block out for.
const FEW: usize = 6 * GROUP;
/// Most points in a block.
const POINTS: usize = 256;
static ZEROS: [f64; DEPTH] = [0.0; DEPTH];

/// Blocks of both factors, laid out for the inner loop.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Some rows of A, column by column.
    panel: Vec<f64>,
    /// For each group of points the columns of the block at which one of them is not zero, their values there, and how many.
    columns: Vec<usize>,
    values: Vec<[f64; GROUP]>,
    rough: Vec<[f32; GROUP]>,
    counts: Vec<usize>,
}

impl Blocks {
    /// Takes the columns `from..to` of the points in `v`, which are `len` long.
    #[inline(always)]
    fn gather<A: Sum>(&mut self, v: &[f64], len: usize, from: usize, to: usize) {
        let (points, depth) = (v.len() / len, to - from);
        let groups = points.div_ceil(GROUP);
        if self.counts.len() < groups {
            self.columns.resize(groups * DEPTH, 0);
            self.counts.resize(groups, 0);
        }
        if A::values(self).len() < groups * DEPTH {
            A::values_mut(self).0.resize(groups * DEPTH, [A::factor(0.0); GROUP]);
        }
        let (values, columns, counts) = A::values_mut(self);
        let room = columns.chunks_exact_mut(DEPTH).zip(values.chunks_exact_mut(DEPTH)).zip(counts);
        for (g, ((columns, values), total)) in room.take(groups).enumerate() {
            // Loops, as a function of a whole array may be a call of its own, without vectors.
            let mut rows = [&ZEROS[..depth]; GROUP];
            for (row, k) in rows.iter_mut().zip(g * GROUP..points) {
                *row = &v[k * len + from..k * len + to];
            }
            let mut count = 0;
            let [a, b, c, d] = rows;
            for (j, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
                columns[count] = j;
                values[count] = [A::factor(*a), A::factor(*b), A::factor(*c), A::factor(*d)];
                // The sign of a zero does not matter.
                let any = (a.to_bits() | b.to_bits()) | (c.to_bits() | d.to_bits());
                count += usize::from(any << 1 != 0);
            }
            *total = count;
        }
    }
}

/// A with a number of `rows`, column by column, `columns` of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub matrix: &'a Weights,
    pub rows: usize,
    pub columns: usize,
}

/// out += A·v for each vector side by side in `v`. `roughly`: in single precision, where the weights are, and the points few.
pub(super) fn add_product(arch: Arch, a: Columns<'_>, v: &[f64], out: &mut [f64], blocks: &mut Blocks, roughly: bool) {
    match a.matrix {
        Weights::Single(matrix) if roughly && v.len() <= FEW * a.columns => {
            arch.dispatch(Product::<Rough> { matrix, a, v, out, blocks });
        }
        Weights::Single(matrix) => arch.dispatch(Product::<Precise<f32>> { matrix, a, v, out, blocks }),
        Weights::Double(matrix) => arch.dispatch(Product::<Precise<f64>> { matrix, a, v, out, blocks }),
    }
}

/// Values, columns and counts of [`Blocks`].
type Gathered<'a, F> = (&'a mut Vec<[F; GROUP]>, &'a mut [usize], &'a mut [usize]);

/// What the sums are made of.
trait Sum {
    /// An entry of A.
    type Entry: Copy;
    /// An entry of v.
    type Factor: Copy;
    /// Several sums side by side.
    type Vector<S: Simd>: Copy;

    /// How many sums are in a vector.
    fn lanes<S: Simd>() -> usize;
    fn factor(value: f64) -> Self::Factor;
    /// The values of blocks, with their columns and counts.
    fn values(blocks: &Blocks) -> &[[Self::Factor; GROUP]];
    fn values_mut(blocks: &mut Blocks) -> Gathered<'_, Self::Factor>;
    fn splat<S: Simd>(simd: S, value: Self::Factor) -> Self::Vector<S>;
    /// Vector k of a line of entries.
    fn load<S: Simd>(simd: S, line: &[Self::Entry], k: usize) -> Self::Vector<S>;
    /// a·b + c
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// Adds the sums to `out`, which is no longer than a vector.
    fn add<S: Simd>(simd: S, sums: Self::Vector<S>, out: &mut [f64]);
}

/// Sums in f64, of entries as they are kept.
struct Precise<W>(PhantomData<W>);

impl<W: Entry> Sum for Precise<W> {
    type Entry = W;
    type Factor = f64;
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F64_LANES
    }

    #[inline(always)]
    fn factor(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn values(blocks: &Blocks) -> &[[f64; GROUP]] {
        &blocks.values
    }

    #[inline(always)]
    fn values_mut(blocks: &mut Blocks) -> Gathered<'_, f64> {
        (&mut blocks.values, &mut blocks.columns, &mut blocks.counts)
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f64) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, line: &[W], k: usize) -> S::f64s {
        W::vector(simd, line, k)
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn add<S: Simd>(simd: S, sums: S::f64s, out: &mut [f64]) {
        let (whole, rest) = S::as_mut_simd_f64s(out);
        whole.iter_mut().for_each(|o| *o = simd.add_f64s(*o, sums));
        if !rest.is_empty() {
            let mut last = [0.0; 8];
            S::as_mut_simd_f64s(&mut last).0[0] = sums;
            rest.iter_mut().zip(last).for_each(|(o, t)| *o += t);
        }
    }
}

/// Sums in f32, twice as many at a time.
struct Rough;

impl Sum for Rough {
    type Entry = f32;
    type Factor = f32;
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F32_LANES
    }

    #[inline(always)]
    fn factor(value: f64) -> f32 {
        value as f32
    }

    #[inline(always)]
    fn values(blocks: &Blocks) -> &[[f32; GROUP]] {
        &blocks.rough
    }

    #[inline(always)]
    fn values_mut(blocks: &mut Blocks) -> Gathered<'_, f32> {
        (&mut blocks.rough, &mut blocks.columns, &mut blocks.counts)
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
        simd.splat_f32s(value)
    }

    #[inline(always)]
    fn load<S: Simd>(_: S, line: &[f32], k: usize) -> S::f32s {
        S::as_simd_f32s(line).0[k]
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn add<S: Simd>(_: S, sums: S::f32s, out: &mut [f64]) {
        let mut all = [0.0f32; 16];
        S::as_mut_simd_f32s(&mut all).0[0] = sums;
        out.iter_mut().zip(all).for_each(|(o, t)| *o += f64::from(t));
    }
}

struct Product<'a, A: Sum> {
    matrix: &'a [A::Entry],
    a: Columns<'a>,
    v: &'a [f64],
    out: &'a mut [f64],
    blocks: &'a mut Blocks,
}

impl<A: Sum<Entry: Entry>> WithSimd for Product<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { matrix, a: Columns { rows, columns: len, .. }, v, out, blocks } = self;
        let few = v.len() <= FEW * len;
        // As many sums as there are registers: 32 where vectors have eight lanes, 16 elsewhere.
        let most = if S::F64_LANES == 8 { 6 } else { 3 };
        let lanes = if few { A::lanes::<S>() } else { S::F64_LANES };
        let vectors = rows.div_ceil(lanes);
        let vectors = vectors.div_ceil(vectors.div_ceil(most));
        let width = vectors * lanes;
        for (v, out) in v.chunks(POINTS * len).zip(out.chunks_mut(POINTS * rows)) {
            for from in (0..len).step_by(DEPTH) {
                let to = len.min(from + DEPTH);
                blocks.gather::<A>(v, len, from, to);
                for first in (0..rows).step_by(width) {
                    let used = width.min(rows - first);
                    let vectors = used.div_ceil(lanes);
                    let width = vectors * lanes;
                    if few {
                        // Too few points to lay the block out for. The last vector may reach into what follows, whose sums are not read.
                        let from = from * rows + first;
                        let line = |j: usize| &matrix[from + j * rows..][..width];
                        add_wide::<S, A>(simd, vectors, blocks, line, out, rows, (first, used));
                        continue;
                    }
                    if blocks.panel.len() < DEPTH * width {
                        blocks.panel.resize(DEPTH * width, 0.0);
                    }
                    for (line, j) in blocks.panel.chunks_exact_mut(width).zip(from..to) {
                        let row = &matrix[j * rows + first..j * rows + first + used];
                        line.iter_mut().zip(row).for_each(|(l, w)| *l = w.wide());
                    }
                    let panel = &blocks.panel;
                    let line = |j: usize| &panel[j * width..][..width];
                    add_wide::<S, Precise<f64>>(simd, vectors, blocks, line, out, rows, (first, used));
                }
            }
        }
    }
}

/// [`add_panel`] for a panel of so many vectors.
#[inline(always)]
fn add_wide<'a, S: Simd, A: Sum<Entry: 'a>>(
    simd: S,
    vectors: usize,
    blocks: &Blocks,
    line: impl Fn(usize) -> &'a [A::Entry],
    out: &mut [f64],
    rows: usize,
    place: (usize, usize),
) {
    match vectors {
        1 => add_panel::<S, A, 1>(simd, blocks, line, out, rows, place),
        2 => add_panel::<S, A, 2>(simd, blocks, line, out, rows, place),
        3 => add_panel::<S, A, 3>(simd, blocks, line, out, rows, place),
        4 => add_panel::<S, A, 4>(simd, blocks, line, out, rows, place),
        5 => add_panel::<S, A, 5>(simd, blocks, line, out, rows, place),
        _ => add_panel::<S, A, 6>(simd, blocks, line, out, rows, place),
    }
}

/// Adds the product with a panel, V vectors wide, to the entries `first..first + used` of every point; `line` is the panel by columns of the block.
#[inline(always)]
fn add_panel<'a, S: Simd, A: Sum<Entry: 'a>, const V: usize>(
    simd: S,
    blocks: &Blocks,
    line: impl Fn(usize) -> &'a [A::Entry],
    out: &mut [f64],
    rows: usize,
    (first, used): (usize, usize),
) {
    let groups = blocks.columns.chunks_exact(DEPTH).zip(A::values(blocks).chunks_exact(DEPTH)).zip(&blocks.counts);
    for (((columns, values), count), out) in groups.zip(out.chunks_mut(GROUP * rows)) {
        let (columns, values) = (&columns[..*count], &values[..*count]);
        match out.len() / rows {
            1 => add_group::<S, A, V, 1>(simd, (columns, values), &line, out, rows, (first, used)),
            _ => add_group::<S, A, V, GROUP>(simd, (columns, values), &line, out, rows, (first, used)),
        }
    }
}

/// The same for the first R points of one group.
#[inline(always)]
fn add_group<'a, S: Simd, A: Sum<Entry: 'a>, const V: usize, const R: usize>(
    simd: S,
    (columns, values): (&[usize], &[[A::Factor; GROUP]]),
    line: &impl Fn(usize) -> &'a [A::Entry],
    out: &mut [f64],
    rows: usize,
    (first, used): (usize, usize),
) {
    let zero = A::splat(simd, A::factor(0.0));
    let mut sums = [[zero; V]; R];
    for (j, c) in columns.iter().zip(values) {
        let entries = line(*j);
        let mut line = [zero; V];
        for (k, vector) in line.iter_mut().enumerate() {
            *vector = A::load(simd, entries, k);
        }
        for r in 0..R {
            let c = A::splat(simd, c[r]);
            for k in 0..V {
                sums[r][k] = A::mul_add(simd, c, line[k], sums[r][k]);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(rows).zip(sums) {
        let out = out[first..first + used].chunks_mut(A::lanes::<S>());
        out.zip(sums).for_each(|(out, sums)| A::add(simd, sums, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [−1, 1), some of them 0.
    fn numbers(n: usize, zeros: u64, seed: &mut u64) -> Vec<f64> {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *seed >> 11
        };
        (0..n).map(|_| if next() % 8 < zeros { 0.0 } else { next() as f64 / (1u64 << 52) as f64 - 1.0 }).collect()
    }

    /// Few and many points, of single and of double weights, precisely and roughly, against sums of their own.
    #[test]
    fn products_are_sums() {
        let mut seed = 1;
        for (rows, columns) in [(8, 1), (9, 5), (17, 200), (33, 40), (100, 300), (200, 17), (211, 64)] {
            for points in [1, 6, 7, 24, 25, 300] {
                for is_single in [true, false] {
                    let entries = numbers(rows * columns, 1, &mut seed);
                    let entry = |k: usize| if is_single { f64::from(entries[k] as f32) } else { entries[k] };
                    let matrix = Weights::new(&(0..entries.len()).map(entry).collect::<Vec<f64>>());
                    let v = numbers(points * columns, 4, &mut seed);
                    let before = numbers(points * rows, 0, &mut seed);
                    for roughly in [false, true] {
                        let (mut out, mut blocks) = (before.clone(), Blocks::default());
                        let a = Columns { matrix: &matrix, rows, columns };
                        add_product(Arch::new(), a, &v, &mut out, &mut blocks, roughly);
                        let off = if roughly && is_single { 1e-6 } else { 1e-14 };
                        for (k, out) in out.iter().enumerate() {
                            let (point, i) = (k / rows, k % rows);
                            let terms = (0..columns).map(|j| entry(j * rows + i) * v[point * columns + j]);
                            let (sum, size) = terms.fold((before[k], 1.0), |(s, z), t| (s + t, z + t.abs()));
                            let what = format!("{rows}×{columns}, {points} points, single {is_single}: entry {k}");
                            assert!((out - sum).abs() <= off * size, "{what} is {out}, not {sum}");
                        }
                    }
                }
            }
        }
    }
}
