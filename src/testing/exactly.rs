//! f and a subgradient at a point with every operation checked for rounding: a product by its fused error, a sum by Knuth's
//! two-sum. What passes is the value of the real-number function, whatever the order of the operations.

use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::linear::LinearMap;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// Arithmetic that remembers whether it rounded.
#[derive(Debug, Default)]
struct Tally {
    rounded: bool,
}

impl Tally {
    fn product(&mut self, a: f64, b: f64) -> f64 {
        let p = a * b;
        // A product in the subnormal range may lose its error as well.
        self.rounded |= a.mul_add(b, -p) != 0.0 || (p.abs() < f64::MIN_POSITIVE * 1e32 && a != 0.0 && b != 0.0);
        p
    }

    fn sum(&mut self, a: f64, b: f64) -> f64 {
        let s = a + b;
        let b_part = s - a;
        self.rounded |= (a - (s - b_part)) + (b - b_part) != 0.0 || !s.is_finite();
        s
    }

    fn add(&mut self, to: &mut f64, a: f64, b: f64) {
        let term = self.product(a, b);
        *to = self.sum(*to, term);
    }
}

/// A point with a subgradient of f there.
#[derive(Debug)]
pub(super) struct Tangent {
    /// f(y)
    pub value: f64,
    /// Whether `value` is f(y) as a real number.
    pub value_is_exact: bool,
    /// A subgradient, without rounding.
    pub gradient: Vec<f64>,
    /// Units and maxima at a kink that enter f.
    pub kinks: usize,
}

/// The value, whether it is exact, and the slope of a unit at `t`.
fn unit_at(g: &Scalar, t: f64, share: f64, tally: &mut Tally) -> Option<(f64, bool, f64, bool)> {
    match g {
        Scalar::Lines(lines) => {
            let k = lines.piece_at(t);
            let piece = lines.pieces()[k];
            let scaled = tally.product(piece.slope, t);
            let value = tally.sum(scaled, piece.intercept);
            if lines.breaks().get(k) != Some(&t) {
                return Some((value, true, piece.slope, false));
            }
            let step = tally.sum(lines.pieces()[k + 1].slope, -piece.slope);
            let part = tally.product(share, step);
            Some((value, true, tally.sum(piece.slope, part), true))
        }
        Scalar::Smooth(Unit::Power(p)) if *p == 2.0 => Some((tally.product(t, t), true, 2.0 * t, false)),
        Scalar::Smooth(Unit::Softplus { .. }) if t == 0.0 => Some((g.value(0.0), false, 0.5, false)),
        Scalar::Smooth(Unit::Elu { alpha }) if t > 0.0 || (t == 0.0 && *alpha == 1.0) => Some((t, true, 1.0, false)),
        Scalar::Smooth(Unit::Celu { .. }) if t >= 0.0 => Some((t, true, 1.0, false)),
        _ => None,
    }
}

