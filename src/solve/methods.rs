//! [`Method`] and the table of all methods: one row each.

use super::newton;
use icnn_solvers::run::{End, Run};
use icnn_solvers::{Algorithm, SolverError, bundle_entropy, gradient, kinks};

/// How to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// What suits the problem, and something else where that leaves the gap open; the answer says which method it is from.
    #[default]
    Auto,
    /// The epigraph linear program by the simplex method of HiGHS.
    Lp,
    /// The same program by the interior-point method of HiGHS, with crossover.
    Ipm,
    /// The same program by the first-order method of HiGHS (PDLP): low memory, low accuracy.
    Pdlp,
    /// The epigraph program with cones for smooth units, by the interior-point method of Clarabel.
    Conic,
    /// The bundle entropy method, damped.
    Bundle,
    /// The active-set method, which holds kinks of piecewise-linear networks.
    ActiveSet,
    /// The epigraph linear program of the units near their kink, which grows until the whole network agrees with it.
    ReducedLp,
    /// Newton's method on boxes and simplices, from where projected L-BFGS gets in a few passes.
    Newton,
    /// The projected subgradient method with diminishing steps; on the entropic problem, dual averaging.
    Subgradient,
    /// The projected subgradient method with Polyak's steps.
    Polyak,
    /// The heavy-ball method with an adapted rate.
    Momentum,
    /// The paper's gradient descent: 30 iterations, rate 0.1, momentum 0.3.
    PaperGd,
    /// The spectral projected gradient method, with bundle steps at kinks.
    Spectral,
    /// The accelerated projected gradient method with restarts, for smooth networks.
    Accelerated,
    /// Projected limited-memory BFGS on boxes, with bundle steps at kinks.
    Lbfgs,
}

/// What a method works on.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// Other methods of the table, one after the other.
    Portfolio,
    /// The epigraph linear program, by an algorithm of HiGHS.
    Linear(Algorithm),
    /// Linear programs of a few units.
    Reduced,
    /// The epigraph program with cones.
    Conic,
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
        name: "auto",
        method: Method::Auto,
        what: "what suits the problem: active-set on boxes, lp on other sets, conic with smooth units; fall-backs where a gap stays open",
        engine: Engine::Portfolio,
        entropic: true,
    },
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
        name: "conic",
        method: Method::Conic,
        what: "exact: epigraph program with cones for smooth units, interior point (Clarabel)",
        engine: Engine::Conic,
        entropic: true,
    },
    MethodRow {
        name: "bundle",
        method: Method::Bundle,
        what: "iterative: bundle entropy, cutting planes with a certified gap",
        engine: Engine::Oracle(bundle_entropy::bundle_entropy),
        entropic: true,
    },
    MethodRow {
        name: "active-set",
        method: Method::ActiveSet,
        what: "exact: holds kinks of piecewise-linear networks, on boxes; solves the entropic problem too",
        engine: Engine::Oracle(kinks::active_set),
        entropic: true,
    },
    MethodRow {
        name: "reduced-lp",
        method: Method::ReducedLp,
        what: "exact: linear programs of the units near their kink, simplex (HiGHS); piecewise-linear networks, boxes and rows",
        engine: Engine::Reduced,
        entropic: false,
    },
    MethodRow {
        name: "newton",
        method: Method::Newton,
        what: "Newton's method from a projected L-BFGS start, on boxes and simplices; gap 1e-12 on smooth networks, where it gets with kinks",
        engine: Engine::Oracle(newton::approach),
        entropic: false,
    },
    MethodRow {
        name: "subgradient",
        method: Method::Subgradient,
        what: "approximate: projected subgradients, steps like 1/√k; 2–3 digits; solves the entropic problem too",
        engine: Engine::Oracle(gradient::subgradient),
        entropic: true,
    },
    MethodRow {
        name: "polyak",
        method: Method::Polyak,
        what: "approximate: projected subgradients, Polyak steps to an adjusted level; 3–4 digits",
        engine: Engine::Oracle(gradient::polyak),
        entropic: false,
    },
    MethodRow {
        name: "momentum",
        method: Method::Momentum,
        what: "approximate: heavy ball, adapted rate; 2–4 digits",
        engine: Engine::Oracle(gradient::momentum),
        entropic: false,
    },
    MethodRow {
        name: "paper-gd",
        method: Method::PaperGd,
        what: "approximate: the paper's 30 gradient iterations (rate 0.1, momentum 0.3); no accuracy promised",
        engine: Engine::Oracle(gradient::paper_gd),
        entropic: false,
    },
    MethodRow {
        name: "spectral",
        method: Method::Spectral,
        what: "spectral projected gradient, bundle steps at kinks; gap 1e-7 on smooth networks, about 1e-6 with kinks and p ≤ 24",
        engine: Engine::Oracle(gradient::spectral),
        entropic: false,
    },
    MethodRow {
        name: "accelerated",
        method: Method::Accelerated,
        what: "accelerated projected gradient with restarts, smooth networks only; gap 1e-7",
        engine: Engine::Oracle(gradient::accelerated),
        entropic: false,
    },
    MethodRow {
        name: "lbfgs",
        method: Method::Lbfgs,
        what: "projected L-BFGS on boxes, bundle steps at kinks; gap 1e-7 on smooth networks, about 1e-6 with kinks and p ≤ 24",
        engine: Engine::Oracle(gradient::lbfgs),
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
