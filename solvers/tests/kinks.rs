//! The active-set method on small dense programs of kinks: against HiGHS, the bundle entropy method, and what is known in closed form.

use std::time::Duration;

use icnn_solvers::bundle_entropy::bundle_entropy;
use icnn_solvers::kinks::{Kinks, Reduced, Rows, active_set, interior_point};
use icnn_solvers::oracle::Oracle;
use icnn_solvers::region::{Region, Simplex};
use icnn_solvers::run::{End, Hint, Inner, Run, RunLimits, RunOutcome};
use icnn_solvers::{Interrupt, SolverError};

/// A dense program of kinks, evaluated unit by unit.
#[derive(Debug, Clone)]
struct Dense {
    net: Reduced,
}

impl Dense {
    fn pre(&self, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut a, mut z) = (vec![], vec![]);
        for i in 0..self.net.units {
            let row = &self.net.rows[i * y.len()..(i + 1) * y.len()];
            let below = &self.net.below[i * self.net.units..];
            let sum: f64 = row.iter().zip(y).map(|(r, y)| r * y).sum();
            let t = self.net.constants[i] + sum + z.iter().zip(below).map(|(z, c): (&f64, _)| z * c).sum::<f64>();
            a.push(t);
            z.push(t.max(0.0));
        }
        (a, z)
    }

    fn at(&self, y: &[f64]) -> f64 {
        let (_, z) = self.pre(y);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        self.net.constant + dot(&self.net.linear, y) + dot(&self.net.weights, &z)
    }
}

impl Oracle for Dense {
    fn dimension(&self) -> usize {
        self.net.decisions
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let shares: Vec<f64> = self.pre(y).0.iter().map(|a| f64::from(u8::from(*a > 0.0))).collect();
        self.backward(&shares, gradient, &mut vec![0.0; shares.len()]);
        self.value(y)
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        Ok(self.at(y))
    }

    fn kinks(&mut self) -> Result<&mut dyn Kinks, String> {
        Ok(self)
    }
}

impl Kinks for Dense {
    fn units(&self) -> usize {
        self.net.units
    }

    fn forward(&mut self, y: &[f64], pre: &mut [f64]) -> Result<f64, SolverError> {
        pre.copy_from_slice(&self.pre(y).0);
        Ok(self.at(y))
    }

