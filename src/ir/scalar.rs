//! [`Scalar`]: a unit for one element with its numbers filled in: value, derivative, range, curvature and monotonicity on an
//! interval.

use std::sync::Arc;

pub use icnn_solvers::logistic::{sigmoid, softplus};

use super::enclose::range_of_unit;
use super::interval::Interval;
use super::lines::Lines;
use super::unit::Unit;

/// Relative error allowed for the mathematical functions of the standard library and of `libm`.
const LIBRARY: f64 = 4.0 * f64::EPSILON;

/// A unit for one element.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Piecewise linear.
    Lines(Arc<Lines>),
    /// Σ cₖ gₖ(sₖ t)
    Combination(Vec<(f64, f64, Scalar)>),
    /// Any other unit; it carries no parameter reference.
    Smooth(Unit),
    /// A slope depends on a context that is not given.
    Unknown,
}

/// How a function behaves on an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Convex there.
    pub convex: bool,
    /// Concave there.
    pub concave: bool,
    /// Nondecreasing there.
    pub nondecreasing: bool,
    /// Nonincreasing there.
    pub nonincreasing: bool,
}

impl Behaviour {
    const NOTHING: Behaviour = Behaviour { convex: false, concave: false, nondecreasing: false, nonincreasing: false };

    fn new(convex: bool, concave: bool, nondecreasing: bool, nonincreasing: bool) -> Behaviour {
        Behaviour { convex, concave, nondecreasing, nonincreasing }
    }
}

impl Scalar {
    /// g(t)
    pub fn value(&self, t: f64) -> f64 {
        match self {
            Scalar::Lines(lines) => lines.value(t),
            Scalar::Combination(parts) => parts.iter().map(|(c, s, g)| c * g.value(s * t)).sum(),
            Scalar::Unknown => f64::NAN,
            Scalar::Smooth(unit) => match unit {
                Unit::Softplus { beta, .. } => softplus(beta * t) / beta,
                Unit::Elu { alpha } => {
                    if t >= 0.0 {
                        t
                    } else {
                        alpha * t.exp_m1()
                    }
                }
                Unit::Celu { alpha } => {
                    if t >= 0.0 {
                        t
                    } else {
                        alpha * (t / alpha).exp_m1()
                    }
                }
                Unit::Power(p) => {
                    if *p == 2.0 {
                        t * t
                    } else {
                        t.powf(*p)
                    }
                }
                Unit::Exp => t.exp(),
                Unit::Log => t.ln(),
                Unit::Entropy => {
                    if t == 0.0 {
                        0.0
                    } else {
                        t * t.ln()
                    }
                }
                Unit::Sigmoid => sigmoid(t),
                Unit::Tanh => t.tanh(),
                Unit::Erf => libm::erf(t),
                Unit::Sin => t.sin(),
                Unit::Cos => t.cos(),
                Unit::Atan => t.atan(),
                Unit::Softsign => t / (1.0 + t.abs()),
                Unit::Floor => t.floor(),
                Unit::Ceil => t.ceil(),
                Unit::Round => t.round_ties_even(),
                Unit::Sign => {
                    if t == 0.0 {
                        0.0
                    } else {
                        t.signum()
                    }
                }
                _ => f64::NAN,
            },
        }
    }

    /// g′(t); at a kink the slope on the left, so that relu′(0) = 0.
    pub fn derivative(&self, t: f64) -> f64 {
        match self {
            Scalar::Lines(lines) => lines.slope(t),
            Scalar::Combination(parts) => parts.iter().map(|(c, s, g)| c * s * g.derivative(s * t)).sum(),
            Scalar::Unknown => f64::NAN,
            Scalar::Smooth(unit) => match unit {
                Unit::Softplus { beta, .. } => sigmoid(beta * t),
                Unit::Elu { alpha } => {
                    if t > 0.0 {
                        1.0
                    } else {
                        alpha * t.exp()
                    }
                }
                Unit::Celu { alpha } => {
                    if t > 0.0 {
                        1.0
                    } else {
                        (t / alpha).exp()
                    }
                }
                Unit::Power(p) => {
                    if *p == 2.0 {
                        2.0 * t
                    } else {
                        p * t.powf(p - 1.0)
                    }
                }
                Unit::Exp => t.exp(),
                Unit::Log => 1.0 / t,
                Unit::Entropy => t.ln() + 1.0,
                Unit::Sigmoid => {
                    let s = sigmoid(t);
                    s * (1.0 - s)
                }
                Unit::Tanh => 1.0 - t.tanh().powi(2),
                Unit::Erf => std::f64::consts::FRAC_2_SQRT_PI * (-t * t).exp(),
                Unit::Sin => t.cos(),
                Unit::Cos => -t.sin(),
                Unit::Atan => 1.0 / (1.0 + t * t),
                Unit::Softsign => 1.0 / (1.0 + t.abs()).powi(2),
                _ => 0.0,
            },
        }
    }

