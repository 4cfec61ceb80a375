//! `--method auto`: which method answers, and the same answers in every build. Most of this needs no solver but our own: builds
//! without HiGHS and Clarabel run it as well.
#![cfg(feature = "onnx")]

#[path = "common/npy.rs"]
mod npy;
#[cfg(feature = "cli")]
#[path = "common/run.rs"]
mod run;
#[path = "common/table.rs"]
mod table;

use std::path::Path;
use std::sync::Arc;

use icnn::build::Choice;
use icnn::certificate::exact;
use icnn::check::{prove, require_convex};
use icnn::ir::instance::Instance;
use icnn::ir::program::{GroupKind, Op, Program};
use icnn::ir::scalar::Scalar;
use icnn::network::{Ficnn, FicnnLayer};
use icnn::solve::batch::Session;
use icnn::solve::{Goal, Proof};
use icnn::{Domain, Limits, Method, Network, Solution, Status};
use nalgebra::{DMatrix, DVector};
use table::{domains, entries};

fn program(text: &str) -> Instance {
    let program: Program = text.parse().unwrap();
    Arc::new(program).at(&[]).unwrap()
}

fn within(goal: Goal) -> Limits {
    Limits { proof: goal, ..Limits::default() }
}

/// Whether every unit is made of lines and every group is a maximum.
fn is_piecewise_linear(f: &Instance) -> bool {
    f.program().nodes().iter().all(|node| match &node.op {
        Op::Unit { unit, .. } => (0..node.len).all(|i| matches!(f.scalar(unit, i), Scalar::Lines(_))),
        Op::Group { kind, .. } => *kind == GroupKind::Max,
        Op::Quadratic { .. } => false,
        _ => true,
    })
}

/// Every piecewise-linear network of ../shared/onnx and examples/ over every kind of box: optimal, and up to 100 coordinates with the
/// rational minimum, which the checker confirms and which is not above f anywhere.
#[test]
fn every_piecewise_linear_network_on_a_box_is_solved_without_outside_solvers() {
    let (mut proven, mut rigorous, mut methods) = (0, 0, vec![]);
    for entry in entries().iter().filter(|entry| is_piecewise_linear(&entry.f)) {
        let boxes = domains(entry.f.decisions()).into_iter().filter(|(_, d)| d.rows().is_empty() && d.is_bounded());
        for (kind, domain) in boxes {
            let what = format!("{} over {kind}", entry.name);
            if require_convex(&entry.f, &prove(&entry.f, &domain).1).is_err() {
                continue;
            }
            let goal = if entry.f.decisions() <= 100 { Goal::Exact } else { Goal::Rigorous };
            let found =
                entry.f.minimize_with(&domain, Method::Auto, &within(goal)).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(found.status, Status::Optimal, "{what}: {:?} {:?}", found.gap, found.message);
            methods.push(found.method);
            if goal == Goal::Rigorous {
                assert_eq!(found.proof, Proof::Rigorous, "{what}");
                rigorous += 1;
                continue;
            }
            assert_eq!((found.proof, found.gap), (Proof::Exact, Some(0.0)), "{what}: {:?}", found.message);
            let proof = found.exact.expect("a proof");
            // What is fixed is folded into the function that the proof is about.
            let folded = entry.f.fold_fixed(domain.intervals()).unwrap();
            exact::verify(folded.as_ref().unwrap_or(&entry.f), &domain, &proof)
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            let (value, lower) = (found.value.unwrap(), found.lower_bound.unwrap());
            for y in [domain.lower().to_vec(), domain.upper().to_vec(), domain.clip(&vec![0.0; domain.dimension()])] {
                let there = entry.f.forward(&y).unwrap().value();
                assert!(lower <= there + 1e-12 * there.abs().max(1.0), "{what}: {lower} > {there}");
            }
            #[cfg(feature = "highs")]
            {
                let lp = entry.f.minimize(&domain, Method::Lp).unwrap().value.unwrap();
                assert!((lp - value).abs() <= 1e-7 * value.abs().max(1.0), "{what}: {value}, lp {lp}");
            }
            let at_y = entry.f.forward(&found.y.unwrap()).unwrap().value();
            assert!((at_y - value).abs() <= 1e-9 * value.abs().max(1.0), "{what}: {value}, f(y) = {at_y}");
            proven += 1;
        }
    }
    let by_kinks = methods.iter().filter(|m| **m == "active-set").count();
    println!("{proven} proven exactly, {rigorous} rigorously; {by_kinks} of {} by active-set", methods.len());
    assert!(proven >= 50, "{proven}");
}

