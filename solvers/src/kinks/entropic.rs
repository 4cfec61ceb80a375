//! min f − τH over a box: Newton's method in which the entropy alone is replaced by its quadratic model, f staying as it is.
//!
//! Around a point c the entropy's model is ½(y − c)ᵀD(y − c) plus a linear term, D = diag τ/((y − l)(u − y)·…); in the variables
//! √D(y − c) each step is the problem of [`ActiveSet`] with κ = 1, started from the kinks that the last one held. Its multipliers give
//! a minorant of f with slope r, and r an entropic minimum in closed form: a bound, and a second candidate for the next
//! centre, which is exact where coordinates are saturated. Where the held kinks are the right ones `polish` does the rest.

use super::active_set::{Finish, Warm, solve};
use super::polish::{Entropy, polish};
use super::reduced::Reduced;
use super::rounds::Rounds;
use crate::SolverError;
use crate::bundle_entropy;
use crate::logistic::{sigmoid, softplus};
use crate::run::{End, Run};

/// Newton steps on one reduced program, and those without a smaller gap after which it is given up.
const NEWTON_STEPS: usize = 40;
const IDLE: usize = 6;

/// Fewest passes of the bundle method before kinks are looked at, and most: four for every three coordinates within these limits.
const PASSES: u32 = 8;
const MOST_PASSES: (usize, usize) = (12, 50);

/// The gap at which it is left after ten passes, in units of τ.
const CLOSE: f64 = 0.005;

/// Passes after which it is left at a gap ten times as large: for each coordinate, and at most. Waiting pays while the gap falls faster. The more
/// coordinates there are, the more a step of the active set takes next to a pass.
const TENFOLD: (f64, f64) = (0.4, 12.0);

/// The part of the distance to the minimum, as far as the gap tells, up to which kinks are left free, and how many are however far off
/// they are. A kink is met in one of many directions, so that a part is enough; the others show in the next round.
const REACHED: f64 = 0.25;
const FEWEST: usize = 8;

/// Rounds.
const ROUNDS: usize = 60;

/// The part of the gap to which a reduced program is solved while kinks are frozen wrongly.
const FAR: f64 = 1e-2;

/// How far a step may go towards an end of the box, as a part of the way.
const REACH: f64 = 0.9;

/// The part of the box's side that a centre keeps from its ends.
const MARGIN: f64 = 1e-13;

/// Minimises f − τH over a box.
pub(super) fn entropic(run: &mut Run<'_>, tau: f64) -> Result<End, SolverError> {
    let p = run.region().dimension();
    // Within this gap the entropy's quadratic model is a good one.
    let good = 0.01 * tau * p as f64;
    if let Some(end) = bundle_entropy::begin(run, &|passes, gap| is_near(passes, gap / tau, p))? {
        return Ok(end);
    }
    let start = run.gap();
    // Whether kinks are still frozen that are known to be frozen wrongly, or likely to.
    let mut far = start > 0.3 * good;
    let mut y = run.best().map_or_else(|| run.start(), |(y, _)| y.to_vec());
    let bounds = Sides::new(run);
    let mut rounds = Rounds::new(run, &y)?;
    if let Some(end) = rounds.run.stop() {
        return Ok(end);
    }
    let scale: Vec<f64> = (0..p).map(|j| bounds.spread(j, y[j])).collect();
    rounds.free_nearest(nearest(p, rounds.units(), start > good), &scale)?;
    // f − τH is above its minimum by about half the squared distance in units of `scale`, times τ.
    rounds.keep_within(REACHED * (2.0 * start / tau).sqrt(), FEWEST);
    let (mut held, mut reference) = (rounds.nearest_free(rounds.free.len().min(bounds.moving.len()) / 2), vec![]);
    for _ in 0..ROUNDS {
        if !rounds.fits() {
            let (k, m) = (rounds.free.len(), rounds.units());
            return Ok(End::Stalled(format!("{k} of {m} kinks are too many to look at together")));
        }
        let reduced = rounds.reduce_over(&bounds.moving, &y)?;
        let closed = 0.3 * rounds.run.limits().gap * rounds.run.size();
        let target = if far { closed.max(FAR * rounds.run.gap()) } else { closed };
        let mut newton = Newton::new(&reduced, &bounds, tau, &y);
        let slope = rounds.run.slope().to_vec();
        let mut stop = || rounds.run.is_over();
        let of: Vec<f64> = bounds.moving.iter().map(|j| slope[*j]).collect();
        let mut known = Warm {
            shares: if reference.is_empty() { vec![] } else { rounds.free.iter().map(|i| reference[*i]).collect() },
            kinks: held.iter().filter_map(|i| rounds.free.binary_search(i).ok()).collect(),
        };
        newton.run(&of, target, &mut known, &mut stop);
        rounds.run.count_inner(true, reduced.units, newton.steps);
        bounds.moving.iter().zip(&newton.best).for_each(|(j, v)| y[*j] = *v);
        if let Some(end) = rounds.judge(&y, &newton.shares, None)?.0 {
            return Ok(end);
        }
        if reference.is_empty() {
            reference.clone_from(&rounds.shares);
        }
        rounds.free.iter().zip(&known.shares).for_each(|(i, share)| reference[*i] = *share);
        held = known.kinks.iter().map(|i| rounds.free[*i]).collect();
        let before = rounds.free.clone();
        let (news, wrong) = rounds.expand();
        // What was frozen wrongly starts where it is now.
        let new = rounds.free.iter().filter(|i| before.binary_search(i).is_err());
        new.for_each(|i| reference[*i] = 1.0 - reference[*i]);
        let open = newton.gap > closed;
        if news == 0 && !(open && (far || rounds.free_all())) {
            break;
        }
        far = news < wrong;
    }
    let gap = rounds.run.gap();
    Ok(End::Stalled(format!("the kinks that are held do not change any more: the gap stays at {gap:.1e}")))
}

