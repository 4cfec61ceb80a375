//! Exact arithmetic the slow and obvious way, one rational number per element: f(y), the weights of units, and proofs of small
//! networks from what HiGHS finds, its numbers replaced by the fractions they are near.
// Each test file uses a part of this.
#![allow(dead_code, unused_imports)]

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use icnn::Domain;
use icnn::certificate::Multipliers;
use icnn::certificate::exact::{Dual, Proof, Rationals, Support};
use icnn::ir::instance::Instance;
use icnn::ir::linear::LinearMap;
use icnn::ir::lines::Lines;
use icnn::ir::program::{GroupKind, NodeId, Op};
use icnn::ir::scalar::Scalar;

/// A finite number, as the fraction it is.
pub fn fraction(v: f64) -> RBig {
    RBig::try_from(v).expect("a finite number")
}

/// The fraction with a denominator up to 10 000 that a number is near.
pub fn near(v: f64) -> RBig {
    for d in 1..=10_000u64 {
        let n = (v * d as f64).round();
        if (v - n / d as f64).abs() < 1e-9 {
            return RBig::from_parts(IBig::from(n as i64), UBig::from(d));
        }
    }
    panic!("{v} is near no small fraction")
}

/// Over their least common denominator.
pub fn common(values: &[RBig]) -> Rationals {
    let mut denominator = UBig::ONE;
    for v in values {
        // A multiple that all of these divide; it need not be the least.
        let whole = RBig::from(denominator.clone()) * v;
        denominator *= whole.denominator().clone();
    }
    let numerator = |v: &RBig| (v * RBig::from(denominator.clone())).numerator().clone();
    Rationals { numerators: values.iter().map(numerator).collect(), denominator }
}

pub fn lines(instance: &Instance, op: &Op, i: usize, len: usize) -> Lines {
    let Op::Unit { unit, .. } = op else { panic!("no unit") };
    match instance.scalars(unit, len).get(i) {
        Scalar::Lines(lines) => (**lines).clone(),
        other => panic!("{other:?}"),
    }
}

fn entries(instance: &Instance, map: &LinearMap) -> Vec<(usize, usize, RBig)> {
    let mut out = vec![];
    map.visit(instance.weights(map), |i, j, w| out.push((i, j, fraction(w))));
    out
}

/// The values of all nodes.
pub fn forward(instance: &Instance, y: &[RBig]) -> Vec<Vec<RBig>> {
    let mut values: Vec<Vec<RBig>> = vec![];
    for node in instance.program().nodes() {
        let v = |id: &NodeId| values[id.index()].clone();
        let value = match &node.op {
            Op::Decision => y.to_vec(),
            Op::Param(p) => instance.known(*p).expect("given").iter().map(|v| fraction(*v)).collect(),
            Op::Linear { input, map } => {
                let (mut out, v) = (vec![RBig::ZERO; node.len], v(input));
                entries(instance, map).into_iter().for_each(|(i, j, w)| out[i] += w * &v[j]);
                out
            }
            Op::Scale { input, by } => {
                let factor = |i| fraction(instance.entry(*by, i).expect("given"));
                v(input).into_iter().enumerate().map(|(i, t)| factor(i) * t).collect()
            }
            Op::Sum(inputs) => {
                (0..node.len).map(|i| inputs.iter().fold(RBig::ZERO, |sum, id| sum + &v(id)[i])).collect()
            }
            Op::Concat(inputs) => inputs.iter().flat_map(v).collect(),
            Op::Unit { input, .. } => {
                let each = |(i, t): (usize, RBig)| {
                    let lines = lines(instance, &node.op, i, node.len);
                    let k = lines.breaks().iter().filter(|b| t > fraction(**b)).count();
                    fraction(lines.pieces()[k].slope) * t + fraction(lines.pieces()[k].intercept)
                };
                v(input).into_iter().enumerate().map(each).collect()
            }
            Op::Group { input, kind: GroupKind::Max, groups } => {
                let v = v(input);
                (0..node.len).map(|g| groups.group(g).iter().map(|i| v[*i].clone()).max().expect("a member")).collect()
            }
            other => panic!("{}", other.name()),
        };
        values.push(value);
    }
    values
}

/// What `support` makes of the weight of an element: (pre-activation, multiplier) pairs and a constant.
pub type Chosen = (Vec<(usize, RBig)>, RBig);

