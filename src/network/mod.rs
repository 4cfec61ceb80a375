//! [`Network`]: a loaded network as a function of context and decision; and the networks of the paper, built by hand.

mod ficnn;
mod named;
mod picnn;

use std::path::Path;
use std::sync::Arc;

pub use ficnn::{Ficnn, FicnnLayer};
pub(crate) use named::NamedNetwork;
pub use picnn::{Picnn, PicnnLayer};

use crate::build::Choice;
use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::instance::Instance;
use crate::ir::program::Program;

/// A network f(x, y) with one output number, ready to be given a context.
#[derive(Debug, Clone)]
pub struct Network {
    program: Arc<Program>,
}

impl Network {
    /// Reads a model file: ONNX, `.safetensors` with its description beside it, or a `.json` program. The decision is the input
    /// called `y`, or the only one; the network must have one output number.
    pub fn load(path: impl AsRef<Path>) -> Result<Network, Error> {
        Network::load_with(path, &Choice::default())
    }

    /// Reads a model file, with the decision input and the output component chosen. A JSON program has both chosen already.
    pub fn load_with(path: impl AsRef<Path>, choice: &Choice) -> Result<Network, Error> {
        Ok(Network::from(crate::load::file::program(path.as_ref(), None, choice)?))
    }

    /// The program behind the network.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Number of decisions p.
    pub fn decisions(&self) -> usize {
        self.program.decisions()
    }

    /// Width q of a context row, 0 for a network of y alone.
    pub fn context_len(&self) -> usize {
        self.program.context_len()
    }

    /// The network at the context `x` (length q; empty for a network of y alone): a function of y.
    pub fn given(&self, x: &[f64]) -> Result<Instance, Error> {
        self.program.at(x)
    }

    /// −f, so that a concave network can be maximised by minimising this one.
    pub fn negated(&self) -> Network {
        Network::from(negated(&self.program))
    }
}

impl From<Program> for Network {
    fn from(program: Program) -> Network {
        Network { program: Arc::new(program) }
    }
}

impl From<Arc<Program>> for Network {
    fn from(program: Arc<Program>) -> Network {
        Network { program }
    }
}

fn negated(program: &Program) -> Program {
    Builder::from_program(program).finish_negated()
}
