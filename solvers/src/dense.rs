//! Dense kernels: dot products with independent accumulators, sums of rows.

use pulp::{Arch, Simd, WithSimd};

/// Numbers that are worked on together, and accumulators of [`dot`]: enough to fill two vector registers and hide the latency of an addition.
pub const LANES: usize = 8;

/// Calls `f` compiled for the processor at hand (the baseline on x86-64 is SSE2): for loops that the compiler turns into vectors by
/// itself. What `f` calls has to be inlined into it, and `f` itself, which takes `#[inline(always)]` on a closure of more than a line. Sums are the same on every processor.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    struct Call<F>(F);
    impl<F: FnOnce() -> R, R> WithSimd for Call<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            self.0()
        }
    }
    Arch::new().dispatch(Call(f))
}

/// The length of n numbers with zeros behind them, so that loops run over whole vectors.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// aᵀb, in an order that does not depend on anything but the length.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[4]) + (sums[1] + sums[5]) + (sums[2] + sums[6]) + (sums[3] + sums[7]) + tail
}

/// y += a·x
#[inline(always)]
pub fn add(a: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// y += a·x + b·z, for (a, x) and (b, z)
#[inline(always)]
pub fn add_both((a, x): (f64, &[f64]), (b, z): (f64, &[f64]), y: &mut [f64]) {
    y.iter_mut().zip(x.iter().zip(z)).for_each(|(y, (x, z))| *y += a * x + b * z);
}

/// Factors that [`add_rows`] looks through at a time.
const LISTED: usize = 64;

/// Sums of so many entries go through memory row by row: parts of rows that are far apart would come in one by one.
const LONG: usize = 256;

/// out += Σₖ cₖ·(row k of `rows`); rows are `stride` apart, and as much of them is read as `out` has entries. What is 0 costs next to nothing.
#[inline(always)]
pub fn add_rows(c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    let width = out.len();
    for (turn, c) in c.chunks(LISTED).enumerate() {
        // Which factors are 0 is unpredictable: they are left out without a branch.
        let (mut list, mut count) = ([(0, 0.0); LISTED], 0);
        for (k, factor) in c.iter().enumerate() {
            list[count] = ((turn * LISTED + k) * stride, *factor);
            count += usize::from(*factor != 0.0);
        }
        let list = &list[..count];
        if width >= LONG {
            add_long(list, rows, out);
        } else {
            add_tiles(list.iter().copied(), rows, out);
        }
    }
}

/// [`add_rows`], compiled once for all who call it: code that runs a few times in a solve is slow to come in.
#[inline(never)]
pub fn add_nonzero_rows(c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    vectorised(
        #[inline(always)]
        || add_rows(c, rows, stride, out),
    );
}

/// The same where few factors are 0 or rows are short: all rows are added.
#[inline(never)]
pub fn add_all_rows(c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    vectorised(
        #[inline(always)]
        || add_tiles(c.iter().enumerate().map(|(k, factor)| (k * stride, *factor)), rows, out),
    );
}

/// out += Σ cₖ·(row k of `rows`), over the `of` k; rows are `stride` apart, and as much of them is read as `out` has entries.
#[inline(never)]
pub fn add_rows_at(of: &[usize], c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    vectorised(
        #[inline(always)]
        || {
            if out.len() < LONG {
                add_tiles(of.iter().map(|k| (k * stride, c[*k])), rows, out);
                return;
            }
            for of in of.chunks(LISTED) {
                let mut list = [(0, 0.0); LISTED];
                list.iter_mut().zip(of).for_each(|(entry, k)| *entry = (k * stride, c[*k]));
                add_long(&list[..of.len()], rows, out);
            }
        },
    );
}

/// The sum part by part: `list` has the places where rows begin, and their factors.
#[inline(always)]
fn add_tiles(list: impl Iterator<Item = (usize, f64)> + Clone, rows: &[f64], out: &mut [f64]) {
    let (width, mut at) = (out.len(), 0);
    while at + 32 <= width {
        add_tile::<32>(list.clone(), rows, at, out);
        at += 32;
    }
    if at + 24 <= width {
        add_tile::<24>(list.clone(), rows, at, out);
        at += 24;
    } else if at + 16 <= width {
        add_tile::<16>(list.clone(), rows, at, out);
        at += 16;
    }
    if at + 8 <= width {
        add_tile::<8>(list.clone(), rows, at, out);
        at += 8;
    }
    if at + 4 <= width {
        add_tile::<4>(list.clone(), rows, at, out);
        at += 4;
    }
    while at < width {
        add_tile::<1>(list.clone(), rows, at, out);
        at += 1;
    }
}

/// All entries of the sum. Four rows at a time: one load and one store of `out` for four products.
#[inline(always)]
fn add_long(list: &[(usize, f64)], rows: &[f64], out: &mut [f64]) {
    let width = out.len();
    let (fours, rest) = list.as_chunks::<4>();
    for [(i0, f0), (i1, f1), (i2, f2), (i3, f3)] in fours {
        let (r0, r1) = (&rows[*i0..][..width], &rows[*i1..][..width]);
        let (r2, r3) = (&rows[*i2..][..width], &rows[*i3..][..width]);
        for j in 0..width {
            out[j] += (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j]);
        }
    }
    for (begin, factor) in rest {
        add(*factor, &rows[*begin..][..width], out);
    }
}

