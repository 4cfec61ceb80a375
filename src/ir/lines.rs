//! [`Lines`]: a continuous piecewise-linear function of one variable, the form in which every piecewise-linear unit
//! meets the proof, the lowering and the certificate.

use std::sync::{Arc, LazyLock};

use super::interval::Interval;
use super::scalar::Behaviour;

/// One linear piece: t ↦ slope·t + intercept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Slope.
    pub slope: f64,
    /// Value at t = 0.
    pub intercept: f64,
}

impl Line {
    /// slope·t + intercept; a constant piece stays constant at infinity.
    pub fn at(&self, t: f64) -> f64 {
        if self.slope == 0.0 { self.intercept } else { self.slope * t + self.intercept }
    }
}

/// A continuous piecewise-linear function: `pieces[k]` holds between `breaks[k−1]` and `breaks[k]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    breaks: Vec<f64>,
    pieces: Vec<Line>,
}

static RELU: LazyLock<Arc<Lines>> = LazyLock::new(|| Arc::new(Lines::hinge(0.0, 0.0, 1.0)));

impl Lines {
    /// max(t, 0), shared.
    pub fn relu() -> Arc<Lines> {
        RELU.clone()
    }

    /// slope·t + intercept.
    pub fn line(slope: f64, intercept: f64) -> Lines {
        Lines { breaks: vec![], pieces: vec![Line { slope, intercept }] }
    }

    /// Slope `left` up to 0 and `right` beyond, value `at_zero` at 0.
    pub fn hinge(at_zero: f64, left: f64, right: f64) -> Lines {
        let line = |slope| Line { slope, intercept: at_zero };
        Lines { breaks: vec![0.0], pieces: vec![line(left), line(right)] }.merged()
    }

    /// min(max(t, lower), upper), for lower ≤ upper.
    pub fn clip(lower: f64, upper: f64) -> Lines {
        let mut lines = Lines::line(1.0, 0.0);
        if lower > f64::NEG_INFINITY {
            lines.breaks.push(lower);
            lines.pieces.insert(0, Line { slope: 0.0, intercept: lower });
        }
        if upper < f64::INFINITY {
            lines.breaks.push(upper);
            lines.pieces.push(Line { slope: 0.0, intercept: upper });
        }
        lines
    }

    /// From breakpoints (increasing) and pieces (one more), which must meet at the breakpoints up to rounding.
    ///
    /// Errors say at which breakpoint the pieces jump, and by how much.
    pub fn new(breaks: Vec<f64>, pieces: Vec<Line>) -> Result<Lines, String> {
        if pieces.len() != breaks.len() + 1 {
            return Err(format!("{} breakpoints need {} pieces, got {}", breaks.len(), breaks.len() + 1, pieces.len()));
        }
        if breaks.iter().any(|b| !b.is_finite()) || breaks.windows(2).any(|w| w[0] >= w[1]) {
            return Err("breakpoints must be finite and increasing".into());
        }
        for (k, b) in breaks.iter().enumerate() {
            let (left, right) = (pieces[k].at(*b), pieces[k + 1].at(*b));
            let size =
                [left, right, pieces[k].intercept, pieces[k + 1].intercept].iter().fold(0.0f64, |m, v| m.max(v.abs()));
            if (left - right).abs() > 4.0 * f64::EPSILON * size || left.is_nan() || right.is_nan() {
                return Err(format!("jumps from {left} to {right} at {b}"));
            }
        }
        Ok(Lines { breaks, pieces }.merged())
    }

    /// The pieces, from left to right.
    pub fn pieces(&self) -> &[Line] {
        &self.pieces
    }

    /// The breakpoints between them.
    pub fn breaks(&self) -> &[f64] {
        &self.breaks
    }

    fn merged(mut self) -> Lines {
        let mut k = 0;
        while k < self.breaks.len() {
            if self.pieces[k].slope == self.pieces[k + 1].slope {
                self.breaks.remove(k);
                self.pieces.remove(k + 1);
            } else {
                k += 1;
            }
        }
        self
    }

    /// Index of the piece that holds at t; at a breakpoint the left one.
    pub fn piece_at(&self, t: f64) -> usize {
        self.breaks.iter().take_while(|b| t > **b).count()
    }

    /// Value at t.
    pub fn value(&self, t: f64) -> f64 {
        self.pieces[self.piece_at(t)].at(t)
    }

    /// Slope at t; at a breakpoint the one on the left.
    pub fn slope(&self, t: f64) -> f64 {
        self.pieces[self.piece_at(t)].slope
    }

    /// The pieces that hold somewhere inside `on`: one where the sign is decided, always at least one.
    pub fn on(&self, on: Interval) -> &[Line] {
        &self.pieces[self.range_on(on)]
    }

