//! [`Rows`]: the columns of a lowered network as variables of a model, and its rows as constraints.

use good_lp::{Constraint, Expression, IntoAffineExpression, ProblemVariables, Variable, variable};

use crate::error::Error;
use crate::lower::Linear;

/// Intervals wider than this say nothing that a solver could use.
const USEFUL: f64 = 1e9;

/// What stands for the columns and rows of the lowered program.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// The user's expressions for y (p).
    pub inputs: Vec<Expression>,
    /// f as an expression.
    pub value: Expression,
    /// (lower, expression, upper) for each row of the program and each end of its box.
    between: Vec<(f64, Expression, f64)>,
}

impl Rows {
    /// Adds a variable for each column behind the decisions.
    ///
    /// Errors: a coefficient that leaves the range of f64 when the inputs are substituted.
    pub fn new(variables: &mut ProblemVariables, linear: &Linear, inputs: Vec<Expression>) -> Result<Rows, Error> {
        let lp = &linear.lp;
        let (lower, upper) = tightened(linear);
        let auxiliary: Vec<Variable> =
            (linear.decisions..lp.columns()).map(|c| variables.add(variable().min(lower[c]).max(upper[c]))).collect();
        let substituted = |terms: &mut dyn Iterator<Item = (usize, f64)>, constant: f64| {
            let mut sum = Expression::from(constant);
            for (column, factor) in terms.filter(|(_, factor)| *factor != 0.0) {
                match column.checked_sub(linear.decisions) {
                    None => sum.add_mul(factor, &inputs[column]),
                    Some(k) => sum.add_mul(factor, auxiliary[k]),
                }
            }
            sum
        };
        let value = substituted(&mut lp.objective.iter().copied().enumerate(), lp.offset);
        finite(&value, || "f, with the expressions for y in it,".into())?;
        let mut between = vec![];
        for (i, row) in lp.matrix.outer_iterator().enumerate() {
            let sum = substituted(&mut row.iter().map(|(c, a)| (c, *a)), 0.0);
            finite(&sum, || format!("row {i} of the epigraph, with the expressions for y in it,"))?;
            between.push((lp.row_lower[i], sum, lp.row_upper[i]));
        }
        for (j, input) in inputs.iter().enumerate() {
            between.push((lp.column_lower[j], input.clone(), lp.column_upper[j]));
        }
        Ok(Rows { inputs, value, between })
    }

    /// The rows of the program and the ends of its box, as far as they are finite.
    pub fn constraints(&self) -> impl Iterator<Item = Constraint> + '_ {
        let sides = |(lower, sum, upper): &(f64, Expression, f64)| {
            let sum = || sum.clone();
            if lower == upper {
                return [Some(sum().eq(*lower)), None];
            }
            let below = lower.is_finite().then(|| sum().geq(*lower));
            [below, upper.is_finite().then(|| sum().leq(*upper))]
        };
        self.between.iter().flat_map(sides).flatten()
    }
}

/// Bounds of the columns, with the interval of the entry that each stands for where they have none: at every y of the
/// domain the network's own values lie within, so nothing of use is cut off, and a solver that branches finds its bounds.
fn tightened(linear: &Linear) -> (Vec<f64>, Vec<f64>) {
    let (mut lower, mut upper) = (linear.lp.column_lower.clone(), linear.lp.column_upper.clone());
    let epigraphs = linear.epigraphs.iter().map(|e| (e.column, e.function, e.node, e.element));
    let definitions = linear.definitions.iter().map(|d| (d.column, d.function, d.node, d.element));
    for (column, function, node, element) in epigraphs.chain(definitions) {
        let known = linear.bounds[function].of(node)[element];
        if lower[column] == f64::NEG_INFINITY && known.lower.abs() <= USEFUL {
            lower[column] = known.lower;
        }
        if upper[column] == f64::INFINITY && known.upper.abs() <= USEFUL {
            upper[column] = known.upper;
        }
    }
    (lower, upper)
}

/// Refuses NaN and infinities.
pub(super) fn finite(expression: &Expression, what: impl Fn() -> String) -> Result<(), Error> {
    let mut numbers = expression.linear_coefficients().map(|(_, c)| c).chain([expression.constant()]);
    numbers.find(|c| !c.is_finite()).map_or(Ok(()), |c| Err(Error::Point(format!("{} contains {c}", what()))))
}
