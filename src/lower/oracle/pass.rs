//! Forward and backward pass over the steps of a [`Plan`], for one point or for several at once. Values and adjoints of n points lie
//! step by step, and within a step point by point.

use std::ops::AddAssign;
use std::sync::Arc;

use icnn_solvers::dense::vectorised;
use pulp::Arch;

use super::kernels::{Nonzeros, Weights, accumulate_rows, add_products, all_finite};
use super::plan::{Action, Dense, Layouts, Plan, Span, Term, input};
use super::product::{Blocks, Columns, add_product};
use super::sizes::Norms;
use super::units::UnitKernel;
use crate::ir::entries::Entries;
use crate::ir::forward::{group_value, holds};
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, ParamId};

/// From so many points on a matrix product is used, which reads the weights once for all of them.
const MANY: usize = 6;

/// Unless less than one entry in so many is not zero.
pub(super) const SPARSE: u64 = 16;

/// Matrices with fewer rows than this are multiplied row by row.
pub(super) const NARROW: usize = 8;

/// A plan with the numbers of one context.
#[derive(Debug)]
pub(super) struct Numbers {
    pub plan: Arc<Plan>,
    params: Vec<Entries>,
    matrices: Vec<Arc<Layouts>>,
    units: Vec<UnitKernel>,
    pub arch: Arch,
}

/// What the passes write to.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub values: Vec<f64>,
    pub adjoints: Vec<f64>,
    pub scratch: Scratch,
}

/// What the products write to.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    nonzeros: Nonzeros<f64>,
    blocks: Blocks,
    /// With weights, those with zeros left out; of the pure structure (gathers, concatenations) none.
    pub multiplications: u64,
}

impl Scratch {
    /// Room for vectors of `len` entries.
    pub fn with_room(len: usize) -> Scratch {
        Scratch { nonzeros: Nonzeros::with_room(len), ..Scratch::default() }
    }
}

impl Workspace {
    /// How many numbers there is room for.
    pub fn numbers(&self) -> usize {
        self.values.capacity() + self.adjoints.capacity()
    }

    /// Room for `n` points.
    pub fn reserve(&mut self, plan: &Plan, n: usize) {
        if self.values.len() < n * plan.size {
            self.values.resize(n * plan.size, 0.0);
            self.adjoints.resize(n * plan.size, 0.0);
            let multiplications = self.scratch.multiplications;
            self.scratch = Scratch { multiplications, ..Scratch::with_room(plan.longest) };
        }
    }
}

/// The entries of a span, at n points.
pub(super) fn at<T>(buffer: &[T], span: Span, n: usize) -> &[T] {
    &buffer[span.at * n..(span.at + span.len) * n]
}

pub(super) fn at_mut<T>(buffer: &mut [T], span: Span, n: usize) -> &mut [T] {
    &mut buffer[span.at * n..(span.at + span.len) * n]
}

/// out += v
pub(super) fn add<T: Copy + AddAssign>(out: &mut [T], v: &[T]) {
    vectorised(
        #[inline(always)]
        || out.iter_mut().zip(v).for_each(|(o, v)| *o += *v),
    );
}

/// out = the entries of the inputs one after the other, at each of n points; `len` of them.
pub(super) fn join<T: Copy>(inputs: &[Span], before: &[T], out: &mut [T], (len, n): (usize, usize)) {
    for (k, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
        let mut rest = out;
        for input in inputs {
            let (head, tail) = rest.split_at_mut(input.len);
            head.copy_from_slice(&at(before, *input, n)[k * input.len..(k + 1) * input.len]);
            rest = tail;
        }
    }
}

/// Passes the adjoints of [`join`] down.
pub(super) fn add_joined_adjoint<T: Copy + AddAssign>(
    inputs: &[Span],
    above: &[T],
    before: &mut [T],
    (len, n): (usize, usize),
) {
    for (k, above) in above.chunks_exact(len.max(1)).enumerate() {
        let mut rest = above;
        for input in inputs {
            let (head, tail) = rest.split_at(input.len);
            add(&mut at_mut(before, *input, n)[k * input.len..(k + 1) * input.len], head);
            rest = tail;
        }
    }
}

