//! A network inside a user's own optimization model: f(y) as a convex function among the variables, rows and integers of
//! a [good_lp](https://docs.rs/good_lp) model, for any solver that crate knows.
//!
//! f enters as its epigraph (see [`lower::linear`](crate::lower::linear())): variables and rows that hold
//! z ≥ f(y) and nothing more. Where the model pushes z down, z = f(y); where it does not, z is any number above. So f is
//! handed out only where it is pushed down, and [`Embedding::check`] compares the solution with the network itself.
//!
//! | wanted | call |
//! |---|---|
//! | minimise … + c·f, c ≥ 0 | [`Embedding::minimised`] |
//! | maximise … − c·f, c ≥ 0 | [`Embedding::maximised`], with −c |
//! | f ≤ an expression | [`Embedding::at_most`] |
//! | f ≥, f =, minimise −f, maximise f | refused, unless f is affine on the domain |
//! | the same of a concave network g | embed f = −g: [`Network::negated`](crate::Network::negated) |
//!
//! ```
//! use std::sync::Arc;
//!
//! use good_lp::{ProblemVariables, Solution, SolverModel, microlp, variable};
//! use icnn::{Domain, embed::Embedding, ir::program::Program};
//!
//! // f(y) = |y − 0.3|, and y a multiple of a quarter.
//! let program: Program = "y 1\nn1 = param [-0.3]\nn2 = sum n0 n1\nn3 = abs n2\noutput n3".parse()?;
//! let instance = Arc::new(program).at(&[])?;
//!
//! let mut variables = ProblemVariables::new();
//! let quarters = variables.add(variable().integer().min(0).max(4));
//! let mut cost = Embedding::new(&mut variables, &instance, &Domain::cube(1, 0.0, 1.0)?, [0.25 * quarters])?;
//! let objective = cost.minimised(1.0)?;
//! let mut model = variables.minimise(objective).using(microlp);
//! cost.add_to(&mut model);
//! let solution = model.solve()?;
//!
//! let checked = cost.check(&solution, 1e-6)?;
//! assert_eq!(solution.value(quarters), 1.0);
//! assert!((checked.network - 0.05).abs() < 1e-9 && checked.gap <= 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A concave network g that is maximised is the mirror image: f = −g is embedded, and its weight is negative.
//!
//! ```
//! use good_lp::{ProblemVariables, SolverModel, microlp, variable};
//! use icnn::{Domain, Network, embed::Embedding, ir::program::Program};
//!
//! // A yield g(y) = min(2y, 1 + y/2), and a price of 1 for y: best at the kink.
//! let program: Program = "y 1\nn1 = dense n0 [[1.5]]\nn2 = param [-1]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = dense n4 [[-1]]
//!     n6 = dense n0 [[2]]\nn7 = sum n5 n6\noutput n7".parse()?;
//! let loss = Network::from(program).negated();
//!
//! let mut variables = ProblemVariables::new();
//! let y = variables.add(variable().min(0).max(2));
//! let mut loss = Embedding::new(&mut variables, &loss.given(&[])?, &Domain::cube(1, 0.0, 2.0)?, [y])?;
//! let profit = loss.maximised(-1.0)? - y;
//! let mut model = variables.maximise(profit).using(microlp);
//! loss.add_to(&mut model);
//! let checked = loss.check(&model.solve()?, 1e-6)?;
//! assert!((checked.y[0] - 2.0 / 3.0).abs() < 1e-9 && (checked.network + 4.0 / 3.0).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod error;
mod rows;

pub use check::Checked;
pub use error::EmbedError;
/// The crate whose models these are, in the version that is meant.
pub use good_lp;

use good_lp::{Expression, IntoAffineExpression, ProblemVariables, SolverModel};

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::lower::{Linear, linear};
use rows::{Rows, finite};

/// The page about embedding is a test.
#[cfg(all(doctest, feature = "onnx"))]
#[doc = include_str!("../../docs/embedding.md")]
struct Page;

/// A network at one context, as a part of a model under construction.
///
/// Three steps, in good_lp's order: [`new`](Embedding::new) adds variables, [`add_to`](Embedding::add_to) the rows once
/// there is a model, [`check`](Embedding::check) looks at the solution.
#[derive(Debug, Clone)]
pub struct Embedding {
    instance: Instance,
    domain: Domain,
    linear: Linear,
    rows: Rows,
    /// Bounds on f, as they were asked for.
    bounds: Vec<Bound>,
    /// Whether an objective pushes f down, so that the model's f must be the network's.
    tight: bool,
}

