//! FICNN and PICNN: the library's own word-for-word form of eq. 2 and 3 is the reference.

use icnn::ir::program::Program;
use icnn::network::{Ficnn, FicnnLayer, Picnn, PicnnLayer};
use nalgebra::{DMatrix, DVector};

use super::{Draw, Problem};

/// The widths of the layers, the last one 1.
pub fn widths(d: &mut Draw) -> Vec<usize> {
    let depth = d.below(4);
    (0..depth).map(|_| 1 + d.below(5)).chain([1]).collect()
}

impl Problem for Ficnn {
    fn draw(d: &mut Draw) -> Ficnn {
        let (p, widths) = (1 + d.below(4), widths(d));
        // Without W^y in the last layer minima are flat where all units are inactive.
        let flat = d.chance(30) && widths.len() > 1;
        let layers = (0..widths.len()).map(|i| FicnnLayer {
            wz: (i > 0).then(|| d.nonnegative(widths[i], widths[i - 1])),
            wy: if flat && i + 1 == widths.len() { DMatrix::zeros(1, p) } else { d.matrix(widths[i], p) },
            b: d.biases(widths[i]),
        });
        Ficnn { layers: layers.collect() }
    }

    fn reference(&self, _: &[f64], y: &[f64]) -> f64 {
        self.value(&DVector::from_column_slice(y))
    }

    fn compiled(&self) -> Program {
        self.program().expect("widths fit")
    }
}

impl Problem for Picnn {
    fn draw(d: &mut Draw) -> Picnn {
        let (p, q, widths) = (1 + d.below(4), 1 + d.below(3), widths(d));
        let flat = d.chance(30) && widths.len() > 1;
        let mut from = q;
        let mut layers = vec![];
        for (i, width) in widths.iter().enumerate() {
            let affine = |d: &mut Draw, rows: usize| (d.matrix(rows, from), d.biases(rows));
            let last = i + 1 == widths.len();
            let next = 1 + d.below(4);
            layers.push(PicnnLayer {
                z: (i > 0).then(|| (d.nonnegative(*width, widths[i - 1]), affine(d, widths[i - 1]))),
                wy: if flat && last { DMatrix::zeros(1, p) } else { d.matrix(*width, p) },
                yu: affine(d, p),
                u: affine(d, *width),
                next_u: (!last).then(|| affine(d, next)),
            });
            from = next;
        }
        Picnn { layers }
    }

    fn reference(&self, x: &[f64], y: &[f64]) -> f64 {
        self.value(&DVector::from_column_slice(x), &DVector::from_column_slice(y))
    }

    fn compiled(&self) -> Program {
        self.program().expect("widths fit")
    }

    fn context(&self) -> usize {
        self.context_len()
    }
}
