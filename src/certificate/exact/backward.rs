//! An affine function below weight·f, from one supporting line per unit: a backward pass without rounding.

use std::collections::BTreeMap;

use dashu_ratio::RBig;

use super::dyadic::{Dyadic, Vector};
use super::forward::{constants, divisor, factor, holds, known, over_power_of_two, tested};
use super::products::product;
use super::units;
use super::{NotVerified, Support, refused};
use crate::certificate::Multipliers;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, NodeId, Op};

/// Where the supporting lines come from.
#[derive(Clone, Copy)]
pub(super) enum Rule<'a> {
    /// Pieces and multipliers, per node.
    Exact(&'a [Vec<Support>]),
    /// Slopes; the multiplier is the slope times the weight.
    Slopes(&'a Multipliers),
}

/// weight·f(y) ≥ `gradient`ᵀ·y + constant, all over one denominator.
#[derive(Debug)]
pub(super) struct Minorant {
    /// Length p.
    pub gradient: Vec<Dyadic>,
    /// The part of the constant that is a power of two times an integer.
    pub constant: Dyadic,
    /// The rest: numbers that are multiplied by −b for a breakpoint b between two lines. The key is the lines, bit for bit.
    at_breaks: BTreeMap<[u64; 4], Dyadic>,
}

impl Minorant {
    /// Adds μ·(h(y) − `at_most`), μ the weight.
    pub fn add_level(&mut self, mu: &Dyadic, at_most: f64, h: &Instance, rule: Rule) -> Result<(), NotVerified> {
        if mu.is_negative() {
            return refused("its multiplier is negative");
        }
        if h.decisions() != self.gradient.len() {
            return refused(format!("it takes {} coordinates, there are {}", h.decisions(), self.gradient.len()));
        }
        let other = minorant(h, mu, rule)?;
        for (r, s) in self.gradient.iter_mut().zip(&other.gradient) {
            *r = r.plus(s)?;
        }
        self.constant = self.constant.plus(&other.constant)?.minus(&mu.times(at_most))?;
        for (key, v) in other.at_breaks {
            self.add_break(key, &v)?;
        }
        Ok(())
    }

    pub(super) fn add_break(&mut self, key: [u64; 4], v: &Dyadic) -> Result<(), NotVerified> {
        let sum = self.at_breaks.entry(key).or_insert_with(Dyadic::zero);
        *sum = sum.plus(v)?;
        Ok(())
    }

    /// The constant, divided by `denominator`.
    pub fn constant_over(&self, denominator: &dashu_int::UBig) -> Result<RBig, NotVerified> {
        let mut total = self.constant.over(denominator)?;
        for ([s0, i0, s1, i1], v) in self.at_breaks.iter().filter(|(_, v)| !v.is_zero()) {
            let of = |bits: &u64| Dyadic::of(f64::from_bits(*bits)).over(&dashu_int::UBig::ONE);
            let (rise, run) = (of(i1)? - of(i0)?, of(s1)? - of(s0)?);
            total += v.over(denominator)? * rise / run;
        }
        Ok(total)
    }
}

/// The backward pass. `weight` ≥ 0 is the weight of the output.
pub(super) fn minorant(instance: &Instance, weight: &Dyadic, rule: Rule) -> Result<Minorant, NotVerified> {
    let nodes = instance.program().nodes();
    if let Rule::Exact(supports) = rule
        && supports.len() != nodes.len()
    {
        return refused(format!("multipliers of {} nodes, the network has {}", supports.len(), nodes.len()));
    }
    let mut pass = Pass {
        instance,
        rule,
        constants: constants(instance)?,
        adjoints: vec![None; nodes.len()],
        found: Minorant {
            gradient: vec![Dyadic::zero(); instance.decisions()],
            constant: Dyadic::zero(),
            at_breaks: BTreeMap::new(),
        },
    };
    pass.adjoints[nodes.len() - 1] = Some(Vector::of(std::slice::from_ref(weight))?);
    for k in (0..nodes.len()).rev() {
        let id = NodeId(k as u32);
        let adjoint = pass.adjoints[k].take();
        let describe = |e: NotVerified| NotVerified(format!("{}: {e}", instance.program().describe(id)));
        pass.count(id).map_err(describe)?;
        match adjoint {
            Some(adjoint) => pass.node(id, adjoint).map_err(describe)?,
            // The output does not read it: every weight is 0.
            None => {
                let zeros = Vector::zeros(nodes[k].len);
                if matches!(nodes[k].op, Op::Unit { .. } | Op::Group { .. }) && matches!(rule, Rule::Exact(_)) {
                    pass.node(id, zeros).map_err(describe)?;
                }
            }
        }
    }
    Ok(pass.found)
}

/// A backward pass under way.
pub(super) struct Pass<'a> {
    instance: &'a Instance,
    pub(super) rule: Rule<'a>,
    constants: Vec<Option<Vector>>,
    adjoints: Vec<Option<Vector>>,
    pub(super) found: Minorant,
}

