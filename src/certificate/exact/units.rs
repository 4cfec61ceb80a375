//! Which units have exact values: those whose lines are the numbers that the network holds, not rounded ones.

use super::dyadic::Dyadic;
use super::{NotVerified, refused};
use crate::ir::forward::Scalars;
use crate::ir::instance::Instance;
use crate::ir::lines::Lines;
use crate::ir::scalar::Scalar;
use crate::ir::unit::{Term, Unit};

/// What the slopes of a piecewise-linear function do from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Line,
    Convex,
    Concave,
    Neither,
}

impl Shape {
    pub fn of(lines: &Lines) -> Shape {
        let ordered = |f: fn(&f64, &f64) -> bool| lines.pieces().windows(2).all(|w| f(&w[0].slope, &w[1].slope));
        match lines.pieces().len() {
            1 => Shape::Line,
            _ if ordered(f64::le) => Shape::Convex,
            _ if ordered(f64::ge) => Shape::Concave,
            _ => Shape::Neither,
        }
    }

    /// For messages: what the function is.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Line => "affine",
            Shape::Convex => "convex",
            Shape::Concave => "concave",
            Shape::Neither => "neither convex nor concave",
        }
    }
}

/// The functions of the elements of a unit node, each piecewise linear and without a rounded number.
pub(super) fn scalars(instance: &Instance, unit: &Unit, len: usize) -> Result<Scalars, NotVerified> {
    let scalars = instance.scalars(unit, len);
    let distinct = match &scalars {
        Scalars::Shared(_) => 1,
        Scalars::Each(all) => all.len(),
    };
    for i in 0..distinct {
        let no = |reason: &str| refused(format!("element {i}: {reason}"));
        let Scalar::Lines(lines) = scalars.get(i) else {
            return no("it is not piecewise linear, so it has no exact value");
        };
        if lines.pieces().iter().any(|p| !p.slope.is_finite() || !p.intercept.is_finite()) {
            return no("one of its lines is not finite");
        }
        if let Unit::Combination(terms) = unit
            && !is_exact(instance, terms, i, lines)?
        {
            return no("the sum of its terms is rounded");
        }
    }
    Ok(scalars)
}

/// The lines of an element that [`scalars`] has accepted.
pub(super) fn lines(scalars: &Scalars, i: usize) -> Result<&Lines, NotVerified> {
    match scalars.get(i) {
        Scalar::Lines(lines) => Ok(lines),
        _ => refused(format!("element {i}: it is not piecewise linear, so it has no exact value")),
    }
}

/// Whether the lines of a sum c·g(s·t) + … of functions with a kink at 0 alone, where they are 0, are the real sum.
fn is_exact(instance: &Instance, terms: &[Term], i: usize, sum: &Lines) -> Result<bool, NotVerified> {
    // Value at −1 and at 1 of a function of this kind.
    let ends = |lines: &Lines| {
        let kink = lines.breaks().iter().all(|b| *b == 0.0) && lines.pieces().iter().all(|p| p.intercept == 0.0);
        let slopes = (lines.pieces().first()?.slope, lines.pieces().last()?.slope);
        kink.then(|| [Dyadic::of(slopes.0).negated(), Dyadic::of(slopes.1)])
    };
    let mut total = [Dyadic::zero(), Dyadic::zero()];
    for term in terms {
        let function = term.unit.scalar(i, &|p, i| instance.entry(p, i));
        let (Scalar::Lines(lines), Some(c)) = (function, instance.entry(term.weight, i)) else { return Ok(false) };
        let Some([low, high]) = ends(&lines).filter(|_| c.is_finite() && term.inner.is_finite()) else {
            return Ok(false);
        };
        let mirrored = term.inner < 0.0;
        for (side, total) in total.iter_mut().enumerate() {
            let g = if (side == 0) != mirrored { &low } else { &high };
            *total = total.plus(&g.times(term.inner.abs()).times(c))?;
        }
    }
    let Some(found) = ends(sum) else { return Ok(false) };
    Ok(found[0].minus(&total[0])?.is_zero() && found[1].minus(&total[1])?.is_zero())
}
