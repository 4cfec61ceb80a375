//! min f over a box: descend, free the kinks that are near, solve what is left exactly, certify, expand.
//!
//! A step of the active set takes time in p², and there are several for each coordinate: where many coordinates move, or steps
//! are too many, the interior-point method takes over.

use super::active_set::{Finish, Warm, solve};
use super::descent::{Found, descend};
use super::interior;
use super::rounds::{Rounds, nearest};
use super::smoothed::approach;
use crate::SolverError;
use crate::region::Region;
use crate::run::{End, Hint, Run};

/// Over more coordinates a descent from a hint's point that is far away says more than the kinks near it, and needs this part of its evaluations;
/// over yet more the kinks that a hint holds change too much.
const SMALL: usize = 24;
const HINTED: usize = 200;
const RATHER_NEAR: f64 = 2.0 / 3.0;
const CLOSER: f64 = 0.4;

/// Steps of a round from a hint, besides two for each coordinate, after which it is far away.
const WARM: usize = 10;

/// A hint is far away where a round from it leaves more units frozen wrongly than one for each coordinate and these, and
/// wherever so many rounds do not do. Over at most `FEW` coordinates rounds cost next to nothing; over more, kinks that are near are held from
/// the start: a step costs more than holding a few that are let go again.
const FAR: usize = 20;
const NEAR: usize = 6;
const FEW: usize = 8;

/// Rounds.
const ROUNDS: usize = 60;

/// Steps of one round, for each coordinate and unit.
const STEPS: usize = 50;

/// Steps for each coordinate after which the interior-point method is tried, where at least `SEVERAL` coordinates move: those of one round, and from
/// `LOOSE` on those of all rounds.
const PATIENT: usize = 8;
const PATIENCE: usize = 5;
const SEVERAL: usize = 48;

/// Coordinates that move from which on it comes first; a unit for each is free at its start, and this part more.
pub(super) const MANY: usize = 200;
const MORE: f64 = 0.2;

/// Coordinates that move from which on the descent takes so many times the evaluations, unless the interior-point method comes first: where more
/// kinks hold at the minimum, rounds that begin far away are more.
const LOOSE: usize = 90;
const LONGER: usize = 2;

/// An outward slope beyond this part of the typical one holds a coordinate at its end.
const OUTWARD: f64 = 0.1;

/// A unit so near its kink, relative to the mean pre-activation or 1, is at it.
const TIED: f64 = 1e-10;

/// Up to so many coordinates the descent ends with Newton steps.
const SMOOTHED: usize = 32;

/// How far coordinates are moved out of a point in which kinks meet, as a part of their width.
const ASIDE: f64 = 1e-2;

/// Which kinks rounds begin with.
#[derive(Debug, Clone, Copy)]
enum Start<'a> {
    /// Those of another run.
    Hint(&'a Hint),
    /// Those near the point, where another run ended or rounds from its kinks did.
    Near,
    /// Those near the point; with `hold` the nearest are held.
    Descent { hold: bool },
}

/// Minimises f over a box; by the interior-point method at first where at least `many` coordinates move.
pub(super) fn linear(run: &mut Run<'_>, many: usize) -> Result<End, SolverError> {
    let p = run.region().dimension();
    let mut rounds = Rounds::begin(run)?;
    let (mut start, mut evaluations) = (rounds.run.start(), passes(p));
    if let Some(hint) = rounds.run.hint() {
        start.clone_from(&hint.y);
        rounds.run.region().project(&mut start);
        if p <= HINTED {
            // Where kinks were held, what this function says of the point where those of another one met is not needed.
            if !rounds.freeze_hinted(hint, &start)? {
                rounds.freeze_at(&start)?;
                if let Some(end) = rounds.run.stop() {
                    return Ok(end);
                }
            }
            if let Some(end) = go(&mut rounds, start.clone(), Start::Hint(hint), many)? {
                return Ok(end);
            }
            rounds.forget();
            start = rounds.best_point();
            if p <= SMALL {
                rounds.freeze_at(&start)?;
                if let Some(end) = go(&mut rounds, start.clone(), Start::Near, many)? {
                    return Ok(end);
                }
                rounds.forget();
                start = rounds.best_point();
            }
        }
        evaluations = (evaluations as f64 * if p <= SMALL { RATHER_NEAR } else { CLOSER }) as usize;
    }
    let loose = LOOSE..many.max(LOOSE);
    let evaluations = |moving: usize| if loose.contains(&moving) { LONGER * evaluations } else { evaluations };
    let mut found = descend(&mut rounds, start, evaluations, p > SMOOTHED)?;
    if p <= SMOOTHED {
        found = approach(&mut rounds, found, 3 + p / 16)?;
    }
    let Found { y, kept, end } = found;
    if let Some(end) = end {
        // What the search has found becomes the incumbent.
        rounds.look(&y)?;
        return Ok(end);
    }
    if is_lowest(rounds.run.region(), &y, &kept.slope) {
        rounds.freeze_at(&y)?;
        if let Some(end) = rounds.run.stop() {
            return Ok(end);
        }
    } else {
        rounds.freeze_as(kept, &y)?;
    }
    let y = aside(&mut rounds, y)?;
    let mut end = go(&mut rounds, y, Start::Descent { hold: p > FEW }, many)?;
    if end.is_none() {
        // Where many kinks meet in a point the ones that are held first matter: once more, with none.
        rounds.forget();
        let y = rounds.best_point();
        rounds.freeze_at(&y)?;
        end = go(&mut rounds, y, Start::Descent { hold: false }, usize::MAX)?;
    }
    Ok(end.unwrap_or_else(|| {
        let gap = rounds.run.gap();
        End::Stalled(format!("the kinks that are held do not change any more: the gap stays at {gap:.1e}"))
    }))
}

