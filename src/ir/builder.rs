//! [`Builder`]: makes a [`Program`](super::program::Program) node by node. Sizes are checked, equal nodes are shared, identities vanish.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::context::ContextProgram;
use super::entries::Entries;
use super::linear::LinearMap;
use super::program::{Node, NodeId, Op, Param, ParamId, ParamSource};

/// A program under construction. Every method returns the node that stands for the result; errors say which sizes disagree.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) nodes: Vec<Node>,
    pub(super) params: Vec<Param>,
    pub(super) context: ContextProgram,
    pub(super) decision_name: String,
    pub(super) decision_shape: Vec<usize>,
    pub(super) known: HashMap<u64, Vec<NodeId>>,
    pub(super) small: HashMap<Vec<u64>, ParamId>,
    pub(super) memory: usize,
    /// Name given to the nodes made next: the file's operation.
    pub origin: String,
}

/// Bytes for the bounds and the proof of one entry, and for an index with its share of the key.
const ENTRY: usize = 17;
const INDEX: usize = 16;

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

/// Roughly how many bytes a node takes, with the bounds and the proof of its `len` entries.
pub(crate) fn footprint(op: &Op, len: usize) -> usize {
    (ENTRY * len).saturating_add(INDEX * indices(op))
}

/// Equal operations have equal fingerprints.
fn fingerprint(op: &Op) -> u64 {
    let mut hash = DefaultHasher::new();
    std::mem::discriminant(op).hash(&mut hash);
    op.inputs().hash(&mut hash);
    match op {
        Op::Linear { map: LinearMap::Gather { index, .. }, .. } => index.hash(&mut hash),
        Op::Group { groups, .. } => groups.members().hash(&mut hash),
        Op::Linear { map: LinearMap::Sparse(m), .. } => m.indices().hash(&mut hash),
        Op::Linear { map, .. } => map.param().hash(&mut hash),
        Op::Param(p) | Op::Scale { by: p, .. } => p.hash(&mut hash),
        Op::Unit { unit, .. } => unit.name().hash(&mut hash),
        _ => {}
    }
    hash.finish()
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
    pub fn constant(&mut self, name: &str, values: impl Into<Entries>) -> ParamId {
        let values: Entries = values.into();
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

    pub(super) fn add(&mut self, op: Op, len: usize) -> NodeId {
        let key = fingerprint(&op);
        let alike = self.known.get(&key).map_or(&[][..], Vec::as_slice);
        if let Some(id) = alike.iter().find(|id| self.nodes[id.index()].op == op) {
            return *id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.memory = self.memory.saturating_add(footprint(&op, len));
        self.nodes.push(Node { op, len, shape: vec![len], name: self.origin.clone() });
        self.known.entry(key).or_default().push(id);
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
}
