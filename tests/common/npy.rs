//! NPY files in tests, well formed or not.
#![allow(dead_code)]

use ndarray::{ArrayD, IxDyn};

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

/// The array at the start of `bytes`, and how many bytes it takes.
pub fn array(bytes: &[u8]) -> (ArrayD<f64>, usize) {
    assert!(bytes.starts_with(b"\x93NUMPY\x01"));
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..start]).into_owned();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let inside = header.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
    let shape: Vec<usize> = inside.split(',').filter_map(|d| d.trim().parse().ok()).collect();
    let count: usize = shape.iter().product();
    let (values, size): (Vec<f64>, usize) = if header.contains("'<f4'") {
        let numbers = bytes[start..start + 4 * count].as_chunks::<4>().0;
        (numbers.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(), 4)
    } else {
        assert!(header.contains("'<i8'"), "{header}");
        let numbers = bytes[start..start + 8 * count].as_chunks::<8>().0;
        (numbers.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(), 8)
    };
    (ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap(), start + size * count)
}
