//! Every operator that may act on y, in the forms of opsets 9 to 23: the compiled network agrees with the operators run one
//! by one, its gradient with finite differences; and so it does when the same operator stands on the x-path.
#![cfg(feature = "onnx")]

#[path = "common/onnx.rs"]
mod onnx;

use std::collections::BTreeMap;
use std::sync::Arc;

use icnn::build::build_outputs;
use icnn::ir::entries::Entries;
use icnn::ir::instance::Instance;
use icnn::load::graph::Graph;
use icnn::load::onnx::parse;
use icnn::tensor::{Tensor, evaluate};
use ndarray::{ArrayD, IxDyn};
use onnx::*;

/// Opsets at which forms differ: attributes become inputs at 10, 11, 13 and 18.
const OPSETS: [i64; 5] = [9, 11, 13, 18, 23];

/// How many numbers a result may have in these tests.
const LIMIT: usize = 1 << 16;

/// A network of one input y, and the interval its entries are drawn from.
struct Form {
    what: String,
    model: ModelBuilder,
    from: f64,
    to: f64,
}

/// Uniform numbers, the same in every run.
struct Random(u64);

impl Random {
    fn vector(&mut self, n: usize, from: f64, to: f64) -> Vec<f64> {
        (0..n)
            .map(|_| {
                self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                from + (to - from) * (self.0 >> 11) as f64 / (1u64 << 53) as f64
            })
            .collect()
    }
}

/// Weights of both signs.
fn weights(n: usize) -> Vec<f32> {
    (0..n).map(|k| ((k * 37 + 11) % 41) as f32 / 20.0 - 1.02).collect()
}

/// The outputs of a graph, flat and one after the other, its operators run one by one.
fn interpreted(graph: &Graph, inputs: &[(&str, &[f64])]) -> Vec<f64> {
    let mut values: BTreeMap<String, Tensor> = graph.initializers.clone();
    for (name, numbers) in inputs {
        let info = graph.inputs.iter().find(|i| i.name == *name).expect("an input");
        let shape: Vec<usize> = info.dims.as_ref().expect("a shape").iter().map(known).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), numbers.to_vec()).expect("as many numbers");
        values.insert(name.to_string(), Tensor::Float(array));
    }
    for node in &graph.nodes {
        let given: Vec<Option<&Tensor>> = node.inputs.iter().map(|i| i.as_ref().and_then(|n| values.get(n))).collect();
        let outputs = evaluate(node, &given, graph.opset, LIMIT).unwrap_or_else(|e| panic!("{}: {e}", node.name));
        values.extend(node.outputs.iter().cloned().zip(outputs));
    }
    graph.outputs.iter().flat_map(|o| Entries::copied(&values[&o.name]).to_vec()).collect()
}

fn known(dim: &icnn::load::graph::Dim) -> usize {
    match dim {
        icnn::load::graph::Dim::Known(n) => *n,
        icnn::load::graph::Dim::Symbol(_) => 1,
    }
}

/// The compiled components at a context.
fn compiled(graph: &Graph, x: &[f64]) -> Result<Vec<Instance>, String> {
    let outputs = build_outputs(graph.clone(), None).map_err(|e| e.to_string())?;
    let component = |k| Arc::new(outputs.program(k)?).at(x);
    (0..outputs.len()).map(|k| component(k).map_err(|e: icnn::Error| e.to_string())).collect()
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * (1.0 + expected.abs())
}

/// Compiles a form and compares it at random points.
fn disagreement(form: &Form) -> Option<String> {
    let graph = match parse(&form.model.bytes(), None) {
        Ok(graph) => graph,
        Err(e) => return Some(format!("not read: {e}")),
    };
    let instances = match compiled(&graph, &[]) {
        Ok(instances) => instances,
        Err(e) => return Some(format!("not compiled: {e}")),
    };
    let p = instances[0].decisions();
    let mut random = Random(5);
    for _ in 0..2 {
        let y = random.vector(p, form.from, form.to);
        let expected = interpreted(&graph, &[("y", &y)]);
        if expected.len() != instances.len() {
            return Some(format!("{} components, {} are expected", instances.len(), expected.len()));
        }
        let step = 1e-6;
        let moved = |j: usize, by: f64| {
            let mut y = y.clone();
            y[j] += by;
            interpreted(&graph, &[("y", &y)])
        };
        let slopes: Vec<(Vec<f64>, Vec<f64>)> = (0..p).map(|j| (moved(j, step), moved(j, -step))).collect();
        for (k, instance) in instances.iter().enumerate() {
            let trace = match instance.forward(&y) {
                Ok(trace) => trace,
                Err(e) => return Some(format!("component {k}: {e}")),
            };
            if !close(trace.value(), expected[k], 1e-11) {
                return Some(format!("component {k} is {}, {} is expected", trace.value(), expected[k]));
            }
            for (j, g) in instance.gradient(&trace).into_iter().enumerate() {
                let slope = (slopes[j].0[k] - slopes[j].1[k]) / (2.0 * step);
                if !close(g, slope, 1e-4) {
                    return Some(format!("component {k} has slope {g} in y[{j}], {slope} is expected"));
                }
            }
        }
    }
    None
}

