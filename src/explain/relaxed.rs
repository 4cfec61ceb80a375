//! [`Relaxed`]: the program over the domain, lowered so that it stays true when the domain's sides move a little.
//!
//! A lowering leaves out pieces of units that the domain rules out. Just beyond a bound they may begin to matter, so the
//! functions are lowered on a slightly wider domain and the sides are put back afterwards.

use std::borrow::Cow;

use icnn_solvers::LinearProgram;

use super::part::{Part, widened};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::lower::{Linear, linear};

/// By how much the sides are moved while the functions are lowered, relative to max(1, |side|).
const MARGIN: f64 = 1e-4;

/// A point that violates the program by more than this, relative to its entries, is not its optimum.
const VIOLATION: f64 = 1e-6;

/// A lowered problem with its functions.
pub(super) struct Relaxed<'a> {
    pub linear: Linear,
    /// The program with the domain's own sides.
    pub lp: LinearProgram,
    instance: Cow<'a, Instance>,
    domain: Domain,
    /// Whether sides may move outward: f is proven convex a little beyond them.
    pub outward: bool,
    /// Whether fixed coordinates may move: they are columns, not constants.
    pub fixed: bool,
}

impl<'a> Relaxed<'a> {
    /// Errors: as for [`linear`] on the domain itself.
    pub fn new(instance: &'a Instance, domain: &Domain) -> Result<Relaxed<'a>, Error> {
        let any_fixed = domain.lower().iter().zip(domain.upper()).any(|(l, u)| l == u);
        if any_fixed && let Ok(relaxed) = Relaxed::on(instance, domain, &widened(domain, MARGIN, true)?, true, true) {
            return Ok(relaxed);
        }
        match Relaxed::on(instance, domain, &widened(domain, MARGIN, false)?, true, false) {
            Err(Error::NotProven { .. } | Error::Concave | Error::Lowering { .. } | Error::NotFinite { .. }) => {
                Relaxed::on(instance, domain, domain, false, false)
            }
            other => other,
        }
    }

    fn on(
        instance: &'a Instance,
        domain: &Domain,
        wide: &Domain,
        outward: bool,
        fixed: bool,
    ) -> Result<Relaxed<'a>, Error> {
        let folded = if fixed { None } else { instance.fold_fixed(wide.intervals())? };
        let wide = if fixed { wide.clone() } else { wide.clone().folded()? };
        let instance = folded.map_or(Cow::Borrowed(instance), Cow::Owned);
        let linear = linear(&instance, &wide)?;
        let (p, rows) = (domain.dimension(), domain.rows());
        let mut lp = linear.lp.clone();
        lp.column_lower[..p].copy_from_slice(domain.lower());
        lp.column_upper[..p].copy_from_slice(domain.upper());
        for (i, row) in rows.iter().enumerate() {
            (lp.row_lower[i], lp.row_upper[i]) = (row.lower, row.upper);
        }
        Ok(Relaxed { linear, lp, instance, domain: wide, outward, fixed })
    }

    /// The point of the program that belongs to y: every epigraph column at the value of its unit. `None` if y is not
    /// feasible there.
    pub fn point(&self, y: &[f64]) -> Result<Option<Vec<f64>>, Error> {
        let mut traces = vec![self.instance.forward(y)?];
        for level in self.domain.sublevels() {
            traces.push(level.function.forward(y)?);
        }
        let mut x = vec![0.0; self.lp.columns()];
        x[..y.len()].copy_from_slice(y);
        for e in &self.linear.epigraphs {
            x[e.column] = traces[e.function].of(e.node)[e.element];
        }
        for d in &self.linear.definitions {
            x[d.column] = traces[d.function].of(d.node)[d.element];
        }
        let size = x.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        Ok((self.lp.residuals(&x) <= VIOLATION * size).then_some(x))
    }

    /// Whether `part` may be moved up (`up`) without leaving what is proven.
    pub fn may_move(&self, part: Part, up: bool) -> bool {
        match part {
            Part::Level(_) => true,
            Part::Fixed(_) => self.fixed,
            Part::Equation(_) => self.outward,
            // A lower side moves outward when it falls.
            side => self.outward || side.is_lower() == up,
        }
    }
}
