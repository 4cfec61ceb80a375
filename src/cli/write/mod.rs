//! Files of numbers on their way out: a file appears under its name only when it is complete.

pub mod npy;
pub mod parquet;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use super::Stop;

/// Names tried for a file under construction.
const ATTEMPTS: usize = 100;

/// A file under construction beside its target: `finish` gives it the name, dropping it removes it.
#[derive(Debug)]
pub struct Pending {
    file: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
}

impl Pending {
    /// Starts a file that will replace `target`, in the same folder. Errors: the folder is not there or not writable.
    pub fn create(target: &Path) -> Result<Pending, Stop> {
        if target.is_dir() {
            return Err(failed(target, "it is a folder"));
        }
        // A run that was killed may have left a file, and in a container the next one has the same process number.
        for attempt in 0..ATTEMPTS {
            let mut name = OsString::from(".");
            name.push(target.file_name().unwrap_or_default());
            name.push(format!(".{}-{attempt}.part", std::process::id()));
            let temporary = target.with_file_name(name);
            match File::create_new(&temporary) {
                Ok(file) => return Ok(Pending { file: BufWriter::new(file), temporary, target: target.into() }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(target, &e.to_string())),
            }
        }
        Err(failed(target, &format!("there are {ATTEMPTS} .part files of it already")))
    }

    /// The name the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes over the first bytes, which are there.
    pub fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.file.stream_position()?;
        self.file.seek(io::SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        self.file.seek(io::SeekFrom::Start(end)).map(drop)
    }

    /// Completes the file under its name.
    pub fn finish(mut self) -> Result<(), Stop> {
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let done = done.and_then(|()| fs::rename(&self.temporary, &self.target));
        done.map_err(|e| failed(&self.target, &e.to_string()))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After `finish` there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A file that cannot be written.
pub fn failed(target: &Path, reason: &str) -> Stop {
    Stop::input(format!("{}: cannot be written: {reason}", target.display()))
}
