//! The checker on networks small enough to know the answer, and its time on a large one.

use std::sync::Arc;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::{Dual, Proof, Rationals, Support, bound, value, verify};
use crate::domain::Domain;
use crate::ir::builder::Builder;
use crate::ir::instance::Instance;
use crate::ir::program::Program;

fn instance(text: &str) -> Instance {
    Arc::new(text.parse::<Program>().expect("a program")).at(&[]).expect("no context")
}

/// f(y) = relu(3y − 1) + relu(1 − 3y)/2 on [0, 1], least at 1/3.
fn kink() -> (Instance, Domain, Proof) {
    let f = instance(
        "y 1\nn1 = dense n0 [[3], [-3]]\nn2 = param [-1, 1]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = dense n4 [[1, 0.5]]\noutput n5",
    );
    let dual = Dual {
        denominator: UBig::from(2u8),
        functions: vec![vec![
            vec![],
            vec![],
            vec![],
            vec![],
            // 3·1/2 − 3·1/2 = 0
            vec![Support::Break { left: 0, multiplier: IBig::from(1) }, Support::Piece(1)],
            vec![],
        ]],
        levels: vec![],
        rows: vec![],
    };
    let y = Rationals { numerators: vec![IBig::from(1)], denominator: UBig::from(3u8) };
    (f, Domain::cube(1, 0.0, 1.0).expect("a box"), Proof { y, dual, value: RBig::ZERO })
}

#[test]
fn a_minimum_at_a_third_is_verified() {
    let (f, domain, proof) = kink();
    verify(&f, &domain, &proof).expect("it is the minimum");
}

/// What is wrong with the proof when `change` has been made.
fn refusal(change: impl Fn(&mut Instance, &mut Domain, &mut Proof)) -> String {
    let (mut f, mut domain, mut proof) = kink();
    change(&mut f, &mut domain, &mut proof);
    verify(&f, &domain, &proof).expect_err("it does not hold").0
}

#[test]
fn refusals_name_node_element_and_numbers() {
    let units = |p: &mut Proof, s: Vec<Support>| p.dual.functions[0][4] = s;
    let at = |n: i64| Support::Break { left: 0, multiplier: IBig::from(n) };
    for (text, names) in [
        (refusal(|_, _, p| units(p, vec![at(3), Support::Piece(1)])), ["n4 (relu)", "element 0"]),
        (refusal(|_, _, p| units(p, vec![at(-1), Support::Piece(1)])), ["n4 (relu)", "element 0"]),
        (refusal(|_, _, p| units(p, vec![at(1), Support::Piece(2)])), ["element 1", "piece 2 is named, there are 2"]),
        (refusal(|_, _, p| units(p, vec![at(1)])), ["n4 (relu)", "1 multipliers, 2 are needed"]),
        (refusal(|_, _, p| units(p, vec![at(1), Support::Shares(vec![])])), ["element 1", "shares"]),
        (refusal(|_, _, p| units(p, vec![at(1), Support::Piece(0)])), ["f(y)", "lower bound"]),
        (refusal(|_, d, _| *d = Domain::cube(1, 0.5, 1.0).expect("a box")), ["y[0]", "is below 0.5"]),
        (refusal(|_, _, p| p.y.denominator = UBig::ZERO), ["y", "is 0"]),
        (refusal(|_, _, p| p.dual.denominator = UBig::ZERO), ["multipliers", "is 0"]),
        (refusal(|_, _, p| p.dual.denominator = UBig::from(3u8)), ["f(y)", "lower bound"]),
        (refusal(|_, _, p| p.y.numerators[0] += 1), ["f(y)", "lower bound"]),
        (refusal(|_, _, p| p.value = RBig::ONE), ["claimed", "f(y)"]),
        (refusal(|_, _, p| p.dual.rows.push(IBig::ONE)), ["1 multipliers of rows", "0 are needed"]),
        (refusal(|f, _, _| *f = instance("y 1\nn1 = exp n0\noutput n1")), ["n1 (exp)", "not piecewise linear"]),
    ] {
        assert!(names.iter().all(|n| text.contains(n)), "{text}");
    }
}

#[test]
fn an_unbounded_side_takes_no_reduced_cost() {
    let text = refusal(|_, d, p| {
        *d = Domain::everything(1);
        p.dual.functions[0][4][0] = Support::Piece(1);
    });
    assert!(text.contains("y[0] has no lower bound"), "{text}");
}

#[test]
#[ignore = "measures"]
fn seconds_of_a_large_network() {
    let (p, width, bits) = (100, 512, 12_000);
    let mut seed = 1u64;
    let mut draw = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((seed >> 40) as f32 / (1u64 << 24) as f32) as f64
    };
    let mut b = Builder::new("y", &[p]);
    let mut z = b.decision();
    for layer in 0..3 {
        let columns = if layer == 0 { p } else { width };
        let w: Vec<f64> =
            (0..width * columns).map(|_| (draw() as f32 * 0.1) as f64 - if layer == 0 { 0.05 } else { 0.0 }).collect();
        let w = b.constant("w", w.iter().map(|v| f64::from(*v as f32)).collect::<Vec<_>>());
        let map = crate::ir::linear::LinearMap::Dense { weight: w, rows: width, columns, repeat: 1, transposed: false };
        z = b.linear(z, map).expect("fits");
        z = b.unit(z, crate::ir::unit::Unit::Relu).expect("fits");
    }
    let ones = b.constant("o", vec![1.0; width]);
    let map =
        crate::ir::linear::LinearMap::Dense { weight: ones, rows: 1, columns: width, repeat: 1, transposed: false };
    let out = b.linear(z, map).expect("fits");
    let program: Program = b.finish(out).expect("a program");
    let f = Arc::new(program).at(&[]).expect("no context");
    let big = |k: usize| (IBig::ONE << bits) / (IBig::from(2 * k + 3));
    let y = Rationals { numerators: (0..p).map(big).collect(), denominator: UBig::ONE << bits | UBig::ONE };
    let start = std::time::Instant::now();
    let v = value(&f, &y).expect("a value");
    println!("f(y) ≈ {} in {:?}", v.to_f64_fast(), start.elapsed());
    let functions = vec![
        f.program()
            .nodes()
            .iter()
            .map(|n| match &n.op {
                crate::ir::program::Op::Unit { .. } => vec![Support::Piece(1); n.len],
                _ => vec![],
            })
            .collect(),
    ];
    let dual = Dual { denominator: (UBig::ONE << bits) / UBig::from(3u8), functions, levels: vec![], rows: vec![] };
    let start = std::time::Instant::now();
    let lower = bound(&f, &Domain::cube(p, -1.0, 1.0).expect("a box"), &dual).expect("a bound");
    println!("bound ≈ {} in {:?}", lower.to_f64_fast(), start.elapsed());
}
