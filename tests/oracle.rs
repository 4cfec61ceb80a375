//! The compiled oracle against the passes of the IR: the same values, the same subgradients, the same refusals; many points
//! together as one by one; and the same answer every time.

#![cfg_attr(not(feature = "onnx"), allow(dead_code))]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;
#[path = "oracle/kinks.rs"]
mod kinks;
#[path = "common/npz.rs"]
mod npz;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use icnn::Domain;
use icnn::ir::forward::Trace;
use icnn::ir::instance::Instance;
use icnn::ir::program::{GroupKind, Op, Program};
use icnn::ir::scalar::Scalar;
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::oracle::Oracle;
use networks::{Case, Problem, magnitude};
use proptest::prelude::*;

/// Relative to the size of what is added up: both ways are within a few hundred ε of the true numbers.
const ROUNDING: f64 = 1e-12;

families! {
    the_oracle_is_the_network: 150, Sides::Any;
    many_points_are_single_points: 60, Sides::Any;
}

fn oracle(instance: &Instance) -> NetworkOracle<'_> {
    let domain = Domain::cube(instance.decisions(), -1.0, 1.0).unwrap();
    NetworkOracle::new(instance, &instance.bounds(domain.intervals()))
}

fn the_oracle_is_the_network<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut points = case.points();
    let mut oracle = oracle(&case.instance);
    for _ in 0..5 {
        let y = points.anywhere();
        let (value, gradient) = agrees(&case.instance, &mut oracle, &y).map_err(TestCaseError::fail)?;
        for _ in 0..5 {
            let v = points.anywhere();
            let line = value + gradient.iter().zip(v.iter().zip(&y)).map(|(g, (v, y))| g * (v - y)).sum::<f64>();
            let allowed = ROUNDING * (magnitude(&case.instance, &v) + 2.0 * magnitude(&case.instance, &y));
            prop_assert!(case.value(&v) >= line - allowed, "f({v:?}) lies below the oracle's tangent at {y:?}");
        }
    }
    Ok(())
}

fn many_points_are_single_points<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (mut points, p) = (case.points(), case.program.decisions());
    let mut oracle = oracle(&case.instance);
    // Fewer and more than a matrix product is used for.
    for count in [1, 3, 20] {
        let ys: Vec<Vec<f64>> = (0..count).map(|_| points.anywhere()).collect();
        let (mut values, mut gradients) = (vec![0.0; count], vec![0.0; count * p]);
        oracle.values_and_gradients(&ys.concat(), &mut values, &mut gradients).expect("finite values");
        for ((y, value), gradient) in ys.iter().zip(&values).zip(gradients.chunks(p)) {
            let mut single = vec![0.0; p];
            let expected = oracle.value_and_gradient(y, &mut single).expect("a finite value");
            let allowed = ROUNDING * magnitude(&case.instance, y);
            prop_assert!((value - expected).abs() <= allowed, "{value} of {count} points, {expected} alone at {y:?}");
            let trace = case.instance.forward(y).expect("a finite value");
            if !near_kink(&case.instance, &trace) {
                let size = slope_sizes(&case.instance, &trace);
                for (j, (g, e)) in gradient.iter().zip(&single).enumerate() {
                    prop_assert!((g - e).abs() <= ROUNDING * size[j], "∂f/∂y[{j}] {g} of {count} points, {e} alone");
                }
            }
        }
    }
    Ok(())
}

/// Value and gradient of the oracle at y, after they were compared with the network's and asked for a second time.
fn agrees(instance: &Instance, oracle: &mut NetworkOracle, y: &[f64]) -> Result<(f64, Vec<f64>), String> {
    let trace = instance.forward(y).map_err(|e| e.to_string())?;
    let mut gradient = vec![f64::NAN; y.len()];
    let value = oracle.value_and_gradient(y, &mut gradient).map_err(|e| e.to_string())?;
    let reach: Vec<f64> = y.iter().map(|y| y.abs()).collect();
    let allowed = ROUNDING * instance.magnitude(&trace, &reach);
    if (value - trace.value()).abs() > allowed {
        return Err(format!("the oracle says {value} at {y:?}, the network {}; {allowed} is allowed", trace.value()));
    }
    if !near_kink(instance, &trace) {
        let size = slope_sizes(instance, &trace);
        for (j, (g, e)) in gradient.iter().zip(instance.gradient(&trace)).enumerate() {
            if (g - e).abs() > ROUNDING * size[j] {
                return Err(format!("∂f/∂y[{j}] is {g} by the oracle, {e} by the network, at {y:?}"));
            }
        }
    }
    let mut again = vec![0.0; y.len()];
    let same = oracle.value_and_gradient(y, &mut again).map_err(|e| e.to_string())?;
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let alone = oracle.value(y).map_err(|e| e.to_string())?;
    if bits(&again) != bits(&gradient) || bits(&[same, alone]) != bits(&[value, value]) {
        return Err(format!("another answer the second time at {y:?}"));
    }
    Ok((value, gradient))
}

