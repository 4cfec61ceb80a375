//! Reading the `.npz` files beside the exported networks.

use std::collections::BTreeMap;
use std::path::Path;

use icnn::tensor::Tensor;
#[path = "npy.rs"]
mod npy;

/// The arrays of an uncompressed `.npz`: a chain of local zip headers, each before one `.npy`.
pub fn npz(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let number = |at: usize, n: usize| (0..n).rev().fold(0usize, |v, i| v << 8 | bytes[at + i] as usize);
    let mut arrays = BTreeMap::new();
    let mut at = 0;
    while bytes[at..].starts_with(b"PK\x03\x04") {
        assert_eq!(number(at + 8, 2), 0, "{} is compressed", path.display());
        let (name_len, extra_len) = (number(at + 26, 2), number(at + 28, 2));
        let name = String::from_utf8_lossy(&bytes[at + 30..at + 30 + name_len]).into_owned();
        let start = at + 30 + name_len + extra_len;
        let (array, size) = npy::array(&bytes[start..]);
        arrays.insert(name.trim_end_matches(".npy").to_string(), Tensor::Float(array));
        at = start + size;
    }
    arrays
}
