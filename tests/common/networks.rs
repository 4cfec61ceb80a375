//! Random networks for the property tests. A family is one struct: how to draw it, a naive reference, the program under
//! test; a [`Case`] puts one into a random context and domain, and [`run`] takes a property through many cases.
// Each test file uses a part of this.
#![allow(dead_code, unused_imports)]

#[path = "networks/convolution.rs"]
mod convolution;
#[path = "networks/draw.rs"]
mod draw;
#[path = "networks/layered.rs"]
mod layered;
#[path = "networks/paper.rs"]
mod paper;
#[path = "networks/skips.rs"]
mod skips;
#[path = "networks/smooth.rs"]
mod smooth;
#[path = "networks/units.rs"]
mod units;

use std::fmt;
use std::sync::Arc;

use icnn::domain::Domain;
use icnn::ir::instance::Instance;
use icnn::ir::linear::LinearMap;
use icnn::ir::program::{GroupKind, Op, Program};
use icnn::ir::scalar::Scalar;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub use convolution::ConvNet;
pub use draw::{Draw, Points};
pub use icnn::network::{Ficnn, Picnn};
pub use skips::SkipNet;
pub use smooth::SmoothNet;
pub use units::UnitNet;

/// A family of random networks, convex in y whatever is drawn.
pub trait Problem: fmt::Debug + Sized {
    /// How to generate one.
    fn draw(d: &mut Draw) -> Self;
    /// f(x, y) the naive way.
    fn reference(&self, x: &[f64], y: &[f64]) -> f64;
    /// The system under test.
    fn compiled(&self) -> Program;
    /// Width of x.
    fn context(&self) -> usize {
        0
    }
}

/// Which domains are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sides {
    /// Finite boxes, some with fixed coordinates, some with rows.
    Finite,
    /// Sides may be infinite as well.
    Any,
}

/// One random network in one random context over one random domain.
pub struct Case<P> {
    pub problem: P,
    pub x: Vec<f64>,
    pub program: Arc<Program>,
    pub instance: Instance,
    pub domain: Domain,
    /// A point of the domain, up to rounding.
    pub anchor: Vec<f64>,
    /// Seed of the points at which a property is tested.
    pub seed: u64,
}

impl<P: Problem> Case<P> {
    fn new(network: Vec<i32>, surroundings: Vec<i32>, seed: u64, sides: Sides) -> Case<P> {
        let problem = P::draw(&mut Draw::new(network));
        let mut d = Draw::new(surroundings);
        let program = Arc::new(problem.compiled());
        let x = d.numbers(problem.context());
        let instance = program.at(&x).expect("the context fits");
        let (domain, anchor) = d.domain(program.decisions(), sides);
        Case { problem, x, program, instance, domain, anchor, seed }
    }

    /// f(y) of the program under test.
    pub fn value(&self, y: &[f64]) -> f64 {
        self.instance.forward(y).expect("a finite value").value()
    }

    /// f(y) the naive way.
    pub fn reference(&self, y: &[f64]) -> f64 {
        self.problem.reference(&self.x, y)
    }

    /// Random points of the domain.
    pub fn points(&self) -> Points<'_> {
        Points::new(&self.domain, &self.anchor, self.seed)
    }
}

impl<P: fmt::Debug> fmt::Debug for Case<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { problem, x, program, domain, anchor, seed, .. } = self;
        write!(f, "{problem:?}\n{program:#}x {x:?}\n{domain:?}\nanchor {anchor:?}\nseed {seed}")
    }
}

/// The size of the numbers that are added up on the way to f(y): |weights|, |slopes| and |biases| throughout. Rounding
/// errors are a small multiple of ε times this, and so is the meaning of "relative" in every tolerance here.
pub fn magnitude(instance: &Instance, y: &[f64]) -> f64 {
    let mut sizes: Vec<Vec<f64>> = vec![];
    for node in instance.program().nodes() {
        let v = |id: &icnn::ir::program::NodeId| &sizes[id.index()];
        let size: Vec<f64> = match &node.op {
            Op::Decision => y.iter().map(|v| v.abs()).collect(),
            Op::Param(p) => instance.known(*p).unwrap_or(&[]).iter().map(|v| v.abs()).collect(),
            Op::Linear { input, map } => {
                let mut out = vec![0.0; node.len];
                let weights = match map {
                    LinearMap::Gather { .. } => None,
                    map => instance.weights(map),
                };
                map.visit(weights, |i, j, w| out[i] += w.abs() * v(input)[j]);
                out
            }
            Op::Scale { input, by } => {
                let factor = |i| instance.entry(*by, i).unwrap_or(f64::NAN).abs();
                v(input).iter().enumerate().map(|(i, s)| s * factor(i)).collect()
            }
            Op::Sum(inputs) => (0..node.len).map(|i| inputs.iter().map(|id| v(id)[i]).sum()).collect(),
            Op::Concat(inputs) => inputs.iter().flat_map(v).copied().collect(),
            Op::Unit { input, unit } => {
                let largest = |i: usize, s: f64| match instance.scalar(unit, i) {
                    Scalar::Lines(l) => {
                        l.pieces().iter().map(|p| p.slope.abs() * s + p.intercept.abs()).fold(0.0, f64::max)
                    }
                    _ => f64::NAN,
                };
                v(input).iter().enumerate().map(|(i, s)| largest(i, *s)).collect()
            }
            Op::Group { input, kind: GroupKind::Max, groups } => {
                (0..node.len).map(|g| groups.group(g).iter().map(|i| v(input)[*i]).fold(0.0, f64::max)).collect()
            }
            other => panic!("no family here has {other:?}"),
        };
        sizes.push(size);
    }
    sizes.last().expect("an output")[0]
}

/// Takes `property` through `cases` random cases, always the same ones, and panics with the smallest failing one.
/// The environment variable `CASES_FACTOR` multiplies `cases`, for a longer search by hand.
pub fn run<P: Problem>(cases: u32, sides: Sides, property: impl Fn(&Case<P>) -> Result<(), TestCaseError>) {
    let factor = std::env::var("CASES_FACTOR").map_or(1, |f| f.parse().expect("a whole number"));
    let cases = cases * factor;
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let numbers = || proptest::collection::vec(-1000..=1000i32, 300);
    let result = TestRunner::new_with_rng(config, rng).run(&(numbers(), numbers(), any::<u64>()), |(n, s, seed)| {
        let case = Case::<P>::new(n, s, seed, sides);
        property(&case).map_err(|e| TestCaseError::fail(format!("{e}\n{case:?}")))
    });
    if let Err(proptest::test_runner::TestError::Fail(reason, _)) = &result {
        panic!("{reason}");
    }
    result.expect("all cases run");
}

/// One test a family: `families!(cases, sides, property)`, where `property` is generic over [`Problem`].
#[macro_export]
macro_rules! families {
    ($($name:ident: $cases:expr, $sides:expr;)*) => { $(
        mod $name {
            use super::networks::{self, ConvNet, Ficnn, Picnn, Sides, SkipNet, UnitNet};

            #[test]
            fn ficnn() {
                networks::run::<Ficnn>($cases, $sides, super::$name);
            }

            #[test]
            fn picnn() {
                networks::run::<Picnn>($cases, $sides, super::$name);
            }

            #[test]
            fn convolution() {
                networks::run::<ConvNet>($cases, $sides, super::$name);
            }

            #[test]
            fn units() {
                networks::run::<UnitNet>($cases, $sides, super::$name);
            }

            #[test]
            fn skips() {
                networks::run::<SkipNet>($cases, $sides, super::$name);
            }
        }
    )* };
}
