//! Where the units of f stand at a point, smooth ones counted apart.

use serde::Serialize;

use crate::check::prove;
use crate::domain::Domain;
use crate::error::Error;
use crate::explain::{Kinks, kinks};
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;
use crate::lower::needed::needed;

/// The units at a point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Units {
    /// Those with kinks, node by node.
    pub kinks: Kinks,
    /// Smooth ones: node, and how many of its entries the function uses.
    pub smooth: Vec<(String, usize)>,
}

/// The units of f and of learned constraints that have kinks, and the smooth units of f.
///
/// Errors: a function that cannot be evaluated at y.
pub fn units(objective: &Instance, domain: &Domain, y: &[f64]) -> Result<Units, Error> {
    let kinks = kinks(objective, domain, y)?;
    let (bounds, _) = prove(objective, domain);
    let used = needed(objective, &bounds);
    let mut smooth = vec![];
    for (k, node) in objective.program().nodes().iter().enumerate() {
        let entries =
            |is_smooth: &dyn Fn(usize) -> bool| (0..node.len).filter(|i| used[k][*i] && is_smooth(*i)).count();
        let count = match &node.op {
            Op::Unit { unit, .. } => entries(&|i| !matches!(objective.scalar(unit, i), Scalar::Lines(_))),
            Op::Group { kind: GroupKind::LogSumExp, .. } => entries(&|_| true),
            _ => 0,
        };
        if count > 0 {
            smooth.push((objective.program().describe(NodeId(k as u32)), count));
        }
    }
    Ok(Units { kinks, smooth })
}
