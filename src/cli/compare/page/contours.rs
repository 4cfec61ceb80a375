//! Level lines over the plane and the way of each method, for p = 2.

use std::fmt::Write;

use icnn::compare::Entry;
use icnn::compare::slices::Grid;

use super::svg::{Scale, line, mark, path, text, tick};

/// Level lines.
const LEVELS: usize = 14;
/// Most points of a way.
const MOST: usize = 300;

const SIZE: (f64, f64) = (520.0, 470.0);
const LEFT: f64 = 54.0;
const RIGHT: f64 = 506.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 424.0;

/// The figure: lower levels are drawn stronger, what lies outside of the domain is shaded.
pub fn figure(grid: &Grid, entries: &[Entry], best: &[f64]) -> Option<String> {
    let ends = |all: &[f64]| Some((*all.first()?, *all.last()?));
    let x = Scale { from: ends(&grid.across)?, to: (LEFT, RIGHT), log: false };
    let y = Scale { from: ends(&grid.up)?, to: (BOTTOM, TOP), log: false };
    let (w, h) = SIZE;
    let mut out = format!(
        "<svg class=\"contours\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"level lines and iterates\">"
    );
    shade(&mut out, grid, &x, &y);
    let finite = || grid.values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
    for k in 1..LEVELS {
        // Closer to each other near the minimum.
        let share = (k as f64 / LEVELS as f64).powi(2);
        let level = low + share * (high - low);
        let d = lines(grid, level, &x, &y);
        let opacity = 1.0 - 0.75 * k as f64 / LEVELS as f64;
        let _ = write!(
            out,
            "<path class=\"level\" style=\"opacity:{opacity:.2}\" d=\"{d}\"><title>{}</title></path>",
            tick(level)
        );
    }
    for v in x.ticks(6) {
        line(&mut out, (x.at(v), BOTTOM), (x.at(v), BOTTOM + 4.0), "axis");
        text(&mut out, x.at(v), BOTTOM + 18.0, "middle", "tick", &tick(v));
    }
    for v in y.ticks(6) {
        line(&mut out, (LEFT - 4.0, y.at(v)), (LEFT, y.at(v)), "axis");
        text(&mut out, LEFT - 8.0, y.at(v) + 4.0, "end", "tick", &tick(v));
    }
    let _ = write!(
        out,
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>",
        RIGHT - LEFT,
        BOTTOM - TOP
    );
    text(&mut out, 0.5 * (LEFT + RIGHT), BOTTOM + 38.0, "middle", "title", "y[0]");
    text(&mut out, 14.0, TOP + 12.0, "middle", "title", "y[1]");
    for (k, entry) in entries.iter().enumerate().filter(|(_, e)| !e.iterates.is_empty()) {
        way(&mut out, k, entry, &x, &y);
    }
    let [a, b] = best else { return None };
    let _ = write!(out, "<circle class=\"best\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"/>", x.at(*a), y.at(*b));
    out.push_str("</svg>");
    Some(out)
}

fn way(out: &mut String, k: usize, entry: &Entry, x: &Scale, y: &Scale) {
    let stride = entry.iterates.len().div_ceil(MOST);
    let kept = entry.iterates.iter().enumerate().filter(|(i, _)| i % stride == 0 || i + 1 == entry.iterates.len());
    let points: Vec<(f64, f64)> = kept.map(|(_, p)| (x.at(p[0]), y.at(p[1]))).collect();
    let name = entry.method.name();
    let _ = write!(
        out,
        "<g class=\"series s{}\" data-m=\"{name}\"><path class=\"way\" data-m=\"{name}\" d=\"{}\"/>",
        k % 12,
        path(&points)
    );
    for (a, b) in points.iter().take(25) {
        out.push_str(&mark(k, *a, *b, 2.4, "mark"));
    }
    out.push_str("</g>");
}

/// Rectangles around the grid points outside of the domain, joined along each row.
fn shade(out: &mut String, grid: &Grid, x: &Scale, y: &Scale) {
    let n = grid.across.len();
    if n < 2 || grid.inside.iter().all(|i| *i) {
        return;
    }
    let (dx, dy) = ((RIGHT - LEFT) / (n - 1) as f64, (BOTTOM - TOP) / (grid.up.len() - 1) as f64);
    for (r, b) in grid.up.iter().enumerate() {
        let mut c = 0;
        while c < n {
            let first = c;
            while c < n && !grid.inside[r * n + c] {
                c += 1;
            }
            if c > first {
                let left = (x.at(grid.across[first]) - 0.5 * dx).max(LEFT);
                let right = (x.at(grid.across[c - 1]) + 0.5 * dx).min(RIGHT);
                let (top, bottom) = ((y.at(*b) - 0.5 * dy).max(TOP), (y.at(*b) + 0.5 * dy).min(BOTTOM));
                let (w, h) = (right - left, bottom - top);
                let _ = write!(
                    out,
                    "<rect class=\"shade\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>"
                );
            }
            c += 1;
        }
    }
}

/// Where the function crosses a level, square by square of the grid (marching squares). A saddle is drawn one way.
fn lines(grid: &Grid, level: f64, x: &Scale, y: &Scale) -> String {
    let n = grid.across.len();
    let mut d = String::new();
    for r in 0..grid.up.len() - 1 {
        for c in 0..n - 1 {
            let corners = [(r, c), (r, c + 1), (r + 1, c + 1), (r + 1, c)];
            let value = |k: usize| grid.values[corners[k].0 * n + corners[k].1];
            if (0..4).any(|k| !value(k).is_finite()) {
                continue;
            }
            let place = |k: usize| (x.at(grid.across[corners[k].1]), y.at(grid.up[corners[k].0]));
            let mut crossings = vec![];
            for k in 0..4 {
                let (u, v) = (value(k), value((k + 1) % 4));
                if (u < level) != (v < level) {
                    let t = (level - u) / (v - u);
                    let ((a, b), (e, f)) = (place(k), place((k + 1) % 4));
                    crossings.push((a + t * (e - a), b + t * (f - b)));
                }
            }
            for pair in crossings.chunks_exact(2) {
                d.push_str(&path(pair));
            }
        }
    }
    d
}
