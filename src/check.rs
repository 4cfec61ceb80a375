//! The verdict on convexity: proven, refuted with a witness, or unknown with the node where the proof stops.

use serde::Serialize;

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::bounds::Bounds;
use crate::ir::convexity::Proof;
use crate::ir::instance::Instance;
use crate::refute::{Witness, refute};

/// What is known of the convexity of a network in y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Convex, by rules that hold at every node.
    Proven,
    /// Not convex, by a chord that lies below the function.
    Refuted,
    /// Neither.
    Unknown,
}

/// Verdict and grounds.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The verdict.
    pub verdict: Verdict,
    /// Grounds, in words.
    pub reason: String,
    /// The violated chord, when refuted.
    pub witness: Option<Witness>,
    /// Whether the function is proven concave (and can be maximised).
    pub concave: bool,
}

/// Where the search for a counterexample looks and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchEffort {
    /// Starting points per context.
    pub starts: usize,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for SearchEffort {
    fn default() -> Self {
        SearchEffort { starts: 48, seed: 1 }
    }
}

/// Proves convexity of `instance` over the box of `domain`, or searches for a counterexample at each instance in `samples`
/// (the same program at contexts; when the context is left open in `instance`, any will do).
///
/// Errors: a domain of the wrong dimension.
pub fn check(
    instance: &Instance,
    samples: &[(Vec<f64>, Instance)],
    domain: &Domain,
    effort: SearchEffort,
) -> Result<Check, Error> {
    domain.check_dimension(instance.decisions())?;
    let folded = instance.fold_fixed(domain.intervals())?;
    let instance = folded.as_ref().unwrap_or(instance);
    let (_, proof) = prove(instance, domain);
    let curvature = proof.output();
    let concave = curvature.is_concave();
    if curvature.is_convex() {
        let by_composition = proof.by_composition();
        let mut reasons: Vec<&str> = vec![];
        if by_composition.is_affine() {
            reasons.push("affine in y on the domain");
        } else if by_composition.is_convex() {
            reasons.push("convex at every node that the output uses");
        }
        reasons.extend(proof.notes().iter().map(String::as_str));
        let reason = reasons.join("; ");
        return Ok(Check { verdict: Verdict::Proven, reason, witness: None, concave });
    }
    let why = failure_text(instance, &proof);
    for (x, sample) in samples {
        if let Some(mut witness) = refute(sample, domain, effort) {
            witness.context = (!x.is_empty()).then(|| x.clone());
            let reason = format!("f lies above its chord by {:.3e}; {why}", witness.violation);
            return Ok(Check { verdict: Verdict::Refuted, reason, witness: Some(witness), concave });
        }
    }
    Ok(Check { verdict: Verdict::Unknown, reason: why, witness: None, concave })
}

/// Bounds and proof over the box of a domain.
pub fn prove(instance: &Instance, domain: &Domain) -> (Bounds, Proof) {
    let bounds = instance.bounds(domain.intervals());
    let proof = instance.prove(&bounds);
    (bounds, proof)
}

/// An error unless the output is proven convex.
pub fn require_convex(instance: &Instance, proof: &Proof) -> Result<(), Error> {
    let output = proof.output();
    if output.is_convex() {
        Ok(())
    } else if output.is_concave() {
        Err(Error::Concave)
    } else {
        Err(Error::NotProven { reason: failure_text(instance, proof) })
    }
}

/// Where the proof stops, and why.
fn failure_text(instance: &Instance, proof: &Proof) -> String {
    match proof.failure() {
        Some(f) => {
            let node = instance.program().describe(f.node);
            format!("the proof stops at {node}, entry {}: {}", f.element, f.reason)
        }
        None if proof.output().is_concave() => {
            "the output is concave in y, not convex (maximise it with --maximize)".into()
        }
        None => "no rule applies".into(),
    }
}
