//! Quadratic terms of the objective: tᵀMt and t² where they are added to f with a known weight, through affine operations
//! only. Anywhere else (inside another unit, in a learned constraint) they have no place in a quadratic program; a conic one holds
//! them as second-order cones.

use sprs::{CsMat, TriMat};

use super::affine::AffineRows;
use super::builder::LpBuilder;
use super::linear::Form;
use crate::error::Error;
use crate::ir::adjoint::Adjoints;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::ir::unit::Unit;

/// The quadratic part of an objective: ½xᵀQx + Σ linear + constant.
pub(super) struct Quadratic {
    pub matrix: Option<CsMat<f64>>,
    pub linear: Vec<(u32, f64)>,
    pub constant: f64,
}

/// Quadratic terms met so far.
pub(super) struct QuadraticTerms {
    /// For each node the weights with which its entries are added to f, if that is all that happens to them.
    weights: Vec<Option<Vec<f64>>>,
    entries: Vec<(u32, u32, f64)>,
    linear: Vec<(u32, f64)>,
    constant: f64,
}

impl QuadraticTerms {
    pub fn new(instance: &Instance) -> QuadraticTerms {
        QuadraticTerms { weights: added_weights(instance), entries: vec![], linear: vec![], constant: 0.0 }
    }

    /// Adds weight·(v·x_c + d)·(v'·x_c' + d'), each factor an expression with one column at most.
    fn add(&mut self, weight: f64, (a, i): (&AffineRows, usize), (b, j): (&AffineRows, usize)) {
        let (d, e) = (a.constant(i), b.constant(j));
        self.constant += weight * d * e;
        a.entries(i).for_each(|(c, v)| self.linear.push((c, weight * v * e)));
        b.entries(j).for_each(|(c, v)| self.linear.push((c, weight * v * d)));
        for (c, v) in a.entries(i) {
            for (k, w) in b.entries(j) {
                // xᵀQx counts each pair twice, and ½ halves it: the symmetric half of 2·weight·v·w goes to either side.
                self.entries.push((c, k, weight * v * w));
                self.entries.push((k, c, weight * v * w));
            }
        }
    }

    /// All terms of a program of `columns` columns.
    pub fn finish(self, columns: usize) -> Quadratic {
        let matrix = (!self.entries.is_empty()).then(|| {
            let mut triplets = TriMat::new((columns, columns));
            // A sum of the same numbers in another order can differ: both triangles get the upper one's.
            let upper = self.entries.into_iter().filter(|(c, k, _)| c <= k);
            let mut sums = std::collections::BTreeMap::new();
            upper.for_each(|(c, k, v)| *sums.entry((c as usize, k as usize)).or_insert(0.0) += v);
            for ((c, k), v) in sums {
                triplets.add_triplet(c, k, v);
                if c != k {
                    triplets.add_triplet(k, c, v);
                }
            }
            triplets.to_csr()
        });
        Quadratic { matrix, linear: self.linear, constant: self.constant }
    }
}

/// For each node the weights of its entries in f, where only affine operations lie between.
pub(crate) fn added_weights(instance: &Instance) -> Vec<Option<Vec<f64>>> {
    let nodes = instance.program().nodes();
    let is_affine = |op: &Op| {
        matches!(op, Op::Decision | Op::Param(_) | Op::Linear { .. } | Op::Scale { .. } | Op::Sum(_) | Op::Concat(_))
    };
    let mut inside = vec![false; nodes.len()];
    for k in (0..nodes.len()).rev() {
        if inside[k] || !is_affine(&nodes[k].op) {
            nodes[k].op.inputs().into_iter().for_each(|input| inside[input.index()] = true);
        }
    }
    let mut weights = vec![None; nodes.len()];
    let any = nodes.iter().any(|n| matches!(n.op, Op::Quadratic { .. } | Op::Unit { unit: Unit::Power(_), .. }));
    let mut adjoints = Adjoints::new(instance);
    while let Some((id, adjoint)) = adjoints.next().filter(|_| any) {
        let op = &instance.program().node(id).op;
        if is_affine(op) {
            adjoints.through_affine(instance, op, &adjoint);
        } else if !inside[id.index()] {
            weights[id.index()] = Some(adjoint);
        }
    }
    weights
}

impl LpBuilder<'_> {
    /// tᵀMt as a term of the objective.
    pub(super) fn quadratic_form(
        &mut self,
        id: NodeId,
        input: NodeId,
        matrix: &CsMat<f64>,
        used: &[bool],
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        if used[0] && self.form == Form::Conic && !self.is_added(id) {
            return self.form_in_cone(id, input, matrix, out);
        }
        out.push([], 0.0);
        if !used[0] {
            return Ok(());
        }
        let weight = self.weight(id, 0)?;
        self.define(input);
        let t = &self.expressions[input.index()];
        for (m, (i, j)) in matrix.iter().filter(|(m, _)| **m != 0.0) {
            self.quadratic.add(weight * m, (t, i), (t, j));
        }
        Ok(())
    }

    /// t² of one entry as a term of the objective.
    pub(super) fn square(&mut self, id: NodeId, element: usize, input: NodeId) -> Result<(), Error> {
        let weight = self.weight(id, element)?;
        if self.expressions[input.index()].count(element) > 1 {
            self.define(input);
        }
        let t = &self.expressions[input.index()];
        self.quadratic.add(weight, (t, element), (t, element));
        Ok(())
    }

    /// Whether a node's entries are added to f, with affine operations only between.
    pub(super) fn is_added(&self, id: NodeId) -> bool {
        self.function == 0 && self.quadratic.weights[id.index()].is_some()
    }

    /// The weight of an entry in f, if it may stand in a convex quadratic program.
    fn weight(&self, id: NodeId, element: usize) -> Result<f64, Error> {
        if self.function > 0 {
            return Err(self.refuse(id, "a square in a constraint is not piecewise linear".into()));
        }
        let Some(weights) = &self.quadratic.weights[id.index()] else {
            return Err(self.refuse(id, "a square inside another unit is not piecewise linear".into()));
        };
        let weight = weights[element];
        let proven = self.proof.of(id)[element];
        if weight < 0.0 || !proven.is_convex() {
            return Err(self.refuse(id, format!("entry {element} is {proven} and enters f with weight {weight}")));
        }
        Ok(weight)
    }
}
