//! Matrix products at many points. A block of the matrix is widened to f64 and laid out as the inner loop reads it, and stays in the
//! cache for all points (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008); units that are
//! zero at all points of a group cost nothing.

use std::array;

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
    counts: Vec<usize>,
}

impl Blocks {
    /// Takes the columns `from..to` of the points in `v`, which are `len` long.
    #[inline(always)]
    fn gather(&mut self, v: &[f64], len: usize, from: usize, to: usize) {
        let (points, depth) = (v.len() / len, to - from);
        let groups = points.div_ceil(GROUP);
        if self.columns.len() < groups * DEPTH {
            self.columns.resize(groups * DEPTH, 0);
            self.values.resize(groups * DEPTH, [0.0; GROUP]);
            self.counts.resize(groups, 0);
        }
        let room = self.columns.chunks_exact_mut(DEPTH).zip(self.values.chunks_exact_mut(DEPTH)).zip(&mut self.counts);
        for (g, ((columns, values), total)) in room.take(groups).enumerate() {
            let rows: [&[f64]; GROUP] = array::from_fn(|r| match g * GROUP + r {
                k if k < points => &v[k * len + from..k * len + to],
                _ => &ZEROS[..depth],
            });
            let mut count = 0;
            for j in 0..depth {
                let value = rows.map(|row| row[j]);
                columns[count] = j;
                values[count] = value;
                count += usize::from(value.iter().any(|t| *t != 0.0));
            }
            *total = count;
        }
    }
}

/// out += A·v for each vector side by side in `v`; `matrix` holds A, `rows` high, column by column.
pub(super) fn add_product(arch: Arch, matrix: &Weights, rows: usize, v: &[f64], out: &mut [f64], blocks: &mut Blocks) {
    match matrix {
        Weights::Single(matrix) => arch.dispatch(Product { matrix, rows, v, out, blocks }),
        Weights::Double(matrix) => arch.dispatch(Product { matrix, rows, v, out, blocks }),
    }
}

struct Product<'a, W> {
    matrix: &'a [W],
    rows: usize,
    v: &'a [f64],
    out: &'a mut [f64],
    blocks: &'a mut Blocks,
}

impl<W: Entry> WithSimd for Product<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { matrix, rows, v, out, blocks } = self;
        let len = matrix.len() / rows;
        // As many sums as there are registers: 32 where vectors have eight lanes, 16 elsewhere.
        let most = if S::F64_LANES == 8 { 6 } else { 3 };
        let vectors = rows.div_ceil(S::F64_LANES);
        let vectors = vectors.div_ceil(vectors.div_ceil(most));
        let width = vectors * S::F64_LANES;
        if blocks.panel.len() < DEPTH * width {
            blocks.panel.resize(DEPTH * width, 0.0);
        }
        for (v, out) in v.chunks(POINTS * len).zip(out.chunks_mut(POINTS * rows)) {
            for from in (0..len).step_by(DEPTH) {
                let to = len.min(from + DEPTH);
                blocks.gather(v, len, from, to);
                for first in (0..rows).step_by(width) {
                    let used = width.min(rows - first);
                    let vectors = used.div_ceil(S::F64_LANES);
                    let width = vectors * S::F64_LANES;
                    if v.len() <= FEW * len && used == width {
                        // Too few points to lay the block out for.
                        let from = from * rows + first;
                        let line = |j: usize| &matrix[from + j * rows..][..width];
                        add_wide(simd, vectors, blocks, line, out, rows, (first, used));
                        continue;
                    }
                    for (line, j) in blocks.panel.chunks_exact_mut(width).zip(from..to) {
                        let row = &matrix[j * rows + first..j * rows + first + used];
                        line.iter_mut().zip(row).for_each(|(l, w)| *l = w.wide());
                    }
                    let panel = &blocks.panel;
                    let line = |j: usize| &panel[j * width..][..width];
                    add_wide(simd, vectors, blocks, line, out, rows, (first, used));
                }
            }
        }
    }
}

/// [`add_panel`] for a panel of so many vectors.
#[inline(always)]
fn add_wide<'a, S: Simd, W: Entry + 'a>(
    simd: S,
    vectors: usize,
    blocks: &Blocks,
    line: impl Fn(usize) -> &'a [W],
    out: &mut [f64],
    rows: usize,
    place: (usize, usize),
) {
    match vectors {
        1 => add_panel::<S, W, 1>(simd, blocks, line, out, rows, place),
        2 => add_panel::<S, W, 2>(simd, blocks, line, out, rows, place),
        3 => add_panel::<S, W, 3>(simd, blocks, line, out, rows, place),
        4 => add_panel::<S, W, 4>(simd, blocks, line, out, rows, place),
        5 => add_panel::<S, W, 5>(simd, blocks, line, out, rows, place),
        _ => add_panel::<S, W, 6>(simd, blocks, line, out, rows, place),
    }
}

/// Adds the product with a panel, V vectors wide, to the entries `first..first + used` of every point; `line` is the panel by columns of the block.
#[inline(always)]
fn add_panel<'a, S: Simd, W: Entry + 'a, const V: usize>(
    simd: S,
    blocks: &Blocks,
    line: impl Fn(usize) -> &'a [W],
    out: &mut [f64],
    rows: usize,
    (first, used): (usize, usize),
) {
    let groups = blocks.columns.chunks_exact(DEPTH).zip(blocks.values.chunks_exact(DEPTH)).zip(&blocks.counts);
    for (((columns, values), count), out) in groups.zip(out.chunks_mut(GROUP * rows)) {
        let mut sums = [[simd.splat_f64s(0.0); V]; GROUP];
        for (j, c) in columns[..*count].iter().zip(&values[..*count]) {
            let line = line(*j);
            let line: [S::f64s; V] = array::from_fn(|k| W::vector(simd, line, k));
            for r in 0..GROUP {
                let c = simd.splat_f64s(c[r]);
                for k in 0..V {
                    sums[r][k] = simd.mul_add_e_f64s(c, line[k], sums[r][k]);
                }
            }
        }
        for (out, sums) in out.chunks_exact_mut(rows).zip(sums) {
            let (whole, rest) = S::as_mut_simd_f64s(&mut out[first..first + used]);
            whole.iter_mut().zip(sums).for_each(|(o, sum)| *o = simd.add_f64s(*o, sum));
            if !rest.is_empty() {
                let mut last = [0.0; 8];
                S::as_mut_simd_f64s(&mut last).0[0] = sums[whole.len()];
                rest.iter_mut().zip(last).for_each(|(o, t)| *o += t);
            }
        }
    }
}
