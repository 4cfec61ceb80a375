//! Values of nodes at a rational point: numerators over the denominator of the point, times one power of two per node.

use std::cmp::Ordering;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::dyadic::{Dyadic, Vector};
use super::products::product;
use super::units::{self, Shape};
use super::{NotVerified, Rationals, refused};
use crate::ir::instance::Instance;
use crate::ir::lines::Lines;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::unit::Unit;

/// See [`super::value`].
pub(super) fn value(instance: &Instance, y: &Rationals) -> Result<RBig, NotVerified> {
    let p = instance.decisions();
    if y.numerators.len() != p {
        return refused(format!("y has {} entries, the network takes {p}", y.numerators.len()));
    }
    if y.denominator.is_zero() {
        return refused("the denominator of y is 0");
    }
    let program = instance.program();
    let output = program.output();
    let decision = Vector { n: y.numerators.clone(), e: 0 };
    let used = used(instance);
    let mut values = Pass { instance, one: IBig::from(y.denominator.clone()), decision, values: vec![] };
    let constants = constants(instance)?;
    values.run(&used, &constants)?;
    values.values[output.index()]
        .as_ref()
        .map_or_else(|| refused("the output has no value"), |v| v.at(0).over(&y.denominator))
}

/// For each node whether the output reads it.
fn used(instance: &Instance) -> Vec<bool> {
    let nodes = instance.program().nodes();
    let mut used = vec![false; nodes.len()];
    used[nodes.len() - 1] = true;
    for k in (0..nodes.len()).rev() {
        if used[k] {
            nodes[k].op.inputs().iter().for_each(|i| used[i.index()] = true);
        }
    }
    used
}

/// The values of nodes that do not depend on y, where a product, a quotient or a choice asks for them.
pub(super) fn constants(instance: &Instance) -> Result<Vec<Option<Vector>>, NotVerified> {
    let nodes = instance.program().nodes();
    let asks = |op: &Op| matches!(op, Op::Product(..) | Op::Quotient(..) | Op::Select { .. });
    if !nodes.iter().any(|n| asks(&n.op)) {
        return Ok(vec![None; nodes.len()]);
    }
    let mut constant = vec![false; nodes.len()];
    for (k, node) in nodes.iter().enumerate() {
        constant[k] = !matches!(node.op, Op::Decision) && node.op.inputs().iter().all(|i| constant[i.index()]);
        // What has no exact value counts as depending on y: its readers are refused, if the output needs them.
        constant[k] &= !asks(&node.op) && supported(instance, NodeId(k as u32)).is_ok();
    }
    let mut pass = Pass { instance, one: IBig::ONE, decision: Vector::zeros(0), values: vec![] };
    pass.run(&constant, &vec![None; nodes.len()])?;
    Ok(pass.values)
}

/// Refuses the node if it has no exact value.
fn supported(instance: &Instance, id: NodeId) -> Result<(), NotVerified> {
    let node = instance.program().node(id);
    let no = |reason: &str| refused(format!("{}: {reason}", instance.program().describe(id)));
    match &node.op {
        Op::Unit { unit, .. } => units::scalars(instance, unit, node.len).map(|_| ()),
        Op::Group { kind: GroupKind::Max, .. } => Ok(()),
        Op::Group { .. } | Op::Quadratic { .. } => no("it is not piecewise linear, so it has no exact value"),
        _ => Ok(()),
    }
}

/// A forward pass: `one` is the denominator, the numerator of 1.
struct Pass<'a> {
    instance: &'a Instance,
    one: IBig,
    decision: Vector,
    values: Vec<Option<Vector>>,
}

