//! How a command ends early, and how its lines reach stdout.

use std::fs::File;
use std::io::{self, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::OnceLock;

use icnn::Error;
use serde::Serialize;

use super::code;

/// Why a command ends before its work is done.
#[derive(Debug)]
pub enum Stop {
    /// Nobody reads stdout any more (`| head`): no error.
    ClosedPipe,
    /// To be reported on stderr as `icnn: message`.
    Failed {
        /// Exit code.
        code: u8,
        /// The message, without `icnn:`.
        message: String,
    },
}

impl Stop {
    /// Malformed input.
    pub fn input(message: impl Into<String>) -> Stop {
        Stop::Failed { code: code::BAD_INPUT, message: message.into() }
    }

    /// A negative answer that leaves nothing to print.
    pub fn negative(message: impl Into<String>) -> Stop {
        Stop::Failed { code: code::NEGATIVE, message: message.into() }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        match error {
            Error::NotProven { .. } | Error::Concave | Error::NotFinite { .. } => Stop::negative(error.to_string()),
            _ => Stop::input(error.to_string()),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::ClosedPipe,
            _ => Stop::input(format!("cannot write: {error}")),
        }
    }
}

/// The stdout the program was started with.
static DATA: OnceLock<File> = OnceLock::new();

/// Keeps stdout for data: HiGHS prints on it in rare cases, whatever its options say, and that goes to stderr from here on.
pub fn reserve_stdout() {
    #[cfg(unix)]
    if let Ok(stdout) = io::stdout().as_fd().try_clone_to_owned()
        && rustix::stdio::dup2_stdout(io::stderr()).is_ok()
    {
        // Only set once, at the start of the program.
        let _ = DATA.set(File::from(stdout));
    }
}

/// Writes one line to stdout at once, so that a reader at the other end of a pipe sees it.
pub fn line(text: &str) -> Result<(), Stop> {
    let line = format!("{text}\n");
    match DATA.get() {
        Some(mut data) => data.write_all(line.as_bytes())?,
        None => {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Writes one JSON object on a line of its own.
pub fn json(object: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string(object).map_err(|e| Stop::input(format!("cannot write JSON: {e}")))?;
    line(&text)
}

/// One line on stderr.
pub fn remark(text: &str) -> Result<(), Stop> {
    eprintln!("icnn: {text}");
    Ok(())
}

/// A row that gave no answer.
#[derive(Debug, Serialize)]
pub struct RowError<'a> {
    /// Which row, from 0.
    pub row: usize,
    /// Why.
    pub error: &'a str,
}

/// Reports a row that gave no answer: an object among the data with `--json`, otherwise a line on stderr.
pub fn row_error(row: usize, error: &str, as_json: bool) -> Result<(), Stop> {
    if as_json {
        return json(&RowError { row, error });
    }
    eprintln!("icnn: row {row}: {error}");
    Ok(())
}

/// A number for reading, with nine decimals; one that rounds to 0 has no sign.
pub fn decimal(v: f64) -> String {
    format!("{:.9}", if v.abs() < 5e-10 { 0.0 } else { v })
}

/// Numbers for reading: all of a short vector, the ends of a long one.
pub fn brief(v: &[f64]) -> String {
    // A number that rounds to 0 has no sign.
    let number = |e: &f64| if e.abs() < 5e-7 { "0.000000".to_string() } else { format!("{e:.6}") };
    let shown = |v: &[f64]| v.iter().map(number).collect::<Vec<_>>().join(" ");
    if v.len() <= 8 {
        format!("[{}]", shown(v))
    } else {
        format!("[{} … {}] ({} entries)", shown(&v[..3]), shown(&v[v.len() - 1..]), v.len())
    }
}
