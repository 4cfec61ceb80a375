//! `solve::face` and `icnn solve --range --choose`: flat minima whose faces are known, sharp ones, and the same choice whatever
//! the method, the order of hidden units or of coordinates.
#![cfg(all(feature = "cli", feature = "highs", feature = "clarabel"))]

#[path = "common/run.rs"]
mod run;

use std::sync::Arc;

use dashu_ratio::RBig;
use icnn::certificate::file::{self, Hex, Proof};
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::solve::face::{Choice, OptimalFace, Range};
use icnn::{Domain, Limits, Method, Status};
use proptest::prelude::*;
use run::icnn;

fn function(text: &str) -> Instance {
    let program: Program = text.parse().expect("a program");
    Arc::new(program).at(&[]).expect("no context")
}

fn face(f: &Instance, domain: &Domain) -> OptimalFace {
    OptimalFace::new(f, domain, &Limits::default()).expect("convex").expect("a minimum")
}

/// Σ wⱼ·max(|yⱼ − cⱼ| − rⱼ, 0): least on the box around c with radii r.
fn boxed(centres: &[f64], radii: &[f64], weights: &[f64]) -> Instance {
    let list = |v: Vec<f64>| format!("[{}]", v.iter().map(f64::to_string).collect::<Vec<_>>().join(", "));
    function(&format!(
        "y {}\nn1 = param {}\nn2 = sum n0 n1\nn3 = abs n2\nn4 = param {}\nn5 = sum n3 n4\nn6 = relu n5\nn7 = dense n6 [{}]\noutput n7",
        centres.len(),
        list(centres.iter().map(|c| -c).collect()),
        list(radii.iter().map(|r| -r).collect()),
        list(weights.to_vec()),
    ))
}

/// |y0 + y1 − 1|, whose minimisers on the unit square are the diagonal from (0, 1) to (1, 0).
fn diagonal() -> Instance {
    function("y 2\nn1 = dense n0 [[1, 1]]\nn2 = param [-1]\nn3 = sum n1 n2\nn4 = abs n3\noutput n4")
}

fn near(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(1.0))
}