/// Whether the bundle method has come near enough, after so many passes, with a gap in units of τ.
fn is_near(passes: u32, gap: f64, p: usize) -> bool {
    let tenfold = (TENFOLD.0 * p.max(1) as f64).min(TENFOLD.1);
    let enough = CLOSE * 10f64.powf((f64::from(passes) - 10.0) / tenfold);
    let most = (p + p / 3).clamp(MOST_PASSES.0, MOST_PASSES.1);
    passes as usize >= most || passes >= PASSES && gap <= enough
}

/// Most kinks that are left free at first, of `units`, in dimension p; more of them `far` from the minimum.
fn nearest(p: usize, units: usize, far: bool) -> usize {
    if p <= 24 { (if far { 3 * p } else { 3 * p / 2 }).max(24).min(units) } else { super::rounds::nearest(p, units) }
}

/// The box.
struct Sides {
    /// Coordinates with room to move.
    moving: Vec<usize>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Sides {
    fn new(run: &Run<'_>) -> Sides {
        let (lower, upper) = (run.region().lower().to_vec(), run.region().upper().to_vec());
        let moving = (0..lower.len()).filter(|j| lower[*j] < upper[*j]).collect();
        Sides { moving, lower, upper }
    }

    /// How far a coordinate moves when a multiplier changes: the root of the inverse curvature of the entropy.
    fn spread(&self, j: usize, y: f64) -> f64 {
        ((y - self.lower[j]).max(0.0) * (self.upper[j] - y).max(0.0)).sqrt()
    }
}

/// Newton's method on one reduced program.
struct Newton<'a> {
    net: &'a Reduced,
    lower: Vec<f64>,
    width: Vec<f64>,
    tau: f64,
    centre: Vec<f64>,
    /// The best point and what was minimised there.
    best: Vec<f64>,
    value: f64,
    /// The shares of the best bound.
    shares: Vec<f64>,
    bound: f64,
    gap: f64,
    pre: Vec<f64>,
    values: Vec<f64>,
    /// Steps of the active set so far.
    steps: usize,
}

impl<'a> Newton<'a> {
    fn new(net: &'a Reduced, sides: &Sides, tau: f64, y: &[f64]) -> Newton<'a> {
        let of = |v: &[f64]| sides.moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
        let (lower, upper) = (of(&sides.lower), of(&sides.upper));
        let width: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| u - l).collect();
        let zeros = vec![0.0; net.units];
        let centre = of(y);
        let mut newton = Newton {
            net,
            lower,
            width,
            tau,
            best: centre.clone(),
            centre,
            value: f64::INFINITY,
            shares: zeros.clone(),
            bound: f64::NEG_INFINITY,
            gap: f64::INFINITY,
            pre: zeros.clone(),
            values: zeros,
            steps: 0,
        };
        newton.inside();
        newton.consider(&newton.centre.clone());
        newton
    }

    fn inside(&mut self) {
        for ((y, l), w) in self.centre.iter_mut().zip(&self.lower).zip(&self.width) {
            *y = y.clamp(l + MARGIN * w, l + (1.0 - MARGIN) * w);
        }
    }

    /// What is minimised at `y`; the best is kept.
    fn consider(&mut self, y: &[f64]) -> f64 {
        let mut value = self.net.forward(y, &mut self.pre, &mut self.values);
        for ((y, l), w) in y.iter().zip(&self.lower).zip(&self.width) {
            let u = ((y - l) / w).clamp(0.0, 1.0);
            value += self.tau * (xlogx(u) + xlogx(1.0 - u));
        }
        if value < self.value {
            self.value = value;
            self.best.copy_from_slice(y);
        }
        value
    }

