//! The problem of a command: f at a context row, the terms beside it, and the set Y, which may differ from row to row.

use std::path::PathBuf;

use clap::Args;
use icnn::certificate::file::{Folded, Origin};
use icnn::domain::file::DomainFile;
use icnn::ir::instance::Instance;
use icnn::load::program_json::problem::{Function, Model};
use icnn::objective::Objective;
use icnn::objective::file::ObjectiveFile;
use icnn::{Domain, Error, Network};
use sprs::{CsMat, TriMat};

use super::input::{Rows, Sides, Source, context};
use super::{Stop, rows};

/// The set Y.
#[derive(Debug, Clone, Args)]
pub struct Set {
    #[command(flatten)]
    pub sides: Sides,
    /// Rows, sums, simplices, fixed coordinates and learned constraints: a JSON file (docs/domains.md).
    #[arg(long, value_name = "FILE")]
    pub domain: Option<PathBuf>,
}

/// Coordinates that are given, row by row.
#[derive(Debug, Clone, Args)]
pub struct Fixed {
    /// Given coordinates: one row for all, or one for each; null, NaN or an empty cell is free.
    #[arg(long, value_name = "FILE")]
    pub fix: Option<Source>,
}

/// All that makes up the rows of a run beside the model.
#[derive(Debug, Clone, Args)]
pub struct Given {
    /// Context rows: a number for all entries, or a .json, .npy, .csv or .parquet file (solve --stream: - and .jsonl too). Several inputs lie one after the other.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub context: Option<Source>,
    #[command(flatten)]
    pub set: Set,
    #[command(flatten)]
    fixed: Fixed,
    #[command(flatten)]
    terms: Terms,
}

impl Given {
    /// Whether any option says something of the set.
    pub fn names_a_set(&self) -> bool {
        self.set.domain.is_some() || self.set.sides.any() || self.fixed.fix.is_some()
    }

    /// Whether any option is there at all.
    pub fn any(&self) -> bool {
        let Terms { linear, quadratic, target, objective } = &self.terms;
        let term = linear.is_some() || quadratic.is_some() || target.is_some() || objective.is_some();
        self.context.is_some() || self.names_a_set() || term
    }
}

/// Terms beside f.
#[derive(Debug, Clone, Args)]
pub struct Terms {
    /// Adds cᵀy: a number or a file with p of them, one row for all or one for each.
    #[arg(long, value_name = "C", allow_hyphen_values = true)]
    pub linear: Option<Source>,
    /// Adds (y − t)ᵀQ(y − t), t from --target: a number (times the identity), p numbers (the diagonal) or p rows of p.
    #[arg(long, value_name = "Q", allow_hyphen_values = true)]
    pub quadratic: Option<Source>,
    /// The target t [default: 0]; alone it means --quadratic 1. One row for all or one for each.
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub target: Option<Source>,
    /// Further networks and terms: a JSON file (docs/domains.md).
    #[arg(long, value_name = "FILE")]
    pub objective: Option<PathBuf>,
}

impl Set {
    /// The domain over p coordinates.
    pub fn read(&self, p: usize) -> Result<DomainFile, Stop> {
        let base = self.sides.domain(p)?;
        match &self.domain {
            None => Ok(base.into()),
            Some(path) => Ok(DomainFile::read(path, base)?),
        }
    }

    /// Whether nothing bounds y on some side.
    pub fn open(&self) -> bool {
        self.domain.is_none() && self.sides.open()
    }
}

/// Everything that makes up the rows of a run.
#[derive(Debug)]
pub struct Problem {
    pub network: Network,
    set: DomainFile,
    context: Rows,
    fixed: Option<Rows>,
    /// `--fix FILE`, for messages.
    fix_name: String,
    linear: Option<Rows>,
    target: Option<Rows>,
    quadratic: Option<CsMat<f64>>,
    objective: Option<ObjectiveFile>,
    rows: usize,
}

impl Problem {
    /// Reads what the options name.
    ///
    /// Errors: files that do not fit the network, or have neither one row nor as many as the others.
    pub fn read(network: Network, given: &Given) -> Result<Problem, Stop> {
        let context = context(given.context.as_ref(), &network)?;
        Problem::over(network, context, given)
    }

    /// [`read`](Self::read) with other context rows than the options name.
    pub fn over(network: Network, context: Rows, given: &Given) -> Result<Problem, Stop> {
        let Given { context: _, set, fixed, terms } = given;
        let p = network.decisions();
        let table =
            |source: &Option<Source>, what: &str| source.as_ref().map(|source| Rows::read(source, p, what)).transpose();
        let fixed_source = fixed.fix.as_ref();
        let fixed = fixed_source.map(|source| Rows::read_with_gaps(source, p, "--fix")).transpose()?;
        let (linear, target) = (table(&terms.linear, "--linear")?, table(&terms.target, "--target")?);
        let quadratic = match (&terms.quadratic, &target) {
            (Some(source), _) => Some(matrix(source, p)?),
            (None, Some(_)) => Some(CsMat::eye(p)),
            (None, None) => None,
        };
        let objective = terms.objective.as_ref().map(|path| ObjectiveFile::read(path, p)).transpose()?;
        let fix_name = fixed_source.map_or(String::new(), |source| format!("--fix {source}"));
        let set = set.read(p)?;
        let tables = [
            ("--context", Some(&context)),
            ("--fix", fixed.as_ref()),
            ("--linear", linear.as_ref()),
            ("--target", target.as_ref()),
        ];
        let rows = rows::common(tables.into_iter().filter_map(|(what, table)| Some((what, table?.len()))))?;
        Ok(Problem { set, network, context, fixed, fix_name, linear, target, quadratic, objective, rows })
    }

