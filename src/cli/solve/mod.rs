//! `icnn solve`: the minimum over y at every context row.

mod certificate;
#[cfg(feature = "highs")]
mod face;
mod report;
mod stream;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, ValueEnum};
use icnn::solve::batch::Session;
#[cfg(feature = "highs")]
use icnn::solve::face::{CHOICES, Choice};
use icnn::solve::{Goal, METHODS};
use icnn::{Domain, Limits, Method};

use super::answers::{self, Answers};
use super::input::stream::RowStream;
use super::input::{Rows, Source};
use super::model::Model;
use super::problem::{Given, Problem};
use super::write::Pending;
use super::{Stop, rows};
use certificate::Certificate;
use report::{Answer, Report, Solved};

/// Arguments of `icnn solve`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  icnn solve net.onnx --context rows.npy --lower 0 --upper 1 --json > answers.jsonl\n\n\
    The value is f at the printed y. The lower bound holds for every y in the set: it is recomputed from the weights, not \
    copied from the solver. Optimal means that their gap is at most --gap times the size of the numbers behind the value.\n\
    Row order and the number of threads change no answer.\n\n\
    A domain file; every part but the version may be left out:\n  \
    {\"version\": 1, \"lower\": 0, \"upper\": [1, 1, null], \"fixed\": {\"2\": 0.5},\n   \
    \"rows\": [{\"name\": \"budget\", \"coefficients\": {\"0\": 2, \"1\": 3.5}, \"upper\": 4}],\n   \
    \"sums\": [{\"of\": [0, 1], \"lower\": 0.2}], \"simplices\": [{\"of\": \"all\", \"total\": 1}],\n   \
    \"networks\": [{\"model\": \"risk.onnx\", \"context\": \"row\", \"at_most\": 0.1}]}\n\n\
    Files: exactly as many numbers as one row takes are one row; otherwise rows lie along the first axis."
)]
pub struct Args {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    given: Given,
    /// How to minimise.
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = method())]
    method: Method,
    /// Maximise, for a network that is concave in y.
    #[arg(long)]
    maximize: bool,
    /// Largest relative gap of an answer that is called optimal.
    #[arg(long, value_name = "GAP", allow_negative_numbers = true, default_value = "1e-7", value_parser = positive)]
    gap: f64,
    /// Seconds for each row.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    time_limit: Option<Duration>,
    /// Iterations of the solver for each row, for methods that solve a program (lp, ipm, pdlp, reduced-lp, conic).
    #[arg(long, value_name = "N")]
    iteration_limit: Option<u64>,
    /// Passes over the network for each row, forward and backward added up, for methods that call f.
    #[arg(long, value_name = "N")]
    pass_limit: Option<u64>,
    /// How far answers are proven: `exact`, the minimum as a rational number; `rigorous`, a bound in f64 with every rounding
    /// error counted [default: exact where that is cheap, rigorous with --stream].
    #[arg(long, value_name = "PROOF")]
    proof: Option<ProofArg>,
    /// Minimise f(y) − TAU·H(y), H the entropy of the box (scaled to [0,1]) or of simplices: another problem.
    #[arg(long, value_name = "TAU", allow_negative_numbers = true, value_parser = positive)]
    entropy: Option<f64>,
    /// Check the answers of --method bundle by a second solver (Clarabel); a contradiction is an error.
    #[arg(long)]
    check: bool,
    /// Start here, for methods that call f.
    #[arg(long, value_name = "FILE|N,N,...", allow_hyphen_values = true)]
    start: Option<Source>,
    /// Rows solved at the same time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The rows are a trajectory: each is solved from the solution before it, as it is read (from -, a .csv, .jsonl or .npy file), in
    /// memory that does not grow with their number.
    #[arg(long, requires = "context", conflicts_with_all = ["start", "certificate"])]
    stream: bool,
    /// Print the multipliers behind the lower bound: of rows, learned constraints and coordinates.
    #[arg(long)]
    duals: bool,
    /// Add to each --json line how value and bound came closer, step by step, where the method calls f.
    #[arg(long, requires = "json")]
    trace: bool,
    /// Tell whether y is the only minimiser, and the range of each coordinate among all of them: two more solves a coordinate.
    #[cfg(feature = "highs")]
    #[arg(long, conflicts_with = "entropy")]
    range: bool,
    /// Of several minimisers take the lexicographic first one, or the one nearest to 0 (to the box's centre, where 0 is
    /// outside): the same one whatever the method.
    #[cfg(feature = "highs")]
    #[arg(long, value_name = "CHOICE", value_parser = choice(), conflicts_with = "entropy")]
    choose: Option<Choice>,
    /// One JSON object a line: row, status, method, y, value, lower_bound, gap, proof, seconds, work.
    #[arg(long)]
    json: bool,
    /// Write the answers to a .json, .npy, .csv or .parquet file as well; it is replaced when the run is complete.
    #[arg(long, value_name = "FILE", value_parser = answers::target)]
    answers: Option<PathBuf>,
    /// Write the proofs of all rows to a file that `icnn verify` checks (docs/certificates.md).
    #[arg(long, value_name = "FILE", conflicts_with = "entropy")]
    certificate: Option<PathBuf>,
}

/// Without HiGHS there are no optimal faces.
#[cfg(not(feature = "highs"))]
mod face {
    use icnn::ir::instance::Instance;
    use icnn::solve::batch::Session;
    use icnn::{Error, Solution};

    #[derive(Debug, serde::Serialize)]
    pub enum Face {}

