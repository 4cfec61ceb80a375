//! What is known of an x-path value for every context: one interval per value. It is what proves the gates of a PICNN ≥ 0.

use super::lowering::{Arguments, Value};
use crate::ir::interval::Interval;
use crate::load::graph::Node;

/// The hull of a value's entries, whatever the context.
pub(super) fn hull(value: &Value) -> Interval {
    match value {
        Value::Known(_) => {
            let values = value.known().unwrap_or_default();
            let lower = values.iter().copied().fold(f64::INFINITY, f64::min);
            let upper = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if values.is_empty() { Interval::ENTIRE } else { Interval::new(lower, upper) }
        }
        Value::Context { range, .. } => *range,
        _ => Interval::ENTIRE,
    }
}

/// An interval for every output entry of an x-path operation.
pub(super) fn range(node: &Node, a: Arguments) -> Interval {
    let at = |k: usize| a.get(k).and_then(Option::as_ref).map_or(Interval::ENTIRE, hull);
    let t = at(0);
    let all =
        |f: fn(Interval, Interval) -> Interval| a.iter().flatten().map(hull).reduce(f).unwrap_or(Interval::ENTIRE);
    let nonnegative = |v: Interval| if v.lower >= 0.0 { Interval::NONNEGATIVE } else { Interval::ENTIRE };
    let upper_of = |p: Interval, q: Interval| Interval::new(p.lower.max(q.lower), p.upper.max(q.upper));
    let lower_of = |p: Interval, q: Interval| Interval::new(p.lower.min(q.lower), p.upper.min(q.upper));
    match node.op.as_str() {
        "Identity" | "Reshape" | "Transpose" | "Slice" | "Gather" | "GatherElements" | "GatherND" | "Split"
        | "Squeeze" | "Unsqueeze" | "Expand" | "Flatten" | "Tile" | "CastLike" | "ReduceMax" | "ReduceMin"
        | "MaxPool" | "GlobalMaxPool" | "Dropout" => t,
        "Cast" if matches!(node.int("to", 1), 1 | 11 | 10 | 16) => t,
        // A floating-point mean can leave the hull by its rounding; its sign cannot.
        "Mean" | "ReduceMean" | "AveragePool" | "GlobalAveragePool" => nonnegative(t),
        "Concat" => all(Interval::hull),
        "Where" => at(1).hull(at(2)),
        "Relu" | "Softplus" | "Abs" | "Exp" | "Sqrt" | "ReduceSumSquare" | "ReduceL1" | "ReduceL2" => {
            let lower = if node.op == "Relu" { t.lower.max(0.0) } else { 0.0 };
            Interval::new(lower, if node.op == "Relu" { t.upper.max(0.0) } else { f64::INFINITY })
        }
        "Sigmoid" | "HardSigmoid" | "Softmax" | "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "Equal"
        | "Not" | "And" | "Or" | "Xor" | "IsNaN" | "IsInf" => Interval::new(0.0, 1.0),
        "Tanh" | "Erf" | "Sin" | "Cos" | "Softsign" | "Sign" => Interval::new(-1.0, 1.0),
        "Elu" | "Celu" if t.lower < 0.0 => {
            let alpha = node.float("alpha", 1.0);
            if alpha >= 0.0 { Interval::new(-alpha, f64::INFINITY) } else { Interval::ENTIRE }
        }
        "Elu" | "Celu" => t,
        "LeakyRelu" if t.lower >= 0.0 => t,
        "Clip" => {
            let bound = |k: usize, name: &str, default: f64| match a.get(k) {
                Some(Some(v)) => hull(v),
                _ => Interval::point(node.float(name, default)),
            };
            let (min, max) = (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY));
            lower_of(upper_of(t, min), max)
        }
        "Max" => all(upper_of),
        "Min" => all(lower_of),
        "Neg" => t.scale(-1.0),
        // The evaluated sum or product is the rounded one; outward rounding covers it.
        "Add" | "Sum" => all(Interval::plus),
        "Sub" => t.plus(at(1).scale(-1.0)),
        "Mul" => match (a.first(), a.get(1)) {
            (Some(Some(Value::Context { value: p, .. })), Some(Some(Value::Context { value: q, .. }))) if p == q => {
                Interval::NONNEGATIVE
            }
            _ => t.product(at(1)),
        },
        "Div" => {
            let q = at(1);
            match (t.lower >= 0.0, t.upper <= 0.0, q.lower > 0.0, q.upper < 0.0) {
                (true, _, true, _) | (_, true, _, true) => Interval::NONNEGATIVE,
                (true, _, _, true) | (_, true, true, _) => Interval::new(f64::NEG_INFINITY, 0.0),
                _ => Interval::ENTIRE,
            }
        }
        "Reciprocal" if t.lower >= 0.0 => Interval::NONNEGATIVE,
        "Reciprocal" if t.upper <= 0.0 => Interval::new(f64::NEG_INFINITY, 0.0),
        "Pow" => match a.get(1).and_then(Option::as_ref).and_then(Value::uniform) {
            Some(p) if p % 2.0 == 0.0 => Interval::NONNEGATIVE,
            _ => nonnegative(t),
        },
        "ReduceSum" | "CumSum" | "ReduceProd" => nonnegative(t),
        "MatMul" | "Gemm" | "Conv" | "Einsum" | "ConvTranspose" => {
            let signs = a.iter().flatten().all(|v| hull(v).lower >= 0.0);
            let factors = node.float("alpha", 1.0) >= 0.0 && node.float("beta", 1.0) >= 0.0;
            if signs && factors { Interval::NONNEGATIVE } else { Interval::ENTIRE }
        }
        _ => Interval::ENTIRE,
    }
}
