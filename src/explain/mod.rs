//! Why a minimum is where it is, what moves it, and why there is none.
//!
//! ```
//! use std::sync::Arc;
//! use icnn::{Domain, explain::{Kind, Options, explain}, ir::program::Program};
//!
//! // |y| + y/2 on [0, 1]: least at the kink, which is also the lower bound.
//! let f: Program = "y 1\nn1 = abs n0\nn2 = param [0.5]\nn3 = dense n0 [[0.5]]\nn4 = sum n1 n3\noutput n4".parse()?;
//! let f = Arc::new(f).at(&[])?;
//! let found = explain(&f, &Domain::cube(1, 0.0, 1.0)?, &Options::default())?;
//! let optimum = found.optimum.unwrap();
//! let bound = &optimum.sensitivity[0];
//! assert_eq!((bound.name.as_str(), bound.kind), ("y[0] ≥ 0", Kind::OneSided));
//! assert_eq!((bound.left, bound.right), (Some(0.0), Some(1.5)));
//! # Ok::<(), icnn::Error>(())
//! ```
//!
//! | file | what |
//! |---|---|
//! | `part.rs` | the sides of a domain: names, numbers, subsets |
//! | `kinks.rs`, `active.rs` | where units and coordinates stand |
//! | `relaxed.rs`, `face.rs` | the program around an optimum and its optimal multipliers |
//! | `sensitivity.rs`, `quotient.rs` | one-sided derivatives of the optimal value |
//! | `context.rs` | the same for context entries |
//! | `conflict.rs`, `descent.rs` | no point, no minimum |

mod active;
mod conflict;
mod context;
mod descent;
mod face;
mod kinks;
mod part;
mod quotient;
mod relaxed;
mod sensitivity;

use serde::Serialize;

pub use active::{Active, Coordinates};
pub use conflict::{Conflict, Member, conflict};
pub use context::context_sensitivity;
pub use descent::{Descent, Move};
pub use kinks::{Kink, Kinks, NodeKinks, TOLERANCE, kinks};
pub use part::Part;
pub use sensitivity::{Kind, Sensitivity, WIDEST, Way};

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::solve::batch::Session;
use crate::solve::{Limits, Method, Solution, Status};

/// What to explain.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whether to compute how the optimal value changes with every side of the domain.
    pub sensitivity: bool,
    /// Whether to compute derivatives that cost minima of their own even where there are more than [`WIDEST`] of them.
    pub wide: bool,
    /// Limits of each minimisation.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options { sensitivity: true, wide: false, limits: Limits::default() }
    }
}

/// A minimum, or the lack of one, with the reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The answer as [`Instance::minimize_with`] gives it.
    pub solution: Solution,
    /// Where the best point stands. `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimum: Option<Optimum>,
    /// When infeasible: which sides contradict each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// When unbounded: along which direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descent: Option<Descent>,
}

/// Where a point stands, and what would move the optimum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Optimum {
    /// The coordinates, counted.
    pub coordinates: Coordinates,
    /// The sides of the domain that the point stands at.
    pub active: Vec<Active>,
    /// The units.
    pub kinks: Kinks,
    /// How the optimal value changes with every side of the domain; empty unless asked for, and unless proven optimal.
    pub sensitivity: Vec<Sensitivity>,
}

/// Minimises f over the domain (simplex) and explains the answer.
///
/// Errors: as for [`Instance::minimize_with`].
pub fn explain(instance: &Instance, domain: &Domain, options: &Options) -> Result<Explanation, Error> {
    let solution = Session::new(domain.clone(), Method::Lp, options.limits.clone()).minimize(instance)?;
    let optimum = match &solution.y {
        Some(y) => {
            let wanted = options.sensitivity && solution.status == Status::Optimal;
            Some(Optimum {
                coordinates: active::coordinates(domain, y),
                active: active::active(domain, &solution, y)?,
                kinks: kinks(instance, domain, y)?,
                sensitivity: match wanted {
                    true => sensitivity::of_domain(instance, domain, &solution, options)?,
                    false => vec![],
                },
            })
        }
        None => None,
    };
    let conflict = match &solution.farkas {
        Some(farkas) => conflict(domain, farkas, &options.limits)?,
        None => None,
    };
    let descent = descent::descent(instance, &solution);
    Ok(Explanation { solution, optimum, conflict, descent })
}
