//! `make bench-exact`: what the exact tier costs beside the linear program: random networks of the paper with f32 and f64 weights,
//! minimised once with a rigorous proof and once with an exact one. docs/benchmarks.md says what is counted.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use icnn::certificate::exact;
use icnn::ir::instance::Instance;
use icnn::network::{Ficnn, FicnnLayer};
use icnn::solve::{Goal, Proof};
use icnn::{Domain, Limits, Method};
use nalgebra::{DMatrix, DVector};

/// p, hidden widths.
const SIZES: [(usize, &[usize]); 10] = [
    (2, &[10, 10]),
    (5, &[20, 20]),
    (5, &[50, 50]),
    (10, &[100, 100]),
    (20, &[100, 100]),
    (50, &[200, 200]),
    (100, &[200, 200]),
    (20, &[512, 512, 512]),
    (50, &[512, 512, 512]),
    (100, &[512, 512, 512]),
];

fn main() -> ExitCode {
    println!(
        "| p; hidden | weights | LP ms | exact ms | of it: check ms | ratio | default | bits of the minimum | proof |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let most: usize = words.first().and_then(|w| w.parse().ok()).unwrap_or(usize::MAX);
    let mut all = true;
    for (p, hidden) in SIZES.iter().filter(|(p, hidden)| p * hidden.len() <= most) {
        for single in [true, false] {
            all &= row(*p, hidden, single);
        }
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn row(p: usize, hidden: &[usize], single: bool) -> bool {
    let instance = network(p, hidden, single);
    let domain = Domain::cube(p, -1.0, 1.0).expect("a box");
    let solve = |proof: Goal| {
        let begun = Instant::now();
        let limits = Limits { proof, ..Limits::default() };
        let found = instance.minimize_with(&domain, Method::Lp, &limits).expect("an answer");
        (begun.elapsed().as_secs_f64(), found)
    };
    // In turn, so that what else runs on the machine disturbs both alike; small ones more often.
    let runs = if p * hidden.len() <= 20 { 25 } else { 3 };
    let (mut lp, mut both, mut last) = (f64::INFINITY, f64::INFINITY, None);
    for _ in 0..runs {
        lp = lp.min(solve(Goal::Rigorous).0);
        let (seconds, found) = solve(Goal::Exact);
        both = both.min(seconds);
        last = Some(found);
    }
    let default = solve(Goal::Cheap).1.proof == Proof::Exact;
    let found = last.expect("three runs");
    let proven = found.proof == Proof::Exact;
    let begun = Instant::now();
    let bits = found.exact.as_ref().map_or(0, |proof| {
        exact::verify(&instance, &domain, proof).expect("it was checked before");
        proof.value.denominator().to_le_bytes().len() * 8
    });
    let check = begun.elapsed().as_secs_f64();
    let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
    let extra = both - lp;
    println!(
        "| {p}; {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {bits} | {} |",
        widths.join("/"),
        if single { "f32" } else { "f64" },
        1e3 * lp,
        1e3 * extra,
        1e3 * check,
        extra / lp,
        if default { "exact" } else { "rigorous" },
        found.message.unwrap_or("exact".into()),
    );
    proven
}

/// As in benches/overhead: W^y ~ 1.5·N(0, 1)/√p, W^z ~ |N(0, 1)|/√fan-in, biases that centre the pre-activations over the box
/// up to half a standard deviation, an output tilt against the mean gradient.
fn network(p: usize, hidden: &[usize], single: bool) -> Instance {
    let mut state = 1 + p as u64 + 1000 * hidden.len() as u64 + hidden[0] as u64;
    let mut uniform = move || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut normal = move || {
        let v = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        if single { f64::from(v as f32) } else { v }
    };
    let rounded = |v: f64| if single { f64::from(v as f32) } else { v };
    let mut layers: Vec<FicnnLayer> = vec![];
    // The mean and the mean slope of what a layer passes on, roughly.
    let mut before: Option<(DVector<f64>, DMatrix<f64>)> = None;
    for width in hidden.iter().copied().chain([1]) {
        let last = layers.len() == hidden.len();
        let mut wy = DMatrix::from_fn(width, p, |_, _| rounded(1.5 * normal() / (p as f64).sqrt()));
        let fan_in = before.as_ref().map_or(0, |(mean, _)| mean.len());
        let wz = before
            .is_some()
            .then(|| DMatrix::from_fn(width, fan_in, |_, _| rounded(normal().abs() / (fan_in as f64).sqrt())));
        let (mut mean, mut slope) = (DVector::zeros(width), wy.clone());
        if let (Some(wz), Some((m, s))) = (&wz, &before) {
            mean = wz * m;
            slope = wz * s + &wy;
        }
        let spread: Vec<f64> = (0..width).map(|i| slope.row(i).norm() / 3f64.sqrt()).collect();
        if last {
            let mean_slope = slope.row(0) - wy.row(0);
            let length = mean_slope.norm();
            let tilt =
                DMatrix::from_fn(1, p, |_, j| rounded(-mean_slope[j] + 0.3 * length * normal() / (p as f64).sqrt()));
            wy = tilt;
        }
        let b = DVector::from_fn(width, |i, _| rounded(-mean[i] + 0.5 * spread[i] * normal()));
        // Half of each unit's slope, and the mean of its positive part.
        before = Some((DVector::from_fn(width, |i, _| 0.4 * spread[i]), slope * 0.5));
        layers.push(FicnnLayer { wz, wy, b });
    }
    Arc::new(Ficnn { layers }.program().expect("widths fit")).at(&[]).expect("no context")
}
