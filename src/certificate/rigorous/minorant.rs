//! [`Enclosed`]: the affine function below f that given slopes define, enclosed: a backward pass with midpoints and radii.
//!
//! The slopes are numbers in f64 and taken as they are. What they make of the weights, exactly, is an affine minorant; its
//! coefficients are what is enclosed here. So no multiplier has to be repaired.

use super::balls::{Balls, ball, interval, product, scaled, sum};
use super::functions::value;
use super::support::line;
use super::value::{inverse, norm};
use super::{compensated, linear};
use crate::certificate::Multipliers;
use crate::ir::bounds::Bounds;
use crate::ir::elementary::xlogx_of;
use crate::ir::forward::Scalars;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::lines::Line;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::psd::Definiteness;
use crate::ir::scalar::Scalar;
use crate::lower::oracle::sizes::Matrices;

/// f(y) ≥ rᵀy + c for all y in the domain whose bounds were used, with r and c known up to rounding.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Enclosed {
    /// r, length p.
    pub gradient: Balls,
    /// c, as midpoint and radius.
    pub constant: (f64, f64),
}

/// Intervals narrower than this share of their size are constants, rounded: what is fixed, and what depends on that alone.
const CONSTANT: f64 = 1e-14;

/// The same where nothing else is known: after some layers of constants.
const NARROW: f64 = 1e-9;

/// The state of a backward pass.
struct Pass<'a> {
    instance: &'a Instance,
    matrices: Matrices,
    /// Whether linear maps are taken in twice the precision.
    careful: bool,
    adjoints: Vec<Option<Balls>>,
    constant: (f64, f64),
}

impl Enclosed {
    /// `None` where no minorant exists or none is known: a total weight has the wrong sign for its unit, a unit has no rule,
    /// a number leaves f64.
    pub fn new(instance: &Instance, bounds: &Bounds, slopes: &Multipliers) -> Option<Enclosed> {
        Enclosed::with(instance, bounds, slopes, false)
    }

    /// The same with linear maps in twice the precision: many times the work.
    pub fn careful(instance: &Instance, bounds: &Bounds, slopes: &Multipliers) -> Option<Enclosed> {
        Enclosed::with(instance, bounds, slopes, true)
    }

    fn with(instance: &Instance, bounds: &Bounds, slopes: &Multipliers, careful: bool) -> Option<Enclosed> {
        if !slopes.fits(instance) {
            return None;
        }
        let nodes = instance.program().nodes();
        let matrices = Matrices::of(instance.program());
        let mut pass = Pass { instance, matrices, careful, adjoints: vec![None; nodes.len()], constant: (0.0, 0.0) };
        let mut gradient = Balls::zeros(instance.decisions());
        *pass.adjoints.last_mut()? = Some(Balls::exact(vec![1.0]));
        for k in (0..nodes.len()).rev() {
            let Some(adjoint) = pass.adjoints[k].take() else { continue };
            if !adjoint.is_finite() {
                return None;
            }
            match &nodes[k].op {
                Op::Decision => gradient.add_all(&adjoint),
                op => pass.through(NodeId(k as u32), op, &adjoint, bounds, slopes)?,
            }
        }
        let (mid, rad) = pass.constant;
        (gradient.is_finite() && mid.is_finite() && rad.is_finite())
            .then_some(Enclosed { gradient, constant: pass.constant })
    }
}

