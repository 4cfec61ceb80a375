//! Functions as a description names them: activations, and what makes weights positive.

use serde::Deserialize;

use super::sketch::Sketch;

/// A function without a number.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// t
    #[serde(alias = "none")]
    Identity,
    /// max(t, 0)
    #[serde(alias = "clamp")]
    Relu,
    /// leaky relu of slope 0.01
    LeakyRelu,
    /// log(1 + eᵗ)
    Softplus,
    /// t or eᵗ − 1
    Elu,
    /// the same
    Celu,
    /// scaled elu
    Selu,
    /// eᵗ
    Exp,
    /// |t|
    Abs,
    /// t²
    Square,
    /// 1/(1 + e⁻ᵗ)
    Sigmoid,
    /// tanh t
    Tanh,
}

/// A function with its number.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbered {
    /// Slope below 0.
    LeakyRelu(f64),
    /// log(1 + e^{βt})/β
    Softplus(f64),
    /// t or α(eᵗ − 1)
    Elu(f64),
    /// t or α(e^{t/α} − 1)
    Celu(f64),
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a function: \"relu\", {\"leaky_relu\": 0.2}, … (docs/formats.md lists them)")]
pub enum Function {
    /// By its name.
    Named(Named),
    /// With a number.
    Numbered(Numbered),
}

/// Functions applied one after the other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a function or a list of functions (docs/formats.md lists them)")]
pub enum Chain {
    /// One.
    One(Function),
    /// Several, the first one first.
    Several(Vec<Function>),
}

impl Chain {
    /// The identity.
    pub const IDENTITY: Chain = Chain::One(Function::Named(Named::Identity));
    /// max(t, 0)
    pub const RELU: Chain = Chain::One(Function::Named(Named::Relu));

    fn functions(&self) -> &[Function] {
        match self {
            Chain::One(f) => std::slice::from_ref(f),
            Chain::Several(all) => all,
        }
    }

    /// A number that has no meaning for its function.
    pub fn fault(&self) -> Option<String> {
        self.functions().iter().find_map(|f| match f {
            Function::Numbered(Numbered::Softplus(v) | Numbered::Celu(v)) if !(v.is_finite() && *v > 0.0) => {
                Some(format!("{f:?}: {v} must be positive"))
            }
            _ => None,
        })
    }

    /// The value after all functions; its operations are named after `name`.
    pub fn apply(&self, s: &mut Sketch, name: &str, input: String) -> String {
        let mut t = input;
        let mut rest = self.functions();
        while let [f, after @ ..] = rest {
            let k = self.functions().len() - rest.len();
            let name = if k == 0 { name.to_string() } else { format!("{name}.{k}") };
            rest = after;
            if let (Some(slope), [Function::Named(Named::Square), after @ ..]) = (f.slope(), after) {
                t = leaky_square(s, slope, &name, &t);
                rest = after;
            } else {
                t = function(s, *f, &name, t);
            }
        }
        t
    }
}

impl Function {
    /// The slope of a leaky relu.
    fn slope(&self) -> Option<f64> {
        match self {
            Function::Named(Named::LeakyRelu) => Some(0.01),
            Function::Numbered(Numbered::LeakyRelu(slope)) => Some(*slope),
            _ => None,
        }
    }
}

/// The square of a leaky relu as max(t, 0)² + (slope·max(−t, 0))²: term by term it is seen to be convex.
fn leaky_square(s: &mut Sketch, slope: f64, name: &str, t: &str) -> String {
    let above = s.op("Relu", &format!("{name}.above"), &[t]);
    let above = s.op("Mul", &format!("{name}.above.square"), &[&above, &above]);
    let turned = s.op("Neg", &format!("{name}.turned"), &[t]);
    let below = s.op("Relu", &format!("{name}.below"), &[&turned]);
    let below = s.op("Mul", &format!("{name}.below.square"), &[&below, &below]);
    let below = s.times(&format!("{name}.below.scaled"), &below, slope * slope);
    s.op("Add", name, &[&above, &below])
}

fn function(s: &mut Sketch, f: Function, name: &str, t: String) -> String {
    match f {
        Function::Named(Named::Identity) => t,
        Function::Named(Named::Relu) => s.op("Relu", name, &[&t]),
        Function::Named(Named::LeakyRelu) => s.with("LeakyRelu", name, &[&t], ("alpha", 0.01)),
        Function::Named(Named::Softplus) => s.op("Softplus", name, &[&t]),
        Function::Named(Named::Elu) => s.op("Elu", name, &[&t]),
        Function::Named(Named::Celu) => s.op("Celu", name, &[&t]),
        Function::Named(Named::Selu) => s.op("Selu", name, &[&t]),
        Function::Named(Named::Exp) => s.op("Exp", name, &[&t]),
        Function::Named(Named::Abs) => s.op("Abs", name, &[&t]),
        Function::Named(Named::Square) => s.op("Mul", name, &[&t, &t]),
        Function::Named(Named::Sigmoid) => s.op("Sigmoid", name, &[&t]),
        Function::Named(Named::Tanh) => s.op("Tanh", name, &[&t]),
        Function::Numbered(Numbered::LeakyRelu(slope)) => s.with("LeakyRelu", name, &[&t], ("alpha", slope)),
        Function::Numbered(Numbered::Elu(alpha)) => s.with("Elu", name, &[&t], ("alpha", alpha)),
        Function::Numbered(Numbered::Celu(alpha)) => s.with("Celu", name, &[&t], ("alpha", alpha)),
        Function::Numbered(Numbered::Softplus(beta)) => {
            let scaled = s.times(&format!("{name}.beta"), &t, beta);
            let soft = s.op("Softplus", &format!("{name}.softplus"), &[&scaled]);
            let beta = s.number(beta);
            s.op("Div", name, &[&soft, &beta])
        }
    }
}
