//! NPY, versions 1 to 3: bool, integers and floats of every size numpy has but long double, either byte order, C or
//! Fortran layout.
//!
//! The header is checked against the bytes that are there before anything is allocated.

use std::io::Read;

use super::table::{Layout, Table};

/// Longest header text that is read; numpy writes about 100 bytes.
const LONGEST: usize = 1 << 16;

/// Reads an array. Nothing in it can be blank.
pub fn read(bytes: &[u8], _blank: Option<f64>) -> Result<Table, String> {
    let (text, data) = split(bytes)?;
    let descr =
        field(text, "descr").and_then(quoted).ok_or("its header has no plain 'descr'; records cannot be read")?;
    let fortran = match field(text, "fortran_order") {
        Some(v) if v.starts_with("True") => true,
        Some(v) if v.starts_with("False") => false,
        _ => return Err("its header has no 'fortran_order'".into()),
    };
    let shape = field(text, "shape").and_then(shape).ok_or("its header has no 'shape'")?;
    let (decode, size) = decoder(descr)?;
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let needed = count.and_then(|n| n.checked_mul(size)).ok_or_else(|| format!("shape {shape:?} is beyond memory"))?;
    if data.len() != needed {
        return Err(format!("shape {shape:?} of {descr} needs {needed} bytes, the file holds {}", data.len()));
    }
    let mut values: Vec<f64> = data.chunks_exact(size).map(decode).collect();
    if fortran && !values.is_empty() {
        values = row_major(&values, &shape);
    }
    let layout = match shape.as_slice() {
        [] => Layout::Scalar,
        [_] => Layout::Flat,
        _ if values.is_empty() => Layout::Rows(vec![]),
        [n, ..] => Layout::Rows(vec![values.len() / n; *n]),
    };
    Ok(Table::unnamed(values, layout))
}

/// An array whose numbers follow in the file.
pub struct Array {
    pub decode: Decode,
    /// Bytes of one number.
    pub size: usize,
    shape: Vec<usize>,
}

impl Array {
    /// How many rows of `width` numbers it has.
    pub fn rows_of(&self, width: usize) -> Result<usize, String> {
        let count = self.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let count = count.ok_or_else(|| format!("shape {:?} is beyond memory", self.shape))?;
        match self.shape.as_slice() {
            _ if count == width => Ok(1),
            [n] if width == 1 => Ok(*n),
            [_, rest @ ..] if !rest.is_empty() && rest.iter().product::<usize>() == width => Ok(count / width.max(1)),
            shape => Err(format!("shape {shape:?} has no rows of {width} numbers, which the network takes")),
        }
    }
}

/// Reads the header of an array in C order, to be read row by row.
pub fn open(reader: &mut impl Read) -> Result<Array, String> {
    let cut = |e: std::io::Error| format!("its header cannot be read: {e}");
    let mut head = vec![0; 10];
    reader.read_exact(&mut head).map_err(cut)?;
    let more = if head[6] > 1 { 2 } else { 0 };
    reader.take(more).read_to_end(&mut head).map_err(cut)?;
    let length = match head[8..] {
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => 0,
    };
    reader.take(length.min(LONGEST) as u64).read_to_end(&mut head).map_err(cut)?;
    let (text, _) = split(&head)?;
    let descr =
        field(text, "descr").and_then(quoted).ok_or("its header has no plain 'descr'; records cannot be read")?;
    if !field(text, "fortran_order").is_some_and(|v| v.starts_with("False")) {
        return Err("it is not in C order, in which rows lie one after the other".into());
    }
    let shape = field(text, "shape").and_then(shape).ok_or("its header has no 'shape'")?;
    let (decode, size) = decoder(descr)?;
    Ok(Array { decode, size, shape })
}

/// Header text and data.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let not_npy = || "not an NPY file".to_string();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(not_npy)?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        [version, ..] if *version > 3 => return Err(format!("NPY version {version} is not known")),
        _ => return Err(not_npy()),
    };
    if length > rest.len() || length > LONGEST {
        return Err(format!("its header should be {length} bytes, the file has {} left", rest.len()));
    }
    let (header, data) = rest.split_at(length);
    let text = std::str::from_utf8(header).map_err(|_| "its header is not text".to_string())?;
    Ok((text, data))
}

