//! A conflict checked from outside: its members contradict each other, and no member is superfluous.

use icnn::explain::{Explanation, Part};
use icnn::objective::Objective;
use icnn::{Domain, Method, Status};

const INF: f64 = f64::INFINITY;

/// What is left of a domain when only some of its sides are kept.
fn kept(domain: &Domain, parts: &[Part]) -> Domain {
    let p = domain.dimension();
    let has = |part: Part| parts.contains(&part);
    let lower = (0..p).map(|j| if has(Part::Lower(j)) { domain.lower()[j] } else { -INF }).collect();
    let upper = (0..p).map(|j| if has(Part::Upper(j)) { domain.upper()[j] } else { INF }).collect();
    let mut out = Domain::new_box(lower, upper).unwrap();
    for (i, row) in domain.rows().iter().enumerate() {
        let (l, u) = (has(Part::RowLower(i)), has(Part::RowUpper(i)));
        let side = |has: bool, side: f64, none: f64| if has { side } else { none };
        if l || u {
            let (l, u) = (side(l, row.lower, -INF), side(u, row.upper, INF));
            out = out.with_row(&row.name, &row.coefficients, l, u).unwrap();
        }
    }
    for (_, level) in domain.sublevels().iter().enumerate().filter(|(k, _)| has(Part::Level(*k))) {
        out = out.with_at_most(&level.name, &level.function, level.at_most).unwrap();
    }
    out
}

/// The members contradict each other, and without any one of them they do not.
pub fn is_smallest(domain: &Domain, found: &Explanation) {
    let conflict = found.conflict.as_ref().expect("a conflict");
    let nothing = Objective::empty(domain.dimension()).build().unwrap();
    let status = |parts: &[Part]| nothing.minimize(&kept(domain, parts), Method::Lp).unwrap().status;
    let parts: Vec<Part> = conflict.members.iter().map(|m| m.part).collect();
    assert_eq!(status(&parts), Status::Infeasible, "{conflict:?}");
    assert!(conflict.minimal && conflict.proof.surplus > 0.0);
    for member in &conflict.members {
        let rest: Vec<Part> = parts.iter().copied().filter(|p| *p != member.part).collect();
        assert_ne!(status(&rest), Status::Infeasible, "{} is not needed: {conflict:?}", member.name);
        let y = member.without.as_ref().expect("a point");
        assert!(kept(domain, &rest).violation(y) <= 1e-6, "{} at {y:?}", member.name);
    }
}
