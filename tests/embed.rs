//! Networks inside good_lp models: the same minima as alone, the right ones with integers around, and refusals of every use
//! in which the epigraph would not be tight.
#![cfg(all(feature = "embed", feature = "highs", feature = "onnx"))]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;
// What it prints is for the example.
#[allow(dead_code)]
#[path = "../examples/plan/plan.rs"]
mod plan;

use std::collections::HashMap;
use std::sync::Arc;

use good_lp::solvers::highs::{HighsProblem, highs};
use good_lp::variable::UnsolvedProblem;
use good_lp::{
    Expression, ProblemVariables, Solution as _, Solver, SolverModel, Variable, WithMipGap, WithTimeLimit, microlp,
    variable,
};
use icnn::embed::{Checked, EmbedError, Embedding};
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::{Domain, Error, Method, Network, Status};
use networks::{Case, Problem, magnitude};
use proptest::prelude::*;

families! {
    alone_it_has_its_minimum: 40, Sides::Finite;
    integers_around_it_agree_with_brute_force: 12, Sides::Finite;
    a_bound_on_it_is_its_level_set: 25, Sides::Finite;
}

/// HiGHS without the relative gap of 1e-4 at which it stops otherwise.
fn exact_highs(problem: UnsolvedProblem) -> HighsProblem {
    highs(problem).with_mip_gap(0.0).unwrap()
}

/// microlp cycles on some degenerate programs; none here needs this long.
fn patient_microlp(problem: UnsolvedProblem) -> impl SolverModel {
    microlp(problem).with_time_limit(20.0)
}

/// Variables y within the box.
fn boxed(variables: &mut ProblemVariables, domain: &Domain) -> Vec<Variable> {
    let sides = domain.lower().iter().zip(domain.upper());
    sides.map(|(l, u)| variables.add(variable().min(*l).max(*u))).collect()
}

/// The size of the numbers behind f on the box.
fn size<P: Problem>(case: &Case<P>) -> f64 {
    let sides = case.domain.lower().iter().zip(case.domain.upper());
    let reach: Vec<f64> = sides.map(|(l, u)| l.abs().max(u.abs())).collect();
    magnitude(&case.instance, &reach).max(1.0)
}

fn alone<S: Solver>(instance: &Instance, domain: &Domain, tolerance: f64, solver: S) -> Option<Checked> {
    let mut variables = ProblemVariables::new();
    let y = boxed(&mut variables, domain);
    let mut f = Embedding::new(&mut variables, instance, domain, y).unwrap();
    let objective = f.minimised(1.0).unwrap();
    let mut model = variables.minimise(objective).using(solver);
    f.add_to(&mut model);
    match model.solve() {
        Ok(solution) => Some(f.check(&solution, tolerance).unwrap()),
        Err(e) if e.to_string().contains("Time limit") => None,
        Err(e) => panic!("{e}"),
    }
}

fn alone_it_has_its_minimum<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (instance, domain, size) = (&case.instance, &case.domain, size(case));
    let minimum = instance.minimize(domain, Method::Lp).unwrap();
    prop_assert_eq!(&minimum.status, &Status::Optimal);
    let expected = minimum.value.unwrap();
    let by_highs = alone(instance, domain, 1e-6 * size, exact_highs);
    prop_assert!(by_highs.is_some());
    for found in [by_highs, alone(instance, domain, 1e-6 * size, patient_microlp)].into_iter().flatten() {
        prop_assert!((found.network - expected).abs() <= 1e-6 * size, "{found:?}, the minimum is {expected}");
    }
    Ok(())
}