/// Rounds from `y`, where all units were frozen last. `None` where they do not close the gap; where their start is a guess they are
/// given up as soon as it turns out to be far from the minimum.
fn go(rounds: &mut Rounds<'_, '_>, mut y: Vec<f64>, from: Start<'_>, many: usize) -> Result<Option<End>, SolverError> {
    let p = y.len();
    let is_hint = matches!(from, Start::Hint(_));
    let is_guess = is_hint || matches!(from, Start::Near);
    let (lower, upper) = (rounds.run.region().lower().to_vec(), rounds.run.region().upper().to_vec());
    // Coordinates that an outward slope keeps at their end, and those without room.
    let typical = (crate::dense::dot(&rounds.slope, &rounds.slope) / p.max(1) as f64).sqrt();
    let outward =
        |j: usize, y: f64, slope: f64, least: f64| y <= lower[j] && slope > least || y >= upper[j] && slope < -least;
    let mut fixed: Vec<bool> =
        (0..p).map(|j| lower[j] == upper[j] || outward(j, y[j], rounds.slope[j], OUTWARD * typical)).collect();
    let scale: Vec<f64> = (0..p).map(|j| if fixed[j] { 0.0 } else { 1.0 }).collect();
    let moving = fixed.iter().filter(|fixed| !**fixed).count();
    let mut tried = !is_guess && moving >= many;
    let (mut held, mut reference) = (vec![], rounds.shares.clone());
    match from {
        Start::Hint(hint) => {
            for (i, share) in rounds.free_as(hint)? {
                held.push(i);
                reference[i] = share;
            }
        }
        Start::Near => rounds.free_nearest(nearest(p, rounds.units()), &scale)?,
        Start::Descent { hold } => {
            let most = if tried { inside(moving) } else { rounds.units() };
            // Where many coordinates stay at their ends, fewer kinks are met on the way.
            let count = match p {
                0..=SMALL => (3 * p).max(SMALL),
                _ if p <= HINTED => (14 * p / 5).min(10 * moving / 3).max(SMALL),
                _ => nearest(p, rounds.units()).min(14 * moving / 5).max(SMALL),
            };
            rounds.free_nearest(count.min(most), &scale)?;
            if tried && let Some(end) = interior::minimise(rounds, (&lower, &upper), &mut y, &mut fixed)? {
                return Ok(Some(end));
            }
            if hold && !tried {
                held = rounds.nearest_free(moving / 2);
            }
        }
    }
    let mut steps = 0;
    for round in 1..=ROUNDS {
        if !rounds.fits() {
            let (k, m) = (rounds.free.len(), rounds.units());
            return Ok(Some(End::Stalled(format!("{k} of {m} kinks are too many to look at together"))));
        }
        let moving: Vec<usize> = (0..p).filter(|j| !fixed[*j]).collect();
        let reduced = rounds.reduce_over(&moving, &y)?;
        let of = |v: &[f64]| moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
        let known = Warm {
            shares: rounds.free.iter().map(|i| reference[*i]).collect(),
            kinks: held.iter().filter_map(|i| rounds.free.binary_search(i).ok()).collect(),
        };
        let (low, high) = (of(&lower), of(&upper));
        let patient = tried || moving.len() < SEVERAL;
        let most = match (is_hint, patient) {
            (true, _) => 2 * moving.len() + WARM,
            (_, true) => STEPS * (moving.len() + reduced.units) + 1000,
            (_, false) if moving.len() < LOOSE => PATIENT * moving.len(),
            (_, false) => (PATIENCE * moving.len()).saturating_sub(steps),
        };
        let mut stop = || rounds.run.is_over();
        let (mut inner, finish) = solve(&reduced, (&low, &high), 0.0, &of(&y), &known, most, &mut stop);
        rounds.run.count_inner(true, reduced.units, inner.steps);
        steps += inner.steps;
        let next = inner.warm();
        rounds.free.iter().zip(&next.shares).for_each(|(i, share)| reference[*i] = *share);
        held = next.kinks.iter().map(|i| rounds.free[*i]).collect();
        moving.iter().zip(&inner.y).for_each(|(j, v)| y[*j] = *v);
        // Where rounds go on from a guess, one that does not close the gap needs no bound.
        let least = is_guess.then(|| inner.value());
        let (end, is_certified) = rounds.judge(&y, &inner.shares, least)?;
        if let Some(end) = end {
            rounds.leave(&y, (&held, &reference), if p > FEW { p } else { p / 2 })?;
            return Ok(Some(end));
        }
        if !is_guess && !patient && finish == Finish::Stuck {
            tried = true;
            // The many kinks that rounds have freed say less than the few that are near where they got.
            rounds.forget();
            y = rounds.best_point();
            rounds.freeze_at(&y)?;
            y = aside(rounds, y)?;
            (reference, held) = (rounds.shares.clone(), vec![]);
            rounds.free_nearest(inside(moving.len()).min(rounds.units()), &scale)?;
            if let Some(end) = interior::minimise(rounds, (&lower, &upper), &mut y, &mut fixed)? {
                return Ok(Some(end));
            }
        }
        let before = rounds.free.clone();
        let (mut news, wrong) = rounds.expand();
        if is_guess && (p > FEW && wrong > p + FAR || round >= NEAR || finish != Finish::Optimal) {
            return Ok(None);
        }
        // What was frozen wrongly starts where it is now.
        rounds
            .free
            .iter()
            .filter(|i| before.binary_search(i).is_err())
            .for_each(|i| reference[*i] = 1.0 - reference[*i]);
        for j in (0..p).filter(|j| is_certified && lower[*j] < upper[*j]) {
            if fixed[j] && !outward(j, y[j], rounds.slope[j], 0.0) {
                fixed[j] = false;
                news += 1;
            }
        }
        if news == 0 {
            if finish != Finish::Optimal && rounds.free_all() {
                continue;
            }
            break;
        }
    }
    rounds.leave(&y, (&held, &reference), if p > FEW { p } else { p / 2 })?;
    Ok(None)
}

