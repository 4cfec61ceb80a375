//! Parquet: one number a row from each column of numbers, a fixed number from each column of lists.
//!
//! What the file claims is held against its size first ([`claims`]). The `parquet` crate still panics on some damaged
//! pages, so it runs where a panic is an error; nothing of it is kept.

mod cells;
mod claims;
mod thrift;

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::npy;
use super::table::{Layout, Names, Table};
use cells::Cells;

/// Numbers that any file may hold, however small it packs them; fewer for fuzzing, so that no run takes long.
const SMALL: u64 = if cfg!(fuzzing) { 8_000 } else { 8_000_000 };
/// Numbers for each byte of a larger file: as many as truth values in a byte.
const NUMBERS_PER_BYTE: u64 = 8;

/// Reads a file. A null stands for `blank` where that is given.
pub fn read(bytes: Vec<u8>, blank: Option<f64>) -> Result<Table, String> {
    let bytes = Bytes::from(bytes);
    let hook = panic::take_hook();
    // Files are read before any thread is started: nobody else's panic goes unheard.
    panic::set_hook(Box::new(|_| {}));
    let table = catch_unwind(AssertUnwindSafe(|| columns(&bytes, blank)));
    panic::set_hook(hook);
    let columns =
        table.unwrap_or_else(|_| Err("not a readable Parquet file: its parts contradict each other".into()))?;
    side_by_side(columns)
}

/// The numbers of one column, `width` of them a row.
struct Column {
    name: String,
    list: bool,
    rows: usize,
    width: usize,
    values: Vec<f64>,
}

fn columns(bytes: &Bytes, blank: Option<f64>) -> Result<Vec<Column>, String> {
    let footer = claims::footer(bytes)?;
    let file = ParquetMetaDataReader::decode_metadata(footer).map_err(unreadable)?;
    let leaves = file.file_metadata().schema_descr().columns();
    let mut roots: Vec<usize> =
        (0..leaves.len()).map(|k| file.file_metadata().schema_descr().get_column_root_idx(k)).collect();
    roots.dedup();
    if roots.len() < leaves.len() {
        let name = leaves.windows(2).find(|w| root(&w[0]) == root(&w[1])).map_or("", |w| root(&w[0]));
        return Err(format!("column \"{name}\" holds structures, not numbers; unnest them first"));
    }
    let mut left = SMALL.max(NUMBERS_PER_BYTE.saturating_mul(bytes.len() as u64));
    let numbers = (0..leaves.len()).filter(|k| !is_index(root(&leaves[*k])));
    numbers.map(|k| column(bytes, &file, k, blank, &mut left)).collect()
}

fn root(leaf: &ColumnDescriptor) -> &str {
    leaf.path().parts().first().map_or("", String::as_str)
}

/// Row labels that pandas stores among the columns.
fn is_index(name: &str) -> bool {
    name.strip_prefix("__index_level_").is_some_and(|rest| rest.ends_with("__"))
}

fn unreadable(e: ParquetError) -> String {
    format!("not a readable Parquet file: {e}")
}

/// Column `k` of all row groups. `left` is how many numbers may still come.
fn column(
    bytes: &Bytes,
    file: &ParquetMetaData,
    k: usize,
    blank: Option<f64>,
    left: &mut u64,
) -> Result<Column, String> {
    let leaf = &file.file_metadata().schema_descr().columns()[k];
    let name = root(leaf);
    let holds = |what: &str| format!("column \"{name}\" holds {what}");
    if leaf.path().parts().len() > 1 + 2 * leaf.max_rep_level() as usize {
        return Err(holds("structures, not numbers; unnest them first"));
    }
    let unsigned = number_type(leaf).map_err(|what| holds(&what))?;
    let mut cells = Cells::new(leaf, name, blank);
    for (group, rows) in file.row_groups().iter().enumerate() {
        let chunk = group_chunk(bytes, rows.column(k), left).map_err(|e| format!("column \"{name}\": {e}"))?;
        let rows_here =
            usize::try_from(rows.num_rows()).map_err(|_| format!("row group {group} has {} rows", rows.num_rows()))?;
        let pages = SerializedPageReader::new(Arc::new(chunk), rows.column(k), rows_here, None).map_err(unreadable)?;
        let before = cells.rows;
        match get_column_reader(leaf.clone(), Box::new(pages)) {
            ColumnReader::BoolColumnReader(r) => cells.chunk(r, |v| f64::from(u8::from(*v))),
            ColumnReader::Int32ColumnReader(r) if unsigned => cells.chunk(r, |v| f64::from(*v as u32)),
            ColumnReader::Int32ColumnReader(r) => cells.chunk(r, |v| f64::from(*v)),
            ColumnReader::Int64ColumnReader(r) if unsigned => cells.chunk(r, |v| *v as u64 as f64),
            ColumnReader::Int64ColumnReader(r) => cells.chunk(r, |v| *v as f64),
            ColumnReader::FloatColumnReader(r) => cells.chunk(r, |v| f64::from(*v)),
            ColumnReader::DoubleColumnReader(r) => cells.chunk(r, |v| *v),
            ColumnReader::FixedLenByteArrayColumnReader(r) => cells.chunk(r, |v| match v.data() {
                [low, high] => npy::half(u16::from_le_bytes([*low, *high])),
                _ => f64::NAN,
            }),
            _ => Err(holds("bytes, not numbers")),
        }?;
        let found = cells.rows - before;
        if found != rows_here {
            return Err(format!("row group {group} should have {rows_here} rows, column \"{name}\" has {found}"));
        }
    }
    Ok(Column {
        name: name.into(),
        list: cells.lists,
        rows: cells.rows,
        width: cells.width.unwrap_or(1),
        values: cells.values,
    })
}

