//! How far off the numbers of the last two passes are: that of the values at a point, and that of the adjoints with shares of the kinks. No
//! weight is read again, only norms of rows and columns.
//!
//! A sum of n products, fused or not and in any order, is off by at most γₙ·Σ|terms|, and by Σ|w|·e where what is multiplied is off by e
//! itself (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1); both sums are bounded by Cauchy and Schwarz.

use icnn_solvers::dense::{dot, vectorised};

use super::NetworkOracle;
use super::errors::{Affine, UNDERFLOW, UP, Value, hinge};
use super::hinges::Bends;
use super::kinks::Workbench;
use super::pass::{Numbers, Workspace, at, at_mut};
use super::plan::{Action, Term, input};
use super::sizes::size_up;
use crate::ir::interval::gamma;

/// Roundings of a sum besides those of its products.
const MORE: usize = 2;

impl NetworkOracle<'_> {
    /// f(y) and the minorant of `shares`, as the last passes left them, with radii. `None` where these were not at y and with `shares`, a step has no
    /// rule here, a unit's weight may be negative, or numbers leave f64.
    pub(crate) fn enclosed(&mut self, y: &[f64], shares: &[f64]) -> Option<(Value, Affine)> {
        let (numbers, bench) = (self.numbers.as_ref().as_ref()?, self.workbench.as_ref()?.as_ref().ok()?);
        // What would hold adjoints of other passes holds radii.
        let Workspace { values, adjoints: room, .. } = &mut self.work;
        let first = numbers.plan.steps.first()?;
        let fits = matches!(first.action, Action::Decision) && first.out.len == self.instance.decisions();
        if !(fits && self.single && values.get(..y.len()) == Some(y) && bench.holds(shares)) {
            return None;
        }
        let size = numbers.plan.size;
        if room.len() < 2 * size {
            room.resize(2 * size, 0.0);
        }
        let room = &mut room[..2 * size];
        room.fill(0.0);
        let value = value(numbers, &values[..size], room.split_at_mut(size))?;
        room.fill(0.0);
        Some((value, minorant(numbers, bench, room.split_at_mut(size))?))
    }
}

/// Radii of a forward pass, written to zeros; room for sizes of a step beside them.
fn value(numbers: &Numbers, values: &[f64], (radii, sizes): (&mut [f64], &mut [f64])) -> Option<Value> {
    let plan = &numbers.plan;
    let mut last = 0.0;
    for step in &plan.steps {
        let (off, rest) = radii.split_at_mut(step.out.at);
        let out_off = &mut rest[..step.out.len];
        match &step.action {
            Action::Decision => {}
            Action::Affine(terms) => {
                let sizes = &mut sizes[..step.out.len];
                sizes.fill(0.0);
                let (mut roundings, mut reaches) = (MORE, Reaches::default());
                for term in terms {
                    let from = input(term).map_or((&[][..], &[][..]), |span| (at(values, span, 1), at(off, span, 1)));
                    roundings += numbers.reach(term, false, from, (out_off, sizes), &mut reaches)?;
                }
                last = reaches.settle(out_off, sizes, roundings);
            }
            Action::Concat(inputs) => {
                let mut from = 0;
                for span in inputs {
                    out_off[from..from + span.len].copy_from_slice(at(off, *span, 1));
                    from += span.len;
                }
            }
            Action::Unit { input, unit } => {
                let (left, right) = hinge(numbers.unit(*unit))?;
                let most = left.abs().max(right.abs());
                let (t, off, out) = (at(values, *input, 1), at(off, *input, 1), at(values, step.out, 1));
                // Flat where the number cannot be positive.
                let flat = if left == 0.0 { 0.0 } else { f64::NEG_INFINITY };
                vectorised(
                    #[inline(always)]
                    move || {
                        for (((out_off, t), off), out) in out_off.iter_mut().zip(t).zip(off).zip(out) {
                            let wider = (most * off + f64::EPSILON * out.abs()) * UP + UNDERFLOW;
                            *out_off = if *t + *off < flat { 0.0 } else { wider };
                        }
                    },
                );
            }
            _ => return None,
        }
    }
    let (value, off) = (*values.last()?, *radii.last()?);
    (value.is_finite() && off.is_finite()).then_some(Value { value, off, size: last })
}