impl Pass<'_> {
    /// Computes the nodes that `wanted` marks.
    fn run(&mut self, wanted: &[bool], constants: &[Option<Vector>]) -> Result<(), NotVerified> {
        let nodes = self.instance.program().nodes();
        let mut last_reader: Vec<usize> = (0..nodes.len()).collect();
        for (k, node) in nodes.iter().enumerate().filter(|(k, _)| wanted[*k]) {
            node.op.inputs().iter().for_each(|i| last_reader[i.index()] = k);
        }
        let keep_all = self.decision.n.is_empty();
        for (k, node) in nodes.iter().enumerate() {
            let id = NodeId(k as u32);
            let describe = |e: NotVerified| NotVerified(format!("{}: {e}", self.instance.program().describe(id)));
            let value = match wanted[k] {
                true => Some(self.node(id, node.len, constants).map_err(describe)?),
                false => None,
            };
            self.values.push(value);
            if !keep_all {
                let done = |i: &NodeId| last_reader[i.index()] == k;
                node.op.inputs().iter().filter(|i| done(i)).for_each(|i| self.values[i.index()] = None);
            }
        }
        Ok(())
    }

    fn of(&self, id: NodeId) -> Result<&Vector, NotVerified> {
        self.values[id.index()].as_ref().ok_or_else(|| NotVerified(format!("{id} has no value")))
    }

    /// Numbers that do not depend on y, over the common denominator.
    fn stored(&self, numbers: &[f64]) -> Result<Vector, NotVerified> {
        Vector::of(&numbers.iter().map(|v| Dyadic::of(*v).times_whole(&self.one)).collect::<Vec<_>>())
    }

    fn node(&self, id: NodeId, len: usize, constants: &[Option<Vector>]) -> Result<Vector, NotVerified> {
        let instance = self.instance;
        let each = |f: &dyn Fn(usize) -> Result<Dyadic, NotVerified>| {
            Vector::of(&(0..len).map(f).collect::<Result<Vec<_>, _>>()?)
        };
        match &instance.program().node(id).op {
            Op::Decision => Ok(self.decision.clone()),
            Op::Param(p) => self.stored(known(instance.known(*p))?),
            Op::Linear { input, map } => {
                if map.param().is_some() {
                    known(instance.weights(map))?;
                }
                product(map, instance.weights(map), self.of(*input)?, false)
            }
            Op::Scale { input, by } => {
                known(instance.known(*by))?;
                let v = self.of(*input)?;
                each(&|i| Ok(v.at(i).times(instance.entry(*by, i).unwrap_or(f64::NAN))))
            }
            Op::Sum(inputs) => inputs.iter().try_fold(Vector::zeros(len), |sum, i| sum.plus(self.of(*i)?.clone())),
            Op::Concat(inputs) => {
                Vector::concatenated(inputs.iter().map(|i| self.of(*i).cloned()).collect::<Result<_, _>>()?)
            }
            Op::Unit { input, unit } => self.unit(unit, self.of(*input)?),
            Op::Group { input, kind: GroupKind::Max, groups } => {
                let v = self.of(*input)?;
                let largest =
                    |g| groups.group(g).iter().max_by_key(|i| &v.n[**i]).map_or(IBig::ZERO, |i| v.n[*i].clone());
                Ok(Vector { n: (0..len).map(largest).collect(), e: v.e })
            }
            Op::Group { .. } | Op::Quadratic { .. } => refused("it is not piecewise linear, so it has no exact value"),
            Op::Product(a, b) => {
                let (factor, other) = factor(constants, *a, *b)?;
                let v = self.of(other)?;
                each(&|i| {
                    let (f, t) = (factor.at(i), v.at(i));
                    Ok(Dyadic { n: f.n * t.n, e: f.e + t.e })
                })
            }
            Op::Quotient(a, b) => {
                let (by, v) = (divisor(constants, *b)?, self.of(*a)?);
                each(&|i| over_power_of_two(&v.at(i), &by.at(i)))
            }
            Op::Select { test, strict, then, otherwise } => {
                let test = tested(constants, *test)?;
                let (then, otherwise) = (self.of(*then)?, self.of(*otherwise)?);
                each(&|i| Ok(if holds(&test.at(i), *strict) { then.at(i) } else { otherwise.at(i) }))
            }
        }
    }

    fn unit(&self, unit: &Unit, t: &Vector) -> Result<Vector, NotVerified> {
        let scalars = units::scalars(self.instance, unit, t.n.len())?;
        let value = |i: usize| self.lines(units::lines(&scalars, i)?, &t.at(i));
        Vector::of(&(0..t.n.len()).map(value).collect::<Result<Vec<_>, _>>()?)
    }

    /// The largest line of a convex function, the smallest of a concave one; of any other the one between whose breakpoints t
    /// lies.
    fn lines(&self, lines: &Lines, t: &Dyadic) -> Result<Dyadic, NotVerified> {
        let line = |k: usize| {
            let piece = lines.pieces()[k];
            t.times(piece.slope).plus(&Dyadic::of(piece.intercept).times_whole(&self.one))
        };
        let worse = match Shape::of(lines) {
            Shape::Line => return line(0),
            Shape::Convex => Ordering::Less,
            Shape::Concave => Ordering::Greater,
            Shape::Neither => {
                for (k, b) in lines.breaks().iter().enumerate() {
                    if t.compare(&Dyadic::of(*b).times_whole(&self.one))? != Ordering::Greater {
                        return line(k);
                    }
                }
                return line(lines.breaks().len());
            }
        };
        let mut best = line(0)?;
        for k in 1..lines.pieces().len() {
            let other = line(k)?;
            if best.compare(&other)? == worse {
                best = other;
            }
        }
        Ok(best)
    }
}

pub(super) fn known(values: Option<&[f64]>) -> Result<&[f64], NotVerified> {
    match values.map(|v| (v, v.iter().position(|e| !e.is_finite()))) {
        Some((v, None)) => Ok(v),
        Some((v, Some(i))) => refused(format!("entry {i} of its numbers is {}", v[i])),
        None => refused("it depends on a context that is not given"),
    }
}

/// Of the two factors of a product the one that does not depend on y, and the other.
pub(super) fn factor(constants: &[Option<Vector>], a: NodeId, b: NodeId) -> Result<(&Vector, NodeId), NotVerified> {
    match (&constants[a.index()], &constants[b.index()]) {
        (Some(v), _) => Ok((v, b)),
        (_, Some(v)) => Ok((v, a)),
        _ => refused("both factors depend on y"),
    }
}

pub(super) fn divisor(constants: &[Option<Vector>], b: NodeId) -> Result<&Vector, NotVerified> {
    constants[b.index()].as_ref().map_or_else(|| refused("the divisor depends on y"), Ok)
}

pub(super) fn tested(constants: &[Option<Vector>], test: NodeId) -> Result<&Vector, NotVerified> {
    constants[test.index()].as_ref().map_or_else(|| refused("the choice depends on y"), Ok)
}

pub(super) fn holds(test: &Dyadic, strict: bool) -> bool {
    !(test.is_negative() || strict && test.is_zero())
}

/// v / by, where `by` is ± a power of two.
pub(super) fn over_power_of_two(v: &Dyadic, by: &Dyadic) -> Result<Dyadic, NotVerified> {
    match by.n.trailing_zeros() {
        Some(zeros) if UBig::try_from(by.n.clone() * by.n.signum()).is_ok_and(|n| n == UBig::ONE << zeros) => {
            Ok(Dyadic { n: &v.n * by.n.signum(), e: v.e - by.e - zeros as i64 })
        }
        _ => refused("it divides by a number that is not a power of two, which has no exact form here"),
    }
}