/// The stored minimiser of every row of the digits example has the value that is found.
#[test]
fn the_digits_have_their_stored_minima() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    let network = Network::load(root.join("digits.onnx")).unwrap();
    let (contexts, minimisers) = (rows(&root.join("test-context.npy"), 32), rows(&root.join("test-minimiser.npy"), 32));
    let session = Session::new(Domain::cube(32, 0.0, 1.0).unwrap(), Method::Auto, Limits::default());
    for (x, y) in contexts.iter().zip(&minimisers).take(40) {
        let f = network.given(x).unwrap();
        let found = session.minimize(&f).unwrap();
        let stored = f.forward(y).unwrap().value();
        assert_eq!((&found.status, found.method), (&Status::Optimal, "active-set"));
        assert!(
            found.lower_bound.unwrap() <= stored
                && (found.value.unwrap() - stored).abs() <= 1e-6 * stored.abs().max(1.0)
        );
    }
}

fn rows(path: &Path, width: usize) -> Vec<Vec<f64>> {
    numbers(path).chunks_exact(width).map(<[f64]>::to_vec).collect()
}

/// The entries of an array, row by row.
fn numbers(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    match String::from_utf8_lossy(&bytes[..80]).contains("'<f8'") {
        true => npy::bits(&bytes).1.into_iter().map(f64::from_bits).collect(),
        false => npy::array(&bytes).0.into_iter().collect(),
    }
}

/// f(y) = |y0 − 0.3| + max(y0 + y1, −y1)
const LINES: &str = "y 2\nn1 = dense n0 [[1, 0]]\nn2 = param [-0.3]\nn3 = sum n1 n2\nn4 = abs n3\n\
    n5 = dense n0 [[1, 1], [0, -1]]\nn6 = max n5 [0 1]\nn7 = sum n4 n6\noutput n7";

/// f(y) = log(1 + e^(y0 − y1)) + 2 log(1 + e^(−y0))
const SMOOTH: &str = "y 2\nn1 = dense n0 [[1, -1], [-1, 0]]\nn2 = softplus n1 1\nn3 = dense n2 [[1, 2]]\noutput n3";

/// Where every unit is made of lines and the gap is what was asked for, nothing but the certificate follows the run.
#[test]
fn a_gap_that_cuts_closed_is_not_polished() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits/digits.onnx");
    let network = Network::load(path).unwrap();
    let x = vec![0.5; network.context_len()];
    let domain = Domain::cube(network.decisions(), 0.0, 1.0).unwrap();
    let solution = network.given(&x).unwrap().minimize(&domain, Method::Bundle).unwrap();
    assert_eq!(solution.status, Status::Optimal);
    let (all, run) = (u64::from(solution.work.forward), solution.trace.last().unwrap().forward);
    let certificate = solution.work.cuts as u64 + 2;
    assert!(all <= run + certificate, "{all} forward passes, {run} of the run and {certificate} of the certificate");
}

