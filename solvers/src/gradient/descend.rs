//! What line-search methods do at a kink, where no gradient they have leads down: steps of the proximal bundle method. The
//! direction is the shortest element of the convex hull of nearby gradients, corrected for how far away they were met.

use std::sync::Arc;

use super::interior::{self, Term};
use super::search::{Flow, Search};
use crate::oracle::Cut;
use crate::run::Mixture;

/// Newton steps for one model.
const EFFORT: u32 = 40;

/// Share of the predicted decrease that makes a step.
const SERIOUS: f64 = 0.1;

/// Evaluations after which the gain of a line-search method is looked at.
const WINDOW: u64 = 16;

/// When to take them: when the last evaluations have gained too little of the certified gap.
#[derive(Debug)]
pub(super) struct Kinks {
    weight: f64,
    /// Bundle steps to take next time; each time twice as many.
    steps: u32,
    since: u64,
    value: f64,
}

impl Kinks {
    pub fn new(cut: &Cut) -> Kinks {
        Kinks { weight: 1.0, steps: 2, since: 0, value: cut.value }
    }

    /// Whether the last 16 evaluations, up to a best value of `value`, gained less than a fifth of the gap. Asked at every step.
    pub fn slow(&mut self, search: &Search<'_, '_>, value: f64) -> bool {
        if search.tried() < self.since + WINDOW {
            return false;
        }
        let gained = self.value - value;
        (self.since, self.value) = (search.tried(), value);
        gained < 0.2 * (value - search.run.lower_bound())
    }

    /// A better point than `centre` by bundle steps; `None` when the model promises nothing above rounding.
    pub fn descend(&mut self, search: &mut Search<'_, '_>, centre: &Arc<Cut>) -> Flow<Option<Arc<Cut>>> {
        let mut best = None;
        for _ in 0..self.steps {
            match self.step(search, best.as_ref().unwrap_or(centre))? {
                Some(better) => best = Some(better),
                None => break,
            }
        }
        self.steps = self.steps.saturating_mul(2).min(1 << 20);
        self.since = search.tried();
        self.value = best.as_ref().unwrap_or(centre).value;
        Ok(best)
    }

    /// One serious step, after as many null steps as it takes.
    fn step(&mut self, search: &mut Search<'_, '_>, centre: &Arc<Cut>) -> Flow<Option<Arc<Cut>>> {
        let mut nulls = 0;
        loop {
            let region = search.region();
            let cuts = search.bundle().cuts().to_vec();
            let Some(model) = interior::solve(&cuts, region, centre, Term::Proximal(self.weight), EFFORT) else {
                return Ok(None);
            };
            let mixture: Mixture = model.weights.iter().copied().zip(cuts).filter(|(w, _)| *w > 1e-12).collect();
            search.run.offer(&mixture);
            search.bundle().used(&mixture);
            let promised = -model.rise;
            if promised <= 4.0 * f64::EPSILON * centre.value.abs() || promised < 1e-300 || model.y == centre.point {
                return Ok(None);
            }
            let Some(cut) = search.evaluate(&model.y)? else {
                self.weight *= 10.0;
                continue;
            };
            let gained = centre.value - cut.value;
            if gained >= SERIOUS * promised {
                if gained >= 0.5 * promised || nulls == 0 {
                    self.weight = (self.weight * 0.3).max(1e-8);
                }
                return Ok(Some(cut));
            }
            nulls += 1;
            if nulls % 4 == 0 {
                self.weight = (self.weight * 2.0).min(1e12);
            }
        }
    }
}