/// out += factors·v, elementwise, at every point; one factor stands for all.
fn add_scaled(out: &mut [f64], factors: &[f64], v: &[f64]) {
    vectorised(
        #[inline(always)]
        || match factors {
            [c] => out.iter_mut().zip(v).for_each(|(o, v)| *o += c * v),
            _ if factors.is_empty() => {}
            _ => {
                for (out, v) in out.chunks_exact_mut(factors.len()).zip(v.chunks_exact(factors.len())) {
                    out.iter_mut().zip(factors).zip(v).for_each(|((o, c), v)| *o += c * v);
                }
            }
        },
    );
}

impl Numbers {
    /// Those of `instance`, made once; `None` where a parameter is not known or not finite.
    pub fn of(instance: &Instance) -> Arc<Option<Numbers>> {
        instance.derived.get(|| {
            let program = instance.program();
            let plan = program.derived.get(|| Plan::new(program));
            if plan.finite { Numbers::new(instance, plan) } else { None }
        })
    }

    fn new(instance: &Instance, plan: Arc<Plan>) -> Option<Numbers> {
        let params: Vec<Entries> = (0..instance.program().params().len())
            .map(|k| instance.shared(ParamId(k as u32)))
            .collect::<Option<_>>()?;
        let matrices = (plan.matrices.iter())
            .map(|stored| match &stored.constant {
                Some(made) => made.clone(),
                None => Arc::new(Layouts::new(&params[stored.weight.index()], stored.rows, stored.columns)),
            })
            .collect();
        let units = plan.units.iter().map(|(unit, len)| UnitKernel::new(instance, unit, *len)).collect();
        Some(Numbers { plan, params, matrices, units, arch: Arch::new() })
    }

    /// The entries of a parameter.
    pub fn param(&self, id: ParamId) -> &[f64] {
        &self.params[id.index()]
    }

    /// A matrix as it is stored and its layouts, or those of its transpose: how many rows and columns, and both in single precision, row by
    /// row and column by column.
    pub fn singles(&self, dense: &Dense, turned: bool) -> ((usize, usize), [&[f32]; 2]) {
        let stored = &self.plan.matrices[dense.matrix];
        let [by_rows, by_columns] = self.matrices[dense.matrix].singles();
        match turned {
            false => ((stored.rows, stored.columns), [by_rows, by_columns]),
            true => ((stored.columns, stored.rows), [by_columns, by_rows]),
        }
    }

    /// What is known of the size of a matrix.
    pub fn norms(&self, dense: &Dense) -> &Norms {
        let stored = &self.plan.matrices[dense.matrix];
        self.matrices[dense.matrix].norms(stored.rows, stored.columns)
    }

    /// The function of a unit step.
    pub fn unit(&self, unit: usize) -> &UnitKernel {
        &self.units[unit]
    }