    fn backward(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64 {
        let (p, k) = (self.net.decisions, self.net.units);
        slope.copy_from_slice(&self.net.linear);
        weights.copy_from_slice(&self.net.weights);
        let mut constant = self.net.constant;
        for i in (0..k).rev() {
            let multiplier = weights[i] * shares[i];
            constant += multiplier * self.net.constants[i];
            (0..p).for_each(|j| slope[j] += multiplier * self.net.rows[i * p + j]);
            (0..i).for_each(|j| weights[j] += multiplier * self.net.below[i * k + j]);
        }
        constant
    }

    fn tangents(&mut self, shares: &[f64], directions: &[f64], rates: &mut [f32]) {
        let (p, k) = (self.net.decisions, self.net.units);
        for (d, rates) in directions.chunks_exact(p).zip(rates.chunks_exact_mut(k.max(1))) {
            let mut own = vec![0.0; k];
            self.net.tangent(shares, d, &mut own, &mut vec![0.0; k]);
            rates.iter_mut().zip(own).for_each(|(to, from)| *to = from as f32);
        }
    }

    /// Every unit as an affine function of y and the free units.
    fn rows(&mut self, shares: &[f64], free: &[usize], wanted: &[usize], rows: &mut Rows) {
        let (p, k) = (self.net.decisions, self.net.units);
        for i in wanted.iter().copied() {
            let mut slope = self.net.rows[i * p..(i + 1) * p].to_vec();
            let mut weights = self.net.below[i * k..i * k + i].to_vec();
            let mut constant = self.net.constants[i];
            // From the unit below down: what is not free is replaced by its share.
            for j in (0..i).rev().filter(|j| free.binary_search(j).is_err()) {
                let factor = weights[j] * shares[j];
                constant += factor * self.net.constants[j];
                (0..p).for_each(|n| slope[n] += factor * self.net.rows[j * p + n]);
                (0..j).for_each(|n| weights[n] += factor * self.net.below[j * k + n]);
            }
            rows.slopes.extend(slope);
            rows.weights.extend(weights);
            rows.constants.push(constant);
            rows.levels.push(i);
        }
    }

    fn multiplications(&self) -> u64 {
        0
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn sign(&mut self) -> f64 {
        2.0 * self.uniform() - 1.0
    }
}

/// What a random program looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// Numbers of no particular kind.
    Generic,
    /// All constants 0: every kink goes through 0.
    Cone,
    /// Small integers: many ties.
    Integer,
    /// Every unit twice.
    Doubled,
    /// No linear term: flat where all units are inactive.
    Flat,
}

const LOOKS: [Look; 5] = [Look::Generic, Look::Cone, Look::Integer, Look::Doubled, Look::Flat];

/// Two layers of units in p decisions.
fn program(p: usize, width: usize, look: Look, seed: u64) -> Dense {
    let mut random = Random(seed);
    let rounded = |v: f64| if look == Look::Integer { (3.0 * v).round() } else { v };
    let k = 2 * width;
    let mut net = Reduced { decisions: p, units: k, below: vec![0.0; k * k], ..Reduced::default() };
    for i in 0..k {
        let twin = look == Look::Doubled && i % 2 == 1;
        for j in 0..p {
            let v = if twin { net.rows[(i - 1) * p + j] } else { rounded(random.sign()) };
            net.rows.push(v);
        }
        let constant = match look {
            Look::Cone => 0.0,
            _ if twin => net.constants[i - 1],
            Look::Flat => -0.5 - random.uniform(),
            _ => rounded(0.5 * random.sign()),
        };
        net.constants.push(constant);
        let reach = if i < width { 0 } else { width };
        net.reach.push(reach);
        for j in 0..reach {
            let v = random.uniform() / width as f64;
            net.below[i * k + j] = match look {
                Look::Integer => (2.0 * random.uniform()).floor(),
                _ if twin => net.below[(i - 1) * k + j],
                _ => v,
            };
        }
        let v = random.uniform();
        net.weights.push(if look == Look::Integer { (3.0 * v).floor() } else { v });
    }
    net.linear = (0..p)
        .map(|_| if look == Look::Flat { 0.0 } else { rounded(0.3 * (width as f64).sqrt() * random.sign()) })
        .collect();
    net.constant = random.sign();
    Dense { net }
}

fn limits(gap: f64) -> RunLimits {
    RunLimits { gap, passes: Some(20_000), ..RunLimits::default() }
}

fn cube(p: usize, l: f64, u: f64) -> Region {
    Region::new(vec![l; p], vec![u; p], vec![]).unwrap()
}

fn solve(f: &Dense, region: &Region, tau: Option<f64>, gap: f64) -> RunOutcome {
    Run::new(&mut f.clone(), region, tau, limits(gap)).unwrap().with(active_set).unwrap()
}

/// What any answer must hold: value and bound are what they are said to be, and the bound is below f − τH at samples.
fn assert_holds(f: &Dense, region: &Region, tau: Option<f64>, outcome: &RunOutcome, what: &str) {
    let objective = |y: &[f64]| f.at(y) - tau.map_or(0.0, |tau| tau * region.entropy(y));
    let y = outcome.y.as_ref().unwrap();
    let size = 1.0 + outcome.value.abs();
    assert!((objective(y) - outcome.value).abs() <= 1e-12 * size, "{what}: value {} {}", objective(y), outcome.value);
    assert!(outcome.lower_bound <= outcome.value + 1e-12 * size, "{what}: {outcome:?}");
    let mut random = Random(99);
    for _ in 0..30 {
        let at: Vec<f64> =
            region.lower().iter().zip(region.upper()).map(|(l, u)| l + (u - l) * random.uniform()).collect();
        assert!(outcome.lower_bound <= objective(&at) + 1e-12 * size, "{what}: a bound above a value");
    }
}

#[cfg(feature = "highs")]
fn by_highs(f: &Dense, region: &Region) -> f64 {
    use icnn_solvers::highs::Highs;
    use icnn_solvers::{LinearProgram, LpOptions};
    let (p, k) = (f.net.decisions, f.net.units);
    let mut lp = LinearProgram::new(p + k);
    lp.objective = f.net.linear.iter().chain(&f.net.weights).copied().collect();
    lp.column_lower = region.lower().iter().copied().chain(vec![0.0; k]).collect();
    lp.column_upper = region.upper().iter().copied().chain(vec![f64::INFINITY; k]).collect();
    for i in 0..k {
        let mut row: Vec<(usize, f64)> = (0..p).map(|j| (j, -f.net.rows[i * p + j])).collect();
        row.extend((0..i).map(|j| (p + j, -f.net.below[i * k + j])));
        row.push((p + i, 1.0));
        row.retain(|(_, v)| *v != 0.0);
        lp.add_row(f.net.constants[i], f64::INFINITY, &row);
    }
    let outcome = Highs::new(&lp).unwrap().solve(&LpOptions::default(), None).unwrap();
    outcome.objective + f.net.constant
}

/// Ties, doubled units, kinks through one point and flat optima: the proof is found without another solver.
#[test]
fn degenerate_programs_end_with_a_proof() {
    for look in LOOKS {
        for (p, width) in [(1, 4), (3, 20), (8, 30), (26, 60), (40, 80)] {
            for seed in 0..6 {
                let f = program(p, width, look, 7000 + 100 * p as u64 + seed);
                let region = cube(p, if seed % 3 == 0 { 0.0 } else { -1.0 }, 1.0);
                let outcome = solve(&f, &region, None, 1e-10);
                let what = format!("{look:?}, p {p}, seed {seed}");
                assert_holds(&f, &region, None, &outcome, &what);
                assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
            }
        }
    }
}

/// All kinks meet in the minimiser, which is the start or lies elsewhere: the sides on which units are at that point say nothing of the slopes around
/// it, and the proof takes no more passes than others.
#[test]
fn minima_in_which_all_kinks_meet_take_few_passes() {
    for (p, width) in [(6, 60), (17, 80), (30, 80)] {
        for seed in 0..6 {
            let mut f = program(p, width, Look::Cone, 100 * p as u64 + seed);
            // Where the minimum is 0, no gap is a part of its size.
            f.net.constant *= f64::from(seed < 4);
            let mut random = Random(seed);
            let at: Vec<f64> = (0..p).map(|_| if seed % 2 == 0 { 0.0 } else { 0.5 * random.sign() }).collect();
            for (constant, row) in f.net.constants.iter_mut().zip(f.net.rows.chunks_exact(p)) {
                *constant = -row.iter().zip(&at).map(|(r, y)| r * y).sum::<f64>();
            }
            let region = cube(p, -1.0, 1.0);
            let outcome = solve(&f, &region, None, 1e-10);
            let what = format!("p {p}, seed {seed}");
            assert_holds(&f, &region, None, &outcome, &what);
            assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
            assert!(outcome.value <= f.at(&at) + 1e-12, "{what}: {} is above f where kinks meet", outcome.value);
            assert!(outcome.forward <= 60, "{what}: {} forward passes", outcome.forward);
        }
    }
}

/// What a run on a program near by left, on one far away, or what nobody left: the minimum stays the same.
#[test]
fn hints_change_the_way_and_not_the_answer() {
    for look in LOOKS {
        for (p, width) in [(2, 6), (6, 24), (14, 40), (30, 60)] {
            for seed in 0..4 {
                let f = program(p, width, look, 500 + seed);
                let region = cube(p, -1.0, 1.0);
                let cold = solve(&f, &region, None, 1e-10);
                let mut near = f.clone();
                let mut random = Random(seed);
                near.net.constants.iter_mut().for_each(|c| *c += 0.02 * random.sign());
                let of = |f: &Dense| solve(f, &region, None, 1e-10).hint.expect("a hint");
                let own = of(&f);
                assert_eq!(own.y.len(), p);
                assert!(own.free.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", own.free);
                assert!(own.held.windows(2).all(|pair| pair[0].0 < pair[1].0), "{:?}", own.held);
                let nonsense = Hint {
                    y: vec![f64::from(u32::MAX); p],
                    free: (0..width as u64).map(|i| 5 * i).collect(),
                    held: (0..2 * p as u64).map(|i| (3 * i, i % 2 == 0)).collect(),
                    active: (0..own.active.len()).map(|i| i % 3 == 0).collect(),
                };
                let other = Hint { y: vec![0.0; p + 1], ..Hint::default() };
                let all = [
                    own,
                    of(&near),
                    of(&program(p, width, look, 9000 + seed)),
                    nonsense,
                    other,
                    Hint { y: vec![0.0; p], ..Hint::default() },
                ];
                for (number, hint) in all.iter().enumerate() {
                    let mut oracle = f.clone();
                    let run = Run::new(&mut oracle, &region, None, limits(1e-10)).unwrap().hinted(hint);
                    let outcome = run.with(active_set).unwrap();
                    let what = format!("{look:?}, p {p}, seed {seed}, hint {number}");
                    assert_holds(&f, &region, None, &outcome, &what);
                    assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
                    assert!((outcome.value - cold.value).abs() <= 1e-9 * (1.0 + cold.value.abs()), "{what}");
                    // What it left itself leads back at once, over few coordinates and over many, unless kinks meet there.
                    if number == 0 && look == Look::Generic {
                        assert!(outcome.forward <= 4, "{what}: {} passes, {} cold", outcome.forward, cold.forward);
                    }
                }
            }
        }
    }
}

#[test]
#[cfg(feature = "highs")]
fn the_minimum_is_that_of_the_linear_program() {
    for look in LOOKS {
        for (p, width) in [(1, 3), (2, 6), (5, 12), (12, 40), (30, 60)] {
            for seed in 0..8 {
                let f = program(p, width, look, 1000 * p as u64 + seed);
                let region = cube(p, -1.0, if seed % 2 == 0 { 1.0 } else { 0.5 });
                let outcome = solve(&f, &region, None, 1e-10);
                let what = format!("{look:?}, p {p}, seed {seed}");
                assert_holds(&f, &region, None, &outcome, &what);
                assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
                let exact = by_highs(&f, &region);
                assert!(outcome.value - outcome.lower_bound <= 1e-11 * (1.0 + exact.abs()), "{what}");
                assert!(
                    (outcome.value - exact).abs() <= 1e-9 * (1.0 + exact.abs()),
                    "{what}: {} {exact}",
                    outcome.value
                );
            }
        }
    }
}

#[test]
fn the_entropic_minimum_is_that_of_the_bundle_method() {
    for look in LOOKS {
        for (p, width) in [(1, 3), (2, 6), (5, 12), (12, 40), (30, 60)] {
            for (seed, tau) in [1.0, 0.1, 0.01, 0.3].into_iter().enumerate() {
                let f = program(p, width, look, 77 * p as u64 + seed as u64);
                let region = cube(p, -1.0, 1.5);
                let outcome = solve(&f, &region, Some(tau), 1e-11);
                let what = format!("{look:?}, p {p}, τ {tau}");
                assert_holds(&f, &region, Some(tau), &outcome, &what);
                assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
                let mut same = f.clone();
                let bundle = Run::new(&mut same, &region, Some(tau), limits(1e-10)).unwrap();
                let bundle = bundle.with(bundle_entropy).unwrap();
                let size = 1.0 + bundle.value.abs();
                assert!(outcome.lower_bound <= bundle.value + 1e-11 * size, "{what}");
                assert!(bundle.lower_bound <= outcome.value + 1e-11 * size, "{what}");
            }
        }
    }
}

/// Kinks cannot be held without a reduced program, at least as many units as are held, and a step for each.
#[test]
fn work_on_reduced_programs_is_counted() {
    let (f, region) = (program(12, 40, Look::Generic, 3), cube(12, -1.0, 1.0));
    for tau in [None, Some(0.01)] {
        let inner = solve(&f, &region, tau, 1e-11).inner;
        assert!(inner.rounds >= 1 && inner.rounds <= 60, "{tau:?}: {inner:?}");
        assert!(inner.units >= 12 && inner.units <= f.net.units, "{tau:?}: {inner:?}");
        assert!(inner.steps >= 3, "{tau:?}: {inner:?}");
        let cuts = Run::new(&mut f.clone(), &region, tau, limits(1e-6)).unwrap().with(bundle_entropy).unwrap();
        assert_eq!(cuts.inner, Inner::default(), "{tau:?}");
    }
}

#[test]
fn sides_of_every_kind() {
    let f = program(6, 10, Look::Generic, 5);
    // Fixed coordinates stay where they are.
    let region =
        Region::new(vec![-1.0, 0.25, -1.0, 0.0, -2.0, 0.5], vec![1.0, 0.25, 1.0, 0.0, 0.5, 0.5], vec![]).unwrap();
    for tau in [None, Some(0.5)] {
        let outcome = solve(&f, &region, tau, 1e-11);
        assert_eq!(outcome.end, End::Closed);
        let y = outcome.y.unwrap();
        assert_eq!([y[1], y[3], y[5]], [0.25, 0.0, 0.5]);
    }
    // All of them fixed.
    let point = cube(6, 0.5, 0.5);
    for tau in [None, Some(0.5)] {
        let outcome = solve(&f, &point, tau, 1e-11);
        assert_eq!((outcome.end, outcome.value), (End::Closed, f.at(&[0.5; 6])));
    }
    // |y₀| + |y₁ − 1| from units on the whole plane, and a slope that falls for ever.
    let mut net = Reduced {
        decisions: 2,
        units: 2,
        rows: vec![1.0, 0.0, 0.0, 1.0],
        below: vec![0.0; 4],
        reach: vec![0, 0],
        constants: vec![0.0, -1.0],
        linear: vec![-1.0, -1.0],
        weights: vec![2.0, 2.0],
        constant: 1.0,
    };
    let outcome = solve(&Dense { net: net.clone() }, &cube(2, f64::NEG_INFINITY, f64::INFINITY), None, 1e-12);
    assert_eq!((outcome.end, outcome.value), (End::Closed, 0.0));
    net.linear[0] = -3.0;
    let outcome = solve(&Dense { net }, &cube(2, f64::NEG_INFINITY, f64::INFINITY), None, 1e-12);
    assert!(matches!(outcome.end, End::Stalled(_)), "{:?}", outcome.end);
    assert_eq!(outcome.lower_bound, f64::NEG_INFINITY);
}

#[test]
fn an_affine_function_has_no_kinks_to_hold() {
    let net = Reduced { decisions: 3, linear: vec![1.0, -2.0, 0.0], constant: 0.5, ..Reduced::default() };
    let f = Dense { net };
    let outcome = solve(&f, &cube(3, 0.0, 1.0), None, 0.0);
    assert_eq!((outcome.end, outcome.value, outcome.lower_bound), (End::Closed, -1.5, -1.5));
    let outcome = solve(&f, &cube(3, 0.0, 1.0), Some(1.0), 1e-14);
    assert_eq!(outcome.end, End::Closed);
    let y = outcome.y.unwrap();
    assert!((y[1] - icnn_solvers::logistic::sigmoid(2.0)).abs() < 1e-7 && (y[2] - 0.5).abs() < 1e-7, "{y:?}");
}

#[test]
fn limits_stop_it() {
    let f = program(20, 60, Look::Generic, 3);
    let region = cube(20, -1.0, 1.0);
    for tau in [None, Some(0.05)] {
        let run = |limits: RunLimits| Run::new(&mut f.clone(), &region, tau, limits).unwrap().with(active_set).unwrap();
        let some = run(RunLimits { passes: Some(6), ..RunLimits::default() });
        assert_eq!(some.end, End::Passes);
        assert_holds(&f, &region, tau, &some, "six passes");
        assert_eq!(run(RunLimits { time: Some(Duration::ZERO), ..RunLimits::default() }).end, End::Time);
        let interrupt = Interrupt::default();
        interrupt.stop();
        assert_eq!(run(RunLimits { interrupt: Some(interrupt), ..RunLimits::default() }).end, End::Caller);
    }
}

#[test]
fn what_it_does_not_take_is_refused_with_the_reason() {
    let f = program(3, 4, Look::Generic, 1);
    let simplex = Simplex { members: vec![0, 1, 2], total: 1.0 };
    let region = Region::new(vec![0.0; 3], vec![1.0; 3], vec![simplex]).unwrap();
    let refused = Run::new(&mut f.clone(), &region, None, limits(1e-9)).unwrap().with(active_set).unwrap_err();
    assert!(refused.to_string().contains("1 simplices"), "{refused}");

    /// Values and subgradients alone.
    struct Blind(Dense);
    impl Oracle for Blind {
        fn dimension(&self) -> usize {
            self.0.dimension()
        }
        fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
            self.0.value_and_gradient(y, gradient)
        }
        fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
            self.0.value(y)
        }
    }
    let refused =
        Run::new(&mut Blind(f), &cube(3, 0.0, 1.0), None, limits(1e-9)).unwrap().with(active_set).unwrap_err();
    assert!(refused.to_string().contains("subgradients only"), "{refused}");
}

