//! A second proof of convexity, for networks that the rules of composition cannot cover: diagonal bounds on the Hessian.
//!
//! For each entry h of each node: diag(low) ⪯ ∇²h ⪯ diag(high) and |∂h/∂yⱼ| ≤ slopeⱼ on the box, by the chain rule
//! ∇²(g∘t) = g″(t)·∇t∇tᵀ + g′(t)·∇²t and ∇t∇tᵀ ⪯ diag(slopeⱼ·Σ slope). At kinks the bounds hold in the sense that
//! h − ½·yᵀdiag(low)y is convex. If low ≥ 0 at the output, f is convex: this is how a strongly convex term, such as the
//! quadratic of CP-Flow networks, pays for units that are not monotone. Rounded outward.

use super::bounds::Bounds;
use super::instance::Instance;
use super::interval::Interval;
use super::linear::LinearMap;
use super::program::{GroupKind, Node, NodeId, Op};
use super::scalar::Scalar;
use super::unit::Unit;

/// Largest number of (entry, decision) pairs for which bounds are computed.
const LARGEST: usize = 20_000_000;

/// Largest number of pairs that are held at once, unless the parameters are more numbers than that: a small file must not
/// take much memory. A pair is three numbers.
const HELD: usize = 2_000_000;

/// Derivative bounds of one node, entries × p.
#[derive(Debug, Clone, Default)]
struct Derivatives {
    low: Vec<f64>,
    high: Vec<f64>,
    slope: Vec<f64>,
}

/// Ranges of g′ and g″ on an interval; a kink is an infinite g″.
struct Shape {
    first: Interval,
    second: Interval,
}

impl Instance {
    /// Whether the Hessian of f is proven positive semidefinite on the box whose intervals are `bounds`.
    pub fn proven_by_second_order(&self, bounds: &Bounds) -> bool {
        let (nodes, p) = (self.program().nodes(), self.decisions());
        if !self.is_given() || nodes.iter().map(|n| n.len).sum::<usize>().saturating_mul(p) > LARGEST {
            return false;
        }
        let done = done(nodes);
        let stored: usize = self.program().params().iter().map(|p| p.len).sum();
        if most_held(nodes, &done).saturating_mul(p) > HELD.max(stored) {
            return false;
        }
        let mut all: Vec<Derivatives> = Vec::with_capacity(nodes.len());
        for (node, done) in nodes.iter().zip(&done) {
            let d = self.derivatives(&node.op, node.len, p, &all, bounds);
            all.push(d);
            done.iter().for_each(|k| all[*k] = Derivatives::default());
        }
        all.last().is_some_and(|d| d.low.iter().all(|l| *l >= 0.0))
    }

    fn derivatives(&self, op: &Op, len: usize, p: usize, all: &[Derivatives], bounds: &Bounds) -> Derivatives {
        let of = |id: NodeId| &all[id.index()];
        let mut out = Derivatives::zero(len, p);
        match op {
            Op::Decision => (0..len).for_each(|j| out.slope[j * p + j] = 1.0),
            Op::Param(_) => {}
            Op::Linear { input, map } => map.visit(self.weights(map), |i, j, w| out.add(i, of(*input), j, w, p)),
            Op::Scale { input, by } => {
                (0..len).for_each(|i| out.add(i, of(*input), i, self.entry(*by, i).unwrap_or(f64::NAN), p));
            }
            Op::Sum(inputs) => inputs.iter().for_each(|id| (0..len).for_each(|i| out.add(i, of(*id), i, 1.0, p))),
            Op::Concat(inputs) => {
                let mut start = 0;
                for id in inputs {
                    let n = self.program().node(*id).len;
                    (0..n).for_each(|i| out.add(start + i, of(*id), i, 1.0, p));
                    start += n;
                }
            }
            Op::Unit { input, unit } => {
                let scalars = self.scalars(unit, len);
                for i in 0..len {
                    let shape = scalars.get(i).shape(bounds.of(*input)[i]);
                    let least = shape.second.lower;
                    out.compose(i, of(*input), shape, p);
                    // A function of one decision bends along that decision, by at least g″·w².
                    if let Some((j, w)) = self.copy_of_decision(*input, i)
                        && least > 0.0
                    {
                        out.low[i * p + j] = down(down(least * down(w * w)) * (1.0 - 1e-13));
                    }
                }
            }
            Op::Group { input, kind: GroupKind::Max | GroupKind::LogSumExp, groups } => {
                let t = of(*input);
                for g in 0..len {
                    for j in 0..p {
                        let members = || groups.group(g).iter().map(|i| i * p + j);
                        out.low[g * p + j] = members().map(|k| t.low[k]).fold(f64::INFINITY, f64::min);
                        out.slope[g * p + j] = members().map(|k| t.slope[k]).fold(0.0, f64::max);
                        out.high[g * p + j] = f64::INFINITY;
                    }
                }
            }
            Op::Product(a, b) => (0..len).for_each(|i| out.product(i, (*a, of(*a)), (*b, of(*b)), bounds, p)),
            _ => out.give_up(),
        }
        out
    }

