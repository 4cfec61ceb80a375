//! [`Sum`]: what the inner loops add up: products in f64, of weights as they are kept, or in f32 throughout, for searches.

use std::fmt::Debug;
use std::marker::PhantomData;

use pulp::Simd;

/// f32 or f64.
pub(super) trait Number: Copy + Debug + Default + 'static {
    /// Its bits, but for the sign; 0 where it is zero.
    fn bits(self) -> u64;
}

impl Number for f64 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits() << 1
    }
}

impl Number for f32 {
    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self.to_bits() << 1)
    }
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

/// Several sums of products side by side.
pub(super) trait Sum {
    /// An entry of a matrix.
    type Entry: Copy;
    /// What it is multiplied by, and what the sums are.
    type Number: Number;
    type Vector<S: Simd>: Copy;

    /// How many sums are in a vector.
    fn lanes<S: Simd>() -> usize;
    fn splat<S: Simd>(simd: S, value: Self::Number) -> Self::Vector<S>;
    /// Vector k of a row of entries.
    fn entries<S: Simd>(simd: S, row: &[Self::Entry], k: usize) -> Self::Vector<S>;
    /// Whole vectors, and what is left over.
    fn split<S: Simd>(v: &[Self::Number]) -> (&[Self::Vector<S>], &[Self::Number]);
    fn split_mut<S: Simd>(v: &mut [Self::Number]) -> (&mut [Self::Vector<S>], &mut [Self::Number]);
    /// What is left over; zeros behind it.
    fn last<S: Simd>(simd: S, v: &[Self::Number]) -> Self::Vector<S>;
    fn store_last<S: Simd>(simd: S, out: &mut [Self::Number], sums: Self::Vector<S>);
    /// a·b + c
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    fn add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of a vector, added to `out`.
    fn add_total<S: Simd>(simd: S, sums: Self::Vector<S>, out: &mut Self::Number);
}

/// In f64, of entries as they are kept.
pub(super) struct Precise<W>(PhantomData<W>);

impl<W: Entry> Sum for Precise<W> {
    type Entry = W;
    type Number = f64;
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F64_LANES
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f64) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn entries<S: Simd>(simd: S, row: &[W], k: usize) -> S::f64s {
        W::vector(simd, row, k)
    }

    #[inline(always)]
    fn split<S: Simd>(v: &[f64]) -> (&[S::f64s], &[f64]) {
        S::as_simd_f64s(v)
    }

    #[inline(always)]
    fn split_mut<S: Simd>(v: &mut [f64]) -> (&mut [S::f64s], &mut [f64]) {
        S::as_mut_simd_f64s(v)
    }

    #[inline(always)]
    fn last<S: Simd>(simd: S, v: &[f64]) -> S::f64s {
        simd.partial_load_f64s(v)
    }

    #[inline(always)]
    fn store_last<S: Simd>(simd: S, out: &mut [f64], sums: S::f64s) {
        simd.partial_store_f64s(out, sums);
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }

    #[inline(always)]
    fn add_total<S: Simd>(simd: S, sums: S::f64s, out: &mut f64) {
        *out += simd.reduce_sum_f64s(sums);
    }
}

/// In f32, twice as many at a time.
pub(super) struct Rough;

impl Sum for Rough {
    type Entry = f32;
    type Number = f32;
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn lanes<S: Simd>() -> usize {
        S::F32_LANES
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
        simd.splat_f32s(value)
    }

    #[inline(always)]
    fn entries<S: Simd>(_: S, row: &[f32], k: usize) -> S::f32s {
        S::as_simd_f32s(row).0[k]
    }

    #[inline(always)]
    fn split<S: Simd>(v: &[f32]) -> (&[S::f32s], &[f32]) {
        S::as_simd_f32s(v)
    }

    #[inline(always)]
    fn split_mut<S: Simd>(v: &mut [f32]) -> (&mut [S::f32s], &mut [f32]) {
        S::as_mut_simd_f32s(v)
    }

    #[inline(always)]
    fn last<S: Simd>(simd: S, v: &[f32]) -> S::f32s {
        simd.partial_load_f32s(v)
    }

    #[inline(always)]
    fn store_last<S: Simd>(simd: S, out: &mut [f32], sums: S::f32s) {
        simd.partial_store_f32s(out, sums);
    }

    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }

    #[inline(always)]
    fn add_total<S: Simd>(simd: S, sums: S::f32s, out: &mut f32) {
        *out += simd.reduce_sum_f32s(sums);
    }
}