/// `layers` layers of units, each reading all before it; every seventh unit without a way to the output.
fn deep(p: usize, width: usize, layers: usize, seed: u64) -> Dense {
    let mut random = Random(seed);
    let k = width * layers;
    let mut net = Reduced { decisions: p, units: k, below: vec![0.0; k * k], ..Reduced::default() };
    for i in 0..k {
        net.rows.extend((0..p).map(|_| random.sign()));
        net.constants.push(0.5 * random.sign());
        let reach = i / width * width;
        net.reach.push(reach);
        (0..reach).filter(|j| j % 7 != 3).for_each(|j| net.below[i * k + j] = random.uniform() / width as f64);
        net.weights.push(if i % 7 == 3 { 0.0 } else { random.uniform() });
    }
    net.linear = (0..p).map(|_| 0.3 * (k as f64).sqrt() * random.sign()).collect();
    Dense { net }
}

fn inside(f: &Dense, region: &Region, gap: f64) -> RunOutcome {
    Run::new(&mut f.clone(), region, None, limits(gap)).unwrap().with(interior_point).unwrap()
}

#[test]
fn the_interior_point_ends_at_the_minimum_of_the_active_set() {
    let shapes = LOOKS.iter().flat_map(|look| [(1, 3), (2, 6), (5, 12), (12, 40), (30, 60)].map(|size| (*look, size)));
    let mut programs: Vec<(String, Dense)> = shapes
        .flat_map(|(look, (p, width))| {
            (0..4).map(move |seed| {
                (format!("{look:?}, p {p}, seed {seed}"), program(p, width, look, 1000 * p as u64 + seed))
            })
        })
        .collect();
    programs.extend(
        [(6, 5, 4), (20, 12, 3), (40, 25, 5)].map(|(p, w, l)| (format!("{l} layers, p {p}"), deep(p, w, l, 9))),
    );
    for (what, f) in programs {
        let region = cube(f.net.decisions, -1.0, 0.75);
        let outcome = inside(&f, &region, 1e-10);
        assert_holds(&f, &region, None, &outcome, &what);
        assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
        let same = Run::new(&mut f.clone(), &region, None, limits(1e-10)).unwrap().with(active_set).unwrap();
        let size = 1.0 + same.value.abs();
        assert!(outcome.value - outcome.lower_bound <= 1e-11 * size, "{what}: {outcome:?}");
        assert!((outcome.value - same.value).abs() <= 1e-11 * size, "{what}: {} {}", outcome.value, same.value);
    }
}

