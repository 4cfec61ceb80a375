//! [`whole`]: a file in memory, if it is a regular file of a permitted size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::LoadError;

/// The bytes of the file at `path`, at most `limit`.
///
/// # Errors
/// What the operating system says, or a file that is larger.
pub(crate) fn whole(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let io = |source| LoadError::Io { path: path.into(), source };
    let metadata = path.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(std::io::Error::other("not a regular file")));
    }
    let size = metadata.len();
    if size > limit {
        return Err(LoadError::FileSize { path: path.into(), size, limit });
    }
    let mut bytes = Vec::new();
    // One read of a known size; where that much cannot be had, reading on in small steps says so.
    let _ = bytes.try_reserve_exact(size as usize + 1);
    File::open(path).map_err(io)?.take(limit).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