/// The operators of a form on the x-path: y·s + s for s = a weighted sum of their results.
fn disagreement_on_x(form: &Form) -> Option<String> {
    let mut model = form.model.clone();
    let graph = parse(&model.bytes(), None).ok()?;
    let p: usize = graph.inputs[0].dims.iter().flatten().map(known).product();
    let rename = |name: &mut String| {
        if name == "y" {
            *name = "x".into();
        }
    };
    let proto = model.graph();
    proto.input[0].name.iter_mut().for_each(rename);
    proto.node.iter_mut().flat_map(|n| &mut n.input).for_each(rename);
    let outputs: Vec<String> = std::mem::take(&mut proto.output).iter().map(|o| o.name().to_string()).collect();
    model = model.input("y", &[Some(1), Some(2)]).integers("row", &[2], &[1, -1]);
    let mut terms = vec!["y".to_string()];
    for (k, output) in outputs.iter().enumerate() {
        let alone = Graph { outputs: vec![graph.outputs[k].clone()], ..graph.clone() };
        let n = interpreted(&alone, &[("y", &vec![0.5 * (form.from + form.to); p])]).len();
        let (flat, weight, sum) = (format!("flat{k}"), format!("weight{k}"), format!("sum{k}"));
        let (scaled, term) = (format!("scaled{k}"), format!("term{k}"));
        model = model
            .initializer(&weight, &[n as i64, 1], &weights(n))
            .node("Reshape", &[output, "row"], &[&flat], vec![])
            .node("MatMul", &[&flat, &weight], &[&sum], vec![])
            .node("Mul", &["y", &sum], &[&scaled], vec![])
            .node("Add", &[&scaled, &sum], &[&term], vec![]);
        terms.push(term);
    }
    let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
    let model = model.node("Sum", &terms, &["f"], vec![]).output("f");
    let graph = parse(&model.bytes(), None).unwrap_or_else(|e| panic!("{}: {e}", form.what));
    let mut random = Random(9);
    for _ in 0..2 {
        let (x, y) = (random.vector(p, form.from, form.to), random.vector(2, -1.0, 1.0));
        let expected = interpreted(&graph, &[("x", &x), ("y", &y)]);
        let instances = match compiled(&graph, &x) {
            Ok(instances) => instances,
            Err(e) => return Some(format!("on the x-path: not compiled: {e}")),
        };
        for (k, instance) in instances.iter().enumerate() {
            match instance.forward(&y) {
                Ok(trace) if close(trace.value(), expected[k], 1e-11) => {}
                Ok(trace) => return Some(format!("on the x-path: {} is not {}", trace.value(), expected[k])),
                Err(e) => return Some(format!("on the x-path: {e}")),
            }
        }
    }
    None
}

/// The forms of one opset, as they are added.
struct Forms {
    opset: i64,
    all: Vec<Form>,
}

impl Forms {
    /// A network with the input y.
    fn model(&self, dims: &[i64]) -> ModelBuilder {
        let dims: Vec<Option<i64>> = dims.iter().map(|d| Some(*d)).collect();
        ModelBuilder::new(self.opset).input("y", &dims)
    }

    /// y from [−2, 2].
    fn add(&mut self, what: &str, model: ModelBuilder) {
        self.all.push(Form { what: format!("{what}, opset {}", self.opset), model, from: -2.0, to: 2.0 });
    }

    /// y from [0.2, 2].
    fn add_positive(&mut self, what: &str, model: ModelBuilder) {
        self.add(what, model);
        self.all.last_mut().expect("the one just added").from = 0.2;
    }

