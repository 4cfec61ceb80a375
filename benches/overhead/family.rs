//! The networks that are measured: random FICNNs (eq. 2 of the paper) whose minimiser is not a corner of the box.

#[path = "../../tests/common/onnx.rs"]
mod onnx;

use onnx::{ModelBuilder, int};

/// A size, and how often it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    /// Number of decisions p.
    pub decisions: usize,
    /// Widths of the hidden layers.
    pub hidden: &'static [usize],
    /// The same interval for every decision.
    pub box_ends: (f64, f64),
    pub repetitions: usize,
    seed: u64,
}

/// The sizes, smallest first.
pub const FAMILIES: [Family; 4] = [
    Family { name: "mpc24", decisions: 24, hidden: &[100, 100, 100], box_ends: (-1.0, 1.0), repetitions: 81, seed: 24 },
    Family { name: "two200", decisions: 100, hidden: &[200, 200], box_ends: (-1.0, 1.0), repetitions: 31, seed: 200 },
    Family { name: "bib159", decisions: 159, hidden: &[600, 159], box_ends: (0.0, 1.0), repetitions: 11, seed: 159 },
    Family {
        name: "wide100",
        decisions: 100,
        hidden: &[512, 512, 512],
        box_ends: (-1.0, 1.0),
        repetitions: 7,
        seed: 512,
    },
];

/// z ↦ W^z z + W^y y + b, row-major.
struct Layer {
    width: usize,
    wz: Option<Vec<f32>>,
    wy: Vec<f32>,
    b: Vec<f32>,
}

/// Points of the box over which means are taken.
const SAMPLES: usize = 256;

impl Family {
    /// `24; 100/100/100`
    pub fn size(&self) -> String {
        let hidden: Vec<String> = self.hidden.iter().map(usize::to_string).collect();
        format!("{}; {}", self.decisions, hidden.join("/"))
    }

    /// The network as an ONNX file with f32 weights.
    pub fn onnx(&self) -> Vec<u8> {
        let p = self.decisions as i64;
        let mut model = ModelBuilder::new(17).input("y", &[Some(1), Some(p)]);
        let transposed = || vec![int("transB", 1)];
        let layers = self.layers();
        let mut previous: Option<(String, i64)> = None;
        for (k, layer) in layers.iter().enumerate() {
            let n = layer.width as i64;
            let name = |what: &str| format!("{what}{k}");
            let (wz, wy, b, zy, zz, a, z) =
                (name("wz"), name("wy"), name("b"), name("zy"), name("zz"), name("a"), name("z"));
            model = model.initializer(&wy, &[n, p], &layer.wy).initializer(&b, &[n], &layer.b).node(
                "Gemm",
                &["y", &wy, &b],
                &[&zy],
                transposed(),
            );
            let sum = match (&layer.wz, &previous) {
                (Some(weights), Some((below, m))) => {
                    model = model
                        .initializer(&wz, &[n, *m], weights)
                        .node("Gemm", &[below, &wz], &[&zz], transposed())
                        .node("Add", &[&zz, &zy], &[&a], vec![]);
                    a
                }
                _ => zy,
            };
            if k + 1 == layers.len() {
                return model.node("Identity", &[&sum], &["f"], vec![]).output("f").bytes();
            }
            model = model.node("Relu", &[&sum], &[&z], vec![]);
            previous = Some((z, n));
        }
        unreachable!("a network has an output layer")
    }

