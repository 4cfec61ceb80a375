//! The bundle entropy method (paper §5, eqs. 8–13): f is replaced by the largest of the cuts met so far, the entropy is kept
//! as it is, and the next point is the minimiser of that model, found through its dual over the weights of the cuts.
//!
//! | module      | what                                                                        |
//! |-------------|-----------------------------------------------------------------------------|
//! | `frame`     | the region as [0, 1]ⁿ × unit simplices                                      |
//! | `entropic`  | min sᵀu − τH(u) there: value, minimiser, curvature                          |
//! | [`master`]  | the dual: the best convex combination of cuts, by Newton's method           |
//! | `face`      | a Newton step over the simplex of weights: which cuts may have weight       |
//! | `climb`     | the maximum of its model for them                                           |
//! | `members`   | the curvature along the cuts that a step needs                              |
//! | `cuts`      | the bundle: cuts, their weights, which of them stay                         |
//! | [`check`]   | the master as a conic program, solved by Clarabel (feature `clarabel`)      |
//!
//! Against the paper, three things are added. The incumbent and the bound D(λ) give a certified gap, on which the method
//! stops; linearly dependent cuts are cuts like any others. And the entropy is *damped*: the model minimised is
//!
//! max(h + Gy) − τH(y) + ρ·B(y, centre),   B(y, c) = H(c) − H(y) − ∇H(c)ᵀ(c − y) ≥ 0, the entropy's Bregman distance,
//!
//! whose dual is the paper's at temperature τ + ρ with a linear term. The centre moves to a new point that is clearly better,
//! and ρ falls to what would have made up for the error of the cuts there: a proximal bundle method in the geometry of the entropy. It takes half to a third of the
//! passes of the undamped method where slopes are large compared to τ, and with τ = 0 it minimises f alone. Bounds do not
//! know of ρ: each is the minimum over the region of a combination of cuts, with or without −τH as the problem says.

#[cfg(feature = "clarabel")]
pub mod check;
mod climb;
mod cuts;
mod entropic;
mod face;
mod frame;
pub mod master;
mod members;

pub use entropic::Minimum;
pub use face::Newton;
pub use frame::Shape;

use crate::SolverError;
use crate::oracle::Cut;
use crate::run::{End, Run};
use cuts::Bundle;
use master::Solved;

/// The part of the decrease that the model predicts which moves the centre.
const CLEARLY_BETTER: f64 = 0.1;

/// An increase of this many times the predicted decrease damps more.
const FAR_WORSE: f64 = 2.0;

/// A predicted decrease below this part of the certified gap: damping, not the model, keeps the steps short.
const SHORT: f64 = 0.1;

/// Moves of the centre after which short steps alone damp less.
const MOVES: u32 = 3;

/// Factor of ρ for less damping where steps are short.
const LESS: f64 = 0.7;

/// The least factor of ρ from one centre to the next; and without entropy, where ρ alone keeps the master well conditioned.
const MUCH_LESS: f64 = 0.05;
const LESS_ALONE: f64 = 0.5;

/// Factor of ρ for more.
const MORE: f64 = 1.5;

/// How often it is taken between two moves of the centre. At a ridge of f both the increase and its prediction shrink like the steps:
/// only further cuts help there.
const INCREASES: u32 = 8;

/// The least ρ, as a part of the first one.
const LEAST: f64 = 1e-12;

/// The master is solved to this part of the decrease that it predicts.
const ACCURACY: f64 = 0.03;

/// Iterations in a row without news beyond rounding after which the method gives up.
const NO_NEWS: u32 = 60;

/// Iterations in a row without a smaller gap after which it does.
const NO_PROGRESS: u32 = 400;

/// Minimises f − τH, or f, over a bounded region.
///
/// Errors: those of the oracle; [`SolverError::Refused`] for an unbounded region.
pub fn bundle_entropy(run: &mut Run<'_>) -> Result<End, SolverError> {
    minimise(run, true, None).map(|end| end.unwrap_or(End::Passes))
}

/// The same method until the number of evaluations and the gap are `enough`; `None` if it is not at its end by then.
///
/// Errors: likewise.
pub(crate) fn begin(run: &mut Run<'_>, enough: &dyn Fn(u32, f64) -> bool) -> Result<Option<End>, SolverError> {
    minimise(run, true, Some(enough))
}

/// The same without damping, as in the paper; for the entropic problem only.
///
/// Errors: likewise; [`SolverError::Refused`] without τ.
pub fn undamped(run: &mut Run<'_>) -> Result<End, SolverError> {
    if run.tau().is_none() {
        return Err(SolverError::Refused { reason: "without entropy the model needs damping".into() });
    }
    minimise(run, false, None).map(|end| end.unwrap_or(End::Passes))
}

