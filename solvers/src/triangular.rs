//! Loops over rows of triangular matrices in whole lanes, for [`Factor`](crate::factor::Factor): to be inlined into
//! [`vectorised`](crate::dense::vectorised).

use crate::elementwise::{LANES, block, sum};

/// Where the lanes of entry i begin.
#[inline(always)]
pub fn first(i: usize) -> usize {
    i / LANES * LANES
}

/// Lanes number `c` of a row.
#[inline(always)]
fn lanes(of: &[f64], c: usize) -> &[f64; LANES] {
    &of.as_chunks::<LANES>().0[c]
}

/// The rows of block c. A loop, as a function of a whole array may be a call of its own, without vectors.
#[inline(always)]
fn rows_of(upper: &[f64], stride: usize, c: usize) -> [&[f64]; LANES] {
    let mut rows: [&[f64]; LANES] = [&[]; LANES];
    for (l, row) in rows.iter_mut().enumerate() {
        *row = &upper[(LANES * c + l) * stride..][..stride];
    }
    rows
}

/// Solves Uᵀx = b in place, b being padded.
#[inline(always)]
pub fn forward(upper: &[f64], stride: usize, inverse: &[f64], b: &mut [f64]) {
    let b = b.as_chunks_mut::<LANES>().0;
    for c in 0..b.len() {
        let rows = rows_of(upper, stride, c);
        let inverse = block(&inverse[LANES * c..], 0.0);
        let mut x = b[c];
        // Rows are scaled before x is known: one multiplication less between one entry and the next.
        for l in 0..LANES {
            let (row, value) = (lanes(rows[l], c), x[l]);
            for t in 0..LANES {
                let scaled = if t > l { row[t] * inverse[l] } else { 0.0 };
                x[t] -= value * scaled;
            }
        }
        for l in 0..LANES {
            x[l] *= inverse[l];
        }
        b[c] = x;
        for (d, b) in b.iter_mut().enumerate().skip(c + 1) {
            let mut rest = *b;
            for l in 0..LANES {
                let row = lanes(rows[l], d);
                for t in 0..LANES {
                    rest[t] -= x[l] * row[t];
                }
            }
            *b = rest;
        }
    }
}

/// Solves U x = b in place, b being padded.
#[inline(always)]
pub fn backward(upper: &[f64], stride: usize, inverse: &[f64], b: &mut [f64]) {
    let b = b.as_chunks_mut::<LANES>().0;
    for c in (0..b.len()).rev() {
        let rows = rows_of(upper, stride, c);
        let inverse = block(&inverse[LANES * c..], 0.0);
        let mut sums = [[0.0; LANES]; LANES];
        for (d, b) in b.iter().enumerate().skip(c + 1) {
            for l in 0..LANES {
                let row = lanes(rows[l], d);
                for t in 0..LANES {
                    sums[l][t] += row[t] * b[t];
                }
            }
        }
        let mut x = b[c];
        for l in 0..LANES {
            x[l] -= sum(&sums[l]);
        }
        // By columns of the diagonal block: no sum over lanes between one entry and the next.
        for l in (0..LANES).rev() {
            let value = x[l];
            for t in 0..LANES {
                let scaled = if t < l { lanes(rows[t], c)[l] * inverse[l] } else { 0.0 };
                x[t] -= value * scaled;
            }
        }
        for l in 0..LANES {
            x[l] *= inverse[l];
        }
        b[c] = x;
    }
}

/// y −= a·x, in whole lanes.
#[inline(always)]
pub fn subtract(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0) {
        for l in 0..LANES {
            y[l] -= a * x[l];
        }
    }
}

/// x ·= a, in whole lanes.
#[inline(always)]
pub fn scale(a: f64, x: &mut [f64]) {
    x.as_chunks_mut::<LANES>().0.iter_mut().for_each(|x| x.iter_mut().for_each(|x| *x *= a));
}

/// (x, y) becomes (c·x + s·y, c·y − s·x), in whole lanes.
#[inline(always)]
pub fn rotate(c: f64, s: f64, x: &mut [f64], y: &mut [f64]) {
    for (x, y) in x.as_chunks_mut::<LANES>().0.iter_mut().zip(y.as_chunks_mut::<LANES>().0) {
        for l in 0..LANES {
            (x[l], y[l]) = (c * x[l] + s * y[l], c * y[l] - s * x[l]);
        }
    }
}
