//! Random networks made degenerate: many kinks through one point, kinks that coincide, minima that are no single point.

use std::sync::Arc;

use icnn::Method;
use icnn::network::{Ficnn, FicnnLayer};
use nalgebra::{DMatrix, DVector};

use crate::families::{FAMILIES, Failure, Family, Kind};
use crate::measure::Case;
use crate::table::Set;

/// How a network is made degenerate.
type Change = fn(Ficnn, &Family) -> Result<Ficnn, Failure>;

/// The changes, by name.
const CHANGES: [(&str, Change); 4] =
    [("zero-bias", without_biases), ("integer", integers), ("duplicate", duplicated), ("flat", flat)];

/// Families that are changed, and seeds of each.
const CHANGED: [usize; 4] = [0, 1, 2, 4];
const SEEDS: u64 = 2;

/// All degenerate sets of the families that are `wanted`.
pub fn sets(wanted: impl Fn(&str) -> bool) -> Result<Vec<Set>, Failure> {
    let mut sets = vec![];
    for family in CHANGED.iter().map(|k| &FAMILIES[*k]).filter(|f| wanted(f.name)) {
        for (name, change) in CHANGES {
            let cases = (0..SEEDS).map(|k| {
                let network = Family { seed: family.seed + 10_000 * k, ..*family }.ficnn(Kind::Random);
                let instance = Arc::new(change(network, family)?.program()?).at(&[])?;
                Ok(Case { instance, domain: family.domain()? })
            });
            let cases = cases.collect::<Result<_, Failure>>()?;
            let highs_seconds = 5.0;
            sets.push(Set { family: family.name.into(), kind: name.into(), cases, target: None, highs_seconds });
        }
    }
    Ok(sets)
}

/// All kinks of the first layer meet in 0.
fn without_biases(mut network: Ficnn, _: &Family) -> Result<Ficnn, Failure> {
    network.layers.iter_mut().for_each(|layer| layer.b.fill(0.0));
    Ok(network)
}

/// Weights and biases are whole numbers of few values, so that slopes tie and kinks meet.
fn integers(mut network: Ficnn, _: &Family) -> Result<Ficnn, Failure> {
    let whole = |largest: f64, v: f64| (3.0 * v / largest.max(f64::MIN_POSITIVE)).round();
    for layer in &mut network.layers {
        let largest = layer.wy.amax();
        layer.wy.apply(|v| *v = whole(largest, *v));
        layer.b.apply(|v| *v = (3.0 * *v).round());
        if let Some(wz) = &mut layer.wz {
            let largest = wz.amax();
            wz.apply(|v| *v = whole(largest, *v));
        }
    }
    Ok(network)
}

/// Every hidden unit is there twice, each with half of the weight.
fn duplicated(network: Ficnn, _: &Family) -> Result<Ficnn, Failure> {
    let last = network.layers.len() - 1;
    let layers = network.layers.into_iter().enumerate().map(|(k, layer)| {
        let copies = if k < last { 2 } else { 1 };
        let rows = |m: &DMatrix<f64>| DMatrix::from_fn(copies * m.nrows(), m.ncols(), |i, j| m[(i / copies, j)]);
        let halves = |m: &DMatrix<f64>| DMatrix::from_fn(m.nrows(), 2 * m.ncols(), |i, j| 0.5 * m[(i, j / 2)]);
        FicnnLayer {
            wz: layer.wz.as_ref().map(|wz| rows(&halves(wz))),
            wy: rows(&layer.wy),
            b: DVector::from_fn(copies * layer.b.len(), |i, _| layer.b[i / copies]),
        }
    });
    Ok(Ficnn { layers: layers.collect() })
}

/// max(f, what the paper's gradient descent reaches): the minimisers are a set with an interior that the start is outside of.
fn flat(mut network: Ficnn, family: &Family) -> Result<Ficnn, Failure> {
    let p = network.decisions();
    let reached = Arc::new(network.program()?).at(&[])?.minimize(&family.domain()?, Method::PaperGd)?;
    let level = reached.value.ok_or("no value")?;
    if let Some(last) = network.layers.last_mut() {
        last.b[0] -= level;
    }
    let top = FicnnLayer {
        wz: Some(DMatrix::from_element(1, 1, 1.0)),
        wy: DMatrix::zeros(1, p),
        b: DVector::from_element(1, level),
    };
    network.layers.push(top);
    Ok(network)
}
