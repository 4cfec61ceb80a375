//! [`LoadError`]: why a network file was refused.

use std::path::PathBuf;

/// Why a network file was refused. Every message names the object at fault and, where two numbers disagree, both.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The operating system could not read a file.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than its format permits.
    #[error("{} has {size} bytes, the format permits {limit}", path.display())]
    FileSize {
        /// The file asked for.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The largest size the format permits, in bytes.
        limit: u64,
    },
    /// The bytes are not a network in this format at all.
    #[error("not a readable model: {reason}")]
    Malformed {
        /// What is wrong with the bytes.
        reason: String,
    },
    /// The file asks for a version of the operator set outside the range this reader knows.
    #[error("the model uses opset {found}, this reader knows opsets {lowest} to {highest}")]
    Opset {
        /// The version the file asks for.
        found: i64,
        /// The lowest version known.
        lowest: i64,
        /// The highest version known.
        highest: i64,
    },
    /// A stored tensor is inconsistent, of an unknown type, or holds NaN.
    #[error("tensor '{name}': {reason}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A node is malformed, or asks for something that has no meaning for inference.
    #[error("node '{node}' ({op}): {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// Its operator.
        op: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A part of a stored program, or of a description of weights, does not fit the rest.
    #[error("{part}: {reason}")]
    Part {
        /// Which part: `node 7 (dense)`, `layer 2, role wz`.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The graph around the nodes is inconsistent: a name defined twice or never, no output, a non-tensor input.
    #[error("graph: {reason}")]
    Graph {
        /// What is wrong with it.
        reason: String,
    },
}
