//! The bundle entropy method: what the published implementation gets wrong, and what is known in closed form.

mod bundle_common;

use bundle_common::{MaxAffine, Random, solve, unit_box, unit_simplex};
use icnn_solvers::SolverError;
use icnn_solvers::bundle_entropy::{bundle_entropy, undamped};
use icnn_solvers::logistic::sigmoid;
use icnn_solvers::oracle::{Oracle, dot};
use icnn_solvers::region::{Region, Simplex};
use icnn_solvers::run::{End, Run, RunLimits, RunOutcome};
use proptest::prelude::*;

/// The gap is closed, measured against the numbers of the problem, and the bound holds at samples.
fn assert_certified(f: &MaxAffine, region: &Region, tau: Option<f64>, outcome: &RunOutcome, gap: f64, what: &str) {
    let y = outcome.y.as_ref().unwrap();
    let objective = |y: &[f64]| f.at(y) - tau.map_or(0.0, |tau| tau * region.entropy(y));
    assert_eq!(outcome.value, objective(y), "{what}: value at the incumbent");
    let size = f
        .slopes
        .iter()
        .zip(&f.constants)
        .map(|(a, b)| b.abs() + a.iter().zip(y).map(|(a, y)| (a * y).abs()).sum::<f64>());
    let size = size.fold(outcome.value.abs(), f64::max);
    let width = outcome.value - outcome.lower_bound;
    assert!(width <= gap * size, "{what}: gap {width:e} at size {size}, {:?}", outcome.end);
    let mut random = Random(7);
    for _ in 0..50 {
        let value = objective(&random.point(region));
        assert!(outcome.lower_bound <= value + 1e-14 * size, "{what}: bound {} above {value}", outcome.lower_bound);
    }
}

fn limits(gap: f64) -> RunLimits {
    RunLimits { gap, passes: Some(40_000), ..RunLimits::default() }
}

#[test]
fn the_published_example_that_diverges() {
    let lines = MaxAffine { slopes: vec![vec![-5.0], vec![10.0]], constants: vec![2.0, -4.0] };
    let region = unit_box(1);
    for method in [bundle_entropy, undamped] {
        let mut f = lines.clone();
        let run = Run::new(&mut f, &region, Some(1.0), limits(1e-12)).unwrap().starting_at(&[0.5]);
        let outcome = run.with(method).unwrap();
        assert_eq!(outcome.end, End::Closed);
        assert_certified(&lines, &region, Some(1.0), &outcome, 1e-12, "two lines");
        // The kink at 0.4 holds the minimiser: slopes of −τH there are log(0.4/0.6) = −0.405, within [−10, 5].
        assert!((outcome.y.unwrap()[0] - 0.4).abs() < 1e-12);
    }
}

#[test]
fn steep_max_affine_functions_are_certified() {
    let mut largest = 0.0f64;
    for p in [1, 2, 5, 20] {
        let region = unit_box(p);
        for scale in [1.0, 10.0, 100.0] {
            for seed in 0..10 {
                for method in [bundle_entropy, undamped] {
                    let original = MaxAffine::random(20, p, scale, 100 * p as u64 + seed);
                    let mut f = original.clone();
                    let outcome = Run::new(&mut f, &region, Some(1.0), limits(1e-11)).unwrap().with(method).unwrap();
                    let what = format!("p {p}, scale {scale}, seed {seed}");
                    assert_eq!(outcome.end, End::Closed, "{what}");
                    assert_certified(&original, &region, Some(1.0), &outcome, 1e-9, &what);
                    largest = largest.max(outcome.value - outcome.lower_bound);
                }
            }
        }
    }
    println!("largest absolute gap {largest:.1e}");
    assert!(largest <= 1e-6);
}

#[test]
fn gaps_of_rounding_size_can_be_had() {
    for p in [2, 20] {
        let region = unit_box(p);
        for scale in [1.0, 100.0] {
            for seed in 0..5 {
                let original = MaxAffine::random(20, p, scale, seed);
                let outcome = solve(&mut original.clone(), &region, Some(1.0), 1e-13);
                assert_certified(&original, &region, Some(1.0), &outcome, 1e-12, &format!("{p} {scale} {seed}"));
            }
        }
    }
}

