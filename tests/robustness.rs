//! examples/detector: exact robustness radii of real images, checked by what does not know how they were found: samples inside the
//! ball, a step into the set, and boxes that are shrunk until their minimum is above 0.
#![cfg(all(feature = "highs", feature = "onnx"))]

#[path = "common/npy.rs"]
mod npy;

use std::path::{Path, PathBuf};

use icnn::check::prove;
use icnn::ir::instance::Instance;
use icnn::objective::{NORMS, Norm, distance};
use icnn::{Domain, Method, Network, Solution, Status};

/// Pixels.
const P: usize = 64;
/// Images that are no six, and come first.
const OTHERS: usize = 110;
/// Images that are.
const SIXES: usize = 10;
/// Images measured in every norm.
const MEASURED: usize = 100;
/// Random points for each image and norm, beside those of the attack.
const SAMPLES: usize = 240;
/// How far inside the certified radius the samples lie.
const INSIDE: f64 = 0.999;
/// What f may be at a point that is said to have f ≤ 0.
const LEVEL: f64 = 1e-8;
/// How far the nearest six is moved towards the deepest one, as a share of the way.
const HAIR: f64 = 1e-6;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/detector").join(name)
}

fn rows(name: &str) -> Vec<Vec<f64>> {
    let (array, _) = npy::array(&std::fs::read(file(name)).unwrap());
    array.outer_iter().map(|row| row.iter().copied().collect()).collect()
}

fn detector() -> Instance {
    Network::load(file("detector.onnx")).unwrap().given(&[]).unwrap()
}

fn score(f: &Instance, y: &[f64]) -> f64 {
    f.forward(y).unwrap().value()
}

fn gradient(f: &Instance, y: &[f64]) -> Vec<f64> {
    f.gradient(&f.forward(y).unwrap())
}

fn size(norm: Norm, v: impl Iterator<Item = f64>) -> f64 {
    match norm {
        Norm::L1 => v.map(f64::abs).sum(),
        Norm::L2 => v.map(|v| v * v).sum::<f64>().sqrt(),
        Norm::Linf => v.map(f64::abs).fold(0.0, f64::max),
    }
}

fn apart(norm: Norm, a: &[f64], b: &[f64]) -> f64 {
    size(norm, a.iter().zip(b).map(|(a, b)| a - b))
}

/// The nearest point with f ≤ 0, its distance and the certified lower bound of all such distances.
struct Radius {
    solution: Solution,
    nearest: Vec<f64>,
    distance: f64,
    bound: f64,
}

fn radius(f: &Instance, point: &[f64], norm: Norm) -> Radius {
    let sixes = Domain::cube(P, 0.0, 1.0).unwrap().with_at_most("six", f, 0.0).unwrap();
    let solution = distance(norm, point).unwrap().minimize(&sixes, Method::Lp).unwrap();
    assert_eq!(solution.status, Status::Optimal, "{norm:?}: {:?}", solution.message);
    // The square is what was minimised.
    let root = |v: f64| if norm == Norm::L2 { v.max(0.0).sqrt() } else { v };
    let (distance, bound) = (root(solution.value.unwrap()), root(solution.lower_bound.unwrap()));
    Radius { nearest: solution.y.clone().unwrap(), solution, distance, bound }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A direction of a kind that the norm's ball is pointed in, among others.
    fn direction(&mut self, norm: Norm) -> Vec<f64> {
        let mut v: Vec<f64> = (0..P).map(|_| self.normal()).collect();
        match norm {
            Norm::Linf => v.iter_mut().for_each(|v| *v = v.signum()),
            Norm::L2 => {}
            Norm::L1 => {
                let share = 0.02 + 0.3 * self.uniform();
                v.iter_mut().for_each(|v| *v *= f64::from(self.uniform() < share));
            }
        }
        v
    }
}

/// The direction of length 1 along which a linear function with slope −`g` rises fastest.
fn steepest(norm: Norm, g: &[f64]) -> Vec<f64> {
    match norm {
        Norm::Linf => g.iter().map(|g| -g.signum()).collect(),
        Norm::L2 => g.iter().map(|v| -v).collect(),
        Norm::L1 => {
            let largest = g.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            g.iter().map(|v| if v.abs() == largest { -v } else { 0.0 }).collect()
        }
    }
}

/// `point` + `v` at `reach` from it, moved into the box: no coordinate moves farther than it did.
fn at(norm: Norm, point: &[f64], v: &[f64], reach: f64) -> Vec<f64> {
    let length = size(norm, v.iter().copied()).max(1e-300);
    point.iter().zip(v).map(|(p, v)| (p + reach / length * v).clamp(0.0, 1.0)).collect()
}

