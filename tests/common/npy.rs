//! NPY files in tests, well formed or not.
#![allow(dead_code)]

/// An NPY file of version 1.
pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    [b"\x93NUMPY\x01\x00", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), data].concat()
}

/// The shape and the bits of an array of f64 that the program wrote.
pub fn bits(file: &[u8]) -> (String, Vec<u64>) {
    let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
    let header = std::str::from_utf8(&file[10..10 + length]).expect("a header");
    assert!(header.contains("'descr': '<f8'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once("'shape': ").and_then(|(_, s)| s.split_once(')')).expect("a shape").0;
    let numbers = file[10 + length..].chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("8 bytes")));
    (format!("{shape})"), numbers.collect())
}
