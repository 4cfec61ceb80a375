//! The size of the numbers that are added up on the way to f(y): a forward pass with |weights| and |slopes|. Rounding can
//! change f(y) by a small multiple of ε times this, however small f(y) itself is.

use super::forward::Trace;
use super::instance::Instance;
use super::linear::LinearMap;
use super::program::{GroupKind, NodeId, Op};
use super::scalar::Scalar;

impl Instance {
    /// The size of the terms that make up f at the point of `trace`, with `decision` for |y| (length p); infinite or NaN
    /// where that overflows.
    pub fn magnitude(&self, trace: &Trace, decision: &[f64]) -> f64 {
        let mut sizes: Vec<Vec<f64>> = Vec::with_capacity(self.program().nodes().len());
        for (k, node) in self.program().nodes().iter().enumerate() {
            let (size, value) = (|id: &NodeId| &sizes[id.index()], |id: &NodeId| trace.of(*id));
            let here = trace.of(NodeId(k as u32)).iter().map(|v| v.abs());
            let of_node: Vec<f64> = match &node.op {
                Op::Decision => decision.to_vec(),
                Op::Param(_) => here.collect(),
                Op::Linear { input, map: LinearMap::Gather { index, .. } } => {
                    index.iter().map(|j| size(input)[*j]).collect()
                }
                Op::Linear { input, map } => {
                    let mut out = vec![0.0; node.len];
                    map.visit(self.weights(map), |i, j, w| out[i] += w.abs() * size(input)[j]);
                    out
                }
                Op::Scale { input, by } => {
                    let factor = |i| self.entry(*by, i).unwrap_or(f64::NAN).abs();
                    size(input).iter().enumerate().map(|(i, s)| factor(i) * s).collect()
                }
                Op::Sum(inputs) => (0..node.len).map(|i| inputs.iter().map(|id| size(id)[i]).sum()).collect(),
                Op::Concat(inputs) => inputs.iter().flat_map(size).copied().collect(),
                Op::Unit { input, unit } => {
                    let scalars = self.scalars(unit, node.len);
                    let of_entry = |(i, value): (usize, f64)| match scalars.get(i) {
                        // At a kink either slope may be the one that matters.
                        Scalar::Lines(lines) => {
                            let pieces = lines.pieces().iter();
                            pieces.map(|p| p.slope.abs() * size(input)[i] + p.intercept.abs()).fold(value, f64::max)
                        }
                        scalar => {
                            // Where the slope is 0, that of the place to which rounding moves the argument.
                            let (t, off) = (trace.of(*input)[i], f64::EPSILON * size(input)[i]);
                            let slope = [t, t - off, t + off].map(|t| scalar.derivative(t).abs());
                            value + slope.into_iter().fold(0.0, f64::max) * size(input)[i]
                        }
                    };
                    here.enumerate().map(of_entry).collect()
                }
                Op::Group { input, kind, groups } => {
                    let members = |g: usize| groups.group(g).iter().map(|i| size(input)[*i]);
                    let of_group = |(g, value): (usize, f64)| match kind {
                        GroupKind::Max | GroupKind::LogSumExp => members(g).fold(value, f64::max),
                        GroupKind::Norm => members(g).sum(),
                    };
                    here.enumerate().map(of_group).collect()
                }
                Op::Quadratic { input, matrix } => {
                    vec![matrix.iter().map(|(m, (i, j))| m.abs() * size(input)[i] * size(input)[j]).sum()]
                }
                Op::Product(a, b) => size(a).iter().zip(size(b)).map(|(a, b)| a * b).collect(),
                Op::Quotient(a, b) => {
                    let of_entry =
                        |i: usize| (size(a)[i] + (value(a)[i] / value(b)[i]).abs() * size(b)[i]) / value(b)[i].abs();
                    (0..node.len).map(of_entry).collect()
                }
                Op::Select { then, otherwise, .. } => {
                    size(then).iter().zip(size(otherwise)).map(|(a, b)| a.max(*b)).collect()
                }
            };
            sizes.push(of_node);
        }
        sizes.last().and_then(|s| s.first()).copied().unwrap_or(f64::NAN)
    }
}
