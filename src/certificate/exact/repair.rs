//! Slopes in f64 that are off by a rounding error, moved to where [`super::bound_of_slopes`] takes them.

use dashu_int::UBig;

use super::dyadic::Dyadic;
use super::{NotVerified, lagrangian, units};
use crate::certificate::{Multipliers, rigorous};
use crate::domain::Domain;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};

/// Most changes of multipliers of rows, beyond one for each coordinate.
const CHANGES: usize = 8;

/// The same multipliers, each slope moved into the range of its unit, and multipliers of rows moved until no reduced cost points
/// to an open side of the box, where that can be had. Nothing is promised: what comes out is checked like anything else.
pub fn admissible(instance: &Instance, domain: &Domain, dual: &rigorous::Dual) -> rigorous::Dual {
    let mut out = dual.clone();
    out.f = within(instance, &dual.f);
    for (level, (_, slopes)) in domain.sublevels().iter().zip(&mut out.levels) {
        *slopes = slopes.as_ref().map(|s| within(&level.function, s));
    }
    if let Ok(rows) = closed(instance, domain, &out) {
        out.rows = rows;
    }
    out
}

/// Slopes within the slopes of the lines of their units.
fn within(instance: &Instance, slopes: &Multipliers) -> Multipliers {
    let mut out = slopes.clone();
    for (k, node) in instance.program().nodes().iter().enumerate() {
        let id = NodeId(k as u32);
        let Op::Unit { unit, .. } = &node.op else { continue };
        let Some(scalars) = units::scalars(instance, unit, node.len).ok().filter(|_| slopes.fits(instance)) else {
            continue;
        };
        for (i, slope) in slopes.of(id).iter().enumerate() {
            let Ok(lines) = units::lines(&scalars, i) else { continue };
            let (low, high) = lines.pieces().iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), piece| {
                (low.min(piece.slope), high.max(piece.slope))
            });
            out.set_slope(id, i, slope.max(low).min(high));
        }
    }
    out
}

/// Multipliers of the rows: a coordinate whose reduced cost points to an open side hands it to a row that holds it.
fn closed(instance: &Instance, domain: &Domain, dual: &rigorous::Dual) -> Result<Vec<f64>, NotVerified> {
    let mut rows = dual.rows.clone();
    if rows.len() != domain.rows().len() || rows.iter().any(|v| !v.is_finite()) {
        return Ok(rows);
    }
    let before = lagrangian(instance, domain, dual)?.gradient;
    for _ in 0..domain.dimension() + CHANGES {
        let mut reduced = before.clone();
        for (row, nu) in domain.rows().iter().zip(&rows) {
            for (j, c) in &row.coefficients {
                reduced[*j] = reduced[*j].minus(&Dyadic::of(*nu).times(*c))?;
            }
        }
        let open = |j: usize, r: &Dyadic| match r.is_negative() {
            true => domain.upper()[j].is_infinite(),
            false => domain.lower()[j].is_infinite(),
        };
        let wrong = reduced.iter().enumerate().find(|(j, r)| !r.is_zero() && open(*j, r));
        let Some((j, r)) = wrong else { break };
        let r = r.over(&UBig::ONE)?.to_f64_fast();
        let holding = domain
            .rows()
            .iter()
            .enumerate()
            .find_map(|(k, row)| row.coefficients.iter().find(|(i, c)| *i == j && *c != 0.0).map(|(_, c)| (k, *c)));
        let Some((k, c)) = holding else { break };
        // Rounded away from where it was, so that the sign of the reduced cost changes.
        let moved = rows[k] + r / c;
        rows[k] = if (r < 0.0) == (c < 0.0) { moved.next_up() } else { moved.next_down() };
    }
    Ok(rows)
}
