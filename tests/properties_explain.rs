//! Explanations of random networks against minima computed again: derivatives, kinks, conflicts.
#![cfg(feature = "highs")]

#[path = "common/conflict.rs"]
mod conflict;
#[macro_use]
#[path = "common/networks.rs"]
mod networks;

use conflict::is_smallest;
use icnn::explain::{Explanation, Options, Part, Way, explain, kinks};
use icnn::ir::instance::Instance;
use icnn::ir::program::{NodeId, Op, Program};
use icnn::ir::scalar::Scalar;
use icnn::{Domain, Method, Status};
use networks::{Case, Problem};
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

fn explained(f: &Instance, domain: &Domain) -> Explanation {
    explain(f, domain, &Options::default()).expect("an explanation")
}

families! {
    derivatives_support_the_optimal_value: 25, Sides::Finite;
    kinks_follow_from_a_forward_pass: 60, Sides::Finite;
    conflicts_of_random_rows_are_smallest: 12, Sides::Finite;
}

/// The domain with one side moved.
fn moved(domain: &Domain, part: Part, t: f64) -> Option<Domain> {
    let (mut lower, mut upper) = (domain.lower().to_vec(), domain.upper().to_vec());
    match part {
        Part::Lower(j) => lower[j] += t,
        Part::Upper(j) => upper[j] += t,
        Part::Fixed(j) => (lower[j], upper[j]) = (lower[j] + t, upper[j] + t),
        _ => {}
    }
    let mut out = Domain::new_box(lower, upper).ok()?;
    for (i, row) in domain.rows().iter().enumerate() {
        let (l, u) = match part {
            Part::RowLower(k) if k == i => (row.lower + t, row.upper),
            Part::RowUpper(k) if k == i => (row.lower, row.upper + t),
            Part::Equation(k) if k == i => (row.lower + t, row.upper + t),
            _ => (row.lower, row.upper),
        };
        out = out.with_row(&row.name, &row.coefficients, l, u).ok()?;
    }
    Some(out)
}

/// The optimal value is convex in the numbers of the domain: its one-sided derivatives are below all chords to the right and
/// above all to the left, and chords tend to them.
fn derivatives_support_the_optimal_value<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = explained(&case.instance, &case.domain);
    prop_assert_eq!(&found.solution.status, &Status::Optimal);
    let (value, optimum) = (found.solution.value.unwrap(), found.optimum.unwrap());
    let mut strict = vec![];
    for (part, s) in Part::all(&case.domain, true).into_iter().zip(&optimum.sensitivity) {
        prop_assert_eq!(&s.name, &part.name(&case.domain));
        if let (Some(l), Some(r)) = (s.left, s.right) {
            prop_assert!(l <= r + 1e-7 * (1.0 + r.abs()), "{s:?}");
        }
        if s.derivative != Some(0.0) {
            strict.push((part, s.clone()));
        }
    }
    for (part, s) in strict
        .into_iter()
        .take(4)
        .chain(Part::all(&case.domain, true).into_iter().zip(optimum.sensitivity.clone()).take(2))
    {
        for t in [-0.5, -1e-5, 1e-5, 0.5] {
            let Some(solution) = moved(&case.domain, part, t)
                .and_then(|domain| case.instance.minimize(&domain, Method::Lp).ok())
                .filter(|solution| solution.status == Status::Optimal)
            else {
                continue;
            };
            let gaps = found.solution.gap.unwrap() + solution.gap.unwrap() + 1e-12 * (1.0 + value.abs());
            let chord = (solution.value.unwrap() - value) / t;
            let (slope, noise) = (if t > 0.0 { s.right } else { s.left }, gaps / t.abs());
            let Some(slope) = slope else { continue };
            let room = noise + 1e-6 * (1.0 + slope.abs());
            prop_assert!((slope - chord) * t.signum() <= room, "{s:?}: the chord to {t} has slope {chord}");
            if t.abs() < 1e-3 && s.method != Way::Quotients {
                prop_assert!((slope - chord).abs() <= room, "{s:?}: the chord to {t} has slope {chord}");
            }
        }
    }
    Ok(())
}

/// Every kink on the list is one, and with no unit decided or unused every unit near a breakpoint is on the list.
fn kinks_follow_from_a_forward_pass<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let solution = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    let y = solution.y.unwrap();
    let found = kinks(&case.instance, &case.domain, &y).unwrap();
    let trace = case.instance.forward(&y).unwrap();
    prop_assert_eq!(found.at_kink, found.list.len());
    prop_assert_eq!(found.units, found.nodes.iter().map(|n| n.units).sum::<usize>());
    for (k, node) in case.program.nodes().iter().enumerate() {
        let Op::Unit { input, unit } = &node.op else { continue };
        let id = (0..case.program.nodes().len()).map(node_id(&case.program)).nth(k).unwrap();
        let name = case.program.describe(id);
        let values = trace.of(*input);
        let largest = values.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        let mut near = vec![];
        for (i, v) in values.iter().enumerate() {
            let Scalar::Lines(lines) = case.instance.scalar(unit, i) else { continue };
            let distance = lines.breaks().iter().map(|b| (b - v).abs()).fold(INF, f64::min);
            if distance <= 1e-7 * largest {
                near.push(i);
            }
        }
        let listed: Vec<usize> = found.list.iter().filter(|l| l.node == name).map(|l| l.entry).collect();
        prop_assert!(listed.iter().all(|i| near.contains(i)), "{name}: {listed:?}, near {near:?}");
        let Some(count) = found.nodes.iter().find(|n| n.node == name) else { continue };
        let all = count.active + count.inactive + count.between + count.at_kink + count.decided;
        prop_assert_eq!(all, count.units);
        if count.units == node.len && count.decided == 0 {
            prop_assert_eq!(listed, near);
        }
    }
    Ok(())
}

/// Numbers of nodes as the program gives them out.
fn node_id(program: &Program) -> impl Fn(usize) -> NodeId + '_ {
    let mut ids: Vec<NodeId> = program.nodes().iter().flat_map(|n| n.op.inputs()).collect();
    ids.push(program.output());
    move |k| ids.iter().copied().find(|id| id.index() == k).unwrap_or(program.output())
}

/// Rows that together ask for more than the box has: what is reported contradicts itself, and nothing in it is superfluous.
fn conflicts_of_random_rows_are_smallest<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.domain.dimension();
    let mut points = case.points();
    let mut domain = case.domain.clone();
    let total: Vec<(usize, f64)> = (0..p).map(|j| (j, 2.0 * points.unit() - 1.0)).collect();
    let ends = |(j, c): &(usize, f64)| (c * domain.lower()[*j]).max(c * domain.upper()[*j]);
    let most: f64 = total.iter().map(ends).sum();
    // Split in two, so that neither half is impossible alone.
    let (left, right) = total.split_at(p.div_ceil(2));
    let best = |part: &[(usize, f64)]| part.iter().map(ends).sum::<f64>();
    let (l, r) = (best(left), best(right));
    domain = domain.with_row("whole", &total, most + 0.5, INF).unwrap();
    domain = domain.with_row("left", left, l - 1.0, INF).unwrap();
    if !right.is_empty() {
        domain = domain.with_row("right", right, r - 1.0, INF).unwrap();
    }
    let found = explained(&case.instance, &domain);
    prop_assert_eq!(&found.solution.status, &Status::Infeasible);
    is_smallest(&domain, &found);
    Ok(())
}
