//! Properties of minima over domains made of any parts: boxes, rows, equations, sums, simplices, fixed coordinates and
//! learned constraints, feasible, infeasible and unbounded.
#![cfg(feature = "highs")]

#[path = "common/networks.rs"]
mod networks;

#[macro_use]
#[path = "common/domains.rs"]
mod domains;

use std::cell::Cell;
use std::sync::Arc;

use domains::holds::{self, Asked};
use domains::{Parts, Walk};
use good_lp::{WithTimeLimit, variable::UnsolvedProblem};
use icnn::domain::Domain;
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::lower::linear;
use icnn::objective::Objective;
use icnn::solve::duals::Side;
use icnn::{Method, Solution, Status};
use icnn_solvers::Status as LpStatus;
use networks::{Case, Problem, Sides, magnitude};
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

families_on! {
    answers_hold: 100, Sides::Any;
    finite_domains_have_minima: 60, Sides::Finite;
    brute_force_agrees: 20, Sides::Finite;
    moved_sides_obey_the_duals: 30, Sides::Any;
    emptied_domains_are_infeasible: 60, Sides::Any;
    opened_domains_are_unbounded: 60, Sides::Any;
    methods_agree: 30, Sides::Finite;
    intervals_hold_all_points: 60, Sides::Any;
    redundant_and_reordered_rows_change_nothing: 30, Sides::Any;
}

each_family!(a_second_solver_agrees);

/// What the multipliers of an answer make of a violation within the tolerance, or of a tolerance of the solver's.
fn price(domain: &Domain, found: &Solution) -> f64 {
    let Some(duals) = &found.duals else { return 0.0 };
    duals.rows.iter().chain(&duals.constraints).chain(&duals.bounds).map(|d| d.multiplier.abs()).sum::<f64>()
        * domain
            .rows()
            .iter()
            .flat_map(|r| [r.lower, r.upper])
            .chain(domain.sublevels().iter().map(|l| l.at_most))
            .filter(|v| v.is_finite())
            .fold(1.0, |m: f64, v| m.max(v.abs()))
}

/// By how much values of the same minimum may differ: gaps of 1e-7 and violations of 1e-6 at their price.
fn slack(f: &Instance, domain: &Domain, found: &Solution) -> f64 {
    let size = found.y.as_ref().map_or(0.0, |y| magnitude(f, y));
    1e-6 * (1.0 + size + price(domain, found))
}

/// Whatever the domain: an optimum or a ray, and it holds.
fn answers_hold<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let size = |y: &[f64]| magnitude(&case.instance, y);
    let asked = Asked { f: &case.instance, domain: &case.domain, anchor: &case.anchor, seed: case.seed, size: &size };
    for method in [Method::Lp, Method::Ipm] {
        let found = case.instance.minimize(&case.domain, method).unwrap();
        match found.status {
            Status::Unbounded => holds::ray(&asked, &found)?,
            _ => holds::optimum(&asked, &found)?,
        }
    }
    Ok(())
}

/// Where no side is infinite there is a minimum.
fn finite_domains_have_minima<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    answers_hold(case)
}

/// Violation first (up to 1e-9 it counts as none), then value.
type Score = (f64, f64);

fn better(a: Score, b: Score) -> bool {
    a.0 < b.0 || a.0 == b.0 && a.1 <= b.1
}