/// f and a subgradient at y. At a kink, the slope lies at the share `share(node, element)` of the way from the left one to
/// the right one; of a tie for a maximum, the first member has that share and the next the rest.
///
/// Errors: a point that does not fit; an operation that rounds; a unit whose slope there is no binary fraction.
pub(super) fn tangent(f: &Instance, y: &[f64], share: impl Fn(usize, usize) -> f64) -> Result<Tangent, Error> {
    let trace = f.forward(y)?;
    let program = f.program();
    let inexact = |id: NodeId, what: &str| Err(Error::Choice(format!("{}: {what}", program.describe(id))));
    let count = program.nodes().len();
    let mut exact: Vec<bool> = vec![true; count];
    let mut slopes: Vec<Vec<(f64, bool)>> = vec![vec![]; count];
    for (k, node) in program.nodes().iter().enumerate() {
        let id = NodeId(k as u32);
        let v = |id: &NodeId| trace.of(*id);
        exact[k] = node.op.inputs().iter().all(|i| exact[i.index()]);
        let mut tally = Tally::default();
        let mut out = vec![0.0; node.len];
        match &node.op {
            Op::Decision | Op::Param(_) | Op::Concat(_) => out = trace.of(id).to_vec(),
            Op::Linear { input, map: LinearMap::Gather { index, .. } } => {
                out.iter_mut().zip(index.iter()).for_each(|(o, j)| *o = v(input)[*j]);
            }
            Op::Linear { input, map } => {
                map.visit(f.weights(map), |i, j, w| tally.add(&mut out[i], w, v(input)[j]));
            }
            Op::Scale { input, by } => {
                let factor = |i| f.entry(*by, i).unwrap_or(f64::NAN);
                out.iter_mut().enumerate().for_each(|(i, o)| *o = tally.product(factor(i), v(input)[i]));
            }
            Op::Sum(inputs) => {
                for input in inputs {
                    out.iter_mut().zip(v(input)).for_each(|(o, t)| *o = tally.sum(*o, *t));
                }
            }
            Op::Unit { input, unit } => {
                if !exact[input.index()] {
                    return inexact(id, "its argument is not a binary fraction");
                }
                let scalars = f.scalars(unit, node.len);
                for (i, t) in v(input).iter().enumerate() {
                    let Some((value, known, slope, kink)) = unit_at(scalars.get(i), *t, share(k, i), &mut tally) else {
                        return inexact(id, &format!("the slope of element {i} at {t} is no binary fraction"));
                    };
                    out[i] = value;
                    exact[k] &= known;
                    slopes[k].push((slope, kink));
                }
            }
            Op::Group { input, kind: GroupKind::Max, groups } if exact[input.index()] => {
                for (g, o) in out.iter_mut().enumerate() {
                    *o = groups.group(g).iter().map(|i| v(input)[*i]).fold(f64::NEG_INFINITY, f64::max);
                }
            }
            _ => return inexact(id, "it is not computed without rounding"),
        }
        // Behind an irrational value nothing is claimed.
        if exact[k] && tally.rounded {
            return inexact(id, "its numbers do not fit into 53 bits; smaller sizes or a smaller condition number do");
        }
        if exact[k] && out.iter().zip(trace.of(id)).any(|(a, b)| a != b) {
            return inexact(id, "the forward pass rounds");
        }
    }

    let mut tally = Tally::default();
    let mut adjoints: Vec<Vec<f64>> = program.nodes().iter().map(|n| vec![0.0; n.len]).collect();
    adjoints[count - 1][0] = 1.0;
    let mut kinks = 0;
    for (k, node) in program.nodes().iter().enumerate().skip(1).rev() {
        let a = std::mem::take(&mut adjoints[k]);
        let mut to = |id: &NodeId, i: usize, s: f64, t: f64| tally.add(&mut adjoints[id.index()][i], s, t);
        match &node.op {
            Op::Linear { input, map } => {
                let weights = if matches!(map, LinearMap::Gather { .. }) { None } else { f.weights(map) };
                map.visit(weights, |i, j, w| to(input, j, w, a[i]));
            }
            Op::Scale { input, by } => {
                (0..a.len()).for_each(|i| to(input, i, f.entry(*by, i).unwrap_or(f64::NAN), a[i]));
            }
            Op::Sum(inputs) => inputs.iter().for_each(|id| (0..a.len()).for_each(|i| to(id, i, 1.0, a[i]))),
            Op::Concat(inputs) => {
                let mut start = 0;
                for id in inputs {
                    let n = program.node(*id).len;
                    (0..n).for_each(|i| to(id, i, 1.0, a[start + i]));
                    start += n;
                }
            }
            Op::Unit { input, .. } => {
                for (i, (slope, kink)) in slopes[k].iter().enumerate() {
                    kinks += usize::from(*kink && a[i] != 0.0);
                    to(input, i, *slope, a[i]);
                }
            }
            Op::Group { input, groups, .. } => {
                let (values, top) = (trace.of(*input), trace.of(NodeId(k as u32)));
                for (g, a) in a.iter().enumerate() {
                    let largest: Vec<usize> =
                        groups.group(g).iter().copied().filter(|i| values[*i] == top[g]).collect();
                    if let [first, second, ..] = largest[..] {
                        kinks += usize::from(*a != 0.0);
                        to(input, first, share(k, g), *a);
                        to(input, second, 1.0 - share(k, g), *a);
                    } else if let [only] = largest[..] {
                        to(input, only, 1.0, *a);
                    }
                }
            }
            _ => {}
        }
    }
    if tally.rounded {
        return inexact(program.output(), "its gradient does not fit into 53 bits; smaller sizes do");
    }
    let gradient = std::mem::take(&mut adjoints[0]);
    Ok(Tangent { value: trace.value(), value_is_exact: exact[count - 1], gradient, kinks })
}
