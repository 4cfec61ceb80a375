//! What to use, derived by rule from what was measured.

use super::summary::{Compared, MethodSummary, Spread};

/// Relative gaps that may be enough.
const LEVELS: [f64; 3] = [1e-6, 1e-4, 1e-2];

/// A method has to be faster than the exact one by this factor to be worth a smaller accuracy.
const WORTH_IT: f64 = 0.8;

/// Sentences: the fastest method that closed every gap; who else did; who gets to a coarser gap sooner; who did not close it.
/// `gap` is the relative gap that was asked for.
pub fn advice(rows: &[Compared], methods: &[MethodSummary], gap: f64) -> Vec<String> {
    let n = rows.len();
    let mut lines = vec![];
    let seconds = |m: &MethodSummary| m.seconds.map_or(f64::INFINITY, |s| s.median);
    let mut exact: Vec<&MethodSummary> = methods.iter().filter(|m| m.optimal == n && n > 0).collect();
    exact.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    let here = |what: usize| if n == 1 { "this row".to_string() } else { format!("{what} of {n} rows") };
    if let Some((first, rest)) = exact.split_first() {
        let worst = first.gap.map_or(String::new(), |g| format!(", certified gap at most {}", small(g.worst)));
        let (time, method) = (duration(seconds(first)), first.method);
        lines.push(if n == 1 {
            format!("Use {method}: optimal in {time}{worst}.")
        } else {
            format!("Use {method}: optimal on all {n} rows, {time} a row (median){worst}.")
        });
        if !rest.is_empty() {
            let also: Vec<String> = rest.iter().map(|m| format!("{} ({})", m.method, duration(seconds(m)))).collect();
            lines.push(format!("Also optimal: {}.", also.join(", ")));
        }
    } else {
        let most = methods.iter().max_by_key(|m| m.optimal).filter(|m| m.optimal > 0);
        let nearest = methods.iter().filter(|m| m.gap.is_some()).min_by(|a, b| worst_gap(a).total_cmp(&worst_gap(b)));
        lines.push(match (most, nearest) {
            (Some(m), _) => format!("No method closed every gap; {} did on {}.", m.method, here(m.optimal)),
            (None, Some(m)) => {
                format!("No method closed the gap; the smallest, {}, is that of {}.", small(worst_gap(m)), m.method)
            }
            (None, None) => "No method found a point and a lower bound.".into(),
        });
        if methods.iter().any(|m| m.answered > 0) {
            lines.push(
                "Higher limits (--time-limit, --pass-limit, --iteration-limit) or a wider --gap may change that."
                    .into(),
            );
        }
    }
    lines.extend(sooner(rows, exact.first().map(|m| (m.method, seconds(m))), gap));
    let open: Vec<String> = methods
        .iter()
        .filter(|m| m.answered > 0 && m.optimal < n && !exact.is_empty())
        .map(|m| {
            let left = m.gap.map_or("no lower bound".into(), |g| format!("certified gap {}", small(g.worst)));
            format!("{} ({left} after {})", m.method, duration(seconds(m)))
        })
        .collect();
    if !open.is_empty() {
        lines.push(format!("Not closed to {gap:.0e} within the limits: {}.", open.join(", ")));
    }
    lines
}

fn worst_gap(m: &MethodSummary) -> f64 {
    m.gap.map_or(f64::INFINITY, |g| g.worst)
}

/// For each level coarser than what was asked for: the method that is there first, if that is another than the `exact` one
/// (name, seconds) and sooner. A method is named once, at the finest level.
fn sooner(rows: &[Compared], exact: Option<(&str, f64)>, gap: f64) -> Vec<String> {
    let limit = exact.map_or(f64::INFINITY, |(_, seconds)| seconds);
    let mut named: Vec<&str> = exact.iter().map(|(name, _)| *name).collect();
    let mut lines = vec![];
    for level in LEVELS.into_iter().filter(|level| *level > gap) {
        let methods = rows.first().map_or(0, |row| row.entries.len());
        let reached = (0..methods).filter_map(|k| Some((rows[0].entries[k].method.name(), reached(rows, k, level)?)));
        let Some((method, (seconds, passes))) = reached.min_by(|a, b| a.1.0.total_cmp(&b.1.0)) else { continue };
        if seconds < WORTH_IT * limit && !named.contains(&method) {
            named.push(method);
            let after = passes.map_or(String::new(), |p| format!("{p} passes, "));
            let time = duration(seconds);
            lines.push(format!("Where a relative gap of {level:.0e} is enough: {method}, {after}{time}."));
        }
    }
    lines
}

/// A gap for reading.
fn small(gap: f64) -> String {
    if gap == 0.0 { "0".into() } else { format!("{gap:.1e}") }
}

/// When method `k` had a relative gap of at most `level`, in the median over the rows: seconds, and passes where it counts
/// them. `None` if it did not get there on some row.
pub fn reached(rows: &[Compared], k: usize, level: f64) -> Option<(f64, Option<u64>)> {
    let mut times = vec![];
    let mut passes = vec![];
    for row in rows {
        let (solution, allowed) = (row.entries.get(k)?.solution()?, level * row.size());
        match solution.trace.iter().find(|p| p.value - p.lower_bound <= allowed) {
            Some(p) => {
                times.push(p.seconds);
                passes.push((p.forward + p.backward) as f64);
            }
            None => {
                solution.gap.filter(|gap| *gap <= allowed)?;
                times.push(solution.seconds);
            }
        }
    }
    let whole = passes.len() == rows.len();
    let passes = Spread::of(passes).filter(|_| whole).map(|s| s.median as u64);
    Some((Spread::of(times)?.median, passes))
}

/// Seconds for reading: `12 ms`.
pub fn duration(seconds: f64) -> String {
    let (v, unit) = match seconds {
        s if !s.is_finite() => return "–".into(),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    match v {
        v if v < 9.95 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}
