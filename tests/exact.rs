//! Exact optima: random networks of each family on boxes and on domains of every part, networks chosen to be degenerate, and the
//! networks at hand; all with zero gap.
#![cfg(feature = "highs")]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;
#[macro_use]
#[path = "common/domains.rs"]
mod domains;

use std::sync::Arc;

use icnn::certificate::exact;
use icnn::domain::Domain;
use icnn::exact::{empty, ray};
use icnn::ir::instance::Instance;
use icnn::network::{Ficnn, FicnnLayer};
use icnn::solve::{Goal, Proof};
use icnn::{Limits, Method, Solution, Status};
use nalgebra::{DMatrix, DVector};
use networks::{Case, Problem};
use proptest::prelude::*;

families! {
    boxes: 300, Sides::Finite;
}
families_on! {
    domains_of_every_part: 60, Sides::Finite;
}

fn solved(instance: &Instance, domain: &Domain, method: Method) -> Solution {
    let limits = Limits { proof: Goal::Exact, ..Limits::default() };
    instance.minimize_with(domain, method, &limits).unwrap()
}

/// What the coordinates that the box fixes leave of the problem: the theorem is about that.
fn verified(instance: &Instance, domain: &Domain, found: &Solution) -> Result<(), String> {
    let folded = instance.fold_fixed(domain.intervals()).unwrap();
    let domain = domain.clone().folded().unwrap();
    let proof = found.exact.as_ref().ok_or(format!("{:?}: {:?}", found.status, found.message))?;
    exact::verify(folded.as_ref().unwrap_or(instance), &domain, proof).map_err(|e| e.to_string())?;
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-15 * a.abs();
    let holds = found.status == Status::Optimal
        && found.proof == Proof::Exact
        && found.gap == Some(0.0)
        && near(proof.value.to_f64().value(), found.value.unwrap())
        && found.lower_bound.unwrap() <= found.value.unwrap();
    if holds { Ok(()) } else { Err(format!("{found:?}")) }
}

/// Zero gap, or a proof that the rows contradict each other: sides that are sums rounded to f64 leave some domains without any
/// point, though all coordinates satisfy them up to 1e-16.
fn proven<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = solved(&case.instance, &case.domain, Method::Lp);
    let folded = case.domain.clone().folded().unwrap();
    let result = match &found.exact_emptiness {
        Some(proof) if empty::verify(&folded, proof) => return Ok(()),
        _ => verified(&case.instance, &case.domain, &found),
    };
    // COUNT=1: how many of all cases fail, and how.
    if std::env::var_os("COUNT").is_some() {
        println!("\nproven: {result:?}");
        result.err().into_iter().for_each(|_| println!("{case:?}\nend of case"));
        return Ok(());
    }
    result.map_err(TestCaseError::fail)
}

fn boxes<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    proven(case)
}

fn domains_of_every_part<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    proven(case)
}

/// Numbers that depend on a seed alone.
struct Numbers(u64);

impl Numbers {
    /// In [−1, 1), 24 bits.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |_, _| self.next())
    }
}

/// A network of the paper with two hidden layers.
fn network(seed: u64, p: usize, width: usize) -> Ficnn {
    let mut n = Numbers(seed);
    let layer = |n: &mut Numbers, rows: usize, before: Option<usize>| FicnnLayer {
        wz: before.map(|b| n.matrix(rows, b).abs() / b as f64),
        wy: n.matrix(rows, p),
        b: DVector::from_fn(rows, |_, _| 0.5 * n.next()),
    };
    let layers = vec![layer(&mut n, width, None), layer(&mut n, width, Some(width)), layer(&mut n, 1, Some(width))];
    Ficnn { layers }
}

/// One way to spoil a network.
type Change = fn(&mut Ficnn);

