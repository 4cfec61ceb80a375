//! The folder of a fault: everything that `icnn solve` and other solvers need to see it again.

use std::fs;
use std::io;
use std::path::PathBuf;

use icnn::compare::Question;
use icnn::compare::judge::Fault;
use icnn::compare::reproducer::Reproducer;
use icnn::compare::summary::Compared;

use super::Args;
use crate::cli::Stop;
use crate::cli::problem::Problem;
use crate::cli::write::failed;

/// Names tried for the folder.
const ATTEMPTS: usize = 1000;

/// One folder a run, in it one a row.
pub struct Folders<'a> {
    args: &'a Args,
    made: Option<PathBuf>,
}

impl<'a> Folders<'a> {
    /// Makes nothing yet.
    pub fn new(args: &'a Args) -> Folders<'a> {
        Folders { args, made: None }
    }

    /// Writes the reproducer of a row, and says so on stderr.
    pub fn write(
        &mut self,
        problem: &Problem,
        question: &Question<'_>,
        compared: &Compared,
        start: Option<&[f64]>,
        faults: &[Fault],
    ) -> Result<(), Stop> {
        let row = compared.row;
        let folder = self.folder()?.join(format!("row-{row}"));
        let args = self.args;
        let mut options = vec![format!("--gap {:?}", args.gap), format!("--time-limit {:?}", args.time_limit)];
        options.extend(args.pass_limit.map(|n| format!("--pass-limit {n}")));
        options.extend(args.iteration_limit.map(|n| format!("--iteration-limit {n}")));
        let reproducer = Reproducer {
            network: problem.network.program(),
            context: problem.context(row),
            plain: problem.is_plain(),
            question,
            start,
            options: &options,
            entries: &compared.entries,
            faults,
        };
        let written = fs::create_dir(&folder).and_then(|()| reproducer.write(&folder));
        let command = written.map_err(|e| failed(&folder, &e.to_string()))?;
        for fault in faults {
            eprintln!("icnn: row {row}: fault: {}", fault.message);
        }
        eprintln!("icnn: row {row}: to see it again: cd {} && {command}", folder.display());
        Ok(())
    }

    fn folder(&mut self) -> Result<PathBuf, Stop> {
        if let Some(made) = &self.made {
            return Ok(made.clone());
        }
        let names: Vec<PathBuf> = match &self.args.faults {
            Some(folder) => vec![folder.clone()],
            None => (1..=ATTEMPTS).map(|n| format!("icnn-fault-{n}").into()).collect(),
        };
        let mut last = None;
        for name in names {
            match fs::create_dir(&name) {
                Ok(()) => {
                    self.made = Some(name.clone());
                    return Ok(name);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = Some((name, e)),
                Err(e) => return Err(failed(&name, &e.to_string())),
            }
        }
        let (name, e) = last.unwrap_or_else(|| ("icnn-fault".into(), io::ErrorKind::AlreadyExists.into()));
        Err(failed(&name, &e.to_string()))
    }
}
