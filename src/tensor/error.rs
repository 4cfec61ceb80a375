//! [`OpError`]: why an operator could not be evaluated.

/// Why an operator could not be evaluated. The caller knows the node and adds its name.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// The evaluator does not know the operator.
    #[error("operator {op} is not supported (opset {opset})")]
    Unsupported {
        /// The operator.
        op: String,
        /// The version of the operator set.
        opset: i64,
    },
    /// A required input is absent.
    #[error("input {index} is missing, the node has {given}")]
    MissingInput {
        /// Which input, from 0.
        index: usize,
        /// How many inputs the node has.
        given: usize,
    },
    /// An input is of the wrong kind.
    #[error("input {index} holds {found} values, {expected} values are needed")]
    Kind {
        /// Which input, from 0.
        index: usize,
        /// The kind it has.
        found: &'static str,
        /// The kind it should have.
        expected: &'static str,
    },
    /// Two shapes that do not fit each other.
    #[error("{what}: shapes {left:?} and {right:?} do not fit")]
    Shapes {
        /// What they are the shapes of.
        what: &'static str,
        /// The first shape.
        left: Vec<usize>,
        /// The second shape.
        right: Vec<usize>,
    },
    /// A result would be larger than the caller allows.
    #[error("a result of shape {shape:?} is beyond the limit of {limit} numbers")]
    TooLarge {
        /// The shape of the result.
        shape: Vec<usize>,
        /// How many numbers are allowed.
        limit: usize,
    },
    /// Anything else, in words that give both numbers.
    #[error("{0}")]
    Invalid(String),
}

/// [`OpError::Invalid`] from anything that reads as text.
pub(super) fn invalid(reason: impl Into<String>) -> OpError {
    OpError::Invalid(reason.into())
}

/// [`OpError::Shapes`] of two shapes.
pub(super) fn shapes(what: &'static str, left: &[usize], right: &[usize]) -> OpError {
    OpError::Shapes { what, left: left.to_vec(), right: right.to_vec() }
}
