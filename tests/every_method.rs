//! Every method on every network of ../shared/onnx and of examples/, over every kind of domain, from one table: whatever a
//! method answers, its lower bound is below every value, and "optimal" means what it says.
#![cfg(all(feature = "highs", feature = "onnx"))]

#[path = "common/table.rs"]
mod table;

use std::sync::Arc;

use icnn::check::{prove, require_convex};
use icnn::ir::instance::Instance;
use icnn::lower::oracle::is_smooth;
use icnn::solve::METHODS;
use icnn::solve::batch::Session;
use icnn::{Domain, Error, Limits, Method, Solution, Status};
use table::{domains, entries};

/// What a method promises where it does not refuse, on bounded domains of the networks here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Promise {
    /// Always optimal, to [`GAP`].
    Exact,
    /// Optimal on networks without kinks, stopped on others or optimal.
    Smooth,
    /// Either.
    Nothing,
}

/// The table: every row of METHODS has one here.
const PROMISES: &[(&str, Promise)] = &[
    ("auto", Promise::Exact),
    ("lp", Promise::Exact),
    ("ipm", Promise::Exact),
    ("pdlp", Promise::Nothing),
    ("conic", Promise::Exact),
    ("bundle", Promise::Smooth),
    ("active-set", Promise::Nothing),
    ("reduced-lp", Promise::Nothing),
    ("newton", Promise::Smooth),
    ("subgradient", Promise::Nothing),
    ("polyak", Promise::Nothing),
    ("momentum", Promise::Nothing),
    ("paper-gd", Promise::Nothing),
    ("spectral", Promise::Smooth),
    ("accelerated", Promise::Smooth),
    ("lbfgs", Promise::Smooth),
];

const GAP: f64 = 1e-7;
const PASSES: u64 = 400;
const TAU: f64 = 0.25;

/// What a refusal may be about: the form of the network or of the domain, never the numbers.
fn is_refusal(error: &Error) -> bool {
    let entropy_without_sides = matches!(error, Error::Objective(reason) if reason.contains("entropy"));
    entropy_without_sides
        || matches!(error, Error::Lowering { .. } | Error::Method { .. } | Error::NotProven { .. } | Error::Concave)
}

/// How far below the least value on the domain the value of `t` may be, its point violating rows by a solver's tolerance:
/// by as much as the multipliers of the bound of `s` make of that violation.
fn outside(domain: &Domain, s: &Solution, t: &Solution) -> f64 {
    let (Some(duals), Some(y)) = (&s.duals, &t.y) else { return 0.0 };
    let beyond = domain.rows().iter().map(|row| {
        let activity = row.activity(y);
        (row.lower - activity).max(activity - row.upper).max(0.0)
    });
    duals.rows.iter().zip(beyond).map(|(dual, beyond)| dual.multiplier.abs() * beyond).sum()
}

/// The numbers that rounding may play with: a few thousand additions of numbers of this size.
fn rounding(solution: &Solution) -> f64 {
    1e-9 * solution.value.unwrap_or(0.0).abs().max(1.0)
}

fn solve(f: &Instance, domain: &Domain, method: Method, tau: Option<f64>) -> Result<Solution, Error> {
    let passes = matches!(method.row().engine, icnn::solve::Engine::Oracle(_)).then_some(PASSES);
    let limits = Limits { gap: if method == Method::Pdlp { 1e-4 } else { GAP }, passes, ..Limits::default() };
    let session = Session::new(domain.clone(), method, limits);
    match tau {
        Some(tau) => session.with_entropy(tau)?.minimize(f),
        None => session.minimize(f),
    }
}

/// What holds of any answer on its own.
fn holds_alone(what: &str, f: &Instance, domain: &Domain, s: &Solution) {
    let Some(y) = &s.y else {
        assert!(s.status != Status::Optimal, "{what}: optimal without a point");
        return;
    };
    assert!(domain.violation(y) <= 1e-6, "{what}: y outside by {}", domain.violation(y));
    let plain = s.f.or(s.value).unwrap();
    let again = f.forward(y).unwrap().value();
    assert!((plain - again).abs() <= 1e-9 * again.abs().max(1.0), "{what}: f is {again} at y, {plain} is reported");
    if let (Some(value), Some(bound)) = (s.value, s.lower_bound) {
        assert!(bound <= value + rounding(s), "{what}: bound {bound} above value {value}");
        if s.status == Status::Optimal {
            // What the gap is relative to: the numbers that are added up on the way to the value.
            let size = |side: f64| if side.is_finite() { side.abs() } else { 0.0 };
            let sides = domain.intervals().iter().zip(y);
            let reach: Vec<f64> = sides.map(|(i, y)| y.abs().max(size(i.lower)).max(size(i.upper))).collect();
            let entropy = s.entropy.unwrap_or(0.0) * y.len() as f64;
            let magnitude = f.magnitude(&f.forward(y).unwrap(), &reach) + entropy;
            let gap = if s.method == "pdlp" { 1e-4 } else { GAP };
            assert!(value - bound <= gap * magnitude, "{what}: optimal with gap {}", value - bound);
        }
    }
}

