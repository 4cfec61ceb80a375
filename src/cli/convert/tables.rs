//! Tables of numbers from one format to another, with the layout they have: a list stays a list, rows stay rows.
//!
//! csv and parquet have rows only, so a list becomes one column there. json and npy have no names of columns; c0, c1, … are
//! made up for parquet. Not kept: the payload of a NaN in csv, and what lies behind the second axis of an array, which is
//! flattened into columns.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::input::table::{FILES, Format, Layout, Names, Table};
use crate::cli::write::parquet::{Cell, Kind, Rows};
use crate::cli::write::{Pending, failed, npy};
use crate::cli::{Stop, code};

/// Reads the table `from` and writes it as `to`.
///
/// Errors: unknown extensions; a null or an empty cell, rows of unlike length, no numbers at all, all with file, row and
/// column; a NaN on the way to json, which cannot hold one.
pub fn convert(from: &Path, to: &Path) -> Result<u8, Stop> {
    let of = |path: &Path| Format::of(path).ok_or_else(|| Stop::input(format!("{}: not a {FILES}", path.display())));
    let (_, format) = (of(from)?, of(to)?);
    let reject = |e: String| Stop::input(format!("{}: {e}", from.display()));
    let table = Table::read(from, None).map_err(reject)?;
    let (rows, width) = extents(&table, format).map_err(reject)?;
    let mut out = Pending::create(to)?;
    let done = match format {
        Format::Json => json(&mut out, &table, width),
        Format::Npy => array(&mut out, &table, rows, width),
        Format::Csv => lines(&mut out, &table, width),
        Format::Parquet => {
            out = columns(out, &table, width).map_err(|e| failed(to, &e.to_string()))?;
            Ok(())
        }
    };
    done.map_err(|e| failed(to, &e.to_string()))?;
    out.finish()?;
    Ok(code::SUCCESS)
}

/// Rows and columns, if the table is one that the format can hold.
fn extents(table: &Table, format: Format) -> Result<(usize, usize), String> {
    let total = table.values.len();
    let (rows, width) = match &table.layout {
        _ if total == 0 => return Err("it holds no numbers".into()),
        Layout::Scalar if matches!(format, Format::Csv | Format::Parquet) => {
            return Err("a single number without an axis; csv and parquet hold rows".into());
        }
        Layout::Scalar | Layout::Flat => (total, 1),
        Layout::Rows(widths) => match widths.iter().position(|w| *w != widths[0]) {
            Some(row) => return Err(format!("row {row} has {} numbers, row 0 has {}", widths[row], widths[0])),
            None => (widths.len(), widths[0]),
        },
    };
    let named = table.names.width();
    if named != 0 && named != width {
        return Err(format!("its header names {named} columns, row 0 has {width}"));
    }
    if format == Format::Json
        && let Some(k) = table.values.iter().position(|v| v.is_nan())
    {
        let (row, column) = (k / width, k % width);
        return Err(format!("row {row}, column {column}{} is NaN, which json cannot hold", table.names.hint(column)));
    }
    Ok((rows, width))
}

/// A number that reads back as the same one.
fn shortest(v: f64) -> String {
    format!("{v:?}")
}

fn json(out: &mut impl Write, table: &Table, width: usize) -> io::Result<()> {
    let number = |v: &f64| if v.is_finite() { shortest(*v) } else { format!("\"{v}\"") };
    let list = |row: &[f64]| format!("[{}]", row.iter().map(number).collect::<Vec<_>>().join(", "));
    match table.layout {
        Layout::Scalar => writeln!(out, "{}", number(&table.values[0])),
        Layout::Flat => writeln!(out, "{}", list(&table.values)),
        Layout::Rows(_) => {
            for (k, row) in table.values.chunks(width).enumerate() {
                write!(out, "{}{}", if k == 0 { "[" } else { ",\n" }, list(row))?;
            }
            writeln!(out, "]")
        }
    }
}

fn array(out: &mut impl Write, table: &Table, rows: usize, width: usize) -> io::Result<()> {
    let shape = match table.layout {
        Layout::Scalar => vec![],
        Layout::Flat => vec![rows],
        Layout::Rows(_) => vec![rows, width],
    };
    npy::header(out, &shape)?;
    npy::numbers(out, table.values.iter().copied())
}

fn lines(out: &mut impl Write, table: &Table, width: usize) -> io::Result<()> {
    let mut header = csv::Writer::from_writer(&mut *out);
    if reads_as_header(&table.names) {
        header.write_record(table.names.each())?;
    }
    header.flush()?;
    drop(header);
    let mut line = String::new();
    for row in table.values.chunks(width) {
        line.clear();
        for (k, v) in row.iter().enumerate() {
            let comma = if k == 0 { "" } else { "," };
            // A string takes everything.
            let _ = write!(line, "{comma}{v:?}");
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Whether a line of these names would be taken for a header: not if the first of them is a number, as in a table whose
/// columns are merely counted.
fn reads_as_header(names: &Names) -> bool {
    let mut names = names.0.iter().map(|(name, entries)| (name.trim(), entries));
    names
        .find(|(name, entries)| !name.is_empty() || entries.is_some())
        .is_some_and(|(name, entries)| entries.is_some() || name.parse::<f64>().is_err())
}

fn columns(out: Pending, table: &Table, width: usize) -> parquet::errors::Result<Pending> {
    let made_up = (table.names.width() == 0).then(|| (0..width).map(|k| format!("c{k}")));
    let names = table.names.each().chain(made_up.into_iter().flatten());
    let mut file = Rows::new(out, names.map(|name| (name, Kind::Number)))?;
    for row in table.values.chunks(width) {
        file.push(row.iter().map(|v| Cell::Number(*v)))?;
    }
    file.finish()
}
