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

#[cfg(test)]
mod tests {
    use clap::Parser;
    use icnn::compare::{Outcome, entry, judge};
    use icnn::ir::program::Program;
    use icnn::{Limits, Method, Network};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_lie_ends_in_a_folder_for_its_row() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let to = folder.path().join("faults");
        let to = to.to_str().expect("UTF-8");
        let args = Line::parse_from(["icnn", "f.json", "--lower", "-1", "--upper", "2", "--faults", to]).args;
        let program: Program = "y 1\nn1 = abs n0\noutput n1".parse().expect("a program");
        let problem = Problem::read(Network::from(program), &args.given).map_err(|_| "refused").expect("a problem");
        let (objective, domain) = (problem.objective(0).expect("f"), problem.domain(0).expect("a box"));
        let question = Question::new(&objective, &domain, None).expect("a question");
        let limits = Limits { passes: Some(20), ..Limits::default() };
        let mut lie = entry(&question, Method::Subgradient, &limits, None);
        let Outcome::Solved(solution) = &mut lie.outcome else { panic!("{lie:?}") };
        solution.value = Some(-3.0);
        let found = judge::faults(&question, 1e-7, std::slice::from_ref(&lie));
        assert!(!found.is_empty());
        let mut folders = Folders::new(&args);
        for row in [0, 4] {
            let compared = Compared { row, entries: vec![lie.clone()], at_best: None };
            folders.write(&problem, &question, &compared, None, &found).map_err(|e| format!("{e:?}")).expect("written");
        }
        for row in ["row-0", "row-4"] {
            for file in ["model.json", "domain.json", "program.mps", "answers.json", "README.md"] {
                assert!(folder.path().join("faults").join(row).join(file).is_file(), "{row}/{file}");
            }
        }
        // Never into a folder that is there.
        let compared = Compared { row: 1, entries: vec![lie.clone()], at_best: None };
        assert!(Folders::new(&args).write(&problem, &question, &compared, None, &found).is_err());
    }
}
