//! HiGHS made to lie, for tests: whoever uses an outcome must not depend on its being true.
//!
//! A [`Lie`] is told on the thread that asks for it, by every [`Highs::solve`](super::Highs::solve) inside [`while_lying`]:
//! options are changed on the way in, the outcome on the way out. Solves on other threads are true.
//!
//! ```
//! use icnn_solvers::{LinearProgram, LpOptions, Status, highs::{Highs, lies}};
//! let solve = || Highs::new(&LinearProgram::new(1))?.solve(&LpOptions::default(), None);
//! assert_eq!(lies::while_lying(lies::Lie::Status(Status::Infeasible), solve)?.status, Status::Infeasible);
//! assert_eq!(solve()?.status, Status::Optimal);
//! # Ok::<(), icnn_solvers::SolverError>(())
//! ```

use std::cell::RefCell;

use crate::{BasisStatus, LpOptions, LpOutcome, Status};

/// What is not true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lie {
    /// Row multipliers and reduced costs, each times 1 + `size`·v plus `size`·v for v in [−1, 1] that depend on `seed`.
    Duals {
        /// How much.
        size: f64,
        /// Which.
        seed: u64,
    },
    /// The point, likewise.
    Point {
        /// How much.
        size: f64,
        /// Which.
        seed: u64,
    },
    /// Row multipliers and reduced costs with the signs turned.
    Turned,
    /// Row multipliers in reverse order.
    Reversed,
    /// Another basis with as many basic entries: every status moves `by` places, rows and columns taken together.
    Basis {
        /// How far.
        by: usize,
    },
    /// After so many iterations HiGHS is stopped, and what it has is called optimal. Without presolve, which would solve
    /// small programs before that.
    Early {
        /// Iterations.
        iterations: u64,
    },
    /// Another status, with the same numbers; a ray or Farkas vector of ones where the status needs one.
    Status(Status),
    /// Every `every`-th number of each vector is not finite: NaN, ∞ and −∞ in turn.
    NotFinite {
        /// At least 1.
        every: usize,
    },
    /// Vectors of no length, called optimal.
    Nothing,
    /// An objective value that is 1 lower.
    Objective,
}

thread_local! {
    static TOLD: RefCell<Option<Lie>> = const { RefCell::new(None) };
}

/// Calls `f` with HiGHS lying on this thread.
pub fn while_lying<R>(lie: Lie, f: impl FnOnce() -> R) -> R {
    /// Truth again, also after a panic.
    struct Until(Option<Lie>);
    impl Drop for Until {
        fn drop(&mut self) {
            TOLD.set(self.0);
        }
    }
    let _until = Until(TOLD.replace(Some(lie)));
    f()
}

pub(super) fn told_here() -> Option<Lie> {
    TOLD.with_borrow(|lie| *lie)
}

impl Lie {
    pub(super) fn asked(&self, options: &LpOptions) -> LpOptions {
        match self {
            Lie::Early { iterations } => {
                LpOptions { iteration_limit: Some(*iterations), presolve: false, ..options.clone() }
            }
            _ => options.clone(),
        }
    }

    pub(super) fn tell(&self, outcome: &mut LpOutcome) {
        match *self {
            Lie::Duals { size, seed } => {
                let mut noise = Noise(seed);
                outcome.row_dual.iter_mut().chain(&mut outcome.column_dual).for_each(|v| *v = noise.on(*v, size));
            }
            Lie::Point { size, seed } => {
                let mut noise = Noise(seed);
                outcome.primal.iter_mut().for_each(|v| *v = noise.on(*v, size));
            }
            Lie::Turned => outcome.row_dual.iter_mut().chain(&mut outcome.column_dual).for_each(|v| *v = -*v),
            Lie::Reversed => outcome.row_dual.reverse(),
            Lie::Basis { by } => {
                if let Some(basis) = &mut outcome.basis {
                    let n = basis.columns.len();
                    let mut all: Vec<BasisStatus> = basis.columns.iter().chain(&basis.rows).copied().collect();
                    let by = by % all.len().max(1);
                    all.rotate_right(by);
                    basis.rows = all.split_off(n);
                    basis.columns = all;
                }
            }
            Lie::Early { .. } => outcome.status = Status::Optimal,
            Lie::Status(status) => {
                outcome.status = status;
                outcome.ray = (status == Status::Unbounded).then(|| vec![1.0; outcome.primal.len()]);
                outcome.farkas = (status == Status::Infeasible).then(|| vec![1.0; outcome.row_dual.len()]);
            }
            Lie::NotFinite { every } => {
                let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
                for vector in [&mut outcome.primal, &mut outcome.row_dual, &mut outcome.column_dual] {
                    let chosen = vector.iter_mut().step_by(every.max(1)).enumerate();
                    chosen.for_each(|(k, v)| *v = bad[k % 3]);
                }
                outcome.objective = f64::NAN;
            }
            Lie::Nothing => *outcome = LpOutcome::empty(Status::Optimal, "a lie"),
            Lie::Objective => outcome.objective -= 1.0,
        }
    }
}

/// Numbers in [−1, 1] (a linear congruential generator).
struct Noise(u64);

impl Noise {
    fn on(&mut self, v: f64, size: f64) -> f64 {
        v * (1.0 + size * self.next()) + size * self.next()
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}
