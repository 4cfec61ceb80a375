//! Drifting contexts: each solve starts from the answer before it.

use std::time::Instant;

use icnn::Limits;
use icnn::solve::Solution;
use icnn::solve::batch::Session;
use serde::Serialize;

use crate::families::{Failure, Family, Kind};
use crate::measure::{ALLOWED, ASKED, Case, OURS, Passes};
use crate::stream::Contexts;
use crate::table::quantile;
use crate::targets;

/// Steps of the walks, in parts of the contexts' spread.
const STEPS: [f64; 2] = [0.01, 0.1];

/// Repetitions of each solve, of which the fastest counts; contexts of a walk, and of a walk of a large family.
const REPETITIONS: usize = 5;
const LENGTH: usize = 40;
const SHORT: usize = 12;

/// One family and step.
#[derive(Debug, Serialize)]
pub struct Walk {
    family: &'static str,
    step: f64,
    contexts: usize,
    /// Median seconds of a pass.
    pass: f64,
    /// Median over the contexts: passes that a solve is worth from the answer before it, and from nothing.
    warm: f64,
    cold: f64,
    target: Option<f64>,
    met: Option<bool>,
    /// The largest certified gap, relative.
    gap: f64,
    /// Whether all gaps are closed, and the value of every warm solve is that of the cold one.
    pub passed: bool,
}

/// Both walks of a family.
///
/// Errors: those of the solves.
pub fn walks(family: &'static Family) -> Result<Vec<Walk>, Failure> {
    STEPS.iter().map(|step| walk(family, *step)).collect()
}

fn walk(family: &'static Family, step: f64) -> Result<Walk, Failure> {
    let (network, _) = family.network(Kind::Trained)?;
    let length = if family.decisions > 50 { SHORT } else { LENGTH };
    let session = Session::new(family.domain()?, OURS, Limits { gap: ASKED, ..Limits::default() });
    let (mut warm, mut cold, mut passes, mut gap, mut passed) = (vec![], vec![], vec![], 0.0f64, true);
    let mut before: Option<Solution> = None;
    for x in Contexts::of(family)?.walk(step, length) {
        let case = Case { instance: network.given(&x)?, domain: family.domain()? };
        let mut measured = Passes::of(&case);
        let (mut pass, mut least) = (f64::INFINITY, [f64::INFINITY; 2]);
        let mut answers = [None, None];
        for _ in 0..REPETITIONS {
            pass = pass.min(measured.seconds()?);
            for (k, least) in least.iter_mut().enumerate() {
                let clock = Instant::now();
                let answer = match &before {
                    Some(before) if k == 0 => session.minimize_from(&case.instance, before)?,
                    _ => session.minimize(&case.instance)?,
                };
                *least = least.min(clock.elapsed().as_secs_f64());
                answers[k] = Some(answer);
            }
        }
        let [Some(ours), Some(other)] = answers else { return Err("no solve".into()) };
        for answer in [&ours, &other] {
            let size = answer.value.unwrap_or(f64::NAN).abs().max(1.0);
            let relative = answer.gap.unwrap_or(f64::INFINITY) / size;
            gap = gap.max(relative);
            // A forward pass may be off by a rounding error; a bound is not.
            let possible = |a: &Solution, b: &Solution| {
                a.value.zip(b.lower_bound).is_some_and(|(value, bound)| value >= bound - 1e-12 * size)
            };
            passed &= relative <= ALLOWED && possible(&ours, &other) && possible(&other, &ours);
        }
        if before.is_some() {
            warm.push(least[0] / pass);
            cold.push(least[1] / pass);
            passes.push(pass);
        }
        before = Some(ours);
    }
    let median = |v: &Vec<f64>| quantile(v.iter().copied(), 0.5);
    let target = targets::warm(family.name, step);
    let contexts = warm.len();
    let (pass, warm, cold) = (median(&passes), median(&warm), median(&cold));
    let met = target.map(|most| warm <= most);
    Ok(Walk { family: family.name, step, contexts, pass, warm, cold, target, met, gap, passed })
}

impl Walk {
    /// The heading of the table.
    pub fn heading() -> String {
        format!(
            "{:8} {:>5} {:>3} {:>8} {:>8} {:>8} {:>7} {:>4} {:>8}",
            "family", "step", "n", "GE µs", "warm GE", "cold GE", "target", "met", "gap"
        )
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        format!(
            "{:8} {:5} {:3} {:8.1} {:8.1} {:8.1} {:>7} {:>4} {:8.0e}{}",
            self.family,
            self.step,
            self.contexts,
            1e6 * self.pass,
            self.warm,
            self.cold,
            self.target.map_or(String::new(), |t| t.to_string()),
            self.met.map_or("", |met| if met { "yes" } else { "NO" }),
            self.gap,
            if self.passed { "" } else { "  FAILED" }
        )
    }
}
