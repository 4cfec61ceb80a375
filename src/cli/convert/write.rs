//! A file appears whole or not at all: it is written beside its place and moved there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::Stop;

/// Writes `bytes` to `to`; without `force` an existing file is left alone.
pub fn whole(to: &Path, bytes: &[u8], force: bool) -> Result<(), Stop> {
    let wrong = |e: io::Error| match e.kind() {
        io::ErrorKind::AlreadyExists if !force => {
            Stop::input(format!("{} exists; --force writes over it", to.display()))
        }
        _ => Stop::input(format!("cannot write {}: {e}", to.display())),
    };
    let draft = draft(to).ok_or_else(|| Stop::input(format!("{} is no file name", to.display())))?;
    let written = write(&draft, bytes).and_then(|()| place(&draft, to, force));
    if written.is_err() {
        // Whatever went wrong is reported; a draft that cannot be removed adds nothing to it.
        let _ = fs::remove_file(&draft);
    }
    written.map_err(wrong)
}

/// A name beside `to` that nobody else uses.
fn draft(to: &Path) -> Option<PathBuf> {
    let name = to.file_name()?.to_string_lossy().into_owned();
    Some(to.with_file_name(format!(".{name}.{}.part", std::process::id())))
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn place(draft: &Path, to: &Path, force: bool) -> io::Result<()> {
    if force {
        return fs::rename(draft, to);
    }
    // A link fails where the file has appeared in the meantime; a rename would write over it.
    match fs::hard_link(draft, to) {
        Ok(()) => fs::remove_file(draft),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // A file system without links.
        Err(_) if to.symlink_metadata().is_err() => fs::rename(draft, to),
        Err(e) => Err(e),
    }
}