/// Points within `reach`, close to the surface, in directions where a flip is most likely.
fn samples(f: &Instance, norm: Norm, point: &[f64], nearest: &[f64], reach: f64, random: &mut Random) -> Vec<Vec<f64>> {
    let towards: Vec<f64> = nearest.iter().zip(point).map(|(a, b)| a - b).collect();
    let downhill = [steepest(norm, &gradient(f, point)), steepest(norm, &gradient(f, nearest))];
    let mut points = vec![at(norm, point, &towards, reach)];
    points.extend(downhill.iter().map(|v| at(norm, point, v, reach)));
    for k in 0..SAMPLES {
        let noise = random.direction(norm);
        let (base, scale) = match k % 4 {
            0 => (&towards, 0.02 * random.uniform()),
            1 => (&towards, 0.5 * random.uniform()),
            2 => (&downhill[k / 4 % 2], 0.5 * random.uniform()),
            _ => (&towards, 1e9),
        };
        let (a, b) = (size(norm, base.iter().copied()).max(1e-300), size(norm, noise.iter().copied()).max(1e-300));
        let v: Vec<f64> = base.iter().zip(&noise).map(|(v, n)| v / a + scale * n / b).collect();
        points.push(at(norm, point, &v, reach * if k % 8 < 6 { 1.0 } else { random.uniform() }));
    }
    // An attack: downhill from the surface and back into the ball, again and again.
    let mut y = points[0].clone();
    for step in 0..40 {
        let down = steepest(norm, &gradient(f, &y));
        let y1 = at(norm, &y, &down, reach / f64::from(2 + step));
        let v: Vec<f64> = y1.iter().zip(point).map(|(a, b)| a - b).collect();
        y = at(norm, point, &v, reach.min(size(norm, v.iter().copied())));
        points.push(y.clone());
    }
    points
}

#[test]
fn the_score_is_proven_convex_and_decides_as_labelled() {
    let (f, images, labels) = (detector(), rows("test-images.npy"), rows("test-labels.npy"));
    let cube = Domain::cube(P, 0.0, 1.0).unwrap();
    assert!(prove(&f, &cube).1.output().is_convex());
    assert_eq!((images.len(), labels.len()), (OTHERS + SIXES, OTHERS + SIXES));
    for (k, (image, label)) in images.iter().zip(&labels).enumerate() {
        let found = score(&f, image);
        assert_eq!((found <= 0.0, label[0] == 6.0), (k >= OTHERS, k >= OTHERS), "image {k}: {found}, {label:?}");
    }
    for (name, norm) in NORMS {
        for image in &images[OTHERS..] {
            let r = radius(&f, image, *norm);
            assert!(r.distance <= 1e-9, "a six is {} from the sixes in {name}", r.distance);
        }
    }
}

#[test]
fn nothing_flips_inside_a_radius_and_something_does_at_its_end() {
    let (f, images) = (detector(), rows("test-images.npy"));
    let cube = Domain::cube(P, 0.0, 1.0).unwrap();
    let deepest = f.minimize(&cube, Method::Lp).unwrap().y.unwrap();
    assert!(score(&f, &deepest) < -1.0);
    let mut random = Random(1);
    println!("norm  median radius  ms an input  samples  flipped  least f inside / f at the image");
    for (name, norm) in NORMS {
        let (mut radii, mut seconds, mut sampled, mut least, mut flipped) = (vec![], 0.0, 0, f64::INFINITY, 0);
        for (k, image) in images.iter().enumerate().take(MEASURED) {
            let r = radius(&f, image, *norm);
            let at_image = score(&f, image);
            // In L2 |y|² − 2tᵀy + |t|² was minimised: what cancels leaves the rounding of |t|².
            let (value, bound) = (r.solution.value.unwrap(), r.solution.lower_bound.unwrap());
            let rounding = 1e-14 * size(Norm::L2, image.iter().copied()).powi(2);
            assert!(value - bound >= -rounding, "image {k}, {name}: {value} below {bound}");
            assert!(value - bound <= 1e-7 * value, "image {k}, {name}: {value} above {bound}");
            assert!((apart(*norm, &r.nearest, image) - r.distance).abs() <= 1e-9 * r.distance);
            assert!(r.nearest.iter().all(|v| (0.0..=1.0).contains(v)));

            // Inside.
            let reach = INSIDE * r.bound;
            for y in samples(&f, *norm, image, &r.nearest, reach, &mut random) {
                let d = apart(*norm, &y, image);
                assert!(d <= reach * (1.0 + 1e-12) && y.iter().all(|v| (0.0..=1.0).contains(v)));
                let found = score(&f, &y);
                assert!(found > 0.0, "image {k}, {name}: f = {found} at {d} of {}", r.bound);
                sampled += 1;
                least = least.min(found / at_image);
            }

            // At its end, and a hair further: f is convex, so there it is at most HAIR·f(deepest) + LEVEL < 0.
            assert!(score(&f, &r.nearest) <= LEVEL, "image {k}, {name}: f = {} at the end", score(&f, &r.nearest));
            let beyond: Vec<f64> = r.nearest.iter().zip(&deepest).map(|(a, b)| a + HAIR * (b - a)).collect();
            assert!(score(&f, &beyond) < 0.0, "image {k}, {name}: f = {}", score(&f, &beyond));
            let hair = HAIR * apart(*norm, &deepest, &r.nearest);
            assert!(apart(*norm, &beyond, image) <= r.distance + hair * (1.0 + 1e-9) + 1e-12);
            // Straight on, in the direction found.
            let along: Vec<f64> = image.iter().zip(&r.nearest).map(|(a, b)| a + (1.0 + HAIR) * (b - a)).collect();
            flipped += usize::from(score(&f, &along) < 0.0);

            radii.push(r.distance);
            seconds += r.solution.seconds;
        }
        radii.sort_by(f64::total_cmp);
        assert!(sampled >= 200 * MEASURED);
        assert_eq!(flipped, MEASURED, "{name}");
        // The nearest samples are close enough to mean something.
        assert!(least < 0.01, "{name}: the samples stay {least} above the boundary");
        let ms = 1e3 * seconds / MEASURED as f64;
        println!(
            "{name:<5} {:<14.4} {ms:<12.1} {sampled:<8} {flipped:<8} {least:.1e}",
            0.5 * (radii[MEASURED / 2 - 1] + radii[MEASURED / 2])
        );
    }
}