/// f on one side, an expression on the other.
#[derive(Debug, Clone)]
struct Bound {
    kind: BoundKind,
    other: Expression,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum BoundKind {
    AtMost,
    AtLeast,
    Equal,
}

impl Embedding {
    /// Adds the network's variables to `variables`: f at y = `inputs`, p expressions of the user's own variables.
    ///
    /// `domain` is where convexity is proven and where pieces are decided; the narrower, the smaller the epigraph. Its box
    /// and its rows become constraints on the inputs.
    ///
    /// Errors: another number of expressions than decisions, or an expression with a number that is not finite, or not
    /// any more once it is multiplied by weights; [`Error::Context`] for an open context; [`Error::Domain`] for a domain of the wrong dimension; [`Error::NotProven`] (with node and reason) or
    /// [`Error::Concave`]; [`Error::Lowering`] for a node that is not piecewise linear on the domain.
    pub fn new<E: IntoAffineExpression>(
        variables: &mut ProblemVariables,
        instance: &Instance,
        domain: &Domain,
        inputs: impl IntoIterator<Item = E>,
    ) -> Result<Embedding, Error> {
        let inputs: Vec<Expression> = inputs.into_iter().map(IntoAffineExpression::into_expression).collect();
        let (given, expected) = (inputs.len(), instance.decisions());
        if given != expected {
            return Err(EmbedError::Inputs { given, expected }.into());
        }
        inputs.iter().enumerate().try_for_each(|(j, input)| finite(input, || format!("the expression for y[{j}]")))?;
        domain.check_dimension(expected)?;
        if !instance.is_given() {
            return Err(Error::Context("the network needs a context row before it can be embedded".into()));
        }
        let folded = instance.fold_fixed(domain.intervals())?;
        let linear = linear(folded.as_ref().unwrap_or(instance), &domain.clone().folded()?)?;
        if linear.lp.quadratic.is_some() {
            return Err(EmbedError::Quadratic.into());
        }
        let rows = Rows::new(variables, &linear, inputs)?;
        Ok(Embedding { instance: instance.clone(), domain: domain.clone(), linear, rows, bounds: vec![], tight: false })
    }

    /// `weight`·f, for an objective that is minimised.
    ///
    /// Errors: a weight that is not finite, or makes a coefficient infinite; a negative one, unless f is affine on the domain.
    pub fn minimised(&mut self, weight: f64) -> Result<Expression, Error> {
        self.term(weight, weight, || format!("minimising {weight}·f"))
    }

    /// `weight`·f, for an objective that is maximised.
    ///
    /// Errors: a weight that is not finite, or makes a coefficient infinite; a positive one, unless f is affine on the domain.
    pub fn maximised(&mut self, weight: f64) -> Result<Expression, Error> {
        self.term(weight, -weight, || format!("maximising {weight}·f"))
    }

    fn term(&mut self, weight: f64, down: f64, asked: impl Fn() -> String) -> Result<Expression, Error> {
        if !weight.is_finite() {
            return Err(EmbedError::Weight(weight).into());
        }
        if down < 0.0 {
            self.require_affine(asked, "minimise f with a weight of at least 0, or maximise it with one of at most 0")?;
        }
        let product = weight * self.rows.value.clone();
        finite(&product, || format!("{weight}·f"))?;
        self.tight |= down > 0.0;
        Ok(product)
    }

    /// Adds f(y) ≤ `bound`, any affine expression of the user's variables.
    ///
    /// Errors: a bound with a number that is not finite.
    pub fn at_most(&mut self, bound: impl IntoAffineExpression) -> Result<(), Error> {
        self.bound(BoundKind::AtMost, bound.into_expression())
    }

    /// Adds f(y) ≥ `bound`, possible only where f is affine on the domain: elsewhere the points of f ≥ b are not a
    /// convex set, and the model's f would satisfy the row by rising above the network's.
    ///
    /// Errors: refused unless f is affine on the domain; a bound with a number that is not finite.
    pub fn at_least(&mut self, bound: impl IntoAffineExpression) -> Result<(), Error> {
        self.require_affine(|| "f ≥ an expression".into(), "f ≤ an expression is possible")?;
        self.bound(BoundKind::AtLeast, bound.into_expression())
    }

    /// Adds f(y) = `other`, possible only where f is affine on the domain.
    ///
    /// Errors: as for [`at_least`](Embedding::at_least).
    pub fn equals(&mut self, other: impl IntoAffineExpression) -> Result<(), Error> {
        self.require_affine(|| "f = an expression".into(), "f ≤ an expression is possible")?;
        self.bound(BoundKind::Equal, other.into_expression())
    }

    fn require_affine(&self, asked: impl Fn() -> String, hint: &'static str) -> Result<(), Error> {
        if self.is_affine() { Ok(()) } else { Err(EmbedError::Direction { asked: asked(), hint }.into()) }
    }

    fn bound(&mut self, kind: BoundKind, other: Expression) -> Result<(), Error> {
        finite(&(self.rows.value.clone() - &other), || "f minus its bound".into())?;
        self.bounds.push(Bound { kind, other });
        Ok(())
    }

    /// Whether f is known to be affine on the domain: every piece is decided there, and anything may be done with f.
    pub fn is_affine(&self) -> bool {
        self.linear.epigraphs.iter().all(|e| e.function != 0)
    }

    /// The model's expression for f, whatever is then done with it: on or above f(y), and equal to it only where the model
    /// pushes it down. For reading, and for models whose direction is known to be right by other means;
    /// [`check`](Embedding::check) demands that the two agree from here on.
    pub fn unchecked_value(&mut self) -> Expression {
        self.tight = true;
        self.rows.value.clone()
    }

    /// The linear program whose columns and rows were added: `linear().named_lp()` prints it, with y for the inputs.
    pub fn linear(&self) -> &Linear {
        &self.linear
    }

    /// Adds the rows to the model: the epigraph's, the domain's, and the bounds on f asked for so far.
    pub fn add_to(&self, model: &mut impl SolverModel) {
        for row in self.rows.constraints() {
            model.add_constraint(row);
        }
        for Bound { kind, other } in &self.bounds {
            let (value, other) = (self.rows.value.clone(), other.clone());
            model.add_constraint(match kind {
                BoundKind::AtMost => value.leq(other),
                BoundKind::AtLeast => value.geq(other),
                BoundKind::Equal => value.eq(other),
            });
        }
    }
}