impl Pass<'_> {
    /// Whether the node has as many entries as it needs.
    fn count(&self, id: NodeId) -> Result<(), NotVerified> {
        let node = self.instance.program().node(id);
        let (found, needed) = match (self.rule, &node.op) {
            (Rule::Exact(supports), Op::Unit { .. } | Op::Group { kind: GroupKind::Max, .. }) => {
                (supports[id.index()].len(), node.len)
            }
            (Rule::Exact(supports), _) => (supports[id.index()].len(), 0),
            (Rule::Slopes(slopes), Op::Unit { .. }) => (slopes.of(id).len(), node.len),
            (Rule::Slopes(slopes), Op::Group { groups, .. }) => (slopes.of(id).len(), groups.members().len()),
            (Rule::Slopes(slopes), Op::Quadratic { input, .. }) => {
                (slopes.of(id).len(), self.instance.program().node(*input).len)
            }
            (Rule::Slopes(slopes), _) => (slopes.of(id).len(), 0),
        };
        if found == needed { Ok(()) } else { refused(format!("{found} multipliers, {needed} are needed")) }
    }

    fn add(&mut self, id: NodeId, v: Vector) -> Result<(), NotVerified> {
        let slot = &mut self.adjoints[id.index()];
        *slot = Some(match slot.take() {
            Some(sum) => sum.plus(v)?,
            None => v,
        });
        Ok(())
    }

    fn node(&mut self, id: NodeId, w: Vector) -> Result<(), NotVerified> {
        let (instance, len) = (self.instance, w.n.len());
        let each = |f: &dyn Fn(usize) -> Result<Dyadic, NotVerified>| {
            Vector::of(&(0..len).map(f).collect::<Result<Vec<_>, _>>()?)
        };
        match &instance.program().node(id).op {
            Op::Decision => {
                for (j, r) in self.found.gradient.iter_mut().enumerate() {
                    *r = r.plus(&w.at(j))?;
                }
            }
            Op::Param(p) => {
                for (i, v) in known(instance.known(*p))?.iter().enumerate() {
                    self.found.constant = self.found.constant.plus(&w.at(i).times(*v))?;
                }
            }
            Op::Linear { input, map } => {
                if map.param().is_some() {
                    known(instance.weights(map))?;
                }
                self.add(*input, product(map, instance.weights(map), &w, true)?)?;
            }
            Op::Scale { input, by } => {
                known(instance.known(*by))?;
                self.add(*input, each(&|i| Ok(w.at(i).times(instance.entry(*by, i).unwrap_or(f64::NAN))))?)?;
            }
            Op::Sum(inputs) => inputs.iter().try_for_each(|i| self.add(*i, w.clone()))?,
            Op::Concat(inputs) => {
                let mut start = 0;
                for input in inputs {
                    let end = start + instance.program().node(*input).len;
                    self.add(*input, Vector { n: w.n[start..end].to_vec(), e: w.e })?;
                    start = end;
                }
            }
            Op::Unit { input, unit } => {
                let scalars = units::scalars(instance, unit, len)?;
                let mut multipliers = Vec::with_capacity(len);
                for i in 0..len {
                    let element = |e: NotVerified| NotVerified(format!("element {i}: {e}"));
                    multipliers.push(self.unit(id, i, units::lines(&scalars, i)?, &w.at(i)).map_err(element)?);
                }
                self.add(*input, Vector::of(&multipliers)?)?;
            }
            Op::Group { input, kind: GroupKind::Max, groups } => {
                let mut target = vec![Dyadic::zero(); instance.program().node(*input).len];
                for g in 0..len {
                    let element = |e: NotVerified| NotVerified(format!("group {g}: {e}"));
                    let shares = self.shares(id, g, groups.range(g), &w.at(g)).map_err(element)?;
                    for (k, share) in shares {
                        let i = groups.group(g)[k];
                        target[i] = target[i].plus(&share)?;
                    }
                }
                self.add(*input, Vector::of(&target)?)?;
            }
            Op::Group { .. } | Op::Quadratic { .. } => {
                if !w.is_zero() {
                    return refused("it is not piecewise linear, so it has no exact bound");
                }
            }
            Op::Product(a, b) => {
                let (factor, other) = factor(&self.constants, *a, *b)?;
                let v = each(&|i| {
                    let (f, a) = (factor.at(i), w.at(i));
                    Ok(Dyadic { n: f.n * a.n, e: f.e + a.e })
                })?;
                self.add(other, v)?;
            }
            Op::Quotient(a, b) => {
                let by = divisor(&self.constants, *b)?;
                let v = each(&|i| over_power_of_two(&w.at(i), &by.at(i)))?;
                self.add(*a, v)?;
            }
            Op::Select { test, strict, then, otherwise } => {
                let test = tested(&self.constants, *test)?;
                let half = |taken: bool| {
                    each(&|i| Ok(if holds(&test.at(i), *strict) == taken { w.at(i) } else { Dyadic::zero() }))
                };
                let (yes, no) = (half(true)?, half(false)?);
                self.add(*then, yes)?;
                self.add(*otherwise, no)?;
            }
        }
        Ok(())
    }
}
