//! The epigraph linear program (paper §4): one column per undecided convex unit, one row per linear piece.
//!
//! relu z = max(a, 0): z − a ≥ 0, z ≥ 0. Leaky: z − a ≥ 0, z − γa ≥ 0. Any convex piecewise-linear unit: one row per
//! piece. A maximum: one row per member. A concave unit is the mirror image, z below its pieces. Affine nodes are
//! substituted; units whose piece is decided over Y by their interval are affine there.
//!
//! ```
//! use std::sync::Arc;
//! use icnn::{Domain, ir::program::Program, lower::linear};
//!
//! let program: Program = "y 2\nn1 = dense n0 [[1, -1]]\nn2 = relu n1\noutput n2".parse()?;
//! let instance = Arc::new(program).at(&[])?;
//! let lowered = linear(&instance, &Domain::cube(2, -1.0, 1.0)?)?;
//! assert_eq!(lowered.named_lp().to_string(), "\
//! minimize
//!   z2
//! subject to
//!   n2: -y0 + y1 + z2 >= 0
//! bounds
//!   -1 <= y0 <= 1
//!   -1 <= y1 <= 1
//!   z2 >= 0
//! ");
//! # Ok::<(), icnn::Error>(())
//! ```

use std::sync::Arc;

use icnn_solvers::LinearProgram;
use sprs::CsMat;

use super::affine::{Accumulator, AffineRows};
use super::needed::needed;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::convexity::Proof;
use crate::ir::instance::Instance;
use crate::ir::linear::LinearMap;
use crate::ir::program::{NodeId, Op};

/// What one epigraph column and its rows stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Epigraph {
    /// The unit or group node.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// The column z.
    pub column: usize,
    /// The first of its rows.
    pub first_row: usize,
    /// For each row the slope of its piece (units) or the place of its member in the group (maxima).
    pub rows: Vec<f64>,
    /// The same for the piece that became a bound of the column.
    pub bound: Option<f64>,
}

/// A column that stands for an affine expression, where substituting it would fill the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The node.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// The column.
    pub column: usize,
    /// The row that defines it.
    pub row: usize,
}

/// A linear program together with what its columns and rows mean.
#[derive(Debug, Clone)]
pub struct Linear {
    /// The program. Columns: the p decisions, then epigraph and definition columns. Rows: the domain's, then the others.
    pub lp: LinearProgram,
    /// Epigraph columns, in order.
    pub epigraphs: Vec<Epigraph>,
    /// Definition columns, in order.
    pub definitions: Vec<Definition>,
    /// Number of decisions p.
    pub decisions: usize,
    /// Names of the domain's rows.
    pub domain_rows: Vec<String>,
    /// Intervals over the domain that the lowering relied on.
    pub bounds: Arc<Bounds>,
}

/// Lowers min f over `domain` to a linear program. Coordinates that the box fixes stay columns; to have what depends on
/// them alone folded, pass what [`Instance::fold_fixed`] returns.
///
/// Errors: [`Error::Domain`] for a wrong dimension, [`Error::NotProven`] or [`Error::Concave`] unless f is proven convex
/// on the domain's box, [`Error::Lowering`] for a node that is not piecewise linear there.
pub fn linear(instance: &Instance, domain: &Domain) -> Result<Linear, Error> {
    domain.check_dimension(instance.decisions())?;
    let bounds = Arc::new(instance.bounds(&domain.intervals()));
    let proof = instance.prove(&bounds);
    crate::check::require_convex(instance, &proof)?;
    let mut build = LpBuilder::new(instance, domain, &bounds, &proof);
    let nodes = instance.program().nodes();
    let mut last_use = vec![0; nodes.len()];
    for (k, node) in nodes.iter().enumerate() {
        node.op.inputs().into_iter().for_each(|input| last_use[input.index()] = k);
    }
    for (k, node) in nodes.iter().enumerate() {
        build.node(NodeId(k as u32))?;
        // Memory that is free again serves the next node.
        for input in node.op.inputs().into_iter().filter(|input| last_use[input.index()] == k) {
            build.expressions[input.index()] = AffineRows::default();
        }
    }
    build.finish(domain, bounds.clone())
}

pub(super) struct LpBuilder<'a> {
    pub(super) instance: &'a Instance,
    pub(super) bounds: &'a Bounds,
    pub(super) proof: &'a Proof,
    pub(super) needed: Vec<Vec<bool>>,
    pub(super) expressions: Vec<AffineRows>,
    pub(super) accumulator: Accumulator,
    pub(super) column_lower: Vec<f64>,
    pub(super) column_upper: Vec<f64>,
    pub(super) rows: AffineRows,
    pub(super) row_lower: Vec<f64>,
    pub(super) row_upper: Vec<f64>,
    pub(super) epigraphs: Vec<Epigraph>,
    pub(super) definitions: Vec<Definition>,
}

