//! Batches of contexts: neither their order nor the number of threads changes an answer. And Proposition 2 of the paper: a
//! PICNN can be any FICNN, and any feed-forward network of x.
#![cfg(feature = "highs")]

#[path = "common/networks.rs"]
mod networks;

use std::cell::Cell;

use icnn::network::PicnnLayer;
use icnn::solve::batch::Session;
use icnn::{Limits, Method, Network, Solution, Status};
use nalgebra::{DMatrix, DVector};
use networks::{Case, Ficnn, Picnn, Points, Problem, Sides, magnitude};
use proptest::prelude::*;

/// Everything of an answer that may not depend on order or threads, bit for bit.
fn bits(s: &Solution) -> (Status, Option<Vec<u64>>, Option<u64>, Option<u64>, u64) {
    let number = |v: Option<f64>| v.map(f64::to_bits);
    let y = s.y.as_ref().map(|y| y.iter().map(|v| v.to_bits()).collect());
    (s.status.clone(), y, number(s.value), number(s.lower_bound), s.work.iterations)
}

/// The answers at `contexts` after a warm-up, on `threads` threads, in the order given.
fn answers(case: &Case<Picnn>, contexts: &[Vec<f64>], threads: usize) -> Vec<Solution> {
    let network = Network::from(case.program.clone());
    let mut session = Session::new(case.domain.clone(), Method::Lp, Limits::default());
    session.warm_up(&network, contexts);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| session.minimize_all(&network, contexts)).into_iter().map(Result::unwrap).collect()
}

fn shuffled<T: Clone>(items: &[T], points: &mut Points) -> (Vec<usize>, Vec<T>) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    for k in (1..order.len()).rev() {
        order.swap(k, points.random() as usize % (k + 1));
    }
    let moved = order.iter().map(|k| items[*k].clone()).collect();
    (order, moved)
}

#[test]
fn order_and_threads_change_nothing() {
    let (optimal, warm) = (Cell::new(0), Cell::new(0));
    networks::run::<Picnn>(24, Sides::Finite, |case| {
        let mut points = case.points();
        // Sixty contexts are enough for a warm start to be tried; close ones make it pay.
        let spread = [1.0, 0.01][points.random() as usize % 2];
        let count = [12, 60, 60][points.random() as usize % 3];
        let contexts: Vec<Vec<f64>> =
            (0..count).map(|_| case.x.iter().map(|x| x + spread * (points.unit() - 0.5)).collect()).collect();
        let reference = answers(case, &contexts, 1);
        for threads in [1, 2] {
            let (order, moved) = shuffled(&contexts, &mut points);
            for (k, found) in order.iter().zip(answers(case, &moved, threads)) {
                prop_assert_eq!(bits(&found), bits(&reference[*k]), "context {:?}, {} threads", contexts[*k], threads);
            }
        }
        let network = Network::from(case.program.clone());
        for (x, found) in contexts.iter().zip(&reference) {
            prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
            let alone = network.given(x).unwrap().minimize(&case.domain, Method::Lp).unwrap();
            let size = magnitude(&network.given(x).unwrap(), found.y.as_ref().unwrap()) + 1.0;
            prop_assert!((alone.value.unwrap() - found.value.unwrap()).abs() <= 1e-6 * size, "{alone:?}\n{found:?}");
            optimal.set(optimal.get() + 1);
            warm.set(warm.get() + usize::from(alone.work.iterations != found.work.iterations));
        }
        Ok(())
    });
    println!("answers {}, started warm {}", optimal.get(), warm.get());
    // The property is about warm starts as well.
    assert!(warm.get() >= 50, "{} of {} started warm", warm.get(), optimal.get());
}

/// Found by the property above: at x = 0 the network is linear, and its program has no rows to share out a basis among.
#[test]
fn a_context_without_rows_starts_cold() {
    let layer = |z, wy: f64, b_u: (f64, f64), next_u| PicnnLayer {
        z,
        wy: DMatrix::from_element(1, 1, wy),
        yu: constant(1, 1, 1.0),
        u: (DMatrix::from_element(1, 1, b_u.0), DVector::from_element(1, b_u.1)),
        next_u,
    };
    let identity = (DMatrix::from_element(1, 1, 1.0), DVector::zeros(1));
    let gate = (DMatrix::from_element(1, 1, 1.0), DVector::from_element(1, 0.0));
    let layers = vec![
        layer(None, 1.0, (0.0, -0.25), Some(identity)),
        layer(Some((DMatrix::from_element(1, 1, 4.0), gate)), -1.0, (0.0, 0.0), None),
    ];
    let network = Network::from(Picnn { layers }.compiled());
    // The gate is closed at two of the contexts.
    let contexts: Vec<Vec<f64>> = (0..60).map(|k| vec![if k < 2 { 0.0 } else { 1.0 }]).collect();
    let mut session = Session::new(icnn::Domain::cube(1, -1.0, 1.0).unwrap(), Method::Lp, Limits::default());
    session.warm_up(&network, &contexts);
    let found = |x: &[f64]| session.minimize(&network.given(x).unwrap()).unwrap();
    assert_eq!((found(&[0.0]).status, found(&[0.0]).value), (Status::Optimal, Some(-1.0)));
    assert_eq!((found(&[1.0]).status, found(&[1.0]).value), (Status::Optimal, Some(-0.25)));
}