/// Whether the numbers of a column are unsigned; or what it holds instead of numbers.
fn number_type(leaf: &ColumnDescriptor) -> Result<bool, String> {
    let logical = leaf.logical_type_ref();
    match (leaf.physical_type(), logical) {
        (Type::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)) if leaf.type_length() == 2 => return Ok(false),
        (_, Some(LogicalType::Integer(int))) => return Ok(!int.is_signed),
        (_, Some(LogicalType::Decimal(_))) => return Err("decimals; cast them to floats first".into()),
        (_, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)) => {
            return Err("text, not numbers".into());
        }
        (_, Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_))) => {
            return Err("times, not numbers".into());
        }
        (Type::INT96, _) => return Err("times, not numbers".into()),
        (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, None) if leaf.converted_type() == ConvertedType::UTF8 => {
            return Err("text, not numbers".into());
        }
        _ => {}
    }
    use ConvertedType as C;
    match leaf.converted_type() {
        C::DECIMAL => Err("decimals; cast them to floats first".into()),
        C::DATE | C::TIME_MILLIS | C::TIME_MICROS | C::TIMESTAMP_MILLIS | C::TIMESTAMP_MICROS => {
            Err("times, not numbers".into())
        }
        C::UINT_8 | C::UINT_16 | C::UINT_32 | C::UINT_64 => Ok(true),
        _ if matches!(leaf.physical_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => {
            Err("bytes, not numbers".into())
        }
        _ => Ok(false),
    }
}

/// The bytes of a file as far as a column chunk may read them, after a look at what its pages claim.
fn group_chunk(bytes: &Bytes, chunk: &ColumnChunkMetaData, left: &mut u64) -> Result<Bytes, String> {
    match chunk.compression() {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => {}
        other => {
            let name = format!("{other:?}");
            let name = name.split('(').next().unwrap_or_default();
            return Err(format!("compressed by {name}; what is read is snappy, zstd and none"));
        }
    }
    let (start, length) = chunk.byte_range();
    let end = start.checked_add(length).filter(|end| *end <= bytes.len() as u64);
    let end = end.ok_or_else(|| format!("its {length} bytes from {start} on are not in a file of {}", bytes.len()))?;
    let values = claims::pages(&bytes[start as usize..end as usize], *left)?;
    *left -= values;
    Ok(bytes.slice(..end as usize))
}

/// Columns to rows.
fn side_by_side(mut columns: Vec<Column>) -> Result<Table, String> {
    let rows = columns.first().map_or(0, |c| c.rows);
    if let Some(other) = columns.iter().find(|c| c.rows != rows) {
        return Err(format!(
            "column \"{}\" has {} rows, column \"{}\" {rows}",
            other.name, other.rows, columns[0].name
        ));
    }
    let names = Names(columns.iter_mut().map(|c| (std::mem::take(&mut c.name), c.list.then_some(c.width))).collect());
    let width = columns.iter().map(|c| c.width).sum();
    let values = match columns.as_mut_slice() {
        [only] => std::mem::take(&mut only.values),
        all => {
            let mut values = Vec::with_capacity(rows * width);
            for row in 0..rows {
                for column in &*all {
                    values.extend_from_slice(&column.values[row * column.width..][..column.width]);
                }
            }
            values
        }
    };
    Ok(Table { values, layout: Layout::Rows(vec![width; rows]), names })
}
