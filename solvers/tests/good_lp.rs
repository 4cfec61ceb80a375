//! The same random programs through good_lp, by a simplex written in Rust; against HiGHS where it is compiled in.
#![cfg(feature = "good_lp")]

mod common;

use ::good_lp::{WithTimeLimit, variable::UnsolvedProblem};
use common::{Kind, program};
use icnn_solvers::{LinearProgram, LpOutcome, Status, good_lp};
use proptest::prelude::*;

/// microlp cycles on some degenerate programs; none here needs a second.
fn microlp(lp: &LinearProgram) -> LpOutcome {
    good_lp::solve(lp, |problem: UnsolvedProblem| ::good_lp::microlp(problem).with_time_limit(1.0)).unwrap()
}

/// Whether it gave up.
fn cycled(outcome: &LpOutcome) -> bool {
    outcome.status == Status::Failed && outcome.detail.contains("Time limit")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn optima_are_feasible_and_agree(mut lp in program(Kind::Bounded)) {
        // microlp calls some programs with free columns unbounded. The optima made here lie within ±16.
        for lower in &mut lp.column_lower {
            *lower = lower.max(-1000.0);
        }
        let outcome = microlp(&lp);
        prop_assume!(!cycled(&outcome));
        prop_assert_eq!(outcome.status, Status::Optimal, "{}\n{}", outcome.detail, lp);
        prop_assert!(lp.residuals(&outcome.primal) <= 1e-6, "{lp}\n{outcome:?}");
        #[cfg(feature = "highs")]
        {
            use icnn_solvers::{LpOptions, highs::Highs};
            let highs = Highs::new(&lp).unwrap().solve(&LpOptions::default(), None).unwrap();
            let size = 1.0 + highs.objective.abs();
            prop_assert!((outcome.objective - highs.objective).abs() <= 1e-7 * size, "{lp}\n{outcome:?}\n{highs:?}");
        }
    }

    #[test]
    fn infeasible_is_never_optimal(lp in program(Kind::Infeasible)) {
        let outcome = microlp(&lp);
        prop_assume!(!cycled(&outcome));
        prop_assert_eq!(outcome.status, Status::InfeasibleOrUnbounded, "{}\n{}", outcome.detail, lp);
    }

    #[test]
    fn unbounded_is_unbounded(lp in program(Kind::Unbounded)) {
        let outcome = microlp(&lp);
        prop_assume!(!cycled(&outcome));
        prop_assert_eq!(outcome.status, Status::Unbounded, "{}\n{}", outcome.detail, lp);
    }
}
