//! The entropic problem, min f − τH (paper eqs. 6, 7), enclosed.

use super::minorant::Enclosed;
use super::value::value;
use crate::certificate::Multipliers;
use crate::ir::bounds::Bounds;
use crate::ir::elementary::{log_sum_exp, softplus, xlogx_of};
use crate::ir::enclose::divided;
use crate::ir::instance::Instance;
use crate::ir::interval::{Interval, sum_down, sum_up};

/// Where H lives: the box of `lower` and `upper` for coordinates outside of `simplices`, and for each of those (members,
/// total) the simplex yⱼ ≥ 0, Σ yⱼ = total.
#[derive(Debug, Clone, Copy)]
pub struct Entropic<'a> {
    /// Lower ends, finite (length p).
    pub lower: &'a [f64],
    /// Upper ends, finite (length p).
    pub upper: &'a [f64],
    /// Members and totals.
    pub simplices: &'a [(&'a [usize], f64)],
    /// τ > 0.
    pub tau: f64,
}

impl Entropic<'_> {
    /// The coordinates in no simplex.
    fn boxed(&self) -> Vec<usize> {
        let mut boxed = vec![true; self.lower.len()];
        self.simplices.iter().flat_map(|(members, _)| members.iter()).for_each(|j| boxed[*j] = false);
        (0..boxed.len()).filter(|j| boxed[*j]).collect()
    }
}

/// [a − b], rounded outward.
fn minus(a: f64, b: f64) -> Interval {
    Interval::new(sum_down(a, -b), sum_up(a, -b))
}

/// An interval that holds f(y) − τH(y); `None` where [`value`] has none. Members of a simplex are divided by its total; that
/// the shares add up to 1 is not asked for.
pub fn entropic_value(instance: &Instance, set: &Entropic<'_>, y: &[f64]) -> Option<Interval> {
    let mut sum = value(instance, y)?;
    let mut add = |part: Interval, whole: Interval| {
        if whole.lower <= 0.0 {
            return None;
        }
        let (low, high) = ((part.lower / whole.upper).next_down(), (part.upper / whole.lower).next_up());
        sum = sum.plus(xlogx_of(Interval::new(low.max(0.0), high.max(0.0))).scale(set.tau));
        Some(())
    };
    for j in set.boxed().into_iter().filter(|j| set.lower[*j] < set.upper[*j]) {
        let width = minus(set.upper[j], set.lower[j]);
        add(minus(y[j], set.lower[j]), width)?;
        add(minus(set.upper[j], y[j]), width)?;
    }
    for (members, total) in set.simplices {
        members.iter().try_for_each(|j| add(Interval::point(y[*j]), Interval::point(*total)))?;
    }
    Some(sum)
}

/// A true lower bound on min f − τH, from any slopes; −∞ where they prove nothing. In closed form, as in
/// [`entropic::bound`](crate::certificate::entropic::bound).
pub fn entropic_lower_bound(instance: &Instance, bounds: &Bounds, set: &Entropic<'_>, slopes: &Multipliers) -> f64 {
    let found = Enclosed::new(instance, bounds, slopes).and_then(|f| least(&f, set));
    found.filter(|bound| !bound.is_nan()).unwrap_or(f64::NEG_INFINITY)
}

fn least(f: &Enclosed, set: &Entropic<'_>) -> Option<f64> {
    let mut sum = f.constant();
    for (members, total) in set.simplices {
        // −τ·log Σ e^{−r·total/τ}
        let exponent = |j: &usize| divided(f.gradient.interval(*j).scale(-total), set.tau);
        let exponents: Vec<Interval> = members.iter().map(exponent).collect::<Option<_>>()?;
        sum = sum.plus(log_sum_exp(&exponents).scale(-set.tau));
    }
    for j in set.boxed() {
        let (r, l, u) = (f.gradient.interval(j), set.lower[j], set.upper[j]);
        // r·l − τ·log(1 + e^{−r(u − l)/τ}), concave in r: least at an end.
        let at = |r: f64| {
            let r = Interval::point(r);
            let start = r.product(Interval::point(l));
            if u <= l {
                return Some(start);
            }
            let t = divided(r.product(minus(u, l)).scale(-1.0), set.tau)?;
            let soft = Interval::new(softplus(t.lower).lower, softplus(t.upper).upper);
            Some(start.plus(soft.scale(-set.tau)))
        };
        let (a, b) = (at(r.lower)?, at(r.upper)?);
        sum = sum.plus(Interval::new(a.lower.min(b.lower), a.upper.max(b.upper)));
    }
    Some(sum.lower)
}