    /// Errors unless there is a row `row`.
    pub fn expect_row(&self, row: usize) -> Result<(), Stop> {
        match self.rows {
            n if row < n => Ok(()),
            1 => Err(Stop::input(format!("--row {row}: there is 1 row, counted from 0"))),
            n => Err(Stop::input(format!("--row {row}: there are {n} rows, counted from 0"))),
        }
    }

    /// What is minimised at one row as a certificate states it: with x and fixed coordinates folded.
    pub fn folded(&self, row: usize, model: &Model) -> Result<Folded, Error> {
        let origin = Origin {
            model: model.clone(),
            row,
            context: self.context(row).to_vec(),
            function: if self.is_plain() { Function::Network } else { Function::Sum },
        };
        Folded::new(&self.objective(row)?, &self.domain(row)?, origin)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether f is minimised as it is.
    pub fn is_plain(&self) -> bool {
        self.linear.is_none() && self.quadratic.is_none() && self.objective.is_none()
    }

    /// The domain, if it is the same in every row.
    pub fn common_domain(&self) -> Option<&Domain> {
        self.set.fixed().filter(|_| self.fixed.is_none())
    }

    /// The context row that belongs to row `row`.
    pub fn context(&self, row: usize) -> &[f64] {
        of(&self.context, row)
    }

    /// f alone, at one row.
    pub fn function(&self, row: usize) -> Result<Instance, Error> {
        self.network.given(self.context(row))
    }

    /// What is minimised at one row.
    pub fn objective(&self, row: usize) -> Result<Instance, Error> {
        self.objective_at(row, self.context(row))
    }

    /// What is minimised at one row, with the context `x` in place of the row's own.
    pub fn objective_at(&self, row: usize, x: &[f64]) -> Result<Instance, Error> {
        self.objective_of(&self.network.given(x)?, row, x)
    }

    /// What is minimised at one row, f being given at the context `x`.
    pub fn objective_of(&self, f: &Instance, row: usize, x: &[f64]) -> Result<Instance, Error> {
        if self.is_plain() {
            return Ok(f.clone());
        }
        let mut objective = match &self.objective {
            Some(file) => file.at(f, x)?,
            None => Objective::of(f),
        };
        if let Some(linear) = &self.linear {
            objective = objective.with_linear(of(linear, row))?;
        }
        if let Some(q) = &self.quadratic {
            let zeros = vec![0.0; q.rows()];
            objective = objective.with_quadratic(q.clone(), self.target.as_ref().map_or(&zeros, |t| of(t, row)))?;
        }
        objective.build()
    }

    /// The domain at one row.
    pub fn domain(&self, row: usize) -> Result<Domain, Error> {
        self.domain_at(row, self.context(row))
    }

    /// The domain at one row, with the context `x` in place of the row's own.
    pub fn domain_at(&self, row: usize, x: &[f64]) -> Result<Domain, Error> {
        self.with_fixed(self.set.at(x)?, row)
    }

    /// The box at one row, and whatever else of the domain does not depend on the context.
    pub fn sides(&self, row: usize) -> Result<Domain, Error> {
        self.with_fixed(self.set.common().clone(), row)
    }

    fn with_fixed(&self, mut domain: Domain, row: usize) -> Result<Domain, Error> {
        if let Some(fixed) = &self.fixed {
            let given = of(fixed, row).iter().enumerate().filter(|(_, v)| !v.is_nan());
            domain = domain.with_all_fixed(given.map(|(j, v)| (j, *v))).map_err(|e| match e {
                Error::Domain(reason) => {
                    let row = if fixed.len() == 1 { 0 } else { row };
                    Error::Domain(format!("{}: row {row}: {reason}", self.fix_name))
                }
                other => other,
            })?;
        }
        Ok(domain)
    }
}

/// Row `row` of a table, or its only one.
fn of(rows: &Rows, row: usize) -> &[f64] {
    rows.row(if rows.len() == 1 { 0 } else { row })
}

/// Q from a number, a diagonal or a full matrix.
fn matrix(source: &Source, p: usize) -> Result<CsMat<f64>, Stop> {
    let values = Rows::read(source, p, "--quadratic")?;
    let mut q = TriMat::new((p, p));
    if values.len() == 1 {
        values.row(0).iter().enumerate().for_each(|(j, v)| q.add_triplet(j, j, *v));
    } else if values.len() == p {
        for i in 0..p {
            let entries = values.row(i).iter().enumerate().filter(|(_, v)| **v != 0.0);
            entries.for_each(|(j, v)| q.add_triplet(i, j, *v));
        }
    } else {
        let n = values.len();
        return Err(Stop::input(format!("--quadratic has {n} rows; it is one row (the diagonal) or {p}")));
    }
    Ok(q.to_csr())
}