/// Radii of a backward pass, and sizes of its sums, written to zeros.
fn minorant(numbers: &Numbers, bench: &Workbench, (radii, sizes): (&mut [f64], &mut [f64])) -> Option<Affine> {
    let plan = &numbers.plan;
    let (adjoints, shares) = (bench.adjoints(), bench.shares());
    let start = Reached { positive: true, roundings: MORE, reaches: Reaches::default() };
    let mut reached = vec![start; plan.steps.len()];
    let (mut constant_size, mut constant_off) = (0.0f64, 0.0f64);
    for (k, (step, bends)) in plan.steps.iter().zip(&bench.hinges.steps).enumerate().rev() {
        let ((off, rest_off), (size, rest_size)) = (radii.split_at_mut(step.out.at), sizes.split_at_mut(step.out.at));
        let (above, above_off) = (at(adjoints, step.out, 1), &mut rest_off[..step.out.len]);
        let Reached { positive, roundings, reaches } = reached[k];
        reaches.settle(above_off, &rest_size[..step.out.len], roundings);
        match (&step.action, bends) {
            (Action::Decision, _) => {}
            (Action::Affine(terms), _) => {
                for term in terms {
                    if let Term::Param(p) = term {
                        let b = numbers.param(*p);
                        let len = b.len().max(1);
                        for (a, a_off) in above.chunks_exact(len).zip(above_off.chunks_exact(len)) {
                            let (size, off) = products(b, a, a_off);
                            constant_size += size;
                            constant_off += off;
                        }
                        continue;
                    }
                    let to = input(term)?;
                    let below = (at_mut(off, to, 1), at_mut(size, to, 1));
                    let to = &mut reached[to.step];
                    to.roundings += numbers.reach(term, true, (above, above_off), below, &mut to.reaches)?;
                    to.positive &= positive && numbers.is_nonnegative(term);
                }
            }
            (Action::Concat(inputs), _) => {
                let mut from = 0;
                for span in inputs {
                    let (a, a_off) = (&above[from..from + span.len], &above_off[from..from + span.len]);
                    add_sizes(a, a_off, at_mut(off, *span, 1), at_mut(size, *span, 1));
                    let to = &mut reached[span.step];
                    (to.roundings, from) = (to.roundings + 1, from + span.len);
                    to.positive &= positive;
                }
            }
            (Action::Unit { input, unit }, Bends::Unit(bends)) => {
                let (left, right) = hinge(numbers.unit(*unit))?;
                let bend = bends.plain.filter(|(l, _)| *l == left)?.1;
                let shares = shares.get(bends.first..bends.first + input.len)?;
                let (off, size) = (at_mut(off, *input, 1), at_mut(size, *input, 1));
                if !(positive && left <= right) {
                    return None;
                }
                // One after the other: loops that write to two places are not turned into vectors.
                let outside = vectorised(
                    #[inline(always)]
                    move || {
                        for ((off, above_off), share) in off.iter_mut().zip(&*above_off).zip(shares) {
                            *off += (left + share * bend).abs() * above_off;
                        }
                        for ((size, above), share) in size.iter_mut().zip(above).zip(shares) {
                            *size += ((left + share * bend) * above).abs();
                        }
                        let inside = |s: f64| left <= s && s <= right;
                        shares.iter().map(|share| u64::from(!inside(left + share * bend))).sum::<u64>()
                    },
                );
                if outside > 0 {
                    return None;
                }
                let to = &mut reached[input.step];
                to.roundings += MORE;
                to.positive &= left >= 0.0;
            }
            _ => return None,
        }
    }
    let p = plan.steps.first()?.out.len;
    let rounding = gamma(2 * plan.size + MORE);
    let constant_off = (constant_off * (1.0 + rounding) + rounding * constant_size) * UP + UNDERFLOW;
    let (slope, slope_off) = (adjoints[..p].to_vec(), radii[..p].to_vec());
    let (constant, known) = (bench.constant(), slope.iter().chain(&slope_off).all(|v| v.is_finite()));
    (known && constant.is_finite() && constant_off.is_finite()).then_some(Affine {
        slope,
        slope_off,
        constant,
        constant_off,
    })
}

