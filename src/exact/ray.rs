//! Exact proof that f is unbounded below: a rational direction d along which the box and the rows go on for ever, no learned
//! constraint grows, and f falls at last, f∞(d) < 0.
//!
//! f∞, the recession function, is the network without constants, every unit replaced by the two rays it ends in; its value at a
//! rational point is computed like that of any network. The domain has to have a point; that is another question.

use std::sync::Arc;

use dashu_int::{IBig, Sign, UBig};
use dashu_ratio::RBig;

use super::dyadic::{Dyadic, joined};
use super::empty::nearby;
use crate::certificate::exact::{Rationals, value};
use crate::domain::Domain;
use crate::ir::builder::Builder;
use crate::ir::finish::remapped;
use crate::ir::instance::Instance;
use crate::ir::lines::Lines;
use crate::ir::program::{GroupKind, NodeId, Op, ParamId};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// A direction along which f falls for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ray {
    /// d
    pub direction: Rationals,
    /// f∞(d), below 0.
    pub slope: RBig,
}

/// An activity below this share of the numbers that cancel in it is meant to be 0.
const CANCELLED: f64 = 1e-9;

/// Whether the direction keeps the domain and f falls along it at this rate, computed without rounding.
pub fn verify(instance: &Instance, domain: &Domain, ray: &Ray) -> bool {
    slope(instance, domain, &ray.direction).is_some_and(|slope| slope == ray.slope && slope < RBig::ZERO)
}

/// A proof from a direction in f64, with the rows that it all but keeps kept exactly.
pub fn ray(instance: &Instance, domain: &Domain, direction: &[f64]) -> Option<Ray> {
    let p = domain.dimension();
    if direction.len() != p || direction.iter().any(|v| !v.is_finite()) {
        return None;
    }
    // Coordinates that may move in one way only do so, or not at all.
    let allowed = |(j, v): (usize, &f64)| {
        let stopped = *v > 0.0 && domain.upper()[j].is_finite() || *v < 0.0 && domain.lower()[j].is_finite();
        if stopped { 0.0 } else { *v }
    };
    let d: Vec<f64> = direction.iter().enumerate().map(allowed).collect();
    let moving: Vec<usize> = (0..p).filter(|j| d[*j] != 0.0).collect();
    let kept = domain.rows().iter().filter(|row| {
        let size = row.coefficients.iter().fold(0.0f64, |m, (j, c)| m.max((c * d[*j]).abs()));
        size > 0.0 && row.activity(&d).abs() <= CANCELLED * size
    });
    let equation = |row: &crate::domain::Row| {
        let coefficient = |j: &usize| row.coefficients.iter().find(|(k, _)| k == j).map_or(0.0, |(_, c)| *c);
        (moving.iter().map(|j| Dyadic::of(coefficient(j))).collect(), Dyadic::ZERO)
    };
    let equations: Vec<(Vec<Dyadic>, Dyadic)> = kept.map(equation).collect();
    let values: Vec<f64> = moving.iter().map(|j| d[*j]).collect();
    let (numbers, whole) = nearby(&equations, &values)?;
    let mut out = vec![Dyadic::ZERO; p];
    moving.iter().zip(numbers).for_each(|(j, v)| out[*j] = v);
    let (numerators, denominator) = joined(&out, &UBig::try_from(whole).ok()?);
    let direction = Rationals { numerators, denominator };
    let slope = slope(instance, domain, &direction)?;
    (slope < RBig::ZERO).then_some(Ray { direction, slope })
}

/// f∞(d), if the domain goes on for ever along d.
fn slope(instance: &Instance, domain: &Domain, d: &Rationals) -> Option<RBig> {
    if d.numerators.len() != domain.dimension() || d.denominator.is_zero() {
        return None;
    }
    let stays = |v: &IBig, lower: f64, upper: f64| {
        v.is_zero()
            || (v.sign() == Sign::Positive && upper.is_infinite())
            || (v.sign() == Sign::Negative && lower.is_infinite())
    };
    let inside = |(j, v): (usize, &IBig)| stays(v, domain.lower()[j], domain.upper()[j]);
    if !d.numerators.iter().enumerate().all(inside) {
        return None;
    }
    for row in domain.rows() {
        let term = |(j, c): &(usize, f64)| Dyadic { n: d.numerators[*j].clone(), e: 0 }.times(&Dyadic::of(*c));
        let activity = row.coefficients.iter().map(term).fold(Dyadic::ZERO, |s, v| s.plus(&v));
        if !stays(&activity.n, row.lower, row.upper) {
            return None;
        }
    }
    for level in domain.sublevels() {
        if value(&recession(&level.function)?, d).ok()? > RBig::ZERO {
            return None;
        }
    }
    value(&recession(instance)?, d).ok()
}

