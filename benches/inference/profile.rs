//! Where the time of one solve goes: its stages called one by one, in passes over the network.

use std::hint::black_box;
use std::time::Instant;

use icnn::Limits;
use icnn::certificate::rigorous::{lower_bound, value};
use icnn::check::prove;
use icnn::lower::oracle::NetworkOracle;
use icnn::solve::batch::Session;
use serde::Serialize;

use crate::families::{Failure, Family, Kind};
use crate::measure::{ASKED, Case, OURS, Passes};

/// Repetitions at least, and seconds after which there are no more.
const LEAST: usize = 5;
const SECONDS: f64 = 0.3;

/// Solves of an instance one after the other, for profilers.
const REPEATED: usize = 16;

/// The stages: an instance from a context; intervals of all nodes and the proof of convexity; an oracle; the method until it has its answer; the
/// enclosures of value and bound; and the whole solve, which is all but the first.
const STAGES: [&str; 7] = ["context", "proof", "oracle", "method", "value", "bound", "whole"];

/// Least seconds of the stages of one instance.
#[derive(Debug, Serialize)]
pub struct Profile {
    family: &'static str,
    kind: char,
    pass: f64,
    stages: [f64; STAGES.len()],
}

/// The stages of the first instance of a family.
///
/// Errors: those of the solve.
pub fn of(family: &'static Family, kind: Kind) -> Result<Profile, Failure> {
    let (network, contexts) = family.network(kind)?;
    let x = contexts.first().ok_or("no context")?;
    let case = Case { instance: network.given(x)?, domain: family.domain()? };
    let (instance, domain) = (&case.instance, &case.domain);
    let session = Session::new(domain.clone(), OURS, Limits { gap: ASKED, ..Limits::default() });
    let solution = session.minimize(instance)?;
    let (y, dual) = (solution.y.ok_or("no point")?, solution.dual.ok_or("no slopes")?);
    let bounds = instance.bounds(domain.intervals());
    let mut passes = Passes::of(&case);
    let (mut pass, mut stages) = (f64::INFINITY, [f64::INFINITY; STAGES.len()]);
    let begun = Instant::now();
    for turn in 0.. {
        if turn >= LEAST && begun.elapsed().as_secs_f64() > SECONDS {
            break;
        }
        pass = pass.min(passes.seconds()?);
        let mut least = |k: usize, stage: &mut dyn FnMut() -> Result<Option<f64>, Failure>| -> Result<(), Failure> {
            let clock = Instant::now();
            let own = stage()?;
            stages[k] = stages[k].min(own.unwrap_or(clock.elapsed().as_secs_f64()));
            Ok(())
        };
        least(0, &mut || Ok(black_box(network.given(x)).map(|_| None)?))?;
        least(1, &mut || {
            black_box(prove(instance, domain));
            Ok(None)
        })?;
        least(2, &mut || {
            black_box(NetworkOracle::new(instance, &bounds));
            Ok(None)
        })?;
        let mut method = None;
        least(6, &mut || {
            method = session.minimize(instance)?.trace.last().map(|p| p.seconds);
            Ok(None)
        })?;
        least(3, &mut || Ok(method))?;
        least(4, &mut || {
            black_box(value(instance, &y));
            Ok(None)
        })?;
        least(5, &mut || {
            black_box(lower_bound(instance, domain, &[&bounds], &dual));
            Ok(None)
        })?;
    }
    Ok(Profile { family: family.name, kind: kind.letter(), pass, stages })
}

/// Solves `count` instances of a family in turn for so many seconds: something for a profiler to look at. Returns for each of them the least
/// seconds of a solve, in passes, increasing.
///
/// Errors: those of the solve.
pub fn again(family: &'static Family, kind: Kind, count: usize, seconds: f64) -> Result<Vec<f64>, Failure> {
    let mut cases = vec![];
    for instance in family.instances(kind, 1.0, count)? {
        let case = Case { instance, domain: family.domain()? };
        let pass = Passes::of(&case).seconds()?;
        cases.push((case, pass, f64::INFINITY));
    }
    let session = Session::new(family.domain()?, OURS, Limits { gap: ASKED, ..Limits::default() });
    let begun = Instant::now();
    for turn in 1.. {
        for (case, pass, least) in &mut cases {
            // As often as the caches need to know the instance.
            for _ in 0..REPEATED {
                let clock = Instant::now();
                black_box(session.minimize(&case.instance)?);
                *least = least.min(clock.elapsed().as_secs_f64());
            }
            if turn % 2 == 0 {
                *pass = pass.min(Passes::of(case).seconds()?);
            }
        }
        if begun.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    let mut ratios: Vec<f64> = cases.iter().map(|(_, pass, least)| least / pass).collect();
    ratios.sort_by(f64::total_cmp);
    Ok(ratios)
}

/// The heading of the table.
pub fn heading() -> String {
    let stages: String = STAGES.iter().map(|stage| format!("{stage:>10}")).collect();
    format!("stages in passes (GE)\n{:8} {:4} {:>8}{stages}{:>10}", "family", "kind", "GE µs", "unnamed")
}

impl Profile {
    /// A line of the table; what no stage accounts for comes last.
    pub fn line(&self) -> String {
        let of = |seconds: f64| format!("{:10.1}", seconds / self.pass);
        let stages: String = self.stages.iter().map(|s| of(*s)).collect();
        let rest = self.stages[6] - self.stages[1..6].iter().sum::<f64>();
        format!("{:8} {:4} {:8.1}{stages}{}", self.family, self.kind, 1e6 * self.pass, of(rest))
    }
}