    /// An interval that holds g(t) for every t in `on`, rounded outward.
    pub fn range(&self, on: Interval) -> Interval {
        match self {
            Scalar::Lines(lines) => lines.range(on),
            Scalar::Combination(parts) => {
                parts.iter().map(|(c, s, g)| g.range(on.scale(*s)).scale(*c)).fold(Interval::point(0.0), Interval::plus)
            }
            Scalar::Unknown => Interval::ENTIRE,
            Scalar::Smooth(unit) => smooth_range(unit, self, on),
        }
    }

    /// Curvature and monotonicity of g on the interval `on`.
    pub fn behaviour(&self, on: Interval) -> Behaviour {
        let (low, high) = (on.lower, on.upper);
        match self {
            Scalar::Lines(lines) => lines.behaviour(on),
            Scalar::Combination(parts) => {
                let mut all = Behaviour::new(true, true, true, true);
                for (c, s, g) in parts {
                    let b = turned(g.behaviour(on.scale(*s)), *c, *s);
                    all.convex &= b.convex;
                    all.concave &= b.concave;
                    all.nondecreasing &= b.nondecreasing;
                    all.nonincreasing &= b.nonincreasing;
                }
                if all.convex && !all.nondecreasing && low.is_finite() {
                    // A convex function whose slope at the left end is ≥ 0 stays nondecreasing; the derivative is
                    // computed in floating point, so ask for a margin.
                    let slopes: f64 = parts.iter().map(|(c, s, g)| (c * s * g.derivative(s * low)).abs()).sum();
                    all.nondecreasing = self.derivative(low) > 64.0 * f64::EPSILON * slopes;
                }
                all
            }
            Scalar::Unknown => Behaviour::NOTHING,
            Scalar::Smooth(unit) => match unit {
                Unit::Softplus { .. } | Unit::Exp | Unit::Celu { .. } => Behaviour::new(true, false, true, false),
                Unit::Elu { alpha } => {
                    if low >= 0.0 {
                        Behaviour::new(true, true, true, false)
                    } else if high <= 0.0 {
                        Behaviour::new(*alpha >= 0.0, *alpha <= 0.0, *alpha >= 0.0, *alpha <= 0.0)
                    } else {
                        Behaviour::new((0.0..=1.0).contains(alpha), false, *alpha >= 0.0, false)
                    }
                }
                Unit::Power(p) => power_behaviour(*p, low, high),
                Unit::Log => Behaviour::new(false, low >= 0.0, low >= 0.0, false),
                Unit::Entropy => {
                    let e = (-1.0f64).exp();
                    Behaviour::new(
                        low >= 0.0,
                        false,
                        low > e * (1.0 + LIBRARY),
                        low >= 0.0 && high < e * (1.0 - LIBRARY),
                    )
                }
                Unit::Sigmoid | Unit::Tanh | Unit::Erf | Unit::Atan | Unit::Softsign => {
                    Behaviour::new(high <= 0.0, low >= 0.0, true, false)
                }
                Unit::Floor | Unit::Ceil | Unit::Round | Unit::Sign => Behaviour::new(false, false, true, false),
                _ => Behaviour::NOTHING,
            },
        }
    }
}

/// The behaviour of t ↦ c·g(s·t) from that of g.
fn turned(b: Behaviour, c: f64, s: f64) -> Behaviour {
    let b = if c < 0.0 { Behaviour::new(b.concave, b.convex, b.nonincreasing, b.nondecreasing) } else { b };
    if s < 0.0 { Behaviour::new(b.convex, b.concave, b.nonincreasing, b.nondecreasing) } else { b }
}

