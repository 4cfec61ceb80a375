//! [`Program`]: the intermediate representation. A flat list of nodes, children before parents; each node is a vector of
//! known length; only what depends on the decision y is a node, everything else is a parameter.

use std::fmt;
use std::sync::Arc;

use sprs::CsMat;

use super::context::{ContextProgram, ContextValue};
use super::derived::Derived;
use super::entries::Entries;
use super::instance::Instance;
use super::interval::Interval;
use super::linear::LinearMap;
use super::unit::Unit;
use crate::error::Error;

/// Index of a node in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// Index of a parameter in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub(crate) u32);

impl NodeId {
    /// The position in [`Program::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ParamId {
    /// The position in [`Program::params`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// Where a parameter's values come from.
#[derive(Debug, Clone)]
pub enum ParamSource {
    /// Stored in the file, shared by all contexts.
    Constant(Entries),
    /// Computed by the x-path. `range` encloses every entry for every context.
    Context {
        /// Which value of the x-path.
        value: ContextValue,
        /// Bounds that hold whatever x is.
        range: Interval,
    },
}

/// A vector that does not depend on y: weights, biases, scales.
#[derive(Debug, Clone)]
pub struct Param {
    /// Name in the file, for messages and listings.
    pub name: String,
    /// Number of entries.
    pub len: usize,
    /// Values.
    pub source: ParamSource,
}

/// Which function a [`Op::Group`] applies to each group of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// The largest entry.
    Max,
    /// log Σ exp
    LogSumExp,
    /// Euclidean norm
    Norm,
}

/// Groups of entries: `members[starts[g]..starts[g + 1]]` belong to group g; every group has at least one member.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    starts: Vec<usize>,
    members: Vec<usize>,
}

impl Groups {
    /// From a list of groups.
    pub fn new(groups: impl IntoIterator<Item = Vec<usize>>) -> Groups {
        let (mut starts, mut members) = (vec![0], vec![]);
        for group in groups {
            members.extend(group);
            starts.push(members.len());
        }
        Groups { starts, members }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Members of group `g`.
    pub fn group(&self, g: usize) -> &[usize] {
        &self.members[self.range(g)]
    }

    /// Where the members of group `g` lie in the list of all members.
    pub fn range(&self, g: usize) -> std::ops::Range<usize> {
        self.starts[g]..self.starts[g + 1]
    }

    /// All members of all groups, one after the other.
    pub fn members(&self) -> &[usize] {
        &self.members
    }
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The decision vector y.
    Decision,
    /// A parameter as a vector of its own.
    Param(ParamId),
    /// A linear map of one node.
    Linear {
        /// Argument.
        input: NodeId,
        /// The map.
        map: LinearMap,
    },
    /// Elementwise product with a parameter of length 1 or of the node's length.
    Scale {
        /// Argument.
        input: NodeId,
        /// Factors.
        by: ParamId,
    },
    /// Elementwise sum.
    Sum(Vec<NodeId>),
    /// One vector after the other.
    Concat(Vec<NodeId>),
    /// An elementwise function.
    Unit {
        /// Argument, the pre-activation.
        input: NodeId,
        /// The function.
        unit: Unit,
    },
    /// A function of each group of entries: max pooling, maximum, log-sum-exp, norms.
    Group {
        /// Argument.
        input: NodeId,
        /// The function.
        kind: GroupKind,
        /// The groups; one output entry each.
        groups: Arc<Groups>,
    },
    /// tᵀ M t, a single number; M constant.
    Quadratic {
        /// Argument t.
        input: NodeId,
        /// M, square.
        matrix: Arc<CsMat<f64>>,
    },
    /// Elementwise product of two nodes.
    Product(NodeId, NodeId),
    /// Elementwise quotient of two nodes.
    Quotient(NodeId, NodeId),
    /// Elementwise choice by the sign of `test`.
    Select {
        /// Compared with 0.
        test: NodeId,
        /// Whether 0 counts as false (test > 0) or true (test ≥ 0).
        strict: bool,
        /// Taken where the test holds.
        then: NodeId,
        /// Taken elsewhere.
        otherwise: NodeId,
    },
}

impl Op {
    /// The nodes this one reads.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            Op::Decision | Op::Param(_) => vec![],
            Op::Linear { input, .. }
            | Op::Scale { input, .. }
            | Op::Unit { input, .. }
            | Op::Group { input, .. }
            | Op::Quadratic { input, .. } => vec![*input],
            Op::Sum(inputs) | Op::Concat(inputs) => inputs.clone(),
            Op::Product(a, b) | Op::Quotient(a, b) => vec![*a, *b],
            Op::Select { test, then, otherwise, .. } => vec![*test, *then, *otherwise],
        }
    }

    /// The name used in listings and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Decision => "y",
            Op::Param(_) => "param",
            Op::Linear { map, .. } => match map {
                LinearMap::Dense { .. } => "dense",
                LinearMap::Sparse(_) => "sparse",
                LinearMap::Convolution { .. } => "conv",
                LinearMap::Gather { .. } => "gather",
            },
            Op::Scale { .. } => "scale",
            Op::Sum(_) => "sum",
            Op::Concat(_) => "concat",
            Op::Unit { unit, .. } => unit.name(),
            Op::Group { kind, .. } => match kind {
                GroupKind::Max => "max",
                GroupKind::LogSumExp => "logsumexp",
                GroupKind::Norm => "norm",
            },
            Op::Quadratic { .. } => "quadratic",
            Op::Product(..) => "product",
            Op::Quotient(..) => "quotient",
            Op::Select { .. } => "select",
        }
    }
}

/// One node.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Number of entries.
    pub len: usize,
    /// The extents in the file, batch included; their product is `len`.
    pub shape: Vec<usize>,
    /// The name of the file's operation it came from; empty where there is none.
    pub name: String,
}

/// A network as a function of the decision y, with a single output number.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) nodes: Vec<Node>,
    pub(crate) params: Vec<Param>,
    pub(crate) context: ContextProgram,
    pub(crate) decision_name: String,
    pub(crate) decision_shape: Vec<usize>,
    pub(crate) derived: Derived,
}

impl Program {
    /// All nodes, children first; the last one is the output.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All parameters.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The output node, of length 1.
    pub fn output(&self) -> NodeId {
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Number of decisions p.
    pub fn decisions(&self) -> usize {
        self.decision_shape.iter().product()
    }

    /// The name of the decision input.
    pub fn decision_name(&self) -> &str {
        &self.decision_name
    }

    /// The extents of the decision input.
    pub fn decision_shape(&self) -> &[usize] {
        &self.decision_shape
    }

    /// The x-path.
    pub fn context(&self) -> &ContextProgram {
        &self.context
    }

    /// Width q of a context row; 0 when the network has no context input.
    pub fn context_len(&self) -> usize {
        self.context.len()
    }

    /// How a message names a node: `n7 'fc1' (dense)`.
    pub fn describe(&self, id: NodeId) -> String {
        let node = self.node(id);
        if node.name.is_empty() {
            format!("{id} ({})", node.op.name())
        } else {
            format!("{id} '{}' ({})", node.name, node.op.name())
        }
    }

    /// The program with the x-path evaluated at `x` (length q): what is left is a function of y alone.
    pub fn at(self: &Arc<Self>, x: &[f64]) -> Result<Instance, Error> {
        Instance::given(self.clone(), x)
    }

    /// The program with the context left open: parameters of the x-path are known by their range only.
    pub fn for_any_context(self: &Arc<Self>) -> Instance {
        Instance::open(self.clone())
    }
}
