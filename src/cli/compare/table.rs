//! Numbers in columns.

/// A table for a terminal: the first column to the left, all others to the right, two spaces between.
pub fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |k: usize| {
        let of_rows = rows.iter().filter_map(|row| row.get(k)).map(|cell| cell.chars().count());
        of_rows.chain([head[k].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().enumerate().map(|(k, cell)| {
            let space = " ".repeat(widths[k].saturating_sub(cell.chars().count()));
            if k < 2 { format!("{cell}{space}") } else { format!("{space}{cell}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let head: Vec<String> = head.iter().map(|h| h.to_string()).collect();
    std::iter::once(line(&head)).chain(rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}

/// A small number: `1.2e-9`, `0` for none at all.
pub fn small(v: f64) -> String {
    if v == 0.0 { "0".into() } else { format!("{v:.1e}") }
}

/// A count.
pub fn count(v: f64) -> String {
    format!("{v:.0}")
}

/// A value with nine significant digits, or as many as it has.
pub fn value(v: f64) -> String {
    let size = v.abs();
    match size {
        _ if size == 0.0 => "0".into(),
        _ if (1e-4..1e7).contains(&size) => {
            let before = size.log10().floor().max(0.0) as usize + 1;
            format!("{v:.*}", 10usize.saturating_sub(before).max(3))
        }
        _ => format!("{v:.9e}"),
    }
}
