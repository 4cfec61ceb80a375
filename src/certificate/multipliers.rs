//! [`Multipliers`]: one slope per unit, weights per group: the numbers from which a [`Minorant`](super::Minorant) is made.

use crate::ir::forward::Trace;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Node, NodeId, Op};

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

    /// Whether they have one entry per element of each unit, member of each group and entry of each quadratic form.
    pub fn fits(&self, instance: &Instance) -> bool {
        let nodes = instance.program().nodes();
        let len = |node: &Node| match &node.op {
            Op::Unit { .. } => node.len,
            Op::Group { groups, .. } => groups.members().len(),
            Op::Quadratic { input, .. } => nodes[input.index()].len,
            _ => 0,
        };
        self.slopes.len() == nodes.len() && self.slopes.iter().zip(nodes).all(|(v, node)| v.len() == len(node))
    }

    /// Slopes of a function from those of the same function with constants in place of what is fixed: `place` tells which
    /// node became which, what has no place keeps the slopes of `start`. `None` where the two do not correspond.
    pub(crate) fn unfolded(&self, place: &[Option<NodeId>], start: Multipliers) -> Option<Multipliers> {
        let mut out = start;
        for (own, place) in out.slopes.iter_mut().zip(place) {
            if let Some(place) = place.filter(|_| !own.is_empty()) {
                let there = self.slopes.get(place.index()).filter(|v| v.len() == own.len())?;
                own.copy_from_slice(there);
            }
        }
        Some(out)
    }

    /// As many zeros.
    pub(super) fn zeros(&self) -> Multipliers {
        Multipliers { slopes: self.slopes.iter().map(|v| vec![0.0; v.len()]).collect() }
    }

    /// Adds `n` entries of a node's slopes in `other`: `entry` tells which, and times what.
    pub(super) fn add(&mut self, node: NodeId, other: &Multipliers, entry: impl Fn(usize) -> (usize, f64), n: usize) {
        let (own, other) = (&mut self.slopes[node.index()], &other.slopes[node.index()]);
        (0..n).map(entry).filter(|(_, c)| *c != 0.0).for_each(|(i, c)| own[i] += c * other[i]);
    }
}
