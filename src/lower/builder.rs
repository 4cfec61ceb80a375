//! The program under construction: the affine expression of every entry in the program's columns, node by node.

use super::affine::{Accumulator, AffineRows};
use super::conic::{ConeRows, Smooth};
use super::linear::{Definition, Epigraph, Form, Function};
use super::needed::needed;
use super::quadratic::QuadraticTerms;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::convexity::Proof;
use crate::ir::instance::Instance;
use crate::ir::linear::LinearMap;
use crate::ir::program::{NodeId, Op};

pub(super) struct LpBuilder<'a> {
    pub(super) form: Form,
    pub(super) function: usize,
    pub(super) instance: &'a Instance,
    pub(super) bounds: &'a Bounds,
    pub(super) proof: &'a Proof,
    pub(super) needed: Vec<Vec<bool>>,
    pub(super) quadratic: QuadraticTerms,
    pub(super) expressions: Vec<AffineRows>,
    pub(super) accumulator: Accumulator,
    pub(super) column_lower: Vec<f64>,
    pub(super) column_upper: Vec<f64>,
    pub(super) rows: AffineRows,
    pub(super) row_lower: Vec<f64>,
    pub(super) row_upper: Vec<f64>,
    pub(super) epigraphs: Vec<Epigraph>,
    pub(super) definitions: Vec<Definition>,
    pub(super) cones: Vec<ConeRows>,
    /// Number of rows of all cones.
    pub(super) cone_rows: usize,
    pub(super) smooth: Vec<Smooth>,
}

impl<'a> LpBuilder<'a> {
    /// A program with the domain's columns and rows, about to lower f.
    pub fn new(domain: &Domain, f: &'a Function<'a>, form: Form) -> LpBuilder<'a> {
        let mut build = LpBuilder {
            form,
            function: 0,
            instance: f.instance,
            bounds: &f.bounds,
            proof: &f.proof,
            needed: needed(f.instance, &f.bounds),
            quadratic: QuadraticTerms::new(f.instance),
            expressions: vec![],
            accumulator: Accumulator::default(),
            column_lower: domain.lower().to_vec(),
            column_upper: domain.upper().to_vec(),
            rows: AffineRows::with_capacity(0, 0),
            row_lower: vec![],
            row_upper: vec![],
            epigraphs: vec![],
            definitions: vec![],
            cones: vec![],
            cone_rows: 0,
            smooth: vec![],
        };
        for row in domain.rows() {
            let mut entries: Vec<(u32, f64)> = row.coefficients.iter().map(|(j, c)| (*j as u32, *c)).collect();
            entries.sort_unstable_by_key(|e| e.0);
            build.row(entries, row.lower, row.upper);
        }
        build
    }

    /// Goes on with another function of the same decisions.
    pub fn enter(&mut self, index: usize, function: &'a Function<'a>) {
        self.function = index;
        self.instance = function.instance;
        (self.bounds, self.proof) = (&function.bounds, &function.proof);
        self.needed = needed(function.instance, &function.bounds);
        self.expressions.clear();
    }

    /// Lowers the function's nodes; returns its value as an expression in the columns.
    pub fn lower(&mut self) -> Result<AffineRows, Error> {
        let nodes = self.instance.program().nodes();
        let mut last_use = vec![0; nodes.len()];
        for (k, node) in nodes.iter().enumerate() {
            node.op.inputs().into_iter().for_each(|input| last_use[input.index()] = k);
        }
        for (k, node) in nodes.iter().enumerate() {
            self.node(NodeId(k as u32))?;
            // Memory that is free again serves the next node.
            for input in node.op.inputs().into_iter().filter(|input| last_use[input.index()] == k) {
                self.expressions[input.index()] = AffineRows::default();
            }
        }
        Ok(self.expressions.pop().unwrap_or_default())
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
        Error::Lowering { node: self.instance.program().describe(id), form: self.form.name(), reason }
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
            Op::Quadratic { input, matrix } => self.quadratic_form(id, *input, matrix, &used, &mut out)?,
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
    pub(super) fn define(&mut self, id: NodeId) {
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
            let function = self.function;
            self.definitions.push(Definition { function, node: id, element, column: column as usize, row });
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
}
