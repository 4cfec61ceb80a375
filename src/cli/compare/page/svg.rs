//! Scales, axes and marks for figures drawn as text.

use std::fmt::Write;

/// Text with the characters that HTML gives a meaning to replaced.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// From numbers to places on one axis.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The numbers at the ends; their logarithms to base 10 on a logarithmic axis.
    pub from: (f64, f64),
    /// The places at the ends.
    pub to: (f64, f64),
    /// Whether the axis is logarithmic.
    pub log: bool,
}

impl Scale {
    /// Where a number lies; beyond the ends it stays on them.
    pub fn at(&self, v: f64) -> f64 {
        let v = if self.log { v.log10() } else { v };
        let share = ((v - self.from.0) / (self.from.1 - self.from.0)).clamp(0.0, 1.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// `from,from,to,to`, for the script.
    pub fn attribute(&self) -> String {
        format!("{},{},{},{}", self.from.0, self.from.1, self.to.0, self.to.1)
    }

    /// Round numbers on the axis, about `n`.
    pub fn ticks(&self, n: usize) -> Vec<f64> {
        let (low, high) = self.from;
        if !self.log {
            return linear_ticks(low, high, n);
        }
        let decades = high - low;
        let steps: &[f64] = if decades < 1.3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = if decades < n as f64 { 1 } else { (decades / n as f64).ceil() as i64 };
        let mut ticks = vec![];
        for decade in low.floor() as i64..=high.ceil() as i64 {
            for step in steps.iter().filter(|_| decade.rem_euclid(stride) == 0) {
                let v = step * 10f64.powi(decade as i32);
                if (low - 1e-9..=high + 1e-9).contains(&v.log10()) {
                    ticks.push(v);
                }
            }
        }
        ticks
    }
}

fn linear_ticks(low: f64, high: f64, n: usize) -> Vec<f64> {
    let raw = (high - low) / n.max(1) as f64;
    if !(raw > 0.0 && raw.is_finite()) {
        return vec![low];
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| *s >= raw).unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).take(100).map(|k| k as f64 * step).collect()
}

/// Numbers that are the ends of an axis: apart, and with a little room.
pub fn padded(low: f64, high: f64, share: f64) -> (f64, f64) {
    let room = share * (high - low);
    let least = 1e-9 * low.abs().max(high.abs()).max(1e-300);
    if room > least {
        (low - room, high + room)
    } else {
        (low - low.abs().max(1.0) * 0.1, high + high.abs().max(1.0) * 0.1)
    }
}

/// 10ᵏ in figures: `10⁻⁶`, `1` for k = 0.
pub fn power(k: i64) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        c => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c.to_digit(10).unwrap_or(0) as usize],
    };
    match k {
        0 => "1".into(),
        1 => "10".into(),
        k => format!("10{}", k.to_string().chars().map(digit).collect::<String>()),
    }
}

/// A number at a tick.
pub fn tick(v: f64) -> String {
    let size = v.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{v:.1e}").replace(".0e", "e");
    }
    let text = format!("{v:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.replace('-', "−") }
}

/// Text at a place; `anchor` is start, middle or end.
pub fn text(out: &mut String, x: f64, y: f64, anchor: &str, class: &str, content: &str) {
    let content = escaped(content);
    let _ = write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{content}</text>");
}

/// A straight line.
pub fn line(out: &mut String, from: (f64, f64), to: (f64, f64), class: &str) {
    let ((a, b), (c, d)) = (from, to);
    let _ = write!(out, "<line x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\" class=\"{class}\"/>");
}

/// `M x y L x y …` through all points.
pub fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (k, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if k == 0 { "M" } else { "L" });
    }
    d
}

/// The mark of series `k`, about `r` in radius.
pub fn mark(k: usize, x: f64, y: f64, r: f64, class: &str) -> String {
    let polygon = |corners: usize, turn: f64, size: f64| {
        let corner = |i: usize| {
            let angle = (i as f64 / corners as f64 + turn) * std::f64::consts::TAU;
            (x + size * angle.sin(), y - size * angle.cos())
        };
        let points: Vec<(f64, f64)> = (0..corners).map(corner).collect();
        format!("<path class=\"{class}\" d=\"{}Z\"/>", path(&points))
    };
    let star = |tips: usize| {
        let corner = |i: usize| {
            let angle = i as f64 / (2 * tips) as f64 * std::f64::consts::TAU;
            let r = if i.is_multiple_of(2) { 1.35 * r } else { 0.6 * r };
            (x + r * angle.sin(), y - r * angle.cos())
        };
        let points: Vec<(f64, f64)> = (0..2 * tips).map(corner).collect();
        format!("<path class=\"{class}\" d=\"{}Z\"/>", path(&points))
    };
    match k % 10 {
        0 => format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"/>"),
        1 => polygon(4, 0.125, 1.25 * r),
        2 => polygon(3, 0.0, 1.3 * r),
        3 => polygon(4, 0.0, 1.35 * r),
        4 => polygon(3, 0.5, 1.3 * r),
        5 => polygon(5, 0.0, 1.2 * r),
        6 => star(5),
        7 => star(4),
        8 => polygon(6, 0.0, 1.15 * r),
        _ => star(3),
    }
}

/// Moves labels apart: places ≥ `apart` from each other within [low, high], in the same order.
pub fn spread(places: &mut [f64], apart: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut floor = low;
    for k in &order {
        places[*k] = places[*k].max(floor);
        floor = places[*k] + apart;
    }
    let mut ceiling = high;
    for k in order.iter().rev() {
        places[*k] = places[*k].min(ceiling);
        ceiling = places[*k] - apart;
    }
}
