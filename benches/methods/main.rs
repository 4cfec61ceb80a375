//! How many passes over the network every method that calls f needs until its gap is certified, on the benchmark families.
//!
//! `cargo bench … --bench methods -- [FAMILY|METHOD|rigorous]… [--json]`; docs/benchmarks.md says what is counted.

#[path = "../families/mod.rs"]
mod families;
mod master;
mod rigorous;
mod split;
mod variants;

use std::time::{Duration, Instant};

use families::{FAMILIES, Failure, Family, Kind};
use icnn::ir::instance::Instance;
use icnn::lower::oracle::NetworkOracle;
use icnn::solve::batch::Session;
use icnn::solve::{Engine, METHODS, MethodRow};
use icnn::{Error, Limits, Method, Solution, Status};
use icnn_solvers::oracle::Oracle;
use icnn_solvers::run::{Progress, RunLimits};
use serde::Serialize;

/// The weight of the entropy.
const TAU: f64 = 1.0;

/// Networks, or contexts, of each family and kind.
const INSTANCES: usize = 3;

/// Larger families would take an hour.
const LARGEST: usize = 1000;

/// The gaps that are asked for, relative to max(1, |value|).
const GAPS: [f64; 2] = [1e-6, 1e-9];

/// What is asked for.
const GAP: f64 = 1e-10;

/// Passes over the network, forward and backward, at which a method is stopped; and seconds.
const PASSES: u64 = 4000;
const SECONDS: u64 = 20;

/// Passes to a certified gap that the bundle method is to need at most on the entropic problem: fewest and most, scales 1 and 10.
fn target(family: &str, kind: Kind) -> &'static str {
    match (family, kind) {
        ("rl6", Kind::Trained) => "10-30",
        ("rl6", _) => "28-87",
        ("rl17", Kind::Trained) => "15-38",
        ("rl17", _) => "33-129",
        ("mpc24", Kind::Trained) => "16-30",
        ("mpc24", _) => "71-235",
        ("bib159", _) => "16-130",
        ("wide100", _) => "13-75",
        _ => "",
    }
}

/// One method on one family, kind and scale.
#[derive(Serialize)]
struct Row {
    family: &'static str,
    kind: char,
    scale: f64,
    /// τ of the entropic problem; none for the plain one.
    entropy: Option<f64>,
    method: &'static str,
    /// For each gap and instance the forward-and-backward passes until it is certified; none if it is not.
    passes: [Vec<Option<u64>>; 2],
    target: &'static str,
    /// The cuts behind the last bound, for each instance: a method that knows f by cuts alone needs a pass for each.
    cuts: Vec<usize>,
    /// The relative gap at the end, for each instance.
    gaps: Vec<f64>,
    statuses: Vec<Status>,
    /// Seconds of one forward and backward pass alone, the least of several.
    network_seconds: f64,
    /// Seconds that a pass takes in the network during a run, and seconds of everything else for each pass.
    inside_seconds: f64,
    rest_seconds: f64,
    /// Median over the instances of the seconds of the whole solve, in units of one forward and backward pass (GE).
    passes_worth: f64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|word| word == "--json");
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let known =
        |name: &str| name == "rigorous" || Family::named(name).is_some() || METHODS.iter().any(|row| row.name == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(format!("'{name}' is neither a family nor a method").into());
    }
    if names.contains(&"rigorous") {
        return rigorous::print(&names);
    }
    let families = FAMILIES
        .iter()
        .filter(|f| wanted(&names, f.name, |name| Family::named(name).is_some()) && f.decisions <= LARGEST);
    let methods: Vec<&MethodRow> = METHODS
        .iter()
        .filter(|row| matches!(row.engine, Engine::Oracle(_)))
        .filter(|row| wanted(&names, row.name, |name| Family::named(name).is_none()))
        .collect();
    let mut rows = vec![];
    if !json {
        println!("passes to a certified gap of 1e-6 and 1e-9, fewest-most of {INSTANCES}; entropic: τ = {TAU}");
        println!(
            "{:8} {:4} {:5} {:8} {:14} {:>11} {:>11} {:>8} {:>7}  {:>10} {:>10} {:>10} {:>9}  {:>8}",
            "family",
            "kind",
            "scale",
            "problem",
            "method",
            "1e-6",
            "1e-9",
            "target",
            "cuts",
            "network µs",
            "in run µs",
            "rest µs",
            "solve GE",
            "last gap"
        );
    }
    for family in families {
        for kind in [Kind::Random, Kind::Trained] {
            for scale in [1.0, 10.0] {
                let instances = family.instances(kind, scale, INSTANCES)?;
                for (entropy, row) in [Some(TAU), None].iter().flat_map(|e| methods.iter().map(move |row| (*e, *row))) {
                    if entropy.is_none() || row.entropic {
                        // These networks have kinks, which a method for smooth ones refuses.
                        let row = match measure(family, kind, scale, entropy, row, &instances) {
                            Err(e) if e.downcast_ref().is_some_and(|e| matches!(e, Error::Method { .. })) => continue,
                            row => row?,
                        };
                        if !json {
                            println!("{}", row.line());
                        }
                        rows.push(row);
                    }
                }
            }
        }
    }
    if !json && methods.iter().any(|row| row.name == Method::Bundle.name()) {
        variants::print(&rows);
        master::print(names.as_slice())?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(())
}