/// Whether rounding can decide which piece holds somewhere.
fn near_kink(instance: &Instance, trace: &Trace) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
    instance.program().nodes().iter().any(|node| match &node.op {
        Op::Unit { input, unit } => trace.of(*input).iter().enumerate().any(|(i, t)| match instance.scalar(unit, i) {
            Scalar::Lines(lines) => lines.breaks().iter().any(|b| near(*t, *b)),
            _ => near(*t, 0.0),
        }),
        Op::Group { input, kind, groups } => {
            let t = trace.of(*input);
            (0..groups.len()).any(|g| {
                let group = groups.group(g);
                let largest = group.iter().fold(f64::NEG_INFINITY, |m, i| m.max(t[*i]));
                match kind {
                    GroupKind::Max => group.iter().filter(|i| near(t[**i], largest)).count() > 1,
                    GroupKind::Norm => group.iter().all(|i| near(t[*i], 0.0)),
                    GroupKind::LogSumExp => false,
                }
            })
        }
        Op::Select { test, .. } => trace.of(*test).iter().any(|t| near(*t, 0.0)),
        _ => false,
    })
}

/// For each entry of the gradient the size of the numbers that are added up on the way to it.
fn slope_sizes(instance: &Instance, trace: &Trace) -> Vec<f64> {
    let nodes = instance.program().nodes();
    let mut sizes: Vec<Vec<f64>> = nodes.iter().map(|n| vec![0.0; n.len]).collect();
    sizes[nodes.len() - 1][0] = 1.0;
    for (k, node) in nodes.iter().enumerate().rev() {
        let above = sizes[k].clone();
        let mut add = |id: &icnn::ir::program::NodeId, i: usize, size: f64| sizes[id.index()][i] += size.abs();
        let t = |id: &icnn::ir::program::NodeId, i: usize| trace.of(*id)[i];
        for (i, a) in above.iter().enumerate() {
            match &node.op {
                Op::Scale { input, by } => add(input, i, a * instance.entry(*by, i).unwrap()),
                Op::Sum(inputs) => inputs.iter().for_each(|id| add(id, i, *a)),
                Op::Concat(inputs) => {
                    let mut i = i;
                    for id in inputs {
                        match i.checked_sub(nodes[id.index()].len) {
                            None => {
                                add(id, i, *a);
                                break;
                            }
                            Some(rest) => i = rest,
                        }
                    }
                }
                // A smooth derivative is off by its own curvature times the rounding of its argument.
                Op::Unit { input, unit } => {
                    let (g, t) = (instance.scalar(unit, i), t(input, i));
                    let step = 1e-6 * (1.0 + t.abs());
                    let bend = (g.derivative(t + step) - g.derivative(t)) / step * (1.0 + t.abs());
                    add(input, i, a * (g.derivative(t).abs() + if bend.is_finite() { 1e2 * bend.abs() } else { 0.0 }));
                }
                Op::Group { input, groups, .. } => groups.group(i).iter().for_each(|j| add(input, *j, *a)),
                Op::Product(p, q) => {
                    add(p, i, a * t(q, i));
                    add(q, i, a * t(p, i));
                }
                Op::Quotient(p, q) => {
                    add(p, i, a / t(q, i));
                    add(q, i, a * t(p, i) / (t(q, i) * t(q, i)));
                }
                Op::Select { then, otherwise, .. } => {
                    add(then, i, *a);
                    add(otherwise, i, *a);
                }
                Op::Quadratic { input, matrix } => {
                    for (m, (i, j)) in matrix.iter() {
                        add(input, i, a * m * t(input, j));
                        add(input, j, a * m * t(input, i));
                    }
                }
                Op::Decision | Op::Param(_) | Op::Linear { .. } => {}
            }
        }
        if let Op::Linear { input, map } = &node.op {
            map.visit(instance.weights(map), |i, j, c| add(input, j, above[i] * c));
        }
    }
    sizes.swap_remove(0)
}

