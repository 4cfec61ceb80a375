//! How far the kinks are from a point, roughly.

use super::program::Kinks;

/// Random directions by which the distance of a kink is estimated; each takes a forward pass.
pub const DIRECTIONS: usize = 4;

/// For each unit the distance of its kink from the point with pre-activations `pre` (m), and its number: |a| over the size of its rates
/// along random directions, in which coordinates move by `scale` (p) and units have `shares` (m).
pub fn distances(kinks: &mut dyn Kinks, shares: &[f64], pre: &[f64], scale: &[f64]) -> Vec<(f64, usize)> {
    let m = pre.len();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut normal = || {
        // A sum of four uniform numbers is normal enough.
        let mut sum = 0.0;
        for _ in 0..4 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            sum += (random >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        }
        sum
    };
    let directions: Vec<f64> =
        (0..DIRECTIONS).flat_map(|_| scale.iter().map(|s| s * normal()).collect::<Vec<_>>()).collect();
    let mut rates = vec![0.0; DIRECTIONS * m];
    kinks.tangents(shares, &directions, &mut rates);
    (0..m)
        .map(|i| {
            let rate = (0..DIRECTIONS).map(|k| f64::from(rates[k * m + i]).powi(2)).sum::<f64>().sqrt();
            (pre[i].abs() / rate.max(f64::MIN_POSITIVE), i)
        })
        .collect()
}
