//! [`Duals`]: the multipliers behind a lower bound, by name.

use serde::Serialize;

use crate::certificate::Lagrangian;
use crate::domain::Domain;

/// Which side of a constraint a multiplier acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The multiplier is positive.
    Lower,
    /// The multiplier is negative.
    Upper,
    /// The multiplier is 0: the constraint takes no part in the bound.
    Neither,
    /// The coordinate is fixed. What f and the learned constraints make of fixed coordinates alone is a constant before
    /// anything is proven, so its multiplier lacks that share and is no derivative of the optimum.
    Fixed,
}

impl Side {
    /// By the sign of a multiplier.
    pub fn of(multiplier: f64) -> Side {
        match multiplier {
            m if m > 0.0 => Side::Lower,
            m if m < 0.0 => Side::Upper,
            _ => Side::Neither,
        }
    }
}

/// One multiplier. While the optimal basis stays, the optimum changes by `multiplier` for each unit by which the side it
/// acts on is moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dual {
    /// The row, the learned constraint, or `y[j]` for the bounds of a coordinate.
    pub name: String,
    /// ≥ 0 on a lower side, ≤ 0 on an upper side: relaxing a side never raises the optimum. Of any sign where the
    /// coordinate is fixed.
    pub multiplier: f64,
    /// The side.
    pub side: Side,
    /// Where that side stands; `None` where the multiplier is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<f64>,
}

/// The multipliers behind the lower bound: bound = constant of the minorant + Σ multiplier·at over all that are not 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duals {
    /// One for each row of the domain (equations, sums and simplices are rows).
    pub rows: Vec<Dual>,
    /// One for each learned constraint; its side is always the upper one, the multiplier ≤ 0.
    pub constraints: Vec<Dual>,
    /// One for each coordinate: its reduced cost, which acts on a bound of the box (or one that the rows imply).
    pub bounds: Vec<Dual>,
}

impl Duals {
    /// The multipliers of a Lagrangian, with the names of the domain's parts.
    pub fn new(domain: &Domain, lagrangian: &Lagrangian) -> Duals {
        let dual = |name: String, side: Side, multiplier: f64, lower: f64, upper: f64| {
            let at = match side {
                Side::Lower | Side::Fixed => Some(lower),
                Side::Upper => Some(upper),
                Side::Neither => None,
            };
            Dual { name, multiplier: multiplier + 0.0, side, at: at.filter(|v| v.is_finite()) }
        };
        let rows = domain.rows().iter().zip(&lagrangian.rows);
        let levels = domain.sublevels().iter().zip(&lagrangian.levels);
        let costs = lagrangian.reduced_costs(domain);
        let ends = domain.intervals().iter().zip(costs).enumerate();
        Duals {
            rows: rows.map(|(row, nu)| dual(row.name.clone(), Side::of(*nu), *nu, row.lower, row.upper)).collect(),
            constraints: levels
                .map(|(l, mu)| dual(l.name.clone(), Side::of(-mu), -mu, f64::NEG_INFINITY, l.at_most))
                .collect(),
            bounds: ends
                .map(|(j, (i, r))| {
                    let side = if i.is_point() { Side::Fixed } else { Side::of(r) };
                    // A formatter takes as long as all the rest.
                    let mut name = j.to_string();
                    name.insert_str(0, "y[");
                    name.push(']');
                    dual(name, side, r, i.lower, i.upper)
                })
                .collect(),
        }
    }
}