    /// One operation on y and weights of the given extents.
    fn one(&mut self, op: &str, y: &[i64], others: &[&[i64]], attributes: Vec<AttributeProto>) {
        let what = format!("{op} of {y:?} and {others:?} {}", summary(&attributes));
        let mut inputs = vec!["y".to_string()];
        let mut model = self.model(y);
        for (k, dims) in others.iter().enumerate() {
            let name = format!("w{k}");
            model = model.initializer(&name, dims, &weights(dims.iter().product::<i64>() as usize));
            inputs.push(name);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let model = model.node(op, &inputs, &["h"], attributes).output("h");
        self.add(&what, model);
    }

    /// One operation with a list of integers that was an attribute before opset `since`, and is input 1 from there on.
    fn listed(&mut self, op: &str, y: &[i64], list: (&str, i64, &[i64]), mut attributes: Vec<AttributeProto>) {
        let (name, since, values) = list;
        let what = format!("{op} of {y:?} by {values:?} {}", summary(&attributes));
        let mut model = self.model(y);
        let mut inputs = vec!["y"];
        if self.opset >= since {
            model = model.integers("list", &[values.len() as i64], values);
            inputs.push("list");
        } else {
            attributes.push(ints(name, values));
        }
        let model = model.node(op, &inputs, &["h"], attributes).output("h");
        self.add(&what, model);
    }

    /// Several operations, the last of which makes h; y has extents [2, 3], w is a weight like it.
    fn steps(&mut self, what: &str, steps: &[(&str, &[&str], &str)]) {
        let model = self.model(&[2, 3]).initializer("w", &[2, 3], &weights(6));
        let model = [("zero", 0.0), ("one", 1.0), ("two", 2.0), ("half", 0.5)]
            .into_iter()
            .fold(model, |m, (name, value)| m.initializer(name, &[], &[value]));
        let model = steps.iter().fold(model, |m, (op, inputs, output)| m.node(op, inputs, &[output], vec![]));
        self.add(what, model.output("h"));
    }
}

fn summary(attributes: &[AttributeProto]) -> String {
    let text = |a: &AttributeProto| {
        let name = a.name();
        if !a.ints.is_empty() {
            format!("{name} {:?}", a.ints)
        } else if let Some(s) = &a.s {
            format!("{name} {}", String::from_utf8_lossy(s))
        } else {
            format!("{name} {}", a.f.map_or(a.i().to_string(), |f| f.to_string()))
        }
    };
    attributes.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Every form of an opset on the y-path, and on the x-path.
fn check(add: fn(&mut Forms)) {
    let (mut count, mut faults) = (0, vec![]);
    for opset in OPSETS {
        let mut forms = Forms { opset, all: vec![] };
        add(&mut forms);
        count += forms.all.len();
        for form in &forms.all {
            for fault in [disagreement(form), disagreement_on_x(form)].into_iter().flatten() {
                faults.push(format!("{}: {fault}", form.what));
            }
        }
    }
    println!("{count} forms");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn functions_of_one_number() {
    check(|f| {
        let none = Vec::new;
        let alpha = |v: f32| vec![float("alpha", v)];
        let table: Vec<(&str, i64, Vec<AttributeProto>)> = vec![
            ("Relu", 1, none()),
            ("LeakyRelu", 1, none()),
            ("LeakyRelu", 1, alpha(0.3)),
            ("Elu", 1, none()),
            ("Elu", 1, alpha(0.5)),
            ("Elu", 1, alpha(-0.5)),
            ("Celu", 12, none()),
            ("Celu", 12, alpha(2.0)),
            ("Selu", 1, none()),
            ("Selu", 1, vec![float("alpha", 1.5), float("gamma", 0.9)]),
            ("Softplus", 1, none()),
            ("Exp", 1, none()),
            ("Abs", 1, none()),
            ("Neg", 1, none()),
            ("Sigmoid", 1, none()),
            ("Tanh", 1, none()),
            ("Erf", 9, none()),
            ("Sin", 1, none()),
            ("Cos", 1, none()),
            ("Atan", 1, none()),
            ("Softsign", 1, none()),
            ("Floor", 1, none()),
            ("Ceil", 1, none()),
            ("Round", 11, none()),
            ("Sign", 9, none()),
            ("HardSigmoid", 1, none()),
            ("HardSigmoid", 1, vec![float("alpha", 0.3), float("beta", 0.4)]),
            ("HardSwish", 14, none()),
            ("Gelu", 20, none()),
            ("Gelu", 20, vec![string("approximate", "tanh")]),
            ("Mish", 18, none()),
            ("ThresholdedRelu", 10, none()),
            ("ThresholdedRelu", 10, alpha(0.5)),
            ("Identity", 1, none()),
            ("Dropout", 1, none()),
            ("Softmax", 1, none()),
            ("Softmax", 1, vec![int("axis", -1)]),
            ("Softmax", 1, vec![int("axis", 0)]),
            ("LogSoftmax", 1, vec![int("axis", 1)]),
            ("Cast", 9, vec![int("to", 1)]),
            ("Cast", 9, vec![int("to", 11)]),
        ];
        for (op, since, attributes) in table {
            if f.opset >= since {
                f.one(op, &[2, 3], &[], attributes);
            }
        }
        for op in ["Log", "Sqrt", "Reciprocal"] {
            let model = f.model(&[2, 3]).node(op, &["y"], &["h"], vec![]).output("h");
            f.add_positive(op, model);
        }
        for dims in [[].as_slice(), &[1], &[3], &[2, 1], &[2, 3]] {
            f.one("PRelu", &[2, 3], &[dims], vec![]);
        }
        f.one("PRelu", &[1, 2, 3, 3], &[&[2, 1, 1]], vec![]);
    });
}

#[test]
fn clip_with_every_choice_of_ends() {
    check(|f| {
        for (low, high) in
            [(Some(-0.5), Some(0.7)), (Some(-0.5), None), (None, Some(0.7)), (Some(0.0), None), (None, None)]
        {
            let mut model = f.model(&[2, 3]);
            let (mut inputs, mut attributes) = (vec!["y"], vec![]);
            for (name, end) in [("min", low), ("max", high)] {
                match end {
                    Some(v) if f.opset >= 11 => {
                        model = model.initializer(name, &[], &[v]);
                        inputs.push(name);
                    }
                    Some(v) => attributes.push(float(name, v)),
                    None => inputs.push(""),
                }
            }
            if f.opset < 11 {
                inputs.truncate(1);
            }
            let model = model.node("Clip", &inputs, &["h"], attributes).output("h");
            f.add(&format!("Clip to {low:?}, {high:?}"), model);
        }
    });
}

#[test]
fn arithmetic() {
    check(|f| {
        for op in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
            for dims in [[].as_slice(), &[1], &[3], &[2, 1], &[2, 3], &[4, 1, 1], &[1, 1, 2, 3]] {
                f.one(op, &[2, 3], &[dims], vec![]);
                let n = dims.iter().product::<i64>() as usize;
                let model = f.model(&[2, 3]).initializer("w", dims, &weights(n));
                let model = model.node(op, &["w", "y"], &["h"], vec![]).output("h");
                f.add_positive(&format!("{op} of a weight {dims:?} and y"), model);
            }
            f.steps(&format!("{op} of two"), &[("Exp", &["y"], "e"), (op, &["y", "e"], "h")]);
            f.steps(&format!("{op} of y and its exponential"), &[("Exp", &["y"], "e"), (op, &["e", "y"], "h")]);
        }
        for op in ["Max", "Min", "Sum", "Mean"] {
            f.one(op, &[2, 3], &[], vec![]);
            f.one(op, &[2, 3], &[&[2, 3], &[3]], vec![]);
            f.steps(&format!("{op} of three"), &[("Neg", &["y"], "n"), (op, &["y", "n", "w"], "h")]);
        }
        f.steps("a square", &[("Mul", &["y", "y"], "h")]);
        f.steps("y - y", &[("Sub", &["y", "y"], "h")]);
        f.steps("y to the power 2", &[("Pow", &["y", "two"], "h")]);
        f.steps("y to the power 1", &[("Pow", &["y", "one"], "h")]);
        f.steps("2 to the power y", &[("Pow", &["two", "y"], "h")]);
        for (what, exponent) in [("3", 3.0), ("-1", -1.0), ("-2", -2.0), ("0.5", 0.5), ("1.5", 1.5)] {
            let model = f.model(&[2, 3]).initializer("p", &[1], &[exponent]);
            let model = model.node("Pow", &["y", "p"], &["h"], vec![]).output("h");
            f.add_positive(&format!("y to the power {what}"), model);
        }
    });
}

#[test]
fn choices_and_comparisons() {
    check(|f| {
        for (op, since) in [("Greater", 9), ("Less", 9), ("GreaterOrEqual", 12), ("LessOrEqual", 12)] {
            if f.opset < since {
                continue;
            }
            let chosen = ("Where", ["g", "y", "w"].as_slice(), "h");
            f.steps(&format!("Where {op} 0"), &[(op, &["y", "zero"], "g"), chosen]);
            f.steps(&format!("Where 0 {op}"), &[(op, &["zero", "y"], "g"), chosen]);
            f.steps(&format!("Where {op} weight"), &[(op, &["y", "w"], "g"), chosen]);
            f.steps(
                &format!("Where not {op}"),
                &[(op, &["y", "half"], "g"), ("Not", &["g"], "n"), ("Where", &["n", "y", "w"], "h")],
            );
            f.steps(
                &format!("leaky by {op}"),
                &[("Mul", &["y", "half"], "k"), (op, &["y", "zero"], "g"), ("Where", &["g", "y", "k"], "h")],
            );
            f.steps(
                &format!("elu by {op}"),
                &[
                    ("Exp", &["y"], "e"),
                    ("Sub", &["e", "one"], "k"),
                    (op, &["y", "zero"], "g"),
                    ("Where", &["g", "y", "k"], "h"),
                ],
            );
            f.steps(
                &format!("softplus by {op}"),
                &[("Softplus", &["y"], "s"), (op, &["y", "two"], "g"), ("Where", &["g", "y", "s"], "h")],
            );
            let model = f.model(&[2, 3]).initializer("zero", &[], &[0.0]).node(op, &["y", "zero"], &["g"], vec![]);
            let model = model.node("Cast", &["g"], &["m"], vec![int("to", 1)]).node("Mul", &["m", "y"], &["h"], vec![]);
            f.add(&format!("a mask by {op}"), model.output("h"));
        }
        let mask = raw("mask", &[3], data_type::BOOL, vec![1, 0, 1]);
        let model = f.model(&[2, 3]).tensor(mask).initializer("w", &[2, 1], &[5.0, 6.0]);
        let model = model.node("Where", &["mask", "y", "w"], &["h"], vec![]).output("h");
        f.add("Where of a constant mask", model);
        f.steps("log(1 + exp)", &[("Exp", &["y"], "e"), ("Add", &["e", "one"], "s"), ("Log", &["s"], "h")]);
        f.steps(
            "prelu in pieces",
            &[
                ("Relu", &["y"], "r"),
                ("Neg", &["y"], "n"),
                ("Relu", &["n"], "m"),
                ("Mul", &["half", "m"], "k"),
                ("Sub", &["r", "k"], "h"),
            ],
        );
        f.steps(
            "logaddexp",
            &[
                ("Abs", &["y"], "a"),
                ("Neg", &["a"], "n"),
                ("Exp", &["n"], "e"),
                ("Add", &["one", "e"], "s"),
                ("Log", &["s"], "l"),
                ("Relu", &["y"], "r"),
                ("Add", &["r", "l"], "h"),
            ],
        );
    });
}

#[test]
fn matrices() {
    check(|f| {
        for (ta, tb) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let left: &[i64] = if ta == 0 { &[2, 3] } else { &[3, 2] };
            let right: &[i64] = if tb == 0 { &[3, 4] } else { &[4, 3] };
            for (addend, alpha, beta) in [
                (None, 1.0, 1.0),
                (None, 0.5, 2.0),
                (Some([].as_slice()), 1.0, 0.0),
                (Some(&[1]), 1.0, 2.0),
                (Some(&[4]), -0.5, 0.5),
                (Some(&[1, 4]), 2.0, 1.0),
                (Some(&[2, 1]), 1.0, 1.0),
                (Some(&[2, 4]), 1.0, -1.0),
            ] {
                let mut attributes = vec![int("transA", ta), int("transB", tb)];
                if (alpha, beta) != (1.0, 1.0) {
                    attributes.extend([float("alpha", alpha), float("beta", beta)]);
                }
                let others: Vec<&[i64]> = [right].into_iter().chain(addend).collect();
                f.one("Gemm", left, &others, attributes.clone());
                // y on the right.
                let n = left.iter().product::<i64>() as usize;
                let mut model = f.model(right).initializer("w", left, &weights(n));
                let mut inputs = vec!["w", "y"];
                if let Some(dims) = addend {
                    model = model.initializer("c", dims, &weights(dims.iter().product::<i64>() as usize));
                    inputs.push("c");
                }
                let what = format!("Gemm with y on the right, {addend:?} {}", summary(&attributes));
                let model = model.node("Gemm", &inputs, &["h"], attributes).output("h");
                f.add(&what, model);
            }
            let model = f.model(&[1, 4]).initializer("a", left, &weights(6)).initializer("b", right, &weights(12));
            let attributes = vec![int("transA", ta), int("transB", tb), float("beta", 0.5)];
            let model = model.node("Gemm", &["a", "b", "y"], &["h"], attributes).output("h");
            f.add(&format!("Gemm with y added {ta} {tb}"), model);
        }
        let products: [(&[i64], &[i64]); 10] = [
            (&[2, 3], &[3, 4]),
            (&[3], &[3, 4]),
            (&[2, 3], &[3]),
            (&[3], &[3]),
            (&[2, 2, 3], &[3, 4]),
            (&[2, 2, 3], &[3]),
            (&[1, 3], &[1, 3, 4]),
            (&[2, 1, 3], &[1, 1, 3, 4]),
            (&[1, 1, 2, 3], &[3, 1]),
            (&[4, 1], &[1, 5]),
        ];
        for (left, right) in products {
            f.one("MatMul", left, &[right], vec![]);
            let n = left.iter().product::<i64>() as usize;
            let model = f.model(right).initializer("w", left, &weights(n)).node("MatMul", &["w", "y"], &["h"], vec![]);
            // A stack of weights is refused on the y-path.
            if left.len() <= 2 || left[..left.len() - 2].iter().all(|d| *d == 1) {
                f.add(&format!("MatMul of {left:?} and y {right:?}"), model.output("h"));
            }
        }
        let square =
            f.model(&[2, 3]).node("Transpose", &["y"], &["t"], vec![]).node("MatMul", &["y", "t"], &["h"], vec![]);
        f.add("MatMul of y and its transpose", square.output("h"));
        for dims in [[2, 4].as_slice(), &[1, 4, 3, 3], &[1, 4, 5]] {
            let mut model = f.model(dims);
            for (name, values) in
                [("s", [0.5, -1.0, 2.0, 0.1]), ("b", [0.1; 4]), ("m", [0.3; 4]), ("v", [0.5, 1.0, 2.0, 3.0])]
            {
                model = model.initializer(name, &[4], &values);
            }
            for attributes in [vec![], vec![float("epsilon", 0.1)]] {
                let what = format!("BatchNormalization of {dims:?} {}", summary(&attributes));
                let model = model.clone().node("BatchNormalization", &["y", "s", "b", "m", "v"], &["h"], attributes);
                f.add(&what, model.output("h"));
            }
        }
        if f.opset >= 12 {
            let equation = |e: &str| vec![string("equation", e)];
            f.one("Einsum", &[2, 3], &[&[3, 4]], equation("ij,jk->ik"));
            f.one("Einsum", &[2, 3], &[&[4, 3]], equation("bi,ji->bj"));
            f.one("Einsum", &[2, 3], &[&[2, 3]], equation("bi,bi->b"));
            f.one("Einsum", &[2, 3], &[&[2, 3]], equation("bi,bi"));
            f.one("Einsum", &[2, 3], &[&[4, 5, 3]], equation("bi,kji -> bkj"));
            f.one("Einsum", &[2, 3], &[], equation("ij->ji"));
            f.one("Einsum", &[2, 3], &[], equation("ij->i"));
            f.one("Einsum", &[3, 3], &[], equation("ii->i"));
            for equation_text in ["bi,ij,bj->b", "bi,bj,ij->b"] {
                let order: &[&str] = if equation_text.ends_with("bj->b") { &["y", "w", "y"] } else { &["y", "y", "w"] };
                for batch in [1, 2] {
                    let model = f.model(&[batch, 3]).initializer("w", &[3, 3], &weights(9));
                    let model = model.node("Einsum", order, &["h"], equation(equation_text)).output("h");
                    f.add(&format!("Einsum {equation_text} of {batch}"), model);
                }
            }
        }
    });
}

#[test]
fn convolutions_and_poolings() {
    check(|f| {
        let flat: &[i64] = &[1, 4, 7];
        let image: &[i64] = &[1, 4, 5, 6];
        let solid: &[i64] = &[1, 2, 3, 4, 3];
        let none = Vec::new;
        for (y, kernel, attributes) in [
            (flat, [6, 4, 3].as_slice(), none()),
            (flat, &[6, 4, 3], vec![ints("strides", &[2]), ints("pads", &[2, 1])]),
            (flat, &[6, 2, 3], vec![int("group", 2), ints("dilations", &[2])]),
            (flat, &[4, 1, 3], vec![int("group", 4), string("auto_pad", "SAME_UPPER")]),
            (image, &[3, 4, 2, 3], none()),
            (image, &[3, 4, 2, 3], vec![ints("kernel_shape", &[2, 3]), ints("pads", &[1, 0, 2, 1])]),
            (image, &[3, 4, 2, 2], vec![ints("strides", &[2, 3]), ints("dilations", &[2, 1])]),
            (image, &[4, 2, 2, 2], vec![int("group", 2), string("auto_pad", "SAME_LOWER"), ints("strides", &[2, 2])]),
            (image, &[3, 4, 2, 2], vec![string("auto_pad", "VALID")]),
            (image, &[3, 4, 2, 2], vec![string("auto_pad", "NOTSET"), ints("pads", &[1, 1, 1, 1])]),
            (image, &[3, 4, 5, 6], none()),
            (solid, &[3, 2, 2, 2, 2], vec![ints("pads", &[0, 1, 0, 1, 0, 1])]),
            (solid, &[2, 1, 2, 2, 2], vec![int("group", 2), ints("strides", &[1, 2, 1])]),
        ] {
            f.one("Conv", y, &[kernel], attributes.clone());
            f.one("Conv", y, &[kernel, &kernel[..1]], attributes);
        }
        for (y, kernel, attributes) in [
            (flat, [4, 3, 3].as_slice(), none()),
            (image, &[4, 2, 2, 3], vec![ints("strides", &[2, 1]), ints("pads", &[0, 1, 1, 0])]),
            (image, &[4, 2, 2, 2], vec![int("group", 2), ints("strides", &[2, 2]), ints("output_padding", &[1, 0])]),
        ] {
            f.one("ConvTranspose", y, &[kernel], attributes);
        }
        let kernel = |k: &[i64]| ints("kernel_shape", k);
        for op in ["MaxPool", "AveragePool"] {
            for (y, attributes) in [
                (flat, vec![kernel(&[3])]),
                (flat, vec![kernel(&[3]), ints("strides", &[2]), ints("pads", &[1, 1])]),
                (image, vec![kernel(&[2, 2]), ints("strides", &[2, 2])]),
                (image, vec![kernel(&[3, 2]), ints("pads", &[1, 1, 0, 1])]),
                (image, vec![kernel(&[2, 3]), string("auto_pad", "SAME_UPPER"), ints("strides", &[2, 2])]),
                (image, vec![kernel(&[2, 3]), string("auto_pad", "SAME_LOWER")]),
                (image, vec![kernel(&[2, 3]), string("auto_pad", "VALID"), ints("strides", &[2, 2])]),
                (solid, vec![kernel(&[2, 2, 2])]),
                (solid, vec![kernel(&[2, 3, 2]), ints("strides", &[1, 2, 2]), ints("pads", &[0, 1, 0, 0, 1, 0])]),
            ] {
                f.one(op, y, &[], attributes.clone());
                let ceil = [attributes.clone(), vec![int("ceil_mode", 1)]].concat();
                if f.opset >= 10 {
                    f.one(op, y, &[], ceil.clone());
                }
                if op == "AveragePool" {
                    f.one(op, y, &[], [attributes, vec![int("count_include_pad", 1)]].concat());
                    if f.opset >= 10 {
                        f.one(op, y, &[], [ceil, vec![int("count_include_pad", 1)]].concat());
                    }
                }
            }
            if f.opset >= if op == "MaxPool" { 10 } else { 19 } {
                let dilated = vec![kernel(&[2, 2]), ints("dilations", &[2, 3]), ints("pads", &[0, 1, 1, 0])];
                f.one(op, image, &[], dilated.clone());
                f.one(op, image, &[], [dilated, vec![int("ceil_mode", 1), ints("strides", &[2, 2])]].concat());
            }
        }
        for op in ["GlobalAveragePool", "GlobalMaxPool"] {
            [flat, image, solid].into_iter().for_each(|y| f.one(op, y, &[], vec![]));
        }
    });
}

#[test]
fn reductions() {
    check(|f| {
        for op in ["Sum", "Mean", "Max", "Min", "SumSquare", "L1", "L2", "LogSumExp"] {
            let since = if op == "Sum" { 13 } else { 18 };
            let op = format!("Reduce{op}");
            for axes in [[1].as_slice(), &[-1], &[0, 2], &[0, 1, 2]] {
                f.listed(&op, &[2, 3, 2], ("axes", since, axes), vec![int("keepdims", 0)]);
                f.listed(&op, &[2, 3, 2], ("axes", since, axes), vec![]);
            }
            f.one(&op, &[2, 3], &[], vec![]);
            f.one(&op, &[2, 3], &[], vec![int("keepdims", 0)]);
            if f.opset >= since {
                f.one(&op, &[2, 3], &[], vec![int("noop_with_empty_axes", 1)]);
                let empty = ("axes", since, [].as_slice());
                f.listed(&op, &[2, 3], empty, vec![]);
                f.listed(&op, &[2, 3], empty, vec![int("noop_with_empty_axes", 1)]);
            }
        }
        let model = f.model(&[2, 3]).node("ReduceLogSum", &["y"], &["h"], vec![]).output("h");
        f.add_positive("ReduceLogSum", model);
        if f.opset >= 11 {
            for attributes in [vec![], vec![int("exclusive", 1)], vec![int("reverse", 1)]] {
                let what = format!("CumSum {}", summary(&attributes));
                let model = f.model(&[2, 3]).integers("axis", &[], &[1]);
                let model = model.node("CumSum", &["y", "axis"], &["h"], attributes).output("h");
                f.add(&what, model);
            }
        }
    });
}

#[test]
fn shapes() {
    check(|f| {
        for extents in [[3, 2].as_slice(), &[-1], &[0, -1], &[1, -1, 3], &[2, 3, 1]] {
            f.listed("Reshape", &[2, 3], ("shape", 5, extents), vec![]);
        }
        for axis in [0, 1, 2, 3] {
            f.one("Flatten", &[2, 3, 2], &[], vec![int("axis", axis)]);
        }
        f.one("Flatten", &[2, 3, 2], &[], vec![]);
        f.listed("Squeeze", &[2, 1, 3, 1], ("axes", 13, &[1]), vec![]);
        f.listed("Unsqueeze", &[2, 3], ("axes", 13, &[0, 2]), vec![]);
        if f.opset >= 11 {
            f.listed("Squeeze", &[2, 1, 3, 1], ("axes", 13, &[-1, 1]), vec![]);
            f.listed("Unsqueeze", &[2, 3], ("axes", 13, &[-1]), vec![]);
        }
        f.one("Squeeze", &[2, 1, 3, 1], &[], vec![]);
        f.one("Transpose", &[2, 3, 2], &[], vec![]);
        f.one("Transpose", &[2, 3, 4], &[], vec![ints("perm", &[1, 2, 0])]);
        for axis in [0, 1, -1] {
            f.one("Concat", &[2, 3], &[&[2, 3]], vec![int("axis", axis)]);
        }
        let model = f.model(&[2, 3]).initializer("w", &[2, 1], &[7.0, 8.0]);
        let model = model.node("Concat", &["w", "y", "y"], &["h"], vec![int("axis", 1)]).output("h");
        f.add("Concat of a weight, y and y", model);
        for (sizes, axis) in [(None, 1), (Some([1, 2, 3]), 1), (Some([2, 3, 1]), -1)] {
            let mut model = f.model(&[2, 6]);
            let (mut inputs, mut attributes) = (vec!["y"], vec![int("axis", axis)]);
            match sizes {
                Some(sizes) if f.opset >= 13 => {
                    model = model.integers("sizes", &[3], &sizes);
                    inputs.push("sizes");
                }
                Some(sizes) => attributes.push(ints("split", &sizes)),
                None if f.opset >= 18 => attributes.push(int("num_outputs", 3)),
                None => {}
            }
            let model = model.node("Split", &inputs, &["h", "i", "j"], attributes);
            f.add(&format!("Split into {sizes:?}"), model.output("h").output("i").output("j"));
        }
        for (starts, ends, axes, steps) in [
            ([0, 1], [1, 3], Some([0, 1]), None),
            ([0, -2], [i64::MAX, -1], Some([0, 1]), None),
            ([0, 0], [2, 2], None, None),
            ([0, -1], [2, i64::MIN], Some([0, 1]), Some([1, -2])),
            ([1, 0], [2, 4], Some([1, 0]), Some([1, 1])),
        ] {
            let what = format!("Slice {starts:?} to {ends:?} along {axes:?} by {steps:?}");
            let (mut model, mut inputs, mut attributes) = (f.model(&[2, 4]), vec!["y"], vec![]);
            for (name, list) in [("starts", Some(starts)), ("ends", Some(ends)), ("axes", axes), ("steps", steps)] {
                match list {
                    Some(list) if f.opset >= 10 => {
                        model = model.integers(name, &[2], &list);
                        inputs.push(name);
                    }
                    Some(list) => attributes.push(ints(name, &list)),
                    None => {}
                }
            }
            if f.opset >= 10 || steps.is_none() {
                f.add(&what, model.node("Slice", &inputs, &["h"], attributes).output("h"));
            }
        }
        for (dims, indices, axis) in [
            ([].as_slice(), vec![1], 0),
            (&[3], vec![2, 0, 2], 1),
            (&[2, 2], vec![0, 1, 2, 0], 1),
            (&[1], vec![-1], -1),
        ] {
            if f.opset >= 11 || axis >= 0 {
                let model = f.model(&[2, 3]).integers("i", dims, &indices);
                let model = model.node("Gather", &["y", "i"], &["h"], vec![int("axis", axis)]).output("h");
                f.add(&format!("Gather {indices:?} along {axis}"), model);
            }
        }
        if f.opset >= 11 {
            let model = f.model(&[2, 3]).integers("i", &[2, 2], &[2, 0, 1, 1]);
            let elements = model.clone().node("GatherElements", &["y", "i"], &["h"], vec![int("axis", 1)]).output("h");
            f.add("GatherElements", elements);
            let model = f.model(&[2, 3]).integers("i", &[2, 2], &[0, 2, 1, 0]);
            f.add("GatherND", model.node("GatherND", &["y", "i"], &["h"], vec![]).output("h"));
        }
        for extents in [[4, 2, 3].as_slice(), &[2, 3], &[1, 1]] {
            f.listed("Expand", &[2, 3], ("shape", 8, extents), vec![]);
        }
        f.listed("Tile", &[2, 3], ("repeats", 6, &[2, 3]), vec![]);
    });
}

#[test]
fn padding() {
    check(|f| {
        let pads = ("pads", 11, [0i64, 1, 2, 1]);
        let list = (pads.0, pads.1, pads.2.as_slice());
        f.listed("Pad", &[2, 3], list, vec![]);
        f.listed("Pad", &[2, 3], (list.0, list.1, &[0, -1, 1, -1]), vec![]);
        for mode in ["edge", "reflect"] {
            f.listed("Pad", &[3, 3], list, vec![string("mode", mode)]);
        }
        if f.opset < 11 {
            f.listed("Pad", &[2, 3], list, vec![float("value", 2.5)]);
            return;
        }
        let model = f.model(&[2, 3]).integers("p", &[4], &pads.2).initializer("v", &[], &[2.5]);
        f.add("Pad with a value", model.clone().node("Pad", &["y", "p", "v"], &["h"], vec![]).output("h"));
        let attributes = vec![string("mode", "edge")];
        f.add("Pad with a value it ignores", model.node("Pad", &["y", "p", "v"], &["h"], attributes).output("h"));
        if f.opset >= 18 {
            let model = f.model(&[2, 3]).integers("p", &[2], &[2, 1]).integers("a", &[1], &[-1]);
            f.add("Pad along an axis", model.node("Pad", &["y", "p", "", "a"], &["h"], vec![]).output("h"));
        }
    });
}

/// A network in which every row is a sample, exported with a batch of 3.
fn batched() -> ModelBuilder {
    let mut model = ModelBuilder::new(17)
        .input("y", &[Some(3), Some(4)])
        .initializer("w", &[4, 6], &weights(24))
        .initializer("c", &[6], &weights(6))
        .integers("image", &[4], &[3, 1, 2, 3])
        .initializer("k", &[2, 1, 2, 2], &weights(8))
        .node("MatMul", &["y", "w"], &["a"], vec![])
        .node("Add", &["a", "c"], &["b"], vec![])
        .node("Reshape", &["b", "image"], &["i"], vec![])
        .node("Conv", &["i", "k"], &["v"], vec![])
        .node("Relu", &["v"], &["r"], vec![])
        .node("Flatten", &["r"], &["t"], vec![])
        .node("ReduceSum", &["t", "axis"], &["f"], vec![])
        .integers("axis", &[1], &[1]);
    model.graph().output.push(value_info("f", Some(&[Some(3), Some(1)])));
    model
}

#[test]
fn a_batch_size_in_the_file_means_one_sample() {
    let graph = parse(&batched().bytes(), None).expect("a graph");
    let instances = compiled(&graph, &[]).expect("a program");
    assert_eq!((instances.len(), instances[0].decisions()), (1, 4));
    let y = Random(3).vector(12, -2.0, 2.0);
    let expected = interpreted(&graph, &[("y", &y)]);
    for (row, expected) in expected.iter().enumerate() {
        let trace = instances[0].forward(&y[4 * row..][..4]).expect("a value");
        assert!(close(trace.value(), *expected, 1e-12), "row {row}: {} is not {expected}", trace.value());
    }
}

#[test]
fn weights_listed_as_inputs_change_nothing() {
    let plain = batched();
    let mut listed = plain.clone();
    let weights: Vec<(String, Vec<i64>)> =
        listed.graph().initializer.iter().map(|t| (t.name().to_string(), t.dims.clone())).collect();
    for (name, dims) in weights {
        let dims: Vec<Option<i64>> = dims.into_iter().map(Some).collect();
        listed.graph().input.push(value_info(&name, Some(&dims)));
    }
    let values = |model: &ModelBuilder| {
        let graph = parse(&model.bytes(), None).expect("a graph");
        let instances = compiled(&graph, &[]).expect("a program");
        instances.iter().map(|i| i.forward(&[0.3, -0.7, 1.1, 0.2]).expect("a value").value()).collect::<Vec<_>>()
    };
    assert_eq!(values(&plain), values(&listed));
}

#[test]
fn weights_of_every_type_enter_exactly() {
    // The bytes of 0.1 in each type, and the number they stand for.
    let types: [(i32, Vec<u8>, f64); 4] = [
        (data_type::DOUBLE, 0.1f64.to_le_bytes().to_vec(), 0.1),
        (data_type::FLOAT, 0.1f32.to_le_bytes().to_vec(), f64::from(0.1f32)),
        (data_type::FLOAT16, vec![0x66, 0x2e], 0.099_975_585_937_5),
        (data_type::BFLOAT16, vec![0xcd, 0x3d], 0.100_097_656_25),
    ];
    for (kind, bytes, exact) in types {
        let like = raw("like", &[1], kind, bytes.clone());
        let model = ModelBuilder::new(19)
            .input("y", &[None, Some(1)])
            .tensor(raw("w", &[1, 1], kind, bytes))
            .tensor(like)
            .node("CastLike", &["y", "like"], &["c"], vec![])
            .node("Cast", &["c"], &["d"], vec![int("to", i64::from(kind))])
            .node("MatMul", &["d", "w"], &["f"], vec![])
            .output("f");
        let graph = parse(&model.bytes(), None).expect("a graph");
        let instances = compiled(&graph, &[]).expect("a program");
        assert_eq!(instances[0].forward(&[3.0]).expect("a value").value(), 3.0 * exact, "type {kind}");
    }
}
