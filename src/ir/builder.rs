//! [`Builder`]: makes a [`Program`] node by node. Sizes are checked, equal nodes are shared, identities vanish.

use std::collections::HashMap;
use std::sync::Arc;

use sprs::CsMat;

use super::context::ContextProgram;
use super::linear::LinearMap;
use super::program::{GroupKind, Groups, Node, NodeId, Op, Param, ParamId, ParamSource, Program};
use super::unit::{Term, Unit};

/// A program under construction. Every method returns the node that stands for the result; errors say which sizes disagree.
#[derive(Debug, Clone)]
pub struct Builder {
    nodes: Vec<Node>,
    params: Vec<Param>,
    context: ContextProgram,
    decision_name: String,
    decision_shape: Vec<usize>,
    known: HashMap<String, NodeId>,
    small: HashMap<Vec<u64>, ParamId>,
    memory: usize,
    /// Name given to the nodes made next: the file's operation.
    pub origin: String,
}

/// Bytes for the bounds and the proof of one entry, and for an index with its share of the key.
const ENTRY: usize = 17;
const INDEX: usize = 16;

/// A sum of so many terms is not taken apart again: a long one, written term by term, would be copied for every term.
const LONGEST_SUM: usize = 64;

/// How many indices an operation stores.
fn indices(op: &Op) -> usize {
    match op {
        Op::Linear { map: LinearMap::Gather { index, .. }, .. } => index.len(),
        Op::Linear { map: LinearMap::Sparse(m), .. } => m.nnz(),
        Op::Group { groups, .. } => groups.members().len(),
        Op::Quadratic { matrix, .. } => matrix.nnz(),
        _ => 0,
    }
}

/// What a size check found.
pub type Built<T = NodeId> = Result<T, String>;

impl Builder {
    /// A program with a decision input of the given name and extents. Its first node is the decision.
    pub fn new(decision_name: &str, decision_shape: &[usize]) -> Builder {
        let len = decision_shape.iter().product();
        let decision = Node { op: Op::Decision, len, shape: decision_shape.to_vec(), name: decision_name.to_string() };
        Builder {
            nodes: vec![decision],
            params: vec![],
            context: ContextProgram::default(),
            decision_name: decision_name.to_string(),
            decision_shape: decision_shape.to_vec(),
            known: HashMap::new(),
            small: HashMap::new(),
            memory: 0,
            origin: String::new(),
        }
    }

    /// The decision node.
    pub fn decision(&self) -> NodeId {
        NodeId(0)
    }

    /// The x-path, to be filled in.
    pub fn context_mut(&mut self) -> &mut ContextProgram {
        &mut self.context
    }

    /// Number of entries of a node.
    pub fn len(&self, id: NodeId) -> usize {
        self.nodes[id.index()].len
    }