    /// Takes the bound that `shares` give, and its minimiser, which `closed` becomes (p), as a candidate: what is minimised there.
    fn offer(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64], closed: &mut [f64]) -> f64 {
        let mut bound = self.net.backward(shares, slope, weights);
        for (j, closed) in closed.iter_mut().enumerate() {
            let (l, w) = (self.lower[j], self.width[j]);
            let t = -slope[j] * w / self.tau;
            bound += slope[j] * l - self.tau * softplus(t);
            *closed = if t > 0.0 { l + w - w * sigmoid(-t) } else { l + w * sigmoid(t) };
        }
        if bound > self.bound {
            self.bound = bound;
            self.shares.copy_from_slice(shares);
        }
        self.consider(closed)
    }

    /// Until the gap of the reduced program is at most `target`.
    fn run(&mut self, slope: &[f64], target: f64, known: &mut Warm, stop: &mut dyn FnMut() -> bool) {
        let (net, p) = (self.net, self.net.decisions);
        let mut model = net.clone();
        let (mut below, mut above, mut root) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
        let (mut slope, mut weights) = (slope.to_vec(), vec![0.0; net.units]);
        let mut from = vec![0.0; p];
        let (mut idle, mut least) = (0, f64::INFINITY);
        let (mut point, mut closed) = (self.centre.clone(), vec![0.0; p]);
        for _ in 0..NEWTON_STEPS {
            for j in 0..p {
                let (w, u) =
                    (self.width[j], ((self.centre[j] - self.lower[j]) / self.width[j]).clamp(MARGIN, 1.0 - MARGIN));
                root[j] = (self.tau * bend(u, sigmoid(-slope[j] * w / self.tau))).sqrt() / w;
                model.linear[j] = (net.linear[j] + self.tau * (u / (1.0 - u)).ln() / w) / root[j];
                from[j] = (point[j] - self.centre[j]) * root[j];
                // The model is good for a part of the way to the ends.
                below[j] = -REACH * u * w * root[j];
                above[j] = REACH * (1.0 - u) * w * root[j];
            }
            for (i, (row, of)) in model.rows.chunks_exact_mut(p.max(1)).zip(net.rows.chunks_exact(p.max(1))).enumerate()
            {
                row.iter_mut().zip(of).zip(&root).for_each(|((r, v), d)| *r = v / d);
                model.constants[i] = net.constants[i] + crate::dense::dot(of, &self.centre);
            }
            let (inner, finish) = solve(&model, (&below, &above), 1.0, &from, known, 20 * p + 200, stop);
            *known = inner.warm();
            self.steps += inner.steps;
            for j in 0..p {
                point[j] = self.centre[j] + inner.y[j] / root[j];
            }
            // The bound that the multipliers give, and its minimiser.
            let one = self.consider(&point);
            let other = self.offer(&inner.shares, &mut slope, &mut weights, &mut closed);
            self.centre.copy_from_slice(if other < one { &closed } else { &point });
            let entropy = Entropy { lower: &self.lower, width: &self.width, tau: self.tau };
            if self.value - self.bound > target
                && let Some(shares) = polish(net, entropy, &inner, target)
            {
                let before = slope.clone();
                let polished = self.offer(&shares, &mut slope, &mut weights, &mut closed);
                if polished < one.min(other) {
                    self.centre.copy_from_slice(&closed);
                } else {
                    slope = before;
                }
            }
            self.inside();
            self.gap = self.value - self.bound;
            idle = if self.gap < 0.7 * least { 0 } else { idle + 1 };
            least = least.min(self.gap);
            if self.gap <= target || idle > IDLE || finish == Finish::Unbounded || stop() {
                return;
            }
        }
    }
}

/// The slope of the secant of u ↦ log(u/(1 − u)) from `u` to `v`: a Newton step with it ends at v where the slope of f is the one
/// that belongs to v, as it nearly is where u is close to 0 or 1.
fn bend(u: f64, v: f64) -> f64 {
    let v = v.clamp(MARGIN, 1.0 - MARGIN);
    let at = |u: f64| (u / (1.0 - u)).ln();
    if (u - v).abs() <= 1e-3 * u.min(1.0 - u) { 1.0 / (u * (1.0 - u)) } else { (at(u) - at(v)) / (u - v) }
}

/// t·log t, 0 at 0.
fn xlogx(t: f64) -> f64 {
    if t <= 0.0 { 0.0 } else { t * t.ln() }
}
