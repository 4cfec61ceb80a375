//! [`Error`]: everything that can go wrong between a file and an answer.

use crate::load::error::LoadError;

/// Why there is no answer. Every message names the object and, where two numbers disagree, both.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read as a network.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The network has an operation, or a combination of inputs, that has no place in the IR.
    #[error("node '{node}' ({op}): {reason}")]
    Unsupported {
        /// Name of the operation in the file.
        node: String,
        /// Operator type.
        op: String,
        /// What is missing.
        reason: String,
    },
    /// The choice of decision input or output does not fit the network.
    #[error("{0}")]
    Choice(String),
    /// A context row does not fit, or the x-path fails on it.
    #[error("context: {0}")]
    Context(String),
    /// A point y does not fit.
    #[error("point: {0}")]
    Point(String),
    /// A domain is malformed or does not fit.
    #[error("domain: {0}")]
    Domain(String),
    /// A term of the objective does not fit.
    #[error("objective: {0}")]
    Objective(String),
    /// Convexity over the domain is not proven, so a minimum found would prove nothing.
    #[error(
        "the network is not proven convex in y: {reason}\n  `icnn check` shows the proof node by node (-v) and looks for a counterexample; a smaller box (--lower, --upper) can make a proof possible, and equal bounds take coordinates that are context out of y"
    )]
    NotProven {
        /// Where the proof stops, and why.
        reason: String,
    },
    /// The network is concave in y: it can be maximised, not minimised.
    #[error("the network is concave in y, not convex: maximise it with --maximize (Network::negated in the library)")]
    Concave,
    /// A lowering met a node that its kind of program cannot hold.
    #[error("{node} has no {form} form: {reason}")]
    Lowering {
        /// The node.
        node: String,
        /// linear, conic, …
        form: &'static str,
        /// Why.
        reason: String,
    },
    /// A method that cannot do what is asked.
    #[error("method {method}: {reason}")]
    Method {
        /// Its name on the command line.
        method: &'static str,
        /// Why.
        reason: String,
    },
    /// Forward evaluation left the range of f64.
    #[error("{node}: the value is {value} at this point (overflow, or a function outside its domain)")]
    NotFinite {
        /// The first node with such an entry.
        node: String,
        /// The entry.
        value: f64,
    },
    /// The text of a program could not be parsed.
    #[error("program text, line {line}: {reason}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The solver could not be run.
    #[error(transparent)]
    Solver(#[from] icnn_solvers::SolverError),
    /// A network inside a model: a use that is refused, or a solution that does not hold.
    #[cfg(feature = "embed")]
    #[error(transparent)]
    Embed(#[from] crate::embed::EmbedError),
    /// A method that this build does not contain.
    #[error("this build has no {0}; build with the cargo feature `{0}`")]
    MissingFeature(&'static str),
}
