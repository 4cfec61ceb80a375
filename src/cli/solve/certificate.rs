//! `--certificate FILE`: the proofs of a run.

use std::io::Write;
use std::path::Path;

use icnn::Solution;
use icnn::certificate::file::{self, Row};
use icnn::load::program_json::problem::Model;

use crate::cli::Stop;
use crate::cli::problem::Problem;
use crate::cli::write::{Pending, failed};

/// An entry, or why there is none.
pub type Entered = Result<Box<Row>, String>;

/// The file under construction.
#[derive(Debug)]
pub struct Certificate {
    file: Pending,
    rows: Vec<Row>,
}

/// The proof of one row: exact if there is one, else rigorous.
pub fn entry(solution: &Solution, problem: &Problem, row: usize, model: &Model) -> Entered {
    if solution.exact.is_none() && (solution.dual.is_none() || solution.y.is_none()) {
        return Err("the answer has no proof that could be written down".into());
    }
    let folded = problem.folded(row, model).map_err(|e| e.to_string())?;
    let entry = match (&solution.exact, &solution.y, &solution.dual) {
        (Some(proof), _, _) => file::exact(&folded, proof),
        (None, Some(y), Some(dual)) => file::rigorous(&folded, y, dual),
        _ => return Err("the answer has no proof that could be written down".into()),
    };
    entry.map(Box::new).map_err(|e| e.to_string())
}

impl Certificate {
    /// Starts a file that will replace `target`.
    pub fn begin(target: &Path) -> Result<Certificate, Stop> {
        Ok(Certificate { file: Pending::create(target)?, rows: vec![] })
    }

    /// Adds a proof.
    pub fn put(&mut self, entry: Box<Row>) -> Result<(), Stop> {
        self.rows.push(*entry);
        Ok(())
    }

    /// Completes the file; without any proof there is none.
    pub fn finish(mut self) -> Result<(), Stop> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let target = self.file.target().to_path_buf();
        self.file.write_all(file::text(&self.rows)?.as_bytes()).map_err(|e| failed(&target, &e.to_string()))?;
        self.file.finish()
    }
}
