//! From a [`Builder`] to a [`Program`] and back: what the output does not use is left behind.

use std::collections::HashMap;

use super::builder::{Builder, Built};
use super::context::{ContextArgument, ContextProgram, ContextValue};
use super::linear::LinearMap;
use super::program::{Node, NodeId, Op, Param, ParamId, ParamSource, Program};
use super::unit::{Term, Unit};

impl Builder {
    /// The finished program with the single-entry node `output` as its value; nodes and parameters it does not use are gone.
    pub fn finish(&self, output: NodeId) -> Built<Program> {
        if self.len(output) != 1 {
            return Err(format!("the output {output} has {} entries, one is needed", self.len(output)));
        }
        let mut used = vec![false; self.nodes.len()];
        used[output.index()] = true;
        for k in (0..=output.index()).rev() {
            if used[k] {
                self.nodes[k].op.inputs().iter().for_each(|i| used[i.index()] = true);
            }
        }
        used[0] = true;
        let mut nodes: Vec<Node> = vec![];
        let mut place = vec![NodeId(0); self.nodes.len()];
        let mut params = Params { old: &self.params, new: vec![], place: vec![None; self.params.len()] };
        for (k, node) in self.nodes.iter().enumerate().filter(|(k, _)| used[*k]) {
            place[k] = NodeId(nodes.len() as u32);
            let op = remapped(&node.op, &|id| place[id.index()], &mut |p| params.keep(p));
            nodes.push(Node { op, ..node.clone() });
        }
        if place[output.index()].index() + 1 != nodes.len() {
            return Err("the output is not the last node".into());
        }
        let mut params = params.new;
        let context = used_context(&self.context, &mut params);
        Ok(Program {
            nodes,
            params,
            context,
            decision_name: self.decision_name.clone(),
            decision_shape: self.decision_shape.clone(),
            derived: Default::default(),
        })
    }
}

/// The parameters kept by `finish`, renumbered in order of use.
struct Params<'a> {
    old: &'a [Param],
    new: Vec<Param>,
    place: Vec<Option<ParamId>>,
}

impl Params<'_> {
    fn keep(&mut self, id: ParamId) -> ParamId {
        if let Some(kept) = self.place[id.index()] {
            return kept;
        }
        self.new.push(self.old[id.index()].clone());
        let kept = ParamId(self.new.len() as u32 - 1);
        self.place[id.index()] = Some(kept);
        kept
    }
}

/// An operation with its nodes and parameters replaced.
pub(crate) fn remapped(op: &Op, to: &dyn Fn(NodeId) -> NodeId, param: &mut dyn FnMut(ParamId) -> ParamId) -> Op {
    let all = |ids: &[NodeId]| ids.iter().map(|i| to(*i)).collect();
    match op {
        Op::Decision => Op::Decision,
        Op::Param(p) => Op::Param(param(*p)),
        Op::Linear { input, map } => {
            let mut map = map.clone();
            if let LinearMap::Dense { weight, .. } | LinearMap::Convolution { weight, .. } = &mut map {
                *weight = param(*weight);
            }
            Op::Linear { input: to(*input), map }
        }
        Op::Scale { input, by } => Op::Scale { input: to(*input), by: param(*by) },
        Op::Sum(ids) => Op::Sum(all(ids)),
        Op::Concat(ids) => Op::Concat(all(ids)),
        Op::Unit { input, unit } => Op::Unit { input: to(*input), unit: remapped_unit(unit, param) },
        Op::Group { input, kind, groups } => Op::Group { input: to(*input), kind: *kind, groups: groups.clone() },
        Op::Quadratic { input, matrix } => Op::Quadratic { input: to(*input), matrix: matrix.clone() },
        Op::Product(a, b) => Op::Product(to(*a), to(*b)),
        Op::Quotient(a, b) => Op::Quotient(to(*a), to(*b)),
        Op::Select { test, strict, then, otherwise } => {
            Op::Select { test: to(*test), strict: *strict, then: to(*then), otherwise: to(*otherwise) }
        }
    }
}

fn remapped_unit(unit: &Unit, param: &mut dyn FnMut(ParamId) -> ParamId) -> Unit {
    match unit {
        Unit::Leaky(p) => Unit::Leaky(param(*p)),
        Unit::Combination(terms) => Unit::Combination(
            terms
                .iter()
                .map(|t| Term { weight: param(t.weight), inner: t.inner, unit: remapped_unit(&t.unit, param) })
                .collect(),
        ),
        other => other.clone(),
    }
}

impl Builder {
    /// Goes on building where a finished program stopped.
    pub fn from_program(program: &Program) -> Builder {
        Builder {
            nodes: program.nodes.clone(),
            params: program.params.clone(),
            context: program.context.clone(),
            decision_name: program.decision_name.clone(),
            decision_shape: program.decision_shape.clone(),
            known: HashMap::new(),
            small: HashMap::new(),
            memory: 0,
            origin: String::new(),
        }
    }

    /// The program of minus its last node.
    pub(crate) fn finish_negated(mut self) -> Program {
        let output = NodeId(self.nodes.len() as u32 - 1);
        let by = self.constant("", vec![-1.0]);
        self.nodes.push(Node { op: Op::Scale { input: output, by }, len: 1, shape: vec![1], name: String::new() });
        Program {
            nodes: self.nodes,
            params: self.params,
            context: self.context,
            decision_name: self.decision_name,
            decision_shape: self.decision_shape,
            derived: Default::default(),
        }
    }
}

/// The steps of the x-path that some parameter needs, renumbered; the parameters follow.
fn used_context(context: &ContextProgram, params: &mut [Param]) -> ContextProgram {
    let mut used = vec![false; context.steps.len()];
    let mark = |value: &ContextValue, used: &mut Vec<bool>| {
        if let ContextValue::Step { step, .. } = value {
            used[*step] = true;
        }
    };
    for param in params.iter() {
        if let ParamSource::Context { value, .. } = &param.source {
            mark(value, &mut used);
        }
    }
    for k in (0..context.steps.len()).rev() {
        if used[k] {
            for argument in context.steps[k].arguments.iter().flatten() {
                if let ContextArgument::Value(value) = argument {
                    mark(value, &mut used);
                }
            }
        }
    }
    let mut place = vec![0; context.steps.len()];
    let mut kept = ContextProgram { steps: vec![], ..context.clone() };
    let moved = |value: &mut ContextValue, place: &[usize]| {
        if let ContextValue::Step { step, .. } = value {
            *step = place[*step];
        }
    };
    for (k, step) in context.steps.iter().enumerate().filter(|(k, _)| used[*k]) {
        place[k] = kept.steps.len();
        let mut step = step.clone();
        for argument in step.arguments.iter_mut().flatten() {
            if let ContextArgument::Value(value) = argument {
                moved(value, &place);
            }
        }
        kept.steps.push(step);
    }
    for param in params {
        if let ParamSource::Context { value, .. } = &mut param.source {
            moved(value, &place);
        }
    }
    kept
}
