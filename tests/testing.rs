//! The test oracle: what its strategies make is convex, known minimisers are minimisers, the judge is right.
#![cfg(all(feature = "testing", feature = "highs"))]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dashu_ratio::RBig;
use icnn::ir::instance::Instance;
use icnn::ir::linear::LinearMap;
use icnn::ir::program::Op;
use icnn::testing::{
    FAMILIES, Family, Features, Known, Minimum, Numbers, Problem, Ranges, Sizes, assert_argmin, known_minimisers,
    networks, suboptimality,
};
use icnn::{Domain, Limits, Method};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn proven(f: &Instance, domain: &Domain) -> bool {
    f.prove(&f.bounds(domain.intervals())).is_convex()
}

#[test]
fn every_network_is_proven_convex() {
    for (name, family) in FAMILIES {
        let convex = |p: Problem| {
            prop_assert!(proven(&p.instance, &p.domain));
            prop_assert!(proven(&p.network.program().for_any_context(), &p.domain), "for every context");
            Ok(())
        };
        runner(200).run(&networks(*family, &Ranges::default()), convex).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}
