//! [`Plan`]: a program as a list of steps over one flat buffer. It is made once for a program and shared by all contexts.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use sprs::CsMat;

use super::hinges::Hinges;
use super::kernels::{Weights, all_finite};
use super::runs::Runs;
use super::sizes::Norms;
use super::spare::Spare;
use crate::ir::linear::LinearMap;
use crate::ir::program::{GroupKind, Groups, NodeId, Op, ParamId, ParamSource, Program};
use crate::ir::psd::Definiteness;
use crate::ir::unit::Unit;

/// Entries of the flat buffer: those of one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub at: usize,
    pub len: usize,
    /// The step that makes them.
    pub step: usize,
}

/// One summand of an affine step.
#[derive(Debug)]
pub(super) enum Term {
    Param(ParamId),
    Copy(Span),
    Scale { input: Span, by: ParamId },
    Dense { input: Span, dense: Dense },
    Sparse { input: Span, matrix: Arc<CsMat<f64>> },
    Convolution { input: Span, weight: ParamId, runs: Arc<Runs> },
    Gather { input: Span, index: Arc<[usize]> },
}

/// W, applied to `repeat` vectors side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dense {
    /// Whether the parameter holds Wᵀ.
    pub transposed: bool,
    /// Which of [`Plan::matrices`] it is.
    pub matrix: usize,
}

/// What a term reads.
pub(super) fn input(term: &Term) -> Option<Span> {
    match term {
        Term::Param(_) => None,
        Term::Copy(input)
        | Term::Scale { input, .. }
        | Term::Dense { input, .. }
        | Term::Sparse { input, .. }
        | Term::Convolution { input, .. }
        | Term::Gather { input, .. } => Some(*input),
    }
}

/// What a step does with the entries before its own.
#[derive(Debug)]
pub(super) enum Action {
    /// y
    Decision,
    /// A sum of affine functions; its terms need no room of their own.
    Affine(Vec<Term>),
    Concat(Vec<Span>),
    /// `unit` is the place in [`Plan::units`].
    Unit {
        input: Span,
        unit: usize,
    },
    Group {
        input: Span,
        kind: GroupKind,
        groups: Arc<Groups>,
    },
    Quadratic {
        input: Span,
        matrix: Arc<CsMat<f64>>,
    },
    Product(Span, Span),
    Quotient(Span, Span),
    Select {
        test: Span,
        strict: bool,
        then: Span,
        otherwise: Span,
    },
}

/// One node, or a sum with its terms.
#[derive(Debug)]
pub(super) struct Step {
    pub node: NodeId,
    /// The node read, where it is one alone.
    pub reads: NodeId,
    pub out: Span,
    pub action: Action,
}

/// A weight matrix as a parameter holds it, row by row.
#[derive(Debug)]
pub(super) struct Stored {
    pub weight: ParamId,
    pub rows: usize,
    pub columns: usize,
    /// The layouts for the passes; `None` where the weights depend on the context.
    pub constant: Option<Arc<Layouts>>,
}

/// A matrix row by row and column by column, so that both passes read along rows.
#[derive(Debug)]
pub(super) struct Layouts {
    pub by_rows: Weights,
    pub by_columns: Weights,
    /// For bounds on rounding errors; made when asked for.
    pub norms: OnceLock<Norms>,
    /// Both in single precision, where they are kept in double; made when a search asks for them.
    singles: OnceLock<[Vec<f32>; 2]>,
}

impl Layouts {
    /// From the entries row by row.
    pub fn new(w: &[f64], rows: usize, columns: usize) -> Layouts {
        let by_rows = Weights::new(w);
        let by_columns = by_rows.turned(rows, columns);
        Layouts { by_columns, by_rows, norms: OnceLock::new(), singles: OnceLock::new() }
    }

    /// Row by row and column by column, in single precision.
    pub fn singles(&self) -> [&[f32]; 2] {
        match (&self.by_rows, &self.by_columns) {
            (Weights::Single(by_rows), Weights::Single(by_columns)) => [by_rows, by_columns],
            (by_rows, by_columns) => {
                let [rows, columns] = self.singles.get_or_init(|| [by_rows.rounded(), by_columns.rounded()]);
                [rows, columns]
            }
        }
    }
}

/// A program laid out for evaluation.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of evaluation; the first is the decision, the last the output.
    pub steps: Vec<Step>,
    /// Length of the buffer.
    pub size: usize,
    /// Whether all stored parameters are finite, so that zeros can be skipped.
    pub finite: bool,
    /// Length of the longest vector that is multiplied.
    pub longest: usize,
    pub matrices: Vec<Stored>,
    /// The functions of unit steps, and how many elements each has.
    pub units: Vec<(Unit, usize)>,
    /// Of each node that is a quadratic form what its matrix is; made when asked for.
    pub definite: OnceLock<Vec<Option<Definiteness>>>,
    /// All kinks there are on Rᵖ, or why there are none, where no unit depends on the context; made when asked for.
    pub hinges: OnceLock<Result<Arc<Hinges>, String>>,
    /// What runs have left for later ones.
    pub spare: Spare,
}

