//! `--report FILE.html`: one page with everything in it, style, script and figures, that needs nothing from elsewhere.

mod contours;
mod gaps;
mod slices;
mod svg;
mod tables;

use std::fmt::Write as _;
use std::io::Write as _;

use icnn::Domain;

use icnn::compare::summary::Compared;
use icnn::compare::{Question, best, best_bound, slices as lines, units::units};
use icnn::solve::METHODS;

use super::lines::reasons;
use super::table::{small, value};
use super::{Comparison, asked};
use crate::cli::Stop;
use crate::cli::write::{Pending, failed};
use svg::escaped;

/// Rows that get figures of their own, if there are more than this: the one with the largest gap and the one in the middle.
const SHOWN: usize = 4;
/// Most slices.
const SLICES: usize = 12;

/// Writes the page.
pub fn write(mut file: Pending, done: &Comparison<'_>) -> Result<(), Stop> {
    let target = file.target().to_path_buf();
    file.write_all(page(done)?.as_bytes()).map_err(|e| failed(&target, &e.to_string()))?;
    file.finish()
}

fn page(done: &Comparison<'_>) -> Result<String, Stop> {
    let model = done.args.model.model.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
    let title = format!("{}: methods compared", escaped(&model));
    let mut out = format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta name=color-scheme content=\"light dark\">\n<title>{title}</title>\n<style>\n{}</style>\n<body>\n<main>\n<header><h1>{}</h1>\n",
        include_str!("style.css"),
        escaped(&model)
    );
    out.push_str(&head(done)?);
    out.push_str("</header>\n");
    fault_box(&mut out, done);
    out.push_str("<section class=advice><h2>What to use</h2>");
    done.advice.iter().enumerate().for_each(|(k, line)| {
        let _ = write!(out, "<p{}>{}</p>", if k == 0 { " class=first" } else { "" }, escaped(line));
    });
    out.push_str("</section>\n");
    let n = done.rows.len();
    if n > 1 {
        let _ = writeln!(out, "<section><h2>All {n} rows</h2>{}</section>", tables::of_all(&done.methods, n));
    }
    legend(&mut out, done);
    let shown = shown(&done.rows);
    if shown.len() > 1 {
        out.push_str("<p class=choose><label>Row <select id=row>");
        for (k, why) in &shown {
            let _ = write!(out, "<option value=\"{0}\">{0}{why}</option>", done.rows[*k].row);
        }
        out.push_str("</select></label></p>\n");
    }
    for (k, why) in &shown {
        section(&mut out, done, &done.rows[*k], why)?;
    }
    about(&mut out, done);
    let _ = write!(
        out,
        "</main>\n<div id=tip hidden></div>\n<script>\n{}</script>\n</body>\n</html>\n",
        include_str!("script.js")
    );
    Ok(out)
}

/// Which problem.
fn head(done: &Comparison<'_>) -> Result<String, Stop> {
    let (problem, p) = (done.problem, done.problem.network.decisions());
    let domain = done.rows.first().map(|row| problem.domain(row.row)).transpose()?;
    let set = domain.as_ref().map_or(String::new(), |d| format!(" over {}", set(d)));
    let rows = match done.rows.as_slice() {
        _ if problem.len() == 1 => String::new(),
        [one] => format!("row {} of {}, ", one.row, problem.len()),
        [first, .., last] => format!("rows {} to {} of {}, ", first.row, last.row, problem.len()),
        [] => String::new(),
    };
    let terms = if problem.is_plain() { "" } else { " (f with further terms)" };
    let kind = match done.args.entropy {
        Some(tau) => {
            format!("the entropic problem <b>min f(y) − {tau} H(y)</b>{terms}, whose value is not that of min f")
        }
        None => format!("the plain problem <b>min f(y)</b>{terms}"),
    };
    let limits = format!("relative gap {:e}, at most {} s a method and row", done.args.gap, done.args.time_limit);
    let decisions = if p == 1 { "decision" } else { "decisions" };
    Ok(format!("<p>{kind} in {p} {decisions}{}; {rows}{limits}</p>", escaped(&set)))
}

fn set(domain: &Domain) -> String {
    let same = |all: &[f64]| all.iter().all(|v| *v == all[0]).then(|| all[0]);
    let mut parts = match (same(domain.lower()), same(domain.upper())) {
        (Some(f64::NEG_INFINITY), Some(f64::INFINITY)) => "all of space".to_string(),
        (Some(l), Some(u)) => format!("the box [{l}, {u}] in every coordinate"),
        _ => "a box".to_string(),
    };
    let mut more = |n: usize, one: &str, many: &str| {
        if n > 0 {
            parts.push_str(&format!(", {n} {}", if n == 1 { one } else { many }));
        }
    };
    more(domain.rows().len(), "row", "rows");
    more(domain.sublevels().len(), "learned constraint", "learned constraints");
    parts
}

fn fault_box(out: &mut String, done: &Comparison<'_>) {
    if done.faults.is_empty() {
        return;
    }
    out.push_str("<section class=faults><h2>Answers that contradict each other</h2><ul>");
    for (row, fault) in &done.faults {
        let _ = write!(out, "<li>row {row}: {}", escaped(&fault.message));
    }
    out.push_str("</ul></section>\n");
}

