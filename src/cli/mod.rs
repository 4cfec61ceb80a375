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
mod memory;
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

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args as _, FromArgMatches as _};
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

/// One of the program's commands.
struct Command {
    name: &'static str,
    about: &'static str,
    /// Adds its arguments: those of a command that is not called are never made.
    arguments: fn(clap::Command) -> clap::Command,
    /// Runs it with its arguments and the number of `-v`; the error is one of the command line.
    run: fn(&ArgMatches, u8) -> Result<Ended, clap::Error>,
}

/// What a command returns: an exit code, or why it ended early.
type Ended = Result<u8, Stop>;

/// The command in the module of the same name; how it is run, unless it takes its arguments only.
macro_rules! command {
    ($name:ident, $about:literal) => {
        command!($name, $about, |args, _| $name::run(args))
    };
    ($name:ident, $about:literal, $run:expr) => {
        Command {
            name: stringify!($name),
            about: $about,
            arguments: |command| $name::Args::augment_args(command).about($about),
            run: |matches, verbose| {
                let run: fn(&$name::Args, u8) -> Ended = $run;
                Ok(run(&$name::Args::from_arg_matches(matches)?, verbose))
            },
        }
    };
}

/// All commands, in the order of the help.
const COMMANDS: &[Command] = &[
    command!(check, "Prove that a network is convex in y, or find a chord that shows it is not", |args, verbose| {
        check::run(args, verbose > 0)
    }),
    command!(eval, "Value and gradient in y, one line a row"),
    command!(solve, "The exact minimum over y, one line a context row"),
    command!(
        verify,
        "Check a certificate of `solve --certificate` against the model: everything is computed again, without rounding"
    ),
    #[cfg(feature = "highs")]
    command!(compare, "Several methods on the same rows: a table, a page with figures, contradictions"),
    #[cfg(feature = "highs")]
    command!(explain, "Why the minimum is where it is, what would move it, or why there is none"),
    command!(
        project,
        "The nearest point with f(y) ≤ c, one line a row: of a convex classifier, its exact robustness radius"
    ),
    command!(judge, "How far the points of another solver are from the minimum, one line a row"),
    #[cfg(feature = "onnx")]
    command!(generate, "Write networks with known or solved minima, to test other solvers with"),
    command!(dump, "Print what a network becomes on its way to a solver"),
    command!(convert, "Write a network, or a table of numbers, in another format"),
    command!(export, "Write the program of `solve` to an MPS or LP file, for other solvers"),
    command!(demo, "Complete handwritten digits, exactly, and draw them"),
];

/// The command line.
fn line() -> clap::Command {
    let verbose = Arg::new("verbose")
        .short('v')
        .long("verbose")
        .action(ArgAction::Count)
        .global(true)
        .display_order(900)
        .help("Say more on stderr; twice for details of every solve");
    let commands = COMMANDS.iter().map(|c| clap::Command::new(c.name).about(c.about).defer(c.arguments));
    clap::Command::new("icnn")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Exact minimisation of input convex neural networks: prove convexity, find the minimum, bound the gap")
        .after_help(
            "Exit codes: 0 success, 1 a negative answer, 2 bad input, 3 stopped by a limit.\n\
             Data goes to stdout, everything else to stderr.",
        )
        .arg(verbose)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(commands)
}

/// Parses the command line and runs the command.
fn called() -> Result<Ended, clap::Error> {
    let mut line = line();
    let matches = line.try_get_matches_from_mut(std::env::args_os())?;
    let verbose = matches.get_count("verbose");
    let called = matches.subcommand().and_then(|(name, of)| Some((COMMANDS.iter().find(|c| c.name == name)?, of)));
    let Some((command, matches)) = called else {
        return Err(line.error(ErrorKind::MissingSubcommand, "a command is needed"));
    };
    trace(verbose);
    output::reserve_stdout();
    (command.run)(matches, verbose).map_err(|e| e.format(&mut line))
}

/// Runs the program, and reports its error.
pub fn run() -> ExitCode {
    memory::prepare();
    match called() {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(Stop::ClosedPipe)) => ExitCode::from(code::CLOSED_PIPE),
        Ok(Err(Stop::Failed { code, message })) => {
            eprintln!("icnn: {message}");
            ExitCode::from(code)
        }
        Err(e) if e.use_stderr() => {
            let text = e.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            eprintln!("icnn: {}", text.trim_end());
            ExitCode::from(code::BAD_INPUT)
        }
        Err(e) => {
            // --help or --version; nobody to tell if stdout is closed.
            let _ = e.print();
            ExitCode::from(code::SUCCESS)
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
