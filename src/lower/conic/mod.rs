//! The epigraph program with cones (docs/math.md): piecewise-linear units as in the linear program, smooth ones as cones.
//!
//! One formulation a file: what a unit becomes, and which multipliers of it are its slope. A smooth unit g of an affine
//! expression a becomes an expression with g(a) as its least value, tight at the optimum for the same reason as in the linear
//! program. What has no cone here, and what is convex by bounds on the Hessian only, is refused by name.

mod combination;
mod exponential;
mod group;
mod power;
mod quadratic;
mod recover;
mod rectified;
mod text;

use icnn_solvers::sides::{self, Sides};
use icnn_solvers::{Cone, ConicProgram};
use sprs::CsMat;

use super::affine::AffineRows;
use super::builder::LpBuilder;
use super::linear::{Form, Linear, lowered};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::program::NodeId;
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// An affine expression in the columns: coefficients and a constant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expression {
    /// (column, coefficient)
    pub terms: Vec<(u32, f64)>,
    /// Constant.
    pub constant: f64,
}

/// One cone and the expressions that lie in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConeRows {
    /// The cone.
    pub cone: Cone,
    /// As many as its dimension.
    pub rows: Vec<Expression>,
}

/// An entry of a node that became cones.
#[derive(Debug, Clone, PartialEq)]
pub struct Smooth {
    /// The function it belongs to: 0 for f, k + 1 for the domain's learned constraint k.
    pub function: usize,
    /// The node.
    pub node: NodeId,
    /// Its entry.
    pub element: usize,
    /// Its columns, each with the letter of its name.
    pub columns: Vec<(char, usize)>,
    /// Its cones, as places in [`Conic::cones`].
    pub cones: std::ops::Range<usize>,
    /// How its multipliers are read.
    pub reading: Reading,
}

/// Which multipliers of cone rows make up the slope of a unit.
///
/// With multipliers z of the rows, the Lagrangian has the slope −Σ z·(coefficient of a) along the argument a and −Σ
/// z·(coefficient of the height) along the height. At an optimum the latter is minus the weight of the unit in f.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Σ `fixed` + weight·(slope of the part): a unit, as the sum of its parts.
    Slope {
        /// Slope of the affine part.
        fixed: f64,
        /// The others.
        parts: Vec<Part>,
    },
    /// One weight per member of a group.
    Weights {
        /// Rows with the coefficient of the height in them.
        height: Vec<(usize, f64)>,
        /// For each member the row that holds it, with coefficient 1.
        members: Vec<usize>,
    },
    /// The tangent point of a quadratic form tᵀMt = ‖Bt‖².
    Point {
        /// The two rows that hold the height, with coefficient 1.
        height: [usize; 2],
        /// For each row of B its row in the cone, which holds twice (Bt)ₖ.
        rows: Vec<usize>,
        /// The rows of B divided by their squared lengths, which are orthogonal: (entry of t, number).
        directions: Vec<Vec<(usize, f64)>>,
    },
}

/// A unit with one argument: rows with the coefficients of its height and of its argument in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Factor of its slope.
    pub weight: f64,
    /// (row, coefficient of the height)
    pub height: Vec<(usize, f64)>,
    /// (row, coefficient of the argument)
    pub argument: Vec<(usize, f64)>,
}

/// A conic program together with what its columns, rows and cones mean.
#[derive(Debug, Clone)]
pub struct Conic {
    /// Objective, columns and rows; what the linear program would be but for the cones.
    pub linear: Linear,
    /// The cones, in order. Their rows are numbered through.
    pub cones: Vec<ConeRows>,
    /// What they stand for.
    pub smooth: Vec<Smooth>,
}

/// Lowers min f over `domain` to a conic program. Squares that are added to f become its quadratic term.
///
/// Errors: as for [`linear`](super::linear()), with [`Error::Lowering`] for a node that has no cone here.
pub fn conic(instance: &Instance, domain: &Domain) -> Result<Conic, Error> {
    let (linear, cones, smooth) = lowered(instance, domain, Form::Conic)?;
    Ok(Conic { linear, cones, smooth })
}

impl Conic {
    /// The program in the form of the solver, and what its first lines stand for; the cones' rows follow.
    pub fn program(&self) -> (ConicProgram, Sides) {
        let (mut program, sides) = sides::conic(&self.linear.lp);
        let (mut starts, mut indices, mut values) = (vec![0], vec![], vec![]);
        for (i, row) in program.matrix.outer_iterator().enumerate() {
            debug_assert_eq!(i + 1, starts.len());
            row.iter().for_each(|(j, v)| {
                indices.push(j);
                values.push(*v);
            });
            starts.push(indices.len());
        }
        for rows in &self.cones {
            program.cones.push(rows.cone);
            for expression in &rows.rows {
                let mut terms = expression.terms.clone();
                terms.sort_unstable_by_key(|t| t.0);
                for (j, v) in terms {
                    // A column that occurs twice counts twice.
                    if indices.len() > *starts.last().unwrap_or(&0) && indices.last() == Some(&(j as usize)) {
                        values.last_mut().into_iter().for_each(|last: &mut f64| *last -= v);
                    } else {
                        indices.push(j as usize);
                        values.push(-v);
                    }
                }
                starts.push(indices.len());
                program.rhs.push(expression.constant);
            }
        }
        program.matrix = CsMat::new((program.rhs.len(), program.columns()), starts, indices, values);
        (program, sides)
    }
}

