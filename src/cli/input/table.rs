//! [`Table`]: the numbers of a file, whatever its format.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{csv, json, npy, parquet};

/// Larger files are refused.
const LARGEST: u64 = 2 << 30;

/// What a file of numbers may be called, for messages.
pub const FILES: &str = ".json, .npy, .csv or .parquet file";

/// The formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A list of rows.
    Json,
    /// An array of numpy.
    Npy,
    /// Lines of numbers between commas.
    Csv,
    /// Columns, as pandas, pyarrow and polars write them.
    Parquet,
}

impl Format {
    /// The format of a file, by its extension.
    pub fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "npy" => Some(Format::Npy),
            "csv" => Some(Format::Csv),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }

    fn read(self, bytes: Vec<u8>, blank: Option<f64>) -> Result<Table, String> {
        match self {
            Format::Json => json::read(&bytes, blank),
            Format::Npy => npy::read(&bytes, blank),
            Format::Csv => csv::read(&bytes, blank),
            Format::Parquet => parquet::read(bytes, blank),
        }
    }
}

/// The numbers of a file, row after row, with the axis that rows may lie along.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// All numbers.
    pub values: Vec<f64>,
    /// How they lie.
    pub layout: Layout,
    /// What the columns are called.
    pub names: Names,
}

/// How the numbers of a table lie.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// One number without an axis.
    Scalar,
    /// A list of numbers.
    Flat,
    /// The width of each row.
    Rows(Vec<usize>),
}

/// Names of columns, from the left; none where the format has none. A column of lists has one name for all its entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names(pub Vec<(String, Option<usize>)>);

impl Names {
    /// The name of the `column`-th number of a row.
    pub fn get(&self, column: usize) -> Option<String> {
        let mut left = column;
        for (name, entries) in &self.0 {
            match *entries {
                None if left == 0 => return Some(name.clone()),
                None => left -= 1,
                Some(n) if left < n => return Some(format!("{name}[{left}]")),
                Some(n) => left -= n,
            }
        }
        None
    }

    /// All of them, one for each number of a row.
    pub fn each(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(name, entries)| {
            (0..entries.unwrap_or(1)).map(move |k| entries.map_or(name.clone(), |_| format!("{name}[{k}]")))
        })
    }

    /// The name in quotes and brackets, for messages; nothing where there is none.
    pub fn hint(&self, column: usize) -> String {
        self.get(column).map_or(String::new(), |name| format!(" (\"{name}\")"))
    }

    /// How many numbers a row has by these names.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, entries)| entries.unwrap_or(1)).sum()
    }
}

impl Table {
    /// A table whose columns have no names.
    pub fn unnamed(values: Vec<f64>, layout: Layout) -> Table {
        Table { values, layout, names: Names::default() }
    }

    /// Reads a file. `blank` replaces an empty cell or a null; without it they are errors.
    ///
    /// Errors say which row and column, not which file.
    pub fn read(path: &Path, blank: Option<f64>) -> Result<Table, String> {
        let format = Format::of(path).ok_or_else(|| format!("neither a number nor a {FILES}"))?;
        let too_large = |size: u64| format!("{size} bytes, more than the {LARGEST} that are read");
        let file = File::open(path).map_err(|e| e.to_string())?;
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        if size > LARGEST {
            return Err(too_large(size));
        }
        let mut bytes = vec![];
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > LARGEST {
            return Err(too_large(bytes.len() as u64));
        }
        format.read(bytes, blank)
    }

    /// The numbers as rows of `width`, one after the other.
    pub fn rows_of(self, width: usize) -> Result<Vec<f64>, String> {
        let total = self.values.len();
        match &self.layout {
            Layout::Scalar => Ok(vec![self.values[0]; width]),
            _ if total == 0 => Err("it holds no numbers".into()),
            Layout::Flat if total == width || width == 1 => Ok(self.values),
            Layout::Flat => Err(format!("row 0 has {total} numbers, the network takes {width}")),
            Layout::Rows(widths) => {
                let even = widths.windows(2).all(|w| w[0] == w[1]);
                match widths.iter().position(|w| *w != width) {
                    Some(row) if total != width || !even => {
                        Err(format!("row {row} has {} numbers, the network takes {width}", widths[row]))
                    }
                    _ => Ok(self.values),
                }
            }
        }
    }
}
