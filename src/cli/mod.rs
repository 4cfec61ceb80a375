//! The program `icnn`, one file a command.
//!
//! Data on stdout, everything else on stderr. Exit codes: 0 success, 1 a negative answer, 2 bad input, 3 stopped by a limit.

mod answers;
mod check;
#[cfg(feature = "highs")]
mod compare;
mod convert;
mod demo;
mod dump;
mod eval;
#[cfg(feature = "highs")]
mod explain;
mod export;
#[cfg(feature = "onnx")]
mod generate;
mod input;
mod judge;
mod model;
mod output;
mod problem;
mod project;
mod rows;
mod solve;
mod verify;
mod write;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use output::Stop;

/// What the process returns.
pub mod code {
    /// Everything asked for was done.
    pub const SUCCESS: u8 = 0;
    /// An answer, but a negative one: not proven, infeasible, unbounded, a row that failed.
    pub const NEGATIVE: u8 = 1;
    /// The input is malformed or does not fit.
    pub const BAD_INPUT: u8 = 2;
    /// A limit ended the search before the gap was closed.
    pub const STOPPED: u8 = 3;
    /// Nobody reads stdout any more. Not 0: a verdict that was not delivered must not look like a proof.
    pub const CLOSED_PIPE: u8 = 141;
}

/// Exact minimisation of input convex neural networks: prove convexity, find the minimum, bound the gap.
#[derive(Debug, Parser)]
#[command(
    name = "icnn",
    version,
    after_help = "Exit codes: 0 success, 1 a negative answer, 2 bad input, 3 stopped by a limit.\n\
                  Data goes to stdout, everything else to stderr."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more on stderr; twice for details of every solve.
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 900)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove that a network is convex in y, or find a chord that shows it is not.
    Check(check::Args),
    /// Value and gradient in y, one line a row.
    Eval(eval::Args),
    /// The exact minimum over y, one line a context row.
    Solve(solve::Args),
    /// Check a certificate of `solve --certificate` against the model: everything is computed again, without rounding.
    Verify(verify::Args),
    /// Several methods on the same rows: a table, a page with figures, contradictions.
    #[cfg(feature = "highs")]
    Compare(compare::Args),
    /// Why the minimum is where it is, what would move it, or why there is none.
    #[cfg(feature = "highs")]
    Explain(explain::Args),
    /// The nearest point with f(y) ≤ c, one line a row: of a convex classifier, its exact robustness radius.
    Project(project::Args),
    /// How far the points of another solver are from the minimum, one line a row.
    Judge(judge::Args),
    /// Write networks with known or solved minima, to test other solvers with.
    #[cfg(feature = "onnx")]
    Generate(generate::Args),
    /// Print what a network becomes on its way to a solver.
    Dump(dump::Args),
    /// Write a network, or a table of numbers, in another format.
    Convert(convert::Args),
    /// Write the program of `solve` to an MPS or LP file, for other solvers.
    Export(export::Args),
    /// Complete handwritten digits, exactly, and draw them.
    Demo(demo::Args),
}

/// Parses the command line, runs the command, reports its error.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => {
            let text = e.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            eprintln!("icnn: {}", text.trim_end());
            return ExitCode::from(code::BAD_INPUT);
        }
        Err(e) => {
            // --help or --version; nobody to tell if stdout is closed.
            let _ = e.print();
            return ExitCode::from(code::SUCCESS);
        }
    };
    trace(cli.verbose);
    output::reserve_stdout();
    let ended = match &cli.command {
        Command::Check(args) => check::run(args, cli.verbose > 0),
        Command::Eval(args) => eval::run(args),
        Command::Solve(args) => solve::run(args),
        Command::Verify(args) => verify::run(args),
        #[cfg(feature = "highs")]
        Command::Compare(args) => compare::run(args),
        #[cfg(feature = "highs")]
        Command::Explain(args) => explain::run(args),
        Command::Project(args) => project::run(args),
        Command::Judge(args) => judge::run(args),
        #[cfg(feature = "onnx")]
        Command::Generate(args) => generate::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(Stop::ClosedPipe) => ExitCode::from(code::CLOSED_PIPE),
        Err(Stop::Failed { code, message }) => {
            eprintln!("icnn: {message}");
            ExitCode::from(code)
        }
    }
}

/// Log lines on stderr: warnings, with -v what happens, with -vv every solve. What the solver remarks about its own numbers
/// concerns only those who look: the answer is recomputed anyway.
fn trace(verbose: u8) {
    let (level, solver) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::ERROR),
        1 => (LevelFilter::INFO, LevelFilter::WARN),
        2 => (LevelFilter::DEBUG, LevelFilter::DEBUG),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time();
    let filter = Targets::new().with_default(level).with_target("icnn_solvers", solver);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
