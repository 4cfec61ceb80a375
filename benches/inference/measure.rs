//! One instance, measured: passes of the network, our solve and the paper's gradient descent in turn; HiGHS beside them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use icnn::ir::instance::Instance;
use icnn::lower::oracle::NetworkOracle;
use icnn::solve::batch::Session;
use icnn::{Domain, Limits, Method, Solution, Status};
use icnn_solvers::oracle::Oracle;
use serde::Serialize;

use crate::families::Failure;

/// The method that is measured.
pub const OURS: Method = Method::Auto;

/// The relative gap that it is asked for, and the largest one that passes.
pub const ASKED: f64 = 1e-10;
pub const ALLOWED: f64 = 1e-9;

/// A difference of values, relative to max(1, |value|), at which HiGHS and we disagree: HiGHS' feasibility tolerance is 1e-7.
const AGREE: f64 = 1e-6;

/// Points at which a pass is measured: a processor that has learned one point by heart would be too fast.
const POINTS: usize = 16;

/// Repetitions of an instance: at least, at most, and seconds that they may take together.
const LEAST: usize = 3;
const MOST: usize = 41;
const SECONDS: f64 = 0.4;

/// The paper's gradient descent: iterations, rate, momentum.
const ITERATIONS: usize = 30;
const RATE: f64 = 0.1;
const MOMENTUM: f64 = 0.3;

/// Seconds at which a solve is stopped.
const PATIENCE: u64 = 60;

/// A function and a set.
#[derive(Debug)]
pub struct Case {
    pub instance: Instance,
    pub domain: Domain,
}

/// What was seen of one instance. Seconds are of one thread.
#[derive(Debug, Serialize)]
pub struct Seen {
    pub status: Status,
    pub value: f64,
    pub lower_bound: f64,
    /// The certified gap over max(1, |value|).
    pub gap: f64,
    /// The least seconds of value and gradient (one GE), a mean over points of the set.
    pub pass: f64,
    /// Seconds of each solve: proof of convexity, method, certificate.
    pub solves: Vec<f64>,
    /// Seconds until the method itself had its answer, the least.
    pub method: f64,
    /// What the record of the solve tells: passes, rounds, kinks, steps.
    pub work: serde_json::Value,
    /// The least seconds of the paper's 30 iterations, without convexity proof or certificate; their error over max(1, |minimum|).
    pub descent: f64,
    pub descent_error: f64,
    /// HiGHS on the full linear program, if it was asked.
    pub highs: Option<Other>,
}

/// What HiGHS says.
#[derive(Debug, Serialize)]
pub struct Other {
    pub seconds: f64,
    pub status: Status,
    pub value: f64,
    /// Its value less ours, over max(1, |ours|).
    pub difference: f64,
    pub agrees: bool,
}

