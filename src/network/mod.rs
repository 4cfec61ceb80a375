//! [`Network`]: a loaded network as a function of context and decision; and the networks of the paper, built by hand.

mod ficnn;
mod picnn;

use std::path::Path;
use std::sync::Arc;

pub use ficnn::{Ficnn, FicnnLayer};
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
    /// Reads an ONNX file. The decision is the input called `y`, or the only one; the network must have one output number.
    #[cfg(feature = "onnx")]
    pub fn load(path: impl AsRef<Path>) -> Result<Network, Error> {
        Network::load_with(path, &Choice::default())
    }

    /// Reads an ONNX file, with the decision input and the output component chosen.
    #[cfg(feature = "onnx")]
    pub fn load_with(path: impl AsRef<Path>, choice: &Choice) -> Result<Network, Error> {
        let graph = crate::load::onnx::read(path.as_ref())?;
        Ok(Network::from(crate::build::build(graph, choice)?))
    }

    /// Without the feature `onnx` there is nothing to read files with.
    #[cfg(not(feature = "onnx"))]
    pub fn load(_path: impl AsRef<Path>) -> Result<Network, Error> {
        Err(Error::MissingFeature("onnx"))
    }

    /// Without the feature `onnx` there is nothing to read files with.
    #[cfg(not(feature = "onnx"))]
    pub fn load_with(_path: impl AsRef<Path>, _choice: &Choice) -> Result<Network, Error> {
        Err(Error::MissingFeature("onnx"))
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
