//! Figures with two logarithmic axes, as SVG.

#[path = "../../src/cli/compare/page/svg.rs"]
#[allow(dead_code)]
mod svg;

use std::fmt::Write;

use svg::{Scale, line, mark, path, power, text};

/// Places of the axes' ends, and the size of a figure.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 404.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 270.0;
const SIZE: (f64, f64) = (600.0, 316.0);

/// Colours of the curves.
const COLOURS: [&str; 4] = ["#b3541e", "#1b5e8c", "#7a7a7a", "#2e7d32"];

/// Seconds at sizes.
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Seconds over `axis`, one mark a point. Points that are not positive are left out.
pub fn figure(title: &str, axis: &str, curves: &[Curve]) -> String {
    let drawn = |curve: &Curve| {
        curve.points.iter().copied().filter(|(a, b)| *a > 0.0 && *b > 0.0 && b.is_finite()).collect::<Vec<_>>()
    };
    let all: Vec<(f64, f64)> = curves.iter().flat_map(drawn).collect();
    let ends = |values: &dyn Fn(&(f64, f64)) -> f64| {
        let logs = || all.iter().map(|p| values(p).log10());
        (logs().fold(f64::INFINITY, f64::min), logs().fold(f64::NEG_INFINITY, f64::max))
    };
    let (low, high) = ends(&|p| p.1);
    let across = Scale { from: ends(&|p| p.0), to: (LEFT, RIGHT), log: true };
    let up = Scale { from: (low.floor(), high.ceil()), to: (BOTTOM, TOP), log: true };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\
         <style>.axis{{stroke:#444}}.grid{{stroke:#ddd}}.curve{{fill:none;stroke-width:1.5}}</style>\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        SIZE.0, SIZE.1
    );
    text(&mut out, LEFT, 18.0, "start", "title", title);
    for seconds in up.ticks(12) {
        let y = up.at(seconds);
        line(&mut out, (LEFT, y), (RIGHT, y), "grid");
        text(&mut out, LEFT - 8.0, y + 4.0, "end", "tick", &format!("{} s", power(seconds.log10().round() as i64)));
    }
    let mut sizes: Vec<f64> = all.iter().map(|p| p.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for n in sizes {
        line(&mut out, (across.at(n), BOTTOM), (across.at(n), BOTTOM + 4.0), "axis");
        text(&mut out, across.at(n), BOTTOM + 18.0, "middle", "tick", &n.to_string());
    }
    text(&mut out, (LEFT + RIGHT) / 2.0, BOTTOM + 36.0, "middle", "name", axis);
    line(&mut out, (LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
    line(&mut out, (LEFT, TOP), (LEFT, BOTTOM), "axis");
    let mut labels: Vec<f64> =
        curves.iter().map(|c| drawn(c).last().map_or(BOTTOM, |(_, seconds)| up.at(*seconds))).collect();
    svg::spread(&mut labels, 16.0, TOP, BOTTOM);
    for (k, (curve, label)) in curves.iter().zip(labels).enumerate() {
        let colour = COLOURS[k % COLOURS.len()];
        let places: Vec<(f64, f64)> = drawn(curve).iter().map(|(a, b)| (across.at(*a), up.at(*b))).collect();
        let Some((x, _)) = places.last() else { continue };
        let _ = write!(out, "<g fill=\"{colour}\"><path class=\"curve\" stroke=\"{colour}\" d=\"{}\"/>", path(&places));
        places.iter().for_each(|(x, y)| out += &mark(k, *x, *y, 3.0, "mark"));
        text(&mut out, x.max(RIGHT) + 10.0, label + 4.0, "start", "label", &curve.name);
        out += "</g>\n";
    }
    out += "</svg>\n";
    out
}
