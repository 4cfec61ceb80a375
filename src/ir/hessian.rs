//! ∇²f at a point, for some of the coordinates: the Jacobian of every node forward, the curvature of every unit with its
//! weight on top. Exact up to rounding where f has a second derivative; kinks count as straight.

use super::adjoint::Adjoints;
use super::forward::Trace;
use super::instance::Instance;
use super::program::{GroupKind, NodeId, Op};
use super::scalar::{Scalar, sigmoid};
use super::unit::Unit;

/// Most multiplications that are done for one Hessian.
const LARGEST: usize = 500_000_000;

/// Rows of k numbers each.
#[derive(Debug, Clone)]
struct Rows {
    k: usize,
    data: Vec<f64>,
}

impl Rows {
    fn zeros(len: usize, k: usize) -> Rows {
        Rows { k, data: vec![0.0; len * k] }
    }

    fn of(&self, i: usize) -> &[f64] {
        &self.data[i * self.k..(i + 1) * self.k]
    }

    /// Row i += c·v
    fn add(&mut self, i: usize, c: f64, v: &[f64]) {
        self.data[i * self.k..(i + 1) * self.k].iter_mut().zip(v).for_each(|(o, v)| *o += c * v);
    }

    /// += c·u·vᵀ
    fn add_outer(&mut self, c: f64, u: &[f64], v: &[f64]) {
        if c != 0.0 {
            u.iter().enumerate().filter(|(_, u)| **u != 0.0).for_each(|(i, u)| self.add(i, c * u, v));
        }
    }
}

impl Instance {
    /// The rows and columns of ∇²f for the coordinates `free` (k of them), row-major, k × k; `None` for operations without
    /// a rule here, and where it would take too long.
    pub fn hessian(&self, trace: &Trace, free: &[usize]) -> Option<Vec<f64>> {
        let nodes = self.program().nodes();
        let k = free.len();
        let mut adjoints: Vec<Option<Vec<f64>>> = vec![None; nodes.len()];
        let mut pass = Adjoints::new(self);
        while let Some((id, adjoint)) = pass.next() {
            self.gradient_step(&mut pass, trace, id, &nodes[id.index()].op, &adjoint);
            adjoints[id.index()] = Some(adjoint);
        }
        let products: usize = nodes
            .iter()
            .map(|node| match &node.op {
                Op::Linear { input, .. } => node.len.saturating_mul(nodes[input.index()].len),
                Op::Unit { .. } | Op::Group { .. } => node.len.saturating_mul(k),
                _ => node.len,
            })
            .fold(0, usize::saturating_add);
        if products.saturating_mul(k) > LARGEST {
            return None;
        }
        let mut hessian = Rows::zeros(k, k);
        let mut all: Vec<Rows> = Vec::with_capacity(nodes.len());
        for (n, node) in nodes.iter().enumerate() {
            let id = NodeId(n as u32);
            // A node that f does not use here needs no derivative.
            let Some(a) = &adjoints[n] else {
                all.push(Rows::zeros(node.len, k));
                continue;
            };
            let out = self.jacobian(id, &node.op, trace, &all, free, a, &mut hessian)?;
            all.push(out);
        }
        hessian.data.iter().all(|v| v.is_finite()).then_some(hessian.data)
    }