    /// W^y ~ 1.5·N(0, 1)/√p and W^z ~ |N(0, 1)|/√fan-in; biases centre the pre-activations over the box, up to half a
    /// standard deviation; the output's W^y cancels the mean gradient up to 0.3 of its length.
    fn layers(&self) -> Vec<Layer> {
        let mut random = Random(self.seed);
        let p = self.decisions;
        let (low, high) = self.box_ends;
        let ys: Vec<Vec<f64>> =
            (0..SAMPLES).map(|_| (0..p).map(|_| low + (high - low) * random.uniform()).collect()).collect();
        let mut zs: Vec<Vec<f64>> = vec![vec![]; SAMPLES];
        let mut gradients: Vec<Vec<f64>> = vec![];
        let mut layers: Vec<Layer> = vec![];
        let mut active: Vec<Vec<Vec<bool>>> = vec![vec![]; SAMPLES];
        for width in self.hidden {
            let fan_in = layers.last().map_or(0, |l| l.width);
            let wy = random.normals(width * p, 1.5 / (p as f64).sqrt());
            let wz = (fan_in > 0).then(|| {
                let mut w = random.normals(width * fan_in, 1.0 / (fan_in as f64).sqrt());
                w.iter_mut().for_each(|w| *w = w.abs());
                w
            });
            let mut layer = Layer { width: *width, wz, wy, b: vec![0.0; *width] };
            let before: Vec<Vec<f64>> = ys.iter().zip(&zs).map(|(y, z)| layer.apply(y, z)).collect();
            for i in 0..*width {
                let mean = before.iter().map(|a| a[i]).sum::<f64>() / SAMPLES as f64;
                let variance = before.iter().map(|a| (a[i] - mean).powi(2)).sum::<f64>() / SAMPLES as f64;
                layer.b[i] = (0.5 * variance.sqrt() * random.normal() - mean) as f32;
            }
            for ((a, z), active) in before.iter().zip(&mut zs).zip(&mut active) {
                *z = a.iter().zip(&layer.b).map(|(a, b)| (a + f64::from(*b)).max(0.0)).collect();
                active.push(z.iter().map(|z| *z > 0.0).collect());
            }
            layers.push(layer);
        }
        let last = layers.last().map_or(0, |l| l.width);
        let mut wz = random.normals(last, 1.0 / (last as f64).sqrt());
        wz.iter_mut().for_each(|w| *w = w.abs());
        for active in &active {
            let mut gradient = vec![0.0; p];
            let mut u: Vec<f64> = wz.iter().map(|w| f64::from(*w)).collect();
            for (layer, active) in layers.iter().zip(active).rev() {
                u.iter_mut().zip(active).for_each(|(u, active)| *u *= f64::from(u8::from(*active)));
                add_transposed(&layer.wy, &u, &mut gradient);
                if let Some(wz) = &layer.wz {
                    let mut below = vec![0.0; wz.len() / layer.width];
                    add_transposed(wz, &u, &mut below);
                    u = below;
                }
            }
            gradients.push(gradient);
        }
        let mean: Vec<f64> = (0..p).map(|j| gradients.iter().map(|g| g[j]).sum::<f64>() / SAMPLES as f64).collect();
        let length = mean.iter().map(|g| g * g).sum::<f64>().sqrt();
        let noise = 0.3 * length / (p as f64).sqrt();
        let tilt = mean.iter().map(|g| (noise * random.normal() - g) as f32).collect();
        layers.push(Layer { width: 1, wz: Some(wz), wy: tilt, b: vec![0.0] });
        layers
    }
}

impl Layer {
    fn apply(&self, y: &[f64], z: &[f64]) -> Vec<f64> {
        let dot = |w: &[f32], v: &[f64]| w.iter().zip(v).map(|(w, v)| f64::from(*w) * v).sum::<f64>();
        let row = |w: &Vec<f32>, i: usize, v: &[f64]| dot(&w[i * v.len()..(i + 1) * v.len()], v);
        (0..self.width).map(|i| row(&self.wy, i, y) + self.wz.as_ref().map_or(0.0, |w| row(w, i, z))).collect()
    }
}

/// out += Wᵀ·u
fn add_transposed(w: &[f32], u: &[f64], out: &mut [f64]) {
    for (row, u) in w.chunks_exact(out.len()).zip(u) {
        out.iter_mut().zip(row).for_each(|(o, w)| *o += f64::from(*w) * u);
    }
}

/// SplitMix64, and Box and Muller's normal numbers.
struct Random(u64);

impl Random {
    /// In (0, 1).
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn normals(&mut self, n: usize, scale: f64) -> Vec<f32> {
        (0..n).map(|_| (scale * self.normal()) as f32).collect()
    }
}