    /// Where they lie among all pieces.
    pub fn range_on(&self, on: Interval) -> std::ops::Range<usize> {
        let first = self.breaks.iter().take_while(|b| **b <= on.lower).count();
        let last = self.breaks.iter().take_while(|b| **b < on.upper).count();
        first..last.max(first) + 1
    }

    /// Curvature and monotonicity on `on`.
    pub fn behaviour(&self, on: Interval) -> Behaviour {
        let pieces = self.on(on);
        Behaviour {
            convex: pieces.windows(2).all(|w| w[0].slope <= w[1].slope),
            concave: pieces.windows(2).all(|w| w[0].slope >= w[1].slope),
            nondecreasing: pieces.iter().all(|p| p.slope >= 0.0),
            nonincreasing: pieces.iter().all(|p| p.slope <= 0.0),
        }
    }

    /// The image of `on`, rounded outward.
    pub fn range(&self, on: Interval) -> Interval {
        let mut image: Option<Interval> = None;
        let inner = self.breaks.iter().copied().filter(|b| on.lower < *b && *b < on.upper);
        for t in [on.lower, on.upper].into_iter().chain(inner) {
            let piece = self.pieces[self.piece_at(t)];
            let v = if piece.slope == 0.0 {
                Interval::point(piece.intercept)
            } else {
                Interval::point(t).scale(piece.slope).plus(Interval::point(piece.intercept))
            };
            image = Some(image.map_or(v, |i| i.hull(v)));
        }
        image.unwrap_or(Interval::ENTIRE)
    }

    /// c·g(t)
    pub fn scaled(&self, c: f64) -> Lines {
        let pieces = self.pieces.iter().map(|p| Line { slope: c * p.slope, intercept: c * p.intercept }).collect();
        Lines { breaks: self.breaks.clone(), pieces }.merged()
    }

    /// g(s·t)
    pub fn of_scaled_argument(&self, s: f64) -> Lines {
        if s == 0.0 {
            return Lines::line(0.0, self.value(0.0));
        }
        let mut breaks: Vec<f64> = self.breaks.iter().map(|b| b / s).collect();
        let mut pieces: Vec<Line> =
            self.pieces.iter().map(|p| Line { slope: s * p.slope, intercept: p.intercept }).collect();
        if s < 0.0 {
            breaks.reverse();
            pieces.reverse();
        }
        Lines { breaks, pieces }
    }

    /// Σ gₖ(t)
    pub fn sum(terms: &[Lines]) -> Lines {
        let mut breaks: Vec<f64> = terms.iter().flat_map(|l| l.breaks.iter().copied()).collect();
        breaks.sort_by(f64::total_cmp);
        breaks.dedup();
        let probe = |k: usize| match (k.checked_sub(1).map(|j| breaks[j]), breaks.get(k)) {
            (None, None) => 0.0,
            (None, Some(right)) => right - 1.0 - right.abs(),
            (Some(left), None) => left + 1.0 + left.abs(),
            (Some(left), Some(right)) => left + (right - left) / 2.0,
        };
        let pieces = (0..=breaks.len())
            .map(|k| {
                let t = probe(k);
                terms.iter().map(|l| l.pieces[l.piece_at(t)]).fold(Line { slope: 0.0, intercept: 0.0 }, |a, p| Line {
                    slope: a.slope + p.slope,
                    intercept: a.intercept + p.intercept,
                })
            })
            .collect();
        Lines { breaks, pieces }.merged()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_relus_is_a_leaky_unit() {
        let relu = Lines::relu();
        let leaky = Lines::sum(&[(*relu).clone(), relu.of_scaled_argument(-1.0).scaled(-0.25)]);
        assert_eq!(leaky, Lines::hinge(0.0, 0.25, 1.0));
        assert_eq!(leaky.value(-4.0), -1.0);
    }

    #[test]
    fn an_interval_decides_a_clip() {
        let clip = Lines::clip(0.0, 6.0);
        let all = clip.behaviour(Interval::ENTIRE);
        assert!(!all.convex && !all.concave && all.nondecreasing);
        assert!(clip.behaviour(Interval::new(-3.0, 6.0)).convex);
        assert!(clip.behaviour(Interval::new(0.0, 60.0)).concave);
        assert_eq!(clip.on(Interval::new(1.0, 2.0)).len(), 1);
        assert_eq!(clip.on(Interval::point(0.0)).len(), 1);
        assert_eq!(clip.range(Interval::new(-1.0, 3.0)), Interval::new(0.0, 3.0));
    }

    #[test]
    fn a_jump_is_refused() {
        let line = |slope, intercept| Line { slope, intercept };
        assert!(Lines::new(vec![1.0], vec![line(0.0, 0.0), line(1.0, 0.0)]).is_err());
        assert!(Lines::new(vec![1.0], vec![line(0.0, 0.0), line(1.0, -1.0)]).is_ok());
    }
}
