//! The epigraph linear program (paper §4): one column per undecided convex unit, one row per linear piece.
//!
//! relu z = max(a, 0): z − a ≥ 0, z ≥ 0. Leaky: z − a ≥ 0, z − γa ≥ 0. Any convex piecewise-linear unit: one row per
//! piece. A maximum: one row per member. A concave unit is the mirror image, z below its pieces. Affine nodes are
//! substituted; units whose piece is decided over Y by their interval are affine there. Learned constraints h(y) ≤ c of the
//! domain are lowered like f and end in a row. Quadratic terms of the objective make it a quadratic program.
//!
//! ```
//! use std::sync::Arc;
//! use icnn::{Domain, ir::program::Program, lower::linear};
//!
//! let program: Program = "y 2\nn1 = dense n0 [[1, -1]]\nn2 = relu n1\noutput n2".parse()?;
//! let instance = Arc::new(program).at(&[])?;
//! let lowered = linear(&instance, &Domain::cube(2, -1.0, 1.0)?)?;
//! assert_eq!(lowered.named_lp().to_string(), "\
//! minimize
//!   z2
//! subject to
//!   n2: -y0 + y1 + z2 >= 0
//! bounds
//!   -1 <= y0 <= 1
//!   -1 <= y1 <= 1
//!   z2 >= 0
//! ");
//! # Ok::<(), icnn::Error>(())
//! ```

use std::sync::Arc;

use icnn_solvers::LinearProgram;
use sprs::CsMat;

use super::builder::LpBuilder;
use super::conic::{ConeRows, Smooth};
use super::quadratic::Quadratic;
use crate::check::{prove, require_convex};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::convexity::Proof;
use crate::ir::curvature::Curvature;
use crate::ir::instance::Instance;
use crate::ir::program::NodeId;

/// What one epigraph column and its rows stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Epigraph {
    /// The function it belongs to: 0 for f, k + 1 for the domain's learned constraint k.
    pub function: usize,
    /// The unit or group node.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// The column z.
    pub column: usize,
    /// The first of its rows.
    pub first_row: usize,
    /// For each row the slope of its piece (units) or the place of its member in the group (maxima).
    pub rows: Vec<f64>,
    /// The same for the piece that became a bound of the column.
    pub bound: Option<f64>,
}

/// A column that stands for an affine expression, where substituting it would fill the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The function it belongs to, as for [`Epigraph`].
    pub function: usize,
    /// The node.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// The column.
    pub column: usize,
    /// The row that defines it.
    pub row: usize,
}

/// A linear program together with what its columns and rows mean.
#[derive(Debug, Clone)]
pub struct Linear {
    /// The program. Columns: the p decisions, then epigraph and definition columns. Rows: the domain's linear ones, then the
    /// others.
    pub lp: LinearProgram,
    /// Epigraph columns, in order.
    pub epigraphs: Vec<Epigraph>,
    /// Definition columns, in order.
    pub definitions: Vec<Definition>,
    /// Number of decisions p.
    pub decisions: usize,
    /// Names of the domain's rows.
    pub domain_rows: Vec<String>,
    /// For each learned constraint of the domain its name and the row that says h(y) ≤ c.
    pub level_rows: Vec<(String, usize)>,
    /// Intervals over the domain that the lowering relied on: of f, then of each learned constraint.
    pub bounds: Vec<Arc<Bounds>>,
}

/// Lowers min f over `domain` to a linear program, or, if f has quadratic terms, to a quadratic one. Coordinates that the
/// box fixes stay columns; to have what depends on them alone folded, pass what [`Instance::fold_fixed`] and
/// [`Domain::folded`] return.
///
/// Errors: [`Error::Domain`] for a wrong dimension, [`Error::NotProven`] or [`Error::Concave`] unless f is proven convex
/// on the domain's intervals, [`Error::NotProven`] for a learned constraint that is not, [`Error::Lowering`] for a node
/// that is neither piecewise linear there nor a quadratic term of the objective.
pub fn linear(instance: &Instance, domain: &Domain) -> Result<Linear, Error> {
    lowered(instance, domain, Form::Linear).map(|(linear, ..)| linear)
}

/// What kind of program is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Linear, or quadratic.
    Linear,
    /// With cones.
    Conic,
}

impl Form {
    /// The name in refusals.
    pub fn name(self) -> &'static str {
        match self {
            Form::Linear => "linear",
            Form::Conic => "conic",
        }
    }
}

