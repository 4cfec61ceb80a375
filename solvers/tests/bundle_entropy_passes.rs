//! Passes over the network that the bundle entropy method takes to a certified gap, on random networks.

mod bundle_common;

use bundle_common::Random;
use icnn_solvers::SolverError;
use icnn_solvers::bundle_entropy::{bundle_entropy, undamped};
use icnn_solvers::oracle::{Oracle, dot};
use icnn_solvers::region::Region;
use icnn_solvers::run::{End, Run, RunLimits};

/// scale·(z_k), z_{i+1} = relu(W^z z + W^y y + b), the last layer without relu (paper eq. 2).
struct Ficnn {
    p: usize,
    layers: Vec<Layer>,
    scale: f64,
}

struct Layer {
    /// By rows, one a unit.
    wz: Vec<Vec<f64>>,
    wy: Vec<Vec<f64>>,
    b: Vec<f64>,
}

impl Layer {
    fn pre_activations(&self, z: &[f64], y: &[f64]) -> Vec<f64> {
        let units = self.wz.iter().zip(&self.wy).zip(&self.b);
        units.map(|((wz, wy), b)| dot(wz, z) + dot(wy, y) + b).collect()
    }
}

fn relu(a: &[f64]) -> Vec<f64> {
    a.iter().map(|a| a.max(0.0)).collect()
}

impl Ficnn {
    /// Weights W^y ~ N(0, 1.5²/p) and W^z ~ |N(0, 1)|/√fan-in; biases that centre the pre-activations over the box, spread by half
    /// their deviation; an output tilted against the mean gradient, up to noise of 0.3 of its length.
    fn random(p: usize, hidden: &[usize], seed: u64) -> Ficnn {
        let mut random = Random(seed);
        let samples: Vec<Vec<f64>> = (0..200).map(|_| (0..p).map(|_| 2.0 * random.uniform() - 1.0).collect()).collect();
        let count = samples.len() as f64;
        let mut z = vec![vec![]; samples.len()];
        let mut net = Ficnn { p, layers: vec![], scale: 1.0 };
        for &units in hidden.iter().chain(&[1]) {
            let fan = z[0].len();
            let wy = (0..units).map(|_| random.normals(p, 1.5 / (p as f64).sqrt())).collect();
            let spread = 1.0 / (fan as f64).sqrt();
            let wz = (0..units).map(|_| random.normals(fan, spread).iter().map(|w| w.abs()).collect()).collect();
            let mut layer = Layer { wz, wy, b: vec![0.0; units] };
            let a: Vec<Vec<f64>> = samples.iter().zip(&z).map(|(y, z)| layer.pre_activations(z, y)).collect();
            for i in 0..units {
                let mean = a.iter().map(|a| a[i]).sum::<f64>() / count;
                let deviation = (a.iter().map(|a| (a[i] - mean).powi(2)).sum::<f64>() / count).sqrt();
                layer.b[i] = 0.5 * deviation * random.normal() - mean;
            }
            z = samples.iter().zip(&z).map(|(y, z)| relu(&layer.pre_activations(z, y))).collect();
            net.layers.push(layer);
        }
        let (mut mean, mut gradient) = (vec![0.0; p], vec![0.0; p]);
        for y in &samples {
            net.value_and_gradient(y, &mut gradient).unwrap();
            mean.iter_mut().zip(&gradient).for_each(|(m, g)| *m += g / count);
        }
        let noise = random.normals(p, 1.0);
        let length = 0.3 * (dot(&mean, &mean) / dot(&noise, &noise)).sqrt();
        let last = &mut net.layers.last_mut().unwrap().wy[0];
        (0..p).for_each(|j| last[j] += length * noise[j] - mean[j]);
        net
    }

    fn pre_activations(&self, y: &[f64]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = vec![];
        for layer in &self.layers {
            let z = all.last().map_or(vec![], |a| relu(a));
            all.push(layer.pre_activations(&z, y));
        }
        all
    }
}