/// What follows `'name':` in the header.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let after = ["'", "\""].iter().find_map(|q| header.split_once(&format!("{q}{name}{q}")))?.1;
    Some(after.trim_start().strip_prefix(':')?.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    Some(text[1..].split_once(quote)?.0)
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let inside = text.strip_prefix('(')?.split_once(')')?.0;
    let extents = inside.split(',').map(str::trim).filter(|e| !e.is_empty());
    extents.map(|e| e.trim_end_matches('L').parse().ok()).collect()
}

/// One number from its bytes.
pub type Decode = fn(&[u8]) -> f64;

fn decoder(descr: &str) -> Result<(Decode, usize), String> {
    macro_rules! number {
        ($t:ty, $from:ident) => {{
            const SIZE: usize = size_of::<$t>();
            let decode: Decode = |b| b.try_into().map_or(f64::NAN, |b: [u8; SIZE]| <$t>::$from(b) as f64);
            (decode, SIZE)
        }};
    }
    macro_rules! either {
        ($big:expr, $t:ty) => {
            if $big { number!($t, from_be_bytes) } else { number!($t, from_le_bytes) }
        };
    }
    let big = descr.starts_with('>');
    let half: Decode =
        if big { |b| half(u16::from_be_bytes([b[0], b[1]])) } else { |b| half(u16::from_le_bytes([b[0], b[1]])) };
    Ok(match descr.trim_start_matches(['<', '>', '|', '=']) {
        "f8" => either!(big, f64),
        "f4" => either!(big, f32),
        "f2" => (half, 2),
        "i1" => number!(i8, from_le_bytes),
        "i2" => either!(big, i16),
        "i4" => either!(big, i32),
        "i8" => either!(big, i64),
        "u1" => number!(u8, from_le_bytes),
        "u2" => either!(big, u16),
        "u4" => either!(big, u32),
        "u8" => either!(big, u64),
        "b1" => (|b| f64::from(u8::from(b[0] != 0)), 1),
        _ => return Err(format!("entries of type '{descr}' are not numbers that can be read")),
    })
}

/// IEEE half precision, exactly.
pub fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2.0f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        e => (1024.0 + fraction) * 2.0f64.powi(e - 25),
    }
}

/// The entries of a Fortran-ordered array with the last axis fastest.
fn row_major(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut step = 1;
    for d in shape {
        strides.push(step);
        step *= d;
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut out = Vec::with_capacity(values.len());
    while out.len() < values.len() {
        out.push(values[at]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn every_type_and_layout() {
        let one = |descr: &str, data: &[u8]| {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (), }}");
            read(&npy(&header, data), None).map(|t| t.values[0])
        };
        assert_eq!(one("<f8", &(-0.1f64).to_le_bytes()), Ok(-0.1));
        assert_eq!(one(">f4", &0.5f32.to_be_bytes()), Ok(0.5));
        assert_eq!(one("<f2", &[0x00, 0xc2]), Ok(-3.0));
        assert_eq!(one("<f2", &[0x01, 0x00]), Ok(2.0f64.powi(-24)));
        assert_eq!(one("<i8", &(-7i64).to_le_bytes()), Ok(-7.0));
        assert_eq!(one("|u1", &[255]), Ok(255.0));
        assert_eq!(one("|b1", &[1]), Ok(1.0));
        assert!(one("<c8", &[0; 8]).is_err_and(|e| e.contains("'<c8'")));

        let bytes: Vec<u8> = (0..6).collect();
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
        let fortran = read(&npy(header, &bytes), None);
        let values = vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0];
        assert_eq!(fortran, Ok(Table::unnamed(values, Layout::Rows(vec![3, 3]))));
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused() {
        for (shape, needed) in [("(4,)", "needs 32 bytes, the file holds 8"), ("(99999999999, 99999999999)", "beyond")]
        {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
            assert!(read(&npy(&header, &[0; 8]), None).is_err_and(|e| e.contains(needed)));
        }
        assert!(read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", None).is_err_and(|e| e.contains("4294967295")));
        assert!(read(b"\x93NUMPY\x01", None).is_err());
        assert!(read(b"PK\x03\x04", None).is_err_and(|e| e == "not an NPY file"));
        let objects = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
        assert!(read(&npy(objects, &[0; 8]), None).is_err_and(|e| e.contains("'|O'")));
        let empty = "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 3), }";
        assert!(read(&npy(empty, &[]), None).is_ok_and(|t| t.values.is_empty()));
    }
}