const DEGENERATE: [(&str, Change); 12] = [
    ("as drawn", |_| {}),
    ("zero biases", |f| f.layers.iter_mut().for_each(|l| l.b.fill(0.0))),
    ("integer weights", |f| each(f, |v| (3.0 * v).round())),
    ("integer weights, zero biases", |f| {
        each(f, |v| (3.0 * v).round());
        f.layers.iter_mut().for_each(|l| l.b.fill(0.0));
    }),
    ("duplicated units", |f| {
        for l in &mut f.layers[..2] {
            for i in (0..l.wy.nrows() - 1).step_by(2) {
                let (row, b) = (l.wy.row(i).into_owned(), l.b[i]);
                l.wy.set_row(i + 1, &row);
                l.b[i + 1] = b;
                if let Some(wz) = &mut l.wz {
                    let row = wz.row(i).into_owned();
                    wz.set_row(i + 1, &row);
                }
            }
        }
    }),
    ("flat: nothing but kinks above 0", |f| {
        f.layers[2].wy.fill(0.0);
        f.layers.iter_mut().for_each(|l| l.b.add_scalar_mut(-2.0));
    }),
    ("flat in the first coordinate", |f| f.layers.iter_mut().for_each(|l| l.wy.column_mut(0).fill(0.0))),
    ("row scales 1e±4", |f| {
        for l in &mut f.layers[..2] {
            for i in 0..l.wy.nrows() {
                let scale = [1e4, 1e-4, 1.0][i % 3];
                l.wy.row_mut(i).scale_mut(scale);
                l.b[i] *= scale;
                if let Some(wz) = &mut l.wz {
                    wz.row_mut(i).scale_mut(scale);
                }
            }
        }
    }),
    ("first layer times 1e6", |f| {
        f.layers[0].wy.scale_mut(1e6);
        f.layers[0].b.scale_mut(1e6);
    }),
    ("objective times 1e-8", |f| {
        let last = &mut f.layers[2];
        last.wy.scale_mut(1e-8);
        last.b.scale_mut(1e-8);
        last.wz.iter_mut().for_each(|w| w.scale_mut(1e-8));
    }),
    ("objective times 1e8", |f| {
        let last = &mut f.layers[2];
        last.wy.scale_mut(1e8);
        last.wz.iter_mut().for_each(|w| w.scale_mut(1e8));
    }),
    ("full mantissas", |f| each(f, |v| v / 3.0)),
];

fn each(f: &mut Ficnn, change: fn(f64) -> f64) {
    for l in &mut f.layers {
        l.wy.apply(|v| *v = change(*v));
        l.b.apply(|v| *v = change(*v));
        l.wz.iter_mut().for_each(|w| w.apply(|v| *v = change(*v)));
    }
}