/// What decides who answers: the units and the set.
#[test]
fn the_problem_decides_who_answers() {
    let (lines, smooth) = (program(LINES), program(SMOOTH));
    let cube = || Domain::cube(2, -1.0, 1.0).unwrap();
    let budget = cube().with_sum("budget", &[0, 1], f64::NEG_INFINITY, 0.5).unwrap();
    let open = Domain::new_box(vec![-1.0; 2], vec![f64::INFINITY; 2]).unwrap();
    let simplex = Domain::everything(2).with_simplex("shares", &[0, 1], 1.0).unwrap();
    let full = cfg!(feature = "highs");
    let cases = [
        ("lines on a box", &lines, cube(), Some("active-set")),
        ("lines with one fixed", &lines, cube().with_fixed(1, 0.25).unwrap(), Some("active-set")),
        ("lines on a half-open box", &lines, open, Some(if full { "lp" } else { "active-set" })),
        ("lines on a simplex", &lines, simplex.clone(), Some(if full { "lp" } else { "bundle" })),
        ("lines with a row", &lines, budget, full.then_some("lp")),
        ("smooth on a box", &smooth, cube(), Some("newton")),
        ("smooth on a simplex", &smooth, simplex, Some("newton")),
    ];
    for (what, f, domain, wanted) in cases {
        match (f.minimize(&domain, Method::Auto), wanted) {
            (Ok(found), Some(method)) => {
                assert_eq!((&found.status, found.method), (&Status::Optimal, method), "{what}: {:?}", found.message);
            }
            (Err(error), None) => assert!(error.to_string().contains("highs"), "{what}: {error}"),
            (answer, wanted) => panic!("{what}: {answer:?}, wanted {wanted:?}"),
        }
    }
}

/// A unit that is convex only between the bounds of its pre-activation, and one that is concave under a negative weight.
#[test]
fn units_that_are_convex_between_their_bounds_have_kinks() {
    // clip(y0, 0, 6) on [−1, 5]; −clip(y1, 0, 6) on [1, 7]; both with a slope that makes the kink the minimum.
    let f = program(
        "y 2\nn1 = clip n0 0 6\nn2 = dense n1 [[1, -1]]\nn3 = dense n0 [[-0.5, 0.5]]\nn4 = sum n2 n3\noutput n4",
    );
    let domain = Domain::new_box(vec![-1.0, 1.0], vec![5.0, 7.0]).unwrap();
    let found = f.minimize(&domain, Method::ActiveSet).unwrap();
    assert_eq!((found.status, found.proof), (Status::Optimal, Proof::Rigorous), "{:?}", found.message);
    assert_eq!((found.value, found.y), (Some(-3.0), Some(vec![0.0, 6.0])));
    assert!(found.gap.unwrap() <= 1e-12, "{:?}", found.gap);
}

/// The program of a few units has the minimum of the whole one, on rows, on a simplex, and where neither has a point.
#[cfg(feature = "highs")]
#[test]
fn a_few_units_give_the_minimum_of_the_whole_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/families");
    let network = Network::load(root.join("mpc24.onnx")).unwrap();
    let contexts = rows(&root.join("mpc24.npy"), network.context_len());
    let all: Vec<usize> = (0..24).collect();
    let cube = || Domain::cube(24, -1.0, 1.0).unwrap();
    let budget = cube().with_sum("budget", &all[..16], -0.5, 0.2).unwrap();
    let sets = [
        ("rows", budget.clone().with_sum("more", &all[16..], 0.3, f64::INFINITY).unwrap()),
        ("simplex", Domain::everything(24).with_simplex("shares", &all, 1.0).unwrap()),
    ];
    for (what, domain) in &sets {
        for x in contexts.iter().take(3) {
            let f = network.given(x).unwrap();
            let whole = f.minimize(domain, Method::Lp).unwrap();
            let few = f.minimize(domain, Method::Auto).unwrap();
            assert_eq!(
                (&few.status, few.method, few.proof),
                (&Status::Optimal, "reduced-lp", Proof::Rigorous),
                "{what}"
            );
            assert!(few.work.columns < whole.work.columns, "{what}: {:?} {:?}", few.work, whole.work);
            let (a, b) = (whole.value.unwrap(), few.value.unwrap());
            assert!((a - b).abs() <= 1e-7 * a.abs().max(1.0), "{what}: {a} {b}");
            assert!(few.lower_bound.unwrap() <= a + 1e-9 && whole.lower_bound.unwrap() <= b + 1e-9, "{what}");
            assert!(domain.violation(few.y.as_ref().unwrap()) <= 1e-6, "{what}");
            assert_eq!(few.duals.as_ref().map(|d| d.rows.len()), Some(domain.rows().len()));
        }
    }
    let empty = budget.with_sum("none", &all[..16], 0.5, f64::INFINITY).unwrap();
    let found = network.given(&contexts[0]).unwrap().minimize(&empty, Method::Auto).unwrap();
    assert_eq!((found.status, found.method, found.farkas.is_some()), (Status::Infeasible, "lp", true));
}

