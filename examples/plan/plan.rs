//! The model of the example: which units run when, and how much each generates, at the least learned cost.

use std::error::Error;
use std::time::Instant;

use good_lp::{Expression, ProblemVariables, Solution, Solver, SolverModel, variable};
use icnn::{Domain, Network, embed::Embedding};
use serde::Deserialize;

/// Demand in each period, GW.
pub const DEMAND: [f64; 12] = [6.1, 5.5, 5.6, 7.4, 9.3, 10.2, 10.6, 10.9, 11.8, 13.0, 10.4, 7.8];
/// Length of a period, hours.
pub const HOURS: f64 = 2.0;
/// What runs must be able to generate this much more than the demand.
pub const RESERVE: f64 = 0.10;
/// Largest and smallest output of a running unit, as shares of its mean output in 1970 and of its largest output.
const LARGEST: f64 = 1.1;
const SMALLEST: f64 = 0.4;
/// A start costs as much as this many hours at the mean output.
const START: f64 = 2.0;

/// A unit: a producer of 1970, its factor prices the context of the cost.
#[derive(Debug, Clone, Deserialize)]
pub struct Unit {
    /// Its row in the table.
    pub row: usize,
    /// Price index of its fuel.
    pub fuel: f64,
    /// Mean output, GW.
    pub output: f64,
    /// Cost at that output, thousand dollars an hour.
    pub cost: f64,
    /// The network's context.
    pub x: Vec<f64>,
}

impl Unit {
    /// Largest output, GW.
    pub fn largest(&self) -> f64 {
        LARGEST * self.output
    }

    /// Smallest output when running, GW.
    pub fn smallest(&self) -> f64 {
        SMALLEST * self.largest()
    }
}

/// A day's plan.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Output of each unit in each period, GW; `None` where it does not run.
    pub output: Vec<Vec<Option<f64>>>,
    /// The solver's objective, thousand dollars a day.
    pub objective: f64,
    /// The same, with the networks evaluated at the outputs.
    pub recomputed: f64,
    /// Largest difference between a network and its epigraph, thousand dollars an hour.
    pub gap: f64,
    /// Variables and rows that the networks added.
    pub added: [usize; 2],
    /// Wall-clock seconds of the solver.
    pub seconds: f64,
}

/// Minimises the cost of a day by `solver`.
///
/// A unit that does not run has output 0 and cost 0: its network's f(x, 0) is charged to the switch, not to the output.
pub fn solve<S: Solver>(network: &Network, units: &[Unit], solver: S) -> Result<Schedule, Box<dyn Error>> {
    let periods = DEMAND.len();
    let mut variables = ProblemVariables::new();
    let mut objective = Expression::from(0.0);
    let mut rows = vec![];
    let mut costs = vec![];
    let (mut runs, mut outputs) = (vec![], vec![]);
    for unit in units {
        let instance = network.given(&unit.x)?;
        let idle = instance.forward(&[0.0])?.value();
        let domain = Domain::cube(1, 0.0, unit.largest())?;
        let on = variables.add_vector(variable().binary(), periods);
        let output = variables.add_vector(variable().min(0.0).max(unit.largest()), periods);
        let start = variables.add_vector(variable().min(0.0).max(1.0), periods);
        for t in 0..periods {
            let mut cost = Embedding::new(&mut variables, &instance, &domain, [output[t]])?;
            objective += cost.minimised(HOURS)? - HOURS * idle * (1 - on[t]) + START * unit.cost * start[t];
            // The day repeats: before the first period comes the last.
            let before = on[(t + periods - 1) % periods];
            rows.push((on[t] - before).leq(start[t]));
            rows.push((output[t] - unit.largest() * on[t]).leq(0.0));
            rows.push((output[t] - unit.smallest() * on[t]).geq(0.0));
            costs.push(cost);
        }
        runs.push(on);
        outputs.push(output);
    }
    for (t, demand) in DEMAND.iter().enumerate() {
        let total: Expression = outputs.iter().map(|output| output[t]).sum();
        rows.push(total.eq(*demand));
        let able: Expression = units.iter().zip(&runs).map(|(unit, on)| unit.largest() * on[t]).sum();
        rows.push(able.geq((1.0 + RESERVE) * demand));
    }

    let total = objective.clone();
    let mut model = variables.minimise(objective).using(solver);
    costs.iter().for_each(|cost| cost.add_to(&mut model));
    for row in rows {
        model.add_constraint(row);
    }
    let begun = Instant::now();
    let solution = model.solve().map_err(|e| e.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();

    let objective = solution.eval(&total);
    let (mut recomputed, mut gap) = (objective, 0.0f64);
    for cost in &costs {
        let checked = cost.check(&solution, 1e-6)?;
        recomputed += HOURS * (checked.network - checked.model);
        gap = gap.max(checked.gap);
    }
    let running = |i: usize, t: usize| (solution.value(runs[i][t]) > 0.5).then(|| solution.value(outputs[i][t]));
    let output = (0..units.len()).map(|i| (0..periods).map(|t| running(i, t)).collect()).collect();
    let lp = |cost: &Embedding| [cost.linear().lp.columns() - 1, cost.linear().lp.rows()];
    let added = costs.iter().map(lp).fold([0, 0], |sum, [n, m]| [sum[0] + n, sum[1] + m]);
    Ok(Schedule { output, objective, recomputed, gap, added, seconds })
}
