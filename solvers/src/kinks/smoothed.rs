//! Newton's method for f as it looks from some way off: with a few of its steps the search for a start ends.
//!
//! A step across the kink of unit i changes the slope of f by λᵢ·∇aᵢ. Over steps of a length about δ, normally distributed, f has on average
//! the Hessian Σ λᵢ·φ(aᵢ/σᵢ)/σᵢ·∇aᵢ∇aᵢᵀ, where σᵢ = δ‖∇aᵢ‖ and φ is the density of the normal distribution. The gradients are taken once,
//! since few units change their state on the way that is left; δ follows the steps.

use super::descent::{Found, go};
use super::rounds::{Kept, Rounds};
use crate::SolverError;
use crate::dense::{LANES, dot, vectorised};
use crate::factor::Factor;
use crate::rough::{self, BLOCK};

/// The longest step at first, for each coordinate, as a part of half its width; δ is this part of it.
const REACH: f64 = 0.1;
const BLUR: f64 = 0.5;

/// How far from its kink a unit counts, in σ; (1 − (z/3)²)⁴ stands for the normal distribution, and this makes its integral 1.
const TAILS: f64 = 3.0;
const DENSITY: f64 = 105.0 / 256.0;

/// δ shrinks by no more than this in a step; a step that fails makes the next ones as much shorter.
const SHRINK: f64 = 0.3;
const FAILED: f64 = 0.15;

/// Armijo's share of the decrease, the factor of a step that misses it, the steps tried, and failed line searches after which it ends.
const SHARE: f64 = 1e-4;
const SHORTER: f64 = 0.4;
const TRIALS: usize = 4;
const FAILURES: usize = 2;

/// What is added to the diagonal of the Hessian, as a part of its mean.
const RIDGE: f64 = 1e-6;

/// Most numbers that the rates of all pre-activations along all coordinates may take.
const ROOM: usize = 1 << 22;

/// From where a search has got to: `evaluations` at most, parts of a forward pass each, and of a backward one where it is better, and the rates
/// along all coordinates; none where these take too much room.
///
/// Errors: those of the oracle.
pub(super) fn approach(rounds: &mut Rounds<'_, '_>, found: Found, evaluations: usize) -> Result<Found, SolverError> {
    let (lower, upper) = (rounds.run.region().lower(), rounds.run.region().upper());
    let (p, m) = (lower.len(), rounds.units());
    if found.end.is_some() || p.saturating_mul(m) > ROOM {
        return Ok(found);
    }
    let Found { mut y, mut kept, .. } = found;
    let half = |(l, u): (&f64, &f64)| if (u - l).is_finite() { 0.5 * (u - l) } else { 1.0 };
    let scale: Vec<f64> = lower.iter().zip(upper).map(half).collect();
    let gradients = Gradients::new(rounds, &scale)?;
    let (start, base, frozen) = (y.clone(), kept.clone(), rounds.shares.clone());
    let mut reach = REACH;
    let mut radius = reach * (p as f64).sqrt();
    let (mut used, mut failures) = (0, 0);
    let (mut factor, mut next, mut step) = (Factor::default(), vec![0.0; p], vec![0.0; p]);
    let (mut roots, mut near, mut hessian) = (vec![0.0; m], Near::default(), vec![]);
    let end = loop {
        if let Some(end) = rounds.run.stop() {
            break Some(end);
        }
        if used >= evaluations || failures > FAILURES {
            break None;
        }
        let moving: Vec<usize> = (0..p)
            .filter(|j| {
                let (y, g) = (y[*j], kept.slope[*j]);
                scale[*j] > 0.0 && !(y <= lower[*j] && g >= 0.0 || y >= upper[*j] && g <= 0.0)
            })
            .collect();
        let blur = BLUR * reach;
        let trace = find_roots(blur, &kept.pre, &kept.weights, &gradients.lengths, &mut roots);
        let slope = moving.iter().fold(0.0f64, |most, j| most.max(kept.slope[*j].abs()));
        if trace == 0.0 || slope == 0.0 {
            break None;
        }
        gradients.weighted(&roots, 1.0 / trace.sqrt(), &moving, &mut near);
        let n = moving.len();
        hessian.resize(n * n, 0.0);
        rough::products(&near.rows, n, &mut hessian);
        factor.of(n, f64::MIN_POSITIVE, |i, entries| {
            entries.copy_from_slice(&hessian[i * n + i..(i + 1) * n]);
            entries[0] += RIDGE / n as f64;
        });
        let mut newton: Vec<f64> = moving.iter().map(|j| -scale[*j] * kept.slope[*j] / trace).collect();
        factor.solve(&mut newton);
        let length = dot(&newton, &newton).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            break None;
        }
        let (mut t, mut found) = ((radius / length).min(1.0), false);
        step.fill(0.0);
        moving.iter().zip(&newton).for_each(|(j, d)| step[*j] = scale[*j] * d);
        for _ in 0..TRIALS {
            go(&y, t, &step, (lower, upper), &mut next);
            let there = gradients.look(rounds, (&start, &base, &frozen), (&scale, &next))?;
            used += 1;
            let expected: f64 = next.iter().zip(&y).zip(&kept.slope).map(|((a, b), g)| (a - b) * g).sum();
            if there <= kept.value + SHARE * expected {
                // The last slope would lead nowhere.
                if used < evaluations {
                    rounds.slope_there()?;
                }
                std::mem::swap(&mut y, &mut next);
                rounds.keep(there, &mut kept);
                found = true;
                break;
            }
            t *= SHORTER;
            if used >= evaluations {
                break;
            }
        }
        if found {
            let moved = t * length;
            reach = (moved / (p as f64).sqrt()).max(SHRINK * reach);
            radius = 2.0 * moved;
        } else {
            radius *= FAILED;
            failures += 1;
        }
    };
    Ok(Found { y, kept, end })
}

