//! Every gradient method on a table of problems with known minima.

mod gradient_problems;

use gradient_problems::{Problem, problems};
use icnn_solvers::SolverError;
use icnn_solvers::gradient::*;
use icnn_solvers::oracle::Oracle;
use icnn_solvers::region::{Region, Simplex};
use icnn_solvers::run::{End, Run, RunLimits, RunOutcome};

type Method = fn(&mut Run<'_>) -> Result<End, SolverError>;

/// Name, method, and the certified relative gap that it states: on smooth functions, on functions with kinks.
const METHODS: &[(&str, Method, f64, f64)] = &[
    ("subgradient", subgradient, 1e-1, 1e-1),
    ("polyak", polyak, 1e-2, 1e-2),
    ("momentum", momentum, 1e-2, 1e-1),
    ("paper-gd", paper_gd, f64::INFINITY, f64::INFINITY),
    ("spectral", spectral, 1e-7, 1e-6),
    ("accelerated", accelerated, 1e-7, 1e-7),
    ("lbfgs", lbfgs, 1e-7, 1e-6),
];

fn limits(passes: Option<u64>) -> RunLimits {
    RunLimits { gap: 1e-9, passes, ..RunLimits::default() }
}

fn run(problem: &Problem, method: Method, limits: RunLimits) -> (Result<RunOutcome, SolverError>, u64, u64) {
    let mut oracle = problem.oracle();
    let mut run = Run::new(&mut oracle, &problem.region, None, limits).unwrap();
    if let Some(start) = &problem.start {
        run = run.starting_at(start);
    }
    let outcome = run.with(method);
    (outcome, oracle.forward, oracle.backward)
}

/// The relative size that `RunLimits::gap` is measured by is at least |value|; what rounding leaves is absolute.
fn size(problem: &Problem) -> f64 {
    problem.minimum.abs().max(problem.scale)
}

fn refused(problem: &Problem, name: &str) -> bool {
    name == "accelerated" && !problem.smooth || name == "lbfgs" && !problem.region.simplices().is_empty()
}

#[test]
fn every_method_encloses_every_known_minimum() {
    let mut failures = vec![];
    for problem in problems() {
        for (name, method, smooth, kinked) in METHODS {
            let (outcome, forward, backward) = run(&problem, *method, limits(None));
            if refused(&problem, name) {
                assert!(matches!(outcome, Err(SolverError::Refused { .. })), "{name} on {}", problem.name);
                continue;
            }
            let outcome = outcome.unwrap_or_else(|e| panic!("{name} on {}: {e}", problem.name));
            // On unbounded sides a slope of 1e-9 of the largest counts as 0 (`Run::offer`), here over distances of up to 10.
            let negligible = if problem.region.is_bounded() { 1e-12 } else { 1e-8 };
            let (y, rounding) = (outcome.y.unwrap(), negligible * size(&problem));
            let mut inside = y.clone();
            problem.region.project(&mut inside);
            let off = y.iter().zip(&inside).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let relative = (outcome.value - problem.minimum) / size(&problem);
            let gap = (outcome.value - outcome.lower_bound) / size(&problem);
            println!(
                "{:24} {name:12} value {relative:9.1e} gap {gap:9.1e} passes {:6} {:?}",
                problem.name,
                outcome.forward + outcome.backward,
                outcome.end
            );
            let mut fault = |what: &str| failures.push(format!("{name} on {}: {what}", problem.name));
            if off > 1e-12 {
                fault("a point outside of the region");
            }
            if outcome.lower_bound > problem.minimum + rounding {
                fault("a bound above the minimum");
            }
            if outcome.value < problem.minimum - rounding {
                fault("a value below the minimum");
            }
            if problem.oracle().value(&y).unwrap() != outcome.value {
                fault("a value that f does not have");
            }
            if (outcome.forward, outcome.backward) != (forward, backward) {
                fault("a wrong count of passes");
            }
            let stated = if problem.smooth { *smooth } else { *kinked };
            if problem.region.is_bounded() && (gap.is_nan() || gap > stated) {
                fault(&format!("a gap of {gap:.1e}, {stated:.0e} is stated"));
            }
            if relative > stated.max(1e-7) {
                fault(&format!("{relative:.1e} above the minimum"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn limits_and_callers_stop_at_once() {
    for problem in problems() {
        for (name, method, _, _) in METHODS.iter().filter(|m| !refused(&problem, m.0)) {
            for most in [1, 2, 7, 30] {
                let limits = RunLimits { gap: 0.0, ..limits(Some(most)) };
                let outcome = run(&problem, *method, limits).0.unwrap();
                let used = outcome.forward + outcome.backward;
                assert!(used <= most + 1, "{name} on {}: {used} passes, {most} allowed", problem.name);
            }
            let instant = RunLimits { time: Some(std::time::Duration::ZERO), ..RunLimits::default() };
            let outcome = run(&problem, *method, instant).0.unwrap();
            assert!(outcome.trace.len() <= 2, "{name} on {}", problem.name);
            let (mut calls, mut oracle) = (0, problem.oracle());
            let mut watch = |_: &icnn_solvers::run::Progress, y: &[f64]| {
                assert_eq!(y.len(), problem.region.dimension());
                calls += 1;
                calls < 3
            };
            let run = Run::new(&mut oracle, &problem.region, None, RunLimits { gap: 0.0, ..RunLimits::default() });
            let outcome = run.unwrap().watched(&mut watch).with(*method).unwrap();
            assert!(outcome.end != End::Caller || calls == 3, "{name} on {}: {calls} calls", problem.name);
            assert!(calls <= 4);
        }
    }
}

#[test]
fn the_start_is_left_unchanged_and_runs_repeat() {
    for problem in problems() {
        for (name, method, _, _) in METHODS.iter().filter(|m| !refused(&problem, m.0)) {
            let start = vec![0.3; problem.region.dimension()];
            let mut problem = Problem { start: Some(start.clone()), ..problem.clone() };
            let once = run(&problem, *method, limits(Some(300))).0.unwrap();
            assert_eq!(problem.start.take(), Some(start.clone()));
            problem.start = Some(start);
            let again = run(&problem, *method, limits(Some(300))).0.unwrap();
            assert_eq!((once.y, once.value, once.lower_bound), (again.y, again.value, again.lower_bound), "{name}");
        }
    }
}

/// f = y² on [−1, 1] from 1 (g = 2y): v₁ = −0.2, y₁ = 1 − 1.3·0.2 = 0.74; v₂ = 0.3·(−0.2) − 0.1·1.48 = −0.208,
/// y₂ = 0.74 + 0.3·0.2 − 1.3·0.208 = 0.5296; v₃ = 0.3·(−0.208) − 0.1·1.0592 = −0.168 32,
/// y₃ = 0.5296 + 0.3·0.208 − 1.3·0.168 32 = 0.373 184.
#[test]
fn paper_gd_takes_the_thirty_steps_of_the_paper() {
    let problem = Problem {
        region: Region::new(vec![-1.0], vec![1.0], vec![]).unwrap(),
        start: Some(vec![1.0]),
        ..Problem::quadratic("square", &[2.0], &[0.0])
    };
    let mut oracle = problem.oracle();
    let run = Run::new(&mut oracle, &problem.region, None, RunLimits { gap: 0.0, ..RunLimits::default() }).unwrap();
    let outcome = run.starting_at(&[1.0]).with(paper_gd).unwrap();
    assert_eq!(outcome.end, End::Stalled("the 30 iterations of the paper are done".into()));
    assert_eq!((outcome.forward, outcome.backward), (31, 30));
    let points: Vec<f64> = oracle.points.iter().map(|y| y[0]).collect();
    assert_eq!(points.len(), 31);
    for (found, by_hand) in points.iter().zip([1.0, 0.74, 0.5296, 0.373_184]) {
        assert!((found - by_hand).abs() < 1e-14, "{found} {by_hand}");
    }
}

#[test]
fn a_start_without_a_value_is_an_error_and_a_trial_point_without_one_is_not() {
    // f = −log y + 2y on [0, 100]: not finite at 0; 2 − 1/y = 0 at 0.5.
    struct Barrier;
    impl Oracle for Barrier {
        fn dimension(&self) -> usize {
            1
        }
        fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
            gradient[0] = 2.0 - 1.0 / y[0];
            self.value(y)
        }
        fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
            let finite = y[0] > 0.0;
            if finite { Ok(2.0 * y[0] - y[0].ln()) } else { Err(SolverError::Oracle { reason: "log 0".into() }) }
        }
        fn is_smooth(&self) -> bool {
            true
        }
    }
    let region = Region::new(vec![0.0], vec![100.0], vec![]).unwrap();
    let minimum = 1.0 + 2.0f64.ln();
    for (name, method, accuracy, _) in METHODS {
        let (mut at_zero, mut inside) = (Barrier, Barrier);
        let failed = Run::new(&mut at_zero, &region, None, limits(None)).unwrap().starting_at(&[0.0]).with(*method);
        assert!(matches!(failed, Err(SolverError::Oracle { .. })), "{name}");
        let outcome = Run::new(&mut inside, &region, None, limits(None)).unwrap().with(*method).unwrap();
        println!("{name} {:?} {} {}", outcome.end, outcome.value - minimum, outcome.lower_bound - minimum);
        assert!(outcome.lower_bound <= minimum + 1e-12 && minimum <= outcome.value + 1e-12, "{name}");
        if *name != "paper-gd" {
            assert!(outcome.value - minimum <= accuracy * 100.0, "{name} {}", outcome.value);
        }
    }
}

#[test]
fn the_entropic_problem_is_solved_or_refused() {
    // f = cᵀy: y = σ(−c/τ) on [0,1]², value −τ Σ log(1 + e^{−c/τ}); on the simplex −τ log Σ e^{−c/τ}.
    let (c, tau) = ([0.7f64, -1.3], 0.5);
    let boxed = Region::new(vec![0.0; 2], vec![1.0; 2], vec![]).unwrap();
    let simplex = Simplex { members: vec![0, 1], total: 1.0 };
    let simplex = Region::new(vec![0.0; 2], vec![1.0; 2], vec![simplex]).unwrap();
    let on_box: f64 = c.iter().map(|c| -tau * (1.0 + (-c / tau).exp()).ln()).sum();
    let on_simplex = -tau * c.iter().map(|c| (-c / tau).exp()).sum::<f64>().ln();
    for (region, minimum) in [(boxed, on_box), (simplex, on_simplex)] {
        for (name, method, _, _) in METHODS {
            let problem = Problem::affine("linear", &[(c.to_vec(), 0.0)], 2);
            let mut oracle = problem.oracle();
            let outcome = Run::new(&mut oracle, &region, Some(tau), limits(None)).unwrap().with(*method);
            if *name == "subgradient" {
                let outcome = outcome.unwrap();
                assert_eq!(outcome.end, End::Closed);
                assert!((outcome.value - minimum).abs() < 1e-9 && (outcome.lower_bound - minimum).abs() < 1e-9);
            } else {
                assert!(matches!(outcome, Err(SolverError::Refused { .. })), "{name}");
            }
        }
    }
}

#[test]
fn entropic_bounds_hold_and_close() {
    for problem in problems().into_iter().filter(|p| p.region.is_bounded() && p.scale == 1.0) {
        for tau in [0.01, 1.0] {
            let mut oracle = problem.oracle();
            let limits = RunLimits { gap: 1e-9, passes: Some(666), ..RunLimits::default() };
            let run = Run::new(&mut oracle, &problem.region, Some(tau), limits).unwrap();
            let outcome = run.with(subgradient).unwrap();
            let (y, size) = (outcome.y.unwrap(), size(&problem) + tau);
            let found = problem.oracle().value(&y).unwrap() - tau * problem.region.entropy(&y);
            assert!((found - outcome.value).abs() <= 1e-12 * size, "{}", problem.name);
            let gap = outcome.value - outcome.lower_bound;
            println!("{:24} τ {tau} gap {gap:.1e} {:?}", problem.name, outcome.end);
            // Dual averaging errs like (slope·side)²/(τ·steps), here with slopes of about 1 and 333 steps.
            let gentle = problem.name.starts_with("max-affine") || problem.name.starts_with("sum of");
            let stated = if gentle { 3e-2 / tau } else { f64::INFINITY };
            assert!(gap >= -1e-12 * size && gap <= stated, "{}: gap {gap:.1e}", problem.name);
            let mut random = gradient_problems::random(7);
            for _ in 0..100 {
                let mut y: Vec<f64> = problem.region.centre().iter().map(|c| c + 2.0 * random()).collect();
                problem.region.project(&mut y);
                let value = problem.oracle().value(&y).unwrap() - tau * problem.region.entropy(&y);
                assert!(outcome.lower_bound <= value + 1e-12 * size, "{}", problem.name);
            }
        }
    }
}

/// A bound on an unbounded side counts slopes as 0 that are tiny next to the largest one met: whoever computes the bound
/// again from the combination needs that one.
#[test]
fn unbounded_bounds_can_be_computed_again() {
    let free = vec![f64::INFINITY; 2];
    let region = Region::new(free.iter().map(|u| -u).collect(), free, vec![]).unwrap();
    let problem = Problem { region, minimum: 0.0, ..Problem::quadratic("plane", &[1.0, 3.0], &[5.0, -1.0 / 3.0]) };
    for method in [spectral, lbfgs, accelerated] as [Method; 3] {
        let outcome = run(&problem, method, limits(None)).0.unwrap();
        assert!(outcome.lower_bound.is_finite());
        let mut slope = [0.0; 2];
        for (weight, cut) in &outcome.mixture {
            slope.iter_mut().zip(&cut.gradient).for_each(|(s, g)| *s += weight * g);
        }
        let again = problem.region.minimum(&slope, &outcome.y.unwrap(), 1e-9 * outcome.largest_slope);
        assert!(again.is_finite(), "slope {slope:?}, largest {}", outcome.largest_slope);
    }
}