fn power_behaviour(p: f64, low: f64, high: f64) -> Behaviour {
    let even = p % 2.0 == 0.0;
    let odd = (p % 2.0).abs() == 1.0;
    if p == 0.0 {
        Behaviour::new(true, true, true, true)
    } else if p > 0.0 && low >= 0.0 {
        Behaviour::new(p >= 1.0, p <= 1.0, true, false)
    } else if p > 0.0 && even {
        Behaviour::new(true, false, false, high <= 0.0)
    } else if p > 0.0 && odd {
        Behaviour::new(false, high <= 0.0, true, false)
    } else if p < 0.0 && low > 0.0 {
        Behaviour::new(true, false, false, true)
    } else if p < 0.0 && high < 0.0 && even {
        Behaviour::new(true, false, true, false)
    } else if p < 0.0 && high < 0.0 && odd {
        Behaviour::new(false, true, false, true)
    } else {
        Behaviour::NOTHING
    }
}

fn smooth_range(unit: &Unit, g: &Scalar, on: Interval) -> Interval {
    range_of_unit(unit, on).unwrap_or_else(|| other_range(unit, g, on))
}

/// Ranges of the units without a rule in [`range_of_unit`].
fn other_range(unit: &Unit, g: &Scalar, on: Interval) -> Interval {
    let f = |t: f64| g.value(t);
    let (low, high) = (on.lower, on.upper);
    let within = |i: Interval, lower: f64, upper: f64| Interval::new(i.lower.max(lower), i.upper.min(upper));
    match unit {
        Unit::Elu { alpha } if *alpha < 0.0 => {
            // α < 0: falls from −α to 0, then rises.
            let bottom = if on.contains(0.0) { 0.0 } else { f(low).min(f(high)) };
            within(Interval::new(bottom, f(low).max(f(high))).widened(LIBRARY), 0.0, f64::INFINITY)
        }
        Unit::Power(p) => power_range(*p, g, on),
        Unit::Erf => within(on.increasing(LIBRARY, f), -1.0, 1.0),
        Unit::Softsign => Interval::new(
            if low.is_infinite() { -1.0 } else { f(low).next_down() },
            if high.is_infinite() { 1.0 } else { f(high).next_up() },
        ),
        Unit::Atan => on.increasing(LIBRARY, f),
        Unit::Sin | Unit::Cos => {
            // The slope is at most 1 in size.
            let middle = 0.5 * low + 0.5 * high;
            let radius = (high - middle).max(middle - low).next_up();
            let around = Interval::new(f(middle) - radius - 1e-15, f(middle) + radius + 1e-15);
            if radius < 2.0 { within(around, -1.0, 1.0) } else { Interval::new(-1.0, 1.0) }
        }
        Unit::Floor | Unit::Ceil | Unit::Round | Unit::Sign => on.increasing(0.0, f),
        _ => Interval::ENTIRE,
    }
}

fn power_range(p: f64, g: &Scalar, on: Interval) -> Interval {
    let f = |t: f64| g.value(t);
    let b = power_behaviour(p, on.lower, on.upper);
    if p == 0.0 {
        Interval::point(1.0)
    } else if b.nondecreasing && (on.lower > 0.0 || p > 0.0) {
        let i = on.increasing(LIBRARY, f);
        if on.lower >= 0.0 { Interval::new(i.lower.max(0.0), i.upper) } else { i }
    } else if b.nonincreasing {
        let i = on.decreasing(LIBRARY, f);
        if p % 2.0 == 0.0 || on.lower > 0.0 { Interval::new(i.lower.max(0.0), i.upper) } else { i }
    } else if p > 0.0 && p % 2.0 == 0.0 {
        Interval::new(0.0, f(on.lower).max(f(on.upper))).widened(LIBRARY).max_lower(0.0)
    } else {
        Interval::ENTIRE
    }
}

impl Interval {
    fn max_lower(self, lower: f64) -> Interval {
        Interval::new(self.lower.max(lower), self.upper)
    }
}