/// What is known of a step on the way down: whether no weight above it is negative, how many roundings a sum takes, and what is still
/// to be added to radii and sizes.
#[derive(Clone, Copy)]
struct Reached<'a> {
    positive: bool,
    roundings: usize,
    reaches: Reaches<'a>,
}

/// What is added to radii and sizes at last, in one sweep: multiples of absolute values.
#[derive(Clone, Copy, Default)]
struct Reaches<'a> {
    all: [Reach<'a>; 3],
    count: usize,
}

/// Radii grow by `off` and sizes by `size` times these numbers.
#[derive(Clone, Copy, Default)]
struct Reach<'a> {
    norms: &'a [f64],
    off: f64,
    size: f64,
}

impl<'a> Reaches<'a> {
    /// One more; those for which there is no room are added at once.
    fn push(&mut self, reach: Reach<'a>, off: &mut [f64], sizes: &mut [f64]) {
        if self.count < self.all.len() {
            self.all[self.count] = reach;
            self.count += 1;
        } else {
            reach.add(off, sizes);
        }
    }

    /// Radii of sums of so many terms, from what is off in the terms (`off`) and their sizes added up. A sum of zeros is exact. Returns the size of the last
    /// sum.
    fn settle(&self, off: &mut [f64], sizes: &[f64], roundings: usize) -> f64 {
        let (rounding, len) = (gamma(roundings), off.len().min(sizes.len()));
        // Where they are fewer the first one stands for the others, with factors of 0.
        let norms = |k: usize| if k < self.count { self.all[k].norms } else { self.all[0].norms };
        let (off, sizes) = (&mut off[..len], &sizes[..len]);
        let [x, y, z] = self.all;
        if self.count == 0 {
            vectorised(
                #[inline(always)]
                move || {
                    for (off, size) in off.iter_mut().zip(sizes) {
                        let wider = (*off * (1.0 + rounding) + rounding * size) * UP + UNDERFLOW;
                        *off = if *off + size == 0.0 { 0.0 } else { wider };
                    }
                },
            );
            return sizes.last().copied().unwrap_or(0.0);
        }
        let (a, b, c) = (&norms(0)[..len], &norms(1)[..len], &norms(2)[..len]);
        vectorised(
            #[inline(always)]
            move || {
                let mut last = 0.0;
                let size = |i: usize| sizes[i] + (x.size * a[i].abs() + (y.size * b[i].abs() + z.size * c[i].abs()));
                for i in 0..len {
                    let sum = off[i] + (x.off * a[i].abs() + (y.off * b[i].abs() + z.off * c[i].abs()));
                    let size = sizes[i] + (x.size * a[i].abs() + (y.size * b[i].abs() + z.size * c[i].abs()));
                    let wider = (sum * (1.0 + rounding) + rounding * size) * UP + UNDERFLOW;
                    off[i] = if sum + size == 0.0 { 0.0 } else { wider };
                }
                if len > 0 {
                    last = size(len - 1);
                }
                last
            },
        )
    }
}

impl Reach<'_> {
    fn add(&self, off: &mut [f64], sizes: &mut [f64]) {
        let Reach { norms, off: by_off, size: by_size } = *self;
        vectorised(
            #[inline(always)]
            move || {
                off.iter_mut().zip(norms).for_each(|(off, norm)| *off += by_off * norm.abs());
                sizes.iter_mut().zip(norms).for_each(|(size, norm)| *size += by_size * norm.abs());
            },
        );
    }
}

/// |b|·|a| and |b|·e
fn products(b: &[f64], a: &[f64], e: &[f64]) -> (f64, f64) {
    vectorised(
        #[inline(always)]
        move || (absolute(b, a), absolute(b, e)),
    )
}