/// The entries `at..at + W` of the sum, which stay in registers.
#[inline(always)]
fn add_tile<const W: usize>(list: impl Iterator<Item = (usize, f64)>, rows: &[f64], at: usize, out: &mut [f64]) {
    let out = &mut out[at..at + W];
    let mut sums = [0.0; W];
    sums.copy_from_slice(out);
    for (begin, factor) in list {
        let row = &rows[begin + at..][..W];
        for (sum, v) in sums.iter_mut().zip(row) {
            *sum += factor * v;
        }
    }
    out.copy_from_slice(&sums);
}

/// out += Σₖ cₖ·(row `of`ₖ of `rows`); rows are `stride` apart, and as much of them is read as `out` has entries.
#[inline(always)]
pub fn add_rows_of(of: &[usize], c: &[f64], rows: &[f64], stride: usize, out: &mut [f64]) {
    let width = out.len();
    let row = |k: usize| &rows[k * stride..][..width];
    let (fours, rest) = of.as_chunks::<4>();
    let (factors, last) = c[..of.len()].as_chunks::<4>();
    for ([a, b, c, d], f) in fours.iter().zip(factors) {
        let (ra, rb, rc, rd) = (row(*a), row(*b), row(*c), row(*d));
        for j in 0..width {
            out[j] += (f[0] * ra[j] + f[1] * rb[j]) + (f[2] * rc[j] + f[3] * rd[j]);
        }
    }
    for (k, factor) in rest.iter().zip(last) {
        add(*factor, row(*k), out);
    }
}

/// The products of rows with x, one for each entry of `out`; rows follow each other.
#[inline(always)]
pub fn products(rows: &[f64], x: &[f64], out: &mut [f64]) {
    let n = x.len();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let whole = 4 * fours.len() * n;
    for (k, four) in fours.iter_mut().enumerate() {
        let rows = &rows[4 * k * n..][..4 * n];
        *four = dots([&rows[..n], &rows[n..2 * n], &rows[2 * n..3 * n], &rows[3 * n..]], x);
    }
    for (k, out) in rest.iter_mut().enumerate() {
        *out = dot(&rows[whole + k * n..][..n], x);
    }
}

/// The numbers of [`products`], with instructions that the compiler does not find by itself.
pub fn all_products(rows: &[f64], x: &[f64], out: &mut [f64]) {
    struct Products<'a>(&'a [f64], &'a [f64], &'a mut [f64]);
    impl WithSimd for Products<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Products(rows, x, out) = self;
            let n = x.len();
            if n == 0 {
                out.fill(0.0);
                return;
            }
            let (fours, rest) = out.as_chunks_mut::<4>();
            let (rows_of_fours, rows) = rows.split_at(4 * fours.len() * n);
            for (out, rows) in fours.iter_mut().zip(rows_of_fours.chunks_exact(4 * n)) {
                let (one, other) = rows.split_at(2 * n);
                let ((a, b), (c, d)) = (one.split_at(n), other.split_at(n));
                *out = lanes(simd, [a, b, c, d], x);
            }
            for (out, row) in rest.iter_mut().zip(rows.chunks_exact(n)) {
                [*out] = lanes(simd, [row], x);
            }
        }
    }
    Arch::new().dispatch(Products(rows, x, out));
}

/// aᵀb, the number of [`dot`].
pub fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut out = [0.0];
    all_products(&a[..b.len()], b, &mut out);
    out[0]
}

