//! Rays: along a direction d of Y's recession cone, f(y + t·d) has a slope in the limit t → ∞. If it is negative, f is
//! unbounded below on Y, and d is the proof.

use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Op};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

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

/// lim (f(y + t·d) − f(y))/t for t → ∞: one forward pass with units replaced by their slopes at ±∞. `None` for operations that
/// have none there, unless they are constant along d.
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
                    out.push(asymptote(scalars.get(i), *r)?);
                }
                out
            }
            // log Σ exp stays within a constant of the maximum.
            Op::Group { input, kind: GroupKind::Max | GroupKind::LogSumExp, groups } => (0..node.len)
                .map(|g| groups.group(g).iter().map(|i| v(input)[*i]).fold(f64::NEG_INFINITY, f64::max))
                .collect(),
            Op::Group { input, kind: GroupKind::Norm, groups } => (0..node.len)
                .map(|g| groups.group(g).iter().map(|i| v(input)[*i].powi(2)).sum::<f64>().sqrt())
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

/// lim g(r·t)/t for t → ∞; `None` where that is infinite or not known.
fn asymptote(g: &Scalar, r: f64) -> Option<f64> {
    if r == 0.0 {
        return Some(0.0);
    }
    match g {
        Scalar::Lines(lines) => {
            let pieces = lines.pieces();
            Some(r * pieces[if r > 0.0 { pieces.len() - 1 } else { 0 }].slope)
        }
        Scalar::Combination(parts) => parts.iter().try_fold(0.0, |sum, (c, s, g)| Some(sum + c * asymptote(g, s * r)?)),
        Scalar::Smooth(Unit::Softplus { .. } | Unit::Elu { .. } | Unit::Celu { .. }) => Some(r.max(0.0)),
        Scalar::Smooth(Unit::Exp) if r < 0.0 => Some(0.0),
        Scalar::Smooth(Unit::Log) if r > 0.0 => Some(0.0),
        Scalar::Smooth(Unit::Power(p)) if r > 0.0 && *p < 1.0 => Some(0.0),
        _ => None,
    }
}
