//! [`Bounds`]: an interval for every entry of every node over the box of the domain, rounded outward.

use std::sync::Arc;

use super::elementary::log_sum_exp;
use super::instance::Instance;
use super::interval::{DotEnclosure, Interval, gamma};
use super::program::{GroupKind, NodeId, Op};

/// Intervals of all entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    nodes: Vec<Vec<Interval>>,
}

impl Bounds {
    /// The intervals of a node.
    pub fn of(&self, id: NodeId) -> &[Interval] {
        &self.nodes[id.index()]
    }

    /// Nothing known of any entry: what holds with these intervals holds everywhere. Made once for a program.
    pub(crate) fn unknown(instance: &Instance) -> Arc<Bounds> {
        let nodes = instance.program().nodes();
        let all = || nodes.iter().map(|node| vec![Interval::ENTIRE; node.len]).collect();
        instance.program().derived.unknown(|| Bounds { nodes: all() })
    }

    /// The interval of the output.
    pub fn output(&self) -> Interval {
        self.nodes.last().and_then(|v| v.first()).copied().unwrap_or(Interval::ENTIRE)
    }

    /// The hull of a node's intervals.
    pub fn hull(&self, id: NodeId) -> Interval {
        self.of(id).iter().copied().reduce(Interval::hull).unwrap_or(Interval::ENTIRE)
    }

    /// Which members of a maximum (places in `group`) can be the largest somewhere on the box: a member that never exceeds
    /// another one is left out. At least one is left.
    pub fn alive(&self, input: NodeId, group: &[usize]) -> Vec<usize> {
        let on = self.of(input);
        let floor = group.iter().map(|j| on[*j].lower).fold(f64::NEG_INFINITY, f64::max);
        let highest = group.iter().position(|j| on[*j].lower == floor).unwrap_or(0);
        (0..group.len()).filter(|k| *k == highest || on[group[*k]].upper > floor).collect()
    }
}

impl Instance {
    /// Propagates `decision` (one interval per decision) through all nodes.
    ///
    /// At a single point this encloses the real-number value of f there, rounding included.
    pub fn bounds(&self, decision: &[Interval]) -> Bounds {
        let mut bounds = Bounds { nodes: Vec::with_capacity(self.program().nodes().len()) };
        for node in self.program().nodes() {
            let v = self.node_bounds(&node.op, node.len, &bounds, decision);
            bounds.nodes.push(v);
        }
        bounds
    }

    fn node_bounds(&self, op: &Op, len: usize, bounds: &Bounds, decision: &[Interval]) -> Vec<Interval> {
        let v = |id: NodeId| bounds.of(id);
        match op {
            Op::Decision => decision.to_vec(),
            Op::Param(p) => (0..len).map(|i| self.interval(*p, i)).collect(),
            Op::Linear { input, map } => {
                let input = v(*input);
                if let super::linear::LinearMap::Gather { index, .. } = map {
                    return index.iter().map(|j| input[*j]).collect();
                }
                if let Some(range) = map.param().filter(|p| self.known(*p).is_none()).map(|p| self.interval(p, 0)) {
                    let mut out = vec![Interval::point(0.0); len];
                    map.visit(None, |i, j, _| out[i] = out[i].plus(input[j].product(range)));
                    return out;
                }
                let mut out = vec![DotEnclosure::new(); len];
                map.visit(self.weights(map), |i, j, w| out[i].add(w, input[j].lower, input[j].upper));
                out.into_iter().map(DotEnclosure::finish).collect()
            }
            Op::Scale { input, by } => (0..len)
                .map(|i| match self.entry(*by, i) {
                    Some(c) => v(*input)[i].scale(c),
                    None => v(*input)[i].product(self.interval(*by, i)),
                })
                .collect(),
            Op::Sum(inputs) => (0..len)
                .map(|i| inputs.iter().map(|id| v(*id)[i]).reduce(Interval::plus).unwrap_or(Interval::point(0.0)))
                .collect(),
            Op::Concat(inputs) => inputs.iter().flat_map(|id| v(*id)).copied().collect(),
            Op::Unit { input, unit } => {
                let scalars = self.scalars(unit, len);
                v(*input).iter().enumerate().map(|(i, t)| scalars.get(i).range(*t)).collect()
            }
            Op::Group { input, kind, groups } => {
                let t = v(*input);
                (0..len).map(|g| group_range(*kind, groups.group(g).iter().map(|i| t[*i]))).collect()
            }
            Op::Quadratic { input, matrix } => {
                let t = v(*input);
                let term = |(m, (i, j)): (&f64, (usize, usize))| {
                    let product = if i == j { square(t[i]) } else { t[i].product(t[j]) };
                    product.scale(*m)
                };
                vec![matrix.iter().map(term).fold(Interval::point(0.0), Interval::plus)]
            }
            Op::Product(a, b) => v(*a).iter().zip(v(*b)).map(|(a, b)| a.product(*b)).collect(),
            Op::Quotient(a, b) => v(*a).iter().zip(v(*b)).map(|(a, b)| quotient(*a, *b)).collect(),
            Op::Select { test, strict, then, otherwise } => (0..len)
                .map(|i| {
                    let t = v(*test)[i];
                    if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                        v(*then)[i]
                    } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                        v(*otherwise)[i]
                    } else {
                        v(*then)[i].hull(v(*otherwise)[i])
                    }
                })
                .collect(),
        }
    }
}

fn square(t: Interval) -> Interval {
    let largest = t.lower.abs().max(t.upper.abs());
    let smallest = if t.contains(0.0) { 0.0 } else { t.lower.abs().min(t.upper.abs()) };
    Interval::new((smallest * smallest).next_down().max(0.0), (largest * largest).next_up())
}

fn quotient(a: Interval, b: Interval) -> Interval {
    if b.contains(0.0) {
        return Interval::ENTIRE;
    }
    a.product(Interval::new((1.0 / b.upper).next_down(), (1.0 / b.lower).next_up()))
}

fn group_range(kind: GroupKind, members: impl Iterator<Item = Interval> + Clone) -> Interval {
    let largest = members
        .clone()
        .reduce(|a, b| Interval::new(a.lower.max(b.lower), a.upper.max(b.upper)))
        .unwrap_or(Interval::ENTIRE);
    let count = members.clone().count();
    match kind {
        GroupKind::Max => largest,
        GroupKind::LogSumExp => log_sum_exp(&members.collect::<Vec<_>>()),
        GroupKind::Norm => {
            let sizes = members.map(|m| {
                let high = m.lower.abs().max(m.upper.abs());
                let low = if m.contains(0.0) { 0.0 } else { m.lower.abs().min(m.upper.abs()) };
                (low, high)
            });
            let (low, high) = sizes.fold((0.0f64, 0.0f64), |(a, b), (l, h)| (a.hypot(l), b.hypot(h)));
            let i = Interval::new(low, high).widened(gamma(4 * count + 8));
            Interval::new(i.lower.max(0.0), i.upper)
        }
    }
}