    /// If an entry is w·yⱼ by copying and scaling alone: j and w.
    fn copy_of_decision(&self, node: NodeId, i: usize) -> Option<(usize, f64)> {
        match &self.program().node(node).op {
            Op::Decision => Some((i, 1.0)),
            Op::Linear { input, map: LinearMap::Gather { index, .. } } => self.copy_of_decision(*input, index[i]),
            Op::Scale { input, by } => {
                let (j, w) = self.copy_of_decision(*input, i)?;
                Some((j, w * self.entry(*by, i)?))
            }
            _ => None,
        }
    }
}

/// For each node, the nodes that nothing reads after it.
fn done(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut last: Vec<usize> = (0..nodes.len()).collect();
    for (k, node) in nodes.iter().enumerate() {
        node.op.inputs().iter().for_each(|i| last[i.index()] = k);
    }
    let mut done = vec![vec![]; nodes.len()];
    // The output is read by whoever asked.
    last.iter().enumerate().take(nodes.len().saturating_sub(1)).for_each(|(k, last)| done[*last].push(k));
    done
}

/// The largest number of entries whose bounds are held at once.
fn most_held(nodes: &[Node], done: &[Vec<usize>]) -> usize {
    let (mut held, mut most) = (0usize, 0usize);
    for (node, done) in nodes.iter().zip(done) {
        held += node.len;
        most = most.max(held);
        held -= done.iter().map(|k| nodes[*k].len).sum::<usize>();
    }
    most
}

impl Derivatives {
    fn zero(len: usize, p: usize) -> Derivatives {
        Derivatives { low: vec![0.0; len * p], high: vec![0.0; len * p], slope: vec![0.0; len * p] }
    }

    fn give_up(&mut self) {
        self.low.fill(f64::NEG_INFINITY);
        self.high.fill(f64::INFINITY);
        self.slope.fill(f64::INFINITY);
    }

    /// Entry `i` += w · entry `from` of `t`.
    fn add(&mut self, i: usize, t: &Derivatives, from: usize, w: f64, p: usize) {
        if w == 0.0 {
            return;
        }
        for j in 0..p {
            let (to, k) = (i * p + j, from * p + j);
            let (low, high) = if w > 0.0 { (t.low[k], t.high[k]) } else { (t.high[k], t.low[k]) };
            self.low[to] = down(self.low[to] + down(times(w, low)));
            self.high[to] = up(self.high[to] + up(times(w, high)));
            self.slope[to] = up(self.slope[to] + up(times(w.abs(), t.slope[k])));
        }
    }