/// The first two coordinates on a grid of four points with a price for each step, the others free in the box.
fn integers_around_it_agree_with_brute_force<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let p = case.program.decisions();
    let (lower, upper) = (case.domain.lower(), case.domain.upper());
    let domain = Domain::new_box(lower.to_vec(), upper.to_vec()).unwrap();
    let (on_grid, size) = (p.min(2), size(case));
    let step = |j: usize| (upper[j] - lower[j]) / 3.0;
    let price = |j: usize| 0.1 * size * [1.0, -0.7][j] * ((case.seed >> (8 * j)) % 5) as f64 / 4.0;

    let mut best = f64::INFINITY;
    for point in 0..4usize.pow(on_grid as u32) {
        let (mut low, mut high, mut paid) = (lower.to_vec(), upper.to_vec(), 0.0);
        for j in 0..on_grid {
            let k = (point / 4usize.pow(j as u32) % 4) as f64;
            low[j] = (lower[j] + k * step(j)).min(upper[j]);
            high[j] = low[j];
            paid += price(j) * k;
        }
        let found = case.instance.minimize(&Domain::new_box(low, high).unwrap(), Method::Lp).unwrap();
        prop_assert_eq!(&found.status, &Status::Optimal);
        best = best.min(found.value.unwrap() + paid);
    }

    let mut variables = ProblemVariables::new();
    let steps = variables.add_vector(variable().integer().min(0).max(3), on_grid);
    let y: Vec<Expression> = (0..p)
        .map(|j| match steps.get(j) {
            Some(k) => lower[j] + step(j) * *k,
            None => variables.add(variable().min(lower[j]).max(upper[j])).into(),
        })
        .collect();
    let mut f = Embedding::new(&mut variables, &case.instance, &domain, y).unwrap();
    let paid: Expression = steps.iter().enumerate().map(|(j, k)| price(j) * *k).sum();
    let objective = f.minimised(1.0).unwrap() + &paid;
    let mut model = variables.minimise(objective).using(exact_highs);
    f.add_to(&mut model);
    let solution = model.solve().unwrap();
    let found = f.check(&solution, 1e-5 * size).unwrap().network + solution.eval(&paid);
    prop_assert!((found - best).abs() <= 1e-5 * size, "{found}, by brute force {best}");
    Ok(())
}

/// The least y₀ where f ≤ b: f is at most b there, and no sampled point with f ≤ b is further down.
fn a_bound_on_it_is_its_level_set<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let (instance, domain, size) = (&case.instance, &case.domain, size(case));
    let mut points = case.points();
    let level = case.value(&points.anywhere());
    let mut variables = ProblemVariables::new();
    let y = boxed(&mut variables, domain);
    let mut f = Embedding::new(&mut variables, instance, domain, y.clone()).unwrap();
    f.at_most(level).unwrap();
    let mut model = variables.minimise(y[0]).using(exact_highs);
    f.add_to(&mut model);
    let solution = model.solve().unwrap();
    let found = f.check(&solution, 1e-6 * size).unwrap();
    prop_assert!(found.network <= level + 1e-6 * size);
    for _ in 0..50 {
        let v = points.anywhere();
        prop_assert!(case.value(&v) > level || v[0] >= found.y[0] - 1e-6 * v[0].abs().max(1.0), "{v:?}, {found:?}");
    }
    Ok(())
}

fn instance(text: &str) -> Instance {
    Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap()
}

/// |y − 0.3|
fn kink() -> Instance {
    instance("y 1\nn1 = param [-0.3]\nn2 = sum n0 n1\nn3 = abs n2\noutput n3")
}

/// The network alone over [0, 1].
fn embedded(instance: &Instance) -> (ProblemVariables, Variable, Embedding) {
    let mut variables = ProblemVariables::new();
    let y = variables.add(variable().min(0).max(1));
    let f = Embedding::new(&mut variables, instance, &Domain::cube(1, 0.0, 1.0).unwrap(), [y]).unwrap();
    (variables, y, f)
}

