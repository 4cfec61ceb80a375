//! Entries of a certificate from what a solve found. Each is checked before it is handed out.

use super::check::{bounds, check, not_above, not_below};
use super::problem::Folded;
use super::schema::{self, Exact, Point, Rigorous, Row, Slope, Slopes};
use super::{Hex, Proven};
use crate::certificate::exact::{self, NotVerified, Support};
use crate::certificate::{Multipliers, rigorous as slopes};
use crate::ir::instance::Instance;
use crate::ir::program::{Node, Op};
use crate::load::program_json::Number;

/// An entry with the rational optimum.
///
/// # Errors
/// A proof that [`check`] refuses.
pub fn exact(folded: &Folded, proof: &exact::Proof) -> Result<Row, NotVerified> {
    let dual = &proof.dual;
    let all = |numbers: &[dashu_int::IBig]| numbers.iter().cloned().map(Hex).collect::<Vec<_>>();
    let value = (Hex(proof.value.numerator().clone()), Hex::from(proof.value.denominator().clone()));
    let functions = dual.functions.iter().map(|f| f.iter().map(|n| n.iter().map(support).collect()).collect());
    entry(
        folded,
        schema::Proof::Exact(Exact {
            y: Point { numerators: all(&proof.y.numerators), denominator: proof.y.denominator.clone().into() },
            multipliers: schema::Multipliers {
                denominator: dual.denominator.clone().into(),
                functions: functions.collect(),
                levels: all(&dual.levels),
                rows: all(&dual.rows),
            },
            lower_bound: value.clone(),
            value,
        }),
    )
}

fn support(support: &Support) -> schema::Support {
    match support {
        Support::Piece(k) => schema::Support::Piece(*k),
        Support::Break { left, multiplier } => schema::Support::Break(*left, Hex(multiplier.clone())),
        Support::Shares(shares) => schema::Support::Shares(shares.iter().map(|(k, n)| (*k, Hex(n.clone()))).collect()),
    }
}

/// An entry with a point and slopes in f64, these moved by rounding errors where that makes them admissible. Value and bound are
/// those that the check computes, rounded outward.
///
/// # Errors
/// Slopes from which no finite bound follows; an operation that has no bound here.
pub fn rigorous(folded: &Folded, y: &[f64], dual: &slopes::Dual) -> Result<Row, NotVerified> {
    let dual = &exact::admissible(&folded.function, &folded.domain, dual);
    let found = bounds(folded, y, dual)?;
    let numbers = |values: &[f64]| values.iter().copied().map(Number).collect::<Vec<_>>();
    let levels = folded.domain.sublevels().iter().zip(&dual.levels);
    let levels = levels.map(|(level, (_, m))| m.as_ref().map(|m| of_nodes(m, &level.function)));
    entry(
        folded,
        schema::Proof::Rigorous(Rigorous {
            y: numbers(y),
            multipliers: Slopes {
                functions: [Some(of_nodes(&dual.f, &folded.function))].into_iter().chain(levels).collect(),
                levels: numbers(&dual.levels.iter().map(|(mu, _)| *mu).collect::<Vec<_>>()),
                rows: numbers(&dual.rows),
            },
            violation: Number(not_below(&found.violation)),
            value: Number(not_below(&found.value)),
            lower_bound: Number(not_above(&found.lower)),
        }),
    )
}

fn of_nodes(slopes: &Multipliers, function: &Instance) -> Vec<Vec<Slope>> {
    let one = |(node, slopes): (&Node, &Vec<f64>)| match &node.op {
        Op::Group { groups, .. } => {
            let weights = |g| groups.range(g).map(|k| Number(slopes.get(k).copied().unwrap_or(f64::NAN))).collect();
            (0..groups.len()).map(|g| Slope::Weights(weights(g))).collect()
        }
        _ => slopes.iter().map(|v| Slope::Of(Number(*v))).collect(),
    };
    function.program().nodes().iter().zip(slopes.slopes()).map(one).collect()
}

fn entry(folded: &Folded, proof: schema::Proof) -> Result<Row, NotVerified> {
    let row = Row { problem: folded.problem.clone(), network: folded.sha256.clone(), proof };
    match check(&row, folded)? {
        Proven::Exact { .. } | Proven::Rigorous { .. } => Ok(row),
    }
}
