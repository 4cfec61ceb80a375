//! Functions that exporters write in pieces, put back together: without this the proof would fail on networks that are convex.

use std::sync::Arc;

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::rearrange::broadcast_shape;
use crate::ir::linear::LinearMap;
use crate::ir::lines::{Line, Lines};
use crate::ir::program::{GroupKind, Groups, NodeId, Op};
use crate::ir::unit::{Term, Unit};

/// node = scale · base + shift, the same numbers for all entries.
struct Affine {
    base: NodeId,
    scale: f64,
    shift: f64,
}

/// Peels uniform factors and shifts off a node.
fn peel(l: &Lowering, node: NodeId) -> Affine {
    let (mut base, mut scale, mut shift) = (node, 1.0, 0.0);
    loop {
        match l.builder.op(base) {
            Op::Scale { input, by } => match l.builder.constant_of(*by) {
                Some([c]) => {
                    scale *= c;
                    base = *input;
                }
                _ => break,
            },
            Op::Sum(terms) => match terms.as_slice() {
                [t, c] | [c, t] if uniform(l, *c).is_some() => {
                    shift += scale * uniform(l, *c).unwrap_or(0.0);
                    base = *t;
                }
                _ => break,
            },
            _ => break,
        }
    }
    Affine { base, scale, shift }
}

/// The number that all entries of a constant node share.
fn uniform(l: &Lowering, node: NodeId) -> Option<f64> {
    let Op::Param(p) = l.builder.op(node) else { return None };
    let values = l.builder.constant_of(*p)?;
    values.iter().all(|v| *v == values[0]).then(|| values[0])
}

/// A node as a piecewise-linear function of a base node.
fn lines(l: &Lowering, node: NodeId, base: NodeId) -> Option<Lines> {
    if let Some(c) = uniform(l, node) {
        return Some(Lines::line(0.0, c));
    }
    let outer = peel(l, node);
    let inner = if outer.base == base {
        Lines::line(1.0, 0.0)
    } else {
        let Op::Unit { input, unit } = l.builder.op(outer.base) else { return None };
        if *input != base {
            return None;
        }
        match unit {
            Unit::Relu => (*Lines::relu()).clone(),
            Unit::Abs => Lines::hinge(0.0, -1.0, 1.0),
            Unit::Clip { lower, upper } => Lines::clip(*lower, *upper),
            Unit::Lines(lines) => (**lines).clone(),
            Unit::Leaky(p) => match l.builder.constant_of(*p)? {
                [slope] => Lines::hinge(0.0, *slope, 1.0),
                _ => return None,
            },
            _ => return None,
        }
    };
    Some(Lines::sum(&[inner.scaled(outer.scale), Lines::line(0.0, outer.shift)]))
}

/// A piecewise-linear unit in its simplest form.
fn lines_unit(l: &mut Lowering, base: NodeId, lines: Lines) -> Lowered<NodeId> {
    match (lines.breaks(), lines.pieces()) {
        ([], [piece]) if piece.intercept == 0.0 => l.builder.scale_by(base, piece.slope),
        ([b], [left, right]) if *b == 0.0 && left.intercept == 0.0 && right.slope == 1.0 => {
            if left.slope == 0.0 {
                return l.builder.unit(base, Unit::Relu);
            }
            let slope = l.builder.constant("slope", vec![left.slope]);
            l.builder.unit(base, Unit::Leaky(slope))
        }
        _ => l.builder.unit(base, Unit::Lines(Arc::new(lines))),
    }
}

/// Where(condition, then, otherwise).
pub(super) fn choose(l: &mut Lowering, a: Arguments) -> Lowered {
    let (Some(Some(condition)), Some(Some(then)), Some(Some(otherwise))) = (a.first(), a.get(1), a.get(2)) else {
        return Err("it needs three inputs".into());
    };
    let shape = broadcast_shape(&[condition.shape(), then.shape(), otherwise.shape()], l.limit)?;
    let node = match condition {
        Value::Known(_) => {
            let mask = l.broadcast_param(condition, &shape)?;
            let mask: Vec<bool> = l.builder.constant_of(mask).unwrap_or(&[]).iter().map(|v| *v != 0.0).collect();
            let n: usize = shape.iter().product();
            let mask = if mask.len() == 1 { vec![mask[0]; n] } else { mask };
            let (then, otherwise) = (l.node_of(then, &shape)?, l.node_of(otherwise, &shape)?);
            if mask.iter().all(|m| *m == mask[0]) {
                return Ok(Value::Decision { node: if mask[0] { then } else { otherwise }, shape });
            }
            let both = l.builder.concat(&[then, otherwise])?;
            l.builder.gather(both, mask.iter().enumerate().map(|(i, m)| if *m { i } else { n + i }).collect())?
        }
        Value::Context { .. } => {
            // then·m + otherwise·(1 − m) with a mask of zeros and ones.
            let one = super::rearrange::known(vec![1.0], &[])?;
            let zero = super::rearrange::known(vec![0.0], &[])?;
            let mut terms = vec![];
            for (value, on, off) in [(then, &one, &zero), (otherwise, &zero, &one)] {
                let mask = l.context_op("Where", &[Some(condition.clone()), Some(on.clone()), Some(off.clone())])?;
                let mask = l.broadcast_param(&mask, &shape)?;
                let value = l.node_of(value, &shape)?;
                terms.push(l.builder.scale(value, mask)?);
            }
            l.builder.sum(&terms)?
        }
        Value::Condition { test, strict, shape: from } => {
            let test = l.node_of(&Value::Decision { node: *test, shape: from.clone() }, &shape)?;
            let (then, otherwise) = (l.node_of(then, &shape)?, l.node_of(otherwise, &shape)?);
            branch(l, test, *strict, then, otherwise)?
        }
        Value::Decision { .. } => return Err("its condition is a number, not a truth value".into()),
    };
    Ok(Value::Decision { node, shape })
}