/// aᵀx for some rows as long as x, in the order of [`dot`] however long the processor's vectors are.
#[inline(always)]
fn lanes<S: Simd, const K: usize>(simd: S, rows: [&[f64]; K], x: &[f64]) -> [f64; K] {
    let whole = x.len() / LANES * LANES;
    // Vectors that have the accumulators of one row.
    let count = LANES / S::F64_LANES;
    let vectors = rows.map(|row| S::as_simd_f64s(&row[..whole]).0);
    let mut sums = [[simd.splat_f64s(0.0); LANES]; K];
    for (at, x) in S::as_simd_f64s(&x[..whole]).0.chunks_exact(count).enumerate() {
        for (sums, vectors) in sums.iter_mut().zip(&vectors) {
            let row = &vectors[at * count..(at + 1) * count];
            for ((sum, a), b) in sums.iter_mut().zip(row).zip(x) {
                *sum = simd.add_f64s(*sum, simd.mul_f64s(*a, *b));
            }
        }
    }
    let mut out = [0.0; K];
    for ((out, sums), row) in out.iter_mut().zip(&sums).zip(&rows) {
        let s: &[f64] = pulp::bytemuck::cast_slice(&sums[..count]);
        let tail: f64 = row[whole..].iter().zip(&x[whole..]).map(|(a, b)| a * b).sum();
        *out = (s[0] + s[4]) + (s[1] + s[5]) + (s[2] + s[6]) + (s[3] + s[7]) + tail;
    }
    out
}

/// aᵀx for four rows: one load of x for four products. The numbers are those of [`dot`].
#[inline(always)]
pub fn dots(rows: [&[f64]; 4], x: &[f64]) -> [f64; 4] {
    let n = x.len();
    let rows = [&rows[0][..n], &rows[1][..n], &rows[2][..n], &rows[3][..n]];
    let whole = n - n % LANES;
    let mut sums = [[0.0; LANES]; 4];
    for at in (0..whole).step_by(LANES) {
        let x = &x[at..at + LANES];
        for (sums, row) in sums.iter_mut().zip(&rows) {
            for ((sum, a), b) in sums.iter_mut().zip(&row[at..at + LANES]).zip(x) {
                *sum += a * b;
            }
        }
    }
    let mut out = [0.0; 4];
    for ((out, sums), row) in out.iter_mut().zip(&sums).zip(&rows) {
        let tail: f64 = row[whole..].iter().zip(&x[whole..]).map(|(a, b)| a * b).sum();
        *out = (sums[0] + sums[4]) + (sums[1] + sums[5]) + (sums[2] + sums[6]) + (sums[3] + sums[7]) + tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_products_at_once_are_those_of_one_at_a_time() {
        let number = |k: usize| (0.37 * k as f64).sin();
        for (m, n) in [(0, 3), (3, 17), (4, 8), (9, 6), (6, 24), (5, 0)] {
            let rows: Vec<f64> = (0..m * n).map(number).collect();
            let x: Vec<f64> = (0..n).map(|j| number(j + 1000)).collect();
            let mut out = vec![f64::NAN; m];
            vectorised(|| products(&rows, &x, &mut out));
            (0..m).for_each(|k| assert_eq!(out[k], dot(&rows[k * n..(k + 1) * n], &x)));
            let mut same = vec![f64::NAN; m];
            all_products(&rows, &x, &mut same);
            assert_eq!(same, out);
        }
    }

    #[test]
    fn sums_of_rows_are_those_of_their_entries() {
        let number = |k: usize| (0.37 * k as f64).sin();
        for (m, width) in [(0, 8), (3, 1), (5, 24), (17, 43), (70, 104), (130, 300)] {
            let stride = width + 2;
            let rows: Vec<f64> = (0..m * stride).map(number).collect();
            let c: Vec<f64> = (0..m).map(|k| if k % 3 == 1 { 0.0 } else { number(k + 500) }).collect();
            let before: Vec<f64> = (0..width).map(|j| number(j + 900)).collect();
            // Every second row, backwards.
            let of: Vec<usize> = (0..m).rev().step_by(2).collect();
            let sum = |j: usize, of: &[usize]| before[j] + of.iter().map(|k| c[*k] * rows[k * stride + j]).sum::<f64>();
            let check = |of: &[usize], add: &dyn Fn(&mut [f64])| {
                let mut out = before.clone();
                add(&mut out);
                (0..width).for_each(|j| assert!((out[j] - sum(j, of)).abs() < 1e-12, "{m} rows of {width}"));
            };
            let all: Vec<usize> = (0..m).collect();
            check(&all, &|out| add_all_rows(&c, &rows, stride, out));
            check(&all, &|out| add_nonzero_rows(&c, &rows, stride, out));
            check(&of, &|out| add_rows_at(&of, &c, &rows, stride, out));
        }
    }
}
