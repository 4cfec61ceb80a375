//! [`Domain`]: the set Y over which f is minimised: a box, cut by linear rows and by sublevel sets of further networks.
//!
//! ```
//! use icnn::Domain;
//!
//! // Three shares of a whole, the first two at most 80 % of it; a fourth number between −1 and 1; a fifth one given.
//! let domain = Domain::everything(5)
//!     .with_simplex("shares", &[0, 1, 2], 1.0)?
//!     .with_sum("first two", &[0, 1], f64::NEG_INFINITY, 0.8)?
//!     .with_bounds(3, -1.0, 1.0)?
//!     .with_fixed(4, 0.25)?;
//! assert_eq!(domain.intervals()[2].lower, 0.0);
//! assert!(domain.intervals()[2].upper >= 1.0, "implied by the simplex");
//! # Ok::<(), icnn::Error>(())
//! ```

pub mod file;
mod implied;
mod parts;

use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;

/// A linear constraint `lower ≤ Σ cⱼ·yⱼ ≤ upper`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Name, for messages.
    pub name: String,
    /// (j, cⱼ), each j at most once.
    pub coefficients: Vec<(usize, f64)>,
    /// −∞ for none.
    pub lower: f64,
    /// +∞ for none.
    pub upper: f64,
}

impl Row {
    /// Σ cⱼ·yⱼ
    pub fn activity(&self, y: &[f64]) -> f64 {
        self.coefficients.iter().map(|(j, c)| c * y[*j]).sum()
    }
}

/// A learned constraint h(y) ≤ `at_most`.
#[derive(Debug, Clone)]
pub struct Sublevel {
    /// Name, for messages.
    pub name: String,
    /// h, a function of the same p decisions; it has to be proven convex before it is used.
    pub function: Instance,
    /// The level.
    pub at_most: f64,
}

/// A convex set in R^p: a box, possibly unbounded, cut by rows and by sublevel sets of convex networks.
#[derive(Debug, Clone)]
pub struct Domain {
    lower: Vec<f64>,
    upper: Vec<f64>,
    rows: Vec<Row>,
    sublevels: Vec<Sublevel>,
    /// Enclosures of the coordinates on the box and the rows together.
    implied: Vec<Interval>,
}

impl Domain {
    /// {y : lowerⱼ ≤ yⱼ ≤ upperⱼ}. Ends may be infinite.
    ///
    /// Errors: different lengths, an end that is not a number, lower above upper (naming the coordinate and both ends).
    pub fn new_box(lower: Vec<f64>, upper: Vec<f64>) -> Result<Domain, Error> {
        if lower.len() != upper.len() {
            return Err(Error::Domain(format!("{} lower bounds and {} upper bounds", lower.len(), upper.len())));
        }
        for (j, (l, u)) in lower.iter().zip(&upper).enumerate() {
            if l.is_nan() || u.is_nan() || *l == f64::INFINITY || *u == f64::NEG_INFINITY {
                return Err(Error::Domain(format!("y[{j}]: bounds {l} and {u}")));
            }
            if l > u {
                return Err(Error::Domain(format!("y[{j}]: lower bound {l} is above upper bound {u}")));
            }
        }
        Ok(Domain::of_box(lower, upper))
    }

    /// A domain from all its parts. Rows and learned constraints are taken as they are; errors as for [`Domain::new_box`].
    #[cfg(feature = "highs")]
    pub(crate) fn of_parts(
        lower: Vec<f64>,
        upper: Vec<f64>,
        rows: Vec<Row>,
        sublevels: Vec<Sublevel>,
    ) -> Result<Domain, Error> {
        let mut domain = Domain::new_box(lower, upper)?;
        (domain.rows, domain.sublevels) = (rows, sublevels);
        domain.tighten();
        Ok(domain)
    }

    /// The box [lower, upper]^p.
    pub fn cube(p: usize, lower: f64, upper: f64) -> Result<Domain, Error> {
        Domain::new_box(vec![lower; p], vec![upper; p])
    }

    /// All of R^p.
    pub fn everything(p: usize) -> Domain {
        Domain::of_box(vec![f64::NEG_INFINITY; p], vec![f64::INFINITY; p])
    }

    fn of_box(lower: Vec<f64>, upper: Vec<f64>) -> Domain {
        let implied = lower.iter().zip(&upper).map(|(l, u)| Interval::new(*l, *u)).collect();
        Domain { lower, upper, rows: vec![], sublevels: vec![], implied }
    }

    /// p
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// Lower ends of the box.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper ends of the box.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The rows on top of the box.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The learned constraints.
    pub fn sublevels(&self) -> &[Sublevel] {
        &self.sublevels
    }

    /// An interval for each coordinate that holds it at every point of the box that satisfies the rows: what proofs and
    /// bounds start from. Sublevel sets take no part. Points of the box stay points.
    pub fn intervals(&self) -> &[Interval] {
        &self.implied
    }

    /// Whether the box or the rows bound every coordinate on both sides.
    pub fn is_bounded(&self) -> bool {
        self.implied.iter().all(|i| i.lower.is_finite() && i.upper.is_finite())
    }

    /// The domain with what the box fixes folded into its learned constraints.
    ///
    /// Errors: a constraint that cannot be evaluated on the box.
    pub fn folded(mut self) -> Result<Domain, Error> {
        for level in &mut self.sublevels {
            if let Some(folded) = level.function.fold_fixed(&self.implied)? {
                level.function = folded;
            }
        }
        Ok(self)
    }

    /// The box and the rows alone.
    pub fn without_sublevels(&self) -> Domain {
        Domain { sublevels: vec![], ..self.clone() }
    }

    /// Moves each coordinate into the box.
    pub fn clip(&self, y: &[f64]) -> Vec<f64> {
        y.iter()
            .zip(self.lower.iter().zip(&self.upper))
            .map(|(v, (l, u))| if v.is_nan() { 0.0f64.max(*l).min(*u) } else { v.max(*l).min(*u) })
            .collect()
    }

    /// By how much y violates the box, a row or a learned constraint, at worst, relative to max(1, |bound|); infinite where
    /// a constraint cannot be evaluated.
    pub fn violation(&self, y: &[f64]) -> f64 {
        let beyond = |v: f64, l: f64, u: f64| {
            let below = if l.is_finite() { (l - v) / l.abs().max(1.0) } else { 0.0 };
            let above = if u.is_finite() { (v - u) / u.abs().max(1.0) } else { 0.0 };
            below.max(above).max(0.0)
        };
        let in_box = y.iter().zip(self.lower.iter().zip(&self.upper)).map(|(v, (l, u))| beyond(*v, *l, *u));
        let in_rows = self.rows.iter().map(|r| beyond(r.activity(y), r.lower, r.upper));
        let in_levels = self.sublevels.iter().map(|level| match level.function.forward(y) {
            Ok(trace) => beyond(trace.value(), f64::NEG_INFINITY, level.at_most),
            Err(_) => f64::INFINITY,
        });
        in_box.chain(in_rows).chain(in_levels).fold(0.0, f64::max)
    }

    /// Whether the domain fits a network with `p` decisions.
    pub fn check_dimension(&self, p: usize) -> Result<(), Error> {
        if self.dimension() == p {
            Ok(())
        } else {
            Err(Error::Domain(format!("it has {} coordinates, the network has {p} decisions", self.dimension())))
        }
    }
}
