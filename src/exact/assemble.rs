//! From the solved equations to a [`Proof`]: multipliers of kinks become those of pre-activations, shares of maxima add up to
//! the weight of the maximum, and everything goes over one denominator.

use dashu_ratio::RBig;

use super::dyadic::{Dyadic, joined};
use super::pattern::{Pattern, Role, functions};
use super::reduce::{Reduced, lines};
use super::solve::Vertex;
use crate::certificate::exact::{Dual, Proof, Rationals, Support};
use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};

/// A support whose numbers are still to be brought over one denominator: places in the list of all numbers.
enum Draft {
    Piece(u32),
    Break(u32, usize),
    Shares(Vec<(u32, usize)>),
}

/// The proof that a vertex would be.
pub fn assemble(instance: &Instance, domain: &Domain, pattern: &Pattern, vertex: &Vertex) -> Option<Proof> {
    let mut numbers: Vec<Dyadic> = vec![];
    let mut drafts: Vec<Vec<Vec<Draft>>> = vec![];
    for (k, function) in functions(instance, domain).into_iter().enumerate() {
        let reduced = vertex.reduced[k].as_ref();
        let multipliers = &vertex.multipliers[k];
        let mut of_function: Vec<Vec<Draft>> =
            pattern.functions[k].iter().map(|roles| roles.iter().map(at_rest).collect()).collect();
        for tied in reduced.iter().flat_map(|r| tied(r, multipliers)) {
            let role = &pattern.functions[k][tied.node.index()][tied.element];
            let slope = |place: usize| -> Option<Dyadic> {
                let Op::Unit { unit, .. } = &function.program().node(tied.node).op else { return None };
                let pieces = lines(function.scalar(unit, tied.element)).ok()?;
                Some(Dyadic::of(pieces.get(place)?.slope))
            };
            of_function[tied.node.index()][tied.element] = match role {
                Role::Tie(left) => {
                    let (a, b) = (slope(*left as usize)?, slope(*left as usize + 1)?);
                    let m = tied.weight.times(&a).plus(&tied.multipliers.first()?.times(&b.minus(&a)));
                    numbers.push(m);
                    Draft::Break(*left, numbers.len() - 1)
                }
                Role::Members(members) => {
                    let others = tied.multipliers.iter().fold(Dyadic::ZERO, |s, m| s.plus(m));
                    let shares = std::iter::once(tied.weight.minus(&others)).chain(tied.multipliers.iter().cloned());
                    let mut of_group = vec![];
                    for (place, share) in members.iter().zip(shares).filter(|(_, share)| !share.is_zero()) {
                        numbers.push(share);
                        of_group.push((*place, numbers.len() - 1));
                    }
                    of_group.sort_unstable_by_key(|(place, _)| *place);
                    if of_group.is_empty() { Draft::Piece(members[0]) } else { Draft::Shares(of_group) }
                }
                Role::Piece(_) | Role::Open(_) => return None,
            };
        }
        drafts.push(of_function);
    }
    let levels = domain.sublevels().len();
    let first = numbers.len();
    numbers.extend((0..levels).map(|k| vertex.multipliers[k + 1].first().cloned().unwrap_or(Dyadic::ZERO)));
    // f(y) ≥ f(y) − ν·(row − side): the equation has the other sign.
    numbers.extend(vertex.multipliers[levels + 1].iter().map(|v| Dyadic { n: -&v.n, e: v.e }));
    let (numerators, denominator) = joined(&numbers, &vertex.multiplier_denominator);
    let finish = |draft: Draft| match draft {
        Draft::Piece(k) => Support::Piece(k),
        Draft::Break(left, at) => Support::Break { left, multiplier: numerators[at].clone() },
        Draft::Shares(shares) => Support::Shares(shares.iter().map(|(k, at)| (*k, numerators[*at].clone())).collect()),
    };
    let functions = (drafts.into_iter())
        .map(|nodes| nodes.into_iter().map(|node| node.into_iter().map(finish).collect()).collect())
        .collect();
    let dual = Dual {
        functions,
        levels: numerators[first..first + levels].to_vec(),
        rows: numerators[first + levels..].to_vec(),
        denominator,
    };
    let (numerators, denominator) = joined(&vertex.y, &vertex.denominator);
    let (value, over) = joined(std::slice::from_ref(&vertex.value), &vertex.denominator);
    Some(Proof {
        y: Rationals { numerators, denominator },
        dual,
        value: RBig::from_parts(value.into_iter().next()?, over),
    })
}

/// What a role without a multiplier is.
fn at_rest(role: &Role) -> Draft {
    match role {
        Role::Piece(k) | Role::Tie(k) => Draft::Piece(*k),
        Role::Members(members) | Role::Open(members) => Draft::Piece(members.first().copied().unwrap_or(0)),
    }
}

/// A kink with the weight of its unit and the multipliers of its rows.
struct Tied {
    node: NodeId,
    element: usize,
    weight: Dyadic,
    multipliers: Vec<Dyadic>,
}

/// The kinks of one function.
fn tied<'a>(reduced: &'a Reduced, multipliers: &'a [Dyadic]) -> Vec<Tied> {
    let mut out: Vec<Tied> = vec![];
    for (row, tie) in reduced.ties.iter().enumerate() {
        let own = multipliers[row + 1].clone();
        if let Some(last) = out.last_mut().filter(|t| t.node == tie.node && t.element == tie.element) {
            last.multipliers.push(own);
            continue;
        }
        let mut weight = Dyadic::ZERO;
        if let Some((_, elements, weights)) = reduced.weights.iter().find(|(node, ..)| *node == tie.node)
            && let Some(column) = elements.iter().position(|e| *e == tie.element)
        {
            for (i, m) in multipliers.iter().enumerate().filter(|(i, m)| !m.is_zero() && weights.is_set(*i, column)) {
                let entry = Dyadic { n: weights.entry(i, column, weights.exponent()), e: weights.exponent() };
                weight = weight.plus(&entry.times(m));
            }
        }
        out.push(Tied { node: tie.node, element: tie.element, weight, multipliers: vec![own] });
    }
    out
}
