//! The master of the bundle method next to the same conic program solved by Clarabel.
//!
//! Both get all cuts that a run on the entropic problem met, start cold and end at a gap of [`ENOUGH`], computed from their
//! weights and point, not their own word.

use std::time::Instant;

use icnn::ir::instance::Instance;
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::SolverError;
use icnn_solvers::bundle_entropy::{Newton, bundle_entropy, check, master};
use icnn_solvers::oracle::{Cut, Oracle};
use icnn_solvers::region::Region;
use icnn_solvers::run::{Run, RunLimits};

use super::families::{FAMILIES, Failure, Family, Kind};
use super::{LARGEST, TAU, wanted};

/// The gap of a master, relative to the numbers that make up its cuts.
const ENOUGH: f64 = 1e-9;

/// Repetitions, of which the median counts.
const REPETITIONS: usize = 5;

/// Passes after which the cuts met so far are the master.
const PASSES: u64 = 300;

/// An oracle that keeps what it was asked.
struct Recorder<'a> {
    oracle: NetworkOracle<'a>,
    cuts: Vec<Cut>,
}

impl Oracle for Recorder<'_> {
    fn dimension(&self) -> usize {
        self.oracle.dimension()
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let value = self.oracle.value_and_gradient(y, gradient)?;
        self.cuts.push(Cut { point: y.to_vec(), value, gradient: gradient.to_vec() });
        Ok(value)
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        self.oracle.value(y)
    }
}

/// A line for each family, kind and scale that `names` asks for, of its first instance.
pub fn print(names: &[&str]) -> Result<(), Failure> {
    println!();
    println!("the last master, all cuts, cold, to a gap of {ENOUGH:e} of its numbers: our time / Clarabel's");
    println!(
        "{:8} {:4} {:5} {:>5} {:>10} {:>12} {:>12}",
        "family", "kind", "scale", "cuts", "ours µs", "Clarabel µs", "ratio"
    );
    let families = FAMILIES
        .iter()
        .filter(|f| wanted(names, f.name, |name| Family::named(name).is_some()) && f.decisions <= LARGEST);
    for family in families {
        for kind in [Kind::Random, Kind::Trained] {
            for scale in [1.0, 10.0] {
                for instance in family.instances(kind, scale, 1)? {
                    let (cuts, ours, clarabel) = compare(family, &instance)?;
                    println!(
                        "{:8} {:4} {:5} {cuts:5} {:10.0} {:12.0} {:12.4}",
                        family.name,
                        kind.letter(),
                        scale,
                        1e6 * ours,
                        1e6 * clarabel,
                        ours / clarabel
                    );
                }
            }
        }
    }
    Ok(())
}

/// The number of cuts, and the seconds that their master takes here and with Clarabel.
///
/// Errors: one of the two does not reach the gap.
fn compare(family: &Family, instance: &Instance) -> Result<(usize, f64, f64), Failure> {
    let oracle = NetworkOracle::new(instance, &instance.bounds(family.domain()?.intervals()));
    let mut recorder = Recorder { oracle, cuts: vec![] };
    let p = family.decisions;
    let region = Region::new(vec![family.ends.0; p], vec![family.ends.1; p], vec![])?;
    let limits = RunLimits { gap: 1e-10, passes: Some(2 * PASSES), ..RunLimits::default() };
    Run::new(&mut recorder, &region, Some(TAU), limits)?.with(bundle_entropy)?;
    let problem = check::master_of(&region, Some(TAU), &recorder.cuts)?;
    let enough = ENOUGH * check::size(&problem);

    let (mut ours, mut clarabel) = (vec![], vec![]);
    for _ in 0..REPETITIONS {
        let mut lambda = vec![0.0; problem.cuts()];
        lambda[0] = 1.0;
        let clock = Instant::now();
        let solved = master::solve(&problem, &mut lambda, enough, &mut Newton::default());
        ours.push(clock.elapsed().as_secs_f64());
        let clock = Instant::now();
        let conic = check::solve_master(&problem, enough)?;
        clarabel.push(clock.elapsed().as_secs_f64());
        for (who, gap) in [("the master", solved.gap), ("Clarabel", conic.value - conic.bound)] {
            if gap.is_nan() || gap > enough {
                return Err(format!("{who} of {} ends at a gap of {gap:.1e}, above {enough:.1e}", family.name).into());
            }
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[REPETITIONS / 2]
    };
    Ok((problem.cuts(), median(ours), median(clarabel)))
}
