//! The parts a [`Domain`] is put together from, one method each.

use super::{Domain, Row, Sublevel};
use crate::error::Error;
use crate::ir::instance::Instance;

impl Domain {
    /// Adds a row `lower ≤ Σ cⱼ·yⱼ ≤ upper`; equal ends make an equation.
    ///
    /// Errors: a coordinate out of range or named twice, a number that is not finite, lower above upper, no end at all.
    pub fn with_row(
        mut self,
        name: &str,
        coefficients: &[(usize, f64)],
        lower: f64,
        upper: f64,
    ) -> Result<Domain, Error> {
        self.add_row(&format!("row '{name}'"), name, coefficients, lower, upper)?;
        self.tighten();
        Ok(self)
    }

    /// [`with_row`](Self::with_row) without the implied intervals. `what` is what messages call the row.
    pub(crate) fn add_row(
        &mut self,
        what: &str,
        name: &str,
        coefficients: &[(usize, f64)],
        lower: f64,
        upper: f64,
    ) -> Result<(), Error> {
        let p = self.dimension();
        let wrong = |reason: String| Err(Error::Domain(format!("{what}{reason}")));
        let mut seen = vec![false; p];
        for (j, c) in coefficients {
            match seen.get_mut(*j) {
                None => return wrong(format!(" names y[{j}], there are {p} decisions")),
                Some(true) => return wrong(format!(" names y[{j}] twice")),
                Some(first) => *first = true,
            }
            if !c.is_finite() {
                return wrong(format!(": the coefficient of y[{j}] is {c}"));
            }
        }
        if lower.is_nan() || upper.is_nan() || lower > upper {
            return wrong(format!(": lower bound {lower} is above upper bound {upper}"));
        }
        if lower == f64::INFINITY || upper == f64::NEG_INFINITY {
            return wrong(format!(": bounds {lower} and {upper}"));
        }
        if lower.is_infinite() && upper.is_infinite() {
            return wrong(" has neither a lower nor an upper bound".into());
        }
        self.rows.push(Row { name: name.into(), coefficients: coefficients.to_vec(), lower, upper });
        Ok(())
    }

    /// Adds the equation Σ cⱼ·yⱼ = value. Errors as for [`with_row`](Self::with_row).
    pub fn with_equation(self, name: &str, coefficients: &[(usize, f64)], value: f64) -> Result<Domain, Error> {
        self.with_row(name, coefficients, value, value)
    }

    /// Bounds the sum of the coordinates `of`: a budget. Errors as for [`with_row`](Self::with_row).
    pub fn with_sum(self, name: &str, of: &[usize], lower: f64, upper: f64) -> Result<Domain, Error> {
        let ones: Vec<(usize, f64)> = of.iter().map(|j| (*j, 1.0)).collect();
        self.with_row(name, &ones, lower, upper)
    }

    /// Makes the coordinates `of` a probability simplex (paper §4.2) of size `total`: yⱼ ≥ 0, Σ yⱼ = total. Upper bounds
    /// that the box has already stay.
    ///
    /// Errors: as for [`with_row`](Self::with_row); no coordinates; a total that is not positive; an upper bound below 0.
    pub fn with_simplex(mut self, name: &str, of: &[usize], total: f64) -> Result<Domain, Error> {
        self.add_simplex(&format!("simplex '{name}'"), name, of, total)?;
        self.tighten();
        Ok(self)
    }

    /// [`with_simplex`](Self::with_simplex) without the implied intervals.
    pub(super) fn add_simplex(&mut self, what: &str, name: &str, of: &[usize], total: f64) -> Result<(), Error> {
        if !(total > 0.0 && total.is_finite()) {
            return Err(Error::Domain(format!("{what}: its total is {total}, it has to be above 0")));
        }
        if of.is_empty() {
            return Err(Error::Domain(format!("{what} has no coordinates")));
        }
        for j in of {
            let (Some(lower), Some(upper)) = (self.lower.get(*j), self.upper.get(*j)) else {
                let p = self.dimension();
                return Err(Error::Domain(format!("{what} names y[{j}], there are {p} decisions")));
            };
            if *upper < 0.0 {
                return Err(Error::Domain(format!("{what}: y[{j}] should be at least 0, its upper bound is {upper}")));
            }
            self.lower[*j] = lower.max(0.0);
        }
        let ones: Vec<(usize, f64)> = of.iter().map(|j| (*j, 1.0)).collect();
        self.add_row(what, name, &ones, total, total)
    }

    /// Narrows the bounds of one coordinate to lower ≤ yⱼ ≤ upper.
    ///
    /// Errors: a coordinate out of range, an end that is not a number, ends that leave nothing of what the box allowed.
    pub fn with_bounds(mut self, j: usize, lower: f64, upper: f64) -> Result<Domain, Error> {
        self.narrow(j, lower, upper)?;
        self.tighten();
        Ok(self)
    }