/// Golden-section search for the best score of a convex problem in one variable.
fn least(low: f64, high: f64, score: &mut dyn FnMut(f64) -> Score) -> Score {
    let share = (5f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (low, high);
    let (mut s, mut t) = (b - share * (b - a), a + share * (b - a));
    let (mut at_s, mut at_t) = (score(s), score(t));
    let mut best = score(low);
    for other in [score(high), at_s, at_t] {
        best = if better(best, other) { best } else { other };
    }
    for _ in 0..70 {
        let new = if better(at_s, at_t) {
            (b, t, at_t) = (t, s, at_s);
            s = b - share * (b - a);
            at_s = score(s);
            at_s
        } else {
            (a, s, at_s) = (s, t, at_t);
            t = a + share * (b - a);
            at_t = score(t);
            at_t
        };
        best = if better(best, new) { best } else { new };
    }
    best
}

/// By how much y violates the parts of a domain, at worst, absolutely.
fn violation(domain: &Domain, y: &[f64]) -> f64 {
    let rows = domain.rows().iter().map(|r| {
        let at: f64 = r.coefficients.iter().map(|(j, c)| c * y[*j]).sum();
        (r.lower - at).max(at - r.upper)
    });
    let levels = domain.sublevels().iter().map(|l| l.function.forward(y).unwrap().value() - l.at_most);
    rows.chain(levels).fold(0.0, f64::max)
}

/// Nested searches along the first two coordinates, the others held at the anchor: no lower value, and the same one.
fn brute_force_agrees<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut domain = case.domain.clone();
    for j in 2..case.anchor.len() {
        domain = domain.with_fixed(j, case.anchor[j]).unwrap();
    }
    let found = case.instance.minimize(&domain, Method::Lp).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    let score = |y: &[f64]| {
        let outside = violation(&domain, y);
        if outside > 1e-9 { (outside, 0.0) } else { (0.0, case.reference(y)) }
    };
    let (lower, upper) = (domain.lower(), domain.upper());
    let mut y = case.anchor.clone();
    let best = match y.len() {
        1 => least(lower[0], upper[0], &mut |t| score(&[t])),
        _ => least(lower[0], upper[0], &mut |first| {
            y[0] = first;
            least(lower[1], upper[1], &mut |second| {
                y[1] = second;
                score(&y)
            })
        }),
    };
    let (value, slack) = (found.value.unwrap(), slack(&case.instance, &domain, &found));
    prop_assert!(best.0 == 0.0, "no feasible point found, violation {}", best.0);
    prop_assert!((value - best.1).abs() <= slack, "value {value}, by search {}, slack {slack}\n{found:?}", best.1);
    Ok(())
}

/// The least value is a convex function of each side, and a multiplier is a slope of it: moving a side by δ gives at least
/// multiplier·δ.
fn moved_sides_obey_the_duals<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    if found.status != Status::Optimal {
        return Ok(());
    }
    let (bound, duals) = (found.lower_bound.unwrap(), found.duals.as_ref().unwrap());
    let parts = Parts::of(&case.domain);
    for delta in [0.2, -0.2, 1e-2, -1e-2] {
        let mut moved: Vec<(f64, String, Parts)> = vec![];
        for (k, d) in duals.rows.iter().enumerate() {
            let mut new = parts.clone();
            let row = &mut new.rows[k];
            let (equation, m) = (row.lower == row.upper, d.multiplier);
            if m > 0.0 || equation {
                row.lower += delta;
            }
            if m < 0.0 || equation {
                row.upper += delta;
            }
            moved.push((d.multiplier, d.name.clone(), new));
        }
        for (k, d) in duals.constraints.iter().enumerate() {
            let mut new = parts.clone();
            new.levels[k].at_most += delta;
            moved.push((d.multiplier, d.name.clone(), new));
        }
        for (j, d) in duals.bounds.iter().enumerate() {
            let mut new = parts.clone();
            let side = if d.multiplier > 0.0 { &mut new.lower[j] } else { &mut new.upper[j] };
            // Sides that the rows imply are not moved by moving the box.
            if d.multiplier == 0.0 || d.side == Side::Fixed || d.at != Some(*side) {
                continue;
            }
            *side += delta;
            moved.push((d.multiplier, d.name.clone(), new));
        }
        for (multiplier, name, new) in moved {
            let Some(domain) = new.domain() else { continue };
            let other = case.instance.minimize(&domain, Method::Lp).unwrap();
            if other.status == Status::Infeasible {
                continue;
            }
            prop_assert_eq!(&other.status, &Status::Optimal, "'{}' moved by {}: {:?}", name, delta, other);
            let slack = slack(&case.instance, &domain, &other) + slack(&case.instance, &case.domain, &found);
            let (value, least) = (other.value.unwrap(), bound + multiplier * delta);
            prop_assert!(
                value >= least - slack,
                "'{name}' moved by {delta}: {value} is below {least}, multiplier {multiplier}\n{found:?}\n{other:?}"
            );
        }
    }
    Ok(())
}