fn constant(len: usize, columns: usize, value: f64) -> (DMatrix<f64>, DVector<f64>) {
    (DMatrix::zeros(len, columns), DVector::from_element(len, value))
}

/// The PICNN with the weights of `f`, whose gates and scales are 1 and whose biases ignore x.
fn as_picnn(f: &Ficnn, q: usize) -> Picnn {
    let layer = |(i, l): (usize, &icnn::network::FicnnLayer)| PicnnLayer {
        z: l.wz.as_ref().map(|wz| (wz.clone(), constant(wz.ncols(), q, 1.0))),
        wy: l.wy.clone(),
        yu: constant(l.wy.ncols(), q, 1.0),
        u: (DMatrix::zeros(l.b.len(), q), l.b.clone()),
        next_u: (i + 1 < f.layers.len()).then(|| constant(q, q, 0.25)),
    };
    Picnn { layers: f.layers.iter().enumerate().map(layer).collect() }
}

#[test]
fn a_picnn_can_be_any_ficnn() {
    networks::run::<Ficnn>(150, Sides::Finite, |case| {
        let mut points = case.points();
        let q = 1 + points.random() as usize % 3;
        let x: Vec<f64> = (0..q).map(|_| 20.0 * points.unit() - 10.0).collect();
        let same = std::sync::Arc::new(as_picnn(&case.problem, q).compiled()).at(&x).unwrap();
        for _ in 0..10 {
            let y = points.anywhere();
            let (found, expected) = (same.forward(&y).unwrap().value(), case.value(&y));
            prop_assert!(
                (found - expected).abs() <= 1e-12 * magnitude(&case.instance, &y),
                "{found} for {expected} at {y:?}"
            );
        }
        let (a, b) = (
            same.minimize(&case.domain, Method::Lp).unwrap(),
            case.instance.minimize(&case.domain, Method::Lp).unwrap(),
        );
        prop_assert_eq!((&a.status, &b.status), (&Status::Optimal, &Status::Optimal));
        let size = magnitude(&case.instance, b.y.as_ref().unwrap()) + 1.0;
        // Rows of the domain hold up to the solver's 1e-7 each time.
        prop_assert!((a.value.unwrap() - b.value.unwrap()).abs() <= 1e-6 * size, "{a:?}\n{b:?}");
        Ok(())
    });
}

#[test]
fn a_picnn_can_be_any_network_of_x() {
    // The x-path of a random PICNN, read out by the biases of its last layer; everything about y is 0.
    networks::run::<Picnn>(150, Sides::Any, |case| {
        let mut net = case.problem.clone();
        for layer in &mut net.layers {
            layer.wy.fill(0.0);
            layer.z.iter_mut().for_each(|(wz, _)| wz.fill(0.0));
        }
        let mut u = case.x.clone();
        let apply = |(w, b): &(DMatrix<f64>, DVector<f64>), u: &[f64]| -> Vec<f64> {
            (0..b.len()).map(|i| b[i] + u.iter().enumerate().map(|(j, u)| w[(i, j)] * u).sum::<f64>()).collect()
        };
        for next in net.layers.iter().filter_map(|l| l.next_u.as_ref()) {
            u = apply(next, &u).into_iter().map(|t| if t > 0.0 { t } else { 0.0 }).collect();
        }
        let last = &net.layers.last().unwrap().u;
        let expected = apply(last, &u)[0];
        let size = last.1[0].abs() + u.iter().enumerate().map(|(j, u)| (last.0[(0, j)] * u).abs()).sum::<f64>();
        let instance = std::sync::Arc::new(net.compiled()).at(&case.x).unwrap();
        let mut points = case.points();
        for _ in 0..5 {
            let found = instance.forward(&points.anywhere()).unwrap().value();
            prop_assert!((found - expected).abs() <= 1e-12 * size, "{found} for {expected}");
        }
        let found = instance.minimize(&case.domain, Method::Lp).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
        prop_assert!(
            (found.value.unwrap() - expected).abs() <= 1e-12 * size,
            "{found:?}, the network's value is {expected}"
        );
        Ok(())
    });
}