#[test]
fn what_pushes_f_up_is_refused_with_the_reason() {
    let (_, y, mut f) = embedded(&kink());
    let refused: [(Result<(), Error>, &str); 5] = [
        (f.minimised(-1.0).map(drop), "minimising -1·f"),
        (f.maximised(1.0).map(drop), "maximising 1·f"),
        (f.maximised(1e-9).map(drop), "maximising 0.000000001·f"),
        (f.at_least(y), "f ≥ an expression"),
        (f.equals(0.5), "f = an expression"),
    ];
    for (result, asked) in refused {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Embed(EmbedError::Direction { .. })), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("{asked} is refused: the epigraph would not be tight")), "{text}");
    }
    for weight in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(f.minimised(weight), Err(Error::Embed(EmbedError::Weight(_)))));
        assert!(matches!(f.maximised(weight), Err(Error::Embed(EmbedError::Weight(_)))));
    }
    assert!(matches!(f.at_most(f64::NAN), Err(Error::Point(_))));
    assert!(f.minimised(0.0).is_ok() && f.maximised(-2.0).is_ok() && f.at_most(y).is_ok());
}

#[test]
fn an_affine_network_may_be_used_in_every_way() {
    // relu(y + 1) is y + 1 on [0, 1].
    let affine = instance("y 1\nn1 = param [1]\nn2 = sum n0 n1\nn3 = relu n2\noutput n3");
    let (variables, y, mut f) = embedded(&affine);
    assert!(f.is_affine());
    f.at_least(1.25).unwrap();
    let objective = f.maximised(1.0).unwrap() - 3 * y;
    let mut model = variables.maximise(objective).using(microlp);
    f.add_to(&mut model);
    let found = f.check(&model.solve().unwrap(), 1e-9).unwrap();
    assert!((found.y[0] - 0.25).abs() < 1e-9, "{found:?}");

    let (variables, y, mut f) = embedded(&affine);
    f.equals(2.0 - y).unwrap();
    let mut model = variables.minimise(y).using(microlp);
    f.add_to(&mut model);
    let found = f.check(&model.solve().unwrap(), 1e-9).unwrap();
    assert!((found.y[0] - 0.5).abs() < 1e-9, "{found:?}");
    let (_, _, f) = embedded(&kink());
    assert!(!f.is_affine());
}

/// Models that are wrong on purpose: f pushed up by its raw expression, in the objective and by a row.
#[test]
fn the_check_notices_an_f_that_is_pushed_up() {
    let (variables, y, mut f) = embedded(&kink());
    let raw = f.unchecked_value();
    let mut model = variables.maximise(raw - y).using(microlp);
    f.add_to(&mut model);
    let error = f.check(&model.solve().unwrap(), 1e-6).unwrap_err();
    // f is 0.3 at y = 0; the model believes in its largest value on the box.
    let Error::Embed(EmbedError::NotTight { network, model }) = error else { panic!("{error}") };
    assert!((network - 0.3).abs() < 1e-6 && (model - 0.7).abs() < 1e-6, "{network} {model}");

    let (variables, y, mut f) = embedded(&kink());
    let objective = f.minimised(1.0).unwrap();
    let raw = f.unchecked_value();
    let mut model = variables.minimise(objective + y).using(exact_highs);
    f.add_to(&mut model);
    model.add_constraint(raw.geq(0.5));
    let error = f.check(&model.solve().unwrap(), 1e-6).unwrap_err();
    let Error::Embed(EmbedError::NotTight { network, model }) = error else { panic!("{error}") };
    assert!((network - 0.3).abs() < 1e-6 && (model - 0.5).abs() < 1e-6, "{network} {model}");
}

