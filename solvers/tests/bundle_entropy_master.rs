//! The dual master against Clarabel's solution of the same conic program.
#![cfg(feature = "clarabel")]

mod bundle_common;

use bundle_common::Random;
use icnn_solvers::bundle_entropy::master::{Master, Solved, solve};
use icnn_solvers::bundle_entropy::{Newton, Shape, check};
use proptest::prelude::*;

/// Cuts with normal slopes of standard deviation `scale`, of which `doubled` come twice and as many are mixtures of two.
fn random(k: usize, shape: Shape, scale: f64, tau: f64, doubled: usize, leaning: bool, seed: u64) -> Master {
    let (n, mut random) = (shape.dimension(), Random(seed));
    let mut rows: Vec<(Vec<f64>, f64)> = (0..k).map(|_| (random.normals(n, scale), random.normal())).collect();
    for i in 0..doubled.min(k) {
        let (a, b) = (rows[i].clone(), rows[(i + 1) % k].clone());
        rows.push((a.0.iter().zip(&b.0).map(|(a, b)| 0.25 * a + 0.75 * b).collect(), 0.25 * a.1 + 0.75 * b.1));
        rows.push(a);
    }
    Master {
        gradients: rows.iter().flat_map(|(g, _)| g.clone()).collect(),
        constants: rows.iter().map(|(_, h)| *h).collect(),
        linear: random.normals(n, if leaning { scale } else { 0.0 }),
        tau,
        shape,
    }
}

fn solved(master: &Master, tolerance: f64) -> (Vec<f64>, Solved) {
    let mut lambda = vec![0.0; master.cuts()];
    lambda[0] = 1.0;
    let solved = solve(master, &mut lambda, tolerance, &mut Newton::default());
    (lambda, solved)
}

/// The size of the numbers that make up the cuts with weight, at the minimiser: they cancel in D.
fn size(master: &Master, lambda: &[f64], solved: &Solved) -> f64 {
    let used = (0..master.cuts()).filter(|i| lambda[*i] > 0.0);
    let terms = |i: usize| master.gradient(i).iter().zip(&solved.minimum.u).map(|(g, u)| (g * u).abs()).sum::<f64>();
    used.map(|i| master.constants[i].abs() + terms(i)).fold(solved.bound.abs(), f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_master_is_that_of_clarabel(
        k in 1usize..60, boxed in 0usize..12, simplices in prop::collection::vec(1usize..6, 0..3), steep in 0u32..3,
        tau in 0.2..5.0f64, doubled in 0usize..10, leaning: bool, seed: u64
    ) {
        let mut shape = Shape { boxed, simplices: vec![] };
        for members in simplices {
            let begin = shape.dimension();
            shape.simplices.push(begin..begin + members);
        }
        prop_assume!(shape.dimension() > 0);
        let master = random(k, shape, 10f64.powi(steep as i32), tau, doubled, leaning, seed);
        let (lambda, ours) = solved(&master, 0.0);
        let size = size(&master, &lambda, &ours);
        prop_assert!(ours.gap <= 1e-12 * size, "gap {:e} at size {size} after {} steps", ours.gap, ours.steps);
        prop_assert!(lambda.iter().all(|l| *l >= 0.0) && (lambda.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!((check::bound(&master, &lambda) - ours.bound).abs() <= 1e-13 * size);
        prop_assert!((check::value(&master, &ours.minimum.u) - ours.bound).abs() <= 1e-12 * size);
        let conic = check::solve_master(&master, 1e-9 * size).unwrap();
        // Clarabel's weights and point give bounds from below and above, as any do.
        prop_assert!(conic.bound <= ours.bound + 1e-12 * size && ours.bound <= conic.value + 1e-12 * size);
        let width = conic.value - conic.bound;
        prop_assert!(width <= 1e-8 * size, "{width:e} at size {size}, Clarabel says {}", conic.status);
    }
}

#[test]
fn many_cuts_take_few_steps() {
    for (k, n, scale) in [(400, 2, 10.0), (500, 20, 1.0), (500, 20, 100.0), (300, 100, 3.0)] {
        let master = random(k, Shape { boxed: n, simplices: vec![] }, scale, 1.0, 40, false, 11);
        let (lambda, ours) = solved(&master, 0.0);
        let size = size(&master, &lambda, &ours);
        println!("k {k} n {n} scale {scale}: {} steps, gap {:.1e} of size {size:.1e}", ours.steps, ours.gap);
        assert!(ours.gap <= 1e-12 * size && ours.steps <= 100, "{k} {n} {scale}: {} {:e}", ours.steps, ours.gap);
    }
}

#[test]
fn affine_functions_have_no_choice() {
    let mut master = random(1, Shape { boxed: 3, simplices: vec![] }, 5.0, 0.5, 0, false, 2);
    // The same cut a hundred times.
    master.gradients = (0..100).flat_map(|_| master.gradients[..3].to_vec()).collect();
    master.constants = vec![master.constants[0]; 100];
    let (_, ours) = solved(&master, 0.0);
    assert!(ours.gap <= 1e-15 * ours.size.max(1.0) && ours.steps <= 1);
}

#[test]
fn outcomes_are_verified_and_false_ones_are_not() {
    use bundle_common::{MaxAffine, solve, unit_box, unit_simplex};
    use icnn_solvers::SolverError;
    for (region, p) in [(unit_box(6), 6), (unit_simplex(9), 9)] {
        for tau in [Some(1.0), Some(0.05), None] {
            let outcome = solve(&mut MaxAffine::random(20, p, 10.0, 5), &region, tau, 1e-7);
            let found = check::verify(&region, tau, &outcome).unwrap();
            assert!(found.cuts > 1 && found.between.1 - found.between.0 <= 1e-8 * found.size);
            assert!(found.master.is_none_or(|d| d <= 1e-9 * found.size), "{:?}", found.master);

            let mut high = outcome.clone();
            high.lower_bound += 1e-6 * found.size + (outcome.value - outcome.lower_bound);
            assert!(matches!(check::verify(&region, tau, &high), Err(SolverError::Contradiction { .. })));
            let mut low = outcome.clone();
            low.value -= 1e-6 * found.size + (outcome.value - outcome.lower_bound);
            assert!(matches!(check::verify(&region, tau, &low), Err(SolverError::Contradiction { .. })));
        }
    }
}
