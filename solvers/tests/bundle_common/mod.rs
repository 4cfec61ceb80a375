//! Functions to minimise, for the tests of methods that call an oracle.
#![allow(dead_code)]

use icnn_solvers::SolverError;
use icnn_solvers::oracle::{Oracle, dot};
use icnn_solvers::region::{Region, Simplex};
use icnn_solvers::run::{Run, RunLimits, RunOutcome};

/// A small generator: what it gives depends on the seed alone.
pub struct Random(pub u64);

impl Random {
    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        (-2.0 * a.ln()).sqrt() * (2.0 * std::f64::consts::PI * b).cos()
    }

    pub fn normals(&mut self, n: usize, sd: f64) -> Vec<f64> {
        (0..n).map(|_| sd * self.normal()).collect()
    }

    /// A point of the region.
    pub fn point(&mut self, region: &Region) -> Vec<f64> {
        let ends = region.lower().iter().zip(region.upper());
        let mut y: Vec<f64> = ends.map(|(l, u)| l + (u - l) * self.uniform()).collect();
        for simplex in region.simplices() {
            let weights: Vec<f64> = simplex.members.iter().map(|_| -self.uniform().ln()).collect();
            let sum: f64 = weights.iter().sum();
            simplex.members.iter().zip(&weights).for_each(|(j, w)| y[*j] = simplex.total * w / sum);
        }
        y
    }
}

/// max over pieces of aᵢᵀy + bᵢ.
#[derive(Debug, Clone)]
pub struct MaxAffine {
    pub slopes: Vec<Vec<f64>>,
    pub constants: Vec<f64>,
}

impl MaxAffine {
    /// Normal slopes of standard deviation `scale`, and normal constants.
    pub fn random(pieces: usize, p: usize, scale: f64, seed: u64) -> MaxAffine {
        let mut random = Random(seed);
        let slopes = (0..pieces).map(|_| random.normals(p, scale)).collect();
        MaxAffine { slopes, constants: random.normals(pieces, 1.0) }
    }

    pub fn at(&self, y: &[f64]) -> f64 {
        self.slopes.iter().zip(&self.constants).map(|(a, b)| dot(a, y) + b).fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Oracle for MaxAffine {
    fn dimension(&self) -> usize {
        self.slopes[0].len()
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let values: Vec<f64> = self.slopes.iter().zip(&self.constants).map(|(a, b)| dot(a, y) + b).collect();
        let best = (0..values.len()).max_by(|i, k| values[*i].total_cmp(&values[*k])).unwrap();
        gradient.copy_from_slice(&self.slopes[best]);
        Ok(values[best])
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        Ok(self.at(y))
    }
}

pub fn unit_box(p: usize) -> Region {
    Region::new(vec![0.0; p], vec![1.0; p], vec![]).unwrap()
}

pub fn unit_simplex(p: usize) -> Region {
    let simplex = Simplex { members: (0..p).collect(), total: 1.0 };
    Region::new(vec![0.0; p], vec![1.0; p], vec![simplex]).unwrap()
}

/// Runs the bundle entropy method, at most 20 000 evaluations.
pub fn solve(f: &mut dyn Oracle, region: &Region, tau: Option<f64>, gap: f64) -> RunOutcome {
    let limits = RunLimits { gap, passes: Some(40_000), ..RunLimits::default() };
    Run::new(f, region, tau, limits).unwrap().with(icnn_solvers::bundle_entropy::bundle_entropy).unwrap()
}