#[test]
fn the_check_notices_a_bound_that_f_breaks_and_a_y_outside() {
    let (_, y, mut f) = embedded(&kink());
    f.at_most(0.2).unwrap();
    let at = |value: f64| HashMap::from([(y, value)]);
    // A map has no value for the epigraph's variable: only what does not need it can be asked of the domain.
    let (mut variables, wide) = (ProblemVariables::new(), Domain::cube(1, 0.0, 1.0).unwrap());
    let z = variables.add(variable());
    let line = instance("y 1\nn1 = dense n0 [[2]]\noutput n1");
    let mut g = Embedding::new(&mut variables, &line, &wide, [z]).unwrap();
    g.at_most(1.0).unwrap();
    let at_z = |value: f64| HashMap::from([(z, value)]);
    assert_eq!(g.check(&at_z(0.5), 1e-9).unwrap().network, 1.0);
    let error = g.check(&at_z(0.75), 1e-9).unwrap_err();
    assert!(matches!(error, Error::Embed(EmbedError::Violated { network: 1.5, bound: 1.0, .. })), "{error}");
    for (outside, by) in [(1.25, 0.25), (-0.5, 0.5)] {
        let error = g.check(&at_z(outside), 1e-6).unwrap_err();
        assert!(matches!(error, Error::Embed(EmbedError::Outside { by: found }) if found == by), "{error}");
    }
    assert!(matches!(g.check(&at_z(f64::NAN), 1e-6), Err(Error::Point(_))));
    for tolerance in [f64::NAN, f64::INFINITY, -1e-6] {
        assert!(matches!(g.check(&at_z(0.5), tolerance), Err(Error::Embed(EmbedError::Tolerance(_)))));
    }
    assert!(matches!(f.check(&at(1.5), 1e-6), Err(Error::Embed(EmbedError::Outside { .. }))));
}

#[test]
fn without_its_rows_the_network_is_missed() {
    let (variables, _, mut f) = embedded(&kink());
    let objective = f.minimised(1.0).unwrap();
    let model = variables.minimise(objective).using(microlp);
    let error = f.check(&model.solve().unwrap(), 1e-6).unwrap_err();
    assert!(matches!(error, Error::Embed(EmbedError::NotTight { .. })), "{error}");
}

#[test]
fn numbers_that_leave_f64_are_errors() {
    let steep = instance("y 1\nn1 = dense n0 [[1e200]]\nn2 = abs n1\noutput n2");
    let mut variables = ProblemVariables::new();
    let y = variables.add(variable());
    let domain = Domain::cube(1, -1.0, 1.0).unwrap();
    let error = Embedding::new(&mut variables, &steep, &domain, [1e200 * y]).unwrap_err();
    assert!(error.to_string().contains("inf"), "{error}");
    let line = instance("y 1\nn1 = dense n0 [[1e200]]\noutput n1");
    let mut f = Embedding::new(&mut variables, &line, &domain, [y]).unwrap();
    assert!(f.minimised(1e200).unwrap_err().to_string().contains("inf"));
    assert!(f.at_most(-1e200 * y).is_ok() && f.at_most(f64::INFINITY).is_err());
}