/// The names of all methods that have an answer; each switches its curves off and on.
fn legend(out: &mut String, done: &Comparison<'_>) {
    out.push_str("<p class=switches>");
    for (k, m) in done.methods.iter().enumerate().filter(|(_, m)| m.answered > 0) {
        let _ = write!(
            out,
            "<button type=button aria-pressed=true data-m=\"{}\">{}</button>",
            m.method,
            tables::name(k, m.method)
        );
    }
    out.push_str("</p>\n");
}

/// The rows with figures, and why.
fn shown(rows: &[Compared]) -> Vec<(usize, &'static str)> {
    if rows.len() <= SHOWN {
        return (0..rows.len()).map(|k| (k, "")).collect();
    }
    let widest = |row: &Compared| {
        let gaps = row.entries.iter().filter_map(|e| e.solution()).map(|s| s.gap.unwrap_or(f64::INFINITY));
        gaps.fold(0.0, f64::max) / row.size().max(f64::MIN_POSITIVE)
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| widest(&rows[*b]).total_cmp(&widest(&rows[*a])));
    vec![(order[0], ", the largest gap"), (order[rows.len() / 2], ", the gap in the middle")]
}

fn section(out: &mut String, done: &Comparison<'_>, row: &Compared, why: &str) -> Result<(), Stop> {
    let (objective, domain) = asked(done.problem, row.row)?;
    let question = Question::new(&objective, &domain, done.args.entropy)?;
    let many = done.rows.len() > 1;
    let _ = write!(out, "<section class=row id=\"row-{}\">", row.row);
    let title = if many { format!("Row {}{why}", row.row) } else { "Answers".into() };
    let _ = write!(out, "<h2>{title}</h2>{}{}", tables::of_row(row), tables::remarks(&row.entries));
    let answer = best(&row.entries).and_then(|k| Some((&row.entries[k], row.entries[k].solution()?)));
    let bound = best_bound(&row.entries);
    if let Some((entry, solution)) = answer
        && let (Some(found), Some(bound)) = (solution.value, bound)
    {
        let what = if done.args.entropy.is_some() { "f − τH" } else { "f" };
        let _ = write!(
            out,
            "<p class=meaning>The gap is a proof: {what} is at least {} everywhere on the domain, and {} at the best point \
             (of {}), which therefore is at most {} above the minimum.</p>",
            value(bound),
            value(found),
            entry.method.name(),
            small((found - bound).max(0.0)),
        );
    }
    let asked_gap = done.args.gap * row.size();
    let charts = gaps::figures(&row.entries, asked_gap);
    if !charts.is_empty() {
        let _ = write!(
            out,
            "<h3>How the gap closes</h3><div class=pair>{}</div><p class=caption>A full mark at the end: the gap is closed. \
             An open one: stopped before. Methods that take the network apart and solve one program have no passes to \
             count; they are points at their time.</p>",
            charts.iter().map(|c| format!("<figure>{c}</figure>")).collect::<String>()
        );
    }
    if let Some((_, solution)) = answer
        && let (Some(y), Some(found)) = (&solution.y, solution.value)
    {
        let points: Vec<[f64; 2]> = row.entries.iter().flat_map(|e| e.iterates.iter().copied()).collect();
        if let Some(grid) = lines::grid(&question, y, &points)
            && let Some(figure) = contours::figure(&grid, &row.entries, y)
        {
            let _ = write!(
                out,
                "<h3>The best points on the way</h3><figure class=plane>{figure}</figure><p class=caption>Level lines of what is \
                 minimised; each method's best point so far, step by step; the ring is the minimiser. Shaded: outside of \
                 the domain.</p>"
            );
        }
        let slices = lines::slices(&question, y, SLICES);
        if !slices.is_empty() {
            let p = y.len();
            let which = if slices.len() < p {
                format!(", the {} of {p} in which it varies most", slices.len())
            } else {
                String::new()
            };
            let _ = write!(
                out,
                "<h3>Slices through the minimiser</h3><div class=slices>{}</div><p class=caption>What is minimised along one \
                 coordinate{which}, from end to end of the domain, all on the same scale. Ring: the minimiser. Dashed: the \
                 lower bound. Faint: outside of the domain.</p>",
                slices::figures(&slices, found, bound)
            );
        }
        let _ = write!(out, "<h3>Units at the minimiser</h3>{}", tables::units(&units(&objective, &domain, y)?));
    }
    out.push_str("</section>\n");
    Ok(())
}

/// What the methods are, and why some did not take part.
fn about(out: &mut String, done: &Comparison<'_>) {
    out.push_str("<section><h2>Methods</h2><dl>");
    for (k, m) in done.methods.iter().enumerate() {
        let what = METHODS.iter().find(|row| row.name == m.method).map_or("", |row| row.what);
        let _ = write!(out, "<dt>{}<dd>{}", tables::name(k, m.method), escaped(what));
    }
    out.push_str("</dl>");
    for (reason, methods) in reasons(&done.methods) {
        let _ = write!(out, "<p>Not compared: <b>{}</b>. {}</p>", methods.join(", "), escaped(reason));
    }
    for (row, reason) in &done.failed {
        let _ = write!(out, "<p>Row {row} was not compared: {}</p>", escaped(reason));
    }
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(
        out,
        "<p class=caption>Values and bounds are recomputed from the weights. Times are those of one run on one machine. icnn {version}</p></section>"
    );
}