impl Pass<'_> {
    fn target(&mut self, id: NodeId) -> &mut Balls {
        let len = self.instance.program().node(id).len;
        self.adjoints[id.index()].get_or_insert_with(|| Balls::zeros(len))
    }

    fn add(&mut self, id: NodeId, v: Balls) {
        match &mut self.adjoints[id.index()] {
            Some(there) => there.add_all(&v),
            empty => *empty = Some(v),
        }
    }

    /// Adds a·c to the constant.
    fn gain(&mut self, a: (f64, f64), c: (f64, f64)) {
        if c != (0.0, 0.0) {
            self.constant = sum(self.constant, product(a, c));
        }
    }

    /// Passes a·c·t on to entry `i` of a node, t in `on` and c in `factor`: the midpoint of c is the slope, what is left of c goes
    /// into the constant.
    fn times(&mut self, a: (f64, f64), factor: Interval, id: NodeId, i: usize, on: Interval) {
        let (c, width) = ball(factor);
        let (mid, rad) = scaled(c, a);
        self.target(id).add(i, mid, rad);
        if width > 0.0 {
            self.gain(a, product((0.0, width), ball(on)));
        }
    }

    fn through(&mut self, id: NodeId, op: &Op, a: &Balls, bounds: &Bounds, slopes: &Multipliers) -> Option<()> {
        let instance = self.instance;
        let entry = |i: usize| (a.mid[i], a.rad[i]);
        let used = || (0..a.len()).filter(|i| a.mid[*i] != 0.0 || a.rad[*i] != 0.0);
        match op {
            Op::Decision => {}
            Op::Param(p) => {
                let known = instance.known(*p)?;
                used().for_each(|i| self.gain(entry(i), (known[if known.len() == 1 { 0 } else { i }], 0.0)));
            }
            Op::Linear { input, map } => {
                let below = match self.careful {
                    true => compensated::apply(instance, map, true, a),
                    false => linear::apply(instance, &self.matrices, map, true, a),
                };
                self.add(*input, below);
            }
            Op::Scale { input, by } => {
                let mut below = Balls::zeros(a.len());
                for i in used() {
                    (below.mid[i], below.rad[i]) = scaled(instance.entry(*by, i)?, entry(i));
                }
                self.add(*input, below);
            }
            Op::Sum(inputs) => inputs.iter().for_each(|id| self.target(*id).add_all(a)),
            Op::Concat(inputs) => {
                let mut at = 0;
                for id in inputs {
                    let end = at + instance.program().node(*id).len;
                    self.target(*id).add_all(&Balls { mid: a.mid[at..end].to_vec(), rad: a.rad[at..end].to_vec() });
                    at = end;
                }
            }
            Op::Unit { input, unit } => {
                let (scalars, on, wanted) = (instance.scalars(unit, a.len()), bounds.of(*input), slopes.of(id));
                let mut below = Balls::zeros(a.len());
                let hinge = match &scalars {
                    Scalars::Shared(Scalar::Lines(lines)) => hinge(lines.pieces(), lines.breaks()),
                    _ => None,
                };
                for i in used() {
                    // A convex unit of two pieces that meet at 0 and pass through it, with a weight ≥ 0.
                    if let Some((left, right)) = hinge
                        && a.mid[i] > a.rad[i]
                    {
                        let slope = match (on[i].lower >= 0.0, on[i].upper <= 0.0) {
                            (true, _) => right,
                            (_, true) => left,
                            _ if wanted[i].is_nan() => left,
                            _ => wanted[i].clamp(left, right),
                        };
                        (below.mid[i], below.rad[i]) = scaled(slope, entry(i));
                        continue;
                    }
                    let (g, weight) = (scalars.get(i), a.interval(i));
                    // A line that is the unit needs no sign.
                    if is_narrow(bounds.of(id)[i], CONSTANT) {
                        self.gain(entry(i), ball(bounds.of(id)[i]));
                        continue;
                    }
                    let single = matches!(g, crate::ir::scalar::Scalar::Lines(l) if l.on(on[i]).len() == 1);
                    let signed = single || weight.lower >= 0.0 || weight.upper <= 0.0;
                    let found = if signed { line(g, on[i], weight.lower >= 0.0, *wanted.get(i)?) } else { None };
                    match found {
                        Some((slope, intercept)) => {
                            (below.mid[i], below.rad[i]) = scaled(slope, entry(i));
                            self.gain(entry(i), ball(intercept));
                        }
                        None if !signed || is_narrow(bounds.of(id)[i], NARROW) => {
                            self.gain(entry(i), ball(value(g, on[i]).unwrap_or(bounds.of(id)[i])));
                        }
                        None => return None,
                    }
                }
                self.add(*input, below);
            }
            Op::Group { input, kind, groups } => {
                let given = slopes.of(id);
                let mut below = Balls::zeros(instance.program().node(*input).len);
                for g in used() {
                    if a.interval(g).lower < 0.0 || is_narrow(bounds.of(id)[g], CONSTANT) {
                        self.gain(entry(g), ball(bounds.of(id)[g]));
                        continue;
                    }
                    let group = groups.group(g);
                    let (shares, extra) = of_group(*kind, bounds, *input, group, given.get(groups.range(g))?)?;
                    for (i, share) in group.iter().zip(&shares).filter(|(_, share)| **share != (0.0, 0.0)) {
                        let (mid, rad) = product(*share, entry(g));
                        below.add(*i, mid, rad);
                    }
                    self.gain(entry(g), ball(extra));
                }
                self.add(*input, below);
            }
            Op::Quadratic { input, matrix } => {
                let point = slopes.of(id);
                if used().next().is_none() {
                    return Some(());
                }
                if a.interval(0).lower < 0.0
                    || self.matrices.definiteness(instance.program(), id) != Definiteness::Positive
                {
                    return None;
                }
                // tᵀMt ≥ pᵀ(M + Mᵀ)t − pᵀMp for every p, which is any numbers at all.
                let p = |i: usize| if point[i].is_finite() { point[i].clamp(-1e100, 1e100) } else { 0.0 };
                let mut below = Balls::zeros(instance.program().node(*input).len);
                for (m, (i, j)) in matrix.iter() {
                    let weight = scaled(*m, entry(0));
                    for (to, at) in [(i, p(j)), (j, p(i))] {
                        let (mid, rad) = scaled(at, weight);
                        below.add(to, mid, rad);
                    }
                    self.gain(scaled(-p(i), weight), (p(j), 0.0));
                }
                self.add(*input, below);
            }
            Op::Product(left, right) => {
                for i in used() {
                    let (p, q) = (bounds.of(*left)[i], bounds.of(*right)[i]);
                    let (factor, other, on) = match (is_narrow(p, NARROW), is_narrow(q, NARROW)) {
                        (true, _) => (p, *right, q),
                        (_, true) => (q, *left, p),
                        _ => return None,
                    };
                    self.times(entry(i), factor, other, i, on);
                }
            }
            Op::Quotient(top, bottom) => {
                for i in used() {
                    let divisor = Some(bounds.of(*bottom)[i]).filter(|q| is_narrow(*q, NARROW))?;
                    self.times(entry(i), inverse(divisor)?, *top, i, bounds.of(*top)[i]);
                }
            }
            Op::Select { test, strict, then, otherwise } => {
                for i in used() {
                    let t = bounds.of(*test)[i];
                    let chosen = if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                        *then
                    } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                        *otherwise
                    } else {
                        return None;
                    };
                    self.target(chosen).add(i, a.mid[i], a.rad[i]);
                }
            }
        }
        Some(())
    }
}

