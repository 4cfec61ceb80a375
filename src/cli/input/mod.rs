//! Numbers from the command line: a number, or a .json, .npy, .csv or .parquet file.
//!
//! A file holds rows of numbers. For a network that takes q numbers a row:
//!
//! - exactly q numbers in all are one row, whatever their shape;
//! - otherwise rows lie along the first axis, and everything behind it, flattened, must be q numbers;
//! - a single number (a JSON number, a 0-dimensional array) stands for every coordinate.

mod csv;
mod json;
mod npy;
mod parquet;
pub mod stream;
pub mod table;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use icnn::{Domain, Network};

use super::Stop;
use super::model::context_inputs;
use table::{FILES, Format, Names, Table};

/// A value of `--at`, `--context`, `--lower` or `--upper`.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The same number for every coordinate.
    Number(f64),
    /// A file of numbers.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Number(v) => write!(f, "{v}"),
            Source::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        match text.trim().parse::<f64>() {
            Ok(v) if v.is_nan() => Err("NaN is not a number to use here".into()),
            Ok(v) => Ok(Source::Number(v)),
            Err(_) if Format::of(Path::new(text)).is_some() || stream::is_stream(Path::new(text)) => {
                Ok(Source::File(text.into()))
            }
            Err(_) => Err(format!("neither a number nor a {FILES}")),
        }
    }
}

/// n rows of q finite numbers each.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    width: usize,
    count: usize,
    values: Vec<f64>,
}

impl Rows {
    /// The one empty row of a network without context.
    pub fn nothing() -> Rows {
        Rows { width: 0, count: 1, values: vec![] }
    }

    /// One row.
    pub fn one(values: Vec<f64>) -> Rows {
        Rows { width: values.len(), count: 1, values }
    }

    /// Rows of `width` numbers from an option's value. `what` names the option in messages.
    ///
    /// Errors: an unreadable file, a row of another width, an entry that is not finite; with the row and the numbers.
    pub fn read(source: &Source, width: usize, what: &str) -> Result<Rows, Stop> {
        Rows::checked(source, width, what, None, f64::is_finite)
    }

    /// The same from a file, with NaN for a null, a NaN or an empty cell.
    pub fn read_with_gaps(source: &Source, width: usize, what: &str) -> Result<Rows, Stop> {
        if let Source::Number(v) = source {
            return Err(Stop::input(format!("{what} {v}: a file is expected, with null for what is left free")));
        }
        Rows::checked(source, width, what, Some(f64::NAN), |v| !v.is_infinite())
    }

    fn checked(
        source: &Source,
        width: usize,
        what: &str,
        blank: Option<f64>,
        allowed: fn(f64) -> bool,
    ) -> Result<Rows, Stop> {
        let (values, name, columns) = match source {
            Source::Number(v) => (vec![*v; width], format!("{what} {v}"), Names::default()),
            Source::File(path) => {
                let name = format!("{what} {}", path.display());
                if stream::is_stream(path) {
                    return Err(Stop::input(format!(
                        "{name}: it is read row by row, as the --context of solve --stream"
                    )));
                }
                let read = Table::read(path, blank).and_then(|t| Ok((t.names.clone(), t.rows_of(width)?)));
                let (columns, values) = read.map_err(|e| Stop::input(format!("{name}: {e}")))?;
                (values, name, columns)
            }
        };
        if let Some(k) = values.iter().position(|v| !allowed(*v)) {
            let (row, column) = (k / width, k % width);
            // Of a table that is one row whatever its shape, the names say nothing about a place in it.
            let hint = if columns.width() == width { columns.hint(column) } else { String::new() };
            return Err(Stop::input(format!("{name}: row {row}, column {column}{hint} is {}", values[k])));
        }
        Ok(Rows { width, count: values.len() / width.max(1), values })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.width..][..self.width]
    }
}

/// The context rows of a command: one empty row for a network of y alone.
pub fn context(source: Option<&Source>, network: &Network) -> Result<Rows, Stop> {
    match (source, network.context_len()) {
        (None, 0) => Ok(Rows::nothing()),
        (Some(_), 0) => Err(Stop::input("--context: the network takes no context, y is its only input")),
        (None, q) => Err(Stop::input(format!(
            "the network takes a context of {q} numbers a row ({}); give them with --context",
            context_inputs(network)
        ))),
        (Some(source), q) => Rows::read(source, q, "--context"),
    }
}

