//! Convex functions with known minima.
#![allow(dead_code)]

use icnn_solvers::SolverError;
use icnn_solvers::oracle::Oracle;
use icnn_solvers::region::{Region, Simplex};

/// max over pieces of aᵀy + b, plus Σ wᵢ·softplus(aᵢᵀy + bᵢ), plus Σ ½ qⱼ(yⱼ − tⱼ)², plus Σ |aᵢᵀy + bᵢ|.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub pieces: Vec<(Vec<f64>, f64)>,
    pub softplus: Vec<(Vec<f64>, f64)>,
    pub quadratic: Vec<(f64, f64)>,
    pub absolute: Vec<(Vec<f64>, f64)>,
}

#[derive(Debug, Clone)]
pub struct Problem {
    pub name: &'static str,
    pub parts: Parts,
    pub region: Region,
    pub minimum: f64,
    /// The size of the numbers that make up the values.
    pub scale: f64,
    pub smooth: bool,
    pub start: Option<Vec<f64>>,
}

pub struct Counted {
    parts: Parts,
    dimension: usize,
    smooth: bool,
    pub forward: u64,
    pub backward: u64,
    pub points: Vec<Vec<f64>>,
}

fn line((a, b): &(Vec<f64>, f64), y: &[f64]) -> f64 {
    a.iter().zip(y).map(|(a, y)| a * y).sum::<f64>() + b
}

impl Parts {
    pub fn evaluate(&self, y: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut add = |a: &[f64], w: f64| gradient.iter_mut().zip(a).for_each(|(g, a)| *g += w * a);
        let mut value = 0.0;
        let values: Vec<f64> = self.pieces.iter().map(|piece| line(piece, y)).collect();
        if let Some(best) = (0..values.len()).reduce(|i, j| if values[j] > values[i] { j } else { i }) {
            value += values[best];
            add(&self.pieces[best].0, 1.0);
        }
        for piece in &self.softplus {
            let t = line(piece, y);
            value += icnn_solvers::logistic::softplus(t);
            add(&piece.0, icnn_solvers::logistic::sigmoid(t));
        }
        for piece in &self.absolute {
            let t = line(piece, y);
            value += t.abs();
            add(&piece.0, if t > 0.0 { 1.0 } else { -1.0 });
        }
        for (j, (q, t)) in self.quadratic.iter().enumerate() {
            value += 0.5 * q * (y[j] - t) * (y[j] - t);
            gradient[j] += q * (y[j] - t);
        }
        value
    }
}

impl Oracle for Counted {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        self.backward += 1;
        let value = self.value(y)?;
        self.parts.evaluate(y, gradient);
        Ok(value)
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        self.forward += 1;
        self.points.push(y.to_vec());
        Ok(self.parts.evaluate(y, &mut vec![0.0; self.dimension]))
    }

    fn is_smooth(&self) -> bool {
        self.smooth
    }
}

fn cube(p: usize) -> Region {
    Region::new(vec![-1.0; p], vec![1.0; p], vec![]).unwrap()
}

impl Problem {
    fn new(name: &'static str, parts: Parts, p: usize) -> Problem {
        let smooth = parts.pieces.len() <= 1 && parts.absolute.is_empty();
        Problem { name, parts, region: cube(p), minimum: 0.0, scale: 1.0, smooth, start: None }
    }

    pub fn affine(name: &'static str, pieces: &[(Vec<f64>, f64)], p: usize) -> Problem {
        Problem::new(name, Parts { pieces: pieces.to_vec(), ..Parts::default() }, p)
    }

    /// Σ ½ qⱼ(yⱼ − tⱼ)² over [−1, 1]ᵖ: least at the nearest point of the box.
    pub fn quadratic(name: &'static str, q: &[f64], t: &[f64]) -> Problem {
        let quadratic: Vec<(f64, f64)> = q.iter().copied().zip(t.iter().copied()).collect();
        let minimum = quadratic.iter().map(|(q, t)| 0.5 * q * (t - t.clamp(-1.0, 1.0)).powi(2)).sum();
        Problem { minimum, ..Problem::new(name, Parts { quadratic, ..Parts::default() }, q.len()) }
    }

    pub fn oracle(&self) -> Counted {
        Counted {
            parts: self.parts.clone(),
            dimension: self.region.dimension(),
            smooth: self.smooth,
            forward: 0,
            backward: 0,
            points: vec![],
        }
    }
}

fn unit(p: usize, j: usize, a: f64) -> Vec<f64> {
    let mut v = vec![0.0; p];
    v[j] = a;
    v
}

/// Numbers in [−½, ½) without a generator of their own (Knuth's linear congruential sequence, upper bits).
pub fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2862933555777941757).wrapping_add(3037000493);
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }
}

/// Pieces through (y*, 0) whose slopes have 0 in their convex hull, and further ones below: the minimum is 0 at y*.
fn tilted(name: &'static str, p: usize, steepness: f64, seed: u64) -> Problem {
    let mut random = random(seed);
    let centre: Vec<f64> = (0..p).map(|_| random()).collect();
    let mut slopes: Vec<Vec<f64>> = (0..p).map(|_| (0..p).map(|_| steepness * random()).collect()).collect();
    slopes.push((0..p).map(|j| -slopes.iter().map(|s| s[j]).sum::<f64>()).collect());
    let height = |a: &[f64]| -a.iter().zip(&centre).map(|(a, c)| a * c).sum::<f64>();
    let mut pieces: Vec<(Vec<f64>, f64)> = slopes.iter().map(|a| (a.clone(), height(a))).collect();
    for _ in 0..3 * p {
        let a: Vec<f64> = (0..p).map(|_| 3.0 * steepness * random()).collect();
        pieces.push((a.clone(), height(&a) - steepness * (random() + 0.5)));
    }
    Problem { scale: steepness, ..Problem::affine(name, &pieces, p) }
}

