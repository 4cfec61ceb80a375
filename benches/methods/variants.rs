//! Both variants of the bundle entropy method side by side: cuts alone, and kinks that are held.

use icnn::Method;

use super::Row;

/// A line for each family, kind and scale of the entropic problem that both variants were run on.
pub fn print(rows: &[Row]) {
    let of = |method: Method| rows.iter().filter(move |row| row.entropy.is_some() && row.method == method.name());
    let same = |a: &Row, b: &Row| a.family == b.family && a.kind == b.kind && a.scale == b.scale;
    let pairs: Vec<(&Row, &Row)> = of(Method::Bundle)
        .filter_map(|cuts| of(Method::ActiveSet).find(|kinks| same(cuts, kinks)).map(|kinks| (cuts, kinks)))
        .collect();
    if pairs.is_empty() {
        return;
    }
    println!();
    println!(
        "the two variants on the entropic problem: passes to 1e-6 and 1e-9, and the rest of a pass over its network"
    );
    println!(
        "{:8} {:4} {:5} {:>9}  {:>11} {:>11} {:>8}  {:>11} {:>11} {:>8}  {:>8}  {:10} met",
        "family",
        "kind",
        "scale",
        "network µs",
        "bundle 1e-6",
        "1e-9",
        "rest/net",
        "kinks 1e-6",
        "1e-9",
        "rest/net",
        "required",
        "fewer"
    );
    for (cuts, kinks) in pairs {
        let better = if kinks.most().unwrap_or(u64::MAX) < cuts.most().unwrap_or(u64::MAX) { kinks } else { cuts };
        let required = cuts.target.split('-').next_back().and_then(|most| most.parse::<u64>().ok());
        let met = match (required, better.most()) {
            (None, _) => "",
            (Some(required), Some(most)) if most <= required => "yes",
            _ => "no",
        };
        let share = |row: &Row| row.rest_seconds / row.inside_seconds;
        println!(
            "{:8} {:4} {:5} {:10.1}  {:>11} {:>11} {:8.2}  {:>11} {:>11} {:8.2}  {:>8}  {:10} {met}",
            cuts.family,
            cuts.kind,
            cuts.scale,
            1e6 * cuts.network_seconds.min(kinks.network_seconds),
            cuts.span(0),
            cuts.span(1),
            share(cuts),
            kinks.span(0),
            kinks.span(1),
            share(kinks),
            cuts.target,
            better.method
        );
    }
}
