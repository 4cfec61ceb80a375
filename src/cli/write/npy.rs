//! NPY, version 1: a header and the numbers in little-endian order, last axis fastest.

use std::io::{self, Write};

/// Writes the header of an array of f64; its numbers follow.
pub fn header(out: &mut impl Write, shape: &[usize]) -> io::Result<()> {
    padded(out, shape, 0)
}

/// The same, at least `least` bytes long.
pub fn padded(out: &mut impl Write, shape: &[usize], least: usize) -> io::Result<()> {
    let extents = shape.iter().map(|n| format!("{n},")).collect::<Vec<_>>().join(" ");
    // A tuple of one extent keeps its comma.
    let extents = if shape.len() == 1 { &extents } else { extents.trim_end_matches(',') };
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({extents}), }}");
    // Magic, version, length and text fill a multiple of 64 bytes and end in a line break, as numpy has it.
    let end = (11 + text.len()).max(least).next_multiple_of(64);
    let padding = end - 11 - text.len();
    let length = (text.len() + padding + 1) as u16;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&length.to_le_bytes())?;
    writeln!(out, "{text}{:padding$}", "")
}

/// Writes numbers.
pub fn numbers(out: &mut impl Write, values: impl IntoIterator<Item = f64>) -> io::Result<()> {
    values.into_iter().try_for_each(|v| out.write_all(&v.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_header_is_as_long_as_it_says() {
        for (shape, text) in [(vec![], "()"), (vec![3], "(3,)"), (vec![100_000, 784], "(100000, 784)")] {
            let mut out = vec![];
            super::header(&mut out, &shape).expect("memory");
            assert_eq!(out.len() % 64, 0);
            assert_eq!(usize::from(u16::from_le_bytes([out[8], out[9]])) + 10, out.len());
            assert!(String::from_utf8_lossy(&out).contains(text) && out.ends_with(b"\n"));
        }
    }
}
