//! f(y) and the bound of multipliers, without rounding: what the checker computes with integers over one denominator is what
//! one rational number per element gives, on random networks of every piecewise-linear family.

#[path = "common/exact.rs"]
mod exact;
#[path = "common/networks.rs"]
mod networks;

use std::cell::Cell;

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use icnn::Domain;
use icnn::certificate::exact::{Rationals, Support, bound, bound_of_slopes, upper_value, value};
use icnn::certificate::{Multipliers, rigorous};
use icnn::ir::program::Op;
use networks::{Case, ConvNet, Ficnn, Picnn, Problem, Sides, SkipNet, UnitNet};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Random numbers from a seed.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed | 1;
    move |below| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    }
}

fn is_exact<P: Problem>(case: &Case<P>, bounds: &Cell<u32>) -> Result<(), TestCaseError> {
    let (f, mut draw) = (&case.instance, random(case.seed));
    let denominator = UBig::from(1 + draw(1 << 20)) * UBig::from(1 + draw(1 << 20));
    let mut numerator =
        || IBig::from(draw(1 << 30)) * IBig::from(draw(1 << 30)) / IBig::from(1 << 20) - IBig::from(1u64 << 39);
    let y = Rationals { numerators: (0..f.decisions()).map(|_| numerator()).collect(), denominator };
    let point: Vec<RBig> = y.numerators.iter().map(|n| RBig::from_parts(n.clone(), y.denominator.clone())).collect();
    let expected = exact::forward(f, &point).pop().expect("a node").remove(0);
    prop_assert_eq!(value(f, &y).map_err(|e| TestCaseError::fail(e.0))?, expected);

    // Any piece, or halfway between two; any share of a maximum.
    let nodes = f.program().nodes();
    let mut chosen: Vec<Vec<(Support, RBig)>> = nodes.iter().map(|_| vec![]).collect();
    let (weights, constant) = exact::backward(f, RBig::ONE, |k, i, w| {
        let half = w / RBig::from(2u8);
        let (support, over) = match &nodes[k].op {
            Op::Group { groups, .. } => {
                let members = groups.group(i).len() as u64;
                let (a, b) = (draw(members) as u32, draw(members) as u32);
                if a == b {
                    (Support::Piece(a), RBig::ZERO)
                } else {
                    (Support::Shares(vec![(a, half.numerator().clone()), (b, half.numerator().clone())]), half)
                }
            }
            op => {
                let lines = exact::lines(f, op, i, nodes[k].len);
                let pieces = lines.pieces();
                let left = draw(pieces.len() as u64) as usize;
                if left + 1 == pieces.len() {
                    (Support::Piece(left as u32), RBig::ZERO)
                } else {
                    let m = half * (exact::fraction(pieces[left].slope) + exact::fraction(pieces[left + 1].slope));
                    (Support::Break { left: left as u32, multiplier: m.numerator().clone() }, m)
                }
            }
        };
        let passed = exact::passed(f, k, i, w, &support, over.denominator());
        chosen[k].push((support, over));
        passed
    });
    // The nodes were visited from the output down, their elements from the first to the last.
    let expected = weights[0].iter().fold(constant, |c, r| if *r > RBig::ZERO { c - r } else { c + r });
    let domain = Domain::cube(f.decisions(), -1.0, 1.0).expect("a box");
    match bound(f, &domain, &exact::dual(&[chosen], &[], &[])) {
        Ok(found) => {
            bounds.set(bounds.get() + 1);
            prop_assert_eq!(found, expected);
        }
        // Units that are affine on the domain alone may have any weight; the checker knows no bounds.
        Err(e) => prop_assert!(e.0.contains("weight is") || e.0.contains("negative"), "{}", e),
    }
    of_slopes(case, &domain, &mut draw)
}

/// A bound from slopes in f64 is not above f anywhere.
fn of_slopes<P: Problem>(
    case: &Case<P>,
    domain: &Domain,
    draw: &mut impl FnMut(u64) -> u64,
) -> Result<(), TestCaseError> {
    let f = &case.instance;
    let mut point = || (0..f.decisions()).map(|_| draw(4097) as f64 / 2048.0 - 1.0).collect::<Vec<f64>>();
    let trace = f.forward(&point()).expect("finite");
    let dual = rigorous::Dual { f: Multipliers::subgradient(f, &trace), levels: vec![], rows: vec![] };
    if let Ok(lower) = bound_of_slopes(f, domain, &dual) {
        for _ in 0..4 {
            let y = Rationals::of(&point()).expect("finite");
            prop_assert!(lower <= upper_value(f, &y).map_err(|e| TestCaseError::fail(e.0))?);
        }
    }
    Ok(())
}

fn exact_on<P: Problem>() {
    let bounds = Cell::new(0);
    networks::run::<P>(300, Sides::Finite, |case| is_exact(case, &bounds));
    println!("{} bounds compared", bounds.get());
    assert!(bounds.get() >= 100, "{}", bounds.get());
}

#[test]
fn ficnn() {
    exact_on::<Ficnn>();
}

#[test]
fn picnn() {
    exact_on::<Picnn>();
}

#[test]
fn convolution() {
    exact_on::<ConvNet>();
}

#[test]
fn skips() {
    exact_on::<SkipNet>();
}

#[test]
fn units() {
    exact_on::<UnitNet>();
}
