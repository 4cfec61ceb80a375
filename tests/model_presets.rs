//! Presets against the networks they stand for, written out in loops: names, wiring, activations.
#![cfg(feature = "safetensors")]

use std::collections::BTreeMap;
use std::sync::Arc;

use icnn::build::{Choice, build};
use icnn::domain::Domain;
use icnn::load::safetensors;

/// A tensor with its extents, row-major.
type Stored = (Vec<usize>, Vec<f64>);

/// Tensors by name, with numbers that are all different; those in `positive` are ≥ 0.
fn tensors(shapes: &[(&str, &[usize])], positive: &str) -> BTreeMap<String, Stored> {
    let mut state = 7u64;
    let mut number = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let all = shapes.iter().map(|(name, shape)| {
        let n = shape.iter().product();
        let values = (0..n).map(|_| number()).map(|v| if name.contains(positive) { v.abs() } else { v }).collect();
        (name.to_string(), (shape.to_vec(), values))
    });
    all.collect()
}

/// The bytes of a safetensors file of doubles.
fn file(tensors: &BTreeMap<String, Stored>) -> Vec<u8> {
    let (mut header, mut data) = (vec![], vec![]);
    for (name, (shape, values)) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        header.push(format!(r#""{name}":{{"dtype":"F64","shape":{shape:?},"data_offsets":[{start},{}]}}"#, data.len()));
    }
    let header = format!("{{{}}}", header.join(","));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// W t + b, the bias being optional.
fn linear(all: &BTreeMap<String, Stored>, weight: &str, bias: &str, t: &[f64]) -> Vec<f64> {
    let (shape, w) = &all[weight];
    let dot = |i: usize| (0..shape[1]).map(|j| w[i * shape[1] + j] * t[j]).sum::<f64>();
    (0..shape[0]).map(|i| dot(i) + all.get(bias).map_or(0.0, |b| b.1[i])).collect()
}

fn add(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.into_iter().zip(b).map(|(a, b)| a + b).collect()
}

fn each(v: Vec<f64>, f: impl Fn(f64) -> f64) -> Vec<f64> {
    v.into_iter().map(f).collect()
}

fn softplus(t: f64) -> f64 {
    t.exp().ln_1p()
}

fn leaky(t: f64) -> f64 {
    if t > 0.0 { t } else { 0.2 * t }
}

/// The network that a description makes of the tensors has these values, and is proven convex.
fn agrees(fields: &str, all: &BTreeMap<String, Stored>, reference: impl Fn(&[f64]) -> f64) {
    let description = format!(r#"{{"format": "icnn-layers", "version": 1, {fields}}}"#);
    let graph = safetensors::parse(&file(all), description.as_bytes()).unwrap_or_else(|e| panic!("{fields}: {e}"));
    let program = Arc::new(build(graph, &Choice::default()).unwrap_or_else(|e| panic!("{fields}: {e}")));
    let instance = program.at(&[]).unwrap();
    for y in [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [-0.3, 0.7, 2.5], [-3.0, -1.0, -2.0]] {
        let (found, wanted) = (instance.forward(&y).unwrap().value(), reference(&y));
        assert!((found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{fields}: {found}, by hand {wanted}");
    }
    let (_, proof) = icnn::check::prove(&instance, &Domain::everything(3));
    assert!(proof.output().is_convex(), "{fields}");
}

#[test]
fn wzs_wxs() {
    let shapes: [(&str, &[usize]); 8] = [
        ("Wzs.0.weight", &[5, 3]),
        ("Wzs.0.bias", &[5]),
        ("Wzs.1.weight", &[4, 5]),
        ("Wxs.0.weight", &[4, 3]),
        ("Wxs.0.bias", &[4]),
        ("Wzs.2.weight", &[1, 4]),
        ("Wxs.1.weight", &[1, 3]),
        ("extra.steps", &[1]),
    ];
    let mut all = tensors(&shapes, "Wzs");
    let w = all.clone();
    agrees(r#""preset": "wzs-wxs", "ignore": ["extra.*"]"#, &all, |y| {
        let z = each(linear(&w, "Wzs.0.weight", "Wzs.0.bias", y), softplus);
        let z = add(linear(&w, "Wzs.1.weight", "", &z), linear(&w, "Wxs.0.weight", "Wxs.0.bias", y));
        let z = each(z, softplus);
        linear(&w, "Wzs.2.weight", "", &z)[0] + linear(&w, "Wxs.1.weight", "", y)[0]
    });
    // The variant that makes weights positive itself, with a bias and a gain inside.
    all.remove("extra.steps");
    all.insert("Wzs.1.bias".into(), (vec![4], vec![0.5, -0.25, 1.0, 0.125]));
    let w = all.clone();
    agrees(r#""preset": "wzs-wxs", "positivity": "softplus", "gain": "1/width""#, &all, |y| {
        let positive = |name: &str, bias: &str, z: &[f64]| {
            let mut w = w.clone();
            let weight = w.get_mut(name).unwrap();
            weight.1 = each(std::mem::take(&mut weight.1), softplus);
            each(linear(&w, name, bias, z), |t| t / z.len() as f64)
        };
        let z = each(linear(&w, "Wzs.0.weight", "Wzs.0.bias", y), softplus);
        let z = add(positive("Wzs.1.weight", "Wzs.1.bias", &z), linear(&w, "Wxs.0.weight", "Wxs.0.bias", y));
        let z = each(z, softplus);
        positive("Wzs.2.weight", "", &z)[0] + linear(&w, "Wxs.1.weight", "", y)[0]
    });
}

#[test]
fn ot_icnn() {
    for (preset, normal, convex) in [
        ("ot-icnn", ["fc2_normal", "fc3_normal"], ["fc2_convex", "fc3_convex"]),
        ("ot-icnn-list", ["normal.0", "normal.1"], ["convex.0", "convex.1"]),
    ] {
        let name = |n: &str, end: &str| format!("{n}.{end}");
        let mut shapes: Vec<(String, Vec<usize>)> = vec![
            ("fc1_normal.weight".into(), vec![4, 3]),
            ("fc1_normal.bias".into(), vec![4]),
            ("last_convex.weight".into(), vec![1, 4]),
            ("last_linear.weight".into(), vec![1, 3]),
            ("last_linear.bias".into(), vec![1]),
        ];
        for k in 0..2 {
            shapes.push((name(normal[k], "weight"), vec![4, 3]));
            shapes.push((name(normal[k], "bias"), vec![4]));
            shapes.push((name(convex[k], "weight"), vec![4, 4]));
        }
        let shapes: Vec<(&str, &[usize])> = shapes.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect();
        let w = tensors(&shapes, "convex");
        agrees(&format!(r#""preset": "{preset}""#), &w, |y| {
            let mut z = each(linear(&w, "fc1_normal.weight", "fc1_normal.bias", y), |t| leaky(t) * leaky(t));
            for k in 0..2 {
                let from_y = linear(&w, &name(normal[k], "weight"), &name(normal[k], "bias"), y);
                z = each(add(linear(&w, &name(convex[k], "weight"), "", &z), from_y), leaky);
            }
            let last = linear(&w, "last_linear.weight", "last_linear.bias", y)[0];
            linear(&w, "last_convex.weight", "", &z)[0] + last * last
        });
    }
}

#[test]
fn dense_icnn() {
    let shapes: [(&str, &[usize]); 8] = [
        ("quadratic_layers.0.0.quadratic_decomposed", &[3, 2, 4]),
        ("quadratic_layers.0.0.weight", &[4, 3]),
        ("quadratic_layers.0.0.bias", &[4]),
        ("quadratic_layers.1.0.quadratic_decomposed", &[3, 2, 5]),
        ("quadratic_layers.1.0.weight", &[5, 3]),
        ("quadratic_layers.1.0.bias", &[5]),
        ("convex_layers.0.0.weight", &[5, 4]),
        ("final_layer.weight", &[1, 5]),
    ];
    let mut w = tensors(&shapes, "convex");
    w.get_mut("final_layer.weight").unwrap().1.iter_mut().for_each(|v| *v = v.abs());
    agrees(r#""preset": "dense-icnn""#, &w, |y| {
        let layer = |k: usize| {
            let name = |end: &str| format!("quadratic_layers.{k}.0.{end}");
            let (shape, q) = &w[&name("quadratic_decomposed")];
            let (rank, outputs) = (shape[1], shape[2]);
            let map = |r: usize, o: usize| (0..3).map(|j| y[j] * q[(j * rank + r) * outputs + o]).sum::<f64>();
            let squares = (0..outputs).map(|o| (0..rank).map(|r| map(r, o) * map(r, o)).sum()).collect();
            add(squares, linear(&w, &name("weight"), &name("bias"), y))
        };
        let celu = |t: f64| if t > 0.0 { t } else { t.exp_m1() };
        let z = each(add(linear(&w, "convex_layers.0.0.weight", "", &layer(0)), layer(1)), celu);
        linear(&w, "final_layer.weight", "", &z)[0] + 0.5e-6 * y.iter().map(|v| v * v).sum::<f64>()
    });
}

#[test]
fn layouts_of_matrices() {
    let shapes: [(&str, &[usize]); 5] =
        [("a.0", &[4, 3]), ("c.0", &[4]), ("a.1", &[1, 3]), ("z.1", &[1, 4]), ("c.1", &[1])];
    let w = tensors(&shapes, "z.");
    let roles = r#""kind": "ficnn", "roles": {"wy": "a.{i}", "b": "c.{i}", "wz": "z.{i}"}"#;
    let reference = |y: &[f64]| {
        let z = each(linear(&w, "a.0", "c.0", y), |t| t.max(0.0));
        linear(&w, "z.1", "c.1", &z)[0] + linear(&w, "a.1", "", y)[0]
    };
    agrees(roles, &w, reference);
    let mut turned = w.clone();
    for (shape, values) in turned.values_mut().filter(|t| t.0.len() == 2) {
        let (rows, columns) = (shape[0], shape[1]);
        *values = (0..rows * columns).map(|k| values[k % rows * columns + k / rows]).collect();
        *shape = vec![columns, rows];
    }
    agrees(&format!(r#"{roles}, "layout": "in,out""#), &turned, reference);
}
