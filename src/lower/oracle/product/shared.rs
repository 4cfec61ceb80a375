//! Matrix products at a few points that are zero at the same places: rates of units that are inactive, along several directions.

use pulp::{Arch, Simd, WithSimd};

use super::super::sums::{Number, Sum};
use super::Columns;
use super::panel::{GROUP, add_wide, width};

/// Columns of a matrix that points have in common.
#[derive(Debug, Default)]
pub struct Shared {
    any: Vec<u64>,
    columns: Vec<usize>,
}

impl Shared {
    /// out += A·v for each of a few vectors side by side in `v` that are zero at the same places, for sums of some kind.
    pub fn add_product<A: Sum>(
        &mut self,
        arch: Arch,
        a: Columns<'_, [A::Entry]>,
        v: &[A::Number],
        out: &mut [A::Number],
    ) {
        arch.dispatch(Together::<A> { a, v, out, shared: self });
    }
}

struct Together<'a, A: Sum> {
    a: Columns<'a, [A::Entry]>,
    v: &'a [A::Number],
    out: &'a mut [A::Number],
    shared: &'a mut Shared,
}

impl<A: Sum> WithSimd for Together<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Together { a: Columns { matrix, rows, columns: len }, v, out, shared: Shared { any, columns } } = self;
        any.clear();
        any.resize(len, 0);
        for v in v.chunks_exact(len) {
            any.iter_mut().zip(v).for_each(|(any, v)| *any |= v.bits());
        }
        columns.resize(len, 0);
        let mut count = 0;
        for (j, any) in any.iter().enumerate() {
            columns[count] = j;
            count += usize::from(*any != 0);
        }
        let (columns, lanes) = (&columns[..count], A::lanes::<S>());
        let width = width::<S>(rows, lanes);
        for first in (0..rows).step_by(width) {
            let used = width.min(rows - first);
            let vectors = used.div_ceil(lanes);
            // The last vector may reach into what follows, whose sums are not read.
            let line = |j: usize| &matrix[j * rows + first..][..vectors * lanes];
            for (v, out) in v.chunks(GROUP * len).zip(out.chunks_mut(GROUP * rows)) {
                add_wide::<S, A>(simd, vectors, columns, |_, j, r| v[r * len + j], &line, out, rows, (first, used));
            }
        }
    }
}
