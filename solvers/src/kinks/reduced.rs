//! [`Reduced`]: a program of kinks with few units, as dense matrices.

use crate::dense::{add, dot, vectorised};

/// a = R y + C z + r, z = max(a, 0), f = qᵀy + wᵀz + c: k units, p decisions; C is strictly lower triangular.
#[derive(Debug, Clone, Default)]
pub struct Reduced {
    /// p
    pub decisions: usize,
    /// k
    pub units: usize,
    /// R, k×p by rows.
    pub rows: Vec<f64>,
    /// C, k×k by rows; what is not below the diagonal is 0.
    pub below: Vec<f64>,
    /// How many units at the front of the list can have an entry in a unit's row of C (k): row i ends before unit i.
    pub reach: Vec<usize>,
    /// r (k)
    pub constants: Vec<f64>,
    /// q (p)
    pub linear: Vec<f64>,
    /// w (k)
    pub weights: Vec<f64>,
    /// c
    pub constant: f64,
}

impl Reduced {
    /// R, row i.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.decisions..(i + 1) * self.decisions]
    }

    /// C, what can be nonzero of row i.
    #[inline(always)]
    pub fn inputs(&self, i: usize) -> &[f64] {
        &self.below[i * self.units..i * self.units + self.reach[i]]
    }

    /// f(y); `pre` becomes a and `values` z (k each).
    pub fn forward(&self, y: &[f64], pre: &mut [f64], values: &mut [f64]) -> f64 {
        vectorised(
            #[inline(always)]
            || {
                for i in 0..self.units {
                    let a = self.constants[i] + dot(self.row(i), y) + dot(self.inputs(i), &values[..self.reach[i]]);
                    pre[i] = a;
                    values[i] = a.max(0.0);
                }
                self.constant + dot(&self.linear, y) + dot(&self.weights, values)
            },
        )
    }

    /// The slope of f along `d` where units have `shares`; `rates` becomes that of a, `values` (scratch) that of z.
    pub fn tangent(&self, shares: &[f64], d: &[f64], rates: &mut [f64], values: &mut [f64]) -> f64 {
        vectorised(
            #[inline(always)]
            || {
                for i in 0..self.units {
                    rates[i] = dot(self.row(i), d) + dot(self.inputs(i), &values[..self.reach[i]]);
                    values[i] = shares[i] * rates[i];
                }
                dot(&self.linear, d) + dot(&self.weights, values)
            },
        )
    }

    /// The minorant of f that belongs to `shares`: `slope` (p) becomes its slope, `weights` (k) λ; the constant is returned.
    pub fn backward(&self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64 {
        self.backward_with(|i, _| shares[i], slope, weights)
    }

    /// The same with shares that are chosen when the weight is known.
    pub fn backward_with(
        &self,
        mut share: impl FnMut(usize, f64) -> f64,
        slope: &mut [f64],
        weights: &mut [f64],
    ) -> f64 {
        slope.copy_from_slice(&self.linear);
        weights.copy_from_slice(&self.weights);
        vectorised(
            #[inline(always)]
            || {
                let mut constant = self.constant;
                for i in (0..self.units).rev() {
                    let multiplier = weights[i] * share(i, weights[i]);
                    if multiplier != 0.0 {
                        constant += multiplier * self.constants[i];
                        add(multiplier, self.row(i), slope);
                        add(multiplier, self.inputs(i), &mut weights[..self.reach[i]]);
                    }
                }
                constant
            },
        )
    }

    /// The slope of a unit's pre-activation where the units below it have `shares` (p), and the weights with which the values of
    /// those enter (the first entries of `weights`). Returns the value at y = 0 of the affine function that is left.
    pub fn gradient(&self, i: usize, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64 {
        slope.copy_from_slice(self.row(i));
        let reach = self.reach[i];
        weights[..reach].copy_from_slice(self.inputs(i));
        vectorised(
            #[inline(always)]
            || {
                let mut constant = self.constants[i];
                for j in (0..reach).rev() {
                    let multiplier = weights[j] * shares[j];
                    if multiplier != 0.0 {
                        constant += multiplier * self.constants[j];
                        add(multiplier, self.row(j), slope);
                        add(multiplier, self.inputs(j), &mut weights[..self.reach[j]]);
                    }
                }
                constant
            },
        )
    }

    /// The same function of the coordinates `free` alone, the others staying where they are in `y` (p).
    pub fn restricted(&self, free: &[usize], y: &[f64]) -> Reduced {
        let mut fixed = y.to_vec();
        free.iter().for_each(|j| fixed[*j] = 0.0);
        let of = |row: &[f64]| free.iter().map(|j| row[*j]).collect::<Vec<f64>>();
        let mut rows = Vec::with_capacity(self.units * free.len());
        (0..self.units).for_each(|i| rows.extend(free.iter().map(|j| self.row(i)[*j])));
        Reduced {
            decisions: free.len(),
            rows,
            constants: (0..self.units).map(|i| self.constants[i] + dot(self.row(i), &fixed)).collect(),
            linear: of(&self.linear),
            constant: self.constant + dot(&self.linear, &fixed),
            units: self.units,
            below: self.below.clone(),
            reach: self.reach.clone(),
            weights: self.weights.clone(),
        }
    }
}
