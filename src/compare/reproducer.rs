//! A row of a comparison as a folder of files: everything that `icnn solve`, `icnn compare` and other solvers need to see the
//! same problem again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use icnn_solvers::mps;
use serde_json::{Map, Value, json};

use super::judge::Fault;
use super::{Entry, Outcome, Question};
use crate::domain::{Domain, Row};
use crate::ir::context::ContextProgram;
use crate::ir::instance::Instance;
use crate::ir::program::{ParamId, ParamSource, Program};
use crate::load::program_json;
use crate::lower::linear;

/// What goes into the folder.
#[derive(Debug)]
pub struct Reproducer<'a> {
    /// The network f as it was loaded.
    pub network: &'a Program,
    /// The context of the row.
    pub context: &'a [f64],
    /// Whether the objective of the question is f alone. Otherwise `model.json` becomes f and its terms at this context.
    pub plain: bool,
    /// The question.
    pub question: &'a Question<'a>,
    /// Where methods started, if that was given.
    pub start: Option<&'a [f64]>,
    /// Further options of the command, `--gap 1e-7` and the like.
    pub options: &'a [String],
    /// All answers.
    pub entries: &'a [Entry],
    /// What is wrong with them.
    pub faults: &'a [Fault],
}

impl Reproducer<'_> {
    /// Fills an existing folder with `model.json`, `context.json`, `domain.json`, `start.json`, `program.mps` (where the
    /// problem is a linear or quadratic program), `answers.json` and `README.md`. Returns the command that runs it again in that folder.
    ///
    /// Errors: a file that cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<String> {
        let mut command = String::from("icnn compare model.json");
        if self.plain {
            put(folder, "model.json", program(self.network)?)?;
            if !self.context.is_empty() {
                put(folder, "context.json", json!(self.context).to_string())?;
                command.push_str(" --context context.json");
            }
        } else {
            put(folder, "model.json", program(&frozen(self.question.objective))?)?;
        }
        put(folder, "domain.json", domain(self.question.domain, folder)?)?;
        command.push_str(" --domain domain.json");
        if let Some(start) = self.start {
            put(folder, "start.json", json!(start).to_string())?;
            command.push_str(" --start start.json");
        }
        if let Some(tau) = self.question.tau {
            command.push_str(&format!(" --entropy {tau:?}"));
        }
        self.options.iter().for_each(|o| command.push_str(&format!(" {o}")));
        let methods: Vec<&str> = self.entries.iter().map(|e| e.method.name()).collect();
        command.push_str(&format!(" --methods {}", methods.join(",")));
        let has_program = self.write_mps(folder)?;
        put(folder, "answers.json", answers(self.entries, self.faults))?;
        put(folder, "README.md", self.readme(&command, has_program))?;
        Ok(command)
    }

    fn write_mps(&self, folder: &Path) -> io::Result<bool> {
        let domain = self.question.domain.clone().folded().unwrap_or_else(|_| self.question.domain.clone());
        let Ok(folded) = self.question.objective.fold_fixed(domain.intervals()) else { return Ok(false) };
        let Ok(linear) = linear(folded.as_ref().unwrap_or(self.question.objective), &domain) else { return Ok(false) };
        let mut out = BufWriter::new(File::create(folder.join("program.mps"))?);
        mps::write(&linear.named_lp(), &mut out)?;
        out.flush()?;
        Ok(true)
    }

    fn readme(&self, command: &str, has_program: bool) -> String {
        let mut text = String::from("# Answers that contradict each other\n\n");
        self.faults.iter().for_each(|f| text.push_str(&format!("- {}\n", f.message)));
        text.push_str(&format!(
            "\nProblem: {}, {} decisions.\n",
            self.question.formula(),
            self.question.objective.decisions()
        ));
        if !self.plain {
            text.push_str("`model.json` is f with all terms of the objective, at the context of the row.\n");
        }
        text.push_str(&format!("\nIn this folder, with icnn {}:\n\n    {command}\n\n", env!("CARGO_PKG_VERSION")));
        text.push_str("`answers.json` holds every answer as it was given.");
        if has_program {
            let note = if self.question.tau.is_some() { ", without the entropy" } else { "" };
            text.push_str(&format!(" `program.mps` is the same problem for other solvers{note}."));
        }
        text.push('\n');
        text
    }
}

fn put(folder: &Path, name: &str, text: String) -> io::Result<()> {
    fs::write(folder.join(name), text + "\n")
}

fn program(program: &Program) -> io::Result<String> {
    program_json::write(program).map_err(|e| io::Error::other(e.to_string()))
}

/// The instance as a program that takes no context.
fn frozen(instance: &Instance) -> Program {
    let mut program = Program::clone(instance.program());
    for (k, param) in program.params.iter_mut().enumerate() {
        let values = instance.shared(ParamId(k as u32)).unwrap_or_default();
        param.source = ParamSource::Constant(values);
    }
    program.context = ContextProgram { inputs: vec![], steps: vec![], ..program.context };
    program
}

/// A domain as `--domain` reads it, its learned constraints as models beside it.
fn domain(domain: &Domain, folder: &Path) -> io::Result<String> {
    let ends = |all: &[f64]| all.iter().map(|v| finite(*v)).collect::<Vec<_>>();
    let rows: Vec<Value> = domain.rows().iter().map(row).collect();
    let mut networks = vec![];
    for (k, level) in domain.sublevels().iter().enumerate() {
        let model = format!("constraint-{k}.json");
        put(folder, &model, program(&frozen(&level.function))?)?;
        networks.push(json!({"name": level.name, "model": model, "context": [], "at_most": level.at_most}));
    }
    let written = json!({
        "version": 1, "lower": ends(domain.lower()), "upper": ends(domain.upper()), "rows": rows, "networks": networks,
    });
    Ok(written.to_string())
}

fn row(row: &Row) -> Value {
    let coefficients: Map<String, Value> = row.coefficients.iter().map(|(j, c)| (j.to_string(), json!(c))).collect();
    let mut written = json!({"name": row.name, "coefficients": coefficients});
    if row.lower == row.upper {
        written["equals"] = json!(row.lower);
    } else {
        (written["lower"], written["upper"]) = (finite(row.lower), finite(row.upper));
    }
    written
}

/// A number, or null for an end that is not there.
fn finite(v: f64) -> Value {
    if v.is_finite() { json!(v) } else { Value::Null }
}

fn answers(entries: &[Entry], faults: &[Fault]) -> String {
    let of = |entry: &Entry| match &entry.outcome {
        Outcome::Solved(solution) => json!(solution),
        Outcome::Refused(reason) => json!({"method": entry.method.name(), "refused": reason}),
        Outcome::Failed(reason) => json!({"method": entry.method.name(), "error": reason}),
        Outcome::Panicked => json!({"method": entry.method.name(), "error": "panicked"}),
    };
    let all = json!({"faults": faults, "answers": entries.iter().map(of).collect::<Vec<_>>()});
    serde_json::to_string_pretty(&all).unwrap_or_default()
}
