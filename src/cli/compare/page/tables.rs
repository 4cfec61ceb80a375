//! The tables of the page: methods over all rows, methods at one row, units.

use std::fmt::Write;

use icnn::compare::Entry;
use icnn::compare::advice::duration;
use icnn::compare::summary::{Compared, MethodSummary, Spread};
use icnn::compare::units::Units;

use super::super::table::{count, small, value};
use super::svg::{escaped, mark};

const HEAD: &str = "<th>method<th>status<th class=n>value<th class=n>certified gap<th class=n>distance to best y\
    <th class=n>forward passes<th class=n>backward passes<th class=n>iterations<th class=n>time";

/// The mark and the name of a method.
pub fn name(series: usize, name: &str) -> String {
    let mark = mark(series, 8.0, 8.0, 5.0, "mark end");
    let class = series % 12;
    format!("<svg class=\"key s{class}\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">{mark}</svg>{}", escaped(name))
}

/// A method a line, over all rows: the median, below it the worst.
pub fn of_all(methods: &[MethodSummary], n: usize) -> String {
    let mut out = format!("<div class=scroll><table><thead><tr>{}</thead><tbody>", HEAD.replace("status", "optimal"));
    let pair = |out: &mut String, spread: Option<Spread>, form: &dyn Fn(f64) -> String| {
        let _ = match spread {
            Some(s) => write!(out, "<td class=n>{}<small>{}</small>", form(s.median), form(s.worst)),
            None => write!(out, "<td class=n>–"),
        };
    };
    for (k, m) in methods.iter().enumerate() {
        let _ = write!(out, "<tr><th scope=row>{}", name(k, m.method));
        if m.reason.is_some() {
            out.push_str("<td class=bad>no answer<td colspan=7>");
            continue;
        }
        let class = if m.optimal == n { "good" } else { "bad" };
        let _ = write!(out, "<td class={class}>{} of {n}", m.optimal);
        pair(&mut out, m.value, &value);
        pair(&mut out, m.gap, &small);
        pair(&mut out, m.distance, &small);
        for spread in [m.forward, m.backward, m.iterations] {
            pair(&mut out, spread, &count);
        }
        pair(&mut out, m.seconds, &duration);
    }
    out + "</tbody></table></div><p class=caption>Above the median of the rows, below it the worst.</p>"
}

/// A method a line, at one row.
pub fn of_row(row: &Compared) -> String {
    let mut out = format!("<div class=scroll><table><thead><tr>{HEAD}</thead><tbody>");
    let or = |v: Option<f64>, form: &dyn Fn(f64) -> String| v.map_or("–".to_string(), form);
    for (k, entry) in row.entries.iter().enumerate() {
        let class = if entry.is_optimal() { "good" } else { "bad" };
        let _ = write!(out, "<tr><th scope=row>{}<td class={class}>{}", name(k, entry.method.name()), entry.status());
        let Some(s) = entry.solution() else {
            out.push_str("<td colspan=7>");
            continue;
        };
        for cell in [or(s.value, &value), or(s.gap, &small), or(row.distance(s), &small)] {
            let _ = write!(out, "<td class=n>{cell}");
        }
        for work in [u64::from(s.work.forward), u64::from(s.work.backward), s.work.iterations] {
            let _ = write!(out, "<td class=n>{work}");
        }
        let _ = write!(out, "<td class=n>{}", duration(s.seconds));
    }
    out + "</tbody></table></div>"
}

/// What ended methods early or kept them out, one line each.
pub fn remarks(entries: &[Entry]) -> String {
    let remark = |entry: &Entry| Some((entry.method.name(), entry.solution()?.message.clone()?));
    let items: Vec<String> = entries
        .iter()
        .filter_map(remark)
        .map(|(name, message)| format!("<li><b>{name}</b>: {}", escaped(&message)))
        .collect();
    if items.is_empty() { String::new() } else { format!("<ul class=remarks>{}</ul>", items.concat()) }
}

/// Where the units stand, a bar a node.
pub fn units(units: &Units) -> String {
    let kinks = &units.kinks;
    let smooth: usize = units.smooth.iter().map(|(_, n)| n).sum();
    let mut out = format!(
        "<p><b>{}</b> of {} piecewise-linear units {} at a kink{}.</p>",
        kinks.at_kink,
        kinks.units,
        if kinks.at_kink == 1 { "is" } else { "are" },
        if smooth > 0 { format!("; {smooth} smooth units have none") } else { String::new() }
    );
    if kinks.nodes.is_empty() && units.smooth.is_empty() {
        return out;
    }
    out.push_str(
        "<p class=legend><span class=\"u kink\"></span>at a kink <span class=\"u active\"></span>active \
         <span class=\"u inactive\"></span>inactive <span class=\"u between\"></span>between two kinks \
         <span class=\"u decided\"></span>decided by the domain alone <span class=\"u smooth\"></span>smooth</p>",
    );
    let mut bar = |label: String, total: usize, parts: &[(&str, usize)]| {
        let parts = parts.iter().filter(|(_, n)| *n > 0).map(|(class, n)| {
            let shown = if 14 * n >= total { n.to_string() } else { String::new() };
            format!("<span class=\"u {class}\" style=\"flex:{n}\" title=\"{n} {class}\">{shown}</span>")
        });
        let _ = write!(
            out,
            "<div class=node><code>{}</code><div class=bar>{}</div></div>",
            escaped(&label),
            parts.collect::<String>()
        );
    };
    for n in &kinks.nodes {
        let label = if n.function == "f" { n.node.clone() } else { format!("{}: {}", n.function, n.node) };
        let parts = [
            ("kink", n.at_kink),
            ("active", n.active),
            ("inactive", n.inactive),
            ("between", n.between),
            ("decided", n.decided),
        ];
        bar(label, n.units, &parts);
    }
    for (node, n) in &units.smooth {
        bar(node.clone(), *n, &[("smooth", *n)]);
    }
    out
}