/// A limit ends the portfolio, and says so.
#[test]
fn a_limit_is_a_status() {
    let f = program(LINES);
    let limits = Limits { passes: Some(2), gap: 0.0, ..Limits::default() };
    let found = f.minimize_with(&Domain::cube(2, -1.0, 1.0).unwrap(), Method::Auto, &limits).unwrap();
    let passes = u64::from(found.work.forward) + u64::from(found.work.backward);
    assert!(found.status == Status::Stopped || found.gap == Some(0.0), "{found:?}");
    assert!(passes <= 12, "{passes} passes");
}

/// The contexts of a walk by steps of this size.
fn walk(from: &[f64], step: f64, count: usize) -> Vec<Vec<f64>> {
    let (mut x, mut random, mut out) = (from.to_vec(), 7u64, vec![]);
    for _ in 0..count {
        for v in &mut x {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *v += step * ((random >> 11) as f64 / (1u64 << 53) as f64 - 0.5);
        }
        out.push(x.clone());
    }
    out
}

fn rl17() -> (Network, Vec<f64>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/families");
    let network = Network::load(root.join("rl17.onnx")).unwrap();
    let width = network.context_len();
    (network, rows(&root.join("rl17.npy"), width).remove(0))
}

fn passes(s: &Solution) -> u64 {
    u64::from(s.work.forward) + u64::from(s.work.backward)
}

/// Each class of the convolutional classifier, whose 64 pixels nearly all move, takes some 90 passes forward and three or four rounds of the
/// active set. Handed to the interior-point method too soon it takes three times as many passes, and twenty times as long.
#[test]
fn the_active_set_ends_in_a_few_rounds_on_a_convolutional_network() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/classifier/classifier.onnx");
    let pixels = Domain::cube(64, 0.0, 1.0).unwrap();
    for class in 0..10 {
        let choice = Choice { output: Some(class.to_string()), ..Choice::default() };
        let f = Network::load_with(&file, &choice).unwrap().given(&[]).unwrap();
        let found = f.minimize_with(&pixels, Method::ActiveSet, &within(Goal::Rigorous)).unwrap();
        assert_eq!(found.status, Status::Optimal, "class {class}: {:?}", found.message);
        let (forward, rounds) = (found.work.forward, found.work.rounds);
        assert!(forward <= 130 && rounds <= 8, "class {class}: {forward} passes forward, {rounds} rounds");
    }
}

/// From the solution before it a row of a stream has the same minimum, for fewer passes.
#[test]
fn a_previous_solution_is_a_start() {
    let (network, x) = rl17();
    let session = Session::new(Domain::cube(17, -1.0, 1.0).unwrap(), Method::Auto, Limits::default());
    let (mut cold, mut warm, mut previous) = (0, 0, None::<Solution>);
    for x in walk(&x, 0.01, 40) {
        let f = network.given(&x).unwrap();
        let alone = session.minimize(&f).unwrap();
        if let Some(previous) = &previous {
            let found = session.minimize_from(&f, previous).unwrap();
            assert_eq!(found.status, Status::Optimal, "{:?}", found.message);
            let (a, b) = (alone.value.unwrap(), found.value.unwrap());
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
            (cold, warm) = (cold + passes(&alone), warm + passes(&found));
        }
        previous = Some(alone);
    }
    println!("{cold} passes without, {warm} with a start");
    assert!(2 * warm < cold, "{cold} passes without, {warm} with a start");
    // A solution of something else is no harm.
    let f = program(LINES);
    let cube = Session::new(Domain::cube(2, -1.0, 1.0).unwrap(), Method::Auto, Limits::default());
    let (alone, found) = (cube.minimize(&f).unwrap(), cube.minimize_from(&f, &previous.unwrap()).unwrap());
    assert_eq!((alone.status, alone.value), (found.status, found.value));
}

