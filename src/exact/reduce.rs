//! One function as exact rows: on a fixed pattern of pieces f, and what is 0 at each kink, are affine functions of y alone. One
//! backward pass carries the rows of all kinks together, down through the units that are on a sloped piece; no depth and no width
//! is left.
//!
//! A unit at a kink takes the piece on the left as its base. Where its pre-activation t has weight w in f and multiplier
//! m = w·s + μ·(s′ − s), s and s′ the slopes left and right, μ belongs to the row "the two pieces agree":
//! (s′ − s)·t + (i′ − i) = 0. A maximum takes its first member as base, with one row for each other member.
//!
//! Units and maxima that are left open are variables: the pass ends at them, and their rows are the bare pre-activation, one for
//! each open member.

use super::pattern::{Role, backwards};
use super::planes::{Digits, Planes, Sum, parts};
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::linear::LinearMap;
use crate::ir::lines::Line;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;

/// More entries than this in the adjoints of one node are too many.
const LARGEST: usize = 1 << 26;

/// A kink that has a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tie {
    /// The unit or the maximum.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// Of a maximum: which of its tied members, from 1, or of its open ones, from 0; 0 for units.
    pub member: usize,
}

/// The rows of one function.
#[derive(Debug)]
pub struct Reduced {
    /// What rows 1.. stand for; row 0 is the function itself.
    pub ties: Vec<Tie>,
    /// Row · y, (1 + ties) × p.
    pub gradient: Planes,
    /// Constants of the rows, (1 + ties) × 1.
    pub constant: Planes,
    /// For each node with ties: the weights that its tied elements have in each row.
    pub weights: Vec<(NodeId, Vec<usize>, Planes)>,
}

/// The ties of a function, those of later nodes first.
pub fn ties(instance: &Instance, roles: &[Vec<Role>]) -> Vec<Tie> {
    let mut out = vec![];
    for node in backwards(instance) {
        for (element, role) in roles[node.index()].iter().enumerate() {
            let members = match role {
                Role::Piece(_) => 0..0,
                Role::Tie(_) => 0..1,
                Role::Members(members) => 1..members.len(),
                Role::Open(members) => match &instance.program().node(node).op {
                    Op::Group { .. } => 0..members.len(),
                    _ => 0..1,
                },
            };
            out.extend(members.map(|member| Tie { node, element, member }));
        }
    }
    out
}

/// The backward pass. Errors say what cannot be reduced.
pub fn reduce(instance: &Instance, bounds: &Bounds, roles: &[Vec<Role>]) -> Result<Reduced, String> {
    let ties = ties(instance, roles);
    let rows = 1 + ties.len();
    let nodes = instance.program().nodes();
    let mut pass =
        Pass { instance, bounds, sums: vec![None; nodes.len()], rows, constant: Sum::new(rows, 1), filled: 1 };
    pass.sum(instance.program().output()).add_entry(0, 0, &Digits::of(1.0));
    let (mut gradient, mut weights, mut next) = (None, vec![], 0);
    for id in backwards(instance) {
        if rows.saturating_mul(nodes[id.index()].len) > LARGEST {
            return Err(format!("{} with {rows} rows is too large", instance.program().describe(id)));
        }
        pass.filled = 1 + next;
        let first = next;
        next += ties[next..].iter().take_while(|tie| tie.node == id).count();
        let adjoint = match pass.sums[id.index()].take() {
            Some(sum) => {
                sum.finish().ok_or_else(|| format!("{}: numbers too far apart", instance.program().describe(id)))?
            }
            None if next == first => continue,
            None => Planes::empty(rows, nodes[id.index()].len),
        };
        if id.index() == 0 {
            gradient = Some(adjoint);
            continue;
        }
        pass.node(id, &adjoint, &roles[id.index()])
            .map_err(|reason| format!("{}: {reason}", instance.program().describe(id)))?;
        if next > first {
            let mut elements: Vec<usize> = ties[first..next].iter().map(|tie| tie.element).collect();
            elements.dedup();
            weights.push((id, elements.clone(), adjoint.of_columns(&elements)));
            for (k, tie) in ties[first..next].iter().enumerate() {
                pass.seed(1 + first + k, tie, &roles[id.index()][tie.element])?;
            }
        }
    }
    let constant = pass.constant.finish().ok_or("constants too far apart")?;
    let gradient = gradient.unwrap_or_else(|| Planes::empty(rows, instance.decisions()));
    Ok(Reduced { ties, gradient, constant, weights })
}