/// The box, as every command that has one takes it.
#[derive(Debug, Clone, clap::Args)]
pub struct Sides {
    /// Lower ends of the box: a number, or a file with p of them; null or an empty cell is -inf [default: -inf].
    #[arg(long, value_name = "L", allow_hyphen_values = true)]
    lower: Option<Source>,
    /// Upper ends of the box: a number, or a file with p of them; null or an empty cell is inf [default: inf].
    #[arg(long, value_name = "U", allow_hyphen_values = true)]
    upper: Option<Source>,
}

impl Sides {
    /// The box of `--lower` and `--upper`; all of R^p where neither is given.
    pub fn domain(&self, p: usize) -> Result<Domain, Stop> {
        let lower = bound(self.lower.as_ref(), p, f64::NEG_INFINITY, "--lower")?;
        let upper = bound(self.upper.as_ref(), p, f64::INFINITY, "--upper")?;
        Ok(Domain::new_box(lower, upper)?)
    }

    /// Whether a side was given.
    pub fn any(&self) -> bool {
        self.lower.is_some() || self.upper.is_some()
    }

    /// Whether a side was left out.
    pub fn open(&self) -> bool {
        self.lower.is_none() || self.upper.is_none()
    }
}

fn bound(source: Option<&Source>, p: usize, none: f64, what: &str) -> Result<Vec<f64>, Stop> {
    match source {
        None => Ok(vec![none; p]),
        Some(Source::Number(v)) => Ok(vec![*v; p]),
        Some(Source::File(path)) => {
            let name = format!("{what} {}", path.display());
            if stream::is_stream(path) {
                return Err(Stop::input(format!("{name}: neither a number nor a {FILES}")));
            }
            let values = Table::read(path, Some(none)).and_then(|t| t.rows_of(p));
            let values = values.map_err(|e| Stop::input(format!("{name}: {e}")))?;
            if values.len() != p {
                let rows = values.len() / p.max(1);
                return Err(Stop::input(format!("{name}: {rows} rows; bounds are one row of {p} numbers")));
            }
            match values.iter().position(|v| v.is_nan()) {
                Some(j) => Err(Stop::input(format!("{name}: coordinate {j} is NaN"))),
                None => Ok(values),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::table::Layout;
    use super::*;

    fn table(values: &[f64], layout: Layout) -> Table {
        Table::unnamed(values.to_vec(), layout)
    }

    #[test]
    fn rows_lie_along_the_first_axis_unless_there_is_only_one() {
        let four = [1.0, 2.0, 3.0, 4.0];
        let two_rows = || table(&four, Layout::Rows(vec![2, 2]));
        assert_eq!(two_rows().rows_of(2), Ok(four.to_vec()));
        assert_eq!(two_rows().rows_of(4), Ok(four.to_vec()));
        assert_eq!(two_rows().rows_of(3), Err("row 0 has 2 numbers, the network takes 3".into()));
        assert_eq!(table(&four, Layout::Flat).rows_of(4), Ok(four.to_vec()));
        assert_eq!(table(&four, Layout::Flat).rows_of(1), Ok(four.to_vec()));
        assert_eq!(table(&four, Layout::Flat).rows_of(2), Err("row 0 has 4 numbers, the network takes 2".into()));
        assert_eq!(
            table(&four, Layout::Rows(vec![1, 3])).rows_of(4),
            Err("row 0 has 1 numbers, the network takes 4".into())
        );
        assert_eq!(
            table(&[1.0, 2.0, 3.0], Layout::Rows(vec![2, 1])).rows_of(2),
            Err("row 1 has 1 numbers, the network takes 2".into())
        );
        assert_eq!(table(&[], Layout::Flat).rows_of(2), Err("it holds no numbers".into()));
        assert_eq!(table(&[7.0], Layout::Scalar).rows_of(2), Ok(vec![7.0, 7.0]));
    }

    #[test]
    fn a_source_is_a_number_or_a_file_with_a_known_extension() {
        assert_eq!("-1e3".parse(), Ok(Source::Number(-1000.0)));
        assert_eq!("-inf".parse(), Ok(Source::Number(f64::NEG_INFINITY)));
        assert_eq!("a/B.NPY".parse(), Ok(Source::File("a/B.NPY".into())));
        assert!("nan".parse::<Source>().is_err());
        assert!("--upper".parse::<Source>().is_err());
        assert!("model.onnx".parse::<Source>().is_err());
    }
}
