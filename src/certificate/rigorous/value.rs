//! f at a point, enclosed: a forward pass with midpoints and radii.

use super::balls::{Balls, ball, product, scaled};
use super::functions::value as value_of_unit;
use super::{laid_out, linear};
use crate::ir::elementary::log_sum_exp;
use crate::ir::forward::Scalars;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;
use crate::lower::oracle::sizes::Matrices;

/// An interval that holds the real number f(y), for y taken exactly as it is; `None` where a unit has no enclosure, a
/// number leaves f64, the context is open, or y has another length than p.
pub fn value(instance: &Instance, y: &[f64]) -> Option<Interval> {
    if y.len() != instance.decisions() || !instance.is_given() || y.iter().any(|v| !v.is_finite()) {
        return None;
    }
    if let Some(found) = laid_out::value(instance, y) {
        return Some(found);
    }
    let nodes = instance.program().nodes();
    let matrices = Matrices::of(instance.program());
    let mut values: Vec<Balls> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let v = of_node(instance, &matrices, &node.op, node.len, &values, y)?;
        if !v.is_finite() {
            return None;
        }
        values.push(v);
    }
    values.last().filter(|v| v.len() == 1).map(|v| v.interval(0))
}

fn of_node(
    instance: &Instance,
    matrices: &Matrices,
    op: &Op,
    len: usize,
    values: &[Balls],
    y: &[f64],
) -> Option<Balls> {
    let v = |id: &NodeId| &values[id.index()];
    let mut out = Balls::zeros(len);
    match op {
        Op::Decision => return Some(Balls::exact(y.to_vec())),
        Op::Param(p) => return Some(Balls::exact(instance.known(*p)?.to_vec())),
        Op::Linear { input, map } => return Some(linear::apply(instance, matrices, map, false, v(input))),
        Op::Scale { input, by } => {
            let t = v(input);
            for i in 0..len {
                (out.mid[i], out.rad[i]) = scaled(instance.entry(*by, i)?, (t.mid[i], t.rad[i]));
            }
        }
        Op::Sum(inputs) => inputs.iter().for_each(|id| out.add_all(v(id))),
        Op::Concat(inputs) => {
            out.mid = inputs.iter().flat_map(|id| &v(id).mid).copied().collect();
            out.rad = inputs.iter().flat_map(|id| &v(id).rad).copied().collect();
        }
        Op::Unit { input, unit } => of_units(&instance.scalars(unit, len), v(input), &mut out)?,
        Op::Group { input, kind, groups } => {
            let t = v(input);
            for g in 0..len {
                let members: Vec<Interval> = groups.group(g).iter().map(|i| t.interval(*i)).collect();
                out.set(g, of_group(*kind, &members));
            }
        }
        Op::Quadratic { input, matrix } => {
            let t = v(input);
            let entry = |i: usize| (t.mid[i], t.rad[i]);
            for (m, (i, j)) in matrix.iter() {
                let (mid, rad) = scaled(*m, product(entry(i), entry(j)));
                out.add(0, mid, rad);
            }
        }
        Op::Product(a, b) => {
            let (a, b) = (v(a), v(b));
            for i in 0..len {
                (out.mid[i], out.rad[i]) = product((a.mid[i], a.rad[i]), (b.mid[i], b.rad[i]));
            }
        }
        Op::Quotient(a, b) => {
            let (a, b) = (v(a), v(b));
            for i in 0..len {
                out.set(i, a.interval(i).product(inverse(b.interval(i))?));
            }
        }
        Op::Select { test, strict, then, otherwise } => {
            let (test, then, otherwise) = (v(test), v(then), v(otherwise));
            for i in 0..len {
                let t = test.interval(i);
                let chosen = if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                    then.interval(i)
                } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                    otherwise.interval(i)
                } else {
                    then.interval(i).hull(otherwise.interval(i))
                };
                out.set(i, chosen);
            }
        }
    }
    Some(out)
}

/// 1/i for an interval without 0.
pub(super) fn inverse(i: Interval) -> Option<Interval> {
    (!i.contains(0.0)).then(|| Interval::new((1.0 / i.upper).next_down(), (1.0 / i.lower).next_up()))
}

fn of_units(scalars: &Scalars, t: &Balls, out: &mut Balls) -> Option<()> {
    // Relu: exact in the midpoint, and |relu(a) − relu(b)| ≤ |a − b|.
    if let Scalars::Shared(Scalar::Lines(lines)) = scalars
        && let [left, right] = lines.pieces()
        && (left.slope, right.slope) == (0.0, 1.0)
        && left.intercept == 0.0
        && right.intercept == 0.0
    {
        let from = t.mid.iter().zip(&t.rad);
        for ((mid, rad), (m, r)) in out.mid.iter_mut().zip(&mut out.rad).zip(from) {
            *mid = m.max(0.0);
            *rad = if *m + *r < 0.0 { 0.0 } else { *r };
        }
        return Some(());
    }
    for i in 0..t.len() {
        (out.mid[i], out.rad[i]) = ball(value_of_unit(scalars.get(i), t.interval(i))?);
    }
    Some(())
}

fn of_group(kind: GroupKind, members: &[Interval]) -> Interval {
    match kind {
        GroupKind::Max => members
            .iter()
            .copied()
            .reduce(|a, b| Interval::new(a.lower.max(b.lower), a.upper.max(b.upper)))
            .unwrap_or(Interval::ENTIRE),
        GroupKind::LogSumExp => log_sum_exp(members),
        GroupKind::Norm => norm(members),
    }
}

/// √Σ t², scaled so that no square leaves f64.
pub(super) fn norm(members: &[Interval]) -> Interval {
    let size = members.iter().fold(0.0f64, |m, t| m.max(t.lower.abs()).max(t.upper.abs()));
    if size == 0.0 || !size.is_finite() {
        return if size == 0.0 { Interval::point(0.0) } else { Interval::ENTIRE };
    }
    let Some(inverse) = inverse(Interval::point(size)) else { return Interval::ENTIRE };
    let square = |t: &Interval| {
        let t = t.product(inverse);
        let (a, b) = (t.lower.abs(), t.upper.abs());
        let least = if t.contains(0.0) { 0.0 } else { (a.min(b) * a.min(b)).next_down().max(0.0) };
        Interval::new(least, (a.max(b) * a.max(b)).next_up())
    };
    let sum = members.iter().map(square).fold(Interval::point(0.0), Interval::plus);
    let root = Interval::new(sum.lower.max(0.0).sqrt().next_down().max(0.0), sum.upper.sqrt().next_up());
    let i = root.product(Interval::point(size));
    Interval::new(i.lower.max(0.0), i.upper)
}
