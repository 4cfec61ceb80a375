//! Random linear programs whose answer is known from how they were made.
#![allow(dead_code)]

use icnn_solvers::LinearProgram;
use proptest::prelude::*;

/// How a random program ends, by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Feasible at a known point, with a known dual feasible point: an optimum exists.
    Bounded,
    /// One row contradicts the sum of two others.
    Infeasible,
    /// Feasible, and a known direction lowers the objective for ever.
    Unbounded,
}

/// A small integer divided by a power of two: exact sums, many ties.
fn dyadic() -> impl Strategy<Value = f64> {
    (-16i32..=16, 0u32..3).prop_map(|(k, shift)| f64::from(k) / f64::from(1 << shift))
}

/// Lower and upper bound around a value: none, one or both, at a random distance, 0 included.
fn around(value: f64, [below, above]: [Option<u8>; 2]) -> (f64, f64) {
    let lower = below.map_or(f64::NEG_INFINITY, |gap| value - f64::from(gap) / 4.0);
    let upper = above.map_or(f64::INFINITY, |gap| value + f64::from(gap) / 4.0);
    (lower, upper)
}

/// A multiplier that the bounds around a value allow at that value: of the sign of an active bound.
fn multiplier(size: f64, value: f64, lower: f64, upper: f64) -> f64 {
    match (value == lower, value == upper) {
        (true, true) => size,
        (true, false) => size.abs(),
        (false, true) => -size.abs(),
        (false, false) => 0.0,
    }
}

/// Programs of 1–8 rows and 1–8 columns that end as `kind` says.
pub fn program(kind: Kind) -> impl Strategy<Value = LinearProgram> {
    (1usize..=8, 1usize..=8).prop_flat_map(move |(m, n)| {
        let gaps = prop::collection::vec(prop::array::uniform2(prop::option::of(0u8..6)), m + n);
        let numbers = prop::collection::vec(dyadic(), m * n);
        let zeros = prop::collection::vec(prop::bool::weighted(0.4), m * n);
        let point = prop::collection::vec(dyadic(), n);
        let multipliers = prop::collection::vec(dyadic(), m + n);
        (gaps, numbers, zeros, point, multipliers, dyadic()).prop_map(move |parts| assemble(kind, m, n, parts))
    })
}

type Parts = (Vec<[Option<u8>; 2]>, Vec<f64>, Vec<bool>, Vec<f64>, Vec<f64>, f64);

fn assemble(kind: Kind, m: usize, n: usize, parts: Parts) -> LinearProgram {
    let (gaps, numbers, zeros, point, multipliers, offset) = parts;
    let mut lp = LinearProgram::new(n);
    lp.offset = offset;
    for j in 0..n {
        (lp.column_lower[j], lp.column_upper[j]) = around(point[j], gaps[m + j]);
        lp.objective[j] = multiplier(multipliers[m + j], point[j], lp.column_lower[j], lp.column_upper[j]);
    }
    for i in 0..m {
        let entries: Vec<(usize, f64)> =
            (0..n).map(|j| (j, numbers[i * n + j])).filter(|&(j, a)| a != 0.0 && !zeros[i * n + j]).collect();
        let activity = entries.iter().map(|&(j, a)| a * point[j]).sum();
        let (lower, upper) = around(activity, gaps[i]);
        let y = multiplier(multipliers[i], activity, lower, upper);
        entries.iter().for_each(|&(j, a)| lp.objective[j] += a * y);
        lp.add_row(lower, upper, &entries);
    }
    match kind {
        Kind::Bounded => {}
        Kind::Infeasible => {
            // x_0 + x_last ≥ 1 + (the same) ≥ …: a pair of rows one apart.
            let entries = if n > 1 { vec![(0, 1.0), (n - 1, 0.5)] } else { vec![(0, 1.0)] };
            lp.add_row(2.0, f64::INFINITY, &entries);
            lp.add_row(f64::NEG_INFINITY, 1.0, &entries);
        }
        Kind::Unbounded => {
            // A new column that loosens every row, costs −1 and has no upper bound.
            let mut wider = LinearProgram::new(n + 1);
            wider.objective[..n].copy_from_slice(&lp.objective);
            wider.objective[n] = -1.0;
            wider.column_lower[..n].copy_from_slice(&lp.column_lower);
            wider.column_upper[..n].copy_from_slice(&lp.column_upper);
            wider.column_lower[n] = 0.0;
            for (i, row) in lp.matrix.outer_iterator().enumerate() {
                let mut entries: Vec<(usize, f64)> = row.iter().map(|(j, &a)| (j, a)).collect();
                match (lp.row_lower[i].is_finite(), lp.row_upper[i].is_finite()) {
                    (true, true) => {}
                    (_, false) => entries.push((n, 1.0)),
                    (false, true) => entries.push((n, -1.0)),
                }
                wider.add_row(lp.row_lower[i], lp.row_upper[i], &entries);
            }
            lp = wider;
        }
    }
    lp
}

/// A feasible, bounded program of some size whose solution takes many iterations: minimise the sum of k relu-like
/// maxima over a box, the epigraph of a random convex piecewise linear function.
pub fn large(columns: usize, rows: usize) -> LinearProgram {
    let mut state = 1u64;
    let mut random = move || {
        // Knuth's linear congruential generator, upper bits.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let n = columns + rows;
    let mut lp = LinearProgram::new(n);
    lp.column_lower[..columns].fill(-1.0);
    lp.column_upper[..columns].fill(1.0);
    lp.column_lower[columns..].fill(0.0);
    lp.objective[columns..].fill(1.0);
    let (mut indices, mut values, mut starts) = (Vec::new(), Vec::new(), vec![0]);
    for i in 0..rows {
        indices.extend(0..columns);
        values.extend((0..columns).map(|_| random()));
        indices.push(columns + i);
        values.push(1.0);
        starts.push(indices.len());
        lp.row_lower.push(random());
        lp.row_upper.push(f64::INFINITY);
    }
    lp.matrix = sprs::CsMat::new((rows, n), starts, indices, values);
    lp
}