/// Every model of a folder and of the folders in it.
fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(models(&path));
        } else if path.extension().is_some_and(|e| e == "onnx") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// One array of an `.io.npz`, as rows; a network without that input has empty rows.
fn rows(path: &Path, name: &str) -> Vec<Vec<f64>> {
    let Some(array) = npz::npz(path).remove(name) else { return vec![vec![]; 2] };
    let flat = icnn::ir::entries::Entries::copied(&array);
    flat.chunks(flat.len() / array.shape()[0]).map(<[f64]>::to_vec).collect()
}

#[test]
#[cfg(feature = "onnx")]
fn exported_networks_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/onnx");
    if !folder.exists() {
        return println!("skipped: {} is not there", folder.display());
    }
    let models = models(&folder);
    assert_eq!(models.len(), 58);
    for path in models {
        let stem = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_string();
        let io = path.with_file_name(format!("{stem}.io.npz"));
        let (x, y) = (rows(&io, "x"), rows(&io, "y"));
        let graph = icnn::load::onnx::read(&path).unwrap();
        let outputs = icnn::build::build_outputs(graph, None).unwrap();
        for k in 0..outputs.len() {
            let program: Arc<Program> = Arc::new(outputs.program(k).unwrap());
            for (x, y) in x.iter().zip(&y) {
                let instance = program.at(x).unwrap();
                agrees(&instance, &mut oracle(&instance), y).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            }
        }
    }
}

#[test]
#[cfg(feature = "onnx")]
fn examples_and_families_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = [models(&root.join("examples")), models(&root.join("benches/families"))].concat();
    assert!(paths.len() >= 10, "{} models", paths.len());
    for path in paths {
        let graph = icnn::load::onnx::read(&path).unwrap();
        let Ok(outputs) = icnn::build::build_outputs(graph, None) else { continue };
        let program: Arc<Program> = Arc::new(outputs.program(0).unwrap());
        let turn = |k: usize| (0.618_033_988_749_894_8 * (k + 1) as f64).fract();
        let x: Vec<f64> = (0..program.context_len()).map(turn).collect();
        let instance = program.at(&x).unwrap();
        for k in 0..3 {
            let y: Vec<f64> = (0..program.decisions()).map(|j| turn(k * program.decisions() + j)).collect();
            agrees(&instance, &mut oracle(&instance), &y).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
    }
}

/// The instance of a program in text form.
fn instance(text: &str) -> Instance {
    Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap()
}

#[test]
fn a_number_that_leaves_f64_is_refused_by_node() {
    let instance = instance("y 1\nn1 = exp n0\nn2 = scale n1 [-1]\nn3 = relu n2\noutput n3");
    let mut oracle = oracle(&instance);
    let mut gradient = [0.0];
    assert_eq!(oracle.value_and_gradient(&[700.0], &mut gradient).unwrap(), 0.0);
    // −∞ would become 0 at the relu.
    let refusal = oracle.value_and_gradient(&[800.0], &mut gradient).unwrap_err().to_string();
    assert!(refusal.contains("n1 (exp)") && refusal.contains("inf"), "{refusal}");
    assert_eq!(oracle.value(&[800.0]).unwrap_err().to_string(), refusal);
    let (mut values, mut gradients) = ([0.0; 3], [0.0; 3]);
    let together = oracle.values_and_gradients(&[0.0, 800.0, 1.0], &mut values, &mut gradients);
    assert_eq!(together.unwrap_err().to_string(), refusal);
    for y in [f64::NAN, f64::INFINITY] {
        let refusal = oracle.value(&[y]).unwrap_err().to_string();
        assert!(refusal.contains("y[0]"), "{refusal}");
    }
    assert!(oracle.value(&[0.0, 0.0]).is_err());
}

