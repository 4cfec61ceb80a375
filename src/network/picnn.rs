//! The partially input convex network as the paper writes it (eq. 3).

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use ndarray::{ArrayD, IxDyn};

use super::ficnn::row_major;
use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::context::{ContextArgument, ContextInput, ContextStep, ContextValue};
use crate::ir::interval::Interval;
use crate::ir::program::{NodeId, ParamId, ParamSource, Program};
use crate::ir::unit::Unit;
use crate::load::graph::{Attribute, Node};
use crate::tensor::Tensor;

/// An affine map W u + b of the x-path.
pub type Affine = (DMatrix<f64>, DVector<f64>);

/// One layer of eq. 3.
#[derive(Debug, Clone, PartialEq)]
pub struct PicnnLayer {
    /// W^z (≥ 0) and the gate [W^zu u + b^z]₊; `None` in the first layer.
    pub z: Option<(DMatrix<f64>, Affine)>,
    /// W^y.
    pub wy: DMatrix<f64>,
    /// W^yu and b^y.
    pub yu: Affine,
    /// W^u and b.
    pub u: Affine,
    /// W~ and b~ of the next u; `None` in the last layer.
    pub next_u: Option<Affine>,
}

/// f(x, y) of eq. 3 with u₀ = x, g and g~ relu, and the identity in the last layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Picnn {
    /// Layers, the last one of width 1.
    pub layers: Vec<PicnnLayer>,
}

impl Picnn {
    /// Number of decisions p.
    pub fn decisions(&self) -> usize {
        self.layers.first().map_or(0, |l| l.wy.ncols())
    }

    /// Width q of the context.
    pub fn context_len(&self) -> usize {
        self.layers.first().map_or(0, |l| l.u.0.ncols())
    }

    /// f(x, y) by eq. 3, word for word: the reference that the compiled program is tested against.
    pub fn value(&self, x: &DVector<f64>, y: &DVector<f64>) -> f64 {
        let affine = |(w, b): &Affine, u: &DVector<f64>| w * u + b;
        let relu = |v: DVector<f64>| v.map(|t| t.max(0.0));
        let (mut u, mut z) = (x.clone(), None::<DVector<f64>>);
        for (i, layer) in self.layers.iter().enumerate() {
            let mut a = &layer.wy * y.component_mul(&affine(&layer.yu, &u)) + affine(&layer.u, &u);
            if let (Some((wz, gate)), Some(z)) = (&layer.z, &z) {
                a += wz * z.component_mul(&relu(affine(gate, &u)));
            }
            z = Some(if i + 1 < self.layers.len() { relu(a) } else { a });
            if let Some(next) = &layer.next_u {
                u = relu(affine(next, &u));
            }
        }
        z.map_or(0.0, |z| z[0])
    }

    /// The network as a program whose x-path computes scales and biases only.
    ///
    /// Errors: [`Error::Choice`] naming the layer and both sizes where widths do not fit.
    pub fn program(&self) -> Result<Program, Error> {
        let mut path = Path { b: Builder::new("y", &[self.decisions()]) };
        let q = self.context_len();
        path.b.context_mut().inputs.push(ContextInput { name: "x".into(), shape: vec![1, q] });
        path.b.context_mut().opset = 17;
        path.b.context_mut().limit = 1 << 24;
        let y = path.b.decision();
        let (mut u, mut z): (ContextValue, Option<NodeId>) = (ContextValue::Input(0), None);
        for (i, layer) in self.layers.iter().enumerate() {
            let wrong = |reason: String| Error::Choice(format!("layer {i}: {reason}"));
            let scale = path.affine(&layer.yu, u, &format!("yu{i}"));
            let scale = path.param(scale, layer.yu.1.len(), Interval::ENTIRE);
            let scaled = path.b.scale(y, scale).map_err(wrong)?;
            let wy = path.b.constant(&format!("Wy{i}"), row_major(&layer.wy));
            let mut terms = vec![path.b.dense(scaled, wy, layer.wy.nrows()).map_err(wrong)?];
            if let (Some((wz, gate)), Some(z)) = (&layer.z, z) {
                let open = path.affine(gate, u, &format!("zu{i}"));
                let open = path.relu(open, &format!("gate{i}"));
                let open = path.param(open, gate.1.len(), Interval::NONNEGATIVE);
                let gated = path.b.scale(z, open).map_err(wrong)?;
                let weight = path.b.constant(&format!("Wz{i}"), row_major(wz));
                terms.push(path.b.dense(gated, weight, wz.nrows()).map_err(wrong)?);
            }
            let bias = path.affine(&layer.u, u, &format!("u{i}"));
            let bias = path.param(bias, layer.u.1.len(), Interval::ENTIRE);
            terms.push(path.b.vector(bias));
            let a = path.b.sum(&terms).map_err(wrong)?;
            z = Some(if i + 1 < self.layers.len() { path.b.unit(a, Unit::Relu).map_err(wrong)? } else { a });
            if let Some(next) = &layer.next_u {
                let a = path.affine(next, u, &format!("u~{i}"));
                u = path.relu(a, &format!("u{}", i + 1));
            }
        }
        let output = z.ok_or_else(|| Error::Choice("a network without layers".into()))?;
        path.b.finish(output).map_err(Error::Choice)
    }
}

/// A builder with shorthands for the x-path.
struct Path {
    b: Builder,
}

impl Path {
    fn step(&mut self, op: &str, name: &str, arguments: Vec<ContextArgument>, attribute: Option<&str>) -> ContextValue {
        let attributes = attribute.map(|a| (a.to_string(), Attribute::Int(1))).into_iter().collect();
        let node = Node { name: name.into(), op: op.into(), inputs: vec![], outputs: vec![], attributes };
        let steps = &mut self.b.context_mut().steps;
        steps.push(ContextStep { node, arguments: arguments.into_iter().map(Some).collect() });
        ContextValue::Step { step: steps.len() - 1, output: 0 }
    }

    fn affine(&mut self, (w, b): &Affine, u: ContextValue, name: &str) -> ContextValue {
        let constant = |v: Vec<f64>, shape: &[usize]| {
            let array = ArrayD::from_shape_vec(IxDyn(shape), v).unwrap_or_else(|_| ArrayD::zeros(IxDyn(shape)));
            ContextArgument::Constant(Arc::new(Tensor::Float(array)))
        };
        let weight = constant(row_major(w), &[w.nrows(), w.ncols()]);
        let bias = constant(b.as_slice().to_vec(), &[b.len()]);
        self.step("Gemm", name, vec![ContextArgument::Value(u), weight, bias], Some("transB"))
    }

    fn relu(&mut self, v: ContextValue, name: &str) -> ContextValue {
        self.step("Relu", name, vec![ContextArgument::Value(v)], None)
    }

    fn param(&mut self, value: ContextValue, len: usize, range: Interval) -> ParamId {
        let name = match value {
            ContextValue::Step { step, .. } => self.b.context_mut().steps[step].node.name.clone(),
            ContextValue::Input(_) => "x".into(),
        };
        self.b.param(&name, len, ParamSource::Context { value, range })
    }
}
