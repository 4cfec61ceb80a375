//! Reading the multipliers of cones back as slopes of units.

use super::{Conic, Reading};
use crate::certificate::Multipliers;
use crate::ir::instance::Instance;
use crate::ir::program::Op;

/// A height whose multiplier is below this share of the largest one has no weight: its slope stays open.
const NEGLIGIBLE: f64 = 1e-14;

impl Conic {
    /// Replaces the slopes in `start` by those that the multipliers choose: of rows and columns as for
    /// [`Linear::slopes`](crate::lower::Linear::slopes), and `cones`, one per cone row. Where the multipliers of a unit
    /// vanish, `start` stays. `function` is 0 for f, k + 1 for the domain's learned constraint k, `instance` that function.
    pub fn slopes(
        &self,
        function: usize,
        instance: &Instance,
        (rows, columns, cones): (&[f64], &[f64], &[f64]),
        start: Multipliers,
    ) -> Multipliers {
        let mut out = self.linear.slopes(function, instance, rows, columns, start);
        if cones.len() != self.cones.iter().map(|c| c.rows.len()).sum::<usize>() {
            return out;
        }
        let largest = cones.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let total = |terms: &[(usize, f64)]| terms.iter().map(|(row, c)| cones[*row] * c).sum::<f64>();
        let weight = |terms: &[(usize, f64)]| {
            let w = total(terms);
            (w.abs() > NEGLIGIBLE * largest && w.is_finite()).then_some(w)
        };
        for unit in self.smooth.iter().filter(|u| u.function == function) {
            match &unit.reading {
                Reading::Slope { fixed, parts } => {
                    let slope = parts.iter().try_fold(*fixed, |sum, part| {
                        Some(sum - part.weight * total(&part.argument) / weight(&part.height)?)
                    });
                    slope.into_iter().for_each(|s| out.set_slope(unit.node, unit.element, s));
                }
                Reading::Weights { height, members } => {
                    let Some(w) = weight(height) else { continue };
                    let Op::Group { groups, .. } = &instance.program().node(unit.node).op else { continue };
                    let weights: Vec<f64> = members.iter().map(|row| -cones[*row] / w).collect();
                    out.set_weights(unit.node, groups.range(unit.element).start, &weights);
                }
                Reading::Point { height, rows, directions } => {
                    let Some(w) = weight(&[(height[0], 1.0), (height[1], 1.0)]) else { continue };
                    // The slope along t is 2BᵀBp: any p with Bp = −z/w will do; move the given one there.
                    let mut point = out.of(unit.node).to_vec();
                    for (row, direction) in rows.iter().zip(directions) {
                        let square: f64 = direction.iter().map(|(_, d)| d * d).sum();
                        let now: f64 = direction.iter().map(|(i, d)| point[*i] * d / square).sum();
                        let shift = -cones[*row] / w - now;
                        direction.iter().for_each(|(i, d)| point[*i] += shift * d);
                    }
                    out.set_point(unit.node, &point);
                }
            }
        }
        out
    }
}
