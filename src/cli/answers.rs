//! `--answers FILE`: what `icnn solve` finds, as a table with one row for each context row.
//!
//! Rows are written as they come; the file gets its name when the last one is in it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Stop;
use super::input::table::{FILES, Format};
use super::write::parquet::{Cell, Kind, Rows};
use super::write::{Pending, failed, npy};

/// A header of this length has room for any number of rows.
const NPY_HEADER: usize = 128;

/// A value of `--answers`: a file whose extension is known.
pub fn target(text: &str) -> Result<PathBuf, String> {
    Format::of(Path::new(text)).map(|_| text.into()).ok_or_else(|| format!("not a {FILES}"))
}

/// What is known at one context row; nothing for what is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// Which row, from 0.
    pub row: usize,
    /// A status of the solver, or "error".
    pub status: &'a str,
    /// f at y.
    pub value: Option<f64>,
    /// The lower bound; the upper one of a maximum.
    pub bound: Option<f64>,
    /// How far value and bound are apart.
    pub gap: Option<f64>,
    /// The point, p numbers.
    pub y: Option<&'a [f64]>,
    /// What to know about it, or why there is no answer.
    pub message: Option<&'a str>,
}

/// The file under construction.
pub struct Answers {
    sink: Sink,
    target: PathBuf,
    decisions: usize,
}

enum Sink {
    Json {
        file: Pending,
        rows: usize,
    },
    Csv(Box<csv::Writer<Pending>>),
    /// With the rows so far; the header says how many there are at the end.
    Npy {
        file: Pending,
        rows: usize,
    },
    Parquet(Box<Rows<Pending>>),
}

impl Answers {
    /// Starts the table in `file`, of answers of `decisions` numbers. Maximising, the bound is an upper one.
    pub fn begin(mut file: Pending, decisions: usize, maximize: bool) -> Result<Answers, Stop> {
        let target = file.target().to_path_buf();
        let error = |e: &dyn std::fmt::Display| failed(&target, &e.to_string());
        let bound = if maximize { "upper_bound" } else { "lower_bound" };
        let names = |before: [&str; 5]| {
            let y = (0..decisions).map(|j| format!("y{j}"));
            before.map(String::from).into_iter().chain(y).chain(["message".to_string()])
        };
        let names = names(["row", "status", "value", bound, "gap"]);
        let sink = match Format::of(&target) {
            Some(Format::Csv) => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(names).map_err(|e| error(&e))?;
                Sink::Csv(Box::new(writer))
            }
            Some(Format::Npy) => {
                npy::padded(&mut file, &[0, decisions], NPY_HEADER).map_err(|e| error(&e))?;
                Sink::Npy { file, rows: 0 }
            }
            Some(Format::Parquet) => {
                let kinds = names.map(|name| {
                    let kind = match name.as_str() {
                        "row" => Kind::Whole,
                        "status" | "message" => Kind::Text,
                        _ => Kind::Maybe,
                    };
                    (name, kind)
                });
                Sink::Parquet(Box::new(Rows::new(file, kinds).map_err(|e| error(&e))?))
            }
            _ => Sink::Json { file, rows: 0 },
        };
        Ok(Answers { sink, target, decisions })
    }

    /// Adds the next row. `object` is what `--json` prints for it.
    pub fn put(&mut self, answer: &Answer, object: &impl Serialize) -> Result<(), Stop> {
        let decisions = self.decisions;
        let y = |j: usize| answer.y.and_then(|y| y.get(j).copied());
        let numbers = [answer.value, answer.bound, answer.gap].into_iter().chain((0..decisions).map(y));
        let written = match &mut self.sink {
            Sink::Json { file, rows } => {
                *rows += 1;
                append(file, *rows == 1, object)
            }
            Sink::Csv(writer) => {
                let text = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:?}"));
                let (row, status) = (answer.row.to_string(), answer.status.to_string());
                let message = answer.message.unwrap_or_default().to_string();
                writer
                    .write_record([row, status].into_iter().chain(numbers.map(text)).chain([message]))
                    .map_err(io::Error::from)
            }
            Sink::Npy { file, rows } => {
                *rows += 1;
                npy::numbers(file, (0..decisions).map(|j| y(j).unwrap_or(f64::NAN)))
            }
            Sink::Parquet(rows) => {
                let cells = numbers.map(|v| v.map_or(Cell::Nothing, Cell::Number));
                let message = answer.message.map_or(Cell::Nothing, Cell::Text);
                let cells =
                    [Cell::Whole(answer.row), Cell::Text(answer.status)].into_iter().chain(cells).chain([message]);
                rows.push(cells).map_err(io::Error::other)
            }
        };
        written.map_err(|e| failed(&self.target, &e.to_string()))
    }

    /// Completes the file.
    pub fn finish(self) -> Result<(), Stop> {
        let error = |e: &dyn std::fmt::Display| failed(&self.target, &e.to_string());
        let file = match self.sink {
            Sink::Json { mut file, rows } => {
                file.write_all(if rows == 0 { b"[]\n" } else { b"\n]\n" }).map_err(|e| error(&e))?;
                file
            }
            Sink::Csv(writer) => writer.into_inner().map_err(|e| error(&e))?,
            Sink::Npy { mut file, rows } => {
                let mut header = vec![];
                let shape = [rows, self.decisions];
                npy::padded(&mut header, &shape, NPY_HEADER).map_err(|e| error(&e))?;
                file.overwrite(&header).map_err(|e| error(&e))?;
                file
            }
            Sink::Parquet(rows) => rows.finish().map_err(|e| error(&e))?,
        };
        file.finish()
    }
}

/// Adds an object to a list in JSON.
fn append(file: &mut Pending, first: bool, object: &impl Serialize) -> io::Result<()> {
    file.write_all(if first { b"[\n" } else { b",\n" })?;
    serde_json::to_writer(file, object).map_err(io::Error::from)
}
