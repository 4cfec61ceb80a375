//! How much wider a term makes the radii of what it is added to ([`errors`](super::errors)).

use super::errors::{UNDERFLOW, UP};
use icnn_solvers::dense::vectorised;

use super::pass::{Numbers, at};
use super::plan::{Dense, Term, input};
use super::sizes::size_up;
use crate::ir::interval::gamma;

/// γ of a product with v, in which what is multiplied with 0 is not rounded, and an upper bound on ‖e + γ|v|‖.
#[inline(always)]
fn size_with_rounding(v: &[f64], e: &[f64]) -> (f64, f64) {
    let mut lanes = [[0.0f64; 8]; 4];
    let mut add = |k: usize, v: f64, e: f64| {
        lanes[0][k] += if v == 0.0 { 0.0 } else { 1.0 };
        lanes[1][k] += v * v;
        lanes[2][k] += v.abs() * e;
        lanes[3][k] += e * e;
    };
    let ((vs, v_rest), (es, e_rest)) = (v.as_chunks::<8>(), e.as_chunks::<8>());
    for (v, e) in vs.iter().zip(es) {
        for k in 0..8 {
            add(k, v[k], e[k]);
        }
    }
    v_rest.iter().zip(e_rest).for_each(|(v, e)| add(0, *v, *e));
    let sum = |lanes: &[f64; 8]| lanes.iter().sum::<f64>();
    let (used, squares, mixed, errors) = (sum(&lanes[0]), sum(&lanes[1]), sum(&lanes[2]), sum(&lanes[3]));
    let g = gamma(used as usize);
    let square = errors + g * (2.0 * mixed + g * squares);
    // Products that vanish, below 1e-307, add up to nothing beside this.
    if (1e-280..1e280).contains(&square) {
        return (g, (square * (1.0 + 4.0 * gamma(v.len() + 8))).sqrt() * UP);
    }
    let both: Vec<f64> = v.iter().zip(e).map(|(v, e)| (e + g * v.abs()) * UP).collect();
    (g, size_up(&both))
}

