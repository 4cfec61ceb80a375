//! Small figures of the minimised function along coordinates through the best point.

use std::fmt::Write;

use icnn::compare::slices::Slice;

use super::svg::{Scale, line, padded, path, text, tick};

const SIZE: (f64, f64) = (300.0, 196.0);
const LEFT: f64 = 58.0;
const RIGHT: f64 = 290.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 158.0;

/// One figure a slice, all with the same vertical axis.
pub fn figures(slices: &[Slice], value: f64, bound: Option<f64>) -> String {
    let inside = |s: &Slice| s.samples.iter().filter(|p| p.inside).filter_map(|p| p.value).collect::<Vec<_>>();
    let everything = |s: &Slice| s.samples.iter().filter_map(|p| p.value).collect::<Vec<_>>();
    let mut values: Vec<f64> = slices.iter().flat_map(inside).collect();
    if values.iter().all(|v| (v - value).abs() <= 1e-9 * value.abs().max(1.0)) {
        values = slices.iter().flat_map(everything).collect();
    }
    values.push(value);
    values.extend(bound);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let y = Scale { from: padded(low, high, 0.06), to: (BOTTOM, TOP), log: false };
    slices.iter().map(|slice| figure(slice, value, bound, y)).collect()
}

fn figure(slice: &Slice, value: f64, bound: Option<f64>, y: Scale) -> String {
    let (w, h) = SIZE;
    let (Some(first), Some(last)) = (slice.samples.first(), slice.samples.last()) else { return String::new() };
    let x = Scale { from: padded(first.at, last.at, 0.02), to: (LEFT, RIGHT), log: false };
    let mut out = format!(
        "<svg class=\"slice\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"f along y[{}]\">",
        slice.coordinate
    );
    let title = format!("y[{}] = {}", slice.coordinate, tick((slice.at * 1e4).round() / 1e4));
    text(&mut out, LEFT, 15.0, "start", "title", &title);
    if slice.on_simplex {
        text(&mut out, RIGHT, 15.0, "end", "note", "along its simplex");
    }
    for v in y.ticks(4) {
        line(&mut out, (LEFT, y.at(v)), (RIGHT, y.at(v)), "grid");
        text(&mut out, LEFT - 6.0, y.at(v) + 4.0, "end", "tick", &tick(v));
    }
    for v in x.ticks(4) {
        line(&mut out, (x.at(v), BOTTOM), (x.at(v), BOTTOM + 4.0), "axis");
        text(&mut out, x.at(v), BOTTOM + 18.0, "middle", "tick", &tick(v));
    }
    line(&mut out, (LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
    for (class, inside) in [("outside", false), ("inside", true)] {
        for run in runs(slice, inside) {
            let (low, high) = y.from;
            let points: Vec<(f64, f64)> = run
                .iter()
                .filter(|(_, v)| (low - (high - low)..=high + (high - low)).contains(v))
                .map(|(at, v)| (x.at(*at), y.at(*v)))
                .collect();
            if points.len() > 1 {
                let _ = write!(out, "<path class=\"f {class}\" d=\"{}\"/>", path(&points));
            }
        }
    }
    if let Some(bound) = bound {
        line(&mut out, (LEFT, y.at(bound)), (RIGHT, y.at(bound)), "bound");
    }
    let (a, b) = (x.at(slice.at), y.at(value));
    line(&mut out, (a, b), (a, BOTTOM), "drop");
    let _ = write!(out, "<circle class=\"best\" cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"4.5\"/>");
    out.push_str("</svg>");
    out
}

/// Neighbouring samples with a value that are inside, or not; a piece outside begins and ends where the inside does.
fn runs(slice: &Slice, inside: bool) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![];
    let mut open: Vec<(f64, f64)> = vec![];
    let samples = &slice.samples;
    for (k, sample) in samples.iter().enumerate() {
        let neighbour = |j: Option<usize>| j.and_then(|j| samples.get(j)).is_some_and(|s| s.inside == inside);
        let touches = !inside && (neighbour(k.checked_sub(1)) || neighbour(Some(k + 1)));
        match sample.value {
            Some(v) if sample.inside == inside => open.push((sample.at, v)),
            Some(v) if touches => {
                // The point of the inside between two pieces outside ends the one and begins the other.
                open.push((sample.at, v));
                runs.push(std::mem::replace(&mut open, vec![(sample.at, v)]));
            }
            _ => runs.push(std::mem::take(&mut open)),
        }
    }
    runs.push(open);
    runs
}