#[test]
fn every_method_holds_what_it_promises() {
    let mut table = vec![];
    for row in METHODS {
        assert!(PROMISES.iter().any(|(name, _)| *name == row.name), "method {} has no row in PROMISES", row.name);
    }
    let entries = entries();
    for entry in &entries {
        for (kind, domain) in domains(entry.f.decisions()) {
            let (bounds, proof) = prove(&entry.f, &domain);
            if require_convex(&entry.f, &proof).is_err() {
                continue;
            }
            let smooth = is_smooth(&entry.f, &bounds);
            for tau in [None, Some(TAU)] {
                let mut answers: Vec<(String, Promise, Solution)> = vec![];
                for row in METHODS {
                    let what = format!("{} over {kind}, {}{}", entry.name, row.name, tau.map_or("", |_| ", entropic"));
                    let promise = PROMISES.iter().find(|(name, _)| *name == row.name).unwrap().1;
                    match solve(&entry.f, &domain, row.method, tau) {
                        Ok(s) => {
                            holds_alone(&what, &entry.f, &domain, &s);
                            answers.push((what, promise, s));
                        }
                        Err(e) => assert!(is_refusal(&e), "{what}: {e}"),
                    }
                }
                judge(&answers, &domain, smooth);
                table.extend(answers);
            }
        }
    }
    summary(&table);
}

/// No bound above any value, and promises kept.
fn judge(answers: &[(String, Promise, Solution)], domain: &Domain, smooth: bool) {
    let bounded = domain.is_bounded();
    for (what, promise, s) in answers {
        if bounded && (*promise == Promise::Exact || (*promise == Promise::Smooth && smooth)) {
            assert_eq!(s.status, Status::Optimal, "{what}: gap {:?}, {:?}", s.gap, s.message);
        }
        for (other, _, t) in answers {
            if let (Some(bound), Some(value)) = (s.lower_bound, t.value) {
                let allowed = rounding(t) + outside(domain, s, t);
                assert!(bound <= value + allowed, "bound {bound} of {what} above value {value} of {other}");
            }
            if s.status == Status::Infeasible {
                assert!(t.y.is_none(), "{what} says infeasible, {other} has a point");
            }
            if s.status == Status::Unbounded {
                assert!(t.status != Status::Optimal, "{what} says unbounded, {other} optimal");
            }
        }
    }
}

/// How often each method closed the gap (seen with --nocapture).
fn summary(table: &[(String, Promise, Solution)]) {
    for row in METHODS {
        let of: Vec<&Solution> = table.iter().map(|t| &t.2).filter(|s| s.method == row.name).collect();
        let optimal = of.iter().filter(|s| s.status == Status::Optimal).count();
        let mut gaps: Vec<f64> = of.iter().filter_map(|s| s.gap).collect();
        gaps.sort_by(f64::total_cmp);
        let median = gaps.get(gaps.len() / 2).copied().unwrap_or(f64::NAN);
        println!("{:<12} {optimal:4} of {:4} optimal, median gap {median:.1e}", row.name, of.len());
    }
}

/// f(y) = Σ |yⱼ − j/p| + a little of everything else: enough work for every method to be asked.
fn busy(p: usize) -> Instance {
    let rows: Vec<String> = (0..3 * p)
        .map(|i| {
            let row: Vec<String> =
                (0..p).map(|j| format!("{}", ((i * 7 + j * 13 + i * j) % 19) as f64 - 9.0)).collect();
            format!("[{}]", row.join(", "))
        })
        .collect();
    let ones = vec!["1"; 3 * p].join(", ");
    let shift: Vec<String> = (0..3 * p).map(|i| format!("{}", (i % 5) as f64 - 2.2)).collect();
    let text = format!(
        "y {p}\nn1 = dense n0 [{}]\nn2 = param [{}]\nn3 = sum n1 n2\nn4 = abs n3\nn5 = dense n4 [[{ones}]]\noutput n5",
        rows.join(", "),
        shift.join(", ")
    );
    let program: icnn::ir::program::Program = text.parse().unwrap();
    Arc::new(program).at(&[]).unwrap()
}

#[test]
fn a_callback_stops_every_method() {
    let f = busy(40);
    let domain = Domain::cube(40, -1.0, 1.0).unwrap();
    for row in METHODS.iter().filter(|row| row.method != Method::Pdlp) {
        let mut calls = 0;
        let mut watch = |_: &icnn::solve::Progress, _: &[f64]| {
            calls += 1;
            false
        };
        let session = Session::new(domain.clone(), row.method, Limits::default());
        match session.minimize_watched(&f, None, Some(&mut watch)) {
            Ok(s) => {
                assert_eq!(s.status, Status::Stopped, "{}: {:?}", row.name, s.message);
                assert_eq!(calls, 1, "{}: it said stop at once", row.name);
            }
            Err(e) => assert!(is_refusal(&e), "{}: {e}", row.name),
        }
    }
}

#[test]
fn a_start_of_the_wrong_length_is_an_error_and_a_right_one_is_not_changed() {
    let f = busy(5);
    let domain = Domain::cube(5, -1.0, 1.0).unwrap();
    for row in METHODS {
        let limits = Limits { passes: Some(50), ..Limits::default() };
        let session = Session::new(domain.clone(), row.method, limits);
        let start = vec![7.0, -7.0, 0.5, 0.5, 0.5];
        match session.minimize_watched(&f, Some(&start), None) {
            Ok(s) => assert!(domain.violation(&s.y.unwrap()) == 0.0, "{}", row.name),
            Err(e) => assert!(is_refusal(&e), "{}: {e}", row.name),
        }
        assert_eq!(start, [7.0, -7.0, 0.5, 0.5, 0.5]);
        let wrong = session.minimize_watched(&f, Some(&[0.0; 4]), None).unwrap_err().to_string();
        assert!(wrong.contains('4') && wrong.contains('5'), "{}: {wrong}", row.name);
    }
}
