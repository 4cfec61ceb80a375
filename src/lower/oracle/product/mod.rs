//! Matrix products at many points. A block of the matrix is widened to f64 and laid out as the inner loop reads it, and stays in the
//! cache for all points (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008); units that are
//! zero at all points of a group cost nothing.

mod panel;
mod shared;

use pulp::{Arch, Simd, WithSimd};

use panel::{GROUP, add_wide, width};
pub(super) use shared::Shared;

use super::kernels::Weights;
use super::sums::{Entry, Number, Precise, Sum};

/// Columns of A in a block.
const DEPTH: usize = 256;
static ZEROS: [f64; DEPTH] = [0.0; DEPTH];
/// So many points are too few to lay a block out for.
const FEW: usize = 6 * GROUP;
/// Most points in a block.
const POINTS: usize = 256;

/// Blocks of both factors, laid out for the inner loop.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Some rows of A, column by column.
    panel: Vec<f64>,
    /// For each group of points the columns of the block at which one of them is not zero, their values there, and how many.
    columns: Vec<usize>,
    values: Vec<[f64; GROUP]>,
    counts: Vec<usize>,
}

impl Blocks {
    /// Takes the columns `from..to` of the points in `v`, which are `len` long.
    #[inline(always)]
    fn gather(&mut self, v: &[f64], len: usize, from: usize, to: usize) {
        let (points, depth) = (v.len() / len, to - from);
        let groups = points.div_ceil(GROUP);
        if self.counts.len() < groups {
            self.columns.resize(groups * DEPTH, 0);
            self.values.resize(groups * DEPTH, [0.0; GROUP]);
            self.counts.resize(groups, 0);
        }
        let room = self.columns.chunks_exact_mut(DEPTH).zip(self.values.chunks_exact_mut(DEPTH)).zip(&mut self.counts);
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
                values[count] = [*a, *b, *c, *d];
                let any = (a.bits() | b.bits()) | (c.bits() | d.bits());
                count += usize::from(any != 0);
            }
            *total = count;
        }
    }
}

/// A with a number of `rows`, column by column, `columns` of them.
pub(super) struct Columns<'a, W: ?Sized> {
    pub matrix: &'a W,
    pub rows: usize,
    pub columns: usize,
}

/// out += A·v for each vector side by side in `v`.
pub(super) fn add_product(
    arch: Arch,
    Columns { matrix, rows, columns }: Columns<'_, Weights>,
    v: &[f64],
    out: &mut [f64],
    blocks: &mut Blocks,
) {
    match matrix {
        Weights::Single(matrix) => arch.dispatch(Product { matrix, rows, columns, v, out, blocks }),
        Weights::Double(matrix) => arch.dispatch(Product { matrix, rows, columns, v, out, blocks }),
    }
}

struct Product<'a, W> {
    matrix: &'a [W],
    rows: usize,
    columns: usize,
    v: &'a [f64],
    out: &'a mut [f64],
    blocks: &'a mut Blocks,
}

impl<W: Entry> WithSimd for Product<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { matrix, rows, columns: len, v, out, blocks } = self;
        let (few, lanes) = (v.len() <= FEW * len, S::F64_LANES);
        let width = width::<S>(rows, lanes);
        for (v, out) in v.chunks(POINTS * len).zip(out.chunks_mut(POINTS * rows)) {
            for from in (0..len).step_by(DEPTH) {
                let to = len.min(from + DEPTH);
                blocks.gather(v, len, from, to);
                for first in (0..rows).step_by(width) {
                    let used = width.min(rows - first);
                    let vectors = used.div_ceil(lanes);
                    let width = vectors * lanes;
                    if few {
                        // Too few points to lay the block out for. The last vector may reach into what follows, whose sums are not read.
                        let from = from * rows + first;
                        let line = |j: usize| &matrix[from + j * rows..][..width];
                        add_blocks::<S, Precise<W>>(simd, vectors, blocks, line, out, rows, (first, used));
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
                    add_blocks::<S, Precise<f64>>(simd, vectors, blocks, line, out, rows, (first, used));
                }
            }
        }
    }
}

/// Adds the product of a panel, so many vectors wide, with what was gathered to the entries `first..first + used` of every point; `line` is the panel by
/// columns of the block.
#[inline(always)]
fn add_blocks<'a, S: Simd, A: Sum<Number = f64, Entry: 'a>>(
    simd: S,
    vectors: usize,
    blocks: &Blocks,
    line: impl Fn(usize) -> &'a [A::Entry],
    out: &mut [f64],
    rows: usize,
    place: (usize, usize),
) {
    let groups = blocks.columns.chunks_exact(DEPTH).zip(blocks.values.chunks_exact(DEPTH)).zip(&blocks.counts);
    for (((columns, values), count), out) in groups.zip(out.chunks_mut(GROUP * rows)) {
        let (columns, values) = (&columns[..*count], &values[..*count]);
        add_wide::<S, A>(simd, vectors, columns, |k, _, r| values[k][r], &line, out, rows, place);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sums::Rough;
    use super::*;

    /// Numbers in [−1, 1), some of them 0.
    fn numbers(n: usize, zeros: u64, seed: &mut u64) -> Vec<f64> {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *seed >> 11
        };
        (0..n).map(|_| if next() % 8 < zeros { 0.0 } else { next() as f64 / (1u64 << 52) as f64 - 1.0 }).collect()
    }

    /// Few and many points, of single and of double weights, and in single precision, against sums of their own.
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
                    let check = |out: &[f64], off: f64| {
                        for (k, out) in out.iter().enumerate() {
                            let (point, i) = (k / rows, k % rows);
                            let terms = (0..columns).map(|j| entry(j * rows + i) * v[point * columns + j]);
                            let (sum, size) = terms.fold((before[k], 1.0), |(s, z), t| (s + t, z + t.abs()));
                            let what = format!("{rows}×{columns}, {points} points, single {is_single}: entry {k}");
                            assert!((out - sum).abs() <= off * size, "{what} is {out}, not {sum}");
                        }
                    };
                    let (mut out, mut blocks) = (before.clone(), Blocks::default());
                    add_product(Arch::new(), Columns { matrix: &matrix, rows, columns }, &v, &mut out, &mut blocks);
                    check(&out, 1e-14);
                    if let Weights::Single(matrix) = &matrix {
                        let narrow = |v: &[f64]| v.iter().map(|t| *t as f32).collect::<Vec<f32>>();
                        let mut out = narrow(&before);
                        let a = Columns { matrix: matrix.as_slice(), rows, columns };
                        Shared::default().add_product::<Rough>(Arch::new(), a, &narrow(&v), &mut out);
                        check(&out.iter().map(|t| f64::from(*t)).collect::<Vec<f64>>(), 1e-6);
                    }
                }
            }
        }
    }
}
