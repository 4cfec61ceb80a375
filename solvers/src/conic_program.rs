//! [`ConicProgram`]: minimise ½xᵀPx + qᵀx + q₀ subject to A x + s = b, s in a product of cones; its checks and its text.

use std::fmt::{self, Display, Formatter};

use sprs::CsMat;

use crate::SolverError;
use crate::text::number;

/// One factor of the product of cones; its dimension is the number of rows of A that it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cone {
    /// s = 0
    Zero(usize),
    /// s ≥ 0
    Nonnegative(usize),
    /// s₀ ≥ (s₁² + … + sₙ₋₁²)^½
    SecondOrder(usize),
    /// s₁ > 0, s₁·e^{s₀/s₁} ≤ s₂ (and the closure of that set)
    Exponential,
    /// s₀, s₁ ≥ 0, s₀^α·s₁^{1−α} ≥ |s₂|, with 0 < α < 1
    Power(f64),
}

impl Cone {
    /// Number of rows.
    pub fn dimension(self) -> usize {
        match self {
            Cone::Zero(n) | Cone::Nonnegative(n) | Cone::SecondOrder(n) => n,
            Cone::Exponential | Cone::Power(_) => 3,
        }
    }

    /// How far s is outside of the cone: 0 inside, else the largest violated inequality.
    pub fn violation(self, s: &[f64]) -> f64 {
        match self {
            Cone::Zero(_) => s.iter().fold(0.0, |m: f64, v| m.max(v.abs())),
            Cone::Nonnegative(_) => s.iter().fold(0.0, |m: f64, v| m.max(-v)),
            Cone::SecondOrder(_) => {
                let norm = s.iter().skip(1).map(|v| v * v).sum::<f64>().sqrt();
                s.first().map_or(0.0, |top| (norm - top).max(0.0))
            }
            Cone::Exponential => match s {
                // On the boundary s₁ = 0 the closure has s₀ ≤ 0 ≤ s₂.
                [a, b, c] if *b <= 0.0 => a.max(-b).max(-c).max(0.0),
                [a, b, c] => (b * (a / b).exp() - c).max(0.0),
                _ => f64::NAN,
            },
            Cone::Power(alpha) => match s {
                [a, b, c] => {
                    let mean = a.max(0.0).powf(alpha) * b.max(0.0).powf(1.0 - alpha);
                    (c.abs() - mean).max(-a).max(-b).max(0.0)
                }
                _ => f64::NAN,
            },
        }
    }
}

/// A conic program with n columns and m rows.
///
/// ```
/// use icnn_solvers::{Cone, ConicProgram};
///
/// // minimise z  subject to  z ≥ |x − 3|: the two-dimensional second-order cone
/// let mut program = ConicProgram::new(2);
/// program.objective = vec![0.0, 1.0];
/// program.push(Cone::SecondOrder(2), &[(vec![(1, 1.0)], 0.0), (vec![(0, 1.0)], -3.0)]);
/// assert_eq!(program.to_string(), "minimize\n  x1\nsubject to\n  (x1, x0 - 3) in second-order\n");
/// assert_eq!(program.rhs, [0.0, -3.0]);
/// # program.validate()?;
/// # Ok::<(), icnn_solvers::SolverError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConicProgram {
    /// P, symmetric and positive semidefinite, both triangles (n × n); `None` for a linear objective.
    pub quadratic: Option<CsMat<f64>>,
    /// q (n).
    pub objective: Vec<f64>,
    /// q₀
    pub offset: f64,
    /// A (m × n), by rows.
    pub matrix: CsMat<f64>,
    /// b (m).
    pub rhs: Vec<f64>,
    /// The cones, in the order of the rows.
    pub cones: Vec<Cone>,
    /// Names of the columns, for the text; empty for `x0`, `x1`, …
    pub column_names: Vec<String>,
    /// Names of the cones, for the text; empty for none.
    pub cone_names: Vec<String>,
}

impl ConicProgram {
    /// n columns, no costs, no rows.
    pub fn new(columns: usize) -> ConicProgram {
        ConicProgram {
            quadratic: None,
            objective: vec![0.0; columns],
            offset: 0.0,
            matrix: CsMat::zero((0, columns)),
            rhs: vec![],
            cones: vec![],
            column_names: vec![],
            cone_names: vec![],
        }
    }

    /// n
    pub fn columns(&self) -> usize {
        self.objective.len()
    }

    /// m
    pub fn rows(&self) -> usize {
        self.rhs.len()
    }

    /// Adds a cone that holds the affine expressions `rows`, each a list of (column, coefficient) and a constant:
    /// s = constant + Σ coefficient·x, so A gets the negative coefficients. For programs written by hand: the matrix is
    /// copied.
    pub fn push(&mut self, cone: Cone, rows: &[(Vec<(usize, f64)>, f64)]) {
        for (entries, constant) in rows {
            let mut sorted: Vec<(usize, f64)> = entries.iter().map(|(j, v)| (*j, -v)).collect();
            sorted.sort_unstable_by_key(|e| e.0);
            let (columns, values): (Vec<usize>, Vec<f64>) = sorted.into_iter().unzip();
            let row = sprs::CsVec::new(self.columns(), columns, values);
            self.matrix = std::mem::replace(&mut self.matrix, CsMat::zero((0, 0))).append_outer_csvec(row.view());
            self.rhs.push(*constant);
        }
        self.cones.push(cone);
    }