/// A choice by the sign of `test`: softplus with its overflow guard, elu, or a continuous piecewise-linear function, where
/// it is one of these; otherwise a plain choice, which no proof covers.
fn branch(l: &mut Lowering, test: NodeId, strict: bool, then: NodeId, otherwise: NodeId) -> Lowered<NodeId> {
    let condition = peel(l, test);
    let base = condition.base;
    if condition.scale != 0.0 {
        let at = -condition.shift / condition.scale;
        let (right, left) = if condition.scale > 0.0 { (then, otherwise) } else { (otherwise, then) };
        if let Some(unit) = guarded_softplus(l, base, at, right, left).or_else(|| written_elu(l, base, at, right, left))
        {
            return l.builder.unit(base, unit);
        }
        if let (Some(left), Some(right)) = (lines(l, left, base), lines(l, right, base))
            && let Some(joined) = join(at, &left, &right)
        {
            return lines_unit(l, base, joined);
        }
    }
    l.builder.select(test, strict, then, otherwise)
}

/// `left` up to `at`, `right` beyond, if they meet there.
fn join(at: f64, left: &Lines, right: &Lines) -> Option<Lines> {
    let kept_left = left.breaks().iter().take_while(|b| **b < at).count();
    let first_right = right.breaks().iter().take_while(|b| **b <= at).count();
    let breaks: Vec<f64> = left.breaks()[..kept_left]
        .iter()
        .copied()
        .chain([at])
        .chain(right.breaks()[first_right..].iter().copied())
        .collect();
    let pieces: Vec<Line> = left.pieces()[..=kept_left].iter().chain(&right.pieces()[first_right..]).copied().collect();
    Lines::new(breaks, pieces).ok()
}

/// Where(βt > c, t, softplus(βt)/β) with c ≥ 10 is softplus_β: beyond c the two agree to e^{−c}/β.
fn guarded_softplus(l: &Lowering, base: NodeId, at: f64, right: NodeId, left: NodeId) -> Option<Unit> {
    if right != base {
        return None;
    }
    let outer = peel(l, left);
    let Op::Unit { input, unit: Unit::Softplus { beta: 1.0, .. } } = l.builder.op(outer.base) else { return None };
    let inner = peel(l, *input);
    let beta = inner.scale;
    let matches = inner.base == base
        && inner.shift == 0.0
        && outer.shift == 0.0
        && beta > 0.0
        && (outer.scale * beta - 1.0).abs() <= 4.0 * f64::EPSILON
        && at * beta >= 10.0;
    matches.then_some(Unit::Softplus { beta, switch: Some(at * beta) })
}

/// Where(t > 0, t, α(e^{t/s} − 1)), also with the exponent guarded by min(t, 0).
fn written_elu(l: &Lowering, base: NodeId, at: f64, right: NodeId, left: NodeId) -> Option<Unit> {
    if right != base || at != 0.0 {
        return None;
    }
    let outer = peel(l, left);
    let Op::Unit { input, unit: Unit::Exp } = l.builder.op(outer.base) else { return None };
    let mut inner = peel(l, *input);
    if inner.base != base {
        let guard = lines(l, inner.base, base)?;
        if guard != Lines::clip(f64::NEG_INFINITY, 0.0) {
            return None;
        }
        inner.base = base;
    }
    let alpha = outer.scale;
    if outer.shift != -alpha || inner.shift != 0.0 || alpha <= 0.0 {
        return None;
    }
    if inner.scale == 1.0 {
        Some(Unit::Elu { alpha })
    } else if (inner.scale * alpha - 1.0).abs() <= 4.0 * f64::EPSILON {
        Some(Unit::Celu { alpha })
    } else {
        None
    }
}

