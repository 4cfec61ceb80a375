//! `icnn generate`: networks with answers, for tests of other solvers.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use icnn::domain::file::DomainFile;
use icnn::store::onnx;
use icnn::testing::{FAMILIES, Family, Features, Known, Minimum, Numbers, Problem, Sizes};
use icnn::{Domain, Limits, Network};
use serde::Serialize;
use serde_json::{Value, json};

use super::write::{Pending, failed};
use super::{Stop, code, output};

/// Arguments of `icnn generate`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn generate nets --family ficnn,picnn --decisions 8 --context 3 --hidden 16,16 --count 5 --kind known\n  \
    icnn judge nets/ficnn-known-0.onnx --domain nets/ficnn-known-0.domain.json --answers mine.npy\n\n\
    For each network: NAME.onnx in double precision, NAME.context.json (picnn), NAME.domain.json (a box) and NAME.answer.json: \
    a minimiser y, f(y) as an interval, and a lower bound of the minimum, for the network and the set as these files hold them. \
    The same options make the same files; network k of a run is that of --seed SEED+k.\n\n\
    Kinds:\n  \
    random            weights and box are random, y is that of icnn solve\n  \
    known             y is a minimiser by construction, exactly, and the only one\n  \
    degenerate        with --by more kinks through it than make it the only one [default: p]\n  \
    flat              the minimisers are a set of dimension --by [default: p/2]\n  \
    ill-conditioned   slopes around it differ by a factor of 2 to the power --by [default: 12]"
)]
pub struct Args {
    /// Where to; it is made if it is not there.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Kinds of networks, with commas between them.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',', default_value = "ficnn", value_parser = family())]
    family: Vec<Family>,
    /// What the minimum looks like.
    #[arg(long, value_name = "KIND", default_value = "known", value_parser = kind())]
    kind: &'static str,
    /// p, the number of decisions.
    #[arg(long, value_name = "P", default_value = "8")]
    decisions: usize,
    /// q, the width of the context of picnn networks.
    #[arg(long, value_name = "Q", default_value = "3")]
    context: usize,
    /// Units of each hidden layer, with commas between them; a layer that needs more for its minimum gets them.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "16,16")]
    hidden: Vec<usize>,
    /// How degenerate, flat or ill-conditioned.
    #[arg(long, value_name = "N")]
    by: Option<usize>,
    /// Coordinates of the minimiser on the boundary of the box; not for random and flat ones.
    #[arg(long, value_name = "N", default_value = "0")]
    faces: usize,
    /// Networks of each family.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// The first seed.
    #[arg(long, value_name = "SEED", default_value = "0")]
    seed: u64,
    /// Write over files that exist.
    #[arg(long)]
    force: bool,
    /// One JSON object a network: its files and its answer.
    #[arg(long)]
    json: bool,
}

const KINDS: &[&str] = &["random", "known", "degenerate", "flat", "ill-conditioned"];

fn kind() -> impl TypedValueParser<Value = &'static str> {
    PossibleValuesParser::new(KINDS).map(|name| KINDS.iter().find(|k| **k == name).copied().unwrap_or(KINDS[0]))
}

fn family() -> impl TypedValueParser<Value = Family> {
    PossibleValuesParser::new(FAMILIES.iter().map(|f| f.0))
        .map(|name| FAMILIES.iter().find(|f| f.0 == name).map_or(Family::Ficnn, |f| f.1))
}

/// What is written of one network.
#[derive(Debug, Serialize)]
struct Answer {
    version: u32,
    family: &'static str,
    kind: &'static str,
    seed: u64,
    decisions: usize,
    /// The minimiser.
    y: Vec<f64>,
    /// Whether it is one by construction, exactly; otherwise it is what `icnn solve` returned.
    constructed: bool,
    /// f(y) lies between these two; they are equal where f(y) is known exactly.
    value: [f64; 2],
    /// min f is at least this.
    lower_bound: Option<f64>,
    /// f(y) − min f lies between these two, by the bounds alone.
    suboptimality: [f64; 2],
    /// Of the set of all minimisers, where that is known.
    dimension: Option<usize>,
    /// Units and maxima at a kink at y, where they were counted.
    kinks: Option<usize>,
}

