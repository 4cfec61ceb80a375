//! Random domains for the property tests: any subset of the parts that a domain can have, around an anchor that is known to
//! lie in it, with the networks of [`networks`](crate::networks) as objectives; [`run`] takes a property through many cases.
// Each test file uses a part of this.
#![allow(dead_code, unused_imports)]

#[path = "domains/holds.rs"]
pub mod holds;
#[path = "domains/parts.rs"]
mod parts;
#[path = "domains/walk.rs"]
mod walk;

use std::sync::Arc;

use icnn::domain::Domain;
use icnn::ir::instance::Instance;
use icnn::network::{Ficnn, FicnnLayer};
use nalgebra::DMatrix;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::networks::{Case, Draw, Problem, Sides};

pub use parts::Parts;
pub use walk::Walk;

/// A convex function of p decisions for a learned constraint: a network of the paper, a layer of another unit, or a plane.
/// The coordinates in `without` do not enter.
pub fn level(d: &mut Draw, p: usize, without: &[usize]) -> Instance {
    let columns = |mut m: DMatrix<f64>| {
        without.iter().for_each(|j| m.column_mut(*j).fill(0.0));
        m
    };
    let program = match d.below(5) {
        kind @ 0..3 => {
            let widths = [vec![1], vec![3, 1], vec![2, 3, 1]][kind].clone();
            let layers = (0..widths.len()).map(|i| FicnnLayer {
                wz: (i > 0).then(|| d.nonnegative(widths[i], widths[i - 1])),
                wy: columns(d.matrix(widths[i], p)),
                b: d.biases(widths[i]),
            });
            Ficnn { layers: layers.collect() }.program().expect("widths fit")
        }
        kind => {
            let rows = |m: DMatrix<f64>| {
                let rows: Vec<Vec<f64>> = m.row_iter().map(|r| r.iter().copied().collect()).collect();
                format!("{rows:?}")
            };
            let (unit, width) =
                if kind == 3 { (["abs n3", "leaky n3 [0.25]"][d.below(2)], 3) } else { ("max n3 [0, 1] [1, 2]", 2) };
            let (w, b) = (rows(columns(d.matrix(3, p))), d.biases(3));
            let (head, slope) = (rows(d.nonnegative(1, width)), rows(columns(d.matrix(1, p))));
            let b = b.as_slice();
            format!(
                "y {p}\nn1 = dense n0 {w}\nn2 = param {b:?}\nn3 = sum n1 n2\nn4 = {unit}\nn5 = dense n4 {head}\n\
                 n6 = dense n0 {slope}\nn7 = sum n5 n6\noutput n7"
            )
            .parse()
            .expect("a program")
        }
    };
    Arc::new(program).at(&[]).expect("no context")
}

/// Numbers to draw from that depend on the seed of a case alone.
pub fn drawn_by(seed: u64) -> Draw {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((state >> 33) % 2001) as i32 - 1000
    };
    Draw::new((0..300).map(|_| next()).collect())
}

/// Some of the coordinates, at least one, in random order.
fn some(d: &mut Draw, p: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..p).collect();
    let keep = 1 + d.below(p);
    for k in 0..keep {
        let other = k + d.below(all.len() - k);
        all.swap(k, other);
    }
    all.truncate(keep);
    all
}

