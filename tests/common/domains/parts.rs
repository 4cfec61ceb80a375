//! [`Parts`]: a domain taken apart, so that a test can move one side, reorder, or take away.

use icnn::domain::{Domain, Row, Sublevel};

/// What a domain is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub rows: Vec<Row>,
    pub levels: Vec<Sublevel>,
}

impl Parts {
    pub fn of(domain: &Domain) -> Parts {
        Parts {
            lower: domain.lower().to_vec(),
            upper: domain.upper().to_vec(),
            rows: domain.rows().to_vec(),
            levels: domain.sublevels().to_vec(),
        }
    }

    /// Put together again; `None` where a side has crossed the other one.
    pub fn domain(&self) -> Option<Domain> {
        let mut domain = Domain::new_box(self.lower.clone(), self.upper.clone()).ok()?;
        for row in &self.rows {
            domain = domain.with_row(&row.name, &row.coefficients, row.lower, row.upper).ok()?;
        }
        for level in &self.levels {
            domain = domain.with_at_most(&level.name, &level.function, level.at_most).ok()?;
        }
        Some(domain)
    }
}
