//! The inner loops, with the widest vectors the processor has (chosen at run time; the compiled baseline is SSE2 on x86-64).

use pulp::{Arch, Simd, WithSimd};

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

    /// Those of `v`, without a branch for each.
    fn fill(&mut self, v: &[f64]) {
        let mut count = 0;
        for (i, t) in v.iter().enumerate() {
            self.index[count] = i;
            self.value[count] = *t;
            count += usize::from(*t != 0.0);
        }
        self.count = count;
    }
}

/// out += Σᵢ vᵢ · (row i of `matrix`), over the nonzero vᵢ; rows have the length of `out`.
pub(super) fn accumulate_rows(arch: Arch, matrix: &[f64], v: &[f64], out: &mut [f64], nonzeros: &mut Nonzeros) {
    nonzeros.fill(v);
    let Nonzeros { index, value, count } = nonzeros;
    arch.dispatch(AccumulateRows { matrix, index: &index[..*count], value: &value[..*count], out });
}

struct AccumulateRows<'a> {
    matrix: &'a [f64],
    index: &'a [usize],
    value: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for AccumulateRows<'_> {
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
            add_rows(simd, i.map(row), *c, out);
        }
        let (fours, rest) = rest.as_chunks::<4>();
        let (values, single) = single.as_chunks::<4>();
        for (i, c) in fours.iter().zip(values) {
            add_rows(simd, i.map(row), *c, out);
        }
        for (i, c) in rest.iter().zip(single) {
            add_rows(simd, [row(*i)], [*c], out);
        }
    }
}

/// out += Σₖ cₖ·rowₖ
#[inline(always)]
fn add_rows<S: Simd, const K: usize>(simd: S, rows: [&[f64]; K], c: [f64; K], out: &mut [f64]) {
    let (out, out_tail) = S::as_mut_simd_f64s(out);
    let split = rows.map(|row| S::as_simd_f64s(row));
    let heads = split.map(|(head, _)| &head[..out.len()]);
    let tails = split.map(|(_, tail)| &tail[..out_tail.len()]);
    let factors = c.map(|c| simd.splat_f64s(c));
    for (i, o) in out.iter_mut().enumerate() {
        let mut sum = *o;
        for (factor, head) in factors.iter().zip(&heads) {
            sum = simd.mul_add_e_f64s(*factor, head[i], sum);
        }
        *o = sum;
    }
    for (i, o) in out_tail.iter_mut().enumerate() {
        for (c, tail) in c.iter().zip(&tails) {
            *o += c * tail[i];
        }
    }
}

/// outᵢ += (row i of `matrix`)·v; rows have the length of `v`.
pub(super) fn add_products(arch: Arch, matrix: &[f64], v: &[f64], out: &mut [f64]) {
    if !v.is_empty() {
        arch.dispatch(AddProducts { matrix, v, out });
    }
}

struct AddProducts<'a> {
    matrix: &'a [f64],
    v: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (v, v_tail) = S::as_simd_f64s(self.v);
        let (fours, rest) = v.as_chunks::<4>();
        for (o, row) in self.out.iter_mut().zip(self.matrix.chunks_exact(self.v.len())) {
            let (row, row_tail) = S::as_simd_f64s(row);
            let (row_fours, row_rest) = row.as_chunks::<4>();
            // Four running sums, so that the additions of one do not wait for those of another.
            let mut sums = [simd.splat_f64s(0.0); 4];
            for (v, row) in fours.iter().zip(row_fours) {
                for k in 0..4 {
                    sums[k] = simd.mul_add_e_f64s(v[k], row[k], sums[k]);
                }
            }
            for (v, row) in rest.iter().zip(row_rest) {
                sums[0] = simd.mul_add_e_f64s(*v, *row, sums[0]);
            }
            let sum = simd.add_f64s(simd.add_f64s(sums[0], sums[1]), simd.add_f64s(sums[2], sums[3]));
            let tail: f64 = v_tail.iter().zip(row_tail).map(|(v, w)| v * w).sum();
            *o += simd.reduce_sum_f64s(sum) + tail;
        }
    }
}

/// Calls `f` compiled for the processor at hand; for loops that the compiler turns into vectors by itself.
#[inline(always)]
pub(super) fn vectorised<R>(arch: Arch, f: impl FnOnce() -> R) -> R {
    struct Call<F>(F);
    impl<F: FnOnce() -> R, R> WithSimd for Call<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            self.0()
        }
    }
    arch.dispatch(Call(f))
}

/// Whether all entries are finite.
pub(super) fn all_finite(arch: Arch, v: &[f64]) -> bool {
    vectorised(arch, || {
        let (chunks, rest) = v.as_chunks::<16>();
        // 0·t is NaN exactly where t is not finite.
        let mut sums = [0.0; 16];
        for chunk in chunks {
            for (sum, t) in sums.iter_mut().zip(chunk) {
                *sum += 0.0 * t;
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|t| 0.0 * t).sum::<f64>() == 0.0
    })
}