    /// Entry `i` = g(entry `i` of `t`).
    fn compose(&mut self, i: usize, t: &Derivatives, g: Shape, p: usize) {
        let steepest = g.first.lower.abs().max(g.first.upper.abs());
        let total = t.slope[i * p..(i + 1) * p].iter().fold(0.0, |s, v| up(s + v));
        for k in i * p..(i + 1) * p {
            let square = up(times(t.slope[k], total));
            let bend = g.first.product(Interval::new(t.low[k], t.high[k]));
            self.low[k] = down(down(times(g.second.lower.min(0.0), square)) + bend.lower);
            self.high[k] = up(up(times(g.second.upper.max(0.0), square)) + bend.upper);
            self.slope[k] = up(times(steepest, t.slope[k]));
        }
    }

    /// Entry `i` = a·b: a∇²b + b∇²a + ∇a∇bᵀ + ∇b∇aᵀ.
    fn product(&mut self, i: usize, a: (NodeId, &Derivatives), b: (NodeId, &Derivatives), bounds: &Bounds, p: usize) {
        let (va, vb) = (bounds.of(a.0)[i], bounds.of(b.0)[i]);
        let size = |v: Interval| v.lower.abs().max(v.upper.abs());
        let total = |d: &Derivatives| d.slope[i * p..(i + 1) * p].iter().fold(0.0, |s, v| up(s + v));
        let (ta, tb) = (total(a.1), total(b.1));
        for k in i * p..(i + 1) * p {
            let cross = up(up(times(a.1.slope[k], tb)) + up(times(b.1.slope[k], ta)));
            let bend = (va.product(Interval::new(b.1.low[k], b.1.high[k])))
                .plus(vb.product(Interval::new(a.1.low[k], a.1.high[k])));
            self.low[k] = down(bend.lower - cross);
            self.high[k] = up(bend.upper + cross);
            self.slope[k] = up(up(times(size(va), b.1.slope[k])) + up(times(size(vb), a.1.slope[k])));
        }
    }
}

impl Scalar {
    /// Ranges of the first and second derivative on an interval.
    fn shape(&self, on: Interval) -> Shape {
        let unknown = || Shape { first: Interval::ENTIRE, second: Interval::ENTIRE };
        match self {
            Scalar::Unknown => unknown(),
            Scalar::Lines(lines) => {
                let slopes = || lines.on(on).iter().map(|piece| piece.slope);
                let first =
                    Interval::new(slopes().fold(f64::INFINITY, f64::min), slopes().fold(f64::NEG_INFINITY, f64::max));
                let b = lines.behaviour(on);
                let second = Interval::new(
                    if b.convex { 0.0 } else { f64::NEG_INFINITY },
                    if b.concave { 0.0 } else { f64::INFINITY },
                );
                Shape { first, second }
            }
            Scalar::Combination(parts) => {
                let zero = || Interval::point(0.0);
                parts.iter().fold(Shape { first: zero(), second: zero() }, |sum, (c, s, g)| {
                    let part = g.shape(on.scale(*s));
                    Shape {
                        first: sum.first.plus(part.first.scale(*s).scale(*c)),
                        second: sum.second.plus(part.second.scale(*s).scale(*s).scale(*c)),
                    }
                })
            }
            Scalar::Smooth(unit) => {
                let monotone = |f: &dyn Fn(f64) -> f64| Interval::new(f(on.lower), f(on.upper)).widened(1e-14);
                let within = |i: Interval, low: f64, high: f64| Interval::new(i.lower.max(low), i.upper.min(high));
                match unit {
                    Unit::Softplus { beta, .. } => Shape {
                        first: within(monotone(&|t| super::scalar::sigmoid(beta * t)), 0.0, 1.0),
                        second: Interval::new(0.0, (beta / 4.0).next_up()),
                    },
                    Unit::Power(2.0) => Shape { first: on.scale(2.0), second: Interval::point(2.0) },
                    Unit::Exp => {
                        let e = within(monotone(&f64::exp), 0.0, f64::INFINITY);
                        Shape { first: e, second: e }
                    }
                    Unit::Elu { alpha } if (0.0..=1.0).contains(alpha) => {
                        Shape { first: Interval::new(0.0, 1.0), second: Interval::NONNEGATIVE }
                    }
                    Unit::Celu { alpha } => {
                        Shape { first: Interval::new(0.0, 1.0), second: Interval::new(0.0, (1.0 / alpha).next_up()) }
                    }
                    // |σ″| ≤ √3/18, |tanh″| ≤ 4√3/9
                    Unit::Sigmoid => Shape { first: Interval::new(0.0, 0.25), second: Interval::new(-0.0963, 0.0963) },
                    Unit::Tanh => Shape { first: Interval::new(0.0, 1.0), second: Interval::new(-0.77, 0.77) },
                    Unit::Sin | Unit::Cos => {
                        Shape { first: Interval::new(-1.0, 1.0), second: Interval::new(-1.0, 1.0) }
                    }
                    _ => unknown(),
                }
            }
        }
    }
}

