//! Properties of the gradient methods on random functions: the bound holds everywhere, and is the bound of the mixture.

mod gradient_problems;

use gradient_problems::{Parts, Problem, random};
use icnn_solvers::SolverError;
use icnn_solvers::gradient::*;
use icnn_solvers::oracle::Oracle;
use icnn_solvers::region::{Region, Simplex};
use icnn_solvers::run::{End, Run, RunLimits};
use proptest::prelude::*;

type Method = fn(&mut Run<'_>) -> Result<End, SolverError>;

const METHODS: &[(&str, Method)] = &[
    ("subgradient", subgradient),
    ("polyak", polyak),
    ("momentum", momentum),
    ("paper-gd", paper_gd),
    ("spectral", spectral),
    ("lbfgs", lbfgs),
    ("accelerated", accelerated),
];

#[derive(Debug, Clone, Copy)]
struct Shape {
    p: usize,
    pieces: usize,
    softplus: usize,
    curved: bool,
    simplex: usize,
    steepness: f64,
    seed: u64,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let steepness = prop::sample::select(vec![1e-6, 1.0, 30.0, 1e5]);
    (1usize..=8, 0usize..12, 0usize..4, any::<bool>(), 0usize..4, steepness, any::<u64>()).prop_map(
        |(p, pieces, softplus, curved, simplex, steepness, seed)| Shape {
            p,
            pieces,
            softplus,
            curved,
            simplex,
            steepness,
            seed,
        },
    )
}

/// A function of the shape over a box, some sides fixed or short, times a simplex on the first coordinates.
fn build(shape: Shape) -> Problem {
    let Shape { p, pieces, softplus, curved, simplex, steepness, seed } = shape;
    let mut random = random(seed);
    let mut lines = |count: usize| -> Vec<(Vec<f64>, f64)> {
        (0..count).map(|_| ((0..p).map(|_| steepness * random()).collect(), steepness * random())).collect()
    };
    let parts = Parts { pieces: lines(pieces), softplus: lines(softplus), ..Parts::default() };
    let quadratic = (0..if curved { p } else { 0 }).map(|_| (steepness * (random() + 0.5), 2.0 * random())).collect();
    let lower: Vec<f64> = (0..p).map(|_| random() - 0.5).collect();
    let upper = lower.iter().map(|l| l + [0.0, 1e-3, 1.0, 2.0][((random() + 0.5) * 4.0) as usize % 4]).collect();
    let members: Vec<usize> = (0..simplex.min(p)).collect();
    let simplices = if members.is_empty() { vec![] } else { vec![Simplex { members, total: 1.5 }] };
    Problem {
        region: Region::new(lower, upper, simplices).unwrap(),
        smooth: pieces <= 1,
        scale: steepness,
        parts: Parts { quadratic, ..parts },
        name: "random",
        minimum: f64::NAN,
        start: None,
    }
}

/// The bound of every method is below f wherever f is looked at, and the line searches close the gap.
fn enclosed(shape: Shape) -> Result<(), TestCaseError> {
    let problem = build(shape);
    let mut best = f64::INFINITY;
    let mut bounds = vec![];
    for (name, method) in METHODS {
        let mut oracle = problem.oracle();
        let limits = RunLimits { gap: 1e-9, passes: Some(600), ..RunLimits::default() };
        let outcome = match Run::new(&mut oracle, &problem.region, None, limits).unwrap().with(*method) {
            Err(SolverError::Refused { .. }) => continue,
            outcome => outcome.unwrap(),
        };
        let total: f64 = outcome.mixture.iter().map(|(w, _)| w).sum();
        prop_assert!((total - 1.0).abs() < 1e-12 && outcome.mixture.iter().all(|(w, _)| *w > 0.0), "{name}: weights");
        best = best.min(outcome.value);
        bounds.push((name, outcome.lower_bound, outcome.value));
    }
    let mut random = random(shape.seed ^ 1);
    for _ in 0..200 {
        let mut y: Vec<f64> = problem.region.centre().iter().map(|c| c + 3.0 * random()).collect();
        problem.region.project(&mut y);
        best = best.min(problem.oracle().value(&y).unwrap());
    }
    let rounding = 1e-12 * (shape.steepness * 10.0 + 4.0);
    for (name, bound, value) in bounds {
        prop_assert!(bound <= best + rounding, "{name}: bound {bound}, value {best} elsewhere");
        // Line searches get there within 600 passes; p ≤ 8.
        if ["spectral", "lbfgs"].contains(name) {
            let close = 1e-4 * (shape.steepness + value.abs());
            prop_assert!(value - bound <= close, "{name}: value {value}, bound {bound}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bounds_hold_everywhere(shape in shapes()) {
        enclosed(shape)?;
    }
}

/// Line searches crept along its kinks for hundreds of passes.
#[test]
fn nine_flat_pieces() {
    let flat =
        Shape { pieces: 9, softplus: 0, curved: false, simplex: 0, p: 5, steepness: 1e-6, seed: 5197658454118098405 };
    enclosed(flat).unwrap();
}

/// A linear function has no curvature to take a step length from.
#[test]
fn a_line_over_short_sides() {
    let line =
        Shape { pieces: 1, softplus: 0, curved: false, simplex: 0, p: 6, steepness: 1e-6, seed: 13458075337446474120 };
    enclosed(line).unwrap();
}

/// Smooth by name only.
#[test]
fn steep_softplus() {
    let steep =
        Shape { pieces: 1, softplus: 3, curved: true, simplex: 0, p: 6, steepness: 1e5, seed: 2934921002328620471 };
    enclosed(steep).unwrap();
}
