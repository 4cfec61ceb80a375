//! Newton's method for f as it looks from some way off: with a few of its steps the search for a start ends.
//!
//! A step across the kink of unit i changes the slope of f by λᵢ·∇aᵢ. Over steps of a length about δ, normally distributed, f has on average
//! the Hessian Σ λᵢ·φ(aᵢ/σᵢ)/σᵢ·∇aᵢ∇aᵢᵀ, where σᵢ = δ‖∇aᵢ‖ and φ is the density of the normal distribution. The gradients are taken once,
//! since few units change their state on the way that is left; δ follows the steps.

use super::descent::go;
use super::rounds::Rounds;
use crate::SolverError;
use crate::dense::{dot, products, vectorised};
use crate::elementwise::exp;
use crate::factor::Factor;
use crate::run::End;

/// The longest step at first, for each coordinate, as a part of half its width; δ is this part of it.
const REACH: f64 = 0.1;
const BLUR: f64 = 0.5;

/// How far from its kink a unit counts, in σ.
const TAILS: f64 = 3.0;

/// δ shrinks by no more than this in a step; a step that fails makes the next ones as much shorter.
const SHRINK: f64 = 0.3;
const FAILED: f64 = 0.15;

/// Armijo's share of the decrease, the factor of a step that misses it, the steps tried, and failed line searches after which it ends.
const SHARE: f64 = 1e-4;
const SHORTER: f64 = 0.4;
const TRIALS: usize = 4;
const FAILURES: usize = 2;

/// What is added to the diagonal of the Hessian, as a part of its mean.
const RIDGE: f64 = 1e-9;

/// Most numbers that the rates of all pre-activations along all coordinates may take.
const ROOM: usize = 1 << 22;

/// From `y`, the point where all units were frozen last: `evaluations` at most, one forward pass each, and one backward where it is better, and the rates along all
/// coordinates; all units are frozen where they are at the best point, which is returned, `y` itself where the rates take too much room. An end if the run is over.
///
/// Errors: those of the oracle.
pub(super) fn approach(
    rounds: &mut Rounds<'_, '_>,
    mut y: Vec<f64>,
    evaluations: usize,
) -> Result<Result<Vec<f64>, End>, SolverError> {
    let (lower, upper) = (rounds.run.region().lower(), rounds.run.region().upper());
    let (p, m) = (y.len(), rounds.units());
    if p.saturating_mul(m) > ROOM {
        return Ok(Ok(y));
    }
    let half = |(l, u): (&f64, &f64)| if (u - l).is_finite() { 0.5 * (u - l) } else { 1.0 };
    let scale: Vec<f64> = lower.iter().zip(upper).map(half).collect();
    let gradients = Gradients::new(rounds, &scale)?;
    let mut kept = rounds.kept();
    let mut reach = REACH;
    let mut radius = reach * (p as f64).sqrt();
    let (mut used, mut failures) = (0, 0);
    let (mut factor, mut next, mut step) = (Factor::default(), vec![0.0; p], vec![0.0; p]);
    let (mut densities, mut near, mut rows) = (vec![], Vec::with_capacity(m), vec![]);
    loop {
        if let Some(end) = rounds.run.stop() {
            return Ok(Err(end));
        }
        if used >= evaluations || failures > FAILURES {
            break;
        }
        let moving: Vec<usize> = (0..p)
            .filter(|j| {
                let (y, g) = (y[*j], kept.slope[*j]);
                scale[*j] > 0.0 && !(y <= lower[*j] && g >= 0.0 || y >= upper[*j] && g <= 0.0)
            })
            .collect();
        let blur = BLUR * reach;
        densities.resize(m, 0.0);
        roots(blur, &kept.pre, &kept.weights, &gradients.lengths, &mut densities);
        // Which are near is unpredictable: the others are left out without a branch.
        near.resize(m, (0, 0.0));
        let mut count = 0;
        for (i, root) in densities.iter().enumerate() {
            near[count] = (i, *root);
            count += usize::from(*root > 0.0);
        }
        near.truncate(count);
        if near.is_empty() || moving.is_empty() {
            break;
        }
        // Zeros at their ends let products of rows do without a remainder.
        let stride = near.len().next_multiple_of(8);
        rows.clear();
        for (k, j) in moving.iter().enumerate() {
            let along = &gradients.rates[j * m..(j + 1) * m];
            rows.extend(near.iter().map(|(i, root)| root * along[*i]));
            rows.resize((k + 1) * stride, 0.0);
        }
        let mean = dot(&rows, &rows) / moving.len() as f64;
        factor.of(moving.len(), f64::MIN_POSITIVE, |i, entries| {
            vectorised(
                #[inline(always)]
                || products(&rows[i * stride..], &rows[i * stride..(i + 1) * stride], entries),
            );
            entries[0] += RIDGE * mean + f64::MIN_POSITIVE;
        });
        let mut newton: Vec<f64> = moving.iter().map(|j| -scale[*j] * kept.slope[*j]).collect();
        factor.solve(&mut newton);
        let length = dot(&newton, &newton).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            break;
        }
        let (mut t, mut found) = ((radius / length).min(1.0), false);
        step.fill(0.0);
        moving.iter().zip(&newton).for_each(|(j, d)| step[*j] = scale[*j] * d);
        for _ in 0..TRIALS {
            go(&y, t, &step, (lower, upper), &mut next);
            let there = rounds.look(&next)?;
            used += 1;
            let expected: f64 = next.iter().zip(&y).zip(&kept.slope).map(|((a, b), g)| (a - b) * g).sum();
            if there <= kept.value + SHARE * expected {
                let constant = rounds.support(&next)?;
                std::mem::swap(&mut y, &mut next);
                rounds.keep((there, constant), &mut kept);
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
    }
    rounds.freeze_as(kept);
    Ok(Ok(y))
}

/// The square roots of λφ(a/σ)/σ for all units, σ being `blur` times their length; 0 for those that are far from their kink.
fn roots(blur: f64, pre: &[f64], weights: &[f64], lengths: &[f64], out: &mut [f64]) {
    let most = 1.0 / std::f64::consts::TAU.sqrt();
    vectorised(
        #[inline(always)]
        || {
            for (((out, a), weight), length) in out.iter_mut().zip(pre).zip(weights).zip(lengths) {
                let sigma = blur * length;
                let z = a / sigma;
                let density = weight * most * exp(-0.5 * z * z) / sigma;
                *out = if *weight > 0.0 && z.abs() < TAILS { density.sqrt() } else { 0.0 };
            }
        },
    );
}

/// The gradients of all pre-activations where units are frozen as they are, coordinate by coordinate.
struct Gradients {
    /// p×m, in coordinates that are divided by their scale.
    rates: Vec<f64>,
    /// m
    lengths: Vec<f64>,
}

impl Gradients {
    fn new(rounds: &mut Rounds<'_, '_>, scale: &[f64]) -> Result<Gradients, SolverError> {
        let (p, m) = (scale.len(), rounds.units());
        let mut directions = vec![0.0; p * p];
        (0..p).for_each(|j| directions[j * p + j] = scale[j]);
        let rates = rounds.rates_along(&directions)?;
        let mut squares = vec![0.0; m];
        for along in rates.chunks_exact(m.max(1)) {
            vectorised(
                #[inline(always)]
                || squares.iter_mut().zip(along).for_each(|(s, r)| *s += r * r),
            );
        }
        rounds.know(&squares);
        let lengths = squares.iter().map(|s| s.sqrt().max(f64::MIN_POSITIVE)).collect();
        Ok(Gradients { rates, lengths })
    }
}