/// A domain in R^p made of any parts, and a point of it up to rounding.
pub fn draw(d: &mut Draw, p: usize, sides: Sides) -> (Domain, Vec<f64>) {
    let mut anchor = d.numbers(p);
    let simplices: Vec<Vec<usize>> = (0..d.below(5).saturating_sub(2)).map(|_| some(d, p)).collect();
    simplices.iter().flatten().for_each(|j| anchor[*j] = anchor[*j].abs());
    for simplex in &simplices {
        if simplex.iter().all(|j| anchor[*j] == 0.0) {
            anchor[simplex[0]] = 1.0;
        }
    }
    let style = if sides == Sides::Finite { 0 } else { d.below(4) };
    let (mut lower, mut upper) = (vec![], vec![]);
    for at in &anchor {
        let open = |d: &mut Draw| d.chance([0, 20, 50, 100][style]);
        let (below, above) = (d.number().abs(), d.number().abs() + if d.chance(20) { 0.0 } else { 1.0 });
        lower.push(if open(d) { f64::NEG_INFINITY } else { at - below });
        upper.push(if open(d) { f64::INFINITY } else { at + above });
    }
    let mut domain = Domain::new_box(lower, upper).expect("a box");
    for (j, at) in anchor.iter().enumerate() {
        if d.chance(12) {
            domain = domain.with_fixed(j, *at).expect("in the box");
        } else if d.chance(10) {
            domain = domain.with_bounds(j, at - 1.0, at + 0.5).expect("in the box");
        }
    }
    for (k, of) in simplices.iter().enumerate() {
        let total = of.iter().map(|j| anchor[*j]).sum();
        domain = domain.with_simplex(&format!("simplex {k}"), of, total).expect("a simplex");
    }
    for k in 0..d.below(6).saturating_sub(3) {
        let of = some(d, p);
        let sum: f64 = of.iter().map(|j| anchor[*j]).sum();
        let (low, high) = [(f64::NEG_INFINITY, sum + d.number().abs()), (sum, sum + 1.0), (sum, sum)][d.below(3)];
        domain = domain.with_sum(&format!("sum {k}"), &of, low, high).expect("a sum");
    }
    for k in 0..d.below(6).saturating_sub(3) {
        let of: Vec<(usize, f64)> = some(d, p).into_iter().map(|j| (j, d.number())).collect();
        let at: f64 = of.iter().map(|(j, c)| c * anchor[*j]).sum();
        let (low, high) = (at - d.number().abs(), at + d.number().abs());
        let name = format!("row {k}");
        domain = match d.below(4) {
            0 => domain.with_equation(&name, &of, at),
            1 => domain.with_row(&name, &of, low, f64::INFINITY),
            2 => domain.with_row(&name, &of, f64::NEG_INFINITY, high),
            _ => domain.with_row(&name, &of, low, high),
        }
        .expect("a row");
    }
    for k in 0..d.below(5).saturating_sub(2) {
        let h = level(d, p, &[]);
        let at = h.forward(&anchor).expect("finite").value();
        // Tight at the anchor, nearly so, or slack.
        let slack = [0.0, 1e-3, d.number().abs(), 1.0 + d.number().abs()][d.below(4)];
        domain = domain.with_at_most(&format!("level {k}"), &h, at + slack).expect("a constraint");
    }
    (domain, anchor)
}

/// Takes `property` through `cases` random cases, always the same ones, and panics with the smallest failing one.
/// The environment variable `CASES_FACTOR` multiplies `cases`, for a longer search by hand.
pub fn run<P: Problem>(cases: u32, sides: Sides, property: impl Fn(&Case<P>) -> Result<(), TestCaseError>) {
    let factor = std::env::var("CASES_FACTOR").map_or(1, |f| f.parse().expect("a whole number"));
    let config =
        Config { cases: cases * factor, failure_persistence: None, max_shrink_time: 10_000, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let numbers = || proptest::collection::vec(-1000..=1000i32, 300);
    let strategy = (numbers(), numbers(), any::<u64>());
    let result = TestRunner::new_with_rng(config, rng).run(&strategy, |(network, surroundings, seed)| {
        let problem = P::draw(&mut Draw::new(network));
        let mut d = Draw::new(surroundings);
        let program = Arc::new(problem.compiled());
        let x = d.numbers(problem.context());
        let instance = program.at(&x).expect("the context fits");
        let (domain, anchor) = draw(&mut d, program.decisions(), sides);
        let case = Case { problem, x, program, instance, domain, anchor, seed };
        property(&case).map_err(|e| TestCaseError::fail(format!("{e}\n{case:?}")))
    });
    if let Err(TestError::Fail(reason, _)) = &result {
        panic!("{reason}");
    }
    result.expect("all cases run");
}

/// One test a family: `families_on! { name: cases, sides; }`, where `name` is a property, generic over [`Problem`].
#[macro_export]
macro_rules! families_on {
    ($($name:ident: $cases:expr, $sides:expr;)*) => { $(
        mod $name {
            use $crate::domains;
            use $crate::networks::{ConvNet, Ficnn, Picnn, Sides, SkipNet, UnitNet};

            #[test]
            fn ficnn() {
                domains::run::<Ficnn>($cases, $sides, super::$name);
            }

            #[test]
            fn picnn() {
                domains::run::<Picnn>($cases, $sides, super::$name);
            }

            #[test]
            fn convolution() {
                domains::run::<ConvNet>($cases, $sides, super::$name);
            }

            #[test]
            fn units() {
                domains::run::<UnitNet>($cases, $sides, super::$name);
            }

            #[test]
            fn skips() {
                domains::run::<SkipNet>($cases, $sides, super::$name);
            }
        }
    )* };
}

/// One test a family of a function that runs its cases itself.
#[macro_export]
macro_rules! each_family {
    ($($name:ident),*) => { $(
        mod $name {
            use $crate::networks::{ConvNet, Ficnn, Picnn, SkipNet, UnitNet};

            #[test]
            fn ficnn() {
                super::$name::<Ficnn>();
            }

            #[test]
            fn picnn() {
                super::$name::<Picnn>();
            }

            #[test]
            fn convolution() {
                super::$name::<ConvNet>();
            }

            #[test]
            fn units() {
                super::$name::<UnitNet>();
            }

            #[test]
            fn skips() {
                super::$name::<SkipNet>();
            }
        }
    )* };
}