/// The weights of all nodes, r and c, when `choose(node, element, weight)` says what each element passes on.
pub fn backward(
    instance: &Instance,
    weight: RBig,
    mut choose: impl FnMut(usize, usize, &RBig) -> Chosen,
) -> (Vec<Vec<RBig>>, RBig) {
    let nodes = instance.program().nodes();
    let mut weights: Vec<Vec<RBig>> = nodes.iter().map(|n| vec![RBig::ZERO; n.len]).collect();
    let mut constant = RBig::ZERO;
    *weights.last_mut().expect("a node") = vec![weight];
    for k in (1..nodes.len()).rev() {
        let w = weights[k].clone();
        match &nodes[k].op {
            Op::Param(p) => {
                instance.known(*p).expect("given").iter().zip(&w).for_each(|(v, w)| constant += fraction(*v) * w);
            }
            Op::Linear { input, map } => {
                entries(instance, map).into_iter().for_each(|(i, j, c)| weights[input.index()][j] += c * &w[i]);
            }
            Op::Scale { input, by } => {
                let factor = |i| fraction(instance.entry(*by, i).expect("given"));
                (0..w.len()).for_each(|i| weights[input.index()][i] += factor(i) * &w[i]);
            }
            Op::Sum(inputs) => {
                inputs.iter().for_each(|id| (0..w.len()).for_each(|i| weights[id.index()][i] += w[i].clone()));
            }
            Op::Concat(inputs) => {
                let mut rest = w.iter();
                for id in inputs {
                    weights[id.index()].iter_mut().zip(&mut rest).for_each(|(t, w)| *t += w.clone());
                }
            }
            Op::Unit { input, .. } | Op::Group { input, .. } => {
                for (i, w) in w.iter().enumerate() {
                    let (to, c) = choose(k, i, w);
                    to.into_iter().for_each(|(j, m)| weights[input.index()][j] += m);
                    constant += c;
                }
            }
            other => panic!("{}", other.name()),
        }
    }
    (weights, constant)
}

/// What a support makes of a weight; `d` is the denominator of its multipliers.
pub fn passed(instance: &Instance, id: usize, i: usize, w: &RBig, support: &Support, d: &UBig) -> Chosen {
    let node = &instance.program().nodes()[id];
    let over = |n: &IBig| RBig::from_parts(n.clone(), d.clone());
    if let Op::Group { groups, .. } = &node.op {
        let member = |k: u32| groups.group(i)[k as usize];
        return match support {
            Support::Piece(k) => (vec![(member(*k), w.clone())], RBig::ZERO),
            Support::Shares(s) => (s.iter().map(|(k, n)| (member(*k), over(n))).collect(), RBig::ZERO),
            Support::Break { .. } => panic!("a break of a maximum"),
        };
    }
    let lines = lines(instance, &node.op, i, node.len);
    let (slope, intercept) =
        (|k: u32| fraction(lines.pieces()[k as usize].slope), |k: u32| fraction(lines.pieces()[k as usize].intercept));
    match support {
        Support::Piece(k) => (vec![(i, w * slope(*k))], w * intercept(*k)),
        Support::Break { left, multiplier } => {
            let (m, k) = (over(multiplier), *left);
            let c =
                w * intercept(k) + (&m - w * slope(k)) * (intercept(k + 1) - intercept(k)) / (slope(k + 1) - slope(k));
            (vec![(i, m)], c)
        }
        Support::Shares(_) => panic!("shares of a unit"),
    }
}

