//! [`write()`]: a [`LinearProgram`] as free MPS.

use std::io::{self, Write};

use sprs::CsMat;

use crate::LinearProgram;
use crate::file_names::{FileNames, OBJECTIVE};
use crate::text::number;

/// Writes `lp`, its quadratic term included, as free MPS: every number so that it reads
/// back exactly, columns and rows in their order. Rows without bounds restrict nothing and are left out.
///
/// A row with two bounds l < u is written as its lower bound and u − l; where neither l + (u − l) = u nor
/// u − (u − l) = l in f64, the upper bound is read back with its last bit changed.
///
/// # Errors
/// What `out` reports.
///
/// # Panics
/// If the arrays of the program do not fit together ([`LinearProgram::validate`] tells), or Q is not n × n.
///
/// ```
/// use icnn_solvers::{LinearProgram, mps};
///
/// let mut lp = LinearProgram::new(2);
/// lp.objective = vec![1.0, -0.5];
/// lp.offset = 3.0;
/// lp.column_lower[1] = 0.0;
/// lp.add_row(1.0, 4.0, &[(0, 1.0), (1, -2.0)]);
/// let mut file = vec![];
/// mps::write(&lp, &mut file)?;
/// assert_eq!(String::from_utf8_lossy(&file), "\
/// NAME lp
/// ROWS
///  N obj
///  G r0
/// COLUMNS
///  x0 obj 1
///  x0 r0 1
///  x1 obj -0.5
///  x1 r0 -2
/// RHS
///  RHS obj -3
///  RHS r0 1
/// RANGES
///  RNG r0 3
/// BOUNDS
///  FR BND x0
/// ENDATA
/// ");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(lp: &LinearProgram, out: &mut impl Write) -> io::Result<()> {
    let names = FileNames::of(lp);
    out.write_all(names.remarks("*").as_bytes())?;
    let kinds: Vec<Kind> = (0..lp.rows()).map(|i| Kind::of(lp.row_lower[i], lp.row_upper[i])).collect();
    let free = kinds.iter().filter(|kind| **kind == Kind::Free).count();
    if free > 0 {
        writeln!(out, "* {free} rows without bounds are left out")?;
    }
    writeln!(out, "NAME lp\nROWS\n N {OBJECTIVE}")?;
    for (name, kind) in names.rows.iter().zip(&kinds) {
        match kind {
            Kind::Free => {}
            Kind::Equal => writeln!(out, " E {name}")?,
            Kind::AtLeast | Kind::RangeUp(_) => writeln!(out, " G {name}")?,
            Kind::AtMost | Kind::RangeDown(_) => writeln!(out, " L {name}")?,
        }
    }
    columns(lp, &names, &kinds, out)?;
    right_hand_sides(lp, &names, &kinds, out)?;
    bounds(lp, &names, out)?;
    if let Some(quadratic) = &lp.quadratic {
        objective_matrix(quadratic, &names, out)?;
    }
    writeln!(out, "ENDATA")
}

/// How a row stands in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Free,
    Equal,
    AtLeast,
    AtMost,
    /// Its lower bound, and how far the upper one is above.
    RangeUp(f64),
    /// Its upper bound, and how far the lower one is below.
    RangeDown(f64),
}

impl Kind {
    fn of(lower: f64, upper: f64) -> Kind {
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => Kind::Free,
            (true, false) => Kind::AtLeast,
            (false, true) => Kind::AtMost,
            _ if lower == upper => Kind::Equal,
            _ if lower + (upper - lower) == upper || upper - (upper - lower) != lower => Kind::RangeUp(upper - lower),
            _ => Kind::RangeDown(upper - lower),
        }
    }
}

/// Every column, those without a cost or a coefficient too: a column is declared by being here.
fn columns(lp: &LinearProgram, names: &FileNames, kinds: &[Kind], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "COLUMNS")?;
    let by_column = lp.matrix.to_csc();
    for (j, column) in by_column.outer_iterator().enumerate() {
        let name = &names.columns[j];
        let mut entries = column.iter().filter(|&(i, a)| *a != 0.0 && kinds[i] != Kind::Free).peekable();
        if lp.objective[j] != 0.0 || entries.peek().is_none() {
            writeln!(out, " {name} {OBJECTIVE} {}", number(lp.objective[j]))?;
        }
        for (i, &a) in entries {
            writeln!(out, " {name} {} {}", names.rows[i], number(a))?;
        }
    }
    Ok(())
}

/// RHS and RANGES. The objective's is minus its constant.
fn right_hand_sides(lp: &LinearProgram, names: &FileNames, kinds: &[Kind], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "RHS")?;
    if lp.offset != 0.0 {
        writeln!(out, " RHS {OBJECTIVE} {}", number(-lp.offset))?;
    }
    for (i, kind) in kinds.iter().enumerate() {
        let side = match kind {
            Kind::Free => continue,
            Kind::Equal | Kind::AtLeast | Kind::RangeUp(_) => lp.row_lower[i],
            Kind::AtMost | Kind::RangeDown(_) => lp.row_upper[i],
        };
        if side != 0.0 {
            writeln!(out, " RHS {} {}", names.rows[i], number(side))?;
        }
    }
    if kinds.iter().any(|kind| matches!(kind, Kind::RangeUp(_) | Kind::RangeDown(_))) {
        writeln!(out, "RANGES")?;
    }
    for (name, kind) in names.rows.iter().zip(kinds) {
        if let Kind::RangeUp(width) | Kind::RangeDown(width) = kind {
            writeln!(out, " RNG {name} {}", number(*width))?;
        }
    }
    Ok(())
}

/// Bounds other than the format's own 0 ≤ x.
fn bounds(lp: &LinearProgram, names: &FileNames, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "BOUNDS")?;
    for (name, (&lower, &upper)) in names.columns.iter().zip(lp.column_lower.iter().zip(&lp.column_upper)) {
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => writeln!(out, " FR BND {name}")?,
            (true, true) if lower == upper => writeln!(out, " FX BND {name} {}", number(lower))?,
            _ => {
                match lower {
                    f64::NEG_INFINITY => writeln!(out, " MI BND {name}")?,
                    // A negative upper bound without a lower one is read in two ways; so the 0 is said there as well.
                    0.0 if !upper.is_finite() => {}
                    _ => writeln!(out, " LO BND {name} {}", number(lower))?,
                }
                if upper.is_finite() {
                    writeln!(out, " UP BND {name} {}", number(upper))?;
                }
            }
        }
    }
    Ok(())
}

/// QUADOBJ: the lower triangle of Q in ½ xᵀQx.
fn objective_matrix(quadratic: &CsMat<f64>, names: &FileNames, out: &mut impl Write) -> io::Result<()> {
    assert_eq!((quadratic.rows(), quadratic.cols()), (names.columns.len(), names.columns.len()));
    writeln!(out, "QUADOBJ")?;
    for (&q, (i, j)) in quadratic.iter() {
        if i >= j && q != 0.0 {
            writeln!(out, " {} {} {}", names.columns[j], names.columns[i], number(q))?;
        }
    }
    Ok(())
}
