//! A minimisation as a certificate states it: the folded function, the set, and the text that both are tied to by its hash.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::domain::{Domain, Row};
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::load::bytes;
use crate::load::program_json::problem::{self as written, Function, Model, Problem};
use crate::load::program_json::{self, Number};

/// Larger model files are refused.
const LARGEST_MODEL: u64 = 1 << 36;

/// One minimisation with x and the fixed coordinates folded.
#[derive(Debug, Clone)]
pub struct Folded {
    /// f, a function of y alone.
    pub function: Instance,
    /// The set; its learned constraints are folded as well.
    pub domain: Domain,
    /// How a certificate states it.
    pub problem: Problem,
    /// The folded program with the problem, as JSON.
    pub text: String,
    /// SHA-256 of that text, hexadecimal.
    pub sha256: String,
}

/// Where a function comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The model.
    pub model: Model,
    /// Which row of the run, from 0.
    pub row: usize,
    /// The context row.
    pub context: Vec<f64>,
    /// Whether it is the network alone or a sum.
    pub function: Function,
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The model at `path`, for [`Origin`].
///
/// # Errors
/// A file that cannot be read.
pub fn model(path: &Path, y: Option<&str>, output: Option<&str>, negated: bool) -> Result<Model, Error> {
    let bytes = bytes::whole(path, LARGEST_MODEL)?;
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Ok(Model { name, sha256: sha256(&bytes), y: y.map(Into::into), output: output.map(Into::into), negated })
}

/// The folded program of a learned constraint, as JSON: what its hash in a certificate is about.
///
/// # Errors
/// A context left open.
pub fn level_text(function: &Instance) -> Result<String, Error> {
    Ok(program_json::write(&function.closed()?)?)
}

impl Folded {
    /// Folds what is minimised: what depends on the coordinates alone that the box fixes becomes constant, as it does before a
    /// solve.
    ///
    /// # Errors
    /// A context left open; a function that cannot be evaluated on the box.
    pub fn new(function: &Instance, domain: &Domain, origin: Origin) -> Result<Folded, Error> {
        let domain = domain.clone().folded()?;
        domain.check_dimension(function.decisions())?;
        let function = function.fold_fixed(domain.intervals())?.unwrap_or_else(|| function.clone());
        let ends = domain.lower().iter().zip(domain.upper()).enumerate();
        let problem = Problem {
            model: origin.model,
            row: origin.row as u64,
            context: origin.context.into_iter().map(Number).collect(),
            fixed: ends.filter(|(_, (l, u))| l == u).map(|(j, (l, _))| (j, Number(*l))).collect(),
            function: origin.function,
            set: set(&domain)?,
        };
        let text = program_json::write_problem(&function.closed()?, &problem)?;
        let sha256 = sha256(text.as_bytes());
        Ok(Folded { function, domain, problem, text, sha256 })
    }
}

/// A domain as a certificate states it.
fn set(domain: &Domain) -> Result<written::Set, Error> {
    let numbers = |values: &[f64]| values.iter().copied().map(Number).collect();
    let row = |row: &Row| written::Row {
        name: row.name.clone(),
        coefficients: row.coefficients.iter().map(|(j, c)| (*j, Number(*c))).collect(),
        lower: Number(row.lower),
        upper: Number(row.upper),
    };
    let level = |level: &crate::domain::Sublevel| -> Result<written::Level, Error> {
        let network = sha256(level_text(&level.function)?.as_bytes());
        Ok(written::Level { name: level.name.clone(), network, at_most: Number(level.at_most) })
    };
    Ok(written::Set {
        lower: numbers(domain.lower()),
        upper: numbers(domain.upper()),
        rows: domain.rows().iter().map(row).collect(),
        levels: domain.sublevels().iter().map(level).collect::<Result<_, _>>()?,
    })
}

/// The box and the rows that a certificate states; learned constraints are added by whoever has their networks.
///
/// # Errors
/// A set that is not one: bounds that contradict each other, a coordinate out of range, no side at all.
pub fn domain(set: &written::Set) -> Result<Domain, Error> {
    let plain = |values: &[Number]| values.iter().map(|n| n.0).collect();
    let mut domain = Domain::new_box(plain(&set.lower), plain(&set.upper))?;
    for row in &set.rows {
        let coefficients: Vec<(usize, f64)> = row.coefficients.iter().map(|(j, c)| (*j, c.0)).collect();
        domain.add_row(&format!("row '{}'", row.name), &row.name, &coefficients, row.lower.0, row.upper.0)?;
    }
    domain.tighten();
    Ok(domain)
}
