//! [`check`]: one entry of a certificate against the function and the set it is about.

use dashu_int::IBig;
use dashu_ratio::RBig;

use super::problem::Folded;
use super::schema::{self, Row, Slope};
use crate::certificate::exact::{self, NotVerified, Rationals, Support};
use crate::certificate::{Multipliers, rigorous};
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::load::program_json::Number;

/// What an entry proves.
#[derive(Debug, Clone, PartialEq)]
pub enum Proven {
    /// The minimum is this number, and y attains it.
    Exact {
        /// The minimum.
        value: RBig,
        /// The minimiser.
        y: Rationals,
    },
    /// f(y) ≤ value, and f ≥ `lower_bound` on the set.
    Rigorous {
        /// Not below f(y).
        value: f64,
        /// Not above f anywhere on the set.
        lower_bound: f64,
        /// By how much y violates the set at most; 0 where it lies in it.
        violation: f64,
        /// The point.
        y: Vec<f64>,
    },
}

fn refused<T>(reason: impl Into<String>) -> Result<T, NotVerified> {
    Err(NotVerified(reason.into()))
}

/// Checks an entry. `folded` is made from the model and the set by whoever asks; nothing of it is taken from the entry's proof.
///
/// # Errors
/// Another problem than `folded` is; everything that [`exact::verify`] refuses; a claimed bound that does not hold.
pub fn check(row: &Row, folded: &Folded) -> Result<Proven, NotVerified> {
    if row.problem != folded.problem {
        return refused("it states another problem: another model, context, row or set");
    }
    if row.network != folded.sha256 {
        return refused(format!("its network has hash {}, the folded network {}", row.network, folded.sha256));
    }
    match &row.proof {
        schema::Proof::Exact(proof) => of_exact(proof, folded),
        schema::Proof::Rigorous(proof) => of_rigorous(proof, folded),
    }
}

fn of_exact(written: &schema::Exact, folded: &Folded) -> Result<Proven, NotVerified> {
    let above_zero = |n: &super::Hex, what: &str| {
        n.positive().map_or_else(|| refused(format!("the denominator of {what} is not above 0")), Ok)
    };
    let fraction = |(n, d): &(super::Hex, super::Hex), what: &str| {
        let value = RBig::from_parts(n.0.clone(), above_zero(d, what)?);
        match value.numerator() == &n.0 && IBig::from(value.denominator().clone()) == d.0 {
            true => Ok(value),
            false => refused(format!("{what} is not in lowest terms")),
        }
    };
    let plain = |numbers: &[super::Hex]| numbers.iter().map(|n| n.0.clone()).collect::<Vec<_>>();
    let m = &written.multipliers;
    let dual = exact::Dual {
        denominator: above_zero(&m.denominator, "the multipliers")?,
        functions: m.functions.iter().map(|f| f.iter().map(|n| supports(n)).collect()).collect::<Result<_, _>>()?,
        levels: plain(&m.levels),
        rows: plain(&m.rows),
    };
    let y =
        Rationals { numerators: plain(&written.y.numerators), denominator: above_zero(&written.y.denominator, "y")? };
    let (value, lower) = (fraction(&written.value, "the value")?, fraction(&written.lower_bound, "the lower bound")?);
    if value != lower {
        return refused("value and lower bound are not the same number");
    }
    let proof = exact::Proof { y, dual, value };
    exact::verify(&folded.function, &folded.domain, &proof)?;
    Ok(Proven::Exact { value: proof.value, y: proof.y })
}

fn supports(written: &[schema::Support]) -> Result<Vec<Support>, NotVerified> {
    written.iter().map(support).collect()
}

fn support(written: &schema::Support) -> Result<Support, NotVerified> {
    Ok(match written {
        schema::Support::Piece(k) => Support::Piece(*k),
        schema::Support::Break(left, n) => Support::Break { left: *left, multiplier: n.0.clone() },
        schema::Support::Shares(shares) => {
            if shares.windows(2).any(|s| s[0].0 >= s[1].0) || shares.iter().any(|(_, n)| n.0.is_zero()) {
                return refused("the shares of a maximum are out of order, or one is 0");
            }
            Support::Shares(shares.iter().map(|(k, n)| (*k, n.0.clone())).collect())
        }
    })
}

