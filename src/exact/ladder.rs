//! From an answer in f64 to a checked proof, by harder and harder means: the pattern that the answer's basis shows; then that of a
//! local program at its point, refined round by round; then that of a small program solved without rounding. Each pattern gives
//! at most one proof, and the checker decides.

use std::sync::Arc;

use icnn_solvers::LpOptions;

use super::empty::{Emptiness, emptiness};
use super::local::{Means, opened, size, solved};
use super::pattern::Role;
use super::simplex::LARGEST;
use super::{Failure, Pattern, from_pattern};
use crate::certificate::exact::{self, Proof};
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;

/// Rounds of local programs in f64, by HiGHS.
const ROUNDS: usize = if cfg!(feature = "highs") { 8 } else { 0 };

/// Rounds of local programs without rounding, after those.
const EXACT_ROUNDS: usize = 8;

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Unproven {
    /// In words.
    pub reason: String,
    /// Where the domain, computed without rounding, has no point at all: the proof of that.
    pub emptiness: Option<Emptiness>,
}

impl From<String> for Unproven {
    fn from(reason: String) -> Unproven {
        Unproven { reason, emptiness: None }
    }
}

/// A proof that the minimum of f over the domain is where an answer says, or why there is none. `pattern`: that of a basis, if
/// there is one; `y`: the answer's point, unless local programs are not worth their time; `bounds`: the intervals of f, then of
/// each learned constraint.
pub fn climbed(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    pattern: Option<&Pattern>,
    y: Option<&[f64]>,
    stopped: &dyn Fn() -> bool,
) -> Result<Proof, Unproven> {
    let mut reason = "the answer has no basis".to_string();
    if let Some(pattern) = pattern {
        match checked(instance, domain, bounds, pattern, stopped)? {
            Ok(proof) => return Ok(proof),
            Err(words) => reason = words,
        }
    }
    tracing::debug!(reason, "local programs");
    match y {
        Some(y) => refined(instance, domain, bounds, y, stopped, reason),
        None => Err(reason.into()),
    }
}

/// The proof of one pattern, checked; the inner error is worth another pattern, the outer one is not.
fn checked(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    pattern: &Pattern,
    stopped: &dyn Fn() -> bool,
) -> Result<Result<Proof, String>, String> {
    let proof = match from_pattern(instance, domain, bounds, pattern, stopped) {
        Ok(proof) => proof,
        Err(failure @ (Failure::Form(_) | Failure::Stopped)) => return Err(failure.to_string()),
        Err(failure) => return Ok(Err(failure.to_string())),
    };
    if stopped() {
        return Err(Failure::Stopped.to_string());
    }
    Ok(exact::verify(instance, domain, &proof).map(|()| proof).map_err(|e| e.to_string()))
}

fn refined(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    y: &[f64],
    stopped: &dyn Fn() -> bool,
    mut reason: String,
) -> Result<Proof, Unproven> {
    let options = LpOptions { primal_tolerance: 1e-10, dual_tolerance: 1e-10, presolve: false, ..LpOptions::default() };
    let mut point = Pattern::at(y, instance, domain, bounds).map_err(|e| e.to_string())?;
    let mut open: Option<Pattern> = None;
    let (mut exponent, mut tolerance) = (-20, 1e-6);
    for round in 0..ROUNDS + EXACT_ROUNDS {
        if stopped() {
            return Err(Failure::Stopped.to_string().into());
        }
        let exactly = round >= ROUNDS;
        if round == ROUNDS {
            (exponent, tolerance, open) = (-20, 1e-6, None);
        }
        let mut now = opened(&point, open.as_ref(), instance, domain, bounds, tolerance).map_err(|f| f.to_string())?;
        if exactly {
            // With every unit open one round is enough.
            let all = opened(&point, None, instance, domain, bounds, f64::INFINITY).map_err(|f| f.to_string())?;
            if size(&all, domain) <= LARGEST {
                now = all;
            } else if size(&now, domain) > LARGEST {
                return Err(reason.into());
            }
        }
        let means = Means { exponent, options: &options, exactly, stopped };
        let local = match solved(instance, domain, bounds, &now, &means) {
            Ok(local) => local,
            Err(Failure::Empty(rows)) => {
                let emptiness = emptiness(domain, &rows);
                if emptiness.is_some() {
                    reason = format!("{reason}; computed without rounding, the domain has no point at all");
                    return Err(Unproven { reason, emptiness });
                }
                exponent += 10;
                open = Some(now);
                continue;
            }
            Err(Failure::Contradicted(rows)) => {
                let emptiness = Emptiness::of(domain, &rows);
                reason = format!("{reason}; computed without rounding, the domain has no point at all");
                return Err(Unproven { reason, emptiness });
            }
            Err(Failure::Pattern) if exactly => return Err(reason.into()),
            Err(Failure::Pattern) => {
                exponent += 10;
                open = Some(now);
                continue;
            }
            Err(failure) => return Err(failure.to_string().into()),
        };
        match checked(instance, domain, bounds, &local.pattern, stopped)? {
            Ok(proof) => return Ok(proof),
            Err(words) => reason = words,
        }
        tracing::debug!(round, reason, at_trust = local.at_trust, "not yet");
        let next = Pattern::at(&local.pattern.y, instance, domain, bounds).map_err(|e| e.to_string())?;
        // Units that were frozen on another piece than they are on now are opened, like those that come near a kink.
        let crossed = with_crossed(&now, &next);
        let grew = crossed.1;
        open = Some(crossed.0);
        point = next;
        if exactly {
            if !grew {
                return Err(reason.into());
            }
        } else if local.at_trust {
            exponent += 8;
        } else if !grew {
            (exponent, tolerance) = (exponent - 10, tolerance * 1e-2);
        }
    }
    Err(reason.into())
}

/// `open` with those units open as well whose piece differs in `next`, and whether there are any.
fn with_crossed(open: &Pattern, next: &Pattern) -> (Pattern, bool) {
    let (mut out, mut grew) = (open.clone(), false);
    for (nodes, others) in out.functions.iter_mut().zip(&next.functions) {
        for (roles, others) in nodes.iter_mut().zip(others) {
            for (role, other) in roles.iter_mut().zip(others) {
                match (&mut *role, other) {
                    (Role::Open(open), Role::Members(new)) if new.iter().any(|m| !open.contains(m)) => {
                        let more: Vec<u32> = new.iter().copied().filter(|m| !open.contains(m)).collect();
                        open.extend(more);
                        grew = true;
                    }
                    (Role::Open(_), _) => {}
                    (Role::Members(old), Role::Members(new)) if old != new => {
                        let mut both = old.clone();
                        both.extend(new);
                        *role = Role::Open(both);
                        grew = true;
                    }
                    (role, other) if *role != *other => {
                        *role = Role::Open(vec![]);
                        grew = true;
                    }
                    _ => {}
                }
            }
        }
    }
    (out, grew)
}
