//! [`Cells`]: one column of a Parquet file, from values and levels to rows of numbers.

use parquet::basic::Repetition;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::DataType;
use parquet::schema::types::ColumnDescriptor;

use super::unreadable;

/// Rows decoded at once.
const BATCH: usize = 4096;

/// The numbers of a column as they come.
pub struct Cells<'a> {
    name: &'a str,
    blank: Option<f64>,
    /// Whether the column is one of lists.
    pub lists: bool,
    /// Definition levels: of an entry that is there, and of a null in its place, if there can be one.
    full: i16,
    null: Option<i16>,
    /// Entries of every row so far.
    pub width: Option<usize>,
    /// Rows that are complete.
    pub rows: usize,
    /// Entries of the row that is being read.
    entries: usize,
    /// The entries, row after row.
    pub values: Vec<f64>,
}

impl<'a> Cells<'a> {
    /// Nothing yet of a column. A null stands for `blank` where that is given.
    pub fn new(leaf: &ColumnDescriptor, name: &'a str, blank: Option<f64>) -> Cells<'a> {
        let optional = leaf.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
        let full = leaf.max_def_level();
        let null = optional.then_some(full - 1);
        let lists = leaf.max_rep_level() > 0;
        Cells { name, blank, lists, full, null, width: None, rows: 0, entries: 0, values: vec![] }
    }

    /// Adds a column chunk.
    ///
    /// Errors: pages that cannot be decoded, a null, a list of another length; with row and column.
    pub fn chunk<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        number: impl Fn(&T::T) -> f64,
    ) -> Result<(), String> {
        let (mut definition, mut repetition, mut found) = (vec![], vec![], vec![]);
        let mut open = false;
        loop {
            definition.clear();
            repetition.clear();
            found.clear();
            let read = reader.read_records(BATCH, Some(&mut definition), Some(&mut repetition), &mut found);
            let (_, _, levels) = read.map_err(|e| format!("column \"{}\": {}", self.name, unreadable(e)))?;
            if levels == 0 {
                break;
            }
            let mut found = found.iter();
            for k in 0..levels {
                if repetition.get(k).is_none_or(|r| *r == 0) && std::mem::replace(&mut open, true) {
                    self.end_row()?;
                }
                let level = definition.get(k).copied().unwrap_or(self.full);
                if level == self.full {
                    let value = found
                        .next()
                        .ok_or_else(|| format!("column \"{}\" has fewer values than entries", self.name))?;
                    self.push(number(value));
                } else if !self.lists || Some(level) == self.null {
                    self.push(self.blank.ok_or_else(|| format!("{} is null", self.place()))?);
                }
            }
        }
        if open { self.end_row() } else { Ok(()) }
    }

    fn push(&mut self, value: f64) {
        self.values.push(value);
        self.entries += 1;
    }

    fn place(&self) -> String {
        match self.lists {
            true => format!("row {}, column \"{}\", entry {}", self.rows, self.name, self.entries),
            false => format!("row {}, column \"{}\"", self.rows, self.name),
        }
    }

    fn end_row(&mut self) -> Result<(), String> {
        let (row, name, entries) = (self.rows, self.name, self.entries);
        if entries == 0 {
            return Err(format!("row {row}, column \"{name}\" is an empty list or null"));
        }
        let width = *self.width.get_or_insert(entries);
        if entries != width {
            return Err(format!("row {row}, column \"{name}\" has {entries} entries, row 0 has {width}"));
        }
        self.rows += 1;
        self.entries = 0;
        Ok(())
    }
}