struct Pass<'a> {
    instance: &'a Instance,
    bounds: &'a Bounds,
    sums: Vec<Option<Sum>>,
    rows: usize,
    constant: Sum,
    /// Rows that can be other than 0 so far.
    filled: usize,
}

impl Pass<'_> {
    /// The adjoints of a node under construction.
    fn sum(&mut self, id: NodeId) -> &mut Sum {
        let (rows, len) = (self.rows, self.instance.program().node(id).len);
        self.sums[id.index()].get_or_insert_with(|| Sum::new(rows, len))
    }

    /// Puts the row of a kink on the pre-activation.
    fn seed(&mut self, row: usize, tie: &Tie, role: &Role) -> Result<(), String> {
        let add = |pass: &mut Self, input: NodeId, at: usize, v: f64| {
            pass.sum(input).add_entry(row, at, &Digits::of(v));
        };
        match (&self.instance.program().node(tie.node).op, role) {
            (Op::Unit { input, unit }, Role::Tie(left)) => {
                let (left, right) = (*left as usize, *left as usize + 1);
                let pieces = lines(self.instance.scalar(unit, tie.element))?;
                let (Some(a), Some(b)) = (pieces.get(left), pieces.get(right)) else {
                    return Err("a kink without pieces".into());
                };
                add(self, *input, tie.element, b.slope);
                add(self, *input, tie.element, -a.slope);
                self.constant.add_entry(row, 0, &Digits::of(b.intercept));
                self.constant.add_entry(row, 0, &Digits::of(-a.intercept));
            }
            (Op::Unit { input, .. }, Role::Open(_)) => add(self, *input, tie.element, 1.0),
            (Op::Group { input, groups, .. }, Role::Open(members)) => {
                add(self, *input, groups.group(tie.element)[members[tie.member] as usize], 1.0);
            }
            (Op::Group { input, groups, .. }, Role::Members(members)) => {
                let group = groups.group(tie.element);
                add(self, *input, group[members[tie.member] as usize], 1.0);
                add(self, *input, group[members[0] as usize], -1.0);
            }
            _ => return Err("a kink that is none".into()),
        }
        Ok(())
    }

    /// Passes the adjoints of a node on to its inputs.
    fn node(&mut self, id: NodeId, adjoint: &Planes, roles: &[Role]) -> Result<(), String> {
        let instance = self.instance;
        let live = adjoint.live();
        let one = Digits::of(1.0);
        match &instance.program().node(id).op {
            Op::Decision => {}
            Op::Param(p) => {
                for i in live {
                    let v = instance.entry(*p, i).ok_or("an open context")?;
                    self.constant.add_column(0, adjoint, i, &Digits::of(v));
                }
            }
            Op::Linear { input, map } => self.linear(*input, map, adjoint, &live)?,
            Op::Scale { input, by } => {
                for i in live {
                    let v = instance.entry(*by, i).ok_or("an open context")?;
                    self.sum(*input).add_column(i, adjoint, i, &Digits::of(v));
                }
            }
            Op::Sum(inputs) => {
                for input in inputs {
                    let sum = self.sum(*input);
                    live.iter().for_each(|i| sum.add_column(*i, adjoint, *i, &one));
                }
            }
            Op::Concat(inputs) => {
                let mut start = 0;
                for input in inputs {
                    let len = instance.program().node(*input).len;
                    let sum = self.sum(*input);
                    let inside = live.iter().filter(|i| (start..start + len).contains(i));
                    inside.for_each(|i| sum.add_column(*i - start, adjoint, *i, &one));
                    start += len;
                }
            }
            Op::Unit { input, unit } => {
                for i in live {
                    let pieces = lines(instance.scalar(unit, i))?;
                    let at = match &roles[i] {
                        Role::Piece(k) | Role::Tie(k) => *k as usize,
                        Role::Open(_) => continue,
                        Role::Members(_) => return Err("a unit with members".into()),
                    };
                    let piece = pieces.get(at).ok_or("a piece that is none")?;
                    self.sum(*input).add_column(i, adjoint, i, &Digits::of(piece.slope));
                    self.constant.add_column(0, adjoint, i, &Digits::of(piece.intercept));
                }
            }
            Op::Group { input, kind: GroupKind::Max, groups } => {
                for g in live {
                    let members = match &roles[g] {
                        Role::Members(members) => members,
                        Role::Open(_) => continue,
                        _ => return Err("a maximum without members".into()),
                    };
                    let base = groups.group(g)[*members.first().ok_or("a maximum without members")? as usize];
                    self.sum(*input).add_column(base, adjoint, g, &one);
                }
            }
            Op::Group { .. } | Op::Quadratic { .. } if !live.is_empty() => return Err("not piecewise linear".into()),
            Op::Group { .. } | Op::Quadratic { .. } => {}
            Op::Product(a, b) => {
                for i in live {
                    let (p, q) = (self.bounds.of(*a)[i], self.bounds.of(*b)[i]);
                    let (factor, other) = match (p.is_point(), q.is_point()) {
                        (true, _) => (p.lower, *b),
                        (_, true) => (q.lower, *a),
                        _ => return Err("both factors depend on y".into()),
                    };
                    self.sum(other).add_column(i, adjoint, i, &Digits::of(factor));
                }
            }
            Op::Quotient(a, b) => {
                for i in live {
                    let q = self.bounds.of(*b)[i];
                    if !q.is_point() || !(1.0 / q.lower).is_finite() || parts(q.lower).is_none_or(|(m, _)| m.abs() != 1)
                    {
                        return Err("a divisor that is no power of two".into());
                    }
                    self.sum(*a).add_column(i, adjoint, i, &Digits::of(1.0 / q.lower));
                }
            }
            Op::Select { test, strict, then, otherwise } => {
                for i in live {
                    let t = self.bounds.of(*test)[i];
                    let chosen = if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                        *then
                    } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                        *otherwise
                    } else {
                        return Err("a choice that the domain does not decide".into());
                    };
                    self.sum(chosen).add_column(i, adjoint, i, &one);
                }
            }
        }
        Ok(())
    }

    fn linear(&mut self, input: NodeId, map: &LinearMap, adjoint: &Planes, live: &[usize]) -> Result<(), String> {
        let instance = self.instance;
        let weights = instance.weights(map);
        if let (LinearMap::Dense { rows, columns, repeat, transposed, .. }, Some(w)) = (map, weights) {
            let filled = self.filled;
            let sum = self.sum(input);
            let (row_step, column_step) = if *transposed { (1, *rows) } else { (*columns, 1) };
            for block in 0..*repeat {
                let inside = block * rows..(block + 1) * rows;
                let here: Vec<usize> = live.iter().copied().filter(|i| inside.contains(i)).collect();
                let entry = |i: usize, j: usize| w[(here[i] - inside.start) * row_step + j * column_step];
                let right = Planes::of(here.len(), *columns, entry).ok_or("weights too far apart")?;
                sum.add_product(filled, adjoint, &here, &right, block * columns);
            }
            return Ok(());
        }
        if map.param().is_some() && weights.is_none() {
            return Err("an open context".into());
        }
        let mut used = vec![false; map.output_len()];
        live.iter().for_each(|i| used[*i] = true);
        let sum = self.sum(input);
        map.visit(weights, |i, j, w| {
            if used[i] && w != 0.0 {
                sum.add_column(j, adjoint, i, &Digits::of(w));
            }
        });
        Ok(())
    }
}

/// The pieces of a unit.
pub fn lines(scalar: Scalar) -> Result<Vec<Line>, String> {
    match scalar {
        Scalar::Lines(lines) => Ok(lines.pieces().to_vec()),
        _ => Err("not piecewise linear".into()),
    }
}
