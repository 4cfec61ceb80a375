//! Implied intervals: what the rows say about single coordinates. From `lower ≤ Σ cⱼ·yⱼ ≤ upper` and the intervals of all
//! coordinates but one follows an interval for that one; repeated until nothing moves much. Everything is rounded outward.

use super::{Domain, Row};
use crate::ir::interval::{Interval, gamma};

/// Passes over all rows; each is a valid enclosure, so stopping early is safe.
const PASSES: usize = 8;

/// An end that moves by less than this share of the width is not worth another pass.
const PROGRESS: f64 = 1e-3;

impl Domain {
    /// Recomputes the implied intervals from the box and the rows. Where they contradict each other, nothing is implied: that
    /// the domain is empty is for a solver to find and for a Farkas vector to prove.
    pub(crate) fn tighten(&mut self) {
        let the_box = || self.lower.iter().zip(&self.upper).map(|(l, u)| Interval::new(*l, *u)).collect::<Vec<_>>();
        let mut intervals = the_box();
        for _ in 0..PASSES {
            let mut moved = false;
            for row in &self.rows {
                match tightened(row, &mut intervals) {
                    Some(progress) => moved |= progress,
                    None => {
                        self.implied = the_box();
                        return;
                    }
                }
            }
            if !moved {
                break;
            }
        }
        self.implied = intervals;
    }
}

/// A sum of ends of which some may be infinite, so that each can be taken out again.
#[derive(Default)]
struct Sum {
    finite: f64,
    size: f64,
    infinite: usize,
}

impl Sum {
    fn add(&mut self, v: f64) {
        if v.is_finite() {
            self.finite += v;
            self.size += v.abs();
        } else {
            self.infinite += 1;
        }
    }

    /// The sum without the term `v`, and a bound on its rounding error; `None` if it is infinite.
    fn without(&self, v: f64, terms: usize) -> Option<(f64, f64)> {
        let error = gamma(terms + 2) * self.size;
        match (v.is_finite(), self.infinite) {
            (true, 0) => Some((self.finite - v, error)),
            (false, 1) => Some((self.finite, error)),
            _ => None,
        }
    }
}

/// Intersects the intervals of the row's coordinates with what it implies. Whether any moved noticeably; `None` if one
/// becomes empty.
fn tightened(row: &Row, intervals: &mut [Interval]) -> Option<bool> {
    let terms = row.coefficients.len();
    let ends = |j: usize, c: f64, of: &[Interval]| {
        let (a, b) = (c * of[j].lower, c * of[j].upper);
        if c > 0.0 { (a, b) } else { (b, a) }
    };
    let (mut least, mut most) = (Sum::default(), Sum::default());
    for (j, c) in row.coefficients.iter().filter(|(_, c)| *c != 0.0) {
        let (low, high) = ends(*j, *c, intervals);
        least.add(low);
        most.add(high);
    }
    let mut moved = false;
    for (j, c) in row.coefficients.iter().filter(|(_, c)| *c != 0.0) {
        let (low, high) = ends(*j, *c, intervals);
        // cⱼyⱼ ≤ upper − least of the others, cⱼyⱼ ≥ lower − most of the others.
        let above = least.without(low, terms).filter(|_| row.upper.is_finite()).map(|(rest, error)| {
            let v = row.upper - rest;
            v + error + 4.0 * f64::EPSILON * (v.abs() + row.upper.abs())
        });
        let below = most.without(high, terms).filter(|_| row.lower.is_finite()).map(|(rest, error)| {
            let v = row.lower - rest;
            v - error - 4.0 * f64::EPSILON * (v.abs() + row.lower.abs())
        });
        let (upper, lower) = if *c > 0.0 { (above, below) } else { (below, above) };
        let old = intervals[*j];
        let upper = upper.map_or(old.upper, |v| (v / c).next_up().min(old.upper));
        let lower = lower.map_or(old.lower, |v| (v / c).next_down().max(old.lower));
        if lower.is_nan() || upper.is_nan() {
            continue;
        }
        if lower > upper {
            return None;
        }
        let gain =
            |old: f64, new: f64| old != new && (old.is_infinite() || (old - new).abs() > PROGRESS * (upper - lower));
        moved |= gain(old.lower, lower) || gain(old.upper, upper);
        // The sums above stay as they are: they are enclosures all the same.
        intervals[*j] = Interval::new(lower, upper);
    }
    Some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn simplices_budgets_and_chains() {
        let domain = Domain::everything(3).with_simplex("s", &[0, 1], 1.0).unwrap();
        assert!(domain.intervals()[0].upper >= 1.0 && domain.intervals()[0].upper < 1.0 + 1e-14);
        assert_eq!(domain.intervals()[0].lower, 0.0);
        assert_eq!(domain.intervals()[2], Interval::new(-INF, INF));
        assert!(!domain.is_bounded());
        // y2 ≤ 2·y0 − 1 ≤ 1 and y2 ≥ y0 ≥ 0
        let domain = domain.with_row("chain", &[(2, 1.0), (0, -2.0)], -INF, -1.0).unwrap();
        let domain = domain.with_row("order", &[(2, 1.0), (0, -1.0)], 0.0, INF).unwrap();
        assert!(domain.is_bounded());
        assert!(domain.intervals()[2].upper < 1.0 + 1e-12 && domain.intervals()[2].lower > 0.5);
    }

    #[test]
    fn a_contradiction_implies_nothing() {
        let domain = Domain::cube(1, 0.0, 1.0).unwrap().with_row("far", &[(0, 1.0)], 2.0, INF).unwrap();
        assert_eq!(domain.intervals(), [Interval::new(0.0, 1.0)]);
    }

    proptest! {
        #[test]
        fn every_feasible_point_is_inside(
            y in prop::collection::vec(-3.0..3.0f64, 4),
            slack in prop::collection::vec((0.0..2.0f64, 0.0..2.0f64), 4),
            rows in prop::collection::vec((prop::collection::vec(-2.0..2.0f64, 4), 0.0..1.0f64, 0..3u8), 0..5),
        ) {
            let lower = y.iter().zip(&slack).map(|(v, (s, _))| if *s > 1.7 { -INF } else { v - s }).collect();
            let upper = y.iter().zip(&slack).map(|(v, (_, s))| if *s > 1.7 { INF } else { v + s }).collect();
            let mut domain = Domain::new_box(lower, upper).unwrap();
            for (c, slack, kind) in rows {
                let coefficients: Vec<(usize, f64)> = c.into_iter().enumerate().collect();
                let at: f64 = coefficients.iter().map(|(j, c)| c * y[*j]).sum();
                let (low, high) = [(at - 1e-12, at + 1e-12), (-INF, at + slack), (at - slack, INF)][usize::from(kind)];
                domain = domain.with_row("r", &coefficients, low, high).unwrap();
            }
            for (v, i) in y.iter().zip(domain.intervals()) {
                prop_assert!(i.contains(*v), "{} outside {:?}", v, i);
            }
        }
    }
}
