//! The printed form of a [`Program`], one node a line. What is printed in full (`{:#}`) can be parsed again, see
//! [`super::parse`]; the plain form leaves large weights out.

use std::fmt::{self, Display, Write};

use super::bounds::Bounds;
use super::convexity::Proof;
use super::instance::Instance;
use super::interval::Short;
use super::linear::LinearMap;
use super::program::{NodeId, Op, ParamId, ParamSource, Program};
use super::unit::Unit;

/// Most numbers the plain form prints of one parameter.
const MOST: usize = 16;

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines(f.alternate()) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl Program {
    /// The listing with extents, hull of the intervals, and curvature of each node behind it.
    pub fn listing(&self, bounds: &Bounds, proof: &Proof, rules: bool) -> String {
        let lines = self.lines(false);
        let ids = (0..self.nodes.len()).map(|k| NodeId(k as u32));
        let mut out = String::new();
        // The first line is that of n0, the decision; the last one names the output.
        for (line, id) in lines.iter().filter(|l| !l.starts_with("x ") && !l.starts_with("x:")).zip(ids) {
            let node = self.node(id);
            let name = if node.name.is_empty() { String::new() } else { format!(" '{}'", node.name) };
            let rule = if rules { format!("  — {}", proof.rule(id)) } else { String::new() };
            let _ = writeln!(
                out,
                "{line}  # {:?} in {} {}{name}{rule}",
                node.shape,
                bounds.hull(id),
                curvatures(proof, id)
            );
        }
        let _ = writeln!(out, "output {}", self.output());
        out
    }

    fn lines(&self, full: bool) -> Vec<String> {
        let mut lines = vec![];
        for step in &self.context.steps {
            let reads: Vec<String> = step.node.inputs.iter().flatten().cloned().collect();
            lines.push(format!("x: {} = {} {}", step.node.name, step.node.op, reads.join(" ")));
        }
        lines.push(format!("y {}", self.decisions()));
        for (k, node) in self.nodes.iter().enumerate().skip(1) {
            lines.push(format!("n{k} = {}", self.operation(&node.op, full)));
        }
        lines.push(format!("output {}", self.output()));
        lines
    }

    fn operation(&self, op: &Op, full: bool) -> String {
        let ids = |ids: &[NodeId]| ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
        let name = op.name();
        match op {
            Op::Decision => name.into(),
            Op::Param(p) => format!("{name} {}", self.numbers(*p, full)),
            Op::Linear { input, map } => match map {
                LinearMap::Dense { weight, rows, columns, repeat, transposed } => {
                    let matrix = self.matrix(*weight, *rows, *columns, *transposed, full);
                    let repeat = if *repeat == 1 { String::new() } else { format!(" repeat {repeat}") };
                    format!("{name} {input} {matrix}{repeat}")
                }
                LinearMap::Sparse(m) => {
                    let entries: Vec<String> = m.iter().map(|(v, (i, j))| format!("{i} {j} {v}")).collect();
                    let entries =
                        if full || m.nnz() <= MOST { entries.join(", ") } else { format!("{} entries", m.nnz()) };
                    format!("{name} {input} {}x{} [{entries}]", m.rows(), m.cols())
                }
                LinearMap::Convolution { weight, geometry: g } => format!(
                    "{name} {input} {}x{:?} -> {}x{:?} kernel {:?} strides {:?} dilations {:?} pads {:?} groups {} {}",
                    g.input_channels,
                    g.input,
                    g.output_channels,
                    g.output,
                    g.kernel,
                    g.strides,
                    g.dilations,
                    g.pads,
                    g.groups,
                    self.numbers(*weight, full)
                ),
                LinearMap::Gather { index, .. } => {
                    if full || index.len() <= MOST {
                        format!("{name} {input} {index:?}")
                    } else {
                        format!("{name} {input} <{} entries>", index.len())
                    }
                }
            },
            Op::Scale { input, by } => format!("{name} {input} {}", self.numbers(*by, full)),
            Op::Sum(inputs) | Op::Concat(inputs) => format!("{name} {}", ids(inputs)),
            Op::Unit { input, unit } => format!("{} {input}{}", unit.name(), self.unit_numbers(unit, full)),
            Op::Group { input, groups, .. } => {
                let text: Vec<String> = (0..groups.len()).map(|g| format!("{:?}", groups.group(g))).collect();
                if full || groups.members().len() <= MOST {
                    format!("{name} {input} {}", text.join(" "))
                } else {
                    format!("{name} {input} <{} groups of {} entries>", groups.len(), groups.members().len())
                }
            }
            Op::Quadratic { input, matrix } => {
                let entries: Vec<String> = matrix.iter().map(|(v, (i, j))| format!("{i} {j} {v}")).collect();
                let entries =
                    if full || matrix.nnz() <= MOST { entries.join(", ") } else { format!("{} entries", matrix.nnz()) };
                format!("{name} {input} {}x{} [{entries}]", matrix.rows(), matrix.cols())
            }
            Op::Product(a, b) | Op::Quotient(a, b) => format!("{name} {a} {b}"),
            Op::Select { test, strict, then, otherwise } => {
                format!("{name} {test} {} 0 {then} {otherwise}", if *strict { ">" } else { ">=" })
            }
        }
    }

    fn unit_numbers(&self, unit: &Unit, full: bool) -> String {
        match unit {
            Unit::Leaky(p) => format!(" {}", self.numbers(*p, full)),
            Unit::Clip { lower, upper } => format!(" {lower} {upper}"),
            Unit::Softplus { beta, .. } => format!(" {beta}"),
            Unit::Elu { alpha } | Unit::Celu { alpha } => format!(" {alpha}"),
            Unit::Power(p) => format!(" {p}"),
            Unit::Lines(lines) => {
                let mut text = String::new();
                for (k, piece) in lines.pieces().iter().enumerate() {
                    if k > 0 {
                        let _ = write!(text, " | {} |", lines.breaks()[k - 1]);
                    }
                    let _ = write!(text, " {} {}", piece.slope, piece.intercept);
                }
                text
            }
            Unit::Combination(terms) => {
                let parts: Vec<String> = terms
                    .iter()
                    .map(|t| {
                        let numbers = self.unit_numbers(&t.unit, full);
                        format!(" {} * {}({}){numbers}", self.numbers(t.weight, full), t.unit.name(), t.inner)
                    })
                    .collect();
                parts.join(" +")
            }
            _ => String::new(),
        }
    }

    /// A parameter's entries, or where they come from.
    fn numbers(&self, id: ParamId, full: bool) -> String {
        let param = &self.params[id.index()];
        match &param.source {
            ParamSource::Context { range, .. } => format!("<{} of x: '{}' in {range}>", param.len, param.name),
            ParamSource::Constant(v) if full || v.len() <= MOST => list(v),
            ParamSource::Constant(v) => format!("<{} entries>", v.len()),
        }
    }

    fn matrix(&self, id: ParamId, rows: usize, columns: usize, transposed: bool, full: bool) -> String {
        let param = &self.params[id.index()];
        match &param.source {
            ParamSource::Constant(v) if full || v.len() <= MOST => {
                let at = |i: usize, j: usize| if transposed { v[j * rows + i] } else { v[i * columns + j] };
                let rows: Vec<String> =
                    (0..rows).map(|i| list(&(0..columns).map(|j| at(i, j)).collect::<Vec<_>>())).collect();
                format!("[{}]", rows.join(", "))
            }
            ParamSource::Constant(_) => format!("<{rows}x{columns}>"),
            ParamSource::Context { .. } => format!("<{rows}x{columns} of x: '{}'>", param.name),
        }
    }
}

/// The x-path values at one context, for a dump that was given one.
pub fn context_listing(instance: &Instance) -> String {
    let mut out = String::new();
    for (k, param) in instance.program().params().iter().enumerate() {
        let id = ParamId(k as u32);
        if let (ParamSource::Context { .. }, Some(v)) = (&param.source, instance.known(id)) {
            let shown: Vec<String> = v.iter().take(MOST).map(|v| Short(*v).to_string()).collect();
            let more = if v.len() > MOST { ", …" } else { "" };
            let _ = writeln!(out, "# '{}' = [{}{more}]", param.name, shown.join(", "));
        }
    }
    out
}

fn list(v: &[f64]) -> String {
    let entries: Vec<String> = v.iter().map(f64::to_string).collect();
    format!("[{}]", entries.join(", "))
}

fn curvatures(proof: &Proof, id: NodeId) -> String {
    let mut kinds: Vec<(String, usize)> = vec![];
    for c in proof.of(id) {
        let name = c.to_string();
        match kinds.iter_mut().find(|k| k.0 == name) {
            Some(k) => k.1 += 1,
            None => kinds.push((name, 1)),
        }
    }
    match kinds.as_slice() {
        [(name, _)] => name.clone(),
        many => many.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", "),
    }
}
