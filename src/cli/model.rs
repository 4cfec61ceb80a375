//! The arguments every command shares: the model file, its decision input, its output component.

use std::path::PathBuf;

use clap::Args;
use icnn::build::{Choice, Outputs, build_outputs};
use icnn::load::graph::Graph;
use icnn::{Error, Network};

use super::Stop;

/// Which function of which file.
#[derive(Debug, Clone, Args)]
pub struct Model {
    /// The network, an ONNX file.
    pub model: PathBuf,
    /// Name of the decision input [default: the input called `y`, or the only one].
    #[arg(long, value_name = "NAME")]
    pub y: Option<String>,
    /// Output component: `K`, `NAME` or `NAME:K` [default: the only one].
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub output: Option<String>,
}

impl Model {
    /// Reads the file, nothing more.
    pub fn graph(&self) -> Result<Graph, Error> {
        #[cfg(feature = "onnx")]
        return Ok(icnn::load::onnx::read(&self.model)?);
        #[cfg(not(feature = "onnx"))]
        Err(Error::MissingFeature("onnx"))
    }

    /// All output components as functions of y.
    pub fn outputs(&self) -> Result<Outputs, Stop> {
        let outputs = build_outputs(self.graph()?, self.y.as_deref())?;
        if outputs.is_empty() {
            return Err(Stop::input("the network has no output component"));
        }
        Ok(outputs)
    }

    /// The chosen component as a network.
    pub fn network(&self) -> Result<Network, Stop> {
        let choice = Choice { decision: self.y.clone(), output: self.output.clone() };
        let network = Network::from(icnn::build::build(self.graph()?, &choice)?);
        let (p, q, nodes) = (network.decisions(), network.context_len(), network.program().nodes().len());
        tracing::info!(decisions = p, context = q, nodes, "loaded");
        Ok(network)
    }
}

/// What the context inputs are called and how large they are, for messages.
pub fn context_inputs(network: &Network) -> String {
    let inputs = &network.program().context().inputs;
    let names: Vec<String> = inputs.iter().map(|i| format!("'{}' {:?}", i.name, i.shape)).collect();
    names.join(", ")
}
