//! The certified gap against passes and against time, both axes logarithmic.

use std::fmt::Write;

use icnn::compare::Entry;
use icnn::compare::advice::duration;

use super::svg::{Scale, line, mark, path, power, spread, text};

/// Most points of a curve; of a longer trace those stay that are evenly spread on a logarithmic axis.
pub const MOST_POINTS: usize = 600;

const SIZE: (f64, f64) = (520.0, 372.0);
const LEFT: f64 = 54.0;
const RIGHT: f64 = 400.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 322.0;

/// What the horizontal axis counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    Passes,
    Time,
}

struct Curve {
    series: usize,
    name: &'static str,
    /// (passes or seconds, gap); the last one is the certified answer.
    points: Vec<(f64, f64)>,
    traced: bool,
    closed: bool,
}

/// The vertical axis that both figures share.
#[derive(Debug, Clone, Copy)]
struct Gaps {
    scale: Scale,
    /// The decade of the smallest gap above 0.
    floor: f64,
    /// Whether there is a gap of 0; it is drawn one decade below.
    zero: bool,
}

/// The figures against passes (if a method has a trace) and against time, with the same vertical axis. `asked` is the gap at
/// which a method may stop.
pub fn figures(entries: &[Entry], asked: f64) -> Vec<String> {
    let [passes, time] = [Against::Passes, Against::Time]
        .map(|against| entries.iter().enumerate().filter_map(|(k, e)| curve(k, e, against)).collect::<Vec<Curve>>());
    let Some(gaps) = shared(time.iter().chain(&passes), asked) else { return vec![] };
    let drawn = [(passes, Against::Passes), (time, Against::Time)];
    drawn.into_iter().filter_map(|(curves, against)| figure(&curves, against, gaps, asked)).collect()
}

fn shared<'a>(curves: impl Iterator<Item = &'a Curve>, asked: f64) -> Option<Gaps> {
    let all: Vec<f64> = curves.flat_map(|c| &c.points).map(|p| p.1).collect();
    let zero = all.iter().any(|g| *g <= 0.0);
    if all.is_empty() {
        return None;
    }
    let positive = || all.iter().copied().filter(|g| *g > 0.0).chain([asked]);
    let (low, high) = (positive().reduce(f64::min)?, positive().reduce(f64::max)?);
    let floor = low.log10().floor();
    let bottom = floor - if zero { 1.0 } else { 0.0 };
    let top = high.log10().ceil().max(bottom + 1.0);
    Some(Gaps { scale: Scale { from: (bottom, top), to: (BOTTOM, TOP), log: true }, floor, zero })
}

