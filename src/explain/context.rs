//! Sensitivity to context entries: everything in the problem may depend on them, f, its terms and learned constraints, so
//! the minimum itself is computed again at entries moved by small steps.

use super::sensitivity::{Sensitivity, from_quotients, known, minimum};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::solve::{Limits, Solution};

/// How the optimal value changes with each entry of the context row `x`. `problem` makes the objective and the domain at a
/// row, `solution` is the optimum at `x`. Costs three to five minima for each entry and direction.
///
/// Errors: a solver that cannot be run. A moved row at which there is no problem or no optimum only leaves a derivative
/// undefined.
pub fn context_sensitivity(
    x: &[f64],
    solution: &Solution,
    limits: &Limits,
    problem: impl Fn(&[f64]) -> Result<(Instance, Domain), Error>,
) -> Result<Vec<Sensitivity>, Error> {
    let mut row = x.to_vec();
    let mut all = vec![];
    for (i, entry) in x.iter().enumerate() {
        let mut at = |t: f64| {
            row[i] = entry + t;
            let made = problem(&row);
            row[i] = *entry;
            match made {
                Ok((instance, domain)) => minimum(&instance, domain, limits),
                Err(_) => Ok(None),
            }
        };
        all.push(from_quotients(format!("x[{i}]"), "context", *entry, known(solution), &mut at)?);
    }
    Ok(all)
}
