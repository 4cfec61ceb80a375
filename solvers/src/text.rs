//! [`Display`] of a [`LinearProgram`]: readable, deterministic, every number printed so that it reads back exactly.

use std::fmt::{self, Display, Formatter};

use crate::LinearProgram;

/// Prints the program as text, one row or bound a line, in the order of the arrays.
///
/// ```
/// use icnn_solvers::LinearProgram;
///
/// let mut lp = LinearProgram::new(2);
/// lp.objective = vec![1.0, -0.5];
/// lp.column_lower[1] = 0.0;
/// lp.add_row(1.0, f64::INFINITY, &[(0, 1.0), (1, -2.0)]);
/// assert_eq!(
///     lp.to_string(),
///     "minimize\n  x0 - 0.5 x1\nsubject to\n  r0: x0 - 2 x1 >= 1\nbounds\n  x0 free\n  x1 >= 0\n"
/// );
/// ```
impl Display for LinearProgram {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let costs = self.objective.iter().copied().enumerate().filter(|&(_, cost)| cost != 0.0);
        write!(f, "minimize\n  {}", self.sum(costs, self.offset))?;
        if let Some(q) = &self.quadratic {
            write!(f, " + [ {} ] / 2", self.quadratic_sum(q))?;
        }
        writeln!(f)?;
        writeln!(f, "subject to")?;
        for (i, row) in self.matrix.outer_iterator().enumerate() {
            let sum = self.sum(row.iter().map(|(j, &a)| (j, a)), 0.0);
            let between = between(&sum, self.row_lower[i], self.row_upper[i]);
            writeln!(f, "  {}: {between}", self.row_name(i))?;
        }
        writeln!(f, "bounds")?;
        for j in 0..self.columns() {
            writeln!(f, "  {}", between(&self.column_name(j), self.column_lower[j], self.column_upper[j]))?;
        }
        Ok(())
    }
}

impl LinearProgram {
    fn quadratic_sum(&self, q: &sprs::CsMat<f64>) -> String {
        form(q, &|j| self.column_name(j).into_owned())
    }

    fn sum(&self, terms: impl Iterator<Item = (usize, f64)>, constant: f64) -> String {
        affine_of(terms, constant, &|j| self.column_name(j).into_owned())
    }
}

/// `2 x ^2 + x * y` for the terms of xᵀQx, each pair once.
pub(crate) fn form(q: &sprs::CsMat<f64>, name: &dyn Fn(usize) -> String) -> String {
    let mut text = String::new();
    for (v, (i, j)) in q.iter().filter(|(v, (i, j))| i <= j && **v != 0.0) {
        let coefficient = if i == j { *v } else { 2.0 * v };
        let product = if i == j { format!("{} ^2", name(i)) } else { format!("{} * {}", name(i), name(j)) };
        let magnitude = coefficient.abs();
        let term = if magnitude == 1.0 { product } else { format!("{} {product}", number(magnitude)) };
        push(&mut text, coefficient, &term);
    }
    if text.is_empty() { "0".into() } else { text }
}

/// [`affine_of`], without terms whose coefficient is 0.
pub(crate) fn affine(
    terms: impl Iterator<Item = (usize, f64)>,
    constant: f64,
    name: &dyn Fn(usize) -> String,
) -> String {
    affine_of(terms.filter(|(_, c)| *c != 0.0), constant, name)
}

/// `2 x - y + 0.5 z + 3`; `0` if there is nothing to add up.
fn affine_of(terms: impl Iterator<Item = (usize, f64)>, constant: f64, name: &dyn Fn(usize) -> String) -> String {
    let mut text = String::new();
    for (j, coefficient) in terms {
        let magnitude = coefficient.abs();
        let term = if magnitude == 1.0 { name(j) } else { format!("{} {}", number(magnitude), name(j)) };
        push(&mut text, coefficient, &term);
    }
    if constant != 0.0 || text.is_empty() {
        push(&mut text, constant, &number(constant.abs()));
    }
    text
}

/// Appends a term with its sign.
fn push(text: &mut String, signed: f64, term: &str) {
    let negative = signed < 0.0;
    text.push_str(match (text.is_empty(), negative) {
        (true, true) => "-",
        (true, false) => "",
        (false, true) => " - ",
        (false, false) => " + ",
    });
    text.push_str(term);
}

/// `what` with its bounds: `what free`, `what = 1`, `what >= 1`, `what <= 1`, `0 <= what <= 1`.
fn between(what: &str, lower: f64, upper: f64) -> String {
    let (below, above) = (lower != f64::NEG_INFINITY, upper != f64::INFINITY);
    match (below, above) {
        (false, false) => format!("{what} free"),
        (true, true) if lower == upper => format!("{what} = {}", number(lower)),
        (true, false) => format!("{what} >= {}", number(lower)),
        (false, true) => format!("{what} <= {}", number(upper)),
        (true, true) => format!("{} <= {what} <= {}", number(lower), number(upper)),
    }
}

/// The shortest decimal that reads back as `value`: `1`, `0.25`, `1e-9`.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:?}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(integer) => integer.into(),
        None => text,
    }
}