/// f∞ as a network; `None` where f is not piecewise linear or not made of parts that have such a form.
fn recession(instance: &Instance) -> Option<Instance> {
    let program = instance.program();
    let mut b = Builder::new(program.decision_name(), program.decision_shape());
    let mut params: Vec<ParamId> = vec![];
    for k in 0..program.params().len() {
        params.push(b.constant(&program.params()[k].name, instance.shared(ParamId(k as u32))?));
    }
    let mut place: Vec<NodeId> = vec![b.decision()];
    for node in &program.nodes()[1..] {
        let to = |id: NodeId| place[id.index()];
        let built = match &node.op {
            Op::Param(_) => b.constant_vector(&node.name, vec![0.0; node.len]),
            Op::Unit { input, unit } if !is_homogeneous(unit) => b.unit(to(*input), two_rays(unit)?).ok()?,
            Op::Unit { .. }
            | Op::Group { kind: GroupKind::Max, .. }
            | Op::Linear { .. }
            | Op::Scale { .. }
            | Op::Concat(_) => b.push(remapped(&node.op, &to, &mut |p| params[p.index()]), node.len),
            Op::Sum(inputs) => b.sum(&inputs.iter().map(|i| to(*i)).collect::<Vec<_>>()).ok()?,
            _ => return None,
        };
        place.push(built);
    }
    let program = b.finish(place[program.output().index()]).ok()?;
    Arc::new(program).at(&[]).ok()
}

/// Whether the unit is made of two rays from the origin already.
fn is_homogeneous(unit: &Unit) -> bool {
    match unit {
        Unit::Relu | Unit::Abs | Unit::Leaky(_) => true,
        Unit::Combination(terms) => terms.iter().all(|term| is_homogeneous(&term.unit)),
        _ => false,
    }
}

/// The two rays in which a piecewise-linear unit ends, moved to the origin.
fn two_rays(unit: &Unit) -> Option<Unit> {
    let (Unit::Clip { .. } | Unit::Lines(_)) = unit else { return None };
    let Scalar::Lines(lines) = unit.scalar(0, &|_, _| None) else { return None };
    let (first, last) = (lines.pieces().first()?.slope, lines.pieces().last()?.slope);
    let rays = if first == last { Lines::line(first, 0.0) } else { Lines::hinge(0.0, first, last) };
    Some(Unit::Lines(Arc::new(rays)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::program::Program;

    fn instance(text: &str) -> Instance {
        Arc::new(text.parse::<Program>().expect("a program")).at(&[]).expect("no context")
    }

    #[test]
    fn a_ray_of_a_network_with_a_constant() {
        // relu(0.3·y0 − 0.1·y1 + 5) − 0.01·y1: falls where 0.3·y0 ≤ 0.1·y1 and y1 grows.
        let f = instance(
            "y 2\nn1 = dense n0 [[0.3, -0.1]]\nn2 = param [5]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = dense n0 [[0, -0.01]]\n\
             n6 = sum n4 n5\noutput n6",
        );
        let domain = Domain::everything(2).with_row("r", &[(0, 0.3), (1, -0.1)], 0.0, f64::INFINITY).unwrap();
        let found = ray(&f, &domain, &[1.0 / 3.0, 1.0]).expect("f falls along the edge");
        assert!(verify(&f, &domain, &found));
        assert!(ray(&f, &domain, &[-1.0, 0.0]).is_none(), "leaves the row");
        assert!(ray(&f, &domain, &[1.0, 1.0]).is_none(), "rises");
        assert!(!verify(&f, &Domain::cube(2, -1.0, 1.0).unwrap(), &found));
        let slope = RBig::from_parts(IBig::from(-1), UBig::ONE);
        assert!(!verify(&f, &domain, &Ray { slope, ..found }));
    }
}