/// The answers of a batch, bit for bit, whatever the order and the threads.
#[test]
fn order_and_threads_change_no_answer_of_a_batch() {
    let (network, x) = rl17();
    let bits = |s: &Solution| {
        let y: Vec<u64> = s.y.iter().flatten().map(|v| v.to_bits()).collect();
        (s.status.clone(), y, s.value.map(f64::to_bits), s.lower_bound.map(f64::to_bits), passes(s))
    };
    for step in [0.02, 2.0] {
        let forwards = walk(&x, step, 60);
        let backwards: Vec<Vec<f64>> = forwards.iter().rev().cloned().collect();
        let solved = |contexts: &[Vec<f64>], threads: usize| -> Vec<_> {
            let mut session = Session::new(Domain::cube(17, -1.0, 1.0).unwrap(), Method::Auto, Limits::default());
            session.warm_up(&network, contexts);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| session.minimize_all(&network, contexts));
            found.iter().map(|s| bits(s.as_ref().unwrap())).collect()
        };
        let reference = solved(&forwards, 1);
        assert!(reference.iter().all(|found| found.0 == Status::Optimal));
        assert_eq!(solved(&forwards, 3), reference, "step {step}, three threads");
        let mut turned = solved(&backwards, 2);
        turned.reverse();
        assert_eq!(turned, reference, "step {step}, backwards on two threads");
    }
}

#[cfg(feature = "cli")]
mod program_icnn {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use serde_json::Value;

    use super::run::icnn;
    use super::{Path, npy, numbers, rl17, walk};

    const RL17: &str = "benches/families/rl17.onnx";
    const BOX: [&str; 4] = ["--lower", "-1", "--upper", "1"];

    fn text(path: &Path) -> &str {
        path.to_str().expect("UTF-8")
    }

    /// Without the time, which is another one in each run.
    fn lines(out: &str) -> Vec<Value> {
        let object = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            value.as_object_mut().expect("an object").remove("seconds");
            value
        };
        out.lines().map(object).collect()
    }

    #[test]
    fn a_solution_and_its_exact_certificate_are_verified() {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = folder.path().join("proof.json");
        let model = "examples/diabetes/diabetes.onnx";
        let sides = ["--lower", "examples/diabetes/lower.json", "--upper", "examples/diabetes/upper.json"];
        let args = [&["solve", model, "--proof", "exact", "--json", "--certificate", text(&certificate)], &sides[..]];
        let solved = icnn(&args.concat());
        assert_eq!((solved.code, solved.err.as_str()), (0, ""));
        let answer = &solved.json()[0];
        assert_eq!((&answer["method"], &answer["proof"]), (&"active-set".into(), &"exact".into()), "{answer}");
        let verified = icnn(&["verify", text(&certificate), "--model", model]);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
        assert!(verified.out.contains("exact"), "{}", verified.out);
    }

    /// However the rows of a stream come and go, and on however many threads, the answers are the same; they are those of the rows
    /// alone.
    #[test]
    fn a_stream_has_the_same_answers_from_every_source_on_any_number_of_threads() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let contexts = walk(&rl17().1, 0.02, 150);
        let (mut csv, mut json) = (String::from("a,b\n"), String::new());
        for x in &contexts {
            let cells: Vec<String> = x.iter().map(f64::to_string).collect();
            writeln!(csv, "{}", cells.join(",")).unwrap();
            writeln!(json, "[{}]", cells.join(", ")).unwrap();
        }
        std::fs::write(at("x.csv"), &csv).unwrap();
        std::fs::write(at("x.jsonl"), &json).unwrap();
        let flat: Vec<u8> = contexts.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        let shape = format!("({}, {})", contexts.len(), contexts[0].len());
        std::fs::write(at("x.npy"), npy::npy("<f8", &shape, &flat)).unwrap();

        let solve = |file: &Path, more: &[&str]| {
            let ran = icnn(&[&["solve", RL17, "--context", text(file), "--json"], &BOX[..], more].concat());
            assert_eq!((ran.code, ran.err.as_str()), (0, ""));
            lines(&ran.out)
        };
        let alone = solve(&at("x.csv"), &["--proof", "rigorous"]);
        let reference = solve(&at("x.csv"), &["--stream", "--threads", "1"]);
        assert_eq!(reference.len(), 150);
        for (a, b) in alone.iter().zip(&reference) {
            let of = |v: &Value| (v["row"].clone(), v["status"].clone());
            assert_eq!(of(a), of(b));
            let (a, b) = (a["value"].as_f64().unwrap(), b["value"].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
        }
        let answers = at("y.npy");
        for (file, threads) in [("x.csv", "2"), ("x.jsonl", "1"), ("x.jsonl", "3"), ("x.npy", "1"), ("x.npy", "2")] {
            let found = solve(&at(file), &["--stream", "--threads", threads, "--answers", text(&answers)]);
            assert_eq!(found, reference, "{file} on {threads} threads");
            let y = numbers(&answers);
            let of = |v: &Value| v["y"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
            assert_eq!(y, reference.iter().flat_map(of).collect::<Vec<f64>>());
        }
        let mut piped = Command::new(env!("CARGO_BIN_EXE_icnn"));
        piped.args(["solve", RL17, "--context", "-", "--stream", "--json"]).args(BOX);
        piped.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("icnn runs");
        let mut input = child.stdin.take().expect("stdin");
        let writer = std::thread::spawn(move || input.write_all(json.as_bytes()));
        let done = child.wait_with_output().expect("icnn ends");
        writer.join().expect("a thread").expect("all is read");
        assert_eq!(lines(&String::from_utf8(done.stdout).unwrap()), reference, "through a pipe");
    }

    #[test]
    fn a_broken_stream_ends_where_it_breaks() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.csv");
        let x = rl17().1;
        let row = x.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        std::fs::write(&file, format!("{row}\n{row}\n1,2\n{row}\n")).unwrap();
        for threads in ["1", "2"] {
            let args = ["solve", RL17, "--context", text(&file), "--stream", "--json", "--threads", threads];
            let ran = icnn(&[&args[..], &BOX].concat());
            assert_eq!(ran.code, 2, "{}", ran.err);
            let width = x.len().to_string();
            assert!(ran.err.contains("line 3") && ran.err.contains('2') && ran.err.contains(&width), "{}", ran.err);
            assert_eq!(ran.json().len(), 2);
        }
        let ran = icnn(&[&["solve", RL17, "--context", "-"], &BOX[..]].concat());
        assert!(ran.code == 2 && ran.err.contains("--stream"), "{}", ran.err);
        let ran = icnn(&["solve", "examples/diabetes/diabetes.onnx", "--stream"]);
        assert!(ran.code == 2 && ran.err.contains("--context"), "{}", ran.err);
    }
}

