//! Random objectives for the property tests: weighted networks, prices, quadratic terms of every kind, put together by the
//! library and, naively, here; and a second solver for the programs that they become.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT,
};
use icnn::ir::instance::Instance;
use icnn::objective::Objective;
use icnn_solvers::LinearProgram;
use nalgebra::DMatrix;

use crate::domains::level;
use crate::networks::{Draw, magnitude};

/// Σ wₖ·fₖ(y) + cᵀy + Σ (y − t)ᵀQ(y − t)
#[derive(Debug)]
pub struct Terms {
    pub networks: Vec<(f64, Instance)>,
    pub linear: Vec<f64>,
    pub quadratic: Vec<(DMatrix<f64>, Vec<f64>)>,
}

/// A positive semidefinite matrix: diagonal, definite, definite on a part of the coordinates, of rank one, or one of these
/// with a skew part, which takes no part in the form.
pub fn semidefinite(d: &mut Draw, p: usize) -> DMatrix<f64> {
    let square = |d: &mut Draw| {
        let a = d.matrix(p, p);
        a.transpose() * a + DMatrix::identity(p, p) * 0.1
    };
    match d.below(5) {
        0 => DMatrix::from_diagonal(&d.matrix(p, 1).abs().column(0).into_owned()),
        1 => square(d),
        2 => {
            let mut q = square(d);
            for j in (0..p).filter(|_| d.chance(40)) {
                q.row_mut(j).fill(0.0);
                q.column_mut(j).fill(0.0);
            }
            q
        }
        3 => {
            // Quarters, so that the products are exact and the matrix is singular exactly.
            let a = d.matrix(p, 1).map(|v| (4.0 * v).round() / 4.0);
            &a * a.transpose()
        }
        _ => {
            let (mut q, skew) = (square(d), d.matrix(p, p));
            q += &skew - skew.transpose();
            q
        }
    }
}

impl Terms {
    /// With f in it, `quadratic`: and at least one quadratic term.
    pub fn draw(d: &mut Draw, f: &Instance, quadratic: bool) -> Terms {
        let p = f.decisions();
        let mut networks = vec![([1.0, 0.5, 3.0][d.below(3)], f.clone())];
        for _ in 0..d.below(3) {
            networks.push((d.number().abs(), level(d, p, &[])));
        }
        let linear = if d.chance(50) { d.numbers(p) } else { vec![0.0; p] };
        let count = if quadratic { 1 + d.below(2) } else { 0 };
        let quadratic = (0..count).map(|_| (semidefinite(d, p), d.numbers(p))).collect();
        Terms { networks, linear, quadratic }
    }

    /// The system under test.
    pub fn build(&self) -> Instance {
        let mut objective = Objective::empty(self.linear.len()).with_linear(&self.linear).unwrap();
        for (weight, f) in &self.networks {
            objective = objective.with_network(*weight, f).unwrap();
        }
        for (q, t) in &self.quadratic {
            objective = objective.with_quadratic(sparse(q), t).unwrap();
        }
        objective.build().unwrap()
    }

    /// The value, term by term.
    pub fn value(&self, y: &[f64]) -> f64 {
        let networks: f64 = self.networks.iter().map(|(w, f)| w * f.forward(y).unwrap().value()).sum();
        let linear: f64 = self.linear.iter().zip(y).map(|(c, y)| c * y).sum();
        let mut quadratic = 0.0;
        for (q, t) in &self.quadratic {
            for (i, j) in (0..y.len()).flat_map(|i| (0..y.len()).map(move |j| (i, j))) {
                quadratic += (y[i] - t[i]) * q[(i, j)] * (y[j] - t[j]);
            }
        }
        networks + linear + quadratic
    }

    /// The size of the numbers that are added up on the way to the value.
    pub fn size(&self, y: &[f64]) -> f64 {
        let networks: f64 = self.networks.iter().map(|(w, f)| w * magnitude(f, y)).sum();
        let linear: f64 = self.linear.iter().zip(y).map(|(c, y)| (c * y).abs()).sum();
        let mut quadratic = 0.0;
        for (q, t) in &self.quadratic {
            for (i, j) in (0..y.len()).flat_map(|i| (0..y.len()).map(move |j| (i, j))) {
                quadratic += (y[i].abs() + t[i].abs()) * q[(i, j)].abs() * (y[j].abs() + t[j].abs());
            }
        }
        networks + linear + quadratic
    }
}

/// The entries of a matrix that are not 0, compressed by rows.
pub fn sparse(m: &DMatrix<f64>) -> sprs::CsMat<f64> {
    let mut out = sprs::TriMat::new(m.shape());
    for i in 0..m.nrows() {
        (0..m.ncols()).filter(|j| m[(i, *j)] != 0.0).for_each(|j| out.add_triplet(i, j, m[(i, j)]));
    }
    out.to_csr()
}

/// Coefficients and right-hand side.
type Side = (Vec<(usize, f64)>, f64);

/// A linear or quadratic program by an interior-point method that shares no line with HiGHS: its status, and the value of
/// the program at its point.
pub fn second_opinion(lp: &LinearProgram) -> (SolverStatus, f64) {
    let n = lp.columns();
    // A x + s = b, s in a cone: equations first, then one row for each side.
    let (mut equations, mut sides): (Vec<Side>, Vec<Side>) = (vec![], vec![]);
    let rows = lp.matrix.outer_iterator().enumerate();
    let rows = rows.map(|(i, r)| (r.iter().map(|(j, v)| (j, *v)).collect(), lp.row_lower[i], lp.row_upper[i]));
    let columns = (0..n).map(|j| (vec![(j, 1.0)], lp.column_lower[j], lp.column_upper[j]));
    for (row, lower, upper) in rows.chain(columns) {
        if lower == upper {
            equations.push((row, upper));
            continue;
        }
        if upper.is_finite() {
            sides.push((row.clone(), upper));
        }
        if lower.is_finite() {
            sides.push((row.into_iter().map(|(j, v)| (j, -v)).collect(), -lower));
        }
    }
    let mut cones: Vec<SupportedConeT<f64>> = vec![];
    for (count, cone) in [(equations.len(), ZeroConeT(equations.len())), (sides.len(), NonnegativeConeT(sides.len()))] {
        if count > 0 {
            cones.push(cone);
        }
    }
    let all: Vec<Side> = equations.into_iter().chain(sides).collect();
    let (mut i, mut j, mut v) = (vec![], vec![], vec![]);
    for (k, (row, _)) in all.iter().enumerate() {
        for (column, value) in row {
            i.push(k);
            j.push(*column);
            v.push(*value);
        }
    }
    let a = CscMatrix::new_from_triplets(all.len(), n, i, j, v);
    let b: Vec<f64> = all.iter().map(|(_, b)| *b).collect();
    let (mut i, mut j, mut v) = (vec![], vec![], vec![]);
    for (value, (row, column)) in lp.quadratic.iter().flat_map(|q| q.iter()).filter(|(_, (r, c))| r <= c) {
        i.push(row);
        j.push(column);
        v.push(*value);
    }
    let q = CscMatrix::new_from_triplets(n, n, i, j, v);
    let settings = DefaultSettings { verbose: false, max_threads: 1, ..Default::default() };
    let mut solver = DefaultSolver::new(&q, &lp.objective, &a, &b, &cones, settings).expect("a program that fits");
    solver.solve();
    (solver.solution.status, lp.value(&solver.solution.x))
}