/// The slopes of a certificate in the form that bounds are made of.
fn slopes(written: &schema::Slopes, folded: &Folded) -> Result<rigorous::Dual, NotVerified> {
    let plain = |numbers: &[Number]| numbers.iter().map(|n| n.0).collect::<Vec<f64>>();
    let levels = folded.domain.sublevels();
    let (found, needed) = (written.functions.len(), 1 + levels.len());
    if found != needed || written.levels.len() + 1 != needed {
        return refused(format!("multipliers of {found} functions, {needed} are needed"));
    }
    let functions = [&folded.function].into_iter().chain(levels.iter().map(|l| &l.function));
    let mut all =
        functions.zip(&written.functions).map(|(f, slopes)| slopes.as_ref().map(|s| of_nodes(s, f)).transpose());
    let Some(Some(f)) = all.next().transpose()? else { return refused("there are no slopes of the network") };
    let of_levels = all.collect::<Result<Vec<_>, _>>()?;
    Ok(rigorous::Dual {
        f,
        levels: plain(&written.levels).into_iter().zip(of_levels).collect(),
        rows: plain(&written.rows),
    })
}

fn of_nodes(written: &[Vec<Slope>], function: &Instance) -> Result<Multipliers, NotVerified> {
    let program = function.program();
    let (found, needed) = (written.len(), program.nodes().len());
    if found != needed {
        return refused(format!("slopes of {found} nodes, the network has {needed}"));
    }
    let one = |slopes: &Vec<Slope>, k: usize| {
        let wrong = || NotVerified(format!("{}: slopes of another form", program.describe(NodeId(k as u32))));
        let groups = match &program.nodes()[k].op {
            Op::Group { groups, .. } => Some(groups),
            _ => None,
        };
        let mut flat = vec![];
        for (i, slope) in slopes.iter().enumerate() {
            match (slope, groups) {
                (Slope::Of(v), None) => flat.push(v.0),
                (Slope::Weights(w), Some(groups)) if i < groups.len() && w.len() == groups.group(i).len() => {
                    flat.extend(w.iter().map(|n| n.0));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(flat)
    };
    Ok(Multipliers::from_slopes(written.iter().enumerate().map(|(k, s)| one(s, k)).collect::<Result<_, _>>()?))
}

fn of_rigorous(written: &schema::Rigorous, folded: &Folded) -> Result<Proven, NotVerified> {
    let y: Vec<f64> = written.y.iter().map(|n| n.0).collect();
    let dual = slopes(&written.multipliers, folded)?;
    let (found, claimed) = (bounds(folded, &y, &dual)?, (written.value.0, written.lower_bound.0, written.violation.0));
    let (value, lower_bound, violation) = claimed;
    let exactly = |v: f64, what: &str| match Rationals::of(&[v]) {
        Some(r) => Ok(RBig::from_parts(r.numerators[0].clone(), r.denominator)),
        None => refused(format!("{what} is {v}")),
    };
    if exactly(violation, "the violation")? < found.violation {
        let v = found.violation.to_f64_fast();
        return refused(format!("y violates the set by about {v}, more than {violation}"));
    }
    if exactly(value, "the value")? < found.value {
        return refused(format!("f(y) ≈ {} may be above the value {value}", found.value.to_f64_fast()));
    }
    if exactly(lower_bound, "the lower bound")? > found.lower {
        return refused(format!("the multipliers prove the bound ≈ {}, not {lower_bound}", found.lower.to_f64_fast()));
    }
    Ok(Proven::Rigorous { value, lower_bound, violation, y })
}

/// What a point and slopes prove.
pub(super) struct Bounds {
    /// Not below f(y).
    pub value: RBig,
    /// Not above f on the set.
    pub lower: RBig,
    /// By how much y violates the set.
    pub violation: RBig,
}

/// Recomputes the bounds without rounding, or rounded outward where logarithms and exponentials come in.
pub(super) fn bounds(folded: &Folded, y: &[f64], dual: &rigorous::Dual) -> Result<Bounds, NotVerified> {
    let Some(point) = Rationals::of(y) else {
        return refused("an entry of y is not finite");
    };
    Ok(Bounds {
        violation: exact::violation(&folded.domain, &point)?,
        value: exact::upper_value(&folded.function, &point)?,
        lower: exact::bound_of_slopes(&folded.function, &folded.domain, dual)?,
    })
}

/// The least f64 that is not below r.
pub(super) fn not_below(r: &RBig) -> f64 {
    rounded(r, f64::next_up, |v, r| v >= r)
}

/// The largest f64 that is not above r.
pub(super) fn not_above(r: &RBig) -> f64 {
    rounded(r, f64::next_down, |v, r| v <= r)
}

fn rounded(r: &RBig, step: fn(f64) -> f64, reached: fn(&RBig, &RBig) -> bool) -> f64 {
    let mut v = r.to_f64_fast();
    for _ in 0..8 {
        let exactly = Rationals::of(&[v]).map(|r| RBig::from_parts(r.numerators[0].clone(), r.denominator));
        if exactly.is_some_and(|v| reached(&v, r)) {
            return v;
        }
        v = step(v);
    }
    f64::NAN
}
