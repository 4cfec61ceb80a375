//! `icnn verify`: a certificate against the model it names.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use icnn::certificate::exact::NotVerified;
use icnn::certificate::file::{self, Folded, Origin, Proven, Row};
use icnn::load::program_json::problem::{self as stated, Function};

use super::input::Rows;
use super::model::Model;
use super::problem::{Given, Problem};
use super::{Stop, code, output};

/// Arguments of `icnn verify`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn solve net.onnx --context rows.npy --lower 0 --upper 1 --certificate proof.json\n  \
    icnn verify proof.json --model net.onnx\n\n\
    The model is read, x and the fixed coordinates are folded, and the proof is checked without rounding. Options that the \
    certificate states itself (context, set) may be given as well; then they have to agree with it. Options that it cannot \
    state have to be given as they were to solve: networks in --domain, further terms of the objective, --description.\n\
    Exit codes: 0 every row is proven, 1 not verified, 2 no certificate or no model that could be read.\n\
    tools/check_certificate.py checks the same in Python, without any code of this program; docs/certificates.md."
)]
pub struct Args {
    /// The certificate.
    certificate: PathBuf,
    /// The model it is about.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What the tensors of a .safetensors file are, in JSON [default: the .json file beside it].
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    /// Check this row of the run alone, counted from 0.
    #[arg(long, value_name = "K")]
    row: Option<u64>,
}

/// Checks all rows, or one.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let certificate = file::read(&args.certificate)?;
    let rows: Vec<&Row> = certificate.rows.iter().filter(|r| args.row.is_none_or(|k| k == r.problem.row)).collect();
    if rows.is_empty() {
        let row = args.row.unwrap_or(0);
        return Err(Stop::input(format!("{}: it has no row {row}", args.certificate.display())));
    }
    let mut proven = true;
    for (k, row) in rows.iter().enumerate() {
        let name = format!("row {}", row.problem.row);
        let twice = rows[..k].iter().any(|r| r.problem.row == row.problem.row);
        let found = match twice {
            true => Err(NotVerified("the row is there twice".into()).into()),
            false => verified(args, row),
        };
        match found {
            Ok(what) => output::line(&format!("{name} {what}"))?,
            Err(Reason::Not(e)) => {
                proven = false;
                output::line(&format!("{name} not verified: {e}"))?;
            }
            Err(Reason::Stop(stop)) => return Err(stop),
        }
    }
    Ok(if proven { code::SUCCESS } else { code::NEGATIVE })
}

/// Why a row is not proven.
enum Reason {
    /// The certificate does not hold.
    Not(NotVerified),
    /// What it should be compared with cannot be read.
    Stop(Stop),
}

impl From<NotVerified> for Reason {
    fn from(e: NotVerified) -> Reason {
        Reason::Not(e)
    }
}

impl From<Stop> for Reason {
    fn from(e: Stop) -> Reason {
        Reason::Stop(e)
    }
}

fn verified(args: &Args, row: &Row) -> Result<String, Reason> {
    let folded = folded(args, &row.problem)?;
    Ok(sentence(&file::check(row, &folded)?, row))
}

