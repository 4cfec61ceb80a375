//! Forward and backward passes of an [`Instance`]: the value of f, every pre-activation, and the gradient in y.

use super::adjoint::Adjoints;
use super::instance::Instance;
use super::program::{GroupKind, NodeId, Op};
use super::scalar::Scalar;
use crate::error::Error;

/// The values of all nodes at one point.
#[derive(Debug, Clone)]
pub struct Trace {
    values: Vec<Vec<f64>>,
}

impl Trace {
    /// From the vectors of all nodes.
    pub(crate) fn from_values(values: Vec<Vec<f64>>) -> Trace {
        Trace { values }
    }

    /// The vector of a node.
    pub fn of(&self, id: NodeId) -> &[f64] {
        &self.values[id.index()]
    }

    /// f(y)
    pub fn value(&self) -> f64 {
        self.values.last().and_then(|v| v.first()).copied().unwrap_or(f64::NAN)
    }
}

impl Instance {
    /// The function of element `i` of a unit node.
    pub fn scalar(&self, unit: &super::unit::Unit, i: usize) -> Scalar {
        unit.scalar(i, &|p, i| self.entry(p, i))
    }

    /// One scalar per element, or a single shared one where elements do not differ.
    pub fn scalars(&self, unit: &super::unit::Unit, len: usize) -> Scalars {
        if unit.params().iter().all(|p| self.program().params()[p.index()].len == 1) {
            Scalars::Shared(self.scalar(unit, 0))
        } else {
            Scalars::Each((0..len).map(|i| self.scalar(unit, i)).collect())
        }
    }

    /// Evaluates every node at y (length p).
    ///
    /// Errors: wrong length, an entry that is not finite, an open context, or a value that leaves f64.
    pub fn forward(&self, y: &[f64]) -> Result<Trace, Error> {
        if y.len() != self.decisions() {
            return Err(Error::Point(format!("y has {} entries, the network takes {}", y.len(), self.decisions())));
        }
        if let Some(j) = y.iter().position(|v| !v.is_finite()) {
            return Err(Error::Point(format!("y[{j}] is {}", y[j])));
        }
        if !self.is_given() {
            return Err(Error::Context("the network needs a context row before it can be evaluated".into()));
        }
        let program = self.program();
        let mut trace = Trace { values: Vec::with_capacity(program.nodes().len()) };
        for (k, node) in program.nodes().iter().enumerate() {
            let v = self.node_value(&node.op, node.len, &trace, y);
            if let Some(value) = v.iter().find(|e| !e.is_finite()) {
                return Err(Error::NotFinite { node: program.describe(NodeId(k as u32)), value: *value });
            }
            trace.values.push(v);
        }
        Ok(trace)
    }

    fn node_value(&self, op: &Op, len: usize, trace: &Trace, y: &[f64]) -> Vec<f64> {
        match op {
            Op::Decision => y.to_vec(),
            Op::Param(p) => self.known(*p).unwrap_or(&[]).to_vec(),
            Op::Linear { input, map } => map.apply(self.weights(map), trace.of(*input)),
            Op::Scale { input, by } => {
                let v = trace.of(*input);
                match self.known(*by).unwrap_or(&[]) {
                    [c] => v.iter().map(|e| c * e).collect(),
                    by => v.iter().zip(by).map(|(e, c)| c * e).collect(),
                }
            }
            Op::Sum(inputs) => {
                let mut out = vec![0.0; len];
                for input in inputs {
                    out.iter_mut().zip(trace.of(*input)).for_each(|(o, e)| *o += e);
                }
                out
            }
            Op::Concat(inputs) => inputs.iter().flat_map(|i| trace.of(*i)).copied().collect(),
            Op::Unit { input, unit } => {
                let scalars = self.scalars(unit, len);
                trace.of(*input).iter().enumerate().map(|(i, t)| scalars.get(i).value(*t)).collect()
            }
            Op::Group { input, kind, groups } => {
                let v = trace.of(*input);
                (0..len).map(|g| group_value(*kind, groups.group(g).iter().map(|i| v[*i]))).collect()
            }
            Op::Quadratic { input, matrix } => {
                let v = trace.of(*input);
                vec![matrix.iter().map(|(m, (i, j))| m * v[i] * v[j]).sum()]
            }
            Op::Product(a, b) => trace.of(*a).iter().zip(trace.of(*b)).map(|(a, b)| a * b).collect(),
            Op::Quotient(a, b) => trace.of(*a).iter().zip(trace.of(*b)).map(|(a, b)| a / b).collect(),
            Op::Select { test, strict, then, otherwise } => (0..len)
                .map(|i| {
                    let chosen = if holds(trace.of(*test)[i], *strict) { then } else { otherwise };
                    trace.of(*chosen)[i]
                })
                .collect(),
        }
    }

