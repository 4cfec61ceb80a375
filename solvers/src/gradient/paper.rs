//! Gradient descent as the paper runs it (eq. 5 and its experiments): 30 iterations, rate 0.1, momentum 0.3.

use super::search::{Flow, Search, search, stalled};
use crate::SolverError;
use crate::run::{End, Run};

/// Iterations.
const ITERATIONS: usize = 30;
/// The rate.
const RATE: f64 = 0.1;
/// The share of the last velocity that is kept.
const MOMENTUM: f64 = 0.3;

/// v ← 0.3·v₋ − 0.1·g, y ← P(y − 0.3·v₋ + 1.3·v), 30 times: the momentum of the published implementation, which looks ahead
/// by one velocity. P clips to the box, and projects onto simplices. The velocity is not clipped. There is no line search and no
/// stopping rule but the closed gap: 61 passes, the last one for the value at the last point.
///
/// Errors: those of f at the start.
pub fn paper_gd(run: &mut Run<'_>) -> Result<End, SolverError> {
    search(run, iterations)
}

fn iterations(search: &mut Search<'_, '_>) -> Flow<End> {
    let mut cut = search.first()?;
    let mut velocity = vec![0.0; cut.point.len()];
    for k in 1..=ITERATIONS {
        let mut y = cut.point.clone();
        for ((y, v), g) in y.iter_mut().zip(&mut velocity).zip(&cut.gradient) {
            let last = *v;
            *v = MOMENTUM * last - RATE * g;
            *y += (1.0 + MOMENTUM) * *v - MOMENTUM * last;
        }
        search.region().project(&mut y);
        if k == ITERATIONS {
            search.value(&y)?;
            break;
        }
        cut = match search.evaluate(&y)? {
            Some(next) => next,
            None => return stalled("f is not finite where the iterations of the paper lead"),
        };
    }
    stalled("the 30 iterations of the paper are done")
}