impl Plan {
    /// Lays out `program`.
    pub fn new(program: &Program) -> Plan {
        let absorbed = absorbed(program);
        let finite = program.params().iter().all(|param| match &param.source {
            ParamSource::Constant(v) => all_finite(v),
            ParamSource::Context { .. } => true,
        });
        let mut plan = Plan {
            steps: vec![],
            size: 0,
            finite,
            longest: 0,
            matrices: vec![],
            units: vec![],
            definite: OnceLock::new(),
            hinges: OnceLock::new(),
            spare: Spare::default(),
        };
        let mut known = HashMap::new();
        let mut spans = vec![Span { at: 0, len: 0, step: 0 }; program.nodes().len()];
        let mut waiting: Vec<Option<Vec<Term>>> = program.nodes().iter().map(|_| None).collect();
        for (k, node) in program.nodes().iter().enumerate() {
            let span = |id: &NodeId| spans[id.index()];
            let affine = match &node.op {
                Op::Param(p) => Some(vec![Term::Param(*p)]),
                Op::Scale { input, by } => Some(vec![Term::Scale { input: span(input), by: *by }]),
                Op::Linear { input, map } => Some(vec![plan.linear(program, span(input), map, &mut known)]),
                Op::Sum(inputs) => Some(joined(inputs, &spans, &mut waiting)),
                _ => None,
            };
            let action = match (&node.op, affine) {
                (_, Some(terms)) if absorbed[k] => {
                    waiting[k] = Some(terms);
                    continue;
                }
                (_, Some(terms)) => Action::Affine(terms),
                (Op::Concat(inputs), _) => Action::Concat(inputs.iter().map(span).collect()),
                (Op::Unit { input, unit }, _) => {
                    plan.units.push((unit.clone(), node.len));
                    Action::Unit { input: span(input), unit: plan.units.len() - 1 }
                }
                (Op::Group { input, kind, groups }, _) => {
                    Action::Group { input: span(input), kind: *kind, groups: groups.clone() }
                }
                (Op::Quadratic { input, matrix }, _) => {
                    Action::Quadratic { input: span(input), matrix: matrix.clone() }
                }
                (Op::Product(a, b), _) => Action::Product(span(a), span(b)),
                (Op::Quotient(a, b), _) => Action::Quotient(span(a), span(b)),
                (Op::Select { test, strict, then, otherwise }, _) => {
                    Action::Select { test: span(test), strict: *strict, then: span(then), otherwise: span(otherwise) }
                }
                _ => Action::Decision,
            };
            spans[k] = Span { at: plan.size, len: node.len, step: plan.steps.len() };
            plan.size += node.len;
            let id = NodeId(k as u32);
            let reads = match &node.op {
                Op::Unit { input, .. } | Op::Group { input, .. } => *input,
                _ => id,
            };
            plan.steps.push(Step { node: id, reads, out: spans[k], action });
        }
        plan
    }

    fn linear(
        &mut self,
        program: &Program,
        input: Span,
        map: &LinearMap,
        known: &mut HashMap<(ParamId, usize), usize>,
    ) -> Term {
        match map {
            LinearMap::Dense { weight, rows, columns, transposed, .. } => {
                self.longest = self.longest.max(*rows).max(*columns);
                let (stored_rows, stored_columns) = if *transposed { (*columns, *rows) } else { (*rows, *columns) };
                let matrix = *known.entry((*weight, stored_rows)).or_insert_with(|| {
                    let constant = match &program.params()[weight.index()].source {
                        ParamSource::Constant(w) => Some(Arc::new(Layouts::new(w, stored_rows, stored_columns))),
                        ParamSource::Context { .. } => None,
                    };
                    let (rows, columns) = (stored_rows, stored_columns);
                    self.matrices.push(Stored { weight: *weight, rows, columns, constant });
                    self.matrices.len() - 1
                });
                Term::Dense { input, dense: Dense { transposed: *transposed, matrix } }
            }
            LinearMap::Sparse(matrix) => Term::Sparse { input, matrix: matrix.clone() },
            LinearMap::Convolution { weight, geometry } => {
                Term::Convolution { input, weight: *weight, runs: Arc::new(Runs::new(geometry)) }
            }
            LinearMap::Gather { index, .. } => Term::Gather { input, index: index.clone() },
        }
    }
}

/// The nodes that are added straight into the sum that reads them: affine ones with that one reader.
fn absorbed(program: &Program) -> Vec<bool> {
    let (mut readers, mut outside) = (vec![0usize; program.nodes().len()], vec![false; program.nodes().len()]);
    for node in program.nodes() {
        for input in node.op.inputs() {
            readers[input.index()] += 1;
            outside[input.index()] |= !matches!(node.op, Op::Sum(_));
        }
    }
    let affine = |op: &Op| matches!(op, Op::Param(_) | Op::Scale { .. } | Op::Linear { .. } | Op::Sum(_));
    (program.nodes().iter().enumerate()).map(|(k, n)| readers[k] == 1 && !outside[k] && affine(&n.op)).collect()
}

/// The terms of a sum, those of absorbed sums included. The longest list is kept and the others are added to it, so that a sum
/// written term by term is not copied for every term.
fn joined(inputs: &[NodeId], spans: &[Span], waiting: &mut [Option<Vec<Term>>]) -> Vec<Term> {
    let mut lists: Vec<Vec<Term>> = inputs
        .iter()
        .map(|id| waiting[id.index()].take().unwrap_or_else(|| vec![Term::Copy(spans[id.index()])]))
        .collect();
    let longest = (0..lists.len()).max_by_key(|k| lists[*k].len()).unwrap_or(0);
    let mut terms = if lists.is_empty() { vec![] } else { lists.swap_remove(longest) };
    terms.extend(lists.into_iter().flatten());
    terms
}