impl<'a> LpBuilder<'a> {
    fn new(instance: &'a Instance, domain: &Domain, bounds: &'a Bounds, proof: &'a Proof) -> LpBuilder<'a> {
        let mut build = LpBuilder {
            instance,
            bounds,
            proof,
            needed: needed(instance, bounds),
            expressions: vec![],
            accumulator: Accumulator::default(),
            column_lower: domain.lower().to_vec(),
            column_upper: domain.upper().to_vec(),
            rows: AffineRows::with_capacity(0, 0),
            row_lower: vec![],
            row_upper: vec![],
            epigraphs: vec![],
            definitions: vec![],
        };
        for row in domain.rows() {
            let mut entries: Vec<(u32, f64)> = row.coefficients.iter().map(|(j, c)| (*j as u32, *c)).collect();
            entries.sort_unstable_by_key(|e| e.0);
            build.row(entries, row.lower, row.upper);
        }
        build
    }

    pub(super) fn row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>, lower: f64, upper: f64) -> usize {
        self.rows.push(entries, 0.0);
        self.row_lower.push(lower);
        self.row_upper.push(upper);
        self.row_lower.len() - 1
    }

    pub(super) fn column(&mut self, lower: f64, upper: f64) -> u32 {
        self.column_lower.push(lower);
        self.column_upper.push(upper);
        self.column_lower.len() as u32 - 1
    }

    pub(super) fn refuse(&self, id: NodeId, reason: String) -> Error {
        Error::Lowering { node: self.instance.program().describe(id), form: "linear", reason }
    }

    /// The expressions of one node from those of its inputs.
    fn node(&mut self, id: NodeId) -> Result<(), Error> {
        let instance = self.instance;
        let node = instance.program().node(id);
        let used = self.needed[id.index()].clone();
        let mut out = AffineRows::with_capacity(node.len, 0);
        match &node.op {
            Op::Decision => (0..node.len).for_each(|j| out.push([(j as u32, 1.0)], 0.0)),
            Op::Param(p) => {
                instance.known(*p).unwrap_or(&[]).iter().for_each(|v| out.push([], *v));
            }
            Op::Linear { input, map } => self.linear_map(*input, map, &used, &mut out),
            Op::Scale { input, by } => {
                for (i, used) in used.iter().enumerate() {
                    let factor = if *used { instance.entry(*by, i).unwrap_or(f64::NAN) } else { 0.0 };
                    out.push_scaled(&self.expressions[input.index()], i, factor, 0.0);
                }
            }
            Op::Sum(inputs) => {
                let inputs: Vec<&AffineRows> = inputs.iter().map(|input| &self.expressions[input.index()]).collect();
                out.reserve(inputs.iter().map(|rows| rows.total()).sum());
                let mut terms = vec![];
                for (i, used) in used.iter().enumerate() {
                    terms.clear();
                    terms.extend(inputs.iter().copied().filter(|_| *used));
                    if !out.push_joined(&mut terms, i) {
                        inputs.iter().for_each(|rows| self.accumulator.add(rows, i, 1.0));
                        self.accumulator.finish(&mut out);
                    }
                }
            }
            Op::Concat(inputs) => {
                for input in inputs {
                    let part = &self.expressions[input.index()];
                    (0..part.len()).for_each(|i| out.push_scaled(part, i, 1.0, 0.0));
                }
            }
            Op::Unit { input, unit } => self.unit(id, *input, unit, &used, &mut out)?,
            Op::Group { input, kind, groups } => self.group(id, *input, *kind, groups, &used, &mut out)?,
            Op::Quadratic { .. } => {
                return Err(self.refuse(id, "a quadratic form is not piecewise linear".into()));
            }
            Op::Product(a, b) | Op::Quotient(a, b) => self.bilinear(id, &node.op, *a, *b, &used, &mut out)?,
            Op::Select { test, strict, then, otherwise } => {
                for (i, used) in used.iter().enumerate() {
                    let t = self.bounds.of(*test)[i];
                    let holds = t.lower > 0.0 || (!strict && t.lower >= 0.0);
                    let chosen = if holds { then } else { otherwise };
                    out.push_scaled(&self.expressions[chosen.index()], i, f64::from(u8::from(*used)), 0.0);
                }
            }
        }
        self.expressions.push(out);
        Ok(())
    }