/// A part that contradicts the others makes the domain empty, and the Farkas vector holds.
fn emptied_domains_are_infeasible<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.anchor.len();
    let mut d = domains::drawn_by(case.seed);
    let margin = [1.0, 1e-2, 1e-4][d.below(3)];
    let everywhere: Vec<(usize, f64)> = (0..p).map(|j| (j, 1.0 + j as f64 / 4.0)).collect();
    let at: f64 = everywhere.iter().map(|(j, c)| c * case.anchor[*j]).sum();
    let rows = |domain: Domain| {
        let domain = domain.with_row("at most", &everywhere, -INF, at - margin / 2.0).unwrap();
        domain.with_row("at least", &everywhere, at + margin / 2.0, INF).unwrap()
    };
    let h = domains::level(&mut d, p, &[]);
    let domain = match d.below(3) {
        0 => rows(case.domain.clone()),
        // A level below the least value.
        1 => match h.minimize(&case.domain, Method::Lp).unwrap() {
            Solution { lower_bound: Some(least), .. } => {
                case.domain.clone().with_at_most("too low", &h, least - margin * (1.0 + least.abs())).unwrap()
            }
            _ => rows(case.domain.clone()),
        },
        // A level and a row that exclude each other.
        _ => {
            let domain = case.domain.clone().with_at_most("h", &h, h.forward(&case.anchor).unwrap().value()).unwrap();
            let ones: Vec<usize> = (0..p).collect();
            let least = Objective::empty(p).with_linear(&vec![1.0; p]).unwrap().build().unwrap();
            match least.minimize(&domain, Method::Lp).unwrap() {
                Solution { lower_bound: Some(least), .. } => {
                    domain.with_sum("too small", &ones, -INF, least - margin * (1.0 + least.abs())).unwrap()
                }
                _ => rows(domain),
            }
        }
    };
    for method in [Method::Lp, Method::Ipm] {
        let found = case.instance.minimize(&domain, method).unwrap();
        holds::emptiness(&domain, &case.anchor, case.seed, &found)?;
    }
    Ok(())
}

/// With a coordinate that only the box speaks of, and that is free, a price on it that exceeds every slope.
fn opened_domains_are_unbounded<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut parts = Parts::of(&case.domain);
    let j = case.seed as usize % case.anchor.len();
    let named = |row: &icnn::domain::Row| row.coefficients.iter().any(|(k, c)| *k == j && *c != 0.0);
    parts.rows.retain(|row| !named(row));
    parts.levels.clear();
    let up = case.seed.is_multiple_of(2);
    let sign = if up { 1.0 } else { -1.0 };
    *(if up { &mut parts.upper[j] } else { &mut parts.lower[j] }) = sign * INF;
    let mut d = domains::drawn_by(case.seed);
    let h = domains::level(&mut d, case.anchor.len(), &[j]);
    let at = h.forward(&case.anchor).unwrap().value();
    let domain = parts.domain().unwrap().with_at_most("beside", &h, at + 0.5).unwrap();
    let far = |t: f64| {
        let mut y = case.anchor.clone();
        y[j] += sign * t;
        case.value(&y)
    };
    let mut price = vec![0.0; case.anchor.len()];
    price[j] = -sign * (((far(2e6) - far(1e6)) / 1e6).abs() + 0.5);
    let f = Objective::of(&case.instance).with_linear(&price).unwrap().build().unwrap();
    let size = |y: &[f64]| magnitude(&f, y);
    let asked = Asked { f: &f, domain: &domain, anchor: &case.anchor, seed: case.seed, size: &size };
    for method in [Method::Lp, Method::Ipm] {
        holds::ray(&asked, &f.minimize(&domain, method).unwrap())?;
    }
    Ok(())
}

/// Simplex, interior point and, with its low accuracy, the first-order method.
fn methods_agree<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
    let (value, slack) = (found.value.unwrap(), slack(&case.instance, &case.domain, &found));
    let ipm = case.instance.minimize(&case.domain, Method::Ipm).unwrap();
    prop_assert!((ipm.value.unwrap() - value).abs() <= slack, "lp {value}, {ipm:?}");
    let limits = icnn::Limits { gap: 1e-4, iterations: Some(20_000), ..Default::default() };
    let pdlp = case.instance.minimize_with(&case.domain, Method::Pdlp, &limits).unwrap();
    if let Some(bound) = pdlp.lower_bound {
        prop_assert!(bound <= value + slack, "lp {value}, {pdlp:?}");
    }
    if let Some(other) = pdlp.value {
        prop_assert!(other >= found.lower_bound.unwrap() - slack, "lp {value}, {pdlp:?}");
    }
    if pdlp.status == Status::Optimal {
        prop_assert!((pdlp.value.unwrap() - value).abs() <= 200.0 * slack, "lp {value}, {pdlp:?}");
    }
    Ok(())
}

