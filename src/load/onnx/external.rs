//! Weights stored in a file beside the model.
//!
//! A model file is untrusted: it may name only files inside its own folder, and only ranges those files have.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::proto::StringStringEntryProto;
use crate::load::error::LoadError;

/// How often a model may read each byte beside it (tied weights are read more than once).
const READS_PER_BYTE: u64 = 4;

/// The folder external weights live in, and how much of it has been read.
pub(super) struct External<'a> {
    folder: Option<&'a Path>,
    sizes: BTreeMap<PathBuf, u64>,
    read: u64,
}

impl<'a> External<'a> {
    /// External weights of a model in `folder`; with `None` every reference is refused.
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        External { folder, sizes: BTreeMap::new(), read: 0 }
    }

    /// Reads the `needed` bytes that the entries of tensor `name` point to.
    ///
    /// # Errors
    /// A location that is absent, absolute, contains `..` or leads outside the folder through a link; a range beyond the
    /// end of the file; a length other than `needed`; the same bytes read over and over.
    pub(super) fn read(
        &mut self,
        name: &str,
        entries: &[StringStringEntryProto],
        needed: u64,
    ) -> Result<Vec<u8>, LoadError> {
        let fail = |reason: String| LoadError::Tensor { name: name.into(), reason };
        let folder = self.folder.ok_or_else(|| fail("its data is external, and the model has no folder".into()))?;
        let entry = |key: &str| entries.iter().find(|e| e.key() == key).map(StringStringEntryProto::value);
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| fail(format!("external {key} '{text}'"))),
        };
        let location = entry("location").ok_or_else(|| fail("external data without a location".into()))?;
        let relative = Path::new(location);
        let inside = |c: Component| matches!(c, Component::Normal(_) | Component::CurDir);
        if location.is_empty() || location.contains('\0') || !relative.components().all(inside) {
            return Err(fail(format!("external location '{location}' leaves the model's folder")));
        }

        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| LoadError::Io { path, source }
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = folder.canonicalize().map_err(io(folder))?;
        let joined = folder.join(relative);
        let path = joined.canonicalize().map_err(io(&joined))?;
        if !path.starts_with(&folder) {
            return Err(fail(format!("external location '{location}' leaves the model's folder")));
        }
        let metadata = path.metadata().map_err(io(&path))?;
        if !metadata.is_file() {
            return Err(fail(format!("external location '{location}' is not a regular file")));
        }

        let size = metadata.len();
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?.unwrap_or(size.saturating_sub(offset));
        match offset.checked_add(length) {
            Some(end) if end <= size => {}
            _ => {
                return Err(fail(format!(
                    "external data at offset {offset} of length {length} ends beyond '{location}', which has {size} bytes"
                )));
            }
        }
        if length != needed {
            return Err(fail(format!("its dims need {needed} bytes, its external data has {length}")));
        }
        self.sizes.insert(path.clone(), size);
        self.read = self.read.saturating_add(length);
        let limit = self.sizes.values().fold(0u64, |a, s| a.saturating_add(*s)).saturating_mul(READS_PER_BYTE);
        if self.read > limit {
            return Err(fail(format!("the model reads {} external bytes, more than the {limit} allowed", self.read)));
        }

        let mut file = File::open(&path).map_err(io(&path))?;
        file.seek(SeekFrom::Start(offset)).map_err(io(&path))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).map_err(io(&path))?;
        if bytes.len() as u64 != length {
            return Err(fail(format!("'{location}' gave {} bytes of {length}", bytes.len())));
        }
        Ok(bytes)
    }
}