/// What is proven holds `known`, what is attained reaches it up to the tolerance, and attained is inside of proven.
fn assert_ranges(ranges: &[Range], known: &[[f64; 2]], tolerance: f64) {
    assert_eq!(ranges.len(), known.len());
    for (j, (range, known)) in ranges.iter().zip(known).enumerate() {
        let Range { outer, inner } = range;
        assert!(outer[0] <= inner[0] && inner[0] <= inner[1] && inner[1] <= outer[1], "y[{j}]: {range:?}");
        assert!(
            outer[0] <= known[0] + 1e-12 && known[1] - 1e-12 <= outer[1],
            "y[{j}]: {known:?} is not within {range:?}"
        );
        assert!(near(inner, known, tolerance) && near(outer, known, tolerance), "y[{j}]: {range:?}, known {known:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn boxes_are_found_and_hold_every_answer(
        sides in prop::collection::vec((-2.0..2.0f64, prop_oneof![Just(0.0), 0.05..1.0f64], 0.2..3.0f64), 1..5),
        sharp in any::<bool>(),
    ) {
        let centres: Vec<f64> = sides.iter().map(|s| s.0).collect();
        let radii: Vec<f64> = sides.iter().map(|s| if sharp { 0.0 } else { s.1 }).collect();
        let weights: Vec<f64> = sides.iter().map(|s| s.2).collect();
        let f = boxed(&centres, &radii, &weights);
        let domain = Domain::cube(centres.len(), -2.5, 2.5).unwrap();
        let known: Vec<[f64; 2]> =
            centres.iter().zip(&radii).map(|(c, r)| [(c - r).max(-2.5), (c + r).min(2.5)]).collect();
        let face = face(&f, &domain);
        let ranges = face.ranges().unwrap();
        assert_ranges(&ranges, &known, 1e-6);
        prop_assert_eq!(OptimalFace::unique(&ranges), Some(radii.iter().all(|r| *r == 0.0)));

        let lexicographic = face.choose(Choice::Lexicographic).unwrap().expect("a bounded face");
        prop_assert!(near(&lexicographic, &known.iter().map(|k| k[0]).collect::<Vec<_>>(), 1e-6), "{:?}", lexicographic);
        let shortest: Vec<f64> = known.iter().map(|k| 0.0f64.clamp(k[0], k[1])).collect();
        let nearest = face.choose(Choice::MinNorm).unwrap().expect("a bounded face");
        prop_assert!(near(&nearest, &shortest, 1e-6), "{:?} instead of {:?}", nearest, shortest);

        for method in [Method::Lp, Method::Ipm, Method::Conic, Method::Bundle] {
            let solution = f.minimize(&domain, method).unwrap();
            prop_assert_eq!(solution.status, Status::Optimal);
            let y = solution.y.unwrap();
            for (j, range) in ranges.iter().enumerate() {
                // Their values lie above the least one by their own gaps, 1e-7 of a few.
                let give = 1e-5;
                prop_assert!(range.outer[0] - give <= y[j] && y[j] <= range.outer[1] + give, "{}: y[{j}] = {}", method.name(), y[j]);
            }
        }
    }
}

/// Directions with entries of rounding size among others.
#[test]
fn the_nearest_point_of_a_thin_face_is_found() {
    for centre in [-1.9578510588964986, -1.915150492751269] {
        for weight in [0.2, 0.5139277473986408] {
            let f = boxed(&[centre, 0.0, 0.0], &[0.0, 0.0, 0.05], &[weight, 0.2, 0.2]);
            let face = face(&f, &Domain::cube(3, -2.5, 2.5).unwrap());
            let nearest = face.choose(Choice::MinNorm).unwrap().expect("a bounded face");
            assert!(near(&nearest, &[centre, 0.0, 0.0], 1e-6), "{nearest:?}");
        }
    }
}

#[test]
fn a_segment() {
    let square = Domain::cube(2, 0.0, 1.0).unwrap();
    let face = face(&diagonal(), &square);
    let ranges = face.ranges().unwrap();
    assert_ranges(&ranges, &[[0.0, 1.0], [0.0, 1.0]], 1e-6);
    assert_eq!(OptimalFace::unique(&ranges), Some(false));
    assert!(near(&face.choose(Choice::Lexicographic).unwrap().unwrap(), &[0.0, 1.0], 1e-6));
    assert!(near(&face.choose(Choice::MinNorm).unwrap().unwrap(), &[0.5, 0.5], 1e-6));

    // Where 0 is outside of the box, its centre (1, 0.75) is what is projected.
    let shifted = Domain::new_box(vec![0.5, 0.25], vec![1.5, 1.25]).unwrap();
    let face = self::face(&diagonal(), &shifted);
    assert_ranges(&face.ranges().unwrap(), &[[0.5, 0.75], [0.25, 0.5]], 1e-6);
    assert!(near(&face.choose(Choice::MinNorm).unwrap().unwrap(), &[0.625, 0.375], 1e-6));
}

#[test]
fn a_whole_simplex_and_one_with_a_row() {
    // max(y0 − 2, 0) is 0 everywhere on the simplex.
    let f = function("y 3\nn1 = gather n0 [0]\nn2 = param [-2]\nn3 = sum n1 n2\nn4 = relu n3\noutput n4");
    let simplex = Domain::everything(3).with_simplex("shares", &[0, 1, 2], 1.0).unwrap();
    let whole = face(&f, &simplex);
    assert_ranges(&whole.ranges().unwrap(), &[[0.0, 1.0]; 3], 1e-6);
    assert!(near(&whole.choose(Choice::Lexicographic).unwrap().unwrap(), &[0.0, 0.0, 1.0], 1e-6));
    assert!(near(&whole.choose(Choice::MinNorm).unwrap().unwrap(), &[1.0 / 3.0; 3], 1e-6));
    let cut = face(&f, &simplex.with_sum("last", &[2], 0.0, 0.25).unwrap());
    assert_ranges(&cut.ranges().unwrap(), &[[0.0, 1.0], [0.0, 1.0], [0.0, 0.25]], 1e-6);
    assert!(near(&cut.choose(Choice::Lexicographic).unwrap().unwrap(), &[0.0, 0.75, 0.25], 1e-6));
}

#[test]
fn a_face_without_end_has_open_ranges() {
    // max(y0, 0) + |y1| on the plane: least wherever y0 ≤ 0 and y1 = 0.
    let f =
        function("y 2\nn1 = gather n0 [0]\nn2 = relu n1\nn3 = gather n0 [1]\nn4 = abs n3\nn5 = sum n2 n4\noutput n5");
    let face = face(&f, &Domain::everything(2));
    let ranges = face.ranges().unwrap();
    assert_eq!(ranges[0].outer[0], f64::NEG_INFINITY);
    assert!(ranges[0].outer[1].abs() < 1e-6 && ranges[1].outer[0].abs() < 1e-6 && ranges[1].outer[1].abs() < 1e-6);
    assert_ne!(OptimalFace::unique(&ranges), Some(true));
    assert_eq!(face.choose(Choice::Lexicographic).unwrap(), None);
    assert!(near(&face.choose(Choice::MinNorm).unwrap().unwrap(), &[0.0, 0.0], 1e-6));
}

#[test]
fn smooth_networks_have_a_face_too() {
    // (y0 + y1)² + y2²: flat along y0 − y1, sharp in y2.
    let f = function("y 3\nn1 = dense n0 [[1, 1, 0], [0, 0, 1]]\nn2 = power n1 2\nn3 = dense n2 [[1, 1]]\noutput n3");
    let face = face(&f, &Domain::cube(3, -1.0, 1.0).unwrap());
    let ranges = face.ranges().unwrap();
    assert_eq!(OptimalFace::unique(&ranges), Some(false));
    // A square is flat: within δ of 0 lies all that is within √δ.
    assert_ranges(&ranges, &[[-1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]], 1e-3);
}

#[test]
fn the_order_of_units_and_of_coordinates_does_not_matter() {
    // Ten units over four coordinates; y2 and y3 enter as y2 + y3.
    let rows: Vec<[f64; 4]> = (0..10)
        .map(|i| {
            let v = |k: usize| f64::from(((i * 7 + k * 5) * 2_654_435_761u64 as usize % 97) as u32) / 48.0 - 1.0;
            [v(0), v(1), v(2), v(2)]
        })
        .collect();
    let build = |units: &[usize], columns: [usize; 4]| {
        let row = |i: &usize| {
            let entries: Vec<String> = columns.iter().map(|j| rows[*i][*j].to_string()).collect();
            format!("[{}]", entries.join(", "))
        };
        let all: Vec<String> = units.iter().map(row).collect();
        let bias: Vec<String> = units.iter().map(|i| (0.1 * *i as f64 - 0.4).to_string()).collect();
        function(&format!(
            "y 4\nn1 = dense n0 [{}]\nn2 = param [{}]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = dense n4 [[{}]]\noutput n5",
            all.join(", "),
            bias.join(", "),
            vec!["1"; units.len()].join(", ")
        ))
    };
    let domain = Domain::cube(4, -1.0, 1.0).unwrap();
    let forwards: Vec<usize> = (0..10).collect();
    let shuffled = [3, 8, 1, 9, 0, 5, 7, 2, 6, 4];
    let plain = face(&build(&forwards, [0, 1, 2, 3]), &domain);
    let units = face(&build(&shuffled, [0, 1, 2, 3]), &domain);
    let columns = face(&build(&shuffled, [2, 0, 3, 1]), &domain);
    assert_eq!(OptimalFace::unique(&plain.ranges().unwrap()), Some(false));
    for choice in [Choice::Lexicographic, Choice::MinNorm] {
        let (a, b) = (plain.choose(choice).unwrap().unwrap(), units.choose(choice).unwrap().unwrap());
        assert!(near(&a, &b, 1e-6), "{choice:?}: {a:?} and {b:?}");
    }
    let (a, b) = (plain.choose(Choice::MinNorm).unwrap().unwrap(), columns.choose(Choice::MinNorm).unwrap().unwrap());
    assert!(near(&[a[2], a[0], a[3], a[1]], &b, 1e-6), "{a:?} and {b:?}");
    assert!((a[2] - a[3]).abs() < 1e-6, "coordinates that do the same share: {a:?}");
}

#[test]
fn every_method_gives_the_chosen_point_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flat.json");
    let f = boxed(&[0.5, -1.0, 0.0], &[0.25, 0.5, 0.0], &[1.0, 2.0, 0.5]);
    std::fs::write(&path, icnn::load::program_json::write(f.program()).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    for (choice, expected) in [("lexicographic", [0.25, -1.5, 0.0]), ("min-norm", [0.25, -0.5, 0.0])] {
        for method in ["lp", "ipm", "conic", "bundle", "spectral", "lbfgs"] {
            let ran = icnn(&[
                "solve", path, "--lower", "-2", "--upper", "2", "--method", method, "--choose", choice, "--range",
                "--json",
            ]);
            assert_eq!(ran.code, 0, "{method}: {}{}", ran.out, ran.err);
            let line = &ran.json()[0];
            let y: Vec<f64> = serde_json::from_value(line["y"].clone()).unwrap();
            assert!(near(&y, &expected, 1e-6), "{method}, {choice}: {y:?}");
            assert_eq!(line["unique"], false);
            assert_eq!(line["range"].as_array().map(Vec::len), Some(3));
            assert!(
                line["message"].as_str().is_some_and(|m| m.contains("not unique: 2 of 3 coordinates can move")),
                "{line}"
            );
            let (value, bound) = (line["value"].as_f64().unwrap(), line["lower_bound"].as_f64().unwrap());
            assert!((0.0..1e-6).contains(&value) && value - bound <= 1e-6, "{line}");
        }
    }
    let ran = icnn(&["solve", path, "--lower", "-2", "--upper", "2", "--range"]);
    assert!(ran.out.contains("not unique") && ran.out.contains("y[1] in [-1.5"), "{}", ran.out);
    let ran =
        icnn(&["solve", path, "--lower", "-2", "--upper", "2", "--range", "--entropy", "1", "--method", "bundle"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let sharp = boxed(&[0.5, -1.0], &[0.0, 0.0], &[1.0, 2.0]);
    let path = folder.path().join("sharp.json");
    std::fs::write(&path, icnn::load::program_json::write(sharp.program()).unwrap()).unwrap();
    let ran = icnn(&["solve", path.to_str().unwrap(), "--lower", "-2", "--upper", "2", "--range", "--json"]);
    assert_eq!(ran.json()[0]["unique"], true, "{}", ran.out);
}

/// The rational optimum is another minimiser than the chosen one; what is written down is the chosen one.
#[test]
fn a_certificate_is_about_the_chosen_point() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (model, certificate) = (at("flat.json"), at("proof.json"));
    let f = boxed(&[0.5, -1.0, 0.0], &[0.25, 0.5, 0.0], &[1.0, 2.0, 0.5]);
    std::fs::write(&model, icnn::load::program_json::write(f.program()).unwrap()).unwrap();
    let set = ["--lower", "-2", "--upper", "2"];
    for method in ["lp", "bundle"] {
        for (choice, expected) in [("lexicographic", [0.25, -1.5, 0.0]), ("min-norm", [0.25, -0.5, 0.0])] {
            let solve = ["solve", &model, "--method", method, "--proof", "exact", "--choose", choice, "--json"];
            let ran = icnn(&[&solve[..], &set, &["--certificate", &certificate]].concat());
            assert_eq!(ran.code, 0, "{method}, {choice}: {}{}", ran.out, ran.err);
            let chosen: Vec<f64> = serde_json::from_value(ran.json()[0]["y"].clone()).unwrap();
            assert!(near(&chosen, &expected, 1e-6), "{method}, {choice}: {chosen:?}");
            let written = file::read(certificate.as_ref()).unwrap();
            let (y, tier): (Vec<f64>, _) = match &written.rows[0].proof {
                Proof::Rigorous(proof) => (proof.y.iter().map(|n| n.0).collect(), "proven rigorous"),
                Proof::Exact(proof) => {
                    let (numbers, d) = (&proof.y.numerators, proof.y.denominator.positive().unwrap());
                    let of = |n: &Hex| RBig::from_parts(n.0.clone(), d.clone()).to_f64().value();
                    (numbers.iter().map(of).collect(), "proven exact")
                }
            };
            assert_eq!(y, chosen, "{method}, {choice}, {tier}");
            let ran = icnn(&[&["verify", &certificate, "--model", &model], &set[..]].concat());
            assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
            assert!(ran.out.contains(tier), "{}", ran.out);
        }
    }
}