/// The implied intervals hold every feasible point, and lie in the box.
fn intervals_hold_all_points<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let mut walk = Walk::new(&case.domain, &case.anchor, case.seed);
    for _ in 0..100 {
        let y = walk.next();
        for (j, (v, i)) in y.iter().zip(case.domain.intervals()).enumerate() {
            // Points leave rows by 1e-12, which coefficients of 1e-3 and chains of rows enlarge.
            let room = 1e-7 * v.abs().max(1.0);
            prop_assert!(i.lower - room <= *v && *v <= i.upper + room, "y[{j}] = {v} outside {i:?}");
            prop_assert!(i.lower >= case.domain.lower()[j] && i.upper <= case.domain.upper()[j]);
        }
    }
    Ok(())
}

/// The same network of the coordinates in another order: new coordinate k is the old one `order[k]`.
fn permuted(f: &Instance, order: &[usize]) -> Instance {
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(k, j)| place[*j] = k);
    let shifted = |word: &str| match word.strip_prefix('n').and_then(|k| k.parse::<usize>().ok()) {
        Some(k) => format!("n{}", k + 1),
        None => word.into(),
    };
    let mut text = format!("y {}\nn1 = gather n0 {place:?}\n", order.len());
    for line in format!("{:#}", f.program()).lines().filter(|l| !l.starts_with("y ")) {
        let words: Vec<String> = line.split(' ').map(shifted).collect();
        text += &(words.join(" ") + "\n");
    }
    Arc::new(text.parse::<Program>().unwrap_or_else(|e| panic!("{e}\n{text}"))).at(&[]).unwrap()
}

fn redundant_and_reordered_rows_change_nothing<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let found = case.instance.minimize(&case.domain, Method::Lp).unwrap();
    let same = |domain: &Domain, f: &Instance, what: &str| {
        let other = f.minimize(domain, Method::Lp).unwrap();
        prop_assert_eq!(&other.status, &found.status, "{}: {:?}\n{:?}", what, other, found);
        if let (Some(a), Some(b)) = (found.value, other.value) {
            let slack = slack(&case.instance, &case.domain, &found) + slack(f, domain, &other);
            prop_assert!((a - b).abs() <= slack, "{what}: {b} instead of {a}");
        }
        Ok(())
    };
    let parts = Parts::of(&case.domain);
    let mut redundant = parts.clone();
    let twice: Vec<icnn::domain::Row> = (parts.rows.iter().cloned())
        .map(|mut r| {
            r.coefficients.iter_mut().for_each(|(_, c)| *c *= 2.0);
            (r.lower, r.upper) = (2.0 * r.lower, 2.0 * r.upper);
            r
        })
        .collect();
    redundant.rows.extend(twice);
    redundant.levels.extend(parts.levels.iter().cloned().map(|mut l| {
        l.at_most += 1.0;
        l
    }));
    same(&redundant.domain().unwrap(), &case.instance, "redundant")?;
    let mut reordered = parts.clone();
    reordered.rows.reverse();
    reordered.levels.reverse();
    reordered.rows.iter_mut().for_each(|r| r.coefficients.reverse());
    same(&reordered.domain().unwrap(), &case.instance, "reordered")?;
    if case.problem.context() == 0 {
        let p = case.anchor.len();
        let order: Vec<usize> = (0..p).map(|j| (j + 1) % p).rev().collect();
        let mut place = vec![0; p];
        order.iter().enumerate().for_each(|(k, j)| place[*j] = k);
        let mut moved = parts.clone();
        for (k, j) in order.iter().enumerate() {
            (moved.lower[k], moved.upper[k]) = (parts.lower[*j], parts.upper[*j]);
        }
        moved.rows.iter_mut().for_each(|r| r.coefficients.iter_mut().for_each(|(j, _)| *j = place[*j]));
        moved.levels.iter_mut().for_each(|l| l.function = permuted(&l.function, &order));
        same(&moved.domain().unwrap(), &permuted(&case.instance, &order), "permuted")?;
    }
    Ok(())
}