    /// Whether there is nothing but the decision.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Roughly how many bytes the program will take, with the bounds and the proof of every entry.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// What a node computes.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.nodes[id.index()].op
    }

    /// A parameter's record.
    pub fn param_of(&self, id: ParamId) -> &Param {
        &self.params[id.index()]
    }

    /// A stored parameter's entries.
    pub fn constant_of(&self, id: ParamId) -> Option<&[f64]> {
        match &self.params[id.index()].source {
            ParamSource::Constant(v) => Some(v),
            ParamSource::Context { .. } => None,
        }
    }

    /// A stored parameter; short ones with equal entries are shared.
    pub fn constant(&mut self, name: &str, values: impl Into<Arc<[f64]>>) -> ParamId {
        let values: Arc<[f64]> = values.into();
        let key: Option<Vec<u64>> = (values.len() <= 16).then(|| values.iter().map(|v| v.to_bits()).collect());
        if let Some(id) = key.as_ref().and_then(|k| self.small.get(k)) {
            return *id;
        }
        let id = self.param(name, values.len(), ParamSource::Constant(values));
        if let Some(key) = key {
            self.small.insert(key, id);
        }
        id
    }

    /// A parameter of any source.
    pub fn param(&mut self, name: &str, len: usize, source: ParamSource) -> ParamId {
        self.memory = self.memory.saturating_add(8 * len);
        self.params.push(Param { name: name.to_string(), len, source });
        ParamId(self.params.len() as u32 - 1)
    }

    /// A node with an operation whose sizes are known to fit.
    pub(crate) fn push(&mut self, op: Op, len: usize) -> NodeId {
        self.add(op, len)
    }

    fn add(&mut self, op: Op, len: usize) -> NodeId {
        let key = match &op {
            // Large structures are compared by address: cloned maps share them.
            Op::Linear { map: LinearMap::Sparse(m), input } => format!("sparse {input} {:p}", Arc::as_ptr(m)),
            Op::Linear { map: LinearMap::Gather { index, .. }, input } => format!("gather {input} {index:?}"),
            Op::Group { input, kind, groups } => format!("{kind:?} {input} {groups:?}"),
            Op::Quadratic { input, matrix } => format!("quadratic {input} {:p}", Arc::as_ptr(matrix)),
            other => format!("{other:?}"),
        };
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.memory = self.memory.saturating_add(ENTRY * len + INDEX * indices(&op));
        self.nodes.push(Node { op, len, shape: vec![len], name: self.origin.clone() });
        self.known.insert(key, id);
        id
    }

    /// Records the extents a node has in the file.
    pub fn set_shape(&mut self, id: NodeId, shape: &[usize]) {
        let node = &mut self.nodes[id.index()];
        if id.0 > 0 && shape.iter().product::<usize>() == node.len {
            node.shape = shape.to_vec();
        }
    }

    /// A parameter as a node.
    pub fn vector(&mut self, param: ParamId) -> NodeId {
        let len = self.params[param.index()].len;
        self.add(Op::Param(param), len)
    }

    /// A constant as a node.
    pub fn constant_vector(&mut self, name: &str, values: Vec<f64>) -> NodeId {
        let param = self.constant(name, values);
        self.vector(param)
    }

    /// A linear map of `input`.
    pub fn linear(&mut self, input: NodeId, map: LinearMap) -> Built {
        if map.input_len() != self.len(input) {
            return Err(format!(
                "the map takes {} entries, its input {input} has {}",
                map.input_len(),
                self.len(input)
            ));
        }
        if let Some(p) = map.param().map(|p| &self.params[p.index()])
            && p.len != map.weight_len()
        {
            return Err(format!("the map needs {} weights, '{}' has {}", map.weight_len(), p.name, p.len));
        }
        let len = map.output_len();
        if let LinearMap::Gather { index, input_len } = &map {
            if let Some(bad) = index.iter().find(|i| *i >= input_len) {
                return Err(format!("entry {bad} is gathered from {input_len} entries"));
            }
            if index.len() == *input_len && index.iter().enumerate().all(|(i, j)| i == *j) {
                return Ok(input);
            }
        }
        Ok(self.add(Op::Linear { input, map }, len))
    }

    /// W·input with W given row-major.
    pub fn dense(&mut self, input: NodeId, weight: ParamId, rows: usize) -> Built {
        let columns = self.len(input);
        self.linear(input, LinearMap::Dense { weight, rows, columns, repeat: 1, transposed: false })
    }

    /// Entries of `input` in the order of `index`.
    pub fn gather(&mut self, input: NodeId, index: Vec<usize>) -> Built {
        let input_len = self.len(input);
        self.linear(input, LinearMap::Gather { index: index.into(), input_len })
    }

    /// A constant sparse matrix times `input`.
    pub fn sparse(&mut self, input: NodeId, matrix: CsMat<f64>) -> Built {
        self.linear(input, LinearMap::Sparse(Arc::new(matrix)))
    }

    /// Elementwise factors.
    pub fn scale(&mut self, input: NodeId, by: ParamId) -> Built {
        let (n, m) = (self.len(input), self.params[by.index()].len);
        if m != 1 && m != n {
            return Err(format!("{m} factors for {n} entries"));
        }
        if self.constant_of(by).is_some_and(|v| v.iter().all(|e| *e == 1.0)) {
            return Ok(input);
        }
        if let (Op::Scale { input: inner, by: first }, Some([c])) = (self.op(input).clone(), self.constant_of(by))
            && let Some([d]) = self.constant_of(first)
            && (*c == -1.0 || *d == -1.0)
        {
            // A change of sign folds exactly into another factor.
            let product = c * d;
            let by = self.constant("", vec![product]);
            return self.scale(inner, by);
        }
        Ok(self.add(Op::Scale { input, by }, n))
    }

    /// One factor for all entries.
    pub fn scale_by(&mut self, input: NodeId, factor: f64) -> Built {
        let by = self.constant("", vec![factor]);
        self.scale(input, by)
    }

    /// Elementwise sum.
    pub fn sum(&mut self, inputs: &[NodeId]) -> Built {
        let Some(first) = inputs.first() else { return Err("a sum of nothing".into()) };
        let len = self.len(*first);
        if let Some(odd) = inputs.iter().find(|i| self.len(**i) != len) {
            return Err(format!("a sum of {first} with {len} entries and {odd} with {}", self.len(*odd)));
        }
        // A shift stays a sum of its own, so that the function of a shifted argument can be recognised.
        let shifts = inputs.iter().any(|i| matches!(self.op(*i), Op::Param(_)));
        let mut terms = vec![];
        for input in inputs {
            match self.op(*input) {
                Op::Sum(inner) if !shifts && inner.len() < LONGEST_SUM => terms.extend(inner.iter().copied()),
                Op::Param(p) if self.constant_of(*p).is_some_and(|v| v.iter().all(|e| *e == 0.0)) => {}
                _ => terms.push(*input),
            }
        }
        match terms.as_slice() {
            [] => Ok(*first),
            [one] => Ok(*one),
            _ => Ok(self.add(Op::Sum(terms), len)),
        }
    }

    /// One vector after the other.
    pub fn concat(&mut self, inputs: &[NodeId]) -> Built {
        match inputs {
            [] => Err("a concatenation of nothing".into()),
            [one] => Ok(*one),
            _ => {
                let len = inputs.iter().map(|i| self.len(*i)).sum();
                Ok(self.add(Op::Concat(inputs.to_vec()), len))
            }
        }
    }

    /// An elementwise function.
    pub fn unit(&mut self, input: NodeId, unit: Unit) -> Built {
        let len = self.len(input);
        for p in unit.params() {
            let param = &self.params[p.index()];
            if param.len != 1 && param.len != len {
                return Err(format!("'{}' has {} entries for {len} elements", param.name, param.len));
            }
        }
        Ok(self.add(Op::Unit { input, unit }, len))
    }

    /// A function of groups of entries.
    pub fn group(&mut self, input: NodeId, kind: GroupKind, groups: Groups) -> Built {
        let n = self.len(input);
        if let Some(bad) = groups.members().iter().find(|i| **i >= n) {
            return Err(format!("entry {bad} of {n} entries is in a group"));
        }
        if (0..groups.len()).any(|g| groups.group(g).is_empty()) {
            return Err("a group without members".into());
        }
        if kind == GroupKind::Max && (0..groups.len()).all(|g| groups.group(g).len() == 1) {
            return self.gather(input, groups.members().to_vec());
        }
        let len = groups.len();
        Ok(self.add(Op::Group { input, kind, groups: Arc::new(groups) }, len))
    }

    /// The elementwise maximum of several nodes.
    pub fn max(&mut self, inputs: &[NodeId]) -> Built {
        let Some(first) = inputs.first() else { return Err("a maximum of nothing".into()) };
        let len = self.len(*first);
        if let Some(odd) = inputs.iter().find(|i| self.len(**i) != len) {
            return Err(format!("a maximum of {first} with {len} entries and {odd} with {}", self.len(*odd)));
        }
        let all = self.concat(inputs)?;
        self.group(all, GroupKind::Max, Groups::new((0..len).map(|i| (0..inputs.len()).map(|k| k * len + i).collect())))
    }

    /// tᵀMt
    pub fn quadratic(&mut self, input: NodeId, matrix: CsMat<f64>) -> Built {
        let n = self.len(input);
        if matrix.rows() != n || matrix.cols() != n {
            return Err(format!("a quadratic form of {n} entries with a {}×{} matrix", matrix.rows(), matrix.cols()));
        }
        Ok(self.add(Op::Quadratic { input, matrix: Arc::new(matrix) }, 1))
    }

    /// Elementwise product of two nodes that both depend on y; a product with itself is a square.
    pub fn product(&mut self, a: NodeId, b: NodeId) -> Built {
        self.same_len("product", a, b)?;
        if a == b {
            return self.unit(a, Unit::Power(2.0));
        }
        for (t, log) in [(a, b), (b, a)] {
            if matches!(self.op(log), Op::Unit { input, unit: Unit::Log } if *input == t) {
                return self.unit(t, Unit::Entropy);
            }
        }
        let len = self.len(a);
        Ok(self.add(Op::Product(a.min(b), a.max(b)), len))
    }

    /// Elementwise quotient of two nodes.
    pub fn quotient(&mut self, a: NodeId, b: NodeId) -> Built {
        self.same_len("quotient", a, b)?;
        let len = self.len(a);
        Ok(self.add(Op::Quotient(a, b), len))
    }

    /// Elementwise choice by the sign of `test`.
    pub fn select(&mut self, test: NodeId, strict: bool, then: NodeId, otherwise: NodeId) -> Built {
        self.same_len("choice", test, then)?;
        self.same_len("choice", then, otherwise)?;
        let len = self.len(test);
        Ok(self.add(Op::Select { test, strict, then, otherwise }, len))
    }

    fn same_len(&self, what: &str, a: NodeId, b: NodeId) -> Built<()> {
        let (n, m) = (self.len(a), self.len(b));
        if n == m { Ok(()) } else { Err(format!("a {what} of {a} with {n} entries and {b} with {m}")) }
    }

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
        Ok(Program {
            nodes,
            params: params.new,
            context: self.context.clone(),
            decision_name: self.decision_name.clone(),
            decision_shape: self.decision_shape.clone(),
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
        }
    }
}