#[test]
fn a_zero_gradient_at_the_start_is_no_end() {
    // Flat around the middle, where it starts; the entropy alone would stay there, the third piece moves it.
    let slopes = vec![vec![0.0, 0.0], vec![-1.0, 0.0], vec![8.0, 0.0]];
    let f = MaxAffine { slopes, constants: vec![0.0, 0.2, -3.6] };
    let region = Region::new(vec![0.0, 0.0], vec![1.0, 2.0], vec![]).unwrap();
    for (tau, gap) in [(Some(1.0), 1e-12), (Some(0.01), 1e-12), (None, 1e-9)] {
        let outcome = solve(&mut f.clone(), &region, tau, gap);
        assert_eq!(outcome.end, End::Closed);
        assert_certified(&f, &region, tau, &outcome, gap.max(1e-12), "flat start");
    }
    // Nothing but zero gradients: the entropy decides.
    let zero = MaxAffine { slopes: vec![vec![0.0; 2]], constants: vec![3.0] };
    let outcome = solve(&mut zero.clone(), &region, Some(2.0), 1e-14);
    assert_eq!((outcome.end, outcome.y), (End::Closed, Some(vec![0.5, 1.0])));
    assert!((outcome.value - (3.0 - 4.0 * std::f64::consts::LN_2)).abs() < 1e-14);
}

#[test]
fn the_start_of_the_caller_stays_as_it_is() {
    let start = vec![0.9, 2.0, f64::NAN];
    let kept: Vec<u64> = start.iter().map(|y: &f64| y.to_bits()).collect();
    let f = MaxAffine::random(9, 3, 5.0, 3);
    let (region, mut oracle) = (unit_box(3), f.clone());
    let run = Run::new(&mut oracle, &region, Some(1.0), limits(1e-10)).unwrap().starting_at(&start);
    let outcome = run.with(bundle_entropy).unwrap();
    assert_certified(&f, &region, Some(1.0), &outcome, 1e-10, "start outside");
    assert_eq!(start.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), kept);
}

#[test]
fn hundreds_of_dependent_and_duplicate_cuts() {
    for p in [1, 2, 3] {
        // Tangents of a paraboloid, each twice: all cuts but p + 1 are dependent.
        let mut f = MaxAffine { slopes: vec![], constants: vec![] };
        let mut random = Random(p as u64);
        for _ in 0..300 {
            let c: Vec<f64> = (0..p).map(|_| random.uniform()).collect();
            for _ in 0..2 {
                f.slopes.push(c.iter().map(|c| 40.0 * (c - 0.3)).collect());
                f.constants.push(c.iter().map(|c| 20.0 * ((c - 0.3) * (c - 0.3) - 2.0 * c * (c - 0.3))).sum());
            }
        }
        for (tau, gap) in [(Some(1.0), 1e-12), (Some(1e-3), 1e-10), (None, 1e-9)] {
            let outcome = solve(&mut f.clone(), &unit_box(p), tau, gap);
            assert_eq!(outcome.end, End::Closed, "{p} {tau:?}");
            assert_certified(&f, &unit_box(p), tau, &outcome, gap.max(1e-12), &format!("{p} {tau:?}"));
        }
    }
}

#[test]
fn fixed_coordinates_and_simplices() {
    let members = |members: &[usize], total| Simplex { members: members.to_vec(), total };
    let simplices = vec![members(&[1, 4, 2], 2.0), members(&[6], 0.5)];
    let region =
        Region::new(vec![0.5, 0.0, 0.0, -1.0, 0.0, -3.0, 0.0], vec![0.5, 9.0, 9.0, 2.0, 9.0, 4.0, 9.0], simplices);
    let region = region.unwrap();
    for seed in 0..20 {
        let f = MaxAffine::random(30, 7, 3.0, seed);
        for (tau, gap) in [(Some(0.7), 1e-11), (None, 1e-8)] {
            let outcome = solve(&mut f.clone(), &region, tau, gap);
            assert_eq!(outcome.end, End::Closed, "seed {seed} {tau:?}");
            assert_certified(&f, &region, tau, &outcome, gap, &format!("seed {seed}"));
            let y = outcome.y.unwrap();
            assert_eq!((y[0], y[6]), (0.5, 0.5));
            assert!((y[1] + y[2] + y[4] - 2.0).abs() < 1e-14);
        }
    }
}

