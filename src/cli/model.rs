//! The arguments every command shares: the model file, its decision input, its output component.

use std::path::PathBuf;

use clap::Args;
use icnn::build::{Choice, Outputs};
use icnn::certificate::file as certificate;
use icnn::load::file;
use icnn::load::graph::Graph;
use icnn::load::program_json;
use icnn::{Error, Network};

use super::Stop;

/// Which function of which file.
#[derive(Debug, Clone, Args)]
pub struct Model {
    /// The network: an .onnx file, a .safetensors file, or a .json program of `icnn convert`.
    pub model: PathBuf,
    /// What the tensors of a .safetensors file are, in JSON [default: the .json file beside it].
    #[arg(long, value_name = "FILE")]
    pub description: Option<PathBuf>,
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
        file::graph(&self.model, self.description.as_deref())
    }

    /// All output components as functions of y.
    pub fn outputs(&self) -> Result<Outputs, Stop> {
        let outputs = file::outputs(&self.model, self.description.as_deref(), self.y.as_deref())?;
        if outputs.is_empty() {
            return Err(Stop::input("the network has no output component"));
        }
        Ok(outputs)
    }

    /// What a certificate says of the model: its name, its hash and the choices.
    pub fn stated(&self, negated: bool) -> Result<program_json::problem::Model, Error> {
        certificate::model(&self.model, self.y.as_deref(), self.output.as_deref(), negated)
    }

    /// The chosen component as a network.
    pub fn network(&self) -> Result<Network, Stop> {
        tracing::info!(model = %self.model.display(), "reading");
        let choice = Choice { decision: self.y.clone(), output: self.output.clone() };
        let network = Network::from(file::program(&self.model, self.description.as_deref(), &choice)?);
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
