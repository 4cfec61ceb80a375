//! Reduce, solve, verify: the linear program of the few units that are near their kink, over any box and rows.
//!
//! A unit that is frozen on the side of its kink where it stands leaves a function below f (its share is 0 or 1). With most of them
//! frozen the epigraph program is small, and its minimum a true bound. One forward and one backward pass of the whole network say
//! what it is worth, and which units were frozen wrongly; these are left free in the next round.

use std::sync::Arc;
use std::time::{Duration, Instant};

use icnn_solvers::highs::Highs;
use icnn_solvers::kinks::{DIRECTIONS, Kinks, Rows, distances};
use icnn_solvers::oracle::Oracle;
use icnn_solvers::run::{Run, RunLimits};
use icnn_solvers::{LinearProgram, LpOptions, Status as LpStatus, gradient};

use super::approximate::between;
use super::duals::Duals;
use super::{Limits, Method, Proof, Solution, Status, Work, search};
use crate::certificate::{Lagrangian, Minorant, rigorous};
use crate::check::{prove, require_convex};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::sum_up;
use crate::lower::oracle::NetworkOracle;
use crate::lower::region::region;

/// Rounds.
const ROUNDS: usize = 30;

/// Passes that look for a start.
const START_PASSES: u64 = 70;

/// How often a point is moved onto the rows, one after the other.
const CORRECTIONS: usize = 4;

/// Where more than this share of the units is free, all are, as long as their rows are no more numbers than this.
const MOST: f64 = 0.6;
const WHOLE: usize = 1 << 20;

/// min f over box and rows of `domain`.
///
/// Errors: [`Error::Method`] for what shows no kinks, and for learned constraints; those of HiGHS.
pub(super) fn minimize(instance: &Instance, domain: &Domain, limits: &Limits) -> Result<Solution, Error> {
    let begun = Instant::now();
    let method = Method::ReducedLp.name();
    let refuse = |reason: String| Error::Method { method, reason };
    domain.check_dimension(instance.decisions())?;
    let (bounds, proof) = prove(instance, domain);
    require_convex(instance, &proof)?;
    if let Some(level) = domain.sublevels().first() {
        return Err(refuse(format!("it does not take the learned constraint '{}'; lp does", level.name)));
    }
    let mut oracle = NetworkOracle::new(instance, &bounds).with_kinks(&bounds);
    oracle.kinks().map(drop).map_err(refuse)?;
    let (mut y, mut work) = start(&mut oracle, domain, limits)?;
    let m = Kinks::units(&oracle);
    let (p, mut pre) = (domain.dimension(), vec![0.0; m]);
    oracle.forward(&y, &mut pre)?;
    let frozen: Vec<f64> = pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect();
    work.forward += 1 + DIRECTIONS as u32;
    let mut free = nearest(&mut oracle, &frozen, &pre, p);
    let asked = Asked { instance, domain, bounds: &bounds, limits };
    let mut best = asked.judged(&oracle, &frozen, vec![0.0; domain.rows().len()], &y)?;
    (work.forward, work.backward) = (work.forward + 2, work.backward + 2);
    let mut words = "the units that are free do not change any more".to_string();
    for round in 0..ROUNDS {
        if best.status == Status::Optimal {
            break;
        }
        if free.len() as f64 > MOST * m as f64 {
            if m.saturating_mul(m + p) > WHOLE {
                words = format!("{} of {m} units are near their kink", free.len());
                break;
            }
            free = (0..m).collect();
        }
        let iterations = limits.iterations.map(|most| most.saturating_sub(work.iterations));
        if limits.strikes(begun) || iterations == Some(0) {
            words = "a limit is reached".into();
            break;
        }
        let few = few(&mut oracle, domain, &frozen, &free);
        let options = LpOptions {
            time_limit: limits.time.map(|t| t.saturating_sub(begun.elapsed()).max(Duration::from_millis(1))),
            iteration_limit: iterations,
            primal_tolerance: 1e-10,
            dual_tolerance: 1e-10,
            interrupt: limits.interrupt.clone(),
            ..LpOptions::default()
        };
        let said = Highs::new(&few.lp)?.solve(&options, None)?;
        work.solves += 1;
        work.iterations += said.iterations;
        (work.rows, work.columns, work.nonzeros) = (few.lp.rows(), few.lp.columns(), few.lp.matrix.nnz());
        // The reduced program, its answer in f64, and with every rounding error counted; then all pre-activations there.
        work.forward += 3;
        work.backward += 3;
        tracing::debug!(round, free = free.len(), status = ?said.status, iterations = said.iterations, "reduced program");
        if said.status != LpStatus::Optimal || said.primal.len() < p || said.row_dual.len() != few.lp.rows() {
            words = format!("HiGHS says of the program of {} units: {}", free.len(), said.detail);
            break;
        }
        y = onto_rows(domain, &said.primal[..p]);
        let mut shares = frozen.clone();
        few.shares(&said.row_dual, &free, &mut shares);
        let rows = said.row_dual[free.len()..].to_vec();
        let found = asked.judged(&oracle, &shares, rows, &y)?;
        let gap = |s: &Solution| s.gap.unwrap_or(f64::INFINITY);
        if gap(&found) < gap(&best) {
            best = found;
        }
        oracle.forward(&y, &mut pre)?;
        let before = free.len();
        let wrong = |i: &usize| (pre[*i] > 0.0) != (frozen[*i] > 0.5) && pre[*i] != 0.0;
        let mut news: Vec<usize> = (0..m).filter(|i| free.binary_search(i).is_err()).filter(wrong).collect();
        free.append(&mut news);
        free.sort_unstable();
        if free.len() == before {
            break;
        }
    }
    let message = (best.status != Status::Optimal).then_some(words);
    Ok(Solution { method, work, message, seconds: begun.elapsed().as_secs_f64(), ..best })
}

