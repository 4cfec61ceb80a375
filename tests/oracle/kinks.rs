//! The network as a program of kinks: its passes against forward passes of the IR, difference quotients and minorants of the certificate.

use icnn::certificate::Minorant;
use icnn_solvers::kinks::{Kinks, Rows};
use icnn_solvers::oracle::Oracle;
use proptest::prelude::*;

use super::networks::{self, Case, Problem};
use super::{NetworkOracle, near_kink};

/// Relative to the numbers that are compared and the largest pre-activation.
const ROUNDING: f64 = 1e-10;

/// The same of rates, which are in single precision.
const SINGLE: f64 = 1e-6;

families! {
    shares_are_minorants: 100, Sides::Finite;
    tangents_are_difference_quotients: 100, Sides::Finite;
    passes_from_a_point_nearby_are_passes: 100, Sides::Finite;
    rows_are_pre_activations: 100, Sides::Finite;
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |m, v| m.max(v.abs()))
}

fn states(pre: &[f64]) -> Vec<f64> {
    pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect()
}

/// f(y) and all pre-activations.
fn forward(kinks: &mut dyn Kinks, y: &[f64]) -> (f64, Vec<f64>) {
    let mut pre = vec![f64::NAN; kinks.units()];
    let value = kinks.forward(y, &mut pre).expect("a finite value");
    (value, pre)
}

/// The program of kinks; none where a concave unit is refused. Any other refusal is a failure.
fn shown(kinks: Result<&mut dyn Kinks, String>) -> Result<Option<&mut dyn Kinks>, TestCaseError> {
    match kinks {
        Ok(kinks) => Ok(Some(kinks)),
        Err(reason) if reason.contains("is not convex and piecewise linear") => Ok(None),
        Err(reason) => Err(TestCaseError::fail(reason)),
    }
}

/// Numbers in [0, 1).
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A backward pass has the slope and the constant of the certificate, whatever the shares; with those of a point it is the tangent there.
fn shares_are_minorants<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (mut points, p) = (case.points(), case.program.decisions());
    let bounds = case.instance.bounds(case.domain.intervals());
    let mut oracle = NetworkOracle::new(&case.instance, &bounds).with_kinks(&bounds);
    let mut random = uniform(case.seed);
    for round in 0..6 {
        let y = points.anywhere();
        let trace = case.instance.forward(&y).expect("a finite value");
        let (mut slope, at_the_point) = (vec![f64::NAN; p], round % 2 == 0);
        let (value, constant, shares) = {
            let Some(kinks) = shown(oracle.kinks())? else { return Ok(()) };
            let (value, pre) = forward(kinks, &y);
            let mut shares = states(&pre);
            if !at_the_point {
                shares.iter_mut().for_each(|share| *share = random());
            }
            let mut weights = vec![f64::NAN; kinks.units()];
            let constant = kinks.backward(&shares, &mut slope, &mut weights);
            prop_assert!(weights.iter().all(|w| *w >= 0.0), "a weight is negative: {weights:?}");
            (value, constant, shares)
        };
        let size = |y: &[f64]| 1.0 + networks::magnitude(&case.instance, y);
        prop_assert!((value - trace.value()).abs() <= ROUNDING * size(&y));
        let multipliers = oracle.multipliers(&shares).expect("one share for each kink");
        let minorant = Minorant::new(&case.instance, &bounds, &multipliers).expect("slopes of the units");
        for (a, b) in slope.iter().zip(&minorant.gradient) {
            prop_assert!((a - b).abs() <= ROUNDING * (1.0 + largest(&slope)), "{slope:?} and {:?}", minorant.gradient);
        }
        for v in [points.anywhere(), points.anywhere(), y.clone()] {
            let (line, certified) = (dot(&slope, &v) + constant, minorant.at(&v));
            let allowed = ROUNDING * (size(&v) + size(&y));
            // Shares that jump up and down over the kinks of one unit make a line that does not touch it; the certificate moves it up.
            let apart = if at_the_point { (line - certified).abs() } else { line - certified };
            prop_assert!(apart <= allowed, "{line} at {v:?} by the pass, {certified} by the certificate");
            prop_assert!(line <= case.value(&v) + allowed, "{line} lies above f({v:?}) = {}", case.value(&v));
        }
        if at_the_point {
            let line = dot(&slope, &y) + constant;
            prop_assert!((line - value).abs() <= 2.0 * ROUNDING * size(&y), "{line} where f is {value}");
            if !near_kink(&case.instance, &trace) {
                let gradient = case.instance.gradient(&trace);
                for (a, b) in slope.iter().zip(&gradient) {
                    prop_assert!((a - b).abs() <= ROUNDING * (1.0 + largest(&gradient)), "{slope:?} and {gradient:?}");
                }
            }
        }
    }
    Ok(())
}

/// Where no unit changes its state, pre-activations change by the rates.
fn tangents_are_difference_quotients<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut points = case.points();
    let bounds = case.instance.bounds(case.domain.intervals());
    let mut oracle = NetworkOracle::new(&case.instance, &bounds).with_kinks(&bounds);
    let Some(kinks) = shown(oracle.kinks())? else { return Ok(()) };
    for _ in 0..6 {
        let (y, ends) = (points.anywhere(), [points.anywhere(), points.anywhere()]);
        let (_, pre) = forward(kinks, &y);
        let (m, shares) = (pre.len(), states(&pre));
        let directions: Vec<f64> = ends.iter().flat_map(|v| v.iter().zip(&y).map(|(v, y)| v - y)).collect();
        let mut rates = vec![f32::NAN; 2 * m];
        kinks.tangents(&shares, &directions, &mut rates);
        let rates: Vec<f64> = rates.into_iter().map(f64::from).collect();
        for (d, rates) in directions.chunks_exact(y.len().max(1)).zip(rates.chunks_exact(m.max(1))) {
            for step in [1.0, 0.1, 0.01, 0.001] {
                let v: Vec<f64> = y.iter().zip(d).map(|(y, d)| y + step * d).collect();
                let (_, there) = forward(kinks, &v);
                if states(&there) != shares {
                    continue;
                }
                let allowed = SINGLE * (1.0 + largest(&pre) + largest(&there) + largest(rates));
                for i in 0..m {
                    let (change, rate) = (there[i] - pre[i], rates[i]);
                    prop_assert!(
                        (change - step * rate).abs() <= allowed,
                        "kink {i} of {m}: {change}, {step} times {rate}"
                    );
                }
                break;
            }
        }
    }
    Ok(())
}