/// A sum. Terms that are functions of one and the same pre-activation become one unit, for example relu(t) − α·relu(−t),
/// which is a prelu and convex nondecreasing although its second term alone is concave.
pub(super) fn sum(l: &mut Lowering, terms: &[NodeId]) -> Lowered<NodeId> {
    let total = l.builder.sum(terms)?;
    let Op::Sum(terms) = l.builder.op(total).clone() else { return Ok(total) };
    if let Some(t) = logaddexp(l, &terms) {
        return l.builder.unit(t, Unit::Softplus { beta: 1.0, switch: None });
    }
    let parts: Option<Vec<(NodeId, Term)>> = terms.iter().map(|t| unit_term(l, *t)).collect();
    let Some(parts) = parts else { return Ok(total) };
    let base = parts[0].0;
    if parts.len() < 2 || parts.iter().any(|p| p.0 != base) {
        return Ok(total);
    }
    let negative = |t: &Term| l.builder.constant_of(t.weight).is_none_or(|v| v.iter().any(|c| *c < 0.0));
    let turned = |t: &Term| t.inner < 0.0;
    if !parts.iter().any(|(_, t)| negative(t) || turned(t)) {
        return Ok(total);
    }
    l.builder.unit(base, Unit::Combination(parts.into_iter().map(|p| p.1).collect()))
}

/// max(t, 0) + log(1 + e^{−|t|}), the way logaddexp(t, 0) is written, is softplus of t.
fn logaddexp(l: &Lowering, terms: &[NodeId]) -> Option<NodeId> {
    let [p, q] = terms else { return None };
    [(p, q), (q, p)].into_iter().find_map(|(p, q)| {
        let Op::Unit { input: t, unit: Unit::Relu } = l.builder.op(*p) else { return None };
        let Op::Unit { input, unit: Unit::Softplus { beta: 1.0, .. } } = l.builder.op(*q) else { return None };
        let inner = peel(l, *input);
        let Op::Unit { input: s, unit: Unit::Abs } = l.builder.op(inner.base) else { return None };
        (s == t && inner.scale == -1.0 && inner.shift == 0.0).then_some(*t)
    })
}

/// node = weight · unit(inner · base) with a constant weight and a piecewise-linear or softplus unit.
fn unit_term(l: &mut Lowering, node: NodeId) -> Option<(NodeId, Term)> {
    let (weight, body) = match l.builder.op(node).clone() {
        Op::Scale { input, by } if l.builder.constant_of(by).is_some() => (by, input),
        _ => (l.builder.constant("", vec![1.0]), node),
    };
    match l.builder.op(body).clone() {
        Op::Unit { input, unit } => {
            let inner = peel(l, input);
            (inner.shift == 0.0).then_some((inner.base, Term { weight, inner: inner.scale, unit }))
        }
        Op::Param(_) => None,
        _ => Some((body, Term { weight, inner: 1.0, unit: Unit::Power(1.0) })),
    }
}

/// If a node sums the entries of groups with weight 1: the groups and what is summed.
fn group_sum(l: &Lowering, node: NodeId) -> Option<(NodeId, Groups)> {
    let Op::Linear { input, map: LinearMap::Sparse(m) } = l.builder.op(node) else { return None };
    if m.data().iter().any(|v| *v != 1.0) {
        return None;
    }
    Some((*input, Groups::new(m.outer_iterator().map(|row| row.indices().to_vec()))))
}

/// log t; log Σ exp is one function, and so is log(1 + exp).
pub(super) fn log(l: &mut Lowering, t: NodeId) -> Lowered<NodeId> {
    if let Some((input, groups)) = group_sum(l, t)
        && let Op::Unit { input, unit: Unit::Exp } = l.builder.op(input)
    {
        let input = *input;
        return l.builder.group(input, GroupKind::LogSumExp, groups);
    }
    let inner = peel(l, t);
    if inner.scale == 1.0
        && inner.shift == 1.0
        && let Op::Unit { input, unit: Unit::Exp } = l.builder.op(inner.base)
    {
        let input = *input;
        return l.builder.unit(input, Unit::Softplus { beta: 1.0, switch: None });
    }
    l.builder.unit(t, Unit::Log)
}

/// √t; √Σt² is a norm.
pub(super) fn sqrt(l: &mut Lowering, t: NodeId) -> Lowered<NodeId> {
    if let Some((input, groups)) = group_sum(l, t)
        && let Op::Unit { input, unit: Unit::Power(2.0) } = l.builder.op(input)
    {
        let input = *input;
        return l.builder.group(input, GroupKind::Norm, groups);
    }
    l.builder.unit(t, Unit::Power(0.5))
}
