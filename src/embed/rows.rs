//! [`Rows`]: the columns of a lowered network as variables of a model, and its rows as constraints.

use good_lp::{Constraint, Expression, ProblemVariables, Variable, variable};

use crate::lower::Linear;

/// Intervals wider than this say nothing that a solver could use.
const USEFUL: f64 = 1e9;

/// What stands for the columns of the lowered program.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// The user's expressions for y (p).
    pub inputs: Vec<Expression>,
    /// A variable for each further column.
    auxiliary: Vec<Variable>,
    /// f as an expression.
    pub value: Expression,
}

impl Rows {
    /// Adds a variable for each column behind the decisions.
    pub fn new(variables: &mut ProblemVariables, linear: &Linear, inputs: Vec<Expression>) -> Rows {
        let (lower, upper) = tightened(linear);
        let auxiliary =
            (linear.decisions..linear.lp.columns()).map(|c| variables.add(variable().min(lower[c]).max(upper[c])));
        let mut rows = Rows { inputs, auxiliary: auxiliary.collect(), value: Expression::from(linear.lp.offset) };
        let mut value = Expression::from(linear.lp.offset);
        linear.lp.objective.iter().enumerate().for_each(|(c, w)| rows.add(&mut value, c, *w));
        rows.value = value;
        rows
    }

    /// Adds `factor` times what stands for `column`.
    fn add(&self, sum: &mut Expression, column: usize, factor: f64) {
        if factor == 0.0 {
            return;
        }
        match column.checked_sub(self.inputs.len()) {
            None => sum.add_mul(factor, &self.inputs[column]),
            Some(k) => sum.add_mul(factor, self.auxiliary[k]),
        }
    }

    /// The rows of the program and the ends of its box, in the user's variables.
    pub fn constraints(&self, linear: &Linear) -> Vec<Constraint> {
        let lp = &linear.lp;
        let mut constraints = vec![];
        for (i, row) in lp.matrix.outer_iterator().enumerate() {
            let mut sum = Expression::with_capacity(row.nnz());
            row.iter().for_each(|(c, a)| self.add(&mut sum, c, *a));
            between(&mut constraints, &sum, lp.row_lower[i], lp.row_upper[i]);
        }
        for (j, input) in self.inputs.iter().enumerate() {
            between(&mut constraints, input, lp.column_lower[j], lp.column_upper[j]);
        }
        constraints
    }
}

/// lower ≤ sum ≤ upper, as far as the ends are finite.
fn between(constraints: &mut Vec<Constraint>, sum: &Expression, lower: f64, upper: f64) {
    let sum = || sum.clone();
    if lower == upper {
        constraints.push(sum().eq(lower));
        return;
    }
    if lower.is_finite() {
        constraints.push(sum().geq(lower));
    }
    if upper.is_finite() {
        constraints.push(sum().leq(upper));
    }
}

/// Bounds of the columns, with the interval of the entry that each stands for where they have none: at every y of the
/// domain the network's own values lie within, so nothing of use is cut off, and a solver that branches finds its bounds.
fn tightened(linear: &Linear) -> (Vec<f64>, Vec<f64>) {
    let (mut lower, mut upper) = (linear.lp.column_lower.clone(), linear.lp.column_upper.clone());
    let epigraphs = linear.epigraphs.iter().map(|e| (e.column, e.node, e.element));
    let definitions = linear.definitions.iter().map(|d| (d.column, d.node, d.element));
    for (column, node, element) in epigraphs.chain(definitions) {
        let known = linear.bounds.of(node)[element];
        if lower[column] == f64::NEG_INFINITY && known.lower.abs() <= USEFUL {
            lower[column] = known.lower;
        }
        if upper[column] == f64::INFINITY && known.upper.abs() <= USEFUL {
            upper[column] = known.upper;
        }
    }
    (lower, upper)
}
