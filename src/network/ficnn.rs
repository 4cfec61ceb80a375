//! The fully input convex network as the paper writes it (eq. 2).

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::ir::builder::Builder;
use crate::ir::program::{NodeId, Program};
use crate::ir::unit::Unit;

/// One layer: z ↦ g(W^z z + W^y y + b).
#[derive(Debug, Clone, PartialEq)]
pub struct FicnnLayer {
    /// W^z, (width) × (previous width); `None` in the first layer. Entries must be ≥ 0 for f to be convex.
    pub wz: Option<DMatrix<f64>>,
    /// W^y, (width) × p.
    pub wy: DMatrix<f64>,
    /// b, (width).
    pub b: DVector<f64>,
}

/// f(y) with z₁ = g(W^y₀ y + b₀), zᵢ₊₁ = g(W^zᵢ zᵢ + W^yᵢ y + bᵢ), f = z_k; g is relu, and the identity in the last layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Ficnn {
    /// Layers, the last one of width 1.
    pub layers: Vec<FicnnLayer>,
}

impl Ficnn {
    /// Number of decisions p.
    pub fn decisions(&self) -> usize {
        self.layers.first().map_or(0, |l| l.wy.ncols())
    }

    /// f(y) by eq. 2, word for word: the reference that the compiled program is tested against.
    pub fn value(&self, y: &DVector<f64>) -> f64 {
        let mut z: Option<DVector<f64>> = None;
        for (i, layer) in self.layers.iter().enumerate() {
            let mut a = &layer.wy * y + &layer.b;
            if let (Some(wz), Some(z)) = (&layer.wz, &z) {
                a += wz * z;
            }
            z = Some(if i + 1 < self.layers.len() { a.map(|t| t.max(0.0)) } else { a });
        }
        z.map_or(0.0, |z| z[0])
    }

    /// The network as a program.
    ///
    /// Errors: [`Error::Choice`] naming the layer and both sizes where widths do not fit.
    pub fn program(&self) -> Result<Program, Error> {
        let mut b = Builder::new("y", &[self.decisions()]);
        let y = b.decision();
        let mut z: Option<NodeId> = None;
        for (i, layer) in self.layers.iter().enumerate() {
            let wrong = |reason: String| Error::Choice(format!("layer {i}: {reason}"));
            let width = layer.wy.nrows();
            let wy = b.constant(&format!("Wy{i}"), row_major(&layer.wy));
            let mut terms = vec![b.dense(y, wy, width).map_err(wrong)?];
            if let (Some(wz), Some(z)) = (&layer.wz, z) {
                let weight = b.constant(&format!("Wz{i}"), row_major(wz));
                terms.push(b.dense(z, weight, wz.nrows()).map_err(wrong)?);
            }
            terms.push(b.constant_vector(&format!("b{i}"), layer.b.as_slice().to_vec()));
            let a = b.sum(&terms).map_err(wrong)?;
            z = Some(if i + 1 < self.layers.len() { b.unit(a, Unit::Relu).map_err(wrong)? } else { a });
        }
        let output = z.ok_or_else(|| Error::Choice("a network without layers".into()))?;
        b.finish(output).map_err(Error::Choice)
    }
}

/// The entries of a matrix, row by row.
pub(super) fn row_major(m: &DMatrix<f64>) -> Vec<f64> {
    m.transpose().as_slice().to_vec()
}
