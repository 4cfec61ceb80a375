//! examples/imputation: missing pixels of real digits, completed by every method.
#![cfg(all(feature = "highs", feature = "onnx"))]

#[path = "common/npy.rs"]
mod npy;

use std::path::{Path, PathBuf};

use icnn::check::prove;
use icnn::{Domain, Limits, Method, Network, Solution, Status};
use serde_json::Value;

/// What `pdlp` is asked for; the other methods close the gap to the default.
const APPROXIMATE: f64 = 1e-4;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/imputation").join(name)
}

fn json<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
}

struct Example {
    network: Network,
    /// `None` where a pixel is missing.
    given: Vec<Vec<Option<f64>>>,
    truth: Vec<Vec<f64>>,
    mean: Vec<f64>,
    minimum: Vec<f64>,
}

fn example() -> Example {
    let (truth, _) = npy::array(&std::fs::read(file("test-truth.npy")).unwrap());
    let minimum =
        json::<Value>("expected.json")["minimum"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    Example {
        network: Network::load(file("imputation.onnx")).unwrap(),
        given: json("test-fix.json"),
        truth: truth.outer_iter().map(|row| row.iter().copied().collect()).collect(),
        mean: json("pixel-mean.json"),
        minimum,
    }
}

impl Example {
    fn domain(&self, row: usize) -> Domain {
        let given = self.given[row].iter().enumerate().filter_map(|(j, v)| Some((j, (*v)?)));
        Domain::cube(64, 0.0, 1.0).unwrap().with_all_fixed(given).unwrap()
    }

    fn solve(&self, row: usize, method: Method) -> Solution {
        let gap = if method == Method::Pdlp { APPROXIMATE } else { Limits::default().gap };
        let limits = Limits { gap, ..Limits::default() };
        self.network.given(&[]).unwrap().minimize_with(&self.domain(row), method, &limits).unwrap()
    }

    /// |guess − truth| at the missing pixels of a row.
    fn errors<'a>(&'a self, row: usize, guess: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let missing = self.given[row].iter().enumerate().filter(|(_, v)| v.is_none());
        missing.map(move |(j, _)| (guess[j] - self.truth[row][j]).abs())
    }
}

#[test]
fn the_energy_is_proven_convex_and_the_rows_are_what_the_table_says() {
    let example = example();
    let domain = Domain::cube(64, 0.0, 1.0).unwrap();
    let (_, proof) = prove(&example.network.given(&[]).unwrap(), &domain);
    assert!(proof.output().is_convex());
    assert_eq!((example.given.len(), example.truth.len(), example.minimum.len()), (30, 30, 30));
    for (given, truth) in example.given.iter().zip(&example.truth) {
        assert_eq!((given.len(), truth.len()), (64, 64));
        assert!(given.iter().zip(truth).all(|(g, t)| g.is_none_or(|g| g == *t)));
        assert!((16..=48).contains(&given.iter().filter(|v| v.is_none()).count()));
    }
}

#[test]
fn every_method_completes_every_row_and_they_agree() {
    let example = example();
    for row in 0..example.given.len() {
        let solutions: Vec<Solution> =
            [Method::Lp, Method::Ipm, Method::Pdlp].into_iter().map(|method| example.solve(row, method)).collect();
        for s in &solutions {
            let (y, value, bound) = (s.y.as_ref().unwrap(), s.value.unwrap(), s.lower_bound.unwrap());
            assert_eq!(s.status, Status::Optimal, "row {row}, {}: gap {:?}", s.method, s.gap);
            for (j, given) in example.given[row].iter().enumerate() {
                assert!((0.0..=1.0).contains(&y[j]), "row {row}, {}: y[{j}] = {}", s.method, y[j]);
                if let Some(given) = given {
                    assert_eq!(y[j].to_bits(), given.to_bits(), "row {row}, {}: y[{j}] was given", s.method);
                }
            }
            let again = example.network.given(&[]).unwrap().forward(y).unwrap().value();
            let size = value.abs().max(1.0);
            // Folding what is given adds up in another order.
            assert!((again - value).abs() <= 1e-9 * size, "row {row}, {}: {value} is {again}", s.method);
            let (gap, plain) = (s.gap.unwrap(), (value - bound).max(0.0));
            assert!(gap >= plain && gap <= plain + 1e-11 * value.abs().max(1.0), "{gap}, {plain}");
            for other in &solutions {
                let least = other.value.unwrap();
                assert!(
                    bound <= least + 1e-9 * size,
                    "row {row}: {} proves {bound}, {} found {least}",
                    s.method,
                    other.method
                );
            }
        }
        // scipy solved the program that train.py wrote down itself, to its own tolerance.
        let (lp, scipy) = (solutions[0].value.unwrap(), example.minimum[row]);
        assert!((lp - scipy).abs() <= 1e-6 * scipy.abs().max(1.0), "row {row}: {lp} against {scipy}");
    }
}

#[test]
fn the_completions_are_better_than_the_pixel_mean() {
    let example = example();
    let (mut completed, mut mean, mut missing) = (0.0, 0.0, 0);
    for row in 0..example.given.len() {
        let y = example.solve(row, Method::Lp).y.unwrap();
        completed += example.errors(row, &y).sum::<f64>();
        mean += example.errors(row, &example.mean).sum::<f64>();
        missing += example.errors(row, &y).count();
    }
    let n = missing as f64;
    println!(
        "mean absolute error over {missing} missing pixels: {:.4}, of the pixel mean {:.4}",
        completed / n,
        mean / n
    );
    assert!(completed < 0.7 * mean, "{} against {}", completed / n, mean / n);
}
