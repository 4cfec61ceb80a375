//! Dense kernels of the master: dot products with independent accumulators, and Cholesky factors by rows.

/// Accumulators of [`dot`]: enough to fill two vector registers and hide the latency of an addition.
const LANES: usize = 8;

/// aᵀb, in an order that does not depend on anything but the length.
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
pub fn add(a: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// Replaces the lower triangle of the symmetric m×m matrix in `a` (by rows) by its Cholesky factor. A pivot below `least` is
/// raised to it.
pub fn cholesky(a: &mut [f64], m: usize, least: f64) {
    for i in 0..m {
        let (above, row) = a.split_at_mut(i * m);
        for j in 0..i {
            let other = &above[j * m..j * m + j + 1];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).max(least).sqrt();
    }
}

/// Solves L Lᵀ x = b in place.
pub fn solve_factored(l: &[f64], m: usize, b: &mut [f64]) {
    for i in 0..m {
        b[i] = (b[i] - dot(&l[i * m..i * m + i], &b[..i])) / l[i * m + i];
    }
    for i in (0..m).rev() {
        b[i] /= l[i * m + i];
        let (solved, x) = (&l[i * m..i * m + i], b[i]);
        add(-x, solved, &mut b[..i]);
    }
}