#[test]
fn degenerate_networks_end_exactly() {
    let mut failures = vec![];
    for (name, change) in DEGENERATE {
        for seed in 0..8 {
            let (p, width) = [(1, 4), (3, 8), (6, 20), (12, 30)][seed as usize % 4];
            let mut f = network(100 + seed, p, width);
            change(&mut f);
            let instance = Arc::new(f.program().unwrap()).at(&[]).unwrap();
            let simplex: Vec<usize> = (0..p).collect();
            for (set, domain) in [
                ("box", Domain::cube(p, -1.0, 1.0).unwrap()),
                ("simplex", Domain::everything(p).with_simplex("s", &simplex, 1.0).unwrap()),
                ("polyhedron", Domain::cube(p, -1.0, 1.0).unwrap().with_sum("b", &simplex, -0.25, 0.3).unwrap()),
            ] {
                let found = solved(&instance, &domain, Method::Lp);
                if let Err(reason) = verified(&instance, &domain, &found) {
                    failures.push(format!("{name}, seed {seed}, {set}: {reason:.300}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}\n{} failures", failures.join("\n"), failures.len());
}

/// Methods that leave no basis reach the same minimum.
#[test]
fn every_exact_method_ends_exactly() {
    let mut failures = vec![];
    for seed in 0..6 {
        let instance = Arc::new(network(seed, 4, 10).program().unwrap()).at(&[]).unwrap();
        let domain = Domain::cube(4, -1.0, 1.0).unwrap();
        let value = solved(&instance, &domain, Method::Lp).value;
        for method in [Method::Ipm, Method::Conic, Method::Bundle, Method::Pdlp] {
            let found = solved(&instance, &domain, method);
            if found.value != value {
                failures.push(format!("{method:?}, seed {seed}: {value:?}, {:?}", found.value));
            }
            if let Err(reason) = verified(&instance, &domain, &found) {
                failures.push(format!("{method:?}, seed {seed}: {reason:.300}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}\n{} failures", failures.join("\n"), failures.len());
}

/// A fixed coordinate, a leaky unit, a maximum, learned constraints: the parts that boxes do not test, on one network each.
#[test]
fn a_leaky_network_with_a_maximum() {
    let text = "y 2\nn1 = dense n0 [[1, -2], [3, 1], [-1, 0.1]]\nn2 = leaky n1 [0.01]\nn3 = max n2 [0, 1] [1, 2]\n\
                n4 = dense n3 [[1, 0.7]]\noutput n4";
    let instance = Arc::new(text.parse::<icnn::ir::program::Program>().unwrap()).at(&[]).unwrap();
    let domain = Domain::cube(2, -0.3, 1.0).unwrap();
    let found = solved(&instance, &domain, Method::Lp);
    verified(&instance, &domain, &found).unwrap();
}

#[test]
fn contradictory_rows_and_open_sides_are_proven_exactly() {
    let instance = Arc::new(network(3, 3, 8).program().unwrap()).at(&[]).unwrap();
    let third = Domain::everything(3).with_row("a", &[(0, 0.3), (1, 0.1)], 1.0, f64::INFINITY).unwrap();
    let domain = third.clone().with_row("b", &[(0, 0.7), (1, 0.7 / 3.0)], f64::NEG_INFINITY, 1.0).unwrap();
    let found = solved(&instance, &domain, Method::Lp);
    match found.status {
        // 0.7 / 3 is not a third of 0.7, so the two are not parallel: far away there are points of both.
        Status::Optimal | Status::Stopped => {}
        Status::Unbounded => assert!(ray::verify(&instance, &domain, found.exact_ray.as_ref().unwrap())),
        // By multipliers that cancel up to rounding only: no exact proof.
        Status::Infeasible => assert_eq!((found.proof == Proof::Exact, found.exact_emptiness), (false, None)),
    }
    let domain = third.clone().with_row("b", &[(0, 0.6), (1, 0.2)], f64::NEG_INFINITY, 1.0).unwrap();
    let found = solved(&instance, &domain, Method::Lp);
    assert_eq!((&found.status, found.proof), (&Status::Infeasible, Proof::Exact), "{:?}", found.message);
    assert!(empty::verify(&domain, found.exact_emptiness.as_ref().unwrap()));

    let mut open = 0;
    for seed in 0..8 {
        let instance = Arc::new(network(seed, 3, 3).program().unwrap()).at(&[]).unwrap();
        for domain in [Domain::everything(3), third.clone()] {
            let found = solved(&instance, &domain, Method::Lp);
            if found.status == Status::Unbounded {
                assert_eq!(found.proof, Proof::Exact, "seed {seed}: {:?}", found.ray);
                assert!(ray::verify(&instance, &domain, found.exact_ray.as_ref().unwrap()));
                open += 1;
            }
        }
    }
    assert!(open >= 4, "{open} of 16 are unbounded");
}

/// Each line that `icnn solve --proof exact` prints about a network of examples/ or ../shared/onnx, if it is there.
#[cfg(all(feature = "cli", feature = "onnx"))]
fn lines(arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_icnn"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("solve").args(arguments).args(["--proof", "exact", "--json"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[cfg(all(feature = "cli", feature = "onnx"))]
#[test]
fn networks_at_hand_end_exactly() {
    let mut commands: Vec<Vec<String>> = [
        "examples/digits/digits.onnx --context examples/digits/test-context.npy --lower 0 --upper 1",
        "examples/classifier/classifier.onnx --lower 0 --upper 1 --output 3",
        "examples/diabetes/diabetes.onnx --lower examples/diabetes/lower.json --upper examples/diabetes/upper.json",
        "examples/imputation/imputation.onnx --fix examples/imputation/test-fix.json --lower 0 --upper 1",
        "examples/detector/detector.onnx --lower 0 --upper 1",
        "examples/plan/plan.onnx --context 0.3 --lower 0 --upper 1",
    ]
    .map(|line| line.split(' ').map(String::from).collect())
    .to_vec();
    // Networks without smooth units.
    let plain = ["a_ficnn_clamp", "a_ficnn_plain", "a_ficnn_relu", "f_leaky", "g_amax", "g_max", "g_maxout"];
    let with_context = ["b_picnn_bn", "b_picnn_plain", "c_convpicnn", "e_concat"];
    if std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx").exists() {
        for (names, context) in [(plain.as_slice(), false), (with_context.as_slice(), true)] {
            for name in names {
                let mut line = vec![format!("../shared/onnx/{name}.dyn.onnx")];
                line.extend(["--lower", "-1", "--upper", "1"].map(String::from));
                line.extend(["--context", "0.3"].iter().take(if context { 2 } else { 0 }).map(|s| s.to_string()));
                commands.push(line);
            }
        }
    }
    for command in &commands {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        for line in lines(&arguments) {
            assert_eq!(line["proof"], "exact", "{command:?}: {line}");
            assert_eq!(line["gap"], 0.0, "{command:?}");
        }
    }
}