impl Oracle for Ficnn {
    fn dimension(&self) -> usize {
        self.p
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let a = self.pre_activations(y);
        gradient.fill(0.0);
        let mut back = vec![self.scale];
        for (k, layer) in self.layers.iter().enumerate().rev() {
            let mut below = vec![0.0; layer.wz[0].len()];
            for (d, (wz, wy)) in back.iter().zip(layer.wz.iter().zip(&layer.wy)).filter(|(d, _)| **d != 0.0) {
                gradient.iter_mut().zip(wy).for_each(|(g, w)| *g += d * w);
                below.iter_mut().zip(wz).for_each(|(b, w)| *b += d * w);
            }
            if k > 0 {
                below.iter_mut().zip(&a[k - 1]).filter(|(_, a)| **a <= 0.0).for_each(|(b, _)| *b = 0.0);
            }
            back = below;
        }
        Ok(self.scale * a[a.len() - 1][0])
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        Ok(self.scale * self.pre_activations(y)[self.layers.len() - 1][0])
    }
}

type Solver = fn(&mut Run<'_>) -> Result<End, SolverError>;

/// Calls of the oracle until the relative gap is 1e-6 and 1e-9, medians over five networks.
fn passes(method: Solver, p: usize, hidden: &[usize], scale: f64, tau: Option<f64>, gap: f64) -> [u64; 2] {
    let region = Region::new(vec![-1.0; p], vec![1.0; p], vec![]).unwrap();
    let mut counts = [vec![], vec![]];
    for seed in 0..5 {
        let mut net = Ficnn { scale, ..Ficnn::random(p, hidden, 1000 + seed) };
        let limits = RunLimits { gap, passes: Some(4000), ..RunLimits::default() };
        let outcome = Run::new(&mut net, &region, tau, limits).unwrap().with(method).unwrap();
        assert_eq!(outcome.end, End::Closed, "p {p}, scale {scale}, seed {seed}");
        for (counts, gap) in counts.iter_mut().zip([1e-6, 1e-9]) {
            let closed = outcome.trace.iter().find(|at| at.value - at.lower_bound <= gap * outcome.value.abs());
            counts.push(closed.map_or(u64::MAX, |at| at.backward));
        }
    }
    counts.map(|mut counts| {
        counts.sort_unstable();
        counts[2]
    })
}

const SHAPES: [(&str, usize, &[usize]); 3] =
    [("rl6", 6, &[200, 200]), ("rl17", 17, &[200, 200]), ("mpc24", 24, &[100, 100, 100])];

/// At τ = 1, passes to 1e-6 and to 1e-9, for f and for 10·f. Counts, unlike times, do not depend on the machine.
#[test]
fn passes_to_a_certified_gap() {
    let most = [[[28, 28], [87, 87]], [[33, 33], [129, 129]], [[71, 71], [235, 235]]];
    for ((name, p, hidden), most) in SHAPES.into_iter().zip(most) {
        for (scale, most) in [1.0, 10.0].into_iter().zip(most) {
            let damped = passes(bundle_entropy, p, hidden, scale, Some(1.0), 1e-10);
            let paper = passes(undamped, p, hidden, scale, Some(1.0), 1e-10);
            println!("{name} × {scale}: {damped:?} passes, undamped {paper:?}");
            assert!(damped[0] <= most[0] && damped[1] <= most[1], "{name} × {scale}: {damped:?}, at most {most:?}");
            assert!(damped[1] < paper[1], "{name} × {scale}: undamped takes {paper:?}");
        }
    }
}

#[test]
fn passes_to_the_plain_minimum() {
    for ((name, p, hidden), most) in SHAPES.into_iter().zip([40, 90, 120]) {
        let [passes, _] = passes(bundle_entropy, p, hidden, 1.0, None, 1e-7);
        println!("{name}, f alone: {passes} passes to 1e-6");
        assert!(passes <= most, "{name}: {passes}");
    }
}
