//! Slopes of a convex combination of tangents: a bound from cuts as one backward pass.
//!
//! The tangent at a point has multipliers λ = α·w, slope times weight with which a unit enters f. Multipliers may be averaged,
//! and so may weights, which depend on the multipliers above linearly. So the slope of a unit in the
//! combination is the average of its slopes, weighted by θₖ·wₖ. Its minorant is nowhere below the combination of the
//! tangents: a conjugate is convex.

use crate::certificate::Multipliers;
use crate::ir::adjoint::Adjoints;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::lower::oracle::errors;

/// The slopes behind Σ θₖ·(tangent at yₖ), θ ≥ 0; `None` without a point, and where f has no finite value at one.
pub fn averaged<'a>(instance: &Instance, points: impl IntoIterator<Item = (f64, &'a [f64])>) -> Option<Multipliers> {
    let nodes = instance.program().nodes();
    let mut sums: Option<Multipliers> = None;
    let mut weights: Vec<Vec<f64>> = nodes.iter().map(|node| vec![0.0; node.len]).collect();
    let mut found: Option<Multipliers> = None;
    let (mut count, mut points) = (0, points.into_iter().peekable());
    while let Some((theta, y)) = points.next() {
        // The sides of kinks on which the oracle saw the point, whose tangents these are.
        let trace = errors::trace(instance, y).or_else(|| instance.forward(y).ok())?;
        let slopes = Multipliers::subgradient(instance, &trace);
        if count == 0 && points.peek().is_none() {
            return Some(slopes);
        }
        count += 1;
        let sums = sums.get_or_insert_with(|| slopes.zeros());
        let mut adjoints = Adjoints::new(instance);
        while let Some((id, adjoint)) = adjoints.next() {
            let op = &nodes[id.index()].op;
            match op {
                Op::Unit { .. } => sums.add(id, &slopes, |i| (i, theta * adjoint[i]), nodes[id.index()].len),
                Op::Group { groups, .. } => {
                    for (g, a) in adjoint.iter().enumerate() {
                        let (first, members) = (groups.range(g).start, groups.range(g).len());
                        sums.add(id, &slopes, |k| (first + k, theta * a), members);
                    }
                }
                Op::Quadratic { .. } => sums.add(id, &slopes, |i| (i, theta * adjoint[0]), slopes.of(id).len()),
                _ => {}
            }
            weights[id.index()].iter_mut().zip(&adjoint).for_each(|(w, a)| *w += theta * a);
            instance.gradient_step(&mut adjoints, &trace, id, op, &adjoint);
        }
        found = Some(slopes);
    }
    let (mut found, sums) = (found?, sums?);
    for (k, node) in nodes.iter().enumerate() {
        let (id, weights) = (NodeId(k as u32), &weights[k]);
        let of = |entry: usize, weight: f64| (weight != 0.0).then(|| sums.of(id)[entry] / weight);
        match &node.op {
            Op::Unit { .. } => {
                (0..node.len).for_each(|i| of(i, weights[i]).into_iter().for_each(|s| found.set_slope(id, i, s)));
            }
            Op::Group { groups, .. } => {
                for (g, w) in weights.iter().enumerate() {
                    groups.range(g).for_each(|k| of(k, *w).into_iter().for_each(|s| found.set_slope(id, k, s)));
                }
            }
            Op::Quadratic { .. } => {
                let entries = sums.of(id).len();
                (0..entries).for_each(|i| of(i, weights[0]).into_iter().for_each(|s| found.set_slope(id, i, s)));
            }
            _ => {}
        }
    }
    Some(found)
}