    fn linear_map(&mut self, input: NodeId, map: &LinearMap, used: &[bool], out: &mut AffineRows) {
        let weights = self.instance.weights(map);
        if let LinearMap::Gather { index, .. } = map {
            let rows = &self.expressions[input.index()];
            index.iter().zip(used).for_each(|(j, used)| out.push_scaled(rows, *j, f64::from(u8::from(*used)), 0.0));
            return;
        }
        if let (LinearMap::Dense { rows, columns, repeat, transposed, .. }, Some(weights)) = (map, weights)
            && let Some(singles) = self.expressions[input.index()].singles()
        {
            // The usual case, a matrix times decisions or units: its entries are copied.
            *out = AffineRows::with_capacity(used.len(), rows * columns * repeat);
            let (row_step, column_step) = if *transposed { (1, *rows) } else { (*columns, 1) };
            for (i, used) in used.iter().enumerate() {
                let (block, row) = (i / rows, i % rows);
                let width = if *used { *columns } else { 0 };
                let row = weights[row * row_step..].iter().step_by(column_step).take(width);
                out.push_weighted(&singles[block * columns..(block + 1) * columns], row.copied());
            }
            return;
        }
        // Substitution multiplies the rows of the map with those of the input; where that would fill the matrix, the
        // input gets columns of its own first.
        let (mut filled, mut entries) = (0usize, 0usize);
        let rows = &self.expressions[input.index()];
        map.visit(weights, |i, j, w| {
            if used[i] && w != 0.0 {
                entries += 1;
                filled += rows.count(j);
            }
        });
        if filled > 2 * (entries + rows.total()) + 256 {
            self.define(input);
        }
        let rows = &self.expressions[input.index()];
        let accumulator = &mut self.accumulator;
        *out = AffineRows::with_capacity(used.len(), filled.min(entries + rows.total()));
        let mut next = 0;
        map.visit(weights, |i, j, w| {
            while next < i {
                accumulator.finish(out);
                next += 1;
            }
            if used[i] && w != 0.0 {
                accumulator.add(rows, j, w);
            }
        });
        while next < used.len() {
            accumulator.finish(out);
            next += 1;
        }
    }

    /// Gives each entry of a node a free column, tied to its expression by an equation.
    fn define(&mut self, id: NodeId) {
        let old = std::mem::take(&mut self.expressions[id.index()]);
        let mut new = AffineRows::with_capacity(old.len(), old.len());
        for element in 0..old.len() {
            if old.count(element) <= 1 {
                new.push(old.entries(element), old.constant(element));
                continue;
            }
            let column = self.column(f64::NEG_INFINITY, f64::INFINITY);
            let entries: Vec<(u32, f64)> = old.entries(element).map(|(c, v)| (c, -v)).chain([(column, 1.0)]).collect();
            let row = self.row(entries, old.constant(element), old.constant(element));
            self.definitions.push(Definition { node: id, element, column: column as usize, row });
            new.push([(column, 1.0)], 0.0);
        }
        self.expressions[id.index()] = new;
    }

    fn bilinear(
        &mut self,
        id: NodeId,
        op: &Op,
        a: NodeId,
        b: NodeId,
        used: &[bool],
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        for (i, used) in used.iter().enumerate() {
            if !used {
                out.push([], 0.0);
                continue;
            }
            let (left, right) = (&self.expressions[a.index()], &self.expressions[b.index()]);
            match op {
                Op::Product(..) if left.count(i) == 0 => out.push_scaled(right, i, left.constant(i), 0.0),
                Op::Product(..) if right.count(i) == 0 => out.push_scaled(left, i, right.constant(i), 0.0),
                Op::Quotient(..) if right.count(i) == 0 => out.push_scaled(left, i, 1.0 / right.constant(i), 0.0),
                _ => return Err(self.refuse(id, "both factors depend on y".into())),
            }
        }
        Ok(())
    }

    fn finish(self, domain: &Domain, bounds: Arc<Bounds>) -> Result<Linear, Error> {
        let (n, m) = (self.column_lower.len(), self.row_lower.len());
        let mut objective = vec![0.0; n];
        let output = self.instance.program().output();
        let value = &self.expressions[output.index()];
        value.entries(0).for_each(|(c, v)| objective[c as usize] += v);
        let offset = value.constant(0);
        drop(self.expressions);
        let (starts, columns, values) = self.rows.into_parts();
        let columns: Vec<usize> = columns.into_iter().map(|c| c as usize).collect();
        let matrix = CsMat::try_new((m, n), starts, columns, values)
            .map_err(|(_, _, _, e)| Error::Domain(format!("the linear program is malformed: {e}")))?;
        let lp = LinearProgram {
            objective,
            offset,
            column_lower: self.column_lower,
            column_upper: self.column_upper,
            row_lower: self.row_lower,
            row_upper: self.row_upper,
            matrix,
            column_names: vec![],
            row_names: vec![],
        };
        Ok(Linear {
            lp,
            epigraphs: self.epigraphs,
            definitions: self.definitions,
            decisions: domain.dimension(),
            domain_rows: domain.rows().iter().map(|r| r.name.clone()).collect(),
            bounds,
        })
    }
}