    /// Evaluates every step at the `n` points `ys` (one after the other); f is then in the last `n` entries of the values. Returns whether
    /// all values are finite.
    pub fn forward(&self, work: &mut Workspace, ys: &[f64], n: usize) -> bool {
        let Workspace { values, scratch, .. } = work;
        for step in &self.plan.steps {
            let (before, rest) = values.split_at_mut(step.out.at * n);
            let out = &mut rest[..step.out.len * n];
            let v = |span: &Span| at(before, *span, n);
            match &step.action {
                Action::Decision => out.copy_from_slice(ys),
                Action::Affine(terms) => {
                    out.fill(0.0);
                    for term in terms {
                        self.add_term(term, before, out, n, scratch);
                    }
                }
                Action::Concat(inputs) => {
                    join(inputs, before, out, (step.out.len, n));
                }
                Action::Unit { input, unit } => self.units[*unit].apply(v(input), out, input.len),
                Action::Group { input, kind, groups } => {
                    for (out, v) in out.chunks_exact_mut(groups.len()).zip(v(input).chunks_exact(input.len)) {
                        for (g, out) in out.iter_mut().enumerate() {
                            *out = group_value(*kind, groups.group(g).iter().map(|i| v[*i]));
                        }
                    }
                }
                Action::Quadratic { input, matrix } => {
                    for (out, v) in out.iter_mut().zip(v(input).chunks_exact(input.len)) {
                        *out = matrix.iter().map(|(m, (i, j))| m * v[i] * v[j]).sum();
                    }
                }
                Action::Product(a, b) => {
                    out.iter_mut().zip(v(a)).zip(v(b)).for_each(|((o, a), b)| *o = a * b);
                }
                Action::Quotient(a, b) => {
                    out.iter_mut().zip(v(a)).zip(v(b)).for_each(|((o, a), b)| *o = a / b);
                }
                Action::Select { test, strict, then, otherwise } => {
                    let choices = v(test).iter().zip(v(then)).zip(v(otherwise));
                    out.iter_mut().zip(choices).for_each(|(o, ((test, then), otherwise))| {
                        *o = if holds(*test, *strict) { *then } else { *otherwise };
                    });
                }
            }
        }
        all_finite(&values[..n * self.plan.size])
    }

    /// out += what the term is at n points, for the values `before` it.
    pub fn add_term(&self, term: &Term, before: &[f64], out: &mut [f64], n: usize, scratch: &mut Scratch) {
        let v = input(term).map_or(&[][..], |span| at(before, span, n));
        self.add_term_of(term, v, out, n, scratch);
    }

    /// The same, for the values `v` of its input.
    pub fn add_term_of(&self, term: &Term, v: &[f64], out: &mut [f64], n: usize, scratch: &mut Scratch) {
        match term {
            Term::Param(p) => {
                let values = &self.params[p.index()];
                out.chunks_exact_mut(values.len().max(1)).for_each(|out| add(out, values));
            }
            Term::Copy(_) => add(out, v),
            Term::Scale { by, .. } => add_scaled(out, &self.params[by.index()], v),
            Term::Dense { dense, .. } => {
                self.multiply(dense, dense.transposed, v, out, n, scratch);
            }
            Term::Sparse { input, matrix } => {
                scratch.multiplications += (n * matrix.nnz()) as u64;
                for (out, v) in out.chunks_exact_mut(matrix.rows()).zip(v.chunks_exact(input.len)) {
                    matrix.iter().for_each(|(m, (i, j))| out[i] += m * v[j]);
                }
            }
            Term::Convolution { input, weight, runs } => {
                scratch.multiplications += n as u64 * runs.multiplications();
                let (len, weights) = (out.len() / n.max(1), &self.params[weight.index()]);
                for (out, v) in out.chunks_exact_mut(len.max(1)).zip(v.chunks_exact(input.len.max(1))) {
                    vectorised(|| runs.apply(weights, v, out));
                }
            }
            Term::Gather { input, index } => {
                for (out, v) in out.chunks_exact_mut(index.len().max(1)).zip(v.chunks_exact(input.len.max(1))) {
                    out.iter_mut().zip(index.iter()).for_each(|(o, i)| *o += v[*i]);
                }
            }
        }
    }

