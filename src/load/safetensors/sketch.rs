//! [`Sketch`]: a graph written operation by operation.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayD, IxDyn};

use crate::load::graph::{Attribute, Dim, Graph, Node, ValueInfo};
use crate::tensor::Tensor;

/// The version of the operator set the operations are written in.
const OPSET: i64 = 17;

/// A graph under construction. Values carry the names of the operations that make them.
pub(super) struct Sketch {
    graph: Graph,
}

impl Sketch {
    /// A graph with the given inputs (name and width of a row) of a file that stores so many numbers.
    pub fn new(inputs: &[(&str, usize)], stored_elements: usize) -> Sketch {
        let inputs = inputs.iter().map(|(name, width)| row(name, *width)).collect();
        let (outputs, initializers, nodes) = (vec![], BTreeMap::new(), vec![]);
        Sketch { graph: Graph { opset: OPSET, inputs, outputs, initializers, nodes, stored_elements } }
    }

    /// The graph with the value `output`, a row of `width` entries, as its output `f`.
    pub fn finish(mut self, output: String, width: usize) -> Graph {
        let f = self.op("Identity", "f", &[&output]);
        self.graph.outputs.push(row(&f, width));
        self.graph
    }

    /// A stored tensor, under the name it has in the file.
    pub fn tensor(&mut self, name: &str, value: Tensor) -> String {
        let name = format!("tensor:{name}");
        self.graph.initializers.insert(name.clone(), value);
        name
    }

    /// A number.
    pub fn number(&mut self, v: f64) -> String {
        self.tensor(&format!("number:{v:?}"), Tensor::Float(ArrayD::from_elem(IxDyn(&[]), v)))
    }

    /// A list of integers.
    pub fn integers(&mut self, v: &[i64]) -> String {
        self.tensor(&format!("integers:{v:?}"), Tensor::Int(Array1::from(v.to_vec()).into_dyn()))
    }

    /// An operation; `name` must be new.
    pub fn op(&mut self, op: &str, name: &str, inputs: &[&str]) -> String {
        self.node(op, name, inputs, BTreeMap::new())
    }

    /// An operation with one number as attribute.
    pub fn with(&mut self, op: &str, name: &str, inputs: &[&str], (key, v): (&str, f64)) -> String {
        self.node(op, name, inputs, BTreeMap::from([(key.to_string(), Attribute::Float(v))]))
    }

    /// W·t (+ b) for every row t; `transposed`: the tensor is [outputs, inputs].
    pub fn gemm(&mut self, name: &str, t: &str, weight: &str, bias: Option<&str>, transposed: bool) -> String {
        let inputs: Vec<&str> = [t, weight].into_iter().chain(bias).collect();
        let attributes = BTreeMap::from([("transB".to_string(), Attribute::Int(transposed.into()))]);
        self.node("Gemm", name, &inputs, attributes)
    }

    /// t times a number.
    pub fn times(&mut self, name: &str, t: &str, factor: f64) -> String {
        if factor == 1.0 {
            return t.to_string();
        }
        let factor = self.number(factor);
        self.op("Mul", name, &[t, &factor])
    }

    /// The sum of at least one term.
    pub fn sum(&mut self, name: &str, terms: &[String]) -> String {
        let mut total = terms[0].clone();
        for (k, term) in terms.iter().enumerate().skip(1) {
            let last = k + 1 == terms.len();
            total = self.op("Add", &if last { name.to_string() } else { format!("{name}.{k}") }, &[&total, term]);
        }
        total
    }

    fn node(&mut self, op: &str, name: &str, inputs: &[&str], attributes: BTreeMap<String, Attribute>) -> String {
        self.graph.nodes.push(Node {
            name: name.to_string(),
            op: op.to_string(),
            inputs: inputs.iter().map(|i| Some(i.to_string())).collect(),
            outputs: vec![name.to_string()],
            attributes,
        });
        name.to_string()
    }
}

fn row(name: &str, width: usize) -> ValueInfo {
    ValueInfo { name: name.to_string(), dims: Some(vec![Dim::Symbol("batch".into()), Dim::Known(width)]) }
}
