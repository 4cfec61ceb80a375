//! `icnn dump`: each stage of the pipeline as text.

use std::fmt::Write;

use clap::{Args as ClapArgs, ValueEnum};
use icnn::check::prove;
use icnn::ir::text::context_listing;
use icnn::load::graph::{Attribute, Dim, Graph, ValueInfo};
use icnn::lower::{conic, linear};

use super::input::context;
use super::model::Model;
use super::problem::{Given, Problem};
use super::{Stop, code, output};

/// Most entries of a list that are printed.
const MOST: usize = 8;

/// Arguments of `icnn dump`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn dump net.onnx --stage lp --lower -1 --upper 1")]
pub struct Args {
    #[command(flatten)]
    model: Model,
    /// What to print.
    #[arg(long, value_enum, default_value = "program")]
    stage: Stage,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The file: inputs, weights, operations.
    Graph,
    /// The program in y: each node with its extents, its range over the box, its curvature.
    Program,
    /// The linear program of `icnn solve`, at the first context row.
    Lp,
    /// The program with cones of `icnn solve --method conic`, at the first context row.
    Conic,
}

/// Prints one stage.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let text = match args.stage {
        Stage::Graph => graph(&args.model.graph()?),
        Stage::Program => program(args)?,
        Stage::Lp | Stage::Conic => {
            let network = args.model.network()?;
            let problem = Problem::read(network, &args.given)?;
            let (instance, domain) = (problem.objective(0)?, problem.domain(0)?.folded()?);
            let folded = instance.fold_fixed(domain.intervals())?;
            let instance = folded.as_ref().unwrap_or(&instance);
            match args.stage {
                Stage::Conic => conic(instance, &domain)?.to_string(),
                _ => linear(instance, &domain)?.named_lp().to_string(),
            }
        }
    };
    output::line(text.trim_end())?;
    Ok(code::SUCCESS)
}

fn program(args: &Args) -> Result<String, Stop> {
    let network = args.model.network()?;
    let domain = args.given.set.read(network.decisions())?.common().clone();
    let (instance, values) = match &args.given.context {
        None => (network.program().for_any_context(), String::new()),
        source => {
            let instance = network.given(context(source.as_ref(), &network)?.row(0))?;
            let values = context_listing(&instance);
            (instance, values)
        }
    };
    let folded = instance.fold_fixed(domain.intervals())?;
    let instance = folded.unwrap_or(instance);
    let (bounds, proof) = prove(&instance, &domain);
    Ok(instance.program().listing(&bounds, &proof, false) + &values)
}

fn graph(graph: &Graph) -> String {
    let mut out = format!("opset {}\n", graph.opset);
    for input in &graph.inputs {
        let _ = writeln!(out, "input {}", declared(input));
    }
    for (name, tensor) in &graph.initializers {
        let _ = writeln!(out, "weight {name} {:?}", tensor.shape());
    }
    for node in &graph.nodes {
        let inputs: Vec<&str> = node.inputs.iter().map(|i| i.as_deref().unwrap_or("-")).collect();
        let outputs: Vec<&str> = node.outputs.iter().map(|o| if o.is_empty() { "-" } else { o }).collect();
        let attributes: Vec<String> = node.attributes.iter().map(|(k, v)| format!(" {k}={}", attribute(v))).collect();
        let (name, op) = (&node.name, &node.op);
        let _ = writeln!(out, "{} = {op} {}{}  # '{name}'", outputs.join(" "), inputs.join(" "), attributes.concat());
    }
    for output in &graph.outputs {
        let _ = writeln!(out, "output {}", declared(output));
    }
    out
}

fn declared(value: &ValueInfo) -> String {
    let Some(dims) = &value.dims else { return format!("{} of no declared shape", value.name) };
    let dims: Vec<String> = dims
        .iter()
        .map(|d| match d {
            Dim::Known(n) => n.to_string(),
            Dim::Symbol(s) if s.is_empty() => "?".into(),
            Dim::Symbol(s) => s.clone(),
        })
        .collect();
    format!("{} [{}]", value.name, dims.join(", "))
}

fn attribute(value: &Attribute) -> String {
    fn list<T: std::fmt::Debug>(v: &[T]) -> String {
        if v.len() <= MOST { format!("{v:?}") } else { format!("<{} entries>", v.len()) }
    }
    match value {
        Attribute::Int(v) => v.to_string(),
        Attribute::Float(v) => v.to_string(),
        Attribute::String(v) => format!("{v:?}"),
        Attribute::Tensor(t) => format!("<tensor {:?}>", t.shape()),
        Attribute::Ints(v) => list(v),
        Attribute::Floats(v) => list(v),
        Attribute::Strings(v) => list(v),
    }
}
