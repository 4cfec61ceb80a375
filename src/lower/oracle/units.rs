//! [`UnitKernel`]: elementwise functions over whole vectors, with loops of their own for the common ones.

use icnn_solvers::dense::vectorised;

use crate::ir::forward::Scalars;
use crate::ir::instance::Instance;
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// The functions of one unit step.
#[derive(Debug)]
pub(super) enum UnitKernel {
    /// max(t, 0)
    Relu,
    /// right·t above 0, left·t below, the same for all elements.
    Hinge { left: f64, right: f64 },
    /// Anything else.
    Other(Scalars),
}

impl UnitKernel {
    /// That of `unit` with `len` elements.
    pub fn new(instance: &Instance, unit: &Unit, len: usize) -> UnitKernel {
        let scalars = instance.scalars(unit, len);
        if let Scalars::Shared(Scalar::Lines(lines)) = &scalars
            && let ([left, right], [0.0]) = (lines.pieces(), lines.breaks())
            && left.intercept == 0.0
            && right.intercept == 0.0
        {
            return match (left.slope, right.slope) {
                (0.0, 1.0) => UnitKernel::Relu,
                (left, right) => UnitKernel::Hinge { left, right },
            };
        }
        UnitKernel::Other(scalars)
    }

    /// out = g(t), for any number of rows of `len` elements.
    pub fn apply(&self, t: &[f64], out: &mut [f64], len: usize) {
        match self {
            UnitKernel::Relu => vectorised(
                #[inline(always)]
                || {
                    out.iter_mut().zip(t).for_each(|(o, t)| *o = if *t > 0.0 { *t } else { 0.0 });
                },
            ),
            UnitKernel::Hinge { left, right } => vectorised(
                #[inline(always)]
                || {
                    out.iter_mut().zip(t).for_each(|(o, t)| *o = if *t > 0.0 { right * t } else { left * t });
                },
            ),
            UnitKernel::Other(Scalars::Shared(g)) => out.iter_mut().zip(t).for_each(|(o, t)| *o = g.value(*t)),
            UnitKernel::Other(Scalars::Each(all)) => {
                for (out, t) in out.chunks_exact_mut(len).zip(t.chunks_exact(len)) {
                    out.iter_mut().zip(t).zip(all).for_each(|((o, t), g)| *o = g.value(*t));
                }
            }
        }
    }

    /// below += g′(t)·above; at kinks the slope on the left.
    pub fn add_adjoint(&self, t: &[f64], above: &[f64], below: &mut [f64], len: usize) {
        match self {
            UnitKernel::Relu => vectorised(
                #[inline(always)]
                || {
                    let entries = below.iter_mut().zip(above).zip(t);
                    entries.for_each(|((b, a), t)| *b += if *t > 0.0 { *a } else { 0.0 });
                },
            ),
            UnitKernel::Hinge { left, right } => vectorised(
                #[inline(always)]
                || {
                    let entries = below.iter_mut().zip(above).zip(t);
                    entries.for_each(|((b, a), t)| *b += a * if *t > 0.0 { right } else { left });
                },
            ),
            UnitKernel::Other(Scalars::Shared(g)) => {
                below.iter_mut().zip(above).zip(t).for_each(|((b, a), t)| *b += a * g.derivative(*t));
            }
            UnitKernel::Other(Scalars::Each(all)) => {
                let rows = below.chunks_exact_mut(len).zip(above.chunks_exact(len)).zip(t.chunks_exact(len));
                for ((below, above), t) in rows {
                    let entries = below.iter_mut().zip(above).zip(t).zip(all);
                    entries.for_each(|(((b, a), t), g)| *b += a * g.derivative(*t));
                }
            }
        }
    }
}
