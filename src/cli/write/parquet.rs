//! Parquet, written row by row: a row group is held in memory, compressed by snappy and written when it is full.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// Cells of a row group, at most: 40 MB of numbers, so that a wide table has no more groups than it must.
const CELLS: usize = 4_000_000;
/// Rows of a row group, at most.
const ROWS: usize = 65_536;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Whole numbers.
    Whole,
    /// f64.
    Number,
    /// f64 or nothing.
    Maybe,
    /// Text or nothing.
    Text,
}

/// One entry of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// For [`Kind::Whole`].
    Whole(usize),
    /// For [`Kind::Number`] and [`Kind::Maybe`].
    Number(f64),
    /// For [`Kind::Text`].
    Text(&'a str),
    /// For [`Kind::Maybe`] and [`Kind::Text`].
    Nothing,
}

/// A file under construction.
pub struct Rows<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    most: usize,
}

/// A column in the row group that is being filled. Levels are 1 where there is an entry, 0 where there is none.
struct Column {
    entries: Entries,
    levels: Vec<i16>,
}

enum Entries {
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl<W: Write + Send> Rows<W> {
    /// A file with the given columns.
    pub fn new(out: W, columns: impl IntoIterator<Item = (String, Kind)>) -> Result<Rows<W>> {
        let (mut fields, mut buffers) = (vec![], vec![]);
        for (name, kind) in columns {
            let (field, entries) = field(&name, kind)?;
            fields.push(Arc::new(field));
            buffers.push(Column { entries, levels: vec![] });
        }
        let columns = buffers;
        let most = (CELLS / columns.len().max(1)).clamp(1, ROWS);
        let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_created_by("icnn".into())
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        Ok(Rows { writer, columns, rows: 0, most })
    }

    /// Adds a row with one cell a column.
    pub fn push<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.levels.push(i16::from(!matches!(cell, Cell::Nothing)));
            match (&mut column.entries, cell) {
                (Entries::Whole(entries), Cell::Whole(n)) => entries.push(n as i64),
                (Entries::Number(entries), Cell::Number(v)) => entries.push(v),
                (Entries::Text(entries), Cell::Text(text)) => entries.push(text.into()),
                (_, Cell::Nothing) => {}
                _ => return Err(ParquetError::General(format!("a cell of another kind in row {}", self.rows))),
            }
        }
        self.rows += 1;
        if self.rows == self.most { self.flush() } else { Ok(()) }
    }

    /// Writes what is left and the footer.
    pub fn finish(mut self) -> Result<W> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.writer.into_inner()
    }

    fn flush(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut out) = group.next_column()? else { break };
            // Columns that have an entry in every row pass over the levels.
            let levels = Some(column.levels.as_slice());
            match &mut column.entries {
                Entries::Whole(entries) => {
                    out.typed::<Int64Type>().write_batch(entries, levels, None)?;
                    entries.clear();
                }
                Entries::Number(entries) => {
                    out.typed::<DoubleType>().write_batch(entries, levels, None)?;
                    entries.clear();
                }
                Entries::Text(entries) => {
                    out.typed::<ByteArrayType>().write_batch(entries, levels, None)?;
                    entries.clear();
                }
            }
            column.levels.clear();
            out.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// A column of the schema, and where its entries wait.
fn field(name: &str, kind: Kind) -> Result<(Type, Entries)> {
    let (physical, repetition, entries) = match kind {
        Kind::Whole => (Physical::INT64, Repetition::REQUIRED, Entries::Whole(vec![])),
        Kind::Number => (Physical::DOUBLE, Repetition::REQUIRED, Entries::Number(vec![])),
        Kind::Maybe => (Physical::DOUBLE, Repetition::OPTIONAL, Entries::Number(vec![])),
        Kind::Text => (Physical::BYTE_ARRAY, Repetition::OPTIONAL, Entries::Text(vec![])),
    };
    let mut field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    if matches!(kind, Kind::Text) {
        field = field.with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8);
    }
    Ok((field.build()?, entries))
}