/// The program of either form, with the cones next to it and what they stand for.
pub(super) fn lowered(
    instance: &Instance,
    domain: &Domain,
    form: Form,
) -> Result<(Linear, Vec<ConeRows>, Vec<Smooth>), Error> {
    domain.check_dimension(instance.decisions())?;
    let mut functions = vec![Function::new(instance, domain, None)?];
    for level in domain.sublevels() {
        functions.push(Function::new(&level.function, domain, Some(&level.name))?);
    }
    if form == Form::Conic {
        functions.iter().try_for_each(Function::require_composition)?;
    }
    let mut build = LpBuilder::new(domain, &functions[0], form);
    let value = build.lower()?;
    let mut objective: Vec<(u32, f64)> = value.entries(0).collect();
    let mut offset = value.constant(0);
    let mut level_rows = vec![];
    for (k, level) in domain.sublevels().iter().enumerate() {
        build.enter(k + 1, &functions[k + 1]);
        let value = build.lower().map_err(|e| named(e, &level.name))?;
        let row = build.row(value.entries(0), f64::NEG_INFINITY, level.at_most - value.constant(0));
        level_rows.push((level.name.clone(), row));
    }
    let (n, m) = (build.column_lower.len(), build.row_lower.len());
    let Quadratic { matrix: quadratic, linear, constant } = build.quadratic.finish(n);
    objective.extend(linear);
    offset += constant;
    let mut costs = vec![0.0; n];
    objective.into_iter().for_each(|(c, v)| costs[c as usize] += v);
    let (starts, columns, values) = build.rows.into_parts();
    let columns: Vec<usize> = columns.into_iter().map(|c| c as usize).collect();
    let matrix = CsMat::try_new((m, n), starts, columns, values)
        .map_err(|(_, _, _, e)| Error::Domain(format!("the linear program is malformed: {e}")))?;
    let lp = LinearProgram {
        objective: costs,
        quadratic,
        offset,
        column_lower: build.column_lower,
        column_upper: build.column_upper,
        row_lower: build.row_lower,
        row_upper: build.row_upper,
        matrix,
        column_names: vec![],
        row_names: vec![],
    };
    let (cones, smooth) = (build.cones, build.smooth);
    let linear = Linear {
        lp,
        epigraphs: build.epigraphs,
        definitions: build.definitions,
        decisions: domain.dimension(),
        domain_rows: domain.rows().iter().map(|r| r.name.clone()).collect(),
        level_rows,
        bounds: functions.into_iter().map(|f| f.bounds).collect(),
    };
    Ok((linear, cones, smooth))
}

/// A refusal, with the name of the learned constraint that it is about.
fn named(error: Error, constraint: &str) -> Error {
    match error {
        Error::Lowering { node, form, reason } => {
            Error::Lowering { node: format!("constraint '{constraint}': {node}"), form, reason }
        }
        other => other,
    }
}

/// A function to be lowered, with what is known of it.
pub(super) struct Function<'a> {
    pub instance: &'a Instance,
    pub bounds: Arc<Bounds>,
    pub proof: Proof,
}

impl<'a> Function<'a> {
    /// Errors unless it is proven convex. `name`: that of a learned constraint.
    fn new(instance: &'a Instance, domain: &Domain, name: Option<&str>) -> Result<Function<'a>, Error> {
        let (bounds, proof) = prove(instance, domain);
        require_convex(instance, &proof).map_err(|e| match (e, name) {
            (Error::NotProven { reason }, Some(name)) => {
                Error::NotProven { reason: format!("constraint '{name}': {reason}") }
            }
            (Error::Concave, Some(name)) => {
                let reason = format!("constraint '{name}': it is concave, so the set below its level is not convex");
                Error::NotProven { reason }
            }
            (other, _) => other,
        })?;
        Ok(Function { instance, bounds: Arc::new(bounds), proof })
    }

    /// Errors where convexity is proven by bounds on the Hessian alone: then units have weights of either sign, and their
    /// epigraphs are not tight.
    fn require_composition(&self) -> Result<(), Error> {
        if self.proof.by_composition().is_convex() {
            return Ok(());
        }
        let nodes = (0..self.instance.program().nodes().len()).map(|k| NodeId(k as u32));
        let unknown = |id: &NodeId| self.proof.of(*id).contains(&Curvature::UNKNOWN);
        let id = nodes.into_iter().find(unknown).unwrap_or(self.instance.program().output());
        Err(Error::Lowering {
            node: self.instance.program().describe(id),
            form: "conic",
            reason: "f is convex by bounds on its Hessian only, not by the rules of composition that epigraphs need"
                .into(),
        })
    }
}