#[test]
fn all_fixed() {
    let region = Region::new(vec![0.3, 2.0], vec![0.3, 2.0], vec![]).unwrap();
    let f = MaxAffine::random(5, 2, 1.0, 1);
    for tau in [Some(1.0), None] {
        let outcome = solve(&mut f.clone(), &region, tau, 1e-12);
        assert_eq!((outcome.end, outcome.value), (End::Closed, f.at(&[0.3, 2.0])));
    }
}

#[test]
fn unbounded_regions_are_refused() {
    let region = Region::new(vec![0.0], vec![f64::INFINITY], vec![]).unwrap();
    let mut f = MaxAffine::random(5, 1, 1.0, 1);
    let refused = Run::new(&mut f, &region, None, limits(1e-9)).unwrap().with(bundle_entropy).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "y[0] has a range of width inf; entropy, by which steps are measured, needs a finite one"
    );
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    struct Odd;
    impl Oracle for Odd {
        fn dimension(&self) -> usize {
            1
        }
        fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
            gradient[0] = if y[0] == 0.5 { 1.0 } else { f64::NAN };
            Ok(y[0])
        }
        fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
            Ok(y[0])
        }
    }
    let region = unit_box(1);
    let refused = Run::new(&mut Odd, &region, Some(1.0), limits(0.0)).unwrap().with(bundle_entropy).unwrap_err();
    assert_eq!(refused.to_string(), "value or gradient of f has an entry NaN");
}

#[test]
fn huge_numbers_end() {
    let f = MaxAffine { slopes: vec![vec![1e300, -1e300], vec![-1e300, 1e299]], constants: vec![0.0, 1e300] };
    for tau in [Some(1.0), None] {
        let outcome = solve(&mut f.clone(), &unit_box(2), tau, 1e-9);
        assert!(outcome.lower_bound <= outcome.value * (1.0 + 1e-12), "{outcome:?}");
    }
}

#[test]
fn an_unreachable_gap_ends_as_stalled() {
    let f = MaxAffine::random(20, 5, 10.0, 4);
    let outcome = solve(&mut f.clone(), &unit_box(5), Some(0.3), 0.0);
    assert!(matches!(outcome.end, End::Stalled(_) | End::Closed), "{:?}", outcome.end);
    assert!(outcome.forward < 2000, "{}", outcome.forward);
    assert_certified(&f, &unit_box(5), Some(0.3), &outcome, 1e-13, "gap 0");
}

#[test]
fn plain_minima_close() {
    for p in [1, 2, 5, 20] {
        for scale in [1.0, 10.0, 100.0] {
            for seed in 0..5 {
                let f = MaxAffine::random(30, p, scale, 1000 + seed);
                let outcome = solve(&mut f.clone(), &unit_box(p), None, 1e-7);
                assert_eq!(outcome.end, End::Closed, "p {p}, scale {scale}, seed {seed}");
                assert_certified(&f, &unit_box(p), None, &outcome, 1e-7, &format!("p {p}, scale {scale}, seed {seed}"));
            }
        }
    }
}