pub fn problems() -> Vec<Problem> {
    let mut all = vec![
        // Where −5y + 2 = 10y − 4: y = 0.4, value 0 (a failure of the published bundle code).
        Problem {
            region: Region::new(vec![0.0], vec![1.0], vec![]).unwrap(),
            start: Some(vec![0.5]),
            ..Problem::affine("two lines", &[(vec![-5.0], 2.0), (vec![10.0], -4.0)], 1)
        },
        tilted("max-affine, p = 2", 2, 1.0, 1),
        tilted("max-affine, p = 5", 5, 1.0, 2),
        tilted("max-affine, p = 10", 10, 1.0, 3),
        tilted("steep max-affine", 4, 1e6, 4),
        tilted("flat max-affine", 4, 1e-8, 5),
        Problem::quadratic("quadratic, inside", &[1.0, 10.0, 100.0], &[0.3, -0.2, 0.9]),
        Problem::quadratic("quadratic, at the box", &[1.0, 3.0, 20.0, 1.0], &[2.0, -1.5, 0.4, 1.0]),
        Problem::quadratic("quadratic, steep", &[1e6, 2e6], &[0.25, -0.5]),
        Problem { scale: 1e-8, ..Problem::quadratic("quadratic, tiny", &[1e-8, 3e-8], &[0.25, 1.5]) },
        Problem::quadratic("zero slope at the start", &[1.0, 4.0], &[0.0, 0.0]),
        Problem { minimum: 3.0, ..Problem::affine("constant", &[(vec![0.0, 0.0], 3.0)], 2) },
        Problem { minimum: -2.5, ..Problem::affine("linear", &[(vec![1.0, -2.0], 0.5)], 2) },
    ];
    // softplus(a) + softplus(−a) is least, 2 log 2, at a = 0; here at y = ¼ in each coordinate.
    let softplus =
        (0..3).flat_map(|j| [1.0, 4.0].map(|s| [(unit(3, j, s), -0.25 * s), (unit(3, j, -s), 0.25 * s)])).flatten();
    let parts = Parts { softplus: softplus.collect(), ..Parts::default() };
    all.push(Problem { minimum: 12.0 * 2.0f64.ln(), ..Problem::new("softplus sum", parts, 3) });
    // |y₀ − 0.3| + |y₁ + 0.2| + |y₂ − 2|: 1 at (0.3, −0.2, 1).
    let absolute = vec![(unit(3, 0, 1.0), -0.3), (unit(3, 1, 1.0), 0.2), (unit(3, 2, 1.0), -2.0)];
    let parts = Parts { absolute: absolute.clone(), ..Parts::default() };
    let sum = Problem { minimum: 1.0, ..Problem::new("sum of absolute values", parts, 3) };
    let unbounded = Region::new(vec![f64::NEG_INFINITY; 3], vec![f64::INFINITY, f64::INFINITY, 1.0], vec![]).unwrap();
    all.push(Problem { name: "half-unbounded, kinks", region: unbounded.clone(), ..sum.clone() });
    all.push(sum.clone());
    let fixed = Region::new(vec![-1.0, 0.5, -1.0], vec![1.0, 0.5, 1.0], vec![]).unwrap();
    all.push(Problem { name: "a fixed coordinate", region: fixed, minimum: 1.7, ..sum.clone() });
    let point = Region::new(vec![0.0; 3], vec![0.0; 3], vec![]).unwrap();
    all.push(Problem { name: "all fixed", region: point, minimum: 2.5, ..sum });
    let bowl = Problem::quadratic("half-unbounded, smooth", &[1.0, 2.0, 5.0], &[3.0, -7.0, 0.5]);
    all.push(Problem { region: unbounded, minimum: 0.0, ..bowl });
    // A box of sides 1e-3, 1 and 1e3, the minimiser at a quarter of each.
    let sides = [1e-3, 1.0, 1e3];
    let wide = Region::new(vec![0.0; 3], sides.to_vec(), vec![]).unwrap();
    let scaled: Vec<(Vec<f64>, f64)> = (0..3).map(|j| (unit(3, j, 1.0 / sides[j]), -0.25)).collect();
    let parts = Parts { absolute: scaled, ..Parts::default() };
    all.push(Problem { region: wide, ..Problem::new("sides of all lengths", parts, 3) });
    // ½‖y − t‖² on the simplex: the projection of (0.8, 0.4, −1) is (0.7, 0.3, 0), at distance² 0.01 + 0.01 + 1.
    let simplex = |members: Vec<usize>, p: usize| {
        Region::new(vec![0.0; p], vec![1.0; p], vec![Simplex { members, total: 1.0 }]).unwrap()
    };
    let quadratic = Problem::quadratic("quadratic on a simplex", &[1.0; 3], &[0.8, 0.4, -1.0]);
    all.push(Problem { region: simplex(vec![0, 1, 2], 3), minimum: 0.51, ..quadratic });
    // max(y₀, 2y₁, 4y₂) on the simplex: equal, at 4/7; the box coordinate y₃ in |y₃ − ½|.
    let parts = Parts {
        pieces: vec![(unit(4, 0, 1.0), 0.0), (unit(4, 1, 2.0), 0.0), (unit(4, 2, 4.0), 0.0)],
        absolute: vec![(unit(4, 3, 1.0), -0.3)],
        ..Parts::default()
    };
    all.push(Problem {
        region: simplex(vec![0, 1, 2], 4),
        minimum: 4.0 / 7.0,
        ..Problem::new("kinks on a simplex", parts, 4)
    });
    all
}
