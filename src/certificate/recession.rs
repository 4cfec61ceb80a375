//! Rays: along a direction d of Y's recession cone, f(y + t·d) has a slope in the limit t → ∞. If it is negative, f is
//! unbounded below on Y, and d is the proof.

use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Op};
use crate::ir::scalar::Scalar;

/// Moves `d` into the recession cone of Y's box by dropping entries that point out of it; `None` if a row of the domain
/// or a learned constraint still forbids it by more than 1e-9 relative to the largest entry.
pub fn recession_direction(domain: &Domain, d: &[f64]) -> Option<Vec<f64>> {
    let size = d.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if size == 0.0 || !size.is_finite() {
        return None;
    }
    let kept: Vec<f64> = d
        .iter()
        .enumerate()
        .map(|(j, v)| {
            let v = if v.abs() <= 1e-9 * size { 0.0 } else { v / size };
            let blocked = (v > 0.0 && domain.upper()[j].is_finite()) || (v < 0.0 && domain.lower()[j].is_finite());
            if blocked { 0.0 } else { v }
        })
        .collect();
    let allowed = domain.rows().iter().all(|row| {
        let rate = row.activity(&kept);
        (row.lower.is_infinite() || rate >= -1e-9) && (row.upper.is_infinite() || rate <= 1e-9)
    });
    let level = |h: &Instance| limit_slope(h, &kept).is_some_and(|rate| rate <= 1e-9);
    let allowed = allowed && domain.sublevels().iter().all(|l| level(&l.function));
    (allowed && kept.iter().any(|v| *v != 0.0)).then_some(kept)
}

/// lim (f(y + t·d) − f(y))/t for t → ∞: one forward pass with units replaced by their outermost slopes. `None` for
/// operations that are not piecewise linear, unless they are constant along d.
pub fn limit_slope(instance: &Instance, d: &[f64]) -> Option<f64> {
    let mut rates: Vec<Vec<f64>> = vec![];
    for node in instance.program().nodes() {
        let v = |id: &crate::ir::program::NodeId| &rates[id.index()];
        let rate = match &node.op {
            Op::Decision => d.to_vec(),
            Op::Param(_) => vec![0.0; node.len],
            Op::Linear { input, map } => map.apply(instance.weights(map), v(input)),
            Op::Scale { input, by } => {
                let entry = |i| instance.entry(*by, i).unwrap_or(f64::NAN);
                v(input).iter().enumerate().map(|(i, r)| r * entry(i)).collect()
            }
            Op::Sum(inputs) => (0..node.len).map(|i| inputs.iter().map(|id| v(id)[i]).sum()).collect(),
            Op::Concat(inputs) => inputs.iter().flat_map(&v).copied().collect(),
            Op::Unit { input, unit } => {
                let scalars = instance.scalars(unit, node.len);
                let mut out = Vec::with_capacity(node.len);
                for (i, r) in v(input).iter().enumerate() {
                    let lines = match scalars.get(i) {
                        Scalar::Lines(lines) => lines,
                        Scalar::Smooth(_) if *r == 0.0 => {
                            out.push(0.0);
                            continue;
                        }
                        _ => return None,
                    };
                    let pieces = lines.pieces();
                    out.push(if *r > 0.0 {
                        r * pieces[pieces.len() - 1].slope
                    } else if *r < 0.0 {
                        r * pieces[0].slope
                    } else {
                        0.0
                    });
                }
                out
            }
            Op::Group { input, kind: GroupKind::Max, groups } => (0..node.len)
                .map(|g| groups.group(g).iter().map(|i| v(input)[*i]).fold(f64::NEG_INFINITY, f64::max))
                .collect(),
            // Constant along d where M·d = 0; elsewhere a convex form grows faster than any slope.
            Op::Quadratic { input, matrix } => {
                let d = v(input);
                let (mut image, mut size) = (vec![0.0; d.len()], 0.0f64);
                for (m, (i, j)) in matrix.iter() {
                    image[i] += m * d[j];
                    image[j] += m * d[i];
                    size = size.max((m * d[j]).abs());
                }
                if image.iter().any(|v| v.abs() > 1e-9 * size) {
                    return None;
                }
                vec![0.0]
            }
            _ => return None,
        };
        rates.push(rate);
    }
    rates.last().and_then(|r| r.first()).copied().filter(|r| r.is_finite())
}
