//! How a command ends early, and how its lines reach stdout.

use std::io::{self, Write};

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

/// Writes one line to stdout at once, so that a reader at the other end of a pipe sees it.
pub fn line(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes one JSON object on a line of its own.
pub fn json(object: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string(object).map_err(|e| Stop::input(format!("cannot write JSON: {e}")))?;
    line(&text)
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

/// Numbers for reading: all of a short vector, the ends of a long one.
pub fn brief(v: &[f64]) -> String {
    let shown = |v: &[f64]| v.iter().map(|e| format!("{e:.6}")).collect::<Vec<_>>().join(" ");
    if v.len() <= 8 {
        format!("[{}]", shown(v))
    } else {
        format!("[{} … {}] ({} entries)", shown(&v[..3]), shown(&v[v.len() - 1..]), v.len())
    }
}
