//! Contexts: new ones that resemble those stored with a trained family, and walks among them.

use crate::families::random::Random;
use crate::families::{Failure, Family, Kind};

/// Contexts around the mean of the stored ones. The deviations are combinations of those of the stored contexts with normal
/// weights, so that every coordinate has their spread, and coordinates move together as they do there.
pub struct Contexts {
    mean: Vec<f64>,
    deviations: Vec<Vec<f64>>,
    random: Random,
}

impl Contexts {
    /// Of a trained family; every call draws the same numbers.
    pub fn of(family: &Family) -> Result<Contexts, Failure> {
        let (_, stored) = family.network(Kind::Trained)?;
        let (n, q) = (stored.len() as f64, stored.first().map_or(0, Vec::len));
        let mean: Vec<f64> = (0..q).map(|j| stored.iter().map(|x| x[j]).sum::<f64>() / n).collect();
        let less_mean = |x: &Vec<f64>| x.iter().zip(&mean).map(|(x, m)| (x - m) / (n - 1.0).sqrt()).collect();
        let deviations = stored.iter().map(less_mean).collect();
        Ok(Contexts { mean, deviations, random: Random(family.seed) })
    }

    /// One of them, drawn anew. As the files hold, f32 numbers.
    pub fn draw(&mut self) -> Vec<f64> {
        let mut x = self.mean.clone();
        self.step(&mut x, 1.0);
        x
    }

    /// Moves a context by `step` of their spread.
    pub fn step(&mut self, x: &mut [f64], step: f64) {
        for deviation in &self.deviations {
            let weight = step * self.random.normal();
            x.iter_mut().zip(deviation).for_each(|(x, d)| *x += weight * d);
        }
        x.iter_mut().for_each(|x| *x = f64::from(*x as f32));
    }

    /// A walk of `length` contexts from the first one that is drawn.
    pub fn walk(&mut self, step: f64, length: usize) -> Vec<Vec<f64>> {
        let mut x = self.draw();
        let mut walk = vec![];
        for _ in 0..length {
            walk.push(x.clone());
            self.step(&mut x, step);
        }
        walk
    }
}