impl Numbers {
    /// Adds to the radii of sums what a term, or its transpose (`turned`), will add to them when it is added to the sums: `from` are the
    /// vector that it reads, or for parameters nothing, with its radii.
    pub fn widen(
        &self,
        term: &Term,
        turned: bool,
        (v, v_off): (&[f64], &[f64]),
        (sums, off): (&[f64], &mut [f64]),
        errors: &mut Vec<f64>,
    ) {
        let (v, v_off) = match input(term) {
            Some(span) if !turned => (at(v, span, 1), at(v_off, span, 1)),
            _ => (v, v_off),
        };
        // e + γ|v|, for sums of so many products at most; products with 0 are not rounded.
        let fill = |errors: &mut Vec<f64>, terms: usize| {
            errors.resize(v.len(), 0.0);
            let mut used = 0u64;
            vectorised(
                #[inline(always)]
                || {
                    for v in v {
                        used += u64::from(*v != 0.0);
                    }
                    let rounding = gamma(terms.min(used as usize));
                    for ((error, v), e) in errors.iter_mut().zip(v).zip(v_off) {
                        *error = (e + rounding * v.abs()) * UP;
                    }
                    rounding
                },
            )
        };
        match term {
            // Added to nothing, nothing is rounded.
            Term::Param(p) => {
                let values = self.param(*p);
                let len = values.len().max(1);
                vectorised(
                    #[inline(always)]
                    || {
                        for (sums, off) in sums.chunks_exact(len).zip(off.chunks_exact_mut(len)) {
                            for ((s, off), b) in sums.iter().zip(off).zip(values) {
                                let rounding = if *s == 0.0 { 0.0 } else { f64::EPSILON * (s + b).abs() };
                                *off = (*off + rounding) * UP;
                            }
                        }
                    },
                );
            }
            Term::Copy(_) => {
                vectorised(
                    #[inline(always)]
                    || {
                        for ((s, off), (v, e)) in sums.iter().zip(off).zip(v.iter().zip(v_off)) {
                            *off = (*off + e + f64::EPSILON * (s + v).abs()) * UP;
                        }
                    },
                );
            }
            Term::Scale { by, .. } => {
                let by = self.param(*by);
                // One factor stands for all.
                let len = if by.len() == 1 { v.len() } else { by.len() }.max(1);
                let factor = |i: usize| if by.len() == 1 { by[0] } else { by[i] };
                let sums = sums.chunks_exact(len).zip(off.chunks_exact_mut(len));
                vectorised(
                    #[inline(always)]
                    || {
                        for ((sums, off), (v, e)) in sums.zip(v.chunks_exact(len).zip(v_off.chunks_exact(len))) {
                            for i in 0..len {
                                let product = factor(i) * v[i];
                                let rounding = f64::EPSILON * (product.abs() + (sums[i] + product).abs());
                                off[i] = (off[i] + factor(i).abs() * e[i] + rounding) * UP + UNDERFLOW;
                            }
                        }
                    },
                );
            }
            Term::Dense { dense, .. } => {
                let (norms, width) = self.norms_along(dense, turned);
                let height = norms.len();
                if height == 0 || width == 0 {
                    return;
                }
                let blocks = sums.chunks_exact(height).zip(off.chunks_exact_mut(height));
                for ((sums, off), (v, e)) in blocks.zip(v.chunks_exact(width).zip(v_off.chunks_exact(width))) {
                    vectorised(
                        #[inline(always)]
                        || {
                            let (rounding, size) = size_with_rounding(v, e);
                            for ((s, off), norm) in sums.iter().zip(off).zip(norms) {
                                *off = (*off + norm * size + rounding * s.abs()) * UP + UNDERFLOW;
                            }
                        },
                    );
                }
            }
            Term::Sparse { matrix, .. } => {
                let rounding = fill(errors, usize::MAX);
                let mut sizes = vec![0.0; off.len()];
                for (m, (i, j)) in matrix.iter() {
                    let (from, to) = if turned { (i, j) } else { (j, i) };
                    sizes[to] += m.abs() * errors[from];
                }
                // The rounding of so many sums is covered by γ as well.
                let more = 1.0 + 2.0 * gamma(errors.len());
                for ((s, off), size) in sums.iter().zip(off).zip(sizes) {
                    *off = (*off + size * more + rounding * s.abs()) * UP + UNDERFLOW;
                }
            }
            Term::Convolution { weight, runs, .. } => {
                let (rows, columns) = runs.sums(self.param(*weight));
                let rounding = fill(errors, runs.terms());
                let largest = errors.iter().fold(0.0f64, |m, e| m.max(*e));
                let size = if turned { columns } else { rows } * (1.0 + 2.0 * gamma(runs.terms())) * largest;
                for (s, off) in sums.iter().zip(off) {
                    *off = (*off + size + rounding * s.abs()) * UP + UNDERFLOW;
                }
            }
            Term::Gather { index, .. } if turned => {
                // Entries that are read several times are added up.
                let rounding = fill(errors, usize::MAX);
                sums.iter().zip(&mut *off).for_each(|(s, off)| *off += rounding * s.abs());
                index.iter().zip(&*errors).for_each(|(i, e)| off[*i] += e);
                off.iter_mut().for_each(|off| *off *= (1.0 + 2.0 * gamma(errors.len())) * UP);
            }
            Term::Gather { index, .. } => {
                for ((s, off), i) in sums.iter().zip(off).zip(index.iter()) {
                    *off = (*off + v_off[*i] + f64::EPSILON * (s + v[*i]).abs()) * UP;
                }
            }
        }
    }

    /// For each entry of a product with a matrix, or with its transpose (`turned`), the norm of the weights that make it, and how many these are.
    pub fn norms_along(&self, dense: &Dense, turned: bool) -> (&[f64], usize) {
        let norms = self.norms(dense);
        match dense.transposed == turned {
            true => (&norms.rows, norms.columns.len()),
            false => (&norms.columns, norms.rows.len()),
        }
    }

    /// Whether a term hands on no sign but that of what it reads.
    pub fn is_nonnegative(&self, term: &Term) -> bool {
        match term {
            Term::Param(_) | Term::Copy(_) | Term::Gather { .. } => true,
            Term::Scale { by, .. } => vectorised(
                #[inline(always)]
                || self.param(*by).iter().fold(true, |all, s| all & (*s >= 0.0)),
            ),
            Term::Dense { dense, .. } => self.norms(dense).nonnegative,
            Term::Sparse { matrix, .. } => matrix.data().iter().all(|w| *w >= 0.0),
            Term::Convolution { weight, .. } => self.param(*weight).iter().all(|w| *w >= 0.0),
        }
    }
}