/// Whether nothing leads down from `y` where f has that `slope` (p each).
fn is_lowest(region: &Region, y: &[f64], slope: &[f64]) -> bool {
    let (lower, upper) = (region.lower(), region.upper());
    (0..y.len()).all(|j| slope[j] == 0.0 || y[j] <= lower[j] && slope[j] > 0.0 || y[j] >= upper[j] && slope[j] < 0.0)
}

/// A point near `y` (p), the last that was looked at, and all units frozen as they are there, if more kinks meet in `y` than coordinates can move:
/// whatever minimum there is at `y`, the sides of such units are those of no point around it, and say nothing of the slopes there.
fn aside(rounds: &mut Rounds<'_, '_>, mut y: Vec<f64>) -> Result<Vec<f64>, SolverError> {
    let mean = rounds.pre.iter().map(|a| a.abs()).sum::<f64>() / rounds.pre.len().max(1) as f64;
    if rounds.pre.iter().filter(|a| a.abs() <= TIED * mean.max(1.0)).count() <= y.len() {
        return Ok(y);
    }
    let (lower, upper) = (rounds.run.region().lower(), rounds.run.region().upper());
    let mut random = 1u64;
    for (y, (l, u)) in y.iter_mut().zip(lower.iter().zip(upper)) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let width = if u - l < f64::INFINITY { u - l } else { 1.0 };
        let away = ASIDE * width * ((random >> 11) as f64 / (1u64 << 52) as f64 - 1.0);
        *y = (*y + away).max(*l).min(*u);
    }
    rounds.freeze_at(&y)?;
    Ok(y)
}

/// Units that are free at the start of the interior-point method.
fn inside(moving: usize) -> usize {
    (((1.0 + MORE) * moving as f64) as usize).max(SEVERAL / 2)
}

/// Evaluations of the descent.
fn passes(p: usize) -> usize {
    if p <= SMOOTHED { 4 + p / 5 } else { (8 + p / 2).min(35) }
}
