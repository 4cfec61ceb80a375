//! Elementwise functions, in a form that the reader puts back together.

use super::file::{File, float};
use super::{Writer, Written};
use crate::ir::lines::{Line, Lines};
use crate::ir::program::ParamId;
use crate::ir::unit::Unit;

/// g(t) for each entry of a row.
pub(super) fn unit(w: &Writer, file: &mut File, t: &str, unit_of: &Unit) -> Written {
    let simple = match unit_of {
        Unit::Relu => "Relu",
        Unit::Abs => "Abs",
        Unit::Exp => "Exp",
        Unit::Log => "Log",
        Unit::Sigmoid => "Sigmoid",
        Unit::Tanh => "Tanh",
        Unit::Erf => "Erf",
        Unit::Sin => "Sin",
        Unit::Cos => "Cos",
        Unit::Atan => "Atan",
        Unit::Softsign => "Softsign",
        Unit::Floor => "Floor",
        Unit::Ceil => "Ceil",
        Unit::Round => "Round",
        Unit::Sign => "Sign",
        _ => "",
    };
    if !simple.is_empty() {
        if simple == "Round" && file.opset < 11 {
            return Err(format!("rounding needs opset 11, the x-path is written in opset {}", file.opset));
        }
        return Ok(file.op(simple, &[t]));
    }
    match unit_of {
        Unit::Leaky(p) => Ok(leaky(w, file, t, *p)),
        Unit::Clip { lower, upper } => Ok(clip(file, t, *lower, *upper)),
        Unit::Lines(lines) => Ok(piecewise(file, t, lines)),
        Unit::Combination(terms) => {
            let mut written = vec![];
            for term in terms {
                let inner = times(file, t, term.inner);
                let value = unit(w, file, &inner, &term.unit)?;
                let one = w.constant(term.weight).is_some_and(|v| v.iter().all(|c| *c == 1.0));
                written.push(if one { value } else { w.times(file, &value, term.weight) });
            }
            let terms: Vec<&str> = written.iter().map(String::as_str).collect();
            Ok(if let [only] = terms.as_slice() { only.to_string() } else { file.op("Sum", &terms) })
        }
        Unit::Softplus { beta, switch } => Ok(softplus(file, t, *beta, *switch)),
        Unit::Elu { alpha } if *alpha > 0.0 => Ok(elu(file, t, *alpha, 1.0)),
        Unit::Elu { alpha } => match float("alpha", *alpha) {
            Some(attribute) => Ok(file.with("Elu", &[t], vec![attribute])),
            None => Err(format!("alpha = {alpha:?} is no 32-bit float as ONNX has them")),
        },
        Unit::Celu { alpha } => Ok(elu(file, t, *alpha, 1.0 / alpha)),
        Unit::Power(p) if *p == 1.0 => Ok(t.to_string()),
        Unit::Power(p) => {
            let p = file.floats(&[], &[*p]);
            Ok(file.op("Pow", &[t, &p]))
        }
        Unit::Entropy => {
            let log = file.op("Log", &[t]);
            Ok(file.op("Mul", &[t, &log]))
        }
        other => Err(format!("{} has no form in ONNX", other.name())),
    }
}

fn times(file: &mut File, t: &str, factor: f64) -> String {
    if factor == 1.0 {
        return t.to_string();
    }
    let factor = file.floats(&[1, 1], &[factor]);
    file.op("Mul", &[t, &factor])
}

fn plus(file: &mut File, t: &str, shift: f64) -> String {
    if shift == 0.0 {
        return t.to_string();
    }
    let shift = file.floats(&[1, 1], &[shift]);
    file.op("Add", &[t, &shift])
}

fn leaky(w: &Writer, file: &mut File, t: &str, slope: ParamId) -> String {
    if let Some([c]) = w.constant(slope)
        && let Some(attribute) = float("alpha", *c)
    {
        return file.with("LeakyRelu", &[t], vec![attribute]);
    }
    let slope = w.param(file, slope);
    file.op("PRelu", &[t, &slope])
}

fn clip(file: &mut File, t: &str, lower: f64, upper: f64) -> String {
    // Doubles and bounds that are inputs came with opset 12.
    if file.opset < 12 {
        let mut value = t.to_string();
        for (op, bound) in [("Max", lower), ("Min", upper)].into_iter().filter(|(_, b)| b.is_finite()) {
            let bound = file.floats(&[1, 1], &[bound]);
            value = file.op(op, &[&value, &bound]);
        }
        return value;
    }
    let mut bound = |v: f64| if v.is_finite() { file.floats(&[], &[v]) } else { String::new() };
    let (lower, upper) = (bound(lower), bound(upper));
    let inputs = [t, &lower, &upper];
    file.op("Clip", if upper.is_empty() { &inputs[..2] } else { &inputs })
}

/// Choices between the pieces, from left to right; at a breakpoint the left one holds.
fn piecewise(file: &mut File, t: &str, lines: &Lines) -> String {
    if let [only] = lines.pieces() {
        let scaled = times(file, t, only.slope);
        return plus(file, &scaled, only.intercept);
    }
    let mut pieces = lines.pieces().iter().map(|p| piece(file, t, *p)).collect::<Vec<_>>().into_iter();
    let mut value = pieces.next().unwrap_or_else(|| t.to_string());
    for (at, right) in lines.breaks().iter().zip(pieces) {
        let at = file.floats(&[1, 1], &[*at]);
        let beyond = file.op("Greater", &[t, &at]);
        value = file.op("Where", &[&beyond, &right, &value]);
    }
    value
}

/// slope·t + intercept; a constant has the extents of t by what it is chosen against.
fn piece(file: &mut File, t: &str, p: Line) -> String {
    if p.slope == 0.0 {
        return file.floats(&[1, 1], &[p.intercept]);
    }
    let scaled = times(file, t, p.slope);
    plus(file, &scaled, p.intercept)
}

fn softplus(file: &mut File, t: &str, beta: f64, switch: Option<f64>) -> String {
    let scaled = times(file, t, beta);
    // max(t, 0) + log(1 + e^{−|t|}), in operators that run-times have for doubles; the reader takes it for what it is.
    let above = file.op("Relu", &[&scaled]);
    let size = file.op("Abs", &[&scaled]);
    let size = file.op("Neg", &[&size]);
    let power = file.op("Exp", &[&size]);
    let power = plus(file, &power, 1.0);
    let rest = file.op("Log", &[&power]);
    let mut value = file.op("Add", &[&above, &rest]);
    if beta != 1.0 {
        let beta = file.floats(&[1, 1], &[beta]);
        value = file.op("Div", &[&value, &beta]);
    }
    if let Some(switch) = switch {
        let switch = file.floats(&[1, 1], &[switch]);
        let beyond = file.op("Greater", &[&scaled, &switch]);
        value = file.op("Where", &[&beyond, t, &value]);
    }
    value
}

/// t above 0, α·e^{s·t} − α below, in operators that take doubles.
fn elu(file: &mut File, t: &str, alpha: f64, inner: f64) -> String {
    let scaled = times(file, t, inner);
    let power = file.op("Exp", &[&scaled]);
    let power = times(file, &power, alpha);
    let below = plus(file, &power, -alpha);
    let zero = file.floats(&[1, 1], &[0.0]);
    let above = file.op("Greater", &[t, &zero]);
    file.op("Where", &[&above, t, &below])
}