    /// ∇f at the points of the last forward pass, point by point in the first entries of the adjoints.
    pub fn backward(&self, work: &mut Workspace, n: usize) {
        let Workspace { values, adjoints, scratch } = work;
        let size = n * self.plan.size;
        adjoints[..size - n].fill(0.0);
        adjoints[size - n..size].fill(1.0);
        for step in self.plan.steps.iter().rev() {
            let (before, rest) = adjoints.split_at_mut(step.out.at * n);
            let above = &rest[..step.out.len * n];
            let v = |span: &Span| at(values, *span, n);
            match &step.action {
                Action::Decision => {}
                Action::Affine(terms) => {
                    for term in terms {
                        self.add_term_adjoint(term, above, before, n, scratch);
                    }
                }
                Action::Concat(inputs) => {
                    add_joined_adjoint(inputs, above, before, (step.out.len, n));
                }
                Action::Unit { input, unit } => {
                    let below = at_mut(before, *input, n);
                    self.units[*unit].add_adjoint(v(input), above, below, input.len);
                }
                Action::Group { input, kind, groups } => {
                    let (t, out, below) = (v(input), v(&step.out), at_mut(before, *input, n));
                    let rows = below.chunks_exact_mut(input.len).zip(t.chunks_exact(input.len));
                    let above = above.chunks_exact(groups.len()).zip(out.chunks_exact(groups.len()));
                    for ((below, t), (above, out)) in rows.zip(above) {
                        for g in (0..groups.len()).filter(|g| above[*g] != 0.0) {
                            add_group_adjoint(*kind, groups.group(g), t, (out[g], above[g]), below);
                        }
                    }
                }
                Action::Quadratic { input, matrix } => {
                    let rows =
                        at_mut(before, *input, n).chunks_exact_mut(input.len).zip(v(input).chunks_exact(input.len));
                    for ((below, t), a) in rows.zip(above) {
                        for (m, (i, j)) in matrix.iter() {
                            below[i] += a * m * t[j];
                            below[j] += a * m * t[i];
                        }
                    }
                }
                Action::Product(a, b) => {
                    let add = |below: &mut [f64], other: &[f64]| {
                        below.iter_mut().zip(above).zip(other).for_each(|((o, above), t)| *o += above * t);
                    };
                    add(at_mut(before, *a, n), v(b));
                    add(at_mut(before, *b, n), v(a));
                }
                Action::Quotient(a, b) => {
                    let (p, q) = (v(a), v(b));
                    let below = at_mut(before, *a, n).iter_mut().zip(above).zip(q);
                    below.for_each(|((o, above), q)| *o += above / q);
                    let below = at_mut(before, *b, n).iter_mut().zip(above).zip(p).zip(q);
                    below.for_each(|(((o, above), p), q)| *o -= above * p / (q * q));
                }
                Action::Select { test, strict, then, otherwise } => {
                    let add = |below: &mut [f64], when: bool| {
                        let entries = below.iter_mut().zip(above).zip(v(test));
                        entries.filter(|(_, t)| holds(**t, *strict) == when).for_each(|((o, above), _)| *o += above);
                    };
                    add(at_mut(before, *then, n), true);
                    add(at_mut(before, *otherwise, n), false);
                }
            }
        }
    }

    /// Passes the adjoints `above` a term down, at n points.
    pub fn add_term_adjoint(&self, term: &Term, above: &[f64], before: &mut [f64], n: usize, scratch: &mut Scratch) {
        if let Some(span) = input(term) {
            self.add_term_adjoint_to(term, above, at_mut(before, span, n), n, scratch);
        }
    }

    /// The same, to the adjoints `below` of its input.
    pub fn add_term_adjoint_to(&self, term: &Term, above: &[f64], below: &mut [f64], n: usize, scratch: &mut Scratch) {
        match term {
            Term::Param(_) => {}
            Term::Copy(_) => add(below, above),
            Term::Scale { by, .. } => add_scaled(below, &self.params[by.index()], above),
            Term::Dense { dense, .. } => {
                self.multiply(dense, !dense.transposed, above, below, n, scratch);
            }
            Term::Sparse { input, matrix } => {
                scratch.multiplications += (n * matrix.nnz()) as u64;
                let rows = below.chunks_exact_mut(input.len).zip(above.chunks_exact(matrix.rows()));
                for (below, above) in rows {
                    matrix.iter().for_each(|(m, (i, j))| below[j] += m * above[i]);
                }
            }
            Term::Convolution { input, weight, runs } => {
                scratch.multiplications += n as u64 * runs.multiplications();
                let (len, weights) = (above.len() / n.max(1), &self.params[weight.index()]);
                let below = below.chunks_exact_mut(input.len.max(1));
                for (below, above) in below.zip(above.chunks_exact(len.max(1))) {
                    vectorised(|| runs.apply_transposed(weights, above, below));
                }
            }
            Term::Gather { input, index } => {
                let below = below.chunks_exact_mut(input.len.max(1));
                for (below, above) in below.zip(above.chunks_exact(index.len().max(1))) {
                    index.iter().zip(above).for_each(|(i, a)| below[*i] += a);
                }
            }
        }
    }