/// The minimum of a small network with small numbers, with its proof, and the (function, node, element) that have weight 0.
#[cfg(feature = "highs")]
pub fn prove(f: &Instance, domain: &Domain) -> (Proof, Vec<(usize, usize, usize)>) {
    use icnn_solvers::highs::Highs;
    use icnn_solvers::{LpOptions, Status};
    let linear = icnn::lower::linear(f, domain).expect("a linear program");
    let found = Highs::new(&linear.lp).expect("HiGHS").solve(&LpOptions::default(), None).expect("solved");
    assert_eq!(found.status, Status::Optimal);
    let y: Vec<RBig> = linear.decisions_of(&found.primal).expect("a point").into_iter().map(near).collect();
    let point: Vec<f64> = y.iter().map(|v| v.to_f64().value()).collect();
    let rows: Vec<RBig> = (0..domain.rows().len()).map(|k| near(found.row_dual[k])).collect();
    let levels: Vec<RBig> = linear.level_rows.iter().map(|(_, row)| near(found.row_dual[*row].abs())).collect();
    let mut weights = vec![RBig::ONE];
    weights.extend(levels.iter().cloned());
    let functions = [f].into_iter().chain(domain.sublevels().iter().map(|l| &l.function));
    let mut supports: Vec<Vec<Vec<(Support, RBig)>>> = vec![];
    let mut idle = vec![];
    for (k, (function, weight)) in functions.zip(&weights).enumerate() {
        let trace = function.forward(&point).expect("finite");
        let start = Multipliers::subgradient(function, &trace);
        let slopes = linear.slopes(k, function, &found.row_dual, &found.column_dual, start);
        let mut chosen: Vec<Vec<(Support, RBig)>> = function.program().nodes().iter().map(|_| vec![]).collect();
        backward(function, weight.clone(), |id, i, w| {
            if *w == RBig::ZERO {
                idle.push((k, id, i));
            }
            let (support, multiplier) = support(function, id, i, w, &slopes);
            // Over 1: `passed` takes numerators.
            let whole = |s: &Support, d: &UBig| passed(function, id, i, w, s, d);
            let d = multiplier.denominator().clone();
            let out = whole(&support, &d);
            chosen[id].push((support, multiplier));
            out
        });
        supports.push(chosen);
    }
    let dual = dual(&supports, &levels, &rows);
    let value = forward(f, &y).pop().expect("a node").remove(0);
    (Proof { y: common(&y), dual, value }, idle)
}

/// Multipliers over one denominator: each support with its numbers over the denominator of the second number.
pub fn dual(supports: &[Vec<Vec<(Support, RBig)>>], levels: &[RBig], rows: &[RBig]) -> Dual {
    let mut denominators: Vec<RBig> = supports.iter().flatten().flatten().map(|(_, m)| m.clone()).collect();
    denominators.extend(rows.iter().chain(levels).cloned());
    let denominator = common(&denominators).denominator;
    let whole = |v: &RBig| (v * RBig::from(denominator.clone())).numerator().clone();
    let scaled = |n: &IBig, d: &UBig| whole(&RBig::from_parts(n.clone(), d.clone()));
    let over_all = |(s, m): &(Support, RBig)| match s {
        Support::Piece(k) => Support::Piece(*k),
        Support::Break { left, multiplier } => {
            Support::Break { left: *left, multiplier: scaled(multiplier, m.denominator()) }
        }
        Support::Shares(s) => Support::Shares(s.iter().map(|(k, n)| (*k, scaled(n, m.denominator()))).collect()),
    };
    Dual {
        functions: supports.iter().map(|f| f.iter().map(|n| n.iter().map(over_all).collect()).collect()).collect(),
        levels: levels.iter().map(whole).collect(),
        rows: rows.iter().map(whole).collect(),
        denominator,
    }
}

/// The support nearest to a slope; its numbers are over the denominator of the second number.
#[cfg(feature = "highs")]
fn support(f: &Instance, id: usize, i: usize, w: &RBig, slopes: &Multipliers) -> (Support, RBig) {
    let node = &f.program().nodes()[id];
    if let Op::Group { groups, .. } = &node.op {
        let given = &slopes.slopes()[id][groups.range(i)];
        if let Some(k) = given.iter().position(|v| *v > 1.0 - 1e-9) {
            return (Support::Piece(k as u32), RBig::ZERO);
        }
        let total = w.to_f64().value();
        let shares: Vec<RBig> = given.iter().map(|v| near(v * total)).collect();
        let over = common(&shares);
        let d = RBig::from_parts(IBig::ONE, over.denominator);
        return (Support::Shares(over.numerators.into_iter().enumerate().map(|(k, n)| (k as u32, n)).collect()), d);
    }
    let lines = lines(f, &node.op, i, node.len);
    let slope = slopes.slopes()[id][i];
    if let Some(k) = lines.pieces().iter().position(|p| (p.slope - slope).abs() < 1e-9) {
        return (Support::Piece(k as u32), RBig::ZERO);
    }
    let left =
        lines.pieces().windows(2).position(|p| (p[0].slope - slope) * (p[1].slope - slope) < 0.0).expect("a pair");
    let m = near(slope * w.to_f64().value());
    (Support::Break { left: left as u32, multiplier: m.numerator().clone() }, m)
}
