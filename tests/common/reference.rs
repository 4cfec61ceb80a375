//! f in arithmetic so precise that its own errors do not matter: what enclosures and lower bounds are compared with.
#![allow(dead_code)]

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use icnn::ir::instance::Instance;
use icnn::ir::interval::Interval;
use icnn::ir::lines::Lines;
use icnn::ir::program::{GroupKind, NodeId, Op};
use icnn::ir::scalar::Scalar;
use icnn::ir::unit::Unit;

/// A number with as many bits as it needs, up to a limit.
pub type Real = FBig<HalfEven, 2>;

/// Sums and products of f64 numbers are exact up to this many bits.
pub const EXACT: usize = 6000;

/// Enough for functions.
pub const FINE: usize = 300;

/// v as a number of so many bits.
pub fn real(v: f64, bits: usize) -> Real {
    Real::try_from(v).expect("a finite number").with_precision(bits).value()
}

/// v as it is.
pub fn exactly(v: f64) -> Real {
    real(v, EXACT)
}

/// f(y); units other than piecewise-linear ones in [`FINE`] bits, everything else exact. `None` for units without a
/// reference here.
pub fn value(instance: &Instance, y: &[f64]) -> Option<Real> {
    let program = instance.program();
    let smooth = program.nodes().iter().any(|node| match &node.op {
        Op::Unit { unit, .. } => (0..node.len).any(|i| !matches!(instance.scalar(unit, i), Scalar::Lines(_))),
        Op::Group { kind, .. } => *kind != GroupKind::Max,
        Op::Quotient(..) => true,
        _ => false,
    });
    let bits = if smooth { FINE } else { EXACT };
    let of = |v: f64| real(v, bits);
    let mut values: Vec<Vec<Real>> = vec![];
    for node in program.nodes() {
        let v = |id: &NodeId| &values[id.index()];
        let out: Vec<Real> = match &node.op {
            Op::Decision => y.iter().map(|v| of(*v)).collect(),
            Op::Param(p) => instance.known(*p)?.iter().map(|v| of(*v)).collect(),
            Op::Linear { input, map } => {
                let mut out = vec![of(0.0); node.len];
                map.visit(instance.weights(map), |i, j, w| out[i] = &out[i] + of(w) * &v(input)[j]);
                out
            }
            Op::Scale { input, by } => {
                (0..node.len).map(|i| of(instance.entry(*by, i).expect("known")) * &v(input)[i]).collect()
            }
            Op::Sum(inputs) => (0..node.len).map(|i| inputs.iter().fold(of(0.0), |sum, id| sum + &v(id)[i])).collect(),
            Op::Concat(inputs) => inputs.iter().flat_map(|id| v(id).clone()).collect(),
            Op::Unit { input, unit } => {
                let each = v(input).iter().enumerate().map(|(i, t)| scalar(&instance.scalar(unit, i), t, bits));
                each.collect::<Option<_>>()?
            }
            Op::Group { input, kind, groups } => {
                let members = |g: usize| groups.group(g).iter().map(|i| &v(input)[*i]);
                let of_group = |g: usize| match kind {
                    GroupKind::Max => members(g).max().expect("a member").clone(),
                    GroupKind::LogSumExp => members(g)
                        .fold(of(0.0), |sum, t| sum + t.clone().with_precision(bits).value().exp())
                        .with_precision(bits)
                        .value()
                        .ln(),
                    GroupKind::Norm => {
                        let sum = members(g).fold(of(0.0), |sum, t| sum + t * t).with_precision(bits).value();
                        if sum == of(0.0) { sum } else { sum.sqrt() }
                    }
                };
                (0..node.len).map(of_group).collect()
            }
            Op::Quadratic { input, matrix } => {
                let t = v(input);
                vec![matrix.iter().fold(of(0.0), |sum, (m, (i, j))| sum + of(*m) * &t[i] * &t[j])]
            }
            Op::Product(a, b) => v(a).iter().zip(v(b)).map(|(a, b)| a * b).collect(),
            Op::Quotient(a, b) => v(a).iter().zip(v(b)).map(|(a, b)| a / b).collect(),
            Op::Select { test, strict, then, otherwise } => (0..node.len)
                .map(|i| {
                    let (t, zero) = (&v(test)[i], of(0.0));
                    let holds = if *strict { *t > zero } else { *t >= zero };
                    if holds { v(then)[i].clone() } else { v(otherwise)[i].clone() }
                })
                .collect(),
        };
        values.push(out);
    }
    values.pop()?.pop()
}

fn lines(lines: &Lines, t: &Real, bits: usize) -> Real {
    let of = |v: f64| real(v, bits);
    let all = || lines.pieces().iter().map(|p| of(p.slope) * t + of(p.intercept));
    let behaviour = lines.behaviour(Interval::ENTIRE);
    match (behaviour.convex, behaviour.concave) {
        (true, _) => all().max().expect("a piece"),
        (_, true) => all().min().expect("a piece"),
        _ => all().nth(lines.breaks().iter().filter(|b| *t > of(**b)).count()).expect("a piece"),
    }
}

fn scalar(g: &Scalar, t: &Real, bits: usize) -> Option<Real> {
    // A 0 that is left of a difference has no precision of its own.
    let t = &t.clone().with_precision(bits).value();
    let of = |v: f64| real(v, bits);
    let (zero, one) = (of(0.0), of(1.0));
    Some(match g {
        Scalar::Lines(l) => lines(l, t, bits),
        Scalar::Combination(parts) => {
            let mut sum = zero;
            for (c, s, g) in parts {
                sum += of(*c) * scalar(g, &(of(*s) * t), bits)?;
            }
            sum
        }
        Scalar::Unknown => return None,
        Scalar::Smooth(unit) => match unit {
            Unit::Softplus { beta, .. } => {
                let (beta, size) = (of(*beta), (&of(*beta) * t).with_precision(bits).value());
                let e = if size > zero { (-size.clone()).exp() } else { size.exp() };
                let rest = e.with_precision(bits).value().ln_1p();
                (if size > zero { size + rest } else { rest }) / beta
            }
            Unit::Elu { alpha } if *t < zero => of(*alpha) * t.exp_m1(),
            Unit::Celu { alpha } if *t < zero => of(*alpha) * (t / of(*alpha)).with_precision(bits).value().exp_m1(),
            Unit::Elu { .. } | Unit::Celu { .. } => t.clone(),
            Unit::Exp => t.exp(),
            Unit::Log => t.ln(),
            Unit::Entropy if *t == zero => zero,
            Unit::Entropy => t * t.ln(),
            Unit::Sigmoid => &one / (&one + (-t.clone()).exp()),
            Unit::Tanh => &one - of(2.0) / ((of(2.0) * t).exp() + &one),
            Unit::Power(p) if *p == p.trunc() => t.powi((*p as i64).into()),
            Unit::Power(_) if *t == zero => zero,
            Unit::Power(p) => t.powf(&of(*p)),
            _ => return None,
        },
    })
}