fn figure(curves: &[Curve], against: Against, gaps: Gaps, asked: f64) -> Option<String> {
    let Gaps { scale: y, floor, zero } = gaps;
    let all = || curves.iter().flat_map(|c| &c.points);
    let (xs, xe) = (all().map(|p| p.0).reduce(f64::min)?, all().map(|p| p.0).reduce(f64::max)?);
    let (xs, xe) = (xs.log10() - 0.08, xe.log10() + 0.08);
    let (xs, xe) = if xe - xs < 0.5 { (xs - 0.3, xe + 0.3) } else { (xs, xe) };
    let x = Scale { from: (xs, xe), to: (LEFT, RIGHT), log: true };

    let (what, title, unit) = match against {
        Against::Passes => ("passes", "passes over the network, forward and backward", "passes"),
        Against::Time => ("time", "time", "time"),
    };
    let (w, h) = SIZE;
    let mut out = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"certified gap against {what}\" \
         data-kind=\"{what}\" data-unit=\"{unit}\" data-x=\"{}\" data-y=\"{}\">",
        x.attribute(),
        y.attribute()
    );
    for v in x.ticks(7) {
        let at = x.at(v);
        line(&mut out, (at, TOP), (at, BOTTOM), "grid");
        let label = match against {
            Against::Passes if v < 1e4 => format!("{v:.0}"),
            Against::Passes => power_of(v),
            Against::Time => duration(v * (1.0 + 1e-12)).replace(".0", ""),
        };
        text(&mut out, at, BOTTOM + 17.0, "middle", "tick", &label);
    }
    for v in y.ticks(8) {
        let at = y.at(v);
        if zero && v.log10() < floor - 0.5 {
            continue;
        }
        line(&mut out, (LEFT, at), (RIGHT, at), "grid");
        text(&mut out, LEFT - 6.0, at + 4.0, "end", "tick", &power(v.log10().round() as i64));
    }
    if zero {
        text(&mut out, LEFT - 6.0, BOTTOM + 4.0, "end", "tick", "0");
    }
    line(&mut out, (LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
    line(&mut out, (LEFT, TOP), (LEFT, BOTTOM), "axis");
    text(&mut out, 0.5 * (LEFT + RIGHT), BOTTOM + 38.0, "middle", "title", title);
    text(&mut out, 8.0, 14.0, "start", "title", "certified gap (value − lower bound)");
    let at = y.at(asked);
    line(&mut out, (LEFT, at), (RIGHT, at), "asked");
    text(&mut out, LEFT + 4.0, at - 4.0, "start", "note", "asked for");

    let ends: Vec<(f64, f64)> = curves.iter().map(|c| place(&x, &y, c.points[c.points.len() - 1])).collect();
    let mut labels: Vec<f64> = ends.iter().map(|e| e.1).collect();
    spread(&mut labels, 15.0, TOP + 2.0, BOTTOM);
    for ((curve, end), label) in curves.iter().zip(&ends).zip(&labels) {
        draw(&mut out, curve, (&x, &y), *end, *label);
    }
    out.push_str("</svg>");
    Some(out)
}

fn power_of(v: f64) -> String {
    power(v.log10().round() as i64)
}

fn place(x: &Scale, y: &Scale, (a, gap): (f64, f64)) -> (f64, f64) {
    (x.at(a), if gap > 0.0 { y.at(gap) } else { y.to.0 })
}

fn draw(out: &mut String, curve: &Curve, (x, y): (&Scale, &Scale), end: (f64, f64), label: f64) {
    let k = curve.series;
    let _ = write!(out, "<g class=\"series s{}\" data-m=\"{}\">", k % 12, curve.name);
    line(out, (end.0 + 7.0, end.1), (RIGHT + 8.0, label), "leader");
    if curve.traced && curve.points.len() > 1 {
        let points: Vec<(f64, f64)> = curve.points.iter().map(|p| place(x, y, *p)).collect();
        let _ = write!(out, "<path class=\"curve\" data-m=\"{}\" d=\"{}\"/>", curve.name, path(&points));
        let mut last = points[0].0;
        for (a, b) in points.iter().take(points.len() - 1) {
            if a - last > 48.0 && end.0 - a > 20.0 {
                out.push_str(&mark(k, *a, *b, 2.6, "mark"));
                last = *a;
            }
        }
    }
    out.push_str(&mark(k, end.0, end.1, 4.6, if curve.closed { "mark end" } else { "mark end open" }));
    text(out, RIGHT + 12.0, label + 4.0, "start", "label", curve.name);
    out.push_str("</g>");
}

/// What a method shows: its trace as far as there is a bound, then its answer. Methods without a trace have one point, at
/// their time; they make no passes that could be compared.
fn curve(series: usize, entry: &Entry, against: Against) -> Option<Curve> {
    let solution = entry.solution()?;
    let gap = solution.gap.filter(|g| g.is_finite())?;
    let traced = !solution.trace.is_empty();
    if against == Against::Passes && !traced {
        return None;
    }
    let passes = f64::from(solution.work.forward) + f64::from(solution.work.backward);
    let of = |passes: f64, seconds: f64| match against {
        Against::Passes => passes.max(1.0),
        Against::Time => seconds.max(1e-6),
    };
    let trace: Vec<(f64, f64)> = solution
        .trace
        .iter()
        .map(|p| (of((p.forward + p.backward) as f64, p.seconds), p.value - p.lower_bound))
        .filter(|(_, gap)| gap.is_finite())
        .collect();
    let mut points = thinned(trace);
    let last = points.last().map_or(0.0, |p| p.0);
    points.push((of(passes, solution.seconds).max(last), gap));
    Some(Curve { series, name: entry.method.name(), points, traced, closed: entry.is_optimal() })
}

/// At most [`MOST_POINTS`], the first and the last among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n = points.len();
    if n <= MOST_POINTS {
        return points;
    }
    let step = (n as f64).ln() / (MOST_POINTS - 1) as f64;
    let mut kept: Vec<usize> = (0..MOST_POINTS).map(|k| ((k as f64 * step).exp() as usize - 1).min(n - 1)).collect();
    kept[MOST_POINTS - 1] = n - 1;
    kept.dedup();
    kept.into_iter().map(|k| points[k]).collect()
}
