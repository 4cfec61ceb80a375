//! Fixed coordinates: a method minimises f with constants in place of what the box fixes, and constants are rounded. What is
//! proven is proven of f as it was given.

use super::{Limits, Proof, Solution, Status, approximate, search};
use crate::certificate::{Multipliers, rigorous};
use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::ir::interval::sum_up;
use crate::ir::program::NodeId;

/// The answer for `instance` with what is fixed folded, as one for `instance`, with bound, gap and proof computed again; `place`
/// tells which node became which. `domain` is the one that was given, with its constraints as they are. The slopes stay those
/// of the folded function: a certificate says what was folded.
pub(super) fn as_given(
    instance: &Instance,
    place: &[Option<NodeId>],
    domain: &Domain,
    tau: Option<f64>,
    limits: &Limits,
    solution: Solution,
) -> Result<Solution, Error> {
    let found = (solution.dual.clone())
        .filter(|_| solution.proof == Proof::Rigorous)
        .and_then(|dual| unfolded(instance, place, domain, &dual, solution.y.as_deref()));
    let slopes = solution.dual.clone();
    let plain = Solution { proof: Proof::F64, dual: None, ..solution };
    let Some(dual) = found else { return Ok(plain) };
    let mut bounds = vec![instance.bounds(domain.intervals())];
    bounds.extend(domain.sublevels().iter().map(|level| level.function.bounds(domain.intervals())));
    let Some(y) = &plain.y else {
        let lower = rigorous::lower_bound(instance, domain, &bounds, &dual);
        let found = lower.is_finite().then_some(lower);
        let proof = if found.is_some() { Proof::Rigorous } else { Proof::F64 };
        return Ok(Solution { lower_bound: found.or(plain.lower_bound), proof, ..plain });
    };
    let Some((lower, upper)) = approximate::between(instance, domain, &bounds, tau, &dual, y) else { return Ok(plain) };
    let gap = sum_up(upper, -lower).max(0.0);
    let trace = instance.forward(y)?;
    let rounding = search::ROUNDING * instance.magnitude(&trace, &search::reach(domain, y));
    let value = plain.value.unwrap_or(upper);
    let closed = gap <= 2.0 * plain.gap.unwrap_or(0.0) || gap <= limits.gap * value.abs() || gap <= rounding;
    let status = match plain.status {
        Status::Optimal if !closed => Status::Stopped,
        ref status => status.clone(),
    };
    let message = match status == plain.status {
        true => plain.message.clone(),
        false => Some(format!("the recomputed gap is {gap:.3e}")),
    };
    let proof = Proof::Rigorous;
    Ok(Solution { status, message, lower_bound: Some(lower), gap: Some(gap), proof, dual: slopes, ..plain })
}

/// Slopes of the given functions from those of the folded ones.
fn unfolded(
    instance: &Instance,
    place: &[Option<NodeId>],
    domain: &Domain,
    dual: &rigorous::Dual,
    y: Option<&[f64]>,
) -> Option<rigorous::Dual> {
    let y = domain.clip(y.unwrap_or(&vec![0.0; domain.dimension()]));
    let at = |of: &Instance| Some(Multipliers::subgradient(of, &of.forward(&y).ok()?));
    let f = dual.f.unfolded(place, at(instance)?)?;
    let mut levels = vec![];
    for (level, (mu, slopes)) in domain.sublevels().iter().zip(&dual.levels) {
        let h = &level.function;
        let slopes = match slopes {
            None => None,
            Some(slopes) => Some(match h.folded(domain.intervals()).ok()? {
                Some((_, place)) => slopes.unfolded(&place, at(h)?)?,
                None => slopes.clone(),
            }),
        };
        levels.push((*mu, slopes));
    }
    Some(rigorous::Dual { f, levels, rows: dual.rows.clone() })
}