fn minimise(
    run: &mut Run<'_>,
    damped: bool,
    enough: Option<&dyn Fn(u32, f64) -> bool>,
) -> Result<Option<End>, SolverError> {
    let mut bundle = Bundle::new(run.region())?;
    let tau = run.tau().unwrap_or(0.0);
    let mut y = run.start();
    let cut = run.evaluate(&y)?;
    check_finite(&cut)?;
    let (mut centre, mut centre_value) = (bundle.centre_at(&y), run.objective(&y, cut.value));
    bundle.add(cut);
    let mut rho = if damped { bundle.typical_slope() } else { 0.0 };
    let least_rho = LEAST * rho;
    let much_less = if run.tau().is_some() { MUCH_LESS } else { LESS_ALONE };
    let (kinks, mut moves, mut increases) = (!run.is_smooth(), 0u32, 0u32);
    let (mut predicted, mut patience) = (f64::INFINITY, Patience::default());
    let (mut done, mut solved) = (1, Solved::default());
    loop {
        // The minimiser of the damped model, by way of its dual (eqs. 11–13), and the bound that comes with it.
        bundle.set_temperature(tau, rho, &centre.lean);
        let mut accuracy = ACCURACY * predicted.min(run.gap());
        let entropic = loop {
            bundle.solve(accuracy, &mut solved);
            bundle.point(&solved, &mut y);
            // −τH
            let entropic = run.objective(&y, 0.0);
            predicted = (centre_value - (solved.model + entropic)).max(0.0);
            if solved.gap <= 2.0 * ACCURACY * predicted || solved.size.is_nan() || accuracy <= solved.rounding() {
                break entropic;
            }
            accuracy = (0.5 * accuracy).min(ACCURACY * predicted);
        };
        run.offer_each(bundle.mixture());
        if let Some(end) = run.stop() {
            return Ok(Some(end));
        }
        if enough.is_some_and(|enough| enough(done, run.gap())) {
            return Ok(None);
        }
        done += 1;
        if !y.iter().all(|y| y.is_finite()) {
            return Ok(Some(End::Stalled("the cuts leave the range of f64".into())));
        }

        // f there (eq. 9): a new centre, or a cut that corrects the model.
        let cut = run.evaluate_at(&y, entropic)?;
        check_finite(&cut)?;
        let value = cut.value + entropic;
        let (decrease, short) = (centre_value - value, predicted < SHORT * run.gap());
        if decrease >= CLEARLY_BETTER * predicted {
            (moves, increases) = (moves + 1, 0);
            // Smooth functions look like this as well: their gap shrinks slower than the steps' decrease.
            let stuck = short && kinks && moves % MOVES == 0;
            let next = bundle.centre(&solved);
            // With this ρ the damped model would have told the value; it falls at least so far where steps are short.
            let right = (cut.value - solved.model).max(0.0) / next.divergence(&centre).max(f64::MIN_POSITIVE);
            let most = if stuck { LESS * rho } else { rho };
            rho = right.clamp(much_less * rho, most).max(least_rho);
            (centre, centre_value) = (next, value);
        } else if -decrease > FAR_WORSE * predicted && !short && increases < INCREASES {
            (rho, increases) = (MORE * rho, increases + 1);
        }

        let news = predicted.max(cut.value - solved.model) > solved.rounding();
        if patience.ends(news, run.gap()) {
            let (gap, size) = (run.gap(), run.size());
            return Ok(Some(End::Stalled(format!(
                "further cuts tell nothing new: the gap stays at {gap:.1e}, {:.1e} of the size of the numbers",
                gap / size
            ))));
        }
        bundle.prune();
        bundle.add(cut);
    }
}

/// How long nothing has happened.
#[derive(Debug)]
struct Patience {
    without_news: u32,
    without_progress: u32,
    least: f64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { without_news: 0, without_progress: 0, least: f64::INFINITY }
    }
}

impl Patience {
    /// Counts an iteration, with whether model and f differ by more than rounding, and the gap; says whether it is enough.
    fn ends(&mut self, news: bool, gap: f64) -> bool {
        self.without_news = if news { 0 } else { self.without_news + 1 };
        self.without_progress = if gap < self.least { 0 } else { self.without_progress + 1 };
        self.least = self.least.min(gap);
        self.without_news > NO_NEWS || self.without_progress > NO_PROGRESS
    }
}

fn check_finite(cut: &Cut) -> Result<(), SolverError> {
    match cut.gradient.iter().chain([&cut.value]).find(|v| !v.is_finite()) {
        Some(v) => Err(SolverError::Oracle { reason: format!("value or gradient of f has an entry {v}") }),
        None => Ok(()),
    }
}