    /// What [`add_term_adjoint`](Self::add_term_adjoint) adds for adjoints that are 1 at one of `len` elements and 0 elsewhere: `elements` has that of each
    /// of n points.
    pub fn add_term_rows(
        &self,
        term: &Term,
        elements: impl Iterator<Item = usize>,
        len: usize,
        before: &mut [f64],
        n: usize,
        scratch: &mut Scratch,
    ) {
        if let Term::Dense { input, dense } = term
            && let Some(matrix) = self.rows_of(dense, (len, input.len))
        {
            let below = at_mut(before, *input, n).chunks_exact_mut(input.len.max(1));
            elements.zip(below).for_each(|(i, below)| matrix.add_row(i, below));
            scratch.multiplications += (n * input.len) as u64;
            return;
        }
        let mut above = vec![0.0; n * len];
        elements.enumerate().for_each(|(point, i)| above[point * len + i] = 1.0);
        self.add_term_adjoint(term, &above, before, n, scratch);
    }

    /// The matrix of a term row by row, where it has so many rows and columns.
    pub fn rows_of(&self, dense: &Dense, size: (usize, usize)) -> Option<&Weights> {
        let (stored, layouts) = (&self.plan.matrices[dense.matrix], &self.matrices[dense.matrix]);
        match dense.transposed {
            true => ((stored.columns, stored.rows) == size).then_some(&layouts.by_columns),
            false => ((stored.rows, stored.columns) == size).then_some(&layouts.by_rows),
        }
    }

    /// out += A·v for each vector side by side in `v`, at n points; A is the matrix as it is stored, or its transpose.
    fn multiply(&self, dense: &Dense, turned: bool, v: &[f64], out: &mut [f64], n: usize, scratch: &mut Scratch) {
        let (stored, layouts) = (&self.plan.matrices[dense.matrix], &self.matrices[dense.matrix]);
        let (rows, columns, by_rows, by_columns) = match turned {
            false => (stored.rows, stored.columns, &layouts.by_rows, &layouts.by_columns),
            true => (stored.columns, stored.rows, &layouts.by_columns, &layouts.by_rows),
        };
        if rows == 0 || columns == 0 {
            return;
        }
        if n >= MANY && rows >= NARROW {
            let used = vectorised(
                #[inline(always)]
                || v.iter().map(|t| u64::from(*t != 0.0)).sum::<u64>(),
            );
            if used >= v.len() as u64 / SPARSE {
                scratch.multiplications += used * rows as u64;
                let a = Columns { matrix: by_columns, rows, columns };
                return add_product(self.arch, a, v, out, &mut scratch.blocks);
            }
        }
        for (v, out) in v.chunks_exact(columns).zip(out.chunks_exact_mut(rows)) {
            if rows < NARROW {
                scratch.multiplications += (rows * columns) as u64;
                add_products(self.arch, by_rows, v, out);
            } else {
                accumulate_rows(self.arch, by_columns, v, out, &mut scratch.nonzeros);
                scratch.multiplications += scratch.nonzeros.count() as u64 * rows as u64;
            }
        }
    }
}

/// What one group passes down; `out` is its value and `above` its adjoint.
fn add_group_adjoint(kind: GroupKind, group: &[usize], t: &[f64], (out, above): (f64, f64), below: &mut [f64]) {
    match kind {
        GroupKind::Max => {
            if let Some(first) = group.iter().find(|i| t[**i] == out) {
                below[*first] += above;
            }
        }
        GroupKind::LogSumExp => group.iter().for_each(|i| below[*i] += above * (t[*i] - out).exp()),
        GroupKind::Norm if out > 0.0 => group.iter().for_each(|i| below[*i] += above * t[*i] / out),
        GroupKind::Norm => {}
    }
}
