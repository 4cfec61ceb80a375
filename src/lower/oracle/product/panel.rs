//! The inner loops of matrix products: some rows of a matrix, and a few points.

use pulp::Simd;

use super::super::sums::Sum;

/// Points that the inner loop takes together.
pub(super) const GROUP: usize = 4;

/// Rows of a panel: whole vectors, as many as there are registers for, and all panels about as wide.
#[inline(always)]
pub(super) fn width<S: Simd>(rows: usize, lanes: usize) -> usize {
    // 32 registers where vectors have eight lanes, 16 elsewhere.
    let most = if S::F64_LANES == 8 { 6 } else { 3 };
    let vectors = rows.div_ceil(lanes);
    vectors.div_ceil(vectors.div_ceil(most)) * lanes
}

/// [`add_group`] for a panel of so many vectors, and as many points as `out` has.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) fn add_wide<'a, S: Simd, A: Sum<Entry: 'a>>(
    simd: S,
    vectors: usize,
    columns: &[usize],
    factor: impl Fn(usize, usize, usize) -> A::Number,
    line: &impl Fn(usize) -> &'a [A::Entry],
    out: &mut [A::Number],
    rows: usize,
    place: (usize, usize),
) {
    macro_rules! add {
        ($v:literal) => {
            match out.len() / rows {
                GROUP => add_group::<S, A, $v, GROUP>(simd, columns, factor, line, out, rows, place),
                points => (0..points).zip(out.chunks_exact_mut(rows)).for_each(|(r, out)| {
                    add_group::<S, A, $v, 1>(simd, columns, |k, j, _| factor(k, j, r), line, out, rows, place)
                }),
            }
        };
    }
    match vectors {
        1 => add!(1),
        2 => add!(2),
        3 => add!(3),
        4 => add!(4),
        5 => add!(5),
        _ => add!(6),
    }
}

/// Adds the sums of `columns` of a panel, V vectors wide, times the `factor` of the k-th, column j, for point r of R.
#[inline(always)]
fn add_group<'a, S: Simd, A: Sum<Entry: 'a>, const V: usize, const R: usize>(
    simd: S,
    columns: &[usize],
    factor: impl Fn(usize, usize, usize) -> A::Number,
    line: &impl Fn(usize) -> &'a [A::Entry],
    out: &mut [A::Number],
    rows: usize,
    (first, used): (usize, usize),
) {
    let zero = A::splat(simd, A::Number::default());
    let mut sums = [[zero; V]; R];
    for (k, j) in columns.iter().enumerate() {
        let entries = line(*j);
        let mut line = [zero; V];
        for (k, vector) in line.iter_mut().enumerate() {
            *vector = A::entries(simd, entries, k);
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let c = A::splat(simd, factor(k, *j, r));
            for k in 0..V {
                sums[k] = A::mul_add(simd, c, line[k], sums[k]);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(rows).zip(sums) {
        let out = out[first..first + used].chunks_mut(A::lanes::<S>());
        out.zip(sums).for_each(|(out, sums)| add::<S, A>(simd, sums, out));
    }
}

/// out += sums; no longer than a vector.
#[inline(always)]
fn add<S: Simd, A: Sum>(simd: S, sums: A::Vector<S>, out: &mut [A::Number]) {
    let (whole, rest) = A::split_mut::<S>(out);
    whole.iter_mut().for_each(|o| *o = A::add(simd, *o, sums));
    if !rest.is_empty() {
        A::store_last(simd, rest, A::add(simd, A::last(simd, rest), sums));
    }
}