/// Numbers that single precision, in which the search is made, does not have, and boxes far from 0, where it has few: the minimum is that of the same
/// network at home.
#[test]
fn the_search_is_at_home_in_all_sizes_of_numbers() {
    let (p, widths) = (5, [12, 12, 1]);
    let mut random = 11u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let mut layers: Vec<FicnnLayer> = vec![];
    for (k, width) in widths.into_iter().enumerate() {
        let wz = (k > 0).then(|| DMatrix::from_fn(width, widths[k - 1], |_, _| next().abs()));
        layers.push(FicnnLayer {
            wz,
            wy: DMatrix::from_fn(width, p, |_, _| next()),
            b: DVector::from_fn(width, |_, _| next() - 0.5),
        });
    }
    let least = |factor: f64, shift: f64| {
        let mut network = Ficnn { layers: layers.clone() };
        for layer in &mut network.layers {
            layer.b -= &layer.wy * DVector::from_element(p, shift);
            layer.b *= factor;
            layer.wy *= factor;
        }
        let domain = Domain::cube(p, shift - 1.0, shift + 1.0).unwrap();
        let f = Arc::new(network.program().unwrap()).at(&[]).unwrap();
        let found = f.minimize_with(&domain, Method::ActiveSet, &Limits { gap: 1e-6, ..Limits::default() }).unwrap();
        assert_eq!(found.status, Status::Optimal, "times {factor}, at {shift}: {:?}", found.message);
        found.value.unwrap() / factor
    };
    let home = least(1.0, 0.0);
    for (factor, shift) in [(1e39, 0.0), (1e100, 0.0), (1e-50, 0.0), (1e-100, 0.0), (1.0, 1e6), (1e39, -1e3)] {
        let away = least(factor, shift);
        assert!((away - home).abs() <= 1e-5 * home.abs().max(1.0), "times {factor}, at {shift}: {away}, not {home}");
    }
}