/// What the certificate states, made anew from the model; what the command line says of it has to be the same.
fn folded(args: &Args, stated: &stated::Problem) -> Result<Folded, Reason> {
    let not = |e: icnn::Error| Reason::Not(NotVerified(e.to_string()));
    let (y, output) = (stated.model.y.clone(), stated.model.output.clone());
    let model = Model { model: args.model.clone(), description: args.description.clone(), y, output };
    let found = model.stated(stated.model.negated).map_err(Stop::from)?;
    if found.sha256 != stated.model.sha256 {
        let (name, theirs) = (args.model.display(), &stated.model.sha256);
        return Err(NotVerified(format!("{name} has hash {}, the certificate is about {theirs}", found.sha256)).into());
    }
    let network = model.network()?;
    let network = if stated.model.negated { network.negated() } else { network };
    let x: Vec<f64> = stated.context.iter().map(|n| n.0).collect();
    let row = usize::try_from(stated.row).unwrap_or(usize::MAX);
    network.given(&x).map_err(not)?;
    let problem = Problem::over(network.clone(), Rows::one(x.clone()), &args.given)?;
    let options = match problem.len() {
        1 => 0,
        n if row < n => row,
        n => return Err(NotVerified(format!("the certificate is about row {row}, the tables have {n}")).into()),
    };
    if let Some(source) = &args.given.context {
        let rows = super::input::context(Some(source), &network)?;
        let k = if rows.len() == 1 { 0 } else { row };
        if k >= rows.len() || rows.row(k) != x {
            return Err(NotVerified(format!("row {row} of --context is not the context of the certificate")).into());
        }
    }
    let mut domain = file::domain(&stated.set).map_err(not)?;
    let asked = problem.domain_at(options, &x).map_err(|e| Reason::Stop(e.into()))?;
    for level in asked.sublevels() {
        domain = domain.with_at_most(&level.name, &level.function, level.at_most).map_err(not)?;
    }
    if domain.sublevels().len() != stated.set.levels.len() {
        let (found, needed) = (domain.sublevels().len(), stated.set.levels.len());
        return Err(NotVerified(format!("the set has {needed} networks; --domain names {found}")).into());
    }
    if args.given.names_a_set()
        && (asked.lower() != domain.lower() || asked.upper() != domain.upper() || asked.rows() != domain.rows())
    {
        return Err(NotVerified("the options name another set than the certificate".into()).into());
    }
    let function = if problem.is_plain() { Function::Network } else { Function::Sum };
    // A copy of the model under another name is the same model.
    let model = stated::Model { name: stated.model.name.clone(), ..found };
    let origin = Origin { model, row, context: x.clone(), function };
    let objective = problem.objective_at(options, &x).map_err(|e| Reason::Stop(e.into()))?;
    Folded::new(&objective, &domain, origin).map_err(not)
}

/// What is proven, in one sentence.
fn sentence(proven: &Proven, row: &Row) -> String {
    let problem = &row.problem;
    let set = &problem.set;
    let parts = [(set.rows.len(), "row", "rows"), (set.levels.len(), "learned constraint", "learned constraints")];
    let extra: String = parts
        .iter()
        .filter(|(n, _, _)| *n > 0)
        .map(|(n, one, many)| format!(", {n} {}", if *n == 1 { one } else { many }))
        .collect();
    let f = match (problem.model.negated, problem.function) {
        (true, _) => format!("−f, f of {},", problem.model.name),
        (false, Function::Network) => format!("f of {}", problem.model.name),
        (false, Function::Sum) => format!("f of {} with the further terms", problem.model.name),
    };
    let folded = match (problem.context.is_empty(), problem.fixed.is_empty()) {
        (true, true) => "",
        (false, true) => ", after x was folded in f64",
        (true, false) => ", after the fixed coordinates were folded in f64",
        (false, false) => ", after x and the fixed coordinates were folded in f64",
    };
    let p = set.lower.len();
    let of = format!(
        "{f} over the stated set (a box of {p} coordinates{extra}), as a function of real numbers with the given weights{folded}"
    );
    match proven {
        Proven::Exact { value, .. } => {
            let (n, d) = (value.numerator(), value.denominator());
            let short = |text: String| match text.len() {
                0..=40 => text,
                n => format!("{}… ({n} digits)", &text[..20]),
            };
            let (n, d) = (short(n.to_string()), short(d.to_string()));
            let number = if d == "1" { n } else { format!("{n}/{d}") };
            format!("proven exact: {number} ≈ {} is the minimum of {of}; y attains it", value.to_f64_fast())
        }
        Proven::Rigorous { value, lower_bound, violation, .. } => {
            let inside = match violation {
                0.0 => "y lies in the set and".to_string(),
                v => format!("y violates the set by at most {v:e} and"),
            };
            format!(
                "proven rigorous: {inside} has value at most {value}, and nothing in the set has less than {lower_bound}: {of}"
            )
        }
    }
}
