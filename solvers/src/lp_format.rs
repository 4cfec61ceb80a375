//! [`write()`]: a [`LinearProgram`] in the LP format of CPLEX.

use std::io::{self, Write};

use sprs::CsMat;

use crate::LinearProgram;
use crate::file_names::{FileNames, OBJECTIVE};
use crate::text::number;

/// Readers may refuse lines of more than 510 characters; a term behind this many starts a new one.
const WIDTH: usize = 100;

/// Writes `lp`, its quadratic term included, in the LP format: every number so
/// that it reads back exactly. The objective names every column, so that readers keep their order. The format has no rows
/// with two bounds l < u that all its readers know: they are written twice, `NAME#lo` and `NAME#up`. Rows without bounds
/// restrict nothing and are left out.
///
/// # Errors
/// What `out` reports.
///
/// # Panics
/// If the arrays of the program do not fit together ([`LinearProgram::validate`] tells), or Q is not n × n.
///
/// ```
/// use icnn_solvers::{LinearProgram, lp_format};
///
/// let mut lp = LinearProgram::new(2);
/// lp.objective = vec![1.0, -0.5];
/// lp.offset = 3.0;
/// lp.column_lower[1] = 0.0;
/// lp.add_row(1.0, 4.0, &[(0, 1.0), (1, -2.0)]);
/// let mut file = vec![];
/// lp_format::write(&lp, &mut file)?;
/// assert_eq!(String::from_utf8_lossy(&file), "\
/// Minimize
///  obj: + 1 x0 - 0.5 x1
///  + 3
/// Subject To
///  r0#lo: + 1 x0 - 2 x1 >= 1
///  r0#up: + 1 x0 - 2 x1 <= 4
/// Bounds
///  x0 free
///  x1 >= 0
/// End
/// ");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(lp: &LinearProgram, out: &mut impl Write) -> io::Result<()> {
    let names = FileNames::of(lp);
    let n = lp.columns();
    out.write_all(names.remarks("\\").as_bytes())?;
    let free = (0..lp.rows()).filter(|&i| lp.row_lower[i].is_infinite() && lp.row_upper[i].is_infinite()).count();
    if free > 0 {
        writeln!(out, "\\ {free} rows without bounds are left out")?;
    }
    writeln!(out, "Minimize\n {OBJECTIVE}:{}", terms(lp.objective.iter().copied().enumerate(), &names))?;
    if let Some(quadratic) = &lp.quadratic {
        objective_matrix(quadratic, &names, out)?;
    }
    if lp.offset != 0.0 {
        writeln!(out, " {}", signed(lp.offset))?;
    }
    writeln!(out, "Subject To")?;
    for (i, row) in lp.matrix.outer_iterator().enumerate() {
        let (lower, upper, name) = (lp.row_lower[i], lp.row_upper[i], &names.rows[i]);
        let mut sum = terms(row.iter().map(|(j, &a)| (j, a)).filter(|(_, a)| *a != 0.0), &names);
        if sum.is_empty() && n > 0 {
            // A row needs a column, if only 0 of it.
            sum = terms([(0, 0.0)].into_iter(), &names);
        }
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => {}
            (true, true) if lower == upper => writeln!(out, " {name}:{sum} = {}", number(lower))?,
            (true, false) => writeln!(out, " {name}:{sum} >= {}", number(lower))?,
            (false, true) => writeln!(out, " {name}:{sum} <= {}", number(upper))?,
            (true, true) => {
                writeln!(out, " {name}#lo:{sum} >= {}", number(lower))?;
                writeln!(out, " {name}#up:{sum} <= {}", number(upper))?;
            }
        }
    }
    writeln!(out, "Bounds")?;
    for (name, (&lower, &upper)) in names.columns.iter().zip(lp.column_lower.iter().zip(&lp.column_upper)) {
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => writeln!(out, " {name} free")?,
            (true, true) if lower == upper => writeln!(out, " {name} = {}", number(lower))?,
            (true, false) => writeln!(out, " {name} >= {}", number(lower))?,
            (false, true) => writeln!(out, " -inf <= {name} <= {}", number(upper))?,
            (true, true) => writeln!(out, " {} <= {name} <= {}", number(lower), number(upper))?,
        }
    }
    writeln!(out, "End")
}

/// ` + 1 x - 2 y`, broken into lines.
fn terms(terms: impl Iterator<Item = (usize, f64)>, names: &FileNames) -> String {
    let (mut text, mut start) = (String::new(), 0);
    for (j, a) in terms {
        if text.len() - start > WIDTH {
            text.push_str("\n ");
            start = text.len();
        }
        text.push_str(&format!(" {} {}", signed(a), names.columns[j]));
    }
    text
}

/// `+ 2`, `- 0.5`
fn signed(value: f64) -> String {
    format!("{} {}", if value < 0.0 { '-' } else { '+' }, number(value.abs()))
}

/// `+ [ Q₀₀ x^2 + 2 Q₀₁ x * y + … ] / 2`: all of xᵀQx, the two halves of a mixed term in one.
fn objective_matrix(quadratic: &CsMat<f64>, names: &FileNames, out: &mut impl Write) -> io::Result<()> {
    assert_eq!((quadratic.rows(), quadratic.cols()), (names.columns.len(), names.columns.len()));
    let entries: Vec<(usize, usize, f64)> =
        quadratic.iter().filter(|(q, (i, j))| i >= j && **q != 0.0).map(|(&q, (i, j))| (i, j, q)).collect();
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, " + [")?;
    for (i, j, q) in entries {
        let (first, second) = (&names.columns[j], &names.columns[i]);
        if i == j {
            writeln!(out, "  {} {first} ^ 2", signed(q))?;
        } else {
            writeln!(out, "  {} {first} * {second}", signed(2.0 * q))?;
        }
    }
    writeln!(out, " ] / 2")
}
