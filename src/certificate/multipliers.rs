//! [`Multipliers`]: one slope per unit, weights per group: the numbers from which a [`Minorant`](super::Minorant) is made.

use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, NodeId, Op};

/// Slopes of units, weights of maxima, log-sum-exps and norms, and the points at which quadratic forms are replaced by their
/// tangents. Any numbers at all are accepted; they are moved to the nearest admissible ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Multipliers {
    slopes: Vec<Vec<f64>>,
}

impl Multipliers {
    /// The subgradient at the point of `trace`: slopes by derivative, at a kink the left one; maxima by their first largest
    /// entry, a log-sum-exp by its softmax, a norm by the direction of its argument (0 at 0).
    pub fn subgradient(instance: &Instance, trace: &Trace) -> Multipliers {
        let slopes = instance.program().nodes().iter().enumerate().map(|(k, node)| match &node.op {
            Op::Unit { input, unit } => {
                let scalars = instance.scalars(unit, node.len);
                trace.of(*input).iter().enumerate().map(|(i, t)| scalars.get(i).derivative(*t)).collect()
            }
            Op::Group { input, kind, groups } => {
                let (t, out) = (trace.of(*input), trace.of(NodeId(k as u32)));
                let mut weights = vec![0.0; groups.members().len()];
                for (g, value) in out.iter().enumerate() {
                    let (group, weights) = (groups.group(g), &mut weights[groups.range(g)]);
                    match kind {
                        GroupKind::Max => weights[group.iter().position(|i| t[*i] == *value).unwrap_or(0)] = 1.0,
                        GroupKind::LogSumExp => {
                            weights.iter_mut().zip(group).for_each(|(w, i)| *w = (t[*i] - value).exp());
                        }
                        GroupKind::Norm if *value == 0.0 => {}
                        GroupKind::Norm => weights.iter_mut().zip(group).for_each(|(w, i)| *w = t[*i] / value),
                    }
                }
                weights
            }
            Op::Quadratic { input, .. } => trace.of(*input).to_vec(),
            _ => vec![],
        });
        Multipliers { slopes: slopes.collect() }
    }

    /// From the slopes of each node, as [`slopes`](Self::slopes) gives them.
    pub fn from_slopes(slopes: Vec<Vec<f64>>) -> Multipliers {
        Multipliers { slopes }
    }

    /// For each node of the program what [`of`](Self::of) gives.
    pub fn slopes(&self) -> &[Vec<f64>] {
        &self.slopes
    }

    /// Sets the slope of one unit.
    pub fn set_slope(&mut self, node: NodeId, element: usize, slope: f64) {
        self.slopes[node.index()][element] = slope;
    }

    /// Sets the weights of one group's members, in the order of the group.
    pub fn set_weights(&mut self, node: NodeId, first: usize, weights: &[f64]) {
        self.slopes[node.index()][first..first + weights.len()].copy_from_slice(weights);
    }

    /// Sets the tangent point of a quadratic form.
    pub fn set_point(&mut self, node: NodeId, point: &[f64]) {
        self.slopes[node.index()].copy_from_slice(point);
    }

    /// The slopes of a unit node, the member weights of a group node, or the tangent point of a quadratic form.
    pub fn of(&self, node: NodeId) -> &[f64] {
        &self.slopes[node.index()]
    }
}