    impl Face {
        pub fn text(&self) -> String {
            match *self {}
        }
    }

    pub fn of(_: &super::Args, s: Solution, _: &Instance, _: &Session) -> Result<(Solution, Option<Face>), Error> {
        Ok((s, None))
    }
}

/// What `--proof` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProofArg {
    Rigorous,
    Exact,
}

impl ProofArg {
    fn goal(this: Option<ProofArg>) -> Goal {
        match this {
            None => Goal::Cheap,
            Some(ProofArg::Rigorous) => Goal::Rigorous,
            Some(ProofArg::Exact) => Goal::Exact,
        }
    }
}

/// The names of the table of methods, each with its line of help.
fn method() -> impl TypedValueParser<Value = Method> {
    let names = METHODS.iter().map(|row| PossibleValue::new(row.name).help(row.what));
    PossibleValuesParser::new(names)
        .map(|name| METHODS.iter().find(|row| row.name == name).map_or_else(Method::default, |row| row.method))
}

/// The names of the ways to choose among minimisers.
#[cfg(feature = "highs")]
fn choice() -> impl TypedValueParser<Value = Choice> {
    PossibleValuesParser::new(CHOICES.iter().map(|c| c.0))
        .map(|name| CHOICES.iter().find(|c| c.0 == name).map_or(Choice::Lexicographic, |c| c.1))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v > 0.0 && v.is_finite() => Ok(v),
        _ => Err("a positive number is expected".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = positive(text)?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// Solves all rows; a row that fails does not end the run, unless no row can do better.
pub fn run(args: &Args) -> Result<u8, Stop> {
    // First of all: a folder that cannot be written to is not worth a solve.
    let file = args.answers.as_deref().map(Pending::create).transpose()?;
    let certificate = args.certificate.as_deref().map(Certificate::begin).transpose()?;
    let network = args.model.network()?;
    let model = certificate.as_ref().map(|_| args.model.stated(args.maximize)).transpose()?;
    let network = if args.maximize { network.negated() } else { network };
    let rows = match (&args.given.context, args.stream) {
        (Some(source), true) if network.context_len() > 0 => Some(RowStream::open(source, network.context_len())?),
        _ => None,
    };
    let problem = match &rows {
        // Of a stream's rows none is known yet.
        Some(_) => Problem::over(network.clone(), Rows::one(vec![0.0; network.context_len()]), &args.given)?,
        None => Problem::read(network, &args.given)?,
    };
    if rows.is_some() && problem.len() > 1 {
        let rows = problem.len();
        return Err(Stop::input(format!("--stream: only --context may have several rows, another table has {rows}")));
    }
    if args.maximize && !problem.is_plain() {
        return Err(Stop::input("--maximize takes no further terms; minimise −f with them instead"));
    }
    let (time, iterations, passes) = (args.time_limit, args.iteration_limit, args.pass_limit);
    let proof = match args.proof {
        None if args.stream => Goal::Rigorous,
        proof => ProofArg::goal(proof),
    };
    let limits = Limits { gap: args.gap, time, iterations, passes, proof, ..Limits::default() };
    let domain = problem.common_domain().cloned();
    let common = domain.is_some();
    let mut session =
        Session::new(domain.unwrap_or(Domain::everything(problem.network.decisions())), args.method, limits);
    if let Some(tau) = args.entropy {
        session = session.with_entropy(tau)?;
    }
    if args.check {
        session = session.with_check()?;
    }
    let start =
        args.start.as_ref().map(|source| Rows::read(source, problem.network.decisions(), "--start")).transpose()?;
    if let Some(start) = start.as_ref().filter(|start| start.len() != 1 && start.len() != problem.len()) {
        let (found, rows) = (start.len(), problem.len());
        return Err(Stop::input(format!(
            "--start has {found} rows, there are {rows} rows to solve; one row serves all"
        )));
    }
    let start = |row: usize| start.as_ref().map(|start| start.row(if start.len() == 1 { 0 } else { row }));
    if common && problem.is_plain() && rows.is_none() {
        let all: Vec<&[f64]> = (0..problem.len()).map(|row| problem.context(row)).collect();
        session.warm_up(&problem.network, &all);
    }

    let begin = |file| Answers::begin(file, problem.network.decisions(), args.maximize);
    let answers = file.map(begin).transpose()?;
    let mut report = Report::new(args, &problem, answers, certificate);
    if let Some(rows) = rows {
        return stream::run(args, &problem, &session, rows, report);
    }
    let solve = |row: usize| {
        let solved = || {
            let f = problem.function(row)?;
            let objective = problem.objective_of(&f, row, problem.context(row))?;
            let other = (!common).then(|| problem.domain(row).map(|domain| session.over(domain))).transpose()?;
            let session = other.as_ref().unwrap_or(&session);
            let solution = session.minimize_watched(&objective, start(row), None)?;
            let (solution, face) = face::of(args, solution, &objective, session)?;
            let value = match (&solution.y, problem.is_plain()) {
                (Some(y), false) => Some(f.forward(y)?.value()),
                _ => None,
            };
            let proof = model.as_ref().map(|model| certificate::entry(&solution, &problem, row, model));
            Ok(Solved { solution: Box::new(solution), f: value, face, proof })
        };
        solved().into()
    };
    let panicked = |_| Answer::Failed("internal error".into());
    rows::in_order(problem.len(), args.threads.map(usize::from), solve, panicked, |row, answer| {
        report.take(row, answer)
    })?;
    report.finish()
}
