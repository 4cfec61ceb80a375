//! [`Frame`]: the region in the coordinates of the master. What can move is scaled to [0, 1] or to a unit simplex, what is
//! fixed becomes part of the constant of a cut.

use std::ops::Range;

use crate::SolverError;
use crate::oracle::Cut;
use crate::region::Region;

/// y_j = origin_j + width_j·u_k for the k-th coordinate that moves, y_j = origin_j for the others.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The coordinate of y for each of u: those of the box first, then simplex after simplex.
    coordinates: Vec<usize>,
    widths: Vec<f64>,
    /// p: where all u are 0.
    origin: Vec<f64>,
    shape: Shape,
}

/// [0, 1]^`boxed` × unit simplices on ranges of the coordinates that follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Coordinates between 0 and 1, the first ones.
    pub boxed: usize,
    /// Simplices, one after the other.
    pub simplices: Vec<Range<usize>>,
}

impl Shape {
    /// n
    pub fn dimension(&self) -> usize {
        self.simplices.last().map_or(self.boxed, |last| last.end)
    }
}

impl Frame {
    /// The frame of a bounded region. Errors: [`SolverError::Refused`] for one without finite widths.
    pub fn new(region: &Region) -> Result<Frame, SolverError> {
        let moves = |j: &usize| region.lower()[*j] < region.upper()[*j];
        let mut coordinates: Vec<usize> = region.boxed().filter(moves).collect();
        let mut widths: Vec<f64> = coordinates.iter().map(|j| region.upper()[*j] - region.lower()[*j]).collect();
        let mut shape = Shape { boxed: coordinates.len(), simplices: vec![] };
        let mut origin = region.lower().to_vec();
        for simplex in region.simplices() {
            let begin = coordinates.len();
            coordinates.extend(&simplex.members);
            widths.resize(coordinates.len(), simplex.total);
            shape.simplices.push(begin..coordinates.len());
            simplex.members.iter().for_each(|j| origin[*j] = 0.0);
        }
        if let Some(k) = widths.iter().position(|w| !w.is_finite()) {
            let (j, width) = (coordinates[k], widths[k]);
            let reason = format!(
                "y[{j}] has a range of width {width}; entropy, by which steps are measured, needs a finite one"
            );
            return Err(SolverError::Refused { reason });
        }
        Ok(Frame { coordinates, widths, origin, shape })
    }

    /// The set of u.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The cut as a function of u: its gradient is appended to `gradients`, its value at u = 0 is returned.
    pub fn cut(&self, cut: &Cut, gradients: &mut Vec<f64>) -> f64 {
        gradients.extend(self.coordinates.iter().zip(&self.widths).map(|(j, width)| cut.gradient[*j] * width));
        let distances = self.origin.iter().zip(&cut.point).map(|(o, y)| o - y);
        cut.value + cut.gradient.iter().zip(distances).map(|(g, d)| g * d).sum::<f64>()
    }

    /// u at y, each in [0, 1].
    pub fn scaled<'s>(&'s self, y: &'s [f64]) -> impl Iterator<Item = f64> + 's {
        let moved = |(j, width): (&usize, &f64)| ((y[*j] - self.origin[*j]) / width).clamp(0.0, 1.0);
        self.coordinates.iter().zip(&self.widths).map(moved)
    }

    /// `y` becomes the point at u, given with 1 − u: from the nearer end, so that nothing is lost close to it.
    pub fn point(&self, u: &[f64], rest: &[f64], region: &Region, y: &mut Vec<f64>) {
        y.clone_from(&self.origin);
        for (k, (j, width)) in self.coordinates.iter().zip(&self.widths).enumerate() {
            y[*j] = match k < self.shape.boxed && u[k] > 0.5 {
                true => region.upper()[*j] - width * rest[k],
                false => self.origin[*j] + width * u[k],
            };
        }
    }
}
