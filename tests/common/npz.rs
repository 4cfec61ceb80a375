//! Reading the `.npz` files beside the exported networks.

use std::collections::BTreeMap;
use std::path::Path;

use icnn::tensor::Tensor;
use ndarray::{ArrayD, IxDyn};

/// The arrays of an uncompressed `.npz` with f32 entries: a chain of local zip headers, each before one `.npy`.
pub fn npz(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let number = |at: usize, n: usize| (0..n).rev().fold(0usize, |v, i| v << 8 | bytes[at + i] as usize);
    let mut arrays = BTreeMap::new();
    let mut at = 0;
    while bytes[at..].starts_with(b"PK\x03\x04") {
        assert_eq!(number(at + 8, 2), 0, "{} is compressed", path.display());
        let (name_len, extra_len) = (number(at + 26, 2), number(at + 28, 2));
        let name = String::from_utf8_lossy(&bytes[at + 30..at + 30 + name_len]).into_owned();
        let npy = at + 30 + name_len + extra_len;
        assert!(bytes[npy..].starts_with(b"\x93NUMPY"));
        let header_len = number(npy + 8, 2);
        let header = String::from_utf8_lossy(&bytes[npy + 10..npy + 10 + header_len]).into_owned();
        assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
        let inside = header.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
        let shape: Vec<usize> = inside.split(',').filter_map(|d| d.trim().parse().ok()).collect();
        let start = npy + 10 + header_len;
        let count: usize = shape.iter().product();
        let floats =
            bytes[start..start + 4 * count].as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b)));
        let array = ArrayD::from_shape_vec(IxDyn(&shape), floats.collect()).unwrap();
        arrays.insert(name.trim_end_matches(".npy").to_string(), Tensor::Float(array));
        at = start + 4 * count;
    }
    arrays
}