    /// The Jacobian of one node; its curvature, times its adjoint `a`, is added to the Hessian.
    #[allow(clippy::too_many_arguments)]
    fn jacobian(
        &self,
        id: NodeId,
        op: &Op,
        trace: &Trace,
        all: &[Rows],
        free: &[usize],
        a: &[f64],
        hessian: &mut Rows,
    ) -> Option<Rows> {
        let of = |id: &NodeId| &all[id.index()];
        let mut out = Rows::zeros(a.len(), free.len());
        match op {
            Op::Decision => free.iter().enumerate().for_each(|(column, j)| out.data[j * free.len() + column] = 1.0),
            Op::Param(_) => {}
            Op::Linear { input, map } => map.visit(self.weights(map), |i, j, w| out.add(i, w, of(input).of(j))),
            Op::Scale { input, by } => {
                for i in 0..a.len() {
                    out.add(i, self.entry(*by, i)?, of(input).of(i));
                }
            }
            Op::Sum(inputs) => {
                let inner = inputs.iter().map(|id| &of(id).data);
                inner.for_each(|v| out.data.iter_mut().zip(v).for_each(|(o, v)| *o += v));
            }
            Op::Concat(inputs) => out.data = inputs.iter().flat_map(|id| &of(id).data).copied().collect(),
            Op::Unit { input, unit } => {
                let (scalars, inner) = (self.scalars(unit, a.len()), of(input));
                for (i, t) in trace.of(*input).iter().enumerate() {
                    let g = scalars.get(i);
                    out.add(i, g.derivative(*t), inner.of(i));
                    hessian.add_outer(a[i] * g.second_derivative(*t), inner.of(i), inner.of(i));
                }
            }
            Op::Group { input, kind, groups } => {
                let (inner, t) = (of(input), trace.of(*input));
                for (g, value) in trace.of(id).iter().enumerate() {
                    // The Hessian of the group is c·(Σ w·eeᵀ − s·sᵀ), s its gradient.
                    let (c, each): (f64, fn(f64) -> f64) = match kind {
                        GroupKind::Max => (0.0, |_| 0.0),
                        GroupKind::LogSumExp => (1.0, |s| s),
                        GroupKind::Norm => (if *value > 0.0 { 1.0 / value } else { 0.0 }, |_| 1.0),
                    };
                    let first = groups.group(g).iter().position(|i| t[*i] == *value);
                    for (k, i) in groups.group(g).iter().enumerate() {
                        let s = match kind {
                            GroupKind::Max => f64::from(u8::from(first == Some(k))),
                            GroupKind::LogSumExp => (t[*i] - value).exp(),
                            GroupKind::Norm if *value > 0.0 => t[*i] / value,
                            GroupKind::Norm => 0.0,
                        };
                        out.add(g, s, inner.of(*i));
                        hessian.add_outer(a[g] * c * each(s), inner.of(*i), inner.of(*i));
                    }
                    let whole = out.of(g).to_vec();
                    hessian.add_outer(-a[g] * c, &whole, &whole);
                }
            }
            Op::Quadratic { input, matrix } => {
                let (inner, t) = (of(input), trace.of(*input));
                for (m, (i, j)) in matrix.iter() {
                    out.add(0, m * t[j], inner.of(i));
                    out.add(0, m * t[i], inner.of(j));
                    hessian.add_outer(a[0] * m, inner.of(i), inner.of(j));
                    hessian.add_outer(a[0] * m, inner.of(j), inner.of(i));
                }
            }
            Op::Product(left, right) => {
                let (l, r) = (of(left), of(right));
                for (i, a) in a.iter().enumerate() {
                    out.add(i, trace.of(*right)[i], l.of(i));
                    out.add(i, trace.of(*left)[i], r.of(i));
                    hessian.add_outer(*a, l.of(i), r.of(i));
                    hessian.add_outer(*a, r.of(i), l.of(i));
                }
            }
            Op::Quotient(..) | Op::Select { .. } => return None,
        }
        Some(out)
    }
}

impl Scalar {
    /// g″(t), 0 at kinks.
    pub fn second_derivative(&self, t: f64) -> f64 {
        match self {
            Scalar::Lines(_) => 0.0,
            Scalar::Combination(parts) => parts.iter().map(|(c, s, g)| c * s * s * g.second_derivative(s * t)).sum(),
            Scalar::Unknown => f64::NAN,
            Scalar::Smooth(unit) => match unit {
                Unit::Softplus { beta, .. } => beta * sigmoid(beta * t) * sigmoid(-beta * t),
                Unit::Elu { .. } | Unit::Celu { .. } if t > 0.0 => 0.0,
                Unit::Elu { alpha } => alpha * t.exp(),
                Unit::Celu { alpha } => (t / alpha).exp() / alpha,
                Unit::Exp => t.exp(),
                Unit::Log => -1.0 / (t * t),
                Unit::Entropy => 1.0 / t,
                Unit::Power(2.0) => 2.0,
                Unit::Power(p) => p * (p - 1.0) * t.powf(p - 2.0),
                Unit::Sigmoid => sigmoid(t) * sigmoid(-t) * (sigmoid(-t) - sigmoid(t)),
                Unit::Tanh => -2.0 * t.tanh() * (1.0 - t.tanh().powi(2)),
                Unit::Erf => -2.0 * t * self.derivative(t),
                Unit::Sin => -t.sin(),
                Unit::Cos => -t.cos(),
                Unit::Atan => -2.0 * t / (1.0 + t * t).powi(2),
                Unit::Softsign => -2.0 * t.signum() / (1.0 + t.abs()).powi(3),
                _ => 0.0,
            },
        }
    }
}
