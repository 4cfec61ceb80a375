//! HiGHS' codes and the words of this crate.

use highs_sys as sys;

use crate::{Basis, BasisStatus, Status};

/// The status, and HiGHS' name for it. Codes that are not an answer are [`Status::Failed`].
pub(super) fn translate(code: i32) -> (Status, &'static str) {
    match code {
        sys::MODEL_STATUS_OPTIMAL => (Status::Optimal, "optimal"),
        sys::MODEL_STATUS_INFEASIBLE => (Status::Infeasible, "infeasible"),
        sys::MODEL_STATUS_UNBOUNDED => (Status::Unbounded, "unbounded"),
        sys::MODEL_STATUS_UNBOUNDED_OR_INFEASIBLE => (Status::InfeasibleOrUnbounded, "infeasible or unbounded"),
        sys::MODEL_STATUS_REACHED_ITERATION_LIMIT => (Status::IterationLimit, "iteration limit"),
        sys::MODEL_STATUS_REACHED_TIME_LIMIT => (Status::TimeLimit, "time limit"),
        sys::MODEL_STATUS_REACHED_INTERRUPT => (Status::Interrupted, "interrupted"),
        sys::MODEL_STATUS_NOTSET => (Status::Failed, "not set"),
        sys::MODEL_STATUS_LOAD_ERROR => (Status::Failed, "load error"),
        sys::MODEL_STATUS_MODEL_ERROR => (Status::Failed, "model error"),
        sys::MODEL_STATUS_PRESOLVE_ERROR => (Status::Failed, "presolve error"),
        sys::MODEL_STATUS_SOLVE_ERROR => (Status::Failed, "solve error"),
        sys::MODEL_STATUS_POSTSOLVE_ERROR => (Status::Failed, "postsolve error"),
        sys::MODEL_STATUS_MODEL_EMPTY => (Status::Failed, "empty model"),
        sys::MODEL_STATUS_OBJECTIVE_BOUND => (Status::Failed, "objective bound reached"),
        sys::MODEL_STATUS_OBJECTIVE_TARGET => (Status::Failed, "objective target reached"),
        sys::MODEL_STATUS_UNKNOWN => (Status::Failed, "unknown"),
        sys::MODEL_STATUS_REACHED_SOLUTION_LIMIT => (Status::Failed, "solution limit"),
        sys::MODEL_STATUS_REACHED_MEMORY_LIMIT => (Status::Failed, "memory limit"),
        _ => (Status::Failed, "a status this program does not know"),
    }
}

/// The codes of basis statuses.
pub(super) fn basis_to_highs(statuses: &[BasisStatus]) -> Vec<i32> {
    let code = |status: &BasisStatus| match status {
        BasisStatus::Lower => sys::kHighsBasisStatusLower,
        BasisStatus::Basic => sys::kHighsBasisStatusBasic,
        BasisStatus::Upper => sys::kHighsBasisStatusUpper,
        BasisStatus::Zero => sys::kHighsBasisStatusZero,
        BasisStatus::Nonbasic => sys::kHighsBasisStatusNonbasic,
    };
    statuses.iter().map(code).collect()
}

/// The basis of these codes; None if one of them is unknown.
pub(super) fn basis_from_highs(columns: &[i32], rows: &[i32]) -> Option<Basis> {
    let status = |&code: &i32| match code {
        sys::kHighsBasisStatusLower => Some(BasisStatus::Lower),
        sys::kHighsBasisStatusBasic => Some(BasisStatus::Basic),
        sys::kHighsBasisStatusUpper => Some(BasisStatus::Upper),
        sys::kHighsBasisStatusZero => Some(BasisStatus::Zero),
        sys::kHighsBasisStatusNonbasic => Some(BasisStatus::Nonbasic),
        _ => None,
    };
    Some(Basis {
        columns: columns.iter().map(status).collect::<Option<_>>()?,
        rows: rows.iter().map(status).collect::<Option<_>>()?,
    })
}