#[cfg(feature = "highs")]
#[test]
fn plain_minima_are_those_of_the_linear_program() {
    use icnn_solvers::{LinearProgram, LpOptions, Status, highs::Highs};
    for p in [1, 3, 8, 20] {
        for seed in 0..5 {
            let f = MaxAffine::random(25, p, 4.0, 50 + seed);
            let mut lp = LinearProgram::new(p + 1);
            lp.objective[p] = 1.0;
            lp.column_lower = vec![0.0; p];
            lp.column_lower.push(f64::NEG_INFINITY);
            lp.column_upper = vec![1.0; p];
            lp.column_upper.push(f64::INFINITY);
            for (a, b) in f.slopes.iter().zip(&f.constants) {
                let entries: Vec<(usize, f64)> = a.iter().map(|a| -a).chain([1.0]).enumerate().collect();
                lp.add_row(*b, f64::INFINITY, &entries);
            }
            let exact = Highs::new(&lp).unwrap().solve(&LpOptions::default(), None).unwrap();
            assert_eq!(exact.status, Status::Optimal);
            let outcome = solve(&mut f.clone(), &unit_box(p), None, 1e-7);
            let slack = 1e-9 * (1.0 + exact.objective.abs());
            assert!(outcome.lower_bound <= exact.objective + slack, "p {p}, seed {seed}");
            assert!(outcome.value >= exact.objective - slack, "p {p}, seed {seed}");
            assert!(outcome.value - exact.objective <= 1e-6, "p {p}, seed {seed}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// argmin yᵀc − τH(y) = σ(−c/τ) on a box, softmax(−c/τ) on a simplex (paper, below eq. 7).
    #[test]
    fn linear_functions_give_sigmoid_and_softmax(
        c in prop::collection::vec(-30.0..30.0f64, 1..12), tau in 0.1..10.0f64, start in 0.0..1.0f64
    ) {
        let p = c.len();
        let f = MaxAffine { slopes: vec![c.clone()], constants: vec![0.5] };
        for region in [unit_box(p), unit_simplex(p)] {
            let mut oracle = f.clone();
            let run = Run::new(&mut oracle, &region, Some(tau), limits(1e-15)).unwrap().starting_at(&vec![start; p]);
            let y = run.with(undamped).unwrap().y.unwrap();
            let least = c.iter().copied().fold(f64::INFINITY, f64::min);
            let sum: f64 = c.iter().map(|c| (-(c - least) / tau).exp()).sum();
            for (c, y) in c.iter().zip(&y) {
                let softmax = (-(c - least) / tau).exp() / sum;
                let exact = if region.simplices().is_empty() { sigmoid(-c / tau) } else { softmax };
                prop_assert!((y - exact).abs() <= 1e-14, "{y} {exact}");
            }
        }
    }

    /// f(Ay + b) on the box that A and b map to the unit box has the mapped minimiser and the same value.
    #[test]
    fn scaling_and_shifting_the_box_commutes(
        seed in 0u64..1000, p in 1usize..6,
        scales in prop::collection::vec(0.05..20.0f64, 6), shifts in prop::collection::vec(-3.0..3.0f64, 6)
    ) {
        let f = MaxAffine::random(12, p, 3.0, seed);
        let mapped = MaxAffine {
            slopes: f.slopes.iter().map(|a| a.iter().zip(&scales).map(|(a, s)| a * s).collect()).collect(),
            constants: f.slopes.iter().zip(&f.constants).map(|(a, b)| b + dot(a, &shifts[..p])).collect(),
        };
        let lower = (0..p).map(|j| -shifts[j] / scales[j]).collect();
        let upper = (0..p).map(|j| (1.0 - shifts[j]) / scales[j]).collect();
        let there = Region::new(lower, upper, vec![]).unwrap();
        for tau in [Some(1.0), None] {
            let gap = if tau.is_some() { 1e-12 } else { 1e-7 };
            let one = solve(&mut f.clone(), &unit_box(p), tau, gap);
            let other = solve(&mut mapped.clone(), &there, tau, gap);
            prop_assert!((one.value - other.value).abs() <= 20.0 * gap * (1.0 + 60.0), "{} {}", one.value, other.value);
            if tau.is_some() {
                let (y, z) = (one.y.unwrap(), other.y.unwrap());
                for j in 0..p {
                    // −H is 4-strongly convex, so a gap of ε leaves √(ε/2) between a point and the minimiser.
                    prop_assert!((y[j] - (scales[j] * z[j] + shifts[j])).abs() < 1e-4);
                }
            }
        }
    }

    /// f(y_τ) − min f ≤ τ p log 2.
    #[test]
    fn the_entropy_costs_at_most_its_range(seed in 0u64..1000, p in 1usize..8, tau in 0.01..3.0f64) {
        let f = MaxAffine::random(15, p, 5.0, seed);
        let entropic = solve(&mut f.clone(), &unit_box(p), Some(tau), 1e-10);
        let plain = solve(&mut f.clone(), &unit_box(p), None, 1e-7);
        let gap = entropic.value - entropic.lower_bound;
        let there = f.at(&entropic.y.unwrap());
        prop_assert!(there - plain.lower_bound <= tau * p as f64 * std::f64::consts::LN_2 + gap + 1e-5);
        prop_assert!(plain.lower_bound <= there + 1e-12);
        prop_assert!(entropic.lower_bound <= plain.value + 1e-12);
    }
}
