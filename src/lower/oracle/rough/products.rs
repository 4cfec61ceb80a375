//! Terms of affine steps in single precision.

use icnn_solvers::dense::vectorised;

use super::super::kernels::{Nonzeros, accumulate, add_products_of};
use super::super::pass::{NARROW, Numbers, SPARSE, Scratch, add, at, at_mut};
use super::super::plan::{Dense, Term, input};
use super::super::product::{Columns, Shared};
use super::super::sums::Rough;

/// From so many points on a matrix product is used.
const SEVERAL: usize = 4;

/// What products write to.
#[derive(Debug, Default)]
pub(super) struct Products {
    nonzeros: Nonzeros<f32>,
    shared: Shared,
    /// Both sides of a term that is computed in double precision.
    wide: [Vec<f64>; 2],
    scratch: Scratch,
}

impl Products {
    /// Room for vectors of `longest` entries.
    pub fn with_room(longest: usize) -> Products {
        let (nonzeros, scratch) = (Nonzeros::with_room(longest), Scratch::with_room(longest));
        Products { nonzeros, scratch, ..Products::default() }
    }

    pub fn multiplications(&self) -> u64 {
        self.scratch.multiplications
    }

    /// out = the terms but for their constants, at n points, for the values `before` them.
    pub fn add_terms(&mut self, numbers: &Numbers, terms: &[Term], before: &[f32], out: &mut [f32], n: usize) {
        out.fill(0.0);
        for term in terms {
            let Some(span) = input(term) else { continue };
            let v = at(before, span, n);
            match term {
                Term::Copy(_) => add(out, v),
                Term::Scale { by, .. } => add_scaled(out, numbers.param(*by), v),
                Term::Dense { dense, .. } => self.multiply(numbers, (dense, dense.transposed), v, out, n),
                _ => self.in_double(v, out, |v, out, scratch| numbers.add_term_of(term, v, out, n, scratch)),
            }
        }
    }

    /// Passes the adjoints `above` terms down.
    pub fn add_adjoints(&mut self, numbers: &Numbers, terms: &[Term], above: &[f32], before: &mut [f32]) {
        for term in terms {
            let Some(span) = input(term) else { continue };
            let below = at_mut(before, span, 1);
            match term {
                Term::Copy(_) => add(below, above),
                Term::Scale { by, .. } => add_scaled(below, numbers.param(*by), above),
                Term::Dense { dense, .. } => self.multiply(numbers, (dense, !dense.transposed), above, below, 1),
                _ => self.in_double(above, below, |above, below, scratch| {
                    numbers.add_term_adjoint_to(term, above, below, 1, scratch);
                }),
            }
        }
    }

    /// out += what `work` makes of `v`.
    fn in_double(&mut self, v: &[f32], out: &mut [f32], work: impl FnOnce(&[f64], &mut [f64], &mut Scratch)) {
        let Products { wide: [from, to], scratch, .. } = self;
        from.clear();
        from.extend(v.iter().map(|v| f64::from(*v)));
        to.clear();
        to.resize(out.len(), 0.0);
        work(from, to, scratch);
        out.iter_mut().zip(to).for_each(|(o, t)| *o += *t as f32);
    }

    /// out += A·v for each vector side by side in `v`, at n points; A is the matrix as it is stored, or its transpose.
    fn multiply(&mut self, numbers: &Numbers, (dense, turned): (&Dense, bool), v: &[f32], out: &mut [f32], n: usize) {
        let ((rows, columns), [by_rows, by_columns]) = numbers.singles(dense, turned);
        if rows == 0 || columns == 0 {
            return;
        }
        let Products { nonzeros, shared, scratch, .. } = self;
        if n >= SEVERAL && rows >= NARROW {
            let used = vectorised(
                #[inline(always)]
                || v.iter().map(|t| u64::from(*t != 0.0)).sum::<u64>(),
            );
            if used >= v.len() as u64 / SPARSE {
                scratch.multiplications += used * rows as u64;
                return shared.add_product::<Rough>(
                    numbers.arch,
                    Columns { matrix: by_columns, rows, columns },
                    v,
                    out,
                );
            }
        }
        for (v, out) in v.chunks_exact(columns).zip(out.chunks_exact_mut(rows)) {
            if rows < NARROW {
                scratch.multiplications += (rows * columns) as u64;
                add_products_of::<Rough>(numbers.arch, by_rows, v, out);
            } else {
                accumulate::<Rough>(numbers.arch, by_columns, v, out, nonzeros);
                scratch.multiplications += nonzeros.count() as u64 * rows as u64;
            }
        }
    }
}

/// out += factors·v, elementwise, at every point; one factor stands for all.
fn add_scaled(out: &mut [f32], factors: &[f64], v: &[f32]) {
    vectorised(
        #[inline(always)]
        || match factors {
            [c] => out.iter_mut().zip(v).for_each(|(o, v)| *o += *c as f32 * v),
            _ if factors.is_empty() => {}
            _ => {
                for (out, v) in out.chunks_exact_mut(factors.len()).zip(v.chunks_exact(factors.len())) {
                    out.iter_mut().zip(factors).zip(v).for_each(|((o, c), v)| *o += *c as f32 * v);
                }
            }
        },
    );
}