/// Σ|aᵢbᵢ|
#[inline(always)]
fn absolute(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| (a * b).abs()).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a * b).abs();
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// off += e, sizes += |v|
fn add_sizes(v: &[f64], e: &[f64], off: &mut [f64], sizes: &mut [f64]) {
    vectorised(
        #[inline(always)]
        || {
            for ((off, size), (v, e)) in off.iter_mut().zip(sizes).zip(v.iter().zip(e)) {
                *off += e;
                *size += v.abs();
            }
        },
    );
}

impl Numbers {
    /// What a term, or its transpose (`turned`), makes of a vector with radii: how far its products are off, and their absolute values, are added to
    /// `off` and `sizes`, or left to `reaches`. Returns how many roundings it takes at most; `None` where it has no rule.
    fn reach<'a>(
        &'a self,
        term: &Term,
        turned: bool,
        (v, e): (&[f64], &[f64]),
        (off, sizes): (&mut [f64], &mut [f64]),
        reaches: &mut Reaches<'a>,
    ) -> Option<usize> {
        match term {
            Term::Param(p) => {
                let values = self.param(*p);
                if values.len() == sizes.len() {
                    reaches.push(Reach { norms: values, off: 0.0, size: 1.0 }, off, sizes);
                    return Some(1);
                }
                vectorised(
                    #[inline(always)]
                    || {
                        for sizes in sizes.chunks_exact_mut(values.len().max(1)) {
                            sizes.iter_mut().zip(values).for_each(|(size, b)| *size += b.abs());
                        }
                    },
                );
                Some(1)
            }
            Term::Copy(_) => {
                add_sizes(v, e, off, sizes);
                Some(1)
            }
            Term::Scale { by, .. } => {
                let by = self.param(*by);
                add_scaled_sizes(by, e, off);
                add_scaled_sizes(by, v, sizes);
                Some(MORE)
            }
            Term::Dense { dense, .. } => {
                let (norms, width) = self.norms_along(dense, turned);
                let height = norms.len();
                if height == 0 || width == 0 {
                    return Some(0);
                }
                if height == off.len() {
                    let (used, size, off_by) = lengths(v, e);
                    reaches.push(Reach { norms, off: off_by, size }, off, sizes);
                    return Some(used + MORE);
                }
                let blocks = off.chunks_exact_mut(height).zip(sizes.chunks_exact_mut(height));
                let mut most = 0;
                for ((off, sizes), (v, e)) in blocks.zip(v.chunks_exact(width).zip(e.chunks_exact(width))) {
                    let (used, size, error) = lengths(v, e);
                    Reach { norms, off: error, size }.add(off, sizes);
                    most = most.max(used);
                }
                Some(most + MORE)
            }
            Term::Sparse { .. } | Term::Convolution { .. } | Term::Gather { .. } => None,
        }
    }
}

/// out += |factors|·|v|; one factor stands for all.
fn add_scaled_sizes(factors: &[f64], v: &[f64], out: &mut [f64]) {
    vectorised(
        #[inline(always)]
        move || match factors {
            [c] => out.iter_mut().zip(v).for_each(|(out, v)| *out += (c * v).abs()),
            _ => {
                let len = factors.len().max(1);
                for (out, v) in out.chunks_exact_mut(len).zip(v.chunks_exact(len)) {
                    out.iter_mut().zip(factors).zip(v).for_each(|((out, c), v)| *out += (c * v).abs());
                }
            }
        },
    );
}

/// How many entries of v are not zero, and numbers above ‖v‖ and ‖e‖.
fn lengths(v: &[f64], e: &[f64]) -> (usize, f64, f64) {
    let (used, v_square, e_square) = vectorised(
        #[inline(always)]
        move || (v.iter().map(|v| u64::from(*v != 0.0)).sum::<u64>(), dot(v, v), dot(e, e)),
    );
    let length = |square: f64, v: &[f64]| match square {
        // Squares that vanish, below 1e-307, add up to nothing beside this.
        s if (1e-280..1e280).contains(&s) => (s * (1.0 + 4.0 * gamma(v.len() + 8))).sqrt() * UP,
        _ => size_up(v),
    };
    (used as usize, length(v_square, v), length(e_square, e))
}
