//! [`Method`] and the table of all methods: one row each.

use icnn_solvers::run::{End, Run};
use icnn_solvers::{Algorithm, SolverError, bundle_entropy, gradient};

/// How to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// The epigraph linear program by the simplex method of HiGHS.
    #[default]
    Lp,
    /// The same program by the interior-point method of HiGHS, with crossover.
    Ipm,
    /// The same program by the first-order method of HiGHS (PDLP): low memory, low accuracy.
    Pdlp,
    /// The bundle entropy method, damped.
    Bundle,
    /// The projected subgradient method with diminishing steps.
    Subgradient,
}

/// What a method works on.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// The epigraph linear program, by an algorithm of HiGHS.
    Linear(Algorithm),
    /// Values and subgradients.
    Oracle(fn(&mut Run<'_>) -> Result<End, SolverError>),
}

/// One row of the table of methods.
#[derive(Debug, Clone, Copy)]
pub struct MethodRow {
    /// The name on the command line.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// What it does, in a line.
    pub what: &'static str,
    /// What it works on.
    pub engine: Engine,
    /// Whether it solves the entropic problem, min f − τH.
    pub entropic: bool,
}

/// All methods.
pub const METHODS: &[MethodRow] = &[
    MethodRow {
        name: "lp",
        method: Method::Lp,
        what: "exact: epigraph linear program, simplex (HiGHS)",
        engine: Engine::Linear(Algorithm::Simplex),
        entropic: false,
    },
    MethodRow {
        name: "ipm",
        method: Method::Ipm,
        what: "exact: the same program, interior point (HiGHS)",
        engine: Engine::Linear(Algorithm::Ipm),
        entropic: false,
    },
    MethodRow {
        name: "pdlp",
        method: Method::Pdlp,
        what: "approximate: the same program, first order (HiGHS)",
        engine: Engine::Linear(Algorithm::Pdlp),
        entropic: false,
    },
    MethodRow {
        name: "bundle",
        method: Method::Bundle,
        what: "iterative: bundle entropy, cutting planes with a certified gap",
        engine: Engine::Oracle(bundle_entropy::bundle_entropy),
        entropic: true,
    },
    MethodRow {
        name: "subgradient",
        method: Method::Subgradient,
        what: "approximate: projected subgradients, diminishing steps",
        engine: Engine::Oracle(gradient::subgradient),
        entropic: false,
    },
];

impl Method {
    /// Its row in the table.
    pub fn row(self) -> &'static MethodRow {
        METHODS.iter().find(|row| row.method == self).unwrap_or(&METHODS[0])
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}
