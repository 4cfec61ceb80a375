//! Strategies for proptest. A case shrinks by fewer decisions, fewer layers, fewer units, then by weights nearer to 0 that have
//! fewer binary digits; every step of it is a network of the same family, so it stays convex.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::numbers::LARGEST;
use super::{Family, Features, Known, Numbers, Problem, Sizes};

/// Numbers in a list that a case draws from.
const NUMBERS: usize = 256;

/// The sizes that a strategy draws from.
#[derive(Debug, Clone)]
pub struct Ranges {
    /// p
    pub decisions: RangeInclusive<usize>,
    /// q, for [`Family::Picnn`]; other families take no context.
    pub context: RangeInclusive<usize>,
    /// Hidden layers.
    pub layers: RangeInclusive<usize>,
    /// Units of each.
    pub units: RangeInclusive<usize>,
}

impl Default for Ranges {
    /// Networks for which a whole test suite takes seconds: up to 4 decisions, 3 context entries, 3 layers of 5 units.
    fn default() -> Ranges {
        Ranges { decisions: 1..=4, context: 1..=3, layers: 1..=3, units: 1..=5 }
    }
}

/// What cases are made of.
fn parts(family: Family, ranges: &Ranges) -> impl Strategy<Value = (Sizes, Numbers)> + use<> {
    let context = if family == Family::Picnn { ranges.context.clone() } else { 0..=0 };
    let hidden = proptest::collection::vec(ranges.units.clone(), ranges.layers.clone());
    let numbers = proptest::collection::vec(-LARGEST..=LARGEST, NUMBERS);
    (ranges.decisions.clone(), context, hidden, numbers).prop_map(|(decisions, context, hidden, numbers)| {
        (Sizes { decisions, context, hidden }, Numbers::Listed(numbers))
    })
}

/// Random networks of a family over random boxes.
///
/// ```
/// use icnn::testing::{Family, Ranges, networks};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |(problem in networks(Family::Ficnn, &Ranges::default()))| {
///     let (u, v) = (problem.domain.lower(), problem.domain.upper());
///     let middle: Vec<f64> = u.iter().zip(v).map(|(u, v)| (u + v) / 2.0).collect();
///     let f = |y: &[f64]| problem.instance.forward(y).unwrap().value();
///     prop_assert!(f(&middle) <= (f(u) + f(v)) / 2.0 + 1e-9);
/// });
/// ```
///
/// # Panics
/// Ranges that leave [`Sizes`].
pub fn networks(family: Family, ranges: &Ranges) -> impl Strategy<Value = Problem> + use<> {
    parts(family, ranges).prop_map(move |(sizes, numbers)| {
        Problem::random(family, &sizes, &numbers).unwrap_or_else(|e| panic!("{} {sizes:?}: {e}", family.name()))
    })
}

/// Random networks of a family with known minimisers. Of a feature that the drawn sizes do not allow there is as much as they
/// do: a flat has at most p − 1 dimensions, a minimiser at most p coordinates on faces.
///
/// ```
/// use icnn::testing::{Family, Features, Ranges, known_minimisers};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |(known in known_minimisers(Family::Max, &Ranges::default(), &Features::default()))| {
///     let f = |y: &[f64]| known.problem.instance.forward(y).unwrap().value();
///     prop_assert!(f(&known.y) <= f(known.problem.domain.lower()));
/// });
/// ```
///
/// # Panics
/// Ranges that leave [`Sizes`]; features that exclude each other; numbers that do not fit into 53 bits.
pub fn known_minimisers(family: Family, ranges: &Ranges, features: &Features) -> impl Strategy<Value = Known> + use<> {
    let features = features.clone();
    parts(family, ranges).prop_map(move |(sizes, numbers)| {
        let p = sizes.decisions;
        let features = Features { flat: features.flat.min(p - 1), faces: features.faces.min(p), ..features };
        Known::new(family, &sizes, &features, &numbers).unwrap_or_else(|e| panic!("{} {sizes:?}: {e}", family.name()))
    })
}