/// The slopes of a convex function of two pieces through the origin.
fn hinge(pieces: &[Line], breaks: &[f64]) -> Option<(f64, f64)> {
    match (pieces, breaks) {
        ([l, r], [0.0]) if l.intercept == 0.0 && r.intercept == 0.0 && l.slope < r.slope => Some((l.slope, r.slope)),
        _ => None,
    }
}

/// Whether an interval may stand for what is in it, whatever that is: its width is at most a `share` of its size.
fn is_narrow(i: Interval, share: f64) -> bool {
    i.upper - i.lower <= share * i.lower.abs().max(i.upper.abs())
}

/// Weights of a group's members and a constant: Σ wₖtₖ + constant lies below the group's value wherever its entries are in
/// their bounds. The weights are real numbers, enclosed: those of a maximum add up to 1, those of a norm have a norm ≤ 1.
fn of_group(
    kind: GroupKind,
    bounds: &Bounds,
    input: NodeId,
    group: &[usize],
    given: &[f64],
) -> Option<(Vec<(f64, f64)>, Interval)> {
    let alive = match kind {
        GroupKind::Max => bounds.alive(input, group),
        _ => (0..group.len()).collect(),
    };
    let weight = |k: usize| if given[k].is_nan() { 0.0 } else { given[k].clamp(-1e100, 1e100) };
    let mut weights = vec![0.0; group.len()];
    if kind == GroupKind::Norm {
        // Of entries that are never negative the weights must not be either: those entries may be convex.
        let may_fall = |k: usize| bounds.of(input)[group[k]].lower < 0.0;
        alive.iter().for_each(|k| weights[*k] = if may_fall(*k) { weight(*k) } else { weight(*k).max(0.0) });
        let size = norm(&weights.iter().map(|w| Interval::point(*w)).collect::<Vec<_>>()).upper;
        if size <= 1.0 {
            return Some((weights.into_iter().map(|w| (w, 0.0)).collect(), Interval::point(0.0)));
        }
        let inverse = inverse(Interval::point(size))?;
        return Some((
            weights.iter().map(|w| ball(Interval::point(*w).product(inverse))).collect(),
            Interval::point(0.0),
        ));
    }
    alive.iter().for_each(|k| weights[*k] = weight(*k).max(0.0));
    let largest = weights.iter().fold(0.0f64, |m, w| m.max(*w));
    // Shares too small to be divided count as 0, which only moves the point that is chosen.
    weights.iter_mut().for_each(|w| *w = if *w < 1e-300 * largest.max(1e-200) { 0.0 } else { *w });
    if !weights.iter().any(|w| *w > 0.0) {
        alive.iter().for_each(|k| weights[*k] = 1.0);
    }
    let mut used = weights.iter().filter(|w| **w > 0.0);
    if let (Some(_), None, GroupKind::Max) = (used.next(), used.next(), kind) {
        return Some((weights.iter().map(|w| (f64::from(u8::from(*w > 0.0)), 0.0)).collect(), Interval::point(0.0)));
    }
    let total = weights.iter().map(|w| Interval::point(*w)).fold(Interval::point(0.0), Interval::plus);
    let inverse = inverse(total)?;
    let shares: Vec<Interval> = weights
        .iter()
        .map(|w| if *w == 0.0 { Interval::point(0.0) } else { Interval::point(*w).product(inverse) })
        .map(|i| Interval::new(i.lower.max(0.0), i.upper.min(1.0)))
        .collect();
    let entropy = match kind {
        GroupKind::LogSumExp => {
            shares.iter().map(|s| xlogx_of(*s).scale(-1.0)).fold(Interval::point(0.0), Interval::plus)
        }
        _ => Interval::point(0.0),
    };
    Some((shares.into_iter().map(ball).collect(), entropy))
}

/// [lower, upper] of the constant.
impl Enclosed {
    /// c as an interval.
    pub fn constant(&self) -> Interval {
        interval(self.constant.0, self.constant.1)
    }
}
