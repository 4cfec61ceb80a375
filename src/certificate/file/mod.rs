//! Certificates as files: JSON, one entry for each row of a run, each a whole statement with its proof.
//!
//! An entry says what was minimised (the model by its hash, the context row, the set), the hash of the program that is left
//! when all that is folded, and the proof: the [exact](super::exact) tier's rational point and multipliers, or a point and
//! slopes in f64 with bounds on both sides. [`check`] recomputes everything from the folded function and its set; whoever has
//! the model makes those anew ([`Folded::new`]) and compares the hash. docs/certificates.md has the format.

mod check;
mod hex;
mod problem;
mod schema;
mod write;

pub use check::{Proven, check};
pub use hex::Hex;
pub use problem::{Folded, Origin, domain, level_text, model, sha256};
pub use schema::{Exact, File, Multipliers, Point, Proof, Rigorous, Row, Slope, Slopes, Support};
pub use write::{exact, rigorous};

use std::path::Path;

use crate::error::Error;
use crate::load::bytes;
use crate::load::error::LoadError;

/// What a file of the format calls itself.
pub const FORMAT: &str = "icnn-certificate";
/// The version that is written and read.
pub const VERSION: u64 = 1;
/// Larger files are refused.
const LARGEST: u64 = 1 << 32;

/// The text of a certificate, one row a line.
///
/// # Errors
/// A number that is NaN.
pub fn text(rows: &[Row]) -> Result<String, Error> {
    let mut out = format!("{{\"format\": \"{FORMAT}\", \"version\": {VERSION}, \"rows\": [");
    for (k, row) in rows.iter().enumerate() {
        let row = serde_json::to_string(row)
            .map_err(|e| LoadError::Part { part: format!("row {k}"), reason: e.to_string() })?;
        out.push_str(if k == 0 { "\n" } else { ",\n" });
        out.push_str(&row);
    }
    out.push_str("\n]}\n");
    Ok(out)
}

/// Reads the certificate in the file at `path`.
///
/// # Errors
/// A file that cannot be read, and everything [`parse`] refuses.
pub fn read(path: &Path) -> Result<File, Error> {
    parse(&bytes::whole(path, LARGEST)?)
}

/// Reads a certificate from JSON text. That it is well formed says nothing about its proofs.
///
/// # Errors
/// Text that is not JSON, of another format or version, with a field that is missing or unknown, without rows.
pub fn parse(text: &[u8]) -> Result<File, Error> {
    let malformed = |reason: String| Error::from(LoadError::Part { part: "certificate".into(), reason });
    let header: schema::Header = serde_json::from_slice(text).map_err(|e| malformed(e.to_string()))?;
    match (header.format.as_deref(), header.version) {
        (Some(FORMAT), Some(VERSION)) => {}
        (Some(FORMAT), Some(version)) => {
            return Err(malformed(format!("version {version} of the format; version {VERSION} is known")));
        }
        (Some(FORMAT), None) => return Err(malformed("no version of the format".into())),
        (Some(other), _) => return Err(malformed(format!("its format is \"{other}\", not \"{FORMAT}\""))),
        (None, _) => return Err(malformed(format!("it does not begin with \"format\": \"{FORMAT}\""))),
    }
    let file: File = serde_json::from_slice(text).map_err(|e| malformed(e.to_string()))?;
    if file.rows.is_empty() {
        return Err(malformed("there are no rows in it".into()));
    }
    Ok(file)
}