/// A point near the minimum, and what it cost: over simplices by projections, otherwise over the box alone.
fn start(oracle: &mut NetworkOracle<'_>, domain: &Domain, limits: &Limits) -> Result<(Vec<f64>, Work), Error> {
    let simple = region(domain, "").map(|set| set.region);
    let boxed = match simple {
        Ok(region) => region,
        Err(_) => icnn_solvers::region::Region::new(domain.lower().to_vec(), domain.upper().to_vec(), vec![])?,
    };
    let within =
        RunLimits { gap: 1e-2, time: limits.time, passes: Some(START_PASSES), interrupt: limits.interrupt.clone() };
    let run = Run::new(oracle, &boxed, None, within)?;
    let found = match boxed.simplices().is_empty() {
        true => run.with(gradient::lbfgs)?,
        false => run.with(gradient::spectral)?,
    };
    let work = Work { forward: found.forward as u32, backward: found.backward as u32, ..Work::default() };
    Ok((domain.clip(&found.y.unwrap_or_else(|| boxed.centre())), work))
}

/// The point in the box, and as near to its rows as rounding lets it: a solver's tolerance would put it below the minimum.
fn onto_rows(domain: &Domain, y: &[f64]) -> Vec<f64> {
    let mut y = domain.clip(y);
    for row in (0..CORRECTIONS).flat_map(|_| domain.rows()) {
        let activity = row.activity(&y);
        let missing = activity.clamp(row.lower, row.upper) - activity;
        let inside = |j: usize| domain.lower()[j] < y[j] && y[j] < domain.upper()[j];
        let moving: Vec<(usize, f64)> = row.coefficients.iter().copied().filter(|(j, _)| inside(*j)).collect();
        let squares: f64 = moving.iter().map(|(_, c)| c * c).sum();
        if missing != 0.0 && squares > 0.0 {
            moving.iter().for_each(|(j, c)| y[*j] += missing * c / squares);
            y = domain.clip(&y);
        }
    }
    y
}

/// The units whose kinks are nearest, increasing.
fn nearest(oracle: &mut NetworkOracle<'_>, frozen: &[f64], pre: &[f64], p: usize) -> Vec<usize> {
    let mut all = distances(oracle, frozen, pre, &vec![1.0; p]);
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let count = if p <= 24 { (4 * p).max(24) } else { 2 * p };
    let mut free: Vec<usize> = all.into_iter().take(count).map(|(_, i)| i).collect();
    free.sort_unstable();
    free
}

/// The program of the free units: columns y and z, first one row z ≥ a for each unit, then those of the domain.
struct Few {
    lp: LinearProgram,
    /// λ without the other free units, and what each of them adds: weight (i, j) of unit j in pre-activation i.
    weights: Vec<f64>,
    between: Vec<Vec<(usize, f64)>>,
}

