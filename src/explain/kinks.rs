//! [`Kinks`]: where the units of f and of the learned constraints stand at a point: left or right of their breakpoints, on
//! one of them, or decided by the bounds of y alone.

use serde::Serialize;

use crate::check::prove;
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, NodeId, Op};
use crate::ir::scalar::Scalar;
use crate::lower::needed::needed;

/// A pre-activation within this share of the numbers of its node counts as being at the breakpoint.
pub const TOLERANCE: f64 = 1e-7;

/// The units at a point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kinks {
    /// [`TOLERANCE`].
    pub tolerance: f64,
    /// Piecewise-linear units and maxima that the functions use.
    pub units: usize,
    /// How many of them are at a kink.
    pub at_kink: usize,
    /// The same node by node.
    pub nodes: Vec<NodeKinks>,
    /// Every unit that is at a kink.
    pub list: Vec<Kink>,
}

/// The entries of one node. Those that the function uses are of one of five kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeKinks {
    /// `f`, or the name of a learned constraint.
    pub function: String,
    /// `n7 'relu_1' (relu)`: number, name in the file, operation.
    pub node: String,
    /// Entries that the function uses.
    pub units: usize,
    /// Right of the last breakpoint; of a maximum: one member alone is the largest.
    pub active: usize,
    /// Left of the first breakpoint.
    pub inactive: usize,
    /// Between two breakpoints.
    pub between: usize,
    /// At a breakpoint; of a maximum: several members are the largest.
    pub at_kink: usize,
    /// Linear on the whole domain, by the bounds of y alone.
    pub decided: usize,
}

/// One unit at a kink.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kink {
    /// `f`, or the name of a learned constraint.
    pub function: String,
    /// The node, as in [`NodeKinks::node`].
    pub node: String,
    /// The entry of the node.
    pub entry: usize,
    /// What goes into the unit; of a maximum, the largest member.
    pub argument: f64,
    /// The breakpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakpoint: Option<f64>,
    /// Of a maximum: the places of the members that tie.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ties: Vec<usize>,
}

/// Where one unit stands.
enum Stand {
    Active,
    Inactive,
    Between,
    Decided,
    Kink { argument: f64, breakpoint: Option<f64>, ties: Vec<usize> },
}

/// The units of f and of the domain's learned constraints at y.
///
/// Errors: a function that cannot be evaluated at y.
pub fn kinks(instance: &Instance, domain: &Domain, y: &[f64]) -> Result<Kinks, Error> {
    let levels = domain.sublevels().iter().map(|l| (l.name.as_str(), &l.function));
    let mut all = Kinks { tolerance: TOLERANCE, units: 0, at_kink: 0, nodes: vec![], list: vec![] };
    for (function, instance) in std::iter::once(("f", instance)).chain(levels) {
        of_function(function, instance, domain, y, &mut all)?;
    }
    all.units = all.nodes.iter().map(|n| n.units).sum();
    all.at_kink = all.list.len();
    Ok(all)
}

fn of_function(function: &str, instance: &Instance, domain: &Domain, y: &[f64], all: &mut Kinks) -> Result<(), Error> {
    let trace = instance.forward(y)?;
    let (bounds, _) = prove(instance, domain);
    let used = needed(instance, &bounds);
    for (k, node) in instance.program().nodes().iter().enumerate() {
        let id = NodeId(k as u32);
        let (Op::Unit { input, .. } | Op::Group { input, kind: GroupKind::Max, .. }) = &node.op else { continue };
        let values = trace.of(*input);
        let size = values.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        let name = instance.program().describe(id);
        let mut count = NodeKinks {
            function: function.into(),
            node: name.clone(),
            units: 0,
            active: 0,
            inactive: 0,
            between: 0,
            at_kink: 0,
            decided: 0,
        };
        for entry in (0..node.len).filter(|i| used[k][*i]) {
            let Some(stand) = stand(instance, id, entry, &bounds, values, TOLERANCE * size) else { continue };
            count.units += 1;
            match stand {
                Stand::Active => count.active += 1,
                Stand::Inactive => count.inactive += 1,
                Stand::Between => count.between += 1,
                Stand::Decided => count.decided += 1,
                Stand::Kink { argument, breakpoint, ties } => {
                    count.at_kink += 1;
                    let (function, node) = (function.into(), name.clone());
                    all.list.push(Kink { function, node, entry, argument, breakpoint, ties });
                }
            }
        }
        if count.units > 0 {
            all.nodes.push(count);
        }
    }
    Ok(())
}

/// `None` for a unit that has no breakpoints.
fn stand(instance: &Instance, id: NodeId, i: usize, bounds: &Bounds, values: &[f64], near: f64) -> Option<Stand> {
    match &instance.program().node(id).op {
        Op::Unit { input, unit } => {
            let Scalar::Lines(lines) = instance.scalar(unit, i) else { return None };
            let (breaks, argument) = (lines.breaks(), values[i]);
            let (first, last) = (breaks.first()?, breaks.last()?);
            if lines.on(bounds.of(*input)[i]).len() == 1 {
                return Some(Stand::Decided);
            }
            let closest = breaks.iter().copied().min_by(|a, b| (a - argument).abs().total_cmp(&(b - argument).abs()));
            Some(match closest {
                Some(b) if (argument - b).abs() <= near.max(TOLERANCE * b.abs()) => {
                    Stand::Kink { argument, breakpoint: Some(b), ties: vec![] }
                }
                _ if argument > *last => Stand::Active,
                _ if argument < *first => Stand::Inactive,
                _ => Stand::Between,
            })
        }
        Op::Group { input, groups, .. } => {
            let group = groups.group(i);
            if group.len() < 2 {
                return None;
            }
            let alive = bounds.alive(*input, group);
            if alive.len() == 1 {
                return Some(Stand::Decided);
            }
            let argument = group.iter().map(|j| values[*j]).fold(f64::NEG_INFINITY, f64::max);
            let ties: Vec<usize> = alive.into_iter().filter(|k| argument - values[group[*k]] <= near).collect();
            Some(if ties.len() > 1 { Stand::Kink { argument, breakpoint: None, ties } } else { Stand::Active })
        }
        _ => None,
    }
}
