//! Checks by multiplication: what row multipliers, rays and Farkas vectors say about a
//! [`LinearProgram`], recomputed from its own data in plain f64.

use crate::LinearProgram;

impl LinearProgram {
    /// Reduced costs d = c − Aᵀy (n), for row multipliers y (m).
    ///
    /// # Panics
    /// If `y` does not have m entries.
    pub fn reduced_costs(&self, y: &[f64]) -> Vec<f64> {
        self.minus_transposed(y, self.objective.clone())
    }

    /// The Lagrangian bound of row multipliers y (m): c₀ + Σ y_i·(lower or upper bound of row i, by the sign of y_i)
    /// + the same for the reduced costs and the columns.
    ///
    /// In exact arithmetic a lower bound on the optimum for *every* y; −∞ as soon as one multiplier
    /// asks for an absent bound, however small it is.
    ///
    /// # Panics
    /// If `y` does not have m entries.
    pub fn dual_objective(&self, y: &[f64]) -> f64 {
        self.offset + self.support(y, &self.reduced_costs(y))
    }

    /// The dual objective of y (m) for zero costs: if it is positive, no point satisfies all bounds.
    ///
    /// # Panics
    /// If `y` does not have m entries.
    pub fn farkas_gap(&self, y: &[f64]) -> f64 {
        self.support(y, &self.farkas_costs(y))
    }

    /// Reduced costs −Aᵀy (n) for zero costs: what the rows of a Farkas vector y (m) leave to the columns.
    ///
    /// # Panics
    /// If `y` does not have m entries.
    pub fn farkas_costs(&self, y: &[f64]) -> Vec<f64> {
        self.minus_transposed(y, vec![0.0; self.columns()])
    }

    /// Descent −cᵀr along a direction r (n) if it leaves every bound intact up to `tolerance`: r_j and A_i r may be
    /// below −`tolerance` only without a lower bound, above it only without an upper bound. None if r leaves the
    /// feasible set. A positive descent proves that a feasible program is unbounded.
    ///
    /// # Panics
    /// If `r` does not have n entries.
    pub fn ray_descent(&self, r: &[f64], tolerance: f64) -> Option<f64> {
        let recedes = |(&move_, (&lower, &upper)): (&f64, (&f64, &f64))| {
            (move_ >= -tolerance || lower == f64::NEG_INFINITY) && (move_ <= tolerance || upper == f64::INFINITY)
        };
        let activity = self.row_activity(r);
        let rows = activity.iter().zip(self.row_lower.iter().zip(&self.row_upper));
        let columns = r.iter().zip(self.column_lower.iter().zip(&self.column_upper));
        let inside = rows.chain(columns).all(recedes);
        inside.then(|| -self.objective.iter().zip(r).map(|(c, r)| c * r).sum::<f64>())
    }

    /// The directions of the feasible set along which the quadratic term is constant, as a linear program: minimise cᵀr
    /// over −1 ≤ r ≤ 1 where r_j and A_i r may be negative only without a lower bound, positive only without an upper one,
    /// and Q r = 0. If its optimum is negative and the program feasible, the program is unbounded along r.
    pub fn recession(&self) -> LinearProgram {
        let mut cone = LinearProgram { quadratic: None, offset: 0.0, ..self.clone() };
        let open = |bound: &mut f64, limit: f64| *bound = if bound.is_finite() { 0.0 } else { limit };
        cone.column_lower.iter_mut().for_each(|b| open(b, -1.0));
        cone.column_upper.iter_mut().for_each(|b| open(b, 1.0));
        cone.row_lower.iter_mut().for_each(|b| open(b, f64::NEG_INFINITY));
        cone.row_upper.iter_mut().for_each(|b| open(b, f64::INFINITY));
        if let Some(q) = &self.quadratic {
            cone.matrix = sprs::vstack(&[self.matrix.view(), q.view()]);
            cone.row_lower.resize(cone.matrix.rows(), 0.0);
            cone.row_upper.resize(cone.matrix.rows(), 0.0);
            cone.row_names.clear();
        }
        cone
    }

    /// `from` − Aᵀy.
    fn minus_transposed(&self, y: &[f64], mut from: Vec<f64>) -> Vec<f64> {
        assert_eq!(y.len(), self.rows(), "multipliers: length and rows differ");
        for (row, &y) in self.matrix.outer_iterator().zip(y) {
            for (j, a) in row.iter() {
                from[j] -= a * y;
            }
        }
        from
    }

    /// min yᵀa + dᵀx over `row_lower` ≤ a ≤ `row_upper`, `column_lower` ≤ x ≤ `column_upper`.
    fn support(&self, y: &[f64], d: &[f64]) -> f64 {
        let least = |(&multiplier, (&lower, &upper)): (&f64, (&f64, &f64))| match multiplier {
            0.0 => 0.0,
            positive if positive > 0.0 => positive * lower,
            negative => negative * upper,
        };
        let rows = y.iter().zip(self.row_lower.iter().zip(&self.row_upper));
        let columns = d.iter().zip(self.column_lower.iter().zip(&self.column_upper));
        rows.chain(columns).map(least).sum()
    }
}