/// Writes all networks.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let features = features(args)?;
    std::fs::create_dir_all(&args.folder).map_err(|e| failed(&args.folder, &e.to_string()))?;
    let seeds = (0..u64::from(args.count))
        .map(|k| args.seed.checked_add(k).ok_or_else(|| Stop::input(format!("--seed {} and {k} more", args.seed))));
    let seeds: Vec<u64> = seeds.collect::<Result<_, _>>()?;
    let all = || args.family.iter().flat_map(|f| seeds.iter().map(move |s| (*f, *s)));
    if !args.force {
        for (family, seed) in all() {
            let files = files(args, family, seed);
            if let Some(there) = files.iter().find(|path| path.symlink_metadata().is_ok()) {
                return Err(Stop::input(format!("{} exists; --force writes over it", there.display())));
            }
        }
    }
    for (family, seed) in all() {
        let answer = one(args, &features, family, seed)?;
        let [model, context, domain, file] = files(args, family, seed).map(|path| path.display().to_string());
        if args.json {
            let context = (family == Family::Picnn).then_some(context);
            let files = json!({"model": model, "context": context, "domain": domain, "answer": file});
            output::json(&json!({"files": files, "answer": answer}))?;
        } else {
            let [lower, upper] = answer.value;
            let value = if lower == upper { format!("{lower:?}") } else { format!("[{lower:?}, {upper:?}]") };
            let [_, loss] = answer.suboptimality;
            output::line(&format!("{model} minimum {value}, proven within {loss:.1e}"))?;
        }
    }
    Ok(code::SUCCESS)
}

/// What the kind and its options ask for.
fn features(args: &Args) -> Result<Features, Stop> {
    let p = args.decisions;
    if let Some(by) = args.by.filter(|_| ["random", "known"].contains(&args.kind)) {
        return Err(Stop::input(format!("--by {by}: it does not go with --kind {}", args.kind)));
    }
    if args.faces > 0 && ["random", "flat"].contains(&args.kind) {
        return Err(Stop::input(format!("--faces {}: it does not go with --kind {}", args.faces, args.kind)));
    }
    let none = Features { faces: args.faces, ..Features::default() };
    Ok(match args.kind {
        "degenerate" => Features { degenerate: args.by.unwrap_or(p), ..none },
        "flat" => Features { flat: args.by.unwrap_or(p / 2), ..none },
        "ill-conditioned" => Features { condition: args.by.unwrap_or(12).try_into().unwrap_or(u32::MAX), ..none },
        _ => none,
    })
}

/// The files of one network: model, context, domain, answer.
fn files(args: &Args, family: Family, seed: u64) -> [PathBuf; 4] {
    let name = format!("{}-{}-{seed}", family.name(), args.kind);
    ["onnx", "context.json", "domain.json", "answer.json"].map(|end| args.folder.join(format!("{name}.{end}")))
}

fn one(args: &Args, features: &Features, family: Family, seed: u64) -> Result<Answer, Stop> {
    let context = if family == Family::Picnn { args.context } else { 0 };
    let sizes = Sizes { decisions: args.decisions, context, hidden: args.hidden.clone() };
    let numbers = Numbers::Seeded(seed);
    let (problem, known) = if args.kind == "random" {
        (Problem::random(family, &sizes, &numbers)?, None)
    } else {
        let known = Known::new(family, &sizes, features, &numbers)?;
        (known.problem.clone(), Some(known))
    };
    let [model, context, set, file] = files(args, family, seed);
    put(&model, &onnx::write(problem.network.program()).map_err(icnn::Error::from)?)?;
    if family == Family::Picnn {
        put(&context, line(&json!(problem.context)).as_bytes())?;
    }
    let written = json!({"version": 1, "lower": problem.domain.lower(), "upper": problem.domain.upper()});
    put(&set, line(&written).as_bytes())?;

    // The answer is about what the files hold.
    let f = Network::load(&model)?.given(&problem.context)?;
    let domain = DomainFile::read(&set, Domain::everything(args.decisions))?.common().clone();
    let minimum = Minimum::of(&f, &domain, &Limits::default())?;
    let y = match (&known, &minimum.solution.y) {
        (Some(known), _) => known.y.clone(),
        (None, Some(y)) => y.clone(),
        (None, None) => return Err(Stop::negative(format!("{}: no minimiser was found", model.display()))),
    };
    let answer = Answer {
        version: 1,
        family: family.name(),
        kind: args.kind,
        seed,
        decisions: args.decisions,
        constructed: known.is_some(),
        value: known.as_ref().map_or_else(|| minimum.value(&y), |known| Ok(known.value))?,
        lower_bound: minimum.lower.is_finite().then_some(minimum.lower),
        suboptimality: minimum.suboptimality(&y)?,
        dimension: known.as_ref().map(|known| known.features.flat),
        kinks: known.as_ref().map(|known| known.kinks),
        y,
    };
    put(&file, line(&answer).as_bytes())?;
    Ok(answer)
}

fn line(object: &impl Serialize) -> String {
    serde_json::to_value(object).unwrap_or(Value::Null).to_string() + "\n"
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let mut file = Pending::create(path)?;
    file.write_all(bytes).map_err(|e| failed(path, &e.to_string()))?;
    file.finish()
}