impl Expression {
    pub(super) fn of(rows: &AffineRows, i: usize) -> Expression {
        Expression { terms: rows.entries(i).collect(), constant: rows.constant(i) }
    }

    pub(super) fn number(constant: f64) -> Expression {
        Expression { terms: vec![], constant }
    }

    pub(super) fn column(column: u32) -> Expression {
        Expression { terms: vec![(column, 1.0)], constant: 0.0 }
    }

    pub(super) fn times(&self, factor: f64) -> Expression {
        let terms = self.terms.iter().map(|(j, v)| (*j, factor * v)).filter(|(_, v)| *v != 0.0).collect();
        Expression { terms, constant: factor * self.constant }
    }

    pub(super) fn plus(&self, other: &Expression) -> Expression {
        let mut terms = self.terms.clone();
        for (j, v) in &other.terms {
            match terms.iter_mut().find(|(k, _)| k == j) {
                Some((_, w)) => *w += v,
                None => terms.push((*j, *v)),
            }
        }
        terms.sort_unstable_by_key(|t| t.0);
        terms.retain(|(_, v)| *v != 0.0);
        Expression { terms, constant: self.constant + other.constant }
    }
}

/// A unit in cones: the expression whose least value is the unit's, and how its slope is read.
pub(super) struct Formulation {
    pub value: Expression,
    pub fixed: f64,
    pub parts: Vec<Part>,
}

impl Formulation {
    fn affine(a: &Expression, slope: f64, intercept: f64) -> Formulation {
        let value = a.times(slope).plus(&Expression::number(intercept));
        Formulation { value, fixed: slope, parts: vec![] }
    }
}

/// The cones of one entry under construction.
pub(super) struct Cones<'b, 'a> {
    pub build: &'b mut LpBuilder<'a>,
    pub columns: Vec<(char, usize)>,
}

impl Cones<'_, '_> {
    /// A free column.
    fn column(&mut self, letter: char) -> Expression {
        let column = self.build.column(f64::NEG_INFINITY, f64::INFINITY);
        self.columns.push((letter, column as usize));
        Expression::column(column)
    }

    /// Adds a cone; returns the number of its first row.
    fn push(&mut self, cone: Cone, rows: Vec<Expression>) -> usize {
        let first = self.build.cone_rows;
        self.build.cone_rows += rows.len();
        self.build.cones.push(ConeRows { cone, rows });
        first
    }

    /// g(a) for a on an interval where g is convex or concave.
    fn unit(&mut self, g: &Scalar, on: Interval, a: &Expression) -> Result<Formulation, String> {
        match g {
            Scalar::Lines(lines) => self.pieces(lines.on(on), a),
            Scalar::Combination(parts) => self.combination(parts, on, a),
            Scalar::Unknown => Err("its slope depends on a context that is not given".into()),
            Scalar::Smooth(unit) => match unit {
                Unit::Softplus { beta, .. } => Ok(self.softplus(*beta, a)),
                Unit::Exp => Ok(self.exp(1.0, on, a)),
                Unit::Log => Ok(self.log(a)),
                Unit::Entropy => Ok(self.entropy(a)),
                Unit::Elu { alpha } => Ok(self.rectified(*alpha, 1.0, on, a)),
                Unit::Celu { alpha } => Ok(self.rectified(*alpha, 1.0 / alpha, on, a)),
                Unit::Power(p) => self.power(*p, on, a),
                other => Err(format!("{} has no cone here", other.name())),
            },
        }
    }
}

impl LpBuilder<'_> {
    /// Entry `i` of a unit node that is not piecewise linear, as cones.
    pub(super) fn smooth_unit(
        &mut self,
        id: NodeId,
        i: usize,
        input: NodeId,
        g: &Scalar,
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        let (on, proven) = (self.bounds.of(input)[i], self.proof.of(id)[i]);
        let behaviour = g.behaviour(on);
        if !(behaviour.convex && proven.is_convex() || behaviour.concave && proven.is_concave()) {
            return Err(self.refuse(id, format!("entry {i} is {proven}, so its epigraph would not be tight")));
        }
        let a = Expression::of(&self.expressions[input.index()], i);
        let first = self.cones.len();
        let mut cones = Cones { build: self, columns: vec![] };
        let made = cones.unit(g, on, &a);
        let columns = cones.columns;
        let made = made.map_err(|reason| self.refuse(id, reason))?;
        out.push(made.value.terms.iter().copied(), made.value.constant);
        let reading = Reading::Slope { fixed: made.fixed, parts: made.parts };
        self.remember(id, i, columns, first, reading);
        Ok(())
    }

    fn remember(&mut self, node: NodeId, element: usize, columns: Vec<(char, usize)>, first: usize, reading: Reading) {
        let (function, cones) = (self.function, first..self.cones.len());
        self.smooth.push(Smooth { function, node, element, columns, cones, reading });
    }
}