/// 0 · ∞ = 0: a bound that is never used.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn down(v: f64) -> f64 {
    match v {
        v if v.is_nan() => f64::NEG_INFINITY,
        0.0 => 0.0,
        v => v.next_down(),
    }
}

fn up(v: f64) -> f64 {
    match v {
        v if v.is_nan() => f64::INFINITY,
        0.0 => 0.0,
        v => v.next_up(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::domain::Domain;
    use crate::ir::program::Program;

    fn proven(text: &str, low: f64, high: f64) -> bool {
        let program: Arc<Program> = Arc::new(text.parse().unwrap());
        let instance = program.at(&[]).unwrap();
        let domain = Domain::cube(program.decisions(), low, high).unwrap();
        instance.proven_by_second_order(&instance.bounds(domain.intervals()))
    }

    /// y² + c·sin y: convex on the line exactly for |c| ≤ 2.
    #[test]
    fn a_quadratic_pays_for_a_wave() {
        let text =
            |c: f64| format!("y 1\nn1 = power n0 2\nn2 = sin n0\nn3 = scale n2 [{c}]\nn4 = sum n1 n3\noutput n4");
        assert!(proven(&text(1.99), f64::NEG_INFINITY, f64::INFINITY));
        assert!(!proven(&text(2.01), f64::NEG_INFINITY, f64::INFINITY));
    }

    /// Σ yⱼ² + ½ sin yⱼ: no more is held than the bounds of few nodes; where those are too many, nothing is proven.
    #[test]
    fn little_is_held_of_a_small_file() {
        let text = |p: usize| {
            let long = format!("y {p}\nn1 = power n0 2\nn2 = sin n0\nn3 = scale n2 [{}]", ["0.5"].repeat(p).join(", "));
            format!("{long}\nn4 = sum n1 n3\nn5 = dense n4 [[{}]]\noutput n5", ["1"].repeat(p).join(", "))
        };
        for (p, expected) in [(600, true), (900, false), (1400, false)] {
            let program: Arc<Program> = Arc::new(text(p).parse().unwrap());
            let instance = program.at(&[]).unwrap();
            let bounds = instance.bounds(Domain::cube(p, -1.0, 1.0).unwrap().intervals());
            let mut found = None;
            let used = allocation_counter::measure(|| found = Some(instance.proven_by_second_order(&bounds)));
            assert!(used.bytes_max < 64 << 20, "p = {p}: {} bytes", used.bytes_max);
            assert_eq!(found, Some(expected), "p = {p}");
        }
    }

    /// (y − y)² has slope bound 2 but bends nowhere; it must not pay for anything.
    #[test]
    fn cancelled_slopes_do_not_count() {
        let text = "y 1\nn1 = dense n0 [[1]]\nn2 = dense n0 [[-1]]\nn3 = sum n1 n2\nn4 = power n3 2\nn5 = sin n0\n\
                    n6 = scale n5 [0.5]\nn7 = sum n4 n6\noutput n7";
        assert!(!proven(text, -10.0, 10.0));
    }
}
