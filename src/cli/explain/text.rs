//! An explained row in words: a headline, then a few lines for each question.

use icnn::Status;
use icnn::explain::{Conflict, Descent, Kind, Kinks, Optimum, Sensitivity};

use super::{Row, output};

/// Lines of a list; `--json` has the rest.
const SHOWN: usize = 8;

/// The text of one row.
pub fn of(row: usize, found: &Row) -> String {
    let solution = &found.explanation.solution;
    let status = format!("{:?}", solution.status).to_lowercase();
    let mut lines = vec![];
    match (&found.explanation.optimum, &solution.y) {
        (Some(optimum), Some(y)) => {
            let value = solution.value.unwrap_or(f64::NAN);
            lines.push(format!("row {row} {status}: value {value:.9} at {}; {}", output::brief(y), headline(optimum)));
            if solution.status == Status::Stopped {
                lines.extend(solution.message.clone());
            }
            kinks(&optimum.kinks, &mut lines);
            active(optimum, &mut lines);
            sensitivity("a change of a bound, row or level", &optimum.sensitivity, &mut lines);
            sensitivity("a change of the context", found.context.as_deref().unwrap_or(&[]), &mut lines);
            if found.left_out > 0 {
                let n = found.left_out;
                lines.push(format!(
                    "  the context has {n} entries: --context-sensitivity says how each moves the optimum"
                ));
            }
        }
        _ => lines.push(format!("row {row} {status}{}", no_point(found))),
    }
    if let Some(found) = &found.explanation.conflict {
        conflict(found, &mut lines);
    }
    if let Some(found) = &found.explanation.descent {
        descent(found, &mut lines);
    }
    lines.join("\n")
}

fn no_point(found: &Row) -> String {
    let reason = match (&found.explanation.conflict, &found.explanation.descent) {
        (Some(c), _) => format!("{} of the bounds and rows contradict each other", c.members.len()),
        (_, Some(_)) => "f falls for ever along a ray".into(),
        _ => found.explanation.solution.message.clone().unwrap_or_default(),
    };
    if reason.is_empty() { reason } else { format!(": {reason}") }
}

fn headline(optimum: &Optimum) -> String {
    let (kinks, at) = (&optimum.kinks, &optimum.coordinates);
    let all = at.at_lower + at.at_upper + at.fixed + at.inside;
    let mut text = format!("{} of {} units at their kink; ", kinks.at_kink, kinks.units);
    text.push_str(&format!("{} of {all} coordinates at their bounds", at.at_lower + at.at_upper));
    if at.fixed > 0 {
        text.push_str(&format!(", {} fixed", at.fixed));
    }
    let others = optimum.active.iter().filter(|a| a.of == "row" || a.of == "constraint").count();
    if others > 0 {
        text.push_str(&format!("; {others} rows and constraints active"));
    }
    text
}

fn kinks(kinks: &Kinks, lines: &mut Vec<String>) {
    if kinks.units > 0 {
        lines.push("  units (left of their breakpoint: inactive, right: active, on it: at their kink)".into());
    }
    for n in kinks.nodes.iter().take(SHOWN) {
        let of = if n.function == "f" { String::new() } else { format!("'{}': ", n.function) };
        let here = kinks.list.iter().filter(|k| k.function == n.function && k.node == n.node);
        let mut entries: Vec<String> = here.take(SHOWN + 1).map(|k| k.entry.to_string()).collect();
        if entries.len() > SHOWN {
            entries[SHOWN] = "…".into();
        }
        let kink = format!("at their kink (entries {})", entries.join(", "));
        let counts = [
            (n.active, "active"),
            (n.inactive, "inactive"),
            (n.between, "between two breakpoints"),
            (n.at_kink, kink.as_str()),
            (n.decided, "decided by the bounds"),
        ];
        let counts: Vec<String> = counts.iter().filter(|c| c.0 > 0).map(|(n, what)| format!("{n} {what}")).collect();
        lines.push(format!("    {of}{}: {}", n.node, counts.join(", ")));
    }
    more(kinks.nodes.len(), lines);
}

fn active(optimum: &Optimum, lines: &mut Vec<String>) {
    let shown: Vec<_> = optimum.active.iter().filter(|a| a.of != "fixed").collect();
    if shown.is_empty() {
        return;
    }
    let strict = shown.iter().filter(|a| a.strict).count();
    let count = shown.len();
    lines.push(format!("  stands at {count} bounds and rows, {strict} of which hold it there (multiplier not 0)"));
    for a in shown.iter().take(SHOWN) {
        let how = match a.multiplier {
            Some(m) if a.strict => format!("multiplier {}", signed(m)),
            Some(_) => "multiplier 0".into(),
            None => "no multiplier is known".into(),
        };
        lines.push(format!("    {}: {how}", a.name));
    }
    more(count, lines);
}

/// The derivatives that are not simply 0, largest first.
fn sensitivity(what: &str, all: &[Sensitivity], lines: &mut Vec<String>) {
    let size = |s: &Sensitivity| s.left.into_iter().chain(s.right).fold(0.0f64, |m, v| m.max(v.abs()));
    let mut shown: Vec<&Sensitivity> = all.iter().filter(|s| s.derivative != Some(0.0)).collect();
    if all.is_empty() {
        return;
    }
    shown.sort_by(|a, b| size(b).total_cmp(&size(a)));
    lines.push(format!("  what {what} by +t does to the value: {} of {} matter", shown.len(), all.len()));
    for s in shown.iter().take(SHOWN) {
        let number = |v: Option<f64>| v.map_or("unknown".to_string(), signed);
        let rate = match s.kind {
            Kind::TwoSided => format!("{}·t", number(s.derivative)),
            Kind::OneSided => format!("{}·t when it falls, {}·t when it grows", number(s.left), number(s.right)),
            Kind::Undefined => "undefined".into(),
        };
        let error = s.error.map_or(String::new(), |e| format!(" (error about {e:.0e})"));
        let note = s.note.as_ref().map_or(String::new(), |n| format!(" — {n}"));
        let at = if s.of == "context" { format!(" = {}", s.at) } else { String::new() };
        lines.push(format!("    {}{at}: {rate}{error}{note}", s.name));
    }
    more(shown.len(), lines);
}

fn conflict(conflict: &Conflict, lines: &mut Vec<String>) {
    lines.push("  no point satisfies all of".into());
    for m in conflict.members.iter().take(SHOWN) {
        let needed = if m.without.is_some() { "without it there is a point" } else { "not known whether it is needed" };
        lines.push(format!("    {}  ({needed})", m.name));
    }
    more(conflict.members.len(), lines);
}

fn descent(descent: &Descent, lines: &mut Vec<String>) {
    lines.push(format!("  the slope along the ray tends to {}; any one of these would stop it", signed(descent.slope)));
    for m in descent.moves.iter().take(SHOWN) {
        lines.push(format!("    {} (it moves at speed {:+.6})", m.missing, m.speed));
    }
    more(descent.moves.len(), lines);
}

/// A number for reading, with its sign.
fn signed(v: f64) -> String {
    if v == 0.0 || (1e-3..1e6).contains(&v.abs()) { format!("{v:+.6}") } else { format!("{v:+.6e}") }
}

fn more(count: usize, lines: &mut Vec<String>) {
    if count > SHOWN {
        lines.push(format!("    … and {} more (--json)", count - SHOWN));
    }
}
