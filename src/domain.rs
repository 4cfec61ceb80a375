//! [`Domain`]: the set Y over which f is minimised: a box, and any number of linear rows on top of it.

use crate::error::Error;
use crate::ir::interval::Interval;

/// A linear constraint `lower ≤ Σ cⱼ·yⱼ ≤ upper`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Name, for messages.
    pub name: String,
    /// (j, cⱼ), each j at most once.
    pub coefficients: Vec<(usize, f64)>,
    /// −∞ for none.
    pub lower: f64,
    /// +∞ for none.
    pub upper: f64,
}

impl Row {
    /// Σ cⱼ·yⱼ
    pub fn activity(&self, y: &[f64]) -> f64 {
        self.coefficients.iter().map(|(j, c)| c * y[*j]).sum()
    }
}

/// A polyhedron in R^p: a box, possibly unbounded, cut by rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    lower: Vec<f64>,
    upper: Vec<f64>,
    rows: Vec<Row>,
}

impl Domain {
    /// {y : lowerⱼ ≤ yⱼ ≤ upperⱼ}. Ends may be infinite.
    ///
    /// Errors: different lengths, an end that is not a number, lower above upper (naming the coordinate and both ends).
    pub fn new_box(lower: Vec<f64>, upper: Vec<f64>) -> Result<Domain, Error> {
        if lower.len() != upper.len() {
            return Err(Error::Domain(format!("{} lower bounds and {} upper bounds", lower.len(), upper.len())));
        }
        for (j, (l, u)) in lower.iter().zip(&upper).enumerate() {
            if l.is_nan() || u.is_nan() || *l == f64::INFINITY || *u == f64::NEG_INFINITY {
                return Err(Error::Domain(format!("y[{j}]: bounds {l} and {u}")));
            }
            if l > u {
                return Err(Error::Domain(format!("y[{j}]: lower bound {l} is above upper bound {u}")));
            }
        }
        Ok(Domain { lower, upper, rows: vec![] })
    }

    /// The box [lower, upper]^p.
    pub fn cube(p: usize, lower: f64, upper: f64) -> Result<Domain, Error> {
        Domain::new_box(vec![lower; p], vec![upper; p])
    }

    /// All of R^p.
    pub fn everything(p: usize) -> Domain {
        Domain { lower: vec![f64::NEG_INFINITY; p], upper: vec![f64::INFINITY; p], rows: vec![] }
    }

    /// Adds a row `lower ≤ Σ cⱼ·yⱼ ≤ upper`.
    ///
    /// Errors: a coordinate out of range or named twice, a number that is not finite, lower above upper.
    pub fn with_row(
        mut self,
        name: &str,
        coefficients: &[(usize, f64)],
        lower: f64,
        upper: f64,
    ) -> Result<Domain, Error> {
        let p = self.dimension();
        let mut seen = vec![false; p];
        for (j, c) in coefficients {
            match seen.get_mut(*j) {
                None => return Err(Error::Domain(format!("row '{name}' names y[{j}], there are {p} decisions"))),
                Some(true) => return Err(Error::Domain(format!("row '{name}' names y[{j}] twice"))),
                Some(first) => *first = true,
            }
            if !c.is_finite() {
                return Err(Error::Domain(format!("row '{name}': the coefficient of y[{j}] is {c}")));
            }
        }
        if lower.is_nan() || upper.is_nan() || lower > upper {
            return Err(Error::Domain(format!("row '{name}': lower bound {lower} is above upper bound {upper}")));
        }
        self.rows.push(Row { name: name.into(), coefficients: coefficients.to_vec(), lower, upper });
        Ok(self)
    }

    /// p
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// Lower ends of the box.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper ends of the box.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The rows on top of the box.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The box as intervals, one per coordinate.
    pub fn intervals(&self) -> Vec<Interval> {
        self.lower.iter().zip(&self.upper).map(|(l, u)| Interval::new(*l, *u)).collect()
    }

    /// Moves each coordinate into the box.
    pub fn clip(&self, y: &[f64]) -> Vec<f64> {
        y.iter()
            .zip(self.lower.iter().zip(&self.upper))
            .map(|(v, (l, u))| if v.is_nan() { 0.0f64.max(*l).min(*u) } else { v.max(*l).min(*u) })
            .collect()
    }

    /// By how much y violates the box or a row, at worst, relative to max(1, |bound|).
    pub fn violation(&self, y: &[f64]) -> f64 {
        let beyond = |v: f64, l: f64, u: f64| {
            let below = if l.is_finite() { (l - v) / l.abs().max(1.0) } else { 0.0 };
            let above = if u.is_finite() { (v - u) / u.abs().max(1.0) } else { 0.0 };
            below.max(above).max(0.0)
        };
        let in_box = y.iter().zip(self.lower.iter().zip(&self.upper)).map(|(v, (l, u))| beyond(*v, *l, *u));
        let in_rows = self.rows.iter().map(|r| beyond(r.activity(y), r.lower, r.upper));
        in_box.chain(in_rows).fold(0.0, f64::max)
    }

    /// Whether the domain fits a network with `p` decisions.
    pub fn check_dimension(&self, p: usize) -> Result<(), Error> {
        if self.dimension() == p {
            Ok(())
        } else {
            Err(Error::Domain(format!("it has {} coordinates, the network has {p} decisions", self.dimension())))
        }
    }
}