#[test]
fn the_norms_are_ordered() {
    let (f, images) = (detector(), rows("test-images.npy"));
    for image in images.iter().step_by(10) {
        let d = |norm| radius(&f, image, norm).distance;
        let (l1, l2, linf) = (d(Norm::L1), d(Norm::L2), d(Norm::Linf));
        let root = (P as f64).sqrt();
        let slack = 1.0 + 1e-6;
        assert!(linf <= l2 * slack && l2 <= l1 * slack, "{linf} {l2} {l1}");
        assert!(l1 <= root * l2 * slack && l2 <= root * linf * slack, "{linf} {l2} {l1}");
    }
}

#[test]
fn boxes_shrunk_until_their_minimum_is_positive_have_the_same_radius() {
    let (f, images) = (detector(), rows("test-images.npy"));
    // Whether f > 0 on all of the box of side 2r around an image: by its certified bound, or not by a point.
    let clear = |image: &[f64], r: f64| {
        let side = |s: f64| image.iter().map(|v| (v + s * r).clamp(0.0, 1.0)).collect();
        let ball = Domain::new_box(side(-1.0), side(1.0)).unwrap();
        let least = f.minimize(&ball, Method::Lp).unwrap();
        assert_eq!(least.status, Status::Optimal, "{:?}", least.message);
        let (value, bound) = (least.value.unwrap(), least.lower_bound.unwrap());
        assert!(bound > 0.0 || value <= 1e-9, "{bound} to {value}");
        bound > 0.0
    };
    for image in images.iter().take(MEASURED).step_by(5) {
        let r = radius(&f, image, Norm::Linf);
        assert!(clear(image, r.bound * (1.0 - 1e-6)));
        assert!(!clear(image, r.distance * (1.0 + 1e-6)));
        let (mut below, mut above) = (0.0, 1.0);
        for _ in 0..24 {
            let middle = 0.5 * (below + above);
            if clear(image, middle) { below = middle } else { above = middle }
        }
        assert!(r.distance >= below - 1e-7 && r.bound <= above + 1e-7, "{} outside [{below}, {above}]", r.distance);
    }
}

#[test]
fn the_multiplier_of_the_level_is_its_price() {
    let (f, images) = (detector(), rows("test-images.npy"));
    let least = |image: &[f64], norm, level| {
        let set = Domain::cube(P, 0.0, 1.0).unwrap().with_at_most("six", &f, level).unwrap();
        distance(norm, image).unwrap().minimize(&set, Method::Lp).unwrap()
    };
    for image in images.iter().take(MEASURED).step_by(20) {
        for (name, norm) in NORMS {
            let here = least(image, *norm, 0.0);
            let duals = here.duals.as_ref().unwrap();
            let [price] = duals.constraints.as_slice() else { panic!("{name}: {:?}", duals.constraints) };
            assert!(duals.rows.is_empty() && price.name == "six" && price.at == Some(0.0));
            assert!(price.multiplier < 0.0, "{name}: {}", price.multiplier);
            // The least value is convex in the level, and the multiplier a subgradient: never above the chords, and close to them.
            let step = 1e-3 * score(&f, image);
            for step in [step, -step] {
                let (value, there) = (here.value.unwrap(), least(image, *norm, step).value.unwrap());
                let excess = there - (value + price.multiplier * step);
                assert!(excess >= -1e-9 * value, "{name}, {step}: {excess} below the line");
                assert!(excess <= 0.1 * (price.multiplier * step).abs(), "{name}, {step}: {excess} above the line");
            }
        }
    }
}

#[test]
fn a_level_below_the_minimum_is_infeasible_in_every_norm() {
    let (f, images) = (detector(), rows("test-images.npy"));
    let least = f.minimize(&Domain::cube(P, 0.0, 1.0).unwrap(), Method::Lp).unwrap().value.unwrap();
    let nowhere = Domain::cube(P, 0.0, 1.0).unwrap().with_at_most("six", &f, least - 0.5).unwrap();
    for (name, norm) in NORMS {
        let found = distance(*norm, &images[0]).unwrap().minimize(&nowhere, Method::Lp).unwrap();
        assert_eq!(found.status, Status::Infeasible, "{name}: {:?}", found.message);
    }
}