    /// ½xᵀPx + qᵀx + q₀
    pub fn value(&self, x: &[f64]) -> f64 {
        let quadratic: f64 = self.quadratic.iter().flat_map(|q| q.iter()).map(|(v, (i, j))| v * x[i] * x[j]).sum();
        self.offset + 0.5 * quadratic + self.objective.iter().zip(x).map(|(c, v)| c * v).sum::<f64>()
    }

    /// s = b − A x (m).
    pub fn slack(&self, x: &[f64]) -> Vec<f64> {
        let mut s = self.rhs.clone();
        for (s, row) in s.iter_mut().zip(self.matrix.outer_iterator()) {
            row.iter().for_each(|(j, a)| *s -= a * x[j]);
        }
        s
    }

    /// The largest violation of a cone by x.
    pub fn violation(&self, x: &[f64]) -> f64 {
        let s = self.slack(x);
        let mut first = 0;
        let mut worst = 0.0f64;
        for cone in &self.cones {
            let next = first + cone.dimension();
            worst = worst.max(cone.violation(&s[first..next]));
            first = next;
        }
        worst
    }

    /// Checks sizes and numbers.
    ///
    /// # Errors
    /// [`SolverError::Size`] where lengths disagree, [`SolverError::Number`] for a number that is not finite, an exponent
    /// outside of (0, 1) or an empty second-order cone, [`SolverError::Asymmetric`] for P.
    pub fn validate(&self) -> Result<(), SolverError> {
        let size = |what: &str, found: usize, expected: usize| match found == expected {
            true => Ok(()),
            false => Err(SolverError::Size { what: what.into(), found, expected }),
        };
        let finite = |what: &dyn Fn() -> String, value: f64| match value.is_finite() {
            true => Ok(()),
            false => Err(SolverError::Number { what: what(), value, expected: "a finite number" }),
        };
        let (n, m) = (self.columns(), self.rows());
        size("columns of the matrix", self.matrix.cols(), n)?;
        size("rows of the matrix", self.matrix.rows(), m)?;
        size("rows of the cones", self.cones.iter().map(|c| c.dimension()).sum(), m)?;
        if !self.matrix.is_csr() {
            return Err(SolverError::Number {
                what: "storage of the matrix".into(),
                value: f64::NAN,
                expected: "row by row",
            });
        }
        finite(&|| "offset".into(), self.offset)?;
        for (j, c) in self.objective.iter().enumerate() {
            finite(&|| format!("cost of column {j}"), *c)?;
        }
        for (i, b) in self.rhs.iter().enumerate() {
            finite(&|| format!("right side of row {i}"), *b)?;
        }
        for (v, (i, j)) in self.matrix.iter() {
            finite(&|| format!("coefficient of row {i}, column {j}"), *v)?;
        }
        for (k, cone) in self.cones.iter().enumerate() {
            let refuse = |value, expected| Err(SolverError::Number { what: format!("cone {k}"), value, expected });
            match cone {
                Cone::Power(alpha) if !(*alpha > 0.0 && *alpha < 1.0) => {
                    return refuse(*alpha, "an exponent between 0 and 1");
                }
                Cone::SecondOrder(0) => return refuse(0.0, "at least one row"),
                _ => {}
            }
        }
        if let Some(q) = &self.quadratic {
            size("rows of the quadratic term", q.rows(), n)?;
            size("columns of the quadratic term", q.cols(), n)?;
            for (value, (row, column)) in q.iter() {
                finite(&|| format!("quadratic term of columns {row}, {column}"), *value)?;
                let below = q.get(column, row).copied().unwrap_or(0.0);
                if *value != below {
                    return Err(SolverError::Asymmetric { row, column, above: *value, below });
                }
            }
        }
        Ok(())
    }
}

/// One cone a line, as the expressions b − A x that it holds.
impl Display for ConicProgram {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = |j: usize| self.column_names.get(j).cloned().unwrap_or_else(|| format!("x{j}"));
        let costs = self.objective.iter().copied().enumerate();
        write!(f, "minimize\n  {}", crate::text::affine(costs, self.offset, &name))?;
        if let Some(q) = &self.quadratic {
            write!(f, " + [ {} ] / 2", crate::text::form(q, &name))?;
        }
        writeln!(f, "\nsubject to")?;
        let mut row = 0;
        for (k, cone) in self.cones.iter().enumerate() {
            let label = self.cone_names.get(k).filter(|n| !n.is_empty()).map_or(String::new(), |n| format!("{n}: "));
            let last = row + cone.dimension();
            let expressions: Vec<String> = (row..last)
                .map(|i| {
                    let entries = self.matrix.outer_view(i);
                    let terms: Vec<(usize, f64)> =
                        entries.iter().flat_map(|r| r.iter()).map(|(j, a)| (j, -a)).collect();
                    crate::text::affine(terms.into_iter(), self.rhs[i], &name)
                })
                .collect();
            row = last;
            let (relation, kind) = match cone {
                Cone::Zero(_) => (" = 0", String::new()),
                Cone::Nonnegative(_) => (" >= 0", String::new()),
                Cone::SecondOrder(_) => ("", "second-order".into()),
                Cone::Exponential => ("", "exponential".into()),
                Cone::Power(alpha) => ("", format!("power {}", number(*alpha))),
            };
            if kind.is_empty() {
                expressions.iter().try_for_each(|e| writeln!(f, "  {label}{e}{relation}"))?;
            } else {
                writeln!(f, "  {label}({}) in {kind}", expressions.join(", "))?;
            }
        }
        Ok(())
    }
}
