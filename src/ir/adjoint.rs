//! `Adjoints`: the bookkeeping of a backward pass, shared by the gradient and by the certificate's minorant.

use super::instance::Instance;
use super::linear::LinearMap;
use super::program::{NodeId, Op};

/// ∂f/∂(node) for each node, accumulated from the output down.
pub(crate) struct Adjoints {
    vectors: Vec<Option<Vec<f64>>>,
    lens: Vec<usize>,
    decision: Vec<f64>,
    next: usize,
}

impl Adjoints {
    /// 1 at the output, 0 elsewhere.
    pub fn new(instance: &Instance) -> Adjoints {
        Adjoints::of_entry(instance, instance.program().output(), 0)
    }

    /// 1 at one entry of a node, 0 elsewhere.
    pub fn of_entry(instance: &Instance, node: NodeId, element: usize) -> Adjoints {
        let program = instance.program();
        let lens: Vec<usize> = program.nodes().iter().map(|n| n.len).collect();
        let mut adjoints = Adjoints {
            vectors: vec![None; lens.len()],
            next: lens.len(),
            lens,
            decision: vec![0.0; program.decisions()],
        };
        adjoints.vector(node)[element] = 1.0;
        adjoints
    }

    /// The next node below, with its finished adjoint; nodes that the output does not use are passed over.
    pub fn next(&mut self) -> Option<(NodeId, Vec<f64>)> {
        while self.next > 0 {
            self.next -= 1;
            if let Some(v) = self.vectors[self.next].take() {
                return Some((NodeId(self.next as u32), v));
            }
        }
        None
    }

    /// The adjoint of a node that has not been visited yet, for additions.
    pub fn vector(&mut self, id: NodeId) -> &mut Vec<f64> {
        let len = self.lens[id.index()];
        self.vectors[id.index()].get_or_insert_with(|| vec![0.0; len])
    }

    /// Adds `f(i)` to every entry.
    pub fn add(&mut self, id: NodeId, f: impl Fn(usize) -> f64) {
        self.vector(id).iter_mut().enumerate().for_each(|(i, o)| *o += f(i));
    }

    /// Adds to one entry.
    pub fn add_entry(&mut self, id: NodeId, i: usize, v: f64) {
        self.vector(id)[i] += v;
    }

    /// Passes an adjoint through an operation that is affine in its arguments; returns what parameters contribute to
    /// the constant. Other operations pass nothing.
    pub fn through_affine(&mut self, instance: &Instance, op: &Op, adjoint: &[f64]) -> f64 {
        match op {
            Op::Decision => self.decision.iter_mut().zip(adjoint).for_each(|(o, a)| *o += a),
            Op::Param(p) => {
                return instance.known(*p).map_or(0.0, |v| v.iter().zip(adjoint).map(|(v, a)| v * a).sum());
            }
            Op::Linear { input, map } => add_adjoint(instance, map, adjoint, self.vector(*input)),
            Op::Scale { input, by } => {
                let vector = self.vector(*input);
                match instance.known(*by).unwrap_or(&[]) {
                    [c] => vector.iter_mut().zip(adjoint).for_each(|(o, a)| *o += c * a),
                    by => vector.iter_mut().zip(adjoint).zip(by).for_each(|((o, a), c)| *o += c * a),
                }
            }
            Op::Sum(inputs) => inputs.iter().for_each(|i| self.add(*i, |k| adjoint[k])),
            Op::Concat(inputs) => {
                let mut rest = adjoint;
                for input in inputs {
                    let (head, tail) = rest.split_at(self.lens[input.index()]);
                    rest = tail;
                    self.add(*input, |k| head[k]);
                }
            }
            _ => {}
        }
        0.0
    }

    /// The accumulated ∂f/∂y.
    pub fn into_decision(self) -> Vec<f64> {
        self.decision
    }
}

fn add_adjoint(instance: &Instance, map: &LinearMap, adjoint: &[f64], out: &mut [f64]) {
    map.add_adjoint(instance.weights(map), adjoint, out);
}
