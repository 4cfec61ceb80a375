//! Why a proof stops at a node, in words: the numbers that stand in its way.

use super::convexity::Step;
use super::curvature::Curvature;
use super::interval::Interval;
use super::program::{NodeId, Op};
use super::psd::definiteness;
use super::scalar::{Behaviour, Scalar};
use super::unit::Unit;

impl Step<'_> {
    /// Why entry `element` is neither convex nor concave; its arguments are.
    pub(super) fn why(&self, op: &Op, element: usize) -> String {
        let c = |id: NodeId| self.proof.of(id);
        match op {
            Op::Linear { input, map } => {
                let range = map.param().filter(|p| self.instance.known(*p).is_none());
                if let Some(p) = range {
                    let name = &self.instance.program().params()[p.index()].name;
                    return format!("its weights '{name}' depend on the context and may have either sign");
                }
                let mut low: Option<(usize, f64)> = None;
                let mut high: Option<(usize, f64)> = None;
                map.visit(self.instance.weights(map), |i, j, w| {
                    if i == element && !c(*input)[j].is_affine() {
                        // Seen as a factor on a convex entry.
                        let w = if c(*input)[j].is_convex() { w } else { -w };
                        if w < low.map_or(0.0, |l| l.1) {
                            low = Some((j, w));
                        }
                        if w > high.map_or(0.0, |h| h.1) {
                            high = Some((j, w));
                        }
                    }
                });
                match (low, high) {
                    (Some((j, w)), Some((k, v))) => format!(
                        "convex and concave terms are added: weight {w} on entry {j} next to weight {v} on entry {k} (as factors of convex entries)"
                    ),
                    _ => "terms of unlike curvature are added".into(),
                }
            }
            Op::Scale { input, by } => {
                let name = &self.instance.program().params()[by.index()].name;
                let s = self.instance.interval(*by, element);
                format!(
                    "the factor '{name}' lies in {s}, so its sign is not known, and its argument is {}",
                    c(*input)[element]
                )
            }
            Op::Sum(inputs) => {
                let terms: Vec<String> = inputs.iter().map(|id| format!("{} is {}", id, c(*id)[element])).collect();
                format!("the terms have unlike curvature: {}", terms.join(", "))
            }
            Op::Unit { input, unit } => {
                let on = self.bounds.of(*input)[element];
                let scalar = self.instance.scalar(unit, element);
                if scalar == Scalar::Unknown {
                    return "its slope depends on the context; give one with --context".into();
                }
                unit_failure(unit, scalar.behaviour(on), on, c(*input)[element])
            }
            Op::Group { .. } => "an argument is concave, and a maximum needs convex ones".into(),
            Op::Quadratic { matrix, input } => {
                let all = c(*input).iter().fold(Curvature::CONSTANT, |a, c| a.plus(*c));
                format!("the matrix is {} and the argument {all}", definiteness(matrix))
            }
            Op::Product(..) => "a product of two values that both depend on y".into(),
            Op::Quotient(..) => "a quotient whose divisor depends on y, or may be 0".into(),
            Op::Select { test, .. } => {
                let t = self.bounds.of(*test)[element];
                format!("a choice between two functions; the tested value lies in {t}, so both occur")
            }
            Op::Decision | Op::Param(_) | Op::Concat(_) => "an argument is of unknown curvature".into(),
        }
    }
}

fn unit_failure(unit: &Unit, g: Behaviour, on: Interval, t: Curvature) -> String {
    let name = unit.name();
    if !g.convex && !g.concave {
        return match unit {
            Unit::Elu { alpha } if *alpha > 1.0 => format!(
                "elu with alpha = {alpha} > 1 is neither convex nor concave: its slope falls from {alpha} to 1 at 0 (its argument lies in {on})"
            ),
            _ => format!("{name} is neither convex nor concave on {on}"),
        };
    }
    let kind = if g.convex { "convex" } else { "concave" };
    let monotone = match (g.nondecreasing, g.nonincreasing) {
        (true, _) => "nondecreasing",
        (_, true) => "nonincreasing",
        _ => "not monotone",
    };
    format!("{name} is {kind} and {monotone} on {on}, and its argument is {t} there")
}
