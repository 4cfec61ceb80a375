//! [`RowStream`]: context rows one after the other, never more than one of them in memory: lines of CSV or JSON from a file or from
//! standard input (`-`), or an NPY array along its first axis.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::npy::{self, Decode};
use super::{Rows, Source};
use crate::cli::Stop;

/// Longest line: so many bytes, and more for each number.
const LONGEST: usize = 1 << 16;
const OF_NUMBER: usize = 64;

/// Rows of `width` finite numbers.
pub struct RowStream {
    width: usize,
    name: String,
    from: From,
    /// Rows so far, and lines.
    row: usize,
    line: usize,
}

enum From {
    Lines(Box<dyn BufRead + Send>),
    Array {
        reader: Box<dyn BufRead + Send>,
        decode: Decode,
        size: usize,
        left: usize,
    },
    /// A format that is read as a whole.
    Table(Rows),
}

impl RowStream {
    /// Errors: a file that cannot be read or does not fit.
    pub fn open(source: &Source, width: usize) -> Result<RowStream, Stop> {
        let name = format!("--context {source}");
        let from = match source {
            Source::Number(_) => From::Table(Rows::read(source, width, "--context")?),
            Source::File(path) if path.as_os_str() == "-" => From::Lines(Box::new(BufReader::new(std::io::stdin()))),
            Source::File(path) => {
                let open = || File::open(path).map(|f| Box::new(BufReader::with_capacity(1 << 16, f)));
                let failed = |e: std::io::Error| Stop::input(format!("{name}: {e}"));
                match extension(path).as_deref() {
                    Some("csv" | "jsonl") => From::Lines(open().map_err(failed)?),
                    Some("npy") => {
                        let mut reader = open().map_err(failed)?;
                        let array = npy::open(&mut reader).and_then(|a| Ok((a.rows_of(width)?, a)));
                        let (left, array) = array.map_err(|e| Stop::input(format!("{name}: {e}")))?;
                        From::Array { reader, decode: array.decode, size: array.size, left }
                    }
                    _ => From::Table(Rows::read(source, width, "--context")?),
                }
            }
        };
        Ok(RowStream { width, name, from, row: 0, line: 0 })
    }

    /// Whether rows may come one by one, each to be answered at once.
    pub fn is_live(&self) -> bool {
        matches!(self.from, From::Lines(_)) && self.name.ends_with(" -")
    }

    /// The next row; `None` after the last one.
    ///
    /// Errors: with the line or the row, and the numbers.
    pub fn next(&mut self) -> Result<Option<Vec<f64>>, Stop> {
        let read = match &mut self.from {
            From::Table(rows) => Ok((self.row < rows.len()).then(|| rows.row(self.row).to_vec())),
            From::Array { left: 0, .. } => Ok(None),
            From::Array { reader, decode, size, left } => {
                *left -= 1;
                let mut bytes = vec![0; self.width * *size];
                let read = reader.read_exact(&mut bytes).map_err(|_| "the file ends within this row".to_string());
                read.map(|()| Some(bytes.chunks_exact(*size).map(*decode).collect::<Vec<f64>>()))
            }
            From::Lines(reader) => line(reader, self.width, self.row == 0, &mut self.line),
        };
        let finite = |values: Vec<f64>| match values.iter().position(|v| !v.is_finite()) {
            Some(j) => Err(format!("column {j} is {}", values[j])),
            None => Ok(values),
        };
        let row = read.and_then(|row| row.map(finite).transpose());
        let at = match self.from {
            From::Lines(_) => format!("line {}", self.line),
            _ => format!("row {}", self.row),
        };
        let row = row.map_err(|e| Stop::input(format!("{}: {at}: {e}", self.name)))?;
        self.row += usize::from(row.is_some());
        Ok(row)
    }
}

/// The extension of a file, in small letters.
fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// Whether a file can only be read row by row.
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-" || extension(path).as_deref() == Some("jsonl")
}

/// The numbers of the next line that is not empty. A first one that begins with a word is a header.
fn line(
    reader: &mut impl BufRead,
    width: usize,
    header_allowed: bool,
    number: &mut usize,
) -> Result<Option<Vec<f64>>, String> {
    let most = width.saturating_mul(OF_NUMBER).saturating_add(LONGEST);
    let (mut bytes, mut header_allowed) = (vec![], header_allowed);
    loop {
        bytes.clear();
        let read = reader.take(most as u64).read_until(b'\n', &mut bytes).map_err(|e| e.to_string())?;
        if read == 0 {
            return Ok(None);
        }
        *number += 1;
        if read == most && bytes.last() != Some(&b'\n') {
            return Err(format!("longer than {most} bytes"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "not text".to_string())?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let values = if text.starts_with('[') {
            serde_json::from_str::<Vec<f64>>(text).map_err(|e| e.to_string())?
        } else {
            let cells: Vec<&str> = text.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
            if std::mem::take(&mut header_allowed) && cells[0].parse::<f64>().is_err() {
                continue;
            }
            let number = |(k, cell): (usize, &&str)| {
                cell.parse::<f64>().map_err(|_| format!("column {}: \"{cell}\" is not a number", k + 1))
            };
            cells.iter().enumerate().map(number).collect::<Result<_, _>>()?
        };
        if values.len() != width {
            return Err(format!("{} numbers, the network takes {width}", values.len()));
        }
        return Ok(Some(values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, width: usize) -> Result<Vec<Vec<f64>>, String> {
        let (mut reader, mut number, mut out) = (text.as_bytes(), 0, vec![]);
        while let Some(row) = line(&mut reader, width, out.is_empty(), &mut number)? {
            out.push(row);
        }
        Ok(out)
    }

    #[test]
    fn lines_of_csv_and_json_are_rows() {
        let two = Ok(vec![vec![1.0, -2.5], vec![3.0, 4e-1]]);
        assert_eq!(rows("1,-2.5\n3,4e-1\n", 2), two);
        assert_eq!(rows("\u{feff}a, b\r\n\r\n1, -2.5\r\n\"3\",0.4", 2), two);
        assert_eq!(rows("[1, -2.5]\n\n [3, 0.4]", 2), two);
        assert_eq!(rows("", 2), Ok(vec![]));
        assert_eq!(rows("1,2\n3", 2), Err("1 numbers, the network takes 2".into()));
        assert_eq!(rows("1,2\na,b", 2), Err("column 1: \"a\" is not a number".into()));
        assert!(rows("[1,2", 2).is_err());
        let long = "1".repeat(LONGEST + 2 * OF_NUMBER + 1);
        assert!(rows(&long, 2).is_err_and(|e| e.contains("longer than")));
    }
}
