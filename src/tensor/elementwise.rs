//! Functions of one number: activations and the rest.

use super::Tensor;
use super::call::Call;
use super::defaults::*;
use super::error::{OpError, invalid};

/// `f` of every number of input 0.
pub(super) fn map(call: &Call, f: impl Fn(f64) -> f64) -> Result<Vec<Tensor>, OpError> {
    Ok(vec![Tensor::Float(call.floats(0)?.mapv(f))])
}

/// `f`, or `g` on integers.
fn map_either(call: &Call, f: impl Fn(f64) -> f64, g: impl Fn(i64) -> i64) -> Result<Vec<Tensor>, OpError> {
    match call.input(0)? {
        Tensor::Int(a) => Ok(vec![Tensor::Int(a.mapv(g))]),
        _ => map(call, f),
    }
}

/// `max(x, 0)`; NaN stays NaN.
pub(super) fn relu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    map_either(call, |x| if x < 0.0 { 0.0 } else { x }, |x| x.max(0))
}

/// `|x|`
pub(super) fn abs(call: &Call) -> Result<Vec<Tensor>, OpError> {
    map_either(call, f64::abs, i64::wrapping_abs)
}

/// `-x`
pub(super) fn neg(call: &Call) -> Result<Vec<Tensor>, OpError> {
    map_either(call, |x| -x, i64::wrapping_neg)
}

/// -1, 0 or 1.
pub(super) fn sign(call: &Call) -> Result<Vec<Tensor>, OpError> {
    map_either(
        call,
        |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x * 0.0
            }
        },
        i64::signum,
    )
}

/// `x` where positive, `α x` where negative.
pub(super) fn leaky_relu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", LEAKY_RELU_ALPHA)?;
    map(call, |x| if x < 0.0 { alpha * x } else { x })
}

/// `x` where positive, `α (exp(x) - 1)` where negative.
pub(super) fn elu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", ALPHA)?;
    map(call, |x| if x < 0.0 { alpha * x.exp_m1() } else { x })
}

/// `x` where positive, `α (exp(x/α) - 1)` where negative.
pub(super) fn celu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", ALPHA)?;
    map(call, |x| if x < 0.0 { alpha * (x / alpha).exp_m1() } else { x })
}

/// `γ` times Elu.
pub(super) fn selu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", SELU_ALPHA)?;
    let gamma = call.float("gamma", SELU_GAMMA)?;
    map(call, |x| gamma * if x < 0.0 { alpha * x.exp_m1() } else { x })
}

/// `x` where above `α`, else 0.
pub(super) fn thresholded_relu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", ALPHA)?;
    map(call, |x| if x <= alpha { 0.0 } else { x })
}

/// `α x + β`, clipped to [0, 1].
pub(super) fn hard_sigmoid(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let alpha = call.float("alpha", HARD_SIGMOID_ALPHA)?;
    let beta = call.float("beta", HARD_SIGMOID_BETA)?;
    map(call, |x| (alpha * x + beta).clamp(0.0, 1.0))
}

/// `x · hard_sigmoid(x)` with slope 1/6.
pub(super) fn hard_swish(x: f64) -> f64 {
    x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

/// `x Φ(x)`, or its approximation by tanh.
pub(super) fn gelu(call: &Call) -> Result<Vec<Tensor>, OpError> {
    match call.text("approximate", "none")? {
        "none" => map(call, |x| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))),
        "tanh" => {
            let scale = std::f64::consts::FRAC_2_PI.sqrt();
            map(call, |x| 0.5 * x * (1.0 + (scale * (x + 0.044715 * x.powi(3))).tanh()))
        }
        other => Err(invalid(format!("Gelu approximate '{other}'"))),
    }
}

/// `min(max(x, low), high)`, the bounds being attributes before opset 11.
pub(super) fn clip(call: &Call) -> Result<Vec<Tensor>, OpError> {
    if let Tensor::Int(a) = call.input(0)? {
        let low = call.scalar::<i64>(1)?.unwrap_or(i64::MIN);
        let high = call.scalar::<i64>(2)?.unwrap_or(i64::MAX);
        return Ok(vec![Tensor::Int(a.mapv(|x| x.max(low).min(high)))]);
    }
    let (low, high) = if call.opset < 11 {
        (call.float("min", f64::NEG_INFINITY)?, call.float("max", f64::INFINITY)?)
    } else {
        (call.scalar(1)?.unwrap_or(f64::NEG_INFINITY), call.scalar(2)?.unwrap_or(f64::INFINITY))
    };
    map(call, |x| {
        let x = if x < low { low } else { x };
        if x > high { high } else { x }
    })
}
