//! [`region`]: a domain as a box times simplices, for methods that project; or the reason why it is none.

use icnn_solvers::region::{Region, Simplex};

use crate::domain::Domain;
use crate::error::Error;

/// A domain as a [`Region`], and for each of its simplices the domain's row that says so.
#[derive(Debug, Clone)]
pub struct SimpleSet {
    /// The set.
    pub region: Region,
    /// For each simplex the index of its row, and the coefficient that all its members have there.
    pub rows: Vec<(usize, f64)>,
}

/// A domain of box and disjoint simplices. `method` is named in refusals.
///
/// Errors: [`Error::Method`] for a learned constraint, and for a row that is no simplex of its own: c·Σ yⱼ = c·total with
/// yⱼ ≥ 0 and upper bounds that the sum implies.
pub fn region(domain: &Domain, method: &'static str) -> Result<SimpleSet, Error> {
    let refuse = |reason: String| Error::Method { method, reason };
    if let Some(level) = domain.sublevels().first() {
        let name = &level.name;
        return Err(refuse(format!("there is no cheap projection onto the learned constraint '{name}'; lp takes it")));
    }
    let mut owner: Vec<Option<&str>> = vec![None; domain.dimension()];
    let (mut simplices, mut rows) = (vec![], vec![]);
    for (k, row) in domain.rows().iter().enumerate() {
        let name = &row.name;
        let c = row.coefficients.first().map_or(0.0, |(_, c)| *c);
        let total = row.lower / c;
        let simplex = row.lower == row.upper
            && total > 0.0
            && total.is_finite()
            && row
                .coefficients
                .iter()
                .all(|(j, d)| *d == c && domain.lower()[*j] == 0.0 && domain.upper()[*j] >= total);
        if !simplex {
            let reason = format!("there is no cheap projection onto row '{name}', which is no simplex; lp takes it");
            return Err(refuse(reason));
        }
        for (j, _) in &row.coefficients {
            if let Some(other) = owner[*j].replace(name) {
                return Err(refuse(format!("y[{j}] is in two simplices, '{other}' and '{name}'; lp takes it")));
            }
        }
        simplices.push(Simplex { members: row.coefficients.iter().map(|(j, _)| *j).collect(), total });
        rows.push((k, c));
    }
    let region = Region::new(domain.lower().to_vec(), domain.upper().to_vec(), simplices)?;
    Ok(SimpleSet { region, rows })
}

impl SimpleSet {
    /// The multipliers of the domain's rows that go with an affine minorant of this slope: those of its minimum.
    pub fn multipliers(&self, slope: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.rows.iter().map(|(k, _)| k + 1).max().unwrap_or(0)];
        for ((k, c), simplex) in self.rows.iter().zip(self.region.simplices()) {
            all[*k] = simplex.members.iter().map(|j| slope[*j]).fold(f64::INFINITY, f64::min) / c;
        }
        all
    }
}
