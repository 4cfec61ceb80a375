//! [`EmbedError`]: why a network does not go into a model the way it was asked, or did not come out of it as it should.

/// What goes wrong around a network inside a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// Another number of expressions than the network has decisions.
    #[error("{given} expressions for y, the network has {expected} decisions")]
    Inputs {
        /// Expressions given.
        given: usize,
        /// Decisions p.
        expected: usize,
    },
    /// f would be pushed up.
    #[error(
        "{asked} is refused: the epigraph would not be tight. f stands in the model as a variable that lies on or above \
         the network's value, and only what pushes f down makes the two meet; {hint}"
    )]
    Direction {
        /// What was asked for.
        asked: String,
        /// What can be done instead.
        hint: &'static str,
    },
    /// f has quadratic terms.
    #[error("f has quadratic terms, which a model of linear expressions cannot hold")]
    Quadratic,
    /// A weight that is no number to multiply with.
    #[error("the weight of f is {0}, a finite number is needed")]
    Weight(f64),
    /// A tolerance that nothing can be compared with.
    #[error("the tolerance is {0}, a number of at least 0 is needed")]
    Tolerance(f64),
    /// The model's f is not the network's.
    #[error(
        "the epigraph is not tight: at the y of the solution the network says {network}, the model says {model}; \
         something pushes f up, or the solver stopped early or works with a coarser tolerance"
    )]
    NotTight {
        /// f(y) by a forward pass.
        network: f64,
        /// The value of the model's expression for f.
        model: f64,
    },
    /// A bound on f that the network's value breaks.
    #[error("the solution breaks {constraint}: the network says {network}, the other side is {bound}")]
    Violated {
        /// The constraint.
        constraint: &'static str,
        /// f(y) by a forward pass.
        network: f64,
        /// The other side at the solution.
        bound: f64,
    },
    /// The solution lies where nothing was proven.
    #[error(
        "the solution leaves the domain, on which alone the model's f is the network's, by {by}: were its rows added to the model (add_to)?"
    )]
    Outside {
        /// The largest violation of an end of the box or a row, relative to max(1, |bound|).
        by: f64,
    },
}
