//! Exact optima: random networks of each family on boxes, and the degenerate set, all with zero gap.
#![cfg(feature = "highs")]

#[macro_use]
#[path = "common/networks.rs"]
mod networks;

use icnn::solve::{Goal, Proof};
use icnn::{Limits, Method, Status};
use networks::{Case, Problem, Sides};
use proptest::prelude::*;

families! {
    boxes: 300, Sides::Finite;
}

fn boxes<P: Problem>(case: &Case<P>) -> Result<(), TestCaseError> {
    let limits = Limits { proof: Goal::Exact, ..Limits::default() };
    let found = case.instance.minimize_with(&case.domain, Method::Lp, &limits).unwrap();
    prop_assert_eq!(&found.status, &Status::Optimal);
    if std::env::var("COUNT").is_ok() {
        println!("{:?} {:?}", found.proof, found.message);
        return Ok(());
    }
    prop_assert_eq!(found.proof, Proof::Exact, "{:?}", found.message);
    prop_assert_eq!(found.gap, Some(0.0));
    Ok(())
}