/// The lowered program by another simplex method, where that one finishes: it cycles on some degenerate programs.
fn a_second_solver_agrees<P: Problem>() {
    let (compared, skipped) = (Cell::new(0), Cell::new(0));
    domains::run::<P>(60, Sides::Finite, |case| {
        let found = case.instance.minimize(&case.domain, Method::Lp).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal, "{:?}", found);
        let lowered = linear(&case.instance, &case.domain).unwrap();
        let mut lp = lowered.lp.clone();
        // microlp calls some programs with free columns unbounded: give every column its interval.
        for e in &lowered.epigraphs {
            let on = lowered.bounds[e.function].of(e.node)[e.element];
            lp.column_lower[e.column] = lp.column_lower[e.column].max(on.lower - 1.0);
            lp.column_upper[e.column] = lp.column_upper[e.column].min(on.upper + 1.0);
        }
        let limited = |problem: UnsolvedProblem| good_lp::microlp(problem).with_time_limit(0.2);
        let outcome = icnn_solvers::good_lp::solve(&lp, limited).unwrap();
        if outcome.status == LpStatus::Failed && outcome.detail.contains("Time limit") {
            skipped.set(skipped.get() + 1);
            return Ok(());
        }
        compared.set(compared.get() + 1);
        prop_assert_eq!(outcome.status, LpStatus::Optimal, "{}\n{}", outcome.detail, lp);
        let (value, slack) = (found.value.unwrap(), slack(&case.instance, &case.domain, &found));
        prop_assert!((outcome.objective - value).abs() <= slack, "{outcome:?}, slack {slack}, {found:?}\n{lp}");
        Ok(())
    });
    println!("compared {}, skipped {}", compared.get(), skipped.get());
    assert!(compared.get() >= 4 * skipped.get(), "compared {}, skipped {}", compared.get(), skipped.get());
}

// Failures that the properties above found, smallest first.

#[test]
fn slopes_that_cancel_inside_a_constraint_leave_it_infeasible() {
    // At the minimum of h the slopes along y₀, which is free, cancel up to rounding.
    for (up, down) in [(0.3, 0.1), (0.7, 0.3), (1.1, 0.7), (0.9, 0.1)] {
        let text = format!(
            "y 2\nn1 = dense n0 [[{up}, 0], [-{down}, 0]]\nn2 = max n1 [0, 1]\nn3 = gather n0 [1]\nn4 = sum n2 n3\noutput n4"
        );
        let h = Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap();
        let domain = Domain::new_box(vec![-INF, -1.0], vec![INF, 0.5]).unwrap();
        let domain = domain.with_at_most("too low", &h, -1.5).unwrap();
        let found = h.minimize(&domain, Method::Lp).unwrap();
        holds::emptiness(&domain, &[0.0, 0.0], 1, &found).unwrap();
        assert!(found.message.unwrap().contains("'too low'"));
    }
}

/// Found by the property of moved sides: the slope of f in a fixed coordinate is folded away, so what is left of it is no
/// derivative, and says so.
#[test]
fn the_multiplier_of_a_fixed_coordinate_is_named_as_such() {
    let program: Program =
        "y 2\nn1 = gather n0 [0]\nn2 = relu n1\nn3 = gather n0 [1]\nn4 = sum n2 n3\noutput n4".parse().unwrap();
    let f = std::sync::Arc::new(program).at(&[]).unwrap();
    let domain = Domain::cube(2, 0.0, 3.0).unwrap().with_fixed(0, 1.0).unwrap();
    let domain = domain.with_row("r", &[(0, 0.5), (1, 1.0)], 2.0, f64::INFINITY).unwrap();
    let found = f.minimize(&domain, Method::Lp).unwrap();
    let duals = found.duals.unwrap();
    assert_eq!((found.value, duals.rows[0].multiplier, duals.rows[0].side), (Some(2.5), 1.0, Side::Lower));
    // The share of the row is −1/2; with f's own slope 1 the optimum moves by 1/2.
    assert_eq!((duals.bounds[0].multiplier, duals.bounds[0].side, duals.bounds[0].at), (-0.5, Side::Fixed, Some(1.0)));
    assert_eq!(duals.bounds[1].side, Side::Neither);
}
