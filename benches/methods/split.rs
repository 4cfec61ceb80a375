//! Where the time of a run goes: in passes over the network, or in what the method does between them.

use std::time::{Duration, Instant};

use icnn::ir::instance::Instance;
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::SolverError;
use icnn_solvers::kinks::{Kinks, Rows};
use icnn_solvers::oracle::Oracle;
use icnn_solvers::region::Region;
use icnn_solvers::run::{End, Run, RunLimits};

use super::families::{Failure, Family};

/// A run is repeated until it took so many seconds altogether, but no more than so often: the least time counts, which other
/// programs disturb least.
const ENOUGH: f64 = 0.5;
const REPETITIONS: usize = 100;

/// An oracle that takes the time of what it is asked.
struct Timed<'a> {
    oracle: NetworkOracle<'a>,
    inside: Duration,
}

impl Timed<'_> {
    fn timed<T>(&mut self, work: impl FnOnce(&mut dyn Kinks) -> T) -> Result<T, SolverError> {
        let clock = Instant::now();
        let kinks = self.oracle.kinks().map_err(|reason| SolverError::Refused { reason })?;
        let done = work(kinks);
        self.inside += clock.elapsed();
        Ok(done)
    }
}

impl Oracle for Timed<'_> {
    fn dimension(&self) -> usize {
        self.oracle.dimension()
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let clock = Instant::now();
        let value = self.oracle.value_and_gradient(y, gradient);
        self.inside += clock.elapsed();
        value
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        let clock = Instant::now();
        let value = self.oracle.value(y);
        self.inside += clock.elapsed();
        value
    }

    fn is_smooth(&self) -> bool {
        self.oracle.is_smooth()
    }

    fn kinks(&mut self) -> Result<&mut dyn Kinks, String> {
        self.oracle.kinks()?;
        Ok(self)
    }
}

/// The kinks have been asked for when these are called.
const SHOWN: &str = "the oracle shows its kinks";

impl Kinks for Timed<'_> {
    fn units(&self) -> usize {
        self.oracle.units()
    }

    fn name(&self, i: usize) -> u64 {
        self.oracle.name(i)
    }

    fn forward(&mut self, y: &[f64], pre: &mut [f64]) -> Result<f64, SolverError> {
        self.timed(|kinks| kinks.forward(y, pre))?
    }

    fn backward(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64 {
        self.timed(|kinks| kinks.backward(shares, slope, weights)).expect(SHOWN)
    }

    fn slope(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        self.timed(|kinks| kinks.slope(shares, slope, weights)).expect(SHOWN)
    }

    fn bent(&mut self, frozen: &[f64], step: &[f64], pre: &mut [f64]) -> Option<f64> {
        self.timed(|kinks| kinks.bent(frozen, step, pre)).expect(SHOWN)
    }

    fn tangents(&mut self, shares: &[f64], directions: &[f64], rates: &mut [f32]) {
        self.timed(|kinks| kinks.tangents(shares, directions, rates)).expect(SHOWN)
    }

    fn rows(&mut self, shares: &[f64], free: &[usize], wanted: &[usize], rows: &mut Rows) {
        self.timed(|kinks| kinks.rows(shares, free, wanted, rows)).expect(SHOWN)
    }

    fn multiplications(&self) -> u64 {
        self.oracle.multiplications()
    }
}

/// The seconds of a run: in the network, and besides it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Split {
    pub network: f64,
    pub rest: f64,
}

/// The repetition of a run of `method` that took least beside the network.
pub fn split(
    family: &Family,
    instance: &Instance,
    method: fn(&mut Run<'_>) -> Result<End, SolverError>,
    (tau, shows_kinks): (Option<f64>, bool),
    limits: &RunLimits,
) -> Result<Split, Failure> {
    let bounds = instance.bounds(family.domain()?.intervals());
    let p = family.decisions;
    let region = Region::new(vec![family.ends.0; p], vec![family.ends.1; p], vec![])?;
    let oracle = NetworkOracle::new(instance, &bounds);
    let oracle = if shows_kinks { oracle.with_kinks(&bounds) } else { oracle };
    let mut timed = Timed { oracle, inside: Duration::ZERO };
    let mut least = Split { network: f64::INFINITY, rest: f64::INFINITY };
    let begun = Instant::now();
    for _ in 0..REPETITIONS {
        timed.inside = Duration::ZERO;
        let outcome = Run::new(&mut timed, &region, tau, limits.clone())?.with(method)?;
        let whole = outcome.trace.last().map_or(0.0, |last| last.seconds);
        let network = timed.inside.as_secs_f64();
        least = Split { network: least.network.min(network), rest: least.rest.min(whole - network) };
        if begun.elapsed().as_secs_f64() > ENOUGH {
            break;
        }
    }
    Ok(least)
}