fn few(oracle: &mut NetworkOracle<'_>, domain: &Domain, frozen: &[f64], free: &[usize]) -> Few {
    let (p, k) = (domain.dimension(), free.len());
    let mut shares = frozen.to_vec();
    free.iter().for_each(|i| shares[*i] = 0.0);
    let (mut slope, mut weights) = (vec![0.0; p], vec![0.0; frozen.len()]);
    let constant = oracle.backward(&shares, &mut slope, &mut weights);
    let mut rows = Rows::default();
    oracle.rows(&shares, free, free, &mut rows);
    let weights: Vec<f64> = free.iter().map(|i| weights[*i]).collect();
    let mut lp = LinearProgram::new(p + k);
    lp.offset = constant;
    lp.objective[..p].copy_from_slice(&slope);
    lp.objective[p..].copy_from_slice(&weights);
    lp.column_lower[..p].copy_from_slice(domain.lower());
    lp.column_upper[..p].copy_from_slice(domain.upper());
    lp.column_lower[p..].fill(0.0);
    lp.column_upper[p..].fill(f64::INFINITY);
    let mut between = Vec::with_capacity(k);
    for (i, (slope, weights, constant)) in rows.iter(p).enumerate() {
        let earlier = free[..i].iter().take_while(|unit| **unit < weights.len()).enumerate();
        let uses: Vec<(usize, f64)> = earlier.map(|(j, unit)| (j, weights[*unit])).filter(|(_, w)| *w != 0.0).collect();
        let of_y = slope.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(j, v)| (j, -v));
        let entries: Vec<(usize, f64)> =
            of_y.chain(uses.iter().map(|(j, w)| (p + j, -w))).chain([(p + i, 1.0)]).collect();
        lp.add_row(constant, f64::INFINITY, &entries);
        between.push(uses);
    }
    for row in domain.rows() {
        lp.add_row(row.lower, row.upper, &row.coefficients);
    }
    Few { lp, weights, between }
}

impl Few {
    /// From the multipliers of the rows the shares of the free units: top-down, multiplier over weight.
    fn shares(&self, multipliers: &[f64], free: &[usize], shares: &mut [f64]) {
        let mut weights = self.weights.clone();
        for i in (0..free.len()).rev() {
            let multiplier = multipliers[i].clamp(0.0, weights[i].max(0.0));
            shares[free[i]] = if weights[i] > 0.0 { multiplier / weights[i] } else { 0.0 };
            self.between[i].iter().for_each(|(j, w)| weights[*j] += multiplier * w);
        }
    }
}

/// What was asked.
struct Asked<'a> {
    instance: &'a Instance,
    domain: &'a Domain,
    bounds: &'a crate::ir::bounds::Bounds,
    limits: &'a Limits,
}

impl Asked<'_> {
    /// The answer that a point, shares of the kinks and multipliers of the rows make.
    fn judged(
        &self,
        oracle: &NetworkOracle<'_>,
        shares: &[f64],
        mut rows: Vec<f64>,
        y: &[f64],
    ) -> Result<Solution, Error> {
        let Asked { instance, domain, bounds, limits } = *self;
        let trace = instance.forward(y)?;
        let value = trace.value();
        for (nu, row) in rows.iter_mut().zip(domain.rows()) {
            // A side that is not there has no multiplier.
            let least = if row.upper.is_finite() { f64::NEG_INFINITY } else { 0.0 };
            *nu = nu.clamp(least, if row.lower.is_finite() { f64::INFINITY } else { 0.0 });
        }
        let empty = Solution::empty(Status::Stopped);
        let Some(slopes) = oracle.multipliers(shares) else { return Ok(empty) };
        let Some(minorant) = Minorant::new(instance, bounds, &slopes) else { return Ok(empty) };
        let (size, largest) =
            (minorant.size(y).max(value.abs()), minorant.gradient.iter().fold(0.0f64, |m, g| m.max(g.abs())));
        let lagrangian = Lagrangian::new(domain, minorant, vec![], &rows);
        let plain = lagrangian.bound(domain, y, largest);
        let duals = plain.is_finite().then(|| Duals::new(domain, &lagrangian));
        let dual = rigorous::Dual { f: slopes, levels: vec![], rows };
        let proven = between(instance, domain, &[bounds], None, &dual, y);
        let (lower_bound, above, proof) = match proven {
            Some((lower, upper)) => (Some(lower), upper, Proof::Rigorous),
            None => (Some(plain).filter(|b| b.is_finite()), value, Proof::F64),
        };
        let rounding = search::rounding(instance, domain, &trace, y, search::ROUNDING);
        let feasible = domain.violation(y) <= search::FEASIBLE;
        let closed = lower_bound.is_some_and(|b| above - b <= (limits.gap * size).max(rounding));
        let gap = lower_bound.map(|b| if proof == Proof::F64 { above - b } else { sum_up(above, -b) }.max(0.0));
        Ok(Solution {
            y: feasible.then(|| y.to_vec()),
            value: feasible.then_some(value),
            lower_bound,
            gap: gap.filter(|_| feasible),
            proof,
            duals,
            dual: Some(Arc::new(dual)),
            ..Solution::empty(if closed && feasible { Status::Optimal } else { Status::Stopped })
        })
    }
}