/// Whether `name` is asked for: by itself, or because no name of its kind is given.
fn wanted(names: &[&str], name: &str, of_its_kind: impl Fn(&str) -> bool) -> bool {
    names.contains(&name) || !names.iter().any(|name| of_its_kind(name))
}

fn measure(
    family: &Family,
    kind: Kind,
    scale: f64,
    entropy: Option<f64>,
    row: &'static MethodRow,
    instances: &[Instance],
) -> Result<Row, Failure> {
    let limits =
        Limits { gap: GAP, time: Some(Duration::from_secs(SECONDS)), passes: Some(PASSES), ..Limits::default() };
    let mut session = Session::new(family.domain()?, row.method, limits);
    if let Some(tau) = entropy {
        session = session.with_entropy(tau)?;
    }
    let solutions: Vec<Solution> = instances.iter().map(|i| session.minimize(i)).collect::<Result<_, _>>()?;
    let passes = GAPS.map(|gap| solutions.iter().map(|s| reached(&s.trace, gap)).collect());
    let gap = |s: &Solution| relative(s.value.unwrap_or(f64::INFINITY), s.lower_bound.unwrap_or(f64::NEG_INFINITY));
    let Engine::Oracle(run) = row.engine else { return Err(format!("{} does not call f", row.name).into()) };
    let run_limits = RunLimits {
        gap: 0.99 * GAP,
        time: Some(Duration::from_secs(SECONDS)),
        passes: Some(PASSES),
        ..RunLimits::default()
    };
    let (mut inside, mut rest, mut all) = (0.0, 0.0, 0);
    for (solution, instance) in solutions.iter().zip(instances) {
        let split = split::split(family, instance, run, (entropy, row.method == Method::ActiveSet), &run_limits)?;
        (inside, rest) = (inside + split.network, rest + split.rest);
        all += solution.trace.last().map_or(0, |p| p.forward.max(p.backward));
    }
    let network_seconds = network_seconds(family, &instances[0])?;
    Ok(Row {
        family: family.name,
        kind: kind.letter(),
        scale,
        entropy,
        method: row.name,
        passes,
        target: if entropy.is_some() { target(family.name, kind) } else { "" },
        cuts: solutions.iter().map(|s| s.work.cuts).collect(),
        gaps: solutions.iter().map(gap).collect(),
        statuses: solutions.iter().map(|s| s.status.clone()).collect(),
        network_seconds,
        inside_seconds: inside / all.max(1) as f64,
        rest_seconds: rest / all.max(1) as f64,
        passes_worth: median(solutions.iter().map(|s| s.seconds)) / network_seconds,
    })
}

fn relative(value: f64, bound: f64) -> f64 {
    (value - bound) / value.abs().max(1.0)
}

/// The passes, forward and backward ones counted as one, when the gap was certified first.
fn reached(trace: &[Progress], gap: f64) -> Option<u64> {
    trace.iter().find(|p| relative(p.value, p.lower_bound) <= gap).map(|p| p.forward.max(p.backward))
}

/// Least seconds of value and gradient at a point of the box without zeros, which would be skipped.
fn network_seconds(family: &Family, instance: &Instance) -> Result<f64, Failure> {
    let domain = family.domain()?;
    let mut oracle = NetworkOracle::new(instance, &instance.bounds(domain.intervals()));
    let y: Vec<f64> = family.point(0).collect();
    let mut gradient = y.clone();
    let mut least = f64::INFINITY;
    for _ in 0..40 {
        let clock = Instant::now();
        for _ in 0..20 {
            oracle.value_and_gradient(&y, &mut gradient)?;
        }
        least = least.min(clock.elapsed().as_secs_f64() / 20.0);
    }
    Ok(least)
}

/// The upper one of two.
fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = numbers.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    /// Fewest and most passes to the gap of this number, or how many instances got to it.
    fn span(&self, gap: usize) -> String {
        let passes = &self.passes[gap];
        match passes.iter().copied().collect::<Option<Vec<u64>>>() {
            None => format!("- ({}/{})", passes.iter().flatten().count(), passes.len()),
            Some(all) => format!("{}-{}", all.iter().min().unwrap_or(&0), all.iter().max().unwrap_or(&0)),
        }
    }

    /// Most passes to both gaps over all instances; none if one is missed.
    fn most(&self) -> Option<u64> {
        self.passes.iter().flatten().copied().try_fold(0, |most, passes| Some(passes?.max(most)))
    }

    fn line(&self) -> String {
        let worst = self.gaps.iter().copied().fold(0.0, f64::max);
        let problem = if self.entropy.is_some() { "entropic" } else { "plain" };
        format!(
            "{:8} {:4} {:5} {:8} {:14} {:>11} {:>11} {:>8} {:>7}  {:10.1} {:10.1} {:10.1} {:9.0}  {:8.1e}",
            self.family,
            self.kind,
            self.scale,
            problem,
            self.method,
            self.span(0),
            self.span(1),
            self.target,
            format!("{}-{}", self.cuts.iter().min().unwrap_or(&0), self.cuts.iter().max().unwrap_or(&0)),
            1e6 * self.network_seconds,
            1e6 * self.inside_seconds,
            1e6 * self.rest_seconds,
            self.passes_worth,
            worst
        )
    }
}