/// As many coordinates as the interior point gets to by itself.
#[test]
fn many_coordinates() {
    for (seed, integer) in [(1, false), (2, false), (3, true)] {
        let f = program(120, 160, if integer { Look::Integer } else { Look::Generic }, seed);
        let region = cube(120, -1.0, 1.0);
        let outcome = solve(&f, &region, None, 1e-10);
        let what = format!("seed {seed}");
        assert_holds(&f, &region, None, &outcome, &what);
        assert_eq!(outcome.end, End::Closed, "{what}: {} {}", outcome.value, outcome.lower_bound);
        let size = 1.0 + outcome.value.abs();
        assert!(outcome.value - outcome.lower_bound <= 1e-11 * size, "{what}: {outcome:?}");
        #[cfg(feature = "highs")]
        {
            let exact = by_highs(&f, &region);
            assert!((outcome.value - exact).abs() <= 1e-9 * size, "{what}: {} {exact}", outcome.value);
        }
    }
}

#[test]
fn the_interior_point_takes_sides_of_every_kind_and_keeps_limits() {
    let f = deep(6, 10, 2, 5);
    let (none, some) = (f64::NEG_INFINITY, f64::INFINITY);
    let region =
        Region::new(vec![-1.0, 0.25, -1.0, none, -2.0, -0.5], vec![1.0, 0.25, some, 0.5, 0.5, 1e-3], vec![]).unwrap();
    let outcome = inside(&f, &region, 1e-10);
    let same = solve(&f, &region, None, 1e-10);
    assert_eq!((&outcome.end, outcome.y.as_ref().map(|y| y[1])), (&same.end, Some(0.25)));
    assert!((outcome.value - same.value).abs() <= 1e-10 * (1.0 + same.value.abs()), "{} {}", outcome.value, same.value);

    let f = deep(40, 30, 2, 8);
    let region = cube(40, -1.0, 1.0);
    let run =
        |limits: RunLimits| Run::new(&mut f.clone(), &region, None, limits).unwrap().with(interior_point).unwrap();
    let all = run(limits(1e-10));
    assert_eq!(all.end, End::Closed);
    // The last of its steps is missing, and the bound is true all the same.
    let most = all.forward + all.backward - 3;
    let early = run(RunLimits { passes: Some(most), gap: 1e-10, ..RunLimits::default() });
    assert_eq!(early.end, End::Passes);
    assert_holds(&f, &region, None, &early, "one step less");
    assert!(early.lower_bound <= all.value && early.value >= all.lower_bound);
    assert_eq!(run(RunLimits { time: Some(Duration::ZERO), ..RunLimits::default() }).end, End::Time);
    let refused = Run::new(&mut f.clone(), &region, Some(1.0), limits(1e-9)).unwrap().with(interior_point).unwrap_err();
    assert!(refused.to_string().contains("f alone"), "{refused}");
}