impl Seen {
    /// Seconds of the fastest solve.
    pub fn least(&self) -> f64 {
        self.solves.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The fastest solve in passes.
    pub fn passes_worth(&self) -> f64 {
        self.least() / self.pass
    }

    /// Whether gap and agreement are as required.
    pub fn passed(&self) -> bool {
        self.status == Status::Optimal && self.gap <= ALLOWED && self.highs.as_ref().is_none_or(|h| h.agrees)
    }
}

/// Measures `case`; HiGHS is asked if `seconds` are left for it.
///
/// Errors: those of the solves.
pub fn measure(case: &Case, seconds: &mut f64) -> Result<Seen, Failure> {
    let limits = Limits { gap: ASKED, time: Some(Duration::from_secs(PATIENCE)), ..Limits::default() };
    let session = Session::new(case.domain.clone(), OURS, limits);
    let mut passes = Passes::of(case);
    let (mut pass, mut solves, mut method, mut descent) = (f64::INFINITY, vec![], f64::INFINITY, f64::INFINITY);
    let (begun, mut last, mut reached) = (Instant::now(), None, f64::INFINITY);
    for turn in 0..MOST {
        pass = pass.min(passes.seconds()?);
        let clock = Instant::now();
        let solution = session.minimize(&case.instance)?;
        solves.push(clock.elapsed().as_secs_f64());
        method = method.min(solution.trace.last().map_or(f64::INFINITY, |p| p.seconds));
        last = Some(solution);
        let (time, value) = passes.descent(&case.domain)?;
        (descent, reached) = (descent.min(time), value);
        if (turn + 1 >= LEAST && begun.elapsed().as_secs_f64() > SECONDS) || solves[0] > 5.0 {
            break;
        }
    }
    let solution = last.ok_or("no solve")?;
    let value = solution.value.unwrap_or(f64::INFINITY);
    let size = value.abs().max(1.0);
    let highs = if *seconds > 0.0 {
        let other = highs(case, &solution)?;
        *seconds -= other.seconds;
        Some(other)
    } else {
        None
    };
    Ok(Seen {
        status: solution.status.clone(),
        value,
        lower_bound: solution.lower_bound.unwrap_or(f64::NEG_INFINITY),
        gap: solution.gap.map_or(f64::INFINITY, |gap| gap / size),
        pass,
        solves,
        method,
        work: serde_json::to_value(solution.work)?,
        descent,
        descent_error: (reached - value) / size,
        highs,
    })
}

/// HiGHS on the full program. It agrees if both values and both bounds are possible together and the values are close.
fn highs(case: &Case, ours: &Solution) -> Result<Other, Failure> {
    let limits = Limits { time: Some(Duration::from_secs(PATIENCE)), ..Limits::default() };
    let session = Session::new(case.domain.clone(), Method::Lp, limits);
    let clock = Instant::now();
    let theirs = session.minimize(&case.instance)?;
    let seconds = clock.elapsed().as_secs_f64();
    let ends = |s: &Solution| (s.lower_bound.unwrap_or(f64::NEG_INFINITY), s.value.unwrap_or(f64::INFINITY));
    let ((our_bound, our_value), (their_bound, their_value)) = (ends(ours), ends(&theirs));
    let size = our_value.abs().max(1.0);
    let difference = (their_value - our_value) / size;
    // A forward pass may be off by a rounding error; a bound is not.
    let possible = our_bound <= their_value + 1e-12 * size && their_bound <= our_value + 1e-12 * size;
    let agrees = possible && (theirs.status != Status::Optimal || difference.abs() <= AGREE);
    Ok(Other { seconds, status: theirs.status, value: their_value, difference, agrees })
}

/// Passes over one network.
pub struct Passes<'a> {
    oracle: NetworkOracle<'a>,
    points: Vec<Vec<f64>>,
    gradient: Vec<f64>,
    /// Rounds over all points that take about a tenth of a millisecond.
    rounds: usize,
}

impl<'a> Passes<'a> {
    /// Over the network of `case`, at points of its box.
    pub fn of(case: &'a Case) -> Passes<'a> {
        let oracle = NetworkOracle::new(&case.instance, &case.instance.bounds(case.domain.intervals()));
        let points = (0..POINTS).map(|k| point(&case.domain, k)).collect();
        let mut passes = Passes { oracle, points, gradient: vec![0.0; case.domain.dimension()], rounds: 1 };
        if let Ok(seconds) = passes.seconds() {
            passes.rounds = ((1e-4 / (seconds * POINTS as f64)) as usize).clamp(1, 100);
        }
        passes
    }

    /// Seconds of one pass: value and gradient.
    pub fn seconds(&mut self) -> Result<f64, Failure> {
        let clock = Instant::now();
        for _ in 0..self.rounds {
            for y in &self.points {
                black_box(self.oracle.value_and_gradient(black_box(y), &mut self.gradient)?);
            }
        }
        Ok(clock.elapsed().as_secs_f64() / (self.rounds * POINTS) as f64)
    }

    /// Seconds and best value of the paper's gradient descent: nothing but 30 passes, steps and projections.
    pub fn descent(&mut self, domain: &Domain) -> Result<(f64, f64), Failure> {
        let (lower, upper) = (domain.lower(), domain.upper());
        let clock = Instant::now();
        let mut y: Vec<f64> = lower.iter().zip(upper).map(|(l, u)| 0.5 * (l + u)).collect();
        let mut velocity = vec![0.0; y.len()];
        let mut best = f64::INFINITY;
        for _ in 0..ITERATIONS {
            best = best.min(self.oracle.value_and_gradient(&y, &mut self.gradient)?);
            for (j, (v, g)) in velocity.iter_mut().zip(&self.gradient).enumerate() {
                let last = *v;
                *v = MOMENTUM * last - RATE * g;
                y[j] = (y[j] + (1.0 + MOMENTUM) * *v - MOMENTUM * last).max(lower[j]).min(upper[j]);
            }
        }
        best = best.min(self.oracle.value(&y)?);
        Ok((clock.elapsed().as_secs_f64(), best))
    }
}

/// Point `k` of a golden-section sequence over a box (length p).
pub fn point(domain: &Domain, k: usize) -> Vec<f64> {
    let p = domain.dimension();
    let ends = domain.lower().iter().zip(domain.upper()).map(|(l, u)| (l.max(-1e3), u.min(1e3)));
    ends.enumerate()
        .map(|(j, (l, u))| l + (u - l) * (0.618_033_988_749_894_8 * (k * p + j + 1) as f64).fract())
        .collect()
}