    /// ∇f at the point of `trace` (length p); at kinks the slope on the left, and in a maximum the first largest entry.
    pub fn gradient(&self, trace: &Trace) -> Vec<f64> {
        let mut adjoints = Adjoints::new(self);
        while let Some((id, adjoint)) = adjoints.next() {
            self.gradient_step(&mut adjoints, trace, id, &self.program().node(id).op, &adjoint);
        }
        adjoints.into_decision()
    }

    /// Passes an adjoint through one operation, linearised at the point of `trace`.
    pub(crate) fn gradient_step(&self, adjoints: &mut Adjoints, trace: &Trace, id: NodeId, op: &Op, adjoint: &[f64]) {
        let v = |id: NodeId| trace.of(id);
        match op {
            Op::Unit { input, unit } => {
                let scalars = self.scalars(unit, adjoint.len());
                let t = v(*input);
                adjoints.add(*input, |i| adjoint[i] * scalars.get(i).derivative(t[i]));
            }
            Op::Group { input, kind, groups } => {
                let (t, out) = (v(*input), v(id));
                for (g, a) in adjoint.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                    let group = groups.group(g);
                    match kind {
                        GroupKind::Max => {
                            if let Some(first) = group.iter().find(|i| t[**i] == out[g]) {
                                adjoints.add_entry(*input, *first, *a);
                            }
                        }
                        GroupKind::LogSumExp => {
                            group.iter().for_each(|i| adjoints.add_entry(*input, *i, a * (t[*i] - out[g]).exp()));
                        }
                        GroupKind::Norm if out[g] > 0.0 => {
                            group.iter().for_each(|i| adjoints.add_entry(*input, *i, a * t[*i] / out[g]));
                        }
                        GroupKind::Norm => {}
                    }
                }
            }
            Op::Quadratic { input, matrix } => {
                let t = v(*input);
                for (m, (i, j)) in matrix.iter() {
                    adjoints.add_entry(*input, i, adjoint[0] * m * t[j]);
                    adjoints.add_entry(*input, j, adjoint[0] * m * t[i]);
                }
            }
            Op::Product(a, b) => {
                adjoints.add(*a, |i| adjoint[i] * v(*b)[i]);
                adjoints.add(*b, |i| adjoint[i] * v(*a)[i]);
            }
            Op::Quotient(a, b) => {
                adjoints.add(*a, |i| adjoint[i] / v(*b)[i]);
                adjoints.add(*b, |i| -adjoint[i] * v(*a)[i] / (v(*b)[i] * v(*b)[i]));
            }
            Op::Select { test, strict, then, otherwise } => {
                let t = v(*test);
                adjoints.add(*then, |i| if holds(t[i], *strict) { adjoint[i] } else { 0.0 });
                adjoints.add(*otherwise, |i| if holds(t[i], *strict) { 0.0 } else { adjoint[i] });
            }
            _ => {
                adjoints.through_affine(self, op, adjoint);
            }
        }
    }
}

/// The elementwise functions of one unit node.
#[derive(Debug)]
pub enum Scalars {
    /// The same for all elements.
    Shared(Scalar),
    /// One per element.
    Each(Vec<Scalar>),
}

impl Scalars {
    /// That of element `i`.
    pub fn get(&self, i: usize) -> &Scalar {
        match self {
            Scalars::Shared(s) => s,
            Scalars::Each(all) => &all[i],
        }
    }
}

pub(crate) fn holds(test: f64, strict: bool) -> bool {
    if strict { test > 0.0 } else { test >= 0.0 }
}

pub(crate) fn group_value(kind: GroupKind, members: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = members.clone().fold(f64::NEG_INFINITY, f64::max);
    match kind {
        GroupKind::Max => largest,
        GroupKind::LogSumExp => largest + members.map(|m| (m - largest).exp()).sum::<f64>().ln(),
        GroupKind::Norm => {
            let size = members.clone().fold(0.0f64, |m, v| m.max(v.abs()));
            if size == 0.0 { 0.0 } else { size * members.map(|m| (m / size) * (m / size)).sum::<f64>().sqrt() }
        }
    }
}
