//! The two ends without an optimum, each with a proof that holds when multiplied out: infeasible, unbounded.

#[cfg(feature = "highs")]
use icnn_solvers::{LpOutcome, Status as LpStatus};

use super::search::Search;
use super::{Solution, Status};
use crate::certificate::emptiness::proves_empty;
use crate::certificate::recession::{limit_slope, recession_direction};
#[cfg(feature = "highs")]
use crate::error::Error;

impl Search<'_> {
    /// Takes the outcome of a linear program: a proven end, or else a candidate.
    #[cfg(feature = "highs")]
    pub fn linear(&mut self, outcome: &LpOutcome) -> Result<Option<Solution>, Error> {
        let end = self.proven_end(outcome);
        if end.is_none() {
            self.candidate(outcome)?;
        }
        Ok(end)
    }

    /// An unbounded or infeasible outcome whose ray or Farkas vector holds when multiplied out.
    #[cfg(feature = "highs")]
    pub fn proven_end(&mut self, outcome: &LpOutcome) -> Option<Solution> {
        match outcome.status {
            LpStatus::Unbounded => self.unbounded(outcome.ray.as_ref()?),
            LpStatus::Infeasible => {
                let farkas = outcome.farkas.as_ref().filter(|f| f.len() == self.linear.lp.rows())?;
                self.infeasible(farkas, &self.linear.lp.farkas_costs(farkas))
            }
            _ => None,
        }
    }

    /// Unbounded along this direction of the program's columns, if that holds when multiplied out.
    pub fn unbounded(&mut self, ray: &[f64]) -> Option<Solution> {
        let ray = self.linear.decisions_of(ray)?;
        let direction = recession_direction(self.domain, &ray)?;
        let slope = limit_slope(self.instance, &direction)?;
        let scale = self.slope_scale();
        if slope.is_nan() || slope >= -1e-9 * scale {
            return None;
        }
        let largest: Vec<String> = named_entries(&direction);
        let message = format!("unbounded: the slope tends to {slope:.4e} along the ray ({})", largest.join(", "));
        Some(Solution { ray: Some(direction), message: Some(message), ..self.empty(Status::Unbounded) })
    }

    /// Infeasible by these multipliers of the program's rows and columns, if that holds when multiplied out.
    pub fn infeasible(&mut self, farkas: &[f64], costs: &[f64]) -> Option<Solution> {
        if farkas.len() != self.linear.lp.rows() {
            return None;
        }
        let rows = &farkas[..self.domain.rows().len()];
        let middle = self.domain.clip(&vec![0.0; self.domain.dimension()]);
        let levels = self.levels(farkas, costs, &middle);
        let scale = (levels.iter().zip(self.domain.sublevels()))
            .filter(|((mu, _), _)| *mu > 0.0)
            .map(|((mu, _), level)| mu * self.slopes_of(&level.function))
            .sum();
        let farkas = proves_empty(self.domain, rows, &levels, scale)?;
        let names = self.linear.domain_rows.iter().zip(&farkas.rows);
        let levels = self.linear.level_rows.iter().map(|(name, _)| name).zip(&farkas.constraints);
        let parts: Vec<String> = (names.chain(levels))
            .filter(|(_, nu)| **nu != 0.0)
            .map(|(name, nu)| format!("'{name}' (multiplier {nu:.4e})"))
            .collect();
        let message = format!("no point satisfies the box together with {}", parts.join(", "));
        Some(Solution { farkas: Some(farkas), message: Some(message), ..self.empty(Status::Infeasible) })
    }
}

/// The six largest entries of a direction, by name.
fn named_entries(d: &[f64]) -> Vec<String> {
    let mut order: Vec<usize> = (0..d.len()).filter(|j| d[*j] != 0.0).collect();
    order.sort_by(|a, b| d[*b].abs().total_cmp(&d[*a].abs()));
    let mut names: Vec<String> = order.iter().take(6).map(|j| format!("y[{j}]: {:.4}", d[*j])).collect();
    if order.len() > 6 {
        names.push("…".into());
    }
    names
}