#[test]
fn sizes_of_many_points_are_checked() {
    let instance = instance("y 2\nn1 = dense n0 [[1, 2]]\noutput n1");
    let mut oracle = oracle(&instance);
    let (mut values, mut gradients) = ([0.0; 2], [0.0; 4]);
    let refusal = oracle.values_and_gradients(&[0.0; 3], &mut values, &mut gradients).unwrap_err().to_string();
    assert!(refusal.contains('3') && refusal.contains('4'), "{refusal}");
    assert!(oracle.values_and_gradients(&[0.0; 4], &mut values, &mut gradients[..3]).is_err());
    oracle.values_and_gradients(&[1.0, 0.0, 0.0, 1.0], &mut values, &mut gradients).unwrap();
    assert_eq!((values, gradients), ([1.0, 2.0], [1.0, 2.0, 1.0, 2.0]));
    oracle.values_and_gradients(&[], &mut [], &mut []).unwrap();
}

#[test]
fn many_points_through_wide_layers_are_single_points() {
    // More columns, rows and points than a block of the product has, none of them a multiple of its groups; every third entry of a point is
    // zero, and n1 is negative at all points in every fifth place. Entries of the first matrix are f32 numbers, those of the second are not.
    let turn = |k: usize| (0.618_033_988_749_894_8 * k as f64).fract() - 0.5;
    let matrix = |rows: usize, columns: usize, entry: &dyn Fn(usize) -> f64| {
        let row = |i| {
            format!("[{}]", (0..columns).map(|j| entry(i * columns + j).to_string()).collect::<Vec<_>>().join(", "))
        };
        format!("[{}]", (0..rows).map(row).collect::<Vec<_>>().join(", "))
    };
    let (p, first, second) = (300, 301, 61);
    let bias: Vec<String> = (0..first).map(|k| if k % 5 == 0 { "-1000".into() } else { turn(k).to_string() }).collect();
    let instance = instance(&format!(
        "y {p}\nn1 = dense n0 {}\nn2 = param [{}]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = dense n4 {}\nn6 = relu n5\nn7 = dense n6 {}\noutput n7",
        matrix(first, p, &|k| f64::from(turn(k) as f32)),
        bias.join(", "),
        matrix(second, first, &|k| turn(k) + 0.45),
        matrix(1, second, &|k| 0.5 + turn(k).abs()),
    ));
    let count = 303;
    let ys: Vec<f64> = (0..count * p).map(|k| if k % 3 == 0 { 0.0 } else { turn(7 * k + 1) }).collect();
    let (mut values, mut gradients) = (vec![0.0; count], vec![0.0; count * p]);
    oracle(&instance).values_and_gradients(&ys, &mut values, &mut gradients).unwrap();
    for ((y, value), gradient) in ys.chunks(p).zip(values).zip(gradients.chunks(p)) {
        let trace = instance.forward(y).unwrap();
        let reach: Vec<f64> = y.iter().map(|y| y.abs()).collect();
        let allowed = ROUNDING * instance.magnitude(&trace, &reach);
        assert!((value - trace.value()).abs() <= allowed, "{value}, and {} node by node", trace.value());
        assert!(!near_kink(&instance, &trace));
        let sizes = slope_sizes(&instance, &trace);
        for ((g, e), size) in gradient.iter().zip(instance.gradient(&trace)).zip(sizes) {
            assert!((g - e).abs() <= ROUNDING * size, "{g}, and {e} node by node");
        }
    }
}

#[test]
fn at_a_kink_the_slope_is_the_one_on_the_left() {
    let instance = instance("y 1\nn1 = relu n0\nn2 = abs n0\nn3 = sum n1 n2\noutput n3");
    let mut gradient = [f64::NAN];
    oracle(&instance).value_and_gradient(&[0.0], &mut gradient).unwrap();
    assert_eq!(gradient, [-1.0]);
}

#[test]
fn contexts_share_the_layout_and_not_the_numbers() {
    use icnn::network::Picnn;
    let mut d = networks::Draw::new((0..300).map(|k| (k * 7919) % 2001 - 1000).collect());
    let program = Arc::new(Picnn::draw(&mut d).compiled());
    let contexts: Vec<Vec<f64>> = (0..3).map(|_| d.numbers(program.context_len())).collect();
    let y = d.numbers(program.decisions());
    for x in &contexts {
        let instance = program.at(x).unwrap();
        agrees(&instance, &mut oracle(&instance), &y).unwrap();
    }
}
