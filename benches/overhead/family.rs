//! The networks that are measured: random FICNNs (kind R) as ONNX files.

#[path = "../../tests/common/onnx.rs"]
mod onnx;

use nalgebra::DMatrix;
use onnx::{ModelBuilder, int};

use super::families::{FAMILIES, Family, Kind};

/// A size, and how often it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub family: Family,
    pub repetitions: usize,
}

/// The sizes, smallest first.
pub const MEASURED: [Measured; 4] = [
    Measured { family: FAMILIES[2], repetitions: 81 },
    Measured {
        family: Family {
            name: "two200",
            decisions: 100,
            hidden: &[200, 200],
            seed: 200,
            trained: false,
            ..FAMILIES[4]
        },
        repetitions: 31,
    },
    Measured { family: FAMILIES[3], repetitions: 11 },
    Measured { family: FAMILIES[4], repetitions: 7 },
];

impl Measured {
    /// The network of kind R as an ONNX file with f32 weights.
    pub fn onnx(&self) -> Vec<u8> {
        self.onnx_of(Kind::Random)
    }

    /// The network of kind R or U as an ONNX file with f32 weights.
    pub fn onnx_of(&self, kind: Kind) -> Vec<u8> {
        let p = self.family.decisions as i64;
        let mut model = ModelBuilder::new(17).input("y", &[Some(1), Some(p)]);
        let transposed = || vec![int("transB", 1)];
        let layers = self.family.ficnn(kind).layers;
        let mut previous: Option<(String, i64)> = None;
        for (k, layer) in layers.iter().enumerate() {
            let n = layer.wy.nrows() as i64;
            let name = |what: &str| format!("{what}{k}");
            let (wz, wy, b, zy, zz, a, z) =
                (name("wz"), name("wy"), name("b"), name("zy"), name("zz"), name("a"), name("z"));
            let bias: Vec<f32> = layer.b.iter().map(|b| *b as f32).collect();
            model = model.initializer(&wy, &[n, p], &row_major(&layer.wy)).initializer(&b, &[n], &bias).node(
                "Gemm",
                &["y", &wy, &b],
                &[&zy],
                transposed(),
            );
            let sum = match (&layer.wz, &previous) {
                (Some(weights), Some((below, m))) => {
                    model = model
                        .initializer(&wz, &[n, *m], &row_major(weights))
                        .node("Gemm", &[below, &wz], &[&zz], transposed())
                        .node("Add", &[&zz, &zy], &[&a], vec![]);
                    a
                }
                _ => zy,
            };
            if k + 1 == layers.len() {
                return model.node("Identity", &[&sum], &["f"], vec![]).output("f").bytes();
            }
            model = model.node("Relu", &[&sum], &[&z], vec![]);
            previous = Some((z, n));
        }
        unreachable!("a network has an output layer")
    }
}

/// The entries row by row; they are f32 numbers.
fn row_major(m: &DMatrix<f64>) -> Vec<f32> {
    m.transpose().iter().map(|w| *w as f32).collect()
}