/// An input may be a number: the network is then evaluated, as long as the number is in the box.
#[test]
fn an_input_without_variables_is_taken_as_it_is() {
    for (constant, inside) in [(0.55, true), (1.5, false)] {
        let mut variables = ProblemVariables::new();
        let domain = Domain::cube(1, 0.0, 1.0).unwrap();
        let mut f = Embedding::new(&mut variables, &kink(), &domain, [Expression::from(constant)]).unwrap();
        let objective = f.minimised(2.0).unwrap();
        let mut by_highs = variables.clone().minimise(objective.clone()).using(exact_highs);
        let mut by_microlp = variables.minimise(objective).using(microlp);
        f.add_to(&mut by_highs);
        f.add_to(&mut by_microlp);
        let (by_highs, by_microlp) = (by_highs.solve(), by_microlp.solve());
        assert_eq!((by_highs.is_ok(), by_microlp.is_ok()), (inside, inside));
        if let (Ok(by_highs), Ok(by_microlp)) = (by_highs, by_microlp) {
            assert!((f.check(&by_highs, 1e-6).unwrap().model - 0.25).abs() < 1e-9);
            assert!((f.check(&by_microlp, 1e-6).unwrap().model - 0.25).abs() < 1e-9);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_the_model_changes() {
    let mut variables = ProblemVariables::new();
    let y = variables.add(variable().min(0).max(1));
    let domain = Domain::cube(1, 0.0, 1.0).unwrap();
    let new = |variables: &mut ProblemVariables, instance: &Instance, inputs: Vec<Expression>| {
        Embedding::new(variables, instance, &domain, inputs).unwrap_err()
    };
    let error = new(&mut variables, &kink(), vec![y.into(), y.into()]);
    assert_eq!(error.to_string(), "2 expressions for y, the network has 1 decisions");
    let error = new(&mut variables, &kink(), vec![f64::NAN * y]);
    assert!(error.to_string().contains("y[0] contains NaN"), "{error}");
    let network = Network::load("examples/plan/plan.onnx").unwrap();
    let error = new(&mut variables, &network.program().for_any_context(), vec![y.into()]);
    assert!(matches!(error, Error::Context(_)), "{error}");
    let concave = instance("y 1\nn1 = param [-0.3]\nn2 = sum n0 n1\nn3 = abs n2\nn4 = dense n3 [[-1]]\noutput n4");
    assert!(matches!(new(&mut variables, &concave, vec![y.into()]), Error::Concave));
    let wavy = instance(
        "y 1\nn1 = param [-0.3]\nn2 = sum n0 n1\nn3 = abs n2\nn4 = param [-0.6]\nn5 = sum n0 n4\nn6 = abs n5\n\
         n7 = dense n6 [[-2]]\nn8 = sum n3 n7\noutput n8",
    );
    let error = new(&mut variables, &wavy, vec![y.into()]);
    assert!(matches!(error, Error::NotProven { .. }) && error.to_string().contains("n8"), "{error}");
    let round = instance("y 1\nn1 = softplus n0 1\noutput n1");
    assert!(matches!(new(&mut variables, &round, vec![y.into()]), Error::Lowering { .. }));
    let wide = Domain::cube(2, 0.0, 1.0).unwrap();
    assert!(matches!(Embedding::new(&mut variables, &kink(), &wide, [y]), Err(Error::Domain(_))));
    assert_eq!(variables.len(), 1);
}

#[test]
fn the_plan_is_the_same_by_both_solvers() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plan");
    let network = Network::load(folder.join("plan.onnx")).unwrap();
    let units: Vec<plan::Unit> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("units.json")).unwrap()).unwrap();
    let first = plan::solve(&network, &units, exact_highs).unwrap();
    let second = plan::solve(&network, &units, microlp).unwrap();
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs();
    assert!(same(first.objective, second.objective), "{first:?} {second:?}");
    for found in [&first, &second] {
        assert!(same(found.objective, found.recomputed) && found.gap <= 1e-6, "{found:?}");
        assert!(found.output.iter().flatten().any(Option::is_none), "every unit always runs: {found:?}");
        for (t, demand) in plan::DEMAND.iter().enumerate() {
            let running = || units.iter().zip(&found.output).filter_map(|(unit, output)| Some((unit, output[t]?)));
            assert!((running().map(|(_, y)| y).sum::<f64>() - demand).abs() <= 1e-6);
            assert!(running().all(|(unit, y)| y >= unit.smallest() - 1e-6 && y <= unit.largest() + 1e-6));
            assert!(running().map(|(unit, _)| unit.largest()).sum::<f64>() >= (1.0 + plan::RESERVE) * demand - 1e-6);
        }
    }
}

#[test]
fn the_page_shows_the_rows_that_are_added() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let network = Network::load(root.join("examples/plan/plan.onnx")).unwrap();
    let units: Vec<plan::Unit> = serde_json::from_str(&read("examples/plan/units.json")).unwrap();
    let unit = units.iter().find(|unit| unit.row == 140).unwrap();
    let mut variables = ProblemVariables::new();
    let y = variables.add(variable());
    let domain = Domain::cube(1, 0.0, 1.14).unwrap();
    let f = Embedding::new(&mut variables, &network.given(&unit.x).unwrap(), &domain, [y]).unwrap();
    let shown = f.linear().named_lp().to_string();
    assert!(read("docs/embedding.md").contains(&shown), "{shown}");
}