/// From point to point a backward pass of what has changed is that of its own; and from rates at one point the pre-activations and f at another follow.
fn passes_from_a_point_nearby_are_passes<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (mut points, mut random) = (case.points(), uniform(case.seed));
    let bounds = case.instance.bounds(case.domain.intervals());
    let mut oracle = NetworkOracle::new(&case.instance, &bounds).with_kinks(&bounds);
    let Some(kinks) = shown(oracle.kinks())? else { return Ok(()) };
    let (m, mut y) = (kinks.units(), points.anywhere());
    let zeros = |n: usize| vec![f64::NAN; n];
    for round in 0..8 {
        // Steps of all lengths, so that sometimes few units change and sometimes many.
        let (end, part) = (points.anywhere(), random().powi(3));
        let next: Vec<f64> = y.iter().zip(&end).map(|(y, e)| y + part * (e - y)).collect();
        let (from, pre) = forward(kinks, &y);
        let (frozen, p) = (states(&pre), y.len());
        let (mut slope, mut weights) = (zeros(p), zeros(m));
        kinks.slope(&frozen, &mut slope, &mut weights);
        let (mut expected, mut above) = (zeros(p), zeros(m));
        let fresh = kinks.backward(&frozen, &mut expected, &mut above);
        let size = 1.0 + networks::magnitude(&case.instance, &y) + largest(&expected) + largest(&above) + fresh.abs();
        for (a, b) in slope.iter().zip(&expected).chain(weights.iter().zip(&above)) {
            prop_assert!((a - b).abs() <= SINGLE * size, "round {round}: {a} after others, {b} by itself");
        }
        let direction: Vec<f64> = next.iter().zip(&y).map(|(a, b)| a - b).collect();
        let mut rates = vec![f32::NAN; m];
        kinks.tangents(&frozen, &direction, &mut rates);
        let there: Vec<f64> = pre.iter().zip(&rates).map(|(a, r)| a + f64::from(*r)).collect();
        let (value, exact) = forward(kinks, &next);
        let size = 1.0 + networks::magnitude(&case.instance, &y) + networks::magnitude(&case.instance, &next);
        let allowed = SINGLE * (size + largest(&pre) + largest(&exact));
        // From where units keep their shares, and from where the step begins.
        let (stays, affine) = (vec![0.0; p], from + dot(&expected, &direction));
        for (step, mut there, before) in [(&stays, there, affine), (&direction, pre, from)] {
            let Some(change) = kinks.bent(&frozen, step, &mut there) else { continue };
            let found = before + change;
            prop_assert!((found - value).abs() <= allowed, "f is {value}, not {found}");
            for (a, b) in there.iter().zip(&exact) {
                prop_assert!((a - b).abs() <= allowed, "a pre-activation is {b}, not {a}");
            }
        }
        y = next;
    }
    Ok(())
}

/// With the units free that stand differently at two points, rows give the pre-activations at both.
fn rows_are_pre_activations<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (mut points, mut random) = (case.points(), uniform(case.seed));
    let bounds = case.instance.bounds(case.domain.intervals());
    let mut oracle = NetworkOracle::new(&case.instance, &bounds).with_kinks(&bounds);
    let Some(kinks) = shown(oracle.kinks())? else { return Ok(()) };
    for _ in 0..6 {
        let ends = [points.anywhere(), points.anywhere()];
        let pre = ends.each_ref().map(|y| forward(kinks, y).1);
        let shares = states(&pre[0]);
        let other = states(&pre[1]);
        let m = shares.len();
        let free: Vec<usize> = (0..m).filter(|i| shares[*i] != other[*i] || random() < 0.3).collect();
        let wanted: Vec<usize> = (0..m).filter(|_| random() < 0.7).collect();
        // Rows are appended to those that are there.
        let (mut rows, p) = (Rows::default(), ends[0].len());
        let (first, rest) = wanted.split_at(wanted.len() / 2);
        kinks.rows(&shares, &free, first, &mut rows);
        kinks.rows(&shares, &free, rest, &mut rows);
        prop_assert_eq!(rows.iter(p).count(), wanted.len());
        for ((slope, weights, constant), i) in rows.iter(p).zip(&wanted) {
            prop_assert!(weights.len() <= *i);
            let below = &free[..free.partition_point(|k| *k < weights.len())];
            for (y, pre) in ends.iter().zip(&pre) {
                let values: f64 = below.iter().map(|k| weights[*k] * pre[*k].max(0.0)).sum();
                let (a, allowed) = (constant + dot(slope, y) + values, ROUNDING * (1.0 + largest(pre)));
                let sizes: f64 = below.iter().map(|k| (weights[*k] * pre[*k]).abs()).sum();
                let allowed = allowed + ROUNDING * (sizes + constant.abs());
                prop_assert!((a - pre[*i]).abs() <= allowed, "kink {i} of {m} at {y:?}: {a} by its row, {}", pre[*i]);
            }
        }
    }
    Ok(())
}