/// The square roots of λφ(a/σ)/σ for all units, σ being `blur` times their length; 0 for those that are far from their kink. Returns the trace of the
/// Hessian that they make.
fn find_roots(blur: f64, pre: &[f64], weights: &[f64], lengths: &[f64], out: &mut [f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            for (((out, a), weight), length) in out.iter_mut().zip(pre).zip(weights).zip(lengths) {
                let one_over = 1.0 / (blur * length);
                let z = a * one_over * (1.0 / TAILS);
                let (height, near) = (weight * one_over * DENSITY, 1.0 - z * z);
                *out = if height > 0.0 && near > 0.0 { height.sqrt() * near * near } else { 0.0 };
            }
            let (out, rest) = out.as_chunks::<LANES>();
            let (lengths, last) = lengths.as_chunks::<LANES>();
            let mut sums = [0.0; LANES];
            for (out, lengths) in out.iter().zip(lengths) {
                for ((sum, root), length) in sums.iter_mut().zip(out).zip(lengths) {
                    *sum += (root * length) * (root * length);
                }
            }
            sums.iter().sum::<f64>() + rest.iter().zip(last).map(|(r, l)| (r * l) * (r * l)).sum::<f64>()
        },
    )
}

/// The units near their kink.
#[derive(Debug, Default)]
struct Near {
    /// What the rates of all units are multiplied by; 0 for those that are far away.
    factors: Vec<f32>,
    /// Blocks of units of which one is near.
    blocks: Vec<usize>,
    /// Their rates, multiplied, coordinate by coordinate.
    rows: Vec<f32>,
}

/// The gradients of all pre-activations where units are frozen as they are, coordinate by coordinate.
struct Gradients {
    /// p×m, in coordinates that are divided by their scale.
    rates: Vec<f32>,
    /// m
    lengths: Vec<f64>,
}

impl Gradients {
    /// The rates along the coordinates `moving`, times the `roots` and a `factor`; units that are far from their kink are left out in blocks.
    fn weighted(&self, roots: &[f64], factor: f64, moving: &[usize], near: &mut Near) {
        let m = roots.len();
        let Near { factors, blocks: near, rows } = near;
        factors.resize(m.next_multiple_of(BLOCK), 0.0);
        vectorised(
            #[inline(always)]
            || factors.iter_mut().zip(roots).for_each(|(to, root)| *to = (root * factor) as f32),
        );
        let (factors, _) = factors.as_chunks::<BLOCK>();
        let is_near = |block: &[f32; BLOCK]| block.iter().fold(0, |any, f| any | f.to_bits()) != 0;
        near.clear();
        near.extend((0..factors.len()).filter(|b| is_near(&factors[*b])));
        rows.resize(moving.len() * BLOCK * near.len(), 0.0);
        let (out, _) = rows.as_chunks_mut::<BLOCK>();
        for (out, j) in out.chunks_exact_mut(near.len().max(1)).zip(moving) {
            let (along, rest) = self.rates[j * m..(j + 1) * m].as_chunks::<BLOCK>();
            let mut last = [0.0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            let near = near.as_slice();
            vectorised(
                #[inline(always)]
                move || {
                    for (out, b) in out.iter_mut().zip(near) {
                        let (factors, along) = (&factors[*b], if *b < along.len() { &along[*b] } else { &last });
                        // Stored as a whole: what is written could otherwise be what is read next.
                        let mut products = [0.0; BLOCK];
                        for k in 0..BLOCK {
                            products[k] = factors[k] * along[k];
                        }
                        *out = products;
                    }
                },
            );
        }
    }

    /// f at `next`, from `base`, where they were taken: what it is if units keep their shares, and what those add that do not.
    fn look(
        &self,
        rounds: &mut Rounds<'_, '_>,
        (from, base, frozen): (&[f64], &Kept, &[f64]),
        (scale, next): (&[f64], &[f64]),
    ) -> Result<f64, SolverError> {
        let along = next.iter().zip(from).zip(scale);
        let steps: Vec<f64> =
            along.map(|((to, from), scale)| if *scale > 0.0 { (to - from) / scale } else { 0.0 }).collect();
        let change: f64 = next.iter().zip(from).zip(&base.slope).map(|((to, from), g)| (to - from) * g).sum();
        let stays = vec![0.0; next.len()];
        rounds.look_from(next, &stays, (Some(frozen), base.value + change), |pre| {
            pre.copy_from_slice(&base.pre);
            vectorised(
                #[inline(always)]
                || rough::add_rows(&steps, &self.rates, pre),
            );
        })
    }

    fn new(rounds: &mut Rounds<'_, '_>, scale: &[f64]) -> Result<Gradients, SolverError> {
        let (p, m) = (scale.len(), rounds.units());
        let mut directions = vec![0.0; p * p];
        (0..p).for_each(|j| directions[j * p + j] = scale[j]);
        let rates = rounds.rates_along(&directions)?;
        let mut squares = vec![0.0; m];
        for along in rates.chunks_exact(m.max(1)) {
            vectorised(
                #[inline(always)]
                || squares.iter_mut().zip(along).for_each(|(s, r)| *s += f64::from(*r) * f64::from(*r)),
            );
        }
        rounds.know(&squares);
        let mut lengths = squares;
        vectorised(
            #[inline(always)]
            || lengths.iter_mut().for_each(|s| *s = s.sqrt().max(f64::MIN_POSITIVE)),
        );
        Ok(Gradients { rates, lengths })
    }
}