    /// [`with_bounds`](Self::with_bounds) without the implied intervals.
    pub(super) fn narrow(&mut self, j: usize, lower: f64, upper: f64) -> Result<(), Error> {
        let p = self.dimension();
        if j >= p {
            return Err(Error::Domain(format!("bounds of y[{j}], there are {p} decisions")));
        }
        if lower.is_nan() || upper.is_nan() || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
            return Err(Error::Domain(format!("y[{j}]: bounds {lower} and {upper}, which no number satisfies")));
        }
        if lower > upper {
            return Err(Error::Domain(format!("y[{j}]: lower bound {lower} is above upper bound {upper}")));
        }
        let (low, high) = (self.lower[j].max(lower), self.upper[j].min(upper));
        if low > high {
            let (l, u) = (self.lower[j], self.upper[j]);
            let wish = match (lower.is_finite(), upper.is_finite()) {
                _ if lower == upper => format!("be {lower}"),
                (true, false) => format!("be at least {lower}"),
                (false, true) => format!("be at most {upper}"),
                _ => format!("lie in [{lower}, {upper}]"),
            };
            return Err(Error::Domain(format!("y[{j}] should {wish}, its box is [{l}, {u}]")));
        }
        (self.lower[j], self.upper[j]) = (low, high);
        Ok(())
    }

    /// Fixes one coordinate. What depends on fixed coordinates alone is folded before a proof or a solve.
    ///
    /// Errors: as for [`with_bounds`](Self::with_bounds); a value that is not finite.
    pub fn with_fixed(self, j: usize, value: f64) -> Result<Domain, Error> {
        if !value.is_finite() {
            return Err(Error::Domain(format!("y[{j}] is fixed to {value}")));
        }
        self.with_bounds(j, value, value)
    }

    /// Fixes several coordinates, (j, value) each. Errors as for [`with_fixed`](Self::with_fixed).
    pub fn with_all_fixed(mut self, values: impl IntoIterator<Item = (usize, f64)>) -> Result<Domain, Error> {
        for (j, value) in values {
            if !value.is_finite() {
                return Err(Error::Domain(format!("y[{j}] is fixed to {value}")));
            }
            self.narrow(j, value, value)?;
        }
        self.tighten();
        Ok(self)
    }

    /// Adds a learned constraint h(y) ≤ `at_most`, h a network of the same decisions at its context. That h is convex is
    /// proven before the domain is used.
    ///
    /// Errors: another number of decisions, a level that is not finite, a context left open.
    pub fn with_at_most(mut self, name: &str, function: &Instance, at_most: f64) -> Result<Domain, Error> {
        let (p, q) = (self.dimension(), function.decisions());
        if p != q {
            return Err(Error::Domain(format!("constraint '{name}' is about {q} decisions, there are {p}")));
        }
        if !at_most.is_finite() {
            return Err(Error::Domain(format!("constraint '{name}': its level is {at_most}")));
        }
        if !function.is_given() {
            return Err(Error::Domain(format!("constraint '{name}' needs a context row")));
        }
        self.sublevels.push(Sublevel { name: name.into(), function: function.clone(), at_most });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn message(result: Result<Domain, Error>) -> String {
        result.map_or_else(|e| e.to_string(), |_| "accepted".into())
    }

    #[test]
    fn errors_name_part_and_coordinate() {
        let cube = || Domain::cube(3, -1.0, 1.0).unwrap();
        for (result, names) in [
            (cube().with_row("a", &[(3, 1.0)], 0.0, INF), ["'a'", "y[3], there are 3"]),
            (cube().with_row("a", &[(1, 1.0), (1, 2.0)], 0.0, INF), ["'a'", "y[1] twice"]),
            (cube().with_row("a", &[(1, f64::NAN)], 0.0, INF), ["'a'", "y[1] is NaN"]),
            (cube().with_row("a", &[(1, 1.0)], 2.0, 1.0), ["'a'", "2 is above upper bound 1"]),
            (cube().with_row("a", &[(1, 1.0)], -INF, INF), ["'a'", "neither"]),
            (cube().with_simplex("s", &[0, 7], 1.0), ["'s'", "y[7], there are 3"]),
            (cube().with_simplex("s", &[0, 0], 1.0), ["'s'", "y[0] twice"]),
            (cube().with_simplex("s", &[], 1.0), ["'s'", "no coordinates"]),
            (cube().with_simplex("s", &[0], 0.0), ["'s'", "total is 0"]),
            (cube().with_fixed(2, 1.5), ["y[2]", "its box is [-1, 1]"]),
            (cube().with_fixed(3, 0.5), ["y[3]", "3 decisions"]),
            (cube().with_fixed(0, INF), ["y[0]", "inf"]),
            (cube().with_bounds(0, 1.0, 0.0), ["y[0]", "1 is above upper bound 0"]),
        ] {
            let text = message(result);
            assert!(names.iter().all(|n| text.contains(n)), "{text}");
        }
    }
}
