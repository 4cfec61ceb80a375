//! How far off the numbers of the last two passes are: that of the values at a point, and that of the adjoints with shares of the kinks. No
//! weight is read again, only norms of rows and columns.
//!
//! A sum of n products, fused or not and in any order, is off by at most γₙ·Σ|terms|, and by Σ|w|·e where what is multiplied is off by e
//! itself (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1); both sums are bounded by Cauchy and Schwarz.

use icnn_solvers::dense::vectorised;

use super::NetworkOracle;
use super::errors::{Affine, UNDERFLOW, UP, Value, hinge, products};
use super::hinges::Bends;
use super::kinks::Workbench;
use super::pass::{Numbers, at, at_mut};
use super::plan::{Action, Term, input};
use super::sizes::size_up;
use crate::ir::interval::gamma;

/// Roundings of a sum besides those of its products.
const MORE: usize = 2;

impl NetworkOracle<'_> {
    /// f(y) and the minorant of `shares`, as the last passes left them, with radii. `None` where these were not at y and with `shares`, a step has no
    /// rule here, a unit's weight may be negative, or numbers leave f64.
    pub(crate) fn enclosed(&self, y: &[f64], shares: &[f64]) -> Option<(Value, Affine)> {
        let (numbers, bench) = (self.numbers.as_ref().as_ref()?, self.workbench.as_ref()?.as_ref().ok()?);
        let first = numbers.plan.steps.first()?;
        let fits = matches!(first.action, Action::Decision) && first.out.len == self.instance.decisions();
        if !(fits && self.single && self.work.values.get(..y.len()) == Some(y) && bench.holds(shares)) {
            return None;
        }
        let size = numbers.plan.size;
        let mut room = vec![0.0; 2 * size];
        let value = value(numbers, &self.work.values[..size], room.split_at_mut(size))?;
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
                let mut roundings = MORE;
                for term in terms {
                    let from = input(term).map_or((&[][..], &[][..]), |span| (at(values, span, 1), at(off, span, 1)));
                    roundings += numbers.reach(term, false, from, (out_off, sizes))?;
                }
                settle(out_off, sizes, roundings);
                last = sizes.last().copied().unwrap_or(0.0);
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
                vectorised(
                    #[inline(always)]
                    || {
                        for (((out_off, t), off), out) in out_off.iter_mut().zip(t).zip(off).zip(out) {
                            // Flat where the number cannot be positive.
                            let flat = left == 0.0 && *t + *off < 0.0;
                            *out_off =
                                if flat { 0.0 } else { (most * off + f64::EPSILON * out.abs()) * UP + UNDERFLOW };
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
    let (mut positive, mut roundings) = (vec![true; plan.steps.len()], vec![MORE; plan.steps.len()]);
    let (mut constant_size, mut constant_off) = (0.0f64, 0.0f64);
    for (k, (step, bends)) in plan.steps.iter().zip(&bench.hinges.steps).enumerate().rev() {
        let ((off, rest_off), (size, rest_size)) = (radii.split_at_mut(step.out.at), sizes.split_at_mut(step.out.at));
        let (above, above_off) = (at(adjoints, step.out, 1), &mut rest_off[..step.out.len]);
        settle(above_off, &rest_size[..step.out.len], roundings[k]);
        match (&step.action, bends) {
            (Action::Decision, _) => {}
            (Action::Affine(terms), _) => {
                for term in terms {
                    if let Term::Param(p) = term {
                        let b = numbers.param(*p);
                        let len = b.len().max(1);
                        for (a, a_off) in above.chunks_exact(len).zip(above_off.chunks_exact(len)) {
                            let (_, size, off) = vectorised(
                                #[inline(always)]
                                || products(b, a, a_off),
                            );
                            constant_size += size;
                            constant_off += off;
                        }
                        continue;
                    }
                    let to = input(term)?;
                    let below = (at_mut(off, to, 1), at_mut(size, to, 1));
                    roundings[to.step] += numbers.reach(term, true, (above, above_off), below)?;
                    positive[to.step] &= positive[k] && numbers.is_nonnegative(term);
                }
            }
            (Action::Concat(inputs), _) => {
                let mut from = 0;
                for span in inputs {
                    let (a, a_off) = (&above[from..from + span.len], &above_off[from..from + span.len]);
                    add_sizes(a, a_off, at_mut(off, *span, 1), at_mut(size, *span, 1));
                    (roundings[span.step], from) = (roundings[span.step] + 1, from + span.len);
                    positive[span.step] &= positive[k];
                }
            }
            (Action::Unit { input, unit }, Bends::Unit(bends)) => {
                let (left, right) = hinge(numbers.unit(*unit))?;
                let bend = bends.plain.filter(|(l, _)| *l == left)?.1;
                let shares = shares.get(bends.first..bends.first + input.len)?;
                let (off, size) = (at_mut(off, *input, 1), at_mut(size, *input, 1));
                let mut inside = positive[k] && left <= right;
                vectorised(
                    #[inline(always)]
                    || {
                        let of = above.iter().zip(&*above_off).zip(shares);
                        for ((off, size), ((above, above_off), share)) in off.iter_mut().zip(size).zip(of) {
                            let s = left + share * bend;
                            inside &= left <= s && s <= right;
                            *off += s.abs() * above_off;
                            *size += (s * above).abs();
                        }
                    },
                );
                if !inside {
                    return None;
                }
                roundings[input.step] += MORE;
                positive[input.step] &= left >= 0.0;
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

/// Radii of sums of so many terms, from what is off in the terms (`off`) and their sizes added up. A sum of zeros is exact.
fn settle(off: &mut [f64], sizes: &[f64], roundings: usize) {
    let rounding = gamma(roundings);
    vectorised(
        #[inline(always)]
        || {
            for (off, size) in off.iter_mut().zip(sizes) {
                let wider = (*off * (1.0 + rounding) + rounding * size) * UP + UNDERFLOW;
                *off = if *size == 0.0 && *off == 0.0 { 0.0 } else { wider };
            }
        },
    );
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
    /// Adds what a term, or its transpose (`turned`), makes of a vector with radii: to `off` how far its products are off, to `sizes`
    /// their absolute values. Returns how many roundings it takes at most; `None` where it has no rule.
    fn reach(
        &self,
        term: &Term,
        turned: bool,
        (v, e): (&[f64], &[f64]),
        (off, sizes): (&mut [f64], &mut [f64]),
    ) -> Option<usize> {
        match term {
            Term::Param(p) => {
                let values = self.param(*p);
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
                // One factor stands for all.
                let len = if by.len() == 1 { v.len() } else { by.len() }.max(1);
                let factor = |i: usize| if by.len() == 1 { by[0] } else { by[i] }.abs();
                let blocks = off.chunks_exact_mut(len).zip(sizes.chunks_exact_mut(len));
                vectorised(
                    #[inline(always)]
                    || {
                        for ((off, sizes), (v, e)) in blocks.zip(v.chunks_exact(len).zip(e.chunks_exact(len))) {
                            for i in 0..len {
                                off[i] += factor(i) * e[i];
                                sizes[i] += factor(i) * v[i].abs();
                            }
                        }
                    },
                );
                Some(MORE)
            }
            Term::Dense { dense, .. } => {
                let (norms, width) = self.norms_along(dense, turned);
                let height = norms.len();
                if height == 0 || width == 0 {
                    return Some(0);
                }
                let blocks = off.chunks_exact_mut(height).zip(sizes.chunks_exact_mut(height));
                let mut most = 0;
                for ((off, sizes), (v, e)) in blocks.zip(v.chunks_exact(width).zip(e.chunks_exact(width))) {
                    let (used, size, error) = lengths(v, e);
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((off, sum), norm) in off.iter_mut().zip(sizes).zip(norms) {
                                *off += norm * error;
                                *sum += norm * size;
                            }
                        },
                    );
                    most = most.max(used);
                }
                Some(most + MORE)
            }
            Term::Sparse { .. } | Term::Convolution { .. } | Term::Gather { .. } => None,
        }
    }
}

/// How many entries of v are not zero, and numbers above ‖v‖ and ‖e‖.
fn lengths(v: &[f64], e: &[f64]) -> (usize, f64, f64) {
    let (used, v_square, e_square) = vectorised(
        #[inline(always)]
        || {
            let (mut used, mut v_square, mut e_square) = ([0.0f64; 8], [0.0f64; 8], [0.0f64; 8]);
            let ((vs, v_rest), (es, e_rest)) = (v.as_chunks::<8>(), e.as_chunks::<8>());
            // Loops, as closures that are not inlined run without vectors.
            for (v, e) in vs.iter().zip(es) {
                for k in 0..8 {
                    used[k] += if v[k] == 0.0 { 0.0 } else { 1.0 };
                    v_square[k] += v[k] * v[k];
                    e_square[k] += e[k] * e[k];
                }
            }
            for (v, e) in v_rest.iter().zip(e_rest) {
                used[0] += if *v == 0.0 { 0.0 } else { 1.0 };
                v_square[0] += v * v;
                e_square[0] += e * e;
            }
            (used.iter().sum::<f64>(), v_square.iter().sum::<f64>(), e_square.iter().sum::<f64>())
        },
    );
    let length = |square: f64, v: &[f64]| match square {
        // Squares that vanish, below 1e-307, add up to nothing beside this.
        s if (1e-280..1e280).contains(&s) => (s * (1.0 + 4.0 * gamma(v.len() + 8))).sqrt() * UP,
        _ => size_up(v),
    };
    (used as usize, length(v_square, v), length(e_square, e))
}
