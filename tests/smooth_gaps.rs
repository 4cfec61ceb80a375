//! Every smooth network of ../shared/onnx and of examples/, over every kind of bounded domain, by every method that minimises
//! smooth functions: the rigorous gap is at most 1e-9 of the value.
#![cfg(all(feature = "highs", feature = "onnx"))]

#[path = "common/table.rs"]
mod table;

use icnn::check::{prove, require_convex};
use icnn::lower::oracle::is_smooth;
use icnn::solve::Proof;
use icnn::{Method, Status};

/// Of the value.
const GAP: f64 = 1e-9;

const METHODS: [Method; 5] = [Method::Conic, Method::Lbfgs, Method::Bundle, Method::Spectral, Method::Accelerated];

#[test]
fn smooth_networks_are_solved_to_nine_digits_rigorously() {
    let (mut lines, mut missed, mut kinds) = (vec![], vec![], 0);
    for entry in table::entries() {
        for (kind, domain) in table::domains(entry.f.decisions()) {
            let (bounds, proof) = prove(&entry.f, &domain);
            if require_convex(&entry.f, &proof).is_err() || !is_smooth(&entry.f, &bounds) || !domain.is_bounded() {
                continue;
            }
            kinds += 1;
            let composed = proof.by_composition().is_convex();
            for method in METHODS {
                let Ok(found) = entry.f.minimize(&domain, method) else { continue };
                let (value, gap) = (found.value.expect("a value"), found.gap.unwrap_or(f64::INFINITY));
                let share = gap / value.abs().max(1e-300);
                let line = format!(
                    "{:28} {kind:10} {:12} {share:8.1e} of {value:13.6e} {:?} {:?}",
                    entry.name,
                    method.name(),
                    found.status,
                    found.proof
                );
                let rigorous = found.proof == Proof::Rigorous || !composed;
                if share > GAP || found.status != Status::Optimal || !rigorous {
                    missed.push(line.clone());
                }
                lines.push(line);
            }
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
    assert!(missed.is_empty(), "{} of {} are wider:\n{}", missed.len(), lines.len(), missed.join("\n"));
    assert!(kinds > 0 || !std::path::Path::new("../shared/onnx").exists());
}
